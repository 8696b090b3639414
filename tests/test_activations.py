import copy
import dataclasses
import pickle
import time
import warnings

import mpmath
import numpy as np
import pytest
import sympy as sp

from benchmarks.accuracy import (
    errors,
    exact_function,
    exact_softmax,
    kinks,
    sample,
    vector_error,
)
from helpers.activations import (
    ACTIVATIONS,
    Activation,
    glu,
    log_softmax,
    maxout,
    softmax,
    softmax_jacobian,
    to_latex,
    x,
)
from helpers.primitives import FormulaError

ACCURACY = 1e-14
INPUTS = np.linspace(-9, 9, 37)
NAMES = [
    "identity",
    "binary_step",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "hard_tanh",
    "softsign",
    "relu",
    "relu6",
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "gelu_tanh",
    "silu",
    "hard_swish",
    "mish",
    "softplus",
    "log_sigmoid",
    "tanh_shrink",
    "soft_shrink",
    "hard_shrink",
    "threshold",
    "gaussian",
    "multiquadric",
    "affine",
    "exponential",
    "sine",
    "snake",
    "general_hard_sigmoid",
    "sparse_sigmoid",
    "sparse_plus",
    "squareplus",
    "squared_relu",
    "star_relu",
    "rrelu",
    "xielu",
    "shrink",
    "scaled_tanh",
    "soft_cap",
    "dynamic_tanh",
    "dynamic_erf",
]

whole_catalogue = pytest.mark.parametrize("act", ACTIVATIONS.values(), ids=ACTIVATIONS)
value_and_slope = pytest.mark.parametrize("which", ["value", "slope"])


@pytest.fixture(autouse=True)
def _any_warning_is_an_error():
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        yield


def computed_and_exact(act, which):
    if which == "value":
        return act, exact_function(act.expr, dict(act.defaults))
    return act.grad, exact_function(act.derivative, dict(act.defaults))


def assert_accurate(act, which, points, bound=ACCURACY):
    computed, exact = computed_and_exact(act, which)
    values = computed(points)
    with np.errstate(all="ignore"):
        found = errors(values, exact, points)[0]
    worst = found.argmax()
    said = f"{act.name}: its {which} is off by {found[worst]:.1e} at x = {points[worst]:.6g}"
    assert found[worst] <= bound, said


# The whole catalogue


def test_catalogue_holds_every_function_of_the_course_once():
    assert list(ACTIVATIONS) == NAMES


@whole_catalogue
@value_and_slope
def test_accurate_to_1e_14_up_to_40(act, which):
    assert_accurate(act, which, sample(act, 400, seed=1))


@whole_catalogue
@value_and_slope
def test_accurate_far_into_the_tails(act, which):
    far = np.linspace(40, 700, 30)
    assert_accurate(act, which, np.sort([*-far, *far]))


@whole_catalogue
@value_and_slope
def test_right_out_to_the_largest_float(act, which):
    # Below x = -708, sigmoid is subnormal: x times it is good to |x|/2 of the smallest steps, 4.9e-324 each.
    far = np.array([705, 710, 720, 746, 1e4, 1e19, 1e100, 1e155, 1e200, 1.7e308])
    assert_accurate(act, which, np.sort([*-far, *far]), 1e-13)


@pytest.mark.parametrize(
    ("name", "low", "high"), [("gelu", -38.6, -36), ("gelu_tanh", -21.7, -21), ("gaussian", 26, 27.4)]
)
@value_and_slope
def test_accurate_where_the_result_becomes_subnormal(name, low, high, which):
    assert_accurate(ACTIVATIONS[name], which, np.linspace(low, high, 200))


@pytest.mark.parametrize("name", [name for name in NAMES if ACTIVATIONS[name].defaults])
@value_and_slope
def test_accurate_with_other_parameters(name, which):
    act = ACTIVATIONS[name]
    other = dataclasses.replace(act, defaults={key: number + 0.375 for key, number in act.defaults.items()})
    assert_accurate(other, which, sample(other, 100, bound=20, seed=2))


