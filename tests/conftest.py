"""What the tests of a lesson ask for; in ``test_lesson_05.py`` it is the one whose name begins with 05."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import another_kernel  # noqa: F401  (before all that imports NumPy)
import pytest
from lessons import FOLDER, Ran, read, run_once
from xdist.scheduler import LoadFileScheduling

# The tests that every lesson has of its own, and those for all lessons that run them too.
OF_A_LESSON = re.compile(
    r".*/test_(?:lesson_|notebooks\.py::test_every_cell_\w*\[|(?:counter_worlds|lessons_replayed)\.py::\w+\[)(\d\d)"
)


class ByLesson(LoadFileScheduling):
    """The tests of a file go to one worker, and so do all that need one lesson's run: it then runs once."""

    def _split_scope(self, nodeid: str) -> str:
        lesson = OF_A_LESSON.match(nodeid)
        return f"lesson {lesson[1]}" if lesson else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return ByLesson(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="module")
def notebook(request: pytest.FixtureRequest) -> Path:
    """The path of the module's lesson."""
    (path,) = FOLDER.glob(f"{request.path.stem.removeprefix('test_lesson_')}_*.ipynb")
    return path


@pytest.fixture(scope="module")
def ran(notebook: Path) -> Ran:
    """The lesson, run."""
    return run_once(notebook)


@pytest.fixture(scope="module")
def lesson(ran: Ran) -> dict[str, Any]:
    """What the lesson's cells define."""
    return ran.namespace


@pytest.fixture(scope="module")
def saved(notebook: Path) -> str:
    """All that the lesson's cells print and its cards say, as saved."""
    outputs = [output for cell in read(notebook).cells for output in cell.get("outputs", [])]
    shown = [output.get("data", {}) | output for output in outputs]
    forms = ("text", "text/markdown", "text/plain")  # the first is what a reader sees
    return "\n".join(next((each[form] for form in forms if form in each), "") for each in shown)
