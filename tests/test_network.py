import copy
import math
import pickle

import numpy as np
import pytest
import sympy

from helpers.activations import ACTIVATIONS
from helpers.network import (
    Activate,
    BatchNorm,
    Dense,
    Network,
    NotFinite,
    cross_entropy,
    gradient_profile,
    init_std,
    squared_error,
    stack,
)
from helpers.training import train

CONFIGURATIONS = {
    "sigmoid, Xavier": ("sigmoid", "xavier", 1.0),
    "sigmoid, 4×Xavier": ("sigmoid", "xavier", 4.0),
    "tanh, Xavier": ("tanh", "xavier", 1.0),
    "ReLU, He": ("relu", "he", 1.0),
    "ReLU, Xavier": ("relu", "xavier", 1.0),
}


def generator(seed=0):
    return np.random.default_rng(seed)


def numerical_gradient(loss, array, step=1e-6):
    """Central differences of loss() by every entry of array, which is changed in place and restored."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = loss()
        array[index] = kept - step
        below = loss()
        array[index] = kept
        gradient[index] = (above - below) / (2 * step)
    return gradient


@pytest.mark.parametrize(("n_in", "n_out", "batch"), [(3, 2, 5), (1, 4, 1), (4, 1, 7)])
def test_all_three_gradients_of_a_dense_layer_match_finite_differences(n_in, n_out, batch):
    rng = generator(1)
    dense, X, dY = (
        Dense(n_in, n_out, rng=rng),
        rng.normal(size=(batch, n_in)),
        rng.normal(size=(batch, n_out)),
    )
    dense.b = rng.normal(size=n_out)

    def loss():
        return float((dense.forward(X) * dY).sum())

    loss()
    dX = dense.backward(dY)
    dW, db = dense.dW, dense.db
    np.testing.assert_allclose(dX, numerical_gradient(loss, X), atol=1e-8)
    np.testing.assert_allclose(dW, numerical_gradient(loss, dense.W), atol=1e-8)
    np.testing.assert_allclose(db, numerical_gradient(loss, dense.b), atol=1e-8)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "softplus", "elu", "gelu"])
def test_the_gradient_of_an_activation_layer_matches_finite_differences(name):
    rng = generator(2)
    layer, Z, dA = Activate(name), rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    layer.forward(Z)
    expected = numerical_gradient(lambda: float((layer.forward(Z) * dA).sum()), Z)
    layer.forward(Z)
    np.testing.assert_allclose(layer.backward(dA), expected, atol=1e-8)


def test_an_activation_layer_takes_a_catalogue_entry_and_its_parameters():
    Z = np.array([[-2.0, 3.0]])
    layer = Activate(ACTIVATIONS["leaky_relu"], **dict.fromkeys(ACTIVATIONS["leaky_relu"].defaults, 0.3))
    np.testing.assert_allclose(layer.forward(Z), [[-0.6, 3.0]])
    np.testing.assert_allclose(layer.backward(np.ones((1, 2))), [[0.3, 1.0]])


def test_the_gradients_of_a_whole_network_with_cross_entropy_match_finite_differences():
    rng = generator(3)
    network = Network([Dense(4, 5, rng=rng), Activate("tanh"), Dense(5, 3, rng=rng), Activate("sigmoid")])
    X, labels = rng.normal(size=(6, 4)), rng.integers(3, size=6)

    def loss():
        return cross_entropy(network.forward(X), labels)[0]

    _, dY = cross_entropy(network.forward(X), labels)
    dX = network.backward(dY)
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    gradients = [(layer.dW, layer.db) for layer in dense]
    np.testing.assert_allclose(dX, numerical_gradient(loss, X), atol=1e-8)
    for layer, (dW, db) in zip(dense, gradients, strict=True):
        np.testing.assert_allclose(dW, numerical_gradient(loss, layer.W), atol=1e-8)
        np.testing.assert_allclose(db, numerical_gradient(loss, layer.b), atol=1e-8)


def test_cross_entropy_and_its_gradient_are_right_and_stay_finite_for_large_logits():
    logits = np.array([[2.0, 0.0, -1.0], [0.5, 0.5, 3.0]])
    labels = np.array([0, 2])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss, gradient = cross_entropy(logits, labels)
    assert loss == pytest.approx(-np.log([p[0, 0], p[1, 2]]).mean())
    np.testing.assert_allclose(gradient, (p - np.eye(3)[labels]) / 2)
    loss, gradient = cross_entropy([[1000.0, 0.0]], [1])
    assert loss == 1000
    np.testing.assert_allclose(gradient, [[1, -1]])


def test_cross_entropy_of_masked_and_huge_logits_is_that_of_the_definition():
    # By hand: a class at −∞ has no share of the probability, and costs ∞ if it is the right one.
    inf = np.inf
    for logits, labels, expected, slopes in (
        ([[0.0, -inf]], [0], 0.0, [[0.0, 0.0]]),
        ([[0.0, -inf]], [1], inf, [[1.0, -1.0]]),
        ([[1.0, 1.0, -inf], [0.0, -inf, -inf]], [1, 0], math.log(2) / 2, [[0.25, -0.25, 0.0], [0.0] * 3]),
        ([[1e308, -1e308]], [1], inf, [[1.0, -1.0]]),
        ([[1e300, 1e300]], [0], math.log(2), [[-0.5, 0.5]]),
    ):
        loss, gradient = cross_entropy(logits, labels)
        assert loss == pytest.approx(expected, rel=1e-15)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-15)


def test_a_second_backward_gives_the_same_gradients_and_changes_no_argument():
    rng = generator(4)
    network = Network([Dense(3, 4, rng=rng), Activate("sigmoid"), Dense(4, 2, rng=rng)])
    X, dY = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    X_before, dY_before = X.copy(), dY.copy()
    network.forward(X)
    first = network.backward(dY)
    dW = network.layers[0].dW
    np.testing.assert_array_equal(network.backward(dY), first)
    np.testing.assert_array_equal(network.layers[0].dW, dW)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(dY, dY_before)


def test_backward_uses_the_batch_of_the_forward_pass_even_if_the_caller_changes_it():
    X = np.array([[1.0, 2.0]])
    dense, activate = Dense(2, 1, rng=generator()), Activate("sigmoid")
    dense.forward(X)
    activate.forward(X)
    slope = activate.backward(np.ones((1, 2)))
    X[:] = 100
    dense.backward([[1.0]])
    np.testing.assert_array_equal(dense.dW, [[1.0, 2.0]])
    np.testing.assert_array_equal(activate.backward(np.ones((1, 2))), slope)


def test_the_batch_size_may_change_from_call_to_call():
    network = Network([Dense(3, 4, rng=generator()), Activate("relu"), Dense(4, 2, rng=generator(1))])
    for batch in (5, 2, 7):
        assert network.forward(np.ones((batch, 3))).shape == (batch, 2)
        assert network.backward(np.ones((batch, 2))).shape == (batch, 3)


@pytest.mark.parametrize(("init", "variance"), [("xavier", 2 / (300 + 500)), ("he", 2 / 300)])
@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_initial_weights_have_the_variance_of_theory_and_biases_are_zero(init, variance, gain):
    dense = Dense(300, 500, rng=generator(5), init=init, gain=gain)
    assert dense.W.shape == (500, 300)
    # 150 000 normal weights: the relative standard error of their variance is sqrt(2 / 150 000) = 0.4 %.
    assert dense.W.var() == pytest.approx(gain**2 * variance, rel=0.015)
    assert abs(dense.W.mean()) < 4 * gain * np.sqrt(variance / 150_000)
    assert not dense.b.any()
    assert init_std(init, 300, 500) == pytest.approx(np.sqrt(variance))


def test_he_keeps_the_power_of_relu_layers_and_xavier_halves_it():
    he = gradient_profile(20, "relu", "he", width=400).activations
    xavier = gradient_profile(20, "relu", "xavier", width=400).activations
    # The data and the random numbers are shared, so He's weights are exactly √2 times Xavier's.
    np.testing.assert_allclose(xavier / he, np.sqrt(0.5) ** np.arange(1, 21))
    assert 0.5 < he[-1] / he[0] < 2


def test_one_seed_gives_one_network_and_another_seed_another():
    def weights(seed):
        return Dense(3, 2, rng=generator(seed)).W

    np.testing.assert_array_equal(weights(7), weights(7))
    assert not np.array_equal(weights(7), weights(8))
    profiles = [gradient_profile(3, "tanh", seed=seed).weight_gradients for seed in (1, 1, 2)]
    np.testing.assert_array_equal(profiles[0], profiles[1])
    assert not np.array_equal(profiles[0], profiles[2])


def test_a_gradient_profile_holds_one_value_per_hidden_layer_first_layer_first():
    profile = gradient_profile(4, "sigmoid", width=12, batch=9)
    for values in (profile.activations, profile.deltas, profile.weight_gradients):
        assert values.shape == (4,)
        assert (values > 0).all()
    assert (np.diff(profile.weight_gradients) > 0).all()  # it vanishes toward the first layer
    assert profile.first_over_last == profile.weight_gradients[0] / profile.weight_gradients[-1]


def mean_profile(configuration, depth):
    """Geometric means over ten seeds: first over last hidden layer, and the first layer's own size."""
    activation, init, gain = CONFIGURATIONS[configuration]
    profiles = [gradient_profile(depth, activation, init, seed, gain=gain) for seed in range(10)]
    ratios = [profile.first_over_last for profile in profiles]
    firsts = [profile.weight_gradients[0] for profile in profiles]
    return np.exp(np.log(ratios).mean()), np.exp(np.log(firsts).mean())


