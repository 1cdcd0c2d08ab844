"""One model's answers about some people, in a transaction that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from sklearn_rp.attribute.earlier import rows_inside, sets_left
from sklearn_rp.attribute.labelling import MinimumRelease
from sklearn_rp.attribute.lists import MinimumLists
from sklearn_rp.attribute.recommender import AttributePrivacyRecommender
from sklearn_rp.ledger.coding import (
    answers_from_text,
    answers_to_text,
    other_features,
    sets_from_text,
    sets_to_text,
)
from sklearn_rp.ledger.database import OPEN, RELEASES
from sklearn_rp.ledger.lines import batches, key_of, left_open_to, now
from sklearn_rp.models.items import parted
from sklearn_rp.rows import Rows, take_rows

_SHOWN = 5  # ids named in an error
# Statements that every release makes, put together once.
_C = RELEASES.c
_WHO: Any = bindparam("people", expanding=True)
_ANSWERS = select(_C.person, _C.renewal, _C.question, _C.answer).where(
    _C.person.in_(_WHO), _C.model == bindparam("name")
)
_NO_MORE = delete(OPEN).where(OPEN.c.person.in_(_WHO), OPEN.c.features == bindparam("key"))
_SAID, _NOW = insert(RELEASES), insert(OPEN)


@dataclass(frozen=True)
class Asked:
    """Rows that answers are asked for.

    Parameters
    ----------
    X : ndarray or frame of shape (n_samples, n_features)
        Checked rows.
    people, shown : list of str
        Who they are about: as stored, and as given.
    questions : list of str
        Their other features, sealed.
    """

    X: Rows
    people: list[str]
    shown: list[str]
    questions: list[str]

    def take(self, rows: list[int]) -> Asked:
        """Some of them."""
        if len(rows) == len(self.people):
            return self
        lists = [[each[k] for k in rows] for each in (self.people, self.shown, self.questions)]
        return Asked(take_rows(self.X, rows), *lists)


@dataclass(frozen=True)
class Batch:
    """Some rows of different people, in a transaction that holds these.

    Parameters
    ----------
    connection : Connection
        The transaction.
    release, model : MinimumRelease, str
        Whose answers they are, and its name.
    renewal : dict of str to int
        How often people were renewed.
    new : set of str
        People that nothing is known of.
    asked : Asked
        The rows.
    """

    connection: Connection
    release: MinimumRelease
    model: str
    renewal: dict[str, int]
    new: set[str]
    asked: Asked

    @property
    def features(self) -> tuple[Any, ...]:
        """The features that are hidden."""
        return tuple(self.release.space.features)

    @property
    def key(self) -> str:
        """Name of their list."""
        return key_of(feature.name for feature in self.features)

    def answers(self) -> np.ndarray:
        """What is released: recorded before, or chosen now and recorded."""
        people = self.asked.people
        known = [person for person in people if person not in self.new]
        open_ = left_open_to(self.connection, known, self.key)
        self._check_unchanged(open_)
        recorded = self._recorded(known)
        answer = no_answers(self.release, len(people))
        told = [k for k in range(len(people)) if self._line(k) in recorded]
        answer[told] = answers_from_text([recorded[self._line(k)] for k in told], answer)
        fresh = [k for k, person in enumerate(people) if person not in open_]
        others = np.setdiff1d(np.arange(len(people)), [*told, *fresh]).tolist()
        lines: list[dict[str, Any]] = []
        for some, texts in ((fresh, None), (others, [open_[people[k]] for k in others])):
            if not some:
                continue
            X = self.asked.take(some).X
            within = None if texts is None else sets_from_text(texts, self.features, X)
            sets = sets_left(self.release, X, within)
            answer[some] = sets.label
            left = sets_to_text(sets, self.features)
            lines += map(self._record, some, answers_to_text(sets.label), left)
        self._write(lines, [people[k] for k in others])
        return answer

    def _line(self, k: int) -> tuple[str, int, str]:
        person = self.asked.people[k]
        return person, self.renewal[person], self.asked.questions[k]

    def _record(self, k: int, answer: str, left: str) -> dict[str, Any]:
        person, renewal, question = self._line(k)
        return {
            "person": person, "renewal": renewal, "model": self.model, "question": question,
            "answer": answer, "left_open": left, "time": now(),
        }  # fmt: skip

    def _recorded(self, people: list[str]) -> dict[tuple[str, int, str], str]:
        """Answers of this model to these people."""
        found: dict[tuple[str, int, str], str] = {}
        for some in batches(people):
            lines = self.connection.execute(_ANSWERS, {"people": some, "name": self.model})
            found |= {(p, r, q): a for p, r, q, a in lines}
        return found

    def _check_unchanged(self, open_: dict[str, str]) -> None:
        """Refuse rows whose own value is not in what was left open.

        Raises
        ------
        ValueError
            If there are any.
        """
        some = [k for k, person in enumerate(self.asked.people) if person in open_]
        if not some:
            return
        texts = [open_[self.asked.people[k]] for k in some]
        sets = sets_from_text(texts, self.features, self.asked.take(some).X)
        changed = [self.asked.shown[some[k]] for k in np.flatnonzero(~rows_inside(sets))]
        if changed:
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            names = ", ".join(feature.name for feature in self.features)
            raise ValueError(
                f"The value of {names!r} of ids {', '.join(changed[:_SHOWN])}{more} is not among "
                "those that were left open: it must have changed since. Nothing is released or "
                "recorded. If what was released says nothing about the value that they have now, "
                "`renew` them with that reason; else leave them out."
            )

    def _write(self, lines: list[dict[str, Any]], known: list[str]) -> None:
        """Write down what is released, and what is left open: in place of what was."""
        if not lines:
            return
        self.connection.execute(_SAID, lines)
        for some in batches(known):
            self.connection.execute(_NO_MORE, {"people": some, "key": self.key})
        names = ("person", "left_open")
        left = [{name: line[name] for name in names} | {"features": self.key} for line in lines]
        self.connection.execute(_NOW, left)


def what_is_known(
    estimator: Any, X: Rows, exclude: Any
) -> tuple[MinimumRelease, Rows, list[bytes]]:
    """The release, its rows, and as bytes what is not hidden of them: what must not be named, too.

    Raises
    ------
    TypeError
        If items are excluded of what recommends none.
    """
    release = estimator.release_
    known = other_features(X, release.space.columns)
    if exclude is None:
        return release, X, known
    if not isinstance(estimator, AttributePrivacyRecommender):
        raise TypeError(
            f"exclude is given, but {type(estimator).__name__} recommends no items: leave it out."
        )
    release, X = estimator.masked(X, exclude)
    banned = np.asarray(release.banned)[parted(X)[1]]
    masks = [b"m" + mask.tobytes() for mask in np.packbits(banned, axis=1)]
    nothing = ~banned.any(axis=1)
    told = zip(known, masks, nothing.tolist(), strict=True)
    return release, X, [row if free else row + mask for row, mask, free in told]


def no_answers(release: MinimumRelease, n_rows: int) -> np.ndarray:
    """Room for what is released: of the type, and the width of lists."""
    symbols = release.symbols
    shape = (n_rows, release.best.n_best) if isinstance(release, MinimumLists) else (n_rows,)
    return np.empty(shape, dtype=np.float64 if symbols is None else symbols.dtype)
