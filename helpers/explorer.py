"""Sliders and a Matplotlib figure that moves with them.

Matplotlib draws, the browser moves. The kernel records what moves at each slider position once; the browser
keeps the records and shows a position it holds without asking anyone. `explorer.js` replays them, both in a
live notebook and on a page with no kernel.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import inspect
import io
import itertools
import json
import math
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import traitlets
from ipywidgets import interactive
from matplotlib.figure import Figure
from PIL import Image

from helpers.drawing import DRAWING
from helpers.recorder import MovingFigure
from helpers.views import widget_view

_SCRIPT = pathlib.Path(__file__).with_name("explorer.js")

PAGE_BUDGET = 1_500_000
"""Bytes of records that a page carries for an explorer unless told otherwise."""

Indices = tuple[int, ...]


@dataclass(frozen=True)
class Control:
    """One slider, choice or toggle, seen as a row of positions.

    Attributes
    ----------
    name : str
        The parameter of `update` that it sets.
    widget : ipywidgets.Widget
        What the reader moves.
    kind : str
        ``"range"``, ``"choice"`` or ``"toggle"``.
    values : tuple
        The value at each position.
    texts : tuple of str
        How each value is written.
    """

    name: str
    widget: ipywidgets.Widget
    kind: str
    values: tuple[Any, ...]
    texts: tuple[str, ...]

    @property
    def index(self) -> int:
        """The position nearest to the widget's value."""
        if self.kind == "choice":
            return int(self.widget.index or 0)
        return int(np.argmin(np.abs(np.array(self.values, dtype=float) - float(self.widget.value))))

    @property
    def reach(self) -> str:
        """What the reader can set, in words."""
        if self.kind == "range":
            return f"{self.name} from {self.texts[0]} to {self.texts[-1]}"
        return f"{self.name} ({' / '.join(self.texts)})"

    def describe(self, indices: Sequence[int] | None = None) -> dict[str, Any]:
        """Return what the browser needs to know of the control, or of some of its positions."""
        indices = range(len(self.values)) if indices is None else indices
        return {
            "name": self.name,
            "label": self.widget.description or self.name,
            "kind": self.kind,
            "values": [self.values[index] if self.kind == "range" else index for index in indices],
            "texts": [self.texts[index] for index in indices],
            "initial": list(indices).index(self.index),
        }

    def thinned(self, step: int) -> list[int]:
        """Return every step-th position through the one now, and the ends; of a choice or a toggle, all."""
        last = len(self.values) - 1
        if self.kind != "range":
            return list(range(last + 1))
        return sorted({0, last, *range(self.index % step, last + 1, step)})

    @classmethod
    def of(cls, name: str, given: Any, default: Any = inspect.Parameter.empty) -> Control:
        """Make a control from a widget or from one of ipywidgets' abbreviations.

        Parameters
        ----------
        name : str
            The parameter of `update` that it sets.
        given : ipywidgets.Widget or tuple or list or dict or bool
            A slider, selection or checkbox; or ``(min, max, step)``, a list or dict of options, or a bool.
        default : object, optional
            The initial value where `given` is an abbreviation.

        Raises
        ------
        TypeError
            If no control can be made of it.
        ValueError
            If the steps of a slider do not end at its maximum, if its value or the default is not one of its
            positions, or if there is no option to choose.
        """
        abbreviated = isinstance(given, tuple | list | dict | bool)
        if isinstance(given, bool) and isinstance(default, bool):
            given = default
        widget = interactive.widget_from_abbrev(given, default) if abbreviated else given
        if abbreviated and not widget.description:
            widget.description = name
        if isinstance(getattr(widget, "value", None), bool):
            return cls(name, widget, "toggle", (False, True), ("off", "on"))
        if hasattr(widget, "options") and hasattr(widget, "index") and np.ndim(widget.index) == 0:
            if not widget._options_full:
                raise ValueError(f"{name}: there must be an option to choose, got {given!r}")
            labels, values = zip(*widget._options_full, strict=True)
            control = cls(name, widget, "choice", tuple(values), tuple(map(str, labels)))
        elif all(hasattr(widget, trait) for trait in ("min", "max", "step", "value")):
            if np.ndim(widget.value):
                raise TypeError(
                    f"{name} must set one value, {given!r} sets two: give each end its own slider"
                )
            values = _slider_values(name, widget)
            control = cls(name, widget, "range", values, _readouts(widget, values))
            if not math.isclose(
                values[control.index], widget.value, rel_tol=1e-9, abs_tol=1e-9 * widget.step
            ):
                raise ValueError(f"{name} = {widget.value!r} is not one of its positions: {given!r}")
        else:
            raise TypeError(
                f"{name} must be a slider, selection or checkbox of ipywidgets, or short for one: "
                f"(min, max, step), a list of options, True or False; not {given!r}"
            )
        if abbreviated and default is not inspect.Parameter.empty and widget.value != default:
            raise ValueError(f"{name} = {default!r} is not one of its positions: {given!r}")
        return control


