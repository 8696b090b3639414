import numpy as np
import pytest

from helpers.data import digits


def test_the_parts_are_disjoint_and_together_hold_every_image():
    parts = [digits().train, digits().validation, digits().test]
    assert [len(part) for part in parts] == [1077, 360, 360]
    assert len(np.unique(np.vstack([part.X for part in parts]), axis=0)) == 1797


def test_only_the_training_part_sets_the_scale():
    X = digits().train.X
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    assert np.mean(X**2) == pytest.approx(1)
    assert abs(digits().test.X.mean()) > 1e-4


def test_every_part_holds_every_class_in_proportion():
    for part in (digits().train, digits().validation, digits().test):
        shares = np.bincount(part.labels, minlength=10) / len(part)
        np.testing.assert_allclose(shares, 0.1, atol=0.005)


def test_the_arrays_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        digits().train.X[0, 0] = 1
