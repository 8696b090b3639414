"""What PyTorch, JAX, Flax, Keras and ONNX call the activations of the catalogue, and with which defaults.

Each name stands for an entry of `ACTIVATIONS` or a function of `helpers.vector`, with the parameters that
differ from the entry's own. `tests/test_frameworks.py` holds the frameworks' own lists and formulas.
"""

from collections.abc import Mapping

Names = Mapping[str, tuple[str, Mapping[str, float]]]


def _same(names: str) -> dict[str, tuple[str, dict[str, float]]]:
    """Read lines of "name there = name here"; a name alone is the same in both."""
    pairs = (line.split("=") for line in names.split())
    return {pair[0]: (pair[-1], {}) for pair in pairs}


_PYTORCH = _same(
    """ELU=elu Hardshrink=hard_shrink Hardsigmoid=hard_sigmoid Hardtanh=hard_tanh Hardswish=hard_swish
    LeakyReLU=leaky_relu LogSigmoid=log_sigmoid PReLU=prelu ReLU=relu ReLU6=relu6 RReLU=rrelu SELU=selu
    CELU=celu GELU=gelu Sigmoid=sigmoid SiLU=silu Mish=mish Softplus=softplus Softshrink=soft_shrink
    Softsign=softsign Tanh=tanh Tanhshrink=tanh_shrink Threshold=threshold GLU=glu Softmin=softmin
    Softmax=softmax Softmax2d=softmax LogSoftmax=log_softmax Identity=identity
    functional.gumbel_softmax=gumbel_softmax"""
) | {"GELU(approximate='tanh')": ("gelu_tanh", {})}
_JAX = _same(
    """relu relu6 sigmoid softplus sparse_plus sparse_sigmoid soft_sign=softsign silu swish=silu log_sigmoid
    leaky_relu hard_sigmoid hard_silu=hard_swish hard_swish hard_tanh tanh elu celu selu gelu=gelu_tanh glu
    squareplus mish identity softmax log_softmax"""
) | {"gelu(approximate=False)": ("gelu", {})}
_FLAX = _same(
    """celu elu gelu=gelu_tanh glu hard_sigmoid hard_silu=hard_swish hard_swish hard_tanh leaky_relu
    log_sigmoid log_softmax relu relu6 selu sigmoid silu soft_sign=softsign softmax softplus swish=silu tanh
    identity"""
) | {"PReLU": ("prelu", {"alpha": 0.01})}
_KERAS = _same(
    """celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu=hard_swish hard_swish hard_tanh
    linear=identity log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus
    softsign sparse_plus sparse_sigmoid sparsemax squareplus swish=silu tanh tanh_shrink"""
) | {
    "gelu(approximate=True)": ("gelu_tanh", {}),
    "leaky_relu": ("leaky_relu", {"alpha": 0.2}),
    "threshold": ("threshold", {}),
    "layers.PReLU": ("prelu", {"alpha": 0.0}),
    "layers.LeakyReLU": ("leaky_relu", {"alpha": 0.3}),
}
_ONNX = _same(
    """Celu=celu Elu=elu Gelu=gelu HardSigmoid=general_hard_sigmoid HardSwish=hard_swish Hardmax=hardmax
    Identity=identity LeakyRelu=leaky_relu LogSoftmax=log_softmax Mish=mish PRelu=prelu Relu=relu
    Shrink=shrink Sigmoid=sigmoid Softmax=softmax Softplus=softplus Softsign=softsign Tanh=tanh Affine=affine
    ScaledTanh=scaled_tanh"""
) | {
    "Gelu(approximate='tanh')": ("gelu_tanh", {}),
    "Selu": ("selu", {"alpha": 1.67326319217681884765625, "scale": 1.05070102214813232421875}),
    "ThresholdedRelu": ("threshold", {"threshold": 1.0, "value": 0.0}),
}

FRAMEWORKS: Mapping[str, Names] = {
    "PyTorch": _PYTORCH,
    "JAX": _JAX,
    "Flax": _FLAX,
    "Keras": _KERAS,
    "ONNX": _ONNX,
}
"""The names in torch.nn, jax.nn, flax.linen, keras.activations and ONNX (opset 22 and its LSTM)."""


def names_of(entry: str) -> dict[str, list[str]]:
    """Return what the frameworks call an entry, with the parameters they set otherwise."""

    def written(name: str, setting: Mapping[str, float]) -> str:
        return name + (
            f" ({', '.join(f'{key} = {value:g}' for key, value in setting.items())})" if setting else ""
        )

    found = {
        framework: [written(name, setting) for name, (meant, setting) in names.items() if meant == entry]
        for framework, names in FRAMEWORKS.items()
    }
    return {framework: names for framework, names in found.items() if names}
