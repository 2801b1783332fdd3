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
from voltadesk.store.database import dialect_of, insert
from voltadesk.store.journal import CHUNK, Journal
from voltadesk.store.tables import BATTERY_INTERVAL, FIGURES, INTERVAL, POSTING, PROJECTIONS, TRADE

Rows = dict[Table, list[tuple[Any, ...]]]
_TOP = "\U0010ffff"  # after every name that an account can have
_LAST = 2**63 - 1  # and this after every number


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
    """A trade in the order book of the product that begins at `start_utc`.

    The aggressor is whose order came later; in a call auction there is none.
    """

    entry: int
    start_utc: int
    buyer: str
    buy: str  # order:o-12
    seller: str
    sell: str
    is_buyer_aggressor: bool | None
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
    # In an entry those of books come first, two by two.
    trade = [
        (entry, number, *row)
        for entry, together in groupby(sorted(receipts, key=lambda some: some.entry), lambda some: some.entry)
        for number, row in enumerate((some.start_utc, *row) for some in together for row in some.trades)
    ]
    return {POSTING: posting, INTERVAL: interval, TRADE: trade, BATTERY_INTERVAL: battery}


def store(connection: Connection, made: Made) -> None:
    """Write what was made, within the transaction of the entries that made it."""
    for table, rows in rows_of(made).items():
        if rows:
            insert(connection, table.name, rows)


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
    return map(PostingRow._make, islice(_stream(journal, POSTING, (after, _LAST, "", ""), where, given), limit))


def trades(
    journal: Journal, actor: str | None = None, after: int = -1, participant: str | None = None
) -> Iterator[TradeRow]:
    """Receipts of the entries after that one, in order; of an actor's participants or of one only, if given."""
    where = "TRUE" if actor is None else "actor <> '' AND actor = ?"
    given = () if actor is None else (actor,)
    if participant is not None:
        where, given = f"{where} AND participant = ?", (*given, participant)
    return map(TradeRow._make, _stream(journal, TRADE, (after, _LAST), where, given))


def tape(journal: Journal, start_utc: int | None = None, limit: int = -1) -> list[TapeRow]:
    """The last trades in order books, newest first; in one product's only, if given."""
    # Of the two receipts of a trade the aggressor's is the first. Calls are held when the market's clock moves.
    where, given = ("TRUE", ()) if start_utc is None else ("one.start_utc = ?", (start_utc,))
    with journal.reading() as connection:
        in_call = dialect_of(connection).holds("entry.body", '\'"kind":"market.advance"\'')
        query = f"""
            SELECT one.entry, one.start_utc, one.actor, one.participant, other.actor, other.participant, one.energy_wh,
              one.price_tick, {in_call}
            FROM trade AS one JOIN trade AS other ON other.entry = one.entry AND other.number = one.number + 1
              JOIN entry ON entry.seq = one.entry
            WHERE one.market = 'continuous' AND one.number % 2 = 0 AND {where}
            ORDER BY one.entry DESC, one.number DESC LIMIT ?
        """  # noqa: S608
        rows = connection.exec_driver_sql(query, (*given, limit if limit >= 0 else _LAST)).all()
    found = []
    for entry, product_utc, *names, energy_wh, price_tick, is_call in rows:
        is_buyer = energy_wh > 0
        buyer, buy, seller, sell = names if is_buyer else [*names[2:], *names[:2]]
        later = None if is_call else is_buyer
        found.append(TapeRow(entry, product_utc, buyer, buy, seller, sell, later, abs(energy_wh), price_tick))
    return found


def intervals(journal: Journal, after_utc: int = -1, limit: int | None = None) -> Iterator[dict[str, int]]:
    """The figures of the intervals that start after that moment [s UTC], with `start_utc` and `entry`."""
    names = [column.name for column in INTERVAL.columns]
    rows = islice(_stream(journal, INTERVAL, (after_utc,)), limit)
    return (dict(zip(names, row, strict=True)) for row in rows)


def battery_intervals(journal: Journal, after_utc: int = -1, battery: str = "") -> Iterator[BatteryIntervalRow]:
    """What batteries, or one of them, did in the intervals that start after that moment [s UTC]."""
    where, given = ("battery = ?", (battery,)) if battery else ("TRUE", ())
    return map(BatteryIntervalRow._make, _stream(journal, BATTERY_INTERVAL, (after_utc, _TOP), where, given))


def flows(journal: Journal, after: int, until: int) -> list[FlowRow]:
    """What plants, batteries and the grid traded in the entries after the first one, up to the last, summed up."""
    query = """
        SELECT entry, participant, CAST(SUM(energy_wh) AS BIGINT), CAST(SUM(amount_e8 + fees_e8) AS BIGINT) FROM trade
        WHERE entry > ? AND entry <= ? AND (participant >= 'plant:' AND participant < 'plant;'
          OR participant >= 'battery:' AND participant < 'battery;' OR participant = 'grid')
        GROUP BY entry, participant ORDER BY entry, participant
    """
    with journal.reading() as connection:
        return [FlowRow._make(row) for row in connection.exec_driver_sql(query, (after, until))]


def fund_changes(journal: Journal, currency: str, after: int, until: int) -> list[FundRow]:
    """What the entries after the first one, up to the last, changed in the fund; those that changed nothing not."""
    sums = (
        _sum("?", "fund:cash:"),
        _sum("?", "fund:battery:", ":book"),
        _sum("?", "fund:battery:", ":energy"),
        _sum("'WH'", "fund:battery:", ":wh"),
        _sum("?", "owed:dividend:"),
    )
    query = f"""
        SELECT entry, {", ".join(sums)} FROM posting
        WHERE entry > ? AND entry <= ?
          AND (account >= 'fund:' AND account < 'fund;' OR account >= 'owed:' AND account < 'owed;')
        GROUP BY entry ORDER BY entry
    """  # noqa: S608
    given = (*(currency,) * 4, after, until)
    with journal.reading() as connection:
        return [FundRow._make(row) for row in connection.exec_driver_sql(query, given)]


def _sum(commodity: str, prefix: str, suffix: str = "") -> str:
    """SQL: the sum of the amounts in accounts that begin with a text that a colon ends, and end so."""
    where = f"commodity = {commodity} AND account >= '{prefix}' AND account < '{prefix[:-1]};'"
    if suffix:
        where += f" AND substr(account, length(account) - {len(suffix) - 1}) = '{suffix}'"
    return f"CAST(SUM(CASE WHEN {where} THEN amount ELSE 0 END) AS BIGINT)"


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
    journal: Journal, table: Table, after: tuple[Any, ...], where: str = "TRUE", given: Sequence[Any] = ()
) -> Iterator[Sequence[Any]]:
    """Rows that come after a key, in the order of keys."""
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
