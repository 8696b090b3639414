"""Every zero of a formula between two points, with proof that there is no other.

>>> from helpers.roots import Signs
>>> [root.point for root in Signs(x**3 - 2 * x, -sp.oo, sp.oo).roots]
[-sqrt(2), 0, sqrt(2)]

A formula is written as a product of factors. Each has no zero near the ends, where its `helpers.tails`
expansion has a sign. What is between is halved until on each part the interval of all values leaves out 0,
or that of the slope does: then the part holds one zero or none, as the signs at its ends tell. A zero that
many factors or a flat factor share is exact or is not told at all.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp
from flint import arb

from helpers.balls import BITS
from helpers.intervals import Interval, NotDecided, Program, exactly, number, spelled
from helpers.primitives import Phi, x
from helpers.tails import approach

__all__ = [
    "Root",
    "Signs",
    "as_float",
    "ball_of",
    "comparable",
    "compare",
    "factors",
    "names_of",
    "short",
    "vanishes_at",
]

_DIGITS = 80
"""Digits of a number that has no name."""
_TRUE = 60
"""So many of them are right, also after some computing."""

_BOXES = 4_000
_STEPS = 400
_SHARES = (0.48710937, 0.53945312, 0.42578125, 0.57421875)
"""Where a part is cut in two: not in the middle, where a zero is likely to be."""


@dataclass(frozen=True)
class Root:
    """A zero: a SymPy number (a Float of 80 digits if it has no name), how often it is one, and of what."""

    point: sp.Expr
    multiplicity: int
    factor: sp.Expr


def compare(a: sp.Expr, b: sp.Expr) -> int:
    """Return −1, 0 or 1 for a < b, a = b and a > b.

    Raises
    ------
    NotDecided
        If they agree to the last digit that is known, and are not proved to be equal.
    """
    if a == b:
        return 0
    if a.is_infinite or b.is_infinite:
        return compare(*((sp.Integer({sp.oo: 1, -sp.oo: -1}.get(value, 0))) for value in (a, b)))
    with exactly():
        sign = (ball_of(a, _TRUE) + -ball_of(b, _TRUE)).sign()
        if sign is None:
            sign = _finer_comparison(a, b)
        if sign is None:
            raise NotDecided(f"whether {short(a)} and {short(b)} are the same number could not be decided")
        return sign


_by_size = functools.cmp_to_key(compare)


def _finer_comparison(a: sp.Expr, b: sp.Expr) -> int | None:
    if a.is_Float and b.is_Float and (factor := _factor_of.get(a)) is not None:
        # Between two zeros of one formula its slope is 0 somewhere.
        hull = Interval(ball_of(a).ball().union(ball_of(b).ball()))
        same = factor == _factor_of.get(b) and Program(sp.diff(factor, x)).on(hull).sign()
        return 0 if same else None
    if a.has(sp.Float) or b.has(sp.Float):
        return None
    for form in _without_cancellation(a - b):
        sign = number(form).sign()
        if sign is None and (form.is_positive or form.is_negative):  # e to the power of −10²⁵ has no ball
            sign = 1 if form.is_positive else -1
        if sign is not None:
            return sign
    return 0 if sp.simplify(a - b) == 0 else None


def _without_cancellation(value: sp.Expr) -> Iterator[sp.Expr]:
    """Yield forms of a number in which more and more has canceled, as in 3 − (3 + e⁻⁸⁰⁰), 1 − tanh 800."""
    yield (expanded := sp.expand(value))
    above, below = sp.fraction(sp.together(_rational_in_exponentials(expanded)))
    yield sp.expand(above) / below


def comparable(value: sp.Expr) -> sp.Expr:
    """Return a number, as a Float if SymPy has not digits enough to compare it with others."""
    if value.is_infinite or value is sp.nan or value.is_comparable:
        return value
    with exactly():
        for form in _without_cancellation(value):
            if (found := as_float(number(form))) is not None:
                return found
    raise NotDecided(f"the digits of {value} could not be found")


def short(value: sp.Expr) -> str:
    """Write a number for a message."""
    if value.is_infinite:
        return "∞" if value is sp.oo else "−∞"
    with exactly():
        return f"{float(number(value).ball().mid()):.5g}".replace("-", "−")


def ball_of(value: sp.Expr, digits: int = _DIGITS - 2) -> Interval:
    """Return a number as a ball, with what a Float lacks of the true number: a zero less than a value."""
    ball = number(value)
    return (
        Interval(ball.low + abs(ball.low) * arb(0, 1) * arb(10) ** -digits) if value.has(sp.Float) else ball
    )


def as_float(found: Interval, digits: int = _TRUE + 2) -> sp.Float | None:
    """Return a Float in a narrow interval, None if so many of its digits are not known."""
    ball = found.ball()
    if not ball.rad() <= abs(ball.mid()) * arb(10) ** -digits:
        return None
    return sp.Float(_rational(ball.mid()), _DIGITS)


_factor_of: dict[sp.Float, sp.Expr] = {}
"""Of which formula a Float is the zero."""


def vanishes_at(expr: sp.Expr, point: sp.Expr) -> bool:
    """Tell whether a formula is 0 at a Float because the factor that made the Float is one of its own."""
    factor = _factor_of.get(point)
    return factor is not None and any(f in (factor, -factor) for f, _ in factors(expr)[1])


def names_of(ball: arb) -> Iterator[sp.Expr]:
    """Yield simple numbers that lie in a ball: fractions, roots of fractions, multiples of π, logarithms."""
    if ball.contains(arb(0)):
        yield sp.S.Zero
        return
    for inverse, name in (
        (ball, lambda r: r),
        (ball * abs(ball), lambda r: sp.sign(r) * sp.sqrt(abs(r))),
        (ball / arb.pi(), lambda r: r * sp.pi),
        (ball.exp() if abs(ball) < 20 else None, sp.log),
    ):
        if inverse is not None:
            fraction = _fraction(inverse)
            if fraction is not None and inverse.overlaps(number(fraction).low):
                yield name(fraction)


def _fraction(ball: arb) -> sp.Rational | None:
    """Return the simplest fraction of a narrow ball, if it is much simpler than chance would have it."""
    if not ball.rad() < arb(2) ** -100 * (1 + abs(ball.mid())):
        return None
    exact = _rational(ball.mid())
    fraction = exact.limit_denominator(10**12)
    return fraction if ball.overlaps(number(fraction).low) else None


def _rational(point: arb) -> sp.Rational:
    mantissa, exponent = point.mid().man_exp()
    return sp.Integer(int(mantissa)) * sp.Integer(2) ** int(exponent)


# A formula as a product


@functools.lru_cache(maxsize=2_000)
def factors(expr: sp.Expr) -> tuple[int, tuple[tuple[sp.Expr, int], ...]]:
    """Write a formula as a sign, 0 if it is 0 everywhere, and factors that change theirs, with powers.

    Positive factors are left out: exponentials, Φ, and roots, which are positive between their own zeros.
    """
    expr = _rational_in_exponentials(expr)
    generators = _Generators(expr)
    numerator, denominator = sp.fraction(sp.together(generators.polynomial(expr)))
    back = {symbol: meaning for meaning, symbol in generators.symbols.items()}
    positive = {symbol for symbol, meaning in back.items() if _is_positive(meaning)}
    numbers = {symbol for symbol, meaning in back.items() if meaning.is_number}
    sign = 1
    found: dict[sp.Expr, int] = {}
    with exactly():
        for part, power in ((numerator, 1), (denominator, -1)):
            for symbol, (degree, base) in generators.rules.items():
                part = sp.rem(sp.expand(part), symbol**degree - base, symbol) if part.has(symbol) else part
            part = sp.expand(part)
            if part == 0:
                return 0, ()
            constant, pieces = sp.factor_list(part)
            for factor, multiplicity in [(constant, 1), *pieces]:
                if factor in positive:
                    continue
                factor = _grouped(factor, [symbol for symbol in back if symbol not in numbers])
                while factor.atoms(sp.Dummy):
                    factor = factor.xreplace(back)
                if factor.has(x):
                    found[factor] = found.get(factor, 0) + power * multiplicity
                elif multiplicity % 2:
                    its = compare(factor, sp.S.Zero)
                    if its == 0:
                        return 0, ()
                    sign *= its
    return sign, tuple((factor, power) for factor, power in found.items() if power)


def _grouped(factor: sp.Expr, generators: list[sp.Symbol]) -> sp.Expr:
    """Write (x − 999) g for x g − 999 g: the less often x stands there, the narrower the enclosures."""
    held = [symbol for symbol in generators if factor.has(symbol)]
    if not held or not factor.is_Add:
        return factor
    terms = sp.Poly(factor, *held).terms()
    return sp.Add(
        *(
            sp.factor(coefficient) * sp.Mul(*(g**k for g, k in zip(held, powers, strict=True)))
            for powers, coefficient in terms
        )
    )


def _is_positive(meaning: sp.Expr) -> bool:
    return isinstance(meaning, (sp.exp, Phi)) or (meaning.is_Pow and meaning.exp.is_Rational)


def _rational_in_exponentials(expr: sp.Expr) -> sp.Expr:
    def tanh(w: sp.Expr) -> sp.Expr:
        return (sp.exp(2 * w) - 1) / (sp.exp(2 * w) + 1)

    expr = spelled(expr).replace(sp.tanh, tanh)
    for function in (sp.sinh, sp.cosh):
        expr = expr.replace(function, lambda w, f=function: f(w).rewrite(sp.exp))

    def erf(w: sp.Expr) -> sp.Expr:
        if w.is_number and number(w).sign() == 1:
            return 1 - 2 * Phi(-sp.sqrt(2) * w)
        return 2 * Phi(sp.sqrt(2) * w) - 1

    # 1 + erf and 1 − erf are positive, and lose their digits as a sum.
    expr = expr.replace(sp.erf, erf)
    return expr.replace(sp.erfc, lambda w: 2 * Phi(-sp.sqrt(2) * w))


class _Generators:
    """Symbols for all that is not rational in a formula: powers of one symbol for e^(w/2) and e^(−3w).

    Attributes
    ----------
    symbols : dict
        Which symbol stands for what.
    rules : dict
        For the symbol of a root, its degree and what it is the root of.
    """

    def __init__(self, expr: sp.Expr) -> None:
        self.symbols: dict[sp.Expr, sp.Symbol] = {}
        self.rules: dict[sp.Symbol, tuple[int, sp.Expr]] = {}
        self._bases: list[tuple[sp.Expr, int]] = []  # exponents, and what they are divided by
        exponents = {sp.expand(e.args[0]): e.args[0] for e in expr.atoms(sp.exp)}
        for w in sorted(exponents, key=sp.default_sort_key):
            if self._base(w) is None:
                ratios = [_ratio(v, w) for v in exponents]
                self._bases.append(
                    (_tight(exponents[w]), sp.ilcm(1, *(r.q for r in ratios if r is not None)))
                )

    def polynomial(self, part: sp.Expr) -> sp.Expr:
        """Return a formula with the symbols in it."""
        if part.is_Rational or part == x:
            return part
        if part.is_Add or part.is_Mul:
            return part.func(*map(self.polynomial, part.args))
        if isinstance(part, sp.exp):
            return self._exponential(sp.expand(part.args[0]))
        if part.is_Pow and part.exp.is_Integer:
            return self.polynomial(part.base) ** part.exp
        if part.is_Pow and part.exp.is_Rational:
            root = self._symbol(part.base ** sp.Rational(1, part.exp.q))
            if part.base.has(x) or part.base.is_Rational:
                self.rules[root] = (part.exp.q, self.polynomial(part.base))
            return root**part.exp.p
        return self._symbol(part)

    def _symbol(self, meaning: sp.Expr) -> sp.Symbol:
        return self.symbols.setdefault(meaning, sp.Dummy(f"g{len(self.symbols)}"))

    def _base(self, w: sp.Expr) -> tuple[sp.Expr, int, sp.Rational] | None:
        """Return the exponent that a rational multiple of is, but for a constant, the same as this one."""
        for base, divisor in self._bases:
            ratio = _ratio(w, sp.expand(base))
            if ratio is not None and (ratio * divisor).is_Integer:
                return base, divisor, ratio
        return None

    def _exponential(self, w: sp.Expr) -> sp.Expr:
        found = self._base(w)
        if found is None:
            self._bases.append((w, 1))
            return self._symbol(sp.exp(w))
        base, divisor, ratio = found
        power = self._symbol(sp.exp(base / divisor)) ** (ratio * divisor)
        rest = sp.expand(w - ratio * base)
        return power if rest == 0 else power * self._exponential(rest)


def _ratio(w: sp.Expr, base: sp.Expr) -> sp.Rational | None:
    """Return the rational ratio of two exponents without their constant terms, None if there is none."""
    if w.has(x) != base.has(x):
        return None
    if w.has(x):
        w, base = (e.as_independent(x, as_Add=True)[1] for e in (w, base))
    ratio = sp.cancel(w / base)
    return ratio if ratio.is_Rational else None


def _tight(w: sp.Expr) -> sp.Expr:
    """Complete a square: where x stands once, an interval of it gives the narrowest enclosure."""
    if not (w.is_polynomial(x) and sp.degree(w, x) == 2):
        return w
    a, b, c = sp.Poly(w, x).all_coeffs()
    return a * (x + b / (2 * a)) ** 2 + sp.expand(c - b**2 / (4 * a))


# The zeros of one factor


class Signs:
    """Where a formula is positive, zero and negative on an open interval.

    Attributes
    ----------
    roots : list of Root
        All zeros, in order.
    sign : int
        The sign right of the low end: 1, −1, or 0 for a formula that is 0 everywhere.

    Raises
    ------
    NotDecided
        If zeros cannot be told, or a denominator has one.
    """

    def __init__(self, expr: sp.Expr, low: sp.Expr, high: sp.Expr, within: sp.Expr | None = None) -> None:
        self.low, self.high = low, high
        self.sign, parts = factors(expr)
        found: list[Root] = []
        with exactly():
            for factor, power in parts:
                sign, roots = _solve(factor, low, high, within)
                if power < 0 and roots:
                    raise NotDecided(f"a denominator is 0 at x = {short(roots[0].point)}")
                if power % 2:
                    self.sign *= sign
                found += [Root(root.point, root.multiplicity * power, factor) for root in roots]
        self.roots = _merged(found)

    def changes(self) -> list[sp.Expr]:
        """Return the zeros at which the sign changes."""
        return [root.point for root in self.roots if root.multiplicity % 2]


def _merged(roots: list[Root]) -> list[Root]:
    roots = sorted(roots, key=lambda root: _by_size(root.point))
    merged: list[Root] = []
    for root in roots:
        if merged and compare(merged[-1].point, root.point) == 0:
            last = merged.pop()
            root = Root(root.point, root.multiplicity + last.multiplicity, last.factor * root.factor)
        merged.append(root)
    return merged


@functools.lru_cache(maxsize=5_000)
def _solve(
    factor: sp.Expr, low: sp.Expr, high: sp.Expr, within: sp.Expr | None
) -> tuple[int, tuple[Root, ...]]:
    """Return a factor's sign right of the low end, and its zeros."""
    if factor.is_polynomial(x) and (degree := sp.degree(factor, x)) <= 2:
        return _solve_quadratic(factor, degree, low, high)
    chain = _Chain(factor)
    left, sign = _quiet(chain, low, 1, within)
    right, _ = _quiet(chain, high, -1, within)
    if compare(left, right) >= 0:
        return sign, ()
    return sign, tuple(chain.roots(number(left).low, number(right).low))


