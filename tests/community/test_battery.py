"""A community's battery: what it finds to do, how well it is run, and what it leaves as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st

from tests.community import BEGIN, PRICES, given, house, member
from tests.reference.community_battery import Cell, Opening, greedy, worth_e8
from voltadesk.clock import IntervalGrid, time_zone
from voltadesk.community.battery import BUY, LEFT, WANTED, Battery, Openings, runs
from voltadesk.community.comparison import outcome
from voltadesk.community.openings import openings_of, with_battery
from voltadesk.community.rules import RULES, Community, Rule
from voltadesk.community.settlement import settle

UTC = time_zone("UTC")
KEYED = '[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]'
FOUR = [member("anna"), member("ben"), member("carla"), member("roof", "shared = true")]


def day(*, sun: int, use: int, count: int = 96) -> dict[tuple[str, Any], list[int]]:
    """Sun in the middle third of some quarter-hours, and use all the time, carla's only in the last third."""
    third = count // 3
    return {
        ("anna", "import"): [use] * count,
        ("ben", "import"): [2 * use] * count,
        ("carla", "import"): [0] * (2 * third) + [3 * use] * (count - 2 * third),
        ("roof", "export"): [0] * third + [sun] * third + [0] * (count - 2 * third),
    }


# Openings -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rule", RULES)
def test_what_is_left_over_and_what_is_wanted(rule: Rule) -> None:
    rules = house(*FOUR).under(rule)
    energy, tariffs = given(rules, day(sun=1_000, use=100))
    done = settle(rules, energy, tariffs)
    found = openings_of(done, tariffs)
    rest = energy.export_wh - done.given_wh
    assert found.left_wh.tolist() == rest.sum(axis=1).tolist()
    if rule != "optimal":  # its keys may leave somebody out
        assert found.wanted_wh.tolist() == (energy.import_wh - done.taken_wh).sum(axis=1).tolist()
    assert found.price_tick[:, 40].tolist() == [8_000, 30_000 if found.wanted_wh[40] else 0, 30_000, 8_000]


def test_prices_hold_fees_tax_and_whose_energy_it_is() -> None:
    rest = PRICES.replace('name = "retail"\nprice = 300.00', 'name = "retail"\nprice = 300.00\nvat_percent = 20') + (
        '[[tariffs]]\nname = "farm"\nprice = 200.00\n'
        '[[fees]]\nname = "grid"\nparty = "grid"\ncommunity = 50.00\nbuilding = 5.00\ngrid = 70.00\nvat_percent = 10\n'
    )
    homes = [member("anna"), member("ben", 'supply = "farm"'), member("roof", "shared = true")]
    energy = {("anna", "import"): [100, 0], ("ben", "import"): [300, 0], ("roof", "export"): [0, 90]}
    rules = house(*homes, rest=rest)
    amounts, tariffs = given(rules, energy)
    found = openings_of(settle(rules, amounts, tariffs), tariffs)
    # Wanted: a quarter at 360 and three at 200, with the grid's fee of 77 in place of the community's 55.
    assert found.price_tick[:, 0].tolist() == [5_500, 24_000 + 7_700 - 5_500, 36_000 + 7_700, 8_000]
    assert found.price_tick[LEFT, 1] == 8_000 + 5_500
    # Beforehand nobody knows whose it will be.
    assert found.usual_tick[WANTED].tolist() == [28_000 + 7_700 - 5_500] * 2
    # In a building that all are in, its fee holds.
    near = house(*(f'{home}\nbuilding = "one"' for home in homes), rest=rest)
    amounts, tariffs = given(near, energy)
    found = openings_of(settle(near, amounts, tariffs), tariffs)
    assert found.price_tick[LEFT, 1] == 8_000 + 550


def test_where_the_grid_is_cheaper_what_is_within_still_comes_first() -> None:
    rest = PRICES.replace("price = 300.00", "price = 20.00")
    rules = house(FOUR[0], FOUR[3], rest=rest)
    energy, tariffs = given(rules, {("anna", "import"): [0], ("roof", "export"): [90]})
    found = openings_of(settle(rules, energy, tariffs), tariffs)
    assert found.price_tick[[LEFT, BUY], 0].tolist() == [8_000, 8_000]


# Runs -----------------------------------------------------------------------------------------------------------------
def openings(rows: list[tuple[int, int]], dear: list[int]) -> tuple[Openings, list[Opening]]:
    """Intervals; what is wanted saves so much, what is left over costs 80, the grid asks 20 more and pays 5 less."""
    twin = [Opening(*row, 8_000, price, price + 2_000, 7_500) for row, price in zip(rows, dear, strict=True)]
    table = np.array(twin).T
    prices = table[2:].copy()
    return Openings(table[0].copy(), table[1].copy(), prices, prices), twin


