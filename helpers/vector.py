"""Activation functions of a vector: softmax and its relatives, and the gates.

`jacobian(function, z)` holds all slopes of one; `vjp(function, z, v)`, the vector-Jacobian product Jᵀv that
backpropagation needs, does without it.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.catalogue import ACTIVATIONS
from helpers.entry import Activation, real_array
from helpers.primitives import Array
from helpers.tape import BLOCK

Rows = Callable[..., Array]


def _along(z: ArrayLike, axis: int, name: str = "z") -> tuple[NDArray[Any], np.dtype]:
    """Return z with `axis` last, and the float type the result shall have."""
    array, dtype = real_array(z, name)
    if array.ndim == 0:
        raise ValueError(f"{name} must have at least one axis, got the single number {z!r}")
    if not isinstance(axis, Integral):
        raise TypeError(f"axis must be an integer, got {axis!r}")
    if not -array.ndim <= axis < array.ndim:
        bounds = f"{-array.ndim} … {array.ndim - 1}"
        raise ValueError(f"axis must lie in {bounds} for shape {array.shape}, got {axis}")
    return np.moveaxis(array, axis, -1), dtype


def _by_rows(
    function: Rows, z: ArrayLike, axis: int, width: Callable[[int], int] = lambda n: n
) -> NDArray[Any]:
    """Compute rows of `width(n)` values from the rows of n along `axis`, in blocks that stay in the cache."""
    moved, dtype = _along(z, axis)
    n = moved.shape[-1]
    rows = moved.reshape(int(np.prod(moved.shape[:-1])), n)
    found = np.empty((len(rows), width(n)), dtype)
    step = max(1, BLOCK // max(1, n))
    with np.errstate(all="ignore"):
        for start in range(0, len(rows) if n else 0, step):
            part = rows[start : start + step].astype(np.float64, copy=False)
            if dtype == np.float64 and function in (_softmax, _log_softmax):  # spares a copy
                function(part, found[start : start + step])
            else:
                found[start : start + step] = function(part)
    return np.moveaxis(found.reshape(*moved.shape[:-1], width(n)), -1, axis)


def _shifted_exp(z: Array, floor: float = -np.inf) -> tuple[Array, Array, Array]:
    """Return m = max(z, floor) of each row, d = z − m and exp(d), where the rounding of d is made good."""
    noted: list[str] = []
    with np.errstate(invalid="call", call=lambda kind, flag: noted.append(kind)):
        top = np.maximum(z.max(-1, keepdims=True), floor)
        d = z - top
        back = d - z
        lost = d - back
        np.subtract(z, lost, out=lost)
        back += top
        lost -= back
    if noted:  # ∞ − ∞: nothing is lost of an infinite difference
        lost[~np.isfinite(lost)] = 0
    e = np.exp(d, out=back)
    lost *= e
    e += lost
    return top, d, e


def _softmax(z: Array, out: Array | None = None) -> Array:
    _, _, e = _shifted_exp(z)
    return np.multiply(e, 1 / e.sum(-1, keepdims=True), out=out)


def softmax(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Turn scores into probabilities: s_i = exp(z_i) / Σ_j exp(z_j) along `axis`.

    Parameters
    ----------
    z : array_like
        Scores (logits) of any shape with at least one axis; float32 stays float32.
    axis : int
        The axis along which the result sums to 1.

    Returns
    -------
    ndarray
        Probabilities in the shape of z. A score of −∞ gives 0; +∞ or nan among the scores gives nan.

    Notes
    -----
    The largest score is subtracted first, which changes nothing on paper and keeps every exponential at
    most 1. Bridle 1990, Training stochastic model recognition algorithms as networks can lead to maximum
    mutual information estimation of parameters.
    """
    return _by_rows(_softmax, z, axis)


