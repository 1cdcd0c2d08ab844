"""One model's answers about some people, in a transaction that holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import and_, delete, insert, select
from sqlalchemy.engine import Connection

from sklearn_rp.ledger.coding import (
    answers_from_text,
    answers_to_text,
    sets_from_text,
    sets_to_text,
)
from sklearn_rp.ledger.database import OPEN, RELEASES
from sklearn_rp.ledger.lines import batches, key_of, left_open_to, now
from sklearn_rp.rows import Rows, take_rows

_SHOWN = 5  # ids named in an error


class Batch:
    """Some rows of different people, in a transaction that holds these."""

    def __init__(
        self,
        connection: Connection,
        estimator: Any,
        model: str,
        renewal: dict[str, int],
        X: Rows,
        people: list[str],
        questions: list[str],
        shown: list[str],
    ):
        self.connection, self.estimator, self.model, self.renewal = (
            connection,
            estimator,
            model,
            renewal,
        )
        self.X, self.people, self.questions, self.shown = X, people, questions, shown
        self.features = estimator.release_.space.features
        self.key = key_of([feature.name for feature in self.features])

    def answers(self) -> np.ndarray:
        """What is released: recorded before, or chosen now and recorded."""
        open_ = left_open_to(self.connection, self.people, self.key)
        self._check_unchanged(open_)
        recorded = self._recorded()
        answer = np.empty(len(self.people), dtype=type_of_answers(self.estimator))
        known = [k for k in range(len(self.people)) if self._line(k) in recorded]
        texts = [recorded[self._line(k)] for k in known]
        answer[known] = answers_from_text(texts, answer)
        lines: list[dict[str, Any]] = []
        fresh = [k for k, person in enumerate(self.people) if person not in open_]
        others = np.setdiff1d(np.arange(len(self.people)), [*known, *fresh]).tolist()
        for some, before in ((fresh, False), (others, True)):
            if not some:
                continue
            X = take_rows(self.X, some)
            texts = [open_[self.people[k]] for k in some] if before else []
            within = sets_from_text(texts, self.features, X) if before else None
            sets = self.estimator.compatible_sets(X, within=within)
            answer[some] = sets.label
            pairs = zip(
                some, answers_to_text(sets.label), sets_to_text(sets, self.features), strict=True
            )
            lines += [self._record(k, told, left) for k, told, left in pairs]
        if lines:
            self._write(lines)
        return answer

    def _line(self, k: int) -> tuple[str, int, str]:
        person = self.people[k]
        return person, self.renewal[person], self.questions[k]

    def _record(self, k: int, answer: str, left: str) -> dict[str, Any]:
        person, renewal, question = self._line(k)
        return {
            "person": person, "renewal": renewal, "model": self.model, "question": question,
            "answer": answer, "left_open": left, "time": now(),
        }  # fmt: skip

    def _recorded(self) -> dict[tuple[str, int, str], str]:
        """Answers of this model to these people."""
        c = RELEASES.c
        found: dict[tuple[str, int, str], str] = {}
        for some in batches(self.people):
            wanted = select(c.person, c.renewal, c.question, c.answer).where(
                and_(c.person.in_(some), c.model == self.model)
            )
            found |= {(p, r, q): a for p, r, q, a in self.connection.execute(wanted)}
        return found

    def _check_unchanged(self, open_: dict[str, str]) -> None:
        """Refuse rows whose own value is not in what was left open.

        Raises
        ------
        ValueError
            If there are any.
        """
        some = [k for k, person in enumerate(self.people) if person in open_]
        if not some:
            return
        texts = [open_[self.people[k]] for k in some]
        sets = sets_from_text(texts, self.features, take_rows(self.X, some))
        held = np.zeros(len(some), dtype=bool)
        held[sets.row[sets.holds_own]] = True
        if getattr(sets, "categories", None) is not None:
            held[:] = False
            held[sets.row[sets.start == sets.own[sets.row]]] = True
        changed = [self.shown[some[k]] for k in np.flatnonzero(~held)]
        if changed:
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            names = ", ".join(feature.name for feature in self.features)
            raise ValueError(
                f"The value of {names!r} of ids {', '.join(changed[:_SHOWN])}{more} is not among "
                "those that were left open: it must have changed since. Nothing is released or "
                "recorded. If what was released says nothing about the value that they have now, "
                "`renew` them with that reason; else leave them out."
            )

    def _write(self, lines: list[dict[str, Any]]) -> None:
        people = [line["person"] for line in lines]
        self.connection.execute(insert(RELEASES), lines)
        for some in batches(people):
            whom = and_(OPEN.c.person.in_(some), OPEN.c.features == self.key)
            self.connection.execute(delete(OPEN).where(whom))
        now = [
            {"person": each["person"], "features": self.key, "left_open": each["left_open"]}
            for each in lines
        ]
        self.connection.execute(insert(OPEN), now)


def type_of_answers(estimator: Any) -> Any:
    """Data type of what an estimator releases."""
    symbols = estimator.release_.symbols
    return np.float64 if symbols is None else symbols.dtype
