"""What the tests of a lesson ask for; in ``test_lesson_05.py`` it is the one whose name begins with 05."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lessons import FOLDER, read, run


@pytest.fixture(scope="module")
def notebook(request: pytest.FixtureRequest) -> Path:
    """The path of the module's lesson."""
    (path,) = FOLDER.glob(f"{request.path.stem.removeprefix('test_lesson_')}_*.ipynb")
    return path


@pytest.fixture(scope="module")
def ran(notebook: Path) -> tuple[dict[str, Any], dict[int, Any]]:
    """What the lesson's cells define, and what each shows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(FOLDER)
        return run(read(notebook))


@pytest.fixture(scope="module")
def lesson(ran: tuple[dict[str, Any], dict[int, Any]]) -> dict[str, Any]:
    """What the lesson's cells define."""
    return ran[0]


@pytest.fixture(scope="module")
def saved(notebook: Path) -> str:
    """All that the lesson's cells print and its cards say, as saved."""
    outputs = [output for cell in read(notebook).cells for output in cell.get("outputs", [])]
    shown = [output.get("data", {}) | output for output in outputs]
    forms = ("text", "text/markdown", "text/plain")  # the first is what a reader sees
    return "\n".join(next((each[form] for form in forms if form in each), "") for each in shown)
