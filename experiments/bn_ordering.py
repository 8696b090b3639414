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

The seeds of a setting learn side by side. Started again, the script does only what is missing.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from experiments.runs import FOLDER, complete, header, options
from helpers.data import digits
from helpers.network import Activate, BatchNorm, Dense, Init, Layer, Network, stack
from helpers.training import accuracy, train

RESULTS = FOLDER / "bn_ordering.csv"
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


def run(tasks: Sequence[Task], epochs: int = EPOCHS) -> list[Row]:
    """Train the networks of runs that differ by seed and rate alone, and measure them."""
    data, rngs = digits(0 for _ in tasks), [np.random.default_rng(task.seed) for task in tasks]
    network = stack([build(task, rng) for task, rng in zip(tasks, rngs, strict=True)])
    losses = train(
        network, data.train.X, data.train.labels,
        learning_rate=[task.rate for task in tasks], epochs=epochs, batch_size=BATCH, rng=rngs,
    )[:, -1]  # fmt: skip
    measured = [losses, accuracy(network, data.validation), accuracy(network, data.test)]
    return [
        Row(*task, epochs, *map(float, found), diverged=int(not found[0] <= 2 * GUESSING))
        for task, *found in zip(tasks, *measured, strict=True)
    ]


def head() -> str:
    """Return the header of the table."""
    settings = f"width {WIDTH}, batch size {BATCH}, {EPOCHS} epochs, rates {' '.join(map(str, RATES))}"
    return header("bn_ordering.py", settings, Row._fields)


if __name__ == "__main__":
    given = options(__doc__ or "", RESULTS)
    complete(given.out, head(), tasks(), run, Row, given.processes, given.cluster)
