"""Controls, records and sweeps of an explorer, without a browser."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

import ipywidgets
import numpy as np
import pytest
from matplotlib.figure import Figure

from helpers.drawing import DRAWING, Picture, panels
from helpers.explorer import Control, Explorer, explore

X = np.linspace(-3, 3, 50)


def make(**controls: Any) -> Explorer:
    figure, (axes,) = panels()
    (line,) = axes.plot(X, X, label="line")

    def update(k: float = 1.0, kind: str = "sine", flip: bool = False) -> str:
        curve = {"sine": np.sin, "cosine": np.cos}[kind](k * X)
        line.set_ydata(-curve if flip else curve)
        return f"k = {k:.1f}, {kind}, {'flipped' if flip else 'upright'}"

    return explore(figure, update, **(controls or CONTROLS))


CONTROLS: dict[str, Any] = {"k": (0.0, 3.0, 0.5), "kind": ["sine", "cosine"], "flip": False}


def send(explorer: Explorer, keys: list[str]) -> dict[str, Any]:
    """Ask as the browser asks, and return what the kernel would send."""
    sent: list[dict[str, Any]] = []
    explorer._canvas.send = lambda message, _: sent.append(message)
    explorer._answer(None, {"want": keys}, [])
    return sent[0]


def test_abbreviations_become_widgets_with_the_defaults_of_update() -> None:
    explorer = make()
    assert explorer.values == {"k": 1.0, "kind": "sine", "flip": False}
    assert isinstance(explorer.controls["k"], ipywidgets.FloatSlider)
    assert isinstance(explorer.controls["kind"], ipywidgets.Dropdown)
    assert isinstance(explorer.controls["flip"], ipywidgets.Checkbox)


def test_the_text_form_is_short_and_carries_the_caption() -> None:
    first, second = repr(make()), repr(make())
    assert first == second
    assert "k = 1.0, sine, upright" in first
    assert len(first) < 200


def test_setting_a_widget_moves_the_figure() -> None:
    explorer = make()
    explorer.controls["k"].value = 2.0
    explorer.controls["flip"].value = True
    assert explorer.caption == "k = 2.0, sine, flipped"
    assert explorer._moving.data()["line"][:, 1] == pytest.approx(-np.sin(2 * X))


def test_the_kernel_answers_with_the_records_asked_for() -> None:
    message = send(make(), ["0,0,0", "6,1,1"])
    assert set(message["records"]) == {"0,0,0", "6,1,1"}
    assert message["records"]["6,1,1"]["caption"] == "k = 3.0, cosine, flipped"
    assert message["seconds"] > 0


def test_an_exception_becomes_a_message_and_the_next_move_recovers() -> None:
    figure, (axes,) = panels()
    (line,) = axes.plot(X, X)

    def update(k: int = 1) -> str:
        line.set_ydata(X * (6 / (k - 3)))
        return f"k = {k}"

    explorer = explore(figure, update, k=(0, 6, 1))
    records = send(explorer, ["3", "4"])["records"]
    assert records["3"] == {"error": "No picture at k = 3. ZeroDivisionError: division by zero"}
    assert records["4"]["caption"] == "k = 4"
    with pytest.raises(RuntimeError, match="update failed at k = 3"):
        list(explorer.sweep())


def test_a_late_mover_is_in_every_record_of_its_batch() -> None:
    figure, (axes,) = panels()
    early, late = axes.plot(X, X)[0], axes.plot(X, X)[0]

    def update(k: int = 0) -> str:
        early.set_ydata(k * X)
        late.set_ydata(-X if k == 3 else X) if k in (3, 4) else None
        return str(k)

    explorer = explore(figure, update, k=(0, 10, 1))
    message = send(explorer, ["2", "3", "4"])
    assert [len(r["runs"][0]) for r in message["records"].values()] == [2, 2, 2]
    assert message["boxes"] == [still["box"] for still in explorer._canvas.stills]
    assert len(explorer._canvas.first["record"]["runs"][0]) == 2
    assert "boxes" not in send(explorer, ["5"])


def test_an_answer_waits_while_another_thread_draws() -> None:
    explorer, answers = make(), []
    asking = threading.Thread(target=lambda: answers.append(send(explorer, ["1,0,0"])))
    with DRAWING:
        asking.start()
        asking.join(0.2)
        assert answers == []
        assert explorer.caption  # the thread that draws may go on
    asking.join(10)
    assert list(answers[0]["records"]) == ["1,0,0"]


def test_pictures_and_answers_do_not_disturb_each_other() -> None:
    """Matplotlib has one parser of formulas for all threads, and mixed up it finds right ones wrong."""
    figure, (axes,) = panels("$x$")

    def update(k: int = 0) -> str:
        axes.set_title(rf"$\frac{{{k}}}{{2}}\lambda_{{{k}}}$")
        return str(k)

    explorer, answers, done = explore(figure, update, k=(0, 99, 1)), [], threading.Event()

    def ask() -> None:
        while not done.wait(0.001):
            answers.append(send(explorer, [str(len(answers) % 100)]))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for number in range(30):
            Picture(panels(rf"$\sqrt{{{number}}}$")[0], "a root")._repr_mimebundle_()
    finally:
        done.set()
        asking.join()
    assert len(answers) > 10
    assert [record["error"] for a in answers for record in a["records"].values() if "error" in record] == []


def test_a_sweep_visits_ends_middles_and_random_stops() -> None:
    stops = list(make().sweep(random=20, seed=0))
    assert len(stops) == 3 * 2 * 2 + 20
    assert {stop.values["k"] for stop in stops} >= {0.0, 1.5, 3.0}
    assert {(s.values["kind"], s.values["flip"]) for s in stops} == {
        (kind, flip) for kind in ("sine", "cosine") for flip in (False, True)
    }
    for stop in stops:
        curve = {"sine": np.sin, "cosine": np.cos}[stop.values["kind"]](stop.values["k"] * X)
        assert stop.data["line"][:, 1] == pytest.approx(-curve if stop.values["flip"] else curve)


def test_the_same_seed_sweeps_the_same_stops() -> None:
    explorer = make()
    assert [s.values for s in explorer.sweep(seed=1)] == [s.values for s in explorer.sweep(seed=1)]
    assert [s.values for s in explorer.sweep(seed=1)] != [s.values for s in explorer.sweep(seed=2)]


def carried(page: str) -> dict[str, Any]:
    """What a page's script is given."""
    data = page[page.rindex("mountPage(") :].split(", ", 1)[1]
    return json.JSONDecoder().raw_decode(data)[0]


