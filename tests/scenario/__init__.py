"""From a scenario file to the numbers that a market runs on."""

from __future__ import annotations

from pathlib import Path

from tests.commands import Done, call, refusal
from voltadesk.scenario.read import parse_scenario
from voltadesk.scenario.world import World

TOWN = """\
version = 1
name = "town"
seed = 7

[time]
start = 2026-03-28
days = 2
timezone = "Europe/Berlin"
interval_minutes = 15

[operator]
margin = 1.00

[community]
rule = "mid-market"

[upstream]
limit_kw = 50
price = 80.00

[[homes]]
name = "flats"
count = 3
annual_kwh = [2000, 3000]
flexible = { share_percent = 20, price_limit = 70.00 }

[[homes]]
name = "houses"
count = 2
annual_kwh = 4000
solar = { peak_kw = [3, 6], orientation = ["south", "west"] }

[[plants]]
name = "mill"
capacity_kw = 5
minimum_kw = 1
marginal_cost = 60.00

[[plants]]
name = "field"
kind = "solar"
capacity_kw = 4

[[fleet]]
name = "cellar"
count = 2
capacity_kwh = 10
charge_kw = 2
discharge_kw = 2
charge_efficiency = 0.95
strategy = { name = "threshold", buy_limit = 50, sell_limit = [75, 90] }
"""


def changed(*changes: tuple[str, str], text: str = TOWN) -> str:
    """A scenario's text with parts of it replaced."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def world_of(text: str = TOWN, folder: Path = Path()) -> World:
    """The world of a scenario's text."""
    return World(parse_scenario(text, "town.toml"), folder)


def replay_file(path: Path, *options: str | Path) -> Done:
    return call("headless", "replay", path, *options)


def refused(folder: Path, text: str) -> str:
    """What is said about a scenario that is refused; its folder is left as it was."""
    path = folder / "town.toml"
    path.write_text(text, encoding="utf-8")
    before = sorted(folder.rglob("*"))
    line = refusal(replay_file(path, "--out", folder / "made" / "out"))
    assert sorted(folder.rglob("*")) == before
    return line
