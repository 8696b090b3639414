"""A formula as a curve: smooth pieces, what happens where they meet, and what is largest on them, with proof.

>>> from helpers.curve import Curve
>>> Curve(x * sigmoid(x)).range

A formula is cut where an absolute value, a condition or a root may bend it. On each piece the zeros of f′
and f″ are isolated by `helpers.roots`, the ends are reached by `helpers.tails`. Numbers are exact SymPy
numbers, or Floats of 60 right digits for the zeros that have no name and what is taken there. Nothing is
taken for equal that is not proved to be: then `NotDecided` is raised.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from helpers.intervals import NotDecided, Program, exactly, number, spelled
from helpers.primitives import compile_numpy, x
from helpers.roots import (
    Root,
    Signs,
    as_float,
    ball_of,
    comparable,
    compare,
    factors,
    names_of,
    short,
    vanishes_at,
)
from helpers.tails import approach, limit

__all__ = ["Curve", "Piece", "in_order"]

_ORDERS = 10
_PIECES = 50
_REACHES = tuple(sp.Integer(2) ** k for k in (4, 6))
_STAIRS = (sp.floor, sp.ceiling, sp.frac, sp.Mod)
_KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise)

in_order = functools.partial(sorted, key=functools.cmp_to_key(compare))


def _same(a: sp.Expr, b: sp.Expr) -> bool:
    return compare(a, b) == 0


class Piece:
    """A formula without kinks on the open interval from low to high."""

    def __init__(self, expr: sp.Expr, low: sp.Expr, high: sp.Expr) -> None:
        self.low, self.high = low, high
        self._orders = [expr]
        self._in_floats: dict[int, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {}
        self._ends: dict[tuple[int, int], sp.Expr] = {}
        self._signs: dict[int, Signs] = {}

    def order(self, n: int) -> sp.Expr:
        """Return the n-th derivative, as 0 itself if it is 0 everywhere."""
        while len(self._orders) <= n:
            derivative = sp.diff(self._orders[-1], x)
            vanishes = len(self._orders) <= 2 and derivative.has(x) and factors(derivative)[0] == 0
            self._orders.append(sp.S.Zero if vanishes else derivative)
        return self._orders[n]

    def values(self, n: int, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the n-th derivative as floats, also where NumPy's overflow on the way."""
        if n not in self._in_floats:
            self._in_floats[n] = compile_numpy(self.order(n))
        values = self._in_floats[n](points)
        lost = np.argwhere(~np.isfinite(values))
        if len(lost):
            program = Program(self.order(n))
            with exactly():
                for place in map(tuple, lost):
                    point = number(sp.Rational(float(points[place])))
                    values[place] = float(program.on(point).ball().mid())
        return values

    def at(self, n: int, point: sp.Expr) -> sp.Expr:
        """Return the n-th derivative's value, exact at an exact point."""
        expr = self.order(n)
        if not (point.has(sp.Float) and expr.has(x)):
            return expr.subs(x, point)
        with exactly():
            value = as_float(Program(expr).on(ball_of(point)))
        if value is None and vanishes_at(expr, point):
            return sp.S.Zero
        if value is None:
            raise NotDecided(f"{expr} at x = {short(point)} could not be told from 0")
        return value

    def end(self, n: int, side: int) -> sp.Expr:
        """Return the limit of the n-th derivative at the low (−1) or high (1) end."""
        if (n, side) not in self._ends:
            point = self.low if side < 0 else self.high
            self._ends[n, side] = self._limit(n, point, -side)
        return self._ends[n, side]

    def _limit(self, n: int, point: sp.Expr, side: int) -> sp.Expr:
        expr = self.order(n)
        if not expr.has(x):
            return expr
        if self.period is not None:
            drift = sp.simplify(self.order(0).subs(x, x + self.period) - self.order(0)) if n == 0 else 0
            return sp.oo * sp.sign(drift) * -side if drift != 0 else sp.nan
        if point.has(sp.Float):
            return self.at(n, point)
        if point.is_finite:
            value = expr.subs(x, point)
            if is_finite_number(value):
                return value
        try:
            return limit(expr, point, side)
        except NotDecided as reason:
            what = ("value", "slope")[n] if n < 2 else "bend"
            raise NotDecided(
                f"whether its {what} has a limit as x → {short(point)} could not be decided: {reason}"
            ) from None

    def ends(self, n: int) -> list[sp.Expr]:
        """Return the limits at both ends that there are."""
        return [end for side in (-1, 1) if (end := self.end(n, side)) is not sp.nan]

    @cached_property
    def period(self) -> sp.Expr | None:
        """The period of f′, if there is one."""
        slope = self.order(1)
        waves = {wave: sp.Dummy() for wave in slope.atoms(sp.sin, sp.cos)}
        if not waves or self.low.is_finite or self.high.is_finite or slope.xreplace(waves).has(x):
            return None
        period = sp.periodicity(slope, x)
        if period is None or not is_finite_number(period):
            return None
        return period if factors(sp.expand_trig(slope.subs(x, x + period) - slope))[0] == 0 else None

    def _signs_in_a_period(self, n: int) -> Signs:
        start = sp.Rational(-4871, 10_000) * self.period
        signs = Signs(self.order(n), start, start + self.period)
        for root in signs.roots:
            point = root.point if compare(root.point, sp.S.Zero) >= 0 else root.point + self.period
            signs.roots[signs.roots.index(root)] = Root(point, root.multiplicity, root.factor)
        return signs

    def signs(self, n: int) -> Signs:
        """Return where the n-th derivative is positive, zero and negative.

        A formula that may turn for ever is followed as far as its later turns matter: from there on the
        order before stays strictly between values that it has taken.
        """
        if n not in self._signs:
            try:
                if self.period is not None:
                    self._signs[n] = self._signs_in_a_period(n)
                else:
                    self._signs[n] = Signs(self.order(n), self.low, self.high)
            except NotDecided:
                if n == 0 or not self._orders[0].has(sp.sin, sp.cos):
                    raise
                self._signs[n] = self._signs_that_matter(n)
        return self._signs[n]

    def _signs_that_matter(self, n: int) -> Signs:
        ends = [(point, side) for point, side in ((self.low, 1), (self.high, -1)) if point.is_infinite]
        program = Program(self.order(n - 1))
        for reach in _REACHES:
            with exactly(), suppress(NotDecided):
                signs = Signs(self.order(n), self.low, self.high, reach)
                taken = in_order(self.at(n - 1, point) for point in signs.changes()) or [sp.nan]
                tails = [next(approach(program, point, side, reach)).enclosure() for point, side in ends]
                low, high = ball_of(taken[0], 60).high, ball_of(taken[-1], 60).low
                if all(low < tail.low and tail.high < high for tail in tails):
                    return signs
        raise NotDecided("it may turn for ever, and then no list of its extrema can be made")

    def turns(self, n: int) -> list[sp.Expr]:
        """Return where the n-th derivative turns from growing to falling or back."""
        return [] if self.order(n + 1) == 0 else self.signs(n + 1).changes()

    @cached_property
    def centers(self) -> list[sp.Expr]:
        """Return the ends, the turns, the origin, and the zeros of every a x + b in the formula."""
        found = {point for point in (self.low, self.high) if point.is_finite} | {sp.S.Zero}
        found |= {*self.turns(0), *self.turns(1)}
        for part in self._orders[0].atoms(sp.Add):
            slope = part.diff(x)
            if slope.is_number and slope != 0:
                found.add(-part.subs(x, 0) / slope)
        return list(found)

    def require_real(self) -> None:
        """Refuse a formula that is not a finite real number on the piece, which then it is nowhere."""
        place = _between(self.low, self.high)
        with exactly():
            if not Program(self.order(0)).on(number(place)).is_known:
                raise NotDecided(f"it has no real value at x = {float(place):.5g}")


