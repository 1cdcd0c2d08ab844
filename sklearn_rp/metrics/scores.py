"""Scores of certificates and of compatible sets.

An abstained row stays in every denominator and counts as wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import mean_absolute_error
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.certificate import Certificate
from sklearn_rp.ranking import precisions
from sklearn_rp.validation import check_weights


def certified_accuracy_score(
    y: Any,
    cert: Certificate,
    *,
    radius: float = 0.0,
    feature: str | int | None = None,
    sample_weight: Any = None,
) -> float:
    """Share of rows whose label is right and certified to a radius.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        True labels.
    cert : Certificate
        Certificate of the same rows, of labels; for numbers see `certified_error`.
    radius : float, default=0.0
        In scaled units, or in the unit of `feature`.
    feature : str or int, default=None
        Name of a noised feature, or its position: `radius` is then how far it can move by itself,
        in its own unit (kg/m2, years).
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

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
    _check_kind(cert)
    certified = cert.at(radius, feature=feature)  # asked first: see make_certificate_scorer
    return _mean(is_right(y, cert) & certified, sample_weight, cert, y)


def certified_error(
    y: Any,
    cert: Certificate,
    *,
    radius: float = 0.0,
    feature: str | int | None = None,
    metric: Callable[..., float] = mean_absolute_error,
    fallback: float | None = None,
    sample_weight: Any = None,
) -> float:
    """Error of numbers of which only those certified to a radius are released.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        True numbers.
    cert : Certificate
        Certificate of the same rows, of a :class:`~sklearn_rp.RobustPrivacyRegressor`.
    radius : float, default=0.0
        In scaled units, or in the unit of `feature`.
    feature : str or int, default=None
        Name of a noised feature, or its position, in whose unit `radius` is given.
    metric : callable, default=sklearn.metrics.mean_absolute_error
        ``metric(y_true, y_pred)``, with ``sample_weight`` where that is given: scikit-learn's
        :func:`~sklearn.metrics.r2_score` or, with its ``alpha`` by :func:`functools.partial`,
        :func:`~sklearn.metrics.mean_pinball_loss`.
    fallback : float, default=None
        The one number that all others get; None: the median of `y`, which knows nothing of a row.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

    Returns
    -------
    error : float
        With the default metric in the unit of `y`: it rises to that of `fallback` alone as `radius`
        grows. What `metric` gives is what is returned: of ``r2_score``, a score, more is better.

    Notes
    -----
    A search minimises it by ``make_certificate_scorer(certified_error, greater_is_better=False)``.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_rp import RobustPrivacyRegressor
    >>> from sklearn_rp.metrics import certified_error
    >>> X, y = load_diabetes(return_X_y=True)
    >>> cert = RobustPrivacyRegressor(step=40, noise_features=[2]).fit(X, y).certify(X)
    >>> certified_error(y, cert) < certified_error(y, cert, radius=0.5)
    True
    """
    _check_kind(cert)
    if fallback is not None and not isinstance(fallback, Real):
        raise ValueError(f"fallback={fallback!r} is not allowed: give a number.")
    certified = cert.at(radius, feature=feature)  # asked first: see make_certificate_scorer
    y = _target(y, cert)
    if cert.voting != "median":
        raise ValueError("The certificate is of labels: use certified_accuracy_score.")
    if y.dtype.kind not in "iufb":
        raise ValueError(
            f"y holds {y.dtype.name} values, and the certificate is of numbers: give numbers; of a "
            "class's probability, y == pos_label."
        )
    other = float(np.median(y)) if fallback is None else float(fallback)
    number = np.where(certified, cert.label, other)
    if sample_weight is None:
        return float(metric(y, number))
    return float(metric(y, number, sample_weight=check_weights(sample_weight, len(y), cert, y)))


