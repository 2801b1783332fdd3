"""What reading commands tell: exact numbers for programs, whole ones for people."""

from __future__ import annotations

import json
import shutil
import subprocess
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

import pytest

from tests.cli.answers import refused, tree
from tests.cli.conftest import asking
from tests.cli.test_wrong_input import EVERY
from voltadesk.store.desk import Desk
from voltadesk.units import money_decimal


@pytest.mark.parametrize("command", [one for one in EVERY if one not in ("ledger export", "journal verify")])
def test_every_answer_is_one_object(command: str, market: Path) -> None:
    done = asking(market)(*command.split(), "--json")
    assert len(done.out.splitlines()) == 1
    assert tree(done)["schema"] == 1
    assert asking(market)(*command.split()).out.strip()


def test_numbers_are_those_of_the_books(market: Path) -> None:
    ask = asking(market)
    with Desk.open(market) as desk:
        book = desk.book
        nav, balances = book.fund.nav_e8, book.ledger.balances()
    assert tree(ask("fund", "nav", "--json"))["net_asset_value"] == money_decimal(nav)
    told = tree(ask("ledger", "balances", "--json"))["balances"]
    assert [(row["account"], row["commodity"]) for row in told] == [(row.account, row.commodity) for row in balances]
    for row, balance in zip(told, balances, strict=True):
        assert row["amount"] == (balance.amount if balance.commodity == "WH" else money_decimal(balance.amount))
    by_commodity: dict[str, Decimal] = {}
    for entry in tree(ask("ledger", "entries", "--json"))["entries"]:
        for row in entry["postings"]:
            by_commodity[row["commodity"]] = by_commodity.get(row["commodity"], Decimal(0)) + row["amount"]
    assert by_commodity == {"EUR": 0, "WH": 0, "SHARE": 0}


def test_times_are_local_for_people_and_utc_for_programs(market: Path) -> None:
    ask = asking(market)
    assert tree(ask("market", "show", "--json"))["next_utc"] == "2026-05-24T23:00Z"
    assert "2026-05-25 01:00+0200" in ask("market", "show").out


def test_settings_are_shown_as_they_were_set(market: Path) -> None:
    ask = asking(market)
    outage = "2026-05-26T08:00/2026-05-26T12:00/"
    assert ask("plant", "set", "engine", "--outage", outage + "7.5", "--owner", "carl").code == 0
    plant = tree(ask("plant", "show", "engine", "--json"))
    span = {"begin_utc": "2026-05-26T06:00Z", "end_utc": "2026-05-26T10:00Z"}
    assert (plant["owner"], plant["outages"]) == ("carl", [span | {"available_kw": Decimal("7.5")}])
    assert tree(ask("plant", "list", "--owner", "carl", "--json"))["plants"] == [
        {name: value for name, value in plant.items() if name != "schema"}
    ]
    assert ask("plant", "set", "engine", "--outage", "none", "--as", "carl").code == 0
    assert tree(ask("plant", "show", "engine", "--json"))["outages"] == []
    assert ask("battery", "set", "cellar-1", "--outage", outage + "50", "--charge", "10:00-15:00").code == 0
    battery = tree(ask("battery", "show", "cellar-1", "--json"))
    assert battery["outages"] == [span | {"available_percent": 50}]
    assert battery["charge"] == ["10:00-15:00"]
    assert ask("home", "set", "roof-1", "--owner", "carl", "--no-flexible", "--offered-percent", "50").code == 0
    home = tree(ask("home", "list", "--owner", "carl", "--json"))["homes"]
    assert [(row["home"], row["flexible"], row["offered_percent"]) for row in home] == [("roof-1", False, 50)]
    assert ask("market", "set", "--band-low=-450", "--margin", "1.50", "--community-rule", "none").code == 0
    market_now = tree(ask("market", "show", "--json"))
    assert market_now["band"] == {"low_per_mwh": -450, "high_per_mwh": None}
    assert (market_now["operator"]["margin_per_mwh"], market_now["community"]["rule"]) == (Decimal("1.50"), "none")


