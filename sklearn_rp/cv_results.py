"""``cv_results_`` of a search: made from scores, and read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata


def make_cv_results(
    parts: Sequence[tuple[list[Any], float, float]], candidates: list[dict[str, Any]]
) -> dict[str, Any]:
    """``cv_results_`` from the scores and times of each fold."""
    folds, *times = zip(*parts, strict=True)
    scores = list(zip(*folds, strict=True))  # of each noise level in each fold
    results: dict[str, Any] = {}
    for kind, seconds in zip(("fit_time", "score_time"), times, strict=True):
        results[f"mean_{kind}"] = np.full(len(candidates), np.mean(seconds))
        results[f"std_{kind}"] = np.full(len(candidates), np.std(seconds))
    for name in candidates[0]:
        results[f"param_{name}"] = np.ma.MaskedArray([c[name] for c in candidates], mask=False)
    results["params"] = candidates
    several = isinstance(scores[0][0], dict)
    for name in scores[0][0] if several else ["score"]:
        values = np.array([[s[name] if several else s for s in level] for level in scores])
        results |= {f"split{i}_test_{name}": values[:, i] for i in range(len(folds))}
        results[f"mean_test_{name}"] = mean = values.mean(axis=1)
        results[f"std_test_{name}"] = values.std(axis=1)
        worst = np.where(np.isnan(mean), np.inf, -mean)
        results[f"rank_test_{name}"] = rankdata(worst, method="min").astype(np.int32)
    return results


def scorers_of(cv_results: dict[str, Any]) -> list[str]:
    """Names of the scorers."""
    return [name[10:] for name in cv_results if name.startswith("mean_test_")]


def standard_errors(cv_results: dict[str, Any], scorer: str) -> np.ndarray:
    """Standard error of each candidate's mean score over the splits; 0 of a single split."""
    splits = [
        np.asarray(value, dtype=float)
        for name, value in cv_results.items()
        if name.startswith("split") and name.endswith(f"_test_{scorer}")
    ]
    if len(splits) < 2:
        return np.zeros(len(cv_results[f"mean_test_{scorer}"]))
    return np.std(splits, axis=0, ddof=1) / np.sqrt(len(splits))
