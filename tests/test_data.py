import numpy as np
import pytest

from helpers.data import _digits, digits, read_table


def parts(seed):
    split = digits(seed)
    return split.train, split.validation, split.test


@pytest.mark.parametrize("seed", [0, 7])
def test_the_parts_are_disjoint_and_together_hold_every_image(seed):
    assert [len(part) for part in parts(seed)] == [1077, 360, 360]
    assert len(np.unique(np.vstack([part.X for part in parts(seed)]), axis=0)) == 1797


@pytest.mark.parametrize("seed", [0, 7])
def test_only_the_training_part_sets_the_scale(seed):
    X = digits(seed).train.X
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    assert np.mean(X**2) == pytest.approx(1)
    assert abs(digits(seed).test.X.mean()) > 1e-4


@pytest.mark.parametrize("seed", [0, 7])
def test_every_part_holds_every_class_in_proportion(seed):
    for part in parts(seed):
        shares = np.bincount(part.labels, minlength=10) / len(part)
        np.testing.assert_allclose(shares, 0.1, atol=0.005)


def test_every_seed_draws_another_split_and_zero_is_the_lessons():
    assert len({digits(seed).test.labels.tobytes() for seed in range(5)}) == 5
    _digits.cache_clear()
    again = digits()
    np.testing.assert_array_equal(again.test.X, digits(0).test.X)
    assert not np.array_equal(again.test.X, digits(1).test.X)


def test_the_arrays_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        digits().train.X[0, 0] = 1


@pytest.mark.parametrize("rows", [["tanh,3,0.5"], ["tanh,3,0.5", "relu,4,nan"]])
def test_a_table_has_a_row_for_each_run_and_keeps_the_kind_of_each_column(tmp_path, rows):
    path = tmp_path / "runs.csv"
    path.write_text(
        "\n".join(["# a title", "# versions", "# a command", "activation,depth,loss", *rows]),
        encoding="utf-8",
    )
    table = read_table(path)
    assert table.shape == (len(rows),)
    assert (str(table["activation"][0]), int(table["depth"][0]), float(table["loss"][0])) == ("tanh", 3, 0.5)
    assert table["depth"].dtype.kind == "i"
