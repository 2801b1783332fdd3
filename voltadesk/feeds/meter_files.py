"""Meter files of many meters: energy of every interval and register in whole watt-hours, and what is wrong with it.

A file is long (a row for each meter and time) or wide (a column for each meter); values are energies of intervals or
the readings of counters, in Wh, kWh or MWh, or mean powers. All of that is read from the header (`meter_columns`) and
said in `MeterFile.notes`. Watt-hours are the floor of the running total, so that no part of one is lost. Green Button
XML and JSON are told by how they begin, and made into such tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voltadesk.errors import BadInput
from voltadesk.feeds.green_button import is_xml, register_table
from voltadesk.feeds.meter_columns import UNITS, Header, read_header
from voltadesk.feeds.meter_layout import header_of, iso_day, long_series, once, wide_series
from voltadesk.feeds.meter_plain import read_plain
from voltadesk.feeds.meter_records import is_json, meter_records
from voltadesk.feeds.meter_scan import NotPlain
from voltadesk.feeds.meter_series import Reader, Reading, Said, Series, Stamps
from voltadesk.feeds.parquet import read_parquet
from voltadesk.feeds.table import Table, parse_table, read_text
from voltadesk.feeds.times import STAMP, time_column_of

DELIMITERS = ",;\t"
LARGE_BYTES = 1 << 18  # from here on it pays to read a CSV file by column

PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, eq=False)
class MeterFile:
    """What a file holds; `problems` are the series that could not be read."""

    place: str
    shape: Literal["long", "wide"]
    rows: int
    readings: tuple[Reading, ...]
    notes: tuple[str, ...]
    problems: tuple[BadInput, ...]
    unread: frozenset[str] = frozenset()  # meters of the series that could not be read


def read_meter_file(path: Path | str, timezone: str | None = None, stamps: Stamps = "start") -> MeterFile:
    """The registers of all meters in a CSV, Parquet, Green Button XML or JSON file.

    Times are ISO 8601 with Z or an offset, unix seconds, or a plain date and time, which is read on the clock of
    `timezone` or as UTC without one. A row is about the interval that begins (or with `stamps="end"` ends) at its time;
    a counter's row is its reading at that time.

    Raises BadInput, naming the file, where it can't be read at all. What is wrong with one series (negative energy, a
    counter that runs backwards, times that repeat, run backwards or keep no step) is one of `problems`, naming line,
    meter and register. Intervals without a row or value, or flagged as missing, are MISSING.
    """
    path = Path(path)
    if _is_large(path):
        with suppress(NotPlain):
            plain = read_plain(path, timezone, stamps, DELIMITERS)
            notes = _notes(plain.header, plain.said)
            return MeterFile(str(path), plain.header.shape, plain.rows, tuple(plain.readings), notes, ())
    return read_text_file(path, timezone, stamps)


def read_text_file(path: Path, timezone: str | None = None, stamps: Stamps = "start") -> MeterFile:
    """`read_meter_file` for what is not plain: it takes longer, knows all forms and names every fault."""
    table, told = _table(path)
    time = time_column_of(table, None)
    times = [c for c, cell in enumerate(table.rows[0]) if c != time and STAMP.fullmatch(cell.strip())]
    header = read_header(table.columns, time, times, header_of(table))
    reader = Reader(table, header.time, timezone, stamps)
    readings: list[Reading] = []
    problems: list[BadInput] = []
    unread: list[tuple[Series, BadInput]] = []
    for series in _series_of(table, header, problems):
        try:
            readings.append(reader.read(series))
        except BadInput as error:
            unread.append((series, error))
    problems += _told_once(unread)
    return MeterFile(
        table.place, header.shape, len(table.rows), tuple(readings), (*_notes(header, reader.said), *told),
        tuple(problems), frozenset(series.meter for series, _ in unread),
    )  # fmt: skip


def _told_once(faults: Sequence[tuple[Series, BadInput]]) -> list[BadInput]:
    """The faults by the names of their series; what is wrong with a row is told once for all that stand in it."""
    groups: dict[str, list[tuple[Series, BadInput]]] = {}
    for series, fault in faults:
        groups.setdefault(str(fault), []).append((series, fault))
    told = []
    for group in groups.values():
        (first, fault), meters = group[0], {series.meter for series, _ in group}
        if fault.field.startswith(first.name) or len(meters) > 1:
            told.append(fault)
        else:
            registers = ", ".join(series.register for series, _ in group)
            told.append(BadInput(f"{first.meter} {registers}: {fault.field}", fault.value, fault.limit, fault.where))
    return told


def _is_large(path: Path) -> bool:
    """Whether it pays to read a file by column; XML and JSON have none."""
    if not path.is_file() or path.suffix.lower() in PARQUET:
        return path.is_file()
    with path.open("rb") as file:
        begin = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return begin not in (b"<", b"{", b"[") and path.stat().st_size >= LARGE_BYTES


def _notes(header: Header, said: Said) -> tuple[str, ...]:
    """What was understood of a file."""
    units = " and ".join(unit.name for unit in UNITS.values() if unit in said.units)
    what = ", ".join(text for text in (header.shape, " and ".join(sorted(said.kinds)), units) if text)
    ignored = {"as they name no unit": header.unitless, "as energy stands beside them": header.power}
    return (what, *said.times, *(f"ignored, {why}: {', '.join(names)}" for why, names in ignored.items() if names))


def _table(path: Path) -> tuple[Table, Sequence[str]]:
    """The file as text, and notes on it; days such as 31.01.2026 are written as they are elsewhere."""
    if path.suffix.lower() in PARQUET:
        return read_parquet(path, "meters"), ()
    text, place = read_text(path, "meters", "must be CSV, JSON or XML in UTF-8, or Parquet"), str(path)
    if is_xml(text):
        return register_table(text, place, "meters")
    if is_json(text):
        return meter_records(text, place, "meters"), ()
    table = parse_table(text, place, "meters", DELIMITERS)
    dotted = [c for c, cell in enumerate(table.rows[0]) if iso_day(cell.strip()) != cell.strip()]
    if not dotted:
        return table, ()
    rows = [[iso_day(cell.strip()) if c in dotted else cell for c, cell in enumerate(row)] for row in table.rows]
    return Table(table.place, table.columns, rows, table.lines), ()


def _series_of(table: Table, header: Header, problems: list[BadInput]) -> list[Series]:
    if header.shape == "wide":
        return wide_series(table, header, problems)
    groups: dict[tuple[str, str, str], list[int]] = {}
    nothing = [""] * len(table.rows)
    columns = (nothing if c is None else table.cells(c) for c in (header.meter, header.register, header.unit))
    for row, (meter, register, unit) in enumerate(zip(*columns, strict=True)):
        key = (Path(table.place).stem if header.meter is None else meter, register, unit)
        groups.setdefault(key, []).append(row)
    series = []
    values = once(header, table, problems)
    for (meter, register, unit), rows in groups.items():
        for column in values:
            try:
                series.append(long_series(table, header, column, (meter, register, unit), rows))
            except BadInput as error:
                problems.append(error)
    return series
