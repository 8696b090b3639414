"""The pieces of the plane on which a ReLU network is affine, exactly: their polygons, patterns and maps.

A network of ReLUs is affine wherever no unit changes sides. Where a unit's pre-activation is 0 the network
has a *fold*. The folds of the first layer are straight lines; a later layer's are straight inside every
region of the layers before it. So the regions can be cut out one unit at a time, and each stays convex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.network import one_thread

Array = NDArray[np.float64]

SLIVER = 1e-9
"""A fold that would cut off a piece narrower than this share of the box's side does not cut."""

NARROWEST_BOX = 1e-4
"""The least side of a box, relative to how far it reaches from 0: closer together, points lose digits."""

_ROUNDING = 1e-14  # of the terms that a pre-activation is the sum of; below it, its sign means nothing
_LEAST = 1e-290  # below it, the terms of a pre-activation and their errors are no longer floats
_BORDER = -1  # what an edge of the box is labeled with, instead of a unit


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a network inside a box; ``len()`` counts them.

    All arrays have one entry for each of the R regions. They are read-only.

    Attributes
    ----------
    box : (float, float)
        The square is box × box.
    widths : tuple of int
        Units in each hidden layer.
    vertices : array of shape (R, K, 2)
        Corners counterclockwise, where K is the largest number; fewer are filled up with the last.
    sizes : integers of shape (R,)
        How many corners each region has.
    edges : integers of shape (R, K)
        Which unit's fold the edge from a corner to the next lies on, −1 for the border of the box. Units are
        numbered through all layers. Of units with the same fold it is the first.
    patterns : bools of shape (R, sum of widths)
        Which units are active (pre-activation > 0), layer by layer.
    A, c : arrays of shape (R, n, 2) and (R, n)
        The affine map of the last hidden layer's n outputs: y = A x + c in the whole region.
    """

    box: tuple[float, float]
    widths: tuple[int, ...]
    vertices: Array
    sizes: NDArray[np.int64]
    edges: NDArray[np.int64]
    patterns: NDArray[np.bool_]
    A: Array
    c: Array

    def __post_init__(self) -> None:
        for name in ("vertices", "sizes", "edges", "patterns", "A", "c"):
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.sizes)

    def __repr__(self) -> str:
        low, high = self.box
        return f"Regions({len(self)} in [{low:g}, {high:g}]², widths {list(self.widths)})"

    @property
    def polygons(self) -> list[Array]:
        """The corners of each region, an array of shape (k, 2), counterclockwise."""
        return [corners[:k] for corners, k in zip(self.vertices, self.sizes.tolist(), strict=True)]

    @property
    def centers(self) -> Array:
        """The mean of each region's corners, a point inside it; shape (R, 2)."""
        return _centers(self.vertices, self.sizes)

    @property
    def areas(self) -> Array:
        """Area of each region; together they are the area of the box."""
        corner = self.vertices - self.vertices[:, :1]  # relative: far from 0 the products would cancel
        after = np.roll(corner, -1, axis=1)
        return (corner[..., 0] * after[..., 1] - corner[..., 1] * after[..., 0]).sum(axis=1) / 2

    def at(self, point: ArrayLike) -> int:
        """Return the index of the region that a point lies in; on a fold, of one of those that meet there.

        It looks at the polygons alone, not at the network.

        Parameters
        ----------
        point : array of shape (2,)

        Raises
        ------
        ValueError
            If it is not two numbers inside the box.
        """
        x, (low, high) = np.asarray(point, dtype=float), self.box
        if x.shape != (2,) or not ((x >= low) & (x <= high)).all():
            raise ValueError(f"point must be two numbers from {low:g} to {high:g}, got {point!r}")
        corner = self.vertices - x
        edge = np.roll(corner, -1, axis=1) - corner
        # How far inside each edge the point lies; edges of length 0 only fill up.
        length = np.hypot(edge[..., 0], edge[..., 1])
        inside = corner[..., 0] * edge[..., 1] - corner[..., 1] * edge[..., 0]
        depth = np.divide(inside, length, out=np.full_like(length, np.inf), where=length > 0)
        return int(depth.min(axis=1).argmax())

    def folds(self, layer: int | None = None, unit: int | None = None) -> Array:
        """Return the folds as segments, each once, of shape (m, 2, 2): two ends of two coordinates.

        Parameters
        ----------
        layer : int, optional
            Only folds of this hidden layer, counted from 0.
        unit : int, optional
            Only the fold of this unit of the layer, counted from 0.
        """
        if layer is not None and not 0 <= layer < len(self.widths):
            raise ValueError(f"layer must be from 0 to {len(self.widths) - 1}, got {layer!r}")
        if unit is not None and (layer is None or not 0 <= unit < self.widths[layer]):
            raise ValueError(f"unit must be one of a layer's units, got layer={layer!r}, unit={unit!r}")
        first = 0 if layer is None else sum(self.widths[:layer])
        last = sum(self.widths) if layer is None else first + self.widths[layer]
        if unit is not None:
            first, last = first + unit, first + unit + 1
        real = np.arange(self.edges.shape[1]) < self.sizes[:, None]
        region, corner = np.nonzero(real & (self.edges >= first) & (self.edges < last))
        # Of the two regions at a fold, the one where its unit is active.
        active = self.patterns[region, self.edges[region, corner]]
        region, corner = region[active], corner[active]
        after = np.where(corner + 1 < self.sizes[region], corner + 1, 0)
        return np.stack([self.vertices[region, corner], self.vertices[region, after]], axis=1)


