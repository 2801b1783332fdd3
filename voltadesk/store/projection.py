"""What entries did, as tables: written with the entries themselves, and made again from the journal by `rebuild`.

Readers get a few rows at a time and keep no lock in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table

from voltadesk.desk.book import Made
from voltadesk.desk.ledger import Entry as LedgerEntry
from voltadesk.desk.ledger import Posting
from voltadesk.desk.receipt import Trades
from voltadesk.store.journal import CHUNK, Journal
from voltadesk.store.tables import BATTERY_INTERVAL, FIGURES, INTERVAL, POSTING, PROJECTIONS, TRADE

Rows = dict[Table, list[tuple[Any, ...]]]
_TOP = "\U0010ffff"  # after every name that an account can have


class PostingRow(NamedTuple):
    """An amount that reached or left an account; `number` tells the ledger's entries of one journal entry apart."""

    entry: int
    number: int
    time_utc: int
    text: str
    account: str
    commodity: str
    amount: int


class TradeRow(NamedTuple):
    """A receipt; see `desk.market.Trade`."""

    entry: int
    number: int
    start_utc: int
    participant: str
    actor: str
    market: str
    energy_wh: int
    price_tick: int
    amount_e8: int
    fees_e8: int


class BatteryIntervalRow(NamedTuple):
    """What a battery did in an interval; see `desk.market.BatteryRow`."""

    start_utc: int
    battery: str
    entry: int
    fill_wh: int
    charge_wh: int
    discharge_wh: int
    loss_wh: int
    reason: str
    buy_limit_tick: int
    sell_limit_tick: int


class TapeRow(NamedTuple):
    """A trade in the order book of the product that begins at `start_utc`; the aggressor is whose order came later."""

    entry: int
    start_utc: int
    buyer: str
    buy: str  # order:o-12
    seller: str
    sell: str
    is_buyer_aggressor: bool
    energy_wh: int
    price_tick: int


class FlowRow(NamedTuple):
    """All that a plant, a battery or the grid traded in an interval; bought and received are positive."""

    entry: int
    participant: str
    energy_wh: int
    money_e8: int  # fees included


class FundRow(NamedTuple):
    """By how much an entry changed what the fund has: money [1e-8 currency] and stored energy [Wh]."""

    entry: int
    cash_e8: int
    batteries_e8: int  # at cost less wear
    energy_e8: int  # at cost
    stored_wh: int
    owed_e8: int  # dividends, below 0


# Writing --------------------------------------------------------------------------------------------------------------
def rows_of(made: Made) -> Rows:
    """The rows that the tables hold for what was made, in the order of the tables' keys."""
    posting = [
        (entry, number, time_utc, text, *row)
        for entry, together in groupby(made.postings, lambda posted: posted.number)
        for number, (_, time_utc, text, rows) in enumerate(together)
        for row in rows
    ]
    interval, battery, receipts = [], [], list(made.trades)
    for entry, start_utc, figures, trades, batteries in made.intervals:
        receipts.append(Trades(entry, start_utc, trades))
        interval.append((start_utc, entry, *(figures[name] for name in FIGURES)))
        battery += [(start_utc, row.battery, entry, *row[1:]) for row in sorted(batteries)]
    trade = [
        (some.entry, number, some.start_utc, *row)
        for some in sorted(receipts)
        for number, row in enumerate(some.trades)
    ]
    return {POSTING: posting, INTERVAL: interval, TRADE: trade, BATTERY_INTERVAL: battery}


def store(connection: Connection, made: Made) -> None:
    """Write what was made, within the transaction of the entries that made it."""
    for table, rows in rows_of(made).items():
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({marks})", rows)  # noqa: S608


def clear(connection: Connection) -> None:
    """Empty the tables."""
    for table in PROJECTIONS:
        connection.exec_driver_sql(f"DELETE FROM {table.name}")  # noqa: S608


