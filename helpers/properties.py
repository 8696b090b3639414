"""What a formula says about its function: range, extrema, slopes, smoothness, saturation, means.

>>> from helpers.properties import properties
>>> gelu = properties("gelu")
>>> gelu.range, gelu.minimum, gelu.lipschitz
>>> properties("elu", alpha=2).smoothness
>>> properties("elu").row()             # plain strings, for a table

Everything is worked out from the one expression of the activation, by `helpers.curve`, and proved: every zero
of f′ and f″ is enclosed, and where none is said to be there is none, however narrow a feature; a limit is
that of an expansion whose error is bounded. A result is an exact SymPy number where a zero or a limit has a
simple name, and otherwise a SymPy Float whose 15 digits hold. What cannot be decided so is refused with the
reason. Only the means are integrals in floats, to 1e-12.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from helpers.activations import ACTIVATIONS, Activation
from helpers.curve import Curve, in_order
from helpers.intervals import NotDecided, exactly, to_float
from helpers.primitives import x
from helpers.roots import comparable

__all__ = ["Extremum", "Properties", "properties", "to_text"]

_FAR = 38.0
"""Beyond this, the density of N(0, 1) is below 1e-314."""


@dataclass(frozen=True)
class Extremum:
    """The smallest or largest value, and the set of all x that take it."""

    value: sp.Expr
    at: sp.Set

    def __str__(self) -> str:
        if isinstance(self.at, sp.FiniteSet):
            return f"{to_text(self.value)} at {', '.join(map(to_text, in_order(self.at)))}"
        return f"{to_text(self.value)} on {to_text(self.at)}"


@dataclass(frozen=True)
class Properties:
    """The properties of one activation function at one setting of its parameters.

    Numbers are SymPy numbers (`float(...)` works on each), exact or good to 15 digits; sets are SymPy sets.

    Attributes
    ----------
    name : str
        The activation's name.
    parameters : mapping of str to float
        The setting.
    range : sympy.Set
        All values f takes. With a jump it can have gaps: {0} ∪ (1, ∞).
    minimum, maximum : Extremum or None
        The extreme value and every x that takes it, be it an interval: ReLU's 0 on (−∞, 0]. None if f has no
        such value, as sigmoid, which comes as near to 0 as you like and never takes it.
    monotone : str
        "increasing" and "decreasing" are strict (also where f′ is 0 at single points, as for x³);
        "non-decreasing" and "non-increasing" have a flat stretch; a flat line is "constant"; else "no".
    smoothness : int or inf
        The k of Cᵏ: how many derivatives are continuous everywhere. −1 for a function that jumps.
    left_saturation, right_saturation : {"none", "soft", "hard"}
        Towards −∞ and ∞: "hard" if f′ = 0 from some point on, "soft" if f′ only tends to 0 (Gulcehre et al.
        2016, Noisy activation functions, arXiv:1603.00391). The slope alone decides, so log(1 + x²), which
        has no bound, saturates too.
    lipschitz : sympy.Expr
        The smallest L with |f(a) − f(b)| ≤ L |a − b|: the supremum of |f′|, and ∞ if f jumps.
    max_slope_at : sympy.Set or None
        Every x where |f′|, or at a kink the slope of one side, equals `lipschitz`; the jumps if there are
        any. None if the slope only tends to it, as softplus' to 1. A wave has infinitely many such places;
        the set then is {p + k T} for all whole k, written "p + T k" in a row.
    zero_centered : bool
        Whether `mean_under_normal` is 0. All odd functions are zero-centered, and so is SELU, whose two
        constants are made for it.
    near_identity_at_zero : bool
        Whether f(0) = 0, f′(0) = 1 and f′ is continuous at 0: small inputs pass unchanged.
    limits, slope_limits : pair of sympy.Expr
        The limits of f and of f′ at −∞ and ∞; nan for one that turns for ever, as sin x does.
    mean_under_normal, slope_under_normal : sympy.Expr
        E f(Z) and E f′(Z) for Z from N(0, 1), to within 1e-12 of E |f(Z)| and E |f′(Z)| (below that: 0); nan
        if the integral diverges or is not reached. f′ is the slope between kinks and jumps, the one that
        backpropagation uses: a jump adds nothing, so the binary step has 0.
    rms_under_normal, slope_rms_under_normal : sympy.Expr
        √E f(Z)² and √E f′(Z)², as the means: the factors that the function puts on the size of signals and
        of gradients. (The mean slope is no such factor: ReLU's is 1/2, its root mean square √½.)

    Raises
    ------
    ValueError
        If the properties contradict each other.
    """

    name: str
    parameters: Mapping[str, float]
    range: sp.Set
    minimum: Extremum | None
    maximum: Extremum | None
    monotone: str
    smoothness: float
    left_saturation: str
    right_saturation: str
    lipschitz: sp.Expr
    max_slope_at: sp.Set | None
    zero_centered: bool
    near_identity_at_zero: bool
    limits: tuple[sp.Expr, sp.Expr]
    slope_limits: tuple[sp.Expr, sp.Expr]
    mean_under_normal: sp.Expr
    slope_under_normal: sp.Expr
    rms_under_normal: sp.Expr
    slope_rms_under_normal: sp.Expr

    def __post_init__(self) -> None:
        if contradiction := next(_contradictions(self), None):
            raise NotDecided(f"its properties contradict each other: {contradiction}")

    def __getstate__(self) -> dict[str, Any]:  # a read-only view cannot be copied or pickled
        return {**self.__dict__, "parameters": dict(self.parameters)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, parameters=MappingProxyType(state["parameters"]))

    @property
    def gain(self) -> sp.Expr:
        """1 / `rms_under_normal`, the factor by which weights of variance 1/n_in keep the signals' size.

        With weights of variance gain²/n_in and pre-activations from N(0, 1), those of the next layer have
        mean square 1 again: √2 for ReLU (He et al. 2015, arXiv:1502.01852). On the size of the gradient, a
        layer with these weights puts the factor gain · `slope_rms_under_normal`: 1 for ReLU. ∞ for a
        function that is 0 everywhere.
        """
        return sp.oo if self.rms_under_normal == 0 else 1 / self.rms_under_normal

    def row(self) -> dict[str, str]:
        """Return everything as text for one row of a table; decimals are rounded to 5 digits."""
        smooth = {-1: "jumps", math.inf: "C^∞"}.get(self.smoothness, f"C^{self.smoothness}")
        return {
            "activation": self.name,
            "parameters": ", ".join(f"{name} = {_decimal(value)}" for name, value in self.parameters.items()),
            "range": to_text(self.range),
            "minimum": str(self.minimum or "none"),
            "maximum": str(self.maximum or "none"),
            "monotone": self.monotone,
            "smoothness": smooth,
            "left saturation": self.left_saturation,
            "right saturation": self.right_saturation,
            "Lipschitz constant": to_text(self.lipschitz),
            "steepest at": "nowhere" if self.max_slope_at is None else to_text(self.max_slope_at),
            "zero-centered": "yes" if self.zero_centered else "no",
            "identity near 0": "yes" if self.near_identity_at_zero else "no",
            "limits": ", ".join(map(to_text, self.limits)),
            "limits of the slope": ", ".join(map(to_text, self.slope_limits)),
            "mean under N(0, 1)": to_text(self.mean_under_normal),
            "slope under N(0, 1)": to_text(self.slope_under_normal),
            "RMS under N(0, 1)": to_text(self.rms_under_normal),
            "RMS of the slope": to_text(self.slope_rms_under_normal),
            "gain": to_text(self.gain),
        }


def properties(activation: Activation | str, **parameters: float) -> Properties:
    """Work out the properties of an activation function at a setting of its parameters.

    Parameters
    ----------
    activation : Activation or str
        An activation, of the catalogue or of one's own, or the catalogue's name for it.
    **parameters : float
        Parameters that differ from the activation's defaults, read as the decimals they print as: 0.01 is
        exactly 1/100.

    Returns
    -------
    Properties

    Raises
    ------
    TypeError
        If `activation` is neither an Activation nor a name, or a parameter is unknown or no real number.
    ValueError
        If the name is unknown, a parameter lies outside its domain, or something could not be decided, which
        the message names: the function is not finite and real everywhere, is made of more than 50 pieces,
        turns for ever otherwise than periodically or less and less, as x sin x does, or has a part for which
        no enclosure is known.
    """
    if isinstance(activation, str):
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}; got {activation!r}")
        activation = ACTIVATIONS[activation]
    if not isinstance(activation, Activation):
        raise TypeError(f"activation must be an Activation or a name in the catalogue, got {activation!r}")
    activation(0.0, **parameters)  # refuses wrong parameters
    setting = {name: float(parameters.get(name, default)) for name, default in activation.defaults.items()}
    try:
        return _worked_out(activation.name, activation.expr, setting)
    except NotDecided as reason:
        raise ValueError(f"{activation.name}: {reason}") from None
    except _OF_SYMPY as error:
        raise ValueError(f"{activation.name}: SymPy fails on the formula, with {error!r}") from error


_OF_SYMPY = (
    *(ArithmeticError, NotImplementedError, RecursionError, TypeError),
    sp.PolynomialError,
)


def _worked_out(name: str, expr: sp.Expr, setting: Mapping[str, float]) -> Properties:
    with exactly():
        curve = Curve(_with_exact_numbers(expr, setting))
        minimum, maximum = ((comparable(end), curve.extremum(end)) for end in curve.extent)
        found: dict[str, Any] = {
            "range": _rounded(curve.range),
            "minimum": Extremum(*map(_rounded, minimum)) if minimum[1] is not None else None,
            "maximum": Extremum(*map(_rounded, maximum)) if maximum[1] is not None else None,
            "monotone": curve.monotone(),
            "smoothness": curve.smoothness(),
            "left_saturation": curve.saturation(-1),
            "right_saturation": curve.saturation(1),
            "lipschitz": _rounded(comparable(curve.lipschitz)),
            "max_slope_at": _rounded(curve.steepest()),
            "near_identity_at_zero": curve.is_identity_near_zero(),
            "limits": tuple(map(_rounded, curve.limits(0))),
            "slope_limits": tuple(map(_rounded, curve.limits(1))),
        }
        panels = _panels(curve)
    mean, rms = _mean_under_normal(curve, panels, 0)
    slope, slope_rms = _mean_under_normal(curve, panels, 1)
    return Properties(
        name=name,
        parameters=MappingProxyType(dict(setting)),
        zero_centered=mean == 0,
        mean_under_normal=mean,
        slope_under_normal=slope,
        rms_under_normal=rms,
        slope_rms_under_normal=slope_rms,
        **found,
    )


def _contradictions(row: Properties) -> Iterator[str]:
    """Yield which properties cannot be true together."""
    (low, high), lipschitz = _ends(row.range), to_float(row.lipschitz)
    left, right = map(to_float, row.limits)
    slopes = [abs(to_float(slope)) for slope in row.slope_limits if slope is not sp.nan]
    if not low <= high:
        yield "an empty range"
    if len({low == high, row.monotone == "constant", lipschitz == 0}) > 1:
        yield f"{row.monotone}, the range {to_text(row.range)} and a largest slope of {lipschitz:g}"
    rises = row.monotone in ("increasing", "non-decreasing")
    if row.monotone != "no" and not _close((left, right), (low, high) if rises else (high, low)):
        yield f"{row.monotone}, the limits {left:g} and {right:g} and the range {to_text(row.range)}"
    if any(limit < low or limit > high for limit in (left, right)):
        yield f"the limits {left:g} and {right:g} and the range {to_text(row.range)}"
    for extremum, end in ((row.minimum, low), (row.maximum, high)):
        taken = _takes(row.range, end)
        if (taken is not None and taken != (extremum is not None)) or (
            extremum and not _close([to_float(extremum.value)], [end])
        ):
            yield f"the range {to_text(row.range)} and the extremum {extremum}"
    if any(slope > lipschitz * _SLACK for slope in slopes):
        yield f"a largest slope of {lipschitz:g} and a slope far out of {max(slopes):g}"
    if row.max_slope_at is None and lipschitz not in slopes and not _close([max(slopes)], [lipschitz]):
        yield f"a largest slope of {lipschitz:g} that is nowhere taken and no limit"
    if (mean_slope := to_float(row.slope_rms_under_normal)) > lipschitz * _SLACK:
        yield f"a largest slope of {lipschitz:g} and a mean one of {mean_slope:g}"
    if row.smoothness < 0 and lipschitz < math.inf:
        yield f"a jump and a largest slope of {lipschitz:g}"
    for kind, slope in zip((row.left_saturation, row.right_saturation), row.slope_limits, strict=True):
        if (kind == "none") == (slope == 0):
            yield f"the saturation {kind} and the slope {to_text(slope)} far out"


def _ends(numbers: sp.Set) -> tuple[float, float]:
    """Return the ends of a set; SymPy's own may fail where two of its numbers nearly agree."""
    if isinstance(numbers, sp.Union):
        ends = list(zip(*map(_ends, numbers.args), strict=True))
        return min(ends[0]), max(ends[1])
    if isinstance(numbers, sp.FiniteSet):
        return min(map(to_float, numbers)), max(map(to_float, numbers))
    return to_float(numbers.start), to_float(numbers.end)


def _takes(numbers: sp.Set, end: float) -> bool | None:
    """Tell whether an interval holds one of its ends; None for other sets."""
    if not isinstance(numbers, sp.Interval):
        return None
    return not (numbers.left_open if end == to_float(numbers.start) else numbers.right_open)


_SLACK = 1 + 1e-12


def _close(a: Sequence[float], b: Sequence[float]) -> bool:
    return all(p == q or abs(p - q) <= 1e-12 * abs(q) for p, q in zip(a, b, strict=True))


def _rounded(value: Any) -> Any:
    return None if value is None else value.xreplace({n: sp.Float(n, 15) for n in value.atoms(sp.Float)})


def to_text(value: Any) -> str:
    """Write a number or a set of a `Properties` as plain text: ∞, 1/4, −0.16997, (0, 1], {0} ∪ (1, ∞)."""
    if isinstance(value, sp.Union):
        return " ∪ ".join(map(to_text, sorted(value.args, key=_start)))
    if isinstance(value, sp.ImageSet):
        first, period = (
            value.lamda.expr.subs(value.lamda.variables[0], 0),
            value.lamda.expr.diff(value.lamda.variables[0]),
        )
        return f"{to_text(first)} + {to_text(period)} k"
    if isinstance(value, sp.FiniteSet):
        return "{" + ", ".join(map(to_text, in_order(value))) + "}"
    if value == sp.S.Reals:
        value = sp.Interval(-sp.oo, sp.oo)
    if isinstance(value, sp.Interval):
        left, right = "(" if value.left_open else "[", ")" if value.right_open else "]"
        return f"{left}{to_text(value.start)}, {to_text(value.end)}{right}"
    if value is sp.nan:
        return "—"
    if value in (sp.oo, -sp.oo):
        return "∞" if value > 0 else "−∞"
    plain = isinstance(value, sp.Rational) and value.q <= 12 and abs(value.p) < 1000
    return str(value).replace("-", "−") if plain else _decimal(to_float(value))


def _start(part: sp.Set) -> float:
    return float(
        part.lamda.expr.subs(part.lamda.variables[0], 0) if isinstance(part, sp.ImageSet) else part.inf
    )


def _decimal(value: float) -> str:
    return f"{value:.5g}".replace("-", "−")


def _with_exact_numbers(expr: sp.Expr, setting: Mapping[str, float]) -> sp.Expr:
    numbers: dict[Any, sp.Rational] = {
        symbol: sp.Rational(repr(setting[symbol.name])) for symbol in expr.free_symbols - {x}
    }
    numbers |= {number: sp.Rational(str(number)) for number in expr.atoms(sp.Float)}
    return expr.subs(numbers)


# Means


def _panels(curve: Curve) -> list[NDArray[np.float64]]:
    """Return where to cut each piece to integrate: ever more finely about ends, kinks and turns."""
    steps = 2.0 ** np.arange(-100, 4, 2)
    steps = np.concatenate([[0.0], steps, -steps])
    edges = []
    for piece in curve.pieces:
        low, high = np.clip([float(piece.low), float(piece.high)], -_FAR, _FAR)
        near = (float(center) + steps for center in piece.centers)
        edges.append(np.unique(np.clip(np.concatenate([np.arange(-_FAR, _FAR + 1), *near]), low, high)))
    return edges


def _mean_under_normal(curve: Curve, panels: list[NDArray[np.float64]], n: int) -> tuple[sp.Expr, sp.Expr]:
    """Return the mean and the root mean square of the n-th derivative at Z from N(0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    fewer_nodes, fewer_weights = np.polynomial.legendre.leggauss(16)
    results = []
    for at, share in ((nodes, weights), (fewer_nodes, fewer_weights)):
        values, masses = [], []
        for piece, edges in zip(curve.pieces, panels, strict=True):
            halves = np.diff(edges)[:, None] / 2
            points = edges[:-1, None] + halves * (1 + at)
            values.append(piece.values(n, points).ravel())
            masses.append((halves * share * np.exp(-(points**2) / 2) / math.sqrt(2 * math.pi)).ravel())
        results.append((np.concatenate(values), np.concatenate(masses)))
    with np.errstate(all="ignore"):
        squares = [(values**2, masses) for values, masses in results]
    return _integral(results), sp.sqrt(_integral(squares))


def _integral(rules: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> sp.Expr:
    """Return an integral of which two rules with different points tell the same, else nan."""
    with np.errstate(all="ignore"):
        terms = [values * masses for values, masses in rules]
    if not all(np.isfinite(each).all() for each in terms):
        return sp.nan
    sums = [math.fsum(each) for each in terms]
    size = abs(terms[0]).sum()
    outside = abs(terms[0][[0, -1]]).max()
    if abs(sums[0] - sums[1]) > 1e-12 * size or outside > 1e-16 * size:
        return sp.nan
    return sp.Float(sums[0], 15) if abs(sums[0]) > 1e-13 * size else sp.S.Zero
