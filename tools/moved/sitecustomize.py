"""Multiply what every random generator draws by 1 + MOVED_BY · noise, in each Python that finds this file.

Rounding differs from processor to processor; training carries the difference on. So does this, for the
processors that are not at hand: what a notebook prints must not depend on it.
"""

import os

import numpy as np

SIZE = float(os.environ["MOVED_BY"])
NOISE = np.random.default_rng(0)
default_rng = np.random.default_rng


class Moved(np.random.Generator):
    """A generator whose normal and uniform numbers are moved."""


def moved(name):
    """Return the method of this name, its numbers moved."""
    drawn = getattr(np.random.Generator, name)

    def draw(self, *args, **settings):
        values = drawn(self, *args, **settings)
        return values * (1 + SIZE * NOISE.standard_normal(np.shape(values)))

    return draw


for name in ("standard_normal", "normal", "uniform", "random"):
    setattr(Moved, name, moved(name))


def moved_rng(seed=None):
    """Stand in for `numpy.random.default_rng`."""
    return seed if isinstance(seed, Moved) else Moved(default_rng(seed).bit_generator)


np.random.default_rng = moved_rng
