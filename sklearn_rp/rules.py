"""How votes become one answer: the label with the most of them, or the cell of their median.

A rule knows the place of the answer among the classes, and the bounds that certify it. The classes
of a median are cells of numbers, in their order.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sklearn_rp.bounds import (
    clopper_pearson_lower,
    clopper_pearson_upper,
    count_bounds,
    probability_bounds,
    radius_at_most,
)


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

    def radius_upper(self, total: np.ndarray, n: int, alpha: float) -> np.ndarray:
        """Upper bound of each row's true radius in noise units, true with that probability."""
        ...


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

    def radius_upper(self, total: np.ndarray, n: int, alpha: float) -> np.ndarray:
        """Upper bound of the radius from counts of labels."""
        return radius_at_most(total, n, alpha, clopper_pearson_lower, clopper_pearson_upper)


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

    def radius_upper(self, total: np.ndarray, n: int, alpha: float) -> np.ndarray:
        """Upper bound of the radius from counts of cells."""
        two, bounds = self._two(total, n), (clopper_pearson_lower, clopper_pearson_upper)
        return radius_at_most(two, n, alpha / 2, *bounds)

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


PLURALITY, MEDIAN = Plurality(), Median()


def rule_of(voting: str) -> Rule:
    """The rule of votes by labels ("hard"), probabilities ("soft") or cells ("median")."""
    return MEDIAN if voting == "median" else PLURALITY
