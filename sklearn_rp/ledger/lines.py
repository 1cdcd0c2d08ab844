"""What a transaction reads from the ledger, and what it holds and writes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from sklearn_rp.ledger.coding import Seal, described, same_values
from sklearn_rp.ledger.database import (
    META,
    MODELS,
    OPEN,
    PEOPLE,
    RELEASES,
    RENEWALS,
    LedgerError,
    alone,
)
from sklearn_rp.models.inside import unwrapped

_BATCH = 10_000  # ids in one statement
# Statements that every release makes, put together once.
_WHO: Any = bindparam("people", expanding=True)
_HELD = (
    select(PEOPLE.c.person, PEOPLE.c.renewal)
    .where(PEOPLE.c.person.in_(_WHO))
    .order_by(PEOPLE.c.person)
    .with_for_update()
)
_LEFT = select(OPEN.c.person, OPEN.c.left_open).where(
    OPEN.c.person.in_(_WHO), OPEN.c.features == bindparam("key")
)
_NEW_ONES: dict[str, Any] = {
    name: make(PEOPLE).on_conflict_do_nothing().returning(PEOPLE.c.person)
    for name, make in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert))
}


def sealed(connection: Connection, key: bytes | None) -> Seal:
    """The seal of a ledger; of a new one it is made.

    Raises
    ------
    LedgerError
        If the key is not the one that it was made with.
    """
    alone(connection)
    held = pairs(connection, select(META.c.name, META.c.value))
    if "salt" not in held:
        held["salt"] = secrets.token_hex(32)
        held["check"] = Seal(key, bytes.fromhex(held["salt"])).check()
        new = [{"name": name, "value": held[name]} for name in ("salt", "check")]
        connection.execute(insert(META), new)
    seal = Seal(key, bytes.fromhex(held["salt"]))
    if seal.check() != held["check"]:
        made = "without a key" if not held["check"] else "with another key" if key else "with a key"
        raise LedgerError(
            f"The ledger was made {made}: open it as it was made. Under another key nobody would "
            "be known again."
        )
    return seal


def columns_of(estimator: Any) -> list[str]:
    """Names of the columns that an estimator looks at, as it was fitted; x0, x1, ... of an array.

    Raises
    ------
    ValueError
        If a frame had names that are no text: other models could not be told from it.
    """
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    columns = [f"x{j}" for j in range(estimator.n_features_in_)]
    for feature in estimator.release_.space.features:
        if feature.name != columns[feature.column]:
            raise ValueError(
                f"The estimator was fitted on a frame whose names, such as {feature.name!r}, are "
                "no text: a ledger tells features by their names. Rename the columns, "
                "X.columns.astype(str), and fit again."
            )
    return columns


def record_model(connection: Connection, model: str, estimator: Any) -> None:
    """Write a model down, if what it hides goes with what the others hide.

    Raises
    ------
    ValueError
        If an answer of the one would tell about what the other hides.
    """
    c = MODELS.c
    alone(connection)  # two that do not go together must not come in at once
    others = connection.execute(select(c.model, c.name, c.features, c.columns)).all()
    if model in [line.model for line in others]:
        return
    features, columns = described(estimator.release_.space.features), columns_of(estimator)
    names = [each["name"] for each in features]
    kind = "frame" if hasattr(estimator, "feature_names_in_") else "array"
    for line in others:
        theirs = json.loads(line.features)
        hidden = [each["name"] for each in theirs]
        looked_at = json.loads(line.columns)
        if kind not in looked_at:
            raise ValueError(
                f"The estimator and {line.name}, which the ledger knows, were fitted one on a "
                "frame and one on an array: whether the one looks at what the other hides cannot "
                "be told. Fit both on frames."
            )
        if hidden != names:
            seen = sorted({*hidden} & {*columns} | {*names} & {*looked_at.get(kind, ())})
            if seen:
                raise ValueError(
                    f"The estimator hides {names}, and {line.name}, which the ledger knows, hides "
                    f"{hidden}: answers of the one may depend on {seen}, which the other hides. "
                    "Let both hide the same features, jointly: sensitive_feature="
                    f"{sorted({*names, *hidden})}; or keep those columns from the other model."
                )
        elif not all(map(same_values, theirs, features)):
            raise ValueError(
                f"The estimator has other possible values of {names} than {line.name}, which the "
                "ledger knows: fit all with the same bounds and domain."
            )
    promised = [estimator.guarantee_] if len(names) == 1 else estimator.guarantee_
    new = {
        "model": model,
        "name": f"{type(estimator).__name__}({type(unwrapped(estimator.estimator_)).__name__})",
        "features": json.dumps(features),
        "columns": json.dumps({kind: columns}),
        "promised": json.dumps([[each.feature, each.minimum, each.unit] for each in promised]),
        "since": now(),
    }
    connection.execute(insert(MODELS), new)


def lock(connection: Connection, people: list[str]) -> tuple[dict[str, int], set[str]]:
    """Hold some people until the end of the transaction.

    How often each was renewed; and who was not known before.
    """
    wanted = sorted(set(people))
    known = renewals(connection, wanted)
    lines = [{"person": p, "renewal": 0, "since": now()} for p in wanted if p not in known]
    if not lines:
        return known, set()
    new_ones = _NEW_ONES.get(connection.dialect.name)
    if new_ones is None:  # who loses the race begins anew
        connection.execute(insert(PEOPLE), lines)
        new = {str(line["person"]) for line in lines}
    else:
        new = {str(person) for person in connection.scalars(new_ones, lines)}
        known |= renewals(connection, [p for p in wanted if p not in known and p not in new])
    return known | dict.fromkeys(new, 0), new


def renewals(connection: Connection, people: list[str]) -> dict[str, int]:
    """How often the people that are known were renewed; they are held until the end."""
    found: dict[str, int] = {}
    for some in batches(people):
        found |= pairs(connection, _HELD, people=some)
    return found


def left_open_to(connection: Connection, people: list[str], key: str) -> dict[str, str]:
    """What is left open to those of the people to whom not all is."""
    found: dict[str, str] = {}
    for some in batches(people):
        found |= pairs(connection, _LEFT, people=some, key=key)
    return found


def held_about(
    connection: Connection, people: list[str], shown: list[str]
) -> Iterator[dict[str, Any]]:
    """What is held about some people.

    All but the digests that a question is known again by: of their other features, and of the
    model, which is called by its name.
    """
    models = {
        model: (name, [each["name"] for each in json.loads(features)])
        for model, name, features in connection.execute(
            select(MODELS.c.model, MODELS.c.name, MODELS.c.features)
        )
    }
    for person, name in zip(people, shown, strict=True):
        since = connection.scalar(select(PEOPLE.c.since).where(PEOPLE.c.person == person))
        releases = connection.execute(
            select(RELEASES).where(RELEASES.c.person == person).order_by(RELEASES.c.number)
        )
        renewals = connection.execute(
            select(RENEWALS).where(RENEWALS.c.person == person).order_by(RENEWALS.c.number)
        )
        opened = connection.execute(
            select(OPEN.c.features, OPEN.c.left_open).where(OPEN.c.person == person)
        )
        yield {
            "id": name,
            "stored_as": person,
            "since": None if since is None else since.isoformat(),
            "releases": [
                {
                    "time": line.time.isoformat(),
                    "model": models[line.model][0],
                    "features": models[line.model][1],
                    "answer": json.loads(line.answer),
                    "left_open": json.loads(line.left_open),
                }
                for line in releases
            ],
            "renewals": [
                {"time": line.time.isoformat(), "reason": line.reason} for line in renewals
            ],
            "open": [
                {"features": json.loads(line.features), "left_open": json.loads(line.left_open)}
                for line in opened
            ],
        }


def pairs(connection: Connection, wanted: Select[Any], **given: Any) -> dict[Any, Any]:
    """What is selected, of two columns: the second by the first."""
    return {line[0]: line[1] for line in connection.execute(wanted, given)}


def whole_range(features: list[dict[str, Any]]) -> str:
    """All that is possible: one room."""
    sides = [each["categories"] or [each["low"], each["high"]] for each in features]
    return json.dumps([sides])


def key_of(names: Iterable[str]) -> str:
    """Name of a list of features that are hidden together."""
    return json.dumps(sorted(names))


def batches(people: list[str]) -> Iterator[list[str]]:
    """People, so many as go into one statement."""
    return (people[first : first + _BATCH] for first in range(0, len(people), _BATCH))


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
