"""Formulas evaluated on whole intervals, so that what comes out encloses every value: python-flint's balls.

>>> from helpers.intervals import Interval, Program, exactly
>>> with exactly():
...     Program(x**2 - 3).on(Interval.of(2, 3)).sign()
1

An `Interval` is a pair of ends, each a ball of python-flint (`arb`): a number and a bound on its error. Ends
are kept apart, for a ball from e⁻⁸⁰ to 1 would hold 0, too, and tell no sign.
"""

from collections.abc import Callable
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from helpers.balls import exactly
from helpers.primitives import Phi, Primitive, x

__all__ = ["Interval", "NotDecided", "Program", "exactly", "number", "spelled", "to_float"]


class NotDecided(ValueError):  # noqa: N818  (a reason, put into a sentence by `properties`)
    """Tells what could not be decided of a formula, and why."""


class Interval:
    """All numbers from `low` to `high`, two balls; a nan end means that nothing is known."""

    __slots__ = ("high", "low")

    def __init__(self, low: arb, high: arb | None = None) -> None:
        self.low, self.high = low, low if high is None else high

    @classmethod
    def of(cls, low: Any, high: Any = None) -> "Interval":
        """Return the interval between two numbers, Python's or flint's, or one number."""
        return cls(arb(low), None if high is None else arb(high))

    @classmethod
    def constant(cls, value: sp.Expr) -> "Interval":
        """Return a number."""
        return number(value)

    def __repr__(self) -> str:
        return f"Interval({self.low.str(10)}, {self.high.str(10)})"

    def sign(self) -> int | None:
        """Return the sign that all numbers of the interval have; None if they differ or it is not known."""
        if self.low > 0:
            return 1
        if self.high < 0:
            return -1
        return 0 if self.low == 0 and self.high == 0 else None

    @property
    def is_known(self) -> bool:
        """Whether both ends are finite."""
        return bool(self.low.is_finite() and self.high.is_finite())

    def ball(self) -> arb:
        """Return one ball around it."""
        return self.low if self.low is self.high else self.low.union(self.high)

    def _each(self, function: Callable[[arb], arb]) -> "Interval":
        """Apply a function that grows."""
        if self.low is self.high:
            return Interval(function(self.low))
        return Interval(function(self.low), function(self.high))

    def __neg__(self) -> "Interval":
        return Interval(-self.low) if self.low is self.high else Interval(-self.high, -self.low)

    def __add__(self, other: "Interval") -> "Interval":
        if self.low is self.high and other.low is other.high:
            return Interval(self.low + other.low)
        return Interval(self.low + other.low, self.high + other.high)

    def __mul__(self, other: "Interval") -> "Interval":
        if self.low is self.high and other.low is other.high:
            return Interval(self.low * other.low)
        if self.low >= 0 and other.low >= 0:
            return Interval(self.low * other.low, self.high * other.high)
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        low, high = ends[0], ends[0]
        for end in ends[1:]:
            low, high = low.min(end), high.max(end)
        return Interval(low, high)

    def _even(self, function: Callable[[arb], arb]) -> "Interval":
        """Apply an even function that grows on the right of 0."""
        if self.low is self.high:
            return Interval(function(self.low))
        if self.low >= 0:
            return self._each(function)
        if self.high <= 0:
            return (-self)._each(function)
        return Interval(function(arb(0)), function(self.high.max(-self.low)))

    def power(self, exponent: sp.Expr) -> "Interval":
        """Return it to the power of a number, nan where that is not real."""
        if exponent.is_Integer:
            n = int(exponent)
            if n < 0:
                return self._inverse().power(-exponent)
            return self._each(lambda a: a**n) if n % 2 else self._even(lambda a: a**n)
        if not self.low >= 0:
            return _UNKNOWN
        if exponent.is_negative:
            return self._inverse().power(-exponent)
        if exponent == sp.S.Half:
            return self._each(lambda a: a.sqrt())
        power = number(exponent).low
        return self._each(lambda a: arb(0) if a == 0 else (a.log() * power).exp())

    def _inverse(self) -> "Interval":
        if self.low is self.high:
            return Interval(1 / self.low)
        return Interval(1 / self.high, 1 / self.low) if self.sign() else _UNKNOWN

    def exp(self) -> "Interval":
        """Return eˣ."""
        return self._each(arb.exp)

    def log(self) -> "Interval":
        """Return the logarithm, nan if the interval reaches 0."""
        return self._each(arb.log) if self.low > 0 else _UNKNOWN

    def log1p(self) -> "Interval":
        """Return log(1 + x)."""
        return self._each(arb.log1p) if self.low > -1 else _UNKNOWN

    def tanh(self) -> "Interval":
        """Return tanh x."""
        return self._each(arb.tanh)

    def sinh(self) -> "Interval":
        """Return sinh x."""
        return self._each(arb.sinh)

    def cosh(self) -> "Interval":
        """Return cosh x."""
        return self._even(arb.cosh)

    def asinh(self) -> "Interval":
        """Return asinh x."""
        return self._each(arb.asinh)

    def atan(self) -> "Interval":
        """Return atan x."""
        return self._each(arb.atan)

    def asin(self) -> "Interval":
        """Return asin x, nan outside [−1, 1]."""
        return self._each(arb.asin) if self.low >= -1 and self.high <= 1 else _UNKNOWN

    def erf(self) -> "Interval":
        """Return erf x."""
        return self._each(arb.erf)

    def erfc(self) -> "Interval":
        """Return 1 − erf x."""
        return -self._each(lambda a: -a.erfc())

    def Phi(self) -> "Interval":  # noqa: N802  (its name in the formulas)
        """Return Φ(x)."""
        return self._each(lambda a: (-a / arb(2).sqrt()).erfc() / 2)

    def sin(self) -> "Interval":
        """Return sin x."""
        if self.low is self.high:
            return Interval(self.low.sin())
        if not self.high - self.low < 7:
            return Interval(arb(-1), arb(1))
        ball = self.ball().sin()
        return Interval(ball.lower().max(arb(-1)), ball.upper().min(arb(1)))

    def cos(self) -> "Interval":
        """Return cos x."""
        return (self + Interval(arb.pi() / 2)).sin()


