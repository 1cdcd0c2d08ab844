"""AttributePrivacyClassifier: labels whose compatible set is never narrow.

Along the sensitive feature, the others fixed, the released label is chosen anew, cell by cell: the
labelling that agrees best with the model among all in which every run of one label is long enough.
It depends on the other features alone, so that the promise holds for every row.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import (
    Interval,
    StrOptions,
    fit_context,
    safe_indexing,
    with_callbacks,
)
from sklearn_rp.attribute.compatible_sets import CompatibleSets, sets_of
from sklearn_rp.attribute.measure import check_minimum, last_starts, measured
from sklearn_rp.attribute.partition import (
    best_assignment,
    best_runs,
    enumerates,
    last_starts_by_row,
    random_pieces,
)
from sklearn_rp.attribute.prior import ConditionalPrior, Groups, Prior
from sklearn_rp.attribute.release import Lines, Release
from sklearn_rp.domain import Cells
from sklearn_rp.exceptions import warn_user
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import is_frozen
from sklearn_rp.models.labels import encode, fit_in_labels, labels_of, probabilities_of
from sklearn_rp.rows import Rows, column_names, find_column, rows_per_chunk, sample_rows, take_rows
from sklearn_rp.validation import check_rows, unchanged_on_error
from sklearn_rp.wrapper import ClassifierWrapper, has_threshold, weighted

_LEAD = 1e-9  # of the released label's probability over all others
_COPIES = 4  # of each training row, in as many pieces
_MOST_COPIES = 200_000
# The weight of answers learnt for runs is found on so many rows, as many asked about in each half.
_FEWEST_ROWS, _WEIGHED_ROWS, _HELD_OUT = 20, 20_000, 500


class Guarantee(NamedTuple):
    """What an AttributePrivacyClassifier promises, as it was fitted."""

    feature: str
    minimum: float
    unit: str


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
    random_state : int, RandomState instance or None, default=0
        Seed of the forest of the conditional prior and of the pieces behind ``levels``. Not None by
        default: the same rows then give the same release again, and another one about the same
        people would be another constraint on them.

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
    guarantee_ : tuple
        What was promised in `fit`: name of the `feature`, `minimum` and `unit`.
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

    _parameter_constraints: dict = ClassifierWrapper._parameter_constraints | {
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
        random_state=0,
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

    @weighted
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **fit_params):
        """Fit the model and lay the cells.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, for the ``fit`` of the model and where people are counted, in a
            prior learnt from the other features as well; None: all alike.
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
            self._fit(X, y, sample_weight, fit_params)
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, fit_params: dict[str, Any]) -> None:
        X = check_rows(self, X, reset=True)
        params = self._passed_on(X, y, sample_weight, fit_params)
        y = self._check_labels(X, y)
        weight = params.get("sample_weight")
        counted = X if weight is None else take_rows(X, np.flatnonzero(weight))
        attribute = Feature.from_data(counted, self.sensitive_feature, self.bounds, self.domain)
        check_minimum(self.minimum, self.unit, attribute)
        by = self._check_prior(X, attribute)
        self._check_levels(attribute)
        rng = check_random_state(self.random_state)
        base = self._fit_base(clone(self._base()), X, y, params)
        release = Release(base, attribute, X, self.resolution)
        cells = attribute.cells(release.edges, self.resolution)
        own = attribute.values(X)
        cell = cells.of(own)
        people = np.ones(len(cell)) if weight is None else np.asarray(weight, dtype=np.float64)
        count = np.bincount(cell, weights=people, minlength=len(cells))
        measure, least = measured(self.minimum, self.unit, attribute, cells, count)
        if least > measure[-1] - measure[0]:
            warn_user(
                f"minimum={self.minimum} is more than the whole range of {attribute.name!r} "
                f"({measure[-1] - measure[0]:g}): the label cannot depend on it at all."
            )
        self.estimator_ = base
        # A model with a threshold of its own is agreed with in its labels.
        self._by_probability = hasattr(base, "predict_proba") and not has_threshold(base, X)
        self.classes_ = release.symbols
        self.minimum_ = least
        self.bounds_ = attribute.bounds
        # A refusal of one person's value would tell about it: what is beyond counts as the end.
        self._attribute, self._cells = replace(attribute, strict=False), cells
        self._last_start = last_starts(measure, least)
        alike = isinstance(self.prior, str) and self.prior == "empirical"
        self._mass_of_rows = self.unit == "mass" and not alike
        weights = [self._everybody(cells, own[people > 0], count)]
        self._groups = None if by is None else Groups(X, by)
        if self._groups is not None:
            own_group = np.zeros((len(self._groups), len(count)))
            np.add.at(own_group, (self._groups.numbers(X), cell), people)
            own_group += 1e-6 * weights[0]
            weights = [*(own_group / own_group.sum(axis=1, keepdims=True)), *weights]
        self._cell_weights = np.stack(weights)  # the last line is for groups that were not seen
        self._conditional = None
        if self._learns_prior:
            model = None if isinstance(self.prior, str) else self.prior
            seed = int(rng.randint(2**31))
            known = None if weight is None else people[people > 0]
            self._conditional = ConditionalPrior(
                model, counted, self._attribute, cells, seed, known
            )
        self.interval_weight_, self._for_runs = 0.0, None
        if self.levels == "intervals" or (self.levels == "auto" and self._may_learn_levels):
            given = {"sample_weight": sample_weight, **fit_params}
            self._learn_levels(X, y, given, params, measure, rng)
        n_labels = len(self.classes_)
        if attribute.categories is not None and not enumerates(len(count), n_labels, int(least)):
            looked_at = sample_rows(X)
            warn_user(
                f"minimum={self.minimum} with {len(count)} categories and {n_labels} labels: there "
                "are too many sets of labels to try them all. The minimum holds, but the agreement "
                f"with the model may not be the largest possible: in {looked_at.shape[0]} training "
                f"rows at most {self._most_lost(looked_at):.2g} of it is lost, the minimum's own "
                "price included."
            )
        self.guarantee_ = Guarantee(attribute.name, float(self.minimum), self.unit)

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
        self,
        X: Rows,
        y: np.ndarray,
        given: dict[str, Any],
        params: dict[str, Any],
        measure: np.ndarray,
        rng: Any,
    ) -> None:
        """Fit the model of runs, and find its weight: `given` to `fit`, `params` for the model."""
        if self.levels == "auto":
            self.interval_weight_ = self._best_weight(X, y, given, rng)
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
        blurred = self._blurred(X, rows, first, after)
        self._for_runs = fit_in_labels(base, blurred, y[rows], _of_rows(params, rows, n_rows))

    def _blurred(self, X: Rows, rows: np.ndarray, first: np.ndarray, after: np.ndarray) -> Rows:
        """Rows that know only the middle of a stretch of cells, the last of which is not in it."""
        low, high = self._cells.first[first], self._cells.last[after - 1]
        return self._attribute.copies(X, rows, self._attribute.middle(low, high))

    def _best_weight(self, X: Rows, y: np.ndarray, given: dict[str, Any], rng: Any) -> float:
        """Weight of the answers learnt for runs with the least squared error on held-out rows."""
        weight = given["sample_weight"]
        known = np.arange(len(y)) if weight is None else np.flatnonzero(np.asarray(weight))
        counts = np.sort(np.unique(y[known], return_counts=True)[1])
        if len(known) < _FEWEST_ROWS or len(counts) < 2 or counts[-2] < 2:
            return 0.0
        part = clone(self).set_params(
            levels="intervals",
            bounds=self._attribute.bounds,
            domain=self._attribute.domain,
            random_state=int(rng.randint(2**31)),
        )
        order = rng.permutation(known)[:_WEIGHED_ROWS]
        along = across = 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said of all rows already, or about rare labels
            for train, test in StratifiedKFold(2).split(order, y[order]):
                train, test = order[train], order[test][:_HELD_OUT]
                some = _of_rows(given, train, len(y))
                part._fit(take_rows(X, train), y[train], some.pop("sample_weight"), some)
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

    def _most_lost(self, X: Rows) -> float:
        """Largest share of the agreement that a row loses to the minimum."""
        lost = [0.0]
        for labels, _, gain, weight in self._labellings(X):
            kept = np.take_along_axis(gain, labels[:, :, None], axis=2)[:, :, 0]
            lost.append(float(((gain.max(axis=2) - kept) * weight).sum(axis=1).max()))
        return max(lost)

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
        tell no more than the label; where the released label is not the most probable, they are
        moved towards it until it is.

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
            released = np.eye(mean.shape[1], dtype=bool)[own]
            # The largest by _LEAD at least: a tie is nobody's.
            lack = np.where(released, 0.0, mean).max(axis=1) - mean[released] + _LEAD
            lack = np.maximum(lack, 0.0)
            share = (lack / (1 + lack - _LEAD))[:, None]
            parts.append((1 - share) * mean + share * released)
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
        lines = Lines.from_cells(
            labels, cells.first, cells.last, n_labels, self._attribute, "its own labelling"
        )
        return lines, own

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
        size = rows_per_chunk(n_cells * max(X.shape[1], 4 * n_labels))
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
        return last_starts_by_row(weight, self.minimum_) if self._mass_of_rows else self._last_start

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
            found = probabilities_of(model, rows)
        if found is None or found.shape[1] != len(self.classes_):
            # A fallback has no probability of its own.
            labels = encode(labels_of(model, rows), self.classes_)
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
            # Labels of a mapping or a Series are no columns to condition on.
            wanted = None if hasattr(self.prior, "keys") else list(self.prior)
        except TypeError:
            wanted = None
        if wanted is None:
            raise TypeError(
                f"prior={self.prior!r} is not allowed: give 'conditional', 'empirical', "
                "'uniform', a list of columns to condition on, or an estimator."
            )
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
