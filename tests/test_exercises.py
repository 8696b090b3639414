import math
import re
import time
import tomllib
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
import sympy

from helpers.activations import ACTIVATIONS
from helpers.exercises import Feedback, check, predict, read_questions
from helpers.views import WIDGET_VIEW

x, s = sympy.symbols("x s")
SIGMOID = 1 / (1 + sympy.exp(-x))


@pytest.fixture
def slope():
    return check(
        r"Write $\sigma'$ in terms of $s$.",
        answer=s * (1 - s),
        misconceptions={"you gave the slope of tanh": 1 - s**2, "you forgot the inner derivative": s**2},
        because=r"$\sigma' = \sigma(1 - \sigma)$.",
        where={"s": SIGMOID},
    )


@pytest.fixture
def quarter():
    return check("What is the largest slope?", answer=0.25, tolerance=0.01, misconceptions={"a value": 0.5})


@pytest.fixture
def jacobian():
    return check(
        "Give the Jacobian of softmax at (0, 0).",
        answer=[[0.25, -0.25], [-0.25, 0.25]],
        tolerance=0.01,
        misconceptions={"you kept only the diagonal of the Jacobian": [[0.25, 0], [0, 0.25]]},
    )


@pytest.fixture
def race():
    return predict(
        "Which arrives first?",
        {"sigmoid": "You read the height, not the slope.", "ReLU": "", "neither": ""},
        answer="ReLU",
        because="Its slope is 1.",
    )


# predict -------------------------------------------------------------------------------------------------


def test_nothing_is_chosen_before_the_learner_chooses(race):
    assert race._choice.value is None
    assert race.committed is None


def test_committing_to_nothing_says_so_and_changes_nothing(race):
    race._button.click()
    assert "Nothing is chosen" in race._output.value
    assert not race._choice.disabled
    assert race.committed is None


def test_committing_locks_the_options_and_reveals_the_answer(race):
    race._choice.value = "sigmoid"
    assert not race._output.value
    race._button.click()
    assert race._choice.disabled
    assert race._button.disabled
    for part in (
        "✗",
        "Not so",
        "The answer is: ReLU.",
        "You read the height, not the slope.",
        "Its slope is 1.",
    ):
        assert part in race._output.value
    assert race.committed.misconception == "You read the height, not the slope."


def test_a_commitment_stays(race):
    first = race.answer_with("sigmoid")
    assert race.answer_with("ReLU") == first
    assert race._choice.value == "sigmoid"


def test_a_right_prediction_is_confirmed(race):
    feedback = race.answer_with("ReLU")
    assert feedback == Feedback(True, "Right: ReLU. Its slope is 1.", None)
    assert "✓" in race._output.value


def test_marking_a_prediction_commits_to_nothing(race):
    assert race.mark("ReLU").right
    assert race.committed is None
    assert not race._choice.disabled


@pytest.mark.parametrize(
    ("options", "answer"),
    [(["a"], "a"), (["a", "b"], "c"), (["a", "a", "b"], "a")],
    ids=["one", "absent", "twice"],
)
def test_a_prediction_that_cannot_be_answered_is_refused(options, answer):
    with pytest.raises(ValueError, match="option"):
        predict("?", options, answer=answer)


def test_an_unknown_option_is_refused_by_naming_the_options(race):
    with pytest.raises(ValueError, match=r"tanh.*sigmoid.*ReLU"):
        race.answer_with("tanh")


def test_options_with_mathematics_are_lettered():
    exercise = predict("Which?", ["$x^2$", "$x^3$"], answer="$x^2$")
    assert [label for label, _ in exercise._choice.options] == ["A", "B"]
    exercise._choice.index = 0
    exercise._button.click()
    assert exercise.committed.right


# check: expressions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "s*(1-s)",
        "s - s**2",
        "s − s^2",
        "s - s²",
        "s×(1 − s)",
        "-(s - 1)*s",
        "1/4 - (s - 0.5)^2",
        "sigmoid(x)*(1-sigmoid(x))",
        "σ(x)*(1 - σ(x))",
        "exp(-x)/(1+exp(-x))^2",
        "1/(2 + e^x + e^(-x))",
        "(1 - tanh(x/2)^2)/4",
        "s*sigmoid(-x)",
    ],
)
def test_equivalent_expressions_are_right(slope, typed):
    assert slope.mark(typed).right, slope.mark(typed).message


