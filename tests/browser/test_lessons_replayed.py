"""Every explorer of the course: what the browser draws, held against a fresh drawing by Matplotlib alone."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lessons import FOLDER, run_once
from matplotlib import style
from PIL import Image
from scipy.ndimage import uniform_filter

from helpers.drawing import panels
from helpers.explorer import Explorer, explore
from helpers.recorder import MovingFigure

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SCRIPT = Path(explore.__globals__["__file__"]).with_name("explorer.js")
LEAST = 0.95
"""Of the similarity in each axes. Agg and Chromium smooth edges otherwise: a thousand dots reach 0.952."""

# Shows each record by the page's own script, and returns each picture at a quarter of its size.
REPLAY = """async (data) => {
  const root = document.body.appendChild(document.createElement("figure"));
  await mountPage(root, data);
  const [canvas, input] = [root.querySelector("canvas"), root.querySelector("input")];
  const small = document.createElement("canvas");
  const context = small.getContext("2d", { willReadFrequently: true });
  const read = () => {
    [small.width, small.height] = [Math.ceil(canvas.width / 4), Math.ceil(canvas.height / 4)];
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas, 0, 0, canvas.width / 4, canvas.height / 4);
    return small.toDataURL().split(",")[1];
  };
  const pictures = [];
  for (let i = 0; i < data.controls[0].values.length; i++) {
    input.value = i;
    input.dispatchEvent(new Event("input"));
    await new Promise((resume) => requestAnimationFrame(() => requestAnimationFrame(resume)));
    pictures.push([root.querySelector(".explorer-caption").textContent, read()]);
  }
  root.remove();
  return pictures;
}"""


def stops(explorer: Explorer) -> list[dict[str, Any]]:
    """The values at first, at both ends and the middle of all controls, and at ten random combinations."""
    rng = np.random.default_rng(0)
    sizes = [len(control.values) for control in explorer._controls]
    chosen = [explorer._initial, [0] * len(sizes), [n // 2 for n in sizes], [n - 1 for n in sizes]]
    chosen += [[int(rng.integers(n)) for n in sizes] for _ in range(10)]
    return [explorer._values_at(tuple(indices)) for indices in chosen]


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float) / 255


def drawn_afresh(moving: MovingFigure, values: dict[str, Any]) -> np.ndarray:
    """What Matplotlib draws after `update`, whatever the recorder thinks of it, at a quarter of the size."""
    moving.update(**values)
    moving.figure.canvas.draw()
    picture = Image.fromarray(np.asarray(moving.figure.canvas.buffer_rgba()))
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return np.asarray(white.convert("RGB").reduce(4), dtype=float) / 255


def similarity(ours: np.ndarray, theirs: np.ndarray, window: int = 7) -> np.ndarray:
    """Structural similarity (Wang et al., 2004) about each pixel, the least of the three colors."""

    def mean(values: np.ndarray) -> np.ndarray:
        return uniform_filter(values, (window, window, 0))

    a, b = mean(ours), mean(theirs)
    spread = mean(ours * ours) - a * a + mean(theirs * theirs) - b * b
    together = mean(ours * theirs) - a * b
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * a * b + c1) * (2 * together + c2) / ((a * a + b * b + c1) * (spread + c2))).min(axis=-1)


def boxes(moving: MovingFigure) -> dict[str, tuple[slice, slice]]:
    """Where each axes lies, and the whole figure."""
    height = -(-moving.figure.canvas.get_width_height()[1] // 4)
    found = {"the figure": (slice(None), slice(None))}
    for number, axes in enumerate(moving.figure.axes, start=1):
        left, bottom, right, top = (round(edge / 4) for edge in axes.bbox.extents)
        rows = slice(max(height - top, 0), height - bottom)
        found[f"axes {number}"] = rows, slice(max(left, 0), right)
    return found


def compared(explorer: Explorer, replay: Callable[[Any], Any]) -> Iterator[tuple[dict[str, Any], str, float]]:
    """Yield the values, the place and the similarity there, of every stop and every axes."""
    moving, asked = explorer._moving, stops(explorer)
    version = None
    while version != moving.version:  # as for a page: one that moves late is missing from those before
        version = moving.version
        records = [moving.record(values) for values in asked]
    control = {"name": "stop", "label": "stop", "kind": "range", "initial": 0}
    control |= {"values": list(range(len(asked))), "texts": [str(i) for i in range(len(asked))]}
    stills = [
        still and {"box": still["box"], "png": base64.b64encode(still["png"]).decode()}
        for still in moving.stills()
    ]
    data = {"size": moving.size, "controls": [control], "stills": stills, "styles": [], "limit": ""}
    replayed = replay(data | {"records": {str(i): record for i, record in enumerate(records)}})
    for values, record, (caption, png) in zip(asked, records, replayed, strict=True):
        assert caption == record["caption"]
        alike = similarity(pixels(base64.b64decode(png)), drawn_afresh(moving, values))
        for place, box in boxes(moving).items():
            yield values, place, float(alike[box].mean())


@pytest.fixture
def replay(watch: Callable[..., Any]) -> Iterator[Callable[[Any], Any]]:
    watched = watch(device_scale_factor=2)
    script = SCRIPT.read_text(encoding="utf-8")
    watched.page.set_content(
        f"<!doctype html><meta charset=utf-8><script type=module>{script}\nglobalThis.mountPage = mountPage;"
        "</script>"
    )
    watched.page.wait_for_function("globalThis.mountPage !== undefined")
    yield lambda data: watched.page.evaluate(REPLAY, json.loads(json.dumps(data)))
    assert not watched.errors


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_explorer_replays_what_matplotlib_draws(path: Path, replay: Any, record_property: Any) -> None:
    ran = run_once(path)
    for number, explorer in enumerate(ran.explorers, start=1):
        name = next((name for name, value in ran.namespace.items() if value is explorer), f"number {number}")
        found = list(compared(explorer, replay))
        values, place, least = min(found, key=lambda one: one[2])
        record_property(name, f"{len(found)} comparisons, least {least:.4f} in {place} at {values}")
        assert least >= LEAST, f"{name}: {place} at {values} is only {least:.3f} like Matplotlib's own"


def heat_map() -> Explorer:
    figure, axes = panels("", "")
    for ax in axes:
        ax.set(xlim=(0, 3), ylim=(0, 3))
    mesh = axes[0].pcolormesh(np.zeros((3, 3)), cmap="PuOr", vmin=-1, vmax=1)
    bar = axes[1].bar([1, 2], [1, 1])

    def update(z: float = 0.0) -> str:
        mesh.set_array(z * np.sin(np.arange(9.0)).reshape(3, 3))
        bar[0].set_height(1 + z)
        return f"z = {z}"

    return explore(figure, update, z=(-1.0, 1.0, 0.5))


def test_a_frozen_artist_is_caught_in_its_axes(replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with style.context("helpers.house"):
        assert min(alike for _, _, alike in compared(heat_map(), replay)) >= LEAST
        note = MovingFigure._note
        monkeypatch.setattr(
            MovingFigure,
            "_note",
            lambda self, moved: note(self, {artist for artist in moved if not hasattr(artist, "get_cmap")}),
        )
        found = list(compared(heat_map(), replay))
    low = {place for _, place, alike in found if alike < LEAST}
    assert "axes 1" in low
    assert "axes 2" not in low
