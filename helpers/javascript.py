"""The catalogue in JavaScript: value and slope of every entry, with the stable twins.

>>> print(to_javascript())
const ACTIVATIONS = (() => { … })();

`ACTIVATIONS.elu.value(-1, 0.5)` and `ACTIVATIONS.elu.slope(-1, 0.5)` are then what Python's `elu(-1,
alpha=0.5)` and `elu.grad(-1, alpha=0.5)` are, to 12 digits; the parameters follow x in the order of
`ACTIVATIONS.elu.parameters`, an object of names and defaults, and may be left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from helpers.activations import ACTIVATIONS, Activation

# The series of positive terms, DLMF 7.6.2; beyond 6 the next float is 1.
_ERF = """const erf = (x) => {
  if (Number.isNaN(x) || Math.abs(x) > 6) return Number.isNaN(x) ? x : Math.sign(x);
  let term = x, sum = x;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) sum += term *= 2 * x * x / (2 * k + 1);
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
};"""


def _function(activation: Activation, which: str) -> str:
    """Write value or slope; at ±∞ as the limit, which floats may lose."""
    compiled = activation.compiled_value if which == "value" else activation.compiled_slope
    names = [f"{name}_" for name in activation.defaults]  # `threshold_`, as no keyword of JavaScript ends so
    return compiled.tape.javascript(["x", *names])


def _entry(activation: Activation) -> str:
    defaults = json.dumps(dict(activation.defaults))
    about = json.dumps(
        {"source": activation.source, "latex": activation.latex, "slopeLatex": activation.slope_latex}
    )
    value, slope = _function(activation, "value"), _function(activation, "slope")
    return f"  {activation.name}: entry({defaults}, {about},\n    {value},\n    {slope}),"


def to_javascript(activations: Iterable[Activation] = tuple(ACTIVATIONS.values())) -> str:
    """Print activations as one JavaScript constant, `ACTIVATIONS`.

    Parameters
    ----------
    activations : iterable of Activation
        By default the whole catalogue.

    Returns
    -------
    str
        A script for browsers and node, without imports. Each entry has `value(x, …)`, `slope(x, …)`,
        `parameters`, `source`, `latex` and `slopeLatex`.

    Raises
    ------
    UnwritableError
        If a formula uses a function that JavaScript lacks, such as gamma.
    """
    entries = "\n".join(_entry(activation) for activation in activations)
    return f"""const ACTIVATIONS = (() => {{
{_ERF}
const entry = (parameters, about, value, slope) => {{
  const defaults = Object.values(parameters);
  const filled = (f) => (x, ...given) =>
    Number.isNaN(x) ? x : f(x, ...given, ...defaults.slice(given.length));
  return {{ ...about, parameters, value: filled(value), slope: filled(slope) }};
}};
return {{
{entries}
}};
}})();
"""
