"""Defences to compare with: random answers, one noisy look, random silence."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import Interval, fit_context, with_callbacks
from sklearn_rp.classifier import ReleaseRule, check_fallback, released
from sklearn_rp.law import seed_of
from sklearn_rp.models.labels import encode, in_labels, labels_of
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, names_of, replace_columns
from sklearn_rp.validation import check_rows, unchanged_on_error
from sklearn_rp.wrapper import ClassifierWrapper, check_noise, weighted

__all__ = ["NoisyInputClassifier", "RandomAbstentionClassifier", "RandomizedResponseClassifier"]


def __dir__() -> list[str]:
    return __all__


_TRIED_DRAWS = 1000  # of the noise, in `fit`


class _RandomRelease(ClassifierMixin, ClassifierWrapper):
    """A fitted classifier whose labels are released at random, anew in every call."""

    estimator: Any
    random_state: Any
    fallback: Any = None

    _parameter_constraints: dict = ClassifierWrapper._parameter_constraints | {
        "random_state": ["random_state"]
    }

    @weighted
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **fit_params):
        """Fit the classifier whose labels are released.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, for the ``fit`` of the classifier; None: all alike.
        **fit_params : dict
            Passed to the ``fit`` of the classifier; with metadata routing enabled, as requested.

        Returns
        -------
        self : classifier

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not allowed. A failed call leaves the object as it was.
        """
        with unchanged_on_error(self):
            X = check_rows(self, X, reset=True)
            params = self._passed_on(X, y, sample_weight, fit_params)
            y = self._check_labels(X, y)
            base = self._fit_base(clone(self._base()), X, y, params)
            classes = np.asarray(getattr(in_labels(base), "classes_", np.unique(y)))
            self._check_classes(classes)
            check_fallback(self.fallback, classes)
            calls = None  # without a seed every call asks the operating system
            if self.random_state is not None:
                calls = np.random.SeedSequence(seed_of(self.random_state))
            self._prepare(X, base, classes, params.get("sample_weight"))
            self.estimator_ = base
            self.classes_ = classes
            self._calls = calls
            self._release = ReleaseRule(0.0, 0.0, 0.0, self.fallback, True, 1)
        return self

    def predict(self, X):
        """Label to release for each row; drawn anew in every call.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        label : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        seed = np.random.SeedSequence() if self._calls is None else self._calls.spawn(1)[0]
        return self._draw(X, np.random.default_rng(seed))

    def _prepare(self, X: Rows, base: Any, classes: np.ndarray, weight: np.ndarray | None) -> None:
        """What a subclass learns in `fit`."""

    def _draw(self, X: Rows, rng: np.random.Generator) -> np.ndarray:
        raise NotImplementedError

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.classifier_tags.poor_score = True  # answers are made worse on purpose
        return tags


class RandomizedResponseClassifier(_RandomRelease):
    """Keep each label with a probability, else release one of the others (Warner 1965).

    Locally differentially private for the label: ``epsilon_ = log(p (K - 1) / (1 - p))`` for K
    classes, whatever the row. An adversary who may ask again about the same row adds up epsilons.

    Parameters
    ----------
    estimator : classifier, default=None
        The classifier; ``LogisticRegression()`` if None.
    p : float, default=0.9
        Probability that the label is kept.
    random_state : int, RandomState instance or None, default=None
        Seed of the answers. With a seed, a fitted object draws the same calls in the same order.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    epsilon_ : float
        Of one release; infinite for ``p=1``.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp.baselines import RandomizedResponseClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = RandomizedResponseClassifier(p=0.8, random_state=0).fit(X, y)
    >>> round(clf.epsilon_, 3)
    2.079
    """

    _parameter_constraints: dict = _RandomRelease._parameter_constraints | {
        "p": [Interval(Real, 0, 1, closed="right")]
    }

    def __init__(self, estimator=None, p=0.9, *, random_state=None):
        self.estimator = estimator
        self.p = p
        self.random_state = random_state

    def _prepare(self, X: Rows, base: Any, classes: np.ndarray, weight: np.ndarray | None) -> None:
        n = len(classes)
        if self.p < 1 / n:
            raise ValueError(
                f"p={self.p:g} is not allowed with {n} classes: from {1 / n:g}, where the answer "
                "is independent of the label, to 1."
            )
        self.epsilon_ = np.inf if self.p == 1 else float(np.log(self.p * (n - 1) / (1 - self.p)))

    def _draw(self, X: Rows, rng: np.random.Generator) -> np.ndarray:
        label = labels_of(self.estimator_, X)
        n = len(self.classes_)
        number = encode(label, self.classes_)
        other = (number + rng.integers(1, n, size=len(label))) % n
        kept = rng.uniform(size=len(label)) < self.p
        return self.classes_[np.where(kept, number, other)]


