"""Write into each notebook the cell that fetches the course on Google Colab, which opens notebooks alone.

Usage: python tools/colab.py [owner/name]; the repository on GitHub that is fetched. Without it, each notebook
keeps the one that it names.
"""

import re
import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAME = "colab"
UNKNOWN = "OWNER/REPOSITORY"
# Colab shows the first line as a title, and @param as a field to be filled in.
SOURCE = """\
# @title On Google Colab, this cell fetches the course. Elsewhere it does nothing.
import os
import subprocess
import sys

REPOSITORY = "{repository}"  # @param {{type: "string"}}
if "google.colab" in sys.modules and not os.path.exists("../helpers"):
    if REPOSITORY == "OWNER/REPOSITORY":
        raise ValueError('Set REPOSITORY to your copy on GitHub, as in "ada/course", then run this again.')
    if not os.path.exists("course"):
        clone = ["git", "clone", "--quiet", "--depth=1", f"https://github.com/{{REPOSITORY}}", "course"]
        subprocess.run(clone, check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "./course"], check=True)
    os.chdir("course/notebooks")"""
METADATA = {"cellView": "form", "jupyter": {"source_hidden": True}, "tags": [NAME]}


def is_colab_cell(cell: nbformat.NotebookNode) -> bool:
    """Tell whether a cell is the one that fetches the course."""
    return NAME in cell.metadata.get("tags", [])


def write_cell(notebook: nbformat.NotebookNode, repository: str = "") -> None:
    """Put the cell under a notebook's title, with the repository given or the one that it named before."""
    cell = next(filter(is_colab_cell, notebook.cells), nbformat.v4.new_code_cell(id=NAME, metadata=METADATA))
    named = re.search(r'^REPOSITORY = "(.*?)"', cell.source, re.MULTILINE)
    cell.source = SOURCE.format(repository=repository or (named[1] if named else UNKNOWN))
    notebook.cells = [one for one in notebook.cells if one is not cell]
    notebook.cells.insert(1, cell)


def main() -> None:
    """Write the cell into the notebooks of the course."""
    repository = "".join(sys.argv[1:2])
    if repository and not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        sys.exit(f"{repository!r} is no repository on GitHub; it must be owner/name")
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        write_cell(notebook, repository)
        path.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
