"""Answers compared as mathematics."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy

from helpers.balls import value
from helpers.equality import Undecided, differing_point
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
    """Return the value of a constant expression.

    Raises
    ------
    UnreadableAnswerError
        If it is not a finite real number, or larger than a float can be.
    """
    try:
        number = value(expr)
    except (ArithmeticError, NotImplementedError, RecursionError):
        raise UnreadableAnswerError("It has no finite real value.") from None
    if not math.isfinite(number):
        raise UnreadableAnswerError("It is too large: numbers up to about 10^308 can be compared.")
    return number


def equivalent(
    answer: sympy.Expr, typed: sympy.Expr, assumptions: Mapping[str, sympy.Symbol]
) -> tuple[bool, dict[str, float] | None]:
    """Return whether two expressions agree wherever the answer is defined, and a point where they do not.

    Raises
    ------
    UnreadableAnswerError
        If the two have a value at too few points to be compared.
    """
    try:
        point = differing_point(answer, typed, assumptions)
    except (Undecided, RecursionError):
        raise UnreadableAnswerError("It has no real value at enough points to be compared.") from None
    return point is None, point
