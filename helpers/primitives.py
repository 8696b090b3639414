"""Where the textbook formula meets the computer: named functions and numerically stable twins.

A formula such as `1 - tanh(x)**2` is right on paper and wrong in floating point: at x = 20 it gives 0, not
1.7e-17. The course keeps the formula of the paper wherever a reader sees it, and `compile_numpy` swaps in a
stable twin just before the formula becomes NumPy code. `tests/test_primitives.py` compares the two by
machine.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.logic.boolalg import Boolean
from sympy.printing.numpy import SciPyPrinter

from helpers.pieces import clip, without_choices
from helpers.tape import Tape

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
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _split(x: Array, bound: float, step: float) -> tuple[Array, Array]:
    """Write min(|x|, bound) as a multiple of `step`, whose powers are exact, plus a remainder."""
    z = np.minimum(np.abs(x), bound)
    shift = 1.5 * 2**52 * step  # near it, floats lie `step` apart
    high = (z + shift) - shift
    return high, z - high


def _product(a: Array, b: Array) -> tuple[Array, Array]:
    """Return the rounded product and what rounding took from it (Dekker 1971, A floating-point technique)."""

    def halves(value: Array) -> tuple[Array, Array]:
        shifted = value * (2.0**27 + 1)
        high = shifted - (shifted - value)
        return high, value - high

    product = a * b
    (a_high, a_low), (b_high, b_low) = halves(a), halves(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _line(x: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Return a x + b and what rounding took from it."""
    product, lost = _product(a, x)
    total = product + b
    back = total - product
    return total, lost + ((product - (total - back)) + (b - back))


def _exact_line(x: Array, a: Array, b: Array) -> Array:
    total, lost = _line(x, a, b)
    return total + lost


def _wave(x: Array, a: Array) -> Array:
    """sin(a x) + cos(a x), whose square is 1 + 2 sin(a x) cos(a x), with all digits near its zeros."""
    value, lost = _product(a, x)
    sine, cosine = np.sin(value), np.cos(value)
    return (sine + cosine) + lost * (cosine - sine)


def _gauss_half(x: Array) -> Array:
    """exp(−x²/2), but for the factor of `_correction`."""
    high, _ = _split(x, 40, 2**-20)
    return np.exp(-0.5 * (high * high))


def _correction(x: Array, scale: float) -> Array:
    """What the rest of x adds to exp(−scale x²); rounding x² would magnify its error x² times."""
    high, low = _split(x, 40, 2**-20)
    return np.exp(-scale * (low * (high + (high + low))))


def _gauss_rest(x: Array) -> Array:
    return _gauss_half(x) * _correction(x, 1.0)


def _line_gauss_half(x: Array, a: Array, b: Array) -> Array:
    return _gauss_half(_line(x, a, b)[0])


def _line_gauss_rest(x: Array, a: Array, b: Array) -> Array:
    value, lost = _line(x, a, b)
    return _gauss_rest(value) * np.exp(-2 * value * lost)


def _phi(x: Array) -> Array:
    return _gauss_half(x) * _correction(x, 0.5) / np.sqrt(2 * np.pi)


@cache
def _fitted(function: Callable[[Any], Any], low: float, high: float, degree: int) -> list[float]:
    """Return the coefficients, highest first, of a polynomial that follows a function of mpmath's."""
    with mpmath.workdps(40):
        return [float(each) for each in mpmath.chebyfit(function, [low, high], degree + 1)]


def _polynomial(coefficients: list[float], t: Array) -> Array:
    value = coefficients[0] * t + coefficients[1]
    for each in coefficients[2:]:
        value = value * t + each
    return value


def _scaled_erfcx(t: mpmath.mpf) -> mpmath.mpf:
    """(z + 5) exp(z²) erfc(z) where t = (z − 5)/(z + 5), which runs from −1 to 1."""
    z = 5 * (1 + t) / max(1 - t, mpmath.mpf(10) ** -40)
    if z > 100:  # the asymptotic series: DLMF 7.12.1
        odd = mpmath.fsum((-1) ** k * mpmath.fac2(2 * k - 1) / (2 * z * z) ** k for k in range(8))
        return odd / mpmath.sqrt(mpmath.pi) * (1 + 5 / z)
    return (z + 5) * mpmath.exp(z * z) * mpmath.erfc(z)


def _erfcx(z: Array) -> Array:
    """exp(z²) erfc(z) for z >= 0; SciPy's takes three times as long."""
    share = 1 / (z + 5)
    return _polynomial(_fitted(_scaled_erfcx, -1, 1, 23), 1 - 10 * share) * share


def _normal_tail(x: Array) -> Array:
    """The probability that N(0, 1) lies above |x|."""
    root = math.sqrt(0.5)
    return _gauss_half(x) * _correction(x, 0.5) * (_erfcx(np.abs(x) * root) * 0.5)