@pytest.mark.parametrize(
    "typed",
    ["s*(1+s)", "s - s^2.001", "s*(1-s) + 1e-12", "s*(1-s)*(1+1e-9*x)", "max(s*(1-s), 1e-3)", "0.25", "x"],
)
def test_near_misses_are_wrong(slope, typed):
    feedback = slope.mark(typed)
    assert not feedback.right
    assert feedback.misconception is None
    assert f"`{typed}`" in feedback.message


def test_a_clipped_function_differs_from_the_one_it_clips():
    relu6 = check("ReLU6?", answer=sympy.Min(sympy.Max(x, 0), 6))
    assert not relu6.mark("max(0, x)").right
    assert not relu6.mark("x").right
    assert relu6.mark("min(6, relu(x))").right


def test_expressions_are_compared_only_where_the_answer_is_defined():
    exercise = check("?", answer=sympy.log(x))
    assert exercise.mark("log(x^2)/2").right
    assert not check("?", answer=sympy.log(x**2) / 2).mark("log(x)").right


def test_decimals_in_an_answer_mean_what_they_say():
    assert check("?", answer=0.1 * x).mark("x/10").right


def test_assumptions_of_the_answers_symbols_are_kept():
    t = sympy.Symbol("t", positive=True)
    assert check("?", answer=sympy.sqrt(t**2)).mark("t").right
    assert not check("?", answer=sympy.sqrt(x**2)).mark("x").right


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("1 - s**2", "you gave the slope of tanh"),
        ("(1-s)*(1+s)", "you gave the slope of tanh"),
        ("sigmoid(x)^2", "you forgot the inner derivative"),
    ],
)
def test_a_misconception_is_named_in_whatever_form_it_is_typed(slope, typed, name):
    feedback = slope.mark(typed)
    assert (feedback.right, feedback.misconception) == (False, name)
    assert name in feedback.message


def test_sympy_answers_are_marked_as_well(slope):
    assert slope.mark(s - s**2).right
    assert slope.mark(sympy.diff(SIGMOID, x)).right


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_formula_of_the_catalogue_can_be_an_answer(name):
    for formula in (ACTIVATIONS[name].expr, ACTIVATIONS[name].derivative):
        exercise = check("?", answer=formula)
        assert exercise.mark(formula).right
        assert not exercise.mark(formula + 1).right


def test_the_courses_own_functions_are_compared_with_typed_ones():
    assert check("?", answer=ACTIVATIONS["sigmoid"].derivative).mark("σ(x)*(1 - σ(x))").right
    gelu = check("?", answer=ACTIVATIONS["gelu"].expr)
    assert gelu.mark("x/2*(1 + erf(x/sqrt(2)))").right
    assert not gelu.mark("x*sigmoid(1.702*x)").right


# check: numbers and arrays -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["0.25", "1/4", "2^-2", "0.24", "0.26", "exp(-log(4))", 0.26, sympy.Rational(1, 4)]
)
def test_a_number_within_the_tolerance_is_right(quarter, typed):
    assert quarter.mark(typed).right


@pytest.mark.parametrize("typed", ["0.2399999", "0.2600001", "-0.25", 0.2601])
def test_a_number_outside_the_tolerance_is_wrong(quarter, typed):
    assert not quarter.mark(typed).right


def test_the_tolerance_is_stated(quarter, jacobian):
    assert "±0.01" in repr(quarter)
    assert "±0.01" in quarter._box.children[0].value
    assert "Each entry counts within ±0.01" in repr(jacobian)


def test_integers_and_exact_numbers_are_exact_unless_a_tolerance_is_given():
    steps = check("How many steps?", answer=67)
    assert steps.mark("67").right
    assert steps.mark("67.0").right
    assert not steps.mark("67.001").right
    assert "exact" in repr(steps)
    third = check("?", answer=sympy.Rational(1, 3))
    assert third.mark("1/3").right
    assert not third.mark(0.3333).right


