"""Build the course as web pages whose sliders need no kernel.

Usage: python site/build.py [notebook …]; with arguments, these and the index. In the environment,
`REPOSITORY=owner/name` adds the Binder and Colab buttons, `SITE_URL=https://…/` those of link previews.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient

SITE = Path(__file__).parent
ROOT = SITE.parent
SOURCE = SITE / "_source"  # what the tools read
PAGES = SOURCE / "pages"
BUILD = SITE / "_build"
SECONDS_PER_CELL = 120
BYTES_OF_EXPLORERS = 2_800_000  # of the 6 MB that a page may weigh; the rest is scripts, fonts and text
AT_ONCE = 2  # notebooks; each has its own kernel

# Run in a notebook's kernel before its first cell: what has a page face writes it in place of a widget.
PAGE_FACES = """
from IPython import get_ipython
from helpers.exercises import Check, Prediction
from helpers.explorer import Explorer
faces = get_ipython().display_formatter.mimebundle_formatter
def face(one, left=[{budget}, {explorers}]):
    # What one explorer leaves of its share, those after it may use.
    page = one.page(left[0] // max(1, left[1]))
    left[:] = [left[0] - len(page), left[1] - 1]
    return {{"text/html": page, "text/plain": repr(one)}}
faces.for_type(Explorer, face)
for kind in (Check, Prediction):
    faces.for_type(kind, lambda one: {{"text/html": one.page(), "text/plain": repr(one)}})
del get_ipython, Check, Prediction, Explorer, face, faces, kind
"""
CELL_LINK = re.compile(r'href="(\w+)\.ipynb#cell-id=([\w-]+)"')
ICON_SCRIPT = re.compile(r"<script[^>]* src=\"[^\"]*/fontawesome\.js[^\"]*\"></script>")
BUTTONS = """<p class="launch">{others}<a href="lab/lab/index.html?path={name}">Run in the browser</a></p>"""
# Where a notebook opens whose repository on GitHub is known.
OTHERS = {
    "Binder": "https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/notebooks/{name}",
    "Colab": "https://colab.research.google.com/github/{repository}/blob/main/notebooks/{name}",
}


def shows_explorer(cell: nbformat.NotebookNode) -> bool:
    """Tell whether a cell's saved output is an explorer."""
    shown = [output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])]
    return any(text.startswith("Explorer:") for text in shown)


def run(path: Path) -> nbformat.NotebookNode:
    """Execute a notebook with page faces in place of widgets."""
    notebook = nbformat.read(path, as_version=4)
    explorers = sum(map(shows_explorer, notebook.cells))
    first = nbformat.v4.new_code_cell(PAGE_FACES.format(budget=BYTES_OF_EXPLORERS, explorers=explorers))
    notebook.cells.insert(0, first)
    NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
    ).execute()
    del notebook.cells[0]
    return notebook


def prepare(notebook: nbformat.NotebookNode, name: str) -> None:
    """Add what only the pages have: buttons under the title, and folded solutions."""
    repository = os.environ.get("REPOSITORY", "")
    others = [
        f'<a href="{address.format(repository=repository, name=name)}">Open in {place}</a> '
        for place, address in OTHERS.items()
        if repository
    ]
    buttons = BUTTONS.format(others="".join(others), name=name)
    title, _, text = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f"{title}\n\n{buttons}\n\n{text}"
    cells = []
    for cell in notebook.cells:
        if "colab" in cell.metadata.get("tags", []):
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.setdefault("tags", []).append("hide-input")
        if cell.cell_type == "code":
            # The map of the course links to cells, in JupyterLab's way.
            cells.append(nbformat.v4.new_markdown_cell(f'<span id="cell-{cell.id}"></span>'))
            for output in cell.outputs:
                data = output.get("data", {})
                if text := data.get("text/html"):
                    data["text/html"] = CELL_LINK.sub(r'href="\1.html#cell-\2"', text)
        cells.append(cell)
    notebook.cells = cells


def make(path: Path) -> None:
    """Write a notebook with its page faces where Sphinx reads it."""
    print(path.name, flush=True)
    notebook = run(path)
    prepare(notebook, path.name)
    if path.stem == "index":
        lessons = "\n".join(sorted(one.stem for one in path.parent.glob("[0-9]*.ipynb")))
        contents = f"```{{toctree}}\n:hidden:\n\n{lessons}\n```"
        notebook.cells.append(nbformat.v4.new_markdown_cell(contents))
    nbformat.write(notebook, PAGES / path.name)


def drop_icon_script(pages: Path) -> None:
    """Take out the theme's script that draws icons, 1.5 MB; its font, which is there too, draws the same."""
    for page in pages.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        page.write_text(ICON_SCRIPT.sub("", text), encoding="utf-8")


def make_edition(paths: list[Path]) -> None:
    """Make the in-browser edition: JupyterLite with the notebooks, and helpers as a wheel."""
    contents, wheels = SOURCE / "contents", SOURCE / "wheels"
    shutil.copytree(ROOT / "notebooks", contents, ignore=shutil.ignore_patterns("*.ipynb", ".*"))
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        # There the kernel runs in the page; it has no packages until it is asked for some.
        notebook.cells.insert(0, nbformat.v4.new_code_cell("%pip install -q activation-course"))
        nbformat.write(notebook, contents / path.name)
    tool("pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
    (wheel,) = wheels.glob("*.whl")
    edition = ["--lite-dir", str(SOURCE), "--contents", str(contents), "--output-dir", str(BUILD / "lab")]
    tool("jupyter", "lite", "build", *edition, "--piplite-wheels", str(wheel), "--log-level", "40")


def tool(name: str, *arguments: str) -> None:
    """Run a tool of this Python's."""
    subprocess.run([sys.executable, "-m", name, *arguments], check=True, cwd=SOURCE)


def main() -> None:
    """Run the notebooks, then let Sphinx make the pages."""
    for folder in (SOURCE, BUILD):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SITE / "static", PAGES / "_static")
    shutil.copytree(SITE / "node_modules/katex/dist", PAGES / "_static/katex")
    shutil.copy(ROOT / "docs/explorer.png", PAGES / "_static")
    shutil.copytree(ROOT / "notebooks/thumbnails", PAGES / "thumbnails")
    # Sphinx begins at the index.
    given = [Path(name).resolve() for name in sys.argv[1:]] + [ROOT / "notebooks/index.ipynb"]
    paths = given if sys.argv[1:] else sorted((ROOT / "notebooks").glob("*.ipynb"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(make, paths))
    shutil.copy(SITE / "conf.py", PAGES)
    tool("sphinx", "--quiet", "--builder", "html", str(PAGES), str(SOURCE / "html"))
    drop_icon_script(SOURCE / "html")
    shutil.move(SOURCE / "html", BUILD)
    make_edition(paths)


if __name__ == "__main__":
    main()
