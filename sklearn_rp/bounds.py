"""From votes to probability bounds to radii, rounded to the safe side.

Notation: row ``x`` has smoothed probabilities ``h_c``; its top class is ``A``, the runner-up ``B``.
A certificate fails if it names a class other than ``A``, or a radius above the true one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from sklearn_rp.law import Gaussian

# Relative error allowed for in scipy's inverse incomplete beta function, which is accurate to a few
# units in the last place (2.2e-16).
_SLACK = 1e-13
# Exact methods: a probability of 1.0 in floating point is not certainty.
_LARGEST = 1.0 - 1e-15
# How alpha is shared with three or more classes: bound on A, bound on B, "A is the top class".
_SHARE_TOP, _SHARE_RUNNER_UP, _SHARE_RANK = 0.4, 0.4, 0.2


@dataclass(frozen=True, eq=False)
class Bounds:
    """Certified probabilities of some rows and the radius that follows.

    Parameters
    ----------
    p_lower : ndarray of shape (n_rows,)
        Lower bound of the probability of the class with the most votes.
    p_upper : ndarray of shape (n_rows,)
        Upper bound of the probability of every other class.
    radius : ndarray of shape (n_rows,)
        Certified radius in noise units (no unit); 0 where abstained.
    abstained : ndarray of bool of shape (n_rows,)
        Whether no class is certified.
    """

    p_lower: np.ndarray
    p_upper: np.ndarray
    radius: np.ndarray
    abstained: np.ndarray


def scaled_radius(radius: np.ndarray, sigma: float) -> np.ndarray:
    """From noise units to scaled units, rounded down."""
    return np.nextafter(sigma * radius, 0.0)


def majority_share(n_votes: np.ndarray | int, beta: float, needed: np.ndarray | int) -> np.ndarray:
    """Smallest vote share with which `needed` of `n_votes` votes come with probability 1 - `beta`.

    ``P[Binomial(N, q) >= m] = I_q(m, N - m + 1)``, solved for q and rounded up.

    Examples
    --------
    >>> float(majority_share(1, 0.1, 1).round(6))
    0.9
    """
    n, m = np.asarray(n_votes, dtype=float), np.asarray(needed, dtype=float)
    possible = m <= n
    share = special.betaincinv(np.where(possible, m, 1), np.where(possible, n - m + 1, 1), 1 - beta)
    return np.where(possible, _up(share), 1.0)


def soft_majority_share(n_votes: np.ndarray | int, beta: float) -> np.ndarray:
    """As `majority_share` for a sum of probabilities to exceed half of `n_votes`.

    By Chernoff's bound ``P[mean <= 1/2] <= (4 q (1 - q))**(N / 2)``, solved for q and rounded up.

    Examples
    --------
    >>> float(soft_majority_share(100, 0.001).round(6))
    0.679608
    """
    n = np.asarray(n_votes, dtype=float)
    return _up(0.5 * (1 + np.sqrt(-np.expm1(2 * np.log(beta) / n))))


def clopper_pearson_lower(k: np.ndarray | int, n: int, alpha: float | np.ndarray) -> np.ndarray:
    """One-sided lower confidence bound of a binomial probability, rounded down.

    ``beta.ppf(alpha, k, n - k + 1)``, 0 for k = 0 (Clopper & Pearson 1934).

    Examples
    --------
    >>> clopper_pearson_lower(0, 10, 0.05), float(clopper_pearson_lower(10, 10, 0.05).round(6))
    (array(0.), 0.741134)
    """
    k = np.asarray(k, dtype=np.float64)
    bound = special.betaincinv(np.maximum(k, 0.5), n - k + 1, alpha)
    return np.where(k > 0, _down(bound), 0.0)


def clopper_pearson_upper(k: np.ndarray | int, n: int, alpha: float | np.ndarray) -> np.ndarray:
    """One-sided upper confidence bound of a binomial probability, rounded up.

    Examples
    --------
    >>> float(clopper_pearson_upper(0, 10, 0.05).round(6))
    0.258866
    """
    # Through the lower bound of the complement: no accuracy is lost near 1.
    k = np.asarray(k, dtype=np.float64)
    bound = special.betainccinv(k + 1, np.maximum(n - k, 0.5), alpha)
    return np.where(k < n, _up(bound), 1.0)


def count_bounds(
    total: np.ndarray, n: int, alpha: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounds from counts of labels, with the label chosen by the very same votes; and certainty.

    Each distinct pair of counts is worked out once: a million rows share a few thousand pairs.
    """
    n_classes = total.shape[1]
    first, second = (each.astype(np.int64) for each in two_largest(total))
    pairs, row = np.unique(first * (n + 1) + second, return_inverse=True)
    first, second = np.divmod(pairs, n + 1)
    if n_classes == 2:
        lower = _majority_lower(first, n, alpha)
        upper = _up(1 - lower)
        certain = lower > 0.5
    else:
        lower = clopper_pearson_lower(first, n, _SHARE_TOP * alpha)
        upper = np.minimum(
            _up(1 - lower), clopper_pearson_upper(second, n, _SHARE_RUNNER_UP * alpha)
        )
        # The winner is the top class: the two-sided sign test of winner against runner-up is
        # valid for any number of classes (Hung & Fithian 2019, Rank verification for exponential
        # families, Ann. Statist. 47). The bounds speak of A and B themselves, so that alpha is
        # not divided by the number of classes.
        tail = special.bdtrc(first - 1.0, first + second, 0.5)
        certain = (2 * tail * (1 + _SLACK) <= _SHARE_RANK * alpha) & (lower > upper)
    return lower[row], upper[row], certain[row]


