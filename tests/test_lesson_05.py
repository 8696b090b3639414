"""The numbers that lesson 05 shows, against values computed another way."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from lessons import at, numbers, table_rows
from scipy import integrate, optimize, stats
from scipy.special import expit

from experiments import bn_ordering
from helpers.data import digits
from helpers.network import BatchNorm


@pytest.fixture(scope="module")
def table() -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """The committed runs by (activation, depth, order, rate, gain), read without NumPy."""
    found = defaultdict(list)
    for row in table_rows(bn_ordering.RESULTS):
        key = (row["activation"], int(row["depth"]), row["order"], float(row["rate"]), float(row["gain"]))
        found[key].append(
            {
                name: float(row[name])
                for name in ("seed", "train_loss", "validation_accuracy", "test_accuracy")
            }
        )
    return dict(found)


# Section 1 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x3", "gamma", "beta"), [(2.0, 1.0, 0.0), (-6.0, 3.0, 2.0), (-0.5, 0.5, -2.0), (6.0, 0.0, 1.0)]
)
def test_the_batch_of_three_is_standardized_scaled_and_shifted(
    lesson: Any, x3: float, gamma: float, beta: float
) -> None:
    caption, data = at(lesson["batch_of_three"], x3=x3, gamma=gamma, beta=beta)
    batch = [-1.0, 0.0, x3]
    mean, deviation = statistics.fmean(batch), statistics.pstdev(batch)
    expected = [gamma * (x - mean) / deviation + beta for x in batch]
    assert numbers(caption)[:3] == batch
    shown = [*expected, statistics.fmean(expected), statistics.pstdev(expected)]
    assert numbers(caption)[3:] == pytest.approx([mean, deviation, *shown], abs=5.1e-3)
    for number, (x, y) in enumerate(zip(batch, expected, strict=True), start=1):
        assert data[f"wire {number}"] == pytest.approx(np.array([[x, 1], [y, 0]]), abs=1e-4)
        assert data[f"output {number}"] == pytest.approx(np.array([[x3, y]]), abs=1e-4)
        grid, trace = data[f"trace {number}"].T
        assert np.interp(x3, grid, trace) == pytest.approx(y, abs=1e-3)


def test_no_output_of_three_leaves_the_bound(lesson: Any) -> None:
    assert np.abs(lesson["curves"]).max() == pytest.approx(math.sqrt(2), abs=1e-4)


def test_the_forward_derivation_is_proved(lesson: Any) -> None:
    assert lesson["blind"].proved


# Section 2 ------------------------------------------------------------------------------------------------


def test_every_step_of_the_backward_pass_is_proved(lesson: Any) -> None:
    for name in ("slope_of_variance", "jacobian", "moved_variance", "jacobian_entry", "backward_pass"):
        assert lesson[name].proved, name


def test_the_jacobian_shown_for_a_batch_is_that_of_finite_differences(lesson: Any) -> None:
    columns = [lesson["by_differences"](np.array([0.0, 3.0, 6.0]), unit) for unit in np.eye(3)]
    shown = np.array(lesson["J"], dtype=float) / math.sqrt(6)
    assert shown == pytest.approx(np.array(columns), abs=1e-6)
    assert np.linalg.matrix_rank(shown) == 1


@pytest.mark.parametrize("size", [2, 5, 40])
@pytest.mark.parametrize("gamma", [1.0, -0.7])
def test_the_formula_of_the_backward_pass_is_the_complex_step_derivative(
    lesson: Any, size: int, gamma: float
) -> None:
    rng = np.random.default_rng(size)
    x, d = rng.normal(3, 2, size), rng.normal(size=size)

    def loss(x: np.ndarray) -> complex:
        centered = x - x.sum() / size
        return (d * gamma * centered).sum() / np.sqrt((centered**2).sum() / size + 1e-5)

    expected = [loss(x + 1e-30j * step).imag / 1e-30 for step in np.eye(size)]
    assert lesson["by_formula"](x, d, gamma) == pytest.approx(expected, rel=1e-10, abs=1e-13)
    assert lesson["by_differences"](x, d, gamma) == pytest.approx(expected, abs=1e-7)


def test_leaving_out_a_term_costs_as_much_in_a_large_batch(lesson: Any) -> None:
    assert lesson["size"] == len(lesson["x"]) == 256
    assert all(error > 0.7 for error in lesson["errors"].values())
    x, d = lesson["x"], lesson["d"]
    true = lesson["by_differences"](x, d) * x.std()
    only_first = np.linalg.norm(d - true) / np.linalg.norm(true)
    assert lesson["errors"]["first term alone"] == pytest.approx(only_first, rel=1e-4)


def test_before_batch_norm_the_bias_has_no_gradient_and_the_weights_one_at_a_right_angle(lesson: Any) -> None:
    dense = lesson["dense"]
    assert np.abs(dense.db).max() < 1e-12
    for w, dw in zip(dense.W, dense.dW, strict=True):
        assert abs(w @ dw) < 1e-4 * math.sqrt((w @ w) * (dw @ dw))


# Section 3 ------------------------------------------------------------------------------------------------


def shape_of(toward: str, tail: float) -> Any:
    if tail == 0:
        return stats.norm()
    return stats.gamma(tail**-2) if toward == "exponential" else stats.lognorm(tail)


@pytest.mark.parametrize(
    ("toward", "tail", "mean", "beta", "gamma"),
    [
        ("exponential", 0.0, 0.0, 0.0, 1.0),
        ("exponential", 0.0, 0.5, 1.0, 1.0),
        ("exponential", 1.0, -2.0, 0.0, 1.0),
        ("exponential", 0.5, 1.0, -0.5, 2.0),
        ("log-normal", 1.0, 0.25, 0.0, 0.5),
        ("log-normal", 0.6, -1.0, 0.25, 1.5),
    ],
)
def test_the_distributions_lose_the_share_of_theory(
    lesson: Any, toward: str, tail: float, mean: float, beta: float, gamma: float
) -> None:
    caption, data = at(lesson["distributions"], toward=toward, tail=tail, mean=mean, beta=beta, gamma=gamma)
    _, ratio, lost, also, low, middle = numbers(caption)
    shape = shape_of(toward, tail)

    def below(x: float) -> float:  # of the batch, which has its mean at `mean` and standard deviation 1
        return shape.cdf(shape.mean() + (x - mean) * shape.std())

    assert ratio == pytest.approx(beta / gamma, abs=5.1e-3)
    assert lost == pytest.approx(100 * below(mean - beta / gamma), abs=0.3)
    assert also == pytest.approx(100 * below(0), abs=0.1)
    # Mean and variance of ReLU's output by integrating its upper tail.
    top = mean + (shape.ppf(1 - 1e-9) - shape.mean()) / shape.std()
    first = integrate.quad(lambda x: 1 - below(x), 0, top, limit=200)[0]
    second = integrate.quad(lambda x: 2 * x * (1 - below(x)), 0, top, limit=200)[0]
    assert middle == pytest.approx(beta, abs=5.1e-3)
    if below(0) > 0.01:
        assert low == pytest.approx(beta - gamma * first / math.sqrt(second - first**2), abs=0.03)
        assert data["zeros 1"][:, 0] == pytest.approx([max(low, -4)] * 2, abs=5.1e-3)
    assert data["zeros 0"] == pytest.approx(np.array([[0, 0], [0, lost / 100]]), abs=5.1e-4)


def test_the_exact_shares_are_those_of_theory(lesson: Any) -> None:
    share = lesson["share_lost"]
    shapes = lesson["SHAPES"]
    assert share(shapes["normal"], 0) == 0.5
    assert share(shapes["normal"], 1) == pytest.approx(0.5 * math.erfc(1 / math.sqrt(2)))
    assert share(shapes["exponential"], 0) == pytest.approx(1 - math.exp(-1))
    # A log-normal lies below its mean √e where a normal lies below 1/2.
    assert share(shapes["log-normal"], 0) == pytest.approx(0.5 * math.erfc(-0.5 / math.sqrt(2)))
    assert [round(share(shape, 0), 3) for shape in shapes.values()] == [0.5, 0.632, 0.691]
    assert round(share(shapes["normal"], 1), 3) == 0.159
    assert lesson["lost_of_exponential"].proved


def test_he_networks_zero_half_without_batch_norm_too(lesson: Any) -> None:
    X = digits().train.X
    for seed in (0, 7):
        rng, A = np.random.default_rng(seed), X
        for layer in range(6):
            A = np.maximum(0, A @ (np.sqrt(2 / 64) * rng.standard_normal((64, 64))).T)
            assert lesson["lost"]["none"][seed, layer] == pytest.approx(np.mean(A == 0))
    for shares in lesson["lost"].values():
        assert shares.shape == (10, 6)
        assert 0.48 < shares.mean() < 0.52
    assert lesson["silenced"] == 0


@pytest.mark.parametrize("order", ["none", "before", "after"])
@pytest.mark.parametrize(("activation", "gain"), [("relu", 1.0), ("sigmoid", 4.0)])
def test_the_lesson_builds_the_networks_of_the_experiment(
    lesson: Any, order: str, activation: str, gain: float
) -> None:
    ours = lesson["build"](activation, 4, order, np.random.default_rng(2), gain)
    task = bn_ordering.Task(activation, gain, 4, order, 0.1, 2)
    theirs = bn_ordering.build(task, np.random.default_rng(2))
    assert repr(ours) == repr(theirs)
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        if hasattr(one, "W"):
            np.testing.assert_array_equal(one.W, other.W)


# Section 4 ------------------------------------------------------------------------------------------------


def sigmoid_inputs(seed: int, gain: float, batch_norm: bool) -> list[np.ndarray]:
    """What goes into the six sigmoids, in plain NumPy."""
    rng, A, inputs = np.random.default_rng(seed), digits().train.X[:256], []
    for _ in range(6):
        Z = A @ (gain * np.sqrt(2 / 128) * rng.standard_normal((64, 64))).T
        if batch_norm:
            Z = (Z - Z.mean(axis=0)) / np.sqrt(Z.var(axis=0) + 1e-5)
        inputs.append(Z)
        A = expit(Z)
    return inputs


@pytest.mark.parametrize(("gain", "below"), [(1.0, "1%"), (4.0, "1%"), (4.0, "10%"), (16.0, "10%")])
def test_saturation_and_spread_are_those_of_ten_networks(lesson: Any, gain: float, below: str) -> None:
    caption, data = at(lesson["saturation"], gain=gain, below=below)
    limit = float(below[:-1]) / 100
    edge = optimize.brentq(lambda z: 4 * expit(z) * expit(-z) - limit, 0, 50)
    shown = numbers(caption)
    assert shown[0] == gain
    for order, (share, spread) in zip(("none", "before"), (shown[1:4:2], shown[4:7:2]), strict=True):
        ten = [sigmoid_inputs(seed, gain, order == "before") for seed in range(10)]
        shares = np.array([[np.mean(np.abs(Z) > edge) for Z in network] for network in ten])
        spreads = np.array([[Z.std(axis=0).mean() for Z in network] for network in ten])
        assert share == pytest.approx(100 * shares.mean(), abs=5.1e-3)
        assert spread == pytest.approx(spreads[:, 5].mean(), rel=0.3)
        assert data[f"saturated, {order}"][:, 1] == pytest.approx(shares.mean(axis=0))
        assert data[f"spread, {order}"][:, 1] == pytest.approx(spreads.mean(axis=0))


def test_without_batch_norm_the_spread_falls_fourfold_per_layer_though_nothing_is_saturated(
    lesson: Any,
) -> None:
    Z = lesson["inputs_by_layer"]("none", 1.0)
    spread = Z.std(axis=2).mean(axis=(0, 2))
    assert (spread[1:] / spread[:-1] > 1 / 5).all()
    assert (spread[1:] / spread[:-1] < 1 / 4).all()
    assert not lesson["saturated"](Z).any()


def test_the_rate_decides_whether_batch_norm_keeps_the_sigmoids_out_of_saturation(lesson: Any) -> None:
    after = lesson["after_training"]
    assert {shares.shape for shares in after.values()} == {(10, 4)}
    assert after["before"].max() < 0.01
    assert 0.05 < after["before, rate 10"][:, -1].mean() < 0.3
    largest = {
        recipe: [
            max(np.abs(layer.gamma).max() for layer in network.layers if isinstance(layer, BatchNorm))
            for network, _ in lesson["trained"][recipe]
        ]
        for recipe in ("before", "before, rate 10")
    }
    assert min(largest["before, rate 10"]) > 2 * max(largest["before"])
    assert 0.1 < after["none"][:, 0].mean() < 0.25  # 4×Xavier: the first layer is partly saturated
    assert after["none"][:, 1:].mean() < 0.05


# Section 5 ------------------------------------------------------------------------------------------------


def test_the_networks_trained_live_are_rows_of_the_table(lesson: Any, table: Any) -> None:
    for order, (rate, gain) in lesson["RECIPES"].items():
        rows = sorted(table["sigmoid", 4, order, rate, gain], key=lambda row: row["seed"])
        for (_, loss), row in zip(lesson["trained"][order], rows[:10], strict=True):
            assert loss == pytest.approx(row["train_loss"], rel=1e-4)
    pairs = [
        (result, row)
        for order, recipe in lesson["RECIPES"].items()
        for result, row in zip(
            lesson["trained"][order], lesson["runs"]("sigmoid", 4, order, *recipe)[:10], strict=True
        )
    ]
    assert len(pairs) == 20
    assert all(lesson["agrees"](*result, row) for result, row in pairs)
    # And a network does not agree with the row of another seed.
    assert not any(lesson["agrees"](*pairs[i][0], pairs[i + 1][1]) for i in range(19))


@pytest.mark.parametrize(
    ("activation", "depth", "rate"),
    [("relu", 4, 0.01), ("sigmoid", 6, 0.3), ("tanh", 6, 10.0), ("leaky_relu", 2, 3.0), ("sigmoid", 2, 0.01)],
)
def test_the_curves_by_rate_are_those_of_the_table(
    lesson: Any, table: Any, activation: str, depth: int, rate: float
) -> None:
    caption, data = at(lesson["by_rate"], activation=activation, depth=depth, rate=rate)

    def accuracies(order: str, rate: float) -> list[float]:
        rows = sorted(table[activation, depth, order, rate, 1.0], key=lambda row: row["seed"])
        return [100 * row["test_accuracy"] for row in rows]

    shown = numbers(caption.split(": ", 1)[1])
    orders = ("none", "before", "after")
    assert shown[:3] == pytest.approx(
        [statistics.fmean(accuracies(order, rate)) for order in orders], abs=0.051
    )
    gap = [a - b for a, b in zip(accuracies("after", rate), accuracies("before", rate), strict=True)]
    error = statistics.stdev(gap) / math.sqrt(len(gap))
    assert shown[3:] == pytest.approx([statistics.fmean(gap), error], abs=5.1e-3)
    assert data["seeds"][:, 1] == pytest.approx(np.clip(gap, -10, 10))
    for order in orders:
        for x, missing in data[order]:
            assert missing == pytest.approx(100 - statistics.fmean(accuracies(order, x)))


def test_the_best_rate_is_the_one_with_the_best_mean_validation_accuracy(lesson: Any, table: Any) -> None:
    for activation, depth, order, gain in {(*key[:3], key[4]) for key in table}:
        means = {
            rate: statistics.fmean(
                row["validation_accuracy"] for row in table[activation, depth, order, rate, gain]
            )
            for rate in lesson["RATES"]
        }
        best = lesson["best_rate"](activation, depth, order, gain)
        assert means[best] == pytest.approx(max(means.values()))


def paired(
    table: Any, activation: str, depth: int, before_rate: float, after_rate: float
) -> tuple[float, float]:
    """The mean lead of *after* in points, and the p-value of SciPy's paired test."""
    columns = [
        [
            100 * row["test_accuracy"]
            for row in sorted(table[activation, depth, order, rate, 1.0], key=lambda r: r["seed"])
        ]
        for order, rate in (("after", after_rate), ("before", before_rate))
    ]
    return float(np.mean(columns[0]) - np.mean(columns[1])), float(stats.ttest_rel(*columns).pvalue)


