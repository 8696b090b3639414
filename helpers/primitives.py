"""Where the textbook formula meets the computer: named functions and numerically stable twins.

A formula such as `1 - tanh(x)**2` is right on paper and wrong in floating point: at x = 20 it gives 0, not
1.7e-17. The course keeps the formula of the paper wherever a reader sees it, and `compile_numpy` swaps in a
stable twin just before the formula becomes NumPy code. `tests/test_primitives.py` compares the two by
machine.
"""

from collections.abc import Callable
from math import factorial
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy.special import erfcx
from sympy.printing.numpy import SciPyPrinter

Array = NDArray[np.float64]

x = sp.Symbol("x", real=True)


class Primitive(sp.Function):
    """A function with a name of its own in the course's formulas, such as σ.

    A subclass gives `formula` (its definition), `fdiff` (its derivative) and `symbol` (its name in LaTeX).
    `expr.rewrite(sp.exp)` puts the definition in place of the name, so that SymPy can do algebra with it.
    """

    nargs = 1
    symbol = ""

    @classmethod
    def formula(cls, x: sp.Expr) -> sp.Expr:
        """Return the definition, in functions SymPy knows."""
        raise NotImplementedError

    @classmethod
    def eval(cls, x: sp.Expr) -> sp.Expr | None:
        """Evaluate exactly at 0, ∞ and −∞; stay symbolic elsewhere."""
        return cls.formula(x) if x in (sp.S.Zero, sp.oo, -sp.oo) else None

    def _eval_rewrite_as_exp(self, x: sp.Expr, **hints: Any) -> sp.Expr:
        return self.formula(x)

    def _eval_evalf(self, prec: int) -> sp.Expr:
        digits = mpmath.libmp.prec_to_dps(prec)
        return self.formula(*self.args).evalf(digits, maxn=1000)  # 1 + erf(−40) cancels 350 digits

    def _eval_is_extended_positive(self) -> bool | None:
        return self.args[0].is_real  # every primitive here is positive on the real line

    def _eval_is_real(self) -> bool | None:
        return self.args[0].is_real

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        power = f"^{{{exp}}}" if exp else ""
        return rf"{self.symbol}{power}{{\left({printer.doprint(self.args[0])} \right)}}"


class sigmoid(Primitive):  # noqa: N801  (the field's name, as SymPy's own tanh)
    """The logistic function σ(x) = 1/(1 + e⁻ˣ)."""

    symbol = r"\sigma"

    @classmethod
    def formula(cls, x: sp.Expr) -> sp.Expr:
        """Return 1/(1 + e⁻ˣ)."""
        return 1 / (1 + sp.exp(-x))

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return σ(1 − σ)."""
        return self * (1 - self)


class softplus(Primitive):  # noqa: N801
    """The smooth ramp log(1 + eˣ)."""

    @classmethod
    def formula(cls, x: sp.Expr) -> sp.Expr:
        """Return log(1 + eˣ)."""
        return sp.log(1 + sp.exp(x))

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return σ(x)."""
        return sigmoid(self.args[0])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return str(printer._print(self.formula(*self.args), exp=exp))


class phi(Primitive):  # noqa: N801
    """The standard normal density φ(x) = exp(−x²/2)/√(2π)."""

    symbol = r"\varphi"

    @classmethod
    def formula(cls, x: sp.Expr) -> sp.Expr:
        """Return exp(−x²/2)/√(2π)."""
        return sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi)

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return −x φ(x)."""
        return -self.args[0] * self


class Phi(Primitive):
    """The standard normal distribution function Φ(x), the probability that N(0, 1) stays below x."""

    symbol = r"\Phi"

    @classmethod
    def formula(cls, x: sp.Expr) -> sp.Expr:
        """Return (1 + erf(x/√2))/2."""
        return (1 + sp.erf(x / sp.sqrt(2))) / 2

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return φ(x)."""
        return phi(self.args[0])


def textbook(expr: sp.Expr) -> sp.Expr:
    """Spell out every named function: σ(x) becomes 1/(1 + e⁻ˣ)."""
    return expr.replace(lambda e: isinstance(e, Primitive), lambda e: e.formula(*e.args))


# The argument of tanh in GELU's tanh form (Hendrycks & Gimpel 2016).
gelu_cubic = sp.sqrt(2 / sp.pi) * (x + sp.Float("0.044715") * x**3)


def _sigmoid(x: Array) -> Array:
    t = np.exp(-np.abs(x))
    return np.where(x < 0, t, 1) / (1 + t)


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _split(x: Array, bound: float) -> tuple[Array, Array]:
    """Write min(|x|, bound) as a multiple of 1/256, whose powers are exact, plus a remainder."""
    z = np.minimum(np.abs(x), bound)
    high = np.rint(z * 256) / 256
    return high, z - high


