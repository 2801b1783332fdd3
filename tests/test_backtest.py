"""Backtests: every figure against a slow second reckoning, one whole golden, and what strategies are caught at."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import floor
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltadesk.clock import IntervalGrid
from voltadesk.engine.storage import schedule, terms
from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.errors import BadInput, CheckFailed
from voltadesk.feeds.prices.layout import Layout
from voltadesk.report.backtest import Backtest, Unit, backtest, battery
from voltadesk.report.backtest_document import sections
from voltadesk.report.backtest_figures import Span, figures, top_bottom_e8, worst_drawdown_e8
from voltadesk.report.backtest_files import write_backtest
from voltadesk.report.backtest_fleet import read_fleet
from voltadesk.report.backtest_investment import Investment, annuity, internal_rate, investment_figures
from voltadesk.report.backtest_prices import prices_of_files
from voltadesk.report.document import markdown
from voltadesk.report.exact_json import json_text
from voltadesk.report.folder import OutFolder
from voltadesk.scenario.profiles import data_folder
from voltadesk.strategy.strategies import Perfect, Rolling, Threshold, Timetable
from voltadesk.strategy.trader import Prices, Strategy, Trades

BERLIN = ZoneInfo("Europe/Berlin")
START = int(datetime(2025, 3, 28, tzinfo=BERLIN).timestamp())  # two days before the clock changes


class Yesterday:
    """Trades as would have been best a day before: honest, and mostly wrong."""

    name = "yesterday"

    def trade(self, prices: Prices, battery: Table, begin: int) -> Trades:
        day = 86_400 // prices.grid.step_s
        seen = np.roll(prices.buy_tick, day)
        seen[:day] = NO_PRICE_TICK
        seen = np.where(prices.buy_tick == NO_PRICE_TICK, NO_PRICE_TICK, seen)
        done = schedule(battery, terms(seen[begin:]), prices.grid.start_utc + begin * prices.grid.step_s,
                        prices.grid.step_s)  # fmt: skip
        limit = np.full((2, len(done.fill_wh)), NO_PRICE_TICK)
        worth = np.zeros((2, len(done.fill_wh)))
        return Trades(begin, done.bought_wh, done.sold_wh, done.fill_wh, limit, worth, done.battery)


def prices_of(ticks: list[int], step_s: int = 3600) -> Prices:
    tick = np.array(ticks, np.int64)
    return Prices(IntervalGrid(START, step_s, len(ticks), BERLIN), tick, tick)


def seeded(count: int, seed: int = 1) -> Prices:
    draw = np.random.default_rng(seed)
    ticks = draw.integers(-3000, 15_000, count)
    ticks[draw.random(count) < 0.02] = NO_PRICE_TICK
    return prices_of(ticks.tolist())


def tree_of(result: Backtest) -> dict[str, object]:
    (line,) = figures(result)["strategies"]
    return dict(line)


ONE_MW = battery(10**6, 2 * 10**6, 860_000, 300)
PRICES = seeded(24 * 80)


@cache
def result() -> Backtest:
    """Of a megawatt that goes by yesterday's prices, from the third day on."""
    return backtest(PRICES, [ONE_MW], [Yesterday()], begin=48)


# Money and energy -----------------------------------------------------------------------------------------------------
def test_money_is_what_was_bought_and_sold() -> None:
    (run,) = result().runs
    trades = Yesterday().trade(PRICES, ONE_MW.battery, 48)
    money = wear = 0
    for t, (bought, sold) in enumerate(zip(trades.bought_wh.tolist(), trades.sold_wh.tolist(), strict=True)):
        tick = int(PRICES.buy_tick[48 + t])
        if bought or sold:
            assert tick != NO_PRICE_TICK
            money += (sold - bought) * tick
            wear += sold * 300
        assert (run.earned_e8[t], run.wear_e8[t]) == ((sold - bought) * tick if bought or sold else 0, sold * 300)
    line = tree_of(result())
    assert line["gross"] == Decimal(money) / 10**8
    assert line["wear"] == Decimal(wear) / 10**8
    assert line["revenue"] == Decimal(money - wear) / 10**8
    row = trades.battery[0]
    assert wear == row["wear_e8"]
    assert line["mode_changes"] == row["mode_changes"]
    assert line["charged_mwh"] == Decimal(int(row["charged_wh"])) / 10**6
    assert line["discharged_mwh"] == Decimal(int(row["discharged_wh"])) / 10**6


