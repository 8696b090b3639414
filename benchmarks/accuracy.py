"""Measure how accurate the catalogue is over |x| <= 40, against mpmath: `make accuracy`.

The error of a computed y is |y − exact| / max(|exact|, 2⁻¹⁰²²): relative where the exact value is a normal
float, and against the smallest normal float below that; beyond the largest float, ∞ is right. One exception:
within 1/8 of a zero that no float hits (where the slope of GELU changes sign, say) the sum behind it must
cancel; there the error is relative to the exact size 1/8 away.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import special
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.reporting import RESULTS, code_line, table, versions
from helpers.activations import ACTIVATIONS, Activation, log_softmax, softmax, softmax_jacobian, x
from helpers.primitives import Phi, textbook

MEASURED = tuple(
    f"helpers/{name}.py" for name in ("catalogue", "entry", "pieces", "primitives", "tape", "vector")
)
HUGE = float(np.finfo(float).max)
TINY = float(np.finfo(float).tiny)
NEAR = 1 / 8
Exact = Callable[[float], mpmath.mpf]
_NormalCdf = sp.Function(
    "_NormalCdf"
)  # Φ by mpmath itself: (1 + erf)/2 would need hundreds of digits in the tail

LIBRARY = {
    "sigmoid": ("scipy expit", special.expit),
    "tanh": ("numpy tanh", np.tanh),
    "gelu": ("x · scipy ndtr", lambda x: x * special.ndtr(x)),
    "silu": ("x · scipy expit", lambda x: x * special.expit(x)),
    "elu": ("numpy expm1", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    "softplus": ("numpy logaddexp", lambda x: np.logaddexp(0, x)),
    "log_sigmoid": ("scipy log_expit", special.log_expit),
    "gaussian": ("numpy exp(−x²)", lambda x: np.exp(-x * x)),
    "multiquadric": ("numpy hypot", lambda x: np.hypot(x, 1)),
}


def _normal_cdf(z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.ncdf(max(-1e6, min(z, 1e6)))  # mpmath fails far out, where Φ is 0 or 1 to 10¹¹ digits


def exact_function(expr: sp.Expr, parameters: dict[str, float] | None = None) -> Exact:
    """Return the textbook formula, correct to 50 digits at the float it is given."""
    expr = expr.replace(Phi, _NormalCdf)
    symbols = {s.name: s for s in expr.free_symbols - {x}}
    values = [mpmath.mpf(number) for number in (parameters or {}).values()]
    arguments = [symbols.get(name, sp.Dummy()) for name in parameters or {}]
    evaluate = sp.lambdify((x, *arguments), textbook(expr), [{"_NormalCdf": _normal_cdf}, "mpmath"])
    # 1 − tanh² and the like lose 600 of the 700 digits at |x| = 700. Φ is slow, and nothing cancels there.
    digits = 60 if expr.has(_NormalCdf) else 700

    def exact(point: float) -> mpmath.mpf:
        with mpmath.workdps(digits):
            return mpmath.mpf(evaluate(mpmath.mpf(float(point)), *values))

    return exact


def kinks(activation: Activation) -> list[float]:
    """Return where the pieces of an activation meet, at its default parameters, read as decimals."""
    return sorted(float(root) for root in _borders(activation, lambda value: sp.Rational(repr(value))))


def _borders(activation: Activation, read: Callable[[float], sp.Rational]) -> set[sp.Expr]:
    expr = activation.expr
    given = {symbol: read(activation.defaults[symbol.name]) for symbol in expr.free_symbols - {x}}
    relations = expr.subs(given).atoms(sp.core.relational.Relational)
    return {root for each in relations for root in sp.solve(each.lhs - each.rhs, x)}


def _kinks_on_floats(activation: Activation) -> list[float]:
    """Return the kinks that are floats: beside a border that no float hits, rounding decides what holds."""
    return [float(root) for root in _borders(activation, sp.Rational) if sp.Rational(float(root)) == root]


def sample(activation: Activation, count: int, bound: float = 40.0, seed: int = 0) -> NDArray[np.float64]:
    """Return `count` points even and random over |x| <= bound, tiny ones, and the neighbours of kinks."""
    rng = np.random.default_rng(seed)
    tiny = np.geomspace(1e-300, 1, max(20, count // 20))
    corners = np.array([*_kinks_on_floats(activation), 0.0])
    with np.errstate(under="ignore"):
        corners = np.concatenate([corners, np.nextafter(corners, np.inf), np.nextafter(corners, -np.inf)])
    points = [np.linspace(-bound, bound, count // 2), rng.uniform(-bound, bound, count // 4)]
    points += [rng.uniform(-3, 3, count // 4), tiny, -tiny, corners]
    return np.sort(np.concatenate(points))


def missed_zeros(exact: Exact, points: NDArray[np.float64], values: list[mpmath.mpf]) -> list[float]:
    """Return the zeros that fall between two neighbouring floats, crossed or only touched."""
    zeros = []
    for a, b, fa, fb in zip(points, points[1:], values, values[1:], strict=False):
        if fa * fb >= 0:
            continue
        while np.nextafter(a, b) < b and fa != 0:
            middle = (a + b) / 2
            f = exact(middle)
            a, b, fa, fb = (a, middle, fa, f) if fa * f <= 0 else (middle, b, f, fb)
        if fa and fb and max(abs(fa), abs(fb)) < 1e-12:
            zeros.append(float(a))
    sizes = [abs(value) for value in values]
    for i in range(1, len(points) - 1):
        same_sign = values[i - 1] * values[i + 1] > 0
        if same_sign and 0 < sizes[i] < min(sizes[i - 1], sizes[i + 1], NEAR**2):
            zeros += _touched(exact, points[i - 1], points[i + 1])
    return zeros


def _touched(exact: Exact, low: float, high: float) -> list[float]:
    """Return the zero between two points where the function turns without crossing 0, if there is one."""
    for _ in range(90):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, b) if abs(exact(a)) < abs(exact(b)) else (a, high)
    return [low] if abs(exact(low)) < 1e-12 else []


def errors(
    computed: NDArray[np.float64], exact: Exact, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[float]]:
    """Return the error at each point (see the top of this file), and the zeros where it is not relative."""
    values = [exact(point) for point in points]
    zeros = missed_zeros(exact, points, values)
    result = []
    for point, got, value in zip(points, np.asarray(computed, float), values, strict=True):
        scale = max(abs(value), TINY)
        for zero in zeros:
            if abs(point - zero) < NEAR:
                scale = abs(exact(zero + np.copysign(NEAR, point - zero)))
        if abs(value) > HUGE:
            result.append(0.0 if got == mpmath.sign(value) * np.inf else np.inf)
        else:
            result.append(float(abs(mpmath.mpf(float(got)) - value) / scale) if np.isfinite(got) else np.inf)
    return np.array(result), zeros


def exact_softmax(z: NDArray[np.float64]) -> tuple[list, list, list]:
    """Return softmax, its logarithm and its Jacobian of one vector, with mpmath."""
    with mpmath.workdps(700):  # 1 − s_i is 1e-304 when the scores are 700 apart
        e = [mpmath.exp(mpmath.mpf(float(v))) for v in z]
        s = [v / mpmath.fsum(e) for v in e]
        jacobian = [[si * ((i == j) - sj) for j, sj in enumerate(s)] for i, si in enumerate(s)]
        return s, [mpmath.log(v) for v in s], jacobian


def vector_error(computed: NDArray[np.float64], exact: list) -> float:
    """Return the worst error over the components."""
    flat = np.array(exact, dtype=object).ravel()
    pairs = zip(np.ravel(computed), flat, strict=True)
    return max(float(abs(mpmath.mpf(float(got)) - value) / max(abs(value), TINY)) for got, value in pairs)


def report(count: int = 2000) -> str:
    """Measure every function at about `count` points, and write the table."""
    rows, notes, worst = [], [], 0.0
    for name, activation in tqdm(ACTIVATIONS.items(), unit="function"):
        points = sample(activation, count)
        value = exact_function(activation.expr, dict(activation.defaults))
        slope = exact_function(activation.derivative, dict(activation.defaults))
        value_errors, value_zeros = errors(activation(points), value, points)
        slope_errors, slope_zeros = errors(activation.grad(points), slope, points)
        notes += [f"{name} at x = {zero:.4f}" for zero in value_zeros]
        notes += [f"{name}′ at x = {zero:.4f}" for zero in slope_zeros]
        library, theirs = "–", ""
        if name in LIBRARY:
            library, function = LIBRARY[name]
            with np.errstate(all="ignore"):
                theirs = f"{errors(function(points), value, points)[0].max():.1e}"
        i, j = value_errors.argmax(), slope_errors.argmax()
        cells = [f"{value_errors[i]:.1e}", f"{points[i]:.4g}", f"{slope_errors[j]:.1e}", f"{points[j]:.4g}"]
        rows.append([name, *cells, theirs, library])
        worst = max(worst, value_errors[i], slope_errors[j])
    rng = np.random.default_rng(0)
    vectors = [np.array([0.0, -40.0]), *rng.uniform(-40, 40, (200, 3))]
    exact = [exact_softmax(z) for z in vectors]
    of_vectors = [
        ("softmax", 0, softmax, "scipy softmax", special.softmax),
        ("log_softmax", 1, log_softmax, "scipy log_softmax", special.log_softmax),
        ("softmax_jacobian", 2, softmax_jacobian, "–", None),
    ]
    for name, which, ours, library, function in of_vectors:
        mine = max(vector_error(ours(z), e[which]) for z, e in zip(vectors, exact, strict=True))
        pairs = zip(vectors, exact, strict=True)
        theirs = f"{max(vector_error(function(z), e[which]) for z, e in pairs):.1e}" if function else ""
        rows.append([name, f"{mine:.1e}", "", "", "", theirs, library])
        worst = max(worst, mine)
    head = ["function", "value", "at x", "slope", "at x", "a library's value", "which"]
    return (
        "# Accuracy\n\n"
        f"`make accuracy`: the worst error over |x| ≤ 40 against mpmath, about {count} points each; 1 ulp is"
        f" at most 2.2e-16.\n{versions('numpy', 'scipy', 'mpmath')}.\n{code_line(*MEASURED)}\n\n"
        f"{table(head, rows)}\n\n"
        f"Worst of all: {worst:.1e}.\n"
        "Errors are relative where the exact value is a normal float, against 2.2e-308, the smallest, below. "
        "Within 1/8 of a zero that lies between two floats a sum of larger terms cancels; there the error is "
        f"relative to the exact size 1/8 away:\n{'; '.join(notes)}.\n"
    )


def main() -> None:
    """Print the report and save it."""
    text = report()
    print(text)
    (RESULTS / "accuracy.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
