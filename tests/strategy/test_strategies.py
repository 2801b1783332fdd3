"""Strategies: nothing is used before it is known, energy is kept to the last Wh, and foresight earns the most."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltadesk.clock import IntervalGrid
from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.errors import BadInput
from voltadesk.report.backtest import backtest, battery, within
from voltadesk.strategy.cycles import Cycles
from voltadesk.strategy.forecast import Ahead, Own, UsualDay, fan
from voltadesk.strategy.strategies import AT_ONCE, STRATEGIES, Perfect, Rolling, Threshold, Timetable
from voltadesk.strategy.trader import Prices, Published, Strategy, Trades

BERLIN = ZoneInfo("Europe/Berlin")
START_UTC = 1_711_494_000  # 2024-03-27T00:00 in Berlin: the clock goes forward on the 31st
HOUR_S, DAYS = 3600, 5
COUNT = 24 * DAYS
OWN = Rolling("own", Own(lambda past, horizon: np.resize(np.nan_to_num(past[-24:]), horizon)))
ALL: tuple[Strategy, ...] = (*STRATEGIES.values(), OWN)
HONEST = [each for each in ALL if not isinstance(each, Perfect)]
NAMES = [each.name for each in HONEST]


def series(seed: int, count: int = COUNT, spread: int = 0, gaps: float = 0.0) -> Prices:
    """Prices with a daily course, noise, spikes and gaps; day-ahead prices known at noon, forecasts every six hours."""
    draw = np.random.default_rng(seed)
    hour = np.arange(count) % 24
    usual = 6000 + 3000 * np.sin((hour - 10) / 24 * 2 * np.pi)
    price = np.rint(usual + draw.normal(0, 1500, count) + 40_000 * (draw.random(count) < 0.02)).astype(np.int64)
    gap = draw.random(count) < gaps
    buy, sell = np.where(gap, NO_PRICE_TICK, price + spread), np.where(gap, NO_PRICE_TICK, price - spread)
    at = np.arange(count)
    told = np.rint(usual + draw.normal(0, 800, count)).astype(np.int64)
    noon = START_UTC + ((at // 24) * 24 - 12) * HOUR_S
    order = np.argsort(noon, kind="stable")
    ahead = Published("day-ahead", noon[order], at[order], told[order])
    runs = [(START_UTC + run * HOUR_S, target, int(usual[target] + draw.normal(0, 300)))
            for run in range(0, count, 6) for target in range(run, min(run + 30, count))]  # fmt: skip
    known, target, value = (np.array(column, np.int64) for column in zip(*runs, strict=True))
    forecast = Published("forecast", known, target, value)
    return Prices(IntervalGrid(START_UTC, HOUR_S, count, BERLIN), buy, sell, (ahead, forecast))


def row(hours: float = 2.0, **changes: int) -> Table:
    unit = battery(1_000_000, round(hours * 1_000_000), 860_000).battery.copy()
    for name, value in changes.items():
        unit[name] = value
    return unit


def without_future(prices: Prices, t: int, seed: int) -> Prices:
    """The same up to interval t; other prices after it, and other publications after its start."""
    draw = np.random.default_rng(seed)
    buy, sell = prices.buy_tick.copy(), prices.sell_tick.copy()
    buy[t + 1 :] = sell[t + 1 :] = draw.integers(-50_000, 300_000, len(buy) - t - 1)
    now_utc = prices.grid.start_utc + t * prices.grid.step_s
    changed = []
    for each in prices.published:
        value = each.value_tick.copy()
        later = each.known_utc > now_utc
        value[later] = draw.integers(-50_000, 300_000, int(later.sum()))
        changed.append(Published(each.name, each.known_utc, each.interval, value))
    return Prices(prices.grid, buy, sell, tuple(changed))


def same(one: Trades, other: Trades, count: int) -> bool:
    return all(
        np.array_equal(getattr(one, name)[..., :count], getattr(other, name)[..., :count], equal_nan=True)
        for name in ("bought_wh", "sold_wh", "fill_wh", "limit_tick", "worth_tick")
    )


@pytest.mark.parametrize("strategy", HONEST, ids=NAMES)
@settings(max_examples=6)
@given(data=st.data())
def test_nothing_is_used_before_it_is_known(strategy: Strategy, data: st.DataObject) -> None:
    prices = series(data.draw(st.integers(0, 99)), gaps=data.draw(st.sampled_from([0.0, 0.1])))
    begin = data.draw(st.sampled_from([0, 30, 72]))
    t = data.draw(st.integers(begin, COUNT - 2))
    known = strategy.trade(prices, row(), begin)
    other = strategy.trade(without_future(prices, t, data.draw(st.integers(0, 99))), row(), begin)
    assert same(known, other, t - begin + 1)


@pytest.mark.parametrize("strategy", ALL, ids=[each.name for each in ALL])
@settings(max_examples=6)
@given(data=st.data())
def test_what_is_traded_can_be(strategy: Strategy, data: st.DataObject) -> None:
    """The backtest checks every interval: powers, window, prices, energy and totals; nobody beats foresight."""
    prices = series(data.draw(st.integers(0, 999)), spread=data.draw(st.sampled_from([0, 250])),
                    gaps=data.draw(st.sampled_from([0.0, 0.2, 1.0])))  # fmt: skip
    unit = battery(1_000_000, data.draw(st.sampled_from([500_000, 2_000_000, 4_000_000])), 860_000, 500)
    unit.battery["standing_loss_ppm_per_hour"] = data.draw(st.sampled_from([0, 100]))
    begin = data.draw(st.sampled_from([0, 24, 100]))
    result = backtest(prices, [unit], [strategy], begin)
    net = [int(run.earned_e8.sum() - run.wear_e8.sum()) for run in (*result.runs, result.perfect)]
    bought_unit = 2_000 * 10**6  # buying back what stands lost, rounding to the Wh
    assert net[0] <= net[1] + bought_unit


BUDGETS = (Cycles(500_000, "day"), Cycles(1_250_000, "day"), Cycles(60_000_000, "year"), Cycles(0, "day"))


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=list(STRATEGIES))
@settings(max_examples=6)
@given(data=st.data())
def test_a_budget_of_cycles_is_kept(strategy: Strategy, data: st.DataObject) -> None:
    """The backtest checks each period; wear counts what was sold, not what the budget made it cost."""
    prices = series(data.draw(st.integers(0, 999)), gaps=data.draw(st.sampled_from([0.0, 0.2])))
    begin, cycles = data.draw(st.sampled_from([0, 30])), data.draw(st.sampled_from(BUDGETS))
    unit = battery(1_000_000, 2_000_000, 860_000, 500)
    result = backtest(prices, [unit], [strategy], begin, cycles=cycles)
    run = result.runs[0]
    assert run.only is not None
    assert int(run.only.battery["wear_e8"][0]) == 500 * int(run.sold_wh.sum()) == int(run.wear_e8.sum())
    assert int(run.only.battery["wear_cost_tick"][0]) == 500
    if cycles.ppm == 0:
        assert run.sold_wh.sum() == 0
    used_up = np.flatnonzero(np.cumsum(run.sold_wh) == run.sold_wh.sum())
    if (
        cycles.per == "year"
        and strategy.name != "perfect"
        and run.sold_wh.sum() == int(cycles.most_wh(prices.grid, begin, unit.battery).sum())
    ):
        later = used_up[0] + 1
        assert not run.bought_wh[later:][prices.buy_tick[begin:][later:] > 0].any(), "what can't be sold is not bought"
    if strategy.name != "perfect":
        t = data.draw(st.integers(begin, COUNT - 2))
        kept = within(strategy, cycles)
        later = kept.trade(without_future(prices, t, 1), unit.battery, begin)
        assert same(run.only, later, t - begin + 1), "nothing is used before it is known"


def test_parts_of_a_year_count_as_much_as_they_are() -> None:
    prices = series(1)  # 5 days in March, one of them of 23 hours
    wh = Cycles(365_000_000, "year").most_wh(prices.grid, 0, row())
    assert wh.tolist() == [5 * int(row()["maximum_fill_wh"][0] - row()["minimum_fill_wh"][0])]
    assert len(Cycles(10**6, "day").most_wh(prices.grid, 0, row())) == len(
        set(Cycles(1, "day").periods(prices.grid, 0))
    )


def test_a_strategy_without_a_budget_is_refused() -> None:
    class Own:
        name = "own"

        def trade(self, prices: Prices, battery: Table, begin: int) -> Trades:
            raise AssertionError

    with pytest.raises(BadInput, match="strategy = own: can't keep to a budget of cycles"):
        backtest(series(1), [battery(1, 1)], [Own()], cycles=Cycles(1, "day"))


def test_the_same_again() -> None:
    prices = series(5)
    for strategy in ALL:
        assert same(strategy.trade(prices, row(), 24), strategy.trade(prices, row(), 24), COUNT)


def test_published_prices_that_are_the_prices_reach_nearly_all() -> None:
    prices = series(7, 24 * 40)
    ahead = Published("day-ahead", prices.published[0].known_utc, prices.published[0].interval, prices.buy_tick)
    known = Prices(prices.grid, prices.buy_tick, prices.sell_tick, (ahead,))
    result = backtest(known, [battery(1_000_000, 2_000_000, 860_000)], [STRATEGIES["day-ahead"]], 24)
    earned = int(result.runs[0].earned_e8.sum()) / int(result.perfect.earned_e8.sum())
    assert earned > 0.995


def test_learning_earns_where_what_is_told_is_wrong_by_the_hour() -> None:
    """Told prices that are the other way round by night: only who learns makes money of them."""
    count = 24 * 60
    hour = np.arange(count) % 24
    price = (6000 + 3000 * np.sin(hour / 24 * 2 * np.pi)).astype(np.int64)
    told = (6000 - 3000 * np.sin(hour / 24 * 2 * np.pi)).astype(np.int64)
    at = np.arange(count)
    ahead = Published("day-ahead", START_UTC + ((at // 24) * 24 - 12) * HOUR_S, at, told)
    prices = Prices(IntervalGrid(START_UTC, HOUR_S, count, ZoneInfo("UTC")), price, price, (ahead,))
    unit = battery(1_000_000, 2_000_000, 860_000)
    plain, learned = (
        Rolling("plain", Ahead("day-ahead"), (AT_ONCE,)),
        Rolling("learned", Ahead("day-ahead", learns=True), (AT_ONCE,)),
    )
    result = backtest(prices, [unit], [plain, learned], 24 * 30)
    earned = [int(run.earned_e8.sum()) for run in result.runs]
    assert earned[1] > 0.95 * int(result.perfect.earned_e8.sum())
    assert earned[0] < 0.5 * earned[1]


def test_a_series_that_is_missing_is_asked_for() -> None:
    prices = series(1)
    bare = Prices(prices.grid, prices.buy_tick, prices.sell_tick)
    for name in ("day-ahead", "dual", "dual-forecast"):
        with pytest.raises(BadInput, match="needs a series published ahead: --"):
            STRATEGIES[name].trade(bare, row(), 0)


def test_own_forecasts_are_checked() -> None:
    for wrong in (np.zeros(3), np.full(24, np.nan)):
        with pytest.raises(BadInput, match="must be 24 finite prices"):
            Rolling("own", Own(lambda past, horizon, wrong=wrong: wrong)).trade(series(1), row(), 30)


def test_thresholds_and_hours() -> None:
    prices = series(3)
    done = Threshold(buy_limit_tick=4000, sell_limit_tick=9000).trade(prices, row(), 0)
    assert np.all(prices.buy_tick[done.bought_wh > 0] <= 4000)
    assert np.all(prices.sell_tick[done.sold_wh > 0] >= 9000)
    hours = Timetable().trade(prices, row(), 48)
    bids = (hours.limit_tick[0] != NO_PRICE_TICK)[:24]
    assert bids.sum() == 3, "two hours of energy take three to fill, with what is lost"
    assert not np.any(bids & (hours.limit_tick[1] != NO_PRICE_TICK)[:24])


def test_a_fan_holds_what_comes_about_as_often_as_it_says() -> None:
    prices = series(11, 24 * 120)
    inside = []
    for at in range(24 * 70, 24 * 110, 37):
        low, middle, high = fan(prices, UsualDay(), at, 24)
        assert np.all(low <= middle)
        assert np.all(middle <= high)
        came = prices.buy_tick[at + 1 : at + 25]
        inside.append(np.mean((low <= came) & (came <= high)))
    assert 0.7 < np.mean(inside) < 0.9


def test_quarter_hours_and_clock_changes() -> None:
    """Days of 23 and 25 hours have the same usual course."""
    for start_utc in (START_UTC, 1_729_720_800):  # spring and autumn of 2024
        count = 96 * 7
        grid = IntervalGrid(start_utc, 900, count, BERLIN)
        _, _, second = grid.local_fields()
        price = (6000 + 3000 * np.sin(second / 86_400 * 2 * np.pi)).astype(np.int64)
        stretches = list(UsualDay().stretches(Prices(grid, price, price), 96 * 2, 96))
        assert sum(stretch.end - stretch.begin for stretch in stretches) == count - 96 * 2
        for stretch in stretches:
            assert np.allclose(stretch.expected_tick[: stretch.end - stretch.begin], price[stretch.begin : stretch.end])
