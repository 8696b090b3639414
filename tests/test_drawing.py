import numpy as np
import pytest

from helpers.descent import descend
from helpers.drawing import LossPlane, panels
from helpers.explorer import explore

VIEW = {"xlim": (-2.0, 2.0), "ylim": (-1.0, 3.0)}


@pytest.fixture
def plane():
    _, (axes,) = panels("plane", height=4)
    return LossPlane(axes, [0.1, 0.5, 2.0], **VIEW)


def drawn(plane, label):
    (line,) = [line for line in plane.axes.lines if line.get_label() == label]
    return np.asarray(line.get_xydata(), dtype=float)


def quadratic(H, minimum):
    """The loss as a sum over entries, at arrays of w₁ and w₂."""

    def loss(u, v):
        e = (u - minimum[0], v - minimum[1])
        return sum(H[i][j] * e[i] * e[j] for i in range(2) for j in range(2)) / 2

    return loss


H, MINIMUM = [[2.0, 0.6], [0.6, 0.5]], (0.5, 1.0)


@pytest.mark.parametrize(
    "H", [H, [[0.5, 0.6], [0.6, 2.0]], [[2.0, -0.6], [-0.6, 0.5]], [[0.5, -0.6], [-0.6, 2.0]]]
)
def test_every_point_of_an_ellipse_has_its_level(plane, H):
    plane.draw_quadratic(H, MINIMUM)
    for i, level in enumerate(plane.levels):
        points = drawn(plane, f"contour {i}")
        np.testing.assert_allclose(quadratic(H, MINIMUM)(*points.T), level)
        np.testing.assert_allclose(points[0], points[-1], atol=1e-12)
        np.testing.assert_allclose(points[:-1].mean(axis=0), MINIMUM)
    assert drawn(plane, "minimum").tolist() == [[0.5, 1.0]]


def test_an_ellipse_reaches_as_far_as_the_curvature_lets_it(plane):
    plane.draw_quadratic(np.diag([4.0, 0.25]), (0, 0))
    for i, level in enumerate(plane.levels):
        reach = np.abs(drawn(plane, f"contour {i}")).max(axis=0)
        np.testing.assert_allclose(reach, np.sqrt(2 * level / np.array([4.0, 0.25])))


def test_the_contours_of_any_loss_agree_with_the_ellipses(plane):
    plane.draw_loss(quadratic(H, MINIMUM))
    for i, level in enumerate(plane.levels):
        points = drawn(plane, f"contour {i}")
        points = points[np.isfinite(points).all(axis=1)]
        assert len(points) > 20
        # Linear between the points of a grid: within the square of its spacing.
        np.testing.assert_allclose(quadratic(H, MINIMUM)(*points.T), level, atol=2 * (4 / 120) ** 2)
        assert (np.abs(points - [0, 1]) <= 2 + 1e-9).all()


def test_a_contour_in_two_pieces_has_a_gap_between_them(plane):
    plane.draw_loss(lambda u, v: (u**2 - 1) ** 2 + (v - 1) ** 2)
    for i, pieces in enumerate((2, 2, 1)):
        points = drawn(plane, f"contour {i}")
        assert np.isnan(points).all(axis=1).sum() == pieces
        assert np.isnan(points[0]).all()
    near = np.hypot(*(np.abs(drawn(plane, "contour 0")[1:]) - [1, 1]).T)
    assert np.nanmax(near) < 0.4


def test_a_level_that_the_loss_does_not_take_is_an_empty_line(plane):
    plane.draw_loss(lambda u, v: 0.05 + 0 * u)
    assert all(drawn(plane, f"contour {i}").size == 0 for i in range(3))
    plane.draw_loss(lambda u, v: u**2)
    assert drawn(plane, "contour 1").size > 0


def test_where_the_loss_is_nan_there_is_no_contour(plane):
    plane.draw_loss(lambda u, v: np.where(u < 0, np.nan, u**2 + v**2))
    points = drawn(plane, "contour 1")
    assert np.nanmin(points[:, 0]) >= 0
    assert np.isfinite(points).any()