def _solve_quadratic(
    factor: sp.Expr, degree: int, low: sp.Expr, high: sp.Expr
) -> tuple[int, tuple[Root, ...]]:
    c, b, a = (factor.coeff(x, k) for k in range(3))
    if degree == 1:
        points = [sp.simplify(-c / b)]
    elif compare(discriminant := sp.expand(b**2 - 4 * a * c), sp.S.Zero) < 0:
        points = []
    else:
        half = sp.sqrt(discriminant) / (2 * abs(a))
        points = [sp.expand(-b / (2 * a) - half), sp.expand(-b / (2 * a) + half)]
    final = compare(a or b, sp.S.Zero)  # the sign at ∞; every zero on the way to the low end turns it
    beyond = [point for point in points if compare(point, low) > 0]
    inside = tuple(Root(point, 1, factor) for point in beyond if compare(point, high) < 0)
    return final * (-1) ** len(beyond), inside


def _quiet(chain: "_Chain", end: sp.Expr, side: int, within: sp.Expr | None) -> tuple[sp.Expr, int]:
    """Return a point such that there is no zero between it and an end, and the sign there."""
    if within is not None and end.is_infinite:
        end = -side * within
    if end.is_finite:
        value = chain.sign_at(ball_of(end))
        if value:
            return end, value
        if end.has(sp.Float):
            raise NotDecided(f"what it does near x = {short(end)} could not be decided")
    reason = NotDecided("it may turn for ever")
    for tail in approach(chain.program(0), end, side):
        try:
            _, _, sign = tail.first()
        except NotDecided as undecided:
            reason = undecided
            continue
        start = tail.scale.start
        point = end + side / start if end.is_finite else sp.sign(end) * start
        return point, sign
    raise NotDecided(f"{reason}, as x → {end}")


