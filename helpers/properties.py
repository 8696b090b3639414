"""What a formula says about its function: range, extrema, slopes, smoothness, saturation, means.

>>> from helpers.properties import properties
>>> gelu = properties("gelu")
>>> gelu.range, gelu.minimum, gelu.lipschitz
>>> properties("elu", alpha=2).smoothness
>>> properties("elu").row()             # plain strings, for a table

Everything is worked out from the one expression of the activation. It is cut into smooth pieces; on each,
the roots of f′ and f″ are found where they change sign and refined to 30 digits, and the ends are reached by
substitution or, where that gives ∞ · 0, by going there. A result is an exact SymPy number where root and
limit are simple ones (a fraction, a square root, a multiple of π, a logarithm, told by 25 digits), and
otherwise a SymPy Float whose 15 digits hold; the two means are integrated in floats, to 1e-12.

The search sees a feature that is wider than 1/8 within 12 of a center, or than 6% of its distance from one.
Centers are the origin, the kinks, and the zero of every a x + b in the formula, as the −2 of tanh(x + 2).
What is narrower stays unseen.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray

from helpers.activations import ACTIVATIONS, Activation
from helpers.primitives import compile_numpy, x

__all__ = ["Extremum", "Properties", "properties", "to_text"]

_DIGITS = 60
_NOISE = mpmath.mpf(10) ** -50
"""Computed with 60 digits, what is smaller than this may be rounding."""
_CLOSE = mpmath.mpf(10) ** -25
"""Numbers that are no farther apart are the same."""
_ORDERS = 10
_PIECES = 50
_FAR = 38.0
"""Beyond this, the density of N(0, 1) is below 1e-314."""
_STAIRS = (sp.floor, sp.ceiling, sp.frac, sp.Mod)
_KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min, sp.Piecewise)


@dataclass(frozen=True)
class Extremum:
    """The smallest or largest value, and the set of all x that take it."""

    value: sp.Expr
    at: sp.Set

    def __str__(self) -> str:
        if isinstance(self.at, sp.FiniteSet):
            return f"{to_text(self.value)} at {', '.join(map(to_text, _in_order(self.at)))}"
        return f"{to_text(self.value)} on {to_text(self.at)}"


@dataclass(frozen=True)
class Properties:
    """The properties of one activation function at one setting of its parameters.

    Numbers are SymPy numbers (`float(...)` works on each), exact or good to 15 digits; sets are SymPy sets.

    Attributes
    ----------
    name : str
        The activation's name.
    parameters : mapping of str to float
        The setting.
    range : sympy.Set
        All values f takes. With a jump it can have gaps: {0} ∪ (1, ∞).
    minimum, maximum : Extremum or None
        The extreme value and every x that takes it, be it an interval: ReLU's 0 on (−∞, 0]. None if f has no
        such value, as sigmoid, which comes as near to 0 as you like and never takes it.
    monotone : str
        "increasing" and "decreasing" are strict (also where f′ is 0 at single points, as for x³);
        "non-decreasing" and "non-increasing" have a flat stretch; a flat line is "constant"; else "no".
    smoothness : int or inf
        The k of Cᵏ: how many derivatives are continuous everywhere. −1 for a function that jumps. Where two
        pieces meet, derivatives up to the tenth are compared; if all agree, it counts as inf.
    left_saturation, right_saturation : {"none", "soft", "hard"}
        Towards −∞ and ∞: "hard" if f′ = 0 from some point on, "soft" if f′ only tends to 0 (Gulcehre et al.
        2016, Noisy activation functions, arXiv:1603.00391). The slope alone decides, so log(1 + x²), which
        has no bound, saturates too.
    lipschitz : sympy.Expr
        The smallest L with |f(a) − f(b)| ≤ L |a − b|: the supremum of |f′|, and ∞ if f jumps.
    max_slope_at : sympy.Set or None
        Every x where |f′|, or at a kink the slope of one side, equals `lipschitz`; the jumps if there are
        any. None if the slope only tends to it, as softplus' to 1.
    zero_centered : bool
        Whether `mean_under_normal` is 0. All odd functions are zero-centered, and so is SELU, whose two
        constants are made for it.
    near_identity_at_zero : bool
        Whether f(0) = 0, f′(0) = 1 and f′ is continuous at 0: small inputs pass unchanged.
    limits, slope_limits : pair of sympy.Expr
        The limits of f and of f′ at −∞ and ∞.
    mean_under_normal, slope_under_normal : sympy.Expr
        E f(Z) and E f′(Z) for Z from N(0, 1), to within 1e-12 of E |f(Z)| and E |f′(Z)| (below that: 0); nan
        if the integral diverges or is not reached. f′ is the slope between kinks and jumps, the one that
        backpropagation uses: a jump adds nothing, so the binary step has 0.
    """

    name: str
    parameters: Mapping[str, float]
    range: sp.Set
    minimum: Extremum | None
    maximum: Extremum | None
    monotone: str
    smoothness: float
    left_saturation: str
    right_saturation: str
    lipschitz: sp.Expr
    max_slope_at: sp.Set | None
    zero_centered: bool
    near_identity_at_zero: bool
    limits: tuple[sp.Expr, sp.Expr]
    slope_limits: tuple[sp.Expr, sp.Expr]
    mean_under_normal: sp.Expr
    slope_under_normal: sp.Expr

    def row(self) -> dict[str, str]:
        """Return everything as text for one row of a table; decimals are rounded to 5 digits."""
        smooth = {-1: "jumps", math.inf: "C^∞"}.get(self.smoothness, f"C^{self.smoothness}")
        return {
            "activation": self.name,
            "parameters": ", ".join(f"{name} = {_decimal(value)}" for name, value in self.parameters.items()),
            "range": to_text(self.range),
            "minimum": str(self.minimum or "none"),
            "maximum": str(self.maximum or "none"),
            "monotone": self.monotone,
            "smoothness": smooth,
            "left saturation": self.left_saturation,
            "right saturation": self.right_saturation,
            "Lipschitz constant": to_text(self.lipschitz),
            "steepest at": "nowhere" if self.max_slope_at is None else to_text(self.max_slope_at),
            "zero-centered": "yes" if self.zero_centered else "no",
            "identity near 0": "yes" if self.near_identity_at_zero else "no",
            "limits": ", ".join(map(to_text, self.limits)),
            "limits of the slope": ", ".join(map(to_text, self.slope_limits)),
            "mean under N(0, 1)": to_text(self.mean_under_normal),
            "slope under N(0, 1)": to_text(self.slope_under_normal),
        }


def properties(activation: Activation | str, **parameters: float) -> Properties:
    """Work out the properties of an activation function at a setting of its parameters.

    Parameters
    ----------
    activation : Activation or str
        An activation, of the catalogue or of one's own, or the catalogue's name for it.
    **parameters : float
        Parameters that differ from the activation's defaults, read as the decimals they print as: 0.01 is
        exactly 1/100.

    Returns
    -------
    Properties

    Raises
    ------
    TypeError
        If `activation` is neither an Activation nor a name, or a parameter is unknown or no real number.
    ValueError
        If the name is unknown, a parameter lies outside its domain, or the function is out of reach: not
        finite and real everywhere, made of more than 50 pieces, or wiggling for ever, as x sin x does.
    """
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        activation = ACTIVATIONS[activation]
    if not isinstance(activation, Activation):
        raise TypeError(f"activation must be an Activation or a name in the catalogue, got {activation!r}")
    activation(0.0, **parameters)  # refuses wrong parameters
    setting = {name: float(parameters.get(name, default)) for name, default in activation.defaults.items()}
    try:
        curve = _Curve(_with_exact_numbers(activation.expr, setting))
    except _OutOfReach as reason:
        raise ValueError(f"{activation.name}: {reason}") from None
    mean, slope = _mean_under_normal(curve, 0), _mean_under_normal(curve, 1)
    return Properties(
        name=activation.name,
        parameters=MappingProxyType(setting),
        range=_rounded(curve.range),
        minimum=curve.extremum(curve.range.inf),
        maximum=curve.extremum(curve.range.sup),
        monotone=curve.monotone(),
        smoothness=curve.smoothness(),
        left_saturation=_saturation(curve.pieces[0], -1),
        right_saturation=_saturation(curve.pieces[-1], 1),
        lipschitz=_rounded(curve.lipschitz),
        max_slope_at=curve.steepest(),
        zero_centered=mean == 0,
        near_identity_at_zero=curve.is_identity_near_zero(),
        limits=(_rounded(curve.pieces[0].end(0, -1)), _rounded(curve.pieces[-1].end(0, 1))),
        slope_limits=(_rounded(curve.pieces[0].end(1, -1)), _rounded(curve.pieces[-1].end(1, 1))),
        mean_under_normal=mean,
        slope_under_normal=slope,
    )


def to_text(value: Any) -> str:
    """Write a number or a set of a `Properties` as plain text: ∞, 1/4, −0.16997, (0, 1], {0} ∪ (1, ∞)."""
    if isinstance(value, sp.Union):
        return " ∪ ".join(map(to_text, sorted(value.args, key=lambda part: _number(part.inf))))
    if isinstance(value, sp.FiniteSet):
        return "{" + ", ".join(map(to_text, _in_order(value))) + "}"
    if value == sp.S.Reals:
        value = sp.Interval(-sp.oo, sp.oo)
    if isinstance(value, sp.Interval):
        left, right = "(" if value.left_open else "[", ")" if value.right_open else "]"
        return f"{left}{to_text(value.start)}, {to_text(value.end)}{right}"
    if value is sp.nan:
        return "—"
    if value in (sp.oo, -sp.oo):
        return "∞" if value > 0 else "−∞"
    plain = isinstance(value, sp.Rational) and value.q <= 12 and abs(value.p) < 1000
    return str(value).replace("-", "−") if plain else _decimal(float(value))


def _decimal(value: float) -> str:
    return f"{value:.5g}".replace("-", "−")


class _OutOfReach(ValueError):  # noqa: N818  (a reason, put into a sentence by `properties`)
    """Tells why nothing can be said of a formula."""


# Numbers: exact SymPy numbers, or Floats of 40 digits that are rounded at the very end.


def _number(value: sp.Expr) -> mpmath.mpf:
    if value in (sp.oo, -sp.oo):
        return mpmath.inf if value is sp.oo else -mpmath.inf
    with mpmath.workdps(40):
        return +mpmath.mpmathify(value.evalf(40))


def _is_real(value: sp.Expr) -> bool:
    if value.has(sp.nan, sp.zoo, sp.AccumBounds):
        return False
    known = value.is_extended_real
    return bool(value.evalf(40).is_extended_real if known is None else known)


def _same(a: sp.Expr, b: sp.Expr) -> bool:
    if a == b:
        return True
    left, right = _number(a), _number(b)
    return bool(mpmath.isfinite(left - right) and abs(left - right) <= _CLOSE * (1 + abs(left)))


def _in_order(numbers: Any) -> list[sp.Expr]:
    return sorted(numbers, key=_number)


def _rounded(value: Any) -> Any:
    return value.xreplace({number: sp.Float(number, 15) for number in value.atoms(sp.Float)})


def _recognized(value: mpmath.mpf) -> sp.Expr:
    """Name a number that agrees with a simple one to 25 digits; else return it as it is."""
    if abs(value) < mpmath.mpf(10) ** -30:
        return sp.S.Zero
    number = sp.Float(value, 40)
    if abs(value) > 1e6:
        return number
    with mpmath.workdps(40):
        inverses: list[tuple[mpmath.mpf, Callable[[sp.Rational], sp.Expr]]] = [
            (value, lambda r: r),
            (value * abs(value), lambda r: sp.sign(r) * sp.sqrt(abs(r))),
            (value / mpmath.pi, lambda r: r * sp.pi),
        ]
        if 1e-3 < abs(value) < 5:
            inverses.append((mpmath.exp(value), sp.log))
        for inverse, name in inverses:
            fraction = sp.Rational(sp.Float(inverse, 40)).limit_denominator(100)
            if abs(mpmath.mpf(fraction.p) / fraction.q - inverse) < _CLOSE * abs(inverse):
                return name(fraction)
    return number


def _with_exact_numbers(expr: sp.Expr, setting: Mapping[str, float]) -> sp.Expr:
    numbers: dict[Any, sp.Rational] = {
        symbol: sp.Rational(repr(setting[symbol.name])) for symbol in expr.free_symbols - {x}
    }
    numbers |= {number: sp.Rational(str(number)) for number in expr.atoms(sp.Float)}
    return expr.subs(numbers)


# The formula on one piece


def _cautious(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Take numbers beyond 10^900 as infinite: e to their power would take minutes and fill the memory."""

    def evaluate(z: Any) -> Any:
        if isinstance(z, mpmath.mpf) and mpmath.isfinite(z) and mpmath.mag(z) > 3_000:
            z = mpmath.sign(z) * mpmath.inf
        return function(z)

    return evaluate


