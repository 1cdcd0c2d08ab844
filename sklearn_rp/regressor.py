"""RobustPrivacyRegressor: smooth a regressor with noise, and certify its numbers."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import Interval
from sklearn_rp.answers import Labels, labels
from sklearn_rp.models.cells import Cells
from sklearn_rp.models.labels import numbers_of, wavering
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.smoothed import Smoothed
from sklearn_rp.validation import as_float
from sklearn_rp.wrapper import RegressorWrapper


class RobustPrivacyRegressor(Smoothed, RegressorWrapper):
    """Smooth a regressor with Gaussian noise and certify how far an input can move unseen.

    The base regressor answers for noisy copies of the row. Released is the middle of the cell, of
    width `step`, that holds the median of its answers. It provably stays the same, bit for bit, for
    every row within a certified radius: whoever sees the number cannot tell the row from any of
    those (Robust Privacy [1]_, by percentile smoothing [2]_). With an exact method that median is
    known; with Monte Carlo it is that of `n_samples` votes, which near the edge of a ball may be in
    another cell.

    Parameters
    ----------
    estimator : regressor, default=None
        Anything with ``fit`` and ``predict``; ``LinearRegression()`` if None. With `pos_label` a
        classifier that has ``predict_proba``. Wrap a model that is already fitted in
        :class:`~sklearn.frozen.FrozenEstimator`.
    step : float
        Width of the cells, in the unit of the target. Cells begin at its multiples and cover the
        model's answers to the rows of `fit`; the outermost go on for ever. A wider cell is a
        coarser answer, and a larger radius for the same noise.
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
        How the median is found; the one used is `method_`. "auto" takes an exact method wherever
        one applies: linear models, regression trees, and any model when a single feature is noised
        (any tree model when two are). See :ref:`engines`.
    n_samples : int, default=1000
        Votes per row (Monte Carlo). They choose the cell, and the same votes certify it.
    alpha : float, default=0.001
        Failure probability of each row's certificate (Monte Carlo).
    n_augment : int, default=0
        Noisy copies of each training row added when the base estimator is fitted.
    min_radius : float, default=0.0
        With `fallback`: a release counts as certified when its radius, in scaled units, exceeds
        this. `Certificate.at` tells the rows certified to any radius.
    fallback : float, default=None
        Released for a row that is not certified. None: the number is always released.
    pos_label : label, default=None
        Of a classifier: the class whose probability is the number that is smoothed and released;
        `y` then holds labels.
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
    estimator_ : regressor
        The fitted base regressor; with `pos_label` one around the classifier, its ``estimator_``.
    numbers_ : ndarray of shape (n_cells,)
        The numbers that may be released, sorted: the middles of the cells.
    method_ : {"exact", "monte_carlo"}
        How the median is found.
    engine_ : {"linear", "trees", "sweep", "categories", "monte_carlo", "torch"}
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
    RobustPrivacyClassifier : The same for labels.
    AttributePrivacyRegressor : Numbers with a minimum for everybody, along one feature.

    Notes
    -----
    With ``H`` the probability that a noisy answer lies below an edge, ``Phi^-1(H)`` changes by no
    more than the row moves, in units of the noise. The radius is ``sigma * min(Phi^-1(1 - H_low),
    Phi^-1(H_high))`` for the lower and upper edge of the released cell.

    All rows share one noise bank, so that a row's number does not depend on the batch it comes in
    (with ``resample=True`` each has noise of its own). Each row's certificate keeps its own 1 -
    alpha; the rows' errors are not independent.

    References
    ----------
    .. [1] J. Jin et al., "Robust Privacy: Inference-Stage Privacy through Certified Robustness",
       arXiv 2601.17360, 2026.
    .. [2] P. Chiang et al., "Detection as Regression: Certified Object Detection by Median
       Smoothing", NeurIPS 2020, arXiv 2007.03730.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_rp import RobustPrivacyRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> rpr = RobustPrivacyRegressor(Ridge(), step=25, noise_features=["bmi", "age"]).fit(X, y)
    >>> rpr.predict(X.head(3))
    array([212.5,  62.5, 187.5])
    >>> cert = rpr.certify(X.head(3))
    >>> cert.half_width("bmi").round(2)  # kg/m2
    array([0.99, 1.09, 0.26])
    """

    _parameter_constraints: dict = Smoothed._parameter_constraints | {
        "step": [Interval(Real, 0, None, closed="neither")],
        "fallback": [Interval(Real, None, None, closed="neither"), None],
        "pos_label": "no_validation",
    }

    _voting = "median"

    def __init__(
        self,
        estimator=None,
        *,
        step,
        sigma=0.25,
        noise_features=None,
        noise_scale="std",
        method="auto",
        n_samples=1000,
        alpha=0.001,
        n_augment=0,
        min_radius=0.0,
        fallback=None,
        pos_label=None,
        resample=False,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.step = step
        self.sigma = sigma
        self.noise_features = noise_features
        self.noise_scale = noise_scale
        self.method = method
        self.n_samples = n_samples
        self.alpha = alpha
        self.n_augment = n_augment
        self.min_radius = min_radius
        self.fallback = fallback
        self.pos_label = pos_label
        self.resample = resample
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_varied(self, y: np.ndarray) -> None:
        super()._check_varied(y)
        if self.method == "monte_carlo":
            self._check_budget(2, warn=False)

    def _symbols(
        self, base: Any, X: Rows, y: np.ndarray, weight: np.ndarray | None
    ) -> tuple[np.ndarray, Cells]:
        numbers = numbers_of(base, X)
        if weight is not None:  # a row without weight is as good as none
            numbers = numbers[weight > 0]
        fine = wavering(base, take_rows(X, slice(0, 1)), numbers)
        cells = Cells.over(numbers, as_float("step", self.step), fine)
        return cells.middles, cells

    def _answer(self, classes: np.ndarray) -> Labels:
        fallback = None if self.fallback is None else as_float("fallback", self.fallback)
        return labels(classes, fallback, self.min_radius)

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        super()._learn(X, y, params)
        self.numbers_ = self.release_.answer.classes

    def predict(self, X):
        """Number to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        number : ndarray of shape (n_samples,)
            The middle of the cell that holds the median; `fallback`, where that is given, for rows
            whose certificate does not exceed `min_radius`.
        """
        check_is_fitted(self)
        return self.release_.release(self.checked_rows(X), self.n_jobs)
