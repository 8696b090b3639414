"""Train classifiers of digits by squared error and by cross-entropy, from ordinary and from saturated starts.

    python experiments/mse_or_cross_entropy.py

The digits of `helpers.data` are learned by a network with one hidden tanh layer. Three pairs of output and
loss are compared: softmax with cross-entropy, softmax with squared error, and plain linear outputs with
squared error. The start is ordinary (Xavier's weights), or its output weights are multiplied by ``gain``, or
``bias`` is added to the bias of digit 0, so that the untrained network is sure of a 0 whatever it sees. Every
configuration is trained with every learning rate and every seed, so that the rate can be chosen afterwards by
the validation split.

A seed fixes the split of the digits, the initial weights and the order of the examples: the three pairs share
them, and their results can be subtracted seed by seed. Runs are repeated bit by bit on one machine. On
another, BLAS may round otherwise, and the accuracies move by a few examples.

The seeds of a setting learn side by side. Started again, the script does only what is missing.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

sys.path.insert(0, str(Path(__file__).parents[1]))

from experiments import runs
from experiments.runs import FOLDER, complete, header, options
from helpers.activations import softmax
from helpers.data import digits
from helpers.network import Activate, Array, Dense, Network, cross_entropy, squared_error, stack
from helpers.training import Loss, accuracy, train

RESULTS = FOLDER / "mse_or_cross_entropy.csv"
STARTS = ((1.0, 0.0), (10.0, 0.0), (40.0, 0.0), (1.0, 10.0), (1.0, 20.0))
RATES = (*runs.RATES, 20.0, 50.0)  # squared error behind softmax asks for large ones
SEEDS = range(10)
WIDTH, BATCH, EPOCHS = 32, 64, 30


def softmax_squared_error(logits: ArrayLike, labels: ArrayLike) -> tuple[Any, Array]:
    """Return half the squared error of softmax against the one-hot labels, and ∂/∂logits = J (p − y)."""
    p = np.asarray(softmax(logits))
    value, error = squared_error(p, np.eye(p.shape[-1])[np.asarray(labels)])
    return value, p * (error - (p * error).sum(axis=-1, keepdims=True))


def linear_squared_error(outputs: ArrayLike, labels: ArrayLike) -> tuple[Any, Array]:
    """Return half the squared error of the outputs themselves against the one-hot labels."""
    return squared_error(outputs, np.eye(np.shape(outputs)[-1])[np.asarray(labels)])


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

    loss: str
    gain: float
    bias: float
    rate: float
    seed: int
    validation: float
    test: tuple[float, ...]


def tasks() -> list[Task]:
    """List every run of the experiment, in the order of the table."""
    return [
        Task(loss, gain, bias, rate, seed)
        for loss, (gain, bias), rate, seed in itertools.product(LOSSES, STARTS, RATES, SEEDS)
    ]


def build(task: Task, rng: np.random.Generator) -> Network:
    """Make the untrained network of a run."""
    hidden, output = Dense(64, WIDTH, rng=rng), Dense(WIDTH, 10, rng=rng, gain=task.gain)
    output.b[0] += task.bias
    return Network([hidden, Activate("tanh"), output])


def run(tasks: Sequence[Task], epochs: int = EPOCHS) -> list[Row]:
    """Train the networks of runs that differ by seed and rate alone, and measure them after every epoch."""
    data, rngs = digits(task.seed for task in tasks), [np.random.default_rng(task.seed) for task in tasks]
    network = stack([build(task, rng) for task, rng in zip(tasks, rngs, strict=True)])
    # A run that diverges is right nowhere from then on. If all do, the training stops early.
    test = np.zeros((epochs + 1, len(tasks)))

    def look(epoch: int, now: Network) -> None:
        test[epoch] = accuracy(now, data.test)

    train(
        network, data.train.X, data.train.labels, loss=LOSSES[tasks[0].loss],
        learning_rate=[task.rate for task in tasks], epochs=epochs, batch_size=BATCH, rng=rngs, watch=look,
    )  # fmt: skip
    # Four decimals tell the accuracies of 360 images apart.
    validation, curves = accuracy(network, data.validation).round(4), test.T.round(4)
    return [
        Row(*task, float(last), tuple(curve.tolist()))
        for task, last, curve in zip(tasks, validation, curves, strict=True)
    ]


def head() -> str:
    """Return the header of the table."""
    settings = f"{WIDTH} hidden tanh units, batch size {BATCH}, {EPOCHS} epochs; accuracies from 0 to 1"
    columns = [*Row._fields[:-1], *(f"test_{epoch}" for epoch in range(EPOCHS + 1))]
    return header("mse_or_cross_entropy.py", settings, columns)


if __name__ == "__main__":
    given = options(__doc__ or "", RESULTS)
    complete(given.out, head(), tasks(), run, Row, given.processes, given.cluster)
