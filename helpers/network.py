"""Layers with a forward and a backward pass, plain enough to read beside the formulas.

Shapes
------
A batch ``X`` has shape (batch, n_in), one example per row. The weights ``W`` have shape (n_out, n_in), one
unit per row, as in W x + b; for a batch this reads ``X @ W.T + b``. The gradient of the loss with respect to
an array has that array's shape, and its name with a ``d`` before it: ``dW`` is ∂L/∂W.

Many networks of one architecture can be trained side by side (`stack`). Then all these arrays have one more
axis in front, the runs: ``X`` has shape (runs, batch, n_in), ``W`` (runs, n_out, n_in). The same lines then
compute all runs at once: ``.mT`` transposes the matrix of each run, and sums go over the axis -2, the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from helpers.activations import ACTIVATIONS, Activation, log_softmax

# Threads do not pay for matrices this small, and cost tenfold where cores are shared, as on Binder.
one_thread = ThreadpoolController().wrap(limits=1, user_api="blas")
"""A decorator: the function's matrix products run on one thread."""

Array = NDArray[np.float64]
Init = Literal["xavier", "he"]


class NotFinite(ValueError):  # noqa: N818  (it tells what was met)
    """Tells that a batch holds nan or inf; a training run that diverges ends so."""


class Layer(Protocol):
    """What every layer can do: map a batch forward, and a gradient back.

    ``trainable`` names its parameters: for ``"W"`` the layer has an array ``W`` and, after `backward`, its
    gradient ``dW``. A layer with other arrays to remember names them in ``estimates``.
    """

    trainable: ClassVar[tuple[str, ...]]

    def forward(self, X: Array, training: bool = True) -> Array:
        """Map a batch to the layer's output; only layers that behave otherwise in training look at it."""

    def backward(self, dY: Array) -> Array:
        """Map ∂L/∂output to ∂L/∂input."""


def init_std(init: Init, n_in: int, n_out: int) -> float:
    """Return the standard deviation that keeps signals the same size from layer to layer.

    ``"xavier"`` has variance 2 / (n_in + n_out), a compromise between forward and backward for slopes near 1
    (Glorot & Bengio 2010, eq. 12); ``"he"`` has variance 2 / n_in, for ReLU, which passes half of the power
    (He et al. 2015, eq. 10).
    """
    if init == "xavier":
        return float(np.sqrt(2 / (n_in + n_out)))
    if init == "he":
        return float(np.sqrt(2 / n_in))
    raise ValueError(f"init must be 'xavier' or 'he', got {init!r}")


class Dense:
    """Show one affine layer, Y = X Wᵀ + b, and the three gradients it needs.

    The weights are normal with the standard deviation of `init_std` (the papers' variances, one shape of
    distribution for both, so that a comparison sees the variance only); the biases start at 0.

    Parameters
    ----------
    n_in, n_out : int
        Widths.
    rng : numpy.random.Generator
        Source of the weights. A generator and not a seed: layers that share a seed would share their weights.
    init : {"xavier", "he"}
        Which standard deviation.
    gain : float
        Multiplies it; 4 makes the "4×Xavier" sometimes advised for the sigmoid.

    Attributes
    ----------
    W, b : arrays of shape (n_out, n_in) and (n_out,)
        The parameters.
    dW, db : arrays of the same shapes
        ∂L/∂W and ∂L/∂b, replaced by every `backward`.
    """

    trainable: ClassVar[tuple[str, ...]] = ("W", "b")

    def __init__(
        self, n_in: int, n_out: int, *, rng: np.random.Generator, init: Init = "xavier", gain: float = 1.0
    ):
        for name, width in (("n_in", n_in), ("n_out", n_out)):
            if not isinstance(width, int | np.integer) or width < 1:
                raise ValueError(f"{name} must be a whole number ≥ 1, got {width!r}")
        if not isinstance(rng, np.random.Generator):
            raise TypeError(f"rng must be a generator such as np.random.default_rng(0), got {rng!r}")
        self.W: Array = gain * init_std(init, n_in, n_out) * rng.standard_normal((n_out, n_in))
        self.b: Array = np.zeros(n_out)
        self.dW: Array | None = None
        self.db: Array | None = None
        self._X: Array | None = None

    def __repr__(self) -> str:
        n_out, n_in = self.W.shape[-2:]
        return f"Dense({n_in}, {n_out})"

    def forward(self, X: ArrayLike, training: bool = True) -> Array:
        """Return Y = X Wᵀ + b, of shape (batch, n_out)."""
        self._X = _batch(X, self.W.shape[-1], self.b.shape[:-1], f"{self} takes X")
        return self._X @ self.W.mT + self.b[..., None, :]

    def backward(self, dY: ArrayLike) -> Array:
        """Return ∂L/∂X = dY W, and keep dW = dYᵀ X and db = the sum of dY over the batch."""
        X = _stored(self._X, self)
        dY = _same_shape(dY, (*X.shape[:-1], self.b.shape[-1]), self)
        self.dW = dY.mT @ X
        self.db = dY.sum(axis=-2)
        return dY @ self.W


