"""The market against its slow twin, and against what must hold whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from tests.engine.market_cases import (
    PRICINGS,
    Case,
    Shape,
    case_of,
    homes_of,
    part_of,
    plants_of,
    random_case,
    rules_of,
    shapes,
)
from tests.reference import market as twin
from voltadesk.engine import tables
from voltadesk.engine.auction import PRICING_PAY_AS_BID
from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import NO_PRICE_TICK, Table

RELAXED = settings(
    max_examples=150,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def exchange_of(case: Case, *, keep_trades: bool = True) -> Exchange:
    """The fast engine, with this market's tables."""
    return Exchange(case.rules, case.homes, case.plants, case.batteries, case.count, keep_trades=keep_trades)


def assert_same_table(name: str, fast: Table, slow: Table) -> None:
    """Every field of every row; the message says where the two differ."""
    assert fast.shape == slow.shape, f"{name}: {fast.shape} instead of {slow.shape}"
    for field in slow.dtype.names:
        differs = np.flatnonzero(fast[field].ravel() != slow[field].ravel())
        if len(differs):
            where = differs[0]
            got, expected = fast[field].ravel()[where], slow[field].ravel()[where]
            raise AssertionError(f"{name}.{field} at {where}: {got} instead of {expected} ({len(differs)} differ)")


def assert_same(exchange: Exchange, trades: Table, expected: twin.Result) -> None:
    """All tables of the two markets; the receipts in any order."""
    for name in (
        "intervals",
        "homes",
        "plants",
        "batteries",
        "accounts",
        "battery_rows",
        "battery_share",
        "community_rows",
    ):
        assert_same_table(name, getattr(exchange, name), getattr(expected, name))
    np.testing.assert_array_equal(exchange.plant_output_wh, expected.plant_output_wh)
    assert_same_table("trades", sorted_receipts(trades), sorted_receipts(expected.trades))


def sorted_receipts(trades: Table) -> Table:
    """Receipts in an order that only depends on what is in them."""
    return np.sort(trades, order=trades.dtype.names)


def assert_fast_is_slow(case: Case) -> None:
    """The engine fed at once, and one interval at a time, gives what the twin gives."""
    expected = twin.run(*case, case.count)
    at_once = exchange_of(case)
    assert_same(at_once, at_once.advance(case.conditions), expected)
    assert at_once.next_interval == case.count

    stepwise = exchange_of(case)
    receipts = [stepwise.advance(part_of(case.conditions, i, i + 1)) for i in range(case.count)]
    assert_same(stepwise, np.concatenate(receipts), expected)


# The twin -------------------------------------------------------------------------------------------------------------
@given(shape=shapes())
@RELAXED
def test_market_is_its_twin(shape: Shape) -> None:
    assert_fast_is_slow(random_case(shape))


@pytest.mark.parametrize("seed", range(24))
def test_bigger_market_is_its_twin(seed: int) -> None:
    shape = Shape(
        homes=30,
        plants=8,
        batteries=8,
        intervals=24,
        pricing=PRICINGS[seed % 3],
        price_rule=seed % 2,
        community_rule=seed % 5,
        top_tick=(60, 400_000)[seed % 2],
        top_wh=(20, 5_000, 20_000_000)[seed % 3],
        seed=seed,
    )
    assert_fast_is_slow(random_case(shape))


@pytest.mark.parametrize("top_tick", [1, 2, 2_999_997])
def test_markets_of_few_prices_and_of_the_dearest_are_their_twins(top_tick: int) -> None:
    for seed in range(40):
        assert_fast_is_slow(
            random_case(
                Shape(
                    9, 2, 2, 4, 1800, PRICINGS[seed % 3], seed % 3, 1 + seed % 4, top_tick=top_tick, top_wh=5, seed=seed
                )
            )
        )


