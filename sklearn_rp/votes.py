"""What an engine knows of the smoothed probabilities, by how it came to know it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Self

import numpy as np

from sklearn_rp.bounds import (
    Bounds,
    clopper_pearson_lower,
    clopper_pearson_upper,
    mean_lower,
    mean_upper,
    scaled_radius,
)
from sklearn_rp.exceptions import warn_user
from sklearn_rp.law import Gaussian
from sklearn_rp.rules import PLURALITY, Rule, TopItems, rule_of

# A probability is counted in these units; so many votes of 1 would not fit into an integer.
SOFT_UNIT = 2**40
MOST_SOFT = 2**63 // SOFT_UNIT


@dataclass(frozen=True, eq=False)
class Votes:
    """What is known of ``h_c(x)`` of some rows.

    Parameters
    ----------
    total : ndarray of shape (n_rows, n_classes)
        What each class has.
    rule : Rule
        How they become one answer.
    """

    total: np.ndarray
    rule: Rule = field(default=PLURALITY, kw_only=True)

    n_samples = 0  # draws behind `total`; 0: it is exact
    reach = None  # radius to either side of one noised feature, where it is known

    @property
    def share(self) -> np.ndarray:
        """Estimate of ``h_c(x)``: shape (n_rows, n_classes), rows sum to 1."""
        return self.total / self.n_samples if self.n_samples else self.total

    @property
    def top(self) -> np.ndarray:
        """Position of the answer, such as the class with the most votes: shape (n_rows,)."""
        return self.rule.top(self.total, self.n_samples // 2 if self.n_samples else 0.5)

    def without(self, banned: np.ndarray) -> Self:
        """The same, where some items of each row must not be chosen: (n_rows, n_items)."""
        return replace(self, total=np.where(banned, -1, self.total))

    def bounds(self, alpha: float) -> Bounds:
        """Bounds and radius of each row, true with probability 1 - `alpha` for each."""
        raise NotImplementedError

    def _bounds(self, lower: np.ndarray, upper: np.ndarray, certain: np.ndarray) -> Bounds:
        radius = np.where(certain, Gaussian.radius(lower, upper), 0.0)
        return Bounds(lower, upper, radius, ~(radius > 0))


@dataclass(frozen=True, eq=False)
class Counted(Votes):
    """Votes of `n_samples` noisy copies.

    Parameters
    ----------
    total : ndarray of shape (n_rows, n_classes)
        Sums over the copies.
    n_samples : int
        How many there were.
    """

    n_samples: int = field()

    def radius_upper(self, alpha: float) -> np.ndarray:
        """Upper bound of each row's true radius in noise units, true with probability 1 - `alpha`.

        Inf where nothing bounds it.
        """
        raise NotImplementedError


class Counts(Counted):
    """Numbers of labels.

    Examples
    --------
    >>> votes = Counts(np.array([[840, 160]]), 1000)
    >>> bool(Gaussian.radius(0.84, 0.16) < votes.radius_upper(0.001)[0] < 1.2)
    True
    """

    def bounds(self, alpha: float) -> Bounds:
        """Bounds and radius of each row, true with probability 1 - `alpha` for each."""
        return self._bounds(*self.rule.counted(self.total, self.n_samples, alpha))

    def radius_upper(self, alpha: float) -> np.ndarray:
        """Upper bound of each row's true radius, as of all counted votes."""
        bounds = clopper_pearson_lower, clopper_pearson_upper
        return self.rule.radius_upper(self.total, self.n_samples, alpha, *bounds)


class Sums(Counted):
    """Sums of probabilities, or of other numbers in [0, 1]."""

    def bounds(self, alpha: float) -> Bounds:
        """Bounds and radius of each row, true with probability 1 - `alpha` for each."""
        return self._bounds(*self.rule.averaged(self.share, self.n_samples, alpha))

    def radius_upper(self, alpha: float) -> np.ndarray:
        """Upper bound of each row's true radius, as of all counted votes."""
        return self.rule.radius_upper(self.share, self.n_samples, alpha, mean_lower, mean_upper)


@dataclass(frozen=True, eq=False)
class Exact(Votes):
    """The probabilities themselves, up to floating point.

    Parameters
    ----------
    total : ndarray of shape (n_rows, n_classes)
        Probabilities.
    error : ndarray of shape (n_rows,)
        No probability of a row is further from the true one than this. It depends on the row
        alone, as the row's radius must not depend on the batch.
    """

    error: np.ndarray

    def bounds(self, alpha: float) -> Bounds:
        """Bounds and radius of each row; `alpha` is not needed."""
        lower, upper = self.rule.limits(self.total, self.top, self.error)
        return self._bounds(lower, upper, lower > upper)

    def radius_of(self, place: np.ndarray) -> np.ndarray:
        """Radius, in noise units, within which the answer at `place` stays; 0 where it is none."""
        lower, upper = self.rule.limits(self.total, place, self.error)
        return np.maximum(Gaussian.radius(lower, upper), 0.0)


@dataclass(frozen=True, eq=False)
class Measured(Exact):
    """Probabilities whose radius the engine knows better than it follows from them.

    Parameters
    ----------
    total, error : ndarray
        As of `Exact`.
    radius : ndarray of shape (n_rows,)
        In noise units, rounded down.
    reach : ndarray of shape (n_rows, 2) or None
        One noised feature: the same to either side, below and above.
    """

    radius: np.ndarray
    reach: np.ndarray | None = None  # type: ignore[assignment]

    def bounds(self, alpha: float) -> Bounds:
        """Bounds and radius of each row; `alpha` is not needed."""
        lower, upper = self.rule.limits(self.total, self.top, self.error)
        return Bounds(lower, upper, self.radius, ~(self.radius > 0))