def test_a_page_carries_every_position_or_says_which_not() -> None:
    whole = carried(make().page())
    assert len(whole["records"]) == math.prod(len(control["values"]) for control in whole["controls"])
    assert whole["limit"] == ""
    axes = carried(make().page(budget=len(json.dumps(whole["records"])) - 1000))
    assert [control["values"] for control in axes["controls"]] == [c["values"] for c in whole["controls"]]
    assert axes["limit"].startswith("On this page each control moves on its own, from the first picture.")
    assert axes["records"].keys() < whole["records"].keys()


def test_a_page_thins_a_slider_out_and_keeps_its_ends_and_the_position_now() -> None:
    whole = carried(make().page())
    few = carried(make().page(budget=1))
    assert "sliders take larger steps" in few["limit"]
    for less, more in zip(few["controls"], whole["controls"], strict=True):
        assert set(less["texts"]) >= {more["texts"][0], more["texts"][-1], more["texts"][more["initial"]]}
        assert less["texts"][less["initial"]] == more["texts"][more["initial"]]
        assert (len(less["values"]) < len(more["values"])) == (more["kind"] == "range")
    for key, record in few["records"].items():
        indices = [int(part) for part in key.split(",")]
        places = [less["texts"][i] for less, i in zip(few["controls"], indices, strict=True)]
        there = [more["texts"].index(text) for more, text in zip(whole["controls"], places, strict=True)]
        assert record["caption"] == whole["records"][",".join(map(str, there))]["caption"]


def test_a_page_asks_nobody_for_anything_and_is_the_same_each_time() -> None:
    page = make().page(budget=1)
    assert page == make().page(budget=1)
    assert "http" not in page.replace("http://www.w3.org", "")


def test_a_log_slider_has_its_powers() -> None:
    control = Control.of("rate", ipywidgets.FloatLogSlider(value=0.1, min=-2, max=0, step=1))
    assert control.values == (0.01, 0.1, 1.0)
    assert control.index == 1


