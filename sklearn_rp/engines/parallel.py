"""Rows shared among processes, through joblib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from sklearn_rp.law import Draws
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.votes import Votes, concatenate

_PARTS = 4  # of the rows for each process, where there are
_ROWS = 16  # rows at least for each: every part draws the noise of all votes


def check_n_jobs(n_jobs: Any) -> None:
    """Refuse 0, which joblib has no meaning for."""
    if n_jobs == 0:
        raise ValueError("n_jobs=0 is not allowed: give None or 1 (no parallelism), 2, ..., -1.")


def for_rows(work: Callable[..., Any], X: Rows, n_jobs: int | None) -> list[Any]:
    """What ``work(rows, first)`` gives for consecutive parts of `X`, each in a process, in order.

    With each part it is given the number of its first row. Processes are counted as in joblib: None
    is 1, or what ``joblib.parallel_config`` says.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.
    RuntimeError
        If a process died.
    """
    check_n_jobs(n_jobs)
    jobs = min(effective_n_jobs(n_jobs), max(1, X.shape[0]))
    if jobs == 1:
        return [work(X, 0)]
    # Several parts for each process: a cluster may give the first ones to the same worker.
    n_parts = max(jobs, min(_PARTS * jobs, X.shape[0] // _ROWS))
    edges = np.linspace(0, X.shape[0], n_parts + 1).astype(int).tolist()
    try:
        return Parallel(n_jobs=jobs)(
            delayed(work)(take_rows(X, slice(a, b)), a) for a, b in pairwise(edges)
        )
    except BrokenProcessPool as error:
        raise RuntimeError(
            f"A process of n_jobs={n_jobs} died, most often for want of memory: use fewer of them. "
            "The estimator is as it was before the call."
        ) from error


def cast_votes(
    engine: Any, X: Rows, sigmas: Sequence[float], draws: Draws, n_jobs: int | None
) -> list[Votes]:
    """Votes of an engine, its rows shared among processes where it allows that.

    No process is sent the noise: each draws its own from the seed. The answer has the same bits for
    any number of processes.
    """
    if not engine.divisible:
        return engine.votes(X, sigmas, draws)
    parts = for_rows(partial(_cast, engine, sigmas, draws), X, n_jobs)
    if len(parts) == 1:
        return parts[0]
    return [concatenate(level) for level in zip(*parts, strict=True)]


def _cast(engine: Any, sigmas: Sequence[float], draws: Draws, X: Rows, first: int) -> list[Votes]:
    return engine.votes(X, sigmas, draws.for_rows(first))
