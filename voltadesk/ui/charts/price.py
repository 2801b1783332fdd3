"""The price over time: candles or a line, volume below, floor and cap, and one's own fills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np
from textual.binding import Binding, BindingType

from voltadesk.ui.axes import Ints64, View, extremes, value_axis, widened
from voltadesk.ui.canvas import Place
from voltadesk.ui.cells import Cells, Words, dots_from_top, eighths_from_top, row_from_top, runs
from voltadesk.ui.charts.candles import NO_PRICE_TICK, Prices, draw_candles, every, middle_of
from voltadesk.ui.charts.time_chart import UTC, Scale, TimeChart
from voltadesk.ui.inks import DOWN, DOWN_DIM, FAINT, GROUND, OWN, STRONG, TEXT, UP, UP_DIM, change_ink
from voltadesk.ui.text import MWH, NO_DATA, PRICE, PRICE_CHANGE, change_text, clock_text, energy_text, stamp_text

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Fills:
    """Own trades: interval, price [tick] and side (1 bought, −1 sold), all of shape (n,)."""

    interval: Ints64
    price_tick: Ints64
    side: Ints64


class PriceChart(TimeChart):
    """`show` gives it prices; `c` switches between candles and a line, `+` and `-` zoom, shift and arrows pan."""

    PITCHES: ClassVar[tuple[int, ...]] = (6, 4, 2)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "form", "Candles or line", id="price.form")]

    def __init__(
        self,
        *,
        zone: ZoneInfo = UTC,
        floor_tick: int | None = None,
        cap_tick: int | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(zone=zone, id=id, classes=classes)
        self.floor_tick, self.cap_tick = floor_tick, cap_tick
        self.form = "candles"
        self.prices = Prices(_NONE, _NONE, _NONE, _NONE, _NONE)
        self.fills = Fills(_NONE, _NONE, _NONE)
        self._latest: int | None = None  # the newest interval with a price

    def show(self, starts_utc: Ints64, prices: Prices, fills: Fills | None = None) -> None:
        """Prices of the intervals that start at `starts_utc` [s], and own fills among them."""
        self.starts_utc, self.prices = starts_utc, prices
        self.fills = fills or Fills(_NONE, _NONE, _NONE)
        traded = prices.traded[::-1]
        self._latest = len(traded) - 1 - int(traded.argmax()) if traded.any() else None
        self.refresh()

    def action_form(self) -> None:
        self.form = "line" if self.form == "candles" else "candles"
        self.refresh()

    def whole(self, columns: int) -> Scale:
        return next((s for s in self.ladder() if columns // s[1] * s[0] >= self.count), self.ladder()[-1])

    def usual(self, columns: int) -> Scale:
        """The newest intervals, a candle each; few of them wider."""
        closest = self.PITCHES[-1]
        return (1, closest) if self.count * closest >= columns else self.whole(columns)

    def cells_of(self, view: View, interval: int) -> tuple[int, int, int]:
        return view.column_of(view.start_of(interval)), 0, view.pitch

    # Picture ----------------------------------------------------------------------------------------------------------
    def paint(self, cells: Cells) -> None:
        self.label_width = 9
        if self._latest is None:
            self.paint_frame(cells)
            cells.put(max(0, cells.w // 2 - 6), cells.h // 2, "no price yet", FAINT)
            return
        plot = self.paint_frame(cells)
        view = self.view(plot.w)
        groups = self.prices.grouped(view)
        volume_rows = plot.h // 5
        area = cells.part(0, 1, cells.w, plot.h - volume_rows - (volume_rows > 0))
        if not groups.traded.any() or area.h < 1 or plot.w < 1:
            return
        low, high = widened(int(groups.low_tick[groups.traded].min()), int(groups.high_tick.max()))
        value_axis(area, self.label_width, low, high, PRICE.show)
        chart = area.part(self.label_width, 0, plot.w, area.h)
        self._paint_limits(chart, low, high)
        if self.form == "candles":
            draw_candles(chart, groups, view.pitch, low, high)
        else:
            self._paint_line(chart, low, high)
        self._paint_fills(chart, low, high)
        self._paint_volume(plot.part(0, plot.h - volume_rows, plot.w, volume_rows), groups, view.pitch)
        self._paint_latest(area, low, high)
        self.paint_cursor(plot)

    def _limits(self) -> list[tuple[str, int]]:
        named = (("cap", self.cap_tick), ("floor", self.floor_tick))
        return [(f"{name} {PRICE.show(tick)}", tick) for name, tick in named if tick is not None]

    def _paint_limits(self, chart: Cells, low: int, high: int) -> None:
        """Lines at floor and cap when in sight."""
        for words, tick in self._limits():
            if low <= tick <= high:
                row = row_from_top(tick, low, high, chart.h)
                chart.put(0, row, "╌" * chart.w, FAINT)
                chart.put_right(chart.w - 1, row, f" {words} ", FAINT)

    def _paint_line(self, chart: Cells, low: int, high: int) -> None:
        view = self.view(chart.w)
        edges = view.edges(2)
        least, most = extremes(self.prices.close_tick, edges, view.end, NO_PRICE_TICK)
        dots = np.zeros((4 * chart.h, 2 * chart.w), bool)
        none = least > most
        top = np.where(none, 1 << 30, dots_from_top(most, low, high, chart.h))
        bottom = np.where(none, -1, dots_from_top(np.where(none, 0, least), low, high, chart.h))
        dots[:, : len(edges)] = runs(top, bottom, 4 * chart.h)
        chart.braille(dots, UP)

    def _paint_fills(self, chart: Cells, low: int, high: int) -> None:
        view = self.view(chart.w)
        fills = self.fills
        seen = (fills.interval >= view.begin) & (fills.interval < view.end)
        seen &= (fills.price_tick >= low) & (fills.price_tick <= high)
        x = (fills.interval[seen] - view.begin) // view.group * view.pitch + middle_of(view.pitch)
        y = eighths_from_top(fills.price_tick[seen], low, high, chart.h) // 8
        at = (y, np.clip(x, 0, chart.w - 1))
        chart.glyph[at] = np.where(fills.side[seen] > 0, ord("▲"), ord("▼"))
        chart.ink[at] = OWN
        chart.paper[at] = GROUND

    def _paint_volume(self, area: Cells, groups: Prices, pitch: int) -> None:
        most = max(1, int(groups.volume_wh.max()))
        height = np.rint(groups.volume_wh / most * 8 * area.h).astype(np.int64)
        height = np.where(groups.volume_wh > 0, np.maximum(height, 1), 0)
        ink = np.where(groups.close_tick >= groups.open_tick, UP_DIM, DOWN_DIM)
        for side in (-1, 0, 1) if pitch >= 4 else (0,):
            columns = every(area, middle_of(pitch) + side, pitch, len(height))
            columns.bars(height[: columns.w], ink[: columns.w])

    def _paint_latest(self, area: Cells, low: int, high: int) -> None:
        """The newest price as a tag on the axis."""
        at = self._latest
        tick = int(self.prices.close_tick[at])
        if low <= tick <= high:
            ink = UP if tick >= self.prices.open_tick[at] else DOWN
            row = row_from_top(tick, low, high, area.h)
            area.put(0, row, f"{PRICE.show(tick):>{self.label_width - 2}} ", GROUND, ink)

    # Words ------------------------------------------------------------------------------------------------------------
    def readout(self, place: Place | None) -> Words:
        if not self.count:
            return []
        view = self.view()
        interval = self.count - 1 if place is None else place[0]
        start = view.start_of(interval)
        one = self.prices.grouped(replace(view, begin=start, columns=view.pitch))
        start_utc = int(self.starts_utc[start])
        at = (clock_text(start_utc, self.zone), STRONG)
        if not one.traded.any():
            return [at, (f"no trade {NO_DATA}", FAINT)]
        names = zip("OHLC", (one.open_tick, one.high_tick, one.low_tick, one.close_tick), strict=True)
        change = int(one.close_tick[0] - one.open_tick[0])
        return [
            at,
            *((f"{name} {PRICE.show(int(values[0]))}", TEXT) for name, values in names),
            (change_text(change, PRICE_CHANGE), change_ink(change)),
            (f"V {energy_text(int(one.volume_wh[0]))}", TEXT),
            (stamp_text(start_utc, self.zone), FAINT),
            *((words, FAINT) for words, _ in self._limits()),
        ]

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("start", "open/MWh", "high/MWh", "low/MWh", "close/MWh", "volume MWh")
        prices = self.prices
        columns = (prices.open_tick, prices.high_tick, prices.low_tick, prices.close_tick)
        for i in range(self.count):
            ticks = [None if int(column[i]) <= NO_PRICE_TICK else int(column[i]) for column in columns]
            start = stamp_text(int(self.starts_utc[i]), self.zone)
            yield (start, *map(PRICE.plain, ticks), MWH.plain(int(prices.volume_wh[i])))
