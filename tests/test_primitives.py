import numpy as np
import pytest
import sympy as sp

from benchmarks.accuracy import errors, exact_function
from helpers.pieces import clip
from helpers.primitives import (
    KERNELS,
    TWINS,
    FormulaError,
    Phi,
    Primitive,
    compile_numpy,
    factor_rational,
    phi,
    sigmoid,
    softplus,
    stabilise,
    textbook,
    without_jumps,
    x,
)

POINTS = np.sort(np.concatenate([np.linspace(-40, 40, 161), np.linspace(-2, 2, 80), [1e-9, -1e-9, 1e-200]]))
PRIMITIVES = Primitive.__subclasses__()


def spelled_out(pattern):
    """A twin's pattern with x for every wildcard expression and 1 for the wildcard parameter."""
    spelled = pattern.xreplace(
        {wild: sp.S.One if wild.name in "cd" else x for wild in pattern.atoms(sp.Wild)}
    )
    return spelled.replace(clip, lambda value, low, high: sp.Min(sp.Max(value, low), high))


def with_kernels(expr):
    return sp.lambdify(x, expr, modules=[KERNELS, "numpy"])


@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_fdiff_is_the_derivative_of_the_formula(primitive):
    by_hand = textbook(primitive(x).diff(x))
    by_machine = sp.diff(primitive.formula(x), x)
    assert sp.simplify(by_hand - by_machine) == 0


@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_kernel_computes_the_formula(primitive):
    computed = with_kernels(primitive(x))(POINTS)
    assert errors(computed, exact_function(primitive(x)), POINTS)[0].max() < 1e-14


@pytest.mark.parametrize(("pattern", "twin"), TWINS, ids=[str(pattern) for pattern, _ in TWINS])
def test_twin_computes_the_pattern_it_replaces(pattern, twin):
    if twin.is_Add:  # 2 gate - 1 stands in for tanh under a sum with 1 only
        pattern, twin = 1 + pattern, 1 + twin
    with np.errstate(all="ignore"):
        computed = with_kernels(spelled_out(twin))(POINTS)
    assert errors(computed, exact_function(spelled_out(pattern)), POINTS)[0].max() < 1e-14


def test_every_kernel_is_used_by_a_primitive_or_a_twin():
    used = {part.func.__name__ for _, twin in TWINS for part in twin.atoms(sp.Function)}
    used.remove("clip")
    assert used | {primitive.__name__ for primitive in PRIMITIVES} == set(KERNELS)


def test_sigmoid_slope_follows_from_the_exponential_form():
    s = sigmoid(x)
    assert s.rewrite(sp.exp) == 1 / (1 + sp.exp(-x))
    assert sp.simplify(sp.diff(s.rewrite(sp.exp), x) - (s * (1 - s)).rewrite(sp.exp)) == 0


def test_primitives_are_exact_at_zero_and_infinity():
    assert sigmoid(0) == Phi(0) == sp.Rational(1, 2)
    assert softplus(0) == sp.log(2)
    assert (sigmoid(sp.oo), Phi(-sp.oo), softplus(sp.oo), phi(-sp.oo)) == (1, 0, sp.oo, 0)


def test_primitives_evaluate_to_any_precision_also_in_the_tail():
    assert abs(sigmoid(sp.Integer(2)).evalf(40) - (1 / (1 + sp.exp(-2))).evalf(50)) < 1e-39
    assert abs(Phi(sp.Integer(-30)).evalf(20) / sp.Float("4.9067139271484e-198", 20) - 1) < 1e-12


def test_primitives_are_known_to_be_positive_on_the_real_line():
    assert all(primitive(x).is_positive for primitive in PRIMITIVES)


def test_primitives_print_as_a_student_writes_them():
    assert sp.latex(sigmoid(x)) == r"\sigma{\left(x \right)}"
    assert sp.latex(Phi(x) ** 2) == r"\Phi^{2}{\left(x \right)}"
    assert sp.latex(softplus(x)) == r"\log{\left(e^{x} + 1 \right)}"


def test_stabilise_finds_the_unsafe_parts_inside_a_product():
    alpha = sp.Symbol("alpha", real=True)
    assert stabilise(alpha * (sp.exp(x) - 1)) == alpha * sp.Function("expm1")(x)
    assert stabilise(x * (1 - sigmoid(2 * x))) == x * sigmoid(-2 * x)


def test_rational_pieces_are_factored_and_others_left_alone():
    assert str(factor_rational(x / 6 + sp.Rational(1, 2))) == "(x + 3)/6"
    assert factor_rational(sp.diff(x / (1 + abs(x)), x)) == 1 / (1 + abs(x)) ** 2
    assert factor_rational(x**2 + 2 * x * sp.exp(x)) == x**2 + 2 * x * sp.exp(x)


ANGLES = ["sin", "cos", "tan", "cot", "sec", "csc"]
OTHERS = ["exp", "log", "sqrt", "Abs", "sign", "Heaviside", "erf", "erfc", "gamma"]


@pytest.mark.parametrize(
    "name",
    [*OTHERS, *(before + angle + after for before in ("", "a") for angle in ANGLES for after in ("", "h"))],
)
def test_every_function_that_the_error_message_names_is_computed(name):
    function = getattr(sp, name)
    with np.errstate(all="ignore"):
        computed = compile_numpy(function(x))(np.array([0.3, 0.9, 1.5, 2.5]))
    expected = [complex(function(sp.Rational(point)).evalf(20)) for point in ("0.3", "0.9", "1.5", "2.5")]
    real = [value.real if abs(value.imag) < 1e-15 else np.nan for value in expected]
    np.testing.assert_allclose(computed, real, rtol=1e-14)
    assert np.isfinite(computed).any()


def test_the_first_part_that_cannot_be_computed_is_named():
    with pytest.raises(FormulaError, match=r"^zeta\(x\) cannot be computed"):
        compile_numpy(1 + sp.exp(sp.zeta(x)))


def test_a_slope_keeps_nothing_of_a_jump():
    assert without_jumps(sp.diff(sp.sign(x) + x**2, x)) == 2 * x
    assert without_jumps(sp.diff(sp.sign(x) * sp.exp(x), x)) == sp.sign(x) * sp.exp(x)
    assert without_jumps(sp.diff(sp.sign(x) * sp.Abs(x), x)) == 1
    assert without_jumps(sp.diff(sp.Heaviside(x), x, 2)) == 0
