"""The long experiments: how a table is completed, what a run is, and that it can be repeated."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from another_kernel import CHOSEN
from joblib.externals.loky.process_executor import TerminatedWorkerError

from experiments import bn_ordering, choosing, dying_relu, mse_or_cross_entropy
from experiments.bn_ordering import BATCH, EPOCHS, RESULTS, SEEDS, Row, Task, build, run
from experiments.runs import complete, header, read_rows
from helpers.data import digits
from helpers.network import Activate, BatchNorm, Dense, cross_entropy
from tools.blas import CHOICE

FEW = [
    Task("tanh", 1.0, 2, order, rate, seed)
    for order in ("none", "after")
    for rate in (0.1, 10.0)
    for seed in range(2)
]

every_experiment = pytest.mark.parametrize(
    "experiment",
    [bn_ordering, choosing, dying_relu, mse_or_cross_entropy],
    ids=lambda module: module.__name__.removeprefix("experiments."),
)


@pytest.fixture(scope="module", autouse=True)
def one_blas_kernel():
    """Let every process that the tests start compute as they do themselves."""
    with pytest.MonkeyPatch.context() as patch:
        if CHOSEN:
            patch.setenv(CHOICE, CHOSEN)
        yield


@pytest.fixture(scope="module")
def table():
    """Eight runs of one epoch, each alone."""
    return [run([task], epochs=1)[0] for task in FEW]


# The table ------------------------------------------------------------------------------------------------


class Throw(NamedTuple):
    """A task that takes no time."""

    name: str
    force: float
    seed: int


class Landing(NamedTuple):
    """A throw and how far it went."""

    name: str
    force: float
    seed: int
    distance: float


class Flight(NamedTuple):
    """A throw and where it was at three times."""

    name: str
    force: float
    seed: int
    heights: tuple[float, ...]


THROWS = [Throw(name, force, seed) for name in ("ball", "a, b") for force in (0.1, 3.0) for seed in (0, 1)]
HEAD = header("throwing.py", "no wind", [*Throw._fields, "h_0", "h_1", "h_2"])


def throw(tasks):
    return [Flight(*task, tuple(task.force / (number + 3) for number in range(3))) for task in tasks]


def finished(path, run=throw, head=HEAD, kind=Flight):
    complete(path, head, THROWS, run, kind)
    return path.read_text()


def land(tasks):
    return [Landing(*task, float("nan") if task.seed else task.force / 3) for task in tasks]


@pytest.mark.parametrize(("run", "kind"), [(throw, Flight), (land, Landing)])
def test_a_finished_table_holds_every_run_in_order_under_its_header(tmp_path, run, kind):
    head = header("throwing.py", "no wind", kind._fields)
    text = finished(tmp_path / "t.csv", run, head, kind)
    assert repr(read_rows(tmp_path / "t.csv", kind)) == repr(run(THROWS))
    lines = text.splitlines()
    assert all(line.startswith("# ") for line in lines[:3])
    assert "python experiments/throwing.py" in lines[0]
    assert f"NumPy {np.__version__}" in lines[1]
    assert lines[2] == "# no wind"
    assert lines[3] == ",".join(kind._fields)
    assert len(lines) == 4 + len(THROWS)
    assert not list(tmp_path.glob("*.part"))


def test_a_file_cut_off_anywhere_is_completed_to_the_same(tmp_path):
    whole, path = finished(tmp_path / "whole.csv"), tmp_path / "cut.csv"
    for kept in range(len(whole) + 1):
        path.write_text(whole[:kept])
        left, again = read_rows(path, Flight), []
        assert left == throw(THROWS[: max(whole[:kept].count("\n") - 4, 0)])
        assert finished(path, lambda tasks, again=again: again.extend(tasks) or throw(tasks)) == whole
        assert again == THROWS[len(left) :]  # nothing that was there is done again


def test_tasks_that_differ_by_the_seed_are_run_together_and_are_in_the_file_before_the_next(tmp_path):
    path, there = tmp_path / "t.csv", []
    finished(path, lambda tasks: there.append((len(read_rows(path, Flight)), tasks)) or throw(tasks))
    assert there == [(start, THROWS[start : start + 2]) for start in range(0, len(THROWS), 2)]


def test_two_processes_write_the_same_file_as_one(tmp_path):
    for processes in (1, 2):
        path = tmp_path / f"{processes}.csv"
        complete(path, bn_ordering.head(), FEW[:4], partial(run, epochs=1), Row, processes)
    assert (tmp_path / "1.csv").read_text() == (tmp_path / "2.csv").read_text()


# A cluster ------------------------------------------------------------------------------------------------


class Visit(NamedTuple):
    """A throw that takes a while, and the process that did it."""

    name: str
    force: float
    seed: int
    process: int


def visit(tasks, pause=0.2):
    time.sleep(pause)
    return [Visit(*task, os.getpid()) for task in tasks]


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as two_workers:
        yield two_workers


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_cluster_that_loses_a_worker_loses_no_row_and_does_none_twice(tmp_path, cluster):
    path, wanted = (
        tmp_path / "t.csv",
        [Throw("ball", float(force), seed) for force in range(20) for seed in (0, 1)],
    )
    workers = [worker.pid for worker in cluster.workers.values()]

    def kill_one():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (path.exists() and len(read_rows(path, Visit)) >= 4):
            time.sleep(0.05)
        os.kill(workers[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    head = header("throwing.py", "no wind", Visit._fields)
    complete(path, head, wanted, visit, Visit, cluster=cluster.scheduler_address)
    killer.join()
    rows = read_rows(path, Visit)
    assert [row[:3] for row in rows] == wanted
    at_work = {row.process for row in rows}
    assert workers[1] in at_work
    assert os.getpid() not in at_work  # the runs were the cluster's, not this process's


def test_without_dask_a_cluster_is_refused_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(SystemExit, match="pip install distributed"):
        complete(tmp_path / "t.csv", HEAD, THROWS, throw, Flight, cluster="tcp://127.0.0.1:1")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_process_that_is_killed_ends_the_script_and_leaves_the_rows_that_are_done(tmp_path):
    path = tmp_path / "t.csv"
    with pytest.raises(TerminatedWorkerError):
        complete(path, HEAD, THROWS, throw_or_die, Flight, processes=2)
    assert read_rows(path, Flight) in ([], throw(THROWS[:2]))
    assert finished(path).count("\n") == 4 + len(THROWS)


def throw_or_die(tasks):
    if tasks[0] != THROWS[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return throw(tasks)


@pytest.mark.parametrize(
    ("old", "new"),
    [("NumPy", "NumPy 1.0 and"), ("no wind", "a storm"), ("# Written", "# other versions\n# Written")],
)
def test_a_file_of_other_settings_is_refused_and_left_alone(tmp_path, old, new):
    path = tmp_path / "t.csv"
    changed = finished(path).replace(old, new)
    path.write_text(changed)
    with pytest.raises(SystemExit, match=r"t\.csv was written with other versions or settings"):
        finished(path)
    assert path.read_text() == changed


# Every script ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="signals")
@every_experiment
def test_a_script_killed_in_the_middle_loses_no_finished_row(experiment, tmp_path):
    path, kind = tmp_path / "t.csv", experiment.Row
    process = subprocess.Popen(
        [sys.executable, experiment.__file__, "--out", path, "--processes", "1"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (path.exists() and len(read_rows(path, kind)) >= 2):
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = read_rows(path, kind)
    assert len(before) >= 2
    length = len(experiment.Task._fields)
    complete(path, experiment.head(), [row[:length] for row in before], pytest.fail, kind)
    assert repr(read_rows(path, kind)) == repr(before)


@every_experiment
def test_a_row_is_read_back_as_the_run_returned_it(experiment, tmp_path):
    task, rows = experiment.tasks()[-1], []
    complete(
        tmp_path / "t.csv", experiment.head(), [task],
        lambda tasks: rows.extend(experiment.run(tasks)) or rows, experiment.Row,
    )  # fmt: skip
    assert repr(read_rows(tmp_path / "t.csv", experiment.Row)) == repr(rows)


@every_experiment
def test_the_committed_table_is_complete_and_in_order_under_its_header(experiment):
    rows = read_rows(experiment.RESULTS, experiment.Row)
    assert [row[: len(experiment.Task._fields)] for row in rows] == experiment.tasks()
    written, head = (
        text.splitlines()[:4] for text in (experiment.RESULTS.read_text("utf-8"), experiment.head())
    )
    # The versions are those the table was made with.
    assert written[1].startswith("# Python ")
    assert written[1].endswith(", one thread")
    del written[1], head[1]
    assert written == head
    assert written[0] == f"# Written by: python experiments/{Path(experiment.__file__).name}"


# Batch-norm: a run ----------------------------------------------------------------------------------------


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
    (row,) = run([task], epochs=2)
    assert row.train_loss == pytest.approx(total / 1077)
    for part, found in ((data.validation, row.validation_accuracy), (data.test, row.test_accuracy)):
        guesses = network.forward(part.X, training=False).argmax(axis=1)
        assert found == np.mean(guesses == part.labels)


def test_no_epoch_leaves_a_last_batch_of_one():
    assert len(digits().train) % BATCH != 1


def test_a_run_is_repeated_bit_by_bit(table):
    assert [repr(run([task], epochs=1)[0]) for task in FEW] == [repr(row) for row in table]


def test_runs_side_by_side_have_the_rows_of_each_alone(table):
    for start in range(0, len(FEW), 4):  # two rates and two seeds of one order
        for row, alone in zip(run(FEW[start : start + 4], epochs=1), table[start : start + 4], strict=True):
            assert row[:7] == alone[:7]
            assert row[7:] == pytest.approx(alone[7:], rel=1e-10)


def test_a_run_that_diverges_says_so(table):
    for row in table:
        assert row.diverged == (not row.train_loss <= 2 * np.log(10))
    assert {row.diverged for row in table} == {0, 1}


# Batch-norm: the committed table --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def committed():
    return read_rows(RESULTS, Row)


def test_every_committed_configuration_has_all_its_seeds(committed):
    assert {row.epochs for row in committed} == {EPOCHS}
    assert set(Counter(row[:5] for row in committed).values()) == {len(SEEDS)}
    assert len(SEEDS) >= 10


def test_the_committed_accuracies_are_shares_of_360_pictures(committed):
    for row in committed:
        for share in (row.validation_accuracy, row.test_accuracy):
            assert share * 360 == pytest.approx(round(share * 360), abs=1e-9)
            assert 0 <= share <= 1
        assert row.diverged == (not row.train_loss <= 2 * np.log(10))


def test_one_configuration_comes_out_again_with_all_its_seeds(committed):
    # Another processor may round otherwise, which moved these losses by less than 1e-12 where it was tried.
    # The tolerance leaves room for a hundred million times that, and for two pictures near the border.
    rows = [row for row in committed if row[:5] == ("tanh", 1.0, 2, "after", 0.3)]
    assert len(rows) == len(SEEDS)
    for row, again in zip(rows, run([Task(*row[:6]) for row in rows]), strict=True):
        assert again.train_loss == pytest.approx(row.train_loss, rel=1e-4)
        assert abs(again.validation_accuracy - row.validation_accuracy) <= 2.5 / 360
        assert abs(again.test_accuracy - row.test_accuracy) <= 2.5 / 360
