"""A name for what a fitted model has learnt: the same in every process, and after every copy.

Pickles of equal models differ: they tell which strings and arrays are one object in memory, and
that is lost on the way through a file. Here values alone count.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from inspect import getattr_static
from pickle import PicklingError
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
from scipy.sparse import issparse

from sklearn_rp._compat import CALLBACK_STATE
from sklearn_rp.models.inside import inside
from sklearn_rp.models.nets import is_net, net_classes

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))
_NAMED = (type, BuiltinFunctionType, ModuleType, np.ufunc)
# How the work is done, and by which version: not what was learnt.
_IGNORED = {"n_jobs", "verbose", "_sklearn_version", "_sklearn_rp_version", *CALLBACK_STATE}


def digest(content: Any) -> str:
    """Digest of a fitted estimator with all it holds, or of any data that can be pickled.

    Equal for equal contents, after a round trip through a pickle and in another process, too.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> trees = [DecisionTreeClassifier(max_depth=d).fit([[0], [1]], [0, 1]) for d in (1, 1, 2)]
    >>> names = [digest(tree) for tree in trees]
    >>> names[0] == names[1], names[0] == names[2]
    (True, False)
    """
    return _Walk().of(content).hex()[:32]


class _Walk:
    """Digests of parts, put together to that of the whole."""

    def __init__(self) -> None:
        self.known: dict[int, bytes] = {}
        self.above: dict[int, int] = {}  # objects that hold this one: depth of each
        self.kept: list[Any] = []  # what an id was given to must not be freed meanwhile

    def of(self, content: Any) -> bytes:
        """Digest of one object."""
        if isinstance(content, _PLAIN):
            return _sha(type(content).__name__, repr(content))
        number = id(content)
        if number in self.known:
            return self.known[number]
        if number in self.above:  # a ring
            return _sha("ring", str(len(self.above) - self.above[number]))
        self.above[number] = len(self.above)
        found = _sha(*self.parts(content))
        del self.above[number]
        self.known[number] = found
        self.kept.append(content)
        return found

    def parts(self, content: Any) -> list[Any]:
        """What an object is made of: its kind, and values or digests."""
        kind = _name(type(content))
        if isinstance(content, np.ndarray):
            return self.array(content)
        if isinstance(content, np.generic | np.dtype):
            return [kind, repr(content)]
        if isinstance(content, _NAMED):
            return ["named", _name(content)]
        if isinstance(content, FunctionType):
            cells = [cell.cell_contents for cell in content.__closure__ or ()]
            held = [content.__code__, content.__defaults__, content.__kwdefaults__, cells]
            return [kind, _name(content), *map(self.of, held)]
        if isinstance(content, CodeType):
            return [kind, *map(self.of, (content.co_code, content.co_consts, content.co_names))]
        if isinstance(content, dict):
            pairs = (
                self.of(key) + self.of(value)
                for key, value in content.items()
                if not (isinstance(key, str) and key in _IGNORED)
            )
            return [kind, *sorted(pairs)]
        if isinstance(content, list | tuple):
            return [kind, *map(self.of, content)]
        if isinstance(content, set | frozenset):
            return [kind, *sorted(map(self.of, content))]
        return [kind, self.of(self.held(content))]

    def held(self, content: Any) -> Any:
        """What an object holds that decides its answers."""
        inner = inside(content)
        if inner is not None:  # times of a search's fits aside
            return inner
        release = getattr(content, "release_", None)
        if release is not None:  # parameters set after the fit aside
            return release
        if hasattr(content, "identity"):  # a release, what it remembers of its use aside
            return content.identity()
        if is_net(content):  # history, times, and the state of the optimiser aside
            rest = ("predict_nonlinearity", "threshold", "dataset", "iterator_valid")
            return [
                content.module_,
                content.criterion_,
                net_classes(content) if hasattr(content, "classes_") else None,
                [getattr(content, name, None) for name in rest],
            ]
        if hasattr(content, "save_raw"):  # XGBoost: the model without the settings of its threads
            return bytes(content.save_raw(raw_format="ubj"))
        if hasattr(content, "model_to_string"):  # LightGBM
            return content.model_to_string()
        if hasattr(content, "get_leaf_weights") and content.is_fitted():  # CatBoost: bytes differ
            answers = (content.feature_names_, getattr(content, "classes_", None))
            trees = (content.get_borders(), content.get_leaf_values(), content.get_leaf_weights())
            return [content.get_params(), answers, trees, content.get_scale_and_bias()]
        if hasattr(content, "detach") and hasattr(content, "cpu"):  # a tensor
            return [str(content.dtype), _array_of(content)]
        if hasattr(content, "named_modules"):  # torch: predictions switch the mode
            return {key: value for key, value in vars(content).items() if key != "training"}
        if hasattr(content, "get_tree_stats"):  # neighbours: predictions are counted
            return list(map(np.asarray, content.get_arrays()))
        if issparse(content):  # what is known of its order changes with use
            matrix: Any = content
            rows = matrix.tocsr().sorted_indices()
            return [rows.shape, rows.data, rows.indices, rows.indptr]
        if type(content).__module__.split(".")[0] == "pandas" and hasattr(content, "to_numpy"):
            axes = [axis.to_numpy() for axis in getattr(content, "axes", [])]
            return [content.to_numpy(), *axes]
        try:
            made = content.__reduce_ex__(4)
        except (TypeError, PicklingError):  # locks and the like hold nothing that was learnt
            return None
        if isinstance(made, str):  # a name
            return made
        state = _learnt(type(content), made[2]) if len(made) > 2 else None
        return [*made[:2], state, *(None if more is None else list(more) for more in made[3:5])]

    def array(self, values: np.ndarray) -> list[Any]:
        """An array by its values: neither order in memory nor padding between fields count."""
        head = ["array", str(values.shape)]
        if values.dtype.names is not None:
            return [*head, *(part for n in values.dtype.names for part in (n, self.of(values[n])))]
        if values.dtype.kind == "O":
            return [*head, "O", *map(self.of, values.ravel().tolist())]
        return [*head, values.dtype.str, np.ascontiguousarray(values).tobytes()]


def _learnt(kind: type, state: Any) -> Any:
    """The state of an object, without what was looked up once and kept."""
    if not isinstance(state, dict):
        return state
    kept = [n for n in state if isinstance(getattr_static(kind, str(n), None), cached_property)]
    return {name: value for name, value in state.items() if name not in kept}


def _array_of(tensor: Any) -> np.ndarray:
    """A tensor's numbers; those of low precision fit into doubles."""
    values = tensor.detach().cpu()
    try:
        return values.numpy()
    except TypeError:
        return values.double().numpy()


def _name(thing: Any) -> str:
    name = getattr(thing, "__qualname__", None) or thing.__name__
    return f"{getattr(thing, '__module__', None)}.{name}"


def _sha(*parts: Any) -> bytes:
    text = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        text.update(len(data).to_bytes(8, "little"))
        text.update(data)
    return text.digest()
