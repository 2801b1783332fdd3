"""`voltadesk community compare` through the public door: rules side by side, and what if."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Done, call, refusal
from tests.test_community_command import GOOD, RULES, meters, rules, tree
from voltadesk.community.rules import RULES as SHARING_RULES

D = Decimal
SUNNY = [*["100,300,0"] * 32, *["100,300,1500"] * 32, *["100,300,0"] * 32]


def compare(folder: Path, *options: str | Path, rows: list[str] = GOOD, text: str = RULES) -> Done:
    words = ("community", "compare", meters(folder, rows), "--rules", rules(folder, text), "--from", "2026-01-01")
    return call(*words, *options)


def by_rule(done: Done) -> dict[str, Any]:
    return {rule["rule"]: rule for rule in tree(done)["rules"]}


def test_rules_side_by_side(tmp_path: Path) -> None:
    found = tree(compare(tmp_path, "--json"))
    assert found["what_if"] is None
    outcomes = {rule["rule"]: rule for rule in found["rules"]}
    assert next(iter(outcomes)) == "dynamic"  # its own
    # Equal keys: 100 for each, all used; by want: 50 and 150.
    assert outcomes["static"]["members"]["anna"] == D("9.6") * D("0.21") - D("0.333")
    assert outcomes["dynamic"]["members"]["ben"] == D("14.4") * D("0.21") - D("0.333")
    assert outcomes["static"]["gini"] == 0
    assert outcomes["dynamic"]["gini"] > 0
    for rule in outcomes.values():
        assert rule["from_community_kwh"] == D("19.2")
        assert (rule["self_sufficiency"], rule["self_consumption"]) == (D("0.5"), 1)
        assert rule["what_if"] is None


def test_other_rules_beside_their_own(tmp_path: Path) -> None:
    other = tmp_path / "dear.toml"
    other.write_text(RULES.replace("price = 150.00", "price = 200.00"))
    found = tree(compare(tmp_path, "--also", other, "--json"))["rules"]
    assert [rule["rule"] for rule in found] == [
        "dynamic", "static", "hybrid", "iterative", "equal", "priority", "book", "optimal", "dynamic",
    ]  # fmt: skip
    assert {rule["file"] for rule in found[:-1]} == {str(tmp_path / "community.toml")}
    assert found[-1]["file"] == str(other)
    # The roof is the community's: what members save less is its own.
    assert found[0]["saving"] - found[-1]["saving"] == D("19.2") * D("0.05")
    assert found[-1]["community_received"] - found[0]["community_received"] == D("19.2") * D("0.05")
    shown = compare(tmp_path, "--also", other).out
    assert "dear.toml" in shown


def test_other_rules_must_fit(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(RULES.replace("Europe/Vienna", "UTC"))
    said = refusal(compare(tmp_path, "--also", other))
    assert said.endswith(f"timezone = UTC: must be that of {tmp_path / 'community.toml'}: Europe/Vienna")
    same = tmp_path / "community.toml"
    assert "must not be given twice" in refusal(compare(tmp_path, "--also", same))


def test_with_a_battery(tmp_path: Path) -> None:
    options = ("--battery", "10kWh,10kW,86%", "--json")
    rolling = by_rule(compare(tmp_path, *options, rows=SUNNY))["dynamic"]
    best = by_rule(compare(tmp_path, *options, "--hindsight", rows=SUNNY))["dynamic"]
    for rule in (rolling, best):
        changed, battery = rule["what_if"], rule["what_if"]["battery"]
        assert battery["taken_kwh"] == battery["given_kwh"] + battery["lost_kwh"] + battery["left_kwh"]
        assert changed["gain"] == changed["community_gain"] + sum(changed["gains"].values()) == battery["worth"]
        assert (changed["smallest_gain"], changed["largest_gain"]) == (
            min(changed["gains"].values()), max(changed["gains"].values()),
        )  # fmt: skip
        assert changed["self_sufficiency"] > rule["self_sufficiency"]
        assert changed["self_consumption"] > rule["self_consumption"]
    assert best["what_if"]["battery"]["worth"] == best["what_if"]["battery"]["worth_in_hindsight"]
    assert 0 < rolling["what_if"]["battery"]["worth"] <= rolling["what_if"]["battery"]["worth_in_hindsight"]
    # Full at the end of the sun it gives its 10 kWh less what is lost on the way out, and in parts of a watt-hour.
    assert D("9.23") < best["what_if"]["battery"]["given_kwh"] < D("9.274")


def test_what_was_changed_is_told(tmp_path: Path) -> None:
    text = RULES.replace("[prices]", '[sharing]\nrule = "static"\nkeys = [{percent = {anna = 40, ben = 60}}]\n[prices]')
    options = ("--without", "ben", "--with", "ida=anna*1.5", "--roof", "ida=roof*0.25", "--roof", "anna=2.5kWp",
               "--battery", "4kWh")  # fmt: skip
    found = tree(compare(tmp_path, *options, "--json", rows=SUNNY, text=text))["what_if"]
    made, own = found.pop("roofs_kwh"), found.pop("roofs_own_use_kwh")
    assert made > D(48) / 4
    assert 0 < own < made
    assert found == {
        "without": ["ben"],
        "with": [{"name": "ida", "like": "anna", "factor": D("1.5")}],
        "keys_scaled": True,
        "roofs": [
            {"member": "ida", "like": "roof", "factor": D("0.25"), "peak_kw": None},
            {"member": "anna", "like": None, "factor": None, "peak_kw": D("2.5")},
        ],
        "battery": {"energy_kwh": 4, "power_kw": 2, "efficiency": D("0.86"), "run": "rolling"},
    }
    shown = compare(tmp_path, *options, rows=SUNNY, text=text).out
    for said in (
        "without ben",
        "with ida, like 1.5 times anna",
        "keys keep their proportions and sum to 100 again",
        "a roof on ida that makes 0.25 times what that of roof does",
        "a roof of 2.5 kW on anna: a clear sky at 48 N 9 E",
        "are used behind the meter",
        "a battery of 4 kWh and 2 kW that gives back 86.0 % of what it takes, empty at first",
        "run without looking ahead",
        "as it stands",
        "what the change costs is not counted",
    ):
        assert said in " ".join(shown.split()), said


def test_changes_that_come_to_nothing(tmp_path: Path) -> None:
    for options in (("--without", "ben", "--with", "ben=ben"), ("--roof", "anna=roof*0"), ("--battery", "0kWh")):
        for rule in by_rule(compare(tmp_path, *options, "--json", rows=SUNNY)).values():
            changed = rule["what_if"]
            assert {key: changed[key] for key in rule if key in changed} == {
                key: rule[key] for key in rule if key in changed
            }
            assert changed["gain"] == 0


def test_a_run_goes_on_from_month_to_month(tmp_path: Path) -> None:
    rows = SUNNY * 33
    words = ("community", "compare", meters(tmp_path, rows), "--rules", rules(tmp_path), "--battery", "8kWh", "--json")
    both = by_rule(call(*words, "--from", "2026-01-30", "--to", "2026-02-02"))["dynamic"]["what_if"]["battery"]
    apart = [
        by_rule(call(*words, "--from", begin, "--to", end))["dynamic"]["what_if"]["battery"]
        for begin, end in (("2026-01-30", "2026-01-31"), ("2026-02-01", "2026-02-02"))
    ]
    assert both["taken_kwh"] == both["given_kwh"] + both["lost_kwh"] + both["left_kwh"]
    assert both["worth"] >= sum(each["worth"] for each in apart)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--battery", "20"), "battery = 20: must be such as 20kWh, 20kWh,10kW or 20kWh,10kW,86%"),
        (("--battery", "20kWh,120%"), "battery = 120: must lie between 0.0001 and 100 %"),
        (("--battery", "2000000kWh"), "battery = 2000000: must lie between 0 and 1000000 kWh"),
        (("--battery", "0.0001kWh"), "battery = 0.0001: must have at most 3 decimals"),
        (("--hindsight",), "hindsight: belongs to --battery"),
        (("--roof", "anna"), "roof = anna: must be such as anna=ben, anna=ben*1.5 or anna=5kWp"),
        (("--roof", "anna=99999kWp"), "roof = 99999: must lie between 0 and 10000 kWp"),
        (("--roof", "anna=roof*101"), "roof = 101: must lie between 0 and 100"),
        (
            ("--roof", "anna=dora"),
            "roof = dora: must be one of the members: anna, ben, roof, or a peak power such as 5kWp",
        ),
        (("--with", "ida"), "with = ida: must be such as anna=ben or anna=ben*1.5"),
        (("--with", "anna=ben"), "with = anna: is a member already"),
        (("--without", "dora"), "without = dora: must be one of the members: anna, ben, roof"),
    ],
)
def test_what_can_not_be_understood_is_refused(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    assert refusal(compare(tmp_path, *options)).endswith(said)


@pytest.mark.parametrize("name", ["flats", "village"])
def test_the_shipped_communities_with_everything(name: str) -> None:
    roof = "roof=roof*0.1" if name == "flats" else "house-5=house-3"
    gone = "flat-1" if name == "flats" else "school"
    words = ("--without", gone, "--with", f"new={gone}", "--roof", roof, "--battery", "10kWh", "--json")
    found = by_rule(
        call("community", "compare", name, "--rules", name, "--from", "2026-03-28", "--to", "2026-03-30", *words)
    )
    assert len(found) == len(SHARING_RULES)
    for rule in found.values():
        changed = rule["what_if"]
        assert changed["gain"] == changed["community_gain"] + sum(changed["gains"].values())
        # All that is not gained or lost by members and community is suppliers', grid's and state's.
        assert changed["gains"]["new"] == changed["members"]["new"]
        assert changed["gains"][gone] == -rule["members"][gone]
