"""What the program says when it can't do what was asked, and the exit code that goes with it.

Every error a user can cause is a `VoltaDeskError`: one line that names the place, the field, the value and the
limit. `docs/errors.md` lists the exit codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any


class VoltaDeskError(Exception):
    """Something went wrong that the user is told in one line. Exit code 1 unless a subclass says otherwise."""

    exit_code = 1


class UsageError(VoltaDeskError):
    """The command line itself can't be understood. Exit code 2."""

    exit_code = 2


class BadInput(VoltaDeskError, ValueError):
    """A file or a value is not acceptable. Nothing was written. Exit code 3.

    `field` is what was wrong, `value` what it held (None: it was not given), `limit` what it may hold, `where` the file
    (and line).
    """

    exit_code = 3

    def __init__(self, field: str, value: object, limit: str, where: str = "") -> None:
        self.field, self.value, self.limit, self.where = field, value, limit, where
        place = f"{where}: " if where else ""
        super().__init__(one_line(f"{place}{field}{'' if value is None else f' = {_shown(value)}'}: {limit}"))

    def at(self, where: str) -> BadInput:
        """The same error with the place put in front."""
        return BadInput(self.field, self.value, self.limit, f"{where}: {self.where}" if self.where else where)


def _shown(value: object) -> str:
    text = _plain(value)
    if len(text) > 60 and not isinstance(value, PurePath):  # of a path, the end says most
        text = text[:57] + "..."
    return text if text.strip() else repr(text)


def _plain(value: object) -> str:
    """A value as a user would write it: numbers and dates without the names of their types."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_plain(item)}" for key, item in value.items()) + "}"
    return str(value)


def one_line(text: str) -> str:
    """Text from outside as one line: blanks joined, what can't be printed escaped."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)


def limit_of(details: Mapping[str, Any]) -> str:
    """What a value may be, in words, from an error of pydantic's."""
    kind, context = details["type"], details.get("ctx", {})
    for prefix, limit in LIMITS.items():
        if kind.startswith(prefix):
            return limit.format(**context)
    message = str(details["msg"])
    return message[0].lower() + message[1:]


LIMITS = {  # by how the kind of error begins
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be above {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be below {lt}",
    "literal_error": "must be {expected}",
    "too_short": "must hold at least {min_length}",
    "too_long": "must hold at most {max_length}",
    "int_parsing_size": "is too large",
    "int": "must be a whole number",
    "bool": "must be true or false",
    "string": "must be text in quotes",
    "model": "must be a table",
    "list": "must be a list",
    "datetime": "must be a date and time such as 2026-05-25T12:00:00",
    "date": "must be a day such as 2026-05-25",
}


class Interrupted(BaseException):
    """Ctrl+C or SIGTERM ended the program. No `Exception`, so that nothing on the way takes it for a fault."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.number = signal_number
        self.exit_code = 128 + signal_number


class CheckFailed(VoltaDeskError):
    """A check that the program makes of its own results did not hold. Exit code 4."""

    exit_code = 4


class NoAnswer(VoltaDeskError):
    """Another machine or program did not answer. Exit code 6."""

    exit_code = 6


class MissingExtra(VoltaDeskError):
    """An optional part is not installed. Exit code 5."""

    exit_code = 5

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the extra '{extra}': pip install 'voltadesk[{extra}]'")
