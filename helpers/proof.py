"""Proofs by SymPy that an expression is 0, and forms of it in which nothing cancels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import prod
from typing import Any

import sympy
from sympy.functions.elementary.hyperbolic import HyperbolicFunction
from sympy.functions.elementary.trigonometric import TrigonometricFunction

# Bounds on size, not on time: whether a step counts as proved must not depend on the load of the machine.
_EXPAND_UP_TO = 600
_TERMS_UP_TO = 1000
_SIMPLIFY_UP_TO = 60
_FOLD_UP_TO = 64


def conjuncts(where: Any) -> list[Any]:
    """Return the conditions that hold together, in an order of their own."""
    # SymPy keeps them as a set, whose order differs from run to run.
    return sorted(sympy.And.make_args(where), key=sympy.default_sort_key)


def vanishes(difference: Any, where: Any, skip_kinks: bool, level: int = 0) -> bool:
    """Try to prove that an expression is 0 wherever ``where`` holds (a proof on a larger set will do)."""
    difference = difference.xreplace(dict.fromkeys(conjuncts(where), sympy.true))
    difference, where = _in_free_parameters(difference, where)
    if difference == 0:
        return True
    if not difference.has(sympy.Piecewise):
        return is_identically_zero(difference)
    pieces = 1
    for piecewise in difference.atoms(sympy.Piecewise):
        pieces *= len(piecewise.args)
    if level == 2 or pieces > _FOLD_UP_TO:
        return False
    folded = sympy.piecewise_fold(difference)
    if not isinstance(folded, sympy.Piecewise):
        return vanishes(folded, where, skip_kinks, level + 1)
    here = where
    for value, condition in folded.args:
        case = sympy.And(here, condition)
        here = sympy.And(here, sympy.Not(condition))
        isolated = _isolated_points(case)
        if isolated is None:
            proved = vanishes(value, case, skip_kinks, level + 1)
        else:
            proved = skip_kinks or all(value.subs(point) == 0 for point in isolated)
        if not proved:
            return False
    return True


def _in_free_parameters(difference: Any, where: Any) -> tuple[Any, Any]:
    """Write x > a as x = a + p with p positive, so that SymPy's assumptions carry the condition."""
    done: set[Any] = set()
    for relation in conjuncts(where):
        if not isinstance(relation, sympy.Gt | sympy.Ge | sympy.Lt | sympy.Le):
            continue
        big, small = relation.gts, relation.lts
        strict = isinstance(relation, sympy.Gt | sympy.Lt)
        for symbol, other, sign in ((big, small, 1), (small, big, -1)):
            if (
                not symbol.is_Symbol
                or symbol in done
                or symbol in other.free_symbols
                or other.free_symbols & done
            ):
                continue
            assumption = "positive" if strict else "nonnegative"
            if sign < 0 and other == 0:
                assumption, sign = ("negative" if strict else "nonpositive"), 1
            kept = {"integer": True} if symbol.is_integer and other.is_integer else {"real": True}
            substitute = {symbol: other + sign * sympy.Dummy(symbol.name, **{assumption: True}, **kept)}
            difference, where = difference.subs(substitute), where.subs(substitute)
            done.add(symbol)
            break
    return difference, where


def _isolated_points(case: Any) -> list[dict[Any, Any]] | None:
    """Return the points where a case applies, [] if there are none; None if they may be a region."""
    if case == sympy.false:
        return []
    if len(case.free_symbols) != 1 or len(case.atoms(sympy.core.relational.Relational)) > 8:
        return None
    try:
        values = case.as_set()
    except (NotImplementedError, ValueError, TypeError):
        return None
    (symbol,) = case.free_symbols
    is_finite = values is sympy.S.EmptySet or isinstance(values, sympy.FiniteSet)
    return [{symbol: value} for value in values] if is_finite else None


def is_identically_zero(difference: Any) -> bool:
    """Try to prove that an expression without pieces is 0 for all real values of its symbols."""
    if any(form == 0 for form in forms(difference)):
        return True
    # To simplify, exp(0.999 x) is a polynomial of degree 999 in exp(x/1000).
    numbers = difference.atoms(sympy.Rational)
    is_small = (
        not _is_long(difference)
        and difference.count_ops() <= _SIMPLIFY_UP_TO
        and all(abs(n.p) + n.q < 100 for n in numbers)
    )
    return is_small and sympy.simplify(difference) == 0


def forms(difference: Any) -> Iterator[Any]:
    """Write an expression, which is real, in forms that are 0 exactly where it is, like terms cancelled."""
    if _is_long(difference) or _terms(difference) > _TERMS_UP_TO:
        return
    in_exponentials = difference.rewrite([HyperbolicFunction, TrigonometricFunction], sympy.exp)
    yield from _over_one_denominator(in_exponentials)
    # Real numbers are equal where their exponentials are: this undoes logarithms.
    if in_exponentials.has(sympy.log):
        yield from _over_one_denominator(sympy.exp(sympy.expand(sympy.expand_log(in_exponentials))) - 1)


def _is_long(expr: Any) -> bool:
    # To count the operations of a very long formula takes longer than to count its parts.
    parts = sum(1 for _ in itertools.islice(sympy.preorder_traversal(expr), 4 * _EXPAND_UP_TO))
    return parts == 4 * _EXPAND_UP_TO or expr.count_ops() > _EXPAND_UP_TO


def _over_one_denominator(expr: Any) -> Iterator[Any]:
    numerator, denominator = sympy.fraction(sympy.together(expr))
    if _terms(numerator) <= _TERMS_UP_TO:
        yield sympy.expand(numerator) / denominator


def _terms(expr: Any) -> int:
    """Return how many terms `expand` would make, at most."""
    if expr.is_Add:
        return sum(map(_terms, expr.args))
    if expr.is_Mul:
        return prod(map(_terms, expr.args))
    if expr.is_Pow and expr.exp.is_Integer:
        return _terms(expr.base) ** min(abs(int(expr.exp)), 20)
    return 1