@whole_catalogue
@value_and_slope
def test_infinity_gives_the_limit_and_nan_gives_nan(act, which):
    computed, exact = computed_and_exact(act, which)
    for sign in (1, -1):
        limit, other = float(exact(sign * 1e30)), float(exact(sign * 1e31))
        limit = np.copysign(np.inf, limit) if abs(limit) > 1e20 else limit
        limit = 0.0 if abs(limit) < 1e-20 else limit
        if abs(limit) < 2 and abs(other - limit) > 1e-9:
            limit = np.nan  # it goes on waving
        np.testing.assert_allclose(computed(sign * np.inf), limit, rtol=1e-15, atol=1e-15)
        np.testing.assert_array_equal(computed(np.float32(sign * np.inf)), np.float32(limit))
    assert np.isnan(computed(np.nan))
    waves = np.isnan(computed(np.inf))
    np.testing.assert_array_equal(np.isnan(computed(np.array([np.nan, 0.0, np.inf]))), [True, False, waves])


@whole_catalogue
def test_slope_agrees_with_central_differences(act):
    points = np.random.default_rng(3).uniform(-10, 10, 400)
    for kink in kinks(act):
        points = points[abs(points - kink) > 1e-3]
    h = 1e-5
    np.testing.assert_allclose(
        act.grad(points), (act(points + h) - act(points - h)) / (2 * h), rtol=1e-8, atol=1e-8
    )


@whole_catalogue
@value_and_slope
def test_float32_stays_float32_and_is_rounded_once(act, which):
    computed = act if which == "value" else act.grad
    points = np.linspace(-90, 90, 181, dtype=np.float32)
    result = computed(points)
    assert result.dtype == np.float32
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(result, computed(points.astype(float)).astype(np.float32))
    assert computed(np.float16(1)).dtype == np.float16


@whole_catalogue
@value_and_slope
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (2, 0, 4), (2, 1, 3)])
def test_shape_is_kept(act, which, shape):
    result = (act if which == "value" else act.grad)(np.ones(shape))
    assert np.shape(result) == shape
    assert result.dtype == np.float64


@whole_catalogue
@value_and_slope
def test_scalars_integers_lists_and_views_are_welcome(act, which):
    computed = act if which == "value" else act.grad
    one = computed(1.0)
    assert type(one) is np.float64
    for same in (1, True, np.float64(1), np.int8(1), np.array(1)):
        assert type(computed(same)) is np.float64
        assert computed(same) == one
    np.testing.assert_array_equal(computed([1, 2]), computed(np.array([1.0, 2.0])))
    matrix = np.arange(6.0).reshape(2, 3) - 2
    kept = matrix.copy()
    np.testing.assert_array_equal(computed(matrix.T), computed(matrix).T)
    np.testing.assert_array_equal(computed(matrix[:, ::-2]), computed(matrix)[:, ::-2])
    np.testing.assert_array_equal(matrix, kept)


@whole_catalogue
def test_unknown_parameter_is_refused_with_the_known_ones(act):
    for call in (act, act.grad):
        with pytest.raises(TypeError, match="gamma") as refusal:
            call(0.0, gamma=1.0)
        assert all(name in str(refusal.value) for name in act.defaults or ["none"])


@whole_catalogue
@pytest.mark.parametrize("bad", ["3", ["a"], 1j, None, [1, None], sp.Symbol("t")])
def test_what_is_no_real_number_is_refused_by_name(act, bad):
    for call in (act, act.grad):
        with pytest.raises(TypeError, match="x must hold real numbers"):
            call(bad)


@whole_catalogue
def test_formula_source_and_latex_are_there_and_readable(act):
    assert act.source
    for latex in (act.latex, to_latex(act.derivative)):
        assert not any(word in latex for word in ("operatorname", "gelu", "lambd ", "theta_", "val"))
    assert act.latex in act._repr_latex_()