balances = st.lists(
    st.integers(-4_000, 4_000).map(lambda wh: (max(wh, 0), max(-wh, 0))), min_size=24 * 4, max_size=24 * 4
)


@settings(max_examples=60)
@given_by(balances, st.lists(st.sampled_from([20_000, 30_000]), min_size=96, max_size=96), st.integers(0, 40))
def test_a_run_keeps_to_its_battery_and_is_no_worse_in_hindsight_than_greedy(
    rows: list[tuple[int, int]], dear: list[int], energy_kwh: int
) -> None:
    found, twin = openings(rows, dear)
    battery, grid = Battery(energy_kwh * 1_000, energy_kwh * 500, 860_000), IntervalGrid(BEGIN, 3600, 96, UTC)
    rolling, best = runs(battery, [found], grid)
    for ran in (best, rolling):
        cell, worth = Cell(battery.energy_wh, battery.power_w, 860_000), 0
        for opening, taken, given_wh in zip(twin, ran.taken_wh.tolist(), ran.given_wh.tolist(), strict=True):
            assert not (taken and given_wh)
            assert (cell.take(taken), cell.give(given_wh)) == (taken, given_wh)
            worth += worth_e8(opening, taken, given_wh)
        assert worth == ran.saved_e8
        assert cell.fill_wh == ran.left_wh
    assert best.saved_e8 >= rolling.saved_e8
    # It is the best but for a watt-hour or two in each interval.
    assert best.saved_e8 >= greedy(Cell(battery.energy_wh, battery.power_w, 860_000), twin) - 96 * 2 * 30_000


@settings(max_examples=25)
@given_by(balances, balances, st.integers(0, 95))
def test_the_rolling_run_does_not_look_ahead(
    rows: list[tuple[int, int]], others: list[tuple[int, int]], until: int
) -> None:
    battery, grid = Battery(9_000, 4_500, 860_000), IntervalGrid(BEGIN, 3600, 96, UTC)
    # Prices of a day come out at noon of the day before.
    day, hour = divmod(until, 24)
    out = min((day + 2 if hour > 12 else day + 1) * 24, 96)
    one, two = (
        runs(battery, [openings(row, [30_000] * out + [price] * (96 - out))[0]], grid)[0]
        for row, price in ((rows, 30_000), (rows[:until] + others[until:], 12_000))
    )
    assert one.taken_wh[:until].tolist() == two.taken_wh[:until].tolist()
    assert one.given_wh[:until].tolist() == two.given_wh[:until].tolist()


def test_on_days_that_are_alike_the_rolling_run_is_as_good_as_the_best() -> None:
    night, noon, evening = [(0, 500)] * 8, [(2_000, 0)] * 6, [(0, 1_500)] * 10
    found, twin = openings((night + noon + evening) * 14, [30_000] * 24 * 14)
    grid = IntervalGrid(BEGIN, 3600, 24 * 14, UTC)
    battery = Battery(10_000, 5_000, 860_000)
    rolling, best = runs(battery, [found], grid)
    assert rolling.saved_e8 >= best.saved_e8 * 98 // 100
    assert rolling.saved_e8 >= greedy(Cell(10_000, 5_000, 860_000), twin) * 99 // 100


def test_dear_hours_are_kept_for() -> None:
    # Only a little is stored, and the evening pays twice what the afternoon does.
    rows = [(1_000, 0)] * 4 + [(0, 1_000)] * 20
    dear = [15_000] * 16 + [30_000] * 8
    found, twin = openings(rows * 10, dear * 10)
    grid = IntervalGrid(BEGIN, 3600, 240, UTC)
    battery = Battery(4_000, 2_000, 860_000)
    assert runs(battery, [found], grid)[0].saved_e8 > greedy(Cell(4_000, 2_000, 860_000), twin) * 3 // 2


def test_periods_follow_each_other_in_one_run() -> None:
    found, _ = openings([(2_000, 0)] * 6 + [(0, 2_000)] * 6, [30_000] * 12)
    first, second = (
        Openings(*(getattr(found, key)[..., part] for key in ("left_wh", "wanted_wh", "price_tick", "usual_tick")))
        for part in (slice(0, 7), slice(7, 12))
    )
    grid, battery = IntervalGrid(BEGIN, 3600, 12, UTC), Battery(9_000, 9_000, 860_000)
    whole, parts = runs(battery, [found], grid)[1], runs(battery, [first, second], grid)[1]
    assert whole.given_wh.tolist() == parts.given_wh.tolist()
    assert whole.given_wh[7:].any()


