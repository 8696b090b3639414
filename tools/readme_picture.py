"""Take the README's pictures, one still and one moving: an explorer of lesson 02, as its page shows it.

Usage: python tools/readme_picture.py
"""

import io
import os
import sys
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FLAGS, find_chromium  # noqa: E402

EVERY = 4  # positions of the slider from one frame to the next
FRAMES = 30  # in each direction
MILLISECONDS = 70  # that a frame stays


def explorer_of(lesson: Path, name: str):
    """Run a lesson up to the cell that makes the explorer of this name."""
    os.chdir(lesson.parent)
    namespace = {}
    for cell in nbformat.read(lesson, as_version=4).cells:
        if cell.cell_type == "code" and name not in namespace:
            exec(cell.source, namespace)
    return namespace[name]


def main() -> None:
    """Write docs/explorer.png, and docs/explorer.webp with the slider moved from end to end and back."""
    explorer = explorer_of(ROOT / "notebooks/02_sigmoid_saturation.ipynb", "saturation")
    explorer.controls["x"].value, explorer.controls["k"].value = 1.4, 2.0
    page = f"<!doctype html><meta charset=utf-8><body style='font-family: sans-serif'>{explorer.page()}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        tab = browser.new_page(viewport={"width": 940, "height": 520}, device_scale_factor=1.5)
        tab.set_content(page)
        figure = tab.locator("figure[data-ready]")
        figure.screenshot(path=ROOT / "docs/explorer.png")
        slider = tab.locator("input[type=range]").first
        slider.press("Home")
        frames = []
        for key in ["ArrowRight"] * FRAMES + ["ArrowLeft"] * FRAMES:
            for _ in range(EVERY):
                slider.press(key)
            tab.evaluate("() => new Promise(requestAnimationFrame)")
            frames.append(Image.open(io.BytesIO(figure.screenshot())))
        browser.close()
    moving = {"save_all": True, "append_images": frames[1:], "duration": MILLISECONDS, "loop": 0}
    frames[0].save(ROOT / "docs/explorer.webp", quality=60, **moving)


if __name__ == "__main__":
    main()
