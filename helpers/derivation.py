"""Derivations whose every step is checked, so that a formula on the page is one that holds.

How a step is checked: its two sides are first compared, in numbers with proved bounds on their errors, at
points of the domain: simple ones, ones at and around every kink, and random ones. One point where they differ
refutes the step. If there is none, SymPy tries to prove that the difference is 0. Where it cannot, the step
stands on the random points alone, at which the sides must agree to 1000 digits, and says so.

All symbols stand for real numbers, and for fewer where their assumptions say so (``positive=True``).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from mpmath import libmp
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE

from helpers.equality import Undecided, compare
from helpers.points import DIGITS, Difference


class FalseStep(ValueError):  # noqa: N818  (the exception is the false step)
    """Tells which step does not follow, and a point where its two sides differ.

    Attributes
    ----------
    number : int
        Counted from 1, as rendered.
    reason : str
        The reason the step gave.
    witness : dict
        Value of each symbol at the point.
    left, right : sympy.Float or None
        The line before and the step's own line there; None where the line has no real value.
    entry : (int, int) or None
        Row and column of the entry that differs, for matrices, counted from 0.
    """

    def __init__(self, number: int, reason: str, difference: Difference, remark: str = ""):
        self.number, self.reason = number, reason
        self.witness, self.left, self.right = difference.point, difference.left, difference.right
        self.entry = difference.entry
        left, right = _tell_apart(self.left, self.right, difference.gap)
        at = ", ".join(f"{symbol} = {_plain(value)}" for symbol, value in self.witness.items())
        entry = f" (entry {self.entry})" if self.entry else ""
        super().__init__(
            f"step {number} ({reason}) is false: {f'at {at} ' if at else ''}"
            f"the line before it is {left}{entry} and the step makes it {right}{remark}"
        )


class UndecidedStep(ValueError):  # noqa: N818
    """Tells which step could be neither refuted nor supported, and why."""


@dataclass(frozen=True)
class Step:
    """One line of a derivation, as its author wrote it.

    ``where`` is the restriction that this line adds; ``evidence`` is "given", "proved", "not checked" or
    "checked numerically at … points to … digits".
    """

    expr: sympy.Basic
    reason: str
    where: sympy.Basic
    evidence: str


class Derivation:
    """Lead from a formula to its result by steps that are each proved equal to the one before.

    A derivation never changes: `step` returns a longer one.

    Parameters
    ----------
    expr : SymPy expression or matrix
        The formula it starts from, shown as written: use ``Derivative(f, x)``, ``UnevaluatedExpr`` or
        ``evaluate=False`` to keep SymPy from simplifying it.
    reason : str, optional
        Remark on the first line.
    where : SymPy condition, optional
        Domain of the whole derivation, such as ``x > 0`` or ``(0 < x) & (x < 1)``.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> Derivation(sympy.Abs(x) / x).step("|x| = x", sympy.Integer(1), where=x > 0)
    Abs(x)/x
    (1) = 1    [|x| = x; where x > 0]
    """

    def __init__(self, expr: Any, reason: str = "", *, where: Any = sympy.true):
        if not isinstance(reason, str):
            raise TypeError(f"reason must be a string, got {reason!r}")
        self.steps: tuple[Step, ...] = (Step(_formula(expr), reason, _condition(where), "given"),)
        self._is_checked = True

    @classmethod
    def unchecked(cls, expr: Any, steps: Sequence[tuple[Any, ...]], *, where: Any = sympy.true) -> Derivation:
        """Show a derivation that nobody checked, for the reader to find the wrong step.

        ``steps`` are tuples as `step` takes them, ``(reason, expr)`` or ``(reason, expr, where)``. The result
        takes no further steps; `first_false_step` has the answer.
        """
        derivation = cls(expr, where=where)
        for reason, line, *restriction in steps:
            derivation = derivation._longer(_line(reason, line, *restriction))
        derivation._is_checked = False
        return derivation

    def step(self, reason: str, expr: Any, *, where: Any = sympy.true) -> Derivation:
        """Add ``= expr``, which must equal the line before; ``where`` restricts this and all later lines.

        Raises
        ------
        FalseStep
            If the two lines differ somewhere in the domain: names the step, the point, both values.
        UndecidedStep
            If too few points of the domain give both lines a value.
        """
        if not self._is_checked:
            raise TypeError(
                "an unchecked derivation takes no further steps: give them all to Derivation.unchecked"
            )
        longer = self._longer(_line(reason, expr, where))
        evidence = longer._check(len(self.steps))
        if isinstance(evidence, FalseStep):
            raise evidence
        return self._longer(_line(reason, expr, where, evidence))

    def first_false_step(self) -> FalseStep | None:
        """Return the first step that does not follow, as the error `step` would raise, or None if all do."""
        for number in range(1, len(self.steps)):
            evidence = self._check(number)
            if isinstance(evidence, FalseStep):
                return evidence
        return None

    @property
    def result(self) -> Any:
        """The last line."""
        return self.steps[-1].expr

    @property
    def proved(self) -> bool:
        """Whether SymPy has proved every step; a step that stands on points alone does not count."""
        return all(step.evidence == "proved" for step in self.steps[1:])

    @property
    def where(self) -> Any:
        """The condition under which the last line equals the first."""
        return sympy.And(*(step.where for step in self.steps))

    def __repr__(self) -> str:
        lines = [] if self._is_checked else ["(not checked)"]
        for number, step in enumerate(self.steps):
            where = "" if step.where == sympy.true else f"where {step.where}"
            remark = "; ".join(filter(None, [step.reason, where, _numeric(step)]))
            line = f"({number}) = {step.expr}" if number else f"{step.expr}"
            lines.append(f"{line}    [{remark}]" if remark else line)
        return "\n".join(lines)

    def _repr_latex_(self) -> str:
        lines = []
        for number, step in enumerate(self.steps):
            remark = _latex_text(f"({number}) {step.reason}" if number else step.reason)
            if step.where != sympy.true:
                remark += rf",\quad {_latex(step.where)}" if step.reason or number else _latex(step.where)
            if _numeric(step):
                remark += rf"\quad\text{{({_numeric(step)})}}"
            lines.append(f"{'={}' if number else ''}& {_latex(step.expr)}{f' && {remark}' if remark else ''}")
        if not self._is_checked:
            lines.append(r"& && \text{(not checked)}")
        return "$$\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}$$"

    def _longer(self, step: Step) -> Derivation:
        longer = object.__new__(Derivation)
        longer.steps, longer._is_checked = (*self.steps, step), self._is_checked
        return longer

    def _check(self, number: int) -> str | FalseStep:
        before, step = self.steps[number - 1 : number + 1]
        where = sympy.And(*(line.where for line in self.steps[: number + 1]))
        namesakes = _namesakes(before.expr, step.expr, where)
        try:
            evidence = compare(before.expr, step.expr, where)
        except Undecided as why:
            message = f"step {number} ({step.reason}) cannot be decided: {why}{namesakes}"
            raise UndecidedStep(message) from None
        if isinstance(evidence, Difference):
            return FalseStep(number, step.reason, evidence, namesakes)
        return evidence


# What a line may be, and how it looks


def _formula(expr: Any) -> Any:
    if isinstance(expr, sympy.MatrixBase | sympy.MatrixExpr):
        if not all(size.is_Integer for size in map(sympy.sympify, expr.shape)):
            raise TypeError(f"a matrix must have a shape in numbers, got {expr} of shape {expr.shape}")
        return sympy.ImmutableMatrix(expr) if isinstance(expr, sympy.MatrixBase) else expr
    if isinstance(expr, bool) or not isinstance(expr, sympy.Expr | int | float):
        hint = "; a condition goes to where=" if isinstance(expr, bool | sympy.logic.boolalg.Boolean) else ""
        raise TypeError(
            f"a line must be a SymPy expression or matrix, got {expr!r} ({type(expr).__name__}){hint}"
        )
    return sympy.sympify(expr)


def _condition(where: Any) -> sympy.Basic:
    where = sympy.sympify(where) if isinstance(where, bool) else where
    if not isinstance(where, sympy.logic.boolalg.Boolean) or isinstance(where, sympy.Symbol):
        raise TypeError(f"where must be a SymPy condition such as x > 0 or (0 < x) & (x < 1), got {where!r}")
    if where == sympy.false:
        raise ValueError("where is never true under the assumptions of its symbols: the domain is empty")
    return where


def _line(reason: Any, expr: Any, where: Any = sympy.true, evidence: str = "not checked") -> Step:
    if not isinstance(reason, str) or not reason.strip():
        raise TypeError(
            f"a step is a reason, then a formula; the reason must be a non-empty string, got {reason!r}"
        )
    return Step(_formula(expr), reason, _condition(where), evidence)


def _numeric(step: Step) -> str:
    return step.evidence if step.evidence.startswith("checked") else ""


class _LinePrinter(LatexPrinter):
    """SymPy's printer with the brackets that it drops around what an ``UnevaluatedExpr`` holds.

    SymPy decides on brackets by class, and the wrapper hides the class: c − (a + b) would read c − a + b.
    """

    def _needs_add_brackets(self, expr: Any) -> bool:
        return super()._needs_add_brackets(_content(expr)) or self._hides_a_minus(expr)

    def _needs_mul_brackets(self, expr: Any, first: bool = False, last: bool = False) -> bool:
        content = _content(expr)
        swallows_the_next = not last and isinstance(content, sympy.Derivative | sympy.Limit)
        needed = swallows_the_next or super()._needs_mul_brackets(content, first, last)
        return needed or self._hides_a_minus(expr)

    def _hides_a_minus(self, expr: Any) -> bool:
        return isinstance(expr, sympy.UnevaluatedExpr) and self._print(expr).startswith("-")

    def parenthesize(self, item: Any, level: int, is_neg: bool = False, strict: bool = False) -> str:
        content = _content(item)
        if content is item or level < PRECEDENCE["Pow"] or content.is_Symbol or content.is_Integer:
            return super().parenthesize(content, level, is_neg, strict)
        return self._add_parens(self._print(content))

    def _print_Mul(self, expr: Any) -> str:  # noqa: N802  (SymPy's names, here and below)
        match expr.args:
            case (-1, sympy.UnevaluatedExpr() as factor):
                latex = self._print(factor)
                return f"- {self._add_parens(latex) if self._needs_add_brackets(factor) else latex}"
        return super()._print_Mul(expr)

    def _print_Pow(self, expr: Any) -> str:  # noqa: N802
        # SymPy takes what it holds for a matrix, and 1/tanh x for tanh⁻¹ x.
        if expr.exp.is_Rational and expr.exp.is_negative and not expr.base.is_commutative:
            return rf"\frac{{1}}{{{self._print(expr.base**-expr.exp)}}}"
        return super()._print_Pow(expr)

    def _print_Sum(self, expr: Any) -> str:  # noqa: N802
        return super()._print_Sum(_with_bare_term(expr))

    def _print_Product(self, expr: Any) -> str:  # noqa: N802
        return super()._print_Product(_with_bare_term(expr))

    def _print_Limit(self, expr: Any) -> str:  # noqa: N802
        return super()._print_Limit(_with_bare_term(expr))


def _content(expr: Any) -> Any:
    return _content(expr.args[0]) if isinstance(expr, sympy.UnevaluatedExpr) else expr


def _with_bare_term(expr: Any) -> Any:
    return expr.func(_content(expr.args[0]), *expr.args[1:])


def _latex(formula: sympy.Basic) -> str:
    # A bare < can be taken for the start of an HTML tag once a page is exported.
    return str(_LinePrinter().doprint(formula)).replace(" < ", r" \lt ").replace(" > ", r" \gt ")


def _latex_text(text: str) -> str:
    r"""Set plain text, with ``$…$`` for mathematics, in a form that MathJax and LaTeX read alike.

    MathJax shows the backslash of ``\_`` inside ``\text``, so special characters stand outside it.
    """
    special = {c: rf"\{c}" for c in "#%&_{}"} | {"\\": r"\backslash ", "~": r"\sim ", "^": r"\wedge "}
    parts = text.split("$")
    if len(parts) % 2 == 0:
        raise ValueError(f"a reason needs its $ signs in pairs, got {text!r}")
    latex = ""
    for index, part in enumerate(parts):
        if index % 2:
            latex += part
            continue
        for is_special, run in itertools.groupby(part, key=special.__contains__):
            characters = "".join(run)
            latex += (
                "".join(map(special.__getitem__, characters)) if is_special else rf"\text{{{characters}}}"
            )
    return latex


def _namesakes(*formulas: Any) -> str:
    """Return a remark on symbols that look alike and are not the same, or nothing."""
    symbols = set().union(*(formula.free_symbols for formula in formulas))
    named: dict[str, list[Any]] = {}
    for symbol in symbols:
        named.setdefault(str(symbol), []).append(symbol)
    return "".join(
        f"; there are {len(alike)} different symbols {name}: {' and '.join(sorted(map(_declared, alike)))}"
        for name, alike in sorted(named.items())
        if len(alike) > 1
    )


def _declared(symbol: Any) -> str:
    assumed = getattr(symbol, "_assumptions_orig", {})
    said = ", ".join(f"{name}={truth}" for name, truth in assumed.items())
    return f"one with {said}" if said else "one without assumptions"


def _plain(value: sympy.Rational) -> str:
    return str(value) if value.q < 100 else f"{float(value):.10g}"


def _tell_apart(left: Any, right: Any, gap: Any) -> tuple[str, str]:
    """Write both values with as few digits as show that they differ, or with the difference."""
    for digits in (6, 10, 16, 25, DIGITS):
        shown = _shown(left, digits), _shown(right, digits)
        if shown[0] != shown[1]:
            return shown
    direction = "less" if gap > 0 else "more"
    return _shown(left, 6), f"{_shown(right, 6)}, which is {_shown(abs(gap), 2)} {direction}"


def _shown(value: sympy.Float | None, digits: int) -> str:
    if value is None:
        return "undefined"
    return libmp.to_str(value._mpf_, digits) if value else "0.0"
