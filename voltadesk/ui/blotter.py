"""An actor's orders and what became of them, read from the journal and the receipts: what the blotter shows.

A `Blotter` lives on the reader's thread and reads on from where it was, so a frame costs what is new in it. What it
answers is frozen. As every fill and cancellation is kept with its entry, it can also say how things stood earlier.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from itertools import takewhile
from typing import Any, NamedTuple

from voltadesk.errors import BadInput
from voltadesk.store.journal import Entry
from voltadesk.store.projection import TradeRow
from voltadesk.store.records import Records
from voltadesk.ui.rows import Row
from voltadesk.ui.text import clean
from voltadesk.units import parse_money_e8, parse_price_tick, parse_scaled

LINES = 5_000  # held; older ones are in the journal only
WINDOW = 100_000  # entries looked through at a time: others wait for the reader's thread meanwhile
ANY_TICK = 1 << 40  # the limit of an order that takes any price
WORKING, PARTIAL, FILLED, CANCELLED, EXPIRED = "working", "partial", "filled", "cancelled", "expired"
REFUSED = ("rejected", "denied")  # as outcomes begin
OPEN = frozenset({WORKING, PARTIAL})
# Places in a row.
(TIME, SIDE, PRODUCT, STATE, ORDERED, FILLED_WH, LIMIT_TICK, KIND, AVERAGE, UNTIL, ORDER, CASH, HELD, RULE, ENTRY) = (
    range(15)
)


@dataclass(frozen=True)
class Moment:
    """As of when things are to be seen."""

    sequence: int  # of the journal's last entry: so far is read
    entry: int  # of the last one that is seen: an earlier one in replay
    next_utc: int  # start of the interval that comes then

    @property
    def is_live(self) -> bool:
        return self.entry == self.sequence


class Amendment(NamedTuple):
    """New terms of an order, by the entry that gave them: what was open then, its limit, what is held for it."""

    entry: int
    open_wh: int
    limit_tick: int
    held_e8: int


@dataclass
class Line:
    """What the actor asked for: an order, or something about one, where that was refused. Energy [Wh], money [1e-8]."""

    entry: int
    time_utc: int
    order: str = ""  # its id; "" of one that was refused
    side: str = ""  # or what was refused: cancel, amend
    quantity_wh: int | None = None
    limit_tick: int | None = None
    until_utc: int | None = None
    held_e8: int = 0
    refused: str = ""  # one of REFUSED
    rule: str = ""  # that refused it
    cancelled: int | None = None  # by which entry
    product_utc: int | None = None  # in whose book: money is held for all orders there together; None: in the auction
    kind: str = ""  # and its time in force, of one in a book
    amended: list[Amendment] = field(default_factory=list)
    fills: list[TradeRow] = field(default_factory=list)
    row: Row | None = None  # once nothing more can become of it

    def row_at(self, moment: Moment) -> Row:
        """Time, side, product, state, ordered, filled, limit, kind, average, until, order, cash, held, rule, entry."""
        fills = [fill for fill in self.fills if fill.entry <= moment.entry]
        filled_wh = sum(abs(fill.energy_wh) for fill in fills)
        cash_e8 = sum(fill.amount_e8 + fill.fees_e8 for fill in fills)
        ordered_wh, limit_tick, held_e8 = self.quantity_wh, self.limit_tick, self.held_e8
        open_wh = ordered_wh
        for entry, left_wh, tick, then_e8 in self.amended:
            if entry <= moment.entry:
                ordered_wh = left_wh + sum(abs(fill.energy_wh) for fill in fills if fill.entry <= entry)
                open_wh, limit_tick, held_e8 = left_wh, tick, then_e8
        state = self.refused or self._state(moment, ordered_wh, filled_wh)
        shown_e8 = None
        if state in OPEN and open_wh and ordered_wh and self.product_utc is None:
            shown_e8 = held_e8 // open_wh * (ordered_wh - filled_wh)  # the same for each Wh
        worth_e8 = -cash_e8 if self.side == "buy" else cash_e8
        return (
            self.time_utc,
            self.side or None,
            self.product_utc,
            state,
            ordered_wh,
            None if self.refused else filled_wh,
            limit_tick,
            self.kind or None,
            round(Fraction(worth_e8, filled_wh)) if filled_wh else None,
            self.until_utc,
            self.order or None,
            cash_e8 if fills else None,
            shown_e8,
            self.rule or None,
            self.entry,
        )

    def _state(self, moment: Moment, ordered_wh: int | None, filled_wh: int) -> str:
        if filled_wh == ordered_wh:
            return FILLED
        if self.cancelled is not None and self.cancelled <= moment.entry:
            return CANCELLED
        if self.until_utc is not None and self.until_utc <= moment.next_utc:
            return EXPIRED
        return PARTIAL if filled_wh else WORKING


@dataclass(frozen=True)
class Lines:
    """The blotter at a moment: rows as `Line.row_at` gives them, newest first."""

    moment: Moment
    read: int  # the last entry that was read; before `moment.sequence` nothing is shown yet
    rows: tuple[Row, ...] = ()
    total: int = 0  # lines there are, where fewer are held
    working: tuple[str, ...] = ()  # ids of open orders, oldest first
    counts: Mapping[str, int] = field(default_factory=dict)  # by state


class Blotter:
    """Follows one actor's orders. Only one thread may use it."""

    def __init__(self, actor: str) -> None:
        self.actor = actor
        self._lines: list[Line] = []
        self._open: dict[str, Line] = {}
        self._read, self._dropped = -1, 0
        self._shown: Lines | None = None

    def follow(self, records: Records, moment: Moment) -> Lines:
        """What is new up to the moment's sequence, at most `WINDOW` entries of it, taken in; how things stand then.

        While nothing changes the rows are the same object.
        """
        until = min(moment.sequence, self._read + WINDOW)
        if until > self._read and self._take_in(records, until):
            self._shown = None
        if self._read < moment.sequence:
            return Lines(moment, self._read)
        if self._shown is None or not self._is_as_it_was(self._shown.moment, moment):
            self._shown = self._stand(moment)
        shown = self._shown
        return Lines(moment, self._read, shown.rows, shown.total, shown.working, shown.counts)

    def _is_as_it_was(self, before: Moment, now: Moment) -> bool:
        """Whether time alone, without anything new, leaves all as it stood."""
        if not (before.is_live and now.is_live):
            return (before.entry, before.next_utc) == (now.entry, now.next_utc)
        return not any((line.until_utc or 0) <= now.next_utc for line in self._open.values())

    # Reading ----------------------------------------------------------------------------------------------------------
    def _take_in(self, records: Records, until: int) -> bool:
        """Read on up to an entry; whether that changed anything."""
        entries = records.journal.given(self.actor, "order.", self._read, until)
        for entry in entries:
            self._add(entry)
        is_changed = bool(entries)
        if self._open:  # else the actor's trades are only those of its homes and plants
            after = max(self._read, min(line.entry for line in self._open.values()))
            for trade in takewhile(lambda row: row.entry <= until, records.trades(self.actor, after)):
                kind, _, order = trade.participant.partition(":")
                if kind == "order" and order in self._open:
                    self._open[order].fills.append(trade)
                    is_changed = True
        self._read = until
        return is_changed

    def _add(self, entry: Entry) -> None:
        fields, effects = entry.fields, json.loads(entry.effects)
        is_place, is_done, command = fields["kind"] == "order.place", fields["outcome"] == "done", fields["command"]
        if is_done and not is_place:
            for order in effects.get("orders") or [effects.get("order")]:
                if order in self._open:
                    self._change(self._open[order], fields["kind"], entry.seq, command, effects)
            return
        line = Line(entry.seq, fields["time_utc"])
        self._lines.append(line)
        if is_place:
            _ask(line, command)
        else:
            line.side, line.order = fields["kind"].removeprefix("order."), str(command.get("order", ""))
        if is_done:
            line.order, line.held_e8 = effects["order"], parse_money_e8(effects["held"], "held")
            line.until_utc = _moment_utc(effects["until"])
            if effects.get("open_kwh") == "0":  # what was not filled at once did not stay
                line.cancelled = entry.seq
            self._open[line.order] = line
        else:
            line.refused = fields["outcome"].partition(":")[0]
            line.rule = f"{effects['code']}: {BadInput(effects['field'], effects['value'], effects['limit'])}"

    @staticmethod
    def _change(line: Line, kind: str, entry: int, command: Mapping[str, Any], effects: Mapping[str, Any]) -> None:
        """Note what was done about an open order."""
        if kind == "order.cancel":
            line.cancelled = entry
            return
        limit_tick = line.amended[-1].limit_tick if line.amended else line.limit_tick
        if command.get("price") is not None:
            limit_tick = parse_price_tick(command["price"])
        open_wh = parse_scaled(effects["open_kwh"], "open_kwh", 3, 0, ANY_TICK)
        line.amended.append(Amendment(entry, open_wh, limit_tick or 0, parse_money_e8(effects["held"], "held")))

    # Standing ---------------------------------------------------------------------------------------------------------
    def _stand(self, moment: Moment) -> Lines:
        """How things stand at a moment."""
        if moment.is_live:
            self._settle(moment)
        seen = [line for line in reversed(self._lines) if line.entry <= moment.entry]
        rows = tuple((line.row if moment.is_live else None) or line.row_at(moment) for line in seen)
        working = tuple(row[ORDER] for row in reversed(rows) if row[STATE] in OPEN)
        counts = Counter(row[STATE] for row in rows)
        return Lines(moment, self._read, rows, len(rows) + self._dropped, working, counts)

    def _settle(self, moment: Moment) -> None:
        """What is over by the latest moment is over for good; of that, only the last lines are kept."""
        for line in self._lines:
            if line.row is None and (row := line.row_at(moment))[STATE] not in OPEN:
                line.row = row
                if not line.refused:
                    del self._open[line.order]
        if len(self._lines) > LINES + LINES // 8:
            kept = [line for line in self._lines[:-LINES] if line.row is None]
            self._dropped += len(self._lines) - LINES - len(kept)
            self._lines[:-LINES] = kept

    def fills(self, entry: int, until: int) -> tuple[TradeRow, ...]:
        """The receipts of the order that was placed as that entry, up to another one."""
        found = next((line.fills for line in self._lines if line.entry == entry), [])
        return tuple(fill for fill in found if fill.entry <= until)


def _ask(line: Line, command: Mapping[str, Any]) -> None:
    """Note what was asked for. Of one that was refused anything may be no value at all."""
    line.side = command["side"] if command.get("side") in ("buy", "sell") else ""
    line.quantity_wh = _number(lambda text: parse_scaled(text, "", 3, 0, ANY_TICK), command.get("quantity_kwh"))
    line.limit_tick = _number(parse_price_tick, command["price"]) if command.get("price") is not None else ANY_TICK
    line.until_utc = _number(_moment_utc, command["until"]) if command.get("until") is not None else None
    line.product_utc = _number(_moment_utc, command.get("product"))
    if line.product_utc is not None:
        line.kind = clean(
            " ".join(str(command[name]) for name in ("order_kind", "tif") if command.get(name)) or "limit"
        )


def _number(parse: Callable[[str], int], value: object) -> int | None:
    try:
        return parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _moment_utc(text: str) -> int:
    """UTC second of a moment such as 2026-05-25T12:15Z."""
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC).timestamp())