@pytest.mark.parametrize("typed", ["0.333", "0.3333", ".33333", "33.3%", "333e-3", "0.33333333333333333333"])
def test_decimals_that_round_an_exact_value_to_three_digits_are_right(typed):
    feedback = check("?", answer=sympy.Rational(1, 3), because="So it is.").mark(typed)
    assert feedback.right
    assert feedback.message.startswith("Right")
    assert feedback.message.endswith("So it is.")


@pytest.mark.parametrize("typed", ["0.3", "0.33", "0.334", "0.3332", "0.3334", "0.333 + 0", "1/3.003"])
def test_decimals_that_do_not_are_wrong(typed):
    assert not check("?", answer=sympy.Rational(1, 3)).mark(typed).right


def test_the_digits_of_a_whole_number_are_not_rounded():
    assert not check("?", answer=1024).mark("1.02e3").right
    assert not check("?", answer=[1024, sympy.pi]).mark("1020, 3.14").right
    assert check("?", answer=[1024, sympy.pi]).mark("1024, 3.14").right


@pytest.mark.parametrize(
    ("typed", "named"), [("0.5", 0), ("0.497", 0), ("0.667", 1), ("0.66", 1), ("0.69", None)]
)
def test_a_misconception_is_named_in_decimals_where_no_other_is_as_near(typed, named):
    names = ["You took the half.", "You took two thirds."]
    exercise = check(
        "?",
        answer=sympy.Rational(1, 3),
        misconceptions=dict(zip(names, [sympy.S(1) / 2, sympy.S(2) / 3], strict=True)),
    )
    assert exercise.mark(typed).misconception == (None if named is None else names[named])


def test_no_misconception_is_named_where_two_are_as_near():
    wrong = {"You forgot a unit.": sympy.Rational(401, 16), "You rounded.": 25.2}
    exercise = check("?", answer=sympy.Integer(401), misconceptions=wrong)
    assert exercise.mark("25.12").misconception is None
    assert exercise.mark("25.06").misconception == "You forgot a unit."


def test_a_hint_replaces_try_again():
    assert (
        check("?", answer=1).mark("2").message == "Not yet. You typed `2`. That is not the answer. Try again."
    )
    assert check("?", answer=1, hint="Count once more.").mark("2").message.endswith("`2`. Count once more.")


def test_other_numbers_count_within_one_percent():
    exercise = check("?", answer=-9.1e-5)
    assert exercise.mark("-9.15e-5").right
    assert not exercise.mark("-9.3e-5").right
    assert not exercise.mark("0").right


def test_the_entries_of_a_list_count_within_one_percent_of_the_largest():
    exercise = check("?", answer=[10.0, 0.5])
    assert exercise.mark("10, 0.59").right
    assert not exercise.mark("10, 0.61").right


def test_a_misconception_without_a_value_hides_no_other(slope):
    nowhere = {"You took a root.": sympy.sqrt(-1 - x**2), "You squared.": x**2}
    assert check("?", answer=x, misconceptions=nowhere).mark("x^2").misconception == "You squared."


def test_names_have_the_other_spellings_that_a_question_allows():
    exercise = check("?", answer=s * (1 - s), aliases={"s1": "s", "sigmoid": "s"}, where={"s": SIGMOID})
    for typed in ("s1(1 - s1)", "s₁ - s₁²", "σ(1 - σ)", "σ - σ²", "σ(x)(1 - σ(x))", "(1-σ)σ"):
        assert exercise.mark(typed).right, typed
    assert not check("?", answer=s * (1 - s)).mark("s1(1 - s1)").right


def test_a_unit_may_stand_beside_a_number_and_no_other_word():
    exercise = check("?", answer=7, unit="step line")
    for typed in ("7 steps", "step 7", "Line 7", "7 STEPS"):
        assert exercise.mark(typed).right, typed
    assert "`seconds` is not a name" in exercise.mark("7 seconds").message


def test_arrays_are_compared_entry_by_entry(jacobian):
    assert jacobian.mark("[[1/4, -1/4], [-1/4, 1/4]]").right
    assert jacobian.mark(np.array([[0.25, -0.25], [-0.25, 0.25]])).right
    assert not jacobian.mark("[[1/4, -1/4], [-1/4, 1/3]]").right
    diagonal = jacobian.mark("[[0.25, 0], [0, 0.25]]")
    assert diagonal.misconception == "you kept only the diagonal of the Jacobian"