class Activate:
    """Show an activation as a layer: A = f(Z) forward, dZ = dA · f'(Z) backward.

    Parameters
    ----------
    activation : Activation or str
        f, or its name in the catalogue.
    **parameters : float
        Those of f, such as ``alpha=0.1``.
    """

    trainable: ClassVar[tuple[str, ...]] = ()

    def __init__(self, activation: Activation | str, **parameters: float):
        if isinstance(activation, str):
            if activation not in ACTIVATIONS:
                raise ValueError(f"no activation is named {activation!r}; there are {', '.join(ACTIVATIONS)}")
            activation = ACTIVATIONS[activation]
        self.activation = activation
        self.parameters = parameters
        self._Z: Array | None = None

    def __repr__(self) -> str:
        return f"Activate({self.activation.name!r})"

    def forward(self, Z: ArrayLike, training: bool = True) -> Array:
        """Return A = f(Z), of Z's shape."""
        self._Z = np.array(Z, dtype=float)
        return np.asarray(self.activation(self._Z, **self.parameters))

    def backward(self, dA: ArrayLike) -> Array:
        """Return ∂L/∂Z = dA · f'(Z)."""
        Z = _stored(self._Z, self)
        dA = _same_shape(dA, Z.shape, self)
        return dA * self.activation.grad(Z, **self.parameters)


