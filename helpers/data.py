"""The data that lessons share: scikit-learn's bundled digits, split by a seed, and experiments' tables."""

from __future__ import annotations

from collections.abc import Iterable
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
        One image a row, its 8 × 8 pixels from the top left. For several splits, (splits, n, 64).
    labels : integers of shape (n,)
        The digit that each image shows; (splits, n) for several splits.
    """

    X: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.labels.shape[-1])


@dataclass(frozen=True)
class Digits:
    """The three parts: learn from ``train``, choose by ``validation``, report on ``test``."""

    train: Split
    validation: Split
    test: Split


def digits(seed: int | Iterable[int] = 0) -> Digits:
    """Return 1,797 handwritten digits as 1,077 for training, 360 for validation and 360 for the test.

    The lessons' small runs share the split of seed 0. An experiment draws another split with every seed of
    its runs: what is found on one split alone may be a property of its 360 test images.

    Each pixel's mean over the training images is subtracted, and all are divided by one number, so that the
    features of the training images have the mean 0 and the mean square 1. Nothing of the other two parts
    enters. Each part holds every class in the same proportion. The arrays are read-only.

    Parameters
    ----------
    seed : int, or several
        Which split, from 0 to 2³² − 1. For several, the arrays have one more axis in front, as
        `helpers.training.train` takes them for networks side by side.

    Notes
    -----
    Source: Alpaydin & Kaynak 1998, UCI Machine Learning Repository, doi:10.24432/C50P49, the 1,797 images
    of its test file, as bundled with scikit-learn.
    """
    if isinstance(seed, int | np.integer):
        return _digits(int(seed))
    splits = [_digits(int(each)) for each in seed]

    def together(parts: Iterable[Split]) -> Split:
        parts = list(parts)
        return _read_only(np.stack([part.X for part in parts]), np.stack([part.labels for part in parts]))

    train = together(split.train for split in splits)
    return Digits(train, together(s.validation for s in splits), together(s.test for s in splits))


@cache
def _digits(seed: int) -> Digits:
    pixels, labels = load_digits(return_X_y=True)
    X_train, X_rest, y_train, y_rest = train_test_split(
        pixels, labels, test_size=720, stratify=labels, random_state=seed
    )
    X_validation, X_test, y_validation, y_test = train_test_split(
        X_rest, y_rest, test_size=360, stratify=y_rest, random_state=seed
    )
    mean = X_train.mean(axis=0)
    scale = np.sqrt(np.mean((X_train - mean) ** 2))
    train, validation, test = (
        _read_only((X - mean) / scale, y)
        for X, y in ((X_train, y_train), (X_validation, y_validation), (X_test, y_test))
    )
    return Digits(train, validation, test)


def _read_only(X: NDArray[np.float64], labels: NDArray[np.int64]) -> Split:
    for array in (X, labels):
        array.flags.writeable = False
    return Split(X, labels)


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
