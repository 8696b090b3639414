"""The card of an activation function, which a prompt shows: as HTML with a drawn curve and as plain text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from helpers.frameworks import names_of

if TYPE_CHECKING:
    from helpers.entry import Activation

# The colors of values and slopes in house.mplstyle, which is Matplotlib's; a card is drawn without it.
VALUE, SLOPE = "#0173B2", "#DE8F05"
_GRID = np.linspace(-4, 4, 321)
_WIDTH, _HEIGHT = 320, 200
_COLUMNS, _ROWS = 61, 13
_NOT_ON_CARD = {"activation", "parameters"}


def _facts(activation: Activation) -> list[tuple[str, str]]:
    """Return what is known besides the formulas: (title, text)."""
    from helpers.properties import properties  # which stands above the catalogue

    given = ", ".join(f"{name} = {value:.6g}" for name, value in activation.defaults.items())
    facts = [("parameters", given)] if given else []
    try:
        row = properties(activation).row()
        facts += [(title, text) for title, text in row.items() if title not in _NOT_ON_CARD]
    except ValueError as refusal:
        facts.append(("properties", str(refusal)))
    if activation.source:
        facts.append(("source", activation.source))
    names = (f"{framework} {', '.join(each)}" for framework, each in names_of(activation.name).items())
    return [*facts, ("in the frameworks", "; ".join(names) or "not there")]


def _window(*curves: NDArray[np.float64]) -> tuple[float, float]:
    seen = np.concatenate(curves)
    seen = seen[np.isfinite(seen)]
    low, high = max(-4.0, min(0.0, seen.min())), min(4.0, max(0.0, seen.max()))
    room = 0.08 * (high - low or 1)
    return low - room, high + room


def _path(y: NDArray[np.float64], low: float, high: float) -> str:
    """Write a curve as an SVG path, lifted where it jumps or leaves the window."""
    parts, pen = [], False
    for i, (at, value) in enumerate(zip(_GRID, y, strict=True)):
        jumps = i > 0 and abs(value - y[i - 1]) > 0.2 * (high - low)
        inside = low <= value <= high
        if inside:
            across, down = (at + 4) / 8 * _WIDTH, (high - value) / (high - low) * _HEIGHT
            parts.append(f"{'L' if pen and not jumps else 'M'}{across:.1f} {down:.1f}")
        pen = bool(inside)
    return " ".join(parts)


def svg(activation: Activation) -> str:
    """Draw value and slope from −4 to 4."""
    value, slope = activation(_GRID), activation.grad(_GRID)
    low, high = _window(value, slope)
    zero = high / (high - low) * _HEIGHT
    about = (
        f"{activation.name}: value (solid) and slope (dashed), x from −4 to 4, y from {low:.2g} to {high:.2g}"
    )
    axes = f"M0 {zero:.1f} H{_WIDTH} M{_WIDTH / 2} 0 V{_HEIGHT}"
    return (
        f'<svg role="img" aria-label="{escape(about)}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" fill="none" stroke-width="2">'
        f'<path d="{axes}" stroke="#8A8A8A" stroke-width="1"/>'
        f'<path d="{_path(slope, low, high)}" stroke="{SLOPE}" stroke-dasharray="6 4"/>'
        f'<path d="{_path(value, low, high)}" stroke="{VALUE}"/></svg>'
    )


def html(activation: Activation) -> str:
    """Write the card as HTML; a notebook sets its formulas."""
    rows = "".join(
        f'<tr><th style="text-align: left">{escape(title)}</th>'
        f'<td style="text-align: left">{escape(text)}</td></tr>'
        for title, text in _facts(activation)
    )
    value, slope = (escape(latex, quote=False) for latex in (activation.latex, activation.slope_latex))
    return (
        f"<h4>{escape(activation.name)}</h4><p>$\\displaystyle f(x) = {value}$</p>"
        f"<p>$\\displaystyle f'(x) = {slope}$</p>{svg(activation)}<table>{rows}</table>"
    )


def _sketch(activation: Activation) -> str:
    """Draw the value with characters."""
    at = np.linspace(-4, 4, _COLUMNS)
    y = activation(at)
    low, high = _window(y)
    lines = [[" "] * _COLUMNS for _ in range(_ROWS)]

    def row(value: float) -> int:
        return round((high - value) / (high - low) * (_ROWS - 1))

    for column in range(_COLUMNS):
        lines[row(0)][column] = "─"
    for line in lines:
        line[_COLUMNS // 2] = "│"
    lines[row(0)][_COLUMNS // 2] = "┼"
    for column, value in enumerate(y):
        if low <= value <= high:
            lines[row(value)][column] = "•"
    return "\n".join("".join(line).rstrip() for line in lines)


def text(activation: Activation) -> str:
    """Write the card as plain text."""
    formulas = [
        sp.pretty(sp.Eq(sp.Symbol(name), expr, evaluate=False), use_unicode=True, wrap_line=False)
        for name, expr in (("f(x)", activation.expr), ("f'(x)", activation.derivative))
    ]
    facts = _facts(activation)
    width = max(len(title) for title, _ in facts)
    lines = [f"{title:{width}}  {fact}" for title, fact in facts]
    sketch = f"x from −4 to 4:\n{_sketch(activation)}"
    return "\n\n".join([activation.name, *formulas, sketch, "\n".join(lines)])
