"""Gradient descent on a network, batch by batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from helpers.data import Split
from helpers.network import Array, Network, NotFinite, cross_entropy, one_thread

Loss = Callable[[ArrayLike, ArrayLike], tuple[float, Array]]


@one_thread
def train(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    *,
    learning_rate: float,
    epochs: int,
    rng: np.random.Generator,
    batch_size: int = 32,
    loss: Loss = cross_entropy,
    weight_decay: float = 0.0,
    watch: Callable[[int, Network], None] | None = None,
) -> Array:
    """Train a network in place by plain stochastic gradient descent, and return its loss epoch by epoch.

    In each epoch the examples are shuffled and cut into batches, the last of which may be smaller. There is
    no momentum and no schedule, so that what is compared is all that differs.

    Parameters
    ----------
    network : Network
    X : array of shape (n, n_in)
    targets : array whose first axis has length n
        Whatever ``loss`` takes: labels for `cross_entropy`, outputs for `squared_error`.
    learning_rate : float
        The step's factor, > 0.
    epochs : int
        How often every example is seen, ≥ 0.
    rng : numpy.random.Generator
        Source of the shuffling.
    batch_size : int
        Examples in a step; n or more makes it full-batch descent.
    loss : callable
        (outputs, targets) → (loss, ∂loss/∂outputs).
    weight_decay : float
        Passed on to `Network.step`.
    watch : callable, optional
        Called as watch(epoch, network) before the first epoch, with 0, and after each, with 1, 2, …

    Returns
    -------
    array of shape (epochs,)
        The mean over an epoch's examples of the loss, each taken just before its batch's step. Where training
        diverges (a loss or a signal is nan or inf), it stops: that epoch and the rest are nan.
    """
    X, targets = np.asarray(X, dtype=float), np.asarray(targets)
    _check(X, targets, learning_rate, epochs, rng, batch_size, weight_decay)
    losses = np.full(epochs, np.nan)
    if watch is not None:
        watch(0, network)
    for epoch in range(epochs):
        order = rng.permutation(len(X))
        batches = [order[start : start + batch_size] for start in range(0, len(X), batch_size)]
        total = 0.0
        for batch in batches:
            value = _learn(network, X[batch], targets[batch], loss, learning_rate, weight_decay)
            if not np.isfinite(value):
                return losses
            total += value * len(batch)
        losses[epoch] = total / len(X)
        if watch is not None:
            watch(epoch + 1, network)
    return losses


def _learn(
    network: Network, X: Array, targets: Array, loss: Loss, learning_rate: float, weight_decay: float
) -> float:
    """Take one step; return the loss before it, inf where the signals left the numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            value, gradient = loss(network.forward(X), targets)
            network.backward(gradient)
        except NotFinite:
            return np.inf
        network.step(learning_rate, weight_decay)
    return value


def accuracy(network: Network, split: Split) -> float:
    """Return the share of a split's examples whose largest output is the right class; not in training mode.

    A network whose weights are nan or inf, because its training diverged, is right nowhere: 0.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            outputs = network.forward(split.X, training=False)
        except NotFinite:
            return 0.0
    if not np.isfinite(outputs).all():
        return 0.0
    return float(np.mean(outputs.argmax(axis=1) == split.labels))


def _check(
    X: Array,
    targets: Array,
    learning_rate: float,
    epochs: int,
    rng: np.random.Generator,
    batch_size: int,
    weight_decay: float,
) -> None:
    if X.ndim != 2 or len(X) == 0 or targets.shape[:1] != X.shape[:1]:
        raise ValueError(
            "need X of shape (n, n_in) with n ≥ 1 and one target for each row, "
            f"got shapes {X.shape} and {targets.shape}"
        )
    if not (np.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be a positive number, got {learning_rate!r}")
    if not (np.isfinite(weight_decay) and weight_decay >= 0):
        raise ValueError(f"weight_decay must be a number ≥ 0, got {weight_decay!r}")
    for name, count, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if not isinstance(count, int | np.integer) or count < least:
            raise ValueError(f"{name} must be a whole number ≥ {least}, got {count!r}")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a generator such as np.random.default_rng(0), got {rng!r}")
