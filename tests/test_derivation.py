import math
import os
import random
import re
import subprocess
import sys
import time

import pytest
import sympy as sp
from sympy import Abs, Derivative, Float, Integer, Max, Piecewise, Rational, exp, log, sqrt, tanh

from helpers.activations import ACTIVATIONS
from helpers.derivation import Derivation, FalseStep, UndecidedStep
from helpers.equality import POINTS
from helpers.primitives import Phi, sigmoid, softplus
from helpers.proof import is_identically_zero

x, y = sp.symbols("x y", real=True)
p = sp.Symbol("p", positive=True)
s = sigmoid(x)
e = exp(-x)


def evidence(*arguments, **options):
    """What supports a step from the first formula to the second."""
    left, right = arguments
    return Derivation(left, **options).step("the step", right).steps[-1].evidence


def refuted(left, right, **options):
    with pytest.raises(FalseStep) as caught:
        Derivation(left, **options).step("the step", right)
    return caught.value


# True chains pass

TRUE_CHAINS = {
    "σ' = σ(1 − σ)": [
        Derivative(s, x),
        Derivative(1 / (1 + e), x),
        e / (1 + e) ** 2,
        1 / (1 + e) * (1 - 1 / (1 + e)),
        s * (1 - s),
        Rational(1, 4) - (s - Rational(1, 2)) ** 2,
    ],
    "tanh' = 1 − tanh²": [
        Derivative(tanh(x), x),
        Derivative((exp(x) - e) / (exp(x) + e), x),
        ((exp(x) + e) ** 2 - (exp(x) - e) ** 2) / (exp(x) + e) ** 2,
        1 - tanh(x) ** 2,
        (1 + tanh(x)) * (1 - tanh(x)),
    ],
    "tanh(x) = 2σ(2x) − 1": [
        tanh(x),
        (exp(x) - e) / (exp(x) + e),
        (1 - exp(-2 * x)) / (1 + exp(-2 * x)),
        2 / (1 + exp(-2 * x)) - 1,
        2 * sigmoid(2 * x) - 1,
    ],
    "σ(−x) = 1 − σ(x)": [sigmoid(-x), 1 / (1 + exp(x)), e / (1 + e), 1 - s],
    "softplus' = σ": [Derivative(softplus(x), x), exp(x) / (1 + exp(x)), s],
    "softplus(x) − softplus(−x) = x": [softplus(x) - softplus(-x), log((1 + exp(x)) / (1 + e)), x],
    "GELU'": [Derivative(x * Phi(x), x), Phi(x) + x * exp(-(x**2) / 2) / sqrt(2 * sp.pi)],
    "Mish": [x * tanh(softplus(x)), x * ((1 + exp(x)) ** 2 - 1) / ((1 + exp(x)) ** 2 + 1)],
    "Max and Abs": [Max(x, 0), (x + Abs(x)) / 2, Piecewise((x, x > 0), (0, True))],
    "softsign'": [Derivative(x / (1 + Abs(x)), x), 1 / (1 + Abs(x)) ** 2],
    "limit of σ": [sp.Limit(s, x, sp.oo), Integer(1)],
    "integral of σ": [sp.Integral(s, (x, 0, p)), softplus(p) - log(2)],
    "constants": [sp.UnevaluatedExpr(sqrt(2)) * sp.UnevaluatedExpr(sqrt(3)), sqrt(6)],
}


@pytest.mark.parametrize("name", TRUE_CHAINS)
def test_a_true_chain_is_proved_and_each_step_takes_well_under_a_second(name):
    start, *lines = TRUE_CHAINS[name]
    derivation = Derivation(start)
    for line in lines:
        begin = time.process_time()
        derivation = derivation.step("next", line)
        assert time.process_time() - begin < 1.5  # the budget is 1 s on a quiet machine
    assert [step.evidence for step in derivation.steps] == ["given", *["proved"] * len(lines)]
    assert derivation.result == lines[-1]
    assert derivation.first_false_step() is None


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_of_every_activation_follows_from_its_formula(name):
    activation = ACTIVATIONS[name]
    assert evidence(Derivative(activation.expr, x), activation.derivative) == "proved"


# False steps are caught


def test_a_sign_error_is_caught_with_its_step_and_a_witness():
    derivation = Derivation(Derivative(s, x)).step("definition", Derivative(1 / (1 + e), x))
    with pytest.raises(
        FalseStep, match=r"step 2 \(quotient rule\) is false: at x = 1 .*0\.196612.*-0\.196612"
    ) as caught:
        derivation.step("quotient rule", -e / (1 + e) ** 2)
    error = caught.value
    assert (error.number, error.reason, error.witness, error.entry) == (2, "quotient rule", {x: 1}, None)
    assert float(error.left) == pytest.approx(0.19661193324148185)
    assert error.right == -error.left


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (Derivative(sigmoid(2 * x), x), sigmoid(2 * x) * (1 - sigmoid(2 * x))),  # inner derivative dropped
        (Derivative(s, x), s),
        (tanh(x), sigmoid(2 * x) - 1),
        (tanh(x), 2 * sigmoid(x) - 1),
        (sqrt(x**2), x),
        (Abs(x) / x, Integer(1)),
        (Max(x, y * x), Piecewise((x, x > 0), (y * x, True))),  # Leaky ReLU only for slopes up to 1
        (sp.sin(sp.pi * x), Integer(0)),  # equal at every whole number
        (x * (x - 1) * (x + 1) * (x - 2), Integer(0)),
        (exp(x), (1 + x / 10**9) ** (10**9)),
    ],
    ids=str,
)
def test_a_false_step_is_caught(left, right):
    error = refuted(left, right)
    assert error.left != error.right
    assert set(error.witness) == left.free_symbols | right.free_symbols


