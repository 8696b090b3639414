"""Exercises that answer back.

`predict` asks for a commitment before a picture moves, `check` marks a typed answer and names the
misconception behind a wrong one.

Texts are plain text with `$…$` for mathematics and backticks for code.
"""

import hashlib
import json
import logging
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import sympy
from sympy.core.evalf import PrecisionExhausted

from helpers.answers import equivalent, given, plain, to_float
from helpers.cards import QUIET, as_html, card, sentence
from helpers.reading import (
    CONSTANTS,
    FUNCTIONS,
    Term,
    UnreadableAnswerError,
    Vocabulary,
    digits_right,
    near,
    notation,
    plural,
    quoted,
    read,
    read_answer,
)
from helpers.views import widget_view

_LOG = logging.getLogger(__name__)
_SCRIPT = Path(__file__).with_name("exercises.js")


@dataclass(frozen=True)
class Feedback:
    """What an exercise says to one answer.

    Attributes
    ----------
    right : bool
        Whether the answer is right.
    message : str
        What the learner reads.
    misconception : str or None
        The name of the known misconception that leads to this answer, if there is one.
    """

    right: bool
    message: str
    misconception: str | None = None

    def _repr_html_(self) -> str:
        return _feedback_html(self)


def _feedback_html(feedback: Feedback) -> str:
    sign, tone = ("✓", "right") if feedback.right else ("✗", "wrong")
    return card(f"<strong>{sign}</strong> {as_html(feedback.message)}", tone, role="alert")


