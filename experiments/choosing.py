"""Train the same small classifier with ten activations, at every learning rate, on the bundled digits.

    python experiments/choosing.py

Two hidden layers, plain gradient descent. Every activation starts from He's weights, so that nothing but the
activation differs, and is trained at every rate with every seed: the rate can be chosen afterwards by the
validation split, and the rates at which training fails can be counted. A seed fixes the split of the digits,
the initial weights and the order of the examples for all activations: results can be subtracted seed by seed.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from experiments.runs import FOLDER, RATES, complete, header, options
from helpers.data import digits
from helpers.network import Activate, Dense, Layer, Network, stack
from helpers.training import accuracy, train

RESULTS = FOLDER / "choosing.csv"
ACTIVATIONS = (
    "sigmoid", "tanh", "softsign", "relu6", "relu", "leaky_relu", "elu", "gelu", "silu", "mish",
)  # fmt: skip
SEEDS = range(12)
WIDTH, BATCH, EPOCHS = 32, 64, 20


class Task(NamedTuple):
    """One training run."""

    activation: str
    rate: float
    seed: int


class Row(NamedTuple):
    """A run and what came of it; the accuracies lie between 0 and 1."""

    activation: str
    rate: float
    seed: int
    validation_accuracy: float
    test_accuracy: float


def tasks() -> list[Task]:
    """List every run, in the order of the table."""
    return [Task(*each) for each in itertools.product(ACTIVATIONS, RATES, SEEDS)]


def build(task: Task, rng: np.random.Generator) -> Network:
    """Make the untrained network of a run."""
    layers = list[Layer]()
    for n_in in (64, WIDTH):
        layers += [Dense(n_in, WIDTH, rng=rng, init="he"), Activate(task.activation)]
    return Network([*layers, Dense(WIDTH, 10, rng=rng, init="he")])


def run(tasks: Sequence[Task]) -> list[Row]:
    """Train the networks of runs that differ by seed and rate alone, and measure them."""
    data, rngs = digits(task.seed for task in tasks), [np.random.default_rng(task.seed) for task in tasks]
    network = stack([build(task, rng) for task, rng in zip(tasks, rngs, strict=True)])
    train(
        network, data.train.X, data.train.labels,
        learning_rate=[task.rate for task in tasks], epochs=EPOCHS, batch_size=BATCH, rng=rngs,
    )  # fmt: skip
    shares = [accuracy(network, part).round(4).tolist() for part in (data.validation, data.test)]
    return [Row(*task, *pair) for task, *pair in zip(tasks, *shares, strict=True)]


def head() -> str:
    """Return the header of the table."""
    settings = f"two hidden layers of {WIDTH} units, batch size {BATCH}, {EPOCHS} epochs, He's weights"
    return header("choosing.py", settings, Row._fields)


if __name__ == "__main__":
    given = options(__doc__ or "", RESULTS)
    complete(given.out, head(), tasks(), run, Row, given.processes, given.cluster)
