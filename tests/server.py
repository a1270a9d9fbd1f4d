"""A private PostgreSQL for tests: made in a folder of its own, reached by a socket there, gone at the end.

PostgreSQL does not run as root; where the tests do, the server runs as Debian's user `postgres`. Most tests use
one database in turn, emptied in between; those that alter its schema or read its files have one of their own.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import psycopg

from surveyapp.storage.database import connect
from surveyapp.storage.postgres import WANTED

OWNER = "surveyapp"
_TEMPLATE = "migrated"
_DEBIAN = Path("/usr/lib/postgresql")
_MORE = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "wal_recycle": "off",
    "min_wal_size": "32MB",
}


@dataclass
class Server:
    """A running server; `folder` holds its data, its log and its socket."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=count)
    shared: str = ""
    emptying: str = ""

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def address(self, name: str, user: str = OWNER) -> str:
        return f"postgresql+psycopg://{user}@/{name}?host={self.folder}"

    def ask(self, query: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """What the superuser is told."""
        with psycopg.connect(host=str(self.folder), user="postgres", dbname=name, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def new(self, template: str = _TEMPLATE) -> str:
        """The address of a new database: migrated and empty, or a copy of another, or without any table."""
        name = f"store_{next(self.numbers)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")
        return self.address(name)

    def emptied(self) -> str:
        """The address of the database that tests share, without any row."""
        if not self.shared:
            self.shared = self.new()
            tables = self.ask(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'alembic_version' AND "
                "relnamespace = 'public'::regnamespace",
                name_of(self.shared),
            )
            unchecked = "SET session_replication_role = replica"
            self.emptying = "; ".join([unchecked, *(f"DELETE FROM {table}" for (table,) in tables)])
        self.ask(self.emptying, name_of(self.shared))
        return self.shared

    def drop(self, address: str) -> None:
        self.ask(f"DROP DATABASE IF EXISTS {name_of(address)} WITH (FORCE)")

    def start(self) -> None:
        """Start it; when this returns it answers."""
        _run("pg_ctl", "-D", self.folder / "data", "-l", self.log, "-w", "-t", "60", "start")

    def die(self) -> None:
        """End it at once, as by a crash: what was not written by then is gone."""
        _run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")


def name_of(address: str) -> str:
    """The database in an address."""
    return address.partition("@/")[2].partition("?")[0]


@contextmanager
def running() -> Iterator[Server]:
    """A server with a migrated database to copy; its settings are those that the product asks for."""
    folder = Path(mkdtemp(prefix="pg-", dir=_roomy()))
    data = folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    try:
        _run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync")
        settings = "".join(f"{name} = '{value}'\n" for name, value in {**_MORE, **_wanted()}.items())
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{settings}unix_socket_directories = '{folder}'\n")
        server = Server(folder)
        server.start()
        try:
            with _gone_with_us(folder):
                yield _furnished(server)
        finally:
            server.die()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _gone_with_us(folder: Path) -> Iterator[None]:
    """Should the tests be killed, the server and its folder go too."""
    watch = f"while kill -0 {os.getpid()} 2>/dev/null; do sleep 2; done; "
    watch += f"kill -QUIT $(head -n 1 {folder}/data/postmaster.pid); sleep 1; rm -rf {folder}"
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["sh", "-c", watch], start_new_session=True, **quiet) as watcher:
        try:
            yield
        finally:
            watcher.kill()


def _roomy() -> str | None:
    """Memory, where it is large enough: a disk takes three times as long."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 1_000_000_000 else None


def _wanted() -> dict[str, str]:
    return {name: values[0] for name, values in WANTED.items() if "." not in name}


def _furnished(server: Server) -> Server:
    server.ask(f"CREATE ROLE {OWNER} LOGIN")
    server.ask(f"CREATE DATABASE {_TEMPLATE} OWNER {OWNER}")
    server.ask(f"GRANT pg_checkpoint TO {OWNER}; GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {OWNER}", _TEMPLATE)
    connect(server.address(_TEMPLATE)).close()
    return server


def _run(program: str, *arguments: object) -> None:
    """Run a programme of the server, as the user who may."""
    command = [str(_found(program)), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr or done.stdout


def _found(program: str) -> Path:
    """The newest of Debian's servers, else one on the path."""
    installed = sorted(_DEBIAN.glob(f"*/bin/{program}"), key=lambda path: int(path.parts[-3]))
    found = installed[-1] if installed else shutil.which(program)
    assert found, f"there is no {program}; run make test-postgres, or apt-get install postgresql"
    return Path(found)