@one_thread
def linear_regions(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], box: tuple[float, float] = (-1.0, 1.0)
) -> Regions:
    """Cut a square of the plane into the regions on which a ReLU network is one affine map.

    A region is where every unit keeps its side: the points with one activation pattern. Two neighbors can
    still have the same map, where all units above a fold are dead; they count as two.

    Parameters
    ----------
    weights : sequence of arrays of shape (n_out, n_in)
        One for each hidden layer, one unit per row; the first has n_in = 2.
    biases : sequence of arrays of shape (n_out,)
        One for each hidden layer.
    box : (float, float)
        The least and the largest of both coordinates.

    Returns
    -------
    Regions

    Raises
    ------
    ValueError
        If a shape or the box is wrong, or a number is nan, infinite or so large that the network overflows.

    Notes
    -----
    The result is exact up to rounding, with one rule for slivers. A corner closer to a fold than `SLIVER`
    times the side of the box counts as on it (so does one where the pre-activation is only rounding). A fold
    cuts a region only if corners lie off it on both sides. A region that is not cut counts as active for a
    unit if the unit is so at the region's center. So units with one fold, folds through one point and
    folds along an edge of the box give what they give on paper, and no region is lost.

    One layer of n units in general position has at most 1 + n + n(n−1)/2 regions (Zaslavsky 1975). Special
    weights give a number exponential in the depth (Montúfar, Pascanu, Cho & Bengio 2014, arXiv:1402.1869).
    At random initialization it is about N²/2 in a large box for N units, whatever the depth (Hanin & Rolnick
    2019, arXiv:1906.00904, who call what is counted here *activation regions*).

    The time is proportional to the number of regions, times the units of a layer.

    Examples
    --------
    >>> len(linear_regions([[[1, 0], [0, 1], [1, 1]]], [[0, 0, -0.5]]))
    7
    """
    Ws, bs, (low, high) = _checked(weights, biases, box)
    square = np.array([[low, low], [high, low], [high, high], [low, high]])
    cells = _Cells(square, tolerance=SLIVER * (high - low))
    # A signal as an affine map in each region: its slopes along both axes and its value at 0. Units come
    # first, regions last: then one unit's numbers lie side by side, and a layer is one matrix product.
    maps = np.array([[[1.0], [0.0], [0.0]], [[0.0], [1.0], [0.0]]])
    reach, patterns, units = max(abs(low), abs(high)), np.empty((0, 1), dtype=bool), 0
    with np.errstate(over="ignore", invalid="ignore"):
        for W, b in zip(Ws, bs, strict=True):
            sizes = (np.abs(maps[:, 0]) + np.abs(maps[:, 1])) * reach + np.abs(maps[:, 2])
            largest = sizes.max(axis=0)
            if _underflows(W, b, sizes):
                raise ValueError("weights must not be so small that the network's signals underflow")
            rounding = _ROUNDING * (np.outer(np.abs(W).sum(axis=1), largest) + np.abs(b)[:, None])
            if not np.isfinite(rounding).all():
                raise ValueError("weights must not be so large that the network's signals overflow")
            maps = (W @ maps.reshape(W.shape[1], -1)).reshape(len(W), 3, -1)
            maps[:, 2] += b[:, None]
            parent = cells.split(maps, rounding, first=units)
            maps, active = cells.rectified(maps, rounding, parent)
            patterns, units = np.concatenate([patterns.take(parent, axis=1), active]), units + len(b)
    widths = tuple(len(b) for b in bs)
    A, c = maps[:, :2].transpose(2, 0, 1), maps[:, 2].T
    return Regions((low, high), widths, cells.vertices, cells.sizes, cells.edges, patterns.T, A, c)


