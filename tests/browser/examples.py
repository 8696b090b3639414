"""Explorers whose pictures a test can read: pages and notebooks show the same ones."""

from __future__ import annotations

import time

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.explorer import Explorer, explore


def bare() -> tuple[Figure, Axes]:
    """Make a figure that is all axes from 0 to 1, with a green line at the right that never moves."""
    figure = Figure(figsize=(6, 2.4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    axes.axvline(0.9, color="lime", linewidth=8)
    return figure, axes


def one_line(start: float = 0.5) -> Explorer:
    """Show a line whose height, color and side are the caption's."""
    figure, axes = bare()
    line = axes.axhline(0.5, linewidth=8)

    def update(level: float = start, color: str = "blue", mirrored: bool = False) -> str:
        line.set(ydata=[1 - level if mirrored else level] * 2, color=color)
        return f"{color} at {level:.2f}{', mirrored' if mirrored else ''}"

    return explore(figure, update, level=(0.1, 0.9, 0.05), color=["blue", "red"], mirrored=False)


def fails_at_three() -> Explorer:
    """Show a line that has no place at one of its positions."""
    figure, axes = bare()
    line = axes.axhline(0.5, color="blue", linewidth=8)

    def update(step: int = 1) -> str:
        if step == 3:
            raise ValueError("three <is> too many")
        line.set_ydata([step / 10] * 2)
        return f"step {step}"

    return explore(figure, update, step=(1, 6, 1))


def slow(seconds: float = 0.15) -> Explorer:
    """Show a line that takes its time."""
    figure, axes = bare()
    line = axes.axhline(0.5, color="blue", linewidth=8)

    def update(step: int = 5) -> str:
        time.sleep(seconds)
        line.set_ydata([step / 20] * 2)
        return f"step {step}"

    return explore(figure, update, step=(1, 19, 1))


def moves_late() -> Explorer:
    """Show a blue line that moves always, and a red one that moves at one step, if the toggle lets it."""
    figure, axes = bare()
    always = axes.axhline(0.5, color="blue", linewidth=8)
    late = axes.axhline(0.2, color="red", linewidth=8)

    def update(step: int = 5, free: bool = False) -> str:
        always.set_ydata([step / 10] * 2)
        # Only an artist that is touched counts as moving, and few positions touch this one.
        height = 0.9 if free and step == 7 else 0.2
        if late.get_ydata()[0] != height:
            late.set_ydata([height] * 2)
        return f"step {step}"

    return explore(figure, update, step=(3, 8, 1), free=False)


def a_photo() -> Explorer:
    """Show an image, which travels as a picture and not as paths."""
    figure, axes = bare()
    grays = axes.imshow(np.zeros((10, 1, 3)), extent=(0, 0.8, 0, 1), aspect="auto", interpolation="nearest")

    def update(row: int = 2) -> str:
        pixels = np.ones((10, 1, 3))
        pixels[9 - row] = (0, 0, 1)
        grays.set_data(pixels)
        return f"row {row}"

    return explore(figure, update, row=(0, 9, 1))
