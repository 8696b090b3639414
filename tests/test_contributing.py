"""The recipes of CONTRIBUTING.md, each followed to the letter in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
FOLDERS = ("benchmarks", "experiments", "helpers", "notebooks", "tests", "tools")
FILES = ("CONTRIBUTING.md", "Makefile", "README.md", "pyproject.toml")


def recipe(heading):
    """The steps under a heading, without their line breaks."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL)[1]
    return [" ".join(step.split()) for step in re.findall(r"^\d\. (.*(?:\n .*)*)", section, re.MULTILINE)]


ACTIVATION, NOTEBOOK = recipe("A new activation function"), recipe("A new notebook")


@pytest.fixture
def copy(tmp_path):
    """A copy of the project to follow a recipe in."""
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} has {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new), encoding="utf-8")


def python(copy, *arguments):
    """Run Python in the copy, so that it and its kernels import the copy's helpers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment = kept | {"PYTHONPATH": str(copy), "PYTHONUTF8": "1", "COLUMNS": "300"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )


def run_tests(copy, *arguments):
    """Run tests in the copy.

    Returns
    -------
    passed, failed : set of str
        Their names, such as ``test_shape_is_kept[elu]``.
    report : str
    """
    run = python(copy, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--tb=short", *arguments)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    passed, failed = (
        set(re.findall(rf"^{verdict} \S+?::(.+?)(?: - .*)?$", run.stdout, re.MULTILINE))
        for verdict in ("PASSED", "FAILED")
    )
    return passed, failed, run.stdout


def marked(path, *marks):
    """The names of the tests that run for every entry of the catalogue, or for every notebook."""
    source = path.read_text(encoding="utf-8")
    decorated = re.findall(r"((?:^@.*\n)+)def (test_\w+)", source, re.MULTILINE)
    return {name for decorators, name in decorated if any(f"@{mark}\n" in decorators for mark in marks)}


def about(entry, tests):
    """The tests, without what stands in brackets, that ran for an entry."""
    return {name.split("[")[0] for name in tests if re.search(rf"[\[-]{entry}\b", name)}


@pytest.mark.parametrize("step", ACTIVATION + NOTEBOOK, ids=lambda step: step[:30])
def test_what_a_step_names_exists(step):
    for verb in re.findall(r"`make (\w+)", step):
        assert re.search(rf"^{verb}:", MAKEFILE, re.MULTILINE), f"make {verb} is no verb"
    for path in re.findall(r"[\w/]+/[\w.]*", " ".join(re.findall(r"`([^`]+)`", step))):
        assert "NN" in path or (ROOT / path).exists(), f"{path} does not exist"


# A new activation function ----------------------------------------------------------------------------------

PENALIZED_TANH = """    Activation(
        "penalized_tanh",
        sp.Piecewise((sp.tanh(x), x > 0), (alpha * sp.tanh(x), True)),
        {"alpha": 0.25},
        source="Xu, Huang & Li 2016, Revise saturated activation functions, arXiv:1602.05980",
    ),
"""
SHIFTED_SOFTPLUS = """    Activation(
        "shifted_softplus",
        sp.log((1 + sp.exp(x)) / 2),
        source="Schütt et al. 2017, SchNet, arXiv:1706.08566",
    ),
"""
# Step 3 of the recipe for the shifted softplus, whose sum rounds to 1 near 0 and overflows far out.
KERNEL = """def _shifted_softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.expm1(-np.abs(x)) / 2)


