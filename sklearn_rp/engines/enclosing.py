"""How likely a noisy score is above 0, enclosed with certainty by its characteristic function.

Let ``x`` be the score in units of a length ``C`` that it does not exceed, ``|x| < 1``. Then ``1[x >
0] = x + 1/2 - psi(x)``, with the sawtooth ``psi(x) = x - floor(x) - 1/2``. Vaaler (1985, Some
extremal functions in Fourier analysis, Bull. AMS 12, Theorem 18) has a trigonometric polynomial of
degree ``N`` that is next to it,

    psi_N(x) = - sum_{n=1}^N Phi(n / (N + 1)) / (pi n) sin(2 pi n x),
    Phi(t) = pi t (1 - t) cot(pi t) + t,
    |psi(x) - psi_N(x)| <= delta_N(x),
    delta_N(x) = (1 + 2 sum_{n=1}^N (1 - n / (N + 1)) cos(2 pi n x)) / (2 (N + 1)).

The expectation of either side is a finite sum of the characteristic function of ``x`` at the whole
multiples of ``2 pi``. So the probability is known up to the expectation of ``delta_N``, which falls
as ``1 / N`` with the density at 0; nothing is left to chance, and nothing has to be smooth.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol, Self

import numpy as np

from sklearn_rp.rows import rows_per_chunk

FIRST_DEGREE, LAST_DEGREE = 64, 2**16  # numbers of harmonics, plus one
_AT_ONCE = 256  # harmonics
# A probability is known well enough when its error is this small beside it and its complement:
# at 1/2 as well as from 100 000 votes at alpha = 0.001.
_WELL_ENOUGH = 0.01


class NoisyScore(Protocol):
    """The law of the noisy score of each of some rows.

    Attributes
    ----------
    mean : ndarray of shape (n_rows,)
        Expectation of ``x``, the score in units of `C`.
    shift : float
        How far ``x`` may be from what the model itself decides by.
    slack : ndarray of shape (n_rows,)
        The same of each row, on top of it: next to nothing.
    error : ndarray of shape (n_rows,)
        By how much each value of the characteristic function may be off, and the mean.
    beyond : ndarray of shape (n_rows,)
        Bound of ``E[|x|; |x| >= 1]``.
    """

    mean: np.ndarray
    shift: float
    slack: np.ndarray
    error: np.ndarray
    beyond: np.ndarray

    def harmonics(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Real and imaginary part of ``E exp(2 pi i n x)`` for ``first <= n < last``."""
        ...

    def take(self, rows: np.ndarray) -> Self:
        """The laws of some of the rows."""
        ...


def enclosed(score: NoisyScore, label_alone: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the probability of a score above 0, and of one not below 0: each (n_rows,).

    Of each row as many harmonics are asked as it needs; a row's bounds are its own, whatever others
    there are. With `label_alone` a row needs no more than on which side of 1/2 they are.
    """
    n_rows = len(score.mean)
    lower, upper = np.zeros(n_rows), np.ones(n_rows)
    rows, degree = np.arange(n_rows), np.full(n_rows, FIRST_DEGREE)
    while len(rows):
        for each in np.unique(degree):
            here = degree == each
            some = rows[here]
            low, high = _of_degree(score.take(some), int(each))
            # All of them hold, so that a label once certain stays what it is.
            lower[some] = np.maximum(lower[some], low)
            upper[some] = np.minimum(upper[some], high)
            degree[here] = _needed(lower[some], upper[some], low, high, int(each))
            if label_alone:
                degree[here & ((lower[rows] > 0.5) | (upper[rows] < 0.5))] = 0
        more = degree > 0
        rows, degree = rows[more], degree[more]
    return lower, upper


def _needed(
    lower: np.ndarray, upper: np.ndarray, low: np.ndarray, high: np.ndarray, degree: int
) -> np.ndarray:
    """Degree with which rows are known well enough; 0 where they are, or no more is to be had."""
    if degree == LAST_DEGREE:
        return np.zeros(len(lower), dtype=np.intp)
    middle = np.clip((upper + lower) / 2, 0.0, 1.0)
    wanted = _WELL_ENOUGH * np.maximum(np.minimum(middle, 1 - middle), 1e-9)
    factor = 2.0 ** np.ceil(np.log2(np.maximum((high - low) / 2 / wanted, 2.0)))
    known = (upper - lower) / 2 <= wanted
    return np.where(known, 0, np.minimum(degree * factor, LAST_DEGREE)).astype(np.intp)


def _of_degree(score: NoisyScore, degree: int) -> tuple[np.ndarray, np.ndarray]:
    sine, cosine = _coefficients(degree)
    size = float(np.abs(sine).sum() + np.abs(cosine).sum())
    n_rows = len(score.mean)
    lower = np.empty(n_rows)
    upper = np.empty(n_rows)
    step = rows_per_chunk(16 * _AT_ONCE)
    for begin in range(0, n_rows, step):
        rows = np.arange(begin, min(begin + step, n_rows))
        part = score.take(rows)
        middle, half = part.mean + 0.5, np.full(len(rows), 0.5 / degree + part.shift)
        for first in range(1, degree, _AT_ONCE):
            last = min(first + _AT_ONCE, degree)
            real, imaginary = part.harmonics(first, last)
            a, b = sine[first - 1 : last - 1], cosine[first - 1 : last - 1]
            # Of the law of x less the shift for the one bound, and x and the shift for the other.
            turn = 2 * np.pi * part.shift * np.arange(first, last)
            along, across = np.cos(turn), np.sin(turn)
            middle += (imaginary * (a * along - b * across)).sum(axis=1)
            half += (real * (a * across + b * along)).sum(axis=1)
        # No slope of psi_N and delta_N exceeds 2 N + 1 and 1.1 (N + 1).
        error = part.error * (size + 1) + part.beyond + 4 * degree * part.slack
        error += 1e-15 * size + 1e-14
        lower[rows] = np.clip(middle - half - error, 0.0, 1.0)
        upper[rows] = np.clip(middle + half + error, 0.0, 1.0)
    return lower, upper


@cache
def _coefficients(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Of ``E sin`` in ``-psi_N``, and of ``E cos`` in ``delta_N``, for ``N = degree - 1``."""
    n = np.arange(1, degree)
    t = n / degree
    phi = np.pi * t * (1 - t) / np.tan(np.pi * t) + t
    return phi / (np.pi * n), (1 - t) / degree
