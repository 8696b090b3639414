"""Intervals of differences: against hand computation, SciPy, and worlds whose difference is known."""

import numpy as np
import pytest
from scipy import stats

from helpers.data import read_table
from helpers.statistics import Difference, Tuned, difference, differences, holm

RATES = np.array([0.1, 0.2, 0.5])


def flat(test):
    """A configuration with one rate: nothing to choose."""
    test = np.asarray(test, dtype=float)[None]
    return Tuned([1.0], test, test)


# Choosing a rate ------------------------------------------------------------------------------------------


def test_validation_chooses_the_rate_and_the_test_scores_are_those_of_that_rate():
    tuned = Tuned(RATES, [[0.5, 0.6], [0.9, 0.7], [0.7, 0.8]], [[1, 2], [3, 4], [5, 6]])
    assert tuned.rate == 0.2
    assert tuned.scores.tolist() == [3, 4]
    assert tuned.fixed(0.5).scores.tolist() == [5, 6]
    assert tuned.fixed(0.5).rate == 0.5


def test_of_equally_good_rates_the_smallest_is_chosen():
    assert Tuned(RATES, [[0.5], [0.7], [0.7]], np.zeros((3, 1))).rate == 0.2


def test_seeds_that_are_drawn_choose_their_own_rate():
    validation = np.array([[0.9, 0.1], [0.2, 0.8]])
    tuned = Tuned([0.1, 1.0], validation, [[1, 2], [3, 4]])
    assert tuned.mean(np.array([[0, 0], [1, 1], [0, 1]])).tolist() == [1, 4, 1.5]


def test_the_rows_of_a_table_may_stand_in_any_order(tmp_path):
    runs = [(rate, seed, rate + seed, 10 * rate + seed) for seed in (3, 1, 2) for rate in (1.0, 0.1)]
    text = "\n".join(["#", "#", "#", "rate,seed,validation_accuracy,test_accuracy"])
    path = tmp_path / "t.csv"
    path.write_text(text + "\n" + "\n".join(",".join(map(str, run)) for run in runs), encoding="utf-8")
    tuned = Tuned.from_table(read_table(path))
    assert tuned.rates.tolist() == [0.1, 1.0]
    np.testing.assert_allclose(tuned.validation, [[1.1, 2.1, 3.1], [2, 3, 4]])
    np.testing.assert_allclose(tuned.test, [[2, 3, 4], [11, 12, 13]])


# One difference -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [4, 12, 40])
def test_with_nothing_to_choose_it_is_the_paired_t_test(n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(0.3, 1, n), rng.normal(0, 1, n)
    found, wanted = difference(flat(a), flat(b), resamples=20_000), stats.ttest_rel(a, b)
    low, high = wanted.confidence_interval(0.95)
    assert found.mean == pytest.approx((a - b).mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.03 * (high - low))
    assert found.p == pytest.approx(wanted.pvalue, rel=0.12)
    assert found.error == pytest.approx((a - b).std(ddof=1) / np.sqrt(n), rel=0.03)


def test_seeds_are_compared_with_themselves():
    hard = np.random.default_rng(0).normal(0, 10, 12)  # what a seed's split does to both
    gain = np.random.default_rng(1).normal(1, 0.1, 12)
    found = difference(flat(hard + gain), flat(hard))
    assert found.detected()
    assert found.high - found.low < 0.3


def test_an_uncertain_choice_widens_the_interval_and_a_certain_one_does_not():
    rng = np.random.default_rng(3)
    test = np.array([rng.normal(0.90, 0.01, 12), rng.normal(0.95, 0.01, 12)])
    tie, clear = rng.normal(0, 0.1, (2, 12)), np.array([[0.0] * 12, [1.0] * 12])
    other = flat(rng.normal(0.9, 0.01, 12))
    widths = {}
    for name, validation in (("tie", tie - tie.mean(axis=1, keepdims=True)), ("clear", clear)):
        found = difference(Tuned([0.1, 1.0], validation, test), other)
        widths[name] = found.high - found.low
    alone = difference(flat(test[1]), other)
    assert widths["clear"] == pytest.approx(alone.high - alone.low)
    assert widths["tie"] > 3 * widths["clear"]


def test_swapping_the_two_turns_the_sign():
    rng = np.random.default_rng(4)
    one, other = (Tuned(RATES, rng.random((3, 8)), rng.random((3, 8))) for _ in range(2))
    there, back = difference(one, other), difference(other, one)
    assert (back.mean, back.low, back.high) == pytest.approx((-there.mean, -there.high, -there.low))
    assert back.p == pytest.approx(there.p)


def test_a_larger_confidence_has_the_wider_interval():
    rng = np.random.default_rng(5)
    one, other = flat(rng.random(9)), flat(rng.random(9))
    widths = [difference(one, other, confidence=c) for c in (0.5, 0.95, 0.999)]
    assert np.diff([found.high - found.low for found in widths]).min() > 0


def test_a_difference_that_never_varies_is_certain():
    one = flat([1.0, 2.0, 3.0])
    assert difference(one, one).p == 1
    assert difference(flat([1.5, 2.5, 3.5]), one).p < 1e-20


def test_a_difference_is_written_with_its_interval():
    assert str(Difference(0.0123, 0.01, -0.002, 0.0266, 0.0456)) == "+0.0123 (-0.0020 … +0.0266), p = 0.046"


# Worlds whose difference is known -------------------------------------------------------------------------


def experiment(rng, peak, split, seeds):
    """One configuration in a made-up world: accuracies of 360 images around a curve over ten rates."""
    curve = 0.97 - 0.005 * (np.arange(10) - peak) ** 2
    run = rng.normal(0, 0.004, (10, seeds))
    shares = [np.clip(curve[:, None] + run + part, 0, 1) for part in split]
    validation, test = (rng.binomial(360, share) / 360 for share in shares)
    return Tuned(np.arange(10), validation, test)


def world(rng, effect, seeds, one_rate):
    split = rng.normal(0, 0.006, (2, seeds))  # how hard the validation and the test images of a seed are
    one, other = experiment(rng, 5.3, split, seeds), experiment(rng, 5.5, split, seeds)
    one = Tuned(one.rates, one.validation + effect, one.test + effect)
    return (one.fixed(5), other.fixed(5)) if one_rate else (one, other)


@pytest.mark.parametrize(("seeds", "one_rate"), [(10, False), (24, False), (10, True)])
def test_an_interval_of_95_percent_holds_the_known_difference_in_about_95_of_100_worlds(seeds, one_rate):
    rng, repeats = np.random.default_rng(6), 500
    pairs = [world(rng, 0.02, seeds, one_rate) for _ in range(repeats)]
    # What the procedure finds on average; its own noise is a twentieth of an interval.
    known = np.mean([one.scores.mean() - other.scores.mean() for one, other in pairs])
    found = [difference(*pair, resamples=300) for pair in pairs]
    held = np.mean([each.low <= known <= each.high for each in found])
    # 500 worlds tell a coverage to about 2 points; choosing among rates makes the intervals careful.
    assert 0.93 <= held <= (0.97 if one_rate else 0.995)
    if not one_rate:
        naive = [stats.ttest_rel(one.scores, other.scores).confidence_interval() for one, other in pairs]
        assert np.mean([low <= known <= high for low, high in naive]) < held


def test_without_a_difference_one_in_twenty_worlds_at_most_shows_one_among_nine_looks():
    rng, wrong = np.random.default_rng(7), 0
    for _ in range(120):
        base = flat(rng.normal(0, 1, 10))
        wrong += any(
            found.detected()
            for found in differences(
                {k: (flat(rng.normal(0, 1, 10)), base) for k in range(9)}, resamples=300
            ).values()
        )
    # Nine looks without a correction would show one in about 30 worlds of 100.
    assert wrong / 120 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 120)


