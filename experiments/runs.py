"""A table of training runs, one row each, that an interrupted experiment completes.

A task is a named tuple of strings and numbers whose last field is the seed; a row is a named tuple that
begins with the fields of its task. The last field of a row may be a tuple of numbers. Tasks that differ by
the seed alone are run together, so that their networks can learn side by side. Their rows are appended as
soon as they are there; a row that was cut off in writing counts as missing.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import joblib
import numpy as np
import sklearn
from threadpoolctl import threadpool_info
from tqdm import tqdm

from helpers.network import one_thread

FOLDER = Path(__file__).parents[1] / "notebooks" / "data"

RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Learning rates, three to a decade: the best one lies near one of them."""

T = TypeVar("T", bound=tuple[Any, ...])


def header(script: str, settings: str, columns: Iterable[str]) -> str:
    """Say how the rows below came about; a file with another header is another experiment."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    chip = {info["architecture"] for info in threadpool_info() if "architecture" in info}
    return (
        f"# Written by: python experiments/{script}\n"
        f"# Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn {sklearn.__version__}, "
        f"{blas['name']} {blas['version']} ({' '.join(sorted(chip))}), one thread\n"
        f"# {settings}\n"
        f"{','.join(columns)}\n"
    )


def read_rows(path: Path, kind: type[T]) -> list[T]:
    """Read the finished rows of a file as tuples of a kind; the last is left out if its line was cut off."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [text for text in lines if text.endswith("\n") and not text.startswith("#")]
    hints = list(get_type_hints(kind).values())
    return [kind(*_parsed(fields, hints)) for fields in itertools.islice(csv.reader(whole), 1, None)]


def _parsed(fields: list[str], hints: list[Any]) -> Iterator[Any]:
    # The last field may take all that is left.
    many = hints[-1] not in (str, int, float)
    single = hints[:-1] if many else hints
    for hint, field in zip(single, fields, strict=not many):
        yield hint(field)
    if many:
        yield tuple(map(float, fields[len(single) :]))


def complete(
    path: Path,
    head: str,
    wanted: Iterable[tuple[Any, ...]],
    run: Callable[[Any], Sequence[T]],
    kind: type[T],
    processes: int = 1,
    cluster: str | None = None,
) -> None:
    """Run what the file does not have yet, append the rows when they are there, and sort all at the end.

    Parameters
    ----------
    path : pathlib.Path
        The CSV; made if it does not exist.
    head : str
        What `header` returned.
    wanted : iterable of tuples
        The tasks, in the order of the finished table.
    run : callable
        From a list of tasks that differ by the seed alone to their rows.
    kind : type
        The named tuple of a row.
    processes : int
        How many calls of ``run`` at a time.
    cluster : str, optional
        The address of a scheduler of dask.distributed, whose workers take the place of the processes. They
        need the project, too. A worker that dies has its tasks done again by another.

    Raises
    ------
    SystemExit
        If the file was written with other versions or settings.
    """
    wanted = list(wanted)
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    # A file shorter than its header was interrupted before the first row.
    if not written.startswith(head) and not head.startswith(written):
        raise SystemExit(
            f"{path.name} was written with other versions or settings, and its rows do not mix with new ones."
            " Delete it, or write elsewhere with --out"
        )
    length = len(wanted[0])
    done = {tuple(row[:length]): row for row in read_rows(path, kind)} if written else {}
    _write(path, head, done.values())
    missing = [task for task in wanted if tuple(task) not in done]
    with (
        path.open("a", encoding="utf-8", newline="") as file,
        tqdm(total=len(missing), unit="run", smoothing=0.05) as bar,
    ):
        for rows in _all(_alike(missing), run, processes, cluster):
            done |= {tuple(row[:length]): row for row in rows}
            csv.writer(file, lineterminator="\n").writerows(map(_flat, rows))
            file.flush()
            bar.update(len(rows))
    rank = {tuple(task): number for number, task in enumerate(wanted)}
    _write(path, head, sorted(done.values(), key=lambda row: rank.get(tuple(row[:length]), len(rank))))


def _alike(tasks: list[Any]) -> list[list[Any]]:
    """Group tasks that differ by their last field alone, the seed."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for task in tasks:
        groups.setdefault(tuple(task[:-1]), []).append(task)
    return list(groups.values())


def _all(
    groups: list[Any], run: Callable[[Any], Sequence[T]], processes: int, cluster: str | None
) -> Iterator[Sequence[T]]:
    with _workers(processes, cluster):
        parallel = joblib.Parallel(batch_size=1, return_as="generator_unordered")
        yield from parallel(joblib.delayed(_on_one_thread)(run, group) for group in groups)


@one_thread
def _on_one_thread(run: Callable[[Any], Sequence[T]], tasks: list[Any]) -> Sequence[T]:
    return run(tasks)


@contextmanager
def _workers(processes: int, cluster: str | None) -> Iterator[None]:
    """Choose what does the work inside: processes of this machine, or a cluster's workers."""
    if cluster is None:
        with joblib.parallel_config(backend="loky", n_jobs=processes):
            yield
        return
    try:
        from dask.distributed import Client
    except ImportError:
        raise SystemExit("--cluster needs dask.distributed: pip install distributed") from None
    with Client(cluster, set_as_default=False) as client, joblib.parallel_config("dask", client=client):
        yield


def _flat(row: tuple[Any, ...]) -> list[Any]:
    return [*row[:-1], *row[-1]] if isinstance(row[-1], tuple) else list(row)


def _write(path: Path, head: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Replace the file in one go, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(head)
        csv.writer(file, lineterminator="\n").writerows(map(_flat, rows))
    os.replace(beside, path)


def options(description: str, results: Path) -> argparse.Namespace:
    """Read the command line that all experiments share: ``--out``, ``--processes`` and ``--cluster``."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--out", type=Path, default=results, help="the CSV (default: in notebooks/data)")
    parser.add_argument("--processes", type=int, default=2, help="how many at a time (default: 2)")
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="a scheduler of dask.distributed, such as tcp://10.0.0.1:8786, whose workers do the runs; start "
        "them in the project's folder, with its versions",
    )
    return parser.parse_args()
