"""What a community wanted, offered and shared in each interval, and one member's part of it."""

from __future__ import annotations

from textual.message import Message

from voltadesk.ui.charts.lines import LineChart
from voltadesk.ui.text import Number

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

    def action_cursor(self, right: int, down: int) -> None:
        if self.place is not None and abs(right) == 1 and not 0 <= self.place[0] + right * self.step() < self.count:
            self.post_message(self.Beyond(right))
        else:
            super().action_cursor(right, down)
