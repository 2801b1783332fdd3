"""A PostgreSQL server for tests: the one of VOLTADESK_TEST_POSTGRES, or one of its own where PostgreSQL is installed.

The own one listens on a socket in a folder of its own and nowhere else. It sorts text as people do (ICU), so that a
desk which leaned on the server's order would be found out. Nothing of it is on a real disk where there is another.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest

GIVEN = os.environ.get("VOLTADESK_TEST_POSTGRES", "")
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
USER = "postgres"  # who runs the server where the tests are run by root, which PostgreSQL refuses
ICU = ("--locale-provider=icu", "--icu-locale=en")

_numbers = count()


class Server:
    """Databases on one server, each under a name of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def execute(self, statement: str, url: str = "") -> list[tuple[object, ...]]:
        """Carry out a statement, and commit it."""
        import psycopg

        with psycopg.connect(url or self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, given: str = "") -> Iterator[str]:
        """The URL of a new, empty database."""
        name = f"voltadesk_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} {given}")
        try:
            yield urlsplit(self.url)._replace(path=f"/{name}").geturl()
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def programs() -> Path | None:
    """The folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    beside = shutil.which("initdb")
    return found[-1].parent if found else Path(beside).resolve().parent if beside else None


@contextmanager
def running() -> Iterator[Server]:
    """A server for as long as it is wanted. Skips the test where there can be none."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if GIVEN:
        yield Server(GIVEN)
        return
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed, and VOLTADESK_TEST_POSTGRES names no server")
    home = Path(tempfile.mkdtemp(prefix="voltadesk-pg-", dir=MEMORY))
    by: list[str] = []
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam(USER)
        except KeyError:
            pytest.skip(f"root can't run PostgreSQL, and there is no user {USER}")
        by = ["runuser", "-u", USER, "--"]
        os.chown(home, user.pw_uid, user.pw_gid)

    def run(*words: str, check: bool = True) -> bool:
        done = subprocess.run(
            [*by, *words], cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False
        )
        if check and done.returncode:
            pytest.skip(f"PostgreSQL does not start here: {words[0]} ended with {done.returncode}")
        return not done.returncode

    data, control = str(home / "data"), str(folder / "pg_ctl")
    make = [str(folder / "initdb"), "-D", data, "-A", "trust", "-U", "voltadesk", "-E", "UTF8", "--locale=C", "-N"]
    if not run(*make, *ICU, check=False):  # before version 15
        shutil.rmtree(data, ignore_errors=True)
        run(*make)
    options = f"-k {home} -c listen_addresses='' -c max_connections=50"
    try:
        run(control, "-D", data, "-l", str(home / "log"), "-o", options, "-w", "start")
        yield Server(f"postgresql://voltadesk@/postgres?host={home}")
    finally:
        run(control, "-D", data, "-m", "immediate", "-w", "stop", check=False)
        shutil.rmtree(home, ignore_errors=True)


BOTH = pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
