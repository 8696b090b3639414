"""The numbers that lesson 08 shows, against values computed another way."""

from __future__ import annotations

import itertools
import math
from typing import Any

import mpmath
import numpy as np
import pytest
from lessons import at, numbers, table_rows
from scipy.optimize import minimize_scalar
from scipy.special import expit
from scipy.stats import entropy
from sklearn.datasets import load_digits

from experiments import mse_or_cross_entropy as experiment
from helpers.data import digits
from helpers.derivation import Derivation


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, float, float, float], list[dict[str, str]]]:
    """The runs of each pair, gain, bias and rate, read without NumPy, in the order of their seeds."""
    found: dict[tuple[str, float, float, float], list[dict[str, str]]] = {}
    for row in table_rows(experiment.RESULTS):
        key = (row["loss"], float(row["gain"]), float(row["bias"]), float(row["rate"]))
        found.setdefault(key, []).append(row)
    for chosen in found.values():
        assert [int(row["seed"]) for row in chosen] == list(range(10))
    return found


def test_every_derivation_of_the_lesson_is_proved(lesson: Any) -> None:
    proved = {n: d.proved for n, d in lesson.items() if isinstance(d, Derivation) and n != "suspect"}
    assert len(proved) == 11
    assert all(proved.values()), proved


# Section 1 ------------------------------------------------------------------------------------------------


def squared(z: Any, y: float) -> Any:
    return (1 / (1 + mpmath.exp(-z)) - y) ** 2 / 2


def entropic(z: Any, y: float) -> Any:
    s = 1 / (1 + mpmath.exp(-z))
    return -y * mpmath.log(s) - (1 - y) * mpmath.log(1 - s)


@pytest.mark.parametrize(("z", "y"), [(-10.0, 1.0), (-4.0, 1.0), (0.0, 0.5), (2.5, 0.3), (10.0, 0.0)])
def test_the_first_explorer_shows_both_losses_and_their_gradients(lesson: Any, z: float, y: float) -> None:
    caption, data = at(lesson["asking"], z=z, y=y)
    with mpmath.workdps(40):
        losses = [float(loss(mpmath.mpf(z), y)) for loss in (squared, entropic)]
        slopes = [float(mpmath.diff(lambda at, f=f: f(at, y), mpmath.mpf(z))) for f in (squared, entropic)]
        output = float(1 / (1 + mpmath.exp(-z)))
        ratio = float((1 + mpmath.exp(-z)) ** 2 / mpmath.exp(-z))
    shown = numbers(caption)
    assert shown[:3] == pytest.approx([z, output, y], rel=6e-5)
    assert [shown[3], shown[5]] == pytest.approx(losses, abs=5.1e-6)
    assert [shown[4], shown[6]] == pytest.approx(slopes, rel=6e-5, abs=1e-12)
    assert shown[7] == pytest.approx(ratio, abs=0.51)
    wish = "leave z" if y == output else "raise z" if output < y else "lower z"
    assert wish in caption
    for number, name in enumerate(("squared error", "cross-entropy")):
        grid, curve = data[f"{name}: loss"].T
        assert np.gradient(curve, grid)[1:-1] == pytest.approx(data[f"{name}: gradient"][1:-1, 1], abs=2e-3)
        assert data[f"{name}: gradient at z"][0] == pytest.approx([z, slopes[number]], abs=1e-12)


def test_the_gradients_at_minus_ten_are_those_of_the_card(lesson: Any, saved: str) -> None:
    assert lesson["at"]["squared error"] == pytest.approx(-4.5394e-5, rel=1e-4)
    assert lesson["at"]["cross-entropy"] == pytest.approx(-0.99995, abs=5e-6)
    without_half = float(mpmath.diff(lambda z: (1 / (1 + mpmath.exp(-z)) - 1) ** 2, -10))
    assert f"squared error without the half: {without_half:.5g}" in saved
    assert f"{without_half:.2g}" == "-9.1e-05"


