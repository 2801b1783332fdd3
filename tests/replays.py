"""One replay of a lively scenario, and ways to look into what it wrote."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import simplejson

from tests.commands import Done, call
from tests.scenario import changed

# Small enough that some of it is tried in every test, with all that a scenario may hold; the clock changes in it.
MONEY = '\n[[money_holders]]\nname = "cooperative"\ncash = 1000.00\n'
LIVELY = (
    changed(
        ("margin = 1.00", "margin = 1.00\ngrid_fee = 30.00\nlevy = 5.00\nimbalance_spread = 10.00"),
        ('rule = "mid-market"', 'rule = "mid-market"\nfee_percent = 2\ngrid_fee = 10.00'),
        ("limit_kw = 50", "limit_kw = 2"),
        ("price_limit = 70.00", "price_limit = 120.00"),
    )
    + MONEY
)


def replayed(folder: Path) -> Path:
    """The folder, with the scenario and the files of one replay of it put in."""
    (folder / "town.toml").write_text(LIVELY, encoding="utf-8")
    done = call("headless", "replay", folder / "town.toml", "--out", folder / "out", "--json", "-q")
    assert (done.code, done.err) == (0, "")
    (folder / "stdout.json").write_text(done.out, encoding="utf-8")
    return folder


def replay(path: Path, *options: str | Path) -> Done:
    return call("headless", "replay", path, "-q", *options)


def tree(done: Done) -> dict[str, Any]:
    """The JSON object that a command wrote, its numbers as they stand there."""
    assert (done.code, done.err) == (0, ""), done
    return exact(done.out)


def exact(text: str) -> dict[str, Any]:
    return simplejson.loads(text, parse_float=Decimal, parse_int=Decimal)


def report(folder: Path) -> dict[str, Any]:
    return exact((folder / "out" / "report.json").read_text("utf-8"))


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table that a replay wrote."""
    with duckdb.connect() as database:
        found = database.execute("SELECT * FROM read_parquet($1)", [str(folder / "out" / f"{name}.parquet")])
        columns = [column[0] for column in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def only_in_first(*files: Path) -> list[tuple[Any, ...]]:
    """Rows of the first file that the second does not have."""
    with duckdb.connect() as database:
        first, second = (
            database.read_csv(file) if file.suffix == ".csv" else database.read_parquet(str(file)) for file in files
        )
        return first.except_(second).fetchall()


def scenario_file(folder: Path, text: str) -> Path:
    path = folder / "town.toml"
    path.write_text(text, encoding="utf-8")
    return path


# A fill is given in percent with two decimals, so 25 of 110 MWh is 20 % of 125 MWh of which 88 % may be used.
FOUR = (  # capacity in MWh, what may be used and what is full at first in percent, rate in MW, threshold
    (100, 20, 4, 7000),
    (110, 25, 6, 10_000),
    (80, 30, 20, 4000),
    (70, 26, 11, 3000),
)
MWH = 1_000_000


def four_batteries() -> str:
    """Four batteries that buy below and sell above a threshold, where the grid above takes and gives at 5,000."""
    text = 'version = 1\nname = "four"\n[time]\nstart = 2026-01-01\ndays = 1\ninterval_minutes = 60\n'
    text += "[market]\ncap = 20000\n[upstream]\nlimit_kw = 1000000\nprice = 5000.00\n"
    for n, (capacity, fill, rate, threshold) in enumerate(FOUR, 1):
        text += (
            f'[[fleet]]\nname = "battery-{n}"\ncapacity_kwh = {capacity}000\n'
            f"initial_fill_kwh = {fill}000\ncharge_kw = {rate}000\ndischarge_kw = {rate}000\n"
            f'strategy = {{ name = "threshold", threshold = {threshold} }}\n'
        )
    return text