def test_ratios() -> None:
    line, count = tree_of(result()), PRICES.grid.count - 48
    priced = int((PRICES.buy_tick[48:] != NO_PRICE_TICK).sum())
    net, hours = line["revenue"], Decimal(priced)
    assert isinstance(net, Decimal)
    assert line["revenue_per_mw_year"] == (net * 8760 / hours).quantize(Decimal("0.01"))
    assert line["capture_ratio"] == (net / Decimal(str(line["perfect"]))).quantize(Decimal("0.000001"))
    cycles = Decimal(str(line["discharged_mwh"])) / 2
    assert line["cycles_per_day"] == (cycles / hours * 24).quantize(Decimal("0.0001"))
    assert line["availability"] == (hours / count).quantize(Decimal("0.0001"))
    paid = Decimal(str(line["charged_average_per_mwh"])) * Decimal(str(line["charged_mwh"]))
    received = Decimal(str(line["discharged_average_per_mwh"])) * Decimal(str(line["discharged_mwh"]))
    assert received - paid == pytest.approx(Decimal(str(line["gross"])), rel=Decimal("0.001"))


def test_months_sum_to_the_whole() -> None:
    line = tree_of(result())
    months = line["months"]
    assert isinstance(months, list)
    assert [month["month"] for month in months] == ["2025-03", "2025-04", "2025-05", "2025-06"]
    for key, whole in (("revenue", "revenue"), ("perfect", "perfect"), ("charged_mwh", "charged_mwh")):
        assert sum(month[key] for month in months) == line[whole]


def test_perfect_is_the_most() -> None:
    row = Perfect().trade(PRICES, ONE_MW.battery, 0).battery[0]
    assert backtest(PRICES, [ONE_MW], []).perfect.earned_e8.sum() == row["bought_e8"] + row["sold_e8"]
    line = tree_of(backtest(PRICES, [ONE_MW], [Perfect()]))
    assert line["capture_ratio"] == 1
    assert line["revenue"] == line["perfect"]
    assert Decimal(str(tree_of(result())["capture_ratio"])) < 1


def test_what_comes_out_is_the_same_every_time() -> None:
    again = backtest(PRICES, [ONE_MW], [Yesterday()], begin=48)
    assert json_text(figures(again)) == json_text(figures(result()))


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=60))
def test_worst_drawdown_is_that_of_any_two_evenings(days: list[int]) -> None:
    earned = [sum(days[:n]) for n in range(len(days) + 1)]
    brute = max(earned[i] - earned[j] for i in range(len(earned)) for j in range(i, len(earned)))
    assert worst_drawdown_e8(np.array(days, np.int64)) == brute


def test_best_ten_days() -> None:
    (run,) = result().runs
    starts = PRICES.grid.starts_utc[48:]
    by_day: dict[str, int] = {}
    for second, net in zip(starts.tolist(), (run.earned_e8 - run.wear_e8).tolist(), strict=True):
        day = datetime.fromtimestamp(second, BERLIN).date().isoformat()
        by_day[day] = by_day.get(day, 0) + net
    best = sum(sorted(by_day.values())[-10:])
    share = tree_of(result())["best_ten_days_share"]
    total = sum(by_day.values())
    assert share == (None if total <= 0 else (Decimal(best) / Decimal(total)).quantize(Decimal("0.0001")))


