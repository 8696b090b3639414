"""A table that the reader sorts and filters, in a notebook and on a page, with no kernel and no network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

LONG = 24
"""An entry of more characters is broken into lines."""

_SCRIPT = Path(__file__).with_name("table.js")
_LOOK = """
.sortable > div { overflow-x: auto; margin: 0.4em 0; }
.sortable table { border-collapse: collapse; font-size: 0.9em; }
.sortable caption { caption-side: bottom; text-align: left; }
.sortable :is(th, td) { padding: 0.25em 0.7em; text-align: left; vertical-align: top; white-space: nowrap; }
.sortable .long { white-space: normal; min-width: 11em; }
.sortable th:first-child { position: sticky; left: 0; z-index: 1;
  background: var(--jp-layout-color0, var(--pst-color-background, white)); }
.sortable th button { font: inherit; font-weight: bold; color: inherit; cursor: pointer;
  background: none; border: 0; padding: 0; }
.sortable [aria-sort=ascending] button::after { content: " ▲"; }
.sortable [aria-sort=descending] button::after { content: " ▼"; }
"""


class Table:
    """Rows of text under headings: a click on a heading sorts, typed words filter.

    Where nothing runs (a saved notebook that is not trusted, a viewer without scripts) it is a plain table.

    Parameters
    ----------
    rows : sequence of mappings from str to str
        All with the same keys, which are the headings; the first column names the row.
    caption : str
        What the table shows.
    links : sequence of str, optional
        Where the first entry of each row leads: ``"02_….ipynb#cell-id=…"`` is a cell of a notebook.
    """

    def __init__(self, rows: Sequence[Mapping[str, str]], caption: str, links: Sequence[str] = ()) -> None:
        self.rows, self.caption, self.links = [dict(row) for row in rows], caption, list(links)
        if not self.rows:
            raise ValueError("rows must hold at least one row, got none")
        self.headings = list(self.rows[0])
        for number, row in enumerate(self.rows):
            if list(row) != self.headings:
                raise ValueError(
                    f"rows must share their keys; row {number} has {list(row)}, the first {self.headings}"
                )
        if self.links and len(self.links) != len(self.rows):
            raise ValueError(f"links must be one a row; {len(self.links)} for {len(self.rows)} rows")
        if not caption.strip():
            raise ValueError("caption must say what the table shows; it is empty")

    def __repr__(self) -> str:
        lines = [self.headings, *(list(row.values()) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        told = [
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines
        ]
        return "\n".join([self.caption, *(line.rstrip() for line in told)])

    def _repr_html_(self) -> str:
        count = f"{len(self.rows)} of {len(self.rows)} rows"
        headings = (
            f'<th scope="col"><button type="button">{escape(text)}</button></th>' for text in self.headings
        )
        table = (
            f"<table><caption>{escape(self.caption)}</caption><thead><tr>{''.join(headings)}</tr></thead>"
            f"<tbody>{''.join(map(_line, self.rows, self.links or [''] * len(self.rows)))}</tbody></table>"
        )
        name = "table-" + hashlib.sha256(table.encode()).hexdigest()[:12]
        script = _SCRIPT.read_text(encoding="utf-8").replace("@id@", name)
        return (
            f'<style>{_LOOK}</style>\n<div id="{name}" class="sortable">'
            '<p data-tools hidden><label>Filter by words <input type="search" autocomplete="off"></label> '
            f'<span role="status">{count}</span></p>'
            # It scrolls sideways, by keyboard as well.
            f'<div tabindex="0" role="region" aria-label="{escape(self.caption)}">{table}</div></div>\n'
            f"<script>\n{script}</script>"
        )


def _line(row: Mapping[str, str], link: str) -> str:
    first, *others = map(escape, row.values())
    head = f'<a href="{escape(link)}">{first}</a>' if link else first
    cells = (f"<td{' class=long' if len(text) > LONG else ''}>{text}</td>" for text in others)
    return f'<tr><th scope="row">{head}</th>{"".join(cells)}</tr>'