def is_finite_number(value: sp.Expr) -> bool:
    """Tell whether a number is real and finite."""
    with exactly():
        return bool(value.is_number and not value.is_infinite and number(value).is_known)


def _between(low: sp.Expr, high: sp.Expr) -> sp.Rational:
    if low is -sp.oo:
        return sp.S.Zero if high is sp.oo else sp.floor(high) - 1
    if high is sp.oo:
        return sp.ceiling(low) + 1
    with exactly():
        return sp.Rational(as_float(number((low + high) / 2)) or 0)


# Cutting a formula into pieces


def _split(expr: sp.Expr) -> list[Piece]:
    borders = _borders(expr)
    if len(borders) > _PIECES:
        raise NotDecided(f"it has more than {_PIECES} pieces")
    ends = [-sp.oo, *borders, sp.oo]
    return [Piece(resolved(expr, _between(low, high)), low, high) for low, high in itertools.pairwise(ends)]


def _borders(expr: sp.Expr) -> list[sp.Expr]:
    """Return all points where the formula may change or break, in order."""
    found: list[sp.Expr] = []
    for gap in _gaps(expr):
        pieces = _split(gap)
        found += [piece.high for piece in pieces[:-1]]
        for piece in pieces:
            try:
                found += [root.point for root in Signs(piece.order(0), piece.low, piece.high).roots]
            except NotDecided as reason:
                raise NotDecided(f"where its pieces meet could not be decided: {reason}") from None
    distinct: list[sp.Expr] = []
    for point in in_order(found):
        if not distinct or not _same(point, distinct[-1]):
            distinct.append(point)
    return distinct


