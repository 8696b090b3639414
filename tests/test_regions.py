"""Exact regions, against theorems, against a dense grid, and against a counter in rational numbers."""

from __future__ import annotations

import itertools
import math
from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.regions import SLIVER, linear_regions

steadily = settings(deadline=None, derandomize=True, max_examples=40)


def random_network(width, depth, seed=0, bias=0.3):
    rng = np.random.default_rng(seed)
    ins = [2] + [width] * (depth - 1)
    weights = [rng.standard_normal((width, n)) * np.sqrt(2 / n) for n in ins]
    return weights, [bias * rng.standard_normal(width) for _ in ins]


def run(weights, biases, points):
    """The last layer's outputs and the pattern of every unit, at each of the points."""
    signal, patterns = np.asarray(points, dtype=float), []
    for W, b in zip(weights, biases, strict=True):
        z = signal @ np.asarray(W, dtype=float).T + np.asarray(b, dtype=float)
        patterns.append(z > 0)
        signal = np.maximum(z, 0)
    return signal, np.hstack(patterns)


def rows(patterns):
    return {row.tobytes() for row in np.asarray(patterns, dtype=bool)}


def points_inside(regions, seed=0, each=3):
    """Random points inside each region: (which region, point)."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(regions)), each)
    real = np.arange(regions.vertices.shape[1]) < regions.sizes[which, None]
    share = rng.exponential(size=real.shape) * real
    share /= share.sum(axis=1, keepdims=True)
    return which, np.einsum("pk,pkd->pd", share, regions.vertices[which])


# An independent counter: no polygons, no floats ----------------------------------------------------------


def exact_patterns(weights, biases, box):
    """All activation patterns that fill an area inside box², in rational arithmetic.

    Every region of a layer is a cell of an arrangement of lines: those of the box, those of the layers before
    it, and its own. Every cell has a corner where two of the lines cross. Around each crossing stand the
    cells between neighboring directions of its lines, and the signs of all lines there need no tolerance.
    """
    low, high = (Fraction(end) for end in box)
    border = [(Fraction(1), Fraction(0), -low), (Fraction(-1), Fraction(0), high)]
    border += [(Fraction(0), Fraction(1), -low), (Fraction(0), Fraction(-1), high)]
    identity = [(Fraction(1), Fraction(0), Fraction(0)), (Fraction(0), Fraction(1), Fraction(0))]
    cells = [((), [], identity)]  # pattern, (line, sign) of each unit so far, signals
    for W, b in zip(weights, biases, strict=True):
        grown = []
        for pattern, sides, signals in cells:
            own = [
                tuple(
                    sum(Fraction(w) * s[i] for w, s in zip(row, signals, strict=True))
                    + (Fraction(offset) if i == 2 else 0)
                    for i in range(3)
                )
                for row, offset in zip(np.asarray(W).tolist(), np.asarray(b).tolist(), strict=True)
            ]
            must = [(line, 1) for line in border] + sides
            lines = [line for line, _ in must] + own
            for signs in cell_signs(lines):
                if all(s == sign for s, (_, sign) in zip(signs, must, strict=False)):
                    on = signs[len(must) :]
                    new = [tuple(v * (s > 0) for v in line) for line, s in zip(own, on, strict=True)]
                    more = [(line, s) for line, s in zip(own, on, strict=True) if s and any(line[:2])]
                    grown.append((pattern + tuple(s > 0 for s in on), sides + more, new))
        cells = grown
    found = [pattern for pattern, _, _ in cells]
    assert len(found) == len(set(found))
    return set(found)


def cell_signs(lines):
    """The sign of every line in every cell that has a corner."""
    found = set()
    crossings = {}
    straight = [line for line in dict.fromkeys(lines) if any(line[:2])]
    for (a, b, c), (d, e, f) in itertools.combinations(straight, 2):
        if det := a * e - b * d:
            crossings[(b * f - c * e) / det, (c * d - a * f) / det] = None
    for x, y in crossings:
        at = [a * x + b * y + c for a, b, c in lines]
        through = [line for line, value in zip(lines, at, strict=True) if value == 0 and any(line[:2])]
        turns = {direction(sign * b, -sign * a) for a, b, _ in through for sign in (1, -1)}
        around = sorted(turns, key=lambda d: math.atan2(d[1], d[0]))
        for (u, v), (p, q) in zip(around, around[1:] + around[:1], strict=True):
            dx, dy = u + p, v + q
            values = [value or a * dx + b * dy for (a, b, _), value in zip(lines, at, strict=True)]
            found.add(tuple((value > 0) - (value < 0) for value in values))
    return found


def direction(x, y):
    scale = max(abs(x), abs(y))
    return x / scale, y / scale


def lines_in_a_square(W, b, box):
    """Zaslavsky's count inside a convex set: 1 + lines + each crossing's number of lines less 1."""
    low, high = (Fraction(end) for end in box)
    lines = set()
    for (p, q), r in zip(W, b, strict=True):
        corners = [p * x + q * y + r for x in (low, high) for y in (low, high)]
        if min(corners) < 0 < max(corners):
            first = next(value for value in (p, q) if value)
            lines.add((Fraction(p) / first, Fraction(q) / first, Fraction(r) / first))
    through = {}
    for one, other in itertools.combinations(lines, 2):
        (a, b1, c), (d, e, f) = one, other
        if det := a * e - b1 * d:
            x, y = (b1 * f - c * e) / det, (c * d - a * f) / det
            if low < x < high and low < y < high:
                through.setdefault((x, y), set()).update((one, other))
    return 1 + len(lines) + sum(len(several) - 1 for several in through.values())


def small_networks(numbers, most_layers=3, most_units=3):
    def of(widths):
        ins = [2, *widths[:-1]]
        weights = st.tuples(
            *(
                st.lists(st.lists(numbers, min_size=i, max_size=i), min_size=o, max_size=o)
                for i, o in zip(ins, widths, strict=True)
            )
        )
        return st.tuples(weights, st.tuples(*(st.lists(numbers, min_size=o, max_size=o) for o in widths)))

    return st.lists(st.integers(1, most_units), min_size=1, max_size=most_layers).flatmap(of)


def check(weights, biases, box):
    """What must hold of every network."""
    regions = linear_regions(weights, biases, box)
    side = box[1] - box[0]
    assert regions.areas.min() > 0
    assert regions.areas.sum() == pytest.approx(side**2, rel=1e-12)
    assert len(rows(regions.patterns)) == len(regions)
    which, points = points_inside(regions)
    outputs, patterns = run(weights, biases, points)
    maps = np.einsum("pnd,pd->pn", regions.A[which], points) + regions.c[which]
    size = 1 + np.abs(outputs).max()
    assert np.abs(maps - outputs).max() <= 1e-12 * size
    return regions, which, points, patterns


# Properties of all networks ------------------------------------------------------------------------------


@steadily
@given(small_networks(st.integers(-2, 2)), st.sampled_from([(-1, 1), (0, 2), (-3, 1)]))
def test_small_integers_give_the_regions_of_rational_arithmetic(network, box):
    regions, *_ = check(*network, box)
    assert {tuple(pattern) for pattern in regions.patterns.tolist()} == exact_patterns(*network, box)


@steadily
@given(small_networks(st.integers(-40, 40).map(lambda k: k / 16)))
def test_networks_of_sixteenths_give_the_regions_of_rational_arithmetic(network):
    regions, *_ = check(*network, (-1, 1))
    found = {tuple(pattern) for pattern in regions.patterns.tolist()}
    assert found == exact_patterns(*network, (-1, 1))


@steadily
@given(
    st.lists(st.tuples(*[st.integers(-3, 3)] * 3), min_size=1, max_size=12),
    st.sampled_from([(-1, 1), (0, 1), (-2, 5)]),
)
def test_one_layer_of_integers_gives_zaslavskys_count(units, box):
    W, b = [unit[:2] for unit in units], [unit[2] for unit in units]
    assert len(linear_regions([W], [b], box)) == lines_in_a_square(W, b, box)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_give_the_regions_of_rational_arithmetic(seed):
    weights, biases = random_network(4, 2, seed)
    regions, *_ = check(weights, biases, (-1.0, 1.0))
    assert {tuple(p) for p in regions.patterns.tolist()} == exact_patterns(weights, biases, (-1, 1))


@pytest.mark.parametrize(("width", "depth"), [(1, 1), (2, 4), (16, 1), (16, 3), (8, 6), (40, 2)])
def test_the_map_of_every_region_is_the_network(width, depth):
    regions, which, _, patterns = check(*random_network(width, depth, seed=width), (-1.0, 1.0))
    # Off the folds by more than rounding, the pattern is the network's as well.
    assert (patterns == regions.patterns[which]).mean() > 1 - 1e-3


# Counts that theorems give -------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 21, 32, 50, 64])
def test_n_lines_in_general_position_make_1_plus_n_plus_n_choose_2_regions(n):
    # Tangents of a circle: no three meet in a point.
    angle = np.pi * (np.arange(n) + 0.3) / n
    W, b = np.column_stack([np.cos(angle), np.sin(angle)]), -np.ones(n)
    crossings = [np.linalg.solve(W[[i, j]], [1, 1]) for i, j in itertools.combinations(range(n), 2)]
    reach = 1.1 * max(2, *(np.abs(crossing).max() for crossing in crossings)) if n > 1 else 2
    assert len(linear_regions([W], [b], (-reach, reach))) == 1 + n + math.comb(n, 2)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6])
def test_tent_layers_make_4_to_the_depth_squares(depth):
    regions = linear_regions(*tents(depth), box=(0, 1))
    assert len(regions) == 4**depth
    assert regions.areas == pytest.approx(np.full(4**depth, 0.25**depth), rel=1e-12)
    assert (regions.sizes == 4).all()


def tents(depth):
    """tent(x) = 2 relu(x) − 4 relu(x − 1/2) of both coordinates, again and again."""
    first = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    fold = np.array([[2, -4, 0, 0], [0, 0, 2, -4]])
    return [first] + [first @ fold] * (depth - 1), [np.array([0, -0.5, 0, -0.5])] * depth


def test_no_point_of_a_fine_grid_has_a_pattern_that_is_missing():
    for width, depth in ((8, 1), (6, 3)):
        weights, biases = random_network(width, depth, seed=depth)
        exact = rows(linear_regions(weights, biases).patterns)
        x = np.linspace(-1, 1, 1001)
        grid = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
        patterns = run(weights, biases, grid)[1]
        # As whole numbers: these sort a hundred times as fast.
        _, where = np.unique(patterns @ 2 ** np.arange(width * depth), return_index=True)
        seen = rows(patterns[where])
        assert seen <= exact
        assert len(seen) > 0.8 * len(exact)


# Degenerate networks -------------------------------------------------------------------------------------

DIAMOND = [[1, 1], [1, -1], [1, 1], [1, -1]], [0.5, 0.5, -0.5, -0.5]


@pytest.mark.parametrize(
    ("W", "b", "count"),
    [
        ([[1, 0], [2, 0], [-3, 0]], [0, 0, 0], 2),  # the same line, thrice
        ([[1, 0], [1, 0], [1, 0]], [0, 0.5, -0.5], 4),  # parallels
        ([[1, 0], [0, 1], [1, 1], [1, -1]], [0, 0, 0, 0], 8),  # through one point
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], [1, 1, 1, 1], 1),  # along the border
        ([[1, 0]], [np.nextafter(1, 0)], 1),  # a rounding error inside it
        ([[1, 1], [1, -1]], [0, 0], 4),  # the diagonals, through the corners
        ([[1, 1]], [2], 1),  # touching a corner
        (*DIAMOND, 9),
        ([[0, 0], [0, 0], [0, 0]], [0, 1, -1], 1),
        ([[1, 2], [3, 4]], [-100, 100], 1),
        ([[1, 0], [1, 0]], [0, 2e-10], 2),  # narrower than a sliver
        ([[1, 0], [1, 0]], [0, 2e-8], 3),  # wider
        ([[1e-200, 0], [0, 1e200]], [0, 0], 4),
    ],
)
def test_degenerate_layers_count_as_on_paper(W, b, count):
    assert len(check([W], [b], (-1, 1))[0]) == count


def test_a_sliver_goes_to_the_larger_part():
    narrow = 2 * SLIVER
    for width, count in ((0.9 * narrow, 1), (1.1 * narrow, 2)):
        regions = linear_regions([[[1, 0]]], [[width - 1]])
        assert len(regions) == count
        assert regions.patterns[regions.at([0, 0])] == [False]
        assert regions.areas.sum() == pytest.approx(4, rel=1e-15)


def test_dead_layers_leave_the_folds_before_them():
    weights, biases = random_network(6, 1)
    alone = linear_regions(weights, biases)
    below = linear_regions([*weights, -np.ones((3, 6)), np.ones((2, 3))], [*biases, [0, 0, -1], [0, -1]])
    assert len(below) == len(alone)
    assert not below.patterns[:, 6:].any()
    assert not below.A.any()


@pytest.mark.parametrize("seed", range(10))
def test_units_that_cancel_in_the_next_layer_make_no_fold(seed):
    # On paper relu(u) + relu(v) − relu(u + v) is 0 where all three are active; in floats it is ±1e-17.
    tenths = np.random.default_rng(seed).integers(-9, 10, (2, 3))
    W1, b1 = np.split(np.vstack([tenths, tenths.sum(axis=0)]) / 10, [2], axis=1)
    alone = linear_regions([W1], [b1[:, 0]])
    both = linear_regions([W1, [[1, 1, -1]]], [b1[:, 0], [0]])
    assert len(both) == len(alone)
    assert not both.patterns[both.patterns[:, :3].all(axis=1), 3].any()


@pytest.mark.parametrize("box", [(100.0, 101.0), (-5.0, -1.0), (0.0, 1e-6), (-1e6, 1e6)])
def test_the_box_may_lie_anywhere(box):
    weights, biases = random_network(5, 2)
    middle, half = np.mean(box), (box[1] - box[0]) / 2
    # The same network, seen through the box.
    moved = [weights[0] / half, weights[1]]
    shifted = [biases[0] - weights[0].sum(axis=1) * middle / half, biases[1]]
    there, here = linear_regions(moved, shifted, box), linear_regions(weights, biases)
    assert len(there) == len(here)
    assert there.areas / half**2 == pytest.approx(here.areas, rel=1e-6)


def test_areas_far_from_0_keep_their_digits():
    box = (1e8, 1e8 + 1e5)
    weights, biases = random_network(6, 1)
    regions = linear_regions(
        [weights[0] / 5e3], [biases[0] - weights[0].sum(axis=1) * (1e8 + 5e3) / 5e3], box
    )
    assert len(regions) > 8
    for corners, area in zip(regions.polygons, regions.areas, strict=True):
        exact = [(Fraction(a), Fraction(b)) for a, b in corners.tolist()]
        twice = sum(a * d - b * c for (a, b), (c, d) in zip(exact, exact[1:] + exact[:1], strict=True))
        assert area == pytest.approx(float(twice / 2), rel=1e-12)


@pytest.mark.parametrize(
    "weights", [[[[5e-324, 0]]], [[[1e-200, 0], [0, 1]], [[1e-200, 0]]], [[[1, 1]], [[1e-300]], [[1e-20]]]]
)
def test_a_network_whose_signals_underflow_is_refused(weights):
    with pytest.raises(ValueError, match="weights must not be so small that the network's signals underflow"):
        linear_regions(weights, [np.zeros(len(W)) for W in weights])
    # A unit that is off, or one small weight beside others, is nothing of the kind.
    assert len(linear_regions([[[1e-200, 1]], [[0]]], [[0], [0]])) == 2


# What a result can do ------------------------------------------------------------------------------------


def test_at_finds_the_region_whose_pattern_the_network_has():
    weights, biases = random_network(8, 2)
    regions = linear_regions(weights, biases)
    points = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    patterns = run(weights, biases, points)[1]
    for point, pattern in zip(points, patterns, strict=True):
        assert (regions.patterns[regions.at(point)] == pattern).all()
    for which, polygon in enumerate(regions.polygons):
        assert regions.at(polygon.mean(axis=0)) == which
    assert regions.at([1, 1]) in range(len(regions))


def test_the_fold_of_a_first_layers_unit_is_the_whole_line():
    W, b = np.array([[1.0, 2.0], [1.0, -1.0]]), np.array([0.5, 0.0])
    regions = linear_regions([W, np.array([[1.0, -2.0]])], [b, np.array([0.1])])
    lengths = [np.linalg.norm(np.diff(regions.folds(0, unit), axis=1), axis=-1).sum() for unit in (0, 1)]
    # x + 2y = −1/2 from (−1, 1/4) to (1, −3/4), and the diagonal.
    assert lengths == pytest.approx([math.hypot(2, 1), math.sqrt(8)])


@pytest.mark.parametrize("seed", range(3))
def test_folds_are_where_the_pre_activation_is_0_and_make_up_all_borders(seed):
    weights, biases = random_network(6, 3, seed)
    regions = linear_regions(weights, biases)
    for layer, unit in itertools.product(range(3), range(6)):
        ends = regions.folds(layer, unit).reshape(-1, 2)
        signal = run(weights[:layer], biases[:layer], ends)[0] if layer else ends
        assert np.abs(signal @ weights[layer][unit] + biases[layer][unit]).max(initial=0) < 1e-12
    perimeter = sum(np.linalg.norm(p - np.roll(p, 1, axis=0), axis=1).sum() for p in regions.polygons)
    folds = np.linalg.norm(np.diff(regions.folds(), axis=1), axis=-1).sum()
    assert perimeter == pytest.approx(2 * folds + 4 * 2)
    parts = [regions.folds(layer) for layer in range(3)]
    assert len(regions.folds()) == sum(map(len, parts))


def test_a_result_cannot_be_changed():
    regions = linear_regions([[[1, 0]]], [[0]])
    with pytest.raises(FrozenInstanceError):
        regions.box = (0, 1)
    for name in ("vertices", "sizes", "edges", "patterns", "A", "c"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(regions, name)[0] = 0
    assert repr(regions) == "Regions(2 in [-1, 1]², widths [1])"


# Errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "biases", "box", "said"),
    [
        ([], [], (-1, 1), r"at least one, got 0 and 0"),
        ([[[1, 0]]], [], (-1, 1), r"got 1 and 0"),
        ([[[1, 0, 0]]], [[0]], (-1, 1), r"weights\[0\] must have shape \(n_out, 2\).*plane; got \(1, 3\)"),
        ([[1, 0]], [[0]], (-1, 1), r"weights\[0\] must have shape.*got \(2,\)"),
        ([np.empty((0, 2))], [[]], (-1, 1), r"weights\[0\] must have shape.*got \(0, 2\)"),
        ([[[1, 0]], [[1, 1]]], [[0], [0]], (-1, 1), r"weights\[1\].*layer 0 has 1 units; got \(1, 2\)"),
        ([[[1, 0]]], [[0, 1]], (-1, 1), r"biases\[0\] must have shape \(1,\), got \(2,\)"),
        ([[[1, math.nan]]], [[0]], (-1, 1), r"weights\[0\] must have finite entries, got nan at \(0, 1\)"),
        ([[[1, 0]]], [[math.inf]], (-1, 1), r"biases\[0\] must have finite entries, got inf at \(0,\)"),
        ([[[1, "a"]]], [[0]], (-1, 1), r"weights\[0\] must be an array of numbers"),
        ([[[1, 0], [1]]], [[0]], (-1, 1), r"weights\[0\] must be an array of numbers"),
        ([[[1, 0]]], [[0]], (1, -1), r"box must be two numbers, the smaller first, got \(1, -1\)"),
        ([[[1, 0]]], [[0]], (1, 1), r"box must be two numbers"),
        ([[[1, 0]]], [[0]], (-1, 0, 1), r"box must be two numbers"),
        ([[[1, 0]]], [[0]], 1, r"box must be two numbers"),
        ([[[1, 0]]], [[0]], (0, math.inf), r"box must have finite entries"),
        ([[[1, 0]]], [[0]], (1e6, 1e6 + 1), r"box must have a side of at least 0\.0001"),
        ([[[1e300, 0]], [[1e300]]], [[0], [0]], (-1, 1), r"overflow"),
    ],
)
def test_bad_input_is_named(weights, biases, box, said):
    with pytest.raises(ValueError, match=said):
        linear_regions(weights, biases, box)


@pytest.mark.parametrize("point", [[0, 2], [0], [0, math.nan], 0, [[0, 0]]])
def test_a_point_outside_the_box_is_named(point):
    with pytest.raises(ValueError, match="point must be two numbers from -1 to 1"):
        linear_regions([[[1, 0]]], [[0]]).at(point)


@pytest.mark.parametrize(("layer", "unit"), [(1, None), (-1, None), (None, 0), (0, 1), (0, -1)])
def test_folds_of_what_is_not_there_are_named(layer, unit):
    with pytest.raises(ValueError, match="must be"):
        linear_regions([[[1, 0]]], [[0]]).folds(layer, unit)
