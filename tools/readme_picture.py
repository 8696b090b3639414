"""Take the README's picture: an explorer of lesson 02, as its page shows it in a browser.

Usage: python tools/readme_picture.py
"""

import os
import sys
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FLAGS, find_chromium  # noqa: E402


def explorer_of(lesson: Path, name: str):
    """Run a lesson up to the cell that makes the explorer of this name."""
    os.chdir(lesson.parent)
    namespace = {}
    for cell in nbformat.read(lesson, as_version=4).cells:
        if cell.cell_type == "code" and name not in namespace:
            exec(cell.source, namespace)
    return namespace[name]


def main() -> None:
    """Write docs/explorer.png."""
    explorer = explorer_of(ROOT / "notebooks/02_sigmoid_saturation.ipynb", "saturation")
    explorer.controls["x"].value, explorer.controls["k"].value = 1.4, 2.0
    page = f"<!doctype html><meta charset=utf-8><body style='font-family: sans-serif'>{explorer.page()}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        tab = browser.new_page(viewport={"width": 940, "height": 520}, device_scale_factor=1.5)
        tab.set_content(page)
        tab.locator("figure[data-ready]").screenshot(path=ROOT / "docs/explorer.png")
        browser.close()


if __name__ == "__main__":
    main()