@pytest.mark.parametrize("size", ["1e-12", "1e-20", "1e-30"])
@pytest.mark.parametrize("right", [2 * x, s, Derivative(s, x), Integer(3)], ids=str)
def test_a_tiny_relative_error_is_caught_and_the_message_shows_it(right, size):
    error = refuted(right, right * (1 + Rational(size)))
    before, after = str(error).split("the line before it is ")[1].split(" and the step makes it ")
    assert before != after


@pytest.mark.parametrize(
    "bump",
    [
        Piecewise((1, (x > 3) & (x < 3 + Rational(1, 10**4))), (0, True)),
        Piecewise((1, (x > 200) & (x < 201)), (0, True)),
        Piecewise((1, sp.Eq(x, Rational(7, 3))), (0, True)),
        Piecewise((0, x < sqrt(2)), (0, x > sqrt(2) + Rational(1, 10**6)), (1, True)),
        (Abs(x - 5) + x - 5) * (Abs(x - Rational(51, 10)) - x + Rational(51, 10)),
        Max(0, x - 1000),
        Max(0, Rational(1, 10**8) - Abs(x + 40)),
    ],
    ids=str,
)
def test_a_difference_on_a_small_region_is_caught_at_its_kink(bump):
    refuted(tanh(x), tanh(x) + bump)


def test_a_wrong_value_at_a_single_point_is_caught_unless_a_derivative_leaves_it_open():
    closed, opened = (Piecewise((1, c), (0, True)) for c in (x >= 0, x > 0))
    assert refuted(closed, opened).witness == {x: 0}
    assert evidence(Derivative(Max(x, 0), x), opened) == "proved"
    assert evidence(Derivative(Max(x, 0), x), closed) == "proved"
    assert evidence(Derivative(Abs(x), x), Piecewise((1, x > 0), (-1, True))) == "proved"


def corrupted(formula, rng):
    """Change one number, sign, factor or term somewhere in a formula."""
    parts = [part for part in sp.preorder_traversal(formula) if isinstance(part, sp.Expr)]
    part = rng.choice(parts)
    changes = [
        lambda q: -q,
        lambda q: 2 * q,
        lambda q: q + 1,
        lambda q: q * (1 + Rational(1, 10**12)),
        lambda q: q + Rational(1, 10**9) * x,
        lambda q: q.func(*q.args[1:]) if isinstance(q, sp.Add | sp.Mul) else q**2 + q,
    ]
    return formula.xreplace({part: rng.choice(changes)(part)})


def visibly_different(left, right):
    """Compare at two points with SymPy's own evaluation, which shares nothing with the code under test."""
    gap = (left - right).rewrite(exp)
    return all(abs(sp.N(gap.subs(x, at), 30)) > 1e-14 for at in (Rational(7, 10), Rational(-13, 10)))


@pytest.mark.parametrize("seed", range(60))
def test_a_random_corruption_of_a_true_derivation_is_always_caught_at_its_step(seed):
    rng = random.Random(seed)
    smooth = ("σ' = σ(1 − σ)", "tanh' = 1 − tanh²", "tanh(x) = 2σ(2x) − 1", "σ(−x) = 1 − σ(x)", "Mish")
    start, *lines = TRUE_CHAINS[rng.choice(smooth)]
    number = rng.randrange(len(lines))
    if lines[number].has(Derivative):
        lines[number] = lines[number].doit()
    wrong = corrupted(lines[number], rng)
    while not visibly_different(wrong, lines[number]):
        wrong = corrupted(lines[number], rng)
    steps = [("a reason", line) for line in (*lines[:number], wrong, *lines[number + 1 :])]
    assert Derivation.unchecked(start, steps).first_false_step().number == number + 1


# Domains


def test_a_restriction_makes_a_step_true_that_is_false_without_it():
    refuted(Abs(x), x)
    derivation = Derivation(Abs(x)).step("|x| = x", x, where=x >= 0)
    assert derivation.steps[-1].evidence == "proved"
    assert derivation.where == (x >= 0)


def test_later_steps_inherit_the_restriction_and_may_add_their_own():
    derivation = (
        Derivation(log(x**2)).step("power", 2 * log(x), where=x > 0).step("double", log(x) + log(Abs(x)))
    )
    assert derivation.steps[-1].evidence == "proved"
    derivation = derivation.step("clip", log(x) + log(Max(x, -1)), where=x < 5)
    assert derivation.where == (x > 0) & (x < 5)
    with pytest.raises(FalseStep, match=r"at x = "):
        derivation.step("wrong", log(x) + log(x + Max(0, x - 4)))


def test_a_restriction_that_is_too_wide_does_not_save_a_false_step():
    assert evidence(Abs(1 - x), 1 - x, where=(x > 0) & (x < 1)) == "proved"
    error = refuted(Abs(1 - x), 1 - x, where=(x > 0) & (x < 2))
    assert 1 < error.witness[x] < 2


