"""The numbers that lesson 03 shows, against plain loops, closed forms and quadrature."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
from lessons import at, numbers
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from helpers.drawing import Picture


@pytest.fixture(scope="module")
def cards(ran: Any) -> dict[str, Any]:
    return {card.id: card for card in ran.shown.values() if hasattr(card, "verdict")}


@pytest.fixture(scope="module")
def captions(ran: Any) -> list[str]:
    return [picture.caption for picture in ran.shown.values() if isinstance(picture, Picture)]


# The mean -------------------------------------------------------------------------------------------------

SHAPES = {
    "sigmoid": expit,
    "tanh": math.tanh,
    "relu": lambda u: max(u, 0.0),
    "identity": lambda u: u,
}


@pytest.mark.parametrize(
    ("mean", "spread", "law", "activation"),
    [
        (0.0, 1.0, "uniform", "sigmoid"),
        (1.0, 1.0, "uniform", "tanh"),
        (1.0, 1.0, "normal", "tanh"),
        (-0.5, 2.0, "normal", "relu"),
        (2.0, 0.25, "uniform", "identity"),
    ],
)
def test_the_distributions_have_the_moments_of_their_integrals(
    lesson: Any, mean: float, spread: float, law: str, activation: str
) -> None:
    caption, data = at(lesson["shift"], mean=mean, spread=spread, law=law, activation=activation)
    f = SHAPES[activation]

    def expected(g: Any) -> float:
        if law == "uniform":
            ends = (mean - spread, mean + spread)
            return quad(g, *ends, points=[0] if ends[0] < 0 < ends[1] else None)[0] / (2 * spread)
        density = norm(mean, spread).pdf
        return quad(lambda u: g(u) * density(u), mean - 9 * spread, mean + 9 * spread, points=[0, mean])[0]

    after = expected(f)
    deviations = [
        math.sqrt(expected(lambda u: u**2) - mean**2),
        math.sqrt(expected(lambda u: f(u) ** 2) - after**2),
    ]
    assert numbers(caption) == pytest.approx([mean, after, *deviations], abs=1.1e-3)
    assert data["mean out"][:, 0] == pytest.approx([after, after], abs=1e-3)


def test_the_cards_on_the_mean_show_quadratures(cards: Any) -> None:
    second = quad(lambda u: expit(u) ** 2 / 2, -1, 1)[0]
    assert float(cards["C20"].evidence["variance"]) == pytest.approx(second - 1 / 4, abs=5e-6)
    assert quad(lambda u: expit(u) / 2, -1, 1)[0] == pytest.approx(1 / 2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    normal = (weights * np.tanh(1 + nodes)).sum() / math.sqrt(2 * math.pi)
    exponential = quad(lambda p: math.tanh(-math.log(p) - 1), 0, 1)[0]
    shown = [float(number) for number in cards["C21"].evidence.values()]
    assert shown == pytest.approx([quad(math.tanh, 0, 2)[0] / 2, normal, exponential], abs=6e-5)


# The signs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x1", "x2", "delta", "batch", "step", "says"),
    [
        (1.0, 3.0, 1.0, False, (-1, -3), "same way"),
        (1.0, 3.0, 1.0, True, (2, -2), "apart"),
        (2.0, 0.5, -1.5, False, (3, 0.75), "same way"),
        (-1.0, 3.0, 2.0, False, (2, -6), "apart"),
        (0.0, 3.0, 1.0, False, (0, -3), "one weight stays"),
        (3.0, 3.0, -2.0, True, (9, 7), "same way"),
    ],
)
def test_the_updates_are_added_by_hand(
    lesson: Any, x1: float, x2: float, delta: float, batch: bool, step: Any, says: str
) -> None:
    caption, data = at(lesson["signs"], x1=x1, x2=x2, delta=delta, batch=batch)
    assert numbers(caption) == pytest.approx(step)
    assert says in caption
    assert data["first example"][1] == pytest.approx([-delta * x1, -delta * x2])
    assert ("sum" in data) == batch
    if batch:
        assert data["sum"][1] == pytest.approx(step)


# The walks ------------------------------------------------------------------------------------------------


def data_set(mu: float, centered: bool, seed: int = 0) -> list[list[float]]:
    rows = [
        [1 / (1 + math.exp(-z)) - 0.5 + mu for z in row]
        for row in np.random.default_rng(seed).standard_normal((500, 2)).tolist()
    ]
    if centered:
        power = sum(v * v for row in rows for v in row)
        means = [sum(column) / 500 for column in zip(*rows, strict=True)]
        rows = [[v - m for v, m in zip(row, means, strict=True)] for row in rows]
        scale = math.sqrt(power / sum(v * v for row in rows for v in row))
        rows = [[scale * v for v in row] for row in rows]
    return rows


def plain_walk(
    rows: list[list[float]], rate: float, batch: int, draws: int = 0, goal: Any = (1, -1), steps: int = 200
) -> list[tuple[float, float]]:
    """Descend by a loop over single numbers, with the draws that the lesson makes."""
    rng = np.random.default_rng([draws, batch])
    path = [(0.0, 0.0)]
    while len(path) <= steps:
        e = [w - g for w, g in zip(path[-1], goal, strict=True)]
        if math.dist(path[-1], goal) <= 0.05 * math.hypot(*goal) or max(map(abs, path[-1])) > 1000:
            break
        drawn = rows if batch == 500 else [rows[i] for i in rng.integers(500, size=batch)]
        slope = [sum((r[0] * e[0] + r[1] * e[1]) * r[i] for r in drawn) / len(drawn) for i in (0, 1)]
        path.append((path[-1][0] - rate * slope[0], path[-1][1] - rate * slope[1]))
    return path


def plain_measure(path: list[tuple[float, float]]) -> tuple[float, float, int]:
    moves = [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(path)]
    length = sum(math.hypot(*move) for move in moves)
    one_sign = sum(move[0] > 0 < move[1] or move[0] < 0 > move[1] for move in moves)
    return length / math.dist(path[0], path[-1]), one_sign / len(moves), len(moves)


def curvatures(rows: list[list[float]]) -> tuple[float, float]:
    """Give both eigenvalues of the mean of x xᵀ, by the quadratic formula."""
    a, b, c = (sum(r[i] * r[j] for r in rows) / len(rows) for i, j in ((0, 0), (0, 1), (1, 1)))
    half = math.hypot((a - c) / 2, b)
    return (a + c) / 2 - half, (a + c) / 2 + half


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"centered": True},
        {"batch": 8, "mu": 0.8, "rate": 0.7},
        {"batch": 500},
        {"mu": 0.0, "rate": 2.0, "batch": 2},
        {"step": 30, "mu": 1.0},
        {"step": 154},
        {"rate": 4.0},
    ],
    ids=str,
)
def test_the_walk_is_that_of_a_plain_loop(lesson: Any, setting: dict[str, Any]) -> None:
    caption, data = at(lesson["walking"], **setting)
    values = {"step": 200, "mu": 0.5, "rate": 0.5, "batch": 1, "centered": False} | setting
    rows = data_set(values["mu"], values["centered"])
    path = plain_walk(rows, values["rate"], values["batch"])[: values["step"] + 1]
    full = plain_walk(rows, values["rate"], 500)[: values["step"] + 1]
    small, large = curvatures(rows)
    ratio, one_sign, taken = plain_measure(path)
    assert f"Condition number {large / small:.1f}." in caption
    assert f"path is {ratio:.2f} times" in caption
    assert f"{one_sign:.0%} of its updates" in caption
    for walked, who in ((path, "Your batch"), (full, "the full batch")):
        where = f"at step {len(walked) - 1}"
        if max(map(abs, walked[-1])) > 1000:
            assert f"{who} diverges, beyond 1000 {where}" in caption
        elif math.dist(walked[-1], (1, -1)) <= 0.05 * math.sqrt(2):
            assert f"{who} arrives {where}" in caption
        else:
            left = math.dist(walked[-1], (1, -1)) / math.sqrt(2)
            assert f"{who} has {left:.0%} left {where}" in caption
    assert (f"above the limit {2 / large:.2f}" in caption) == (values["rate"] > 2 / large)
    assert data["path"] == pytest.approx(np.clip(path, -2800, 2800), rel=1e-6, abs=1e-9)
    assert data["your batch"][-1, 0] == taken


@pytest.mark.parametrize(("mu", "centered"), [(0.5, False), (1.0, False), (0.5, True)])
def test_every_point_of_a_contour_has_its_loss(lesson: Any, mu: float, centered: bool) -> None:
    _, data = at(lesson["walking"], mu=mu, centered=centered)
    rows = np.array(data_set(mu, centered))
    for i in range(8):
        errors = (data[f"contour {i}"] - [1, -1]) @ rows.T
        assert (errors**2).mean(axis=1) / 2 == pytest.approx(0.0006 * 4**i)


@pytest.mark.parametrize(
    ("batch", "centered", "goal"),
    [(1, False, (1.0, -1.0)), (8, True, (1.0, -1.0)), (500, False, (1.0, -1.0)), (1, False, (1.0, 1.0))],
)
def test_the_twenty_runs_are_twenty_plain_loops(lesson: Any, batch: int, centered: bool, goal: Any) -> None:
    seeds = range(20) if batch < 500 else range(0, 20, 7)
    runs = [
        plain_measure(plain_walk(data_set(0.5, centered, seed), 0.5, batch, seed, goal, 400))
        for seed in seeds
    ]
    expected = lesson["twenty"](batch, centered, goal=goal)[:, list(seeds)]
    assert expected == pytest.approx(np.array(runs).T)


def test_the_measured_bands_do_what_the_text_says(lesson: Any, captions: list[str], cards: Any) -> None:
    raw = {batch: lesson["twenty"](batch, False) for batch in lesson["batches"]}
    middle = {batch: lesson["twenty"](batch, True) for batch in lesson["batches"]}
    paths = [np.median(runs[0]) for runs in raw.values()]
    assert paths == sorted(paths, reverse=True)
    assert paths[0] > 3
    assert paths[-1] < 1.01
    assert np.median(middle[1][0]) < 1.5
    # The steps: all medians of one row within the spread of any, the two rows far apart.
    for runs in (raw, middle):
        steps = np.array([np.median(of[2]) for of in runs.values()])
        assert np.ptp(steps) < runs[1][2].std()
    assert min(of[2].min() for of in raw.values()) > 3 * max(of[2].max() for of in middle.values())
    assert numbers(captions[0]) == [round(np.median(raw[1][2])), round(np.median(raw[500][2]))]
    assert float(cards["C22"].evidence["path for (1, −1)"]) == pytest.approx(raw[1][0].mean(), rel=1e-3)


def test_noise_alone_gives_the_share_of_the_normal_quadrants(lesson: Any) -> None:
    for centered in (False, True):
        rows = np.array(data_set(0.5, centered))
        (a, b), (_, c) = rows.T @ rows
        # Sheppard 1899: two normal numbers of correlation r have one sign with this probability.
        share = 1 / 2 + math.asin(b / math.sqrt(a * c)) / math.pi
        error = math.sqrt(share * (1 - share) / 20_000)
        assert lesson["noisy"][64, centered] == pytest.approx(share, abs=4 * error)
    assert lesson["noisy"][1, False] == 1
    assert 0.7 < lesson["noisy"][8, False] < 0.95


# The valley -----------------------------------------------------------------------------------------------


def test_the_average_walk_is_the_power_of_one_matrix(lesson: Any, captions: list[str]) -> None:
    rows = np.array(data_set(0.5, False))
    factor = np.eye(2) - 0.5 * rows.T @ rows / 500
    powers = np.array([[1, -1] + np.linalg.matrix_power(factor, k) @ [-1, 1] for k in range(61)])
    assert lesson["in_full"] == pytest.approx(powers)
    error = lesson["many"].std(axis=0)[1:] / math.sqrt(500)
    assert (np.abs(lesson["average"] - powers)[1:] < 4.5 * error).all()
    apart, left = numbers(captions[1])[-2:]
    assert apart == pytest.approx(np.hypot(*(lesson["average"] - powers).T).max(), abs=5.1e-4)
    assert left / 100 == pytest.approx(math.dist(lesson["average"][-1], (1, -1)) / math.sqrt(2), abs=5.1e-3)
    assert left > 25


def test_the_moments_are_those_of_closed_forms(lesson: Any) -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / math.sqrt(2 * math.pi)
    names = lesson["ACTIVATIONS"]
    sigmoid = (1 / 2, weights @ expit(nodes) ** 2 - 1 / 4)
    assert lesson["moments"](names["sigmoid"]) == pytest.approx(sigmoid, abs=1e-9)
    relu = (1 / math.sqrt(2 * math.pi), 1 / 2 - 1 / (2 * math.pi))
    assert lesson["moments"](names["relu"]) == pytest.approx(relu, abs=1e-7)
    assert lesson["moments"](names["tanh"]) == pytest.approx((0, weights @ np.tanh(nodes) ** 2), abs=1e-6)
    # "about a twelfth": of what the mean adds to the condition number
    assert sigmoid[0] ** 2 / sigmoid[1] / (relu[0] ** 2 / relu[1]) == pytest.approx(12, abs=1)


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize(("mu", "s"), [(0.5, 0.25), (1.0, 2.0)])
def test_the_condition_number_is_that_of_the_matrix(lesson: Any, n: int, mu: float, s: float) -> None:
    symbols = lesson["n"], lesson["mu"], lesson["s"]
    formula = float(lesson["condition"].result.subs(dict(zip(symbols, (n, mu, s), strict=True))))
    H = np.full((n, n), mu**2) + s**2 * np.eye(n)
    assert formula == pytest.approx(np.linalg.cond(H))


def test_a_finite_data_set_is_worse_than_the_formula(lesson: Any) -> None:
    for centered in (False, True):
        conditions = []
        for seed in range(200):
            Z = np.random.default_rng(seed).standard_normal((50, 2))
            X = expit(Z) - (expit(Z).mean(axis=0) if centered else 0)
            conditions.append(np.linalg.svd(X, compute_uv=False))
        squares = [(large / small) ** 2 for large, small in conditions]
        assert lesson["of_data"](50, centered) == pytest.approx(np.quantile(squares, [0.1, 0.5, 0.9]))
    assert lesson["of_data"](50, True)[0] > 1


@pytest.mark.parametrize(
    ("mu", "share", "angle"),
    [(0.5, 0.4, 30), (0.5, 0.9, 30), (0.2, 0.05, 90), (1.0, 0.5, 45), (0.5, 1.1, 30), (0.0, 0.3, 60)],
)
def test_the_valley_is_descended_by_two_factors(lesson: Any, mu: float, share: float, angle: int) -> None:
    caption, data = at(lesson["descending"], mu=mu, share=share, angle=angle)
    s2 = quad(lambda u: expit(u) ** 2 * norm.pdf(u), -12, 12)[0] - 1 / 4
    limit = 2 / (s2 + 2 * mu**2)
    wall, floor = 1 - 2 * share, 1 - share * limit * s2
    k = np.arange(101)
    parts = np.array([math.sin(math.radians(angle)) * wall**k, math.cos(math.radians(angle)) * floor**k])
    distances = np.hypot(*parts)
    ended = np.flatnonzero(distances <= 0.05)
    assert numbers(caption)[:4] == pytest.approx([share * limit, limit, wall, floor], abs=5.1e-3)
    fate = "diverges" if distances[-1] > 1e3 else "not there at step 100"
    last = int(ended[0]) if len(ended) else 100
    fate = f"arrives at step {last}" if len(ended) else fate
    assert f"Not centered: {fate}" in caption
    shown = data["not centered"][:, 1]
    assert shown == pytest.approx(distances[: len(shown)], rel=1e-6)
    steps = np.diff(parts[:, : len(shown)], axis=1)
    straight = np.hypot(*(parts[:, len(shown) - 1] - parts[:, 0]))
    assert f"path {np.hypot(*steps).sum() / straight:.2f} times" in caption
    alone = [j for j in range(101) if abs(wall) ** j <= 0.05]
    lost = "diverges" if abs(wall) ** 100 > 1e3 else "not there at step 100"
    assert f" Centered: {f'arrives at step {alone[0]}' if alone else lost}. Drawn" in caption
    told = re.search(r"Drawn to step (\d+), (\S+) from the minimum\.$", caption)
    assert told
    assert int(told[1]) == len(shown) - 1
    assert float(told[2]) == pytest.approx(distances[len(shown) - 1], rel=6e-3)
    # Up to half of the limit no component changes its sign.
    across = data["path"] @ [1, 1]
    assert (across[1:] * across[:-1] < -1e-12).any() == (share > 0.5)


# The rate -------------------------------------------------------------------------------------------------


def test_the_limits_of_the_rate_hold(lesson: Any, captions: list[str]) -> None:
    rows = data_set(0.5, False)
    safe, bound = 2 / max(a * a + b * b for a, b in rows), 2 / curvatures(rows)[1]
    shown = numbers(captions[2])
    assert shown[:2] == pytest.approx([safe, bound], abs=5.1e-3)
    last = dict(zip(shown[2::2], shown[3::2], strict=True))
    assert safe < last[1] < last[500] < bound
    for rate, arrives in ((3.0, True), (last[1], True), (last[1] + 0.2, False)):
        paths = [plain_walk(rows, rate, 1, draws, (1.0, 0.0), 300) for draws in range(20)]
        assert all(math.dist(path[-1], (1, 0)) <= 0.05 for path in paths) == arrives
    assert len(plain_walk(rows, bound - 0.05, 500, 0, (1.0, 0.0), 300)) < 300
    assert max(map(abs, plain_walk(rows, bound + 0.2, 500, 0, (1.0, 0.0), 300)[-1])) > 1000


def test_no_example_increases_the_distance_below_the_safe_rate(lesson: Any) -> None:
    rows = data_set(0.5, False)
    path = plain_walk(rows, 0.99 * lesson["safe"], 1)
    distances = [math.dist(w, (1, -1)) for w in path]
    assert all(after <= before + 1e-15 for before, after in itertools.pairwise(distances))


def test_the_best_rates_are_counted_again(lesson: Any, cards: Any) -> None:
    medians = {}
    for (batch, centered), (rate, counts) in lesson["at_best"].items():
        seeds = range(20, 40) if batch == 1 else range(20, 40, 5)
        steps = [
            len(plain_walk(data_set(0.5, centered, seed), rate, batch, seed, (1, -1), 400)) - 1
            for seed in seeds
        ]
        assert counts[[seed - 20 for seed in seeds]].tolist() == steps
        medians[batch, centered] = np.median(counts)
    assert medians[1, False] > medians[500, False] > 5 * medians[500, True]
    assert medians[1, True] > medians[500, True]
    assert len(cards["C23"].facts["shown"]) == 3


@pytest.mark.parametrize("goal", [(1.0, -1.0), (1.0, 1.0)])
def test_what_single_examples_cost_depends_on_the_teacher(lesson: Any, goal: tuple[float, float]) -> None:
    for batch in (1, 500):
        _, _, counted = lesson["of_goal"][goal, batch, False]
        walks = [plain_walk(data_set(0.5, False, s), 0.5, batch, s, goal, 400) for s in range(0, 20, 5)]
        assert counted[::5].tolist() == [len(walked) - 1 for walked in walks]


# The exercise ---------------------------------------------------------------------------------------------


def test_the_target_is_matched_only_at_its_own_settings(lesson: Any) -> None:
    explorer = lesson["matching"]
    assert at(explorer, mean=0.8, s=0.4)[0] == "Matched."
    for mean, s in ((0.4, 0.2), (0.7, 0.4), (0.8, 0.5), (0.0, 1.0)):
        shown = numbers(at(explorer, mean=mean, s=s)[0])
        assert shown == pytest.approx([math.sqrt(1 + 2 * (mean / s) ** 2), 3, 0.4 / s], abs=5.1e-3)
