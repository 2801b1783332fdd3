"""`voltadesk community …` through the public door: meters in, statements out, faults named and nothing written."""

from __future__ import annotations

import csv
import json
import runpy
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.commands import Done, call, refusal
from voltadesk.scenario.profiles import data_folder

D = Decimal
RULES = """
version = 1
name = "house"
timezone = "Europe/Vienna"

[prices]
buyer = "sun"
seller = "sun"
supply = "retail"
feed_in = "surplus"

[[tariffs]]
name = "retail"
price = 300.00
vat_percent = 20
[[tariffs]]
name = "surplus"
price = 80.00
[[tariffs]]
name = "sun"
price = 150.00

[[charges]]
name = "fee"
monthly = 0.333

[[members]]
name = "anna"
[[members]]
name = "ben"
[[members]]
name = "roof"
shared = true
"""
GOLDEN = Path(__file__).parent / "golden" / "statement.md"
HEADER = "time,anna import Wh,ben import Wh,roof export Wh"


def meters(folder: Path, rows: Sequence[str], begin: str = "2025-12-31T23:00Z", header: str = HEADER) -> Path:
    """A file of quarter-hours from local midnight of 1 January."""
    start = datetime.fromisoformat(begin).astimezone(UTC)
    times = [f"{start + timedelta(minutes=15 * n):%Y-%m-%dT%H:%MZ}" for n in range(len(rows))]
    path = folder / "meters.csv"
    path.write_text("\n".join([header, *(f"{time},{row}" for time, row in zip(times, rows, strict=True))]) + "\n")
    return path


def rules(folder: Path, text: str = RULES) -> Path:
    path = folder / "community.toml"
    path.write_text(text)
    return path


def settle(folder: Path, rows: Sequence[str] = ("100,300,200",) * 96, *options: str | Path, text: str = RULES) -> Done:
    return call(
        "community", "settle", meters(folder, rows), "--rules", rules(folder, text), "--from", "2026-01-01", *options
    )


def tree(done: Done) -> Any:
    assert (done.code, done.err) == (0, ""), done
    return json.loads(done.out, parse_float=D, parse_int=D)


# Settled --------------------------------------------------------------------------------------------------------------
def test_a_day_to_the_letter(tmp_path: Path) -> None:
    figures = tree(settle(tmp_path, ("100,300,200",) * 96, "--json"))
    assert list(figures) == ["schema", "community", "files", "periods"]
    (period,) = figures["periods"]
    assert (period["period"], period["intervals"]) == ("2026-01-01", 96)
    assert period["energy_kwh"] == {
        "own_use": 0, "from_community": D("19.2"), "from_grid": D("19.2"), "to_community": D("19.2"), "to_grid": 0,
    }  # fmt: skip
    assert (period["self_sufficiency"], period["self_consumption"]) == (D("0.5"), 1)
    anna, ben, roof = period["members"]
    # A quarter and three quarters of 200 Wh, 96 times.
    assert anna["energy_kwh"]["from_community"] == D("4.8")
    assert ben["energy_kwh"]["from_community"] == D("14.4")
    assert [line["gross"] for line in anna["lines"]] == [D("0.72"), D("1.728"), D("0.333")]
    assert (anna["billed"], anna["payable"]) == (D("1.053"), D("1.05"))
    assert anna["saving"] == D("4.8") * (D("0.36") - D("0.15")) - D("0.333")
    assert (roof["statement"], roof["payable"], roof["billed"]) == (None, None, D("-2.88"))
    assert [row["statement"] for row in period["payments"]] == [
        "house-2026-01-01-001",
        "house-2026-01-01-002",
    ]
    assert period["received"] == {
        "community": D("2.88") + D("0.666"),
        "supplier": D("5.76"),
        "tax": D("1.152"),
    }
    assert (period["members_paid"], period["sum"]) == (D("10.458"), 0)
    assert period["rounding"] == (D("1.05") - D("1.053")) + (D("2.49") - D("2.493"))


