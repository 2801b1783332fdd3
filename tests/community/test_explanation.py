"""What is explained of an interval is what was settled: energy, shares and money, on random communities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st

from tests.community import PRICES, given, house, member
from tests.community.test_settlement import FEES, FOUR, PLACES, ROOF, RULE_TEXTS, as_registers, energies
from voltadesk.community.books import Line
from voltadesk.community.explanation import Explanation, PoolShare, explain
from voltadesk.community.rules import Community
from voltadesk.community.settlement import Settlement, settle

ZONES = PRICES.replace(
    "price = 300.00",
    """vat_percent = 20
monthly = 3.50
zones = [{ name = "early", price = 200.01, hours = ["00:00-00:15", "00:45-01:00"] }, { name = "late", price = 333.33 }]
""",
)
POOLS = next(text for text in RULE_TEXTS if "[[pools]]" in text)


def village(sharing: str) -> Community:
    homes = [member(name, *places) for name, places in zip("abcd", PLACES, strict=True)]
    homes[0] += '\nsupply = "solar"'  # bids less than the others
    homes[2] += '\nfeed_in = "retail"'  # asks more than sellers get
    homes[3] += "\njoined = 2025-12-31"
    return house(*homes, sharing=sharing, rest=ZONES + FEES)


def by_item(lines: Iterable[Line]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Energy and net money of lines that are about energy, added up."""
    sums: dict[tuple[str, str, str], tuple[int, int]] = {}
    for line in lines:
        if line.energy_wh is not None:
            key = line.item, line.detail, line.party
            energy, net = sums.get(key, (0, 0))
            sums[key] = energy + line.energy_wh, net + line.net_e8
    return sums


def explained(rules: Community, rows: dict[tuple[str, str], list[int]]) -> tuple[Settlement, list[list[Explanation]]]:
    """A settlement, and what is said of each of its intervals and members."""
    energy, tariffs = given(rules, rows)  # type: ignore[arg-type]
    done = settle(rules, energy, tariffs)
    members = range(len(energy.members))
    return done, [[explain(done, tariffs, t, m) for m in members] for t in range(energy.grid.count)]


@settings(max_examples=60)
@given_by(st.sampled_from(RULE_TEXTS), energies)
def test_every_figure_is_that_of_the_settlement(sharing: str, rows: list[list[int]]) -> None:
    done, told = explained(village(sharing), as_registers(rows))
    for t, of_interval in enumerate(told):
        for m, one in enumerate(of_interval):
            assert (one.import_wh, one.export_wh) == (done.energy.import_wh[t, m], done.energy.export_wh[t, m])
            assert (one.from_community_wh, one.to_community_wh) == (done.taken_wh[t, m], done.given_wh[t, m])
            assert one.start_utc == done.energy.grid.starts_utc[t]
            open_wh = one.import_wh
            for pool in one.pools:
                assert pool.open_wh == open_wh
                open_wh -= pool.taken_wh
                check(pool)
        for n in range(len(told[t][0].pools)):
            pools = [one.pools[n] for one in of_interval]
            check_bids(pools)
            assert {pool.shared_wh for pool in pools} == {sum(pool.taken_wh for pool in pools)}
            assert {pool.all_wanted_wh for pool in pools} == {sum(pool.wanted_wh for pool in pools)}
            assert {pool.all_offered_wh for pool in pools} == {sum(pool.offered_wh for pool in pools)}
    for m, statement in enumerate(done.statements):
        assert by_item(n for row in told for n in row[m].lines) == by_item(statement.lines)
        assert by_item(n for row in told for n in row[m].alone) == by_item(statement.alone)
        tiers = np.array([[p.near_taken_wh for p in row[m].pools] for row in told]).sum(axis=(0, 1))
        assert tuple(tiers.tolist()) == statement.from_tier_wh


def check(pool: PoolShare) -> None:
    """A pool's steps lead to what was taken; each part is by its weight, but for less than a watt-hour."""
    assert 0 <= pool.wanted_wh <= pool.open_wh
    assert sum(pool.near_taken_wh) == pool.taken_wh
    assert sum(pool.near_given_wh) == pool.given_wh <= pool.offered_wh
    assert pool.taken_wh <= pool.wanted_wh
    assert pool.rule == "book" or sum(step.taken_wh for step in pool.steps) == pool.taken_wh
    still = pool.wanted_wh
    for step in pool.steps:
        is_by_want = pool.rule in ("dynamic", "priority")
        divided = min(step.offered_wh, step.wanted_wh) if is_by_want else step.offered_wh
        assert abs(step.part_wh * step.weights - divided * step.weight) < max(step.weights, 1)
        assert step.taken_wh == min(step.part_wh, still)
        still -= step.taken_wh