class BatchNorm:
    """Show batch normalization as a layer: standardize each feature over the batch, then scale and shift.

    In training, with μ and v the mean and the variance of a feature over the m examples of the batch
    (v divides by m), X̂ = (X − μ) / √(v + eps) and Y = gamma · X̂ + beta (Ioffe & Szegedy 2015, algorithm 1).
    Otherwise μ and v are the running estimates, so that an example's output does not depend on its company.

    The running estimates follow PyTorch's convention: each training batch moves them by the share
    ``momentum`` toward its own mean and its own *unbiased* variance (divided by m − 1). They start at 0
    and 1.

    A batch of one has no variance, and is refused in training. Mind the last batch of an epoch: choose a
    batch size that leaves no remainder of 1.

    Parameters
    ----------
    n_features : int
        Width of the batches, which have the shape (batch, n_features).
    eps : float
        Added to the variance, so that a constant feature gives 0 and no division by 0; positive.
    momentum : float
        Share of a new batch in the running estimates, in (0, 1].

    Attributes
    ----------
    gamma, beta : arrays of shape (n_features,)
        The learned scale and shift, 1 and 0 at first.
    dgamma, dbeta : arrays of the same shape
        ∂L/∂gamma and ∂L/∂beta, replaced by every `backward`.
    running_mean, running_var : arrays of the same shape
        What stands in for the batch's own mean and variance outside training.
    """

    trainable: ClassVar[tuple[str, ...]] = ("gamma", "beta")
    estimates: ClassVar[tuple[str, ...]] = ("running_mean", "running_var")

    def __init__(self, n_features: int, eps: float = 1e-5, *, momentum: float = 0.1):
        if not isinstance(n_features, int | np.integer) or n_features < 1:
            raise ValueError(f"n_features must be a whole number ≥ 1, got {n_features!r}")
        if not (np.isfinite(eps) and eps > 0):
            raise ValueError(f"eps must be a positive number, got {eps!r}")
        if not 0 < momentum <= 1:
            raise ValueError(f"momentum must be in (0, 1], got {momentum!r}")
        self.eps, self.momentum = float(eps), float(momentum)
        self.gamma: Array = np.ones(n_features)
        self.beta: Array = np.zeros(n_features)
        self.running_mean: Array = np.zeros(n_features)
        self.running_var: Array = np.ones(n_features)
        self.dgamma: Array | None = None
        self.dbeta: Array | None = None
        self._X_hat: Array | None = None
        self._std: Array = np.ones(n_features)
        self._training = True

    def __repr__(self) -> str:
        return f"BatchNorm({self.gamma.shape[-1]})"

    def forward(self, X: ArrayLike, training: bool = True) -> Array:
        """Return Y = gamma · X̂ + beta, of X's shape; in training, move the running estimates as well."""
        X = _batch(X, self.gamma.shape[-1], self.gamma.shape[:-1], f"{self} takes X")
        if training and X.shape[-2] < 2:
            raise ValueError(
                f"{self} needs at least 2 examples in training, because one has no variance; "
                f"got {X.shape[-2]}. Choose a batch size that leaves no remainder of 1"
            )
        mean = X.mean(axis=-2) if training else self.running_mean
        centered = X - mean[..., None, :]
        var = self._variance(mean, centered) if training else self.running_var
        self._training, self._std = training, np.sqrt(var + self.eps)
        self._X_hat = centered / self._std[..., None, :]
        return self.gamma[..., None, :] * self._X_hat + self.beta[..., None, :]

    def backward(self, dY: ArrayLike) -> Array:
        """Return ∂L/∂X, and keep dgamma = Σ dY · X̂ and dbeta = Σ dY, summed over the batch.

        In training every example moves the mean and the variance, and through them all the others:
        ∂L/∂X = gamma / √(v + eps) · (dY − mean(dY) − X̂ · mean(dY · X̂)). Otherwise only the first term stands.
        """
        X_hat = _stored(self._X_hat, self)
        dY = _same_shape(dY, X_hat.shape, self)
        self.dgamma = _sum_of_products(dY, X_hat)
        self.dbeta = dY.sum(axis=-2)
        kept: Array = dY
        if self._training:
            m = dY.shape[-2]
            kept = dY - (self.dbeta / m)[..., None, :] - X_hat * (self.dgamma / m)[..., None, :]
        dX: Array = (self.gamma / self._std)[..., None, :] * kept
        return dX

    def _variance(self, mean: Array, centered: Array) -> Array:
        """Return each feature's variance over the batch, and move the running estimates."""
        m = centered.shape[-2]
        var = _sum_of_products(centered, centered) / m
        overflows = f"{self} takes X whose variance is a float64; it overflows from about 1e154 on"
        _finite(var, self.gamma.shape[:-1], overflows)
        self.running_mean = self.running_mean + self.momentum * (mean - self.running_mean)
        self.running_var = self.running_var + self.momentum * (var * m / (m - 1) - self.running_var)
        return var


