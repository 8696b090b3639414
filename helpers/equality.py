"""Whether two formulas are equal: points that can refute it, then SymPy, which can prove it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import mpmath
import sympy
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.hyperbolic import HyperbolicFunction
from sympy.functions.elementary.trigonometric import TrigonometricFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from helpers.primitives import Primitive

POINTS = 40
"""Random points at which a step must hold."""

_FEWEST_POINTS = 10
DIGITS = 50
_SEED = 2010

# Bounds on size, not on time: whether a step counts as proved must not depend on the load of the machine.
_EXPAND_UP_TO = 600
_TERMS_UP_TO = 1000
_SIMPLIFY_UP_TO = 60
_FOLD_UP_TO = 64

_NOT_COMPUTABLE = (sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit, sympy.Derivative, AppliedUndef)
_KINKED = (sympy.Abs, sympy.Max, sympy.Min, sympy.sign, sympy.Heaviside)

Point = dict[Any, sympy.Rational]


class Undecided(ValueError):  # noqa: N818  (nothing went wrong: the question has no answer)
    """Tells why two formulas could be neither told apart nor held equal."""


@dataclass(frozen=True)
class Difference:
    """A point at which two formulas differ, and their values there."""

    point: Point
    left: Any
    right: Any
    index: int
    entry: tuple[int, int] | None = None

    def renamed(self, symbols: dict[Any, Any], more: Point, shape: tuple[int, int] | None) -> Difference:
        """Give the point in the author's symbols, and the place in the author's matrix."""
        point = {symbols.get(dummy, dummy): value for dummy, value in (more | self.point).items()}
        entry = None if shape is None else divmod(self.index, int(shape[1]))
        return replace(self, point=point, entry=entry)


def compare(left: Any, right: Any, where: Any) -> str | Difference:
    """Return a point where two formulas differ, or else what supports that they are equal."""
    shape = getattr(left, "shape", None)
    if shape != getattr(right, "shape", None):
        raise Undecided("one line is a matrix, the other is not or has another shape")
    real = _real_symbols(left, right, where)
    left, right, where = (formula.xreplace(real) for formula in (left, right, where))
    symbols = {dummy: symbol for symbol, dummy in real.items()}
    rng = random.Random(_SEED)

    integers = sorted((dummy for dummy in symbols if dummy.is_integer), key=str)
    assignments = _integer_points(integers, left, right, where, rng)
    tried = usable = regional = 0
    hole = None
    for assignment in assignments:
        sides = _Sides(*(formula.xreplace(assignment) for formula in (left, right, where)))

        def difference(point: Point, sides: _Sides = sides, assignment: Point = assignment) -> Difference:
            return sides.difference(point).renamed(symbols, assignment, shape)

        special = ((point, False) for point in sides.special_points(rng))
        drawn = ((point, True) for point in sides.random_points(rng, -(-POINTS // len(assignments))))
        for point, is_random in itertools.chain(special, drawn):
            verdict = sides.verdict(point)
            tried += is_random
            usable += is_random and verdict == "equal"
            if verdict == "different":
                return difference(point)
            if verdict == "one side undefined":
                # A removable singularity is an isolated point; several random points are a region.
                regional += is_random
                hole = hole or difference(point)
            if regional == 3 and hole:
                return hole

    before, after, skip_kinks = _entries(left), _entries(right), _skips_kinks(left, right)
    enough = min(_FEWEST_POINTS, len(assignments)) if len(integers) == len(symbols) else _FEWEST_POINTS
    if before == after and tried > 0:
        return "proved"
    if tried == 0:
        raise Undecided(f"found no point of the domain {where.xreplace(symbols)}")
    if usable < enough:
        raise Undecided(f"both lines have a real value at only {usable} of the {tried} points tried")
    if all(_vanishes(a - b, where, skip_kinks) for a, b in zip(before, after, strict=True)):
        return "proved"
    return f"checked numerically at {usable} point{'s' if usable > 1 else ''}"


def _real_symbols(*formulas: Any) -> dict[Any, Any]:
    """Map free symbols to real ones with the same assumptions; indices and limits of sums to integers."""
    counting: set[Any] = set()
    labels: set[Any] = set()
    free: set[Any] = set()
    for formula in formulas:
        free |= {symbol for symbol in formula.free_symbols if isinstance(symbol, sympy.Symbol)}
        labels |= {base.label for base in formula.atoms(sympy.IndexedBase)}
        for term in formula.atoms(sympy.Indexed):
            counting.update(*(index.free_symbols for index in term.indices))
        for term in formula.atoms(sympy.KroneckerDelta):
            counting |= term.free_symbols
        for term in formula.atoms(sympy.Sum, sympy.Product):
            counting.update(*(bound.free_symbols for limits in term.limits for bound in limits[1:]))
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


def _entries(formula: Any) -> tuple[Any, ...]:
    """Carry out what a line announces, in elementary functions and pieces; a matrix gives all its entries."""
    # A decimal means what it says: 0.1 is 1/10, not the nearest binary fraction.
    formula = formula.xreplace({number: sympy.Rational(str(number)) for number in formula.atoms(sympy.Float)})
    formula = formula.replace(lambda e: isinstance(e, Primitive), lambda e: e.rewrite(sympy.exp)).doit()
    formula = formula.replace(lambda e: isinstance(e, _KINKED), lambda e: e.rewrite(sympy.Piecewise))
    formula = formula.replace(sympy.DiracDelta, lambda at, *_: sympy.Piecewise((0, sympy.Ne(at, 0))))
    if hasattr(formula, "shape"):
        return tuple(sympy.ImmutableMatrix(formula.as_explicit()))
    return (formula,)


class _Sides:
    """Both sides of a step as numerical functions of its real symbols."""

    def __init__(self, left: Any, right: Any, where: Any):
        self.skip_kinks = _skips_kinks(left, right)
        sides = [[_with_sample_functions(entry) for entry in _entries(side)] for side in (left, right)]
        opaque: set[Any] = set()
        for formula in (*sides[0], *sides[1], where):
            opaque |= formula.atoms(sympy.Indexed, MatrixElement)
        dummies = {atom: sympy.Dummy(str(atom), real=True) for atom in sorted(opaque, key=str)}
        self.names = {dummy: atom for atom, dummy in dummies.items()}
        self.entries = [[entry.xreplace(dummies) for entry in side] for side in sides]
        self.where = where.xreplace(dummies)
        free = set().union(
            *(entry.free_symbols for side in self.entries for entry in side), self.where.free_symbols
        )
        self.symbols = sorted(free, key=str)
        # mpmath's quadrature and infinite sums are not good to 50 digits: such lines are left to SymPy.
        self.is_computable = not any(entry.has(*_NOT_COMPUTABLE) for side in self.entries for entry in side)
        if self.is_computable:
            self.functions = [sympy.lambdify(self.symbols, side, "mpmath") for side in self.entries]
        self.bounds = {symbol: _bounds(symbol, self.where) for symbol in self.symbols}
        self.kinks = self._kinks()

    def values(self, point: Point, digits: int) -> list[list[Any] | None]:
        """Both sides' entries at a point; None for a side that is not real and finite there."""
        with mpmath.workdps(digits):
            at = [mpmath.mpf(point[symbol].p) / point[symbol].q for symbol in self.symbols]
            return [_real_values(function, at) for function in self.functions]

    def verdict(self, point: Point) -> str:
        """Say how the sides compare: equal, different, undefined, one side undefined, or not computable."""
        if not self.is_computable:
            return "not computable"
        left, right = self.values(point, DIGITS)
        if left is None or right is None:
            return "undefined" if left is right else "one side undefined"
        tiny = mpmath.mpf(10) ** (10 - DIGITS)
        gaps = {i: abs(a - b) for i, (a, b) in enumerate(zip(left, right, strict=True))}
        gaps = {i: gap for i, gap in gaps.items() if gap > tiny * max(abs(left[i]), abs(right[i]))}
        if not gaps:
            return "equal"
        # Rounding shrinks with more digits, a difference does not.
        left, right = self.values(point, 3 * DIGITS)
        if left is None or right is None:
            return "undefined"
        return (
            "different" if any(abs(left[i] - right[i]) > tiny * gap for i, gap in gaps.items()) else "equal"
        )

    def difference(self, point: Point) -> Difference:
        """Give both sides' values at a point, of the entry that differs most."""
        left, right = self.values(point, 3 * DIGITS)
        index = 0
        if left is not None and right is not None:
            index = max(range(len(left)), key=lambda i: abs(left[i] - right[i]))
        before, after = (
            None if side is None else sympy.Float(side[index], 3 * DIGITS) for side in (left, right)
        )
        named = {self.names.get(symbol, symbol): value for symbol, value in point.items()}
        return Difference(named, before, after, index)

    def allows(self, point: Point) -> bool:
        return (
            _fits(point)
            and self.where.xreplace(point) == sympy.true
            and not (self.skip_kinks and any(kink.xreplace(point) == 0 for kink in self.kinks))
        )

    def special_points(self, rng: random.Random) -> Iterator[Point]:
        """Simple points, then points at, around and between the kinks."""
        simple = [sympy.Rational(value) for value in ("1", "0", "-1", "2", "1/2", "-3")]
        candidates: list[Point] = [dict.fromkeys(self.symbols, value) for value in simple]
        if len(self.symbols) > 1:
            candidates += [{symbol: rng.choice(simple) for symbol in self.symbols} for _ in simple]
        for symbol in self.symbols:
            elsewhere = next(self.random_points(rng, 1), None)
            if elsewhere is None:
                break
            roots = sorted(
                {
                    root
                    for kink in self.kinks
                    for root in _roots(kink.xreplace(_without(elsewhere, symbol)), symbol)
                }
            )
            steps = [0, *(sign * sympy.Rational(1, 10**k) for k in (1, 3, 6, 9, 15) for sign in (1, -1))]
            values = [root + step for root in roots for step in steps]
            values += [(a + b) / 2 for a, b in itertools.pairwise(roots)]
            candidates += [{**elsewhere, symbol: value} for value in values[:200]]
        yield from (point for point in candidates if self.allows(point))

    def random_points(self, rng: random.Random, count: int) -> Iterator[Point]:
        found = 0
        for _ in range(25 * count):
            point = {symbol: _draw(rng, *self.bounds[symbol]) for symbol in self.symbols}
            if self.allows(point):
                yield point
                found += 1
            if found == count or not self.symbols:
                return

    def _kinks(self) -> list[Any]:
        relations: set[Any] = set()
        for entry in itertools.chain(*self.entries):
            relations |= entry.atoms(sympy.core.relational.Relational)
        gaps = {relation.lhs - relation.rhs for relation in relations}
        return sorted(gaps, key=str)


