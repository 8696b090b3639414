"""A notebook that was saved, closed and opened again, without being run."""

from __future__ import annotations

import re
from collections.abc import Callable

import nbformat
from conftest import ROOT, Jupyter, Watched
from playwright.sync_api import Page, expect
from support import Notebook, explorers

NAME = "reopened.ipynb"
QUESTION = "To answer, run this notebook."


def shorten(lesson: str) -> nbformat.NotebookNode:
    """Read a lesson up to the first question that follows its first explorer."""
    notebook = nbformat.read(next((ROOT / "notebooks").glob(f"{lesson}_*.ipynb")), as_version=4)
    texts = [
        "".join(output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", []))
        for cell in notebook.cells
    ]
    first = next(number for number, text in enumerate(texts) if text.startswith("Explorer:"))
    last = next(n for n, text in enumerate(texts) if n > first and re.match("Check:|Predict:", text))
    notebook.cells = notebook.cells[: last + 1]
    return notebook


def save(page: Page, notebook: Notebook) -> None:
    notebook.menu("File", "Save Notebook")
    page.locator(".jp-mod-dirty").wait_for(state="detached")


def check_pictures(page: Page, notebook: Notebook, pictures: int, questions: int) -> None:
    """The pictures and the questions are there, as is fit where nothing has run, and no widget is missed."""
    images = page.locator(".jp-RenderedImage img")
    expect(images).to_have_count(pictures)
    for image in images.all():
        assert image.evaluate("(one) => one.decode().then(() => one.naturalWidth)") > 0
    expect(page.get_by_text(QUESTION)).to_have_count(questions)
    assert explorers(page) == []
    assert notebook.complaints == []


def test_it_shows_its_pictures_and_questions_and_beside_its_kernel_it_moves_them(
    watch: Callable[..., Watched], jupyter: Jupyter
) -> None:
    lesson = shorten("02")
    nbformat.write(lesson, jupyter.folder / NAME)
    watched = watch()
    page, notebook = watched.page, Notebook(watched.page, jupyter.url, NAME)
    pictures, questions = page.locator(".jp-RenderedImage img").count(), page.get_by_text(QUESTION).count()
    assert pictures > 0
    assert questions > 0
    notebook.run_all()
    notebook.wait_until_run()
    for loads in range(2):
        if loads:
            page.reload()
            notebook.wait_until_ready()
        expect(page.locator(".explorer-stage canvas[aria-label]")).to_have_count(pictures)
        shown = explorers(page)[0]
        at_first = shown.caption
        save(page, notebook)
        shown.sliders.first.press("End" if loads else "Home")
        shown.wait("(stage, before) => reader.caption(stage) !== before", at_first)
        expect(page.get_by_text(QUESTION)).to_have_count(0)
        assert notebook.complaints == []

    save(page, notebook)
    notebook.menu("File", "Close and Shut Down Notebook")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.locator(".jp-NotebookPanel").wait_for(state="detached")
    again = Notebook(page, jupyter.url, NAME)
    check_pictures(page, again, pictures, questions)
    # Now a kernel runs, but not the one that made the widgets.
    page.reload()
    again.wait_until_ready()
    check_pictures(page, again, pictures, questions)
    assert watched.errors == []
