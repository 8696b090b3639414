import itertools
import math
import random
import sys
import threading
import time

import mpmath
import numpy as np
import pytest
import sympy as sp
from flint import arb, ctx, fmpq
from sympy import Abs, Eq, Integer, Max, Min, Piecewise, Rational, cos, erf, exp, log, sign, sin, sqrt, tanh

from helpers.activations import ACTIVATIONS
from helpers.activations import x as real_x
from helpers.answers import equivalent, plain, to_float
from helpers.balls import At, NoValue, Unclear, compiled, exactly, holds, real
from helpers.crossings import crossings
from helpers.equality import Undecided, compare
from helpers.exercises import _points
from helpers.points import Difference, Place, Sides, Tally
from helpers.proof import vanishes
from helpers.reading import UnreadableAnswerError

x, k, s = sp.symbols("x k s")
z, y = sp.symbols("z y", real=True)
relu = Max(0, x)


# Balls

FORMULAS = [
    z**y,
    2**z,
    z**-2 + 1 / sqrt(y),
    Max(0, z - y, -z) + Min(z, y),
    Piecewise((z, z > y), (sin(z), True)),
    sp.Heaviside(z) + sp.sign(y) + sp.KroneckerDelta(z, y),
    erf(z) * sp.erfc(y) + sp.atan2(z, y),
    sp.Pow(3, -1, evaluate=False) * z,
    sp.cbrt(z) + sp.LambertW(z) + sp.gamma(y),
    sp.pi * sp.E**z + sp.Mod(y, 1) + sp.floor(y) - sp.ceiling(z),
    sp.acot(z) + sp.asech(z) + sp.coth(y) + sp.sinc(z) + sp.binomial(y, 2),
]


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_a_ball_holds_the_value_that_sympy_computes(formula):
    at = {z: Rational(3, 7), y: Rational(5, 3)}
    with exactly(200):
        ball = arb(real(compiled(formula)(At({z: fmpq(3, 7), y: fmpq(5, 3)}))))
        digits, exponent = 10**40, 40
        true = formula.subs(at).evalf(60)
        low, high = (int(sp.floor((true + e) * digits)) for e in (-sp.Float("1e-45"), sp.Float("1e-45")))
        assert ball.overlaps(arb(fmpq(low, 10**exponent)).union(arb(fmpq(high + 1, 10**exponent))))
        assert ball.rad() < arb(10) ** -45


@pytest.mark.parametrize(
    ("formula", "at"),
    [
        (log(z), -1),
        (log(z), 0),
        (sqrt(z), -2),
        (1 / z, 0),
        (z ** Rational(1, 3), -8),
        (sp.acosh(z), 0),
        (sp.asin(z), 2),
        (sp.gamma(z), -3),
        (z**z, -Rational(1, 2)),
        (Piecewise((z, z > 0)), -1),
        (sp.I * z, 2),
    ],
    ids=str,
)
def test_where_a_formula_has_no_real_value_it_is_said(formula, at):
    at = Rational(at)
    with exactly(100), pytest.raises((NoValue, ZeroDivisionError)):
        real(compiled(formula)(At({z: fmpq(int(at.p), int(at.q))})))


def test_numbers_stay_exact_as_long_as_they_can():
    formula = Abs(z - Rational(1, 3)) ** 3 + exp(z - Rational(1, 3)) + sqrt(Rational(4, 9)) + log(Integer(1))
    with exactly(64):
        assert compiled(formula)(At({z: fmpq(1, 3)})) == fmpq(5, 3)
        assert holds((z >= Rational(1, 3)) & sp.Ne(z, 1))(At({z: fmpq(1, 3)}))
        with pytest.raises(Unclear):
            holds(exp(log(z)) > Rational(1, 3))(At({z: arb(fmpq(1, 3))}))


TOWERS = [exp(exp(exp(exp(z)))), 1 / sin(exp(exp(exp(z)))), z ** (z ** (z**z)), 9 ** (9 ** (9**z))]


@pytest.mark.parametrize("tower", TOWERS, ids=str)
def test_a_tower_of_powers_costs_no_time(tower):
    begin = time.process_time()
    with exactly(500), pytest.raises(Unclear):
        real(compiled(tower + exp(tower))(At({z: fmpq(1000)})))
    assert time.process_time() - begin < 0.1


def test_the_precision_of_flint_is_given_back():
    before = ctx.prec
    with pytest.raises(KeyError), exactly(333):
        raise KeyError
    assert ctx.prec == before