def _gaps(expr: sp.Expr) -> list[sp.Expr]:
    """Return the expressions at whose zeros a formula may have a kink, a jump or a pole."""
    gaps: set[sp.Expr] = set()
    for part in sp.preorder_traversal(spelled(expr)):
        if isinstance(part, _STAIRS):
            raise NotDecided(f"{part.func} has infinitely many pieces")
        if isinstance(part, sp.core.relational.Relational):
            gaps.add(part.lhs - part.rhs)
        elif isinstance(part, (sp.Abs, sp.sign, sp.Heaviside, sp.log)):
            gaps.add(part.args[0])
        elif isinstance(part, (sp.Max, sp.Min)):
            gaps |= {a - b for a, b in itertools.combinations(part.args, 2)}
        elif isinstance(part, sp.asin):
            gaps |= {1 - part.args[0], 1 + part.args[0]}
        elif isinstance(part, sp.Pow) and not (part.exp.is_Integer and part.exp > 0):
            gaps.add(part.base)
    return [gap for gap in gaps if gap.has(x) and not (gap.is_positive or gap.is_negative)]


def _sign_at(expr: sp.Expr, point: sp.Expr) -> int:
    expr = resolved(expr, point)
    if not point.has(sp.Float):
        return compare(expr.subs(x, point), sp.S.Zero)
    with exactly():
        sign = Program(expr).on(ball_of(point)).sign()
    if sign is None and not vanishes_at(expr, point):
        raise NotDecided(f"whether {expr} is 0 at x = {short(point)} could not be decided")
    return sign or 0


def _holds(condition: sp.Basic, point: sp.Expr) -> bool:
    if condition in (sp.true, sp.false):
        return condition == sp.true
    if isinstance(condition, (sp.And, sp.Or)):
        return (all if isinstance(condition, sp.And) else any)(_holds(arg, point) for arg in condition.args)
    if isinstance(condition, sp.Not):
        return not _holds(condition.args[0], point)
    sign = _sign_at(condition.lhs - condition.rhs, point)
    return bool(condition.func(sp.Integer(sign), 0))


def resolved(expr: sp.Expr, point: sp.Expr) -> sp.Expr:
    """Return the smooth formula that holds at a point, and around it if no border: |x| becomes −x at −1."""
    if not expr.has(*_KINKED):
        return expr
    if isinstance(expr, sp.Piecewise):
        for value, condition in expr.args:
            if _holds(condition, point):
                return resolved(value, point)
        raise NotDecided(f"it has no finite real value at x = {short(point)}: none of its pieces holds there")
    if isinstance(expr, (sp.Max, sp.Min)):
        wanted = 1 if isinstance(expr, sp.Max) else -1
        best = expr.args[0]
        for other in expr.args[1:]:
            best = other if _sign_at(other - best, point) == wanted else best
        return resolved(best, point)
    if isinstance(expr, (sp.sign, sp.Abs)):
        sign = _sign_at(expr.args[0], point)
        return sp.Integer(sign) if isinstance(expr, sp.sign) else sign * resolved(expr.args[0], point)
    if isinstance(expr, sp.Heaviside):
        return sp.Heaviside(_sign_at(expr.args[0], point), *expr.args[1:])
    return expr.func(*(resolved(arg, point) for arg in expr.args))


# The whole line


