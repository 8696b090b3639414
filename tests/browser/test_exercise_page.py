"""The lessons' questions on a plain page, offline: they say what they say in a notebook."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from playwright.sync_api import Page

from helpers.exercises import Check, Feedback, Prediction, check, read_questions

FILES = sorted((ROOT / "notebooks/questions").glob("*.toml"))


def open_offline(watch: Callable[..., Any], folder: Path, *exercises: Prediction | Check) -> Page:
    """Show exercises on a page that can ask nobody."""
    file = folder / "page.html"
    cards = "\n".join(exercise.page() for exercise in exercises)
    file.write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>page</title>{cards}</html>")
    page: Page = watch().page
    page.context.set_offline(True)
    page.goto(file.as_uri())
    return page


def type_answer(page: Page, number: int, text: str) -> tuple[bool, str]:
    """Type into the exercise of that number and read what it says."""
    card = page.locator(".exercise").nth(number)
    card.locator("input[type=text]").fill(text)
    card.locator("input[type=text]").press("Enter")
    return said(page, number)


def said(page: Page, number: int) -> tuple[bool, str]:
    place = page.locator(".exercise").nth(number).locator("[data-feedback]")
    return place.get_attribute("data-right") == "true", " ".join(place.inner_text().split())


def in_words(feedback: Feedback) -> str:
    """What a card shows of a message: no backticks, and code as it is."""
    return " ".join(unescape(feedback.message.replace("`", "")).split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_question_answers_as_in_a_notebook(
    path: Path, watch: Callable[..., Any], tmp_path: Path
) -> None:
    questions = read_questions(path)
    page = open_offline(watch, tmp_path, *questions.values())
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    for number, (name, question) in enumerate(questions.items()):
        if isinstance(question, Check):
            answers = [tables[name]["answer"], *tables[name]["misconceptions"].values()]
            for answer in [*map(str, answers), "12345.678", "2 x", "nonsense(1)", "[1, [2]]", ""]:
                expected = question.mark(answer)
                right, message = type_answer(page, number, answer)
                assert right == expected.right, (name, answer, message)
                assert message == f"{'✓' if right else '✗'} {in_words(expected)}", (name, answer)
        else:
            page.reload()
            card = page.locator(".exercise").nth(number)
            card.get_by_role("button").click()
            assert said(page, number)[1].startswith("✗ Nothing is chosen yet."), name
            card.get_by_role("radio").last.check()
            card.get_by_role("button").click()
            expected = question.mark(question.options[-1])
            assert said(page, number) == (
                expected.right,
                f"{'✓' if expected.right else '✗'} {in_words(expected)}",
            )
            assert card.get_by_role("button").is_disabled()


def test_a_text_that_opens_a_script_does_not_swallow_the_page(
    watch: Callable[..., Any], tmp_path: Path
) -> None:
    trap = "<!--<script>"
    exercises = [
        check("A quarter?", answer=0.25, hint=f"Not {trap}.", because=f"So {trap} and </script>."),
        check("A half?", answer=0.5),
    ]
    page = open_offline(watch, tmp_path, *exercises)
    assert type_answer(page, 0, "0.25") == (True, f"✓ Right. So {trap} and </script>.")
    assert type_answer(page, 0, "0.75")[1].endswith(f"Not {trap}.")
    assert type_answer(page, 1, "0.5")[0]