class _Chain:
    """A factor and its derivatives, as programs."""

    def __init__(self, expr: sp.Expr) -> None:
        self._orders = [expr]
        self._programs: dict[int, Program] = {}

    def order(self, n: int) -> sp.Expr:
        while len(self._orders) <= n:
            self._orders.append(sp.diff(self._orders[-1], x))
        return self._orders[n]

    def program(self, n: int) -> Program:
        if n not in self._programs:
            self._programs[n] = Program(self.order(n))
        return self._programs[n]

    def sign_at(self, point: Interval, n: int = 0) -> int | None:
        sign = self.program(n).on(point).sign()
        if sign is None and point.low.is_exact():
            with exactly(4 * BITS):
                sign = self.program(n).on(point).sign()
        return sign

    def roots(self, low: arb, high: arb) -> Iterator[Root]:
        """Yield all zeros between two points that are none, by halving."""
        todo = [(low, high, self.sign_at(Interval(low)), self.sign_at(Interval(high)), 0)]
        value, slope = self.program(0), self.program(1)
        for _ in range(_BOXES):
            if not todo:
                return
            low, high, before, after, depth = todo.pop()
            box = Interval(low, high)
            if value.on(box).sign():
                continue
            if slope.on(box).sign() and before and after:
                if before != after:
                    yield self._root(0, box)
                continue
            if depth >= 8 and depth % 4 == 0 and (root := self._flat_root(box)) is not None:
                yield root
                continue
            middle, sign = self._cut(low, high)
            todo += [(middle, high, sign, after, depth + 1), (low, middle, before, sign, depth + 1)]
        raise NotDecided(
            f"the zeros of {self.order(0)} near x = {float(low.mid()):.6g} could not be told apart"
        )

    def _cut(self, low: arb, high: arb, n: int = 0) -> tuple[arb, int]:
        """Return a point between two others, and the sign that a derivative has there."""
        for share in _SHARES:
            middle = (low + (high - low) * share).mid()
            if sign := self.sign_at(Interval(middle), n):
                return middle, sign
        raise NotDecided(
            f"whether {self.order(n)} is 0 about x = {float(low.mid()):.6g} could not be decided"
        )

    def _root(self, n: int, box: Interval) -> Root:
        """Narrow down the one zero of a derivative in a box by Newton's method for intervals; name it."""
        low, high = box.low, box.high
        rises = self.program(n + 1).on(box).sign()
        goal = arb(2) ** -(BITS - 40)
        for _ in range(_STEPS):
            if high - low < goal * abs(low):
                break
            if high - low < goal**2 and _vanishes(self.order(n).subs(x, 0)):
                return Root(sp.S.Zero, n + 1, self.order(0))
            middle = ((low + high) / 2).mid()
            value = self.program(n).on(Interval(middle))
            slope = self.program(n + 1).on(Interval(low, high))
            step = middle + -(value.low / slope.ball()) if slope.sign() else arb("nan")
            new_low, new_high = step.lower().max(low).mid(), step.upper().min(high).mid()
            if step.is_finite() and new_high - new_low < (high - low) / 2 and new_low <= new_high:
                low, high = new_low, new_high
            else:
                middle, sign = self._cut(low, high, n)
                low, high = (low, middle) if sign == rises else (middle, high)
        ball = low.union(high)
        for point in self._candidates(ball):
            if _vanishes(self.order(n).subs(x, point)):
                return Root(point, n + 1, self.order(0))
        point = as_float(Interval(ball), _DIGITS)
        if point is None:
            raise NotDecided(
                f"the zero of {self.order(n)} near x = {float(ball.mid()):.6g} could not be narrowed down"
            )
        _factor_of[point] = self.order(n)
        return Root(point, n + 1, self.order(0))

    def _candidates(self, ball: arb) -> Iterator[sp.Expr]:
        """Yield simple numbers in a ball, and those at which an a x + b of the formula is a simple number."""
        yield from names_of(ball)
        for part in self.order(0).atoms(sp.Add):
            slope = part.diff(x)
            if slope.is_number and slope != 0:
                start = part.subs(x, 0)
                for name in names_of(number(slope).low * ball + number(start).low):
                    yield sp.expand((name - start) / slope)

    def _flat_root(self, box: Interval) -> Root | None:
        """Return the zero in a box that is one of the slope, too, if it has a name to prove it by."""
        for n in range(2, 6):
            if not self.program(n).on(box).sign():
                continue
            ends = [self.sign_at(Interval(end), n - 1) for end in (box.low, box.high)]
            if None in ends or ends[0] == ends[1]:
                return None
            root = self._root(n - 1, box)
            if root.point.has(sp.Float):
                return None
            flat = all(_vanishes(self.order(k).subs(x, root.point)) for k in range(n))
            return root if flat else None
        return None


def _vanishes(value: sp.Expr) -> bool:
    if value == 0:
        return True
    try:
        if number(value).sign() is not None:
            return False
    except NotDecided:
        return False
    return bool(sp.simplify(value) == 0)
