"""Measure how long the catalogue takes, beside plain NumPy and PyTorch: `python benchmarks/catalogue.py`.

Each value and slope is computed at 2²⁰ numbers drawn from N(0, 3²), in float64 on one thread: by the
catalogue, by the best plain form in NumPy and SciPy that we know (written out below), and by PyTorch where it
is installed (the slope by its own backward pass). Plain forms need not be accurate: GELU's in its tails and
x − tanh x near 0 lose all their digits. A softmax is computed for 1024 vectors of 1024 scores.

Times are the least of several runs, which take turns (PyTorch's come after them), and count what the thread
did, not what other processes did meanwhile (``time.thread_time``). A first run, which compiles the formula,
is left out. From 10⁷ numbers on the operating system must find new memory for each result, which costs more
than any formula: longer arrays are compared with the plain form at the same length.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # read when NumPy is imported

import numpy as np  # noqa: E402
from scipy import special  # noqa: E402

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.reporting import Target, code_line, report_text, save, table, versions  # noqa: E402
from helpers.activations import ACTIVATIONS, log_softmax, softmax  # noqa: E402
from helpers.frameworks import FRAMEWORKS  # noqa: E402

MEASURED = tuple(
    f"helpers/{name}.py" for name in ("catalogue", "entry", "pieces", "primitives", "tape", "vector")
)
MOST_RATIO, MOST_MEDIAN, MOST_SCALAR_US = 1.5, 1.0, 5.0
SIZES = (10**6, 10**7, 10**8)
Formula = Callable[[Any], Any]
ROOT_2_PI, ROOT_HALF, CUBIC = np.sqrt(2 * np.pi), np.sqrt(0.5), np.sqrt(2 / np.pi)


def _choose(where: Any, a: Any, b: Any) -> Any:
    return np.where(where, a, b)


def _mish_slope(x: Any) -> Any:
    e = np.exp(np.minimum(x, 30))
    n = e * (e + 2)
    return n / (n + 2) + x * 4 * e * (e + 1) / np.square(n + 2)


def _mish(x: Any) -> Any:
    e = np.exp(np.minimum(x, 30))
    n = e * (e + 2)
    return x * (n / (n + 2))


def _gelu_tanh_slope(x: Any) -> Any:
    square = x * x
    t = np.tanh(CUBIC * x * (1 + 0.044715 * square))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * CUBIC * (1 + 3 * 0.044715 * square)


def _silu_slope(x: Any) -> Any:
    s = special.expit(x)
    return s * (1 + x * (1 - s))


def _one_minus_square(x: Any) -> Any:
    return 1 - x * x


def _sigmoid_slope(x: Any) -> Any:
    s = special.expit(x)
    return s * (1 - s)


def _steps(where: Any) -> Any:
    return where.astype(np.float64)


def _selu_slope(x: Any) -> Any:
    return 1.0507009873554805 * _choose(x > 0, 1.0, 1.6732632423543772 * np.exp(np.minimum(x, 0)))


def _exponential_slope(x: Any) -> Any:
    return _choose(x > 0, 1.0, np.exp(np.minimum(x, 0)))


PLAIN: dict[str, tuple[Formula, Formula]] = {
    "identity": (np.copy, np.ones_like),
    "binary_step": (lambda x: _steps(x > 0), np.zeros_like),
    "sigmoid": (special.expit, _sigmoid_slope),
    "hard_sigmoid": (lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda x: _steps(np.abs(x) < 3) / 6),
    "tanh": (np.tanh, lambda x: _one_minus_square(np.tanh(x))),
    "hard_tanh": (lambda x: np.clip(x, -1, 1), lambda x: _steps(np.abs(x) < 1)),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / np.square(1 + np.abs(x))),
    "relu": (lambda x: np.maximum(x, 0), lambda x: _steps(x > 0)),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda x: _steps((x > 0) & (x < 6))),
    "leaky_relu": (lambda x: np.maximum(x, 0.01 * x), lambda x: _choose(x > 0, 1.0, 0.01)),
    "prelu": (lambda x: np.maximum(x, 0.25 * x), lambda x: _choose(x > 0, 1.0, 0.25)),
    "elu": (lambda x: np.maximum(x, np.expm1(np.minimum(x, 0))), _exponential_slope),
    "selu": (
        lambda x: 1.0507009873554805 * (np.maximum(x, 0) + 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
        _selu_slope,
    ),
    "celu": (lambda x: np.maximum(x, np.expm1(np.minimum(x, 0))), _exponential_slope),
    "gelu": (
        lambda x: x * special.ndtr(x),
        lambda x: special.ndtr(x) + x * np.exp(-0.5 * x * x) / ROOT_2_PI,
    ),
    "gelu_tanh": (
        lambda x: 0.5 * x * (1 + np.tanh(CUBIC * x * (1 + 0.044715 * x * x))),
        _gelu_tanh_slope,
    ),
    "silu": (lambda x: x * special.expit(x), _silu_slope),
    "hard_swish": (
        lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
        lambda x: np.where(x <= -3, 0, np.where(x < 3, x / 3 + 0.5, 1)),
    ),
    "mish": (_mish, _mish_slope),
    "softplus": (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), special.expit),
    "log_sigmoid": (lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))), lambda x: special.expit(-x)),
    "tanh_shrink": (lambda x: x - np.tanh(x), lambda x: np.square(np.tanh(x))),
    "soft_shrink": (lambda x: x - np.clip(x, -0.5, 0.5), lambda x: _steps(np.abs(x) > 0.5)),
    "hard_shrink": (lambda x: x * (np.abs(x) > 0.5), lambda x: _steps(np.abs(x) > 0.5)),
    "threshold": (lambda x: x * (x > 1), lambda x: _steps(x > 1)),
    "gaussian": (lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x)),
    "multiquadric": (lambda x: np.sqrt(x * x + 1), lambda x: x / np.sqrt(x * x + 1)),
    "affine": (lambda x: 1.0 * x + 0.0, np.ones_like),
    "exponential": (np.exp, np.exp),
    "sine": (np.sin, np.cos),
    "snake": (lambda x: x + np.square(np.sin(x)), lambda x: 1 + np.sin(2 * x)),
    "general_hard_sigmoid": (
        lambda x: np.clip(0.2 * x + 0.5, 0, 1),
        lambda x: 0.2 * _steps(np.abs(x) < 2.5),
    ),
    "sparse_sigmoid": (lambda x: np.clip(0.5 * x + 0.5, 0, 1), lambda x: 0.5 * _steps(np.abs(x) < 1)),
    "sparse_plus": (
        lambda x: np.where(x <= -1, 0, np.where(x < 1, np.square(x + 1) / 4, x)),
        lambda x: np.clip(0.5 * x + 0.5, 0, 1),
    ),
    "squareplus": (lambda x: 0.5 * (x + np.sqrt(x * x + 4)), lambda x: 0.5 * x / np.sqrt(x * x + 4) + 0.5),
    "squared_relu": (lambda x: np.square(np.maximum(x, 0)), lambda x: 2 * np.maximum(x, 0)),
    "star_relu": (
        lambda x: 0.8944 * np.square(np.maximum(x, 0)) - 0.4472,
        lambda x: 1.7888 * np.maximum(x, 0),
    ),
    "rrelu": (lambda x: np.maximum(x, 11 / 48 * x), lambda x: _choose(x > 0, 1.0, 11 / 48)),
    "xielu": (
        lambda x: _choose(x > 0, 0.8 * x * x, 0.8 * (np.expm1(np.minimum(x, 0)) - x)) + 0.5 * x,
        lambda x: _choose(x > 0, 1.6 * x, 0.8 * np.expm1(np.minimum(x, 0))) + 0.5,
    ),
    "shrink": (lambda x: x * (np.abs(x) > 0.5), lambda x: _steps(np.abs(x) > 0.5)),
    "scaled_tanh": (
        lambda x: 1.7159 * np.tanh(2 / 3 * x),
        lambda x: 1.7159 * 2 / 3 * _one_minus_square(np.tanh(2 / 3 * x)),
    ),
    "soft_cap": (lambda x: 30 * np.tanh(x / 30), lambda x: _one_minus_square(np.tanh(x / 30))),
    "dynamic_tanh": (lambda x: np.tanh(0.5 * x) + 0.0, lambda x: 0.5 * _one_minus_square(np.tanh(0.5 * x))),
    "dynamic_erf": (
        lambda x: special.erf(0.5 * x) + 0.0,
        lambda x: 2 * 0.5 / np.sqrt(np.pi) * np.exp(-np.square(0.5 * x)),
    ),
}


@dataclass
class Plan:
    """How much to measure."""

    size: int = 2**20
    repeats: int = 7
    sizes: tuple[int, ...] = SIZES


@dataclass
class Row:
    """One function; times in nanoseconds a value, or microseconds for one number."""

    name: str
    value: float
    plain_value: float
    slope: float
    plain_slope: float
    torch_value: float | None = None
    torch_slope: float | None = None
    number: float | None = None

    @property
    def ratios(self) -> tuple[float, float]:
        """Value and slope over their plain forms."""
        return self.value / self.plain_value, self.slope / self.plain_slope


def seconds(functions: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the least time of each function; they take turns."""
    least = dict.fromkeys(functions, float("inf"))
    for turn in range(repeats + 1):
        for name, function in functions.items():
            start = time.thread_time()
            function()
            if turn:
                least[name] = min(least[name], time.thread_time() - start)
    return least


