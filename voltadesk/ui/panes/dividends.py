"""All dividends that were declared, what of them was taken out and what is still due."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import work

from voltadesk.store.records import Records
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.pane import Standing
from voltadesk.ui.panes.holdings import AS_OF_NOW
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import COUNT, MONEY, clean, clock_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

_OWED = "owed:dividend:"


@dataclass
class Declared:
    """A dividend [1e-8 currency]; `own_e8` is the part of the actor that was asked for."""

    entry: int
    time_utc: int
    is_return_of_capital: bool
    amount_e8: int = 0
    withdrawn_e8: int = 0
    own_e8: int = 0


@dataclass
class DividendBook:
    """Dividends by number, read from the ledger's postings; what comes later is read on from there."""

    actor: str
    head: int = -1  # the last entry that was read
    by_number: dict[int, Declared] = field(default_factory=dict)

    def read(self, head: int, records: Records) -> DividendBook:
        """Another book, with what was posted since, up to that entry."""
        by_number = {number: replace(each) for number, each in self.by_number.items()}
        for row in records.postings(self.head, _OWED):
            if row.entry > head:
                break
            _, _, number, actor = row.account.split(":")
            found = by_number.get(int(number))
            if found is None:
                command = records.journal.entry(row.entry).fields["command"]
                is_return = command.get("return_of_capital") is True
                found = by_number[int(number)] = Declared(row.entry, row.time_utc, is_return)
            if row.entry == found.entry:
                found.amount_e8 -= row.amount
                found.own_e8 -= row.amount if actor == self.actor else 0
            else:
                found.withdrawn_e8 += row.amount
        return DividendBook(self.actor, head, by_number)


class DividendsPane(TablePane):
    """Declared and due."""

    HELP = (
        "Every dividend declared, the newest first: how much of it holders have taken out, what is still due to them, "
        "and your own part of it. d declares one, w takes out all that is due to you."
    )

    def __init__(self) -> None:
        self._seen: tuple[object, ...] = ()
        self._book, self._note = DividendBook(""), ""
        self._columns = self._made("")
        super().__init__(None, "Dividends", Table(self._columns), id="dividends")

    def _made(self, currency: str) -> tuple[Column, ...]:
        return (
            number_column("number", "no.", "", COUNT),
            Column("time", "declared at"),
            number_column("amount", "amount", currency, MONEY),
            number_column("own", "yours", currency, MONEY),
            number_column("due", "due", currency, MONEY),
            number_column("withdrawn", "withdrawn", currency, MONEY),
            Column("kind", "from"),
        )

    def feed(self, frame: DeskFrame) -> None:
        fund = frame.fund
        # What is held for dividends changes with each that is declared or taken out.
        key = (frame.actor, frame.currency, fund.dividends, fund.dividends_held_e8)
        if key != self._seen:
            self._seen = key
            self._columns = self._made(frame.currency)
            self.table.reword(self._columns)
            self._read(frame)
        may_e8 = fund.distributable_profit_e8
        words = f"{COUNT.show(fund.dividends)} declared" if fund.dividends else "none yet"
        self.retitle(
            f"{words} · due {MONEY.show(fund.dividends_held_e8)} · up to {MONEY.show(may_e8)} {frame.currency} more"
        )
        self._say(frame)

    def _say(self, frame: DeskFrame) -> None:
        self.stand(Standing(sequence=frame.sequence, note=AS_OF_NOW if frame.clock.is_replay else self._note))

    @work(exclusive=True)
    async def _read(self, frame: DeskFrame) -> None:
        book = self._book if self._book.actor == frame.actor else DividendBook(frame.actor)
        self._note = "reading …"
        try:
            runner = cast("DeskBase", self.app).runner
            self._book = await asyncio.wrap_future(runner.read(partial(book.read, frame.sequence)))
            self._note = ""
        except Exception as error:  # what can't be read is said here, and must not end the screen
            self._book, self._note = DividendBook(""), f"can't be read: {clean(error)}"
        rows: list[Row] = [
            (
                number,
                f"{datetime.fromtimestamp(each.time_utc, frame.zone):%Y-%m-%d} {clock_text(each.time_utc, frame.zone)}",
                each.amount_e8,
                each.own_e8,
                each.amount_e8 - each.withdrawn_e8,
                each.withdrawn_e8,
                "capital" if each.is_return_of_capital else "profit",
            )
            for number, each in sorted(self._book.by_number.items(), reverse=True)
        ]
        self.table.show(ListRows(self._columns, rows))
        self._say(frame)
