"""Answers compared as mathematics."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import mpmath
import numpy as np
import sympy

from helpers.primitives import Primitive
from helpers.reading import UnreadableAnswerError, quoted


def plain(entry: Any) -> sympy.Expr:
    """A SymPy expression in symbols without assumptions, with the course's own functions written out."""
    expr = sympy.sympify(entry, strict=True)
    if not isinstance(expr, sympy.Expr):
        raise TypeError(f"{entry!r} is neither a number nor an expression.")
    expr = expr.doit().replace(
        lambda part: isinstance(part, Primitive), lambda part: part.formula(*part.args)
    )
    # 0.1*x is meant as x/10, and is compared to more digits than a double has.
    exact = {number: sympy.Rational(repr(float(number))) for number in expr.atoms(sympy.Float)}
    return expr.xreplace({symbol: sympy.Symbol(symbol.name) for symbol in expr.free_symbols} | exact)


def given(value: Any) -> np.ndarray:
    """The form in which answers are compared, from a number, an expression, a matrix or an array."""
    if isinstance(value, sympy.MatrixBase):
        value = list(value) if value.shape[1] == 1 else value.tolist()
    array = np.array(value, dtype=object)
    entries = np.empty(array.shape, dtype=object)
    for position, entry in np.ndenumerate(array):
        expr = plain(entry.item() if isinstance(entry, np.generic) else entry)
        if expr.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
            raise UnreadableAnswerError(f"`{quoted(str(entry))}` is not a finite number.")
        entries[position] = expr
    return entries


# ---------------------------------------------------------------------------------------------------------
# Comparing two answers


def to_float(expr: sympy.Expr) -> float:
    """The value of a constant expression; ValueError where it is not a finite real number."""
    try:
        value = sympy.lambdify((), expr, "math")()
        if isinstance(value, complex) or not math.isfinite(value):
            raise ValueError
        return float(value)
    except (ArithmeticError, ValueError, TypeError, NameError):
        raise UnreadableAnswerError("It has no finite real value.") from None


def sample_points(
    names: Iterable[str], assumptions: Mapping[str, sympy.Symbol]
) -> Iterable[dict[str, float]]:
    """Points near 0, where curves bend, and farther out, where clipped ones differ."""
    rng = np.random.default_rng(2)
    ordered = sorted(names)
    for reach, count in ((2.0, 8), (12.0, 6), (100.0, 4)):
        for _ in range(count):
            point = {}
            for name in ordered:
                value = float(rng.uniform(-reach, reach))
                known = assumptions.get(name)
                if known is not None and known.is_integer:
                    value = float(round(value))
                if known is not None and known.is_nonnegative:
                    value = abs(value)
                point[name] = value
            yield point


def evaluate(function: Callable[..., Any], arguments: Iterable[Any]) -> Any:
    """A real value; None where it overflows; nan where it is undefined."""
    try:
        value = function(*arguments)
        if isinstance(value, complex | mpmath.mpc):
            return math.nan
        return value if mpmath.isfinite(value) else None
    except OverflowError:
        return None
    except (ValueError, ZeroDivisionError, TypeError):
        return math.nan


def equivalent(
    answer: sympy.Expr, typed: sympy.Expr, assumptions: Mapping[str, sympy.Symbol]
) -> tuple[bool, dict[str, float] | None]:
    """Whether two expressions agree wherever the answer is defined, and a point where they do not.

    A wrong answer is refuted in doubles. A right one must agree to 30 digits at every point: simplification
    could add a proof but never change the verdict, and on what a learner may type it can take minutes.
    """
    names = sorted({symbol.name for symbol in answer.free_symbols | typed.free_symbols})
    symbols = [sympy.Symbol(name) for name in names]
    in_doubles = [sympy.lambdify(symbols, expr, "math") for expr in (answer, typed)]
    in_digits = [sympy.lambdify(symbols, expr, "mpmath") for expr in (answer, typed)]
    compared = 0
    for point in sample_points(names, assumptions):
        expected, found = (evaluate(function, point.values()) for function in in_doubles)
        if expected is None or found is None or math.isnan(expected):
            continue
        if math.isnan(found) or abs(expected - found) > 1e-6 * max(abs(expected), abs(found)) + 1e-9:
            return False, point
        # Only after the doubles stayed finite: a tower of exponentials would stall mpmath.
        with mpmath.workdps(130):
            expected, found = (
                evaluate(function, [mpmath.mpf(value) for value in point.values()]) for function in in_digits
            )
            if expected is None or found is None or mpmath.isnan(expected):
                continue
            if mpmath.isnan(found) or abs(expected - found) > mpmath.mpf(10) ** -30 * max(
                abs(expected), mpmath.mpf(10) ** -60
            ):
                return False, point
        compared += 1
    if compared < 4:
        raise UnreadableAnswerError("It has no real value at enough points to be compared.")
    return True, None
