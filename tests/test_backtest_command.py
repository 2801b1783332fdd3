"""`voltadesk headless backtest`: what it prints and writes, and what it refuses in one line."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.commands import Done, call, refusal
from tests.test_backtest import Yesterday
from voltadesk.strategy.strategies import Perfect

HOURS = 24 * 30


@pytest.fixture(autouse=True)
def two_strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with strategies that are known here."""
    ahead = Yesterday()
    ahead.name, ahead.needs = "ahead", ("day-ahead",)  # type: ignore[attr-defined]
    table = {"perfect": Perfect(), "yesterday": Yesterday(), "ahead": ahead}
    monkeypatch.setattr("voltadesk.strategy.strategies.STRATEGIES", table)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    rows = [f"{1_735_689_600 + 3600 * n},{(n * 37 % 24) * 5 - 10}.25,{n % 24}" for n in range(HOURS)]
    path.write_text("\n".join(["time,price,load", *rows]) + "\n")
    return path


def run(*arguments: str | Path) -> Done:
    return call("headless", "backtest", *arguments)


def test_json(prices: Path) -> None:
    done = run(prices, "--json", "--quiet", "--wear", "2.50", "--cost", "200000/MWh", "--timezone", "Europe/Berlin")
    assert (done.code, done.err) == (0, "")
    tree = json.loads(done.out, parse_float=Decimal)
    assert tree["schema"] == 1
    assert tree["series"]["intervals"] == HOURS
    assert tree["series"]["timezone"] == "Europe/Berlin"
    assert [line["name"] for line in tree["strategies"]] == ["perfect", "yesterday"]
    perfect, yesterday = tree["strategies"]
    assert perfect["capture_ratio"] == 1
    assert yesterday["perfect"] == perfect["revenue"] > yesterday["revenue"] > 0
    assert tree["investment"]["cost"] == 400_000
    assert tree["fleet"][0]["wear_per_mwh"] == Decimal("2.50")
    assert perfect["gross"] - perfect["wear"] == perfect["revenue"]


