import re
import xml.etree.ElementTree as ET
from html import escape

import numpy as np
import pytest
import sympy as sp

from helpers import sheet
from helpers.activations import ACTIVATIONS, Activation, x
from helpers.drawing import SLOPE, VALUE
from helpers.properties import properties

CARDS = ["relu", "elu", "gelu", "binary_step", "multiquadric", "sine", "dynamic_erf"]


@pytest.mark.parametrize("name", CARDS)
def test_a_prompt_shows_formula_slope_curve_properties_source_and_names(name):
    activation = ACTIVATIONS[name]
    plain, rich = repr(activation), activation._repr_html_()
    for shown in (plain, rich):
        assert activation.source.partition("&")[0] in shown
        assert "in the frameworks" in shown
        for key, number in activation.defaults.items():
            assert f"{key} = {number:.6g}" in shown
    assert "f(x) = " in plain
    assert "f'(x) = " in plain
    assert "•" in plain
    assert "<svg" in rich
    for latex in (activation.latex, activation.slope_latex):
        assert escape(latex, quote=False) in rich


def test_the_card_tells_the_properties_and_the_names():
    shown = repr(ACTIVATIONS["silu"])
    row = properties("silu").row()
    assert re.search(rf"^range +{re.escape(row['range'])}$", shown, re.MULTILINE)
    assert "JAX silu, swish" in shown
    assert "PyTorch SiLU" in shown
    assert re.search(r"^source +Hendrycks & Gimpel 2016", shown, re.MULTILINE)


def test_what_has_no_table_of_properties_says_why():
    refused = Activation("own", x * sp.sin(x))
    assert re.search(r"^properties +own: ", repr(refused), re.MULTILINE)


def test_a_function_of_ones_own_has_a_card_too():
    own = Activation("own<b>", sp.log(1 + x**2))
    assert "own&lt;b&gt;" in own._repr_html_()
    assert "not there" in repr(own)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_curve_goes_through_the_values(name):
    picture = ET.fromstring(sheet.svg(ACTIVATIONS[name]))
    axes, slope, value = (path.attrib["d"] for path in picture)
    zero = float(re.match(r"M0 (\S+)", axes)[1])
    places = np.array(re.findall(r"[ML](\S+) (\S+)", value), float)
    at = places[:, 0] / 320 * 8 - 4
    heights = zero - places[:, 1]
    values = ACTIVATIONS[name](at)
    scale = heights @ values / (values @ values) if values.any() else 1
    np.testing.assert_allclose(heights, scale * values, atol=1.5)
    assert len(places) > 100
    assert "nan" not in slope + value


def test_steps_are_not_joined():
    step = ET.fromstring(sheet.svg(ACTIVATIONS["binary_step"]))[2].attrib["d"]
    assert step.count("M") == 2


def test_the_cards_colors_are_the_houses():
    assert (f"#{VALUE.strip('#')}", f"#{SLOPE.strip('#')}") == (sheet.VALUE, sheet.SLOPE)
