"""The numbers that lesson 07 shows, against values computed another way."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from lessons import at, numbers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from experiments import dying_relu as experiment
from experiments.runs import read_rows

ROWS = read_rows(experiment.RESULTS, experiment.Row)


# One unit -------------------------------------------------------------------------------------------------

EXAMPLES = [0.37, 0.83, 1.31, 1.59, 2.13, 2.41, 2.87, 3.49]


@pytest.mark.parametrize(
    ("w", "b"), [(1.0, -1.0), (1.0, -4.0), (-1.5, -0.25), (0.0, -1.0), (0.0, 2.0), (-2.0, 4.0)]
)
def test_the_unit_is_dead_where_no_example_is_above_its_threshold(lesson: Any, w: float, b: float) -> None:
    caption, data = at(lesson["unit"], w=w, b=b)
    on = [x for x in EXAMPLES if (x > -b / w if w > 0 else x < -b / w if w < 0 else b > 0)]
    shown = numbers(caption)
    assert shown[0] == len(on)
    assert shown[2] == pytest.approx(max(w * x + b for x in EXAMPLES), abs=5.1e-3)
    assert ("dead" in caption) == (not on)
    assert ("for every x there is" in caption) == (w == 0 and b <= 0)
    if not on and w != 0:
        assert ("above" if w > 0 else "below") in caption
        assert shown[3] == pytest.approx(-b / w, abs=5.1e-3)
    grid, curve = data["unit"].T
    assert curve == pytest.approx([max(0.0, w * x + b) for x in grid])


# The revival ----------------------------------------------------------------------------------------------


def revival_by_hand(steps: int, frozen: bool) -> dict[str, float]:
    """Back-propagation of the tiny network written out, example by example, in plain numbers."""
    w, b, wa, ba, wb, bb, va, vb, c = 0.5, 0.0, 1.0, 0.0, 1.0, -1.5, 1.0, 1.0, 0.0
    for step in range(steps + 1):
        gradient = dict.fromkeys(("w", "b", "wa", "ba", "wb", "bb", "va", "vb", "c"), 0.0)
        loss, largest = 0.0, -math.inf
        for x, y in ((1.0, 2.0), (2.0, 4.0)):
            h = max(0.0, w * x + b)
            za, zb = wa * h + ba, wb * h + bb
            largest = max(largest, zb)
            a_on, b_on, h_on = float(za > 0), float(zb > 0), float(w * x + b > 0)
            error = (va * za * a_on + vb * zb * b_on + c - y) / 2
            loss += 2 * error**2 / 2
            da, db = error * va * a_on, error * vb * b_on
            dh = (da * wa + db * wb) * h_on
            for name, amount in (
                ("va", error * za * a_on), ("vb", error * zb * b_on), ("c", error), ("wa", da * h),
                ("ba", da), ("wb", db * h), ("bb", db), ("w", dh * x), ("b", dh),
            ):  # fmt: skip
                gradient[name] += amount
        if step == steps:
            return {"largest": largest, "weight": wb, "bias": bb, "loss": loss}
        g = {name: 0.02 * amount for name, amount in gradient.items()}
        wa, ba, wb, bb = wa - g["wa"], ba - g["ba"], wb - g["wb"], bb - g["bb"]
        va, vb, c = va - g["va"], vb - g["vb"], c - g["c"]
        if not frozen:
            w, b = w - g["w"], b - g["b"]
    raise AssertionError


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("step", [0, 1, 2, 3, 4, 12])
def test_the_revival_follows_back_propagation_by_hand(lesson: Any, step: int, frozen: bool) -> None:
    caption, data = at(lesson["revival"], step=step, frozen=frozen)
    expected = revival_by_hand(step, frozen)
    assert numbers(caption) == pytest.approx([step, *expected.values()], abs=5.1e-5)
    assert ("alive" in caption) == (expected["largest"] > 0)
    assert data["B now"][0] == pytest.approx([step, expected["largest"]])


def test_unit_b_wakes_at_step_3_without_having_moved(lesson: Any) -> None:
    story = [revival_by_hand(step, frozen=False) for step in range(5)]
    assert [round(page["largest"], 4) for page in story[:4]] == [-0.5, -0.305, -0.1238, 0.0395]
    assert all((page["weight"], page["bias"]) == (1, -1.5) for page in story[:4])
    assert (story[4]["weight"], story[4]["bias"]) != (1, -1.5)
    assert lesson["awake"][0] == 3


def test_of_a_network_with_a_dead_layer_only_the_last_bias_learns(lesson: Any) -> None:
    layers, start = lesson["sleeping"].layers[::2], lesson["start"]
    moved = [[bool(np.any(now != old)) for now, old in zip((layer.W, layer.b), was, strict=True)]
             for layer, was in zip(layers, start, strict=True)]  # fmt: skip
    assert moved == [[False, False], [False, False], [False, True]]
    shares = np.bincount(lesson["labels"]) / len(lesson["labels"])
    assert lesson["losses"][-1] == pytest.approx(-(shares * np.log(shares)).sum(), abs=0.02)


# Weight decay ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decay", "b"), [(0.1, 1.0), (0.5, 2.0), (0.2, 0.5), (0.05, 0.25), (0.1, 0.0), (0.0, 1.0)]
)
def test_decay_wakes_the_unit_when_its_weight_has_shrunk_enough(lesson: Any, decay: float, b: float) -> None:
    caption, data = at(lesson["decaying"], decay=decay, b=b)
    w, step = -3.0, 0
    while w + b <= 0 and step < 1000:
        w, step = w - 0.1 * decay * w, step + 1
    if step == 1000:
        assert "never wakes" in caption
    else:
        assert numbers(caption)[3] == step
        beyond = "beyond this picture" in caption
        assert beyond == (step > 200)
        if not beyond:
            assert numbers(caption)[4] == step
            assert data["wakes"][0, 0] == step
    until = min(step, 200)
    slow, fast = data["$z$ at $x = 1$"][:until, 1], data["$z$ at $x = 2$"][:until, 1]
    weights = -3 * (1 - 0.1 * decay) ** np.arange(until)
    assert slow == pytest.approx(weights + b)
    assert fast == pytest.approx(2 * weights + b)


# The deadly rate ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("rate", [0.1, 0.26, 1.0, 1.6, 2.0])
def test_one_step_kills_beyond_the_deadly_rate(lesson: Any, rate: float, centered: bool) -> None:
    caption, data = at(lesson["killing"], rate=rate, centered=centered)
    points, w, b = ([-1, 0, 1], 1.5, 3.5) if centered else ([1, 2, 3], 1.5, 0.5)
    targets = [0.5, 1.0, 1.5]

    def loss(w: float, b: float) -> float:
        return sum((max(0.0, w * x + b) - y) ** 2 for x, y in zip(points, targets, strict=True)) / 6

    def after(rate: float) -> list[float]:
        h = 1e-6
        g_w = (loss(w + h, b) - loss(w - h, b)) / (2 * h)
        g_b = (loss(w, b + h) - loss(w, b - h)) / (2 * h)
        return [(w - rate * g_w) * x + b - rate * g_b for x in points]

    low, high = 0.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if max(after(middle)) > 0 else (low, middle)
    z = after(rate)
    lost = sum((max(0.0, value) - y) ** 2 for value, y in zip(z, targets, strict=True)) / 6
    shown = numbers(caption)
    assert shown[0] == pytest.approx(rate)
    assert shown[1] == pytest.approx(max(z), abs=6e-3)
    assert shown[2] == pytest.approx(lost, abs=6e-4)
    assert shown[-1] == pytest.approx(high, abs=6e-4)
    assert ("dead, and its gradient 0" in caption) == (rate > high)
    assert data["after"][:, 1] == pytest.approx(np.maximum(z, -7.8), abs=1e-5)
    assert ("lower edge" in caption) == (min(z) < -7.8)


# The measured networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log2_rate", "inputs", "depth", "init"),
    [
        (-1.0, "uncentered", 1, "he"),
        (0.0, "centered", 2, "he"),
        (1.5, "centered", 4, "xavier"),
        (-3.0, "uncentered", 4, "he"),
    ],
)
def test_the_explorer_reads_the_file(
    lesson: Any, log2_rate: float, inputs: str, depth: int, init: str
) -> None:
    caption, data = at(lesson["measured"], rate=2.0**log2_rate, inputs=inputs, depth=depth, init=init)
    rows = [
        row
        for row in ROWS
        if (row.inputs, row.depth, row.init, row.alpha, row.log2_rate, row.epochs)
        == (inputs, depth, init, 0.0, log2_rate, 10) and row.seed < 10
    ]  # fmt: skip
    assert len(rows) == 10
    expected = []
    wanted = [[row.dead_first / 50 for row in rows], [row.validation for row in rows]]
    if depth > 1:
        wanted.insert(1, [row.dead_later / (50 * (depth - 1)) for row in rows])
    for values in wanted:
        expected += [100 * np.median(values), 100 * min(values), 100 * max(values)]
    expected += [sum(row.diverged for row in rows), 10]
    assert numbers(caption)[1:] == pytest.approx(expected, abs=0.51)
    assert ("later layers" in data) == (depth > 1)
    place = list(experiment.LOG2_RATES).index(log2_rate)
    assert data["first layer"][place, 1] == pytest.approx(np.median(wanted[0]))


def test_what_the_text_says_of_the_measured_networks(saved: str) -> None:
    rows = [r for r in ROWS if r.alpha == 0 and r.epochs == 10 and r.seed < 10]

    def dead(inputs: str, depth: int, log2_rate: float, column: str) -> float:
        here = [
            r for r in rows if (r.inputs, r.depth, r.init, r.log2_rate) == (inputs, depth, "he", log2_rate)
        ]
        return float(np.median([getattr(r, column) for r in here])) / 50

    assert len(rows) == 1200
    assert dead("uncentered", 1, -1.0, "dead_first") == pytest.approx(0.2)
    assert dead("uncentered", 1, -3.0, "dead_first") < 0.1 < 0.9 < dead("uncentered", 1, 0.0, "dead_first")
    assert dead("centered", 2, -3.0, "dead_later") == 0
    assert dead("centered", 2, 0.0, "dead_later") > 0.5
    assert max(r.dead_first for r in rows if r.inputs == "centered") <= 1
    assert sum(r.revived_first for r in rows) == 0
    assert sum(r.revived_later for r in rows) > 5000
    assert f"{sum(r.revived_later for r in rows):,} revivals" in saved


@pytest.mark.parametrize(
    "setting",
    [
        ("centered", 2, "he", 0.0, -2.0, 10),
        ("uncentered", 1, "xavier", 0.0, -1.5, 10),
        ("centered", 2, "he", 0.3, -1.5, 10),
    ],
)
def test_a_configuration_run_again_agrees_with_the_file(setting: tuple[Any, ...]) -> None:
    filed = {row.seed: row for row in ROWS if row[:6] == setting}
    seeds = range(10) if setting[1] == 1 else range(4)
    for again in experiment.run([experiment.Task(*setting, seed) for seed in seeds]):
        counts = [again.born_first, again.dead_first, again.dead_later, again.diverged]
        then = filed[again.seed]
        assert counts == [then.born_first, then.dead_first, then.dead_later, then.diverged]
        for name in ("validation", "test", "zeros"):
            assert getattr(again, name) == pytest.approx(getattr(then, name), abs=0.006)


def test_dead_units_and_who_wakes_them(lesson: Any) -> None:
    """Train the ten networks again, in plain NumPy with gradients written out, on the raw pixels."""
    pixels, labels = load_digits(return_X_y=True)
    X, rest, y, _ = train_test_split(pixels, labels, test_size=720, stratify=labels, random_state=0)
    scale = np.sqrt(np.mean(X**2))
    X, rest = X / scale, rest / scale
    found, reaches = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        W, V = (
            np.sqrt(2 / 64) * rng.standard_normal((50, 64)),
            np.sqrt(2 / 60) * rng.standard_normal((10, 50)),
        )
        b, c = np.zeros(50), np.zeros(10)
        for _ in range(10):
            order = rng.permutation(len(X))
            for batch in (order[i : i + 32] for i in range(0, len(X), 32)):
                z = X[batch] @ W.T + b
                h = z * (z > 0)
                scores = np.exp(h @ V.T + c)
                error = (scores / scores.sum(axis=1, keepdims=True) - np.eye(10)[y[batch]]) / len(batch)
                back = (error @ V) * (z > 0)
                V, c = V - 0.5 * error.T @ h, c - 0.5 * error.sum(axis=0)
                W, b = W - 0.5 * back.T @ X[batch], b - 0.5 * back.sum(axis=0)
        dead = (X @ W.T + b).max(axis=0) <= 0
        best_image = np.where(W > 0, 16 / scale, 0.0)
        reaches += ((best_image * W).sum(axis=1) + b)[dead].tolist()
        found.append([dead.sum(), (dead & ((rest @ W.T + b).max(axis=0) > 0)).sum(),
                      (dead & ((best_image * W).sum(axis=1) + b > 0)).sum()])  # fmt: skip
    assert np.transpose(list(lesson["counts"].values())).tolist() == np.array(found).tolist()
    assert lesson["reaches"] == pytest.approx(reaches, rel=1e-6)
    assert min(reaches) > 0


# The cousins ----------------------------------------------------------------------------------------------


def cousin(name: str, x: float, alpha: float) -> float:
    if name == "ReLU":
        return max(0.0, x)
    if name.startswith("Leaky"):
        return x if x > 0 else alpha * x
    if name == "ELU":
        return x if x > 0 else alpha * math.expm1(x)
    if name == "CELU":
        return x if x > 0 else alpha * math.expm1(x / alpha)
    if name == "SELU":
        return 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x))
    return max(x, alpha * x)


@pytest.mark.parametrize("name", ["ReLU", "Leaky ReLU, PReLU", "ELU", "CELU", "SELU", "maxout of x and αx"])
@pytest.mark.parametrize(("alpha", "x"), [(0.25, -3.0), (1.5, -1.0), (2.0, 2.0), (0.05, -6.0)])
def test_the_cousins_have_their_values_and_slopes(lesson: Any, name: str, alpha: float, x: float) -> None:
    caption, data = at(lesson["cousins"], function=name, alpha=alpha, x=x)
    h = 1e-6
    slope = (cousin(name, x + h, alpha) - cousin(name, x - h, alpha)) / (2 * h)
    at_the_left = (cousin(name, -6 + h, alpha) - cousin(name, -6 - h, alpha)) / (2 * h)
    shown = numbers(caption.split(":", 1)[1])
    assert shown[0] == x
    assert shown[1] == pytest.approx(cousin(name, x, alpha), abs=5.1e-5)
    assert shown[2] == pytest.approx(slope, rel=6e-3, abs=1e-8)
    assert shown[3] == pytest.approx(at_the_left, rel=6e-3, abs=1e-8)
    assert shown[4] <= min(shown[2], shown[3])
    grid, curve = data["value"].T
    assert curve == pytest.approx([cousin(name, float(place), alpha) for place in grid])


def test_the_way_out_of_a_hole_is_counted_right(lesson: Any) -> None:
    def steps(value: Any, slope: Any, z: float) -> float:
        for step in range(1, 3001):
            z -= 0.5 * (value(z) - 1) * slope(z)
            if z > 0:
                return step
        return math.inf

    functions = {
        "relu": (lambda z: 0.0, lambda z: 0.0),
        "leaky_relu": (lambda z: 0.01 * z, lambda z: 0.01),
        "elu": (math.expm1, math.exp),
        "selu": (lambda z: 1.0507009873554805 * 1.6732632423543772 * math.expm1(z),
                 lambda z: 1.0507009873554805 * 1.6732632423543772 * math.exp(z)),
    }  # fmt: skip
    for name, (value, slope) in functions.items():
        assert lesson["counted"][name].tolist() == [steps(value, slope, -depth) for depth in range(1, 13)]


def test_the_waiting_times_grow_as_the_text_says(lesson: Any) -> None:
    elu, leaky = (lesson["counted"][name] for name in ("elu", "leaky_relu"))
    ratios = elu[4:8] / elu[3:7]
    assert ratios == pytest.approx(math.e, rel=0.05)
    assert np.diff(leaky) == pytest.approx(190, abs=12)
    assert np.isfinite(elu).sum() == 8


def test_prelu_learns_its_alpha(lesson: Any, saved: str) -> None:
    paths = lesson["paths"]
    assert paths.shape == (10, 7, 2)
    assert (paths[:, 0] == 0.25).all()
    assert (paths[:, -1] > 0.5).all()
    assert (paths[:, -1] > 1).any()
    low, high = paths[:, -1, 0].min(), paths[:, -1, 0].max()
    assert f"α after 6 epochs: layer 1 {low:.2f} … {high:.2f}" in saved


# Conventions ----------------------------------------------------------------------------------------------


def test_the_table_of_kinks_has_the_one_sided_slopes(saved: str) -> None:
    rows = dict(re.findall(r"^\| (\w+) \| \d \| ([-\d.| ]+) \|$", saved, re.MULTILINE))
    expected = {
        "relu": (0, 1, 0, 0),
        "leaky_relu": (0.01, 1, 0.01, 0.01),
        "selu": (1.758, 1.051, 1.758, 1.758),
        "relu6": (1, 0, 0, 0),
        "hard_tanh": (1, 0, 0, 0),
        "hard_swish": (1.5, 1, 1, 1),
    }
    assert {name: tuple(map(float, row.split("|"))) for name, row in rows.items()} == expected


def test_zero_is_never_met_in_float64_and_decides_everything_from_zero_weights(lesson: Any) -> None:
    assert lesson["Counting"].exactly_zero == 0
    assert lesson["Counting"].asked == 10 * 2 * 1077 * 2 * 50
    scores = lesson["scores"]
    assert max(scores[0]) < 0.2
    assert min(scores[1]) > 0.9


# Sparsity -------------------------------------------------------------------------------------------------


def test_the_comparison_with_leaky_relu_is_paired_and_tuned(lesson: Any) -> None:
    rows = [r for r in ROWS if (r.inputs, r.depth, r.init) == ("centered", 2, "he")]

    def tested(alpha: float, epochs: int) -> list[Any]:
        by_rate = {
            rate: [r for r in rows if (r.alpha, r.epochs, r.log2_rate) == (alpha, epochs, rate)]
            for rate in experiment.TUNED_RATES
        }
        best = max(by_rate.values(), key=lambda some: sum(r.validation for r in some if r.seed < 10))
        return sorted((r for r in best if r.seed >= 10), key=lambda r: r.seed)

    for epochs in (10, 30):
        plain = tested(0.0, epochs)
        for alpha in (0.01, 0.1, 0.3):
            mine = tested(alpha, epochs)
            assert [r.seed for r in mine] == [r.seed for r in plain] == list(range(10, 30))
            gaps = [100 * (a.test - b.test) for a, b in zip(mine, plain, strict=True)]
            mean = sum(gaps) / 20
            error = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / 19 / 20)
            assert lesson["gaps"][epochs, alpha] == pytest.approx((mean, error, 0), abs=1e-9)


def test_the_text_on_the_six_comparisons_is_right(lesson: Any) -> None:
    beyond = {key: gap for key, (gap, error, _) in lesson["gaps"].items() if abs(gap) > 2 * error}
    assert list(beyond) == [(10, 0.1), (10, 0.3)]
    assert min(beyond.values()) > 0
    assert sum(value > 0.471 for value in lesson["PUBLISHED"].values()) == 2


# Exercises ------------------------------------------------------------------------------------------------


def test_the_target_is_matched_only_at_its_own_settings(lesson: Any) -> None:
    explorer = lesson["matching"]
    assert at(explorer, alpha=-0.4, s=1.5)[0] == "Matched."
    assert at(explorer, alpha=-0.4, s=1.25)[0] != "Matched."
    for alpha, s in ((0.2, 0.0), (-1.0, -3.0), (1.0, 3.0)):
        caption, _ = at(explorer, alpha=alpha, s=s)
        grid = np.linspace(-6, 6, 241)
        away = max(
            abs(cousin("Leaky", x - s, alpha) - cousin("Leaky", x - 1.5, -0.4)) for x in map(float, grid)
        )
        assert numbers(caption) == pytest.approx([away], abs=5.1e-3)