class Network:
    """Show back-propagation whole: layers forward in order, gradients backward in reverse.

    Parameters
    ----------
    layers : sequence of layers
        For example ``[Dense(2, 3, rng=rng), Activate("tanh"), Dense(3, 1, rng=rng)]``.

    Attributes
    ----------
    runs : tuple of int
        The axes that all arrays have in front: ``()`` for one network, ``(n,)`` for n that `stack` has put
        side by side.
    """

    def __init__(self, layers: Sequence[Layer]):
        if len(layers) == 0:
            raise ValueError("a network needs at least one layer")
        self.layers = list(layers)
        self.runs: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Network([{', '.join(map(repr, self.layers))}])"

    def forward(self, X: ArrayLike, training: bool = True) -> Array:
        """Return the last layer's output for a batch X of shape (batch, n_in)."""
        signal = np.asarray(X, dtype=float)
        for layer in self.layers:
            signal = layer.forward(signal, training)
        return signal

    def backward(self, dY: ArrayLike) -> Array:
        """Return ∂L/∂X from ∂L/∂output; every layer keeps its own gradients."""
        gradient = np.asarray(dY, dtype=float)
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient

    def step(self, learning_rate: ArrayLike, weight_decay: float = 0.0) -> None:
        """Move every parameter against its gradient: W ← W − learning_rate · (dW + weight_decay · W).

        The decay shrinks the weights ``W`` alone; biases, as usual, do not decay. Networks side by side may
        each have a learning rate of their own, an array of shape (runs,).
        """
        for layer, name in self._parameters():
            parameter, gradient = getattr(layer, name), _stored(getattr(layer, f"d{name}"), layer)
            if weight_decay and name == "W":
                gradient = gradient + weight_decay * parameter
            others = np.ndim(parameter) - len(self.runs)
            rate = np.reshape(learning_rate, np.shape(learning_rate) + (1,) * others)
            setattr(layer, name, parameter - rate * gradient)

    def ruin(self, which: ArrayLike = True) -> None:
        """Set every parameter to nan, because the training has diverged: the network is right nowhere.

        Parameters
        ----------
        which : bool, or array of bool of shape (runs,)
            Of networks side by side, those that have diverged.
        """
        for layer, name in self._parameters():
            parameter = np.array(getattr(layer, name), dtype=float)
            parameter[np.asarray(which)] = np.nan
            setattr(layer, name, parameter)

    def _parameters(self) -> Iterator[tuple[Layer, str]]:
        return ((layer, name) for layer in self.layers for name in layer.trainable)


def stack(networks: Sequence[Network]) -> Network:
    """Put networks of one architecture side by side, so that they compute and learn all at once.

    Small matrices leave a processor waiting for Python; the same operation on those of many runs does not. No
    run sees another. One that leaves the numbers becomes nan and disturbs none.

    Parameters
    ----------
    networks : sequence of Network
        With the same layers, of the same widths and with the same parameters of their activations. They keep
        their arrays; the result has copies.

    Returns
    -------
    Network
        It takes X of shape (runs, batch, n_in), or (batch, n_in) for all runs, and returns
        (runs, batch, n_out).

    Examples
    --------
    >>> side_by_side = stack([Network([Dense(2, 3, rng=np.random.default_rng(seed))]) for seed in range(5)])
    >>> side_by_side.forward(np.ones((4, 2))).shape
    (5, 4, 3)
    """
    if len(networks) == 0:
        raise ValueError("stack needs at least one network")
    for network in networks:
        if network.runs:
            raise ValueError(f"stack takes single networks, got one of {network.runs[0]} runs")
        if [*map(_kind, network.layers)] != [*map(_kind, networks[0].layers)]:
            raise ValueError(f"stack takes networks with the same layers, got {networks[0]} and {network}")
    layers = zip(*(network.layers for network in networks), strict=True)
    together = Network([_side_by_side(layer) for layer in layers])
    together.runs = (len(networks),)
    return together


def _learned(layer: Layer) -> tuple[str, ...]:
    """Name all arrays in which a layer keeps what it has learned."""
    return (*layer.trainable, *getattr(layer, "estimates", ()))


