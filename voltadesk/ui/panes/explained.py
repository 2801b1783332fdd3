"""How a member's part of an interval came about, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from voltadesk.ui.actions import BY_ID
from voltadesk.ui.cells import Words
from voltadesk.ui.charts.prose import Prose
from voltadesk.ui.community_frame import CommunityFrame
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import FAULT
from voltadesk.ui.interval_words import of_all
from voltadesk.ui.opening_words import opening_words
from voltadesk.ui.pane import Pane, Standing

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


class ExplainedPane(Pane):
    """The member under the cursor of Members, in the interval under the cursor of Sharing."""

    HELP = (
        "What the member used and fed in, what the community had for what was wanted, its key or part under the rule, "
        "what it got and gave and how near the other end was, what the grid did, and what it paid against what it "
        "would have paid alone. Every figure is that of the settlement, to the last watt-hour and 1e-8. What can't be "
        "divided into whole watt-hours goes round from interval to interval, so a part may be 1 Wh more or less. y "
        "copies the words for the member."
    )

    def __init__(self) -> None:
        self._prose = Prose()
        self._shown: tuple[object, ...] = ()
        super().__init__(None, "Explained", self._prose, id="explained")

    def feed(self, frame: DeskFrame) -> None:
        app = cast("DeskBase", self.app)
        seen = app.settler.frame
        shown = seen.month, seen.member, seen.interval, seen.told, seen.months, seen.busy, seen.facts
        if shown == self._shown:
            return
        self._shown = shown
        if not seen.is_open:
            self._prose.show(opening_words(seen, app.key_of(BY_ID["community.open"])))
            self.retitle(seen.source, "Open a community")
            self.stand(Standing())
            return
        self._prose.show(self._words(seen))
        self.retitle(seen.member or "", "Explained")
        self.stand(Standing(note="" if seen.month is None or not seen.member or _is_told(seen) else "…"))

    def _words(self, seen: CommunityFrame) -> list[Words]:
        if seen.month is None:
            return [[(f"✗ {seen.line.fault}", FAULT)]] if seen.line.fault else []
        if not seen.member:
            return of_all(seen.month, seen.interval)
        return [] if seen.told is None else seen.told.words


def _is_told(seen: CommunityFrame) -> bool:
    """Whether the explanation is of what the cursors are on."""
    told = seen.told
    assert seen.month is not None
    start_utc = int(seen.month.grid.starts_utc[seen.interval])
    return told is not None and (told.member, told.start_utc) == (seen.member, start_utc)
