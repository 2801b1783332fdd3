"""Settlements worked by hand: energy and money of each member, and sums that agree to the last unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st

from tests.community import BEGIN, PRICES, given, house, member, settled
from voltadesk.community.comparison import compare, gini
from voltadesk.community.rules import RULES, Community, Rule
from voltadesk.community.settlement import Settlement, Statement, months
from voltadesk.errors import BadInput

E8 = 10**8
ROOF = {("anna", "import"): [200], ("ben", "import"): [600], ("carla", "import"): [800], ("roof", "export"): [1_000]}
FOUR = [member("anna"), member("ben"), member("carla"), member("roof", "shared = true")]


def of(settlement: Settlement, name: str) -> Statement:
    return next(statement for statement in settlement.statements if statement.name == name)


def taken(settlement: Settlement) -> list[int]:
    return [statement.from_community_wh for statement in settlement.statements]


# Rules ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sharing", "shares"),
    [
        ('[sharing]\nrule = "dynamic"', [125, 375, 500, 0]),
        (
            '[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]',
            [200, 300, 200, 0],
        ),
        (
            '[sharing]\nrule = "hybrid"\nrounds = 2\nkeys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]',
            [200, 480, 320, 0],
        ),
        (
            '[sharing]\nrule = "iterative"\nrounds = 2\nkeys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]',
            [200, 390, 260, 0],
        ),
        # What is left is halved by each of five rounds, as half is anna's: 300, 150, 75, 37 or 38, 19.
        (
            '[sharing]\nrule = "iterative"\nkeys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]',
            [200, 469, 312, 0],
        ),
        ('[sharing]\nrule = "equal"', [200, 400, 400, 0]),
        ('[sharing]\nrule = "static"', [200, 333, 333, 0]),  # without keys all have the same, but not the shared roof
    ],
)  # fmt: skip
def test_the_roof_is_shared_by_each_rule(sharing: str, shares: list[int]) -> None:
    done = settled(house(*FOUR, sharing=sharing), ROOF)
    assert [pytest.approx(share, abs=1) for share in shares] == taken(done)
    roof = of(done, "roof")
    assert roof.to_community_wh == sum(taken(done))
    assert roof.to_grid_wh == 1_000 - sum(taken(done))


def test_book_serves_who_pays_a_supplier_most_and_nobody_at_a_loss() -> None:
    rest = PRICES + "".join(
        f'[[tariffs]]\nname = "{name}"\nprice = {price}\n'
        for name, price in (("dear", 340), ("cheap", 140), ("eco", 160))
    )
    homes = [
        member("anna"),
        member("ben", 'supply = "dear"'),
        member("carla", 'supply = "cheap"'),  # pays a supplier less than the community asks
        member("dora", 'feed_in = "eco"'),  # gets more from a supplier than the community pays
        member("emil"),
    ]
    energy = ROOF | {("dora", "export"): [300], ("emil", "export"): [700]}
    del energy["roof", "export"]
    done = settled(house(*homes, sharing='[sharing]\nrule = "book"', rest=rest), energy)  # type: ignore[arg-type]
    assert [(s.name, s.from_community_wh, s.to_community_wh) for s in done.statements] == [
        ("anna", 100, 0),
        ("ben", 600, 0),
        ("carla", 0, 0),
        ("dora", 0, 0),
        ("emil", 0, 700),
    ]


def test_book_needs_no_prices_of_those_who_are_not_members_yet() -> None:
    rest = PRICES + '[[tariffs]]\nname = "later"\nvalid_from = 2026-02-01\nprice = 1\n'
    homes = [member("anna", 'supply = "later"', "joined = 2026-02-01"), member("ben"), member("roof", "shared = true")]
    energy = {("ben", "import"): [5], ("roof", "export"): [9]}
    done = settled(house(*homes, sharing='[sharing]\nrule = "book"', rest=rest), energy)  # type: ignore[arg-type]
    assert taken(done) == [5, 0]


def test_priority_serves_building_then_feeder_then_the_rest() -> None:
    homes = [
        member("a", 'building = "1"', 'feeder = "x"'),
        member("b", 'building = "1"', 'feeder = "x"'),
        member("c", 'building = "2"', 'feeder = "x"'),
        member("d"),
    ]
    energy = {("a", "export"): [900], ("a", "import"): [0], **{(n, "import"): [400] for n in "bcd"}}
    done = settled(house(*homes, sharing='[sharing]\nrule = "priority"'), energy)
    assert taken(done) == [0, 400, 400, 100]
    assert of(done, "a").to_tier_wh == (0, 400, 400, 100)
    assert [of(done, n).from_tier_wh for n in "bcd"] == [(0, 400, 0, 0), (0, 0, 400, 0), (0, 0, 0, 100)]


def test_pools_have_their_own_producers_consumers_and_keys_and_come_one_after_the_other() -> None:
    sharing = """
