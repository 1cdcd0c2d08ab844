"""One release measured: its operating point, certificates, sets and attacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sklearn_rp.attacks.attribute_inference import AttributeInferenceAttack
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.finding import check_tolerance, compatible_sets
from sklearn_rp.attribute.guaranteed import guarantee_of
from sklearn_rp.attribute.joint_sets import JointSets
from sklearn_rp.attribute.space import Space
from sklearn_rp.certificate import Certificate
from sklearn_rp.certifying import certify
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import adapted, behind_steps, is_pipeline, last_step, unwrapped
from sklearn_rp.models.items import gives_lists
from sklearn_rp.release import release_of
from sklearn_rp.report.page import PrivacyReport
from sklearn_rp.report.quality import fifths, quality, told
from sklearn_rp.report.remembered import remembered
from sklearn_rp.report.tables import joint_table, sets_table
from sklearn_rp.report.warnings import about_attack, about_joint, about_release, about_sets
from sklearn_rp.rows import (
    Rows,
    categorical_dtypes,
    column_values,
    is_frame,
    is_numeric,
    is_pandas,
    missing,
    names_of,
    recast,
    replace_columns,
    take_rows,
)
from sklearn_rp.trial import is_random
from sklearn_rp.validation import as_rows, check_groups
from sklearn_rp.wrapper import Wrapper, truth_of

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def privacy_report(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    sensitive_features: str | int | Sequence[str | int],
    groups: Any = None,
    bounds: Any = None,
    domain: Any = None,
    X_public: Any = None,
    resolution: int = 256,
    tolerance: float = 0.0,
    jointly: bool | None = None,
    ledger: Any = None,
    ids: Any = None,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> PrivacyReport:
    """Report on what a fitted classifier, regressor or recommender releases about some people.

    Parameters
    ----------
    estimator : fitted classifier, regressor or recommender
        Anything with ``predict``; certificates are reported where :func:`~sklearn_rp.certify` takes
        it, and the minimum of an :class:`~sklearn_rp.AttributePrivacyClassifier` or
        :class:`~sklearn_rp.AttributePrivacyRegressor`, all as fitted.
    X : array or DataFrame of shape (n_rows, n_features)
        The people: rows that the classifier was not fitted on.
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
        given, those in `X` and `X_public`.
    domain : "continuous", "integer", sequence of numbers, or mapping to these, default=None
        Numbers that are possible within the bounds, by feature likewise; where it is not given, it
        is found as by :func:`~sklearn_rp.attribute.compatible_sets`.
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
        reported, too. Of an estimator with a minimum, which is not behind the steps of a Pipeline.
    ids : array-like of shape (n_rows,), default=None
        Who they are, for the ledger.
    random_state : int, default=0
        Seed of the halves and of the attack's models.
    n_jobs : int, default=None
        Processes for compatible sets (joblib).

    Returns
    -------
    report : PrivacyReport
        Shows as tables in a notebook; ``to_html`` and ``to_json`` export it.

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
    _check(estimator)
    X = _rows(X)
    X_public = None if X_public is None else _alike(_rows(X_public), X)
    y = y if gives_lists(estimator) else truth_of(estimator, column_or_1d(y))
    features = _listed(sensitive_features)
    bounds = _by_feature("bounds", bounds, features, "(low, high)")
    domains = _by_feature("domain", domain, features, "'integer'")
    tolerance = check_tolerance(tolerance, estimator)
    word, label = told(estimator, X)
    groups = _groups(groups, label, X, word)
    cert = _certificate(estimator, X)
    point = _operating_point(estimator, cert, X, label, y)
    random = is_random(estimator, X)
    warned = about_release(estimator, point, cert, random)
    tables: dict[str, pd.DataFrame] = {}
    attacks: dict[str, pd.DataFrame] = {}
    # Behind the steps of a Pipeline the noise is on other features than these, whatever their name.
    direct = not is_pipeline(unwrapped(estimator))
    known = _features(_together(X, X_public), features, bounds, domains)
    common = {"resolution": resolution, "tolerance": tolerance}
    for feature, found in [] if random else zip(features, known, strict=True):
        possible = {"sensitive_feature": feature} | _possible([found], one=True) | common
        sets: CompatibleSets = compatible_sets(estimator, X, **possible, n_jobs=n_jobs)
        tables[sets.feature] = sets_table(sets, groups)
        attack = AttributeInferenceAttack(estimator, **possible, random_state=random_state)
        attacks[sets.feature] = _attacked(attack, X, X_public)
        warned += about_sets(sets, groups, feature in bounds, cert if direct else None, word)
        warned += about_attack(sets, attacks[sets.feature], word)
    if not random and _joint(jointly, estimator, known):
        possible = {"sensitive_feature": [f.column for f in known]} | _possible(known) | common
        joint: JointSets = compatible_sets(estimator, X, **possible, n_jobs=n_jobs)
        name = " and ".join(joint.names)
        tables[name] = joint_table(joint, groups)
        attack = AttributeInferenceAttack(estimator, **possible, random_state=random_state)
        attacks[name] = _attacked(attack, X, X_public)
        warned += about_joint(joint, attacks[name], word)
    radii = None if cert is None else _radii(cert, list(tables) if direct else [])
    left = remembered(ledger, estimator, X, ids, groups)
    warned += left.warnings
    return PrivacyReport(point, radii, tables, attacks, warned, left.not_covered, left.table)


