"""Markets for the tests: builders of the record tables, and random markets that reach into the corners of the rules."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from voltadesk.engine import tables
from voltadesk.engine.auction import PRICING_PAY_AS_BID, PRICING_UNIFORM, PRICING_VERTICAL_DEMAND
from voltadesk.engine.tables import NO_PRICE_TICK, Conditions, Table

HOUR_UTC = 1_700_006_400  # a full hour
MWH = 1_000_000
PRICINGS = (PRICING_UNIFORM, PRICING_VERTICAL_DEMAND, PRICING_PAY_AS_BID)

RULES_DEFAULTS = {"step_s": 3600, "start_utc": HOUR_UTC, "floor_tick": -50_000, "cap_tick": 400_000}
HOME_DEFAULTS = {"in_community": 1}
PLANT_DEFAULTS = {"ramp_up_wh": 10**12, "ramp_down_wh": 10**12, "held_intervals": 1000}
BATTERY_DEFAULTS = {"charge_efficiency_ppm": 1_000_000, "discharge_efficiency_ppm": 1_000_000}


class Case(NamedTuple):
    """A whole market: tables and what the outside brings."""

    rules: Table
    homes: Table
    plants: Table
    batteries: Table
    conditions: Conditions

    @property
    def count(self) -> int:
        """How many intervals there are conditions for."""
        return len(self.conditions.upstream_sell_tick)


# Builders -------------------------------------------------------------------------------------------------------------
def filled(dtype: np.dtype, rows: list[dict[str, int]], defaults: dict[str, int]) -> Table:
    """A table with these rows; a field that a row doesn't name has its default, or 0."""
    table = np.zeros(len(rows), dtype)
    for i, row in enumerate(rows):
        for name, value in (defaults | row).items():
            table[name][i] = value
    return table


def rules_of(**fields: int) -> Table:
    """One market's rules: an hour, uniform price in the middle, no fees, no upstream grid unless said otherwise."""
    return filled(tables.RULES, [fields], RULES_DEFAULTS)


def homes_of(*rows: dict[str, int]) -> Table:
    """Homes, in the community unless said otherwise."""
    return filled(tables.HOME, list(rows), HOME_DEFAULTS)


def plants_of(*rows: dict[str, int]) -> Table:
    """Plants that ramp freely and have been as they are for long, unless said otherwise."""
    return filled(tables.PLANT, list(rows), PLANT_DEFAULTS)


def batteries_of(*rows: dict[str, int]) -> Table:
    """Batteries without losses unless said otherwise."""
    return filled(tables.BATTERY, list(rows), BATTERY_DEFAULTS)


def case_of(
    count: int,
    rules: Table,
    homes: Table | None = None,
    plants: Table | None = None,
    batteries: Table | None = None,
    **outside: Any,
) -> Case:
    """A market with these conditions, each spread to all its intervals and participants.

    What isn't named: nothing is consumed or made, batteries are there, nobody has a price. A metered quantity that
    isn't named is as forecast.
    """
    homes = homes_of() if homes is None else homes
    plants = plants_of() if plants is None else plants
    batteries = batteries_of() if batteries is None else batteries
    for name in ("load", "solar", "plant"):
        outside.setdefault(f"{name}_metered_wh", outside.get(f"{name}_forecast_wh", 0))
    outside.setdefault("battery_available_ppm", 1_000_000)
    arrays = []
    for name in Conditions._fields:
        shape: tuple[int, ...] = (count, len(homes))
        if name.startswith("upstream"):
            shape = (count,)
        elif name.startswith("plant"):
            shape = (count, len(plants))
        elif name.startswith("battery"):
            shape = (count, len(batteries))
        value = outside.pop(name, NO_PRICE_TICK if name.endswith("_tick") else 0)
        arrays.append(np.array(np.broadcast_to(value, shape), np.int64, order="C"))  # its own, to be written to
    assert not outside, f"unknown conditions: {sorted(outside)}"
    return Case(rules, homes, plants, batteries, Conditions(*arrays))


def part_of(conditions: Conditions, first: int, last: int) -> Conditions:
    """The conditions of the intervals from `first` up to but not including `last`."""
    return Conditions(*(array[first:last] for array in conditions))


# Random markets -------------------------------------------------------------------------------------------------------
class Shape(NamedTuple):
    """What kind of random market is wanted; the numbers follow from the seed."""

    homes: int = 12
    plants: int = 5
    batteries: int = 4
    intervals: int = 12
    step_s: int = 900
    pricing: int = PRICING_UNIFORM
    price_rule: int = 0
    community_rule: int = 0
    upstream: bool = True
    fees: bool = True
    top_tick: int = 60  # cap; prices of all kinds lie around [-top/3, top]
    top_wh: int = 50  # of a home in one interval
    seed: int = 0


