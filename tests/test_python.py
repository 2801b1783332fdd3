"""`import voltadesk`: the functions say what the commands say, and refuse in the same words."""

from __future__ import annotations

import ast
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import voltadesk
from tests.commands import call
from tests.reference.auction import clear as clear_slowly
from tests.replays import LIVELY, exact
from voltadesk.report.exact_json import json_text
from voltadesk.units import money_decimal, mwh_decimal, price_decimal


def told(*arguments: str | Path) -> dict[str, Any]:
    done = call(*arguments, "--json")
    assert done.code == 0, done
    return exact(done.out)


# The same as the commands -----------------------------------------------------------------------------------------
ORDERS = [(None, 80_000_000), (9_000, 40_000_000), (7_000, -100_000_000), (-50_00, -1), (8_999, 7)]


@pytest.mark.parametrize("pricing", ["uniform", "vertical-demand", "pay-as-bid"])
def test_clear(pricing: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    lines = ["id,side,price,quantity"]
    for n, (tick, wh) in enumerate(ORDERS):
        side, price = "buy" if wh > 0 else "sell", "" if tick is None else price_decimal(tick)
        lines.append(f"{n},{side},{price},{mwh_decimal(abs(wh))}")
    path.write_text("\n".join(lines) + "\n")
    tree = told("headless", "clear", path, "--pricing", pricing, "--price-rule", "lowest", "--margin", "1.50")
    ticks = [voltadesk.NO_PRICE_TICK if tick is None else tick for tick, _ in ORDERS]
    result = voltadesk.clear(ticks, [wh for _, wh in ORDERS], pricing=pricing, price_rule="lowest", margin_tick=150)
    assert result.price_tick is not None
    assert price_decimal(result.price_tick) == tree["price"]
    assert mwh_decimal(result.volume_wh) == tree["volume_mwh"]
    assert money_decimal(result.welfare_e8) == tree["welfare"]
    assert money_decimal(result.operator_e8) == tree["operator"]
    assert [mwh_decimal(wh) for wh in result.fill_wh] == [line["filled_mwh"] for line in tree["orders"]]
    assert [money_decimal(e8) for e8 in result.amount_e8] == [line["amount"] for line in tree["orders"]]


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(-20, 20)), max_size=12),
    st.sampled_from(["lowest", "midpoint"]),
)
def test_clear_agrees_with_the_slow_twin(orders: list[tuple[int, int]], rule: str) -> None:
    slow = clear_slowly(orders, -50, 50, rule)
    result = voltadesk.clear(
        [tick for tick, _ in orders], [wh for _, wh in orders], price_rule=rule, floor_tick=-50, cap_tick=50
    )
    assert result.fill_wh.tolist() == slow.fills
    assert (result.volume_wh, result.price_tick or 0, result.welfare_e8) == (slow.volume, slow.price, slow.welfare)


def test_no_trade_has_no_price() -> None:
    result = voltadesk.clear([], [])
    assert (result.price_tick, result.price_low_tick, result.volume_wh, len(result.fill_wh)) == (None, None, 0, 0)
    assert voltadesk.clear([5], [5]).price_tick is None


def test_replay_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "town.toml").write_text(LIVELY, encoding="utf-8")
    tree = told("headless", "replay", tmp_path / "town.toml", "-q", "--seed", "7")
    run = voltadesk.replay(tmp_path / "town.toml", seed=7, trades=True)
    assert exact(json_text(run.figures)) == tree
    assert run.digest == tree["digest"]
    assert len(run.start_utc) == len(run.intervals) == len(run.battery_rows) == tree["scenario"]["intervals"]
    assert len(run.home_names) == len(run.homes)
    assert len(run.plant_names) == len(run.plants)
    assert len(run.battery_names) == len(run.batteries)
    bought = run.trades["energy_wh"][(run.trades["energy_wh"] > 0) & (run.trades["kind"] == 0)].sum()
    paid = run.homes[["community_bought_wh", "auction_bought_wh", "imbalance_short_wh"]].tolist()
    assert bought == sum(map(sum, paid))


def street(**other: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "name": "street",
        "time": {"start": date(2026, 6, 1), "days": 1, "timezone": "Europe/Berlin"},
        "upstream": {"limit_kw": 50, "price": 90.10, "fee": np.float64(15.25)},
        "homes": [{"name": "roofs", "count": 4, "annual_kwh": (3000, 5000), "solar": {"peak_kw": [4, 8]}}],
    } | other