@pytest.mark.parametrize("fixed", [None, 0.01, 0.1, 1.0, 10.0])
def test_a_difference_is_detectable_where_the_paired_t_test_says_so(
    lesson: Any, table: Any, fixed: float | None
) -> None:
    verdicts, leads = lesson["verdicts"](fixed), lesson["leads"](fixed)
    for cell, verdict, (lead, _) in zip(lesson["CELLS"], verdicts, leads, strict=True):
        rates = [fixed or lesson["best_rate"](*cell, order) for order in ("before", "after")]
        mean, p = paired(table, *cell, *rates)
        assert lead == pytest.approx(mean)
        assert verdict == (np.sign(mean) if p < 0.05 / 12 else 0)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu"])
def test_the_squared_gradient_is_how_fast_a_tiny_step_lowers_the_loss(lesson: Any, name: str) -> None:
    part = digits().train
    drops = []
    for order in ("before", "after"):
        network = lesson["build"](name, 4, order, np.random.default_rng(3))
        losses = []
        for _ in range(2):
            loss, gradient = lesson["cross_entropy"](network.forward(part.X), part.labels)
            losses.append(loss)
            network.backward(gradient)
            network.step(1e-6)
        drops.append((losses[0] - losses[1]) / 1e-6)
    assert lesson["ratios"][name][3] == pytest.approx(drops[1] / drops[0], rel=1e-3)


