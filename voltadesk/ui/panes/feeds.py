"""Where the market's outside comes from, how far it goes, and who runs the market."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from voltadesk.clock import utc_text
from voltadesk.desk.published import FeedState
from voltadesk.desk.source import Feed
from voltadesk.store.clock import holder
from voltadesk.ui.consulted import known_feeds
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import FAULT, OWN, TEXT, UP
from voltadesk.ui.inquiry import Inquiry
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import day_clock_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

SOON_S = 86_400  # before a feed's end it is said
LATE_S = 6 * 3600  # before what is published ends: the next day's prices come out at noon
_OK, _SOON, _ENDED = "✓ ok", "! ends soon", "✗ ENDED"
_INKS = {_OK: UP, _SOON: OWN}


def _state_ink(state: str) -> int:
    return FAULT if state.startswith("✗") else _INKS.get(state, TEXT)


COLUMNS = (
    Column("state", "state", width=11, ink=_state_ink),
    Column("feed", "feed", width=8),
    Column("note", "note"),
    Column("until", "until", width=16),
    Column("about", "what it is"),
)


class FeedsPane(TablePane):
    """The clock of the market, and the feed and the files that it lives on."""

    HELP = (
        "Who runs the market's clock, and where prices of the outside and meters come from: files, or a service whose "
        "prices are published here (voltadesk market feed). A feed that ends halts the market: it never goes on with "
        "old prices."
    )

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._feeds: list[Feed] | None = None
        self._holder: int | None = None
        self._is_asked = False
        self._inquiry = Inquiry[int | None](self._found)
        super().__init__(None, "Feeds", Table(COLUMNS), id="feeds")

    def feed(self, frame: DeskFrame) -> None:
        app = cast("DeskBase", self.app)
        if not self._is_asked:
            self._is_asked = True
            app.after(app.runner.consult(known_feeds), self._know)
        self._inquiry.ask(app, lambda records: holder(app.runner.folder))
        rows = [_clock_row(frame, self._holder), *(_feed_row(each, frame) for each in self._feeds or ())]
        standing = None if frame.market is None else frame.market.feed
        if standing is not None:
            rows.append(_published_row(standing, frame))
        elif self._feeds == [] and frame.market is not None:
            rows.append((_OK, "scenario", "no files: drawn from its seed", None, "homes, sun and wind"))
        if rows != self._rows:
            self._rows = rows
            self.table.show(ListRows(COLUMNS, rows))
        bad = sum(str(row[0]).startswith("✗") for row in rows)
        self.retitle(f"{bad} at fault" if bad else "all well")
        self.stand(Standing(sequence=frame.sequence, note="as of now" if frame.clock.is_replay else ""))

    def _know(self, feeds: list[Feed]) -> None:
        self._feeds = feeds
        cast("DeskBase", self.app).refeed()

    def _found(self, holder: int | None) -> None:
        if holder != self._holder:
            self._holder = holder
            cast("DeskBase", self.app).refeed()


def _clock_row(frame: DeskFrame, holder: int | None) -> Row:
    clock = frame.clock
    if frame.fault:
        state, note = "✗ FAULT", frame.fault
    elif clock.is_playing and not clock.is_replay:
        state, note = _OK, "runs here"
    elif holder is not None:
        state, note = _OK, f"process {holder} runs it"
    else:
        state, note = "‖ stands", clock.reason or "nobody runs it: space plays"
    return state, "clock", note, None, "the market's clock"


def _published_row(standing: FeedState, frame: DeskFrame) -> Row:
    """A service: how far its prices are known. In replay, too, as they are now."""
    notes = [standing.zone, f"published in entry {standing.entry}" if standing.entry else "nothing published yet"]
    notes += [f"asked at {utc_text(standing.fetched_utc)}"] if standing.fetched_utc else []
    end_utc = standing.until_utc
    feed = Feed(standing.source, "prices of the grid above", frame.next_utc, end_utc, frame.step_s, tuple(notes))
    return _feed_row(feed, frame, LATE_S)


def _feed_row(feed: Feed, frame: DeskFrame, soon_s: int = SOON_S) -> Row:
    if feed.fault:
        return "✗ FAULT", feed.name, feed.fault, None, feed.what
    left_s = feed.end_utc - frame.next_utc
    state = _ENDED if left_s < frame.step_s else _SOON if left_s < soon_s else _OK
    left = f"{max(0, left_s) // 86_400} days and {max(0, left_s) % 86_400 // 3600} h left"
    note = "; ".join([left, *feed.notes])
    return state, feed.name, note, day_clock_text(feed.end_utc, frame.zone), feed.what