def softmin(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return softmax(−z): the smallest score gets the largest share. Arguments as for `softmax`."""
    return _by_rows(lambda rows: _softmax(-rows), z, axis)


def _log_softmax(z: Array, out: Array | None = None) -> Array:
    _, d, e = _shifted_exp(z)
    below = d < 0
    e *= below
    others = e.sum(-1, keepdims=True) + ((d == 0).sum(-1, keepdims=True) - 1)
    return np.subtract(d, np.log1p(others), out=out)


def log_softmax(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return the logarithm of `softmax(z, axis)`, exact also where a probability is almost 0 or almost 1.

    Shapes and types as in `softmax`. With m the largest score, log s_i = (z_i − m) − log1p(Σ' exp(z_j −
    m)), where Σ' leaves the largest itself out: at z = (0, −40) the first component is −4.25e-18, not 0.
    """
    return _by_rows(_log_softmax, z, axis)


def _softmax_plus_one(z: Array) -> Array:
    top, _, e = _shifted_exp(z, 0)
    return e / (e.sum(-1, keepdims=True) + np.exp(-top))


def softmax_plus_one(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return exp(z_i) / (1 + Σ_j exp(z_j)), which may give all scores next to nothing.

    It is softmax with one more score, 0, whose share is left out. Arguments as for `softmax`. Miller 2023,
    Attention is off by one.
    """
    return _by_rows(_softmax_plus_one, z, axis)


def _hardmax(z: Array) -> Array:
    found = np.zeros_like(z)
    np.put_along_axis(found, z.argmax(-1, keepdims=True), 1, -1)
    found[np.isnan(z).any(-1)] = np.nan
    return found


def hardmax(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return 1 for the largest score (the first of equals) and 0 for the others; its slopes are 0."""
    return _by_rows(_hardmax, z, axis)


def _below_the_largest(z: Array) -> Array:
    """Return z − max z, at least −2: sparsemax and entmax give 0 to whatever lies 1 or more below."""
    return np.maximum(z - z.max(-1, keepdims=True), -2)


def _chosen(thresholds: Array, count: NDArray[np.integer]) -> Array:
    return np.take_along_axis(thresholds, count - 1, -1)


def _sparsemax(z: Array) -> Array:
    d = _below_the_largest(z)
    falling = -np.sort(-d, -1)
    k = np.arange(1, z.shape[-1] + 1)
    sums = np.cumsum(falling, -1) - 1
    count = np.maximum((k * falling > sums).sum(-1, keepdims=True), 1)
    return np.maximum(d - _chosen(sums / k, count), 0)


def sparsemax(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return the point of the probability simplex closest to z, which gives 0 to all but the largest scores.

    Arguments as for `softmax`. Martins & Astudillo 2016, From softmax to sparsemax, arXiv:1602.02068.
    """
    return _by_rows(_sparsemax, z, axis)


def _entmax15(z: Array) -> Array:
    d = np.maximum(_below_the_largest(z / 2), -2)
    falling = -np.sort(-d, -1)
    k = np.arange(1, z.shape[-1] + 1)
    means, squares = np.cumsum(falling, -1) / k, np.cumsum(np.square(falling), -1) / k
    spread = (1 - k * (squares - np.square(means))) / k
    thresholds = means - np.sqrt(np.maximum(spread, 0))
    count = np.maximum((thresholds <= falling).sum(-1, keepdims=True), 1)
    return np.square(np.maximum(d - _chosen(thresholds, count), 0))


def entmax15(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return α-entmax with α = 1.5, between softmax (α = 1) and sparsemax (α = 2).

    It is (z_i/2 − τ)² where z_i/2 is above the threshold τ and 0 elsewhere, with the τ that lets the shares
    sum to 1. Arguments as for `softmax`. Peters, Niculae & Martins 2019, Sparse sequence-to-sequence models,
    arXiv:1905.05702.
    """
    return _by_rows(_entmax15, z, axis)


def gumbel_softmax(
    z: ArrayLike, rng: np.random.Generator, temperature: float = 1.0, axis: int = -1
) -> NDArray[Any]:
    """Return softmax((z + g)/temperature), g drawn from the Gumbel distribution: a sample almost one-hot.

    Jang, Gu & Poole 2017, Categorical reparameterization with Gumbel-softmax, arXiv:1611.01144.
    """
    if not isinstance(temperature, Real) or not temperature > 0 or not np.isfinite(float(temperature)):
        raise ValueError(f"temperature must be a positive number, got {temperature!r}")
    moved, dtype = _along(z, axis)
    noisy = (moved + rng.gumbel(size=moved.shape)) / float(temperature)
    return np.moveaxis(softmax(noisy).astype(dtype, copy=False), -1, axis)


def crelu(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return relu(z) and relu(−z) side by side along `axis`, which doubles: nothing is lost.

    Shang et al. 2016, Understanding and improving convolutional neural networks via concatenated rectified
    linear units, arXiv:1603.05201.
    """
    return _by_rows(
        lambda rows: np.maximum(np.concatenate([rows, -rows], -1), 0), z, axis, width=lambda n: 2 * n
    )


def maxout(z: ArrayLike, axis: int = -1) -> Any:
    """Let the largest of a unit's affine pieces speak: h = max_j z_j along `axis`, which disappears.

    z holds the k pieces wᵀx + b of every unit along `axis`: shape (batch, units, k) gives (batch, units). A
    nan among the pieces gives nan. Goodfellow et al. 2013, Maxout networks, arXiv:1302.4389.
    """
    array, dtype = _along(z, axis)
    if array.shape[-1] == 0:
        raise ValueError(f"maxout needs at least one piece along axis {axis}, got shape {np.shape(z)}")
    return array.max(-1).astype(dtype, copy=False)[()]


def randomized_relu(
    x: ArrayLike, rng: np.random.Generator, lower: float = 1 / 8, upper: float = 1 / 3
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the values and the slopes of a leaky ReLU whose leak is drawn anew for every number.

    This is RReLU in training; `ACTIVATIONS["rrelu"]` is RReLU after it, with the mean leak. Xu et al. 2015,
    Empirical evaluation of rectified activations in convolutional network, arXiv:1505.00853.
    """
    if not lower <= upper:
        raise ValueError(f"lower must not exceed upper, got {lower!r} and {upper!r}")
    array, dtype = real_array(x)
    slopes = np.where(array > 0, 1.0, rng.uniform(lower, upper, array.shape))
    slopes[np.isnan(array)] = np.nan
    return (slopes * array).astype(dtype), slopes.astype(dtype)


# Gates

_GATES: dict[Callable[..., Any], Activation] = {}


def _gated(function: Callable[..., Any], z: ArrayLike, axis: int) -> NDArray[Any]:
    n = _along(z, axis)[0].shape[-1]
    if n % 2:
        raise ValueError(f"{function.__name__} needs an even length along axis {axis}, got {n}")
    gate, half = _GATES[function], n // 2
    return _by_rows(lambda rows: rows[:, :half] * gate(rows[:, half:]), z, axis, width=lambda n: n // 2)


def glu(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Let one half of the numbers gate the other: a σ(b), with a and b the halves of z along `axis`.

    The result has half the length along `axis`, which must be even. Dauphin et al. 2017, Language modeling
    with gated convolutional networks, arXiv:1612.08083.
    """
    return _gated(glu, z, axis)


def bilinear(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return a b, the gate of `glu` without its σ. Arguments as for `glu`; Dauphin et al. 2017."""
    return _gated(bilinear, z, axis)


def reglu(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return a relu(b). Arguments as for `glu`; Shazeer 2020, GLU variants improve transformer,
    arXiv:2002.05202."""
    return _gated(reglu, z, axis)


def geglu(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return a gelu(b). Arguments as for `glu`; Shazeer 2020, arXiv:2002.05202."""
    return _gated(geglu, z, axis)


def swiglu(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return a silu(b). Arguments as for `glu`; Shazeer 2020, arXiv:2002.05202."""
    return _gated(swiglu, z, axis)


_GATES |= {
    glu: ACTIVATIONS["sigmoid"],
    bilinear: ACTIVATIONS["identity"],
    reglu: ACTIVATIONS["relu"],
    geglu: ACTIVATIONS["gelu"],
    swiglu: ACTIVATIONS["silu"],
}


# Slopes


def _spread(share: Array, v: Array, total: Array | float) -> Array:
    """Return (diag(q) − q qᵀ/total) v for q = share: the Jacobian of all relatives of softmax."""
    return share * (v - (share * v).sum(-1, keepdims=True) / total)


def _sparse_pullback(share: Array, v: Array) -> Array:
    return _spread(share, v, share.sum(-1, keepdims=True))


def _gate_pullback(gate: Activation) -> Callable[[Array, Array], Array]:
    def pullback(z: Array, v: Array) -> Array:
        a, b = np.split(z, 2, -1)
        return np.concatenate([v * gate(b), v * a * gate.grad(b)], -1)

    return pullback


def _crelu_pullback(z: Array, v: Array) -> Array:
    positive, negative = np.split(v, 2, -1)
    return positive * (z > 0) - negative * (z < 0)


_PULLBACKS: dict[Callable[..., Any], Callable[[Array, Array], Array]] = {
    softmax: lambda z, v: _spread(_softmax(z), v, 1.0),
    softmin: lambda z, v: -_spread(_softmax(-z), v, 1.0),
    log_softmax: lambda z, v: v - _softmax(z) * v.sum(-1, keepdims=True),
    softmax_plus_one: lambda z, v: _spread(_softmax_plus_one(z), v, 1.0),
    hardmax: lambda z, v: np.where(np.isnan(z).any(-1, keepdims=True), np.nan, np.zeros_like(z)),
    sparsemax: lambda z, v: _sparse_pullback(np.sign(_sparsemax(z)), v),
    entmax15: lambda z, v: _sparse_pullback(np.sqrt(_entmax15(z)), v),
    crelu: _crelu_pullback,
    maxout: lambda z, v: _hardmax(z) * v,
} | {function: _gate_pullback(gate) for function, gate in _GATES.items()}


def _pullback(function: Callable[..., Any]) -> Callable[[Array, Array], Array]:
    if function not in _PULLBACKS:
        known = ", ".join(each.__name__ for each in _PULLBACKS)
        raise ValueError(f"function must be one of {known}; got {function!r}")
    return _PULLBACKS[function]


def vjp(function: Callable[..., Any], z: ArrayLike, v: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return the vector-Jacobian product Jᵀv of a function of this module, without forming J.

    Parameters
    ----------
    function : callable
        Such as `softmax`, `sparsemax` or `swiglu`.
    z : array_like
        Where; its axes besides `axis` are a batch.
    v : array_like
        The gradient with respect to the result: of the shape of function(z, axis).
    axis : int
        The axis that the function works along.

    Returns
    -------
    ndarray
        The gradient with respect to z, in its shape.
    """
    pullback = _pullback(function)
    moved, dtype = _along(z, axis)
    expected = np.shape(function(z, axis=axis))
    if np.shape(v) != expected:
        raise ValueError(f"v must have the shape {expected} of the result, got {np.shape(v)}")
    given = real_array(v, "v")[0].astype(np.float64, copy=False)
    given = given[..., None] if function is maxout else np.moveaxis(given, axis, -1)
    with np.errstate(all="ignore"):
        found = pullback(moved.astype(np.float64, copy=False), given)
    return np.moveaxis(found.astype(dtype, copy=False), -1, axis)


def jacobian(function: Callable[..., Any], z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return all the slopes of a function of this module, J[…, i, j] = ∂f_i/∂z_j.

    The batch axes come first, in their order, then i and j: `jacobian(softmax, z)` of shape (b, n) is (b, n,
    n). Where f is one number (`maxout`), i has one value.
    """
    pullback = _pullback(function)
    moved, dtype = _along(z, axis)
    outputs = 1 if function is maxout else np.shape(function(moved[..., :]))[-1]
    rows = moved.astype(np.float64, copy=False)[..., None, :]
    with np.errstate(all="ignore"):
        found = pullback(np.repeat(rows, outputs, -2), np.eye(outputs))
    if function in (softmax, softmin, sparsemax, entmax15):
        # The rows sum to 0; the formula's 1 − s_i would lose its digits where s_i is near 1.
        i = np.arange(outputs)
        found[..., i, i] = 0
        found[..., i, i] = -found.sum(-1)
    return found.astype(dtype, copy=False)


def softmax_jacobian(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return all the slopes of softmax, J[…, i, j] = ∂s_i/∂z_j = s_i (δ_ij − s_j).

    Parameters
    ----------
    z : array_like
        Scores; n of them along `axis`.
    axis : int
        The axis of the scores. The other axes are a batch.

    Returns
    -------
    ndarray
        The batch axes in their order, then i and j: shape (n,) gives (n, n), shape (b, n) gives (b, n, n),
        and shape (n, b) with axis=0 gives (b, n, n). J is symmetric and each row sums to 0.
    """
    return jacobian(softmax, z, axis)
