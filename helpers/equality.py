"""Whether two formulas are equal: points that can refute it, then SymPy, which can prove it.

Derivations and typed answers are held to the same points. Values are balls, numbers with a bound on their
error, so that a difference which is found is one.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from flint import arb
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixElement

from helpers.balls import At, NoValue, Unclear, compiled, exactly, holds, real
from helpers.points import Difference, Place, Point, Sides, Tally, array_entries, bounds, fits
from helpers.primitives import Primitive
from helpers.proof import forms, vanishes

POINTS = 40
"""Random points at which a step must hold."""

PROOFLESS_DIGITS = 1000
"""Digits to which both sides must agree where SymPy finds no proof."""

_FEWEST_POINTS = 10
_SEED = 2010

_NOT_COMPUTABLE = (sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit, sympy.Derivative, AppliedUndef)
_KINKED = (sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside)


class Undecided(ValueError):  # noqa: N818  (nothing went wrong: the question has no answer)
    """Tells why two formulas could be neither told apart nor held equal."""


def compare(left: Any, right: Any, where: Any) -> str | Difference:
    """Return a point where two formulas differ, or else what supports that they are equal.

    Raises
    ------
    Undecided
        If they can be neither told apart nor held equal: says why.
    """
    try:
        return _compared(left, right, where)
    except Undecided:
        raise
    except Exception as error:  # SymPy raises what it likes, in its own terms
        why = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise Undecided(f"SymPy cannot work it out ({why})") from error


def differing_point(
    answer: sympy.Expr, typed: sympy.Expr, assumptions: Mapping[str, sympy.Symbol]
) -> dict[str, float] | None:
    """Return a point where an answer has a value and what was typed has another or none; None if they agree.

    Symbols count by their names, and stand for the real numbers that the symbol of the name in `assumptions`
    allows. Nothing is left to SymPy's algebra, which may take minutes.

    Raises
    ------
    Undecided
        If the two cannot be computed at enough points.
    """
    free = answer.free_symbols | typed.free_symbols
    assumed = {symbol: assumptions.get(symbol.name, sympy.Symbol(symbol.name, real=True)) for symbol in free}
    sides = Sides([[answer], [typed]], one_way=True, assumed=assumed)
    if sides.obstacle:
        raise Undecided(f"it cannot be computed: {sides.obstacle}")
    tally = Tally(_FEWEST_POINTS if free else 1)
    found = sides.refuted(random.Random(_SEED), POINTS, tally)
    if found is None and len(tally.agreeing) < tally.fewest and answer != typed:
        raise Undecided(_too_few(tally))
    return None if found is None else {s.name: float(value) for s, value in found.point.items()}


def _too_few(tally: Tally) -> str:
    return f"both have a real value at only {len(tally.agreeing)} of the {tally.tried} points tried"


def _compared(left: Any, right: Any, where: Any) -> str | Difference:
    dummies = _real_symbols(left, right, where)
    symbols = {dummy: symbol for symbol, dummy in dummies.items()}
    left, right, where = (formula.xreplace(dummies) for formula in (left, right, where))
    (before, shape), (after, other_shape) = _entries(left), _entries(right)
    if shape != other_shape:
        raise Undecided("one line is a matrix, the other is not or has another shape")
    for line in (*before, *after):
        if line.has(sympy.nan, sympy.zoo):
            raise Undecided(f"a line has no value, it comes to {line}")
    skip_kinks, tally = _skips_kinks(left, right), Tally(_FEWEST_POINTS)
    integers = sorted((dummy for dummy in symbols if dummy.is_integer), key=str)
    found = _refuted(integers, left, right, where, len(integers) == len(symbols), tally)
    if found is None and not (before == after and tally.tried):
        if tally.tried == 0:
            raise Undecided(f"found no point of the domain {where.xreplace(symbols)}")
        if len(tally.agreeing) < tally.fewest and (tally.agreeing or not tally.obstacle):
            raise Undecided(_too_few(tally))
        if not _is_proved(before, after, where, skip_kinks):
            if not tally.agreeing:
                raise Undecided(f"SymPy finds no proof, and it cannot be computed: {tally.obstacle}")
            found = _tiny_difference(tally)
            if found is None:
                return _numerical_evidence(tally)
    return "proved" if found is None else found.renamed(symbols, shape)


def _refuted(
    integers: list[Any], left: Any, right: Any, where: Any, is_discrete: bool, tally: Tally
) -> Difference | None:
    rng, skip_kinks = random.Random(_SEED), _skips_kinks(left, right)
    assignments = _assignments(integers, left, right, where, rng)
    tally.fewest = min(_FEWEST_POINTS, len(assignments)) if is_discrete else _FEWEST_POINTS
    for given in assignments:
        try:
            sides = [
                [_with_sample_functions(entry) for entry in _entries(side.xreplace(given))[0]]
                for side in (left, right)
            ]
        except IndexError:  # beyond a matrix's last row
            continue
        both = Sides(sides, where.xreplace(given), skip_kinks=skip_kinks, given=given)
        found = both.refuted(rng, -(-POINTS // len(assignments)), tally)
        if found:
            return found
    return None


def _is_proved(before: Sequence[Any], after: Sequence[Any], where: Any, skip_kinks: bool) -> bool:
    try:
        for a, b in zip(before, after, strict=True):
            difference = _in_pieces(a - b)
            if not difference.has(*_NOT_COMPUTABLE):
                # What holds for all numbers holds for an array's, whichever the indices mean.
                difference = difference.xreplace(array_entries(difference))
            if not vanishes(difference, where, skip_kinks):
                return False
    except Exception:  # what SymPy stumbles over, it has not proved
        return False
    return True


def _numerical_evidence(tally: Tally) -> str:
    digits, points = PROOFLESS_DIGITS, len(tally.agreeing)
    evidence = f"checked numerically at {points} point{'s' if points > 1 else ''} to {digits} digits"
    curved = any(sides.has_curved_kinks for sides, _ in tally.agreeing)
    return evidence + ("; kinks were looked for on a grid" if curved else "")


def _tiny_difference(tally: Tally) -> Difference | None:
    """Look closer where both sides agree: at more digits, then in forms in which nothing cancels."""
    agreeing = []
    for sides, place in tally.agreeing:
        verdict, found = sides.verdict(place, (PROOFLESS_DIGITS, 4 * PROOFLESS_DIGITS))
        found = found or _uncancelled(sides, place)
        if found:
            return found
        if verdict == "equal":
            agreeing.append((sides, place))
    tally.agreeing = agreeing
    if len(agreeing) < tally.fewest:
        raise Undecided(f"both lines agree, but to {PROOFLESS_DIGITS} digits at only {len(agreeing)} points")
    return None


# Functions that come near a limit, as the limit and the rest: above 0, and below.
_RESTS: tuple[dict[Any, Any], ...] = (
    {sympy.erf: lambda z: 1 - sympy.erfc(z), sympy.atan: lambda z: sympy.pi / 2 - sympy.atan(1 / z)},
    {
        sympy.erf: lambda z: sympy.erfc(-z, evaluate=False) - 1,
        sympy.atan: lambda z: -sympy.pi / 2 - sympy.atan(1 / z),
    },
)


def _uncancelled(sides: Sides, place: Place) -> Difference | None:
    """Find a difference that is too small for digits, such as tanh(10⁴) − 1."""
    with exactly(256), contextlib.suppress(NoValue, Unclear, ZeroDivisionError):
        at = sides.at(place)
        for index, (a, b) in enumerate(zip(*sides.entries, strict=True)):
            difference = _branch(_difference_in_pieces(a, b), at)
            for form in _forms_with_rests(difference):
                gap = _value(form, at)
                if gap is not None and not arb(gap).contains(0):
                    return sides.difference(place, index, gap)
    return None


@functools.lru_cache(maxsize=16)
def _forms_with_rests(difference: Any) -> list[Any]:
    found = list(forms(difference))
    for rests in _RESTS if difference.has(*_RESTS[0]) else ():
        written_out = difference
        for function, rest in rests.items():
            written_out = written_out.replace(function, rest)
        found += forms(written_out)
    return found


@functools.lru_cache(maxsize=16)
def _difference_in_pieces(a: Any, b: Any) -> Any:
    return _in_pieces(a - b)


def _branch(expr: Any, at: At) -> Any:
    """Put the piece that applies at a point in place of every Piecewise."""
    return expr.replace(
        lambda e: isinstance(e, sympy.Piecewise),
        lambda e: next(value for value, condition in e.args if holds(condition)(at)),
    )


def _value(expr: Any, at: At) -> Any:
    try:
        return real(compiled(expr)(at))
    except (NotImplementedError, NoValue, Unclear, ZeroDivisionError):
        return None


def _indices(*formulas: Any) -> tuple[set[Any], set[Any]]:
    """Return the symbols that number entries, and those in the limits of sums and products."""
    indices: set[Any] = set()
    limits: set[Any] = set()
    for formula in formulas:
        for term in formula.atoms(sympy.Indexed, MatrixElement):
            indices.update(*(index.free_symbols for index in term.args[1:]))
        for term in formula.atoms(sympy.KroneckerDelta):
            indices |= term.free_symbols
        for term in formula.atoms(sympy.Sum, sympy.Product):
            limits.update(*(bound.free_symbols for limit in term.limits for bound in limit[1:]))
    return indices, limits


def _real_symbols(*formulas: Any) -> dict[Any, Any]:
    """Map free symbols to real ones with the same assumptions; indices and limits of sums to integers."""
    labels: set[Any] = set()
    free: set[Any] = set()
    for formula in formulas:
        free |= {symbol for symbol in formula.free_symbols if isinstance(symbol, sympy.Symbol)}
        labels |= {base.label for base in formula.atoms(sympy.IndexedBase)}
    counting = set().union(*_indices(*formulas))
    real = {}
    for symbol in sorted(free - labels, key=str):
        if symbol.is_real is False:
            raise Undecided(f"symbols stand for real numbers, but {symbol} is declared not to be real")
        integer = {"integer": True} if symbol in counting else {}
        real[symbol] = sympy.Dummy(symbol.name, **{**symbol.assumptions0, "real": True, **integer})
    return real


def _skips_kinks(left: Any, right: Any) -> bool:
    # A derivative has no value at a kink, whatever SymPy's convention is.
    return bool(left.has(sympy.Derivative) or right.has(sympy.Derivative))


def _entries(formula: Any) -> tuple[tuple[Any, ...], tuple[int, int] | None]:
    """Carry out what a line announces, in elementary functions and pieces; a matrix gives all its entries."""
    # A decimal means what it says: 0.1 is 1/10, not the nearest binary fraction.
    formula = formula.xreplace({number: sympy.Rational(str(number)) for number in formula.atoms(sympy.Float)})
    formula = formula.replace(lambda e: isinstance(e, Primitive), lambda e: e.rewrite(sympy.exp)).doit()
    formula = formula.replace(sympy.DiracDelta, lambda at, *_: sympy.Piecewise((0, sympy.Ne(at, 0))))
    formula = formula.replace(
        lambda e: isinstance(e, sympy.Trace | sympy.Determinant | MatrixElement), _in_matrix_entries
    )
    if not isinstance(formula, sympy.MatrixBase | sympy.MatrixExpr):
        return (_with_indices_renamed(formula),), None
    rows, columns = map(int, formula.shape)
    return tuple(map(_with_indices_renamed, _explicit(formula))), (rows, columns)


def _with_indices_renamed(entry: Any) -> Any:
    return entry.as_dummy() if entry.has(sympy.Sum, sympy.Product, sympy.Integral) else entry


def _explicit(matrix: Any) -> sympy.ImmutableMatrix:
    if not all(size.is_Integer for size in map(sympy.sympify, matrix.shape)):
        raise Undecided(f"a matrix must have a shape in numbers, and {matrix} has the shape {matrix.shape}")
    return sympy.ImmutableMatrix(matrix.as_explicit())


def _in_matrix_entries(part: Any) -> Any:
    if isinstance(part, MatrixElement):
        return part if isinstance(part.parent, sympy.MatrixSymbol) else _explicit(part.parent)[part.args[1:]]
    explicit = _explicit(part.arg)
    return explicit.trace() if isinstance(part, sympy.Trace) else explicit.det()


def _in_pieces(entry: Any) -> Any:
    return entry.replace(lambda e: isinstance(e, _KINKED), lambda e: e.rewrite(sympy.Piecewise))


def _with_sample_functions(entry: Any) -> Any:
    """Give undefined functions, f(x), a formula of their own, so that a false chain rule has a witness."""
    if not entry.has(AppliedUndef):
        return entry

    def sample(call: Any) -> Any:
        scale = 1 + sympy.Rational(sum(k * ord(c) for k, c in enumerate(call.func.__name__, 1)), 100)
        return sum(
            (sympy.exp(a / scale) + a**2 / (k + scale) for k, a in enumerate(call.args)), sympy.Integer(1)
        )

    try:
        return entry.replace(lambda e: isinstance(e, AppliedUndef), sample).doit()
    except ValueError:  # a derivative by f(x), which is no symbol any more
        return entry


def _assignments(integers: list[Any], left: Any, right: Any, where: Any, rng: random.Random) -> list[Point]:
    """Choose values of the integer symbols so that every way of being equal or different occurs.

    The last assignment leaves those open that number nothing: they are drawn at large values, too.
    """
    if not integers:
        return [{}]
    indices, limits = _indices(left, right)
    ranges = [_small_range(symbol, where, 1 if symbol in limits else -2) for symbol in integers]
    points = [
        dict(zip(integers, map(sympy.Integer, values), strict=True))
        for values in itertools.islice(itertools.product(*ranges), 2000)
    ]
    rng.shuffle(points)
    points.sort(key=lambda point: sum(map(abs, point.values())))
    patterns: dict[Any, list[Point]] = {}
    for point in points:
        if fits(point) and where.xreplace(point) != sympy.false:
            values = tuple(point.values())
            patterns.setdefault(tuple(map(values.index, values)), []).append(point)
    turns = itertools.zip_longest(*(patterns[pattern] for pattern in sorted(patterns)))
    chosen = [point for turn in turns for point in turn if point is not None]
    if not chosen:
        raise Undecided("no whole numbers tried lie in the domain")
    chosen = chosen[:8] + rng.sample(chosen[8:], min(4, len(chosen[8:])))
    fixed = {symbol: value for symbol, value in chosen[-1].items() if symbol in indices}
    return chosen if len(fixed) == len(integers) else [*chosen, fixed]


def _small_range(symbol: Any, where: Any, start: int) -> range:
    """Return up to six whole numbers in a row that the conditions on a symbol allow."""
    low, high = bounds(symbol, where)
    if low is None:
        low = start if high is None else sympy.floor(high) - 5
    low = sympy.ceiling(low)
    high = low + 5 if high is None else min(sympy.floor(high), low + 5)
    return range(int(low), int(high) + 1)