def test_a_budget_of_cycles(prices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voltadesk.strategy.strategies.STRATEGIES", {"perfect": Perfect()})
    done = run(prices, "--json", "--quiet", "--cycles", "0.5/day")
    tree = json.loads(done.out, parse_float=Decimal)
    assert tree["cycle_budget"].pop("perfect_share_of_bound") > Decimal("0.95")
    assert tree["cycle_budget"] == {"cycles": Decimal("0.5"), "per": "day"}
    assert 0 < tree["strategies"][0]["cycles_per_day"] <= Decimal("0.5")
    assert "at most 180 full cycles a year" in run(prices, "--cycles", "180/year").out
    for text in ("1", "1/week", "/day", "x/day", "-1/day", "0/day", "1,5/day", "0.0000001/year"):
        assert refusal(run(prices, f"--cycles={text}")).startswith("cycles = ")


def test_a_connection(prices: Path) -> None:
    done = run(prices, "--json", "--quiet", "--strategy", "perfect", "--connection", "500kW")
    tree = json.loads(done.out, parse_float=Decimal)
    assert tree["connection_mw"] == Decimal("0.5")
    assert "one connection of 0.5 MW" in run(prices, "--strategy", "perfect", "--connection", "500kW").out
    assert refusal(run(prices, "--connection", "5MWh")).startswith("connection = 5MWh: must be a number and its unit")


def test_for_people(prices: Path) -> None:
    done = run(prices, "--strategy", "yesterday", "--power", "500kW", "--energy", "1.5 MWh")
    assert done.code == 0
    assert done.out.startswith("Backtest of prices.csv\n")
    assert "all in the prices' currency, after wear" in done.out
    assert "1 battery: 0.5 MW, 1.5 MWh, 86.0 % through a cycle" in done.out
    assert "Revenue by month" in done.out
    assert "As an investment" not in done.out
    assert "backtest: strategies 1, kinds of battery 1, intervals 720" in done.err


def test_files(prices: Path, tmp_path: Path) -> None:
    done = run(prices, "--quiet", "--out", tmp_path / "out", "--strategy", "perfect", "--train-until", "2025-01-11")
    assert done.code == 0
    assert (
        json.loads((tmp_path / "out" / "report.json").read_text())["series"]["traded_from_utc"] == "2025-01-11T00:00Z"
    )
    assert (tmp_path / "out" / "report.md").read_text().startswith("# Backtest of prices.csv")
    table = tmp_path / "out" / "intervals.parquet"
    assert duckdb.sql(f"SELECT count(*) FROM '{table}'").fetchall() == [(HOURS - 240,)]  # noqa: S608


def test_an_imported_series_goes_by_its_name(prices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLTADESK_PRICES", str(tmp_path / "shelf"))
    for name, currency in (("ercot", "USD"), ("ahead", "EUR")):
        asked = ("--name", name, "--currency", currency, "--column", "price")
        assert call("prices", "import", prices, *asked).code == 0
    out = tmp_path / "out"
    done = run("ercot", "--day-ahead", "ahead", "--out", out, "--html", "--quiet", "--strategy", "ahead")
    assert (done.code, done.err) == (0, "")
    report, page = (out / "report.json").read_text(), (out / "report.html").read_text()
    series = json.loads(report)["series"]
    assert (series["name"], series["currency"]) == ("ercot", "USD")
    assert series["notes"] == ["ercot: price, per MWh", "ahead: day-ahead, per MWh"]
    assert "<title>Backtest ercot</title>" in page
    for text in (done.out, page):
        assert "all in USD, after wear" in text
        assert "ahead: day-ahead, per MWh" in text
    assert "added up, in USD" in page
    for text in (done.out, report, page):
        assert ".parquet" not in text


def test_a_fault_of_an_imported_series_goes_by_its_name(
    prices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLTADESK_PRICES", str(tmp_path / "shelf"))
    lines = prices.read_text().splitlines()
    prices.write_text("\n".join([*lines[:10], *lines[12:]]) + "\n")
    assert call("prices", "import", prices, "--name", "de", "--column", "price", "--fill", "none").code == 0
    said = "de: row 10: time = 2025-01-01T11:00Z: 2025-01-01T09:00Z is missing before it"
    assert refusal(run("de")).startswith(said)


def test_a_fleet_and_the_shipped_sample(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    group = "name = 'a'\ncapacity_kwh = 100\ncharge_kw = 50\ndischarge_kw = 50\ncount = 4\n"
    other = group.replace("'a'", "'b'")
    path.write_text(f"[[fleet]]\n{group}[[fleet]]\n{other}")
    done = run("sample", "--day-ahead", "sample", "--fleet", path, "--json", "--quiet")
    assert done.code == 0, done.err
    tree = json.loads(done.out)
    assert [unit["count"] for unit in tree["fleet"]] == [4, 4]
    assert tree["series"]["published"] == ["day-ahead"]
    assert [line["name"] for line in tree["strategies"]] == ["perfect", "yesterday", "ahead"]


def test_a_forecast_with_its_times(prices: Path, tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    rows = [f"{1_735_689_600 + 3600 * n},{1_735_689_600 + 3600 * (n + k)},{n}" for n in range(9) for k in range(3)]
    path.write_text("\n".join(["published,time,price", *rows]) + "\n")
    done = run(prices, "--column", "price", "--forecast", path, "--json", "--quiet")
    assert done.code == 0, done.err
    assert json.loads(done.out)["series"]["published"] == ["forecast"]


def test_the_example_in_python_runs(
    prices: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "backtest.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(prices.parent)
    exec(example, {})  # noqa: S102
    assert Decimal(capsys.readouterr().out) > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--column", "prize"], "prices = prize: is not among the columns time, price, load"),
        (["--timezone", "Mars"], "timezone = Mars: must be an IANA time zone such as Europe/Berlin"),
        (["--power", "1"], "power = 1: must be a number and its unit, such as 1MW or 500kW"),
        (["--power", "0MW"], "power = 0MW: must be whole W, from 1 W to 1,000 GW"),
        (["--energy", "2MW"], "energy = 2MW: must be a number and its unit, such as 2MWh or 500kWh"),
        (["--energy", "1e3MWh"], "energy = 1e3MWh: must be a number"),
        (["--efficiency", "86"], "efficiency = 86: must lie between 0.000001 and 1"),
        (["--efficiency", "0"], "efficiency = 0: must lie between 0.000001 and 1"),
        (["--wear", "-1"], "wear = -1: must lie between 0 and 30000"),
        (["--strategy", "perfect,guess"], "strategy = guess: must be one of perfect, yesterday, ahead"),
        (["--strategy", "perfect,perfect"], "strategy = perfect: must not be given twice"),
        (["--train-until", "tomorrow"], "train-until = tomorrow: must be a time such as 2024-07-01"),
        (["--train-until", "2026-01-01"], "train-until = 2026-01-01: must lie between 2025-01-01 00:00+0000 and"),
        (["--train-until", "2025-01-03T00:30"], "T00:30: must be the begin of an interval of 60"),
        (["--cost", "5/kWh"], "cost = 5/kWh: must be an amount for all, or for each MWh"),
        (["--cost", "0"], "cost = 0: must lie between"),
        (["--cost", "1", "--discount-rate", "8"], "discount-rate = 8: must lie between 0 and 1"),
        (["--where", "price"], "where = price: must be COLUMN=TEXT, such as REGIONID=SA1"),
        (["--where", "prize=1"], "where = prize=1: must name a column of a file, which has "),
        (["--where", "price=no"], "where = price=no: must leave at least 2 rows, leaves 0"),
        (["--day-ahead", "none.csv"], "day-ahead = none.csv: no such file or directory, must be CSV, JSON or XML"),
        (["--forecast", "none.csv"], "forecast = none.csv: no such file or directory, must be CSV, JSON or XML"),
        (["--fleet", "none.toml"], "fleet = none.toml: no such file or directory"),
        (["--out", ""], "out = '': must be a folder"),
    ],
)  # fmt: skip
def test_refused(prices: Path, arguments: list[str], said: str) -> None:
    chosen = [] if "--column" in arguments else ["--column", "price"]
    assert said in refusal(run(prices, *chosen, *arguments))


def test_columns_to_choose_from_hold_no_times(prices: Path) -> None:
    prices.write_text(prices.read_text().replace("time,price,load", "time,a,b"))
    assert refusal(run(prices)).endswith("prices: no column chosen, must be one of the columns a, b")


def test_files_that_can_not_be(prices: Path, tmp_path: Path) -> None:
    assert "no such file" in refusal(run(tmp_path / "none.csv"))
    assert "must be CSV, JSON or XML" in refusal(run(tmp_path))
    assert "file exists" in refusal(run(prices, "--out", prices))
    assert "must speak of intervals between" in refusal(_ahead(prices, 3600, 1_600_000_000 // 3600 * 3600))
    assert "multiple of the prices' 60 minutes, steps by 15" in refusal(_ahead(prices, 900, 1_735_689_600))


def _ahead(prices: Path, step_s: int, start_utc: int) -> Done:
    path = prices.with_name("ahead.csv")
    path.write_text("\n".join(["time,price", *(f"{start_utc + step_s * n},1" for n in range(9))]) + "\n")
    return run(prices, "--column", "price", "--day-ahead", path)
