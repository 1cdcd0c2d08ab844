"""A report on one release, for whoever has to answer for it."""

from __future__ import annotations

import html
import json
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted, column_or_1d

from sklearn_rp._version import __version__
from sklearn_rp.attacks.attribute_inference import AttributeInferenceAttack
from sklearn_rp.attribute import AttributePrivacyClassifier
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.finding import compatible_sets
from sklearn_rp.attribute.minimum import Guarantee
from sklearn_rp.attribute.release import last_release
from sklearn_rp.certificate import Certificate
from sklearn_rp.classifier import certify
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import behind_steps, is_pipeline, last_step, unwrapped
from sklearn_rp.models.labels import labels_of
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
from sklearn_rp.validation import as_rows, check_groups
from sklearn_rp.wrapper import ClassifierWrapper, is_random

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PrivacyReport", "privacy_report"]


def __dir__() -> list[str]:
    return __all__


_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_NARROW = 0.05  # of the range: a set that pins a person down
_RADII = (
    "How far the noised features of a person may move, all others fixed, before the label may "
    "change: for 5 % of the people less than is said under 5 %, and so on. A radius ends at the "
    "diameter of the training rows, even where the label never changes."
)
_SETS = (
    "Values of {0} around a person's own that get the same label, all other features fixed: length "
    "of the stretch in the unit of {0}, or number of values where only some are possible. Whoever "
    "knows the model, the other features and the label cannot tell them apart. Groups: released "
    "labels, or those given."
)
_ATTACK = (
    "What attackers guess who know the model and all other features. Imputation sees no label; the "
    "others see it, too: gain is what that adds, with its 95 % interval over people. "
)
_OF_NUMBERS = (
    "error: mean distance of the guess from the truth; length: of the set of values that the "
    "attacker is left with; coverage: how often that holds the truth."
)
_OF_CATEGORIES = (
    "mcc: Matthews' correlation of guess and truth, 0 for chance and 1 for certainty; g_mean: "
    "geometric mean of the shares of each category that are guessed."
)
NOT_COVERED = (
    "What the other features give away without any model: see the imputation line of each attack.",
    "Several releases about one person, by other models or after retraining: what they leave open "
    "is the intersection of their sets.",
    "Copying the model through its labels (extraction), and rebuilding inputs from many queries "
    "(inversion): measure them with sklearn_rp.attacks.",
    "Features that are neither noised nor named as sensitive here.",
    "Vote shares, certificates and this report itself: they are computed from people's rows and "
    "stay with the owner of the data.",
)


