"""Makes frames out of the desk, on the runner's thread; parts that did not change are those of the frame before."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from voltadesk.desk.indicative import Indicative, indicative
from voltadesk.desk.market import Market
from voltadesk.errors import BadInput
from voltadesk.store.desk import Desk
from voltadesk.store.projection import TradeRow
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

    def make(self, actor: str, unsigned: str, clock: Clock, seen: History, fault: str) -> DeskFrame:
        """The desk as it is now, its history as far as it is seen."""
        book, head = self.desk.book, self.desk.journal.head()
        market, actors = book.market, book.actors
        next_utc = book.now_utc
        if market and clock.is_replay and len(seen):
            next_utc = int(seen.starts_utc[-1]) + market.step_s
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
            tape=self._part("tape", int(seen["entry"][-1]) if len(seen) else -1, lambda: self._tape(seen)),
            orders=tuple(sorted(market.orders.values(), key=lambda order: order.entry)) if market else (),
            batteries=self._part("batteries", head, lambda: battery_lines(book)),
            fund=self._fund(),
            actors={name: frozenset(each.roles) for name, each in sorted(actors.by_name.items())},
            offered_to=tuple(sorted(actors.offered.values())),
            in_books=market.continuous.open_orders(actor) if market else (),
        )

    def _part(self, name: str, key: Any, make: Callable[[], Part]) -> Part:
        """A part of the frame, made again only when its key is another."""
        held = self._parts.get(name)
        if held is None or held[0] != key:
            held = self._parts[name] = key, make()
        part: Part = held[1]
        return part

    def _coming(self, market: Market) -> Indicative | None:
        with suppress(BadInput):  # where the outside's prices or meters end there is no next auction
            return self._part("coming", self.desk.journal.head(), lambda: indicative(market, self.desk.book.fleet))
        return None

    def _tape(self, seen: History) -> tuple[TradeRow, ...]:
        if not len(seen):
            return ()
        first, last = int(seen["entry"][-TAPE:][0]), int(seen["entry"][-1])
        rows = takewhile(lambda row: row.entry <= last, self.desk.trades(after=first - 1))
        return tuple(rows)[::-1]

    def _fund(self) -> FundFigures:
        book = self.desk.book
        is_many = len(book.fund.investors) > MANY
        key = int(time.monotonic()) if is_many else self.desk.journal.head()
        return self._part("fund", key, lambda: fund_figures(book))


def _settings(market: Market) -> tuple[Any, ...]:
    """What changes whenever a rule, a home or a plant does."""
    return id(market.scenario), market.band, market.changed_homes(), market.changed_plants()
