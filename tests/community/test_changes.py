"""What might be different: members more and less, roofs; and that nothing else is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st

from tests.community import BEGIN, PRICES, given, house, member, readings
from voltadesk.clock import IntervalGrid, time_zone
from voltadesk.community.changes import Changes, Joining, Roof, changed_rules, generic_roof_wh, scaled
from voltadesk.community.comparison import Case, Comparison, compare_changed, rules_to_compare
from voltadesk.community.energy import Energy
from voltadesk.community.rules import Community
from voltadesk.errors import BadInput

Wh = dict[tuple[str, Any], list[int]]
KEYED = '[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]'
FOUR = [member("anna"), member("ben"), member("carla"), member("roof", "shared = true")]
METERS: Wh = {
    ("anna", "import"): [200, 0, 300],
    ("anna", "export"): [0, 150, 0],
    ("anna", "production"): [100, 400, 0],
    ("ben", "import"): [600, 100, 50],
    ("carla", "import"): [800, 700, 0],
    ("roof", "export"): [1_000, 301, 0],
}


def compared(rules: Community, meters: Wh, changes: Changes) -> Comparison:
    energy, tariffs = given(rules, meters)
    return compare_changed(rules_to_compare(rules), [(energy, tariffs)], readings(meters), changes)


def own(rules: Community, meters: Wh, changes: Changes) -> Case:
    return compared(rules, meters, changes).cases[0]


def percent(rules: Community) -> dict[str, int]:
    return {name: key for name, key in rules.all_pools[0].keys[0].percent.items() if key}


# Nothing changes ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sharing", ["", KEYED])
@pytest.mark.parametrize(
    "changes",
    [
        Changes(without=("anna",), joining=(Joining("anna", "anna"),)),
        Changes(without=("carla", "ben"), joining=(Joining("ben", "ben"), Joining("carla", "carla"))),
        Changes(roofs=(Roof("ben", "anna", 0), Roof("anna", peak_w=0))),
    ],
)
def test_what_comes_to_the_same_is_the_same(sharing: str, changes: Changes) -> None:
    rules = house(*FOUR, sharing=sharing)
    for case in compared(rules, METERS, changes).cases:
        assert case.changed == case.stands
        assert not any(case.gain_e8.values())
        assert case.community_gain_e8 == 0


def test_no_change_is_no_case() -> None:
    assert not Changes()
    assert all(case.changed is None for case in compared(house(*FOUR), METERS, Changes()).cases)


# Members --------------------------------------------------------------------------------------------------------------
def test_who_leaves_pays_what_it_would_alone() -> None:
    case = own(house(*FOUR), METERS, Changes(without=("carla",)))
    assert case.changed is not None
    assert list(case.changed.saving_e8) == ["anna", "ben"]
    assert case.gain_e8["carla"] == -case.stands.saving_e8["carla"] < 0
    assert case.gain_e8["ben"] == case.stands.cost_e8["ben"] - case.changed.cost_e8["ben"] > 0


def test_who_joins_gains_what_it_saves() -> None:
    case = own(house(*FOUR), METERS, Changes(joining=(Joining("dora", "ben", 5_000),)))
    assert case.changed is not None
    assert case.changed.alone_e8["dora"] == 375 * 30_000
    assert case.gain_e8["dora"] == case.changed.saving_e8["dora"] > 0
    assert case.gain_e8["carla"] < 0


def test_keys_keep_their_proportions() -> None:
    rules = house(*FOUR, sharing=KEYED)
    assert percent(changed_rules(rules, Changes(without=("anna",)))) == {"ben": 600_000, "carla": 400_000}
    more = changed_rules(rules, Changes(joining=(Joining("dora", "ben", 5_000), Joining("emil", "roof"))))
    # Of 115 in all; the largest remainders get what is left over.
    assert percent(more) == {"anna": 434_783, "ben": 260_869, "carla": 173_913, "dora": 130_435}
    assert sum(percent(more).values()) == 1_000_000
    alone = KEYED.replace("anna = 50, ben = 30, carla = 20", "anna = 100")
    with pytest.raises(BadInput, match="without = anna: must leave somebody with a key in the pool community"):
        changed_rules(house(*FOUR, sharing=alone), Changes(without=("anna",)))


def test_pools_and_charges_hold_those_who_are_there() -> None:
    sharing = """
