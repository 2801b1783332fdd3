"""Who has which part of the fund."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from voltadesk.ui.frame import DeskFrame, FundFigures, Holding
from voltadesk.ui.inks import OWN, TEXT
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import COUNT, MONEY, MONEY_CHANGE, PERCENT
from voltadesk.units import PPM_PER_UNIT

AS_OF_NOW = "as of now, not of the time that is replayed"


def columns(currency: str, is_own: Callable[[str], bool]) -> tuple[Column, ...]:
    """The table's columns; money in that currency."""
    return (
        Column(
            "investor",
            "investor",
            show=lambda name: f"{name} ◂ you" if is_own(name) else str(name),
            ink=lambda name: OWN if is_own(name) else TEXT,
        ),
        number_column("shares", "shares", "", MONEY),
        number_column("part", "part", "%", PERCENT),
        number_column("worth", "worth", currency, MONEY),
        number_column("gain", "gain", currency, MONEY_CHANGE),
        number_column("invested", "invested", currency, MONEY),
        number_column("redeemed", "redeemed", currency, MONEY),
        number_column("declared", "declared", currency, MONEY),
        number_column("withdrawn", "withdrawn", currency, MONEY),
        number_column("due", "due", currency, MONEY),
        number_column("waiting", "shares waiting", "", MONEY),
    )


class HoldingsPane(TablePane):
    """Every investor of the fund."""

    HELP = (
        "Every investor: shares, their part of all and their worth at net asset value; money put in, redeemed, "
        "declared as dividends, withdrawn and still due. Gain is worth, redeemed and declared less invested. Shares "
        "waiting are in the redemption queue and still theirs."
    )

    def __init__(self) -> None:
        self._actor, self._seen = "", ("", "")
        self._fund: FundFigures | None = None
        self._columns = columns("", self._is_own)
        super().__init__(None, "Holdings", Table(self._columns), id="holdings")

    def _is_own(self, name: str) -> bool:
        return name == self._actor

    def feed(self, frame: DeskFrame) -> None:
        fund = frame.fund
        if (frame.currency, frame.actor) != self._seen:
            self._seen, self._actor = (frame.currency, frame.actor), frame.actor
            self._columns = columns(frame.currency, self._is_own)
            self.table.reword(self._columns)
            self._fund = None
        if fund is not self._fund:
            self._fund, count = fund, len(fund.holdings)
            self.table.show(HoldingRows(self._columns, fund))
            self.retitle(f"{COUNT.show(count)} investors" if count != 1 else "1 investor")
        self.stand(Standing(sequence=frame.sequence, note=AS_OF_NOW if frame.clock.is_replay else ""))


class HoldingRows:
    """Holdings as rows that are made when they are looked at: investors may be many."""

    def __init__(self, columns: Sequence[Column], fund: FundFigures) -> None:
        self._columns, self._fund = columns, fund
        self.total = self.held = len(fund.holdings)

    def __len__(self) -> int:
        return self.total

    def rows(self, first: int, last: int) -> Sequence[Row]:
        return [_row(holding, self._fund.shares_issued) for holding in self._fund.holdings[first:last]]

    def arranged(self, words: str, key: str | None, descending: bool) -> ListRows:
        return ListRows(self._columns, self.rows(0, self.total)).arranged(words, key, descending)


def gain_e8(holding: Holding) -> int:
    """What an investor has and got more than was put in [1e-8 currency]; below 0 a loss."""
    return holding.worth_e8 + holding.redeemed_e8 + holding.declared_e8 - holding.invested_e8


def _row(holding: Holding, issued: int) -> Row:
    return (
        holding.actor,
        holding.shares,
        holding.shares * PPM_PER_UNIT // issued if issued else None,
        holding.worth_e8,
        gain_e8(holding),
        holding.invested_e8,
        holding.redeemed_e8,
        holding.declared_e8,
        holding.withdrawn_e8,
        holding.due_e8,
        holding.shares_waiting,
    )