@pytest.mark.parametrize("seed", range(3))
def test_squared_error_on_softmax_has_the_gradient_of_differences(lesson: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = 3 * rng.standard_normal((4, 5)), rng.integers(5, size=4)

    def plainly(z: np.ndarray) -> float:
        total = 0.0
        for row, label in zip(z, labels, strict=True):
            exps = [math.exp(v) for v in row]
            total += sum((e / sum(exps) - (j == label)) ** 2 for j, e in enumerate(exps)) / 2
        return total / len(z)

    for loss in (lesson["softmax_squared_error"], experiment.softmax_squared_error):
        value, gradient = loss(logits, labels)
        assert value == pytest.approx(plainly(logits))
        for i, j in itertools.product(range(4), range(5)):
            step = np.zeros_like(logits)
            step[i, j] = 1e-6
            slope = (plainly(logits + step) - plainly(logits - step)) / 2e-6
            assert gradient[i, j] == pytest.approx(slope, abs=1e-8)


# Section 2 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [0.1, 0.5, 0.9])
def test_squared_error_bends_down_outside_the_two_roots_and_up_between(lesson: Any, y: float) -> None:
    symbol = lesson["y"]
    low, high = sorted(float(root.subs(symbol, y)) for root in lesson["bends"])
    assert 0 < low < y < high < 1
    for output, sign in ((low * 0.9, -1), ((low + high) / 2, 1), (1 - (1 - high) * 0.9, -1)):
        z = math.log(output / (1 - output))
        assert math.copysign(1, mpmath.diff(lambda at: squared(at, y), z, 2)) == sign
        assert mpmath.diff(lambda at: entropic(at, y), z, 2) > 0


def test_with_label_1_the_sign_changes_at_minus_log_2(saved: str) -> None:
    below, above = (
        mpmath.diff(lambda at: squared(at, 1), -mpmath.log(2) + step, 2) for step in (-0.01, 0.01)
    )
    assert below < 0 < above
    assert "for y = 1 the sign changes at σ = 1/3, at z = -log(2)" in saved


def two_examples(name: str, w: float, x: tuple[float, float], y: tuple[float, float]) -> float:
    """The mean loss of two examples, by a plain loop."""
    total = 0.0
    for a, b in zip(x, y, strict=True):
        z = w * a
        if name == "squared error":
            total += (expit(z) - b) ** 2 / 2
        else:
            total += float(np.logaddexp(0, z)) - b * z
    return total / 2


def valleys(name: str, x: tuple[float, float], y: tuple[float, float]) -> list[float]:
    """Where a grid of values has a smaller value than its neighbors, made sharp by SciPy."""
    grid = np.linspace(-50, 20, 1401)
    heights = np.array([two_examples(name, w, x, y) for w in grid])
    lows = np.flatnonzero((heights[1:-1] < heights[:-2]) & (heights[1:-1] < heights[2:])) + 1
    return [
        float(
            minimize_scalar(
                lambda w: two_examples(name, w, x, y),
                bounds=(grid[i - 1], grid[i + 1]),
                method="bounded",
                options={"xatol": 1e-9},
            ).x
        )
        for i in lows
    ]


@pytest.mark.parametrize(
    ("x2", "y1", "y2", "start", "count"),
    [(0.1, 0.9, 0.1, -8.0, 2), (0.1, 0.9, 0.1, -4.0, 2), (0.3, 0.9, 0.1, -20.0, 1), (1.0, 0.8, 0.3, 16.0, 1)],
)
def test_the_hills_have_the_minima_that_scipy_finds_and_walks_end_where_a_plain_loop_ends(
    lesson: Any, x2: float, y1: float, y2: float, start: float, count: int
) -> None:
    caption, data = at(lesson["hills"], x2=x2, y1=y1, y2=y2, start=start)
    x, y = (1.0, x2), (y1, y2)
    told = dict(zip(("squared error", "cross-entropy"), caption.split("Cross-entropy"), strict=True))
    for name, part in told.items():
        shown = numbers(part)
        expected = valleys(name, x, y)
        assert len(expected) == (count if name == "squared error" else 1)
        pairs = [[w, two_examples(name, w, x, y)] for w in expected]
        assert shown[: 2 * len(pairs)] == pytest.approx(np.ravel(pairs).tolist(), abs=6e-3)
        assert shown[1 : 2 * len(pairs) : 2] == pytest.approx([p[1] for p in pairs], abs=6e-5)
        # The walk, with slopes from differences of the loss.
        grid = np.linspace(-50, 20, 701)
        h = 1e-4
        bends = [
            (
                two_examples(name, w + h, x, y)
                - 2 * two_examples(name, w, x, y)
                + two_examples(name, w - h, x, y)
            )
            / h**2
            for w in grid
        ]
        w, rate = start, 1 / max(bends)
        for _ in range(1000):
            w -= rate * (two_examples(name, w + h, x, y) - two_examples(name, w - h, x, y)) / (2 * h)
        assert shown[-1] == pytest.approx(w, abs=0.02)
        assert data[f"{name}: minima"][:, 0] == pytest.approx(expected, abs=1e-4)
        assert data[f"{name}: o"][0] == pytest.approx([w, two_examples(name, w, x, y)], abs=0.02)


def test_the_two_minima_of_the_card_are_the_known_ones(lesson: Any, saved: str) -> None:
    known = valleys("squared error", (1.0, 0.1), (0.9, 0.1))
    assert known == pytest.approx([-21.97, 1.548], abs=3e-3)
    sums = [4 * two_examples("squared error", w, (1.0, 0.1), (0.9, 0.1)) for w in known]
    assert sums == pytest.approx([0.81, 0.198], abs=1e-3)
    for w, total in zip(known, sums, strict=True):
        assert f"mean loss at w = {w:.3f}: {total / 4:.4g}" in saved


def test_cross_entropy_has_one_minimum_wherever_the_labels_are(lesson: Any) -> None:
    for x2, y1, y2 in itertools.product((0.1, 0.4, 1.0), (0.5, 0.8, 0.95), (0.05, 0.3, 0.5)):
        assert len(lesson["minima"]("cross-entropy", np.array([1, x2]), np.array([y1, y2]))) == 1


# Section 3 ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "z1", "z2", "unit"),
    [
        ((6, 3, 1), 0.0, 0.0, "nats"),
        ((10, 0, 0), 3.0, -3.0, "bits"),
        ((1, 10, 10), -1.5, 2.0, "bits"),
        ((2, 5, 0), 1.0, 3.0, "nats"),
    ],
)
def test_the_bars_are_the_entropies_of_scipy(
    lesson: Any, votes: tuple[int, int, int], z1: float, z2: float, unit: str
) -> None:
    ones, sevens, nines = votes
    explorer = lesson["weighing"]
    caption, _ = at(explorer, ones=ones, sevens=sevens, nines=nines, z1=z1, z2=z2, unit=unit)
    p = np.array(votes) / sum(votes)
    exps = [math.exp(z1), math.exp(z2), 1.0]
    q = np.array(exps) / sum(exps)
    base = {"nats": math.e, "bits": 2}[unit]
    own, divergence = entropy(p, base=base), entropy(p, q, base=base)
    shown = numbers(caption)
    assert shown[:6] == pytest.approx([*p, *q], abs=5.1e-4)
    assert shown[6:] == pytest.approx([own, divergence, own + divergence], abs=5.1e-5)
    bars = [lesson[f"{name}_bar"] for name in ("entropy", "divergence", "cross")]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars]
    assert np.array(ends) == pytest.approx(
        np.array([[0, own], [own, own + divergence], [0, own + divergence]]), abs=1e-12
    )
    assert ends[-1][1] <= explorer.figure.axes[1].get_xlim()[1]
    for name, heights in (("p", p), ("q", q)):
        assert [bar.get_height() for bar in lesson[f"{name}_bars"]] == pytest.approx(heights)


