"""What an engine is asked to answer for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np

from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Draws
from sklearn_rp.models.cells import Celled, Cells
from sklearn_rp.models.inside import last_step
from sklearn_rp.models.items import ItemScores, Listing
from sklearn_rp.models.labels import Adapted
from sklearn_rp.models.nets import is_net
from sklearn_rp.models.thresholds import trial_rows
from sklearn_rp.noise import CategoryNoise, Noise
from sklearn_rp.rows import Rows
from sklearn_rp.rules import Rule, TopItems, rule_of
from sklearn_rp.votes import Votes


@dataclass(frozen=True, eq=False)
class Problem:
    """A fitted model, its noise, and how its answers are to be smoothed.

    Parameters
    ----------
    estimator : fitted classifier or regressor
        The base model.
    classes : ndarray of shape (n_classes,)
        Its labels; of a regressor the middles of `cells`.
    noise : Noise
        What is perturbed.
    X : ndarray or frame of shape (n_samples, n_features)
        Checked training rows, flat; an engine tries itself on some of them.
    shape : tuple of int or None
        Shape of one row as the classifier reads it; None: rows of a table.
    voting : {"hard", "soft", "median"}
        Votes by label or by probability, or the median of numbers.
    method : {"auto", "exact", "monte_carlo"}
        What is asked for; an engine that is coarse or loose is taken by name only.
    resample : bool
        Whether the release is to be random.
    cells : Cells or None
        Of a regressor: where its numbers are put.
    best : TopItems or None
        Of a model of items: how many are named.
    """

    estimator: Any
    classes: np.ndarray
    noise: Noise
    X: Rows
    shape: tuple[int, ...] | None
    voting: Literal["hard", "soft", "median"]
    method: Literal["auto", "exact", "monte_carlo"]
    resample: bool
    cells: Cells | None = None
    best: TopItems | None = None

    @property
    def rule(self) -> Rule:
        """How votes become one answer."""
        return rule_of(self.voting) if self.best is None else self.best

    @property
    def is_net(self) -> bool:
        """Whether the model is one of skorch's nets, possibly behind steps."""
        return is_net(last_step(self.estimator))

    @cached_property
    def reader(self) -> Any:
        """The model as it is asked: flat rows in, labels out, or positions of items."""
        if self.best is not None:
            return Listing(self.model, self.best)
        return self.model if self.cells is None else Celled(self.model, self.cells)

    @cached_property
    def model(self) -> Any:
        """The model itself: flat rows in, labels or numbers out."""
        if not self.is_net and self.shape is None:
            return self.estimator
        if isinstance(self.estimator, ItemScores):
            return self.estimator.reading(self.shape)
        by_position = self.is_net and self.cells is None
        return Adapted(self.estimator, self.shape, self.classes if by_position else None)

    def hard_votes_alone(self) -> None:
        """Refuse soft votes."""
        if self.voting == "soft":
            raise NotForMe("it smooths labels, and voting='soft' smooths probabilities")

    def labels_alone(self) -> None:
        """Refuse lists of items."""
        if self.best is not None:
            raise NotForMe("lists of items are asked for")

    def numbers_alone(self) -> None:
        """Refuse a category."""
        if isinstance(self.noise, CategoryNoise):
            raise NotForMe("the noised feature is a category")


def trial(problem: Problem, most: int) -> tuple[Rows, np.ndarray, Rows]:
    """Rows to try an engine on, what noise adds to each, and all their noisy copies."""
    noise = problem.noise
    rows = trial_rows(problem.model, noise.columns, problem.X, most)
    draws = noise.probes()
    return rows, draws, noise.noisy_copies(rows, noise.values(rows), draws)


def moved_so(inputs: np.ndarray, plain: np.ndarray, moved: np.ndarray) -> bool:
    """Whether inputs of noisy copies are those of their rows, and what the noise adds to these.

    Parameters
    ----------
    inputs : ndarray of shape (n_rows * n_draws, n_inputs)
        Of the copies.
    plain : ndarray of shape (n_rows, n_inputs)
        Of the rows.
    moved : ndarray of shape (n_draws, n_inputs)
        What each draw adds.
    """
    expected = (plain[:, None, :] + moved).reshape(inputs.shape)
    size = np.abs(expected) + np.repeat(np.abs(plain), len(moved), axis=0)
    same = np.abs(inputs - expected) <= 1e-5 * size + 1e-9
    return bool((same | (np.isnan(inputs) & np.isnan(expected))).all())


class NoAnswer(NotForMe):
    """The model has no answer where an engine has to ask it."""


class Engine:
    """A way to know the smoothed probabilities."""

    name: ClassVar[str]
    title: ClassVar[str]  # in words
    method: ClassVar[str]  # "exact" or "monte_carlo"
    divisible: ClassVar[bool]  # whether processes may share the rows

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for a problem.

        Raises
        ------
        NotForMe
            With the reason, if the problem is none of its own.
        """
        raise NotImplementedError

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Draws) -> list[Votes]:
        """Votes of checked rows at each noise level."""
        raise NotImplementedError

    def identity(self) -> Any:
        """What decides its votes beside model, noise and draws."""
        return getattr(self, "voting", None), getattr(self, "rule", None)

    def without_radii(self) -> Self:
        """The same, for its shares alone: what takes long to know beside them may be left out."""
        return self

    def excluding(self, banned: np.ndarray) -> Self:
        """The same, where some items must not be named: see `Listing`.

        Rows then have one more column, the number of their mask.
        """
        raise NotImplementedError
