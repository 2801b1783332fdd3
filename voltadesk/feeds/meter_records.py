"""Meter files in JSON: what Octopus Energy's interface answers for a meter's consumption, or a plain list of readings.

Octopus lists entries of `interval_start`, `interval_end` and `consumption`, which is in kWh for electricity, the newest
first unless it is asked otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from voltadesk.errors import BadInput
from voltadesk.feeds.records import json_tree, records_table
from voltadesk.feeds.table import Table

CONSUMPTION = "consumption"
_OCTOPUS = {"interval_start", "interval_end", CONSUMPTION}


def is_json(text: str) -> bool:
    """Whether a text begins as JSON does."""
    return text.lstrip()[:1] in ("{", "[")


def meter_records(text: str, place: str, field: str) -> Table:
    """A row for each entry, oldest first; where they are of Octopus, `consumption` gets its unit. Raises BadInput."""
    tree = json_tree(text, place, field)
    records = tree.get("results") if isinstance(tree, dict) else tree
    if not isinstance(records, list):
        raise BadInput(field, "JSON of another kind", "must be a list of entries, or hold one as results", place)
    table = records_table(records, place, field)
    if len(table.rows) < 2:
        raise BadInput("rows", len(table.rows), "must be at least 2", place)
    return _octopus(table) if set(table.columns) >= _OCTOPUS else table


def _octopus(table: Table) -> Table:
    start, end = (table.columns.index(name) for name in ("interval_start", "interval_end"))
    lengths = [_seconds(table, row, start, end) for row in range(len(table.rows))]
    for row, length in enumerate(lengths):
        if length != lengths[0]:
            limit = f"must be {lengths[0] // 60} minutes after its start, as in the first entry"
            raise BadInput("interval_end", table.rows[row][end], limit, table.where(row))
    columns = [f"{CONSUMPTION}_kwh" if name == CONSUMPTION else name for name in table.columns]
    newest_first = _instant(table, 0, start) > _instant(table, len(table.rows) - 1, start)
    order = slice(None, None, -1 if newest_first else 1)
    return replace(table.cut(order), columns=columns)


def _seconds(table: Table, row: int, start: int, end: int) -> int:
    return _instant(table, row, end) - _instant(table, row, start)


def _instant(table: Table, row: int, column: int) -> int:
    text = table.rows[row][column]
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or not 1970 <= moment.year <= 2199:
            raise ValueError
    except ValueError:
        limit = "must be a time with its offset, such as 2026-01-31T14:00:00Z"
        raise BadInput(table.columns[column], text, limit, table.where(row)) from None
    return int(moment.timestamp())