def test_a_path_has_its_start_and_its_end(plane):
    path = descend(lambda w: np.array(H) @ (w - MINIMUM), [-1.0, 2.0], 0.3, 12)
    plane.draw_path(path[:6])
    for label in ("path", "steps"):
        assert drawn(plane, label).tolist() == path[:6].tolist()
    assert drawn(plane, "start").tolist() == [[-1, 2]]
    assert drawn(plane, "now").tolist() == [path[5].tolist()]
    plane.draw_path(path[:1])
    assert drawn(plane, "now").tolist() == drawn(plane, "start").tolist()


def test_a_path_that_diverges_leaves_the_view_and_stays_drawable(plane):
    path = descend(lambda w: w, [1.0, 0.5], 30.0, 50, limit=1e12)
    assert np.abs(path).max() > 1e12
    plane.draw_path(path)
    assert np.abs(drawn(plane, "path")).max() == 4000
    np.testing.assert_array_equal(drawn(plane, "path")[:3], path[:3])


def test_several_minima_can_be_marked(plane):
    plane.mark_minimum([[-1, 1], [1, 1]])
    assert drawn(plane, "minimum").tolist() == [[-1, 1], [1, 1]]


def test_the_scales_are_equal_so_that_angles_are_true(plane):
    assert plane.axes.get_aspect() == 1
    assert plane.axes.get_xlim() == VIEW["xlim"]
    assert plane.axes.get_ylim() == VIEW["ylim"]


@pytest.mark.parametrize("kind", ["quadratic", "loss"])
def test_an_explorer_can_move_the_loss_and_the_path_in_small_records(plane, kind):
    def update(k=1.0, step=100):
        curvature = [[2.0 * k, 0.6], [0.6, 0.5]]
        if kind == "quadratic":
            plane.draw_quadratic(curvature, MINIMUM)
        else:
            plane.draw_loss(quadratic(curvature, MINIMUM))
        path = descend(lambda w: np.array(curvature) @ (w - MINIMUM), [-1.0, 2.0], 0.2, 100)
        plane.draw_path(path[: step + 1])
        return f"k = {k}, step {step}"

    explorer = explore(plane.axes.figure, update, k=(0.5, 4.0, 0.5), step=(0, 100, 1))
    shown = {position.caption: position.data for position in explorer.sweep(random=5)}
    assert len(shown) > 5
    first, last = shown["k = 0.5, step 0"], shown["k = 4.0, step 100"]
    assert not np.array_equal(first["contour 1"], last["contour 1"])
    assert (len(first["path"]), len(last["path"])) == (1, 101)
    record = explorer._moving.record({"k": 1.0, "step": 100})
    assert not any(call[0] == "png" for run in record["runs"] for call in run)
    assert len(str(record)) < 12_000


@pytest.mark.parametrize(
    ("levels", "said"),
    [([], "increase"), ([1.0, 1.0], "increase"), ([2.0, 1.0], r"increase, got \[2.0, 1.0\]")],
)
def test_levels_must_increase(levels, said):
    _, (axes,) = panels("plane")
    with pytest.raises(ValueError, match=said):
        LossPlane(axes, levels, **VIEW)


@pytest.mark.parametrize(
    ("hessian", "said"),
    [
        ([[1, 2], [0, 1]], "symmetric 2 × 2"),
        ([[1, 0, 0], [0, 1, 0]], "symmetric 2 × 2"),
        ([[np.nan, 0], [0, 1]], "symmetric 2 × 2"),
        ([[1, 2], [2, 1]], "positive definite, its eigenvalues are"),
        ([[1, 0], [0, 0]], "positive definite"),
    ],
)
def test_a_hessian_without_a_minimum_is_refused(plane, hessian, said):
    with pytest.raises(ValueError, match=said):
        plane.draw_quadratic(hessian, (0, 0))


@pytest.mark.parametrize("path", [[], [[1, 2, 3]], [1, 2], [[0, np.inf]]])
def test_a_path_that_cannot_be_drawn_is_refused(plane, path):
    with pytest.raises(ValueError, match=r"path must be finite, of shape \(n, 2\)"):
        plane.draw_path(path)


def test_a_loss_of_another_shape_is_refused(plane):
    with pytest.raises(ValueError, match=r"shape of its arguments, got \(\)"):
        plane.draw_loss(lambda u, v: 1.0)