def _real_values(function: Callable[..., list[Any]], at: list[Any]) -> list[Any] | None:
    try:
        values = [mpmath.mpmathify(value) for value in function(*at)]
    except (ArithmeticError, ValueError, TypeError):  # TypeError: complex numbers have no order
        return None
    if not all(mpmath.isfinite(value) and mpmath.im(value) == 0 for value in values):
        return None
    return [mpmath.re(value) for value in values]


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


def _conjuncts(where: Any) -> list[Any]:
    # SymPy keeps them as a set, whose order differs from run to run.
    return sorted(sympy.And.make_args(where), key=sympy.default_sort_key)


def _bounds(symbol: Any, where: Any) -> tuple[Any, Any]:
    """Return the interval that assumptions and the conditions on one symbol leave it; None is no bound."""
    low = sympy.S.Zero if symbol.is_nonnegative else None
    high = sympy.S.Zero if symbol.is_nonpositive else None
    for condition in _conjuncts(where):
        if condition.free_symbols != {symbol}:
            continue
        try:
            allowed = condition.as_set()
            bottom, top = allowed.inf, allowed.sup
        except (NotImplementedError, ValueError, TypeError):
            continue
        if bottom.is_finite and (low is None or bottom > low):
            low = bottom
        if top.is_finite and (high is None or top < high):
            high = top
    return low, high


