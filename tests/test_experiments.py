"""The long experiments: what a run is, how the table is completed, and that it can be repeated."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from experiments import bn_ordering
from experiments.bn_ordering import (
    BATCH,
    EPOCHS,
    RESULTS,
    SEEDS,
    Row,
    Task,
    build,
    complete,
    read_rows,
    run,
    tasks,
)
from helpers.data import digits
from helpers.network import Activate, BatchNorm, Dense, cross_entropy

FEW = [
    Task("tanh", 1.0, 2, order, rate, seed)
    for order in ("none", "after")
    for rate in (0.1, 10.0)
    for seed in range(2)
]


@pytest.fixture(scope="module")
def table():
    """Eight runs of one epoch, finished without interruption."""
    return [run(task, epochs=1) for task in FEW]


def finished(path, wanted=FEW):
    complete(path, wanted, processes=1, epochs=1)
    return path.read_text()


# A run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "kinds"),
    [
        ("none", [Dense, Activate]),
        ("before", [Dense, BatchNorm, Activate]),
        ("after", [Dense, Activate, BatchNorm]),
    ],
)
@pytest.mark.parametrize("depth", [2, 6])
def test_batch_norm_stands_where_the_order_says(order, kinds, depth):
    network = build(Task("relu", 1.0, depth, order, 0.1, 0), np.random.default_rng(0))
    assert [type(layer) for layer in network.layers] == kinds * depth + [Dense]


def test_the_orders_of_one_seed_share_their_weights_and_the_batches():
    generators = [np.random.default_rng(3) for _ in range(3)]
    networks = [
        build(Task("relu", 1.0, 4, order, 0.1, 3), rng)
        for order, rng in zip(bn_ordering.ORDERS, generators, strict=True)
    ]
    weights = [[layer.W for layer in network.layers if isinstance(layer, Dense)] for network in networks]
    for matrices in zip(*weights, strict=True):
        np.testing.assert_array_equal(matrices[0], matrices[1])
        np.testing.assert_array_equal(matrices[0], matrices[2])
    assert len({int(rng.integers(2**62)) for rng in generators}) == 1


@pytest.mark.parametrize(
    ("activation", "gain", "variance"),
    [
        ("relu", 1.0, 2 / 64),
        ("leaky_relu", 1.0, 2 / 64),
        ("tanh", 1.0, 2 / 128),
        ("sigmoid", 4.0, 16 * 2 / 128),
    ],
)
def test_the_initial_weights_are_those_of_the_docstring(activation, gain, variance):
    network = build(Task(activation, gain, 6, "none", 0.1, 0), np.random.default_rng(0))
    hidden = np.concatenate([layer.W.ravel() for layer in network.layers[:-1] if isinstance(layer, Dense)])
    assert hidden.var() == pytest.approx(variance, rel=0.05)


def test_a_run_is_plain_stochastic_gradient_descent_on_the_training_part():
    task, data, rng = Task("tanh", 1.0, 2, "before", 0.3, 5), digits(), np.random.default_rng(5)
    network = build(task, rng)
    for _ in range(2):
        order, total = rng.permutation(1077), 0.0
        for start in range(0, 1077, BATCH):
            X, labels = (part[order[start : start + BATCH]] for part in (data.train.X, data.train.labels))
            loss, gradient = cross_entropy(network.forward(X), labels)
            network.backward(gradient)
            for layer in network.layers:
                for name in layer.trainable:
                    setattr(layer, name, getattr(layer, name) - 0.3 * getattr(layer, f"d{name}"))
            total += loss * len(X)
    row = run(task, epochs=2)
    assert row.train_loss == pytest.approx(total / 1077)
    for part, found in ((data.validation, row.validation_accuracy), (data.test, row.test_accuracy)):
        guesses = network.forward(part.X, training=False).argmax(axis=1)
        assert found == np.mean(guesses == part.labels)


def test_no_epoch_leaves_a_last_batch_of_one():
    assert len(digits().train) % BATCH != 1


def test_a_run_is_repeated_bit_by_bit(table):
    assert [repr(run(task, epochs=1)) for task in FEW] == [repr(row) for row in table]


def test_a_run_that_diverges_says_so(table):
    for row in table:
        assert row.diverged == (not row.train_loss <= 2 * np.log(10))
    assert {row.diverged for row in table} == {0, 1}


# The file -------------------------------------------------------------------------------------------------


def test_a_finished_table_holds_every_run_in_order_under_its_header(tmp_path, table):
    text = finished(tmp_path / "t.csv")
    assert [repr(row) for row in read_rows(tmp_path / "t.csv")] == [repr(row) for row in table]
    head = text.splitlines()[:4]
    assert all(line.startswith("# ") for line in head[:3])
    assert "python experiments/bn_ordering.py" in head[0]
    assert f"NumPy {np.__version__}" in head[1]
    assert head[3] == ",".join(Row._fields)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("kept", [0, 10, 150, 400, 480, 500, 560, 700, -1])
def test_a_file_cut_off_anywhere_is_completed_to_the_same(tmp_path, kept, monkeypatch):
    whole = finished(tmp_path / "whole.csv")
    (tmp_path / "cut.csv").write_text(whole[:kept])
    left = len(read_rows(tmp_path / "cut.csv"))
    again = []
    monkeypatch.setattr(bn_ordering, "run", lambda task, epochs: again.append(task) or run(task, epochs))
    assert finished(tmp_path / "cut.csv") == whole
    assert len(again) == len(FEW) - left  # nothing that was there is done again


def test_a_row_is_in_the_file_before_the_next_run_begins(tmp_path, monkeypatch, table):
    path, there = tmp_path / "t.csv", []

    def watched(task, epochs):
        there.append(len(read_rows(path)))
        return table[FEW.index(task)]

    monkeypatch.setattr(bn_ordering, "run", watched)
    finished(path)
    assert there == list(range(len(FEW)))


def test_two_processes_write_the_same_file_as_one(tmp_path):
    complete(tmp_path / "two.csv", FEW[:4], processes=2, epochs=1)
    assert (tmp_path / "two.csv").read_text() == finished(tmp_path / "one.csv", FEW[:4])


def test_a_file_of_other_settings_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "t.csv"
    old = finished(path).replace("NumPy", "NumPy 1.0 and")
    path.write_text(old)
    with pytest.raises(SystemExit, match=r"t\.csv was written with other versions or settings"):
        finished(path)
    assert path.read_text() == old


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_run_killed_in_the_middle_loses_no_finished_row(tmp_path):
    path = tmp_path / "t.csv"
    script = Path(bn_ordering.__file__)
    process = subprocess.Popen(
        [sys.executable, script, "--out", path, "--processes", "1"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (path.exists() and len(read_rows(path)) >= 2):
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = read_rows(path)
    assert len(before) >= 2
    complete(path, [row.task for row in before], processes=1)
    assert [repr(row) for row in read_rows(path)] == [repr(row) for row in before]


# The committed table --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def committed():
    return read_rows(RESULTS)


def test_the_committed_table_is_complete(committed):
    assert [row.task for row in committed] == tasks()
    assert {row.epochs for row in committed} == {EPOCHS}
    assert set(Counter(row.task[:-1] for row in committed).values()) == {len(SEEDS)}
    assert len(SEEDS) >= 12


def test_the_committed_accuracies_are_shares_of_360_pictures(committed):
    for row in committed:
        for share in (row.validation_accuracy, row.test_accuracy):
            assert share * 360 == pytest.approx(round(share * 360), abs=1e-9)
            assert 0 <= share <= 1
        assert row.diverged == (not row.train_loss <= 2 * np.log(10))


def test_one_configuration_comes_out_again_with_all_its_seeds(committed):
    # Another processor may round otherwise, which moved these losses by less than 1e-12 where it was tried.
    # The tolerance leaves room for a hundred million times that, and for two pictures near the border.
    rows = [row for row in committed if row.task[:-1] == ("tanh", 1.0, 2, "after", 0.3)]
    assert len(rows) == len(SEEDS)
    for row in rows:
        again = run(row.task)
        assert again.train_loss == pytest.approx(row.train_loss, rel=1e-4)
        assert abs(again.validation_accuracy - row.validation_accuracy) <= 2.5 / 360
        assert abs(again.test_accuracy - row.test_accuracy) <= 2.5 / 360
