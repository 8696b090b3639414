import mpmath
import pytest
import sympy as sp

from helpers.intervals import NotDecided, Program, exactly
from helpers.primitives import Phi, gelu_cubic, phi, sigmoid, softplus, textbook, x
from helpers.tails import approach, limit

THIRD = sp.Rational(1, 3)
LIMITS = [
    (sigmoid(x), -sp.oo, 0),
    (x * sigmoid(x), -sp.oo, 0),
    (x * sp.tanh(softplus(x)), sp.oo, sp.oo),
    (x * phi(x) + Phi(x), sp.oo, 1),
    (sp.sqrt(1 + x**2) - x, sp.oo, 0),
    (x * (sp.sqrt(1 + x**2) - x), sp.oo, sp.S.Half),
    (sp.sqrt(THIRD * x**2 + 1) - sp.sqrt(THIRD) * x, sp.oo, 0),
    (sp.exp(-sp.exp(-x)), -sp.oo, 0),
    (sp.exp(x) * (1 - sp.exp(-sp.exp(-x))), sp.oo, 1),
    ((1 + 1 / x) ** x, sp.oo, sp.E),
    (x**30 * sp.exp(-x), sp.oo, 0),
    (sp.exp(sp.sqrt(sp.log(x**2 + 2))) / x, sp.oo, 0),
    (sp.log(x + sp.sqrt(x**2 + 1)), -sp.oo, -sp.oo),
    (764 - sp.asinh(5 * x + 4) / 100, sp.oo, -sp.oo),
    (x * (sp.pi / 2 - sp.atan(x)), sp.oo, 1),
    (sp.exp(x**2) * x * sp.erfc(x), sp.oo, 1 / sp.sqrt(sp.pi)),
    (1 - sp.tanh(10**6 * x), -sp.oo, 2),
    (sp.tanh(x / 10**6), sp.oo, 1),
    (sp.tanh(gelu_cubic.subs(sp.Float("0.044715"), sp.Rational(44715, 10**6))), -sp.oo, -1),
    (sp.sin(x) / x, sp.oo, 0),
    (x + sp.sin(x), -sp.oo, -sp.oo),
    (sp.exp(-1 / x), 0, 0),
    (x * sp.log(x), 0, 0),
    (1 / sp.sqrt(x), 0, sp.oo),
    ((1 - sp.cos(x)) / x**2, 0, sp.S.Half),
    ((x - sp.tanh(x)) / x**3, 0, THIRD),
    ((x - 1) / sp.log(x), 1, 1),
    (x * sp.sin(1 / x), 0, 0),
]


@pytest.mark.parametrize(("expr", "point", "expected"), LIMITS, ids=str)
def test_a_limit_is_exact(expr, point, expected):
    found = limit(expr, sp.sympify(point), 1)
    assert found == expected or sp.simplify(found - expected) == 0


@pytest.mark.parametrize(
    "expr", [sp.sin(x), 1 + sp.cos(x), x * sp.sin(x), sp.cos(x**2), sp.exp(x * sp.sin(x))]
)
def test_no_limit_is_claimed_for_what_turns_for_ever(expr):
    with pytest.raises(NotDecided, match="turn for ever"):
        limit(expr, sp.oo, 1)


TAILS = [(expr, point) for expr, point, _ in LIMITS if not expr.has(sp.Pow(1 + 1 / x, x))]


@pytest.mark.parametrize(("expr", "point"), TAILS, ids=str)
def test_a_tails_sign_and_bounds_hold_from_its_start_on(expr, point):
    with mpmath.workdps(700):
        function, point = sp.lambdify(x, textbook(expr), "mpmath"), sp.sympify(point)
        with exactly():
            tails = [tail for tail, _ in zip(approach(Program(expr), point, 1), range(4), strict=False)]
            assert tails
        for tail in tails:
            with exactly():
                try:
                    sign = tail.first()[2]
                except NotDecided:
                    sign = None
                try:
                    bounds = [mpmath.mpf(end.str(60, radius=False)) for end in ends(tail.enclosure())]
                except NotDecided:
                    bounds = [-mpmath.inf, mpmath.inf]
            for factor in (1, 1.01, 1.3, 2, 3.7, 10, 60):
                y = mpmath.mpf(int(tail.scale.start)) * factor
                if y > 400:
                    continue
                place = y if point is sp.oo else -y if point is -sp.oo else int(point) + 1 / y
                value = mpmath.re(function(place))
                slack = mpmath.mpf(10) ** -50 * (1 + abs(value))
                assert bounds[0] - slack <= value <= bounds[1] + slack
                assert sign is None or mpmath.sign(value) == sign or abs(value) < mpmath.mpf(10) ** -300


def ends(interval):
    return interval.low, interval.high


def test_a_number_of_which_it_is_not_known_whether_it_is_0_is_not_taken_for_0():
    # √2 + √3 − √(5 + 2√6) is 0, which takes algebra to see; with 10⁻²⁰⁰ more it is not.
    zero = sp.sqrt(2) + sp.sqrt(3) - sp.sqrt(5 + 2 * sp.sqrt(6))
    assert limit(x * zero + 1, sp.oo, 1) == 1
    assert limit(x * (zero + sp.Rational(1, 10**60)) + 1, sp.oo, 1) == sp.oo