def _majority_lower(k: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Lower bound of the winner's probability, for the winner of these very votes.

    A certificate fails if A's count is so high that the bound exceeds ``h_A``, or so low that
    another class has the majority. At ``h_A = 1/2`` either costs alpha / 2. For a clear majority
    the second has next to no probability left, and what it does not use is given to the first:

    1. ``L0`` = Clopper-Pearson at alpha / 2; certified only if ``L0 > 1/2``, that is ``k > t``.
    2. For any ``h_A >= L0``, P[another class has more than t votes] <= P[Bin(n, L0) < n - t] = s.
    3. ``L1`` = Clopper-Pearson at alpha - s.

    For every h the failure probability is at most alpha: for ``h_A <= L0`` by 1 on both sides, for
    ``L0 < h_A < L1`` by 2 and 3, for ``h_A < 1/2`` because the sum over classes of P[Bin(n, h_c) >
    t] is convex in h, hence largest at (1/2, 1/2). Nothing is spent on choosing the class.
    """
    halved = clopper_pearson_lower(k, n, alpha / 2)
    # The count t, as a real number: continuous in alpha, so that radii are monotone in alpha.
    losing = special.bdtrik(alpha / 2, n, 0.5)  # P[Bin(n, 1/2) <= losing] = alpha / 2
    decided = halved > 0.5
    if not decided.any():
        return halved
    p = np.where(decided, halved, 0.75)
    # bdtrik is accurate to 1e-7 or better in the probability that it inverts.
    spent = special.betainc(n - losing, losing + 1, 1 - p) * (1 + 1e-6)
    level = np.maximum(alpha - spent, alpha / 2)
    return np.where(decided, clopper_pearson_lower(k, n, level), halved)


def mean_bounds(share: np.ndarray, n: int, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds from means of `n` numbers in [0, 1], shared by Bonferroni.

    Two classes: the two means are complements, so two events, alpha / 2 each. More: a lower bound
    for each class and an upper one for A and for B, alpha / (n_classes + 2) each; a wrong label
    needs a lower bound of its own class or the upper bound of A to fail.
    """
    n_classes = share.shape[1]
    events = 2 if n_classes == 2 else n_classes + 2
    first, second = two_largest(share)
    lower = mean_lower(first, n, alpha / events)
    upper = _up(1 - lower)
    if n_classes > 2:
        upper = np.minimum(upper, mean_upper(second, n, alpha / events))
    return lower, upper


def mean_lower(mean: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Lower confidence bound of the expectation of a number in [0, 1], rounded down.

    Hoeffding 1963, Theorem 1 (the form with the relative entropy): the smallest ``p <= mean`` with
    ``n KL(mean, p) <= log(1 / alpha)``.

    Examples
    --------
    >>> float(mean_lower(np.array([1.0]), 1000, 0.001)[0].round(5))  # 0.001 ** (1 / 1000)
    0.99312
    """
    mean = np.clip(np.asarray(mean, dtype=np.float64) - 1e-12, 0.0, 1.0)
    budget = -np.log(alpha) / n
    low, high = np.zeros_like(mean), mean.copy()
    for _ in range(60):  # bisection: the width halves to below one unit in the last place
        middle = (low + high) / 2
        divergence = special.rel_entr(mean, middle) + special.rel_entr(1 - mean, 1 - middle)
        outside = divergence > budget
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return _down(low)


def mean_upper(mean: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """Upper confidence bound of the expectation of a number in [0, 1], rounded up.

    Examples
    --------
    >>> float(mean_upper(np.array([0.0]), 1000, 0.001)[0].round(5))
    0.00688
    """
    return _up(1 - mean_lower(1 - mean, n, alpha))


def probability_bounds(
    inside: np.ndarray, against: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of a probability and of the largest against it, each known up to an error."""
    lower = np.clip(inside - error, 0.0, _LARGEST)
    upper = np.clip(against + error, 1 - _LARGEST, 1.0)
    return lower, upper


def radius_at_most(
    total: np.ndarray, n: int, alpha: float, below: Callable[..., Any], above: Callable[..., Any]
) -> np.ndarray:
    """Upper bound of each row's true radius in noise units, true with probability 1 - `alpha`.

    The radius is at most what the bounds of the top class ``A`` from above and of its runner-up
    from below give. ``A`` may be any class: the bound is largest for the one with the most votes.
    Two classes: one event, as the runner-up is the complement. More: alpha / 2 for ``A``, and alpha
    / 2 shared by all the others. Inf where nothing bounds it.
    """
    n_classes = total.shape[1]
    first, second = two_largest(total)
    if n_classes == 2:
        upper = above(first, n, alpha)
        lower = _down(1 - upper)
    else:
        upper = above(first, n, alpha / 2)
        runner_up = below(second, n, alpha / 2 / (n_classes - 1))
        lower = np.maximum(runner_up, _down((1 - upper) / (n_classes - 1)))
    with np.errstate(invalid="ignore"):
        radius = -Gaussian.radius(lower, upper)  # rounded up
    return np.where(upper >= 1, np.inf, np.maximum(radius, 0.0))


def two_largest(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest and second largest of each row."""
    order = np.partition(values, values.shape[1] - 2, axis=1)
    return order[:, -1], order[:, -2]


def _down(p: np.ndarray) -> np.ndarray:
    return np.maximum(p * (1 - _SLACK), 0.0)


def _up(p: np.ndarray) -> np.ndarray:
    return np.minimum(p * (1 + _SLACK) + np.finfo(np.float64).tiny, 1.0)