def _gauss(x: Array, scale: float = 1.0) -> Array:
    """exp(−scale x²) without the error of rounding x², which the exponential would magnify x² times."""
    high, low = _split(x, 40)
    return np.exp(-scale * high * high) * np.exp(-scale * low * (2 * high + low))


def _phi(x: Array) -> Array:
    return _gauss(x, 0.5) / np.sqrt(2 * np.pi)


def _normal_cdf(x: Array) -> Array:
    tail = _gauss(x, 0.5) * (erfcx(np.abs(x) / np.sqrt(2)) / 2)
    return np.where(x < 0, tail, 1 - tail)


def _sech_squared(x: Array) -> Array:
    t = np.exp(-2 * np.abs(x))
    return 4 * t / (1 + t) ** 2


def _tanh_shrink(x: Array) -> Array:
    """x − tanh x: near 0 as (x cosh x − sinh x)/cosh x, whose numerator is a series of positive terms."""
    z = np.where(np.abs(x) < 1, x, 0)
    series = np.zeros_like(z)
    for k in range(10, 0, -1):
        series = series * z**2 + 2 * k / factorial(2 * k + 1)
    return np.where(np.abs(x) < 1, series * z**2 * z / np.cosh(z), x - np.tanh(x))


def _high_and_low(value: mpmath.mpf) -> tuple[float, float]:
    """Split a constant into a multiple of 2⁻¹⁸ and the rest."""
    high = round(float(value) * 2**18) / 2**18
    return high, float(value - high)


with mpmath.workdps(40):
    _A = _high_and_low(mpmath.sqrt(2 / mpmath.pi))
    _B = _high_and_low(mpmath.sqrt(2 / mpmath.pi) * mpmath.mpf(0.044715))


def _gelu_decay(x: Array) -> Array:
    """exp(−|u|) with u = a x + b x³ = `gelu_cubic`, its bulk summed exactly: its size costs no digits."""
    high, low = _split(x, 30)
    cube = high * high * high
    bulk = _A[0] * high + _B[0] * cube
    rest = _A[1] * high + _B[1] * cube
    rest += low * (sum(_A) + sum(_B) * (3 * high * high + 3 * high * low + low * low))
    return np.exp(-bulk) * np.exp(-rest)


def _gelu_gate(x: Array) -> Array:
    t = _gelu_decay(x) ** 2
    return np.where(x < 0, t, 1) / (1 + t)


def _gelu_bell(x: Array) -> Array:
    decay = _gelu_decay(x)
    return 4 * decay / (1 + decay**2) ** 2


KERNELS: dict[str, Callable[..., Array]] = {
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "phi": _phi,
    "Phi": _normal_cdf,
    "hypot": np.hypot,
    "expm1": np.expm1,
    "gauss": _gauss,
    "sech_squared": _sech_squared,
    "tanh_shrink": _tanh_shrink,
    "gelu_gate": _gelu_gate,
    "gelu_decay": _gelu_decay,
    "gelu_bell": _gelu_bell,
}


def _twins() -> list[tuple[sp.Expr, sp.Expr]]:
    """List (textbook pattern, stable twin) in the order of application; `w` stands for any expression."""
    w, c = sp.Wild("w"), sp.Wild("c", properties=[lambda e: e.is_Symbol])
    stable = {name: sp.Function(name) for name in KERNELS}
    hypot = sp.Function("hypot", positive=True)
    return [
        (1 - sigmoid(w), sigmoid(-w)),
        (sp.exp(w) - 1, stable["expm1"](w)),
        (sp.exp(-(x**2)), stable["gauss"](x)),
        (x**2 + c**2, hypot(x, c) ** 2),
        (x - sp.tanh(x), stable["tanh_shrink"](x)),
        # As two factors: one alone would underflow before the rest of its product can lift it.
        (1 - sp.tanh(gelu_cubic) ** 2, stable["gelu_decay"](x) * stable["gelu_bell"](x)),
        (sp.tanh(gelu_cubic), 2 * stable["gelu_gate"](x) - 1),  # −1 meets the 1 that GELU adds to tanh
        (1 - sp.tanh(w) ** 2, stable["sech_squared"](w)),
    ]


TWINS = _twins()


