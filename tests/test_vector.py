import numpy as np
import pytest

from benchmarks.accuracy import exact_softmax, vector_error
from helpers.activations import (
    ACTIVATIONS,
    bilinear,
    crelu,
    entmax15,
    geglu,
    glu,
    gumbel_softmax,
    hardmax,
    jacobian,
    log_softmax,
    maxout,
    randomized_relu,
    reglu,
    softmax,
    softmax_plus_one,
    softmin,
    sparsemax,
    swiglu,
    vjp,
)
from helpers.tape import BLOCK

SHARES = [softmax, softmin, sparsemax, entmax15, hardmax]
GATES = [glu, bilinear, reglu, geglu, swiglu]
EVERY = [*SHARES, log_softmax, softmax_plus_one, crelu, maxout, *GATES]
of_every_function = pytest.mark.parametrize("function", EVERY, ids=lambda function: function.__name__)
RNG = np.random.default_rng(0)
Z = RNG.normal(0, 1.5, (5, 6))


def by_differences(function, z, h=1e-6):
    steps = h * np.eye(z.shape[-1])
    columns = [(function(z + step) - function(z - step)) / (2 * h) for step in steps]
    return np.stack(columns, -1).reshape(len(z), -1, z.shape[-1])


@of_every_function
def test_the_jacobian_agrees_with_differences(function):
    np.testing.assert_allclose(jacobian(function, Z), by_differences(function, Z), atol=1e-8)


@of_every_function
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_product_without_the_jacobian_is_the_product_with_it(function, axis):
    z = RNG.normal(size=(6, 3)) if axis == 0 else Z
    v = RNG.normal(size=function(z, axis=axis).shape)
    rows = v[:, None] if function is maxout else np.moveaxis(v, axis, -1)
    expected = np.einsum("bi,bij->bj", rows, jacobian(function, z, axis=axis))
    found = vjp(function, z, v, axis=axis)
    assert found.shape == z.shape
    np.testing.assert_allclose(found, np.moveaxis(expected, -1, axis), atol=1e-14)


@pytest.mark.parametrize("function", SHARES, ids=lambda function: function.__name__)
def test_shares_sum_to_1_and_ignore_a_shift(function):
    for size in (1, 2, 7, 1000):
        z = RNG.normal(0, 3, (4, size))
        assert function(z).min() >= 0
        np.testing.assert_allclose(function(z).sum(-1), 1, rtol=1e-13)
        np.testing.assert_allclose(function(z), function(z + 64), atol=1e-13)
        np.testing.assert_allclose(jacobian(function, z[:, :7]).sum(-1), 0, atol=1e-14)


def test_entmax_fulfils_its_condition_and_lies_between_softmax_and_sparsemax():
    shares = entmax15(Z)
    thresholds = Z / 2 - np.sqrt(shares)
    for row, share in zip(thresholds, shares, strict=True):
        np.testing.assert_allclose(row[share > 0], row[share > 0][0], atol=1e-14)
        assert (row[share == 0] <= row[share > 0][0]).all()
    zeros = [(function(Z) == 0).sum() for function in (softmax, entmax15, sparsemax)]
    assert zeros == sorted(zeros)
    assert zeros[0] == 0 < zeros[1] < zeros[2]


def test_softmax_plus_one_is_softmax_with_a_zero_left_out():
    with_zero = np.concatenate([Z, np.zeros((5, 1))], -1)
    np.testing.assert_allclose(softmax_plus_one(Z), softmax(with_zero)[:, :-1], rtol=1e-14)
    assert softmax_plus_one([-800.0, -801.0]).sum() == 0
    np.testing.assert_allclose(softmax_plus_one([800.0, 0.0]), [1, 0])


def test_softmax_is_accurate_for_scores_of_every_size():
    for scores in (RNG.uniform(-700, 700, 9), [1e300, -1e300, 1e300], RNG.normal(0, 1e-3, 50)):
        z = np.array(scores)
        assert vector_error(softmax(z), exact_softmax(z)[0]) < 1e-14


