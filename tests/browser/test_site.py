"""The built pages, served by a plain web server to a browser that then loses the network."""

from __future__ import annotations

import functools
import http.server
import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import nbformat
import pytest
from conftest import ROOT, Watched, some_lessons
from playwright.sync_api import Page, Response
from support import PATIENCE, check_controls, explorers

SITE = ROOT / "site"
BUILD = SITE / "_build"
PAGES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
HEAVIEST_PAGE = 6_000_000  # bytes
LONGEST_WAIT = 2_000  # milliseconds until the first figure is there
PHONE = {"viewport": {"width": 375, "height": 800}}

every_page = pytest.mark.parametrize("name", PAGES)


@dataclass
class Served:
    """The pages under an address of this machine."""

    url: str

    def open(self, watched: Watched, name: str) -> Page:
        """Open a page and wait until all its explorers and formulas are there."""
        page = watched.page
        page.goto(f"{self.url}/{name}.html")
        page.wait_for_function(
            "document.documentElement.dataset.typeset"
            " && !document.querySelector('figure.explorer:not([data-ready])')",
            timeout=PATIENCE,
        )
        return page


def is_stale() -> bool:
    """Tell whether anything that the pages are made of is newer than they are."""
    made, last = BUILD / "index.html", BUILD / "lab/api/contents/all.json"
    parts = [ROOT / "notebooks", ROOT / "helpers", SITE / "static"]
    sources = [SITE / "build.py", SITE / "conf.py", SITE / "package-lock.json"]
    sources += [path for part in parts for path in part.rglob("*.*") if path.suffix != ".pyc"]
    return not last.exists() or made.stat().st_mtime < max(path.stat().st_mtime for path in sources)


