"""Votes in growing rounds: a row leaves as soon as the answer to a question is certain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from sklearn_rp.bounds import Bounds, scaled_radius
from sklearn_rp.votes import Counted

_IN_ONE_GO = 1000  # up to so many votes, rounds save nothing worth having
_FIRST = 200
_GROWTH = 1.5
# Of the alpha of each side, the last round gets this share: rows that go all the way are certified
# almost as if there had been one round. The others share the rest evenly.
_LAST = 0.5


@dataclass(frozen=True)
class Question:
    """What is asked of a radius: whether it is at least so much, or how much it is, roughly.

    Parameters
    ----------
    radius : float or None
        The answer is certain when the radius is known to be at least this, or below it.
    tolerance : float or None
        The answer is certain when the radius is known to within this; one of the two is given.
    unit : float
        Of both, in scaled units: 1, or the scale of a feature in whose unit they are given.
    min_radius : float or None
        Where a fallback is released unless the radius, in scaled units, exceeds this: that has to
        be certain as well before a row leaves. (A row that goes all the way is certified at a lower
        level here than where nothing is asked: next to this radius, its label may be released with
        a certificate that does not exceed it.)
    """

    radius: float | None
    tolerance: float | None
    unit: float = 1.0
    min_radius: float | None = None

    def answered(self, bounds: Bounds, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Rows whose answer is certain, from bounds of the radius in scaled units."""
        certain = np.ones(len(lower), dtype=bool)
        if self.min_radius is not None:
            certain = (lower > self.min_radius) | (upper <= self.min_radius)
        lower, upper = self.unit * lower, self.unit * upper
        if self.radius is None:
            return certain & (upper - lower <= (self.tolerance or 0.0))
        reached = ~bounds.abstained & (lower >= self.radius)
        return certain & (reached | (upper < self.radius))


def is_question(radius: Any, tolerance: Any, feature: Any) -> bool:
    """Whether something is asked of radii; refuses what is no question."""
    if radius is None and tolerance is None:
        if feature is not None:
            raise ValueError(
                f"feature={feature!r} is given without a question in its unit: give radius or "
                "tolerance, too."
            )
        return False
    if radius is not None and tolerance is not None:
        raise ValueError(
            f"radius={radius!r} and tolerance={tolerance!r} are two questions: give one."
        )
    for name, value in (("radius", radius), ("tolerance", tolerance)):
        if value is not None and not (isinstance(value, Real) and 0 <= float(value) < np.inf):
            raise ValueError(f"{name}={value!r} is not allowed: a finite number from 0 up.")
    return True


def round_ends(n_votes: int) -> list[int]:
    """Votes cast by the end of each round.

    Examples
    --------
    >>> round_ends(1000), round_ends(2000)
    ([1000], [263, 395, 593, 889, 1333, 2000])
    """
    if n_votes <= _IN_ONE_GO:
        return [n_votes]
    n_rounds = 1 + int(np.log(n_votes / _FIRST) / np.log(_GROWTH))
    ends = n_votes / _GROWTH ** np.arange(n_rounds - 1, -1, -1)
    return np.rint(ends).astype(int).tolist()


def spend(alpha: float, n_rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """Levels of each round's certificates, and of its upper bounds of the radius.

    All certificates hold together with probability ``1 - alpha / 2``, and so do all upper bounds;
    the last round needs none of the latter. With one round there is nothing to share.

    Examples
    --------
    >>> certify, refute = spend(0.001, 4)
    >>> float(certify.sum() + refute.sum()), float(refute[-1])
    (0.001, 0.0)
    """
    if n_rounds == 1:
        return np.array([alpha]), np.zeros(1)
    certify = np.full(n_rounds, (1 - _LAST) / (n_rounds - 1))
    certify[-1] = _LAST
    refute = np.full(n_rounds, 1 / (n_rounds - 1))
    refute[-1] = 0.0
    return alpha / 2 * certify, alpha / 2 * refute


def vote_in_rounds(
    cast: Callable[[np.ndarray, int, int, int], Counted],
    n_rows: int,
    n_votes: int,
    alpha: float,
    sigma: float,
    question: Question,
) -> tuple[np.ndarray, Bounds, np.ndarray]:
    """Votes until each row's answer is certain, or until there are `n_votes`.

    With probability ``1 - alpha`` for each row, its certificate holds and its answer, if it left
    early, is right. Alpha is shared among the rounds (Bonferroni): in simulation this needs no more
    votes than the confidence sequences of Voracek 2024 (arXiv 2406.17830), and it takes whatever
    bound there is for a fixed number of votes.

    Parameters
    ----------
    cast : callable
        ``cast(rows, start, stop, number)``: votes of some rows with the draws from `start` to
        `stop`, in the round of this number.
    n_rows, n_votes, alpha : int, int, float
        Number of rows; votes at most, and failure probability, of each.
    sigma, question : float, Question
        Noise level, and what is asked.

    Returns
    -------
    top : ndarray of int of shape (n_rows,), or (n_rows, n_best) of lists
        Class with the most votes, or the items, when the row left.
    bounds : Bounds
        Its certificate.
    n_samples : ndarray of int of shape (n_rows,)
        Its votes.
    """
    ends = round_ends(n_votes)
    certify, refute = spend(alpha, len(ends))
    top: Any = None
    n_samples = np.zeros(n_rows, dtype=int)
    lower, upper, radius = np.zeros((3, n_rows))
    bounds = Bounds(lower, upper, radius, np.ones(n_rows, dtype=bool))
    rows, total, start = np.arange(n_rows), None, 0
    for number, stop in enumerate(ends):
        new = cast(rows, start, stop, number)
        total = new.total if total is None else total + new.total
        votes = replace(new, total=total, n_samples=stop)
        here, chosen = votes.bounds(certify[number]), votes.top
        top = np.zeros((n_rows, *chosen.shape[1:]), dtype=np.intp) if top is None else top
        top[rows], n_samples[rows] = chosen, stop
        bounds.p_lower[rows], bounds.p_upper[rows] = here.p_lower, here.p_upper
        bounds.radius[rows], bounds.abstained[rows] = here.radius, here.abstained
        if number == len(ends) - 1:
            break
        most = sigma * votes.radius_upper(refute[number]) * (1 + 1e-12)
        left = ~question.answered(here, scaled_radius(here.radius, sigma), most)
        rows, total, start = rows[left], total[left], stop
        if not len(rows):
            break
    return top, bounds, n_samples
