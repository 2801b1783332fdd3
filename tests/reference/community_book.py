"""A community's order book once more: who quotes what, in whose turn, on the readable book of `book.py`."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace as Row
from typing import Any

from tests.reference import auction
from tests.reference.book import Book, Message
from tests.reference.homes import random_bits
from voltadesk.engine.tables import COMMUNITY_ROW, KIND_BATTERY, KIND_HOME, NO_PRICE_TICK

Key = tuple[int, int, str]  # kind, participant, part of its orders
ALL = 1 << 32


@dataclass
class Quoter:
    """An order of a participant: what a MWh is worth to it (or costs it), and what it still wants to trade."""

    key: Key
    is_bid: bool
    value: int
    left: int
    draws: bool
    id: int = 0
    is_there: bool = False  # on the book
    filled: int = 0
    amount: int = 0

    @property
    def other_side(self) -> Key | None:
        kind, number, part = self.key
        return (kind, number, "charge" if part == "discharge" else "discharge") if kind == KIND_BATTERY else None


def unmeasured() -> Any:
    row = Row(**dict.fromkeys(COMMUNITY_ROW.names, 0))
    row.lowest_tick = row.highest_tick = row.equilibrium_tick = NO_PRICE_TICK
    return row


# Values ---------------------------------------------------------------------------------------------------------------
def quoters(now: Any, quote: int, with_fleet: bool) -> tuple[list[Quoter], int, int]:
    """All orders there could be, in the order of their ids, with the lowest cost and the highest value."""
    market, rules = now.market, now.market.rules
    fees = rules.community_grid_fee_tick + rules.community_levy_tick
    home_value = quote + rules.margin_tick + rules.grid_fee_tick + rules.levy_tick - fees
    battery_value = quote + rules.margin_tick
    first, second = [], []
    for h, (home, need) in enumerate(zip(market.homes, now.needs, strict=True)):
        draws = random_bits(rules.community_seed, -5, h) % 10_000 < rules.community_zic_bp
        short, surplus, flexible = [wh * home.in_community for wh in (need.short, need.surplus, need.flexible)]
        first.append(Quoter((KIND_HOME, h, "inelastic"), True, home_value, short, draws))
        if need.surplus:
            cost = cost_of(rules, max(home.offer_limit_tick, quote))
            first[-1] = Quoter((KIND_HOME, h, "surplus"), False, cost, surplus, draws)
        value = min(home.flexible_limit_tick - fees, home_value)
        second.append(Quoter((KIND_HOME, h, "flexible"), True, value, flexible, draws))
    if not any(home.flexible_waiting_limit_wh for home in market.homes):
        second = []  # they have no ids
    bids, offers = [], []
    for b, stored in enumerate(now.stores):
        bid = Quoter((KIND_BATTERY, b, "charge"), True, 0, 0, False)
        offer = Quoter((KIND_BATTERY, b, "discharge"), False, 0, 0, False)
        if with_fleet and stored.bid_price != NO_PRICE_TICK and stored.bid_price >= rules.floor_tick:
            bid.left, bid.value = stored.bid_wh, min(now.outside.battery_buy_limit_tick[b], battery_value)
        if with_fleet and stored.offer_price != NO_PRICE_TICK and stored.offer_price <= rules.cap_tick:
            offer.left, offer.value = stored.offer_wh, cost_of(rules, max(stored.offer_price, quote))
        if bid.left and offer.left and bid.value >= offer.value:
            bid.left = offer.left = 0
        bids.append(bid)
        offers.append(offer)
    low, high = cost_of(rules, quote), max(home_value, battery_value)
    everybody = first + second + bids + offers
    for n, quoter in enumerate(everybody):
        quoter.id = n + 1
        if (quoter.is_bid and quoter.value < low) or (not quoter.is_bid and quoter.value > high):
            quoter.left = 0
    return everybody, low, high


def cost_of(rules: Any, least: int) -> int:
    """The price of which that is left after the broker's fee."""
    if least <= 0:
        return least
    kept = 10_000 - rules.community_fee_bp
    return -(-least * 10_000 // kept) if kept else 1 << 40


def measure(row: Any, everybody: list[Quoter], low: int, high: int) -> None:
    """The competitive equilibrium."""
    orders = [(q.value, q.left if q.is_bid else -q.left) for q in everybody if q.left]
    outcome = auction.clear(orders, low, high, "midpoint")
    if outcome.volume:
        row.equilibrium_tick, row.possible_wh, row.possible_e8 = outcome.price, outcome.volume, outcome.welfare


def count(row: Any, price: int, energy: int) -> None:
    """One trade more."""
    row.trades += 1
    row.traded_wh += energy
    row.amount_e8 += price * energy
    row.lowest_tick = price if row.lowest_tick == NO_PRICE_TICK else min(row.lowest_tick, price)
    row.highest_tick = max(row.highest_tick, price)
    if row.equilibrium_tick != NO_PRICE_TICK:
        row.square_deviation += energy * (price - row.equilibrium_tick) ** 2


def measure_pool(now: Any, quote: int, price: int, traded: int, energy: dict[Key, int]) -> None:
    """The trades of a pool, all at one price."""
    row = now.measured
    everybody, low, high = quoters(now, quote, with_fleet=False)
    if low <= high:
        measure(row, everybody, low, high)
    if traded:
        count(row, price, traded)
    for quoter in everybody:
        value = quote if quoter.value == 1 << 40 else quoter.value
        row.welfare_e8 += value * energy.get(quoter.key, 0) * (1 if quoter.is_bid else -1)


# Trading --------------------------------------------------------------------------------------------------------------
def trade(now: Any, quote: int) -> dict[Key, tuple[int, int]]:
    """All rounds of an interval; returns energy and amount of every order that traded."""
    rules, row = now.market.rules, now.measured
    everybody, low, high = quoters(now, quote, with_fleet=True)
    if low > high:
        return {}
    measure(row, everybody, low, high)
    if row.possible_wh == 0:
        return {}
    book = Book(low, high, 1, 1 << 60)
    for q in opening(now, everybody):
        if q.left and has_two_sides(everybody):
            row.quotes += 1
            quote_on(book, q, q.value, everybody, row)
    turns = [q for q in everybody if q.left and q.key[0] == KIND_HOME]
    for r in range(rules.community_rounds):
        for n in range(len(turns)):
            if not has_two_sides(everybody):
                break
            bits = random_bits(rules.community_seed, -6 - r, (now.start // rules.step_s << 22) + n)
            chosen = n + (bits % ALL * (len(turns) - n) >> 32)
            turns[n], turns[chosen] = turns[chosen], turns[n]
            if turns[n].left:
                row.quotes += 1
                quote_on(book, turns[n], drawn(turns[n], bits >> 32, low, high), everybody, row)
        turns = [q for q in turns if q.left and q.draws]
    return {q.key: (q.filled, q.amount) for q in everybody if q.filled}


def has_two_sides(everybody: list[Quoter]) -> bool:
    """Whether bids and offers have something left."""
    return any(q.left for q in everybody if q.is_bid) and any(q.left for q in everybody if not q.is_bid)


def opening(now: Any, everybody: list[Quoter]) -> list[Quoter]:
    """Who stands on the book before homes come: batteries and people, bids before offers, better limits first."""
    stores = [q for q in everybody if q.key[0] == KIND_BATTERY]
    buy, sell = now.outside.battery_buy_limit_tick, now.outside.battery_sell_limit_tick
    bids = sorted((q for q in stores if q.is_bid), key=lambda q: -buy[q.key[1]])
    return bids + sorted((q for q in stores if not q.is_bid), key=lambda q: sell[q.key[1]])


def drawn(quoter: Quoter, share: int, low: int, high: int) -> int:
    """The price of a turn."""
    if not quoter.draws:
        return quoter.value
    if quoter.is_bid:
        return low + share * (quoter.value - low + 1) // ALL
    return quoter.value + share * (high - quoter.value + 1) // ALL


def quote_on(book: Book, quoter: Quoter, price: int, everybody: list[Quoter], row: Any) -> None:
    """A new order, or a new price for the one that is there; then what came of it."""
    before = len(book.reports)
    if quoter.is_there:
        book.take(0, Message("amend", quoter.id, price=price, quantity=quoter.left))
    else:
        side = "buy" if quoter.is_bid else "sell"
        book.take(0, Message("new", quoter.id, side=side, kind="limit", price=price, quantity=quoter.left))
        quoter.is_there = True
    for report in book.reports[before:]:
        assert report.event != "rejected"
        if report.event != "traded":
            continue
        count(row, report.price, report.quantity)
        for id in (report.id, report.other_id):
            one = everybody[id - 1]
            one.left -= report.quantity
            one.filled += report.quantity
            one.amount += report.quantity * report.price
            row.welfare_e8 += report.quantity * one.value * (1 if one.is_bid else -1)
            for other in everybody:
                if other.key == one.other_side and other.left:
                    other.left = 0
                    if other.is_there:
                        book.take(0, Message("cancel", other.id))
