"""What a reader does with an explorer in a browser, and sees: the same on a page and in a notebook."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
from conftest import Watched
from playwright.sync_api import Locator, Page

PATIENCE = 20_000  # milliseconds; a busy machine is slow

# Reads canvases: a fingerprint of all pixels, how many are neither white nor empty, and where lines lie.
READER = """() => { if (window.reader) return;
const pixels = (stage) => {
  const canvas = stage.querySelector("canvas");
  return [canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data, canvas];
};
// At half the size each pixel is the mean of four: nothing is missed, and every frame can be looked at.
const half = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const halved = (canvas) => {
  const [width, height] = [Math.ceil(canvas.width / 2), Math.ceil(canvas.height / 2)];
  Object.assign(half.canvas, { width, height });
  half.drawImage(canvas, 0, 0, width, height);
  return half.getImageData(0, 0, width, height).data;
};
const reader = window.reader = {
  picture(stage) {
    const bytes = halved(stage.querySelector("canvas"));
    let hash = 2166136261, ink = 0;
    for (const word of new Uint32Array(bytes.buffer)) {
      hash = Math.imul(hash ^ word, 16777619);
      if (word >>> 24 && (word & 0xffffff) !== 0xffffff) ink += 1;
    }
    return { print: hash, ink };
  },
  // The height, from 0 to 1, of the line of each pure color at a quarter of the width.
  lines(stage) {
    const [bytes, { width, height }] = pixels(stage);
    const found = { red: [], blue: [] };
    for (let row = 0; row < height; row++) {
      const [red, green, blue, alpha] = bytes.subarray(4 * (row * width + (width >> 2)));
      if (alpha < 200 || green > 60) continue;
      if (red > 200 && blue < 60) found.red.push(row);
      if (blue > 200 && red < 60) found.blue.push(row);
    }
    const middle = (rows) => 1 - (rows[0] + rows.at(-1) + 1) / 2 / height;
    const drawn = Object.entries(found).filter(([, rows]) => rows.length);
    return Object.fromEntries(drawn.map(([color, rows]) => [color, middle(rows)]));
  },
  caption: (stage) => stage.querySelector(".explorer-caption").textContent,
  watch(stage) {
    const seen = { frames: 0, blank: 0, errors: [], heights: [], captions: [], pictures: [] };
    const add = (list, one) => list.includes(one) || list.push(one);
    const look = () => {
      if (seen.over) return;
      const { print, ink } = reader.picture(stage);
      seen.frames += 1;
      seen.blank += ink === 0 || !stage.isConnected;
      const error = stage.querySelector(".explorer-error");
      if (!error.hidden) add(seen.errors, error.textContent);
      add(seen.heights, Math.round(stage.querySelector(".explorer-picture").getBoundingClientRect().height));
      add(seen.captions, reader.caption(stage));
      add(seen.pictures, print);
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    return stage.seen = seen;
  },
  // What is shown is what was asked for, and has been for three frames.
  still(stage) {
    const now = reader.caption(stage);
    if (now !== stage.before || stage.ariaBusy) stage.since = 0;
    stage.before = now;
    return ++stage.since > 3;
  },
}; }"""


@dataclass
class Frames:
    """What was on a canvas at each frame of a while."""

    frames: int = 0
    blank: int = 0
    errors: list[str] = field(default_factory=list)
    heights: list[int] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    pictures: list[int] = field(default_factory=list)

    @property
    def steady(self) -> bool:
        """Whether the picture was always there, at one height, and no error stood in its place."""
        return self.frames > 0 and not self.blank and not self.errors and len(self.heights) == 1


class Shown:
    """An explorer as a reader sees it."""

    def __init__(self, page: Page, stage: Locator) -> None:
        self.page, self.stage = page, stage
        vbox = "ancestor::*[contains(@class, 'widget-vbox')][1]"
        self.root = stage.locator(f"xpath={vbox} | ancestor::figure[1]")
        self.canvas = stage.locator("canvas")
        self.error = stage.locator(".explorer-error")
        self.note = stage.locator(".explorer-note")
        self.sliders = self.root.locator("input[type=range], .noUi-handle")
        self.choices = self.root.locator("select")
        self.toggles = self.root.locator("input[type=checkbox]")
        self.options = self.root.locator(".widget-toggle-buttons button, input[type=radio]")
        page.evaluate(READER)

    def ask(self, question: str) -> Any:
        """Evaluate a function of the stage element."""
        return self.stage.evaluate(question)

    def wait(self, condition: str, argument: Any = None, timeout: float = PATIENCE) -> None:
        """Wait for a function of the stage element and an argument to become true."""
        handle = self.stage.element_handle()
        self.page.wait_for_function(
            f"([stage, given]) => ({condition})(stage, given)", arg=[handle, argument], timeout=timeout
        )

    def wait_for_caption(self, caption: str) -> None:
        """Wait until the caption, on the page and for screen readers, is the one given."""
        self.wait(
            "(stage, text) => reader.caption(stage) === text"
            " && stage.querySelector('canvas').getAttribute('aria-label') === text",
            caption,
        )

    def settle(self) -> None:
        """Wait until nothing moves any more."""
        self.wait("(stage) => reader.still(stage)")

    @property
    def caption(self) -> str:
        """The text under the picture."""
        return self.ask("reader.caption")

    @property
    def picture(self) -> int:
        """A number that differs when a pixel does."""
        return self.ask("(stage) => reader.picture(stage).print")

    @property
    def lines(self) -> dict[str, float]:
        """The height, from 0 to 1, of the lines by color, to two decimals."""
        return {color: round(height, 2) for color, height in self.ask("reader.lines").items()}

    def button(self, name: str) -> Locator:
        """Find the button of that name."""
        return self.stage.get_by_role("button", name=name)

    def drag(self, slider: Locator, *fractions: float, steps: int = 15) -> None:
        """Drag a slider by the mouse to fractions of its track, one after the other."""
        slider.scroll_into_view_if_needed()
        target = slider.locator("xpath=ancestor-or-self::*[self::input or contains(@class, 'noUi-target')]")
        track, thumb = target.bounding_box(), slider.bounding_box()
        assert track is not None
        assert thumb is not None
        mouse = self.page.mouse
        mouse.move(thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2)
        mouse.down()
        for fraction in fractions:
            mouse.move(track["x"] + fraction * track["width"], track["y"] + track["height"] / 2, steps=steps)
        mouse.up()

    @contextlib.contextmanager
    def watched(self) -> Iterator[Frames]:
        """Look at the canvas at every frame of the block; the result is complete after it."""
        result = Frames()
        self.ask("(stage) => void reader.watch(stage)")
        yield result
        self.settle()
        seen = self.ask("(stage) => { stage.seen.over = true; return stage.seen; }")
        del seen["over"]
        vars(result).update(seen)


def explorers(page: Page) -> list[Shown]:
    """Find the explorers of a page or a notebook, from top to bottom."""
    return [Shown(page, stage) for stage in page.locator(".explorer-stage").all()]


def check_controls(shown: Shown) -> None:
    """Move every control of an explorer through its range; picture and caption follow, and nothing blanks."""
    shown.stage.scroll_into_view_if_needed()
    # By mouse the first slider alone: all are of one make, and dragging is slow.
    for slider in shown.sliders.all()[:1]:
        check_moves(shown, "slider 1, by mouse", [partial(shown.drag, slider, 0.0, 0.7, steps=5)])
    for number, slider in enumerate(shown.sliders.all(), start=1):
        # Where the other controls stand, the next may change nothing: equal scores have one softmax.
        shown.button("Reset").click()
        keys = [partial(slider.press, key) for key in ("Home", "PageUp", "PageUp", "End")]
        check_moves(shown, f"slider {number}, by keyboard", keys)
    shown.button("Reset").click()
    for number, choice in enumerate(shown.choices.all(), start=1):
        count = choice.locator("option").count()
        check_moves(
            shown, f"choice {number}", [partial(choice.select_option, index=i) for i in [*range(count), 0]]
        )
    for number, toggle in enumerate(shown.toggles.all(), start=1):
        check_moves(shown, f"toggle {number}", [toggle.click, toggle.click])
    if options := shown.options.all():
        check_moves(shown, "options", [option.click for option in [*options, options[0]]])
    shown.button("Reset").click()


def check_moves(shown: Shown, what: str, moves: Sequence[Callable[[], Any]]) -> None:
    """Make some moves; picture and caption follow, and nothing blanks."""
    where = f"{what}, of the explorer that shows {shown.caption!r}"
    with shown.watched() as frames:
        for move in moves:
            move()
            shown.settle()
    assert frames.steady, f"{where}: {frames}"
    assert len(frames.pictures) > 1, f"no picture changes: {where}"
    assert len(frames.captions) > 1, f"no caption changes: {where}"


# Notebook 7's own complaints, there with any notebook: extensions and a font that it does not serve.
OF_NOTEBOOK_7 = re.compile(
    r"Cannot read properties of undefined \(reading 'schema'\)"
    r"|Command 'filebrowser:open-path' not registered\."
    r"|Failed to load resource: .* 403 .*/static/notebook/\w+\.woff2?"
)


def own_errors(watched: Watched) -> list[str]:
    """Return what the console complained of, without Notebook 7's own complaints."""
    return [error for error in watched.errors if not OF_NOTEBOOK_7.fullmatch(error)]


METADATA = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of code cells; without the kernel's name JupyterLab would ask for one."""
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=METADATA), path)