# Section 4 ------------------------------------------------------------------------------------------------

STARTS = {
    "ordinary": (1.0, 0.0),
    "output weights × 10": (10.0, 0.0),
    "output weights × 40": (40.0, 0.0),
    "bias of 0 at +10": (1.0, 10.0),
    "bias of 0 at +20": (1.0, 20.0),
}
PAIRS = ("softmax + cross-entropy", "softmax + squared error", "linear + squared error")


def chosen(table: Any, pair: str, start: str) -> tuple[float, list[float]]:
    """The rate with the best mean validation accuracy, and the test accuracies there."""
    means = {
        rate: sum(float(row["validation"]) for row in rows) / 10
        for (loss, gain, bias, rate), rows in table.items()
        if loss == pair and (gain, bias) == STARTS[start]
    }
    best = max(sorted(means), key=lambda rate: means[rate])
    return best, [float(row["test_30"]) for row in table[pair, *STARTS[start], best]]


@pytest.mark.parametrize("pair", PAIRS)
def test_the_printed_accuracies_and_differences_are_those_of_the_table(
    lesson: Any, table: Any, saved: str, pair: str
) -> None:
    rate, shares = chosen(table, pair, "ordinary")
    percent = [100 * share for share in shares]
    (line,) = (line for line in saved.splitlines() if line.startswith(f"{pair}: validation"))
    best = max(
        np.mean([float(row["validation"]) for row in rows])
        for key, rows in table.items()
        if key[:3] == (pair, 1.0, 0.0)
    )
    told = [100 * best, sum(percent) / 10, min(percent), max(percent), rate]
    assert numbers(line.split(": ")[1]) == pytest.approx(told, abs=0.051)
    assert min(percent) > 94
    if pair == PAIRS[0]:
        return
    reference = chosen(table, PAIRS[0], "ordinary")[1]
    mean = sum(100 * (a - b) for a, b in zip(shares, reference, strict=True)) / 10
    gap = lesson["behind"][pair]
    assert 100 * gap.mean == pytest.approx(mean)
    assert f"{pair} minus softmax + cross-entropy: {lesson['in_points'](gap)}" in saved
    if pair == "softmax + squared error":
        assert gap.low < 0 < gap.high
        assert abs(gap.mean) < 1 / 360
    else:
        assert gap.detected()
        assert mean == pytest.approx(-1, abs=0.5)