@pytest.mark.parametrize(
    ("configuration", "at_2", "at_30"),
    [
        ("sigmoid, Xavier", (0.1, 0.4), (1e-19, 2e-18)),
        ("sigmoid, 4×Xavier", (0.15, 0.5), (1e-7, 6e-7)),
        ("tanh, Xavier", (0.8, 1.25), (0.8, 1.5)),
        ("ReLU, He", (0.4, 0.9), (0.3, 0.8)),
        ("ReLU, Xavier", (0.6, 1.2), (0.9, 1.6)),
    ],
)
def test_first_over_last_gradient_at_initialization_is_what_lesson_02_says(configuration, at_2, at_30):
    for depth, (low, high) in ((2, at_2), (30, at_30)):
        assert low < mean_profile(configuration, depth)[0] < high


def test_relu_with_xavier_looks_flat_only_because_all_its_gradients_are_tiny():
    xavier, he = mean_profile("ReLU, Xavier", 30)[1], mean_profile("ReLU, He", 30)[1]
    assert 1.5e-7 < xavier < 8e-7
    assert 4e-3 < he < 3e-2


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (
            lambda: Dense(3, 2, rng=generator()).forward(np.ones((5, 4))),
            ValueError,
            r"\(batch, 3\), got \(5, 4\)",
        ),
        (lambda: Dense(3, 2, rng=generator()).forward(np.ones(3)), ValueError, r"got \(3,\)"),
        (lambda: Dense(1, 1, rng=generator()).forward([[np.nan]]), ValueError, "without nan or inf"),
        (lambda: Dense(1, 1, rng=generator()).forward([[np.inf]]), ValueError, "without nan or inf"),
        (lambda: Dense(3, 2, rng=generator()).backward(np.ones((1, 2))), RuntimeError, "before forward"),
        (lambda: Activate("tanh").backward(np.ones((1, 2))), RuntimeError, "before forward"),
        (lambda: Activate("tahn"), ValueError, "'tahn'; there are .*tanh"),
        (lambda: Activate("tanh", alpha=2).forward([[1.0]]), TypeError, "alpha"),
        (lambda: Dense(0, 2, rng=generator()), ValueError, "n_in must be a whole number ≥ 1, got 0"),
        (lambda: Dense(2, 1.5, rng=generator()), ValueError, "n_out must be a whole number ≥ 1, got 1.5"),
        (lambda: Dense(2, 1, rng=0), TypeError, "rng must be a generator"),
        (lambda: Dense(2, 1, rng=generator(), init="glorot"), ValueError, "'xavier' or 'he', got 'glorot'"),
        (lambda: Network([]), ValueError, "at least one layer"),
        (lambda: cross_entropy(np.ones((2, 3)), [0, 3]), ValueError, "from 0 to 2"),
        (lambda: cross_entropy(np.ones((2, 3)), [0]), ValueError, "one label for each row"),
        (lambda: cross_entropy(np.ones((0, 3)), []), ValueError, r"at least one .* of shape \(0, 3\)"),
        (lambda: cross_entropy(np.ones((2, 0)), [0, 0]), ValueError, r"logits of shape \(2, 0\)"),
        (lambda: squared_error(np.ones((0, 3)), np.ones((0, 3))), ValueError, r"outputs of shape \(0, 3\)"),
        (lambda: gradient_profile(0, "tanh"), ValueError, "depth must be a whole number ≥ 1, got 0"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_a_gradient_of_another_shape_is_refused_rather_than_broadcast():
    dense, activate = Dense(3, 2, rng=generator()), Activate("tanh")
    dense.forward(np.ones((5, 3)))
    activate.forward(np.ones((5, 3)))
    for layer in (dense, activate):
        with pytest.raises(ValueError, match="takes the shape of its output"):
            layer.backward(np.ones((1, 3)))


def test_layers_say_what_they_are():
    network = Network([Dense(2, 3, rng=generator()), Activate("tanh")])
    assert repr(network) == "Network([Dense(2, 3), Activate('tanh')])"


# Batch normalization --------------------------------------------------------------------------------------


def normalizer(n_features, rng):
    """A BatchNorm whose scale and shift are not the initial 1 and 0."""
    layer = BatchNorm(n_features)
    layer.gamma, layer.beta = rng.normal(size=n_features), rng.normal(size=n_features)
    return layer


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("n_features", "batch"), [(3, 5), (1, 2), (4, 7)])
def test_all_three_gradients_of_batch_norm_match_finite_differences(n_features, batch, training):
    rng = generator(8)
    layer = normalizer(n_features, rng)
    for _ in range(3):  # running estimates other than 0 and 1
        layer.forward(rng.normal(2, 3, size=(batch, n_features)))
    X, dY = rng.normal(1, 2, size=(batch, n_features)), rng.normal(size=(batch, n_features))

    def loss():
        return float((layer.forward(X, training) * dY).sum())

    def numerically(array):
        kept = layer.running_mean, layer.running_var
        gradient = numerical_gradient(loss, array)
        layer.running_mean, layer.running_var = kept
        return gradient

    expected = [numerically(array) for array in (X, layer.gamma, layer.beta)]
    layer.forward(X, training)
    for found, numerical in zip((layer.backward(dY), layer.dgamma, layer.dbeta), expected, strict=True):
        np.testing.assert_allclose(found, numerical, atol=2e-8)


