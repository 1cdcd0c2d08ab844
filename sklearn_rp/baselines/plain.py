"""Answers of a fitted model, released in some plain way, or at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_rp.law import next_seed, seed_of
from sklearn_rp.release import FittedRelease
from sklearn_rp.rows import Rows
from sklearn_rp.validation import check_rows
from sklearn_rp.wrapper import Wrapper


@dataclass(frozen=True, eq=False)
class RandomRelease(FittedRelease):
    """Answers of a fitted model, released by chance.

    Parameters
    ----------
    model : fitted classifier or regressor
        The model.
    answer : Labels or None
        Its labels, and a fallback where there is one.
    rule : callable
        ``rule(release, X, rng)``: what is released for checked rows.
    calls : SeedSequence or None
        Where a seed was given: call after call in a reproducible order.
    """

    model: Any
    answer: Any
    rule: Any
    calls: np.random.SeedSequence | None

    n_votes = 1
    is_random = True

    def identity(self) -> Any:
        """Model, answer, rule and seed."""
        seed = None if self.calls is None else self.calls.entropy
        return self.model, self.answer, self.rule, seed

    def release(self, X: Rows, n_jobs: int | None = None) -> np.ndarray:
        """What is released for each of some checked rows, drawn anew."""
        return self.rule(self, X, np.random.default_rng(next_seed(self.calls)))


class Releases(Wrapper):
    """A fitted model whose answers are released in some plain way."""

    release_: FittedRelease

    def predict(self, X):
        """What to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        answer : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.release_.release(check_rows(self, X, reset=False))


class AtRandom(Releases):
    """Answers are drawn anew in every call."""

    random_state: Any

    _parameter_constraints: dict = Wrapper._parameter_constraints | {
        "random_state": ["random_state"]
    }

    def calls(self) -> np.random.SeedSequence | None:
        """Seeds of the calls of one fit.

        Returns
        -------
        seeds : SeedSequence or None
            None: every call asks the operating system.
        """
        seeded = self.random_state is not None
        return np.random.SeedSequence(seed_of(self.random_state)) if seeded else None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        for kind in (tags.classifier_tags, tags.regressor_tags):
            if kind is not None:
                kind.poor_score = True  # answers are made worse on purpose
        return tags
