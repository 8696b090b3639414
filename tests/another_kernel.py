"""Imported before all that imports NumPy: the tests compute with another BLAS kernel than the machine's own.

nbval's Jupyter kernels keep the machine's own. So every lesson, which both run, is run with two roundings.
"""

from tools.blas import another_kernel

with another_kernel():
    import numpy  # noqa: F401
    import scipy.linalg  # noqa: F401  (it has an OpenBLAS of its own)
