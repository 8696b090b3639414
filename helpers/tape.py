"""Records what NumPy code computes, and computes it on long arrays, on single numbers and in JavaScript.

>>> tape = Tape(lambda x, a: np.maximum(x, 0) + a * np.minimum(x, 0), 2)
>>> tape(np.linspace(-1, 1, 10**6), 0.1)    # block by block, each of which stays in the cache
>>> tape.number(-1.0, 0.1)                  # one number, without arrays
>>> tape.javascript(["x", "a"])             # the same steps as a function of JavaScript

Written out, `np.maximum(x, 0) + a * np.minimum(x, 0)` fills three arrays as long as x, and each travels
through the memory and back. A tape has the same steps with places for the results between them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray
from scipy import special

BLOCK = 2**16  # values at a time: few enough for the cache, enough that a call of NumPy costs little beside

_TRUTHS = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "isnan"}
_OF_TRUTHS = {"logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or", "invert"}
_TRUTHS |= _OF_TRUTHS
_EXACT = {
    "maximum",
    "minimum",
    "clip",
    "absolute",
    "negative",
    "sign",
    "copysign",
    "where",
    "float",
} | _TRUTHS
_ROUNDED_ONCE = {"add", "subtract", "multiply", "divide", "square", "sqrt"}

_PYTHON = {
    "add": "({} + {})",
    "subtract": "({} - {})",
    "multiply": "({} * {})",
    "divide": "({} / {})",
    "negative": "(-{})",
    "square": "({0} * {0})",
    "sqrt": "sqrt({})",
    "absolute": "abs({})",
    "maximum": "({1} if {0} < {1} or {1} != {1} else {0})",  # a nan stays, as in NumPy
    "minimum": "({1} if {0} > {1} or {1} != {1} else {0})",
    "clip": "({0} if {0} != {0} else min(max({0}, {1}), {2}))",
    "copysign": "copysign({}, {})",
    "less": "({} < {})",
    "less_equal": "({} <= {})",
    "greater": "({} > {})",
    "greater_equal": "({} >= {})",
    "equal": "({} == {})",
    "not_equal": "({} != {})",
    "isnan": "({0} != {0})",
    "logical_and": "({} and {})",
    "logical_or": "({} or {})",
    "logical_not": "(not {})",
    "where": "({1} if {0} else {2})",
    "float": "(1.0 if {} else 0.0)",
}
_JAVASCRIPT = _PYTHON | {
    "sqrt": "Math.sqrt({})",
    "absolute": "Math.abs({})",
    "maximum": "Math.max({}, {})",
    "minimum": "Math.min({}, {})",
    "clip": "Math.min(Math.max({}, {}), {})",
    "copysign": "({1} < 0 || Object.is({1}, -0) ? -Math.abs({0}) : Math.abs({0}))",
    "equal": "({} === {})",
    "not_equal": "({} !== {})",
    "isnan": "Number.isNaN({})",
    "logical_and": "({} && {})",
    "logical_or": "({} || {})",
    "logical_not": "(!{})",
    "where": "({0} ? {1} : {2})",
    "float": "({} ? 1 : 0)",
    "heaviside": "({0} > 0 ? 1 : {0} < 0 ? 0 : {0} === 0 ? {1} : NaN)",
    "erf": "erf({})",
    "power": "Math.pow({}, {})",
    "arctan2": "Math.atan2({}, {})",
}
_MATH = "exp expm1 log log1p log2 log10 sign floor ceil trunc sin cos tan sinh cosh tanh"
_MATH += " arcsin arccos arctan arcsinh arccosh arctanh"
_JAVASCRIPT |= {name: f"Math.{name.replace('arc', 'a')}({{}})" for name in _MATH.split()}


class UnwritableError(ValueError):
    """Tells which step has no counterpart in the language asked for."""


def _bits(value: NDArray[Any] | float, like: np.dtype) -> Any:
    kind = np.float32 if like == np.int32 else np.float64
    return value.view(like) if isinstance(value, np.ndarray) else kind(value).view(like)


def _choose(
    truth: NDArray[np.bool_],
    a: NDArray[Any] | float,
    b: NDArray[Any] | float,
    bits: NDArray[np.integer],
    out: NDArray[Any],
) -> None:
    """Do what `np.where` does, five times as fast: a processor cannot guess the next of mixed truths.

    `bits` is room for integers as wide as the floats. Here a truth becomes all bits 1, a falsehood all 0.
    """
    np.copyto(bits, truth)
    np.negative(bits, out=bits)
    result, a, b = out.view(bits.dtype), _bits(a, bits.dtype), _bits(b, bits.dtype)
    np.bitwise_xor(a, b, out=result)
    np.bitwise_and(result, bits, out=result)
    np.bitwise_xor(result, b, out=result)


class Node(NDArrayOperatorsMixin):
    """A value of a later call. What NumPy's functions make of it is recorded, not computed."""

    def __init__(self, tape: Tape, name: str, sources: tuple[Node | float, ...] = ()):
        self.tape, self.name, self.sources = tape, name, sources
        self.of_x: bool = name == "x" or any(isinstance(each, Node) and each.of_x for each in sources)

    __hash__ = object.__hash__

    @property
    def is_truth(self) -> bool:
        """Whether it is true or false, not a number."""
        return self.name in _TRUTHS

    def clip(self, low: Any, high: Any) -> Node:
        """Record a clip, as the method of an array."""
        return self.tape.record("clip", self, low, high)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Node:
        if (
            method != "__call__"
            or options
            or not {"d->d", "dd->d", "ddd->d", "dd->?", "d->?", "??->?", "?->?"} & set(ufunc.types)
        ):
            return NotImplemented
        return self.tape.record(ufunc.__name__, *inputs, function=ufunc)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Node:
        if function is not np.where or kwargs or len(args) != 3:
            return NotImplemented
        return self.tape.record("where", *args, function=np.where)


