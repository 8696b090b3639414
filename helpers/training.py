"""Gradient descent on a network, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from helpers.data import Split
from helpers.network import Array, Network, NotFinite, cross_entropy, one_thread

Loss = Callable[[ArrayLike, ArrayLike], tuple[Any, Array]]


@one_thread
def train(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    *,
    learning_rate: ArrayLike,
    epochs: int,
    rng: np.random.Generator | Sequence[np.random.Generator],
    batch_size: int = 32,
    loss: Loss = cross_entropy,
    weight_decay: float = 0.0,
    watch: Callable[[int, Network], None] | None = None,
) -> Array:
    """Train a network in place by plain stochastic gradient descent, and return its loss epoch by epoch.

    In each epoch the examples are shuffled and cut into batches, the last of which may be smaller. There is
    no momentum and no schedule, so that what is compared is all that differs.

    Networks that `helpers.network.stack` has put side by side are trained all at once, each as it would be
    alone.

    Parameters
    ----------
    network : Network
    X : array of shape (n, n_in)
        For networks side by side (runs, n, n_in), or (n, n_in) if all learn from the same examples.
    targets : array whose first axis has length n
        Whatever ``loss`` takes: labels for `cross_entropy`, outputs for `squared_error`. It has the axis of
        the runs where X has it.
    learning_rate : float, or array of shape (runs,)
        The step's factor, > 0.
    epochs : int
        How often every example is seen, ≥ 0.
    rng : numpy.random.Generator, or a sequence of them, one for each run
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
    array of shape (epochs,), or (runs, epochs)
        The mean over an epoch's examples of the loss, each taken just before its batch's step. Where training
        diverges (a loss or a signal is nan or inf), it stops: that epoch and the rest are nan, and so are the
        network's parameters.
    """
    X, targets = np.asarray(X, dtype=float), np.asarray(targets)
    generators = list(rng) if isinstance(rng, Sequence) else [rng]
    _check(network.runs, X, targets, learning_rate, epochs, generators, batch_size, weight_decay)
    losses, alive, n = np.full((*network.runs, epochs), np.nan), np.full(network.runs, True), X.shape[-2]
    each_run = (np.arange(len(X))[:, None],) if X.ndim == 3 else ()
    if watch is not None:
        watch(0, network)
    for epoch in range(epochs):
        order = np.reshape([generator.permutation(n) for generator in generators], (*network.runs, n))
        total = np.zeros(network.runs)
        for start in range(0, n, batch_size):
            batch = (*each_run, order[..., start : start + batch_size])
            value = _learn(network, X[batch], targets[batch], loss, learning_rate, weight_decay)
            total += value * batch[-1].shape[-1]
            lost = alive & ~np.isfinite(value)
            if lost.any():
                network.ruin(lost)
                alive = alive & ~lost
            if not alive.any():
                return losses
        losses[..., epoch] = np.where(alive, total / n, np.nan)
        if watch is not None:
            watch(epoch + 1, network)
    return losses


def _learn(
    network: Network, X: Array, targets: Array, loss: Loss, learning_rate: ArrayLike, weight_decay: float
) -> Any:
    """Take one step; return the loss before it, inf where the signals left the numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            value, gradient = loss(network.forward(X), targets)
            network.backward(gradient)
        except NotFinite:
            return np.inf
        network.step(learning_rate, weight_decay)
    return value


def accuracy(network: Network, split: Split) -> Any:
    """Return the share of a split's examples whose largest output is the right class; not in training mode.

    A network whose weights are nan or inf, because its training diverged, is right nowhere: 0.

    Parameters
    ----------
    network : Network
    split : Split
        For networks side by side, X and labels may have the runs as a first axis.

    Returns
    -------
    float, or array of shape (runs,)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            outputs = network.forward(split.X, training=False)
        except NotFinite:
            return 0.0
    right = (outputs.argmax(axis=-1) == split.labels).mean(axis=-1)
    shares = np.where(np.isfinite(outputs).all(axis=(-2, -1)), right, 0.0)
    return shares if network.runs else float(shares)


def _check(
    runs: tuple[int, ...],
    X: Array,
    targets: Array,
    learning_rate: ArrayLike,
    epochs: int,
    generators: list[np.random.Generator],
    batch_size: int,
    weight_decay: float,
) -> None:
    fits = X.ndim >= 2 and X.shape[:-2] in ((), runs) and targets.shape[: X.ndim - 1] == X.shape[:-1]
    if not fits or 0 in X.shape:
        raise ValueError(
            f"need X of shape {'(runs, n, n_in) or ' if runs else ''}(n, n_in) with n ≥ 1 and one target for "
            f"each row, got shapes {X.shape} and {targets.shape}"
        )
    rates = np.asarray(learning_rate)
    if rates.shape not in ((), runs) or not (np.isfinite(rates).all() and (rates > 0).all()):
        allowed = f"or {runs[0]} of them, " if runs else ""
        raise ValueError(f"learning_rate must be a positive number, {allowed}got {learning_rate!r}")
    if not (np.isfinite(weight_decay) and weight_decay >= 0):
        raise ValueError(f"weight_decay must be a number ≥ 0, got {weight_decay!r}")
    for name, count, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if not isinstance(count, int | np.integer) or count < least:
            raise ValueError(f"{name} must be a whole number ≥ {least}, got {count!r}")
    if not all(isinstance(generator, np.random.Generator) for generator in generators):
        raise TypeError(f"rng must be a generator such as np.random.default_rng(0), got {generators!r}")
    if (len(generators),) != (runs or (1,)):
        raise ValueError(f"rng must be one generator for each run, {(*runs, 1)[0]}, got {len(generators)}")
