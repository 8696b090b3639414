"""The numbers that lesson 01 shows, against values computed another way."""

from __future__ import annotations

import math
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
import pytest
from lessons import at, numbers
from scipy.integrate import quad
from scipy.linalg import lstsq
from scipy.optimize import brentq, linprog
from scipy.special import expit

CORNERS = [(0, 0), (0, 1), (1, 0), (1, 1)]
XOR = [0, 1, 1, 0]
BY_HAND = {
    "identity": lambda z: z,
    "step": lambda z: np.heaviside(z, 0.0),
    "sigmoid": expit,
    "tanh": np.tanh,
    "ReLU": lambda z: z.clip(min=0),
    "x²": lambda z: z * z,
}


# 1. One neuron ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("w1", "w2", "b", "inside"),
    [(2.0, 1.0, -11.5, False), (2.0, 1.0, -11.5, True), (0.5, 3.0, -20.0, False), (3.0, 0.5, -5.0, True)],
)
def test_the_neuron_wakes_whom_its_sum_says(
    lesson: Any, w1: float, w2: float, b: float, inside: bool
) -> None:
    formula = lesson["INSIDE"] if inside else lesson["OUTSIDE"]
    caption, data = at(lesson["neuron"], w1=w1, w2=w2, b=b, formula=formula)
    biases = 2 * b if inside else b
    woken = {(g, c) for g, c in product(range(10), repeat=2) if w1 * g + w2 * c + biases > 0}
    z = 5 * w1 + 3 * w2 + biases
    assert numbers(caption) == pytest.approx([len(woken), 100, 5, 3, z, float(z > 0)])
    assert {tuple(point) for point in data["engineer woken"].astype(int)} == woken
    assert len(data["handled alone"]) == 100 - len(woken)
    assert [w1 * g + w2 * c + biases for g, c in data["weighted sum 0"]] == pytest.approx([0, 0])
    assert data["the ringed one"] == pytest.approx(np.array([[z, float(z > 0)]]))


def test_the_bias_card_counts_both_formulas(lesson: Any) -> None:
    counts = [sum(2 * g + c > limit for g, c in product(range(10), repeat=2)) for limit in (11.5, 23)]
    assert list(lesson["calls"].values()) == [f"{count} of 100" for count in counts]


def test_the_levels_are_a_staircase_with_two_treads_up(lesson: Any) -> None:
    assert lesson["level"].tolist() == [0] * 4 + [1] * 3 + [2] * 3


# 2. The collapse ----------------------------------------------------------------------------------------


def dense_layers(network: Any) -> list[Any]:
    return [layer for layer in network.layers if hasattr(layer, "W")]


def forward(network: Any, kind: str, inputs: np.ndarray) -> np.ndarray:
    signal = inputs[:, None]
    for number, layer in enumerate(dense_layers(network)):
        signal = np.einsum("oi,ni->no", layer.W, BY_HAND[kind](signal) if number else signal) + layer.b
    return signal[:, 0]


def best_line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return slope, y.mean() - slope * x.mean()


@pytest.mark.parametrize(
    ("depth", "kind"),
    [(1, "tanh"), (2, "x²"), (4, "step"), (9, "sigmoid"), (20, "identity"), (20, "tanh"), (7, "ReLU")],
)
def test_the_depth_explorer_compares_the_stack_with_one_layer(lesson: Any, depth: int, kind: str) -> None:
    caption, data = at(lesson["collapsing"], depth=depth, activation=kind)
    network = lesson["stack"](depth, kind)
    assert len(dense_layers(network)) == depth
    x, y = data["stack"].T
    assert y == pytest.approx(forward(network, kind, x), abs=1e-8)
    slope, height = best_line(x, y)
    assert data["one layer"][:, 1] == pytest.approx(slope * x + height, abs=1e-9)
    gap = np.abs(y - slope * x - height).max()
    shown = numbers(caption.replace("x²", "square"))
    if depth > 1:
        assert shown.pop(0) == depth
        assert kind in caption
    assert shown[:2] == pytest.approx([slope, height], abs=5.1e-4)
    if depth == 1 or kind == "identity":
        assert "less than 1e-9" in caption
        assert gap < 1e-9
    else:
        assert shown[2] == pytest.approx(gap, abs=5.1e-3)
        assert data["distance"][:, 1].max() == pytest.approx(gap)