def _kind(layer: Layer) -> tuple[Any, ...]:
    """Return all that two layers have to share to stand side by side: everything but their arrays' values."""
    gradients = {f"d{name}" for name in layer.trainable}
    settings = {k: value for k, value in vars(layer).items() if not k.startswith("_") and k not in gradients}
    shapes = {name: np.shape(settings.pop(name)) for name in _learned(layer)}
    return type(layer), shapes, settings


def _side_by_side(layers: Sequence[Layer]) -> Layer:
    together = copy(layers[0])
    for name in layers[0].trainable:
        setattr(together, f"d{name}", None)
    for name in _learned(together):
        setattr(together, name, np.stack([getattr(layer, name) for layer in layers]))
    return together


def cross_entropy(logits: ArrayLike, labels: ArrayLike) -> tuple[Any, Array]:
    """Return the mean softmax cross-entropy of a batch and its gradient, (p − y) / batch.

    Parameters
    ----------
    logits : array of shape (batch, n_classes)
        Or (runs, batch, n_classes): the loss then has shape (runs,).
        −∞ leaves a class out; if it is the right one, the loss is ∞.
    labels : integers of shape (batch,)
        The right class of each example; (runs, batch) for runs.
    """
    logits, labels = np.asarray(logits, dtype=float), np.asarray(labels)
    if logits.ndim < 2 or labels.shape != logits.shape[:-1]:
        raise ValueError(
            "need logits of shape (batch, n_classes) and one label for each row, "
            f"got shapes {logits.shape} and {labels.shape}"
        )
    _not_empty("logits", logits)
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= logits.shape[-1]:
        raise ValueError(f"labels must be integers from 0 to {logits.shape[-1] - 1}")
    log_p = np.asarray(log_softmax(logits, axis=-1))
    y, batch = np.eye(logits.shape[-1])[labels], logits.shape[-2]
    return _per_run(-np.where(y, log_p, 0).sum(axis=(-2, -1)) / batch), (np.exp(log_p) - y) / batch


def squared_error(outputs: ArrayLike, targets: ArrayLike) -> tuple[Any, Array]:
    """Return half the squared error, averaged over a batch, and its gradient (outputs − targets) / batch.

    Parameters
    ----------
    outputs, targets : arrays of one shape (batch, n_out)
        The error of an example is summed over its n_out outputs. The half makes the gradient plain. Or
        (runs, batch, n_out): the loss then has shape (runs,).
    """
    outputs, targets = np.asarray(outputs, dtype=float), np.asarray(targets, dtype=float)
    if outputs.ndim < 2 or targets.shape != outputs.shape:
        raise ValueError(
            f"need outputs and targets of one shape (batch, n_out), got {outputs.shape} and {targets.shape}"
        )
    _not_empty("outputs", outputs)
    error, batch = outputs - targets, outputs.shape[-2]
    return _per_run((error**2).sum(axis=(-2, -1)) / (2 * batch)), error / batch


def _per_run(loss: Array) -> Any:
    """Return the number that the loss of a single network is, or the array of those of several runs."""
    return loss if np.ndim(loss) else float(loss)


@dataclass(frozen=True)
class GradientProfile:
    """The size (root mean square) of three signals in every hidden layer, first layer first.

    Each array has shape (depth,): ``activations`` of A = f(Z), ``deltas`` of ∂L/∂Z, ``weight_gradients`` of
    ∂L/∂W.
    """

    activations: Array
    deltas: Array
    weight_gradients: Array

    @property
    def first_over_last(self) -> float:
        """The first layer's weight gradient over the last hidden layer's; far below 1 it vanishes."""
        return float(self.weight_gradients[0] / self.weight_gradients[-1])


