"""Whose release, of which people, along which feature: what displays of one feature are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn_rp.attribute.along import ReleaseAlong
from sklearn_rp.attribute.guaranteed import Guaranteed
from sklearn_rp.attribute.space import Space
from sklearn_rp.attribute.transformer import AttributePrivacyTransformer
from sklearn_rp.baselines.lists import TopItemsRecommender
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import unwrapped
from sklearn_rp.models.items import ItemScores
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.smoothed import Smoothed
from sklearn_rp.validation import as_rows, check_rows


@dataclass(frozen=True)
class Subject:
    """What is drawn.

    Parameters
    ----------
    model : fitted estimator
        What releases.
    rows : ndarray or frame of shape (n_rows, n_features)
        Checked rows.
    feature : Feature
        The sensitive feature.
    knows : bool
        Whether the estimator knows it itself.
    """

    model: Any
    rows: Rows
    feature: Feature
    knows: bool

    @classmethod
    def of(
        cls,
        estimator: Any,
        X: Any,
        sensitive_feature: Any,
        bounds: Any,
        domain: Any = "auto",
        tolerance: float = 0.0,
    ) -> Subject:
        """From the parameters of a display.

        Raises
        ------
        ValueError
            If the feature is given twice, or not at all.
        """
        knows, name = hasattr(estimator, "compatible_sets"), type(estimator).__name__
        if isinstance(getattr(estimator, "feature_", None), Space):  # one of several
            if sensitive_feature is None:
                raise ValueError(
                    f"{name} hides several features jointly, {estimator.feature_.name}: give one "
                    "of them as sensitive_feature, or use ReleasePlaneDisplay."
                )
            knows = False
        given = {
            "sensitive_feature": sensitive_feature is not None,
            "bounds": bounds is not None,
            "domain": not isinstance(domain, str) or domain != "auto",
            "tolerance": tolerance != 0,
        }
        if knows and any(given.values()):
            raise ValueError(
                f"{name} knows its sensitive feature and what is possible: leave out "
                f"{' and '.join(each for each, there in given.items() if there)}."
            )
        if not knows and sensitive_feature is None:
            raise ValueError(
                f"{name} does not know which feature is sensitive: give sensitive_feature, and "
                "bounds."
            )
        model = estimator
        if isinstance(model, AttributePrivacyTransformer):
            model = model.estimator_
        if knows:
            rows = check_rows(estimator, X, reset=False)
            return cls(model, rows, estimator.feature_, knows)
        rows = as_rows(X)
        return cls(model, rows, Feature.from_data(rows, sensitive_feature, bounds, domain), knows)

    @property
    def inside(self) -> Any:
        """The model inside a release of ours; None where there is none."""
        model = unwrapped(self.model)
        if not isinstance(model, Smoothed | Guaranteed):
            return None
        if isinstance(model.estimator_, ItemScores):
            return TopItemsRecommender.inside(model)
        return model.estimator_

    def models(self, baseline: Any) -> dict[str, Any]:
        """Whose answers are drawn, by name: the model to compare with, if any, and the release.

        Parameters
        ----------
        baseline : "auto", None or fitted estimator
            The model to compare with: "auto" is the one inside; None is no comparison.

        Returns
        -------
        models : dict of str to fitted estimator
        """
        inner = self.inside if isinstance(baseline, str) and baseline == "auto" else baseline
        models = {} if inner is None else {"model": inner}
        return {**models, "released": self.model}


def person_at(rows: Rows, row: int) -> Rows:
    """One person among checked rows: shape (1, n_features).

    Raises
    ------
    ValueError
        If there is no such row.
    """
    n_rows = rows.shape[0]
    if not -n_rows <= row < n_rows:
        raise ValueError(f"row={row!r} is not allowed: X has {n_rows} rows.")
    return take_rows(rows, slice(row % n_rows, row % n_rows + 1))


def left_open(release: ReleaseAlong, person: Rows) -> tuple[float, float, float]:
    """A person's own value, and the ends of the values around it with the same answer."""
    along = release.along(release.checked(person))[0]
    at, runs = float(release.feature.values(person)[0]), along.runs
    here = (runs.symbol == along.symbol[0]) & (runs.low <= at) & (at <= runs.high)
    return at, float(runs.low[here].min(initial=at)), float(runs.high[here].max(initial=at))
