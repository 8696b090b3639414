"""Every lesson in a real JupyterLab: as it is saved, and every control moved."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, Jupyter, Watched, some_lessons
from support import PATIENCE, Notebook, Shown, check_controls, explorers


def keep_screenshots(shown: list[Shown], name: str) -> None:
    """Save each figure in the light and in the dark theme, if SCREENSHOTS names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    if not folder or not shown:
        return
    page = shown[0].page
    pictures = page.locator(".jp-RenderedImage").all()
    for theme in ("Dark", "Light"):
        command = f"jupyterapp.commands.execute('apputils:change-theme', {{ theme: 'JupyterLab {theme}' }})"
        page.evaluate(command)
        page.wait_for_function(f"document.body.dataset.jpThemeLight == '{str(theme == 'Light').lower()}'")
        for number, one in enumerate(shown, start=1):
            one.settle()
            one.root.screenshot(path=f"{folder}/{Path(name).stem}_{number}_{theme.lower()}.png")
        for number, picture in enumerate(pictures, start=1):
            picture.screenshot(path=f"{folder}/{Path(name).stem}_picture_{number}_{theme.lower()}.png")


def check_saved_pictures(notebook: Notebook, name: str) -> None:
    """All pictures that a notebook has saved are there before anything runs."""
    page = notebook.page
    cells = nbformat.read(ROOT / "notebooks" / name, as_version=4).cells
    saved = sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    images = ".jp-RenderedImage img"
    if saved:
        page.locator(images).nth(saved - 1).wait_for(state="attached", timeout=PATIENCE)
    assert page.locator(images).count() == saved
    page.wait_for_function(
        "(images) => [...document.querySelectorAll(images)].every((one) => one.naturalWidth > 0)", arg=images
    )


@pytest.mark.parametrize("name", some_lessons("02", "05", "index"))
def test_every_control_of_a_lesson_moves_its_picture_and_caption(
    name: str, watch: Callable[..., Watched], jupyter: Jupyter
) -> None:
    watched = watch()
    notebook = Notebook(watched.page, jupyter.url, name)
    check_saved_pictures(notebook, name)
    assert notebook.complaints == []
    notebook.run_all()
    notebook.wait_until_run()
    assert notebook.complaints == []
    shown = explorers(watched.page)
    for one in shown:
        check_controls(one)
    keep_screenshots(shown, name)
    assert notebook.complaints == []
    assert watched.errors == []