def test_the_gradient_of_batch_norm_is_what_sympy_derives():
    x, dy = sympy.symbols("x:3"), sympy.symbols("d:3")
    gamma, eps = sympy.symbols("gamma epsilon", positive=True)
    mean = sum(x) / 3
    variance = sum((xi - mean) ** 2 for xi in x) / 3
    loss = sum(d * gamma * (xi - mean) / sympy.sqrt(variance + eps) for d, xi in zip(dy, x, strict=True))
    rng = generator(9)
    layer = BatchNorm(1, eps=0.3)
    layer.gamma = np.array([1.7])
    for _ in range(3):
        X, dY = rng.normal(size=(3, 1)), rng.normal(size=(3, 1))
        layer.forward(X)
        values = dict(zip((*x, *dy), (*X[:, 0], *dY[:, 0]), strict=True)) | {gamma: 1.7, eps: 0.3}
        expected = [float(loss.diff(xi).subs(values)) for xi in x]
        np.testing.assert_allclose(layer.backward(dY)[:, 0], expected, rtol=1e-12)
        np.testing.assert_allclose(layer.dgamma, float(loss.diff(gamma).subs(values)), rtol=1e-12)


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_gradients_of_a_network_with_batch_norm_match_finite_differences(order):
    rng = generator(10)
    hidden = {
        "before": [normalizer(5, rng), Activate("tanh")],
        "after": [Activate("tanh"), normalizer(5, rng)],
    }
    network = Network([Dense(4, 5, rng=rng), *hidden[order], Dense(5, 3, rng=rng)])
    X, labels = rng.normal(size=(6, 4)), rng.integers(3, size=6)

    def loss():
        return cross_entropy(network.forward(X), labels)[0]

    _, dY = cross_entropy(network.forward(X), labels)
    np.testing.assert_allclose(network.backward(dY), numerical_gradient(loss, X), atol=1e-8)
    for layer in network.layers:
        for name in layer.trainable:
            found = getattr(layer, f"d{name}")
            np.testing.assert_allclose(found, numerical_gradient(loss, getattr(layer, name)), atol=1e-8)


