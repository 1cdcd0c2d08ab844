"""The ledger's database: its tables, their version, and transactions that are all or nothing."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    inspect,
    make_url,
    select,
    update,
)
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

VERSION = 1  # of the schema
TABLES = MetaData()
# One line for each setting of the ledger: its version, and what tells a wrong key.
META = Table(
    "release_ledger",
    TABLES,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
# Estimators that have released something: what they hide, and which columns they look at.
MODELS = Table(
    "ledger_models",
    TABLES,
    Column("model", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("features", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("promised", Text, nullable=False),
    Column("since", DateTime, nullable=False),
)
# People by their sealed or plain ids; after a renewal all is open again.
PEOPLE = Table(
    "ledger_people",
    TABLES,
    Column("person", String(255), primary_key=True),
    Column("renewal", Integer, nullable=False),
    Column("since", DateTime, nullable=False),
    sqlite_with_rowid=False,  # fewer pages to bring to the disk
)
# What was released: lines are added, never changed. `question` seals the other features.
RELEASES = Table(
    "ledger_releases",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("person", String(255), nullable=False),
    Column("renewal", Integer, nullable=False),
    Column("model", String(64), ForeignKey("ledger_models.model"), nullable=False),
    Column("question", String(64), nullable=False),
    Column("answer", Text, nullable=False),
    Column("left_open", Text, nullable=False),
    Column("time", DateTime, nullable=False),
    UniqueConstraint("person", "renewal", "model", "question"),
)
# What is left open after all of them: one line for each person and list of features.
OPEN = Table(
    "ledger_open_sets",
    TABLES,
    Column("person", String(255), nullable=False),
    Column("features", String(700), nullable=False),
    Column("left_open", Text, nullable=False),
    PrimaryKeyConstraint("person", "features"),
    sqlite_with_rowid=False,
)
RENEWALS = Table(
    "ledger_renewals",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("person", String(255), nullable=False),
    Column("reason", Text, nullable=False),
    Column("time", DateTime, nullable=False),
    Index("ledger_renewals_of_a_person", "person"),
)
# From each version to the next: what changes the tables, in the transaction that raises the number.
MIGRATIONS: dict[int, Callable[[Connection], None]] = {}
_TRIES = 5  # of a transaction that lost a race
# PostgreSQL: deadlock, serialisation, and tables that another process has just made.
_LOST_A_RACE = ("40P01", "40001", "42P07", "42710")


class LedgerError(RuntimeError):
    """The ledger could not be read or written: nothing is released."""


class Database:
    """Transactions on the ledger's database.

    Parameters
    ----------
    url : str or URL
        Where it is, as SQLAlchemy reads it.
    timeout : float
        Seconds to wait for other processes, where SQLite holds it.
    """

    def __init__(self, url: Any, timeout: float):
        try:
            place = make_url(url)
            self._kind = place.get_backend_name()
            self.engine: Engine = create_engine(place, **self._options(place, timeout))
        except (SQLAlchemyError, ImportError) as error:
            raise LedgerError(f"url={url!r} is not allowed: {_first_line(error)}") from error
        if self._kind == "sqlite":
            event.listen(self.engine, "connect", _on_connect)
            event.listen(self.engine, "begin", _on_begin)
        _not_shared_by_forks(self.engine)
        self.transact(_opened)

    def _options(self, place: URL, timeout: float) -> dict[str, Any]:
        """How to connect: one connection for all threads to what is in memory alone."""
        self._turns: Any = nullcontext()
        if self._kind != "sqlite":
            # PostgreSQL: what a statement sees after a lock is what was committed before. Of other
            # databases nothing is known: one transaction after the other.
            level = "READ COMMITTED" if self._kind == "postgresql" else "SERIALIZABLE"
            return {"pool_pre_ping": True, "isolation_level": level}
        connect = {"timeout": timeout}
        if place.database not in (None, "", ":memory:"):
            return {"pool_pre_ping": True, "connect_args": connect}
        self._turns = RLock()
        return {"poolclass": StaticPool, "connect_args": connect | {"check_same_thread": False}}

    def transact(self, work: Callable[[Connection], Any]) -> Any:
        """Do some work in one transaction, all of it or nothing; anew where it lost a race.

        Parameters
        ----------
        work : callable
            Takes the connection.

        Returns
        -------
        found : Any
            What `work` found.

        Raises
        ------
        LedgerError
            If the database cannot be reached, read or written.
        """
        for left in reversed(range(_TRIES)):
            try:
                with self._turns, self._connected(True) as connection, connection.begin():
                    return work(connection)
            except IntegrityError as error:
                if not left:
                    raise _told(error) from error
            except DBAPIError as error:
                if not (left and _lost_a_race(error)):
                    raise _told(error) from error
            except SQLAlchemyError as error:
                raise _told(error) from error
        raise AssertionError  # the last try returns or raises

    def read(self, work: Callable[[Connection], Any]) -> Any:
        """Look at one state of the database.

        Parameters
        ----------
        work : callable
            Takes the connection.

        Returns
        -------
        found : Any
            What `work` found.

        Raises
        ------
        LedgerError
            If the database cannot be reached or read.
        """
        try:
            with self._turns, self._connected(False) as connection, connection.begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise _told(error) from error

    @contextmanager
    def _connected(self, writes: bool) -> Iterator[Connection]:
        options: dict[str, Any] = {"ledger_writes": writes}
        if not writes and self._kind == "postgresql":
            options["isolation_level"] = "REPEATABLE READ"  # one state for all statements
        with self.engine.connect() as connection:
            yield connection.execution_options(**options)


def _on_connect(raw: Any, _: Any) -> None:
    """SQLite: readers and one writer at a time; what was committed is on the disk."""
    raw.isolation_level = None  # transactions are begun by `_on_begin`, not by the driver
    cursor = raw.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA wal_autocheckpoint=4000")  # pages
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("ledger_writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _opened(connection: Connection) -> None:
    """Make the tables of a new ledger; bring those of an older version to this one.

    Raises
    ------
    LedgerError
        If they are of a newer version.
    """
    if not inspect(connection).has_table(META.name):
        TABLES.create_all(connection)
        connection.execute(insert(META).values(name="version", value=str(VERSION)))
        return
    version = int(alone(connection))
    if version > VERSION:
        raise LedgerError(
            f"The ledger's schema has version {version}, and this sklearn_rp knows those up to "
            f"{VERSION}: update sklearn_rp. Nothing was changed."
        )
    for step in range(version, VERSION):
        MIGRATIONS[step](connection)
    if version < VERSION:
        newer = update(META).where(META.c.name == "version").values(value=str(VERSION))
        connection.execute(newer)


def alone(connection: Connection) -> str:
    """Wait until no other transaction changes what all rely on: version, key, models.

    Returns
    -------
    version : str
    """
    first = select(META.c.value).where(META.c.name == "version").with_for_update()
    return str(connection.execute(first).scalar())


def _not_shared_by_forks(engine: Engine) -> None:
    """A forked process takes connections of its own."""
    known = weakref.ref(engine)

    def leave() -> None:
        mine = known()
        if mine is not None:
            mine.dispose(close=False)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=leave)


def _lost_a_race(error: DBAPIError) -> bool:
    """Whether another transaction won, and this one may be done again."""
    codes = (getattr(error.orig, name, None) for name in ("sqlstate", "pgcode"))
    return any(code in _LOST_A_RACE for code in codes)


def _told(error: SQLAlchemyError) -> LedgerError:
    """What happened, in words."""
    message = _first_line(error)
    locked = "database is locked" in message
    remedy = "another process held it for longer than `timeout`; " if locked else ""
    return LedgerError(
        f"The ledger's database failed, and nothing is released: {message}. {remedy}make the same "
        "call again when it is there: what was recorded before is answered as it was."
    )


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
