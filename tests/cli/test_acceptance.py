"""A2, A3, A4, A5, A12, A26 by the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.answers import refused, tree
from tests.cli.conftest import asking, made
from voltadesk.store.desk import Desk

BATTERY = ["--serial", "S1", "--capacity-kwh", "100", "--charge-kw", "25", "--discharge-kw", "25"]

PRIVILEGED = [
    "actor add eve",
    "role grant bob investor",
    "role revoke ann investor",
    "owner transfer ann",
    "battery buy b --cost 5 --serial s --capacity-kwh 1 --charge-kw 1 --discharge-kw 1",
    "battery add b --serial s --capacity-kwh 1 --charge-kw 1 --discharge-kw 1",
    "battery set b --buy-limit 5",
    "battery retire b",
    "fund invest 5",
    "fund redeem 5",
    "fund declare 5",
    "market halt",
    "market resume",
    "market set --cap 5",
    "order place buy 5",
    "order place buy 5 --price 5 --product 2026-05-25T12:00Z",
    "order amend o-1 --price 5",
]


def root_and_size(folder: Path) -> tuple[str, int]:
    with Desk.open(folder) as desk:
        return desk.state_root(), desk.journal.head().seq


@pytest.mark.parametrize("command", PRIVILEGED)
def test_a2_who_has_no_role_is_denied(command: str, plain: Path) -> None:
    root, size = root_and_size(plain)
    ask = asking(plain)
    line = refused(ask(*command.split(), "--as", "carl"), 7)
    assert line.startswith("DENIED: actor = carl: must be ")
    assert root_and_size(plain) == (root, size + 1)
    (entry,) = tree(ask("journal", "tail", "--actor", "carl", "--json"))["entries"]
    assert entry["outcome"] == "denied:DENIED"
    assert not (plain / "keys" / "eve.key").exists()


def test_a3_roles_and_owners(plain: Path) -> None:
    ask = asking(plain)
    assert tree(ask("role", "grant", "ann", "admin", "--json", "--as", "owner"))["effects"]["new"] is True
    assert tree(ask("role", "grant", "ann", "admin", "--json", "--as", "owner"))["effects"]["new"] is False
    assert tree(ask("role", "list", "--json"))["roles"]["admin"] == ["ann", "owner"]
    assert refused(ask("role", "revoke", "nobody", "admin"), 7).startswith("NOT_FOUND: actor = nobody")
    assert refused(ask("role", "revoke", "bob", "admin"), 7).startswith("NOT_FOUND: role = admin")
    assert refused(ask("role", "revoke", "owner", "owner"), 7).startswith("LAST_OWNER: actor = owner")
    assert ask("owner", "transfer", "ann").code == 0
    assert tree(ask("actor", "show", "owner", "--json"))["offered_ownership_to"] == "ann"
    assert refused(ask("owner", "accept", "--as", "bob"), 7).startswith("NOT_FOUND: actor = bob")
    assert ask("owner", "accept", "--as", "ann").code == 0
    assert tree(ask("role", "list", "--json"))["roles"]["owner"] == ["ann"]


def test_a4_buying_batteries(plain: Path) -> None:
    ask = asking(plain)
    assert ask("fund", "invest", 2_000_000, "--as", "ann").code == 0
    assert ask("battery", "buy", "b1", "--cost", 1_300_000, *BATTERY).code == 0
    nav = tree(ask("fund", "nav", "--json"))
    assert (nav["free_cash"], nav["batteries"], nav["net_asset_value"]) == (700_000, 1_300_000, 2_000_000)
    root = root_and_size(plain)[0]
    same_serial = ask("battery", "buy", "b2", "--cost", 1, *BATTERY)
    assert refused(same_serial, 7) == "DUPLICATE: serial = S1: is in the register already"
    other = ["--serial", "S2", *BATTERY[2:]]
    assert refused(ask("battery", "buy", "b2", "--cost", 700_001, *other), 7) == (
        "INSUFFICIENT_FUNDS: cost = 700001.00: must be at most the free cash, 700000.00"
    )
    for change, line in (
        (["--capacity-kwh", 0], "BAD_VALUE: capacity_kwh = 0: must lie between 0.001 and"),
        (["--charge-kw", 0], "BAD_VALUE: charge_kw = 0: must lie between 0.001 and"),
        (["--fill-kwh", 101], "BAD_VALUE: fill_kwh = 101: must lie between 0 and 100"),
    ):
        assert refused(ask("battery", "buy", "b2", "--cost", 1, *other, *change), 3).startswith(line)
    assert root_and_size(plain)[0] == root


def test_a5_profit_is_declared_and_withdrawn_once(market: Path) -> None:
    """The street's batteries have earned a little; one investor holds all shares."""
    ask = asking(market)
    assert ask("headless", "run", "--intervals", 40, "-q").code == 0
    nav = tree(ask("fund", "nav", "--json"))
    profit = nav["realised_profit"]
    assert profit > 0
    assert refused(ask("fund", "declare", profit * 2), 7).startswith("NO_PROFIT: amount = ")
    assert tree(ask("fund", "declare", profit, "--json"))["effects"]["parts"] == [["mara", str(profit)]]
    assert tree(ask("fund", "statement", "mara", "--json"))["dividends_due"] == profit
    assert tree(ask("fund", "withdraw", "--as", "mara", "--json"))["effects"] == {"amount": str(profit)}
    assert refused(ask("fund", "withdraw", "--as", "mara"), 7).startswith("NOTHING_DUE: actor = mara")
    statement = tree(ask("fund", "statement", "mara", "--json"))
    assert (statement["dividends_due"], statement["dividends_withdrawn"]) == (0, profit)
    assert [row["amount"] for row in statement["investments"]] == [1000]