def test_matrices_of_expressions_are_compared_as_mathematics():
    a, b = sympy.symbols("a b")
    exercise = check("?", answer=sympy.Matrix([[a * (1 - a), -a * b], [-a * b, b * (1 - b)]]))
    assert exercise.mark("[[a - a^2, -b*a], [-b*a, b - b^2]]").right
    assert not exercise.mark("[[a - a^2, 0], [0, b - b^2]]").right


def test_a_column_is_answered_with_a_list():
    exercise = check("?", answer=sympy.Matrix([1, 2, 3]))
    assert exercise.mark("[1, 2, 3]").right
    assert exercise.mark("1, 2, 3").right


# check: what cannot be read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said"), [(math.nan, "not a finite number"), (None, "None"), (x, "`x` is not")]
)
def test_a_value_that_is_no_answer_is_explained(quarter, typed, said):
    feedback = quarter.mark(typed)
    assert not feedback.right
    assert said in feedback.message
    assert feedback.message.startswith(f"You typed `{typed}`. ")
    assert feedback.message.endswith("Type a number.")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("1", "a single value, but the answer is a 2 × 2 array"),
        ("[1, 2]", "a list of 2"),
        ("[[1, 2, 3], [4, 5, 6]]", "a 2 × 3 array"),
        ("[[1, 2], [3]]", "the same length"),
        ("[]", "at least one entry"),
        ("[[], []]", "at least one entry"),
        ("[[1, [2]], [3, 4]]", "the same length"),
        ("[1, 2] + [3, 4]", "A list stands where a number belongs"),
    ],
)
def test_an_array_of_the_wrong_shape_is_explained(jacobian, typed, said):
    assert said in jacobian.mark(typed).message


@pytest.mark.parametrize(
    "typed",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "x.real",
        "x.__class__",
        "lambda: 1",
        "[x for x in (1, 2)]",
        "(x := 3)",
        "exp(*[1])",
        "exp(x=1)",
        "f'{x}'",
        "x if x else s",
        "x < s",
        "9**9**9**9",
        "(((9^99)^99)^99)^99",
        "exp(10^9*log(9))",
        "2^(10^9*log(9)/log(2))",
        "exp(exp(exp(1000)))",
        "exp(exp(exp(exp(exp(x)))))",
        "x^(x^(x^(x^x)))",
        "(" * 290,
        "-" * 299 + "x",
        "x" * 10_000,
        "abs(" * 50 + "x" + ")" * 50,
        "(x + s + 1)^99*(x - 1)^99",
        "\x00",
        "𝘀𝘪𝘯",
    ],
)
def test_hostile_input_gets_a_message_at_once(slope, typed):
    before = time.perf_counter()
    feedback = slope.mark(typed)
    assert time.perf_counter() - before < 1
    assert not feedback.right
    assert feedback.message
    assert len(feedback.message) < 500


def test_strings_inside_a_list_are_never_evaluated(jacobian):
    assert not jacobian.mark([["__import__('os')", "1"], ["1", "1"]]).right


# check: the widget ---------------------------------------------------------------------------------------


def test_enter_and_button_both_mark_as_often_as_the_learner_likes(quarter):
    quarter._text.value = "0.5"  # what pressing Enter sends
    assert "a value" in quarter._output.value
    quarter._text.value = "oops("
    assert "not a function" in quarter._output.value
    assert quarter._text.value == "oops("
    quarter._text.value = "1/4"
    assert "Right" in quarter._output.value
    quarter._output.value = ""
    quarter._button.click()
    assert "Right" in quarter._output.value


def test_answering_from_code_shows_what_the_learner_would_see(jacobian):
    assert jacobian.answer_with(np.array([[0.25, 0], [0, 0.25]])).misconception
    assert jacobian._text.value == "[[0.25, 0.0], [0.0, 0.25]]"
    assert "only the diagonal" in jacobian._output.value


def test_marking_shows_nothing(quarter):
    assert quarter.mark("1/4").right
    assert quarter._text.value == ""
    assert quarter._output.value == ""


def test_typed_markup_is_shown_and_not_run(quarter):
    for typed in ("<img src=x onerror=alert(1)>", "`</code><script>alert(1)</script>`", "<b>&amp;"):
        quarter._text.value = typed
        assert "<img" not in quarter._output.value
        assert "<script" not in quarter._output.value
        assert "<b>" not in quarter._output.value
        assert "&lt;" in quarter._output.value
        assert quarter._output.value.count("</code>") == quarter._output.value.count("<code>")


