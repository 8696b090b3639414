"""Train classifiers of digits by squared error and by cross-entropy, from ordinary and from saturated starts.

    python experiments/mse_or_cross_entropy.py

The digits of `helpers.data` are learned by a network with one hidden tanh layer. Three pairs of output and
loss are compared: softmax with cross-entropy, softmax with squared error, and plain linear outputs with
squared error. The start is ordinary (Xavier's weights), or its output weights are multiplied by ``gain``, or
``bias`` is added to the bias of digit 0, so that the untrained network is sure of a 0 whatever it sees. Every
configuration is trained with every learning rate and every seed, so that the rate can be chosen afterwards by
the validation split.

A seed fixes the initial weights and the order of the examples: the three pairs share both, and their results
can be subtracted seed by seed. Runs are repeated bit by bit on one machine. On another, BLAS may round
otherwise, and the accuracies move by a few examples.

Each finished run is one row of the CSV, appended at once. Started again, the script does only what is
missing; a row that was cut off in writing counts as missing. All of it takes about two minutes on one core.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sklearn
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_info
from tqdm import tqdm

from helpers.activations import softmax
from helpers.data import digits
from helpers.network import Activate, Array, Dense, Network, cross_entropy, one_thread, squared_error
from helpers.training import Loss, accuracy, train

RESULTS = Path(__file__).parents[1] / "notebooks" / "data" / "mse_or_cross_entropy.csv"
STARTS = ((1.0, 0.0), (10.0, 0.0), (40.0, 0.0), (1.0, 10.0), (1.0, 20.0))
RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SEEDS = range(10)
WIDTH, BATCH, EPOCHS = 32, 64, 30


def softmax_squared_error(logits: ArrayLike, labels: ArrayLike) -> tuple[float, Array]:
    """Return half the squared error of softmax against the one-hot labels, and ∂/∂logits = J (p − y)."""
    p = np.asarray(softmax(logits))
    value, error = squared_error(p, np.eye(p.shape[1])[np.asarray(labels)])
    return value, p * (error - (p * error).sum(axis=1, keepdims=True))


def linear_squared_error(outputs: ArrayLike, labels: ArrayLike) -> tuple[float, Array]:
    """Return half the squared error of the outputs themselves against the one-hot labels."""
    return squared_error(outputs, np.eye(np.shape(outputs)[1])[np.asarray(labels)])


LOSSES: dict[str, Loss] = {
    "softmax + cross-entropy": cross_entropy,
    "softmax + squared error": softmax_squared_error,
    "linear + squared error": linear_squared_error,
}


class Task(NamedTuple):
    """One training run."""

    loss: str
    gain: float
    bias: float
    rate: float
    seed: int


class Row(NamedTuple):
    """A run, its accuracy on the validation split at the end, and on the test split after 0, 1, … epochs."""

    task: Task
    validation: float
    test: tuple[float, ...]


def tasks() -> list[Task]:
    """List every run of the experiment, in the order of the table."""
    return [
        Task(loss, gain, bias, rate, seed)
        for loss, (gain, bias), rate, seed in itertools.product(LOSSES, STARTS, RATES, SEEDS)
    ]


@one_thread
def run(task: Task, epochs: int = EPOCHS) -> Row:
    """Train the network of one run, and measure it after every epoch."""
    data, rng, test = digits(), np.random.default_rng(task.seed), list[float]()
    hidden, output = Dense(64, WIDTH, rng=rng), Dense(WIDTH, 10, rng=rng, gain=task.gain)
    output.b[0] += task.bias
    network = Network([hidden, Activate("tanh"), output])
    train(
        network, data.train.X, data.train.labels, loss=LOSSES[task.loss],
        learning_rate=task.rate, epochs=epochs, batch_size=BATCH, rng=rng,
        watch=lambda _, now: test.append(accuracy(now, data.test)),
    )  # fmt: skip
    # A run that diverges stops early. From then on it is right nowhere.
    missing = epochs + 1 - len(test)
    validation = 0.0 if missing else accuracy(network, data.validation)
    return Row(task, validation, (*test, *[0.0] * missing))


def header(epochs: int = EPOCHS) -> str:
    """Say how the rows below it came about; a file with another header is another experiment."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    chip = {info["architecture"] for info in threadpool_info() if "architecture" in info}
    columns = [*Task._fields, "validation", *(f"test_{epoch}" for epoch in range(epochs + 1))]
    return (
        "# Written by: python experiments/mse_or_cross_entropy.py\n"
        f"# Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}, "
        f"{blas['name']} {blas['version']} ({' '.join(sorted(chip))}), one thread\n"
        f"# {WIDTH} hidden tanh units, batch size {BATCH}, {epochs} epochs; accuracies from 0 to 1\n"
        f"{','.join(columns)}\n"
    )


def line(row: Row) -> str:
    """Write a row; four decimals tell the accuracies of 360 images apart."""
    numbers = (f"{share:.4f}" for share in (row.validation, *row.test))
    return ",".join([*map(str, row.task), *numbers]) + "\n"


def read_rows(path: Path) -> list[Row]:
    """Read the finished rows of a file; the last one is left out if its line was cut off."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [text for text in lines if text.endswith("\n") and not text.startswith("#")]
    rows = []
    for loss, gain, bias, rate, seed, *shares in itertools.islice(csv.reader(whole), 1, None):
        validation, *test = map(float, shares)
        task = Task(loss, float(gain), float(bias), float(rate), int(seed))
        rows.append(Row(task, validation, tuple(test)))
    return rows


def complete(path: Path, wanted: Iterable[Task], epochs: int = EPOCHS) -> None:
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
    with path.open("a", encoding="utf-8") as file:
        for task in tqdm([task for task in wanted if task not in done], unit="run"):
            done[task] = run(task, epochs)
            file.write(line(done[task]))
            file.flush()
    rank = {task: number for number, task in enumerate(wanted)}
    _write(path, head, sorted(done.values(), key=lambda row: rank.get(row.task, len(rank))))


def _write(path: Path, head: str, rows: Iterable[Row]) -> None:
    """Replace the file in one go, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(head + "".join(map(line, rows)), encoding="utf-8")
    os.replace(beside, path)


def main() -> None:
    """Complete the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS, help="the CSV (default: notebooks/data)")
    complete(parser.parse_args().out, tasks())


if __name__ == "__main__":
    main()
