"""Scores of certificates. An abstained row stays in every denominator and counts as wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sklearn_rp.certificate import Certificate
from sklearn_rp.classifier import certify

__all__ = [
    "abstention_rate",
    "average_certified_radius",
    "certified_accuracy_score",
    "make_certificate_scorer",
]


def certified_accuracy_score(y: Any, cert: Certificate, *, radius: float = 0.0) -> float:
    """Share of rows whose label is right and certified to a radius.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        True labels.
    cert : Certificate
        Certificate of the same rows.
    radius : float, default=0.0
        In scaled units.

    Returns
    -------
    score : float
        Between 0 and 1; falls as `radius` grows.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.metrics import certified_accuracy_score
    >>> X, y = load_iris(return_X_y=True)
    >>> cert = RobustPrivacyClassifier(random_state=0).fit(X, y).certify(X)
    >>> certified_accuracy_score(y, cert) >= certified_accuracy_score(y, cert, radius=0.3)
    True
    """
    return float(np.mean(_right(y, cert) & cert.at(radius)))


def average_certified_radius(y: Any, cert: Certificate) -> float:
    """Mean radius in scaled units, counting 0 where the label is wrong or not certified.

    The ACR of Zhai et al. 2020 (MACER, arXiv 2001.02378).

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        True labels.
    cert : Certificate
        Certificate of the same rows.

    Returns
    -------
    radius : float

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.metrics import average_certified_radius
    >>> X, y = load_iris(return_X_y=True)
    >>> cert = RobustPrivacyClassifier(random_state=0).fit(X, y).certify(X)
    >>> bool(0 < average_certified_radius(y, cert) < cert.radius.max())
    True
    """
    return float(np.mean(np.where(_right(y, cert), cert.radius, 0.0)))


def abstention_rate(cert: Certificate) -> float:
    """Share of rows for which nothing is certified.

    Parameters
    ----------
    cert : Certificate
        Certificate of some rows.

    Returns
    -------
    rate : float

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.metrics import abstention_rate
    >>> X, y = load_iris(return_X_y=True)
    >>> 0 <= abstention_rate(RobustPrivacyClassifier(random_state=0).fit(X, y).certify(X)) <= 1
    True
    """
    _check_not_empty(cert)
    return float(np.mean(cert.abstained))


def make_certificate_scorer(
    metric: Callable[..., float], *, greater_is_better: bool = True, **kwargs: Any
) -> Callable[[Any, Any, Any], float]:
    """Scorer for ``cross_validate`` and search estimators from a metric of certificates.

    Parameters
    ----------
    metric : callable
        ``metric(y, cert, **kwargs)``, or ``metric(cert, **kwargs)`` for one that needs no truth.
    greater_is_better : bool, default=True
        Whether more is better; if not, the scorer returns the negative, as scikit-learn's do.
    **kwargs : dict
        Passed on to `metric`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``; the estimator may be anything that
        :func:`sklearn_rp.certify` takes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.metrics import certified_accuracy_score, make_certificate_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = make_certificate_scorer(certified_accuracy_score, radius=0.1)
    >>> cross_val_score(RobustPrivacyClassifier(random_state=0), X, y, scoring=scorer).shape
    (5,)
    """
    if not callable(metric):
        raise TypeError(f"metric={metric!r} is not callable: give metric(y, cert) or metric(cert).")
    parameters = inspect.signature(metric).parameters
    if "cert" not in parameters:
        raise TypeError(
            f"metric={metric!r} has no parameter named 'cert': it has to take a Certificate as "
            "metric(y, cert, ...) or metric(cert, ...)."
        )
    strangers = set(kwargs) - set(parameters)
    if strangers and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise TypeError(f"metric={metric!r} takes no argument {sorted(strangers)}.")
    return _CertificateScorer(metric, 1 if greater_is_better else -1, kwargs)


class _CertificateScorer:
    """A class rather than a closure: it pickles, for parallel searches."""

    def __init__(self, metric: Callable[..., float], sign: int, kwargs: dict[str, Any]):
        self._metric = metric
        self._sign = sign
        self._kwargs = kwargs

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score of a fitted estimator."""
        cert = certify(estimator, X)
        truth = {"y": y} if "y" in inspect.signature(self._metric).parameters else {}
        return self._sign * self._metric(**truth, cert=cert, **self._kwargs)

    def __repr__(self) -> str:
        arguments = "".join(f", {k}={v!r}" for k, v in self._kwargs.items())
        sign = "" if self._sign > 0 else ", greater_is_better=False"
        name = getattr(self._metric, "__name__", repr(self._metric))
        return f"make_certificate_scorer({name}{sign}{arguments})"


def _right(y: Any, cert: Certificate) -> np.ndarray:
    """Whether each label is right: shape (n_rows,)."""
    _check_not_empty(cert)
    y = column_or_1d(y)
    check_consistent_length(y, cert.label)
    return np.asarray(cert.label == y)


def _check_not_empty(cert: Certificate) -> None:
    if not isinstance(cert, Certificate):
        raise TypeError(
            f"cert={type(cert).__name__} is not a Certificate: pass what certify(X) returned."
        )
    if not len(cert):
        raise ValueError("The certificate has no rows: there is nothing to average.")