def _check(estimator: Any) -> None:
    """Refuse what is not fitted."""
    if hasattr(estimator, "fit"):  # or whatever has predict
        check_is_fitted(estimator)


def _listed(features: Any) -> list[Any]:
    """The sensitive features, one of them as a list, too."""
    return [features] if isinstance(features, str | int | np.integer) else list(features)


def _groups(groups: Any, label: np.ndarray, X: Rows, word: str) -> np.ndarray:
    """A group for each person: those given, or what is released, numbers in fifths, no lists."""
    if groups is not None:
        return check_groups(groups, len(label), X)
    if word == "list":
        return np.full(len(label), "everybody")
    return fifths(label) if word == "number" else label


def _by_feature(parameter: str, given: Any, features: list[Any], example: str) -> dict[Any, Any]:
    """What is given for each feature, or for the one feature."""
    if given is not None and not isinstance(given, Mapping):
        if len(features) > 1:
            raise ValueError(
                f"{parameter}={given!r} is not allowed for several sensitive features: give a "
                f"mapping, {{{features[0]!r}: {example}, ...}}."
            )
        given = {features[0]: given}
    found = dict(given or {})
    strangers = [key for key in found if key not in features]
    if strangers:
        raise ValueError(
            f"{parameter} names {strangers}, which are not among sensitive_features={features}."
        )
    return found


def _features(X: Rows, names: list[Any], bounds: Any, domains: Any) -> list[Feature]:
    """The sensitive features, with the values that are possible."""
    if not names:
        raise ValueError("sensitive_features=[] is not allowed: name at least one feature.")
    return [
        Feature.from_data(X, name, bounds.get(name), domains.get(name, "auto")) for name in names
    ]


def _possible(features: list[Feature], one: bool = False) -> dict[str, Any]:
    """Bounds and domains of features as parameters: of one, or a list of each."""
    domains = ["auto" if f.categories is not None else f.domain for f in features]
    found = {"bounds": [f.bounds for f in features], "domain": domains}
    return {name: each[0] for name, each in found.items()} if one else found


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


def _rows(X: Any) -> Rows:
    X = as_rows(X)
    return X.to_pandas() if is_frame(X) and not is_pandas(X) else X


def _alike(public: Rows, X: Rows) -> Rows:
    """Public rows with the columns of `X`, in the container of `X`."""
    if public.shape[1] != X.shape[1]:
        raise ValueError(
            f"X_public has {public.shape[1]} columns, and X has {X.shape[1]}: give both the same."
        )
    if not is_pandas(X):
        return public.to_numpy() if is_pandas(public) else public
    if not is_pandas(public):
        public = pd.DataFrame(public, columns=X.columns).infer_objects()
    strangers = [name for name in X.columns if name not in public.columns]
    if strangers:
        raise ValueError(f"X_public lacks the columns {strangers} of X: give both the same.")
    public = public[list(X.columns)]
    kinds = {
        name: kind
        for j, (name, kind) in enumerate(X.dtypes.items())
        if public.dtypes.iloc[j] != kind
        and not is_numeric(X, j)
        and not hasattr(kind, "categories")
    }
    return recast(public.astype(kinds), categorical_dtypes(X))


def _together(X: Rows, more: Rows | None) -> Rows:
    if more is None:
        return X
    if not is_pandas(X):
        return np.concatenate([X, more])
    return pd.concat([X, more], ignore_index=True)


