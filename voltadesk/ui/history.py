"""The market's intervals as columns: what charts draw, read from the desk once and gone on with.

`Recorder` reads and appends; `History` is what it held at one moment, and stays so while more is appended: its arrays
are views of columns that only grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from mmap import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.desk.ledger import WH
from voltadesk.desk.treasury import BOOKS, ENERGY, FREE, HELD, OWED, RESERVED, STORED
from voltadesk.engine.tables import INTERVAL
from voltadesk.store.desk import Desk

Ints64 = NDArray[np.int64]

LIMIT = 40_000  # intervals held: more than a year of quarter-hours
NAMES = ("start_utc", "entry", *(INTERVAL.names or ()))
ARRAYS = (
    "figures",
    "flow_wh",
    "fill_wh",
    "charge_wh",
    "discharge_wh",
    "money_e8",
    "reason",
    "buy_limit_tick",
    "sell_limit_tick",
    "fund",
    "mark_tick",
)
TAKEN = ("fill_wh", "charge_wh", "discharge_wh", "buy_limit_tick", "sell_limit_tick")
BATTERY = (*TAKEN, "reason", "money_e8")
FUND = ("cash_e8", "batteries_e8", "energy_e8", "stored_wh", "owed_e8")


class Columns:
    """Rows of integers that grow to the right. What was read stays as it was."""

    def __init__(self, rows: int = 0) -> None:
        self._data, self.count = _room(rows, 256), 0

    @property
    def values(self) -> Ints64:
        return self._data[:, : self.count]

    def append(self, block: Ints64) -> None:
        """Add columns, with as many rows or more than there were; what is new was 0 before."""
        rows, more = block.shape
        if rows > len(self._data) or self.count + more > self._data.shape[1]:
            self._move(rows, max(256, self._data.shape[1], 2 * (self.count + more)), self.values)
        self._data[:, self.count : self.count + more] = block
        self.count += more

    def drop(self, count: int) -> None:
        """Forget the first columns. The room is kept, as others will come."""
        self._move(len(self._data), self._data.shape[1], self.values[:, count:])

    def _move(self, rows: int, room: int, kept: Ints64) -> None:
        """Begin anew with what is kept, for what was read is someone else's now; rows that are new are 0."""
        self._data, self.count = _room(rows, room), kept.shape[1]
        self._data[: len(kept), : self.count] = kept


def _room(rows: int, room: int) -> Ints64:
    """Zeros (rows, room) in memory of their own.

    It goes back to the system when nobody has it any more: in the heap, blocks of this size would leave holes behind
    that nothing fills. What was never written to takes none, so that room for more costs nothing.
    """
    return np.frombuffer(mmap(-1, max(1, rows * room * 8)), np.int64, rows * room).reshape(rows, room)


@dataclass(frozen=True)
class History:
    """Intervals, oldest first. All arrays end with the same interval.

    figures    (len(NAMES), n), by `NAMES`; `history["price_tick"]` is a row of it
    flow_wh    (F, n) energy of each of `sources`: made or imported is positive
    fill_wh, charge_wh, discharge_wh, money_e8, reason, buy_limit_tick, sell_limit_tick
               (B, n), one row for each of `batteries`; the reason as a number of `reasons`
    nav_e8     (n,) net asset value of the fund after each interval
    """

    figures: Ints64
    sources: tuple[str, ...]
    flow_wh: Ints64
    batteries: tuple[str, ...]
    fill_wh: Ints64
    charge_wh: Ints64
    discharge_wh: Ints64
    money_e8: Ints64
    reason: Ints64
    buy_limit_tick: Ints64
    sell_limit_tick: Ints64
    reasons: tuple[str, ...]
    fund: Ints64  # (len(FUND), n) by `FUND`
    mark_tick: Ints64  # (n,) the price that stored energy was valued at
    is_cut: bool = False  # earlier intervals are in the journal only

    def __len__(self) -> int:
        return int(self.figures.shape[1])

    def __getitem__(self, name: str) -> Ints64:
        row: Ints64 = self.figures[NAMES.index(name)]
        return row

    @property
    def starts_utc(self) -> Ints64:
        return self["start_utc"]

    @cached_property
    def nav_e8(self) -> Ints64:
        """Cash, batteries at cost less wear, stored energy at the lower of cost and price, less what is owed."""
        cash, batteries, energy, stored, owed = self.fund
        worth: Ints64 = cash + batteries + np.minimum(energy, np.maximum(self.mark_tick, 0) * stored) + owed
        return worth

    def upto(self, count: int) -> History:
        """Only the first `count` intervals."""
        if count >= len(self):
            return self
        cut = {name: array[..., :count] for name, array in vars(self).items() if name in ARRAYS}
        return replace(self, **cut)

    def find(self, moment_utc: int) -> int:
        """The number of intervals that had begun at a moment."""
        return int(np.searchsorted(self.starts_utc, moment_utc, side="right"))


