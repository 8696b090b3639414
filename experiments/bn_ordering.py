"""Train networks with batch-norm before the activation, after it, and without.

    python experiments/bn_ordering.py

The digits of `helpers.data` are learned by fully connected networks of 2, 4 or 6 hidden layers. A hidden
layer is Dense, activation, and, in two of the three orders, batch-norm before or after the activation. The
weights are Xavier's for sigmoid and tanh, He's for ReLU and Leaky ReLU; a control without batch-norm starts
the sigmoid at four times Xavier's. Every configuration is trained with every learning rate and every seed. So
the rate can be chosen afterwards, by the validation split, for each configuration or for all together.

A seed fixes the initial weights and the order of the examples: the three orders of one depth share both, and
their results can be subtracted seed by seed. Runs are repeated bit by bit on one machine. On another, BLAS
may round otherwise. At rates at which training is stable that hardly matters: initial weights changed by one
part in 10¹³ changed the last losses by less than one part in a million, and no accuracy.

Each finished run is one row of the CSV, appended at once. Started again, the script does only what is
missing; a row that was cut off in writing counts as missing. All of it takes about twelve minutes on two idle
cores.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import multiprocessing
import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sklearn
from threadpoolctl import threadpool_info
from tqdm import tqdm

from helpers.data import digits
from helpers.network import Activate, BatchNorm, Dense, Init, Layer, Network, one_thread
from helpers.training import accuracy, train

RESULTS = Path(__file__).parents[1] / "notebooks" / "data" / "bn_ordering.csv"
INIT: dict[str, Init] = {"sigmoid": "xavier", "tanh": "xavier", "relu": "he", "leaky_relu": "he"}
DEPTHS = (2, 4, 6)
ORDERS = ("none", "before", "after")
RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SEEDS = range(16)
WIDTH, BATCH, EPOCHS = 64, 64, 20
GUESSING = float(np.log(10))  # the loss of a network that gives every digit the same probability


class Task(NamedTuple):
    """One training run. ``gain`` multiplies the initial weights; ``order`` says where batch-norm stands."""

    activation: str
    gain: float
    depth: int
    order: str
    rate: float
    seed: int


class Row(NamedTuple):
    """A run and what came of it: the last epoch's mean loss in training, and two accuracies from 0 to 1.

    ``diverged`` is 1 where that loss is nan or more than twice the loss of guessing, else 0.
    """

    activation: str
    gain: float
    depth: int
    order: str
    rate: float
    seed: int
    epochs: int
    train_loss: float
    validation_accuracy: float
    test_accuracy: float
    diverged: int

    @property
    def task(self) -> Task:
        """What was run."""
        return Task(self.activation, self.gain, self.depth, self.order, self.rate, self.seed)


def tasks() -> list[Task]:
    """List every run of the experiment, in the order of the finished table."""
    configurations: list[tuple[str, float, int, str]] = [
        *((activation, 1.0, depth, order) for activation in INIT for depth in DEPTHS for order in ORDERS),
        *(("sigmoid", 4.0, depth, "none") for depth in DEPTHS),
    ]
    return [
        Task(activation, gain, depth, order, rate, seed)
        for (activation, gain, depth, order), rate, seed in itertools.product(configurations, RATES, SEEDS)
    ]


def build(task: Task, rng: np.random.Generator) -> Network:
    """Make the untrained network of a run; all its random numbers are those of the weights."""
    init, layers, n_in = INIT[task.activation], list[Layer](), 64
    for _ in range(task.depth):
        layers.append(Dense(n_in, WIDTH, rng=rng, init=init, gain=task.gain))
        if task.order == "before":
            layers.append(BatchNorm(WIDTH))
        layers.append(Activate(task.activation))
        if task.order == "after":
            layers.append(BatchNorm(WIDTH))
        n_in = WIDTH
    return Network([*layers, Dense(n_in, 10, rng=rng, init=init, gain=task.gain)])


@one_thread
def run(task: Task, epochs: int = EPOCHS) -> Row:
    """Train the network of one run, and measure it."""
    data, rng = digits(), np.random.default_rng(task.seed)
    network = build(task, rng)
    losses = train(
        network, data.train.X, data.train.labels,
        learning_rate=task.rate, epochs=epochs, batch_size=BATCH, rng=rng,
    )  # fmt: skip
    return Row(
        *task,
        epochs=epochs,
        train_loss=float(losses[-1]),
        validation_accuracy=accuracy(network, data.validation),
        test_accuracy=accuracy(network, data.test),
        diverged=int(not losses[-1] <= 2 * GUESSING),
    )


def header(epochs: int = EPOCHS) -> str:
    """Say how the rows below it came about; a file with another header is another experiment."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    chip = {info["architecture"] for info in threadpool_info() if "architecture" in info}
    return (
        "# Written by: python experiments/bn_ordering.py\n"
        f"# Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}, "
        f"{blas['name']} {blas['version']} ({' '.join(sorted(chip))}), one thread\n"
        f"# width {WIDTH}, batch size {BATCH}, {epochs} epochs, rates {' '.join(map(str, RATES))}\n"
        f"{','.join(Row._fields)}\n"
    )


