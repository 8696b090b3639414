import numpy as np
import pytest
import sympy
from sympy.abc import x

from helpers.claims import CLAIM, UnsupportedError, claim

TRUE = {"a fact": True}
GOOD = {
    "holds": {"shown": TRUE, "hardest": {"the worst case": True}},
    "false": {"shown": TRUE},
    "depends": {"on": "the rate", "inside": {"slow": True}, "outside": {"fast": True}},
    "not decided": {"measured": {"a minus b": (-0.5, 1.5)}},
}
GROUPS = [(verdict, group) for verdict, given in GOOD.items() for group in given]


def test_a_card_shows_claim_verdict_both_sides_and_evidence():
    card = claim(
        "A chain of sigmoids makes the gradient vanish",
        "depends",
        on="the size of each factor, |wσ'| < 1 or > 1",
        inside={"w = 1 shrinks it": np.True_},
        outside={"w = 5 does not": sympy.true},
        evidence={"factor at w = 5": 1.25, "steps": 67},
        because="Each layer multiplies by |wσ'|.",
        id="C14",
    )
    for text in (repr(card), card._repr_html_()):
        for part in (
            "C14",
            "A chain of sigmoids",
            "w = 1 shrinks it",
            "w = 5 does not",
            "1.25",
            "67",
            "Each layer",
        ):
            assert part in text
        assert (
            text.index("It holds:") < text.index("w = 1") < text.index("It fails:") < text.index("w = 5 does")
        )
    assert "depends on the size of each factor, |wσ'| < 1" in repr(card)
    assert "&lt; 1" in card._repr_html_()


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        ("holds", "✓ Holds"),
        ("false", "✗ False"),
        ("depends", "◐ Depends on the rate"),
        ("not decided", "? Not decided"),
    ],
)
def test_a_verdict_is_a_word_and_a_sign(verdict, shown):
    assert shown in claim("So they say.", verdict, **GOOD[verdict])._repr_html_()


@pytest.mark.parametrize(("verdict", "group"), GROUPS)
def test_a_verdict_without_its_evidence_is_refused(verdict, group):
    lacking = {name: facts for name, facts in GOOD[verdict].items() if name != group}
    with pytest.raises(ValueError, match=f"The verdict '{verdict}' needs {group}"):
        claim("So they say.", verdict, **lacking)
    with pytest.raises(ValueError, match=f"The verdict '{verdict}' needs {group}"):
        claim("So they say.", verdict, **lacking, **{group: {} if group != "on" else ""})


@pytest.mark.parametrize(("verdict", "group"), GROUPS)
def test_evidence_of_another_verdict_is_refused(verdict, group):
    for other, given in GOOD.items():
        if group not in given:
            with pytest.raises(ValueError, match=f"The verdict '{other}' does not take {group}"):
                claim("So they say.", other, **given, **{group: GOOD[verdict][group]})


@pytest.mark.parametrize("untrue", [False, np.False_, sympy.false])
@pytest.mark.parametrize(("verdict", "group"), [one for one in GROUPS if one[1] not in {"on", "measured"}])
def test_a_card_that_lies_is_refused_by_every_fact_that_failed(verdict, group, untrue):
    facts = {"this is so": True, "this is not": untrue, "nor is this": untrue}
    with pytest.raises(UnsupportedError, match="this is false: this is not; nor is this") as refused:
        claim("So they say.", verdict, **(GOOD[verdict] | {group: facts}))
    assert refused.value.failed == {group: ["this is not", "nor is this"]}


def test_a_single_fact_needs_no_sentence():
    assert "Shown" not in repr(claim("So they say.", "false", shown=True))
    with pytest.raises(UnsupportedError, match="what was computed"):
        claim("So they say.", "false", shown=False)


@pytest.mark.parametrize("shown", ["yes", 1, np.array([True]), x > 0])
def test_only_a_truth_value_shows_anything(shown):
    for facts in (shown, {"a fact": shown}):
        with pytest.raises(TypeError, match="true or false"):
            claim("So they say.", "false", shown=facts)


def test_what_is_not_decided_shows_its_interval():
    card = claim("So they say.", "not decided", measured={"a − b, points": (-0.31, 1.26)})
    assert "a − b, points: −0.31 … +1.3" in repr(card)
    assert "a − b, points: −0.31 … +1.3" in card._repr_html_()


@pytest.mark.parametrize("interval", [(0.1, 0.5), (-0.5, -0.1)])
def test_an_interval_that_leaves_out_0_has_decided(interval):
    with pytest.raises(UnsupportedError, match="a − b"):
        claim("So they say.", "not decided", measured={"c − b": (-1, 1), "a − b": interval})


@pytest.mark.parametrize("interval", [0.1, (1, -1), (0, np.inf), (np.nan, 1), (1, 2, 3)])
def test_what_is_no_interval_is_refused(interval):
    with pytest.raises(TypeError, match="a lower and an upper number; 'a − b'"):
        claim("So they say.", "not decided", measured={"a − b": interval})


def test_an_unknown_verdict_is_refused_by_naming_the_allowed():
    with pytest.raises(ValueError, match=r"'only if'.*'holds', 'false', 'depends', 'not decided'"):
        claim("So they say.", "only if", shown=True)


def test_a_card_says_its_facts_as_data():
    card = claim("So they say.", "depends", **GOOD["depends"], id="C99")
    said = {"id": "C99", "text": "So they say.", "verdict": "depends", "on": "the rate"}
    assert card._repr_mimebundle_()[CLAIM] == said
