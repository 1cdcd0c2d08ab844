"""What the estimators share: they wrap one classifier."""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from sklearn_rp._compat import CallbackSupportMixin, DocumentedMixin, fitting
from sklearn_rp._version import __version__
from sklearn_rp.bounds import two_largest
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.rows import Rows, rows_with_gaps, sample_rows, take_rows
from sklearn_rp.smoothing import (
    behind_steps,
    fit_in_labels,
    is_net,
    is_pipeline,
    last_step,
    unwrapped,
)
from sklearn_rp.validation import check_target


class ClassifierWrapper(DocumentedMixin, CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator):
    """Base of the estimators that fit a classifier and release its labels in some way."""

    estimator: Any

    def __getstate__(self):
        return super().__getstate__() | {"_sklearn_rp_version": __version__}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_sklearn_rp_version", None)
        super().__setstate__(state)
        if version is not None and version.split(".")[:2] != __version__.split(".")[:2]:
            warnings.warn(
                f"This {type(self).__name__} was fitted with sklearn_rp {version}, and this is "
                f"{__version__}: results may differ or fail; fit it again, or use that version.",
                PrivacyWarning,
                stacklevel=3,
            )

    def _base(self) -> Any:
        """The unfitted classifier: `estimator`, or the default."""
        return LogisticRegression() if self.estimator is None else self.estimator

    def _check_labels(self, X: Rows, y: Any) -> np.ndarray:
        """Labels as an array; refused where there is no classifier, or nothing to tell apart."""
        estimator = self._base()
        kind = get_tags(estimator).estimator_type
        if kind not in (None, "classifier"):
            raise ValueError(
                f"estimator={estimator!r} is a {kind}: a classifier is needed. Robust Privacy "
                "is about labels; for a regressor, put a threshold on the target first."
            )
        y = check_target(self, X, y)
        if not isinstance(estimator, FrozenEstimator):  # which may be asked about rows of one class
            self._check_classes(np.unique(y))
        return y

    def _check_classes(self, classes: np.ndarray) -> None:
        """Refuse labels that there is nothing to tell apart in."""
        if len(classes) < 2:
            raise ValueError(
                f"y holds one class, {classes.tolist()}: a classifier needs at least two classes."
            )

    def _fit_base(self, base: Any, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Fit a clone of the classifier; callbacks are told."""
        with fitting(self, base):
            return fit_in_labels(base, X, y, params)

    def get_metadata_routing(self):
        """Metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
            `fit` passes on to the ``fit`` of the classifier what that requests.
        """
        return MetadataRouter(owner=type(self).__name__).add(
            estimator=self._base(),
            method_mapping=MethodMapping().add(caller="fit", callee="fit"),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._base())
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = False  # not in the features that matter
        tags.input_tags.positive_only = inner.input_tags.positive_only
        tags.non_deterministic = inner.non_deterministic
        if tags.classifier_tags is not None and inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
            tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        return tags


def is_random(estimator: Any, X: Rows) -> bool:
    """Whether a fitted classifier answers at random: by what is known of it, or seen on some rows.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict``.
    X : ndarray or frame of shape (n_rows, n_features)
        Rows as it takes them; some are asked about twice, some of those with gaps among them.

    Returns
    -------
    random : bool
    """
    parts = [last_step(estimator)]
    if hasattr(estimator, "get_params"):
        parts += estimator.get_params(deep=True).values()
    if any(_releases_at_random(part) for part in parts):
        return True
    gaps = rows_with_gaps(X)
    return _wavers(estimator, sample_rows(X)) or bool(
        len(gaps) and _wavers(estimator, sample_rows(take_rows(X, gaps)))
    )


def _releases_at_random(part: Any) -> bool:
    """Whether a part is known to, as it was fitted; by its parameters where it was not."""
    fresh = getattr(getattr(part, "_release", None), "resample", None)
    if fresh is not None:
        return bool(fresh)
    return isinstance(part, ClassifierWrapper) and bool(get_tags(part).non_deterministic)


def _wavers(estimator: Any, rows: Rows) -> bool:
    """Whether the model inside a release gives the same rows different answers."""
    inner = unwrapped(estimator)
    if isinstance(inner, ClassifierWrapper):  # fixed noise, and slower to ask
        return _wavers(inner.estimator_, rows)
    if is_pipeline(inner) and isinstance(last_step(inner), ClassifierWrapper):
        given = [behind_steps(inner, deepcopy(rows)) for _ in range(2)]
        return joblib.hash(given[0]) != joblib.hash(given[1]) or _wavers(inner[-1], given[0])
    first, second = (np.asarray(inner.predict(deepcopy(rows))) for _ in range(2))
    return bool((first != second).any())


def has_threshold(estimator: Any, X: Rows) -> bool:
    """Whether a fitted classifier's labels are not those of its largest probabilities.

    So it is where it has a threshold of its own. A few rows may differ in any case: probabilities
    of support vector machines are fitted apart from their labels.
    """
    if not hasattr(estimator, "classes_"):
        return False
    rows = sample_rows(X, 200)
    proba = np.asarray(estimator.predict_proba(deepcopy(rows)))
    # Nets answer with the position of the class.
    net = is_net(last_step(estimator))
    classes = np.arange(proba.shape[1]) if net else np.asarray(estimator.classes_)
    top = classes[proba.argmax(axis=1)]
    first, second = two_largest(proba)
    clear = first - second > 1e-6
    return bool(np.mean((top != np.asarray(estimator.predict(rows))) & clear) > 0.05)
