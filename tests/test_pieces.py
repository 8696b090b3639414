import numpy as np
import pytest
import sympy as sp

from helpers.pieces import without_choices
from helpers.primitives import compile_numpy, x

a, b, k = sp.symbols("a b k", real=True)
P = sp.Piecewise
POINTS = np.concatenate([np.linspace(-9, 9, 73), [1e300, -1e300, np.inf, -np.inf]])

WITHOUT = {
    "a ramp": (P((x, x > 0), (0, True)), True, "maximum(x, 0)"),
    "a ramp from the right": (P((0, x >= 2), (x - 2, True)), True, "minimum(x - 2, 0)"),
    "a clip": (P((a, x <= a), (x, x < b), (b, True)), a < b, "clip(x, a, b)"),
    "a clipped line": (P((0, x <= -3), ((x + 3) / 6, x < 3), (1, True)), True, "clip((x + 3)/6, 0, 1)"),
    "conditions from both ends": (P((1, x > 1), (-1, x < -1), (x, True)), True, "clip(x, -1, 1)"),
    "a line that a parameter turns up": (P((0, k * x <= 0), (k * x, True)), k > 0, "maximum(k*x, 0)"),
    "conditions on a line": (
        P((0, k * x + 1 <= 0), (k * x + 1, k * x + 1 < 2), (2, True)),
        k > 0,
        "clip(k*x + 1, 0, 2)",
    ),
    "shrinking": (P((x - k, x > k), (x + k, x < -k), (0, True)), k >= 0, "x - clip(x, -k, k)"),
    "growing": (P((x + k, x > k), (x - k, x < -k), (2 * x, True)), k >= 0, "x + clip(x, -k, k)"),
    "x as a factor": (P((0, x <= -3), (x * (x + 3) / 6, x < 3), (x, True)), True, "x*clip((x + 3)/6, 0, 1)"),
    "a gap": (P((x, sp.Abs(x) > k), (0, True)), k >= 0, "x*Piecewise((1, k < Abs(x)), (0, True))"),
    "a jump to 0": (P((x, x > 1), (0, True)), True, "x*Piecewise((1, x > 1), (0, True))"),
    "two that meet at 0": (
        P((x, x > 0), (a * (sp.exp(x) - 1), True)),
        True,
        "a*(exp(minimum(x, 0)) - 1) + maximum(x, 0)",
    ),
}
WITH = {
    "borders in an order that nobody knows": (P((a, x <= a), (x, x < b), (b, True)), sp.true),
    "a border of unknown sign": (P((x - k, x > k), (x + k, x < -k), (0, True)), sp.true),
    "a jump": (P((x, x > 1), (2, True)), sp.true),
    "a jump at the end": (P((0, x <= -1), (x, x < 1), (1, True)), sp.true),
    "a falling line": (P((1, x <= -1), (-x, x < 1), (-1, True)), sp.true),
    "a hole": (P((1, sp.Ne(x, 0)), (0, True)), sp.true),
    "no value on the left": (P((x, x > 0)), sp.true),
    "a pole where they meet": (P((1 / x, x > 0), (x, True)), sp.true),
    "pieces that meet elsewhere": (P((x - 1, x > 1), (sp.exp(x - 1) - 1, True)), sp.true),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_a_clip_or_maximum_is_found(name):
    formula, domain, expected = WITHOUT[name]
    found = without_choices(formula, x, sp.sympify(domain))
    assert str(found) == expected


@pytest.mark.parametrize("name", WITH)
def test_what_is_no_clip_stays_a_choice(name):
    formula, domain = WITH[name]
    assert without_choices(formula, x, domain) == formula


@pytest.mark.parametrize("name", [*WITHOUT, *WITH])
def test_both_forms_have_the_same_values(name):
    formula, domain = {**{n: case[:2] for n, case in WITHOUT.items()}, **WITH}[name]
    symbols = tuple(sorted(formula.free_symbols - {x}, key=str))
    given = dict(zip(symbols, (0.5, 1.25), strict=False))
    computed = compile_numpy(formula, symbols, sp.sympify(domain))(POINTS, *given.values())
    for point, value in zip(POINTS, computed, strict=True):
        at = sp.oo * int(np.sign(point)) if np.isinf(point) else sp.Float(float(point))
        expected = float(formula.subs(given).subs(x, at))
        np.testing.assert_allclose(value, expected, rtol=1e-15, atol=1e-16)
