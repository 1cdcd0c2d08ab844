"""The only file that touches what scikit-learn does not document as public.

Every name here exists in all supported versions of scikit-learn (1.6 and later).
"""

from typing import Any

from sklearn import get_config
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metadata_routing import process_routing

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "fit_context",
    "hist_gradient_boosting_nodes",
    "route",
    "safe_indexing",
]


def route(owner: Any, method: str, child: str, params: dict[str, Any]) -> dict[str, Any]:
    """Metadata that the `child` of `owner` gets in `method`.

    With metadata routing switched off everything is passed on, as scikit-learn's own
    meta-estimators do.
    """
    if not params or not get_config()["enable_metadata_routing"]:
        return dict(params)
    return dict(process_routing(owner, method, **params)[child][method])


def hist_gradient_boosting_nodes(model: Any) -> list[Any]:
    """Nodes of every tree of a fitted HistGradientBoostingClassifier, as structured arrays."""
    return [tree.nodes for stage in model._predictors for tree in stage]
