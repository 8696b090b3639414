"""The browser's replay held against Matplotlib's own picture of the same figure."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib import style
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image
from skimage.metrics import structural_similarity

from helpers.drawing import DATA, DEAD, SLOPE, VALUE, panels
from helpers.explorer import explore

X = np.linspace(-3, 3, 121)
Case = tuple[Figure, Callable[..., None]]


def line() -> Case:
    figure, (axes,) = panels()
    (curve,) = axes.plot(X, X)
    return figure, lambda t: curve.set_ydata(np.tanh(t * X))


def dashes() -> Case:
    figure, (axes,) = panels()
    curves = [axes.plot(X, X, dashes)[0] for dashes in ("--", ":", "-.")]
    return figure, lambda t: [c.set_ydata(np.sin(t * X + i)) for i, c in enumerate(curves)]


def gaps() -> Case:
    figure, (axes,) = panels()
    (curve,) = axes.plot(X, X)
    return figure, lambda t: curve.set_ydata(np.where(np.abs(X) < 0.3, np.nan, t * np.sin(2 * X)))


def markers() -> Case:
    figure, (axes,) = panels()
    (points,) = axes.plot(X[::6], X[::6], "o", color=DATA)
    (squares,) = axes.plot(X[::8], X[::8], "s", color=VALUE, mfc="white")

    def update(t: float) -> None:
        points.set_ydata(np.sin(t * X[::6]))
        squares.set_ydata(np.cos(t * X[::8]))

    return figure, update


def scatter() -> Case:
    figure, (axes,) = panels()
    rng = np.random.default_rng(0)
    places = rng.normal(size=(80, 2))
    plain = axes.scatter(*places.T, alpha=0.4, s=60)
    colored = axes.scatter(*places.T, c=rng.random(80), s=20 + 80 * rng.random(80))

    def update(t: float) -> None:
        plain.set_offsets(places * t / 3)
        colored.set_offsets(places[:, ::-1] * t / 3)

    return figure, update


def fill() -> Case:
    figure, (axes,) = panels()
    band = axes.fill_between(X, -1, 1, alpha=0.3, color=SLOPE)
    return figure, lambda t: band.set_data(X, -np.cos(t * X), 1)


def bars() -> Case:
    figure, (axes,) = panels()
    container = axes.bar(range(5), np.ones(5), edgecolor="black")
    axes.set_ylim(-3, 3)
    return figure, lambda t: [bar.set_height(np.sin(t * i)) for i, bar in enumerate(container)]


def histogram() -> Case:
    figure, (axes,) = panels()
    steps = axes.stairs(np.zeros(20), np.linspace(-3, 3, 21), fill=True, alpha=0.5)
    axes.set_ylim(0, 1)
    return figure, lambda t: steps.set_data(np.exp(-t * np.linspace(-3, 3, 20) ** 2))


def text() -> Case:
    figure, (axes,) = panels()
    plain = axes.text(0.1, 0.5, "", fontsize=14)
    rotated = axes.text(0.7, 0.3, "slope", rotation=35, color=SLOPE)

    def update(t: float) -> None:
        plain.set(text=f"learning rate {t:.2f}, quickly", y=t / 5)
        rotated.set_x(t / 4)

    return figure, update


def mathtext() -> Case:
    figure, (axes,) = panels()
    formula = axes.text(0.1, 0.5, "", fontsize=16)
    title = axes.title

    def update(t: float) -> None:
        formula.set(text=rf"$\sigma'(x) = \frac{{1}}{{4}},\ \sqrt{{{t:.1f}}}$", y=t / 5)
        title.set_text(rf"$k = {t:.1f}$")

    return figure, update


def arrows() -> Case:
    figure, (axes,) = panels()
    note = axes.annotate("here", (0, 0), (1, 1), arrowprops={"arrowstyle": "->"})
    thick = axes.annotate("", (0, 0), (-2, 1), arrowprops={"arrowstyle": "-|>", "lw": 2, "color": DEAD})
    grid = np.linspace(-2, 2, 5)
    field = axes.quiver(grid, grid, grid, grid)
    axes.set(xlim=(-3, 3), ylim=(-3, 3))

    def update(t: float) -> None:
        note.xy = (t - 2, 0.5)
        thick.set_position((-2, t - 1))
        field.set_UVC(np.cos(t * grid), np.sin(t * grid))

    return figure, update


def legend() -> Case:
    figure, (axes,) = panels()
    (curve,) = axes.plot(X, X, label="value")
    box = axes.legend(loc="upper left")

    def update(t: float) -> None:
        curve.set_ydata(t * X)
        box.get_texts()[0].set_text(f"slope {t:.1f}")

    return figure, update


def stacking() -> Case:
    figure, (axes,) = panels()
    (low,) = axes.plot(X, X, lw=12, color=VALUE, zorder=1)
    axes.plot(X, -X, lw=12, color=SLOPE, zorder=2)
    (high,) = axes.plot(X, X, lw=12, color=DATA, zorder=3)

    def update(t: float) -> None:
        low.set_ydata(t * np.sin(X))
        high.set_ydata(t * np.cos(X))

    return figure, update


def limits() -> Case:
    figure, (left, right) = panels("", "")
    left.plot(X, np.tanh(X))
    right.plot(X, X)

    def update(t: float) -> None:
        left.set_xlim(-t, t)

    return figure, update


def image() -> Case:
    figure, (axes,) = panels()
    shown = axes.imshow(np.zeros((4, 4)), vmin=-1, vmax=1, extent=(-3, 3, -1, 1))
    (curve,) = axes.plot(X, X, color="white")
    axes.set(xlim=(-3, 3), ylim=(-1, 1))

    def update(t: float) -> None:
        shown.set_data(np.sin(t + np.arange(16.0).reshape(4, 4)))
        curve.set_ydata(np.sin(t * X))

    return figure, update


def hatch() -> Case:
    figure, (axes,) = panels()
    band = axes.fill_between(X, -1, 1, alpha=0.3, hatch="//")
    return figure, lambda t: band.set_data(X, -np.cos(t * X), 1)


def many_polygons() -> Case:
    figure, (axes,) = panels()
    rng = np.random.default_rng(1)
    triangles = rng.normal(size=(1500, 3, 2)) * 0.05 + rng.normal(size=(1500, 1, 2))
    shapes = axes.add_collection(PolyCollection(triangles, facecolors=VALUE, alpha=0.5))
    axes.set(xlim=(-3, 3), ylim=(-3, 3))
    return figure, lambda t: shapes.set_verts(triangles * t)


def scribble() -> Case:
    figure, (axes,) = panels()
    places = np.random.default_rng(2).normal(size=(40_000, 2))
    (curve,) = axes.plot(*places.T, lw=0.5)
    axes.set(xlim=(-3, 3), ylim=(-3, 3))
    return figure, lambda t: curve.set_data(*(places * t / 9).T)


CASES = {
    case.__name__: case
    for case in (
        *(
            line,
            dashes,
            gaps,
            markers,
            scatter,
            fill,
            bars,
            histogram,
            text,
            mathtext,
            arrows,
            legend,
            stacking,
        ),
        *(limits, image, hatch, many_polygons, scribble),
    )
}
PICTURES = {"image", "hatch", "scribble"}


def gray(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"), dtype=float)


@pytest.fixture(scope="module", autouse=True)
def _house_style() -> Any:
    with style.context("helpers.house"):
        yield


@pytest.mark.parametrize("name", CASES)
def test_the_replay_looks_like_matplotlibs_own_picture(name: str, watch: Callable[..., Any]) -> None:
    figure, move = CASES[name]()

    def update(t: float = 1.0) -> str:
        move(t)
        return f"t = {t}"

    explorer = explore(figure, update, t=(1.0, 3.0, 0.5))
    watched = watch(device_scale_factor=2)
    watched.page.set_content(f"<!doctype html><meta charset=utf-8>{explorer.page()}")
    watched.page.wait_for_selector("figure[data-ready]")
    watched.page.locator("input[type=range]").press("End")
    watched.page.wait_for_function("document.querySelector('.explorer-caption').textContent == 't = 3.0'")
    replayed = gray(watched.page.locator("canvas").screenshot())
    expected = gray(explorer._moving.png({"t": 3.0}))
    unmoved = gray(explorer._moving.png({"t": 1.0}))
    assert replayed.shape == expected.shape
    similarity = structural_similarity(replayed, expected, data_range=255)
    assert similarity > 0.98
    # The measure can tell: the picture of another position is much further away.
    assert 1 - similarity < (1 - structural_similarity(unmoved, expected, data_range=255)) / 3
    assert not watched.errors


@pytest.mark.parametrize("name", CASES)
def test_only_what_has_no_light_paths_travels_as_a_picture(name: str) -> None:
    figure, move = CASES[name]()

    def update(t: float = 1.0) -> str:
        move(t)
        return "moved"

    explorer = explore(figure, update, t=(1.0, 3.0, 0.5))
    calls = [call for run in explorer._moving.record({"t": 2.0})["runs"] for call in run]
    assert any(call[0] == "png" for call in calls) == (name in PICTURES)
