"""Plain gradient descent: down any loss, and down the curve of an activation function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from helpers.activations import ACTIVATIONS, Activation

Array = NDArray[np.float64]
Loss = Literal["value", "squared_error"]


def descend(
    gradient: Callable[[Array], ArrayLike],
    start: ArrayLike,
    learning_rate: float,
    steps: int,
    *,
    until: Callable[[Array], bool] | None = None,
    limit: float = 1e12,
) -> Array:
    """Walk down a loss, w ← w − ``learning_rate`` · gradient(w), and return the path.

    Parameters
    ----------
    gradient : callable
        Takes w, of shape (n,), and returns ∂L/∂w of that shape. For stochastic descent it draws its batch.
    start : float or array of shape (n,)
        The first w.
    learning_rate : float
        Positive factor of the gradient.
    steps : int
        At most so many steps, ≥ 0.
    until : callable, optional
        Takes w; the walk ends at the first w, the start included, for which it is true.
    limit : float
        The walk ends, too, at the first w with a component beyond ±limit: it diverges.

    Returns
    -------
    array of shape (taken + 1, n)
        Every w visited, the start first. All but the last lie within ±limit.

    Examples
    --------
    >>> descend(lambda w: 2 * w, [1.0], 0.25, 3).ravel()
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    w = np.atleast_1d(np.array(start, dtype=float))
    if w.ndim != 1 or not np.isfinite(w).all():
        raise ValueError(f"start must be a finite number or a vector of them, got {start!r}")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be a positive number, got {learning_rate}")
    if not isinstance(steps, int | np.integer) or steps < 0:
        raise ValueError(f"steps must be a whole number ≥ 0, got {steps!r}")
    path = [w]
    while len(path) <= steps and not (until is not None and until(w)) and np.abs(w).max() <= limit:
        slope = np.asarray(gradient(w), dtype=float)
        if slope.shape != w.shape or not np.isfinite(slope).all():
            raise ValueError(f"gradient must return {w.shape[0]} finite numbers, got {slope} at w = {w}")
        w = w - learning_rate * slope
        path.append(w)
    return np.array(path)


class DidNotArrive(RuntimeError):  # noqa: N818  (it tells how a race ended)
    """Tells why a race was stopped; ``values`` holds every f it visited."""

    def __init__(self, message: str, values: NDArray[np.float64]):
        super().__init__(message)
        self.values = values


def race(
    activation: Activation | str,
    start: float = 0.9,
    target: float = 0.5,
    learning_rate: float = 0.2,
    *,
    loss: Loss = "value",
    tolerance: float | None = None,
    slope_power: int = 1,
    max_steps: int = 10_000,
    **parameters: float,
) -> NDArray[np.float64]:
    """Descend the curve f itself and return every value on the way: its slope shows as a number of steps.

    x begins where f(x) = ``start`` (the largest such x) and moves by x ← x − ``learning_rate`` · f'(x).

    Parameters
    ----------
    activation : Activation or str
        f, or its name in the catalogue; ``parameters`` are its own (``alpha=0.1``).
    start, target : float
        Values of f; ``start`` lies above ``target``.
    learning_rate : float
        Positive factor of the slope.
    loss : {"value", "squared_error"}
        What is descended: f, or (f − target)²/2, whose slope is (f − target) · f'(x).
    tolerance : float, optional
        Stop at the first f with abs(f − target) ≤ tolerance. Without it, stop at the first f ≤ target.
    slope_power : int
        L replaces f'(x) by f'(x)^L. This is *not* a network of depth L, whose layers each see another x: it
        is the slope that "every layer multiplies by the same f'" would give.
    max_steps : int
        Give up after so many steps.

    Returns
    -------
    array of shape (steps + 1,)
        f_0 = ``start``, …, f_n, the one that stopped the race included.

    Raises
    ------
    DidNotArrive
        After ``max_steps`` steps, or where the slope is 0, with the values so far.
    ValueError
        If an argument is out of range or f never takes the value ``start``.

    Examples
    --------
    >>> len(race("sigmoid")) - 1, len(race("relu")) - 1
    (67, 2)
    """
    f = _catalogued(activation)
    _check(start, target, learning_rate, loss, tolerance, slope_power, max_steps)
    x = _where_it_takes(f, start, parameters)
    values = [float(f(x, **parameters))]

    def arrived(value: float) -> bool:
        return value <= target if tolerance is None else abs(value - target) <= tolerance

    while not arrived(values[-1]):
        slope = float(f.grad(x, **parameters)) ** slope_power
        if loss == "squared_error":
            slope *= values[-1] - target
        if len(values) > max_steps or slope == 0 or not math.isfinite(slope):
            raise DidNotArrive(_reason(f, x, slope, values, target, tolerance, max_steps), np.array(values))
        x -= learning_rate * slope
        values.append(float(f(x, **parameters)))
    return np.array(values)