def test_the_ratio_of_a_continents_supply_and_demand_is_exact() -> None:
    rules = rules_of(community_rule=tables.COMMUNITY_SUPPLY_DEMAND_RATIO, margin_tick=10, floor_tick=0, cap_tick=1_000)
    plant, load, sun = plants_of({"marginal_cost_tick": 100}), [[3 * 10**14, 0]], [[0, 10**14]]
    outside = {"load_forecast_wh": load, "solar_forecast_wh": sun, "plant_forecast_wh": [[10**15]]}
    assert_fast_is_slow(case_of(1, rules, homes_of({}, {}), plant, **outside))


def test_random_markets_reach_the_corners() -> None:
    """The comparison with the twin is worth what the random markets reach."""
    seen: set[str] = set()
    for seed in range(60):
        case = random_case(Shape(pricing=PRICINGS[seed % 3], community_rule=1 + seed % 4, top_tick=60, seed=seed))
        exchange = exchange_of(case)
        exchange.advance(case.conditions)
        rows, rules = exchange.intervals, case.rules[0]
        price = rows["price_tick"]
        corners = {
            "no price": price == NO_PRICE_TICK,
            "negative price": (price < 0) & (price != NO_PRICE_TICK),
            "price at the cap": price == rules["cap_tick"],
            "price at the floor": price == rules["floor_tick"],
            "community": rows["community_wh"] > 0,
            "no community": rows["community_wh"] == 0,
            "shed": rows["shed_wh"] > 0,
            "curtailed": rows["curtailed_wh"] > 0,
            "import": rows["upstream_import_wh"] > 0,
            "export": rows["upstream_export_wh"] > 0,
            "solved again": rows["clearings"] > 3,
            "uplift": rows["uplift_e8"] > 0,
            "starts": exchange.plants["starts"] > 0,
            "stops": exchange.plants["stops"] > 0,
            "flexible load given up": exchange.homes["flexible_forgone_wh"] > 0,
        }
        corners |= {
            name: exchange.battery_rows["reason"] == reason for reason, name in enumerate(tables.BATTERY_REASONS)
        }
        seen |= {name for name, reached in corners.items() if reached.any()}
    assert seen == set(corners)


def test_tables_given_are_left_alone() -> None:
    case = random_case(Shape(seed=7, community_rule=2))
    before = [table.copy() for table in case[:4]]
    exchange_of(case).advance(case.conditions)
    for table, copy in zip(case[:4], before, strict=True):
        np.testing.assert_array_equal(table, copy)


def test_receipts_are_kept_only_when_asked() -> None:
    case = random_case(Shape(seed=11, community_rule=1))
    silent, telling = exchange_of(case, keep_trades=False), exchange_of(case)
    assert len(silent.advance(case.conditions)) == 0
    assert len(telling.advance(case.conditions)) > 0
    for name in ("intervals", "homes", "plants", "batteries", "accounts", "battery_rows", "plant_output_wh"):
        np.testing.assert_array_equal(getattr(silent, name), getattr(telling, name))


