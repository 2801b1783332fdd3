"""Small communities by hand: rules as text, energy as rows of watt-hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from voltadesk.clock import IntervalGrid
from voltadesk.community.energy import Energy, Registers, energy_of, grid_of
from voltadesk.community.rules import Community
from voltadesk.community.settlement import Settlement, settle
from voltadesk.community.tariffs import Tariffs
from voltadesk.feeds.meter_columns import Register
from voltadesk.feeds.meter_files import MeterFile
from voltadesk.feeds.meter_series import Reading
from voltadesk.scenario.read import checked, parse_toml

BEGIN = 1_767_225_600  # 2026-01-01T00:00Z

PRICES = """
[prices]
buyer = "solar"
seller = "solar"
supply = "retail"
feed_in = "feed-in"

[[tariffs]]
name = "retail"
price = 300.00
[[tariffs]]
name = "feed-in"
price = 80.00
[[tariffs]]
name = "solar"
price = 150.00
"""


def rules_of(text: str) -> Community:
    """The rules of a text, as the file `community.toml` would be read."""
    return checked(Community, parse_toml(text, "community.toml"), "community.toml", "a community")


def house(*members: str, sharing: str = "", rest: str = PRICES, head: str = "") -> Community:
    """Rules of members by the lines of their tables."""
    parts = "\n".join(f"[[members]]\n{member}" for member in members)
    return rules_of(f'version = 1\nname = "house"\n{head}\n{sharing}\n{parts}\n{rest}')


def member(name: str, *lines: str) -> str:
    return "\n".join([f'name = "{name}"', *lines])


def readings(energy_wh: Mapping[tuple[str, Register], Sequence[int]], begin: int = BEGIN) -> Registers:
    """Readings per quarter-hour by meter and register."""
    made = [
        Reading(
            meter, register, begin, 900, np.array(values, np.int64), np.zeros(len(values), np.int8),
            np.arange(2, len(values) + 2), "meters.csv",
        )
        for (meter, register), values in energy_wh.items()
    ]  # fmt: skip
    return Registers([MeterFile("meters.csv", "wide", 0, tuple(made), (), ())])


def settled(
    rules: Community, energy_wh: Mapping[tuple[str, Register], Sequence[int]], begin: int = BEGIN, folder: Path = Path()
) -> Settlement:
    """The settlement of all the quarter-hours that are given."""
    energy, tariffs = given(rules, energy_wh, begin, folder)
    return settle(rules, energy, tariffs)


def given(
    rules: Community, energy_wh: Mapping[tuple[str, Register], Sequence[int]], begin: int = BEGIN, folder: Path = Path()
) -> tuple[Energy, Tariffs]:
    count = max(len(values) for values in energy_wh.values())
    grid: IntervalGrid = grid_of(rules, begin, begin + count * 900)
    return energy_of(rules, readings(energy_wh, begin), grid), Tariffs(rules, grid, folder)
