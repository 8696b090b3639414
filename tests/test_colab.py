"""Google Colab: an older ipywidgets, and a notebook that is opened alone."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import types
import venv
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.views import WIDGET_VIEW
from tools import colab

ROOT = Path(__file__).parents[1]
MANAGER = "https://example.org/manager.js"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

CHECK = """\
class Check:
    def __init__(self):
        self.slider = ipywidgets.IntSlider()

    def _repr_mimebundle_(self, **_):
        return {"text/plain": "Check: one"} | SHOWN


Check()
"""


def showing(number, source, text):
    """A cell and the saved text of what it shows."""
    result = nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=number)
    return nbformat.v4.new_code_cell(source, outputs=[result], execution_count=number)


def test_notebooks_are_compared_under_the_widgets_of_colab_and_must_show_them(tmp_path):
    version = "import ipywidgets\nfrom helpers.views import widget_view\nipywidgets.__version__"
    shown = CHECK.replace("SHOWN", "widget_view(self.slider.model_id)")
    cells = [showing(1, version, "'7.7.1'"), showing(2, shown, "Check: one")]
    cells.append(showing(3, shown.replace("widget_view(self.slider.model_id)", "{}"), "Check: one"))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    shutil.copy(ROOT / "conftest.py", tmp_path)
    options = ["--nbval", "--nbval-current-env", "-p", "no:xdist", "--rootdir", str(tmp_path)]
    options += ["-o", f"cache_dir={ROOT / '.pytest_cache'}"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "one.ipynb"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert "notebooks: with ipywidgets==7.7.1" in ran.stdout
    assert "2 passed" in ran.stdout, ran.stdout
    assert "no widget is shown for ['Check: one']" in ran.stdout
    assert "1 failed" in ran.stdout


# The cell that fetches the course -------------------------------------------------------------------------


def cell_of(notebook):
    (cell,) = filter(colab.is_colab_cell, notebook.cells)
    return cell


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_has_the_cell_folded_under_its_title(path):
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[1] == cell_of(notebook)
    assert notebook.cells[1].metadata["jupyter"]["source_hidden"]
    before = notebook.cells[1].source
    colab.write_cell(notebook)
    assert notebook.cells[1].source == before


def test_every_notebook_names_the_same_repository():
    assert len({cell_of(nbformat.read(path, as_version=4)).source for path in NOTEBOOKS}) == 1


def test_a_copy_writes_its_own_name_into_its_notebooks_and_keeps_it(tmp_path, monkeypatch):
    shipped = ROOT / "notebooks/index.ipynb"
    copied = Path(shutil.copy(shipped, tmp_path))
    named = re.sub(r'(?<="REPOSITORY = \\")[^\\]*', "ada/course", shipped.read_text())
    assert '"REPOSITORY = \\"ada/course\\"' in named
    monkeypatch.setattr(colab, "NOTEBOOKS", tmp_path)
    for arguments in (["ada/course"], []):
        monkeypatch.setattr(sys, "argv", ["colab.py", *arguments])
        colab.main()
        assert copied.read_text() == named
    monkeypatch.setattr(sys, "argv", ["colab.py", "https://github.com/ada/course"])
    with pytest.raises(SystemExit, match=r"^'https://.*' is no repository on GitHub; it must be owner/name$"):
        colab.main()


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder to run the cell in, where no other program can be started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("the cell starts a program"))
    return tmp_path


def test_the_cell_does_nothing_elsewhere(elsewhere):
    exec(colab.SOURCE.format(repository="ada/course"), {})
    assert list(elsewhere.iterdir()) == []
    assert Path.cwd() == elsewhere


def test_on_colab_the_cell_of_an_unnamed_copy_says_what_to_set(elsewhere, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    with pytest.raises(ValueError, match=r'^Set REPOSITORY to your copy on GitHub, as in "ada/course", then'):
        exec(colab.SOURCE.format(repository=colab.UNKNOWN), {})


def published(folder):
    """A repository that holds the course as it is here."""
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in ("helpers", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "--quiet"], ["add", "."], [*user, "commit", "--quiet", "--message", "Course"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def kernel_of_colab(folder, widgets):
    """A kernel of a Python that has the course's packages but not the course, and a `google.colab`."""
    venv.create(folder / "venv", symlinks=os.name != "nt")
    places = sysconfig.get_paths(vars={"base": str(folder / "venv"), "platbase": str(folder / "venv")})
    Path(places["purelib"], "packages.pth").write_text(sysconfig.get_paths()["purelib"])
    module = folder / "modules/google/colab"
    module.mkdir(parents=True)
    (module.parent / "__init__.py").touch()
    (module / "__init__.py").touch()
    (module / "output.py").write_text(OUTPUT)
    python = Path(places["scripts"], Path(sys.executable).name)
    launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    path = os.pathsep.join(map(str, (folder / "modules", widgets)))
    kernel = {
        "argv": [str(python), *launch, "--IPKernelApp.exec_lines=import google.colab.output"],
        "display_name": "Colab",
        "language": "python",
        "env": {"PYTHONPATH": path},
    }
    place = folder / "share/kernels/colab"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(kernel))
    return folder / "share"


# Colab shows other widgets than those of ipywidgets if it is asked to, and told where their manager is.
OUTPUT = f"""\
from types import SimpleNamespace
_widgets = SimpleNamespace(_installed_url=None)
def enable_custom_widget_manager():
    _widgets._installed_url = "{MANAGER}"
"""
LOOKED_UP = """\
from helpers.exercises import read_questions
import helpers, ipywidgets
assert ipywidgets.__version__ == "7.7.1"
assert os.getcwd().endswith(os.path.join("alone", "course", "notebooks"))
assert os.path.join("venv", "") in helpers.__file__
read_questions("questions/02_sigmoid_saturation.toml")["steepest"]
"""


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_a_notebook_opened_alone_on_colab_fetches_the_course_and_runs(tmp_path, monkeypatch, colab_widgets):
    published(tmp_path / "hub/ada/course")
    monkeypatch.setenv("JUPYTER_PATH", str(kernel_of_colab(tmp_path, colab_widgets)))
    for name, value in {
        "COUNT": "1",
        "KEY_0": f"url.{(tmp_path / 'hub').as_uri()}/.insteadOf",
        "VALUE_0": "https://github.com/",
    }.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    notebook = nbformat.read(ROOT / "notebooks/index.ipynb", as_version=4)
    colab.write_cell(notebook, "ada/course")
    again = nbformat.v4.new_code_cell(cell_of(notebook).source)
    notebook.cells += [again, nbformat.v4.new_code_cell(LOOKED_UP)]
    (tmp_path / "alone").mkdir()
    where = {"metadata": {"path": str(tmp_path / "alone")}}
    NotebookClient(notebook, timeout=300, kernel_name="colab", resources=where).execute()
    shown = [out for cell in notebook.cells for out in cell.get("outputs", []) if "data" in out]
    explorer, question = (out for out in shown if WIDGET_VIEW in out.data)
    assert explorer.metadata[WIDGET_VIEW] == {"colab": {"custom_widget_manager": {"url": MANAGER}}}
    assert "text/html" in question.data
    assert any("C01" in out.data.get("text/html", "") for out in shown)