def test_conditions_are_written_with_x_on_the_left():
    written = ACTIVATIONS["soft_shrink"].latex
    assert r"x > \lambda" in written
    assert r"x < - \lambda" in written


@whole_catalogue
def test_an_entry_cannot_be_changed(act):
    with pytest.raises(dataclasses.FrozenInstanceError):
        act.name = "other"
    with pytest.raises(TypeError):
        act.defaults["alpha"] = 2.0
    with pytest.raises(TypeError):
        ACTIVATIONS["other"] = act


# Conventions and parameters


@pytest.mark.parametrize(
    ("name", "point", "slope"),
    [
        ("binary_step", 0, 0),
        ("hard_sigmoid", -3, 0),
        ("hard_sigmoid", 3, 0),
        ("hard_tanh", -1, 0),
        ("hard_tanh", 1, 0),
        ("relu", 0, 0),
        ("relu6", 0, 0),
        ("relu6", 6, 0),
        ("leaky_relu", 0, 0.01),
        ("prelu", 0, 0.25),
        ("elu", 0, 1),
        ("selu", 0, 1.6732632423543772 * 1.0507009873554805),
        ("celu", 0, 1),
        ("hard_swish", -3, 0),
        ("hard_swish", 3, 1),
        ("soft_shrink", 0.5, 0),
        ("soft_shrink", -0.5, 0),
        ("hard_shrink", 0.5, 0),
        ("hard_shrink", -0.5, 0),
        ("threshold", 1, 0),
        ("rrelu", 0, (1 / 8 + 1 / 3) / 2),
        ("softsign", 0, 1),
    ],
)
def test_slope_at_a_kink_is_pytorchs(name, point, slope):
    assert ACTIVATIONS[name].grad(point) == pytest.approx(slope, rel=1e-15)
    assert point in kinks(ACTIVATIONS[name]) or name == "softsign"


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [
        ("binary_step", 0, 0),
        ("hard_sigmoid", 1, 2 / 3),
        ("leaky_relu", -1, -0.01),
        ("prelu", -1, -0.25),
        ("elu", -1, -0.6321206),
        ("selu", -1, -1.1113307),
        ("gelu", 1, 0.8413447),
        ("gelu_tanh", 1, 0.8411920),
        ("silu", 1, 0.7310586),
        ("hard_swish", 1, 2 / 3),
        ("mish", 1, 0.8650984),
        ("softplus", 1, 1.3132617),
        ("log_sigmoid", -1, -1.3132617),
        ("tanh_shrink", 1, 0.2384058),
        ("soft_shrink", 1, 0.5),
        ("hard_shrink", 0.5, 0),
        ("threshold", 1, 0),
    ],
)
def test_value_is_pytorchs(name, point, value):
    assert ACTIVATIONS[name](point) == pytest.approx(value, abs=1e-7)


def test_parameters_change_value_and_slope():
    assert ACTIVATIONS["leaky_relu"](-2.0, alpha=0.5) == -1
    assert ACTIVATIONS["leaky_relu"].grad(-2.0, alpha=0.5) == 0.5
    assert ACTIVATIONS["hard_tanh"](5.0, max_val=np.float32(2)) == 2
    assert ACTIVATIONS["silu"](3.0, beta=0) == 1.5


