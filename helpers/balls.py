"""Formulas computed in balls: every value comes with a bound on its error that is proved.

python-flint's ``arb`` is a number and a radius within which the true value lies. Two balls that do not meet
are different numbers, whatever was rounded on the way; two that meet may be told apart by more digits.
Numbers stay exact fractions as long as they can, so that at a kink the two sides of a condition are equal,
not merely near.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sympy
from flint import acb, arb, ctx, fmpq

BITS = 320
"""Binary digits that are computed with unless others are asked for."""

_FLINT = threading.RLock()
_LARGEST_FRACTION_IN_BITS = 4096


@contextmanager
def exactly(bits: int = BITS) -> Iterator[None]:
    """Compute with so many bits; python-flint has one precision for all threads, so they wait."""
    with _FLINT:
        before, ctx.prec = ctx.prec, bits
        try:
            yield
        finally:
            ctx.prec = before


class NoValue(ArithmeticError):  # noqa: N818  (an answer, not an error)
    """The formula has no real value at the point, as log(−1)."""


class Unclear(ArithmeticError):  # noqa: N818
    """The ball is too wide to tell; with more digits it may be clear."""


class At:
    """A point: the symbols' values, and what has been computed there.

    With ``touching``, numbers whose balls meet are taken to be equal: for points that are known to lie on a
    kink.
    """

    def __init__(self, values: Mapping[sympy.Symbol, Any], touching: bool = False):
        self.values, self.touching = values, touching
        self.known: dict[int, Any] = {}

    def value_of(self, symbol: sympy.Symbol) -> Any:
        """Return the value of a symbol."""
        if symbol not in self.values:
            raise NoValue
        return self.values[symbol]

    def compare(self, left: Any, right: Any) -> int:
        """Return the sign of left − right."""
        if isinstance(left, acb) or isinstance(right, acb):
            left, right = real(left), real(right)
        if left < right:
            return -1
        if left > right:
            return 1
        if self.touching or left == right:
            return 0
        raise Unclear


Formula = Callable[[At], Any]


def real(value: Any) -> Any:
    """Return a value as a real number; a ball of complex numbers that holds one is taken for it."""
    if isinstance(value, acb):
        if not value.imag.contains(0):
            raise NoValue
        value = value.real
    if isinstance(value, arb) and not value.is_finite():
        raise Unclear
    return value


def _shortened(value: Any) -> Any:
    """A fraction of thousands of digits becomes a ball, an exact ball a fraction."""
    if isinstance(value, fmpq):
        bits = max(value.p.bit_length(), value.q.bit_length())
        return arb(value) if bits > _LARGEST_FRACTION_IN_BITS else value
    if isinstance(value, arb) and value.is_exact() and value.is_finite():
        mantissa, exponent = value.man_exp()
        if abs(exponent) + int(mantissa).bit_length() <= _LARGEST_FRACTION_IN_BITS:
            return value.fmpq()
    return value


def _within(value: Any, low: int | None, high: int | None, *, closed: bool) -> None:
    """Raise NoValue outside an interval, Unclear where a ball reaches across its end."""
    for end, inward in ((low, 1), (high, -1)):
        if end is not None:
            depth = inward * (value - end)
            if depth < 0 or (depth == 0 and not closed):
                raise NoValue
            if not (depth > 0 or depth == 0):
                raise Unclear


_DOMAINS: dict[str, tuple[int | None, int | None, bool]] = {
    "log": (0, None, False),
    "acosh": (1, None, True),
    "asin": (-1, 1, True),
    "acos": (-1, 1, True),
    "atanh": (-1, 1, False),
    "erfinv": (-1, 1, False),
}

# SymPy's name of a function: flint's.
_METHODS = {
    name: name
    for name in (
        *(
            "exp",
            "log",
            "sin",
            "cos",
            "tan",
            "cot",
            "sec",
            "csc",
            "sinh",
            "cosh",
            "tanh",
            "coth",
            "sech",
            "csch",
        ),
        *(
            "asin",
            "acos",
            "atan",
            "asinh",
            "acosh",
            "atanh",
            "erf",
            "erfc",
            "erfi",
            "erfinv",
            "gamma",
            "digamma",
        ),
        *("sinc", "zeta"),
    )
} | {"loggamma": "lgamma", "factorial": "fac", "LambertW": "lambertw", "Si": "si", "Ci": "ci", "Shi": "shi"}

_ELSEWHERE: dict[str, Callable[..., Any]] = {
    "acot": lambda x: sympy.atan(1 / x),
    "asec": lambda x: sympy.acos(1 / x),
    "acsc": lambda x: sympy.asin(1 / x),
    "acoth": lambda x: sympy.atanh(1 / x),
    "asech": lambda x: sympy.acosh(1 / x),
    "acsch": lambda x: sympy.asinh(1 / x),
    "Mod": lambda x, y: x - y * sympy.floor(x / y),
    "frac": lambda x: x - sympy.floor(x),
    "binomial": lambda n, k: sympy.factorial(n) / (sympy.factorial(k) * sympy.factorial(n - k)),
    "Heaviside": lambda x, half: sympy.Piecewise((0, x < 0), (half, sympy.Eq(x, 0)), (1, True)),
    "KroneckerDelta": lambda i, j, *_: sympy.Piecewise((1, sympy.Eq(i, j)), (0, True)),
}

_CONSTANTS: dict[Any, Callable[[], Any]] = {
    sympy.pi: arb.pi,
    sympy.E: lambda: arb(1).exp(),
    sympy.EulerGamma: arb.const_euler,
    sympy.Catalan: arb.const_catalan,
    sympy.GoldenRatio: lambda: (1 + arb(5).sqrt()) / 2,
    sympy.I: lambda: acb(0, 1),
}


def fraction(value: sympy.Rational) -> fmpq:
    """Return SymPy's fraction as flint's."""
    return fmpq(int(value.p), int(value.q))


def compiled(expr: Any) -> Formula:
    """Return the formula as a function of a point, see `At`.

    Raises
    ------
    NotImplementedError
        If nothing is known here about a function of the formula.
    """
    if expr.is_Symbol:
        return lambda at: at.value_of(expr)
    if expr.is_Float:
        expr = sympy.Rational(expr)
    if expr.is_Rational:
        value = fraction(expr)
        return lambda at: value
    if expr in _CONSTANTS:
        constant = _CONSTANTS[expr]
        return lambda at: constant()
    if isinstance(expr, sympy.Piecewise):
        return _pieces([(compiled(value), holds(condition)) for value, condition in expr.args])
    name = type(expr).__name__
    if name in _ELSEWHERE:
        return compiled(_ELSEWHERE[name](*expr.args))
    if expr.is_Pow and expr.base is sympy.E:
        expr = sympy.exp(expr.exp, evaluate=False)
    if not expr.args:
        raise NotImplementedError(f"`{expr}` is no number")
    operation, parts = _operation(expr), [compiled(part) for part in expr.args]

    def value_at(at: At) -> Any:
        if expr not in at.known:
            at.known[expr] = _shortened(operation(at, *(part(at) for part in parts)))
        return at.known[expr]

    return value_at


def value(expr: Any) -> float:
    """Return the value of a formula without symbols, ∞ if it is beyond the largest float.

    Raises
    ------
    NotImplementedError
        If nothing is known here about a function of the formula.
    ArithmeticError
        If it has no finite real value, or none that can be told.
    """
    formula = compiled(expr)
    for bits in (200, 2000):
        with exactly(bits):
            try:
                found = real(formula(At({})))
                if found == 0 or arb(found).rel_accuracy_bits() > 100:
                    return float(arb(found).mid())
            except Unclear:
                continue
    raise Unclear


def _pieces(pieces: list[tuple[Formula, Callable[[At], bool]]]) -> Formula:
    def value_at(at: At) -> Any:
        for value, condition in pieces:
            if condition(at):
                return value(at)
        raise NoValue

    return value_at


def _operation(expr: Any) -> Callable[..., Any]:
    """Return the function of a point and of the arguments' values that a node of a formula stands for."""
    name = type(expr).__name__
    if name in _OPERATIONS:
        return _OPERATIONS[name]
    if name in _METHODS and len(expr.args) == 1:
        return lambda at, argument: apply(_METHODS[name], argument)
    raise NotImplementedError(f"nothing is known of the values of `{name}`")


