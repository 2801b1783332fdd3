"""What a run came to: one tree of exact figures, from which the screen, the files and `--json` are made.

Keys carry their units; energy is in MWh, money in the scenario's currency, prices per MWh, all written exactly.
Figures that are ratios, means or rates are rounded half to even, as `docs/report.md` says.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk import __version__
from voltadesk.clock import utc_text
from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import BATTERY_REASONS, NO_PRICE_TICK, Table
from voltadesk.errors import CheckFailed
from voltadesk.report.efficiency import efficiency_figures
from voltadesk.report.rounded import mean_price, ratio
from voltadesk.scenario.model import Plant
from voltadesk.scenario.world import World
from voltadesk.units import decimal_text, money_decimal, mwh_decimal, price_decimal

Tree = dict[str, Any]
SPIKE_FACTOR = 3  # a spike is an interval whose price is above this many times the median


def summarise(world: World, exchange: Exchange) -> Tree:
    """All figures of a run. Raises CheckFailed should money or energy not balance to the last unit."""
    intervals = exchange.intervals[: exchange.next_interval]
    check(exchange)
    scenario, grid = world.scenario, world.grid
    return {
        "schema": 1,
        "voltadesk": __version__,
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "seed": scenario.seed,
            "currency": scenario.currency,
            "start_utc": utc_text(grid.start_utc),
            "end_utc": utc_text(grid.start_utc + len(intervals) * grid.step_s),
            "timezone": grid.zone.key,
            "interval_minutes": grid.step_s // 60,
            "intervals": len(intervals),
            "homes": len(exchange.homes),
            "plants": len(exchange.plants),
            "batteries": len(exchange.batteries),
            "pricing": scenario.market.pricing,
            "price_rule": scenario.market.price_rule,
            "community_rule": scenario.community.rule,
            "notes": list(world.notes),
        },
        "price": price_figures(intervals, grid.step_s),
        "load": load_figures(exchange, intervals, grid.step_s),
        "energy_mwh": energy_figures(world, exchange, intervals),
        "emissions": emission_figures(intervals),
        "community": community_figures(world, exchange, intervals),
        "homes": [_home_class(world, exchange, g) for g in range(len(scenario.homes))],
        "plants": [_plant(world, exchange, p) for p in range(len(scenario.plants))],
        "fleet": [_battery_group(world, exchange, g) for g in range(len(scenario.fleet))],
        "market": market_figures(exchange, intervals),
        "money": money_figures(world, exchange),
        "digest": exchange.digest(),
    }


def check(exchange: Exchange) -> None:
    """Energy of every interval and all money of the run must sum to zero. Raises CheckFailed."""
    rows = exchange.intervals[: exchange.next_interval]
    sources = rows["plant_wh"] + rows["solar_wh"] + rows["upstream_import_wh"]
    sources = sources + rows["battery_discharge_wh"] + rows["reserve_up_wh"]
    uses = rows["load_wh"] + rows["battery_charge_wh"] + rows["upstream_export_wh"] + rows["reserve_down_wh"]
    if not np.array_equal(sources, uses):
        first = int(np.flatnonzero(sources != uses)[0])
        raise CheckFailed(f"energy of interval {first}: sources {sources[first]} Wh, uses {uses[first]} Wh")
    total = sum(amount for _, amount in _balances(exchange))
    if total:
        raise CheckFailed(f"money: sums to {decimal_text(total, 8, 2)}, not to 0")


def _sum(table: Table, *fields: str) -> int:
    # Python's integers: a national market's year goes past 64 bits in some of these.
    return sum(sum(table[field].tolist()) for field in fields)


def _balances(exchange: Exchange) -> list[tuple[str, int]]:
    """What each kind of participant received (+) or paid (-) in all [1e-8 currency]."""
    accounts = exchange.accounts
    return [
        ("homes", _sum(exchange.homes, "community_e8", "auction_e8", "imbalance_e8", "fees_e8")),
        ("plants", _sum(exchange.plants, "auction_e8", "imbalance_e8")),
        ("fleet", _sum(exchange.batteries, "bought_e8", "sold_e8", "fees_e8")),
        ("upstream", _sum(accounts, "upstream_e8", "upstream_fees_e8")),
        ("broker", _sum(accounts, "broker_e8")),
        ("operator", _sum(accounts, "operator_e8")),
        ("network", _sum(accounts, "network_e8")),
        ("levies", _sum(accounts, "levies_e8")),
        ("reserve", _sum(accounts, "reserve_e8")),
    ]


def _mwh(energy_wh: int) -> Decimal:
    return mwh_decimal(energy_wh)


# Sections -------------------------------------------------------------------------------------------------------------
def price_figures(intervals: Table, step_s: int) -> Tree:
    """Clearing prices: mean over time and over energy, median, ends, and hours below zero or in a spike."""
    priced = intervals[intervals["price_tick"] != NO_PRICE_TICK]
    prices: NDArray[np.int64] = np.sort(priced["price_tick"])
    figures: Tree = {"intervals_with_price": len(prices), "intervals_without_trade": len(intervals) - len(prices)}
    if len(prices) == 0:
        return figures
    middle = int(prices[(len(prices) - 1) // 2]), int(prices[len(prices) // 2])
    spikes = prices > max(SPIKE_FACTOR * middle[0], 0)
    traded = _weighted(priced["price_tick"], priced["auction_wh"])
    return figures | {
        "mean_per_mwh": mean_price(int(prices.sum()), len(prices)),
        "volume_weighted_mean_per_mwh": mean_price(traded, _sum(priced, "auction_wh")),
        "median_per_mwh": mean_price(sum(middle), 2),
        "minimum_per_mwh": price_decimal(int(prices[0])),
        "maximum_per_mwh": price_decimal(int(prices[-1])),
        "negative_hours": ratio(int((prices < 0).sum()) * step_s, 3600, 2),
        "spike_hours": ratio(int(spikes.sum()) * step_s, 3600, 2),
        "spread_p10_p90_per_mwh": price_decimal(int(_quantile(prices, 90) - _quantile(prices, 10))),
    }


def _quantile(rising: NDArray[np.int64], percent: int) -> int:
    """The nearest-rank quantile."""
    return int(rising[max(0, -(-len(rising) * percent // 100) - 1)])


def _weighted(prices: NDArray[np.int64], energy: NDArray[np.int64]) -> int:
    return sum((prices * energy).tolist())


def load_figures(exchange: Exchange, intervals: Table, step_s: int) -> Tree:
    """Load served and shed; peak and load factor of the load, and of what plants and upstream had to deliver."""
    per_hour, count = 3600 // step_s, len(intervals)
    figures: Tree = {
        "served_mwh": _mwh(_sum(intervals, "load_wh")),
        "flexible_served_mwh": _mwh(_sum(intervals, "flexible_wh")),
        "flexible_given_up_mwh": _mwh(_sum(exchange.homes, "flexible_forgone_wh")),
        "shed_mwh": _mwh(_sum(intervals, "shed_wh")),
        "intervals_with_shedding": int((intervals["shed_wh"] > 0).sum()),
    }
    supply = intervals["plant_wh"] + intervals["upstream_import_wh"]
    for name, energy in (("load", intervals["load_wh"]), ("supply", supply)):
        peak = int(energy.max()) if count else 0
        figures[f"{name}_peak_kw"] = Decimal(decimal_text(peak * per_hour, 3))
        figures[f"{name}_factor"] = ratio(int(energy.sum()), peak * count)
    return figures


def energy_figures(world: World, exchange: Exchange, intervals: Table) -> Tree:
    """Where energy came from and went; sources and uses sum to the same."""
    by_fuel: dict[str, int] = {}
    for plant, row in zip(world.scenario.plants, exchange.plants, strict=True):
        by_fuel[fuel_of(plant)] = by_fuel.get(fuel_of(plant), 0) + int(row["energy_wh"])
    sources = {"roofs": _sum(intervals, "solar_wh")} | by_fuel
    sources |= {
        "upstream": _sum(intervals, "upstream_import_wh"),
        "batteries": _sum(intervals, "battery_discharge_wh"),
        "reserve": _sum(intervals, "reserve_up_wh"),
    }
    uses = {
        "load": _sum(intervals, "load_wh"),
        "batteries": _sum(intervals, "battery_charge_wh"),
        "upstream": _sum(intervals, "upstream_export_wh"),
        "reserve": _sum(intervals, "reserve_down_wh"),
    }
    return {
        "sources": {name: _mwh(energy) for name, energy in sources.items()},
        "uses": {name: _mwh(energy) for name, energy in uses.items()},
        "total": _mwh(sum(sources.values())),
        "roofs_curtailed": _mwh(_sum(intervals, "curtailed_wh")),
        "roofs_own_use": _mwh(_sum(intervals, "own_use_wh")),
        "battery_losses": _mwh(_sum(intervals, "battery_loss_wh")),
    }


def fuel_of(plant: Plant) -> str:
    """What a plant's energy is counted under."""
    return plant.fuel or (plant.kind if plant.kind != "thermal" else "plants")


