"""Both sides of an equation at points: simple ones, those at, around and between kinks, and random ones."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sympy
from flint import arb, fmpq
from mpmath import libmp
from sympy.core.relational import Relational
from sympy.matrices.expressions.matexpr import MatrixElement

from helpers.balls import At, NoValue, Unclear, compiled, exactly, fraction, holds, real
from helpers.crossings import crossings
from helpers.proof import conjuncts

DIGITS = 50
"""Digits to which both sides must agree at every point."""

_RUNGS = (DIGITS, 3 * DIGITS, 12 * DIGITS, 48 * DIGITS)  # the last where time is no matter
_BITS_PER_DIGIT = 4  # a sixth of them to spare
_REACHES = (sympy.Rational(1, 100), 1, 4, 12)
_FAR_REACHES = (12, 100, 10**4)
_WHOLE_REACHES = (6, 40, 1000, 10**6)
_POINTS_AT_KINKS = 200
_LONGEST_SLOPE = 40

Point = dict[Any, sympy.Rational]


@dataclass(frozen=True)
class Place:
    """A point; values that are no fractions are given by balls, too, and known to lie on a kink."""

    point: Point
    balls: dict[Any, arb] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """A point at which two formulas differ, their values there, and by how much they differ.

    A side is None where it has no real value.
    """

    point: Point
    left: sympy.Float | None
    right: sympy.Float | None
    gap: sympy.Float | None = None
    index: int = 0
    entry: tuple[int, int] | None = None

    def renamed(self, symbols: dict[Any, Any], shape: tuple[int, int] | None) -> Difference:
        """Give the point in the author's symbols, and the place in the author's matrix."""
        point = {symbols.get(dummy, dummy): value for dummy, value in self.point.items()}
        entry = None if shape is None else divmod(self.index, shape[1])
        return replace(self, point=point, entry=entry)


@dataclass
class Tally:
    """What the points tried so far have shown, and how many must agree for it to count."""

    fewest: int
    tried: int = 0
    agreeing: list[tuple[Sides, Place]] = field(default_factory=list)
    one_sided: int = 0
    hole: Difference | None = None
    obstacle: str = ""


class Sides:
    """Both sides of an equation, each a list of entries, as functions of their real symbols.

    Entries of arrays and matrices count as symbols. With `skip_kinks`, nothing is asked at the kinks; with
    `one_way`, nothing where the left side has no value. `given` has the symbols whose values stand in the
    sides already. With `assumed`, a symbol allows what the symbol that it is mapped to does, and SymPy is
    asked for nothing: it may take minutes, and disturb another thread. `obstacle` says why the sides cannot
    be computed, if they cannot.
    """

    def __init__(
        self,
        sides: Sequence[Sequence[Any]],
        where: Any = sympy.true,
        *,
        skip_kinks: bool = False,
        one_way: bool = False,
        given: Point | None = None,
        assumed: Mapping[Any, sympy.Symbol] | None = None,
    ):
        self._skip_kinks, self._one_way = skip_kinks, one_way
        self._given, self._assumed = given or {}, assumed
        everything = [*itertools.chain(*sides), where]
        dummies = {} if assumed is not None else array_entries(*everything)
        self._names = {dummy: atom for atom, dummy in dummies.items()}
        self.entries = [[entry.xreplace(dummies) if dummies else entry for entry in side] for side in sides]
        where = where.xreplace(dummies)
        free = set().union(*(entry.free_symbols for side in self.entries for entry in side))
        self._symbols = sorted(free | where.free_symbols, key=str)
        self._meant = {symbol: (assumed or {}).get(symbol, symbol) for symbol in self._symbols}
        self._bounds = {symbol: bounds(self._meant[symbol], where) for symbol in self._symbols}
        self._inside = holds(where)
        self._kinks = gaps(itertools.chain(*self.entries))
        self._edges = [gap for gap in gaps([where]) if gap not in self._kinks]
        self.obstacle = ""
        try:
            self._functions = [[compiled(entry) for entry in side] for side in self.entries]
            self._kink_sides = [tuple(map(compiled, kink)) for kink in self._kinks]
        except NotImplementedError as why:
            self.obstacle, self._kinks, self._kink_sides = str(why), [], []

    @property
    def has_curved_kinks(self) -> bool:
        """Whether a kink lies where no straight line crosses 0, so that a grid had to look for it."""
        differences = [a - b for a, b in self._kinks]
        return any(sympy.diff(gap, s).free_symbols for gap in differences for s in gap.free_symbols)

    def refuted(self, rng: random.Random, count: int, tally: Tally) -> Difference | None:
        """Look for a point where the sides differ, and count what was seen at random ones.

        Ten times `count` points are tried where too few agree.
        """
        special = ((place, False) for place in self._special_places(rng))
        drawn = ((Place(point), True) for point in self._random_points(rng, 10 * count))
        tried = tally.tried
        tally.obstacle = self.obstacle or tally.obstacle
        for place, is_random in itertools.chain(special, drawn):
            is_enough = self.obstacle or len(tally.agreeing) >= tally.fewest
            if is_random and tally.tried - tried >= count and is_enough:
                break
            verdict, difference = self.verdict(place)
            tally.tried += is_random
            if verdict == "different":
                return difference
            if verdict == "one side undefined":
                # A removable singularity is an isolated point; several random points are a region.
                tally.one_sided += is_random
                tally.hole = tally.hole or difference
                if tally.one_sided == 3:
                    return tally.hole
            if verdict == "equal" and is_random:
                tally.agreeing.append((self, place))
        return None

    def verdict(self, place: Place, rungs: Sequence[int] = ()) -> tuple[str, Difference | None]:
        """Say how the sides compare: equal, different, undefined, one side undefined, or unclear.

        Digits are added until the sides are told apart or agree to as many as asked for.
        """
        if self.obstacle:
            return "not computable", None
        rungs = rungs or (_RUNGS if self._assumed is None else _RUNGS[:-1])
        for digits in rungs:
            with exactly(digits * _BITS_PER_DIGIT):
                try:
                    found = self._compared(place, digits, digits == rungs[-1])
                except Unclear:
                    continue
            if found:
                return found
        return "unclear", None

    def _compared(self, place: Place, digits: int, is_last: bool) -> tuple[str, Difference | None] | None:
        at = self.at(place)
        left, right = (_values(side, at) for side in self._functions)
        if left is None or right is None:
            if left is right or (left is None and self._one_way):
                return "undefined", None
            before, after = (None if side is None else _float(side[0]) for side in (left, right))
            return "one side undefined", Difference(self._named(place), before, after)
        gaps = [arb(a - b) for a, b in zip(left, right, strict=True)]
        apart = [index for index, gap in enumerate(gaps) if not gap.contains(0)]
        if apart:
            index = max(apart, key=lambda i: float(abs(gaps[i]).log().mid()))
            before, after, gap = (_float(value) for value in (left[index], right[index], gaps[index]))
            return "different", Difference(self._named(place), before, after, gap, index)
        tiny = arb(10) ** -digits
        for gap, a, b in zip(gaps, left, right, strict=True):
            scale = max(abs(arb(a)).upper(), abs(arb(b)).upper(), arb(is_last))
            if not (gap == 0 or abs(gap) <= tiny * scale):
                return None
        return "equal", None

    def at(self, place: Place) -> At:
        """Return a place as `balls` takes it."""
        fractions = {symbol: fraction(value) for symbol, value in place.point.items()}
        return At({**fractions, **place.balls}, touching=bool(place.balls))

    def _named(self, place: Place) -> Point:
        return self._given | {self._names.get(symbol, symbol): value for symbol, value in place.point.items()}

    def difference(self, place: Place, index: int, gap: Any) -> Difference:
        """Return the difference at a place where the gap is known to be other than 0."""
        at = self.at(place)
        left, right = (_float(real(side[index](at))) for side in self._functions)
        return Difference(self._named(place), left, right, _float(gap), index)

    def allows(self, place: Place) -> bool:
        """Whether a place lies in the domain, and away from the kinks if they are skipped."""
        meant = {self._meant[symbol]: value for symbol, value in place.point.items()}
        if not fits(meant) or (self._skip_kinks and place.balls):
            return False
        with exactly(DIGITS * _BITS_PER_DIGIT):
            try:
                at = self.at(place)
                if not self._inside(at):
                    return False
            except (Unclear, NoValue, ZeroDivisionError):
                return False
            return not (self._skip_kinks and any(_meet(left, right, at) for left, right in self._kink_sides))

    def _special_places(self, rng: random.Random) -> Iterator[Place]:
        simple = [sympy.Rational(value) for value in ("1", "0", "-1", "2", "1/2", "-3")]
        places = [Place(dict.fromkeys(self._symbols, value)) for value in simple]
        if len(self._symbols) > 1:
            places += [Place({symbol: rng.choice(simple) for symbol in self._symbols}) for _ in simple]
        for symbol in self._symbols:
            elsewhere = next(self._random_points(rng, 1), None)
            if elsewhere is None:
                break
            places += self._around_kinks(symbol, elsewhere)
        yield from filter(self.allows, places)

    def _around_kinks(self, symbol: Any, elsewhere: Point) -> list[Place]:
        """Return the places at, around and between the kinks along one symbol."""
        roots: dict[sympy.Rational, Any] = {}
        for gap in (*self._kinks, *self._edges):
            for root in self._roots(gap, symbol, elsewhere):
                roots[_rational(root)] = root
        places = [
            Place({**elsewhere, symbol: value}, {} if isinstance(root, fmpq) else {symbol: root})
            for value, root in sorted(roots.items())
        ]
        steps = [sign * sympy.Rational(1, 10**k) for k in (1, 3, 6, 9, 15) for sign in (1, -1)]
        values = [root + step for root in sorted(roots) for step in steps]
        values += [(a + b) / 2 for a, b in itertools.pairwise(sorted(roots))]
        places += [Place({**elsewhere, symbol: value}) for value in values]
        return places[:_POINTS_AT_KINKS]

    def _roots(self, gap: Gap, symbol: Any, elsewhere: Point) -> list[fmpq | arb]:
        if not any(symbol in side.free_symbols for side in gap):
            return []
        others = {other: fraction(value) for other, value in elsewhere.items()}

        def along(*formulas: Any) -> Any:
            functions = [compiled(formula) for formula in formulas]

            def value(place: fmpq) -> Any:
                at = At({**others, symbol: place})
                left, *right = (real(function(at)) for function in functions)
                return left - right[0] if right else left

            return value

        values = along(*gap)
        root = _root_of_a_line(values)
        if root is not None:
            return [root]
        slope = None
        if self._assumed is None:
            difference = gap[0] - gap[1]
            # The slope of a long formula or of pieces costs more than it shows.
            if not gaps([difference]) and difference.count_ops() <= _LONGEST_SLOPE:
                slope = along(difference.diff(symbol))
        low, high = (None if end is None else fraction(_rounded(end)) for end in self._bounds[symbol])
        return crossings(values, slope, low, high)

    def _random_points(self, rng: random.Random, count: int) -> Iterator[Point]:
        found = 0
        for turn in range(25 * count):
            # Where little is found near 0, the formulas may have values farther out.
            reaches = _FAR_REACHES if turn % 2 and turn > count // 5 else _REACHES
            point = {
                symbol: _draw(rng, reaches, meant, *self._bounds[symbol])
                for symbol, meant in self._meant.items()
            }
            if self.allows(Place(point)):
                yield point
                found += 1
            if found == count or not self._symbols:
                return


def array_entries(*formulas: Any) -> dict[Any, sympy.Dummy]:
    """Map the entries of arrays and matrices to real symbols."""
    entries = set().union(*(formula.atoms(sympy.Indexed, MatrixElement) for formula in formulas))
    return {entry: sympy.Dummy(str(entry), real=True) for entry in sorted(entries, key=str)}


def _values(side: Sequence[Any], at: At) -> list[Any] | None:
    try:
        return [real(entry(at)) for entry in side]
    except (NoValue, ZeroDivisionError):
        return None


def _meet(left: Any, right: Any, at: At) -> bool:
    try:
        return at.compare(left(at), right(at)) == 0
    except (NoValue, Unclear, ZeroDivisionError):
        return False


def _root_of_a_line(function: Any) -> fmpq | arb | None:
    """Return where a function is 0 if it is linear, as far as five points show, and has such a place."""
    with exactly(DIGITS * _BITS_PER_DIGIT):
        try:
            start, end = function(fmpq(0)), function(fmpq(1))
            others = [fmpq(-3), fmpq(7, 2), fmpq(100, 3)]
            if all(arb(function(at) - start - (end - start) * at).contains(0) for at in others):
                root = start / (start - end)
                return root if isinstance(root, fmpq) or root.is_finite() else None
        except (NoValue, Unclear, ZeroDivisionError):
            pass
    return None


Gap = tuple[Any, Any]


def gaps(formulas: Any) -> list[Gap]:
    """Return the pairs of expressions that are equal at the kinks of formulas or at the edges of a domain."""
    pairs: dict[Gap, None] = {}  # in order: to sort them, SymPy would compute them
    for part in itertools.chain(*map(sympy.preorder_traversal, formulas)):
        if isinstance(part, Relational):
            pairs[part.lhs, part.rhs] = None
        elif isinstance(part, sympy.Abs | sympy.sign | sympy.Heaviside):
            pairs[part.args[0], sympy.S.Zero] = None
        elif isinstance(part, sympy.Max | sympy.Min):
            pairs |= dict.fromkeys(itertools.combinations(part.args, 2))
    return list(pairs)


def bounds(symbol: Any, where: Any) -> tuple[Any, Any]:
    """Return the interval that assumptions and the conditions on one symbol leave it; None is no bound."""
    low = sympy.S.Zero if symbol.is_nonnegative else None
    high = sympy.S.Zero if symbol.is_nonpositive else None
    for condition in conjuncts(where):
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


def _draw(rng: random.Random, reaches: Sequence[Any], symbol: Any, low: Any, high: Any) -> sympy.Rational:
    unit = sympy.Rational(rng.randint(1, 10**6 - 1), 10**6)
    reach = unit * rng.choice(_WHOLE_REACHES if symbol.is_integer else reaches)
    if low is not None and high is not None:
        value = _rounded(low + (high - low) * unit)
    elif low is not None:
        value = _rounded(low + reach)
    elif high is not None:
        value = _rounded(high - reach)
    else:
        value = rng.choice([-1, 1]) * reach
    return sympy.Integer(round(value)) if symbol.is_integer else value


def _rounded(value: Any) -> sympy.Rational:
    return value if value.is_Rational else sympy.Rational(str(sympy.N(value, 40)))


def _rational(value: fmpq | arb) -> sympy.Rational:
    exact = value if isinstance(value, fmpq) else value.mid().fmpq()
    return sympy.Rational(int(exact.p), int(exact.q))


def _float(value: fmpq | arb) -> sympy.Float:
    """Return a value as SymPy's, with the digits of the present precision."""
    mantissa, exponent = arb(value).mid().man_exp()
    number = libmp.from_man_exp(int(mantissa), int(exponent))
    return sympy.Float(number, precision=max(int(mantissa).bit_length(), 53))


def fits(point: Point) -> bool:
    """Do the values agree with what is assumed of their symbols?"""
    return all(
        getattr(value, f"is_{name}") in (None, truth)
        for symbol, value in point.items()
        for name, truth in symbol.assumptions0.items()
    )
