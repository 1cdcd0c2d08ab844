"""Choosing a noise level or a minimum: the most privacy within an accuracy budget."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from sklearn_rp.noise import did_you_mean

__all__ = ["max_privacy"]


def max_privacy(
    max_accuracy_loss: float = 0.01,
    *,
    accuracy: str = "accuracy",
    privacy: str = "radius",
    one_standard_error: bool = False,
) -> MaxPrivacy:
    """``refit`` callable for searches: the most privacy whose accuracy is within a budget.

    Parameters
    ----------
    max_accuracy_loss : float, default=0.01
        How much mean accuracy may be given up against the best candidate; 0 is the paper's "no
        loss of accuracy".
    accuracy, privacy : str, default="accuracy" and "radius"
        Names of two scorers of the search; more is better for both.
    one_standard_error : bool, default=False
        Whether the budget is at least one standard error, over splits, of the best candidate's
        accuracy: differences below that are not told apart.

    Returns
    -------
    refit : callable
        Gives the index of the chosen candidate from ``cv_results_``. Of candidates with equal
        privacy the more accurate one is chosen.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.metrics import average_certified_radius, make_certificate_scorer
    >>> from sklearn_rp.model_selection import max_privacy
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(
    ...     RobustPrivacyClassifier(noise_features=[2], random_state=0),
    ...     {"sigma": [0.1, 0.5, 2.0]},
    ...     scoring={
    ...         "accuracy": "accuracy",
    ...         "radius": make_certificate_scorer(average_certified_radius),
    ...     },
    ...     refit=max_privacy(max_accuracy_loss=0.02),
    ... ).fit(X, y)
    >>> sorted(search.best_params_)
    ['sigma']
    """
    is_number = isinstance(max_accuracy_loss, Real) and not isinstance(max_accuracy_loss, bool)
    if not is_number or not 0 <= max_accuracy_loss < np.inf:
        raise ValueError(
            f"max_accuracy_loss={max_accuracy_loss!r} is not allowed: give a number from 0 up, in "
            "the unit of the accuracy scorer (0.01 is one point)."
        )
    for name, value in (("accuracy", accuracy), ("privacy", privacy)):
        if not isinstance(value, str):
            raise TypeError(f"{name}={value!r} is not allowed: give the name of a scorer.")
    return MaxPrivacy(float(max_accuracy_loss), accuracy, privacy, bool(one_standard_error))


class MaxPrivacy:
    """What `max_privacy` returns: a class rather than a closure, so that it pickles."""

    def __init__(
        self, max_accuracy_loss: float, accuracy: str, privacy: str, one_standard_error: bool
    ):
        self.max_accuracy_loss = max_accuracy_loss
        self.accuracy = accuracy
        self.privacy = privacy
        self.one_standard_error = one_standard_error

    def __call__(self, cv_results: dict[str, Any]) -> int:
        """Index of the chosen candidate."""
        accuracy = self._mean(cv_results, self.accuracy)
        privacy = self._mean(cv_results, self.privacy)
        usable = np.isfinite(accuracy) & np.isfinite(privacy)
        if not usable.any():
            raise ValueError(
                f"No candidate qualifies: the scores {self.accuracy!r} and {self.privacy!r} are "
                "not finite for any of them. Look for warnings of failed fits, or set "
                "error_score='raise' in the search."
            )
        best = int(np.argmax(np.where(usable, accuracy, -np.inf)))
        budget = self.max_accuracy_loss
        if self.one_standard_error:
            splits = [
                np.asarray(value)[best]
                for name, value in cv_results.items()
                if name.startswith("split") and name.endswith(f"_test_{self.accuracy}")
            ]
            budget = max(budget, float(np.std(splits, ddof=1)) / np.sqrt(len(splits)))
        # A hair more: 0.95 - 0.94 is 0.01, whatever floating point says.
        within = usable & (accuracy >= accuracy[best] - budget - 1e-9)
        order = np.lexsort((-accuracy, -np.where(within, privacy, -np.inf)))
        return int(order[0])

    @staticmethod
    def _mean(cv_results: dict[str, Any], scorer: str) -> np.ndarray:
        key = f"mean_test_{scorer}"
        if key not in cv_results:
            known = [
                name.removeprefix("mean_test_")
                for name in cv_results
                if name.startswith("mean_test_")
            ]
            raise ValueError(
                f"The search has no scorer named {scorer!r}{did_you_mean(scorer, known)}. It has "
                f"{known}: name two of them in scoring={{...}} and in max_privacy(...)."
            )
        return np.asarray(cv_results[key], dtype=float)

    def __repr__(self) -> str:
        return (
            f"max_privacy({self.max_accuracy_loss:g}, accuracy={self.accuracy!r}, "
            f"privacy={self.privacy!r}, one_standard_error={self.one_standard_error})"
        )
