"""How goldens are written anew, and what is made beside the desktop that is shown."""

from __future__ import annotations

import os

import pytest

from voltadesk.ui import base


@pytest.fixture
def is_update() -> bool:
    """True with VOLTADESK_UPDATE_GOLDEN=1."""
    return os.environ.get("VOLTADESK_UPDATE_GOLDEN") == "1"


@pytest.fixture(autouse=True)
def _desktops_when_asked_for(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desktop that is shown is the only one made: all six in every test would take longer than what is tested.

    A test that asks for `all_desktops` has the others made beside it, as users have.
    """
    if "all_desktops" not in request.fixturenames:
        monkeypatch.setattr(base, "OPEN_S", 3600)


@pytest.fixture
def all_desktops() -> None:
    """Asked for by name."""