class _Cells:
    """Convex polygons that are cut again and again, in arrays that have room to spare."""

    def __init__(self, polygon: Array, tolerance: float) -> None:
        self._tolerance, self._count = tolerance, 1
        self._vertices = polygon[None].copy()
        self._sizes = np.array([len(polygon)])
        self._edges = np.full((1, len(polygon)), _BORDER)

    @property
    def vertices(self) -> Array:
        return self._vertices[: self._count]

    @property
    def sizes(self) -> NDArray[np.int64]:
        return self._sizes[: self._count]

    @property
    def edges(self) -> NDArray[np.int64]:
        return self._edges[: self._count]

    def split(self, maps: Array, rounding: Array, first: int) -> NDArray[np.int64]:
        """Cut along the folds of a layer, unit by unit.

        Parameters
        ----------
        maps : array of shape (n, 3, R)
            The pre-activations of the layer's n units in each cell.
        rounding : array of shape (n, R)
            How large their errors may be.
        first : int
            The number of the layer's first unit.

        Returns
        -------
        integers, one for each cell that there is now
            Which cell it is a part of.
        """
        middle = _centers(self.vertices, self.sizes)
        reach = np.abs(self.vertices - middle[:, None]).max(axis=1).T
        parent = np.arange(self._count)
        for number, (unit, error) in enumerate(zip(maps, rounding, strict=True)):
            # Most folds miss most cells, and the rectangle about a cell tells so.
            near = np.abs(_at(unit, middle)) <= (np.abs(unit[:2]) * reach).sum(axis=0)
            cells = np.flatnonzero(near[parent])
            slopes_x, slopes_y, at_0 = unit.take(parent[cells], axis=1)[..., None]
            corners = self._vertices.take(cells, axis=0)
            z = corners[..., 0] * slopes_x + corners[..., 1] * slopes_y + at_0
            limit = self._tolerance * np.hypot(slopes_x, slopes_y) + error[parent[cells], None]
            cut = (z.max(axis=1) > limit[:, 0]) & (z.min(axis=1) < -limit[:, 0])
            if cut.any():
                cells = cells[cut]
                self._cut(cells, corners[cut], z[cut], limit[cut], first + number)
                parent = np.concatenate([parent, parent[cells]])
        return parent

    def rectified(
        self, maps: Array, rounding: Array, parent: NDArray[np.int64]
    ) -> tuple[Array, NDArray[np.bool_]]:
        """Return the signals after the ReLUs, shape (n, 3, cells), and which units are active, (n, cells)."""
        middle = _centers(self.vertices, self.sizes)
        active = np.empty((len(maps), self._count), dtype=bool)
        signals = np.empty((len(maps), 3, self._count))
        for number, unit in enumerate(maps):
            here = unit.take(parent, axis=1)
            active[number] = _at(here, middle) > rounding[number].take(parent)
            np.multiply(here, active[number], out=signals[number])
        return signals, active

    def _cut(self, cells: NDArray[np.int64], corners: Array, z: Array, limit: Array, unit: int) -> None:
        """Replace each cell by its part with z > 0, and append the part with z < 0."""
        edges, sizes = self._edges[cells], self._sizes[cells]
        corners, edges, sizes = _kept(
            np.concatenate([corners, corners]),
            np.concatenate([edges, edges]),
            np.concatenate([sizes, sizes]),
            np.concatenate([z, -z]),
            np.concatenate([limit, limit]),
            unit,
        )
        self._make_room(self._count + len(cells), corners.shape[1])
        places = np.concatenate([cells, np.arange(self._count, self._count + len(cells))])
        self._count += len(cells)
        width = self._vertices.shape[1]
        fill = np.minimum(np.arange(width), corners.shape[1] - 1)
        self._vertices[places], self._edges[places] = corners[:, fill], edges[:, fill]
        self._sizes[places] = sizes

    def _make_room(self, count: int, width: int) -> None:
        have, wide = self._edges.shape
        if count > have:
            more = max(count, 2 * have) - have
            self._vertices = np.concatenate([self._vertices, np.empty((more, wide, 2))])
            self._edges = np.concatenate([self._edges, np.empty((more, wide), dtype=np.int64)])
            self._sizes = np.concatenate([self._sizes, np.empty(more, dtype=np.int64)])
        if width > wide:
            fill = np.minimum(np.arange(width), wide - 1)
            self._vertices, self._edges = self._vertices[:, fill], self._edges[:, fill]