def apply(method: str, argument: Any) -> Any:
    """Return a function's value, real or complex as its argument."""
    if isinstance(argument, acb):
        return getattr(argument, method)()
    if method in _DOMAINS:
        low, high, closed = _DOMAINS[method]
        _within(argument, low, high, closed=closed)
    value = getattr(arb(argument), method)()
    if value.is_nan() and isinstance(argument, fmpq):
        raise NoValue  # a pole
    return value


def power(base: Any, exponent: Any) -> Any:
    """Return ``base ** exponent``: real numbers for real numbers, or `NoValue`."""
    if isinstance(base, acb) or isinstance(exponent, acb):
        return acb(base) ** acb(exponent)
    if isinstance(exponent, fmpq) and exponent.q == 1:
        count = int(exponent)
        if not isinstance(base, fmpq):
            return base**count
        if max(base.p.bit_length(), base.q.bit_length()) * abs(count) <= _LARGEST_FRACTION_IN_BITS:
            return base**count
        return arb(base) ** count
    if exponent == fmpq(1, 2):
        return _square_root(base)
    if isinstance(base, fmpq) and base == 0:
        _within(exponent, 0, None, closed=False)
        return base
    _within(base, 0, None, closed=False)
    return arb(base) ** arb(exponent)


def _square_root(value: Any) -> Any:
    _within(value, 0, None, closed=True)
    if isinstance(value, fmpq):
        roots = math.isqrt(int(value.p)), math.isqrt(int(value.q))
        if roots[0] ** 2 == value.p and roots[1] ** 2 == value.q:
            return fmpq(*roots)
    return arb(value).sqrt()


