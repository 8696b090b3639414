"""The numbers that lesson 09 shows, against values computed another way."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from lessons import at, numbers, table_rows
from scipy.optimize import minimize_scalar
from scipy.special import erf, expit, lambertw
from sympy import lambdify

from experiments.choosing import ACTIVATIONS, RATES, RESULTS, SEEDS, Task, run, tasks

GELU = {"gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2, "silu": lambda x: x * expit(x)}
GELU["mish"] = lambda x: x * np.tanh(np.logaddexp(0, x))


@pytest.mark.parametrize(("zoom", "center"), [(0, 0.0), (3, 1.5), (6, -4.0)])
def test_two_functions_differ_by_what_the_caption_says(lesson: Any, zoom: int, center: float) -> None:
    caption, data = at(lesson["comparing"], first="gelu", second="silu", scale=1.0, zoom=zoom, center=center)
    x = np.linspace(center - 4 / 2**zoom, center + 4 / 2**zoom, 401)
    apart = np.abs(GELU["gelu"](x) - GELU["silu"](x)).max()
    assert f"the values differ by at most {apart:.4f}" in caption
    first = [values for name, values in data.items() if name.startswith("first")]
    assert any(values[:, 1] == pytest.approx(GELU["gelu"](x), abs=1e-12) for values in first)


@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0])
def test_the_scale_multiplies_a_parameter(lesson: Any, scale: float) -> None:
    caption, _ = at(lesson["comparing"], first="elu", second="relu", scale=scale, zoom=0, center=0.0)
    assert f"Parameters: alpha = {scale:.3g}." in caption
    assert f"the values differ by at most {scale * (1 - math.exp(-4)):.4f}" in caption


@pytest.mark.parametrize(("function", "beta"), [("gelu", 1.0), ("silu", 0.5), ("silu", 3.0), ("mish", 1.0)])
def test_the_dips_are_where_a_minimizer_finds_them(lesson: Any, function: str, beta: float) -> None:
    caption, data = at(lesson["dipping"], function=function, beta=beta)
    curve = GELU[function]
    scale = beta if function == "silu" else 1.0
    found = minimize_scalar(
        lambda x: curve(scale * x) / scale, bounds=(-8, 0), method="bounded", options={"xatol": 1e-9}
    )
    value, place = numbers(caption)[-2:]
    assert value == pytest.approx(found.fun, abs=1e-5)
    assert place == pytest.approx(found.x, abs=2e-5)
    assert data["lowest 0"][0] == pytest.approx([found.x, found.fun], abs=2e-5)


def test_silu_dips_by_lambert_w(lesson: Any) -> None:
    w = lambertw(math.exp(-1)).real
    assert float(lesson["known"]["silu"].minimum.value) == pytest.approx(-w, abs=1e-12)


def test_the_other_form_of_mish_overflows_and_the_catalogues_does_not(lesson: Any) -> None:
    at_both = np.array([300.0, 400.0])
    with np.errstate(over="ignore", invalid="ignore"):
        other = lambdify(lesson["x"], lesson["mish"].result, "numpy")(at_both)
    assert np.isfinite(other).tolist() == [True, False]
    assert lesson["ACTIVATIONS"]["mish"](at_both).tolist() == [300, 400]


@pytest.mark.parametrize(("leak", "rest"), [(10.0, 0.0), (20.0, 2.0), (40.0, 5.0)])
def test_the_neuron_fires_as_often_as_a_simulated_one(lesson: Any, leak: float, rest: float) -> None:
    caption, _ = at(lesson["spiking"], leak=leak, rest=rest)
    step, shown = 1e-4, re.findall(r"([\d.]+) spikes per second at I = 2, ([\d.]+) at I = 6", caption)[0]
    for current, told in zip((2.0, 6.0), shown, strict=True):
        voltage = time = 0.0
        while voltage < 1:
            voltage += step * (current - voltage) / leak
            time += step
        assert float(told) == pytest.approx(1000 / (time + rest), rel=2e-3)
    if rest:
        assert f"It can never pass {1000 / rest:.0f}." in caption


@pytest.mark.parametrize(("angle", "shift"), [(0, 0.0), (90, 1.0), (180, -2.0)])
def test_the_shares_of_the_three_kinds(lesson: Any, angle: int, shift: float) -> None:
    caption, _ = at(lesson["seeing"], angle=angle, shift=shift)
    x, y = np.meshgrid(np.linspace(-3, 3, 121), np.linspace(-3, 3, 121))
    turn = np.exp(-1j * math.radians(angle)) * (x + 1j * y) - shift
    ridge, radial = turn.real > 0.3, np.abs(turn) < math.sqrt(math.log(10))
    folding = np.maximum(turn.real, turn.imag) > 0.3
    shown = [int(text) for text in re.findall(r"(\d+)%", caption)]
    assert shown == pytest.approx([100 * kind.mean() for kind in (ridge, radial, folding)], abs=0.8)


def test_the_target_is_celu_with_alpha_two_and_nothing_else(lesson: Any) -> None:
    assert at(lesson["matching"], function="celu", scale=2.0)[0] == "Matched."
    for function, scale in (("celu", 1.0), ("elu", 2.0), ("selu", 1.0), ("silu", 2.0)):
        assert at(lesson["matching"], function=function, scale=scale)[0] != "Matched."


@pytest.mark.parametrize("other", ["elu", "relu", "tanh"])
def test_your_own_function_is_as_far_away_as_the_caption_says(lesson: Any, other: str) -> None:
    caption, _ = at(lesson["own"], other=other)
    x = np.linspace(-4, 4, 401)
    theirs = {"elu": np.where(x > 0, x, np.expm1(x)), "relu": np.maximum(x, 0), "tanh": np.tanh(x)}[other]
    away = np.abs((np.sqrt(x**2 + 1) - 1) / 2 + x - theirs).max()
    assert caption.endswith(f"differ by at most {away:.3f}.")


# The experiment -------------------------------------------------------------------------------------------


def table() -> dict[tuple[str, float, int], tuple[float, float]]:
    return {
        (row["activation"], float(row["rate"]), int(row["seed"])): (
            float(row["validation_accuracy"]),
            float(row["test_accuracy"]),
        )
        for row in table_rows(RESULTS)
    }


def test_the_lesson_tunes_and_compares_as_plain_loops_do(lesson: Any) -> None:
    rows, tuned = table(), {}
    assert len(rows) == len(tasks())
    for name in ACTIVATIONS:
        means = {rate: np.mean([rows[name, rate, seed][0] for seed in SEEDS]) for rate in RATES}
        best = max(means, key=means.__getitem__)
        tuned[name] = np.array([rows[name, best, seed][1] for seed in SEEDS])
        assert lesson["tuned"][name] == pytest.approx(tuned[name])
        learned = sum(min(rows[name, rate, seed][1] for seed in SEEDS) > 0.9 for rate in RATES)
        assert lesson["stable"][name] == learned
    for other, found in lesson["duels"].items():
        assert found.mean == pytest.approx((tuned["mish"] - tuned[other]).mean())
    for name, found in lesson["against_relu"].items():
        gain = tuned[name] - tuned["relu"]
        assert found.mean == pytest.approx(gain.mean())
        # The choice of the rate can only add to what a paired t test sees.
        assert found.error > 0.95 * gain.std(ddof=1) / math.sqrt(len(gain))


def test_no_activation_is_detectably_better_or_worse_than_relu_as_the_text_says(lesson: Any) -> None:
    assert lesson["detected"] == []
    assert set(lesson["alone"]) == {name for name, d in lesson["against_relu"].items() if d.low * d.high > 0}


def test_one_configuration_runs_to_the_committed_rows() -> None:
    rows = table()
    for again in run([Task("gelu", 1.0, seed) for seed in SEEDS]):
        # Another processor rounds otherwise; five images of 360 are allowed.
        assert (again.validation_accuracy, again.test_accuracy) == pytest.approx(
            rows["gelu", 1.0, again.seed], abs=5.01 / 360
        )