def test_the_starts_come_out_as_the_text_says(lesson: Any, table: Any, saved: str) -> None:
    leads = lesson["leads"]
    for start in STARTS:
        shares = {pair: chosen(table, pair, start)[1] for pair in PAIRS}
        told = ", ".join(f"{pair} {10 * sum(share):.1f}%" for pair, share in shares.items())
        assert f"{start}: {told}" in saved
        lead = 100 * np.subtract(shares[PAIRS[0]], shares[PAIRS[1]])
        assert f"cross-entropy leads by {lesson['in_points'](leads[start])}" in saved
        assert 100 * leads[start].mean == pytest.approx(lead.mean())
    assert [start for start, lead in leads.items() if lead.detected()] == [
        "output weights × 40",
        "bias of 0 at +20",
    ]
    assert 0 < leads["output weights × 10"].low < 0.002  # the interval just misses 0
    assert leads["bias of 0 at +10"].low < 0 < leads["bias of 0 at +10"].high
    assert leads["bias of 0 at +20"].mean > 0.8
    stuck = [rows for (loss, _, bias, _), rows in table.items() if loss == PAIRS[1] and bias == 20]
    assert len(stuck) == len(experiment.RATES)
    assert all(float(row["test_30"]) < 0.11 for rows in stuck for row in rows)


def test_the_rate_is_chosen_on_the_validation_split(lesson: Any, table: Any) -> None:
    for start, (gain, bias) in STARTS.items():
        for pair in PAIRS:
            assert lesson["tuned"](pair, gain=gain, bias=bias).rate == chosen(table, pair, start)[0]


@pytest.mark.parametrize(
    ("start", "rate"),
    [("ordinary", 1.0), ("output weights × 40", 0.1), ("bias of 0 at +20", 5.0), ("bias of 0 at +10", 10.0)],
)
def test_the_recovery_explorer_shows_the_runs_of_the_table(
    lesson: Any, table: Any, start: str, rate: float
) -> None:
    caption, data = at(lesson["recovering"], start=start, rate=rate)
    assert caption.startswith(f"Start: {start}. Rate {rate:g}.")
    for pair in PAIRS:
        rows = table[pair, *STARTS[start], rate]
        ends = [100 * float(row["test_30"]) for row in rows]
        spread = f"{sum(ends) / 10:.1f}% ({min(ends):.1f}% … {max(ends):.1f}%)" if any(ends) else "diverged"
        assert f"{pair} {spread}" in caption
        means = [sum(float(row[f"test_{epoch}"]) for row in rows) / 10 for epoch in range(31)]
        assert data[pair] == pytest.approx(np.column_stack([range(31), means]))