def test_a12_halted(market: Path, tmp_path: Path) -> None:
    ask = asking(market)
    order = tree(ask("order", "place", "buy", "0.1", "--as", "mara", "--until", "2026-05-26", "--json"))
    assert ask("fund", "declare", 1, "--return-of-capital").code == 0
    assert ask("market", "halt", "--reason", "looks odd").code == 0
    assert ask("market", "halt", "--reason", "twice").code == 0
    root = root_and_size(market)[0]
    for command in (
        ["battery", "buy", "b", "--cost", "5", *BATTERY],
        ["headless", "run", "--intervals", "1"],
        ["order", "place", "buy", "5"],
        ["fund", "invest", "5"],
        ["fund", "declare", "1", "--return-of-capital"],
        ["home", "set", "flat-1", "--offered-percent", "50"],
    ):
        assert refused(ask(*command, "--as", "owner"), 7).startswith("HALTED: kind = "), command
    assert root_and_size(market)[0] == root
    assert tree(ask("market", "show", "--json"))["halted"] == "looks odd"
    assert ask("fund", "withdraw", "--as", "mara").code == 0
    assert ask("order", "cancel", order["effects"]["order"], "--as", "mara").code == 0
    assert ask("journal", "verify").code == 0
    assert ask("ledger", "export", "--out", tmp_path / "x").code == 0
    assert ask("market", "resume").code == 0
    assert tree(ask("headless", "run", "--intervals", 1, "-q", "--json"))["intervals"] == 1


def test_a26_the_same_key_has_one_effect(plain: Path) -> None:
    ask = asking(plain)
    answers = {ask("fund", "invest", 7, "--as", "ann", "--key", "may", "--json").out for _ in range(4)}
    assert len(answers) == 1
    assert tree(ask("fund", "nav", "--json"))["capital"] == 7
    assert refused(ask("fund", "invest", 8, "--as", "ann", "--key", "may"), 7).startswith("KEY_CONFLICT: key = may")


def test_a_single_user_needs_no_names(tmp_path: Path) -> None:
    ask = asking(made(tmp_path / "desk", "--scenario", "none", "--name", "solo"))
    assert tree(ask("fund", "invest", 10, "--json"))["actor"] == "solo"
