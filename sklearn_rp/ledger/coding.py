"""How a ledger writes things down: people, questions, answers, and what is left open."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from sklearn_rp.attribute.along import OWN_READING
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.joint_sets import JointSets, exact_sets
from sklearn_rp.attribute.rooms import Rooms
from sklearn_rp.domain import same_domain
from sklearn_rp.feature import Feature
from sklearn_rp.rows import Rows, column_values, index_of, without_columns
from sklearn_rp.runs import Runs

_KEPT = (str, int, float, bool)  # answers and categories


class Seal:
    """Ids and questions as they are stored: hashed with a key, or as they are.

    Parameters
    ----------
    key : bytes or None
        Key; None: ids are stored as given.
    salt : bytes
        Of the ledger: what questions are hashed with where there is no key.
    """

    def __init__(self, key: bytes | None, salt: bytes):
        self._key, self._salt = key, salt

    def people(self, ids: Sequence[str]) -> list[str]:
        """Ids as they are stored."""
        if self._key is None:
            return list(ids)
        return [_mac(self._key, b"person", person.encode()) for person in ids]

    def questions(self, rows: Sequence[bytes]) -> list[str]:
        """What tells the other features of rows from others, and does not tell them."""
        return [_mac(self._key or self._salt, b"question", row) for row in rows]

    def check(self) -> str:
        """What tells this key from another."""
        return "" if self._key is None else _mac(self._key, b"check", b"")


def _mac(key: bytes, kind: bytes, data: bytes) -> str:
    return hmac.new(key, kind + b"\0" + data, hashlib.sha256).hexdigest()


def other_features(X: Rows, columns: np.ndarray) -> list[bytes]:
    """The features that are not sensitive, as bytes: equal where they are.

    Parameters
    ----------
    X : ndarray or frame of shape (n_samples, n_features)
        Checked rows.
    columns : ndarray of int
        The sensitive ones.

    Returns
    -------
    rows : list of bytes, one for each row
    """
    rest = without_columns(X, columns)
    told = [_told(column_values(rest, column)) for column in range(rest.shape[1])]
    return list(map(b"".join, zip(*told, strict=True))) if told else [b""] * X.shape[0]


def _told(values: np.ndarray) -> list[bytes]:
    """Each entry of a column, as bytes that are equal where they are: 3 is 3.0, and not "3"."""
    if values.dtype.kind not in "iufb":
        return [_one_told(value) for value in values.tolist()]
    numbers = values.astype(np.float64) + 0.0  # no minus zero
    numbers[np.isnan(numbers)] = np.nan
    raw = numbers.tobytes()
    found = [b"f" + raw[k : k + 8] for k in range(0, len(raw), 8)]
    if values.dtype.kind in "iu":  # of which a double holds but the first digits
        for k in np.flatnonzero(np.abs(numbers) >= 2.0**53):
            found[k] = f"i{values[k]};".encode()
    return found


def _one_told(value: Any) -> bytes:
    """As `_told`, one entry of any kind."""
    if isinstance(value, bool | int | float):
        kind = np.int64 if isinstance(value, int) and abs(value) < 2**63 else np.float64
        return _told(np.asarray([value], dtype=kind))[0]
    if value is None or value != value:
        return _told(np.array([np.nan]))[0]
    text = json.dumps([type(value).__name__, str(value)])
    return f"s{len(text)};{text}".encode()


def described(features: Sequence[Feature]) -> list[dict[str, Any]]:
    """Features and their possible values, as JSON holds them; in the order of their names."""
    found = []
    for each in sorted(features, key=lambda feature: feature.name):
        domain = each.domain if isinstance(each.domain, str) else each.domain.tolist()
        categories = None if each.categories is None else _plain(each.categories)
        found.append(
            {"name": each.name, "low": each.low, "high": each.high}
            | {"domain": domain, "categories": categories}
        )
    return found


def same_values(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two descriptions are of the same possible values."""
    a, b = (each["domain"] for each in (one, other))
    domain = same_domain(*(d if isinstance(d, str) else np.asarray(d) for d in (a, b)))
    return domain and all(one[name] == other[name] for name in ("low", "high", "categories"))


