"""Run notebooks from top to bottom and save their outputs, so that running twice changes nothing.

Usage: python tools/run_notebooks.py [notebook …]; without arguments, every notebook of the course.
"""

import re
import sys
from pathlib import Path

import nbformat
from colab import write_cell
from nbclient import NotebookClient

from helpers.course import thumbnail
from helpers.views import take_views

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SECONDS_PER_CELL = 120
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def run(path: Path) -> None:
    """Execute a notebook in its own folder; write it back with its outputs, a lesson with its thumbnail."""
    notebook = nbformat.read(path, as_version=4)
    write_cell(notebook)
    client = NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,  # how often a cell's printing is flushed is chance
        store_widget_state=False,
    )
    client.execute()
    tidy(notebook)
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook).rstrip("\n") + "\n", encoding="utf-8")
    if re.match(r"\d\d_", path.name):
        small = path.parent / "thumbnails" / f"{path.name[:2]}.png"
        small.parent.mkdir(exist_ok=True)
        thumbnail(path).save(small, optimize=True)


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Remove from a notebook what differs from run to run or from machine to machine."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    take_views(notebook)


def main() -> None:
    """Run the notebooks named on the command line, or all."""
    for path in [Path(name).resolve() for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")):
        print(path.name, flush=True)
        run(path)


if __name__ == "__main__":
    main()