def emission_figures(intervals: Table) -> Tree:
    """CO2 of plants and upstream import; the reserve's is not counted."""
    emitted = _sum(intervals, "emissions_ug")
    return {
        "co2_kg": Decimal(decimal_text(emitted, 9)),
        "co2_kg_per_mwh_served": ratio(emitted, _sum(intervals, "load_wh") * 1_000, 1),
    }


def community_figures(world: World, exchange: Exchange, intervals: Table) -> Tree:
    """What homes traded with each other, its share of all that homes used, and what it was worth if that is known."""
    shared = intervals[intervals["community_wh"] > 0]
    traded = _sum(intervals, "community_wh")
    amount = _weighted(shared["community_price_tick"], shared["community_wh"])
    if exchange.is_continuous:  # where an interval has many prices
        amount = _sum(exchange.community_rows, "amount_e8")
    return {
        "traded_mwh": _mwh(traded),
        "share_of_load": ratio(traded, _sum(intervals, "load_wh")),
        "mean_price_per_mwh": mean_price(amount, traded),
        **efficiency_figures(world, exchange),
    }


def _home_class(world: World, exchange: Exchange, g: int) -> Tree:
    group, rows = world.scenario.homes[g], exchange.homes[world.home_group == g]
    paid = -_sum(rows, "community_e8", "auction_e8", "imbalance_e8", "fees_e8")
    return {
        "name": group.name,
        "homes": group.count,
        "load_mwh": _mwh(_sum(rows, "load_wh")),
        "shed_mwh": _mwh(_sum(rows, "shed_wh")),
        "flexible_given_up_mwh": _mwh(_sum(rows, "flexible_forgone_wh")),
        "solar_mwh": _mwh(_sum(rows, "solar_wh")),
        "own_use_mwh": _mwh(_sum(rows, "own_use_wh")),
        "community_bought_mwh": _mwh(_sum(rows, "community_bought_wh")),
        "community_sold_mwh": _mwh(_sum(rows, "community_sold_wh")),
        "auction_bought_mwh": _mwh(_sum(rows, "auction_bought_wh")),
        "auction_sold_mwh": _mwh(_sum(rows, "auction_sold_wh")),
        "community": money_decimal(_sum(rows, "community_e8")),
        "auction": money_decimal(_sum(rows, "auction_e8")),
        "imbalance": money_decimal(_sum(rows, "imbalance_e8")),
        "fees": money_decimal(_sum(rows, "fees_e8")),
        "bill": money_decimal(paid),
        "bill_per_home": Decimal(decimal_text(_rounded(paid, group.count), 2, 2)),
        "bill_per_mwh": mean_price(paid, _sum(rows, "load_wh")),
    }