def line(row: Row) -> str:
    """Write a row; the digits of its floats are enough to give them back bit by bit."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(row)
    return written.getvalue()


def read_rows(path: Path) -> list[Row]:
    """Read the finished rows of a file; the last one is left out if its line was cut off."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [text for text in lines if text.endswith("\n") and not text.startswith("#")]
    return [_row(fields) for fields in itertools.islice(csv.reader(whole), 1, None)]


def _row(fields: list[str]) -> Row:
    kinds = (str, float, int, str, float, int, int, float, float, float, int)
    return Row(*(kind(field) for kind, field in zip(kinds, fields, strict=True)))


def complete(path: Path, wanted: Iterable[Task], processes: int = 2, epochs: int = EPOCHS) -> None:
    """Run what the file does not have yet, append each row when it is there, and sort the whole at the end.

    Raises
    ------
    SystemExit
        If the file was written with other versions or settings.
    """
    wanted, head = list(wanted), header(epochs)
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    # A file shorter than its header was interrupted before the first row.
    if not written.startswith(head) and not head.startswith(written):
        raise SystemExit(
            f"{path.name} was written with other versions or settings, and its rows do not mix with new ones."
            " Delete it, or write elsewhere with --out"
        )
    done = {row.task: row for row in read_rows(path)} if written else {}
    _write(path, head, done.values())
    missing = sorted((task for task in wanted if task not in done), key=lambda task: task.seed)
    with path.open("a", encoding="utf-8") as file:
        for row in tqdm(_all(missing, processes, epochs), total=len(missing), unit="run", smoothing=0.05):
            file.write(line(row))
            file.flush()
            done[row.task] = row
    rank = {task: number for number, task in enumerate(wanted)}
    _write(path, head, sorted(done.values(), key=lambda row: rank.get(row.task, len(rank))))


def _all(missing: list[Task], processes: int, epochs: int) -> Iterator[Row]:
    if processes == 1:
        yield from (run(task, epochs) for task in missing)
        return
    # Spawned, not forked: a forked child inherits the locks of BLAS's threads, but not the threads.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_run, [(task, epochs) for task in missing], chunksize=1)


def _run(arguments: tuple[Task, int]) -> Row:
    return run(*arguments)


def _write(path: Path, head: str, rows: Iterable[Row]) -> None:
    """Replace the file in one go, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(head + "".join(map(line, rows)), encoding="utf-8")
    os.replace(beside, path)


def main() -> None:
    """Complete the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS, help="the CSV (default: notebooks/data)")
    parser.add_argument("--processes", type=int, default=2, help="how many runs at a time (default: 2)")
    options = parser.parse_args()
    complete(options.out, tasks(), options.processes)


if __name__ == "__main__":
    main()
