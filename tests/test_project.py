"""What holds the project together: versions written once, an installation that explains itself, layers."""

import ast
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from benchmarks.accuracy import errors, exact_function, sample
from helpers.activations import ACTIVATIONS

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt", "requirements-site.txt")
WIDGETS = {"ipywidgets", "anywidget", "IPython"}
DRAWING = {"matplotlib", "helpers.drawing", "helpers.recorder", "helpers.explorer"}
# What each module must not know of, directly or through another module of helpers.
LAYERS = {
    "activations": WIDGETS | DRAWING,
    "catalogue": WIDGETS | DRAWING,
    "entry": WIDGETS | DRAWING,
    "vector": WIDGETS | DRAWING,
    "frameworks": WIDGETS | DRAWING,
    "sheet": WIDGETS | DRAWING,
    "javascript": WIDGETS | DRAWING,
    "primitives": WIDGETS | DRAWING,
    "intervals": WIDGETS | DRAWING,
    "tails": WIDGETS | DRAWING,
    "roots": WIDGETS | DRAWING,
    "curve": WIDGETS | DRAWING,
    "pieces": WIDGETS | DRAWING,
    "tape": WIDGETS | DRAWING | {"sympy"},
    "properties": WIDGETS | DRAWING,
    "derivation": WIDGETS | DRAWING,
    "balls": WIDGETS | DRAWING,
    "crossings": WIDGETS | DRAWING,
    "points": WIDGETS | DRAWING,
    "proof": WIDGETS | DRAWING,
    "equality": WIDGETS | DRAWING,
    "descent": WIDGETS | DRAWING,
    "data": WIDGETS | DRAWING,
    "network": WIDGETS | DRAWING,
    "training": WIDGETS | DRAWING,
    "statistics": WIDGETS | DRAWING,
    "regions": WIDGETS | DRAWING,
    "drawing": WIDGETS,
    "changes": WIDGETS,
    "recorder": WIDGETS,
    "answers": WIDGETS | DRAWING,
    "cards": WIDGETS | DRAWING,
    "claims": WIDGETS | DRAWING,
    "reading": WIDGETS | DRAWING,
    "course": WIDGETS | DRAWING,
    "table": WIDGETS | DRAWING,
    "views": WIDGETS | DRAWING,
    "saving": WIDGETS | DRAWING,
    "exercises": DRAWING,
}


def tracked_files():
    git = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if git.returncode == 0:
        paths = [ROOT / name for name in git.stdout.split("\0") if name]
    else:
        paths = [
            p for p in ROOT.rglob("*") if not any(part.startswith(".") for part in p.relative_to(ROOT).parts)
        ]
    return [path for path in paths if path.is_file()]


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith(("-", "#"))]


def version(text):
    return tuple(int(part) for part in text.split("."))


def needed_python():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(
        ">="
    )


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_direct_dependencies_are_pinned_as_the_constraints_are(name):
    constraints = set(pins("constraints.txt"))
    for pin in pins(name):
        assert re.fullmatch(r"[a-z0-9_.-]+==[0-9][0-9a-z.]*", pin), f"{name}: {pin} is not an exact pin"
        assert pin in constraints, f"{name}: {pin} is not what constraints.txt says; run make lock"


def test_what_the_package_needs_is_pinned():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert set(needed) <= {pin.split("==")[0] for pin in pins("requirements.txt")}


def test_conda_and_binder_take_their_versions_from_requirements():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *packages, from_pip = environment["dependencies"]
    assert from_pip == {"pip": ["-r requirements.txt"]}
    assert packages[1:] == ["pip"]
    name, pinned = packages[0].split("=")
    assert name == "python"
    assert version(pinned) >= version(needed_python())
    assert environment["channels"] == ["conda-forge"]
    assert not (ROOT / "binder").exists(), "a binder folder hides every file of the root from Binder"


@pytest.mark.parametrize("name", ["postBuild", ".ci/run", "tools/venv"])
def test_scripts_are_executable(name):
    assert os.access(ROOT / name, os.X_OK)


def test_ci_runs_the_same_command_as_a_reader():
    assert "run: .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("make test")


def test_no_file_names_a_machine_or_a_registry():
    forbidden = re.compile(
        rb"/(?:work|root|home|Users|opt)/[\w.]|file:///|"
        rb"(?:--index-url|--extra-index-url|--find-links)[ =]|pypi\.org|pythonhosted\.org"
    )
    found = []
    for path in tracked_files():
        # The first holds the pattern itself; a picture may hold any bytes.
        if path == Path(__file__) or path.suffix in {".png", ".jpg", ".woff2"}:
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            # Pictures saved in notebooks are long lines of base64, where /opt/x may occur by chance.
            if len(line) < 2000 and (match := forbidden.search(line)):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0].decode()}")
    assert not found, "\n".join(found)