KERNELS:"""
TWINS = """        (sp.log((1 + sp.exp(x)) / 2), stable["shifted_softplus"](x)),
        (sp.diff(sp.log((1 + sp.exp(x)) / 2), x), sigmoid(x)),
        (x**2 + c**2,"""


def add_activation(copy, entry):
    """Take step 1: the entry, and its name."""
    assert "`helpers/catalogue.py`" in ACTIVATION[0]
    edit(copy / "helpers/catalogue.py", "\n]\n\nACTIVATIONS:", f"\n{entry}]\n\nACTIVATIONS:")
    name = re.search(r'"(\w+)"', entry)[1]
    assert "`NAMES` in `tests/test_activations.py`" in ACTIVATION[0]
    edit(copy / "tests/test_activations.py", '"dynamic_erf",\n]', f'"dynamic_erf",\n    "{name}",\n]')
    return name


def test_a_new_activation_is_tested_like_every_other(copy):
    name = add_activation(copy, PENALIZED_TANH)
    assert "`make test`" in ACTIVATION[1]
    files = ("test_activations.py", "test_properties.py", "test_derivation.py", "test_exercises.py")
    passed, failed, report = run_tests(
        copy, *(f"tests/{file}" for file in files), "-k", f"{name} or test_catalogue"
    )
    assert not failed, report
    assert "test_catalogue_holds_every_function_of_the_course_once" in passed
    ran = about(name, passed)
    assert len(marked(ROOT / "tests/test_activations.py", "whole_catalogue")) > 10
    assert marked(ROOT / "tests/test_activations.py", "whole_catalogue") <= ran
    # And what is computed, proved and asked of it.
    assert "test_the_derivative_of_every_activation_follows_from_its_formula" in ran
    assert "test_every_formula_of_the_catalogue_can_be_an_answer" in ran
    assert "test_every_value_lies_in_the_range" in ran


def test_a_formula_that_loses_digits_fails_and_says_where_until_it_has_a_stable_form(copy):
    name = add_activation(copy, SHIFTED_SOFTPLUS)
    _, failed, report = run_tests(copy, "tests/test_activations.py", "-k", name)
    assert "fail and say where" in ACTIVATION[2]
    assert f"test_accurate_to_1e_14_up_to_40[value-{name}]" in failed
    where = re.search(rf"up_to_40\[value-{name}\].*its value is off by (\S+) at x = (\S+)", report)
    assert float(where[1]) == 1
    assert 0 < abs(float(where[2])) < 1e-15

    assert "`helpers/primitives.py`" in ACTIVATION[2]
    primitives = copy / "helpers/primitives.py"
    edit(primitives, "KERNELS:", KERNEL)
    edit(primitives, '    "expm1": np.expm1,\n', f'    "expm1": np.expm1,\n    "{name}": _{name},\n')
    edit(primitives, "        (x**2 + c**2,", TWINS)
    passed, failed, report = run_tests(
        copy, "tests/test_activations.py", "tests/test_primitives.py", "-k", f"{name} or twin or kernel"
    )
    assert not failed, report
    assert marked(ROOT / "tests/test_activations.py", "whole_catalogue") <= about(name, passed)


# A new notebook ---------------------------------------------------------------------------------------------

LESSON = r"""# %% [markdown]
# # Is a slope of one half enough?
#
# **What you will do.** Drag the slope of a line, and watch what ten layers leave of a gradient.
# **Time:** about 15 minutes.

# %% [markdown]
# The folded cell fetches the tools of the course, sets the look, and reads the questions of this lesson.

# %% jupyter={"source_hidden": true}
import numpy as np
from matplotlib import style

from helpers.claims import claim
from helpers.drawing import VALUE, panels
from helpers.exercises import read_questions
from helpers.explorer import explore

style.use("helpers.house")
questions = read_questions("questions/10_example.toml")

# %% [markdown]
# ## 1. Ten layers
#
# Each layer multiplies the gradient by its slope $m$, so that $m^k$ is left after $k$ layers.

# %% jupyter={"source_hidden": true}
layers = np.arange(11)
figure, (axes,) = panels("what is left of a gradient", ylim=(0, 1.1))
(left,) = axes.plot(layers, np.ones(11), "o-", color=VALUE, label="left")

# %% jupyter={"source_hidden": true}
def update(m=0.5):
    left.set_ydata(m**layers)
    return f"With the slope {m:.1f}, ten layers leave {m**10:.3g} of the gradient."

# %% [markdown]
# Drag $m$ to both ends.

# %%
explore(figure, update, m=(0.0, 1.0, 0.1))

# %% [markdown]
# What does that make of the sentence?

# %% jupyter={"source_hidden": true}
claim("A slope of one half is enough.", "false", shown=0.5 ** layers[-1] < 0.001, id="C62")

# %% [markdown]
# ## Exercises
#
# **1.** Two layers.

# %%
questions["two"]

# %% [markdown]
# **2.** Three layers.

# %%
questions["three"]

# %% [markdown]
# **3.** The other way round.

# %%
questions["back"]

# %% [markdown]
# **4.** No layer at all.

# %%
questions["none"]

# %% [markdown]
# ### Solutions

# %% tags=["solution"] jupyter={"source_hidden": true}
for name, power in {"two": 2, "three": 3, "back": -1, "none": 0}.items():
    assert questions[name].mark(0.5**power).right

# %% [markdown]
# ## Summary
#
# Ten slopes of one half leave a thousandth.
#
# ### The claims tested here
#
# | Claim | Verdict |
# |---|---|
# | C62 a slope of one half is enough | false |
#
# ## References
#
# - Y. Bengio, P. Simard, P. Frasconi (1994), *Learning long-term dependencies with
#   gradient descent is difficult*.
#
# **Next.** The [map of the course](index.ipynb).
"""
QUESTIONS = """
[{name}]
ask = "Which number is one half to the power of {power}?"
answer = "{answer}"
hint = "Multiply one half by itself."
[{name}.misconceptions]
"You multiplied by the power." = 100
"You added the power." = 200
"""
OWN_TEST = """def test_the_lesson_shows_its_claim(lesson, saved):
    assert lesson["left"].get_ydata()[1] == 0.5
    assert "A slope of one half is enough." in saved
"""
COUNTER_WORLD = """[C62."a network of three layers"]
names.layers = "np.arange(4)"
"""
TITLE = "Is a slope of one half enough?"


def add_lesson(copy):
    """Take the steps up to the one that runs the notebook."""
    lesson = copy / "notebooks/10_example.ipynb"
    script = copy / "10_example.py"
    script.write_text(LESSON, encoding="utf-8")
    assert "`jupytext --to ipynb --update`" in NOTEBOOK[2]
    made = python(copy, "-m", "jupytext", "--to", "ipynb", "--update", str(script), "--output", str(lesson))
    assert made.returncode == 0, made.stderr

    assert "`notebooks/questions/`" in NOTEBOOK[1]
    powers = {"two": (2, "1/4"), "three": (3, "1/8"), "back": (-1, "2"), "none": (0, "1")}
    questions = [QUESTIONS.format(name=name, power=n, answer=one) for name, (n, one) in powers.items()]
    (copy / "notebooks/questions/10_example.toml").write_text("".join(questions), encoding="utf-8")

    assert "`notebooks/index.ipynb`" in NOTEBOOK[1]
    (last,) = re.findall(
        r"derivatives, any three of the others \| \d+ min \|\\n", (copy / "notebooks/index.ipynb").read_text()
    )
    row = (
        f"| ![A picture of lesson 10](thumbnails/10.png) | [{TITLE}](10_example.ipynb) | powers | 15 min |\\n"
    )
    edit(copy / "notebooks/index.ipynb", f'{last}",', f'{last}",\n    "{row}",')
    assert "A lesson ends with a link to the next one, the last with one to the index." in NOTEBOOK[1]
    edit(
        copy / "notebooks/09_atlas.ipynb", "[map of the course](index.ipynb)", f"[{TITLE}](10_example.ipynb)"
    )
    assert "README" in NOTEBOOK[1]
    last = "| 09 | [Which activation should you choose?](notebooks/09_atlas.ipynb) |\n"
    edit(copy / "README.md", last, f"{last}| 10 | [{TITLE}](notebooks/10_example.ipynb) |\n")

    assert "`tests/test_course.py`" in NOTEBOOK[1]
    edit(copy / "tests/test_course.py", "range(1, 62)", "range(1, 63)")
    assert "`tests/test_lesson_NN.py`" in NOTEBOOK[3]
    (copy / "tests/test_lesson_10.py").write_text(OWN_TEST, encoding="utf-8")
    assert "`tests/counter_worlds/NN.toml`" in NOTEBOOK[3]
    (copy / "tests/counter_worlds/10.toml").write_text(COUNTER_WORLD, encoding="utf-8")


def test_a_new_notebook_keeps_the_rules_and_is_tested_like_every_other(copy):
    add_lesson(copy)
    command = '`make notebooks ARGS="notebooks/NN_topic.ipynb notebooks/index.ipynb"`'
    assert command in NOTEBOOK[4]
    assert "$(BIN)/python tools/run_notebooks.py $(ARGS)" in MAKEFILE
    notebooks = ("notebooks/10_example.ipynb", "notebooks/index.ipynb")
    ran = python(copy, "tools/run_notebooks.py", *notebooks)
    assert ran.returncode == 0, ran.stderr
    assert (copy / "notebooks/thumbnails/10.png").exists()

    names = ("notebooks", "exercises", "course", "counter_worlds", "lesson_10")
    files = [f"test_{name}.py" for name in names]
    about_it = "10_example or index or claim_of or test_the_map or lesson_10 or C62 or every_card"
    passed, failed, report = run_tests(copy, *(f"tests/{file}" for file in files), "-k", about_it)
    assert not failed, report
    every = marked(ROOT / "tests/test_notebooks.py", "every_notebook", "every_lesson")
    assert len(every) >= 5
    assert every <= about("10_example", passed)
    assert "test_the_index_links_to_every_lesson_that_exists_under_its_title[index]" in passed
    assert "test_every_claim_of_the_course_is_judged_once" in passed
    assert "test_the_map_lists_every_claim_with_its_verdict_and_a_link_to_its_cell" in passed
    assert "test_a_thumbnail_is_the_lessons_first_picture[10_example]" in passed
    assert "test_the_lesson_shows_its_claim" in passed
    assert "test_every_card_has_a_counter_world" in passed
    assert "test_a_card_appears_here_and_each_side_of_its_evidence_can_fail[10-C62]" in passed
    asked = {name for name in passed if name.startswith("test_every_question_knows")}
    assert len(asked) == 4

    assert "compares the saved outputs with fresh ones" in NOTEBOOK[5]
    saved, differing, report = run_tests(copy, "--nbval", "--nbval-current-env", notebooks[0])
    assert saved
    assert not differing, report
