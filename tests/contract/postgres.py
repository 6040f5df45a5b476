"""A real PostgreSQL for tests: Debian's, where it is installed."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg

from bot.adapters.process_tree import ProcessTree
from tests.contract.inbox_suite import Clock

PASSWORD_FREE = ("--auth=trust", "--username=bolide", "--encoding=UTF8", "--no-sync")


def binaries() -> Path | None:
    """The folder with initdb and postgres, None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    return debian[0].parent if debian else None


FOUND = binaries()


@contextlib.contextmanager
def serving(port: int | None = None) -> Iterator["Postgres"]:
    """A server, started, and removed at the end."""
    assert FOUND
    server = Postgres(FOUND, port)
    try:
        server.start()
        yield server
    finally:
        server.remove()


class Postgres:
    """A server on a Unix socket in a temporary folder, and on a port of loopback where one is given.

    It refuses to run as root, so root starts it as nobody.
    """

    def __init__(self, programs: Path, port: int | None = None) -> None:
        self._programs = programs
        self._port = port or 5432
        self._doors = ["-h", "127.0.0.1" if port else "", "-p", str(self._port)]
        # In memory where there is such a place: what is tested is a killed process, not a lost disk.
        memory = Path("/dev") / "shm"
        place = memory if os.access(memory, os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="bolide-pg-", dir=place))
        self._account = "nobody" if os.geteuid() == 0 else None
        if self._account:
            os.chown(self.folder, pwd.getpwnam(self._account).pw_uid, -1)
        self._run("initdb", *PASSWORD_FREE, "-D", str(self.folder / "data"))
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> None:
        """Return when it answers."""
        for _ in range(1200):
            # One that starts while children of a killed one are about gives up, and is started again.
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn()
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self.folder / "log").read_text())

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, *self._doors], stdout=log, stderr=log, user=self._account, cwd=self.folder
            )

    def kill(self) -> None:
        """Kill the whole of it, with no chance to write anything more."""
        assert self._process
        everything = ProcessTree(self._process.pid)
        # Stopped first, so that it starts no other: the children are sessions of their own and would go on answering.
        self._process.send_signal(signal.SIGSTOP)
        everything.measure()
        everything.kill()
        self._process.wait()

    def remove(self) -> None:
        """Stop it and remove its folder."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """Where a database is reached."""
        return f"host={self.folder} port={self._port} user=bolide dbname={database}"

    def database(self, template: str = "template1") -> str:
        """The name of a new one."""
        self._databases += 1
        name = f"inbox_{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            user=self._account,
            cwd=self.folder,
        )


class DatabaseClock(Clock):
    """The clock of a database: its `now()` stands still until told, for connections with `options`."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self.options = "-c search_path=clock,public,pg_catalog"
        self._execute("CREATE SCHEMA clock")
        self._execute("CREATE TABLE clock.moment (at timestamptz NOT NULL)")
        self._execute("INSERT INTO clock.moment VALUES (to_timestamp(1800000000))")
        self._execute(
            "CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM clock.moment'"
        )

    def pass_(self, seconds: float) -> None:
        self._execute("UPDATE clock.moment SET at = at + %s * interval '1 second'", seconds)

    def _execute(self, statement: LiteralString, *values: float) -> None:
        with psycopg.connect(self._url) as connection:
            connection.execute(statement, values)
