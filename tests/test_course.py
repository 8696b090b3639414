import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from helpers.course import cards, lessons, thumbnail, title

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS = lessons(FOLDER)


def notebook_of(tmp_path, *outputs):
    cells = [nbformat.v4.new_markdown_cell("# Why?\n\nBecause.")]
    for text in outputs:
        shown = nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=1)
        cells.append(nbformat.v4.new_code_cell("1", outputs=[shown], execution_count=1))
    path = tmp_path / "01_why.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_a_card_is_read_from_what_the_cell_shows(tmp_path):
    text = "Claim C06: “It is “so”.”\n  Verdict: only if it is.\n  Because: of that"
    path = notebook_of(tmp_path, "Claim to fame", text)
    (card,) = cards(path)
    assert (card.id, card.text, card.verdict, card.condition) == ("C06", "It is “so”.", "only if", "it is.")
    shown_by = nbformat.read(path, as_version=4).cells[2].id
    assert card.link == f"01_why.ipynb#cell-id={shown_by}"
    assert title(path) == "Why?"


def test_a_lesson_without_a_picture_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"01_why\.ipynb has saved no picture; run make notebooks"):
        thumbnail(notebook_of(tmp_path, "no picture"))


def test_every_claim_of_the_course_is_judged_once():
    ids = sorted(card.id for lesson in LESSONS for card in cards(lesson))
    assert ids == [f"C{number:02}" for number in range(1, 61)]


def test_the_map_lists_every_claim_with_its_verdict_and_a_link_to_its_cell():
    (shown,) = [
        output["data"]["text/markdown"]
        for cell in nbformat.read(FOLDER / "index.ipynb", as_version=4).cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    rows = re.findall(r"^\| \[(C\d\d)\]\((.+?)\) \| (.*) \| (holds|false|only if)", shown, re.MULTILINE)
    expected = {(card.id, card.link, card.text, card.verdict) for lesson in LESSONS for card in cards(lesson)}
    assert set(rows) == expected


def test_the_largest_group_of_claims_holds_under_a_condition():
    verdicts = [card.verdict for lesson in LESSONS for card in cards(lesson)]
    assert verdicts.count("only if") > max(verdicts.count("holds"), verdicts.count("false"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_thumbnail_is_the_lessons_first_picture(lesson):
    saved = np.asarray(
        Image.open(FOLDER / "thumbnails" / f"{lesson.name[:2]}.png").convert("RGB"), dtype=float
    )
    made = np.asarray(thumbnail(lesson), dtype=float)
    assert saved.shape == made.shape
    assert np.abs(saved - made).mean() < 1, "run make notebooks"
