import asyncio
import re
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import pytest

from benchmarks import accuracy, catalogue, experiments, regions, reporting
from benchmarks import slider_latency as latency
from helpers.activations import ACTIVATIONS

T = TypeVar("T")


def in_a_thread(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it apart from the event loop that Playwright keeps in the main thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def row(design: str, network: str, median: float, fps: float, **more: float) -> latency.Row:
    return latency.Row(network, design, median, 1.2 * median, fps, 0, 1.0, **more)


def test_pictures_per_second_counts_changes_and_ignores_blank_frames():
    frames = [(0, 1), (100, 1), (200, 2), (300, None), (400, 2), (500, 3), (1000, 3)]
    assert latency.pictures_per_second(frames) == 2


def test_the_mouse_starts_in_the_middle_and_reaches_both_ends():
    assert [latency.sweep(t) for t in (0, 0.5, 1, 1.5, 2)] == [0.5, 1, 0.5, 0, 0.5]


def test_the_time_of_an_axis_is_scaled_from_the_records_seen():
    assert latency.axis_seconds([(10, 0.1), (20, 0.2)]) == pytest.approx(0.61)
    assert latency.axis_seconds([]) is None


def test_targets_are_judged_against_interact_and_between_networks():
    rows = [
        row(design, network, 100 if design == latency.INTERACT else ours, 50)
        for network, ours in (("direct", 10), ("+100 ms", 20))
        for design in latency.CELLS
    ]
    met = {target: ok for target, _, ok in latency.targets(rows)}
    assert met["explore: median <= 1/10 of interact's"]
    assert not met["explore: +100 ms, median <= 1.25 x the direct one"]
    assert not met["61 positions filled in <= 0.5 s of kernel time"]


def test_the_proxy_delays_each_direction_without_queueing_up_chunks():
    async def round_trips() -> tuple[float, bytes]:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while chunk := await reader.read(100):
                writer.write(chunk)
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with latency.slow_proxy(server.sockets[0].getsockname()[1], 0.1) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0.2)
            start = time.perf_counter()
            for _ in range(10):
                writer.write(b"x")
                await asyncio.sleep(0.005)
            received = await reader.readexactly(10)
            seconds = time.perf_counter() - start
            writer.close()
            await asyncio.sleep(0.3)
        server.close()
        return seconds, received

    seconds, received = in_a_thread(round_trips())
    assert received == b"x" * 10
    assert 0.1 < seconds < 0.6


def counted(count: float, ms: float) -> regions.Row:
    return regions.Row(8, 1, count, ms, 1e3 * ms / count, 1.0)


def test_the_growth_is_the_power_of_the_number_of_regions():
    assert regions.growth([counted(n, 0.01 * n**1.5) for n in (1e3, 5e3, 2e4)]) == pytest.approx(1.5)
    # The smallest networks cost what a call costs, whatever their regions.
    assert regions.growth([counted(10, 3), *(counted(n, 0.01 * n) for n in (1e3, 2e3))]) == pytest.approx(1)


def test_a_slow_or_more_than_linear_run_misses_its_target():
    def met(*rows: regions.Row, frame_s: float = 0.05) -> list[bool]:
        return [ok for _, _, ok in regions.targets(list(rows), 5000, frame_s)]

    assert met(counted(1000, 10), counted(18_000, 180)) == [True, True, True]
    assert met(counted(1000, 50), counted(18_000, 900)) == [False, True, True]
    assert met(counted(1000, 10), counted(18_000, 400)) == [True, False, True]
    assert met(counted(1000, 10), counted(18_000, 180), frame_s=0.2) == [True, True, False]


def test_the_regions_of_small_networks_are_measured():
    plan = regions.Plan((4, 8), (1, 2), repeats=1)
    rows = regions.measure(plan)
    assert [(row.width, row.depth) for row in rows] == [(4, 1), (4, 2), (8, 1), (8, 2)]
    assert all(row.regions > 4 and row.ms > 0 and row.peak_mb > 0 for row in rows)
    text = regions.report(rows, regions.frame(4, 2, repeats=1), plan, load=0.5)
    assert "| 8 | 2 |" in text
    assert "not met" in text  # nothing here has regions enough to tell how the time grows


def test_the_ways_to_run_an_experiment_do_the_same_runs():
    sample = experiments.sampled(experiments.Plan(seeds=2, every=13))
    assert [len(tasks) for tasks in sample] == [2, 2, 2]
    with_batch_norm = sample[1]
    assert with_batch_norm[0].order != "none"
    one, both = (way(with_batch_norm, 1) for way in (experiments.one_at_a_time, experiments.side_by_side))
    assert one == pytest.approx(both, rel=1e-10)
    assert len(set(one)) == 2