@pytest.fixture(scope="session")
def site(browser: Any) -> Iterator[Served]:
    if not (SITE / ".venv/.installed").exists():
        pytest.skip("the tools of the pages are not installed; make site installs them")
    if is_stale():
        subprocess.run([str(SITE / ".venv/bin/python"), str(SITE / "build.py")], check=True, timeout=900)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(BUILD)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Served(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()


def complaints(watched: Watched) -> list[str]:
    """The console's errors, without the theme's own remark on a first visit."""
    return [error for error in watched.errors if "invalid theme mode" not in error]


# The replay is the same on all pages; test_lessons_replayed.py looks at the pictures of every explorer.
@pytest.mark.parametrize("name", some_lessons("02", "09", "index"))
def test_every_control_moves_its_picture_with_the_network_cut_off(
    name: str, site: Served, watch: Callable[..., Watched]
) -> None:
    name, watched = name.removesuffix(".ipynb"), watch()
    elsewhere: list[str] = []
    watched.page.on("request", lambda one: one.url.startswith(site.url) or elsewhere.append(one.url))
    page = site.open(watched, name)
    page.context.set_offline(True)
    shown = explorers(page)
    saved = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    kept = [out for cell in saved.cells for out in cell.get("outputs", [])]
    texts = [out.get("data", {}).get("text/plain", "") for out in kept]
    assert len(shown) == sum(text.startswith("Explorer:") for text in texts)
    for one in shown:
        check_controls(one)
    assert elsewhere == []
    assert complaints(watched) == []


@every_page
def test_a_page_is_light_and_soon_there(name: str, site: Served, watch: Callable[..., Watched]) -> None:
    waits = []
    for _ in range(3):  # the machine may be busy once
        watched = watch()
        sizes: list[int] = []

        def weigh(response: Response, sizes: list[int] = sizes) -> None:
            sizes.append(len(response.body()))

        watched.page.on("response", weigh)
        page = watched.page
        page.goto(f"{site.url}/{name}.html", wait_until="commit")
        ready = "performance.now() && document.querySelector('figure.explorer[data-ready]')"
        page.wait_for_function(ready, timeout=PATIENCE, polling="raf")
        waits.append(page.evaluate("performance.now()"))
        page.wait_for_load_state("networkidle")
        assert sum(sizes) <= HEAVIEST_PAGE, f"{sum(sizes):,} bytes"
        if waits[-1] <= LONGEST_WAIT:
            break
    assert min(waits) <= LONGEST_WAIT, waits


def check_accessible(page: Page) -> None:
    """Nothing that axe calls serious or critical stands on a page."""
    page.add_script_tag(path=str(SITE / "node_modules/axe-core/axe.min.js"))
    # Formulas are half of all elements, made by KaTeX and of the color of the text around them.
    run = "axe.run({ exclude: [['.katex']] }, { resultTypes: ['violations'] })"
    grave = [
        f"{one['id']}: {one['help']}; {len(one['nodes'])} times, as in {one['nodes'][0]['html'][:200]}"
        for one in page.evaluate(run)["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not grave, "\n".join(grave)


@every_page
def test_a_page_is_accessible(name: str, site: Served, watch: Callable[..., Watched]) -> None:
    check_accessible(site.open(watch(color_scheme="light"), name))


@pytest.mark.parametrize("name", some_lessons("02", "09", "index"))
def test_a_page_is_accessible_in_the_dark(name: str, site: Served, watch: Callable[..., Watched]) -> None:
    check_accessible(site.open(watch(color_scheme="dark"), name.removesuffix(".ipynb")))


@every_page
def test_a_page_fits_a_phone_and_typesets_its_formulas(
    name: str, site: Served, watch: Callable[..., Watched]
) -> None:
    page = site.open(watch(**PHONE), name)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["viewport"]["width"]
    assert page.locator(".katex-error").all_text_contents() == []
    text = page.locator("article").inner_text()
    assert not re.search(r"\\\(|\\\[|\$\$", text)


@every_page
def test_the_button_leads_to_the_notebook_in_the_browser(
    name: str, site: Served, watch: Callable[..., Watched]
) -> None:
    page = site.open(watch(), name)
    edition = page.get_by_role("link", name="Run in the browser").get_attribute("href") or ""
    assert edition == f"lab/lab/index.html?path={name}.ipynb"
    listed = json.loads((BUILD / "lab/api/contents/all.json").read_text())["content"]
    assert f"{name}.ipynb" in [entry["name"] for entry in listed]


def test_a_prediction_and_a_check_answer_offline(site: Served, watch: Callable[..., Watched]) -> None:
    page = site.open(watch(), "02_sigmoid_saturation")
    page.context.set_offline(True)
    first = page.locator(".exercise").first
    first.get_by_role("radio", name="1/4").check()
    first.get_by_role("button", name="Commit").click()
    assert first.locator("[data-feedback]").get_attribute("data-right") == "true"
    assert page.locator(".exercise .katex").count() > 0
    assert "$" not in first.inner_text()
    typed = page.locator(".exercise", has=page.locator("form")).first
    typed.get_by_role("textbox").fill("12345")
    typed.get_by_role("button", name="Check").click()
    assert typed.locator("[data-feedback]").get_attribute("data-right") == "false"


@pytest.mark.parametrize("width", [1400, 390])
def test_a_page_shows_one_way_to_search(width: int, site: Served, watch: Callable[..., Watched]) -> None:
    page = site.open(watch(viewport={"width": width, "height": 900}), "index")
    searches = page.get_by_role("button", name="Search")
    assert [one.is_visible() for one in searches.all()].count(True) == 1


def test_search_finds_a_lesson_offline(site: Served, watch: Callable[..., Watched]) -> None:
    watched = watch()
    page = watched.page
    page.goto(f"{site.url}/search.html?q=saturation")
    page.locator("#search-results li a").first.wait_for()
    links = page.locator("#search-results li a").evaluate_all("all => all.map((one) => one.href)")
    assert any("02_sigmoid_saturation" in link for link in links)
    assert complaints(watched) == []


def test_nothing_plays_by_itself(site: Served, watch: Callable[..., Watched]) -> None:
    page = site.open(watch(reduced_motion="reduce"), "02_sigmoid_saturation")
    (first, *_) = explorers(page)
    with first.watched() as frames:
        page.wait_for_timeout(500)
    assert len(frames.pictures) == 1


def test_the_wheel_of_the_edition_holds_the_helpers(site: Served) -> None:
    (wheel,) = (BUILD / "lab").rglob("activation_course-*.whl")
    assert wheel.stat().st_size > 10_000
    index = json.loads((BUILD / "lab/pypi/all.json").read_text())
    assert "activation-course" in index


def test_the_edition_opens_a_lesson(site: Served, watch: Callable[..., Watched]) -> None:
    page = watch().page
    page.goto(f"{site.url}/lab/lab/index.html?path=02_sigmoid_saturation.ipynb")
    title = page.locator(".jp-Notebook h1", has_text="Why does a sigmoid stop learning?")
    title.wait_for(timeout=3 * PATIENCE)