# What must hold in any market -----------------------------------------------------------------------------------------
class Played:
    """A big random market after its last interval, with its receipts."""

    def __init__(self, seed: int) -> None:
        self.case = random_case(
            Shape(
                homes=200,
                plants=15,
                batteries=20,
                intervals=96,
                pricing=PRICINGS[seed % 3],
                price_rule=seed // 3 % 3,
                community_rule=seed % 5,
                fees=seed % 5 > 0,
                top_tick=(400_000, 60)[seed % 2],
                top_wh=(5_000, 3_000_000)[seed // 2 % 2],
                seed=1000 + seed,
            )
        )
        self.exchange = exchange_of(self.case)
        self.trades = self.exchange.advance(self.case.conditions)
        self.rules = self.case.rules[0]

    def receipts(self, kind: int, market: int, *, bought: bool) -> Table:
        """Receipts of one kind of participant in one market on one side."""
        side = (self.trades["energy_wh"] > 0) == bought
        return self.trades[(self.trades["kind"] == kind) & (self.trades["market"] == market) & side]

    def sum_by(self, receipts: Table, field: str, count: int, by: str = "participant") -> np.ndarray:
        """Sum of a field by participant or by interval."""
        sums = np.zeros(count, np.int64)
        np.add.at(sums, receipts[by], receipts[field])
        return sums


@pytest.fixture(scope="module", params=range(12))
def played(request: pytest.FixtureRequest) -> Played:
    return Played(request.param)


COMMUNITY, AUCTION, IMBALANCE = tables.MARKET_COMMUNITY, tables.MARKET_AUCTION, tables.MARKET_IMBALANCE
TOTALS_OF_RECEIPTS = (  # kind, its table, market, and the totals of energy bought, energy sold and amount
    (tables.KIND_HOME, "homes", COMMUNITY, "community_bought_wh", "community_sold_wh", "community_e8"),
    (tables.KIND_HOME, "homes", AUCTION, "auction_bought_wh", "auction_sold_wh", "auction_e8"),
    (tables.KIND_HOME, "homes", IMBALANCE, "imbalance_short_wh", "imbalance_long_wh", "imbalance_e8"),
    (tables.KIND_PLANT, "plants", AUCTION, None, "auction_sold_wh", "auction_e8"),
    (tables.KIND_PLANT, "plants", IMBALANCE, "imbalance_short_wh", "imbalance_long_wh", "imbalance_e8"),
    (tables.KIND_BATTERY, "battery_share", COMMUNITY, "bought_wh", "sold_wh", "amount_e8"),
)


def total(table: Table, *fields: str) -> int:
    """The sum of some fields over all rows."""
    return sum(int(table[field].sum()) for field in fields)


def test_money_sums_to_zero(played: Played) -> None:
    exchange = played.exchange
    money = total(exchange.homes, "community_e8", "auction_e8", "imbalance_e8", "fees_e8")
    money += total(exchange.plants, "auction_e8", "imbalance_e8")
    money += total(exchange.batteries, "bought_e8", "sold_e8", "fees_e8")
    own = ("operator_e8", "broker_e8", "network_e8", "levies_e8", "reserve_e8", "upstream_e8", "upstream_fees_e8")
    assert money + total(exchange.accounts, *own) == 0


def test_money_sums_to_zero_in_every_interval(played: Played) -> None:
    """What participants pay more than they get stays with the market: never less than nothing but for uplifts."""
    count, rows = played.case.count, played.exchange.intervals
    trades, accounts = played.trades, played.exchange.accounts
    market_only = trades[trades["market"] != tables.MARKET_IMBALANCE]
    left = -played.sum_by(market_only, "amount_e8", count, "interval")
    left -= played.sum_by(market_only, "fees_e8", count, "interval")
    assert (left + rows["uplift_e8"] >= 0).all()
    assert (rows["uplift_e8"] >= 0).all()
    assert left.sum() == total(accounts, "operator_e8", "broker_e8", "network_e8", "levies_e8")
    for account in ("broker_e8", "network_e8", "levies_e8"):
        assert accounts[account][0] >= 0, account
    assert accounts["operator_e8"][0] + rows["uplift_e8"].sum() >= 0
    imbalance = trades[trades["market"] == tables.MARKET_IMBALANCE]
    assert -imbalance["amount_e8"].sum() == accounts["reserve_e8"][0]


def test_energy_balances_in_every_interval(played: Played) -> None:
    row = played.exchange.intervals
    made = row["plant_wh"] + row["solar_wh"] + row["upstream_import_wh"]
    used = row["load_wh"] + row["battery_charge_wh"] + row["upstream_export_wh"]
    supply = made + row["battery_discharge_wh"] + row["reserve_up_wh"]
    np.testing.assert_array_equal(supply, used + row["reserve_down_wh"])
    np.testing.assert_array_equal(row["plant_wh"], played.exchange.plant_output_wh.sum(axis=1))


def test_intervals_add_up_to_the_totals(played: Played) -> None:
    exchange = played.exchange
    rows, homes, accounts = exchange.intervals, exchange.homes, exchange.accounts
    for field in ("load_wh", "flexible_wh", "shed_wh", "solar_wh", "curtailed_wh", "own_use_wh"):
        assert rows[field].sum() == homes[field].sum(), field
    share = exchange.battery_share
    for side in ("bought_wh", "sold_wh"):
        assert rows["community_wh"].sum() == homes[f"community_{side}"].sum() + share[side].sum()
    assert rows["plant_wh"].sum() == exchange.plants["energy_wh"].sum()
    assert rows["upstream_import_wh"].sum() == accounts["upstream_sold_wh"][0]
    assert rows["upstream_export_wh"].sum() == accounts["upstream_bought_wh"][0]
    assert rows["reserve_up_wh"].sum() == accounts["reserve_up_wh"][0]
    assert rows["reserve_down_wh"].sum() == accounts["reserve_down_wh"][0]
    bought = total(homes, "auction_bought_wh") + total(exchange.batteries, "charged_wh") - total(share, "bought_wh")
    assert rows["auction_wh"].sum() == bought + accounts["upstream_bought_wh"][0]


def test_reserve_is_the_other_side_of_what_all_are_short_together(played: Played) -> None:
    rows, count = played.exchange.intervals, played.case.count
    imbalance = played.trades[played.trades["market"] == tables.MARKET_IMBALANCE]
    short = played.sum_by(imbalance, "energy_wh", count, "interval")
    np.testing.assert_array_equal(rows["reserve_up_wh"], np.maximum(0, short))
    np.testing.assert_array_equal(rows["reserve_down_wh"], np.maximum(0, -short))
    reference = rows["imbalance_price_tick"] - np.sign(short) * played.rules["imbalance_spread_tick"]
    last = 0
    for i, price in enumerate(rows["price_tick"]):
        last = last if price == NO_PRICE_TICK else price
        assert reference[i] == last
    assert played.exchange.accounts["reference_price_tick"][0] == last


def test_homes_serve_shed_and_use_what_they_have(played: Played) -> None:
    homes, outside = played.exchange.homes, played.case.conditions
    inelastic = homes["load_wh"] - homes["flexible_wh"]
    np.testing.assert_array_equal(inelastic + homes["shed_wh"], outside.load_metered_wh.sum(axis=0))
    np.testing.assert_array_equal(homes["solar_wh"] + homes["curtailed_wh"], outside.solar_metered_wh.sum(axis=0))
    came_up = played.case.homes["flexible_waiting_wh"] + outside.flexible_wh.sum(axis=0)
    gone = homes["flexible_wh"] + homes["flexible_forgone_wh"]
    np.testing.assert_array_equal(came_up, gone + homes["flexible_waiting_wh"])
    assert (homes["flexible_waiting_wh"] >= 0).all()
    assert (homes["own_use_wh"] <= np.minimum(homes["solar_wh"], homes["load_wh"])).all()


def test_battery_ledger(played: Played) -> None:
    """What was in it, and came in, is in it, went out, or is lost; trades keep to the window."""
    rows, start = played.exchange.battery_rows, played.case.batteries
    before = np.vstack([start["fill_wh"], rows["fill_wh"][:-1]])
    np.testing.assert_array_equal(before + rows["charge_wh"] - rows["discharge_wh"] - rows["loss_wh"], rows["fill_wh"])
    assert (rows["loss_wh"] >= 0).all()
    assert (rows["fill_wh"] >= 0).all()
    assert (rows["charge_wh"] * rows["discharge_wh"] == 0).all()
    assert (rows["fill_wh"] <= np.maximum(start["maximum_fill_wh"], before)).all()
    assert (rows["fill_wh"] >= start["minimum_fill_wh"])[rows["discharge_wh"] > 0].all()
    ends = played.exchange.batteries
    np.testing.assert_array_equal(rows["fill_wh"][-1], ends["fill_wh"])
    for row_field, field in (("charge_wh", "charged_wh"), ("discharge_wh", "discharged_wh"), ("loss_wh", "loss_wh")):
        np.testing.assert_array_equal(rows[row_field].sum(axis=0), ends[field])
    np.testing.assert_array_equal(ends["wear_e8"], ends["discharged_wh"] * ends["wear_cost_tick"])


def test_battery_reasons_fit_what_it_did(played: Played) -> None:
    rows, outside = played.exchange.battery_rows, played.case.conditions
    np.testing.assert_array_equal(rows["charge_wh"] > 0, rows["reason"] == tables.REASON_CHARGED)
    np.testing.assert_array_equal(rows["discharge_wh"] > 0, rows["reason"] == tables.REASON_DISCHARGED)
    np.testing.assert_array_equal(outside.battery_available_ppm == 0, rows["reason"] == tables.REASON_OUTAGE)
    price = np.broadcast_to(played.exchange.intervals["price_tick"][:, None], rows.shape)
    buy, sell = outside.battery_buy_limit_tick, outside.battery_sell_limit_tick
    between = rows["reason"] == tables.REASON_BETWEEN_LIMITS
    assert (price + played.rules["margin_tick"] > buy)[between & (buy != NO_PRICE_TICK)].all()
    assert (price < sell)[between & (sell != NO_PRICE_TICK)].all()


def test_nobody_pays_more_or_gets_less_than_the_limit(played: Played) -> None:
    outside, rules, margin = played.case.conditions, played.rules, int(played.rules["margin_tick"])
    for bought, battery_limit, upstream_limit in (
        (True, outside.battery_buy_limit_tick, outside.upstream_buy_tick),
        (False, outside.battery_sell_limit_tick, outside.upstream_sell_tick),
    ):
        side, wedge = (1, margin) if bought else (-1, 0)
        own = played.receipts(tables.KIND_BATTERY, tables.MARKET_AUCTION, bought=bought)
        limit = battery_limit[own["interval"], own["participant"]]
        assert (side * (own["price_tick"] + wedge - limit) <= 0).all()
        own = played.receipts(tables.KIND_UPSTREAM, tables.MARKET_AUCTION, bought=bought)
        assert (side * (own["price_tick"] + wedge - upstream_limit[own["interval"]]) <= 0).all()
        own = played.receipts(tables.KIND_HOME, tables.MARKET_AUCTION, bought=bought)
        if not bought:
            assert (own["price_tick"] >= played.case.homes["offer_limit_tick"][own["participant"]]).all()
    own = played.receipts(tables.KIND_BATTERY, tables.MARKET_COMMUNITY, bought=True)
    assert (own["price_tick"] <= outside.battery_buy_limit_tick[own["interval"], own["participant"]]).all()
    own = played.receipts(tables.KIND_BATTERY, tables.MARKET_COMMUNITY, bought=False)
    least = outside.battery_sell_limit_tick[own["interval"], own["participant"]] * -own["energy_wh"]
    assert (own["amount_e8"] + own["fees_e8"] > least - 1).all()
    sold = played.receipts(tables.KIND_HOME, tables.MARKET_COMMUNITY, bought=False)
    least = played.case.homes["offer_limit_tick"][sold["participant"]] * -sold["energy_wh"]
    assert (sold["amount_e8"] + sold["fees_e8"] > least - 1).all()  # the fee is rounded up by less than one 1e-8
    auction = played.trades[played.trades["market"] == tables.MARKET_AUCTION]
    assert (auction["price_tick"] >= rules["floor_tick"]).all()
    assert (auction["price_tick"] <= rules["cap_tick"]).all()


def test_flexible_load_is_never_dearer_than_its_limit(played: Played) -> None:
    outside, rules = played.case.conditions, played.rules
    size = (played.case.count, len(played.case.homes))
    short = np.maximum(0, outside.load_forecast_wh - outside.solar_forecast_wh)
    for market, fees in (
        (tables.MARKET_COMMUNITY, rules["community_grid_fee_tick"] + rules["community_levy_tick"]),
        (tables.MARKET_AUCTION, rules["margin_tick"] + rules["grid_fee_tick"] + rules["levy_tick"]),
    ):
        own = played.receipts(tables.KIND_HOME, market, bought=True)
        bought = np.zeros(size, np.int64)
        np.add.at(bought, (own["interval"], own["participant"]), own["energy_wh"])
        more = bought > short  # more than the inelastic bid
        if market == tables.MARKET_COMMUNITY and rules["community_rule"] == tables.COMMUNITY_CONTINUOUS:
            more &= short == 0  # what both bids bought stands on one receipt, at its average price
        price = np.zeros(size, np.int64)
        price[own["interval"], own["participant"]] = own["price_tick"]
        limit = np.broadcast_to(played.case.homes["flexible_limit_tick"], size)
        assert (price[more] + fees <= limit[more]).all()
        short = np.maximum(0, short - bought)


class PlantLimits:
    """What each plant may make in each interval, from what it made before; all [interval, plant]."""

    def __init__(self, played: Played) -> None:
        plants, forecast = played.case.plants, played.case.conditions.plant_forecast_wh
        self.output = played.exchange.plant_output_wh
        self.before = np.vstack([plants["output_wh"], self.output[:-1]])
        self.was_on, self.on = self.before > 0, self.output > 0
        held = np.empty_like(self.output)  # when the interval begins
        held[0] = plants["held_intervals"]
        for i, same in enumerate((self.was_on == self.on)[:-1]):
            held[i + 1] = np.where(same, held[i] + 1, 1)
        minimum, lowest = plants["minimum_wh"], self.before - plants["ramp_down_wh"]
        there = forecast >= np.maximum(minimum, 1)
        self.may_run = there & (self.was_on | (held >= plants["minimum_down_intervals"]))
        top = np.where(self.was_on, self.before + plants["ramp_up_wh"], np.maximum(minimum, plants["ramp_up_wh"]))
        self.upper = np.minimum(top, forecast) * self.may_run
        bottom = np.where(self.was_on, np.maximum(minimum, lowest), minimum)
        self.lower = np.minimum(bottom, self.upper) * self.may_run
        stops = (held >= plants["minimum_up_intervals"]) & (lowest <= minimum)
        self.must_run = self.may_run & self.was_on & ~stops
        # At least: a unit may have used up some of its discount.
        asks_on = plants["marginal_cost_tick"] - plants["stop_discount_tick"]
        self.asks = np.where(self.was_on, asks_on, plants["marginal_cost_tick"] + plants["start_adder_tick"])


def test_plants_keep_to_their_set_points(played: Played) -> None:
    """Nothing, or between the two ends that ramps and minimum leave; less than asked only where it fails."""
    limits, metered, ends = PlantLimits(played), played.case.conditions.plant_metered_wh, played.exchange.plants
    assert (limits.output <= np.minimum(limits.upper, metered)).all()
    whole = (limits.output >= limits.lower) | (limits.output == metered)
    assert whole[limits.on | limits.must_run].all()
    np.testing.assert_array_equal((limits.on & ~limits.was_on).sum(axis=0), ends["starts"])
    np.testing.assert_array_equal((limits.was_on & ~limits.on).sum(axis=0), ends["stops"])
    np.testing.assert_array_equal(limits.on.sum(axis=0), ends["running_intervals"])
    sold = ends["auction_sold_wh"] - ends["imbalance_short_wh"] + ends["imbalance_long_wh"]
    np.testing.assert_array_equal(sold, ends["energy_wh"])


def test_plants_make_what_they_sold_unless_they_fail_or_may_not_stop(played: Played) -> None:
    limits = PlantLimits(played)
    own = played.trades[played.trades["kind"] == tables.KIND_PLANT]
    own = own[own["market"] == tables.MARKET_IMBALANCE]
    where = own["interval"], own["participant"]
    short = own["energy_wh"] > 0
    np.testing.assert_array_equal(limits.output[where][short], played.case.conditions.plant_metered_wh[where][short])
    assert limits.must_run[where][~short].all()
    assert (limits.output[where][~short] <= limits.lower[where][~short]).all()


def test_plants_never_get_less_than_they_ask_unless_they_may_not_stop(played: Played) -> None:
    limits = PlantLimits(played)
    own = played.receipts(tables.KIND_PLANT, tables.MARKET_AUCTION, bought=False)
    where = own["interval"], own["participant"]
    assert (own["price_tick"] >= limits.asks[where])[~limits.must_run[where]].all()


def test_receipts_add_up_to_the_totals(played: Played) -> None:
    exchange, trades = played.exchange, played.trades
    np.testing.assert_array_equal(trades["amount_e8"], -trades["energy_wh"] * trades["price_tick"])
    assert (trades["fees_e8"] <= 0).all()
    assert (trades["energy_wh"] != 0).all()
    for kind, table, market, bought, sold, amount in TOTALS_OF_RECEIPTS:
        ends = getattr(exchange, table)
        buys, sells = (played.receipts(kind, market, bought=side) for side in (True, False))
        expected_bought = ends[bought] if bought else 0
        np.testing.assert_array_equal(played.sum_by(buys, "energy_wh", len(ends)), expected_bought)
        np.testing.assert_array_equal(-played.sum_by(sells, "energy_wh", len(ends)), ends[sold])
        if amount:
            both = np.concatenate([buys, sells])
            np.testing.assert_array_equal(played.sum_by(both, "amount_e8", len(ends)), ends[amount])
    for bought, field in ((True, "charged_wh"), (False, "discharged_wh")):
        own = [played.receipts(tables.KIND_BATTERY, market, bought=bought) for market in (AUCTION, COMMUNITY)]
        energy = abs(played.sum_by(np.concatenate(own), "energy_wh", len(exchange.batteries)))
        np.testing.assert_array_equal(energy, exchange.batteries[field])
    for kind, ends in ((tables.KIND_HOME, exchange.homes), (tables.KIND_BATTERY, exchange.batteries)):
        own = trades[trades["kind"] == kind]
        np.testing.assert_array_equal(played.sum_by(own, "fees_e8", len(ends)), ends["fees_e8"])
    assert trades["fees_e8"][trades["kind"] == tables.KIND_UPSTREAM].sum() == exchange.accounts["upstream_fees_e8"][0]
    assert trades["amount_e8"][trades["kind"] == tables.KIND_UPSTREAM].sum() == exchange.accounts["upstream_e8"][0]


def test_prices_lie_in_their_range(played: Played) -> None:
    rows, rules = played.exchange.intervals, played.rules
    traded = rows["price_tick"] != NO_PRICE_TICK
    assert (rows["auction_wh"][~traded] == 0).all()
    assert (rows["welfare_e8"][~traded] == 0).all()
    low, price, high = (rows[f][traded] for f in ("price_low_tick", "price_tick", "price_high_tick"))
    assert (rules["floor_tick"] <= np.minimum(low, price)).all()
    assert (low <= high).all()
    assert (price <= high).all()
    if rules["pricing"] == PRICING_PAY_AS_BID:  # the average of what offers get is never dearer than the dearest
        assert (price <= low).all()
    else:
        assert (price >= low).all()
    assert (high <= rules["cap_tick"]).all()
    assert (rows["clearings"] >= 1).all()
    assert (rows["clearings"] <= 3 * len(played.case.plants) + 1).all()