def _kept(
    corners: Array, edges: NDArray[np.int64], sizes: NDArray[np.int64], z: Array, limit: Array, unit: int
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Return the part of each polygon where z ≥ 0; the new edge gets the number of the unit.

    All polygons at once, after Sutherland & Hodgman 1974: follow each corner by the point, if there is one,
    where the edge after it crosses the fold; then leave out what lies behind.
    """
    number = np.arange(corners.shape[1])
    real = number < sizes[:, None]
    after = np.where(number + 1 < sizes[:, None], number + 1, 0)
    z_after = np.take_along_axis(z, after, axis=1)
    leaves, enters = (z > limit) & (z_after < -limit), (z < -limit) & (z_after > limit)
    crosses = real & (leaves | enters)
    share = np.divide(z, z - z_after, out=np.zeros_like(z), where=crosses)
    crossing = corners + share[..., None] * (np.take_along_axis(corners, after[..., None], axis=1) - corners)

    keep = np.stack([real & (z >= -limit), crosses], axis=2)
    points = np.stack([corners, crossing], axis=2)
    along_fold = np.stack([(z <= limit) & (z_after < -limit), leaves], axis=2)
    labels = np.where(along_fold, unit, edges[..., None])

    row, place, second = np.nonzero(keep)
    sizes = keep.sum(axis=(1, 2))
    # Where each row of the kept points starts, and which of them stands in each place.
    start = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    chosen = start[:, None] + np.minimum(np.arange(sizes.max()), sizes[:, None] - 1)
    points, labels = points[row, place, second], labels[row, place, second]
    return points[chosen], labels[chosen], sizes


def _centers(vertices: Array, sizes: NDArray[np.int64]) -> Array:
    real = np.arange(vertices.shape[1]) < sizes[:, None]
    return (vertices * real[..., None]).sum(axis=1) / sizes[:, None]


def _at(unit: Array, points: Array) -> Array:
    """Return a unit's value at one point of each region; the unit has shape (3, R), the points (R, 2)."""
    return unit[0] * points[:, 0] + unit[1] * points[:, 1] + unit[2]


def _checked(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], box: Any
) -> tuple[list[Array], list[Array], tuple[float, float]]:
    Ws = [_numbers(f"weights[{layer}]", W) for layer, W in enumerate(weights)]
    bs = [_numbers(f"biases[{layer}]", b) for layer, b in enumerate(biases)]
    if not Ws or len(Ws) != len(bs):
        raise ValueError(
            "weights and biases need one array for each hidden layer, at least one, "
            f"got {len(Ws)} and {len(bs)}"
        )
    n_in = 2
    for layer, (W, b) in enumerate(zip(Ws, bs, strict=True)):
        if W.ndim != 2 or W.shape[1] != n_in or len(W) == 0:
            why = "the input is a point of the plane" if layer == 0 else f"layer {layer - 1} has {n_in} units"
            raise ValueError(f"weights[{layer}] must have shape (n_out, {n_in}), {why}; got {W.shape}")
        if b.shape != W.shape[:1]:
            raise ValueError(f"biases[{layer}] must have shape {W.shape[:1]}, got {b.shape}")
        n_in = len(W)
    return Ws, bs, _box(box)


def _underflows(W: Array, b: Array, sizes: Array) -> bool:
    """Tell whether a pre-activation is lost below the smallest floats; sizes are those of the signals."""
    weights = np.abs(W)
    least = [array.min(where=array > 0, initial=1) for array in (weights, sizes)]
    if least[0] * least[1] >= _LEAST:
        return False
    arriving = (weights > 0).astype(float) @ (sizes > 0) > 0
    return bool((arriving & (weights @ sizes + np.abs(b)[:, None] < _LEAST)).any())


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array of numbers, got {values!r}") from None
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} must have finite entries, got {array[where]} at {where}")
    return array


def _box(box: Any) -> tuple[float, float]:
    ends = _numbers("box", box)
    if ends.shape != (2,) or not ends[0] < ends[1]:
        raise ValueError(f"box must be two numbers, the smaller first, got {box!r}")
    low, high = (float(end) for end in ends)
    reach = max(abs(low), abs(high))
    if not high - low >= NARROWEST_BOX * reach or not np.isfinite(high - low):
        raise ValueError(
            f"box must have a side of at least {NARROWEST_BOX:g} times its largest coordinate, got {box!r}"
        )
    return low, high
