"""Random answers, marked in a notebook and on a page: what each costs, and whether both say the same.

Run it as ``python tests/fuzz_answers.py 20000``.
"""

import logging
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import sympy
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from twin import NODE, marks_on_page

from helpers.exercises import Feedback, check
from helpers.reading import FUNCTIONS

k, s, x = sympy.symbols("k s x")
QUESTIONS = {
    "formula": check(
        "?", answer=s * (1 - s), misconceptions={"You squared.": s**2}, where={"s": 1 / (1 + sympy.exp(-x))}
    ),
    "kinked": check("?", answer=sympy.Max(0, x) - k, misconceptions={"No kink.": x - k}),
    "number": check("?", answer=sympy.Rational(8, 13), misconceptions={"Half of it.": sympy.Rational(4, 13)}),
    "list": check("?", answer=[2.5, -1, 0], misconceptions={"The signs.": [-2.5, 1, 0]}),
    "array": check("?", answer=[[1, 2], [3, 4]]),
}

NUMBERS = [
    "0",
    "1",
    "2",
    "7",
    "0.5",
    "0,25",
    "1e3",
    "1e-9",
    "999",
    "1000",
    "123456789",
    "½",
    "007",
    "3.",
    "1e308",
]
NAMES = ["x", "s", "k", "e", "pi", "π", "X", "ks", "kx", "y", "line", "α"]
SIGNS = [*"+-*/^(),;[]|√%°²³⁻=·−", "**", " ", " ", "  ", "\u00a0", "·", "≈", "#", "'"]
atoms = st.sampled_from([*NUMBERS, *NAMES])
formulas = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "^", " ", "", "^-", "/-"]), inner).map("".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        st.tuples(st.sampled_from([*FUNCTIONS, "σ", "ln", "√"]), inner).map(
            lambda both: "{}({})".format(*both)
        ),
        st.tuples(st.sampled_from(["max", "min"]), inner, inner).map(
            lambda three: "{}({}, {})".format(*three)
        ),
    ),
    max_leaves=25,
)
soups = st.lists(st.sampled_from([*NUMBERS, *NAMES, *SIGNS, *FUNCTIONS]), max_size=60).map("".join)
towers = st.tuples(
    st.sampled_from(
        ["{}^-", "{}^", "{}^(", "exp(", "({}", "-{}", "√", "|", "[", "{}{}", "{}/", "max({},", "sinh(", "{}²"]
    ),
    atoms,
    st.integers(1, 120),
).map(lambda three: (three[0].replace("{}", three[1]) * three[2])[:298] + three[1])
lists = st.lists(formulas, max_size=4).flatmap(
    lambda items: st.sampled_from([", ", "; ", " ", ",", "], ["]).map(
        lambda between: f"[{between.join(items)}]"
    )
)
rights = st.recursive(
    st.sampled_from(
        [
            "s(1-s)",
            "exp(-x)/(1+exp(-x))²",
            "max(0,x) - k",
            "(x+|x|)/2 - k",
            "8/13",
            "0.615",
            "2.5 -1 0",
            "1 2 3 4",
        ]
    ),
    lambda inner: st.tuples(
        st.sampled_from(["({})", "{} + 0", "1*({})", "--{}", "{}·1", "y = {}", " {} ", "0 − −({})"]), inner
    ).map(lambda both: both[0].format(both[1])),
    max_leaves=4,
)
answers = st.one_of(formulas, rights, soups, towers, lists, st.text(max_size=300))


@dataclass
class Cost:
    """What random answers cost at worst, and where the two readers differ."""

    seconds: dict[str, tuple[float, str]] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    rights: int = 0
    differing: list[tuple[str, str, Feedback, Feedback]] = field(default_factory=list)
    failing: list[str] = field(default_factory=list)


def drawn(count: int, start: int) -> list[tuple[str, str]]:
    """Questions by name, and random answers to them."""
    found: list[tuple[str, str]] = []

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(list(QUESTIONS)), answers)
    def draw(name: str, text: str) -> None:
        found.append((name, text))

    draw()
    return found


def _timed(name: str, text: str) -> tuple[Feedback, float]:
    began = time.process_time()
    feedback = QUESTIONS[name].mark(text)
    return feedback, time.process_time() - began


def worst(count: int, start: int = 0, said: Callable[[str], None] = lambda _: None) -> Cost:
    """Mark `count` random answers with both readers."""
    cost = Cost()
    pairs = drawn(count, start)
    handler = logging.Handler()
    handler.emit = lambda record: cost.failing.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("helpers.exercises").addHandler(handler)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    in_notebook, slowest = [], (0.0, "")
    for done, (name, text) in enumerate(pairs):
        feedback, spent = _timed(name, text)
        if spent > 0.1:  # what is only a pause of the garbage collector does not come twice
            spent = min(spent, _timed(name, text)[1])
        in_notebook.append(feedback)
        slowest = max(slowest, (spent, text))
        if done % 1000 == 999:
            said(f"{done + 1}: {slowest[0]:.2f} s at worst, for {slowest[1]!r}")
    logging.getLogger("helpers.exercises").removeHandler(handler)
    cost.seconds["notebook"] = slowest
    cost.bytes["notebook"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    cost.rights = sum(feedback.right for feedback in in_notebook)
    if NODE is not None:
        on_page, cost.bytes["page"] = marks_on_page(QUESTIONS, pairs)
        cost.seconds["page"] = max(
            (spent, text) for (_, spent), (_, text) in zip(on_page, pairs, strict=True)
        )
        cost.differing = [
            (name, text, one, Feedback(other.right, other.message))
            for (name, text), one, (other, _) in zip(pairs, in_notebook, on_page, strict=True)
            if (one.right, one.message) != (other.right, other.message)
        ]
    return cost


def _report(count: int) -> None:
    cost = worst(count, said=print)
    print(f"{count} answers, {cost.rights} of them right.")
    for where, (seconds, text) in cost.seconds.items():
        print(f"{where}: {seconds:.3f} s at worst, for {text!r}; {cost.bytes[where] / 1e6:.0f} MB")
    verdicts = sum(one.right != other.right for *_, one, other in cost.differing)
    print(f"{len(cost.differing)} differ, {verdicts} in the verdict:")
    for name, text, one, other in cost.differing:
        print(f"  {name}: {text!r}\n    notebook: {one.message}\n    page: {other.message}")
    print(f"{len(cost.failing)} could not be marked.", *cost.failing, sep="\n  ")


if __name__ == "__main__":
    _report(int(sys.argv[1]))
