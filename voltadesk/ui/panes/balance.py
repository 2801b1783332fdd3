"""What the net asset value consists of, to the last digit."""

from __future__ import annotations

from collections.abc import Sequence

from voltadesk.ui.charts.figures import Figure, Figures, figure
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.history import FUND
from voltadesk.ui.inks import STRONG, TEXT, change_ink
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import MONEY_EXACT, Number
from voltadesk.units import E8_PER_CURRENCY, PPM_PER_UNIT

EXACT_CHANGE = Number(8, 8, signed=True)


class BalancePane(Pane):
    """Assets less debts, per share, and where they came from."""

    HELP = (
        "What the net asset value consists of, exactly. Reserved cash is held for open orders; what is held for "
        "dividends is owed and cancels out. Stored energy counts at the lower of cost and the last price. Profit is "
        "realised only; what may be declared is at most that, and at most the free cash above the reserve."
    )

    def __init__(self) -> None:
        self._figures = Figures()
        super().__init__(None, "Composition", self._figures, id="balance")

    def feed(self, frame: DeskFrame) -> None:
        is_then = frame.clock.is_replay and len(frame.history) > 0
        self._figures.show(_then(frame) if is_then else _now(frame))
        self.retitle(frame.currency)
        note = "shares, capital and profit are known as of now only" if is_then else ""
        self.stand(Standing(sequence=frame.sequence, note=note))


def _assets(parts: Sequence[tuple[str, int]], owed_e8: int, nav_e8: int) -> list[Figure]:
    """Each asset with its share of all of them, what is owed, and what is left."""
    whole = sum(max(value, 0) for _, value in parts)
    lines = [
        figure(label, value, MONEY_EXACT, share=max(value, 0) * PPM_PER_UNIT // whole if whole else None)
        for label, value in parts
    ]
    return [
        *lines,
        figure("dividends owed", owed_e8, MONEY_EXACT),
        figure("net asset value", nav_e8, MONEY_EXACT, ink=STRONG),
    ]


def _then(frame: DeskFrame) -> list[Figure]:
    """As the history knows it."""
    history = frame.history
    cash, batteries, _, _, owed = (int(history.fund[n, -1]) for n in range(len(FUND)))
    nav_e8 = int(history.nav_e8[-1])
    parts = [("cash", cash), ("batteries", batteries), ("stored energy", nav_e8 - cash - batteries - owed)]
    return _assets(parts, owed, nav_e8)


def _now(frame: DeskFrame) -> list[Figure]:
    fund = frame.fund
    # One share unit and one unit of money more than there are: as the fund itself counts (desk.fund).
    share_e8 = E8_PER_CURRENCY * (max(fund.nav_e8, 0) + 1) // (fund.shares_issued + 1) if fund.shares_issued else None
    parts = [
        ("cash, free", fund.free_e8),
        ("cash, reserved", fund.reserved_e8),
        ("cash for dividends", fund.dividends_held_e8),
        ("batteries", sum(line.book_e8 for line in frame.batteries)),
        ("stored energy", fund.energy_worth_e8),
    ]
    return [
        *_assets(parts, -fund.dividends_held_e8, fund.nav_e8),
        figure("shares", fund.shares_issued, MONEY_EXACT, ink=TEXT),
        figure("per share", share_e8, MONEY_EXACT, ink=STRONG),
        figure("capital", fund.capital_e8, MONEY_EXACT),
        figure("realised profit", fund.profit_e8, EXACT_CHANGE, ink=change_ink(fund.profit_e8)),
        figure("may be declared", fund.distributable_profit_e8, MONEY_EXACT),
    ]
