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


def panels(columns: int = 1, *, height: float = 3.4, **options: Any) -> tuple[Figure, list[Axes]]:
    """Make a figure with a row of axes, as wide as the page.

    Parameters
    ----------
    columns : int
        How many axes stand side by side.
    height : float
        Height of the figure in inches. The width is that of the page.
    **options
        Passed on to `matplotlib.figure.Figure.subplots` (``sharex``, ``width_ratios`` …).

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes
        Always a list, also of one.
    """
    if columns < 1:
        raise ValueError(f"columns must be at least 1, not {columns!r}")
    figure = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False, **options)
    return figure, list(axes[0])


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
