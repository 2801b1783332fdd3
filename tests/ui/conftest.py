"""How goldens are written anew."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def is_update() -> bool:
    """True with VOLTADESK_UPDATE_GOLDEN=1."""
    return os.environ.get("VOLTADESK_UPDATE_GOLDEN") == "1"