class Curve:
    """The pieces of a formula, and its values where they meet."""

    def __init__(self, expr: sp.Expr) -> None:
        self.expr = expr = expr.replace(
            sp.sinc, lambda w: sp.Piecewise((sp.sin(w) / w, sp.Ne(w, 0)), (1, True))
        )
        first, *others = _split(expr)
        self.pieces = [first]
        self.values: list[sp.Expr] = []
        for piece in others:
            value = self._value(piece.low)
            last = self.pieces[-1]
            if piece.order(0) == last.order(0) and _passes_smoothly(piece, value):
                self.pieces[-1] = Piece(piece.order(0), last.low, piece.high)
            else:
                self.pieces.append(piece)
                self.values.append(value)
        for piece in self.pieces:
            piece.require_real()
            for side, place in ((-1, piece.low), (1, piece.high)):
                if place.is_finite and not piece.end(0, side).is_finite:
                    raise NotDecided(f"it grows without bound as x → {short(place)}")

    def _value(self, border: sp.Expr) -> sp.Expr:
        at_border = Piece(resolved(self.expr, border), border, border)
        value = at_border.at(0, border)
        if not is_finite_number(value):
            raise NotDecided(f"it has no finite real value at x = {short(border)}")
        return value

    @property
    def borders(self) -> list[tuple[Piece, sp.Expr, Piece]]:
        """Return the piece on the left, the value and the piece on the right of every border."""
        return list(zip(self.pieces, self.values, self.pieces[1:], strict=False))

    @cached_property
    def turning_values(self) -> dict[sp.Expr, sp.Expr]:
        """Return the places inside the pieces where f turns, and its values there."""
        return self._heights(0)

    @cached_property
    def turning_slopes(self) -> dict[sp.Expr, sp.Expr]:
        """Return the places inside the pieces where f′ turns, and its values there."""
        return self._heights(1)

    def _heights(self, n: int) -> dict[sp.Expr, sp.Expr]:
        found: dict[sp.Expr, sp.Expr] = {}
        for piece in self.pieces:
            for point in piece.turns(n):
                value = piece.at(n, point)
                found[point] = self._as_its_mirror_image(n, point, value, found)
        return found

    def _as_its_mirror_image(
        self, n: int, point: sp.Expr, value: sp.Expr, known: Mapping[sp.Expr, sp.Expr]
    ) -> sp.Expr:
        """Give a value without a name the digits of its mirror image's, if the curve has a mirror."""
        for other, its in known.items():
            if value.is_Float and its.is_Float and abs(abs(value) - abs(its)) < _ALIKE * abs(its):
                with exactly():
                    middle = (ball_of(point) + ball_of(other)).ball() / 2
                    for center, sign in itertools.product(names_of(middle), (1, -1)):
                        if self._is_mirrored(center, sign):
                            return its * sign * (-1) ** n
        return value

    def _is_mirrored(self, center: sp.Expr, sign: int) -> bool:
        """Tell whether f(2c − x) = ±f(x)."""
        image = sign * self.expr.subs(x, 2 * center - x)
        if image == self.expr:
            return True
        return not self.expr.has(*_KINKED) and factors(image - self.expr)[0] == 0

    @cached_property
    def range(self) -> sp.Set:
        """All values."""
        return as_set(self._spans)

    @property
    def extent(self) -> tuple[sp.Expr, sp.Expr]:
        """The ends of the range."""
        return self._spans[0][0], self._spans[-1][1]

    @cached_property
    def _spans(self) -> list["_Span"]:
        spans = [(value, value, False, False) for value in self.values]
        for piece in self.pieces:
            turns = [self.turning_values[point] for point in piece.turns(0)]
            if piece.order(1) == 0:
                spans.append((piece.end(0, 1), piece.end(0, 1), False, False))
                continue
            low, *_, high = in_order([*piece.ends(0), *turns, *turns])
            spans.append((low, high, *(not any(_same(t, end) for t in turns) for end in (low, high))))
        return _joined(spans)

    def extremum(self, value: sp.Expr) -> sp.Set | None:
        """Return every x that takes the lowest or highest value, None if none does."""
        spans = [_point(left.high) for left, taken, _ in self.borders if _same(taken, value)]
        for piece in self.pieces:
            if piece.order(1) == 0:
                if _same(piece.end(0, -1), value):
                    spans.append((piece.low, piece.high, True, True))
            else:
                spans += [_point(t) for t in piece.turns(0) if _same(self.turning_values[t], value)]
        return self._places(spans)

    def _places(self, spans: list["_Span"]) -> sp.Set | None:
        period = self.pieces[0].period
        if period is not None and spans:
            k = sp.Dummy("k", integer=True)
            found = (sp.ImageSet(sp.Lambda(k, low + period * k), sp.S.Integers) for low, *_ in spans)
            return sp.Union(*found, evaluate=False) if len(spans) > 1 else next(found)
        return as_set(_joined(spans)) if spans else None

    def monotone(self) -> str:
        """Tell how it grows or falls: see `helpers.properties.Properties`."""
        flat = any(piece.order(1) == 0 for piece in self.pieces)
        up = down = True
        for piece in self.pieces:
            if piece.order(1) != 0:
                turns = bool(piece.turns(0))
                up &= piece.signs(1).sign > 0 and not turns
                down &= piece.signs(1).sign < 0 and not turns
        for left, value, right in self.borders:
            heights = left.end(0, 1), value, right.end(0, -1)
            steps = [compare(b, a) for a, b in itertools.pairwise(heights)]
            if _joins(left, value, right):
                continue
            up &= min(steps) >= 0
            down &= max(steps) <= 0
        if up and down:
            return "constant"
        if up:
            return "non-decreasing" if flat else "increasing"
        if down:
            return "non-increasing" if flat else "decreasing"
        return "no"

    def smoothness(self) -> float:
        """Return the k of Cᵏ, −1 if it jumps."""
        return min((_agreement(*border) for border in self.borders), default=math.inf)

    @cached_property
    def jumps(self) -> list[sp.Expr]:
        """Where it jumps."""
        return [left.high for left, value, right in self.borders if not _joins(left, value, right)]

    @cached_property
    def lipschitz(self) -> sp.Expr:
        """The largest size of the slope, ∞ if it jumps."""
        if self.jumps:
            return sp.oo
        slopes = [slope for piece in self.pieces for slope in piece.ends(1)]
        return in_order(map(_absolute, [sp.S.Zero, *slopes, *self.turning_slopes.values()]))[-1]

    def steepest(self) -> sp.Set | None:
        """Return where the slope is as large as it gets, also of one side of a kink."""
        if self.jumps:
            return as_set([_point(jump) for jump in self.jumps])
        spans: list[_Span] = []
        for piece in self.pieces:
            points = [(t, self.turning_slopes[t]) for t in piece.turns(1)]
            if piece.period is None:
                points += [(piece.low, piece.end(1, -1)), (piece.high, piece.end(1, 1))]
            steep = [point for point, slope in points if _same(_absolute(slope), self.lipschitz)]
            if steep and piece.order(2) == 0:
                spans.append((piece.low, piece.high, piece.low.is_infinite, piece.high.is_infinite))
            spans += [_point(point) for point in steep if point.is_finite]
        return self._places(spans)

    def saturation(self, side: int) -> str:
        """Tell how it saturates towards −∞ (−1) or ∞ (1)."""
        piece = self.pieces[-1 if side > 0 else 0]
        if piece.order(1) == 0:
            return "hard"
        slope = piece.end(1, side)
        return "soft" if slope is not sp.nan and _same(slope, sp.S.Zero) else "none"

    def limits(self, n: int) -> tuple[sp.Expr, sp.Expr]:
        """Return the limits of the n-th derivative at −∞ and ∞, nan for one that turns for ever."""
        return comparable(self.pieces[0].end(n, -1)), comparable(self.pieces[-1].end(n, 1))

    def is_identity_near_zero(self) -> bool:
        """Tell whether f(0) = 0 and f′(0) = 1, and f′ is continuous there."""
        for left, value, right in self.borders:
            if left.high == 0:
                slopes = left.end(1, 1), right.end(1, -1)
                smooth = _joins(left, value, right) and _same(*slopes)
                return smooth and _same(value, sp.S.Zero) and _same(slopes[0], sp.S.One)
        piece = next(piece for piece in self.pieces if compare(piece.high, sp.S.Zero) > 0)
        return _same(piece.at(0, sp.S.Zero), sp.S.Zero) and _same(piece.at(1, sp.S.Zero), sp.S.One)