@one_thread
def gradient_profile(
    depth: int,
    activation: Activation | str,
    init: Init = "xavier",
    seed: int = 0,
    *,
    gain: float = 1.0,
    width: int = 100,
    batch: int = 100,
    n_classes: int = 10,
) -> GradientProfile:
    """Measure how signals shrink or grow through a network that has just been initialized.

    The network has ``depth`` hidden layers of ``width`` units (Dense, then the activation) and a Dense output
    layer with the same initialization. Its input is ``batch`` examples of ``width`` independent N(0, 1)
    features, its labels are drawn uniformly from ``n_classes``, and its loss is the mean softmax
    cross-entropy. Runs with one seed share the data and the weights' random numbers, whatever the activation,
    initialization and gain: only what is compared differs.
    After Glorot & Bengio 2010, figures 6 and 7.

    Examples
    --------
    >>> gradient_profile(30, "sigmoid").first_over_last < 1e-17
    True
    """
    if not isinstance(depth, int | np.integer) or depth < 1:
        raise ValueError(f"depth must be a whole number ≥ 1, got {depth!r}")
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((batch, width))
    labels = rng.integers(n_classes, size=batch)
    hidden = [Dense(width, width, rng=rng, init=init, gain=gain) for _ in range(depth)]
    activate = [Activate(activation) for _ in range(depth)]
    output = Dense(width, n_classes, rng=rng, init=init, gain=gain)

    A, activations = X, []
    for dense, act in zip(hidden, activate, strict=True):
        A = act.forward(dense.forward(A))
        activations.append(_rms(A))
    _, dlogits = cross_entropy(output.forward(A), labels)

    dA, deltas, weight_gradients = output.backward(dlogits), [], []
    for dense, act in zip(reversed(hidden), reversed(activate), strict=True):
        dZ = act.backward(dA)
        dA = dense.backward(dZ)
        deltas.append(_rms(dZ))
        weight_gradients.append(_rms(dense.dW))
    return GradientProfile(np.array(activations), np.array(deltas[::-1]), np.array(weight_gradients[::-1]))


def _rms(values: Any) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _sum_of_products(one: Array, other: Array) -> Array:
    """Return the sum over the batch of one · other, feature by feature, without an array of the products."""
    return np.einsum("...bi,...bi->...i", one, other)


def _batch(X: ArrayLike, width: int, runs: tuple[int, ...], who: str) -> Array:
    # A copy: were the caller to change X in place, a later backward would silently use the new values.
    X = np.array(X, dtype=float)
    if X.shape[-1:] != (width,) or X.ndim < 2 or X.shape[:-2] not in ((), runs):
        expected = ", ".join([*map(str, runs), "batch", str(width)])
        raise ValueError(f"{who} of shape ({expected}), got {X.shape}")
    bad = X.size - np.count_nonzero(np.isfinite(X))
    if bad:
        _finite(X, X.shape[:-2], f"{who} without nan or inf, got {bad} of {X.size}")
    return X if X.shape[:-2] == runs else np.broadcast_to(X, (*runs, *X.shape))


def _finite(values: Array, runs: tuple[int, ...], complaint: str) -> None:
    """Refuse values that hold nan or inf. Of runs side by side, fill those that hold one with nan instead.

    So a run that diverges stays apart, and cannot come back: an activation such as the sigmoid would map inf
    to a number.
    """
    finite = np.isfinite(values)
    if finite.all():
        return
    if not runs:
        raise NotFinite(complaint)
    values[~finite.reshape(len(values), -1).all(axis=1)] = np.nan


def _not_empty(name: str, array: Array) -> None:
    if array.size == 0:
        raise ValueError(f"a loss is a mean over at least one example, got {name} of shape {array.shape}")


def _stored(value: Array | None, layer: Layer) -> Array:
    if value is None:
        raise RuntimeError(
            f"{layer}.backward was called before forward: there is no input to differentiate at"
        )
    return value


def _same_shape(gradient: ArrayLike, shape: tuple[int, ...], layer: Layer) -> Array:
    gradient = np.asarray(gradient, dtype=float)
    if gradient.shape != shape:
        raise ValueError(f"{layer}.backward takes the shape of its output, {shape}, got {gradient.shape}")
    return gradient