@dataclass(frozen=True, eq=False)
class Scored(Votes):
    """A radius by raw scores, which bound no probability of the votes.

    Parameters
    ----------
    total : ndarray of shape (n_rows, n_classes)
        Shares that have the right order, and no more.
    radius : ndarray of shape (n_rows,)
        In noise units, rounded down.
    clear : ndarray of shape (n_rows,) or None
        How likely a noisy copy has the answer before its nearest rival, whatever others it has
        before both; None: that is not known.
    """

    radius: np.ndarray
    clear: np.ndarray | None = None

    def bounds(self, alpha: float) -> Bounds:
        """Radius of each row, and its chance against the nearest rival."""
        clear = np.full(len(self.radius), np.nan) if self.clear is None else self.clear
        return Bounds(clear, 1 - clear, self.radius, ~(self.radius > 0))


def concatenate(parts: Sequence[Any]) -> Any:
    """Votes of consecutive chunks of rows as one."""
    first = parts[0]
    each: dict[str, Any] = {one.name: getattr(first, one.name) for one in fields(first)}
    together = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name, value in each.items()
        if isinstance(value, np.ndarray)
    }
    return replace(first, **together)


def counted(voting: str, rule: Rule | None = None) -> Callable[[np.ndarray, int], Counts | Sums]:
    """What votes by label ("hard"), probability ("soft") or cell ("median") add up to."""
    rule = rule_of(voting) if rule is None else rule
    parts = isinstance(rule, TopItems) and rule.ordered  # of a vote, by the rank of the item
    return partial(Sums if voting == "soft" or parts else Counts, rule=rule)


def min_samples(
    alpha: float, n_classes: int = 2, voting: str = "hard", rule: Rule | None = None
) -> int:
    """Fewest votes that can certify anything at `alpha`.

    With two classes, all ``n`` hard votes for one have to rule out ``h <= 1/2`` on either side:
    ``2 * (1/2)**n < alpha``.

    Examples
    --------
    >>> min_samples(0.001)
    11
    """
    n = max(1, int(np.floor(-np.log2(alpha))))
    while not max_radius(n, alpha, n_classes, voting, rule) > 0:
        n += 1
    return n


def max_radius(
    n_samples: int,
    alpha: float,
    n_classes: int = 2,
    voting: str = "hard",
    rule: Rule | None = None,
) -> float:
    """Largest radius, in noise units, that `n_samples` votes can certify at `alpha`.

    Examples
    --------
    >>> round(max_radius(1000, 0.001), 3)
    2.463
    """
    rule = rule_of(voting) if rule is None else rule
    total = rule.clearest(n_samples, n_classes)
    return float(counted(voting, rule)(total, n_samples).bounds(alpha).radius[0])


def needed_votes(
    n_votes: int,
    alpha: float,
    n_classes: int,
    min_radius: float,
    sigma: float = 1.0,
    voting: str = "hard",
    rule: Rule | None = None,
) -> int:
    """Fewest votes for one class with which its certificate exceeds a radius, in scaled units.

    All other votes are taken to be for one class, the worst case. More than `n_votes` where no
    number does.

    Examples
    --------
    >>> needed_votes(1000, 0.001, 2, 0.0)
    553
    """
    low, high = n_votes // 2, n_votes + 1  # not enough, enough
    while high - low > 1:
        middle = (low + high) // 2
        total = np.zeros((1, n_classes), dtype=np.int64)
        total[0, :2] = middle, n_votes - middle
        radius = counted(voting, rule)(total, n_votes).bounds(alpha).radius
        enough = scaled_radius(radius, sigma)[0] > min_radius
        low, high = (low, middle) if enough else (middle, high)
    return high


def check_budget(
    n_samples: int,
    alpha: float,
    n_classes: int,
    voting: Any,
    needed: bool,
    rule: Rule | None = None,
) -> None:
    """Refuse votes that can certify nothing, where certificates are `needed`, or do not add up."""
    if voting == "soft" and n_samples >= MOST_SOFT:
        raise ValueError(
            f"n_samples={n_samples} is not allowed with voting='soft': the sum of the votes must "
            f"fit into an integer. Cast fewer than {MOST_SOFT}, or use voting='hard'."
        )
    fewest = min_samples(alpha, n_classes, voting, rule)
    if needed and n_samples < fewest:
        raise ValueError(
            f"n_samples={n_samples} cannot certify anything at alpha={alpha:g}: at least {fewest} "
            "are needed."
        )


def warn_of_budget(
    n_samples: int,
    alpha: float,
    n_classes: int,
    voting: Any,
    sigma: float,
    min_radius: float,
    rule: Rule | None = None,
) -> None:
    """Warn of votes that certify nothing, or never as much as `min_radius`."""
    fewest = min_samples(alpha, n_classes, voting, rule)
    if n_samples < fewest:
        warn_user(
            f"n_samples={n_samples} cannot certify anything at alpha={alpha:g}: every certificate "
            f"abstains, and only privacy_loss speaks of the release. At least {fewest} votes are "
            "needed for certificates."
        )
        return
    largest = sigma * max_radius(n_samples, alpha, n_classes, voting, rule)
    if min_radius >= largest:
        warn_user(
            f"min_radius={min_radius:g} can never be certified: {n_samples} votes at "
            f"sigma={sigma:g} and alpha={alpha:g} reach {largest:.3g} at most. Raise n_samples or "
            "sigma, or lower min_radius."
        )
