"""Run the lessons as on other processors: with each BLAS kernel, fewer extensions, moved random numbers.

Every configuration runs each notebook once, compares what its cells say with what is saved, and runs the
lesson's own tests. A table of all ends it; the exit status is 1 if anything failed.

Usage: python -m tools.portable [word …]; with words, only configurations that have one of them in their name.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tools.blas import CHOICE, kernel, kernels

TESTS = Path(__file__).parents[1] / "tests"
SAID = TESTS / "test_notebooks.py::test_every_cell_says_what_is_saved"
MOVED = Path(__file__).parent / "moved"
ROW = "{:40}  {:14} {:>7} {:>7} {:>8}"


class Row(NamedTuple):
    """What came of a configuration."""

    configuration: str
    kernel: str
    passed: int
    failed: int
    seconds: int


def configurations() -> dict[str, dict[str, str]]:
    """Return what each configuration changes in the environment, by its name."""
    found: dict[str, dict[str, str]] = {}
    offered, own = kernels(), kernel(os.environ)
    for threads in ("1 thread", "2 threads"):
        limit = {"OPENBLAS_NUM_THREADS": threads[0]}
        for name in offered:
            found[f"{name} kernel, {threads}"] = limit | {CHOICE: name}
        if not offered:
            found[f"its only kernel, {threads}"] = limit
    # Where no kernel is named the tests choose another: so name the machine's own.
    named = next(({CHOICE: name} for name, each in offered.items() if each == own), {})
    # What NumPy is built for stays on: only what it chooses by the processor can be switched off.
    extensions = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    for kept in range(min(2, len(extensions))):
        off = " ".join(extensions[kept:])
        found[f"NumPy without {off}"] = named | {"NPY_DISABLE_CPU_FEATURES": off}
    path = os.pathsep.join(filter(None, (str(MOVED), os.environ.get("PYTHONPATH"))))
    found["random numbers moved by 1e-12"] = named | {"MOVED_BY": "1e-12", "PYTHONPATH": path}
    return found


def run(configuration: str, changes: dict[str, str]) -> Row:
    """Run all lessons with these changes to the environment; print what pytest says if any fails."""
    environment, started = os.environ | changes, time.monotonic()
    pytest = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    lessons = map(str, (*sorted(TESTS.glob("test_lesson_*.py")), SAID))
    ended = subprocess.run(
        [*pytest, *lessons], cwd=TESTS.parent, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        print(ended.stdout, ended.stderr, sep="\n")
    summary = "".join(ended.stdout.splitlines()[-1:])
    passed, failed, errors = (
        sum(map(int, re.findall(rf"(\d+) {word}", summary))) for word in ("passed", "failed", "error")
    )
    # A run that broke off is a failure, too.
    failed = max(failed + errors, int(ended.returncode != 0))
    seconds, used = round(time.monotonic() - started), kernel(environment)
    return Row(configuration, used.name if used else "none", passed, failed, seconds)


def main() -> int:
    """Run the configurations asked for, print their table, and return the exit status."""
    words = sys.argv[1:]
    print(ROW.format("configuration", "kernel in use", "passed", "failed", "seconds"), flush=True)
    rows = []
    for name, changes in configurations().items():
        if not words or any(word in name for word in words):
            rows.append(run(name, changes))
            print(ROW.format(*rows[-1]), flush=True)
    return int(not rows or any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