@dataclass(frozen=True, eq=False, repr=False)
class PrivacyReport:
    """What a release promises, what it leaves open, and what an attacker gains by it.

    Shows as tables in a notebook. It is about people's rows: for the owner of the data and whoever
    audits, not for publication.

    Parameters
    ----------
    operating_point : dict
        What is released and how: estimator, method, noise, votes, accuracy.
    radii : DataFrame or None
        Quantiles over rows of the certified radius and of the half-widths, and the share of rows
        certified at all; None where the estimator has no certificates.
    sets : dict of str to DataFrame
        For each sensitive feature, the sets of compatible values: over all rows and per group.
    attacks : dict of str to DataFrame
        For each sensitive feature, attribute inference beside its baseline.
    warnings : list of str
        What to look at, in plain words.
    not_covered : list of str
        What nothing in this report speaks of.
    """

    operating_point: dict[str, Any]
    radii: pd.DataFrame | None
    sets: dict[str, pd.DataFrame]
    attacks: dict[str, pd.DataFrame]
    warnings: list[str]
    not_covered: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, tables as lists of records.

        Returns
        -------
        record : dict
        """

        def records(table: pd.DataFrame | None) -> Any:
            return None if table is None else json.loads(table.to_json(orient="records"))

        return {
            "sklearn_rp": __version__,
            "operating_point": self.operating_point,
            "radii": records(self.radii),
            "sets": {name: records(table) for name, table in self.sets.items()},
            "attacks": {name: records(table) for name, table in self.attacks.items()},
            "warnings": self.warnings,
            "not_covered": self.not_covered,
        }

    def to_json(self, path: str | os.PathLike | None = None) -> str:
        """The report as JSON.

        Parameters
        ----------
        path : str or path, default=None
            File to write as well.

        Returns
        -------
        text : str
        """
        return _written(json.dumps(self.to_dict(), indent=1, allow_nan=False), path)

    def to_html(
        self, path: str | os.PathLike | None = None, *, title: str = "Privacy report"
    ) -> str:
        """The report as a page of its own, which loads nothing from elsewhere.

        Parameters
        ----------
        path : str or path, default=None
            File to write as well.
        title : str, default="Privacy report"
            Heading of the page.

        Returns
        -------
        text : str
        """
        page = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
            f"<body><h1>{html.escape(title)}</h1>{self._repr_html_()}</body></html>"
        )
        return _written(page, path)

    def _repr_html_(self) -> str:
        parts = [_list("Look at this", self.warnings or _NOTHING)]
        for title, note, table in self._tables():
            shown = table.to_html(index=False, border=0, float_format="{:.3g}".format, na_rep="")
            head = f"<h2>{html.escape(title)}</h2><p>{html.escape(note)}</p>"
            parts.append(f"{head}<div class='scroll'>{shown}</div>")
        parts.append(_list("Not covered", self.not_covered))
        return "".join(parts)

    def __repr__(self) -> str:
        lines = [f"PrivacyReport of {self.operating_point['estimator']}", ""]
        lines += ["Look at this:", *(f"- {each}" for each in self.warnings or _NOTHING), ""]
        for title, note, table in self._tables():
            lines += [title, *textwrap.wrap(note, 100)]
            lines += [table.to_string(index=False, float_format="{:.3g}".format), ""]
        lines += ["Not covered:", *(f"- {text}" for text in self.not_covered)]
        return "\n".join(lines)

    def _tables(self) -> list[tuple[str, str, pd.DataFrame]]:
        import pandas as pd

        point = [(key.replace("_", " "), _shown(v)) for key, v in self.operating_point.items()]
        table = pd.DataFrame(point, columns=["", "value"])
        tables = [("Operating point", "What is released, and how.", table)]
        if self.radii is not None:
            tables.append(("Certified radius", _RADII, self.radii))
        for name in self.sets:
            title = f"What the label leaves open of {name}"
            tables.append((title, _SETS.format(name), self.sets[name]))
            if name in self.attacks:
                attack = self.attacks[name]
                note = _ATTACK + (_OF_NUMBERS if "error" in attack else _OF_CATEGORIES)
                tables.append((f"Guessing {name}", note, attack))
        return tables


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
    random_state: int = 0,
    n_jobs: int | None = None,
) -> PrivacyReport:
    """Report on what a fitted classifier releases about some people.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict``; certificates are reported where :func:`~sklearn_rp.certify` takes
        it, and the minimum of an :class:`~sklearn_rp.AttributePrivacyClassifier`, both as fitted.
    X : array or DataFrame of shape (n_rows, n_features)
        The people: rows that the classifier was not fitted on.
    y : array-like of shape (n_rows,)
        Their true labels.
    sensitive_features : str, int or sequence of them
        Attributes that a label may give away, numeric or categorical.
    groups : array-like of shape (n_rows,), default=None
        A group for each person, for figures per group; None: the released labels.
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
        If a sensitive feature is not there, or the rows are too few for an attack.

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
    if hasattr(estimator, "fit"):  # or whatever has predict
        check_is_fitted(estimator)
    X = _rows(X)
    X_public = None if X_public is None else _alike(_rows(X_public), X)
    y = column_or_1d(y)
    one = isinstance(sensitive_features, str | int | np.integer)
    features: list[Any] = [sensitive_features] if one else list(sensitive_features)  # type: ignore[arg-type]
    if not features:
        raise ValueError("sensitive_features=[] is not allowed: name at least one feature.")
    bounds = _by_feature("bounds", bounds, features, "(low, high)")
    domains = _by_feature("domain", domain, features, "'integer'")
    label = labels_of(estimator, X)
    groups = label if groups is None else check_groups(groups, len(label), X)

    cert = _certificate(estimator, X)
    point = _operating_point(estimator, cert, X, label, y)
    warned = _release_warnings(estimator, point, cert)
    tables: dict[str, pd.DataFrame] = {}
    attacks: dict[str, pd.DataFrame] = {}
    random = is_random(estimator, X)
    if random:
        warned.append(
            "The release is random: every value of an attribute is compatible with every label, "
            "with some probability. No compatible sets are reported; see privacy_loss."
        )
    # Behind the steps of a Pipeline the noise is on other features than these, whatever their name.
    direct = not is_pipeline(unwrapped(estimator))
    for feature in [] if random else features:
        found = Feature.from_data(
            _together(X, X_public), feature, bounds.get(feature), domains.get(feature, "auto")
        )
        possible = {
            "sensitive_feature": feature,
            "bounds": found.bounds,
            "domain": "auto" if found.categories is not None else found.domain,
            "resolution": resolution,
        }
        sets: CompatibleSets = compatible_sets(estimator, X, **possible, n_jobs=n_jobs)
        tables[sets.feature] = _sets_table(sets, groups)
        public, attacked = _attack_rows(X, X_public, random_state)
        attack = AttributeInferenceAttack(estimator, **possible, random_state=random_state)
        attack.fit(public)
        attacks[sets.feature] = _attack_table(attack.evaluate(attacked).to_frame())
        warned += _sets_warnings(sets, groups, feature in bounds, cert if direct else None)
        warned += _attack_warnings(sets, attacks[sets.feature])
    radii = None if cert is None else _radii(cert, list(tables) if direct else [])
    return PrivacyReport(point, radii, tables, attacks, warned, list(NOT_COVERED))


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
        import pandas as pd

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
    import pandas as pd

    return pd.concat([X, more], ignore_index=True)