def _is(value: Node | float, number: float) -> bool:
    return not isinstance(value, Node) and value == number


class _Watch:
    """Calls `repair` for a block whose result may have lost a nan or a limit.

    The processor notes when an operation overflows or has no value, NumPy asks it after every step: blocks
    where nothing was noted cost nothing. SciPy's functions note nothing, so their results are looked at.
    """

    def __init__(self, tape: Tape, repair: Callable[[NDArray[Any], NDArray[Any]], None] | None):
        self._repair, self._noted = repair, False
        self.reads_x = repair is not None and tape.loses_nan
        self._reads_y = repair is not None and tape.is_silent

    def raised(self, kind: str, flag: int) -> None:
        """Note that an operation had no finite value (NumPy's error callback)."""
        self._noted = True

    def check(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Repair the block if need be."""
        noted, self._noted = self._noted, False
        if self._repair is None:
            return
        lost = noted or (self._reads_y and not np.isfinite(y).all())
        if lost or (self.reads_x and x.size and np.isnan(np.maximum.reduce(x))):
            self._repair(x, y)
            self._noted = False


class Tape:
    """The steps of a function that is written with NumPy's and SciPy's elementwise functions.

    Parameters
    ----------
    function : callable
        Takes x and any parameters. Operators, ufuncs and `np.where` are allowed, `if` is not.
    count : int
        How many arguments it has, x included.
    """

    def __init__(self, function: Callable[..., Any], count: int):
        self._known: dict[Any, Node] = {}
        self._functions: dict[str, Callable[..., Any]] = {"copyto": np.copyto, "choose": _choose}
        names = ["x", *(f"p{i}" for i in range(1, count))]
        self._arguments = [self._node(name, ()) for name in names]
        result = function(*self._arguments)
        if isinstance(result, Node) and result.is_truth:
            result = self.record("float", result)
        self._result: Node | float = result if isinstance(result, Node) else float(result)
        self._steps = self._needed()

    # Recording

    def _node(self, name: str, sources: tuple[Node | float, ...]) -> Node:
        key = (name, *(id(each) if isinstance(each, Node) else repr(each) for each in sources))
        return self._known.setdefault(key, Node(self, name, sources))

    def record(self, name: str, *inputs: Any, function: Callable[..., Any] | None = None) -> Any:
        """Record one step, in the simplest of the ways that give the same value."""
        sources = tuple(each if isinstance(each, Node) else float(each) for each in inputs)
        if name != "float" and name not in _OF_TRUTHS:
            keep = 1 if name == "where" else 0
            sources = (*sources[:keep], *(self._as_number(each) for each in sources[keep:]))
        simpler = getattr(self, f"_simpler_{name}", None)
        found = simpler(*sources) if simpler else None
        if found is not None:
            return found
        if function is not None:
            self._functions[name] = function
        return self._node(name, sources)

    def _as_number(self, value: Node | float) -> Node | float:
        return self.record("float", value) if isinstance(value, Node) and value.is_truth else value

    def _simpler_power(self, base: Any, exponent: Any) -> Any:
        if isinstance(exponent, Node) or not isinstance(base, Node):
            return None
        if exponent < 0 and (exponent == -0.5 or (exponent == int(exponent) and exponent >= -8)):
            return (1.0 / base) ** -exponent  # (1 + x)⁻² is still a number where (1 + x)² is none
        if exponent == 0.5:
            return np.sqrt(base)
        if exponent == int(exponent) and 0 < exponent <= 8:
            half = base ** (exponent // 2) if exponent > 1 else None
            even = None if half is None else np.square(half)
            return even if exponent % 2 == 0 else base if even is None else even * base
        return None

    def _simpler_multiply(self, a: Any, b: Any) -> Any:
        if _is(a, 1) or _is(b, 1):
            return b if _is(a, 1) else a
        if _is(a, -1) or _is(b, -1):
            return -(b if _is(a, -1) else a)
        return None

    def _simpler_maximum(self, a: Any, b: Any) -> Any:
        return None if self._is_of_x(a) or not self._is_of_x(b) else np.maximum(b, a)

    def _simpler_minimum(self, a: Any, b: Any) -> Any:
        return None if self._is_of_x(a) or not self._is_of_x(b) else np.minimum(b, a)

    def _simpler_add(self, a: Any, b: Any) -> Any:
        if _is(a, 0) or _is(b, 0):
            return b if _is(a, 0) else a
        for one, other in ((a, b), (b, a)):
            if isinstance(one, Node) and one.name == "negative":
                return other - one.sources[0]
        return None

    def _simpler_subtract(self, a: Any, b: Any) -> Any:
        if isinstance(b, Node) and b.name == "negative":
            return a + b.sources[0]
        return a if _is(b, 0) else None

    def _simpler_absolute(self, a: Node) -> Any:
        return abs(a.sources[0]) if a.name == "negative" else None

    def _simpler_negative(self, a: Node) -> Any:
        return a.sources[0] if a.name == "negative" else None

    def _simpler_where(self, truth: Any, a: Any, b: Any) -> Any:
        """Turn a choice between 0, 1 and further such choices into truths, which are cheaper."""
        if not isinstance(truth, Node):
            return a if truth else b
        if a is b or (not isinstance(a, Node) and _is(b, a)):
            return a
        if _is(a, 0) or _is(a, 1):
            value, inner, there = a, b, np.logical_not(truth)
        elif _is(b, 0) or _is(b, 1):
            value, inner, there = b, a, truth
        else:
            return None
        if not isinstance(inner, Node) and (value, inner) in ((0, 1), (1, 0)):
            return self.record("float", there if value == 0 else np.logical_not(there))
        if value == 0 and not self._is_of_x(inner):
            return self.record("float", there) * inner
        if not isinstance(inner, Node):
            return None
        first = inner.sources[0] if inner.sources else None
        if value == 0 and inner.name == "multiply" and isinstance(first, Node) and first.name == "float":
            return self.record("float", there & first.sources[0]) * inner.sources[1]
        if inner.name != "float":
            return None
        chosen = inner.sources[0]
        return self.record("float", there & chosen if value == 0 else np.logical_not(there) | chosen)

    def _simpler_logical_not(self, a: Node) -> Any:
        return a.sources[0] if a.name == "logical_not" else None

    def _simpler_invert(self, a: Node) -> Any:
        return np.logical_not(a)

    def _simpler_bitwise_and(self, a: Any, b: Any) -> Any:
        return np.logical_and(a, b)

    def _simpler_bitwise_or(self, a: Any, b: Any) -> Any:
        return np.logical_or(a, b)

    def _needed(self) -> list[Node]:
        needed, waiting = {}, [self._result]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Node) and id(node) not in needed:
                needed[id(node)] = node
                waiting += node.sources
        return [node for node in self._known.values() if id(node) in needed and node.sources]

    # What is known before any value

    @cached_property
    def loses_nan(self) -> bool:
        """Whether a nan in x may give a number."""

        def keeps(node: Node | float) -> bool:
            if not isinstance(node, Node) or node.name in _TRUTHS | {"float"}:
                return False
            sources = node.sources[1:] if node.name == "where" else node.sources
            return node.name == "x" or (all if node.name == "where" else any)(map(keeps, sources))

        return not keeps(self._result)

    @cached_property
    def is_silent(self) -> bool:
        """Whether inf or nan may come out unnoticed, as from SciPy's functions."""
        return any(hasattr(special, node.name) and not hasattr(np, node.name) for node in self._steps)

    @cached_property
    def _is_exact_in_float32(self) -> bool:
        """Whether float32 gives the same as float64 rounded once: at most one operation rounds, the last."""
        rounded: set[int] = set()
        for node in self._steps:
            if rounded & {id(each) for each in node.sources}:
                if node.name not in _EXACT - _TRUTHS:
                    return False
                rounded.add(id(node))
            elif node.name in _ROUNDED_ONCE:
                rounded.add(id(node))
            elif node.name not in _EXACT:
                return False
        return all(node.of_x or node.name in {"negative", "absolute"} for node in self._steps)

    def _fits_float32(self, values: Sequence[float]) -> bool:
        if not self._is_exact_in_float32:
            return False
        numbers = [each for node in self._steps for each in node.sources if not isinstance(each, Node)]
        return all(number == float(np.float32(number)) for number in (*numbers, *values))

    # Running

    def __call__(
        self,
        x: NDArray[np.floating],
        *values: float,
        repair: Callable[[NDArray[Any], NDArray[Any]], None] | None = None,
    ) -> NDArray[Any]:
        """Compute all values of x, in its shape and type; overflow and the like pass silently.

        `repair` is called with a block's x and result where the result may have lost a nan or a limit.
        """
        flat = (x if x.flags.forc else np.ascontiguousarray(x)).reshape(-1, order="A")
        y = np.empty_like(x, order="K" if x.flags.forc else "C")
        out = y.reshape(-1, order="A")
        type_ = (
            flat.dtype if flat.dtype == np.float32 and self._fits_float32(values) else np.dtype(np.float64)
        )
        watch = _Watch(self, repair)
        narrow, whole = type_ == flat.dtype, len(self._steps) <= 1
        size = flat.size if whole and type_ == flat.dtype else min(BLOCK, flat.size)
        block, kinds = self._layout
        with np.errstate(over="call", invalid="call", divide="call", under="ignore", call=watch.raised):
            given_values = [np.float64(value) for value in values]
            scalars = [float(each) for each in (*given_values, *self._prologue(*given_values))]
            rooms = [np.empty(size, bool if is_truth else type_) for is_truth in kinds]
            bits = np.empty(size, f"i{type_.itemsize}")
            wide = None if narrow else (np.empty(size), np.empty(size))
            for start in range(0, flat.size, size or 1):
                part, result = flat[start : start + size], out[start : start + size]
                if len(part) < size:
                    size = len(part)
                    rooms, bits = [room[:size] for room in rooms], bits[:size]
                    wide = wide and (wide[0][:size], wide[1][:size])
                given, found = wide or (part, result)
                if wide:
                    np.copyto(given, part)
                block(given, found, bits, *rooms, *scalars)
                watch.check(given, found)
                if wide:
                    np.copyto(result, found, casting="same_kind")
        return y

    # Writing

    def _compiled(self, source: str, **others: Callable[..., Any]) -> Callable[..., Any]:
        space: dict[str, Any] = {"nan": math.nan, "inf": math.inf} | self._functions | others
        exec(source, space)  # the text comes from this module alone
        return space["function"]

    @property
    def _scalar_steps(self) -> list[Node]:
        return [node for node in self._steps if not node.of_x]

    def _names(self) -> dict[int, str]:
        names = {id(node): node.name for node in self._arguments}
        return names | {id(node): f"t{i}" for i, node in enumerate(self._steps)}

    @cached_property
    def _prologue(self) -> Callable[..., tuple[float, ...]]:
        """Compute what depends on the parameters alone."""
        names = self._names()
        lines = [f"    {names[id(node)]} = {self._call(node, names)}" for node in self._scalar_steps]
        results = "".join(f"{names[id(node)]}, " for node in self._scalar_steps)
        arguments = ", ".join(node.name for node in self._arguments[1:])
        return self._compiled("\n".join([f"def function({arguments}):", *lines, f"    return ({results})"]))

    @staticmethod
    def _written(source: Node | float, names: dict[int, str]) -> str:
        return (
            names[id(source)] if isinstance(source, Node) else f"({source!r})" if source < 0 else repr(source)
        )

    @staticmethod
    def _is_of_x(source: Node | float) -> bool:
        return isinstance(source, Node) and source.of_x

    def _call(self, node: Node, names: dict[int, str], room: str = "") -> str:
        sources = [self._written(each, names) for each in node.sources]
        if node.name in {"maximum", "minimum"} and not self._is_of_x(node.sources[1]):  # clip is faster
            sources[1:] = ["-inf", sources[1]] if node.name == "minimum" else [sources[1], "inf"]
        if node.name == "clip" or len(sources) == 3 != len(node.sources):
            return f"{sources[0]}.clip({', '.join([*sources[1:], *([room] if room else [])])})"
        if node.name == "float":
            return f"copyto({room}, {sources[0]})" if room else f"float({sources[0]})"
        if node.name == "where" and room:
            return f"choose({', '.join(sources)}, bits, {room})"
        return f"{node.name}({', '.join([*sources, *([f'out={room}'] if room else [])])})"

    @cached_property
    def _layout(self) -> tuple[Callable[..., None], list[bool]]:
        """Write the steps of one block, and give each result a place that is free by then."""
        names = self._names()
        steps = [node for node in self._steps if node.of_x]
        last = {id(each): i for i, node in enumerate(steps) for each in node.sources}
        free: dict[bool, list[str]] = {False: [], True: []}
        rooms: list[tuple[str, bool]] = []
        lines = []
        for i, node in enumerate(steps):
            done = {each for each in node.sources if isinstance(each, Node) and last[id(each)] == i}
            freed = [(each.is_truth, names[id(each)]) for each in done if names[id(each)].startswith("room")]
            if node.name != "where":  # which needs its sources to the end
                for is_truth, name in freed:
                    free[is_truth].append(name)
            if node is not self._result and not free[node.is_truth]:
                free[node.is_truth].append(f"room{len(rooms)}")
                rooms.append((f"room{len(rooms)}", node.is_truth))
            names[id(node)] = "y" if node is self._result else free[node.is_truth].pop()
            if node.name == "where":
                for is_truth, name in freed:
                    free[is_truth].append(name)
            lines.append(self._call(node, names, names[id(node)]))
        if not (steps and steps[-1] is self._result):
            lines.append(f"copyto(y, {self._written(self._result, names)})")
        scalars = [
            *(node.name for node in self._arguments[1:]),
            *(names[id(each)] for each in self._scalar_steps),
        ]
        arguments = ", ".join(["x", "y", "bits", *(name for name, _ in rooms), *scalars])
        source = "\n    ".join([f"def function({arguments}):", *lines])
        return self._compiled(source), [is_truth for _, is_truth in rooms]

    @cached_property
    def number(self) -> Callable[..., float]:
        """The same steps for one number; it raises ArithmeticError or ValueError where Python's floats do."""
        names = self._names()
        lines, calls = [], False
        for node in self._steps:
            sources = [self._written(each, names) for each in node.sources]
            calls = calls or node.name not in _PYTHON
            text = _PYTHON.get(node.name, f"float({node.name}({', '.join(['{}'] * len(sources))}))")
            lines.append(f"{names[id(node)]} = {text.format(*sources)}")
        lines.append(f"return {self._written(self._result, names)}")
        arguments = ", ".join(node.name for node in self._arguments)
        source = "\n    ".join([f"def function({arguments}):", *lines])
        function = self._compiled(source, sqrt=math.sqrt, copysign=math.copysign)
        return np.errstate(all="ignore")(function) if calls else function

    def javascript(self, arguments: Sequence[str]) -> str:
        """Return the steps as a JavaScript function of the arguments named.

        Raises
        ------
        UnwritableError
            If a step has no counterpart in JavaScript; `erf` is taken to be a function already there.
        """
        names = self._names() | {
            id(node): name for node, name in zip(self._arguments, arguments, strict=True)
        }
        lines = []
        for node in self._steps:
            if node.name not in _JAVASCRIPT:
                raise UnwritableError(f"{node.name} has no counterpart in JavaScript")
            sources = [self._written(each, names) for each in node.sources]
            lines.append(f"const {names[id(node)]} = {_JAVASCRIPT[node.name].format(*sources)};")
        lines.append(f"return {self._written(self._result, names)};")
        return f"({', '.join(arguments)}) => {{ {' '.join(lines)} }}"