def test_the_files_say_the_same(tmp_path: Path) -> None:
    figures = tree(settle(tmp_path, ("100,300,200",) * 96, "--json", "--out", tmp_path / "out"))
    name = "2026-01-01"
    out = tmp_path / "out"
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    tables = {f"{table}-{name}.csv" for table in ("payments", "shares", "lines")}
    assert files == {"settlement.json", "report.md"} | tables | {
        f"statements/{name}/{member}.{kind}" for member in ("anna", "ben", "roof") for kind in ("md", "csv", "json")
    }
    assert json.loads((out / "settlement.json").read_text(), parse_float=D, parse_int=D) == figures
    anna = figures["periods"][0]["members"][0]
    written = json.loads((out / f"statements/{name}/anna.json").read_text(), parse_float=D, parse_int=D)
    assert {key: written[key] for key in anna} == anna
    with (out / f"statements/{name}/anna.csv").open(newline="") as source:
        rows = list(csv.DictReader(source))
    assert [D(row["gross"]) for row in rows] == [line["gross"] for line in anna["lines"]]
    with (out / f"shares-{name}.csv").open(newline="") as source:
        shares = list(csv.DictReader(source))
    assert len(shares) == 3 * 96
    with (out / f"lines-{name}.csv").open(newline="") as source:
        lines = list(csv.DictReader(source))
    told = [line for member in figures["periods"][0]["members"] for line in member["lines"]]
    assert [D(row["gross_e8"]) / 10**8 for row in lines] == [line["gross"] for line in told]
    assert [row["energy_wh"] for row in lines] == [
        "" if line["energy_kwh"] is None else str(int(line["energy_kwh"] * 1000)) for line in told
    ]
    taken = sum(int(row["from_community_wh"]) for row in shares)
    assert taken == sum(int(row["to_community_wh"]) for row in shares) == 19_200
    assert "To pay: 1.05 EUR." in (out / f"statements/{name}/anna.md").read_text()
    # What was written may have been sent.
    assert "must be a new or an empty folder" in refusal(settle(tmp_path, ("1,1,1",) * 96, "--out", out))


def test_tables_are_the_same_in_every_format(tmp_path: Path) -> None:
    found = {}
    for form in ("csv", "parquet", "json"):
        done = settle(tmp_path, ("100,300,200",) * 96, "--out", tmp_path / form, "--format", form)
        assert done.code == 0, done.err
        with duckdb.connect() as database:
            found[form] = {
                table: database.execute(
                    f"SELECT coalesce(columns(*)::VARCHAR, '') FROM '{tmp_path / form / table}-2026-01-01.{form}'"  # noqa: S608
                ).fetchall()
                for table in ("payments", "shares", "lines")
            }
    assert found["csv"] == found["parquet"] == found["json"]
    assert '"amount":1.05,' in (tmp_path / "json/payments-2026-01-01.json").read_text()


def test_a_statement_to_the_letter(tmp_path: Path) -> None:
    settle(tmp_path, ("100,300,200",) * 96, "--out", tmp_path / "out")
    written = (tmp_path / "out/statements/2026-01-01/ben.md").read_text()
    assert written == GOLDEN.read_text("utf-8")


def test_a_month_is_a_period_and_members_come_and_go(tmp_path: Path) -> None:
    text = RULES.replace('name = "ben"', 'name = "ben"\njoined = 2026-02-01')
    path = meters(tmp_path, ("100,,200",) * 96 * 31 + ("100,300,200",) * 96 * 28)
    done = call(
        "community",
        "settle",
        path,
        "--rules",
        rules(tmp_path, text),
        "--from",
        "2026-01-01",
        "--to",
        "2026-02",
        "--json",
    )
    periods = tree(done)["periods"]
    assert [period["period"] for period in periods] == ["2026-01", "2026-02"]
    assert [[member["name"] for member in period["members"]] for period in periods] == [
        ["anna", "roof"],
        ["anna", "ben", "roof"],
    ]


def test_people_are_shown_a_report(tmp_path: Path) -> None:
    done = settle(tmp_path)
    assert done.code == 0
    for said in (
        "meters.csv: rows 96, meters 3; wide, energy per interval, Wh",
        "anna",
        "self-sufficiency 50.0 %",
        "leave −0.0060 EUR",
    ):
        assert said in done.out


def test_own_use_that_is_not_metered_is_not_called_none(tmp_path: Path) -> None:
    header = "time,anna import Wh,ben import Wh,ben export Wh,roof export Wh"
    path = meters(tmp_path, ["100,300,50,200"] * 96, header=header)
    words = ("community", "settle", path, "--rules", rules(tmp_path), "--from", "2026-01-01", "--out", tmp_path / "out")
    done = call(*words)
    assert done.code == 0
    assert "own use not metered, left out of self-sufficiency and self-consumption: ben" in done.out
    figures = json.loads((tmp_path / "out/settlement.json").read_text(), parse_float=D, parse_int=D)
    (period,) = figures["periods"]
    own = {member["name"]: member["energy_kwh"]["own_use"] for member in period["members"]}
    assert own == {"anna": 0, "ben": None, "roof": 0}
    assert period["energy_kwh"]["own_use"] is None
    assert period["members"][1]["self_consumption"] == 1
    assert "| own use | not metered |" in (tmp_path / "out/statements/2026-01-01/ben.md").read_text()
    path = meters(tmp_path, ["100,300,50,80,200"] * 96, header=header.replace("Wh,roof", "Wh,ben production Wh,roof"))
    (period,) = tree(call(*words[:-2], "--json"))["periods"]
    assert (period["energy_kwh"]["own_use"], period["notes"]) == (D("2.88"), [])


