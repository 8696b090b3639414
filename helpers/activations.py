"""The catalogue: every activation function of the course, each defined once as a formula.

>>> from helpers.activations import ACTIVATIONS
>>> elu = ACTIVATIONS["elu"]
>>> elu([-1.0, 2.0], alpha=0.5)         # values
>>> elu.grad([-1.0, 2.0], alpha=0.5)    # slopes
>>> elu.expr, elu.derivative            # the formulas behind both, as SymPy expressions

A new activation is one more entry in the list below; its derivative, LaTeX and tests follow from the formula.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray
from sympy.printing.latex import LatexPrinter

from helpers.primitives import (
    Array,
    Compiled,
    Phi,
    Primitive,
    compile_numpy,
    each_piece,
    factor_rational,
    gelu_cubic,
    sigmoid,
    softplus,
    without_jumps,
    x,
)

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "glu",
    "log_softmax",
    "maxout",
    "softmax",
    "softmax_jacobian",
    "to_latex",
    "x",
]

alpha, beta, c, lambd, scale = sp.symbols("alpha beta c lambd scale", real=True)
min_val, max_val, theta, value = sp.symbols("min_val max_val threshold value", real=True)
SYMBOL_NAMES = {lambd: r"\lambda", scale: "s", theta: r"\theta", value: "v", min_val: "a", max_val: "b"}


class _LatexPrinter(LatexPrinter):
    def _print_Relational(self, expr: sp.Basic) -> str:  # noqa: N802  (SymPy's name)
        if not expr.lhs.has(x):  # SymPy sorts conditions by name, λ < x; a reader looks for x first
            expr = expr.reversed
        if expr.lhs == -x:
            expr = expr.reversedsign
        return str(super()._print_Relational(expr))


def to_latex(expr: sp.Expr) -> str:
    """Write a formula of the catalogue (`act.expr`, `act.derivative`) as LaTeX for a reader."""
    return str(_LatexPrinter({"symbol_names": SYMBOL_NAMES}).doprint(expr))


@dataclass(frozen=True, eq=False)
class Activation:
    """An activation function: a formula, and everything that follows from it.

    Call it for values, `.grad` for slopes. Both take numbers or arrays of any shape and keep the shape.
    float32 and float16 in give the same out, rounded once; longdouble has the digits of float64, and
    integers give float64. At ±∞ they return the limit, at nan nan.

    Parameters
    ----------
    name : str
        The field's name in lower case; the key in `ACTIVATIONS`.
    expr : sympy.Expr
        The formula, in `x` and parameters. Write kinks as `Piecewise`: the piece that holds at the kink
        gives the slope there, so the conditions (> or >=) choose PyTorch's convention. At the kink of an
        Abs, Max or Min the slope is the mean of both sides', as in SymPy: 1/2 for Max(x, 0). Where sign or
        Heaviside jumps, the jump adds nothing to the slope: each has the slope 0 everywhere.
    defaults : mapping of str to float
        A value for each parameter; PyTorch's where it has one.
    source : str
        Where it was proposed, or its PyTorch name where no paper is known.
    domain : sympy condition, optional
        What the parameters must fulfil.
    """

    name: str
    expr: sp.Expr
    defaults: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    domain: sp.Basic = sp.true

    def __post_init__(self) -> None:
        symbols = {s.name for s in self.expr.free_symbols - {x}}
        if symbols != set(self.defaults):
            raise ValueError(
                f"{self.name}: the formula has {sorted(symbols)}, defaults {sorted(self.defaults)}"
            )
        object.__setattr__(self, "defaults", MappingProxyType(dict(self.defaults)))

    def __reduce__(self) -> tuple[type, tuple]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return type(self), tuple((values | {"defaults": dict(self.defaults)}).values())

    def __call__(self, x: ArrayLike, **parameters: float) -> Any:
        """Return f(x), in the shape of x.

        Raises
        ------
        TypeError
            If x does not hold real numbers, or a parameter is unknown or not a real number.
        ValueError
            If a parameter is not finite or lies outside the domain.
        FormulaError
            If the formula has a part that cannot be computed; a ValueError, too.
        """
        return self._evaluate(self._value, x, parameters)

    def grad(self, x: ArrayLike, **parameters: float) -> Any:
        """Return the slope f′(x), in the shape of x; arguments and errors as for the value."""
        return self._evaluate(self._slope, x, parameters)

    @cached_property
    def derivative(self) -> sp.Expr:
        """The derivative with respect to x, worked out by SymPy from `expr`; a jump adds nothing to it."""
        return each_piece(without_jumps(sp.diff(self.expr, x)), factor_rational)

    @cached_property
    def latex(self) -> str:
        """The formula as LaTeX."""
        spelled = self.expr.formula(*self.expr.args) if isinstance(self.expr, Primitive) else self.expr
        return to_latex(spelled)

    def _repr_latex_(self) -> str:
        name = self.name.replace("_", r"\_")
        return rf"$\displaystyle \mathrm{{{name}}}(x) = {self.latex}$"

    @cached_property
    def _symbols(self) -> tuple[sp.Symbol, ...]:
        by_name = {s.name: s for s in self.expr.free_symbols}
        return tuple(by_name[name] for name in self.defaults)

    @cached_property
    def _value(self) -> Compiled:
        return compile_numpy(self.expr, self._symbols, self.domain)

    @cached_property
    def _slope(self) -> Compiled:
        return compile_numpy(self.derivative, self._symbols, self.domain)

    @cached_property
    def _allows(self) -> Callable[..., bool]:
        """The domain as a function of the parameters."""
        return sp.lambdify(self._symbols, self.domain, "math")

    @cached_property
    def _default_values(self) -> list[float]:
        return self._checked(self.defaults)

    def _evaluate(self, function: Compiled, x: ArrayLike, parameters: Mapping[str, float]) -> Any:
        values = self._checked(parameters) if parameters else self._default_values
        if type(x) is float:
            return np.float64(function.number(x, *values))
        array, dtype = _real_array(x)
        if array.ndim == 0 and dtype == np.float64:
            return np.float64(function.number(float(array), *values))
        return function(array.astype(dtype, copy=False), *values)[()]

    def _checked(self, parameters: Mapping[str, float]) -> list[float]:
        for name, given in parameters.items():
            if name not in self.defaults:
                known = ", ".join(self.defaults) or "none"
                raise TypeError(f"{self.name} has no parameter {name!r}; its parameters: {known}")
            if not isinstance(given, Real) or isinstance(given, bool):
                raise TypeError(f"{self.name}: {name} must be a real number, got {given!r}")
            if not np.isfinite(float(given)):
                raise ValueError(f"{self.name}: {name} must be finite, got {given!r}")
        values = [float(parameters.get(name, default)) for name, default in self.defaults.items()]
        if not self._allows(*values):
            got = ", ".join(f"{name} = {v!r}" for name, v in zip(self.defaults, values, strict=True))
            raise ValueError(f"{self.name} needs {self.domain}, got {got}")
        return values


def _real_array(x: ArrayLike, name: str = "x") -> tuple[Array, np.dtype]:
    """Return x as an array of real numbers, and the float type the result shall have."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} must not be a masked array; pass {name}.filled(value) or {name}.compressed()"
        )
    array = np.asarray(x)
    if array.dtype == object and all(isinstance(each, Real) for each in array.flat):
        array = array.astype(np.float64)  # integers beyond 64 bits, fractions
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers (floats or integers), got {x!r} ({array.dtype})")
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    return array, dtype


