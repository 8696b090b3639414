"""Explorers in a real JupyterLab and in Notebook 7."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Jupyter, Watched, watching
from playwright.sync_api import Browser, expect
from support import PATIENCE, Notebook, Shown, explorers, own_errors, write_notebook

EXAMPLES = f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nimport examples"


class Core:
    """The examples' notebook, open and run."""

    def __init__(self, watched: Watched, jupyter: Jupyter, application: str) -> None:
        self.watched, self.page = watched, watched.page
        name = f"core_{application.split('/')[0]}.ipynb"
        write_notebook(
            jupyter.folder / name,
            EXAMPLES,
            "moved = examples.one_line()\nmoved",
            "examples.fails_at_three()",
            "examples.moves_late()",
            "moved.controls['level'].value = 0.8",
        )
        self.notebook = Notebook(self.page, jupyter.url, name, application)
        self.notebook.run_all()
        self.notebook.wait_until_run()

    @property
    def line(self) -> Shown:
        return explorers(self.page)[0]

    @property
    def failing(self) -> Shown:
        return explorers(self.page)[1]

    @property
    def late(self) -> Shown:
        return explorers(self.page)[2]


@pytest.fixture(scope="module", params=["lab/tree", "notebooks"], ids=["JupyterLab", "Notebook7"])
def _core(request: pytest.FixtureRequest, browser: Browser, jupyter: Jupyter) -> Iterator[Core]:
    with watching(browser) as watch:
        yield Core(watch(), jupyter, request.param)


@pytest.fixture
def core(_core: Core) -> Iterator[Core]:
    """Lend the open notebook to a test; in the end no cell and no console complained."""
    yield _core
    assert _core.notebook.complaints == []
    assert own_errors(_core.watched) == []


def test_run_all_shows_every_explorer_and_a_later_cell_moves_one(core: Core) -> None:
    core.line.wait_for_caption("blue at 0.80")
    core.failing.wait_for_caption("step 1")
    core.late.wait_for_caption("step 5")
    assert core.line.lines == {"blue": 0.8}
    assert core.failing.lines == {"blue": 0.1}
    assert core.late.lines == {"blue": 0.5, "red": 0.2}


def test_the_keyboard_moves_slider_choice_and_toggle(core: Core) -> None:
    shown = core.line
    slider = shown.sliders.first
    for key, level in (("Home", 0.1), ("ArrowRight", 0.15), ("End", 0.9), ("ArrowLeft", 0.85)):
        before = shown.picture
        slider.press(key)
        shown.wait_for_caption(f"blue at {level:.2f}")
        assert shown.lines == {"blue": level}
        assert shown.picture != before
    shown.choices.first.select_option("red")
    shown.wait_for_caption("red at 0.85")
    assert shown.lines == {"red": 0.85}
    shown.toggles.first.press("Space")
    shown.wait_for_caption("red at 0.85, mirrored")
    assert shown.lines == {"red": 0.15}
    shown.toggles.first.press("Space")
    shown.choices.first.select_option("blue")
    shown.wait_for_caption("blue at 0.85")


def test_the_mouse_drags_a_slider_and_the_picture_never_blanks(core: Core) -> None:
    shown = core.line
    with shown.watched() as frames:
        shown.drag(shown.sliders.first, 0.1, 0.6, 0.0)
    assert frames.steady
    assert len(frames.captions) == len(frames.pictures) > 5
    assert shown.caption == "blue at 0.10"
    assert shown.lines == {"blue": 0.1}


def test_play_runs_to_the_end_and_reset_brings_the_first_picture_back(core: Core) -> None:
    shown = core.line
    shown.sliders.first.press("Home")
    shown.wait_for_caption("blue at 0.10")
    with shown.watched() as frames:
        shown.button("Play").click()
        shown.button("Pause").click()
        shown.button("Play").click()
        shown.button("Play").wait_for()
    assert frames.steady
    assert len(frames.captions) > 5
    assert shown.caption == "blue at 0.90"
    with shown.watched() as frames:
        shown.button("Play").click()
        shown.button("Play").wait_for()
    assert frames.captions[:2] == ["blue at 0.90", "blue at 0.10"]
    shown.button("Reset").click()
    shown.wait_for_caption("blue at 0.50")
    assert shown.lines == {"blue": 0.5}
    expect(shown.root.locator(".widget-readout")).to_have_text("0.50")


def test_a_failing_position_shows_its_error_in_place_and_recovers(core: Core) -> None:
    shown = core.failing
    slider = shown.sliders.first
    height = shown.stage.bounding_box()
    for _ in range(2):  # an error is not cached: the second visit asks again
        slider.press("Home")
        shown.wait_for_caption("step 1")
        slider.press("ArrowRight")
        slider.press("ArrowRight")
        shown.error.wait_for()
        expect(shown.error).to_have_text("No picture at step = 3. ValueError: three <is> too many")
        assert shown.stage.bounding_box() == height
        slider.press("ArrowRight")
        shown.wait_for_caption("step 4")
        assert shown.error.is_hidden()
        assert shown.lines == {"blue": 0.4}


