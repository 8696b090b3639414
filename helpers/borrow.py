"""Take an explorer out of a lesson, into a notebook of one's own."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from IPython.utils.text import DollarFormatter
from matplotlib import rc_context

from helpers.explorer import Explorer

# What a lesson's explorers cannot depend on: how things look, what is installed, what is only printed.
_IDLE = re.compile(
    r"""
    autoreload | config | load_ext | reload_ext | matplotlib | precision | pprint | xmode | colors | watermark
    | pip | conda | mamba | micromamba | uv | html | javascript | js | latex | markdown | svg | history
    | lsmagic | pdef | pdoc | pfile | pinfo2? | psearch | psource | pycat | whos? | timeit | lprun | memit
    """,
    re.VERBOSE,
)
_WRAPS = ("capture", "prun", "time")  # they run code whose names stay
_INSTALLS = re.compile(
    r"\s*(?:sudo )?(?:\S*python[\d.]* -m )?(?:pip3?|conda|mamba|micromamba|uv|apt|apt-get)\b"
)


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
        If the lesson makes no explorer of that name; the message lists those it makes. If a cell before it
        has a magic that is not run here, such as ``%run``; the message names it. Shell commands, ``%time``
        and ``%capture`` are run; what installs packages or makes no difference to an explorer is passed over.
    SyntaxError
        If a cell is not what IPython can read; the message names the cell.
    """
    path = Path(lesson).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"lesson: there is no {path.name} in {path.parent}")
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_, **__: None}
    # A lesson reads its data and its questions from its own folder.
    with contextlib.chdir(path.parent), contextlib.redirect_stdout(io.StringIO()):
        for number, cell in enumerate(cells, start=1):
            shell = _Shell(namespace, f"{path.name}, code cell {number}")
            namespace["get_ipython"] = lambda shell=shell: shell
            shell.run(cell.source)
            if isinstance(namespace.get(name), Explorer):
                return namespace[name]
    made = [key for key, value in namespace.items() if isinstance(value, Explorer)]
    raise ValueError(f"name: {path.name} makes no explorer {name!r}; it makes {', '.join(made) or 'none'}")


class _Shell:
    """What IPython calls for a magic or a shell command, without IPython's own names and displays."""

    def __init__(self, namespace: dict[str, Any], where: str) -> None:
        self._namespace, self._where = namespace, where

    def run(self, source: str) -> Any:
        """Run what IPython can read; return the value of a last expression."""
        tree = ast.parse(TransformerManager().transform_cell(source), self._where)
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            return self._evaluate(tree, "exec")
        self._evaluate(ast.Module(tree.body[:-1], []), "exec")
        return self._evaluate(ast.Expression(last.value), "eval")

    def _evaluate(self, tree: ast.Module | ast.Expression, mode: str) -> Any:
        code = compile(tree, self._where, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        value = eval(code, self._namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            # In another thread: that of a notebook already runs a loop.
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(asyncio.run, value).result()
        return value

    def run_line_magic(self, name: str, line: str, **_: Any) -> Any:
        return self._magic(f"%{name} {line}", name, line)

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        if name in ("bash", "sh"):
            return self._command(cell)
        return self._magic(f"%%{name} {line}", name, cell)

    def system(self, command: str) -> None:
        self.getoutput(command)

    def getoutput(self, command: str) -> list[str]:
        # What is no format, such as '{print $1}', is left as it is.
        with contextlib.suppress(Exception):
            command = DollarFormatter().vformat(command, [], self._namespace)
        return [] if _INSTALLS.match(command) else self._command(command)

    def _command(self, command: str) -> list[str]:
        return subprocess.run(command, shell=True, capture_output=True, text=True).stdout.splitlines()

    def _magic(self, written: str, name: str, body: str) -> Any:
        if name in _WRAPS:
            return self.run(body)
        if not _IDLE.fullmatch(name):
            raise ValueError(f"{self._where}: borrow does not run {written.strip()}")
        return None
