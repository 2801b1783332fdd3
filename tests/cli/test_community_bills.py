"""`voltadesk community post|pay|statements`: a settlement stands in the books, is paid, and can be checked later."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.answers import parsed, refused, tree
from tests.cli.conftest import Ask, asking
from tests.commands import call
from tests.test_community_command import meters, rules

D = Decimal
DAY, TWO = ("100,300,200",) * 96, ("100,300,200",) * 192


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders: a day, the same with other meter readings, a correction of it, and two days that are two periods."""
    folder = tmp_path_factory.mktemp("house")

    def settle(out: str, rows: tuple[str, ...], *days: str, begin: str = "2025-12-31T23:00Z", billed: str = "") -> None:
        work = folder / f"{out}-meters"
        work.mkdir()
        words = ["--from", days[0], "--to", days[-1], "--out", folder / out]
        words += ["--billed", folder / billed] if billed else []
        done = call("community", "settle", meters(work, rows, begin), "--rules", rules(work), *words)
        assert done.code == 0, done.err

    settle("first", DAY, "2026-01-01")
    settle("other", ("100,300,100", *DAY[1:]), "2026-01-01")
    settle("corrected", ("100,300,100", *DAY[1:]), "2026-01-01", billed="first")
    settle("two", TWO, "2026-01-31", "2026-02-01", begin="2026-01-30T23:00Z")
    settle("last", DAY, "2026-02-01", begin="2026-01-31T23:00Z")
    return folder


@pytest.fixture
def ask(plain: Path) -> Ask:
    """A desk without a market, whose owner is admin."""
    return _as_owner(asking(plain))


def _as_owner(ask: Ask) -> Ask:
    return lambda *words: ask(*words, *([] if "--as" in words or words[1] in READING else ["--as", "owner"]))


READING = ("statements", "balances", "entries", "verify", "export", "tail")


def held(ask: Ask) -> dict[str, Decimal]:
    rows = tree(ask("ledger", "balances", "--account", "community:", "--json"))["balances"]
    return {row["account"]: row["amount"] for row in rows}


def figures(folder: Path) -> dict[str, Any]:
    """The one period of a settlement."""
    text = (folder / "settlement.json").read_text()
    (period,) = json.loads(text, parse_float=D, parse_int=D)["periods"]
    return dict(period)


def test_what_was_settled_is_posted_and_the_journal_names_the_file(settled: Path, ask: Ask, plain: Path) -> None:
    (posted,) = tree(ask("community", "post", settled / "first", "--json"))["posted"]
    assert (posted["kind"], posted["outcome"], posted["effects"]["statements"]) == ("community.post", "done", "2")
    period = figures(settled / "first")
    shown = tree(ask("community", "statements", "--json"))
    assert [(row["statement"], row["member"], row["payable"], row["open"]) for row in shown["statements"]] == [
        (row["statement"], row["name"], row["payable"], row["payable"]) for row in period["members"] if row["statement"]
    ]
    assert held(ask) == {
        "community:house:member:anna": D("1.05"),
        "community:house:member:ben": D("2.49"),
        "community:house:own": D("-3.54"),
    }
    # What the community keeps beside what the roof is paid for: its charges, and what rounding leaves.
    assert D("-3.54") == -(D("2.88") + D("0.666") + period["rounding"])
    digest = hashlib.sha256((settled / "first" / "settlement.json").read_bytes()).hexdigest()
    entry = tree(ask("journal", "tail", "--limit", 1, "--json"))["entries"][0]
    assert entry["entry"] == shown["posted"][0]["entry"] == shown["statements"][0]["entry"]
    assert entry["command"]["settlement"] == digest == shown["posted"][0]["settlement_sha256"]
    assert entry["command"]["statements"][0] == {
        "number": "house-2026-01-01-001",
        "member": "anna",
        "billed": {"community": "1.053"},
        "payable": "1.05",
    }
    assert ask("journal", "prove", entry["entry"]).out.startswith("c2sp.org/tlog-proof@v1")
    assert tree(ask("journal", "verify", "--json"))["done"] == entry["entry"] + 1
    assert "account community:house:own  ; type: E" in ask("ledger", "export").out
    before = held(ask)
    assert call("rebuild", "--desk", plain).code == 0
    assert held(ask) == before
    assert all(
        row["ok"] for row in tree(call("doctor", "--desk", plain, "--json"))["checks"] if row["check"] != "space"
    )