def test_steps_of_a_tenth_are_the_decimals_they_look_like() -> None:
    assert 0.3 in Control.of("k", (0.0, 1.0, 0.1)).values


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ((0.0, 1.0, 0.3), ValueError, "k: steps of 0.3 from 0.0 do not end at 1.0"),
        ("text", TypeError, "k must be a slider"),
        (ipywidgets.Text(), TypeError, "k must be a slider"),
        ((2.0, 3.0, 0.5), ValueError, "k = 1.0 is not one of its positions"),
        ((0.0, 1.2, 0.4), ValueError, "k = 1.0 is not one of its positions"),
        (ipywidgets.FloatSlider(value=0.25, max=1), ValueError, "k = 0.25 is not one of its positions"),
        (ipywidgets.IntRangeSlider(value=(2, 4)), TypeError, "k must set one value, .* sets two"),
        ([], ValueError, "k: there must be an option to choose"),
        (ipywidgets.Dropdown(options=[]), ValueError, "k: there must be an option to choose"),
    ],
)
def test_a_bad_control_is_refused_by_name(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(k=given, kind=["sine", "cosine"], flip=False)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ((0.0, 0.05, 0.005), ["0.000", "0.005", "0.010", "0.015"]),
        ((0.0, 1.0, 0.1), ["0.00", "0.10", "0.20", "0.30"]),
        ((0.0, 1e-7, 1e-8), ["0", "1e-08", "2e-08", "3e-08"]),
        (ipywidgets.FloatSlider(value=0, max=1e-7, step=1e-8), ["0", "1e-08", "2e-08", "3e-08"]),
        (ipywidgets.FloatSlider(value=1, min=1, max=1.000001, step=1e-7), ["1", "1.0000001"]),
        (ipywidgets.FloatLogSlider(value=1e-4, min=-4, max=0, step=1), ["0.0001", "0.001", "0.01", "0.1"]),
    ],
)
def test_no_two_positions_of_a_slider_read_alike(given: Any, texts: list[str]) -> None:
    control = Control.of("k", given)
    assert len(set(control.texts)) == len(control.values)
    assert list(map(float, control.texts[:4])) == pytest.approx(control.values[:4], rel=1e-6, abs=0)
    assert list(control.texts[: len(texts)]) == texts
    # In a notebook the slider itself writes the value.
    assert format(control.values[1], control.widget.readout_format) == control.texts[1]


def test_a_toggle_begins_at_the_default_of_update() -> None:
    figure, (axes,) = panels()
    (line,) = axes.plot(X, X)

    def update(flip: bool = True) -> str:
        line.set_ydata(-X if flip else X)
        return str(flip)

    assert explore(figure, update, flip=False).caption == "True"


def test_no_text_ends_the_script_of_a_page_or_keeps_it_from_ending() -> None:
    figure, (axes,) = panels()
    (line,) = axes.plot(X, X)
    said = "</script><!--<script>"

    def update(k: int = 0) -> str:
        line.set_ydata(k * X)
        return said

    page = explore(figure, update, k=(0, 1, 1)).page()
    script = page[page.index("mountPage(document") :]
    assert script.count("</script") == 1
    assert "<!--" not in script
    assert carried(page)["records"]["0"]["caption"] == said


def test_what_moves_at_the_ends_of_a_control_is_known_before_the_first_picture() -> None:
    figure, (axes,) = panels()
    low, high = axes.plot(X, X)[0], axes.plot(X, X)[0]

    def update(k: int = 5) -> str:
        for line, place in ((low, 0), (high, 10)):
            if k == place:
                line.set_ydata(-X)
        return str(k)

    explorer = explore(figure, update, k=(0, 10, 1))
    assert "boxes" not in send(explorer, ["0", "10"])
    assert explorer._moving._moving == {low, high}


def test_axes_in_space_turn() -> None:
    figure = Figure()
    axes = figure.add_subplot(projection="3d")
    (line,) = axes.plot(X, X, X)

    def update(turn: float = 0.0) -> str:
        axes.view_init(azim=turn)
        line.set_data_3d(X, turn * X / 90, np.sin(X))
        return f"{turn}"

    explorer = explore(figure, update, turn=(0.0, 90.0, 30.0))
    records = send(explorer, ["0", "1", "3"])["records"]
    assert all("error" not in record for record in records.values())
    assert len({json.dumps(record["runs"]) for record in records.values()}) == 3


def test_controls_must_match_the_parameters() -> None:
    with pytest.raises(TypeError, match=r"update takes .*'kind'.* but the controls are"):
        make(k=(0.0, 3.0, 0.5))
    with pytest.raises(TypeError, match="update must be a function"):
        explore(panels()[0], None, k=(0, 1, 1))  # type: ignore[arg-type]


def test_an_update_that_fails_at_the_first_position_fails_at_once() -> None:
    def update(k: int = 0) -> str:
        raise ValueError("never")

    with pytest.raises(ValueError, match="never"):
        explore(panels()[0], update, k=(0, 1, 1))


def test_an_axis_of_61_positions_records_in_half_a_second() -> None:
    figure, axes = panels("", "")
    lines = [ax.plot(X, X)[0] for ax in axes]
    band = axes[1].fill_between(X, X, alpha=0.2)
    label = axes[0].text(0, 0, "")

    def update(k: float = 0.0) -> str:
        for line in lines:
            line.set_ydata(np.tanh(k * X))
        band.set_data(X, 0, np.tanh(k * X))
        label.set_text(f"k = {k:.1f}")
        return f"{k:.1f}"

    explorer = explore(figure, update, k=(-3.0, 3.0, 0.1))
    best = min(send(explorer, [str(i) for i in range(61)])["seconds"] for _ in range(3))
    assert best <= 0.5
