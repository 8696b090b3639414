import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import nbformat
import pytest
from traitlets.config import Configurable

from helpers.saving import PicturesInFiles
from helpers.views import WIDGET_VIEW, widget_view

# In the tests' own thread, those of the browser may have left a loop running.
THREAD = ThreadPoolExecutor(1)


def finish(work):
    return THREAD.submit(asyncio.run, work).result()


class Server(Configurable):
    """A Jupyter server with at most one kernel, that of the notebook."""

    kernel = None
    restarts = 0

    @property
    def session_manager(self):
        return self

    kernel_manager = session_manager

    async def list_sessions(self):
        return [{"path": "folder/one.ipynb", "kernel": {"id": self.kernel}}] if self.kernel else []

    def get_kernel(self, _):
        return SimpleNamespace(provisioner=SimpleNamespace(pid=self.restarts))


class Opened:
    """A folder of notebooks that Jupyter serves, and the kernel of one of them."""

    def __init__(self, folder):
        (folder / "folder").mkdir()
        self.file = folder / "folder/one.ipynb"
        self.server = Server()
        self.files = PicturesInFiles(root_dir=str(folder), parent=self.server)

    def save(self, model_id="abc"):
        shown = nbformat.v4.new_output("display_data", {**widget_view(model_id), "image/png": "AAAA"})
        cell = nbformat.v4.new_code_cell("explore(figure, update)", outputs=[shown])
        content = nbformat.v4.new_notebook(cells=[cell])
        finish(self.files.save({"type": "notebook", "content": content}, "/folder/one.ipynb"))

    def load(self):
        """The model whose view the page gets, or None."""
        content = finish(self.files.get("folder/one.ipynb"))["content"]
        data = content["cells"][0]["outputs"][0]["data"]
        assert data["image/png"] == "AAAA"
        return data.get(WIDGET_VIEW, {}).get("model_id")


@pytest.fixture
def opened(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "signatures"))
    return Opened(tmp_path)


def test_a_file_has_the_picture_and_no_view(opened):
    opened.server.kernel = "first"
    opened.save()
    (output,) = json.loads(opened.file.read_text())["cells"][0]["outputs"]
    assert output["data"] == {"image/png": "AAAA"}


def test_a_page_loaded_again_beside_its_kernel_gets_its_views_back(opened):
    opened.server.kernel = "first"
    opened.save()
    assert opened.load() == "abc"
    opened.save()
    assert opened.load() == "abc"


@pytest.mark.parametrize("kernel", [None, "second"])
def test_without_the_kernel_that_made_it_a_view_is_gone(opened, kernel):
    opened.server.kernel = "first"
    opened.save()
    opened.server.kernel = kernel
    assert opened.load() is None


def test_a_restarted_kernel_has_lost_what_it_made_also_where_that_is_saved_once_more(opened):
    opened.server.kernel = "first"
    opened.save("before")
    opened.server.restarts += 1
    assert opened.load() is None
    opened.save("before")
    assert opened.load() is None
    opened.save("after")
    assert opened.load() == "after"


def test_a_file_that_another_program_has_written_gets_nothing_back(opened):
    opened.server.kernel = "first"
    opened.save()
    other = nbformat.read(opened.file, as_version=4)
    other.cells[0].outputs[0].data.update(widget_view("of another kernel"))
    nbformat.write(other, opened.file)
    assert opened.load() is None


def test_what_is_no_notebook_is_saved_as_it_is(opened):
    opened.server.kernel = "first"
    text = {"type": "file", "format": "text", "content": "words"}
    finish(opened.files.save(text, "folder/a.txt"))
    assert finish(opened.files.get("folder/a.txt"))["content"] == "words"
    assert finish(opened.files.get("folder"))["type"] == "directory"