[[pools]]
name = "roof"
producers = ["roof"]
consumers = ["anna", "ben"]
rule = "static"
keys = [{ percent = { anna = 60, ben = 40 } }]
[[pools]]
name = "neighbours"
"""
    done = settled(house(*FOUR, sharing=sharing), ROOF | {("carla", "import"): [0], ("carla", "export"): [100]})
    # The roof: 600 for anna, who uses 200, and 400 for ben; then its 400 left and carla's 100 for ben's 200 open.
    assert [(s.name, s.from_community_wh, s.to_community_wh) for s in done.statements] == [
        ("anna", 200, 0),
        ("ben", 600, 0),
        ("carla", 0, 40),
        ("roof", 0, 760),
    ]
    assert [(line.item, line.detail, line.energy_wh) for line in of(done, "ben").lines] == [
        ("from community", "roof", 400),
        ("from community", "neighbours", 200),
    ]


def test_a_participation_takes_only_a_part_of_a_member_along() -> None:
    sharing = '[[pools]]\nname = "one"\nparticipation_percent = { ben = 33.33 }'
    energy = {("ben", "import"): [10] * 6, ("roof", "export"): [100] * 6}
    done = settled(house(member("ben"), member("roof"), sharing=sharing), energy)
    # The floor of the running total 3.333, 6.666, 9.999, 13.332, 16.665, 19.998.
    assert done.taken_wh[:, 0].tolist() == [3, 3, 3, 4, 3, 3]
    assert of(done, "ben").from_grid_wh == 41


def test_keys_change_on_a_day_and_members_come_and_go() -> None:
    sharing = """[sharing]
rule = "static"
keys = [{ percent = { anna = 100 } }, { valid_from = 2026-01-02, percent = { anna = 25, ben = 75 } }]"""
    homes = [member("anna", "left = 2026-01-03"), member("ben", "joined = 2026-01-02"), member("roof", "shared = true")]
    days = 3 * 96
    energy = {("anna", "import"): [100] * days, ("ben", "import"): [100] * days, ("roof", "export"): [100] * days}
    done = settled(house(*homes, sharing=sharing), energy)
    anna, ben = of(done, "anna"), of(done, "ben")
    assert anna.from_community_wh == 96 * 100 + 96 * 25
    assert anna.from_grid_wh == 96 * 75
    assert (ben.from_community_wh, ben.from_grid_wh) == (2 * 96 * 75, 2 * 96 * 25)
    assert of(done, "roof").to_grid_wh == 96 * 25


# Money ----------------------------------------------------------------------------------------------------------------
def test_a_bill_to_the_last_unit() -> None:
    rest = """
[prices]
buyer = "sold"
seller = "bought"
supply = "retail"
feed_in = "feed-in"

