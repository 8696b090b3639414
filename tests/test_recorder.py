"""What moves is found and recorded; what stays is drawn once."""

from __future__ import annotations

import io
import json
import re
from itertools import chain, zip_longest
from typing import Any

import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Circle, ConnectionPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from PIL import Image

from helpers.drawing import panels
from helpers.recorder import HEAVY, SCREEN_DPI, MovingFigure, draw_order, path_to_svg

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


def moved_by(figure: Figure, move: Any) -> MovingFigure:
    """Watch a figure at three positions, as an explorer does, before anything of it is drawn."""

    def update(k: float) -> str:
        move(k)
        return f"k = {k}"

    moving = MovingFigure(figure, update, {"k": 1.0})
    for k in (1.0, 2.0, 3.0):
        moving.move({"k": k}, thorough=True)
    return moving


def limits(axes: Axes) -> Any:
    axes.plot(X, X)
    return lambda k: axes.set_xlim(-k, k)


def scale(axes: Axes) -> Any:
    axes.plot(X, X)
    axes.set_xlim(-3, 3)
    return lambda k: axes.set_xscale("symlog", linthresh=k)


def limits_of_an_inset(axes: Axes) -> Any:
    inset = axes.inset_axes((0.5, 0.1, 0.4, 0.4))
    inset.plot(X, X)
    return lambda k: inset.set_xlim(-k, k)


def place(axes: Axes) -> Any:
    axes.plot(X, X)
    return lambda k: axes.set_position((0.1, 0.1, 0.2 * k, 0.7))


def hidden_axes(axes: Axes) -> Any:
    axes.plot(X, X)
    return lambda k: axes.set_visible(k < 2)


def annotation(axes: Axes) -> Any:
    note = axes.annotate("x", (0, 0), (0.8, 0.8), arrowprops={"arrowstyle": "->"})
    return lambda k: setattr(note, "xy", (k / 9, k / 9))


def legend_text(axes: Axes) -> Any:
    axes.plot(X, X, label="a")
    legend = axes.legend(loc="upper left")
    return lambda k: legend.get_texts()[0].set_text(str(k))


def legend_in_the_best_place(axes: Axes) -> Any:
    (line,) = axes.plot(X, X, label="a")
    axes.legend(loc="best")
    axes.set(xlim=(-3, 3), ylim=(-3, 3))
    return lambda k: line.set_ydata(3 - k + 0.5 * X / k)


def visibility(axes: Axes) -> Any:
    (line,) = axes.plot(X, X)
    return lambda k: line.set_visible(k > 2)


def image(axes: Axes) -> Any:
    shown = axes.imshow(np.zeros((2, 2)), vmin=0, vmax=3)
    return lambda k: shown.set_data(np.full((2, 2), k))


def image_in_place(axes: Axes) -> Any:
    shown = axes.imshow(np.zeros((2, 2)), vmin=0, vmax=3)

    def move(k: float) -> None:
        shown.get_array()[:] = k
        shown.changed()  # else Matplotlib keeps the picture that it has made

    return move


def mesh(axes: Axes) -> Any:
    cells = axes.pcolormesh(np.zeros((3, 3)), vmin=0, vmax=3)
    return lambda k: cells.set_array(np.full((3, 3), k))


def gouraud(axes: Axes) -> Any:
    cells = axes.pcolormesh(np.zeros((3, 3)), vmin=0, vmax=3, shading="gouraud")
    return lambda k: cells.set_array(np.full((3, 3), k))


def mesh_in_place(axes: Axes) -> Any:
    cells = axes.pcolormesh(np.zeros((3, 3)), vmin=0, vmax=3)
    return lambda k: cells.get_array().fill(k)


def triangles(axes: Axes) -> Any:
    shapes = axes.tripcolor([0, 1, 0, 1], [0, 0, 1, 1], [0.0, 0, 0, 0], vmin=0, vmax=3)
    return lambda k: shapes.set_array(np.array([k, k / 2]))


def colored_lines(axes: Axes) -> Any:
    lines = axes.add_collection(LineCollection([[(0, 0), (1, 1)], [(0, 1), (1, 0)]], lw=9))
    lines.set_clim(0, 3)
    return lambda k: lines.set_array(np.array([k, k / 2]))


