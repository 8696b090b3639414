import numpy as np
import pytest

from helpers.activations import ACTIVATIONS
from helpers.network import Activate, Dense, Network, cross_entropy, gradient_profile, init_std

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