def _catalogued(activation: Activation | str) -> Activation:
    if not isinstance(activation, str):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(f"no activation is named {activation!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[activation]


def _check(
    start: float,
    target: float,
    learning_rate: float,
    loss: str,
    tolerance: float | None,
    slope_power: int,
    max_steps: int,
) -> None:
    if not (math.isfinite(start) and math.isfinite(target) and start > target):
        raise ValueError(f"a race descends: start must be above target, got start={start}, target={target}")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be a positive number, got {learning_rate}")
    if loss not in ("value", "squared_error"):
        raise ValueError(f"loss must be 'value' or 'squared_error', got {loss!r}")
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"tolerance must be None or a number ≥ 0, got {tolerance}")
    for name, count in (("slope_power", slope_power), ("max_steps", max_steps)):
        if not isinstance(count, int | np.integer) or count < 1:
            raise ValueError(f"{name} must be a whole number ≥ 1, got {count!r}")


def _where_it_takes(f: Activation, value: float, parameters: dict[str, float]) -> float:
    """Return the largest x in [−1000, 1000] with f(x) = value."""
    side = np.geomspace(1e-3, 1000, 2000)
    grid = np.concatenate([-side[::-1], [0.0], side])
    heights = np.asarray(f(grid, **parameters))
    above = heights >= value
    crossings = np.flatnonzero(above[1:] != above[:-1])
    if len(crossings) > 0:
        left, right = grid[crossings[-1]], grid[crossings[-1] + 1]
        x = float(brentq(lambda at: float(f(at, **parameters)) - value, left, right, xtol=1e-15))
        x = _polished(f, x, value, parameters)
        if abs(float(f(x, **parameters)) - value) <= 1e-12 * max(1.0, abs(value)):
            return x
    raise ValueError(
        f"{f.name} never takes the value start={value}: "
        f"on [−1000, 1000] it runs from {heights.min():.6g} to {heights.max():.6g}"
    )


def _polished(f: Activation, x: float, value: float, parameters: dict[str, float]) -> float:
    """Take a Newton step if it leads closer; where f is linear, f(x) is then exactly ``value``."""
    miss, slope = float(f(x, **parameters)) - value, float(f.grad(x, **parameters))
    if slope == 0:
        return x
    closer = x - miss / slope
    return closer if abs(float(f(closer, **parameters)) - value) <= abs(miss) else x


def _reason(
    f: Activation,
    x: float,
    slope: float,
    values: list[float],
    target: float,
    tolerance: float | None,
    max_steps: int,
) -> str:
    steps, now = len(values) - 1, f"f = {values[-1]:.6g}, slope {slope:.3g}"
    if not math.isfinite(slope):
        return f"{f.name} left the numbers after {steps} steps: at x = {x:.6g}, {now}"
    if slope == 0:
        return f"{f.name} stands still after {steps} steps: at x = {x:.6g}, {now}"
    if tolerance is not None:
        beyond = next((step for step, value in enumerate(values) if value < target - tolerance), None)
        if beyond is not None:
            return (
                f"{f.name} walked past {target} ± {tolerance}: step {beyond} led from "
                f"{values[beyond - 1]:.6g} to {values[beyond]:.6g}, "
                f"and it had not come back after {max_steps} steps"
            )
    return f"{f.name} had not arrived at {target} after {max_steps} steps: at x = {x:.6g}, {now}"
