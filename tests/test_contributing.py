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
    environment = kept | {"PYTHONPATH": str(copy), "COLUMNS": "300"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=300)


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
    assert "`helpers/activations.py`" in ACTIVATION[0]
    edit(copy / "helpers/activations.py", "\n]\n\nACTIVATIONS:", f"\n{entry}]\n\nACTIVATIONS:")
    name = re.search(r'"(\w+)"', entry)[1]
    assert "`NAMES` in `tests/test_activations.py`" in ACTIVATION[0]
    edit(copy / "tests/test_activations.py", '"multiquadric",\n]', f'"multiquadric",\n    "{name}",\n]')
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
    edit(primitives, '    "gauss": _gauss,\n', f'    "gauss": _gauss,\n    "{name}": _{name},\n')
    edit(primitives, "        (x**2 + c**2,", TWINS)
    passed, failed, report = run_tests(
        copy, "tests/test_activations.py", "tests/test_primitives.py", "-k", f"{name} or twin or kernel"
    )
    assert not failed, report
    assert marked(ROOT / "tests/test_activations.py", "whole_catalogue") <= about(name, passed)
