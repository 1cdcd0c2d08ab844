"""A PostgreSQL server of the tests' own: started when needed, gone with the process."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
PORT = 5432  # names the socket only: servers side by side have directories of their own

# Without fsync a commit outlives the server but not the machine. synchronous_commit stays on:
# what was committed has to be there after `Server.restart`.
SETTINGS = f"""
listen_addresses = ''
port = {PORT}
fsync = off
full_page_writes = off
shared_buffers = 16MB
"""

# Waits for a line or the end of its input, which comes however the tests end; then clears up.
GUARD = """
read -r _
"$1" stop -s -w -m immediate -D "$2/data"
rm -rf "$2"
"""


class NoServerError(Exception):
    """There is no server to be had here, and why."""


def binaries() -> Path:
    """Directory of ``initdb`` and ``pg_ctl``: the one on the path, or the newest."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    for place in PLACES:
        found += sorted(Path("/").glob(place), key=numbers, reverse=True)
    for directory in found:
        if all((directory / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return directory
    raise NoServerError("PostgreSQL is not installed: no initdb on the path or in its usual places")


def numbers(path: Path) -> list[int]:
    """What versions in a path sort by: 9.6 before 15."""
    return [int(number) for number in re.findall(r"\d+", str(path))]


def owner() -> pwd.struct_passwd:
    """Whom the server runs as: who runs the tests, or where this is root another user."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServerError("PostgreSQL does not run as root, and there is no user postgres or nobody")


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes
    ----------
    home : Path
        Directory of its socket and log, and of its data in ``data``.
    binaries : Path
        Directory of ``initdb`` and ``pg_ctl``.
    """

    home: Path
    binaries: Path

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://tester@/{database}?host={self.home}&port={PORT}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.call("pg_ctl", "start", "-s", "-w", "-l", f"{self.home}/log", "-D", self.data)

    def stop(self) -> None:
        """Stop at once, as in a crash: connections break, what was committed stays."""
        self.call("pg_ctl", "stop", "-s", "-w", "-m", "immediate", "-D", self.data)

    def restart(self) -> None:
        """Stop at once and start again: every connection is lost."""
        self.stop()
        self.start()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """No server within the block, and the same server after it."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """URL of a new, empty database, dropped at the end with all connections to it."""
        self._say(f'CREATE DATABASE "{name}"')
        try:
            yield self.url(name)
        finally:
            self._say(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @property
    def data(self) -> str:
        return f"{self.home}/data"

    def _say(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(
            host=str(self.home), port=PORT, user="tester", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def call(self, command: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.binaries / command, *arguments],
            **as_owner(self.home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            log = self.home / "log"
            said = log.read_text() if log.exists() else ""
            raise RuntimeError(f"{command} failed\n{done.stdout}\n{said}")


def as_owner(home: Path) -> dict:
    """Arguments of `subprocess` that run a command as `owner`, in its own directory."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    arguments: dict = {"cwd": home, "env": environment}
    if os.geteuid() == 0:
        user = owner()
        arguments |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return arguments


@contextmanager
def server() -> Iterator[Server]:
    """A server with an empty directory, for as long as the block lasts.

    It listens on a socket in that directory alone, which nobody else may enter. It stops and its
    directory goes also where the process of the tests is killed.

    Raises
    ------
    NoServerError
        Where PostgreSQL is not installed, or nobody is there to run it.
    """
    found, user = binaries(), owner()
    home = Path(tempfile.mkdtemp(prefix="ledger-"))
    os.chown(home, user.pw_uid, user.pw_gid)
    guard = subprocess.Popen(
        ["sh", "-c", GUARD, "sh", found / "pg_ctl", home],
        **as_owner(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        new = Server(home, found)
        new.call(
            *("initdb", "-A", "trust", "-U", "tester", "-E", "UTF8"),
            *("--locale=C", "--no-sync", "-D", new.data),
        )
        with (home / "data" / "postgresql.conf").open("a") as file:
            file.write(f"{SETTINGS}unix_socket_directories = '{home}'\n")
        new.start()
        yield new
    finally:
        guard.communicate(b"\n")
