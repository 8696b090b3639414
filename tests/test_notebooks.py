"""Every notebook keeps the rules, runs, and shows something true at every position of every slider."""

import re
from itertools import pairwise

import ipywidgets
import nbformat
import notebook_rules as rules
import numpy as np
import pytest
from lessons import FOLDER, read, run, run_once, saved_text
from matplotlib.figure import Figure

from helpers.activations import x
from helpers.claims import GROUPS
from helpers.course import cards, title
from helpers.derivation import Derivation
from helpers.explorer import explore
from helpers.views import WIDGET_VIEW

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if re.match(r"\d\d_", path.name)]
LONGEST_RUN = 30

# Lessons of the first edition that exceed the budget, and by how much. These figures only shrink.
STILL_OVER = {
    "01": {"cells": 139, "words": 3600},
    "02": {"cells": 142, "words": 3005, "cards": 14},
    "03": {"cells": 129, "words": 3544},
    "04": {"cells": 149, "words": 3187},
    "05": {"cells": 150, "words": 4242, "visible lines": 285},
    "06": {"cells": 144, "words": 3418},
    "07": {"cells": 156, "words": 4209, "visible lines": 251},
    "08": {"cells": 138, "words": 4430},
    "09": {"cells": 133, "words": 2884, "cards": 10},
}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def check_explorer(explorer):
    """Visit the ends, the middle and random combinations of an explorer's controls.

    Raises
    ------
    AssertionError
        If a caption is empty or never changes, if nothing finite is drawn, or if nothing drawn ever changes.
    """
    captions, drawn = set(), set()
    for position in explorer.sweep(random=20, seed=0):
        where = f"at {position.values}"
        assert position.caption.strip(), f"no caption {where}"
        assert position.data, f"nothing moves {where}"
        for name, values in position.data.items():
            points = np.atleast_2d(np.asarray(values, dtype=float))
            assert not np.isinf(points).any(), f"{name} is infinite {where}"
            # A gap in a curve is one thing, a curve of gaps another. An image's row is no point.
            finite = np.isfinite(points)
            drawn_at = finite.all(axis=-1) if points.shape[-1] == 2 else finite
            assert points.size == 0 or drawn_at.any(), f"{name} is nan throughout {where}"
        captions.add(position.caption)
        drawn.add(b"".join(np.asarray(values, dtype=float).tobytes() for values in position.data.values()))
    assert len(captions) > 1, f"the caption never changes: {captions}"
    assert len(drawn) > 1, "the picture never changes"


def test_there_is_at_least_one_lesson():
    assert LESSONS


@every_notebook
def test_cells_hold_one_idea_and_plumbing_is_folded(path):
    assert not rules.broken_cell_rules(read(path))


@every_lesson
def test_a_lesson_keeps_its_budget(path):
    assert not rules.over_budget(read(path), rules.BUDGET | STILL_OVER.get(path.name[:2], {}))


@every_lesson
def test_the_time_stated_is_the_time_needed(path):
    notebook = read(path)
    stated = re.findall(r"\*\*Time:\*\* about (\d+) minutes", notebook.cells[0].source)
    on_the_map = re.findall(rf"\({path.name}\) \|.* (\d+) min \|", rules.prose(read(FOLDER / "index.ipynb")))
    assert stated == on_the_map == [str(rules.minutes(notebook))]


def test_no_lesson_may_exceed_what_it_has_over_its_budget():
    for number, allowed in STILL_OVER.items():
        (path,) = FOLDER.glob(f"{number}_*.ipynb")
        counted = rules.size(read(path))
        assert {what: counted[what] for what in allowed} == allowed, "lower the figure; it never grows again"
        assert all(most > rules.BUDGET[what] for what, most in allowed.items()), "it keeps the budget now"


@every_notebook
def test_outputs_are_kept(path):
    assert not rules.broken_output_rules(read(path))


@every_lesson
def test_lessons_share_one_form(path):
    assert not rules.broken_lesson_rules(read(path))


@every_notebook
def test_every_cell_runs_and_every_explorer_is_right_at_every_position(path):
    ran = run_once(path)
    assert ran.seconds <= LONGEST_RUN, f"runs for {ran.seconds:.0f} s; {LONGEST_RUN} s are allowed"

    cells = rules.code_cells(read(path))
    stripped = [number for number in ran.shown if not cells[number - 1].outputs]
    assert not stripped, f"code cells {stripped} show something, and their outputs are not saved"

    assert ran.explorers or path not in LESSONS, "a lesson without an explorer"
    for number, explorer in enumerate(ran.explorers, start=1):
        name = next((name for name, value in ran.namespace.items() if value is explorer), f"number {number}")
        try:
            check_explorer(explorer)
        except (AssertionError, RuntimeError) as error:
            raise AssertionError(f"explorer {name}: {error}") from error


