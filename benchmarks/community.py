"""How fast a community's month is shared out and priced, once its meters are read.

The target is an absolute one, so a pass is given as well: one summing read of what all members took and fed in.
"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.auction import time_text
from voltadesk.clock import local_midnight_utc, time_zone
from voltadesk.community.energy import Energy, grid_of
from voltadesk.community.rules import RULES, Community
from voltadesk.community.settlement import settle
from voltadesk.community.tariffs import Tariffs
from voltadesk.scenario.read import checked

MEMBERS = 1_000
TARGET = "<= 1 s"


def run() -> list[tuple[str, str, str]]:
    """(what, measured, target) for each figure."""
    rules, energy, tariffs = village(MEMBERS)
    settle(rules, energy, tariffs)  # compiled
    begun = time.perf_counter()
    for _ in range(10):
        int(energy.import_wh.sum()) + int(energy.export_wh.sum())
    a_pass = (time.perf_counter() - begun) / 10
    rows = []
    for rule in RULES:
        under = rules.under(rule)
        times = []
        for _ in range(3):
            begun = time.perf_counter()
            done = settle(under, energy, Tariffs(under, energy.grid, tariffs.folder))
            times.append(time.perf_counter() - begun)
        shared = int(done.taken_wh.sum()) / int(energy.import_wh.sum())
        what = f"{rule}: {MEMBERS:,} members, {energy.grid.count:,} quarter-hours, settled and priced"
        measured = f"{time_text(min(times))}, {min(times) / a_pass:.0f} passes, {shared:.0%} from the community"
        rows.append((what, measured, TARGET))
    return rows


def village(members: int) -> tuple[Community, Energy, Tariffs]:
    """A month of homes, every third with a roof, in buildings of four on feeders of forty."""
    homes = [{"name": f"m{n:05d}", "building": f"b{n // 4}", "feeder": f"f{n // 40}"} for n in range(members)]
    zones = [{"name": "day", "price": 320, "hours": "06:00-22:00"}, {"name": "night", "price": 250}]
    tariffs = [
        {"name": "retail", "zones": zones, "vat_percent": 20, "monthly": 3},
        {"name": "feed-in", "price": 80},
        {"name": "sun", "midpoint": ["retail", "feed-in"], "vat_percent": 20},
    ]  # fmt: skip
    fee = {"name": "grid fee", "party": "grid", "building": 10, "feeder": 25, "community": 40, "grid": 60}
    tree = {
        "version": 1, "name": "village", "timezone": "Europe/Vienna", "members": homes, "tariffs": tariffs,
        "prices": {"buyer": "sun", "seller": "sun", "supply": "retail", "feed_in": "feed-in"}, "fees": [fee],
    }  # fmt: skip
    rules = checked(Community, tree, "village", "a community")
    zone = time_zone(rules.timezone)
    grid = grid_of(rules, *(local_midnight_utc(date(2026, month, 1), zone) for month in (7, 8)))
    random = np.random.default_rng(1)
    import_wh = random.integers(20, 400, (grid.count, members))
    hour = grid.local_fields()[2] / 3600
    sun = np.maximum(0, np.sin((hour - 6) / 12 * np.pi))[:, None] * random.random((grid.count, 1))
    export_wh = (sun * random.integers(500, 1_500, members) * (np.arange(members) % 3 == 0)).astype(np.int64)
    import_wh = np.where(export_wh > 0, 0, import_wh)
    ordered = tuple(sorted(rules.members, key=lambda member: member.name))
    nothing = np.zeros(members, np.int64)
    everybody, always = np.ones(members, bool), np.ones(import_wh.shape, bool)
    energy = Energy(grid, ordered, import_wh, export_wh, everybody, nothing, always, nothing, ())
    return rules, energy, Tariffs(rules, grid, Path())


if __name__ == "__main__":
    for row in run():
        print("{:<78} {:<52} {}".format(*row))
