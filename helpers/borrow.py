"""Take an explorer out of a lesson, into a notebook of one's own."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import nbformat
from matplotlib import rc_context

from helpers.explorer import Explorer


@rc_context()  # the look a lesson asks for ends with it
def borrow(lesson: str | Path, name: str) -> Explorer:
    """Run a lesson's cells up to the one that makes an explorer, and return the explorer.

    Parameters
    ----------
    lesson : str or pathlib.Path
        The lesson's file.
    name : str
        The variable that holds the explorer in the lesson; the last line of the cell that shows it.

    Returns
    -------
    Explorer
        Shown by being the last expression of a cell.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the lesson makes no explorer of that name; the message lists those it makes.
    """
    path = Path(lesson).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"lesson: there is no {path.name} in {path.parent}")
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
    # A lesson reads its data and its questions from its own folder.
    with contextlib.chdir(path.parent), contextlib.redirect_stdout(io.StringIO()):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                exec(cell.source, namespace)
            if isinstance(namespace.get(name), Explorer):
                return namespace[name]
    made = [key for key, value in namespace.items() if isinstance(value, Explorer)]
    raise ValueError(f"name: {path.name} makes no explorer {name!r}; it makes {', '.join(made) or 'none'}")