# Faults ---------------------------------------------------------------------------------------------------------------
GOOD = ["100,300,200"] * 96


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("100,-1,200", "line 12: ben import at 2026-01-01T01:30Z = -1: must not be negative"),
        ("100,,200", "line 12: ben import = 2026-01-01 02:30+0100: is missing"),
        ("100,a,200", "line 12: ben import = a: must be a number"),
    ],
)
def test_a_fault_is_named_and_nothing_written(tmp_path: Path, row: str, said: str) -> None:
    rows = [*GOOD[:10], row, *GOOD[11:]]
    assert refusal(settle(tmp_path, rows, "--out", tmp_path / "made" / "out")).endswith(said)
    assert not (tmp_path / "made").exists()


def test_faults_of_the_rules_and_the_span(tmp_path: Path) -> None:
    other = RULES.replace('name = "ben"', 'name = "bob"')
    assert "members.bob.meters = bob: is in none of the meter files" in refusal(settle(tmp_path, text=other))
    assert "anna import = 2026-01-01 23:45+0100: is missing" in refusal(settle(tmp_path, GOOD[:95]))
    coarse = RULES.replace("version = 1", "version = 1\ninterval_minutes = 5")
    assert "anna import: must step by 5 minutes or a part of it, steps by 15" in refusal(settle(tmp_path, text=coarse))
    for end, said in (("2026-13", "must be a month such as"), ("2025-12-31", "must not be before from")):
        assert said in refusal(settle(tmp_path, GOOD, "--to", end))


def test_of_a_wrong_month_is_said_what_the_files_cover(tmp_path: Path) -> None:
    done = call("community", "settle", meters(tmp_path, GOOD), "--rules", rules(tmp_path), "--from", "2026-02")
    assert refusal(done).endswith(
        "anna import = 2026-02-01 00:00+0100: is missing, and 2,687 more; the files cover 2026-01-01 00:00+0100 to "
        "2026-01-02 00:00+0100"
    )


def test_missing_intervals_may_take_no_part(tmp_path: Path) -> None:
    text = RULES + '\n[meters]\nmissing = "zero"\n'
    (period,) = tree(settle(tmp_path, ["100,,200", *GOOD[1:]], "--json", text=text))["periods"]
    assert period["notes"] == ["ben import: missing intervals read as zero: 1"]
    assert period["energy_kwh"]["from_community"] == D("19.1")


# Check ----------------------------------------------------------------------------------------------------------------
def test_check_names_every_fault_at_once(tmp_path: Path) -> None:
    rows = [*GOOD[:5], "-1,,200", *GOOD[6:]]
    path = meters(tmp_path, rows)
    done = call(
        "community", "check", path, "--rules", rules(tmp_path), "--from", "2026-01-01", "--to", "2026-01-02", "--json"
    )
    assert done.code == 4
    found = json.loads(done.out)
    covered = "; the files cover 2026-01-01 00:00+0100 to 2026-01-02 00:00+0100"
    assert found["faults"] == [
        f"{path}: line 7: anna import at 2026-01-01T00:15Z = -1: must not be negative",
        f"{path}: line 7: ben import = 2026-01-01 01:15+0100: is missing, and 96 more{covered}",
        f"{path}: roof export = 2026-01-02 00:00+0100: is missing, and 95 more{covered}",
    ]
    assert done.err == f"voltadesk: {found['faults'][0]} (and 2 more)\n"
    registers = {(row["meter"], row["register"]): row for row in found["registers"]}
    assert registers["ben", "import"]["missing"] == 1


