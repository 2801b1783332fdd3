"""One interval of the desk's market: register, homes, plants and orders into the exchange, its results into the books.

The exchange is made anew for each interval, with the state that the market keeps and totals of 0, so that its totals
are what the interval came to. A person's order takes part as a store without losses that can take or give just its
quantity: it bids and offers like a battery, and needs no rule of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.desk.fleet import Battery, Dispatch, Fleet
from voltadesk.desk.ledger import WH, LedgerError, Posting
from voltadesk.desk.market import BatteryRow, IntervalResult, Market, Order, held, worst_tick
from voltadesk.desk.receipt import Trade, hash_of
from voltadesk.desk.refusal import Refusal
from voltadesk.engine.tables import BATTERY, BATTERY_REASONS, KINDS, MARKETS, NO_PRICE_TICK, Conditions, Table
from voltadesk.strategy.rolling import ROLLING, Moment, place_limits, published_ahead
from voltadesk.units import BP_PER_UNIT, PPM_PER_UNIT, energy_of_power_wh

if TYPE_CHECKING:
    from voltadesk.engine.exchange import Exchange

FLEET = "fleet"  # the name of what is held for the batteries' orders
NO_CASH = "no cash"
PLANT_STATE = ("output_wh", "held_intervals", "standby_e8")


@dataclass(frozen=True)
class Bid:
    """A battery's limits in the interval [tick], and the share of its power that is there [ppm]."""

    battery: str
    available_ppm: int
    buy_tick: int
    sell_tick: int
    is_short_of_cash: bool


def advance(entry: int, market: Market, fleet: Fleet) -> IntervalResult:
    """Run the market's next interval and settle it into the fleet's ledger, as that entry of the journal.

    Raises BadInput where the scenario's files do not reach the interval; nothing has changed then.
    """
    start_utc, orders = market.next_utc, sorted(market.orders.values(), key=lambda order: order.entry)
    market.world()  # before anything is changed
    bids, held_e8 = bids_of(market, fleet)
    if held_e8:
        fleet.fund.reserve(entry, FLEET, held_e8, start_utc)
    exchange, trades = run(market, fleet, bids, orders)
    if held_e8:
        fleet.fund.release(entry, FLEET, start_utc)
    _settle_fleet(entry, start_utc, fleet, bids, exchange)
    _settle_others(entry, market, fleet, orders, exchange)
    result = _result(entry, market, bids, orders, exchange, trades)
    _remember(market, fleet, exchange)
    delivered = market.continuous.settle(fleet.ledger, entry, start_utc, market.reference_tick)
    return result._replace(trades=result.trades + delivered)


def results_hash(result: IntervalResult) -> str:
    """SHA-256 over all of a result but the batteries' limits, which follow from what was before, in hexadecimal."""
    told = result._replace(batteries=tuple(row[:6] for row in result.batteries))  # type: ignore[misc]
    return hash_of(told)


# What goes into the auction -------------------------------------------------------------------------------------------
def bids_of(market: Market, fleet: Fleet) -> tuple[list[Bid], int]:
    """Each active battery's limits, and the cash that all they may cost takes [1e-8 currency].

    In the order of their ids, as far as there is cash: a battery it does not reach keeps still.
    """
    start_utc, end_utc = market.next_utc, market.next_utc + market.step_s
    left_e8 = fleet.fund.free_e8
    bids = []
    names = fleet.active()
    for name, (buy_tick, sell_tick) in zip(names, _limits(market, fleet, names), strict=True):
        battery, available_ppm = fleet.get(name), fleet.available_ppm(name, start_utc)
        worst_e8 = max(
            _worst_e8("buy", battery.charge_power_w, buy_tick, start_utc, end_utc),
            _worst_e8("sell", battery.discharge_power_w, sell_tick, start_utc, end_utc),
        )
        short = worst_e8 > left_e8
        if short:
            buy_tick = sell_tick = NO_PRICE_TICK
        else:
            left_e8 -= worst_e8
        bids.append(Bid(name, available_ppm, buy_tick, sell_tick, short))
    return bids, fleet.fund.free_e8 - left_e8