[[tariffs]]
name = "retail"
price = 300.00
vat_percent = 20
monthly = 4.00
party = "stadtwerk"
[[tariffs]]
name = "feed-in"
price = 80.00
[[tariffs]]
name = "sold"
price = 150.00
vat_percent = 20
[[tariffs]]
name = "bought"
price = 120.00
[[fees]]
name = "grid fee"
party = "grid"
community = 40.00
grid = 60.00
vat_percent = 20
[[charges]]
name = "membership"
monthly = 1.50
entry = 10.00
vat_percent = 20
"""
    homes = [member("anna", "joined = 2026-01-01"), member("ben")]
    energy = {("anna", "import"): [1_000], ("anna", "export"): [0], ("ben", "import"): [0], ("ben", "export"): [400]}
    done = settled(house(*homes, rest=rest), energy)
    anna, ben = of(done, "anna"), of(done, "ben")
    assert [(n.item, n.detail, n.party, n.energy_wh, n.net_e8, n.tax_e8, n.billed) for n in anna.lines] == [
        ("from community", "", "community", 400, 6_000_000, 1_200_000, True),  # 0.4 kWh at 0.15
        ("grid fee", "from community", "grid", 400, 1_600_000, 320_000, True),
        ("from grid", "", "stadtwerk", 600, 18_000_000, 3_600_000, False),
        ("from grid", "monthly", "stadtwerk", None, 4 * E8, 80_000_000, False),
        ("grid fee", "from grid", "grid", 600, 3_600_000, 720_000, True),
        ("membership", "monthly", "community", None, 150_000_000, 30_000_000, True),
        ("membership", "entry", "community", None, 10 * E8, 2 * E8, True),
    ]
    assert [(n.item, n.net_e8, n.tax_e8) for n in ben.lines if n.energy_wh] == [("to community", -4_800_000, 0)]
    # Alone: 1 kWh at 0.30 and 0.06, 4.00 a month, all with tax.
    assert anna.cost_alone_e8 == (30_000_000 + 6_000_000 + 4 * E8) * 12 // 10
    assert ben.cost_alone_e8 == 4 * E8 * 12 // 10 - 3_200_000
    assert ben.saving_e8 == 1_600_000 - 180_000_000
    assert done.received_e8 == {
        "community": 6_000_000 + 1_150_000_000 - 4_800_000 + 150_000_000,
        "grid": 1_600_000 + 3_600_000,
        "stadtwerk": 18_000_000 + 8 * E8,
        "tax": sum(n.tax_e8 for s in done.statements for n in s.lines),
    }
    assert anna.payable_e8 == 1_393_000_000  # 13.9344 in whole cents


def test_money_between_buyers_sellers_and_the_community_sums_to_nothing() -> None:
    done = settled(house(*FOUR), ROOF)
    paid = sum(statement.cost_e8 for statement in done.statements if not statement.shared)
    assert paid == sum(done.received_e8.values())
    # The shared roof belongs to the community: what it sells to members and to the grid is the community's.
    assert done.community_e8 == 1_000 * 15_000


def test_the_months_of_a_span() -> None:
    assert months(date(2026, 1, 1), date(2026, 3, 1)) == [
        ("2026-01", date(2026, 1, 1), date(2026, 2, 1)),
        ("2026-02", date(2026, 2, 1), date(2026, 3, 1)),
    ]
    assert [name for name, *_ in months(date(2025, 12, 31), date(2026, 1, 5))] == [
        "2025-12-31",
        "2026-01-01_2026-01-04",
    ]


# What must hold -------------------------------------------------------------------------------------------------------
RULE_TEXTS = [
    '[sharing]\nrule = "static"',
    '[sharing]\nrule = "hybrid"',
    '[sharing]\nrule = "equal"',
    '[sharing]\nrule = "iterative"\nrounds = 3',
    '[sharing]\nrule = "priority"',
    '[sharing]\nrule = "book"',
    '[[pools]]\nname = "p"\nproducers = ["a", "b"]\nconsumers = ["b", "c", "d"]\nrule = "hybrid"\nrounds = 2\n'
    "keys = [{ percent = { b = 33.3333, c = 66.6667 } }]\nparticipation_percent = { b = 70, d = 12.5 }\n"
    '[[pools]]\nname = "q"\nparticipation_percent = { b = 30 }',
    '[sharing]\nrule = "optimal"',
    "",
]
PLACES = [["building = '1'", "feeder = 'x'"], ["building = '1'"], ["feeder = 'x'"], []]
FEES = """
[[fees]]
name = "fee"
party = "grid"
building = 1.01
feeder = 20.00
community = 30.03
grid = 77.77
vat_percent = 19
[[charges]]
name = "membership"
monthly = 0.333
vat_percent = 7
"""


def some_village(sharing: str, order: Sequence[int] = range(4)) -> Community:
    homes = [member(name, *places) for name, places in zip("abcd", PLACES, strict=True)]
    return house(*(homes[m] for m in order), sharing=sharing, rest=PRICES + FEES)


energies = st.lists(st.lists(st.integers(0, 900), min_size=8, max_size=8), min_size=1, max_size=5)


def as_registers(rows: list[list[int]]) -> dict[tuple[str, str], list[int]]:
    return {
        (name, register): [row[2 * m + k] for row in rows]
        for m, name in enumerate("abcd")
        for k, register in enumerate(("import", "export"))
    }


@settings(max_examples=60)
@given_by(st.sampled_from(RULE_TEXTS), energies, st.permutations(range(4)))
def test_energy_and_money_are_conserved_and_the_order_of_members_is_irrelevant(
    sharing: str, rows: list[list[int]], order: list[int]
) -> None:
    energy = as_registers(rows)
    done = settled(some_village(sharing), energy)  # type: ignore[arg-type]
    wanted, offered = done.energy.import_wh, done.energy.export_wh
    assert (done.taken_wh >= 0).all()
    assert (done.taken_wh <= wanted).all()
    assert (done.given_wh <= offered).all()
    assert (done.taken_wh.sum(1) == done.given_wh.sum(1)).all()
    for statement, m in zip(done.statements, range(4), strict=True):
        assert statement.from_community_wh + statement.from_grid_wh == wanted[:, m].sum()
        assert statement.to_community_wh + statement.to_grid_wh == offered[:, m].sum()
        assert sum(statement.from_tier_wh) == statement.from_community_wh
        assert sum(statement.to_tier_wh) == statement.to_community_wh
        by_item = {line.item: 0 for line in statement.lines}
        for line in statement.lines:
            by_item[line.item] += line.energy_wh or 0
        assert by_item.get("from grid", 0) == statement.from_grid_wh
        assert by_item.get("to community", 0) == statement.to_community_wh
    assert sum(s.cost_e8 for s in done.statements) == sum(done.received_e8.values())
    assert done.community_e8 == 4 * 33_300_000  # one price for both: only the charges stay
    again = settled(some_village(sharing, order), dict(reversed(energy.items())))  # type: ignore[arg-type]
    assert again.statements == done.statements


prices = st.tuples(*(st.integers(-100, 400) for _ in range(6)))


def apart(rule: Rule, own: Sequence[int], buyer: int, seller: int, rows: list[list[int]]) -> Settlement:
    """Two pairs of members with suppliers of their own: `own` is what two of them ask, and then pay, a MWh."""
    names = ("ask-1", "ask-2", "pay-1", "pay-2", "buyer", "seller")
    tariffs = "".join(
        f'[[tariffs]]\nname = "{name}"\nprice = {price}\n'
        for name, price in zip(names, (*own, buyer, seller), strict=True)
    )
    rest = f'[prices]\nbuyer = "buyer"\nseller = "seller"\nsupply = "ask-1"\nfeed_in = "pay-1"\n{tariffs}'
    places = [*PLACES[:2], *([*place, 'supply = "ask-2"', 'feed_in = "pay-2"'] for place in PLACES[2:])]
    homes = [member(name, *lines) for name, lines in zip("abcd", places, strict=True)]
    return settled(house(*homes, rest=rest).under(rule), as_registers(rows))  # type: ignore[arg-type]


@settings(max_examples=60)
@given_by(st.sampled_from(RULES), energies, prices)
def test_nobody_is_worse_off_than_alone_where_prices_lie_between_and_nothing_is_charged(
    rule: Rule, rows: list[list[int]], drawn: tuple[int, ...]
) -> None:
    pay_1, pay_2, buyer, seller, ask_1, ask_2 = sorted(drawn)
    for inside in ((buyer, seller), (seller, buyer)):
        done = apart(rule, (ask_2, ask_1, pay_1, pay_2), *inside, rows)
        assert all(statement.saving_e8 >= 0 for statement in done.statements)


@settings(max_examples=60)
@given_by(energies, prices)
def test_book_makes_nobody_worse_off_at_any_prices(rows: list[list[int]], drawn: tuple[int, ...]) -> None:
    done = apart("book", drawn[:4], *drawn[4:], rows)
    assert all(statement.saving_e8 >= 0 for statement in done.statements)


@settings(max_examples=30)
@given_by(st.sampled_from(RULE_TEXTS), energies)
def test_money_is_the_sum_over_intervals_of_energy_times_price(sharing: str, rows: list[list[int]]) -> None:
    rest = PRICES.replace(
        "price = 300.00",
        """zones = [
    { name = "early", price = 200.01, hours = ["00:00-00:15", "00:45-01:00"] }, { name = "late", price = 333.33 }]""",
    )
    homes = [member(name, *places) for name, places in zip("abcd", PLACES, strict=True)]
    done = settled(house(*homes, sharing=sharing, rest=rest), as_registers(rows))  # type: ignore[arg-type]
    retail = [20_001 if t in (0, 3) else 33_333 for t in range(len(rows))]
    for m, statement in enumerate(done.statements):
        cost = 0
        for t, price in enumerate(retail):
            taken_wh, given_wh = int(done.taken_wh[t, m]), int(done.given_wh[t, m])
            cost += taken_wh * 15_000 + (rows[t][2 * m] - taken_wh) * price
            cost -= given_wh * 15_000 + (rows[t][2 * m + 1] - given_wh) * 8_000
        assert statement.cost_e8 == cost
        alone = sum(rows[t][2 * m] * price - rows[t][2 * m + 1] * 8_000 for t, price in enumerate(retail))
        assert statement.cost_alone_e8 == alone


# Rules compared -------------------------------------------------------------------------------------------------------
def test_the_same_period_under_every_rule() -> None:
    outcomes = compare(house(*FOUR), [given(house(*FOUR), ROOF)])
    assert outcomes[0].rule == "dynamic"  # their own, then the others
    assert sorted(outcome.rule for outcome in outcomes) == sorted(RULES)
    static, dynamic = (next(each for each in outcomes if each.rule == rule) for rule in ("static", "dynamic"))
    assert dynamic.saving_e8 == {"anna": 125 * 15_000, "ben": 375 * 15_000, "carla": 500 * 15_000}
    assert (static.shared_wh, dynamic.shared_wh) == (866, 1_000)
    # Pairs differ by 250, 375 and 125: half the mean of the nine, over the mean of 1000/3.
    assert dynamic.gini == Fraction(250 + 375 + 125, 3 * 1_000)


def test_gini_by_hand() -> None:
    assert gini([5, 5, 5]) == 0
    assert gini([0, 0, 9]) == Fraction(2, 3)
    assert gini([1, 3]) == Fraction(1, 4)
    assert gini([0, 0]) is None
    assert gini([-3, 1]) is None


def test_keys_serve_static_and_hybrid_only() -> None:
    keyed = house(*FOUR, sharing='[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 100 } }]')
    assert keyed.under("hybrid").all_pools[0].keys == keyed.all_pools[0].keys
    assert keyed.under("dynamic").all_pools[0].keys == []


def test_pools_with_different_rules_are_compared_as_they_stand() -> None:
    sharing = '[[pools]]\nname = "p"\nconsumers = ["anna"]\nrule = "static"\n[[pools]]\nname = "q"'
    mixed = house(*FOUR, sharing=sharing)
    outcomes = compare(mixed, [given(mixed, ROOF)])
    assert [outcome.rule for outcome in outcomes][:2] == ["as they stand", "static"]
    assert outcomes[0].shared_wh == sum(taken(settled(mixed, ROOF)))


def test_a_plant_that_takes_nothing_pays_no_supplier_by_the_month() -> None:
    rest = PRICES.replace("price = 300.00", "price = 300.00\nmonthly = 5")
    done = settled(house(*FOUR, rest=rest), ROOF)
    fixed = {s.name: [line.net_e8 for line in s.lines if line.detail == "monthly"] for s in done.statements}
    assert fixed == {"anna": [5 * E8], "ben": [5 * E8], "carla": [5 * E8], "roof": []}


def test_prices_may_be_negative() -> None:
    done = settled(house(*FOUR, rest=PRICES.replace("price = 150.00", "price = -20.00")), ROOF)
    assert of(done, "anna").lines[0].net_e8 == -125 * 2_000
    assert done.community_e8 == -1_000 * 2_000


def test_too_much_energy_or_money_is_refused() -> None:
    with pytest.raises(BadInput, match=r"import = 4000000001600 Wh: must be at most 4000000000000 Wh of all members"):
        settled(house(*FOUR), ROOF | {("anna", "import"): [4 * 10**12 + 200]})
    dear = PRICES.replace("price = 300.00", "price = 30_000.00")
    with pytest.raises(BadInput, match=r"kWh: .*is too large to be counted, times its price"):
        settled(house(*FOUR, rest=dear), ROOF | {("anna", "import"): [3 * 10**12]})


@pytest.mark.parametrize("sharing", RULE_TEXTS)
def test_the_most_energy_is_still_counted_exactly(sharing: str) -> None:
    most = 10**12 - 1
    energy = {(name, register): [most] for name in "abcd" for register in ("import", "export")}
    done = settled(house(*(member(name) for name in "abcd"), sharing=sharing), energy)  # type: ignore[arg-type]
    assert done.taken_wh.sum() == done.given_wh.sum() <= 4 * most
    if sharing == "":
        assert (done.taken_wh == most).all()


def test_a_month_settled_in_parts_is_charged_once() -> None:
    rest = PRICES + '[[charges]]\nname = "fee"\nmonthly = 1\nentry = 7\n'
    homes = [member("anna"), member("ben", "joined = 2026-01-02")]
    day = {("anna", "import"): [1] * 96, ("ben", "import"): [1] * 96}
    parts = [settled(house(*homes, rest=rest), day, BEGIN + n * 86_400) for n in range(3)]
    fees = [{s.name: [n.detail for n in s.lines if n.item == "fee"] for s in part.statements} for part in parts]
    assert fees == [{"anna": ["monthly"]}, {"anna": [], "ben": ["monthly", "entry"]}, {"anna": [], "ben": []}]


def test_a_meter_passes_from_one_member_to_another() -> None:
    homes = [
        member("old", 'meters = ["flat"]', "left = 2026-01-02"),
        member("new", 'meters = ["flat"]', "joined = 2026-01-02"),
    ]
    done = settled(house(*homes), {("flat", "import"): [1] * 96 + [2] * 96})
    assert [(s.name, s.from_grid_wh) for s in done.statements] == [("new", 192), ("old", 96)]
    with pytest.raises(BadInput, match=r"members\[1\].meters = flat: is the meter of old at the same time"):
        house(homes[0], homes[1].replace("2026-01-02", "2026-01-01"))
