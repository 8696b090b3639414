"""Measure how long exact linear regions take, and how much memory: `python benchmarks/regions.py`.

Networks of 8 to 64 units in each of 1 to 4 layers; the weights are normal with variance 2 / n_in (He et al.
2015), the biases normal with standard deviation 0.1, the box is [−1, 1]². Each row stands for three networks,
from the seeds 0 to 2.

- *ms*: wall time of `linear_regions`, the least of several runs, averaged over the three networks. The least,
  because whatever else the machine does can only add to it. The runs of all networks take turns.
- *µs per region*: that, over the regions.
- *a frame*: what the kernel does for one position of lesson 04's explorer of two-dimensional regions, with a
  network of about 5,000 regions in place of its own: find the regions, draw them, write the record.
- *peak MB*: the most memory that one more run, not timed, holds at once beyond what was there before, result
  included (``tracemalloc``, which sees all of NumPy's arrays); the mean of the three.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.reporting import Target, code_line, report_text, save, table, versions  # noqa: E402
from helpers.borrow import borrow  # noqa: E402
from helpers.network import init_std  # noqa: E402
from helpers.regions import linear_regions  # noqa: E402

MEASURED = ("helpers/regions.py", "helpers/recorder.py")
LESSON = ROOT / "notebooks/04_relu_linear_regions.ipynb"
SEEDS = (0, 1, 2)
BIAS = 0.1
MOST_SECONDS = 0.45
MOST_FRAME_SECONDS = 0.1
FRAME = (36, 3)
"""Width and depth of a network of about 5,000 regions."""
MANY = 1000
"""From this many regions on, the time should be proportional to them."""

Layers = tuple[list[np.ndarray], list[np.ndarray]]


@dataclass
class Plan:
    """How much to measure."""

    widths: tuple[int, ...] = (8, 16, 32, 64)
    depths: tuple[int, ...] = (1, 2, 3, 4)
    repeats: int = 15


@dataclass
class Row:
    """What was measured of one architecture; means over the seeds."""

    width: int
    depth: int
    regions: float
    ms: float
    us_per_region: float
    peak_mb: float


def network(width: int, depth: int, seed: int) -> Layers:
    """Draw the weights and biases of the hidden layers."""
    rng = np.random.default_rng(seed)
    weights, biases, n_in = [], [], 2
    for _ in range(depth):
        weights.append(init_std("he", n_in, width) * rng.standard_normal((width, n_in)))
        biases.append(BIAS * rng.standard_normal(width))
        n_in = width
    return weights, biases


def seconds(layers: Layers) -> float:
    """Time one run."""
    before = time.perf_counter()
    linear_regions(*layers)
    return time.perf_counter() - before


def peak_bytes(layers: Layers) -> int:
    """Return the most memory that one run holds at once."""
    tracemalloc.start()
    linear_regions(*layers)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def measure(plan: Plan) -> list[Row]:
    """Measure every architecture of the plan."""
    shapes = [(width, depth) for width in plan.widths for depth in plan.depths]
    networks = {(*shape, seed): network(*shape, seed) for shape in shapes for seed in SEEDS}
    times: dict[tuple[int, int, int], list[float]] = {name: [] for name in networks}
    for _ in range(plan.repeats):
        for name, layers in networks.items():
            times[name].append(seconds(layers))
    rows = []
    for shape in shapes:
        ours = [networks[(*shape, seed)] for seed in SEEDS]
        count = float(np.mean([len(linear_regions(*layers)) for layers in ours]))
        best = float(np.mean([min(times[(*shape, seed)]) for seed in SEEDS]))
        peak = float(np.mean([peak_bytes(layers) for layers in ours]))
        rows.append(Row(*shape, count, 1e3 * best, 1e6 * best / count, peak / 1e6))
    return rows


def frame(width: int, depth: int, repeats: int) -> tuple[int, float]:
    """Return how many regions a network has, and the least seconds of a frame of lesson 04 with it."""
    explorer, (weights, biases) = borrow(LESSON, "folds"), network(width, depth, seed=0)
    moving, values = explorer._moving, {**explorer.values, "width": width, "depth": depth, "layer": depth}
    moving.update.__globals__["random_layers"] = lambda *_: (list(weights), [b.copy() for b in biases])
    times = []
    for _ in range(repeats):
        before = time.perf_counter()
        moving.record(values)
        times.append(time.perf_counter() - before)
    return len(linear_regions(weights, biases)), min(times)


def growth(rows: list[Row]) -> float:
    """Return the power of the number of regions that the time grows with, from `MANY` regions on."""
    large = [row for row in rows if row.regions >= MANY]
    if len(large) < 2:
        return float("nan")
    return float(np.polyfit(np.log([row.regions for row in large]), np.log([row.ms for row in large]), 1)[0])


def targets(rows: list[Row], count: int, frame_s: float) -> list[Target]:
    """Hold the rows, and a frame of so many regions, against what the project asks."""
    largest, power = max(rows, key=lambda row: row.regions), growth(rows)
    shape = f"{largest.depth} × {largest.width} units, {largest.regions:,.0f} regions"
    return [
        (f"{shape}: at most {MOST_SECONDS} s", f"{largest.ms / 1e3:.2f} s", largest.ms / 1e3 <= MOST_SECONDS),
        (f"time ~ regions^p from {MANY:,} on, p at most 1.1", f"p = {power:.2f}", power <= 1.1),
        (
            f"a frame of {count:,} regions: at most {1e3 * MOST_FRAME_SECONDS:.0f} ms",
            f"{1e3 * frame_s:.0f} ms",
            frame_s <= MOST_FRAME_SECONDS,
        ),
    ]


def report(rows: list[Row], a_frame: tuple[int, float], plan: Plan, load: float) -> str:
    """Write what was measured, with what, and which targets it meets."""
    lines = [
        [r.width, r.depth, f"{r.regions:,.0f}"]
        + [f"{number:.1f}" for number in (r.ms, r.us_per_region, r.peak_mb)]
        for r in rows
    ]
    head = ["units in a layer", "layers", "regions", "ms", "µs per region", "peak MB"]
    how = (
        "# Exact linear regions\n\n"
        f"`python benchmarks/regions.py`: means over {len(SEEDS)} networks, the least time of "
        f"{plan.repeats} runs each."
    )
    return report_text(
        how, code_line(*MEASURED), versions("numpy"), load, table(head, lines), targets(rows, *a_frame)
    )


def main() -> None:
    """Measure, print the report, and save it unless it was a quick one."""
    parser = argparse.ArgumentParser(description="Measure how long exact linear regions take.")
    parser.add_argument("--quick", action="store_true", help="only see that it works; saves nothing")
    plan = Plan((8, 16), (1, 2), repeats=1) if parser.parse_args().quick else Plan()
    load = os.getloadavg()[0]
    rows = measure(plan)
    text = report(rows, frame(*FRAME, plan.repeats), plan, load)
    print(text)
    if plan == Plan():
        save("regions", rows, text)


if __name__ == "__main__":
    main()
