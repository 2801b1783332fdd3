"""The journal's newest entries and the ledger's newest postings, read beside the loop."""

from __future__ import annotations

import time
from asyncio import wrap_future
from typing import Any, ClassVar, cast

from voltadesk.errors import VoltaDeskError
from voltadesk.store.desk import Desk
from voltadesk.ui.base import DeskBase
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import COUNT, stamp_text
from voltadesk.units import decimal_text

HELD = 2_000  # entries whose lines are held
LATEST = 20  # entries whose postings are held
READ_S = 1.0  # between two readings


class JournalPane(TablePane):
    """Newest first; what is not held is said in the subtitle."""

    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    NOTE: ClassVar[str] = ""

    def __init__(self, title: str, id: str) -> None:
        self._read_at, self._known, self._is_reading = 0.0, -1, False
        super().__init__(None, title, Table(self.COLUMNS, newest_first=True), id=id)

    def feed(self, frame: DeskFrame) -> None:
        if frame.sequence != self._known and not self._is_reading and time.monotonic() - self._read_at > READ_S:
            self._is_reading = True
            self.run_worker(self._read(frame), exit_on_error=False)

    async def _read(self, frame: DeskFrame) -> None:
        runner = cast("DeskBase", self.app).runner
        try:
            rows, total = await wrap_future(runner.read(lambda desk: self.rows_of(desk, frame)))
            self.table.show(ListRows(self.COLUMNS, rows, total))
            self._known = frame.sequence
            notes = [self.NOTE, "as of now" if frame.clock.is_replay else ""]
            self.stand(Standing(sequence=frame.sequence, note=" · ".join(filter(None, notes))))
        except VoltaDeskError as error:
            self.stand(Standing(note=str(error)))
        finally:
            self._is_reading, self._read_at = False, time.monotonic()

    def rows_of(self, desk: Desk, frame: DeskFrame) -> tuple[list[Row], int | None]:
        """The lines to be held, newest first, and how many there are in all."""
        raise NotImplementedError


class EntriesPane(JournalPane):
    """Receipts: every command that was ever asked, done or refused."""

    HELP = "Every command of the desk's journal, with what came of it. v checks the whole journal."
    COLUMNS = (
        number_column("entry", "entry", "", COUNT),
        Column("time", "time"),
        Column("kind", "kind"),
        Column("actor", "actor"),
        Column("outcome", "outcome"),
        Column("command", "command"),
        Column("leaf", "leaf hash"),
    )

    def __init__(self) -> None:
        super().__init__("Receipts", "entries")

    def rows_of(self, desk: Desk, frame: DeskFrame) -> tuple[list[Row], int | None]:
        head = desk.journal.head().seq
        rows: list[Row] = []
        for entry in desk.journal.tail(after=max(-1, head - HELD)):
            fields: dict[str, Any] = entry.fields
            told = ", ".join(f"{name} {value}" for name, value in fields["command"].items())[:200]
            stamp = stamp_text(fields["time_utc"], frame.zone)
            rows.append((entry.seq, stamp, fields["kind"], fields["actor"], fields["outcome"], told, entry.leaf.hex()))
        return rows[::-1], head + 1


class PostingsPane(JournalPane):
    """What entries moved from account to account."""

    HELP = "The double-entry ledger: money in 8 decimals, energy in Wh, shares in 8 decimals. Every entry sums to 0."
    NOTE = f"CUT to the newest {LATEST} entries"
    COLUMNS = (
        number_column("entry", "entry", "", COUNT),
        Column("time", "time"),
        Column("account", "account"),
        Column("amount", "amount", right=True),
        Column("commodity", "of"),
        Column("text", "text"),
    )

    def __init__(self) -> None:
        super().__init__("Postings", "postings")

    def rows_of(self, desk: Desk, frame: DeskFrame) -> tuple[list[Row], int | None]:
        after = max(-1, desk.journal.head().seq - LATEST)
        rows: list[Row] = [
            (row.entry, stamp_text(row.time_utc, frame.zone), row.account, _amount(row.amount, row.commodity),
             row.commodity, row.text)
            for row in desk.postings(after)
        ]  # fmt: skip
        return rows[::-1], None


def _amount(amount: int, commodity: str) -> str:
    return str(amount) if commodity == "WH" else decimal_text(amount, 8)
