import numpy as np
import pytest
import sympy as sp

from helpers.intervals import NotDecided
from helpers.primitives import Phi, sigmoid, softplus, x
from helpers.roots import Signs, compare, factors

R = sp.Rational
NAMED = [
    (x**3 - 2 * x, [(-sp.sqrt(2), 1), (0, 1), (sp.sqrt(2), 1)]),
    (x**2 * (x - R(3, 10)) ** 2, [(0, 2), (R(3, 10), 2)]),
    (x - sp.tanh(x), [(0, 3)]),
    (sp.exp(x) - 1 - x, [(0, 2)]),
    (sp.tanh(R(3, 10) * x - R(9, 10)), [(3, 1)]),
    (sp.erf(3 * x - R(1, 7)), [(R(1, 21), 1)]),
    (sp.diff(x * Phi(x), x, 2), [(-sp.sqrt(2), 1), (sp.sqrt(2), 1)]),
    (sp.exp(x) - 2, [(sp.log(2), 1)]),
    (sp.atan(x) - sp.pi / 4, [(1, 1)]),
    (sp.sqrt(1 + x**2) - 2, [(-sp.sqrt(3), 1), (sp.sqrt(3), 1)]),
    (sigmoid(x) + sigmoid(-x), []),
    (sp.sqrt(1 + x**2) - x, []),
    (1 - sp.tanh(10**6 * x) ** 2, []),
    (softplus(x), []),
]


@pytest.mark.parametrize(("expr", "expected"), NAMED, ids=str)
def test_zeros_with_a_name_are_exact_and_counted(expr, expected):
    found = [(root.point, root.multiplicity) for root in Signs(expr, -sp.oo, sp.oo).roots]
    assert found == expected


@pytest.mark.parametrize("seed", range(8))
def test_zeros_that_were_put_there_are_found_however_close(seed):
    rng = np.random.default_rng(seed)
    zeros = sorted({R(int(rng.integers(-99, 99)), int(10 ** rng.integers(0, 4))) for _ in range(4)})
    close = zeros[0] + R(1, 10**12)
    bent = sp.prod([sp.tanh(x - zero) for zero in zeros]) * sp.asinh(x - close)
    signs = Signs(bent, -sp.oo, sp.oo)
    assert [root.point for root in signs.roots] == sorted([*zeros, close])
    assert signs.sign == (-1) ** (len(zeros) + 1)


def test_a_zero_without_a_name_has_60_digits():
    (root,) = Signs(x - sp.exp(-x), -sp.oo, sp.oo).roots
    assert abs(root.point - sp.N(sp.LambertW(1), 80)) < 1e-70
    (triple,) = Signs((x - sp.exp(-x)) ** 3, -sp.oo, sp.oo).roots
    assert triple.multiplicity == 3


def test_zeros_are_those_inside_the_interval():
    parabola = x**2 - 1
    assert [root.point for root in Signs(parabola, sp.S.Zero, sp.oo).roots] == [1]
    assert Signs(parabola, sp.S.One, sp.oo).roots == []
    assert Signs(parabola, sp.S.One, sp.oo).sign == 1
    assert Signs(sp.tanh(x), -sp.S.One, sp.S.Zero).sign == -1


def test_what_turns_for_ever_is_not_said_to_have_the_zeros_that_were_seen():
    for expr in (sp.sin(x), x * sp.cos(x) - sp.sin(x), 1 + sp.sin(x)):
        with pytest.raises(NotDecided, match="turn for ever"):
            Signs(expr, -sp.oo, sp.oo)


def test_a_flat_zero_without_a_name_is_refused_and_not_left_out():
    touching = (x - sp.exp(-x)) ** 2 + (x - sp.exp(-x)) ** 2 * sp.sin(x) / 2
    assert [root.multiplicity for root in Signs(touching, sp.S.Zero, sp.Integer(3)).roots] == [2]
    hidden = sp.cosh(x - sp.LambertW(1)) - 1
    with pytest.raises(NotDecided):
        Signs(hidden, -sp.oo, sp.oo)


def test_a_formula_that_is_0_everywhere_has_sign_0():
    for expr in (sigmoid(x) + sigmoid(-x) - 1, sp.tanh(x) - 2 * sigmoid(2 * x) + 1, x - x):
        assert factors(sp.sympify(expr))[0] == 0


def test_numbers_are_compared_by_proof():
    tiny = R(1, 10**100)
    assert compare(sp.sqrt(2) + tiny, sp.sqrt(2)) == 1
    assert compare(1 - sp.exp(-(sp.Integer(600) ** 2)), sp.S.One) == -1
    assert compare(sp.tanh(900), sp.S.One) == -1
    assert compare(sp.erf(40), sp.S.One) == -1
    assert compare(sp.sqrt(2) + sp.sqrt(3), sp.sqrt(5 + 2 * sp.sqrt(6))) == 0
    with pytest.raises(NotDecided, match="the same number"):
        compare(sp.Float("0.1", 80), R(1, 10))