def test_of_many_meters_a_few_are_named(tmp_path: Path) -> None:
    head = ",".join(["time", *(f"m{n:02d} import Wh" for n in range(12))])
    rows = [f"2025-12-31T23:{m:02d}Z" + ",1" * 12 for m in range(0, 60, 15)]
    (tmp_path / "wide.csv").write_text("\n".join([head, *rows]) + "\n")
    done = call("community", "check", tmp_path / "wide.csv", "--rules", rules(tmp_path, RULES))
    said = "members.ben.meters = ben: is in none of the meter files, which have m00, m01, m02, m03, m04, m05, m06, m07"
    assert f"{said} and 4 more" in done.out


def test_check_tells_members_without_meters_and_meters_without_members(tmp_path: Path) -> None:
    text = RULES.replace('name = "ben"', 'name = "ben"\nmeters = ["ben-1", "ben-2"]')
    done = call("community", "check", meters(tmp_path, GOOD), "--rules", rules(tmp_path, text), "--json")
    assert done.code == 4
    found = json.loads(done.out)
    said = "is in none of the meter files, which have anna, ben, roof"
    assert found["faults"] == [f"members.ben.meters = ben-{n}: {said}" for n in (1, 2)]
    assert found["notes"] == ["meters that the rules don't name: ben"]
    text = RULES.replace('[[members]]\nname = "ben"\n', "")
    done = call("community", "check", meters(tmp_path, GOOD), "--rules", rules(tmp_path, text))
    assert done.code == 0
    assert "no fault found\nmeters that the rules don't name: ben\n" in done.out


def test_check_without_rules(tmp_path: Path) -> None:
    done = call("community", "check", meters(tmp_path, GOOD))
    assert (done.code, done.err) == (0, "")
    assert "no fault found" in done.out
    path = meters(tmp_path, [*GOOD[:5], "1,,200", *GOOD[6:]])
    assert call("community", "check", path).err.endswith("ben import = 2026-01-01T00:15Z: is missing\n")
    assert "must not be given twice" in call("community", "check", path, path).err
    assert "needs --rules" in refusal(call("community", "check", path, "--from", "2026-01"))
    assert "must be an IANA time zone" in call("community", "check", path, "--timezone", "Europe/Bern").err


def test_a_check_of_nothing_that_could_be_read_shows_no_table(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("time,anna kwh\n2026-01-01T00:00Z,1\n2026-01-01T00:15Z,-1\n")
    for files, first in (([tmp_path / "none.csv"], "Check"), ([path], "Meter files")):
        done = call("community", "check", *files)
        assert done.code == 4
        assert done.out.splitlines()[0] == first
        assert "intervals" not in done.out


def test_a_fault_stays_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 20)
    folder.mkdir()
    path = meters(folder, [*GOOD[:5], "-1,,200", *GOOD[6:]])
    done = call("community", "check", path, "--rules", rules(tmp_path), "--from", "2026-01")
    faults = json.loads(call("community", "check", path, "--rules", rules(tmp_path), "--from", "2026-01", "--json").out)
    assert max(map(len, faults["faults"])) > 150
    assert set(faults["faults"]) <= set(done.out.splitlines())


def test_a_file_that_can_not_be_read_is_named_whole(tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 20)
    folder.mkdir()
    (folder / "empty.csv").write_text("")
    (folder / "latin.csv").write_bytes("time,böses kwh\n".encode("cp1252"))
    (folder / "quote.csv").write_text('time,a kwh\n"2026-01-01T00:00Z"x,1\n')
    said = {
        "none.csv": "meters = {}: no such file or directory, must be CSV, JSON or XML in UTF-8, or Parquet",
        "empty.csv": "meters = {}: is an empty file, must be CSV, JSON or XML in UTF-8, or Parquet",
        "latin.csv": "{}: line 1: byte = 0xf6: must be CSV, JSON or XML in UTF-8, or Parquet",
        "quote.csv": "{}: line 2: row: must be CSV text: ',' expected after '\"'",
        "none.parquet": "meters = {}: no such file or directory, must be a Parquet file",
    }
    for name, fault in said.items():
        done = call("community", "settle", folder / name, "--rules", rules(tmp_path), "--from", "2026-01")
        assert refusal(done) == fault.format(folder / name)
    assert refusal(call("community", "settle", folder, "--rules", rules(tmp_path), "--from", "2026-01")) == (
        f"meters = {folder}: is a directory, must be CSV, JSON or XML in UTF-8, or Parquet"
    )


def test_two_files_that_overlap(tmp_path: Path) -> None:
    path = meters(tmp_path, GOOD)
    again = tmp_path / "again.csv"
    again.write_text(path.read_text())
    line = call("community", "check", path, again).err
    assert line.startswith(
        f"voltadesk: {again}: line 2: anna import: intervals overlap with those in {path} (and 2 more)"
    )


