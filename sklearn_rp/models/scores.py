"""A classifier's probability of one class, as the number of a regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from sklearn_rp.models.inside import Adapter, cloned
from sklearn_rp.models.labels import classes_of, encode, fit_in_labels, in_labels, normalised


class ClassScore(Adapter, RegressorMixin, BaseEstimator):
    """Answers with the probability that a classifier gives one class.

    Parameters
    ----------
    estimator : classifier
        The classifier, with ``predict_proba``.
    pos_label : label
        The class.
    """

    def __init__(self, estimator: Any, pos_label: Any):
        self.estimator = estimator
        self.pos_label = pos_label

    def fit(self, X: Any, y: Any, **params: Any) -> ClassScore:
        """Fit the classifier to labels."""
        self.estimator_ = fit_in_labels(cloned(self.estimator), X, y, params)
        asked = np.asarray([self.pos_label], dtype=object)
        self.place_ = int(encode(asked, classes_of(self.estimator_, y), what="pos_label")[0])
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Probability of the class, in the precision of the classifier."""
        proba = np.asarray(in_labels(self.estimator_).predict_proba(X))
        return normalised(proba, None)[:, self.place_].astype(proba.dtype)
