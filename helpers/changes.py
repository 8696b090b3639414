"""See which artists of a figure a call changed, by what they keep and by what they draw.

Matplotlib marks an artist as stale when most setters are called, but not when a value is assigned, when an
array is changed in place, or by ``set_array`` of a collection. So nothing here relies on that mark alone.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.cbook import CallbackRegistry
from matplotlib.colors import Colormap
from matplotlib.figure import FigureBase
from matplotlib.inset import InsetIndicator
from matplotlib.legend import Legend
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.patches import ConnectionPatch
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import (
    Affine2D,
    Bbox,
    BboxBase,
    Transform,
    TransformedPatchPath,
    TransformedPath,
    TransformNode,
)

_LIBRARY = ("matplotlib.", "mpl_toolkits.")
# They draw by what others are: the axes they reach into, the lines they keep clear of.
_RELATED = (AnnotationBbox, ConnectionPatch, InsetIndicator)
_NUMBERS = (np.ndarray, Affine2D, Bbox)
_PROBE = np.array([[0.1, 0.2], [0.3, 0.7], [0.9, 0.4]])


class Changes:
    """Watches artists: after a call, says which of them keep other values than before it or draw otherwise.

    Parameters
    ----------
    artists : iterable of matplotlib.artist.Artist
        In no order. What belongs to an artist, such as the texts of a legend, is watched with it.
    renderer : matplotlib.backend_bases.RendererBase
        Measures texts.
    """

    def __init__(self, artists: Iterable[Artist], renderer: RendererBase) -> None:
        self._sketch = Sketch(renderer)
        self._drawn: dict[Artist, int] = {}
        self._artists = set(artists)
        self._parts = [(artist, part) for artist in self._artists for part in artist.findobj()]
        self._related = {artist for artist, part in self._parts if _is_related(part)}
        owners: dict[int, set[Artist]] = {}
        kept: dict[int, Any] = {}
        for artist in self._artists:
            for thing in _kept_by(artist, self._artists):
                owners.setdefault(id(thing), set()).add(artist)
                kept[id(thing)] = thing
        numbers = {number for number, thing in kept.items() if isinstance(thing, _NUMBERS)}
        self._numbers = [(kept[number], owners[number]) for number in numbers]
        self._holders = [(_values(kept[number]), owners[number]) for number in kept.keys() - numbers]
        self.begin()

    def begin(self) -> None:
        """Note what the artists keep now."""
        for _, part in self._parts:
            part.stale = False
        self._digits = [_digits(array) for array, _ in self._numbers]
        self._lengths = [len(values) for values, _ in self._holders]
        self._held = [*chain.from_iterable(values for values, _ in self._holders)]

    def touched(self) -> set[Artist]:
        """Return the artists that keep other values than at `begin`, or were marked as stale since then."""
        found = {artist for artist, part in self._parts if part.stale}
        for (array, owners), before in zip(self._numbers, self._digits, strict=True):
            if _digits(array) != before:
                found |= owners
        return found | self._owners_of_what_is_held_anew()

    def redrawn(self, *, thorough: bool) -> set[Artist]:
        """Return the artists that draw otherwise than when they were first looked at.

        Parameters
        ----------
        thorough : bool
            Let every artist draw, which takes long; else only those that draw by what others are.
        """
        found = set()
        for artist in self._artists if thorough else self._related:
            now = self._sketch.of(artist)
            if self._drawn.setdefault(artist, now) != now:
                found.add(artist)
        return found

    def _owners_of_what_is_held_anew(self) -> set[Artist]:
        # All at once first, as mostly nothing is.
        now = [*chain.from_iterable(values for values, _ in self._holders)]
        if len(now) == len(self._held) and all(map(operator.is_, now, self._held)):
            return set()
        found, before = set[Artist](), iter(self._held)
        for (values, owners), length in zip(self._holders, self._lengths, strict=True):
            held = [*islice(before, length)]
            if len(values) != length or not all(map(operator.is_, values, held)):
                found |= owners
        return found

    def forget(self, artists: Iterable[Artist]) -> None:
        """Watch these no longer."""
        gone = set(artists)
        self._artists -= gone
        self._related -= gone
        self._parts = [(artist, part) for artist, part in self._parts if artist not in gone]
        self._numbers = [(array, owners - gone) for array, owners in self._numbers if owners - gone]
        self._holders = [(values, owners - gone) for values, owners in self._holders if owners - gone]
        self.begin()


class Sketch(RendererBase):
    """A renderer that draws nothing and notes all that it is asked to draw."""

    def __init__(self, renderer: RendererBase) -> None:
        super().__init__()
        self._renderer = renderer
        self._calls: list[Any] = []

    def of(self, artist: Artist) -> int:
        """Return a number that is another one as soon as the artist draws otherwise."""
        if isinstance(artist, Axis):
            return hash(_plain(_ticks(artist)))
        self._calls = []
        artist.draw(self)
        return hash(tuple(self._calls))

    def _note(self, *what: Any, **more: Any) -> None:
        self._calls.append(_plain([*what, *more.values()]))

    draw_path = draw_markers = draw_path_collection = draw_quad_mesh = _note
    draw_gouraud_triangles = draw_image = draw_text = draw_tex = _note

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the size in pixels."""
        return self._renderer.get_canvas_width_height()

    def points_to_pixels(self, points: Any) -> Any:
        """Convert points (1/72 inch) to pixels."""
        return self._renderer.points_to_pixels(points)

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        """Measure a text in pixels."""
        return self._renderer.get_text_width_height_descent(s, prop, ismath)


