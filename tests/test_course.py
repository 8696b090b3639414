import re
from html import unescape
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from helpers.claims import GROUPS, claim
from helpers.course import cards, lessons, thumbnail, title

FOLDER = Path(__file__).parents[1] / "notebooks"
LESSONS = lessons(FOLDER)


def notebook_of(tmp_path, *outputs):
    cells = [nbformat.v4.new_markdown_cell("# Why?\n\nBecause.")]
    for data in outputs:
        shown = nbformat.v4.new_output("execute_result", data, execution_count=1)
        cells.append(nbformat.v4.new_code_cell("1", outputs=[shown], execution_count=1))
    path = tmp_path / "01_why.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_a_card_is_read_from_what_the_cell_shows(tmp_path):
    card = claim("It is “so”.", "depends", on="who asks", inside={"a": True}, outside={"b": True}, id="C06")
    path = notebook_of(tmp_path, {"text/plain": "Claim to fame"}, card._repr_mimebundle_())
    (found,) = cards(path)
    assert (found.id, found.text, found.verdict, found.on) == ("C06", "It is “so”.", "depends", "who asks")
    assert found.lesson == "01"
    assert found.link == f"01_why.ipynb#cell-id={nbformat.read(path, as_version=4).cells[2].id}"
    assert title(path) == "Why?"


def test_a_lesson_without_a_picture_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"01_why\.ipynb has saved no picture; run make notebooks"):
        thumbnail(notebook_of(tmp_path, {"text/plain": "no picture"}))


CARDS = [card for lesson in LESSONS for card in cards(lesson)]


def shown_on_the_map(form):
    cells = nbformat.read(FOLDER / "index.ipynb", as_version=4).cells
    shown = [output["data"].get(form, "") for cell in cells for output in cell.get("outputs", [])]
    (table,) = [data for data in shown if "People say" in data]
    return table


def test_every_claim_of_the_course_is_judged_once():
    assert sorted(card.id for card in CARDS) == [f"C{number:02}" for number in range(1, 62)]


def test_the_map_lists_every_claim_with_its_verdict_and_a_link_to_its_cell():
    rows = re.findall(
        r'<th scope="row"><a href="([^"]+)">(C\d\d)</a></th><td>(\d\d)</td><td[^>]*>(.*?)</td>'
        r"<td>([a-z ]+)</td><td[^>]*>(.*?)</td>",
        shown_on_the_map("text/html"),
    )
    found = {
        (link, name, lesson, unescape(text), verdict, unescape(on))
        for link, name, lesson, text, verdict, on in rows
    }
    assert found == {(c.link, c.id, c.lesson, c.text, c.verdict, c.on) for c in CARDS}


def test_the_map_counts_the_verdicts():
    counts = [f"{[card.verdict for card in CARDS].count(verdict)} {verdict}" for verdict in GROUPS]
    assert f"{len(CARDS)} claims: {', '.join(counts)}" in shown_on_the_map("text/plain")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_thumbnail_is_the_lessons_first_picture(lesson):
    saved = np.asarray(
        Image.open(FOLDER / "thumbnails" / f"{lesson.name[:2]}.png").convert("RGB"), dtype=float
    )
    made = np.asarray(thumbnail(lesson), dtype=float)
    assert saved.shape == made.shape
    assert np.abs(saved - made).mean() < 1, "run make notebooks"