@pytest.mark.parametrize("step_s", [300, 900, 3600])
def test_top_and_bottom_hours(step_s: int) -> None:
    per_hour = 3600 // step_s
    prices = prices_of(np.random.default_rng(3).integers(-9000, 9000, 24 * 4 * per_hour).tolist(), step_s)
    span = Span(backtest(prices, [ONE_MW], []))
    days: dict[str, list[int]] = {}
    for second, tick in zip(prices.grid.starts_utc.tolist(), prices.buy_tick.tolist(), strict=True):
        days.setdefault(datetime.fromtimestamp(second, BERLIN).date().isoformat(), []).append(tick)
    for hours in (2, 4):
        total = Fraction(0)
        for ticks in days.values():
            ordered, most = sorted(ticks), min(hours * per_hour, len(ticks) // 2)
            total += Fraction(sum(ordered[-most:]) - sum(ordered[:most])) * 10**6 * step_s / 3600 if most else 0
        assert top_bottom_e8(span, hours) == floor(total)


def test_the_bootstrap_surrounds_the_mean_and_narrows() -> None:
    widths = []
    for count in (24 * 20, 24 * 400):
        line = tree_of(backtest(prices_of(np.random.default_rng(5).integers(0, 9000, count).tolist()), [ONE_MW],
                                [Perfect()]))  # fmt: skip
        low, mean, high = (Decimal(str(line[f"revenue_per_mw_year{end}"])) for end in ("_low", "", "_high"))
        assert low < mean < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 3
    short = tree_of(backtest(prices_of([100, 200] * 100), [ONE_MW], [Perfect()]))
    assert short["revenue_per_mw_year_low"] is None


def test_no_price_at_all() -> None:
    line = tree_of(backtest(prices_of([NO_PRICE_TICK] * 48), [ONE_MW], [Perfect()]))
    assert line["revenue"] == 0
    assert line["capture_ratio"] is None
    assert line["revenue_per_mw_year"] is None


# Fleets ---------------------------------------------------------------------------------------------------------------
def test_a_fleet_is_the_sum_of_its_batteries(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text(
        """
[[fleet]]
name = "big"
capacity_kwh = 2000
charge_kw = 1000
discharge_kw = 1000
charge_efficiency = 0.93
discharge_efficiency = 0.93
count = 3
[[fleet]]
name = "leaky"
capacity_kwh = 500
charge_kw = 125
discharge_kw = 250
minimum_fill_percent = 10
initial_fill_kwh = 100
standing_loss_percent_per_hour = 0.1
wear_cost = 4.00
[[fleet.outages]]
begin = 2025-03-30T00:00:00
end = 2025-03-31T00:00:00
"""
    )
    units = read_fleet(path, PRICES.grid)
    assert [unit.count for unit in units] == [3, 1]
    assert [int(unit.battery["fill_wh"][0]) for unit in units] == [0, 100_000]
    leaky = units[1]
    assert leaky.available_ppm is not None
    out = leaky.available_ppm == 0
    assert int(out.sum()) == 23  # the clock was put forward that night
    whole = backtest(PRICES, units, [Yesterday()]).runs[0]
    one, other = (backtest(PRICES, [replace(unit, count=1)], [Yesterday()]).runs[0] for unit in units)
    for field in ("bought_wh", "sold_wh", "fill_wh", "earned_e8", "wear_e8", "mode_changes"):
        assert np.array_equal(getattr(whole, field), 3 * getattr(one, field) + getattr(other, field))
    assert not other.bought_wh[out].any()
    assert not other.sold_wh[out].any()
    assert whole.by_unit_e8 == (3 * one.by_unit_e8[0], other.by_unit_e8[0])
    tree = figures(backtest(PRICES, units, [Yesterday()]))
    batteries = tree["strategies"][0]["batteries"]
    assert [line["name"] for line in batteries] == ["big", "leaky"]
    for key in ("revenue", "perfect"):
        assert sum(line[key] for line in batteries) == tree["strategies"][0][key]
    usable, all_ = Fraction(0), Fraction(0)
    known = PRICES.buy_tick != NO_PRICE_TICK
    for unit, power in zip(units, (3000, 250), strict=True):
        up = known if unit.available_ppm is None else known & ~out
        usable, all_ = usable + power * int(up.sum()), all_ + power * len(known)
    assert tree["strategies"][0]["availability"] == (Decimal(usable.numerator) / usable.denominator
                                                     / Decimal(int(all_))).quantize(Decimal("0.0001"))  # fmt: skip


def test_half_a_battery_is_half_a_battery(tmp_path: Path) -> None:
    """An outage of a part of the power, all the time: as much as a battery with that power."""
    path = tmp_path / "fleet.toml"
    group = "[[fleet]]\nname = 'one'\ncapacity_kwh = 2000\ncharge_kw = {0}\ndischarge_kw = {0}\n"
    path.write_text(
        group.format(1000)
        + "[[fleet.outages]]\nbegin = 2025-01-01T00:00:00\nend = 2026-01-01T00:00:00\navailable_percent = 50\n"
    )
    (half,) = read_fleet(path, PRICES.grid)
    path.write_text(group.format(500))
    (small,) = read_fleet(path, PRICES.grid)
    for strategy in (Perfect(), Threshold()):
        given, same = (backtest(PRICES, [unit], [strategy]).runs[0] for unit in (half, small))
        assert given.sold_wh.sum() > 0
        assert np.array_equal(given.fill_wh, same.fill_wh)
    tree = figures(backtest(PRICES, [half], [Perfect()]))
    known = int((PRICES.buy_tick != NO_PRICE_TICK).sum())
    assert tree["strategies"][0]["availability"] == (Decimal(known) / (2 * PRICES.grid.count)).quantize(
        Decimal("0.0001")
    )


@pytest.mark.parametrize("strategy", [Perfect(), Threshold(), Timetable(), Rolling()], ids=lambda each: each.name)
def test_batteries_share_a_connection(strategy: Strategy) -> None:
    units = [battery(1_000_000, 2_000_000, 860_000), replace(battery(400_000, 800_000, 900_000), count=2)]
    free = backtest(PRICES, units, [strategy]).runs[0]
    tight = backtest(PRICES, units, [strategy], connection_w=1_200_000).runs[0]
    most_wh = 1_200_000 * PRICES.grid.step_s // 3600
    assert max(int(free.bought_wh.max()), int(free.sold_wh.max())) > most_wh
    assert max(int(tight.bought_wh.max()), int(tight.sold_wh.max())) <= most_wh
    assert tight.by_unit_e8[0] == free.by_unit_e8[0], "the first takes what it wants"
    wide = backtest(PRICES, units, [strategy], connection_w=1_800_000).runs[0]
    assert np.array_equal(wide.fill_wh, free.fill_wh)
    if strategy.name == "perfect":
        assert 0 < tight.by_unit_e8[1] < free.by_unit_e8[1]


def test_a_scenario_lends_its_fleet() -> None:
    units = read_fleet(data_folder() / "scenarios" / "quickstart.toml", PRICES.grid)
    assert units
    assert backtest(PRICES, units, [Perfect()]).runs[0].earned_e8.sum() > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "fleet.toml: fleet: must hold at least 1 battery"),
        ("fleet = 3", "fleet.toml: fleet = 3: must be a list"),
        ("[[flet]]\nname = 'a'", "flet = [{name = a}]: is not a key of a fleet"),
        ("[[fleet]]\nname = 'a'", "fleet[0].capacity_kwh: must be given"),
        ("[[fleet]]\nname = 'a'\ncharge_kw = -1", "fleet[0].charge_kw = -1: must lie between"),
        ("[[fleet", "TOML = "),
    ],
)
def test_a_fleet_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "fleet.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_fleet(path, PRICES.grid)
    assert said in str(caught.value)


