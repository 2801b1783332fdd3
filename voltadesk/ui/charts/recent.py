"""Charts over time that show the newest intervals at first, and all of them on `0`."""

from __future__ import annotations

from voltadesk.ui.charts.time_chart import Scale, TimeChart


class RecentChart(TimeChart):
    """`recent` intervals are in sight when no scale was chosen, as many more as the scale for them has room for."""

    recent: int | None = None  # None: all

    def usual(self, columns: int) -> Scale:
        recent = self.recent
        if recent is None or self.count <= recent:
            return self.whole(columns)
        return next((s for s in self.ladder() if columns // s[1] * s[0] >= recent), self.whole(columns))