def homogeneous(layer: Any) -> np.ndarray:
    n_in = layer.W.shape[1]
    return np.block([[layer.W, layer.b[:, None]], [np.zeros((1, n_in)), np.ones((1, 1))]])


@pytest.mark.parametrize("depth", [1, 2, 11, 20])
def test_collapsing_is_a_product_of_homogeneous_matrices(lesson: Any, depth: int) -> None:
    network = lesson["stack"](depth, "identity", seed=3)
    whole = reduce(lambda before, layer: homogeneous(layer) @ before, dense_layers(network), np.eye(2))
    W, b = lesson["collapse"](network)
    assert whole[:1] == pytest.approx(np.column_stack([W, b]), abs=1e-12)


def test_every_claim_of_the_collapse_holds_seed_by_seed(lesson: Any) -> None:
    assert len(lesson["gaps"]) == 200
    assert max(lesson["gaps"]) < 1e-9
    x = lesson["points"][:, 0]
    for kind, shown in lesson["misses"].items():
        for seed in range(10):
            y = forward(lesson["stack"](5, kind, seed), kind, x)
            slope, height = best_line(x, y)
            assert shown[seed] == pytest.approx(np.std(y - slope * x - height), abs=1e-9)
        assert kind == "identity" or min(shown) > 0.1


@pytest.mark.parametrize(("depth", "degree"), [(2, 2), (3, 4), (4, 8)])
def test_squares_double_the_degree_with_every_hidden_layer(lesson: Any, depth: int, degree: int) -> None:
    x = lesson["points"][:, 0]
    y = forward(lesson["stack"](depth, "x²"), "x²", x)

    def misfit(order: int) -> float:
        return float(np.abs(np.polynomial.Chebyshev.fit(x, y, order)(x) - y).max())

    assert misfit(degree) < 1e-9
    assert misfit(degree - 1) > 1e-3


def test_twenty_layers_of_squares_end_in_one_spike(lesson: Any) -> None:
    y = forward(lesson["stack"](20, "x²"), "x²", lesson["points"][:, 0])
    away = np.abs(y - np.median(y))
    assert away.argmax() in (0, len(y) - 1)
    assert away.max() > 8
    assert np.sum(away > 0.05) < 5


# 3. XOR -------------------------------------------------------------------------------------------------


def test_the_best_affine_fit_to_xor_is_one_half_and_its_error_is_at_least_one(lesson: Any) -> None:
    columns = np.column_stack([CORNERS, np.ones(4)])
    found, *_ = lstsq(columns, XOR)
    symbols = lesson["w1"], lesson["w2"], lesson["bias"]
    assert [float(lesson["best_fit"][symbol]) for symbol in symbols] == pytest.approx(found)
    assert found == pytest.approx([0, 0, 0.5])
    rng = np.random.default_rng(5)
    for values in rng.normal(0, 2, (20, 3)):
        direct = sum((columns @ values - XOR) ** 2)
        squares = lesson["best_affine"].result.subs(dict(zip(symbols, values, strict=True)))
        assert float(squares) == pytest.approx(direct)
        assert direct >= 1
    assert lesson["best_affine"].proved
    assert lesson["impossible"].proved


def separable(table: tuple[int, ...]) -> bool:
    """Whether a linear program finds weights with a margin of 1."""
    signs = np.where(np.array(table) == 1, -1, 1)
    rows = signs[:, None] * np.column_stack([CORNERS, np.ones(4)])
    return bool(linprog(np.zeros(3), A_ub=rows, b_ub=-np.ones(4), bounds=(None, None)).success)


