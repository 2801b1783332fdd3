"""What the program says when it can't do what was asked, and the exit code that goes with it.

Every error a user can cause is a `VoltaDeskError`: one line that names the place, the field, the value and the
limit. `docs/errors.md` lists the exit codes.
"""

from __future__ import annotations


class VoltaDeskError(Exception):
    """Something went wrong that the user is told in one line. Exit code 1 unless a subclass says otherwise."""

    exit_code = 1


class UsageError(VoltaDeskError):
    """The command line itself can't be understood. Exit code 2."""

    exit_code = 2


class BadInput(VoltaDeskError, ValueError):
    """A file or a value is not acceptable. Nothing was written. Exit code 3.

    `field` is what was wrong, `value` what it held, `limit` what it may hold, `where` the file (and line).
    """

    exit_code = 3

    def __init__(self, field: str, value: object, limit: str, where: str = "") -> None:
        self.field, self.value, self.limit, self.where = field, value, limit, where
        shown = _plain(value)
        if len(shown) > 60:
            shown = shown[:57] + "..."
        shown = shown if shown.strip() else repr(shown)
        place = f"{where}: " if where else ""
        super().__init__(_line(f"{place}{field} = {shown}: {limit}"))

    def at(self, where: str) -> BadInput:
        """The same error with the place put in front."""
        return BadInput(self.field, self.value, self.limit, f"{where}: {self.where}" if self.where else where)


def _plain(value: object) -> str:
    """A value as a user would write it: numbers and dates without the names of their types."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_plain(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_plain(item)}" for key, item in value.items()) + "}"
    return str(value)


def _line(text: str) -> str:
    """Text from outside as one line: blanks joined, what can't be printed escaped."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in joined)


class CheckFailed(VoltaDeskError):
    """A check that the program makes of its own results did not hold. Exit code 4."""

    exit_code = 4


class MissingExtra(VoltaDeskError):
    """An optional part is not installed. Exit code 5."""

    exit_code = 5

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the extra '{extra}': pip install 'voltadesk[{extra}]'")