[[pools]]
name = "first"
producers = ["roof"]
consumers = ["anna"]
[[pools]]
name = "second"
consumers = ["ben", "carla"]
participation_percent = { ben = 50 }
"""
    rest = PRICES + '[[charges]]\nname = "fee"\nmonthly = 1\nmembers = ["ben"]\n'
    rules = house(*FOUR, sharing=sharing, rest=rest)
    changed = changed_rules(rules, Changes(without=("anna",), joining=(Joining("dora", "ben"),)))
    (pool,) = changed.all_pools  # nobody is left in the other one
    assert (pool.name, pool.consumers, pool.producers) == ("second", ["ben", "carla", "dora"], None)
    assert pool.participation_percent == {"ben": 5_000, "dora": 5_000}
    assert changed.charges[0].members == ["ben", "dora"]
    only = house(*FOUR, sharing=sharing.partition('[[pools]]\nname = "second"')[0])
    with pytest.raises(BadInput, match="must leave a pool that has producers and consumers"):
        changed_rules(only, Changes(without=("anna",)))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (Changes(without=("dora",)), "without = dora: must be one of the members: anna, ben, carla, roof"),
        (Changes(without=("anna", "anna")), "without = anna: must not be given twice"),
        (Changes(without=("anna", "ben", "carla")), "must leave a member that is not shared"),
        (Changes(joining=(Joining("dora", "emil"),)), "with = emil: must be one of the members"),
        (Changes(joining=(Joining("Anna", "ben"),)), "with = Anna: is a member already"),
        (Changes(joining=(Joining("a b", "ben"),)), "with = a b: must be 1 to 40 of"),
        (Changes(roofs=(Roof("dora", "anna"),)), "roof = dora: must be one of the members"),
        (Changes(without=("ben",), roofs=(Roof("ben", "anna"),)), "roof = ben: must be one of the members"),
        (Changes(roofs=(Roof("anna", "dora"),)), "roof = dora: must be one of the members"),
        (Changes(roofs=(Roof("anna", "ben"),)), "roof = ben: has no roof whose production is metered"),
    ],
)
def test_what_can_not_be_is_refused(changes: Changes, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        compared(house(*FOUR), METERS, changes)
    assert said in str(refused.value)


def test_of_a_member_that_feeds_in_production_is_not_its_export() -> None:
    meters = {key: values for key, values in METERS.items() if key != ("anna", "production")}
    with pytest.raises(BadInput, match="has no roof whose production is metered"):
        compared(house(*FOUR), meters, Changes(roofs=(Roof("ben", "anna"),)))
    plant: Wh = {("anna", "export"): [90], ("ben", "import"): [60]}
    assert compared(house(*FOUR[:2]), plant, Changes(roofs=(Roof("ben", "anna"),))).roofs_wh == 90


# Roofs ----------------------------------------------------------------------------------------------------------------
def test_a_roof_serves_its_own_house_first() -> None:
    found = compared(house(*FOUR), METERS, Changes(roofs=(Roof("ben", "anna", 15_000),)))
    # 150 and 600 Wh: all of the first and 100 of the second are used at once.
    assert (found.roofs_wh, found.roofs_own_wh) == (750, 250)
    case = found.cases[0]
    assert case.changed is not None
    assert case.changed.alone_e8["ben"] == 500 * 30_000 - 500 * 8_000
    # 2,150 Wh are wanted now and 950 fed in behind 750 Wh of own use; 1,650 are shared, and 301 not.
    assert case.gain_e8["ben"] > 150 * 30_000


def test_a_shared_roof_may_grow() -> None:
    found = compared(house(*FOUR), METERS, Changes(roofs=(Roof("roof", "roof", 5_000),)))
    assert (found.roofs_wh, found.roofs_own_wh) == (650, 0)
    assert found.cases[0].community_gain_e8 > 0


def test_a_roof_makes_nothing_while_its_member_is_none() -> None:
    homes = [member("anna"), member("ben", "joined = 2026-01-02")]
    meters: Wh = {("anna", "import"): [0] * 192, ("anna", "production"): [100] * 192, ("ben", "import"): [50] * 192}
    found = compared(house(*homes), meters, Changes(roofs=(Roof("ben", "anna"),)))
    assert (found.roofs_wh, found.roofs_own_wh) == (9_600, 4_800)


def test_production_that_is_not_known_for_the_whole_time_is_refused() -> None:
    homes = [member("anna", "left = 2026-01-02"), member("ben")]
    meters: Wh = {("anna", "import"): [0] * 96, ("anna", "production"): [100] * 96, ("ben", "import"): [50] * 192}
    rules = house(*homes)
    with pytest.raises(BadInput, match="roof = anna: has no production for 96 intervals of the period"):
        compared(rules, meters, Changes(roofs=(Roof("ben", "anna"),)))
    zero = house(*homes, head='[meters]\nmissing = "zero"')
    assert compared(zero, meters, Changes(roofs=(Roof("ben", "anna"),))).roofs_wh == 9_600


def test_a_roof_by_its_peak_power_makes_what_roofs_make() -> None:
    utc = time_zone("UTC")
    year = IntervalGrid(BEGIN, 900, 365 * 96, utc)
    made = generic_roof_wh(year, 5_000)
    assert 816_000 * 5 < made.sum() < 1_049_000 * 5
    assert generic_roof_wh(year, 0).sum() == 0
    assert (made[:16] == 0).all()  # at night
    # A part of the year is the same as when it is asked for alone, but for the watt-hour that is carried on.
    june = IntervalGrid(BEGIN + 151 * 86_400, 900, 30 * 96, utc)
    alone = generic_roof_wh(june, 5_000)
    assert abs(alone - made[151 * 96 : 181 * 96]).max() <= 1


# Properties -----------------------------------------------------------------------------------------------------------
energies = st.lists(st.lists(st.integers(0, 3_000), min_size=7, max_size=7), min_size=1, max_size=12)


@settings(max_examples=40)
@given_by(energies, st.integers(0, 30_000), st.sampled_from(["", KEYED, '[sharing]\nrule = "priority"']))
def test_energy_and_money_are_conserved(rows: list[list[int]], factor: int, sharing: str) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    names: list[tuple[str, Any]] = [
        ("anna", "import"), ("anna", "export"), ("anna", "production"), ("ben", "import"), ("ben", "export"),
        ("carla", "import"), ("roof", "export"),
    ]  # fmt: skip
    meters = dict(zip(names, columns, strict=True))
    rules = house(*FOUR, sharing=sharing)
    changes = Changes(("carla",), (Joining("dora", "anna", factor),), (Roof("ben", "anna", factor),))
    found = compared(rules, meters, changes)
    made = sum(columns[2]) * factor // 10_000
    assert found.roofs_wh == made
    assert 0 <= found.roofs_own_wh <= min(made, sum(columns[3]))
    price, fed = 30_000, 8_000
    for case in found.cases:
        assert case.changed is not None
        # Settled energy and money agree (`settle` checks it); alone everybody pays for what is left to buy and sell.
        dora = sum(columns[0]) * factor // 10_000 * price - sum(columns[1]) * factor // 10_000 * fed
        ben = (sum(columns[3]) - found.roofs_own_wh) * price - (sum(columns[4]) + made - found.roofs_own_wh) * fed
        assert (case.changed.alone_e8["dora"], case.changed.alone_e8["ben"]) == (dora, ben)
        # Between members, community and the outside nothing is lost.
        outside = sum(case.changed.saving_e8.values()) + case.changed.community_e8
        roof = sum(columns[6]) * fed
        assert outside == case.changed.shared_wh * (price - fed) + roof


@given_by(st.lists(st.integers(0, 10**9), max_size=50), st.integers(0, 1_000_000))
def test_scaling_loses_no_part_of_a_watt_hour(energy_wh: list[int], factor: int) -> None:
    found = scaled(np.array(energy_wh, np.int64), factor)
    assert found.sum() == sum(energy_wh) * factor // 10_000
    for whole, part in zip(energy_wh, found.tolist(), strict=True):
        assert abs(part - whole * factor / 10_000) < 1


def test_energy_is_not_changed_in_place() -> None:
    rules = house(*FOUR)
    energy, tariffs = given(rules, METERS)
    before: Energy = energy
    kept = energy.import_wh.copy()
    changes = Changes(joining=(Joining("dora", "ben", 100),), roofs=(Roof("ben", "anna"),))
    compare_changed(rules_to_compare(rules), [(energy, tariffs)], readings(METERS), changes)
    assert (before.import_wh == kept).all()