# Several differences --------------------------------------------------------------------------------------


def test_holms_correction_is_what_a_hand_computes():
    # Sorted: 0.005 × 4, 0.01 × 3, 0.03 × 2, 0.04 × 1; the last may not fall below the third.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.6, 0.7]), [1, 1])
    np.testing.assert_allclose(holm([0.2]), [0.2])
    assert holm([]).shape == (0,)


def test_holms_correction_rejects_what_the_stepwise_procedure_does():
    rng = np.random.default_rng(8)
    for _ in range(50):
        p = rng.random(7) ** 4
        rejected, order = np.zeros(7, bool), np.argsort(p)
        for step, place in enumerate(order):
            if p[place] > 0.05 / (7 - step):
                break
            rejected[place] = True
        assert (holm(p) <= 0.05).tolist() == rejected.tolist()
        assert (holm(p) <= np.minimum(7 * p, 1)).all()


def test_several_differences_keep_their_intervals_and_have_corrected_p_values():
    rng = np.random.default_rng(9)
    pairs = {name: (flat(rng.normal(shift, 1, 12)), flat(rng.normal(0, 1, 12))) for name, shift in
             (("none", 0.0), ("some", 1.0), ("much", 3.0))}  # fmt: skip
    alone = {name: difference(*pair) for name, pair in pairs.items()}
    found = differences(pairs)
    assert list(found) == list(pairs)
    assert [f.p for f in found.values()] == pytest.approx(holm([a.p for a in alone.values()]).tolist())
    for name, each in found.items():
        assert (each.mean, each.low, each.high) == (alone[name].mean, alone[name].low, alone[name].high)


# Wrong arguments ------------------------------------------------------------------------------------------


def rows(*runs):
    kinds = [("rate", float), ("seed", int), ("validation_accuracy", float), ("test_accuracy", float)]
    return np.array([(*run, 0.5, 0.5) for run in runs], dtype=kinds)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Tuned(RATES, np.zeros((2, 4)), np.zeros((2, 4))), r"got \(3,\), \(2, 4\) and \(2, 4\)"),
        (lambda: Tuned(RATES, np.zeros((3, 4)), np.zeros((3, 5))), r"got \(3,\), \(3, 4\) and \(3, 5\)"),
        (lambda: Tuned([1.0], [[np.nan]], [[0.5]]), "scores must be numbers, got nan or inf"),
        (lambda: Tuned(RATES, *np.zeros((2, 3, 4))).fixed(0.3), "one of 0.1, 0.2, 0.5, got 0.3"),
        (lambda: Tuned.from_table(rows((1.0, 0), (1.0, 0))), "got 2 rows of 1 rates and 1 seeds"),
        (lambda: Tuned.from_table(rows((1.0, 0), (2.0, 1))), "got 2 rows of 2 rates and 2 seeds"),
        (lambda: Tuned.from_table(rows()), "got 0 rows"),
        (lambda: difference(flat([1.0, 2.0]), flat([1.0, 2.0, 3.0])), "the same seeds, .* got 2 and 3"),
        (lambda: difference(flat([1.0]), flat([1.0])), "at least 2, got 1 and 1"),
        (lambda: difference(flat([1.0, 2]), flat([1.0, 3]), confidence=95), "between 0 and 1, got 95"),
        (lambda: holm([0.5, 1.5]), "numbers from 0 to 1"),
        (lambda: holm(0.5), "a list of numbers"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_with_what_is_allowed(act, message):
    with pytest.raises(ValueError, match=message):
        act()