def _limits(market: Market, fleet: Fleet, names: Sequence[str]) -> list[list[int]]:
    """The limits at which each battery buys and sells, as its strategy has it."""
    batteries, second = [fleet.get(name) for name in names], market.local_second
    strategies = [battery.trades_by for battery in batteries]
    limit_tick = np.empty((2, len(names)), np.int64)
    for b, strategy in enumerate(strategies):
        limit_tick[:, b : b + 1] = strategy.limits(np.array([second]))
    if _learns(fleet):
        rows = np.zeros(len(names), BATTERY)
        for row, battery in zip(rows, batteries, strict=True):
            _place_battery(row, battery, fleet)
        moment = Moment(market.next_utc, second, market.step_s, market.scenario.operator.margin)
        place_limits(market.outlook, moment, _published_ahead(market), strategies, rows, limit_tick)
    return limit_tick.T.tolist()


def _published_ahead(market: Market) -> NDArray[np.int64] | None:
    """What is out of the grid's prices of the day after the next interval (n,); None without a grid above."""
    if market.published is not None:
        return market.published.ahead(market.next)
    out = market.world().upstream_price_tick
    return None if out is None else published_ahead(out, market.next, market.local_second, market.step_s)


def _learns(fleet: Fleet) -> bool:
    return any(fleet.get(name).strategy in ROLLING for name in fleet.active())


def _worst_e8(side: str, power_w: int, limit_tick: int, start_utc: int, end_utc: int) -> int:
    if limit_tick == NO_PRICE_TICK:
        return 0
    return energy_of_power_wh(power_w, start_utc, end_utc) * worst_tick(side, limit_tick)


def run(market: Market, fleet: Fleet, bids: list[Bid], orders: list[Order]) -> tuple[Exchange, Table]:
    from voltadesk.engine.exchange import Exchange

    world = market.world()
    rules, homes, plants = world.rules(market.scenario), world.homes(), world.plants()
    rules["start_utc"] = market.next_utc
    _place_homes(market, homes)
    _place_plants(market, plants)
    exchange = Exchange(rules, homes, plants, _stores(market, fleet, bids, orders), 1, keep_trades=True)
    exchange.accounts["reference_price_tick"] = market.reference_tick
    return exchange, exchange.advance(_conditions(market, world.conditions(market.next, 1), bids, orders))


def _place_homes(market: Market, homes: Table) -> None:
    if market.waiting_wh:
        homes["flexible_waiting_wh"] = market.waiting_wh
    for h, home in market.changed_homes():
        homes["in_community"][h], homes["offer_limit_tick"][h] = home.in_community, home.offer_limit_tick
        if home.flexible_limit_tick is not None:
            homes["flexible_limit_tick"][h] = home.flexible_limit_tick
        if not home.flexible:
            homes["flexible_waiting_wh"][h] = 0


def _place_plants(market: Market, plants: Table) -> None:
    for p, unit in enumerate(market.units):
        for name, value in zip(PLANT_STATE, unit, strict=True):
            plants[name][p] = value
    for p, plant in market.changed_plants():
        plants["marginal_cost_tick"][p] = plant.marginal_cost_tick


def _stores(market: Market, fleet: Fleet, bids: list[Bid], orders: list[Order]) -> Table:
    """The batteries, then the orders, as rows of the exchange's table."""
    stores = np.zeros(len(bids) + len(orders), BATTERY)
    for row, bid in zip(stores, bids, strict=False):
        _place_battery(row, fleet.get(bid.battery), fleet)
    for row, order in zip(stores[len(bids) :], orders, strict=True):
        row["charge_efficiency_ppm"] = row["discharge_efficiency_ppm"] = PPM_PER_UNIT
        row["charge_power_w"] = row["discharge_power_w"] = (order.quantity_wh + 1) * 3600 // market.step_s + 1
        row["maximum_fill_wh"] = order.quantity_wh
        row["fill_wh"] = 0 if order.side == "buy" else order.quantity_wh
    return stores


def _place_battery(row: Any, battery: Battery, fleet: Fleet) -> None:
    for name in ("charge_power_w", "discharge_power_w", "charge_efficiency_ppm", "discharge_efficiency_ppm",
                 "standing_loss_ppm_per_hour", "minimum_fill_wh", "maximum_fill_wh", "wear_cost_tick"):  # fmt: skip
        row[name] = getattr(battery, name)
    row["fill_wh"] = fleet.fill_wh(battery.id)
    row["standing_loss_rest"] = fleet.register[battery.id].standing_loss_rest