def test_crossings_are_found_with_their_value_where_it_is_a_fraction():
    def function(formula):
        value = compiled(formula)
        return lambda place: real(value(At({z: place})))

    cubic = (z - Rational(1, 10)) * (z + Rational(22, 7)) * (z - 5)
    assert sorted(crossings(function(cubic), None, None, None)) == [fmpq(-22, 7), fmpq(1, 10), fmpq(5)]
    narrow = (exp(z) - 10) ** 2 - Rational(1, 10**12)
    assert crossings(function(narrow), None, None, None) == []
    found = crossings(function(narrow), function(narrow.diff(z)), None, None)
    ends = [math.log(10 - 1e-6), math.log(10 + 1e-6)]
    assert sorted(float(ball.mid()) for ball in found) == pytest.approx(ends)
    far = crossings(function(z**2 - 3 * Integer(10) ** 40), None, fmpq(0), None)
    assert [float(ball.mid()) for ball in far] == pytest.approx([math.sqrt(3) * 1e20], rel=1e-15)


# Answers


def default_formulas():
    for name, activation in ACTIVATIONS.items():
        parameters = activation.expr.free_symbols - {real_x}
        values = {symbol: activation.defaults[symbol.name] for symbol in parameters}
        yield name, plain(activation.expr.subs(values))


CATALOGUE = dict(default_formulas())
# At their defaults each of these pairs is one function.
ONE = [("elu", "celu"), ("identity", "affine"), ("hard_shrink", "shrink")]
SAME = {pair for each in ONE for pair in itertools.permutations(each)}


def test_all_pairs_of_the_catalogue_are_told_apart_except_those_that_are_one_function():
    found = set()
    for pair in itertools.product(CATALOGUE, repeat=2):
        begin = time.process_time()
        is_equal, point = equivalent(*(CATALOGUE[name] for name in pair), {})
        assert time.process_time() - begin < 0.5
        assert is_equal == (point is None)
        if is_equal:
            found.add(pair)
    assert found == SAME | {(name, name) for name in CATALOGUE}


def test_the_points_of_the_page_tell_the_catalogue_apart():
    points = [point["x"] for point in _points(["x"], {})]
    values = {
        name: sp.lambdify(x, expr, ["scipy", "numpy"])(np.array(points)) for name, expr in CATALOGUE.items()
    }
    same = {
        pair
        for pair in itertools.permutations(values, 2)
        if np.allclose(*(np.array(values[name], dtype=float) for name in pair), rtol=1e-6, atol=1e-9)
    }
    assert same == SAME


WRONG = [
    (relu, relu + Max(0, Rational(3, 10) - Abs(x))),
    (relu, x * (1 + sign(x - Rational(1, 5))) / 2),
    (relu, relu + Max(0, Rational(1, 10**9) - Abs(x - 50))),
    (relu, relu + Max(0, Rational(1, 100) - Abs(sin(x) - Rational(1, 2)))),
    (x, Piecewise((0, Eq(x, Rational(7, 3))), (x, True))),
    (Abs(x), sqrt(x**2) + Rational(1, 10**60)),
    (tanh(x), tanh(x) * (1 + Rational(1, 10**20))),
    (exp(x), (1 + x / 10**9) ** 10**9),
    (k * s * (1 - s), k * s * (1 - s) + Rational(1, 10**25)),
    (log(Abs(x)), log(x)),
    (x, sqrt(x**2)),
    (Integer(2), x / x + x**0 + (x - x) * x + Abs(x) / 10**30),
]


@pytest.mark.parametrize(("answer", "typed"), WRONG, ids=str)
def test_a_wrong_answer_is_refuted_at_a_point(answer, typed):
    is_equal, point = equivalent(answer, typed, {})
    assert not is_equal
    assert set(point) == {symbol.name for symbol in answer.free_symbols | typed.free_symbols}


RIGHT = [
    (relu, (x + Abs(x)) / 2),
    (relu, x * (1 + sign(x)) / 2),
    (x + 1, (x**2 - 1) / (x - 1)),
    (k * s * (1 - s), exp(log(k) + log(s) + log(1 - s))),
    (k * s * (1 - s), k * s - k * s**2),
    (1 - tanh(x) ** 2, 4 / (exp(x) + exp(-x)) ** 2),
    (log(x), log(Abs(x))),
    (2 * sqrt(x - 90), sqrt(4 * x - 360)),
    (log(1 + exp(x)), x + log(1 + exp(-x))),
    (x, x + tanh(3) - tanh(3)),
]


@pytest.mark.parametrize(("answer", "typed"), RIGHT, ids=str)
def test_a_right_answer_in_another_form_is_right(answer, typed):
    assert equivalent(answer, typed, {}) == (True, None)


