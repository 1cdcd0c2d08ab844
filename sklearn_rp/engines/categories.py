"""One noised categorical feature: every category is visited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from sklearn_rp.engines.problem import Engine, Problem
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.asking import at_each
from sklearn_rp.models.items import places_of
from sklearn_rp.models.labels import encode
from sklearn_rp.noise import CategoryNoise
from sklearn_rp.rows import Rows
from sklearn_rp.rules import PLURALITY, Rule, TopItems
from sklearn_rp.votes import Measured, Votes


@dataclass(eq=False)
class Categories(Engine):
    """Engine of one noised categorical feature: every category is visited.

    The noise keeps the category with probability ``1 - sigma``, else draws one of all ``m`` evenly,
    so that ``h_c(x) = (1 - sigma) 1[f(x) = c] + sigma / m * #{z : f(z) = c}``. Two different
    categories are at distance 1: the radius is 2 (all of them lie strictly within it) where every
    category gives the same smoothed label, else 0.

    Parameters
    ----------
    estimator : fitted classifier
        The model.
    classes : ndarray of shape (n_classes,)
        Its labels.
    noise : CategoryNoise
        What is perturbed: one categorical feature.
    voting : {"hard", "median"}
        What the answers are.
    rule : Rule
        What becomes of them.
    """

    estimator: Any
    classes: np.ndarray
    noise: CategoryNoise
    voting: str = "hard"
    rule: Rule = PLURALITY

    method = "exact"
    divisible = True
    name = "categories"
    title = "all categories"

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for any model, where the noised feature is a category."""
        problem.hard_votes_alone()
        if not isinstance(problem.noise, CategoryNoise):
            raise NotForMe("the noised features are numbers")
        asked = problem.reader, problem.classes, problem.noise
        return cls(*asked, problem.voting, problem.rule)

    def excluding(self, banned: np.ndarray) -> Self:
        """The same, where some items must not be named."""
        return replace(self, estimator=self.estimator.excluding(banned))

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Any = None) -> list[Votes]:
        """Exact votes of each row at each noise level."""
        known, law, rule = self.noise.feature.categories, self.noise.law, self.rule
        own = encode(self.noise.check_rows(X, min(sigmas))[:, 0], known, what="category")
        shares: list[list[np.ndarray]] = [[] for _ in sigmas]
        radii: list[list[np.ndarray]] = [[] for _ in sigmas]

        def ask(rows: Rows) -> np.ndarray:
            return places_of(self.estimator, rows, self.classes)

        for rows, found in at_each(
            ask, X, self.noise.columns, known[:, None], 4 * len(self.classes)
        ):
            answer = self._cast(found)
            for level, sigma in enumerate(sigmas):
                h = law.mass(answer, sigma)
                shares[level].append(h[np.arange(len(h)), own[rows]])
                flat = h.reshape(-1, h.shape[2])
                label = rule.top(flat, 0.5)
                lower, upper = rule.limits(flat, label, np.zeros(len(flat)))
                if label.ndim > 1:
                    label = np.unique(label, axis=0, return_inverse=True)[1].ravel()
                each = (label, lower - upper)
                radii[level].append(law.radius(*(e.reshape(h.shape[:2]) for e in each)))
        error = np.full(len(own), 1e-14)
        return [
            Measured(np.concatenate(h), error, np.concatenate(r) / sigma, rule=rule)
            for h, r, sigma in zip(shares, radii, sigmas, strict=True)
        ]

    def _cast(self, found: np.ndarray) -> np.ndarray:
        """What each answer gives the classes: shape (n_rows, n_categories, n_classes)."""
        if not isinstance(self.rule, TopItems):
            return np.eye(len(self.classes))[found]
        cast = np.zeros((*found.shape[:2], len(self.classes)))
        np.put_along_axis(cast, found, self.rule.worth, axis=2)
        return cast