def test_what_the_lead_is_worth_lies_inside_the_grid_of_rates(lesson: Any, table: Any) -> None:
    for activation, depth in lesson["CELLS"]:
        curve = [
            statistics.fmean(row["test_accuracy"] for row in table[activation, depth, "before", rate, 1.0])
            for rate in (0.01, 0.03, 0.1)
        ]
        level = statistics.fmean(row["test_accuracy"] for row in table[activation, depth, "after", 0.01, 1.0])
        assert curve == sorted(curve)
        assert curve[0] < level < curve[2]
        upper = 1 if level <= curve[1] else 2
        rates = (0.01, 0.03, 0.1)
        share = (level - curve[upper - 1]) / (curve[upper] - curve[upper - 1])
        rate = rates[upper - 1] * (rates[upper] / rates[upper - 1]) ** share
        assert lesson["worth"](activation, depth) == pytest.approx(rate / 0.01)


def test_the_rates_behave_as_the_text_says(lesson: Any) -> None:
    best, worth, verdicts = lesson["best_rate"], lesson["worth"], lesson["verdicts"]
    assert lesson["RECIPES"] == {
        "before": (best("sigmoid", 4, "before"), 1.0),
        "none": (best("sigmoid", 4, "none", 4.0), 4.0),
    }
    for name, depth in lesson["CELLS"]:
        factor, ratio = worth(name, depth), lesson["ratios"][name]
        assert ratio.min() > 2
        assert factor < ratio.mean()
        assert (factor > 3, factor < 2) == (name == "sigmoid", name != "sigmoid")
    assert lesson["ratios"]["sigmoid"].mean() > 10
    assert len(lesson["table"]) == 4368
    # One difference at the best rates; at small rates after leads, at large ones before does.
    assert [int(v) for v in verdicts()] == [0, 0, 1] + [0] * 9
    assert (verdicts(0.01) == 1).sum() == 10
    assert (verdicts(10.0) == -1).sum() == 9
    at_an_end = [
        (*cell, order)
        for cell in lesson["CELLS"]
        for order in ("before", "after")
        if best(*cell, order) in (0.01, 10.0)
    ]
    assert at_an_end == [("sigmoid", 2, "before")]