def _certificate(estimator: Any, X: Rows) -> Certificate | None:
    try:
        return certify(estimator, X)
    except TypeError:  # has none
        return None


def _accuracy_without(estimator: Any, X: Rows, y: np.ndarray) -> float | None:
    """Accuracy of the model inside a release; None where there is none."""
    inner = unwrapped(estimator)
    if is_pipeline(inner):
        return _accuracy_without(inner[-1], behind_steps(inner, X), y)
    if not isinstance(inner, ClassifierWrapper):
        return None
    return float(accuracy_score(y, labels_of(inner.estimator_, X)))


def _operating_point(
    estimator: Any, cert: Certificate | None, X: Rows, label: np.ndarray, y: np.ndarray
) -> dict[str, Any]:
    inner = unwrapped(estimator)
    model = last_step(inner)
    while isinstance(model, ClassifierWrapper):
        model = last_step(model.estimator_)
    point: dict[str, Any] = {
        "estimator": type(inner).__name__,
        "model": type(model).__name__,
        "rows": len(label),
        "accuracy": float(accuracy_score(y, label)),
        "accuracy_without_privacy": _accuracy_without(estimator, X, y),
        "accuracy_of_the_most_frequent_label": float(
            np.unique(y, return_counts=True)[1].max() / len(y)
        ),
    }
    behind = "_behind_the_steps" if is_pipeline(inner) else ""
    promise = _guarantee(estimator)
    if promise is not None:
        where = "" if _untouched(estimator, X, promise.feature) else behind
        point |= {
            f"guaranteed_for{where}": promise.feature,
            "minimum": promise.minimum,
            "unit": promise.unit,
        }
    release = last_release(estimator)
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
    if release is not None:
        point |= {
            "fallback": None if release.fallback is None else str(release.fallback),
            "min_radius": float(release.min_radius),
            "fresh_noise": bool(release.resample),
        }
    return point


def _guarantee(estimator: Any) -> Guarantee | None:
    """What is promised for everybody by the last step, as it was fitted."""
    last = last_step(estimator)
    ours = getattr(type(last), "predict", None) is AttributePrivacyClassifier.predict
    return last.guarantee_ if ours else None


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
    import pandas as pd

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


def _sets_table(sets: CompatibleSets, groups: np.ndarray) -> pd.DataFrame:
    table = sets.summary(groups).rename_axis("group").reset_index()
    table["group"] = table["group"].astype(str)
    table["median share of the range"] = table["median"] / sets.span
    return table


