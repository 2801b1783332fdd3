"""What a scenario brings to the market: the same draws in any order, and those of the slow twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import homes as twin
from tests.scenario import TOWN, changed, world_of
from voltadesk.engine.homes import HOME_MODEL, draw_homes
from voltadesk.engine.tables import NO_PRICE_TICK, Conditions
from voltadesk.engine.weather import draw_weather
from voltadesk.errors import BadInput
from voltadesk.scenario.model import Scenario
from voltadesk.scenario.read import parse_scenario
from voltadesk.scenario.replay import WITHOUT, Without, without
from voltadesk.scenario.world import World

SEEDS = st.integers(0, 2**63 - 1)


# Draws ----------------------------------------------------------------------------------------------------------------
def model_rows() -> st.SearchStrategy[dict[str, int]]:
    """A home of any size, up to a country behind one meter; `load_profile` is row 0 or 1, `meter` -1 or row 0."""
    shares = st.integers(0, 10_000)
    return st.fixed_dictionaries(
        {
            "load_profile": st.integers(0, 1),
            "annual_wh": st.integers(0, 10**9),
            "shift": st.integers(-2, 2),
            "variation_bp": shares,
            "forecast_error_bp": shares,
            "flexible_share_bp": shares,
            "solar_profile": st.integers(0, 1),
            "solar_peak_w": st.sampled_from([0, 1, 4_321, 10**6]),
            "solar_error_bp": shares,
            "meter": st.integers(-1, 0),
        }
    )


@given(SEEDS, st.lists(model_rows(), min_size=1, max_size=3), st.integers(0, 4), st.data())
def test_draws_are_those_of_the_twin(seed: int, rows: list[dict[str, int]], first: int, data: st.DataObject) -> None:
    intervals, pad, count = 6, 2, 6 - first
    numbers = data.draw(st.randoms(use_true_random=False))

    def series(rows: int, length: int, top: int) -> np.ndarray:
        return np.array([[numbers.randint(0, top) for _ in range(length)] for _ in range(rows)], np.int64)

    load, solar = series(2, intervals + 2 * pad, 10**6), series(2, intervals, 10**6)
    sky = series(2, intervals, 1_000_000)
    meter_load, meter_solar = (series(1, intervals, 10**13) for _ in range(2))
    model = np.zeros(len(rows), HOME_MODEL)
    for home, row in zip(model, rows, strict=True):
        for name, value in row.items():
            home[name] = value
    drawn = [np.empty((count, len(rows)), np.int64) for _ in range(5)]
    solar_, clear, metered, *meters = (each[..., first:].copy() for each in (solar, *sky, meter_load, meter_solar))
    draw_homes(seed, first, model, load[:, first:].copy(), pad, solar_, clear, metered, *meters, *drawn)

    for k in range(count):
        t = first + k
        for h, row in enumerate(rows):
            meter = None if row["meter"] < 0 else (int(meter_load[0, t]), int(meter_solar[0, t]))
            profiles = load[row["load_profile"]].tolist(), solar[row["solar_profile"]].tolist()
            clear = int(sky[0, t]), int(sky[1, t])
            expected = twin.draw_home(seed, h, t, row, profiles[0], pad, profiles[1], *clear, meter)
            assert tuple(int(array[k, h]) for array in drawn) == expected


@settings(max_examples=30)
@given(SEEDS, st.integers(0, 10**7), st.sampled_from([300, 900, 3600]), st.integers(0, 6_000), st.integers(0, 10_000))
def test_weather_is_that_of_the_twin(seed: int, hour: int, step_s: int, cloudiness_bp: int, error_bp: int) -> None:
    count = 30
    sky = [np.empty(count, np.int64) for _ in range(3)]
    draw_weather(seed, hour * 3600, step_s, cloudiness_bp, error_bp, *sky)
    expected = twin.clouds(seed, hour * 3600, step_s, count, cloudiness_bp, error_bp)
    assert list(zip(*(array.tolist() for array in sky), strict=True)) == expected


def test_draws_keep_the_mean_of_the_profile() -> None:
    text = changed(("count = 3", "count = 400"), ("flexible = { share_percent = 20, price_limit = 70.00 }\n", ""))
    conditions = world_of(text).conditions(0, 96)
    metered, forecast = (
        int(array[:, :400].sum()) for array in (conditions.load_metered_wh, conditions.load_forecast_wh)
    )
    # A household of the profile, 2,500 kWh a year on average, uses close to 1/365 of it on a day in March.
    assert 0.85 < forecast / (400 * 2_500_000 / 365) < 1.25
    assert 0.99 < metered / forecast < 1.01


# Chunks ---------------------------------------------------------------------------------------------------------------
def town_with_everything(folder: Path) -> World:
    """The town with a meter, prices and outages from files."""
    stamps = [f"2026-03-{day}T{hour:02d}:00Z" for day in range(27, 31) for hour in range(24)]
    rows = [f"{stamp},{40 + n}.50,0.{n:03d}" for n, stamp in enumerate(stamps)]
    (folder / "series.csv").write_text("time,price,load\n" + "\n".join(rows), encoding="utf-8")
    outage = "outages = [{ begin = 2026-03-28T10:00:00, end = 2026-03-28T10:20:00 }]"
    text = changed(
        ("annual_kwh = [2000, 3000]", 'meter = { file = "series.csv", load = "load" }'),
        ("price = 80.00", 'prices = { file = "series.csv", column = "price" }\nfee = 2.00'),
        ("marginal_cost = 60.00", f"marginal_cost = 60.00\n{outage}"),
        ("charge_efficiency = 0.95", f"charge_efficiency = 0.95\n{outage}"),
    )
    return world_of(text, folder)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> World:
    return town_with_everything(tmp_path_factory.mktemp("town"))


@settings(max_examples=40)
@given(st.data())
def test_conditions_are_the_same_in_any_pieces(town: World, data: st.DataObject) -> None:
    whole = town.conditions(0, town.grid.count)
    first = data.draw(st.integers(0, town.grid.count - 1))
    count = data.draw(st.integers(1, town.grid.count - first))
    piece = town.conditions(first, count)
    for name, array, part in zip(Conditions._fields, whole, piece, strict=True):
        assert np.array_equal(array[first : first + count], part), name


@settings(max_examples=40)
@given(st.data())
def test_conditions_are_the_same_whatever_is_held(town: World, data: st.DataObject) -> None:
    whole = town.conditions(0, town.grid.count)
    begin = data.draw(st.integers(0, town.grid.count - 1))
    window = World(town.scenario, town.folder, begin, 40)
    for _ in range(2):
        assert window.held == range(begin, min(begin + 40, town.grid.count))
        assert len(window.plant_metered_wh) == len(window.sky.clear_metered) == len(window.held)
        first = data.draw(st.integers(begin, window.held.stop - 1))
        count = data.draw(st.integers(1, window.held.stop - first))
        for name, array, part in zip(Conditions._fields, whole, window.conditions(first, count), strict=True):
            assert np.array_equal(array[first : first + count], part), name
        begin = data.draw(st.integers(0, town.grid.count - 1))
        window.hold(begin, 40)


def test_a_day_with_23_hours_has_92_quarters(town: World) -> None:
    assert town.grid.count == 96 + 92
    assert len(town.conditions(0, town.grid.count).upstream_sell_tick) == 188


def test_upstream_sells_above_and_buys_below_its_price(town: World) -> None:
    conditions = town.conditions(0, 5)
    assert conditions.upstream_sell_tick.tolist() == [65_50] * 4 + [66_50]  # hour 23 in UTC: 63.50, then 64.50
    assert conditions.upstream_buy_tick.tolist() == [61_50] * 4 + [62_50]


def test_an_outage_takes_the_intervals_it_touches(town: World) -> None:
    conditions, quarter = town.conditions(0, 96), 40
    mill = conditions.plant_forecast_wh[:, 0]
    assert [n for n in range(96) if mill[n] == 0] == [quarter, quarter + 1]
    assert np.array_equal(conditions.plant_metered_wh[:, 0], mill)
    assert [n for n in range(96) if conditions.battery_available_ppm[n, 0] == 0] == [quarter, quarter + 1]


def test_limits_are_spread_over_the_group(town: World) -> None:
    conditions = town.conditions(0, 1)
    assert conditions.battery_buy_limit_tick.tolist() == [[5000, 5000]]
    assert conditions.battery_sell_limit_tick.tolist() == [[7500, 9000]]


def test_a_timetable_runs_on_the_local_clock() -> None:
    strategy = '{ name = "timetable", charge = ["22:00-02:00"], discharge = ["07:00-08:00"], sell_limit = 10.00 }'
    old = '{ name = "threshold", buy_limit = 50, sell_limit = [75, 90] }'
    world = world_of(changed((old, strategy), ("start = 2026-03-28", "start = 2026-03-29"), ("days = 2", "days = 1")))
    conditions = world.conditions(0, 92)
    local = [world.interval_text(n)[11:16] for n in range(92)]
    buys = conditions.battery_buy_limit_tick[:, 0] != NO_PRICE_TICK
    sells = conditions.battery_sell_limit_tick[:, 0] != NO_PRICE_TICK
    assert [local[n] for n in range(92) if buys[n]][::4] == ["00:00", "01:00", "22:00", "23:00"]
    assert [local[n] for n in range(92) if sells[n]] == ["07:00", "07:15", "07:30", "07:45"]
    assert set(conditions.battery_sell_limit_tick[sells, 0].tolist()) == {1000}
    assert set(conditions.battery_buy_limit_tick[buys, 0].tolist()) == {world.scenario.market.cap - 1}


def test_homes_are_drawn_within_their_spans() -> None:
    model = world_of(changed(("count = 3", "count = 200"))).home_model
    flats = model[:200]
    assert 2_000_000 <= flats["annual_wh"].min() < flats["annual_wh"].max() <= 3_000_000
    assert -4 <= flats["shift"].min() < flats["shift"].max() <= 4
    assert model["annual_wh"][200:].tolist() == [4_000_000] * 2
    assert model["solar_profile"][200:].tolist() == [0, 1]  # the orientations in turn


def test_homes_of_a_group_do_not_depend_on_other_groups() -> None:
    alone = world_of(changed((TOWN[TOWN.index('[[homes]]\nname = "houses"') : TOWN.index("[[plants]]")], "")))
    assert np.array_equal(alone.home_model, world_of().home_model[:3])
    assert np.array_equal(alone.conditions(0, 8).load_metered_wh, world_of().conditions(0, 8).load_metered_wh[:, :3])


def test_another_seed_draws_another_town() -> None:
    other = world_of(changed(("seed = 7", "seed = 8")))
    assert not np.array_equal(other.home_model["annual_wh"][:3], world_of().home_model["annual_wh"][:3])
    assert not np.array_equal(other.conditions(0, 96).load_metered_wh, world_of().conditions(0, 96).load_metered_wh)
    assert parse_scenario(TOWN, "town").with_seed("8").seed == 8


@pytest.mark.parametrize(
    ("until", "count"), [("2026-03-28T00:15", 1), ("2026-03-29T01:00Z", 104), ("2026-03-29", 96), ("2026-03-30", 188)]
)
def test_until_counts_the_intervals_that_end_by_it(until: str, count: int) -> None:
    assert world_of().intervals_until(until) == count


@pytest.mark.parametrize("until", ["2026-03-28", "2026-03-27T12:00", "2026-03-28T00:01", "2026-03-30T00:01", "soon"])
def test_until_lies_within_the_scenario(until: str) -> None:
    with pytest.raises(BadInput, match="until"):
        world_of().intervals_until(until)


# Large ----------------------------------------------------------------------------------------------------------------
def test_the_largest_farm_and_roof_fit() -> None:
    text = changed(
        ("capacity_kw = 4", "capacity_kw = 5000000"),
        ("peak_kw = [3, 6]", "peak_kw = 1000000"),
        ("start = 2026-03-28", "start = 2026-06-01"),
        ("interval_minutes = 15", "interval_minutes = 60"),
    )
    world = world_of(text)
    farm, roofs = world.plant_forecast_wh[:, 1], world.conditions(0, 48).solar_forecast_wh[:, 3:]
    assert farm.min() == roofs.min() == 0
    assert 10**9 < farm.max() <= 5 * 10**9
    assert 2 * 10**8 < roofs.max() <= 10**9


def test_a_country_behind_one_meter(tmp_path: Path) -> None:
    stamps = [f"2026-03-{day}T{hour:02d}:00Z" for day in range(27, 31) for hour in range(24)]
    text = changed(("annual_kwh = [2000, 3000]", 'meter = { file = "load.csv", load = "load", unit = "kW" }'))
    (tmp_path / "load.csv").write_text(
        "time,load\n" + "".join(f"{stamp},60000000\n" for stamp in stamps), encoding="utf-8"
    )
    conditions = world_of(text, tmp_path).conditions(0, 188)
    metered, forecast = conditions.load_metered_wh[:, 0], conditions.load_forecast_wh[:, 0]
    assert set(metered.tolist()) == {12 * 10**9}  # 60 GW for a quarter of an hour, less what is flexible
    assert 0.9 <= forecast.min() / metered[0] < forecast.max() / metered[0] <= 1.1


# Without a part -------------------------------------------------------------------------------------------------------
def left_out(part: Without) -> Scenario:
    return without(parse_scenario(TOWN, "town"), part)


def test_without_the_fleet() -> None:
    assert left_out("fleet").fleet == []
    assert left_out("fleet").model_copy(update={"fleet": parse_scenario(TOWN, "").fleet}) == parse_scenario(TOWN, "")


def test_without_the_community() -> None:
    assert left_out("community").community.rule == "none"


def test_without_solar() -> None:
    scenario = left_out("solar")
    assert [group.solar for group in scenario.homes] == [None, None]
    assert [plant.name for plant in scenario.plants] == ["mill"]


def test_without_flexible_load() -> None:
    assert [group.flexible for group in left_out("flexible").homes] == [None, None]


def test_without_upstream() -> None:
    assert left_out("upstream").upstream is None
    world = World(left_out("upstream"), Path())
    assert set(world.conditions(0, 8).upstream_sell_tick.tolist()) == {NO_PRICE_TICK}


@pytest.mark.parametrize("part", WITHOUT)
def test_homes_stay_who_they_are_whatever_is_left_out(part: Without) -> None:
    before, after = world_of().home_model, World(left_out(part), Path()).home_model
    for field in ("annual_wh", "shift", "variation_bp"):
        assert np.array_equal(before[field], after[field])


@pytest.mark.parametrize("part", WITHOUT)
def test_what_is_not_there_can_not_be_left_out(part: Without) -> None:
    with pytest.raises(BadInput, match=f"compare-without = {part}: the scenario town has none"):
        without(left_out(part), part)
