"""What can be wrong with rows in the order of time, and the filling of gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import gcd
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from voltadesk import units
from voltadesk.clock import local_text, utc_text
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.instants import time_text
from voltadesk.feeds.prices.layout import Finding, Gaps, Kind, Weight
from voltadesk.feeds.prices.rows import STEPS_S, Rows

Ints = NDArray[np.int64]

NO_GAP = ": the series must have no gap unless gaps are skipped or filled"


class Places:
    """Where a row of the files together stands, and what its time is there."""

    def __init__(self, parts: Sequence[Rows]) -> None:
        self.parts = parts
        self.begins = np.cumsum([0, *(len(part.start_utc) for part in parts)])

    def __call__(self, row: int) -> tuple[str, str]:
        n = int(np.searchsorted(self.begins, row, side="right")) - 1
        part, own = self.parts[n], row - int(self.begins[n])
        return part.table.where(own), time_text(part.cells[own])

    def second(self, row: int) -> int:
        n = int(np.searchsorted(self.begins, row, side="right")) - 1
        return int(self.parts[n].start_utc[row - int(self.begins[n])])


def finding(place: Places, kind: Kind, weight: Weight, row: int, limit: str, count: int) -> Finding:
    where, cell = place(row)
    return Finding(kind, weight, where, cell, limit, count, place.second(row))


def out_of_order(start: Ints, place: Places) -> list[Finding]:
    """Rows that come before the one above them, unless a file has its newest rows first throughout."""
    back = np.flatnonzero(np.diff(start) < 0) + 1
    back = back[~np.isin(back, place.begins)]
    if not back.size or back.size == len(start) - len(place.parts):
        return []
    return [finding(place, "order", "told", int(back[0]), "comes before the row above it", int(back.size))]


def once(order: Ints, start: Ints, step: Ints, tick: Ints, place: Places) -> tuple[Ints, list[Finding]]:
    """The rows without those that stand twice alike, and what is found of rows that don't go together."""
    found: list[Finding] = []
    if len(order) < 2:
        return order, found
    again = np.flatnonzero(np.diff(start[order]) == 0) + 1
    alike = again[(tick[order[again]] == tick[order[again - 1]]) & (step[order[again]] == step[order[again - 1]])]
    if alike.size:
        found.append(
            finding(place, "duplicate", "told", int(order[alike[0]]), "is given twice, alike", int(alike.size))
        )
    for at in again[~np.isin(again, alike)].tolist():
        row, before = int(order[at]), int(order[at - 1])
        prices = [_price(int(tick[at])) for at in (before, row)]
        limit = f"is given twice: {prices[0]} in {Path(place(before)[0]).name}, {prices[1]} here"
        if step[row] != step[before]:
            minutes = sorted({int(step[row]) // 60, int(step[before]) // 60})
            limit = (
                f"is given twice, for {minutes[0]} and {minutes[1]} minutes: choose one by --where, or keep two series"
            )
        found.append(finding(place, "conflict", "wrong", row, limit, 1))
    order = np.delete(order, again)
    for at in (np.flatnonzero(start[order][1:] < (start + step)[order][:-1]) + 1).tolist():
        row, before = int(order[at]), int(order[at - 1])
        apart, whole = (int(start[row]) - int(start[before])) / 60, int(step[before]) // 60
        limit = f"comes {apart:g} minutes after the row before it, must come {whole}"
        found.append(finding(place, "overlap", "wrong", row, limit, 1))
    return order, found


def _price(tick: int) -> str:
    return "none" if tick == NO_PRICE_TICK else units.decimal_text(tick, 2, 2)


def holes(order: Ints, start: Ints, step: Ints, tick: Ints, place: Places, zone: ZoneInfo) -> list[Finding]:
    """Intervals between rows that have none, and rows that have no price, each run of them once."""
    found: list[Finding] = []
    end = start + step
    for at in (np.flatnonzero(start[order][1:] > end[order][:-1]) + 1).tolist():
        row, before = int(order[at]), int(order[at - 1])
        missing = utc_text(int(end[before])) if zone.key == "UTC" else local_text(int(end[before]), zone)
        limit = f"{missing} is missing before it{NO_GAP}"
        count = -(-(int(start[row]) - int(end[before])) // int(step[before]))
        found.append(finding(place, "gap", "hole", row, limit, count))
    blank = np.flatnonzero(tick[order] == NO_PRICE_TICK)
    if blank.size:
        for run in np.split(blank, np.flatnonzero(np.diff(blank) > 1) + 1):
            limit = f"is blank{NO_GAP}"
            one = finding(place, "blank", "hole", int(order[run[0]]), limit, len(run))
            found.append(replace(one, field=place.parts[0].field))
    return found


def filled(start: Ints, step: Ints, tick: Ints, gaps: Gaps) -> tuple[Ints, Ints, Ints]:
    """The rows with one for every interval between them that has none, as long as the row before it."""
    pieces: list[tuple[Ints, Ints, Ints]] = []
    done = 0
    for at in (np.flatnonzero(start[1:] > (start + step)[:-1]) + 1).tolist():
        begin, length = int(start[at - 1] + step[at - 1]), int(step[at - 1])
        if (int(start[at]) - begin) % length:  # the resolution changes in the gap
            length = gcd(length, int(start[at]) - begin)
            if length not in STEPS_S:
                raise BadInput("gap", utc_text(begin), "is of no whole number of intervals: it can't be filled")
        count = (int(start[at]) - begin) // length
        before, after = int(tick[at - 1]), int(tick[at])
        prices = [before if gaps == "previous" else units.interpolated_tick(before, after, n, count + 1)
                  for n in range(1, count + 1)]  # fmt: skip
        pieces.append((start[done:at], step[done:at], tick[done:at]))
        pieces.append((begin + np.arange(count) * length, np.full(count, length), np.array(prices, np.int64)))
        done = at
    pieces.append((start[done:], step[done:], tick[done:]))
    return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))  # type: ignore[return-value]