def test_fourteen_of_sixteen_tables_are_separable_and_xor_is_not(lesson: Any) -> None:
    tables = [table for table in product((0, 1), repeat=4) if separable(table)]
    assert not separable(tuple(XOR))
    assert len(tables) == 14
    assert lesson["questions"]["sixteen"].mark(len(tables)).right
    assert {tuple(map(int, table)) for table in lesson["tables"]} == set(tables)


@pytest.mark.parametrize(
    ("w", "b", "v"), [(1.0, -1.0, -2.0), (1.0, -1.0, 0.0), (-1.0, 0.5, -3.5), (2.0, -0.7, 0.75)]
)
def test_the_folding_explorer_shows_the_two_unit_network(lesson: Any, w: float, b: float, v: float) -> None:
    caption, data = at(lesson["folding"], w=w, b=b, v=v)

    def y(x1: float, x2: float) -> float:
        return max(x1 + x2, 0) + v * max(x1 + w * x2 + b, 0)

    outputs = [y(*corner) for corner in CORNERS]
    right = sum((value > 0.5) == bool(t) for value, t in zip(outputs, XOR, strict=True))
    largest = max(abs(value - t) for value, t in zip(outputs, XOR, strict=True))
    told = caption.split(": ")[1].split(". ")[0]
    assert numbers(told) == pytest.approx(outputs, abs=5.1e-3)
    assert f"{right} of 4 are on the right side" in caption
    assert numbers(caption)[-1] == pytest.approx(largest, abs=5.1e-3)
    assert all(y(x1, x2) > 0.5 for x1, x2 in data["above 1/2"])
    side = np.linspace(-0.5, 1.5, 37)
    assert len(data["above 1/2"]) == sum(y(x1, x2) > 0.5 + 1e-9 for x1, x2 in product(side, side))
    assert [x1 + w * x2 + b for x1, x2 in data["fold"]] == pytest.approx([0, 0])
    assert [h1 + v * h2 for h1, h2 in data["output 1/2"]] == pytest.approx([0.5, 0.5])
    places = [[max(x1 + x2, 0), max(x1 + w * x2 + b, 0)] for x1, x2 in CORNERS]
    assert data["corners o"] == pytest.approx(np.array([places[0], places[3]]))
    assert data["corners s"] == pytest.approx(np.array([places[1], places[2]]))


def test_hand_set_weights_solve_xor_exactly(lesson: Any) -> None:
    assert lesson["two_two_one"]().forward(CORNERS)[:, 0].tolist() == XOR
    assert at(lesson["folding"], w=1.0, b=-1.0, v=-2.0)[0].endswith("the largest error is 0.00.")


@pytest.mark.parametrize("width", [2, 4, 8])
def test_as_many_starts_solve_xor_in_a_plain_loop(lesson: Any, saved: str, width: int) -> None:
    X, t, rate = np.array(CORNERS, dtype=float), np.array(XOR, dtype=float), 0.2
    W, v = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        W.append(rng.standard_normal((width, 2)) * math.sqrt(2 / 2))
        v.append(rng.standard_normal(width) * math.sqrt(2 / width))
    weights, out = np.array(W), np.array(v)
    hidden_bias, bias = np.zeros((20, width)), np.zeros(20)
    for _ in range(400):
        z = np.einsum("shi,ni->snh", weights, X) + hidden_bias[:, None]
        h = np.maximum(z, 0)
        delta = (np.einsum("sh,snh->sn", out, h) + bias[:, None] - t) / 4
        back = delta[:, :, None] * out[:, None] * (z > 0)
        out = out - rate * np.einsum("sn,snh->sh", delta, h)
        bias = bias - rate * delta.sum(axis=1)
        weights = weights - rate * np.einsum("snh,ni->shi", back, X)
        hidden_bias = hidden_bias - rate * back.sum(axis=1)
    h = np.maximum(np.einsum("shi,ni->snh", weights, X) + hidden_bias[:, None], 0)
    errors = np.abs(np.einsum("sh,snh->sn", out, h) + bias[:, None] - t).max(axis=1)
    solved = int((errors <= 0.1).sum())
    assert solved == {2: 3, 4: 15, 8: 19}[width]
    assert f"{width} hidden units: {solved:2} of 20 solve XOR; worst error {errors.max():.2f}" in saved


