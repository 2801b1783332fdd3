"""The journal's entries and the ledger's postings: all of them, however many there are."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from voltadesk.store.listing import ENTRIES, POSTINGS
from voltadesk.ui.amounts import amount_text, plain_amount
from voltadesk.ui.dialogs.entry import EntryPage
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import FAULT, TEXT, change_ink
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import COUNT, NO_DATA, day_clock_text
from voltadesk.ui.window_table import WindowTable

_TOLD = 300  # letters of a command that are shown


def _amount(given: tuple[int, str] | None) -> str:
    return NO_DATA if given is None else amount_text(*given)


def _plain_amount(given: tuple[int, str] | None) -> str:
    return "" if given is None else plain_amount(*given)


class JournalPane(TablePane):
    """Newest first. Enter opens an entry with its proof."""

    def __init__(self, title: str, table: WindowTable, id: str) -> None:
        self.window = table
        super().__init__(None, title, table, id=id)

    def feed(self, frame: DeskFrame) -> None:
        self.window.follow(frame.sequence, frame.zone)
        self.stand(Standing(sequence=frame.sequence, note="as of now" if frame.clock.is_replay else ""))

    def stand(self, standing: Standing) -> None:
        table, parts = self.window, [standing.note.partition(" · older rows")[0]]
        if table.progress:
            parts.append(table.progress)
        note = " · ".join(filter(None, parts))
        super().stand(Standing(sequence=standing.sequence, note=note))

    def on_table_selected(self, event: Table.Selected) -> None:
        event.stop()
        if event.row is not None and event.row[0] is not None:
            self.app.push_screen(EntryPage(event.row[0]))


class EntriesPane(JournalPane):
    """Receipts: every command that was ever asked, done or refused."""

    HELP = (
        "Every command of the desk's journal, and what came of it. / filters all of them, by any word or number seen "
        "here; Enter opens one, with its proof. v checks the whole journal."
    )
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        number_column("entry", "entry", "", COUNT),
        Column("time", "time", width=16),
        Column("kind", "kind", width=14),
        Column("actor", "actor", width=12),
        Column("outcome", "outcome", ink=lambda outcome: TEXT if outcome == "done" else FAULT),
        Column("command", "command"),
        Column("leaf", "leaf hash"),
    )

    def __init__(self) -> None:
        super().__init__("Receipts", WindowTable(self.COLUMNS, ENTRIES, entry_row), "entries")


class PostingsPane(JournalPane):
    """What entries moved from account to account."""

    HELP = (
        "The double-entry ledger: money and shares with 8 decimals, energy in Wh. What an entry moves sums to 0 for "
        "each of them. / filters all of them; Enter opens the entry that made a posting."
    )
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        number_column("entry", "entry", "", COUNT),
        Column("time", "time", width=16),
        Column("account", "account", width=26),
        Column("amount", "amount", "", _amount, _plain_amount, True, 16,
               lambda given: change_ink(given[0])),
        Column("commodity", "of", width=6),
        Column("text", "text"),
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__("Postings", WindowTable(self.COLUMNS, POSTINGS, posting_row), "postings")


def entry_row(found: tuple[Any, ...], zone: ZoneInfo) -> Row:
    """A row of `EntriesPane` from one of the listing."""
    seq, leaf, body, _ = found
    fields = json.loads(body)
    told = ", ".join(f"{name} {value}" for name, value in fields["command"].items())
    told = " ".join(told[: _TOLD + 1].split())
    stamp = day_clock_text(fields["time_utc"], zone)
    return seq, stamp, fields["kind"], fields["actor"], fields["outcome"], told, leaf.hex()


def posting_row(found: tuple[Any, ...], zone: ZoneInfo) -> Row:
    """A row of `PostingsPane` from one of the listing."""
    entry, _, time_utc, text, account, commodity, amount = found
    return entry, day_clock_text(time_utc, zone), account, (amount, commodity), commodity, text
