"""Scorers for searches and cross-validation, from metrics of certificates and compatible sets."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.metadata_routing import MetadataRequest

from sklearn_rp._compat import routing_enabled
from sklearn_rp.attribute.finding import compatible_sets
from sklearn_rp.certificate import Certificate
from sklearn_rp.certifying import certify
from sklearn_rp.wrapper import truth_of


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
    ``cert.at(radius)``, and which asks for nothing but `label`, `voting` and the same again (as
    `certified_accuracy_score` and `certified_error` do), stops the Monte Carlo votes of each
    row as soon as the answer is certain, as ``certify(radius=radius)`` does. Any other field,
    another radius, or a label that is asked for before, needs all votes.

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


def make_compatible_sets_scorer(
    metric: Callable[..., float],
    *,
    sensitive_feature: str | int,
    bounds: Any = None,
    domain: Any = "auto",
    resolution: int = 256,
    answer_tolerance: float = 0.0,
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
    domain : "auto", "continuous", "integer", or sequence of numbers, default="auto"
        Which numbers within the bounds are possible, as of
        :func:`~sklearn_rp.attribute.compatible_sets`.
    resolution : int, default=256
        Cells of the first look.
    answer_tolerance : float, default=0.0
        Of a regressor, in the unit of its target: the `tolerance` of
        :func:`~sklearn_rp.attribute.compatible_sets`. A `tolerance` is passed on to `metric`, as
        `bayes_vulnerability` has one, in the unit of the attribute.
    greater_is_better : bool, default=True
        Whether more is better; if not, the scorer returns the negative.
    **kwargs : dict
        Passed on to `metric`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, **metadata)`` for any classifier, regressor or recommender. With
        metadata routing enabled, ``scorer.set_score_request(sample_weight=True)`` asks for the
        weights.

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
        "domain": domain,
        "resolution": resolution,
        "answer_tolerance": answer_tolerance,
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
        asks = "y" in inspect.signature(self._metric).parameters
        truth = {"y": truth_of(estimator, y)} if asks else {}
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

    @property
    def voting(self) -> str:
        return (self._cert or self._whole()).voting

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
        asked = dict(self._options)
        tolerance = asked.pop("answer_tolerance")
        sets = compatible_sets(estimator, X, tolerance=tolerance, **asked)
        return self._sign * self._metric(sets=sets, **(self._kwargs | metadata))
