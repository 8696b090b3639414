"""What a formula does towards the end of a line, with proof: expansions whose remainders are enclosed.

>>> from helpers.tails import limit, tail
>>> limit(x * sigmoid(x), -sp.oo, 1)    # as x → −∞, from the right
0

A `Tail` is a sum c₁ m₁(y) + c₂ m₂(y) + … that holds for *all* y from a start on, with monomials m such as
y⁻² e^(−3y) in falling order and coefficients that are exact SymPy numbers or, for what was cut off,
intervals that hold every value. So the sign of the first coefficient is the sign of the formula on the whole
tail, and not only "finally"; a limit is read off the first monomial. The algebra is that of Hardy fields, as
in Gruntz 1996, On computing limits in a symbolic manipulation system; the intervals are what makes it hold
from a known place on. At a finite point p, y is the distance turned over: x = p + 1/y.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sympy as sp
from flint import arb

from helpers.intervals import Interval, NotDecided, Program, exactly, number
from helpers.primitives import x

__all__ = ["Tail", "approach", "limit"]

# A monomial is exp(Σ cᵢ gᵢ), gᵢ growing monomials themselves: the pairs (gᵢ, cᵢ), largest first.
Monomial = tuple[Any, ...]
_LOG_LOG: Monomial = ("log log y",)
ONE: Monomial = ()
LOG: Monomial = ((_LOG_LOG, sp.S.One),)
Y: Monomial = ((LOG, sp.S.One),)

STARTS = tuple(sp.Integer(2) ** k for k in (2, 4, 6, 9, 13, 20, 30, 45, 90, 400))
_TERMS = (4, 10)
_WIDE = Interval(arb(-1), arb(1))


def _times(a: Monomial, b: Monomial, power: sp.Expr = sp.S.One) -> Monomial:
    """Return a bᵖ."""
    powers = dict(a)
    for base, exponent in b:
        powers[base] = powers.get(base, sp.S.Zero) + power * exponent
    kept = [(base, exponent) for base, exponent in powers.items() if _exact_sign(exponent)]
    return tuple(sorted(kept, key=lambda pair: _falling(pair[0])))


@functools.lru_cache(maxsize=20_000)
def _compare(a: Monomial, b: Monomial) -> int:
    """Return 1 if a/b grows beyond all bounds, −1 if it tends to 0, and 0 if they are the same."""
    if a == b:
        return 0
    if _LOG_LOG in (a, b):
        return 1 if b == _LOG_LOG else -1
    ratio = _times(a, b, sp.S.NegativeOne)
    return _exact_sign(ratio[0][1]) if ratio else 0


_falling = functools.cmp_to_key(lambda a, b: -_compare(a, b))


@functools.lru_cache(maxsize=20_000)
def _exact_sign(value: sp.Expr) -> int:
    sign = number(value).sign()
    if sign is None and (value == 0 or sp.simplify(value) == 0):
        return 0
    if sign is None:
        raise NotDecided(f"whether {value} is 0 could not be decided")
    return sign


def _velocity(base: Monomial) -> tuple[sp.Expr, Monomial]:
    """Return y g′(y) as a number times a monomial."""
    if base == _LOG_LOG:
        return sp.S.One, _times(ONE, LOG, sp.S.NegativeOne)
    if len(base) != 1:
        raise NotDecided("an exponential of a sum in an exponential")
    (inner, power), *_ = base
    if inner == _LOG_LOG and power == 1:
        return sp.S.One, ONE
    factor, rest = _velocity(inner)
    return factor * power, _times(base, rest)


class Tail:
    """A function on the whole of [start, ∞): see the module's text."""

    __slots__ = ("scale", "terms")

    def __init__(self, scale: "_Scale", terms: Iterable[tuple[Monomial, "_Coefficient"]]) -> None:
        self.scale = scale
        merged: dict[Monomial, _Coefficient] = {}
        for monomial, coefficient in terms:
            merged[monomial] = merged[monomial] + coefficient if monomial in merged else coefficient
        kept = [(m, c) for m, c in merged.items() if not c.vanishes()]
        kept.sort(key=lambda term: _falling(term[0]))
        if len(kept) > scale.size:  # what is left out goes into the last coefficient
            (last, total), rest = kept[scale.size - 1], kept[scale.size :]
            ball = total.ball
            for monomial, coefficient in rest:
                ball = ball + coefficient.ball * scale.reach(_times(monomial, last, sp.S.NegativeOne))
            kept = [*kept[: scale.size - 1], (last, _Coefficient(None, ball))]
        self.terms = kept

    def constant(self, value: sp.Expr) -> "Tail":
        """Return a number."""
        return Tail(self.scale, [(ONE, _Coefficient(value, number(value)))])

    def __add__(self, other: "Tail") -> "Tail":
        return Tail(self.scale, [*self.terms, *other.terms])

    def __mul__(self, other: "Tail") -> "Tail":
        products = ((_times(m, n), c * d) for m, c in self.terms for n, d in other.terms)
        return Tail(self.scale, products)

    def __neg__(self) -> "Tail":
        return self * self.constant(sp.S.NegativeOne)

    def first(self) -> tuple[Monomial, "_Coefficient", int]:
        """Return the largest monomial, its coefficient and its sign, which is the sign of the whole."""
        if not self.terms:
            return ONE, _Coefficient(sp.S.Zero, number(sp.S.Zero)), 0
        monomial, coefficient = self.terms[0]
        ball = coefficient.ball
        for other, its in self.terms[1:]:
            ball = ball + its.ball * self.scale.reach(_times(other, monomial, sp.S.NegativeOne))
        sign = ball.sign()
        if sign is None or coefficient.ball.sign() is None:
            raise NotDecided("it may turn for ever")
        return monomial, coefficient, sign

    def enclosure(self) -> Interval:
        """Return an interval that holds all its values, if it is bounded."""
        total = number(sp.S.Zero)
        for monomial, coefficient in self.terms:
            total = total + coefficient.ball * self.scale.reach(monomial)
        return total

    def falls_exponentially(self) -> bool:
        """Tell whether it tends to 0 faster than every power of y."""
        if not self.terms:
            return True
        (base, power), *_ = self.terms[0][0] or ((LOG, sp.S.Zero),)
        return _compare(base, LOG) > 0 and _exact_sign(power) < 0

    def limit(self) -> sp.Expr:
        """Return the limit as y → ∞."""
        if not self.terms:
            return sp.S.Zero
        order = _compare(self.terms[0][0], ONE)
        if order < 0:
            return sp.S.Zero
        coefficient = self.terms[0][1]
        if order > 0 and (sign := coefficient.ball.sign()):
            return sp.oo * sign
        if coefficient.exact is not None:
            return coefficient.exact
        raise NotDecided("it may turn for ever")

    def _relative(self) -> tuple[Monomial, "_Coefficient", "Tail"]:
        """Write it as c m (1 + u), with u that tends to 0."""
        monomial, coefficient, _ = self.first()
        inverse = coefficient.inverse()
        rest = [(_times(m, monomial, sp.S.NegativeOne), c * inverse) for m, c in self.terms[1:]]
        return monomial, coefficient, Tail(self.scale, rest)

    def _parts(self) -> tuple["Tail", sp.Expr, "Tail"]:
        """Split it into what grows, a number, and what tends to 0."""
        large = [(m, c) for m, c in self.terms if _compare(m, ONE) > 0]
        small = [(m, c) for m, c in self.terms if _compare(m, ONE) < 0]
        (middle,) = [c.exact for m, c in self.terms if m == ONE] or [sp.S.Zero]
        if middle is None:
            raise NotDecided("it may turn for ever")
        return Tail(self.scale, large), middle, Tail(self.scale, small)

    def _series(self, function: sp.Expr, center: sp.Expr) -> "Tail":
        """Return f(c + u) for this u, by Taylor's formula with its remainder."""
        if not self.terms:
            return self.constant(function.subs(_W, center))
        bound = self.enclosure()
        total, power = self.constant(_taylor(function, center, 0)), self.constant(sp.S.One)
        for order in range(1, self.scale.size):
            power = power * self
            total = total + power * self.constant(_taylor(function, center, order))
        remainder = _derivative(function, self.scale.size).on(number(center) + bound)
        if not remainder.is_known:
            raise NotDecided("a remainder has no bound")
        return total + power * self * Tail(self.scale, [(ONE, _Coefficient(None, remainder))])

    def power(self, exponent: sp.Expr) -> "Tail":
        """Return it to the power of a number."""
        if exponent.is_Integer and 0 < exponent <= 4:
            return functools.reduce(Tail.__mul__, [self] * int(exponent))
        monomial, coefficient, small = self._relative()
        if coefficient.ball.sign() != 1 and not exponent.is_Integer:
            raise NotDecided("a root of a negative number")
        lead = _Coefficient(
            None if coefficient.exact is None else coefficient.exact**exponent,
            coefficient.ball.power(exponent),
        )
        return Tail(self.scale, [(_times(ONE, monomial, exponent), lead)]) * small._series(
            _W**exponent, sp.S.One
        )

    def exp(self) -> "Tail":
        """Return eˣ: what grows goes into a monomial."""
        large, middle, small = self._parts()
        monomial = ONE
        for base, coefficient in large.terms:
            if coefficient.exact is None:
                raise NotDecided("it may turn for ever")
            monomial = _times(monomial, ((base, coefficient.exact),))
        factor = _Coefficient(sp.exp(middle), number(sp.exp(middle)))
        return Tail(self.scale, [(monomial, factor)]) * small._series(sp.exp(_W), sp.S.Zero)

    def log(self) -> "Tail":
        """Return the logarithm: what grows comes out of the first monomial."""
        monomial, coefficient, small = self._relative()
        if coefficient.ball.sign() != 1 or coefficient.exact is None:
            raise NotDecided("the logarithm of what may not be positive")
        if any(base == _LOG_LOG for base, _ in monomial):
            raise NotDecided("a logarithm of a logarithm of a logarithm")
        total = self.constant(sp.log(coefficient.exact)) + small._series(sp.log(_W), sp.S.One)
        return total + Tail(self.scale, [(base, _Coefficient(c, number(c))) for base, c in monomial])

    def log1p(self) -> "Tail":
        """Return log(1 + x)."""
        return (self + self.constant(sp.S.One)).log()

    def _analytic(self, function: sp.Expr, far: Callable[["Tail", int], "Tail"]) -> "Tail":
        """Apply a function that is analytic on the whole line, given what it is far out."""
        if self.terms and _compare(self.terms[0][0], ONE) > 0:
            return far(self, self.first()[2])
        _, middle, small = self._parts()
        return small._series(function, middle)

    def _odd(self, function: Callable[["Tail"], "Tail"], sign: int) -> "Tail":
        return function(self) if sign > 0 else -function(-self)

    def tanh(self) -> "Tail":
        """Return tanh x."""

        def far(w: Tail) -> Tail:
            decay, one = (-(w + w)).exp(), w.constant(sp.S.One)
            return (one + -decay) * (one + decay).power(sp.S.NegativeOne)

        return self._analytic(sp.tanh(_W), lambda w, sign: w._odd(far, sign))

    def sinh(self) -> "Tail":
        """Return sinh x."""
        return (self.exp() + -(-self).exp()) * self.constant(sp.S.Half)

    def cosh(self) -> "Tail":
        """Return cosh x."""
        return (self.exp() + (-self).exp()) * self.constant(sp.S.Half)

    def asinh(self) -> "Tail":
        """Return asinh x."""

        def far(w: Tail) -> Tail:
            return (w + (w * w + w.constant(sp.S.One)).power(sp.S.Half)).log()

        return self._analytic(sp.asinh(_W), lambda w, sign: w._odd(far, sign))

    def atan(self) -> "Tail":
        """Return atan x."""

        def far(w: Tail) -> Tail:
            return w.constant(sp.pi / 2) + -w.power(sp.S.NegativeOne).atan()

        return self._analytic(sp.atan(_W), lambda w, sign: w._odd(far, sign))

    def asin(self) -> "Tail":
        """Return asin x, inside (−1, 1)."""
        _, middle, small = self._parts()
        return small._series(sp.asin(_W), middle)

    def erfc(self) -> "Tail":
        """Return 1 − erf x; far out by the asymptotic series, whose error is less than its next term."""

        def far(w: Tail, sign: int) -> Tail:
            if sign < 0:
                return w.constant(sp.Integer(2)) + -far(-w, 1)
            square = w * w
            inverse = (square + square).power(sp.S.NegativeOne)
            error = Tail(w.scale, [(ONE, _Coefficient(None, Interval(arb(0), arb(3))))])
            series = w.constant(sp.S.One) + -inverse + inverse * inverse * error
            front = (-square).exp() * w.power(sp.S.NegativeOne) * w.constant(1 / sp.sqrt(sp.pi))
            return front * series

        return self._analytic(sp.erfc(_W), far)

    def erf(self) -> "Tail":
        """Return erf x."""

        def far(w: Tail) -> Tail:
            return w.constant(sp.S.One) + -w.erfc()

        return self._analytic(sp.erf(_W), lambda w, sign: w._odd(far, sign))

    def Phi(self) -> "Tail":  # noqa: N802  (its name in the formulas)
        """Return Φ(x)."""
        return (self * self.constant(-1 / sp.sqrt(2))).erfc() * self.constant(sp.S.Half)

    def sin(self) -> "Tail":
        """Return sin x, of which far out no more is known than that it stays in [−1, 1]."""
        return self._analytic(sp.sin(_W), lambda w, _: Tail(w.scale, [(ONE, _Coefficient(None, _WIDE))]))

    def cos(self) -> "Tail":
        """Return cos x."""
        return self._analytic(sp.cos(_W), lambda w, _: Tail(w.scale, [(ONE, _Coefficient(None, _WIDE))]))