class _Exercise:
    """What `predict` and `check` share: a question, controls, feedback, and three ways to show them."""

    def __init__(self, title: str, question: str, controls: list[widgets.Widget], note: str) -> None:
        self.question = question
        self._title = title
        self._note = note
        full_width = widgets.Layout(width="100%")
        self._output = widgets.HTMLMath(layout=full_width)
        self._box = widgets.VBox(
            [widgets.HTMLMath(card(self._heading()), layout=full_width), *controls, self._output],
            layout=widgets.Layout(max_width="48em", overflow="visible"),
        )

    def _heading(self) -> str:
        note = f'<div style="{QUIET}">{as_html(self._note)}</div>' if self._note else ""
        return f"<strong>{self._title}.</strong> {as_html(self.question)}{note}"

    def _static(self) -> str:
        return self._heading()

    def _say(self, feedback: Feedback) -> Feedback:
        self._output.value = _feedback_html(feedback)
        return feedback

    def _form(self) -> str:
        raise NotImplementedError

    def _mounted(self) -> tuple[str, Any]:
        raise NotImplementedError

    def page(self) -> str:
        """Write the exercise as plain HTML that answers with no kernel, no widget manager and no network.

        Returns
        -------
        str
            The question, its form, and a script that holds the answers.
        """
        mount, data = self._mounted()
        # "</script" would end the script element, and "<!--<script" would keep it open.
        text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
        name = "exercise-" + hashlib.sha256(f"{self.question}{text}".encode()).hexdigest()[:12]
        feedback = '<div data-feedback role="status" aria-live="polite"></div>'
        shown = card(_Exercise._heading(self) + self._form() + feedback)
        return (
            f'<div id="{name}" class="exercise">{shown}</div>\n'
            f'<script type="module">\n{_SCRIPT.read_text(encoding="utf-8")}\n'
            f'{mount}(document.getElementById("{name}"), {text});\n</script>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        needs_kernel = f'<div style="{QUIET}">To answer, run this notebook.</div>'
        saved = {"text/plain": repr(self), "text/html": card(self._static() + needs_kernel)}
        return saved | widget_view(self._box.model_id)


# ---------------------------------------------------------------------------------------------------------
# Predict


class Prediction(_Exercise):
    """A question answered once, before the picture moves. Made by `predict`."""

    def __init__(self, question: str, feedback: Mapping[str, str], answer: str, because: str) -> None:
        self.options = tuple(feedback)
        self.answer = answer
        self.because = because
        self.committed: Feedback | None = None
        self._feedback = dict(feedback)
        # A radio button's own label shows no mathematics and breaks badly over two lines.
        self._lettered = any("$" in option or "`" in option or len(option) > 60 for option in self.options)
        labels = [chr(ord("A") + i) if self._lettered else option for i, option in enumerate(self.options)]
        self._choice = widgets.RadioButtons(
            options=list(zip(labels, self.options, strict=True)),
            index=None,
            description="Your prediction",
            style={"description_width": "initial"},
            layout=widgets.Layout(width="auto", margin="0.3em 0 0.3em 1.2em"),
        )
        self._button = widgets.Button(
            description="Commit",
            tooltip="Lock this prediction and see the answer",
            layout=widgets.Layout(margin="0.2em 0 0.2em 1.2em"),
        )
        self._button.on_click(lambda _: self._commit(self._choice.value))
        super().__init__("Predict", question, [self._choice, self._button], "")

    def __repr__(self) -> str:
        return "\n".join([f"Predict: {self.question}", *(f"  ( ) {option}" for option in self.options)])

    def _list(self, style: str) -> str:
        items = "".join(f"<li>{as_html(option)}</li>" for option in self.options)
        return f'<ol style="list-style-type: {style}; margin: 0.3em 0; padding-left: 2em">{items}</ol>'

    def _heading(self) -> str:
        return super()._heading() + (self._list("upper-alpha") if self._lettered else "")

    def _static(self) -> str:
        return super()._heading() + self._list("upper-alpha" if self._lettered else "circle")

    def _form(self) -> str:
        name = hashlib.sha256(self.question.encode()).hexdigest()[:12]
        labels = [
            f'<label style="display: block; margin: 0.3em 0"><input type="radio" name="{name}" value="{i}"> '
            f"{as_html(option)}</label>"
            for i, option in enumerate(self.options)
        ]
        legend = '<legend style="font-size: 1em">Your prediction</legend>'
        fields = (
            f'<fieldset style="border: 0; margin: 0.3em 0; padding: 0">{legend}{"".join(labels)}</fieldset>'
        )
        return f'{fields}<button type="button">Commit</button>'

    def _mounted(self) -> tuple[str, Any]:
        answers = map(self.mark, self.options)
        return "mountPrediction", [{"right": one.right, "html": as_html(one.message)} for one in answers]

    def mark(self, option: str) -> Feedback:
        """Say whether an option is right, without showing it to the learner.

        Parameters
        ----------
        option : str
            One of the options, as written in the exercise.

        Returns
        -------
        Feedback
            Verdict, explanation, and the misconception behind a wrong option.

        Raises
        ------
        ValueError
            If the exercise has no such option.
        """
        if option not in self._feedback:
            raise ValueError(f"{option!r} is not an option; choose from {list(self.options)}.")
        right = option == self.answer
        why = self._feedback[option]
        verdict = (
            f"Right: {sentence(option)}"
            if right
            else f"Not so. You predicted: {sentence(option)} The answer is: {sentence(self.answer)}"
        )
        message = " ".join(filter(None, [verdict, sentence(why), self.because]))
        return Feedback(right, message, None if right else why or None)

    def answer_with(self, option: str) -> Feedback:
        """Commit to an option, as the learner does; the first commitment stays.

        Parameters
        ----------
        option : str
            One of the options, as written in the exercise.

        Returns
        -------
        Feedback
            What the exercise now shows.
        """
        self.mark(option)
        return self._commit(option)

    def _commit(self, option: str | None) -> Feedback:
        if self.committed is not None:
            return self.committed
        if option is None:
            return self._say(Feedback(False, "Nothing is chosen yet. Choose an option, then commit."))
        self.committed = self.mark(option)
        self._choice.value = option
        self._choice.disabled = True
        self._button.disabled = True
        self._button.description = "Committed"
        return self._say(self.committed)


def predict(
    question: str, options: Mapping[str, str] | Iterable[str], *, answer: str, because: str = ""
) -> Prediction:
    """Ask the learner to commit to an answer before the picture moves.

    The options lock once committed; only then does the exercise say what is right and why.

    Parameters
    ----------
    question : str
        The question; `$…$` is mathematics.
    options : mapping of str to str, or iterable of str
        The options in order. A mapping gives each option its feedback, in whole sentences; for a wrong one,
        the misconception.
    answer : str
        The right option.
    because : str, optional
        The explanation, shown after any commitment.

    Returns
    -------
    Prediction
        Displays itself; `mark(option)` and `answer_with(option)` answer from code.

    Raises
    ------
    ValueError
        If there are fewer than two options, two are the same, or the answer is not among them.

    Examples
    --------
    >>> predict("Where is $\\sigma'$ largest?", ["at 0", "at 1"], answer="at 0").mark("at 0").right
    True
    """
    listed = list(options)
    feedback = dict(options) if isinstance(options, Mapping) else dict.fromkeys(listed, "")
    if len(feedback) < 2 or len(feedback) < len(listed):
        raise ValueError("A prediction needs at least two different options.")
    if answer not in feedback:
        raise ValueError(f"The answer {answer!r} is not among the options {listed}.")
    return Prediction(question, feedback, answer, because)


# ---------------------------------------------------------------------------------------------------------
# Check


class Check(_Exercise):
    """A question with a typed answer, marked as often as the learner likes. Made by `check`."""

    def __init__(
        self,
        question: str,
        answer: Any,
        tolerance: float | None,
        misconceptions: Mapping[str, Any],
        because: str,
        hint: str,
        where: Mapping[str, Any],
        aliases: Mapping[str, str],
        unit: str,
    ) -> None:
        self._answer = given(answer)
        self._misconceptions = {name: given(wrong) for name, wrong in misconceptions.items()}
        self._because = because
        self._hint = hint
        self._where = {name: plain(meaning) for name, meaning in where.items()}
        self._assumptions = {
            symbol.name: symbol
            for entry in np.array(answer, dtype=object).flat
            if isinstance(entry, sympy.Expr)
            for symbol in entry.free_symbols
        }
        free = {symbol.name for entry in self._answer.flat for symbol in entry.free_symbols}
        for wrong in (*self._misconceptions.values(), np.array(list(self._where.values()), dtype=object)):
            free |= {symbol.name for entry in wrong.flat for symbol in entry.free_symbols}
        self._symbols = sorted(free | set(self._where))
        words = [word.lower() for one in unit.split() for word in (one, one + "s", one.removesuffix("s"))]
        names = {name: self._meant(sympy.Symbol(name)) for name in self._symbols}
        self._vocabulary = Vocabulary(names, aliases, words, self._answer.shape)
        self._tolerance = self._settle(answer, tolerance)
        # The values of a numeric answer; None for expressions.
        self._values = None if self._is_formula() else [to_float(self._meant(e)) for e in self._answer.flat]
        for name, wrong in self._misconceptions.items():
            if self._agrees(self._answer, self._terms(wrong)):
                raise ValueError(f"The misconception {name!r} gives the right answer.")

        self._text = widgets.Text(
            description="Your answer",
            placeholder=self._placeholder(),
            continuous_update=False,
            style={"description_width": "initial"},
            layout=widgets.Layout(width="26em", max_width="100%"),
        )
        self._button = widgets.Button(description="Check", tooltip="Mark this answer; tries are unlimited")
        self._text.observe(lambda change: self._typed(change["new"]), "value")
        self._button.on_click(lambda _: self._say(self.mark(self._text.value)))
        row = widgets.HBox(
            [self._text, self._button],
            layout=widgets.Layout(margin="0.2em 0 0.2em 1.2em", flex_flow="row wrap"),
        )
        super().__init__("Check", question, [row], self._asked_for())

    def __repr__(self) -> str:
        return f"Check: {self.question}\n  {self._asked_for()}"

    def _settle(self, answer: Any, tolerance: float | None) -> float:
        if any(entry.free_symbols for entry in self._answer.flat):
            if tolerance is not None:
                raise ValueError("A tolerance has no meaning for an expression in symbols.")
            return 0.0
        if tolerance is not None:
            if not 0 <= tolerance < math.inf:
                raise ValueError(f"The tolerance is {tolerance!r}; it must be a number from 0 up.")
            return float(tolerance)
        entries = np.array(answer, dtype=object).flat
        exact = all(isinstance(entry, int | np.integer | sympy.Expr) for entry in entries)
        return 0.0 if exact else 0.01 * max(abs(to_float(entry)) for entry in self._answer.flat)

    def _placeholder(self) -> str:
        if not self._answer.ndim:
            return f"an expression in {', '.join(self._symbols)}" if self._symbols else "a number"
        return "[1, 2, …]" if self._answer.ndim == 1 else "[[1, 2, …], [3, 4, …]]"

    def _kind(self) -> str:
        if not self._answer.ndim:
            return f"an expression in `{', '.join(self._symbols)}`" if self._symbols else "a number"
        shape = " × ".join(map(str, self._answer.shape))
        entries = f" of expressions in `{', '.join(self._symbols)}`" if self._symbols else ""
        example = "[1, 2, …]" if self._answer.ndim == 1 else "[[1, 2, …], [3, 4, …]]"
        length = plural(self._answer.size, "entry").replace("entrys", "entries")
        return (
            f"a list of {length}{entries}, as in `{example}`"
            if self._answer.ndim == 1
            else (f"a {shape} array{entries}, as in `{example}`")
        )

    def _is_formula(self) -> bool:
        return any(self._meant(entry).free_symbols for entry in self._answer.flat)

    def _asked_for(self) -> str:
        if self._is_formula():
            precision = "Any equivalent form counts"
        elif self._tolerance:
            each = "Each entry counts" if self._answer.ndim else "It counts"
            precision = f"{each} within ±{self._tolerance:.3g}"
        else:
            precision = "Give it exactly, as in `1/3` or `exp(-1)`, or to three digits or more"
        meanings = "".join(f" Here `{name}` stands for `{meaning}`." for name, meaning in self._where.items())
        return f"Type {self._kind()}. {precision}.{meanings}"

    def _misshapen(self, shape: tuple[int, ...]) -> str:
        found = f"a {' × '.join(map(str, shape))} array" if shape else "a single value"
        if len(shape) == 1:
            found = f"a list of {shape[0]}"
        return f"That is {found}, but the answer is {self._kind()}."

    def _allowed(self) -> str:
        if not self._is_formula():
            return f"Type {self._kind()}."
        names = ", ".join(f"`{name}`" for name in [*self._symbols, *CONSTANTS])
        return f"Allowed: numbers, {names}, `+ - * / ^`, brackets, and {', '.join(FUNCTIONS)}."

    def _agrees(self, expected: np.ndarray, typed: np.ndarray) -> bool:
        if expected.shape != typed.shape:
            return False
        for right, term in zip(expected.flat, typed.flat, strict=True):
            meant, said = self._meant(right), term.expr
            if meant.free_symbols or said.free_symbols:
                if not equivalent(meant, said, self._assumptions)[0]:
                    return False
            else:
                value = to_float(meant)
                found = term.value if term.constant else to_float(said)
                # 0.26 is within 0.01 of 0.25, whatever doubles say.
                slack = 1e-9 * self._tolerance + 8 * np.finfo(float).eps * abs(value)
                if not abs(found - value) <= self._tolerance + slack:
                    return False
        return True

    def _form(self) -> str:
        hint = escape(self._placeholder())
        return (
            '<form style="margin: 0.3em 0"><label>Your answer <input type="text" autocomplete="off" '
            f'spellcheck="false" placeholder="{hint}" style="width: 20em; max-width: 100%"></label> '
            "<button>Check</button></form>"
        )

    def _mounted(self) -> tuple[str, Any]:
        wrong = {n: a for n, a in self._misconceptions.items() if a.shape == self._answer.shape}
        everything = [*self._answer.flat, *(entry for answer in wrong.values() for entry in answer.flat)]
        # A number's misconception may be a formula.
        free = {symbol.name for entry in everything for symbol in self._meant(entry).free_symbols}
        points = list(_points(sorted(free), self._assumptions))

        def values(answer: np.ndarray) -> list[list[float | None]]:
            return [[_exact(self._meant(entry), point) for point in points] for entry in answer.flat]

        return "mountCheck", {
            "names": self._symbols,
            "shorthand": {n: [_exact(m, point) for point in points] for n, m in self._where.items()},
            "aliases": self._vocabulary.aliases,
            "words": self._vocabulary.words,
            "shape": self._answer.shape,
            "kind": self._kind(),
            "allowed": self._allowed(),
            "because": self._because,
            "hint": self._hint,
            "tolerance": None if self._is_formula() else self._tolerance,
            "points": points,
            "answer": values(self._answer),
            "misconceptions": [{"name": name, "values": values(answer)} for name, answer in wrong.items()],
            "notation": notation(),
        }

    def _meant(self, entry: sympy.Expr) -> sympy.Expr:
        return entry.subs(self._where) if self._where else entry

    def mark(self, value: Any) -> Feedback:
        """Say whether an answer is right, without showing it to the learner.

        Parameters
        ----------
        value : str, number, sympy expression or array_like
            A string is read as if typed.

        Returns
        -------
        Feedback
            Verdict, explanation, and the misconception behind a wrong answer where it is a known one. An
            answer that cannot be read gets a message saying why.
        """
        shown = quoted(value if isinstance(value, str) else str(value))
        typed = f"You typed `{shown}`. " if shown else ""
        try:
            return self._judged(self._found(value), typed)
        except (UnreadableAnswerError, TypeError, sympy.SympifyError) as reason:
            return Feedback(False, f"{typed}{reason} {self._allowed()}")
        except Exception:
            # In a notebook, nobody would see it, and the card would still show the answer before.
            _LOG.exception("The answer %r to %r could not be marked.", value, self.question)
            return Feedback(
                False, f"{typed}It could not be compared with the answer; write it in a simpler way."
            )

    def _terms(self, answer: np.ndarray) -> np.ndarray:
        """Entries as if they were typed."""
        terms = np.empty(answer.shape, dtype=object)
        for position, entry in np.ndenumerate(answer):
            meant = self._meant(entry)
            terms[position] = Term(meant, math.nan if meant.free_symbols else to_float(meant))
        return terms

    def _found(self, value: Any) -> np.ndarray:
        typed = read(value, self._vocabulary) if isinstance(value, str) else self._terms(given(value))
        if typed.shape != self._answer.shape:
            raise UnreadableAnswerError(self._misshapen(typed.shape))
        for term in typed.flat:
            if unknown := {symbol.name for symbol in term.expr.free_symbols} - set(self._symbols):
                raise UnreadableAnswerError(f"`{sorted(unknown)[0]}` is not a name this exercise knows.")
        return typed

    def _judged(self, found: np.ndarray, typed: str) -> Feedback:
        if self._agrees(self._answer, found):
            return Feedback(True, f"Right. {self._because}".strip())
        for name, wrong in self._misconceptions.items():
            # One that has no value where the answer has one cannot be compared, and is not meant.
            with suppress(UnreadableAnswerError):
                if self._agrees(wrong, found):
                    return Feedback(False, f"Not yet. {typed}{sentence(name)}", name)
        rounded = self._rounded(list(found.flat), typed)
        hint = self._hint or "That is not the answer. Try again."
        return rounded or Feedback(False, f"Not yet. {typed}{hint}")

    def _rounded(self, found: list[Term], typed: str) -> Feedback | None:
        """What can be said of numbers that equal no known answer, but may be one in decimals."""
        if self._values is None or not all(term.constant for term in found):
            return None
        digits = digits_right(found, self._values)
        if digits > 2:
            return Feedback(True, f"Right to {digits} digits. {self._because}".strip())
        if digits == 2:
            right = "It is right to 2 digits: type it exactly, or to three digits or more."
            return Feedback(False, f"Not yet. {typed}{right}")
        wrong = {name: self._constants(answer) for name, answer in self._misconceptions.items()}
        rounded = [name for name, values in wrong.items() if values and digits_right(found, values) > 1]
        close = [name for name, values in wrong.items() if values and near(found, values)]
        if len(rounded) != 1 and near(found, self._values):
            within = "It is within 1% of the answer, but not right to the digits typed."
            return Feedback(False, f"Not yet. {typed}{within}")
        for meant in (rounded, close):
            if len(meant) == 1:
                return Feedback(False, f"Not yet. {typed}{sentence(meant[0])}", meant[0])
        return None

    def _constants(self, answer: np.ndarray) -> list[float] | None:
        if answer.shape != self._answer.shape or any(self._meant(e).free_symbols for e in answer.flat):
            return None
        return [to_float(self._meant(entry)) for entry in answer.flat]

    def answer_with(self, value: Any) -> Feedback:
        """Answer as the learner does: the box shows the answer and the feedback.

        Parameters
        ----------
        value : str, number, sympy expression or array_like
            A string is read as if typed.

        Returns
        -------
        Feedback
            What the exercise now shows.
        """
        if isinstance(value, np.ndarray):
            value = value.tolist()
        self._text.value = str(value)
        return self._say(self.mark(value))

    def _typed(self, text: str) -> None:
        if text.strip():
            self._say(self.mark(text))


def _points(names: list[str], assumptions: Mapping[str, sympy.Symbol]) -> Iterator[dict[str, float]]:
    """Where a page compares formulas: near 0, where curves bend, and out to where clipped ones differ."""
    if not names:
        yield {}
        return
    rng = np.random.default_rng(2)
    for reach, count in ((0.125, 16), (1.0, 24), (4.0, 48), (16.0, 32), (128.0, 16)):
        # One draw from each of `count` equal parts leaves no gap, and is none that a formula may be made for.
        parts = [(rng.permutation(count) + rng.uniform(size=count)) * 2 / count - 1 for _ in names]
        for place in zip(*parts, strict=True):
            yield {
                name: _allowed_value(reach * at, assumptions.get(name))
                for name, at in zip(names, place, strict=True)
            }


def _allowed_value(value: float, symbol: sympy.Symbol | None) -> float:
    if symbol is not None and symbol.is_integer:
        value = round(value)
    return float(abs(value) if symbol is not None and symbol.is_nonnegative else value)


def _exact(expr: sympy.Expr, point: Mapping[str, float]) -> float | None:
    """A formula's value, right to the last digit of a double; None where it has none, or none that fits."""
    at = {sympy.Symbol(name): sympy.Rational(value) for name, value in point.items()}
    try:
        value = expr.subs(at).evalf(20, strict=True)
    except PrecisionExhausted:
        return None
    if not (value.is_Float or value.is_Integer):
        return None
    found = float(value)
    return found if math.isfinite(found) and bool(found) == bool(value) else None


def check(
    question: str,
    *,
    answer: Any,
    tolerance: float | None = None,
    misconceptions: Mapping[str, Any] | None = None,
    because: str = "",
    hint: str = "",
    where: Mapping[str, Any] | None = None,
    aliases: Mapping[str, str] | None = None,
    unit: str = "",
) -> Check:
    """Ask for a number, an expression or an array, and mark what the learner types.

    Parameters
    ----------
    question : str
        The question; `$…$` is mathematics.
    answer : number, sympy expression, sympy matrix or array_like
        The right answer. Expressions are compared as mathematics, wherever the answer is defined.
    tolerance : float, optional
        Largest accepted distance from a numeric answer, entry by entry; the learner sees it. Without it,
        integers and SymPy numbers are exact, and other numbers count within 1% of the largest entry. Decimals
        that round an exact value to three digits or more are right as well.
    misconceptions : mapping of str to answer, optional
        Wrong answers by the misconception that leads to each, said in whole sentences.
    because : str, optional
        The explanation, shown with a right answer.
    hint : str, optional
        What to say to a wrong answer that is no known misconception.
    where : mapping of str to expression, optional
        Short names the learner may use, as in `where={"s": 1 / (1 + exp(-x))}`.
    aliases : mapping of str to str, optional
        Other spellings of the names in the answer, as in `aliases={"s1": "s"}`.
    unit : str, optional
        Words that may stand beside the number, as in ``7 steps``; singular or plural, apart by spaces.

    Returns
    -------
    Check
        Displays itself; `mark(value)` and `answer_with(value)` answer from code.

    Raises
    ------
    ValueError
        If a misconception gives the right answer, or the tolerance makes no sense.

    Examples
    --------
    >>> s = sympy.Symbol("s")
    >>> slope = check("What is $\\sigma'$ in terms of $s=\\sigma(x)$?", answer=s * (1 - s),
    ...               misconceptions={"You forgot the inner derivative.": s**2})
    >>> slope.mark("s - s^2").right, slope.mark("s*s").misconception
    (True, 'You forgot the inner derivative.')
    """
    return Check(
        question, answer, tolerance, misconceptions or {}, because, hint, where or {}, aliases or {}, unit
    )


# ---------------------------------------------------------------------------------------------------------
# Questions kept in a file


def read_questions(path: str | Path) -> dict[str, Prediction | Check]:
    """Read a lesson's questions from a file, so that no answer stands in the notebook beside its question.

    Parameters
    ----------
    path : str or pathlib.Path
        A TOML file with a table for each question. ``ask`` is the question. A table with ``options`` is for
        `predict`, any other for `check`; their parameters go by the same names. Answers that are strings are
        read as if typed, with the names in ``symbols``.

    Returns
    -------
    dict
        The exercises by name.

    Raises
    ------
    ValueError
        If a question is not well formed; the message names the file and the question.
    """
    with open(path, "rb") as file:
        tables = tomllib.load(file)
    questions = {}
    for name, table in tables.items():
        try:
            questions[name] = _question(**table)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}, question {name!r}: {error}") from error
    return questions


def _question(ask: str, symbols: str = "", **parameters: Any) -> Prediction | Check:
    if "options" in parameters:
        return predict(ask, parameters.pop("options"), **parameters)
    names = {name: sympy.Symbol(name) for name in symbols.split()}

    def meant(answer: Any) -> Any:
        return read_answer(answer, names).tolist() if isinstance(answer, str) else answer

    for key in {"misconceptions", "where"} & set(parameters):
        parameters[key] = {name: meant(answer) for name, answer in parameters[key].items()}
    return check(ask, answer=meant(parameters.pop("answer")), **parameters)