def _draw(rng: random.Random, low: Any, high: Any) -> sympy.Rational:
    unit = sympy.Rational(rng.randint(1, 10**6 - 1), 10**6)
    reach = unit * rng.choice([sympy.Rational(1, 100), 1, 4, 12])
    if low is not None and high is not None:
        return _rational(low + (high - low) * unit)
    if low is not None:
        return _rational(low + reach)
    if high is not None:
        return _rational(high - reach)
    return rng.choice([-1, 1]) * reach


def _rational(value: Any) -> sympy.Rational:
    return value if value.is_Rational else sympy.Rational(str(sympy.N(value, 20)))


def _integer_points(
    integers: list[Any], left: Any, right: Any, where: Any, rng: random.Random
) -> list[Point]:
    """Choose values of the integer symbols so that every way of being equal or different occurs."""
    limits: set[Any] = set()
    for formula in (left, right):
        for term in formula.atoms(sympy.Sum, sympy.Product):
            limits.update(*(bound.free_symbols for limit in term.limits for bound in limit[1:]))
    ranges = []
    for symbol in integers:
        low, high = _bounds(symbol, where)
        low = sympy.ceiling(low) if low is not None else None
        high = sympy.floor(high) if high is not None else None
        if low is None:
            low = high - 5 if high is not None else sympy.Integer(1 if symbol in limits else -2)
        last = low + 5 if high is None else min(high, low + 5)
        ranges.append(range(int(low), int(last) + 1))
    points = [
        dict(zip(integers, map(sympy.Integer, values), strict=True))
        for values in itertools.islice(itertools.product(*ranges), 2000)
    ]
    rng.shuffle(points)
    points.sort(key=lambda point: sum(map(abs, point.values())))
    patterns: dict[Any, list[Point]] = {}
    for point in points:
        if _fits(point) and where.xreplace(point) != sympy.false:
            values = tuple(point.values())
            patterns.setdefault(tuple(map(values.index, values)), []).append(point)
    turns = itertools.zip_longest(*(patterns[pattern] for pattern in sorted(patterns)))
    chosen = [point for turn in turns for point in turn if point is not None]
    if not chosen:
        raise Undecided("no whole numbers tried lie in the domain")
    return chosen[:8] + rng.sample(chosen[8:], min(4, len(chosen[8:])))