_UNKNOWN = Interval(arb("nan"))
_FUNCTIONS = {
    **{getattr(sp, name): name for name in ("exp", "tanh", "sinh", "cosh", "asinh", "atan", "asin")},
    **{getattr(sp, name): name for name in ("erf", "erfc", "sin", "cos")},
    Phi: "Phi",
}


class Program:
    """A formula in x as a list of steps, run on an `Interval` or on another kind of number.

    Raises
    ------
    NotDecided
        If the formula has a function that no enclosure is known for.
    """

    def __init__(self, expr: sp.Expr) -> None:
        self._steps: list[tuple[str, tuple[int, ...], Any]] = []
        self._places: dict[sp.Expr, int] = {}
        self._visit(spelled(expr))

    def _visit(self, expr: sp.Expr) -> int:
        if expr not in self._places:
            step = self._step(expr)
            self._places[expr] = len(self._steps)
            self._steps.append(step)
        return self._places[expr]

    def _step(self, expr: sp.Expr) -> tuple[str, tuple[int, ...], Any]:
        if expr == x:
            return "x", (), None
        if expr.is_number:
            return "constant", (), expr
        if expr.is_Add or expr.is_Mul:
            numbers, parts = expr.as_independent(x, as_Add=expr.is_Add)
            terms = list(type(expr).make_args(parts))
            if numbers != expr.identity:
                terms.insert(0, numbers)
            return ("add" if expr.is_Add else "mul"), tuple(map(self._visit, terms)), None
        if expr.is_Pow and expr.exp.is_number:
            return "power", (self._visit(expr.base),), expr.exp
        if expr.func is sp.log:
            (argument,) = expr.args
            if argument.is_Add and sp.S.One in argument.args:
                return "log1p", (self._visit(argument - 1),), None
            return "log", (self._visit(argument),), None
        if expr.func in _FUNCTIONS:
            return _FUNCTIONS[expr.func], (self._visit(expr.args[0]),), None
        raise NotDecided(f"nothing can be proved of {expr.func} here")

    def on(self, argument: Any) -> Any:
        """Return the formula's values where x is the argument."""
        values: list[Any] = []
        for kind, places, extra in self._steps:
            if kind == "x":
                value = argument
            elif kind == "constant":
                value = argument.constant(extra)
            elif kind in ("add", "mul"):
                value = values[places[0]]
                for place in places[1:]:
                    value = value + values[place] if kind == "add" else value * values[place]
            elif kind == "power":
                value = values[places[0]].power(extra)
            else:
                value = getattr(values[places[0]], kind)()
            values.append(value)
        return values[-1]


