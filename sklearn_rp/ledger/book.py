"""ReleaseLedger: what was released about whom, and what is left open after all of it."""

from __future__ import annotations

import json
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection

from sklearn_rp.attribute.guaranteed import Guaranteed
from sklearn_rp.digest import digest
from sklearn_rp.ledger.batch import Asked, Batch, no_answers, what_is_known
from sklearn_rp.ledger.coding import described, sets_from_text
from sklearn_rp.ledger.database import MODELS, OPEN, PEOPLE, RELEASES, RENEWALS, Database
from sklearn_rp.ledger.lines import (
    batches,
    columns_of,
    held_about,
    key_of,
    left_open_to,
    lock,
    now,
    record_model,
    renewals,
    sealed,
    whole_range,
)
from sklearn_rp.rows import Rows
from sklearn_rp.validation import check_rows


class ReleaseLedger:
    """A memory of what was released about whom, so that a minimum survives all releases.

    Two answers about one person intersect: each may leave a fifth of the range open, and both
    together next to nothing. The ledger looks up what is still open to each person, lets the
    estimator answer within that (``predict(X, within=...)``), and records what is left before it
    returns, in one transaction. Whatever models are asked, in whatever order and however often,
    nobody is left with less than the smallest minimum among them (of those in one unit; a minimum
    in mass may be undercut by a later one in length).

    All models hide the same features, or do not look at each other's, as far as names tell: that
    one column follows from another, or is the same by another name, is not known here.

    It stores answers and sets of values that are compatible with them; never a person's own value,
    nor any other feature. The same question again, by the same person, model and other features,
    has the recorded answer.

    Parameters
    ----------
    url : str or URL, default="sqlite:///releases.db"
        The database, as SQLAlchemy reads it; it is made where it is missing. SQLite and PostgreSQL
        are tested; with others transactions are serializable.
    key : str or bytes, default=None
        A secret of 16 bytes at least, kept elsewhere: ids are stored as their HMAC-SHA256 under it.
        None: ids are stored as given, and who holds the database may confirm a guess at the other
        features of a person. A ledger is opened with the key that it was made with.
    timeout : float, default=60.0
        Seconds to wait for another process that writes, with SQLite.

    Attributes
    ----------
    database : Database
        Its connections; its `engine` is SQLAlchemy's.
    seal : Seal
        What seals ids and questions.

    Raises
    ------
    LedgerError
        If the database cannot be opened, is of a newer version, or has another key.
    ValueError
        If the key is too short.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from sklearn_rp import AttributePrivacyRegressor
    >>> from sklearn_rp.ledger import ReleaseLedger
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> models = [
    ...     AttributePrivacyRegressor(
    ...         DecisionTreeRegressor(max_depth=depth, random_state=0),
    ...         sensitive_feature="bmi", minimum=4, unit="length", levels="model",
    ...     ).fit(X, y)
    ...     for depth in (3, 5, 7)
    ... ]  # fmt: skip
    >>> ledger = ReleaseLedger("sqlite://")  # in memory; "sqlite:///releases.db" is a file
    >>> for model in models:
    ...     answers = ledger.release(model, X, ids=X.index)
    >>> ledger.open_sets(X.index[:2], "bmi").round(1)
      id  bmi_low  bmi_high
    0  0     28.6      32.8
    1  1     18.0      22.0
    """

    def __init__(
        self,
        url: str = "sqlite:///releases.db",
        *,
        key: str | bytes | None = None,
        timeout: float = 60.0,
    ):
        secret = key.encode() if isinstance(key, str) else key
        if secret is not None and len(secret) < 16:
            raise ValueError(
                f"key of {len(secret)} bytes is not allowed: give a secret of 16 bytes at least, "
                "such as secrets.token_bytes(32)."
            )
        self.database = Database(url, timeout)
        self.seal = self.database.transact(lambda connection: sealed(connection, secret))
        self._digests: dict[int, tuple[Any, list[str], str]] = {}  # of releases, found once
        self._recorded: set[str] = set()  # models

    def __enter__(self) -> ReleaseLedger:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Give all connections back."""
        self.database.engine.dispose()

    def release(self, estimator: Any, X: Any, *, ids: Any, exclude: Any = None) -> np.ndarray:
        """Answers to release: chosen within what is open to each person, and recorded.

        Parameters
        ----------
        estimator : AttributePrivacyClassifier, -Regressor or -Recommender
            Fitted.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows. Several of one person are answered one after the other.
        ids : array-like of shape (n_samples,)
            Who they are about: text or whole numbers.
        exclude : array-like of shape (n_samples, n_items), default=None
            Items that must not be recommended, as of a recommender's `predict`.

        Returns
        -------
        answer : ndarray of shape (n_samples,), or (n_samples, n_recommended)

        Raises
        ------
        LedgerError
            If the database fails; nothing is released then. What a lost call recorded is answered
            again by the same call.
        TypeError, ValueError
            If the estimator has no minimum, hides other features or possible values than the others
            of the ledger, or a person's own value is not in what was left open: it must have
            changed since; or `exclude` is not for it. Nothing is released or recorded.
        """
        rows, people, shown = self._asked(estimator, X, ids)
        model = self.name_of(estimator)
        release, rows, known = what_is_known(estimator, rows, exclude)
        asked = Asked(rows, people, shown, self.seal.questions(known))

        def work(connection: Connection) -> np.ndarray:
            # Once: a database in the place of another refuses models that it does not know.
            if model not in self._recorded:
                record_model(connection, model, estimator)
            self._recorded.discard(model)
            renewal, new = lock(connection, people)
            answer = no_answers(release, len(people))
            for some in _one_by_one(people):
                batch = Batch(connection, release, model, renewal, new, asked.take(some))
                answer[some] = batch.answers()
                new = set()
            return answer

        found: np.ndarray = self.database.transact(work)
        self._recorded.add(model)
        return found

    def sets(self, estimator: Any, X: Any, *, ids: Any) -> Any:
        """What is open now to some people: for the owner of the rows.

        Parameters
        ----------
        estimator : AttributePrivacyClassifier, -Regressor or -Recommender
            Fitted: the features that it hides are looked at.
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        ids : array-like of shape (n_samples,)
            Who they are about.

        Returns
        -------
        sets : CompatibleSets, or JointSets of several features
            As `predict` takes them for `within`; the whole range where nothing was released.
        """
        rows, people, _ = self._asked(estimator, X, ids)
        features = estimator.release_.space.features
        key = key_of([feature.name for feature in features])

        def work(connection: Connection) -> list[str]:
            found = left_open_to(connection, people, key)
            whole = whole_range(described(features))
            return [found.get(person, whole) for person in people]

        return sets_from_text(self.database.read(work), features, rows)

    def open_sets(self, ids: Any, feature: str | Sequence[str]) -> pd.DataFrame:
        """What is left open to some people after all that was released.

        Parameters
        ----------
        ids : array-like
            People.
        feature : str or sequence of str
            The sensitive feature; or those that are hidden jointly.

        Returns
        -------
        frame : pandas.DataFrame
            One line for each interval, or box: ``id``, and of each feature ``<name>_low`` and
            ``<name>_high``, both in it, or ``<name>``, the categories. All is open to whom nothing
            was released about.

        Raises
        ------
        ValueError
            If no model of the ledger hides the feature.
        """
        shown = _checked_ids(ids)
        people = self.seal.people(shown)
        names = sorted([feature] if isinstance(feature, str) else feature)

        def work(connection: Connection) -> tuple[list[dict[str, Any]], dict[str, str]]:
            known = [json.loads(text) for text in connection.scalars(select(MODELS.c.features))]
            found = [each for each in known if [f["name"] for f in each] == names]
            if not found:
                raise ValueError(
                    f"feature={feature!r} is not hidden by any model of the ledger: they hide "
                    f"{sorted({', '.join(f['name'] for f in each) for each in known})}."
                )
            return found[0], left_open_to(connection, people, key_of(names))

        features, found = self.database.read(work)
        whole = whole_range(features)
        lines = [
            {"id": name} | _sides(room, features)
            for person, name in zip(people, shown, strict=True)
            for room in json.loads(found.get(person, whole))
        ]
        return pd.DataFrame(lines)

    def history(self, id: Any) -> pd.DataFrame:
        """What was released about one person, and when all was opened again.

        Parameters
        ----------
        id : str or int
            The person.

        Returns
        -------
        frame : pandas.DataFrame
            ``time`` (UTC), ``event`` ("release" or "renewal"), ``model``, ``features``, ``answer``,
            ``left_open`` after it, and the ``reason`` of a renewal; in order.
        """
        (person,) = self.export([id])
        events = [{"event": "release"} | each for each in person["releases"]]
        events += [{"event": "renewal"} | each for each in person["renewals"]]
        columns = ["time", "event", "model", "features", "answer", "left_open", "reason"]
        frame = pd.DataFrame(events, columns=columns)
        frame["time"] = pd.to_datetime(frame["time"], utc=True, format="ISO8601")
        return frame.sort_values("time", kind="stable", ignore_index=True)

    def renew(self, ids: Any, reason: str) -> int:
        """Open all again to some people, as if nothing had been released about them.

        For whose value has changed, so that earlier answers say nothing about the one that they
        have now. Where it has not changed, earlier answers and later ones intersect, and the
        minimum is lost: so the reason is recorded.

        Parameters
        ----------
        ids : array-like
            People.
        reason : str
            Why.

        Returns
        -------
        n : int
            How many of them the ledger knew.

        Raises
        ------
        ValueError
            If there is no reason.
        """
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"reason={reason!r} is not allowed: say why, in words.")
        people = sorted(set(self.seal.people(_checked_ids(ids))))

        def work(connection: Connection) -> int:
            known = sorted(renewals(connection, people))
            for some in batches(known):
                whom = PEOPLE.c.person.in_(some)
                connection.execute(update(PEOPLE).where(whom).values(renewal=PEOPLE.c.renewal + 1))
                connection.execute(delete(OPEN).where(OPEN.c.person.in_(some)))
                lines = [{"person": person, "reason": reason, "time": now()} for person in some]
                connection.execute(insert(RENEWALS), lines)
            return len(known)

        return int(self.database.transact(work))

    def export(self, ids: Any) -> list[dict[str, Any]]:
        """What is held about some people, for their own request: all but sealed digests of rows.

        Parameters
        ----------
        ids : array-like
            People.

        Returns
        -------
        held : list of dict
            As JSON: ``id``, ``stored_as``, ``since``, ``releases``, ``renewals`` and ``open``.
        """
        shown = _checked_ids(ids)
        people = self.seal.people(shown)
        return self.database.read(lambda connection: list(held_about(connection, people, shown)))

    def erase(self, ids: Any) -> int:
        """Forget some people, and all that was released about them.

        Who got the answers has them still: what is released after that may go below the minimum
        together with them. The caller sees to it that nothing is released about them any more.

        Parameters
        ----------
        ids : array-like
            People.

        Returns
        -------
        n : int
            How many of them were known.
        """
        people = sorted(set(self.seal.people(_checked_ids(ids))))

        def work(connection: Connection) -> int:
            known = sorted(renewals(connection, people))
            for some in batches(known):
                for table in (RELEASES, OPEN, RENEWALS, PEOPLE):
                    connection.execute(delete(table).where(table.c.person.in_(some)))
            return len(known)

        return int(self.database.transact(work))

    def _asked(self, estimator: Any, X: Any, ids: Any) -> tuple[Rows, list[str], list[str]]:
        """Checked rows, who they are about as stored, and as given."""
        _check_estimator(estimator)
        rows = check_rows(estimator, X, reset=False)
        shown = _checked_ids(ids)
        if len(shown) != rows.shape[0]:
            raise ValueError(f"ids has {len(shown)} entries, but X has {rows.shape[0]} rows.")
        return rows, self.seal.people(shown), shown

    def name_of(self, estimator: Any) -> str:
        """Name by which the ledger knows a model: by what it has learnt, and from which columns.

        Parameters
        ----------
        estimator : AttributePrivacyClassifier, -Regressor or -Recommender
            Fitted.

        Returns
        -------
        name : str
        """
        release, columns = estimator.release_, columns_of(estimator)
        known = self._digests.get(id(release))
        if known is None or known[0]() is not release or known[1] != columns:
            known = weakref.ref(release), columns, digest([digest(release), columns])
            self._digests[id(release)] = known
        return known[2]


def _sides(room: list[Any], features: list[dict[str, Any]]) -> dict[str, Any]:
    """Ends of a room along each feature, or its categories."""
    found: dict[str, Any] = {}
    for feature, side in zip(features, room, strict=True):
        name = feature["name"]
        known = feature["categories"] is not None
        found |= {name: side} if known else {f"{name}_low": side[0], f"{name}_high": side[1]}
    return found


def _check_estimator(estimator: Any) -> None:
    """Refuse what has no minimum, or is not fitted."""
    if not isinstance(estimator, Guaranteed):
        raise TypeError(
            f"estimator={type(estimator).__name__} is not allowed: a ledger keeps the minimum of "
            "an AttributePrivacyClassifier, -Regressor or -Recommender, not of a Pipeline around "
            "it or of a model without one."
        )
    check_is_fitted(estimator)


def _checked_ids(ids: Any) -> list[str]:
    """Ids as text.

    Raises
    ------
    TypeError, ValueError
        If they are no list of text or whole numbers, or too long.
    """
    if isinstance(ids, str | bytes) or not np.iterable(ids):
        raise TypeError(f"ids={ids!r} is not allowed: give a list, one id for each row.")
    values = np.asarray(ids).tolist() if hasattr(ids, "__array__") else list(ids)
    plain = [v.item() if isinstance(v, np.generic) else v for v in values]
    for value in plain:
        if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
            raise TypeError(
                f"ids holds {value!r}: an id is text or a whole number, and nobody's is missing."
            )
        if len(str(value)) > 255:
            raise ValueError(f"ids holds one of {len(str(value))} characters: 255 at most.")
    # A member of an enumeration is the text that it is.
    return [str.__str__(v) if isinstance(v, str) else str(int(v)) for v in plain]


def _one_by_one(people: list[str]) -> Iterator[list[int]]:
    """Rows in rounds: nobody is in one of them twice."""
    seen: dict[str, int] = {}
    rounds: list[list[int]] = []
    for k, person in enumerate(people):
        number = seen.get(person, 0)
        seen[person] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(k)
    return iter(rounds)
