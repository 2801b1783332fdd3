"""Which series a meter file has: the columns of a wide one, or what the rows of a long one tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import UNITS, Column, Header, Kind, Register, register_of
from voltadesk.feeds.meter_series import Series
from voltadesk.feeds.table import Table


def once(header: Header, table: Table, problems: list[BadInput]) -> list[Column]:
    """The columns of a long file, without those that are read as the same register as one before them."""
    first: dict[Register | None, Column] = {}
    for column in header.values:
        register = None if header.register is not None else column.register or "import"
        before = first.setdefault(register, column)
        if before is not column:
            problems.append(_twice(column, register or "the row's register", before.place, table))
    return list(first.values())


def _twice(column: Column, register: str, before: int, table: Table) -> BadInput:
    """The fault of a column that is read as the same as the one in the place before."""
    limit = f"is read as {register}, as {table.columns[before].strip()} is: there may be one of it"
    return BadInput("column", column.name, limit, header_of(table))


def header_of(table: Table) -> str:
    """Where the names of the columns stand."""
    return f"{table.place}: line {max(table.lines[0] - 1, 1)}"


def wide_series(table: Table, header: Header, problems: list[BadInput]) -> list[Series]:
    """A series for each column of values."""
    series: dict[tuple[str, Register], Series] = {}
    for column in header.values:
        meter, register = column.meter or Path(table.place).stem, column.register or "import"
        if (before := series.get((meter, register))) is not None:
            problems.append(_twice(column, f"{meter} {register}", before.column, table))
            continue
        quality = header.quality.get(column.meter, header.quality.get(""))
        unit = column.unit or UNITS["wh"]
        made = Series(meter, register, unit, column.kind, column.place, None, quality)
        try:
            _require_energy(made, column.name, header_of(table))
            series[meter, register] = made
        except BadInput as error:
            problems.append(error)
    return list(series.values())


def long_series(table: Table, header: Header, column: Column, key: tuple[str, str, str], rows: Sequence[int]) -> Series:
    """The series of the rows that tell the same meter, register and unit. Raises BadInput where they can't."""
    meter, register, text = key
    where = table.where(rows[0])
    if not meter:
        raise BadInput("meter", meter, "must be named in every row", where)
    found, counts = (column.register, False) if header.register is None else register_of(register)
    if header.register is not None and found is None:
        raise BadInput("register", register, "must be import, export, production or load, or such an OBIS code", where)
    unit = UNITS.get(text.lower()) if header.unit is not None else column.unit
    if unit is None:
        raise BadInput("unit", text, f"must be one of {', '.join(unit.name for unit in UNITS.values())}", where)
    kind: Kind = "cumulative" if counts else column.kind
    quality = header.quality.get(column.meter, header.quality.get(""))
    series = Series(meter, found or "import", unit, kind, column.place, rows, quality)
    _require_energy(series, column.name, where)
    return series


def _require_energy(series: Series, name: str, where: str) -> None:
    """A counter counts energy."""
    if series.kind == "cumulative" and series.unit.is_power:
        limit = f"is a counter of {series.meter}, and must be in Wh, kWh or MWh, not in {series.unit.name}"
        raise BadInput("column", name, limit, where)


def iso_day(cell: str) -> str:
    """A day such as 31.01.2026 at the begin of a time, written as it is elsewhere."""
    day, month, year = cell[:2], cell[3:5], cell[6:10]
    is_dotted = cell[2:3] == cell[5:6] == "." and (day + month + year).isdigit() and len(cell) >= 16
    return f"{year}-{month}-{day}{cell[10:]}" if is_dotted else cell
