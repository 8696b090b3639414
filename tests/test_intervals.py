import threading

import flint
import mpmath
import numpy as np
import pytest
import sympy as sp

from helpers.intervals import Interval, NotDecided, Program, exactly, number
from helpers.primitives import Phi, phi, sigmoid, softplus, textbook, x

FORMULAS = [
    *(f(x) for f in (sp.exp, sp.tanh, sp.sinh, sp.cosh, sp.asinh, sp.atan, sp.erf, sp.erfc, sp.sin, sp.cos)),
    *(f(x) for f in (sigmoid, softplus, phi, Phi)),
    *(sp.log(1 + x**2), sp.sqrt(1 + x**2), 1 / (1 + x**2), x**3 - x, x**4 - x**2, sp.asin(sp.tanh(x))),
    *((1 + x**2) ** sp.Rational(-1, 3), x * sigmoid(x) - sp.tanh(x) / 3, sp.exp(-(x**2)) * sp.cos(5 * x)),
]


@pytest.mark.parametrize("expr", FORMULAS, ids=str)
def test_an_interval_holds_every_value(expr):
    program, function = Program(expr), sp.lambdify(x, textbook(expr), "mpmath")
    rng = np.random.default_rng(3)
    for _ in range(60):
        low = float(rng.normal() * 10 ** rng.uniform(-3, 1))
        high = low + float(10 ** rng.uniform(-6, 1))
        with exactly():
            found = program.on(Interval.of(low, high))
        for point in (low, *rng.uniform(low, high, 5), high):
            with mpmath.workdps(60):
                ends = [mpmath.mpf(end.str(50, radius=False)) for end in (found.low, found.high)]
                value = function(mpmath.mpf(float(point)))
                slack = mpmath.mpf(10) ** -40 * (1 + abs(value))
                assert ends[0] - slack <= value <= ends[1] + slack


@pytest.mark.parametrize("expr", FORMULAS, ids=str)
def test_a_narrow_interval_gives_a_narrow_one(expr):
    with exactly():
        found = Program(expr).on(Interval.of(0.7, 0.7 + 2.0**-100))
        assert found.high - found.low < 2.0**-90


def test_what_is_not_real_has_no_sign_and_no_value():
    with exactly():
        for expr in (sp.log(x), sp.sqrt(x), 1 / x, sp.asin(x), x ** sp.Rational(-1, 2)):
            found = Program(expr).on(Interval.of(-2, 3))
            assert found.sign() is None
            assert not found.is_known


def test_far_out_a_sign_is_still_known():
    with exactly():
        assert Program(softplus(x) * phi(x) * Phi(x)).on(Interval.of(-300, -200)).sign() == 1


def test_numbers_have_60_digits():
    with exactly():
        for value in (sp.Rational(1, 3), sp.pi, sp.E, sp.sqrt(2), sp.log(2), Phi(sp.sqrt(2)), sp.tanh(1)):
            expected = sp.N(textbook(value), 70)
            assert abs(sp.Float(number(value).low.str(70, radius=False), 70) - expected) < 1e-60


def test_a_function_without_an_enclosure_is_named():
    with pytest.raises(NotDecided, match="nothing can be proved of zeta"):
        Program(sp.zeta(x))


def test_the_one_precision_of_flint_and_of_mpmath_is_as_before_also_in_a_thread():
    before, seen = (flint.ctx.prec, mpmath.mp.prec), []

    def inside():
        with exactly(500):
            seen.append(flint.ctx.prec)

    thread = threading.Thread(target=inside)
    with exactly(200):
        thread.start()
        thread.join(0.2)
        assert thread.is_alive(), "it waits: the precision is one for all threads"
        assert flint.ctx.prec == 200
    thread.join()
    assert seen == [500]
    assert (flint.ctx.prec, mpmath.mp.prec) == before
