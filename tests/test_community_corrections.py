"""`voltadesk community settle --billed`: late corrections through the public door, never a silent change."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Done, call, refusal
from tests.test_community_command import HEADER, RULES, meters, rules, tree

D = Decimal
DAY = "2026-01-01"
NUMBER = f"house-{DAY}-"
ROWS = ("100,300,200",) * 96
GOLDEN = Path(__file__).parent / "golden" / "correction.md"


def settle(
    folder: Path,
    rows: Sequence[str],
    out: str | None = None,
    billed: Sequence[str] = (),
    *options: str,
    text: str = RULES,
    header: str = HEADER,
) -> Done:
    """Settle a day against folders within `folder`."""
    words: list[str | Path] = [meters(folder, rows, header=header), "--rules", rules(folder, text)]
    words += ["--from", DAY] if "--from" not in options else []
    for name in billed:
        words += ["--billed", folder / name]
    return call("community", "settle", *words, *options, *(["--out", folder / out] if out else []))


def run(folder: Path, rows: Sequence[str], out: str, billed: Sequence[str] = (), text: str = RULES) -> Any:
    """The period of a settlement that was written."""
    done = settle(folder, rows, out, billed, text=text)
    assert (done.code, done.err) == (0, ""), done
    (period,) = read(folder / out)["periods"]
    assert period["sum"] == 0
    return period


def read(out: Path) -> Any:
    return json.loads((out / "settlement.json").read_text(), parse_float=D, parse_int=D)


def of(period: Any, name: str) -> Any:
    return next(member for member in period["members"] if member["name"] == name)


def statements(out: Path) -> set[str]:
    return {path.stem for path in out.glob("statements/*/*.json")}


def with_row(row: str, n: int = 10) -> list[str]:
    return [*ROWS[:n], row, *ROWS[n + 1 :]]


# Corrected ------------------------------------------------------------------------------------------------------------
def test_whoever_changed_gets_the_next_number_and_pays_the_difference(tmp_path: Path) -> None:
    first = run(tmp_path, ROWS, "jan")
    assert [of(first, name)["corrects"] for name in ("anna", "ben")] == [None, None]
    # Anna used 500 Wh more in an interval in which the roof gave 200: ben loses some of it to her.
    second = run(tmp_path, with_row("600,300,200"), "jan-2", ["jan"])
    anna, ben, roof = second["members"]
    assert [member["statement"] for member in second["members"]] == [f"{NUMBER}003", f"{NUMBER}004", None]
    assert [member["corrects"] for member in second["members"]] == [f"{NUMBER}001", f"{NUMBER}002", None]
    assert of(first, "anna")["payable"] == anna["payable_before"] == D("1.05")
    assert of(first, "anna")["billed"] == anna["billed_before"] == D("1.053")
    # Of 200 Wh she gets 133 instead of 50 (ben 67 instead of 150), at 0.15 a kWh.
    assert anna["billed"] == D("1.053") + 83 * D("0.00015")
    assert ben["billed"] == D("2.493") - 83 * D("0.00015")
    assert (anna["payable"], ben["payable"]) == (D("0.02"), D("-0.01"))
    assert second["payments"] == [
        {"statement": f"{NUMBER}003", "member": "anna", "direction": "collect", "amount": D("0.02"), "by": None},
        {"statement": f"{NUMBER}004", "member": "ben", "direction": "pay out", "amount": D("0.01"), "by": None},
    ]
    assert (roof["billed"], roof["billed_before"], roof["energy_kwh_before"]) == (D("-2.88"), D("-2.88"), None)
    # What rounding leaves is that of the whole bills.
    assert second["rounding"] == D("1.07") - anna["billed"] + D("2.48") - ben["billed"]
    assert statements(tmp_path / "jan-2") == {"anna", "ben"}
    line = anna["corrected_lines"][0]
    assert (line["energy_kwh_before"], line["energy_kwh"], line["energy_kwh_difference"]) == (
        D("4.8"), D("4.883"), D("0.083"),
    )  # fmt: skip
    assert (line["gross_before"], line["gross_difference"]) == (D("0.72"), 83 * D("0.00015"))


def test_a_correction_to_the_letter(tmp_path: Path) -> None:
    run(tmp_path, ROWS, "jan")
    run(tmp_path, with_row("600,300,200"), "jan-2", ["jan"])
    folder = tmp_path / f"jan-2/statements/{DAY}"
    assert (folder / "ben.md").read_text("utf-8") == GOLDEN.read_text("utf-8")
    with (folder / "ben.csv").open(newline="") as source:
        rows = list(csv.DictReader(source))
    written = json.loads((folder / "ben.json").read_text(), parse_float=D, parse_int=D)
    assert written["corrects"] == f"{NUMBER}002"
    assert [{key: row[key] for key in ("item", "gross_before", "gross", "gross_difference")} for row in rows] == [
        {"item": line["item"], **{key: f"{line[key]}" for key in ("gross_before", "gross", "gross_difference")}}
        for line in written["corrected_lines"]
    ]
    with (tmp_path / f"jan-2/payments-{DAY}.csv").open(newline="") as source:
        assert [row["amount"] for row in csv.DictReader(source)] == ["0.02", "0.01"]


def test_the_manager_sees_who_was_corrected(tmp_path: Path) -> None:
    run(tmp_path, ROWS, "jan")
    done = settle(tmp_path, with_row("100,300,0"), None, ["jan"])
    assert done.code == 0
    said = " ".join(done.out.split())
    for part in (
        "2026-01-01: corrected",
        f"anna {NUMBER}003 {NUMBER}001 1.0530 1.0455 −0.0075 0.00",
        "roof · · −2.8800 −2.8500 +0.0300 ·",
        f"statements that are new or correct what was billed in {tmp_path}/jan: 2",
    ):
        assert part in said
    assert "sum 0.00000000" in said


def test_only_lines_that_others_bill_may_have_changed(tmp_path: Path) -> None:
    run(tmp_path, ["100,300,0"] * 96, "jan")
    period = run(tmp_path, ["100,300,0"] * 95 + ["100,400,0"], "jan-2", ["jan"])
    ben = of(period, "ben")
    assert (ben["statement"], ben["payable"], period["payments"]) == (f"{NUMBER}003", 0, [])
    assert of(period, "anna")["statement"] is None
    assert of(period, "anna")["payable"] == 0
    page = (tmp_path / f"jan-2/statements/{DAY}/ben.md").read_text()
    assert "Nothing is to be paid or comes back" in page
    assert "| from grid |  | 28.800 | 28.900 | +0.100 |" in page


def test_what_it_would_have_cost_alone_stands_on_the_statement_too(tmp_path: Path) -> None:
    rows = ["100,100,200"] * 96  # the roof serves all
    run(tmp_path, rows, "jan")
    period = run(tmp_path, rows, "jan-2", ["jan"], text=RULES.replace("300.00", "310.00"))
    assert [member["statement"] for member in period["members"]] == [f"{NUMBER}003", f"{NUMBER}004", None]
    assert [member["payable"] for member in period["members"]] == [0, 0, None]


def test_of_a_run_that_changes_nothing_a_line_says_so(tmp_path: Path) -> None:
    run(tmp_path, ROWS, "jan")
    done = settle(tmp_path, ROWS, "jan-2", ["jan"])
    assert f"nothing differs from what was billed in {tmp_path}/jan: there are no new statements" in done.out
    period = read(tmp_path / "jan-2")["periods"][0]
    assert [member["statement"] for member in period["members"]] == [None] * 3
    assert [member["payable"] for member in period["members"]] == [0, 0, None]
    assert (period["payments"], statements(tmp_path / "jan-2")) == ([], set())
    # The folder may be named next time, and need not be.
    for n, billed in enumerate((["jan", "jan-2"], ["jan-2", "jan"], ["jan"])):
        again = run(tmp_path, with_row("600,300,200"), f"jan-{n + 3}", billed)
        assert of(again, "anna")["statement"] == f"{NUMBER}003"


def test_a_shared_plant_is_told_on_its_account(tmp_path: Path) -> None:
    rows = ["10,10,200"] * 96
    run(tmp_path, rows, "jan")
    period = run(tmp_path, [*rows[:95], "10,10,300"], "jan-2", ["jan"])
    assert [member["statement"] for member in period["members"]] == [None] * 3
    assert statements(tmp_path / "jan-2") == {"roof"}
    assert "| to the grid | 17.280 | 17.380 | +0.100 |" in (tmp_path / f"jan-2/statements/{DAY}/roof.md").read_text()


# Members who come and go ----------------------------------------------------------------------------------------------
CARLA = '[[members]]\nname = "carla"\nmeters = "ben"\n'
BEN = '[[members]]\nname = "ben"\n'


def test_one_who_is_a_member_after_all_and_one_who_never_was(tmp_path: Path) -> None:
    first = run(tmp_path, ROWS, "jan")
    second = run(tmp_path, ROWS, "jan-2", ["jan"], text=RULES.replace(BEN, CARLA))
    ben, carla = of(second, "ben"), of(second, "carla")
    assert (ben["statement"], ben["corrects"], ben["lines"], ben["billed"]) == (f"{NUMBER}003", f"{NUMBER}002", [], 0)
    assert ben["payable"] == -of(first, "ben")["payable"] == D("-2.49")
    assert (carla["statement"], carla["corrects"], carla["payable"]) == (f"{NUMBER}004", None, D("2.49"))
    assert (carla["payable_before"], carla["billed_before"]) == (None, None)
    assert of(second, "anna")["statement"] is None
    page = (tmp_path / f"jan-2/statements/{DAY}/ben.md").read_text()
    assert "In all: 2.49 EUR to pay before, 0.00 EUR to pay now.\n\nComes back to you: 2.49 EUR." in page
    assert "| fee | monthly | · | · | · | 0.3330 | 0.0000 | −0.3330 | 0.0000 |" in page
    # He stays in the folders that follow, and may come back.
    third = run(tmp_path, with_row("600,300,200"), "jan-3", ["jan", "jan-2"], text=RULES.replace(BEN, CARLA))
    assert (of(third, "ben")["statement"], of(third, "ben")["payable"]) == (None, 0)
    fourth = run(tmp_path, ROWS, "jan-4", ["jan", "jan-2", "jan-3"])
    assert of(fourth, "ben")["corrects"] == f"{NUMBER}003"
    assert (of(fourth, "ben")["payable_before"], of(fourth, "ben")["payable"]) == (0, D("2.49"))
    assert [member["statement"] for member in fourth["members"]] == [f"{NUMBER}{n}" for n in ("007", "008", "009")] + [
        None
    ]


def test_a_member_can_not_become_a_plant_or_change_its_letters(tmp_path: Path) -> None:
    run(tmp_path, ROWS, "jan")
    done = settle(tmp_path, ROWS, "jan-2", ["jan"], text=RULES.replace(BEN, BEN + "shared = true\n"))
    said = (
        f"members.ben.shared = true: must be false, as it was billed in {NUMBER}002: give the plant a name of its own"
    )
    assert refusal(done) == said
    assert not (tmp_path / "jan-2").exists()
    done = settle(tmp_path, ROWS, None, ["jan"], text=RULES.replace(BEN, '[[members]]\nname = "Ben"\nmeters = "ben"\n'))
    assert refusal(done) == "members.Ben.name = Ben: must be written as it was billed before: ben"


def test_a_plant_may_become_a_member(tmp_path: Path) -> None:
    run(tmp_path, ROWS, "jan")
    text = RULES.replace("shared = true\n", "")
    roof = of(run(tmp_path, ROWS, "jan-2", ["jan"], text=text), "roof")
    assert (roof["statement"], roof["corrects"], roof["billed_before"]) == (f"{NUMBER}003", None, None)
    assert (roof["payable"], roof["energy_kwh_before"]) == (D("-2.55"), None)  # 19.2 kWh and the fee
    again = run(tmp_path, ROWS, "jan-3", ["jan", "jan-2"], text=text)
    assert of(again, "roof")["payable"] == 0


# Periods --------------------------------------------------------------------------------------------------------------
def test_periods_beside_those_that_were_billed(tmp_path: Path) -> None:
    rows = ROWS * 2
    run(tmp_path, rows, "first")
    # Two days as one period overlap the day that was billed.
    done = settle(tmp_path, rows, None, ["first"], "--from", DAY, "--to", "2026-01-02")
    assert refusal(done) == (
        f"{tmp_path}/first/settlement.json: periods[0].period = 2026-01-01, 2025-12-31T23:00Z to 2026-01-01T23:00Z: "
        "must be the period that is settled now (2026-01-01_2026-01-02, 2025-12-31T23:00Z to 2026-01-02T23:00Z) or lie "
        "outside of it"
    )
    done = settle(tmp_path, rows, None, ["first"], "--from", "2026-01-02")
    assert refusal(done) == (f"billed = {tmp_path}/first: must hold 2026-01-02, which is settled now, holds 2026-01-01")


def test_a_month_that_was_never_billed_is_an_original_beside_one_that_was(tmp_path: Path) -> None:
    text = "timezone = 'UTC'\n" + RULES.replace('timezone = "Europe/Vienna"\n', "")
    rows = ["1,1,0"] * 96 * 59

    def settled(rows: Sequence[str], *options: str | Path) -> Any:
        path = meters(tmp_path, rows, "2026-01-01T00:00Z")
        return tree(call("community", "settle", path, "--rules", rules(tmp_path, text), "--json", *options))["periods"]

    settled(rows, "--from", "2026-01", "--out", tmp_path / "jan")
    january, february = settled(
        [*rows[:5], "3,1,0", *rows[6:]], "--from", "2026-01", "--to", "2026-02", "--billed", tmp_path / "jan",
        "--out", tmp_path / "both",
    )  # fmt: skip
    assert [member["statement"] for member in january["members"][:2]] == ["house-2026-01-003", None]
    assert [member["statement"] for member in february["members"][:2]] == ["house-2026-02-001", "house-2026-02-002"]
    assert february["notes"] == ["in none of the folders billed before: these are the first statements"]
    # One of the periods that were billed is settled again, and both its folders are needed.
    (period,) = settled(rows, "--from", "2026-02", "--billed", tmp_path / "both")
    assert [member["statement"] for member in period["members"]] == [None] * 3
    (period,) = settled(rows, "--from", "2026-01", "--billed", tmp_path / "both", "--billed", tmp_path / "jan")
    assert of(period, "anna")["statement"] == "house-2026-01-004"


# Wrong folders --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day billed and corrected twice, and once beside that."""
    folder = tmp_path_factory.mktemp("c")
    run(folder, ROWS, "1")
    run(folder, with_row("600,300,200"), "2", ["1"])
    run(folder, with_row("700,300,200"), "3", ["1", "2"])
    run(folder, with_row("700,300,200"), "same", ["1", "2", "3"])
    run(folder, with_row("800,300,200"), "fork", ["1", "2"])
    return folder


