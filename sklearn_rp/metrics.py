"""Scores of certificates. An abstained row stays in every denominator and counts as wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sklearn_rp._compat import routing_enabled
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.finding import compatible_sets
from sklearn_rp.certificate import Certificate
from sklearn_rp.classifier import certify
from sklearn_rp.validation import check_weights

__all__ = [
    "abstention_rate",
    "attribute_advantage",
    "average_certified_radius",
    "bayes_vulnerability",
    "certified_accuracy_score",
    "interval_length_score",
    "make_certificate_scorer",
    "make_compatible_sets_scorer",
]


def __dir__() -> list[str]:
    return __all__


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
        Certificate of the same rows.
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
    return _mean(_right(y, cert) & certified, sample_weight, cert, y)


def average_certified_radius(y: Any, cert: Certificate, *, sample_weight: Any = None) -> float:
    """Mean radius in scaled units, counting 0 where the label is wrong or not certified.

    The ACR of Zhai et al. 2020 (MACER, arXiv 2001.02378).

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        True labels.
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
    return _mean(np.where(_right(y, cert), cert.radius, 0.0), sample_weight, cert, y)


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
        ``scorer(estimator, X, y, **metadata)``; the estimator may be anything that
        :func:`sklearn_rp.certify` takes. With metadata routing enabled,
        ``scorer.set_score_request(sample_weight=True)`` asks for the weights.

    Notes
    -----
    The metric decides what it costs, whatever calls it is wrapped in. One whose first question is
    ``cert.at(radius)``, and which asks for nothing but `label` and the same again (as
    `certified_accuracy_score` does), stops the Monte Carlo votes of each row as soon as the answer
    is certain, as ``certify(radius=radius)`` does. Any other field, another radius, or a label
    that is asked for before, needs all votes.

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
    _check_metric(metric, "cert", kwargs)
    return _CertificateScorer(metric, 1 if greater_is_better else -1, kwargs)


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


def make_compatible_sets_scorer(
    metric: Callable[..., float],
    *,
    sensitive_feature: str | int,
    bounds: Any = None,
    resolution: int = 256,
    greater_is_better: bool = True,
    **kwargs: Any,
) -> Callable[[Any, Any, Any], float]:
    """Scorer for ``cross_validate`` and search estimators from a metric of compatible sets.

    Parameters
    ----------
    metric : callable
        ``metric(sets, **kwargs)``, such as `interval_length_score`.
    sensitive_feature : str or int
        The attribute.
    bounds : (low, high), or sequence of categories, default=None
        The values that are possible; None: those in the rows scored.
    resolution : int, default=256
        Cells of the first look.
    greater_is_better : bool, default=True
        Whether more is better; if not, the scorer returns the negative.
    **kwargs : dict
        Passed on to `metric`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, **metadata)`` for any classifier. With metadata routing enabled,
        ``scorer.set_score_request(sample_weight=True)`` asks for the weights.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_rp.datasets import make_recommendation
    >>> from sklearn_rp.metrics import interval_length_score, make_compatible_sets_scorer
    >>> task = make_recommendation(200, random_state=0)
    >>> scorer = make_compatible_sets_scorer(interval_length_score, sensitive_feature=0)
    >>> cross_val_score(DecisionTreeClassifier(), task.data, task.target, scoring=scorer).shape
    (5,)
    """
    _check_metric(metric, "sets", kwargs)
    options = {
        "sensitive_feature": sensitive_feature,
        "bounds": bounds,
        "resolution": resolution,
    }
    return _CompatibleSetsScorer(metric, 1 if greater_is_better else -1, kwargs, options)


def _check_metric(metric: Any, needs: str, kwargs: dict[str, Any]) -> None:
    """A metric has to be callable and to take what it is given."""
    if not callable(metric):
        raise TypeError(f"metric={metric!r} is not callable: give a metric that takes {needs!r}.")
    parameters = inspect.signature(metric).parameters
    if needs not in parameters:
        raise TypeError(f"metric={metric!r} has no parameter named {needs!r}.")
    strangers = set(kwargs) - set(parameters)
    if strangers and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise TypeError(f"metric={metric!r} takes no argument {sorted(strangers)}.")


