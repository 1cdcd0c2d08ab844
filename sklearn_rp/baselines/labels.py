"""Labels: random answers, one noisy look, random silence."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from sklearn_rp._compat import Interval
from sklearn_rp.answers import labels, or_fallback
from sklearn_rp.baselines.plain import AtRandom, RandomRelease
from sklearn_rp.models.inside import cloned
from sklearn_rp.models.labels import classes_of, encode, labels_of
from sklearn_rp.noise import CategoryNoise, Noise
from sklearn_rp.rows import Rows, names_of
from sklearn_rp.trial import check_noise
from sklearn_rp.wrapper import ClassifierWrapper

_TRIED_DRAWS = 1000  # of the noise, in `fit`


class _RandomEstimator(AtRandom, ClassifierWrapper):
    """A fitted classifier whose labels are released at random, anew in every call."""

    estimator: Any
    fallback: Any = None

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        base = self._fit_base(cloned(self._base()), X, y, params)
        classes = classes_of(base, y)
        self._check_classes(classes)
        answer = labels(classes, self.fallback)
        rule = self._rule(X, base, classes, params.get("sample_weight"))
        self.estimator_ = base
        self.classes_ = classes
        self.release_ = RandomRelease(base, answer, rule, self.calls())

    def _rule(self, X: Rows, base: Any, classes: np.ndarray, weight: np.ndarray | None) -> Any:
        """How labels are drawn, of a fitted classifier with these labels."""
        raise NotImplementedError


class RandomizedResponseClassifier(_RandomEstimator):
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

    _parameter_constraints: dict = _RandomEstimator._parameter_constraints | {
        "p": [Interval(Real, 0, 1, closed="right")]
    }

    def __init__(self, estimator=None, p=0.9, *, random_state=None):
        self.estimator = estimator
        self.p = p
        self.random_state = random_state

    def _rule(self, X: Rows, base: Any, classes: np.ndarray, weight: np.ndarray | None) -> Any:
        n = len(classes)
        if self.p < 1 / n:
            raise ValueError(
                f"p={self.p:g} is not allowed with {n} classes: from {1 / n:g}, where the answer "
                "is independent of the label, to 1."
            )
        self.epsilon_ = np.inf if self.p == 1 else float(np.log(self.p * (n - 1) / (1 - self.p)))
        return _Response(self.p)


class NoisyInputClassifier(_RandomEstimator):
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

    _parameter_constraints: dict = _RandomEstimator._parameter_constraints | {
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

    def _rule(self, X: Rows, base: Any, classes: np.ndarray, weight: np.ndarray | None) -> Any:
        asked = self.noise_features, self.noise_scale
        noise = Noise.from_data(X, *asked, names_of(X), weight=weight)
        if isinstance(noise, CategoryNoise):
            raise TypeError(
                f"noise_features names {str(noise.names[0])!r}, which is not numeric: "
                "Gaussian noise can be added to numbers alone."
            )
        draws = noise.law.fresh(np.random.default_rng(0), _TRIED_DRAWS)
        check_noise(base, base.predict, X, noise, self.sigma, draws)
        return _Copy(noise, self.sigma)


class RandomAbstentionClassifier(_RandomEstimator):
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

    _parameter_constraints: dict = _RandomEstimator._parameter_constraints | {
        "rate": [Interval(Real, 0, 1, closed="both")],
        "fallback": "no_validation",
    }

    def __init__(self, estimator=None, rate=0.1, *, fallback=None, random_state=None):
        self.estimator = estimator
        self.rate = rate
        self.fallback = fallback
        self.random_state = random_state

    def _rule(self, X: Rows, base: Any, classes: np.ndarray, weight: np.ndarray | None) -> Any:
        if self.fallback is None:
            raise ValueError("fallback=None is not allowed: give the label that means no answer.")
        return _Silence(self.rate)


@dataclass(frozen=True, eq=False)
class _Response:
    """The label with a probability, else one of the others."""

    p: float

    def __call__(self, release: RandomRelease, X: Rows, rng: np.random.Generator) -> np.ndarray:
        classes, label = release.answer.classes, labels_of(release.model, X)
        n = len(classes)
        number = encode(label, classes)
        other = (number + rng.integers(1, n, size=len(label))) % n
        kept = rng.uniform(size=len(label)) < self.p
        return classes[np.where(kept, number, other)]


@dataclass(frozen=True, eq=False)
class _Copy:
    """The label of one noisy copy."""

    noise: Noise
    sigma: float

    def __call__(self, release: RandomRelease, X: Rows, rng: np.random.Generator) -> np.ndarray:
        values = self.noise.check_rows(X, self.sigma)
        offsets = self.noise.law.fresh(rng, len(values)) * self.sigma * self.noise.scale
        return labels_of(release.model, self.noise.noisy_copies(X, values, offsets[:, None, :]))


@dataclass(frozen=True, eq=False)
class _Silence:
    """The label, or no answer."""

    rate: float

    def __call__(self, release: RandomRelease, X: Rows, rng: np.random.Generator) -> np.ndarray:
        label = labels_of(release.model, X)
        return or_fallback(label, rng.uniform(size=len(label)) >= self.rate, release.fallback)