def average_certified_radius(y: Any, cert: Certificate, *, sample_weight: Any = None) -> float:
    """Mean radius in scaled units, counting 0 where the label is wrong or not certified.

    The ACR of Zhai et al. 2020 (MACER, arXiv 2001.02378). Numbers are not right or wrong: of a
    regressor, every certified row counts.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        True labels, or numbers.
    cert : Certificate
        Certificate of the same rows.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

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
    _check_kind(cert)
    counts = len(_target(y, cert)) > 0 if cert.voting == "median" else is_right(y, cert)
    return _mean(np.where(counts, cert.radius, 0.0), sample_weight, cert, y)


def abstention_rate(cert: Certificate, *, sample_weight: Any = None) -> float:
    """Share of rows for which nothing is certified.

    Parameters
    ----------
    cert : Certificate
        Certificate of some rows.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

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
    return _mean(cert.abstained, sample_weight, cert)


def interval_length_score(
    sets: CompatibleSets, *, quantile: float | None = None, sample_weight: Any = None
) -> float:
    """Length of the component that holds each person's value, in the attribute's unit.

    Parameters
    ----------
    sets : CompatibleSets
        What a release leaves open.
    quantile : float, default=None
        In [0, 1]: that quantile over people (0.05: the worst-off); None: the mean.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row in the mean.

    Returns
    -------
    length : float
        More is more private.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_rp.attribute import compatible_sets
    >>> from sklearn_rp.datasets import make_recommendation
    >>> from sklearn_rp.metrics import interval_length_score
    >>> task = make_recommendation(200, random_state=0)
    >>> tree = DecisionTreeClassifier(random_state=0).fit(task.data, task.target)
    >>> sets = compatible_sets(tree, task.data, sensitive_feature=0)
    >>> interval_length_score(sets) > interval_length_score(sets, quantile=0.05)
    True
    """
    _check_sets(sets)
    if quantile is None:
        return _mean(sets.component_length, sample_weight, sets)
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile={quantile!r} is not allowed: it must be in [0, 1], or None.")
    if sample_weight is not None:
        raise ValueError("sample_weight is for the mean: leave it out, or set quantile=None.")
    return float(np.quantile(sets.component_length, quantile))


def bayes_vulnerability(
    sets: CompatibleSets, *, prior: Any, tolerance: float = 0.0, sample_weight: Any = None
) -> float:
    """Mean chance that an adversary's best guess of the attribute is right, given the release.

    Parameters
    ----------
    sets : CompatibleSets
        What a release leaves open.
    prior : Prior, array-like or mapping
        What the adversary knows before; see :meth:`~sklearn_rp.attribute.Prior.make`.
    tolerance : float, default=0.0
        A guess is right within this distance, in the attribute's unit.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

    Returns
    -------
    vulnerability : float
        Less is more private.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_rp.attribute import compatible_sets
    >>> from sklearn_rp.datasets import make_recommendation
    >>> from sklearn_rp.metrics import bayes_vulnerability
    >>> task = make_recommendation(200, random_state=0)
    >>> tree = DecisionTreeClassifier(random_state=0).fit(task.data, task.target)
    >>> sets = compatible_sets(tree, task.data, sensitive_feature=0)
    >>> 0 < bayes_vulnerability(sets, prior=task.data[:, 0], tolerance=0.2) < 1
    True
    """
    _check_sets(sets)
    return _mean(sets.bayes_vulnerability(prior, tolerance=tolerance)[1], sample_weight, sets)


def attribute_advantage(
    sets: CompatibleSets, *, prior: Any, tolerance: float = 0.0, sample_weight: Any = None
) -> float:
    """Mean gain of the best guess by seeing the release: vulnerability after minus before.

    Parameters
    ----------
    sets : CompatibleSets
        What a release leaves open.
    prior : Prior, array-like or mapping
        What the adversary knows before; see :meth:`~sklearn_rp.attribute.Prior.make`.
    tolerance : float, default=0.0
        A guess is right within this distance, in the attribute's unit.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

    Returns
    -------
    advantage : float
        Between -1 and 1; less is more private. On average over the prior it is not negative, for
        one row or a sample of rows it may be.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_rp.attribute import compatible_sets
    >>> from sklearn_rp.datasets import make_recommendation
    >>> from sklearn_rp.metrics import attribute_advantage
    >>> task = make_recommendation(200, random_state=0)
    >>> tree = DecisionTreeClassifier(random_state=0).fit(task.data, task.target)
    >>> sets = compatible_sets(tree, task.data, sensitive_feature=0)
    >>> attribute_advantage(sets, prior=task.data[:, 0], tolerance=0.2) > 0
    True
    """
    _check_sets(sets)
    before, after = sets.bayes_vulnerability(prior, tolerance=tolerance)
    return _mean(after - before, sample_weight, sets)