# In the community -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rule", RULES)
def test_a_battery_of_nothing_changes_nothing(rule: Rule) -> None:
    rules = house(*FOUR).under(rule)
    periods = [given(rules, day(sun=1_000, use=100))]
    stands = outcome(rule, rules, periods)
    for battery in (Battery(0, 0, 860_000), Battery(5_000, 0, 860_000)):
        empty = outcome(rule, rules, periods, battery)
        assert empty.stored is not None
        assert empty.stored.taken_wh == empty.stored.saved_e8 == 0
        for key in ("saving_e8", "cost_e8", "alone_e8", "shared_wh", "self_sufficiency", "community_e8", "gini"):
            assert getattr(empty, key) == getattr(stands, key)


@pytest.mark.parametrize("sharing", ["", KEYED, KEYED.replace("static", "hybrid"), '[sharing]\nrule = "equal"'])
@pytest.mark.parametrize("hindsight", [False, True])
def test_what_the_run_is_worth_is_what_members_and_community_gain(sharing: str, hindsight: bool) -> None:
    rules = house(*FOUR, sharing=sharing)
    periods = [given(rules, day(sun=1_500, use=100))]
    stands = outcome("own", rules, periods)
    changed = outcome("own", rules, periods, Battery(4_000, 4_000, 860_000), hindsight)
    assert changed.stored is not None
    gain = sum(stands.cost_e8.values()) - sum(changed.cost_e8.values()) + changed.community_e8 - stands.community_e8
    assert gain == changed.stored.saved_e8 > 0
    assert changed.stored.taken_wh == changed.stored.given_wh + changed.stored.lost_wh + changed.stored.left_wh
    # Nobody's share of the roof is less for it.
    assert all(changed.saving_e8[name] >= stands.saving_e8[name] for name in stands.saving_e8)
    assert changed.self_sufficiency is not None
    assert stands.self_sufficiency is not None
    assert changed.self_sufficiency > stands.self_sufficiency


def test_it_gives_by_the_rule_and_the_keys_of_the_last_pool() -> None:
    rules = house(*FOUR, sharing=KEYED)
    wanted: dict[tuple[str, Any], list[int]] = {(name, "import"): [300] for name in ("anna", "ben", "carla")}
    energy, tariffs = given(rules, wanted | {("roof", "export"): [0]})
    many, amounts = with_battery(rules, energy, np.array([0]), np.array([200]))
    done = settle(many, amounts, tariffs)
    assert {s.name: s.from_community_wh for s in done.statements} == {
        "anna": 100, "ben": 60, "carla": 40, "new-battery": 0, "roof": 0,
    }  # fmt: skip
    # What one can't use goes on to the others.
    energy, tariffs = given(rules, wanted | {("anna", "import"): [20], ("roof", "export"): [0]})
    done = settle(*with_battery(rules, energy, np.array([0]), np.array([200])), tariffs)
    assert [s.from_community_wh for s in done.statements[:3]] == [20, 108, 72]


def test_pools_that_name_their_members_are_left_as_they_are() -> None:
    sharing = """
[[pools]]
name = "roof"
producers = ["roof"]
consumers = ["anna"]
[[pools]]
name = "neighbours"
consumers = ["anna", "ben"]
participation_percent = { ben = 50 }
"""
    rules: Community = house(*FOUR, sharing=sharing)
    energy, tariffs = given(rules, day(sun=1_000, use=100))
    done = settle(rules, energy, tariffs)
    found = openings_of(done, tariffs)
    # Half of ben's is the community's affair, carla is in none of the pools.
    assert found.wanted_wh[0] == 100 + 100
    again = settle(*with_battery(rules, energy, found.left_wh * 0, found.wanted_wh * 0 + 50), tariffs)
    carla = next(statement for statement in again.statements if statement.name == "carla")
    assert carla.from_community_wh == 0
    assert again.taken_wh.sum() == again.given_wh.sum() > done.taken_wh.sum()


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    rules = house(*FOUR, member("New-Battery"))
    energy, _ = given(rules, {(n, "import"): [1] for n in ("anna", "ben", "carla", "New-Battery", "roof")})
    many, amounts = with_battery(rules, energy, np.array([1]), np.array([0]))
    assert amounts.names == ("New-Battery", "anna", "ben", "carla", "new-battery-2", "roof")
    assert [pool.name for pool in many.all_pools] == ["community", "new-battery-2 takes", "new-battery-2 gives"]
    assert amounts.import_wh[0].tolist() == [1, 1, 1, 1, 1, 1]
