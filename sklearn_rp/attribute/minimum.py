"""AttributePrivacyClassifier: labels whose compatible set is never narrow.

Along the sensitive feature, the others fixed, the released label is chosen anew, cell by cell: the
labelling that agrees best with the model among all in which every run of one label is long enough.
It depends on the other features alone, so that the promise holds for every row.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import (
    HasMethods,
    Interval,
    StrOptions,
    fit_context,
    with_callbacks,
)
from sklearn_rp.attribute.compatible_sets import CompatibleSets, sets_of
from sklearn_rp.attribute.prior import Groups
from sklearn_rp.attribute.release import Attribute, Lines, Release
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.rows import Rows, column_names, find_column, rows_per_chunk, take_rows
from sklearn_rp.smoothing import encode, labels_of, probabilities_of
from sklearn_rp.validation import check_rows, unchanged_on_error
from sklearn_rp.wrapper import ClassifierWrapper, has_threshold, weighted

_TOLERANCE = 1e-12  # of the range: two lengths that differ by rounding are equal
_MOST_STATES = 100_000


def best_runs(gain: np.ndarray, last_start: np.ndarray) -> np.ndarray:
    """Labelling of cells with the largest total gain in which every run is long enough.

    Dynamic programming over (cell, label of the run that ends there), O(cells x labels) a row.
    With ``G`` the gains summed up and ``F[k]`` the best total of the first ``k`` cells,

        f[k, c] = G[k, c] + max_{j <= last_start[k]} (F[j] - G[j, c]),    F[k] = max_c f[k, c].

    Two neighbouring runs may carry one label: together they are one longer run.

    Parameters
    ----------
    gain : ndarray of shape (n_rows, n_cells, n_labels)
        What each label of each cell is worth.
    last_start : ndarray of int of shape (n_cells + 1,)
        The last cell at which a run that ends before cell ``k`` may start; -1 where it may not end
        there. It does not fall, and ``last_start[n_cells]`` is at least 0.

    Returns
    -------
    label : ndarray of int of shape (n_rows, n_cells)

    Examples
    --------
    >>> gain = np.array([[[1.0, 0], [0, 1.1], [1.0, 0], [1.0, 0]]])
    >>> best_runs(gain, np.array([-1, 0, 1, 2, 3]))[0].tolist()  # any run
    [0, 1, 0, 0]
    >>> best_runs(gain, np.array([-1, -1, 0, 1, 2]))[0].tolist()  # two cells at least
    [1, 1, 0, 0]
    """
    n_rows, n_cells, n_labels = gain.shape
    total = np.zeros((n_rows, n_labels))  # G[k]
    best = np.zeros((n_cells + 1, n_rows))  # F[k]
    best[1:] = -np.inf
    start_value = np.full((n_rows, n_labels), -np.inf)  # max of F[j] - G[j, c] over allowed j
    start = np.zeros((n_rows, n_labels), dtype=np.int32)
    came_from = np.zeros((n_cells + 1, n_rows), dtype=np.int32)
    came_with = np.zeros((n_cells + 1, n_rows), dtype=np.int32)
    waiting = {0: np.zeros((n_rows, n_labels))}  # F[j] - G[j, c] of starts not yet allowed
    opened = -1
    rows = np.arange(n_rows)
    for k in range(1, n_cells + 1):
        total = total + gain[:, k - 1]
        while opened < last_start[k]:
            opened += 1
            value = waiting.pop(opened)
            better = value > start_value
            start_value = np.where(better, value, start_value)
            start = np.where(better, opened, start)
        if opened >= 0:
            ended = total + start_value
            label = ended.argmax(axis=1)
            best[k], came_with[k] = ended[rows, label], label
            came_from[k] = start[rows, label]
        waiting[k] = best[k][:, None] - total
    answer = np.empty((n_rows, n_cells), dtype=np.int64)
    at = np.full(n_rows, n_cells)
    begin, current = came_from[at, rows], came_with[at, rows]
    for k in range(n_cells - 1, -1, -1):
        passed = k < begin
        at = np.where(passed, begin, at)
        begin, current = came_from[at, rows], came_with[at, rows]
        answer[:, k] = current
    return answer


def best_assignment(gain: np.ndarray, least: int) -> np.ndarray:
    """Labelling of categories with the largest total gain; each label used has enough of them.

    Dynamic programming over (category, number of categories of each label so far, up to `least`).

    Parameters
    ----------
    gain : ndarray of shape (n_rows, n_categories, n_labels)
        What each label of each category is worth.
    least : int
        Fewest categories of a label that is used at all.

    Returns
    -------
    label : ndarray of int of shape (n_rows, n_categories)
    """
    n_rows, n_categories, n_labels = gain.shape
    if least >= n_categories:
        whole = gain.sum(axis=1).argmax(axis=1)
        return np.repeat(whole[:, None], n_categories, axis=1)
    n_states = (least + 1) ** n_labels
    if n_states > _MOST_STATES:
        raise ValueError(
            f"minimum={least} categories with {n_labels} labels is too much to optimise exactly "
            f"({n_states} states): lower minimum."
        )
    shape = (least + 1,) * n_labels
    value = np.full((*shape, n_rows), -np.inf)
    value[(0,) * n_labels] = 0.0
    choice = np.zeros((n_categories, *shape, n_rows), dtype=np.int8)
    # Whether the count of the chosen label was full before: then the state is the one it came from.
    full = np.zeros((n_categories, *shape, n_rows), dtype=bool)
    for m in range(n_categories):
        new = np.full_like(value, -np.inf)
        for label in range(n_labels):
            before = np.moveaxis(value, label, 0)
            after = np.full_like(before, -np.inf)
            after[1:] = before[:-1]
            stayed = np.zeros(before.shape, dtype=bool)
            stayed[-1] = before[-1] > after[-1]
            after[-1] = np.maximum(after[-1], before[-1])
            gained = np.moveaxis(after, 0, label) + gain[:, m, label]
            better = gained > new
            new = np.where(better, gained, new)
            choice[m] = np.where(better, label, choice[m])
            full[m] = np.where(better, np.moveaxis(stayed, 0, label), full[m])
        value = new
    counts = np.indices(shape).reshape(n_labels, -1)
    allowed = ((counts == 0) | (counts == least)).all(axis=0)
    state = np.where(allowed[:, None], value.reshape(-1, n_rows), -np.inf).argmax(axis=0)
    at = np.stack(np.unravel_index(state, shape))
    rows = np.arange(n_rows)
    answer = np.empty((n_rows, n_categories), dtype=np.int64)
    for m in range(n_categories - 1, -1, -1):
        label = choice[(m, *at, rows)]
        was_full = full[(m, *at, rows)]
        answer[:, m] = label
        at[label, rows] -= ~was_full
    return answer


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
        "share" of the range, in (0, 1]; "length" in the feature's own unit; "mass": share of the
        training population, in (0, 1]; "categories": number of them, for a categorical feature
        (which takes "share" as well).
    bounds : (low, high), or sequence of categories, default=None
        The values that are possible; None: those seen in `fit`. A value beyond the range is
        released as the nearest value inside.
    resolution : int, default=256
        Cells of the range where the model's own thresholds are not known. The model is read in
        the middle of each.
    prior : "empirical", "uniform", sequence of columns, or density, default="empirical"
        How likely each cell is, when agreement is counted: as in the training population, evenly
        over the range, as among the training rows that are equal in some columns, or by an
        estimator of the density with ``fit`` and ``score_samples`` such as
        :class:`~sklearn.neighbors.KernelDensity` (it is cloned).

    Attributes
    ----------
    estimator_ : classifier
        The fitted model.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    minimum_ : float
        The minimum in the feature's own unit (share and length), as a share of the population
        (mass), or in categories.
    bounds_ : tuple or ndarray
        The values that are possible.
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
        "resolution": [Interval(Integral, 1, None, closed="left")],
        "prior": "no_validation",
    }

    def __init__(
        self,
        estimator=None,
        *,
        sensitive_feature,
        minimum=0.2,
        unit="share",
        bounds=None,
        resolution=256,
        prior="empirical",
    ):
        self.estimator = estimator
        self.sensitive_feature = sensitive_feature
        self.minimum = minimum
        self.unit = unit
        self.bounds = bounds
        self.resolution = resolution
        self.prior = prior

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
            Weight of each row, for the ``fit`` of the model; None: all alike.
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
        attribute = Attribute.from_data(X, self.sensitive_feature, self.bounds)
        self._check_minimum(attribute)
        by = self._check_prior(X, attribute)
        base = self._fit_base(clone(self._base()), X, y, params)
        release = Release(base, attribute, X, self.resolution)
        edges = self._edges_of(release)
        own = attribute.values(X)
        cell = _cell_of(attribute, edges, own)
        count = np.bincount(cell, minlength=len(edges) - 1).astype(float)
        measure, least = self._measured(attribute, edges, count)
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
        self._attribute, self._edges = replace(attribute, strict=False), edges
        self._last_start = _last_starts(measure, least)
        weights = [self._everybody(edges, own, count)]
        self._groups = None if by is None else Groups(X, by)
        if self._groups is not None:
            own_group = np.zeros((len(self._groups), len(count)))
            np.add.at(own_group, (self._groups.numbers(X), cell), 1.0)
            own_group += 1e-6 * weights[0]
            weights = [*(own_group / own_group.sum(axis=1, keepdims=True)), *weights]
        self._cell_weights = np.stack(weights)  # the last line is for groups that were not seen

    def _edges_of(self, release: Release) -> np.ndarray:
        """Ends of the cells: the model's own thresholds, an even grid, or the categories."""
        attribute = release.attribute
        if release.sweep is not None and release.smoothed is None:
            inner = release.sweep.edges[0]
            inner = inner[(inner > attribute.low) & (inner < attribute.high)]
            return np.r_[attribute.low, inner, attribute.high]
        if attribute.categories is None:
            return np.linspace(attribute.low, attribute.high, self.resolution + 1)
        return np.arange(len(attribute.categories) + 1.0)

    def _measured(
        self, attribute: Attribute, edges: np.ndarray, count: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """The edges, and the minimum, in the measure that the minimum is about."""
        least = float(self.minimum)
        if self.unit == "mass":
            return np.r_[0.0, np.cumsum(count) / count.sum()], least
        if self.unit == "share" and attribute.categories is not None:
            least = float(np.ceil(least * len(attribute.categories) - 1e-9))
        elif self.unit == "share":
            least *= attribute.span
        return edges, least

    def _everybody(self, edges: np.ndarray, own: np.ndarray, count: np.ndarray) -> np.ndarray:
        """Prior weights of the cells, over all people."""
        width = np.diff(edges)
        # No cell is worthless: where nobody was seen, the model still decides.
        even = width / width.sum()
        if hasattr(self.prior, "score_samples"):
            density = clone(self.prior).fit(own[:, None])
            height = np.exp(density.score_samples(((edges[1:] + edges[:-1]) / 2)[:, None]))
            everybody = height * width + 1e-6 * even
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
        edges, n_rows = self._edges, len(labels)
        change = np.ones(labels.shape, dtype=bool)
        if self._attribute.categories is None:
            change[:, 1:] = labels[:, 1:] != labels[:, :-1]
        row, cell = np.nonzero(change)
        last = np.r_[row[1:] != row[:-1], True]
        high = np.where(last, edges[-1], edges[np.r_[cell[1:], 0]])
        symbol = labels[row, cell]
        length = np.zeros((n_rows, len(self.classes_)))
        np.add.at(length, (row, symbol), high - edges[cell])
        return Lines(row, symbol, edges[cell], high, length, length), own

    def _labellings(self, X: Rows) -> Any:
        """Chunk by chunk: labels of all cells, of the rows, gains, and weights of the cells."""
        n_cells, n_labels = len(self._edges) - 1, len(self.classes_)
        own = self._attribute.values(X)
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
                labels = best_runs(weighted, self._last_start)
            cell = _cell_of(self._attribute, self._edges, own[rows])
            yield labels, labels[np.arange(len(cell)), cell], gain, weight

    def _gain(self, X: Rows) -> np.ndarray:
        """Probability of each label in each cell: shape (n_rows, n_cells, n_labels)."""
        attribute, edges = self._attribute, self._edges
        n_rows, n_cells = X.shape[0], len(edges) - 1
        middle = (edges[1:] + edges[:-1]) / 2
        z = np.arange(n_cells) if attribute.categories is not None else middle
        copies = attribute.copies(X, np.repeat(np.arange(n_rows), n_cells), np.tile(z, n_rows))
        if self._by_probability:
            found = probabilities_of(self.estimator_, copies)
            if found.shape[1] != len(self.classes_):  # a fallback has no probability of its own
                found = self._votes(copies)
        else:
            found = self._votes(copies)
        # Rounded: the last bits of a model's answer may depend on the batch, the release must not.
        return found.reshape(n_rows, n_cells, -1).round(9)

    def _votes(self, copies: Rows) -> np.ndarray:
        labels = encode(labels_of(self.estimator_, copies), self.classes_)
        return np.eye(len(self.classes_))[labels]

    def _weights(self, X: Rows) -> np.ndarray:
        """Weight of each cell for each row: shape (n_rows, n_cells)."""
        group = np.full(X.shape[0], -1) if self._groups is None else self._groups.numbers(X)
        return self._cell_weights[group]

    def _check_minimum(self, attribute: Attribute) -> None:
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

    def _check_prior(self, X: Rows, attribute: Attribute) -> list[int] | None:
        """Columns to condition on; None where the prior is the same for all."""
        if isinstance(self.prior, str):
            if self.prior not in ("empirical", "uniform"):
                raise ValueError(
                    f"prior={self.prior!r} is not allowed: give 'empirical', 'uniform', or a list "
                    "of columns to condition on."
                )
            return None
        if hasattr(self.prior, "score_samples"):
            if attribute.categories is not None:
                raise ValueError(
                    f"prior={self.prior!r} is a density, which a categorical feature has not: give "
                    "'empirical', 'uniform', or a list of columns to condition on."
                )
            return None
        try:
            wanted = list(self.prior)
        except TypeError:
            raise TypeError(
                f"prior={self.prior!r} is not allowed: give 'empirical', 'uniform', a list of "
                "columns to condition on, or an estimator of the density."
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


def _cell_of(attribute: Attribute, edges: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Cell of each value. An edge belongs to the cell below it; the outer cells go on for ever."""
    if attribute.categories is not None:
        return own.astype(np.intp)
    return np.searchsorted(edges[1:-1], own, side="left")


def _last_starts(measure: np.ndarray, least: float) -> np.ndarray:
    """For each end of a run, the last start that makes it long enough; -1 if there is none."""
    slack = _TOLERANCE * (measure[-1] - measure[0])
    last = np.searchsorted(measure, measure - least + slack, side="right") - 1
    last = np.minimum(last, np.arange(len(measure)) - 1)
    if last[-1] < 0:  # the whole range is too short: one label for all of it
        last[-1] = 0
    return last
