"""The catalogue: every activation function of one number, each defined once as a formula.

A new activation is one more entry in the list below; its derivative, LaTeX and tests follow from the formula.
Whoever uses the catalogue imports it from `helpers.activations`.
"""

from collections.abc import Mapping

import sympy as sp

from helpers.entry import Activation, Catalogue
from helpers.primitives import Phi, gelu_cubic, sigmoid, softplus, x

alpha, beta, bias, c, gain, lambd, scale, shift = sp.symbols(
    "alpha beta bias c gain lambd scale shift", real=True
)
alpha_p, alpha_n, lower, upper = sp.symbols("alpha_p alpha_n lower upper", real=True)
b, min_val, max_val, theta, value = sp.symbols("b min_val max_val threshold value", real=True)

ALIASES: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "swish": ("silu", {}),
    "quick_gelu": ("silu", {"beta": 1.702}),
    "hard_silu": ("hard_swish", {}),
    "linear": ("identity", {}),
    "logistic": ("sigmoid", {}),
    "heaviside": ("binary_step", {}),
    "rectifier": ("relu", {}),
    "lecun_tanh": ("scaled_tanh", {}),
    "logit_soft_cap": ("soft_cap", {}),
    "thresholded_relu": ("threshold", {"threshold": 1.0, "value": 0.0}),
    "jump_relu": ("threshold", {"threshold": 1.0, "value": 0.0}),
    "derf": ("dynamic_erf", {}),
    "dyt": ("dynamic_tanh", {}),
}
"""Other names of entries, with the parameters they stand for."""


