"""What charts over time share: a column for each group of intervals, zoom, pan, a time axis and a read-out line.

The market's interval is never stretched or bent: it covers a whole number of cells, or a cell covers a whole number of
intervals. Zooming climbs a ladder of such scales.
"""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
from textual import events
from textual.binding import Binding, BindingType

from voltadesk.ui.axes import Ints64, View, time_ticks
from voltadesk.ui.canvas import Canvas, Place
from voltadesk.ui.cells import Cells
from voltadesk.ui.inks import CURSOR, FAINT, GROUND, OWN
from voltadesk.ui.text import clock_text

# Intervals a column may hold: quarter-hours make hours, quarters of a day, days, weeks.
GROUPS = (2, 4, 8, 16, 32, 48, 96, 192, 384, 672, 1344, 2688, 5376, 10_752, 21_504, 43_008, 86_016)
UTC = ZoneInfo("UTC")

Scale = tuple[int, int]  # so many intervals in so many cells


class TimeChart(Canvas):
    """A chart whose columns are groups of intervals. Row 0 is the read-out, the last row the time axis."""

    PITCHES: ClassVar[tuple[int, ...]] = (6, 4, 2, 1)  # cells an interval may be wide
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(-1)", "Zoom in", show=False, id="chart.in"),
        Binding("minus", "zoom(1)", "Zoom out", show=False, id="chart.out"),
        Binding("0", "fit", "Fit all", show=False, id="chart.fit"),
        Binding("shift+left,less_than_sign", "pan(-1)", "Pan back", show=False, id="chart.back"),
        Binding("shift+right,greater_than_sign", "pan(1)", "Pan on", show=False, id="chart.on"),
    ]

    def __init__(self, *, zone: ZoneInfo = UTC, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.zone = zone
        self.starts_utc: Ints64 = np.empty(0, np.int64)
        self.scale: Scale | None = None  # None: the usual one
        self.last: int | None = None  # last interval seen; None: the newest, also when more arrive
        self.label_width = 0  # cells left of the plot, for the value axis

    @property
    def count(self) -> int:
        return len(self.starts_utc)

    def extent(self) -> Place:
        return self.count, 1

    @property
    def plot_width(self) -> int:
        """Cells that the columns have, at least 1."""
        return max(1, self.size.width - self.label_width)

    # Scales and the part seen -----------------------------------------------------------------------------------------
    def ladder(self) -> list[Scale]:
        """Scales from close to far."""
        return [(1, pitch) for pitch in self.PITCHES] + [(group, self.PITCHES[-1]) for group in GROUPS]

    def whole(self, columns: int) -> Scale:
        """The scale at which the whole series is seen: fitted to the cells there are."""
        return max(1, self.count), columns

    def usual(self, columns: int) -> Scale:
        """The scale when none was chosen."""
        return self.whole(columns)

    def view(self, columns: int | None = None) -> View:
        """What the plot shows when it is `columns` cells wide (now, when not told)."""
        columns = self.plot_width if columns is None else max(1, columns)
        group, pitch = self.scale or self.usual(columns)
        seen = max(1, columns * group // pitch)
        last = self.count - 1 if self.last is None else min(self.last, self.count - 1)
        # Groups begin at multiples of their size, so that panning never changes what a column holds.
        begin = -(-max(0, last + 1 - seen) // group) * group
        return View(begin, group, pitch, columns, self.count)

    def step(self) -> int:
        return self.view().step

    def action_zoom(self, by: int) -> None:
        """Climb the ladder of scales; what is under the cursor stays in sight."""
        columns = self.plot_width
        group, pitch = self.scale or self.usual(columns)
        most, cells = self.whole(columns)
        rungs = self.ladder() if by > 0 else self.ladder()[::-1]
        beyond = [(g, p) for g, p in rungs if (g * pitch - group * p) * by > 0]
        self.scale = beyond[0] if beyond else self.scale
        if self.scale is not None and self.scale[0] * cells >= most * self.scale[1]:
            self.scale = self.last = None
            if self.usual(columns) != self.whole(columns):
                self.scale = self.whole(columns)
        if self.place is not None:
            self._show(self.place[0], centred=True)
        self.refresh()

    def action_fit(self) -> None:
        """All of it, or the usual part."""
        self.scale = None if self.scale is not None else self.whole(self.plot_width)
        self.last = None
        self.refresh()

    def remember(self) -> dict[str, Any]:
        """The scale, where one was chosen."""
        return {} if self.scale is None else {"scale": list(self.scale)}

    def recall(self, memory: dict[str, Any]) -> None:
        scale = tuple(memory.get("scale", ()))
        if scale in self.ladder():
            self.scale = scale
            self.refresh()

    def action_pan(self, by: int) -> None:
        """Move by a quarter of what is seen; at the newest end the chart follows again."""
        view = self.view()
        self._look_at(view.end - 1 + by * max(view.group, (view.end - view.begin) // 4))
        self.refresh()

    def _look_at(self, last: int) -> None:
        view = self.view()
        last = max(view.columns * view.group // view.pitch - 1, last)
        self.last = None if last >= self.count - 1 else last

    def _show(self, interval: int, centred: bool = False) -> None:
        view = self.view()
        seen = view.columns * view.group // view.pitch
        if centred:
            self._look_at(interval + seen // 2)
        elif interval < view.begin:
            self._look_at(interval + seen - 1)
        elif interval >= view.end:
            self._look_at(interval + view.group - 1)

    def move_to(self, place: Place | None) -> None:
        if place is not None and self.count:
            self._show(max(0, min(self.count - 1, place[0])))
        super().move_to(place)

    def locate(self, x: int, y: int) -> Place | None:
        view = self.view()
        column = x - self.label_width
        if (
            not self.count
            or not 0 <= column < view.columns
            or view.begin + column * view.group // view.pitch >= self.count
        ):
            return None
        return view.interval_at(column), 0

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_zoom(-1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_zoom(1)

    def cells_of(self, view: View, interval: int) -> tuple[int, int, int]:
        """Where an interval is drawn in the plot: first column, row 0, and how many columns."""
        first = view.column_of(interval)
        return first, 0, max(1, view.column_of(interval + 1) - first)

    # The frame around the plot ----------------------------------------------------------------------------------------
    def paint_frame(self, cells: Cells) -> Cells:
        """Draw the read-out and the time axis; the plot between them is handed back."""
        cells.put_words(0, 0, self.readout(self.place))
        plot = cells.part(self.label_width, 1, cells.w - self.label_width, cells.h - 2)
        self.paint_time_axis(plot, cells.part(self.label_width, cells.h - 1, plot.w, 1))
        return plot

    def paint_time_axis(self, plot: Cells, axis: Cells) -> None:
        """Times below the plot, and the cursor's own time on a tag."""
        if not self.count or not plot.w:
            return
        view, tag, at = self.view(plot.w), "", 0
        if self.place is not None:
            first, _, width = self.cells_of(view, self.place[0])
            tag = f" {clock_text(int(self.starts_utc[self.place[0]]), self.zone)} "
            at = max(0, min(plot.w - len(tag), first + (width - len(tag)) // 2))
            axis.put(at, 0, tag, GROUND, OWN)
        for tick in time_ticks(self.starts_utc[view.edges()], self.zone):
            end = tick.column + len(tick.text)
            if end <= plot.w and (end < at or tick.column > at + len(tag) or not tag):
                axis.put(tick.column, 0, tick.text, FAINT)

    def paint_cursor(self, plot: Cells) -> None:
        """Tint the cursor's columns wherever nothing else has a tone."""
        if self.place is not None:
            column = plot.part(*self.cells_of(self.view(plot.w), self.place[0]), plot.h)
            column.draw(column.paper == GROUND, column.glyph, column.ink, CURSOR)