def test_more_than_can_be_counted_is_refused() -> None:
    with pytest.raises(BadInput, match="turnover"):
        backtest(prices_of([0, 3_000_000] * 500), [replace(battery(10**11, 10**11), count=1000)], [])


# What strategies are caught at ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"sold_wh": 10**6}, "at once|more than its power|lost or found"),
        ({"bought_wh": -1}, "less than nothing"),
        ({"fill_wh": 5 * 10**6}, "outside its window"),
        ({"fill_wh": 1000}, "lost or found energy"),
    ],
)
def test_a_strategy_that_breaks_physics_is_told(change: dict[str, int], fault: str) -> None:
    class Cheat(Yesterday):
        def trade(self, prices: Prices, battery: Table, begin: int) -> Trades:
            trades = super().trade(prices, battery, begin)
            changed = {name: np.array(getattr(trades, name)) for name in change}
            for name, value in change.items():
                changed[name][100:103] = value
            return replace(trades, **changed)  # type: ignore[arg-type]

    with pytest.raises(CheckFailed, match=f"strategy yesterday: .*({fault})"):
        backtest(PRICES, [ONE_MW], [Cheat()])


def test_arguments_out_of_range() -> None:
    with pytest.raises(BadInput, match="begin"):
        backtest(PRICES, [ONE_MW], [], begin=PRICES.grid.count)
    with pytest.raises(BadInput, match="fleet"):
        backtest(PRICES, [], [])


# Investment -----------------------------------------------------------------------------------------------------------
@given(
    st.integers(1, 10**9).map(Decimal), st.integers(1, 10**9).map(Decimal), st.integers(1, 60),
)  # fmt: skip
@settings(max_examples=60)
def test_the_internal_rate_makes_the_present_value_nothing(cost: Decimal, income: Decimal, years: int) -> None:
    rate = internal_rate(cost, income, years)
    if rate is None:
        assert not annuity(Decimal(100), years) * income < cost < annuity(Decimal("-0.99"), years) * income
    else:
        assert abs(income * annuity(rate, years) / cost - 1) < Decimal("1e-12")