def test_what_is_wrong_with_a_row_is_told_once(tmp_path: Path) -> None:
    header = "time,anna import Wh,anna export Wh,ben import Wh,roof export Wh"
    path = meters(tmp_path, ["1,2,3,4"] * 96, header=header)
    text = path.read_text().splitlines()
    path.write_text("\n".join([*text[:9], text[3], *text[9:]]))

    def faults(*files: Path) -> list[str]:
        done = call("community", "check", *files, "--json")
        assert done.code == 4
        return [fault.replace(f"{tmp_path}/", "") for fault in json.loads(done.out)["faults"]]

    assert faults(path) == ["meters.csv: line 10: time = 2025-12-31T23:30Z: is given twice, first at line 4"]
    path.write_text("\n".join(line.rsplit(",", 2)[0] for line in path.read_text().splitlines()))
    assert faults(path) == [
        "meters.csv: line 10: anna import, export: time = 2025-12-31T23:30Z: is given twice, first at line 4"
    ]
    # Missing rows, and a file given under two names.
    path.write_text("\n".join([*text[:9], *text[10:]]))
    assert faults(path) == [
        "meters.csv: line 10: anna import, export = 2026-01-01T01:00Z: is missing",
        "meters.csv: line 10: ben import = 2026-01-01T01:00Z: is missing",
        "meters.csv: line 10: roof export = 2026-01-01T01:00Z: is missing",
    ]
    again = tmp_path / "again.csv"
    path.write_text("\n".join(text))
    again.write_text("\n".join(text))
    limit = f"intervals overlap with those in {tmp_path}/meters.csv"
    assert [fault.replace("meters.csv", f"{tmp_path}/meters.csv") for fault in faults(path, again)] == [
        f"again.csv: line 2: {who}: {limit}" for who in ("anna import, export", "ben import", "roof export")
    ]


def test_words_of_one_register_that_overlap_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    rows = [f"2026-01-01T00:{n}Z,a,{word},1" for word in ("import", "consumption") for n in ("00", "15")]
    path.write_text("\n".join(["time,meter,register,kwh", *rows]) + "\n")
    line = call("community", "check", path).err
    assert line == f"voltadesk: {path}: line 4: a import: intervals overlap with those from line 2 on\n"


def test_shorter_intervals_are_summed_also_across_files(tmp_path: Path) -> None:
    start = datetime(2025, 12, 31, 23, tzinfo=UTC)
    rows = [f"{start + timedelta(minutes=5 * n):%Y-%m-%dT%H:%MZ},{n % 7},{n % 5},{n % 3}" for n in range(24 * 12)]
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path, part in zip(paths, (rows[:100], rows[100:]), strict=True):  # in the middle of a quarter-hour
        path.write_text("\n".join([HEADER, *part]) + "\n")
    done = call("community", "settle", *paths, "--rules", rules(tmp_path), "--from", "2026-01-01", "--json")
    energy = tree(done)["periods"][0]["energy_kwh"]
    used = sum(n % 7 + n % 5 for n in range(288))
    assert (energy["from_community"] + energy["from_grid"]) * 1000 == used
    assert (energy["to_community"] + energy["to_grid"]) * 1000 == sum(n % 3 for n in range(288))


# Shipped --------------------------------------------------------------------------------------------------------------
def test_shipped_meters_are_what_their_script_makes() -> None:
    script = runpy.run_path(str(data_folder() / "make_communities.py"))
    assert script["main"](["--check"]) == 0


@pytest.mark.parametrize(("name", "counts"), [("flats", {2_972, 2_976, 2_880, 2_688, 2_980}), ("village", None)])
def test_a_year_of_the_shipped_communities(name: str, counts: set[int] | None) -> None:
    periods = tree(
        call("community", "settle", name, "--rules", name, "--from", "2026-01", "--to", "2026-12", "--json")
    )["periods"]
    assert len(periods) == 12
    if counts:
        assert {int(period["intervals"]) for period in periods} == counts
    for period in periods:
        assert period["sum"] == 0
        numbers = [member["statement"] for member in period["members"] if not member["shared"]]
        assert numbers == [f"{name}-{period['period']}-{n:03d}" for n in range(1, len(numbers) + 1)]
        energy = period["energy_kwh"]
        assert energy["from_community"] == energy["to_community"] > 0
        for key in energy:
            assert energy[key] == sum(member["energy_kwh"][key] for member in period["members"])
