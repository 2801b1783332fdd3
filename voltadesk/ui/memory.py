"""How the screen was left, so that it is found so again: desktop, focus, themes, tables, charts."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

Memory = dict[str, Any]


@runtime_checkable
class Remembering(Protocol):
    """A widget whose settings outlive the session. What `recall` gets may be anything: it takes what it knows."""

    def remember(self) -> Memory: ...
    def recall(self, memory: Memory) -> None: ...


def load(path: Path) -> Memory:
    """What was kept; nothing where there is none, or where it can't be read: it is a convenience only."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def save(path: Path, memory: Memory) -> None:
    """Keep it, if that is possible."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(memory, sort_keys=True), "utf-8")
