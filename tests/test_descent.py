import math

import numpy as np
import pytest

from helpers.activations import ACTIVATIONS
from helpers.descent import DidNotArrive, descend, race


def steps(*arguments, **options):
    return len(race(*arguments, **options)) - 1


def test_sigmoid_takes_67_steps_and_relu_2():
    assert steps("sigmoid") == 67
    assert steps("relu") == 2


def test_the_race_agrees_with_one_written_out_by_hand():
    x, values = math.log(9), []  # σ(log 9) = 0.9
    while not values or values[-1] > 0.5:
        s = 1 / (1 + math.exp(-x))
        values.append(s)
        x -= 0.2 * s * (1 - s)
    np.testing.assert_allclose(race(ACTIVATIONS["sigmoid"]), values, rtol=1e-13)


def test_the_values_begin_at_start_and_only_the_last_has_reached_the_target():
    for name in ("sigmoid", "tanh", "relu", "elu", "softplus", "gelu"):
        values = race(name)
        assert values[0] == pytest.approx(0.9, abs=1e-15)
        assert values[-1] <= 0.5
        assert (values[:-1] > 0.5).all()


def test_relu_lands_a_rounding_error_below_the_target_so_that_an_equality_test_never_ends():
    assert race("relu").tolist() == [0.9, 0.7, 0.49999999999999994]
    with pytest.raises(DidNotArrive, match="slope 0"):
        race("relu", tolerance=0)


@pytest.mark.parametrize(("tolerance", "count"), [(0.1, 59), (0.05, 63), (0.03, 65), (0.02, 66), (0.01, 67)])
def test_the_tolerance_changes_the_count(tolerance, count):
    assert steps("sigmoid", tolerance=tolerance) == count


def test_with_a_narrow_tolerance_sigmoid_walks_past_the_target():
    with pytest.raises(DidNotArrive, match=r"walked past 0.5 ± 0.0005: step 67 .* after 300 steps") as caught:
        race("sigmoid", tolerance=0.0005, max_steps=300)
    assert len(caught.value.values) == 301
    assert caught.value.values[66] > 0.5005
    assert caught.value.values[67] < 0.4995
    with pytest.raises(DidNotArrive, match="after 10000 steps"):
        race("sigmoid", tolerance=0.0005)


def test_the_squared_error_loss_takes_406_steps():
    assert steps("sigmoid", loss="squared_error", tolerance=0.01) == 406


def test_the_squared_error_loss_comes_near_the_target_but_never_passes_it():
    with pytest.raises(DidNotArrive, match=r"had not arrived at 0\.5") as caught:
        race("sigmoid", loss="squared_error", max_steps=3000)
    assert 0.5 < caught.value.values[-1] < 0.5001


@pytest.mark.parametrize(("power", "count"), [(1, 67), (2, 448), (3, 3318)])
def test_powers_of_the_slope_take_67_448_and_3318_steps(power, count):
    assert steps("sigmoid", slope_power=power) == count


def test_the_parameters_of_an_activation_are_passed_on():
    assert race("elu", start=0.5, target=-0.8, alpha=1.0)[0] == pytest.approx(0.5)
    assert race("elu", start=-0.1, target=-0.2, alpha=3.0)[0] == pytest.approx(-0.1)


def test_of_several_starting_points_the_largest_is_taken():
    # GELU takes −0.1 twice: near −1.5 and −0.25; only from the right one does descent lower it.
    values = race("gelu", start=-0.1, target=-0.16)
    assert values[0] == pytest.approx(-0.1)
    assert (np.diff(values) < 0).all()


def test_a_race_that_stands_still_says_so_at_once():
    with pytest.raises(DidNotArrive, match=r"hard_sigmoid stands still .* slope 0") as caught:
        race("hard_sigmoid", target=-0.5)
    assert caught.value.values[-1] == 0


def test_the_bound_on_the_steps_is_exact():
    assert steps("sigmoid", max_steps=67) == 67
    with pytest.raises(DidNotArrive, match="after 66 steps") as caught:
        race("sigmoid", max_steps=66)
    assert len(caught.value.values) == 67


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": 1.2}, r"sigmoid never takes the value start=1.2: .* from 0 to 1"),
        ({"start": 0.4}, "start must be above target, got start=0.4, target=0.5"),
        ({"start": 0.5}, "start must be above target"),
        ({"start": math.nan}, "start must be above target"),
        ({"start": math.inf}, "start must be above target"),
        ({"target": math.nan}, "start must be above target"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number, got 0.0"),
        ({"learning_rate": -0.1}, "learning_rate must be a positive number"),
        ({"learning_rate": math.nan}, "learning_rate must be a positive number, got nan"),
        ({"tolerance": -0.1}, "tolerance must be None or a number ≥ 0, got -0.1"),
        ({"tolerance": math.nan}, "tolerance must be"),
        ({"loss": "mse"}, "'value' or 'squared_error', got 'mse'"),
        ({"slope_power": 0}, "slope_power must be a whole number ≥ 1, got 0"),
        ({"slope_power": 1.5}, "slope_power must be a whole number"),
        ({"max_steps": 0}, "max_steps must be a whole number ≥ 1, got 0"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value(options, message):
    with pytest.raises(ValueError, match=message):
        race("sigmoid", **options)


def test_an_unknown_name_lists_the_catalogue_and_a_jump_is_no_start():
    with pytest.raises(ValueError, match=r"'sigmiod'; there are .*sigmoid"):
        race("sigmiod")
    with pytest.raises(ValueError, match=r"binary_step never takes the value start=0\.9"):
        race("binary_step")


def test_descend_on_a_quadratic_multiplies_the_distance_by_one_minus_rate_times_curvature():
    path = descend(lambda w: np.array([2.0, 0.5]) * w, [3.0, -1.0], 0.4, 10)
    factors = 1 - 0.4 * np.array([2.0, 0.5])
    np.testing.assert_allclose(path, np.array([3.0, -1.0]) * factors ** np.arange(11)[:, None])


def test_descend_ends_where_it_is_told():
    path = descend(lambda w: w, 8.0, 0.5, 100, until=lambda w: w[0] <= 1)
    assert path.ravel().tolist() == [8, 4, 2, 1]
    assert len(descend(lambda w: w, 8.0, 0.5, 100, until=lambda w: True)) == 1
    assert len(descend(lambda w: w, 8.0, 0.5, 0)) == 1


def test_descend_stops_soon_after_it_diverges():
    path = descend(lambda w: w, 1.0, 3.0, 10_000, limit=100)
    assert path.ravel().tolist() == [1, -2, 4, -8, 16, -32, 64, -128]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.sin, np.nan, 0.1, 1), "start must be a finite number"),
        ((np.sin, [[1.0]], 0.1, 1), "start must be a finite number or a vector"),
        ((np.sin, 1.0, 0.0, 1), "learning_rate must be a positive number, got 0.0"),
        ((np.sin, 1.0, 0.1, 1.5), "steps must be a whole number ≥ 0, got 1.5"),
        ((lambda w: [1.0, 2.0], 1.0, 0.1, 1), "gradient must return 1 finite numbers"),
    ],
)
def test_descend_names_a_bad_argument(arguments, words):
    with pytest.raises(ValueError, match=words):
        descend(*arguments)