def test_in_training_batch_norm_gives_each_feature_mean_beta_and_standard_deviation_gamma():
    X = generator(11).normal(7, 30, size=(50, 4))
    layer = normalizer(4, generator(12))
    Y = layer.forward(X)
    np.testing.assert_allclose(Y.mean(axis=0), layer.beta, atol=1e-12)
    np.testing.assert_allclose(Y.std(axis=0), np.abs(layer.gamma), rtol=1e-6)
    np.testing.assert_allclose(layer.forward(3 * X - 100), Y, atol=1e-6)  # blind to shift and scale


def test_the_running_estimates_move_by_the_momentum_toward_mean_and_unbiased_variance():
    rng, layer = generator(13), BatchNorm(2, momentum=0.25)
    mean, variance = np.zeros(2), np.ones(2)
    for batch in (5, 2, 9):
        X = rng.normal(3, 2, size=(batch, 2))
        layer.forward(X)
        mean = 0.75 * mean + 0.25 * X.mean(axis=0)
        variance = 0.75 * variance + 0.25 * X.var(axis=0, ddof=1)
        np.testing.assert_allclose(layer.running_mean, mean)
        np.testing.assert_allclose(layer.running_var, variance)


def test_outside_training_batch_norm_uses_and_keeps_the_running_estimates():
    rng, layer = generator(14), normalizer(3, generator(15))
    for _ in range(20):
        layer.forward(rng.normal(3, 2, size=(8, 3)))
    X, mean, variance = rng.normal(size=(6, 3)), layer.running_mean.copy(), layer.running_var.copy()
    together = layer.forward(X, training=False)
    expected = layer.gamma * (X - mean) / np.sqrt(variance + 1e-5) + layer.beta
    np.testing.assert_allclose(together, expected)
    alone = np.concatenate([layer.forward(row[None], training=False) for row in X])
    np.testing.assert_allclose(alone, together)
    np.testing.assert_array_equal(layer.running_mean, mean)
    np.testing.assert_array_equal(layer.running_var, variance)


