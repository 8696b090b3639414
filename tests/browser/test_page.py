"""The explorer on a plain page: no kernel, no widget manager, no network."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import examples
import pytest
from support import Shown, explorers

from helpers.explorer import Explorer

Show = Callable[..., list[Shown]]


@pytest.fixture
def show(watch: Callable[..., Any], tmp_path: Path) -> Iterator[Show]:
    """Write explorers to a file and open it offline; nothing may be fetched and nothing complain."""
    file = tmp_path / "page.html"
    asked, opened = [], []

    def open_page(*shown: Explorer, **options: Any) -> list[Shown]:
        figures = "\n".join(explorer.page() for explorer in shown)
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>page</title>'
        file.write_text(f"<!doctype html><html lang=en><head>{head}</head><body>{figures}</body></html>")
        watched = watch(**options)
        opened.append(watched)
        page = watched.page
        page.context.set_offline(True)
        page.on("request", lambda request: asked.append(request.url))
        page.route(
            "**/*", lambda route: route.continue_() if route.request.url == file.as_uri() else route.abort()
        )
        page.goto(file.as_uri())
        for number in range(len(shown)):
            page.locator("figure.explorer[data-ready]").nth(number).wait_for()
        return explorers(page)

    yield open_page
    assert asked == [file.as_uri()] * len(opened)
    assert [watched.errors for watched in opened] == [[]] * len(opened)


def test_the_keyboard_moves_a_slider(show: Show) -> None:
    (shown,) = show(examples.one_line())
    slider = shown.sliders.first
    assert shown.caption == "blue at 0.50"
    assert shown.lines == {"blue": 0.5}
    before = shown.picture
    moves = [("ArrowRight", 0.55), ("ArrowRight", 0.6), ("ArrowLeft", 0.55), ("Home", 0.1), ("End", 0.9)]
    for key, level in moves:
        slider.press(key)
        shown.wait_for_caption(f"blue at {level:.2f}")
        assert shown.lines == {"blue": level}
        assert shown.picture != before
        assert shown.root.locator("output").text_content() == f"{level:.2f}"
        assert slider.get_attribute("aria-valuetext") == f"{level:.2f}"


def test_the_mouse_drags_a_slider_and_the_picture_never_blanks(show: Show) -> None:
    (shown,) = show(examples.one_line())
    with shown.watched() as frames:
        shown.drag(shown.sliders.first, 0.0, 1.0)
    assert frames.steady
    assert len(frames.captions) == len(frames.pictures) > 5
    assert shown.caption == "blue at 0.90"
    assert shown.lines == {"blue": 0.9}


def test_a_choice_and_a_toggle_combine_with_the_slider(show: Show) -> None:
    (shown,) = show(examples.one_line())
    shown.choices.first.select_option("red")
    shown.wait_for_caption("red at 0.50")
    shown.sliders.first.press("End")
    shown.wait_for_caption("red at 0.90")
    shown.toggles.first.press("Space")
    shown.wait_for_caption("red at 0.90, mirrored")
    assert shown.lines == {"red": 0.1}


def test_play_advances_pauses_stops_at_the_end_and_starts_again(show: Show) -> None:
    (shown,) = show(examples.one_line())
    shown.button("Play").click()
    shown.wait("(stage) => reader.caption(stage) !== 'blue at 0.50'")
    shown.button("Pause").click()
    shown.settle()
    paused = shown.caption
    assert "blue at 0.50" < paused < "blue at 0.90"
    shown.button("Play").click()
    shown.button("Play").wait_for()
    shown.wait_for_caption("blue at 0.90")
    with shown.watched() as frames:
        shown.button("Play").click()
        shown.button("Pause").wait_for()
        shown.button("Play").wait_for()
    assert frames.steady
    levels = ["blue at 0.90", *(f"blue at {0.1 + 0.05 * i:.2f}" for i in range(16))]
    # A busy machine may drop a frame, never the order or the ends.
    assert [level for level in levels if level in frames.captions] == frames.captions
    assert {*levels[:3], levels[-1]} <= set(frames.captions)


def test_reset_brings_the_first_picture_back(show: Show) -> None:
    (shown,) = show(examples.one_line())
    first = shown.picture
    shown.sliders.first.press("Home")
    shown.choices.first.select_option("red")
    shown.toggles.first.check()
    shown.wait_for_caption("red at 0.10, mirrored")
    shown.button("Reset").click()
    shown.wait_for_caption("blue at 0.50")
    assert shown.picture == first
    assert not shown.toggles.first.is_checked()
    assert shown.choices.first.input_value() == "0"


@pytest.mark.parametrize("density", [2, 3])
def test_a_dense_screen_gets_as_many_pixels_as_it_has(show: Show, density: int) -> None:
    (shown,) = show(examples.one_line(), device_scale_factor=density)
    assert shown.canvas.evaluate("(canvas) => [canvas.width, canvas.height]") == [
        600 * density,
        240 * density,
    ]
    box = shown.canvas.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (600, 240)
    shown.sliders.first.press("Home")
    shown.wait_for_caption("blue at 0.10")
    assert shown.lines == {"blue": 0.1}


def test_a_narrow_screen_scales_the_picture_and_never_scrolls_sideways(show: Show) -> None:
    (shown,) = show(examples.one_line(), viewport={"width": 360, "height": 640})
    box = shown.canvas.bounding_box()
    assert box is not None
    assert box["width"] <= 360
    assert box["height"] == pytest.approx(box["width"] * 0.4, abs=1)
    width = shown.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    shown.sliders.first.press("End")
    shown.wait_for_caption("blue at 0.90")
    assert shown.lines["blue"] == pytest.approx(0.9, abs=0.011)


def test_a_window_made_wider_sharpens_the_picture_again(show: Show) -> None:
    (shown,) = show(examples.one_line(), viewport={"width": 360, "height": 640})
    shown.page.set_viewport_size({"width": 1000, "height": 640})
    shown.wait("(stage) => stage.querySelector('canvas').width === 600")
    assert shown.lines == {"blue": 0.5}


def test_two_explorers_on_a_page_move_apart(show: Show) -> None:
    first, second = show(examples.one_line(0.5), examples.one_line(0.3))
    first.sliders.first.press("End")
    first.wait_for_caption("blue at 0.90")
    assert (second.caption, second.lines) == ("blue at 0.30", {"blue": 0.3})
    second.sliders.first.press("Home")
    second.wait_for_caption("blue at 0.10")
    assert (first.caption, first.lines) == ("blue at 0.90", {"blue": 0.9})
    ids = first.page.eval_on_selector_all("[id]", "(all) => all.map((one) => one.id)")
    assert len(set(ids)) == len(ids) == 2


def test_a_position_that_fails_says_so_and_the_next_move_recovers(show: Show) -> None:
    (shown,) = show(examples.fails_at_three())
    slider = shown.sliders.first
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    shown.error.wait_for()
    assert shown.error.text_content() == "No picture at step = 3. ValueError: three <is> too many"
    assert shown.caption == ""
    slider.press("ArrowRight")
    shown.wait_for_caption("step 4")
    assert shown.error.is_hidden()
    assert shown.lines == {"blue": 0.4}


def test_a_page_without_all_combinations_says_so_and_never_shows_a_stale_picture(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Explorer, "page", functools.partialmethod(Explorer.page, budget=1))
    (shown,) = show(examples.one_line())
    limit = shown.root.locator(".explorer-limit")
    assert "each control moves on its own" in (limit.text_content() or "")
    shown.sliders.first.press("End")
    shown.wait_for_caption("blue at 0.90")
    shown.choices.first.select_option("red")
    shown.wait_for_caption("red at 0.50")
    assert shown.lines == {"red": 0.5}
    assert shown.root.locator("output").text_content() == "0.50"
    shown.toggles.first.check()
    shown.wait_for_caption("blue at 0.50, mirrored")
    assert shown.choices.first.input_value() == "0"
    shown.sliders.first.press("Home")
    shown.wait_for_caption("blue at 0.10")
    assert shown.lines == {"blue": 0.1}
    assert not shown.toggles.first.is_checked()
    assert limit.is_visible()


def test_a_position_that_travels_as_a_picture_shows_it(show: Show) -> None:
    explorer = examples.a_photo()
    (shown,) = show(explorer)
    assert '["png",' in explorer.page()
    for key, row in (("End", 9), ("Home", 0), ("ArrowRight", 1)):
        shown.sliders.first.press(key)
        shown.wait_for_caption(f"row {row}")
        assert shown.lines["blue"] == pytest.approx(row / 10 + 0.05, abs=0.011)


def test_the_picture_and_its_controls_speak_to_a_screen_reader(show: Show) -> None:
    (shown,) = show(examples.one_line())
    assert shown.canvas.get_attribute("role") == "img"
    assert shown.canvas.get_attribute("aria-label") == "blue at 0.50"
    assert shown.stage.locator(".explorer-caption").get_attribute("aria-live") == "polite"
    assert shown.error.get_attribute("role") == "alert"
    for role, name in (("slider", "level"), ("combobox", "color"), ("checkbox", "mirrored")):
        assert shown.page.get_by_role(role, name=name).is_visible()
    # Every control is reached by the tab key alone.
    for name in ("level", "color", "mirrored", "Play", "Reset"):
        shown.page.keyboard.press("Tab")
        focused = shown.page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent"
        )
        assert focused.startswith(name)


def test_a_key_press_is_drawn_within_a_frame(show: Show) -> None:
    (shown,) = show(examples.one_line())
    shown.ask("""(stage) => {
      window.delays = [];
      document.addEventListener("input", () => (window.pressed = performance.now()), { capture: true });
      const context = stage.querySelector("canvas").getContext("2d");
      const fill = context.fillRect; // each frame begins with one
      context.fillRect = function (...box) {
        fill.apply(this, box);
        queueMicrotask(() => window.delays.push(performance.now() - window.pressed));
      };
    }""")
    for _ in range(2):
        shown.sliders.first.press("Home")
        for index in range(1, 17):
            shown.sliders.first.press("ArrowRight")
            shown.wait_for_caption(f"blue at {0.1 + 0.05 * index:.2f}")
    assert statistics.median(shown.page.evaluate("window.delays")) < 16
