"""The numbers that lesson 06 shows, against values computed another way."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
import sympy as sp
from lessons import at, numbers

from helpers.activations import log_softmax, softmax_jacobian
from helpers.data import digits
from helpers.network import one_thread

DIGITS = 720
TRIPLES = [(3.0, 1.0, -3.0), (0.0, 0.0, 0.0), (-6.0, 6.0, 0.5), (6.0, -6.0, -6.0)]


def named(z: tuple[float, ...]) -> dict[str, float]:
    return {f"z{place}": score for place, score in enumerate(z, start=1)}


def by_loop(z: Any) -> np.ndarray:
    powers = [math.exp(score) for score in z]
    return np.array([power / math.fsum(powers) for power in powers])


def jacobian_by_mpmath(z: Any) -> np.ndarray:
    """Differences of softmax itself, with digits enough for entries as small as e⁻²⁸⁰⁰."""
    with mpmath.workdps(DIGITS):
        h, powers, columns = mpmath.mpf("1e-40"), [mpmath.exp(mpmath.mpf(score)) for score in z], []
        for j in range(len(z)):
            ends = []
            for step in (h, -h):
                pushed = [power * mpmath.exp(step) if k == j else power for k, power in enumerate(powers)]
                total = mpmath.fsum(pushed)
                ends.append([power / total for power in pushed])
            columns.append([(up - down) / (2 * h) for up, down in zip(*ends, strict=True)])
        return np.array(columns, dtype=object).T


def heights(bars: Any) -> list[float]:
    return [bar.get_height() for bar in bars]


# The explorers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [0.1, 1.0, 2.5, 5.0])
@pytest.mark.parametrize("z", TRIPLES)
def test_the_temperature_explorer_shows_probabilities_and_their_point(lesson: Any, z: Any, T: float) -> None:
    caption, data = at(lesson["tempering"], **named(z), T=T)
    expected = scipy.special.softmax(np.array(z) / T)
    assert numbers(caption)[:8] == pytest.approx([T, *z, *expected, 1], abs=5.1e-5)
    ties = [place for place in (1, 2, 3) if expected[place - 1] == expected.max()]
    assert caption.endswith(f"class {' and '.join(map(str, ties))}.")
    assert heights(lesson["tempered_bars"]) == pytest.approx(expected)
    # The corners are (0, 0), (1, 0) and (1/2, √3/2).
    point = [expected[1] + expected[2] / 2, expected[2] * math.sqrt(3) / 2]
    assert data["here"][0] == pytest.approx(point)
    distances = np.hypot(*(data["path"] - data["here"]).T)
    assert distances.min() < 0.02, "the point is not on its path"
    assert data["path"][-1] == pytest.approx([0.5, math.sqrt(3) / 6], abs=0.05), "hot is not the middle"


@pytest.mark.parametrize("push", [1, 2, 3])
@pytest.mark.parametrize("z", TRIPLES)
def test_the_jacobian_explorer_shows_the_rates_of_a_push(lesson: Any, z: Any, push: int) -> None:
    caption, data = at(lesson["pushing"], **named(z), push=push)
    J = jacobian_by_mpmath(z).astype(float)
    shown = numbers(caption)
    assert shown[:5] == pytest.approx([push, *J[:, push - 1], 0], abs=5.1e-5)
    # The two that are not 0, from trace and minors instead of an eigenvalue routine.
    minors = sum(J[a, a] * J[b, b] - J[a, b] * J[b, a] for a, b in ((0, 1), (0, 2), (1, 2)))
    root = math.sqrt(max((np.trace(J) / 2) ** 2 - minors, 0))
    assert shown[5:7] == pytest.approx([np.trace(J) / 2 + root, np.trace(J) / 2 - root], abs=5.1e-7)
    assert shown[7:] == [0, 2]
    assert np.asarray(lesson["mesh"].get_array()).reshape(3, 3) == pytest.approx(J, abs=1e-15)
    written = [float(cell.get_text()) for cell in lesson["cells"]]
    assert written == pytest.approx(J.ravel(), abs=5.1e-4)
    assert "-0.000" not in [cell.get_text() for cell in lesson["cells"]]
    tips = data["rates"][1::3, 1]
    assert tips == pytest.approx(by_loop(z) + J[:, push - 1])
    assert data["pushed column"][:, 0].mean() == pytest.approx(push, abs=0.11)


@pytest.mark.parametrize("right", [1, 2, 3])
@pytest.mark.parametrize("z", TRIPLES)
def test_the_gradient_explorer_shows_differences_of_the_loss(lesson: Any, z: Any, right: int) -> None:
    caption, _ = at(lesson["sending"], **named(z), right=right)
    h, true = 1e-5, []
    for j in range(3):
        up, down = (-math.log(by_loop(np.array(z) + sign * h * np.eye(3)[j])[right - 1]) for sign in (1, -1))
        true.append((up - down) / (2 * h))
    alone = [true[j] if j == right - 1 else 0 for j in range(3)]
    assert numbers(caption) == pytest.approx([*true, 0, *alone, sum(alone)], abs=6e-5)
    for bars, expected in zip(lesson["sent"], (by_loop(z), true, alone), strict=True):
        assert heights(bars) == pytest.approx(expected, abs=1e-8)


def test_the_mistake_has_the_numbers_of_the_text(lesson: Any) -> None:
    p, y = by_loop((3, 1, -3)), np.array([1, 0, 0])
    assert lesson["whole"](p, y) == pytest.approx([-0.121, 0.119, 0.002], abs=5e-4)
    assert lesson["diagonal_alone"](p, y) == pytest.approx([-0.121, 0, 0], abs=5e-4)
    diagonal = np.diag(np.diag(jacobian_by_mpmath((3, 1, -3)).astype(float)))
    assert lesson["diagonal_alone"](p, y) == pytest.approx(diagonal @ (-y / p))


@pytest.mark.parametrize("z", TRIPLES)
def test_sigmoids_and_softmax_stand_side_by_side(lesson: Any, z: Any) -> None:
    caption, _ = at(lesson["choosing"], **named(z))
    separate, together = [1 / (1 + math.exp(-score)) for score in z], by_loop(z)
    yes = sum(score > 0 for score in z)
    shown = numbers(caption)
    assert shown[:9] == pytest.approx([*separate, sum(separate), yes, *together, 1], abs=5.1e-4)
    for bars, expected in zip(lesson["answers"], (separate, together), strict=True):
        assert heights(bars) == pytest.approx(expected)


def said(text: str, label: str) -> list[float]:
    found = re.search(rf"{label} (\S+) and ([^;\s]+?)[;.]?(?:\s|$)", text)
    assert found
    return [float(found[1]), float(found[2])]


@pytest.mark.parametrize(
    ("top", "gap", "naive"),
    [
        (1001, 1, "nan and nan"),
        (-800, 1, "nan and nan"),
        (0, 40, "1 and 4.248e-18"),
        (0, 745, "1 and 4.941e-324"),
        (0, 746, "1 and 0"),
        (1200, 800, "nan and 0"),
        (-700, 100, "1 and 0"),
    ],
)
def test_the_map_of_failures_shows_what_each_program_gives(
    lesson: Any, top: int, gap: int, naive: str
) -> None:
    caption, data = at(lesson["breaking"], top=top, gap=gap)
    assert f"naive {naive};" in caption
    with mpmath.workdps(60):
        small = 1 / (1 + mpmath.exp(gap))
        logs = [-mpmath.log1p(mpmath.exp(-gap)), -gap - mpmath.log1p(mpmath.exp(-gap))]
    assert said(caption, "shifted") == pytest.approx([float(1 - small), float(small)], rel=6e-4, abs=0)
    assert said(caption, "log_softmax") == pytest.approx([float(log) for log in logs], rel=6e-4, abs=0)
    for name in ("naive", "shifted"):
        assert data[name].tolist() == [[top, gap]]


def test_the_map_is_colored_by_what_a_plain_program_gives(lesson: Any) -> None:
    for top, gap in ((1001, 1), (-800, 1), (0, 40), (0, 746), (0, 745), (800, 50), (800, 200), (-600, 200)):
        z = np.array([top, top - gap], dtype=float)
        with np.errstate(all="ignore"):
            plain = np.exp(z)[1] / np.exp(z).sum()
        np.testing.assert_array_equal(lesson["naive"](z)[1], plain)
        assert lesson["shifted"](z)[1] == pytest.approx(scipy.special.softmax(z)[1], rel=1e-14)


def test_the_target_is_matched_exactly_by_its_gaps(lesson: Any) -> None:
    explorer = lesson["matching"]
    for z in ((2.0, 0.5, -1.0), (3.0, 1.5, 0.0), (1.0, -0.5, -2.0)):
        assert at(explorer, **named(z))[0].endswith(" Matched.")
    for z in ((2.0, 0.5, -1.5), (3.0, -3.0, 0.0), (0.0, 0.0, 0.0)):
        caption, _ = at(explorer, **named(z))
        away = np.abs(by_loop(z) - by_loop((2, 0.5, -1))).max()
        assert numbers(caption) == pytest.approx([*by_loop(z), away], abs=5.1e-4)


# The Jacobian ---------------------------------------------------------------------------------------------


def random_logits(seed: int, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    reach = [1, 10, 100, 700]
    return [rng.uniform(-1, 1, 2 + k % 9) * reach[k % 4] for k in range(count)]


def test_the_derived_jacobian_is_softmaxs_at_a_hundred_random_logits(lesson: Any) -> None:
    for z in random_logits(6, 100):
        with mpmath.workdps(DIGITS):
            derived = lesson["derived"]([mpmath.mpf(score) for score in z])
            differences = jacobian_by_mpmath(z)
            for found, true in zip(derived.flat, differences.flat, strict=True):
                assert abs(found / true - 1) < mpmath.mpf("1e-60")
            rounded = derived.astype(float)
        # Where an entry is too small for a normal float64, it must be tiny or 0.
        np.testing.assert_allclose(softmax_jacobian(z), rounded, rtol=1e-13, atol=2.3e-308)


def test_the_lessons_own_differences_are_differences(lesson: Any) -> None:
    for z in random_logits(7, 6):
        with mpmath.workdps(DIGITS):
            own = lesson["differences"]([mpmath.mpf(score) for score in z])
            for found, true in zip(own.flat, jacobian_by_mpmath(z).flat, strict=True):
                assert abs(found / true - 1) < mpmath.mpf("1e-50")


def test_the_lesson_compares_a_hundred_logits_of_all_sizes(lesson: Any) -> None:
    tests = lesson["tests"]
    assert len(tests) == 100
    assert {len(z) for z in tests} == set(range(2, 11))
    assert max(np.abs(z).max() for z in tests) > 690
    assert lesson["gaps"]["differences"] < 1e-55
    assert lesson["gaps"]["softmax_jacobian"] < 1e-13


def test_every_derivation_of_the_lesson_is_checked(lesson: Any) -> None:
    for name in ("all_nine", "any_push", "two_classes", "log_of_smaller"):
        assert lesson[name].proved
    for name in ("ignores_shifts", "general", "loss_gradient"):
        evidence = {step.evidence for step in lesson[name].steps[1:]}
        assert evidence <= {"proved", "checked numerically at 50 points to 1000 digits"}


def test_the_three_class_jacobian_is_the_general_one(lesson: Any) -> None:
    values = dict(zip(lesson["s3"], (sp.Rational(1, 2), sp.Rational(1, 3), sp.Rational(1, 6)), strict=True))
    J = lesson["J3"].subs(values)
    s = list(values.values())
    assert sp.Matrix(3, 3, lambda a, b: s[a] * (int(a == b) - s[b])) == J
    assert J.rank() == 2
    assert J * sp.ones(3, 1) == sp.zeros(3, 1)
    assert J.T == J


# The training ---------------------------------------------------------------------------------------------


@one_thread
def plain_training(units: int, gradient: str, rate: float, seed: int) -> tuple[list[float], list[float]]:
    """The same runs in plain NumPy: test accuracy and mean score, before training and after each epoch."""
    data, rng = digits(), np.random.default_rng(seed)
    layers = []
    widths = [64, units, 10] if units else [64, 10]
    for place, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        std = math.sqrt(2 / n_in) if units and place == 0 else math.sqrt(2 / (n_in + n_out))
        layers.append([std * rng.standard_normal((n_out, n_in)), np.zeros(n_out)])

    def forward(X: np.ndarray) -> list[np.ndarray]:
        signals = [X]
        for place, (W, b) in enumerate(layers):
            Z = signals[-1] @ W.T + b
            signals.append(np.maximum(Z, 0) if place < len(layers) - 1 else Z)
        return signals

    hits, levels = [], []
    for epoch in range(13):
        scores = forward(data.test.X)[-1]
        hits.append(float(np.mean(scores.argmax(axis=1) == data.test.labels)))
        levels.append(float(scores.mean()))
        if epoch == 12:
            return hits, levels
        order = rng.permutation(len(data.train))
        for start in range(0, len(order), 256):
            batch = order[start : start + 256]
            signals = forward(data.train.X[batch])
            p = scipy.special.softmax(signals[-1], axis=1)
            y = np.eye(10)[data.train.labels[batch]]
            delta = p - y if gradient == "p − y" else -y * (1 - p)
            if gradient == "diagonal, centered":
                delta = delta - delta.mean(axis=1, keepdims=True)
            delta = delta / len(batch)
            for place in reversed(range(len(layers))):
                W, b = layers[place]
                step = delta.T @ signals[place], delta.sum(axis=0)
                delta = (delta @ W) * (signals[place] > 0) if place else delta
                layers[place] = [W - rate * step[0], b - rate * step[1]]
    raise AssertionError


@pytest.mark.parametrize(
    ("network", "units", "rate"),
    [("no hidden layer", 0, 0.3), ("no hidden layer", 0, 1.0), ("one hidden layer", 32, 0.1)],
)
@pytest.mark.parametrize("gradient", ["p − y", "diagonal alone", "diagonal, centered"])
def test_the_training_runs_are_those_of_plain_numpy(
    lesson: Any, network: str, units: int, rate: float, gradient: str
) -> None:
    logs = lesson["runs"][network, gradient, rate][0]
    assert logs.shape == (10, 13, 2)
    for seed in (0, 9):
        hits, levels = plain_training(units, gradient, rate, seed)
        assert logs[seed, :, 0] == pytest.approx(hits, abs=0.006)
        assert logs[seed, :, 1] == pytest.approx(levels, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("network", ["no hidden layer", "one hidden layer"])
@pytest.mark.parametrize("rate", [0.1, 0.3, 1.0])
def test_the_training_explorer_shows_medians_and_bands_of_ten_runs(
    lesson: Any, network: str, rate: float
) -> None:
    caption, data = at(lesson["training"], network=network, rate=rate)
    for gradient in lesson["GRADIENTS"]:
        log = lesson["runs"][network, gradient, rate][0]
        ends = sorted(float(run[-1][0]) for run in log), sorted(float(run[-1][1]) for run in log)
        hit, level = ((end[4] + end[5]) / 2 for end in ends)
        told = re.search(rf"{gradient} ([\d.]+)% right, mean score (-?[\d.e+-]+\d)", caption)
        assert told
        assert float(told[1]) == pytest.approx(100 * hit, abs=0.051)
        assert float(told[2]) == pytest.approx(level, rel=0.06)
        assert data[gradient][-1].tolist() == pytest.approx([12, hit])
    low, high = lesson["levels"].get_ylim()
    levels = [lesson["runs"][network, gradient, rate][0][:, :, 1] for gradient in lesson["GRADIENTS"]]
    top, bottom = max(map(np.max, levels)), min(map(np.min, levels))
    assert low <= bottom
    assert top <= high <= max(2 * top, 2)


def test_the_mistake_costs_what_the_text_says(lesson: Any) -> None:
    def ends(network: str, gradient: str, rate: float, what: int = 0) -> np.ndarray:
        return lesson["runs"][network, gradient, rate][0][:, -1, what]

    for rate in (0.1, 0.3, 1.0):
        right, alone, centered = (ends("no hidden layer", g, rate) for g in lesson["GRADIENTS"])
        assert 0.02 < np.median(right - alone) < 0.06, "a few points"
        assert centered == pytest.approx(alone, abs=0.003)
        right_, alone_, centered_ = (
            np.median(ends("one hidden layer", g, rate)) for g in lesson["GRADIENTS"]
        )
        assert right_ - alone_ > np.median(right) - np.median(alone)
        assert alone_ < centered_ < right_ - 0.04
    assert np.median(ends("one hidden layer", "diagonal alone", 1.0)) < 0.6
    assert np.median(ends("one hidden layer", "diagonal alone", 1.0, 1)) > 1e9
    first = lesson["runs"]["no hidden layer", "p − y", 1.0][0][:, :, 1]
    assert first == pytest.approx(np.repeat(first[:, :1], 13, axis=1)), "p − y moved the mean score"
    for network, points in (("no hidden layer", 0.03), ("one hidden layer", 0.1)):
        assert np.median(lesson["lost"][network]) > points


# The claims -----------------------------------------------------------------------------------------------


def test_the_raw_errors_lower_the_right_score_because_their_target_is_1(lesson: Any) -> None:
    z = np.array([3.0, 1.0, -3.0])
    for step in range(21):
        # By hand: what remains of each error is 0.8 to the power of the number of steps.
        expected = np.array([1, 0, 0]) + 0.8**step * np.array([2, 1, -3])
        assert lesson["descent"][step] == pytest.approx(expected)
        assert lesson["certainty"][step] == pytest.approx(by_loop(expected)[0])
    assert lesson["errors"][0] == pytest.approx(z - [1, 0, 0])
    assert lesson["certainty"][-1] < 0.6 < 0.87 < lesson["certainty"][0]


def test_two_equal_scores_have_the_slope_one_quarter_wherever_they_are(lesson: Any) -> None:
    for score, slope in lesson["at"].items():
        assert slope == sp.Rational(1, 4)
        assert jacobian_by_mpmath((score, score)).astype(float)[0, 0] == pytest.approx(0.25, abs=1e-15)


def test_the_edge_of_underflow_is_where_half_of_the_smallest_float_is(lesson: Any) -> None:
    with mpmath.workdps(30):
        edge = float(-mpmath.log(mpmath.mpf(2) ** -1075))
    assert lesson["high"] == pytest.approx(edge, abs=1e-9)
    assert scipy.special.softmax([0, -745.0])[1] > 0
    assert scipy.special.softmax([0, -746.0])[1] == 0


@pytest.mark.parametrize(
    "z", [(0, -40), (0, -800), (3, 1, -3), (1000, 1001), (-800, -801), (0, -36.0, -37.0)]
)
def test_log_softmax_agrees_with_mpmath_to_the_last_digit(lesson: Any, z: Any) -> None:
    with mpmath.workdps(60):
        true = [float(score - mpmath.log(mpmath.fsum(map(mpmath.exp, z)))) for score in z]
    assert log_softmax(z) == pytest.approx(true, rel=3e-16, abs=0)
    assert lesson["by_mpmath"](z) == pytest.approx(true, rel=1e-16, abs=0)
    found = lesson["PROGRAMS"]["careful"](np.array(z, dtype=float))
    assert found == pytest.approx(true, rel=3e-16, abs=0)


def test_the_other_programs_lose_the_small_logarithm(lesson: Any) -> None:
    near, far = (
        {name: program(np.array([0.0, z])) for name, program in lesson["PROGRAMS"].items()}
        for z in (-40.0, -700.0)
    )
    assert near["SciPy"][0] == near["log of softmax"][0] == 0
    assert near["log_softmax"][0] == near["careful"][0] == -4.2483542552915889e-18
    assert far["SciPy"][1] == far["careful"][1] == -700
    with np.errstate(divide="ignore"):
        assert lesson["PROGRAMS"]["log of softmax"](np.array([0.0, -800.0]))[1] == -math.inf


def test_only_exponentials_fulfill_all_four_wishes(lesson: Any) -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(0, 2, (200, 3))
    for name, positive in lesson["CANDIDATES"].items():
        before, after = (
            np.array([positive(row) / sum(positive(row)) for row in rows]) for rows in (z, z + 1)
        )
        assert np.allclose(before, after) == (name in ("2ᶻ", "eᶻ"))