def test_twice_and_without_reference_is_refused(settled: Path, ask: Ask) -> None:
    assert ask("community", "post", settled / "first", "--key", "new-year").code == 0
    again = ask("community", "post", settled / "first", "--key", "new-year", "--json")
    assert tree(again)["posted"][0]["key"] == "new-year-2026-01-01"
    before = held(ask)
    line = refused(ask("community", "post", settled / "first"), 7)
    assert line == "DUPLICATE: settlement = house 2026-01-01: was posted already, as entry 6"
    line = refused(ask("community", "post", settled / "other"), 7)
    assert line.startswith(
        "DUPLICATE: member = anna: was billed already, by house-2026-01-01-001: settle again with --bill"
    )
    assert held(ask) == before


def test_a_correction_posts_the_difference(settled: Path, ask: Ask) -> None:
    line = refused(ask("community", "post", settled / "corrected"), 7)
    assert line == "NOT_FOUND: corrects = house-2026-01-01-001: was not posted: post its settlement first"
    ask("community", "post", settled / "first")
    (posted,) = tree(ask("community", "post", settled / "corrected", "--json"))["posted"]
    period = figures(settled / "corrected")
    corrected = {row["name"]: row for row in period["members"] if row["statement"]}
    assert (posted["effects"]["first"], posted["effects"]["last"]) == ("house-2026-01-01-003", "house-2026-01-01-004")
    rows = tree(ask("community", "statements", "--json"))["statements"]
    assert [row["corrected_by"] for row in rows] == ["house-2026-01-01-003", "house-2026-01-01-004", None, None]
    assert {row["member"]: row["open"] for row in rows[2:]} == {name: row["payable"] for name, row in corrected.items()}
    for name, row in corrected.items():
        owed = row["payable_before"] + row["payable"]
        assert held(ask)[f"community:house:member:{name}"] == owed
    assert "house-2026-01-01-003" in ask("community", "statements").out


def test_all_periods_of_a_folder_or_none(settled: Path, ask: Ask) -> None:
    assert ask("community", "post", settled / "last").code == 0
    before = held(ask)
    assert "member = anna: was billed already" in refused(ask("community", "post", settled / "two"), 7)
    assert held(ask) == before
    other = asking(settled / "fresh")
    assert call("init", "--desk", settled / "fresh", "--scenario", "none").code == 0
    posted = tree(other("community", "post", settled / "two", "--json"))["posted"]
    assert [row["effects"]["period"] for row in posted] == ["2026-01-31", "2026-02-01"]
    assert [row["entry"] for row in posted] == [1, 2]
    shown = tree(other("community", "statements", "--period", "2026-02-01", "--json"))
    assert [row["statement"] for row in shown["statements"]] == ["house-2026-02-01-001", "house-2026-02-01-002"]
    line = refused(other("community", "statements", "--community", "flats"), 3)
    assert "community = flats: must be one that was posted: house" in line