def _certificate(estimator: Any, X: Rows) -> Certificate | None:
    try:
        return certify(estimator, X)
    except TypeError:  # has none
        return None


def _operating_point(
    estimator: Any, cert: Certificate | None, X: Rows, label: np.ndarray, y: np.ndarray
) -> dict[str, Any]:
    """Name and value of each line of the operating point."""
    inner = unwrapped(estimator)
    model = last_step(inner)
    while isinstance(model, Wrapper):
        model = last_step(adapted(model.estimator_))
    point: dict[str, Any] = {
        "estimator": type(inner).__name__,
        "model": type(model).__name__,
        "rows": len(label),
    }
    point |= quality(estimator, X, _given(estimator, X), label, y)
    behind = "_behind_the_steps" if is_pipeline(inner) else ""
    promise = guarantee_of(estimator)
    if promise is not None:
        promises = promise if isinstance(promise[0], tuple) else (promise,)
        seen = all(_untouched(estimator, X, each.feature) for each in promises)
        told = [list(each) for each in zip(*promises, strict=True)]
        names, minima, units = told if len(promises) > 1 else (each[0] for each in told)
        where = "" if seen else behind
        point |= {f"guaranteed_for{where}": names, "minimum": minima, "unit": units}
    release = release_of(estimator)
    if cert is not None:
        point |= {
            "method": cert.method,
            "voting": cert.voting,
            "sigma": cert.sigma,
            "alpha": cert.alpha,
            "votes_per_row": release.n_votes if release is not None else int(cert.n_samples.max()),
            f"noised_features{behind}": cert.feature_names.tolist(),
            f"standard_deviation_of_the_noise{behind}": [
                float(cert.sigma * scale) for scale in cert.scale
            ],
            "certified_share": float(1 - cert.abstained.mean()),
        }
    answer = getattr(release, "answer", None)
    if answer is not None:
        point |= {
            "fallback": None if answer.fallback is None else str(answer.fallback),
            "min_radius": float(answer.min_radius or 0.0),
            "fresh_noise": bool(release.is_random),
        }
    return point


def _given(estimator: Any, X: Rows) -> Rows:
    """Rows as the last step of Pipelines reads them."""
    inner = unwrapped(estimator)
    return _given(inner[-1], behind_steps(inner, X)) if is_pipeline(inner) else X


def _untouched(estimator: Any, X: Rows, feature: str) -> bool:
    """Whether the last step reads a feature as it is in `X`, and nothing else made of it.

    Seen from what changes behind the steps when people exchange their values.
    """
    given = _given(estimator, X)
    if given is X:
        return True
    before, behind = ([str(name) for name in names_of(rows)] for rows in (X, given))
    if feature not in before or feature not in behind:
        return False
    column = before.index(feature)
    values = column_values(X, column)[::-1]
    moved = _given(estimator, replace_columns(X, np.array([column]), values[:, None], 1))

    def same(found: np.ndarray, expected: np.ndarray) -> bool:
        gone = missing(found)
        kept = (gone == missing(expected)).all()
        return bool(kept and (found[~gone] == expected[~gone]).all())

    return all(
        same(column_values(moved, j), values if name == feature else column_values(given, j))
        for j, name in enumerate(behind)
    )


def _radii(cert: Certificate, features: list[str]) -> pd.DataFrame:
    """Quantiles over rows; an abstained row counts with 0."""
    readings = {"radius, scaled units": cert.radius}
    if cert.alpha:
        readings["release radius, scaled units"] = cert.release_radius()
    numeric = cert.values.dtype.kind in "iuf"
    for name in features:
        if numeric and name in cert.feature_names.tolist():
            readings[f"half-width of {name}, its own unit"] = cert.half_width(name)
    return pd.DataFrame(
        [
            {"reading": name, "smallest": float(np.min(v))}
            | {f"{100 * q:.0f} %": float(np.quantile(v, q)) for q in _QUANTILES}
            for name, v in readings.items()
        ]
    )


def _attacked(attack: AttributeInferenceAttack, X: Rows, X_public: Rows | None) -> pd.DataFrame:
    """What an attacker guesses who learns from the public rows, or from half of all."""
    public, attacked = _attack_rows(X, X_public, attack.random_state)
    return _attack_table(attack.fit(public).evaluate(attacked).to_frame())


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
