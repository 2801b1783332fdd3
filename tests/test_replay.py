"""`voltadesk headless replay`: one scenario, one result."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from tests.commands import Done, start
from tests.replays import (
    LIVELY,
    four_batteries,
    only_in_first,
    replay,
    replayed,
    report,
    rows,
    scenario_file,
    tree,
)
from tests.scenario import TOWN
from voltadesk.scenario import replay as replaying

D = Decimal
TABLES = ("intervals", "trades", "batteries", "participants")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario and the files of one replay of it."""
    return replayed(tmp_path_factory.mktemp("replay"))


def test_the_scenario_that_refused_ones_are_made_from_is_good(tmp_path: Path) -> None:
    (tmp_path / "town.toml").write_text(TOWN, encoding="utf-8")
    assert replay(tmp_path / "town.toml", "-q", "--out", tmp_path / "out").code == 0


# A1 -------------------------------------------------------------------------------------------------------------------
MWH = 1_000_000


def test_a01_threshold_fleet_one_round(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, four_batteries())
    result = tree(replay(path, "--until", "2026-01-01T01:00", "--json", "--out", tmp_path / "out"))
    assert [row["fill_wh"] for row in rows(tmp_path, "batteries")] == [24 * MWH, 31 * MWH, 10 * MWH, 15 * MWH]
    assert [group["fill_mwh"] for group in result["fleet"]] == [24, 31, 10, 15]
    assert sum(group["bought"] for group in result["fleet"]) == -50_000
    assert sum(group["sold"] for group in result["fleet"]) == 155_000
    assert result["money"]["received"]["fleet"] == 105_000
    assert result["money"]["received"]["upstream"] == -105_000
    assert result["price"]["mean_per_mwh"] == 5000


def test_a01_threshold_fleet_three_rounds(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, four_batteries())
    tree(replay(path, "--until", "2026-01-01T03:00", "--json", "--out", tmp_path / "out"))
    lines = defaultdict(list)
    for row in rows(tmp_path, "batteries"):
        lines[row["battery"]].append((row["fill_wh"] / MWH, row["reason"]))
    assert lines == {
        "battery-1-1": [(24, "charged"), (28, "charged"), (32, "charged")],
        "battery-2-1": [(31, "charged"), (37, "charged"), (43, "charged")],
        "battery-3-1": [(10, "discharged"), (0, "discharged"), (0, "empty")],
        "battery-4-1": [(15, "discharged"), (4, "discharged"), (0, "discharged")],
    }


def test_a01_a_day_of_it_ends_without_an_error(tmp_path: Path) -> None:
    result = tree(replay(scenario_file(tmp_path, four_batteries()), "--json"))
    assert [group["fill_mwh"] for group in result["fleet"]] == [100, 110, 0, 0]
    assert [group["intervals_by_reason"] for group in result["fleet"]] == [
        {"charged": 20, "no price": 4},  # nobody is left to trade with the grid above
        {"charged": 15, "full": 5, "no price": 4},
        {"discharged": 2, "empty": 18, "no price": 4},
        {"discharged": 3, "empty": 17, "no price": 4},
    ]


# One result -----------------------------------------------------------------------------------------------------------
def test_threads_change_nothing(folder: Path) -> None:
    for threads in ("1", "2"):
        assert tree(replay(folder / "town.toml", "--json", "--threads", threads)) == report(folder)


@pytest.mark.parametrize("cells", [1, 35, 5 * 17, 5 * 187, 5 * 188, 10**9])
def test_chunks_change_nothing(folder: Path, cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "CELLS_PER_CHUNK", cells)
    options = ("--json", "--threads", "2", "--out", folder / "chunks")
    assert tree(replay(folder / "town.toml", *options)) == report(folder)
    for name in TABLES:
        file = f"{name}.parquet"
        assert (folder / "chunks" / file).read_bytes() == (folder / "out" / file).read_bytes()


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_hash_seeds_change_nothing(folder: Path, hash_seed: str) -> None:
    done = start("headless", "replay", folder / "town.toml", "--json", "-q", PYTHONHASHSEED=hash_seed)
    assert done == Done(0, (folder / "stdout.json").read_text("utf-8"), "")


def test_another_seed_is_another_run(folder: Path) -> None:
    other, same = (tree(replay(folder / "town.toml", "--json", "--seed", seed)) for seed in ("8", "7"))
    assert other["scenario"]["seed"] == 8
    assert other["digest"] != report(folder)["digest"]
    assert same == report(folder)


def test_the_start_of_a_run_is_the_run_to_there(folder: Path) -> None:
    result = tree(replay(folder / "town.toml", "--json", "--until", "2026-03-28T06:00", "--out", folder / "start"))
    assert result["scenario"]["intervals"] == 24
    assert result["scenario"]["end_utc"] == "2026-03-28T05:00Z"
    assert result["digest"] != report(folder)["digest"]
    for name in ("intervals", "batteries", "trades"):
        assert only_in_first(folder / "start" / f"{name}.parquet", folder / "out" / f"{name}.parquet") == []


def test_the_town_is_lively(folder: Path) -> None:
    """What the other tests compare is worth comparing."""
    result = report(folder)
    assert result["scenario"]["intervals"] == 96 + 92
    assert {row["market"] for row in rows(folder, "trades")} == {"community", "auction", "imbalance"}
    assert {row["kind"] for row in rows(folder, "trades")} == {"home", "plant", "battery", "upstream"}
    assert min(group["discharged_mwh"] for group in result["fleet"]) > 0
    assert result["load"]["flexible_served_mwh"] > 0
    assert result["market"]["broker"] > 0


# Comparing ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("part", replaying.WITHOUT)
def test_what_a_part_changed(folder: Path, part: str) -> None:
    result = tree(replay(folder / "town.toml", "--json", "--compare-without", part))
    comparison = result.pop("comparison")
    assert result == report(folder)
    assert comparison["without"] == part
    assert comparison["digest_without"] != result["digest"]
    figures = {line.pop("figure"): line for line in comparison["figures"]}
    for name, line in figures.items():
        missing = line["with"] is None or line["without"] is None
        assert line["change"] == (None if missing else line["with"] - line["without"]), name
    assert figures["price mean [per MWh]"]["with"] == result["price"]["mean_per_mwh"]
    assert {"bill of flats", "bill of houses", "CO2 [kg]", "load peak [kW]"} <= set(figures)
    for side in ("with", "without"):
        bills = sum(line[side] for name, line in figures.items() if name.startswith("bill of "))
        assert sum(line[side] for name, line in figures.items() if name.startswith("balance of ")) == bills


def test_without_a_part_is_the_run_of_the_scenario_without_it(folder: Path, tmp_path: Path) -> None:
    compared = tree(replay(folder / "town.toml", "--json", "--compare-without", "fleet"))["comparison"]
    begin, end = LIVELY.index("[[fleet]]"), LIVELY.index("[[money_holders]]")
    bare = tree(replay(scenario_file(tmp_path, LIVELY[:begin] + LIVELY[end:]), "--json"))
    assert compared["digest_without"] == bare["digest"]


def test_a_comparison_is_shown_and_written(folder: Path, tmp_path: Path) -> None:
    done = replay(folder / "town.toml", "--compare-without", "fleet", "--out", tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    assert "What the fleet changed" in done.out
    assert "## What the fleet changed" in (tmp_path / "out" / "report.md").read_text("utf-8")
    assert report(tmp_path)["comparison"]["without"] == "fleet"