def test_paying(settled: Path, ask: Ask) -> None:
    ask("community", "post", settled / "first")
    done = tree(ask("community", "pay", "house-2026-01-01-001", "--amount", "0.05", "--json"))
    assert done["effects"]["open"] == "1.00"
    assert held(ask)["community:house:bank"] == D("0.05")
    line = refused(ask("community", "pay", "house-2026-01-01-001", "--amount", "1.01"), 3)
    assert line == "BAD_VALUE: amount = 1.01: must be at most what is open of house-2026-01-01-001, 1.00"
    line = refused(ask("community", "pay", "house-2026-01-01-001", "--as", "bob"), 7)
    assert line.startswith("DENIED: actor = bob: must be admin, or anna for what is to be paid")
    ask("actor", "add", "anna")
    assert ask("community", "pay", "house-2026-01-01-001", "--as", "anna").code == 0
    line = refused(ask("community", "pay", "house-2026-01-01-001"), 7)
    assert line == "NOTHING_DUE: statement = house-2026-01-01-001: is paid, nothing is open"
    line = refused(ask("community", "pay", "house-2026-01-01-009"), 7)
    assert line.startswith("NOT_FOUND: statement = house-2026-01-01-009: is no statement that was posted")
    shown = tree(ask("community", "statements", "--unpaid", "--json"))
    assert [row["statement"] for row in shown["statements"]] == ["house-2026-01-01-002"]
    assert (shown["payable"], shown["paid"], shown["to_collect"], shown["to_pay_out"]) == (D("2.49"), 0, D("2.49"), 0)
    entries = tree(ask("ledger", "entries", "--account", "ext:bank:anna", "--json"))["entries"]
    assert [row["postings"][0]["amount"] for row in entries] == [D("-0.05"), D("-1")]


def _line(figures: Any, n: int = 0) -> Any:
    return figures["periods"][0]["members"][0]["lines"][n]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: _line(f).update(gross=9), "lines[0].gross = 9.00: must be the sum of net and tax, 0.72"),
        (lambda f: _line(f).update(net="a"), 'lines[0].net = "a": must be a number, without quotes'),
        (lambda f: _line(f).update(net=1, gross=1), "members[0].billed = 1.053: must be the sum of the billed lines"),
        (
            lambda f: f["periods"][0]["received"].update(community=1),
            "received.community = 1.00: must be the sum of the",
        ),
        (
            lambda f: f["periods"][0].update(members_paid=1),
            "members_paid = 1.00: must be the sum of the lines of members",
        ),
        (lambda f: f["periods"][0].update(sum=1), "sum = 1.00: must be 0"),
        (lambda f: f["periods"].append(f["periods"][0]), "periods[1].period = 2026-01-01: must not be given twice"),
        (lambda f: f["periods"].clear(), "periods = []: must hold one at least"),
        (lambda f: f.update(schema=2), "schema = 2: must be 1"),
        (lambda f: f["community"].update(name="a b"), "community.name = a b: must be 1 to 40"),
        (
            lambda f: f["community"].update(currency="CHF"),
            "BAD_VALUE: currency = CHF: must be the desk's currency, EUR",
        ),
        (
            lambda f: f["periods"][0]["members"][0].update(payable=1),
            "house-2026-01-01-001.payable = 1.00: must be 1.05",
        ),
        (lambda f: f["periods"][0]["members"][0].update(statement="x"), "statement = x: must be house-2026-01-01-001"),
    ],
)
def test_a_file_that_does_not_add_up(
    change: Callable[[Any], object], said: str, settled: Path, ask: Ask, tmp_path: Path
) -> None:
    shutil.copytree(settled / "first", tmp_path / "first")
    path = tmp_path / "first" / "settlement.json"
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))
    assert said in refused(ask("community", "post", tmp_path / "first"), 3)
    assert held(ask) == {}


def test_no_settlement(ask: Ask, tmp_path: Path) -> None:
    line = refused(ask("community", "post", tmp_path), 3)
    assert line == f"settlement = {tmp_path}: must be a folder that settle --out wrote, has no settlement.json"
    (tmp_path / "settlement.json").write_text("{")
    assert "JSON: must be valid" in refused(ask("community", "post", tmp_path), 3)
    (tmp_path / "settlement.json").write_bytes(b"\xff")
    assert "must be UTF-8 text" in refused(ask("community", "post", tmp_path), 3)
    assert parsed(ask("community", "post", tmp_path, "--json").out)["exit_code"] == 3


def test_without_the_right_nothing_is_posted(settled: Path, ask: Ask) -> None:
    line = refused(ask("community", "post", settled / "first", "--as", "ann"), 7)
    assert line == "DENIED: actor = ann: must be admin for community.post"