def test_batch_norm_rescues_the_deep_sigmoid_and_larger_weights_do_most_of_it(lesson: Any) -> None:
    def tuned(depth: int, order: str, gain: float = 1.0) -> float:
        rate = lesson["best_rate"]("sigmoid", depth, order, gain)
        return float(lesson["percent"]("sigmoid", depth, order, rate, gain).mean())

    assert all(lesson["percent"]("sigmoid", 6, "none", rate).max() < 20 for rate in lesson["RATES"])
    for depth in (4, 6):
        plain, larger = tuned(depth, "none"), tuned(depth, "none", 4.0)
        for order in ("before", "after"):
            assert tuned(depth, order) > 95
            assert 0 < tuned(depth, order) - larger < 3
            assert (larger - plain) / (tuned(depth, order) - plain) > 0.9
    assert (
        max(tuned(2, order) for order in lesson["ORDERS"]) - min(tuned(2, o) for o in lesson["ORDERS"]) < 0.5
    )


# Section 6 ------------------------------------------------------------------------------------------------


def test_the_published_figures_are_those_of_the_papers(lesson: Any) -> None:
    by_arrangement = {
        entry["order"]: [float(e["value"]) for e in lesson["residual"] if e["order"] == entry["order"]]
        for entry in lesson["residual"]
    }
    assert by_arrangement == {
        "original": [6.61, 5.93],
        "BN after addition": [8.17, 6.50],
        "ReLU before addition": [7.84, 6.14],
        "ReLU-only pre-activation": [6.71, 5.91],
        "full pre-activation": [6.37, 5.46],
    }
    assert [entry["order"] for entry in lesson["best"]] == ["full pre-activation"] * 2
    assert lesson["theirs"] == pytest.approx(
        {
            "CaffeNet128": 49.9 - 47.4,
            "CaffeNet128, learned scale": 49.3 - 47.8,
            "GoogLeNet128, orthonormal": 58.4 - 60.7,
            "GoogLeNet128, LSUV": 59.6 - 60.3,
        }
    )


# Exercises ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gamma", "beta"), [(1.0, 0.0), (0.5, 0.25), (2.5, -1.5), (1.5, 0.5)])
def test_the_match_tells_the_distance_and_the_share_of_zeros(lesson: Any, gamma: float, beta: float) -> None:
    caption, _ = at(lesson["matching"], gamma=gamma, beta=beta)
    p = lesson["places"]
    x = -np.log1p(-p) - 1  # a standardized exponential, up to the spacing of the quantiles
    yours, target = np.maximum(0, gamma * x + beta), np.maximum(0, 1.5 * x + 0.75)
    share, goal, away = numbers(caption)
    assert share == pytest.approx(100 * (1 - math.exp(-max(0.0, 1 - beta / gamma))), abs=0.3)
    assert goal == pytest.approx(100 * (1 - math.exp(-0.5)), abs=0.3)
    assert away == pytest.approx(np.abs(yours - target)[::20].max(), abs=0.05)


def test_the_target_is_matched_only_at_its_own_settings(lesson: Any) -> None:
    assert at(lesson["matching"], gamma=1.5, beta=0.75)[0].startswith("Matched")
    assert not at(lesson["matching"], gamma=1.0, beta=0.5)[0].startswith("Matched")
