"""Lessons in Notebook 7: they run without a complaint, and their explorers move."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from conftest import LESSONS, Jupyter, Watched
from support import Notebook, explorers, own_errors

# Half a minute each, and JupyterLab sweeps them all. EVERY_LESSON=1 asks for all here too, as on GitHub.
SOME = [name for name in LESSONS if os.environ.get("EVERY_LESSON") == "1" or name[:2] in ("02", "in")]


@pytest.mark.parametrize("name", SOME)
def test_a_lesson_runs_and_each_explorer_moves(
    name: str, watch: Callable[..., Watched], jupyter: Jupyter
) -> None:
    watched = watch()
    notebook = Notebook(watched.page, jupyter.url, name, "notebooks")
    notebook.run_all()
    notebook.wait_until_run()
    for shown in explorers(watched.page):
        shown.stage.scroll_into_view_if_needed()
        with shown.watched() as frames:
            for control in (*shown.sliders.all()[:1], *shown.choices.all()[:1]):
                for key in ("Home", "End"):
                    control.press(key)
                    shown.settle()
        assert frames.steady, f"{shown.caption!r}: {frames}"
        assert len(frames.pictures) > 1, f"nothing moves the picture of {shown.caption!r}"
        assert len(frames.captions) > 1, f"nothing moves the caption {shown.caption!r}"
    assert notebook.complaints == []
    assert own_errors(watched) == []
