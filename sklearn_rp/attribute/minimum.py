"""AttributePrivacyClassifier: labels whose compatible set is never narrow.

Along the sensitive feature, the others fixed, the released label is chosen anew, cell by cell: the
labelling that agrees best with the model among all in which every run of one label is long enough.
It depends on the other features alone, so that the promise holds for every row.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    route,
    safe_indexing,
    with_callbacks,
)
from sklearn_rp.attribute.compatible_sets import CompatibleSets, sets_of
from sklearn_rp.attribute.partition import (
    best_assignment,
    best_runs,
    last_starts_by_row,
    random_pieces,
)
from sklearn_rp.attribute.prior import ConditionalPrior, Groups, Prior
from sklearn_rp.attribute.release import Lines, Release
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.feature import Cells, Feature
from sklearn_rp.rows import Rows, column_names, find_column, rows_per_chunk, take_rows
from sklearn_rp.smoothing import encode, is_frozen
from sklearn_rp.validation import check_rows, unchanged_on_error
from sklearn_rp.wrapper import ClassifierWrapper, has_threshold

_TOLERANCE = 1e-12  # of the range: two lengths that differ by rounding are equal
_COPIES = 4  # of each training row, in as many pieces
_MOST_COPIES = 200_000
# The weight of answers learnt for runs is found on so many rows, as many asked about in each half.
_FEWEST_ROWS, _WEIGHED_ROWS, _HELD_OUT = 20, 20_000, 500


class AttributePrivacyClassifier(ClassifierMixin, ClassifierWrapper):
    """Release labels that never pin a sensitive feature down: a minimum for everybody.

    For every row, the stretch of the sensitive feature's values that share the row's label, all
    other features being what they are, is at least `minimum` long. Whoever sees the label and
    knows all the rest is left with at least that much. No noise, no failure probability, no
    abstention; the release is a deterministic function of the row, so that repeated queries teach
    nothing.

    Among all labellings with this property, the one with the largest expected agreement with the
    model is released.

    Parameters
    ----------
    estimator : classifier, default=None
        Any classifier; ``LogisticRegression()`` if None. Its probabilities are used where it has
        them, else its labels. Wrap a model that is already fitted in
        :class:`~sklearn.frozen.FrozenEstimator`.
    sensitive_feature : str or int
        Name or position, numeric or categorical.
    minimum : float or int, default=0.2
        Smallest stretch that may share a label, measured in `unit`.
    unit : {"share", "length", "mass", "categories"}, default="share"
        "share" of the range, in (0, 1]; "length" in the feature's own unit. Both count possible
        values where not every number is possible: of ages 18 to 67 a share of 0.2, or a length of
        10, is ten ages. "mass": share of the
        population, in (0, 1], under `prior`: whatever is released, its pointwise maximal leakage
        is then at most ``log2(1 / minimum)`` bits; "categories": number of them, for a
        categorical feature (which takes "share" as well).
    bounds : (low, high), or sequence of categories, default=None
        The values that are possible; None: those seen in `fit`. A value that is not possible is
        released as the nearest that is, and an unknown category as the commonest.
    domain : "auto", "continuous", "integer", or sequence of numbers, default="auto"
        Which numbers within the bounds are possible: all, the whole ones, or these. "auto": whole
        ones where the column holds nothing else (a column of floats, in 20 rows or more).
    resolution : int, default=256
        Cells of the range where the model's own thresholds are not known. The model is read in
        the middle of each.
    prior : "conditional", "empirical", "uniform", columns, or estimator, default="conditional"
        How likely each cell is, when agreement is counted. The price depends on it, the promise
        does not.

        - "conditional": given the other features, learnt from the training rows by a forest;
        - "empirical": as in the training population; "uniform": evenly over the range;
        - a sequence of columns: as among the training rows that are equal in these;
        - an estimator of the feature by the others, of which a clone is fitted: a classifier with
          ``predict_proba`` (to the numbers of the cells), or a regressor, around whose predictions
          the feature is spread normally, as its residuals on held-out rows are;
        - an estimator of the density with ``score_samples``, such as
          :class:`~sklearn.neighbors.KernelDensity`.

        An estimate from few rows is uncertain, and no value is impossible: a twentieth of what is
        learnt from the other features is the population's.
    levels : {"model", "intervals", "auto"}, default="model"
        What a label is worth in a run of cells. "model": the mean of the model's answers there.
        "intervals": the answer of a second model for the middle of the run; it is a clone that
        knows of each training row only the middle of a piece of the range, drawn at random around
        the row's own value. "auto": both, with the weight that predicts held-out training rows
        best; "model" for a frozen model and for a categorical feature. Expect `fit` of a
        boosting to take four ("intervals") to ten times ("auto") as long as the model's own.
    random_state : int, RandomState instance or None, default=None
        Seed of what `fit` draws; afterwards nothing is random.

    Attributes
    ----------
    estimator_ : classifier
        The fitted model.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    minimum_ : float
        The minimum in the feature's own unit (share and length), in possible values or categories
        where they are counted, or as a share of the population (mass).
    bounds_ : tuple or ndarray
        The values that are possible.
    interval_weight_ : float
        Weight of the answers learnt for runs, in [0, 1].
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Notes
    -----
    What it does not do: one bit remains one bit (which side of a wide boundary), and two different
    models released about one person are two constraints.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_rp import AttributePrivacyClassifier
    >>> from sklearn_rp.datasets import load_recommendation
    >>> X, y = load_recommendation(return_X_y=True)
    >>> apc = AttributePrivacyClassifier(
    ...     RandomForestClassifier(20, random_state=0), sensitive_feature=2, minimum=0.25
    ... ).fit(X, y)
    >>> sets = apc.compatible_sets(X)
    >>> bool((sets.component_length >= 0.25 * (sets.high - sets.low) - 1e-9).all())
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "sensitive_feature": "no_validation",
        "minimum": [Interval(Real, 0, None, closed="neither")],
        "unit": [StrOptions({"share", "length", "mass", "categories"})],
        "bounds": "no_validation",
        "domain": "no_validation",
        "resolution": [Interval(Integral, 1, None, closed="left")],
        "prior": "no_validation",
        "levels": [StrOptions({"model", "intervals", "auto"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        sensitive_feature,
        minimum=0.2,
        unit="share",
        bounds=None,
        domain="auto",
        resolution=256,
        prior="conditional",
        levels="model",
        random_state=None,
    ):
        self.estimator = estimator
        self.sensitive_feature = sensitive_feature
        self.minimum = minimum
        self.unit = unit
        self.bounds = bounds
        self.domain = domain
        self.resolution = resolution
        self.prior = prior
        self.levels = levels
        self.random_state = random_state

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **fit_params):
        """Fit the model and lay the cells.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels.
        **fit_params : dict
            Passed to the ``fit`` of the model; with metadata routing enabled, as requested there.

        Returns
        -------
        self : AttributePrivacyClassifier

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not allowed. A failed call leaves the object as it was.
        """
        with unchanged_on_error(self):
            self._fit(X, y, fit_params)
        return self

    def _fit(self, X: Any, y: Any, fit_params: dict[str, Any]) -> None:
        X = check_rows(self, X, reset=True)
        y = self._check_labels(X, y)
        attribute = Feature.from_data(X, self.sensitive_feature, self.bounds, self.domain)
        self._check_minimum(attribute)
        by = self._check_prior(X, attribute)
        self._check_levels(attribute)
        rng = check_random_state(self.random_state)
        params = route(self, "fit", "estimator", fit_params)
        base = self._fit_base(clone(self._base()), X, y, params)
        release = Release(base, attribute, X, self.resolution)
        cells = attribute.cells(release.edges, self.resolution)
        own = attribute.values(X)
        cell = cells.of(own)
        count = np.bincount(cell, minlength=len(cells)).astype(float)
        measure, least = self._measured(attribute, cells, count)
        if least > measure[-1] - measure[0]:
            warnings.warn(
                f"minimum={self.minimum} is more than the whole range of {attribute.name!r} "
                f"({measure[-1] - measure[0]:g}): the label cannot depend on it at all.",
                PrivacyWarning,
                stacklevel=5,
            )
        self.estimator_ = base
        # A model with a threshold of its own is agreed with in its labels.
        self._by_probability = hasattr(base, "predict_proba") and not has_threshold(base, X)
        self.classes_ = release.symbols
        self.minimum_ = least
        self.bounds_ = attribute.bounds
        # A refusal of one person's value would tell about it: what is beyond counts as the end.
        self._attribute, self._cells = replace(attribute, strict=False), cells
        self._last_start = _last_starts(measure, least)
        weights = [self._everybody(cells, own, count)]
        self._groups = None if by is None else Groups(X, by)
        if self._groups is not None:
            own_group = np.zeros((len(self._groups), len(count)))
            np.add.at(own_group, (self._groups.numbers(X), cell), 1.0)
            own_group += 1e-6 * weights[0]
            weights = [*(own_group / own_group.sum(axis=1, keepdims=True)), *weights]
        self._cell_weights = np.stack(weights)  # the last line is for groups that were not seen
        self._conditional = None
        if self._learns_prior:
            model = None if isinstance(self.prior, str) else self.prior
            seed = int(rng.randint(2**31))
            self._conditional = ConditionalPrior(model, X, self._attribute, cells, seed)
        self.interval_weight_, self._for_runs = 0.0, None
        if self.levels == "intervals" or (self.levels == "auto" and self._may_learn_levels):
            self._learn_levels(X, y, fit_params, measure, rng)

    @property
    def _learns_prior(self) -> bool:
        """Whether the prior is learnt from the other features."""
        named = isinstance(self.prior, str)
        fits = hasattr(self.prior, "fit") and not hasattr(self.prior, "score_samples")
        return self.prior == "conditional" if named else fits

    @property
    def _may_learn_levels(self) -> bool:
        """Whether answers for runs can be learnt, and compared with the model's."""
        return self._attribute.categories is None and not is_frozen(self._base())

    def _learn_levels(
        self, X: Rows, y: np.ndarray, fit_params: dict[str, Any], measure: np.ndarray, rng: Any
    ) -> None:
        """Fit the model of runs, and find its weight."""
        if self.levels == "auto":
            self.interval_weight_ = self._best_weight(X, y, fit_params, rng)
            if self.interval_weight_ == 0:
                return
        else:
            self.interval_weight_ = 1.0
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):  # labels of rows that are given with a frozen model
            raise ValueError(
                f"y holds {unknown.tolist()[:5]}, which the fitted model does not know: with "
                f"levels='intervals' give labels among {self.classes_.tolist()[:10]}."
            )
        base = self._base()
        base = clone(base.estimator if isinstance(base, FrozenEstimator) else base)
        n_rows = len(y)
        copies = int(np.clip(_MOST_COPIES // n_rows, 1, _COPIES))
        rows = np.tile(np.arange(n_rows), copies)
        cell = self._cells.of(self._attribute.values(X))[rows]
        first, after = random_pieces(measure, cell, self.minimum_, rng)
        params = route(self, "fit", "estimator", _of_rows(fit_params, rows, n_rows))
        self._for_runs = base.fit(self._blurred(X, rows, first, after), y[rows], **params)

    def _blurred(self, X: Rows, rows: np.ndarray, first: np.ndarray, after: np.ndarray) -> Rows:
        """Rows that know only the middle of a stretch of cells, the last of which is not in it."""
        low, high = self._cells.first[first], self._cells.last[after - 1]
        return self._attribute.copies(X, rows, self._attribute.middle(low, high))

    def _best_weight(self, X: Rows, y: np.ndarray, fit_params: dict[str, Any], rng: Any) -> float:
        """Weight of the answers learnt for runs with the least squared error on held-out rows."""
        counts = np.sort(np.unique(y, return_counts=True)[1])
        if len(y) < _FEWEST_ROWS or counts[-2] < 2:
            return 0.0
        part = clone(self).set_params(
            levels="intervals",
            bounds=self._attribute.bounds,
            domain=self._attribute.domain,
            random_state=int(rng.randint(2**31)),
        )
        order = rng.permutation(len(y))[:_WEIGHED_ROWS]
        along = across = 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said of all rows already, or about rare labels
            for train, test in StratifiedKFold(2).split(order, y[order]):
                train, test = order[train], order[test][:_HELD_OUT]
                given = _of_rows(fit_params, train, len(y))
                part._fit(take_rows(X, train), y[train], given)
                truth = (y[test][:, None] == part.classes_).astype(float)
                for rows, mean, learnt in part._own_runs(take_rows(X, test)):
                    along += ((truth[rows] - mean) * (learnt - mean)).sum()
                    across += ((learnt - mean) ** 2).sum()
        return float(np.clip(along / across, 0.0, 1.0).round(3)) if across > 0 else 0.0

    def _own_runs(self, X: Rows) -> Any:
        """Chunk by chunk: rows, the model's mean over each row's run, and the answer learnt."""
        own = self._attribute.values(X)
        for rows, chunk, labels, gain, weight in self._optimal(X):
            runs = _Runs.of(labels)
            run = runs.number[np.arange(len(labels)), self._cells.of(own[rows])]
            mean = runs.sums(gain * weight[:, :, None]) / runs.sums(weight[:, :, None])
            yield rows, mean[run], self._answers_for(chunk, runs)[run]

    def _answers_for(self, X: Rows, runs: _Runs) -> np.ndarray:
        """Answers learnt for runs: shape (n_runs, n_labels)."""
        rows = self._blurred(X, runs.row, runs.first, runs.after)
        return self._answers(self._for_runs, rows)

    def _relabelled(
        self, X: Rows, labels: np.ndarray, gain: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Each run's label by both answers for it, and what the labels of its cells are worth.

        Runs keep their ends, or join a neighbour: none becomes shorter.
        """
        runs = _Runs.of(labels)
        share = self.interval_weight_
        learnt = self._answers_for(X, runs)[runs.number]
        gain = (1 - share) * gain + share * learnt
        best = runs.sums(gain * weight[:, :, None]).argmax(axis=1)
        return best[runs.number], gain

    def _measured(
        self, attribute: Feature, cells: Cells, count: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Ends of the cells, and the minimum, in the measure that the minimum is about."""
        least = float(self.minimum)
        if self.unit == "mass":
            return np.r_[0.0, np.cumsum(count) / count.sum()], least
        if self.unit == "share":
            least *= attribute.span
        if attribute.counts:
            least = float(np.ceil(least - 1e-9))
        return cells.ends, least

    def _everybody(self, cells: Cells, own: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Prior weights of the cells, over all people."""
        width = np.diff(cells.ends)
        # No cell is worthless: where nobody was seen, the model still decides.
        even = width / width.sum()
        if hasattr(self.prior, "score_samples"):
            density = clone(self.prior).fit(own[:, None])
            everybody = np.exp(density.score_samples(cells.at[:, None])) * width + 1e-6 * even
        else:
            uniform = isinstance(self.prior, str) and self.prior == "uniform"
            everybody = width if uniform else count + 1e-6 * even
        return everybody / everybody.sum()

    def predict(self, X):
        """Label to release for each row.

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
        return self.classes_[
            np.concatenate([own for _, own, _, _ in self._labellings(X)]).astype(np.intp)
        ]

    def predict_proba(self, X):
        """Mean probabilities of the model over the values that share the row's label.

        They are a function of the released label and of the other features alone, so that they
        tell no more than the label; where the released label is not on top of them, they are moved
        towards it until it is.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        parts = []
        for labels, own, gain, weight in self._labellings(X):
            inside = (labels == own[:, None]) * weight
            inside = inside / inside.sum(axis=1, keepdims=True)
            mean = np.einsum("nm,nmc->nc", inside, gain)
            mean = mean / mean.sum(axis=1, keepdims=True)
            rows = np.arange(len(own))
            lack = mean.max(axis=1) - mean[rows, own]
            share = np.where(lack > 0, lack / (1 + lack) + 1e-9, 0.0)[:, None]
            mean = (1 - share) * mean
            mean[rows, own] += share[:, 0]
            parts.append(mean)
        return np.concatenate(parts)

    def compatible_sets(self, X):
        """Sets of values with the same released label; for the owner of the rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        sets : CompatibleSets
            Exact: no component that holds a row is shorter than the minimum.
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        sets: CompatibleSets = sets_of(Release(self, self._attribute, X, self.resolution), X)
        return sets

    def _attribute_lines(self, X: Rows) -> tuple[Lines, np.ndarray]:
        """Released labels along the sensitive feature, and at the rows themselves.

        Parameters
        ----------
        X : ndarray or frame of shape (n_rows, n_features)
            Checked rows.

        Returns
        -------
        lines, own : Lines, ndarray of shape (n_rows,)
            Stretches of equal labels; the rows' own label numbers.
        """
        parts = list(self._labellings(X))
        labels = np.concatenate([part[0] for part in parts])
        own = np.concatenate([part[1] for part in parts])
        cells, n_labels = self._cells, len(self.classes_)
        return Lines.from_cells(labels, cells.first, cells.last, n_labels, self._attribute), own

    def _labellings(self, X: Rows) -> Any:
        """Chunk by chunk: labels of all cells, of the rows, gains, and weights of the cells."""
        own = self._attribute.values(X)
        for rows, chunk, labels, gain, weight in self._optimal(X):
            if self._for_runs is not None:
                labels, gain = self._relabelled(chunk, labels, gain, weight)
            cell = self._cells.of(own[rows])
            yield labels, labels[np.arange(len(cell)), cell], gain, weight

    def _optimal(self, X: Rows) -> Any:
        """Chunk by chunk: the rows, and the labels of all cells that agree best with the model."""
        n_cells, n_labels = len(self._cells), len(self.classes_)
        states = 1
        if self._attribute.categories is not None and self.minimum_ < n_cells:
            states = (int(self.minimum_) + 1) ** n_labels
        size = rows_per_chunk(n_cells * max(X.shape[1], 4 * n_labels, states))
        for rows in gen_batches(X.shape[0], size):
            chunk = take_rows(X, rows)
            gain = self._gain(chunk)
            weight = self._weights(chunk)
            weighted = gain * weight[:, :, None]
            if self._attribute.categories is not None:
                labels = best_assignment(weighted, int(self.minimum_))
            else:
                labels = best_runs(weighted, self._last_starts_of(weight))
            yield rows, chunk, labels, gain, weight

    def _last_starts_of(self, weight: np.ndarray) -> np.ndarray:
        """Where a run may start: alike for all rows, but for mass under a row's own prior."""
        counted = isinstance(self.prior, str) and self.prior == "empirical"
        if self.unit != "mass" or counted:
            return self._last_start
        return last_starts_by_row(weight, self.minimum_)

    def attribute_prior(self, X):
        """The prior in force: how likely each cell of the sensitive feature is for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows; their own value of the sensitive feature is not looked at.

        Returns
        -------
        prior : Prior
            Over one value of each cell. ``compatible_sets(X).prior_mass(...)`` of it is at least
            the minimum with ``unit="mass"``.
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        categories = self._attribute.categories
        values = self._cells.at if categories is None else categories
        return Prior(values, np.array(self._weights(X)))

    def _gain(self, X: Rows) -> np.ndarray:
        """Probability of each label in each cell: shape (n_rows, n_cells, n_labels)."""
        n_rows, n_cells = X.shape[0], len(self._cells)
        z = np.tile(self._cells.at, n_rows)
        copies = self._attribute.copies(X, np.repeat(np.arange(n_rows), n_cells), z)
        return self._answers(self.estimator_, copies).reshape(n_rows, n_cells, -1)

    def _answers(self, model: Any, rows: Rows) -> np.ndarray:
        """Probability of each label for each row: shape (n_rows, n_labels)."""
        found = None
        if self._by_probability:
            found = np.asarray(model.predict_proba(rows), dtype=np.float64)
        if found is None or found.shape[1] != len(self.classes_):
            # A fallback has no probability of its own.
            labels = encode(np.asarray(model.predict(rows)), self.classes_)
            found = np.eye(len(self.classes_))[labels]
        # Rounded: the last bits of a model's answer may depend on the batch, the release must not.
        return found.round(9)

    def _weights(self, X: Rows) -> np.ndarray:
        """Weight of each cell for each row: shape (n_rows, n_cells)."""
        if self._conditional is not None:
            return self._conditional.weights(X, self._cell_weights[-1])
        group = np.full(X.shape[0], -1) if self._groups is None else self._groups.numbers(X)
        return self._cell_weights[group]

    def _check_levels(self, attribute: Feature) -> None:
        """Answers for runs need runs, and a model that can be trained."""
        if self.levels != "intervals":
            return
        if attribute.categories is not None:
            raise ValueError(
                f"levels='intervals' is not allowed for the categorical feature "
                f"{attribute.name!r}, which has no runs: use 'model' or 'auto'."
            )
        base = self._base()
        if is_frozen(base.estimator if isinstance(base, FrozenEstimator) else base):
            raise ValueError(
                f"levels='intervals' is not allowed with estimator={base!r}: a part of it is "
                "frozen, and a second model cannot be trained. Use 'model' or 'auto'."
            )

    def _check_minimum(self, attribute: Feature) -> None:
        """A minimum has to fit its unit, and the unit the feature."""
        categorical = attribute.categories is not None
        allowed = ("share", "categories") if categorical else ("share", "length", "mass")
        if self.unit not in allowed:
            kind = "categorical" if categorical else "numeric"
            raise ValueError(
                f"unit={self.unit!r} is not allowed for the {kind} feature {attribute.name!r}: "
                f"use one of {allowed}."
            )
        if self.unit in ("share", "mass") and self.minimum > 1:
            raise ValueError(
                f"minimum={self.minimum} is not allowed with unit={self.unit!r}: a share is in "
                "(0, 1]. For the feature's own unit use unit='length'."
            )
        if self.unit == "categories" and self.minimum != int(self.minimum):
            raise ValueError(
                f"minimum={self.minimum} is not allowed with unit='categories': give a whole "
                "number of them."
            )
        if not np.isfinite(self.minimum):
            raise ValueError(f"minimum={self.minimum} is not allowed: it must be finite.")

    def _check_prior(self, X: Rows, attribute: Feature) -> list[int] | None:
        """Columns to condition on; None where the prior is the same for all."""
        if isinstance(self.prior, str):
            if self.prior not in ("conditional", "empirical", "uniform"):
                raise ValueError(
                    f"prior={self.prior!r} is not allowed: give 'conditional', 'empirical', "
                    "'uniform', a list of columns to condition on, or an estimator."
                )
            return None
        if hasattr(self.prior, "score_samples"):
            if attribute.categories is not None:
                raise ValueError(
                    f"prior={self.prior!r} is a density, which a categorical feature has not: give "
                    "'conditional', 'empirical', 'uniform', a list of columns to condition on, or "
                    "a classifier."
                )
            return None
        if self._learns_prior:
            if not hasattr(self.prior, "predict"):
                raise TypeError(
                    f"prior={self.prior!r} is not allowed: an estimator needs predict_proba, "
                    "predict or score_samples."
                )
            if attribute.categories is not None and not hasattr(self.prior, "predict_proba"):
                raise ValueError(
                    f"prior={self.prior!r} is not allowed for the categorical feature "
                    f"{attribute.name!r}: give a classifier with predict_proba."
                )
            return None
        try:
            wanted = list(self.prior)
        except TypeError:
            raise TypeError(
                f"prior={self.prior!r} is not allowed: give 'conditional', 'empirical', "
                "'uniform', a list of columns to condition on, or an estimator."
            ) from None
        by = [find_column(b, X.shape[1], column_names(X), parameter="prior") for b in wanted]
        if attribute.column in by:
            raise ValueError(
                f"prior={self.prior!r} names the sensitive feature, {attribute.name!r}: labels "
                "would then depend on it beyond the minimum. Condition on other columns."
            )
        return by

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # the label may have to ignore a feature
        return tags


def _last_starts(measure: np.ndarray, least: float) -> np.ndarray:
    """For each end of a run, the last start that makes it long enough; -1 if there is none."""
    slack = _TOLERANCE * (measure[-1] - measure[0])
    last = np.searchsorted(measure, measure - least + slack, side="right") - 1
    last = np.minimum(last, np.arange(len(measure)) - 1)
    if last[-1] < 0:  # the whole range is too short: one label for all of it
        last[-1] = 0
    return last


@dataclass(frozen=True, eq=False)
class _Runs:
    """Maximal runs of equal labels, row after row.

    Parameters
    ----------
    row, first, after : ndarray of int of shape (n_runs,)
        Row, first cell, and the cell after the last.
    number : ndarray of int of shape (n_rows, n_cells)
        Run of each cell.
    """

    row: np.ndarray
    first: np.ndarray
    after: np.ndarray
    number: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray) -> _Runs:
        begins = np.ones(labels.shape, dtype=bool)
        begins[:, 1:] = labels[:, 1:] != labels[:, :-1]
        row, first = np.nonzero(begins)
        ends = np.ones(labels.shape, dtype=bool)
        ends[:, :-1] = begins[:, 1:]
        number = np.cumsum(begins.ravel()).reshape(labels.shape) - 1
        return cls(row, first, np.nonzero(ends)[1] + 1, number)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over each run of what is known of the cells: (n_rows, n_cells, k) to (n_runs, k)."""
        starts = self.row * self.number.shape[1] + self.first
        return np.add.reduceat(values.reshape(-1, values.shape[2]), starts)


def _of_rows(params: dict[str, Any], rows: np.ndarray, n_rows: int) -> dict[str, Any]:
    """Parameters of `fit`, those that are one value a row taken at some rows."""
    return {
        name: safe_indexing(value, rows) if np.shape(value)[:1] == (n_rows,) else value
        for name, value in params.items()
    }
