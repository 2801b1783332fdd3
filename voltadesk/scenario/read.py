"""Scenario files: where they are, and what is wrong with one, or with another file of the kind."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from voltadesk.errors import BadInput, limit_of
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.profiles import data_folder

Checked = TypeVar("Checked", bound=BaseModel)
_PLACED = re.compile(r"(.*) \(at (.*)\)", re.DOTALL)  # as Python tells what is wrong with a TOML text, and where


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
    return parse_scenario(read_text(path, "scenario"), path.name)


def parse_scenario(text: str, where: str) -> Scenario:
    """The scenario of a TOML text; `where` names it in errors."""
    return check_scenario(parse_toml(text, where), where)


def check_scenario(data: dict[str, Any], where: str) -> Scenario:
    """The scenario of a tree of plain values. Raises BadInput for the first thing that is wrong."""
    return checked(Scenario, data, where, "a scenario")


# Any TOML file --------------------------------------------------------------------------------------------------------
def read_text(path: Path, field: str) -> str:
    """The text of a file. Raises BadInput, naming what it was wanted for, where it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(field, path, (error.strerror or "can't be read").lower()) from None
    except UnicodeDecodeError:
        raise BadInput(field, path, "must be UTF-8 text") from None


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tree of a TOML text, its numbers exact. Raises BadInput."""
    try:
        return tomllib.loads(text, parse_float=_exact)
    except BadInput as error:
        raise error.at(where) from None
    except RecursionError:
        raise BadInput("TOML", "tables or lists", "are nested too deeply", where) from None
    except ValueError as error:  # TOMLDecodeError, and Python's own limit on the digits of a whole number
        told = _PLACED.fullmatch(str(error))
        what, place = (told[1], f"{where}: {told[2]}") if told else (str(error), where)
        raise BadInput("TOML", what, "must be valid TOML", place) from None


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise BadInput("number", text, "has an exponent that is too large") from None


def checked(kind: type[Checked], data: dict[str, Any], where: str, noun: str) -> Checked:
    """A tree of plain values as the model, which errors call `noun`. Raises BadInput for the first fault."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise _first_error(error, where, noun) from None


def _first_error(error: ValidationError, where: str, noun: str) -> BadInput:
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
        return BadInput(key, details["input"], f"is not a key of {noun}", where)
    if details["type"] == "missing":
        return BadInput(key, None, "must be given", where)
    value, limit = details["input"], limit_of(details)
    if isinstance(value, str) and details["type"].startswith(("int", "bool", "list", "model")):
        value = f'"{value}"'  # the quotes are what is wrong
    return BadInput(key, value, limit, where)