@pytest.mark.parametrize(
    ("billed", "said"),
    [
        (
            ["1", "3"],
            f"3: has the statement {NUMBER}005, and {NUMBER}003 is in none of the folders before it: --billed",
        ),
        (
            ["2", "3"],
            f"2: has the statement {NUMBER}003, and {NUMBER}001 is in none of the folders before it: --billed",
        ),
        (["1", "2", "3", "fork"], f"fork: has the statement {NUMBER}005, as "),
        (["1", "2", "same"], "same: has what was billed in a folder that is not given"),
        (["same"], "same: has what was billed in a folder that is not given"),
        (["1", "./1"], "1: must not be given twice"),
        (["4"], "4: must be a folder that settle --out wrote, has no settlement.json"),
    ],
)
def test_a_chain_with_a_gap_or_a_fork_is_refused(
    chain: Path, billed: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(chain)
    words = [word for name in billed for word in ("--billed", name)]
    done = call("community", "settle", "meters.csv", "--rules", "community.toml", "--from", DAY, *words)
    assert refusal(done).startswith(f"billed = {said}")


def test_the_order_of_the_folders_is_that_of_their_numbers(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(chain)
    words = [word for name in ("same", "3", "1", "2") for word in ("--billed", name)]
    done = call("community", "settle", "meters.csv", "--rules", "community.toml", "--from", DAY, *words, "--json")
    (period,) = tree(done)["periods"]
    assert [member["statement"] for member in period["members"]] == [f"{NUMBER}007", f"{NUMBER}008", None]
    assert period["notes"] == ["statements that are new or correct what was billed in 1, 2, 3: 2"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"name": "house"', '"name": "home"', "community.name = home: must be house, as the rules say"),
        ('"currency": "EUR"', '"currency": "CHF"', "community.currency = CHF: must be EUR, as the rules say"),
        ('"schema": 1', '"schema": 2', "schema = 2: must be 1"),
        ('"billed": 1.053', '"billed": 1.063',
         "periods[0].members[0].billed = 1.063: must be the sum of the billed lines, 1.053"),
        ('"billed": 1.053', '"billed": "1.053"',
         'periods[0].members[0].billed = "1.053": must be a number, without quotes'),
        ('"payable": 1.05', '"payable": 1.06',
         "periods[0].members[0].payable = 1.06: must be 1.05, by what anna was told in the folders before"),
        ('"gross": 0.72', '"gross": 0.73',
         "periods[0].members[0].lines[0].gross = 0.73: must be the sum of net and tax, 0.72"),
        ('"from_community": 4.8,', '"from_community": 4.8001,',
         "periods[0].members[0].energy_kwh.from_community = 4.8001: must have at most 3 decimals"),
        ('"from_community": 4.8,', '"from_community": NaN,', "JSON: must be valid: NaN is no number of JSON"),
        (f'"{NUMBER}001"', '"house-2026-02-001"',
         f"periods[0].members[0].statement = house-2026-02-001: must be {NUMBER}001 or a number after it"),
        (f'"{NUMBER}002"', f'"{NUMBER}001"', None),
        ('"name": "ben"', '"name": "../ben"', "periods[0].members[1].name = ../ben: must be 1 to 40 of A-Z, a-z"),
        ('"name": "ben"', '"name": "anna"', "periods[0].members[1].name = anna: must not be given twice"),
        ('"members": [', '"member": [', "periods[0].members: must be given"),
        ('"corrects": null', '"corrects": "house-1"',
         "periods[0].members[0].corrects = house-1: must be null, by what anna was told in the folders before"),
    ],
)  # fmt: skip
def test_a_file_that_was_changed_or_is_of_another_community(
    chain: Path, tmp_path: Path, old: str, new: str, said: str | None
) -> None:
    shutil.copytree(chain / "1", tmp_path / "1")
    path = tmp_path / "1" / "settlement.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    done = settle(tmp_path, ROWS, "2", ["1"])
    assert (said or "has the statement") in refusal(done)
    assert refusal(done).startswith(f"{path}: " if said else "billed = ")
    assert not (tmp_path / "2").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "JSON: must be valid: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "JSON: must be an object"),
        ("{}", "schema: must be given"),
        ("[" * 100_000, "JSON: is nested too deeply"),
        ('{"schema": 1, "community": {"name": "house", "currency": "EUR"}, "periods": ["2026-01"]}',
         'periods[0] = "2026-01": must be a table'),
    ],
)  # fmt: skip
def test_a_file_that_is_no_settlement(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "settlement.json").write_text(text)
    assert refusal(settle(tmp_path, ROWS, None, ["1"])) == f"{tmp_path}/1/settlement.json: {said}"


