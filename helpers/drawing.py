"""Figures of the page's width, and pictures that carry their caption.

The look itself is in `house.mplstyle`; a notebook asks for it with ``style.use("helpers.house")``.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_params_from_file
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_HOUSE = rc_params_from_file(Path(__file__).with_name("house.mplstyle"), use_default_template=False)
# Not "C0" and so on: Matplotlib looks those up when it draws, outside the style.
VALUE, SLOPE, DATA, DEAD, FLOW = _HOUSE["axes.prop_cycle"].by_key()["color"]
"""Colors by meaning: a function's value, its slope, data, what is dead or lost, what flows."""

WIDTH = 8.4  # inches; 840 pixels, the text width of a notebook page


def panels(*titles: str, height: float = 3.4, **settings: Any) -> tuple[Figure, list[Axes]]:
    """Make a figure as wide as the page, with axes side by side.

    Parameters
    ----------
    *titles : str
        One for each axes; none at all makes one axes without a title.
    height : float
        Height of the figure in inches.
    **settings
        Passed on to every axes' ``set``: ``xlabel``, ``ylim`` …

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes
        Always a list, also of one.
    """
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    row = list(figure.subplots(1, max(1, len(titles)), squeeze=False)[0])
    for axes, title in zip(row, titles or [""], strict=True):
        axes.set(title=title, **settings)
    return figure, row


class ValueAndSlope:
    """A function beside its slope: a curve with a point and its tangent, and the slope with the same point.

    Parameters
    ----------
    grid : array, shape (n,)
        The abscissas of both curves.
    value_title, slope_title : str
        What the two panels show.
    value_range, slope_range : (float, float)
        Their vertical limits.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    left, right : matplotlib.axes.Axes
        Value and slope, for whatever a lesson adds to them.
    """

    def __init__(
        self,
        grid: np.ndarray,
        value_title: str,
        slope_title: str,
        *,
        value_range: tuple[float, float],
        slope_range: tuple[float, float],
    ) -> None:
        self.figure, (self.left, self.right) = panels(value_title, slope_title, xlabel="$x$")
        margin = (grid[-1] - grid[0]) / 20
        for axes, limits in ((self.left, value_range), (self.right, slope_range)):
            axes.set(xlim=(grid[0] - margin, grid[-1] + margin), ylim=limits)
        nothing = np.full_like(grid, np.nan)
        (self._value,) = self.left.plot(grid, nothing, color=VALUE, label="value")
        (self._slope,) = self.right.plot(grid, nothing, color=SLOPE, label="slope")
        (self._tangent,) = self.left.plot([], [], "--", color=SLOPE, label="tangent")
        (self._point,) = self.left.plot([], [], "o", color=VALUE, label="point")
        (self._slope_point,) = self.right.plot([], [], "o", color=SLOPE, label="slope at the point")
        self._reach = (grid[-1] - grid[0]) / 8

    def draw(self, values: np.ndarray, slopes: np.ndarray) -> None:
        """Move both curves; values and slopes have the grid's shape."""
        self._value.set_ydata(values)
        self._slope.set_ydata(slopes)

    def mark(self, x: float, value: float, slope: float) -> None:
        """Move the point to x, and its tangent with it."""
        self._point.set_data([x], [value])
        self._slope_point.set_data([x], [slope])
        ends = np.array([x - self._reach, x + self._reach])
        self._tangent.set_data(ends, value + slope * (ends - x))


class Picture:
    """A finished figure with the caption that says in words and numbers what it shows.

    The caption is the picture's alternative text, and the part of it that a test can compare.
    """

    def __init__(self, figure: Figure, caption: str) -> None:
        if not isinstance(figure, Figure):
            raise TypeError(f"figure must be a matplotlib Figure, not {figure!r}")
        if not caption.strip():
            raise ValueError("caption must say what the picture shows; it is empty")
        self.figure, self.caption = figure, caption

    def __repr__(self) -> str:
        return f"Picture: {self.caption}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        file = io.BytesIO()
        self.figure.savefig(file, format="png", dpi=2 * self.figure.dpi)
        png = base64.b64encode(file.getvalue()).decode()
        width, height = self.figure.get_size_inches() * self.figure.dpi
        size = {"width": round(width), "height": round(height), "alt": self.caption}
        return {"image/png": png, "text/plain": repr(self)}, {"image/png": size}


def label_line(axes: Axes, line: Any, text: str, *, at: float, offset: tuple[float, float] = (4, 4)) -> Any:
    """Write a line's name beside it, in its color.

    Parameters
    ----------
    at : float
        The abscissa, in data units, at which to write.
    offset : (float, float)
        Shift of the text from the line, in points.
    """
    x, y = np.asarray(line.get_xydata(), dtype=float).T
    return axes.annotate(
        text, (at, float(np.interp(at, x, y))), offset, textcoords="offset points", color=line.get_color()
    )