# 4. The step --------------------------------------------------------------------------------------------

SITUATIONS = np.array([(g, c) for c, g in product(range(10), repeat=2)], dtype=float)
DECISIONS = np.array([2 * g + c > 11.5 for g, c in SITUATIONS], dtype=float)


def loss_at(b: np.ndarray, k: float) -> np.ndarray:
    z = SITUATIONS @ [2, 1] + b[:, None]
    return np.mean((expit(k * z) - DECISIONS) ** 2, axis=1) / 2


@pytest.mark.parametrize("k", [1.0, 7.0, 24.0, 50.0])
def test_the_steepness_explorer_shows_slope_strip_and_flat_share(lesson: Any, k: float) -> None:
    caption, data = at(lesson["sharpening"], k=k)
    h = 1e-6
    slope = (expit(k * h) - expit(-k * h)) / (2 * h)
    strip = brentq(lambda x: expit(k * x) - 0.99, 0, 20)
    b = data["loss"][:, 0]
    flat = np.mean(np.abs(loss_at(b + h, k) - loss_at(b - h, k)) / (2 * h) < 1e-3)
    shown = numbers(caption)
    assert shown[0] == k
    assert shown[2] == pytest.approx(slope, abs=5.1e-3)
    assert shown[4] == pytest.approx(strip, abs=5.1e-4)
    assert shown[-1] == pytest.approx(100 * flat, abs=0.51)
    assert data["loss"][:, 1] == pytest.approx(loss_at(b, k))
    assert data["soft step"][:, 1] == pytest.approx(expit(k * data["soft step"][:, 0]))


def test_the_limits_of_a_steep_sigmoid_are_those_the_text_uses(lesson: Any) -> None:
    assert [float(limit) for limit in lesson["limits"]] == [0, 0.5, 1]
    assert lesson["steep_slope"].proved
    assert str(lesson["at_zero"]) == "k/4"


def plain_descent(seed: int, output: Any, slope: Any) -> tuple[np.ndarray, np.ndarray]:
    """The outputs after 200 steps, and the loss before each."""
    X = SITUATIONS / 4.5 - 1
    w, b = np.random.default_rng(seed).standard_normal(2) * math.sqrt(2 / 3), 0.0
    losses = []
    for _ in range(200):
        z = X @ w + b
        miss = output(z) - DECISIONS
        losses.append(np.mean(miss**2) / 2)
        delta = 2 * miss * slope(z) / 100
        w, b = w - X.T @ delta, b - delta.sum()
    return output(X @ w + b), np.array(losses)


@pytest.mark.parametrize(
    ("name", "output", "slope", "all_right"),
    [
        ("step", BY_HAND["step"], np.zeros_like, 0),
        ("step, slope 1 pretended", BY_HAND["step"], np.ones_like, 10),
        ("σ(z)", expit, lambda z: expit(z) * expit(-z), 10),
        ("σ(50 z)", lambda z: expit(50 * z), lambda z: 50 * expit(50 * z) * expit(-50 * z), 7),
    ],
)
def test_the_neurons_learn_as_in_a_plain_loop(
    lesson: Any, name: str, output: Any, slope: Any, all_right: int
) -> None:
    right = []
    for seed, (losses, share, _) in enumerate(lesson["trained"][name]):
        outputs, by_hand = plain_descent(seed, output, slope)
        right.append(np.mean((outputs > 0.5) == DECISIONS))
        assert share == pytest.approx(right[-1], abs=0.011)
        # Not all 500: the steep sigmoid enlarges rounding errors from step to step.
        assert losses[:10] == pytest.approx(by_hand[:10], abs=1e-9)
    assert sum(share == 1 for share in right) == lesson["all_right"][name] == all_right