def _normal_cdf(x: Array) -> Array:
    return np.where(x >= 0, 1.0, 0.0) - np.copysign(_normal_tail(x), x)


def _sech_squared(x: Array) -> Array:
    t = np.exp(-2 * np.abs(x))
    return 4 * t / np.square(1 + t)


def _line_sech_squared(x: Array, a: Array) -> Array:
    value, lost = _product(a, x)
    t = np.exp(-2 * np.abs(value)) * np.exp(-2 * np.copysign(1.0, value) * lost)
    return 4 * t / np.square(1 + t)


def _mish_parts(x: Array) -> tuple[Array, Array, Array]:
    """Return p and q with eˣ = p/q, neither above 1, and n with tanh(log(1 + eˣ)) = n/(n + 2q²)."""
    p, q = np.exp(np.minimum(x, 0)), np.exp(np.minimum(-x, 0))
    return p, q, p * (p + 2 * q)


def _mish_gate(x: Array) -> Array:
    _, q, n = _mish_parts(x)
    return n / (n + 2 * np.square(q))


def _mish_bell(x: Array) -> Array:
    p, q, n = _mish_parts(x)
    return np.square(2 * q * (p + q) / (n + 2 * np.square(q)))


def _tanh_shrunk(s: mpmath.mpf) -> mpmath.mpf:
    """(x − tanh x)/x³ at s = x²."""
    root = mpmath.sqrt(abs(s))
    if root < 1e-8:
        return mpmath.mpf(1) / 3 - 2 * s / 15
    return (root - mpmath.tanh(root)) / root**3


def _tanh_shrink(x: Array) -> Array:
    """x − tanh x, as x³ times a polynomial in x² where the difference would cancel."""
    s = np.minimum(np.square(x), 0.09)
    return np.where(
        np.abs(x) < 0.3, s * x * _polynomial(_fitted(_tanh_shrunk, 0, 0.09, 7), s), x - np.tanh(x)
    )


def _high_and_low(value: mpmath.mpf) -> tuple[float, float]:
    """Split a constant into a multiple of 2⁻¹⁸ and the rest."""
    high = round(float(value) * 2**18) / 2**18
    return high, float(value - high)


with mpmath.workdps(40):
    _A = _high_and_low(mpmath.sqrt(2 / mpmath.pi))
    _B = _high_and_low(mpmath.sqrt(2 / mpmath.pi) * mpmath.mpf(0.044715))


def _gelu_decay(x: Array) -> Array:
    """exp(−|u|) with u = a x + b x³ = `gelu_cubic`, its bulk summed exactly: its size costs no digits."""
    high, low = _split(x, 30, 2**-8)
    square = high * high
    bulk = (_A[0] + _B[0] * square) * high
    rest = (_A[1] + _B[1] * square) * high + low * (sum(_A) + sum(_B) * (3 * square + low * (3 * high + low)))
    return np.exp(-bulk) * np.exp(-rest)


def _gelu_gate(x: Array) -> Array:
    decay = _gelu_decay(x)
    t = decay * decay
    return np.where(x < 0, t, 1) / (1 + t)


def _gelu_bell(x: Array) -> Array:
    decay = _gelu_decay(x)
    return 4 * decay / np.square(1 + decay * decay)


def _hypot(x: Array, y: Array) -> Array:
    """√(x² + y²), whose squares neither overflow nor vanish; NumPy's takes four times as long."""
    large, small = np.maximum(np.abs(x), np.abs(y)), np.minimum(np.abs(x), np.abs(y))
    return large * np.sqrt(1 + np.square(small / large))


def _root(x: Array, b: Array) -> Array:
    return _hypot(x, np.sqrt(b))


def _half_rising_root(x: Array, b: Array) -> Array:
    """(x + √(x² + b))/2, for x < 0 as (b/2)/(√(x² + b) − x), where nothing cancels."""
    half = 0.5 * np.abs(x) + 0.5 * _root(x, b)
    return np.where(x < 0, 0.25 * b / half, half)


KERNELS: dict[str, Callable[..., Array]] = {
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "phi": _phi,
    "Phi": _normal_cdf,
    "hypot": _hypot,
    "expm1": np.expm1,
    "gauss_half": _gauss_half,
    "gauss_rest": _gauss_rest,
    "line_gauss_half": _line_gauss_half,
    "line_gauss_rest": _line_gauss_rest,
    "sech_squared": _sech_squared,
    "line_sech_squared": _line_sech_squared,
    "mish_gate": _mish_gate,
    "mish_bell": _mish_bell,
    "tanh_shrink": _tanh_shrink,
    "gelu_gate": _gelu_gate,
    "gelu_decay": _gelu_decay,
    "gelu_bell": _gelu_bell,
    "line": _exact_line,
    "wave": _wave,
    "root": _root,
    "half_rising_root": _half_rising_root,
}
"""How each named function and each stable twin is computed, in steps that a `Tape` can record."""


