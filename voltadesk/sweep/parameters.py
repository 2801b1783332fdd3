"""What a sweep varies, as the command line writes it: `seed=1:50`, `fleet.count=0,10,100`.

Values are written as in a scenario's TOML, but text needs no quotes. `first:last` and `first:last:step` stand for
numbers from first to last, both included where the step meets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from voltadesk.errors import BadInput
from voltadesk.scenario.read import parse_toml

COMBINATIONS_LIMIT = 10_000

_NUMBER = r"[+-]?[0-9]{1,19}(?:\.[0-9]{1,8})?"  # their quotients and multiples are exact decimals
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER})(?::({_NUMBER}))?")
_STRATEGIES = ("rolling", "day-ahead", "dual")

Kind = Literal["whole", "decimal", "bool", "text"]


class Value(NamedTuple):
    """One value of a key: as it is told to people, and as it stands in the tree of a scenario."""

    text: str
    value: Any

    @property
    def cell(self) -> int | Decimal | bool | str:
        """What a table holds for it; what is no number stands there as its text."""
        return self.value if isinstance(self.value, int | Decimal | str) else self.text


class Parameter(NamedTuple):
    """A key of the scenario, and the values that it takes in turn."""

    key: str
    values: tuple[Value, ...]

    @property
    def kind(self) -> Kind:
        """The narrowest kind of column that holds all of the values."""
        cells = [value.cell for value in self.values]
        if all(isinstance(cell, bool) for cell in cells):
            return "bool"
        if any(isinstance(cell, bool | str) for cell in cells):
            return "text"
        return "whole" if all(isinstance(cell, int) for cell in cells) else "decimal"


def read_parameters(given: Sequence[str], strategies: str | None = None) -> tuple[Parameter, ...]:
    """The parameters of a command line, in its order, the strategies of the fleet last. Raises BadInput."""
    found = [_read_parameter(text) for text in given]
    if strategies is not None:
        found.append(_read_strategies(strategies))
    if not found:
        raise BadInput("set", None, "must be given, such as --set seed=1:50")
    keys = [parameter.key for parameter in found]
    for key in keys:
        if keys.count(key) > 1:
            raise BadInput("set", key, "must not be given twice")
    combinations = 1
    for parameter in found:
        combinations *= len(parameter.values)
    if combinations > COMBINATIONS_LIMIT:
        raise BadInput("combinations", f"{combinations:,}", f"must be at most {COMBINATIONS_LIMIT:,}")
    return tuple(found)


def _read_parameter(text: str) -> Parameter:
    key, equals, rest = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise BadInput("set", text, "must be KEY=VALUES, such as seed=1:50 or fleet.count=0,10,100")
    values = tuple(value for item in _items(rest, key) for value in _values(item, key))
    return Parameter(key, _unique(values, key))


def _unique(values: tuple[Value, ...], key: str) -> tuple[Value, ...]:
    if len(values) > COMBINATIONS_LIMIT:
        raise BadInput(key, f"{len(values):,} values", f"must be at most {COMBINATIONS_LIMIT:,}")
    seen: set[str] = set()
    for value in values:
        if value.text in seen:
            raise BadInput(key, value.text, "must not be given twice")
        seen.add(value.text)
    return values


def _read_strategies(text: str) -> Parameter:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in _STRATEGIES:
            raise BadInput("strategy", name, f"must be one of {', '.join(_STRATEGIES)}")
    return Parameter("fleet.strategy", _unique(tuple(Value(name, {"name": name}) for name in names), "strategy"))


# Values ---------------------------------------------------------------------------------------------------------------
def _items(text: str, key: str) -> Iterator[str]:
    """The parts between commas, but for commas in brackets, braces and quotes."""
    depth, quote, item = 0, "", ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign == "," and depth == 0:
            yield _item(item, key, text)
            item = ""
            continue
        else:
            depth += (sign in "[{") - (sign in "]}")
        item += sign
    if quote or depth:
        raise BadInput(key, text, "must close its quotes and brackets")
    yield _item(item, key, text)


def _item(item: str, key: str, text: str) -> str:
    if not item.strip():
        raise BadInput(key, text, "must be values with commas between them, none of them empty")
    return item.strip()


def _values(item: str, key: str) -> Iterator[Value]:
    match = _RANGE.fullmatch(item)
    if match is None:
        yield Value(item, _value(item))
        return
    is_whole = "." not in item
    first, last, step = ((int if is_whole else Decimal)(number or 1) for number in match.groups())
    if not is_whole and match[3] is None:
        raise BadInput(key, item, "must have a step, as 0:1:0.25")
    if step <= 0 or last < first:
        raise BadInput(key, item, "must rise from first to last by a step above 0, as 1:50 or 0:100:10")
    count = int((last - first) // step) + 1
    if count > COMBINATIONS_LIMIT:
        raise BadInput(key, item, f"must stand for at most {COMBINATIONS_LIMIT:,} values")
    for n in range(count):
        yield Value(str(first + n * step), first + n * step)


def _value(item: str) -> Any:
    """A value as TOML reads it; what TOML can't read is text."""
    if "\n" in item or ("#" in item and item[0] not in "\"'"):
        return item
    try:
        return parse_toml(f"value = {item}", "")["value"]
    except BadInput:
        return item