def _largest(values: list[Any]) -> Any:
    largest = values[0]
    for value in values[1:]:
        if isinstance(largest, fmpq) and isinstance(value, fmpq):
            largest = max(largest, value)
        else:
            largest = arb(largest).max(arb(value))
    return largest


def _floor(value: Any) -> fmpq:
    whole = value.floor() if isinstance(value, fmpq) else value.floor().unique_fmpz()
    if whole is None:
        raise Unclear
    return fmpq(whole)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "Add": lambda at, *terms: sum(terms[1:], terms[0]),
    "Mul": lambda at, *factors: math.prod(factors[1:], start=factors[0]),
    "Pow": lambda at, base, exponent: power(base, exponent),
    "Max": lambda at, *values: _largest([real(value) for value in values]),
    "Min": lambda at, *values: -_largest([-real(value) for value in values]),
    "Abs": lambda at, value: abs(value),
    "sign": lambda at, value: fmpq(at.compare(value, fmpq(0))),
    "floor": lambda at, value: _floor(real(value)),
    "ceiling": lambda at, value: -_floor(-real(value)),
    "atan2": lambda at, y, x: arb.atan2(arb(y), arb(x)),
    "UnevaluatedExpr": lambda at, value: value,
}


_HOLDS: dict[type, Callable[[int], bool]] = {
    sympy.Gt: lambda sign: sign > 0,
    sympy.Ge: lambda sign: sign >= 0,
    sympy.Lt: lambda sign: sign < 0,
    sympy.Le: lambda sign: sign <= 0,
    sympy.Eq: lambda sign: sign == 0,
    sympy.Ne: lambda sign: sign != 0,
}


def holds(condition: Any) -> Callable[[At], bool]:
    """Return a condition as a function of a point.

    Raises
    ------
    NotImplementedError
        If it is neither a comparison nor made of comparisons.
    """
    if condition in (sympy.true, sympy.false):
        truth = condition == sympy.true
        return lambda at: truth
    if type(condition) in _HOLDS:
        left, right, accepts = compiled(condition.lhs), compiled(condition.rhs), _HOLDS[type(condition)]
        return lambda at: accepts(at.compare(left(at), right(at)))
    if isinstance(condition, sympy.Contains):
        return holds(condition.as_set().as_relational(condition.args[0]))
    if isinstance(condition, sympy.And | sympy.Or | sympy.Not):
        parts = [holds(part) for part in condition.args]
        if isinstance(condition, sympy.Not):
            return lambda at: not parts[0](at)
        together = all if isinstance(condition, sympy.And) else any
        return lambda at: together(part(at) for part in parts)
    if isinstance(condition, sympy.ITE):
        test, then, otherwise = map(holds, condition.args)
        return lambda at: then(at) if test(at) else otherwise(at)
    raise NotImplementedError(f"`{condition}` is no comparison")
