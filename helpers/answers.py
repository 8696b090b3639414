"""Typed answers: read without evaluating them as Python, and compared as mathematics."""

import ast
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import sympy

from helpers.balls import value
from helpers.equality import Undecided, differing_point
from helpers.primitives import Primitive

LONGEST_ANSWER = 300
LARGEST_EXPONENT = 1000
LARGEST_NUMBER_IN_BITS = 4000
WIDEST_ARRAY = 400

_NOTATION = str.maketrans(
    {"^": "**", "−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/", "²": "**2", "³": "**3"}
    | {"σ": "sigmoid", "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "μ": "mu", "π": "pi"}
)
CONSTANTS = {"pi": sympy.pi, "e": sympy.E}


def quoted(typed: str) -> str:
    """Typed text, short enough to repeat and without the marks that would end the quotation."""
    text = typed.replace("`", "'").strip()
    return text if len(text) <= 60 else text[:57] + "…"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class UnreadableAnswerError(ValueError):
    """A typed answer that is not a number, an expression or an array of the kind asked for."""


# ---------------------------------------------------------------------------------------------------------
# Reading an answer


def _number(node: ast.Constant) -> sympy.Expr:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise UnreadableAnswerError(f"`{quoted(str(node.value))}` is not a number.")
    if isinstance(node.value, int):
        return sympy.Integer(node.value)
    if not math.isfinite(node.value):
        raise UnreadableAnswerError("A number in it is too large.")
    return sympy.Rational(repr(node.value))


def _tame(exponent: sympy.Expr) -> None:
    if any(abs(number) > LARGEST_EXPONENT for number in exponent.atoms(sympy.Rational)):
        raise UnreadableAnswerError(
            f"An exponent in it is too large; numbers up to {LARGEST_EXPONENT} are allowed there."
        )


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """Raise to a power, refusing those SymPy would compute to their last digit, as in 9**9**9."""
    _tame(exponent)
    if base.is_Rational and exponent.is_Rational:
        bits = max(base.p.bit_length(), base.q.bit_length())
        if bits * abs(exponent) > LARGEST_NUMBER_IN_BITS:
            raise UnreadableAnswerError("A power in it is too large.")
    result = base**exponent
    # SymPy multiplies exponents of powers of powers, and turns exp(n*log(b)) into b**n.
    for power in result.atoms(sympy.Pow, sympy.exp):
        _tame(power.exp)
    return result


_OPERATORS: dict[type[ast.AST], Callable[..., sympy.Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: _power,
    ast.UAdd: lambda a: a,
    ast.USub: lambda a: -a,
}


FUNCTIONS: dict[str, tuple[Callable[..., sympy.Expr], range]] = {
    "exp": (lambda x: _power(sympy.E, x), range(1, 2)),
    "log": (sympy.log, range(1, 2)),
    "ln": (sympy.log, range(1, 2)),
    "sqrt": (sympy.sqrt, range(1, 2)),
    "abs": (sympy.Abs, range(1, 2)),
    "sign": (sympy.sign, range(1, 2)),
    "sin": (sympy.sin, range(1, 2)),
    "cos": (sympy.cos, range(1, 2)),
    "tan": (sympy.tan, range(1, 2)),
    "atan": (sympy.atan, range(1, 2)),
    "sinh": (sympy.sinh, range(1, 2)),
    "cosh": (sympy.cosh, range(1, 2)),
    "tanh": (sympy.tanh, range(1, 2)),
    "erf": (sympy.erf, range(1, 2)),
    "max": (sympy.Max, range(2, 6)),
    "min": (sympy.Min, range(2, 6)),
    "sigmoid": (lambda x: 1 / (1 + _power(sympy.E, -x)), range(1, 2)),
    "relu": (lambda x: sympy.Max(0, x), range(1, 2)),
    "softplus": (lambda x: sympy.log(1 + _power(sympy.E, x)), range(1, 2)),
}


def _expression(node: ast.AST, names: Mapping[str, sympy.Expr]) -> sympy.Expr:
    """Build the SymPy expression of a parsed answer; only arithmetic, known names and functions pass."""
    match node:
        case ast.Constant():
            return _number(node)
        case ast.Name(id=name):
            if name in names:
                return names[name]
            if name in FUNCTIONS:
                raise UnreadableAnswerError(f"`{name}` needs an argument, as in `{name}(…)`.")
            if name.lower() in {"nan", "inf", "infinity", "oo"}:
                raise UnreadableAnswerError(f"`{quoted(name)}` is not a finite number.")
            raise UnreadableAnswerError(f"`{quoted(name)}` is not a name this exercise knows.")
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            return _OPERATORS[type(operator)](_expression(left, names), _expression(right, names))
        case ast.UnaryOp(operator, operand) if type(operator) in _OPERATORS:
            return _OPERATORS[type(operator)](_expression(operand, names))
        case ast.Call(ast.Name(id=name), arguments, []):
            if name in names:
                raise UnreadableAnswerError(f"`{name}` is not a function; write a product as `{name}*(…)`.")
            if name not in FUNCTIONS:
                raise UnreadableAnswerError(f"`{quoted(name)}` is not a function this exercise knows.")
            function, arity = FUNCTIONS[name]
            if len(arguments) not in arity:
                raise UnreadableAnswerError(f"`{name}` takes {plural(arity.start, 'argument')}.")
            return function(*(_expression(argument, names) for argument in arguments))
        case ast.Call(ast.Constant() | ast.BinOp()):
            raise UnreadableAnswerError("Write every product with `*`, as in `2*(1 + x)`.")
        case ast.List() | ast.Tuple():
            raise UnreadableAnswerError("A list stands where a number belongs.")
    raise UnreadableAnswerError("Only arithmetic, the names and the functions below are allowed.")


def _entries(node: ast.AST, names: Mapping[str, sympy.Expr]) -> Any:
    if isinstance(node, ast.List | ast.Tuple):
        return [_entries(item, names) for item in node.elts]
    return _expression(node, names)


def _array(nested: Any) -> np.ndarray:
    """An object array of SymPy expressions; a single expression has shape ()."""
    shape: list[int] = []
    level = nested
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None

    def flat(part: Any, depth: int) -> Iterable[Any]:
        inner = depth < len(shape)
        if isinstance(part, list) != inner or (inner and len(part) != shape[depth]):
            raise UnreadableAnswerError("The rows of an array must have the same length.")
        if depth == len(shape):
            yield part
        else:
            for item in part:
                yield from flat(item, depth + 1)

    items = list(flat(nested, 0))
    if not items or len(items) > WIDEST_ARRAY:
        raise UnreadableAnswerError("An array needs at least one entry, and not hundreds.")
    result = np.empty(len(items), dtype=object)
    result[:] = items
    return result.reshape(shape)


def read_answer(text: str, names: Mapping[str, sympy.Expr]) -> np.ndarray:
    """Read a typed answer without ever evaluating it as Python."""
    if not text.strip():
        raise UnreadableAnswerError("Nothing is typed yet.")
    if len(text) > LONGEST_ANSWER:
        raise UnreadableAnswerError(f"That is {len(text)} characters; at most {LONGEST_ANSWER} are read.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text.translate(_NOTATION).strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        product = re.search(r"\d\s*[^\W\d]|[\w)]\s+\w|\)\s*\w", text)
        hint = " Write every product with `*`, as in `2*x`." if product else ""
        raise UnreadableAnswerError(f"It is not a complete formula.{hint}") from None
    try:
        return _array(_entries(tree.body, names))
    except (RecursionError, OverflowError, TypeError):
        raise UnreadableAnswerError("It cannot be read as a formula.") from None


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


def sample_points(
    names: Iterable[str], assumptions: Mapping[str, sympy.Symbol]
) -> Iterable[dict[str, float]]:
    """Points for the page: close to 0, where formulas differ most, and farther out, where clipped ones do."""
    rng = np.random.default_rng(2)
    ordered = sorted(names)
    for reach, count in ((0.5, 12), (2.0, 8), (12.0, 6), (100.0, 4)):
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
    """Return a real value; None where it overflows; nan where it is undefined."""
    try:
        value = function(*arguments)
        if isinstance(value, complex):
            return math.nan
        return value if math.isfinite(value) else None
    except OverflowError:
        return None
    except (ValueError, ZeroDivisionError, TypeError):
        return math.nan


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