def _cast(y: Array, dtype: np.dtype) -> Any:
    # A float64 may overflow or underflow in float32: that is rounding, not an error.
    with np.errstate(all="ignore"):
        return y.astype(dtype, copy=False)[()]


_CATALOGUE = [
    Activation("identity", x, source="torch.nn.Identity"),
    Activation(
        "binary_step",
        sp.Piecewise((1, x > 0), (0, True)),
        source="McCulloch & Pitts 1943, A logical calculus of the ideas immanent in nervous activity",
    ),
    Activation(
        "sigmoid",
        sigmoid(x),
        source="Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors",
    ),
    Activation(
        "hard_sigmoid",
        sp.Piecewise((0, x <= -3), ((x + 3) / 6, x < 3), (1, True)),
        source="Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244; torch.nn.Hardsigmoid",
    ),
    Activation("tanh", sp.tanh(x), source="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp"),
    Activation(
        "hard_tanh",
        sp.Piecewise((min_val, x <= min_val), (x, x < max_val), (max_val, True)),
        {"min_val": -1.0, "max_val": 1.0},
        source="Collobert et al. 2011, Natural language processing (almost) from scratch",
        domain=min_val < max_val,
    ),
    Activation(
        "softsign",
        x / (1 + abs(x)),
        source="Turian, Bergstra & Bengio 2009, Quadratic features and deep architectures for chunking",
    ),
    Activation(
        "relu",
        sp.Piecewise((x, x > 0), (0, True)),
        source="Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines",
    ),
    Activation(
        "relu6",
        sp.Piecewise((0, x <= 0), (x, x < 6), (6, True)),
        source="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10",
    ),
    Activation(
        "leaky_relu",
        sp.Piecewise((x, x > 0), (alpha * x, True)),
        {"alpha": 0.01},
        source="Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models",
    ),
    Activation(
        "prelu",
        sp.Piecewise((x, x > 0), (alpha * x, True)),
        {"alpha": 0.25},
        source="He et al. 2015, Delving deep into rectifiers, arXiv:1502.01852",
    ),
    Activation(
        "elu",
        sp.Piecewise((x, x > 0), (alpha * (sp.exp(x) - 1), True)),
        {"alpha": 1.0},
        source="Clevert, Unterthiner & Hochreiter 2016, Fast and accurate deep network learning by ELUs, "
        "arXiv:1511.07289",
    ),
    Activation(
        "selu",
        sp.Piecewise((scale * x, x > 0), (scale * alpha * (sp.exp(x) - 1), True)),
        {"alpha": 1.6732632423543772, "scale": 1.0507009873554805},
        source="Klambauer et al. 2017, Self-normalizing neural networks, arXiv:1706.02515",
    ),
    Activation(
        "celu",
        sp.Piecewise((x, x > 0), (alpha * (sp.exp(x / alpha) - 1), True)),
        {"alpha": 1.0},
        source="Barron 2017, Continuously differentiable exponential linear units, arXiv:1704.07483",
        domain=alpha > 0,
    ),
    Activation(
        "gelu",
        x * Phi(x),
        source="Hendrycks & Gimpel 2016, Gaussian error linear units, arXiv:1606.08415",
    ),
    Activation(
        "gelu_tanh",
        x / 2 * (1 + sp.tanh(gelu_cubic)),
        source="Hendrycks & Gimpel 2016, Gaussian error linear units, arXiv:1606.08415; "
        "torch.nn.GELU(approximate='tanh')",
    ),
    Activation(
        "silu",
        x * sigmoid(beta * x),
        {"beta": 1.0},
        source="Elfwing, Uchibe & Doya 2018, Sigmoid-weighted linear units, arXiv:1702.03118; "
        "with β: Ramachandran, Zoph & Le 2017, Searching for activation functions, arXiv:1710.05941",
    ),
    Activation(
        "hard_swish",
        sp.Piecewise((0, x <= -3), (x * (x + 3) / 6, x < 3), (x, True)),
        source="Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244",
    ),
    Activation(
        "mish",
        x * sp.tanh(softplus(x)),
        source="Misra 2019, Mish: a self regularized non-monotonic activation function, arXiv:1908.08681",
    ),
    Activation(
        "softplus",
        softplus(beta * x) / beta,
        {"beta": 1.0},
        source="Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing",
        domain=beta > 0,
    ),
    Activation("log_sigmoid", -softplus(-x), source="torch.nn.LogSigmoid"),
    Activation("tanh_shrink", x - sp.tanh(x), source="torch.nn.Tanhshrink"),
    Activation(
        "soft_shrink",
        sp.Piecewise((x - lambd, x > lambd), (x + lambd, x < -lambd), (0, True)),
        {"lambd": 0.5},
        source="Donoho 1995, De-noising by soft-thresholding",
        domain=lambd >= 0,
    ),
    Activation(
        "hard_shrink",
        sp.Piecewise((x, abs(x) > lambd), (0, True)),
        {"lambd": 0.5},
        source="Donoho & Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage",
        domain=lambd >= 0,
    ),
    Activation(
        "threshold",
        sp.Piecewise((x, x > theta), (value, True)),
        {"threshold": 1.0, "value": 0.0},
        source="Konda, Memisevic & Krueger 2014, Zero-bias autoencoders and the benefits of co-adapting "
        "features, arXiv:1402.3337; torch.nn.Threshold (which has no defaults)",
    ),
    Activation(
        "gaussian",
        sp.exp(-(x**2)),
        source="Broomhead & Lowe 1988, Multivariable functional interpolation and adaptive networks",
    ),
    Activation(
        "multiquadric",
        sp.sqrt(x**2 + c**2),
        {"c": 1.0},
        source="Hardy 1971, Multiquadric equations of topography and other irregular surfaces",
        domain=c > 0,
    ),
]

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({entry.name: entry for entry in _CATALOGUE})


