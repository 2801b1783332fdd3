"""What a journal's entries did, read from the tables they were laid out in: for this no state is needed."""

from __future__ import annotations

from collections.abc import Iterator

from voltadesk.desk.ledger import Entry as LedgerEntry
from voltadesk.store import projection
from voltadesk.store.journal import Journal
from voltadesk.store.projection import BatteryIntervalRow, FlowRow, PostingRow, TapeRow, TradeRow


class Records:
    """The tables of one journal, as they are on disk."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def postings(self, after: int = -1, account_prefix: str = "", limit: int | None = None) -> Iterator[PostingRow]:
        """The ledger's postings of the entries after that one, in order, to accounts that begin so."""
        return projection.postings(self.journal, after, account_prefix, limit)

    def ledger_entries(self, after: int = -1) -> Iterator[LedgerEntry]:
        """The ledger's entries of the journal's after that one, in order, for `desk.export`."""
        return projection.ledger_entries(self.postings(after))

    def trades(self, actor: str | None = None, after: int = -1, participant: str | None = None) -> Iterator[TradeRow]:
        """Receipts of the entries after that one, in order; of an actor's participants or of one only, if given."""
        return projection.trades(self.journal, actor, after, participant)

    def tape(self, start_utc: int | None = None, limit: int = -1) -> list[TapeRow]:
        """The last trades in order books, newest first; in that of one product only, if given."""
        return projection.tape(self.journal, start_utc, limit)

    def flows(self, after: int, until: int) -> list[FlowRow]:
        """What plants, batteries and the grid traded in the entries after the first one, up to the last, summed up."""
        return projection.flows(self.journal, after, until)

    def intervals(self, after_utc: int = -1, limit: int | None = None) -> Iterator[dict[str, int]]:
        """Figures of the intervals that start after that moment [s UTC], with `start_utc` and `entry`."""
        return projection.intervals(self.journal, after_utc, limit)

    def battery_intervals(self, after_utc: int = -1, battery: str = "") -> Iterator[BatteryIntervalRow]:
        """What batteries, or one of them, did in the intervals that start after that moment [s UTC]."""
        return projection.battery_intervals(self.journal, after_utc, battery)