def test_a_whole_derivation_may_have_a_domain_with_several_symbols():
    assert evidence(Max(x, y), x, where=x > y) == "proved"
    assert evidence(Max(x, y * x), Piecewise((x, x > 0), (y * x, True)), where=y <= 1)
    assert refuted(Max(x, y), x, where=x > y - 1).witness


def test_far_and_narrow_domains_are_reached():
    assert evidence(Abs(x - 100), x - 100, where=x > 100) == "proved"
    assert refuted(Abs(x), x, where=(x > -1000) & (x < -999))
    assert refuted(sp.floor(1000 * x), Integer(0), where=(x >= 0) & (x < Rational(1, 500)))
    assert evidence(x, Integer(3), where=sp.Eq(x, 3))


def test_the_assumptions_of_symbols_are_respected():
    n = sp.Symbol("n", integer=True)
    q = sp.Symbol("q", negative=True)
    plain = sp.Symbol("t")
    assert evidence(Abs(p) + Abs(q), p - q) == "proved"
    assert evidence((-1) ** (2 * n), Integer(1)) == "proved"
    assert evidence(sp.sin(sp.pi * n), Integer(0)) == "proved"
    assert refuted((-1) ** n, Integer(1)).witness[n] % 2 == 1
    assert evidence(sqrt(plain**2), Abs(plain)) == "proved"  # symbols stand for real numbers
    with pytest.raises(UndecidedStep, match="real"):
        evidence(sp.Symbol("i", imaginary=True), Integer(0))


def test_removable_singularities_do_not_matter_but_a_side_without_value_on_a_region_does():
    assert evidence((x**2 - 1) / (x - 1), x + 1) == "proved"
    assert evidence(sp.sin(x) / x * x, sp.sin(x)) == "proved"
    error = refuted(log(x**2), 2 * log(x))
    assert error.right is None
    assert error.witness[x] < 0
    assert "makes it undefined" in str(error)


def test_a_domain_without_usable_points_is_an_error_and_not_a_pass():
    with pytest.raises(
        UndecidedStep, match=r"step 1 \(the step\) cannot be decided: found no point of the domain"
    ):
        evidence(x, x + 1, where=(x > 1) & (x < 1))
    with pytest.raises(UndecidedStep, match="real value at only 0 of the 400 points"):
        evidence(log(-p), log(-2 * p) - log(2))
    with pytest.raises(ValueError, match="domain is empty"):
        Derivation(p, where=p < 0)


# What is only checked numerically says so


def test_a_step_that_only_points_support_says_so_in_text_and_latex(monkeypatch):
    monkeypatch.setattr("helpers.proof.is_identically_zero", lambda difference: False)
    derivation = Derivation(tanh(x)).step("definition", (exp(x) - e) / (exp(x) + e))
    assert derivation.steps[-1].evidence == f"checked numerically at {POINTS} points to 1000 digits"
    assert repr(derivation).endswith("[definition; checked numerically at 40 points to 1000 digits]")
    assert r"\text{(checked numerically at 40 points to 1000 digits)}" in derivation._repr_latex_()


def test_an_identity_that_sympy_cannot_prove_is_checked_numerically():
    left = Max(x, y * x)
    assert evidence(left, Piecewise((x, x > 0), (y * x, True)), where=y <= 1).startswith(
        "checked numerically at 40"
    )


def test_what_is_proved_does_not_claim_to_be_checked_numerically():
    derivation = Derivation(s).step("definition", 1 / (1 + e))
    assert "numerically" not in repr(derivation) + derivation._repr_latex_()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (sum(exp(k * x) * sp.sin(x + k) for k in range(30)) ** 2, None),
        ((sp.sin(x) + exp(x * y)) ** 6 / (1 + x**2) ** y, None),
        (sp.prod(tanh(k * x) + y for k in range(1, 9)), None),
        (log(1 + exp(x + log(1 + exp(y + softplus(x))))), None),
        (tanh(tanh(tanh(x))), None),
        (sum(Abs(x - k) for k in range(12)), None),
        (Max(x, y, x + y, x * y, 1), None),
    ],
    ids=range(7),
)
def test_hard_formulas_do_not_hang(left, right):
    wrapped = left * (sp.cos(x) ** 2 + sp.sin(x) ** 2)
    for line in (wrapped, sp.expand(left) + 1 - 1 * sp.cosh(x) ** 2 + sp.sinh(x) ** 2):
        begin = time.process_time()
        assert evidence(left, line)
        assert time.process_time() - begin < 3  # the budget is about 1 s on a quiet machine


def test_large_powers_are_not_expanded():
    begin = time.perf_counter()
    assert not is_identically_zero((1 + x / 10**9) ** (10**9) - exp(x))
    assert not is_identically_zero(sigmoid(x * (1 + Rational(1, 10**9))).rewrite(exp) - s.rewrite(exp))
    assert time.perf_counter() - begin < 1


# Matrices, sums and unknown functions

z = sp.symbols("z1:4", real=True)
softmax = sp.Matrix([exp(v) / sum(map(exp, z)) for v in z])


