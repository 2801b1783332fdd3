"""Many things as 256 texts, so that what hashes them hashes only what changed.

A thing stands in the bucket that its name's SHA-256 begins with, whatever its history; a bucket is the sorted lines of
its things. Changing one of n things costs the lines of n / 256.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

_NAMES = tuple(f"{number:02x}" for number in range(256))


@lru_cache(maxsize=1 << 16)
def _bucket_of(name: str) -> int:
    return sha256(name.encode()).digest()[0]


class Buckets:
    """Lines of things by their names; `line` gives that of a name as it is now, "" when there is nothing of it."""

    def __init__(self, line: Callable[[str], str]) -> None:
        self._line = line
        self._names: list[set[str]] = [set() for _ in _NAMES]
        self._texts: dict[int, str] = {}  # without empty ones
        self._changed: set[int] = set()

    def touch(self, name: str) -> None:
        """Say that a thing may have changed, come or gone."""
        number = _bucket_of(name)
        self._names[number].add(name)
        self._changed.add(number)

    def state(self) -> dict[str, str]:
        """The buckets that hold something, by two hexadecimal digits."""
        for number in self._changed:
            lines = {name: self._line(name) for name in self._names[number]}
            self._names[number] = {name for name, line in lines.items() if line}
            text = "\n".join(sorted(filter(None, lines.values())))
            if text:
                self._texts[number] = text
            else:
                self._texts.pop(number, None)
        self._changed.clear()
        return {_NAMES[number]: text for number, text in self._texts.items()}


def lines_of(state: dict[str, str]) -> list[str]:
    """All lines of the buckets that `state` describes, sorted."""
    return sorted(line for text in state.values() for line in text.split("\n"))