def difference(connection: Connection, made: Made, first: int, last: int) -> str:
    """Where the tables hold anything else for these entries than what they made; "" when they don't.

    Rows of other entries and intervals are not looked at: compare `sizes`, too.
    """
    for table, rows in rows_of(made).items():
        keys = [column.name for column in table.primary_key]
        low, high = first, last
        if keys[0] != "entry":  # those tables are in the order of time
            if not rows:
                continue
            low, high = rows[0][0], rows[-1][0]
        query = f"SELECT * FROM {table.name} WHERE {keys[0]} BETWEEN ? AND ? ORDER BY {', '.join(keys)}"  # noqa: S608
        held = [tuple(row) for row in connection.exec_driver_sql(query, (low, high))]
        if held != rows:
            wrong = next((n for n, (a, b) in enumerate(zip(held, rows, strict=False)) if a != b), len(rows))
            row = (rows[wrong : wrong + 1] or held[wrong:] or rows[-1:])[0]
            entry = row[[column.name for column in table.columns].index("entry")]
            return f"table {table.name} does not hold what entry {entry} did"
    return ""


def sizes(connection: Connection, last: int) -> dict[str, int]:
    """The number of rows that each table holds of the entries up to the last, and of entries that are not there."""
    query = "SELECT count(*) FROM {} WHERE entry <= ? OR entry > (SELECT max(seq) FROM entry)"
    return {
        table.name: connection.exec_driver_sql(query.format(table.name), (last,)).scalar_one() for table in PROJECTIONS
    }


# Reading --------------------------------------------------------------------------------------------------------------
def postings(
    journal: Journal, after: int = -1, account_prefix: str = "", limit: int | None = None
) -> Iterator[PostingRow]:
    """Postings of the entries after that one, in order, to accounts that begin so."""
    where = "account >= ? AND account < ?"
    given = (account_prefix, account_prefix + _TOP)
    return map(PostingRow._make, islice(_stream(journal, POSTING, (after, _TOP, "", ""), where, given), limit))


def trades(
    journal: Journal, actor: str | None = None, after: int = -1, participant: str | None = None
) -> Iterator[TradeRow]:
    """Receipts of the entries after that one, in order; of an actor's participants or of one only, if given."""
    where = "1" if actor is None else "actor <> '' AND actor = ?"
    given = () if actor is None else (actor,)
    if participant is not None:
        where, given = f"{where} AND participant = ?", (*given, participant)
    return map(TradeRow._make, _stream(journal, TRADE, (after, _TOP), where, given))


def tape(journal: Journal, start_utc: int | None = None, limit: int = -1) -> list[TapeRow]:
    """The last trades in order books, newest first; in one product's only, if given."""
    # Of the two receipts of a trade the aggressor's is the first.
    where, given = ("1", ()) if start_utc is None else ("one.start_utc = ?", (start_utc,))
    query = f"""
        SELECT one.entry, one.start_utc, one.actor, one.participant, other.actor, other.participant, one.energy_wh,
          one.price_tick
        FROM trade AS one JOIN trade AS other ON other.entry = one.entry AND other.number = one.number + 1
        WHERE one.market = 'continuous' AND one.number % 2 = 0 AND {where}
        ORDER BY one.entry DESC, one.number DESC LIMIT ?
    """  # noqa: S608
    with journal.reading() as connection:
        rows = connection.exec_driver_sql(query, (*given, limit)).all()
    found = []
    for entry, product_utc, *names, energy_wh, price_tick in rows:
        is_buyer = energy_wh > 0
        buyer, buy, seller, sell = names if is_buyer else [*names[2:], *names[:2]]
        found.append(TapeRow(entry, product_utc, buyer, buy, seller, sell, is_buyer, abs(energy_wh), price_tick))
    return found


def intervals(journal: Journal, after_utc: int = -1, limit: int | None = None) -> Iterator[dict[str, int]]:
    """The figures of the intervals that start after that moment [s UTC], with `start_utc` and `entry`."""
    names = [column.name for column in INTERVAL.columns]
    rows = islice(_stream(journal, INTERVAL, (after_utc,)), limit)
    return (dict(zip(names, row, strict=True)) for row in rows)


