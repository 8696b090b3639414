"""Cards that put folklore to the test: a sentence people repeat, a verdict, and evidence on both sides.

A card refuses to appear where what was computed does not carry its verdict. What carries it differs:

============= ==========================================================================================
verdict       evidence it must bring
============= ==========================================================================================
holds         facts that show it, and the setting most likely to break it
false         facts that contradict the sentence
depends       what it depends on, a case in which the sentence holds, and one in which it fails
not decided   what was measured, each with an interval that holds 0
============= ==========================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from helpers.cards import QUIET, as_html, card

CLAIM = "application/vnd.activation-course.claim+json"
"""The MIME type under which a card says its id, text, verdict and what it depends on, as data."""

GROUPS = {
    "holds": ("shown", "hardest"),
    "false": ("shown",),
    "depends": ("inside", "outside"),
    "not decided": ("measured",),
}
"""The groups of facts that each verdict must bring, and may."""

# The sign and the tone of each verdict.
_LOOK = {
    "holds": ("✓", "right"),
    "false": ("✗", "wrong"),
    "depends": ("◐", "neutral"),
    "not decided": ("?", "neutral"),
}
_HEADS = {
    "shown": "",
    "hardest": "Where it was most likely to break:",
    "inside": "It holds:",
    "outside": "It fails:",
    "measured": "Measured, with intervals that hold 0:",
}


class UnsupportedError(AssertionError):
    """What was computed does not carry the verdict.

    Attributes
    ----------
    failed : dict of str to list of str
        The sentences that are false, by group: ``"shown"``, ``"hardest"`` and so on.
    """

    def __init__(self, text: str, verdict: str, failed: dict[str, list[str]]) -> None:
        sentences = "; ".join(
            sentence or "what was computed" for group in failed.values() for sentence in group
        )
        super().__init__(f"“{text}”, {verdict}: not supported, because this is false: {sentences}")
        self.failed = failed


@dataclass(frozen=True)
class Claim:
    """Folklore, its verdict and the evidence that was computed for it. Made by `claim`.

    Attributes
    ----------
    text, verdict : str
        The sentence, and what checking it gave.
    on : str
        What a verdict *depends* depends on, else empty.
    facts : mapping of str to list of str
        The sentences shown, by group: ``"shown"``, ``"hardest"``, ``"inside"``, ``"outside"`` and
        ``"measured"``.
    because, id : str
        The reason, and the number in the course.
    evidence : mapping of str to str
        Computed numbers by name.
    """

    text: str
    verdict: str
    on: str = ""
    facts: Mapping[str, list[str]] = field(default_factory=dict)
    because: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)
    id: str = ""

    @property
    def judgment(self) -> str:
        """The verdict in words: ``"depends on the learning rate"``."""
        return f"{self.verdict} on {self.on}" if self.on else self.verdict

    def __repr__(self) -> str:
        lines = [f"Claim{self.id and ' ' + self.id}: “{self.text}”", f"  Verdict: {self.judgment}"]
        if self.because:
            lines.append(f"  Because: {self.because}")
        for group, sentences in self.facts.items():
            if sentences:
                lines += [f"  {_HEADS[group] or 'Shown:'}", *(f"    {sentence}" for sentence in sentences)]
        return "\n".join([*lines, *(f"  {name}: {number}" for name, number in self.evidence.items())])

    def _repr_html_(self) -> str:
        sign, tone = _LOOK[self.verdict]
        judgment = as_html(self.judgment[:1].upper() + self.judgment[1:])
        lists = [
            (_HEADS[group], [f"✓ {as_html(sentence)}" for sentence in sentences])
            for group, sentences in self.facts.items()
        ]
        numbers = [f"{as_html(name)}: <strong>{as_html(n)}</strong>" for name, n in self.evidence.items()]
        return card(
            f'<div style="{QUIET}">Claim{self.id and " " + as_html(self.id)}</div>'
            f"<div>“{as_html(self.text)}”</div>"
            f"<div><strong>{sign} {judgment}</strong></div>"
            + (f"<div>{as_html(self.because)}</div>" if self.because else "")
            + "".join(_listed(head, items) for head, items in [*lists, ("", numbers)]),
            tone,
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        said = {"id": self.id, "text": self.text, "verdict": self.verdict, "on": self.on}
        return {"text/plain": repr(self), "text/html": self._repr_html_(), CLAIM: said}


def _listed(head: str, items: list[str]) -> str:
    if not items:
        return ""
    lines = "".join(f"<li>{item}</li>" for item in items)
    return (f"<div>{head}</div>" if head else "") + (
        f'<ul style="margin: 0.3em 0; padding-left: 1.5em">{lines}</ul>'
    )


def claim(
    text: str,
    verdict: str,
    *,
    shown: Any = None,
    hardest: Mapping[str, bool] | None = None,
    on: str = "",
    inside: Mapping[str, bool] | None = None,
    outside: Mapping[str, bool] | None = None,
    measured: Mapping[str, tuple[float, float]] | None = None,
    because: str = "",
    evidence: Mapping[str, Any] | None = None,
    id: str = "",
) -> Claim:
    """Show a sentence people repeat, with the verdict this notebook has computed.

    The card refuses to appear where what was computed does not carry the verdict.

    Parameters
    ----------
    text : str
        The claim, in the words in which it circulates.
    verdict : {"holds", "false", "depends", "not decided"}
        What checking it gave.
    shown : bool or mapping of str to bool
        For *holds* and *false*: what the cell computed, by the sentence each fact supports.
    hardest : mapping of str to bool
        For *holds*: what was computed in the setting most likely to break it.
    on : str
        For *depends*: what it depends on, read on after "depends on".
    inside, outside : mapping of str to bool
        For *depends*: what was computed in a case in which the sentence holds, and in one where it fails.
    measured : mapping of str to (float, float)
        For *not decided*: the interval of each difference whose sign would decide.
    because : str, optional
        The reason, in a sentence.
    evidence : mapping of str to number or str, optional
        Computed numbers to show, by name. Floats show four significant digits.
    id : str, optional
        The number of the claim in the course.

    Returns
    -------
    Claim
        Displays itself, also where nothing runs.

    Raises
    ------
    ValueError
        If the verdict is none of the four, or does not come with the evidence that it takes.
    TypeError
        If a fact is no truth value, or an interval no pair of finite numbers.
    UnsupportedError
        If a fact is false, or an interval leaves out 0. It is an AssertionError.

    Examples
    --------
    >>> claim("The slope of the sigmoid stays below 1/4.", "false", shown=0.25 >= 0.25, because="1/4 at 0.")
    Claim: “The slope of the sigmoid stays below 1/4.”
      Verdict: false
      Because: 1/4 at 0.
    """
    if verdict not in GROUPS:
        raise ValueError(f"The verdict is {verdict!r}; it must be one of {', '.join(map(repr, GROUPS))}.")
    if not isinstance(shown, Mapping) and shown is not None:
        shown = {"": shown}
    given = {"shown": shown, "hardest": hardest, "inside": inside, "outside": outside, "measured": measured}
    _check_kinds(verdict, {group for group, facts in given.items() if facts}, on)
    judged = {
        group: (_intervals if group == "measured" else _facts)(facts)
        for group, facts in given.items()
        if facts
    }
    failed = {group: [name for name, true in facts.items() if not true] for group, facts in judged.items()}
    if any(failed.values()):
        raise UnsupportedError(text, verdict, {group: names for group, names in failed.items() if names})
    groups = {group: [name for name in facts if name] for group, facts in judged.items()}
    numbers = {
        name: f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
        for name, value in (evidence or {}).items()
    }
    return Claim(text, verdict, on, groups, because, numbers, id)


def _check_kinds(verdict: str, given: set[str], on: str) -> None:
    """Refuse a verdict that lacks its kind of evidence, or comes with another's."""
    needed = set(GROUPS[verdict]) | ({"on"} if verdict == "depends" else set())
    given = given | ({"on"} if on else set())
    if lacking := sorted(needed - given):
        raise ValueError(f"The verdict {verdict!r} needs {' and '.join(lacking)}.")
    if extra := sorted(given - needed):
        raise ValueError(f"The verdict {verdict!r} does not take {' or '.join(extra)}.")


def _facts(facts: Mapping[str, Any]) -> dict[str, bool]:
    for sentence, fact in facts.items():
        if not isinstance(fact, bool | np.bool_ | type(sympy.true) | type(sympy.false)):
            raise TypeError(f"A fact must be true or false, computed in the cell; {sentence!r} is {fact!r}.")
    return {sentence: bool(fact) for sentence, fact in facts.items()}


def _intervals(intervals: Mapping[str, Any]) -> dict[str, bool]:
    """Write each interval out, and say whether it holds 0."""
    written = {}
    for name, bounds in intervals.items():
        low, high = bounds if np.shape(bounds) == (2,) else (math.nan, math.nan)
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise TypeError(f"An interval must be a lower and an upper number; {name!r} is {bounds!r}.")
        written[f"{name}: {low:+.2g} … {high:+.2g}".replace("-", "−")] = bool(low <= 0 <= high)
    return written
