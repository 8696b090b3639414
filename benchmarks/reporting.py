"""What a benchmark prints and keeps in ``benchmarks/results``: a Markdown report and the bare numbers."""

from __future__ import annotations

import csv
import hashlib
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results")

Target = tuple[str, str, bool]
"""What is asked, what was measured, and whether that meets it."""


def versions(*packages: str) -> str:
    """Name packages with their versions."""
    return ", ".join(f"{name} {version(name)}" for name in packages)


def code_line(*paths: str) -> str:
    """Name the files that a benchmark measures, with a fingerprint: once they change, its figures are old.

    Parameters
    ----------
    *paths : str
        Relative to the project.
    """
    content = b"".join((ROOT / path).read_bytes().replace(b"\r\n", b"\n") for path in paths)
    return f"Measured: {', '.join(paths)} ({hashlib.sha256(content).hexdigest()[:12]})."


def written(value: Any) -> str:
    """Write a cell of a table."""
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 5 else f"{value:.2f}"
    return "–" if value is None else str(value)


def table(head: list[str], lines: Iterable[Iterable[Any]]) -> str:
    """Write a Markdown table."""
    cells = [head, ["---"] * len(head), *([written(value) for value in line] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def report_text(
    how: str, code: str, software: str, load: float, measured: str, targets: Iterable[Target]
) -> str:
    """Write a report.

    Parameters
    ----------
    how : str
        Its title and the command, and what was repeated how often.
    code : str
        What `code_line` says of the files measured.
    software : str
        What took part, Python aside, with versions.
    load : float
        The machine's load before the measurements.
    measured : str
        The table of what was measured.
    targets : iterable of (str, str, bool)
        What is asked, what was measured, and whether that meets it.
    """
    judged = [(name, found, "met" if met else "not met") for name, found, met in targets]
    return (
        f"{how}\n"
        f"Python {platform.python_version()}, {software}, {os.cpu_count()} cores, "
        f"load {load:.1f} before and {os.getloadavg()[0]:.1f} after.\n"
        f"{code}\n"
        "The file says how each figure is measured.\n\n"
        f"{measured}\n\n"
        f"{table(['target', 'measured', ''], judged)}\n"
    )


def save(name: str, rows: Sequence[Any], text: str) -> None:
    """Write a report, and its rows (dataclasses) as a CSV, to `RESULTS`."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    with (RESULTS / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(row).items()})