def _ticks(axis: Axis) -> list[Any]:
    # To draw an axis takes longer than all else in its axes; its marks say what it draws.
    if not axis.get_visible():
        return []
    major: Any = axis.get_majorticklocs()
    minor: Any = axis.get_minorticklocs()
    texts = axis.get_major_formatter().format_ticks(major), axis.get_minor_formatter().format_ticks(minor)
    return [major, minor, *texts]


def _is_related(part: Artist) -> bool:
    """Tell whether a part may draw otherwise though nothing that it keeps changes."""
    own = isinstance(part, _RELATED) or not type(part).__module__.startswith(_LIBRARY)
    if isinstance(part, Legend):
        return own or vars(part)["_loc_real"] == 0  # "best"
    if isinstance(part, Annotation):
        return own or not all(isinstance(where, str | tuple) for where in (part.xycoords, part.anncoords))
    if isinstance(part, Axis):
        tools = (part.major.locator, part.major.formatter, part.minor.locator, part.minor.formatter)
        return own or any(hasattr(t, "func") or not type(t).__module__.startswith(_LIBRARY) for t in tools)
    return own or isinstance(part.get_clip_path(), TransformedPatchPath)


def _kept_by(artist: Artist, others: Iterable[Artist]) -> Iterator[Any]:
    """Yield what an artist keeps that can change in place, itself included: objects, lists, arrays."""
    apart, seen = set(others) - {artist}, set[int]()
    left: list[Any] = [artist]
    while left:
        thing: Any = left.pop()
        if id(thing) in seen or (thing is not artist and _stands_apart(thing, apart)):
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            if thing.flags.writeable:
                yield thing
        elif isinstance(thing, Axis | Affine2D | Bbox):
            yield thing  # of an axis no more: the ticks that it makes and drops are seen by their marks
        elif isinstance(thing, TransformNode):
            # They keep results, too, which come and go.
            left += [part for part in vars(thing).values() if isinstance(part, TransformNode)]
        elif isinstance(thing, tuple):
            left += thing
        elif isinstance(thing, list | dict | Artist) or (
            type(thing).__module__.startswith(_LIBRARY) and hasattr(thing, "__dict__")
        ):
            yield thing
            if not isinstance(thing, Colormap):  # all artists share a few, with hundreds of colors each
                left += _values(thing)


def _stands_apart(thing: Any, apart: set[Artist]) -> bool:
    if isinstance(thing, Artist):
        return thing in apart or isinstance(thing, Axes | FigureBase)
    return isinstance(thing, CallbackRegistry | RendererBase | type)


def _values(holder: Any) -> Any:
    """Return a live view of what a list, a dict or an object holds."""
    return holder if isinstance(holder, list) else getattr(holder, "__dict__", holder).values()


def _digits(numbers: Any) -> bytes:
    if isinstance(numbers, Affine2D):
        return numbers.get_matrix().tobytes()
    if isinstance(numbers, Bbox):
        return numbers.get_points().tobytes()
    return np.asarray(numbers).tobytes()


def _plain(value: Any) -> Any:
    """Write what an artist hands to a renderer as a value that can be compared."""
    if isinstance(value, np.ma.MaskedArray):
        return _plain([np.ma.getdata(value), np.ma.getmaskarray(value)])
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Path):
        return _plain([value.vertices, value.codes])
    if isinstance(value, GraphicsContextBase):
        return _plain(list(vars(value).values()))
    if isinstance(value, BboxBase):
        return value.get_points().tobytes()
    if isinstance(value, TransformedPath):
        return _plain(value.get_fully_transformed_path())
    if isinstance(value, Transform):
        return (value.get_matrix() if value.is_affine else value.transform(_PROBE)).tobytes()
    # What is not a number equals nothing, not even itself.
    return "nan" if isinstance(value, float) and value != value else value
