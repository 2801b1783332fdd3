"""A day of a community, or its month, interval by interval."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

import numpy as np
from textual import on

from voltadesk.ui.canvas import Canvas
from voltadesk.ui.charts.lines import Band, Series
from voltadesk.ui.charts.sharing import SharingChart
from voltadesk.ui.community_frame import CommunityFrame, OpenMonth, Told
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import DOWN, LIVE, OWN, UP
from voltadesk.ui.pane import Pane, Standing

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


class SharingPane(Pane):
    """What was wanted, offered and shared, and the part of the member that is looked at."""

    HELP = (
        "What all members wanted from the grid or each other, what all offered, and what was shared between them, in "
        "every interval; in yellow what the member under the cursor of Members got, and gave. The cursor's interval "
        "is what Explained tells about; it goes on into the next day. d and D go a day on and back, m shows the "
        "month."
    )

    def __init__(self) -> None:
        self._chart = SharingChart()
        self.is_whole = False  # the month, not a day
        self._first, self._end = 0, 0  # intervals of the month that are shown
        self._shown: tuple[OpenMonth | None, str | None, int, int] = None, None, 0, 0
        super().__init__(None, "Sharing", self._chart, id="sharing")

    @property
    def _app(self) -> DeskBase:
        return cast("DeskBase", self.app)

    def feed(self, frame: DeskFrame) -> None:
        seen = self._app.settler.frame
        if seen.month is None:
            self.retitle()
            self._draw(seen, 0, 0)
            return
        whole = (0, seen.month.grid.count)
        first, end = whole if self.is_whole else seen.month.day_of(seen.interval)
        self._draw(seen, first, end)
        self._chart.move_to((seen.interval - first, 0))
        day = datetime.fromtimestamp(int(seen.month.grid.starts_utc[seen.interval]), seen.month.grid.zone)
        shown = seen.month.name if self.is_whole else f"{day:%a %Y-%m-%d}"
        self.retitle(" · ".join(filter(None, (shown, seen.member, "kWh"))))
        self.stand(Standing(note="d D another day · m the day" if self.is_whole else "d D another day · m the month"))

    def _draw(self, seen: CommunityFrame, first: int, end: int) -> None:
        told = seen.told if seen.told is not None and seen.told.member == seen.member else None
        shown = seen.month, None if told is None else told.member, first, end
        if shown == self._shown:
            return
        if shown[0] is not self._shown[0] or (first, end) != self._shown[2:]:
            self._chart.move_to(None)
            self._chart.scale = self._chart.last = None
        self._shown, self._first = shown, first
        chart, month, at = self._chart, seen.month, slice(first, end)
        if month is None:
            chart.show(np.empty(0, np.int64), ())
            return
        chart.zone = month.grid.zone
        lines = [Series("wanted", month.wanted_wh[at], DOWN), Series("offered", month.offered_wh[at], UP)]
        if told is not None:
            lines += _member_lines(told, at)
        shared_wh = month.shared_wh[at]
        chart.show(month.grid.starts_utc[at], lines, [Band("shared", np.zeros_like(shared_wh), shared_wh, LIVE)])

    @on(Canvas.Moved)
    def _moved(self, event: Canvas.Moved) -> None:
        if event.place is not None:
            self._app.settler.choose_interval(self._first + event.place[0])

    @on(SharingChart.Beyond)
    def _beyond(self, event: SharingChart.Beyond) -> None:
        self._app.settler.step(event.by)


def _member_lines(told: Told, at: slice) -> list[Series]:
    """What a member got and gave, as far as it did in the month."""
    parts = (("got", told.got_wh), ("gave", told.gave_wh))
    return [Series(word, energy_wh[at], OWN) for word, energy_wh in parts if energy_wh.any()]