_CATALOGUE = [
    Activation("identity", x, source="torch.nn.Identity"),
    Activation(
        "binary_step",
        sp.Piecewise((1, x > 0), (0, True)),
        source="McCulloch & Pitts 1943, A logical calculus of the ideas immanent in nervous activity",
    ),
    Activation(
        "sigmoid",
        sigmoid(x),
        source="Verhulst 1838, Notice sur la loi que la population suit dans son accroissement (the curve); "
        "Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating errors",
    ),
    Activation(
        "hard_sigmoid",
        sp.Piecewise((0, x <= -3), ((x + 3) / 6, x < 3), (1, True)),
        source="Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244; torch.nn.Hardsigmoid",
    ),
    Activation("tanh", sp.tanh(x), source="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp"),
    Activation(
        "hard_tanh",
        sp.Piecewise((min_val, x <= min_val), (x, x < max_val), (max_val, True)),
        {"min_val": -1.0, "max_val": 1.0},
        source="Collobert et al. 2011, Natural language processing (almost) from scratch",
        domain=min_val < max_val,
    ),
    Activation(
        "softsign",
        x / (1 + abs(x)),
        source="Turian, Bergstra & Bengio 2009, Quadratic features and deep architectures for chunking",
    ),
    Activation(
        "relu",
        sp.Piecewise((x, x > 0), (0, True)),
        source="Fukushima 1969, Visual feature extraction by a multilayered network of analog threshold "
        "elements; Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines",
    ),
    Activation(
        "relu6",
        sp.Piecewise((0, x <= 0), (x, x < 6), (6, True)),
        source="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10",
    ),
    Activation(
        "leaky_relu",
        sp.Piecewise((x, x > 0), (alpha * x, True)),
        {"alpha": 0.01},
        source="Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic models",
    ),
    Activation(
        "prelu",
        sp.Piecewise((x, x > 0), (alpha * x, True)),
        {"alpha": 0.25},
        source="He et al. 2015, Delving deep into rectifiers, arXiv:1502.01852",
    ),
    Activation(
        "elu",
        sp.Piecewise((x, x > 0), (alpha * (sp.exp(x) - 1), True)),
        {"alpha": 1.0},
        source="Clevert, Unterthiner & Hochreiter 2016, Fast and accurate deep network learning by ELUs, "
        "arXiv:1511.07289",
    ),
    Activation(
        "selu",
        sp.Piecewise((scale * x, x > 0), (scale * alpha * (sp.exp(x) - 1), True)),
        {"alpha": 1.6732632423543772, "scale": 1.0507009873554805},
        source="Klambauer et al. 2017, Self-normalizing neural networks, arXiv:1706.02515",
    ),
    Activation(
        "celu",
        sp.Piecewise((x, x > 0), (alpha * (sp.exp(x / alpha) - 1), True)),
        {"alpha": 1.0},
        source="Barron 2017, Continuously differentiable exponential linear units, arXiv:1704.07483",
        domain=alpha > 0,
    ),
    Activation(
        "gelu",
        x * Phi(x),
        source="Hendrycks & Gimpel 2016, Gaussian error linear units, arXiv:1606.08415",
    ),
    Activation(
        "gelu_tanh",
        x / 2 * (1 + sp.tanh(gelu_cubic)),
        source="Hendrycks & Gimpel 2016, Gaussian error linear units, arXiv:1606.08415; "
        "torch.nn.GELU(approximate='tanh')",
    ),
    Activation(
        "silu",
        x * sigmoid(beta * x),
        {"beta": 1.0},
        source="Hendrycks & Gimpel 2016, Gaussian error linear units, arXiv:1606.08415; Elfwing, Uchibe & "
        "Doya 2018, Sigmoid-weighted linear units, arXiv:1702.03118; with β: Ramachandran, Zoph & Le 2017, "
        "Searching for activation functions, arXiv:1710.05941",
    ),
    Activation(
        "hard_swish",
        sp.Piecewise((0, x <= -3), (x * (x + 3) / 6, x < 3), (x, True)),
        source="Howard et al. 2019, Searching for MobileNetV3, arXiv:1905.02244",
    ),
    Activation(
        "mish",
        x * sp.tanh(softplus(x)),
        source="Misra 2019, Mish: a self regularized non-monotonic activation function, arXiv:1908.08681",
    ),
    Activation(
        "softplus",
        softplus(beta * x) / beta,
        {"beta": 1.0},
        source="Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing",
        domain=beta > 0,
    ),
    Activation("log_sigmoid", -softplus(-x), source="torch.nn.LogSigmoid"),
    Activation("tanh_shrink", x - sp.tanh(x), source="torch.nn.Tanhshrink"),
    Activation(
        "soft_shrink",
        sp.Piecewise((x - lambd, x > lambd), (x + lambd, x < -lambd), (0, True)),
        {"lambd": 0.5},
        source="Donoho 1995, De-noising by soft-thresholding",
        domain=lambd >= 0,
    ),
    Activation(
        "hard_shrink",
        sp.Piecewise((x, abs(x) > lambd), (0, True)),
        {"lambd": 0.5},
        source="Donoho & Johnstone 1994, Ideal spatial adaptation by wavelet shrinkage",
        domain=lambd >= 0,
    ),
    Activation(
        "threshold",
        sp.Piecewise((x, x > theta), (value, True)),
        {"threshold": 1.0, "value": 0.0},
        source="Konda, Memisevic & Krueger 2014, Zero-bias autoencoders and the benefits of co-adapting "
        "features, arXiv:1402.3337; torch.nn.Threshold (which has no defaults)",
    ),
    Activation(
        "gaussian",
        sp.exp(-(x**2)),
        source="Broomhead & Lowe 1988, Multivariable functional interpolation and adaptive networks",
    ),
    Activation(
        "multiquadric",
        sp.sqrt(x**2 + c**2),
        {"c": 1.0},
        source="Hardy 1971, Multiquadric equations of topography and other irregular surfaces",
        domain=c > 0,
    ),
    Activation("affine", alpha * x + beta, {"alpha": 1.0, "beta": 0.0}, source="ONNX, LSTM: Affine"),
    Activation("exponential", sp.exp(x), source="keras.activations.exponential"),
    Activation(
        "sine",
        sp.sin(x),
        source="Sopena, Romero & Alquézar 1999, Neural networks with periodic and monotonic activation "
        "functions; Sitzmann et al. 2020, Implicit neural representations with periodic activation "
        "functions, arXiv:2006.09661",
    ),
    Activation(
        "snake",
        x + sp.sin(alpha * x) ** 2 / alpha,
        {"alpha": 1.0},
        source="Ziyin, Hartwig & Ueda 2020, Neural networks fail to learn periodic functions and how to "
        "fix it, arXiv:2006.08195",
        domain=sp.Ne(alpha, 0),
    ),
    Activation(
        "general_hard_sigmoid",
        sp.Piecewise((0, alpha * x + beta <= 0), (alpha * x + beta, alpha * x + beta < 1), (1, True)),
        {"alpha": 0.2, "beta": 0.5},
        source="Courbariaux, Bengio & David 2015, BinaryConnect, arXiv:1511.00363 (α = 1/2); ONNX "
        "HardSigmoid",
        domain=alpha > 0,
    ),
    Activation(
        "sparse_sigmoid",
        sp.Piecewise((0, x <= -1), ((x + 1) / 2, x < 1), (1, True)),
        source="Blondel, Martins & Niculae 2020, Learning with Fenchel-Young losses, arXiv:1901.02324",
    ),
    Activation(
        "sparse_plus",
        sp.Piecewise((0, x <= -1), ((x + 1) ** 2 / 4, x < 1), (x, True)),
        source="Blondel, Martins & Niculae 2020, Learning with Fenchel-Young losses, arXiv:1901.02324",
    ),
    Activation(
        "squareplus",
        (x + sp.sqrt(x**2 + b)) / 2,
        {"b": 4.0},
        source="Barron 2021, Squareplus: a softplus-like algebraic rectifier, arXiv:2112.11687",
        domain=b > 0,
    ),
    Activation(
        "squared_relu",
        sp.Piecewise((x**2, x > 0), (0, True)),
        source="So et al. 2021, Primer: searching for efficient transformers, arXiv:2109.08668",
    ),
    Activation(
        "star_relu",
        sp.Piecewise((scale * x**2 + bias, x > 0), (bias, True)),
        {"scale": 0.8944, "bias": -0.4472},
        source="Yu et al. 2022, MetaFormer baselines for vision, arXiv:2210.13452",
    ),
    Activation(
        "rrelu",
        sp.Piecewise((x, x > 0), ((lower + upper) / 2 * x, True)),
        {"lower": 1 / 8, "upper": 1 / 3},
        source="Xu et al. 2015, Empirical evaluation of rectified activations, arXiv:1505.00853; this is the "
        "mean, used after training; randomized_relu draws the slopes",
        domain=lower <= upper,
    ),
    Activation(
        "xielu",
        sp.Piecewise(
            (alpha_p * x**2 + beta * x, x > 0), (alpha_n * (sp.exp(x) - 1) + (beta - alpha_n) * x, True)
        ),
        {"alpha_p": 0.8, "alpha_n": 0.8, "beta": 0.5},
        source="Huang & Schlag 2024, Deriving activation functions using integration, arXiv:2411.13010",
    ),
    Activation(
        "shrink",
        sp.Piecewise((x - bias, x > lambd), (x + bias, x < -lambd), (0, True)),
        {"bias": 0.0, "lambd": 0.5},
        source="ONNX Shrink; bias = lambd: soft_shrink, bias = 0: hard_shrink",
        domain=lambd >= 0,
    ),
    Activation(
        "scaled_tanh",
        alpha * sp.tanh(beta * x),
        {"alpha": 1.7159, "beta": 2 / 3},
        source="LeCun 1989, Generalization and network design strategies; LeCun, Bottou, Orr & Müller 1998, "
        "Efficient BackProp",
    ),
    Activation(
        "soft_cap",
        c * sp.tanh(x / c),
        {"c": 30.0},
        source="Bello et al. 2017, Neural combinatorial optimization with reinforcement learning, "
        "arXiv:1611.09940; Gemma Team 2024, Gemma 2, arXiv:2408.00118 (c = 30 for the last logits)",
        domain=c > 0,
    ),
    Activation(
        "dynamic_tanh",
        gain * sp.tanh(alpha * x) + bias,
        {"alpha": 0.5, "gain": 1.0, "bias": 0.0},
        source="Zhu et al. 2025, Transformers without normalization, arXiv:2503.10622",
    ),
    Activation(
        "dynamic_erf",
        gain * sp.erf(alpha * x + shift) + bias,
        {"alpha": 0.5, "shift": 0.0, "gain": 1.0, "bias": 0.0},
        source="Chen et al. 2025, Stronger normalization-free transformers, arXiv:2512.10938",
    ),
]

ACTIVATIONS: Mapping[str, Activation] = Catalogue(_CATALOGUE, ALIASES)
