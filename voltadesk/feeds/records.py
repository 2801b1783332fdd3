"""JSON files as tables of text: numbers stay the text that they are, so that none passes through a float."""

from __future__ import annotations

import json
from typing import Any

from voltadesk.errors import BadInput
from voltadesk.feeds.table import Table, require_size


def json_tree(text: str, place: str, field: str) -> Any:
    """What a JSON file holds, its numbers as text. Raises BadInput where it is none."""
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as error:
        raise BadInput(field, error.msg, "must be JSON", f"{place}: line {error.lineno}") from None
    except RecursionError:
        raise BadInput(field, "nested too deeply", f"must be JSON of {field}", place) from None


def records_table(records: list[Any], place: str, field: str) -> Table:
    """Records as rows; a column for every name that one of them has. Raises BadInput."""
    columns: dict[str, None] = {}
    for n, record in enumerate(records, 1):
        if not isinstance(record, dict):
            raise BadInput(field, record, "must be an entry with names and values", f"{place}: entry {n}")
        columns.update(dict.fromkeys(record))
    if not columns:
        raise BadInput(field, "no entries", "must have at least one", place)
    require_size(len(records), len(columns), place)
    rows = [[_text(record.get(name)) for name in columns] for record in records]
    return Table(place, list(columns), rows, list(range(1, len(rows) + 1)), "entry")


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value)
    return "" if value is None else str(value)