def _attack_table(table: pd.DataFrame) -> pd.DataFrame:
    """Of the intervals only those that say how good the guess is, and what the label adds."""
    main = table.columns[3]
    kept = [
        name
        for name in table.columns.drop("group")
        if not name.endswith(("_low", "_high")) or name.startswith((main, "gain"))
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


def _release_warnings(estimator: Any, point: dict[str, Any], cert: Certificate | None) -> list[str]:
    found = []
    accuracy, frequent = point["accuracy"], point["accuracy_of_the_most_frequent_label"]
    if accuracy <= frequent:
        found.append(
            f"The released labels are right for {accuracy:.1%} of the rows, no more than the most "
            f"frequent label alone ({frequent:.1%})."
        )
    if "guaranteed_for_behind_the_steps" in point:
        feature = point["guaranteed_for_behind_the_steps"]
        found.append(
            f"The minimum is promised along {feature} as the last step of the Pipeline reads it, "
            "in the unit that the steps before give it; no minimum is promised along a column of X."
        )
    if cert is None:
        if _guarantee(estimator) is None:
            kind = type(unwrapped(estimator))
            # A Pipeline may be another one than scikit-learn's, through which certificates go.
            found.append(
                f"{kind.__module__.split('.')[0]}'s {kind.__name__} gives no certificates: no "
                "radius is reported."
            )
        return found
    without = int(cert.abstained.sum())
    if without:
        what = "get the fallback" if cert.min_radius is not None else "get a label all the same"
        found.append(f"{without} of {len(cert)} rows are not certified; they {what}.")
    if cert.alpha:
        found.append(
            f"Each certificate holds with probability {1 - cert.alpha:g}, not with certainty: of "
            f"{len(cert)} rows {cert.alpha * len(cert):.2g} may be expected to be wrong. What is "
            "released is a top of votes: within release radius it is the certified label."
        )
    return found


def _sets_warnings(
    sets: CompatibleSets, groups: np.ndarray, given: bool, cert: Certificate | None
) -> list[str]:
    found, name = [], sets.feature
    if cert is not None and name not in cert.feature_names.tolist():
        found.append(f"{name} gets no noise: every certificate holds with it fixed.")
    elif cert is not None and sets.categories is None:
        half = np.median(cert.half_width(name))
        if half < _NARROW * (sets.high - sets.low):
            found.append(
                f"For half of the people the certificate hides {name} by less than {half:.3g} "
                "either way, in its own unit: more noise would hide more."
            )
    share = sets.component_length / sets.span
    counted = not (isinstance(sets.domain, str) and sets.domain == "continuous")
    if sets.categories is None:
        narrow = int((share < _NARROW).sum())
        if narrow:
            unit = "possible values" if counted else "in its own unit"
            found.append(
                f"For {narrow} of {len(sets)} people the label leaves less than {_NARROW:.0%} of "
                f"the range of {name} open around their value; the narrowest has "
                f"{sets.component_length.min():.3g} {unit}."
            )
        if not given:
            found.append(
                f"The range of {name} was taken from the rows, so that its ends are two people's "
                "values: give bounds before anything of this is published."
            )
    if counted:
        alone = int((sets.length <= 1).sum())
        if alone:
            found.append(f"For {alone} of {len(sets)} people the label gives {name} away.")
    median = np.median(share)
    return found + [
        f"Group {group}: the label leaves half as much of {name} open as for all, or less."
        for group in np.unique(groups)
        if np.median(share[groups == group]) < median / 2
    ]


def _attack_warnings(sets: CompatibleSets, table: pd.DataFrame) -> list[str]:
    """Whether seeing the label helps an attacker, beyond the noise of the measurement."""
    line: Any = table.set_index("attacker")
    best = line.loc[line["gain"].drop("imputation").idxmax()]
    if best["gain_low"] <= 0:  # it may be chance
        return []
    figure = "error" if sets.categories is None else "mcc"
    what = "mean error" if sets.categories is None else "Matthews' correlation"
    return [
        f"Guessing {sets.feature}: {what} {line.loc['imputation', figure]:.3g} without the label, "
        f"{best[figure]:.3g} with it ({best.name} attacker); a gain of {best['gain']:.2g}, 95 % "
        f"interval {best['gain_low']:.2g} to {best['gain_high']:.2g}."
    ]


_NOTHING = ["Nothing stood out."]
_STYLE = (
    "body{font-family:system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;"
    "line-height:1.5}table{border-collapse:collapse;margin:1em 0}td,th{padding:.3em .8em;"
    "text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    ".scroll{overflow-x:auto}"
)


def _list(title: str, items: Sequence[str]) -> str:
    entries = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f"<h2>{html.escape(title)}</h2><ul>{entries}</ul>"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_shown(v) for v in value[:8]) + (" ..." if len(value) > 8 else "")
    return str(value)


def _written(text: str, path: str | os.PathLike | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text
