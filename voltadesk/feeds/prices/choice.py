"""One series out of a file that may hold several: of one zone, one auction, one currency, one column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from voltadesk.errors import BadInput
from voltadesk.feeds.prices.formats import TABLE, Format, column_of
from voltadesk.feeds.prices.instants import as_stamps
from voltadesk.feeds.prices.layout import Layout
from voltadesk.feeds.prices.money import PER_MWH, Unit, unit_of, unit_within
from voltadesk.feeds.prices.zones import same_zone, zone_name
from voltadesk.feeds.series import value_column
from voltadesk.feeds.table import Table, column_named
from voltadesk.feeds.times import time_column_of

SHOWN = 12  # choices that are listed

_NUMBER_OR_TIME = re.compile(r"[+-]?[.,]?\d")


@dataclass(frozen=True, eq=False)
class Choice:
    """The rows of one series, and which columns are what."""

    table: Table
    known: Format
    time: int
    value: int
    zone: str
    currency: str
    unit: Unit
    notes: tuple[str, ...]


def choose(table: Table, known: Format, layout: Layout, field: str, other_time: int | None = None) -> Choice:
    """The series that is asked for, or the only one. Raises BadInput listing what there is to choose from.

    `other_time` is a column of times that doesn't say what rows are about.
    """
    table, notes = _asked_rows(table, layout)
    table, zone = _zone_rows(table, known, layout)
    for pattern, meant in known.keys:
        table, told = _key_rows(table, pattern, meant)
        notes += told
    time = _time(table, known, other_time)
    if known is TABLE and other_time is None:
        _require_one(table, time)
    value, parts = _value(table, known, layout, time, field, other_time)
    unit = _unit(table, known, layout, value)
    currency = _currency(table, known, layout, unit, parts)
    return Choice(table, known, time, value, zone_name(parts.get("zone") or zone), currency, unit, tuple(notes))


# Rows -----------------------------------------------------------------------------------------------------------------
def _asked_rows(table: Table, layout: Layout) -> tuple[Table, list[str]]:
    """The rows that have what `where` asks for."""
    given = [(column_named(table, name, "where"), text) for name, text in layout.where if name in table.columns]
    if not given:
        return table, []
    kept = [i for i, row in enumerate(table.rows) if all(row[column].strip() == text for column, text in given)]
    wanted = ", ".join(f"{table.columns[column]}={text}" for column, text in given)
    if len(kept) < 2:
        raise BadInput("where", wanted, f"must leave at least 2 rows, leaves {len(kept)}", table.place)
    return table.only(kept), [f"rows with {wanted}: {len(kept):,} of {len(table.rows):,}"]


def _zone_rows(table: Table, known: Format, layout: Layout) -> tuple[Table, str]:
    """The rows of the zone that is asked for, or of the only one."""
    columns = [c for pattern in known.zone if (c := column_of(table.columns, (pattern,))) is not None]
    if not columns:
        return table, layout.zone or ""
    zones = _texts(table, columns[0])
    if layout.zone is None:
        if len(zones) > 1:
            raise BadInput("zone", None, f"must be chosen by --zone: the file has {_listed(zones)}", table.place)
        return table, zones[0]
    for column in columns:
        if found := [zone for zone in _texts(table, column) if same_zone(zone, layout.zone)]:
            return table.only([i for i, row in enumerate(table.rows) if row[column].strip() in found]), found[0]
    raise BadInput("zone", layout.zone, f"is not in the file, which has {_listed(zones)}", table.place)


def _key_rows(table: Table, pattern: str, meant: str) -> tuple[Table, list[str]]:
    """The rows of one series by a column that tells series apart: the only one, or the one that is meant."""
    column = column_of(table.columns, (pattern,))
    if column is None or len(texts := _texts(table, column)) == 1:
        return table, []
    name = table.columns[column]
    if not meant or meant not in texts:
        limit = f"must be chosen by --where {name}=TEXT: the file has {_listed(texts)}"
        raise BadInput(name, None, limit, table.place)
    kept = [i for i, row in enumerate(table.rows) if row[column].strip() == meant]
    return table.only(kept), [f"rows with {name}={meant}: {len(kept):,} of {len(table.rows):,}"]


def _require_one(table: Table, time: int) -> None:
    """Raises BadInput where most times stand there more than once, and some column of words tells their rows apart."""
    times = [row[time] for row in table.rows]
    if 2 * len(times) < 3 * len(set(times)):
        return
    for column, name in enumerate(table.columns):
        cell = table.rows[0][column].strip()
        if column == time or not cell or _NUMBER_OR_TIME.match(cell) or len(texts := _texts(table, column)) == 1:
            continue
        if len({(row[time], row[column]) for row in table.rows}) > len(set(times)):
            limit = f"must be chosen by --where {name}=TEXT: the file has {_listed(texts)}"
            raise BadInput(name, None, limit, table.place)


def _texts(table: Table, column: int) -> list[str]:
    return sorted({row[column].strip() for row in table.rows})


def _listed(texts: Sequence[str]) -> str:
    shown = ", ".join(text or "(none)" for text in texts[:SHOWN])
    return f"{shown} and {len(texts) - SHOWN} more" if len(texts) > SHOWN else shown


# Columns --------------------------------------------------------------------------------------------------------------
def _time(table: Table, known: Format, other_time: int | None) -> int:
    found = column_of(table.columns, known.time)
    if found is not None:
        return found
    shown = [i for i in range(len(table.columns)) if i != other_time]
    return shown[time_column_of(_some(table, shown), None)]


def _value(
    table: Table, known: Format, layout: Layout, time: int, field: str, other_time: int | None
) -> tuple[int, dict[str, str]]:
    """The column of prices, and what its name tells of zone and currency."""
    if layout.column is not None or not known.values:
        shown = [i for i in range(len(table.columns)) if i != other_time]
        value = shown[value_column(_some(table, shown), shown.index(time), layout.column, field)]
        return value, _parts(known, table.columns[value])
    candidates = [(i, _parts(known, name)) for i, name in enumerate(table.columns) if re.fullmatch(known.values, name)]
    for part, asked in (("zone", layout.zone), ("currency", layout.currency)):
        told = {parts[part]: None for _, parts in candidates if part in parts}
        if not told:
            continue
        if asked is not None and not any(same_zone(asked, text) for text in told):
            raise BadInput(part, asked, f"is not in the file, which has {_listed(sorted(told))}", table.place)
        if asked is None and len(told) > 1:
            raise BadInput(part, None, f"must be chosen by --{part}: the file has {_listed(sorted(told))}", table.place)
        candidates = [(i, parts) for i, parts in candidates if same_zone(parts[part], asked or parts[part])]
    if len(candidates) != 1:
        names = _listed([table.columns[i] for i, _ in candidates])
        raise BadInput("column", None, f"must be chosen by --column: the file has {names}", table.place)
    return candidates[0]


def _parts(known: Format, name: str) -> dict[str, str]:
    match = re.fullmatch(known.values, name) if known.values else None
    return {part: text for part, text in match.groupdict().items() if text} if match else {}


def _some(table: Table, columns: Sequence[int]) -> Table:
    """The header and the first row of some columns, times written as stamps."""
    row = [as_stamps([table.rows[0][i].strip()])[0] for i in columns]
    return Table(table.place, [table.columns[i] for i in columns], [row], table.lines[:1], table.unit)


def _unit(table: Table, known: Format, layout: Layout, value: int) -> Unit:
    """What the prices are in: as the file says, else as it is asked, else as the format has it."""
    told = None if known.values == table.columns[value] else unit_within(table.columns[value])
    column = column_of(table.columns, ("unit",))
    if column is not None and known is not TABLE:
        units = _texts(table, column)
        if len(units) > 1:
            raise BadInput("unit", ", ".join(units), "must be one in the whole file", table.place)
        try:
            told = unit_of(units[0] if "/" in units[0] else f"/{units[0]}") if units[0] else None
        except BadInput as error:
            raise error.at(table.place) from None
    if layout.unit is None:
        return told or (unit_of(known.unit) if known.unit else PER_MWH)
    asked = unit_of(layout.unit)
    if told is not None and told.shift != asked.shift:
        raise BadInput("unit", layout.unit, f"is not what the file says: {told.text}", table.place)
    return asked


def _currency(table: Table, known: Format, layout: Layout, unit: Unit, parts: dict[str, str]) -> str:
    """The currency that the file tells, else the one that is asked, else that of the unit."""
    column = column_of(table.columns, known.currency)
    told = {parts["currency"]} if "currency" in parts else set() if column is None else set(_texts(table, column))
    if len(told) > 1:
        raise BadInput("currency", ", ".join(sorted(told)), "must be one in the whole file", table.place)
    firm = next(iter(told), "") or (unit.currency if not known.unit else "")
    if layout.currency is not None and firm and firm != layout.currency:
        raise BadInput("currency", layout.currency, f"is not what the file says: {firm}", table.place)
    return firm or layout.currency or unit.currency
