"""A real JupyterLab and a real Chromium for the browser tests."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

ROOT = Path(__file__).parents[2]
LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
EVERY_LESSON = os.environ.get("EVERY_LESSON") == "1"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SETTINGS = {
    # Otherwise a question about news lies over the notebook.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Otherwise cells out of sight are not there for a test to read.
    "notebook-extension/tracker": {"windowingMode": "none"},
}


def some_lessons(*beginnings: str) -> list[Any]:
    """Return the lessons that begin so, and the others as skipped unless EVERY_LESSON=1 asks for all."""
    skipped = pytest.mark.skip(
        reason="takes long, and other tests look at this lesson; EVERY_LESSON=1 runs it, as on GitHub"
    )
    return [
        pytest.param(name, marks=[] if EVERY_LESSON or name.startswith(beginnings) else skipped)
        for name in LESSONS
    ]


def find_chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # Skips of one place and reason are told in one line; pytest would name each test that is skipped.
    if report.skipped and isinstance(report.longrepr, tuple) and "no Chromium" in report.longrepr[2]:
        report.longrepr = (__file__, 1, report.longrepr[2])
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        hint = "no Chromium found: install one, on Debian and Ubuntu with 'sudo apt-get install chromium'"
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(hint)
        pytest.skip(hint)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Jupyter:
    """A running Jupyter server and the folder that it serves."""

    url: str
    folder: Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serve(folder: Path, home: Path) -> Iterator[Jupyter]:
    """Serve a folder with JupyterLab and Notebook 7, apart from the user's settings."""
    port = _free_port()
    places = {"CONFIG": "config", "DATA": "data", "RUNTIME": "runtime"}
    environment = {**os.environ, "HOME": str(home), "JUPYTER_PREFER_ENV_PATH": "1"}
    environment |= {f"JUPYTER_{name}_DIR": str(home / place) for name, place in places.items()}
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.contents_manager_class=helpers.saving.PicturesInFiles",
        "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    for name, setting in SETTINGS.items():
        path = home / "config/lab/user-settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    with (home / "jupyter.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(240):
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"{url}/api/status", timeout=5)
                break
            if server.poll() is not None:
                raise RuntimeError((home / "jupyter.log").read_text())
            time.sleep(0.25)
        else:
            raise RuntimeError("Jupyter did not start within 60 s")
        yield Jupyter(url, folder)
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def jupyter(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", folder, dirs_exist_ok=True)
    with serve(folder, tmp_path_factory.mktemp("home")) as running:
        yield running


@dataclass
class Watched:
    """A page whose console errors are kept."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}".strip())


@contextlib.contextmanager
def watching(browser: Browser) -> Iterator[Callable[..., Watched]]:
    """Open pages that remember what their consoles complain of, and close them."""
    contexts = []

    def open_page(**options: object) -> Watched:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}, **options})
        contexts.append(context)
        context.set_default_timeout(20_000)
        watched = Watched(context.new_page())
        watched.page.on("console", watched.hear)
        watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
        return watched

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def watch(browser: Browser) -> Iterator[Callable[..., Watched]]:
    with watching(browser) as open_page:
        yield open_page
