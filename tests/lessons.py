"""Reading and running a notebook, and what the tests of the lessons read off its explorers."""

import ast
import contextlib
import csv
import gc
import io
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import IPython.display
import nbformat
import notebook_rules as rules
import numpy as np
import pytest
from IPython.lib.pretty import pretty
from matplotlib import rc_context

from helpers.explorer import Explorer

FOLDER = Path(__file__).parents[1] / "notebooks"

# A signed number, its thousands set apart by commas or not.
NUMBER = re.compile(r"[-+−]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?")


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


@rc_context()  # the look a lesson asks for ends with it
def run(notebook: nbformat.NotebookNode) -> tuple[dict[str, Any], dict[int, Any], dict[int, str]]:
    """Run a notebook's cells in this process.

    Returns
    -------
    namespace : dict
        What the cells define.
    shown : dict of int to object
        The value of the last expression of each cell that shows or prints something.
    said : dict of int to str
        What such a cell prints, and this value as text.
    """
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
    shown, said = {}, {}
    for number, cell in enumerate(rules.code_cells(notebook), start=1):
        name = f"<code cell {number}>"
        statements = rules.parsed(cell).body
        last = statements.pop().value if statements and isinstance(statements[-1], ast.Expr) else None
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(ast.Module(statements, []), name, "exec"), namespace)
            value = eval(compile(ast.Expression(last), name, "eval"), namespace) if last else None
        if printed.getvalue() or (value is not None and not cell.source.rstrip().endswith(";")):
            shown[number] = value
            # As text at once: later cells may change the value.
            said[number] = printed.getvalue() + ("" if value is None else as_text(value))
    return namespace, shown, said


def as_text(value: Any) -> str:
    """Return what stands in a saved output for a value, where pictures cannot."""
    return value._repr_markdown_() if hasattr(value, "_repr_markdown_") else pretty(value)


def saved_text(cell: nbformat.NotebookNode) -> str:
    """Return what a code cell printed, and what it showed as text, when it was saved."""
    shown = [output.get("text") or output.get("data", {}) for output in cell.outputs]
    forms = ("text/markdown", "text/plain")
    return "".join(
        one if isinstance(one, str) else next(one[form] for form in forms if form in one) for one in shown
    )


@dataclass(frozen=True)
class Ran:
    """A notebook that was run: what its cells define, show and say, its explorers, the processor's time."""

    namespace: dict[str, Any]
    shown: dict[int, Any]
    said: dict[int, str]
    explorers: list[Explorer]
    seconds: float


def _all_explorers() -> list[Explorer]:
    return [thing for thing in gc.get_objects() if issubclass(type(thing), Explorer)]


# Only the last: a lesson's tests follow each other, and what a lesson makes is large.
@lru_cache(maxsize=1)
def run_once(path: Path) -> Ran:
    """Run a notebook of the course in its folder, once for all tests that follow each other."""
    notebook, already = read(path), _all_explorers()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path.parent)
        patch.setattr(IPython.display, "display", lambda *_, **__: None)
        before = time.process_time()
        namespace, shown, said = run(notebook)
        seconds = time.process_time() - before
    explorers = [explorer for explorer in _all_explorers() if all(explorer is not old for old in already)]
    return Ran(namespace, shown, said, explorers, seconds)


def at(explorer: Any, **values: Any) -> tuple[str, dict[str, np.ndarray]]:
    """Set every control of an explorer, those not named to what they were at first.

    Returns
    -------
    caption : str
    data : dict of str to array
        What is drawn there, by label.
    """
    assert values.keys() <= explorer.controls.keys()
    for control, first in zip(explorer._controls, explorer._initial, strict=True):
        control.widget.value = values.get(control.name, control.values[first])
    return explorer.caption, explorer._moving.data()


def numbers(text: str) -> list[float]:
    """Return every number in a text, in its order."""
    return [float(found.replace(",", "").replace("−", "-")) for found in NUMBER.findall(text)]


def table_rows(path: Path) -> list[dict[str, str]]:
    """Read the table of an experiment by its columns, without NumPy."""
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))
