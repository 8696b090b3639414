import numpy as np
import pytest

from helpers.data import Split, digits
from helpers.network import Activate, BatchNorm, Dense, Network, cross_entropy, squared_error, stack
from helpers.training import accuracy, train


def generator(seed=0):
    return np.random.default_rng(seed)


def small(rng):
    return Network([Dense(2, 3, rng=rng), Activate("tanh"), Dense(3, 1, rng=rng)])


def test_full_batch_training_is_the_written_out_descent():
    X, targets = generator(1).normal(size=(6, 2)), generator(2).normal(size=(6, 1))
    trained, by_hand = small(generator(3)), small(generator(3))
    losses = train(
        trained, X, targets, learning_rate=0.1, epochs=4, batch_size=6, rng=generator(), loss=squared_error
    )
    for epoch in range(4):
        first, _, last = by_hand.layers
        H = np.tanh(X @ first.W.T + first.b)
        error = H @ last.W.T + last.b - targets
        assert losses[epoch] == pytest.approx((error**2).mean() / 2)
        dZ = (error / 6) @ last.W * (1 - H**2)
        steps = (dZ.T @ X, dZ.sum(0), (error / 6).T @ H, (error / 6).sum(0))
        parameters = ((first, "W"), (first, "b"), (last, "W"), (last, "b"))
        for (layer, name), step in zip(parameters, steps, strict=True):
            setattr(layer, name, getattr(layer, name) - 0.1 * step)
    for one, other in zip(trained.layers[::2], by_hand.layers[::2], strict=True):
        np.testing.assert_allclose(one.W, other.W)
        np.testing.assert_allclose(one.b, other.b)


def test_an_epoch_sees_every_example_once():
    seen = []

    def loss(outputs, targets):
        seen.append(targets[:, 0])
        return squared_error(outputs, targets)

    targets = np.arange(7.0)[:, None]
    train(
        small(generator()), np.zeros((7, 2)), targets,
        learning_rate=1e-3, epochs=2, batch_size=3, rng=generator(), loss=loss,
    )  # fmt: skip
    assert [len(batch) for batch in seen] == [3, 3, 1] * 2
    for epoch in (seen[:3], seen[3:]):
        assert sorted(np.concatenate(epoch)) == list(range(7))


def test_a_seed_gives_the_same_run_again():
    def run():
        network = Network([Dense(64, 10, rng=generator(4))])
        part = digits().train
        return train(network, part.X, part.labels, learning_rate=0.1, epochs=2, rng=generator(5))

    np.testing.assert_array_equal(run(), run())


def test_watch_sees_the_network_before_and_after_every_epoch():
    weights = []
    network = small(generator())
    losses = train(
        network, np.ones((4, 2)), np.ones((4, 1)), learning_rate=0.1, epochs=3, rng=generator(),
        loss=squared_error, watch=lambda epoch, net: weights.append((epoch, net.layers[0].W.copy())),
    )  # fmt: skip
    assert [epoch for epoch, _ in weights] == [0, 1, 2, 3]
    assert len(losses) == 3
    np.testing.assert_array_equal(weights[-1][1], network.layers[0].W)
    assert (weights[0][1] != weights[1][1]).any()


def test_weight_decay_shrinks_the_weights_and_leaves_the_biases():
    network = Network([Dense(2, 2, rng=generator())])
    layer = network.layers[0]
    before, layer.b = layer.W.copy(), np.array([1.0, 2.0])
    # At the target the gradient of the error is 0: the decay acts alone.
    train(
        network, np.zeros((3, 2)), np.tile(layer.b, (3, 1)), learning_rate=0.5, epochs=1, rng=generator(),
        loss=squared_error, weight_decay=0.2,
    )  # fmt: skip
    np.testing.assert_allclose(layer.W, 0.9 * before)
    np.testing.assert_array_equal(layer.b, [1.0, 2.0])


def test_a_run_that_diverges_ends_in_nan_without_a_warning_and_is_right_nowhere():
    rng = generator()
    network = Network([Dense(64, 30, rng=rng), Activate("relu"), Dense(30, 10, rng=rng)])
    part = digits().train
    targets = np.eye(10)[part.labels]
    losses = train(
        network, part.X, targets, learning_rate=1e3, epochs=5, rng=rng, loss=squared_error
    )  # fmt: skip
    assert np.isnan(losses[-1])
    assert accuracy(network, digits().test) == 0


