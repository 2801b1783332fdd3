"""Strategies in a market as it runs: what they learn, that nothing is used before it is out, and what they reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltadesk.engine.storage import path_and_worth, terms
from voltadesk.engine.tables import BATTERY, NO_PRICE_TICK, Table
from voltadesk.errors import BadInput
from voltadesk.scenario.model import Scenario, Strategy
from voltadesk.scenario.read import find_scenario, parse_scenario, read_scenario
from voltadesk.scenario.replay import replay
from voltadesk.scenario.world import World
from voltadesk.strategy.course import Course
from voltadesk.strategy.limits import shown, worth_tick
from voltadesk.strategy.rolling import Moment, Outlook, Rolling, limits_of, place_limits, published_ahead
from voltadesk.units import PRICE_LIMIT_TICK

STEP_S = 3600
MOMENT = Moment(0, 0, STEP_S, 100)


def fleet(count: int, **fields: int) -> Table:
    rows = np.zeros(count, BATTERY)
    given = {"charge_power_w": 1000, "discharge_power_w": 1000, "maximum_fill_wh": 2000, "fill_wh": 1000,
             "charge_efficiency_ppm": 900_000, "discharge_efficiency_ppm": 900_000} | fields  # fmt: skip
    for name, value in given.items():
        rows[name] = value
    return rows


# What is learnt -------------------------------------------------------------------------------------------------------
def test_the_usual_day_is_what_prices_come_to() -> None:
    course = Course(STEP_S)
    for day in range(60):
        assert course.is_known == (day > 0)
        for hour in range(24):
            course.learn(hour * STEP_S, 5000 + 100 * hour)
    assert course.day_tick(22 * STEP_S).tolist() == [7300, *range(5000, 7300, 100)]
    assert course.spread_tick == 2300


def test_a_new_level_is_learnt_a_tenth_a_day() -> None:
    course = Course(STEP_S)
    for hour in range(24):
        course.learn(hour * STEP_S, 5000)
    course.learn(0, 5900)
    assert course.day_tick(23 * STEP_S)[0] == 5090


def test_scarcity_counts_with_care() -> None:
    course, calm = Course(STEP_S), Course(STEP_S)
    for hour in range(24):
        course.learn(hour * STEP_S, 5000 + 100 * (hour % 2))
        calm.learn(hour * STEP_S, 5000 + 100 * (hour % 2))
    course.learn(0, 400_000)
    calm.learn(0, 6000)
    assert calm.day_tick(23 * STEP_S)[0] < course.day_tick(23 * STEP_S)[0] < 5200


def test_no_price_tells_nothing() -> None:
    course = Course(STEP_S)
    course.learn(0, NO_PRICE_TICK)
    assert course.state() == []


@given(st.lists(st.tuples(st.integers(0, 23), st.integers(-50_000, 400_000)), min_size=1, max_size=200))
def test_the_usual_lies_among_what_was_seen(prices: list[tuple[int, int]]) -> None:
    course = Course(STEP_S)
    for hour, tick in prices:
        course.learn(hour * STEP_S, tick)
    seen = [tick for _, tick in prices]
    usual = [mtick for _, mtick in course.state()]
    assert min(seen) * 1000 - 1 <= min(usual)
    assert max(usual) <= max(seen) * 1000
    assert Course(STEP_S, course.state()).state() == course.state()


def test_what_is_expected_by_name() -> None:
    outlook, out = Outlook(STEP_S), np.arange(24) * 100
    assert outlook.expected_tick("rolling", 0) is None
    assert outlook.expected_tick("day-ahead", 0, out) is out
    assert outlook.expected_tick("day-ahead", 0) is None
    for hour in range(24):
        outlook.learn(hour * STEP_S, 7000, 5000)
    assert set(outlook.expected_tick("rolling", 0).tolist()) == {7000}  # type: ignore[union-attr]
    assert outlook.expected_tick("dual", 0, out).tolist() == (out + 2000).tolist()  # type: ignore[union-attr]
    again = Outlook(STEP_S, outlook.state())
    assert again.state() == outlook.state()


# What is out ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("hour", "until"), [(0, 24), (11, 24), (12, 48), (23, 48)])
def test_nothing_is_used_before_it_is_out(hour: int, until: int) -> None:
    prices = np.arange(72, dtype=np.int64)
    seen = published_ahead(prices, hour, hour * STEP_S, STEP_S)
    assert seen.max() < until, "prices of a day are out at noon of the one before"
    later = prices.copy()
    later[until:] = 9999
    assert np.array_equal(published_ahead(later, hour, hour * STEP_S, STEP_S), seen)
    told = np.arange(hour + 1, hour + 25)
    assert seen.tolist() == np.where(told < until, told, told - 24).tolist()


# Limits ---------------------------------------------------------------------------------------------------------------
def test_limits_are_those_of_the_value_of_stored_energy() -> None:
    expected = np.array([2000, 9000, 3000, 8000] * 6)
    one = fleet(1)
    (buy,), (sell,) = limits_of(one, expected, MOMENT)
    middle = np.sort(expected)[12]
    for tick, change in ((buy, 1), (buy + 1, 0), (sell, -1), (sell - 1, 0)):
        # Expected prices carry the margin for buyers; the interval's own limit is what is paid in all.
        offered = terms(np.append(tick, expected + 100), np.append(tick, expected), end=float(middle) * 0.9)
        path, _ = path_and_worth(one, offered, 0, STEP_S)
        assert np.sign(np.round(path[0] - 1000)) == change


def test_each_battery_asks_a_little_more_than_the_one_before() -> None:
    buy, sell = limits_of(fleet(5), np.array([2000, 9000] * 12), MOMENT)
    assert np.all(np.diff(buy) == -140)
    assert np.all(np.diff(sell) == 140)
    assert buy[0] < sell[0]


def test_full_empty_and_given_limits() -> None:
    outlook, rows = Outlook(STEP_S), fleet(4)
    rows["fill_wh"] = [0, 2000, 1000, 1000]
    strategies = [Rolling(), Rolling(), Rolling("rolling", 10, 20_000), object()]
    limit_tick = np.full((2, 4), 7, np.int64)
    place_limits(outlook, MOMENT, None, strategies, rows, limit_tick)
    assert limit_tick.T.tolist() == [[NO_PRICE_TICK] * 2] * 3 + [[7, 7]], "nothing is known yet"
    for hour in range(24):
        outlook.learn(hour * STEP_S, 3000 + 500 * (hour % 12))
    place_limits(outlook, MOMENT, None, strategies, rows, limit_tick)
    (buys, full, limited, none), (empty, sells, dear, other) = limit_tick.tolist()
    assert (full, empty) == (NO_PRICE_TICK, NO_PRICE_TICK)
    assert buys < sells + 6000
    assert (limited, dear) == (10, 20_000)
    assert (none, other) == (7, 7)


def test_what_limits_say_energy_is_worth() -> None:
    assert worth_tick(4500, 10_000, 900_000, 900_000, 1000) == (5000, 8100)
    assert worth_tick(None, None, 900_000, 900_000, 1000) == (None, None)
    assert [shown(tick) for tick in (5, NO_PRICE_TICK, PRICE_LIMIT_TICK, -PRICE_LIMIT_TICK)] == [5, None, None, None]


# In a market ----------------------------------------------------------------------------------------------------------
def earned_e8(scenario: Scenario, name: str, strategy: str = "") -> int:
    """What a shipped scenario's fleet earns, by its own strategies or all by one; less wear."""
    if strategy:
        fleet = [group.model_copy(update={"strategy": Strategy(name=strategy)}) for group in scenario.fleet]
        scenario = scenario.model_copy(update={"fleet": fleet})
    rows = replay(World(scenario, find_scenario(name).parent)).batteries
    return int((rows["sold_e8"] + rows["bought_e8"] + rows["fees_e8"] - rows["wear_e8"]).sum())


def over(name: str, days: int) -> Scenario:
    scenario = read_scenario(find_scenario(name))
    return scenario.model_copy(update={"time": scenario.time.model_copy(update={"days": days})})


def test_what_is_learnt_earns_more_than_limits_set_by_hand() -> None:
    """Where the fleet moves prices, a day lost to learning included; and where it takes them."""
    town = over("quickstart", 14)
    assert earned_e8(town, "quickstart", "rolling") > earned_e8(town, "quickstart") > 0
    outside = over("upstream", 60)
    by_hand, rolling, day_ahead = (earned_e8(outside, "upstream", name) for name in ("", "rolling", "day-ahead"))
    assert day_ahead > 2 * by_hand > 0
    assert day_ahead > 2 * rolling > 0


def test_published_prices_need_an_upstream() -> None:
    text = find_scenario("upstream").read_text("utf-8").replace('name = "threshold", ', 'name = "dual", ')
    assert parse_scenario(text, "dual.toml").fleet[0].strategy.name == "dual"
    begin, end = text.index("[upstream]"), text.index("[[fleet]]")
    with pytest.raises(BadInput, match=r"fleet\[0\].strategy.name = dual: needs the prices of an upstream"):
        parse_scenario(text[:begin] + text[end:], "dual.toml")