def test_a_battery_has_all_that_it_was_bought_with(plain: Path) -> None:
    ask = asking(plain)
    assert ask("fund", "invest", 100, "--as", "ann").code == 0
    options = {
        "serial": "S-1",
        "capacity_kwh": "10.5",
        "charge_kw": "3",
        "discharge_kw": "4",
        "fill_kwh": "2",
        "minimum_fill_kwh": "1",
        "maximum_fill_kwh": "10",
        "charge_efficiency": "0.95",
        "discharge_efficiency": "0.9",
        "standing_loss_percent_per_hour": "0.01",
        "strategy": "timetable",
        "cost": "50.00000001",
    }
    given = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", value)]
    given += ["--charge", "22:00-05:30", "--charge", "12:00-13:00", "--wear-cost", "5", "--sell-limit", "60"]
    assert ask("battery", "buy", "b", *given).code == 0
    told = tree(ask("battery", "show", "b", "--json"))
    assert {name: str(told[name]) for name in options} == options
    assert (told["charge"], told["wear_cost_per_mwh"]) == (["22:00-05:30", "12:00-13:00"], 5)
    assert (told["buy_limit_per_mwh"], told["sell_limit_per_mwh"], told["book_value"]) == (None, 60, told["cost"])
    assert ask("battery", "retire", "b", "--scrap", "7").code == 0
    assert tree(ask("battery", "list", "--json"))["batteries"] == []
    assert tree(ask("battery", "list", "--retired", "--json"))["batteries"][0]["retired_entry"] == 8


def test_why_a_battery_did_what_it_did(market: Path) -> None:
    ask = asking(market)
    told = tree(ask("battery", "why", "cellar-1", "--json"))["intervals"]
    battery = tree(ask("battery", "show", "cellar-1", "--json"))
    assert len(told) == 4
    assert told == tree(ask("battery", "why", "cellar-1", "--intervals", "9", "--json"))["intervals"]
    told = tree(ask("battery", "why", "cellar-1", "--intervals", "1", "--json"))["intervals"]
    assert [row["start_utc"] for row in told] == ["2026-05-24T22:45Z"]
    assert told[0]["buy_limit_per_mwh"] == battery["buy_limit_per_mwh"]
    buy, sell = battery["buy_limit_per_mwh"], battery["sell_limit_per_mwh"] - battery["wear_cost_per_mwh"]
    assert told[0]["worth_more_per_stored_mwh"] == (buy / battery["charge_efficiency"]).quantize(Decimal("0.01"))
    worth = sell * battery["discharge_efficiency"]
    assert told[0]["worth_less_per_stored_mwh"] == worth.quantize(Decimal("0.01"), ROUND_FLOOR)
    assert told[0]["fill_kwh"] == battery["fill_kwh"]
    refused(ask("battery", "why", "cellar-99"), 7)


def test_redemptions_wait_and_can_be_taken_back(plain: Path) -> None:
    ask = asking(plain)
    ask("fund", "invest", 100, "--as", "ann")
    buy = ["battery", "buy", "b", "--serial", "s", "--capacity-kwh", 1, "--charge-kw", 1, "--discharge-kw", 1]
    assert ask(*buy, "--cost", 80).code == 0
    assert tree(ask("fund", "redeem", 50, "--as", "ann", "--json"))["effects"]["paid"] == [["ann", "20.00"]]
    told = tree(ask("fund", "holdings", "--json"))
    assert told["redemptions"] == [{"redemption": 1, "actor": "ann", "shares": 30}]
    assert "waiting to be redeemed" in ask("fund", "holdings").out
    assert ask("fund", "cancel", 1, "--as", "ann").code == 0
    assert tree(ask("fund", "holdings", "--json"))["redemptions"] == []


@pytest.mark.parametrize("form", ["hledger", "beancount", "jsonl"])
def test_the_ledger_is_exported(form: str, market: Path, tmp_path: Path) -> None:
    ask, file = asking(market), tmp_path / "ledger"
    written = ask("ledger", "export", "--format", form)
    assert written.code == 0
    assert ask("ledger", "export", "--format", form, "--out", file, "--json").code == 0
    assert file.read_text() == written.out
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []
    if form == "jsonl":
        assert json.loads(written.out.splitlines()[0])["entry"] == 0


@pytest.mark.parametrize(
    ("form", "check"), [("hledger", ["hledger", "check", "-s", "-f"]), ("beancount", ["bean-check"])]
)
def test_other_programs_accept_the_export(form: str, check: list[str], market: Path, tmp_path: Path) -> None:
    if shutil.which(check[0]) is None:
        pytest.skip(f"{check[0]} is not installed")
    asking(market)("ledger", "export", "--format", form, "--out", tmp_path / f"x.{form}")
    done = subprocess.run([*check, tmp_path / f"x.{form}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