def test_plain_gradients_leave_the_step_where_it_was(lesson: Any) -> None:
    for losses, _, moved in lesson["frozen"]:
        assert moved == 0
        assert np.ptp(losses) == 0
    assert all(moved > 0.1 for _, _, moved in lesson["trained"][lesson["PRETENDED"]])


# 5. Universal or not ------------------------------------------------------------------------------------


def fitted_by_hand(kind: str, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The fit and the target, with another solver than the lesson's."""
    x = np.linspace(-1, 1, 401)
    rng = np.random.default_rng(seed)
    slopes, centers = rng.normal(0, 3, 80), rng.uniform(-1, 1, 80)
    columns = [np.ones_like(x)]
    columns += [BY_HAND[kind](slopes[i] * (x - centers[i])) for i in range(width)]
    matrix = np.array(columns).T
    weights, *_ = lstsq(matrix, np.sin(4 * x), lapack_driver="gelsy", cond=1e-13)
    return matrix @ weights, np.sin(4 * x)


@pytest.mark.parametrize(
    ("width", "kind", "seed"),
    [(1, "step", 0), (5, "tanh", 0), (10, "ReLU", 2), (4, "sigmoid", 1), (80, "ReLU", 3), (40, "step", 7)],
)
def test_the_width_explorer_shows_the_least_squares_fit(
    lesson: Any, width: int, kind: str, seed: int
) -> None:
    caption, data = at(lesson["fitting"], width=width, activation=kind, seed=seed)
    y, wave = fitted_by_hand(kind, width, seed)
    assert data["fit"][:, 1] == pytest.approx(y, abs=1e-6)
    error = np.abs(y - wave)
    units, said = numbers(caption)[0], numbers(caption.split("largest error is ")[1])
    assert units == width
    assert said[0] == pytest.approx(error.max(), rel=0.06)
    assert data["largest error"][0] == pytest.approx([said[1], error.max()], abs=6e-3)
    assert data["error"][:, 1].max() == pytest.approx(error.max(), rel=1e-4)


@pytest.mark.parametrize("kind", ["tanh", "sigmoid"])
def test_eighty_smooth_units_are_limited_by_rounding_alone(lesson: Any, kind: str) -> None:
    y, wave = fitted_by_hand(kind, 80, 0)
    caption, _ = at(lesson["fitting"], width=80, activation=kind, seed=0)
    said = numbers(caption.split("largest error is ")[1])[0]
    assert 1e-13 < said < 1e-8
    assert np.abs(y - wave).max() < 1e-8


@pytest.mark.parametrize(("width", "seed"), [(2, 4), (5, 0), (20, 9), (80, 1)])
def test_square_units_draw_the_best_quadratic_whatever_their_number(
    lesson: Any, width: int, seed: int
) -> None:
    caption, data = at(lesson["fitting"], width=width, activation="x²", seed=seed)
    x, y = data["fit"].T
    quadratic = np.polynomial.Chebyshev.fit(x, np.sin(4 * x), 2)(x)
    assert y == pytest.approx(quadratic, abs=1e-7)
    assert "the largest error is 1.1," in caption


def test_the_best_quadratic_and_the_bound_for_all(lesson: Any) -> None:
    slope = 1.5 * quad(lambda x: x * math.sin(4 * x), -1, 1)[0]
    assert float(lesson["best"][lesson["coefficients"][1]]) == pytest.approx(slope)
    assert [float(lesson["best"][lesson["coefficients"][i]]) for i in (0, 2)] == [0, 0]
    assert float(lesson["best_error"]) == pytest.approx(abs(math.sin(4) - slope))
    # The smallest largest error of any quadratic, by a linear program on a grid.
    x = np.linspace(-1, 1, 601)
    powers = np.column_stack([np.ones_like(x), x, x**2])
    slack = -np.ones((len(x), 1))
    A = np.vstack([np.hstack([powers, slack]), np.hstack([-powers, slack])])
    wave = np.sin(4 * x)
    smallest = linprog([0, 0, 0, 1], A_ub=A, b_ub=np.concatenate([wave, -wave]), bounds=(None, None)).fun
    assert float(lesson["bound"]) <= smallest < float(lesson["best_error"])
    assert float(lesson["bound"]) == pytest.approx(smallest, abs=0.03)


def test_the_measured_errors_say_what_the_card_says(lesson: Any) -> None:
    largest, widths = lesson["largest"], lesson["WIDTHS"]
    for kind, seed, width in (("step", 0, 80), ("ReLU", 4, 50), ("x²", 9, 20), ("tanh", 3, 5)):
        y, wave = fitted_by_hand(kind, width, seed)
        assert largest[kind][seed, widths.index(width)] == pytest.approx(np.abs(y - wave).max(), rel=1e-3)
    assert np.ptp(largest["x²"][:, 1:]) < 1e-6
    assert (largest["x²"] > float(lesson["bound"])).all()
    for kind, limit in (("step", 0.4), ("ReLU", 0.05), ("sigmoid", 1e-6), ("tanh", 1e-6)):
        assert largest[kind][:, -1].max() < limit
        # Every least squares fit is at least as good as that of fewer units, in the mean square it minimizes.
        squares = [np.mean((lesson["fit"](kind, width, 0)[0] - lesson["wave"]) ** 2) for width in widths]
        assert (np.diff(squares) <= 1e-15).all()


def test_a_lower_cut_off_keeps_more_directions_and_lowers_the_error(lesson: Any) -> None:
    x = np.linspace(-1, 1, 401)
    rng = np.random.default_rng(0)
    slopes, centers = rng.normal(0, 3, 80), rng.uniform(-1, 1, 80)
    matrix = np.column_stack([np.tanh((x[:, None] - centers) * slopes), np.ones_like(x)])
    U, s, _ = np.linalg.svd(matrix, full_matrices=False)
    errors = []
    for cutoff in (1e-3, 1e-6, 1e-9, 1e-12):
        kept = int((s > cutoff * s[0]).sum())
        fit, rank = lesson["fit"]("tanh", 80, 0, cutoff)
        assert rank == kept
        errors.append(np.abs(U[:, :kept] @ (U[:, :kept].T @ np.sin(4 * x)) - np.sin(4 * x)).max())
        assert np.abs(fit - lesson["wave"]).max() == pytest.approx(errors[-1], rel=0.05, abs=1e-10)
    assert errors == sorted(errors, reverse=True)


# The exercises ------------------------------------------------------------------------------------------


def test_the_target_is_matched_only_at_its_own_settings(lesson: Any) -> None:
    explorer = lesson["matching"]
    assert at(explorer, v=-2.5, b=-1.25)[0] == "Matched."
    assert at(explorer, v=-2.5, b=1.0)[0] != "Matched."
    caption, data = at(explorer, v=-4.0, b=-3.0)
    x, y = data["yours"].T
    goal = np.where(x < 0, 0, np.where(x < 1.25, x, 1.25 - 1.5 * (x - 1.25)))
    assert numbers(caption) == pytest.approx([np.abs(y - goal).max()], abs=5.1e-4)


def test_the_best_affine_fit_to_and_is_the_answer(lesson: Any) -> None:
    found, *_ = lstsq(np.column_stack([CORNERS, np.ones(4)]), [0, 0, 0, 1])
    assert lesson["questions"]["and-fit"].mark(np.round(found, 12).tolist()).right


@pytest.mark.parametrize("sign", [1, -1])
def test_one_square_unit_computes_xor(sign: int) -> None:
    assert [(sign * (x1 - x2)) ** 2 for x1, x2 in CORNERS] == XOR