_W = sp.Symbol("w", real=True)


@functools.lru_cache(maxsize=20_000)
def _taylor(function: sp.Expr, center: sp.Expr, order: int) -> sp.Expr:
    return sp.diff(function, _W, order).subs(_W, center) / sp.factorial(order)


@functools.lru_cache(maxsize=2_000)
def _derivative(function: sp.Expr, order: int) -> Program:
    return Program((sp.diff(function, _W, order) / sp.factorial(order)).subs(_W, x))


class _Coefficient:
    """A number: exactly, or None, and as an interval."""

    __slots__ = ("ball", "exact")

    def __init__(self, exact: sp.Expr | None, ball: Interval) -> None:
        self.exact, self.ball = exact, ball

    def __add__(self, other: "_Coefficient") -> "_Coefficient":
        if self.exact is None or other.exact is None:
            return _Coefficient(None, self.ball + other.ball)
        return _Coefficient(self.exact + other.exact, self.ball + other.ball)

    def __mul__(self, other: "_Coefficient") -> "_Coefficient":
        if self.exact is None or other.exact is None:
            return _Coefficient(None, self.ball * other.ball)
        return _Coefficient(self.exact * other.exact, self.ball * other.ball)

    def inverse(self) -> "_Coefficient":
        return _Coefficient(None if self.exact is None else 1 / self.exact, self.ball.power(sp.S.NegativeOne))

    def vanishes(self) -> bool:
        return self.exact is not None and not self.ball.sign() and not _exact_sign(self.exact)