def test_a_constant_feature_gives_beta_and_no_gradient_explosion():
    layer = BatchNorm(1)
    layer.beta = np.array([0.5])
    np.testing.assert_array_equal(layer.forward(np.full((4, 1), 7.0)), np.full((4, 1), 0.5))
    assert np.isfinite(layer.backward([[1.0], [2.0], [3.0], [5.0]])).all()


def test_a_step_of_the_network_moves_the_scale_and_the_shift():
    network = Network([Dense(2, 3, rng=generator()), BatchNorm(3)])
    X, dY = generator(1).normal(size=(4, 2)), generator(2).normal(size=(4, 3))
    network.forward(X)
    network.backward(dY)
    norm = network.layers[1]
    network.step(0.1, weight_decay=0.5)  # the decay is for W alone
    np.testing.assert_allclose(norm.gamma, 1 - 0.1 * norm.dgamma)
    np.testing.assert_allclose(norm.beta, -0.1 * norm.dbeta)


def test_batch_norm_keeps_its_batch_and_gives_a_second_backward_again():
    X, layer = generator(3).normal(size=(4, 2)), BatchNorm(2)
    before, dY = X.copy(), generator(4).normal(size=(4, 2))
    layer.forward(X)
    first, dgamma = layer.backward(dY), layer.dgamma
    X[:] = 100
    np.testing.assert_array_equal(layer.backward(dY), first)
    np.testing.assert_array_equal(layer.dgamma, dgamma)
    layer.forward(before)
    np.testing.assert_array_equal(layer.backward(dY), first)


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: BatchNorm(2).forward(np.ones((1, 2))), ValueError, r"at least 2 examples .* got 1\. Choose"),
        (lambda: BatchNorm(2).forward(np.ones((0, 2))), ValueError, "at least 2 examples .* got 0"),
        (lambda: BatchNorm(2).forward(np.ones((5, 3))), ValueError, r"\(batch, 2\), got \(5, 3\)"),
        (lambda: BatchNorm(2).forward(np.ones(2)), ValueError, r"got \(2,\)"),
        (lambda: BatchNorm(1).forward([[np.nan], [1]]), NotFinite, "without nan or inf, got 1 of 2"),
        (lambda: BatchNorm(1).forward([[np.inf], [1]], training=False), NotFinite, "without nan or inf"),
        (lambda: BatchNorm(1).backward([[1.0]]), RuntimeError, "before forward"),
        (lambda: BatchNorm(0), ValueError, "n_features must be a whole number ≥ 1, got 0"),
        (lambda: BatchNorm(2, eps=0), ValueError, "eps must be a positive number, got 0"),
        (lambda: BatchNorm(2, momentum=0), ValueError, r"momentum must be in \(0, 1\], got 0"),
    ],
)
def test_batch_norm_names_a_wrong_argument_with_what_is_allowed(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_batch_norm_refuses_what_is_too_large_to_square():
    with np.errstate(over="ignore"), pytest.raises(NotFinite, match="overflows"):
        BatchNorm(1).forward([[-1e200], [1e200]])


def test_a_refused_batch_leaves_the_running_estimates_alone():
    layer = BatchNorm(1)
    for bad in ([[1.0]], [[np.nan], [1.0]]):
        with pytest.raises(ValueError, match=r"2 examples|nan"):
            layer.forward(bad)
    assert layer.running_mean == 0
    assert layer.running_var == 1


def test_a_last_batch_of_one_ends_training_with_the_reason():
    network = Network([Dense(2, 3, rng=generator()), BatchNorm(3), Dense(3, 2, rng=generator(1))])
    X, labels = generator(2).normal(size=(9, 2)), np.zeros(9, int)
    with pytest.raises(ValueError, match="leaves no remainder of 1"):
        train(network, X, labels, learning_rate=0.1, epochs=1, rng=generator(), batch_size=4)
    losses = train(network, X, labels, learning_rate=0.1, epochs=1, rng=generator(), batch_size=5)
    assert np.isfinite(losses).all()


def test_a_layer_of_batch_norm_says_what_it_is():
    assert repr(BatchNorm(7)) == "BatchNorm(7)"


# Networks side by side ------------------------------------------------------------------------------------


def classifier(seed, order="before", width=5):
    rng = generator(seed)
    hidden = {
        "none": [Activate("tanh")],
        "before": [normalizer(width, rng), Activate("sigmoid")],
        "after": [Activate("leaky_relu", alpha=0.1), normalizer(width, rng)],
    }
    return Network([Dense(4, width, rng=rng), *hidden[order], Dense(width, 3, rng=rng)])


def arrays(network):
    """All that a network has learned, by name."""
    names = {Dense: ("W", "b"), BatchNorm: ("gamma", "beta", "running_mean", "running_var"), Activate: ()}
    return {
        (place, name): getattr(layer, name)
        for place, layer in enumerate(network.layers)
        for name in names[type(layer)]
    }


@pytest.mark.parametrize("order", ["none", "before", "after"])
def test_networks_side_by_side_compute_what_each_computes_alone(order):
    alone = [classifier(seed, order) for seed in range(3)]
    together = stack(alone)
    X, labels = generator(20).normal(size=(3, 6, 4)), generator(21).integers(3, size=(3, 6))
    losses, dY = cross_entropy(together.forward(X), labels)
    dX = together.backward(dY)
    together.step([0.1, 0.2, 0.3], weight_decay=0.5)
    for run, network in enumerate(alone):
        loss, dlogits = cross_entropy(network.forward(X[run]), labels[run])
        assert losses[run] == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(dX[run], network.backward(dlogits), rtol=1e-10, atol=1e-15)
        network.step([0.1, 0.2, 0.3][run], weight_decay=0.5)
        for key, array in arrays(network).items():
            np.testing.assert_allclose(arrays(together)[key][run], array, rtol=1e-10, err_msg=str(key))
        np.testing.assert_allclose(
            together.forward(X, training=False)[run], network.forward(X[run], training=False), rtol=1e-10
        )


def test_networks_side_by_side_may_share_their_batch():
    alone = [classifier(seed, "after") for seed in range(3)]
    together, X, dY = stack(alone), generator(22).normal(size=(6, 4)), generator(23).normal(size=(3, 6, 3))
    outputs, dX = together.forward(X), together.backward(dY)
    for run, network in enumerate(alone):
        np.testing.assert_allclose(outputs[run], network.forward(X), rtol=1e-10)
        np.testing.assert_allclose(dX[run], network.backward(dY[run]), rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(together.layers[0].dW[run], network.layers[0].dW, rtol=1e-10, atol=1e-15)


def test_the_squared_errors_of_networks_side_by_side_are_those_of_each():
    outputs, targets = generator(1).normal(size=(3, 5, 2)), generator(2).normal(size=(3, 5, 2))
    values, gradients = squared_error(outputs, targets)
    for run in range(3):
        value, gradient = squared_error(outputs[run], targets[run])
        assert isinstance(value, float)
        assert values[run] == pytest.approx(value)
        np.testing.assert_array_equal(gradients[run], gradient)


def test_standing_side_by_side_changes_no_network_that_is_there_already():
    alone = [classifier(seed) for seed in range(2)]
    before = [{key: array.copy() for key, array in arrays(network).items()} for network in alone]
    together = stack(alone)
    together.forward(np.ones((4, 4)) * np.arange(4)[:, None])
    together.backward(np.ones((2, 4, 3)))
    together.step(1.0)
    together.ruin()
    for network, kept in zip(alone, before, strict=True):
        for key, array in arrays(network).items():
            np.testing.assert_array_equal(array, kept[key])
        with pytest.raises(RuntimeError, match="before forward"):
            network.backward(np.ones((4, 3)))


def test_trained_networks_bring_their_weights_but_not_their_gradients_along():
    alone = [classifier(seed) for seed in range(2)]
    for network in alone:
        network.forward(generator().normal(size=(5, 4)))
        network.backward(np.ones((5, 3)))
        network.step(0.1)
    together = stack(alone)
    np.testing.assert_array_equal(together.layers[0].W[1], alone[1].layers[0].W)
    with pytest.raises(RuntimeError, match="before forward"):
        together.step(0.1)


@pytest.mark.parametrize("order", ["none", "before", "after"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_a_run_that_leaves_the_numbers_becomes_nan_and_disturbs_no_neighbor(order, bad):
    together = stack([classifier(seed, order) for seed in range(3)])
    X, dY = generator(24).normal(size=(3, 6, 4)), generator(25).normal(size=(3, 6, 3))
    outputs = together.forward(X)
    dX = together.backward(dY)
    spoiled = stack([classifier(seed, order) for seed in range(3)])
    X[1, 2, 3] = bad
    with np.errstate(over="ignore", invalid="ignore"):
        found = spoiled.forward(X)
        gradient = spoiled.backward(dY)
    for run in (0, 2):
        np.testing.assert_array_equal(found[run], outputs[run])
        np.testing.assert_array_equal(gradient[run], dX[run])
        for key, array in arrays(together).items():
            np.testing.assert_array_equal(arrays(spoiled)[key][run], array[run])
    # A bounded activation makes a number of the largest one; of nan and inf it must not.
    if not np.isfinite(bad) or order == "before":
        assert np.isnan(found[1]).all()


def test_a_network_that_is_ruined_is_nan_and_its_neighbors_are_not():
    together = stack([classifier(seed) for seed in range(3)])
    kept = {key: array.copy() for key, array in arrays(together).items()}
    together.ruin(np.array([False, True, False]))
    for (place, name), array in arrays(together).items():
        if not name.startswith("running"):
            assert np.isnan(array[1]).all()
        np.testing.assert_array_equal(array[[0, 2]], kept[place, name][[0, 2]])


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: stack([]), ValueError, "at least one network"),
        (lambda: stack([stack([classifier(0)] * 2)]), ValueError, "single networks, got one of 2 runs"),
        (lambda: stack([classifier(0), classifier(0, "after")]), ValueError, "with the same layers, got Net"),
        (lambda: stack([classifier(0), classifier(0, width=6)]), ValueError, "with the same layers"),
        (
            lambda: stack([Network([Activate("elu", alpha=a)]) for a in (1.0, 2.0)]),
            ValueError, "with the same layers",
        ),
        (
            lambda: stack([Network([BatchNorm(2, momentum=m)]) for m in (0.1, 0.2)]),
            ValueError, "with the same layers",
        ),
        (
            lambda: stack([classifier(0)] * 2).forward(np.ones((3, 6, 4))),
            ValueError, r"of shape \(2, batch, 4\), got \(3, 6, 4\)",
        ),
        (lambda: classifier(0).forward(np.ones((3, 6, 4))), ValueError, r"\(batch, 4\), got \(3, 6, 4\)"),
        (
            lambda: cross_entropy(np.ones((2, 4, 3)), np.zeros(4, int)),
            ValueError, r"got shapes \(2, 4, 3\) and \(4,\)",
        ),
    ],
)  # fmt: skip
def test_networks_that_cannot_stand_side_by_side_are_refused(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_a_network_can_be_copied_and_pickled():
    rng = np.random.default_rng(0)
    network = Network([Dense(2, 3, rng=rng), BatchNorm(3), Activate("elu", alpha=0.5), Dense(3, 2, rng=rng)])
    X = rng.standard_normal((5, 2))
    network.forward(X)
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        np.testing.assert_array_equal(twin.forward(X, training=False), network.forward(X, training=False))
        twin.layers[0].W += 1
        assert not np.allclose(twin.forward(X, training=False), network.forward(X, training=False))