def _slider_values(name: str, widget: ipywidgets.Widget) -> tuple[Any, ...]:
    low, high, step = widget.min, widget.max, widget.step
    if not step or not math.isfinite(step) or step <= 0:
        raise ValueError(f"{name}: step must be greater than 0, not {step!r}")
    count = (high - low) / step
    if abs(count - round(count)) > 1e-6:
        raise ValueError(f"{name}: steps of {step!r} from {low!r} do not end at {high!r}")
    grid = [low + i * step for i in range(round(count) + 1)]
    if isinstance(low, int) and isinstance(step, int):
        return tuple(grid)
    base = getattr(widget, "base", None)
    # Twelve digits, so that the third step of 0.1 is 0.3 and not 0.30000000000000004.
    return tuple(float(f"{base**point if base else point:.12g}") for point in grid)


def _readouts(widget: ipywidgets.Widget, values: tuple[Any, ...]) -> tuple[str, ...]:
    """Write each value; where the slider's own format writes two alike, in the first one that tells all."""
    given = getattr(widget, "readout_format", "")
    forms = [f".{digits}f" for digits in range(1, 7)] + [f".{digits}g" for digits in range(1, 13)]
    for form in (given, *forms):
        try:
            texts = tuple(format(value, form) for value in values)
        except ValueError:  # one of JavaScript's own
            continue
        if len(set(texts)) == len(values):
            if form != given and hasattr(widget, "readout_format"):
                widget.readout_format = form
            return texts
    return tuple(map(repr, values))


@dataclass(frozen=True)
class Position:
    """What an explorer shows at one setting of its controls."""

    values: dict[str, Any]
    caption: str
    data: dict[str, np.ndarray]


class _Canvas(anywidget.AnyWidget):
    """The picture in a live notebook."""

    _esm = _SCRIPT
    size = traitlets.List().tag(sync=True)
    controls = traitlets.List().tag(sync=True, **ipywidgets.widget_serialization)
    described = traitlets.List().tag(sync=True)
    stills = traitlets.List().tag(sync=True)
    first = traitlets.Dict().tag(sync=True)