def in_a_copy(tmp_path, *command):
    for name in ("Makefile", "pyproject.toml", "constraints.txt", *REQUIREMENTS):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)


def fake_python(tmp_path, says):
    script = tmp_path / "fake-python"
    script.write_text(f"#!/bin/sh\n{says}\n")
    script.chmod(0o755)
    return f"PYTHON={script}"


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("verb", ["lab", "test"])
def test_an_old_python_is_named_with_the_one_needed(tmp_path, verb):
    result = in_a_copy(tmp_path, "make", verb, fake_python(tmp_path, "echo 3.9"))
    assert result.returncode != 0
    assert "is Python 3.9" in result.stderr
    assert f"needs Python {needed_python()} or newer" in result.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_a_python_that_does_not_run_is_named(tmp_path):
    result = in_a_copy(tmp_path, "make", "lab", fake_python(tmp_path, "exit 1"))
    assert result.returncode != 0
    assert "does not run" in result.stderr
    assert needed_python() in result.stderr


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_alone_lists_every_verb(tmp_path):
    listed = in_a_copy(tmp_path, "make").stdout
    verbs = re.search(r"^\.PHONY: (help .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
    for verb in verbs:
        assert re.search(rf"^make {verb} +\w", listed, re.MULTILINE)


def imports(module, seen=frozenset()):
    """Everything a module of helpers imports, followed through the other modules of helpers."""
    path = ROOT / "helpers" / f"{module}.py"
    if module in seen or not path.exists():
        return set()
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = "helpers" if node.level else ""
            source = ".".join(filter(None, [package, node.module]))
            found |= {source} | {f"{source}.{alias.name}" for alias in node.names if source == "helpers"}
    for name in [name for name in found if name.startswith("helpers.")]:
        found |= imports(name.removeprefix("helpers."), seen | {module})
    return found


@pytest.mark.parametrize("module", sorted(path.stem for path in (ROOT / "helpers").glob("[!_]*.py")))
def test_helpers_import_downwards_only(module):
    above = {
        name
        for name in imports(module)
        for forbidden in LAYERS.get(module, ())
        if name == forbidden or name.startswith(forbidden + ".")
    }
    assert not above, f"helpers.{module} must not import {sorted(above)}"


def test_the_readme_quotes_the_last_benchmark():
    results = (ROOT / "benchmarks/results/slider_latency.md").read_text(encoding="utf-8")
    table = results[results.index("| network") : results.index("| target")].strip()
    assert table in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_quotes_the_accuracy_that_is_reached():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    quoted = readme[readme.index("### Accuracy") :]
    rows = re.findall(r"^\| (\w+) \| (\d\S+) \| (\d\S+) ", quoted, re.MULTILINE)
    rows = [row for row in rows if row[0] in ACTIVATIONS]
    assert len(rows) >= 5
    for name, *figures in rows:
        activation = ACTIVATIONS[name]
        points = sample(activation, 400)
        formulas = (activation.expr, activation), (activation.derivative, activation.grad)
        for (formula, computed), figure in zip(formulas, figures, strict=True):
            found, _ = errors(computed(points), exact_function(formula, dict(activation.defaults)), points)
            assert found.max() <= 2 * float(figure), name


def test_the_readme_quotes_the_last_times_of_the_catalogue():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    kept = (ROOT / "benchmarks/results/catalogue.md").read_text(encoding="utf-8").splitlines()
    quoted = readme[readme.index("### Speed") : readme.index("### Accuracy")]
    rows = [line for line in quoted.splitlines() if line.startswith("|")]
    assert len(rows) >= 6
    assert [row for row in rows if row not in kept] == []


def test_the_readme_quotes_the_last_count_of_regions():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    kept = (ROOT / "benchmarks/results/regions.md").read_text(encoding="utf-8").splitlines()
    quoted = readme[readme.index("### Linear regions") : readme.index("### Speed")]
    rows = [line for line in quoted.splitlines() if line.startswith("|")]
    assert len(rows) >= 6
    assert [row for row in rows if row not in kept] == []
    ((count, ms),) = re.findall(r"a frame of ([\d,]+) regions: .* \| (\d+) ms \|", "\n".join(kept))
    assert f"{count} regions, found, drawn and written, takes the kernel {ms} ms" in quoted


def test_the_examples_in_the_readme_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    borrowing, making = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(borrowing.split("\n")) <= 5  # three lines, as is said there, a blank one, and the end
    namespace = {}
    exec(borrowing, namespace)
    assert namespace["saturation"].caption
    exec(making.replace("explore(figure", "shown = explore(figure"), namespace)
    assert namespace["shown"].caption == "The slope at 0 is 0.250."
