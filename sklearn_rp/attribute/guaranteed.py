"""What the estimators with a minimum share: one answer for stretches of a sensitive feature."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import Interval, StrOptions
from sklearn_rp.attribute.along import ReleaseAlong, edges_along
from sklearn_rp.attribute.asked import asked_of, bounds_given
from sklearn_rp.attribute.cell_prior import CellPrior, check_joint_prior, check_prior, learns
from sklearn_rp.attribute.earlier import earlier_rooms, sets_left
from sklearn_rp.attribute.finding import sets_of
from sklearn_rp.attribute.labelling import MinimumRelease
from sklearn_rp.attribute.levels import best_weight, check_levels, with_run_model
from sklearn_rp.attribute.partition import last_starts, measured, warn_of_nothing
from sklearn_rp.attribute.prior import Prior
from sklearn_rp.attribute.space import Space, axes_of, cells_within
from sklearn_rp.attribute.within import release_within
from sklearn_rp.exceptions import warn_user
from sklearn_rp.feature import Feature, Number
from sklearn_rp.models.inside import cloned, homes, is_frozen, last_step
from sklearn_rp.models.items import ItemScores
from sklearn_rp.models.labels import (
    gives_numbers,
    in_labels,
    labels_of,
    numbers_of,
    probabilities_of,
)
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.trial import depends_on_company, refuse_random
from sklearn_rp.validation import check_rows
from sklearn_rp.wrapper import Wrapper, class_told, of_rows


class Guarantee(NamedTuple):
    """What an estimator with a minimum promises, as it was fitted."""

    feature: str
    minimum: float
    unit: str


class Guaranteed(Wrapper):
    """Base of the estimators whose every answer leaves a minimum of a sensitive feature open."""

    minimum_: Any
    guarantee_: Any
    feature_: Any
    bounds_: Any
    bounds_given_: tuple[bool, ...]

    _answer_name: str  # what is released

    _parameter_constraints: dict = Wrapper._parameter_constraints | {
        "sensitive_feature": "no_validation",
        "minimum": [Interval(Real, 0, None, closed="neither"), "array-like", dict],
        "unit": [StrOptions({"share", "length", "mass", "categories"}), "array-like", dict],
        "bounds": "no_validation",
        "domain": "no_validation",
        "resolution": [Interval(Integral, 1, None, closed="left")],
        "prior": "no_validation",
        "levels": [StrOptions({"model", "intervals", "auto"})],
        "random_state": ["random_state"],
    }

    def _release_of(self, base: Any, X: Rows, y: np.ndarray, **common: Any) -> Any:
        """The release of a fitted model: `common` is what all releases are made of."""
        raise NotImplementedError

    def _ends(
        self, feature: Feature, edges: np.ndarray | None, minimum: float, unit: str
    ) -> np.ndarray | None:
        """Ends of the cells, from those of the model where they are known."""
        return edges

    def _check_release(self, release: Any, X: Rows) -> None:
        """Warn where the best release may not be found."""

    def _check_known(self, y: np.ndarray, release: Any) -> None:
        """Refuse targets that a second model would know and the first does not."""

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        weight = params.get("sample_weight")
        counted = X if weight is None else take_rows(X, np.flatnonzero(weight))
        asked = asked_of(self, counted)
        features = [feature for feature, _, _ in asked]
        by, *_ = [check_prior(self.prior, X, feature) for feature in features]
        if len(features) > 1:
            check_joint_prior(self.prior, features)
        for feature in features:
            check_levels(self.levels, self._given(), feature)
        rng = check_random_state(self.random_state)
        base = self._fit_base(cloned(self._base()), X, y, params)
        refuse_random(base, X)

        def prior_of(feature: Any, cells: Any, own: np.ndarray) -> CellPrior:
            seed = int(rng.randint(2**31)) if learns(self.prior) else 0
            return CellPrior(self.prior, feature, cells, X, own, weight, by, seed)

        lay_out = self._line if len(features) == 1 else self._grid
        laid_out, measures, least = lay_out(asked, base, X, counted, weight, prior_of)
        for (feature, minimum, unit), smallest, measure in zip(asked, least, measures, strict=True):
            self._warn_of_too_much(minimum, smallest, feature, measure)
            warn_of_nothing(minimum, unit, smallest, feature)
        release: MinimumRelease = self._release_of(
            base,
            X,
            y if weight is None else y[np.asarray(weight) > 0],
            model=base,
            alone=depends_on_company(base, X),
            **laid_out,
        )
        release = self._with_levels(release, X, y, params, measures, rng)
        self._check_release(release, X)
        promised = tuple(Guarantee(f.name, float(m), u) for f, m, u in asked)
        if len(features) == 1:
            (self.minimum_,), (self.guarantee_,) = least, promised
            self.bounds_ = features[0].bounds
        else:
            self.minimum_ = {f.name: smallest for f, smallest in zip(features, least, strict=True)}
            self.guarantee_ = promised
            self.bounds_ = {f.name: f.bounds for f in features}
        self.bounds_given_ = bounds_given(self, X, features)
        self.estimator_ = base
        self.interval_weight_ = release.run_weight
        self.feature_ = release.feature
        self.release_ = release

    def _line(
        self,
        asked: list[tuple[Feature, Any, str]],
        base: Any,
        X: Rows,
        counted: Rows,
        weight: Any,
        prior_of: Callable[..., CellPrior],
    ) -> tuple[dict[str, Any], list[np.ndarray], tuple[float, ...]]:
        """Cells of one feature: what a release is made of, their ends, and the minimum."""
        ((feature, minimum, unit),) = asked
        edges, _ = edges_along(base, feature, X)
        cells = feature.cells(self._ends(feature, edges, minimum, unit), self.resolution)
        own = feature.values(X)
        # A refusal of one person's value would tell about it: what is beyond counts as the end.
        feature = feature.lenient()
        prior = prior_of(feature, cells, own)
        measure, least = measured(minimum, unit, feature, cells, prior.count)
        by_row = unit == "mass" and not prior.empirical
        last_start = None if by_row else last_starts(measure, least)
        laid_out = {"feature": feature, "cells": cells, "prior": prior, "minimum": least}
        laid_out |= {"last_start": last_start, "by_mass": unit == "mass"}
        return laid_out, [measure], (least,)

    def _grid(
        self,
        asked: list[tuple[Feature, Any, str]],
        base: Any,
        X: Rows,
        counted: Rows,
        weight: Any,
        prior_of: Callable[..., CellPrior],
    ) -> tuple[dict[str, Any], list[np.ndarray], tuple[float, ...]]:
        """As `_line`, of several features together."""
        features = tuple(feature for feature, _, _ in asked)
        edges = [edges_along(base, feature, X)[0] for feature in features]
        sides = cells_within(self._told_by(base), counted, asked, edges, self.resolution)
        space = Space(features, sides)
        own = space.values(X)
        space = space.lenient()
        prior = prior_of(space, space, own)
        axes, measures, least = axes_of(asked, sides, own, weight)
        laid_out = {"feature": space, "cells": space, "prior": prior, "minimum": least}
        return laid_out | {"last_start": None, "axes": axes}, list(measures), least

    @staticmethod
    def _told_by(model: Any) -> Callable[[Rows], np.ndarray]:
        """What a model answers, as numbers: shape (n_rows, k)."""

        def ask(rows: Rows) -> np.ndarray:
            if isinstance(model, ItemScores):
                return model.predict(rows)
            if gives_numbers(model):
                return numbers_of(model, rows)[:, None]
            if hasattr(model, "predict_proba"):
                return probabilities_of(model, rows)
            return (labels_of(model, rows)[:, None] == in_labels(model).classes_).astype(float)

        return ask

    def _warn_of_too_much(
        self, minimum: Any, least: float, feature: Feature, measure: np.ndarray
    ) -> None:
        if least > measure[-1] - measure[0]:
            warn_user(
                f"minimum={minimum} is more than the whole range of {feature.name!r} "
                f"({measure[-1] - measure[0]:g}): the {self._answer_name} cannot depend on it at "
                "all."
            )

    def _with_levels(
        self,
        release: MinimumRelease,
        X: Rows,
        y: np.ndarray,
        params: dict[str, Any],
        measures: list[np.ndarray],
        rng: np.random.RandomState,
    ) -> MinimumRelease:
        """The release with answers learnt for runs, or boxes."""
        given, feature = self._given(), release.feature
        features = feature.features if isinstance(feature, Space) else (feature,)
        weight = 1.0 if self.levels == "intervals" else 0.0

        def fit_on(rows: np.ndarray, seed: int) -> MinimumRelease:
            # By position: a feature's own bounds may look like one bound for each.
            known = {k: {f.column: getattr(f, k) for f in features} for k in ("bounds", "domain")}
            part = clone(self).set_params(levels="intervals", random_state=seed, **known)
            part._learn(take_rows(X, rows), y[rows], of_rows(params, rows, len(y)))
            return part.release_

        numbers = all(isinstance(each, Number) for each in features)
        if self.levels == "auto" and numbers and not is_frozen(given):
            labels = self._kind == "classifier" or class_told(self) is not None
            labels = labels or (self._kind == "recommender" and y.ndim == 1)
            weight = best_weight(fit_on, X, y, params.get("sample_weight"), rng, labels)
        if weight == 0:
            return release
        self._check_known(y, release)
        thawed = given.estimator if isinstance(given, FrozenEstimator) else given
        estimator = cloned(self._answering(thawed))
        fit = self._fit_model
        return with_run_model(release, weight, estimator, fit, X, y, params, measures, rng)

    def answers_itself(self) -> bool:
        """Whether `predict` is ours: a subclass may have one of its own.

        Returns
        -------
        ours : bool
        """
        return homes(type(self), "predict") == {"sklearn_rp"}

    def predict(self, X, within=None):
        """Answer to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        within : CompatibleSets or JointSets, default=None
            What earlier releases about the same people, of any models, left open: `compatible_sets`
            of the last of them. The answer is chosen inside it, so that the component that holds a
            row is never cut below the minimum, however many releases there are.

        Returns
        -------
        answer : ndarray of shape (n_samples,)

        Raises
        ------
        ValueError
            If `within` does not hold a row's own value, which must have changed since; or is of
            other features, possible values or rows.
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        if within is None:
            return self.release_.release(X)
        rooms, own = earlier_rooms(within, X, self.release_.space)
        return release_within(self.release_, X, rooms, own).answer

    def compatible_sets(self, X, within=None):
        """Sets of values with the same released answer; for the owner of the rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        within : CompatibleSets or JointSets, default=None
            What earlier releases left open, as of `predict`.

        Returns
        -------
        sets : CompatibleSets, or JointSets of several features
            Exact: no component that holds a row is shorter than the minimum. With `within` what is
            open after this release, too: what the next one takes. A component is then no shorter
            than the minimum, or than what was left of it before.

        Raises
        ------
        ValueError
            As of `predict`.
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        if within is None and not self.answers_itself():
            # A subclass has answers of its own: these are looked at.
            return sets_of(ReleaseAlong(self, self.feature_, X, self.resolution), X)
        return sets_left(self.release_, X, within)

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
        release = self.release_
        if isinstance(release.feature, Space):
            raise ValueError(
                "attribute_prior is of one sensitive feature. Of several, release_.prior.weights(X)"
                " has the weight of every cell of release_.cells."
            )
        values = release.feature.named(release.cells.at)
        return Prior(values, np.array(release.prior.weights(X)))


def guarantee_of(estimator: Any) -> Any:
    """What is promised for everybody by the last step, as it was fitted: one for each feature."""
    last = last_step(estimator)
    ours = isinstance(last, Guaranteed) and last.answers_itself()
    return last.guarantee_ if ours else None