def sets_to_text(sets: CompatibleSets | JointSets, features: Sequence[Feature]) -> list[str]:
    """What is left open to each row: its rooms, features in the order of their names."""
    runs = sets.as_runs()
    if isinstance(sets, CompatibleSets):  # an interval is a room, or all categories are
        parts: list[Any] = list(zip(runs.low.tolist(), runs.high.tolist(), strict=True))
        if sets.categories is not None:
            parts = [_plain(sets.categories)[int(low)] for low, _ in parts]
        each = [parts[a:b] for a, b in pairwise(runs.first.tolist())]
        whole = sets.categories is not None
        return [json.dumps([[one]] if whole else [[part] for part in one]) for one in each]
    features = sorted(features, key=lambda feature: feature.name)
    order = [sets.names.index(feature.name) for feature in features]
    ends_of = runs.low[:, order], runs.high[:, order]
    runs = Runs(runs.row, runs.symbol, *ends_of, runs.n_rows, 1)
    rooms = Rooms.of(runs, sets.box, tuple(features))
    sides = []
    for j, (feature, members) in enumerate(zip(features, rooms.members, strict=True)):
        if members is None:
            sides.append(np.stack([rooms.low[:, j], rooms.high[:, j]], axis=1).tolist())
        else:
            named = _plain(feature.categories)
            place = [np.flatnonzero(inside).tolist() for inside in members]
            sides.append([[named[k] for k in each] for each in place])
    lines = list(zip(*sides, strict=True))
    ends = np.searchsorted(rooms.row, np.arange(len(sets) + 1)).tolist()
    return [json.dumps(lines[a:b]) for a, b in pairwise(ends)]


def sets_from_text(
    texts: Sequence[str], features: Sequence[Feature], X: Rows
) -> CompatibleSets | JointSets:
    """The sets of some rows, read again.

    Parameters
    ----------
    texts : sequence of str
        As `sets_to_text` wrote them.
    features : sequence of Feature
        The features, in the order of the estimator.
    X : ndarray or frame of shape (n_samples, n_features)
        Checked rows.

    Returns
    -------
    sets : CompatibleSets, or JointSets of several features
        Without labels.
    """
    names = sorted(feature.name for feature in features)
    row: list[int] = []
    box: list[int] = []
    ends: list[list[tuple[float, float]]] = []
    for number, text in enumerate(texts):
        for room in json.loads(text):
            parts: list[list[tuple[float, float]]] = [[]]
            for feature in features:
                side = room[names.index(feature.name)]
                if feature.categories is None:
                    pairs = [tuple(side)]
                else:
                    known = _plain(feature.categories)
                    pairs = [(known.index(c), known.index(c) + 1.0) for c in side]
                parts = [[*part, pair] for part in parts for pair in pairs]
            row += [number] * len(parts)
            box += [(box[-1] if box else -1) + 1] * len(parts)
            ends += parts
    table = np.asarray(ends, dtype=np.float64).reshape(len(row), len(features), 2)
    rows, (low, high) = np.asarray(row, dtype=np.intp), np.moveaxis(table, 2, 0)
    label, index = np.full(len(texts), None), index_of(X)
    if len(features) == 1:
        (feature,) = features
        runs = Runs(rows, np.zeros_like(rows), low[:, 0], high[:, 0], len(texts), 1)
        return exact_sets(label, feature, runs, feature.values(X), OWN_READING, index)
    own = np.stack([feature.values(X) for feature in features], axis=1).astype(float)
    numbers = np.asarray(box, dtype=np.intp)
    return JointSets(label, tuple(features), rows, low, high, numbers, own, index)


def answers_to_text(answers: np.ndarray) -> list[str]:
    """Answers as they are stored.

    Raises
    ------
    TypeError
        If they are neither text nor numbers.
    """
    if answers.ndim == 1:
        return [json.dumps(answer) for answer in _plain(answers)]
    flat = iter(_plain(answers.ravel()))
    return [json.dumps([next(flat) for _ in range(answers.shape[1])]) for _ in answers]


def answers_from_text(texts: Sequence[str], like: np.ndarray) -> np.ndarray:
    """Answers read again, of the type of the others."""
    found = np.asarray([json.loads(text) for text in texts], dtype=like.dtype)
    return found.reshape(len(texts), *like.shape[1:])


def _plain(values: Any) -> list[Any]:
    """Values as JSON holds them."""
    plain = np.asarray(values).tolist()
    strange = [value for value in plain if not isinstance(value, _KEPT)]
    if strange:
        raise TypeError(
            f"A ledger holds text and numbers, not {type(strange[0]).__name__}: convert labels and "
            "categories before fit, with astype(str)."
        )
    return plain
