"""Where a function of one variable crosses or touches 0, as far as a grid shows it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import arb, fmpq

from helpers.balls import NoValue, Unclear, exactly

_BITS = 256
_HALVINGS = 110
_MOST = 16

Function = Callable[[fmpq], Any]


def crossings(
    function: Function, slope: Function | None, low: fmpq | None, high: fmpq | None
) -> list[fmpq | arb]:
    """Return the places nearest 0: fractions where they are known to be, or else narrow balls around them.

    The function is looked at on a grid between `low` and `high` (None: without end) and, with a `slope`, at
    its turning points, so that two crossings close to each other are seen, too.
    """
    grid = _grid(low, high)
    with exactly(_BITS):
        if slope is not None:
            turns = _between(slope, grid)
            grid = sorted({*grid, *(turn if isinstance(turn, fmpq) else turn.mid().fmpq() for turn in turns)})
        return _between(function, grid)


def _grid(low: fmpq | None, high: fmpq | None) -> list[fmpq]:
    if low is not None and high is not None:
        return [low + (high - low) * k / 240 for k in range(241)]
    steps = [fmpq(k, 8) for k in range(1, 97)] + [fmpq(4) ** k * 12 for k in range(1, 50)]
    steps += [fmpq(1, 4**k) for k in range(2, 12)]
    if low is not None:
        return sorted([low, *(low + step for step in steps)])
    if high is not None:
        return sorted([high, *(high - step for step in steps)])
    return sorted([fmpq(0), *steps, *(-step for step in steps)])


def _sign(function: Function, place: fmpq) -> int | None:
    try:
        value = function(place)
    except (NoValue, Unclear, ZeroDivisionError):
        return None
    return 1 if value > 0 else -1 if value < 0 else 0 if value == 0 else None


def _between(function: Function, grid: list[fmpq]) -> list[fmpq | arb]:
    signs = [(place, _sign(function, place)) for place in grid]
    changes = [
        (low, high, sign)
        for (low, sign), (high, next_sign) in itertools.pairwise([*signs, (grid[-1], None)])
        if sign == 0 or (sign and next_sign and sign != next_sign)
    ]
    changes = sorted(changes, key=lambda change: abs(change[0]))[:_MOST]
    return [_narrowed(function, *change) if change[2] else change[0] for change in changes]


def _narrowed(function: Function, low: fmpq, high: fmpq, sign: int) -> fmpq | arb:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = _sign(function, middle)
        if found == 0:
            return middle
        if found is None:
            break
        low, high = (middle, high) if found == sign else (low, middle)
    near = Fraction(int(low.p), int(low.q)).limit_denominator(10**6)
    simple = fmpq(near.numerator, near.denominator)
    if low <= simple <= high and _sign(function, simple) == 0:
        return simple
    return arb((low + high) / 2, (high - low))