def each_piece(expr: sp.Expr, change: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """Apply `change` to every piece of a `Piecewise`, or to the whole of anything else."""
    if isinstance(expr, sp.Piecewise):
        return sp.Piecewise(*((change(piece), condition) for piece, condition in expr.args))
    return change(expr)


def factor_rational(expr: sp.Expr) -> sp.Expr:
    """Factor what is rational in x and |x|: (x + 3)/6 keeps its digits near −3, x/6 + 1/2 does not."""
    size = x * sp.sign(x)
    expr = expr.replace(lambda e: e.is_Mul and set(size.args) <= set(e.args), lambda e: e / size * abs(x))
    return sp.factor(expr) if expr.subs(abs(x), sp.Dummy()).is_rational_function() else expr


def _swap(expr: sp.Expr, pattern: sp.Expr, twin: sp.Expr) -> sp.Expr:
    fixed = {arg for arg in pattern.args if not arg.has(sp.Wild)}

    def match(e: sp.Expr) -> dict | None:
        # SymPy's matching is slow, so it sees likely parts only.
        likely = e.func == pattern.func and len(e.args) == len(pattern.args) and fixed <= set(e.args)
        return e.match(pattern) if likely else None

    return expr.replace(lambda e: match(e) is not None, lambda e: twin.xreplace(match(e)))


def stabilise(expr: sp.Expr) -> sp.Expr:
    """Swap the numerically unsafe parts of a formula for their stable twins."""
    for unsafe, twin in TWINS:
        expr = _swap(expr, unsafe, twin)
    return each_piece(expr, factor_rational)


def without_jumps(slope: sp.Expr) -> sp.Expr:
    """Leave out of a slope what SymPy adds where a step jumps: the slope of sign(x) becomes 0, also at 0.

    sign² becomes 1, so that sign(x) log(1 + |x|), which has no jump, keeps its slope 1 at 0.
    """
    slope = slope.replace(sp.DiracDelta, lambda *_: sp.S.Zero)
    return slope.replace(
        lambda e: e.is_Pow and isinstance(e.base, sp.sign) and e.exp.is_even, lambda _: sp.S.One
    )


class FormulaError(ValueError):
    """Tells which part of a formula cannot be computed, and what a formula may hold."""

    def __init__(self, part: sp.Basic):
        super().__init__(
            f"{part} cannot be computed; a formula may use exp, log, sqrt, Abs, sign, Heaviside, Max, Min, "
            "Piecewise, erf, erfc, gamma, the trigonometric and hyperbolic functions and their inverses, and "
            "the course's sigmoid, softplus, phi and Phi"
        )


class _Printer(SciPyPrinter):
    """Writes a real formula in functions of NumPy and SciPy and in kernels; refuses all others."""

    def __init__(self) -> None:
        kernels = {name: name for name in KERNELS}
        settings = {"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": False}
        super().__init__(settings | {"user_functions": kernels})

    _print_ImaginaryUnit = SciPyPrinter._print_not_supported  # noqa: N815  (SymPy's name)

    def can_write(self, expr: sp.Basic) -> bool:
        try:
            self.doprint(expr)
        except (NotImplementedError, ValueError):
            return False
        return True


def _lambdify(expr: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> Callable[..., Any]:
    try:
        return sp.lambdify(symbols, expr, [KERNELS, "scipy", "numpy"], printer=_Printer(), cse=True)
    except (NotImplementedError, ValueError):
        refused = (part for part in sp.postorder_traversal(expr) if not _Printer().can_write(part))
        raise FormulaError(next(refused, expr)) from None


def compile_numpy(expr: sp.Expr, parameters: tuple[sp.Symbol, ...] = ()) -> Callable[..., Array]:
    """Turn a formula in x and parameters into a NumPy function of (x, *parameters) that is safe everywhere.

    Far out a formula may lose its limit to ∞·0 or ∞/∞. By |x| = 1e100 such a formula has reached the limit
    to the last digit, so its value there is taken. A nan in x stays nan, also where a piece is constant.

    Raises
    ------
    FormulaError
        If a part of the formula is not real or has no counterpart in NumPy or SciPy.
    """
    formula = _lambdify(stabilise(expr), (x, *parameters))

    def evaluate(x: Array, *values: float) -> Array:
        # NumPy joins conditions on x and on a parameter, (x > a) & (a > 0), only if their shapes agree.
        at = [np.broadcast_to(value, x.shape) for value in values]
        with np.errstate(all="ignore"):
            y = np.empty_like(x)
            y[...] = formula(x, *at)
            y[np.isnan(x)] = np.nan
            lost = np.isnan(y) & ~np.isnan(x)
            if lost.any():
                y[lost] = formula(np.clip(x[lost], -1e100, 1e100), *(value[lost] for value in at))
        return y

    return evaluate
