"""Databases for the tests of the ledger."""

from collections.abc import Iterator
from itertools import count

import pytest

NUMBERS = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator:
    """A PostgreSQL server, one for each process of the tests."""
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg")
    pytest.importorskip("pwd", reason="the tests start PostgreSQL on Unix alone")
    from ledger.postgres import NoServerError, server

    try:
        with server() as running:
            yield running
    except NoServerError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_url(postgres) -> str:
    """URL of the server's own database, which tests share."""
    return postgres.url()


@pytest.fixture
def database(postgres) -> Iterator[str]:
    """URL of a new, empty database on the server."""
    with postgres.database(f"test_{next(NUMBERS)}") as url:
        yield url
