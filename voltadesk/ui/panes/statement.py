"""All that the acting actor has in the fund, and each investment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import work

from voltadesk.desk.fund import Investment
from voltadesk.ui.charts.figures import Figure, Figures, figure
from voltadesk.ui.consulted import statement
from voltadesk.ui.frame import DeskFrame, Holding
from voltadesk.ui.inks import OWN, STRONG, change_ink
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.panes.balance import EXACT_CHANGE
from voltadesk.ui.panes.holdings import AS_OF_NOW, gain_e8
from voltadesk.ui.text import COUNT, MONEY_EXACT, clean
from voltadesk.units import PPM_PER_UNIT, decimal_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


class StatementPane(Pane):
    """My statement."""

    HELP = (
        "All that you have in the fund, exactly: shares and their worth at net asset value, money put in and got back, "
        "dividends declared, withdrawn and due; and every investment, the newest first. Gain is worth, redeemed and "
        "declared less invested. i invests, r redeems, w withdraws what is due."
    )

    def __init__(self) -> None:
        self._figures = Figures()
        self._asked: tuple[str, int] | None = None
        self._investments: Sequence[Investment] = ()
        self._note = ""
        self._frame: DeskFrame | None = None
        self._holding: Holding | None = None
        super().__init__(None, "My statement", self._figures, id="statement")

    def feed(self, frame: DeskFrame) -> None:
        fund, actor, before = frame.fund, frame.actor, self._frame
        self._frame = frame
        if before is None or before.fund is not fund or before.actor != actor:
            self._holding = next((each for each in fund.holdings if each.actor == actor), None)
        holding = self._holding
        # The frame has every sum; the single investments are read when their sum is another one.
        asked = (actor, 0 if holding is None else holding.invested_e8)
        if asked != self._asked:
            self._asked, self._investments, self._note = asked, (), ""
            if holding is not None:
                self._read(actor)
        self.retitle(f"{actor} · {frame.currency}")
        if holding is None:
            self._figures.show([Figure("You have never invested: i does")])
        else:
            self._figures.show([*_sums(holding, fund.shares_issued), *self._invested()])
        self.stand(Standing(sequence=frame.sequence, note=AS_OF_NOW if frame.clock.is_replay else self._note))

    @work(exclusive=True)
    async def _read(self, actor: str) -> None:
        self._note = "reading …"
        try:
            runner = cast("DeskBase", self.app).runner
            found = await asyncio.wrap_future(runner.consult(partial(statement, actor)))
            self._investments, self._note = found.investments[::-1], ""
        except Exception as error:  # what can't be read is said here, and must not end the screen
            self._note = f"investments can't be read: {clean(error)}"
        if self._frame is not None:
            self.feed(self._frame)  # no other one need come

    def _invested(self) -> list[Figure]:
        if not self._investments:
            return []
        return [
            Figure(f"Investments  {COUNT.show(len(self._investments))}"),
            *(figure(f"entry {COUNT.show(each.entry)}", each.amount_e8, MONEY_EXACT) for each in self._investments),
        ]

    def prefill(self, kind: str) -> dict[str, str]:
        holding = self._holding
        if holding is None or kind != "fund.redeem" or holding.shares <= holding.shares_waiting:
            return {}
        return {"shares": decimal_text(holding.shares - holding.shares_waiting, 8)}


def _sums(holding: Holding, issued: int) -> list[Figure]:
    part = holding.shares * PPM_PER_UNIT // issued if issued else None
    gain = gain_e8(holding)
    return [
        figure("shares", holding.shares, MONEY_EXACT, share=part),
        figure("of these waiting", holding.shares_waiting, MONEY_EXACT),
        figure("worth", holding.worth_e8, MONEY_EXACT, ink=STRONG),
        figure("invested", holding.invested_e8, MONEY_EXACT),
        figure("redeemed", holding.redeemed_e8, MONEY_EXACT),
        figure("dividends declared", holding.declared_e8, MONEY_EXACT),
        figure("withdrawn", holding.withdrawn_e8, MONEY_EXACT),
        figure("due", holding.due_e8, MONEY_EXACT, ink=OWN if holding.due_e8 else STRONG),
        figure("gain", gain, EXACT_CHANGE, ink=change_ink(gain)),
    ]
