"""What is wrong is one line, the right exit code, and nothing done."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.answers import parsed, refused, tree
from tests.cli.conftest import asking
from tests.commands import call, start
from voltadesk.store.desk import Desk, OutcomeUnknown

IN_BOOK = "--product 2026-05-25T12:00Z --as mara"
EVERY = [
    "actor list",
    "actor show owner",
    "role list",
    "battery list",
    "battery show cellar-1",
    "battery why cellar-1",
    "fund nav",
    "fund holdings",
    "fund statement mara",
    "market show",
    "order list",
    "book show",
    "book show --product 2026-05-25T12:00Z",
    "book depth --product 2026-05-25T12:00Z",
    "book trades",
    "book positions",
    "home list",
    "home show flat-1",
    "plant list",
    "plant show engine",
    "community statements",
    "ledger balances",
    "ledger entries",
    "ledger export",
    "journal tail",
    "journal verify",
    "journal verify --quick",
    "journal checkpoint",
    "journal prove 0",
    "doctor",
    "rebuild",
]


@pytest.mark.parametrize("command", [*EVERY, "fund invest 5", "backup elsewhere", "headless run --intervals 1"])
def test_no_desk(command: str, tmp_path: Path) -> None:
    done = call(*command.split(), "--desk", tmp_path / "none")
    assert "is not there" in refused(done, 3)
    assert list(tmp_path.iterdir()) == []


def test_some_other_database(tmp_path: Path) -> None:
    (tmp_path / "desk.sqlite3").write_bytes(b"not a database at all, but a long enough text for a header" * 20)
    assert "is no desk" in refused(call("fund", "nav", "--desk", tmp_path), 3)


@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        ("fund invest ten --as ann", 3, "BAD_VALUE: amount = ten: must be a number"),
        ("fund invest 0 --as ann", 3, "BAD_VALUE: amount = 0: must lie between"),
        ("fund invest 1e400 --as ann", 3, "BAD_VALUE: amount = 1e400: "),
        ("fund invest NaN --as ann", 3, "BAD_VALUE: amount = NaN: must be a finite number"),
        ("fund invest 0.000000001 --as ann", 3, "BAD_VALUE: amount = 0.000000001: must"),
        ("fund invest 5 --as nobody", 3, "key file = nobody.key: is not there"),
        ("fund invest 5 --as ../ann", 3, "BAD_VALUE: actor = ../ann: must be 1 to 40"),
        ("fund invest 5 --as ann --key-file /nowhere/a.key", 3, "a.key: is not there"),
        ("fund invest 5 --as ann --key " + "k" * 101, 3, "BAD_VALUE: key = "),
        ("fund redeem 5 --as ann", 7, "INSUFFICIENT_SHARES: shares = "),
        ("fund cancel 3 --as ann", 7, "NOT_FOUND: "),
        ("fund cancel x --as ann", 3, "BAD_VALUE: redemption = x: must be a number"),
        ("fund declare", 3, "BAD_VALUE: amount = "),
        ("fund declare 5", 7, "NO_HOLDERS: "),
        ("fund declare 5 --percent 5", 3, "BAD_VALUE: amount = "),
        ("fund statement carl", 7, "NOT_FOUND: actor = carl: has never invested"),
        ("actor add ann", 7, "DUPLICATE: name = ann: must be new"),
        ("actor add new --public-key xyz", 3, "BAD_VALUE: public_key = xyz: "),
        ("actor show nobody", 7, "NOT_FOUND: actor = nobody"),
        ("actor delegate xyz --kind market.advance --until 2030-01-01", 3, "BAD_VALUE: public_key = xyz: "),
        ("actor undelegate xyz", 3, "BAD_VALUE: public_key = xyz: "),
        ("role grant nobody admin", 7, "NOT_FOUND: actor = nobody"),
        ("owner transfer owner", 3, "BAD_VALUE: actor = owner: must be another actor"),
        ("owner accept --as bob", 7, "NOT_FOUND: actor = bob"),
        ("battery set b --buy-limit 5", 7, "NOT_FOUND: battery = b: is no active battery"),
        ("battery retire b", 7, "NOT_FOUND: battery = b"),
        ("battery show b", 7, "NOT_FOUND: battery = b"),
        ("market show", 7, "NO_MARKET: market = '': the desk was made without a scenario"),
        ("market set --cap 5", 7, "NO_MARKET: "),
        ("order place buy 5 --as ann", 7, "NO_MARKET: "),
        ("order list", 7, "NO_MARKET: "),
        ("home list", 7, "NO_MARKET: "),
        ("plant show x", 7, "NO_MARKET: "),
        ("headless run", 7, "NO_MARKET: "),
        (
            "community post nowhere",
            3,
            "settlement = nowhere: must be a folder that settle --out wrote, has no settlement",
        ),
        ("community pay x", 7, "NOT_FOUND: statement = x: is no statement that was posted"),
        ("community pay x --amount 1.001", 3, "BAD_VALUE: amount = 1.001: must have at most 2 decimals"),
        ("journal prove", 2, "give either an entry or --since NOTE"),
        ("journal prove 99", 3, "entry = 99: must lie between 0 and 5"),
        ("journal verify --against nowhere.note", 3, "note = nowhere.note: no such file or directory"),
        ("ledger export --out /nowhere/file", 3, "out = /nowhere/file: no such file or directory"),
        ("role grant ann king", 2, "must be one of admin, operator, investor, auditor"),
        ("fund invest", 2, ""),
        ("fund invest 5 --passphrase-fd x", 2, ""),
    ],
)
def test_on_a_desk_without_a_market(command: str, code: int, line: str, plain: Path) -> None:
    assert line in refused(asking(plain)(*command.split()), code)


@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        ("order place buy x --as mara", 3, "BAD_VALUE: quantity_kwh = x: must be a number"),
        ("order place buy 5 --price 5000 --as mara", 3, "BAD_VALUE: price = 5000.00: must lie between"),
        ("order place buy 5 --until soon --as mara", 3, "until = soon: must be a time such as"),
        ("order place buy 5 --until 2026-05-24 --as mara", 3, "BAD_VALUE: until = 2026-05-23T22:00Z: must be after"),
        ("order place buy 5 --until 2026-05-26T00:00:30 --as mara", 3, "must be a whole minute"),
        ("order place buy 5 --until 9999-12-31 --as mara", 3, "must be a whole minute of the years"),
        ("order cancel o-1 --as mara", 7, "NOT_FOUND: order = o-1: is no open order"),
        ("order place --as mara", 2, "give either buy|sell or --side (voltadesk order place --help)"),
        ("order place buy 5 --quantity 5 --as mara", 2, "give either KWH or --quantity"),
        (f"order place buy 5 --tif never {IN_BOOK}", 2, "--tif = never: must be one of gfs, gtt, ioc, fok"),
        ("order place buy 5 --tif ioc --as mara", 3, "BAD_VALUE: tif = ioc: must be given with a product only"),
        ("order place buy 5 --product noon --as mara", 3, "product = noon: must be a time such as"),
        ("order place buy 5 --product 2026-05-24T23:00Z --as mara", 7, "CLOSED: product = 2026-05-24T23:00Z: must be"),
        (
            "order place buy 5 --product 2026-05-24T23:20Z --as mara",
            3,
            "product = 2026-05-24T23:20Z: must be the start of",
        ),
        (f"order place buy 0 --price 5 {IN_BOOK}", 3, "BAD_VALUE: quantity_kwh = 0: must lie between 0.001"),
        (f"order place buy -- -1 --price 5 {IN_BOOK}", 2, ""),
        (f"order place --side buy --quantity=-1 {IN_BOOK}", 3, "BAD_VALUE: quantity_kwh = -1: must lie between"),
        (f"order place buy 5 --price 5.005 {IN_BOOK}", 3, "BAD_VALUE: price = 5.005: must have at most 2 decimals"),
        (f"order place buy 5 --price 5000 {IN_BOOK}", 3, "BAD_VALUE: price = 5000.00: must lie between -500.00"),
        (f"order place sell 900000 --price 5 {IN_BOOK}", 7, "INSUFFICIENT_FUNDS: quantity_kwh = 900000: may lose"),
        (f"order place buy 5 --price 5 --tif fok {IN_BOOK}", 7, "NOT_FILLED: quantity_kwh = 5: must be filled in full"),
        (f"order place buy 5 --price 5 --as carl {IN_BOOK.replace('mara', 'carl')}", 7, "DENIED: actor = carl"),
        ("order amend o-1 --price 5 --as mara", 7, "NOT_FOUND: order = o-1: is no open order"),
        ("order cancel --as mara", 2, "give either ORDER, as order list tells it, or --all"),
        ("order cancel o-1 --all --as mara", 2, "give either ORDER, as order list tells it, or --all"),
        ("book depth", 2, "--product"),
        ("book depth --product 2026-05-23T12:00Z", 7, "CLOSED: product = 2026-05-23T12:00Z: must begin an interval"),
        ("market set --trading-limit=-1", 3, "BAD_VALUE: trading_limit = -1: must lie between 0 and 1000000000"),
        ("home show villa", 7, "NOT_FOUND: home = villa: must be a home of the market"),
        ("home set flat-1", 3, "BAD_VALUE: home = flat-1: must be given something to change"),
        ("home set flat-1 --offered-percent 101", 3, "BAD_VALUE: offered_percent = 101: must lie between"),
        ("home set flat-1 --flexible", 3, "BAD_VALUE: flexible = flat-1: has no flexible load"),
        ("home set flat-1 --owner nobody", 7, "NOT_FOUND: owner = nobody"),
        ("home set flat-1 --offer-limit 5 --as carl", 7, "DENIED: actor = carl: must be its owner"),
        ("plant set engine --capacity-kw 21", 3, "BAD_VALUE: capacity_kw = 21: must be at most what was built, 20"),
        ("plant set engine --outage 2026-05-26", 3, "outage = 2026-05-26: must be BEGIN/END"),
        ("plant set engine --outage 2026-05-26/x", 3, "outage = x: must be a time"),
        ("plant set engine --outage 2026-05-26/2026-05-25", 3, "BAD_VALUE: outages.end"),
        ("plant set engine --marginal-cost 5 --as carl", 7, "DENIED: actor = carl: must be its owner"),
        ("battery set cellar-1 --charge 9-12", 3, "BAD_VALUE: charge.0 = 9-12: must be hours of the local day"),
        ("battery set cellar-1 --strategy timetable", 3, "BAD_VALUE: charge = "),
        ("battery set cellar-1", 3, "BAD_VALUE: battery = cellar-1: must be given something to change"),
        ("market set --floor 500 --cap 400", 3, "BAD_VALUE: floor = 500.00: must be below the cap, 400.00"),
        ("headless run --until 2026-05-25", 3, "until = 2026-05-25: must be after the next interval's start"),
        ("headless run --until 2026-05-26 --intervals 5", 2, "give either --intervals or --until"),
        ("headless run --intervals 0", 2, ""),
        ("headless run --intervals 1 --as carl", 7, "DENIED: actor = carl: must be operator for market.advance"),
    ],
)
def test_on_a_desk_with_a_market(command: str, code: int, line: str, market: Path) -> None:
    assert line in refused(asking(market)(*command.split()), code)


def test_programs_are_told_on_stdout_too(plain: Path) -> None:
    done = asking(plain)("fund", "redeem", 5, "--as", "ann", "--json")
    told = parsed(done.out)
    assert (done.code, told["exit_code"], told["code"]) == (7, 7, "INSUFFICIENT_SHARES")
    assert told["field"] == "shares"
    assert done.err == f"voltadesk: {told['error']}\n"
    none = asking(plain.parent / "none")("fund", "nav", "--json")
    assert (none.code, parsed(none.out)["exit_code"]) == (3, 3)


def test_another_ones_order_stays(market: Path) -> None:
    ask = asking(market)
    order = tree(ask("order", "place", "sell", "0.5", "--as", "mara", "--json"))["effects"]["order"]
    assert refused(ask("order", "cancel", order), 7).startswith(f"DENIED: order = {order}: must be one's own")
    assert [row["order"] for row in tree(ask("order", "list", "--json"))["orders"]] == [order]


def test_a_key_that_others_may_read_is_refused(plain: Path) -> None:
    ask = asking(plain)
    key = plain / "keys" / "ann.key"
    key.chmod(0o644)
    assert "others may read this key (mode 0644); chmod it to 0600" in refused(
        ask("fund", "invest", 5, "--as", "ann"), 7
    )
    key.chmod(0o600)
    key.parent.chmod(0o755)
    assert "others may enter this folder of keys" in refused(ask("fund", "invest", 5, "--as", "ann"), 7)


def test_a_command_in_anothers_name_is_denied(plain: Path) -> None:
    done = asking(plain)("fund", "invest", 5, "--as", "ann", "--key-file", plain / "keys" / "bob.key")
    assert refused(done, 7).startswith("BAD_ACTOR: signature")


def test_an_unknown_outcome_says_how_to_ask_again(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    execute = Desk.execute

    def lose(self: Desk, *given: Any) -> None:
        execute(self, *given)
        raise OutcomeUnknown("outcome unknown, ask again with the same key: disk I/O error")

    ask = asking(plain)
    with monkeypatch.context() as patch:
        patch.setattr(Desk, "execute", lose)
        line = refused(ask("fund", "invest", 5, "--as", "ann"), 1)
    assert line.startswith("outcome unknown")
    assert "give the same command with --key " in line
    key = line.split()[-1]
    assert tree(ask("fund", "invest", 5, "--as", "ann", "--key", key, "--json"))["entry"] == 6
    assert tree(ask("fund", "nav", "--json"))["capital"] == 5


def test_a_fault_of_the_program_is_one_line(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(Desk, "execute", fail)
    assert refused(asking(plain)("fund", "invest", 5, "--as", "ann"), 1) == (
        "unexpected: RuntimeError: boom (--debug shows where)"
    )


def test_as_a_process(plain: Path) -> None:
    done = start("fund", "invest", "x", "--as", "ann", VOLTADESK_DESK=str(plain))
    assert refused(done, 3) == "BAD_VALUE: amount = x: must be a number"


def test_no_secret_in_any_output(market: Path, tmp_path: Path) -> None:
    """Whatever is asked, well or wrongly, nothing of a key file's secret or of a passphrase is written anywhere."""
    ask = asking(market)
    read, write = os.pipe()
    os.write(write, b"correct horse battery\n" * 3)
    os.close(write)
    said = [ask("actor", "add", "eve", "--new-passphrase-fd", read), ask("fund", "invest", 5, "--as", "eve")]
    os.close(read)
    secrets = [path.read_text().split("secret ")[1].strip() for path in (market / "keys").glob("*.key")]
    assert len(secrets) == 4
    said += [ask(*command.split(), *("--json",) * (n % 2)) for n, command in enumerate(EVERY)]
    said += [ask("actor", "rotate-key", "--as", "carl"), ask("fund", "invest", "x"), ask("fund", "invest", 5, "--json")]
    said += [
        ask("actor", "add", "x", "--public-key", secrets[0]),
        call("--debug", "fund", "invest", "5", "--desk", tmp_path),
    ]
    secrets += [path.read_text().split("secret ")[1].strip() for path in (market / "keys").glob("*.key")]
    text = "".join(done.out + done.err for done in said)
    assert "correct horse battery" not in text
    for secret in set(secrets) - {secrets[0]}:
        assert secret not in text
        assert json.dumps(secret) not in text
