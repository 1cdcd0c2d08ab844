"""How likely a noisy score is above 0, for a decision whose edge is rounded, exactly.

Let ``S`` be the noisy score. Votes for ``S > 0`` have no closed form that is exact, and what is
known up to a gap cannot be released: where the votes are next to even, the label would be a guess,
and the certificate of a neighbour speaks of it, too. So a copy votes with ``F(S) = P[S + tau eta >
0]``, a fixed function from 0 to 1 that is a step but for a few `tau`: soft votes, which have the
certificates of soft votes (Salman et al. 2019). `eta` has the density ``3 / (8 pi) (sin(u / 4) / (u
/ 4))^4``; its characteristic function, Parzen's window, is 0 from 1 on. With the square wave of
half-period ``C``,

    E F(S) = 1/2 + (2 / pi) sum_{k odd} Im E exp(i pi k S / C) B(pi k tau / C) / k,

a finite sum, up to ``P[|S + tau eta| >= C]``.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.rows import rows_per_chunk

_AT_ONCE = 256  # harmonics
STEEPEST = 3 / (8 * np.pi)  # of F, over tau


class NoisyScore(Protocol):
    """The law of the noisy score of each of some rows.

    Attributes
    ----------
    width : ndarray of shape (n_rows,)
        `tau` in units of the length `C`, which the score and `eta` together hardly exceed.
    error : ndarray of shape (n_rows,)
        By how much each value of the characteristic function may be off.
    """

    width: np.ndarray
    error: np.ndarray

    def harmonics(self, k: np.ndarray) -> np.ndarray:
        """Imaginary part of ``E exp(i pi k S / C)``: (n_rows, len(k))."""
        ...

    def take(self, rows: np.ndarray | slice) -> Self:
        """The laws of some of the rows."""
        ...


def window(t: np.ndarray) -> np.ndarray:
    """Characteristic function of `eta`, for ``t >= 0``."""
    near = 1 - 6 * t**2 * (1 - t)
    return np.where(t < 0.5, near, 2 * np.maximum(1 - t, 0.0) ** 3)


def beyond(u: np.ndarray | float) -> np.ndarray:
    """Bound of ``P[|eta| >= u]``: its density is at most ``96 / pi / u^4``."""
    return np.minimum(64 / np.pi / u**3, 1.0)


def chance_above(score: NoisyScore) -> tuple[np.ndarray, np.ndarray]:
    """``E F(S)`` of each row, and the error of the sum: each (n_rows,)."""
    parts = gen_batches(len(score.width), rows_per_chunk(16 * _AT_ONCE))
    found = [_of_some(score.take(rows)) for rows in parts]
    share, error = (np.concatenate(each) for each in zip(*found, strict=True))
    return share, error


def _of_some(score: NoisyScore) -> tuple[np.ndarray, np.ndarray]:
    share, size = np.full(len(score.width), 0.5), np.zeros(len(score.width))
    rows, first = np.arange(len(share)), 1
    while len(rows):
        k = np.arange(first, first + 2 * _AT_ONCE, 2)
        part = score.take(rows)
        weight = 2 / np.pi / k * window(np.pi * part.width[:, None] * k)
        share[rows] += (part.harmonics(k) * weight).sum(axis=1)
        size[rows] += weight.sum(axis=1)
        first += 2 * _AT_ONCE
        rows = rows[np.pi * score.width[rows] * first < 1]
    return np.clip(share, 0.0, 1.0), size * (score.error + 1e-15) + 1e-14
