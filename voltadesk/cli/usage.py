"""What is said about a command line that can't be understood: one line, like any other error."""

from __future__ import annotations

from typing import Any

from typer import BadParameter
from typer.exceptions import TyperException

from voltadesk.errors import BadInput, UsageError, limit_of, one_line


def usage_error(error: TyperException) -> UsageError:
    """Typer's error in the program's own words."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "voltadesk"
    return UsageError(f"{_what(error)} ({command} --help)")


def _what(error: TyperException) -> str:
    message = one_line(error.format_message()).removesuffix(".")
    # Where a value was refused, pydantic's error is behind it.
    cause: Any = error.__cause__
    if not isinstance(error, BadParameter) or error.param is None or not hasattr(cause, "errors"):
        return message[0].lower() + message[1:]
    details, field = cause.errors(), error.param.get_error_hint().strip("'")
    value, limit = details[0]["input"], limit_of(details[0])
    _, found, choices = limit.partition("is not one of ")
    if found:
        limit = f"must be one of {choices.removesuffix('.').replace(chr(39), '')}"
    return str(BadInput(field, value, limit))
