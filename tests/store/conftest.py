"""A desk to try things on; a module that wants another one makes it in a fixture `made` of its own.

Tests marked `BOTH` are run on a desk in a file and on one in PostgreSQL, if there is a server to be had.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.crash import DESK_ID, FOUNDER, KEY
from tests.store.server import Server, running
from voltadesk.store.desk import Desk
from voltadesk.store.keep import restore


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as found:
        yield found


@pytest.fixture
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A new PostgreSQL database for tests that ask for it; "" for those that want a file."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield ""
        return
    with request.getfixturevalue("server").database() as made:
        yield made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new desk: making the tables takes longer than copying them."""
    folder = tmp_path_factory.mktemp("made") / "desk"
    Desk.create(folder, FOUNDER, KEY, desk_id=DESK_ID).close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, url: str) -> Path:
    if url:
        restore(made, tmp_path / "desk", url)
        return tmp_path / "desk"
    return Path(shutil.copytree(made, tmp_path / "desk"))


@pytest.fixture
def desk(folder: Path) -> Iterator[Desk]:
    with Desk.open(folder) as opened:
        yield opened
