"""Votes of any model on noisy copies of the rows (Cohen, Rosenfeld, Kolter 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils import gen_batches
from sklearn.utils.parallel import Parallel, delayed

from sklearn_rp.noise import Noise, Rows, rows_per_chunk, take_rows
from sklearn_rp.smoothing.votes import Votes, encode

# A probability is counted in these units: 2**40 of them, and a million votes, fit into an integer.
SOFT_UNIT = 2**40


@dataclass(eq=False)
class MonteCarlo:
    """Engine that counts the labels of `n_samples` noisy copies of each row.

    Parameters
    ----------
    estimator : fitted classifier
        The base classifier ``f``.
    classes : ndarray of shape (n_classes,)
        Its labels, in the order of its ``classes_``.
    noise : Noise
        What is perturbed.
    n_samples : int
        Votes per row.
    voting : {"hard", "soft"}
        Count ``predict`` or add up ``predict_proba``.
    n_jobs : int or None
        Processes over rows, through joblib.
    fresh : bool
        False: all rows share one noise bank. True: every row has noise of its own, so that two
        rows of one call are two releases.
    """

    estimator: Any
    classes: np.ndarray
    noise: Noise
    n_samples: int
    voting: Literal["hard", "soft"] = "hard"
    n_jobs: int | None = None
    fresh: bool = False

    method = "monte_carlo"
    name = "monte_carlo"

    def votes(self, X: Rows, sigmas: Sequence[float], entropy: int | Sequence[int]) -> list[Votes]:
        """Votes of each row at each noise level, all from one noise bank.

        Parameters
        ----------
        X : ndarray or frame of shape (n_rows, n_features)
            Checked rows.
        sigmas : sequence of float
            Noise levels.
        entropy : int or sequence of int
            Seed of the noise bank.

        Returns
        -------
        votes : list of Votes
            One for each noise level; a row's votes depend on the row and the seed alone (as far as
            the model's own answer for a row does not depend on its batch). With ``fresh=True``
            they also depend on its number.
        """
        n_rows = X.shape[0]
        self.noise.check_rows(X, min(sigmas))
        jobs = min(effective_n_jobs(self.n_jobs), max(1, n_rows))
        if jobs == 1:
            totals = self._total(X, sigmas, entropy, 0)
        else:
            edges = np.linspace(0, n_rows, jobs + 1).astype(int)
            parts = Parallel(n_jobs=jobs)(
                delayed(self._total)(take_rows(X, slice(a, b)), sigmas, entropy, int(a))
                for a, b in pairwise(edges)
            )
            totals = np.concatenate(parts, axis=1)
        return [Votes(total, self.voting, self.n_samples) for total in totals]

    def _total(
        self, X: Rows, sigmas: Sequence[float], entropy: int | Sequence[int], number: int
    ) -> np.ndarray:
        """Sums of votes: shape (n_sigmas, n_rows, n_classes); `number` is that of the first row."""
        if self.fresh:
            return self._fresh_total(X, sigmas, entropy, number)
        n_rows, n_classes = X.shape[0], len(self.classes)
        # Integers, for soft votes too: their sum does not depend on its order, hence not on chunks.
        totals = np.zeros((len(sigmas), n_rows, n_classes), dtype=np.int64)
        rows_at_once, votes_at_once = self._chunks(n_rows, X.shape[1])
        for start in range(0, self.n_samples, votes_at_once):
            stop = min(start + votes_at_once, self.n_samples)
            # Votes outside, rows inside: each draw is made once, and none is kept.
            draws = self.noise.draw(entropy, start, stop) * self.noise.scale
            for first in range(0, n_rows, rows_at_once):
                rows = slice(first, min(first + rows_at_once, n_rows))
                chunk = take_rows(X, rows)
                values = self.noise.values(chunk)
                for level, sigma in enumerate(sigmas):
                    copies = self.noise.noisy_copies(chunk, values, sigma * draws)
                    totals[level, rows] += self._count(copies, values.shape[0])
        return totals / SOFT_UNIT if self.voting == "soft" else totals

    def _fresh_total(
        self, X: Rows, sigmas: Sequence[float], entropy: int | Sequence[int], number: int
    ) -> np.ndarray:
        """As `_total`, every row with noise of its own."""
        n_rows, n_votes = X.shape[0], self.n_samples
        totals = np.zeros((len(sigmas), n_rows, len(self.classes)), dtype=np.int64)
        most = rows_per_chunk(X.shape[1])
        for rows in gen_batches(n_rows, max(1, most // n_votes)):
            chunk = take_rows(X, rows)
            values = self.noise.values(chunk)
            key = (number + rows.start,)
            rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=key))
            for votes in gen_batches(n_votes, most):
                shape = (len(values), votes.stop - votes.start, values.shape[1])
                draws = rng.standard_normal(shape) * self.noise.scale
                for level, sigma in enumerate(sigmas):
                    copies = self.noise.noisy_copies(chunk, values, sigma * draws)
                    totals[level, rows] += self._count(copies, len(values))
        return totals / SOFT_UNIT if self.voting == "soft" else totals

    def _chunks(self, n_rows: int, n_features: int) -> tuple[int, int]:
        """Rows and votes of one chunk, within scikit-learn's working memory."""
        copies = rows_per_chunk(n_features)
        block = self.noise.block
        votes = max(1, copies // max(1, n_rows) // block) * block
        votes = min(votes, -(-self.n_samples // block) * block)
        return max(1, copies // min(votes, self.n_samples)), votes

    def _count(self, copies: Rows, n_rows: int) -> np.ndarray:
        """Votes of each row's copies: shape (n_rows, n_classes)."""
        if self.voting == "soft":
            proba = normalised(self.estimator.predict_proba(copies), len(self.classes))
            units = np.rint(proba * SOFT_UNIT).astype(np.int64)
            return units.reshape(n_rows, -1, len(self.classes)).sum(axis=1)
        labels = np.asarray(self.estimator.predict(copies))
        return count_labels(labels.reshape(n_rows, -1), self.classes)


def count_labels(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How often each class occurs in each row.

    Parameters
    ----------
    labels : ndarray of shape (n_rows, n_votes)
        What the base classifier answered.
    classes : ndarray of shape (n_classes,)
        All it may answer.

    Returns
    -------
    counts : ndarray of int of shape (n_rows, n_classes)

    Raises
    ------
    ValueError
        If a label is none of `classes`.

    Examples
    --------
    >>> count_labels(np.array([["b", "a", "b"], ["a", "a", "a"]]), np.array(["a", "b"]))
    array([[1, 2],
           [3, 0]])
    """
    n_rows, n_votes = labels.shape
    n_classes = len(classes)
    if n_classes <= 16:
        # Comparing whole arrays is several times faster than looking labels up, strings above all.
        counts = np.stack([(labels == c).sum(axis=1) for c in classes], axis=1)
        if (counts.sum(axis=1) == n_votes).all():
            return counts
    number = encode(labels, classes) + n_classes * np.arange(n_rows)[:, None]
    return np.bincount(number.ravel(), minlength=n_rows * n_classes).reshape(n_rows, n_classes)


def normalised(proba: Any, n_classes: int) -> np.ndarray:
    """Probabilities that add up to 1 in double precision; what is none is refused.

    The bounds hold for numbers in [0, 1], and the bound of the runner-up is one minus that of the
    winner: sums other than 1 would make it wrong.
    """
    proba = np.asarray(proba, dtype=np.float64)
    total = proba.sum(axis=-1, keepdims=True)
    if (
        proba.ndim != 2
        or proba.shape[1] != n_classes
        or not (proba >= 0).all()
        or not (np.abs(total - 1) < 1e-3).all()
    ):
        raise refuse_probabilities(proba.shape, n_classes)
    return proba / total


def refuse_probabilities(shape: tuple[int, ...], n_classes: int) -> ValueError:
    """The error for what is no probability."""
    return ValueError(
        f"predict_proba of the estimator gave an array of shape {shape} that is not one "
        f"probability for each of the {n_classes} classes, adding up to 1: voting='soft' needs "
        "that; voting='hard' needs predict alone."
    )