@dataclass
class Recorder:
    """Keeps the columns up with the desk."""

    desk: Desk
    sources: list[str] = field(default_factory=list)
    batteries: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    is_cut: bool = False

    def __post_init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._figures, self._flows, self._fund = Columns(len(NAMES)), Columns(), Columns(len(FUND))
        self._batteries = {name: Columns() for name in BATTERY}
        self._marks = Columns(1)
        self._totals = np.zeros(len(FUND), np.int64)
        self._entry = -1  # the last one whose doings are in the columns

    @property
    def count(self) -> int:
        return self._figures.count

    def load(self, from_utc: int) -> None:
        """Begin again with the intervals that start at that moment or later, at most `LIMIT`."""
        market = self.desk.book.market
        assert market is not None
        first = max(from_utc, market.next_utc - LIMIT * market.step_s)
        self._forget()
        self.is_cut = first > market.start_utc
        rows = list(islice(self.desk.intervals(first - 1), 1))
        head = self.desk.journal.head().seq
        self._entry = rows[0]["entry"] - 1 if rows else head
        # What the fund had then: what it has now less all that has changed since.
        self._totals = self._fund_now() - self._changes(head).sum(axis=1)
        self.follow(first - 1, head)

    def follow(self, after_utc: int | None = None, head: int | None = None) -> int:
        """Take in what the desk has done since; returns the number of new intervals."""
        if after_utc is None:
            after_utc = int(self._figures.values[0, -1]) if self.count else -1
        head = self.desk.journal.head().seq if head is None else head
        rows = [row for row in self.desk.intervals(after_utc) if row["entry"] <= head]
        if not rows:
            return 0  # what else was done comes with the next interval
        starts = [row["start_utc"] for row in rows]
        entries = np.array([row["entry"] for row in rows])
        last = int(entries[-1])
        self._figures.append(np.array([[row[name] for row in rows] for name in NAMES], np.int64))
        self._append_batteries(starts)
        self._append_flows(entries, last)
        self._append_fund(entries, last)
        self._entry = last
        if self.count > LIMIT + LIMIT // 8:
            for columns in (self._figures, self._flows, self._fund, self._marks, *self._batteries.values()):
                columns.drop(columns.count - LIMIT)
            self.is_cut = True
        return len(rows)

    def _append_batteries(self, starts: Sequence[int]) -> None:
        at = {start: n for n, start in enumerate(starts)}
        found = [row for row in self.desk.battery_intervals(starts[0] - 1) if row.start_utc in at]
        number = _numbers(self.batteries, (row.battery for row in found))
        reason = _numbers(self.reasons, (row.reason for row in found))
        block = {name: np.zeros((len(self.batteries), len(starts)), np.int64) for name in self._batteries}
        before = self._batteries["fill_wh"].values
        if self.count > len(starts) and before.shape[1]:
            block["fill_wh"][: len(before)] = before[:, -1:]  # one that is retired keeps its last fill
        for row in found:
            place = number[row.battery], at[row.start_utc]
            for name in TAKEN:
                block[name][place] = getattr(row, name)
            block["reason"][place] = reason[row.reason]
        self._block = block

    def _append_flows(self, entries: Ints64, last: int) -> None:
        found = self.desk.flows(self._entry, last)
        at = {int(entry): n for n, entry in enumerate(entries)}
        battery = {name: n for n, name in enumerate(self.batteries)}
        sources = [row.participant for row in found if not row.participant.startswith("battery:")]
        number = _numbers(self.sources, sources)
        flow_wh = np.zeros((len(self.sources), len(entries)), np.int64)
        for entry, participant, energy_wh, money_e8 in found:
            if (column := at.get(entry)) is None:
                continue
            if participant in number:
                flow_wh[number[participant], column] = -energy_wh
            elif (row := battery.get(participant.removeprefix("battery:"))) is not None:
                self._block["money_e8"][row, column] = money_e8
        self._flows.append(flow_wh)
        for name, columns in self._batteries.items():
            columns.append(self._block[name])

    def _append_fund(self, entries: Ints64, last: int) -> None:
        """The fund's totals after each interval: changes between two intervals count with the later one."""
        changes = np.array(self.desk.fund_changes(self._entry, last), np.int64).reshape(-1, 1 + len(FUND))
        block = np.zeros((len(FUND), len(entries)), np.int64)
        np.add.at(block.T, np.searchsorted(entries, changes[:, 0]), changes[:, 1:])
        block = self._totals[:, None] + np.cumsum(block, axis=1)
        self._totals = block[:, -1].copy()
        self._fund.append(block)
        self._marks.append(self._marked(len(entries))[None, :])

    def _marked(self, count: int) -> Ints64:
        """The last price there was, at each of the last `count` intervals."""
        prices = self._figures.values[NAMES.index("price_tick"), -count:]
        before = int(self._marks.values[0, -1]) if self._marks.count else 0
        at = np.maximum.accumulate(np.where(prices > -(1 << 40), np.arange(count), -1))
        marks: Ints64 = np.where(at < 0, before, prices[at])
        return marks

    def _changes(self, until: int) -> Ints64:
        rows = np.array(self.desk.fund_changes(self._entry, until), np.int64).reshape(-1, 1 + len(FUND))
        return rows[:, 1:].T

    def _fund_now(self) -> Ints64:
        fund, total = self.desk.book.fund, self.desk.book.ledger.total
        cash_e8 = sum(map(fund.money_e8, (FREE, RESERVED, HELD)))
        money = self.desk.book.ledger.currency
        return np.array([cash_e8, total(BOOKS, money), total(ENERGY, money), total(STORED, WH), total(OWED, money)])

    def history(self) -> History:
        """All as it is now."""
        named: dict[str, Any] = {name: _wide(columns, self.batteries) for name, columns in self._batteries.items()}
        return History(
            figures=self._figures.values,
            sources=tuple(self.sources),
            flow_wh=_wide(self._flows, self.sources),
            batteries=tuple(self.batteries),
            reasons=tuple(self.reasons),
            fund=self._fund.values,
            mark_tick=self._marks.values[0],
            is_cut=self.is_cut,
            **named,
        )


def _numbers(known: list[str], names: Iterable[str]) -> Mapping[str, int]:
    """The number of each name; new ones are added to those known, in their order."""
    known += sorted(set(names) - set(known))
    return {name: n for n, name in enumerate(known)}


def _wide(columns: Columns, names: list[str]) -> Ints64:
    """The values with a row for each name."""
    values = columns.values
    return values if len(values) == len(names) else np.zeros((len(names), columns.count), np.int64)
