"""Every lesson in Notebook 7: it runs without a complaint, and its explorers move."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import LESSONS, Jupyter, Watched
from support import Notebook, explorers, own_errors


@pytest.mark.parametrize("name", LESSONS)
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
