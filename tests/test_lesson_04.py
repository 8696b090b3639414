"""The numbers that lesson 04 shows, against values computed another way."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from lessons import at, numbers
from test_regions import exact_patterns, lines_in_a_square


def forward(weights: Any, biases: Any, points: Any) -> np.ndarray:
    signal = np.asarray(points, dtype=float)
    for W, b in zip(weights, biases, strict=True):
        signal = np.maximum(0, signal @ np.asarray(W).T + np.asarray(b))
    return signal


def area_drawn(board: Any) -> float:
    """What the drawn polygons cover, by the shoelace formula."""
    total = 0.0
    for path in board.cells.get_paths():
        x, y = path.vertices.T
        total += abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    return total


def lengths(segments: np.ndarray) -> np.ndarray:
    return np.hypot(*(segments[:, 1] - segments[:, 0]).T)


# One input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "unit", "w", "b", "v"),
    [(1, 1, 1.0, 0.5, 1.0), (5, 3, -2.0, 1.5, 0.5), (10, 7, 0.0, 1.0, 1.0), (10, 2, 0.5, -2.0, 0.0)],
)
def test_the_kinks_are_where_the_slope_changes(
    lesson: Any, units: int, unit: int, w: float, b: float, v: float
) -> None:
    caption, data = at(lesson["kinks"], units=units, unit=unit, w=w, b=b, v=v)
    W, B, V = (lesson[f"start_{name}"][:units].copy() for name in "wbv")
    W[unit - 1], B[unit - 1], V[unit - 1] = w, b, v

    def f(x: np.ndarray) -> np.ndarray:
        return np.maximum(0, x[:, None] * W + B) @ V

    x = np.linspace(-20, 20, 400_001)
    curved = np.abs(np.diff(f(x), 2)) > 1e-9
    # A kink between two points of the grid shows at one or two of them.
    count = int(np.sum(curved[1:] & ~curved[:-1]) + curved[0])
    assert numbers(caption)[:3] == [units, count, count + 1]
    assert count == units - (w == 0 or v == 0)
    xs, ys = data["f"].T
    assert ys == pytest.approx(f(xs), abs=1e-12)
    kinks = data["kinks"]
    assert kinks[:, 1] == pytest.approx(f(kinks[:, 0]), abs=1e-12)
    if w and v:
        h = 1e-6
        turn = (f(np.array([-b / w + h])) - 2 * f(np.array([-b / w])) + f(np.array([-b / w - h])))[0] / h
        assert numbers(caption)[-2:] == pytest.approx([-b / w, turn], abs=5.1e-3)
        assert -b / w in kinks[:, 0]
    else:
        assert "has no kink" in caption


@pytest.mark.parametrize("n", [1, 5, 20, 40])
def test_the_sine_is_followed_as_by_linear_interpolation(lesson: Any, n: int) -> None:
    caption, data = at(lesson["sine"], n=n)
    corners = np.linspace(-np.pi, np.pi, n + 1)
    x, y = data["network"].T
    assert y == pytest.approx(np.interp(x, corners, np.sin(corners)), abs=1e-12)
    dense = np.linspace(-np.pi, np.pi, 100_001)
    error = np.abs(np.interp(dense, corners, np.sin(corners)) - np.sin(dense)).max()
    assert numbers(caption)[-1] == pytest.approx(error, abs=6e-5)
    assert error <= (2 * np.pi / n) ** 2 / 8


# Lines in the plane ---------------------------------------------------------------------------------------


def test_three_lines_make_seven_regions_and_the_all_off_pattern_is_missing(lesson: Any) -> None:
    found = {tuple(pattern) for pattern in lesson["three"].patterns.tolist()}
    weights, biases = [[[1, 0.4], [-0.5, 1], [-0.6, -1]]], [[0.2, 0.1, 0.3]]
    assert found == exact_patterns(weights, biases, (-1, 1))
    assert len(found) == 7
    assert (False, False, False) not in found


@pytest.mark.parametrize(("n", "turn", "shift"), [(1, 0, 0.0), (4, 90, 0.5), (7, -35, -0.3), (12, 15, 2.0)])
def test_the_lines_are_counted_as_in_rational_arithmetic(
    lesson: Any, n: int, turn: int, shift: float
) -> None:
    caption, data = at(lesson["lines"], n=n, turn=turn, shift=shift)
    W, b = lesson["line_w"][:n].copy(), lesson["line_b"][:n].copy()
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    W[-1] = [c * W[-1, 0] - s * W[-1, 1], s * W[-1, 0] + c * W[-1, 1]]
    b[-1] += shift
    exact = [[Fraction(float(entry)) for entry in row] for row in W], [Fraction(float(o)) for o in b]
    count = lines_in_a_square(*exact, (-1, 1))
    inside = sum(
        min(values) < 0 < max(values)
        for values in (
            [p * x + q * y + r for x in (-1, 1) for y in (-1, 1)] for (p, q), r in zip(W, b, strict=True)
        )
    )
    assert numbers(caption) == [n, inside, count - 1 - inside, count]
    assert data["in the box"] == pytest.approx(np.array([[n, count]]))
    assert area_drawn(lesson["lines_board"]) == pytest.approx(4)
    ends = data["your line"]
    ends = ends[np.isfinite(ends).all(axis=1)]
    assert np.abs(ends @ W[-1] + b[-1]).max(initial=0) < 1e-12


def test_the_derived_count_is_that_of_random_lines(lesson: Any) -> None:
    n = lesson["n"]
    for units in (1, 3, 10, 20):
        expected = sum(math.comb(units, i) for i in range(3))
        assert lesson["measured"](units, seed=99) == expected
        assert lesson["count"].result.subs(n, units) == expected
    assert lesson["count"].proved
    assert lesson["jump"].proved
    assert lesson["gap"].proved
    assert lesson["bend"].proved
    symbols = [lesson[name] for name in ("v1", "v2", "a1", "a2", "b1", "b2")]
    v1, v2, a1, a2, b1, b2 = numbers_put_in = (2, 3, 5, 7, 11, 13)
    before, after = (v2 * a2, v2 * b2), (v1 * a1 + v2 * a2, v1 * b1 + v2 * b2)
    turn = after[0] * before[1] - after[1] * before[0]
    assert lesson["bend"].result.subs(dict(zip(symbols, numbers_put_in, strict=True))) == turn != 0


# Folds that bend, and the map of a region -----------------------------------------------------------------


def turned(row: np.ndarray, other: np.ndarray, degrees: float) -> np.ndarray:
    """Rotate a row in the plane of two, by an orthonormal basis of it."""
    size = np.linalg.norm(row)
    first = row / size
    second = other - first * (first @ other)
    second /= np.linalg.norm(second)
    return size * (math.cos(math.radians(degrees)) * first + math.sin(math.radians(degrees)) * second)


@pytest.mark.parametrize(
    ("depth", "width", "layer", "unit", "turn", "shift"),
    [(1, 8, 1, 2, 30, -0.2), (2, 4, 2, 1, 0, 0.0), (2, 6, 2, 3, -60, 0.4), (3, 4, 2, 4, 90, -0.3)],
)
def test_regions_and_straight_parts_are_those_of_rational_arithmetic(
    lesson: Any, depth: int, width: int, layer: int, unit: int, turn: int, shift: float
) -> None:
    where = {"depth": depth, "width": width, "layer": layer, "unit": unit, "turn": turn, "shift": shift}
    caption, data = at(lesson["folds"], **where)
    weights, biases = lesson["random_layers"](depth, width)
    weights, biases = [W.copy() for W in weights], [b.copy() for b in biases]
    own = weights[layer - 1]
    own[unit - 1] = turned(own[unit - 1], own[unit - 2], turn)
    biases[layer - 1][unit - 1] += shift

    exact = exact_patterns(weights, biases, (-1, 1))
    counts = [len({pattern[: (i + 1) * width] for pattern in exact}) for i in range(depth)]
    alone = exact_patterns(
        [*weights[: layer - 1], own[[unit - 1]]],
        [*biases[: layer - 1], biases[layer - 1][[unit - 1]]],
        (-1, 1),
    )
    parts = sum((*pattern[:-1], not pattern[-1]) in alone for pattern in alone if pattern[-1])
    assert numbers(caption)[2 : 2 + depth] == counts
    assert numbers(caption)[-1] == parts
    assert data["this network, in the box"][:, 1] == pytest.approx(counts)
    assert len(lesson["folds_board"].cells.get_paths()) == counts[-1]
    assert area_drawn(lesson["folds_board"]) == pytest.approx(4)
    ends = data["your fold"]
    ends = ends[np.isfinite(ends).all(axis=1)]
    z = forward(weights[: layer - 1], biases[: layer - 1], ends) @ own[unit - 1] + biases[layer - 1][unit - 1]
    assert np.abs(z).max() < 1e-12


def test_a_unit_that_is_not_there_is_replaced_by_one_that_is(lesson: Any) -> None:
    caption, _ = at(lesson["folds"], depth=1, width=2, layer=4, unit=8, turn=0, shift=0.0)
    assert "unit 2 in layer 1" in caption


def test_a_fold_outside_the_box_has_no_parts(lesson: Any) -> None:
    caption, data = at(lesson["folds"], depth=1, width=8, layer=1, unit=7, turn=0, shift=1.5)
    weights, biases = lesson["random_layers"](1, 8)
    corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]]) @ weights[0][6] + biases[0][6] + 1.5
    crosses = corners.min() < 0 < corners.max()
    assert ("no straight parts" in caption) != crosses
    assert bool(len(data["your fold"])) == crosses


def test_many_polygons_travel_as_a_picture_and_few_as_paths(lesson: Any) -> None:
    moving = lesson["folds"]._moving
    values = {"layer": 1, "unit": 1, "turn": 0, "shift": 0.0}

    def kinds(depth: int, width: int) -> set[str]:
        record = moving.record({"depth": depth, "width": width, **values})
        return {"picture" if call[0] == "png" else "path" for run in record["runs"] for call in run}

    assert kinds(2, 8) == {"path"}
    assert "picture" in kinds(4, 24)


@pytest.mark.parametrize(
    ("x1", "x2", "depth"), [(0.2, -0.3, 2), (-1.0, 1.0, 1), (0.55, 0.4, 3), (-0.7, -0.2, 3)]
)
def test_the_probe_shows_the_gradient_of_the_network(lesson: Any, x1: float, x2: float, depth: int) -> None:
    caption, data = at(lesson["probe"], x1=x1, x2=x2, depth=depth)
    weights, biases = lesson["random_layers"](depth, 8)

    def y(*points: Any) -> np.ndarray:
        return forward(weights, biases, points) @ lesson["out_v"]

    # A step to the inside of the box, smaller than any region is likely to be.
    h = 1e-7
    steps = -h * np.sign([x1, x2])
    here, right, up = y((x1, x2), (x1 + steps[0], x2), (x1, x2 + steps[1]))
    p, q = (right - here) / steps[0], (up - here) / steps[1]
    told = caption.split(". ", 1)
    shown = [float(text) for text in re.findall(r"[-+]?\d+\.\d+", told[1])]
    assert shown[:4] == pytest.approx([p, q, here - p * x1 - q * x2, here], abs=6e-4)
    signal, active = np.array([[x1, x2]]), 0
    for W, b in zip(weights, biases, strict=True):
        active += int((signal @ W.T + b > 0).sum())
        signal = forward([W], [b], signal)
    assert told[0] == f"{active} of {8 * depth} units are active"
    assert caption.endswith("The forward pass gives the same to 12 decimals.")
    assert len(data["pattern"]) == 8 * depth
    filled = lesson["lamps"].get_facecolors()
    assert np.sum(~np.isclose(filled[:, :3], 1).all(axis=1)) == active
    # The outline goes once around the point.
    corners = data["its region"] - [x1, x2]
    turns = np.unwrap(np.arctan2(corners[:, 1], corners[:, 0]))
    assert turns[-1] - turns[0] == pytest.approx(2 * np.pi) or max(abs(x1), abs(x2)) == 1


# What a grid misses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [10, 50, 200])
def test_the_grid_finds_the_patterns_of_a_plain_forward_pass(lesson: Any, side: int) -> None:
    caption, _ = at(lesson["grid_explorer"], side=side)
    weights, biases = lesson["random_layers"](3, 16)
    x = np.linspace(-1, 1, side)
    points = np.array([(a, b) for a in x for b in x])
    patterns = []
    for layer in range(3):
        signal = forward(weights[:layer], biases[:layer], points)
        patterns.append(signal @ weights[layer].T + biases[layer] > 0)
    seen = {row.tobytes() for row in np.hstack(patterns)}
    truth = lesson["truth"]
    missed = np.array([row.tobytes() not in seen for row in np.ascontiguousarray(truth.patterns)])
    shown = numbers(caption)
    assert shown[:4] == [side, side, len(truth) - missed.sum(), len(truth)]
    assert shown[4] == missed.sum()
    assert shown[5] == pytest.approx(100 * truth.areas[missed].sum() / truth.areas.sum(), abs=6e-3)
    red = np.isclose(lesson["grid_board"].cells.get_facecolors()[:, 0], 0xD5 / 255)
    assert red.sum() == missed.sum()


# Depth ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layers", "noise"), [(1, 0.0), (3, 0.0), (5, 0.0), (2, 0.1), (2, 0.6)])
def test_tents_fold_the_square(lesson: Any, layers: int, noise: float) -> None:
    caption, _ = at(lesson["tenting"], layers=layers, noise=noise)
    exact = exact_patterns(*lesson["tents"](layers, noise), (0, 1)) if noise else range((2**layers) ** 2)
    units = 4 * layers
    most = sum(math.comb(units, i) for i in range(3))
    assert numbers(caption) == [layers, noise, len(exact), 4, layers, 4**layers, units, most]
    assert area_drawn(lesson["tent_board"]) == pytest.approx(1)


def test_a_tent_goes_up_and_down_once(lesson: Any) -> None:
    weights, biases = lesson["tents"](1)
    x = np.linspace(0, 1, 101)
    hidden = forward(weights, biases, np.column_stack([x, x]))
    assert hidden @ [2, -4, 0, 0] == pytest.approx(1 - np.abs(2 * x - 1))
    assert lesson["folded"].steps[-1].evidence != "not checked"


def test_a_little_noise_adds_regions_and_more_destroys_them(lesson: Any) -> None:
    medians = [np.median(lesson["tent_counts"](noise, 3)) for noise in (0.0, 0.01, 0.6)]
    assert medians[0] == 64
    assert medians[1] > 64 > medians[2]


@pytest.mark.parametrize(("units", "depth"), [(6, 1), (6, 2), (6, 3)])
def test_random_networks_are_counted_as_in_rational_arithmetic(lesson: Any, units: int, depth: int) -> None:
    rng, width = np.random.default_rng(4), units // depth
    shapes = [(width, 2)] + [(width, width)] * (depth - 1)
    weights = [rng.normal(scale=math.sqrt(2 / shape[1]), size=shape) for shape in shapes]
    biases = [rng.standard_normal(width) for _ in shapes]
    assert lesson["random_count"](units, depth, 4) == len(exact_patterns(weights, biases, (-100, 100)))


def test_random_networks_make_about_half_of_n_squared_regions_unless_they_are_narrow(lesson: Any) -> None:
    medians = {N: np.median(ratio, axis=1) for N, ratio in lesson["ratios"].items()}
    assert all(ratio.shape == (5, 10) for ratio in lesson["ratios"].values())
    assert np.all(np.abs(np.concatenate([medians[48], medians[72]]) - 1) < 0.25)
    assert medians[24][-1] < 0.6
    for N, ratio in lesson["ratios"].items():
        # One layer is one arrangement of lines.
        assert ratio[0].max() * N**2 / 2 <= 1 + N + math.comb(N, 2)


# Training -------------------------------------------------------------------------------------------------


def distances(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    to = points[:, None] - start
    share = np.clip((to * along).sum(axis=2) / (along**2).sum(axis=1), 0, 1)
    return np.sqrt(((to - share[..., None] * along) ** 2).sum(axis=2)).min(axis=1)


@pytest.mark.parametrize(("data_set", "epoch"), [("apart", 0), ("apart", 100), ("mixed", 40), ("mixed", 100)])
def test_the_density_near_the_boundary_is_that_of_random_points(
    lesson: Any, data_set: str, epoch: int
) -> None:
    caption, data = at(lesson["moons"], data=data_set, epoch=epoch)
    layers, final = (lesson["history"](data_set, 0)[which] for which in (epoch, -1))
    hidden = lesson["hidden_regions"](layers)
    boundary = lesson["boundary_of"](final)
    boundary = boundary[lengths(boundary) > 1e-9]
    rng, folds = np.random.default_rng(0), hidden.folds()
    weights = lengths(folds)
    chosen = rng.choice(len(folds), 20_000, p=weights / weights.sum())
    along = rng.random((20_000, 1))
    on_folds = (1 - along) * folds[chosen, 0] + along * folds[chosen, 1]
    anywhere = rng.uniform(-2, 2, (40_000, 2))
    near = [np.mean(distances(points, boundary) < 0.1) for points in (on_folds, anywhere)]
    *_, count, density = numbers(caption)
    assert density == pytest.approx(near[0] / near[1], rel=0.08)
    x = np.linspace(-2, 2, 301)
    grid = np.array([(a, b) for a in x for b in x])
    first = forward(layers[0][:1], layers[1][:1], grid)
    patterns = np.hstack(
        [grid @ layers[0][0].T + layers[1][0] > 0, first @ layers[0][1].T + layers[1][1] > 0]
    )
    seen = len(np.unique(np.packbits(patterns, axis=1), axis=0))
    assert 0.6 * count < seen <= count
    line = data["boundary"][np.isfinite(data["boundary"]).all(axis=1)]
    margin = forward(layers[0][:2], layers[1][:2], line) @ layers[0][2].T + layers[1][2]
    assert np.abs(margin).max() < 1e-9


def test_training_separates_the_moons_that_are_apart(lesson: Any) -> None:
    X, labels = lesson["DATA_SETS"]["apart"]
    weights, biases = lesson["history"]("apart", 0)[-1]
    margin = forward(weights[:2], biases[:2], X) @ weights[2][0] + biases[2]
    assert np.mean((margin > 0) == labels) > 0.97


def test_the_two_data_sets_give_opposite_answers(lesson: Any) -> None:
    apart, mixed = lesson["ends"]["apart"], lesson["ends"]["mixed"]
    assert apart.shape == mixed.shape == (10, 2)
    assert np.median(apart[:, 1] / apart[:, 0]) < 0.8
    assert np.median(mixed[:, 1] / mixed[:, 0]) > 1.2


# Exercises ------------------------------------------------------------------------------------------------


def test_the_target_is_matched_only_at_its_own_settings(lesson: Any) -> None:
    explorer = lesson["matching"]
    assert at(explorer, turn=-60, shift=0.2)[0] == "Matched."
    points = np.random.default_rng(1).uniform(-1, 1, (20_000, 2))
    weights, biases = lesson["random_layers"](2, 6)
    hidden = forward(weights[:1], biases[:1], points)

    def active(turn: float, shift: float) -> np.ndarray:
        return hidden @ turned(weights[1][0], weights[1][1], turn) + biases[1][0] + shift > 0

    for turn, shift in ((-50, 0.2), (-60, 0.3), (90, -1.0), (0, 0.0)):
        caption, _ = at(explorer, turn=turn, shift=shift)
        apart = 100 * np.mean(active(turn, shift) != active(-60, 0.2))
        assert numbers(caption)[0] == pytest.approx(apart, abs=3)
        assert apart > 0


def test_the_suspect_derivation_goes_wrong_where_the_answer_says(lesson: Any) -> None:
    # By numbers alone: n = 4 makes 11 regions.
    n = lesson["n"]
    values = [step.expr.subs(n, 4).doit() for step in lesson["suspect"].steps]
    assert [value == 11 for value in values] == [True, True, False, False]
