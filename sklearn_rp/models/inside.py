"""Looking through what stands around a model: searches, frozen estimators, Pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from sklearn_rp._compat import BaseSearchCV

_ANSWERS = ("predict", "predict_proba", "decision_function")


def unwrapped(estimator: Any) -> Any:
    """The estimator inside wrappers that hand on both rows and labels: frozen, searched."""
    *_, last = _inwards(estimator, pipelines=False)
    return last


def last_step(estimator: Any) -> Any:
    """The model itself: inside such wrappers, and behind the steps of Pipelines."""
    *_, last = _inwards(estimator, pipelines=True)
    return last


class Adapter:
    """One of ours that asks a model and gives its answers another form: `estimator`, or fitted.

    What holds for the answers need not hold for those of the model, but for where they change.
    """


def adapted(estimator: Any) -> Any:
    """The model that an adapter asks; or what is none."""
    if not isinstance(estimator, Adapter):
        return estimator
    return adapted(getattr(estimator, "estimator_", estimator.estimator))  # type: ignore[attr-defined]


def cloned(model: Any) -> Any:
    """An unfitted copy of a model.

    Raises
    ------
    ValueError
        If its constructor changes what it is given, so that scikit-learn cannot copy it.
    """
    try:
        return clone(model)
    except RuntimeError as error:
        raise ValueError(
            f"{error}. Give the parameter as a tuple, which needs no copy (CatBoost: "
            "cat_features=('region',)), or the fitted model inside FrozenEstimator."
        ) from error


def is_frozen(estimator: Any) -> bool:
    """Whether the model itself is fitted already, inside searches and Pipelines too."""
    return any(isinstance(each, FrozenEstimator) for each in _inwards(estimator, pipelines=True))


def _inwards(estimator: Any, *, pipelines: bool) -> Iterator[Any]:
    """An estimator, what it wraps, what that wraps, and so on."""
    yield estimator
    inner = inside(estimator)
    if inner is None and pipelines and is_pipeline(estimator):
        inner = estimator[-1]
    if inner is not None:
        yield from _inwards(inner, pipelines=pipelines)


def inside(estimator: Any) -> Any:
    """What a FrozenEstimator or a search asks for its answers; None for anything else.

    Subclasses with answers of their own are something else: what holds for the estimator inside
    need not hold for them.
    """
    if isinstance(estimator, FrozenEstimator):
        own = any(hasattr(type(estimator), answer) for answer in _ANSWERS)
        return None if own else estimator.estimator
    if isinstance(estimator, BaseSearchCV) and not has_own(estimator, *_ANSWERS):
        return getattr(estimator, "best_estimator_", estimator.estimator)
    return None


def is_pipeline(estimator: Any) -> bool:
    """Whether an estimator answers as its last step does to what the steps before it give."""
    return isinstance(estimator, Pipeline) and not has_own(estimator, *_ANSWERS)


def behind_steps(pipeline: Any, X: Any) -> Any:
    """What the last step of a Pipeline is given."""
    return pipeline[:-1].transform(X) if len(pipeline) > 1 else X


def has_own(model: Any, *methods: str) -> bool:
    """Whether a model's methods are not scikit-learn's own: they may then do anything."""
    return homes(type(model), *methods) != {"sklearn"}


def homes(owner: Any, *methods: str) -> set[str]:
    """Packages that some methods are defined in; "" for one that is not there."""
    found = (getattr(owner, method, None) for method in methods)
    return {str(getattr(method, "__module__", "")).split(".")[0] for method in found}