def _erfc(z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.erfc(z) if abs(z) < 1e6 else mpmath.mpf(2 * (z < 0))  # mpmath fails far out


_MPMATH: dict[str, Callable[[Any], Any]] = {
    "exp": _cautious(mpmath.exp),
    "tanh": _cautious(mpmath.tanh),
    "sigmoid": lambda z: 1 / (1 + _MPMATH["exp"](-z)),
    "softplus": lambda z: mpmath.log1p(_MPMATH["exp"](z)),
    "phi": lambda z: _MPMATH["exp"](-z * z / 2) / mpmath.sqrt(2 * mpmath.pi),
    "Phi": lambda z: _erfc(-z / mpmath.sqrt(2)) / 2,
}


class _Piece:
    """A formula without kinks on the open interval from low to high."""

    def __init__(self, expr: sp.Expr, low: sp.Expr, high: sp.Expr) -> None:
        self.low, self.high = low, high
        self._orders = [expr]
        self._functions: dict[int, Callable[[mpmath.mpf], Any]] = {}
        self._in_floats: dict[int, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {}
        self._ends: dict[tuple[int, int], sp.Expr] = {}
        self._turns: dict[int, list[sp.Expr]] = {}

    def order(self, n: int) -> sp.Expr:
        """Return the n-th derivative, as 0 itself if it is 0 everywhere."""
        while len(self._orders) <= n:
            derivative = sp.diff(self._orders[-1], x)
            self._orders.append(derivative)
            if derivative.has(x) and self._vanishes(len(self._orders) - 1):
                self._orders[-1] = sp.S.Zero
        return self._orders[n]

    def evaluate(self, n: int, point: mpmath.mpf, digits: int = _DIGITS) -> mpmath.mpf:
        """Return the n-th derivative's value, nan where it has no real one."""
        if n not in self._functions:
            self._functions[n] = sp.lambdify(x, self.order(n), [_MPMATH, "mpmath"])
        with mpmath.workdps(digits):
            try:
                value = mpmath.mpmathify(self._functions[n](mpmath.mpf(point)))
            except (ArithmeticError, ValueError, TypeError):
                return mpmath.nan
            return mpmath.nan if mpmath.im(value) else mpmath.re(value)

    def values(self, n: int, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the n-th derivative as floats; where NumPy's floats overflow, by mpmath."""
        if n not in self._in_floats:
            self._in_floats[n] = compile_numpy(self.order(n))
        values = self._in_floats[n](points)
        for place in np.argwhere(~np.isfinite(values)):
            values[tuple(place)] = float(self.evaluate(n, points[tuple(place)]))
        return values

    def at(self, n: int, point: sp.Expr) -> sp.Expr:
        """Return the n-th derivative's value, exact at an exact point."""
        if not point.has(sp.Float):
            return self.order(n).subs(x, point)
        return _recognized(self.evaluate(n, _number(point)))

    def end(self, n: int, side: int) -> sp.Expr:
        """Return the limit of the n-th derivative at the low (−1) or high (1) end; nan if there is none."""
        if (n, side) not in self._ends:
            point = self.low if side < 0 else self.high
            value = self.order(n).subs(x, point)
            if not _is_real(value):
                value = self._approach(n, point, side)
            elif value.has(sp.Float):
                value = _recognized(_number(value))
            self._ends[n, side] = value
        return self._ends[n, side]

    def turns(self, n: int) -> list[sp.Expr]:
        """Return where the n-th derivative turns from growing to falling or back."""
        if n not in self._turns:
            self._turns[n] = list(self.sign_changes(n + 1))
        return self._turns[n]

    @cached_property
    def centers(self) -> list[sp.Expr]:
        """Return the ends, the origin, and the zeros of every a x + b in the formula."""
        found = {point for point in (self.low, self.high) if point.is_finite} | {sp.S.Zero}
        for part in self._orders[0].atoms(sp.Add):
            slope = part.diff(x)
            if slope.is_number and slope != 0:
                found.add(-part.subs(x, 0) / slope)
        return sorted(found, key=_number)

    @cached_property
    def grid(self) -> NDArray[np.float64]:
        """Return points of the piece: every 1/8, and from 1e-4 to 1e4 on either side of each center."""
        far = 10.0 ** np.linspace(-4, 4, 321)
        offsets = np.concatenate([-far, np.arange(-12, 12.01, 1 / 8), far])
        low, high = float(self.low), float(self.high)
        points = np.unique(np.concatenate([float(center) + offsets for center in self.centers]))
        points = points[(low < points) & (points < high)]
        return points if len(points) > 8 else np.linspace(low, high, 102)[1:-1]

    def require_real(self) -> None:
        """Refuse a formula that is not a finite real number everywhere on the piece."""
        holes = self.grid[np.isnan(self.values(0, self.grid))]
        if len(holes):
            raise _OutOfReach(f"it has no real value at x = {holes[0]:.5g}")

    def passes_smoothly(self, border: sp.Expr, value: sp.Expr) -> bool:
        """Tell whether the formula goes on past a border with the value the function has there."""
        if any(_same(gap.subs(x, border), sp.S.Zero) for gap in _gaps(self.order(0))):
            return False
        return self.order(0).subs(x, border) == value

    def _vanishes(self, n: int) -> bool:
        away = np.min([abs(self.grid - float(center)) for center in self.centers], axis=0)
        near = self.grid[away <= sorted(away)[len(away) // 2]]
        for point in near[:: len(near) // 12 + 1]:
            value, closer = self.evaluate(n, point), self.evaluate(n, point, 2 * _DIGITS)
            # With more digits, rounding becomes smaller; a value stays, however small it is.
            if not (abs(value) <= _NOISE and abs(closer) <= _NOISE**2) or 2 * abs(value - closer) < abs(
                closer
            ):
                return False
        return True

    def sign_changes(self, n: int) -> Iterator[sp.Expr]:
        """Find the zeros at which the n-th derivative changes its sign."""
        if not self.order(n).has(x):
            return
        values = self.values(n, self.grid)
        points, signs = self.grid[abs(values) > 0], np.sign(values[abs(values) > 0])
        for i in np.flatnonzero(signs[1:] != signs[:-1]):
            low, high = mpmath.mpf(points[i]), mpmath.mpf(points[i + 1])
            before, after = self.evaluate(n, low), self.evaluate(n, high)
            if before * after < 0 and min(abs(before), abs(after)) > _NOISE:  # else it was rounding
                yield _recognized(self._root(n, low, high))

    def _root(self, n: int, low: mpmath.mpf, high: mpmath.mpf) -> mpmath.mpf:
        """Find a zero between two points of opposite sign, to 35 digits, by Ridders' method."""
        bracket = [(point, self.evaluate(n, point)) for point in (low, high)]
        last = mpmath.inf
        with mpmath.workdps(_DIGITS):
            while True:
                (low, before), (high, after) = bracket
                middle = (low + high) / 2
                value = self.evaluate(n, middle)
                bend = mpmath.sqrt(value**2 - before * after)
                guess = middle + (middle - low) * mpmath.sign(before) * value / bend
                found = self.evaluate(n, guess)
                if found == 0 or abs(guess - last) < mpmath.mpf(10) ** -35 * (
                    mpmath.mpf(10) ** -5 + abs(guess)
                ):
                    return guess
                last = guess
                points = sorted([*bracket, (middle, value), (guess, found)])
                bracket = next([a, b] for a, b in itertools.pairwise(points) if a[1] * b[1] <= 0)

    def _approach(self, n: int, point: sp.Expr, side: int) -> sp.Expr:
        """Find a limit by going there: to 1e80, or to 1e-40 away from a finite point."""
        values = []
        for power, factor in itertools.product((5, 10, 20, 40, 80), (1.0, 1.375, 2.875)):
            if point.is_finite and power > 40:
                continue
            digits = _DIGITS + (4 + 2 * n) * power
            with mpmath.workdps(digits):
                if point.is_finite:
                    place = mpmath.mpmathify(point.evalf(digits)) - side * factor / mpmath.mpf(10) ** power
                else:
                    place = side * factor * mpmath.mpf(10) ** power
                values.append(self.evaluate(n, place, digits))
        *_, third, second, first = values[::3]
        largest = max(abs(values[-1]), abs(values[-2]), abs(values[-3]))
        one_sign = len({mpmath.sign(value) for value in values}) == 1
        if not all(value == value for value in values):
            return sp.nan
        if max(abs(value - first) for value in values[-6:]) <= _CLOSE * (1 + largest):
            return _recognized(first)
        # When x is squared, a logarithm doubles and powers change more.
        if one_sign and (mpmath.isinf(first) or abs(first) > 1.5 * abs(second) > 2.25 * abs(third)):
            return sp.oo * int(mpmath.sign(first))
        if one_sign and 2.25 * abs(first) < 1.5 * abs(second) < abs(third):
            return sp.S.Zero
        return sp.nan


def _between(low: sp.Expr, high: sp.Expr) -> sp.Rational:
    if low is -sp.oo:
        return sp.S.Zero if high is sp.oo else sp.floor(high) - 1
    if high is sp.oo:
        return sp.ceiling(low) + 1
    return sp.Rational(str(((low + high) / 2).evalf(30)))


# Cutting a formula into pieces


def _split(expr: sp.Expr) -> list[_Piece]:
    borders = _borders(expr)
    if len(borders) > _PIECES:
        raise _OutOfReach(f"it has more than {_PIECES} pieces")
    ends = [-sp.oo, *borders, sp.oo]
    return [_Piece(_resolved(expr, _between(low, high)), low, high) for low, high in itertools.pairwise(ends)]


def _borders(expr: sp.Expr) -> list[sp.Expr]:
    """Return all points where the formula may change or break, in order."""
    found: list[sp.Expr] = []
    for gap in _gaps(expr):
        pieces = _split(gap)
        found += [piece.high for piece in pieces[:-1]]
        for piece in pieces:
            found += _zeros(piece)
    distinct: list[sp.Expr] = []
    for point in _in_order(found):
        if not distinct or not _same(point, distinct[-1]):
            distinct.append(point)
    return distinct


def _gaps(expr: sp.Expr) -> list[sp.Expr]:
    """Return the expressions at whose zeros a formula may have a kink, a jump or a pole."""
    gaps: set[sp.Expr] = set()
    for part in sp.preorder_traversal(expr):
        if isinstance(part, _STAIRS):
            raise _OutOfReach(f"{part.func} has infinitely many pieces")
        if isinstance(part, sp.core.relational.Relational):
            gaps.add(part.lhs - part.rhs)
        elif isinstance(part, (sp.Abs, sp.sign, sp.Heaviside, sp.log)):
            gaps.add(part.args[0])
        elif isinstance(part, (sp.Max, sp.Min)):
            gaps |= {a - b for a, b in itertools.combinations(part.args, 2)}
        elif isinstance(part, sp.Pow) and not (part.exp.is_Integer and part.exp > 0):
            gaps.add(part.base)
    return [gap for gap in gaps if gap.has(x) and not (gap.is_positive or gap.is_negative)]


def _zeros(piece: _Piece) -> list[sp.Expr]:
    gap = piece.order(0)
    if not gap.is_polynomial(x):
        return list(piece.sign_changes(0))
    if gap.diff(x).is_number:
        roots = [] if gap.diff(x) == 0 else [-gap.subs(x, 0) / gap.diff(x)]
    else:
        try:
            roots = sp.real_roots(gap, x)
        except NotImplementedError:  # irrational coefficients
            return list(piece.sign_changes(0))
    roots = [root if root.is_Rational else _recognized(_number(root)) for root in roots]
    return [root for root in roots if _number(piece.low) < _number(root) < _number(piece.high)]


def _resolved(expr: sp.Expr, inside: sp.Rational) -> sp.Expr:
    """Return the smooth formula that holds around a point: |x| becomes −x around −1."""
    if not expr.has(*_KINKED):
        return expr
    if isinstance(expr, sp.Piecewise):
        for value, condition in expr.args:
            if condition.subs(x, inside) == sp.true:
                return _resolved(value, inside)
        raise _OutOfReach(f"no piece says what it is at x = {inside}")
    if isinstance(expr, (sp.Max, sp.Min)):
        choose = max if isinstance(expr, sp.Max) else min
        return _resolved(choose(expr.args, key=lambda arg: _number(arg.subs(x, inside))), inside)
    if isinstance(expr, (sp.sign, sp.Heaviside)):
        return expr.subs(x, inside)
    parts = [_resolved(arg, inside) for arg in expr.args]
    if isinstance(expr, sp.Abs):
        return parts[0] * sp.sign(parts[0].subs(x, inside))
    return expr.func(*parts)


# The whole line


class _Curve:
    """The pieces of a formula, and its values where they meet."""

    def __init__(self, expr: sp.Expr) -> None:
        first, *others = _split(expr)
        self.pieces = [first]
        self.values: list[sp.Expr] = []
        for piece in others:
            value = self._value(expr, piece.low)
            last = self.pieces[-1]
            if piece.order(0) == last.order(0) and piece.passes_smoothly(piece.low, value):
                self.pieces[-1] = _Piece(piece.order(0), last.low, piece.high)
            else:
                self.pieces.append(piece)
                self.values.append(value)
        for piece in self.pieces:
            piece.require_real()
            for n, side in itertools.product((0, 1), (-1, 1)):
                place = piece.low if side < 0 else piece.high
                what = "slope" if n else "value"
                if piece.end(n, side) is sp.nan:
                    raise _OutOfReach(
                        f"its {what} has no limit that could be found as x → {to_text(place)}. "
                        "If it turns for ever, no list of its extrema can be made"
                    )
                if n == 0 and place.is_finite and not piece.end(0, side).is_finite:
                    raise _OutOfReach(f"it grows without bound as x → {to_text(place)}")

    @staticmethod
    def _value(expr: sp.Expr, border: sp.Expr) -> sp.Expr:
        value = expr.subs(x, border)
        if not (_is_real(value) and value.is_finite):
            raise _OutOfReach(f"it has no finite real value at x = {to_text(border)}")
        return _recognized(_number(value)) if value.has(sp.Float) else value

    @property
    def borders(self) -> list[tuple[_Piece, sp.Expr, _Piece]]:
        """Return the piece on the left, the value and the piece on the right of every border."""
        return list(zip(self.pieces, self.values, self.pieces[1:], strict=False))

    @cached_property
    def range(self) -> sp.Set:
        return sp.Union(sp.FiniteSet(*self.values), *map(_image, self.pieces))

    def extremum(self, value: sp.Expr) -> Extremum | None:
        """Return a value with every x that takes it, None if none does."""
        places = [sp.FiniteSet(left.high) for left, taken, _ in self.borders if _same(taken, value)]
        for piece in self.pieces:
            if piece.order(1) == 0:
                if _same(piece.end(0, -1), value):
                    places.append(sp.Interval.open(piece.low, piece.high))
            else:
                places += [sp.FiniteSet(t) for t in piece.turns(0) if _same(piece.at(0, t), value)]
        return Extremum(_rounded(value), _rounded(sp.Union(*places))) if places else None

    def monotone(self) -> str:
        flat = any(piece.order(1) == 0 for piece in self.pieces)
        up = down = True
        for piece in self.pieces:
            slopes = [_number(slope) for slope in _slopes(piece)]
            up &= min(slopes) >= -_CLOSE and not piece.turns(0)
            down &= max(slopes) <= _CLOSE and not piece.turns(0)
        for left, value, right in self.borders:
            heights = left.end(0, 1), value, right.end(0, -1)
            steps = [_number(b) - _number(a) for a, b in itertools.pairwise(heights) if not _same(a, b)]
            up &= all(step > 0 for step in steps)
            down &= all(step < 0 for step in steps)
        if up and down:
            return "constant"
        if up:
            return "non-decreasing" if flat else "increasing"
        if down:
            return "non-increasing" if flat else "decreasing"
        return "no"

    def smoothness(self) -> float:
        return min((_agreement(*border) for border in self.borders), default=math.inf)

    @cached_property
    def _jumps(self) -> list[sp.Expr]:
        return [border[0].high for border in self.borders if _agreement(*border, orders=0) < 0]

    @cached_property
    def lipschitz(self) -> sp.Expr:
        if self._jumps:
            return sp.oo
        slopes = (_absolute(slope) for piece in self.pieces for slope in _slopes(piece))
        return max(slopes, key=_number)

    def steepest(self) -> sp.Set | None:
        """Return where the slope is as large as it gets, also of one side of a kink."""
        if self._jumps:
            return _rounded(sp.FiniteSet(*self._jumps))
        places = []
        for piece in self.pieces:
            points = [(t, piece.at(1, t)) for t in piece.turns(1)]
            points += [(piece.low, piece.end(1, -1)), (piece.high, piece.end(1, 1))]
            steep = [point for point, slope in points if _same(_absolute(slope), self.lipschitz)]
            if steep and piece.order(2) == 0:
                places.append(sp.Interval(piece.low, piece.high))
            places += [sp.FiniteSet(point) for point in steep if point.is_finite]
        return _rounded(sp.Union(*places)) if places else None

    def is_identity_near_zero(self) -> bool:
        for left, value, right in self.borders:
            if left.high == 0:
                slopes = left.end(1, 1), right.end(1, -1)
                smooth = _agreement(left, value, right, orders=1) == 1
                return smooth and _same(value, sp.S.Zero) and _same(slopes[0], sp.S.One)
        piece = next(piece for piece in self.pieces if _number(piece.high) > 0)
        return _same(piece.at(0, sp.S.Zero), sp.S.Zero) and _same(piece.at(1, sp.S.Zero), sp.S.One)


def _absolute(value: sp.Expr) -> sp.Expr:
    return value if _number(value) >= 0 else -value


def _slopes(piece: _Piece) -> list[sp.Expr]:
    """Return the slopes between which all slopes of a piece lie."""
    return [piece.end(1, -1), piece.end(1, 1), *(piece.at(1, turn) for turn in piece.turns(1))]


def _image(piece: _Piece) -> sp.Set:
    """Return all values on the open interval: the ends' limits count only if a turn takes them."""
    if piece.order(1) == 0:
        return sp.FiniteSet(piece.end(0, -1))
    ends = [piece.end(0, -1), piece.end(0, 1)]
    turns = [piece.at(0, turn) for turn in piece.turns(0)]
    low, *_, high = _in_order(ends + turns)
    return sp.Interval(
        low,
        high,
        not any(_same(turn, low) for turn in turns),
        not any(_same(turn, high) for turn in turns),
    )


def _agreement(left: _Piece, value: sp.Expr, right: _Piece, orders: int = _ORDERS) -> float:
    """Return how many derivatives agree where two pieces meet; −1 if their values do not."""
    if not (_same(left.end(0, 1), value) and _same(right.end(0, -1), value)):
        return -1
    for n in range(1, orders + 1):
        slopes = left.end(n, 1), right.end(n, -1)
        if not all(slope.is_finite for slope in slopes) or not _same(*slopes):
            return n - 1
    return math.inf if orders == _ORDERS else orders


def _saturation(piece: _Piece, side: int) -> str:
    if piece.order(1) == 0:
        return "hard"
    return "soft" if _same(piece.end(1, side), sp.S.Zero) else "none"


def _mean_under_normal(curve: _Curve, n: int) -> sp.Expr:
    """Integrate the n-th derivative against the standard normal density, panel by panel."""
    steps = np.concatenate([[0.0], 2.0 ** np.arange(-12, 4), -(2.0 ** np.arange(-12, 4))])
    results = []
    for count in (24, 16):
        nodes, weights = np.polynomial.legendre.leggauss(count)
        terms = []
        for piece in curve.pieces:
            low, high = np.clip([float(piece.low), float(piece.high)], -_FAR, _FAR)
            near = (float(center) + steps for center in piece.centers)
            edges = np.unique(np.clip(np.concatenate([np.arange(-_FAR, _FAR + 1), *near]), low, high))
            halves = np.diff(edges)[:, None] / 2
            points = edges[:-1, None] + halves * (1 + nodes)
            density = np.exp(-(points**2) / 2) / math.sqrt(2 * math.pi)
            with np.errstate(all="ignore"):
                terms.append((halves * weights * density * piece.values(n, points)).ravel())
        all_terms = np.concatenate(terms)
        if not np.isfinite(all_terms).all():
            return sp.nan
        results.append(math.fsum(all_terms))
    size = abs(all_terms).sum()
    outside = abs(all_terms[[0, -1]]).max()
    if abs(results[0] - results[1]) > 1e-12 * size or outside > 1e-16 * size:
        return sp.nan
    return sp.Float(results[0], 15) if abs(results[0]) > 1e-13 * size else sp.S.Zero
