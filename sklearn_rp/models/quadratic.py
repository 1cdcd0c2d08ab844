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

    def doubt(self, inputs: np.ndarray, margin: np.ndarray, blur: np.ndarray) -> np.ndarray:
        """Bound of the rounding error of scores within a margin of some rows: shape (n_rows,).

        The inputs are known up to a blur; all of shape (n_rows, n_inputs).
        """
        unit = 32 * np.finfo(np.float64).eps * (inputs.shape[1] + 8)
        found = np.full(len(inputs), unit * float(np.abs(self.constants).sum()))
        for mean, precision in zip(self.means, self.precisions, strict=True):
            far = np.abs(inputs - mean) + margin
            found += (_each(far, np.abs(precision)) * (unit * far + 2 * blur)).sum(axis=1)
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
    with np.errstate(divide="ignore"):
        if kind is GaussianNB:
            means, prior = model.theta_, np.log(model.class_prior_)
            precisions = np.stack([np.diag(1 / v) for v in model.var_])
            spread = np.log(2 * np.pi * model.var_).sum(axis=1)
        else:
            means, prior = model.means_, np.log(model.priors_)
            axes = zip(model.rotations_, model.scalings_, strict=True)
            precisions = np.stack([(rotation / scale) @ rotation.T for rotation, scale in axes])
            spread = np.array([np.log(scale).sum() for scale in model.scalings_])
    found = Normals(means, precisions, prior - 0.5 * spread)
    if not all(np.isfinite(part).all() for part in (means, precisions, found.constants)):
        raise NotForMe("a class has no density, or no prior")
    return found
