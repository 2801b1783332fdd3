"""Meter files: load and solar energy of a home in whole watt-hours.

Meters count in kWh, Wh, W or kW, per interval or as a counter that only grows. The running total is converted, not
each reading: watt-hours are the floor of the exact total so far less the floor of the total before, so what one
interval drops the next one carries and no energy is lost (the rule of `units.energy_of_power_wh`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.errors import BadInput
from voltadesk.feeds.green_button import home_table, is_xml
from voltadesk.feeds.meter_records import is_json, meter_records
from voltadesk.feeds.table import Exact, Table, column_named, exact_numbers, parse_table, read_text
from voltadesk.feeds.times import Span, read_times

Unit = Literal["kWh", "Wh", "W", "kW"]
Kind = Literal["interval", "cumulative"]

_UNIT_WH = {"kWh": 1000, "Wh": 1, "W": 1, "kW": 1000}  # in Wh, or Wh per hour


@dataclass(frozen=True, eq=False)
class Meter:
    """Energy of consecutive intervals of `step_s` from `start_utc` [Wh], each array read-only, shape (count,).

    `solar_wh` is zero everywhere when the file has no solar column.
    """

    load_wh: NDArray[np.int64]
    solar_wh: NDArray[np.int64]
    start_utc: int
    step_s: int
    notes: tuple[str, ...] = ()

    @property
    def end_utc(self) -> int:
        return self.start_utc + len(self.load_wh) * self.step_s


def read_meter(
    path: Path | str,
    *,
    load_column: str,
    solar_column: str | None = None,
    unit: Unit = "kWh",
    kind: Kind = "interval",
    timezone: str | None = None,
    time_column: str | None = None,
    span: Span | None = None,
) -> Meter:
    """The load and solar energy of a meter file [Wh]: CSV, JSON, or Green Button XML with a register as its column.

    `interval`: a row holds the energy of (or the mean power over) the interval that begins at its time.
    `cumulative`: a row holds the counter at its time, so n rows make n - 1 intervals; kWh or Wh only.
    Times and `span` are read by `feeds.times.read_times`.

    Raises BadInput, naming file and line, for times that describe no grid or don't cover the span, for negative energy,
    for a counter that runs backwards, and for a `unit` or `kind` that is not known.
    """
    if unit not in _UNIT_WH:
        raise BadInput("unit", unit, f"must be one of {', '.join(_UNIT_WH)}")
    if kind not in ("interval", "cumulative"):
        raise BadInput("kind", kind, "must be interval or cumulative")
    if kind == "cumulative" and unit in ("W", "kW"):
        raise BadInput("unit", unit, "must be kWh or Wh where the meter is cumulative")
    table = _table(Path(path), load_column, unit, kind)
    table, times = read_times(table, time_column, timezone, span, counter=kind == "cumulative")
    notes = [times.note] if times.note else []
    # An energy of value * numerator / denominator, the denominator being that of the column's decimals.
    power = unit in ("W", "kW")
    numerator = _UNIT_WH[unit] * (times.step_s if power else 1)
    hour_s = units.SECONDS_PER_HOUR if power else 1

    energies = []
    for name in (load_column, solar_column):
        if name is None:
            continue
        column = column_named(table, name, "column")
        exact = exact_numbers(table, column, name)
        totals = _counter(table, column, exact) if kind == "cumulative" else _running_total(table, column, exact)
        denominator = hour_s * 10**exact.decimals
        if any(total * numerator % denominator for total in totals):
            notes.append(f"{name}: parts of a watt-hour are carried to the next interval")
        energies.append(_energy_wh(table, totals, numerator, denominator, name))
    load_wh = energies[0]
    solar_wh = energies[1] if solar_column is not None else _frozen(np.zeros_like(load_wh))
    return Meter(load_wh, solar_wh, times.start_utc, times.step_s, tuple(notes))


def _table(path: Path, load_column: str, unit: Unit, kind: Kind) -> Table:
    """The file's columns, of Green Button the register that is asked for."""
    text, place = read_text(path, load_column, "must be CSV, JSON or XML in UTF-8"), str(path)
    if is_json(text):
        return meter_records(text, place, load_column)
    if not is_xml(text):
        return parse_table(text, place, load_column)
    if unit != "Wh":
        raise BadInput("unit", unit, "must be Wh, as Green Button files count", place)
    return home_table(text, place, load_column, kind)


def _running_total(table: Table, column: int, exact: Exact) -> list[int]:
    """Total before each row and after the last, at the column's scale."""
    for row, value in enumerate(exact.values):
        if value < 0:
            raise BadInput(
                table.columns[column], table.rows[row][column].strip(), "must not be negative", table.where(row)
            )
    return list(accumulate(exact.values, initial=0))


def _counter(table: Table, column: int, exact: Exact) -> list[int]:
    """The counter at each row, less its first reading, at the column's scale."""
    for row, (before, after) in enumerate(pairwise(exact.values), start=1):
        if after < before:
            limit = f"must not be less than the reading before it ({table.rows[row - 1][column].strip()})"
            raise BadInput(table.columns[column], table.rows[row][column].strip(), limit, table.where(row))
    return [value - exact.values[0] for value in exact.values]


def _energy_wh(table: Table, totals: list[int], numerator: int, denominator: int, name: str) -> NDArray[np.int64]:
    """Energy between consecutive totals [Wh]; floor of the running total."""
    floors = [total * numerator // denominator for total in totals]
    energies = [after - before for before, after in pairwise(floors)]
    for row, energy in enumerate(energies):
        if energy > units.ENERGY_LIMIT_WH:
            limit = f"must be at most {units.ENERGY_LIMIT_WH} Wh in one interval"
            raise BadInput(name, f"{energy} Wh", limit, table.where(row))
    return _frozen(np.array(energies, np.int64))


def _frozen(values: NDArray[np.int64]) -> NDArray[np.int64]:
    values.flags.writeable = False
    return values
