"""How the smoothed probabilities ``h(x)`` are known: one file an engine, one shape of answer."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np

from sklearn_rp.engines.fast_votes import LinearVotes, TreeVotes
from sklearn_rp.engines.linear import Linear
from sklearn_rp.engines.monte_carlo import MonteCarlo
from sklearn_rp.engines.parallel import cast_votes, check_n_jobs, for_rows
from sklearn_rp.engines.recalled import Recalled
from sklearn_rp.engines.sweep import Categories, Sweep
from sklearn_rp.engines.trees import Trees
from sklearn_rp.models.inside import last_step
from sklearn_rp.models.labels import Adapted
from sklearn_rp.models.nets import is_net
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, sample_rows
from sklearn_rp.votes import Votes

__all__ = ["Engine", "Recalled", "cast_votes", "check_n_jobs", "for_rows", "make_engine"]

_CLOSED_FORMS = (
    "a binary linear model behind affine steps; a decision tree, or with voting='soft' a random "
    "forest or extra trees, behind steps that keep features apart; binary "
    "GradientBoostingClassifier with voting='soft'; and with voting='hard' any model when one "
    "numeric or categorical feature is noised, or two numeric ones"
)


class Engine(Protocol):
    """What the estimator asks of an engine."""

    method: str
    name: str
    divisible: bool  # whether processes may share the rows

    def votes(self, X: Rows, sigmas: Any, draws: Any) -> list[Votes]:
        """Votes of checked rows at each noise level."""


def make_engine(
    method: Literal["auto", "exact", "monte_carlo"],
    *,
    estimator: Any,
    classes: np.ndarray,
    noise: Noise,
    X: Rows,
    shape: tuple[int, ...] | None,
    voting: Literal["hard", "soft"],
    resample: bool,
) -> Engine:
    """Engine for a fitted base classifier.

    Parameters
    ----------
    method : {"auto", "exact", "monte_carlo"}
        "auto" takes an exact engine where one applies and nothing is lost by it.
    estimator : fitted classifier
        The base classifier.
    classes : ndarray of shape (n_classes,)
        Its labels.
    noise : Noise
        What is perturbed.
    X : ndarray or frame of shape (n_samples, n_features)
        Checked training rows, flat; an engine tries itself on some of them.
    shape : tuple of int or None
        Shape of one row as the classifier reads it; None: rows of a table.
    voting : {"hard", "soft"}
        Votes by label or by probability.
    resample : bool
        Whether the release is to be random.

    Returns
    -------
    engine : Engine

    Raises
    ------
    ValueError
        If ``method="exact"`` and there is no closed form.
    TypeError
        If a categorical feature is noised and no exact engine applies.
    """
    if method == "exact" and resample:
        raise ValueError(
            "method='exact' draws no noise, so that resample=True can do nothing: use "
            "method='monte_carlo' for a randomised release."
        )
    engine: Engine | None = None
    model = last_step(estimator)
    net = is_net(model)
    reader = estimator
    if net or shape is not None:
        reader = Adapted(estimator, shape, classes if net else None)
    if method != "monte_carlo" and not resample:
        engine = _exact(method, reader, classes, noise, X, voting)
        unread = _unread(engine, X)
        if unread is not None and method == "exact":
            raise ValueError(
                f"method='exact' reads the model at values of {noise.names.tolist()} up to half "
                "their range beyond those of X, where it has no answer: use method='monte_carlo'."
            ) from unread
        engine = engine if unread is None else None
    if engine is not None:
        return engine
    if method == "exact":
        raise ValueError(
            f"method='exact' has no closed form for this {type(estimator).__name__} with "
            f"{len(noise.columns)} noised feature(s) and voting={voting!r}. It has one for "
            f"{_CLOSED_FORMS}. Else use method='monte_carlo'."
        )
    if noise.categories is not None:
        raise TypeError(
            f"noise_features names {str(noise.names[0])!r}, which is not numeric: Gaussian noise "
            "can be added to numbers alone. A categorical feature is noised with "
            "method='exact' or 'auto', voting='hard' and resample=False."
        )
    if net:
        from sklearn_rp.engines.torch import TorchNet

        engine = TorchNet.for_model(reader, estimator, classes, noise, X, shape, voting)
    elif shape is None:
        for folded in (LinearVotes, TreeVotes):
            engine = engine or folded.for_model(estimator, classes, noise, X, voting)
    return engine or MonteCarlo(reader, classes, noise, voting)


def _exact(
    method: str,
    estimator: Any,
    classes: np.ndarray,
    noise: Noise,
    X: Rows,
    voting: Literal["hard", "soft"],
) -> Engine | None:
    if voting == "soft":
        if noise.categories is not None:
            return None
        engine = Trees.for_model(estimator, noise, X, "soft")
        if engine is None and method == "exact":  # loose: only where it is asked for by name
            engine = Trees.for_boosting(estimator, noise, X)
        return engine
    if noise.categories is not None:
        return Categories(estimator, classes, noise)
    linear = Linear.for_model(estimator, classes, noise, X)
    if linear is not None:
        return linear
    if len(noise.columns) == 1:
        return Sweep.for_model(estimator, classes, noise, X, lossless=False)
    # Two features of a model whose thresholds are not known: a coarse reading, by name only.
    return Trees.for_model(estimator, noise, X, "hard") or Sweep.for_model(
        estimator, classes, noise, X, lossless=method == "auto"
    )


def _unread(engine: Engine | None, X: Rows) -> Exception | None:
    """Why a model cannot be swept: it is read at values beyond those of the training rows, too."""
    try:
        for _ in engine.labels(sample_rows(X, 2)) if isinstance(engine, Sweep) else ():
            pass
    except Exception as error:  # a model may raise anything
        return error
    return None
