"""The numbers that lesson 02 shows, against values computed another way."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from lessons import at, numbers
from scipy.special import expit
from scipy.stats import norm

from helpers.network import gradient_profile


@pytest.mark.parametrize(("x", "k"), [(-6.0, 0.5), (0.0, 1.0), (1.2, 5.0), (6.0, 2.0)])
def test_the_saturation_explorer_shows_value_slope_and_share(lesson: Any, x: float, k: float) -> None:
    caption, data = at(lesson["saturation"], x=x, k=k)
    h = 1e-6
    slope = (expit(k * (x + h)) - expit(k * (x - h))) / (2 * h)
    # Where the slope of σ is 1/400, found without the quadratic equation.
    u = 2 * math.acosh(10)
    share = 100 * 2 * norm.sf(u / k)
    shown = numbers(caption)
    assert shown[:3] == pytest.approx([x, expit(k * x), slope], abs=5.1e-5)
    assert shown[3] == pytest.approx(share, abs=0.051)
    assert shown[-1] == pytest.approx(k / 4, abs=5e-3)
    grid, curve = data["value"].T
    assert curve == pytest.approx(expit(k * grid))
    (x0, y0), (x1, y1) = data["tangent"]
    assert (y1 - y0) / (x1 - x0) == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_the_sigmoid_turns_into_tanh(lesson: Any, t: float) -> None:
    caption, data = at(lesson["morphing"], t=t)
    grid, curve = data["value"].T
    assert numbers(caption)[1:3] == pytest.approx([0, (1 + t) ** 2 / 4], abs=5.1e-4)
    assert numbers(caption)[-1] == pytest.approx(np.abs(curve - np.tanh(grid)).max(), abs=5.1e-4)
    slopes = np.gradient(curve, grid, edge_order=2)
    assert data["slope"][:, 1] == pytest.approx(slopes, abs=2e-3)
    if t == 1:
        assert curve == pytest.approx(np.tanh(grid), abs=1e-15)


def steps(slope: Any, value: Any, x: float, rate: float, arrived: Any) -> int:
    count = 0
    while not arrived(value(x)):
        x -= rate * slope(x)
        count += 1
    return count


@pytest.mark.parametrize("rate", [0.2, 1.0, 5.0])
def test_the_race_counts_the_steps_of_a_plain_loop(lesson: Any, rate: float) -> None:
    rule = "first f ≤ target"
    caption, _ = at(lesson["racing"], rate=rate, start=0.9, target=0.5, rule=rule)
    sigmoid = steps(lambda x: expit(x) * expit(-x), expit, math.log(9), rate, lambda f: f <= 0.5)
    relu = steps(lambda x: 1.0, lambda x: x, 0.9, rate, lambda f: f <= 0.5)
    assert f"sigmoid {sigmoid} steps; ReLU {relu} steps" in caption


def test_the_race_by_squared_error_takes_406_steps_and_says_so(lesson: Any) -> None:
    caption, _ = at(lesson["racing"], rate=0.2, rule="squared error, within 0.01")

    def slope(x: float) -> float:
        return float((expit(x) - 0.5) * expit(x) * expit(-x))

    count = steps(slope, expit, math.log(9), 0.2, lambda f: abs(f - 0.5) <= 0.01)
    assert f"sigmoid {count} steps" in caption
    assert count == 406


@pytest.mark.parametrize(
    ("w", "z", "layers"), [(0.5, 0.0, 1), (4.0, 0.0, 30), (5.0, 0.0, 30), (8.0, 6.0, 10)]
)
def test_the_chain_multiplies_its_factors(lesson: Any, w: float, z: float, layers: int) -> None:
    caption, data = at(lesson["chain"], w=w, z=z, layers=layers)
    factor = w * math.exp(-z) / (1 + math.exp(-z)) ** 2
    product = math.prod([factor] * layers)
    assert numbers(caption)[0] == pytest.approx(factor, abs=5.1e-5)
    assert numbers(caption)[1] == pytest.approx(product, rel=6e-3)
    assert ("grows" in caption, "shrinks" in caption) == (factor > 1, factor < 1)
    assert any(len(points) == 1 and points[0] == pytest.approx([layers, product]) for points in data.values())


@pytest.mark.parametrize(
    ("recipe", "arguments"),
    [
        ("sigmoid, Xavier", {"activation": "sigmoid", "init": "xavier"}),
        ("sigmoid, 4×Xavier", {"activation": "sigmoid", "init": "xavier", "gain": 4}),
        ("ReLU, He", {"activation": "relu", "init": "he"}),
    ],
)
def test_the_signals_are_medians_of_ten_networks(lesson: Any, recipe: str, arguments: Any) -> None:
    caption, data = at(lesson["signals"], depth=6, recipe=recipe)
    ten = [gradient_profile(6, seed=seed, **arguments) for seed in range(10)]
    for signal in ("activations", "deltas", "weight_gradients"):
        expected = np.median([getattr(profile, signal) for profile in ten], axis=0)
        assert data[signal.replace("_", " ")][:, 1] == pytest.approx(expected)
    first = np.median([profile.weight_gradients[0] for profile in ten])
    assert numbers(caption)[-2] == pytest.approx(first, rel=0.06)


def test_the_measured_recipes_do_what_the_text_says(lesson: Any) -> None:
    deep, profiles = lesson["deep"], lesson["profiles"]
    assert 1e-20 < deep["sigmoid, Xavier"] < 1e-17
    assert 1e-8 < deep["sigmoid, 4×Xavier"] < 1e-6
    assert 0.5 < deep["tanh, Xavier"] < 2
    assert 0.2 < deep["ReLU, He"] < 2
    assert 0.5 < deep["ReLU, Xavier"] < 2
    he, xavier = (
        np.median([profile.weight_gradients[0] for profile in profiles(f"ReLU, {init}", 30)])
        for init in ("He", "Xavier")
    )
    assert 1e4 < he / xavier < 1e5


def test_the_operations_of_the_card_are_those_a_hand_counts(lesson: Any) -> None:
    # Splitting x takes 3, each of 14 terms a product and a sum, 2ᵏ one, and −x, 1 + … and 1 / … three.
    assert lesson["work"] == {"ReLU": 1, "textbook σ": 3 + 2 * 14 + 1 + 3, "the layer's w · x": 2 * 2000}
    assert lesson["operations"](lambda a, b: (a + b) * b - 1, 2.0, 3.0) == 3
    with mpmath.workdps(30):
        for x in (-700.0, -3.2, 0.0, 1e-9, 0.34, 12.5, 700.0):
            assert lesson["exp_in_terms"](x) == pytest.approx(float(mpmath.exp(x)), rel=2e-13)


def test_the_target_is_matched_only_at_its_own_settings(lesson: Any) -> None:
    explorer = lesson["matching"]
    assert at(explorer, gain=2.5, shift=1.0)[0] == "Matched."
    assert at(explorer, gain=2.5, shift=1.25)[0] != "Matched."
    caption, _ = at(explorer, gain=0.5, shift=-3.0)
    grid = lesson["grid"]
    away = np.abs(expit(0.5 * (grid + 3)) - expit(2.5 * (grid - 1))).max()
    assert numbers(caption) == pytest.approx([away], abs=5.1e-4)
