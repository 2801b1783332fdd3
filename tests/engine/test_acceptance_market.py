"""Acceptance scenarios of the market, with their numbers, through the exchange's public door."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.engine.market_cases import HOUR_UTC, MWH, Case, batteries_of, case_of, homes_of, plants_of, rules_of
from voltadesk import units
from voltadesk.engine import tables
from voltadesk.engine.auction import RULE_HIGHEST, RULE_LOWEST, RULE_MIDPOINT
from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import NO_PRICE_TICK, Table

MW = 1_000_000
CURRENCY = units.E8_PER_CURRENCY
PRICE = units.TICKS_PER_CURRENCY  # one currency unit per MWh, in ticks
WIDE_W = 1_000 * MW  # a connection wide enough not to matter
PRICE_RULES = (RULE_MIDPOINT, RULE_LOWEST, RULE_HIGHEST)


def played(case: Case) -> tuple[Exchange, Table]:
    """The exchange after all intervals, and the receipts."""
    exchange = Exchange(case.rules, case.homes, case.plants, case.batteries, case.count, keep_trades=True)
    return exchange, exchange.advance(case.conditions)


def wh(table: Table, field: str) -> list[int]:
    """A field as plain numbers."""
    return [int(value) for value in table[field].ravel()]


# A1 -------------------------------------------------------------------------------------------------------------------
def threshold_fleet(rounds: int) -> Case:
    """Four batteries that buy below and sell above their thresholds, at an outside price of 5,000."""
    fleet = [(100, 20, 4, 7000), (110, 25, 6, 10_000), (80, 30, 20, 4000), (70, 26, 11, 3000)]
    thresholds = [threshold * PRICE for *_, threshold in fleet]
    return case_of(
        rounds,
        rules_of(cap_tick=2_000_000, upstream_limit_w=WIDE_W),
        batteries=batteries_of(
            *(
                {
                    "maximum_fill_wh": capacity * MWH,
                    "fill_wh": fill * MWH,
                    "charge_power_w": rate * MW,
                    "discharge_power_w": rate * MW,
                }
                for capacity, fill, rate, _ in fleet
            )
        ),
        battery_buy_limit_tick=[threshold - 1 for threshold in thresholds],
        battery_sell_limit_tick=[threshold + 1 for threshold in thresholds],
        upstream_sell_tick=5000 * PRICE,
        upstream_buy_tick=5000 * PRICE,
    )


def test_a01_threshold_fleet_one_round() -> None:
    exchange, _ = played(threshold_fleet(1))
    assert wh(exchange.batteries, "fill_wh") == [24 * MWH, 31 * MWH, 10 * MWH, 15 * MWH]
    assert exchange.batteries["bought_e8"].sum() == -50_000 * CURRENCY
    assert exchange.batteries["sold_e8"].sum() == 155_000 * CURRENCY
    assert exchange.batteries["fees_e8"].sum() == 0
    assert wh(exchange.intervals, "price_tick") == [5000 * PRICE]


def test_a01_threshold_fleet_three_rounds() -> None:
    exchange, _ = played(threshold_fleet(3))
    rows = exchange.battery_rows
    assert [wh(row, "fill_wh") for row in rows] == [
        [24 * MWH, 31 * MWH, 10 * MWH, 15 * MWH],
        [28 * MWH, 37 * MWH, 0, 4 * MWH],
        [32 * MWH, 43 * MWH, 0, 0],
    ]
    charged, discharged, empty = tables.REASON_CHARGED, tables.REASON_DISCHARGED, tables.REASON_EMPTY
    assert [wh(row, "reason") for row in rows] == [
        [charged, charged, discharged, discharged],
        [charged, charged, discharged, discharged],
        [charged, charged, empty, discharged],
    ]


@pytest.mark.parametrize(
    ("battery", "outside", "reason"),
    [
        ({"fill_wh": 10 * MWH}, {"battery_buy_limit_tick": 6000 * PRICE}, tables.REASON_FULL),
        ({}, {"battery_sell_limit_tick": 4000 * PRICE}, tables.REASON_EMPTY),
        ({}, {"battery_buy_limit_tick": 6000 * PRICE, "battery_available_ppm": 0}, tables.REASON_OUTAGE),
        ({}, {}, tables.REASON_NO_ORDER),
        ({}, {"battery_buy_limit_tick": 4000 * PRICE}, tables.REASON_BETWEEN_LIMITS),
        ({}, {"battery_buy_limit_tick": 4000 * PRICE, "load_forecast_wh": 0}, tables.REASON_NO_PRICE),
    ],
)
def test_a01_a_skip_names_its_reason(battery: dict[str, int], outside: dict[str, int], reason: int) -> None:
    power = {"maximum_fill_wh": 10 * MWH, "charge_power_w": MW, "discharge_power_w": MW}
    case = case_of(
        1,
        rules_of(cap_tick=2_000_000, upstream_limit_w=WIDE_W),
        homes_of({}),
        batteries=batteries_of(power | battery),
        **({"load_forecast_wh": MWH, "upstream_sell_tick": 5000 * PRICE} | outside),
    )
    exchange, _ = played(case)
    assert wh(exchange.battery_rows, "reason") == [reason]
    assert wh(exchange.battery_rows, "charge_wh") == wh(exchange.battery_rows, "discharge_wh") == [0]


# A14 ------------------------------------------------------------------------------------------------------------------
MINUTES = [(15, 1), (30, 2), (90, 6)]


@pytest.mark.parametrize(("minutes", "expected"), MINUTES)
def test_a14_energy_of_a_rate_of_four(minutes: int, expected: int) -> None:
    assert units.energy_of_power_wh(4, HOUR_UTC, HOUR_UTC + minutes * 60) == expected


def charging(power_w: int, step_s: int, count: int) -> list[int]:
    """What a battery charges in each interval where energy is plenty."""
    case = case_of(
        count,
        rules_of(step_s=step_s, upstream_limit_w=WIDE_W),
        batteries=batteries_of({"charge_power_w": power_w, "maximum_fill_wh": 1_000 * MWH}),
        battery_buy_limit_tick=100 * PRICE,
        upstream_sell_tick=50 * PRICE,
    )
    return wh(played(case)[0].battery_rows, "charge_wh")


@pytest.mark.parametrize(("minutes", "expected"), MINUTES)
def test_a14_battery_charges_at_its_rate(minutes: int, expected: int) -> None:
    assert charging(4 * MW, minutes * 60, 2) == [expected * MWH] * 2


def test_a14_twelve_parts_of_an_hour_sum_to_the_hour() -> None:
    spans = [(HOUR_UTC + 300 * i, HOUR_UTC + 300 * (i + 1)) for i in range(12)]
    parts = [units.energy_of_power_wh(MW, *span) for span in spans]
    assert parts == [83_333, 83_333, 83_334] * 4
    assert sum(parts) == MWH
    assert charging(MW, 300, 12) == parts


# A15, A16, A17, A18 ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("price_rule", PRICE_RULES)
@pytest.mark.parametrize("outside", [{}, {"load_forecast_wh": 10 * MWH}, {"plant_forecast_wh": 10 * MWH}])
def test_a15_one_side_only_is_no_trade_and_no_price(outside: dict[str, int], price_rule: int) -> None:
    case = case_of(2, rules_of(price_rule=price_rule), homes_of({}), plants_of({"marginal_cost_tick": 7000}), **outside)
    exchange, trades = played(case)
    assert wh(exchange.intervals, "price_tick") == [NO_PRICE_TICK] * 2
    assert wh(exchange.intervals, "auction_wh") == [0, 0]
    assert not (trades["market"] == tables.MARKET_AUCTION).any()


@pytest.mark.parametrize("price_rule", PRICE_RULES)
def test_a16_shortage_brings_the_price_to_the_cap(price_rule: int) -> None:
    case = case_of(
        1,
        rules_of(cap_tick=100 * PRICE, price_rule=price_rule),
        homes_of({}, {}),
        plants_of({"marginal_cost_tick": 70 * PRICE}),
        load_forecast_wh=[80 * MWH, 40 * MWH],
        plant_forecast_wh=100 * MWH,
    )
    exchange, _ = played(case)
    assert wh(exchange.intervals, "price_tick") == [100 * PRICE]
    assert wh(exchange.homes, "load_wh") == [66_666_667, 33_333_333]
    assert wh(exchange.homes, "shed_wh") == [13_333_333, 6_666_667]


def flexible_homes(*steps: tuple[int, int]) -> dict[str, Table | list[int]]:
    """Homes that only want flexible energy [MWh] at a limit [currency per MWh]."""
    return {
        "homes": homes_of(
            *(
                {
                    "flexible_limit_tick": limit * PRICE,
                    "flexible_power_w": mwh * MW,
                    "flexible_waiting_limit_wh": mwh * MWH,
                }
                for limit, mwh in steps
            )
        ),
        "flexible_wh": [mwh * MWH for _, mwh in steps],
    }


def test_a16_elastic_demand_sets_the_price() -> None:
    case = case_of(
        1,
        rules_of(cap_tick=100 * PRICE),
        plants=plants_of({"marginal_cost_tick": 70 * PRICE}),
        plant_forecast_wh=100 * MWH,
        **flexible_homes((100, 80), (90, 40)),
    )
    exchange, _ = played(case)
    assert wh(exchange.intervals, "price_tick") == [90 * PRICE]
    assert wh(exchange.homes, "flexible_wh") == [80 * MWH, 20 * MWH]


def test_a17_a_bid_below_the_offer_gets_nothing() -> None:
    plants = plants_of({"marginal_cost_tick": 70 * PRICE})
    exchange, trades = played(
        case_of(1, rules_of(), plants=plants, plant_forecast_wh=100 * MWH, **flexible_homes((5, 10)))
    )
    assert wh(exchange.intervals, "price_tick") == [NO_PRICE_TICK]
    assert len(trades) == 0


@pytest.mark.parametrize("price_rule", PRICE_RULES)
def test_a17_the_margin_is_a_wedge(price_rule: int) -> None:
    case = case_of(
        1,
        rules_of(margin_tick=PRICE, price_rule=price_rule),
        plants=plants_of({"marginal_cost_tick": 14 * PRICE}),
        plant_forecast_wh=1_000 * MWH,
        **flexible_homes((30, 2), (20, 3), (10, 5)),
    )
    exchange, _ = played(case)
    assert wh(exchange.intervals, "price_tick") == [14 * PRICE]
    assert wh(exchange.intervals, "auction_wh") == [5 * MWH]
    assert wh(exchange.homes, "auction_bought_wh") == [2 * MWH, 3 * MWH, 0]
    assert wh(exchange.homes, "auction_e8") == [-28 * CURRENCY, -42 * CURRENCY, 0]
    assert wh(exchange.homes, "fees_e8") == [-2 * CURRENCY, -3 * CURRENCY, 0]
    assert wh(exchange.plants, "auction_e8") == [70 * CURRENCY]
    assert wh(exchange.accounts, "operator_e8") == [5 * CURRENCY]


def test_a17_a_bid_is_out_when_the_margin_does_not_fit() -> None:
    case = case_of(
        1,
        rules_of(margin_tick=PRICE),
        plants=plants_of({"marginal_cost_tick": 14 * PRICE}),
        plant_forecast_wh=1_000 * MWH,
        **flexible_homes((15, 2), (14, 3)),
    )
    exchange, _ = played(case)
    assert wh(exchange.homes, "auction_bought_wh") == [2 * MWH, 0]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a18_equal_offers_share_whatever_their_order(order: tuple[int, ...]) -> None:
    costs = [70 * PRICE, 70 * PRICE, 90 * PRICE]
    case = case_of(
        1,
        rules_of(),
        homes_of({}),
        plants_of(*({"marginal_cost_tick": costs[i]} for i in order)),
        load_forecast_wh=10 * MWH,
        plant_forecast_wh=10 * MWH,
    )
    exchange, _ = played(case)
    expected = [5 * MWH, 5 * MWH, 0]
    assert exchange.plant_output_wh[0].tolist() == [expected[i] for i in order]


# A22 ------------------------------------------------------------------------------------------------------------------
def asked_of_a_plant(
    demand_mwh: list[int], available_mwh: list[int], rules: dict[str, int] | None = None, **plant: int
) -> tuple[Exchange, Table]:
    """One plant at 70 and a home that asks for this much, interval by interval."""
    return played(
        case_of(
            len(demand_mwh),
            rules_of(**(rules or {})),
            homes_of({}),
            plants_of({"marginal_cost_tick": 70 * PRICE} | plant),
            load_forecast_wh=[[mwh * MWH] for mwh in demand_mwh],
            plant_forecast_wh=[[mwh * MWH] for mwh in available_mwh],
        )
    )


def test_a22_set_points_follow_demand() -> None:
    exchange, _ = asked_of_a_plant([50, 100, 0], [100, 100, 100], minimum_wh=10 * MWH)
    assert exchange.plant_output_wh[:, 0].tolist() == [50 * MWH, 100 * MWH, 0]
    assert wh(exchange.plants, "starts") == wh(exchange.plants, "stops") == [1]


def test_a22_set_point_follows_a_cut_in_capacity() -> None:
    exchange, _ = asked_of_a_plant([100, 100], [100, 60], minimum_wh=10 * MWH)
    assert exchange.plant_output_wh[:, 0].tolist() == [100 * MWH, 60 * MWH]
    assert wh(exchange.intervals, "shed_wh") == [0, 40 * MWH]
    assert exchange.intervals["price_tick"][1] == rules_of()["cap_tick"][0]


def test_a22_asked_for_far_less_than_the_minimum_it_rests() -> None:
    exchange, trades = asked_of_a_plant([5], [100], minimum_wh=50 * MWH)
    assert exchange.plant_output_wh.tolist() == [[0]]
    assert wh(exchange.intervals, "shed_wh") == [5 * MWH]
    assert wh(exchange.intervals, "clearings") == [4]  # asked, at rest, told to run, at rest for good
    assert len(trades) == 0


def test_a22_nobody_is_told_to_run_for_load_that_can_wait() -> None:
    """20 at 80 and 30 at 40 are worth less than the 50 at 70 that the plant would have to make."""
    case = case_of(
        1,
        rules_of(),
        plants=plants_of({"marginal_cost_tick": 70 * PRICE, "minimum_wh": 50 * MWH}),
        plant_forecast_wh=100 * MWH,
        **flexible_homes((80, 20), (40, 30)),
    )
    exchange, trades = played(case)
    assert exchange.plant_output_wh.tolist() == [[0]]
    assert wh(exchange.intervals, "clearings") == [2]
    assert wh(exchange.accounts, "operator_e8") == [0]
    assert len(trades) == 0


@pytest.mark.parametrize("price_rule", PRICE_RULES)
def test_a22_asked_for_half_the_minimum_it_runs_and_is_paid_what_it_asked(price_rule: int) -> None:
    """Of 60, the cheaper plant would make 35 and the other 25: it makes its 50, and the cheaper one makes room."""
    case = case_of(
        1,
        rules_of(price_rule=price_rule),
        homes_of({}),
        plants_of({"marginal_cost_tick": 70 * PRICE, "minimum_wh": 50 * MWH}, {"marginal_cost_tick": 60 * PRICE}),
        load_forecast_wh=60 * MWH,
        plant_forecast_wh=[100 * MWH, 35 * MWH],
    )
    exchange, _ = played(case)
    assert exchange.plant_output_wh.tolist() == [[50 * MWH, 10 * MWH]]
    assert wh(exchange.intervals, "price_tick") == [60 * PRICE]
    assert wh(exchange.plants, "auction_e8") == [50 * 70 * CURRENCY, 10 * 60 * CURRENCY]
    assert wh(exchange.homes, "auction_e8") == [-60 * 60 * CURRENCY]
    assert wh(exchange.intervals, "uplift_e8") == [50 * 10 * CURRENCY]
    assert wh(exchange.accounts, "operator_e8") == [-50 * 10 * CURRENCY]
    assert exchange.plants["imbalance_e8"].sum() == 0


def test_a22_a_unit_that_may_not_stop_makes_its_minimum_and_is_paid_for_it() -> None:
    """Asked for 5, and for nothing at all."""
    running = {"minimum_wh": 50 * MWH, "output_wh": 50 * MWH, "held_intervals": 1, "minimum_up_intervals": 9}
    rules = {"floor_tick": 10 * PRICE, "imbalance_spread_tick": 2 * PRICE}
    exchange, _ = asked_of_a_plant([5, 0], [100, 100], rules, **running)
    assert exchange.plant_output_wh.tolist() == [[50 * MWH], [50 * MWH]]
    assert wh(exchange.plants, "auction_e8") == [5 * 10 * CURRENCY]
    assert wh(exchange.plants, "imbalance_e8") == [(45 + 50) * 8 * CURRENCY]
    assert wh(exchange.plants, "energy_wh") == [100 * MWH]


# A23 ------------------------------------------------------------------------------------------------------------------
def test_a23_a_trade_is_exact_to_the_cent() -> None:
    plants = plants_of({"marginal_cost_tick": 71 * PRICE})
    case = case_of(1, rules_of(), homes_of({}), plants, load_forecast_wh=25 * MWH, plant_forecast_wh=100 * MWH)
    exchange, trades = played(case)
    assert sorted(wh(trades, "amount_e8")) == [-1_775 * CURRENCY, 1_775 * CURRENCY]
    assert wh(exchange.homes, "auction_e8") == [-1_775 * CURRENCY]
    assert wh(exchange.plants, "auction_e8") == [1_775 * CURRENCY]


def test_a23_what_two_seconds_drop_the_next_two_carry() -> None:
    assert units.energy_of_power_wh(100 * MW, HOUR_UTC, HOUR_UTC + 2) == 55_555
    assert units.energy_of_power_wh(100 * MW, HOUR_UTC + 2, HOUR_UTC + 4) == 55_556
    spans = range(HOUR_UTC, HOUR_UTC + 3600, 2)
    assert sum(units.energy_of_power_wh(100 * MW, second, second + 2) for second in spans) == 100 * MWH


# A24 ------------------------------------------------------------------------------------------------------------------
def pool(grid_price: int, load_mwh: list[int], solar_mwh: list[int]) -> tuple[Exchange, Table]:
    """A community at half the grid's price with a fee of a tenth; sellers take any price."""
    case = case_of(
        1,
        rules_of(
            community_rule=tables.COMMUNITY_DISCOUNT,
            community_discount_bp=5_000,
            community_fee_bp=1_000,
            upstream_limit_w=WIDE_W,
        ),
        homes_of(*({"offer_limit_tick": -400 * PRICE} for _ in load_mwh)),
        load_forecast_wh=[mwh * MWH for mwh in load_mwh],
        solar_forecast_wh=[mwh * MWH for mwh in solar_mwh],
        upstream_sell_tick=grid_price * PRICE,
        upstream_buy_tick=grid_price * PRICE,
    )
    return played(case)


