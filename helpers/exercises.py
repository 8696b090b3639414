"""Exercises that answer back.

`predict` asks for a commitment before a picture moves, `check` marks a typed answer and names the
misconception behind a wrong one.

Texts are plain text with `$…$` for mathematics and backticks for code.
"""

import hashlib
import itertools
import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import sympy

from helpers.answers import (
    CONSTANTS,
    FUNCTIONS,
    UnreadableAnswerError,
    equivalent,
    evaluate,
    given,
    plain,
    plural,
    quoted,
    read_answer,
    sample_points,
    to_float,
)
from helpers.cards import QUIET as _QUIET
from helpers.cards import as_html as _html
from helpers.cards import card as _card
from helpers.cards import sentence as _sentence
from helpers.views import widget_view

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
    return _card(f"<strong>{sign}</strong> {_html(feedback.message)}", tone, role="alert")


class _Exercise:
    """What `predict` and `check` share: a question, controls, feedback, and three ways to show them."""

    def __init__(self, title: str, question: str, controls: list[widgets.Widget], note: str) -> None:
        self.question = question
        self._title = title
        self._note = note
        full_width = widgets.Layout(width="100%")
        self._output = widgets.HTMLMath(layout=full_width)
        self._box = widgets.VBox(
            [widgets.HTMLMath(_card(self._heading()), layout=full_width), *controls, self._output],
            layout=widgets.Layout(max_width="48em", overflow="visible"),
        )

    def _heading(self) -> str:
        note = f'<div style="{_QUIET}">{_html(self._note)}</div>' if self._note else ""
        return f"<strong>{self._title}.</strong> {_html(self.question)}{note}"

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
        # "</" would end the script element.
        text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
        name = "exercise-" + hashlib.sha256(f"{self.question}{text}".encode()).hexdigest()[:12]
        feedback = '<div data-feedback role="status" aria-live="polite"></div>'
        card = _card(_Exercise._heading(self) + self._form() + feedback)
        return (
            f'<div id="{name}" class="exercise">{card}</div>\n'
            f'<script type="module">\n{_SCRIPT.read_text(encoding="utf-8")}\n'
            f'{mount}(document.getElementById("{name}"), {text});\n</script>'
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        needs_kernel = f'<div style="{_QUIET}">To answer, run this notebook.</div>'
        saved = {"text/plain": repr(self), "text/html": _card(self._static() + needs_kernel)}
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
        items = "".join(f"<li>{_html(option)}</li>" for option in self.options)
        return f'<ol style="list-style-type: {style}; margin: 0.3em 0; padding-left: 2em">{items}</ol>'

    def _heading(self) -> str:
        return super()._heading() + (self._list("upper-alpha") if self._lettered else "")

    def _static(self) -> str:
        return super()._heading() + self._list("upper-alpha" if self._lettered else "circle")

    def _form(self) -> str:
        name = hashlib.sha256(self.question.encode()).hexdigest()[:12]
        labels = [
            f'<label style="display: block; margin: 0.3em 0"><input type="radio" name="{name}" value="{i}"> '
            f"{_html(option)}</label>"
            for i, option in enumerate(self.options)
        ]
        legend = '<legend style="font-size: 1em">Your prediction</legend>'
        fields = (
            f'<fieldset style="border: 0; margin: 0.3em 0; padding: 0">{legend}{"".join(labels)}</fieldset>'
        )
        return f'{fields}<button type="button">Commit</button>'

    def _mounted(self) -> tuple[str, Any]:
        answers = map(self.mark, self.options)
        return "mountPrediction", [{"right": one.right, "html": _html(one.message)} for one in answers]

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
            f"Right: {_sentence(option)}"
            if right
            else f"Not so. You predicted: {_sentence(option)} The answer is: {_sentence(self.answer)}"
        )
        message = " ".join(filter(None, [verdict, _sentence(why[:1].upper() + why[1:]), self.because]))
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
        The options in order. A mapping gives each option its feedback; for a wrong one, the name of the
        misconception.
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
        where: Mapping[str, Any],
    ) -> None:
        self._answer = given(answer)
        self._misconceptions = {name: given(wrong) for name, wrong in misconceptions.items()}
        self._because = because
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
        self._names = CONSTANTS | {name: sympy.Symbol(name) for name in self._symbols}
        self._tolerance = self._settle(answer, tolerance)
        for name, wrong in self._misconceptions.items():
            if self._agrees(self._answer, wrong):
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

    def _asked_for(self) -> str:
        if self._symbols and any(entry.free_symbols for entry in self._answer.flat):
            precision = "Any equivalent form counts"
        elif self._tolerance:
            each = "Each entry counts" if self._answer.ndim else "It counts"
            precision = f"{each} within ±{self._tolerance:.3g}"
        else:
            precision = "It must be exact; a fraction such as `1/3` or `exp(-1)` may be typed"
        meanings = "".join(f" Here `{name}` stands for `{meaning}`." for name, meaning in self._where.items())
        return f"Type {self._kind()}. {precision}.{meanings}"

    def _misshapen(self, shape: tuple[int, ...]) -> str:
        found = f"a {' × '.join(map(str, shape))} array" if shape else "a single value"
        if len(shape) == 1:
            found = f"a list of {shape[0]}"
        decimals = " Write decimals with a point." if shape == (2,) and not self._answer.ndim else ""
        return f"That is {found}, but the answer is {self._kind()}.{decimals}"

    def _allowed(self) -> str:
        names = ", ".join(f"`{name}`" for name in [*self._symbols, *CONSTANTS])
        return f"Allowed: numbers, {names}, `+ - * / ^`, brackets, and {', '.join(FUNCTIONS)}."

    def _agrees(self, expected: np.ndarray, found: np.ndarray) -> bool:
        if expected.shape != found.shape:
            return False
        for right, typed in zip(expected.flat, found.flat, strict=True):
            meant, said = self._meant(right), self._meant(typed)
            if meant.free_symbols or said.free_symbols:
                if not equivalent(meant, said, self._assumptions)[0]:
                    return False
            else:
                value = to_float(meant)
                # 0.26 is within 0.01 of 0.25, whatever doubles say.
                slack = 1e-9 * self._tolerance + 8 * np.finfo(float).eps * abs(value)
                if not abs(to_float(said) - value) <= self._tolerance + slack:
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
        meant = [self._meant(entry) for entry in self._answer.flat]
        symbolic = any(entry.free_symbols for entry in meant)
        wrong = {
            name: [self._meant(entry) for entry in answer.flat] if answer.shape == self._answer.shape else []
            for name, answer in self._misconceptions.items()
        }
        everything = [*meant, *itertools.chain(*wrong.values()), *self._where.values()]
        free = sorted({symbol.name for entry in everything for symbol in entry.free_symbols})
        # A number's misconception may be a formula.
        points = list(sample_points(free, self._assumptions)) if free else [{}]

        def at_points(entry: sympy.Expr) -> list[float | None]:
            function = sympy.lambdify([sympy.Symbol(name) for name in free], entry, "math")
            found = [evaluate(function, [point[name] for name in free]) for point in points]
            return [None if value is None or math.isnan(value) else float(value) for value in found]

        shorthand = {name: at_points(meaning) for name, meaning in self._where.items()}
        return "mountCheck", {
            "names": self._symbols,
            "shape": self._answer.shape,
            "kind": self._kind(),
            "allowed": self._allowed(),
            "because": self._because,
            "tolerance": None if symbolic else self._tolerance,
            "points": [
                point | {name: given[i] for name, given in shorthand.items()}
                for i, point in enumerate(points)
            ],
            "answer": [at_points(entry) for entry in meant],
            "misconceptions": [
                {"name": name, "values": [at_points(entry) for entry in entries] or None}
                for name, entries in wrong.items()
            ],
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
            answer that cannot be read gets a message saying why and what is allowed.
        """
        shown = quoted(value if isinstance(value, str) else str(value))
        try:
            found = read_answer(value, self._names) if isinstance(value, str) else given(value)
            if found.shape != self._answer.shape:
                raise UnreadableAnswerError(self._misshapen(found.shape))
            for entry in found.flat:
                if entry.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I):
                    raise UnreadableAnswerError("It has no finite real value.")
            if unknown := {s.name for entry in found.flat for s in entry.free_symbols} - set(self._symbols):
                raise UnreadableAnswerError(f"`{sorted(unknown)[0]}` is not a name this exercise knows.")
            if self._agrees(self._answer, found):
                return Feedback(True, f"Right. {self._because}".strip())
            for name, wrong in self._misconceptions.items():
                if self._agrees(wrong, found):
                    return Feedback(False, f"Not yet. You typed `{shown}`: {name}.".replace("..", "."), name)
        except (UnreadableAnswerError, TypeError, sympy.SympifyError) as reason:
            typed = f"You typed `{shown}`. " if shown else ""
            return Feedback(False, f"{typed}{reason} {self._allowed()}")
        return Feedback(False, f"Not yet. You typed `{shown}`, which is not the answer. Try again.")

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


def check(
    question: str,
    *,
    answer: Any,
    tolerance: float | None = None,
    misconceptions: Mapping[str, Any] | None = None,
    because: str = "",
    where: Mapping[str, Any] | None = None,
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
        integers and SymPy numbers are exact, and other numbers count within 1% of the largest entry.
    misconceptions : mapping of str to answer, optional
        Wrong answers by the name of the misconception that leads to each.
    because : str, optional
        The explanation, shown with a right answer.
    where : mapping of str to expression, optional
        Short names the learner may use, as in `where={"s": 1 / (1 + exp(-x))}`.

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
    ...               misconceptions={"you forgot the inner derivative": s**2})
    >>> slope.mark("s - s^2").right, slope.mark("s*s").misconception
    (True, 'you forgot the inner derivative')
    """
    return Check(question, answer, tolerance, misconceptions or {}, because, where or {})


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
    names = CONSTANTS | {name: sympy.Symbol(name) for name in symbols.split()}

    def meant(answer: Any) -> Any:
        return read_answer(answer, names).tolist() if isinstance(answer, str) else answer

    wrong = {name: meant(answer) for name, answer in parameters.pop("misconceptions", {}).items()}
    return check(ask, answer=meant(parameters.pop("answer")), misconceptions=wrong, **parameters)