def torch_layer(name: str) -> Any:
    """Return PyTorch's module of an entry in float64, or None."""
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    for theirs, (entry, setting) in FRAMEWORKS["PyTorch"].items():
        if entry == name and not setting and "." not in theirs and name in ACTIVATIONS:
            module, _, options = theirs.partition("(")
            arguments = {"Threshold": (1.0, 0.0)}.get(module, ())
            given = {"approximate": "tanh"} if "tanh'" in options else {}
            return getattr(torch.nn, module)(*arguments, **given).double().eval()
    return None


def torch_functions(name: str, x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return how PyTorch computes the value and, by its backward pass, the slope."""
    layer = torch_layer(name)
    if layer is None:
        return {}
    import torch

    given = torch.tensor(x)
    leaf = given.clone().requires_grad_()
    result, ones = layer(leaf), torch.ones_like(given)

    def value() -> None:
        with torch.no_grad():
            layer(given)

    if result is leaf:
        return {"torch_value": value}
    return {
        "torch_value": value,
        "torch_slope": lambda: torch.autograd.grad(result, leaf, ones, retain_graph=True),
    }


def measure(plan: Plan) -> list[Row]:
    """Measure every entry of the catalogue."""
    x = np.random.default_rng(0).normal(0, 3, plan.size)
    rows = []
    for name, activation in ACTIVATIONS.items():
        value, slope = PLAIN[name]
        with np.errstate(all="ignore"):
            found = seconds(
                {
                    "value": lambda act=activation: act(x),
                    "plain_value": lambda f=value: f(x),
                    "slope": lambda act=activation: act.grad(x),
                    "plain_slope": lambda f=slope: f(x),
                },
                plan.repeats,
            )
            found |= seconds(torch_functions(name, x), plan.repeats)
        numbers = [
            seconds({"": lambda f=f: [f(0.7) for _ in range(500)]}, plan.repeats)[""] / 500
            for f in (activation, activation.grad)
        ]
        in_ns = {key: 1e9 * each / plan.size for key, each in found.items()}
        rows.append(Row(name, **in_ns, number=1e6 * max(numbers)))
    return rows


def of_vectors(plan: Plan) -> list[Row]:
    """Measure softmax and its logarithm beside SciPy's."""
    side = int(np.sqrt(plan.size))
    z = np.random.default_rng(0).normal(0, 3, (side, side))
    rows = []
    for name, ours, theirs in (
        ("softmax", softmax, special.softmax),
        ("log_softmax", log_softmax, special.log_softmax),
    ):
        found = seconds({"ours": lambda f=ours: f(z), "theirs": lambda f=theirs: f(z, axis=-1)}, plan.repeats)
        per_value = {key: 1e9 * each / z.size for key, each in found.items()}
        rows.append(Row(name, per_value["ours"], per_value["theirs"], float("nan"), float("nan")))
    return rows


def growth(plan: Plan) -> dict[int, tuple[float, float]]:
    """Return the nanoseconds a value of SiLU and of its plain form for arrays of several lengths."""
    silu, plain = ACTIVATIONS["silu"], PLAIN["silu"][0]
    found = {}
    for size in plan.sizes:
        x = np.random.default_rng(0).normal(0, 3, size)
        repeats = plan.repeats if size < 10**8 else 1
        times = seconds({"ours": lambda x=x: silu(x), "plain": lambda x=x: plain(x)}, repeats)
        found[size] = (1e9 * times["ours"] / size, 1e9 * times["plain"] / size)
    return found


def targets(rows: list[Row], vectors: list[Row], lengths: dict[int, tuple[float, float]]) -> list[Target]:
    """Hold the rows against what the project asks."""
    ratios = {
        f"{row.name} {which}": r
        for row in rows
        for which, r in zip(("value", "slope"), row.ratios, strict=True)
    }
    worst, middle = max(ratios, key=lambda name: ratios[name]), median(ratios.values())
    above = sum(ratio > MOST_RATIO for ratio in ratios.values())
    slowest = max(rows, key=lambda row: row.number or 0)
    shares = [ours / plain for ours, plain in lengths.values()]
    return [
        (
            f"every value and slope: at most {MOST_RATIO} × the plain form",
            f"{above} of {len(ratios)} above; most: {worst}, {ratios[worst]:.2f}",
            above == 0,
        ),
        (f"the median: at most {MOST_MEDIAN} ×", f"{middle:.2f}", middle <= MOST_MEDIAN),
        *(
            (f"{row.name}: at most SciPy's time", f"{row.ratios[0]:.2f} ×", row.ratios[0] <= 1)
            for row in vectors
        ),
        (
            f"one number: at most {MOST_SCALAR_US:.0f} µs",
            f"{slowest.name}: {slowest.number:.1f} µs",
            (slowest.number or 0) <= MOST_SCALAR_US,
        ),
        (
            f"{min(lengths):,} to {max(lengths):,} values: at most 1.25 × the share of the plain form's time",
            ", ".join(f"{ours:.1f} ns of {plain:.1f}" for ours, plain in lengths.values()),
            max(shares) <= 1.25 * shares[0],
        ),
    ]


def report(
    rows: list[Row], vectors: list[Row], lengths: dict[int, tuple[float, float]], plan: Plan, load: float
) -> str:
    """Write what was measured, with what, and which targets it meets."""
    lines: list[list[Any]] = []
    for r in rows:
        of_value = [r.value, r.plain_value, r.ratios[0], r.torch_value]
        of_slope = [r.slope, r.plain_slope, r.ratios[1], r.torch_slope]
        lines.append([r.name, *of_value, *of_slope, r.number])
    lines += [[r.name, r.value, r.plain_value, r.ratios[0], *[None] * 6] for r in vectors]
    head = ["function", "value, ns", "plain", "ratio", "PyTorch", "slope, ns", "plain", "ratio", "PyTorch"]
    head += ["one number, µs"]
    how = (
        "# How fast the catalogue is\n\n"
        f"`python benchmarks/catalogue.py`: nanoseconds a value for {plan.size:,} float64, one thread, the "
        f"least of {plan.repeats} runs."
    )
    libraries = ["numpy", "scipy"]
    if any(row.torch_value is not None for row in rows):
        libraries.append("torch")
    else:
        how += " PyTorch is not installed here: its columns are empty."
    return report_text(
        how,
        code_line(*MEASURED),
        versions(*libraries),
        load,
        table(head, lines),
        targets(rows, vectors, lengths),
    )


def main() -> None:
    """Measure, print the report, and save it unless it was a quick one."""
    parser = argparse.ArgumentParser(description="Measure how long the activation functions take.")
    parser.add_argument("--quick", action="store_true", help="only see that it works; saves nothing")
    plan = Plan(2**14, 1, (10**4, 10**5)) if parser.parse_args().quick else Plan()
    load = os.getloadavg()[0]
    rows, vectors = measure(plan), of_vectors(plan)
    text = report(rows, vectors, growth(plan), plan, load)
    print(text)
    if plan == Plan():
        save("catalogue", [*rows, *vectors], text)


if __name__ == "__main__":
    main()