class NoisyInputClassifier(_RandomRelease):
    """Answer for one noisy copy of each row: a Gaussian mechanism, and a single vote.

    For two rows at distance ``t`` in scaled units the release is ``t / sigma``-GDP (Dong, Roth, Su
    2019, arXiv 1905.02383), whatever the model; Q queries about the same row are
    ``sqrt(Q) t / sigma``-GDP.

    Parameters
    ----------
    estimator : classifier, default=None
        The classifier; ``LogisticRegression()`` if None.
    sigma : float, default=0.25
        Noise level, in units of `noise_scale`.
    noise_features : None, str, int, sequence, mask or callable, default=None
        As in :class:`~sklearn_rp.RobustPrivacyClassifier`.
    noise_scale : "std", None, array-like or mapping, default="std"
        As in :class:`~sklearn_rp.RobustPrivacyClassifier`.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. With a seed, a fitted object draws the same calls in the same order.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp.baselines import NoisyInputClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> NoisyInputClassifier(sigma=0.1, random_state=0).fit(X, y).score(X, y) > 0.8
    True
    """

    _parameter_constraints: dict = _RandomRelease._parameter_constraints | {
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "noise_features": "no_validation",
        "noise_scale": "no_validation",
    }

    def __init__(
        self,
        estimator=None,
        sigma=0.25,
        *,
        noise_features=None,
        noise_scale="std",
        random_state=None,
    ):
        self.estimator = estimator
        self.sigma = sigma
        self.noise_features = noise_features
        self.noise_scale = noise_scale
        self.random_state = random_state

    def _prepare(self, X: Rows, base: Any, classes: np.ndarray, weight: np.ndarray | None) -> None:
        self._noise = Noise.from_data(
            X, self.noise_features, self.noise_scale, names_of(X), weight=weight
        )
        if self._noise.categories is not None:
            raise TypeError(
                f"noise_features names {str(self._noise.names[0])!r}, which is not numeric: "
                "Gaussian noise can be added to numbers alone."
            )
        draws = self._noise.law.fresh(np.random.default_rng(0), _TRIED_DRAWS)
        check_noise(base, base.predict, X, self._noise, self.sigma, draws)
        self._sigma = self.sigma

    def _draw(self, X: Rows, rng: np.random.Generator) -> np.ndarray:
        values = self._noise.check_rows(X, self._sigma)
        noise = self._noise.law.fresh(rng, len(values)) * self._sigma * self._noise.scale
        noisy = values + noise.astype(values.dtype, copy=False)
        return labels_of(self.estimator_, replace_columns(X, self._noise.columns, noisy, 1))


class RandomAbstentionClassifier(_RandomRelease):
    """Give no answer to some rows, by chance alone: the floor for any defence that abstains.

    Parameters
    ----------
    estimator : classifier, default=None
        The classifier; ``LogisticRegression()`` if None.
    rate : float, default=0.1
        Share of rows that get no answer.
    fallback : label, default=None
        What is released for them; it has to be given.
    random_state : int, RandomState instance or None, default=None
        Seed of the silence. With a seed, a fitted object draws the same calls in the same order.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.
    classes_ : ndarray of shape (n_classes,)
        Labels of the classifier.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp.baselines import RandomAbstentionClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = RandomAbstentionClassifier(rate=0.5, fallback=-1, random_state=0).fit(X, y)
    >>> bool(0.3 < (clf.predict(X) == -1).mean() < 0.7)
    True
    """

    _parameter_constraints: dict = _RandomRelease._parameter_constraints | {
        "rate": [Interval(Real, 0, 1, closed="both")],
        "fallback": "no_validation",
    }

    def __init__(self, estimator=None, rate=0.1, *, fallback=None, random_state=None):
        self.estimator = estimator
        self.rate = rate
        self.fallback = fallback
        self.random_state = random_state

    def _prepare(self, X: Rows, base: Any, classes: np.ndarray, weight: np.ndarray | None) -> None:
        if self.fallback is None:
            raise ValueError("fallback=None is not allowed: give the label that means no answer.")
        self._silence = (self.rate, self.fallback)

    def _draw(self, X: Rows, rng: np.random.Generator) -> np.ndarray:
        rate, fallback = self._silence
        label = labels_of(self.estimator_, X)
        return released(label, rng.uniform(size=len(label)) >= rate, fallback)
