"""What to look at in a report, in plain words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.guaranteed import guarantee_of
from sklearn_rp.attribute.joint_sets import JointSets
from sklearn_rp.certificate import Certificate
from sklearn_rp.domain import same_domain
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import last_step, unwrapped
from sklearn_rp.report.point import beyond_fallback
from sklearn_rp.report.tables import best_of

_NARROW = 0.05  # of the range: a set that pins a person down
_SEEN = 0.95  # of a set: what is left between points that were looked at is no more than their gaps


def about_release(
    estimator: Any, point: dict[str, Any], cert: Certificate | None, random: bool
) -> list[str]:
    """Of the answers themselves, and of what is promised of them."""
    found = []
    answer = str(point["released"]).removesuffix("s")
    if random:
        found.append(
            f"The release is random: every value of an attribute is compatible with every {answer}"
            ", with some probability. No compatible sets are reported; see privacy_loss."
        )
    if "r2" in point:
        error, alone = (point[f"mean_absolute_error{end}"] for end in ("", "_of_the_median_alone"))
        if error >= alone:
            found.append(
                f"The released numbers are off by {error:.3g} in the mean, no less than the median "
                f"alone ({alone:.3g})."
            )
    elif answer == "list":
        precision = point["precision_at_k"]
        popular = point["precision_at_k_of_popular_items_alone"]
        if precision <= popular:
            found.append(
                f"Of the recommended items {precision:.1%} are relevant, no more than of the most "
                f"popular ones alone ({popular:.1%})."
            )
    elif point["accuracy"] <= point["accuracy_of_the_most_frequent_label"]:
        accuracy, frequent = point["accuracy"], point["accuracy_of_the_most_frequent_label"]
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
        if guarantee_of(estimator) is None:
            kind = type(unwrapped(estimator))
            # A Pipeline may be another one than scikit-learn's, through which certificates go.
            found.append(
                f"{kind.__module__.split('.')[0]}'s {kind.__name__} gives no certificates: no "
                "radius is reported."
            )
        return found
    without = int((beyond_fallback(cert) == 0).sum())
    if without:
        what = f"get a {answer} all the same" if cert.min_radius is None else "get the fallback"
        found.append(f"{without} of {len(cert)} rows are not certified; they {what}.")
    if cert.alpha:
        found.append(
            f"Each certificate holds with probability {1 - cert.alpha:g}, not with certainty: of "
            f"{len(cert)} rows {cert.alpha * len(cert):.2g} may be expected to be wrong. What is "
            "released is a top of votes (of numbers their median): within release radius it is the "
            "certified one."
        )
    return found


def about_origin(features: list[Feature], given: list[bool], estimator: Any) -> list[str]:
    """Of possible values that were taken from rows: they are people's, and are in the report."""
    found = []
    for feature, bounded in zip(features, given, strict=True):
        if not bounded and feature.categories is None:
            found.append(
                f"The range of {feature.name} was taken from the rows, so that its ends are two "
                "people's values: give bounds before anything of this is published."
            )
        elif not bounded:
            found.append(
                f"The categories of {feature.name} were taken from the rows; a rare one may be a "
                "single person's: give bounds before anything of this is published."
            )
    if guarantee_of(estimator) is not None and not all(last_step(estimator).bounds_given_):
        found.append(
            "The values that the minimum is promised within were taken from the rows of its fit: "
            "ends, or rare categories, are single people's values, and are in this report."
        )
    return found


def about_range(looked_at: list[str], promised: list[str] | None) -> list[str]:
    """Of a minimum that was promised within other values than are looked at here."""
    return [
        f"The minimum is promised within other values ({each}) than this report looks at "
        f"({other}): shares of the range are not comparable. Leave out bounds and domain to use "
        "those of the estimator."
        for each in promised or []
        for other in looked_at
        if each != other and each.rsplit(": ", 1)[0] == other.rsplit(": ", 1)[0]
    ]


def about_sets(
    sets: CompatibleSets,
    groups: np.ndarray,
    cert: Certificate | None,
    word: str = "label",
) -> list[str]:
    """Of what the label, or `word`, leaves open, and of noise that hides little of it."""
    found, name = [], sets.feature
    if cert is not None and name not in cert.feature_names.tolist():
        found.append(f"{name} gets no noise: every certificate holds with it fixed.")
    elif cert is not None and sets.categories is None:
        scale = cert.scale[cert.feature_names.tolist().index(name)]
        half = np.median(beyond_fallback(cert) * scale)
        if half < _NARROW * (sets.high - sets.low):
            found.append(
                f"For half of the people the certificate hides {name} by less than {half:.3g} "
                "either way, in its own unit: more noise would hide more."
            )
    missed = int((sets.certified_inner < _SEEN * sets.length).sum())
    if sets.reading.startswith("search") and missed:
        found.append(
            f"What the {word} leaves open of {name} was found by a {sets.reading}: for {missed} of "
            f"{len(sets)} people values between those that were looked at may get another {word}, "
            "and less may be left open than is said here. A larger resolution looks at more."
        )
    share = sets.component_length / sets.span
    counted = not same_domain(sets.domain, "continuous")
    if sets.categories is None:
        narrow = int((share < _NARROW).sum())
        if narrow:
            unit = "possible values" if counted else "in its own unit"
            found.append(
                f"For {narrow} of {len(sets)} people the {word} leaves less than {_NARROW:.0%} of "
                f"the range of {name} open around their value; the narrowest has "
                f"{sets.component_length.min():.3g} {unit}."
            )
    if counted:
        alone = int((sets.length <= 1).sum())
        if alone:
            found.append(f"For {alone} of {len(sets)} people the {word} gives {name} away.")
    median = np.median(share)
    return found + [
        f"Group {group}: the {word} leaves half as much of {name} open as for all, or less."
        for group in np.unique(groups)
        if np.median(share[groups == group]) < median / 2
    ]


def about_joint(sets: JointSets, table: pd.DataFrame, word: str = "label") -> list[str]:
    """Of what the answer leaves open of joint values, and of who knows none of the features."""
    found = []
    for name, feature, side in zip(sets.names, sets.features, sets.component_length.T, strict=True):
        narrow = int((side < _NARROW * feature.span).sum())
        if narrow:
            found.append(
                f"For {narrow} of {len(sets)} people the box around their own values, inside which "
                f"the {word} is the same, is less than {_NARROW:.0%} of the range of {name} wide."
            )
        told = table[(table["feature"] == name) & (table["knows"] == "none")]
        said = _gain(told, name, feature.categories is None, word)
        found += [f"{text} By whoever knows none of {sets.names}." for text in said]
    return found


def about_attack(sets: CompatibleSets, table: pd.DataFrame, word: str = "label") -> list[str]:
    """Whether seeing the label, or `word`, helps an attacker, beyond the noise of measuring."""
    return _gain(table, sets.feature, sets.categories is None, word)


def _gain(table: pd.DataFrame, name: str, numeric: bool, word: str) -> list[str]:
    line: Any = table.set_index("attacker")
    best = line.loc[best_of(table)["attacker"]]
    if best["gain_low"] <= 0:  # it may be chance
        return []
    figure = "error" if numeric else "mcc"
    what = "mean error" if numeric else "Matthews' correlation"
    return [
        f"Guessing {name}: {what} {line.loc['imputation', figure]:.3g} without the {word}, "
        f"{best[figure]:.3g} with it ({best.name} attacker); a gain of {best['gain']:.2g}, 95 % "
        f"interval {best['gain_low']:.2g} to {best['gain_high']:.2g}."
    ]