def test_the_jacobian_of_softmax_is_proved_and_the_diagonal_alone_refuted_at_its_entry():
    jacobian = softmax.jacobian(z)
    assert evidence(jacobian, sp.diag(*softmax) - softmax * softmax.T) == "proved"
    error = refuted(jacobian, sp.diag(*[v * (1 - v) for v in softmax]))
    assert error.entry is not None
    assert error.entry[0] != error.entry[1]
    assert "entry (" in str(error)


def test_a_matrix_product_left_unevaluated_is_multiplied_out():
    A, B = sp.Matrix([[1, x], [0, 1]]), sp.Matrix([[1, y], [0, 1]])
    product = sp.MatMul(A, B)
    derivation = Derivation(product).step("multiply", sp.Matrix([[1, x + y], [0, 1]]))
    assert derivation.steps[-1].evidence == "proved"
    assert derivation.steps[0].expr is product
    with pytest.raises(UndecidedStep, match="another shape"):
        Derivation(A).step("first row", A[0, :])


def test_the_general_softmax_gradient_needs_its_kronecker_delta():
    i, j, k, n = sp.symbols("i j k n", integer=True)
    logits = sp.IndexedBase("z")
    total = sp.Sum(exp(logits[k]), (k, 1, n))
    s_i, s_j = exp(logits[i]) / total, exp(logits[j]) / total
    inside = (i >= 1) & (i <= n) & (j >= 1) & (j <= n)
    delta = sp.KroneckerDelta(i, j)
    assert evidence(Derivative(s_i, logits[j]), s_i * (delta - s_j), where=inside)
    for wrong in (s_i * (1 - s_j), -s_i * s_j, s_i * (delta + s_j), s_i * (delta - s_i)):
        refuted(Derivative(s_i, logits[j]), wrong, where=inside)


def test_sums_with_a_symbolic_limit_are_checked():
    k, n = sp.symbols("k n", integer=True, positive=True)
    assert evidence(sp.Sum(k, (k, 1, n)), n * (n + 1) / 2) == "proved"
    refuted(sp.Sum(k, (k, 1, n)), n * (n - 1) / 2)


def test_rules_for_unknown_functions_are_checked():
    f, g = sp.symbols("f g", cls=sp.Function)
    product = Derivative(f(x) * g(x), x)
    assert evidence(product, Derivative(f(x), x) * g(x) + f(x) * Derivative(g(x), x)) == "proved"
    refuted(product, Derivative(f(x), x) * Derivative(g(x), x))
    chain = Derivative(f(g(x)), g(x)) * Derivative(g(x), x)
    assert evidence(Derivative(f(g(x)), x), chain) == "proved"


def test_a_decimal_means_what_it_says():
    assert evidence(Float(0.1) * x, x / 10) == "proved"
    refuted(Float(0.3333) * x, x / 3)


# Exercises: find the wrong step


def exercise():
    return Derivation.unchecked(
        Derivative(s, x),
        [
            ("definition", Derivative(1 / (1 + e), x)),
            ("quotient rule", -e / (1 + e) ** 2),
            ("split", -s * (1 - s)),
        ],
    )


def test_an_unchecked_derivation_shows_its_false_step_without_marking_it():
    shown = exercise()
    assert shown.result == -s * (1 - s)
    assert repr(shown).startswith("(not checked)\n")
    for text in (repr(shown), shown._repr_latex_()):
        assert "quotient rule" in text
        assert "not checked" in text
        assert "false" not in text


def test_the_first_false_step_is_found_with_a_witness():
    error = exercise().first_false_step()
    assert (error.number, error.reason) == (2, "quotient rule")
    assert error.witness == {x: 1}
    restricted = Derivation.unchecked(Abs(x), [("right side", x, x > 0), ("wrong", -x)])
    assert restricted.first_false_step().number == 2


def test_an_unchecked_derivation_takes_no_further_steps():
    with pytest.raises(TypeError, match="takes no further steps"):
        exercise().step("more", s)


# Rendering


def test_a_derivation_reads_as_lines_with_their_reasons():
    derivation = Derivation(Derivative(Abs(x), x), "the slope").step("|x| = x", Derivative(x, x), where=x > 0)
    assert repr(derivation.step("power rule", Integer(1))).splitlines() == [
        "Derivative(Abs(x), x)    [the slope]",
        "(1) = Derivative(x, x)    [|x| = x; where x > 0]",
        "(2) = 1    [power rule]",
    ]


def test_the_latex_is_one_aligned_block_as_the_author_wrote_the_lines():
    derivation = Derivation(Derivative(s, x)).step("by $e^{-x}$", e / (1 + e) ** 2, where=x < 5)
    latex = derivation._repr_latex_()
    assert latex.startswith("$$\\begin{aligned}\n& \\frac{d}{d x} \\sigma")
    assert latex.endswith("\\end{aligned}$$")
    assert latex.count("$") == 4
    assert latex.count("\\\\\n") == 1
    assert r"&& \text{(1) by }e^{-x},\quad x \lt 5" in latex
    assert " < " not in latex


def test_unevaluated_formulas_are_shown_as_written():
    line = sp.Mul(2, sp.Add(x, x, evaluate=False), evaluate=False)
    derivation = Derivation(4 * x).step("again", line).step("wrap", sp.UnevaluatedExpr(x) * 4)
    assert derivation.steps[1].expr is line
    assert "x + x" in repr(derivation)


# The page shows what is proved: no brackets are lost around an UnevaluatedExpr

