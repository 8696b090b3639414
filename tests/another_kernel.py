"""Imported before all that imports NumPy: the tests compute with another BLAS kernel than the machine's own.

nbval's Jupyter kernels keep the machine's own. So every lesson, which both run, is run with two roundings.
"""

import os

from tools.blas import CHOICE, another_kernel

GIVEN = CHOICE in os.environ
"""Whether one kernel was chosen for all, from outside."""

with another_kernel() as CHOSEN:
    import numpy  # noqa: F401
    import scipy.linalg  # noqa: F401  (it has an OpenBLAS of its own)
