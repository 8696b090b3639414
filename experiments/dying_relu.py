"""Train ReLU networks at many learning rates and count their dead units; train leaky ones beside them.

    python experiments/dying_relu.py

The digits of `helpers.data` are learned by fully connected networks of 1, 2 or 4 hidden layers. The inputs
are centered, as there, or not: then the smallest value of each feature is subtracted in place of its mean, so
that no feature of the training images is negative, and all are divided by one number that makes their mean
square 1 again. The hidden activation is Leaky ReLU with the slope ``alpha``, and ReLU where ``alpha`` is 0.

A unit counts as dead where no training image makes its pre-activation positive. This is looked at before
training and after every epoch. A unit that is dead at one look and not at the next has revived.

A seed fixes the initial weights and the order of the examples, so that results for
different ``alpha`` can be subtracted seed by seed. Runs are repeated bit by bit on one machine. On another,
BLAS may round otherwise; where a rate is too large for training, the counts may then differ.

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
from helpers.data import Digits, Split, digits
from helpers.network import Activate, Array, Dense, Init, Layer, Network, stack
from helpers.training import accuracy, train

RESULTS = FOLDER / "dying_relu.csv"
WIDTH = 50
INPUTS, DEPTHS, INITS = ("centered", "uncentered"), (1, 2, 4), ("he", "xavier")
LOG2_RATES = (-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
SLOPES, TUNED_RATES = (0.0, 0.01, 0.1, 0.3), (-3.0, -2.0, -1.5, -1.0, -0.5)


class Task(NamedTuple):
    """One training run; the learning rate is 2 to the power of ``log2_rate``."""

    inputs: str
    depth: int
    init: Init
    alpha: float
    log2_rate: float
    epochs: int
    seed: int


class Row(NamedTuple):
    """A run and what came of it.

    ``born_first`` is the number of first-layer units that were dead before training, ``dead_first`` of those
    dead at the end, ``revived_first`` how often one revived; ``…_later`` are the sums over the other hidden
    layers. ``zeros`` is the share of hidden activations that are exactly 0 at the end, over the training
    images. ``diverged`` is 1 where the training left the numbers; the last counts before that are kept.
    """

    inputs: str
    depth: int
    init: str
    alpha: float
    log2_rate: float
    epochs: int
    seed: int
    born_first: int
    born_later: int
    dead_first: int
    dead_later: int
    revived_first: int
    revived_later: int
    zeros: float
    validation: float
    test: float
    diverged: int


def tasks() -> list[Task]:
    """List every run: ReLU everywhere with 10 seeds, then every slope in one setting with 30."""
    relu = itertools.product(INPUTS, DEPTHS, INITS, (0.0,), LOG2_RATES, (10,), range(10))
    slopes = itertools.product(("centered",), (2,), ("he",), SLOPES, TUNED_RATES, (10, 30), range(30))
    return list(dict.fromkeys(Task(*setting) for setting in itertools.chain(relu, slopes)))  # type: ignore[arg-type]


def splits(inputs: str, seeds: Sequence[int]) -> Digits:
    """Return the images of several splits, centered or not."""
    data = digits(0 for _ in seeds)
    if inputs == "centered":
        return data
    lowest = data.train.X.min(axis=1, keepdims=True)
    scale = np.sqrt(np.mean((data.train.X - lowest) ** 2, axis=(1, 2), keepdims=True))
    parts = (data.train, data.validation, data.test)
    return Digits(*(Split((part.X - lowest) / scale, part.labels) for part in parts))


def build(task: Task, rng: np.random.Generator) -> Network:
    """Make the untrained network of a run; its output layer starts from Xavier's weights."""
    layers, n_in = list[Layer](), 64
    for _ in range(task.depth):
        layers += [Dense(n_in, WIDTH, rng=rng, init=task.init), Activate("leaky_relu", alpha=task.alpha)]
        n_in = WIDTH
    return Network([*layers, Dense(n_in, 10, rng=rng)])


def hidden(network: Network, X: Array) -> tuple[Array, Array]:
    """Return the pre-activations of every hidden layer, (layers, runs, n, WIDTH), and the outputs."""
    found: list[Array] = []
    for layer in network.layers:
        if isinstance(layer, Activate):
            found.append(X)
        X = layer.forward(X, training=False)
    return np.array(found), X


class Looks:
    """What is seen of networks side by side before the training and after every epoch.

    The last look at a network whose signals are numbers is kept. ``dead`` and ``born`` have the shape
    (layers, runs, WIDTH), ``revived`` (layers, runs), ``zeros`` and ``epoch`` (runs,).
    """

    def __init__(self, X: Array, alpha: float):
        self.X, self.alpha = X, alpha

    def __call__(self, epoch: int, network: Network) -> None:
        """Look once."""
        with np.errstate(over="ignore", invalid="ignore"):
            Z, outputs = hidden(network, self.X)
        dead = (Z <= 0).all(axis=2)
        zeros = ((Z == 0) | ((Z < 0) & (self.alpha == 0))).mean(axis=(0, 2, 3))
        if epoch == 0:
            self.born, self.dead, self.zeros = dead, dead, zeros
            self.revived, self.epoch = np.zeros(dead.shape[:2], dtype=int), np.zeros(dead.shape[1], dtype=int)
            return
        fine = ~np.isnan(outputs).all(axis=(1, 2))  # a run that left the numbers is nan as a whole
        self.revived += np.where(fine, (self.dead & ~dead).sum(axis=2), 0)
        self.dead = np.where(fine[:, None], dead, self.dead)
        self.zeros, self.epoch = np.where(fine, zeros, self.zeros), np.where(fine, epoch, self.epoch)


def run(tasks: Sequence[Task]) -> list[Row]:
    """Train the networks of runs that differ by seed and rate alone, and count."""
    data = splits(tasks[0].inputs, [task.seed for task in tasks])
    rngs = [np.random.default_rng(task.seed) for task in tasks]
    network = stack([build(task, rng) for task, rng in zip(tasks, rngs, strict=True)])
    seen, epochs = Looks(data.train.X, tasks[0].alpha), tasks[0].epochs
    losses = train(
        network, data.train.X, data.train.labels,
        learning_rate=[2.0**task.log2_rate for task in tasks], epochs=epochs, rng=rngs, watch=seen,
    )  # fmt: skip
    counts = [seen.born.sum(axis=2), seen.dead.sum(axis=2), seen.revived]
    shares = [seen.zeros, accuracy(network, data.validation), accuracy(network, data.test)]
    diverged = (seen.epoch < epochs) | ~np.isfinite(losses).all(axis=1)
    return [
        Row(
            *task,
            *(int(part.sum()) for count in counts for part in (count[:1, place], count[1:, place])),
            *(round(float(share[place]), 4) for share in shares),
            diverged=int(diverged[place]),
        )
        for place, task in enumerate(tasks)
    ]


def head() -> str:
    """Return the header of the table."""
    settings = f"{WIDTH} units in each hidden layer, batch size 32; accuracies from 0 to 1"
    return header("dying_relu.py", settings, Row._fields)


if __name__ == "__main__":
    given = options(__doc__ or "", RESULTS)
    complete(given.out, head(), tasks(), run, Row, given.processes, given.cluster)
