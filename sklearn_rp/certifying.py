"""`certify`: certificates through wrappers that hand the answer on unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import BaseSearchCV
from sklearn_rp.models.inside import behind_steps, homes, inside, is_pipeline
from sklearn_rp.models.items import gives_lists
from sklearn_rp.models.labels import gives_numbers
from sklearn_rp.rows import index_of


def certify(
    estimator: Any,
    X: Any,
    sigmas: Sequence[float] | None = None,
    *,
    radius: float | None = None,
    tolerance: float | None = None,
    feature: str | int | None = None,
) -> Any:
    """Certificate of each row, through wrappers that hand the answer on unchanged.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`RobustPrivacyClassifier`, :class:`RobustPrivacyRegressor` or
        :class:`RobustPrivacyRecommender`, or a Pipeline, a search (``GridSearchCV`` and the like)
        or a FrozenEstimator around one, nested in any way. In a Pipeline the noise acts on what the
        steps before the last give, and so do radius and feature names.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Rows.
    sigmas : sequence of float, default=None
        Noise levels, as in `RobustPrivacyClassifier.certify_path`; None: the one of the fit.
    radius, tolerance : float, default=None
        A question that stops the votes early, as in `RobustPrivacyClassifier.certify`.
    feature : str or int, default=None
        In whose unit.

    Returns
    -------
    certificate : Certificate, or list of Certificate where `sigmas` is given

    Raises
    ------
    TypeError
        If the estimator cannot certify, or changes the answer on its way out (a tuned threshold, a
        calibrated ensemble): the certificate would not be about its output.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_rp import RobustPrivacyClassifier, certify
    >>> X, y = load_iris(return_X_y=True)
    >>> pipe = make_pipeline(StandardScaler(), RobustPrivacyClassifier(random_state=0)).fit(X, y)
    >>> len(certify(pipe, X))
    150
    """
    asked = {"radius": radius, "tolerance": tolerance, "feature": feature}
    question: Any = {name: value for name, value in asked.items() if value is not None}
    name = type(estimator).__name__
    if isinstance(estimator, BaseSearchCV) and not hasattr(estimator, "best_estimator_"):
        if hasattr(estimator, "cv_results_"):
            raise TypeError(f"This {name} has refit=False and holds no model to certify.")
        raise NotFittedError(f"This {name} is not fitted yet: call fit before certify.")
    inner = inside(estimator)
    if inner is not None:
        return certify(inner, X, sigmas, **question)
    if is_pipeline(estimator):
        check_is_fitted(estimator)
        rows = behind_steps(estimator, X)
        found = certify(estimator[-1], rows, sigmas, **question)
        if index_of(rows) is not None or np.shape(rows)[0] != np.shape(X)[0]:
            return found  # row labels of their own; or rows that cannot be told apart any more
        if sigmas is None:
            return replace(found, index=index_of(X))
        return [replace(each, index=index_of(X)) for each in found]
    kind = type(estimator)
    # Its `certify` is about what its `predict` gives: not inherited past it.
    if hasattr(kind, "certify") and len(homes(kind, "certify", "predict") - {""}) == 1:
        if sigmas is None:
            return estimator.certify(X, **question)
        return estimator.certify_path(X, sigmas, **question)
    home = type(estimator).__module__.split(".")[0]
    inside_of = "Regressor" if gives_numbers(estimator) else "Classifier"
    inside_of = "Recommender" if gives_lists(estimator) else inside_of
    raise TypeError(
        f"certify cannot certify {name} of {home}: the label has to come unchanged from a "
        "RobustPrivacyClassifier (a number from a -Regressor, a list from a -Recommender), through "
        "nothing but Pipeline, search estimators and FrozenEstimator as scikit-learn has them. A "
        "wrapper that moves the threshold, calibrates or combines models gives answers that no "
        f"certificate is about; put it inside, as RobustPrivacy{inside_of}(estimator={name}(...))."
    )