def _rounded(amount_e8: int, parts: int) -> int:
    """An amount over a number of parts, to the nearest cent."""
    return int((Decimal(amount_e8) / (parts * 10**6)).to_integral_value(ROUND_HALF_EVEN))


def _plant(world: World, exchange: Exchange, p: int) -> Tree:
    plant, row = world.scenario.plants[p], exchange.plants[p : p + 1]
    energy, income = _sum(row, "energy_wh"), _sum(row, "auction_e8", "imbalance_e8")
    starts, stops = _sum(row, "starts"), _sum(row, "stops")
    cost = energy * plant.marginal_cost + starts * plant.start_cost + stops * plant.stop_cost
    possible = int(world.plant_metered_wh[: exchange.next_interval, p].sum())
    return {
        "name": plant.name,
        "fuel": plant.fuel or plant.kind,
        "capacity_kw": Decimal(decimal_text(plant.capacity_kw, 3)),
        "energy_mwh": _mwh(energy),
        "use_of_available": ratio(energy, possible),
        "running_hours": ratio(_sum(row, "running_intervals") * world.grid.step_s, 3600, 2),
        "starts": starts,
        "auction": money_decimal(_sum(row, "auction_e8")),
        "imbalance": money_decimal(_sum(row, "imbalance_e8")),
        "income": money_decimal(income),
        "cost": money_decimal(cost),
        "profit": money_decimal(income - cost),
        "co2_kg": Decimal(decimal_text(energy * plant.emissions_kg_per_mwh, 9)),
    }


