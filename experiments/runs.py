"""A table of training runs, one row each, that an interrupted experiment completes.

A task is a named tuple of strings and numbers; a row is a named tuple that begins with the task's fields. The
last field of a row may be a tuple of numbers. Every finished run is appended at once; a row that was cut off
in writing counts as missing.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import multiprocessing
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import numpy as np
import sklearn
from threadpoolctl import threadpool_info
from tqdm import tqdm

FOLDER = Path(__file__).parents[1] / "notebooks" / "data"

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
    run: Callable[[Any], T],
    kind: type[T],
    processes: int = 1,
) -> None:
    """Run what the file does not have yet, append each row when it is there, and sort the whole at the end.

    Parameters
    ----------
    path : pathlib.Path
        The CSV; made if it does not exist.
    head : str
        What `header` returned.
    wanted : iterable of tuples
        The tasks, in the order of the finished table.
    run : callable
        From a task to its row; at the top level of its module, so that other processes can import it.
    kind : type
        The named tuple of a row.
    processes : int
        How many runs at a time.

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
    with path.open("a", encoding="utf-8", newline="") as file:
        for row in tqdm(_all(missing, run, processes), total=len(missing), unit="run", smoothing=0.05):
            done[tuple(row[:length])] = row
            csv.writer(file, lineterminator="\n").writerow(_flat(row))
            file.flush()
    rank = {tuple(task): number for number, task in enumerate(wanted)}
    _write(path, head, sorted(done.values(), key=lambda row: rank.get(tuple(row[:length]), len(rank))))


def _all(missing: list[Any], run: Callable[[Any], T], processes: int) -> Iterator[T]:
    if processes == 1:
        yield from map(run, missing)
        return
    # Spawned, not forked: a forked child inherits the locks of BLAS's threads, but not the threads.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(run, missing, chunksize=1)


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
    """Read the command line that all experiments share: ``--out`` and ``--processes``."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--out", type=Path, default=results, help="the CSV (default: in notebooks/data)")
    parser.add_argument("--processes", type=int, default=2, help="how many runs at a time (default: 2)")
    return parser.parse_args()