U = sp.UnevaluatedExpr
A, B, C = sp.symbols("a b c", positive=True)
AT = {A: 0.7312, B: 0.4177, C: 1.2931}
f = sp.Function("f")(A)


def shown(line):
    """A line's LaTeX on the page."""
    return Derivation(line)._repr_latex_().splitlines()[1].removeprefix("& ")


@pytest.mark.parametrize(
    ("line", "latex"),
    [
        (-U(A + B), r"- \left(a + b\right)"),
        (C - U(A + B), r"c - \left(a + b\right)"),
        (C - U(U(A + B)), r"c - \left(a + b\right)"),
        (U(A + C) - U(A + B), r"- \left(a + b\right) + \left(a + c\right)"),
        (C * U(A + B), r"c \left(a + b\right)"),
        (-2 * C * U(A + B), r"- 2 c \left(a + b\right)"),
        (U(A + B) ** 2, r"\left(a + b\right)^{2}"),
        (U(A + B) / C, r"\frac{a + b}{c}"),
        (C - U(A + B) / 3, r"c - \frac{a + b}{3}"),
        (C / U(A + B), r"c \frac{1}{a + b}"),
        (C / U(A + B) ** 2, r"c \frac{1}{\left(a + b\right)^{2}}"),
        (U(A / B) ** 2, r"\left(\frac{a}{b}\right)^{2}"),
        (sqrt(U(A + B)), r"\sqrt{a + b}"),
        (C * U(-A), r"c \left(- a\right)"),
        (C - U(-A), r"c - \left(- a\right)"),
        (-U(-A), r"- \left(- a\right)"),
        (2 - U(Integer(-2)), r"2 - \left(-2\right)"),
        (U(Integer(-2)) ** 2, r"\left(-2\right)^{2}"),
        (U(exp(A)) ** 2, r"\left(e^{a}\right)^{2}"),
        (U(tanh(A)) ** 2, r"\left(\tanh{\left(a \right)}\right)^{2}"),
        (1 / tanh(U(A)), r"\frac{1}{\tanh{\left(a \right)}}"),
        (U(Derivative(f, A)) * U(C), r"\left(\frac{d}{d a} f{\left(a \right)}\right) c"),
        (U(Derivative(f, A)) ** 2, r"\left(\frac{d}{d a} f{\left(a \right)}\right)^{2}"),
        (-Derivative(U(A + B), A), r"- \frac{\partial}{\partial a} \left(a + b\right)"),
        (sp.Sum(U(A + B), (A, 1, 2)), r"\sum_{a=1}^{2} \left(a + b\right)"),
        (sp.Product(U(A + B), (A, 1, 2)), r"\prod_{a=1}^{2} \left(a + b\right)"),
        (sp.Integral(U(A + B), A), r"\int \left(a + b\right)\, da"),
        (sp.Limit(U(A + B), A, 0), r"\lim_{a \to 0^+}\left(a + b\right)"),
        (U(sp.Sum(A, (A, 1, 2))) ** 2, r"\left(\sum_{a=1}^{2} a\right)^{2}"),
        (sp.Matrix([[C - U(A + B)]]), r"\left[\begin{matrix}c - \left(a + b\right)\end{matrix}\right]"),
        (U(A * B) + U(A), "a + a b"),
    ],
    ids=str,
)
def test_what_stands_in_an_unevaluated_expression_keeps_its_brackets(line, latex):
    assert shown(line) == latex


class Named:
    """A function that can be raised to a power before it is applied, as in tanh² x."""

    def __init__(self, function):
        self.function = function

    def __call__(self, number):
        return self.function(number)

    def power(self, exponent):
        return lambda number: self.function(number) ** exponent


def value_read_off(latex):
    """Read a line as a reader does, signs and brackets as they stand, and compute it at AT."""
    assert "}^" not in latex, "a power of something without brackets"
    text = re.sub(r"\\tanh\^{(\d)}", r"\\tanh.power(\1)", latex)
    for tex, python in [(r"\left", ""), (r"\right", ""), (r"\cdot", "*"), ("^", "**")]:
        text = text.replace(tex, python)
    tokens = re.findall(r"\\tanh(?:\.power\(\d\))?|\\frac|[a-z]|\d+|\*\*|\S", text)
    python = ""
    for before, token in zip(["", *tokens], tokens, strict=False):
        is_product = re.fullmatch(r"[a-z)}]|\d+", before) and re.match(r"\\|[a-z(\d]", token)
        python += ("*" if is_product else "") + token.strip("\\").translate(str.maketrans("{}", "()"))
    names = {symbol.name: number for symbol, number in AT.items()}
    fraction = {"frac": lambda over: lambda under: over / under}
    return eval(python, {"e": math.e, "tanh": Named(math.tanh), **fraction, **names})