def battery_intervals(journal: Journal, after_utc: int = -1, battery: str = "") -> Iterator[BatteryIntervalRow]:
    """What batteries, or one of them, did in the intervals that start after that moment [s UTC]."""
    where, given = ("battery = ?", (battery,)) if battery else ("1", ())
    return map(BatteryIntervalRow._make, _stream(journal, BATTERY_INTERVAL, (after_utc, _TOP), where, given))


def flows(journal: Journal, after: int, until: int) -> list[FlowRow]:
    """What plants, batteries and the grid traded in the entries after the first one, up to the last, summed up."""
    query = """
        SELECT entry, participant, SUM(energy_wh), SUM(amount_e8 + fees_e8) FROM trade
        WHERE entry > ? AND entry <= ? AND (participant >= 'plant:' AND participant < 'plant;'
          OR participant >= 'battery:' AND participant < 'battery;' OR participant = 'grid')
        GROUP BY entry, participant
    """
    with journal.reading() as connection:
        return [FlowRow._make(row) for row in connection.exec_driver_sql(query, (after, until))]


def fund_changes(journal: Journal, currency: str, after: int, until: int) -> list[FundRow]:
    """What the entries after the first one, up to the last, changed in the fund; those that changed nothing not."""
    query = """
        SELECT entry,
          SUM(iif(commodity = ?1 AND account GLOB 'fund:cash:*', amount, 0)),
          SUM(iif(commodity = ?1 AND account GLOB 'fund:battery:*:book', amount, 0)),
          SUM(iif(commodity = ?1 AND account GLOB 'fund:battery:*:energy', amount, 0)),
          SUM(iif(commodity = 'WH' AND account GLOB 'fund:battery:*:wh', amount, 0)),
          SUM(iif(commodity = ?1 AND account GLOB 'owed:dividend:*', amount, 0))
        FROM posting
        WHERE entry > ?2 AND entry <= ?3
          AND (account >= 'fund:' AND account < 'fund;' OR account >= 'owed:' AND account < 'owed;')
        GROUP BY entry
    """
    with journal.reading() as connection:
        return [FundRow._make(row) for row in connection.exec_driver_sql(query, (currency, after, until))]


def investments(journal: Journal, actor: str, currency: str) -> list[tuple[int, int, int]]:
    """Each investment of an actor: entry, money [1e-8 currency], shares [1e-8 share]."""
    query = """
        SELECT share.entry, -bank.amount, share.amount
        FROM posting AS share JOIN posting AS bank ON bank.entry = share.entry AND bank.number = share.number
        WHERE share.commodity = 'SHARE' AND share.account = ? AND share.amount > 0
          AND bank.account = ? AND bank.commodity = ?
        ORDER BY share.entry, share.number
    """
    with journal.reading() as connection:
        rows = connection.exec_driver_sql(query, (f"shares:{actor}", f"ext:bank:{actor}", currency)).all()
    return [(entry, amount_e8, shares) for entry, amount_e8, shares in rows]


def ledger_entries(rows: Iterable[PostingRow]) -> Iterator[LedgerEntry]:
    """Postings as the entries of the ledger that they belong to, for `desk.export`."""
    for (entry, _), together in groupby(rows, lambda row: row[:2]):
        same = list(together)
        found = tuple(Posting(row.account, row.commodity, row.amount) for row in same)
        yield LedgerEntry(entry, same[0].time_utc, same[0].text, found)


def _stream(
    journal: Journal, table: Table, after: tuple[Any, ...], where: str = "1", given: Sequence[Any] = ()
) -> Iterator[Sequence[Any]]:
    """Rows that come after a key, in the order of keys; a text in the place of a number comes after all numbers."""
    names = [column.name for column in table.primary_key]
    at = [column.name for column in table.columns]
    keys, marks = ", ".join(names), ", ".join("?" * len(names))
    query = f"SELECT * FROM {table.name} WHERE ({keys}) > ({marks}) AND {where} ORDER BY {keys} LIMIT ?"  # noqa: S608
    while True:
        with journal.reading() as connection:
            rows = connection.exec_driver_sql(query, (*after, *given, CHUNK)).all()
        yield from rows
        if len(rows) < CHUNK:
            return
        after = tuple(rows[-1][at.index(name)] for name in names)