def test_keys_of_another_version_are_neither_needed_nor_refused(tmp_path: Path) -> None:
    run(tmp_path, ROWS, "jan")
    path = tmp_path / "jan" / "settlement.json"
    held = json.loads(path.read_text())
    for member in held["periods"][0]["members"]:
        for key in ("corrects", "billed_before", "payable_before", "energy_kwh_before", "corrected_lines"):
            del member[key]
        member["colour"] = "green"
    path.write_text(json.dumps(held))
    assert of(run(tmp_path, with_row("600,300,200"), "jan-2", ["jan"]), "anna")["statement"] == f"{NUMBER}003"


def test_a_member_who_was_billed_must_stay_in_the_files(chain: Path, tmp_path: Path) -> None:
    for name in ("1", "2"):
        shutil.copytree(chain / name, tmp_path / name)
    path = tmp_path / "2" / "settlement.json"
    held = json.loads(path.read_text(), parse_float=D)
    (period,) = held["periods"]
    for line in period["members"].pop(1)["lines"]:  # and out of the sums
        period["members_paid"] -= line["gross"]
        for party, part in ((line["party"], "net"), ("tax", "tax")):
            period["received"][party] -= line[part]
    path.write_text(json.dumps(held, default=float))
    said = "periods[0].members: must hold ben, which was billed before"
    assert refusal(settle(tmp_path, ROWS, None, ["1", "2"])) == f"{path}: {said}"
