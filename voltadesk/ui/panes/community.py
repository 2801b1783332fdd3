"""From where homes got what they needed: their own roof, their neighbours through the broker, the auction."""

from __future__ import annotations

import numpy as np

from voltadesk.ui.axes import Ints64
from voltadesk.ui.charts.mix import ShareChart
from voltadesk.ui.derived import Derived
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import History
from voltadesk.ui.inks import FAULT, MIX
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import percent_text

NAMES = ("own roof", "community", "auction", "unserved")
_INKS = (MIX[3], MIX[4], MIX[1], FAULT)  # roofs as solar is drawn elsewhere


class CommunityPane(Pane):
    """Shares of the homes' demand."""

    HELP = (
        "How the homes' demand was met, in per cent of it: from their own roofs, from neighbours through the "
        "community's broker, and the rest from the auction (with what the reserve balances). What nobody could serve "
        "is on top."
    )

    def __init__(self) -> None:
        self._chart, self._derived = ShareChart(), Derived(self._made)
        super().__init__(None, "Community", self._chart, id="community")

    def feed(self, frame: DeskFrame) -> None:
        chart, history = self._chart, frame.history
        chart.zone, chart.recent = frame.zone, 86_400 // frame.step_s
        self._step_s = frame.step_s
        power_w = self._derived.of(history, frame.step_s)
        chart.show(history.starts_utc, NAMES, power_w, None, _INKS)
        title = ""
        if len(history):
            day = parts_of(history, max(0, len(history) - 86_400 // frame.step_s)).sum(axis=1)
            title = f"{percent_text(int(day[1]), int(day.sum()))} in a day"
        self.retitle(title)
        rule = "" if frame.market is None else frame.market.scenario.community.rule
        self.stand(Standing(sequence=frame.seen_sequence, note="no community: rule none" if rule == "none" else ""))

    def _made(self, history: History, begin: int) -> Ints64:
        """Power of each part [W]."""
        return parts_of(history, begin) * 3600 // self._step_s


def parts_of(history: History, begin: int = 0) -> Ints64:
    """Energy that homes got from each of `NAMES` [Wh] in the intervals from `begin` on (4, n)."""
    names = ("own_use_wh", "community_wh", "load_wh", "shed_wh")
    own_wh, community_wh, load_wh, shed_wh = (history[name][begin:] for name in names)
    # Homes that turned out to need less than they bought give the rest to the reserve.
    shared_wh = np.minimum(community_wh, load_wh - own_wh)
    return np.stack([own_wh, shared_wh, load_wh - own_wh - shared_wh, shed_wh])
