"""Answers of an engine, given again instead of found again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import joblib

from sklearn_rp.engines.parallel import cast_votes
from sklearn_rp.law import Draws
from sklearn_rp.rows import Rows
from sklearn_rp.votes import Votes


class Recalled:
    """An engine with its votes for some rows, found once for several noise levels and all askers.

    Many scores of the same rows at several noise levels then cost one reading of the model. Asked
    about other rows or levels it asks the engine.

    Parameters
    ----------
    engine : Engine
        Where answers come from.
    X : ndarray or frame of shape (n_rows, n_features)
        The checked rows that will be asked about.
    sigmas : sequence of float
        The noise levels.
    n_jobs : int or None
        Processes that the engine's rows are shared among.
    """

    divisible = False

    def __init__(self, engine: Any, X: Rows, sigmas: Sequence[float], n_jobs: int | None):
        self._engine = engine
        self._rows = joblib.hash(X)
        self._sigmas = list(sigmas)
        self._n_jobs = n_jobs
        self._votes: dict[Draws, list[Votes]] = {}
        self._profiles: dict[str, Any] = {}

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Draws) -> list[Votes]:
        """Votes of each row at each noise level."""
        known = all(sigma in self._sigmas for sigma in sigmas)
        if not known or joblib.hash(X) != self._rows:
            return cast_votes(self._engine, X, sigmas, draws, self._n_jobs)
        if draws not in self._votes:
            self._votes[draws] = cast_votes(self._engine, X, self._sigmas, draws, self._n_jobs)
        return [self._votes[draws][self._sigmas.index(sigma)] for sigma in sigmas]

    def without_radii(self) -> Recalled:
        """The same: what is remembered has them."""
        return self

    def profile(self, X: Rows) -> Any:
        """Labels along the one noised feature, of a sweep."""
        key = joblib.hash(X)
        if key not in self._profiles:
            self._profiles[key] = self._engine.profile(X)
        return self._profiles[key]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_engine":  # not there yet while unpickling
            raise AttributeError(name)
        return getattr(self._engine, name)