@pytest.mark.parametrize("bad", ["1", None, 1j, True, [1.0]])
def test_a_parameter_that_is_no_number_is_refused_by_name(bad):
    with pytest.raises(TypeError, match="elu: alpha must be a real number, got"):
        ACTIVATIONS["elu"](0.0, alpha=bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_parameter_that_is_not_finite_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="elu: alpha must be finite, got"):
        ACTIVATIONS["elu"].grad(0.0, alpha=bad)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("celu", {"alpha": 0}, "celu needs alpha > 0, got alpha = 0.0"),
        ("softplus", {"beta": -1.0}, "softplus needs beta > 0"),
        ("soft_shrink", {"lambd": -1}, "soft_shrink needs lambd >= 0"),
        ("hard_shrink", {"lambd": -1}, "hard_shrink needs lambd >= 0"),
        ("hard_tanh", {"min_val": 2}, "hard_tanh needs .*min_val.*got min_val = 2.0, max_val = 1.0"),
        ("multiquadric", {"c": 0}, "multiquadric needs c > 0"),
    ],
)
def test_parameters_outside_their_domain_are_refused(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        ACTIVATIONS[name](0.0, **parameters)


def test_an_entry_of_ones_own_needs_only_a_formula():
    a = sp.Symbol("a", real=True)
    bent = Activation("bent_identity", (sp.sqrt(x**2 + a**2) - 1) / 2 + x, {"a": 1.0})
    assert bent(0.0, a=3.0) == 1
    assert bent.grad(0.0) == 1


def test_parameters_and_defaults_must_match():
    with pytest.raises(ValueError, match=r"bad: the formula has \['a'\], defaults \['b'\]"):
        Activation("bad", sp.Symbol("a", real=True) * x, {"b": 1.0})


def test_another_x_than_the_catalogue_has_is_named():
    with pytest.raises(ValueError, match=r"^sq: the formula has another x than Symbol\('x', real=True\)$"):
        Activation("sq", sp.Symbol("x") ** 2)


@pytest.mark.parametrize(
    ("name", "x", "parameters", "value"),
    [
        ("softplus", 1e300, {"beta": 1e30}, 1e300),
        ("softplus", -1e300, {"beta": 1e30}, 0),
        ("softplus", np.inf, {"beta": 1e308}, np.inf),
        ("silu", 1e300, {"beta": 1e30}, 1e300),
        ("silu", -1e300, {"beta": 1e30}, 0),
        ("silu", np.inf, {"beta": 0}, np.inf),
        ("leaky_relu", -np.inf, {"alpha": 0}, 0),
        ("celu", -1e10, {"alpha": 1e-290}, -1e-290),
        ("multiquadric", 1e-170, {"c": 1e-170}, np.sqrt(2) * 1e-170),
        ("multiquadric", 1e300, {"c": 1e300}, np.sqrt(2) * 1e300),
        ("multiquadric", np.inf, {"c": 1e308}, np.inf),
    ],
)
def test_a_parameter_may_be_as_large_or_small_as_floats_go(name, x, parameters, value):
    for given in (x, np.array([x]), np.full(20_000, x)):
        np.testing.assert_allclose(ACTIVATIONS[name](given, **parameters), value, rtol=1e-14)
    slope = ACTIVATIONS[name].grad(x, **parameters)
    assert np.isfinite(slope)


def test_an_activation_can_be_copied_and_pickled():
    for act in ACTIVATIONS.values():
        act(0.5)
        for twin in (copy.copy(act), copy.deepcopy(act), pickle.loads(pickle.dumps(act))):
            assert (twin.name, twin.expr, dict(twin.defaults)) == (act.name, act.expr, dict(act.defaults))
            np.testing.assert_array_equal(twin.grad(INPUTS), act.grad(INPUTS))


def test_masked_arrays_are_refused_and_large_integers_are_not():
    with pytest.raises(TypeError, match=r"x must not be a masked array; pass x\.filled"):
        ACTIVATIONS["relu"](np.ma.masked_equal([1.0, 2.0], 2))
    assert ACTIVATIONS["relu"](2**70) == 2.0**70
    np.testing.assert_array_equal(ACTIVATIONS["relu"]([2**70, -(2**70)]), [2.0**70, 0])


def test_longdouble_has_the_digits_of_float64():
    found = ACTIVATIONS["tanh"](np.array([0.5, 1.0], np.longdouble))
    assert found.dtype == np.longdouble
    np.testing.assert_array_equal(found.astype(float), np.tanh([0.5, 1.0]))


# Formulas of one's own


def slope_by_differences(act, points, h=1e-6):
    return (act(points + h) - act(points - h)) / (2 * h)


@pytest.mark.parametrize(
    "formula",
    [
        x * (1 + sp.erf(x / sp.sqrt(2))) / 2,
        sp.erf(x) ** 2,
        x * sp.erfc(-x) / 2,
        sp.sinh(x) / sp.cosh(x),
        sp.log(sp.cosh(x)),
        sp.atan(x),
        sp.asinh(x),
        sp.sin(x) ** 2 + x,
        sp.sinc(x),
        x / (1 + sp.Abs(x)),
        x / sp.sqrt(1 + x**2),
        sp.sign(x) * sp.log(1 + sp.Abs(x)),
        sp.Max(0, sp.Min(x, 1)),
        sp.Heaviside(x) * x**2,
        sp.Piecewise((sp.erf(x), x > 0), (sp.sinh(x), True)),
    ],
    ids=str,
)
def test_a_formula_of_ones_own_has_its_value_and_slope(formula):
    act = Activation("own", formula)
    points = np.linspace(-3, 3, 60)
    expected = [float(formula.subs(x, sp.Rational(point)).evalf(20)) for point in points]
    np.testing.assert_allclose(act(points), expected, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(act.grad(points), slope_by_differences(act, points), rtol=1e-7, atol=1e-8)


def test_gelu_written_with_erf_is_gelu():
    gelu = Activation("own", x * (1 + sp.erf(x / sp.sqrt(2))) / 2)
    points = np.linspace(-5, 5, 101)
    np.testing.assert_allclose(gelu(points), ACTIVATIONS["gelu"](points), atol=1e-15)
    np.testing.assert_allclose(gelu.grad(points), ACTIVATIONS["gelu"].grad(points), atol=1e-15)


@pytest.mark.parametrize(
    ("formula", "x", "value", "slope"),
    [
        (sp.log(1 + x**2), np.inf, np.inf, 0),
        (sp.log(1 + x**2), 1e154, 2 * np.log(1e154), 2e-154),
        (x**2 * sp.exp(-(x**2)), -np.inf, 0, 0),
        (x**2 * sp.exp(-(x**2)), 1e200, 0, 0),
        (sp.sqrt(1 + x**2) / x, 1e200, 1, 0),
        (sp.sqrt(1 + x**2) - x, np.inf, 0, 0),
        (sp.log(1 + sp.exp(x)), 1e4, 1e4, 1),
        (sp.exp(x), 1e4, np.inf, np.inf),
        (sp.sin(x), np.inf, np.nan, np.nan),
        (sp.exp(sp.exp(x)), np.inf, np.inf, np.inf),
    ],
    ids=str,
)
def test_a_formula_of_ones_own_keeps_its_limits_far_out(formula, x, value, slope):
    act = Activation("own", formula)
    for given in (x, np.array([x]), np.full(20_000, x)):
        np.testing.assert_allclose(act(given), value, rtol=1e-14)
        np.testing.assert_allclose(act.grad(given), slope, rtol=1e-14)


def test_a_million_lost_values_take_no_longer_than_a_few():
    far = np.linspace(1e160, 1e300, 10**6)
    own = Activation("own", x**2 / (1 + x**2))
    start = time.perf_counter()
    np.testing.assert_array_equal(own(far), 1)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("formula", "slopes"),
    [
        (sp.sign(x), [0, 0, 0]),
        (sp.Heaviside(x), [0, 0, 0]),
        (sp.Heaviside(x, 0), [0, 0, 0]),
        (x + sp.sign(x), [1, 1, 1]),
        (x * sp.sign(x), [-1, 0, 1]),
        (x * sp.Heaviside(x), [0, 0.5, 1]),
        (sp.Abs(x), [-1, 0, 1]),
        (sp.Max(x, 0), [0, 0.5, 1]),
        (sp.sign(x) * sp.log(1 + sp.Abs(x)), [0.5, 1, 0.5]),
        (sp.Piecewise((sp.sign(x), x > 0), (x, True)), [1, 1, 0]),
    ],
    ids=str,
)
def test_a_jump_adds_nothing_to_the_slope_and_a_kink_gives_the_mean(formula, slopes):
    act = Activation("own", formula)
    np.testing.assert_array_equal(act.grad([-1.0, 0.0, 1.0]), slopes)
    assert not act.derivative.has(sp.DiracDelta)


def test_conditions_on_x_and_on_a_parameter_mix():
    a = sp.Symbol("a", real=True)
    clipped = Activation("clipped", sp.Max(0, sp.Min(x, a)), {"a": 6.0})
    np.testing.assert_array_equal(clipped([-1.0, 3.0, 9.0], a=5), [0, 3, 5])
    np.testing.assert_array_equal(clipped.grad([-1.0, 3.0, 9.0], a=5), [0, 1, 0])
    either = Activation("either", sp.Piecewise((a * x, (x > 1) & (a > 0)), (x, True)), {"a": 2.0})
    np.testing.assert_array_equal(either([[-1.0, 3.0]]), [[-1, 6]])
    assert either(3.0, a=-2) == 3


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        (1 + sp.Function("f")(x) ** 2, r"f\(x\)"),
        (x + sp.erfi(x), r"erfi\(x\)"),
        (x * sp.Derivative(x**2, x), r"Derivative\(x\*\*2, x\)"),
        (sp.Integral(sp.cos(x), x), r"Integral\(cos\(x\), x\)"),
        (sp.I * x, "I"),
    ],
    ids=str,
)
def test_a_part_that_cannot_be_computed_is_named_with_what_can(formula, part):
    with pytest.raises(FormulaError, match=f"^{part} cannot be computed; a formula may use exp, .* erf, "):
        Activation("own", formula)(0.0)


