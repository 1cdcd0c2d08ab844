"""The only file that touches what scikit-learn and skorch do not document as public.

Every name here exists in all supported versions of scikit-learn (1.6 and later), callbacks aside:
they came with 1.9, and before that nothing is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from sklearn import get_config
from sklearn.base import _fit_context as fit_context
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.metaestimators import _safe_split as safe_split
from sklearn.utils.validation import _check_method_params as rows_of_params

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method: Any) -> Any:
        """Stands in where scikit-learn has no callbacks."""
        return method


DOCUMENTATION = "https://sklearn-rp.readthedocs.io/en/stable"


class DocumentedMixin:
    """Links the HTML representation of an estimator to its page here, not to scikit-learn's."""

    _doc_link_module = "sklearn_rp"
    _doc_link_template = DOCUMENTATION + "/api/generated/{module}.{name}.html"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        """Public home and name of the class: the package itself for its estimators."""
        home = type(self).__module__
        top = home.split(".")[1] in ("classifier", "regressor", "recommender", "attribute")
        module = "sklearn_rp" if top else ".".join(home.split(".")[:2])
        return {"module": module, "name": type(self).__name__}


# What scikit-learn keeps on an estimator while its callbacks run.
CALLBACK_STATE = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")


def reported(estimator: Any, task: str, parts: Sequence[Any]) -> Iterator[Any]:
    """Go through the parts of a task, and tell the estimator's callbacks of each.

    To be called in a method decorated `with_callbacks`.
    """
    if not getattr(estimator, "_skl_callbacks", None):
        yield from parts
        return
    root = estimator._init_callback_context(task_name=task, max_subtasks=len(parts))
    root.call_on_fit_task_begin(estimator=estimator)
    for part in parts:
        step = root.subcontext(task_name="part").call_on_fit_task_begin(estimator=estimator)
        yield part
        step.call_on_fit_task_end(estimator=estimator)
    root.call_on_fit_task_end(estimator=estimator)


def reporter(estimator: Any) -> Any:
    """The estimator, or where it has callbacks a copy that may keep their state."""
    return copy(estimator) if getattr(estimator, "_skl_callbacks", None) else estimator


@contextmanager
def fitting(estimator: Any, child: Any) -> Iterator[None]:
    """Report the fit of a meta-estimator, and let its `child` report too where it can.

    To be used in a ``fit`` decorated `with_callbacks`.
    """
    if not hasattr(estimator, "set_callbacks"):
        yield
        return
    root = estimator._init_callback_context(max_subtasks=1)
    root.call_on_fit_task_begin(estimator=estimator)
    step = root.subcontext(task_name="fit-estimator").call_on_fit_task_begin(estimator=estimator)
    if isinstance(child, CallbackSupportMixin):
        with step.propagate_callback_context(child):
            yield
    else:
        yield
    step.call_on_fit_task_end(estimator=estimator)
    root.call_on_fit_task_end(estimator=estimator)


def route(
    owner: Any, method: str, child: str, params: dict[str, Any], callee: str | None = None
) -> dict[str, Any]:
    """Metadata that the `child` of `owner` gets in `method`, for its method `callee`.

    With metadata routing switched off everything is passed on, as scikit-learn's own
    meta-estimators do.
    """
    if not params or not routing_enabled():
        return dict(params)
    return dict(process_routing(owner, method, **params)[child][callee or method])


def routing_enabled() -> bool:
    """Whether metadata goes where it was asked for, and nowhere else."""
    return bool(get_config()["enable_metadata_routing"])


def weights_for_scores(search: Any, params: dict[str, Any]) -> Any:
    """Sample weights that a search hands on to its scorers without metadata routing (1.9+)."""
    weight = params.get("sample_weight")
    known = hasattr(search, "_check_scorers_accept_sample_weight")
    if weight is None or not known or routing_enabled():
        return None
    return weight if search._check_scorers_accept_sample_weight() else None


def hist_gradient_boosting_nodes(model: Any) -> list[Any]:
    """Nodes of every tree of a fitted HistGradientBoosting model, as structured arrays."""
    return [tree.nodes for stage in model._predictors for tree in stage]


def hist_gradient_boosting_start(model: Any) -> Any:
    """Raw scores that the trees of a fitted HistGradientBoosting model are added to, in a row."""
    return model._baseline_prediction.ravel()


def nonlinearity_of(net: Any) -> Any:
    """What a net of skorch applies to its module's output before `predict_proba` gives it."""
    return net._get_predict_nonlinearity()
