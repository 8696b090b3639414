"""What moves is found and recorded; what stays is drawn once."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.path import Path
from PIL import Image

from helpers.drawing import panels
from helpers.recorder import SCREEN_DPI, MovingFigure, draw_order, path_to_svg

X = np.linspace(-3, 3, 50)


def moving_line() -> tuple[MovingFigure, Any, Any]:
    figure, (axes,) = panels()
    (still,) = axes.plot(X, -X)
    (moves,) = axes.plot(X, X)

    def update(k: float) -> str:
        moves.set_ydata(k * X)
        return f"slope {k}"

    return MovingFigure(figure, update, {"k": 1}), still, moves


def test_a_path_is_written_with_relative_lines_and_absolute_curves() -> None:
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.CLOSEPOLY]
    path = Path([(0, 0), (10, 0), (10, 5), (1, 2), (3, 4), (0, 0)], codes)
    assert path_to_svg(path) == "M0 0l100 0 0 50Q10 20 30 40Z"


def test_a_line_after_a_closed_polygon_is_absolute() -> None:
    codes = [Path.MOVETO, Path.LINETO, Path.CLOSEPOLY, Path.LINETO]
    assert path_to_svg(Path([(5, 5), (9, 9), (0, 0), (7, 8)], codes)) == "M50 50l40 40ZL70 80"


def test_only_the_artist_that_update_touches_moves() -> None:
    moving, _, line = moving_line()
    moving.record({"k": 2})
    assert moving._moving == {line}
    assert moving.data()["Line2D 0"][:, 1] == pytest.approx(2 * X)


def test_a_record_says_where_the_line_is() -> None:
    moving, _, line = moving_line()
    record = moving.record({"k": 0})
    ((_, svg),) = record["runs"][0]
    (_, height) = moving._canvas.get_width_height()
    y = height - line.axes.transData.transform((0, 0))[1]
    start = float(svg[1:].split("l")[0].split()[1])
    assert start / 10 == pytest.approx(y, abs=1)
    assert record["caption"] == "slope 0"


def test_an_artist_that_starts_to_move_late_renews_the_stills() -> None:
    figure, (axes,) = panels()
    early, late = axes.plot(X, X)[0], axes.plot(X, X)[0]

    def update(k: int) -> str:
        early.set_ydata(k * X)
        if k == 7:
            late.set_ydata(-X)
        return str(k)

    moving = MovingFigure(figure, update, {"k": 1})
    moving.record({"k": 2})
    before = moving.version
    moving.record({"k": 7})
    assert moving.version == before + 1
    assert moving._moving == {early, late}


@pytest.mark.parametrize("change", ["limits", "annotation", "legend text", "visibility", "image"])
def test_every_way_to_move_is_noticed(change: str) -> None:
    figure, (axes,) = panels()
    (line,) = axes.plot(X, X, label="a")
    note = axes.annotate("x", (0, 0), (1, 1))
    image = axes.imshow(np.zeros((2, 2)))
    legend = axes.legend(loc="upper left")
    moves = {
        "limits": (lambda k: axes.set_xlim(-k, k), axes.patch),
        "annotation": (lambda k: setattr(note, "xy", (k, k)), note),
        "legend text": (lambda k: legend.get_texts()[0].set_text(str(k)), legend),
        "visibility": (lambda k: line.set_visible(k > 2), line),
        "image": (lambda k: image.set_data(np.full((2, 2), k)), image),
    }
    move, artist = moves[change]

    def update(k: float) -> str:
        move(k)
        return "moved"

    moving = MovingFigure(figure, update, {"k": 1.0})
    moving.record({"k": 3.0})
    assert artist in moving._moving
    # Except where the whole axes moves, nothing else does.
    assert change == "limits" or moving._moving == {artist}


def test_the_stills_and_the_moving_part_make_the_whole_picture() -> None:
    moving, _, line = moving_line()
    moving.record({"k": 2})
    stills = moving.stills()
    assert len(stills) == 2
    with moving._only([line]):
        part = Image.fromarray(moving._pixels())
    whole = Image.new("RGBA", part.size)
    layers = [(stills[0]["box"], Image.open(io.BytesIO(stills[0]["png"]))), ([0, 0, 0, 0], part)]
    layers.append((stills[1]["box"], Image.open(io.BytesIO(stills[1]["png"]))))
    for (x, y, _, _), layer in layers:
        whole.alpha_composite(layer, (2 * x, 2 * y))
    expected = np.asarray(Image.open(io.BytesIO(moving.png({"k": 2}))), dtype=int)
    assert np.abs(np.asarray(whole, dtype=int) - expected).max() <= 2


def test_the_draw_order_is_matplotlibs(monkeypatch: pytest.MonkeyPatch) -> None:
    figure, (left, right) = panels("", "")
    left.plot(X, X, zorder=0.5)
    left.fill_between(X, X)
    left.legend(["a"], loc="upper left")
    right.inset_axes((0.5, 0.5, 0.4, 0.4)).plot(X, X)
    right.axis("off")
    figure.suptitle("title")
    order = draw_order(figure)
    drawn = []
    for artist in figure.findobj():
        if artist in order:
            original = artist.draw

            def draw(renderer: Any, artist: Any = artist, original: Any = original) -> None:
                drawn.append(artist)
                original(renderer)

            monkeypatch.setattr(artist, "draw", draw)
    figure.canvas.draw()
    assert drawn == order


def test_the_size_is_that_of_a_plain_screen() -> None:
    moving, _, _ = moving_line()
    width, height = moving.figure.get_size_inches() * SCREEN_DPI
    assert moving.size == (round(width), round(height))
    assert Image.open(io.BytesIO(moving.png({"k": 1}))).size == (2 * round(width), 2 * round(height))


def test_adding_an_artist_is_refused_with_the_way_out() -> None:
    figure, (axes,) = panels()

    def update(k: float) -> str:
        if k > 1:
            axes.plot(X, k * X)
        return "added"

    moving = MovingFigure(figure, update, {"k": 1})
    with pytest.raises(RuntimeError, match="set_data"):
        moving.record({"k": 2})


def test_a_caption_must_be_a_string() -> None:
    with pytest.raises(TypeError, match="must return its caption, a string, not None"):
        MovingFigure(panels()[0], lambda k: None, {"k": 1})  # type: ignore[arg-type,return-value]


def test_what_is_not_a_figure_is_refused() -> None:
    with pytest.raises(TypeError, match="figure must be a matplotlib Figure, not 3"):
        MovingFigure(3, lambda k: "", {"k": 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="update must be a function"):
        MovingFigure(Figure(), "up", {"k": 1})  # type: ignore[arg-type]


def test_nothing_infinite_is_recorded() -> None:
    figure, (axes,) = panels()
    (line,) = axes.plot(X, X)
    axes.set_ylim(-1, 1)

    def update(k: float) -> str:
        line.set_ydata(np.where(X > 0, np.inf, k * X) * 1e30)
        return "far"

    svg = str(MovingFigure(figure, update, {"k": 1}).record({"k": 2})["runs"])
    assert "nan" not in svg
    assert "inf" not in svg


def test_the_data_of_an_image_are_its_values():
    figure, (axes,) = panels()
    image = axes.imshow(np.zeros((2, 3)), label="picture")

    def update(value=1.0):
        image.set_data(np.full((2, 3), value))
        return f"all {value}"

    moving = MovingFigure(figure, update, {"value": 1.0})
    moving.move({"value": 2.0})
    assert moving.data()["picture"].tolist() == [[2.0] * 3] * 2