class Notebook:
    """A notebook open in JupyterLab (``lab/tree``) or in Notebook 7 (``notebooks``)."""

    def __init__(self, page: Page, url: str, name: str, application: str = "lab/tree") -> None:
        self.page = page
        # Without ?reset JupyterLab opens the notebooks of the test before as well.
        page.goto(f"{url}/{application}/{name}?reset")
        self.wait_until_ready()

    @property
    def prompts(self) -> list[str]:
        """What stands before each code cell: its count, a star while it waits, or nothing."""
        return self.page.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()

    @property
    def complaints(self) -> list[str]:
        """The errors, warnings and missing widgets that the cells show."""
        kinds = "[data-mime-type$='jupyter.error'], [data-mime-type$='jupyter.stderr']"
        broken = self.page.locator(".jp-OutputArea-output", has_text="Error displaying widget")
        return self.page.locator(kinds).all_text_contents() + broken.all_text_contents()

    def wait_until_ready(self) -> None:
        """Wait for the kernel, to which Run All would otherwise send nothing."""
        self.page.locator(IDLE).wait_for(timeout=2 * PATIENCE)
        self.page.wait_for_function(
            "!window.jupyterapp || jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel"
        )

    def menu(self, name: str, command: str) -> None:
        """Choose from the menu bar."""
        self.page.locator(".lm-MenuBar-item").get_by_text(name, exact=True).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{command}…?$")).click()

    def run_all(self) -> None:
        """Run all cells, without waiting for them; their saved counts would look like runs."""
        self.menu("Edit", "Clear Outputs of All Cells")
        self.menu("Run", "Run All Cells")

    def wait_until_run(self, timeout: float = 120_000) -> None:
        """Wait until each cell has been run, or one has failed, and the kernel rests."""
        self.page.wait_for_function(
            """(idle) => document.querySelector(idle)
            && (document.querySelector("[data-mime-type$='jupyter.error']")
            || ![...document.querySelectorAll(".jp-CodeCell")].some((cell) =>
              /\\[[ *]\\]/.test(cell.querySelector(".jp-InputPrompt")?.textContent)
              && cell.querySelector(".cm-content")?.textContent.trim() !== ""))""",
            arg=IDLE,
            timeout=timeout,
        )
