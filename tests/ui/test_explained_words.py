"""What is said of an interval under each rule; the figures themselves are tests/community/test_explanation.py's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import pytest

from tests.community import given, house, member
from tests.community.test_settlement import FOUR, ROOF
from voltadesk.community.explanation import explain
from voltadesk.community.settlement import settle
from voltadesk.ui.charts.prose import broken
from voltadesk.ui.explained_words import of_member
from voltadesk.ui.inks import FAINT, TEXT

KEYS = "keys = [{ percent = { anna = 50, ben = 30, carla = 20 } }]"
UTC = ZoneInfo("UTC")


def told(
    sharing: str,
    name: str,
    homes: Sequence[str] = FOUR,
    energy_wh: Mapping[tuple[str, str], list[int]] = ROOF,  # type: ignore[assignment]
    interval: int = 0,
) -> str:
    rules = house(*homes, sharing=sharing)
    energy, tariffs = given(rules, energy_wh)  # type: ignore[arg-type]
    done = settle(rules, energy, tariffs)
    found = explain(done, tariffs, interval, energy.names.index(name))
    return "\n".join("".join(text for text, _ in paragraph) for paragraph in of_member(found, "EUR", UTC))


@pytest.mark.parametrize(
    ("sharing", "name", "said"),
    [
        ("", "anna", "yours is 0.200 of 1.600 (12.5%), and that part of 1.000 is 0.125 kWh."),
        (
            f'[sharing]\nrule = "static"\n{KEYS}',
            "anna",
            "By the rule static your key of 50 % of 1.000 is 0.500 kWh, of which you could use 0.200 kWh.",
        ),
        ('[sharing]\nrule = "static"', "anna", "an equal part among 3 of 1.000 is 0.33"),
        (
            '[sharing]\nrule = "static"\nkeys = [{ percent = { anna = 100 } }]',
            "ben",
            "By the rule static you have no key, so none of it is yours.",
        ),
        (
            f'[sharing]\nrule = "hybrid"\n{KEYS}',
            "ben",
            "– round 2: 0.300 kWh were left, your key of 30 out of the 50 % that still want some of it is 0.180 kWh.",
        ),
        (
            f'[sharing]\nrule = "iterative"\nrounds = 2\n{KEYS}',
            "ben",
            "– round 2: 0.300 kWh were left, your key of 30 % of it is 0.090 kWh.",
        ),
        (
            '[sharing]\nrule = "book"',
            "ben",
            "At that or less 1.000 kWh were for sale; 0.000 kWh were wanted by those before you.\n"
            "Who bids the same takes turns: 1.600 kWh were wanted at your price.",
        ),
        ('[sharing]\nrule = "equal"', "carla", "By the rule equal an equal part among 3 of 1.000 is 0.33"),
        ('[sharing]\nrule = "optimal"', "carla", "By the rule optimal (the best keys of the month) your key of"),
        ('[sharing]\nrule = "priority"', "anna", "beyond the same building and feeder: 1.000 kWh for 1.600 still"),
        ("", "roof", "The community took 1.000 kWh of 1.000 kWh offered, from each in proportion; you offered 1.000"),
        ("", "roof", "This plant is the community's"),
        (
            '[[pools]]\nname = "p"\nconsumers = ["anna"]\n[[pools]]\nname = "q"\n'
            "participation_percent = { ben = 12.5 }",
            "ben",
            "You are not among those it is shared with.\n\nThe pool q had 0.800 kWh for 0.875 kWh wanted.\n"
            "You take part with 12.5 % of what you use: 0.075 kWh here.",
        ),
        (
            '[[pools]]\nname = "p"\nconsumers = ["anna"]\n[[pools]]\nname = "q"',
            "anna",
            "You wanted nothing more.",
        ),
    ],
)  # fmt: skip
def test_what_is_said(sharing: str, name: str, said: str) -> None:
    assert said in told(sharing, name)


def test_a_bid_below_what_buyers_pay() -> None:
    homes = [member("anna", 'supply = "feed-in"'), *FOUR[1:]]
    assert "Buyers pay 0.15000 here, which is more" in told('[sharing]\nrule = "book"', "anna", homes)


def test_many_rounds_are_summed_up() -> None:
    names = [f"m{n}" for n in range(8)]
    # Each but the last has enough in a round of its own.
    wants = (30_000, 103_000, 110_500, 111_200, 111_310, 111_327, 900_000, 900_000)
    energy = {(name, "import"): [want] for name, want in zip(names, wants, strict=True)}
    energy[("sun", "export")] = [800_000]
    homes = [*(member(name) for name in names), member("sun", "shared = true")]
    text = told('[sharing]\nrule = "equal"', "m7", homes, energy)
    assert "– round 4: " in text
    assert re.search("– in [34] more rounds: ", text)


def test_who_is_no_member_and_who_does_nothing() -> None:
    homes = [member("a"), member("b", "joined = 2026-02-01")]
    energy = {("a", "import"): [0], ("b", "import"): [7]}
    assert "You were no member of the community then." in told("", "b", homes, energy)
    assert "You used 0.000 kWh." in told("", "a", homes, energy)


def test_paragraphs_are_broken_at_blanks_and_keep_their_inks() -> None:
    lines = broken([("one two", TEXT), (" three", FAINT), ("  four", TEXT)], 9)
    assert ["".join(text for text, _ in line).rstrip() for line in lines] == ["one two", "  three", "  four"]
    assert lines[1][-2:][0][1] == FAINT
    assert broken([], 9) == [[]]
    assert broken([("a-word-too-long for it", TEXT)], 9)[0][0] == ("a-word-too-long", TEXT)