@every_notebook
def test_every_cell_says_what_is_saved(path):
    cells, said = rules.code_cells(read(path)), run_once(path).said
    saved = {number: saved_text(cell) for number, cell in enumerate(cells, start=1) if cell.outputs}
    assert said == saved


# The rules themselves -------------------------------------------------------------------------------------


def notebook_of(*sources, **changes):
    """A notebook that keeps the rules, of code cells with a sentence before each, and one thing changed."""
    code = [nbformat.v4.new_code_cell(source, execution_count=n) for n, source in enumerate(sources, 1)]
    for cell in code:
        cell.update(changes)
    code[0].metadata = {"jupyter": {"source_hidden": True}}
    cells = [
        cell for pair in zip(map(nbformat.v4.new_markdown_cell, sources), code, strict=True) for cell in pair
    ]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n" * 16, "16 lines"),
        ("style.use('ggplot')", "sets the look"),
        ("questions = read_questions('x.toml')", "reads questions"),
        ("axes.plot(x, x)\naxes.legend()", "only draws"),
        ("figure, (axes,) = panels('a')\ny = f(x)", "builds a figure"),
        ("def update(k):\n    return f'{k}'", "moves a picture"),
        ("claim('So.', 'false', shown=f(x) > 1)", "shows a card"),
        ("import os", "imports"),
        ("def f():\n    import os", "imports"),
        ("ax.plot(x, color='#0173B2')", "color"),
        ("plt.subplots(figsize=(3, 2))", "figure size"),
        ("plt.rcParams['font.size'] = 3", "look"),
        ("interact(f, x=3)", "uses interact"),
        ("widgets.Output()", "uses Output"),
        ("x + 1;", "ends in ;"),
        ("axes.set_ylim(0, 1)", "shows what set_ylim returns"),
    ],
)
def test_a_broken_cell_rule_is_named(source, said):
    assert not rules.broken_cell_rules(notebook_of("x = 1", "y = 2"))
    assert any(said in sentence for sentence in rules.broken_cell_rules(notebook_of("x = 1", source)))


def test_a_cell_that_computes_need_not_be_folded():
    assert not rules.broken_cell_rules(notebook_of("x = 1", "axes.plot(x, f(x))\nslope = f.grad(x)"))


def test_the_first_code_cell_is_folded():
    notebook = notebook_of("x = 1", "y = 2")
    notebook.cells[1].metadata = {}
    assert rules.broken_cell_rules(notebook) == ["the first code cell, which imports, is not folded"]


def test_a_text_serves_several_code_cells_and_not_all():
    notebook = notebook_of(*["x = 1"] * 6)
    del notebook.cells[4], notebook.cells[5], notebook.cells[6]
    assert not rules.broken_cell_rules(notebook)
    del notebook.cells[7]
    assert rules.broken_cell_rules(notebook) == ["5 code cells follow one text; 4 may"]
    del notebook.cells[0]
    assert "a notebook begins with a text" in rules.broken_cell_rules(notebook)


def test_what_is_over_budget_is_named():
    notebook = notebook_of("claim('So.', 'false', shown=True)", "x = 1\ny = 2")
    assert rules.size(notebook) == {
        "cells": 4, "words": 9, "visible lines": 2, "cards": 1, "explorers": 0, "predictions": 0, "checks": 0
    }  # fmt: skip
    assert not rules.over_budget(notebook, {"cells": 4, "words": 9, "visible lines": 2, "cards": 1})
    assert rules.over_budget(notebook, {"cards": 0, "visible lines": 1}) == [
        "1 cards; 0 are allowed",
        "2 visible lines; 1 are allowed",
    ]


def test_the_time_counts_words_lines_explorers_and_questions():
    notebook = notebook_of("x = 1", "x + 1")
    notebook.cells[0].source = "word " * 1000
    assert rules.minutes(notebook) == 5
    for kind, each in (("Explorer", 3), ("Predict", 1), ("Check", 3)):
        shown = [nbformat.v4.new_output("display_data", {"text/plain": f"{kind}: that"})] * 10
        assert rules.minutes(notebook_of("x = 1", "x + 1", outputs=shown)) == 5 * round(2 * 10 * each / 5)