def test_the_table_is_what_the_experiment_computes(table: Any) -> None:
    for gain, bias, loss, rate in ((1.0, 0.0, PAIRS[1], 1.0), (1.0, 20.0, PAIRS[0], 1.0)):
        rows = table[loss, gain, bias, rate]
        again = experiment.run([experiment.Task(loss, gain, bias, rate, int(row["seed"])) for row in rows])
        for row, now in zip(rows, again, strict=True):
            # On another processor a run may end a few of the 360 digits apart.
            assert now.test[-1] == pytest.approx(float(row["test_30"]), abs=3.5 / 360)
            assert now.validation == pytest.approx(float(row["validation"]), abs=3.5 / 360)


# Section 5 ------------------------------------------------------------------------------------------------


def sizes_by_hand(layers: int, sure: float, seed: int) -> np.ndarray:
    """RMS of each layer's weight gradient, for squared error and cross-entropy, without `helpers.network`."""
    rng = np.random.default_rng(seed)
    shapes = [(32, 64 if n == 0 else 32) for n in range(layers)] + [(10, 32)]
    weights = [math.sqrt(2 / sum(shape)) * rng.standard_normal(shape) for shape in shapes]
    X, labels = digits().train.X[:100], digits().train.labels[:100]
    outputs = [X]
    for W in weights[:-1]:
        outputs.append(expit(outputs[-1] @ W.T))
    logits = outputs[-1] @ weights[-1].T
    logits[:, 0] += sure
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    p, y = exps / exps.sum(axis=1, keepdims=True), np.eye(10)[labels]
    jacobians = np.einsum("bi,ij->bij", p, np.eye(10)) - np.einsum("bi,bj->bij", p, p)
    found = []
    for delta in (np.einsum("bij,bj->bi", jacobians, p - y) / 100, (p - y) / 100):
        sizes = []
        for W, below in zip(reversed(weights), reversed(outputs), strict=True):
            sizes.append(math.sqrt(np.mean((delta.T @ below) ** 2)))
            delta = (delta @ W) * below * (1 - below)
        found.append(sizes[::-1])
    return np.array(found)


@pytest.mark.parametrize(("layers", "sure"), [(1, 0), (4, 10), (10, 0), (10, 20)])
def test_the_gradients_by_layer_are_medians_of_ten_networks(lesson: Any, layers: int, sure: int) -> None:
    caption, data = at(lesson["reaching"], layers=layers, sure=sure)
    median = np.median([sizes_by_hand(layers, sure, seed) for seed in range(10)], axis=0)
    for name, sizes in zip(("squared error", "cross-entropy"), median, strict=True):
        assert data[name] == pytest.approx(np.column_stack([range(1, layers + 2), sizes]), rel=1e-6)
    ends = [median[0][0], median[0][-1], median[1][0], median[1][-1]]
    assert numbers(caption) == pytest.approx([layers, sure, *ends], rel=0.06)


def test_the_loss_lifts_the_whole_line_and_leaves_its_slope(saved: str) -> None:
    plain = np.array([sizes_by_hand(10, 0, seed) for seed in range(10)])
    ratio = plain[..., 0] / plain[..., -1]
    for name, ratios in zip(("squared error", "cross-entropy"), ratio.T, strict=True):
        assert ratios.max() < 1e-5
        assert f"first over output layer, {name}: {np.median(ratios):.0e}" in saved
    assert 0.2 < np.median(ratio[:, 0]) / np.median(ratio[:, 1]) < 5
    assert (plain[:, 1] > plain[:, 0]).all()
    assert min(sizes_by_hand(10, 20, seed)[1, -1] for seed in range(10)) > 0.1


# Section 6 ------------------------------------------------------------------------------------------------