def test_hardmax_takes_the_first_of_equals():
    np.testing.assert_array_equal(hardmax([[1, 3, 3], [2, 0, 1]]), [[0, 1, 0], [1, 0, 0]])


def test_sparsemax_is_itself_on_the_simplex():
    shares = softmax(Z)
    np.testing.assert_allclose(sparsemax(shares), shares, atol=1e-15)


@pytest.mark.parametrize("function", [*SHARES, softmax_plus_one], ids=lambda function: function.__name__)
def test_minus_infinity_gets_no_share_and_nan_makes_nan(function):
    last = 1 if function is softmin else -1
    np.testing.assert_allclose(function([0.0, 0.5, last * np.inf])[2], 0)
    assert np.isfinite(function([0.0, 0.5, last * np.inf])).all()
    assert np.isnan(function([0.0, np.nan, 1.0])).all()


@pytest.mark.parametrize("function", EVERY, ids=lambda function: function.__name__)
@pytest.mark.parametrize("shape", [(4, 6), (2, BLOCK), (3 * BLOCK // 4, 4), (0, 4), (2, 3, 4)])
def test_many_rows_are_as_good_as_one(function, shape):
    z = RNG.normal(size=shape)
    found = function(z)
    assert found.dtype == np.float64
    for place in list(np.ndindex(shape[:-1]))[::997]:
        np.testing.assert_array_equal(found[place], function(z[place]))
    assert function(z.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("function", "entry"),
    [(glu, "sigmoid"), (reglu, "relu"), (geglu, "gelu"), (swiglu, "silu"), (bilinear, "identity")],
)
def test_a_gate_multiplies_one_half_by_a_function_of_the_other(function, entry):
    a, b = np.split(Z, 2, -1)
    np.testing.assert_array_equal(function(Z), a * ACTIVATIONS[entry](b))
    with pytest.raises(ValueError, match=f"{function.__name__} needs an even length along axis 0, got 5"):
        function(Z, axis=0)


def test_crelu_keeps_both_signs():
    np.testing.assert_array_equal(crelu([[1.0, -2.0]]), [[1, 0, 0, 2]])


def test_gumbel_softmax_draws_each_score_as_often_as_softmax_says():
    z = np.tile([0.0, 1.0, 2.0], (20_000, 1))
    sample = gumbel_softmax(z, np.random.default_rng(1), temperature=0.05)
    np.testing.assert_allclose(hardmax(sample).mean(0), softmax([0.0, 1.0, 2.0]), atol=0.01)
    np.testing.assert_allclose(sample.sum(-1), 1)
    for bad in (0, -1.0, np.inf, "1"):
        with pytest.raises(ValueError, match="temperature must be a positive number"):
            gumbel_softmax(z, np.random.default_rng(1), temperature=bad)


def test_randomized_relu_draws_a_leak_for_every_number():
    x = np.concatenate([np.full(1000, -2.0), [0.0, 3.0, np.nan]])
    values, slopes = randomized_relu(x, np.random.default_rng(2))
    leaks = slopes[:1000]
    np.testing.assert_array_equal(values[:1000], -2 * leaks)
    assert 1 / 8 <= leaks.min() < 0.13 < 0.32 < leaks.max() <= 1 / 3
    assert leaks.mean() == pytest.approx(ACTIVATIONS["rrelu"].grad(-1.0), abs=0.01)
    assert (values[1000], values[1001], slopes[1001]) == (0, 3, 1)
    assert np.isnan(slopes[1002])
    with pytest.raises(ValueError, match=r"lower must not exceed upper, got 0\.5 and 0\.2"):
        randomized_relu(x, np.random.default_rng(2), 0.5, 0.2)


def test_wrong_shapes_and_functions_are_named():
    with pytest.raises(ValueError, match=r"v must have the shape \(5, 6\) of the result, got \(6,\)"):
        vjp(softmax, Z, np.ones(6))
    with pytest.raises(ValueError, match="function must be one of softmax, softmin, "):
        jacobian(np.tanh, Z)
