"""Model extraction: a copy of the model, learnt from its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import check_random_state

from sklearn_rp._compat import safe_indexing
from sklearn_rp.models.inside import cloned
from sklearn_rp.models.labels import labels_of
from sklearn_rp.release import release_of


class ModelExtractionAttack:
    """Distil a model from its labels on public inputs.

    The boundary of what Robust Privacy can do: labels are released, and a student that sees enough
    of them learns the function that gives them. Run it before you rely on the model's secrecy.

    Parameters
    ----------
    student : classifier, default=None
        What is trained on the labels; a random forest if None. It is cloned.
    n_queries : sequence of int, default=(100, 300, 1000)
        Numbers of public inputs whose labels are bought.
    n_resamples : int, default=1000
        Resamples of the test rows behind each confidence interval.
    random_state : int, RandomState instance or None, default=0
        Seed of the choice of inputs, of the default student and of the resampling.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_rp.attacks import ModelExtractionAttack
    >>> from sklearn_rp.datasets import make_recommendation
    >>> task = make_recommendation(900, random_state=0)
    >>> X, y = task.data, task.target
    >>> model = LogisticRegression().fit(X[:300], y[:300])
    >>> attack = ModelExtractionAttack(LogisticRegression(), n_queries=[20, 300])
    >>> table = attack.run(model, X[300:600], X[600:], y[600:])
    >>> bool(table["fidelity"].iloc[-1] > 0.9)
    True
    """

    def __init__(
        self,
        student: Any = None,
        *,
        n_queries: Sequence[int] = (100, 300, 1000),
        n_resamples: int = 1000,
        random_state: Any = 0,
    ):
        self.student = student
        self.n_queries = n_queries
        self.n_resamples = n_resamples
        self.random_state = random_state

    def run(self, model: Any, X_public: Any, X_test: Any, y_test: Any = None) -> pd.DataFrame:
        """Train students on growing numbers of labels.

        Parameters
        ----------
        model : fitted classifier
            Anything with ``predict``; rows on which it gives no answer (its `fallback`) teach
            nothing, but are paid for.
        X_public : array-like or DataFrame of shape (n_public, n_features)
            Inputs that the attacker has.
        X_test : array-like or DataFrame of shape (n_test, n_features)
            Inputs on which the copies are judged.
        y_test : array-like of shape (n_test,), default=None
            Their true labels, for accuracies.

        Returns
        -------
        table : pandas.DataFrame
            One line for each number of queries: ``n_queries``; ``fidelity``, the share of test
            rows on which student and model agree; with `y_test` also ``accuracy`` of the student
            and ``model_accuracy``; each with its 95 % bootstrap interval over test rows,
            ``<figure>_low`` and ``<figure>_high``.

        Raises
        ------
        ValueError
            If more queries are asked for than there are public inputs.
        """
        available = np.shape(X_public)[0]
        sizes = [int(n) for n in self.n_queries]
        if not sizes or min(sizes) < 2 or max(sizes) > available:
            raise ValueError(
                f"n_queries={self.n_queries!r} is not allowed: numbers from 2 to {available}, the "
                "public inputs."
            )
        rng = check_random_state(self.random_state)
        bought = rng.permutation(available)[: max(sizes)]
        inputs = safe_indexing(X_public, bought)
        labels = labels_of(model, inputs)
        no_answer = getattr(release_of(model), "fallback", None)
        target = labels_of(model, X_test)
        draws = rng.randint(len(target), size=(self.n_resamples, len(target)))
        lines = []
        for size in sizes:
            known = np.arange(size)
            if no_answer is not None:
                known = known[labels[:size] != no_answer]
            copy = self._copy(safe_indexing(inputs, known), labels[known], X_test)
            figures = {"fidelity": copy == target}
            if y_test is not None:
                truth = np.asarray(y_test)
                figures |= {"accuracy": copy == truth, "model_accuracy": target == truth}
            line: dict[str, Any] = {"n_queries": size}
            for name, right in figures.items():
                low, high = np.quantile(right[draws].mean(axis=1), [0.025, 0.975])
                line |= {name: right.mean(), f"{name}_low": low, f"{name}_high": high}
            lines.append(line)
        return pd.DataFrame(lines)

    def _copy(self, inputs: Any, labels: np.ndarray, X_test: Any) -> np.ndarray:
        """What a student of these labels answers on the test rows."""
        seen = np.unique(labels)
        if len(seen) < 2:  # nothing to learn: the one label, or nobody's
            only = seen[0] if len(seen) else None
            return np.full(np.shape(X_test)[0], only, dtype=labels.dtype if len(seen) else object)
        student = self.student
        if student is None:
            seed = check_random_state(self.random_state).randint(2**31 - 1)
            student = RandomForestClassifier(random_state=seed)
        return labels_of(cloned(student).fit(inputs, labels), X_test)