def _twins() -> list[tuple[sp.Expr, sp.Expr]]:
    """List (textbook pattern, stable twin) in the order of application; `w` stands for any expression."""
    w = sp.Wild("w")
    c, d = (sp.Wild(name, properties=[lambda e: e.is_Symbol and e != x]) for name in "cd")
    stable = {name: sp.Function(name) for name in KERNELS}
    hypot = sp.Function("hypot", positive=True)
    return [
        (1 - sigmoid(w), sigmoid(-w)),
        (sp.exp(w) - 1, stable["expm1"](w)),
        (x**2 + c**2, hypot(x, c) ** 2),
        (x / 2 + sp.sqrt(x**2 + c) / 2, stable["half_rising_root"](x, c)),
        (
            x / (2 * sp.sqrt(x**2 + c)) + sp.Rational(1, 2),
            stable["half_rising_root"](x, c) / stable["root"](x, c),
        ),
        (x - sp.tanh(x), stable["tanh_shrink"](x)),
        # As two factors: one alone would underflow before the rest of its product can lift it.
        (sp.exp(-(x**2)), stable["gauss_half"](x) * stable["gauss_rest"](x)),
        (
            sp.exp(-((c * x + d) ** 2)),
            stable["line_gauss_half"](x, c, d) * stable["line_gauss_rest"](x, c, d),
        ),
        (1 - sp.tanh(gelu_cubic) ** 2, stable["gelu_decay"](x) * stable["gelu_bell"](x)),
        (sp.tanh(gelu_cubic), 2 * stable["gelu_gate"](x) - 1),  # −1 meets the 1 that GELU adds to tanh
        (1 - sp.tanh(softplus(w)) ** 2, stable["mish_bell"](w)),
        (sp.tanh(softplus(w)), stable["mish_gate"](w)),
        (clip(c * x + d, 0, 1), clip(stable["line"](x, c, d), 0, 1)),
        (2 * sp.sin(c * x) * sp.cos(c * x) + 1, stable["wave"](x, c) ** 2),
        (1 - sp.tanh(c * x) ** 2, stable["line_sech_squared"](x, c)),
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
    """Writes a real formula in functions that a `Tape` records, and in kernels; refuses all others."""

    def __init__(self) -> None:
        kernels = {name: name for name in (*KERNELS, *_CLIPS)}
        settings = {"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": False}
        super().__init__(settings | {"user_functions": kernels})

    def _refuse(self, expr: sp.Basic) -> str:
        raise NotImplementedError(expr)

    _print_ImaginaryUnit = _print_Integral = _refuse  # noqa: N815  (SymPy's names)

    def _nested(self, function: str, parts: Sequence[sp.Basic]) -> str:
        first, *others = parts
        return (
            f"{function}({self._print(first)}, {self._nested(function, others)})"
            if others
            else self._print(first)
        )

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:  # noqa: N802
        text = "nan"
        for value, condition in reversed(expr.args):
            text = f"where({self._print(condition)}, {self._print(value)}, {text})"
        return text

    def _print_Max(self, expr: sp.Max) -> str:  # noqa: N802
        return self._nested("maximum", expr.args)

    def _print_Min(self, expr: sp.Min) -> str:  # noqa: N802
        return self._nested("minimum", expr.args)

    def _print_And(self, expr: sp.And) -> str:  # noqa: N802
        return self._nested("logical_and", expr.args)

    def _print_Or(self, expr: sp.Or) -> str:  # noqa: N802
        return self._nested("logical_or", expr.args)

    def _print_ITE(self, expr: sp.ITE) -> str:  # noqa: N802
        return str(self._print(expr.to_nnf()))

    def _print_Not(self, expr: sp.Not) -> str:  # noqa: N802
        return f"logical_not({self._print(expr.args[0])})"


_CLIPS = {"clip": lambda x, low, high: x.clip(low, high), "maximum": np.maximum, "minimum": np.minimum}


def _record(expr: sp.Expr, symbols: tuple[sp.Symbol, ...]) -> Tape:
    function = sp.lambdify(symbols, expr, [KERNELS, _CLIPS, "scipy", "numpy"], printer=_Printer())
    return Tape(function, len(symbols))


def _can_be_recorded(expr: sp.Basic) -> bool:
    try:
        _record(expr, (x, *(expr.free_symbols - {x})))
    except (NotImplementedError, ValueError, TypeError, AttributeError):
        return False
    return True


def record(expr: sp.Expr, parameters: tuple[sp.Symbol, ...] = (), domain: sp.Basic = sp.true) -> Tape:
    """Turn a formula in x and parameters into the steps that compute it, stable twins and clips put in.

    Raises
    ------
    FormulaError
        If a part of the formula is not real or has no counterpart in NumPy or SciPy.
    """
    expr = expr.replace(sp.sinc, lambda t: sp.Piecewise((sp.sin(t) / t, sp.Ne(t, 0)), (1, True)))
    expr = expr.replace(sp.Piecewise, lambda *args: without_choices(sp.Piecewise(*args), x, domain))
    expr = stabilise(expr)
    try:
        return _record(expr, (x, *parameters))
    except (NotImplementedError, ValueError, TypeError, AttributeError):
        parts = (part for part in sp.postorder_traversal(expr) if isinstance(part, sp.Expr | Boolean))
        raise FormulaError(next((part for part in parts if not _can_be_recorded(part)), expr)) from None


class _Exact:
    """The textbook formula in numbers of mpmath's, whose exponents have no end: for where floats fail."""

    def __init__(self, expr: sp.Expr, symbols: tuple[sp.Symbol, ...]):
        self._evaluate = sp.lambdify(symbols, textbook(expr), "mpmath")

    def __call__(self, point: mpmath.mpf, values: Sequence[float]) -> float:
        with mpmath.workdps(50):
            try:
                return float(self._evaluate(mpmath.mpf(point), *map(mpmath.mpf, values)))
            except (ArithmeticError, ValueError, TypeError, MemoryError):
                return float("nan")

    def limit(self, sign: float, values: Sequence[float]) -> float:
        """Return the value that is the same, as a float, at three points far beyond all floats, or nan."""
        far = {self(sign * mpmath.mpf(10) ** power, values) for power in (1000, 2000, 4000)}
        return far.pop() if len(far) == 1 else float("nan")

    def fill(self, points: Array, found: Array, values: Sequence[float]) -> None:
        """Put the exact values at ascending points; where two are equal, so is all between them."""
        ends = [self(points[0], values), self(points[-1], values)]
        found[0], found[-1] = ends
        if len(points) > 2:
            if ends[0] == ends[1]:
                found[1:-1] = ends[0]
            else:
                middle = len(points) // 2
                self.fill(points[: middle + 1], found[: middle + 1], values)
                self.fill(points[middle:], found[middle:], values)


class Compiled:
    """A formula as a function of (x, *parameters) that is safe everywhere.

    Where floats lose the value to ∞·0, ∞/∞ or a number beyond 1.8e308 on the way, mpmath computes it, at ±∞
    as a limit. A nan in x stays nan, also where a piece is constant.
    """

    def __init__(self, expr: sp.Expr, parameters: tuple[sp.Symbol, ...] = (), domain: sp.Basic = sp.true):
        self.tape = record(expr, parameters, domain)
        self._formula = expr, (x, *parameters)

    @cached_property
    def _exact(self) -> _Exact:
        return _Exact(*self._formula)

    def __call__(self, x: NDArray[Any], *values: float) -> NDArray[Any]:
        """Return the values in the shape and type of x, an array of floats."""
        return self.tape(x, *values, repair=lambda part, found: self._repair(part, found, values))

    def number(self, x: float, *values: float) -> float:
        """Return the value at one number."""
        try:
            y = self.tape.number(x, *values)
        except (ArithmeticError, ValueError):
            y = math.nan
        return y if math.isfinite(y) and math.isfinite(x) else float(self(np.array([x]), *values)[0])

    def _repair(self, x: Array, y: NDArray[Any], values: Sequence[float]) -> None:
        y[np.isnan(x)] = np.nan
        for sign in (1, -1):
            there = np.isnan(y) & (x == sign * np.inf)
            if there.any():
                y[there] = self._exact.limit(sign, values)
        lost = ~np.isfinite(y) & np.isfinite(x)
        if lost.any():
            points, where = np.unique(x[lost], return_inverse=True)
            found = np.empty_like(points)
            self._exact.fill(points, found, values)
            y[lost] = found[where]


def compile_numpy(
    expr: sp.Expr, parameters: tuple[sp.Symbol, ...] = (), domain: sp.Basic = sp.true
) -> Compiled:
    """Turn a formula in x and parameters into a NumPy function of (x, *parameters) that is safe everywhere.

    Parameters
    ----------
    expr : sympy.Expr
        The formula.
    parameters : tuple of sympy.Symbol
        Its symbols besides x, in the order of the arguments.
    domain : sympy condition
        What the parameters fulfil; it may make a faster form possible.

    Raises
    ------
    FormulaError
        If a part of the formula is not real or has no counterpart in NumPy or SciPy.
    """
    return Compiled(expr, parameters, domain)
