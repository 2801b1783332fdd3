"""`voltadesk headless replay`: one scenario, one result, and every file and figure of it agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
import simplejson

from tests.commands import PROGRAM, Done, call, start
from tests.scenario import changed
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.scenario import replay as replaying

D = Decimal
UNITS = ("_wh", "_tick", "_e8", "_s", "_ug")
WITHOUT_UNIT = {"interval", "participant", "kind", "market", "battery", "reason", "clearings"}
TABLES = ("intervals", "trades", "batteries", "participants")

# Small enough that some of it is tried in every test, with all that a scenario may hold; the clock changes in it.
MONEY = '\n[[money_holders]]\nname = "cooperative"\ncash = 1000.00\n'
LIVELY = (
    changed(
        ("margin = 1.00", "margin = 1.00\ngrid_fee = 30.00\nlevy = 5.00\nimbalance_spread = 10.00"),
        ('rule = "mid-market"', 'rule = "mid-market"\nfee_percent = 2\ngrid_fee = 10.00'),
        ("limit_kw = 50", "limit_kw = 2"),
        ("price_limit = 70.00", "price_limit = 120.00"),
    )
    + MONEY
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario and the files of one replay of it."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "town.toml").write_text(LIVELY, encoding="utf-8")
    done = call("headless", "replay", folder / "town.toml", "--out", folder / "out", "--json", "-q")
    assert (done.code, done.err) == (0, "")
    (folder / "stdout.json").write_text(done.out, encoding="utf-8")
    return folder


def replay(path: Path, *options: str | Path) -> Done:
    return call("headless", "replay", path, "-q", *options)


def tree(done: Done) -> dict[str, Any]:
    """The JSON object that a command wrote, its numbers as they stand there."""
    assert (done.code, done.err) == (0, ""), done
    return exact(done.out)


def exact(text: str) -> dict[str, Any]:
    return simplejson.loads(text, parse_float=Decimal, parse_int=Decimal)


def report(folder: Path) -> dict[str, Any]:
    return exact((folder / "out" / "report.json").read_text("utf-8"))


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table that a replay wrote."""
    with duckdb.connect() as database:
        found = database.execute("SELECT * FROM read_parquet($1)", [str(folder / "out" / f"{name}.parquet")])
        columns = [column[0] for column in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def only_in_first(*files: Path) -> list[tuple[Any, ...]]:
    """Rows of the first file that the second does not have."""
    with duckdb.connect() as database:
        first, second = (
            database.read_csv(file) if file.suffix == ".csv" else database.read_parquet(str(file)) for file in files
        )
        return first.except_(second).fetchall()


def scenario_file(folder: Path, text: str) -> Path:
    path = folder / "town.toml"
    path.write_text(text, encoding="utf-8")
    return path


# A1 -------------------------------------------------------------------------------------------------------------------
# A fill is given in percent with two decimals, so 25 of 110 MWh is 20 % of 125 MWh of which 88 % may be used.
FOUR = (  # capacity in MWh, what may be used and what is full at first in percent, rate in MW, threshold
    (100, 20, 4, 7000),
    (110, 25, 6, 10_000),
    (80, 30, 20, 4000),
    (70, 26, 11, 3000),
)
MWH = 1_000_000


def four_batteries() -> str:
    """Four batteries that buy below and sell above a threshold, where the grid above takes and gives at 5,000."""
    text = 'version = 1\nname = "four"\n[time]\nstart = 2026-01-01\ndays = 1\ninterval_minutes = 60\n'
    text += "[market]\ncap = 20000\n[upstream]\nlimit_kw = 1000000\nprice = 5000.00\n"
    for n, (capacity, fill, rate, threshold) in enumerate(FOUR, 1):
        text += (
            f'[[fleet]]\nname = "battery-{n}"\ncapacity_kwh = {capacity}000\n'
            f"initial_fill_kwh = {fill}000\ncharge_kw = {rate}000\ndischarge_kw = {rate}000\n"
            f'strategy = {{ name = "threshold", threshold = {threshold} }}\n'
        )
    return text


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


# Figures --------------------------------------------------------------------------------------------------------------
def test_stdout_is_the_report_file(folder: Path) -> None:
    assert exact((folder / "stdout.json").read_text("utf-8")) == report(folder)
    assert (folder / "stdout.json").read_text("utf-8").count("\n") == 1


def test_numbers_are_written_out(folder: Path) -> None:
    text = re.sub(r'"[^"]*"', '""', (folder / "stdout.json").read_text("utf-8"))
    assert not re.search(r"\d[eE]|\d\.\d{10}|NaN|Infinity", text)


def test_money_sums_to_nothing(folder: Path) -> None:
    result = report(folder)
    money = result["money"]
    assert sum(money["received"].values()) == money["sum"] == 0
    assert sum(home["bill"] for home in result["homes"]) == -money["received"]["homes"]
    assert sum(plant["income"] for plant in result["plants"]) == money["received"]["plants"]
    assert sum(group["margin"] for group in result["fleet"]) == money["received"]["fleet"]
    for name in ("broker", "operator", "network", "levies", "reserve"):
        assert result["market"][name] == money["received"][name]
    cash = money["fleet_cash"]
    assert cash["holders"] == {"cooperative": 1000}
    assert cash["opening"] + cash["trading"] == cash["closing"]


def test_energy_balances(folder: Path) -> None:
    result = report(folder)
    energy = result["energy_mwh"]
    assert sum(energy["sources"].values()) == sum(energy["uses"].values()) == energy["total"] > 0
    assert energy["uses"]["load"] == result["load"]["served_mwh"] == sum(home["load_mwh"] for home in result["homes"])
    assert energy["sources"]["roofs"] == sum(home["solar_mwh"] for home in result["homes"])
    in_the_fleet = sum(group["fill_mwh"] for group in result["fleet"])
    charged, discharged = energy["uses"]["batteries"], energy["sources"]["batteries"]
    assert in_the_fleet == D("0.010") + charged - discharged - energy["battery_losses"]


def test_a_home_pays_for_what_it_uses(folder: Path) -> None:
    for home in report(folder)["homes"]:
        assert home["bill"] == -(home["community"] + home["auction"] + home["imbalance"] + home["fees"])
        assert home["fees"] < 0 < home["bill"]
        assert abs(home["bill_per_home"] * home["homes"] - home["bill"]) <= D("0.005") * home["homes"]


# Files ----------------------------------------------------------------------------------------------------------------
def test_all_files_are_there_and_nothing_else(folder: Path) -> None:
    assert {path.name for path in (folder / "out").iterdir()} == {
        *(f"{name}.parquet" for name in TABLES),
        "report.json",
        "report.md",
    }


@pytest.mark.parametrize("name", TABLES)
def test_columns_carry_their_units(folder: Path, name: str) -> None:
    with duckdb.connect() as database:
        columns = database.execute(
            "DESCRIBE FROM read_parquet($1)", [str(folder / "out" / f"{name}.parquet")]
        ).fetchall()
    for column, kind, *_ in columns:
        if kind == "BIGINT":
            assert column in WITHOUT_UNIT or column.endswith(UNITS), column
        else:
            assert kind == "VARCHAR"
            assert column in WITHOUT_UNIT


def test_receipts_add_up_to_the_participants(folder: Path) -> None:
    totals: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows(folder, "trades"):
        assert row["amount_e8"] == -row["energy_wh"] * row["price_tick"]
        assert row["fees_e8"] <= 0
        mine, market = totals[row["participant"], row["kind"]], row["market"]
        sides = ("short", "long") if market == "imbalance" else ("bought", "sold")
        mine[f"{market}_{sides[row['energy_wh'] < 0]}_wh"] += abs(row["energy_wh"])
        mine[f"{market}_e8"] += row["amount_e8"]
        mine["fees_e8"] += row["fees_e8"]
    participants = rows(folder, "participants")
    assert len(participants) == 5 + 2 + 2 + 1
    columns = [key for key in participants[0] if key.startswith(("community", "auction", "imbalance", "fees"))]
    for row in participants:
        mine = totals[row["participant"], row["kind"]]
        assert {key: row[key] for key in columns} == {key: mine[key] for key in columns}


def test_participants_add_up_to_the_report(folder: Path) -> None:
    received: dict[str, int] = defaultdict(int)
    for row in rows(folder, "participants"):
        received[row["kind"]] += row["community_e8"] + row["auction_e8"] + row["imbalance_e8"] + row["fees_e8"]
    money = report(folder)["money"]["received"]
    names = {"home": "homes", "plant": "plants", "battery": "fleet", "upstream": "upstream"}
    assert {names[kind]: D(amount) / 10**8 for kind, amount in received.items()} == {
        name: money[name] for name in names.values()
    }


def test_intervals_add_up_to_the_report(folder: Path) -> None:
    intervals, result = rows(folder, "intervals"), report(folder)
    assert [row["interval"] for row in intervals] == list(range(188))
    assert {later["start_utc_s"] - row["start_utc_s"] for row, later in pairwise(intervals)} == {900}
    assert D(sum(row["load_wh"] for row in intervals)) / 10**6 == result["load"]["served_mwh"]
    assert D(sum(row["emissions_ug"] for row in intervals)) / 10**9 == result["emissions"]["co2_kg"]
    for plant in result["plants"]:
        assert D(sum(row[f"plant_{plant['name']}_wh"] for row in intervals)) / 10**6 == plant["energy_mwh"]
    priced = [row["price_tick"] for row in intervals if row["price_tick"] is not None]
    assert len(priced) == result["price"]["intervals_with_price"]
    assert D(min(priced)) / 100 == result["price"]["minimum_per_mwh"]
    assert D(max(priced)) / 100 == result["price"]["maximum_per_mwh"]


def test_battery_rows_add_up_to_the_report(folder: Path) -> None:
    batteries, (group,) = rows(folder, "batteries"), report(folder)["fleet"]
    assert {row["battery"] for row in batteries} == {"cellar-1", "cellar-2"}
    assert D(sum(row["charge_wh"] for row in batteries)) / 10**6 == group["charged_mwh"]
    assert D(sum(row["discharge_wh"] for row in batteries)) / 10**6 == group["discharged_mwh"]
    reasons = [row["reason"] for row in batteries]
    assert {reason: reasons.count(reason) for reason in set(reasons)} == group["intervals_by_reason"]


def test_no_trade_is_no_price(tmp_path: Path) -> None:
    text = 'version = 1\nname = "still"\n[time]\nstart = 2026-01-01\ndays = 1\n'
    text += '[[plants]]\nname = "mill"\ncapacity_kw = 1\n'
    result = tree(replay(scenario_file(tmp_path, text), "--json", "--out", tmp_path / "out"))
    assert result["price"] == {"intervals_with_price": 0, "intervals_without_trade": 96}
    for row in rows(tmp_path, "intervals"):
        prices = {key: value for key, value in row.items() if key.endswith("_tick")}
        assert prices.pop("imbalance_price_tick") == 0
        assert set(prices.values()) == {None}
    assert rows(tmp_path, "trades") == rows(tmp_path, "batteries") == []
    shown = replay(scenario_file(tmp_path, text))
    assert (shown.code, shown.err) == (0, "")
    assert "·" * 76 in shown.out


def test_csv_holds_the_same(folder: Path) -> None:
    done = replay(folder / "town.toml", "--out", folder / "csv", "--format", "csv")
    assert (done.code, done.err) == (0, "")
    assert {path.name for path in (folder / "csv").iterdir()} == {
        *(f"{name}.csv" for name in TABLES),
        "report.json",
        "report.md",
    }
    assert str(NO_PRICE_TICK) not in (folder / "csv" / "intervals.csv").read_text("utf-8")
    for name in TABLES:
        files = folder / "csv" / f"{name}.csv", folder / "out" / f"{name}.parquet"
        assert only_in_first(*files) == only_in_first(*reversed(files)) == []


@pytest.mark.parametrize("name", ["it's", "res[1]*", "ü — 🙂", "a/b/c"])
def test_folders_of_any_name(folder: Path, name: str, tmp_path: Path) -> None:
    done = replay(folder / "town.toml", "--until", "2026-03-28T01:00", "--out", tmp_path / name)
    assert (done.code, done.err) == (0, "")
    assert len(list((tmp_path / name).iterdir())) == 6


def test_a_second_run_replaces_the_files_of_the_first(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "out", tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine", encoding="utf-8")
    result = tree(replay(folder / "town.toml", "--seed", "8", "--json", "--out", tmp_path / "out"))
    assert report(tmp_path) == result
    assert (tmp_path / "out" / "notes.txt").read_text("utf-8") == "mine"
    assert len(list((tmp_path / "out").iterdir())) == 7


def test_markdown_is_the_report_for_people(folder: Path) -> None:
    text = (folder / "out" / "report.md").read_text("utf-8")
    assert text.startswith("# town\n")
    for heading in ("Price [EUR/MWh]", "Energy", "Homes", "Plants", "Fleet", "Money: who received (+) and paid (−)"):
        assert f"\n## {heading}\n" in text
    assert f"digest {report(folder)['digest']}" in text
    shown = replay(folder / "town.toml")
    assert shown.err == ""
    for line in re.findall(r"^\| .*$", text, re.MULTILINE):
        for cell in line.split(" | "):
            assert cell.strip("| ") in shown.out or "---" in cell


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


# Data and talk --------------------------------------------------------------------------------------------------------
def test_talk_goes_to_stderr(folder: Path) -> None:
    done = call("headless", "replay", folder / "town.toml", "--json")
    assert exact(done.out) == report(folder)
    assert re.fullmatch(r"town: 188 intervals in \d+\.\d\d s, [\d,]+ home-intervals/s\n", done.err)


def test_both_runs_of_a_comparison_are_told(folder: Path) -> None:
    done = call("headless", "replay", folder / "town.toml", "--compare-without", "fleet", "--until", "2026-03-28T01:00")
    assert len(done.err.splitlines()) == 2
    assert done.out.startswith(
        "town\n4 intervals of 15 min from 2026-03-27T23:00Z to 2026-03-28T00:00Z (Europe/Berlin)"
    )


def test_a_process_without_a_terminal(folder: Path) -> None:
    done = start("headless", "replay", "town.toml", "--until", "2026-03-28T01:00", LC_ALL="C", PWD=str(folder))
    assert done.code == 3  # the file is looked for where the process stands
    done = start("headless", "replay", folder / "town.toml", "--until", "2026-03-28T01:00", LC_ALL="C", COLUMNS="40")
    assert done.code == 0
    assert "Money: who received (+) and paid (−)" in done.out
    assert "\x1b" not in done.out + done.err
    assert done.err.startswith("town: 4 intervals in ")


def test_help_shows_examples_first() -> None:
    done = call("headless", "replay", "--help")
    assert done.code == 0
    assert done.out.index("Examples:") < done.out.index("Options:")
    for name in ("--out", "--format", "--seed", "--until", "--compare-without", "--threads", "--json", "--quiet"):
        assert name in done.out


def test_files_of_another_format_do_not_stay_behind(tmp_path: Path) -> None:
    path = scenario_file(tmp_path, four_batteries())
    replay(path, "--out", tmp_path / "out")
    replay(path, "--out", tmp_path / "out", "--format", "csv")
    tables = {"intervals.csv", "trades.csv", "batteries.csv", "participants.csv"}
    assert {made.name for made in (tmp_path / "out").iterdir()} == tables | {"report.json", "report.md"}


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    path = scenario_file(tmp_path, four_batteries())
    with full.open("w") as output:
        done = subprocess.run(
            [PROGRAM, "headless", "replay", "-q", str(path)],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "voltadesk: no space left on device\n")