class _Scale:
    """The start of a tail, and how many terms are kept."""

    def __init__(self, start: sp.Expr, size: int) -> None:
        self.start, self.size = start, size
        self._values: dict[Monomial, Interval] = {}
        self._reaches: dict[Monomial, Interval] = {}

    def y(self) -> Tail:
        return Tail(self, [(Y, _Coefficient(sp.S.One, number(sp.S.One)))])

    def value(self, monomial: Monomial) -> Interval:
        """Return a monomial's value at the start."""
        if monomial == _LOG_LOG:
            return number(self.start).log().log()
        if monomial not in self._values:
            total = number(sp.S.Zero)
            for base, power in monomial:
                total = total + self.value(base) * number(power)
            self._values[monomial] = total.exp()
        return self._values[monomial]

    def reach(self, monomial: Monomial) -> Interval:
        """Return the interval of all values of a monomial that falls from the start on, or is 1."""
        if monomial == ONE:
            return number(sp.S.One)
        if monomial not in self._reaches:
            if _compare(monomial, ONE) > 0:
                raise NotDecided("it grows beyond all bounds")
            if not self._falls(monomial):
                raise NotDecided("the tail starts farther out")
            self._reaches[monomial] = Interval(arb(0), self.value(monomial).high)
        return self._reaches[monomial]

    def _falls(self, monomial: Monomial) -> bool:
        """Tell whether Σ cᵢ gᵢ falls from the start on: whether Σ cᵢ gᵢ′/g₀′ stays below 0."""
        (first, power), *others = monomial
        factor, speed = _velocity(first)
        total = number(power)
        for base, exponent in others:
            its_factor, its_speed = _velocity(base)
            if _exact_sign(exponent) > 0:
                share = self.reach(_times(its_speed, speed, sp.S.NegativeOne))
                total = total + number(exponent * its_factor / factor) * share
        return total.sign() == -1