def certified_precision_score(
    y: Any,
    cert: Certificate,
    *,
    radius: float = 0.0,
    feature: str | int | None = None,
    items: Any = None,
    sample_weight: Any = None,
) -> float:
    """Precision at k of lists that are certified to a radius; of all others it is 0.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_items)
        Relevant items, as of `precision_at_k_score`.
    cert : Certificate
        Certificate of the same rows, of lists.
    radius : float, default=0.0
        In scaled units, or in the unit of `feature`.
    feature : str or int, default=None
        Name of a noised feature, or its position, as of `certified_accuracy_score`.
    items : array-like of shape (n_items,), default=None
        What the columns of an array stand for; None: their positions.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

    Returns
    -------
    score : float
        Between 0 and 1; falls as `radius` grows.

    Raises
    ------
    ValueError
        If the certificate is not of lists.

    Examples
    --------
    >>> from sklearn_rp import RobustPrivacyRecommender
    >>> from sklearn_rp.datasets import make_item_recommendation
    >>> from sklearn_rp.metrics import certified_precision_score
    >>> task = make_item_recommendation(200, random_state=0)
    >>> X, y = task.data[["age", "activity"]], task.target
    >>> recommender = RobustPrivacyRecommender(n_recommended=3, noise_features=["age"]).fit(X, y)
    >>> cert = recommender.certify(X)
    >>> certified_precision_score(y, cert) >= certified_precision_score(y, cert, radius=0.1)
    True
    """
    _check_not_empty(cert)
    if cert.label.ndim != 2:
        raise ValueError(
            "The certificate is not of lists: use certified_accuracy_score for labels, and "
            "certified_error for numbers."
        )
    precision = precisions(y, cert.label, items)
    return _mean(np.where(cert.at(radius, feature=feature), precision, 0.0), sample_weight, cert)


def _mean(values: np.ndarray, sample_weight: Any, *rows: Any) -> float:
    """Mean over rows, weighted where weights are given."""
    if sample_weight is None:
        return float(np.mean(values))
    weight = check_weights(sample_weight, len(values), *rows)
    return float(np.average(values, weights=weight))


def is_right(y: Any, cert: Certificate) -> np.ndarray:
    """Whether each label is right: shape (n_rows,)."""
    y = _target(y, cert)
    if cert.voting == "median":
        raise ValueError(
            "The certificate is of numbers, which are not right or wrong: use "
            "certified_error, whose metric says how far off they are."
        )
    return np.asarray(cert.label == y)


def _target(y: Any, cert: Certificate) -> np.ndarray:
    """True labels or numbers of the certified rows."""
    _check_not_empty(cert)
    if cert.label.ndim > 1:
        raise ValueError("The certificate is of lists: use certified_precision_score.")
    y = column_or_1d(y)
    check_consistent_length(y, cert.label)
    return y


def _check_kind(cert: Certificate) -> None:
    if not isinstance(cert, Certificate):
        raise TypeError(
            f"cert={type(cert).__name__} is not a Certificate: pass what certify(X) returned."
        )


def _check_not_empty(cert: Certificate) -> None:
    _check_kind(cert)
    if not len(cert):
        raise ValueError("The certificate has no rows: there is nothing to average.")


def _check_sets(sets: CompatibleSets) -> None:
    if not isinstance(sets, CompatibleSets):
        raise TypeError(
            f"sets={type(sets).__name__} is not CompatibleSets: pass what compatible_sets returned."
        )
    if not len(sets):
        raise ValueError("The sets have no rows: there is nothing to average.")
