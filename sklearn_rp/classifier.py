"""RobustPrivacyClassifier: smooth a classifier with noise, and certify its labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import StrOptions
from sklearn_rp.answers import Labels, labels
from sklearn_rp.models.labels import classes_of
from sklearn_rp.rows import Rows
from sklearn_rp.smoothed import Smoothed
from sklearn_rp.wrapper import ClassifierWrapper


class RobustPrivacyClassifier(Smoothed, ClassifierWrapper):
    """Smooth a classifier with Gaussian noise and certify how far an input can move unseen.

    The label of the smoothed classifier is what the base classifier answers most often on noisy
    copies of the row. Where that is clear, it provably stays the same for every row within a
    certified radius: whoever sees the label cannot tell the row from any of those (Robust Privacy,
    [1]_). Smoothing and its certificate are those of [2]_. With an exact method the released label
    is that label; with Monte Carlo it is the top of `n_samples` votes, which near the edge of a
    ball may differ from it.

    Parameters
    ----------
    estimator : classifier, default=None
        Anything with ``fit`` and ``predict``; ``LogisticRegression()`` if None. Wrap a model that
        is already fitted in :class:`~sklearn.frozen.FrozenEstimator`.
    sigma : float, default=0.25
        Noise level, in units of `noise_scale`. If the one noised feature is categorical: the
        probability, at most 1, that its category is drawn anew.
    noise_features : None, str, int, sequence, mask or callable, default=None
        Features that get noise: names, positions, a boolean mask, or a callable such as
        :func:`~sklearn.compose.make_column_selector`. None: every numeric feature. All others
        reach the estimator untouched, and every guarantee holds with them fixed.
    noise_scale : "std", None, array-like or mapping, default="std"
        Unit of the noise for each feature: the standard deviation of the training rows, 1 for all
        (None), an array, or a mapping from feature to scale.
    method : {"auto", "exact", "monte_carlo"}, default="auto"
        How the smoothed probabilities are found; the one used is `method_`. "auto" takes an exact
        method wherever one applies: linear models, decision trees, forests with
        ``voting="soft"``, binary models whose score is a sum over features or quadratic (stumps,
        boosting without interactions, naive Bayes), and any model when a single feature is noised
        (any tree model when two are). See :ref:`engines`.
    voting : {"hard", "soft"}, default="hard"
        Each noisy copy votes with its label ("hard") or with its ``predict_proba`` ("soft"). Sums
        over features count a copy next to a tie for both labels.
    n_samples : int, default=1000
        Votes per row (Monte Carlo). They choose the label, and the same votes certify it.
    alpha : float, default=0.001
        Failure probability of each row's certificate (Monte Carlo).
    n_augment : int, default=0
        Noisy copies of each training row added when the base estimator is fitted.
    min_radius : float, default=0.0
        With `fallback`: a release counts as certified when its radius, in scaled units, exceeds
        this. `Certificate.at` tells the rows certified to any radius.
    fallback : label, default=None
        Released for a row that is not certified. None: the top label is always released.
    resample : bool, default=False
        False: one noise bank, drawn when fitting, serves every call; the release is a deterministic
        function of the row, and repeated queries teach nothing. True: fresh noise for every row in
        every call (with a given `random_state`, copies of one fitted object repeat each other's
        noise).
    n_jobs : int, default=None
        Processes that share the rows (joblib; the backend is that of ``joblib.parallel_config``).
        Results have the same bits for any number.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. None takes it from the operating system; keep the seed secret where
        an adversary who knows the model must not know the votes.

    Attributes
    ----------
    estimator_ : classifier
        The fitted base classifier.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    method_ : {"exact", "monte_carlo"}
        How the smoothed probabilities are found.
    engine_ : {"linear", "trees", "additive", "sweep", "categories", "torch", "monte_carlo"}
        Which computation does it.
    noise_features_ : ndarray of str of shape (n_noised,)
        The noised features.
    noise_scale_ : ndarray of shape (n_noised,)
        Their scales, in each feature's own unit.
    release_ : SmoothedRelease
        What was fitted, for those who build on it: immutable, shared by threads.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    See Also
    --------
    sklearn_rp.certify : The same certificates through a Pipeline or a search.

    Notes
    -----
    All rows share one noise bank, so that a row's label does not depend on the batch it comes in
    (with ``resample=True`` each has noise of its own).
    Each row's certificate keeps its own 1 - alpha; the rows' errors are not independent.

    Parameters take effect when fitting, `n_jobs` at once; other noise levels are had from
    `certify_path`.

    Long work shows its progress where scikit-learn has callbacks (1.9 and later):
    ``clf.set_callbacks(sklearn.callback.ProgressBar())`` before `fit` or `certify`.

    References
    ----------
    .. [1] J. Jin et al., "Robust Privacy: Inference-Stage Privacy through Certified Robustness",
       arXiv 2601.17360, 2026.
    .. [2] J. Cohen, E. Rosenfeld, J. Z. Kolter, "Certified Adversarial Robustness via Randomized
       Smoothing", ICML 2019, arXiv 1902.02918.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = RobustPrivacyClassifier(
    ...     DecisionTreeClassifier(max_depth=4, random_state=0), sigma=0.5, random_state=0
    ... ).fit(X, y)
    >>> cert = clf.certify(X[:5])
    >>> bool((clf.predict(X[:5]) == cert.label).all())
    True
    >>> cert.radius.shape  # in standard deviations of the training data
    (5,)
    """

    _parameter_constraints: dict = Smoothed._parameter_constraints | {
        "voting": [StrOptions({"hard", "soft"})],
        "fallback": "no_validation",
    }

    def __init__(
        self,
        estimator=None,
        *,
        sigma=0.25,
        noise_features=None,
        noise_scale="std",
        method="auto",
        voting="hard",
        n_samples=1000,
        alpha=0.001,
        n_augment=0,
        min_radius=0.0,
        fallback=None,
        resample=False,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.sigma = sigma
        self.noise_features = noise_features
        self.noise_scale = noise_scale
        self.method = method
        self.voting = voting
        self.n_samples = n_samples
        self.alpha = alpha
        self.n_augment = n_augment
        self.min_radius = min_radius
        self.fallback = fallback
        self.resample = resample
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _needed(self) -> dict[str, str]:
        soft = "voting='soft' needs {method}, which {name} has not: use voting='hard'."
        return super()._needed() | ({"predict_proba": soft} if self.voting == "soft" else {})

    def _check_classes(self, classes: np.ndarray) -> None:
        """At least two; votes enough; and a fallback of their kind: metrics take one kind only."""
        super()._check_classes(classes)
        if self.method == "monte_carlo":
            self._check_budget(len(classes), warn=False)
        self._answer(classes)

    @property
    def _voting(self) -> str:
        return self.voting

    def _symbols(
        self, base: Any, X: Rows, y: np.ndarray, weight: np.ndarray | None
    ) -> tuple[np.ndarray, None]:
        classes = classes_of(base, y)
        self._check_classes(classes)
        return classes, None

    def _answer(self, classes: np.ndarray) -> Labels:
        return labels(classes, self.fallback, self.min_radius)

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        super()._learn(X, y, params)
        self.classes_ = self.release_.answer.classes

    def predict(self, X):
        """Label to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        label : ndarray of shape (n_samples,)
            The label with the most votes; `fallback`, where that is given, for rows whose
            certificate does not exceed `min_radius`.
        """
        check_is_fitted(self)
        return self.release_.release(self.checked_rows(X), self.n_jobs)

    def predict_proba(self, X):
        """Share of the votes that each class has; its argmax is the label of the certificate.

        The shares tell more about a row than the label does, and no certificate covers them: they
        are for the owner of the row. Of linear models with three classes and more, whose votes have
        no closed form, they are the chances of each class against its nearest rival, scaled to add
        up to 1.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        share : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        return self.release_.votes(self.checked_rows(X), self.n_jobs).share
