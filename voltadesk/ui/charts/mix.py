"""Generation by source: stacked bars over time, and a legend in the order of the stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np

from voltadesk.ui.axes import Ints64, value_axis
from voltadesk.ui.canvas import Place
from voltadesk.ui.cells import Cells, Words
from voltadesk.ui.charts.time_chart import UTC, TimeChart
from voltadesk.ui.inks import FAINT, GROUND, MIX, STRONG, TEXT
from voltadesk.ui.text import MW, NO_DATA, clean, clock_text, percent_text, power_text, stamp_text

_LEGENDS = ((64, 24), (36, 16))  # from so many cells of width on, a legend so wide


class MixChart(TimeChart):
    """Power of each source, never negative, stacked from below in the order given."""

    PITCHES: ClassVar[tuple[int, ...]] = (4, 2, 1)

    def __init__(self, *, zone: ZoneInfo = UTC, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(zone=zone, id=id, classes=classes)
        self.names: Sequence[str] = ()
        self.power_w = np.empty((0, 0), np.int64)
        self.co2_g_per_kwh: Ints64 | None = None
        self.label_width = 9

    def show(
        self, starts_utc: Ints64, names: Sequence[str], power_w: Ints64, co2_g_per_kwh: Ints64 | None = None
    ) -> None:
        """Power [W] (sources, n) in the intervals that start at `starts_utc` [s], and CO2 [g/kWh] (n,)."""
        self.starts_utc, self.names, self.co2_g_per_kwh = starts_utc, names, co2_g_per_kwh
        self.power_w = np.maximum(power_w, 0)
        self.redraw()

    def _legend_width(self) -> int:
        return next((legend for width, legend in _LEGENDS if self.size.width >= width), 0)

    @property
    def plot_width(self) -> int:
        return max(1, self.size.width - self.label_width - self._legend_width())

    def paint(self, cells: Cells) -> None:
        legend = self._legend_width()
        whole = self.paint_frame(cells.part(0, 0, cells.w - legend, cells.h))
        if not self.count or not len(self.names) or whole.h < 1 or whole.w < 1:
            cells.put(max(0, cells.w // 2 - 6), cells.h // 2, "no power yet", FAINT)
            return
        view = self.view(whole.w)
        edges = view.edges()
        sums = np.add.reduceat(self.power_w[:, view.begin : view.end], edges - view.begin, axis=1)
        tops = np.cumsum(sums // np.maximum(1, np.diff(np.append(edges, view.end))), axis=0)
        high = max(1, int(tops[-1].max()))
        value_axis(cells.part(0, 1, cells.w - legend, whole.h), self.label_width, 0, high, MW.show)
        self._paint_stack(whole, tops, high)
        self.paint_cursor(whole)
        if legend:
            self._paint_legend(cells.part(cells.w - legend, 1, legend, cells.h - 2))

    def _paint_stack(self, plot: Cells, tops: Ints64, high: int) -> None:
        """From the topmost source down, so that each bar's upper edge shows the one above it as paper."""
        edges = 8 * plot.h - np.rint(tops / high * 8 * plot.h).astype(np.int64)
        area = plot.part(0, 0, edges.shape[1], plot.h)
        bottom = np.full(area.w, 8 * plot.h)
        column = np.arange(area.w)
        for n in range(len(edges) - 1, -1, -1):
            row = np.minimum(edges[n] // 8, plot.h - 1)
            under = area.ink[row, column]  # what the sources above left in the cell of this one's upper edge
            area.spans(edges[n], bottom, MIX[n % len(MIX)], np.where(under >= MIX[0], under, GROUND))

    def _paint_legend(self, area: Cells) -> None:
        at = self.count - 1 if self.place is None else self.place[0]
        total = int(self.power_w[:, at].sum())
        for row, n in enumerate(reversed(range(len(self.names)))):
            power = int(self.power_w[n, at])
            area.put(1, row, "█", MIX[n % len(MIX)])
            area.put(3, row, clean(self.names[n])[:9])
            if area.w > 20:
                area.put_right(19, row, MW.show(power))
            area.put_right(area.w, row, percent_text(power, total).split(".")[0] + "%" if total else NO_DATA, FAINT)

    def readout(self, place: Place | None) -> Words:
        if not self.count:
            return []
        at = self.count - 1 if place is None else place[0]
        total = int(self.power_w[:, at].sum())
        parts = [(clock_text(int(self.starts_utc[at]), self.zone), STRONG), (power_text(total), TEXT)]
        if self.co2_g_per_kwh is not None:
            parts.append((f"CO2 {int(self.co2_g_per_kwh[at])} g/kWh", TEXT))
        if self._legend_width():
            return [*parts, (stamp_text(int(self.starts_utc[at]), self.zone), FAINT)]
        for n in sorted(range(len(self.names)), key=lambda n: -int(self.power_w[n, at])):
            share = percent_text(int(self.power_w[n, at]), total)
            parts.append((f"{clean(self.names[n])} {share}", MIX[n % len(MIX)]))
        return parts

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("start", *(f"{name} MW" for name in self.names))
        for i in range(self.count):
            yield (stamp_text(int(self.starts_utc[i]), self.zone), *(MW.plain(int(p)) for p in self.power_w[:, i]))
