"""Several scores that compete: what they decide, and how far it is to where another would win.

Scores are affine, and noise is measured in units in which it is a standard normal one: two scores
``a`` and ``b`` change places on a hyperplane, ``(s_a - s_b) / ||w_a - w_b||`` away. All distances
are rounded down by the errors of the scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.law import Gaussian
from sklearn_rp.rows import rows_per_chunk
from sklearn_rp.rules import TopItems, best_items

_STEP = 1e-12  # between shares that would else be equal


@dataclass(frozen=True, eq=False)
class Outcome:
    """What scores decide.

    Parameters
    ----------
    order : ndarray of int of shape (n_rows, n_classes)
        Classes, the answer first: the label, or the items of the list as it names them.
    reach : ndarray of shape (n_rows, n_classes)
        How far each class of the answer is from leaving it, and, as negative numbers, how far the
        others are from being in it.
    radius : ndarray of shape (n_rows,)
        How far the answer stays the same.
    """

    order: np.ndarray
    reach: np.ndarray
    radius: np.ndarray

    def shares(self, sigma: float) -> np.ndarray:
        """Chances of each class against its nearest rival, in the order of the decision."""
        chance = np.take_along_axis(Gaussian.below(self.reach / sigma), self.order, axis=1)
        falling = 1 - _STEP * np.arange(chance.shape[1])
        chance = np.minimum.accumulate(chance, axis=1) * falling
        shares = np.empty(chance.shape)
        np.put_along_axis(shares, self.order, chance, axis=1)
        return shares


def norms(weight: np.ndarray, size: np.ndarray, terms: int) -> np.ndarray:
    """Length of what tells each two scores apart, rounded up: shape (n_scores, n_scores).

    From weights in units of the noise, and the size of the numbers that they are sums of, both of
    shape (n_scores, n_noised).
    """
    found = np.empty((len(weight), len(weight)))
    for k, (own, own_size) in enumerate(zip(weight, size, strict=True)):
        found[k] = length(own - weight, own_size + size, terms)
    return found


def length(weight: np.ndarray, size: np.ndarray, terms: int) -> np.ndarray:
    """Euclidean length of each weight, rounded up: shape (n_scores,)."""
    norm, blurred = (np.sqrt(np.sum(each**2, axis=1)) for each in (weight, size))
    return norm * (1 + 1e-13) + np.finfo(np.float64).eps * terms * blurred


def distance(gap: np.ndarray, error: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """How far a difference of scores is from 0; 0 where its sign is not certain."""
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(gap > error, (gap - error) / norm, 0.0)
    return far * (1 - 1e-12)


def of_the_largest(score: np.ndarray, error: np.ndarray, norm: np.ndarray) -> Outcome:
    """The class with the largest score, of equals the first.

    Scores and their errors have shape (n_rows, n_classes), `norm` is that of `norms`.
    """
    return of_lists(score, error, norm, TopItems(1))


def of_lists(score: np.ndarray, error: np.ndarray, norm: np.ndarray, rule: TopItems) -> Outcome:
    """The items with the largest scores."""
    k, (n_rows, n_items) = rule.n_best, score.shape
    listed = best_items(score, k, rule.ordered)
    reach, radius = np.empty(score.shape), np.empty(n_rows)
    for rows in gen_batches(n_rows, rows_per_chunk(6 * k * n_items)):
        reach[rows], radius[rows] = _of_some(score[rows], error[rows], norm, listed[rows], rule)
    ranked = score.copy()
    np.put_along_axis(ranked, listed, np.inf, axis=1)  # the first k, in the order of the list
    order = np.argsort(-ranked, axis=1, kind="stable")
    order[:, :k] = listed
    return Outcome(order, reach, radius)


def _of_some(
    score: np.ndarray, error: np.ndarray, norm: np.ndarray, listed: np.ndarray, rule: TopItems
) -> tuple[np.ndarray, np.ndarray]:
    """Reach of all items and radius, of rows that fit into memory."""
    own, own_error = (np.take_along_axis(each, listed, axis=1) for each in (score, error))
    on_it = np.zeros(score.shape, dtype=bool)
    np.put_along_axis(on_it, listed, True, axis=1)
    with np.errstate(invalid="ignore"):
        gap = own[:, :, None] - score[:, None, :]
    blur = own_error[:, :, None] + error[:, None, :]
    blur += np.finfo(np.float64).eps * np.where(np.isfinite(gap), np.abs(gap), 0.0)
    far = distance(gap, blur, norm[listed])
    # Two that are banned, or that everybody has, never change places.
    far[np.isinf(own)[:, :, None] & (own[:, :, None] == score[:, None, :])] = np.inf
    others = np.where(on_it[:, None, :], np.inf, far)
    reach = -others.min(axis=1)
    np.put_along_axis(reach, listed, others.min(axis=2), axis=1)
    radius = others.min(axis=(1, 2))
    if rule.ordered and rule.n_best > 1:
        following = np.take_along_axis(far[:, :-1], listed[:, 1:, None], axis=2)[:, :, 0]
        radius = np.minimum(others[:, -1].min(axis=1), following.min(axis=1))
    return reach, radius


def of_pairs(
    score: np.ndarray, error: np.ndarray, norm: np.ndarray, n_classes: int, first_of_equals: bool
) -> Outcome:
    """The class that wins the most of the pairs, one score for each: above 0 the first one wins.

    The label changes only where another class has as many wins: within a distance, no more pairs
    can have turned than those that are so near. What is certified for each rival is the distance at
    which enough of those that would help it have turned: those in which the label beats it (which
    counts twice) or a third class, or a third class beats it.

    Scores and errors have shape (n_rows, n_pairs), pairs being (0, 1), (0, 2), ..., (1, 2), ...;
    `norm` is the length of each one's weight, shape (n_pairs,).
    """
    n_rows = len(score)
    one, other = np.triu_indices(n_classes, 1)
    pair = np.zeros((n_classes, n_classes), dtype=np.intp)
    pair[one, other] = pair[other, one] = np.arange(len(one))
    wins = np.zeros((n_rows, n_classes, n_classes), dtype=bool)  # the class of axis 1 over axis 2
    wins[:, one, other] = score > 0
    wins[:, other, one] = ~(score > 0)
    total = wins.sum(axis=2)
    place = total.argmax(axis=1)
    far = distance(np.abs(score), error, norm)
    reach = np.empty((n_rows, n_classes))
    for label in range(n_classes):
        rows = np.flatnonzero(place == label)
        third = np.arange(n_classes)
        for rival in range(n_classes):
            if rival == label or not len(rows):
                continue
            rest = third[(third != label) & (third != rival)]
            helps = np.c_[
                wins[rows, label, rival], wins[rows, label][:, rest], wins[rows][:, rest, rival]
            ]
            away = far[rows][:, np.r_[pair[label, rival], pair[label, rest], pair[rest, rival]]]
            weight = np.where(helps, np.r_[2, np.ones(2 * len(rest), dtype=int)], 0)
            # Of equals the first wins: a rival that comes before needs as many wins only.
            needed = total[rows, label] - total[rows, rival]
            needed = needed + (1 if first_of_equals and rival > label else 0)
            reach[rows, rival] = -enough(away, weight, needed)
    rows = np.arange(n_rows)
    reach[rows, place] = -np.inf
    radius = -reach.max(axis=1)
    reach[rows, place] = radius
    ranked = reach.copy()
    ranked[rows, place] = np.inf
    return Outcome(np.argsort(-ranked, axis=1, kind="stable"), reach, radius)


def enough(away: np.ndarray, weight: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Distance at which the weights of all that is nearer reach what is needed: (n_rows,)."""
    order = np.argsort(away, axis=1, kind="stable")
    reached = np.take_along_axis(weight, order, axis=1).cumsum(axis=1) >= needed[:, None]
    first = np.take_along_axis(order, reached.argmax(axis=1)[:, None], axis=1)
    found = np.take_along_axis(away, first, axis=1)[:, 0]
    return np.where(needed <= 0, 0.0, np.where(reached.any(axis=1), found, np.inf))
