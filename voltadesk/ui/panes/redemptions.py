"""The queue of those who want to be paid for their shares."""

from __future__ import annotations

from voltadesk.ui.frame import DeskFrame, FundFigures
from voltadesk.ui.inks import OWN, TEXT
from voltadesk.ui.pane import Standing
from voltadesk.ui.panes.holdings import AS_OF_NOW
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import COUNT, MONEY


class RedemptionsPane(TablePane):
    """Requests in their order; they are paid from free cash, the first one first."""

    HELP = (
        "Requests to be paid for shares, in their order. Each is worth what its shares are when it is paid; where cash "
        "falls short the first is paid in part and those behind it wait. Ahead: the worth of all before it. C takes "
        "your own request under the cursor out again, r asks for one."
    )

    def __init__(self) -> None:
        self._actor, self._seen = "", ("", "")
        self._rows: list[Row] = []
        self._fund: FundFigures | None = None
        self._columns = self._made("")
        super().__init__(None, "Redemption queue", Table(self._columns), id="redemptions")

    def _made(self, currency: str) -> tuple[Column, ...]:
        return (
            number_column("number", "no.", "", COUNT),
            Column("investor", "investor", ink=lambda name: OWN if name == self._actor else TEXT),
            number_column("shares", "shares", "", MONEY),
            number_column("worth", "worth now", currency, MONEY),
            number_column("ahead", "ahead", currency, MONEY),
            number_column("entry", "asked in entry", "", COUNT),
        )

    def feed(self, frame: DeskFrame) -> None:
        fund = frame.fund
        self.stand(Standing(sequence=frame.sequence, note=AS_OF_NOW if frame.clock.is_replay else ""))
        if fund is self._fund and (frame.currency, frame.actor) == self._seen:
            return
        self._fund = fund
        if (frame.currency, frame.actor) != self._seen:
            self._seen, self._actor = (frame.currency, frame.actor), frame.actor
            self._columns = self._made(frame.currency)
            self.table.reword(self._columns)
            self._rows = []
        rows: list[Row] = []
        ahead_e8 = 0
        for asked in fund.queue:
            worth_e8 = asked.shares * (max(fund.nav_e8, 0) + 1) // (fund.shares_issued + 1)
            rows.append((asked.number, asked.actor, asked.shares, worth_e8, ahead_e8, asked.entry))
            ahead_e8 += worth_e8
        if rows != self._rows:
            self._rows = rows
            self.table.show(ListRows(self._columns, rows))
        words = f"{COUNT.show(len(rows))} waiting · {MONEY.show(ahead_e8)} {frame.currency}" if rows else "nobody waits"
        self.retitle(words)

    def prefill(self, kind: str) -> dict[str, str]:
        row = self.table.row
        return {} if row is None or kind != "fund.cancel" else {"redemption": str(row[0])}