_Span = tuple[sp.Expr, sp.Expr, bool, bool]
"""An interval: its ends, and which of them it leaves out."""

_ALIKE = sp.Float("1e-50", 20)


def _point(place: sp.Expr) -> _Span:
    return place, place, False, False


def _joined(spans: Iterable[_Span]) -> list[_Span]:
    """Join intervals that meet; SymPy's union of sets would compare their ends by 15 digits."""
    parts: list[_Span] = []
    for low, high, left, right in sorted(spans, key=functools.cmp_to_key(_by_start)):
        if parts:
            start, end, open_start, open_end = parts[-1]
            order = compare(low, end)
            if order < 0 or (order == 0 and not (open_end and left)):
                farther = compare(high, end)
                right = right if farther > 0 else open_end if farther < 0 else open_end and right
                parts[-1] = (start, high if farther > 0 else end, open_start, right)
                continue
        parts.append((low, high, left, right))
    return parts


def as_set(spans: list[_Span]) -> sp.Set:
    """Return intervals that do not meet as a SymPy set."""
    spans = [(comparable(low), comparable(high), *opened) for low, high, *opened in spans]
    points = [low for low, high, *_ in spans if low == high]
    sets = [sp.Interval(low, high, *opened) for low, high, *opened in spans if low != high]
    sets = [sp.FiniteSet(*points), *sets] if points else sets
    return sets[0] if len(sets) == 1 else sp.Union(*sets, evaluate=False)


