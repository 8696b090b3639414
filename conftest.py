"""Notebooks are compared with their saved outputs under Google Colab's ipywidgets, older than the pinned one.

All other tests run under the pinned one. `--nbval-lax` has the notebooks do so, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell

from helpers.views import WIDGET_VIEW

OF_COLAB = ("ipywidgets==7.7.1", "ipython_genutils==0.2.0")


def install(config: pytest.Config) -> Path:
    """Return a folder with Colab's widgets, which later runs find again."""
    folder = Path(config.cache.mkdir("ipywidgets-of-colab"))
    if not (folder / "ipywidgets").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*pip, *OF_COLAB], check=True, timeout=300)
    return folder


@pytest.fixture(scope="session")
def colab_widgets(pytestconfig: pytest.Config) -> Path:
    """The folder with Colab's widgets."""
    return install(pytestconfig)


def wanted(config: pytest.Config) -> bool:
    """Tell whether notebooks run with Colab's widgets."""
    return config.getoption("nbval") and hasattr(config, "cache")


def pytest_configure(config: pytest.Config) -> None:
    """Install them before the workers begin."""
    if wanted(config) and not hasattr(config, "workerinput"):
        install(config)


def pytest_report_header(config: pytest.Config) -> str:
    """Say which widgets the notebooks run with."""
    return f"notebooks: with {OF_COLAB[0]}, Google Colab's" if wanted(config) else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Let the kernel that runs a notebook's cells begin with Colab's widgets."""
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(item, IPyNbCell) and wanted(item.config):
            patch.setenv("PYTHONPATH", str(install(item.config)), prepend=os.pathsep)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """See to it that explorers and questions are shown; nbval compares their words and pictures alone."""
    result = yield
    if isinstance(item, IPyNbCell):
        words = [output.get("data", {}).get("text/plain", "") for output in item.cell.get("outputs", [])]
        moves = [text for text in words if text.startswith(("Explorer:", "Check:", "Predict:"))]
        views = [output for output in item.test_outputs if WIDGET_VIEW in output.get("data", {})]
        assert len(views) >= len(moves), f"no widget is shown for {moves}"
    return result
