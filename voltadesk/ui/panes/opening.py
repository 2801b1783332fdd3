"""What there is to see before a community is open: how to open one, how far its files are read, what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from voltadesk.ui.actions import BY_ID
from voltadesk.ui.cells import Words
from voltadesk.ui.charts.prose import Prose
from voltadesk.ui.community_frame import CommunityFrame
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import FAULT, OWN, STRONG, TEXT
from voltadesk.ui.pane import Pane

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

FAULTS_SHOWN = 20


class OpeningPane(Pane):
    """Words only; it gives way to the other panes."""

    HELP = "A community is a folder with its rules, community.toml, and the files of its members' meters beside them."

    def __init__(self) -> None:
        self._prose = Prose()
        self._shown: CommunityFrame | None = None
        super().__init__(None, "Community", self._prose, id="opening")

    def feed(self, frame: DeskFrame) -> None:
        app = cast("DeskBase", self.app)
        seen = app.settler.frame
        if seen is not self._shown:
            self._shown = seen
            self.retitle(seen.source)
            self._prose.show(_words(seen, app.key_of(BY_ID["community.open"])))


def _words(seen: CommunityFrame, key: str) -> list[Words]:
    if seen.busy:
        return [[(seen.busy, TEXT)]]
    return [*(_wrong(seen) if seen.faults else []), *_how(key)]


def _wrong(seen: CommunityFrame) -> list[Words]:
    count = len(seen.faults)
    more = count - FAULTS_SHOWN
    parts: list[Words] = [[("It can't be settled" + (f": {count:,} faults" if count > 1 else ""), STRONG)], []]
    parts += [[(f"✗ {fault}", FAULT)] for fault in seen.faults[:FAULTS_SHOWN]]
    if more > 0:
        parts.append([(f"and {more:,} more: voltadesk community check tells all", TEXT)])
    return [*parts, []]


def _how(key: str) -> list[Words]:
    from voltadesk.community.shipped import shipped_communities

    names = " or ".join(shipped_communities())
    return [
        [("Open an energy community", STRONG)],
        [],
        [("Meters in, a bill for every member out: what each used and gave, and how it was shared.", TEXT)],
        [],
        [(key, OWN), (f" opens one: {names}, which come with the program with meters of a year, or a folder of", TEXT),
         (" your own.", TEXT)],
        [("Such a folder holds community.toml, the rules, and beside it the meter files as CSV or Parquet.", TEXT)],
        [("voltadesk tui --community NAME|FOLDER opens it from the start.", TEXT)],
    ]  # fmt: skip
