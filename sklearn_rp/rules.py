"""How votes become one answer: the label with the most, the cell of their median, the best items.

A rule knows the place of the answer among the classes, and the bounds that certify it. The classes
of a median are cells of numbers, in their order; those of a list are items.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sklearn_rp.bounds import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    count_bounds,
    mean_bounds,
    mean_lower,
    mean_upper,
    probability_bounds,
    radius_at_most,
)
from sklearn_rp.law import Gaussian


class Rule(Protocol):
    """How votes are read."""

    def top(self, total: np.ndarray, half: float) -> np.ndarray:
        """Place of the answer: shape (n_rows,). `half` is half of a row's sum."""
        ...

    def limits(
        self, share: np.ndarray, place: np.ndarray, error: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of what speaks for the answer at `place`, and against it.

        The probabilities, shape (n_rows, n_classes), are known up to an error.
        """
        ...

    def counted(
        self, total: np.ndarray, n: int, alpha: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same from `n` votes, true with probability 1 - `alpha`; and whether it certifies."""
        ...

    def averaged(
        self, share: np.ndarray, n: int, alpha: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `counted`, from means of `n` numbers in [0, 1]."""
        ...

    def radius_upper(
        self, total: np.ndarray, n: int, alpha: float, below: Bound, above: Bound
    ) -> np.ndarray:
        """Upper bound of each row's true radius in noise units, true with that probability.

        One-sided bounds of a probability, `below` and `above`, take what each class has, the number
        of votes and the failure probability.
        """
        ...

    def clearest(self, n: int, n_classes: int) -> np.ndarray:
        """What the classes have where all of `n` votes agree: shape (1, n_classes)."""
        ...


Bound = Callable[[np.ndarray, int, float], np.ndarray]


class Plurality:
    """The label with the most votes, the first of equals."""

    def top(self, total: np.ndarray, half: float) -> np.ndarray:
        """Position of the class with the most votes."""
        return total.argmax(axis=1)

    def limits(
        self, share: np.ndarray, place: np.ndarray, error: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the label's probability, and of the best other's."""
        others = share.copy()
        rows = np.arange(len(share))
        others[rows, place] = -np.inf
        return probability_bounds(share[rows, place], others.max(axis=1), error)

    def counted(
        self, total: np.ndarray, n: int, alpha: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds from counts of labels."""
        return count_bounds(total, n, alpha)

    def averaged(
        self, share: np.ndarray, n: int, alpha: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds from means of probabilities."""
        lower, upper = mean_bounds(share, n, alpha)
        return lower, upper, lower > upper

    def radius_upper(
        self, total: np.ndarray, n: int, alpha: float, below: Bound, above: Bound
    ) -> np.ndarray:
        """Upper bound of the radius from what the labels have."""
        return radius_at_most(total, n, alpha, below, above)

    def clearest(self, n: int, n_classes: int) -> np.ndarray:
        """All votes for one label."""
        return n * (np.arange(n_classes) == 0)[None]


class Median:
    """The cell that holds the median of the noisy answers (Chiang et al. 2020, arXiv 2007.03730).

    With ``H_i`` the probability of an answer below the edge ``e_i``, it is the one cell with
    ``H_i <= 1/2 < H_{i+1}``, and it stays the same within ``min(Phi^-1(1 - H_i),
    Phi^-1(H_{i+1}))``. So it is certified by two questions with two answers each: is the answer
    above its lower edge, and is it below its upper one? The one with fewer votes for it decides.

    Each is certified as a label of two is, at ``alpha / 2``, by the very votes that chose the cell:

    1. Let ``m`` be the true cell. With probability ``1 - alpha``, what the votes certify of its two
       edges, ``e_m`` and ``e_{m+1}``, is right, if anything is; these are fixed.
    2. Certified is a cell ``i > m``: so many votes are above ``e_i`` that this is certified. No
       fewer are above ``e_{m+1} <= e_i``, so that this is certified as well, and wrong. A cell
       ``i < m`` likewise at ``e_m``. By 1 neither happens.
    3. Certified is ``m`` itself: by 1 both bounds hold, and the radius with them.

    A radius is bounded from above in the same way: where the votes choose a cell other than ``m``,
    at one of the edges of ``m`` no more than half of them are on its side, and no cell that votes
    choose has a smaller bound than these give.
    """

    def top(self, total: np.ndarray, half: float) -> np.ndarray:
        """Position of the cell that holds the median."""
        cell = (total.cumsum(axis=1) <= half).sum(axis=1)
        return np.minimum(cell, total.shape[1] - 1)

    def limits(
        self, share: np.ndarray, place: np.ndarray, error: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the smaller probability of being inside an edge, and of its complement."""
        inside = self._inside(share, place, 1.0)
        added = share.shape[1] * np.finfo(np.float64).eps  # by the sum over the cells
        return probability_bounds(inside, 1 - inside, error + added)

    def counted(
        self, total: np.ndarray, n: int, alpha: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds from counts of cells."""
        return count_bounds(self._two(total, n), n, alpha / 2)

    def averaged(
        self, share: np.ndarray, n: int, alpha: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cells are counted."""
        raise NotImplementedError

    def radius_upper(
        self, total: np.ndarray, n: int, alpha: float, below: Bound, above: Bound
    ) -> np.ndarray:
        """Upper bound of the radius from counts of cells."""
        return radius_at_most(self._two(total, n), n, alpha / 2, below, above)

    def clearest(self, n: int, n_classes: int) -> np.ndarray:
        """All votes in one cell."""
        return n * (np.arange(n_classes) == 0)[None]

    def _two(self, total: np.ndarray, n: int) -> np.ndarray:
        """Votes inside and outside the edge that has fewer inside: shape (n_rows, 2)."""
        inside = self._inside(total, self.top(total, n // 2), n)
        return np.stack([inside, n - inside], axis=1)

    @staticmethod
    def _inside(total: np.ndarray, place: np.ndarray, whole: float) -> np.ndarray:
        """What is above the lower edge of the cell at `place`, or below its upper one, if less."""
        rows, upto = np.arange(len(total)), total.cumsum(axis=1)
        below = np.where(place > 0, upto[rows, place - 1], 0)
        return np.minimum(whole - below, upto[rows, place])


@dataclass(frozen=True)
class TopItems:
    """The `n_best` items with the most votes, of equals those that come first.

    Each noisy copy gives every item a number in [0, 1], `h` is its mean: 1 for its own best items
    and 0 for all others; where order counts, from 1 down to ``1 / n_best`` by rank; or a
    probability. ``Phi^-1(h)`` of every item changes by no more than the row moves, in units of the
    noise. So the list stays the same within half the distance of ``Phi^-1(h)`` between its last
    item and the best that is not on it; in order, within the smallest such half between consecutive
    items.

    From votes, with ``A`` the true list (of equals any), ``a`` its last item, ``b`` the best other
    one, ``T`` the list that the votes chose:

    1. ``T`` is certified only if the bound from below of its last item, at ``alpha / 10 / (n -
       k)``, is above that from above of the best other, at ``alpha / 10 / k``. If ``T`` is not
       ``A`` there are ``c`` in ``A`` that is not in ``T``, and ``d`` in ``T`` that is not in ``A``,
       with ``h_d <= h_c``. Bounds grow with the votes: that of ``d`` from below is above that of
       ``c`` from above, and one of the two is wrong. That is a bound from below of one of the
       ``n - k`` items outside ``A``, or one from above of the ``k`` in it: all of them hold with
       probability ``1 - alpha / 5``.
    2. If ``T`` is ``A``, the bound of its last item from below is no larger than that of ``a``, and
       that of the best other from above no smaller than that of ``b``: two items that are fixed. At
       ``2 alpha / 5`` each, both hold with probability ``1 - 4 alpha / 5``, and the radius with
       them.

    In order the same holds with ``k`` consecutive pairs: ``2 k`` bounds of fixed items at ``2 alpha
    / 5 / k`` each. A wrong order has a ``d`` before a ``c`` of ``A`` with ``h_d <= h_c``: bounds of
    all ``n`` items from below, and of ``k`` from above.

    Parameters
    ----------
    n_best : int
        Number of items, k.
    ordered : bool
        Whether their order is part of the answer.
    shares : bool
        Whether what the items have adds up to 1, as of labels: one item is then bounded as a label.
    """

    n_best: int
    ordered: bool = False
    shares: bool = False

    @property
    def worth(self) -> np.ndarray:
        """What a copy's best items get: shape (n_best,)."""
        if not self.ordered:
            return np.ones(self.n_best)
        return np.arange(self.n_best, 0, -1) / self.n_best

    def top(self, total: np.ndarray, half: float) -> np.ndarray:
        """Positions of the best items: shape (n_rows, n_best)."""
        return best_items(total, self.n_best, self.ordered)

    def limits(
        self, share: np.ndarray, place: np.ndarray, error: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the two consecutive items that are nearest to each other."""
        one, other = self.pairs(share, place)
        near = np.abs(error)[:, None]
        return self._nearest(*probability_bounds(one, other, near))

    def counted(
        self, total: np.ndarray, n: int, alpha: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds from counts of items."""
        if self.n_best == 1:
            return count_bounds(np.maximum(total, 0), n, alpha)
        return self._voted(total, n, alpha, clopper_pearson_lower, clopper_pearson_upper)

    def averaged(
        self, share: np.ndarray, n: int, alpha: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds from means."""
        found = self._voted(share, n, alpha, mean_lower, mean_upper)
        if self.n_best == 1 and self.shares:
            plain = (share >= 0).all(axis=1)  # with all its items, whatever others have not
            as_label = PLURALITY.averaged(share[plain], n, alpha)
            for each, of_label in zip(found, as_label, strict=True):
                each[plain] = of_label
        return found

    def radius_upper(
        self, total: np.ndarray, n: int, alpha: float, below: Bound, above: Bound
    ) -> np.ndarray:
        """Upper bound of the radius from what the items have.

        The item of a rank has no more votes than the votes' own of that rank, or one of the true
        items up to it has fewer than it should: a bound from above fails for one of ``k`` items;
        from below likewise for one of the others. Infinite where nothing bounds it.
        """
        n_items = total.shape[1]
        one, other = self.pairs(total, self.top(total, 0.0))
        outside = n_items if self.ordered else n_items - self.n_best
        upper = above(one, n, alpha / 2 / self.n_best)
        lower = below(np.maximum(other, 0), n, alpha / 2 / max(outside, 1))
        with np.errstate(invalid="ignore"):
            radius = -Gaussian.radius(lower, upper)  # rounded up
        radius = np.where((upper >= 1) | (lower <= 0), np.inf, np.maximum(radius, 0.0))
        return np.asarray(radius.min(axis=1))

    def clearest(self, n: int, n_classes: int) -> np.ndarray:
        """All votes for the same items."""
        total = np.zeros((1, n_classes))
        total[0, : self.n_best] = n * self.worth
        return total

    def _voted(
        self, total: np.ndarray, n: int, alpha: float, below: Bound, above: Bound
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        n_items, k = total.shape[1], self.n_best
        one, other = self.pairs(total, self.top(total, 0.0))
        other = np.maximum(other, 0)  # nothing is left, or all that is may not be chosen
        n_pairs = one.shape[1]
        lower = below(one, n, _RADIUS * alpha / n_pairs)
        upper = above(other, n, _RADIUS * alpha / n_pairs)
        outside = n_items if self.ordered else max(n_items - k, 1)
        surely = below(one, n, _RANK * alpha / outside) > above(other, n, _RANK * alpha / k)
        certain = surely.all(axis=1)
        lower, upper = self._nearest(lower, upper)
        return lower, upper, certain & (lower > upper)

    def pairs(self, values: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What an item of the list has, and the next after it; in order all of them.

        Shapes (n_rows, n_pairs): unordered one pair, the least of the list and the best other.
        """
        listed = np.take_along_axis(values, place, axis=1)
        others = values.copy()
        np.put_along_axis(others, place, -1, axis=1)
        best = others.max(axis=1, keepdims=True)
        if not self.ordered:
            return listed.min(axis=1, keepdims=True), best
        return listed, np.concatenate([listed[:, 1:], best], axis=1)

    @staticmethod
    def _nearest(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the bounds of all pairs those with the smallest radius."""
        if lower.shape[1] == 1:
            return lower[:, 0], upper[:, 0]
        least = Gaussian.radius(lower, upper).argmin(axis=1)[:, None]
        one, other = (np.take_along_axis(each, least, axis=1)[:, 0] for each in (lower, upper))
        return one, other


# How alpha is shared: bounds that a radius follows from, on either side; and those of the ranks.
_RADIUS, _RANK = 0.4, 0.1


def best_items(scores: np.ndarray, n_best: int, ordered: bool = False) -> np.ndarray:
    """Positions of the largest scores, of equals the first.

    Parameters
    ----------
    scores : ndarray of shape (..., n_items)
        Scores.
    n_best : int
        How many.
    ordered : bool
        False: in the order of the items, so that it tells nothing. True: the best first.

    Returns
    -------
    items : ndarray of int of shape (..., n_best)

    Examples
    --------
    >>> best_items(np.array([0.1, 0.9, 0.3, 0.9]), 3).tolist()
    [1, 2, 3]
    >>> best_items(np.array([0.1, 0.9, 0.3, 0.9]), 3, ordered=True).tolist()
    [1, 3, 2]
    """
    n_items = scores.shape[-1]
    flat = scores.reshape(-1, n_items)
    least = np.partition(flat, n_items - n_best, axis=1)[:, n_items - n_best, None]
    above, level = flat > least, flat == least
    room = n_best - above.sum(axis=1, keepdims=True)
    chosen = above | (level & (np.cumsum(level, axis=1) <= room))
    items = np.nonzero(chosen)[1].reshape(len(flat), n_best)
    if ordered:
        down = np.argsort(-np.take_along_axis(flat, items, axis=1), axis=1, kind="stable")
        items = np.take_along_axis(items, down, axis=1)
    return items.reshape(*scores.shape[:-1], n_best)


PLURALITY, MEDIAN = Plurality(), Median()


def rule_of(voting: str) -> Rule:
    """The rule of votes by labels ("hard"), probabilities ("soft") or cells ("median")."""
    return MEDIAN if voting == "median" else PLURALITY
