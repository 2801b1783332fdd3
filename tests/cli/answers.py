"""Reading what commands answer."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from tests.commands import Done


def tree(done: Done) -> dict[str, Any]:
    """The one object that a command wrote, its numbers exact."""
    assert done.code == 0, done.err
    return parsed(done.out)


def parsed(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text, parse_float=Decimal)
    assert found["schema"] == 1
    return found


def refused(done: Done, code: int) -> str:
    """The one line of a command that was refused."""
    assert (done.code, done.out) == (code, ""), done
    (line,) = done.err.splitlines()
    assert line.startswith("voltadesk: ")
    return line.removeprefix("voltadesk: ")
