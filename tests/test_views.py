import copy

import ipywidgets
import nbformat
import pytest

from helpers.views import WIDGET_VIEW, put_views, take_views, widget_view

STATE = "application/vnd.jupyter.widget-state+json"


def notebook_of(**data):
    """A notebook of a text and of one code cell that prints, and shows the data given."""
    shown = nbformat.v4.new_output("execute_result", data, metadata={"image/png": {"width": 3}})
    printed = nbformat.v4.new_output("stream", name="stdout", text="printed")
    code = nbformat.v4.new_code_cell("f()", outputs=[printed, shown])
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("Look."), code])


def shown_in(notebook):
    return notebook["cells"][1]["outputs"][1]["data"]


VIEW = widget_view("abc")


def test_a_view_is_the_one_that_ipywidgets_shows():
    box = ipywidgets.VBox()
    assert widget_view(box.model_id)[WIDGET_VIEW] == box._repr_mimebundle_()[WIDGET_VIEW]


@pytest.mark.parametrize("other", ["image/png", "text/html", "text/latex"])
def test_a_view_is_taken_from_beside_anything_that_can_be_shown_and_can_be_put_back(other):
    notebook = notebook_of(**VIEW, **{other: "…", "text/plain": "words"})
    before = copy.deepcopy(notebook)
    views = take_views(notebook)
    assert views == {(1, 1): VIEW[WIDGET_VIEW]}
    assert shown_in(notebook) == {other: "…", "text/plain": "words"}
    put_views(notebook, views)
    assert notebook == before


def test_a_view_stays_where_there_is_nothing_but_words_to_be_shown():
    notebook = notebook_of(**VIEW, **{"text/plain": "IntSlider(value=0)"})
    assert take_views(notebook) == {}
    assert WIDGET_VIEW in shown_in(notebook)


def test_a_view_stays_where_its_model_is_saved_with_it():
    notebook = notebook_of(**VIEW, **{"image/png": "…"})
    notebook.metadata["widgets"] = {STATE: {"state": {"abc": {}}}}
    assert take_views(notebook) == {}
    notebook.metadata["widgets"] = {STATE: {"state": {"another": {}}}}
    assert take_views(notebook)