def test_a_slope_without_a_formula_is_named():
    steps = Activation("steps", sp.floor(x))
    assert steps(1.5) == 1
    with pytest.raises(FormulaError, match=r"^Derivative\(floor\(x\), x\) cannot be computed"):
        steps.grad(1.5)


# The vector functions


VECTORS = [(3, 1, -3), (0, -40), (1000, 1001), (-800, -801), (0.1, -39.7, 12), (0.1, -700.3), (7,)]


@pytest.mark.parametrize("z", VECTORS, ids=str)
def test_softmax_family_is_accurate(z):
    exacts = exact_softmax(np.array(z, float))
    for function, exact in zip((softmax, log_softmax, softmax_jacobian), exacts, strict=True):
        assert vector_error(function(z), exact) <= 1e-15


def test_log_softmax_keeps_the_small_component():
    assert log_softmax((0, -40))[0] == -np.log1p(np.exp(-40.0)) == pytest.approx(-4.248354255e-18)


def test_softmax_family_ignores_a_common_shift():
    z = np.array([0.5, -1.25, 3.0])
    for function in (softmax, log_softmax, softmax_jacobian):
        np.testing.assert_array_equal(function(z), function(z + 1024))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_vector_functions_work_along_any_axis(axis):
    z = np.random.default_rng(4).normal(size=(2, 4, 6)) * 5
    last = np.moveaxis(z, axis, -1)
    for function in (softmax, log_softmax, glu):
        np.testing.assert_array_equal(function(z, axis=axis), np.moveaxis(function(last), -1, axis))
    for function in (softmax_jacobian, maxout):
        np.testing.assert_array_equal(function(z, axis=axis), function(last))
    assert softmax(z, axis).sum(axis) == pytest.approx(1, rel=1e-15)
    assert softmax_jacobian(z, axis).shape == last.shape + last.shape[-1:]
    assert maxout(z, axis).shape == last.shape[:-1]