def test_feedback_cannot_be_changed_afterwards(quarter):
    feedback = quarter.mark("1")
    with pytest.raises(FrozenInstanceError):
        feedback.right = True


def test_a_misconception_that_is_right_is_refused():
    with pytest.raises(ValueError, match="'half' gives the right answer"):
        check("?", answer=0.5, misconceptions={"half": 0.502})


@pytest.mark.parametrize("tolerance", [-1, math.nan, math.inf])
def test_a_senseless_tolerance_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        check("?", answer=0.5, tolerance=tolerance)


def test_a_tolerance_on_an_expression_is_refused():
    with pytest.raises(ValueError, match="no meaning"):
        check("?", answer=x, tolerance=0.1)


@pytest.mark.parametrize("answer", [math.nan, math.inf, sympy.zoo, "1"])
def test_an_answer_nobody_can_give_is_refused(answer):
    with pytest.raises((ValueError, TypeError)):
        check("?", answer=answer)


# what a saved notebook holds -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["slope", "quarter", "jacobian", "race"])
def test_what_is_saved_does_not_change_and_reads_without_a_kernel(name, request):
    exercise = request.getfixturevalue(name)
    saved = exercise._repr_mimebundle_()
    assert exercise.question in saved["text/plain"]
    assert "run this notebook" in saved["text/html"]
    assert WIDGET_VIEW in saved
    exercise.answer_with("sigmoid" if name == "race" else "0.5")
    after = exercise._repr_mimebundle_()
    assert saved["text/plain"] == after["text/plain"]
    assert saved["text/html"] == after["text/html"]


def test_no_text_can_end_the_script_of_a_page_or_keep_it_open():
    trap = "<!--<script>", "</script>"
    page = check("?", answer=1, because=trap[0], hint=trap[1], misconceptions={f"{trap[0]}.": 2}).page()
    assert page.count("</script>") == 1
    assert "<!--" not in page


def test_the_options_stand_in_the_saved_page(race):
    saved = race._repr_mimebundle_()
    for option in race.options:
        assert option in saved["text/plain"]
        assert option in saved["text/html"]


# The questions of the lessons -----------------------------------------------------------------------------

QUESTIONS = {
    f"{path.stem}: {name}": (table, question)
    for path in sorted((Path(__file__).parents[1] / "notebooks/questions").glob("*.toml"))
    for (name, table), question in zip(
        tomllib.loads(path.read_text(encoding="utf-8")).items(), read_questions(path).values(), strict=True
    )
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_knows_its_answer_and_names_what_is_wrong_with_the_others(name):
    table, question = QUESTIONS[name]
    assert question.mark(table["answer"]).right
    assert "options" in table or "try again" not in question.mark("12345.678").message.casefold()
    wrong = {said: option for option, said in table["options"].items() if said} if "options" in table else {}
    wrong = wrong or table["misconceptions"]
    assert len(wrong) >= 2
    for misconception, answer in wrong.items():
        feedback = question.mark(answer)
        assert not feedback.right
        assert feedback.misconception == misconception
        assert misconception in feedback.message
    for text in [*wrong, *(table[key] for key in ("hint", "because") if key in table)]:
        assert re.match(r"[A-Z0-9]\w*[^=(]*[ ,:’']", text), f"{text!r} is no sentence"
        assert text[-1] in ".?!", f"{text!r} has no end"


def test_short_names_of_a_file_stand_for_formulas(tmp_path):
    path = tmp_path / "questions.toml"
    path.write_text('[slope]\nask = "?"\nsymbols = "s k x"\nanswer = "k*s"\nwhere = { s = "sigmoid(k*x)" }\n')
    assert read_questions(path)["slope"].mark("k/(1 + exp(-kx))").right


def test_a_malformed_question_is_named_with_its_file(tmp_path):
    path = tmp_path / "questions.toml"
    path.write_text('[slope]\nask = "How steep?"\nanswer = 1\nhnit = "no"\n')
    with pytest.raises(ValueError, match=r"questions\.toml, question 'slope': .*hnit"):
        read_questions(path)
