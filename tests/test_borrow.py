import nbformat
import pytest
from lessons import FOLDER

from helpers.borrow import borrow
from helpers.course import lessons

SMALL = """\
from helpers.drawing import panels
from helpers.explorer import explore
print("not for the borrower")
figure, (axes,) = panels()
(line,) = axes.plot([0, 1], [0, 1])


def update(k=1):
    line.set_ydata([0, k])
    return f"slope {k}"


seen = explore(figure, update, k=(0, 3, 1))
"""


@pytest.fixture
def small(tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in (SMALL, "raise RuntimeError('too far')")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "small.ipynb")
    return tmp_path / "small.ipynb"


def test_an_explorer_is_borrowed_without_running_what_comes_after_it(small, capsys):
    explorer = borrow(small, "seen")
    explorer.controls["k"].value = 3
    assert explorer.caption == "slope 3"
    assert capsys.readouterr().out == ""


def test_a_lesson_lends_an_explorer_that_moves():
    (lesson,) = [path for path in lessons(FOLDER) if path.name.startswith("02")]
    explorer = borrow(lesson, "saturation")
    captions = {position.caption for position in explorer.sweep(random=3)}
    assert len(captions) > 3


def test_a_name_that_the_lesson_does_not_know_is_told_with_those_it_knows(small):
    source = nbformat.read(small, as_version=4)
    source.cells.pop()
    nbformat.write(source, small)
    with pytest.raises(ValueError, match=r"name: small\.ipynb makes no explorer 'sean'; it makes seen"):
        borrow(small, "sean")


def test_a_missing_lesson_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lesson: there is no 99_none\.ipynb in "):
        borrow(tmp_path / "99_none.ipynb", "any")