def random_formula(rng, depth):
    """A formula of which some parts are wrapped and some operations left unevaluated."""
    if depth == 0:
        return rng.choice([A, B, C, -A, Integer(2), Integer(-3), Rational(1, 2)])
    parts = [random_formula(rng, depth - 1) for _ in range(2)]
    left, right = (U(part) if rng.random() < 0.5 else part for part in parts)
    return rng.choice(
        [
            lambda: left + right,
            lambda: left - right,
            lambda: left * right,
            lambda: left / right,
            lambda: -left,
            lambda: left**2,
            lambda: left**3,
            lambda: 1 / left,
            lambda: exp(left),
            lambda: tanh(left),
            lambda: sp.Add(left, right, evaluate=False),
            lambda: sp.Mul(left, right, evaluate=False),
            lambda: sp.Mul(-1, left, evaluate=False),
            lambda: sp.Pow(left, 2, evaluate=False),
        ]
    )()


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_line_read_off_the_page_has_the_value_of_the_formula(depth):
    rng = random.Random(depth)
    read = 0
    for _ in range(400):
        line = random_formula(rng, depth)
        value = line.doit().subs(AT).evalf()
        if value.is_finite and 1e-6 < abs(value) < 1e6:
            latex = shown(line)
            assert value_read_off(latex) == pytest.approx(float(value)), f"{line} is shown as {latex}"
            read += 1
    assert read > 300


def test_special_characters_in_a_reason_are_safe_in_latex():
    latex = Derivation(x).step("50% of a_b & {c} #1", x)._repr_latex_()
    assert r"\text{(1) 50}\%\text{ of a}\_\text{b }\&\text{ }\{\text{c}\}\text{ }\#\text{1}" in latex
    with pytest.raises(ValueError, match="in pairs"):
        Derivation(x).step("half $x", x)._repr_latex_()


