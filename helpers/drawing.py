"""Figures of the page's width, and pictures that carry their caption.

The look itself is in `house.mplstyle`; a notebook asks for it with ``style.use("helpers.house")``.
"""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_params_from_file
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from numpy.typing import ArrayLike

_HOUSE = rc_params_from_file(Path(__file__).with_name("house.mplstyle"), use_default_template=False)
# Not "C0" and so on: Matplotlib looks those up when it draws, outside the style.
VALUE, SLOPE, DATA, DEAD, FLOW = _HOUSE["axes.prop_cycle"].by_key()["color"]
"""Colors by meaning: a function's value, its slope, data, what is dead or lost, what flows."""

DRAWING = threading.RLock()
"""Held by whoever draws: widgets may answer beside running cells, and Matplotlib is not thread-safe."""

WIDTH = 8.4  # inches; 840 pixels, the text width of a notebook page

_ELLIPSE = 72  # corners of a contour drawn as an ellipse
_GRID = 121
_FAR = 1000  # views; a path that diverges ends there


def panels(
    *titles: str, columns: int | None = None, height: float = 3.4, **settings: Any
) -> tuple[Figure, list[Axes]]:
    """Make a figure as wide as the page, with axes side by side.

    Parameters
    ----------
    *titles : str
        One for each axes; none at all makes one axes without a title.
    columns : int, optional
        How many stand side by side; by default all. Further ones go into rows below.
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
    titles = titles or ("",)
    columns = columns or len(titles)
    places = list(figure.subplots(-(-len(titles) // columns), columns, squeeze=False).flat)
    row, spare = places[: len(titles)], places[len(titles) :]
    for axes, title in zip(row, titles, strict=True):
        axes.set(title=title, **settings)
    for axes in spare:
        axes.remove()
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


class LossPlane:
    """A loss over the plane of two weights: its contours, and a path of descent with its start and minimum.

    Every contour is one line, moved and never replaced, so that an explorer can change the loss and walk the
    path. The levels stay what they are: contours that lie closer mean a steeper loss.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw; it gets equal scales, so that angles and lengths are true.
    levels : sequence of float
        The values of the loss to draw, increasing.
    xlim, ylim : (float, float)
        The part of the plane to show.

    Attributes
    ----------
    axes : matplotlib.axes.Axes
        For whatever a lesson adds. The lines are labeled ``contour 0``, ``contour 1`` …, ``path``, ``steps``,
        ``start``, ``minimum`` and ``now``.
    levels : array, shape (n,)
    contours : list of n matplotlib.lines.Line2D
        One for each level, to give it another look.
    """

    def __init__(
        self,
        axes: Axes,
        levels: Sequence[float],
        *,
        xlim: tuple[float, float],
        ylim: tuple[float, float],
    ) -> None:
        self.axes, self.levels = axes, np.asarray(levels, dtype=float)
        if self.levels.ndim != 1 or not len(self.levels) or not (np.diff(self.levels) > 0).all():
            raise ValueError(f"levels must be numbers that increase, got {levels!r}")
        axes.set(xlim=xlim, ylim=ylim, aspect="equal", xlabel="$w_1$", ylabel="$w_2$")
        self._farthest = _FAR * max(xlim[1] - xlim[0], ylim[1] - ylim[0])
        self._grid = np.meshgrid(np.linspace(*xlim, _GRID), np.linspace(*ylim, _GRID))
        self._scratch = Figure().add_axes((0, 0, 1, 1))

        def line(style: str, label: str, **look: Any) -> Any:
            return axes.plot([], [], style, label=label, **look)[0]

        self.contours = [
            line("-", f"contour {i}", color=VALUE, lw=1, alpha=0.55) for i in range(len(self.levels))
        ]
        self._path = line("-", "path", color=FLOW, lw=1.3)
        self._steps = line("o", "steps", color=FLOW, ms=3)
        self._start = line("s", "start", color="black", mfc="white", ms=7)
        self._minimum = line("*", "minimum", color="black", ms=12)
        self._now = line("o", "now", color=FLOW, mec="black", ms=7)

    def draw_quadratic(self, hessian: ArrayLike, minimum: ArrayLike) -> None:
        """Move the contours to those of ½ (w − minimum)ᵀ hessian (w − minimum), which are exact ellipses.

        Parameters
        ----------
        hessian : array of shape (2, 2)
            Symmetric and positive definite.
        minimum : array of shape (2,)

        Raises
        ------
        ValueError
            If the loss has no minimum: an eigenvalue of the Hessian is not positive.
        """
        H, center = np.asarray(hessian, dtype=float), np.asarray(minimum, dtype=float)
        if H.shape != (2, 2) or not np.isfinite(H).all() or not np.allclose(H, H.T):
            raise ValueError(f"hessian must be a symmetric 2 × 2 array, got {hessian!r}")
        curvatures, directions = np.linalg.eigh(H)
        if curvatures[0] <= 0:
            raise ValueError(f"hessian must be positive definite, its eigenvalues are {curvatures}")
        angle = np.linspace(0, 2 * np.pi, _ELLIPSE + 1)
        circle = np.column_stack([np.cos(angle), np.sin(angle)])
        for contour, level in zip(self.contours, self.levels, strict=True):
            radii = np.sqrt(2 * max(level, 0.0) / curvatures)
            contour.set_data(*(center + (radii * circle) @ directions.T).T)
        self.mark_minimum(center)

    def draw_loss(self, loss: Callable[[np.ndarray, np.ndarray], ArrayLike]) -> None:
        """Move the contours to those of any loss, found on a grid of 121 × 121 points of the view.

        Parameters
        ----------
        loss : callable
            Takes w₁ and w₂, arrays of one shape, and returns the loss in that shape; nan leaves a gap.
        """
        heights = np.asarray(loss(*self._grid), dtype=float)
        if heights.shape != self._grid[0].shape:
            raise ValueError(f"loss must return the shape of its arguments, got {heights.shape}")
        heights = np.ma.masked_invalid(heights)
        for contour, level in zip(self.contours, self.levels, strict=True):
            pieces: list[Any] = []
            if heights.min() < level < heights.max():  # elsewhere Matplotlib warns that it finds nothing
                found = self._scratch.contour(*self._grid, heights, levels=[level])
                pieces = [_gapped(outline) for outline in found.get_paths()]
                found.remove()
            contour.set_data(*(np.concatenate(pieces).T if pieces else ([], [])))

    def draw_path(self, path: ArrayLike) -> None:
        """Move the path, its start and its present end.

        Parameters
        ----------
        path : array of shape (n, 2), n ≥ 1
            Every w visited, as `helpers.descent.descend` returns it. Draw ``path[: k + 1]`` to show step k.
            A path that diverges leaves the view.
        """
        points = np.asarray(path, dtype=float)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
            raise ValueError(f"path must be finite, of shape (n, 2) with n ≥ 1, got shape {points.shape}")
        # A browser draws nothing sensible at coordinates beyond an int32.
        points = np.clip(points, -self._farthest, self._farthest)
        self._path.set_data(*points.T)
        self._steps.set_data(*points.T)
        self._start.set_data(*points[:1].T)
        self._now.set_data(*points[-1:].T)

    def mark_minimum(self, minimum: ArrayLike) -> None:
        """Move the star; `draw_quadratic` does it by itself.

        Parameters
        ----------
        minimum : array of shape (2,), or of shape (n, 2) for several minima
        """
        self._minimum.set_data(*np.atleast_2d(np.asarray(minimum, dtype=float)).T)


def _gapped(outline: Outline) -> np.ndarray:
    """Return the vertices of a contour of several parts, with nan before each part."""
    vertices, begins = np.asarray(outline.vertices, dtype=float), outline.codes == Outline.MOVETO
    return np.insert(vertices, np.flatnonzero(begins), np.nan, axis=0)


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
        with DRAWING:
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
