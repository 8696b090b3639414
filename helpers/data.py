"""The data that lessons share: scikit-learn's bundled digits, split by a seed, and experiments' tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


@dataclass(frozen=True)
class Split:
    """Examples and their classes.

    Attributes
    ----------
    X : array of shape (n, 64)
        One image a row, its 8 × 8 pixels from the top left.
    labels : integers of shape (n,)
        The digit that each image shows.
    """

    X: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Digits:
    """The three parts: learn from ``train``, choose by ``validation``, report on ``test``."""

    train: Split
    validation: Split
    test: Split


@cache
def digits(seed: int = 0) -> Digits:
    """Return 1,797 handwritten digits as 1,077 for training, 360 for validation and 360 for the test.

    The lessons' small runs share the split of seed 0. An experiment draws another split with every seed of
    its runs: what is found on one split alone may be a property of its 360 test images.

    Each pixel's mean over the training images is subtracted, and all are divided by one number, so that the
    features of the training images have the mean 0 and the mean square 1. Nothing of the other two parts
    enters. Each part holds every class in the same proportion. The arrays are read-only.

    Parameters
    ----------
    seed : int
        Which split, from 0 to 2³² − 1.

    Source: Alpaydin & Kaynak 1998, UCI Machine Learning Repository, doi:10.24432/C50P49, the 1,797 images
    of its test file, as bundled with scikit-learn.
    """
    pixels, labels = load_digits(return_X_y=True)
    X_train, X_rest, y_train, y_rest = train_test_split(
        pixels, labels, test_size=720, stratify=labels, random_state=seed
    )
    X_validation, X_test, y_validation, y_test = train_test_split(
        X_rest, y_rest, test_size=360, stratify=y_rest, random_state=seed
    )
    mean = X_train.mean(axis=0)
    scale = np.sqrt(np.mean((X_train - mean) ** 2))

    def split(X: NDArray[np.float64], y: NDArray[np.int64]) -> Split:
        X = (X - mean) / scale
        for array in (X, y):
            array.flags.writeable = False
        return Split(X, y)

    return Digits(split(X_train, y_train), split(X_validation, y_validation), split(X_test, y_test))


def read_table(path: str | Path) -> NDArray[Any]:
    """Read the table of an experiment.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV that `experiments/runs.py` wrote: three lines of comment, the names of the columns, the rows.

    Returns
    -------
    structured array of shape (rows,)
        One field for each column: text, whole numbers or floats.
    """
    rows = np.genfromtxt(path, delimiter=",", skip_header=3, names=True, dtype=None, encoding="utf-8")
    return np.atleast_1d(rows)
