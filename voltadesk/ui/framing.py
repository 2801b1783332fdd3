"""Makes frames out of the desk, on the runner's thread; parts that did not change are those of the frame before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import takewhile
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from voltadesk.desk.continuous import CONTINUOUS
from voltadesk.desk.indicative import Indicative, indicative
from voltadesk.desk.market import Market, Order
from voltadesk.errors import BadInput
from voltadesk.store.desk import Desk
from voltadesk.store.projection import TradeRow
from voltadesk.ui.books import BookReader, Books
from voltadesk.ui.frame import Clock, DeskFrame, FundFigures, battery_lines, fund_figures, market_figures
from voltadesk.ui.history import History

UTC = ZoneInfo("UTC")
TAPE = 2  # intervals whose receipts are in a frame
MANY = 500  # investors from which on holdings are not made for every frame

Part = TypeVar("Part")


class FrameMaker:
    """Numbers frames and remembers their parts."""

    def __init__(self, desk: Desk, is_trial: bool) -> None:
        self.desk, self.is_trial = desk, is_trial
        self._number = 0
        self._parts: dict[str, tuple[Any, Any]] = {}
        self._books = BookReader(desk)

    def make(self, actor: str, unsigned: str, clock: Clock, seen: History, fault: str) -> DeskFrame:
        """The desk as it is now, its history as far as it is seen."""
        book, head = self.desk.book, self.desk.journal.head()
        market, actors = book.market, book.actors
        next_utc = book.now_utc
        if market and clock.is_replay and len(seen):
            next_utc = int(seen.starts_utc[-1]) + market.step_s
        books = self._books.read(market, book.ledger, actor) if market and not clock.is_replay else None
        self._number += 1
        return DeskFrame(
            number=self._number,
            sequence=head.seq,
            actor=actor,
            roles=frozenset(actors.get(actor).roles),
            unsigned=unsigned,
            is_trial=self.is_trial,
            currency=book.ledger.currency,
            zone=market.zone if market else UTC,
            step_s=market.step_s if market else 3600,
            next_utc=next_utc,
            halted=book.halted,
            fault=fault,
            clock=clock,
            history=seen,
            market=self._part("market", _settings(market), lambda: market_figures(market)) if market else None,
            coming=self._coming(market) if market and not clock.is_replay else None,
            tape=self._part("tape", _last_entry(seen), lambda: self._tape(seen)),
            since=self._part("since", _traded(seen, books), lambda: self._since(seen)) if books else (),
            orders=self._same("orders", _orders(market) if market else ()),
            batteries=self._part("batteries", head, lambda: battery_lines(book)),
            fund=self._fund(),
            actors=self._same("actors", {name: frozenset(each.roles) for name, each in sorted(actors.by_name.items())}),
            offered_to=tuple(sorted(actors.offered.values())),
            books=books,
        )

    def _part(self, name: str, key: Any, make: Callable[[], Part]) -> Part:
        """A part of the frame, made again only when its key is another."""
        held = self._parts.get(name)
        if held is None or held[0] != key:
            held = self._parts[name] = key, make()
        part: Part = held[1]
        return part

    def _same(self, name: str, now: Part) -> Part:
        """What is equal to the part of the frame before is that very part."""
        return self._part(name, now, lambda: now)

    def _coming(self, market: Market) -> Indicative | None:
        with suppress(BadInput):  # where the outside's prices or meters end there is no next auction
            return self._part("coming", self.desk.journal.head(), lambda: indicative(market, self.desk.book.fleet))
        return None

    def _tape(self, seen: History) -> tuple[TradeRow, ...]:
        if not len(seen):
            return ()
        first, last = int(seen["entry"][-TAPE:][0]), int(seen["entry"][-1])
        return paired(takewhile(lambda row: row.entry <= last, self.desk.trades(after=first - 1)))[::-1]

    def _since(self, seen: History) -> tuple[TradeRow, ...]:
        """What was traded in order books since the last interval was run."""
        return paired(self.desk.trades(after=_last_entry(seen)))[::-1]

    def _fund(self) -> FundFigures:
        book = self.desk.book
        is_many = len(book.fund.investors) > MANY
        key = int(time.monotonic()) if is_many else self.desk.journal.head()
        return self._part("fund", key, lambda: fund_figures(book))


def paired(trades: Iterable[TradeRow]) -> tuple[TradeRow, ...]:
    """The receipts, the two of a trade in an order book made one: the aggressor's, told with whom it was."""
    found, held = list[TradeRow](), None
    for trade in trades:
        if trade.market != CONTINUOUS:
            found.append(trade)
        elif held is None:
            held = trade  # the aggressor's comes first
        else:
            found.append(held._replace(participant=f"with {trade.actor}:{held.actor}"))
            held = None
    return tuple(found)


def _orders(market: Market) -> tuple[Order, ...]:
    return tuple(sorted(market.orders.values(), key=lambda order: order.entry))


def _settings(market: Market) -> tuple[Any, ...]:
    """What changes whenever a rule, a home or a plant does, or what is known of a feed's prices."""
    standing = None if market.published is None else market.published.standing(market.next)
    return id(market.scenario), market.band, market.changed_homes(), market.changed_plants(), standing


def _last_entry(seen: History) -> int:
    """The journal's entry of the last interval that is seen."""
    return int(seen["entry"][-1]) if len(seen) else -1


def _traded(seen: History, books: Books) -> tuple[int, int]:
    """What changes whenever something is traded in order books."""
    return _last_entry(seen), sum(product.volume_wh for product in books.products.values())
