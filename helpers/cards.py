"""The look that exercises and claims share: a card of text with a colored edge, as HTML."""

from __future__ import annotations

import re
from html import escape

# Meaning is carried by the sign and the word; the color only repeats it.
_TONES = {
    "right": "var(--jp-success-color1, #029E73)",
    "wrong": "var(--jp-warn-color1, #DE8F05)",
    "neutral": "var(--jp-border-color1, #8A8A8A)",
}
QUIET = "color: var(--jp-ui-font-color1, #212121); font-size: 0.9em; opacity: 0.85"
"""Style of a card's small print."""


def as_html(text: str) -> str:
    """Write a text as HTML: backticks become code, ``$…$`` is left to the mathematics of the page."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))


def sentence(text: str) -> str:
    """End a text with a period, unless it is empty or ends already."""
    return text if not text or text[-1] in ".?!…" else text + "."


def card(content: str, tone: str = "neutral", role: str = "") -> str:
    """Put HTML on a card.

    Parameters
    ----------
    content : str
        HTML.
    tone : {"neutral", "right", "wrong"}
        The color of its edge.
    role : str, optional
        Its ARIA role.
    """
    return (
        f'<div{role and f" role={role!r}"} style="border-left: 4px solid {_TONES[tone]}; padding: 0.4em 1em; '
        "margin: 0.3em 0; line-height: 1.5; white-space: normal; "
        "width: 46em; max-width: 100%; box-sizing: border-box; "
        "color: var(--jp-ui-font-color1, #212121); "
        f'background: var(--jp-layout-color2, #F2F2F2)">{content}</div>'
    )