def scatter_colors(axes: Axes) -> Any:
    points = axes.scatter(X, X, s=90, c=X)
    return lambda k: points.set_array(np.sin(k * X))


def offsets_in_place(axes: Axes) -> Any:
    points = axes.scatter(X, 0 * X)
    axes.set_ylim(-3, 3)
    return lambda k: points.get_offsets().__setitem__((slice(None), 1), k - 2)


def path_in_place(axes: Axes) -> Any:
    path = Path([(0.1, 0.1), (0.9, 0.1), (0.5, 0.5)])
    axes.add_patch(PathPatch(path))
    return lambda k: path.vertices.__setitem__((2, 1), k / 4)


def transform_in_place(axes: Axes) -> Any:
    turn = Affine2D()
    axes.add_patch(Rectangle((0.4, 0.4), 0.3, 0.1, transform=turn + axes.transData))
    return lambda k: turn.clear().rotate_around(0.5, 0.5, k)


def clip_path_that_moves(axes: Axes) -> Any:
    shown = axes.imshow(np.eye(4), extent=(0, 1, 0, 1))
    window = axes.add_patch(Polygon([(0, 0), (1, 0), (1, 1)], visible=False))
    shown.set_clip_path(window)
    return lambda k: window.set_xy([(0, 0), (1, 0), (1, k / 3)])


def font_in_place(axes: Axes) -> Any:
    text = axes.text(0.2, 0.5, "large")
    return lambda k: text.get_fontproperties().set_size(20 * k)


def attribute_without_a_setter(axes: Axes) -> Any:
    axes.set_xlabel("far")
    return lambda k: setattr(axes.xaxis, "labelpad", -9 * k)


def cell_of_a_table(axes: Axes) -> Any:
    table = axes.table([["a", "b"]], loc="center")
    return lambda k: table[0, 0].get_text().set_text(f"{k:.0f}" * 4)


def colorbar(axes: Axes) -> Any:
    shown = axes.imshow(np.eye(3), vmin=0, vmax=1)
    axes.figure.colorbar(shown)
    return lambda k: shown.set_clim(0, k)


def norm_of_a_colorbar(axes: Axes) -> Any:
    shown = axes.pcolormesh(np.eye(3), vmin=0, vmax=1)
    axes.figure.colorbar(shown, extend="both")
    return lambda k: setattr(shown.norm, "vmax", k)


def formatter(axes: Axes) -> Any:
    now = [1.0]
    axes.xaxis.set_major_formatter(lambda x, _: f"{now[0] * x:.1f}")
    return lambda k: now.__setitem__(0, k)


def connection(axes: Axes) -> Any:
    left, right = axes.inset_axes((0, 0.2, 0.3, 0.5)), axes.inset_axes((0.7, 0.2, 0.3, 0.5))
    axes.figure.add_artist(ConnectionPatch((0.5, 0.5), (0.5, 0.5), "data", "data", axesA=left, axesB=right))
    return lambda k: right.set_xlim(0, k)


def contours_made_anew(axes: Axes) -> Any:
    shown = [axes.contour(np.outer(X, X), levels=[1])]

    def move(k: float) -> None:
        shown.pop().remove()
        shown.append(axes.contour(np.outer(X, X), levels=[k]))

    return move


def custom_artist(axes: Axes) -> Any:
    now = [1.0]

    class Dot(Artist):
        def draw(self, renderer: Any) -> None:
            if not self.get_visible():
                return
            circle = Circle((now[0] / 4, 0.5), 0.1)
            circle.set_figure(axes.figure)
            circle.set_transform(axes.transData)
            circle.draw(renderer)

    axes.add_artist(Dot())
    return lambda k: now.__setitem__(0, k)


WAYS = (
    *(limits, scale, limits_of_an_inset, place, hidden_axes, annotation, legend_text),
    *(legend_in_the_best_place, visibility, image, image_in_place, mesh, gouraud, mesh_in_place, triangles),
    *(colored_lines, scatter_colors, offsets_in_place, path_in_place, transform_in_place),
    *(clip_path_that_moves, font_in_place, attribute_without_a_setter, cell_of_a_table, colorbar),
    *(norm_of_a_colorbar, formatter, connection, contours_made_anew, custom_artist),
)


