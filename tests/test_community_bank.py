"""Payments of a settlement through the public door: files for the bank, who is not in them, what members are told."""

from __future__ import annotations

import csv
import json
import re
from datetime import date
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands import call, refusal
from tests.community import house, member
from tests.test_community_command import RULES, meters, settle, tree
from tests.test_community_command import rules as rules_file
from tests.test_sepa import check, texts
from voltadesk.report.community_bank import bank_files, with_payments
from voltadesk.report.sepa import COLLECT, PAY_OUT
from voltadesk.units import money_decimal

D = Decimal
GOLDEN = Path(__file__).parent / "golden"
BANK = """
[bank]
iban = "AT61 1904 3002 3457 3201"
bic = "OPSKATWW"
creditor_id = "AT61ZZZ01234567890"
"""
IBAN = {
    "anna": 'iban = "CZ65 0800 0000 1920 0014 5399"',
    "ben": 'iban = "DE89 3704 0044 0532 0130 00"',
}
MANDATE = 'mandate = "HOUSE/1"\nmandate_signed = 2025-12-01'
SUNNY = ["100,0,300,200"] * 96
HEADER = "time,anna import Wh,ben import Wh,ben export Wh,roof export Wh"


def with_lines(name: str, *lines: str, text: str = RULES) -> str:
    """The rules with more lines for a member."""
    return text.replace(f'name = "{name}"', "\n".join([f'name = "{name}"', *lines]))


def rules(*changes: tuple[str, str]) -> str:
    return reduce(lambda text, change: with_lines(*change, text=text), changes, RULES) + BANK


COLLECTED = rules(("anna", f'title = "Žofie Šťastná"\n{IBAN["anna"]}\n{MANDATE}'))
DAY = ("100,300,200",) * 96


def run(folder: Path, *options: str | Path, text: str, rows: Any = DAY) -> Path:
    out = folder / "out"
    done = settle(folder, rows, "--out", out, "--issued", "2026-02-01", *options, text=text)
    assert (done.code, done.err) == (0, ""), done
    return out


# Collected and paid out -----------------------------------------------------------------------------------------------
def test_a_collection_to_the_letter(tmp_path: Path) -> None:
    out = run(tmp_path, text=COLLECTED)
    written = (out / "collect-2026-01-01.xml").read_text("utf-8")
    check(written, COLLECT)
    assert written == (GOLDEN / "collect.xml").read_text("utf-8")
    assert not (out / "pay-out-2026-01-01.xml").exists()


def test_who_has_no_mandate_is_left_to_the_list(tmp_path: Path) -> None:
    out = run(tmp_path, text=COLLECTED)
    with (out / "payments-2026-01-01.csv").open(newline="") as source:
        rows = [(row["member"], row["direction"], row["amount"], row["by"]) for row in csv.DictReader(source)]
    assert rows == [("anna", "collect", "1.05", "direct debit"), ("ben", "collect", "2.49", "no mandate")]
    report = (out / "report.md").read_text("utf-8")
    assert "direct debits in collect-2026-01-01.xml, due 2026-02-16: 1, sum 1.05 EUR" in report
    assert "in no file for the bank, as there is no mandate: 1, sum 2.49 EUR: ben 2.49" in report


def test_members_are_told_how_they_pay(tmp_path: Path) -> None:
    out = run(tmp_path, text=COLLECTED)
    anna, ben = ((out / f"statements/2026-01-01/{name}.md").read_text("utf-8") for name in ("anna", "ben"))
    assert (
        "Issued 2026-02-01.\n\nTo pay: 1.05 EUR.\n\nWe collect it on 2026-02-16 from CZ65…5399 by SEPA direct debit, "
        "mandate HOUSE/1, creditor identifier AT61ZZZ01234567890.\n" in anna
    )
    assert (
        "Please pay it by 2026-02-16 to house, IBAN AT61 1904 3002 3457 3201, reference house-2026-01-01-002.\n" in ben
    )


