"""What other people's programs say to the exported ledger: the real ones, where they are installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.desk import Books, battery, eur
from voltadesk.desk.bills import Bills
from voltadesk.desk.commands import CommunityPost
from voltadesk.desk.export import FORMATS, beancount_account, export
from voltadesk.desk.fleet import Dispatch
from voltadesk.desk.ledger import CHART, Entry, Posting
from voltadesk.desk.refusal import Refusal

DAY_S = 86_400
PROGRAMS = {"hledger": ["hledger", "check", "-s", "-f"], "beancount": ["bean-check"]}


def entries() -> list[Entry]:
    """A small history with every kind of account, over three days, with names that are hard to write."""
    books = Books()
    fund, fleet, utc = books.fund, books.fleet, 1_700_000_000
    for actor in ("alice", "Alice", "x.y_z-1", "007"):
        fund.invest(books.next(), actor, eur(1_000) + 1, utc)
    fund.gift(books.next(), "alice", 12_345_678_901, utc)
    fleet.buy(books.next(), battery("b-1", wear_cost_tick=77), 123_456_789, 500, utc)
    fund.reserve(books.next(), "o1", 333, utc + DAY_S)
    fleet.dispatch(
        books.next(), [Dispatch("b-1", bought_wh=1_000, paid_e8=4_999_999, loss_wh=7, fee_e8=3)], "ext:market", utc
    )
    fund.release(books.next(), "o1", utc + DAY_S)
    fleet.dispatch(
        books.next(), [Dispatch("b-1", sold_wh=999, received_e8=6_993_001, loss_wh=1)], time_utc=utc + 3 * DAY_S
    )
    fund.declare(books.next(), 1_001, return_of_capital=True, time_utc=utc + 3 * DAY_S)
    fund.withdraw(books.next(), "Alice", utc + 3 * DAY_S)
    fund.redeem(books.next(), "007", 12_345)
    fund.pay_redemptions(books.next(), utc + 3 * DAY_S)
    fleet.retire(books.next(), "b-1", 5_000, 17, utc + 3 * DAY_S)
    bills, billed = Bills(books.ledger), {"community": "9.87654321", "tax": "1", "Strom & Söhne": "-0.5"}
    statement = {"number": "flats-2023-11-001", "member": "flat-1", "billed": billed, "payable": "10.38"}
    about = {"community": "flats", "period": "2023-11", "currency": "EUR", "settlement": "0" * 64}
    bills.post(books.next(), CommunityPost.model_validate(about | {"statements": [statement]}), utc + 3 * DAY_S)
    bills.pay(books.next(), "flats-2023-11-001", eur(10), utc + 3 * DAY_S)
    bills.audit()
    books.ledger.post(books.next(), [], utc + 3 * DAY_S, 'nothing; "quoted" \\ and\nbroken')
    books.check()
    return books.ledger.drain()


def verdict(format: str, text: str, folder: Path) -> tuple[bool, str]:
    """Whether the program of a format accepts a text, and what it says."""
    program, *options = PROGRAMS[format]
    beside = Path(sys.executable).parent / program
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    file = folder / f"ledger.{format}"
    file.write_text(text, "utf-8")
    done = subprocess.run([found, *options, str(file)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("format", PROGRAMS)
def test_the_real_program_accepts_the_export(format: str, tmp_path: Path) -> None:
    accepted, said = verdict(format, export(entries(), format), tmp_path)
    assert accepted, said


AMOUNT = {
    "hledger": re.compile(r"^(    \S+  (?:EUR|SHARE|WH) )(-?[0-9.]+)( = .*)$", re.MULTILINE),
    "beancount": re.compile(r"^(  \S+  )(-?[0-9.]+)( (?:EUR|SHARE|WH))$", re.MULTILINE),
}
BALANCE = {
    "hledger": re.compile(r"^(    \S+  \w+ \S+ = \w+ )(-?[0-9.]+)()$", re.MULTILINE),
    "beancount": re.compile(r"^(\S+ balance \S+  )(-?[0-9.]+)( ~ 0 \w+)$", re.MULTILINE),
}


def off_by_one(text: str, pattern: re.Pattern[str], which: int) -> str:
    """The text with one unit added in the last place of the match number `which`, counted around."""
    matches = list(pattern.finditer(text))
    match = matches[which % len(matches)]
    number = match[2]
    raised = str(int(number.replace(".", "")) + 1)
    if "." in number:
        sign, digits = ("-", raised[1:]) if raised[0] == "-" else ("", raised)
        raised = f"{sign}{digits[:-8].rjust(1, '0')}.{digits[-8:].rjust(8, '0')}"
    return text[: match.start()] + match[1] + raised + match[3] + text[match.end() :]


@pytest.mark.parametrize("which", [0, 5, 17, 31, -1])
@pytest.mark.parametrize("part", [AMOUNT, BALANCE], ids=["amount", "balance"])
@pytest.mark.parametrize("format", PROGRAMS)
def test_the_real_program_rejects_an_amount_that_is_off_by_one(
    format: str, part: dict[str, re.Pattern[str]], which: int, tmp_path: Path
) -> None:
    text = export(entries(), format)
    changed = off_by_one(text, part[format], which)
    assert len([a for a, b in zip(text.splitlines(), changed.splitlines(), strict=True) if a != b]) == 1
    accepted, said = verdict(format, changed, tmp_path)
    assert not accepted
    assert "balance" in said.lower()


@pytest.mark.parametrize("format", PROGRAMS)
def test_the_real_program_rejects_a_transfer_between_two_accounts_that_was_never_made(
    format: str, tmp_path: Path
) -> None:
    # It balances, so only the assertions can tell.
    text = export(entries(), format)
    first, second = list(AMOUNT[format].finditer(text))[:2]
    changed = text
    for match, change in ((second, -1), (first, 1)):
        whole, part = match[2].lstrip("-").split(".")
        moved = (int(whole + part) * (-1 if match[2].startswith("-") else 1)) + change
        digits = str(abs(moved)).rjust(9, "0")
        number = f"{'-' if moved < 0 else ''}{digits[:-8]}.{digits[-8:]}"
        changed = changed[: match.start()] + match[1] + number + match[3] + changed[match.end() :]
    assert changed != text
    assert not verdict(format, changed, tmp_path)[0]


def test_jsonl_tells_every_posting_with_the_balance_it_leads_to() -> None:
    history = entries()
    balances: dict[tuple[str, str], int] = {}
    told = [json.loads(line) for line in export(history, "jsonl").splitlines()]
    assert [(row["entry"], row["time_utc"], row["text"]) for row in told] == [entry[:3] for entry in history]
    for entry in told:
        for row in entry["postings"]:
            key = (row["account"], row["commodity"])
            balances[key] = balances.get(key, 0) + int(row["amount"])
            assert row["balance"] == str(balances[key])


def test_what_an_export_looks_like() -> None:
    history = [Entry(3, 86_399, "invest ann", (Posting("ext:bank:ann", "NOK", -5), Posting("loss:wh", "WH", 1_234)))]
    assert export(history, "hledger", "NOK") == (
        "commodity NOK 1000.00000000\n"
        "commodity SHARE 1000.00000000\n"
        "commodity WH 1000.\n"
        "account ext:bank:ann  ; type: E\n"
        "account loss:wh  ; type: X\n"
        "\n"
        "1970-01-01 (3) invest ann\n"
        "    ext:bank:ann  NOK -0.00000005 = NOK -0.00000005\n"
        "    loss:wh  WH 1234 = WH 1234\n"
    )
    assert export(history, "beancount", "NOK") == (
        'option "operating_currency" "NOK"\n'
        "\n"
        "1970-01-01 open Equity:Ext:Bank:Ann\n"
        "1970-01-01 open Expenses:Loss:Wh\n"
        '1970-01-01 * "invest ann" ^entry-3\n'
        "  Equity:Ext:Bank:Ann  -0.00000005 NOK\n"
        "  Expenses:Loss:Wh  1234 WH\n"
        "\n"
        "1970-01-02 balance Equity:Ext:Bank:Ann  -0.00000005 ~ 0 NOK\n"
        "1970-01-02 balance Expenses:Loss:Wh  1234 ~ 0 WH\n"
    )
    assert export(history, "jsonl", "NOK") == (
        '{"entry":3,"time_utc":86399,"text":"invest ann","postings":['
        '{"account":"ext:bank:ann","commodity":"NOK","amount":"-5","balance":"-5"},'
        '{"account":"loss:wh","commodity":"WH","amount":"1234","balance":"1234"}]}\n'
    )


def test_dates_never_go_back() -> None:
    rows = (Posting("ext:grid", "EUR", 1), Posting("ext:world", "EUR", -1))
    history = [Entry(n, day * DAY_S, "", rows) for n, day in enumerate((5, 3, 6))]
    dates = re.findall(r"^(\S+) \(", export(history, "hledger"), re.MULTILINE)
    assert [date.fromisoformat(day).day for day in dates] == [6, 6, 7]


@pytest.mark.parametrize("format", FORMATS)
def test_no_entries_give_a_file_without_entries(format: str) -> None:
    assert "ext" not in export([], format).lower()


def test_another_format_is_refused() -> None:
    with pytest.raises(Refusal, match="format = xml: must be one of hledger, beancount, jsonl"):
        export([], "xml")


def test_different_accounts_stay_different_in_beancount() -> None:
    parts = ["a", "A", "x-a", "X-a", "X-A", "x.a", "x_a", "x-2da", "X-2da", "x", "0", "a-41", "aA"]
    names = [beancount_account(f"ext:bank:{part}") for part in parts]
    labels = ["grid-operator", "ö", "\u0101", "\u01011", "-a", "_a", ".a"]
    names += [beancount_account(f"community:c:party:{label}") for label in labels]
    names += [beancount_account(pattern.replace("*", "n").replace("~", "n")) for pattern in CHART]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"(Assets|Liabilities|Equity|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+", name)