def answers(network: Any, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hidden outputs and logits of a network of Dense, Activate, Dense, from its arrays alone."""
    first, act, last = network.layers
    hidden = {"sigmoid": expit, "tanh": np.tanh}[act.activation.name](X @ first.W.T + first.b)
    return hidden, hidden @ last.W.T + last.b


def softmax_by_hand(logits: np.ndarray) -> np.ndarray:
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exps / exps.sum(axis=1, keepdims=True)


def test_the_printed_confidence_is_the_mean_of_the_largest_probability(lesson: Any, saved: str) -> None:
    parts = [digits(seed).test for seed in range(10)]
    for pair, nets in lesson["live"].items():
        shares = [softmax_by_hand(answers(net, part.X)[1]) for net, part in zip(nets, parts, strict=True)]
        sure = 100 * np.mean([p.max(axis=1).mean() for p in shares])
        rights = [np.mean(p.argmax(axis=1) == part.labels) for p, part in zip(shares, parts, strict=True)]
        right = 100 * np.mean(rights)
        assert f"{pair}: mean confidence {sure:.1f}%, right {right:.1f}%" in saved
        assert (sure > right) == (pair == "softmax + cross-entropy")


@pytest.mark.parametrize("unit", [1, 8, 17, 24])
def test_the_units_show_what_excites_them(lesson: Any, unit: int) -> None:
    caption, _ = at(lesson["looking"], unit=unit)
    test, network = digits().test, lesson["watched"]
    response = answers(network, test.X)[0][:, unit - 1]
    means = [response[test.labels == digit].mean() for digit in range(10)]
    strongest = sorted(range(len(response)), key=lambda i: -response[i])[:6]
    shown = numbers(caption)
    assert shown[0] == unit
    assert shown[1:7] == [test.labels[i] for i in strongest]
    assert shown[7:] == pytest.approx(
        [
            response[strongest[-1]],
            max(means),
            np.argmax(means),
            min(means),
            np.argmin(means),
            sum(mean > 0.5 for mean in means),
        ],
        abs=5.1e-3,
    )
    assert shown[-1] >= 3
    heights = [bar.get_height() for bar in lesson["bars"]]
    assert heights == pytest.approx(means)
    W = network.layers[0].W[unit - 1]
    weights = np.asarray(lesson["weights_image"].get_array())
    assert weights.ravel() == pytest.approx(W / np.abs(W).max())
    first = np.asarray(lesson["digits_image"].get_array())[:8, :8]
    assert np.corrcoef(first.ravel(), test.X[strongest[0]] - lesson["paper"])[0, 1] > 1 - 1e-9


def test_no_unit_belongs_to_one_digit(lesson: Any) -> None:
    assert ((lesson["by_digit"] > 0.5).sum(axis=0) >= 3).all()


def test_ink_is_the_gray_of_the_images_as_bundled(lesson: Any) -> None:
    pixels = load_digits().data
    for ink in lesson["ink"][:20]:
        scaled = ink / ink.max() * pixels.max(axis=1, keepdims=True)
        assert (np.abs(scaled - pixels).max(axis=1) < 1e-9).any()


@pytest.mark.parametrize(
    ("first", "ink_1", "second", "ink_2", "trained_on"),
    [
        (3, 1.0, 6, 0.0, "single digits"),
        (3, 0.0, 6, 0.0, "single digits"),
        (0, 1.0, 7, 0.5, "overlays too"),
        (4, 1.0, 9, 1.0, "overlays too"),
    ],
)
def test_softmax_and_sigmoids_answer_as_their_weights_say(
    lesson: Any, first: int, ink_1: float, second: int, ink_2: float, trained_on: str
) -> None:
    settings = {"first": first, "ink_1": ink_1, "second": second, "ink_2": ink_2, "trained_on": trained_on}
    caption, _ = at(lesson["asked_both"], **settings)
    test, paper = digits().test, digits().train.X.min(axis=0)
    images = [test.X[list(test.labels).index(digit)] - paper for digit in (first, second)]
    x = (paper + ink_1 * images[0] + ink_2 * images[1])[None]
    soft = np.mean(
        [softmax_by_hand(answers(n, x)[1])[0] for n in lesson["kinds"]["softmax, single digits"]], 0
    )
    each = np.mean([expit(answers(n, x)[1])[0] for n in lesson["kinds"][f"sigmoids, {trained_on}"]], axis=0)
    for head, mean in (("Softmax", soft), ("Sigmoids", each)):
        yes = " and ".join(str(digit) for digit in range(10) if mean[digit] > 0.5) or "no digit"
        assert f"{head}: above ½ for {yes}, largest {mean.max():.2f}, sum {mean.sum():.2f}." in caption
    assert soft.sum() == pytest.approx(1)
    shown = [bar.get_height() for bar in lesson["heads"]["sigmoids"][0]]
    assert shown == pytest.approx(each)


def test_what_is_said_of_blank_paper_and_of_overlays_is_counted(lesson: Any, saved: str) -> None:
    X, Y = lesson["X_pairs"], lesson["Y_pairs"]
    assert 400 < len(X) < 500
    assert len(lesson["X_two"]) == pytest.approx(1800, abs=25)
    assert (Y.sum(axis=1) == 2).all()
    test, paper, finds, right = digits().test, lesson["paper"][None], {}, {}
    for kind, nets in lesson["kinds"].items():
        f = softmax_by_hand if kind.startswith("softmax") else expit
        blank = [f(answers(net, paper)[1]).max() for net in nets]
        both = [f(answers(net, X)[1])[Y == 1].reshape(-1, 2) > 0.5 for net in nets]
        finds[kind] = [float(np.mean(pair[:, 0] & pair[:, 1])) for pair in both]
        right[kind] = [np.mean(answers(net, test.X)[1].argmax(axis=1) == test.labels) for net in nets]
        told = (
            f"{kind}: on blank paper some output is above ½: {np.sum(np.array(blank) > 0.5)} of 10 networks\n"
            "  both digits are found in more than a third of the overlays: "
            f"{np.sum(np.array(finds[kind]) > 1 / 3)}\n"
            f"  more than 90% of the single digits are right: {np.sum(np.array(right[kind]) > 0.9)}\n"
        )
        assert told in saved
        # Softmax must share out a whole 1 among ten digits.
        assert min(blank) > 0.1 or not kind.startswith("softmax")
    softmax, single, overlays = finds.values()
    assert max(softmax) == 0
    assert max(single) < 0.15 < 1 / 3 < min(overlays)
    _, without, with_overlays = map(np.mean, right.values())
    assert f"costs accuracy on single digits, on average: {with_overlays < without}" in saved


# Exercises ------------------------------------------------------------------------------------------------


def test_the_target_is_matched_only_at_its_own_settings(lesson: Any) -> None:
    explorer = lesson["matching"]
    target = np.exp([1.2, -0.8, 0.0]) / np.exp([1.2, -0.8, 0.0]).sum()
    assert at(explorer, z1=1.2, z2=-0.8)[0].endswith("Matched.")
    for z1, z2 in ((1.2, -0.6), (-1.2, 0.8), (0.0, 0.0)):
        caption, _ = at(explorer, z1=z1, z2=z2)
        q = np.exp([z1, z2, 0.0]) / np.exp([z1, z2, 0.0]).sum()
        assert numbers(caption) == pytest.approx([*target, entropy(target, q)], abs=5.1e-5)


def test_the_strongest_pull_is_at_one_third(lesson: Any) -> None:
    best = minimize_scalar(lambda s: -((1 - s) ** 2) * s, bounds=(0, 1), method="bounded")
    assert best.x == pytest.approx(1 / 3, abs=1e-5)
    assert lesson["questions"]["strongest"].mark(best.x).right


def test_the_divergence_in_bits_is_scipys(lesson: Any) -> None:
    assert lesson["questions"]["bits"].mark(entropy([0.5, 0.5], [0.25, 0.75], base=2)).right


def test_the_naive_loss_breaks_from_37_on(lesson: Any) -> None:
    assert lesson["infinite"] == 37
    assert np.isfinite(np.log(1 - 1 / (1 + np.exp(-36.0))))
    assert 1 / (1 + np.exp(-37.0)) == 1
    stable = lesson["in_logits"].result.subs({lesson["y"]: 0, lesson["z"]: 37})
    assert float(stable) == pytest.approx(37)