def _argument(y: Tail, point: sp.Expr, side: int) -> Tail:
    """Return x as a function of y: towards ±∞, or towards a point from its right (1) or left (−1)."""
    if point in (sp.oo, -sp.oo):
        return y if point is sp.oo else -y
    step = y.power(sp.S.NegativeOne)
    return y.constant(point) + (step if side > 0 else -step)


def approach(program: Program, point: sp.Expr, side: int, nearest: sp.Expr = STARTS[0]) -> Iterator[Tail]:
    """Yield the tails of a formula towards a point, each starting nearer to it than the one before.

    Raises
    ------
    NotDecided
        With the reason, if no tail can be worked out.
    """
    reason = None
    worked = False
    for size, start in itertools.product(_TERMS, STARTS):
        if start >= nearest:
            try:
                found = program.on(_argument(_Scale(start, size).y(), point, side))
            except NotDecided as undecided:
                reason = undecided
            else:
                worked = True
                yield found
    if reason is not None and not worked:
        raise reason


def limit(expr: sp.Expr, point: sp.Expr, side: int) -> sp.Expr:
    """Return the limit of a formula towards ±∞, or towards a point from its right (1) or its left (−1).

    Raises
    ------
    NotDecided
        If it is not known whether there is one.
    """
    with exactly():
        reason = NotDecided("it may turn for ever")
        for tail in approach(Program(expr), point, side, STARTS[4]):
            try:
                return tail.limit()
            except NotDecided as undecided:
                reason = undecided
        raise reason