def test_a_tree_is_a_scenario_as_its_file_is(tmp_path: Path) -> None:
    """Floats are taken for what is written, as in a file."""
    (tmp_path / "street.toml").write_text(
        'version = 1\nname = "street"\n'
        'time = { start = 2026-06-01, days = 1, timezone = "Europe/Berlin" }\n'
        "upstream = { limit_kw = 50, price = 90.10, fee = 15.25 }\n"
        '[[homes]]\nname = "roofs"\ncount = 4\nannual_kwh = [3000, 5000]\nsolar = { peak_kw = [4, 8] }\n'
    )
    assert voltadesk.replay(street()).digest == voltadesk.replay(tmp_path / "street.toml", threads=2).digest
    half = voltadesk.replay(street(), until="2026-06-01T12:00", without="solar")
    assert len(half.intervals) == 48
    assert half.intervals["solar_wh"].sum() == 0


def test_backtest(tmp_path: Path) -> None:
    options = ("--timezone", "Europe/Berlin", "--train-until", "2025-04-25", "--wear", "5")
    names = ("--strategy", "threshold,day-ahead", "--day-ahead", "sample", "--cycles", "1/day", "-q")
    tree = told("headless", "backtest", "sample", *options, *names)
    sample = voltadesk.prices("sample", timezone="Europe/Berlin")
    result = voltadesk.backtest(
        sample,
        voltadesk.battery(wear_tick=500),
        ["threshold", "day-ahead"],
        day_ahead="sample",
        train_until="2025-04-25",
        cycles="1/day",
    )
    assert exact(json_text(result.figures)) == tree
    for line in tree["strategies"]:
        run = result.runs[line["name"]]
        assert money_decimal(int(run.earned_e8.sum() - run.wear_e8.sum())) == line["revenue"]
        assert len(run.sold_wh) == len(result.start_utc) == len(result.price_tick)


def test_prices_of_arrays_are_backtested_as_those_of_a_file(tmp_path: Path) -> None:
    tick = [(n * 37 % 24) * 500 for n in range(24 * 20)]
    path = tmp_path / "prices.csv"
    rows = [f"{1_735_689_600 + 3600 * n},{price_decimal(price)}" for n, price in enumerate(tick)]
    path.write_text("\n".join(["time,price", *rows]) + "\n")
    read, mine = voltadesk.prices(path), voltadesk.series(tick, 1_735_689_600, 3600)
    assert read.grid == mine.grid
    assert read.price_tick.tolist() == tick
    pair = [voltadesk.battery(power_w=500_000), voltadesk.battery(energy_wh=4_000_000)]
    by_file, by_array = (
        voltadesk.backtest(prices, pair, ["rolling"], day_ahead=prices, connection_w=600_000) for prices in (read, mine)
    )
    assert by_file.runs["rolling"].earned_e8.tolist() == by_array.runs["rolling"].earned_e8.tolist()
    assert (by_array.perfect.bought_wh <= 600_000).all()
    assert [unit["name"] for unit in by_array.figures["fleet"]] == ["battery-1", "battery-2"]


def test_a_schedule_earns_what_perfect_foresight_does() -> None:
    sample = voltadesk.prices("sample")
    unit = voltadesk.battery(wear_tick=300)
    plan = voltadesk.schedule(sample.price_tick, unit, sample.grid.step_s, start_utc=sample.grid.start_utc)
    perfect = voltadesk.backtest(sample, unit, ["perfect"]).perfect
    assert plan.bought_wh.tolist() == perfect.bought_wh.tolist()
    assert plan.earned_e8.tolist() == perfect.earned_e8.tolist()
    assert plan.revenue_e8 == int(perfect.earned_e8.sum() - perfect.wear_e8.sum())
    held = voltadesk.schedule([5_000], voltadesk.battery(fill_wh=2_000_000), end_tick=9_000)
    assert held.fill_wh.tolist() == [2_000_000]
    gap = voltadesk.schedule([1_000, voltadesk.NO_PRICE_TICK, 9_000], unit, sell_tick=[900, 900, 9_000])
    assert (gap.bought_wh[1], gap.sold_wh[1], gap.earned_e8[1]) == (0, 0, 0)