def test_symbols_are_tried_where_their_assumptions_allow():
    n, p = sp.Symbol("n", integer=True), sp.Symbol("x", nonnegative=True)
    assert equivalent(sp.Symbol("n"), sp.floor(sp.Symbol("n")), {"n": n})[0]
    assert not equivalent(sp.Symbol("n"), sp.floor(sp.Symbol("n")), {})[0]
    assert equivalent(cos(2 * sp.pi * sp.Symbol("n")), Integer(1), {"n": n})[0]
    assert not equivalent(sp.Symbol("n"), Min(sp.Symbol("n"), 40), {"n": n})[0]
    assert equivalent(Abs(x), x, {"x": p})[0]
    assert not equivalent(sign(x), Integer(1), {"x": p})[0]  # 0 is allowed
    assert equivalent(sign(x), Integer(1), {"x": sp.Symbol("x", positive=True)})[0]


NOWHERE = [log(-1 - x**2), sp.zoo, sqrt(-1 - x**2), sp.AccumBounds(-1, 1), sp.nan, log(x - 10**9)]


@pytest.mark.parametrize("answer", NOWHERE, ids=str)
def test_a_formula_with_a_value_almost_nowhere_is_not_compared_but_named(answer):
    with pytest.raises(UnreadableAnswerError, match=r"^It has no real value at enough points"):
        equivalent(answer, answer + 1, {})


@pytest.mark.parametrize(
    ("constant", "number"),
    [
        (log(1 + exp(1000)), 1000.0),
        (Rational(1, 3), 1 / 3),
        (sqrt(2) ** 2, 2.0),
        (exp(-1000), 0.0),
        (sp.Integer(2) ** 1023, 2.0**1023),
        (1 - tanh(40), 2 * math.exp(-80)),
        (sp.Pow(sp.Pow(7, -1, evaluate=False), 3, evaluate=False), 7**-3),
    ],
    ids=str,
)
def test_a_constant_has_its_value_however_large_its_parts_are(constant, number):
    assert to_float(constant) == pytest.approx(number, rel=1e-15)


def unevaluated(function, *arguments):
    return function(*arguments, evaluate=False)


NO_VALUE = [
    sp.I,
    sqrt(-1),
    sp.zoo,
    sp.nan,
    sp.oo,
    sp.atan(sp.zoo),
    sp.AccumBounds(0, 1),
    unevaluated(Max, 0, sp.zoo),
    unevaluated(Max, 0, sp.I),
    unevaluated(Max, 1, unevaluated(sp.Pow, 0, -1)),
    unevaluated(sp.atan, unevaluated(sp.Pow, 0, -1)),
    log(Integer(-1)),
    unevaluated(log, Integer(0)),
    unevaluated(sp.Pow, -8, Rational(1, 3)),
    x,
]


@pytest.mark.parametrize("constant", NO_VALUE, ids=str)
def test_what_is_no_finite_real_number_is_named_in_a_sentence(constant):
    with pytest.raises(UnreadableAnswerError, match=r"^It has no finite real value\.$"):
        to_float(constant)


TOO_LARGE = [Integer(10) ** 309, exp(1000), exp(exp(1000)), 1 / (1 - tanh(500)), -exp(710)]


@pytest.mark.parametrize("constant", TOO_LARGE, ids=str)
def test_what_is_larger_than_a_float_is_named_in_a_sentence(constant):
    with pytest.raises(UnreadableAnswerError, match=r"^It is too large: numbers up to about 10\^308 can be"):
        to_float(constant)


LEAVES = [x, s, k, Integer(0), Integer(1), Integer(2), Rational(3, 10), Integer(999), sp.pi, sp.E]
UNARY = [exp, log, Abs, sign, tanh, erf, sp.tan, sp.sinh]
BINARY = [sp.Add, sp.Mul, sp.Pow, Max, Min]