class _Scorer:
    """A class rather than a closure: it pickles, for parallel searches."""

    _maker = ""

    def __init__(
        self,
        metric: Callable[..., float],
        sign: int,
        kwargs: dict[str, Any],
        options: dict[str, Any] | None = None,
    ):
        self._metric = metric
        self._sign = sign
        self._kwargs = kwargs
        self._options = options or {}
        self._request = MetadataRequest(owner=self._maker)

    def set_score_request(self, **requests: Any) -> _Scorer:
        """Ask for metadata, with metadata routing enabled.

        Parameters
        ----------
        **requests : dict
            Name of each piece, as the metric calls it, and True, False, or the name under which
            the user passes it.

        Returns
        -------
        self : scorer
        """
        if not routing_enabled():
            raise RuntimeError(
                "This method is only available when metadata routing is enabled. You can enable it "
                "using sklearn.set_config(enable_metadata_routing=True)."
            )
        for name, alias in requests.items():
            self._request.score.add_request(param=name, alias=alias)
        return self

    def _accept_sample_weight(self) -> bool:
        """Whether the metric takes weights: asked by scikit-learn where nothing is routed."""
        return "sample_weight" in inspect.signature(self._metric).parameters

    def get_metadata_routing(self) -> MetadataRequest:
        """Metadata that the scorer asks for."""
        return self._request

    def __repr__(self) -> str:
        shown = {k: v for k, v in (self._options | self._kwargs).items() if v is not None}
        arguments = "".join(f", {k}={v!r}" for k, v in shown.items())
        sign = "" if self._sign > 0 else ", greater_is_better=False"
        name = getattr(self._metric, "__name__", repr(self._metric))
        return f"{self._maker}({name}{sign}{arguments})"


class _CertificateScorer(_Scorer):
    _maker = "make_certificate_scorer"

    def __call__(self, estimator: Any, X: Any, y: Any = None, **metadata: Any) -> float:
        """Score of a fitted estimator."""
        arguments = self._kwargs | metadata
        cert = _Asked(partial(certify, estimator, X))
        truth = {"y": y} if "y" in inspect.signature(self._metric).parameters else {}
        return self._sign * self._metric(**truth, cert=cert, **arguments)


class _Asked:
    """A certificate that is found when it is asked for, with no more votes than the answer needs.

    Its first `at` is the question that stops the votes, and its labels are then those that the
    answer is about. Whatever else is asked is answered by all votes.
    """

    def __init__(self, find: Callable[..., Certificate]):
        self._find = find
        self._question: dict[str, Any] | None = None
        self._cert: Certificate | None = None  # of the question; of none: with all votes

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # metrics check what they are given
        return Certificate

    def at(self, radius: float, *, feature: str | int | None = None) -> np.ndarray:
        question = {"radius": radius, "feature": feature}
        if self._cert is None:
            self._cert, self._question = self._find(**question), question
        cert = self._cert if question == self._question else self._whole()
        return cert.at(radius, feature=feature)

    @property
    def label(self) -> np.ndarray:
        return (self._cert or self._whole()).label

    def __len__(self) -> int:
        return len(self._cert or self._whole())

    def __getitem__(self, rows: Any) -> Certificate:
        return self._whole()[rows]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole(), name)

    def _whole(self) -> Certificate:
        """The certificate with all votes."""
        if self._cert is None or self._question is not None:
            self._cert, self._question = self._find(), None
        return self._cert


class _CompatibleSetsScorer(_Scorer):
    _maker = "make_compatible_sets_scorer"

    def __call__(self, estimator: Any, X: Any, y: Any = None, **metadata: Any) -> float:
        """Score of a fitted estimator."""
        sets = compatible_sets(estimator, X, **self._options)
        return self._sign * self._metric(sets=sets, **(self._kwargs | metadata))


def _mean(values: np.ndarray, sample_weight: Any, *rows: Any) -> float:
    """Mean over rows, weighted where weights are given."""
    if sample_weight is None:
        return float(np.mean(values))
    weight = check_weights(sample_weight, len(values), *rows)
    return float(np.average(values, weights=weight))


def _right(y: Any, cert: Certificate) -> np.ndarray:
    """Whether each label is right: shape (n_rows,)."""
    _check_not_empty(cert)
    y = column_or_1d(y)
    check_consistent_length(y, cert.label)
    return np.asarray(cert.label == y)


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