def test_a_name_that_a_picture_still_uses_is_not_rebound():
    use = "def moved(k):\n    return line + k"
    assert not rules.broken_cell_rules(notebook_of("line = 1", use, "other = 2"))
    assert "rebinds line" in rules.broken_cell_rules(notebook_of("line = 1", use, "line = 2"))[0]


SAME_TWICE = Derivation(x * (x + 1)).step("rest", x * (1 + x))._repr_latex_()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"execution_count": None}, "not run"),
        ({"outputs": [nbformat.v4.new_output("error", ename="NameError")]}, "NameError"),
        ({"outputs": [nbformat.v4.new_output("stream", name="stderr", text="careful")]}, "careful"),
        (
            {"outputs": [nbformat.v4.new_output("display_data", {WIDGET_VIEW: {}, "image/png": ""})]},
            "without its model",
        ),
        (
            {"outputs": [nbformat.v4.new_output("display_data", {"text/latex": SAME_TWICE})]},
            r"changes nothing: x \left(x + 1\right)",
        ),
    ],
)
def test_a_broken_output_rule_is_named(changes, said):
    assert not rules.broken_output_rules(notebook_of("x = 1"))
    assert any(said in sentence for sentence in rules.broken_output_rules(notebook_of("x = 1", **changes)))


def test_what_a_lesson_lacks_is_named():
    lacking = " ".join(rules.broken_lesson_rules(notebook_of("x = 1")))
    for said in ("asks no question", "no section on exercises", "0 exercises", "tagged as a solution"):
        assert said in lacking


def test_running_a_notebook_tells_what_its_cells_show():
    namespace, shown, said = run(notebook_of("x = 1", "x + 1", "x;", "None", "print(x)", "y = [x]\ny"))
    assert namespace["y"] == [1]
    assert shown == {2: 2, 5: None, 6: [1]}
    assert said == {2: "2", 5: "1\n", 6: "[1]"}


def moving_line(update):
    figure = Figure()
    (line,) = figure.add_subplot().plot([0, 1], [0, 1], label="line")
    return explore(figure, lambda x: update(line, x), x=ipywidgets.FloatSlider(min=-1, max=1, step=0.1))


def goes_well(line, x):
    line.set_ydata([x, x])
    return f"x is {x:.1f}"


def says_nothing(line, x):
    line.set_ydata([x, x])
    return " "


def says_the_same(line, x):
    line.set_ydata([x, x])
    return "x is a number"


def draws_infinity(line, x):
    line.set_ydata([x, np.inf if x > 0.95 else x])
    return f"x is {x:.1f}"


def draws_nothing(line, x):
    line.set_ydata([x, x] if x < 0.95 else [np.nan, np.nan])
    return f"x is {x:.1f}"


def test_an_explorer_that_moves_is_right():
    check_explorer(moving_line(goes_well))


@pytest.mark.parametrize(
    ("update", "said"),
    [
        (says_nothing, "no caption"),
        (says_the_same, "never changes"),
        (draws_infinity, "infinite at {'x': 1.0}"),
        (draws_nothing, "nan throughout at {'x': 1.0}"),
    ],
)
def test_an_explorer_that_goes_wrong_anywhere_is_named(update, said):
    with pytest.raises(AssertionError, match=re.escape(said)):
        check_explorer(moving_line(update))


# What a lesson's summary says of its claims ---------------------------------------------------------------


@every_lesson
def test_the_summary_repeats_the_verdict_of_every_claim_card(path):
    verdicts = "|".join(GROUPS)
    rows = re.findall(rf"^\| (C\d\d) .* \| ({verdicts})\b", rules.prose(read(path)), re.MULTILINE)
    assert rows
    assert dict(rows) == {card.id: card.verdict for card in cards(path)}


@pytest.mark.parametrize(
    ("path", "following"),
    [*pairwise(LESSONS), (LESSONS[-1], FOLDER / "index.ipynb")],
    ids=lambda path: path.stem,
)
def test_a_lesson_ends_with_a_link_to_the_next(path, following):
    _, last = read(path).cells[-1].source.split("**Next.**")
    (link,) = re.findall(r"\[([^]]+)\]\(([^)]+)\)", last)
    assert link == (title(following) if following in LESSONS else "map of the course", following.name)


@pytest.mark.parametrize("path", [p for p in NOTEBOOKS if p.stem == "index"], ids=lambda path: path.stem)
def test_the_index_links_to_every_lesson_that_exists_under_its_title(path):
    links = dict(re.findall(r"\[([^]]+\?)\]\(([^)]+)\)", rules.prose(read(path))))
    assert links == {title(lesson): lesson.name for lesson in LESSONS}
