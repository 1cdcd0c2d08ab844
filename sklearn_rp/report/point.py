"""The operating point of a release: what it is, how it was fitted, how good its answers are."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_rp.attribute.guaranteed import Guarantee, guarantee_of
from sklearn_rp.attribute.partition import is_empty
from sklearn_rp.attribute.space import Space
from sklearn_rp.certificate import Certificate
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import adapted, behind_steps, is_pipeline, last_step, unwrapped
from sklearn_rp.release import release_of
from sklearn_rp.report.quality import quality
from sklearn_rp.rows import Rows, column_values, missing, names_of, replace_columns
from sklearn_rp.wrapper import Wrapper


def operating_point(
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
        own = last_step(estimator).feature_
        among = own.features if isinstance(own, Space) else (own,)
        promises = promise if isinstance(promise[0], tuple) else (promise,)
        promises = tuple(map(_no_more_than_there_is, promises, among))
        seen = all(_untouched(estimator, X, each.feature) for each in promises)
        told = [list(each) for each in zip(*promises, strict=True)]
        names, minima, units = told if len(promises) > 1 else (each[0] for each in told)
        where = "" if seen else behind
        point |= {f"guaranteed_for{where}": names, "minimum": minima, "unit": units}
        point["guaranteed_within"] = [possible_values(feature) for feature in among]
        least = last_step(estimator).minimum_
        point["nothing_promised_of"] = [
            feature.name
            for feature, each in zip(among, promises, strict=True)
            if is_empty(each.unit, least[feature.name] if len(among) > 1 else least, feature)
        ]
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
            "certified_share": float((beyond_fallback(cert) > 0).mean()),
        }
    answer = getattr(release, "answer", None)
    if answer is not None:
        point |= {
            "fallback": None if answer.fallback is None else str(answer.fallback),
            "min_radius": float(answer.min_radius or 0.0),
            "fresh_noise": bool(release.is_random),
        }
    return point


def _no_more_than_there_is(promise: Guarantee, feature: Feature) -> Guarantee:
    """A promise in words that are true: of the range at most, and of values where these count."""
    if promise.unit not in ("length", "categories"):
        return promise
    listed = promise.unit == "length" and not isinstance(feature.domain, str)
    least = min(promise.minimum, feature.span)
    return Guarantee(promise.feature, least, "values" if listed else promise.unit)


def beyond_fallback(cert: Certificate) -> np.ndarray:
    """How far each row is certified not to get the fallback; 0 where it does get it."""
    return np.maximum(cert.radius - (cert.min_radius or 0.0), 0.0)


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
    values = np.roll(column_values(X, column), 1)
    if (values == values[0]).all():  # nothing changes: nothing is seen
        return False
    moved = _given(estimator, replace_columns(X, np.array([column]), values[:, None], 1))

    def same(found: np.ndarray, expected: np.ndarray) -> bool:
        gone = missing(found)
        kept = (gone == missing(expected)).all()
        return bool(kept and (found[~gone] == expected[~gone]).all())

    return all(
        same(column_values(moved, j), values if name == feature else column_values(given, j))
        for j, name in enumerate(behind)
    )


def possible_values(feature: Feature) -> str:
    """Name and possible values of a feature."""
    if feature.categories is not None:
        shown = ", ".join(str(category) for category in feature.categories[:8])
        more = " ..." if len(feature.categories) > 8 else ""
        return f"{feature.name}: {shown}{more}"
    numbers = {"continuous": "", "integer": "whole numbers from "}
    kind = feature.domain if isinstance(feature.domain, str) else ""
    first = numbers.get(kind, "") if kind else f"{len(feature.domain)} numbers from "
    return f"{feature.name}: {first}{feature.low:g} to {feature.high:g}"