def test_text_and_evidence_do_not_depend_on_the_hash_seed():
    code = (
        "import sympy as sp; from helpers.derivation import *; x, y = sp.symbols('x y', real=True)\n"
        "i, j, k, n = sp.symbols('i j k n', integer=True); z = sp.IndexedBase('z')\n"
        "S = sp.Sum(sp.exp(z[k]), (k, 1, n)); a = sp.exp(z[i])/S; b = sp.exp(z[j])/S\n"
        "d = Derivation(sp.Derivative(a, z[j]), where=(i >= 1) & (i <= n) & (j >= 1) & (j <= n))\n"
        "print(d.step('rule', a*(sp.KroneckerDelta(i, j) - b)))\n"
        "d = Derivation.unchecked(sp.Max(x, y), [('r', x, (x > y) & (y > 0)), ('w', x*y + sp.Max(x, 2))])\n"
        "print(d, d._repr_latex_(), d.first_false_step())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_a_step_returns_a_longer_derivation_and_leaves_the_shorter_one():
    first = Derivation(tanh(x))
    second = first.step("definition", (exp(x) - e) / (exp(x) + e))
    assert (len(first.steps), len(second.steps)) == (1, 2)


# Arrays, matrices and sums by their indices

i, j, k = sp.symbols("i j k", integer=True)
n = sp.Symbol("n", integer=True)
v, w = sp.IndexedBase("v"), sp.IndexedBase("w")
M, N, column = (sp.MatrixSymbol(name, 2, width) for name, width in (("M", 2), ("N", 2), ("c", 1)))
INSIDE = (i >= 1) & (i <= n)
ROWS = (i >= 0) & (i <= 1) & (j >= 0) & (j <= 1)
delta = sp.KroneckerDelta(i, j)

TRUE_INDEXED = {
    "a bare entry": (log(exp(v[i])), v[i], sp.true),
    "two indices": (v[i, j] - 0, v[i, j], sp.true),
    "ReLU of an entry": (Max(v[i], 0) - Max(-v[i], 0), v[i], sp.true),
    "gradient": (Derivative(sp.Sum(v[j] ** 2, (j, 1, n)) / 2, v[i]), v[i], INSIDE),
    "another name": (sp.Sum(v[k], (k, 1, n)), sp.Sum(v[j], (j, 1, n)), sp.true),
    "shifted": (sp.Sum(v[k], (k, 1, n)), sp.Sum(v[k + 1], (k, 0, n - 1)), sp.true),
    "product of sums": (
        sp.Sum(v[i] * w[j], (i, 1, n), (j, 1, n)),
        sp.Sum(v[k], (k, 1, n)) * sp.Sum(w[k], (k, 1, n)),
        n >= 1,
    ),
    "δ is symmetric": (delta, sp.KroneckerDelta(j, i), sp.true),
    "δ picks a term": (sp.Sum(delta * v[j], (j, 1, n)), v[i], INSIDE),
    "δ² = δ": (delta**2, delta, sp.true),
    "trace": (sp.Trace(M + N), sp.Trace(M) + sp.Trace(N), sp.true),
    "trace of a product": (sp.Trace(M * N), sp.Trace(N * M), sp.true),
    "trace as entries": (sp.Trace(M), M[0, 0] + M[1, 1], sp.true),
    "determinant": (sp.Determinant(M * N), sp.Determinant(M) * sp.Determinant(N), sp.true),
    "transpose": ((M * N).T, N.T * M.T, sp.true),
    "entry of a product": ((M * N)[i, j], sp.Sum(M[i, k] * N[k, j], (k, 0, 1)), ROWS),
    "quadratic form": ((column.T * M * column)[0, 0], sp.Trace(M * column * column.T), sp.true),
}
FALSE_INDEXED = {
    "another entry": (v[i], v[j], sp.true),
    "transposed": (v[i, j], v[j, i], sp.true),
    "gradient": (Derivative(sp.Sum(v[j] ** 2, (j, 1, n)) / 2, v[i]), 2 * v[i], INSIDE),
    "shifted too far": (sp.Sum(v[k], (k, 1, n)), sp.Sum(v[k + 1], (k, 1, n)), sp.true),
    "δ picks a term outside": (sp.Sum(delta * v[j], (j, 1, n)), v[i], sp.true),
    "δ is not 1": (delta, Integer(1), sp.true),
    "trace": (sp.Trace(M * N), sp.Trace(M) * sp.Trace(N), sp.true),
    "determinant": (sp.Determinant(M + N), sp.Determinant(M) + sp.Determinant(N), sp.true),
    "transpose": ((M * N).T, M.T * N.T, sp.true),
    "entry": (M[i, j], M[j, i], ROWS),
}


@pytest.mark.parametrize("name", TRUE_INDEXED)
def test_a_true_step_on_entries_and_matrices_is_supported(name):
    left, right, where = TRUE_INDEXED[name]
    found = evidence(left, right, where=where)
    assert found == "proved" or re.fullmatch(r"checked numerically at \d+ points to 1000 digits", found)


@pytest.mark.parametrize("name", FALSE_INDEXED)
def test_a_false_step_on_entries_and_matrices_is_refuted(name):
    left, right, where = FALSE_INDEXED[name]
    error = refuted(left, right, where=where)
    assert error.left != error.right


SQUARE = sp.MatrixSymbol("Q", n, n)


@pytest.mark.parametrize(
    ("left", "right", "why"),
    [
        (sp.Trace(SQUARE), sp.Trace(SQUARE.T) + 0, "Q has the shape"),
        (Derivative(sp.Trace(M * N), M), N.T, "SymPy cannot work it out"),
        (sp.besselj(0, x), sp.besselj(1, x), "nothing is known of the values of `besselj`"),
        (sp.Sum(x**k / k, (k, 1, sp.oo)), x, "cannot be computed"),
        (sp.zoo, Integer(1), "has no value, it comes to zoo"),
        (Integer(1), sp.oo, "`oo` is no number"),
        (M, column, "another shape"),
        (x, M, "another shape"),
    ],
    ids=str,
)
def test_what_cannot_be_decided_is_refused_in_a_sentence(left, right, why):
    with pytest.raises(UndecidedStep, match=rf"^step 1 \(the step\) cannot be decided: .*{why}"):
        evidence(left, right)


def test_whatever_sympy_raises_is_told_as_undecided(monkeypatch):
    def fail(*arguments):
        raise IndexError("list index out of range")

    monkeypatch.setattr("helpers.equality._entries", fail)
    with pytest.raises(UndecidedStep, match=r"cannot work it out \(IndexError: list index out of range\)"):
        evidence(x, x)


# Differences that digits do not show

SATURATED = [
    (tanh(x), Integer(1), x > 200),
    (tanh(x), Integer(1), x > 10**9),
    (Abs(tanh(x)), Integer(1), x < -(10**5)),
    (s, Integer(1), x > 10**4),
    (softplus(x), x, x > 10**4),
    (x * Phi(x), x, x > 100),
    (sp.erf(x), Integer(-1), x < -(10**4)),
    (sp.atan(exp(x)), sp.pi / 2, x > 10**4),
    (log(sp.cosh(x)), x - log(2), x > 10**4),
    (1 + exp(-exp(x)), Integer(1), x > 20),
    (exp(-(x**2)), Integer(0), x > 10**4),
    (sqrt(1 + x**2), x, x > 10**40),
    (tanh(exp(x)), Integer(1), x > 12),
    (sp.sin(tanh(x)), sp.sin(Integer(1)), x > 300),
    (x + Rational(1, 10**900), x, sp.true),
]


@pytest.mark.parametrize(("left", "right", "where"), SATURATED, ids=str)
def test_a_limit_that_is_not_reached_is_not_passed_as_reached(left, right, where):
    message = str(refuted(left, right, where=where))
    before, after = message.split("the line before it is ")[1].split(" and the step makes it ")
    assert before != after
    if before.split(", which")[0] == after.split(", which")[0]:
        assert re.search(r"which is [\d.]+e-\d+ (more|less)$", after)


def test_a_true_step_is_passed_where_its_terms_cancel_to_thousands_of_digits():
    assert evidence(s * (1 - s), e / (1 + e) ** 2, where=x > 2000) == "proved"
    assert evidence(1 - tanh(x) ** 2, 1 / sp.cosh(x) ** 2, where=x > 700) == "proved"
    assert evidence(exp(x) * (1 - tanh(x)), 2 / (exp(x) + exp(-x)) * 1, where=x > 900)


def test_whole_numbers_are_tried_far_from_0():
    roots = sp.prod(n - root for root in (0, 1, 2, 3, -1, -2))
    assert refuted(roots, Integer(0)).witness[n] not in range(-2, 4)
    assert refuted(sp.Min(n, 40), n, where=n > 0).witness[n] > 40
    assert refuted(
        sp.Sum(k, (k, 1, n)), n * (n + 1) / 2 + sp.prod(n - root for root in range(1, 7)), where=n > 0
    )
    assert evidence(sp.factorial(n + 1), (n + 1) * sp.factorial(n), where=n >= 0) == "proved"


WINDOWS = [
    (exp(x) > 10) & (exp(x) < Rational(1000001, 100000)),
    (exp(x) - 10) ** 2 < Rational(1, 10**12),
    sp.sin(x) > Rational(99999, 100000),
    (x**3 - x - 1 > 0) & (x**3 - x - 1 < Rational(1, 10**8)),
    (x * exp(x) > 3) & (x * exp(x) < 3 + Rational(1, 10**9)),
    (tanh(x) > Rational(9, 10)) & (tanh(x) < Rational(9, 10) + Rational(1, 10**12)),
    sp.Eq(exp(x), 10),
    sp.Eq(x**2, 2),
    sp.Eq(x + exp(x), 0),
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_kink_is_found_where_no_polynomial_gives_it(window):
    error = refuted(x, Piecewise((x + 1, window), (x, True)))
    at = float(error.witness[x])
    for relation in window.atoms(sp.core.relational.Relational):
        assert abs(float((relation.lhs - relation.rhs).subs(x, at))) < 1e-3


def test_a_step_whose_kinks_were_looked_for_on_a_grid_says_so():
    left, right = Max(0, sp.erf(x)), Piecewise((sp.erf(x), x > 0), (0, True))
    assert evidence(left, right).endswith("to 1000 digits; kinks were looked for on a grid")


def test_two_symbols_of_one_name_are_named_in_every_error():
    bare = sp.Symbol("x")
    remark = r"there are 2 different symbols x: one with real=True and one without assumptions$"
    with pytest.raises(FalseStep, match=remark):
        Derivation(bare).step("the same", x)
    with pytest.raises(UndecidedStep, match=remark):
        Derivation(sp.besselj(0, bare)).step("the same", sp.besselj(1, x))
    assert "different symbols" not in str(refuted(x, 2 * x))


# Many random steps against exact knowledge


def kinked_formula(rng, depth):
    """A formula in x and y with kinks and jumps."""
    if depth == 0:
        return rng.choice(
            [x, y, Integer(rng.randint(-3, 3)), Rational(rng.randint(-9, 9), rng.randint(1, 9))]
        )
    a, b = (kinked_formula(rng, depth - 1) for _ in range(2))
    kind = rng.randrange(7)
    if kind == 6:
        return Piecewise((a, rng.choice([x, y]) > Rational(rng.randint(-9, 9), 7)), (b, True))
    return [a + b, a - b, a * b, Max(a, b), Abs(a), sp.Min(a, b - 1)][kind]


def rewritten(formula, rng):
    """The same function, written in another way that SymPy does not undo."""
    identities = [
        lambda f: (f + Abs(f)) / 2 + (f - Abs(f)) / 2,
        lambda f: Max(f, 0) - Max(-f, 0),
        lambda f: f * (sp.sin(f) ** 2 + sp.cos(f) ** 2),
        lambda f: log(exp(f)),
        lambda f: Piecewise((f, x > y), (f + 0 * y, True)) + tanh(x) - (1 - 2 / (exp(2 * x) + 1)),
        lambda f: sp.expand((f + 1) ** 2 - f**2 - 1) / 2,
    ]
    return rng.choice(identities)(formula)


@pytest.mark.parametrize("seed", range(60))
def test_a_random_true_step_is_never_refuted_and_a_bump_on_it_always(seed):
    rng = random.Random(seed)
    formula = kinked_formula(rng, rng.choice([1, 2]))
    same = rewritten(formula, rng)
    found = evidence(formula, same)
    assert found == "proved" or found.startswith("checked numerically")
    center, width = Rational(rng.randint(-40, 40), rng.randint(1, 9)), Rational(1, 10 ** rng.randint(0, 9))
    bump = rng.choice(
        [
            Max(0, width - Abs(x - center)),
            Piecewise((width, (x > center) & (x < center + width)), (0, True)),
            Piecewise((1, sp.Eq(x, center)), (0, True)),
            Max(0, exp(x) - exp(center)) * width,
            width * tanh(x - y) ** 2,
        ]
    )
    error = refuted(formula, same + bump)
    assert bump.subs(error.witness) != 0


# Wrong arguments


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: Derivation("x + 1"), TypeError, r"SymPy expression or matrix, got 'x \+ 1' \(str\)"),
        (lambda: Derivation(x > 0), TypeError, "a condition goes to where="),
        (lambda: Derivation(sp.Eq(x, 1)), TypeError, "a condition goes to where="),
        (lambda: Derivation(True), TypeError, "must be a SymPy expression"),
        (lambda: Derivation(x).step(x, "reason"), TypeError, "a step is a reason, then a formula"),
        (lambda: Derivation(x).step(" ", x), TypeError, "non-empty string"),
        (lambda: Derivation(x).step("reason", None), TypeError, "got None"),
        (lambda: Derivation(x).step("reason", x, where=x), TypeError, "where must be a SymPy condition"),
        (lambda: Derivation(x, where="x > 0"), TypeError, "where must be a SymPy condition"),
        (lambda: Derivation(x, reason=3), TypeError, "reason must be a string, got 3"),
        (lambda: Derivation(x).step("contradiction", x, where=sp.false), ValueError, "domain is empty"),
        (lambda: Derivation(sp.MatrixSymbol("A", sp.Symbol("n"), 2)), TypeError, "shape in numbers"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_allowed(act, error, message):
    with pytest.raises(error, match=message):
        act()
