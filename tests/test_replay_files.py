"""The figures and files of a replay agree with each other, to the last unit."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from tests.replays import (
    exact,
    only_in_first,
    replay,
    replayed,
    report,
    rows,
    scenario_file,
    tree,
)
from voltadesk.engine.tables import NO_PRICE_TICK

D = Decimal
TABLES = ("intervals", "trades", "batteries", "participants")

UNITS = ("_wh", "_tick", "_e8", "_s", "_ug")
WITHOUT_UNIT = {"interval", "participant", "kind", "market", "battery", "reason", "clearings"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scenario and the files of one replay of it."""
    return replayed(tmp_path_factory.mktemp("replay"))


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