def _battery_group(world: World, exchange: Exchange, g: int) -> Tree:
    group, mine = world.scenario.fleet[g], world.battery_group == g
    rows = exchange.batteries[mine]
    lines = exchange.battery_rows[: exchange.next_interval, mine]
    charged, discharged = _sum(rows, "charged_wh"), _sum(rows, "discharged_wh")
    margin, wear = _sum(rows, "bought_e8", "sold_e8", "fees_e8"), _sum(rows, "wear_e8")
    window = int((rows["maximum_fill_wh"] - rows["minimum_fill_wh"]).sum())
    reasons = np.bincount(lines["reason"].reshape(-1), minlength=len(BATTERY_REASONS))
    return {
        "name": group.name,
        "batteries": group.count,
        "strategy": group.strategy.name,
        "charged_mwh": _mwh(charged),
        "discharged_mwh": _mwh(discharged),
        "losses_mwh": _mwh(_sum(rows, "loss_wh")),
        "fill_before_mwh": _mwh(group.initial_fill_wh * group.count),
        "fill_mwh": _mwh(_sum(rows, "fill_wh")),
        "equivalent_full_cycles": ratio(discharged, window, 2),
        "mean_buy_price_per_mwh": mean_price(-_sum(rows, "bought_e8"), charged),
        "mean_sell_price_per_mwh": mean_price(_sum(rows, "sold_e8"), discharged),
        "bought": money_decimal(_sum(rows, "bought_e8")),
        "sold": money_decimal(_sum(rows, "sold_e8")),
        "fees": money_decimal(_sum(rows, "fees_e8")),
        "margin": money_decimal(margin),
        "wear": money_decimal(wear),
        "margin_after_wear": money_decimal(margin - wear),
        "intervals_by_reason": {name: int(n) for name, n in zip(BATTERY_REASONS, reasons, strict=True) if n},
    }


def market_figures(exchange: Exchange, intervals: Table) -> Tree:
    """The auction as a whole, the broker, the operator and imbalance."""
    accounts = exchange.accounts
    short = _sum(exchange.homes, "imbalance_short_wh") + _sum(exchange.plants, "imbalance_short_wh")
    long = _sum(exchange.homes, "imbalance_long_wh") + _sum(exchange.plants, "imbalance_long_wh")
    return {
        "auction_mwh": _mwh(_sum(intervals, "auction_wh")),
        "welfare": money_decimal(_sum(intervals, "welfare_e8")),
        "broker": money_decimal(_sum(accounts, "broker_e8")),
        "operator": money_decimal(_sum(accounts, "operator_e8")),
        "uplift": money_decimal(_sum(intervals, "uplift_e8")),
        "network": money_decimal(_sum(accounts, "network_e8")),
        "levies": money_decimal(_sum(accounts, "levies_e8")),
        "imbalance_short_mwh": _mwh(short),
        "imbalance_long_mwh": _mwh(long),
        "reserve_up_mwh": _mwh(_sum(accounts, "reserve_up_wh")),
        "reserve_down_mwh": _mwh(_sum(accounts, "reserve_down_wh")),
        "reserve": money_decimal(_sum(accounts, "reserve_e8")),
    }


def money_figures(world: World, exchange: Exchange) -> Tree:
    """What each kind of participant received or paid: sums to zero; and the fleet's cash with its holders' money."""
    balances = _balances(exchange)
    opening = sum(holder.cash for holder in world.scenario.money_holders)
    fleet = dict(balances)["fleet"]
    return {
        "received": {name: money_decimal(amount) for name, amount in balances},
        "sum": money_decimal(sum(amount for _, amount in balances)),
        "fleet_cash": {
            "holders": {holder.name: money_decimal(holder.cash) for holder in world.scenario.money_holders},
            "opening": money_decimal(opening),
            "trading": money_decimal(fleet),
            "closing": money_decimal(opening + fleet),
        },
    }
