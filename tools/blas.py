"""Which BLAS kernels this machine can run, and how to load NumPy with another than its own.

OpenBLAS picks a kernel for the processor when it is loaded; each sums in an order of its own, and so rounds
otherwise. The environment variable ``OPENBLAS_CORETYPE`` names another one. A name that the build does not
hold is passed over silently, and one that the processor cannot run ends the process: so every name is tried
in a process of its own, which tells what it became.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

CHOICE = "OPENBLAS_CORETYPE"
_X86 = ("Sandybridge", "Nehalem", "Prescott", "Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids")
_ARM = ("ARMV8", "CORTEXA53", "CORTEXA57", "THUNDERX2T99", "NEOVERSEN1", "NEOVERSEV1", "NEOVERSEN2", "A64FX")
NAMES = {"x86_64": _X86, "amd64": _X86, "aarch64": _ARM, "arm64": _ARM}
"""The names that OpenBLAS knows, by `platform.machine` in lower case; first what most processors can run."""

ASK = """
import hashlib, numpy, threadpoolctl
A = numpy.random.default_rng(0).standard_normal((2, 200, 200))
libraries = [lib for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]
found = {lib.get("architecture", lib["internal_api"]) for lib in libraries}
print("+".join(sorted(found)) or "unknown", hashlib.sha256((A[0] @ A[1]).tobytes()).hexdigest())
"""
"""Prints the name of the kernel in use, or of what stands in OpenBLAS's place, and how a product rounds."""


class Kernel(NamedTuple):
    """A BLAS kernel: its own name, which need not be the one it was asked for by, and how it rounds."""

    name: str
    rounding: str


def kernel(environment: Mapping[str, str]) -> Kernel | None:
    """Return the kernel that a Python with these environment variables computes with; None if it cannot."""
    asked = subprocess.run(
        [sys.executable, "-c", ASK], env=dict(environment), capture_output=True, text=True, check=False
    )
    return Kernel(*asked.stdout.split()) if asked.returncode == 0 else None


def kernels() -> dict[str, Kernel]:
    """Return every kernel that OpenBLAS offers on this machine, by the name to ask for it.

    Empty where there is nothing to choose: with Apple's Accelerate or Intel's MKL in OpenBLAS's place.
    """
    found: dict[str, Kernel] = {}
    for name in NAMES.get(platform.machine().lower(), ()):
        offered = kernel(os.environ | {CHOICE: name})
        if offered and offered not in found.values():
            found[name] = offered
    return found if len(found) > 1 else {}


@contextmanager
def another_kernel() -> Iterator[str]:
    """Load NumPy and SciPy within, with a kernel that rounds otherwise than the machine's own.

    The environment is left as it was, so that processes started later compute with the machine's own. Nothing
    is chosen where there is no other, nor where the variable is set already. Yields the name, or "".
    """
    own = None if CHOICE in os.environ else kernel(os.environ)
    for name in NAMES.get(platform.machine().lower(), ()) if own else ():
        offered = kernel(os.environ | {CHOICE: name})
        if own and offered and offered.rounding != own.rounding:
            os.environ[CHOICE] = name
            break
    try:
        yield os.environ.get(CHOICE, "")
    finally:
        if own:
            os.environ.pop(CHOICE, None)
