"""What a notebook stores of a widget that it shows: the id of a model, which lives in the kernel alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_WIDGET_STATE = "application/vnd.jupyter.widget-state+json"

Place = tuple[int, int]
"""The number of a cell, and of one of its outputs."""


def widget_view(model_id: str) -> dict[str, Any]:
    """Return what shows a widget, for `_repr_mimebundle_`; ipywidgets 7 does not have it, and 8 has no other.

    Parameters
    ----------
    model_id : str
        The widget's ``model_id``.

    Returns
    -------
    dict
        One entry, by its MIME type.
    """
    return {WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": model_id}}


def take_views(notebook: Mapping[str, Any]) -> dict[Place, dict[str, Any]]:
    """Take the widget views out of a notebook's outputs, where something else is there to be shown.

    A view without its model hides the picture beside it: JupyterLab shows "model not found" in its place.
    Views whose models are saved in the notebook stay.

    Parameters
    ----------
    notebook : mapping
        A notebook of format 4, as read from JSON or by nbformat. Its outputs are changed.

    Returns
    -------
    dict
        What was taken, for `put_views`.
    """
    saved = notebook.get("metadata", {}).get("widgets", {}).get(_WIDGET_STATE, {}).get("state", {})
    taken = {}
    for number, cell in enumerate(notebook["cells"]):
        for place, output in enumerate(cell.get("outputs", [])):
            data = output.get("data", {})
            if WIDGET_VIEW not in data or data[WIDGET_VIEW].get("model_id") in saved:
                continue
            if data.keys() - {WIDGET_VIEW, "text/plain"}:
                taken[number, place] = data.pop(WIDGET_VIEW)
                output.get("metadata", {}).pop(WIDGET_VIEW, None)
    return taken


def put_views(notebook: Mapping[str, Any], views: Mapping[Place, dict[str, Any]]) -> None:
    """Put back what `take_views` took out of the same notebook."""
    for (number, place), view in views.items():
        notebook["cells"][number]["outputs"][place]["data"][WIDGET_VIEW] = view
