"""What the estimators with a minimum share: one answer for stretches of a sensitive feature."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import Interval, StrOptions
from sklearn_rp.attribute.along import ReleaseAlong, edges_along
from sklearn_rp.attribute.cell_prior import CellPrior, check_prior, learns
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.finding import sets_of
from sklearn_rp.attribute.labelling import MinimumRelease
from sklearn_rp.attribute.levels import best_weight, check_levels, with_run_model
from sklearn_rp.attribute.partition import check_minimum, last_starts, measured
from sklearn_rp.attribute.prior import Prior
from sklearn_rp.exceptions import warn_user
from sklearn_rp.feature import Feature, Number
from sklearn_rp.models.inside import is_frozen, last_step
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.trial import refuse_random
from sklearn_rp.validation import check_rows
from sklearn_rp.wrapper import Wrapper, of_rows


class Guarantee(NamedTuple):
    """What an estimator with a minimum promises, as it was fitted."""

    feature: str
    minimum: float
    unit: str


class Guaranteed(Wrapper):
    """Base of the estimators whose every answer leaves a minimum of a sensitive feature open."""

    _answer_name: str  # what is released

    _parameter_constraints: dict = Wrapper._parameter_constraints | {
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

    def _release_of(self, base: Any, X: Rows, y: np.ndarray, **common: Any) -> Any:
        """The release of a fitted model: `common` is what all releases are made of."""
        raise NotImplementedError

    def _ends(self, feature: Feature, edges: np.ndarray | None) -> np.ndarray | None:
        """Ends of the cells, from those of the model where they are known."""
        return edges

    def _check_release(self, release: Any, X: Rows) -> None:
        """Warn where the best release may not be found."""

    def _check_known(self, y: np.ndarray, release: Any) -> None:
        """Refuse targets that a second model would know and the first does not."""

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        weight = params.get("sample_weight")
        counted = X if weight is None else take_rows(X, np.flatnonzero(weight))
        feature = Feature.from_data(counted, self.sensitive_feature, self.bounds, self.domain)
        check_minimum(self.minimum, self.unit, feature)
        by = check_prior(self.prior, X, feature)
        check_levels(self.levels, self._given(), feature)
        rng = check_random_state(self.random_state)
        base = self._fit_base(clone(self._base()), X, y, params)
        refuse_random(base, X)
        edges, _ = edges_along(base, feature, X)
        cells = feature.cells(self._ends(feature, edges), self.resolution)
        own = feature.values(X)
        # A refusal of one person's value would tell about it: what is beyond counts as the end.
        feature = feature.lenient()
        seed = int(rng.randint(2**31)) if learns(self.prior) else 0
        prior = CellPrior(self.prior, feature, cells, X, own, weight, by, seed)
        measure, least = measured(self.minimum, self.unit, feature, cells, prior.count)
        if least > measure[-1] - measure[0]:
            warn_user(
                f"minimum={self.minimum} is more than the whole range of {feature.name!r} "
                f"({measure[-1] - measure[0]:g}): the {self._answer_name} cannot depend on it at "
                "all."
            )
        by_row = self.unit == "mass" and not prior.empirical
        release: MinimumRelease = self._release_of(
            base,
            X,
            y if weight is None else y[np.asarray(weight) > 0],
            model=base,
            feature=feature,
            cells=cells,
            prior=prior,
            minimum=least,
            last_start=None if by_row else last_starts(measure, least),
        )
        release = self._with_levels(release, X, y, params, measure, rng)
        self._check_release(release, X)
        self.estimator_ = base
        self.minimum_ = least
        self.bounds_ = feature.bounds
        self.interval_weight_ = release.run_weight
        self.guarantee_ = Guarantee(feature.name, float(self.minimum), self.unit)
        self.feature_ = feature
        self.release_ = release

    def _with_levels(
        self,
        release: MinimumRelease,
        X: Rows,
        y: np.ndarray,
        params: dict[str, Any],
        measure: np.ndarray,
        rng: np.random.RandomState,
    ) -> MinimumRelease:
        """The release with answers learnt for runs."""
        given, feature = self._given(), release.feature
        weight = 1.0 if self.levels == "intervals" else 0.0

        def fit_on(rows: np.ndarray, seed: int) -> MinimumRelease:
            part = clone(self).set_params(
                levels="intervals", bounds=feature.bounds, domain=feature.domain, random_state=seed
            )
            part._learn(take_rows(X, rows), y[rows], of_rows(params, rows, len(y)))
            return part.release_

        if self.levels == "auto" and isinstance(feature, Number) and not is_frozen(given):
            labels = self._kind == "classifier" or self.pos_label is not None
            weight = best_weight(fit_on, X, y, params.get("sample_weight"), rng, labels)
        if weight == 0:
            return release
        self._check_known(y, release)
        thawed = given.estimator if isinstance(given, FrozenEstimator) else given
        estimator = clone(self._answering(thawed))
        fit = self._fit_model
        return with_run_model(release, weight, estimator, fit, X, y, params, measure, rng)

    def predict(self, X):
        """Answer to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        answer : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.release_.release(check_rows(self, X, reset=False))

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
        sets: CompatibleSets = sets_of(ReleaseAlong(self, self.feature_, X, self.resolution), X)
        return sets

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
        values = release.feature.named(release.cells.at)
        return Prior(values, np.array(release.prior.weights(X)))


def guarantee_of(estimator: Any) -> Guarantee | None:
    """What is promised for everybody by the last step, as it was fitted."""
    last = last_step(estimator)
    ours = getattr(type(last), "predict", None) is Guaranteed.predict
    return last.guarantee_ if ours else None