def _fits(point: Point) -> bool:
    """Do the values agree with what is assumed of their symbols?"""
    return all(
        getattr(value, f"is_{name}") in (None, truth)
        for symbol, value in point.items()
        for name, truth in symbol.assumptions0.items()
    )


def _without(point: Point, symbol: Any) -> Point:
    return {other: value for other, value in point.items() if other != symbol}


def _roots(kink: Any, symbol: Any) -> list[sympy.Rational]:
    """Return where a polynomial condition in one symbol changes, to far more digits than the points use."""
    if kink.free_symbols != {symbol} or not kink.is_polynomial(symbol):
        return []
    try:
        polynomial = sympy.Poly(kink, symbol)
        roots = (
            [-polynomial.nth(0) / polynomial.nth(1)] if polynomial.degree() == 1 else sympy.real_roots(kink)
        )
        return [_rational(root) for root in roots]
    except (NotImplementedError, ValueError):
        return []


def _vanishes(difference: Any, where: Any, skip_kinks: bool, level: int = 0) -> bool:
    """Try to prove that an expression is 0 wherever ``where`` holds (a proof on a larger set will do)."""
    difference = difference.xreplace(dict.fromkeys(_conjuncts(where), sympy.true))
    difference, where = _in_free_parameters(difference, where)
    if difference == 0:
        return True
    if not difference.has(sympy.Piecewise):
        return _is_identically_zero(difference)
    pieces = 1
    for piecewise in difference.atoms(sympy.Piecewise):
        pieces *= len(piecewise.args)
    if level == 2 or pieces > _FOLD_UP_TO:
        return False
    folded = sympy.piecewise_fold(difference)
    if not isinstance(folded, sympy.Piecewise):
        return _vanishes(folded, where, skip_kinks, level + 1)
    here = where
    for value, condition in folded.args:
        case = sympy.And(here, condition)
        here = sympy.And(here, sympy.Not(condition))
        isolated = _isolated_points(case)
        if isolated is None:
            proved = _vanishes(value, case, skip_kinks, level + 1)
        else:
            proved = skip_kinks or all(value.subs(point) == 0 for point in isolated)
        if not proved:
            return False
    return True


