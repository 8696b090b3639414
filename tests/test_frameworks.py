"""The frameworks' own lists of activations, typed from their documentation, against the catalogue.

The formulas are the documentation's, in the plainest NumPy; the defaults are those of its signatures.
"""

import math
from functools import cache

import numpy as np
import pytest
from scipy import special

from helpers import vector
from helpers.activations import ACTIVATIONS, ALIASES
from helpers.frameworks import FRAMEWORKS, names_of

POINTS = np.linspace(-6, 6, 97)
ROWS = np.random.default_rng(0).normal(0, 2, (5, 6))


def gelu(x):
    return x * 0.5 * (1 + special.erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def celu(x, alpha=1.0):
    return np.maximum(0, x) + np.minimum(0, alpha * (np.exp(x / alpha) - 1))


def selu(x, alpha=1.6732632423543772848170429916717, scale=1.0507009873554804934193349852946):
    return scale * (np.maximum(0, x) + np.minimum(0, alpha * (np.exp(x) - 1)))


def leaky(slope):
    return lambda x: np.maximum(0, x) + slope * np.minimum(0, x)


def hard_sigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def threshold(x, at, value):
    return np.where(x > at, x, value)


def soft_shrink(x, lambd=0.5):
    return np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, 0))


def softmax(z):
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def glu(z):
    a, b = np.split(z, 2, -1)
    return a * special.expit(b)


def sparsemax(z):
    """Project onto the simplex by bisection of the threshold."""
    low, high = z.min(-1, keepdims=True) - 1, z.max(-1, keepdims=True)
    for _ in range(80):
        middle = (low + high) / 2
        above = np.maximum(z - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(z - low, 0)


def sparse_plus(x):
    return np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))


sigmoid, log_sigmoid = special.expit, special.log_expit
relu, relu6 = (lambda x: np.maximum(0, x)), (lambda x: np.clip(x, 0, 6))
silu, mish = (lambda x: x * sigmoid(x)), (lambda x: x * np.tanh(np.log1p(np.exp(x))))
hard_tanh, softsign = (lambda x: np.clip(x, -1, 1)), (lambda x: x / (1 + np.abs(x)))
softplus, hard_swish = (lambda x: np.log(1 + np.exp(x))), (lambda x: x * hard_sigmoid(x))
log_softmax, softmin = (lambda z: np.log(softmax(z))), (lambda z: softmax(-z))
hard_shrink, tanh_shrink = (lambda x: np.where(np.abs(x) > 0.5, x, 0)), (lambda x: x - np.tanh(x))
sparse_sigmoid, squareplus = (lambda x: np.clip((x + 1) / 2, 0, 1)), (lambda x: (x + np.sqrt(x**2 + 4)) / 2)
identity, hardmax = (lambda x: x), (lambda z: (z == z.max(-1, keepdims=True)) * 1.0)

