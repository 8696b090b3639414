"""The activation functions of the course: of one number in `ACTIVATIONS`, of a vector as functions.

>>> from helpers.activations import ACTIVATIONS, softmax, vjp
>>> elu = ACTIVATIONS["elu"]            # at a prompt: its card
>>> elu([-1.0, 2.0], alpha=0.5)         # values
>>> elu.grad([-1.0, 2.0], alpha=0.5)    # slopes
>>> elu.expr, elu.derivative            # the formulas behind both, as SymPy expressions
>>> softmax([3.0, 1.0, -3.0])
>>> vjp(softmax, [3.0, 1.0, -3.0], [1.0, 0.0, 0.0])

`helpers.catalogue` lists the formulas, `helpers.entry` says what follows from one, `helpers.vector` holds the
functions of a vector, `helpers.frameworks` what PyTorch, JAX, Flax, Keras and ONNX call them.
"""

from helpers.catalogue import ACTIVATIONS, ALIASES
from helpers.entry import Activation, to_latex
from helpers.primitives import x
from helpers.vector import (
    bilinear,
    crelu,
    entmax15,
    geglu,
    glu,
    gumbel_softmax,
    hardmax,
    jacobian,
    log_softmax,
    maxout,
    randomized_relu,
    reglu,
    softmax,
    softmax_jacobian,
    softmax_plus_one,
    softmin,
    sparsemax,
    swiglu,
    vjp,
)

__all__ = [
    "ACTIVATIONS",
    "ALIASES",
    "Activation",
    "bilinear",
    "crelu",
    "entmax15",
    "geglu",
    "glu",
    "gumbel_softmax",
    "hardmax",
    "jacobian",
    "log_softmax",
    "maxout",
    "randomized_relu",
    "reglu",
    "softmax",
    "softmax_jacobian",
    "softmax_plus_one",
    "softmin",
    "sparsemax",
    "swiglu",
    "to_latex",
    "vjp",
    "x",
]