def test_settle() -> None:
    tree = told("community", "settle", "flats", "--rules", "flats", "--from", "2026-05-30", "--to", "2026-06-02")
    done = voltadesk.settle("flats", "flats", "2026-05-30", "2026-06-02")
    assert exact(json_text(done.figures)) == tree
    assert done.taken_wh.shape == (4 * 96, len(done.members))
    assert done.taken_wh.sum(axis=1).tolist() == done.given_wh.sum(axis=1).tolist()
    assert (done.taken_wh <= done.import_wh).all()
    assert (np.diff(done.start_utc) == 900).all()


# Refusals -------------------------------------------------------------------------------------------------------------
WRONG: list[tuple[Callable[[], object], str]] = [
    (lambda: voltadesk.clear([1.5], [1]), "price_tick = float64: must be whole numbers"),
    (lambda: voltadesk.clear([1], [True]), "quantity_wh = bool: must be whole numbers"),
    (lambda: voltadesk.clear(["a"], [1]), "price_tick = <U1: must be whole numbers"),
    (lambda: voltadesk.clear(np.ma.masked_array([1], True), [1]), "must have a value in every entry"),
    (lambda: voltadesk.clear([1], [1, 2]), "price_tick = (1,): must have 2 entries"),
    (lambda: voltadesk.clear([[1]], [[1]]), "quantity_wh = (1, 1): must have one dimension"),
    (lambda: voltadesk.clear([[1], [2, 3]], [1]), "price_tick = rows of different lengths: must be one array"),
    (lambda: voltadesk.clear([1, 900_000], [1, 1]), "price_tick[1] = 900000: must lie between -50000 and 400000"),
    (lambda: voltadesk.clear([2**63], [1]), "price_tick = 9223372036854775808: must lie between 0 and"),
    (lambda: voltadesk.clear([1] * 4000, [10**13] * 4000), "must be below 36028797018963968 in all"),
    (lambda: voltadesk.clear([1], [1], floor_tick=9, cap_tick=9), "floor_tick = 9: must be below the cap (9)"),
    (lambda: voltadesk.clear([1], [1], pricing="fair"), "pricing = fair: must be one of uniform, vertical-demand"),
    (lambda: voltadesk.clear([1], [1], margin_tick=0.5), "margin_tick = 0.5: must be a whole number"),  # type: ignore[arg-type]
    (lambda: voltadesk.Book(5, 5), "price band = 5 to 5: must rise within"),
    (lambda: voltadesk.Book().execute(np.zeros(3)), "messages = (3,) of f: must be rows of book_events.MESSAGE"),
    (lambda: voltadesk.Book().send(0, 1.5), "must be whole numbers of 64 bits"),  # type: ignore[arg-type]
    (lambda: voltadesk.battery(power_w=0), "power_w = 0: must lie between 1 and"),
    (lambda: voltadesk.battery(efficiency_ppm=0.86), "efficiency_ppm = 0.86: must be a whole number"),  # type: ignore[arg-type]
    (lambda: voltadesk.battery(fill_wh=3_000_000), "fill_wh = 3000000: must lie between 0 and 2000000"),
    (lambda: voltadesk.schedule([1], "1MW"), "battery = str: must be a battery"),  # type: ignore[arg-type]
    (lambda: voltadesk.schedule([1], voltadesk.battery(), 7200), "step_s = 7200: must lie between 1 and 3600"),
    (lambda: voltadesk.prices("none.csv"), "prices = none.csv: no such file"),
    (lambda: voltadesk.prices("sample", gaps="fill"), "gaps = fill: must be one of refuse, skip"),  # type: ignore[arg-type]
    (lambda: voltadesk.prices("sample", timezone="Mars"), "timezone = Mars: must be an IANA time zone"),
    (lambda: voltadesk.series([], 0, 900), "price_tick = (0,): must have 1 to"),
    (lambda: voltadesk.prices("sample", where="a"), "where = a: must be a mapping of columns to texts"),  # type: ignore[arg-type]
    (lambda: voltadesk.prices("sample", where={"a": 5}), "where['a'] = 5: must be text"),  # type: ignore[dict-item]
    (lambda: voltadesk.prices("sample", where={"a": "b"}), "where = a=b: must name a column of a file"),
    (lambda: voltadesk.prices("sample", column=5), "column = 5: must be text"),  # type: ignore[arg-type]
    (lambda: voltadesk.prices("sample", unit=5), "unit = 5: must be text"),  # type: ignore[arg-type]
    (lambda: voltadesk.series([1], 1, 900), "start_utc = 1: must be a multiple of step_s, 900"),
    (lambda: voltadesk.series([1], 0, 61), "step_s = 61: must be one of 300, 600, 900, 1800, 3600"),
    (lambda: voltadesk.series([1], 0, 900, 5), "timezone = 5: must be text"),  # type: ignore[arg-type]
    (lambda: voltadesk.backtest("sample", 5), "batteries = int: must be batteries"),  # type: ignore[arg-type]
    (lambda: voltadesk.backtest("sample", strategies=5), "strategies = 5: must be a list of names"),  # type: ignore[arg-type]
    (lambda: voltadesk.backtest("sample", train_until=5), "train_until = 5: must be text"),  # type: ignore[arg-type]
    (lambda: voltadesk.backtest("sample", cycles=5), "cycles = 5: must be text"),  # type: ignore[arg-type]
    (lambda: voltadesk.replay(street(), until=5), "until = 5: must be text"),  # type: ignore[arg-type]
    (lambda: voltadesk.settle("flats", "flats", 5), "begin = 5: must be text"),  # type: ignore[arg-type]
    (lambda: voltadesk.Book(1.5), "floor_tick = 1.5: must be a whole number"),  # type: ignore[arg-type]
    (lambda: voltadesk.Book(gate_closure_utc=2**64), "gate_closure_utc = 18446744073709551616: must lie between"),
    (lambda: voltadesk.Book().execute([1]), "messages = list: must be rows of book_events.MESSAGE"),  # type: ignore[arg-type]
    (lambda: voltadesk.backtest("sample", strategies="rolling"), "strategies = rolling: must be a list of names"),
    (lambda: voltadesk.backtest("sample", strategies=["roll"]), "strategy = roll: must be one of"),
    (lambda: voltadesk.backtest("sample", [3]), "batteries = int: must be batteries"),  # type: ignore[list-item]
    (lambda: voltadesk.backtest("sample", []), "fleet = 0: must hold at least 1 battery"),
    (lambda: voltadesk.backtest("sample", train_until="soon"), "train_until = soon: must be a time"),
    (lambda: voltadesk.backtest("sample", cycles="often"), "cycles = often: must be a number a day or a year"),
    (lambda: voltadesk.replay("none"), "scenario = none: must be a TOML file or one of"),
    (lambda: voltadesk.replay(street(days=1)), "scenario: days = 1: is not a key of a scenario"),
    (lambda: voltadesk.replay(street(), seed=-1), "seed = -1: must lie between 0 and"),
    (lambda: voltadesk.replay(street(), without="fleet"), "the scenario street has none"),
    (lambda: voltadesk.replay(street(), without="homes"), "without = homes: must be one of fleet"),  # type: ignore[arg-type]
    (lambda: voltadesk.settle("flats", "flats", "2026-13"), "from = 2026-13: must be a month"),
    (lambda: voltadesk.settle(3, "flats", "2026-01"), "must be"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("wrong", "words"), WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_what_does_not_fit_is_refused_in_one_line(wrong: Callable[[], object], words: str) -> None:
    with pytest.raises(voltadesk.BadInput, match=r"\A[^\n]+\Z") as refused:
        wrong()
    assert words in str(refused.value)
    assert isinstance(refused.value, ValueError)
    assert refused.value.exit_code == 3


# The package ----------------------------------------------------------------------------------------------------------
def test_names_are_the_same_for_programs_and_for_type_checkers() -> None:
    text = Path(voltadesk.__file__).read_text("utf-8")
    typed = {
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("voltadesk.")
        for alias in node.names
    }
    assert sorted(typed) == sorted(voltadesk.__all__) == sorted(voltadesk._FROM)
    assert set(voltadesk.__all__) <= set(dir(voltadesk))
    for name in voltadesk.__all__:
        assert getattr(voltadesk, name) is not None
    assert (Path(voltadesk.__file__).parent / "py.typed").exists()


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'voltadesk' has no attribute 'clearing'"):
        voltadesk.clearing  # type: ignore[attr-defined]  # noqa: B018


def test_every_name_is_documented() -> None:
    page = (Path(__file__).parents[1] / "docs" / "python.md").read_text("utf-8")
    functions = [name for name in voltadesk.__all__ if name.islower()]
    assert [name for name in functions if name not in page] == []