def layers(moving: MovingFigure) -> np.ndarray:
    """Lay the moving runs, as they are now, between the stills; shape (rows, columns, 3)."""
    width, height = moving.size
    whole = Image.new("RGBA", (2 * width, 2 * height), "white")
    runs = [moving._picture_of(artists) for moves, artists in moving._runs() if moves]
    for layer in chain.from_iterable(zip_longest(moving.stills(), runs)):
        if layer:
            x, y, _, _ = layer["box"]
            whole.alpha_composite(Image.open(io.BytesIO(layer["png"])), (2 * x, 2 * y))
    return np.asarray(whole.convert("RGB"), dtype=int)


def drawn_whole(moving: MovingFigure) -> np.ndarray:
    picture = Image.fromarray(moving._pixels())
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    return np.asarray(white.convert("RGB"), dtype=int)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_every_way_to_move_is_noticed(way: Any) -> None:
    figure, (axes,) = panels()
    moving = moved_by(figure, way(axes))
    first = drawn_whole(moving)
    moving.stills()  # drawn at k = 3, as they would be for a page
    moving.record({"k": 2.5})
    version, stills = moving.version, [still and still["png"] for still in moving.stills()]
    moving.record({"k": 1.5})
    assert np.abs(drawn_whole(moving) - first).max() > 30  # it does move
    assert moving.version > version or [still and still["png"] for still in moving.stills()] == stills
    assert np.abs(layers(moving) - drawn_whole(moving)).max() <= 3


@pytest.mark.parametrize("way", [mesh, mesh_in_place, offsets_in_place, annotation, font_in_place])
def test_what_moves_at_one_position_only_is_noticed_there(way: Any) -> None:
    figure, (axes,) = panels()
    move = way(axes)
    moving = moved_by(figure, lambda k: move(k) if k == 2.5 else None)
    assert not moving._moving
    moving.record({"k": 2.5})
    assert moving._moving
    assert moving.version == 1


def test_only_what_is_touched_moves() -> None:
    figure, (axes,) = panels()
    line, mesh = axes.plot(X, X)[0], axes.pcolormesh(np.zeros((3, 3)))
    axes.annotate("x", (0, 0), (1, 1), arrowprops={"arrowstyle": "->"})
    axes.legend([line], ["a"], loc="upper left")
    axes.figure.colorbar(mesh)

    def move(k: float) -> None:
        mesh.set_array(np.full((3, 3), k))
        axes.get_xlim(), line.get_xydata(), axes.transData.transform((0, 0))

    assert moved_by(figure, move)._moving == {mesh}


def test_what_an_update_changed_before_it_failed_moves() -> None:
    figure, (axes,) = panels()
    line = axes.plot(X, X)[0]

    def move(k: float) -> None:
        if k == 2.5:
            line.set_ydata(-X)
            raise ValueError("no")

    moving = moved_by(figure, move)
    with pytest.raises(ValueError, match="no"):
        moving.move({"k": 2.5})
    assert moving._moving == {line}


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


def still_and_moving(shape: Any, move: Any = lambda k: None) -> MovingFigure:
    """A figure of one artist that moves at once, with whatever `move` does more."""
    figure, (axes,) = panels()
    artist = shape(axes)

    def update(k: float) -> str:
        artist.stale = True
        move(k)
        return "drawn"

    moving = MovingFigure(figure, update, {"k": 1.0})
    moving.move({"k": 2.0})
    return moving


def coordinates(svg: str) -> np.ndarray:
    return np.array(re.findall(r"-?\d+", svg), dtype=int)


def test_coordinates_fit_into_32_bits() -> None:
    path = Path([(0, 0), (1e30, -1e30), (3e9, 5)], [Path.MOVETO, Path.MOVETO, Path.MOVETO])
    assert np.abs(coordinates(path_to_svg(path))).max() < 2**31


def test_an_outline_that_is_filled_is_not_clipped() -> None:
    moving = still_and_moving(
        lambda axes: axes.add_patch(Rectangle((-9, 0.2), 20, 0.3, transform=axes.transAxes))
    )
    ((_, svg),) = moving.record({"k": 2.0})["runs"][0]
    width, _ = moving._canvas.get_width_height()
    # The corners lie outside the figure, so no border shows at its edge.
    assert coordinates(svg)[0] < -10 * width


