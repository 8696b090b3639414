"""Measure what the runs of `experiments/bn_ordering.py` cost, four ways: `python benchmarks/experiments.py`.

The same runs are done by

- *the first edition*: the code of commit `FIRST_EDITION`, out of the repository's history;
- *one at a time*: today's layers, one network after the other, as the lessons do it;
- *side by side*: today's layers with all seeds of a setting as a leading axis, as the experiments do it;
- *PyTorch*: its own layers in double precision on the CPU, one network after the other, with the same initial
  weights and the same batches.

Each way works in a process of its own on one thread. For every configuration of the experiment, all ways take
their turn before the next configuration comes. Measured is the processor time, which other programs on the
machine disturb less than they disturb the clock; of several repetitions the least counts. Sampled are whole
runs, judged at the end as in the experiment, of every fourth configuration at the rate 0.1 with ten seeds.
The time is scaled to the experiment's `FIRST_RUNS` runs. That all ways return the same losses is checked, not
assumed.

An idle machine is asked for. Where others use its caches, large arrays suffer more than small ones: the runs
side by side lose more than those one at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
# Run as a script, this file would be taken for the folder of the same name.
sys.path = [str(ROOT), *(entry for entry in sys.path if Path(entry).resolve() != Path(__file__).parent)]

from benchmarks.reporting import Target, code_line, report_text, save, table, versions  # noqa: E402
from experiments.bn_ordering import BATCH, EPOCHS, Task, build, tasks  # noqa: E402
from helpers.data import digits  # noqa: E402
from helpers.network import Activate, BatchNorm, Dense, one_thread, stack  # noqa: E402
from helpers.training import accuracy, train  # noqa: E402

MEASURED = ("helpers/network.py", "helpers/training.py", "helpers/activations.py", "helpers/primitives.py")
FIRST_EDITION = "ec9848f"
FIRST_RUNS = 4368
RATE = 0.1
MOST = 1 / 5
"""Of the first edition's time, what the runs side by side may take."""

Losses = list[float]


@dataclass
class Plan:
    """How much to measure."""

    seeds: int = 10
    epochs: int = EPOCHS
    """Fewer would give the start and the end of a run too much weight."""
    repeats: int = 2
    every: int = 4
    """One configuration of so many. Four, since the orders come in threes."""


@dataclass
class Row:
    """One way: milliseconds of processor time for a run, core-minutes for all, and its share of the first."""

    way: str
    ms_per_run: float
    core_minutes: float
    share: float | None


def one_at_a_time(sample: list[Task], epochs: int) -> Losses:
    """Train and judge one network after the other."""
    data, losses = digits(), []
    for task in sample:
        rng = np.random.default_rng(task.seed)
        network = build(task, rng)
        found = train(
            network, data.train.X, data.train.labels,
            learning_rate=task.rate, epochs=epochs, batch_size=BATCH, rng=rng,
        )  # fmt: skip
        accuracy(network, data.validation), accuracy(network, data.test)
        losses.append(float(found[-1]))
    return losses


def side_by_side(sample: list[Task], epochs: int) -> Losses:
    """Train and judge all networks at once."""
    data, rngs = digits(), [np.random.default_rng(task.seed) for task in sample]
    network = stack([build(task, rng) for task, rng in zip(sample, rngs, strict=True)])
    found = train(
        network, data.train.X, data.train.labels,
        learning_rate=[task.rate for task in sample], epochs=epochs, batch_size=BATCH, rng=rngs,
    )  # fmt: skip
    accuracy(network, data.validation), accuracy(network, data.test)
    return list(map(float, found[:, -1]))


def pytorch(sample: list[Task], epochs: int) -> Losses:
    """Train and judge one network after the other, by PyTorch."""
    import torch

    torch.set_num_threads(1)
    data, losses = digits(), []
    X, labels = torch.tensor(data.train.X), torch.tensor(data.train.labels)
    for task in sample:
        rng = np.random.default_rng(task.seed)
        network = torch.nn.Sequential(*(_in_torch(layer) for layer in build(task, rng).layers)).double()
        optimizer = torch.optim.SGD(network.parameters(), lr=task.rate)
        criterion, total = torch.nn.CrossEntropyLoss(), 0.0
        for _ in range(epochs):
            order, total = torch.from_numpy(rng.permutation(len(X))), 0.0
            for batch in order.split(BATCH):
                optimizer.zero_grad()
                loss = criterion(network(X[batch]), labels[batch])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(batch)
        network.eval()
        with torch.no_grad():
            for part in (data.validation, data.test):
                (network(torch.tensor(part.X)).argmax(1) == torch.tensor(part.labels)).double().mean().item()
        losses.append(total / len(X))
    return losses


def _in_torch(layer: Any) -> Any:
    """Return PyTorch's layer for one of ours, with its weights."""
    from torch import nn, tensor

    if isinstance(layer, Dense):
        n_out, n_in = layer.W.shape
        linear = nn.Linear(n_in, n_out)
        linear.weight.data, linear.bias.data = tensor(layer.W), tensor(layer.b)
        return linear
    if isinstance(layer, BatchNorm):
        return nn.BatchNorm1d(len(layer.gamma), eps=layer.eps, momentum=layer.momentum)
    assert isinstance(layer, Activate)
    kinds = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU}
    return kinds[layer.activation.name]()


WAYS: dict[str, Callable[[list[Task], int], Losses]] = {
    "one at a time": one_at_a_time,
    "side by side": side_by_side,
    "PyTorch": pytorch,
}
FIRST = "first edition"
FIRST_SERVER = """
import json, sys, time
from experiments.bn_ordering import Task, run
for line in sys.stdin:
    sample, epochs = json.loads(line)
    before = time.process_time()
    losses = [run(Task(*task), epochs).train_loss for task in sample]
    print(json.dumps([time.process_time() - before, losses]), flush=True)
"""