def _in_free_parameters(difference: Any, where: Any) -> tuple[Any, Any]:
    """Write x > a as x = a + p with p positive, so that SymPy's assumptions carry the condition."""
    done: set[Any] = set()
    for relation in _conjuncts(where):
        if not isinstance(relation, sympy.Gt | sympy.Ge | sympy.Lt | sympy.Le):
            continue
        big, small = relation.gts, relation.lts
        strict = isinstance(relation, sympy.Gt | sympy.Lt)
        for symbol, other, sign in ((big, small, 1), (small, big, -1)):
            if (
                not symbol.is_Symbol
                or symbol in done
                or symbol in other.free_symbols
                or other.free_symbols & done
            ):
                continue
            assumption = "positive" if strict else "nonnegative"
            if sign < 0 and other == 0:
                assumption, sign = ("negative" if strict else "nonpositive"), 1
            kept = {"integer": True} if symbol.is_integer and other.is_integer else {"real": True}
            substitute = {symbol: other + sign * sympy.Dummy(symbol.name, **{assumption: True}, **kept)}
            difference, where = difference.subs(substitute), where.subs(substitute)
            done.add(symbol)
            break
    return difference, where


def _isolated_points(case: Any) -> list[Point] | None:
    """Return the points where a case applies, [] if there are none; None if they may be a region."""
    if case == sympy.false:
        return []
    if len(case.free_symbols) != 1 or len(case.atoms(sympy.core.relational.Relational)) > 8:
        return None
    try:
        values = case.as_set()
    except (NotImplementedError, ValueError, TypeError):
        return None
    (symbol,) = case.free_symbols
    is_finite = values is sympy.S.EmptySet or isinstance(values, sympy.FiniteSet)
    return [{symbol: value} for value in values] if is_finite else None


def _is_identically_zero(difference: Any) -> bool:
    if difference.count_ops() > _EXPAND_UP_TO or _terms(difference) > _TERMS_UP_TO:
        return False
    in_exponentials = difference.rewrite([HyperbolicFunction, TrigonometricFunction], sympy.exp)
    if _numerator_is_zero(in_exponentials):
        return True
    # Both sides are real, so they are equal where their exponentials are: this undoes logarithms.
    if in_exponentials.has(sympy.log):
        raised = sympy.exp(sympy.expand(sympy.expand_log(in_exponentials)))
        if _numerator_is_zero(raised - 1):
            return True
    # To simplify, exp(0.999 x) is a polynomial of degree 999 in exp(x/1000).
    numbers = difference.atoms(sympy.Rational)
    is_small = difference.count_ops() <= _SIMPLIFY_UP_TO and all(abs(n.p) + n.q < 100 for n in numbers)
    return is_small and sympy.simplify(difference) == 0


def _numerator_is_zero(expr: Any) -> bool:
    numerator = sympy.fraction(sympy.together(expr))[0]
    return _terms(numerator) <= _TERMS_UP_TO and sympy.expand(numerator) == 0


def _terms(expr: Any) -> int:
    """Return how many terms `expand` would make, at most."""
    if expr.is_Add:
        return sum(map(_terms, expr.args))
    if expr.is_Mul:
        return prod(map(_terms, expr.args))
    if expr.is_Pow and expr.exp.is_Integer:
        return _terms(expr.base) ** min(abs(int(expr.exp)), 20)
    return 1