def test_softmax_jacobian_agrees_with_finite_differences_in_a_batch():
    z = np.random.default_rng(5).normal(size=(3, 4))
    h = 1e-6
    by_difference = np.stack(
        [(softmax(z + h * e) - softmax(z - h * e)) / (2 * h) for e in np.eye(4)], axis=-1
    )
    jacobian = softmax_jacobian(z)
    np.testing.assert_allclose(jacobian, by_difference, atol=1e-9)
    np.testing.assert_allclose(jacobian.sum(-1), 0, atol=1e-16)
    np.testing.assert_array_equal(jacobian, np.swapaxes(jacobian, -1, -2))


def test_softmax_jacobian_is_not_only_a_diagonal():
    np.testing.assert_allclose(softmax_jacobian((-5, -5)), [[0.25, -0.25], [-0.25, 0.25]])


def test_softmax_of_infinite_scores_is_the_limit_or_nan():
    np.testing.assert_array_equal(softmax([0, -np.inf]), [1, 0])
    np.testing.assert_array_equal(log_softmax([0, -np.inf]), [0, -np.inf])
    for undecided in ([np.inf, np.inf], [-np.inf, -np.inf], [0, np.nan]):
        assert np.isnan(softmax(undecided)).all()
        assert np.isnan(log_softmax(undecided)).all()