@pytest.mark.parametrize(
    ("grid_price", "buyer_e8", "seller_e8", "broker_e8"),
    [
        (71, -355 * CURRENCY, 319_50 * CURRENCY // 100, 35_50 * CURRENCY // 100),
        (0, 0, 0, 0),
        (-20, 100 * CURRENCY, -100 * CURRENCY, 0),
    ],
)
def test_a24_pool(grid_price: int, buyer_e8: int, seller_e8: int, broker_e8: int) -> None:
    exchange, _ = pool(grid_price, [10, 0], [0, 10])
    assert wh(exchange.intervals, "quote_tick") == [grid_price * PRICE]
    assert wh(exchange.intervals, "community_wh") == [10 * MWH]
    money = exchange.homes["community_e8"] + exchange.homes["fees_e8"]
    assert money.tolist() == [buyer_e8, seller_e8]
    assert wh(exchange.accounts, "broker_e8") == [broker_e8]
    assert buyer_e8 + seller_e8 + broker_e8 == 0


@pytest.mark.parametrize("grid_price", [71, 33, 0, -20])
def test_a24_the_short_side_is_shared_in_whole_wh(grid_price: int) -> None:
    exchange, _ = pool(grid_price, [10, 10, 10, 0], [0, 0, 0, 10])
    assert wh(exchange.homes, "community_bought_wh") == [3_333_334, 3_333_333, 3_333_333, 0]
    paid = exchange.homes["community_e8"].sum() + exchange.homes["fees_e8"].sum()
    assert paid + exchange.accounts["broker_e8"][0] == 0

    exchange, _ = pool(grid_price, [10, 0, 0, 0], [0, 10, 10, 10])
    assert wh(exchange.homes, "community_sold_wh") == [0, 3_333_334, 3_333_333, 3_333_333]
    paid = exchange.homes["community_e8"].sum() + exchange.homes["fees_e8"].sum()
    assert paid + exchange.accounts["broker_e8"][0] == 0
    assert exchange.accounts["broker_e8"][0] >= 0


# A25 ------------------------------------------------------------------------------------------------------------------
def home_at_the_grid(count: int, load_mwh: int, solar_mwh: int) -> tuple[Exchange, Table]:
    """One home at a wide connection."""
    case = case_of(
        count,
        rules_of(upstream_limit_w=WIDE_W),
        homes_of({}),
        load_forecast_wh=load_mwh * MWH,
        solar_forecast_wh=solar_mwh * MWH,
        upstream_sell_tick=80 * PRICE,
        upstream_buy_tick=60 * PRICE,
    )
    return played(case)


def test_a25_constant_load_buys_the_same_every_time() -> None:
    exchange, trades = home_at_the_grid(12, 10, 0)
    assert wh(trades[trades["kind"] == tables.KIND_HOME], "energy_wh") == [10 * MWH] * 12
    assert wh(exchange.intervals, "auction_wh") == [10 * MWH] * 12
    assert wh(exchange.homes, "shed_wh") == wh(exchange.homes, "imbalance_short_wh") == [0]


def test_a25_a_home_with_surplus_sells_it_and_buys_nothing() -> None:
    exchange, trades = home_at_the_grid(4, 10, 12)
    assert wh(trades[trades["kind"] == tables.KIND_HOME], "energy_wh") == [-2 * MWH] * 4
    assert wh(exchange.homes, "auction_bought_wh") == [0]
    assert wh(exchange.homes, "own_use_wh") == [40 * MWH]


def test_a25_what_the_community_gives_is_not_bought_again() -> None:
    exchange, _ = pool(71, [10, 0], [4, 6])
    assert wh(exchange.homes, "community_bought_wh") == [6 * MWH, 0]
    assert wh(exchange.homes, "auction_bought_wh") == [0, 0]
    assert wh(exchange.homes, "load_wh") == [10 * MWH, 0]
    assert wh(exchange.accounts, "upstream_sold_wh") == [0]
