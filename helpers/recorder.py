"""Split a figure into what stays and what moves, and record what moves so that a browser can draw it again.

What stays is drawn once, as pictures. What moves is recorded as plain data (lists, strings and numbers):
styles, and for each drawing call a path in SVG path syntax. A browser replays it on a canvas at any
resolution. What a canvas cannot repeat faithfully (images, hatches, gouraud shading), or what is heavier as
paths than as pixels, is recorded as a picture of the moving part.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import Collection, QuadMesh
from matplotlib.colors import to_hex
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Transform
from PIL import Image

from helpers.changes import Changes

SCREEN_DPI = 100
"""An inch of a figure is 100 pixels of a plain screen."""

PIXEL_RATIO = 2
"""Everything is drawn at twice that resolution, so that it stays sharp on dense screens."""

UNITS_PER_PIXEL = 10
"""Recorded coordinates are whole numbers of 1/10 pixel as drawn, 1/20 pixel of a plain screen."""

HEAVY = 40_000
"""Bytes of recorded paths above which a picture of the moving part is tried, and sent if it is lighter."""

_MOVE, _LINE, _CURVE3, _CURVE4 = (int(code) for code in (Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE4))
_LETTERS = {_MOVE: "M", _LINE: "L", _CURVE3: "Q", _CURVE4: "C"}
_VERTICES = {_MOVE: 1, _LINE: 1, _CURVE3: 2, _CURVE4: 3}
_FAR = 1_000_000  # recorded units; a canvas draws beyond its border without harm, but not beyond int32


class NotRecordable(Exception):  # noqa: N818 - it says what the drawing is, not that something went wrong
    """The artist draws something that has no path: an image, a hatch, a shaded triangle."""


def path_to_svg(path: Path) -> str:
    """Write a cleaned path in SVG path syntax.

    Parameters
    ----------
    path : matplotlib.path.Path
        Vertices in pixels as drawn, y downwards, with codes.

    Returns
    -------
    str
        In recorded units. Runs of straight lines are relative, which halves their length; all else is
        absolute.
    """
    points = np.clip(np.rint(np.asarray(path.vertices, dtype=float) * UNITS_PER_PIXEL), -_FAR, _FAR).astype(
        int
    )
    codes = np.asarray(path.codes).tolist()
    pieces: list[str] = []
    i = 0
    while i < len(codes):
        code = codes[i]
        if code == Path.STOP:
            break
        if code == Path.CLOSEPOLY:
            pieces.append("Z")
            i += 1
            continue
        stop = i + _VERTICES[code]
        if code == _LINE and i > 0 and codes[i - 1] != Path.CLOSEPOLY:
            while stop < len(codes) and codes[stop] == _LINE:
                stop += 1
            numbers, letter = np.diff(points[i - 1 : stop], axis=0), "l"
        else:
            numbers, letter = points[i:stop], _LETTERS[code]
        pieces.append(letter + " ".join(map(str, numbers.ravel().tolist())))
        i = stop
    return "".join(pieces)


class Recorder(RendererBase):
    """Records the artists it is handed as path commands.

    Parameters
    ----------
    width, height : float
        Size of the figure in pixels as drawn.
    dpi : float
        Pixels as drawn per inch.

    Attributes
    ----------
    styles : list of list
        ``[fill, stroke, line width, cap, join, dash offset, dashes, clip path]``, each kind once. Colors are
        ``#rrggbbaa`` or None, lengths are in recorded units.
    """

    def __init__(self, width: float, height: float, dpi: float) -> None:
        super().__init__()
        self.width, self.height, self.dpi = width, height, dpi
        self._to_screen = Affine2D().scale(1, -1).translate(0, height)
        self.styles: list[list[Any]] = []
        self._style_index: dict[tuple[Any, ...], int] = {}
        self._calls: list[list[Any]] = []

    def record(self, artists: Iterable[Artist]) -> list[list[Any]]:
        """Draw the artists in turn and return their calls.

        Returns
        -------
        list of list
            ``[style index, path]``, or ``[style index, path, [x0, y0, x1, y1, …]]`` for a marker drawn at
            several places.

        Raises
        ------
        NotRecordable
            If one of them needs more than paths, or asks for pixels by ``set_rasterized(True)``: recording
            thousands of paths takes longer than drawing their picture.
        """
        self._calls = []
        for artist in artists:
            if artist.get_rasterized() and artist.get_visible():
                raise NotRecordable("rasterized")
            artist.draw(self)
        return self._calls

    def draw_path(
        self, gc: GraphicsContextBase, path: Path, transform: Transform, rgbFace: Any = None
    ) -> None:
        """Record one path."""
        svg = self._clean(gc, path, transform, filled=rgbFace is not None)
        if svg:
            self._calls.append([self._style(gc, rgbFace), svg])

    def draw_markers(
        self,
        gc: GraphicsContextBase,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: Any = None,
    ) -> None:
        """Record the marker's path once, and where it goes."""
        places = [
            vertices[-2:]
            for vertices, _ in path.iter_segments(trans + self._to_screen, simplify=False)
            if len(vertices)
        ]
        # A marker is drawn about the origin: leave out the shift by the figure's height.
        flip = marker_trans + Affine2D().scale(1, -1)
        marker = path_to_svg(marker_path.cleaned(flip, curves=True))
        if places and marker:
            offsets = np.rint(np.array(places) * UNITS_PER_PIXEL).astype(int)
            self._calls.append([self._style(gc, rgbFace), marker, offsets.ravel().tolist()])

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        """Record the outlines of a text, placed on whole pixels as Agg places them."""
        super().draw_text(gc, round(x), round(y), s, prop, angle, ismath, mtext)

    def draw_image(self, gc: GraphicsContextBase, x: float, y: float, im: Any, transform: Any = None) -> None:
        """Refuse: an image has no path."""
        raise NotRecordable("an image")

    def draw_gouraud_triangles(
        self, gc: GraphicsContextBase, triangles_array: Any, colors_array: Any, transform: Transform
    ) -> None:
        """Refuse: a canvas has no gouraud shading."""
        raise NotRecordable("gouraud shading")

    def get_canvas_width_height(self) -> tuple[float, float]:
        """Return the size in pixels."""
        return self.width, self.height

    def points_to_pixels(self, points: Any) -> Any:
        """Convert points (1/72 inch) to pixels."""
        return points * self.dpi / 72

    def _clean(self, gc: GraphicsContextBase, path: Path, transform: Transform, *, filled: bool) -> str:
        cleaned = path.cleaned(
            transform + self._to_screen,
            remove_nans=True,
            # Agg clips and simplifies only what it does not fill; both would change a filled outline. It
            # clips one pixel outside the figure, where the dashes of a line then begin.
            clip=None if filled else (-1, -1, self.width + 1, self.height + 1),
            simplify=path.should_simplify and not filled,
            curves=True,
            stroke_width=self.points_to_pixels(gc.get_linewidth()),
            snap=gc.get_snap(),
            sketch=gc.get_sketch_params(),
        )
        return path_to_svg(cleaned)

    def _style(self, gc: GraphicsContextBase, face: Any) -> int:
        if gc.get_hatch():
            raise NotRecordable("a hatch")
        fill = stroke = None
        if face is not None:
            forced = len(face) == 3 or gc.get_forced_alpha()
            fill = _to_hex((*face[:3], gc.get_alpha() if forced else face[3]))
        line_width = self.points_to_pixels(gc.get_linewidth()) * UNITS_PER_PIXEL
        if line_width > 0 and gc.get_rgb()[3] > 0:
            stroke = _to_hex(tuple(gc.get_rgb()))
        offset, dashes = gc.get_dashes()
        dashes = [] if dashes is None else np.ravel(np.asarray(dashes)).tolist()
        in_units = self.points_to_pixels(UNITS_PER_PIXEL)
        cap = gc.get_capstyle()
        key = (
            fill,
            stroke,
            round(line_width),
            "square" if cap == "projecting" else cap,
            gc.get_joinstyle(),
            round((offset or 0) * in_units, 2),
            tuple(round(dash * in_units, 2) for dash in dashes),
            self._clip(gc),
        )
        if key not in self._style_index:
            self._style_index[key] = len(self.styles)
            self.styles.append([list(part) if isinstance(part, tuple) else part for part in key])
        return self._style_index[key]

    def _clip(self, gc: GraphicsContextBase) -> str | None:
        path, transform = gc.get_clip_path()
        if path is not None and transform is not None:
            return path_to_svg(cast(Path, path).cleaned(transform + self._to_screen, curves=True))
        box = gc.get_clip_rectangle()
        if box is None:
            return None
        # Agg clips to whole pixels.
        left, right, bottom, top = (
            UNITS_PER_PIXEL * round(edge)
            for edge in (box.x0, box.x1, self.height - box.y0, self.height - box.y1)
        )
        return f"M{left} {top}L{right} {top}L{right} {bottom}L{left} {bottom}Z"


