"""How good the answers are, those of the model inside, and the best that know nothing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.stats import t
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score
from sklearn.pipeline import Pipeline

from sklearn_rp.baselines.lists import TopItemsRecommender
from sklearn_rp.models.inside import is_pipeline, last_step, unwrapped
from sklearn_rp.models.items import ItemScores, gives_lists, lists_of
from sklearn_rp.models.labels import gives_numbers, labels_of, numbers_of
from sklearn_rp.ranking import ndcg_at_k_score, precision_at_k_score, precisions
from sklearn_rp.rows import Rows
from sklearn_rp.rules import best_items
from sklearn_rp.wrapper import Wrapper

_PARTS = 5  # of the people, by the number that they are told


def kind_of(estimator: Any) -> str:
    """What an estimator releases: labels, numbers or lists."""
    if gives_lists(estimator):
        return "lists"
    return "numbers" if gives_numbers(estimator) else "labels"


def told(estimator: Any, X: Rows) -> tuple[str, np.ndarray]:
    """What an estimator releases, in a word, and for each row."""
    kind = kind_of(estimator)
    ask = {"lists": lists_of, "numbers": numbers_of, "labels": labels_of}[kind]
    return kind.removesuffix("s"), ask(estimator, X)


def quality(estimator: Any, X: Rows, given: Rows, label: np.ndarray, y: Any) -> dict[str, Any]:
    """Names and values of scores.

    Parameters
    ----------
    estimator : fitted estimator
        Whose answers they are.
    X, given : ndarray or DataFrame of shape (n_rows, n_features)
        Rows, and as the last step of Pipelines reads them.
    label : ndarray of shape (n_rows,) or (n_rows, n_recommended)
        The answers.
    y : array-like of shape (n_rows,) or (n_rows, n_items)
        The truth.
    """
    last = last_step(estimator)
    inner = last.estimator_ if isinstance(last, Wrapper) else None
    if gives_lists(estimator):
        return _of_lists(last, inner, given, label, y)
    ask = numbers_of if gives_numbers(estimator) else labels_of
    plain = None if inner is None else ask(without_privacy(last), given)
    if not gives_numbers(estimator):
        right = None if plain is None else (plain == y).astype(float) - (label == y)
        return _lost(right, label, plain) | {
            "released": "labels",
            "accuracy": float(accuracy_score(y, label)),
            "accuracy_without_privacy": None if plain is None else float(accuracy_score(y, plain)),
            "accuracy_of_the_most_frequent_label": float(
                np.unique(y, return_counts=True)[1].max() / len(y)
            ),
        }
    found: dict[str, Any] = {"released": "numbers"}
    for name, score in (("r2", r2_score), ("mean_absolute_error", mean_absolute_error)):
        found[name] = float(score(y, label))
        found[f"{name}_without_privacy"] = None if plain is None else float(score(y, plain))
    middle = np.full(len(y), np.median(y))
    off = None if plain is None else np.abs(label - y) - np.abs(plain - y)
    return (
        found
        | _lost(off, label, plain)
        | {"mean_absolute_error_of_the_median_alone": float(mean_absolute_error(y, middle))}
    )


def _of_lists(last: Any, inner: Any, X: Rows, lists: np.ndarray, y: Any) -> dict[str, Any]:
    """Precision and NDCG at k; and of what most of these people have."""
    items, k = np.asarray(getattr(last, "items_", np.unique(lists))), lists.shape[1]
    ordered = bool(getattr(last, "ordered", True))
    plain = items[best_items(inner.predict(X), k, True)] if isinstance(inner, ItemScores) else None
    alone = [precision_at_k_score(y, np.full((len(lists), 1), item), items=items) for item in items]
    popular = np.tile(items[best_items(np.array(alone), k, True)], (len(lists), 1))
    found: dict[str, Any] = {"released": "lists", "items": len(items), "recommended": k}
    if plain is not None:
        worse = precisions(y, plain, items) - precisions(y, lists, items)
        seen = (each if ordered else np.sort(each, axis=1) for each in (lists, plain))
        found |= _lost(worse, *seen)
    for name, score in (("precision", precision_at_k_score), ("ndcg", ndcg_at_k_score)):
        order = {"ordered": ordered} if name == "ndcg" else {}
        found[f"{name}_at_k"] = score(y, lists, items=items, **order)
        best = None if plain is None else score(y, plain, items=items)
        found[f"{name}_at_k_without_privacy"] = best
        found[f"{name}_at_k_of_popular_items_alone"] = score(y, popular, items=items)
    return found


def score_of(point: dict[str, Any]) -> tuple[str, float, float | None, float]:
    """What answers are compared by: name, value, without privacy, and of one answer for everybody.

    Of numbers R2, which is 0 for their mean.
    """
    if "r2" in point:
        return "R2", point["r2"], point["r2_without_privacy"], 0.0
    name, alone = "accuracy", "_of_the_most_frequent_label"
    if "precision_at_k" in point:
        name, alone = "precision_at_k", "_of_popular_items_alone"
    score, without, constant = (point[f"{name}{end}"] for end in ("", "_without_privacy", alone))
    return name.replace("_", " "), score, without, constant


def without_privacy(estimator: Any) -> Any:
    """The fitted model inside a release of ours, behind the same steps, or None."""
    inner = unwrapped(estimator)
    if is_pipeline(inner):
        last = without_privacy(inner[-1])
        return None if last is None else Pipeline([*inner.steps[:-1], ("model", last)])
    if not isinstance(inner, Wrapper):
        return None
    if isinstance(inner.estimator_, ItemScores):
        return TopItemsRecommender.inside(inner)
    deeper = without_privacy(inner.estimator_)  # noise around a minimum
    return inner.estimator_ if deeper is None else deeper


def _lost(worse: np.ndarray | None, answer: np.ndarray, plain: Any) -> dict[str, Any]:
    """What is lost to privacy, person by person: the mean with its 95 % t-interval."""
    if worse is None or len(worse) < 2:
        return {}
    mean, n = float(np.mean(worse)), len(worse)
    half = float(t.ppf(0.975, n - 1) * np.std(worse, ddof=1) / np.sqrt(n))
    differs = np.asarray(answer != plain)
    changed = differs.any(axis=1) if differs.ndim > 1 else differs
    return {
        "lost": mean,
        "lost_95_percent": [mean - half, mean + half],
        "changed_answers": float(np.mean(changed)),
    }


def fifths(numbers: np.ndarray) -> np.ndarray:
    """Groups of people by what they are told, as text; of few different numbers each is one."""
    if len(np.unique(numbers)) <= _PARTS:
        return np.array([f"{number:g}" for number in numbers])
    ends = np.unique(np.quantile(numbers, np.arange(1, _PARTS) / _PARTS))
    part = np.searchsorted(ends, numbers, side="right")
    names = [f"below {ends[0]:g}", *(f"{a:g} to {b:g}" for a, b in pairwise(ends))]
    names.append(f"{ends[-1]:g} or more")
    return np.array([f"{k}. {name}" for k, name in enumerate(names, start=1)])[part]
