"""Models whose score is quadratic in their inputs: discriminants of two normal distributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.naive_bayes import GaussianNB

from sklearn_rp.exceptions import NotForMe


@dataclass(frozen=True, eq=False)
class Normals:
    """Two normal distributions, of the classes: the likelier one is the answer.

    Parameters
    ----------
    means : ndarray of shape (2, n_inputs)
        Their means.
    precisions : ndarray of shape (2, n_inputs, n_inputs)
        Their inverse covariances.
    constants : ndarray of shape (2,)
        Logarithms of prior and density at the means.
    """

    means: np.ndarray
    precisions: np.ndarray
    constants: np.ndarray

    def slope(self, inputs: np.ndarray) -> np.ndarray:
        """Gradient of the score: shape (n_rows, n_inputs)."""
        first, second = (
            _each(inputs - mean, p) for mean, p in zip(self.means, self.precisions, strict=True)
        )
        return first - second

    def score(self, inputs: np.ndarray) -> np.ndarray:
        """Logarithm of the odds of the second class: shape (n_rows,)."""
        first, second = (
            constant - 0.5 * (_each(inputs - mean, p) * (inputs - mean)).sum(axis=1)
            for mean, p, constant in zip(self.means, self.precisions, self.constants, strict=True)
        )
        return second - first

    def size(self, reach: np.ndarray) -> np.ndarray:
        """Size of the numbers that scores of inputs up to `reach` are sums of: (n_rows,)."""
        found = np.full(len(reach), float(np.abs(self.constants).sum()))
        for mean, precision in zip(self.means, self.precisions, strict=True):
            far = reach + np.abs(mean)
            found += (_each(far, np.abs(precision)) * far).sum(axis=1)
        return found


def _each(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Each row times a matrix, its bits its own: a matrix product's depend on the others."""
    if not (matrix - np.diag(np.diag(matrix))).any():
        return rows * np.diag(matrix)
    return np.stack([(rows * column).sum(axis=1) for column in matrix.T], axis=1)


def read_normals(model: Any) -> Normals:
    """Read a fitted classifier that compares two normal densities.

    Raises
    ------
    NotForMe
        If it is none.
    """
    kind = type(model)  # a subclass may do anything
    if kind not in (GaussianNB, QuadraticDiscriminantAnalysis):
        raise NotForMe(f"{kind.__name__} is no sum of functions of a few inputs each")
    if len(model.classes_) != 2:
        raise NotForMe("there are more than two classes")
    if kind is GaussianNB:
        precisions = np.stack([np.diag(1 / v) for v in model.var_])
        spread = np.log(2 * np.pi * model.var_).sum(axis=1)
        return Normals(model.theta_, precisions, np.log(model.class_prior_) - 0.5 * spread)
    precisions = np.stack(
        [(r / s) @ r.T for r, s in zip(model.rotations_, model.scalings_, strict=True)]
    )
    spread = np.array([np.log(s).sum() for s in model.scalings_])
    return Normals(model.means_, precisions, np.log(model.priors_) - 0.5 * spread)
