"""The server that tests of the ledger use."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sqlalchemy = pytest.importorskip("sqlalchemy")

SERVE = """
import time
from ledger.postgres import server

with server() as running:
    print(running.home, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def engine(database):
    engine = sqlalchemy.create_engine(database)
    yield engine
    engine.dispose()


def scalar(engine, statement):
    with engine.begin() as connection:
        return connection.scalar(sqlalchemy.text(statement))


def write(engine, statement):
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(statement))


def test_the_server_answers(postgres_url):
    engine = sqlalchemy.create_engine(postgres_url)
    assert scalar(engine, "SELECT 1") == 1
    engine.dispose()


@pytest.mark.parametrize("again", [1, 2])
def test_a_database_is_new(engine, again):
    write(engine, "CREATE TABLE seen (x int)")
    assert scalar(engine, "SELECT count(*) FROM seen") == 0


def test_a_restart_breaks_connections_and_keeps_commits(engine, postgres):
    write(engine, "CREATE TABLE kept (x int)")
    write(engine, "INSERT INTO kept VALUES (7)")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("INSERT INTO kept VALUES (8)"))
        postgres.restart()
        with pytest.raises(sqlalchemy.exc.OperationalError) as lost:
            connection.execute(sqlalchemy.text("SELECT 1"))
        assert lost.value.connection_invalidated
    assert scalar(engine, "SELECT sum(x) FROM kept") == 7


def test_a_stopped_server_refuses(engine, postgres):
    with postgres.stopped(), pytest.raises(sqlalchemy.exc.OperationalError):
        scalar(engine, "SELECT 1")
    assert scalar(engine, "SELECT 1") == 1


def test_nothing_is_left_when_the_tests_are_killed(postgres):
    tests = str(Path(__file__).parents[1])
    paths = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
    )
    with process:
        home = Path(process.stdout.readline().strip())
        assert (home / "data" / "postmaster.pid").exists()
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while home.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not home.exists()