def test_pytorch_does_the_same_runs():
    pytest.importorskip("torch")
    sample = experiments.sampled(experiments.Plan(seeds=2, every=13))[1]
    assert experiments.pytorch(sample, 1) == pytest.approx(experiments.one_at_a_time(sample, 1), rel=1e-9)


def test_a_server_tells_the_time_and_the_losses_and_ends():
    sample = experiments.sampled(experiments.Plan(seeds=2, every=13))[0]
    with experiments.Server(experiments.__file__, "--serve", "side by side") as server:
        seconds, losses = server.ask(sample, 1)
    assert losses == pytest.approx(experiments.side_by_side(sample, 1), rel=1e-10)
    assert 0 < seconds < 60
    assert server.process.returncode == 0


def test_runs_side_by_side_are_held_against_a_fifth_of_the_first_edition():
    def met(together: float, first: float | None = 1.0) -> bool:
        seconds = {"side by side": together} | ({} if first is None else {experiments.FIRST: first})
        ((_, _, ok),) = experiments.targets([experiments._row(way, seconds, 10, 2) for way in seconds])
        return ok

    assert met(0.19)
    assert not met(0.21)
    assert not met(0.1, first=None)  # without the first edition there is nothing to hold it against
    row = experiments._row("side by side", {"side by side": 3.0}, runs=10, epochs=2)
    assert (row.ms_per_run, row.core_minutes) == pytest.approx((3000, 3 * experiments.FIRST_RUNS / 60))


def test_a_way_that_does_other_runs_is_found_out():
    class Other:
        def ask(self, sample: list, epochs: int) -> tuple[float, list[float]]:
            return 1.0, [0.5] * len(sample)

    class Same(Other):
        def ask(self, sample: list, epochs: int) -> tuple[float, list[float]]:
            return 1.0, [0.6] * len(sample)

    plan = experiments.Plan(seeds=2)
    with pytest.raises(AssertionError, match="one at a time does not do the same runs"):
        experiments._turns({"side by side": Same(), "one at a time": Other()}, [(), ()], plan)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_plain_forms_compute_the_catalogue(name):
    points = np.linspace(-5, 5, 57)
    ours = ACTIVATIONS[name], ACTIVATIONS[name].grad
    for function, plain in zip(ours, catalogue.PLAIN[name], strict=True):
        np.testing.assert_allclose(plain(points), function(points), rtol=1e-10, atol=1e-10)


def test_the_catalogue_is_timed_beside_plain_forms():
    plan = catalogue.Plan(2**10, 1, (1000, 2000))
    rows = catalogue.measure(plan)
    assert [row.name for row in rows] == list(ACTIVATIONS)
    assert all(row.value > 0 and row.plain_slope > 0 and row.number > 0 for row in rows)
    text = catalogue.report(rows, catalogue.of_vectors(plan), catalogue.growth(plan), plan, load=0.5)
    assert "| softmax |" in text


def test_a_slow_function_or_number_misses_its_target():
    def met(row: catalogue.Row, vector: float = 1.0, long: float = 2.0) -> list[bool]:
        vectors = [catalogue.Row("softmax", vector, 1.0, 0.0, 1.0)]
        lengths = {10: (2.0, 1.0), 1000: (long, 1.0)}
        return [ok for _, _, ok in catalogue.targets([row], vectors, lengths)]

    assert met(catalogue.Row("relu", 1.0, 1.0, 1.0, 1.0, number=1.0)) == [True, True, True, True, True]
    assert met(catalogue.Row("relu", 1.6, 1.0, 0.3, 1.0, number=6.0)) == [False, True, True, False, True]
    assert met(catalogue.Row("relu", 1.4, 1.0, 1.4, 1.0, number=1.0), 1.1, 2.6) == [
        True,
        False,
        False,
        True,
        False,
    ]


# What is kept ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("accuracy", accuracy.MEASURED),
        ("catalogue", catalogue.MEASURED),
        ("regions", regions.MEASURED),
        ("slider_latency", latency.MEASURED),
    ],
)
def test_no_kept_figure_is_older_than_the_code_it_measures(name, measured):
    kept = (reporting.RESULTS / f"{name}.md").read_text(encoding="utf-8")
    line = re.search(r"^Measured: .*$", kept, re.MULTILINE)
    assert line, f"{name}.md does not tell what it measured"
    assert line[0] == reporting.code_line(*measured), f"{name}.md is older than its code; run make bench"


def test_every_kept_report_is_checked_for_its_age():
    assert {path.stem for path in reporting.RESULTS.glob("*.md")} == {
        "accuracy",
        "catalogue",
        "regions",
        "slider_latency",
    }


def test_a_changed_file_has_another_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setattr(reporting, "ROOT", tmp_path)
    (tmp_path / "code.py").write_text("x = 1\n")
    before = reporting.code_line("code.py")
    assert reporting.code_line("code.py") == before
    (tmp_path / "code.py").write_text("x = 2\n")
    assert reporting.code_line("code.py") != before
