"""Random chains of corrections: what was payable adds up, numbers have no gap, and nothing is told twice."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st

from tests.community import house, member, settled
from voltadesk.community.billed import read_billed
from voltadesk.community.rules import Community
from voltadesk.community.settlement import Settlement
from voltadesk.report.community_figures import Period
from voltadesk.report.community_figures import settled as tree_of
from voltadesk.report.exact_json import json_text

NAMES = ("anna", "ben", "carla", "dora")
REGISTERS = ("import", "export")
MONEY = """
[prices]
buyer = "solar"
seller = "solar"
supply = "retail"
feed_in = "feed-in"

[[tariffs]]
name = "retail"
price = 314.15
vat_percent = 19
monthly = 3.33
[[tariffs]]
name = "feed-in"
price = 80.01
billed = true
[[tariffs]]
name = "solar"
price = 151.37
vat_percent = 7
[[charges]]
name = "fee"
monthly = 0.333
"""
RULES = ("dynamic", "static", "equal", "priority", "optimal")


@dataclass(frozen=True)
class Month:
    """What the grid operator says of a month, and who is a member in it by what rule."""

    energy_wh: Mapping[str, tuple[Sequence[int], Sequence[int]]]  # by member: taken from the grid and fed in
    rule: str = "dynamic"

    def settled(self) -> tuple[Community, Settlement]:
        rules = house(
            *(member(name) for name in self.energy_wh),
            member("roof", "shared = true"),
            sharing=f'[sharing]\nrule = "{self.rule}"',
            rest=MONEY,
        )
        energy = {
            (name, register): values
            for name, both in self.energy_wh.items()
            for register, values in zip(REGISTERS, both, strict=True)
        }
        return rules, settled(rules, energy | {("roof", "export"): [40_000, 0, 90_000, 5_000]})


@dataclass
class Chain:
    """Settlements of one month in folders, each against all before it."""

    folder: Path
    folders: list[str] = field(default_factory=list)
    periods: list[Any] = field(default_factory=list)

    def add(self, month: Month, billed: Sequence[str] | None = None) -> Any:
        rules, settlement = month.settled()
        known = self.folders if billed is None else billed
        before = read_billed(known, rules, {"2026-01": settlement.energy.grid})["2026-01"] if known else None
        tree = tree_of(rules, [], [Period("2026-01", settlement, before)])
        folder = self.folder / str(len(self.folders))
        folder.mkdir()
        (folder / "settlement.json").write_text(json_text(tree))
        self.folders.append(str(folder))
        self.periods.append(tree["periods"][0])
        return self.periods[-1]


values = st.lists(st.integers(0, 60_000), min_size=4, max_size=4)
months = st.builds(
    Month,
    st.dictionaries(st.sampled_from(NAMES), st.tuples(values, values), min_size=1, max_size=4),
    st.sampled_from(RULES),
)


@st.composite
def chains(draw: st.DrawFn) -> list[Month]:
    """Months of which each may change a single number of the one before, all of it, or nothing."""
    found = [draw(months)]
    for _ in range(draw(st.integers(1, 5))):
        last = found[-1]
        kind = draw(st.sampled_from(("same", "one", "other")))
        if kind == "other":
            last = draw(months)
        elif kind == "one":
            name = draw(st.sampled_from(sorted(last.energy_wh)))
            taken, fed = last.energy_wh[name]
            changed = [*taken[:-1], taken[-1] + draw(st.integers(1, 50))]
            last = Month({**last.energy_wh, name: (changed, fed)}, last.rule)
        found.append(last)
    return found


@settings(max_examples=60)
@given_by(chains(), st.randoms(use_true_random=False))
def test_any_chain_of_corrections_comes_to_a_fresh_settlement(found: list[Month], draw: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(Path(folder))
        for month in found:
            billed = list(chain.folders)
            draw.shuffle(billed)  # the order in which folders are named means nothing
            chain.add(month, billed)
        fresh = tree_of(*_fresh(found[-1]))["periods"][0]
    whole = {m["name"]: m for m in fresh["members"]}
    told = [m for period in chain.periods for m in period["members"]]
    for name in {m["name"] for m in told} - {"roof"}:
        paid = sum(m["payable"] for m in told if m["name"] == name)
        assert paid == (whole[name]["payable"] if name in whole else 0)
    numbers = [m["statement"] for m in told if m["statement"] is not None]
    assert numbers == [f"house-2026-01-{n:03d}" for n in range(1, len(numbers) + 1)]
    for period in chain.periods:
        assert period["sum"] == 0
        owed = sum(Decimal(1 if p["direction"] == "collect" else -1) * p["amount"] for p in period["payments"])
        assert owed == sum(m["payable"] for m in period["members"] if m["statement"])
    assert _without_bills(chain.periods[-1]) == _without_bills(fresh)


def _fresh(month: Month) -> tuple[Community, list[Any], list[Period]]:
    rules, settlement = month.settled()
    return rules, [], [Period("2026-01", settlement)]


def _without_bills(period: Any) -> Any:
    """What is right now, whatever was billed before."""
    keys = {"statement", "corrects", "payable", "billed_before", "payable_before", "energy_kwh_before",
            "corrected_lines"}  # fmt: skip
    members = [
        {key: value for key, value in m.items() if key not in keys}
        for m in period["members"]
        if m["lines"] or m["without_community"] or m["cost"]
    ]
    return {k: v for k, v in period.items() if k not in ("members", "payments", "notes")} | {"members": members}


@settings(max_examples=60)
@given_by(chains())
def test_a_statement_is_made_just_where_its_figures_changed(found: list[Month]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(Path(folder))
        for month in found:
            chain.add(month)
    last: dict[str, Any] = {}
    numbers: dict[str, str] = {}
    payable: dict[str, Decimal] = {}
    for period in chain.periods:
        for m in period["members"]:
            name, before = m["name"], last.get(m["name"])
            keys = ("energy_kwh", "from_community_kwh", "to_community_kwh", "lines", "without_community")
            figures = {key: m[key] for key in keys}
            if name != "roof":
                assert (m["statement"] is not None) == (figures != before)
                assert m["corrects"] == (numbers.get(name) if m["statement"] else None)
                assert m["payable_before"] == payable.get(name)
                payable[name] = payable.get(name, Decimal(0)) + m["payable"]
            assert (m["energy_kwh_before"] is not None) == (before is not None and figures != before)
            if m["energy_kwh_before"] is not None and before is not None:
                assert m["energy_kwh_before"] == before["energy_kwh"]
                _check_lines(m, before)
            last[name] = figures
            numbers[name] = m["statement"] or numbers.get(name, "")


def _check_lines(m: Any, before: Any) -> None:
    """What is said of each line is what stood on the statement before, and on this one."""
    for key in ("net", "tax", "gross", "energy_kwh"):
        lines = [line for line in m["corrected_lines"] if line[key] is not None]
        assert sum(line[f"{key}_before"] for line in lines) == sum(line[key] or 0 for line in before["lines"])
        assert sum(line[key] for line in lines) == sum(line[key] or 0 for line in m["lines"])
        assert all(line[f"{key}_before"] + line[f"{key}_difference"] == line[key] for line in lines)


def test_numbers_grow_longer_where_they_must() -> None:
    names = [f"m{n:04d}" for n in range(500)]
    with tempfile.TemporaryDirectory() as folder:
        chain = Chain(Path(folder))
        chain.add(Month({name: ([1, 1, 1, 1], [0] * 4) for name in names}, "static"))
        chain.add(Month({name: ([2, 2, 2, 2], [0] * 4) for name in names}, "static"))
        last = chain.add(Month({name: ([3, 2, 2, 2], [0] * 4) for name in names[:2]}, "static"))
        assert [m["statement"] for m in chain.periods[1]["members"]][-2:] == ["house-2026-01-1000", None]
        assert last["members"][0]["statement"] == "house-2026-01-1001"
        assert last["members"][0]["corrects"] == "house-2026-01-501"
        again = chain.add(Month({name: ([3, 2, 2, 2], [0] * 4) for name in names[:2]}, "static"))
        assert [m["statement"] for m in again["members"]] == [None] * 501
