"""An activation function: a formula, and everything that follows from it; and a catalogue of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cached_property
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray
from sympy.printing.latex import LatexPrinter

from helpers.primitives import (
    Compiled,
    Primitive,
    compile_numpy,
    each_piece,
    factor_rational,
    without_jumps,
    x,
)

SYMBOL_NAMES = {
    sp.Symbol(name, real=True): written
    for name, written in {
        "lambd": r"\lambda",
        "scale": "s",
        "threshold": r"\theta",
        "value": "v",
        "min_val": "a",
        "max_val": "b",
        "bias": "b",
        "shift": "s",
        "gain": "g",
        "alpha_p": r"\alpha_p",
        "alpha_n": r"\alpha_n",
        "lower": r"\ell",
        "upper": "u",
    }.items()
}


class _LatexPrinter(LatexPrinter):
    def _print_erf(self, expr: sp.erf, exp: str | None = None) -> str:
        power = f"^{{{exp}}}" if exp else ""
        return rf"\mathrm{{erf}}{power}{{\left({self._print(expr.args[0])}\right)}}"

    def _print_Relational(self, expr: sp.Basic) -> str:  # noqa: N802  (SymPy's name)
        if not expr.lhs.has(x):  # SymPy sorts conditions by name, λ < x; a reader looks for x first
            expr = expr.reversed
        if expr.lhs == -x:
            expr = expr.reversedsign
        return str(super()._print_Relational(expr))


def to_latex(expr: sp.Expr) -> str:
    """Write a formula of the catalogue (`act.expr`, `act.derivative`) as LaTeX for a reader."""
    return str(_LatexPrinter({"symbol_names": SYMBOL_NAMES}).doprint(expr))


@dataclass(frozen=True, eq=False, repr=False)
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
        if x.name in symbols:
            raise ValueError(f"{self.name}: the formula has another x than Symbol('x', real=True)")
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
        return self._evaluate(self.compiled_value, x, parameters)

    def grad(self, x: ArrayLike, **parameters: float) -> Any:
        """Return the slope f′(x), in the shape of x; arguments and errors as for the value."""
        return self._evaluate(self.compiled_slope, x, parameters)

    @cached_property
    def derivative(self) -> sp.Expr:
        """The derivative with respect to x, worked out by SymPy from `expr`; a jump adds nothing to it."""
        return each_piece(without_jumps(sp.diff(self.expr, x)), factor_rational)

    @cached_property
    def latex(self) -> str:
        """The formula as LaTeX."""
        spelled = self.expr.formula(*self.expr.args) if isinstance(self.expr, Primitive) else self.expr
        return to_latex(spelled)

    @cached_property
    def slope_latex(self) -> str:
        """The derivative as LaTeX."""
        return to_latex(self.derivative)

    def __repr__(self) -> str:
        from helpers import sheet  # it asks for the properties, which are worked out from activations

        return sheet.text(self)

    def _repr_html_(self) -> str:
        from helpers import sheet

        return sheet.html(self)

    def _repr_latex_(self) -> str:
        name = self.name.replace("_", r"\_")
        return rf"$\displaystyle \mathrm{{{name}}}(x) = {self.latex}$"

    @cached_property
    def _symbols(self) -> tuple[sp.Symbol, ...]:
        by_name = {s.name: s for s in self.expr.free_symbols}
        return tuple(by_name[name] for name in self.defaults)

    @cached_property
    def compiled_value(self) -> Compiled:
        """The value as steps for NumPy; see `helpers.primitives`."""
        return compile_numpy(self.expr, self._symbols, self.domain)

    @cached_property
    def compiled_slope(self) -> Compiled:
        """The slope as steps for NumPy."""
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
        array, dtype = real_array(x)
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


def real_array(x: ArrayLike, name: str = "x") -> tuple[NDArray[Any], np.dtype]:
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


class UnknownActivationError(KeyError):
    """Tells which name is meant."""

    def __str__(self) -> str:
        return str(self.args[0])


class Catalogue(Mapping[str, Activation]):
    """The entries by name; another name is refused with the one that is meant."""

    def __init__(self, entries: Iterable[Activation], aliases: Mapping[str, tuple[str, Mapping[str, float]]]):
        self._entries = {entry.name: entry for entry in entries}
        self._aliases = aliases

    def __getitem__(self, name: str) -> Activation:
        if name in self._entries:
            return self._entries[name]
        raise UnknownActivationError(f"no activation is named {name!r}; {self._meant(name)}")

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"ACTIVATIONS: {', '.join(self)}"

    def _meant(self, name: object) -> str:
        def plain(text: object) -> str:
            return str(text).lower().replace("_", "").replace("-", "").replace(" ", "")

        names = {plain(each): each for each in (*self._aliases, *self)}
        close = get_close_matches(plain(name), names, n=1)
        if not close:
            return f"there are {', '.join(self)}"
        entry, setting = self._aliases.get(names[close[0]], (names[close[0]], {}))
        given = ", ".join(f"{key} = {number:g}" for key, number in setting.items())
        return f"did you mean {entry}{f' with {given}' if given else ''}?"
