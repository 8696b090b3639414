import asyncio
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from lessons import FOLDER

from helpers.borrow import _INSTALLS, borrow
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


def with_cell(lesson, source):
    """The lesson with one more cell before all others."""
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(source))
    nbformat.write(notebook, lesson)
    return lesson


READ_BY_IPYTHON = [
    "%matplotlib inline",
    "%load_ext autoreload\n%autoreload 2",
    "%config InlineBackend.figure_format = 'retina'",
    "!pip install numpy",
    "import sys\n!{sys.executable} -m pip install --quiet numpy",
    "%pip install -q numpy",
    "!echo seen",
    "import numpy as np\nnp.random?",
    "import math\nmath.pi??",
    "?print",
    "%timeit 1 + 1",
    "%%timeit\n1 + 1",
    "%%html\n<b>bold</b>",
    "if True:\n    %matplotlib inline",
    ">>> 1 + 1",
    "await __import__('asyncio').sleep(0)",
    "%time await __import__('asyncio').sleep(0)",
    "5;",
    "",
]


def test_what_installs_packages_is_not_run():
    for command in (
        "pip install x",
        "/usr/bin/python3.11 -m pip install x",
        "apt-get install x",
        " uv pip sync",
    ):
        assert _INSTALLS.match(command)
    assert not _INSTALLS.match("pipes.sh")


@pytest.mark.parametrize("source", READ_BY_IPYTHON)
def test_what_ipython_reads_is_no_hindrance(small, source, capfd):
    assert borrow(with_cell(small, source), "seen").caption == "slope 1"
    assert capfd.readouterr().out == ""


MATTERS = [
    ["%time slope = 3"],
    ["slope = %time 3"],
    ["%%time\nslope = 3"],
    ["%%capture\n%time slope = 3"],
    ["async def three():\n    return 3", "slope = await three()"],
    ["words = !echo 3\nslope = int(words[0])"],
    ["two = 2\n(words,) = !echo 1{two} $two", "slope = int(words.split()[1]) + 1"],
    ["!echo '3 {}' > slope.txt", "slope = int(open('slope.txt').read()[0])"],
    ["%%bash\nfor i in 3\ndo echo $i > slope.txt\ndone", "slope = int(open('slope.txt').read())"],
]


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are those of a Unix shell")
@pytest.mark.parametrize("sources", MATTERS)
def test_what_such_a_cell_makes_is_there_for_the_cells_after_it(tmp_path, sources):
    cells = map(nbformat.v4.new_code_cell, [*sources, SMALL.replace("k=1", "k=slope")])
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), tmp_path / "small.ipynb")
    assert borrow(tmp_path / "small.ipynb", "seen").caption == "slope 3"


@pytest.mark.parametrize(
    "magic", ["%run other.py", "%cd ..", "%store -r data", "%%writefile data.csv", "%%javascriptt", "%pylab"]
)
def test_a_magic_that_is_not_run_is_named_with_its_cell(small, magic):
    said = rf"^small\.ipynb, code cell 1: borrow does not run {re.escape(magic)}$"
    with pytest.raises(ValueError, match=said):
        borrow(with_cell(small, magic), "seen")


def test_what_ipython_cannot_read_either_is_named_with_its_cell(small):
    with pytest.raises(SyntaxError, match=r"small\.ipynb, code cell 1, line 2"):
        borrow(with_cell(small, "x = 1\ny = = 2"), "seen")


def test_a_lesson_is_borrowed_inside_a_notebook_too(small):
    with_cell(small, "await __import__('asyncio').sleep(0)")

    async def cell():
        return borrow(small, "seen").caption

    with ThreadPoolExecutor(1) as pool:  # in this thread the browser's tests may have a loop running
        assert pool.submit(asyncio.run, cell()).result() == "slope 1"


def test_a_missing_lesson_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lesson: there is no 99_none\.ipynb in "):
        borrow(tmp_path / "99_none.ipynb", "any")