@lru_cache(maxsize=4096)
def _to_hex(color: Any) -> str:
    return to_hex(color, keep_alpha=True)


def draw_order(figure: Figure) -> list[Artist]:
    """List the artists of a figure, axes taken apart, in the order in which Matplotlib draws them."""
    return list(_in_order(figure))


def _in_order(parent: Figure | SubFigure | Axes) -> Iterator[Artist]:
    children = parent.get_children()
    if isinstance(parent, Axes) and not parent.axison:
        frame = {parent.patch, parent.xaxis, parent.yaxis, *parent.spines.values()}
        children = [child for child in children if child not in frame]

    # The background comes first whatever its z-order, and subfigures last; the sort is stable, as
    # Matplotlib's is.
    def place(child: Artist) -> tuple[bool, bool, float]:
        return child is not parent.patch, isinstance(child, SubFigure), child.get_zorder()

    for child in sorted(children, key=place):
        # Axes in space sort their artists by depth, so they stay whole.
        if isinstance(child, Axes | SubFigure) and not hasattr(child, "zaxis"):
            yield from _in_order(child)
        else:
            yield child


class MovingFigure:
    """A figure and the function that moves it, split into still pictures and recorded moves.

    Which artists move is found by watching, never declared (`helpers.changes`): an artist that `update`
    touches moves from then on, and so does every artist of an axes whose limits, scale or place change. Still
    and moving artists alternate in Matplotlib's own drawing order, so the replay stacks them as Matplotlib
    would.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Built without pyplot. Its layout and its resolution are set once, here, and then kept.
    update : callable
        Called with the values by keyword. It moves artists that exist, or replaces them one by one as a
        colorbar does, and returns the caption (str).
    initial : mapping
        The values of the first picture.

    Attributes
    ----------
    version : int
        Grows when a further artist is found to move. Stills and records of different versions do not mix.
    """

    def __init__(self, figure: Figure, update: Callable[..., str], initial: Mapping[str, Any]) -> None:
        if not isinstance(figure, Figure):
            raise TypeError(f"figure must be a matplotlib Figure, not {figure!r}")
        if not callable(update):
            raise TypeError(f"update must be a function that moves the figure's artists, not {update!r}")
        self.figure, self.update = figure, update
        self.version = 0
        self._canvas = FigureCanvasAgg(figure)
        figure.set_dpi(SCREEN_DPI * PIXEL_RATIO)
        self._moving: set[Artist] = set()
        self._call_update(initial)
        self._axes = figure.findobj(Axes)
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            # It would move the axes whenever some artists are hidden or change.
            figure.set_layout_engine("none")
            for axes in self._axes:
                # And a title would jump with the numbers at the axis beside it.
                axes._autotitlepos = False  # type: ignore[attr-defined]
        self._artists = draw_order(figure)
        self._homes = [artist.axes for artist in self._artists]
        self._changes = Changes(self._artists, self._canvas.get_renderer())
        self._frames = self._current_frames()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of a plain screen."""
        width, height = self.figure.get_size_inches() * SCREEN_DPI
        return round(width), round(height)

    def move(self, values: Mapping[str, Any], *, thorough: bool = False) -> str:
        """Call `update`, notice what moved, and return the caption.

        Parameters
        ----------
        values : mapping
            The values of the controls.
        thorough : bool
            Also let what stands still draw, and compare it with what it drew before: this finds what moves
            although nothing that it keeps changes, but takes longer than to record a position.

        Raises
        ------
        TypeError
            If `update` does not return a string.
        RuntimeError
            If it adds, removes or restacks artists, or resizes the figure; the message names them.
        """
        size = tuple(self.figure.get_size_inches()), self.figure.dpi
        self._changes.begin()
        try:
            caption = self._call_update(values)
        finally:
            self._notice(thorough)  # what an update changed before it failed stays changed
        if (tuple(self.figure.get_size_inches()), self.figure.dpi) != size:
            raise RuntimeError("update changed the size of the figure; it may only move what is in it")
        return caption

    def record(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Move the figure and record what moves.

        Returns
        -------
        dict
            ``caption`` (str), ``styles`` and ``runs``: one list of drawing calls for each run of moving
            artists between two stills (see `Recorder`). A run that is lighter as a picture holds one call
            ``["png", [x, y, width, height], base64]``.
        """
        caption = self.move(values)
        recorder = Recorder(*self._canvas.get_width_height(), self.figure.dpi)
        runs = []
        for moves, artists in self._runs():
            if moves:
                runs.append(self._record_run(recorder, artists))
        return {"caption": caption, "styles": recorder.styles, "runs": runs}

    def stills(self) -> list[dict[str, Any] | None]:
        """Draw what stays, as it lies below, between and above the runs of moving artists.

        Returns
        -------
        list
            One more than there are runs; ``{"box": [x, y, width, height], "png": bytes}`` in pixels of a
            plain screen, or None where nothing is drawn.
        """
        runs = self._runs()
        stills = [self._picture_of(artists) for moves, artists in runs if not moves]
        if not runs or runs[-1][0]:
            stills.append(None)
        return stills

    def png(self, values: Mapping[str, Any]) -> bytes:
        """Draw the whole figure at the given values, by Matplotlib alone."""
        self.move(values)
        return _encode(self._pixels())

    def data(self) -> dict[str, np.ndarray]:
        """Return what the moving artists show now, by label or by kind and number.

        Points in data coordinates; of an image or a mesh its values, shape (rows, columns) or
        (rows, columns, 3 or 4).
        """
        found: dict[str, np.ndarray] = {}
        for number, artist in enumerate(artist for artist in self._artists if artist in self._moving):
            values = _data_of(artist)
            if values is not None and artist.get_visible():
                label = str(artist.get_label())
                named = label and not label.startswith("_") and label not in found
                found[label if named else f"{type(artist).__name__} {number}"] = values
        return found

    def _call_update(self, values: Mapping[str, Any]) -> str:
        caption = self.update(**values)
        if not isinstance(caption, str):
            raise TypeError(f"update must return its caption, a string, not {caption!r}")
        return caption

    def _notice(self, thorough: bool) -> None:
        moved = self._replaced() | self._changes.touched()
        for axes, frame in self._current_frames().items():
            if frame != self._frames[axes]:
                moved |= set(_in_order(axes))
        self._note(moved)
        self._apply_aspects()
        self._note(self._changes.redrawn(thorough=thorough))

    def _note(self, moved: set[Artist]) -> None:
        if not moved <= self._moving:
            self._moving |= moved
            self._changes.forget(moved)
            self.version += 1

    def _replaced(self) -> set[Artist]:
        """Put new artists in the places of old ones that are gone; return them.

        Raises
        ------
        RuntimeError
            If an artist has no counterpart of its kind at its place in the drawing order.
        """
        now = draw_order(self.figure)
        if now == self._artists:
            return set()
        added, removed = set(now) - set(self._artists), set(self._artists) - set(now)
        # An artist that is removed forgets its axes.
        places = zip(self._artists, self._homes, now, strict=False)
        changed = [(old, home, new) for old, home, new in places if old is not new]
        alike = all(
            new in added and old in removed and type(new) is type(old) and new.axes is home
            for old, home, new in changed
        )
        if len(now) != len(self._artists) or not alike:
            said = [
                f"{word} {', '.join(map(str, artists))}"
                for word, artists in (("added", added), ("removed", removed))
                if artists
            ]
            raise RuntimeError(
                f"update {' and '.join(said) or f'restacked {changed[0][0]}'}; it may only move artists that "
                "exist. Create them before, then use set_data, set_offsets, set_visible and the like."
            )
        self._artists = now
        self._changes.forget(removed)
        self._moving -= removed
        return added

    def _current_frames(self) -> dict[Axes, tuple[Any, ...]]:
        return {axes: _frame_of(axes) for axes in self._axes}

    def _apply_aspects(self) -> None:
        renderer = self._canvas.get_renderer()
        for axes in self._axes:  # an inset and a colorbar are placed by locators
            locator: Any = axes.get_axes_locator()
            axes.apply_aspect(locator(axes, renderer) if locator else None)

    def _runs(self) -> list[tuple[bool, list[Artist]]]:
        grouped = groupby(self._artists, key=lambda artist: artist in self._moving)
        runs = [(moves, list(artists)) for moves, artists in grouped]
        return [(False, []), *runs] if runs and runs[0][0] else runs

    def _record_run(self, recorder: Recorder, artists: list[Artist]) -> list[list[Any]]:
        try:
            calls = recorder.record(artists)
            weight = len(json.dumps(calls))
        except NotRecordable:
            calls, weight = [], None
        if weight is not None and weight <= HEAVY:
            return calls
        picture = self._picture_of(artists)
        if picture is None:
            return []
        encoded = base64.b64encode(picture["png"]).decode()
        return calls if weight is not None and weight <= len(encoded) else [["png", picture["box"], encoded]]

    def _picture_of(self, artists: list[Artist]) -> dict[str, Any] | None:
        with self._only(artists):
            pixels = self._pixels()
        opaque = pixels[..., 3] > 0
        rows, columns = np.flatnonzero(opaque.any(axis=1)), np.flatnonzero(opaque.any(axis=0))
        if not len(rows):
            return None
        # Whole pixels of a plain screen, so that it need not interpolate.
        top, left = rows[0] // PIXEL_RATIO * PIXEL_RATIO, columns[0] // PIXEL_RATIO * PIXEL_RATIO
        bottom = -(-(rows[-1] + 1) // PIXEL_RATIO) * PIXEL_RATIO
        right = -(-(columns[-1] + 1) // PIXEL_RATIO) * PIXEL_RATIO
        box = [int(edge) // PIXEL_RATIO for edge in (left, top, right - left, bottom - top)]
        return {"box": box, "png": _encode(pixels[top:bottom, left:right])}

    @contextmanager
    def _only(self, artists: list[Artist]) -> Iterator[None]:
        kept = set(artists)
        hidden = [artist for artist in self._artists if artist not in kept and artist.get_visible()]
        for artist in hidden:
            artist.set_visible(False)
        try:
            yield
        finally:
            for artist in hidden:
                artist.set_visible(True)

    def _pixels(self) -> np.ndarray:
        self._canvas.draw()
        return np.array(self._canvas.buffer_rgba())


def _frame_of(axes: Axes) -> tuple[Any, ...]:
    """Return what every artist of an axes is drawn by: its limits, scales and place."""
    limits, scales = [], []
    for name, axis in axes._axis_map.items():
        limits += getattr(axes, f"get_{name}lim")()
        scales.append(axis.get_transform())
    return axes.get_visible(), axes.get_position(original=True).bounds, limits, scales


def _encode(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    # The lightest compression that still packs flat areas: a quarter of the time of the default.
    Image.fromarray(pixels).save(file, "png", compress_level=2)
    return file.getvalue()


def _data_of(artist: Artist) -> np.ndarray | None:
    if isinstance(artist, Line2D):
        return np.asarray(artist.get_xydata(), dtype=float)
    if isinstance(artist, AxesImage | QuadMesh):
        return np.ma.filled(np.ma.asarray(artist.get_array(), dtype=float), np.nan)
    if isinstance(artist, Collection):
        offsets = np.asarray(artist.get_offsets(), dtype=float)
        paths = [path.vertices for path in artist.get_paths()]
        return offsets if offsets.any() or not paths else np.concatenate(paths)
    if isinstance(artist, Patch):
        return artist.get_patch_transform().transform(artist.get_path().vertices)
    if isinstance(artist, Text):
        return np.array(artist.get_position(), dtype=float)
    return None
