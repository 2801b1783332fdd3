"""Bad rules are refused in one line that names file, key, value and limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.community import PRICES, house, member, rules_of
from voltadesk.community.rules import read_rules
from voltadesk.errors import BadInput

TWO = (member("anna"), member("ben"))


def refused(*members: str, sharing: str = "", rest: str = PRICES, head: str = "") -> str:
    with pytest.raises(BadInput) as caught:
        house(*(members or TWO), sharing=sharing, rest=rest, head=head)
    return str(caught.value).removeprefix("community.toml: ")


@pytest.mark.parametrize(
    ("sharing", "said"),
    [
        (
            '[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 60, ben = 41 } }]',
            "sharing.keys[0].percent = 101: must sum to 100",
        ),
        (
            '[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 60, bob = 40 } }]',
            "sharing.keys[0].percent = bob: must be one of the members: anna, ben",
        ),
        (
            '[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 33.33333, ben = 66.66667 } }]',
            "sharing.keys[0].percent.anna = 33.33333: must have at most 4 decimals",
        ),
        (
            "[sharing]\nkeys = [{ percent = { anna = 100 } }]",
            "sharing.keys: belong to the rules static, hybrid and iterative",
        ),
        ("[sharing]\nrounds = 3", "sharing.rounds = 3: belong to the rules hybrid and iterative"),
        (
            '[sharing]\nrule = "hybrid"\nkeys = [{ valid_from = 2026-02-01, percent = { anna = 100 } }, '
            "{ valid_from = 2026-02-01, percent = { ben = 100 } }]",
            "sharing.keys[1].valid_from = 2026-02-01: must be after that of the keys before",
        ),
        (
            '[sharing]\nrule = "fair"',
            "sharing.rule = fair: must be 'static', 'dynamic', 'hybrid', 'iterative', 'equal', 'priority', 'book' or "
            "'optimal'",
        ),
        (
            '[[pools]]\nname = "p"\nproducers = ["anna", "bob"]',
            "pools[0].producers = bob: must be one of the members: anna, ben",
        ),
        (
            '[[pools]]\nname = "p"\nconsumers = ["anna", "anna"]',
            "pools[0].consumers = [anna, anna]: must not name a member twice",
        ),
        (
            '[[pools]]\nname = "p"\nbuyer = "gold"',
            "pools[0].buyer = gold: must be one of the tariffs: feed-in, retail, solar",
        ),
        ('[[pools]]\nname = "p"\n[[pools]]\nname = "P"', "pools[1].name = P: must not be given twice"),
        ('[sharing]\n[[pools]]\nname = "p"', "sharing: must not be given beside pools"),
    ],
)
def test_sharing(sharing: str, said: str) -> None:
    assert refused(sharing=sharing).startswith(said)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ((member("anna"), member("Anna")), "members[1].name = Anna: must not be given twice"),
        (
            (member("anna", 'meters = ["m"]'), member("ben", 'meters = ["m"]')),
            "members[1].meters = m: is the meter of anna at the same time",
        ),
        (
            (member("anna", "joined = 2026-02-01", "left = 2026-01-01"),),
            "members[0].left = 2026-01-01: must be after joined",
        ),
        ((member("anna", 'supply = "gold"'),), "members[0].supply = gold: must be one of the tariffs"),
        ((member("../anna"),), "members[0].name = ../anna: must be 1 to 40 of"),
        ((member("anna", 'title = "a|b"'),), "members[0].title = a|b: must be one line of text without |"),
        ((member("anna", "shared = 1"),), "members[0].shared = 1: must be true or false"),
        ((member("anna", "metres = 1"),), "members[0].metres = 1: is not a key of a community"),
    ],
)
def test_members(members: tuple[str, ...], said: str) -> None:
    assert refused(*members).startswith(said)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[[tariffs]]\nname = "x"', "tariffs[3].price: must be given, or else one of zones, share, midpoint, index"),
        (
            '[[tariffs]]\nname = "x"\nprice = 1\nmidpoint = ["retail", "solar"]',
            "tariffs[3].price = price, midpoint: must be given",
        ),
        (
            '[[tariffs]]\nname = "x"\nshare = { of = "y", percent = 50 }',
            "tariffs[3] = y: must be one of the tariffs that stand before",
        ),
        (
            '[[tariffs]]\nname = "x"\nmidpoint = ["retail", "x"]',
            "tariffs[3] = x: must be one of the tariffs that stand before it",
        ),
        (
            '[[tariffs]]\nname = "retail"\nprice = 1',
            "tariffs[3].valid_from: must be after that of the tariff retail before",
        ),
        ('[[tariffs]]\nname = "x"\nprice = 1.005', "tariffs[3].price = 1.005: must have at most 2 decimals"),
        (
            '[[tariffs]]\nname = "x"\nzones = [{ name = "d", price = 1, hours = "25:00-26:00" }]',
            "tariffs[3].zones[0].hours[0] = 25:00",
        ),
        ('[[fees]]\nname = "f"\nparty = "p"\ngrid = "gold"', "fees[0].grid = gold: must be one of the tariffs"),
        ('[[charges]]\nname = "c"\nmembers = ["bob"]', "charges[0].members = bob: must be one of the members"),
        ('[[charges]]\nname = "c"\nmonthly = -1', "charges[0].monthly = -1: must lie between 0 and"),
    ],
)
def test_tariffs_fees_and_charges(more: str, said: str) -> None:
    assert refused(rest=f"{PRICES}\n{more}").startswith(said)


def test_the_rest() -> None:
    assert refused(head='timezone = "Europe/Bern"').startswith("timezone = Europe/Bern: must be an IANA time zone")
    assert refused(head="interval_minutes = 20") == "interval_minutes = 20: must be one of 5, 10, 15, 30, 60"
    with pytest.raises(BadInput, match=r"community.toml: version: must be given"):
        rules_of("")
    with pytest.raises(BadInput, match=r"rules = .*none.toml: no such file"):
        read_rules(Path("none.toml"))


def test_defaults() -> None:
    rules = house(*TWO)
    assert [member.meter_names for member in rules.members] == [["anna"], ["ben"]]
    assert [(pool.name, pool.rule) for pool in rules.all_pools] == [("community", "dynamic")]
