"""The lessons are run as on other processors, and what is said of the kernel in use is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from another_kernel import GIVEN
from nbclient import NotebookClient
from threadpoolctl import threadpool_info

from tools import portable
from tools.blas import ASK, CHOICE, Kernel, another_kernel, kernel, kernels

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def offered():
    """The kernels of this machine, by the name to ask for; none if it offers no choice."""
    return kernels()


@pytest.fixture(scope="module")
def configurations():
    """What each configuration changes, by its name."""
    return portable.configurations()


def in_a_notebook(code):
    """What a cell prints in a Jupyter kernel that is started as nbval starts it, from this process."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    return notebook.cells[0].outputs[0].text


def test_the_tests_and_the_notebooks_compute_with_different_kernels(offered, capsys):
    if GIVEN:
        pytest.skip(f"{CHOICE} chooses one kernel for all")
    if not offered:
        pytest.skip("this BLAS has one kernel")
    exec(ASK, {})
    here, own = Kernel(*capsys.readouterr().out.split()), Kernel(*in_a_notebook(ASK).split())
    assert own == kernel(os.environ)
    assert here.rounding != own.rounding
    used = {lib["architecture"] for lib in threadpool_info() if lib["internal_api"] == "openblas"}
    assert used == {here.name}, "NumPy's and SciPy's OpenBLAS"


def test_every_kernel_offered_can_be_had_under_its_name(offered):
    assert len(set(offered.values())) == len(offered)
    for name, each in offered.items():
        assert kernel(os.environ | {CHOICE: name}) == each


def test_a_kernel_that_does_not_start_is_none():
    assert kernel(os.environ | {"PYTHONHOME": os.devnull}) is None


def test_another_kernel_leaves_the_environment_as_it_was(monkeypatch):
    for before in ("Nehalem", None):
        monkeypatch.setenv(CHOICE, before) if before else monkeypatch.delenv(CHOICE, raising=False)
        with another_kernel():
            assert before in (os.environ.get(CHOICE), None)
        assert os.environ.get(CHOICE) == before


def test_where_there_is_no_choice_none_is_made(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    monkeypatch.delenv(CHOICE, raising=False)
    assert kernels() == {}
    with another_kernel():
        assert CHOICE not in os.environ
    assert "its only kernel, 2 threads" in portable.configurations()


def test_a_configuration_is_what_its_name_says(offered, configurations):
    for name in offered:
        assert configurations[f"{name} kernel, 2 threads"] == {CHOICE: name, "OPENBLAS_NUM_THREADS": "2"}
    script = "import numpy; print(*numpy.show_config(mode='dicts')['SIMD Extensions'].get('found', []))"
    for name, changes in configurations.items():
        if name.startswith("NumPy without "):
            enabled = subprocess.check_output([sys.executable, "-c", script], env=os.environ | changes)
            assert not set(enabled.decode().split()) & set(name.split()[2:])


def test_moved_random_numbers_are_nearly_the_same(configurations):
    script = """
import numpy as np
rng = np.random.default_rng(np.random.default_rng(3))
print(*rng.standard_normal(4), rng.normal(5, 2), *rng.uniform(-1, 1, 2), rng.random())
print(*rng.integers(1000, size=5), *rng.permutation(6))
"""
    (changes,) = (c for name, c in configurations.items() if "moved" in name)
    runs = [
        subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
        for env in (os.environ, os.environ | changes)
    ]
    (drawn, whole), (moved, same) = (ran.stdout.splitlines() for ran in runs)
    drawn, moved = (np.array(numbers.split(), dtype=float) for numbers in (drawn, moved))
    assert (moved != drawn).all()
    assert moved == pytest.approx(drawn, rel=1e-11, abs=0)
    assert same == whole


def test_the_table_counts_what_failed_and_so_does_the_exit_status(tmp_path, monkeypatch, capsys):
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_notebooks.py").write_text("def test_every_cell_says_what_is_saved(): pass\n")
    lesson = tests / "test_lesson_01.py"
    lesson.write_text("import os\ndef test_it(): assert os.environ['SIGN'] == '+'\n")
    monkeypatch.setattr(portable, "TESTS", tests)
    monkeypatch.setattr(portable, "SAID", f"{tests}/test_notebooks.py::test_every_cell_says_what_is_saved")
    monkeypatch.setattr(portable, "configurations", lambda: {"plus": {"SIGN": "+"}, "minus": {"SIGN": "-"}})
    monkeypatch.setattr("sys.argv", ["portable"])
    assert portable.main() == 1
    printed = capsys.readouterr().out
    assert re.search(r"^plus +\S+ +2 +0 +\d+$", printed, re.MULTILINE)
    assert re.search(r"^minus +\S+ +1 +1 +\d+$", printed, re.MULTILINE)
    assert "assert '-' == '+'" in printed
    lesson.write_text("no Python")
    monkeypatch.setattr("sys.argv", ["portable", "plus"])
    assert portable.main() == 1
    monkeypatch.setattr("sys.argv", ["portable", "nothing of this name"])
    assert portable.main() == 1


def test_the_weekly_workflow_runs_what_make_portable_runs():
    command = "python -m tools.portable"
    assert f"\t$(BIN)/{command} $(ARGS)\n" in (ROOT / "Makefile").read_text()
    workflow = yaml.safe_load((ROOT / ".github/workflows/portable.yml").read_text())
    assert workflow[True]["schedule"]  # YAML reads "on" as a truth value
    steps = workflow["jobs"]["lessons"]["steps"]
    assert command in [step.get("run") for step in steps]
