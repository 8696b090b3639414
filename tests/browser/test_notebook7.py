"""Lessons in Notebook 7: they run without a complaint, and their explorers move."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from conftest import Jupyter, Watched, some_lessons
from support import Notebook, check_moves, explorers, own_errors


@pytest.mark.parametrize("name", some_lessons("02", "index"))
def test_a_lesson_runs_and_each_explorer_moves(
    name: str, watch: Callable[..., Watched], jupyter: Jupyter
) -> None:
    watched = watch()
    notebook = Notebook(watched.page, jupyter.url, name, "notebooks")
    notebook.run_all()
    notebook.wait_until_run()
    for shown in explorers(watched.page):
        shown.stage.scroll_into_view_if_needed()
        controls = (*shown.sliders.all()[:1], *shown.choices.all()[:1])
        keys = [partial(control.press, key) for control in controls for key in ("Home", "End")]
        check_moves(shown, "the first slider and choice", keys)
    assert notebook.complaints == []
    assert own_errors(watched) == []