def typed_formula(rng, depth):
    """A formula as people and sceptics type it, left as it is."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(LEAVES)
    parts = [typed_formula(rng, depth - 1) for _ in range(2)]
    if rng.random() < 0.2:
        return unevaluated(sp.Mul, parts[0], unevaluated(sp.Pow, parts[1], -1))
    function = rng.choice(UNARY + BINARY)
    return unevaluated(function, *(parts if function in BINARY else parts[:1]))


def test_no_typed_formula_takes_long_raises_or_touches_the_one_precision_of_mpmath(monkeypatch):
    rng, compared, moved = random.Random(0), 0, []
    formulas = [typed_formula(rng, 2 + number % 4) for number in range(400)]
    holder = next(base for base in type(mpmath.mp).__mro__ if "prec" in vars(base))
    watched = property(lambda self: self._prec, lambda self, bits: moved.append(bits))
    monkeypatch.setattr(holder, "prec", watched)
    for typed in formulas:
        begin = time.process_time()
        try:
            equivalent(rng.choice([x, relu, k * s * (1 - s), typed]), typed, {})
            compared += 1
        except UnreadableAnswerError:
            pass
        assert time.process_time() - begin < 0.5, typed
    assert compared > 200
    assert moved == []


def test_answers_beside_a_running_cell_are_judged_right_and_leave_its_precision():
    """JupyterLab marks answers in a thread of its own."""
    pairs = [(pair, True) for pair in RIGHT] + [(pair, False) for pair in WRONG]
    done, before, interval = threading.Event(), mpmath.mp.prec, sys.getswitchinterval()
    rounds, lost = [], []

    def cell():
        while not done.is_set():
            with mpmath.workdps(40):
                tanh(Integer(len(rounds) + 1)).evalf(60)
                third = mpmath.nstr(mpmath.mpf(1) / 3, 45)
            lost.append(third.count("3") < 39)
            rounds.append(compare(tanh(z), 1 - 2 / (exp(2 * z) + 1), sp.true))

    thread = threading.Thread(target=cell)
    sys.setswitchinterval(1e-5)
    thread.start()
    try:
        verdicts = [(equivalent(*pair, {})[0], is_right) for _ in range(6) for pair, is_right in pairs]
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert len(rounds) > 1
    assert set(rounds) == {"proved"}
    assert not any(lost)
    assert [found for found, true in verdicts if found != true] == []
    assert (mpmath.mp.prec, ctx.prec) == (before, 53)


# What the points and the proofs promise


def refuted(left, right, where=sp.true):
    found = compare(left, right, where)
    assert isinstance(found, Difference), found
    return found


@pytest.mark.parametrize(("holes", "is_region"), [(1, False), (2, False), (3, True)])
def test_two_random_points_without_a_value_do_not_refute_and_three_do(holes, is_region):
    whole, pierced = Tally(10), Tally(10)
    Sides([[z], [z]]).refuted(random.Random(0), 40, whole)
    missing = [place.point[z] for _, place in whole.agreeing[:holes]]
    right = Piecewise((z, sp.And(*(sp.Ne(z, value) for value in missing))))
    found = Sides([[z], [right]]).refuted(random.Random(0), 40, pierced)
    assert (found is not None) == is_region
    assert pierced.one_sided == holes


@pytest.mark.parametrize("width", ["1e-4", "1e-8", "1e-14"])
def test_a_window_beside_a_kink_is_seen_however_narrow(width):
    left = Piecewise((1, (z > 3) & (z < 3 + Rational(width))), (0, True))
    assert 3 < refuted(left, Integer(0)).point[z] < 3 + Rational(width)


def test_a_difference_that_no_second_kink_bounds_is_seen_close_to_the_kink():
    step = sp.floor(Rational(1, 2) + 1 / (1 + 10**24 * (z - 3) ** 2))
    assert 3 < refuted(Piecewise((step, z > 3), (0, True)), Integer(0)).point[z] < 3 + Rational("1e-12")


def test_two_formulas_need_ten_points_with_a_value():
    tally, narrow = Tally(10), sqrt(Rational(1, 400) - (z - Rational(7, 3)) ** 2)
    Sides([[narrow], [narrow]]).refuted(random.Random(0), 40, tally)
    assert 0 < len(tally.agreeing) < 10
    with pytest.raises(Undecided, match="real value at only"):
        compare(narrow, narrow * (sin(z) ** 2 + cos(z) ** 2), sp.true)


def test_a_proof_counts_single_points_and_the_ends_of_a_domain():
    point = Piecewise((1, Eq(z, 0)), (0, True))
    assert not vanishes(point, sp.true, False)
    assert not vanishes(point, z >= 0, False)
    assert vanishes(point, z > 0, False)
    assert vanishes(point, sp.true, True)
    assert not vanishes(1 - sp.Heaviside(z, 0).rewrite(Piecewise), z >= 0, False)
    assert vanishes(Abs(z).rewrite(Piecewise) - z, z >= 0, False)


def test_simple_points_are_mixed_for_several_symbols():
    product = (z - y) * (z + y) * (z * y - 1)
    places = list(Sides([[product], [Integer(0)]])._special_places(random.Random(0)))
    values = [place.point.values() for place in places]
    assert any(len(set(mixed)) > 1 and all(value.q < 3 for value in mixed) for mixed in values)


def test_the_verdict_says_what_a_point_shows():
    place = Place({z: Rational(1, 2)})
    for left, right, verdict in [
        (sin(z) ** 2 + cos(z) ** 2, Integer(1), "equal"),
        (z, z + Rational(1, 10**500), "different"),
        (log(z), log(-z), "one side undefined"),
        (log(-z), sqrt(-z), "undefined"),
        (exp(exp(exp(exp(100 * z)))), z, "unclear"),
        (sp.besselj(0, z), z, "not computable"),
    ]:
        assert Sides([[left], [right]]).verdict(place)[0] == verdict
