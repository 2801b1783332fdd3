"""A desk to try things on; a module that wants another one makes it in a fixture `made` of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.crash import DESK_ID, FOUNDER, KEY
from voltadesk.store.desk import Desk


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new desk: making the tables takes longer than copying them."""
    folder = tmp_path_factory.mktemp("made") / "desk"
    Desk.create(folder, FOUNDER, KEY, desk_id=DESK_ID).close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "desk"))


@pytest.fixture
def desk(folder: Path) -> Iterator[Desk]:
    with Desk.open(folder) as opened:
        yield opened
