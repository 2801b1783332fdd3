"""What a community wanted, offered and shared in each interval, and one member's part of it."""

from __future__ import annotations

from textual.message import Message

from voltadesk.ui.canvas import Place
from voltadesk.ui.cells import Words
from voltadesk.ui.charts.lines import LineChart
from voltadesk.ui.inks import STRONG, TEXT
from voltadesk.ui.text import Number, clean, clock_text

KWH_EXACT = Number(3, 3)  # from Wh


class SharingChart(LineChart):
    """Lines over a day or a month; the cursor goes on beyond its ends."""

    class Beyond(Message):
        """The cursor is to go so many intervals beyond the first or the last that is shown."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(self) -> None:
        super().__init__(KWH_EXACT.show, "kWh", from_zero=True)

    def readout(self, place: Place | None) -> Words:
        """Names in the inks of their lines, then what was shared."""
        if not self.count:
            return []
        at = self.count - 1 if place is None else place[0]
        lines = [(f"━ {clean(line.name)} {self.show_value(int(line.values[at]))}", line.ink) for line in self.series]
        areas = [(f"▒ {area.name} {self.show_value(int(area.high[at]))}", TEXT) for area in self.bands]
        return [*lines[:2], *areas, *lines[2:], (clock_text(int(self.starts_utc[at]), self.zone), STRONG)]

    def action_cursor(self, right: int, down: int) -> None:
        if self.place is not None and abs(right) == 1 and not 0 <= self.place[0] + right * self.step() < self.count:
            self.post_message(self.Beyond(right))
        else:
            super().action_cursor(right, down)