class Explorer(ipywidgets.VBox):
    """A figure with its controls. Make one with `explore`.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        The figure that moves.
    controls : dict
        The widgets by name. Setting ``explorer.controls["x"].value`` moves the picture.
    """

    def __init__(self, figure: Figure, update: Callable[..., str], controls: list[Control]) -> None:
        self._controls = controls
        self.controls = {control.name: control.widget for control in controls}
        self.figure = figure
        self._initial = initial = self._indices
        with DRAWING:
            self._moving = MovingFigure(figure, update, self.values)
            # Watching the ends of every control finds what moves before the first picture is drawn.
            for indices in _axis_ends(controls, initial):
                # A position that fails says so when it is asked for.
                with contextlib.suppress(Exception):
                    self._moving.move(self._values_at(indices), thorough=True)
            first = self._moving.record(self._values_at(initial))
            stills = self._moving.stills()
        self._canvas = _Canvas(
            size=list(self._moving.size),
            controls=list(self.controls.values()),
            described=[control.describe() for control in controls],
            stills=stills,
            first={"key": _key(initial), "record": first},
        )
        self._version = self._moving.version
        self._canvas.on_msg(self._answer)
        for widget in self.controls.values():
            widget.style.description_width = "initial"
            slides = hasattr(widget, "step") or isinstance(widget, ipywidgets.SelectionSlider)
            widget.layout.width = "23rem" if slides else "auto"
        row = ipywidgets.HBox(list(self.controls.values()), layout={"flex_flow": "row wrap"})
        super().__init__([row, self._canvas])

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values now, on their grids."""
        return self._values_at(self._indices)

    @property
    def caption(self) -> str:
        """The caption at the controls' values now."""
        with DRAWING:
            return self._moving.move(self.values)

    # In ipywidgets 7 it comes before the bundle below, and shows no picture.
    _ipython_display_ = None

    def __repr__(self) -> str:
        return self._in_words(self.caption)

    def _in_words(self, caption: str) -> str:
        return f"Explorer: {', '.join(control.reach for control in self._controls)}.\n{caption}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        width, height = self._moving.size
        caption = self.caption  # asked for once: it calls update, which may be slow
        with DRAWING:
            png = self._moving.png(self.values)
        bundle = {
            "text/plain": self._in_words(caption),
            "image/png": base64.b64encode(png).decode(),
            **widget_view(self.model_id),
        }
        _, loading = (
            self._canvas._repr_mimebundle_()
        )  # what Google Colab must know to show more than ipywidgets
        return bundle, loading | {"image/png": {"width": width, "height": height, "alt": caption}}

    def sweep(self, random: int = 20, seed: int = 0) -> Iterator[Position]:
        """Walk the controls and yield what the figure shows at each stop.

        Every combination of ends and middles up to 243 stops (else each control's own), then random ones.

        Parameters
        ----------
        random : int
            How many random combinations.
        seed : int
            Seed of their generator.

        Yields
        ------
        Position
            The values, the caption, and the moving artists' data in data coordinates.

        Raises
        ------
        RuntimeError
            If `update` fails, with the values at which it did.
        """
        marks = [sorted({0, len(c.values) // 2, len(c.values) - 1}) for c in self._controls]
        stops = list(itertools.product(*marks)) if math.prod(map(len, marks)) <= 243 else []
        stops = stops or list(_axis_ends(self._controls, self._indices))
        rng = np.random.default_rng(seed)
        stops += [tuple(int(rng.integers(len(c.values))) for c in self._controls) for _ in range(random)]
        for indices in stops:
            values = self._values_at(indices)
            try:
                caption = self._moving.move(values)
            except Exception as error:
                raise RuntimeError(f"update failed at {_written(values)}") from error
            yield Position(values, caption, self._moving.data())

    def page(self, budget: int = PAGE_BUDGET) -> str:
        """Write the explorer as plain HTML that needs no kernel, no widget manager and no network.

        Parameters
        ----------
        budget : int
            Bytes of records that the page may carry for it.

        Returns
        -------
        str
            A ``<figure>`` and its script. It carries every combination of the controls where that fits
            the budget; else each control's own axis through the values it has now; else of each slider
            only as many positions as fit, with the ends and the value now. What is left out, it says.
        """
        kept, styles, records, limit = self._fitting(budget)
        stills = [
            still and {"box": still["box"], "png": _packed(still["png"])} for still in self._moving.stills()
        ]
        data = {
            "size": self._moving.size,
            "controls": [c.describe(indices) for c, indices in zip(self._controls, kept, strict=True)],
            "stills": stills,
            "styles": styles,
            "records": records,
            "limit": limit,
        }
        # "</script" would end the script element, and "<!--<script" would keep it from ending.
        text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
        name = "explorer-" + hashlib.sha256(text.encode()).hexdigest()[:12]
        picture = _packed(self._moving.png(self.values))
        caption = html.escape(self.caption, quote=True)
        return (
            f'<figure id="{name}" class="explorer"><noscript>'
            f'<img src="data:image/webp;base64,{picture}" alt="{caption}" width="{self._moving.size[0]}">'
            f"</noscript></figure>\n"
            f'<script type="module">\n{_SCRIPT.read_text(encoding="utf-8")}\n'
            f'mountPage(document.getElementById("{name}"), {text});\n</script>'
        )

    def _fitting(self, budget: int) -> tuple[list[list[int]], list[Any], dict[str, dict[str, Any]], str]:
        """Choose the positions that a page can carry; return them, styles, records, and what is left out."""
        initial = self._indices
        kept = [list(range(len(control.values))) for control in self._controls]
        styles, records = _pooled(self._records(_axes_through(kept, initial)))
        weights = {key: len(json.dumps(record)) for key, record in records.items()}
        combinations = math.prod(map(len, kept))
        if sum(weights.values()) / len(weights) * combinations <= budget:
            if combinations > len(records):
                styles, records = _pooled(self._records(itertools.product(*kept)))
            return kept, styles, records, ""
        keys, step = list(records), 1
        while sum(weights[key] for key in keys) > budget and step < max(map(len, kept)):
            step += 1
            kept = [control.thinned(step) for control in self._controls]
            keys = [_key(indices) for indices in _axes_through(kept, initial)]
        left_out = ["each control moves on its own, from the first picture"] * (len(kept) > 1)
        left_out += ["sliders take larger steps"] * (step > 1)
        limit = f"On this page {' and '.join(left_out)}. The rest needs a kernel." if left_out else ""
        # On the page a control's positions are numbered anew.
        numbers = [{index: number for number, index in enumerate(indices)} for indices in kept]
        renamed = {
            _key(tuple(n[i] for n, i in zip(numbers, indices, strict=True))): records[_key(indices)]
            for indices in _axes_through(kept, initial)
        }
        return kept, styles, renamed, limit

    @property
    def _indices(self) -> Indices:
        return tuple(control.index for control in self._controls)

    def _values_at(self, indices: Indices) -> dict[str, Any]:
        return {c.name: c.values[i] for c, i in zip(self._controls, indices, strict=True)}

    def _records(self, wanted: Iterable[Indices]) -> dict[str, dict[str, Any]]:
        """Record several positions, an exception as its message."""
        stops = dict.fromkeys(wanted)
        while True:
            version = self._moving.version
            records = {_key(indices): self._record(indices) for indices in stops}
            # An artist that moved for the first time is missing from the records made before it did.
            if version == self._moving.version:
                return records

    def _record(self, indices: Indices) -> dict[str, Any]:
        values = self._values_at(indices)
        try:
            return self._moving.record(values)
        except Exception as error:
            return {"error": f"No picture at {_written(values)}. {type(error).__name__}: {error}"}

    def _answer(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        """Record the positions that the browser asks for."""
        with DRAWING:
            self._send_records(content)

    def _send_records(self, content: Mapping[str, Any]) -> None:
        started = time.perf_counter()
        records = self._records(tuple(map(int, key.split(","))) for key in content.get("want", []))
        message = {"records": records, "seconds": time.perf_counter() - started}
        pngs: list[bytes] = []
        if self._moving.version != self._version:
            # With the answer, not as a trait: a message may overtake a change of traits.
            message["boxes"] = [still and still["box"] for still in self._renew()]
            pngs = [still["png"] if still else b"" for still in self._canvas.stills]
        self._canvas.send(message, pngs)

    def _renew(self) -> list[dict[str, Any] | None]:
        """Draw what stays anew, and the first picture to go with it, for views that open from now on."""
        self._version = self._moving.version
        self._canvas.first = {"key": _key(self._initial), "record": self._record(self._initial)}
        self._canvas.stills = self._moving.stills()
        return self._canvas.stills


def explore(figure: Figure, update: Callable[..., str], **controls: Any) -> Explorer:
    """Move a figure with sliders, smoothly: locally, over a network, and on a page with no kernel.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Built once, for example with `helpers.drawing.panels`, with every artist that will be needed.
    update : callable
        Takes the controls' values by keyword, moves the artists (``line.set_ydata``, ``axes.set_xlim`` …)
        and returns the caption: what the picture shows now, in words and numbers. The same values must
        always give the same picture. Defaults in its signature are the initial values.
    **controls
        For each parameter of `update`: a slider, selection or checkbox of ipywidgets, or short for one,
        ``(min, max, step)``, a list or dict of options, True or False.

    Returns
    -------
    Explorer
        Shown by being the last expression of a cell.

    Raises
    ------
    TypeError
        If a control cannot be made, or the controls and the parameters of `update` do not match.
    ValueError
        If a slider's steps do not end at its maximum, if a default or a slider's value is not one of the
        positions, or if a choice has no option.
    """
    if not callable(update):
        raise TypeError(f"update must be a function that moves the figure's artists, not {update!r}")
    parameters = inspect.signature(update).parameters
    if set(controls) != set(parameters):
        raise TypeError(f"update takes {sorted(parameters)}, but the controls are {sorted(controls)}")
    if not controls:
        raise TypeError("explore needs at least one control")
    return Explorer(
        figure,
        update,
        [Control.of(name, given, parameters[name].default) for name, given in controls.items()],
    )


def _pooled(records: dict[str, dict[str, Any]]) -> tuple[list[Any], dict[str, dict[str, Any]]]:
    """Make records small: one list of styles for all, as most draw in the same few, and packed pictures."""
    styles: dict[str, int] = {}
    for record in records.values():
        numbers = [styles.setdefault(json.dumps(style), len(styles)) for style in record.pop("styles", [])]
        for call in itertools.chain(*record.get("runs", [])):
            if call[0] != "png":
                call[0] = numbers[call[0]]
            else:
                call[2] = _packed(base64.b64decode(call[2]))
    return [json.loads(style) for style in styles], records


def _packed(png: bytes) -> str:
    """Write a picture in the smaller of WebP's two ways: exactly, which suits flat areas, or nearly."""
    image = Image.open(io.BytesIO(png))
    written = []
    for options in ({"lossless": True}, {"quality": 85}):
        file = io.BytesIO()
        image.save(file, "webp", **options)
        written.append(file.getvalue())
    return base64.b64encode(min(written, key=len)).decode()


def _axes_through(positions: list[list[int]], indices: Indices) -> Iterator[Indices]:
    """Go along each control's axis through one position; where they cross, once for each."""
    for i, axis in enumerate(positions):
        for index in axis:
            yield (*indices[:i], index, *indices[i + 1 :])


def _axis_ends(controls: list[Control], indices: Indices) -> Iterator[Indices]:
    for i, control in enumerate(controls):
        # A choice may move other artists at each of its options; a slider rarely does.
        last = len(control.values) - 1
        marks = range(last + 1) if control.kind == "choice" else sorted({0, last // 2, last})
        for index in marks:
            yield (*indices[:i], index, *indices[i + 1 :])


def _key(indices: Indices) -> str:
    return ",".join(map(str, indices))


def _written(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())
