"""The table that a reader sorts and filters, on a page with no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, expect

from helpers.table import Table

VALUES = {"tanh": "1", "sigmoid": "1/4", "step": "∞", "relu": "1", "shrink": "−0.5", "none": "—"}
ROWS = [
    {"name": name, "slope": slope, "kind": "odd" if name == "tanh" else "other"}
    for name, slope in VALUES.items()
]


def shown(table: Locator, column: int) -> list[str]:
    rows = table.locator("tbody tr:visible")
    return [row.locator("th, td").nth(column).inner_text() for row in rows.all()]


def open_table(watch: Callable[..., Any], folder: Path) -> Any:
    file = folder / "page.html"
    html = Table(ROWS, "Slopes")._repr_html_()
    file.write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>page</title>{html}</html>")
    watched = watch()
    watched.page.context.set_offline(True)
    watched.page.goto(file.as_uri())
    return watched


def test_a_heading_sorts_by_mouse_and_by_keyboard(watch: Callable[..., Any], tmp_path: Path) -> None:
    watched = open_table(watch, tmp_path)
    table = watched.page.locator(".sortable")
    slope = table.get_by_role("button", name="slope")
    slope.click()
    assert shown(table, 1) == ["−0.5", "1/4", "1", "1", "∞", "—"]
    expect(table.get_by_role("columnheader").nth(1)).to_have_attribute("aria-sort", "ascending")
    slope.press("Enter")
    assert shown(table, 1) == ["—", "∞", "1", "1", "1/4", "−0.5"]
    table.get_by_role("button", name="name").press("Space")
    assert shown(table, 0) == sorted(VALUES)
    assert table.locator("[aria-sort]").count() == 1
    assert watched.errors == []


def test_words_filter_and_the_count_follows(watch: Callable[..., Any], tmp_path: Path) -> None:
    page = open_table(watch, tmp_path).page
    table = page.locator(".sortable")
    words = table.get_by_role("searchbox")
    words.fill("Other 1")
    assert shown(table, 0) == ["sigmoid", "relu"]
    expect(table.get_by_role("status")).to_have_text("2 of 6 rows")
    words.fill("-0.5")
    assert shown(table, 0) == ["shrink"]
    words.fill("nothing has this")
    assert shown(table, 0) == []
    words.fill("")
    assert shown(table, 0) == list(VALUES)
    expect(table.get_by_role("status")).to_have_text("6 of 6 rows")