def overflowing(outputs, targets):
    """A loss that is inf while its gradient is a number."""
    return np.inf, np.zeros_like(outputs)


@pytest.mark.parametrize(
    ("scale", "loss"),
    [(1e200, squared_error), (1.0, overflowing)],
    ids=["a signal that is too large", "a loss that is inf"],
)
def test_however_a_run_diverges_its_losses_are_nan_and_so_is_the_network(scale, loss):
    rng = generator()
    network = Network([Dense(64, 8, rng=rng), BatchNorm(8), Dense(8, 10, rng=rng)])
    network.layers[0].W *= scale
    part, epochs = digits().train, []
    losses = train(
        network, part.X, np.eye(10)[part.labels], learning_rate=0.1, epochs=2, rng=rng, loss=loss,
        watch=lambda epoch, _: epochs.append(epoch),
    )  # fmt: skip
    assert np.isnan(losses).tolist() == [True, True]
    assert epochs == [0]
    assert np.isnan(network.layers[0].W).all()
    assert accuracy(network, digits().test) == 0


def test_the_loss_of_an_epoch_is_the_mean_over_its_examples_not_over_its_batches():
    def loss(outputs, targets):
        return float(targets.mean()), np.zeros_like(outputs)

    targets = generator(1).normal(size=(7, 1))
    losses = train(
        small(generator()), np.zeros((7, 2)), targets,
        learning_rate=0.1, epochs=3, batch_size=3, rng=generator(), loss=loss,
    )  # fmt: skip
    np.testing.assert_allclose(losses, targets.mean())


# Side by side ---------------------------------------------------------------------------------------------

RATES = (0.05, 0.5, 5.0, 1e4)


def digit_network(seed, order):
    """A small network of digits, and the generator that shuffles for it."""
    rng = generator(seed)
    hidden = {
        "none": [Activate("relu")],
        "before": [BatchNorm(12), Activate("relu")],
        "after": [Activate("tanh"), BatchNorm(12)],
    }
    return Network([Dense(64, 12, rng=rng), *hidden[order], Dense(12, 10, rng=rng)]), rng


@pytest.mark.parametrize("order", ["none", "before", "after"])
@pytest.mark.parametrize("shared", [True, False])
def test_runs_side_by_side_are_the_runs_of_each_alone(order, shared):
    """Same losses, accuracies and looks; every run has a rate, a seed and perhaps a split of its own."""
    splits = [digits(0 if shared else seed) for seed in range(len(RATES))]
    networks, generators = zip(*(digit_network(seed, order) for seed in range(len(RATES))), strict=True)
    together, looks = stack(networks), []
    train_part = Split(
        *(splits[0].train.X, splits[0].train.labels) if shared else
        (np.stack([split.train.X for split in splits]), np.stack([split.train.labels for split in splits]))
    )  # fmt: skip
    test = Split(np.stack([s.test.X for s in splits]), np.stack([s.test.labels for s in splits]))
    losses = train(
        together, train_part.X, train_part.labels,
        learning_rate=RATES, epochs=3, batch_size=50, rng=generators, weight_decay=1e-3,
        watch=lambda epoch, now: looks.append(accuracy(now, test)),
    )  # fmt: skip
    assert losses.shape == (len(RATES), 3)
    for run, rate in enumerate(RATES):
        alone, rng = digit_network(run, order)
        part, seen = splits[run].train, []
        expected = train(
            alone, part.X, part.labels, learning_rate=rate, epochs=3, batch_size=50, rng=rng,
            weight_decay=1e-3,
            watch=lambda _, now, to=splits[run].test, seen=seen: seen.append(accuracy(now, to)),
        )  # fmt: skip
        np.testing.assert_allclose(losses[run], expected, rtol=1e-10)
        assert [look[run] for look in looks[: len(seen)]] == pytest.approx(seen, abs=1e-10)
        assert all(look[run] == 0 for look in looks[len(seen) :])
        for one, other in zip(together.layers, alone.layers, strict=True):
            for name in one.trainable:
                found, wanted = getattr(one, name)[run], getattr(other, name)
                np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
    diverged = np.isnan(losses[:, -1])
    assert not diverged[:2].any()
    assert diverged[-1]