# torch 2.13: torch.nn, "Non-linear Activations" (weighted sum and other), and torch.nn.Identity. Attention,
# which is a layer, and AdaptiveLogSoftmaxWithLoss, a loss, are left out. Threshold has no defaults.
PYTORCH = {
    "ELU": elu,
    "Hardshrink": hard_shrink,
    "Hardsigmoid": hard_sigmoid,
    "Hardtanh": hard_tanh,
    "Hardswish": hard_swish,
    "LeakyReLU": leaky(0.01),
    "LogSigmoid": log_sigmoid,
    "PReLU": leaky(0.25),
    "ReLU": relu,
    "ReLU6": relu6,
    "RReLU": leaky((1 / 8 + 1 / 3) / 2),
    "SELU": selu,
    "CELU": celu,
    "GELU": gelu,
    "GELU(approximate='tanh')": gelu_tanh,
    "Sigmoid": sigmoid,
    "SiLU": silu,
    "Mish": mish,
    "Softplus": softplus,
    "Softshrink": soft_shrink,
    "Softsign": softsign,
    "Tanh": np.tanh,
    "Tanhshrink": tanh_shrink,
    "Threshold": lambda x: threshold(x, 1.0, 0.0),
    "GLU": glu,
    "Softmin": softmin,
    "Softmax": softmax,
    "Softmax2d": softmax,
    "LogSoftmax": log_softmax,
    "Identity": identity,
    "functional.gumbel_softmax": None,
}
# jax 0.8: jax.nn, "Activation functions", with the two softmaxes of "Other functions".
JAX = {
    "relu": relu,
    "relu6": relu6,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "soft_sign": softsign,
    "silu": silu,
    "swish": silu,
    "log_sigmoid": log_sigmoid,
    "leaky_relu": leaky(0.01),
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_swish,
    "hard_swish": hard_swish,
    "hard_tanh": hard_tanh,
    "tanh": np.tanh,
    "elu": elu,
    "celu": celu,
    "selu": selu,
    "gelu": gelu_tanh,
    "gelu(approximate=False)": gelu,
    "glu": glu,
    "squareplus": squareplus,
    "mish": mish,
    "identity": identity,
    "softmax": softmax,
    "log_softmax": log_softmax,
}
# flax 0.12: flax.linen and flax.nnx, "Activation functions", without logsumexp, one_hot and standardize.
OF_JAX_ONLY = {"sparse_plus", "sparse_sigmoid", "squareplus", "mish", "gelu(approximate=False)"}
FLAX = {name: formula for name, formula in JAX.items() if name not in OF_JAX_ONLY} | {"PReLU": leaky(0.01)}
# keras 3.12: keras.activations, and the layers whose default differs.
KERAS = {
    "celu": celu,
    "elu": elu,
    "exponential": np.exp,
    "gelu": gelu,
    "gelu(approximate=True)": gelu_tanh,
    "glu": glu,
    "hard_shrink": hard_shrink,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_swish,
    "hard_swish": hard_swish,
    "hard_tanh": hard_tanh,
    "leaky_relu": leaky(0.2),
    "layers.LeakyReLU": leaky(0.3),
    "layers.PReLU": leaky(0.0),
    "linear": identity,
    "log_sigmoid": log_sigmoid,
    "log_softmax": log_softmax,
    "mish": mish,
    "relu": relu,
    "relu6": relu6,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "swish": silu,
    "soft_shrink": soft_shrink,
    "softmax": softmax,
    "softplus": softplus,
    "softsign": softsign,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "sparsemax": sparsemax,
    "squareplus": squareplus,
    "tanh": np.tanh,
    "tanh_shrink": tanh_shrink,
    "threshold": lambda x: threshold(x, 1.0, 0.0),
}
# ONNX, opset 22: the operators that are activations, and those that its LSTM names. PRelu has no default.
ONNX = {
    "Celu": celu,
    "Elu": elu,
    "Gelu": gelu,
    "Gelu(approximate='tanh')": gelu_tanh,
    "HardSigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Hardmax": hardmax,
    "Identity": identity,
    "LeakyRelu": leaky(0.01),
    "LogSoftmax": log_softmax,
    "Mish": mish,
    "PRelu": leaky(0.25),
    "Relu": relu,
    "Selu": lambda x: selu(x, 1.67326319217681884765625, 1.05070102214813232421875),
    "Shrink": hard_shrink,
    "Sigmoid": sigmoid,
    "Softmax": softmax,
    "Softplus": softplus,
    "Softsign": softsign,
    "Tanh": np.tanh,
    "ThresholdedRelu": lambda x: threshold(x, 1.0, 0.0),
    "Affine": identity,
    "ScaledTanh": lambda x: 1.7159 * np.tanh(2 / 3 * x),
}
LISTS = {"PyTorch": PYTORCH, "JAX": JAX, "Flax": FLAX, "Keras": KERAS, "ONNX": ONNX}
EVERY_NAME = [(framework, name) for framework, names in LISTS.items() for name in names]


@pytest.mark.parametrize("framework", LISTS)
def test_no_activation_of_a_framework_is_missing(framework):
    assert set(FRAMEWORKS[framework]) == set(LISTS[framework])