@given(st.decimals("0", "0.5", places=4), st.integers(1, 40))
def test_an_annuity_is_the_sum_of_its_payments(rate: Decimal, years: int) -> None:
    payments = sum((1 / (1 + Fraction(rate)) ** year for year in range(1, years + 1)), Fraction(0))
    assert abs(Fraction(annuity(rate, years)) - payments) < Fraction(1, 10**20)


def test_an_investment_by_hand() -> None:
    year_s = 8760 * 3600
    given = Investment(cost_e8=100_000 * 10**8, years=10, discount_rate=Decimal(0))
    tree = investment_figures(given, 20_000 * 10**8, 5_000 * 10**8, 500 * 10**6, year_s)
    assert tree == {"npv": 100_000, "irr": Decimal("0.150984"), "payback_years": 5, "lcos_per_mwh": 30}
    half = investment_figures(given, 10_000 * 10**8, 2_500 * 10**8, 250 * 10**6, year_s // 2)
    assert half == tree
    nothing = investment_figures(given, 0, 0, 0, year_s)
    assert nothing == {"npv": -100_000, "irr": None, "payback_years": None, "lcos_per_mwh": None}


# The shipped sample ---------------------------------------------------------------------------------------------------
def sample() -> tuple[Prices, tuple[str, ...]]:
    folder = data_folder() / "prices"
    ahead = {"day-ahead": (folder / "upstream_sample.csv", Layout(timezone="Europe/Berlin"))}
    return prices_of_files(folder / "real_time_sample.csv", Layout(timezone="Europe/Berlin"), ahead)


def test_files_hold_what_the_report_says(tmp_path: Path) -> None:
    prices, notes = sample()
    result = backtest(prices, [ONE_MW], [Perfect(), Yesterday()], begin=96)
    tree = figures(result, notes=notes)
    files = OutFolder(tmp_path / "deep" / "out")
    files.begin()
    write_backtest(files, result, {"report.json": json_text(tree), "report.md": markdown(sections(tree))})
    files.close()
    folder = tmp_path / "deep" / "out"
    assert sorted(path.name for path in folder.iterdir()) == ["intervals.parquet", "report.json", "report.md"]
    assert json.loads((folder / "report.json").read_text())["schema"] == 1
    rows = duckdb.sql(
        f"SELECT strategy, count(*), sum(sold_wh * sell_price_tick - bought_wh * buy_price_tick), sum(earned_e8), "  # noqa: S608
        f"count(worth_more_tick), count(buy_limit_tick), min(start_utc_s) FROM '{folder / 'intervals.parquet'}' "
        "GROUP BY strategy ORDER BY strategy"
    ).fetchall()
    count, first = prices.grid.count - 96, prices.grid.start_utc + 86_400
    for (name, rows_, money, earned, worths, limits, start), line in zip(rows, tree["strategies"], strict=True):
        assert (name, rows_, start, limits) == (line["name"], count, first, 0)
        assert Decimal(int(money)) / 10**8 == Decimal(int(earned)) / 10**8 == line["gross"]
        assert worths == (0 if name == "perfect" else count)


def test_nothing_is_left_of_files_that_were_not_finished(tmp_path: Path) -> None:
    files = OutFolder(tmp_path / "a" / "b")
    files.begin()
    files.close()
    assert list(tmp_path.iterdir()) == []


GOLDEN = Path(__file__).with_name("golden") / "backtest.json"


def test_golden() -> None:
    prices, notes = sample()
    result = backtest(prices, [ONE_MW], [Perfect(), Yesterday()], begin=7 * 96)
    tree = figures(result, Investment(250_000 * 10**8), notes)
    del tree["voltadesk"]
    assert json_text(tree, indent=1) + "\n" == GOLDEN.read_text("utf-8")


def test_the_sample_is_what_its_script_makes() -> None:
    names: dict[str, object] = {"__name__": "make_prices", "__file__": str(data_folder() / "make_prices.py")}
    exec((data_folder() / "make_prices.py").read_text("utf-8"), names)  # noqa: S102
    assert SimpleNamespace(**names).main(["--check"]) == 0


def test_a_unit_of_many_keeps_no_interval_of_one() -> None:
    many = backtest(PRICES, [Unit("many", ONE_MW.battery, 2)], [Yesterday()])
    assert many.runs[0].only is None
    assert result().runs[0].only is not None