def shapes() -> st.SearchStrategy[Shape]:
    """Shapes of small markets; few ticks and few Wh make ties and remainders common."""
    return st.builds(
        Shape,
        homes=st.integers(0, 12),
        plants=st.integers(0, 5),
        batteries=st.integers(0, 4),
        intervals=st.integers(1, 12),
        step_s=st.sampled_from([300, 900, 3600]),
        pricing=st.sampled_from(PRICINGS),
        price_rule=st.integers(0, 2),
        community_rule=st.integers(0, len(tables.COMMUNITY_RULES) - 1),
        upstream=st.booleans(),
        fees=st.booleans(),
        top_tick=st.sampled_from([3, 60, 400_000]),
        top_wh=st.sampled_from([5, 50, 3_000_000]),
        seed=st.integers(0, 2**32 - 1),
    )


def random_case(shape: Shape) -> Case:
    """A market of this shape; the same shape gives the same market."""
    rng = np.random.default_rng(shape.seed)
    rules = _random_rules(rng, shape)
    outside = _random_plant_conditions(rng, shape)
    outside |= _random_home_conditions(rng, shape)
    outside |= _random_battery_conditions(rng, shape, int(rules["margin_tick"][0]))
    outside |= _random_upstream_conditions(rng, shape, int(rules["margin_tick"][0]))
    return case_of(
        shape.intervals,
        rules,
        homes_of(*(_random_home(rng, shape) for _ in range(shape.homes))),
        plants_of(*(_random_plant(rng, shape) for _ in range(shape.plants))),
        batteries_of(*(_random_battery(rng, shape) for _ in range(shape.batteries))),
        **outside,
    )