def spelled(expr: sp.Expr) -> sp.Expr:
    """Write a formula in the functions that an `Interval` has."""
    expr = expr.replace(
        lambda e: isinstance(e, Primitive) and not isinstance(e, Phi), lambda e: e.formula(*e.args)
    )
    expr = expr.replace(
        lambda e: e.is_Pow and not e.exp.is_number and e.base != sp.E,
        lambda e: sp.exp(e.exp * sp.log(e.base)),
    )
    return expr.replace(
        lambda e: isinstance(
            e,
            (
                sp.tan,
                sp.cot,
                sp.sec,
                sp.csc,
                sp.sech,
                sp.csch,
                sp.coth,
                sp.acos,
                sp.sinc,
                sp.acosh,
                sp.atanh,
                sp.acot,
            ),
        ),
        lambda e: _ELSEWHERE[e.func](*e.args),
    )


_ELSEWHERE = {
    sp.tan: lambda w: sp.sin(w) / sp.cos(w),
    sp.cot: lambda w: sp.cos(w) / sp.sin(w),
    sp.sec: lambda w: 1 / sp.cos(w),
    sp.csc: lambda w: 1 / sp.sin(w),
    sp.sech: lambda w: 1 / sp.cosh(w),
    sp.csch: lambda w: 1 / sp.sinh(w),
    sp.coth: lambda w: sp.cosh(w) / sp.sinh(w),
    sp.acos: lambda w: sp.pi / 2 - sp.asin(w),
    sp.acosh: lambda w: sp.log(w + sp.sqrt(w - 1) * sp.sqrt(w + 1)),
    sp.atanh: lambda w: sp.log((1 + w) / (1 - w)) / 2,
    sp.acot: lambda w: sp.atan(1 / w),
}

_numbers: dict[tuple[sp.Expr, int], Interval] = {}


def number(value: sp.Expr) -> Interval:
    """Return the ball of a SymPy number at the present precision."""
    key = value, ctx.prec
    if key not in _numbers:
        if len(_numbers) > 10_000:
            _numbers.clear()
        _numbers[key] = _ball(value)
    return _numbers[key]


def to_float(value: sp.Expr) -> float:
    """Round a SymPy number to a float; Python's own `float` would set the precision of all of mpmath."""
    if not value.is_finite:
        return float(value)
    with exactly():
        return float(number(value).ball().mid())


def _ball(value: sp.Expr) -> Interval:
    if value.is_Rational:
        return Interval(arb(fmpq(int(value.p), int(value.q))))
    if value.is_Float:
        return _ball(sp.Rational(value))
    if value in (sp.oo, -sp.oo):
        return Interval(arb("inf") if value is sp.oo else arb("-inf"))
    if value is sp.pi:
        return Interval(arb.pi())
    if value is sp.E:
        return Interval(arb(1).exp())
    if not value.args or value.has(sp.nan, sp.zoo, sp.AccumBounds, sp.I):
        return _UNKNOWN
    value = spelled(value)
    if value.is_Add or value.is_Mul:
        parts = [number(part) for part in value.args]
        total = parts[0]
        for part in parts[1:]:
            total = total + part if value.is_Add else total * part
        return total
    if value.is_Pow:
        return number(value.base).power(value.exp)
    if value.func is sp.log:
        return number(value.args[0]).log()
    if value.func in _FUNCTIONS:
        return getattr(number(value.args[0]), _FUNCTIONS[value.func])()
    raise NotDecided(f"nothing can be proved of {value.func} here")