def _conditions(market: Market, drawn: Conditions, bids: list[Bid], orders: list[Order]) -> Conditions:
    """What was drawn for the interval, as settings and outages change it, with the limits of batteries and orders."""
    buys = [bid.buy_tick for bid in bids] + [o.price_tick if o.side == "buy" else NO_PRICE_TICK for o in orders]
    sells = [bid.sell_tick for bid in bids] + [o.price_tick if o.side == "sell" else NO_PRICE_TICK for o in orders]
    available = [bid.available_ppm for bid in bids] + [PPM_PER_UNIT] * len(orders)
    plant_forecast_wh, plant_metered_wh = drawn.plant_forecast_wh.copy(), drawn.plant_metered_wh.copy()
    start_utc, end_utc = market.next_utc, market.next_utc + market.step_s
    for p, plant in market.changed_plants():
        powers = [left for begin, end, left in plant.outages if begin < end_utc and start_utc < end]
        most_wh = energy_of_power_wh(min([plant.capacity_w, *powers]), start_utc, end_utc)
        for energy_wh in (plant_forecast_wh, plant_metered_wh):
            energy_wh[0, p] = min(energy_wh[0, p], most_wh)
    for h, home in market.changed_homes():
        for load, solar in ((drawn.load_forecast_wh, drawn.solar_forecast_wh),
                            (drawn.load_metered_wh, drawn.solar_metered_wh)):  # fmt: skip
            load[0, h] = load[0, h] * home.appliances_bp // BP_PER_UNIT
            surplus_wh = max(solar[0, h] - load[0, h], 0)
            solar[0, h] -= surplus_wh - surplus_wh * home.offered_bp // BP_PER_UNIT
        if not home.flexible:
            drawn.flexible_wh[0, h] = 0
    return drawn._replace(
        plant_forecast_wh=plant_forecast_wh,
        plant_metered_wh=plant_metered_wh,
        battery_available_ppm=np.array([available], np.int64).reshape(1, -1),
        battery_buy_limit_tick=np.array([buys], np.int64).reshape(1, -1),
        battery_sell_limit_tick=np.array([sells], np.int64).reshape(1, -1),
    )


# What comes of it -----------------------------------------------------------------------------------------------------
def _settle_fleet(entry: int, start_utc: int, fleet: Fleet, bids: list[Bid], exchange: Exchange) -> None:
    done = []
    for bid, row, line in zip(bids, exchange.batteries, exchange.battery_rows[0], strict=False):
        done.append(
            Dispatch(
                battery=bid.battery,
                bought_wh=int(line["charge_wh"]),
                paid_e8=-int(row["bought_e8"]),
                sold_wh=int(line["discharge_wh"]),
                received_e8=int(row["sold_e8"]),
                loss_wh=int(line["loss_wh"]),
                fee_e8=-int(row["fees_e8"]),
                standing_loss_rest=int(row["standing_loss_rest"]),
            )
        )
    if done:
        try:
            fleet.dispatch(entry, done, "ext:market", start_utc)
        except Refusal as refusal:  # what the exchange has done was possible and is covered: this is no one's mistake
            raise LedgerError(f"the interval can't be settled: {refusal}") from refusal


def _settle_others(entry: int, market: Market, fleet: Fleet, orders: list[Order], exchange: Exchange) -> None:
    """Everybody but the fleet: money and energy from and to the clearing account, which is back at 0 after it."""
    currency, batteries = fleet.ledger.currency, len(exchange.batteries) - len(orders)
    fleet_rows, accounts = exchange.batteries[:batteries], exchange.accounts[0]
    homes, plants = exchange.homes, exchange.plants
    home_e8 = homes["community_e8"] + homes["auction_e8"] + homes["imbalance_e8"] + homes["fees_e8"]
    plant_e8 = plants["auction_e8"] + plants["imbalance_e8"]
    fleet_fees_e8 = -int(fleet_rows["fees_e8"].sum())
    fleet_net_e8 = int(fleet_rows["bought_e8"].sum() + fleet_rows["sold_e8"].sum())
    lines = exchange.battery_rows[0]
    fleet_bought_wh = int(lines["charge_wh"][:batteries].sum() - lines["discharge_wh"][:batteries].sum())
    postings = [
        *_both("ext:home", market.home_names, currency, home_e8, homes["load_wh"] - homes["solar_wh"]),
        *_both("ext:plant", market.plant_names, currency, plant_e8, -plants["energy_wh"]),
        Posting("ext:grid", currency, int(accounts["upstream_e8"] + accounts["upstream_fees_e8"])),
        Posting("ext:grid", WH, int(accounts["upstream_bought_wh"] - accounts["upstream_sold_wh"])),
        Posting("ext:reserve", currency, int(accounts["reserve_e8"])),
        Posting("ext:reserve", WH, int(accounts["reserve_down_wh"] - accounts["reserve_up_wh"])),
        Posting("fees:operator", currency, int(accounts["operator_e8"]) - fleet_fees_e8),
        Posting("fees:broker", currency, int(accounts["broker_e8"])),
        Posting("fees:network", currency, int(accounts["network_e8"])),
        Posting("fees:levies", currency, int(accounts["levies_e8"])),
        Posting("ext:market", currency, fleet_net_e8),
        Posting("ext:market", WH, fleet_bought_wh),
    ]
    for order, row, line in zip(orders, exchange.batteries[batteries:], lines[batteries:], strict=True):
        postings += _fill(market, order, row, line, currency)
    fleet.ledger.post(entry, postings, market.next_utc, "interval")


