"""A product's depth ladder: prices in the middle, bids to the left, offers to the right, one's own orders marked.

A row is a price at which something stands, the highest above. With no cursor the gap between bids and offers stays in
the middle; with one, its price stays on the line where it is, whatever comes and goes. Nothing here trades.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.message import Message

from voltadesk.ui.books import Level, OwnOrder, ProductFigures
from voltadesk.ui.canvas import Canvas, Place
from voltadesk.ui.cells import Cells, Words
from voltadesk.ui.inks import CURSOR, DOWN, FAINT, OWN, STRONG, TEXT, UP, change_ink
from voltadesk.ui.text import COUNT, MONEY, NO_DATA, PRICE, PRICE_CHANGE, Number, arrow, change_text

ENERGY = Number(3, 3)  # kWh, to the Wh
POSITION = Number(3, 3, signed=True)
HEAD = 3  # lines above the prices
CENTS = Number(8, 4, signed=True)  # what comes of a few kWh
_TRADES_W = 30  # cells; the trades stand beside a ladder
_LADDER_W, _LADDER_MOST_W = 56, 90  # of at least and at most so many


class _Columns(NamedTuple):
    """The cells before which energies and prices end, the width of a bar, and the energy of a whole one."""

    bid: int
    price: int
    offer: int
    bar: int
    most_wh: int


class Ladder(Canvas):
    """`show` a product. Up and down move by prices, + and - by ticks, left and right ask for another product."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "tick(1)", "Tick up", id="ladder.tick-up"),
        Binding("minus", "tick(-1)", "Tick down", id="ladder.tick-down"),
        Binding("less_than_sign", "turn(-1, True)", "Traded one before", show=False, id="ladder.traded-before"),
        Binding("greater_than_sign", "turn(1, True)", "Next traded one", show=False, id="ladder.traded-next"),
    ]

    class Turned(Message):
        """Another product is asked for, so many further on: of all, or of those that somebody ordered in."""

        def __init__(self, by: int, is_traded: bool) -> None:
            super().__init__()
            self.by, self.is_traded = by, is_traded

    def __init__(self) -> None:
        super().__init__()
        self.product: ProductFigures | None = None
        self.actor = self.currency = ""
        self.price_tick: int | None = None  # under the cursor
        self.rows: list[int] = []  # prices, falling
        self._top = 0  # of the rows, the first in sight
        self.nothing = ""  # why there is no product

    # Data -------------------------------------------------------------------------------------------------------------
    def show(self, product: ProductFigures | None, actor: str) -> None:
        """Show a product as an actor sees it; the cursor leaves where it is another one."""
        if product is self.product and actor == self.actor:
            return
        self.actor = actor
        if product is None or self.product is None or product.start_utc != self.product.start_utc:
            self.price_tick = None
        self.product = product
        self._arrange()

    def _arrange(self) -> None:
        """Order the prices anew; the cursor's stays on its line."""
        line = self._line()
        product = self.product
        levels = () if product is None else (*product.bids, *product.asks)
        ticks = {level.price_tick for level in levels}
        if self.price_tick is not None:
            ticks.add(self.price_tick)
        self.rows = sorted(ticks, reverse=True)
        if line is not None and self.price_tick is not None:
            self._top = self.rows.index(self.price_tick) - line
        self.refresh()

    def _line(self) -> int | None:
        """Where the cursor's price is, counted from the first line of prices."""
        return self.rows.index(self.price_tick) - self._top if self.price_tick in self.rows else None

    def _gap(self) -> int:
        """How many rows lie above the gap: those of the offers; in a call those above its price."""
        if self.product is not None and self.product.call_tick is not None:
            call_tick = self.product.call_tick
            return sum(tick > call_tick for tick in self.rows)
        bids = () if self.product is None else self.product.bids
        best = bids[0].price_tick if bids else None
        asks = 0 if self.product is None else len(self.product.asks)
        return asks if best is None else sum(tick > best for tick in self.rows)

    # The cursor -------------------------------------------------------------------------------------------------------
    def stand_on(self, price_tick: int | None) -> None:
        """Put the cursor on a price, which needs not be anybody's, or take it away."""
        if price_tick != self.price_tick:
            h = max(1, self.size.height - HEAD - 1)
            top = self._shown_top(h + HEAD + 1)
            self.price_tick = price_tick
            self._arrange()
            if price_tick is not None:
                line = self.rows.index(price_tick)
                self._top = max(line - h + 1, min(line, top))
            self.refresh()
            self.post_message(self.Moved(self, None if price_tick is None else (0, self.rows.index(price_tick))))

    def action_cursor(self, right: int, down: int) -> None:
        if right:
            self.action_turn(right, False)
        elif not self.rows:
            return
        elif self.price_tick is None:
            self.stand_on(self.rows[max(0, min(len(self.rows) - 1, self._gap() - (down < 0)))])
        else:
            row = self.rows.index(self.price_tick) + down
            self.stand_on(self.rows[max(0, min(len(self.rows) - 1, row))])

    def action_turn(self, by: int, is_traded: bool) -> None:
        self.post_message(self.Turned(by, is_traded))

    def action_tick(self, by: int) -> None:
        """One tick up or down, to a price where nobody may be; the first press goes to the best bid or offer."""
        product = self.product
        if product is None:
            return
        if self.price_tick is None:
            side = product.bids if by > 0 else product.asks
            best = (side or product.asks or product.bids)[:1]
            start = best[0].price_tick if best else product.last_tick
            if start is not None:
                self.stand_on(start)
            return
        self.stand_on(max(product.floor_tick, min(product.cap_tick, self.price_tick + by)))

    def move_to(self, place: Place | None) -> None:
        """By the mouse, or off."""
        self.stand_on(None if place is None or not self.rows else self.rows[place[1]])

    def locate(self, x: int, y: int) -> Place | None:
        row = y - HEAD + self._shown_top(self.size.height)
        return (0, row) if y >= HEAD and 0 <= row < len(self.rows) and y < self.size.height - 1 else None

    # Picture ----------------------------------------------------------------------------------------------------------
    def _shown_top(self, height: int) -> int:
        """The first row in sight; without a cursor the gap is in the middle, as far as no room is wasted."""
        h, n = max(1, height - HEAD - 1), len(self.rows)
        top = self._gap() - h // 2 if self.price_tick is None else self._top
        self._top = max(min(0, n - h), min(max(0, n - h), top))
        if self.price_tick is not None:
            line = self.rows.index(self.price_tick)
            self._top = max(line - h + 1, min(line, self._top))
        return self._top

    def paint(self, cells: Cells) -> None:
        product = self.product
        if product is None:
            cells.put(max(0, (cells.w - len(self.nothing)) // 2), cells.h // 2, self.nothing, FAINT)
            return
        beside = cells.w >= _LADDER_W + _TRADES_W
        width = min(_LADDER_MOST_W, cells.w - _TRADES_W if beside else cells.w)
        cells.put_words(0, 0, self._market_words(product))
        cells.put_words(0, 1, _own_words(product))
        self._paint_prices(cells.part(0, HEAD - 1, width, cells.h - HEAD), product)
        cells.put_words(0, cells.h - 1, self.readout(None))
        if beside:
            _paint_trades(cells.part(width + 2, HEAD - 1, _TRADES_W - 2, cells.h - HEAD), product, self.actor)

    def _paint_prices(self, cells: Cells, product: ProductFigures) -> None:
        """A line of titles, then the prices."""
        sides = {
            side: {level.price_tick: level for level in levels}
            for side, levels in (("buy", product.bids), ("sell", product.asks))
        }
        at = _columns(cells.w, [*product.bids, *product.asks], self.rows)
        cells.put_right(at.bid, 0, "▲ bid kWh", FAINT)
        cells.put_right(at.price, 0, f"{self.currency}/MWh", FAINT)
        cells.put_right(at.offer, 0, "offer kWh ▼", FAINT)
        top, gap = self._shown_top(cells.h + HEAD), self._gap()
        for y in range(1, cells.h):
            row = top + y - 1
            if not 0 <= row < len(self.rows):
                continue
            tick = self.rows[row]
            if tick == self.price_tick:
                cells.paper[y] = CURSOR
            there = [side for side, levels in sides.items() if tick in levels]
            is_best = there and row in (gap - 1, gap)
            cells.put_right(at.price, y, PRICE.show(tick), STRONG if is_best else TEXT if there else FAINT)
            for side in there:
                own = [order for order in product.own_at(tick) if order.side == side]
                line = cells.part(0, y, cells.w, 1)
                _paint_level(line, at, sides[side][tick], own, side == "buy", len(there) == 1)
        if not self.rows:
            words = "nobody has ordered here"
            cells.put(max(0, (cells.w - len(words)) // 2), cells.h // 2, words, FAINT)

    def _market_words(self, product: ProductFigures) -> Words:
        trades = product.trades
        change = None if len(trades) < 2 else trades[0].price_tick - trades[1].price_tick
        words = [(f"last {PRICE.show(product.last_tick)}", STRONG if trades else FAINT)]
        if product.call:
            words.insert(
                0, (f"{product.call}: {ENERGY.show(product.call_wh)} kWh at {PRICE.show(product.call_tick)}", OWN)
            )
        if change is not None:
            words.append((change_text(change, PRICE_CHANGE), change_ink(change)))
        return [
            *words,
            (f"VWAP {PRICE.show(product.vwap_tick)}", TEXT),
            (f"{ENERGY.show(product.volume_wh)} kWh traded", TEXT),
        ]

    def readout(self, place: Place | None) -> Words:
        """About the price under the cursor, or with none about the gap."""
        product, tick = self.product, self.price_tick
        if product is None:
            return []
        if tick is None:
            return [(f"spread {PRICE.show(product.spread_tick)}", TEXT), ("← → other products, < > with orders", FAINT)]
        there = [each for each in (*product.asks, *product.bids) if each.price_tick == tick]
        return [
            (f"{PRICE.show(tick)}  {'; '.join(map(_told, there)) or 'nobody is there'}", TEXT),
            *((_queue_text(own), OWN) for own in product.own_at(tick)),
        ]

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        yield ("side", "price", "energy_kwh", "orders", "own_kwh")
        product = self.product
        for side, levels in () if product is None else (("ask", product.asks[::-1]), ("bid", product.bids)):
            for level in levels:
                own_wh = sum(order.open_wh for order in product.own_at(level.price_tick)) if product else 0
                yield (side, PRICE.plain(level.price_tick), ENERGY.plain(level.energy_wh), level.orders,
                       ENERGY.plain(own_wh))  # fmt: skip


def _columns(width: int, levels: Sequence[Level], ticks: Sequence[int]) -> _Columns:
    """Where what is written for so many cells: energies and prices as wide as they are, the rest is bars."""
    size = max([10, *(len(ENERGY.show(level.energy_wh)) for level in levels)])
    price = max([7, *(len(PRICE.show(tick)) for tick in ticks)])
    bar = max(0, (width - price - 4 - 2 * size) // 2)
    bid = bar + size
    most_wh = max((level.energy_wh for level in levels), default=1)
    return _Columns(bid, bid + 2 + price, bid + 2 + price + 2 + size, bar, most_wh)


def _paint_level(
    cells: Cells, at: _Columns, level: Level, own: Sequence[OwnOrder], is_bid: bool, is_alone: bool
) -> None:
    """One line: energy and bar on the level's side, on the other what of it is the actor's.

    In a call there may be somebody on either side; the energy's ink tells then whether the actor is among them.
    """
    shown, ink, room = ENERGY.show(level.energy_wh), UP if is_bid else DOWN, max(0, at.bar - 1)
    if not is_alone:
        ink, own = OWN if own else ink, ()
    halves = min(2 * room, max(1, level.energy_wh * 2 * room // at.most_wh))
    whole, half = "█" * (halves // 2), halves % 2
    if is_bid:
        cells.put_right(at.bid, 0, shown, ink)
        cells.put_right(room, 0, "▐" * half + whole, ink)
        cells.put(at.price + 2, 0, f"◂ {_own_tag(own)}" if own else "", OWN)
    else:
        cells.put_right(at.offer, 0, shown, ink)
        cells.put(at.offer + 1, 0, whole + "▌" * half, ink)
        cells.put_right(at.bid, 0, f"{_own_tag(own)} ▸" if own else "", OWN)


def _told(level: Level) -> str:
    count = "1 order" if level.orders == 1 else f"{COUNT.show(level.orders)} orders"
    return f"{ENERGY.show(level.energy_wh)} kWh, {count}"


def _queue_text(own: OwnOrder) -> str:
    """o-12: 3 ahead, 5.000"""
    hidden = f" {ENERGY.show(own.hidden_wh)} hidden," if own.hidden_wh else ""
    ahead = f"{COUNT.show(own.ahead)} ahead, {ENERGY.show(own.ahead_wh)}" if own.ahead else "first in line"
    return f"{own.id}:{hidden} {ahead}"


def _own_tag(own: Sequence[OwnOrder]) -> str:
    """2.500 #3, the third in the queue; of several all together, the first one's place, and how many."""
    more = f" ({len(own)})" if len(own) > 1 else ""
    return f"{ENERGY.show(sum(each.open_wh for each in own))} #{own[0].ahead + 1}{more}"


def _own_words(product: ProductFigures) -> Words:
    """The actor's position, what it came to so far, and what is held for it."""
    position = product.position
    if not (position.net_wh or position.cash_e8 or position.held_e8):
        return [("no position, no orders", FAINT)]
    at = "" if position.average_tick is None else f" at {PRICE.show(position.average_tick)}"
    result_e8 = product.result_e8
    return [
        (f"yours {POSITION.show(position.net_wh)} kWh{at}", OWN),
        (f"result {arrow(result_e8)} {CENTS.show(result_e8)}", change_ink(result_e8)),
        (f"held {MONEY.show(position.held_e8)}", TEXT),
    ]


def _paint_trades(cells: Cells, product: ProductFigures, actor: str) -> None:
    """The product's trades, newest first: whose order came later decides the arrow; in a call nobody's did."""
    cells.put(0, 0, "trades", FAINT)
    cells.put_right(16, 0, "price", FAINT)
    cells.put_right(cells.w, 0, "kWh", FAINT)
    for y, trade in enumerate(product.trades[: cells.h - 1], start=1):
        word, ink = {True: ("▲ buy", UP), False: ("▼ sell", DOWN), None: ("● call", TEXT)}[trade.is_buyer_aggressor]
        cells.put(0, y, word, ink)
        cells.put_right(16, y, PRICE.show(trade.price_tick), ink)
        is_own = actor in (trade.buyer, trade.seller)
        cells.put_right(cells.w, y, ENERGY.show(trade.energy_wh), OWN if is_own else TEXT)
    if not product.trades:
        cells.put(0, 1, NO_DATA, FAINT)
