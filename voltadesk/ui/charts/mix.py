"""Generation by source: stacked bars over time, and a legend in the order of the stack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar
from zoneinfo import ZoneInfo

import numpy as np

from voltadesk.ui.axes import Ints64, View, value_axis
from voltadesk.ui.canvas import Place
from voltadesk.ui.cells import LOWER, Cells, Words
from voltadesk.ui.charts.recent import RecentChart
from voltadesk.ui.charts.time_chart import UTC
from voltadesk.ui.inks import FAINT, GROUND, MIX, STRONG, TEXT
from voltadesk.ui.magnitude import Unit, unit_for
from voltadesk.ui.text import CUT, MW, NO_DATA, Number, clean, clock_text, percent_text, power_text, stamp_text
from voltadesk.units import PPM_PER_UNIT

_LEGENDS = ((64, 26), (36, 18))  # from so many cells of width on, a legend so wide


class MixChart(RecentChart):
    """Power of each source, never negative, stacked from below in the order given."""

    PITCHES: ClassVar[tuple[int, ...]] = (4, 2, 1)

    def __init__(self, *, zone: ZoneInfo = UTC, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(zone=zone, id=id, classes=classes)
        self.names: Sequence[str] = ()
        self.power_w = np.empty((0, 0), np.int64)
        self.co2_g_per_kwh: Ints64 | None = None
        self.inks: Sequence[int] = MIX
        self.label_width = 0

    def show(
        self,
        starts_utc: Ints64,
        names: Sequence[str],
        power_w: Ints64,
        co2_g_per_kwh: Ints64 | None = None,
        inks: Sequence[int] = MIX,
    ) -> None:
        """Power [W] (sources, n) in the intervals that start at `starts_utc` [s], CO2 [g/kWh] (n,), an ink for each."""
        self.starts_utc, self.names, self.co2_g_per_kwh, self.inks = starts_utc, names, co2_g_per_kwh, inks
        self.power_w = power_w
        self.refresh()

    def _ink(self, n: int) -> int:
        return self.inks[n % len(self.inks)]

    def _legend_width(self) -> int:
        return next((legend for width, legend in _LEGENDS if self.size.width >= width), 0)

    @property
    def plot_width(self) -> int:
        return max(1, self.size.width - self.label_width - self._legend_width())

    def paint(self, cells: Cells) -> None:
        legend = self._legend_width()
        found = self._fitted(cells.w - legend)
        whole = self.paint_frame(cells.part(0, 0, cells.w - legend, cells.h))
        if found is None or whole.h < 1 or whole.w < 1:
            cells.put(max(0, cells.w // 2 - 6), cells.h // 2, "no power yet", FAINT)
            return
        tops, high = found
        unit = self.unit(high)
        value_axis(cells.part(0, 1, cells.w - legend, whole.h), self.label_width, 0, high, unit.show)
        cells.put_right(self.label_width - 1, cells.h - 1, unit.name, FAINT)
        self._paint_stack(whole, tops, high)
        self.paint_cursor(whole)
        if legend:
            self._paint_legend(cells.part(cells.w - legend, 1, legend, cells.h - 2), unit)

    def unit(self, high: int) -> Unit:
        """Of the value axis that reaches so far."""
        return unit_for(high, "W")

    def _fitted(self, width: int) -> tuple[Ints64, int] | None:
        """What is stacked in so many cells, labels as wide as needed; never narrower again, so that nothing jumps."""
        if not self.count or not len(self.names):
            return None
        found = self._stacked(self.view(width - self.label_width))
        unit = self.unit(found[1])
        needed = max(2 + len(unit.show(found[1])), 1 + len(unit.name))
        if needed > self.label_width:
            self.label_width = needed
            found = self._stacked(self.view(width - needed))
        return found

    def _stacked(self, view: View) -> tuple[Ints64, int]:
        """Upper edge of each source in each column (sources, columns), and the upper end of the axis."""
        tops = np.cumsum(self._sums(view) // np.maximum(1, np.diff(np.append(view.edges(), view.end))), axis=0)
        return tops, max(1, int(tops[-1].max()))

    def _sums(self, view: View) -> Ints64:
        """Power of each source summed up over the intervals of each column."""
        power_w = np.maximum(self.power_w[:, view.begin : view.end], 0)
        sums: Ints64 = np.add.reduceat(power_w, view.edges() - view.begin, axis=1)
        return sums

    def _power_at(self, interval: int) -> list[int]:
        power_w: list[int] = np.maximum(self.power_w[:, interval], 0).tolist()
        return power_w

    def _paint_stack(self, plot: Cells, tops: Ints64, high: int) -> None:
        """In a cell where one source ends and another begins, the lower one is the ink and the upper one the paper."""
        edges = 8 * plot.h - np.rint(tops / high * 8 * plot.h).astype(np.int64)
        area = plot.part(0, 0, edges.shape[1], plot.h)
        foot = 8 * np.arange(1, area.h + 1)[:, None]
        depth = np.clip(foot - edges[:, None, :], 0, 8)  # eighths of each cell up to a source's upper edge
        lower = (depth > 0).argmax(axis=0)
        filled = np.take_along_axis(depth, lower[None], axis=0)[0]
        upper = (depth > filled).argmax(axis=0)
        inks = np.array([self._ink(n) for n in range(len(edges))], np.uint8)
        area.draw(filled > 0, LOWER[filled], inks[lower], np.where(depth[-1] > filled, inks[upper], GROUND))

    def _paint_legend(self, area: Cells, unit: Unit) -> None:
        """A line for each source, from the top of the stack; what doesn't fit is summed up in the last one."""
        at = self.count - 1 if self.place is None else self.place[0]
        powers = self._power_at(at)
        total, shown = sum(powers), list(reversed(range(len(self.names))))
        for row, n in enumerate(shown[: area.h]):
            power = powers[n]
            area.put(1, row, "█", self._ink(n))
            area.put(3, row, _short(self.names[n], area.w - 15 if area.w > 20 else area.w - 8))
            if area.w > 20:
                area.put_right(area.w - 5, row, unit.show(power))
            area.put_right(area.w, row, percent_text(power, total).split(".")[0] + "%" if total else NO_DATA, FAINT)
        if len(shown) > area.h > 0:
            area.part(0, area.h - 1, area.w, 1).put(1, 0, f"… {len(shown) - area.h + 1} more".ljust(area.w), FAINT)

    def readout(self, place: Place | None) -> Words:
        if not self.count:
            return []
        at = self.count - 1 if place is None else place[0]
        powers = self._power_at(at)
        total = sum(powers)
        parts = [(clock_text(int(self.starts_utc[at]), self.zone), STRONG), (power_text(total), TEXT)]
        if self.co2_g_per_kwh is not None:
            parts.append((f"CO2 {int(self.co2_g_per_kwh[at])} g/kWh", TEXT))
        if self._legend_width():
            return [*parts, (stamp_text(int(self.starts_utc[at]), self.zone), FAINT)]
        for n in sorted(range(len(self.names)), key=lambda n: -powers[n]):
            share = percent_text(powers[n], total)
            parts.append((f"{clean(self.names[n])} {share}", self._ink(n)))
        return parts

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("start", *(f"{name} MW" for name in self.names))
        for i in range(self.count):
            yield (stamp_text(int(self.starts_utc[i]), self.zone), *(MW.plain(int(p)) for p in self.power_w[:, i]))


class ShareChart(MixChart):
    """The same, each column as parts of its own whole [%]."""

    def unit(self, high: int) -> Unit:
        return Unit("%", Number(4, 0))

    def _stacked(self, view: View) -> tuple[Ints64, int]:
        tops = np.cumsum(self._sums(view), axis=0)
        return tops * PPM_PER_UNIT // np.maximum(1, tops[-1]), PPM_PER_UNIT

    def _legend_width(self) -> int:
        return min(super()._legend_width(), _LEGENDS[-1][1])


def _short(name: str, width: int) -> str:
    name = clean(name)
    return name if len(name) <= width else name[: width - 1] + CUT
