"""The market of `docs/market-rules.md`, slow and obvious: one small function per rule, in plain Python integers.

This is the twin the fast engine is compared with. It shares no code with it: only the tables' field names, their
codes and the constants. Tables come in and go out as NumPy records, everything between is `Row`s of ints.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace as Row
from typing import Any

import numpy as np

from tests.reference import auction, community_book
from voltadesk.engine import tables
from voltadesk.engine.auction import (
    PRICING_PAY_AS_BID,
    PRICING_VERTICAL_DEMAND,
    RULE_HIGHEST,
    RULE_LOWEST,
    RULE_MIDPOINT,
)
from voltadesk.engine.tables import NO_PRICE_TICK, Conditions

PRICE_RULES = {RULE_MIDPOINT: "midpoint", RULE_LOWEST: "lowest", RULE_HIGHEST: "highest"}
FIRST_BLOCK, SECOND_BLOCK = "first block", "second block"
RUN, REST, REST_FOR_GOOD = "run", "rest", "rest for good"


@dataclass(frozen=True)
class Result:
    """The tables as they are after the last interval."""

    homes: np.ndarray
    plants: np.ndarray
    batteries: np.ndarray
    accounts: np.ndarray
    intervals: np.ndarray
    plant_output_wh: np.ndarray
    battery_rows: np.ndarray
    battery_share: np.ndarray
    community_rows: np.ndarray
    trades: np.ndarray


@dataclass
class Order:
    """A bid or an offer with its effective price, and what it was filled for."""

    kind: int
    participant: int
    part: str
    is_bid: bool
    quantity_wh: int
    price_tick: int
    would_ask_tick: int | None = None  # of a first block that stands at the floor because the unit runs anyway
    told_to_run: bool = False
    filled_wh: int = 0
    pays_tick: int = 0  # or is paid


@dataclass
class Cleared:
    """What one solution of the auction says; the fills are in the orders."""

    orders: list[Order]
    price: int
    low: int
    high: int
    welfare: int


# The run --------------------------------------------------------------------------------------------------------------
def run(
    rules: np.ndarray,
    homes: np.ndarray,
    plants: np.ndarray,
    batteries: np.ndarray,
    conditions: Conditions,
    count: int,
) -> Result:
    """All intervals of a market, from the first."""
    market = Row(
        rules=rows(rules)[0],
        homes=rows(homes),
        plants=rows(plants),
        batteries=rows(batteries),
        accounts=empty_row(tables.ACCOUNTS),
        intervals=[],
        plant_output_wh=[],
        battery_rows=[],
        battery_share=[empty_row(tables.BATTERY_SHARE) for _ in batteries],
        community_rows=[],
        trades=[],
    )
    for index in range(count):
        outside = Row(**{name: getattr(conditions, name)[index].tolist() for name in Conditions._fields})
        play(market, index, outside)
    outputs = np.array(market.plant_output_wh, np.int64).reshape(count, len(market.plants))
    return Result(
        table(market.homes, tables.HOME),
        table(market.plants, tables.PLANT),
        table(market.batteries, tables.BATTERY),
        table([market.accounts], tables.ACCOUNTS),
        table(market.intervals, tables.INTERVAL),
        outputs,
        table(market.battery_rows, tables.BATTERY_ROW).reshape(count, len(market.batteries)),
        table(market.battery_share, tables.BATTERY_SHARE),
        table(market.community_rows, tables.COMMUNITY_ROW),
        table(market.trades, tables.TRADE),
    )


def play(market: Any, index: int, outside: Any) -> None:
    """One interval: nominate, community market, auction, orders to plants, delivery, settlement."""
    rules = market.rules
    start = rules.start_utc + index * rules.step_s

    def energy(power_w: int) -> int:
        return energy_of_power(power_w, start, rules.step_s)

    record = empty_row(tables.INTERVAL)
    now = Row(market=market, index=index, outside=outside, energy=energy, record=record, start=start)
    now.needs = [nominate(home, now, h) for h, home in enumerate(market.homes)]
    now.units = [unit(plant, outside.plant_forecast_wh[p]) for p, plant in enumerate(market.plants)]
    now.stores = [store(battery, now, b) for b, battery in enumerate(market.batteries)]
    community_market(now)
    now.cleared, record.clearings = clear_whole_set_points(now)
    take_self_trades_off(now.cleared, rules)
    record.price_tick, record.price_low_tick, record.price_high_tick = (
        now.cleared.price,
        now.cleared.low,
        now.cleared.high,
    )
    record.welfare_e8 = now.cleared.welfare
    now.lost = [0] * len(market.plants)  # of each plant, what it sold below its marginal cost
    settle_auction(now)
    now.stayed_on = []  # of each plant, whether it was on before and is on
    now.imbalances = []  # (kind, participant, energy short (+) or long (-))
    deliver_plants(now)
    remember_standby(now)
    deliver_batteries(now)
    deliver_homes(now)
    settle_imbalance(now)
    market.intervals.append(record)
    if rules.community_rule == tables.COMMUNITY_CONTINUOUS or rules.community_is_measured:
        market.community_rows.append(now.measured)


# 1. Nominate ----------------------------------------------------------------------------------------------------------
def nominate(home: Any, now: Any, h: int) -> Any:
    """What a home is short of, what it may shift, and what it has left, by its forecast."""
    load, solar = now.outside.load_forecast_wh[h], now.outside.solar_forecast_wh[h]
    waiting = home.flexible_waiting_wh + now.outside.flexible_wh[h]
    home.flexible_waiting_wh = min(waiting, home.flexible_waiting_limit_wh)
    home.flexible_forgone_wh += waiting - home.flexible_waiting_wh
    wanted = min(home.flexible_waiting_wh, now.energy(home.flexible_power_w))
    own_flexible = min(wanted, max(0, solar - load))
    return Row(
        own_flexible=own_flexible,
        short=max(0, load - solar),
        flexible=wanted - own_flexible,
        surplus=max(0, solar - load - own_flexible),
        # What the two markets give and take, filled in as they trade.
        bought_short=0,
        bought_flexible=0,
        sold=0,
    )


# 2. Community market --------------------------------------------------------------------------------------------------
def community_market(now: Any) -> None:
    """The broker's market at one price, derived from the operator's quote."""
    rules, record = now.market.rules, now.record
    record.quote_tick = record.community_price_tick = NO_PRICE_TICK
    now.measured = community_book.unmeasured()
    if rules.community_rule == tables.COMMUNITY_NONE:
        return
    quote = solve(orders_of(now, decided={}), rules).price
    if quote == NO_PRICE_TICK:
        return
    if rules.community_rule == tables.COMMUNITY_CONTINUOUS:
        record.quote_tick = quote
        trade_on_a_book(now, quote)
        return
    members = [h for h, home in enumerate(now.market.homes) if home.in_community == 1]
    surplus = sum(now.needs[h].surplus for h in members)
    wanted = sum(now.needs[h].short + now.needs[h].flexible for h in members)
    price = community_price(rules, quote, surplus, wanted)
    record.quote_tick, record.community_price_tick = quote, price

    fees = rules.community_grid_fee_tick + rules.community_levy_tick
    supply = [now.needs[h].surplus if seller_takes_part(now.market.homes[h], rules, price) else 0 for h in members]
    demand = []
    for h in members:
        flexible_takes_part = price + fees <= now.market.homes[h].flexible_limit_tick
        demand.append(now.needs[h].short + (now.needs[h].flexible if flexible_takes_part else 0))
    traded = min(sum(supply), sum(demand))
    record.community_wh = traded
    for h, sold in zip(members, share(traded, supply), strict=True):
        sell_in_community(now, h, sold, price)
    for h, bought in zip(members, share(traded, demand), strict=True):
        buy_in_community(now, h, bought, price)
    if rules.community_is_measured:
        sold, bought = share(traded, supply), share(traded, demand)
        trades = []
        for h, energy in zip(members, sold, strict=True):
            trades.append(((tables.KIND_HOME, h, "surplus"), energy))
        for h, energy in zip(members, bought, strict=True):
            to_short = min(energy, now.needs[h].short)
            trades += [
                ((tables.KIND_HOME, h, "inelastic"), to_short),
                ((tables.KIND_HOME, h, "flexible"), energy - to_short),
            ]
        community_book.measure_pool(now, quote, price, traded, dict(trades))


def trade_on_a_book(now: Any, quote: int) -> None:
    """Homes, batteries and people trade in turn, each at the price of the order that was there."""
    market, record = now.market, now.record
    parts = community_book.trade(now, quote)
    record.community_wh, amount = now.measured.traded_wh, now.measured.amount_e8
    if record.community_wh:
        record.community_price_tick = -(-amount // record.community_wh)
    for h in range(len(market.homes)):
        bought = [parts[key] for part in ("inelastic", "flexible") if (key := (tables.KIND_HOME, h, part)) in parts]
        for price, energy in at_two_ticks(sum(e for e, _ in bought), sum(a for _, a in bought)):
            buy_in_community(now, h, energy, price)
        for price, energy in at_two_ticks(*parts.get((tables.KIND_HOME, h, "surplus"), (0, 0))):
            sell_in_community(now, h, energy, price)
    for b, (battery, stored) in enumerate(zip(market.batteries, now.stores, strict=True)):
        bought_wh, paid = parts.get((tables.KIND_BATTERY, b, "charge"), (0, 0))
        sold_wh, received = parts.get((tables.KIND_BATTERY, b, "discharge"), (0, 0))
        for price, energy in at_two_ticks(bought_wh, paid):
            receipt(now, tables.KIND_BATTERY, b, tables.MARKET_COMMUNITY, energy, price, 0)
        for price, energy in at_two_ticks(sold_wh, received):
            fee = broker_fee(market.rules, price * energy)
            battery.fees_e8 -= fee
            market.accounts.broker_e8 += fee
            receipt(now, tables.KIND_BATTERY, b, tables.MARKET_COMMUNITY, -energy, price, -fee)
        battery.bought_e8 -= paid
        battery.sold_e8 += received
        stored.bought, stored.sold = bought_wh, sold_wh
        in_community = market.battery_share[b]
        in_community.bought_wh += bought_wh
        in_community.sold_wh += sold_wh
        in_community.amount_e8 += received - paid
        if bought_wh or sold_wh:  # it charges or discharges, not both
            stored.bid_wh = stored.bid_wh - bought_wh if bought_wh else 0
            stored.offer_wh = stored.offer_wh - sold_wh if sold_wh else 0


def at_two_ticks(energy: int, amount: int) -> list[tuple[int, int]]:
    """Prices and energies that come to the amount: the average, or the tick below and the tick above it."""
    if energy == 0:
        return []
    price, rest = divmod(amount, energy)
    return [(price, energy - rest), (price + 1, rest)] if rest else [(price, energy)]


def broker_fee(rules: Any, amount: int) -> int:
    """The broker's part of what a seller gets, rounded up."""
    return -(-max(0, amount) * rules.community_fee_bp // 10_000)


def community_price(rules: Any, quote: int, surplus: int, wanted: int) -> int:
    """The price by the community's rule: below, between or drifting between the grid's two prices."""
    sell, buy = quote, quote + rules.margin_tick + rules.grid_fee_tick + rules.levy_tick
    if rules.community_rule == tables.COMMUNITY_DISCOUNT:
        return quote * (10_000 - rules.community_discount_bp) // 10_000
    if rules.community_rule == tables.COMMUNITY_MID_MARKET:
        return middle(sell, buy)
    if surplus >= wanted or sell <= 0:
        return sell
    ratio = surplus * 100_000 // wanted
    return sell * buy * 100_000 // ((buy - sell) * ratio + sell * 100_000)


def seller_takes_part(home: Any, rules: Any, price: int) -> bool:
    """What is left after the broker's fee is not below the home's limit."""
    return price * 10_000 - max(0, price) * rules.community_fee_bp >= home.offer_limit_tick * 10_000


def sell_in_community(now: Any, h: int, sold: int, price: int) -> None:
    """The seller gets the price, less the broker's fee rounded up."""
    home, amount = now.market.homes[h], price * sold
    fee = broker_fee(now.market.rules, amount)
    now.needs[h].sold += sold
    home.community_sold_wh += sold
    home.community_e8 += amount
    home.fees_e8 -= fee
    now.market.accounts.broker_e8 += fee
    receipt(now, tables.KIND_HOME, h, tables.MARKET_COMMUNITY, -sold, price, -fee)


def buy_in_community(now: Any, h: int, bought: int, price: int) -> None:
    """The buyer pays the price and the community's grid fee and levy; its inelastic part is served first."""
    home, need, rules = now.market.homes[h], now.needs[h], now.market.rules
    to_short = min(bought, need.short - need.bought_short)
    need.bought_short += to_short
    need.bought_flexible += bought - to_short
    home.community_bought_wh += bought
    home.community_e8 -= price * bought
    grid_fee, levy = rules.community_grid_fee_tick * bought, rules.community_levy_tick * bought
    home.fees_e8 -= grid_fee + levy
    now.market.accounts.network_e8 += grid_fee
    now.market.accounts.levies_e8 += levy
    receipt(now, tables.KIND_HOME, h, tables.MARKET_COMMUNITY, bought, price, -(grid_fee + levy))


# 3. System auction: orders --------------------------------------------------------------------------------------------
def orders_of(now: Any, decided: dict[int, str]) -> list[Order]:
    """All orders in the order of their ids; `decided` says which units run or rest for sure."""
    market, rules = now.market, now.market.rules
    wedge = rules.margin_tick + rules.grid_fee_tick + rules.levy_tick
    home_orders, flexible_orders = [], []
    for h, (home, need) in enumerate(zip(market.homes, now.needs, strict=True)):
        short, surplus = need.short - need.bought_short, need.surplus - need.sold
        if short > 0:
            home_orders.append(Order(tables.KIND_HOME, h, "inelastic", True, short, rules.cap_tick))
        home_orders.append(Order(tables.KIND_HOME, h, "surplus", False, surplus, home.offer_limit_tick))
        flexible = need.flexible - need.bought_flexible
        limit = home.flexible_limit_tick - wedge
        flexible_orders.append(Order(tables.KIND_HOME, h, "flexible", True, flexible, limit))
    orders = home_orders + flexible_orders + plant_orders(now, decided) + upstream_orders(now) + battery_orders(now)
    placed = [placed_order(order, rules) for order in orders]
    return [order for order in placed if order is not None]


def placed_order(order: Order, rules: Any) -> Order | None:
    """The order between floor and cap, or None where it is not placed."""
    if order.quantity_wh == 0 or order.price_tick == NO_PRICE_TICK:
        return None
    if order.is_bid and order.price_tick < rules.floor_tick:
        return None
    if not order.is_bid and order.price_tick > rules.cap_tick:
        return None
    order.price_tick = max(rules.floor_tick, min(rules.cap_tick, order.price_tick))
    return order


def plant_orders(now: Any, decided: dict[int, str]) -> list[Order]:
    """The plants' first blocks, then their second blocks."""
    firsts, seconds = [], []
    for p, offered in enumerate(now.units):
        if decided.get(p) in (REST, REST_FOR_GOOD):
            continue
        first = Order(tables.KIND_PLANT, p, FIRST_BLOCK, False, offered.lower, offered.first_price)
        if not offered.can_stop or decided.get(p) == RUN:
            first.price_tick, first.would_ask_tick = now.market.rules.floor_tick, offered.first_price
            first.told_to_run = offered.can_stop
        firsts.append(first)
        rest = offered.upper - offered.lower
        seconds.append(Order(tables.KIND_PLANT, p, SECOND_BLOCK, False, rest, offered.second_price))
    return firsts + seconds


def upstream_orders(now: Any) -> list[Order]:
    """The upstream grid's sale and its purchase, each up to the connection's limit."""
    quantity = now.energy(now.market.rules.upstream_limit_w)
    sell, buy = now.outside.upstream_sell_tick, now.outside.upstream_buy_tick
    buy = less_margin(buy, now.market.rules)
    return [
        Order(tables.KIND_UPSTREAM, 0, "sale", False, quantity, sell),
        Order(tables.KIND_UPSTREAM, 0, "purchase", True, quantity, buy),
    ]


def battery_orders(now: Any) -> list[Order]:
    """The batteries' bids, then their offers."""
    bids, offers = [], []
    for b, stored in enumerate(now.stores):
        bids.append(Order(tables.KIND_BATTERY, b, "charge", True, stored.bid_wh, stored.bid_price))
        offers.append(Order(tables.KIND_BATTERY, b, "discharge", False, stored.offer_wh, stored.offer_price))
    return bids + offers


def less_margin(limit: int, rules: Any) -> int:
    """A bid's limit without the operator's margin; a missing limit stays missing."""
    return NO_PRICE_TICK if limit == NO_PRICE_TICK else limit - rules.margin_tick


# 3. System auction: clearing ------------------------------------------------------------------------------------------
def solve(orders: list[Order], rules: Any) -> Cleared:
    """One solution of the auction by the pricing model; each order is filled."""
    pairs = [(order.price_tick, order.quantity_wh if order.is_bid else -order.quantity_wh) for order in orders]
    if rules.pricing == PRICING_VERTICAL_DEMAND:
        outcome = auction.clear_vertical_demand(pairs, rules.cap_tick)
    else:
        outcome = auction.clear(pairs, rules.floor_tick, rules.cap_tick, PRICE_RULES[rules.price_rule])
    for order, filled in zip(orders, outcome.fills, strict=True):
        order.filled_wh = filled
        order.pays_tick = outcome.price
    if outcome.volume == 0:
        return Cleared(orders, NO_PRICE_TICK, NO_PRICE_TICK, NO_PRICE_TICK, 0)
    cleared = Cleared(orders, outcome.price, outcome.low, outcome.high, outcome.welfare)
    if rules.pricing == PRICING_PAY_AS_BID:
        pay_as_bid(cleared, rules, price_low=outcome.low)
    return cleared


def pay_as_bid(cleared: Cleared, rules: Any, price_low: int) -> None:
    """Offers get their own price, bids pay the average of that, rounded up; the average is the price reported."""
    for order in cleared.orders:
        if not order.is_bid:
            order.pays_tick = order.price_tick
        if order.would_ask_tick is not None:  # at the floor only because the unit runs anyway
            order.pays_tick = max(rules.floor_tick, min(order.would_ask_tick, price_low))
    average_for_buyers(cleared)


def average_for_buyers(cleared: Cleared) -> None:
    """The average of what the accepted offers get, rounded up to the tick, is every buyer's price."""
    offers = [order for order in cleared.orders if not order.is_bid]
    received = sum(order.pays_tick * order.filled_wh for order in offers)
    average = -(-received // sum(order.filled_wh for order in offers))
    cleared.price = average
    for order in cleared.orders:
        if order.is_bid:
            order.pays_tick = average


def clear_whole_set_points(now: Any) -> tuple[Cleared, int]:
    """The auction, solved again until every unit is cleared for a whole set-point; how often it was solved."""
    decided: dict[int, str] = {}
    clearings = 0
    while True:
        cleared = solve(orders_of(now, decided), now.market.rules)
        clearings += 1
        p, decision = next_decision(now, cleared, decided)
        if p is None:
            return cleared, clearings
        decided[p] = decision


def next_decision(now: Any, cleared: Cleared, decided: dict[int, str]) -> tuple[int | None, str]:
    """The first of the three rules that finds a unit, and what it says about it."""
    can_stop = [p for p, offered in enumerate(now.units) if offered.can_stop]
    for p in can_stop:
        if decided.get(p) == RUN and filled_wh(cleared.orders, tables.KIND_PLANT, p) < now.units[p].lower:
            return p, REST_FOR_GOOD
    for p in can_stop:
        filled, lower = filled_wh(cleared.orders, tables.KIND_PLANT, p), now.units[p].lower
        if p not in decided and 0 < filled < lower:
            return p, RUN if 2 * filled >= lower else REST
    if any(order.part == "inelastic" and order.filled_wh < order.quantity_wh for order in cleared.orders):
        resting = [p for p in can_stop if decided.get(p) == REST]
        if resting:
            return min(resting, key=lambda p: (now.units[p].first_price, p)), RUN
    return None, ""


def filled_wh(orders: list[Order], kind: int, participant: int, *parts: str) -> int:
    """What a participant's orders (of these parts only, where some are named) were filled for."""
    mine = [order for order in orders if order.kind == kind and order.participant == participant]
    return sum(order.filled_wh for order in mine if not parts or order.part in parts)


def take_self_trades_off(cleared: Cleared, rules: Any) -> None:
    """Upstream, or a battery, on both sides: the smaller quantity is taken off both. No trade left, no price."""
    for bid in cleared.orders:
        for offer in cleared.orders:
            same = (bid.kind, bid.participant) == (offer.kind, offer.participant)
            if same and bid.kind in (tables.KIND_BATTERY, tables.KIND_UPSTREAM) and bid.is_bid and not offer.is_bid:
                both = min(bid.filled_wh, offer.filled_wh)
                bid.filled_wh -= both
                offer.filled_wh -= both
    if all(order.filled_wh == 0 for order in cleared.orders):
        cleared.price = cleared.low = cleared.high = NO_PRICE_TICK
        cleared.welfare = 0
    elif rules.pricing == PRICING_PAY_AS_BID:
        average_for_buyers(cleared)


# 3. System auction: plants --------------------------------------------------------------------------------------------
def unit(plant: Any, available: int) -> Any:
    """What a unit can make in this interval, and at which prices it offers it."""
    offered = Row(lower=0, upper=0, can_stop=True, first_price=0, second_price=0)
    least = plant.minimum_wh
    if available < max(least, 1):
        return offered
    if plant.output_wh > 0:
        lowest = plant.output_wh - plant.ramp_down_wh
        offered.upper = min(available, plant.output_wh + plant.ramp_up_wh)
        offered.lower = min(max(least, lowest), offered.upper)
        offered.can_stop = plant.held_intervals >= plant.minimum_up_intervals and lowest <= least
        own = plant.marginal_cost_tick
        if plant.held_intervals < plant.minimum_up_intervals:
            own += plant.start_adder_tick
        offered.first_price = own - (discount(plant, offered.lower) if offered.can_stop else 0)
        offered.second_price = own
    elif plant.held_intervals >= plant.minimum_down_intervals:
        offered.lower = least
        offered.upper = min(available, max(least, plant.ramp_up_wh))
        offered.first_price = offered.second_price = plant.marginal_cost_tick + plant.start_adder_tick
    return offered


def discount(plant: Any, lower: int) -> int:
    """What a unit takes off its offer to stay on: until what it lost by staying on has reached what that avoids."""
    if lower == 0:
        return 0
    left = plant.start_cost_e8 + plant.stop_cost_e8 - plant.standby_e8
    return min(plant.stop_discount_tick, max(0, left) // lower)


def set_point(offered: Any, cleared: int) -> int:
    """What it is cleared for; at least its lower end where it can't stop."""
    return cleared if offered.can_stop else max(cleared, offered.lower)


# 3. System auction: batteries -----------------------------------------------------------------------------------------
def store(battery: Any, now: Any, b: int) -> Any:
    """Standing loss first; then how much the battery may buy and sell, and its prices."""
    available_ppm = now.outside.battery_available_ppm[b]
    lost = standing_loss(battery, now.market.rules.step_s)
    fill = battery.fill_wh
    charge = now.energy(battery.charge_power_w * available_ppm // 1_000_000)
    discharge = now.energy(battery.discharge_power_w * available_ppm // 1_000_000)
    bid_wh = offer_wh = 0
    if fill < battery.maximum_fill_wh:
        room = battery.maximum_fill_wh - fill
        bid_wh = min(charge, ((room + 1) * 1_000_000 - 1) // battery.charge_efficiency_ppm)
    if fill > battery.minimum_fill_wh:
        above = fill - battery.minimum_fill_wh
        offer_wh = min(discharge, above * battery.discharge_efficiency_ppm // 1_000_000)
    return Row(
        standing_loss=lost,
        outage=available_ppm == 0,
        bid_wh=bid_wh,
        bid_price=less_margin(now.outside.battery_buy_limit_tick[b], now.market.rules),
        offer_wh=offer_wh,
        bought=0,  # in the community
        sold=0,
        offer_price=now.outside.battery_sell_limit_tick[b],
    )


def standing_loss(battery: Any, step_s: int) -> int:
    """Takes the standing loss of an interval off the fill; the part of a Wh is kept for the next."""
    numerator = battery.fill_wh * battery.standing_loss_ppm_per_hour * step_s + battery.standing_loss_rest
    lost, battery.standing_loss_rest = divmod(numerator, 1_000_000 * 3600)
    lost = min(lost, battery.fill_wh)
    battery.fill_wh -= lost
    return int(lost)


def battery_reason(stored: Any, price: int, charged: int, discharged: int) -> int:
    """Why a battery did what it did: the first that holds."""
    has_bid, has_offer = stored.bid_price != NO_PRICE_TICK, stored.offer_price != NO_PRICE_TICK
    would_buy = has_bid and price <= stored.bid_price
    would_sell = has_offer and price >= stored.offer_price
    reasons = [
        (charged > 0, tables.REASON_CHARGED),
        (discharged > 0, tables.REASON_DISCHARGED),
        (stored.outage, tables.REASON_OUTAGE),
        (not has_bid and not has_offer, tables.REASON_NO_ORDER),
        (price == NO_PRICE_TICK, tables.REASON_NO_PRICE),
        (would_buy and stored.bid_wh == 0, tables.REASON_FULL),
        (would_sell and stored.offer_wh == 0, tables.REASON_EMPTY),
        (would_buy or would_sell, tables.REASON_NOT_FILLED),
        (True, tables.REASON_BETWEEN_LIMITS),
    ]
    return next(reason for holds, reason in reasons if holds)


# 4 and 5. Orders to plants, delivery ----------------------------------------------------------------------------------
def deliver_plants(now: Any) -> None:
    """Each unit makes its set-point as far as it can; what it sold and did not make is imbalance."""
    made_by_all = []
    for p, plant in enumerate(now.market.plants):
        cleared = filled_wh(now.cleared.orders, tables.KIND_PLANT, p)
        made = min(set_point(now.units[p], cleared), now.outside.plant_metered_wh[p])
        was_on, is_on = plant.output_wh > 0, made > 0
        plant.held_intervals = plant.held_intervals + 1 if was_on == is_on else 1
        now.stayed_on.append(was_on and is_on)
        plant.starts += is_on and not was_on
        plant.stops += was_on and not is_on
        plant.running_intervals += is_on
        plant.output_wh = made
        plant.energy_wh += made
        now.record.plant_wh += made
        now.record.emissions_ug += made * plant.emissions_g_per_mwh
        now.imbalances.append((tables.KIND_PLANT, p, cleared - made))
        made_by_all.append(made)
    now.market.plant_output_wh.append(made_by_all)


def deliver_batteries(now: Any) -> None:
    """A battery delivers what it traded; what it loses on the way is its loss."""
    for b, (battery, stored) in enumerate(zip(now.market.batteries, now.stores, strict=True)):
        charged = stored.bought + filled_wh(now.cleared.orders, tables.KIND_BATTERY, b, "charge")
        discharged = stored.sold + filled_wh(now.cleared.orders, tables.KIND_BATTERY, b, "discharge")
        into = charged * battery.charge_efficiency_ppm // 1_000_000
        out = -(-discharged * 1_000_000 // battery.discharge_efficiency_ppm)
        battery.fill_wh += into - out
        loss = stored.standing_loss + (charged - into) + (out - discharged)
        battery.charged_wh += charged
        battery.discharged_wh += discharged
        battery.loss_wh += loss
        battery.wear_e8 += battery.wear_cost_tick * discharged
        mode = (charged > 0) - (discharged > 0)
        if mode != 0:
            battery.mode_changes += battery.last_mode not in (0, mode)
            battery.last_mode = mode
        now.record.battery_charge_wh += charged
        now.record.battery_discharge_wh += discharged
        now.record.battery_loss_wh += loss
        reason = battery_reason(stored, now.record.price_tick, charged, discharged)
        row = Row(
            fill_wh=battery.fill_wh, charge_wh=charged, discharge_wh=discharged, loss_wh=loss, reason=reason,
            buy_limit_tick=now.outside.battery_buy_limit_tick[b],
            sell_limit_tick=now.outside.battery_sell_limit_tick[b],
        )  # fmt: skip
        now.market.battery_rows.append(row)


def deliver_homes(now: Any) -> None:
    """Load is served less what was shed, solar is made less what was not taken; what differs is imbalance."""
    record = now.record
    for h, (home, need) in enumerate(zip(now.market.homes, now.needs, strict=True)):
        load, solar = now.outside.load_metered_wh[h], now.outside.solar_metered_wh[h]
        served = max(0, load - (need.short - need.bought_short))
        flexible = need.own_flexible + need.bought_flexible
        made = max(0, solar - (need.surplus - need.sold))
        net = served + flexible - made
        bought = need.bought_short + need.bought_flexible
        now.imbalances.append((tables.KIND_HOME, h, net - (bought - need.sold)))
        home.flexible_waiting_wh -= flexible
        deeds = {
            "load_wh": served + flexible,
            "flexible_wh": flexible,
            "shed_wh": load - served,
            "solar_wh": made,
            "curtailed_wh": solar - made,
            "own_use_wh": min(made, served + flexible),
        }
        for name, value in deeds.items():
            add(home, name, value)
            add(record, name, value)


# 6. Settlement --------------------------------------------------------------------------------------------------------
def settle_auction(now: Any) -> None:
    """Each filled order pays or is paid; what is left with pay-as-bid is the operator's, an uplift is at its cost."""
    trades: dict[tuple[int, int, str], Any] = {}  # by who and what for; a home's two bids are one purchase
    for order in now.cleared.orders:
        if order.filled_wh == 0:
            continue
        bought = order.filled_wh if order.is_bid else -order.filled_wh
        uplift_tick = max(0, order.would_ask_tick - order.pays_tick) if order.told_to_run else 0
        key = (order.kind, order.participant, order.part if order.kind == tables.KIND_PLANT else "")
        trade = trades.setdefault(key, Row(bought=0, price=order.pays_tick + uplift_tick))
        trade.bought += bought
        now.market.accounts.operator_e8 += trade.price * bought
        now.record.uplift_e8 += uplift_tick * order.filled_wh
        if order.is_bid:
            now.record.auction_wh += order.filled_wh
        if order.kind == tables.KIND_HOME:
            need = now.needs[order.participant]
            need.bought_short += bought if order.part == "inelastic" else 0
            need.bought_flexible += bought if order.part == "flexible" else 0
            need.sold -= bought if order.part == "surplus" else 0
    for (kind, participant, _), trade in trades.items():
        post_auction(now, kind, participant, trade.bought, trade.price)


def post_auction(now: Any, kind: int, participant: int, bought: int, price: int) -> None:
    """The postings of one participant's auction: energy, amount and fees."""
    rules, accounts = now.market.rules, now.market.accounts
    amount = -price * bought
    margin = rules.margin_tick * max(0, bought)
    is_home = kind == tables.KIND_HOME
    grid_fee = rules.grid_fee_tick * max(0, bought) if is_home else 0
    levy = rules.levy_tick * max(0, bought) if is_home else 0
    fees = margin + grid_fee + levy
    accounts.operator_e8 += margin
    accounts.network_e8 += grid_fee
    accounts.levies_e8 += levy
    receipt(now, kind, participant, tables.MARKET_AUCTION, bought, price, -fees)
    if is_home:
        home = now.market.homes[participant]
        add(home, "auction_bought_wh" if bought > 0 else "auction_sold_wh", abs(bought))
        home.auction_e8 += amount
        home.fees_e8 -= fees
    elif kind == tables.KIND_PLANT:
        plant = now.market.plants[participant]
        plant.auction_sold_wh -= bought
        plant.auction_e8 += amount
        now.lost[participant] += (plant.marginal_cost_tick - price) * -bought
    elif kind == tables.KIND_BATTERY:
        battery = now.market.batteries[participant]
        add(battery, "bought_e8" if bought > 0 else "sold_e8", amount)
        battery.fees_e8 -= fees
    else:
        add(accounts, "upstream_bought_wh" if bought > 0 else "upstream_sold_wh", abs(bought))
        accounts.upstream_e8 += amount
        accounts.upstream_fees_e8 -= fees
        add(now.record, "upstream_export_wh" if bought > 0 else "upstream_import_wh", abs(bought))
        now.record.emissions_ug += max(0, -bought) * rules.upstream_emissions_g_per_mwh


def remember_standby(now: Any) -> None:
    """What staying on has cost each unit so far."""
    for plant, stayed_on, lost in zip(now.market.plants, now.stayed_on, now.lost, strict=True):
        plant.standby_e8 = max(0, plant.standby_e8 + lost) if stayed_on else 0


def settle_imbalance(now: Any) -> None:
    """Who is short pays the imbalance price, who is long gets it; the reserve is the other side."""
    rules, accounts, record = now.market.rules, now.market.accounts, now.record
    if record.price_tick != NO_PRICE_TICK:
        accounts.reference_price_tick = record.price_tick
    together = sum(short for _, _, short in now.imbalances)
    direction = (together > 0) - (together < 0)
    price = accounts.reference_price_tick + direction * rules.imbalance_spread_tick
    record.imbalance_price_tick = price
    for place in (accounts, record):
        place.reserve_up_wh += max(0, together)
        place.reserve_down_wh += max(0, -together)
    for kind, participant, short in now.imbalances:
        who = (now.market.homes if kind == tables.KIND_HOME else now.market.plants)[participant]
        who.imbalance_short_wh += max(0, short)
        who.imbalance_long_wh += max(0, -short)
        who.imbalance_e8 -= price * short
        accounts.reserve_e8 += price * short
        receipt(now, kind, participant, tables.MARKET_IMBALANCE, short, price, 0)


def receipt(now: Any, kind: int, participant: int, market: int, bought: int, price: int, fees: int) -> None:
    """A receipt for every quantity that is not zero."""
    if bought != 0:
        row = Row(
            interval=now.index,
            kind=kind,
            participant=participant,
            market=market,
            energy_wh=bought,
            price_tick=price,
            amount_e8=-price * bought,
            fees_e8=fees,
        )
        now.market.trades.append(row)


# Small arithmetic -----------------------------------------------------------------------------------------------------
def energy_of_power(power_w: int, start_utc: int, step_s: int) -> int:
    """Energy [Wh] of a constant power: floor of the running total within the clock hour."""
    begin = start_utc % 3600
    return power_w * (begin + step_s) // 3600 - power_w * begin // 3600


def middle(low: int, high: int) -> int:
    """The middle of two ticks; a half goes to the even tick."""
    below, half = divmod(low + high, 2)
    return below + 1 if half and below % 2 else below


def share(total: int, weights: list[int]) -> list[int]:
    """`total` in proportion to the weights by largest remainder; ties go to the one that stands first."""
    whole = sum(weights)
    if whole == 0:
        return [0] * len(weights)
    shares = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares


# Tables in and out ----------------------------------------------------------------------------------------------------
def rows(records: np.ndarray) -> list[Any]:
    """The rows of a table as objects of ints."""
    return [Row(**dict(zip(records.dtype.names, record.tolist(), strict=True))) for record in records]


def empty_row(dtype: np.dtype) -> Any:
    """A row of zeros."""
    return Row(**dict.fromkeys(dtype.names, 0))


def table(all_rows: list[Any], dtype: np.dtype) -> np.ndarray:
    """A table of these rows."""
    return np.array([tuple(int(getattr(row, name)) for name in dtype.names) for row in all_rows], dtype)


def add(row: Any, name: str, value: int) -> None:
    """Adds to a field."""
    setattr(row, name, getattr(row, name) + value)