def test_vector_functions_keep_float32_and_empty_batches():
    for function in (softmax, log_softmax, softmax_jacobian, maxout, glu):
        assert function(np.ones((3, 2), np.float32)).dtype == np.float32
        assert function([[1, 2]]).dtype == np.float64
        assert function(np.ones((0, 2))).shape[0] == 0
    assert softmax(np.ones((3, 0))).shape == log_softmax(np.ones((3, 0))).shape == (3, 0)


def test_maxout_is_relu_of_a_unit_with_the_pieces_x_and_0():
    z = np.linspace(-2, 2, 9)
    np.testing.assert_array_equal(maxout(np.stack([z, 0 * z], -1)), ACTIVATIONS["relu"](z))
    assert np.isnan(maxout([1, np.nan]))
    assert maxout([1, 2]) == 2


def test_glu_gates_the_first_half_by_the_second():
    np.testing.assert_allclose(glu([1.0, 2.0, 0.0, 30.0]), [0.5, 2 / (1 + np.exp(-30))], rtol=1e-15)
    assert glu([3.0, -800.0]) == 0


@pytest.mark.parametrize("function", [softmax, log_softmax, softmax_jacobian, maxout, glu])
def test_vector_functions_refuse_what_makes_no_sense(function):
    with pytest.raises(ValueError, match="z must have at least one axis"):
        function(1.0)
    with pytest.raises(ValueError, match=r"axis must lie in -1 … 0 for shape \(2,\), got 1"):
        function([1.0, 2.0], axis=1)
    with pytest.raises(TypeError, match=r"axis must be an integer, got 0\.0"):
        function([1.0, 2.0], axis=0.0)
    with pytest.raises(TypeError, match="z must hold real numbers"):
        function(["a", "b"])


def test_maxout_and_glu_name_a_wrong_length():
    with pytest.raises(ValueError, match="maxout needs at least one piece along axis -1"):
        maxout(np.ones((2, 0)))
    with pytest.raises(ValueError, match="glu needs an even length along axis 0, got 3"):
        glu([1, 2, 3], axis=0)


# The yardstick itself


def test_the_reference_is_right_to_50_digits():
    with mpmath.workdps(60):
        sigmoid_slope = exact_function(ACTIVATIONS["sigmoid"].derivative)(700.0)
        assert abs(sigmoid_slope * (1 + mpmath.exp(700)) ** 2 / mpmath.exp(700) - 1) < mpmath.mpf(10) ** -50
        gelu = exact_function(ACTIVATIONS["gelu"].expr)(-37.0)
        assert (
            abs(gelu / (mpmath.mpf(-37) * mpmath.erfc(37 / mpmath.sqrt(2)) / 2) - 1) < mpmath.mpf(10) ** -50
        )
