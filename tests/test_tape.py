import itertools
import warnings

import numpy as np
import pytest
from scipy import special

from helpers.tape import BLOCK, Tape, UnwritableError

POINTS = np.concatenate([np.linspace(-9, 9, 61), [0.0, -0.0, np.inf, -np.inf, np.nan, 1e300, -1e-300]])
FUNCTIONS = {
    "clip": lambda x, a: np.minimum(np.maximum(x, -a), a),
    "leak": lambda x, a: np.maximum(x, 0) + a * np.minimum(x, 0),
    "powers": lambda x, a: x**2 + x**3 - x**-2 + (x**2) ** 0.5 + (x**2 + 1) ** -0.5 + x**7 * a,
    "choice": lambda x, a: np.where(x > a, np.exp(-x), np.where(x < -a, x, 3.0)),
    "choice of itself": lambda x, a: np.where(x > a, x, np.where(x > 0, x * x, -x)),
    "truths": lambda x, a: np.where((x > a) & ~(x < 1) | (x == 0), 1, 0) * x + (x >= a),
    "nested truths": lambda x, a: np.where(x > a, 0, np.where(x > 0, 1, 0)) + np.where(x > 1, 1, x < 0),
    "signs": lambda x, a: np.copysign(a, x) + np.sign(x) * abs(-x) - np.negative(-x) + np.heaviside(x, 0.5),
    "parameters alone": lambda x, a: x * (np.exp(a) / (1 + np.exp(a))) + np.where(a > 0, 1.0, 2.0),
    "of SciPy": lambda x, a: special.erf(x) + special.expit(a * x),
    "the same twice": lambda x, a: np.exp(-np.abs(x)) / (a + np.exp(-np.abs(x))),
    "only x": lambda x, a: x,
    "only a parameter": lambda x, a: a,
    "only a number": lambda x, a: 2.5,
}


def by_numpy(function, x, a):
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(function(x, np.float64(a)), float), x.shape)


@pytest.mark.parametrize("a", [0.25, 3.0])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_tape_computes_what_numpy_does(name, a):
    function = FUNCTIONS[name]
    tape = Tape(function, 2)
    expected = by_numpy(function, POINTS, a)
    np.testing.assert_allclose(tape(POINTS, a), expected, rtol=1e-14)
    for point, value in zip(POINTS, expected, strict=True):
        if np.isfinite(point) and np.isfinite(value):
            assert tape.number(float(point), a) == pytest.approx(value, rel=1e-14, abs=0)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 3])
def test_every_length_and_layout_gives_the_same_values(size):
    function = FUNCTIONS["choice"]
    tape = Tape(function, 2)
    x = np.random.default_rng(0).normal(0, 3, 3 * size)
    expected = by_numpy(function, x, 1.0)
    np.testing.assert_allclose(tape(x, 1.0), expected, rtol=1e-15)
    shapes = [(3, size), (size, 3)]
    for shape, view in itertools.product(shapes, [lambda v: v, lambda v: v.T, lambda v: v[::-1, ::2]]):
        given = view(x.reshape(shape))
        np.testing.assert_allclose(tape(given, 1.0), view(expected.reshape(shape)), rtol=1e-15)


def test_a_number_comes_out_as_it_does_from_an_array():
    for function in FUNCTIONS.values():
        tape = Tape(function, 2)
        points = np.random.default_rng(1).normal(0, 3, 50)
        alone = [tape.number(float(point), 0.7) for point in points]
        np.testing.assert_array_equal(alone, tape(points, 0.7))


def test_what_is_the_same_is_computed_once():
    steps = [node.name for node in Tape(FUNCTIONS["the same twice"], 2)._steps]
    assert steps.count("exp") == steps.count("absolute") == steps.count("negative") == 1


def test_places_are_used_again():
    def long(x):
        for _ in range(50):
            x = np.tanh(x) + 1
        return x

    assert len(Tape(long, 1)._layout[1]) == 1


def test_where_a_nan_may_be_lost_is_known():
    assert Tape(lambda x: np.where(x > 0, 1.0, 0.0), 1).loses_nan
    assert Tape(lambda x: np.where(x > 0, x, 1.0), 1).loses_nan
    assert not Tape(lambda x: np.maximum(x, 0) + (x > 1), 1).loses_nan
    assert not Tape(lambda x: x * (x > 1) + 1, 1).loses_nan


@pytest.mark.parametrize(
    ("function", "lost"),
    [
        (lambda x: x * x - x, [1e200, np.inf]),
        (lambda x: np.exp(x), [1e200]),
        (lambda x: np.maximum(x, 0) * 0.0, [np.inf]),
        (lambda x: special.erfcx(x), [-1e3]),
        (lambda x: np.where(x > 0, 1.0, 0.0), [np.nan]),
        (lambda x: np.maximum(x, 0), []),
    ],
)
def test_only_blocks_that_may_have_lost_a_value_are_repaired(function, lost):
    tape = Tape(function, 1)
    for bad in [0.5, np.inf, -np.inf, np.nan, *lost]:
        x = np.ones(3 * BLOCK)
        x[BLOCK + 5] = bad
        repaired = []
        tape(x, repair=lambda given, _, seen=repaired: seen.append(given))
        assert len(repaired) <= 1
        if bad in lost or (lost and np.isnan(lost[0]) and np.isnan(bad)):
            assert bad in repaired[0] or np.isnan(repaired[0]).any()
        assert bad != 0.5 or not repaired


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (lambda x, a: np.maximum(x, a), True),
        (lambda x, a: x - x.clip(-a, a), True),
        (lambda x, a: np.where(x > a, 1.0, 0.5), True),
        (lambda x, a: np.abs(x - a), True),
        (lambda x, a: a * x + 1, False),
        (lambda x, a: (x + a > 0.1) * 1.0, False),
        (lambda x, a: np.exp(x), False),
    ],
)
def test_float32_is_computed_in_float32_only_where_that_rounds_once(function, exact):
    tape = Tape(function, 2)
    assert tape._fits_float32([0.5]) == exact
    assert not tape._fits_float32([0.1])
    x = np.random.default_rng(2).normal(0, 2, 2000).astype(np.float32)
    for a in (0.5, 0.1):
        found = tape(x, a)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, tape(x.astype(float), a).astype(np.float32))


def test_numpys_warnings_stay_away():
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        tape = Tape(lambda x, a: np.exp(x * x) / (x - a), 2)
        assert np.isinf(tape(np.array([1.0, 40.0]), 1.0)).all()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.linalg.norm(x),
        lambda x: x.sum(),
        lambda x: np.maximum.reduce(x),
        lambda x: special.lambertw(x),
        lambda x: np.exp(x, where=True),
        lambda x: x * 1j,
    ],
)
def test_what_is_not_elementwise_and_real_cannot_be_recorded(function):
    with pytest.raises((TypeError, AttributeError)):
        Tape(function, 1)


def test_what_javascript_lacks_is_named():
    with pytest.raises(UnwritableError, match="gamma has no counterpart in JavaScript"):
        Tape(special.gamma, 1).javascript(["x"])
