"""What the notebooks of the course say of themselves: titles, claims, first pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image

from helpers.claims import CLAIM

THUMBNAIL_WIDTH = 320  # pixels


@dataclass(frozen=True)
class Card:
    """A claim card as a lesson shows it.

    Attributes
    ----------
    id : str
        ``"C06"``.
    text, verdict, on : str
        The sentence, its verdict as `helpers.claims.claim` has it, and what it depends on.
    lesson : str
        ``"02"``.
    link : str
        Address of the cell that shows the card: ``"02_….ipynb#cell-id=…"``, which JupyterLab understands.
    """

    id: str
    text: str
    verdict: str
    on: str
    lesson: str
    link: str


def lessons(folder: str | Path = ".") -> list[Path]:
    """Find the lessons in a folder of notebooks, in the order of their numbers."""
    return sorted(Path(folder).glob("[0-9][0-9]_*.ipynb"))


def title(lesson: Path) -> str:
    """Return the question that a lesson asks in its title."""
    first = nbformat.read(lesson, as_version=4).cells[0].source
    return str(first.splitlines()[0].removeprefix("# "))


def cards(lesson: Path) -> list[Card]:
    """Return a lesson's claim cards, read from its saved outputs, from top to bottom."""
    return [
        Card(**data[CLAIM], lesson=lesson.name[:2], link=f"{lesson.name}#cell-id={cell.id}")
        for cell in nbformat.read(lesson, as_version=4).cells
        for data in _shown(cell)
        if CLAIM in data
    ]


def thumbnail(lesson: Path) -> Image.Image:
    """Return a lesson's first saved picture, made small.

    Raises
    ------
    ValueError
        If the lesson has saved no picture.
    """
    for cell in nbformat.read(lesson, as_version=4).cells:
        for data in _shown(cell):
            if "image/png" in data:
                picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")
                height = round(picture.height * THUMBNAIL_WIDTH / picture.width)
                return picture.resize((THUMBNAIL_WIDTH, height), Image.Resampling.LANCZOS)
    raise ValueError(f"{lesson.name} has saved no picture; run make notebooks")


def _shown(cell: nbformat.NotebookNode) -> Iterator[dict[str, Any]]:
    for output in cell.get("outputs", []):
        yield output.get("data", {})
