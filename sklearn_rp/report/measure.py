"""One release measured, or several: operating point, certificates, sets and attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sklearn_rp.attacks.attribute_inference import AttributeInferenceAttack
from sklearn_rp.attribute.finding import check_tolerance, compatible_sets
from sklearn_rp.attribute.guaranteed import Guaranteed
from sklearn_rp.attribute.space import Space
from sklearn_rp.certificate import Certificate
from sklearn_rp.certifying import certify
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import is_pipeline, unwrapped
from sklearn_rp.models.items import gives_lists
from sklearn_rp.release import release_of
from sklearn_rp.report.asked import (
    alike,
    as_parameters,
    as_told,
    by_feature,
    features_in,
    listed,
    take_own,
    together_with,
)
from sklearn_rp.report.comparison import PrivacyComparison
from sklearn_rp.report.page import PrivacyReport
from sklearn_rp.report.point import beyond_fallback, operating_point, possible_values
from sklearn_rp.report.quality import fifths, kind_of, told, without_privacy
from sklearn_rp.report.remembered import remembered
from sklearn_rp.report.tables import first_width, groups_table, joint_table, quantiles, sets_table
from sklearn_rp.report.warnings import (
    about_attack,
    about_joint,
    about_origin,
    about_range,
    about_release,
    about_sets,
)
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.trial import is_random
from sklearn_rp.validation import check_groups
from sklearn_rp.wrapper import truth_of


def privacy_report(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sensitive_features: str | int | Sequence[str | int],
    groups: Any = None,
    bounds: Any = None,
    domain: Any = None,
    units: str | Mapping[Any, str] | None = None,
    X_public: Any = None,
    resolution: int = 256,
    tolerance: float = 0.0,
    jointly: bool | None = None,
    ledger: Any = None,
    ids: Any = None,
    baseline: str | None = "auto",
    random_state: int = 0,
    n_jobs: int | None = None,
) -> PrivacyReport | PrivacyComparison:
    """Report on what a fitted classifier, regressor or recommender releases about some people.

    Parameters
    ----------
    estimator : fitted classifier, regressor or recommender, or dict of str to these
        A dict, by name, is reported side by side, all that follows being the same for each.
        Anything with ``predict``; certificates are reported where :func:`~sklearn_rp.certify` takes
        it, and the minimum of an :class:`~sklearn_rp.AttributePrivacyClassifier`,
        -Regressor or -Recommender, all as fitted.
    X : array or DataFrame of shape (n_rows, n_features)
        The people: rows that the model was not fitted on.
    y : array-like of shape (n_rows,), or (n_rows, n_items)
        Their true labels, or numbers; labels as well where the probability of one is released;
        of a recommender what it takes for `score`.
    sensitive_features : str, int or sequence of them
        Attributes that an answer may give away, numeric or categorical.
    groups : array-like of shape (n_rows,), default=None
        A group for each person, for figures per group; None: the released labels, or fifths of
        the released numbers; of lists none.
    bounds : (low, high), sequence of categories, or mapping from feature to these, default=None
        Values that are possible, for features as named in `sensitive_features`; where they are not
        given, those of the estimator with a minimum, else those in `X` and `X_public`.
    domain : "continuous", "integer", sequence of numbers, or mapping to these, default=None
        Numbers that are possible within the bounds, by feature likewise; where it is not given, it
        is found as by :func:`~sklearn_rp.attribute.compatible_sets`.
    units : str, or mapping from feature to str, default=None
        Units of the features, in words and figures: ``"kg/m2"``.
    X_public : array or DataFrame of shape (n_public, n_features), default=None
        People whose attributes the attacker knows, with the columns of `X`. None: half of `X`, and
        the attack is on the other half.
    resolution : int, default=256
        Cells of the first look for compatible sets.
    tolerance : float, default=0.0
        Of a regressor whose numbers are released as they are: numbers that differ by no more than
        this are taken for the same, as an exact one leaves one value.
    jointly : bool, default=None
        Whether to look at all `sensitive_features`, two or three, together as well: what is left
        open of their joint values, and what an attacker guesses who knows none of them. None: where
        the estimator hides them jointly.
    ledger : ReleaseLedger, default=None
        What remembers the releases about these people: what is left open after all of them is
        reported, too. Of an estimator with a minimum, which is not behind the steps of a Pipeline;
        of several, of those that have one.
    ids : array-like of shape (n_rows,), default=None
        Who they are, for the ledger.
    baseline : "auto" or None, default="auto"
        What to compare sets with: "auto" is the model inside a release of ours, behind the same
        steps of a Pipeline; None leaves them out, and takes half of the time.
    random_state : int, default=0
        Seed of the halves and of the attack's models.
    n_jobs : int, default=None
        Processes for compatible sets (joblib).

    Returns
    -------
    report : PrivacyReport, or PrivacyComparison of several estimators
        Shows as figures and tables in a notebook; ``to_html`` and ``to_json`` export it.

    Raises
    ------
    ValueError
        If a sensitive feature is not there, or the rows are too few for an attack; or if only one
        of `ledger` and `ids` is given.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.datasets import load_recommendation
    >>> from sklearn_rp.report import privacy_report
    >>> X, y = load_recommendation(return_X_y=True, as_frame=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> clf = RobustPrivacyClassifier(
    ...     DecisionTreeClassifier(max_depth=4, random_state=0), noise_features=["bmi"]
    ... ).fit(X_train, y_train)
    >>> report = privacy_report(clf, X_test, y_test, sensitive_features=["bmi"])
    >>> list(report.sets), report.operating_point["method"]
    (['bmi'], 'exact')
    """
    features = listed(sensitive_features)
    bounds = by_feature("bounds", bounds, features, "(low, high)")
    domains = by_feature("domain", domain, features, "'integer'")
    units = by_feature("units", units, features, "'kg/m2'")
    _check(estimator, baseline)
    X = as_told(X)
    X_public = None if X_public is None else alike(as_told(X_public), X)
    several = dict(estimator) if isinstance(estimator, Mapping) else {"": estimator}
    everybody = together_with(X, X_public)
    for each in several.values():
        take_own(each, everybody, features, bounds, domains)
    known = features_in(everybody, features, bounds, domains)
    together = any(_joint(jointly, each, known) for each in several.values())
    asked = {"resolution": resolution, "tolerance": tolerance}
    bounded = [feature in bounds for feature in features]
    written = {
        f.name: units[name]
        for f, name in zip(known, features, strict=True)
        if name in units and f.categories is None and isinstance(f.domain, str)  # else counted
    }
    study = _Study(
        X, y, X_public, groups, known, bounded, written, asked, together, ledger, ids,
        len(several) > 1, baseline is not None, random_state, n_jobs,
    )  # fmt: skip
    reports = {str(name): study.report(each) for name, each in several.items()}
    return PrivacyComparison(reports) if isinstance(estimator, Mapping) else reports[""]


@dataclass(frozen=True)
class _Study:
    """Who is looked at, along which features, and how: the same for every estimator."""

    X: Rows
    y: Any
    X_public: Rows | None
    groups: Any
    features: list[Feature]
    bounded: list[bool]  # whether the possible values of a feature were given
    units: dict[str, str]  # by name of the feature
    asked: dict[str, Any]
    jointly: bool  # whether the features are looked at together as well
    ledger: Any
    ids: Any
    several: bool  # estimators, of which some may not be the ledger's
    compared: bool  # with the model inside
    random_state: int
    n_jobs: int | None

    def report(self, estimator: Any) -> PrivacyReport:
        """All that is measured of one estimator."""
        X, asked = self.X, self.asked
        check_tolerance(asked["tolerance"], estimator)
        y = self.y if gives_lists(estimator) else truth_of(estimator, column_or_1d(self.y))
        word, answer = told(estimator, X)
        groups = self._groups(answer, word)
        cert, random = _certificate(estimator, X), is_random(estimator, X)
        point = operating_point(estimator, cert, X, answer, y) | self._possible_values()
        warned = about_release(estimator, point, cert, random)
        warned += about_origin(self.features, self.bounded, estimator)
        warned += about_range(point["possible_values"], point.get("guaranteed_within"))
        # Behind the steps of a Pipeline noise is on other features than these, whatever their name.
        direct = not is_pipeline(unwrapped(estimator))
        inside = without_privacy(estimator) if self.compared else None
        tables, bare, attacks = {}, {}, {}
        people: dict[str, Any] = {}
        for feature in [] if random else self.features:
            alone = as_parameters([feature], one=True)
            possible = {"sensitive_feature": feature.column} | alone | asked
            name, sets = feature.name, self._sets(estimator, possible)
            people[name] = {"released": sets}
            if inside is not None:
                people[name] = {"without privacy": self._sets(inside, possible), "released": sets}
                bare[name] = sets_table(people[name]["without privacy"], groups)
            tables[name] = sets_table(sets, groups)
            attacks[name] = self._attacked(estimator, possible)
            warned += about_sets(sets, groups, cert if direct else None, word)
            warned += about_attack(sets, attacks[name], word)
        if not random and self.jointly:
            columns = [feature.column for feature in self.features]
            possible = {"sensitive_feature": columns} | as_parameters(self.features) | asked
            joint = self._sets(estimator, possible)
            name = " and ".join(joint.names)
            people[name], tables[name] = joint, joint_table(joint, groups)
            attacks[name] = self._attacked(estimator, possible)
            warned += about_joint(joint, attacks[name], word)
        radii = {} if cert is None else _radii(cert, list(tables) if direct else [])
        by_group = None if cert is None else groups_table(radii[first_width(radii)], groups)
        known = not self.several or isinstance(unwrapped(estimator), Guaranteed)
        ledger, ids = (self.ledger, self.ids) if known else (None, None)
        left = remembered(ledger, estimator, X, ids, groups)
        return PrivacyReport(
            point, _quantiles(radii), tables, attacks, warned + left.warnings, left.not_covered,
            left.table, by_group, bare, people,
        )  # fmt: skip

    def _sets(self, estimator: Any, possible: dict[str, Any]) -> Any:
        return compatible_sets(estimator, self.X, **possible, n_jobs=self.n_jobs)

    def _groups(self, answer: np.ndarray, word: str) -> np.ndarray:
        """A group for each: those given, or what is released, numbers in fifths; of lists none."""
        if self.groups is not None:
            groups = check_groups(self.groups, len(answer), self.X)
        elif word == "list":
            groups = np.full(len(answer), "everybody")
        else:
            groups = fifths(answer) if word == "number" else answer
        every = np.array([str(group) == "all" for group in groups.tolist()])
        return np.where(every, "all (group)", groups) if every.any() else groups

    def _attacked(self, estimator: Any, possible: dict[str, Any]) -> pd.DataFrame:
        """What an attacker guesses who learns from the public rows, or from half of all."""
        public, attacked = _attack_rows(self.X, self.X_public, self.random_state)
        attack = AttributeInferenceAttack(estimator, **possible, random_state=self.random_state)
        return _attack_table(attack.fit(public).evaluate(attacked).to_frame())

    def _possible_values(self) -> dict[str, Any]:
        """What is processed, for the operating point."""
        return {
            "features": int(self.X.shape[1]),
            "sensitive_features": [feature.name for feature in self.features],
            "possible_values": [possible_values(feature) for feature in self.features],
            "units": self.units,
        }


def _check(estimator: Any, baseline: Any) -> None:
    """Refuse what is not fitted, and what cannot stand side by side."""
    if baseline not in (None, "auto"):
        raise ValueError(
            f"baseline={baseline!r} is not allowed: give 'auto' or None; another model to compare "
            "with belongs beside the estimator, estimator={'a': ..., 'b': ...}."
        )
    several = list(estimator.values()) if isinstance(estimator, Mapping) else [estimator]
    if not several:
        raise ValueError("estimator={} is not allowed: give at least one, by name.")
    for each in several:
        if hasattr(each, "fit"):  # or whatever has predict
            check_is_fitted(each)
    kinds = {kind_of(each) for each in several}
    if len(kinds) > 1:
        raise ValueError(
            f"The estimators release {' and '.join(sorted(kinds))}, which have no score in common: "
            "compare those that release the same."
        )


def _quantiles(radii: dict[str, np.ndarray]) -> pd.DataFrame | None:
    """Of each reading, over rows; None where there is none."""
    lines = [
        {"reading": name, "smallest": float(np.min(v))} | quantiles(v) for name, v in radii.items()
    ]
    return pd.DataFrame(lines) if lines else None


def _joint(jointly: bool | None, estimator: Any, features: list[Feature]) -> bool:
    """Whether features are looked at together."""
    if jointly is not None:
        if jointly and len(features) < 2:
            raise ValueError("jointly=True needs two sensitive features, or three.")
        return bool(jointly)
    space = getattr(release_of(estimator), "cells", None)
    if not isinstance(space, Space) or is_pipeline(unwrapped(estimator)):
        return False
    return {f.column for f in features} == set(space.columns.tolist())


def _certificate(estimator: Any, X: Rows) -> Certificate | None:
    try:
        return certify(estimator, X)
    except TypeError:  # has none
        return None


def _radii(cert: Certificate, features: list[str]) -> dict[str, np.ndarray]:
    """Of each row, by name of the reading, half-widths last; an abstained row counts with 0.

    Half-widths are those of what is released.
    """
    readings = {"radius, scaled units": cert.radius}
    unknown = cert.alpha and cert.label.ndim > 1  # lists by votes
    released = beyond_fallback(cert) if unknown else cert.release_radius()
    if (cert.alpha and not unknown) or cert.min_radius:
        readings["release radius, scaled units"] = released
    scales = dict(zip(cert.feature_names.tolist(), cert.scale, strict=True))
    numeric = cert.values.dtype.kind in "iuf"
    for name in features:
        if numeric and name in cert.feature_names.tolist():
            readings[f"half-width of {name}, its own unit"] = released * scales[name]
    return readings


def _attack_table(table: pd.DataFrame) -> pd.DataFrame:
    """Of the intervals only those that say how good the guess is, and what the label adds."""
    shown = ("error", "mcc", "gain")
    kept = [
        name
        for name in table.columns.drop("group")
        if not name.endswith(("_low", "_high")) or name.startswith(shown)
    ]
    return table[kept]


def _attack_rows(X: Rows, X_public: Rows | None, random_state: int) -> tuple[Rows, Rows]:
    if X_public is not None:
        return X_public, X
    if X.shape[0] < 20:
        raise ValueError(
            f"X has {X.shape[0]} rows: half of them are too few for an attacker to learn from. "
            "Give X_public, or at least 20 rows."
        )
    halves = train_test_split(np.arange(X.shape[0]), test_size=0.5, random_state=random_state)
    return take_rows(X, np.sort(halves[0])), take_rows(X, np.sort(halves[1]))