def test_an_artist_that_moves_late_is_right_at_every_position(core: Core) -> None:
    shown = core.late
    slider = shown.sliders.first
    with shown.watched() as frames:
        shown.toggles.first.click()
        # At rest, the view asks for all positions, and the red line is found to move.
        core.page.wait_for_timeout(1500)
        slider.press("Home")
        for step in (3, 4, 5, 6, 7, 8, 7, 6, 5):
            while (now := float(slider.get_attribute("aria-valuenow") or 0)) != step:
                slider.press("ArrowRight" if now < step else "ArrowLeft")
            shown.wait_for_caption(f"step {step}")
            shown.settle()
            assert shown.lines == {"blue": step / 10, "red": 0.9 if step == 7 else 0.2}
    # No line was missing, not even between two positions. Step 5 is drawn in two ways: red still, red moving.
    assert frames.steady
    assert len(frames.captions) == 6
    assert len(frames.pictures) <= 7
    shown.toggles.first.click()


def test_a_reload_beside_a_running_kernel_keeps_the_pictures(core: Core) -> None:
    core.late.sliders.first.press("End")
    core.late.sliders.first.press("Home")
    for key in 2 * ["ArrowRight"]:
        core.late.sliders.first.press(key)
    core.late.wait_for_caption("step 5")
    core.notebook.menu("File", "Save Notebook")
    core.page.locator(".jp-mod-dirty").wait_for(state="detached")
    core.page.reload()
    core.notebook.wait_until_ready()
    core.page.locator(".explorer-stage canvas[aria-label]").nth(2).wait_for()
    core.late.wait_for_caption("step 5")
    core.late.settle()
    assert core.late.lines == {"blue": 0.5, "red": 0.2}
    core.line.sliders.first.press("End")
    core.line.wait_for_caption("blue at 0.90")
    assert core.line.lines == {"blue": 0.9}


def test_a_restarted_kernel_runs_it_all_again(core: Core) -> None:
    core.notebook.menu("Kernel", "Restart Kernel and Run All Cells")
    core.page.locator(".jp-Dialog .jp-mod-accept").click()
    core.page.wait_for_function(
        "document.querySelector('.jp-CodeCell .jp-InputPrompt').textContent == '[1]:'"
    )
    core.notebook.wait_until_run()
    assert core.notebook.prompts[-1] == "[5]:"
    core.line.wait_for_caption("blue at 0.80")
    core.line.sliders.first.press("Home")
    core.line.wait_for_caption("blue at 0.10")
    assert core.line.lines == {"blue": 0.1}


def test_an_explorer_on_a_busy_kernel_says_so_and_catches_up(
    watch: Callable[..., Watched], jupyter: Jupyter
) -> None:
    write_notebook(
        jupyter.folder / "busy.ipynb",
        EXAMPLES,
        "examples.one_line()",
        "import time\ntime.sleep(3)",
    )
    watched = watch()
    notebook = Notebook(watched.page, jupyter.url, "busy.ipynb")
    notebook.run_all()
    watched.page.locator(".explorer-stage canvas[aria-label]").first.wait_for(timeout=PATIENCE)
    (line,) = explorers(watched.page)
    assert line.lines == {"blue": 0.5}
    line.sliders.first.press("End")
    expect(line.note).to_contain_text("Waiting for the kernel")
    assert line.stage.get_attribute("aria-busy") == "true"
    line.wait_for_caption("blue at 0.90")
    assert line.lines == {"blue": 0.9}
    expect(line.note).to_have_text("")
    assert line.stage.get_attribute("aria-busy") is None
    notebook.wait_until_run()
    assert notebook.complaints == []
    assert watched.errors == []


def test_a_slow_explorer_tells_that_it_computes_and_is_right_in_the_end(
    watch: Callable[..., Watched], jupyter: Jupyter
) -> None:
    write_notebook(jupyter.folder / "slow.ipynb", EXAMPLES, "examples.slow()")
    watched = watch()
    notebook = Notebook(watched.page, jupyter.url, "slow.ipynb")
    notebook.run_all()
    watched.page.locator(".explorer-stage canvas[aria-label]").wait_for()
    (slow,) = explorers(watched.page)
    expect(slow.note).to_have_text(re.compile(r"Computing the other positions: \d+ of 18\."), timeout=9000)
    with slow.watched() as frames:
        slow.sliders.first.press("End")
        slow.wait_for_caption("step 19")
    assert frames.steady
    assert slow.lines == {"blue": 0.95}
    expect(slow.note).to_have_text("", timeout=PATIENCE)
    assert notebook.complaints == []
    assert watched.errors == []
