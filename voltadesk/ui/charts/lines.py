"""Series over time as lines of braille dots, over tinted ranges: load and solar, net asset value, forecasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from voltadesk.ui.axes import NO_VALUE, Ints64, View, extremes, value_axis, widened
from voltadesk.ui.canvas import Place
from voltadesk.ui.cells import FULL, SPACE, Cells, Words, dots_from_top, eighths_from_top, runs
from voltadesk.ui.charts.recent import RecentChart
from voltadesk.ui.charts.time_chart import UTC
from voltadesk.ui.inks import FAINT, FAN, FORECAST, STRONG, TEXT
from voltadesk.ui.text import NO_DATA, clean, clock_text, stamp_text


@dataclass(frozen=True)
class Series:
    """A line: one integer for each interval, shape (n,), at or below `missing` where there is none."""

    name: str
    values: Ints64
    ink: int
    missing: int = NO_VALUE


@dataclass(frozen=True)
class Band:
    """A range from `low` to `high`, both (n,), tinted."""

    name: str
    low: Ints64
    high: Ints64
    ink: int
    missing: int = NO_VALUE


Ends = tuple[Ints64, Ints64]  # least and greatest


class LineChart(RecentChart):
    """Lines that hold their value over an interval, and ranges behind them. `show_value` writes one for the axis."""

    def __init__(
        self,
        show_value: Callable[[int], str],
        unit: str = "",
        *,
        zone: ZoneInfo = UTC,
        from_zero: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(zone=zone, id=id, classes=classes)
        self.show_value, self.unit, self.from_zero = show_value, unit, from_zero
        self.series: Sequence[Series] = ()
        self.bands: Sequence[Band] = ()
        self.now: int | None = None

    def show(
        self, starts_utc: Ints64, series: Sequence[Series], bands: Sequence[Band] = (), now: int | None = None
    ) -> None:
        """Lines and ranges over the intervals that start at `starts_utc` [s]; from interval `now` on it is forecast."""
        self.starts_utc, self.series, self.bands, self.now = starts_utc, series, bands, now
        self.refresh()

    # Picture ----------------------------------------------------------------------------------------------------------
    def paint(self, cells: Cells) -> None:
        """Thin first: what is drawn then tells the axis, and its labels how wide the plot is."""
        view, lines, bands, bounds = self._seen(cells.w)
        if bounds is None:
            self.paint_frame(cells)
            cells.put(max(0, cells.w // 2 - 4), cells.h // 2, "no data yet", FAINT)
            return
        needed = 2 + max(len(self.show_value(value)) for value in bounds)
        if needed > self.label_width:
            self.label_width = needed  # never narrower again, so that nothing jumps
            view, lines, bands, _ = self._seen(cells.w)
        plot, (low, high) = self.paint_frame(cells), bounds
        if plot.w < 1 or plot.h < 1:
            return
        value_axis(cells.part(0, 1, cells.w, plot.h), self.label_width, low, high, self.show_value)
        for band, ends in zip(self.bands, bands, strict=True):
            self._paint_band(plot, band.ink, ends, low, high)
        if self.now is not None and view.begin <= self.now < view.end:
            now = plot.part(view.column_of(self.now), 0, 1, plot.h)
            now.draw(np.ones((plot.h, now.w), bool), ord("┊"), FAINT)
        for line, ends in zip(self.series, lines, strict=True):
            self._paint_line(plot, line.ink, ends, low, high)
        self.paint_cursor(plot)

    def _seen(self, width: int) -> tuple[View, list[Ends], list[Ends], tuple[int, int] | None]:
        """What is in sight of a chart `width` cells wide, thinned, and the axis for it."""
        view = self.view(width - self.label_width)
        lines = [self._thinned(view, line.values, line.values, line.missing, 2) for line in self.series]
        bands = [self._thinned(view, band.low, band.high, band.missing, 1) for band in self.bands]
        return view, lines, bands, self._bounds([*lines, *bands])

    def _thinned(self, view: View, low: Ints64, high: Ints64, missing: int, parts: int) -> Ends:
        """Least of `low` and greatest of `high` in each part of a column; least > greatest where all is missing."""
        edges = view.edges(parts)
        if low is high:
            return extremes(low, edges, view.end, missing)
        return extremes(low, edges, view.end, missing)[0], extremes(high, edges, view.end, missing)[1]

    def _bounds(self, ends: list[Ends]) -> tuple[int, int] | None:
        """The axis: from least to greatest of all that is drawn, with a margin."""
        known = [(least[least <= most], most[least <= most]) for least, most in ends]
        known = [(least, most) for least, most in known if len(least)]
        if not known:
            return None
        lowest, highest = min(int(least.min()) for least, _ in known), max(int(most.max()) for _, most in known)
        low, high = widened(min(0, lowest) if self.from_zero else lowest, highest)
        return (0 if self.from_zero and lowest >= 0 else low), high

    def _paint_line(self, plot: Cells, ink: int, ends: Ends, low: int, high: int) -> None:
        least, most = ends
        none = least > most
        top = np.where(none, 1 << 30, dots_from_top(most, low, high, plot.h))
        bottom = np.where(none, -1, dots_from_top(np.where(none, low, least), low, high, plot.h))
        dots = np.zeros((4 * plot.h, 2 * plot.w), bool)
        dots[:, : len(least)] = runs(top, bottom, 4 * plot.h)
        plot.braille(dots, ink)

    def _paint_band(self, plot: Cells, ink: int, ends: Ends, low: int, high: int) -> None:
        least, most = ends
        known = least <= most
        top = eighths_from_top(most, low, high, plot.h)
        bottom = eighths_from_top(np.where(known, least, low), low, high, plot.h) + 1
        part = plot.part(0, 0, len(least), plot.h)
        part.spans(top, np.where(known, bottom, 0), ink)
        # Whole cells as paper, so that lines can be drawn on them.
        whole = (part.glyph == FULL) & (part.ink == ink)
        part.draw(whole, SPACE, TEXT, ink)

    # Words ------------------------------------------------------------------------------------------------------------
    def readout(self, place: Place | None) -> Words:
        """Names in the inks of their lines: the legend."""
        if not self.count:
            return []
        at = self.count - 1 if place is None else place[0]
        if place is None and self.now is not None:
            at = self.now
        start_utc = int(self.starts_utc[at])
        parts = []
        for n, line in enumerate(self.series):
            value = int(line.values[at])
            name = f"━ {clean(line.name)} " if len(self.series) + len(self.bands) > 1 else ""
            write = self._value if n == len(self.series) - 1 else self.show_value
            parts.append((name + (NO_DATA if value <= line.missing else write(value)), line.ink))
        for band in self.bands:
            if band.low[at] > band.missing:
                ends = f"{self.show_value(int(band.low[at]))} … {self._value(int(band.high[at]))}"
                parts.append((f"▒ {clean(band.name)} {ends}", FAINT))
        return [*parts, (clock_text(start_utc, self.zone), STRONG), (stamp_text(start_utc, self.zone), FAINT)]

    def _value(self, value: int) -> str:
        return f"{self.show_value(value)} {self.unit}".rstrip()

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        ends = [
            (f"{band.name} {end}", getattr(band, end), band.missing) for band in self.bands for end in ("low", "high")
        ]
        columns = [(line.name, line.values, line.missing) for line in self.series] + ends
        yield ("start", *(f"{name} {self.unit}".rstrip() for name, _, _ in columns))
        for i in range(self.count):
            values = [None if values[i] <= missing else int(values[i]) for _, values, missing in columns]
            shown = [NO_DATA if value is None else self.show_value(value) for value in values]
            yield (stamp_text(int(self.starts_utc[i]), self.zone), *shown)


def fan(median: Ints64, low: Ints64, high: Ints64, missing: int = NO_VALUE) -> tuple[list[Series], list[Band]]:
    """A forecast as its middle and its range from P10 to P90, for `LineChart.show`."""
    return [Series("P50", median, FORECAST, missing)], [Band("P10–P90", low, high, FAN, missing)]
