"""Train ReLU networks at many learning rates and count their dead units; train leaky ones beside them.

    python experiments/dying_relu.py

The digits of `helpers.data` are learned by fully connected networks of 1, 2 or 4 hidden layers. The inputs
are centered, as there, or not: then the smallest value of each feature is subtracted in place of its mean, so
that no feature of the training images is negative, and all are divided by one number that makes their mean
square 1 again. The hidden activation is Leaky ReLU with the slope ``alpha``, and ReLU where ``alpha`` is 0.

A unit counts as dead where no training image makes its pre-activation positive. This is looked at before
training and after every epoch. A unit that is dead at one look and not at the next has revived.

A seed fixes the initial weights and the order of the examples, so that results for different ``alpha`` can be
subtracted seed by seed. Runs are repeated bit by bit on one machine. On another, BLAS may round otherwise;
where a rate is too large for training, the counts may then differ.

All of it takes about fifteen minutes on one idle core. Started again, the script does only what is missing.
"""

from __future__ import annotations

import itertools
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))

from experiments.runs import FOLDER, complete, header, options
from helpers.data import Split, digits
from helpers.network import Activate, Array, Dense, Init, Layer, Network, NotFinite, one_thread
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


@cache
def splits(inputs: str) -> tuple[Split, Split, Split]:
    """Return the training, validation and test images, centered or not."""
    data = digits()
    parts = (data.train, data.validation, data.test)
    if inputs == "centered":
        return parts
    lowest = data.train.X.min(axis=0)
    scale = np.sqrt(np.mean((data.train.X - lowest) ** 2))
    train, validation, test = (Split((part.X - lowest) / scale, part.labels) for part in parts)
    return train, validation, test


def build(task: Task, rng: np.random.Generator) -> Network:
    """Make the untrained network of a run; its output layer starts from Xavier's weights."""
    layers, n_in = list[Layer](), 64
    for _ in range(task.depth):
        layers += [Dense(n_in, WIDTH, rng=rng, init=task.init), Activate("leaky_relu", alpha=task.alpha)]
        n_in = WIDTH
    return Network([*layers, Dense(n_in, 10, rng=rng)])


def hidden(network: Network, X: Array) -> list[Array]:
    """Return the pre-activations of every hidden layer, each of shape (n, WIDTH)."""
    found: list[Array] = []
    for layer in network.layers:
        if isinstance(layer, Activate):
            found.append(X)
        X = layer.forward(X, training=False)
    return found


@one_thread
def run(task: Task) -> Row:
    """Train the network of one run, and count."""
    images, validation, test = splits(task.inputs)
    rng = np.random.default_rng(task.seed)
    network, looks, zeros = build(task, rng), list[NDArray[np.bool_]](), [0.0]

    def look(epoch: int, now: Network) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                before = hidden(now, images.X)
            except NotFinite:
                return
        looks.append(np.array([(Z <= 0).all(axis=0) for Z in before]))
        zeros.append(float(np.mean([(Z == 0) | ((Z < 0) & (task.alpha == 0)) for Z in before])))

    losses = train(
        network, images.X, images.labels,
        learning_rate=2.0**task.log2_rate, epochs=task.epochs, rng=rng, watch=look,
    )  # fmt: skip
    dead = np.array(looks)
    born, died, revived = dead[0].sum(axis=1), dead[-1].sum(axis=1), (dead[:-1] & ~dead[1:]).sum(axis=(0, 2))
    return Row(
        *task,
        born_first=int(born[0]),
        born_later=int(born[1:].sum()),
        dead_first=int(died[0]),
        dead_later=int(died[1:].sum()),
        revived_first=int(revived[0]),
        revived_later=int(revived[1:].sum()),
        zeros=round(zeros[-1], 4),
        validation=round(accuracy(network, validation), 4),
        test=round(accuracy(network, test), 4),
        diverged=int(len(looks) <= task.epochs or not np.isfinite(losses).all()),
    )


def head() -> str:
    """Return the header of the table."""
    settings = f"{WIDTH} units in each hidden layer, batch size 32; accuracies from 0 to 1"
    return header("dying_relu.py", settings, Row._fields)


if __name__ == "__main__":
    given = options(__doc__ or "", RESULTS)
    complete(given.out, head(), tasks(), run, Row, given.processes)
