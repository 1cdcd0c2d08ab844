"""The ledger's database: its tables, their version, and transactions that are all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
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
    select,
    update,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

VERSION = 1  # of the schema
TABLES = MetaData()
# One line for each setting of the ledger: its version, and what tells a wrong key.
META = Table(
    "ledger",
    TABLES,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
# Estimators that have released something: what they hide, and which columns they look at.
MODELS = Table(
    "models",
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
    "people",
    TABLES,
    Column("person", String(255), primary_key=True),
    Column("renewal", Integer, nullable=False),
    Column("since", DateTime, nullable=False),
)
# What was released: lines are added, never changed. `question` seals the other features.
RELEASES = Table(
    "releases",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("person", String(255), nullable=False),
    Column("renewal", Integer, nullable=False),
    Column("model", String(64), nullable=False),
    Column("question", String(64), nullable=False),
    Column("answer", Text, nullable=False),
    Column("left_open", Text, nullable=False),
    Column("time", DateTime, nullable=False),
    UniqueConstraint("person", "renewal", "model", "question"),
)
# What is left open after all of them: one line for each person and list of features.
OPEN = Table(
    "open_sets",
    TABLES,
    Column("person", String(255), nullable=False),
    Column("features", String(700), nullable=False),
    Column("left_open", Text, nullable=False),
    PrimaryKeyConstraint("person", "features"),
)
RENEWALS = Table(
    "renewals",
    TABLES,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("person", String(255), nullable=False),
    Column("reason", Text, nullable=False),
    Column("time", DateTime, nullable=False),
    Index("renewals_of_a_person", "person"),
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
    url : str
        Where it is, as SQLAlchemy reads it.
    timeout : float
        Seconds to wait for other processes, where SQLite holds it.
    """

    def __init__(self, url: str, timeout: float):
        try:
            options = {"connect_args": {"timeout": timeout}} if url.startswith("sqlite") else {}
            self.engine: Engine = create_engine(url, pool_pre_ping=True, **options)
        except (SQLAlchemyError, ImportError) as error:
            raise LedgerError(f"url={url!r} is not allowed: {_first_line(error)}") from error
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _on_connect)
            event.listen(self.engine, "begin", _on_begin)
        self.transact(_opened)

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
                with self._connected(writes=True) as connection, connection.begin():
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
            with self._connected(writes=False) as connection, connection.begin():
                return work(connection)
        except SQLAlchemyError as error:
            raise _told(error) from error

    @contextmanager
    def _connected(self, writes: bool) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection.execution_options(ledger_writes=writes)


def _on_connect(raw: Any, _: Any) -> None:
    """SQLite: readers and one writer at a time; what was committed is on the disk."""
    raw.isolation_level = None  # transactions are begun by `_on_begin`, not by the driver
    cursor = raw.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
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
    found = connection.execute(select(META.c.value).where(META.c.name == "version")).scalar()
    version = int(found or 0)
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


def _lost_a_race(error: DBAPIError) -> bool:
    """Whether another transaction won, and this one may be done again."""
    return getattr(error.orig, "sqlstate", None) in _LOST_A_RACE


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
