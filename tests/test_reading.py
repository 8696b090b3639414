"""Typed answers, read in a notebook and on a page: one table of cases for both, and no costly input."""

import logging
import re
import time
import tomllib
import tracemalloc
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fuzz_answers import QUESTIONS, worst
from twin import NODE, marks_on_page

from helpers.exercises import Check, _question, read_questions
from helpers.reading import FUNCTIONS

ROOT = Path(__file__).parents[1]
TABLE = tomllib.loads((ROOT / "tests/answers.toml").read_text(encoding="utf-8"))
LESSONS = {
    f"{path.stem[:2]} {name}": question
    for path in sorted((ROOT / "notebooks/questions").glob("*.toml"))
    for name, question in read_questions(path).items()
}
CHECKS: dict[str, Check] = {
    name: _question("?", **{key: value for key, value in table.items() if key not in {"right", "said"}})
    if "answer" in table
    else LESSONS[name]
    for name, table in TABLE.items()
}
RIGHT = [(name, typed) for name, table in TABLE.items() for typed in table["right"]]
SAID = [(name, typed, part) for name, table in TABLE.items() for typed, part in table["said"]]
marked = cache(lambda name, typed: CHECKS[name].mark(typed))
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
# Each once cost more than all others together, or had no answer.
HOSTILE = [
    "2^-" * 90 + "1",
    "2^-" * 20 + "2",
    "s^-" * 90 + "s",
    "(" * 140 + "x" + ")" * 140,
    "[" * 290,
    "-" * 299 + "x",
    "√" * 299 + "x",
    "|" * 300,
    "abs(" * 50 + "x" + ")" * 50,
    "tanh(" * 55 + "x" + ")" * 55,
    "(x + s + 1)^99*(x - 1)^99",
    "((1 + 1e-30)^1000)^1000",
    "exp(10^200*log(1 + 10^-200))",
    "exp(1000*log(1+1e-9)*1000*1000)",
    "(max(log((s)+(1000)), ((x)^(999))^(sigmoid(0.333)), 999))-(erf(sigmoid((1)+(1/997))))",
    "max(" + ", ".join(["sin(x)^2 + cos(x)^2", "sqrt(2)", "exp(sqrt(3))", "x*s", "log(7)"]) + ")",
    "(123456789012345678901234567890)^(1/3)*x",
    "sin(10^300*x) + cos(pi*10^300)",
    "½" * 299,
    "⁻" * 299,
    "0." + "1" * 290,
    "x" * 10_000,
    "s(" * 140,
    "1" + "e1" * 140,
    ",".join("1" * 150),
    "α" * 300,
    "\x00",
]


@pytest.mark.parametrize(("name", "typed"), RIGHT)
def test_a_right_answer_is_right_in_every_notation_that_people_type(name: str, typed: str) -> None:
    feedback = marked(name, typed)
    assert feedback.right, feedback.message


@pytest.mark.parametrize(("name", "typed", "part"), SAID)
def test_other_answers_are_told_what_is_the_matter(name: str, typed: str, part: str) -> None:
    feedback = marked(name, typed)
    assert not feedback.right
    assert part in feedback.message


@pytest.mark.parametrize("name", TABLE)
def test_every_message_is_made_of_whole_sentences(name: str) -> None:
    for typed in (typed for typed, _ in TABLE[name]["said"]):
        message = re.sub(r"`[^`]*`", "x", marked(name, typed).message)
        assert re.match(r"[A-Z]", message), message
        assert re.search(r"[.?!]$", message), message
        assert not re.search(r"[.?!] [a-wyz]", message), message


@pytest.mark.parametrize("name", TABLE)
def test_the_functions_are_listed_only_where_a_formula_is_asked_for(name: str) -> None:
    message = CHECKS[name].mark("#").message
    assert "cannot be read" in message
    assert ("softplus" in message) == CHECKS[name]._is_formula()


@needs_node
def test_a_page_says_what_a_notebook_says() -> None:
    pairs = [*RIGHT, *((name, typed) for name, typed, _ in SAID)]
    said, _ = marks_on_page(CHECKS, pairs)
    for (name, typed), (on_page, _) in zip(pairs, said, strict=True):
        feedback = marked(name, typed)
        assert (on_page.right, on_page.message) == (feedback.right, feedback.message), (name, typed)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("typed", HOSTILE, ids=lambda typed: typed[:12].encode("unicode_escape").decode())
def test_no_input_costs_more_than_half_a_second_or_50_megabytes(name: str, typed: str) -> None:
    tracemalloc.start()
    before = time.process_time()
    feedback = QUESTIONS[name].mark(typed)
    spent, (_, peak) = time.process_time() - before, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 0.5 * TRACING
    assert peak < 50e6
    assert len(feedback.message) < 600


TRACING = 4  # how much slower a program runs while its memory is watched


@needs_node
def test_no_input_costs_a_page_more_than_half_a_second() -> None:
    pairs = [(name, typed) for name in QUESTIONS for typed in HOSTILE]
    said, used = marks_on_page(QUESTIONS, pairs)
    for pair, (_, spent) in zip(pairs, said, strict=True):
        assert spent < 0.5, pair
    assert used < 250e6  # Node.js itself takes 50


def test_random_answers_get_a_message_in_time_and_the_same_on_a_page() -> None:
    cost = worst(400, start=1)
    assert not cost.failing
    assert cost.rights > 2
    for seconds, text in cost.seconds.values():
        assert seconds < 0.5, text
    verdicts = [
        (text, one.message, other.message)
        for _, text, one, other in cost.differing
        if one.right != other.right
    ]
    assert not verdicts


def test_what_cannot_be_marked_still_gets_a_message_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr("helpers.exercises.equivalent", broken)
    with caplog.at_level(logging.ERROR):
        feedback = QUESTIONS["formula"].mark("s")
    assert not feedback.right
    assert feedback.misconception is None
    assert "write it in a simpler way" in feedback.message
    assert "unforeseen" in caplog.text


@needs_node
def test_every_function_is_read_and_has_the_same_values_on_a_page() -> None:
    exercises, typed = {}, []
    for name, function in FUNCTIONS.items():
        for place in (0.3, 2.5):
            values = (place, 1.0)[: function.least]
            value = float(function.number(*values))
            key = f"{name} at {place}"
            exercises[key] = _question("?", answer=value, tolerance=4e-15 * abs(value) + 1e-300)
            typed += [(key, f"{name}({', '.join(map(str, values))})"), (key, f"{name.title()} {values}")]

    for (key, text), (on_page, _) in zip(typed, marks_on_page(exercises, typed)[0], strict=True):
        assert exercises[key].mark(text).right, text
        assert on_page.right, text
