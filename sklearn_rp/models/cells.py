"""Numbers in cells of one width, so that a regressor is asked as a classifier is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.models.inside import Adapter
from sklearn_rp.models.labels import numbers_of

_MOST = 4096  # cells: each has a place in the votes of every row


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of one width, from one multiple of it to the next.

    Parameters
    ----------
    edges : ndarray of shape (n_cells - 1,)
        Where one ends and the next begins; that belongs to the upper one. They stand by `fine`
        below the multiples of the width, so that a number that ought to be one is above. Beyond the
        outermost edges the cells go on for ever.
    middles : ndarray of shape (n_cells,)
        The number that stands for each; of the outermost, the middle of a cell of that width.

    Examples
    --------
    >>> cells = Cells.over(np.array([0.3, 2.5]), step=1.0, fine=1e-12)
    >>> cells.edges, cells.middles, cells.of(np.array([-7.0, 1.0, 99.0]))
    (array([1., 2.]), array([0.5, 1.5, 2.5]), array([0, 1, 2]))
    """

    edges: np.ndarray
    middles: np.ndarray

    @classmethod
    def over(cls, numbers: np.ndarray, step: float, fine: float) -> Cells:
        """Cells that hold some numbers, of which those nearer than `fine` are one.

        Raises
        ------
        ValueError
            If all are within one step, or if there are too many cells.
        """
        low, high = float(numbers.min()), float(numbers.max())
        asked = f"step={step:g} is not allowed: the model's answers to the rows of fit lie between"
        between = f"{asked} {low:g} and {high:g}, and"
        if step <= fine:
            raise ValueError(
                f"{between} are not known to better than {fine:.3g}. Use a step well above that; "
                "or subtract an offset from y."
            )
        if step > high - low:
            raise ValueError(
                f"{between} are all within one step: there is nothing to release. Use a smaller "
                "step, or fit on rows with more different answers."
            )
        first, last = np.floor((low + fine) / step), np.floor((high + fine) / step)
        if last - first >= _MOST:
            raise ValueError(
                f"{between} make {last - first + 1:.0f} cells of that width; {_MOST} are allowed. "
                f"Use a step of {(high - low) / (_MOST - 2):.3g} or more."
            )
        number = np.arange(first, last + 1)
        return cls(number[1:] * step - fine, (number + 0.5) * step)

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """Position of the cell that holds each number."""
        return np.searchsorted(self.edges, numbers, side="right")

    def around(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance of each number to the lower and to the upper edge of its cell."""
        ends, cell = np.r_[-np.inf, self.edges, np.inf], self.of(numbers)
        return numbers - ends[cell], ends[cell + 1] - numbers


@dataclass(eq=False)
class Celled(Adapter):
    """A fitted regressor that answers with the middle of the cell of its number, its label.

    Parameters
    ----------
    estimator : fitted regressor
        The model.
    cells : Cells
        Where its numbers are put.
    """

    estimator: Any
    cells: Cells

    @property
    def classes_(self) -> np.ndarray:
        """The middles."""
        return self.cells.middles

    def predict(self, X: Any) -> np.ndarray:
        """The middle of the cell of each row's number."""
        return self.cells.middles[self.cells.of(numbers_of(self.estimator, X))]
