"""`voltadesk headless replay` of a community on an order book, and communities compared."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands import refusal
from tests.replays import LIVELY, replay, report, rows, scenario_file, tree
from tests.scenario import changed

CONTINUOUS = changed(('rule = "mid-market"', 'rule = "continuous"'), text=LIVELY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("communities")
    done = replay(scenario_file(folder, CONTINUOUS), "--out", folder / "out")
    assert (done.code, done.err) == (0, "")
    (folder / "report.txt").write_text(done.out, "utf-8")
    return folder


def test_the_report_tells_welfare_and_convergence_by_day(folder: Path) -> None:
    told = report(folder)["community"]
    assert [day["day"] for day in told["days"]] == ["2026-03-28", "2026-03-29"]
    for name in ("quotes", "trades", "welfare", "possible_welfare", "equilibrium_mwh"):
        assert sum(day[name] for day in told["days"]) == told[name] > 0
    assert 0 < told["efficiency"] <= 1
    assert abs(told["efficiency"] - told["welfare"] / told["possible_welfare"]) <= Decimal("0.00005")
    assert told["smith_alpha"] > 0
    assert 0 <= told["dispersion_per_mwh"] <= told["deviation_per_mwh"]
    assert "Community on the order book" in (folder / "report.txt").read_text("utf-8")


def test_tables_hold_what_the_report_sums(folder: Path) -> None:
    told, intervals = report(folder), rows(folder, "intervals")
    assert sum(row["community_trades"] for row in intervals) == told["community"]["trades"]
    assert sum(row["community_amount_e8"] for row in intervals) > 0
    assert {row["community_lowest_tick"] for row in intervals if not row["community_trades"]} == {None}
    receipts = [row for row in rows(folder, "trades") if row["market"] == "community"]
    assert {row["kind"] for row in receipts} == {"home", "battery"}
    assert sum(row["energy_wh"] for row in receipts) == sum(row["amount_e8"] for row in receipts) == 0
    assert all(row["amount_e8"] == -row["energy_wh"] * row["price_tick"] for row in receipts)
    for market in ("community", "auction"):
        mine = [row for row in rows(folder, "trades") if row["market"] == market and row["kind"] == "battery"]
        parts = [row for row in rows(folder, "participants") if row["kind"] == "battery"]
        assert sum(row["amount_e8"] for row in mine) == sum(row[f"{market}_e8"] for row in parts)
        assert sum(max(row["energy_wh"], 0) for row in mine) == sum(row[f"{market}_bought_wh"] for row in parts)


def test_a_rules_name_stands_for_its_table(tmp_path: Path) -> None:
    begin, end = LIVELY.index("[community]"), LIVELY.index("[upstream]")
    bare = LIVELY[:begin] + LIVELY[end:]
    named = bare.replace("version = 1", 'version = 1\ncommunity = "continuous"')
    longer = bare + '\n[community]\nrule = "continuous"\n'
    digests = [tree(replay(scenario_file(tmp_path, text), "--json"))["digest"] for text in (named, longer, bare)]
    assert digests[0] == digests[1] != digests[2]
    said = refusal(replay(scenario_file(tmp_path, named.replace('"continuous"', '"fair"'))))
    assert said.startswith("town.toml: community.rule = fair: must be 'none', ")
    said = refusal(replay(scenario_file(tmp_path, longer + "rounds = 0\n")))
    assert said == "town.toml: community.rounds = 0: must be at least 1"


def test_communities_are_compared(folder: Path, tmp_path: Path) -> None:
    result = tree(replay(folder / "town.toml", "--json", "--compare"))
    compared = result.pop("communities")
    assert result == report(folder)
    assert compared["rules"] == ["none", "mid-market", "continuous"]
    assert compared["digests"]["continuous"] == result["digest"]
    for rule in ("none", "mid-market"):
        alone = tree(replay(scenario_file(tmp_path, CONTINUOUS.replace('"continuous"', f'"{rule}"')), "--json"))
        assert compared["digests"][rule] == alone["digest"]
    figures = {line.pop("figure"): line for line in compared["figures"]}
    assert figures["welfare of that"]["none"] == 0 < figures["welfare of that"]["mid-market"]
    assert figures["efficiency"]["continuous"] == result["community"]["efficiency"]
    assert figures["dispersion in an interval [per MWh]"]["mid-market"] == 0
    for rule in compared["rules"]:
        bills = sum(line[rule] for name, line in figures.items() if name.startswith("bill of ") and "all" not in name)
        assert bills == figures["bill of all homes"][rule]
        assert sum(line[rule] for name, line in figures.items() if name.startswith("balance of ")) == bills


def test_a_comparison_of_communities_is_shown_and_keeps_the_scenarios_pool(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, LIVELY.replace('"mid-market"', '"supply-demand-ratio"'))
    done = replay(path, "--compare", "--out", tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    assert "Communities compared" in done.out
    assert report(tmp_path)["communities"]["rules"] == ["none", "supply-demand-ratio", "continuous"]


def test_what_can_not_be_compared_is_refused(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, LIVELY)
    said = refusal(replay(path, "--compare", "--compare-without", "fleet"))
    assert said == "compare: must not be given beside --compare-without"
    alone = LIVELY.replace("count = 3", "count = 3\nin_community = false", 1)
    alone = alone.replace("count = 2\nannual", "count = 2\nin_community = false\nannual", 1)
    said = refusal(replay(scenario_file(tmp_path, alone), "--compare"))
    assert said == "compare: the scenario town has no homes in a community"
