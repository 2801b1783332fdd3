"""What a sweep has done so far, kept in its folder: a line for each result, on disk before the next is begun.

The first line says which sweep it is. A sweep that was cut off goes on from there, its last line dropped if it is not
whole.
"""

from __future__ import annotations

import fcntl
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import simplejson

from voltadesk.errors import BadInput
from voltadesk.report.exact_json import json_text
from voltadesk.sweep.task import FIGURES, Outcome

NAME = "sweep.ndjson"
VERSION = 1

_WHAT = {
    "voltadesk": "was made by another version of the program",
    "scenario": "is of another scenario",
    "files": "is of other prices or meters",
    "parameters": "is of other parameters",
}


class Journal:
    """The outcomes of a sweep's combinations by number, those of earlier runs in the same folder among them.

    Within a `with` the folder is this process's alone. Raises BadInput for a folder that can't be made, that another
    process writes to, or that holds a sweep of another `identity` or what is none.
    """

    def __init__(self, folder: Path, identity: dict[str, Any], count: int) -> None:
        self.folder, self.identity, self.count = folder, identity, count
        self.path = folder / NAME
        self.outcomes: dict[int, Outcome] = {}

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BadInput("out", self.folder, (error.strerror or "can't be written").lower()) from None
        try:
            self._lock()
            self._read()
        except BaseException:
            os.close(self._file)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def add(self, n: int, outcome: Outcome) -> None:
        """Keep an outcome: on disk when this returns. One without figures is left for another run."""
        if not outcome.error:
            self._write({"combination": n + 1, "figures": outcome.figures, "digest": outcome.digest})
        self.outcomes[n] = outcome

    def _write(self, tree: dict[str, Any]) -> None:
        line = (json_text(tree) + "\n").encode()
        written = 0
        while written < len(line):
            written += os.write(self._file, line[written:])
        os.fsync(self._file)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadInput("out", self.folder, "another sweep is writing to it") from None

    def _read(self) -> None:
        body = self.path.read_bytes()
        lines = body.split(b"\n")
        whole = len(body) - len(lines.pop())
        if lines:
            self._check(self._parsed(lines[0], 1))
        for number, line in enumerate(lines[1:], 2):
            n, outcome = self._outcome(self._parsed(line, number), number)
            self.outcomes[n] = outcome
        os.ftruncate(self._file, whole)
        if not lines:
            self._write({"sweep": VERSION} | self.identity)

    def _check(self, head: dict[str, Any]) -> None:
        if head.get("sweep") != VERSION:
            raise self._no_sweep(1)
        for key, what in _WHAT.items():
            # As it would stand there: what JSON makes lists of is no tuple any more.
            if head.get(key) != json.loads(json_text(self.identity[key])):
                raise BadInput("out", self.folder, f"holds a sweep that {what}; it is kept as it is")

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            tree = simplejson.loads(line.decode(), parse_float=Decimal)
        except ValueError:
            tree = None
        if not isinstance(tree, dict):
            raise self._no_sweep(number)
        return tree

    def _outcome(self, tree: dict[str, Any], number: int) -> tuple[int, Outcome]:
        n, figures, digest = tree.get("combination"), tree.get("figures"), tree.get("digest")
        if type(n) is not int or not 1 <= n <= self.count or not isinstance(digest, str):
            raise self._no_sweep(number)
        if not isinstance(figures, dict) or list(figures) != [name for name, _, _ in FIGURES]:
            raise self._no_sweep(number)
        return n - 1, Outcome(figures, digest)

    def _no_sweep(self, number: int) -> BadInput:
        return BadInput("line", number, "is not what a sweep writes", str(self.path))