def _along(z: ArrayLike, axis: int) -> tuple[Array, np.dtype]:
    """Return z as float64 with `axis` last, and the float type the result shall have."""
    array, dtype = _real_array(z, "z")
    if array.ndim == 0:
        raise ValueError(f"z must have at least one axis, got the single number {z!r}")
    if not isinstance(axis, Integral):
        raise TypeError(f"axis must be an integer, got {axis!r}")
    if not -array.ndim <= axis < array.ndim:
        bounds = f"{-array.ndim} … {array.ndim - 1}"
        raise ValueError(f"axis must lie in {bounds} for shape {array.shape}, got {axis}")
    return np.moveaxis(array.astype(np.float64, copy=False), axis, -1), dtype


def _shifted_exp(z: Array) -> tuple[Array, Array]:
    """Return d = z − max z along the last axis and exp(d), where the rounding of d is made good."""
    top = z.max(-1, keepdims=True, initial=-np.inf)
    d = z - top
    back = d - z
    lost = (z - (d - back)) - (top + back)
    return d, np.exp(d) * (1 + np.where(np.isfinite(lost), lost, 0))


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
    with np.errstate(all="ignore"):
        array, dtype = _along(z, axis)
        _, e = _shifted_exp(array)
        return np.moveaxis(_cast(e / e.sum(-1, keepdims=True), dtype), -1, axis)