def _by_start(a: _Span, b: _Span) -> int:
    return compare(a[0], b[0]) or a[2] - b[2]


def _absolute(value: sp.Expr) -> sp.Expr:
    return value if compare(value, sp.S.Zero) >= 0 else -value


def _passes_smoothly(piece: Piece, value: sp.Expr) -> bool:
    """Tell whether a formula goes on past a border with the value the function has there."""
    if piece.low.has(sp.Float) or any(_may_vanish(gap, piece.low) for gap in _gaps(piece.order(0))):
        return False
    return bool(piece.order(0).subs(x, piece.low) == value)


def _may_vanish(gap: sp.Expr, point: sp.Expr) -> bool:
    value = gap.subs(x, point)
    return not is_finite_number(value) or compare(value, sp.S.Zero) == 0


def _joins(left: Piece, value: sp.Expr, right: Piece) -> bool:
    """Tell whether there is no jump where two pieces meet."""
    before, after = left.end(0, 1), right.end(0, -1)
    return _meet(0, left, right) and (value in (before, after) or _same(value, before))


def _meet(n: int, left: Piece, right: Piece) -> bool:
    """Tell whether the n-th derivatives of two pieces have one limit where they meet."""
    before, after = left.end(n, 1), right.end(n, -1)
    if before == after:
        return bool(before.is_finite)
    try:
        return bool(before.is_finite and after.is_finite) and _same(before, after)
    except NotDecided:
        if vanishes_at(left.order(n) - right.order(n), left.high):
            return True
        raise


def _agreement(left: Piece, value: sp.Expr, right: Piece) -> float:
    """Return how many derivatives agree where two pieces meet; −1 if their values do not."""
    if not _joins(left, value, right):
        return -1
    if _has_all_derivatives(left, value, right):
        return math.inf
    gap = left.order(0) - right.order(0)
    orders = max(_ORDERS, sp.degree(gap, x)) if gap.is_polynomial(x) else _ORDERS
    for n in range(1, orders + 1):
        if not _meet(n, left, right):
            return n - 1
    raise NotDecided(f"more than {orders} derivatives agree at x = {short(left.high)}")


def _has_all_derivatives(left: Piece, value: sp.Expr, right: Piece) -> bool:
    """Tell, for some cases, that all derivatives agree; the values are known to do.

    One quotient of analytic functions that stays finite is analytic. A difference that falls exponentially,
    such as that of e^(−1/x) to 0, adds nothing to any derivative.
    """
    point = left.high
    same = left.order(0) == right.order(0) or factors(left.order(0) - right.order(0))[0] == 0
    if point.has(sp.Float):
        return same and left.order(0) == right.order(0)
    if same and _is_meromorphic(left.order(0), point):
        return True
    for reference in (value, left.order(0), right.order(0)):
        if not reference.has(x) or not any(_may_vanish(gap, point) for gap in _gaps(reference)):
            gaps = [(left.order(0) - reference, -1), (right.order(0) - reference, 1)]
            if all(gap == 0 or _falls_exponentially(gap, point, side) for gap, side in gaps):
                return True
    return False


def _falls_exponentially(gap: sp.Expr, point: sp.Expr, side: int) -> bool:
    if factors(gap)[0] == 0:
        return True
    with exactly():
        for tail in approach(Program(gap), point, side):
            return tail.falls_exponentially()
    return False


def _is_meromorphic(expr: sp.Expr, point: sp.Expr) -> bool:
    """Tell whether a formula is a quotient of functions that are analytic at a point."""
    for part in sp.preorder_traversal(spelled(expr)):
        if part.is_Pow and not part.exp.is_Integer and part.base.has(x):
            inner = [part.base]
        elif isinstance(part, sp.log):
            inner = list(part.args)
        elif isinstance(part, sp.asin):
            inner = [1 - part.args[0] ** 2]
        elif part.is_Function:
            if not is_finite_number(part.args[0].subs(x, point)):
                return False
            continue
        else:
            continue
        if _may_vanish(inner[0], point):
            return False
    return True
