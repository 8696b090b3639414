"""Writes piecewise formulas with clips and maxima, which NumPy computes faster than it chooses.

A formula stays the `Piecewise` that a reader sees; `without_choices` finds the clip in it when it becomes
code: hard_sigmoid is clip((x + 3)/6, 0, 1), soft_shrink x − clip(x, −λ, λ), hard_swish x times hard_sigmoid,
elu max(x, 0) + α expm1(min(x, 0)). What has no such form stays a `Piecewise`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import sympy as sp
from sympy.core.relational import Relational

clip, maximum, minimum = (sp.Function(name, real=True) for name in ("clip", "maximum", "minimum"))


@dataclass(frozen=True)
class _Pieces:
    """The pieces of a formula from left to right, and the borders between them."""

    values: tuple[sp.Expr, ...]
    borders: tuple[sp.Expr, ...]

    def map(self, change: Callable[[sp.Expr], sp.Expr]) -> _Pieces:
        return _Pieces(tuple(sp.cancel(change(value)) for value in self.values), self.borders)


def is_positive(expr: sp.Expr, domain: sp.Basic) -> bool:
    """Tell whether expr >= 0 is certain where the parameters fulfil `domain`."""
    if expr.is_nonnegative:
        return True
    for relation in sp.And.make_args(domain):
        if isinstance(relation, sp.StrictLessThan | sp.StrictGreaterThan | sp.LessThan | sp.GreaterThan):
            ratio = sp.cancel(expr / (relation.gts - relation.lts))
            if ratio.is_number and ratio.is_nonnegative:
                return True
    return False


def _from_left_to_right(expr: sp.Piecewise, x: sp.Symbol, domain: sp.Basic) -> _Pieces | None:
    """Sort the pieces, if each condition cuts off an end of what the earlier ones left over."""
    lows: list[tuple[sp.Expr, sp.Expr]] = []
    highs: list[tuple[sp.Expr, sp.Expr]] = []
    for value, condition in expr.args:
        if condition == sp.true:
            values = (*(v for v, _ in lows), value, *(v for v, _ in reversed(highs)))
            borders = (*(b for _, b in lows), *(b for _, b in reversed(highs)))
            ordered = all(is_positive(b - a, domain) for a, b in pairwise(borders))
            return _Pieces(values, borders) if ordered else None
        if not isinstance(condition, Relational) or condition.has(sp.Ne, sp.Eq):
            return None
        if -x in condition.args:
            condition = condition.reversedsign
        small, large = condition.lts, condition.gts
        if x in (small, large) and (other := large if small == x else small).is_constant(x):
            (lows if small == x else highs).append((value, other))
        elif large == abs(x) and small.is_constant(x):
            lows.append((value, -small))
            highs.append((value, small))
        else:
            return None
    return None


def _as_clip(pieces: _Pieces, x: sp.Symbol, domain: sp.Basic) -> sp.Expr | None:
    """Return a rising straight piece clipped at its ends, if what lies beyond them goes on flat."""
    rising = [i for i, value in enumerate(pieces.values) if value.has(x)]
    if len(rising) != 1 or len(pieces.values) > 3:
        return None
    (i,) = rising
    line = pieces.values[i]
    slope = line.diff(x)
    if slope.has(x) or not is_positive(slope, domain):
        return None
    flat = [(j, value) for j, value in enumerate(pieces.values) if j != i]
    for j, value in flat:
        if abs(j - i) != 1 or sp.cancel(line.subs(x, pieces.borders[min(i, j)]) - value) != 0:
            return None
    low = next((value for j, value in flat if j < i), None)
    high = next((value for j, value in flat if j > i), None)
    line = sp.factor(line)
    if low is None or high is None:
        return minimum(line, high) if low is None else maximum(line, low)
    return clip(line, low, high)


def _as_sum(pieces: _Pieces, x: sp.Symbol) -> sp.Expr | None:
    """Return left(min(x, 0)) + right(max(x, 0)), if both pieces are 0 where they meet, at 0."""
    if pieces.borders != (0,) or any(value.subs(x, 0) != 0 for value in pieces.values):
        return None
    left, right = pieces.values
    return left.subs(x, minimum(x, 0)) + right.subs(x, maximum(x, 0))


def _line_in_conditions(expr: sp.Piecewise, x: sp.Symbol, domain: sp.Basic) -> sp.Expr:
    """Return the rising line that all conditions compare, if there is one, or x."""
    sides = {
        side for _, where in expr.args for side in where.args if isinstance(side, sp.Expr) and side.has(x)
    }
    line = sides.pop() if len(sides) == 1 else x
    slope = line.diff(x)
    return line if not slope.has(x) and is_positive(slope, domain) else x


def without_choices(expr: sp.Piecewise, x: sp.Symbol, domain: sp.Basic = sp.true) -> sp.Expr:
    """Write a `Piecewise` in x with clips and maxima if it has such a form; return it as it is otherwise.

    Parameters
    ----------
    expr : sympy.Piecewise
        The formula.
    x : sympy.Symbol
        The variable.
    domain : sympy condition
        What is known of the other symbols, such as λ >= 0, which puts the border −λ left of λ.
    """
    line = _line_in_conditions(expr, x, domain)
    if line != x:
        t = sp.Dummy(real=True)
        in_line = expr.subs(line, t)
        return expr if in_line.has(x) else without_choices(in_line, t, domain).subs(t, line)
    pieces = _from_left_to_right(expr, x, domain)
    if pieces is None or any(value.has(sp.nan, sp.zoo) for value in pieces.values):
        return expr
    if (found := _as_clip(pieces, x, domain)) is not None:
        return found
    if all(value.is_polynomial(x) for value in pieces.values):
        if (found := _as_clip(pieces.map(lambda value: value - x), x, domain)) is not None:
            return x + found
        if (found := _as_clip(pieces.map(lambda value: x - value), x, domain)) is not None:
            return x - found
        if all(value.subs(x, 0) == 0 for value in pieces.values):
            shares = pieces.map(lambda value: value / x)
            if (found := _as_clip(shares, x, domain)) is not None:
                return x * found
            if set(shares.values) == {0, 1}:
                choice = sp.Piecewise(*((sp.cancel(value / x), where) for value, where in expr.args))
                return x * choice
    found = _as_sum(pieces, x)
    return expr if found is None else found
