"""How the smoothed probabilities ``h(x)`` are known: one file an engine, one shape of answer."""

from __future__ import annotations

from collections.abc import Iterator

from sklearn_rp.engines.additive import Additive
from sklearn_rp.engines.categories import Categories
from sklearn_rp.engines.fast_votes import LinearVotes, TreeVotes
from sklearn_rp.engines.linear import Linear
from sklearn_rp.engines.monte_carlo import MonteCarlo
from sklearn_rp.engines.parallel import cast_votes, check_n_jobs, for_rows
from sklearn_rp.engines.problem import Engine, NoAnswer, Problem
from sklearn_rp.engines.recalled import Recalled
from sklearn_rp.engines.sweep import Plane, Sweep
from sklearn_rp.engines.trees import Boosting, Trees
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.inside import adapted
from sklearn_rp.noise import CategoryNoise

__all__ = ["Engine", "Problem", "Recalled", "cast_votes", "check_n_jobs", "find_engine", "for_rows"]

_CLOSED_FORMS = (
    "a linear model behind affine steps; a decision tree, or with voting='soft' a random "
    "forest or extra trees, behind steps that keep features apart; binary "
    "GradientBoostingClassifier with voting='soft'; and with voting='hard' binary models whose "
    "score is a sum of functions of a few features each (stumps, boosting without interactions, "
    "naive Bayes, quadratic discriminants), and any model when one numeric or categorical feature "
    "is noised, or two numeric ones"
)
_CLOSED_FORMS_OF_NUMBERS = (
    "a linear model behind affine steps; a regression tree behind steps that keep features apart; "
    "and any model when one numeric or categorical feature is noised, or two numeric ones"
)


def engines(problem: Problem) -> Iterator[type[Engine]]:
    """All engines, in the order in which they are asked; the last takes every problem."""
    yield from (Categories, Linear, Sweep, Trees, Plane, Additive, Boosting)
    if problem.is_net:  # torch is there
        from sklearn_rp.engines.torch import TorchNet

        yield TorchNet
    yield from (LinearVotes, TreeVotes, MonteCarlo)


def find_engine(problem: Problem) -> tuple[Engine, list[tuple[type[Engine], str]]]:
    """Engine for a fitted base classifier, and what was said by those that were asked before.

    Raises
    ------
    ValueError
        If ``method="exact"`` and there is no closed form.
    TypeError
        If a categorical feature is noised and no exact engine applies.
    """
    if problem.method == "exact" and problem.resample:
        raise ValueError(
            "method='exact' draws no noise, so that resample=True can do nothing: use "
            "method='monte_carlo' for a randomised release."
        )
    declined: list[tuple[type[Engine], str]] = []
    for kind in engines(problem):
        if kind.method == "monte_carlo":
            _check_votes(problem)
        elif problem.method == "monte_carlo" or problem.resample:
            asked = "resample=True" if problem.resample else "method='monte_carlo'"
            declined.append((kind, f"it draws no noise, and {asked} is asked for"))
            continue
        try:
            return kind.for_problem(problem), declined
        except NoAnswer as reason:
            if problem.method == "exact":
                raise ValueError(
                    f"method='exact' {reason}: use method='monte_carlo'."
                ) from reason.__cause__
            declined.append((kind, f"it {reason}"))
        except NotForMe as reason:
            declined.append((kind, str(reason)))
    raise AssertionError("MonteCarlo takes every problem")


def _check_votes(problem: Problem) -> None:
    """Refuse votes where they were not asked for, or cannot be cast."""
    noise = problem.noise
    if problem.method == "exact":
        voting, known = f" and voting={problem.voting!r}", _CLOSED_FORMS
        kind = type(adapted(problem.estimator))
        if problem.cells is not None:
            voting, known = "", _CLOSED_FORMS_OF_NUMBERS
        raise ValueError(
            f"method='exact' has no closed form for this {kind.__name__} with "
            f"{len(noise.columns)} noised feature(s){voting}. It has one for {known}. Else use "
            "method='monte_carlo'."
        )
    if isinstance(noise, CategoryNoise):
        raise TypeError(
            f"noise_features names {str(noise.names[0])!r}, which is not numeric: Gaussian noise "
            "can be added to numbers alone. A categorical feature is noised with "
            "method='exact' or 'auto', voting='hard' and resample=False."
        )