def test_a_run_whose_loss_is_inf_has_nan_for_its_losses_and_its_neighbor_has_not():
    def loss(outputs, targets):
        values, gradient = squared_error(outputs, targets)
        return np.array([values[0], np.inf]), gradient

    together = stack([small(generator(seed)) for seed in range(2)])
    losses = train(
        together, np.ones((4, 2)), np.ones((4, 1)), learning_rate=0.1, epochs=2,
        rng=[generator(), generator(1)], loss=loss,
    )  # fmt: skip
    assert np.isnan(losses[1]).all()
    assert np.isfinite(losses[0]).all()


def test_a_stack_whose_runs_have_all_diverged_stops():
    together = stack([digit_network(seed, "none")[0] for seed in range(2)])
    part, epochs = digits().train, []
    losses = train(
        together, part.X, np.eye(10)[part.labels], learning_rate=1e6, epochs=50,
        rng=[generator(), generator(1)], loss=squared_error, watch=lambda epoch, _: epochs.append(epoch),
    )  # fmt: skip
    assert np.isnan(losses[:, -1]).all()
    assert len(epochs) < 50


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": [0.1, 0.2, 0.3]}, "a positive number, or 2 of them, got"),
        ({"learning_rate": [0.1, 0.0]}, "a positive number, or 2 of them, got"),
        ({"rng": [generator()]}, "one generator for each run, 2, got 1"),
        ({"rng": generator()}, "one generator for each run, 2, got 1"),
        ({"X": np.zeros((3, 4, 2))}, r"X of shape \(runs, n, n_in\) or \(n, n_in\).* got shapes \(3, 4, 2\)"),
    ],
)
def test_arguments_that_do_not_fit_the_runs_are_named(change, words):
    together = stack([small(generator(seed)) for seed in range(2)])
    arguments = {"X": np.zeros((4, 2)), "targets": np.zeros((4, 1)), "learning_rate": 0.1, "epochs": 1}
    arguments |= {"rng": [generator(), generator(1)], "loss": squared_error, **change}
    with pytest.raises(ValueError, match=words):
        train(together, arguments.pop("X"), arguments.pop("targets"), **arguments)


def test_softmax_regression_learns_the_digits():
    network = Network([Dense(64, 10, rng=generator())])
    part = digits().train
    losses = train(network, part.X, part.labels, learning_rate=0.1, epochs=20, rng=generator())
    assert losses[-1] < losses[0] / 3
    assert accuracy(network, digits().test) > 0.94


def test_accuracy_counts_the_largest_output():
    network = Network([Dense(2, 2, rng=generator())])
    network.layers[0].W = np.eye(2)
    split = Split(np.array([[1.0, 0], [0, 1], [3, 2], [0, 5]]), np.array([0, 1, 1, 1]))
    assert accuracy(network, split) == 0.75


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rate": 0}, "learning_rate must be a positive number, got 0"),
        ({"epochs": -1}, "epochs must be a whole number ≥ 0, got -1"),
        ({"batch_size": 0}, "batch_size must be a whole number ≥ 1, got 0"),
        ({"weight_decay": -1.0}, r"weight_decay must be a number ≥ 0, got -1\.0"),
        ({"X": np.zeros((3, 2))}, r"got shapes \(3, 2\) and \(4,\)"),
        ({"rng": 0}, "rng must be a generator"),
    ],
)
def test_bad_arguments_are_named(change, words):
    arguments = {"X": np.zeros((4, 2)), "targets": np.zeros(4, int), "learning_rate": 0.1, "epochs": 1}
    arguments |= {"rng": generator(), **change}
    with pytest.raises((ValueError, TypeError), match=words):
        train(small(generator()), arguments.pop("X"), arguments.pop("targets"), **arguments)


def test_the_gradient_of_the_squared_error_matches_finite_differences():
    outputs, targets = generator(6).normal(size=(4, 3)), generator(7).normal(size=(4, 3))
    value, gradient = squared_error(outputs, targets)
    assert value == pytest.approx(
        np.mean([((o - t) ** 2).sum() / 2 for o, t in zip(outputs, targets, strict=True)])
    )
    h = 1e-6
    for index in np.ndindex(4, 3):
        step = np.zeros((4, 3))
        step[index] = h
        slope = (squared_error(outputs + step, targets)[0] - squared_error(outputs - step, targets)[0]) / (
            2 * h
        )
        assert gradient[index] == pytest.approx(slope, abs=1e-8)


def test_the_losses_refuse_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"got \(4, 1\) and \(4,\)"):
        squared_error(np.zeros((4, 1)), np.zeros(4))
    with pytest.raises(ValueError, match="need logits"):
        cross_entropy(np.zeros(4), np.zeros(4, int))