def _tick(rng: np.random.Generator, shape: Shape, size: Any = None) -> Any:
    """A price, now and then just outside of floor and cap."""
    return rng.integers(-shape.top_tick // 3 - 2, shape.top_tick + 3, size)


def _power(rng: np.random.Generator, shape: Shape, top_wh: int) -> int:
    """A power [W] that makes up to `top_wh` in an interval, hardly ever in whole Wh."""
    return int(rng.integers(0, top_wh * 3600 // shape.step_s + 1))


def _random_rules(rng: np.random.Generator, shape: Shape) -> Table:
    some = shape.top_tick // 12 + 2
    margin, grid_fee, levy, community_fee, community_levy = rng.integers(0, some, 5) * shape.fees
    return rules_of(
        step_s=shape.step_s,
        start_utc=HOUR_UTC + shape.step_s * int(rng.integers(0, 24)),
        pricing=shape.pricing,
        price_rule=shape.price_rule,
        floor_tick=-shape.top_tick // 3 * int(rng.integers(0, 2)),
        cap_tick=shape.top_tick,
        margin_tick=margin,
        grid_fee_tick=grid_fee,
        levy_tick=levy,
        community_rule=shape.community_rule,
        community_discount_bp=rng.choice([0, 333, 1000, 5000, 10_000]),
        community_fee_bp=rng.choice([0, 1, 1000, 2500, 10_000]) * shape.fees,
        community_grid_fee_tick=community_fee,
        community_levy_tick=community_levy,
        community_zic_bp=rng.choice([0, 5_000, 10_000]),
        community_rounds=rng.integers(1, 6),
        community_seed=rng.integers(0, 2**62),
        community_is_measured=rng.integers(0, 2),
        imbalance_spread_tick=rng.integers(0, some),
        upstream_limit_w=_power(rng, shape, shape.top_wh * 10) if shape.upstream else 0,
        upstream_emissions_g_per_mwh=rng.integers(0, 500_000),
    )


def _random_home(rng: np.random.Generator, shape: Shape) -> dict[str, Any]:
    return {
        "in_community": rng.integers(0, 4) > 0,
        "offer_limit_tick": rng.choice([0, _tick(rng, shape)]),
        "flexible_limit_tick": _tick(rng, shape) + rng.integers(0, shape.top_tick // 3 + 1),
        "flexible_power_w": _power(rng, shape, shape.top_wh),
        "flexible_waiting_limit_wh": rng.integers(0, shape.top_wh * 4),
        "flexible_waiting_wh": rng.integers(0, shape.top_wh * 5) * rng.integers(0, 2),
    }


def _random_home_conditions(rng: np.random.Generator, shape: Shape) -> dict[str, Any]:
    size = (shape.intervals, shape.homes)
    load, solar = rng.integers(0, shape.top_wh + 1, size), rng.integers(0, shape.top_wh * 2, size)
    load *= rng.integers(0, 4, size) > 0
    solar *= rng.integers(0, 2, size)
    near = shape.top_wh // 5 + 1
    return {
        "load_forecast_wh": load,
        "load_metered_wh": np.maximum(0, load + rng.integers(-near, near + 1, size) * rng.integers(0, 2, size)),
        "flexible_wh": rng.integers(0, shape.top_wh + 1, size) * rng.integers(0, 2, size),
        "solar_forecast_wh": solar,
        "solar_metered_wh": np.maximum(0, solar + rng.integers(-near, near + 1, size) * rng.integers(0, 2, size)),
    }


def _random_plant(rng: np.random.Generator, shape: Shape) -> dict[str, Any]:
    top = shape.top_wh * 6
    plant = {"marginal_cost_tick": _tick(rng, shape), "emissions_g_per_mwh": rng.integers(0, 900_000)}
    if rng.integers(0, 4) == 0:  # a farm: free to do what the wind does
        return plant
    minimum = rng.integers(0, top // 2) * rng.integers(0, 3) // 2
    return plant | {
        "minimum_wh": minimum,
        "ramp_up_wh": rng.choice([top, rng.integers(0, top // 2)]),
        "ramp_down_wh": rng.choice([top, rng.integers(0, top // 2)]),
        "start_adder_tick": rng.integers(0, shape.top_tick // 3 + 1) * rng.integers(0, 2),
        "stop_discount_tick": rng.integers(0, shape.top_tick // 3 + 1) * rng.integers(0, 2),
        "start_cost_e8": rng.integers(0, shape.top_tick * shape.top_wh + 1),
        "stop_cost_e8": rng.integers(0, shape.top_tick * shape.top_wh + 1),
        "minimum_up_intervals": rng.integers(0, 4),
        "minimum_down_intervals": rng.integers(0, 4),
        "output_wh": rng.integers(0, top) * rng.integers(0, 2),
        "held_intervals": rng.integers(0, 5),
    }


def _random_plant_conditions(rng: np.random.Generator, shape: Shape) -> dict[str, Any]:
    size = (shape.intervals, shape.plants)
    top = shape.top_wh * 6
    forecast = np.where(rng.integers(0, 3, size) > 0, rng.integers(top // 2, top + 1), rng.integers(0, top + 1, size))
    forecast *= rng.integers(0, 8, size) > 0  # an outage known beforehand
    metered = np.where(rng.integers(0, 3, size) > 0, forecast, rng.integers(0, top + 1, size))
    metered *= rng.integers(0, 12, size) > 0  # an outage nobody knew of
    return {"plant_forecast_wh": forecast, "plant_metered_wh": metered}


def _random_battery(rng: np.random.Generator, shape: Shape) -> dict[str, Any]:
    top = shape.top_wh * 8
    minimum = rng.integers(0, top // 4) * rng.integers(0, 2)
    maximum = minimum + rng.integers(0, top)
    return {
        "charge_power_w": _power(rng, shape, shape.top_wh * 3),
        "discharge_power_w": _power(rng, shape, shape.top_wh * 3),
        "charge_efficiency_ppm": rng.choice([1_000_000, 950_000, rng.integers(1, 1_000_001)]),
        "discharge_efficiency_ppm": rng.choice([1_000_000, 921_954, rng.integers(1, 1_000_001)]),
        "standing_loss_ppm_per_hour": rng.choice([0, 40, 30_000, 1_000_000]),
        "minimum_fill_wh": minimum,
        "maximum_fill_wh": maximum,
        "wear_cost_tick": rng.integers(0, 1000),
        "fill_wh": rng.integers(0, maximum + 1),
        "last_mode": rng.integers(-1, 2),
    }


def _random_battery_conditions(rng: np.random.Generator, shape: Shape, margin: int) -> dict[str, Any]:
    """Limits that never cross, but often meet."""
    size = (shape.intervals, shape.batteries)
    sell = _tick(rng, shape, size)
    gap = rng.integers(0, shape.top_tick // 2 + 1, size) * rng.integers(0, 2, size)
    return {
        "battery_available_ppm": rng.choice([0, 500_001, 1_000_000, 1_000_000, 1_000_000], size),
        "battery_buy_limit_tick": _sometimes_missing(rng, sell + margin - gap),
        "battery_sell_limit_tick": _sometimes_missing(rng, sell),
    }


def _random_upstream_conditions(rng: np.random.Generator, shape: Shape, margin: int) -> dict[str, Any]:
    sell = _tick(rng, shape, shape.intervals)
    gap = rng.integers(0, shape.top_tick // 6 + 1) * rng.integers(0, 2, shape.intervals)
    buy = sell + margin * rng.integers(0, 2, shape.intervals) - gap
    return {"upstream_sell_tick": _sometimes_missing(rng, sell), "upstream_buy_tick": _sometimes_missing(rng, buy)}


def _sometimes_missing(rng: np.random.Generator, ticks: Any) -> Any:
    return np.where(rng.integers(0, 6, np.shape(ticks)) > 0, ticks, NO_PRICE_TICK)
