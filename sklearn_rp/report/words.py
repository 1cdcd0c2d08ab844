"""A report in plain words: in short, and what a data-protection impact assessment asks."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_rp.report.tables import best_of, is_joint

UNPROMISED = (
    "Nothing is promised about anybody: the figures below were measured on these people, and say "
    "nothing certain of others."
)
TO_ADD = (
    "By the controller, as no figure can tell it: the purpose and its legal basis; who receives "
    "the answers, and whether they may hand them on; how long answers, noise and records are kept; "
    "what is told to the people, and how they object; who reviews this report, and when."
)
_KEPT = (
    "The people's rows are read to compute answers, and this report. It holds figures over all of "
    "them and over groups; pictures of single people show their true values, and can be left out "
    "(people=False)."
)
NOTHING = ["Nothing stood out."]
_SHARES = {0.2: "a fifth", 0.25: "a quarter", 1 / 3: "a third", 0.5: "half", 0.1: "a tenth"}


def in_short(report: Any) -> list[str]:
    """What a release is, what is promised, what it costs, and what is left to guess."""
    point, word = report.operating_point, word_of(report.operating_point)
    return [
        f"About each of {point['rows']} people {_answer(point, word)} is released, by "
        f"{point['estimator']}{_around(point)}.",
        *promised(report),
        cost(point),
        *left_open(report),
        *guessed(report),
    ]


def word_of(point: dict[str, Any]) -> str:
    """What is released, in a word: label, number or list."""
    return str(point.get("released", "labels")).removesuffix("s")


def upper(text: str) -> str:
    """A text that begins a sentence: names in it stay as they are."""
    return text[:1].upper() + text[1:]


def unit_of(point: dict[str, Any], feature: str) -> str:
    """Unit of a feature, after a number: `` kg/m2``, or nothing."""
    unit = point.get("units", {}).get(feature)
    return f" {unit}" if unit else ""


def impact(report: Any) -> dict[str, list[str]]:
    """The sections of a data-protection impact assessment that figures can fill."""
    point = report.operating_point
    values = [f"Possible values of {each}." for each in point.get("possible_values", [])]
    asked = ", ".join(point.get("sensitive_features", []))
    read = (
        f"{point['rows']} people with {point.get('features', '?')} attributes each are read by "
        f"{point['estimator']}{_around(point)}; released about each: "
        f"{_answer(point, word_of(point))}. Looked at as sensitive: {asked}."
    )
    residual = [*left_open(report), *_known_anyway(report), *report.warnings]
    return {
        "What is processed": [read, *values, _KEPT],
        "What is promised": promised(report),
        "What is not promised": list(report.not_covered),
        "Residual risk": residual or NOTHING,
        "To be added": [TO_ADD],
    }


def promised(report: Any) -> list[str]:
    """What holds for everybody, or for whom, with which certainty."""
    point, word = report.operating_point, word_of(report.operating_point)
    found = []
    names = point.get("guaranteed_for", point.get("guaranteed_for_behind_the_steps"))
    if names is not None:
        each = [names, point["minimum"], point["unit"]]
        lines: list[Any] = list(zip(*each, strict=True)) if isinstance(names, list) else [each]
        empty = point["nothing_promised_of"]
        lines = [line for line in lines if line[0] not in empty]
        found += [f"Nothing is promised of {name}: its minimum is one value." for name in empty]
    if names is not None and lines:
        least = "; ".join(_least(n, m, unit, unit_of(point, n)) for n, m, unit in lines)
        jointly = " together" if len(lines) > 1 else ""
        said = (
            f"Promised to everybody, with certainty: whoever sees the {word}, and knows the model "
            f"and all else about the person, cannot tell their value{jointly} from others around "
            "it: "
        )
        if "guaranteed_for" not in point:
            said = (
                "No minimum is promised along a column of X. Where nothing else that the last step "
                f"of the Pipeline reads moves with it, the {word} leaves open, as that step reads "
                "it: "
            )
        found.append(f"{said}{least}. Possible values: {'; '.join(point['guaranteed_within'])}.")
    if "alpha" in point:
        found += _certified(report, word)
    return found or [UNPROMISED]


def _certified(report: Any, word: str) -> list[str]:
    """What certificates say, and of how many people."""
    point = report.operating_point
    alpha, share = point["alpha"], np.floor(1000 * point["certified_share"] + 1e-9) / 1000
    sure = (
        "with certainty"
        if alpha == 0
        else (
            f"each with probability {1 - alpha:g}"
            + " (of what is released: within the release radius)" * (word != "list")
        )
    )
    noised = point.get("noised_features", point.get("noised_features_behind_the_steps", []))
    moved = ", ".join(map(str, noised[:5])) + (" and others" if len(noised) > 5 else "")
    if "noised_features" not in point:
        moved += " (as the last step of the Pipeline reads them)"
    said = (
        f"Certified for {share:.1%} of these people, {sure}: the {word} is the same for all values "
        f"of {moved} within a radius of the person's own, all else fixed."
    )
    if point.get("fresh_noise"):
        said += " That is the answer of many votes; what is released is drawn anew for each call."
    widths = report.radii[report.radii["reading"].str.startswith("half-width of ")]
    for line in widths.to_dict("records"):
        said += f" {upper(line['reading'])}: {line['50 %']:.3g} or more for half of them"
        said += f", {line['smallest']:.3g} for the least protected."
    return [said, "That is no minimum: near a boundary the radius goes to 0."]


def cost(point: dict[str, Any]) -> str:
    """The price: how good answers are, beside those without privacy and those that know nothing."""
    if "r2" in point:
        score, without, alone = (
            point[f"mean_absolute_error{end}"]
            for end in ("", "_without_privacy", "_of_the_median_alone")
        )
        said = f"The numbers are off by {score:.4g} in the mean (R2 {point['r2']:.3g})"
        parts = [_beside(without, "without privacy", "{:.4g}", point["r2_without_privacy"])]
        parts.append(f"the median alone {alone:.4g}")
    elif "precision_at_k" in point:
        said = f"Of the recommended items {point['precision_at_k']:.1%} are relevant"
        parts = [_beside(point["precision_at_k_without_privacy"], "without privacy", "{:.1%}")]
        popular = point["precision_at_k_of_popular_items_alone"]
        parts.append(f"of the most popular items alone {popular:.1%}")
    else:
        said = f"The labels are right for {point['accuracy']:.1%} of these people"
        parts = [_beside(point["accuracy_without_privacy"], "without privacy", "{:.1%}")]
        alone = point["accuracy_of_the_most_frequent_label"]
        parts.append(f"the most frequent label alone {alone:.1%}")
    if point.get("changed_answers") is not None:
        low, high = point["lost_95_percent"]
        form = "{:.4g}" if "r2" in point else "{:.1%}"
        lost, low, high = (form.format(each + 0.0) for each in (point["lost"], low, high))
        changed = f"another {word_of(point)} for {point['changed_answers']:.1%}"
        parts.insert(1, f"lost {lost} (95 % interval over people {low} to {high}; {changed})")
    return f"{said}; {', '.join(part for part in parts if part)}."


def left_open(report: Any) -> list[str]:
    """The least protected person and half of the people, of each feature and of several."""
    word, found = word_of(report.operating_point), []
    for name, table in report.sets.items():
        line = table.iloc[0]
        if is_joint(table):
            sides = [c.removeprefix("smallest ") for c in table if c.startswith("smallest ")]
            told = ", ".join(
                f"{side} {line[f'smallest {side}']:.3g} at least and {line[f'median {side}']:.3g} "
                "in the median"
                for side in sides
            )
            found.append(f"Sides of the boxes that the {word} leaves open: {told}.")
            continue
        unit = unit_of(report.operating_point, name)
        bare = report.sets_without_privacy.get(name)
        without = ""
        if bare is not None:
            smallest, median = bare.iloc[0][["smallest", "median"]]
            without = f"; without privacy {smallest:.3g} and {median:.3g}{unit}"
        found.append(
            f"The {word} leaves open: of the least protected person's {name} "
            f"{line['smallest']:.3g}{unit} ({line['smallest share of the range']:.0%} of what is "
            f"possible), of half of the people's {line['median']:.3g}{unit} "
            f"({line['median share of the range']:.0%}) or more{without}."
        )
    return found


def guessed(report: Any) -> list[str]:
    """Whether an attacker who sees the answer guesses better than one who does not."""
    word, found = word_of(report.operating_point), []
    for name, table in report.attacks.items():
        best = best_of(table)
        if best["gain_low"] <= 0:
            found.append(
                f"No attacker that was tried guesses {name} better for seeing the {word}, beyond "
                "chance."
            )
            continue
        said = f"An attacker who sees the {word} guesses {name} better"
        if "error" in table and "knows" not in table:
            without = table.set_index("attacker").loc["imputation", "error"]
            unit = unit_of(report.operating_point, name)
            said += f": with a mean error of {best['error']:.3g}{unit} instead of {without:.3g}"
        found.append(f"{said}.")
    return found


def _known_anyway(report: Any) -> list[str]:
    """What is guessed from the other attributes, without any answer."""
    found = []
    for name, table in report.attacks.items():
        if "error" in table and "knows" not in table:
            error = table.set_index("attacker").loc["imputation", "error"]
            found.append(
                f"From the other attributes alone {name} is guessed with a mean error of "
                f"{error:.3g}{unit_of(report.operating_point, name)}: no release can help that."
            )
    return found


def _answer(point: dict[str, Any], word: str) -> str:
    if word == "list":
        return f"a list of {point['recommended']} of {point['items']} items"
    return f"a {word}"


def _around(point: dict[str, Any]) -> str:
    model = point["model"]
    return "" if model == point["estimator"] else f" around {model}"


def _least(name: str, minimum: float, unit: str, written: str) -> str:
    if unit == "share":
        known = [told for share, told in _SHARES.items() if abs(share - minimum) < 1e-9]
        share = known[0] if known else f"{100 * minimum:.4g}%"
        return f"at least {share} of the range of {name}"
    if unit == "mass":
        return (
            f"values of {name} that at least {100 * minimum:.4g}% of people have, by the prior in "
            "force, which may be a single value where so many have it"
        )
    if unit == "values":
        return f"at least {minimum:g} possible values of {name}"
    if unit == "categories":
        return f"at least {minimum:g} categories of {name}"
    return f"at least {minimum:g}{written or ' (in its own unit)'} of {name}"


def _beside(value: float | None, what: str, form: str, r2: float | None = None) -> str:
    if value is None:
        return ""
    more = "" if r2 is None else f" (R2 {r2:.3g})"
    return f"{what} {form.format(value)}{more}"