def test_sellers_are_paid(tmp_path: Path) -> None:
    # Without the monthly fee, ben's sun in the roof's place.
    text = rules(("ben", f'title = "Müller & Söhne"\n{IBAN["ben"]}')).replace("monthly = 0.333", "entry = 1")
    done, out = settle_sunny(tmp_path, text), tmp_path / "out"
    assert done["payments"][1] == {
        "statement": "house-2026-01-01-002", "member": "ben", "direction": "pay out", "amount": D("0.86"),
        "by": "credit transfer",
    }  # fmt: skip
    root = check((out / "pay-out-2026-01-01.xml").read_text("utf-8"), PAY_OUT)
    assert texts(root, "Nm") == ["house", "house", "Muller + Sohne"]
    assert texts(root, "InstdAmt") == ["0.86"]
    assert texts(root, "EndToEndId") == ["house-2026-01-01-002"]
    assert done["bank"]["pay_out"] == {
        "file": "pay-out-2026-01-01.xml", "payments": 1, "amount": D("0.86"), "left_out_payments": 0,
        "left_out_amount": 0,
    }  # fmt: skip
    assert "We pay it on 2026-02-16 to DE89…3000." in (out / "statements/2026-01-01/ben.md").read_text("utf-8")


def test_a_seller_without_an_account_is_asked_for_one(tmp_path: Path) -> None:
    done = settle_sunny(tmp_path, rules().replace("monthly = 0.333", "entry = 1"))
    assert [row["by"] for row in done["payments"]] == ["no mandate", "no IBAN"]
    assert not list((tmp_path / "out").glob("*.xml"))
    said = (tmp_path / "out/statements/2026-01-01/ben.md").read_text("utf-8")
    assert "We know no account of yours to pay it to: please tell us an IBAN." in said


def settle_sunny(folder: Path, text: str) -> Any:
    """A day on which ben sells; the figures of its period."""
    read = ["--rules", rules_file(folder, text), "--from", "2026-01-01", "--out", folder / "out"]
    path = meters(folder, SUNNY, header=HEADER)
    return tree(call("community", "settle", path, *read, "--issued", "2026-02-01", "--json"))["periods"][0]


# Days -----------------------------------------------------------------------------------------------------------------
def test_files_for_the_bank_need_a_day(tmp_path: Path) -> None:
    assert refusal(settle(tmp_path, DAY, "--out", tmp_path / "out", text=COLLECTED)).startswith("issued: must be given")
    assert not (tmp_path / "out").exists()
    for wrong in ("2026-02", "1.2.2026", "1800-01-01"):
        assert refusal(settle(tmp_path, DAY, "--issued", wrong, text=COLLECTED)).startswith(f"issued = {wrong}: must ")
    early = settle(tmp_path, DAY, "--issued", "2026-01-01", text=COLLECTED)
    assert refusal(early) == "issued = 2026-01-01: must not be before all that is settled has ended"
    later = COLLECTED.replace("mandate_signed = 2025-12-01", "mandate_signed = 2026-02-02")
    early = settle(tmp_path, DAY, "--issued", "2026-02-01", text=later)
    assert refusal(early) == "members[0].mandate_signed = 2026-02-02: must not be after the day of issue (2026-02-01)"


def test_without_files_no_day_is_needed(tmp_path: Path) -> None:
    (period,) = tree(settle(tmp_path, DAY, "--json", text=COLLECTED))["periods"]
    assert (period["issued"], period["bank"]["due"], period["bank"]["collect"]["file"]) == (None, None, None)
    assert period["members"][0]["payment"]["by"] == "direct debit"
    (period,) = tree(settle(tmp_path, DAY, "--json", "--issued", "2026-02-01"))["periods"]
    assert (period["issued"], period["bank"]) == ("2026-02-01", None)
    assert {row["by"] for row in period["payments"]} == {None}


def test_a_name_that_is_too_long_for_the_bank_leaves_no_file(tmp_path: Path) -> None:
    text = COLLECTED.replace('name = "house"', f'name = "{"h" * 22}"')
    done = settle(tmp_path, DAY, "--out", tmp_path / "out", "--issued", "2026-02-01", text=text)
    assert "2026-01-01-001: must have at most 35 characters in a bank file" in refusal(done)
    assert not (tmp_path / "out").exists()


