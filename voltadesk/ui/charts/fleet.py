"""The fleet at a glance: how full each battery is, and what it did in each interval.

A cell of the map is the bluer the more of its power a battery charged with, the more orange the more it discharged; a
small + or − in each cell says the same without colour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from rich.cells import cell_len, set_cell_size

from voltadesk.ui.axes import Ints64
from voltadesk.ui.canvas import Place
from voltadesk.ui.cells import Cells, Mask, Words
from voltadesk.ui.charts.time_chart import GROUPS, UTC, Scale, TimeChart
from voltadesk.ui.inks import (
    BAND,
    CHARGE,
    CURSOR,
    DISCHARGE,
    DOWN,
    FAINT,
    FAULT,
    GRID,
    GROUND,
    OWN,
    STRONG,
    TEXT,
    UP,
    change_ink,
)
from voltadesk.ui.text import CUT, KW, clean, clock_text, percent_text, power_text, stamp_text

_NAME, _NAME_MOST, _PERCENT = 8, 16, 6  # cells


class Sliced(Protocol):
    """An array, or what gives the parts of one that are looked at."""

    def __getitem__(self, at: Any, /) -> Any: ...


@dataclass(frozen=True)
class Fleet:
    """Batteries: names, energy held and capacity [Wh], power limit [W] and alarm, all (batteries,); and their power [W]
    of shape (batteries, intervals), positive when charging.
    """

    names: Sequence[str]
    stored_wh: Ints64
    capacity_wh: Ints64
    limit_w: Ints64
    power_w: Sliced
    alarm: Mask


def _side(power_w: int) -> str:
    if not power_w:
        return "= idle"
    return f"▲ charge {power_text(power_w)}" if power_w > 0 else f"▼ discharge {power_text(-power_w)}"


class FleetChart(TimeChart):
    """Gauges at the left, the map at the right. `why(battery, interval)` says in words, the most important first, why
    a battery did what it did."""

    PITCHES = (4, 2, 1)

    def __init__(
        self,
        *,
        zone: ZoneInfo = UTC,
        why: Callable[[int, int], Sequence[str]] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(zone=zone, id=id, classes=classes)
        none = np.empty(0, np.int64)
        self.fleet = Fleet((), none, none, none, np.empty((0, 0), np.int64), none.astype(bool))
        self.why = why
        self.top = 0  # first battery in sight
        self.day = 96  # intervals that are usually seen, or as many more as there are columns

    def show(self, starts_utc: Ints64, fleet: Fleet) -> None:
        self.starts_utc, self.fleet = starts_utc, fleet
        self.refresh()

    def extent(self) -> Place:
        return self.count, len(self.fleet.names)

    def usual(self, columns: int) -> Scale:
        """The newest day, or more where there is room for more."""
        group = next(group for group in (1, *GROUPS) if group * columns >= self.day)
        return self.whole(columns) if self.count <= group * columns else (group, 1)

    # Layout -----------------------------------------------------------------------------------------------------------
    @property
    def _name_width(self) -> int:
        """Cells of the names, with the blank after them."""
        longest = max((cell_len(name) for name in self.fleet.names), default=0)
        return max(_NAME, min(_NAME_MOST, longest + 2, self.size.width // 6))

    @property
    def _gauge(self) -> int:
        return max(6, min(12, self.size.width // 8))

    @property
    def rows(self) -> int:
        """Batteries in sight at once."""
        return max(1, self.size.height - 2)

    def locate(self, x: int, y: int) -> Place | None:
        row = self.top + y - 1
        if not 1 <= y < self.size.height - 1 or row >= len(self.fleet.names):
            return None
        if x < self.label_width:  # on a gauge: the latest interval
            return max(0, self.count - 1), row
        found = super().locate(x, y)
        return None if found is None else (found[0], row)

    def move_to(self, place: Place | None) -> None:
        if place is not None:
            row = max(0, min(len(self.fleet.names) - 1, place[1]))
            self.top = max(row - self.rows + 1, min(self.top, row))
        super().move_to(place)

    # Picture ----------------------------------------------------------------------------------------------------------
    def paint(self, cells: Cells) -> None:
        self.label_width = self._name_width + self._gauge + _PERCENT + 1
        self.top = max(0, min(self.top, len(self.fleet.names) - self.rows))
        cells.put_words(0, 0, self.readout(self.place))
        if not len(self.fleet.names):
            cells.put(max(0, cells.w // 2 - 6), cells.h // 2, "no batteries", FAINT)
            return
        shown = slice(self.top, self.top + self.rows)
        for row in range(min(self.rows, len(self.fleet.names) - self.top)):
            self._paint_gauge(cells, row + 1, self.top + row)
        plot = cells.part(self.label_width, 1, cells.w - self.label_width, cells.h - 2)
        if self.count and plot.w and plot.h:
            self._paint_map(plot, shown)
            self.paint_time_axis(plot, cells.part(self.label_width, cells.h - 1, plot.w, 1))
        if self.top + self.rows < len(self.fleet.names):
            cells.put(0, cells.h - 1, f"↓ {len(self.fleet.names) - self.top - self.rows} more", FAINT)

    def _paint_gauge(self, cells: Cells, y: int, n: int) -> None:
        fleet, width, start = self.fleet, self._gauge, self._name_width
        stored, capacity = int(fleet.stored_wh[n]), max(1, int(fleet.capacity_wh[n]))
        eighths = max(0, min(8 * width, stored * 8 * width // capacity))
        near_an_end = stored * 100 < 5 * capacity or stored * 100 > 98 * capacity
        ink = FAULT if fleet.alarm[n] else OWN if near_an_end else BAND
        is_here = self.place is not None and self.place[1] == n
        name = clean(fleet.names[n])
        name = name if cell_len(name) < start else set_cell_size(name, start - 2) + CUT
        cells.put(0, y, name, FAULT if fleet.alarm[n] else TEXT)
        cells.put(start, y, "·" * width, GRID)
        cells.put(start, y, "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip(), ink)
        cells.put_right(start + width + _PERCENT, y, percent_text(stored, capacity).split(".")[0] + "%", FAINT)
        if fleet.alarm[n]:
            cells.put(start - 1, y, "!", FAULT)
        if is_here:
            cells.part(0, y, self.label_width - 1, 1).paper[:] = CURSOR

    def _paint_map(self, plot: Cells, shown: slice) -> None:
        fleet, view = self.fleet, self.view(plot.w)
        power, limit = fleet.power_w[shown, view.begin : view.end], np.maximum(1, fleet.limit_w[shown, None])
        # Of many intervals in one cell the one with the most power stands for all: no dispatch is lost from sight.
        at = view.edges() - view.begin
        most, least = np.maximum.reduceat(power, at, axis=1), np.minimum.reduceat(power, at, axis=1)
        power = np.where(most >= -least, most, least)
        tone = np.clip(-(-np.abs(power) * 4 // limit) - 1, 0, 3)
        area = plot.part(0, 0, power.shape[1], power.shape[0])
        area.draw(power == 0, ord("·"), GRID)
        for sign, glyph, tones in ((1, "+", np.array(CHARGE)), (-1, "−", np.array(DISCHARGE))):
            # The sign is one tone off its ground: there for who looks, quiet for who scans.
            area.draw(power * sign > 0, ord(glyph), tones[np.where(tone == 3, 2, tone + 1)], tones[tone])
        if self.place is not None:
            first, _, width = self.cells_of(view, self.place[0])
            here = area.part(first, self.place[1] - self.top, width, 1)
            here.draw(np.full((here.h, here.w), True), ord("◆"), GROUND, OWN)

    # Words ------------------------------------------------------------------------------------------------------------
    def readout(self, place: Place | None) -> Words:
        fleet = self.fleet
        if not len(fleet.names):
            return []
        if place is None or not self.count:
            stored, capacity = int(fleet.stored_wh.sum()), int(fleet.capacity_wh.sum())
            now = int(fleet.power_w[:, -1].sum()) if self.count else 0
            full = (f"{percent_text(stored, capacity)} full", TEXT)
            signs = [("+ charge", UP), ("− discharge", DOWN)]
            return [(f"{len(fleet.names)} batteries", STRONG), full, (_side(now), change_ink(now)), *signs]
        at, n = place
        power = int(fleet.power_w[n, at])
        start_utc = int(self.starts_utc[at])
        parts = [(clean(fleet.names[n]), STRONG), (clock_text(start_utc, self.zone), TEXT)]
        parts.append((_side(power), change_ink(power)))
        why = [] if self.why is None else [(clean(part), TEXT) for part in self.why(n, at)]  # the last give way
        return [*parts, *why, (stamp_text(start_utc, self.zone), FAINT)]

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("start", *(f"{name} kW" for name in self.fleet.names))
        for i in range(self.count):
            powers = (KW.plain(int(power)) for power in self.fleet.power_w[:, i])
            yield (stamp_text(int(self.starts_utc[i]), self.zone), *powers)
