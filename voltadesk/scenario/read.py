"""Scenario files: where they are, and what is wrong with one."""

from __future__ import annotations

import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voltadesk.errors import BadInput, limit_of
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.profiles import data_folder


def shipped_scenarios() -> list[str]:
    """Names of the scenarios that come with the program."""
    return sorted(path.stem for path in (data_folder() / "scenarios").glob("*.toml"))


def find_scenario(name: str) -> Path:
    """The file of a scenario: a path, or the name of one that is shipped. Raises BadInput where there is none."""
    if name in shipped_scenarios():
        return data_folder() / "scenarios" / f"{name}.toml"
    if not Path(name).is_file():
        raise BadInput("scenario", name, f"must be a TOML file or one of {', '.join(shipped_scenarios())}")
    return Path(name)


def read_scenario(path: Path) -> Scenario:
    """The scenario of a TOML file. Raises BadInput naming file, key, value and limit."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput("scenario", str(path), (error.strerror or "can't be read").lower()) from None
    except UnicodeDecodeError:
        raise BadInput("scenario", str(path), "must be UTF-8 text") from None
    return parse_scenario(text, path.name)


def parse_scenario(text: str, where: str) -> Scenario:
    """The scenario of a TOML text; `where` names it in errors."""
    try:
        data = tomllib.loads(text, parse_float=_exact)
    except BadInput as error:
        raise error.at(where) from None
    except RecursionError:
        raise BadInput("TOML", "tables or lists", "are nested too deeply", where) from None
    except ValueError as error:  # TOMLDecodeError, and Python's own limit on the digits of a whole number
        raise BadInput("TOML", str(error), "must be valid TOML", where) from None
    return check_scenario(data, where)


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadInput("number", text, "has an exponent that is too large") from None


def check_scenario(data: dict[str, Any], where: str) -> Scenario:
    """The scenario of a tree of plain values. Raises BadInput for the first thing that is wrong."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise _first_error(error, where) from None


def _first_error(error: ValidationError, where: str) -> BadInput:
    # A wrong value says more than a missing one that follows from it.
    details = sorted(error.errors(include_url=False), key=lambda e: e["type"] == "missing")[0]
    key = ""
    for step in details["loc"]:
        key += f"[{step}]" if isinstance(step, int) else f".{step}" if key else str(step)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, BadInput):
        field = ".".join(part for part in (key, cause.field) if part)
        return BadInput(field, cause.value, cause.limit, where)
    if details["type"] == "extra_forbidden":
        return BadInput(key, details["input"], "is not a key of a scenario", where)
    if details["type"] == "missing":
        return BadInput(key, None, "must be given", where)
    value, limit = details["input"], limit_of(details)
    if isinstance(value, str) and details["type"].startswith(("int", "bool", "list", "model")):
        value = f'"{value}"'  # the quotes are what is wrong
    return BadInput(key, value, limit, where)
