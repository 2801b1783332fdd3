"""The desk's own market: intervals into the books, people's orders, settings of rules, homes and plants."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.desk.town import TOWN, Town, key
from voltadesk.clock import utc_text
from voltadesk.desk.book import Book
from voltadesk.desk.market import HELD
from voltadesk.desk.refusal import Refusal
from voltadesk.desk.source import Source
from voltadesk.scenario.model import INTERVALS_LIMIT
from voltadesk.scenario.read import find_scenario, read_scenario
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World


@pytest.fixture
def town() -> Town:
    return Town()


def plainly(town: Town) -> str:
    return json.dumps(town.book.state(), sort_keys=True)


@pytest.fixture
def plain() -> Town:
    """The town without batteries: its price is that of the dearest plant that runs."""
    town = Town()
    for name in ("cellar-1", "cellar-2"):
        town.do("olga", "battery.retire", battery=name)
    town.do("olga", "plant.set", plant="hydro", capacity_kw="0")
    return town


def refused(town: Town, code: str, actor: str, kind: str, /, **body: object) -> Refusal:
    before = plainly(town)
    with pytest.raises(Refusal) as caught:
        town.do(actor, kind, **body)
    assert caught.value.code == code
    assert plainly(town) == before
    return caught.value


FIELDS = ("fill_wh", "charge_wh", "discharge_wh", "loss_wh", "buy_limit_tick", "sell_limit_tick")


# One market, two ways -------------------------------------------------------------------------------------------------
LEARNS = ('name = "threshold", buy_limit = [0.00, 40.00], sell_limit = [90.00, 145.00]', 'name = "rolling"')


ON_A_BOOK = ('rule = "mid-market"', 'rule = "continuous"\nzic_percent = 70')


@pytest.mark.parametrize("change", [("", ""), LEARNS, ON_A_BOOK], ids=["as-it-is", "rolling", "continuous"])
def test_the_desks_market_is_the_replayed_one(change: tuple[str, str], tmp_path: Path) -> None:
    """Settled interval by interval into the ledger, or run in one go: the same prices, fills and money."""
    text = find_scenario("quickstart").read_text("utf-8").replace(*change)
    path = tmp_path / "quickstart.toml"
    path.write_text(text, "utf-8")
    exchange = replay(World(read_scenario(path), path.parent), intervals=200)
    town = Town(text)
    town.run(200)
    results = town.book.drain().intervals
    for name in exchange.intervals.dtype.names:
        assert [result.figures[name] for result in results] == exchange.intervals[name][:200].tolist()
    for result, rows in zip(results, exchange.battery_rows, strict=False):
        by_name = {row.battery: row for row in result.batteries}
        for name, row in zip(town.book.fleet.register, rows, strict=True):
            assert by_name[name][1:5] + by_name[name][6:] == tuple(int(row[field]) for field in FIELDS)
    accounts, homes = exchange.accounts[0], exchange.homes
    assert town.held("fees:operator") == accounts["operator_e8"]
    assert town.held("fees:broker") == accounts["broker_e8"]
    assert town.held("fees:network") == accounts["network_e8"]
    assert town.held("ext:reserve") == accounts["reserve_e8"]
    home_e8 = homes["community_e8"] + homes["auction_e8"] + homes["imbalance_e8"] + homes["fees_e8"]
    assert [town.held(f"ext:home:{name}") for name in town.book.market.home_names] == home_e8.tolist()
    assert [town.held(f"ext:home:{name}", "WH") for name in town.book.market.home_names] == (
        homes["load_wh"] - homes["solar_wh"]
    ).tolist()
    fleet_e8 = sum(int(exchange.batteries[name].sum()) for name in ("bought_e8", "sold_e8", "fees_e8"))
    assert town.book.fund.free_e8 == 120_000 * 10**8 + fleet_e8
    town.audit()


def test_the_market_goes_on_after_the_scenarios_days(town: Town) -> None:
    told = town.run(60)
    assert told["interval"] == utc_text(town.book.market.start_utc + 59 * 3600)
    assert told["price"]
    longer = Town(TOWN.replace("days = 1", "days = 3"))
    longer.run(60)
    assert plainly(longer) == plainly(town)


@pytest.mark.parametrize("years", [0, 3, 19, 21, 60])
def test_a_market_of_many_years_holds_four_weeks_of_its_world(town: Town, years: int) -> None:
    market = town.book.market
    market.world()
    market.next = years * 8_766 + 5
    world = market.world()
    assert market.next in world.held
    assert len(world.held) <= HELD == 4 * 7 * 96
    held = [world.profiles.load, world.profiles.solar, *vars(world.sky).values()]
    assert all(array.shape[-1] <= HELD + 2 * 96 for array in held)
    assert len(world.plant_forecast_wh) == len(world.plant_metered_wh) == len(world.held)
    if years < 20:  # as a scenario over so many days has it
        days = {"days": world.grid.count // 24}
        time = market.founded.time.model_copy(update=days)
        whole = World(market.founded.model_copy(update={"time": time, "fleet": []}), Path())
        for mine, all_of_it in zip(world.conditions(market.next, 1), whole.conditions(market.next, 1), strict=True):
            assert np.array_equal(mine, all_of_it)


def test_a_market_halts_at_the_most_intervals_there_may_be(town: Town) -> None:
    town.book.market.next = INTERVALS_LIMIT
    assert "must make at most 2,200,000 intervals" in town.run()["halted"]


def test_a14_an_interval_is_run_once(town: Town) -> None:
    first = utc_text(town.book.now_utc)
    town.run()
    told = refused(town, "BAD_VALUE", "olga", "market.advance", interval=first)
    assert "must be the next interval, 2026-06-19T23:00Z" in str(told)
    refused(town, "BAD_VALUE", "olga", "market.advance", interval="2026-06-20T01:00Z")


def test_advancing_is_the_operators(town: Town) -> None:
    refused(town, "DENIED", "coop", "market.advance", interval=utc_text(town.book.now_utc))


def test_a_desk_without_a_scenario_has_no_market() -> None:
    book = Book("olga", key("olga"))
    town = Town()
    town.book = book
    refused(town, "NO_MARKET", "olga", "market.advance", interval="2026-06-20T00:00Z")
    refused(town, "NO_MARKET", "olga", "market.set", cap="100")
    refused(town, "NO_MARKET", "olga", "order.place", side="buy", quantity_kwh="1")
    refused(town, "NO_MARKET", "olga", "home.set", home="flat-1", flexible=True)
    refused(town, "NO_MARKET", "olga", "plant.set", plant="gas", capacity_kw="1")


# Orders ---------------------------------------------------------------------------------------------------------------
def test_a_persons_order_pays_price_and_margin_and_gets_the_rest_back(town: Town) -> None:
    placed = town.do("coop", "order.place", side="buy", quantity_kwh="2", price="300.00")
    bank = town.held("ext:bank:coop")
    assert placed == {"order": "o-1", "until": utc_text(town.book.now_utc + 3600), "held": "0.60"}
    assert town.held("ext:held:coop") == 60_000_000
    price = town.run()["price"]
    assert float(price) < 299
    assert town.held("ext:bank:coop", "WH") == 2_000
    assert town.held("ext:bank:coop") == bank + 60_000_000 - 2_000 * (int(price.replace(".", "")) + 100)
    assert not town.held("ext:held:coop")
    assert not town.book.market.orders
    trade = next(trade for trade in town.book.drain().intervals[0].trades if trade.actor == "coop")
    assert (trade.participant, trade.energy_wh, trade.fees_e8) == ("order:o-1", 2_000, -2_000 * 100)
    town.audit()


def test_a_sale_is_paid_and_may_have_to_pay(town: Town) -> None:
    town.do("coop", "order.place", side="sell", quantity_kwh="1", price="-20.00")
    assert town.held("ext:held:coop") == 2_000_000
    bank, price = town.held("ext:bank:coop"), town.run()["price"]
    assert town.held("ext:bank:coop") == bank + 2_000_000 + 1_000 * int(price.replace(".", ""))
    assert town.held("ext:bank:coop", "WH") == -1_000


def test_an_order_stands_until_its_time_or_its_end(town: Town) -> None:
    until = utc_text(town.book.now_utc + 2 * 3600)
    town.do("coop", "order.place", side="buy", quantity_kwh="1", price="-400.00", until=until)
    town.do("coop", "order.place", side="buy", quantity_kwh="1", price="-400.00")
    town.run()
    assert list(town.book.market.orders) == ["o-1"]
    town.run()
    assert not town.book.market.orders
    assert not town.held("ext:held:coop")


def test_what_is_left_of_an_order_stays_open(town: Town) -> None:
    until = utc_text(town.book.now_utc + 5 * 3600)
    town.do("coop", "order.place", side="sell", quantity_kwh="1000", price="-1.00", until=until)
    town.run()
    order = town.book.market.orders["o-1"]
    assert 0 < order.quantity_wh < 1_000_000
    assert order.held_e8 == order.quantity_wh * 100 == town.held("ext:held:coop")
    back = town.do("coop", "order.cancel", order="o-1")["returned"]
    assert not town.held("ext:held:coop")
    assert back.startswith("0.9")


def test_what_orders_are_refused_for(town: Town) -> None:
    order = {"side": "buy", "quantity_kwh": "1"}
    assert "must lie between -500.00 and 4000.00" in str(
        refused(town, "BAD_VALUE", "coop", "order.place", **order, price="4000.01")
    )
    refused(town, "BAD_VALUE", "coop", "order.place", side="buy", quantity_kwh="0")
    refused(town, "BAD_VALUE", "coop", "order.place", **order, until=utc_text(town.book.now_utc))
    refused(town, "NOT_FOUND", "coop", "order.cancel", order="o-9")
    mine = town.do("coop", "order.place", **order)["order"]
    refused(town, "DENIED", "olga", "order.cancel", order=mine)
    for _ in range(99):
        town.do("coop", "order.place", **order)
    refused(town, "TOO_MANY", "coop", "order.place", **order)
    town.do("olga", "order.place", **order)


def test_a12_orders_while_halted(town: Town) -> None:
    town.do("coop", "order.place", side="buy", quantity_kwh="1")
    town.do("olga", "market.halt", reason="storm")
    refused(town, "HALTED", "coop", "order.place", side="buy", quantity_kwh="1")
    refused(town, "HALTED", "olga", "market.advance", interval=utc_text(town.book.now_utc))
    assert town.do("coop", "order.cancel", order="o-1") == {"order": "o-1", "returned": "4.00"}


# Fleet ----------------------------------------------------------------------------------------------------------------
def test_batteries_keep_still_without_cash() -> None:
    town = Town(TOWN.replace("[[money_holders]]\nname", "[[nobody]]\nname").split("[[nobody]]")[0])
    town.run()
    (result,) = town.book.drain().intervals
    assert {row.reason for row in result.batteries} == {"no cash"}
    town.audit()


def test_a13_a_retired_battery_trades_no_more(town: Town) -> None:
    town.run(3)
    town.do("olga", "battery.retire", battery="cellar-1")
    town.run(3)
    visited = [[row.battery for row in result.batteries] for result in town.book.drain().intervals]
    assert visited == [["cellar-1", "cellar-2"]] * 3 + [["cellar-2"]] * 3
    town.audit()


def test_a_battery_follows_its_timetable(town: Town) -> None:
    town.do(
        "olga",
        "battery.set",
        battery="cellar-1",
        strategy="timetable",
        charge=["00:00-02:00"],
        discharge=["20:00-22:00"],
        buy_limit="3999.00",
        sell_limit="-499.00",
    )
    town.run(24)
    rows = [result.batteries[0] for result in town.book.drain().intervals]
    assert [n for n, row in enumerate(rows) if row.charge_wh] == [0, 1]
    assert {n for n, row in enumerate(rows) if row.discharge_wh} <= {20, 21}
    town.audit()


def test_an_outage_stops_a_battery(town: Town) -> None:
    begin, end = utc_text(town.book.now_utc + 3600), utc_text(town.book.now_utc + 7200)
    town.do("olga", "battery.set", battery="cellar-2", outages=[{"begin": begin, "end": end}])
    town.run(3)
    reasons = [result.batteries[1].reason for result in town.book.drain().intervals]
    assert reasons[1] == "outage"
    assert "outage" not in (reasons[0], reasons[2])


# Settings -------------------------------------------------------------------------------------------------------------
def test_homes_are_changed_by_their_owner(town: Town) -> None:
    refused(town, "DENIED", "coop", "home.set", home="roof-1", appliances_percent="0")
    refused(town, "DENIED", "coop", "home.set", home="roof-1", owner="coop")
    refused(town, "NOT_FOUND", "olga", "home.set", home="roof-9", owner="coop")
    refused(town, "NOT_FOUND", "olga", "home.set", home="roof-1", owner="eve")
    refused(town, "BAD_VALUE", "olga", "home.set", home="flat-1", flexible=True)
    refused(town, "BAD_VALUE", "olga", "home.set", home="flat-1")
    town.do("olga", "home.set", home="roof-1", owner="coop")
    town.do("coop", "home.set", home="roof-1", appliances_percent="0", offered_percent="0", flexible=False)
    refused(town, "DENIED", "coop", "home.set", home="roof-2", appliances_percent="0")
    town.run(24)
    assert town.held("ext:home:roof-1", "WH") == 0
    assert town.held("ext:home:roof-2", "WH") != 0
    trades = [trade for result in town.book.drain().intervals for trade in result.trades]
    assert not [trade for trade in trades if trade.actor == "coop" and trade.market != "imbalance"]


def test_a_home_keeps_part_of_its_surplus(town: Town) -> None:
    other = Town()
    town.do("olga", "home.set", home="roof-1", offered_percent="40")
    for each in (town, other):
        each.run(24)
    sold = [
        -sum(t.energy_wh for r in each.book.drain().intervals for t in r.trades
             if t.participant == "home:roof-1" and t.energy_wh < 0 and t.market != "imbalance")
        for each in (town, other)
    ]  # fmt: skip
    assert 0 < sold[0] < sold[1]


def test_plants_are_changed_by_their_owner(plain: Town) -> None:
    town = plain
    assert town.run()["price"] == "90.00"
    town.do("olga", "plant.set", plant="gas", owner="coop")
    town.do("coop", "plant.set", plant="gas", marginal_cost="123.45")
    assert town.run()["price"] == "123.45"
    begin, end = utc_text(town.book.now_utc), utc_text(town.book.now_utc + 3600)
    town.do("coop", "plant.set", plant="gas", outages=[{"begin": begin, "end": end, "available_kw": "0"}])
    assert town.run()["price"] == "250.00"
    assert town.run()["price"] == "123.45"
    town.do("coop", "plant.set", plant="gas", capacity_kw="0", outages=[])
    assert town.run()["price"] == "250.00"
    assert "must be at most what was built, 5" in str(
        refused(town, "BAD_VALUE", "coop", "plant.set", plant="gas", capacity_kw="6")
    )
    refused(town, "DENIED", "coop", "plant.set", plant="oil", capacity_kw="6")


def test_rules_change_while_running(town: Town) -> None:
    town.run(12)
    town.do("olga", "market.set", community_rule="none", margin="7.00", cap="200.00", pricing="pay-as-bid")
    town.book.drain()
    town.run(2)
    results = town.book.drain().intervals
    assert all(result.figures["community_wh"] == 0 for result in results)
    assert all(result.figures["price_tick"] <= 20_000 for result in results)
    assert {-t.fees_e8 // t.energy_wh for r in results for t in r.trades if t.participant.startswith("battery")
            and t.energy_wh > 0} <= {700}  # fmt: skip
    assert "must be below the cap, 200.00" in str(refused(town, "BAD_VALUE", "olga", "market.set", floor="200.00"))
    refused(town, "BAD_VALUE", "olga", "market.set", band_low="2.00", band_high="1.00")
    refused(town, "BAD_VALUE", "olga", "market.set")
    refused(town, "BAD_VALUE", "olga", "market.set", pricing="dutch")


def test_a_price_outside_the_band_halts(plain: Town) -> None:
    town = plain
    town.do("olga", "market.set", band_high="89.99")
    assert town.run()["halted"] == "price 90.00 above the band, 89.99"
    refused(town, "HALTED", "olga", "market.advance", interval=utc_text(town.book.now_utc))
    town.do("olga", "market.resume")
    town.do("olga", "market.set", band_high="90.00")
    assert town.run()["halted"] == ""
    town.do("olga", "market.set", band_low="90.01", band_high="4000.00")
    assert town.run()["halted"] == "price 90.00 below the band, 90.01"


FED = TOWN + '\n[upstream]\nlimit_kw = 5\nprices = { file = "prices.csv", column = "price" }\n'


def prices(hours: int) -> bytes:
    rows = [f"2026-06-{19 + (22 + n) // 24:02d}T{(22 + n) % 24:02d}:00:00Z,{60 + n}.00" for n in range(hours)]
    return "\n".join(["time,price", *rows, ""]).encode()


def test_a_feed_that_ends_halts() -> None:
    town = Town(FED, prices_csv=prices(24))
    town.run(24)
    told = town.run()
    assert told["halted"].startswith("stale feed: upstream.prices")
    assert town.book.now_utc == town.book.market.start_utc + 24 * 3600
    refused(town, "HALTED", "olga", "market.advance", interval=utc_text(town.book.now_utc))
    more = Town(FED, prices_csv=prices(48))
    more.run(30)
    assert not more.book.halted


def test_a_source_holds_what_its_scenario_names(tmp_path: Path) -> None:
    (tmp_path / "town.toml").write_text(FED)
    with pytest.raises(ValueError, match=r"town\.toml: file = prices\.csv: must be a file"):
        Source.gather(tmp_path / "town.toml")
    (tmp_path / "prices.csv").write_bytes(prices(24))
    source = Source.gather(tmp_path / "town.toml")
    assert source.files == {"prices.csv": prices(24)}


# Any history ----------------------------------------------------------------------------------------------------------
STEPS = st.lists(
    st.one_of(
        st.just(("olga", "run", {})),
        st.builds(
            lambda side, kwh, price: ("coop", "order.place", {"side": side, "quantity_kwh": kwh, "price": price}),
            st.sampled_from(["buy", "sell"]),
            st.sampled_from(["0.001", "1", "7.5", "100"]),
            st.sampled_from(["-400.00", "-1.00", "0.00", "50.00", "90.00", "300.00"]),
        ),
        st.builds(lambda n: ("coop", "order.cancel", {"order": f"o-{n}"}), st.integers(1, 9)),
        st.builds(lambda a: ("coop", "fund.redeem", {"shares": a}), st.sampled_from(["1", "100", "999"])),
        st.builds(lambda c: ("olga", "market.set", {"cap": c}), st.sampled_from(["80.00", "240.00", "4000.00"])),
        st.builds(lambda m: ("olga", "market.set", {"margin": m}), st.sampled_from(["0.00", "3.33"])),
        st.builds(lambda p: ("olga", "market.set", {"pricing": p}), st.sampled_from(["pay-as-bid", "vertical-demand"])),
        st.builds(lambda b: ("olga", "battery.retire", {"battery": b}), st.sampled_from(["cellar-1", "cellar-2"])),
        st.builds(lambda p: ("olga", "plant.set", {"plant": p, "capacity_kw": "0"}), st.sampled_from(["gas", "oil"])),
        st.just(("olga", "home.set", {"home": "roof-2", "appliances_percent": "50"})),
    ),
    max_size=25,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_any_history_keeps_the_books_and_goes_on_from_its_state(steps: list[tuple[str, str, dict[str, str]]]) -> None:
    town = Town()
    for n, (actor, kind, body) in enumerate(steps):
        if n == len(steps) // 2:  # forget everything but the state
            town.book = Book.from_state(json.loads(json.dumps(town.book.state())), town.source)
        try:
            if kind == "run":
                town.run()
            else:
                town.do(actor, kind, **body)
        except Refusal:
            pass
        town.audit()
        assert not town.held("ext:market")
    again = Town()
    for actor, kind, body in steps:
        try:
            if kind == "run":
                again.run()
            else:
                again.do(actor, kind, **body)
        except Refusal:
            pass
    assert plainly(again) == plainly(town)