def check_bids(pools: Sequence[PoolShare]) -> None:
    """Of the energy for sale at a price, those who bid it get what those who bid more leave."""
    for bid in {pool.bid for pool in pools if pool.bid is not None}:
        taken = sum(pool.taken_wh for pool in pools if pool.bid == bid)
        stands = bid.price_tick >= bid.buyer_tick
        assert taken == (min(bid.equal_wh, max(0, bid.offered_wh - bid.dearer_wh)) if stands else 0)


def roof(sharing: str, name: str = "anna") -> PoolShare:
    energy, tariffs = given(house(*FOUR, sharing=sharing), ROOF)
    done = settle(house(*FOUR, sharing=sharing), energy, tariffs)
    return explain(done, tariffs, 0, energy.names.index(name)).pools[0]


KEYS = "keys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]"


@pytest.mark.parametrize(
    ("sharing", "name", "steps"),
    [
        ("", "anna", [(1_000, 1_600, 200, 1_600, 125, 125)]),
        (f'[sharing]\nrule = "static"\n{KEYS}', "anna", [(1_000, 1_600, 500_000, 1_000_000, 500, 200)]),
        (
            f'[sharing]\nrule = "hybrid"\nrounds = 2\n{KEYS}',
            "ben",
            [(1_000, 1_600, 300_000, 1_000_000, 300, 300), (300, 900, 300_000, 500_000, 180, 180)],
        ),
        (
            '[sharing]\nrule = "equal"',
            "ben",
            # 1,000 among three; what anna leaves of her 334 among two, and what they can't share goes round.
            [(1_000, 1_600, 1, 3, 333, 333), (134, 734, 1, 2, 67, 67)],
        ),
        (
            '[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 100 } }]',
            "ben",
            [(1_000, 200, 0, 1_000_000, 0, 0)],
        ),
    ],
)  # fmt: skip
def test_steps_by_hand(sharing: str, name: str, steps: Sequence[tuple[int, ...]]) -> None:
    found = roof(sharing, name).steps
    told = [(s.offered_wh, s.wanted_wh, s.weight, s.weights, s.part_wh, s.taken_wh) for s in found]
    assert [[pytest.approx(value, abs=1) for value in step] for step in steps] == [list(step) for step in told]


def test_priority_goes_from_tier_to_tier() -> None:
    homes = [
        member("a", 'building = "1"', 'feeder = "x"'),
        member("b", 'building = "1"', 'feeder = "x"'),
        member("c", 'feeder = "x"'),
    ]
    energy = {("a", "export"): [500], ("b", "import"): [400], ("c", "import"): [400], ("c", "export"): [100]}
    rules = house(*homes, sharing='[sharing]\nrule = "priority"')
    _, told = explained(rules, energy)
    steps = told[0][2].pools[0].steps
    # Its own 100, then what the building left of a's 500.
    assert [(s.tier, s.offered_wh, s.wanted_wh, s.taken_wh) for s in steps] == [
        ("own", 100, 400, 100),
        ("feeder", 100, 300, 100),
    ]
    assert told[0][0].pools[0].near_given_wh == (0, 400, 100, 0)


def test_several_pools_and_a_participation() -> None:
    rows = [[0, 900, 100, 0, 300, 0, 400, 0]] * 3
    _, told = explained(village(POOLS), as_registers(rows))
    first, second = told[2][1].pools
    assert (first.name, first.rule, first.participation_bp, first.open_wh, first.wanted_wh) == (
        "p", "hybrid", 7_000, 100, 70,
    )  # fmt: skip
    assert (second.open_wh, second.wanted_wh) == (30, 30)
    assert not told[2][0].pools[0].is_consumer
    # 12.5 % of 401: the floor of the running total 50.125, 100.25, 150.375.
    rows = [[0, 900, 100, 0, 300, 0, 401, 0]] * 3
    _, told = explained(village(POOLS), as_registers(rows))
    assert [told[t][3].pools[0].wanted_wh for t in range(3)] == [50, 50, 50]


def test_who_is_no_member_yet_has_nothing() -> None:
    rules = house(member("a"), member("b", "joined = 2026-02-01"))
    _, told = explained(rules, {("a", "import"): [100], ("b", "import"): [100], ("a", "export"): [100]})
    one = told[0][1]
    assert not one.is_active
    assert (one.import_wh, one.lines, one.alone) == (0, (), ())