def _fill(market: Market, order: Order, row: Any, line: Any, currency: str) -> Sequence[Posting]:
    """Postings of what an order traded; what is left of it stays open, as long as it is not over."""
    bought_wh, sold_wh = int(line["charge_wh"]), int(line["discharge_wh"])
    net_e8 = int(row["bought_e8"] + row["sold_e8"] + row["fees_e8"])
    left_wh = order.quantity_wh - bought_wh - sold_wh
    if left_wh and order.until_utc > market.next_utc + market.step_s:
        held_e8 = left_wh * worst_tick(order.side, order.price_tick)
        market.orders[order.id] = replace(order, quantity_wh=left_wh, held_e8=held_e8)
    else:
        held_e8 = 0
        del market.orders[order.id]
    return [
        *held(order.actor, held_e8 - order.held_e8, currency),
        Posting(f"ext:bank:{order.actor}", currency, net_e8),
        Posting(f"ext:bank:{order.actor}", WH, bought_wh - sold_wh),
    ]


def _both(root: str, names: Sequence[str], currency: str, amounts_e8: Any, energy_wh: Any) -> Sequence[Posting]:
    rows = zip(names, amounts_e8.tolist(), energy_wh.tolist(), strict=True)
    return [
        posting
        for name, amount_e8, wh in rows
        for posting in (Posting(f"{root}:{name}", currency, amount_e8), Posting(f"{root}:{name}", WH, wh))
        if posting.amount
    ]


def _result(
    entry: int, market: Market, bids: list[Bid], orders: list[Order], exchange: Exchange, trades: Table
) -> IntervalResult:
    figures = {name: int(exchange.intervals[0][name]) for name in exchange.intervals.dtype.names}
    batteries = battery_rows(bids, exchange)
    stores = [(f"battery:{bid.battery}", "") for bid in bids] + [(f"order:{o.id}", o.actor) for o in orders]
    who = {
        "home": [(f"home:{name}", market.home(name).owner) for name in market.home_names],
        "plant": [(f"plant:{name}", market.plant(name).owner) for name in market.plant_names],
        "battery": stores,
        "upstream": [("grid", "")],
    }
    receipts = []
    for _, kind, participant, place, energy_wh, tick, amount_e8, fees_e8 in trades.tolist():
        name, actor = who[KINDS[kind]][participant]
        receipts.append(Trade(name, actor, MARKETS[place], energy_wh, tick, amount_e8, fees_e8))
    return IntervalResult(entry, market.next_utc, figures, tuple(receipts), batteries)


def battery_rows(bids: list[Bid], exchange: Exchange) -> tuple[BatteryRow, ...]:
    """What each battery did in the exchange's only interval, and why."""
    return tuple(
        BatteryRow(
            bid.battery,
            fill,
            bought,
            sold,
            lost,
            NO_CASH if bid.is_short_of_cash else BATTERY_REASONS[why],
            buy,
            sell,
        )
        for bid, (fill, bought, sold, lost, why, buy, sell) in zip(
            bids, exchange.battery_rows[0].tolist(), strict=False
        )
    )


def _remember(market: Market, fleet: Fleet, exchange: Exchange) -> None:
    """What the next interval begins with, and what stored energy is worth now."""
    market.waiting_wh = exchange.homes["flexible_waiting_wh"].tolist()
    market.units = [[int(plant[name]) for name in PLANT_STATE] for plant in exchange.plants]
    market.reference_tick = int(exchange.accounts[0]["reference_price_tick"])
    if _learns(fleet):
        out = market.world().upstream_price_tick
        published_tick = NO_PRICE_TICK if out is None else int(out[market.next])
        market.outlook.learn(market.local_second, exchange.marginal_tick, published_tick)
    price_tick = int(exchange.intervals[0]["price_tick"])
    if price_tick != NO_PRICE_TICK:
        market.last_price_tick = price_tick
        fleet.fund.mark(price_tick)
    if market.published is not None:
        market.published.passed(market.next)
    market.next += 1
