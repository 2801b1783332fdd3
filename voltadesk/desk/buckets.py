"""Many things as 256 texts, so that what hashes them hashes only what changed.

A thing stands in the bucket that its name's SHA-256 begins with, whatever its history; a bucket is the sorted lines of
its things. Changing one of n things costs joining the lines of n / 256.
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
        self._lines: list[dict[str, str]] = [{} for _ in _NAMES]
        self._texts: dict[str, str] = {}  # without empty ones
        self._touched: set[str] = set()

    def touch(self, name: str) -> None:
        """Say that a thing may have changed, come or gone."""
        self._touched.add(name)

    def state(self) -> dict[str, str]:
        """The buckets that hold something, by two hexadecimal digits."""
        changed = set()
        for name in self._touched:
            number = _bucket_of(name)
            self._lines[number][name] = self._line(name)
            if not self._lines[number][name]:
                del self._lines[number][name]
            changed.add(number)
        self._touched.clear()
        for number in changed:
            if self._lines[number]:
                self._texts[_NAMES[number]] = "\n".join(sorted(self._lines[number].values()))
            else:
                self._texts.pop(_NAMES[number], None)
        return dict(self._texts)


def lines_of(state: dict[str, str]) -> list[str]:
    """All lines of the buckets that `state` describes, sorted."""
    return sorted(line for text in state.values() for line in text.split("\n"))