def serve(way: str) -> None:
    """Do the runs that stand on each line of the standard input; tell the processor time and the losses."""
    for line in sys.stdin:
        sample, epochs = json.loads(line)
        before = time.process_time()
        losses = one_thread(WAYS[way])([Task(*task) for task in sample], epochs)
        print(json.dumps([time.process_time() - before, losses]), flush=True)


class Server:
    """A process that does runs one way."""

    def __init__(self, *arguments: str, folder: Path = ROOT):
        self.process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, text=True,
            env=os.environ | {"PYTHONPATH": str(folder), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def ask(self, sample: list[Task], epochs: int) -> tuple[float, Losses]:
        """Return the processor time in seconds, and the losses."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([sample, epochs]) + "\n")
        self.process.stdin.flush()
        seconds, losses = json.loads(self.process.stdout.readline())
        return seconds, losses


def first_edition(folder: Path) -> bool:
    """Take the first edition out of the history, if there is one; a shallow clone has none."""
    packed = subprocess.run(
        ["git", "archive", FIRST_EDITION, "helpers", "experiments"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if packed.returncode:
        return False
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return True


def sampled(plan: Plan) -> list[list[Task]]:
    """List the tasks of each configuration, at one rate."""
    settings = dict.fromkeys(task._replace(rate=RATE, seed=0) for task in tasks())
    return [
        [task._replace(seed=seed) for seed in range(plan.seeds)] for task in list(settings)[:: plan.every]
    ]


def measure(plan: Plan) -> tuple[list[Row], list[str]]:
    """Measure every way that is there; return the rows, and a sentence for each that is not."""
    missing, seconds = [], dict[str, float]()
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        servers = {}
        if first_edition(folder):
            servers[FIRST] = running.enter_context(Server("-c", FIRST_SERVER, folder=folder))
        else:
            missing.append(f"The history does not hold {FIRST_EDITION}: the first edition was not measured.")
        for way in WAYS:
            if way == "PyTorch" and find_spec("torch") is None:
                missing.append("PyTorch is not installed, and was not measured.")
            else:
                servers[way] = running.enter_context(Server(__file__, "--serve", way))
        warm_up = sampled(plan)[0][:1]
        for server in servers.values():
            server.ask(warm_up, 1)
        for sample in sampled(plan):
            for way, spent in _turns(servers, sample, plan).items():
                seconds[way] = seconds.get(way, 0.0) + spent
    runs = len(sampled(plan)) * plan.seeds
    return [_row(way, seconds, runs, plan.epochs) for way in servers], missing


def _turns(servers: dict[str, Server], sample: list[Task], plan: Plan) -> dict[str, float]:
    """Let every way do the same runs, in turns; return the least seconds of each."""
    best, losses = dict.fromkeys(servers, np.inf), {}
    for _ in range(plan.repeats):
        for way, server in servers.items():
            spent, losses[way] = server.ask(sample, plan.epochs)
            best[way] = min(best[way], spent)
    wanted = losses["side by side"]
    for way, found in losses.items():
        np.testing.assert_allclose(found, wanted, rtol=1e-6, err_msg=f"{way} does not do the same runs")
    return best


def _row(way: str, seconds: dict[str, float], runs: int, epochs: int) -> Row:
    per_run = seconds[way] / runs * EPOCHS / epochs
    share = seconds[way] / seconds[FIRST] if FIRST in seconds else None
    return Row(way, 1e3 * per_run, per_run * FIRST_RUNS / 60, share)


def targets(rows: list[Row]) -> list[Target]:
    """Hold the runs side by side against the first edition's."""
    (together,) = (row for row in rows if row.way == "side by side")
    found = "–" if together.share is None else f"{together.share:.3f}"
    met = together.share is not None and together.share <= MOST
    return [(f"side by side: at most {MOST:g} of the first edition's processor time", found, met)]


def report(rows: list[Row], missing: list[str], plan: Plan, load: float) -> str:
    """Write what was measured, with what, and whether the target is met."""
    lines = [
        [r.way, f"{r.ms_per_run:.0f}", f"{r.core_minutes:.1f}", "–" if r.share is None else f"{r.share:.2f}"]
        for r in rows
    ]
    head = ["way", "ms per run", f"core-minutes for {FIRST_RUNS:,} runs", "share of the first edition"]
    how = (
        "# The runs of an experiment\n\n"
        f"`python benchmarks/experiments.py`: {len(sampled(plan))} configurations of bn_ordering.py, each "
        f"with {plan.seeds} seeds and {plan.epochs} of {EPOCHS} epochs, the least of {plan.repeats} times."
    )
    packages = ["numpy", *(["torch"] if any(row.way == "PyTorch" for row in rows) else [])]
    measured = "\n\n".join([table(head, lines), *missing])
    return report_text(how, code_line(*MEASURED), versions(*packages), load, measured, targets(rows))


def main() -> None:
    """Measure, print the report, and save it unless it was a quick one."""
    parser = argparse.ArgumentParser(description="Measure what the runs of an experiment cost.")
    parser.add_argument("--quick", action="store_true", help="only see that it works; saves nothing")
    parser.add_argument("--serve", choices=list(WAYS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    plan = Plan(seeds=2, epochs=1, repeats=1, every=13) if given.quick else Plan()
    load = os.getloadavg()[0]
    rows, missing = measure(plan)
    text = report(rows, missing, plan, load)
    print(text)
    if plan == Plan():
        save("experiments", rows, text)


if __name__ == "__main__":
    main()
