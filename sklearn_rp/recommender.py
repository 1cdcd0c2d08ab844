"""RobustPrivacyRecommender: smooth a model of items with noise, and certify its lists."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import StrOptions
from sklearn_rp.answers import Lists
from sklearn_rp.certificate import Certificate
from sklearn_rp.models.labels import encode
from sklearn_rp.recommending import RecommenderWrapper
from sklearn_rp.rows import Rows
from sklearn_rp.rules import TopItems
from sklearn_rp.smoothed import Smoothed


class RobustPrivacyRecommender(Smoothed, RecommenderWrapper):
    """Smooth a model of items with Gaussian noise and certify how far an input can move unseen.

    Each noisy copy of the row names its `n_recommended` best items; released are those that are
    named most often. The list provably stays the same for every row within a certified radius:
    whoever sees it cannot tell the row from any of those (Robust Privacy, [1]_; certified top-k
    lists of one item: [2]_).

    Parameters
    ----------
    estimator : estimator, default=None
        What scores items: a classifier whose labels are the items (by its probabilities), one of
        label matrices with an item in each column (forests, ``MultiOutputClassifier``, chains,
        nets), or a regressor of several outputs. ``RandomForestClassifier(random_state=0)`` if
        None. Wrap a model that is already fitted in :class:`~sklearn.frozen.FrozenEstimator`.
    n_recommended : int, default=10
        Items of a list.
    ordered : bool, default=False
        Whether their order is released, the best first, and certified. Else they come in the order
        of `items_`, which tells nothing.
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
        How the smoothed votes are found; the one used is `method_`. "auto" takes an exact method
        wherever one applies: linear models; decision trees; forests with ``voting="soft"``; any
        model when a single feature is noised (any tree model when two are).
    voting : {"hard", "soft"}, default="hard"
        Each noisy copy votes for its best items ("hard"): alike, or where order counts from 1 down
        to ``1 / n_recommended`` by rank; or with its scores, which must be between 0 and 1
        ("soft").
    n_samples : int, default=1000
        Votes per row (Monte Carlo). They choose the items, and the same votes certify them.
    alpha : float, default=0.001
        Failure probability of each row's certificate (Monte Carlo).
    n_augment : int, default=0
        Noisy copies of each training row added when the base estimator is fitted.
    min_radius : float, default=0.0
        With `fallback`: a release counts as certified when its radius, in scaled units, exceeds
        this.
    fallback : array-like of shape (n_recommended,), default=None
        The items released for a row that is not certified, such as the most popular ones. None:
        the row's own list is always released.
    resample : bool, default=False
        False: one noise bank, drawn when fitting, serves every call; the release is a deterministic
        function of the row, and repeated queries teach nothing. True: fresh noise for every row in
        every call.
    n_jobs : int, default=None
        Processes that share the rows (joblib). Results have the same bits for any number.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. None takes it from the operating system; keep the seed secret where
        an adversary who knows the model must not know the votes.

    Attributes
    ----------
    estimator_ : estimator
        What gives scores by position of the item; its ``estimator_`` is the fitted model.
    items_ : ndarray of shape (n_items,)
        The items: labels of a classifier, names of the columns of a DataFrame, or their positions.
    method_ : {"exact", "monte_carlo"}
        How the smoothed votes are found.
    engine_ : {"linear", "trees", "sweep", "categories", "monte_carlo"}
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
    RobustPrivacyClassifier : The same for labels; one recommended item is its label.
    AttributePrivacyRecommender : Lists with a minimum for everybody, along one feature.

    Notes
    -----
    With ``h`` what an item gets of the votes on average, ``Phi^-1(h)`` changes by no more than the
    row moves, in units of the noise. So the list stays the same within ``sigma / 2`` times the
    distance of ``Phi^-1(h)`` between its last item and the best other; in order, within the
    smallest such radius of consecutive items. Votes bound all items together: how `alpha` is
    shared, and why that holds for the items that the very same votes chose, is proved on
    the :ref:`theory page <lists_proof>`.

    References
    ----------
    .. [1] J. Jin et al., "Robust Privacy: Inference-Stage Privacy through Certified Robustness",
       arXiv 2601.17360, 2026.
    .. [2] J. Jia, X. Cao, B. Wang, N. Z. Gong, "Certified Robustness for Top-k Predictions against
       Adversarial Perturbations via Randomized Smoothing", ICLR 2020, arXiv 1912.09899.

    Examples
    --------
    >>> from sklearn_rp import RobustPrivacyRecommender
    >>> from sklearn_rp.datasets import make_item_recommendation
    >>> task = make_item_recommendation(300, random_state=0)
    >>> X, y = task.data[["age", "activity"]], task.target
    >>> recommender = RobustPrivacyRecommender(n_recommended=3, noise_features=["age"]).fit(X, y)
    >>> recommender.predict(X.head(2)).shape
    (2, 3)
    >>> recommender.certify(X.head(2)).half_width("age").shape  # years
    (2,)
    """

    _parameter_constraints: dict = (
        Smoothed._parameter_constraints
        | RecommenderWrapper._parameter_constraints
        | {"voting": [StrOptions({"hard", "soft"})], "fallback": "no_validation"}
    )

    def __init__(
        self,
        estimator=None,
        *,
        n_recommended=10,
        ordered=False,
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
        self.n_recommended = n_recommended
        self.ordered = ordered
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

    @property
    def _voting(self) -> str:
        return self.voting

    def _symbols(
        self, base: Any, X: Rows, y: np.ndarray, weight: np.ndarray | None
    ) -> tuple[np.ndarray, None]:
        self._best_of(base)
        self._answer(self.items_)
        return np.arange(base.n_items_), None

    @property
    def _best(self) -> TopItems:
        return self._best_items

    def _answer(self, classes: np.ndarray) -> Lists:
        if self.fallback is None:
            return Lists(self.items_, self._best)
        other = np.asarray(self.fallback)
        if other.shape != (self.n_recommended,) or len(np.unique(other)) < len(other):
            raise ValueError(
                f"fallback={self.fallback!r} is not allowed: give {self.n_recommended} different "
                "items."
            )
        place = encode(other, self.items_, what="item")
        place = place if self._best.ordered else np.sort(place)
        return Lists(self.items_, self._best, self.items_[place], float(self.min_radius))

    def predict(self, X, exclude=None):
        """Items to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        exclude : array-like, sparse matrix or DataFrame of shape (n_samples, n_items), default=None
            Items that must not be recommended to a row, such as those that a person has already:
            not 0, or True. Columns of a DataFrame are items by name. Noisy copies name the best of
            all others. It is taken to be known to whoever sees the list: the certificate holds with
            it fixed, and does not speak of what the mask itself gives away.

        Returns
        -------
        items : ndarray of shape (n_samples, n_recommended)
            Best first where order counts, else in the order of `items_`; `fallback`, where that is
            given, for rows whose certificate does not exceed `min_radius`.

        Raises
        ------
        ValueError
            If `exclude` has another shape, leaves too few items, or items of `fallback` out.
        """
        check_is_fitted(self)
        X = self.checked_rows(X)
        if exclude is None:
            return self.release_.release(X, self.n_jobs)
        X, banned = self._without(X, exclude)
        return self.release_.excluding(banned).release(X, self.n_jobs)

    def certify(self, X, *, radius=None, tolerance=None, feature=None, exclude=None):
        """Certificate of each row, or only as much of it as answers a question.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        radius, tolerance : float, default=None
            A question, as of :meth:`RobustPrivacyClassifier.certify`.
        feature : str or int, default=None
            Noised feature in whose unit `radius` or `tolerance` is given.
        exclude : array-like, sparse matrix or DataFrame of shape (n_samples, n_items), default=None
            Items that must not be recommended, as of `predict`.

        Returns
        -------
        certificate : Certificate
            Its `label` are the lists, of shape (n_samples, n_recommended).

        Raises
        ------
        ValueError
            If `radius` and `tolerance` are both given, or something is not allowed.
        """
        if exclude is None:
            return super().certify(X, radius=radius, tolerance=tolerance, feature=feature)
        check_is_fitted(self)
        question = self.release_.question(radius, tolerance, feature)
        X, banned = self._without(self.checked_rows(X), exclude)
        release = self.release_.excluding(banned)
        found: Certificate = release.certify(X, [release.sigma], question, n_jobs=self.n_jobs)[0]
        return found

    def _without(self, X: Rows, exclude: Any) -> tuple[Rows, np.ndarray]:
        """Rows with their masks."""
        if self.release_.shape is not None:
            raise ValueError(
                "exclude is not allowed for rows of images or sequences: leave it out."
            )
        X, banned = self._marked(X, exclude)
        fallback = self.release_.fallback
        if fallback is not None and banned[:, np.isin(self.items_, fallback)].any():
            raise ValueError(
                f"exclude holds items of fallback={fallback.tolist()}: they would be recommended "
                "all the same. Exclude others, or leave fallback out."
            )
        return X, banned

    def decision_function(self, X, exclude=None):
        """Share of the votes, or mean of the scores, of each item: for the owner of the row.

        They tell more about a row than the list does, and no certificate covers them.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        exclude : array-like, sparse matrix or DataFrame of shape (n_samples, n_items), default=None
            Items that must not be recommended, as of `predict`.

        Returns
        -------
        share : ndarray of shape (n_samples, n_items)
            In the order of `items_`; of what is excluded below 0.
        """
        check_is_fitted(self)
        X, release = self.checked_rows(X), self.release_
        if exclude is not None:
            X, banned = self._without(X, exclude)
            release = release.excluding(banned)
        return release.votes(X, self.n_jobs).share
