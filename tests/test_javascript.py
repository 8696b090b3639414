import json
import shutil
import subprocess

import numpy as np
import pytest
import sympy as sp

from benchmarks.accuracy import kinks
from helpers.activations import ACTIVATIONS, Activation, x
from helpers.javascript import to_javascript
from helpers.tape import UnwritableError

POINTS = np.sort(
    np.concatenate([np.linspace(-40, 40, 481), np.geomspace(1e-12, 1, 40), -np.geomspace(1e-12, 1, 40)])
)
SHOW = """
const answer = {};
for (const [name, points] of Object.entries(POINTS)) {
  const { value, slope, parameters } = ACTIVATIONS[name];
  const other = Object.values(parameters).map((p) => p + 0.375);
  answer[name] = [value, slope, (x) => value(x, ...other), (x) => slope(x, ...other)].map(
    (f) => points.map((x) => String(f(x))));
}
"""


def points_of(activation):
    return sorted([*POINTS, *kinks(activation)])


def script():
    points = {name: points_of(activation) for name, activation in ACTIVATIONS.items()}
    return f"{to_javascript()}\nconst POINTS = {json.dumps(points)};{SHOW}"


def assert_as_in_python(answer):
    assert set(answer) == set(ACTIVATIONS)
    for name, found in answer.items():
        activation, points = ACTIVATIONS[name], np.array(points_of(ACTIVATIONS[name]))
        other = {key: number + 0.375 for key, number in activation.defaults.items()}
        expected = activation(points), activation.grad(points)
        expected += activation(points, **other), activation.grad(points, **other)
        for mine, theirs in zip(expected, found, strict=True):
            theirs = np.array(theirs, float)
            worst = np.argmax(np.abs(theirs - mine) / np.maximum(np.abs(mine), 1e-300))
            assert abs(theirs - mine)[worst] <= 1e-12 * abs(mine[worst]) + 1e-300, (name, points[worst])


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_node_computes_what_python_does(tmp_path):
    program = tmp_path / "program.js"
    program.write_text(script() + "console.log(JSON.stringify(answer));", encoding="utf-8")
    run = subprocess.run(["node", str(program)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert_as_in_python(json.loads(run.stdout))


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_nan_parameters_and_texts_arrive(tmp_path):
    program = tmp_path / "program.js"
    asked = (
        "[ACTIVATIONS.relu.slope(NaN), ACTIVATIONS.elu.value(-1, 0.5), ACTIVATIONS.elu.parameters.alpha,"
        "ACTIVATIONS.relu.source, ACTIVATIONS.relu.slopeLatex, ACTIVATIONS.dynamic_erf.value(20)].map(String)"
    )
    program.write_text(f"{to_javascript()}console.log(JSON.stringify({asked}));", encoding="utf-8")
    run = subprocess.run(["node", str(program)], capture_output=True, text=True, check=True)
    nan, elu, alpha, source, latex, one = json.loads(run.stdout)
    assert nan == "NaN"
    assert float(elu) == pytest.approx(ACTIVATIONS["elu"](-1.0, alpha=0.5), rel=1e-12)
    assert (alpha, source, one) == ("1", ACTIVATIONS["relu"].source, "1")
    assert latex == ACTIVATIONS["relu"].slope_latex


def test_a_formula_of_ones_own_is_written_too_and_what_javascript_lacks_is_named():
    assert "bent: entry(" in to_javascript([Activation("bent", (sp.sqrt(x**2 + 1) - 1) / 2 + x)])
    with pytest.raises(UnwritableError, match="gamma has no counterpart in JavaScript"):
        to_javascript([Activation("own", sp.gamma(x))])