# Sums -----------------------------------------------------------------------------------------------------------------
PAYABLES = st.lists(st.tuples(st.integers(-(10**11) + 1, 10**11 - 1), st.integers(0, 2)), min_size=1, max_size=8)


@settings(max_examples=40)
@given(rows=PAYABLES)
def test_what_is_in_the_files_and_what_is_not_are_all_payments(rows: list[tuple[int, int]]) -> None:
    details = [
        (),
        ('iban = "NO9386011117947"',),
        ('iban = "NO9386011117947"', 'mandate = "{}"', "mandate_signed = 2025-12-01"),
    ]
    members = [member(f"m{n}", *(line.format(n) for line in details[known])) for n, (_, known) in enumerate(rows)]
    read = house(*members, sharing=BANK)
    payments = [
        {
            "statement": f"house-2026-01-{n:03d}", "member": f"m{n}",
            "direction": "collect" if cents > 0 else "pay out", "amount": money_decimal(abs(cents) * 10**6),
        }
        for n, (cents, _) in enumerate(rows)
        if cents
    ]  # fmt: skip
    bare = {
        "periods": [
            {"period": "2026-01", "payments": payments, "members": [{"name": f"m{n}"} for n in range(len(rows))]}
        ]
    }
    figures = with_payments(bare, read, date(2026, 2, 1))
    files = dict(bank_files(figures, read))
    bank = figures["periods"][0]["bank"]
    for key, direction, sign in (("collect", "collect", 1), ("pay_out", "pay out", -1)):
        whole = sum((D(cents) / 100 for cents, _ in rows if cents * sign > 0), D(0)) * sign
        assert bank[key]["amount"] + bank[key]["left_out_amount"] == whole
        count = sum(cents * sign > 0 for cents, _ in rows)
        assert bank[key]["payments"] + bank[key]["left_out_payments"] == count
        name = f"{direction.replace(' ', '-')}-2026-01.xml"
        assert (bank[key]["file"] == name) == (name in files) == (bank[key]["payments"] > 0)
        if name in files:
            root = ElementTree.fromstring(files[name])  # noqa: S314
            assert sum(map(D, texts(root, "InstdAmt"))) == bank[key]["amount"]
            assert set(texts(root, "EndToEndId")) == {
                row["statement"] for row in figures["periods"][0]["payments"]
                if row["direction"] == direction and not re.match("no ", row["by"])
            }  # fmt: skip


# Corrected ------------------------------------------------------------------------------------------------------------
def test_a_correction_goes_to_the_bank_and_who_has_left_is_paid_by_hand(tmp_path: Path) -> None:
    first = run(tmp_path, text=COLLECTED).rename(tmp_path / "jan")
    # Anna used more of what the roof gave; then ben turns out to have been no member.
    more = ("600,300,200", *DAY[1:])
    second = run(tmp_path, "--billed", first, "--html", text=COLLECTED, rows=more).rename(tmp_path / "jan-2")
    collected = (second / "collect-2026-01-01.xml").read_text("utf-8")
    check(collected, COLLECT)
    assert texts(ElementTree.fromstring(collected.encode()), "InstdAmt") == ["0.02"]  # noqa: S314 - our own file  # noqa: S314
    page = (second / "statements/2026-01-01/anna.html").read_text("utf-8")
    for words in ("house-2026-01-01-003", "house-2026-01-01-001", "Still to pay", "0.02", "Corrected: energy"):
        assert words in page
    alone = COLLECTED.replace('[[members]]\nname = "ben"\n', "")
    third = run(tmp_path, "--billed", first, "--billed", second, text=alone, rows=more)
    paid = json.loads((third / "settlement.json").read_text("utf-8"))["periods"][0]["payments"]
    assert {"ben": ("pay out", "no IBAN")}.items() <= {
        row["member"]: (row["direction"], row["by"]) for row in paid
    }.items()
