"""Plain meter files, read by column: what `feeds.meter_files` makes of their text, in a fraction of the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, NoReturn

import duckdb
import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import time_zone
from voltadesk.errors import BadInput
from voltadesk.feeds.meter_columns import MEASURED, MISSING, QUALITIES, Header, read_header
from voltadesk.feeds.meter_layout import iso_day, long_series, once, wide_series
from voltadesk.feeds.meter_scan import Codes, CsvScan, Floats, NotPlain, ParquetScan, Scan
from voltadesk.feeds.meter_series import Cut, Ints, Reading, Said, Series, Stamps, step_of, totals_wh
from voltadesk.feeds.parquet import DATABASE
from voltadesk.feeds.table import Table, exact_cells
from voltadesk.feeds.times import STAMP, local_to_utc, seconds_of, time_column_of

EXACT = 10**15  # exclusive: up to here a whole number and its quotient by a power of ten are known by their float
GROUPS_LIMIT = 1 << 24  # of names of meters, registers and units that may stand together in a row
_DECIMALS = (3, 0, 6, 9, 12)  # that are tried, one after the other


@dataclass(frozen=True, eq=False)
class Plain:
    """What a plain file holds."""

    header: Header
    rows: int
    readings: list[Reading]
    said: Said


def read_plain(path: Path, timezone: str | None, stamps: Stamps, delimiters: str) -> Plain:
    """The registers of a plain file. Raises NotPlain where it is not, or anything is wrong with it."""
    try:
        with duckdb.connect(config=DATABASE) as database:
            database.execute("SET enable_progress_bar = false")  # it would stand amid the output
            is_parquet = path.suffix.lower() in (".parquet", ".pq")
            scan = ParquetScan(database, path) if is_parquet else CsvScan(database, path, delimiters)
            return _Reader(scan, timezone, stamps).read()
    except (BadInput, duckdb.Error, OSError, UnicodeDecodeError):
        raise NotPlain from None
    except RuntimeError as error:
        if "interrupted" in str(error):  # so DuckDB calls a ctrl+c
            raise KeyboardInterrupt from None
        raise


class _Reader:
    """Makes readings of a scan; series with the same times share them."""

    def __init__(self, scan: Scan, timezone: str | None, stamps: Stamps) -> None:
        self.scan, self.stamps = scan, stamps
        self.zone = time_zone(timezone) if timezone is not None else None
        (first,) = scan.head.rows
        cells = [iso_day(cell.strip()) for cell in first]
        self.is_dotted = [cell != old.strip() for cell, old in zip(cells, first, strict=True)]
        self.table = Table(scan.head.place, scan.head.columns, [cells], scan.head.lines)
        self.time = time_column_of(self.table, None)
        others = [c for c, cell in enumerate(cells) if c != self.time and STAMP.fullmatch(cell)]
        self.header = read_header(self.table.columns, self.time, others, self.table.place)
        self.said = Said()
        self.flags: dict[int, NDArray[np.int8]] = {}  # of each row, by the column of quality
        self._known: tuple[bytes, Ints, int] | None = None  # times of the series before, in UTC, and their step

    def read(self) -> Plain:
        header, scan = self.header, self.scan
        keys = [c for c in (header.meter, header.register, header.unit) if c is not None]
        qualities = sorted(set(header.quality.values()))
        values = [column.place for column in header.values]
        coded = list(dict.fromkeys([self.time, *keys, *qualities]))
        rows = scan.look(coded, values)
        codes, floats = scan.read(coded, values[: scan.at_once])
        by_column = dict(zip(coded, codes, strict=True))
        self._take_times(*by_column[self.time])
        self.flags = {c: _flags(*by_column[c]) for c in qualities}
        series = self._wide() if header.shape == "wide" else self._long([by_column[c] for c in keys])
        readings: dict[int, Reading] = {}
        for first in range(0, len(values), scan.at_once):
            if first:
                _, floats = scan.read([], values[first : first + scan.at_once])
            readings |= {
                n: self._reading(one, floats[one.column]) for n, one in enumerate(series) if one.column in floats
            }
        return Plain(header, rows, [readings[n] for n in range(len(series))], self.said)

    def _take_times(self, code: NDArray[Any], texts: list[str]) -> None:
        """The second of each row: in UTC, or on the clock of the stamps."""
        first = int(code[0])
        cells = [iso_day(text) if self.is_dotted[self.time] else text for text in texts]
        cells = [cells[first], *cells[:first], *cells[first + 1 :]]  # the first row says how all are written
        seconds, self.is_local = seconds_of(self._stand_in(len(cells)), cells)
        self.second = np.array([*seconds[1 : first + 1], seconds[0], *seconds[first + 1 :]], np.int64)
        self.times, self.measured = code, np.full(len(code), MEASURED, np.int8)
        self.said.clock(self.is_local, self.zone)

    def _stand_in(self, rows: int) -> Table:
        """A table for the faults of rows, of which none is ever told: the file is read as text then."""
        return Table(self.table.place, self.table.columns, [], list(range(rows)))

    def _wide(self) -> list[Series]:
        problems: list[BadInput] = []
        series = wide_series(self.table, self.header, problems)
        if problems:
            raise NotPlain
        return series

    def _long(self, keys: Sequence[Codes]) -> list[Series]:
        """The series that rows tell, in the order of their first rows."""
        header, problems = self.header, list[BadInput]()
        columns = once(header, self.table, problems)
        if problems:
            raise NotPlain
        groups = []
        for place, rows in _grouped([code for code, _ in keys], [len(texts) for _, texts in keys]):
            told = iter(texts[n] for n, (_, texts) in zip(place, keys, strict=True))
            meter = Path(self.table.place).stem if header.meter is None else next(told)
            register = "" if header.register is None else next(told)
            groups.append((rows, (meter, register, "" if header.unit is None else next(told))))
        return [
            replace(long_series(self.table, header, column, key, [0]), rows=rows)
            for rows, key in sorted(groups, key=lambda group: int(group[0][0]))
            for column in columns
        ]

    def _reading(self, series: Series, floats: Floats) -> Reading:
        times, first = self.times, self.table.lines[0]
        lines: Ints | range = range(first, first + len(times))
        flags = self.flags[series.quality] if series.quality is not None else self.measured
        if series.rows is not None:
            rows = np.asarray(series.rows)
            times, floats, flags, lines = times[rows], floats[rows], flags[rows], _lines(rows, first)
        seconds, step_s = self._on_clock(times)
        missing = np.isnan(floats) | (flags == MISSING)
        numbers, decimals = exact_numbers(floats[~missing], self.scan.decimals(series.column))
        total_wh = totals_wh(series, step_s, numbers, decimals, _refuse, _refuse)
        self.said.add(series)
        cut = Cut(series, self.table.place, step_s, seconds, flags, missing, lines)
        return cut.reading(total_wh, self.stamps)

    def _on_clock(self, times: NDArray[Any]) -> tuple[Ints, int]:
        """Seconds in UTC, and their step."""
        key = times.tobytes()
        if self._known is None or self._known[0] != key:
            seconds = self.second[times]
            if self.is_local and self.zone is not None:
                rows = len(seconds)
                utc = local_to_utc(self._stand_in(rows), [""] * rows, seconds.tolist(), self.zone)
                seconds = np.array(utc, np.int64)
            self._known = key, seconds, step_of(seconds, _refuse)
        return self._known[1:]


def _refuse(*_: object) -> NoReturn:
    raise NotPlain


def _flags(code: NDArray[Any], texts: Sequence[str]) -> NDArray[np.int8]:
    """The quality of each row."""
    if not {text.lower() for text in texts} <= set(QUALITIES):
        raise NotPlain
    flags: NDArray[np.int8] = np.array([QUALITIES[text.lower()] for text in texts], np.int8)[code]
    return flags


def _grouped(codes: Sequence[NDArray[Any]], counts: Sequence[int]) -> Iterator[tuple[tuple[int, ...], Ints]]:
    """The rows of each combination of codes, in their order; `counts` tells how many codes there are of each.

    Raises NotPlain where too many combinations are possible to count each.
    """
    if prod(counts) > GROUPS_LIMIT:
        raise NotPlain
    whole = np.ravel_multi_index(tuple(codes), tuple(counts))
    sizes = np.bincount(whole, minlength=1)
    present = np.flatnonzero(sizes)
    place = np.zeros(
        len(sizes), np.uint16 if len(present) <= 1 << 16 else np.int64
    )  # of 16 bits they sort much quicker
    place[present] = np.arange(len(present))
    order = np.argsort(place[whole], kind="stable")
    for group, rows in zip(present, np.split(order, np.cumsum(sizes[present])[:-1]), strict=True):
        yield tuple(int(n) for n in np.unravel_index(group, tuple(counts))), rows


def _lines(rows: Ints, first: int) -> Ints | range:
    """The lines of rows; as a range where they can be told by one."""
    step = int(rows[1] - rows[0]) if len(rows) > 1 else 1
    if (np.diff(rows) == step).all():
        return range(first + int(rows[0]), first + int(rows[-1]) + 1, step)
    return first + rows


def exact_numbers(floats: Floats, decimals: int | None) -> tuple[Ints | list[int], int]:
    """The decimal numbers that floats were written as: whole numbers, and how many decimals these have.

    `decimals` says so where it is known. A whole number below 10**15 by a power of ten has at most 15 digits, and of
    the numbers with so few digits a float is the nearest of but one. The rest is what Python writes a float as.
    """
    for some in _DECIMALS if decimals is None else (decimals,):
        scaled = np.rint(floats * 10.0**some)
        if (np.abs(scaled) < EXACT).all() and (scaled / 10.0**some == floats).all():
            return scaled.astype(np.int64), some
    if decimals is not None or not (np.abs(floats) < EXACT).all():
        raise NotPlain
    exact = exact_cells([repr(value) for value in floats.tolist()], "", str)
    return exact.values, exact.decimals