def log_softmax(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Return the logarithm of `softmax(z, axis)`, exact also where a probability is almost 0 or almost 1.

    Shapes and types as in `softmax`. With m the largest score, log s_i = (z_i − m) − log1p(Σ' exp(z_j −
    m)), where Σ' leaves the largest itself out: at z = (0, −40) the first component is −4.25e-18, not 0.
    """
    with np.errstate(all="ignore"):
        array, dtype = _along(z, axis)
        if array.size == 0:
            return np.moveaxis(_cast(array.copy(), dtype), -1, axis)
        d, e = _shifted_exp(array)
        np.put_along_axis(e, d.argmax(-1, keepdims=True), 0, -1)
        return np.moveaxis(_cast(d - np.log1p(e.sum(-1, keepdims=True)), dtype), -1, axis)


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
    with np.errstate(all="ignore"):
        array, dtype = _along(z, axis)
        s = softmax(array)
        jacobian = -s[..., :, None] * s[..., None, :]
        i = np.arange(s.shape[-1])
        jacobian[..., i, i] = 0
        # The rows sum to 0; the formula's 1 − s_i would lose its digits where s_i is near 1.
        jacobian[..., i, i] = -jacobian.sum(-1)
        return _cast(jacobian, dtype)


def maxout(z: ArrayLike, axis: int = -1) -> Any:
    """Let the largest of a unit's affine pieces speak: h = max_j z_j along `axis`, which disappears.

    z holds the k pieces wᵀx + b of every unit along `axis`: shape (batch, units, k) gives (batch, units). A
    nan among the pieces gives nan. Goodfellow et al. 2013, Maxout networks, arXiv:1302.4389.
    """
    array, dtype = _along(z, axis)
    if array.shape[-1] == 0:
        raise ValueError(f"maxout needs at least one piece along axis {axis}, got shape {np.shape(z)}")
    return _cast(array.max(-1), dtype)


def glu(z: ArrayLike, axis: int = -1) -> NDArray[Any]:
    """Let one half of the numbers gate the other: a σ(b), with a and b the halves of z along `axis`.

    The result has half the length along `axis`, which must be even. Dauphin et al. 2017, Language modeling
    with gated convolutional networks, arXiv:1612.08083.
    """
    array, dtype = _along(z, axis)
    if array.shape[-1] % 2:
        raise ValueError(f"glu needs an even length along axis {axis}, got {array.shape[-1]}")
    a, b = np.split(array, 2, -1)
    with np.errstate(all="ignore"):
        return np.moveaxis(_cast(a * ACTIVATIONS["sigmoid"](b), dtype), -1, axis)