def test_a_long_line_is_recorded_no_finer_than_its_pixels() -> None:
    x = np.linspace(0, 1, 20_000)
    moving = still_and_moving(lambda axes: axes.plot(x, np.sin(3 * x))[0])
    ((_, svg),) = moving.record({"k": 2.0})["runs"][0]
    assert len(coordinates(svg)) < 4_000


def test_equal_scales_hold_after_a_move() -> None:
    figure, (axes,) = panels()
    (line,) = axes.plot([0, 1], [0, 1])
    axes.set_aspect("equal", adjustable="datalim")

    def update(k: float) -> str:
        axes.set(xlim=(0, k), ylim=(0, k))
        return "equal"

    moving = MovingFigure(figure, update, {"k": 1.0})
    moving.record({"k": 5.0})
    (x0, y0), (x1, y1) = line.get_transform().transform([(0, 0), (1, 1)])
    assert x1 - x0 == pytest.approx(y1 - y0)


def test_a_layout_is_found_once_and_then_kept() -> None:
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()

    def update(k: float) -> str:
        axes.set_ylabel("\n".join("wide" for _ in range(round(k))))
        return "label"

    moving = MovingFigure(figure, update, {"k": 1.0})
    moving.png({"k": 1.0})
    before = axes.get_position().bounds
    moving.png({"k": 5.0})
    assert axes.get_position().bounds == before


def test_a_cap_that_projects_is_square_in_a_browser() -> None:
    moving = still_and_moving(lambda axes: axes.plot(X, X, solid_capstyle="projecting")[0])
    assert moving.record({"k": 2.0})["styles"][0][3] == "square"


def test_what_asks_for_pixels_travels_as_a_picture() -> None:
    moving = still_and_moving(lambda axes: axes.plot(X, X, rasterized=True)[0])
    assert [call[0] for call in moving.record({"k": 2.0})["runs"][0]] == ["png"]


def test_many_paths_that_are_lighter_than_their_picture_stay_paths() -> None:
    places = np.random.default_rng(0).random((300, 2))
    moving = still_and_moving(lambda axes: axes.scatter(*places.T, s=np.linspace(4, 400, 300), alpha=0.4))
    calls = moving.record({"k": 2.0})["runs"][0]
    picture = moving._picture_of(list(moving._moving))
    assert HEAVY < len(json.dumps(calls)) <= len(picture["png"]) * 4 / 3 + 4
    assert "png" not in {call[0] for call in calls}


@pytest.mark.parametrize(
    ("move", "said"),
    [
        (lambda axes: axes.plot(X, X), r"update added Line2D\(_child1\); it may only move"),
        (lambda axes: axes.lines[0].remove(), r"update removed Line2D\(line\); it may only move"),
        (lambda axes: axes.lines[0].set_zorder(9), "update restacked Line2D"),
        (lambda axes: axes.figure.set_size_inches(3, 3), "update changed the size of the figure"),
    ],
)
def test_what_cannot_be_replayed_is_refused_by_name(move: Any, said: str) -> None:
    figure, (axes,) = panels()
    axes.plot(X, X, label="line")
    moving = MovingFigure(figure, lambda k: (move(axes) if k > 1 else None, "")[1], {"k": 1.0})
    with pytest.raises(RuntimeError, match=said):
        moving.move({"k": 2.0})


def test_the_data_of_a_mesh_are_its_values() -> None:
    moving = still_and_moving(lambda axes: axes.pcolormesh(np.arange(6.0).reshape(2, 3), label="mesh"))
    assert moving.data()["mesh"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_title_stays_where_it_is_while_the_axis_beside_it_changes():
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    title = axes.set_title("the title", loc="left")
    (line,) = axes.plot([0, 1], [0, 1])

    def update(span=1.0):
        line.set_ydata([1, 1 + span])
        axes.set_ylim(1, 1 + span)  # Matplotlib writes "+1" above the axis where it is short
        return f"{span}"

    moving = MovingFigure(figure, update, {"span": 1.0})
    places = []
    for span in (1.0, 1e-5):
        moving.png({"span": span})
        places.append(title.get_window_extent().bounds)
    assert axes.yaxis.get_offset_text().get_text()
    assert places[0] == places[1]