@pytest.mark.parametrize(("framework", "name"), EVERY_NAME)
def test_formula_and_default_are_the_frameworks(framework, name):
    entry, setting = FRAMEWORKS[framework][name]
    formula = LISTS[framework][name]
    if formula is None:
        draw = vector.gumbel_softmax(np.zeros((4000, 3)) + np.log([1, 2, 5]), np.random.default_rng(0), 0.01)
        np.testing.assert_allclose(draw.mean(0), np.array([1, 2, 5]) / 8, atol=0.02)
    elif entry in ACTIVATIONS:
        assert set(setting) <= set(ACTIVATIONS[entry].defaults)
        np.testing.assert_allclose(
            ACTIVATIONS[entry](POINTS, **setting), formula(POINTS), rtol=1e-12, atol=1e-12
        )
    else:
        np.testing.assert_allclose(getattr(vector, entry)(ROWS), formula(ROWS), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_stands_for_an_entry_and_its_parameters(alias):
    entry, setting = ALIASES[alias]
    assert alias not in ACTIVATIONS
    assert np.isfinite(ACTIVATIONS[entry](0.5, **setting))
    with pytest.raises(KeyError, match=f"no activation is named '{alias}'; did you mean {entry}"):
        ACTIVATIONS[alias]


def test_names_are_told_with_what_they_set_otherwise():
    assert names_of("leaky_relu")["Keras"] == ["leaky_relu (alpha = 0.2)", "layers.LeakyReLU (alpha = 0.3)"]
    assert names_of("silu")["JAX"] == ["silu", "swish"]
    assert names_of("gaussian") == {}


# PyTorch's slopes and ONNX's tests


@cache
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.mark.parametrize("name", [name for name in PYTORCH if FRAMEWORKS["PyTorch"][name][0] in ACTIVATIONS])
def test_values_and_slopes_are_pytorchs_also_at_kinks(name):
    module = name.partition("(")[0]
    arguments = {"Threshold": (1.0, 0.0)}.get(module, ())
    options = {"approximate": "tanh"} if "tanh'" in name else {}
    layer = getattr(torch().nn, module)(*arguments, **options).double().eval()
    points = np.array([-7, -6, -3, -1, -0.5, 0, 0.5, 1, 2, 3, 6, 7.0])
    given = torch().tensor(points, requires_grad=True)
    values = layer(given)
    values.sum().backward()
    entry = ACTIVATIONS[FRAMEWORKS["PyTorch"][name][0]]
    np.testing.assert_allclose(entry(points), values.detach().numpy(), rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(entry.grad(points), given.grad.numpy(), rtol=1e-7, atol=1e-12)


@cache
def onnx_cases():
    """ONNX's published tests of the operators that are activations: (name, our entry, arguments, data)."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    loader = pytest.importorskip("onnx.backend.test.loader")
    own_names = {"Elu": {"alpha": "alpha"}, "Celu": {"alpha": "alpha"}, "LeakyRelu": {"alpha": "alpha"}}
    own_names |= {"Selu": {"alpha": "alpha", "gamma": "scale"}, "ThresholdedRelu": {"alpha": "threshold"}}
    own_names |= {
        "HardSigmoid": {"alpha": "alpha", "beta": "beta"},
        "Shrink": {"bias": "bias", "lambd": "lambd"},
    }
    own_names |= {name: {"axis": "axis"} for name in ("Softmax", "LogSoftmax", "Hardmax")}
    with np.errstate(all="ignore"):
        published = loader.load_model_tests(kind="node")
    cases = []
    for case in published:
        nodes = case.model.graph.node if case.model else []
        if len(nodes) != 1 or nodes[0].op_type not in ONNX:
            continue
        given = {each.name: onnx.helper.get_attribute_value(each) for each in nodes[0].attribute}
        tanh = given.pop("approximate", b"none") == b"tanh"
        entry, setting = FRAMEWORKS["ONNX"][nodes[0].op_type + ("(approximate='tanh')" if tanh else "")]
        arguments = {own_names[nodes[0].op_type][key]: value for key, value in given.items()}
        cases.append((case.name, entry, setting | arguments, case.data_sets))
    return cases


def test_onnxs_published_tests_pass():
    passed = 0
    for name, entry, arguments, data in onnx_cases():
        for inputs, (expected,) in data:
            if not isinstance(expected, np.ndarray) or expected.dtype.kind != "f":
                continue  # Identity of a sequence or an optional
            if entry == "prelu":
                found = leaky_by_broadcast(*inputs)
            elif entry in ACTIVATIONS:
                found = ACTIVATIONS[entry](inputs[0], **arguments)
            else:
                found = getattr(vector, entry)(inputs[0], **arguments)
            assert found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-7, err_msg=name)
            passed += 1
    assert passed >= 59


def leaky_by_broadcast(x, slope):
    """PReLU with one slope for each channel, entry by entry."""
    pairs = np.broadcast(x, slope)
    return np.array([ACTIVATIONS["prelu"](each, alpha=float(own)) for each, own in pairs], x.dtype).reshape(
        pairs.shape
    )
