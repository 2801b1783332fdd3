"""Makes the meters of data/communities again, byte for byte: a year of quarter-hours of two communities.

    python data/make_communities.py           write the files
    python data/make_communities.py --check   write nothing; exit 4 when a file differs from what would be written

Load and sun come from the shipped profiles, which are integers; what is random comes from Python's Mersenne Twister
with a fixed seed. Nothing but sums, products and quotients of floats is used, so that every machine makes the same.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from voltadesk.clock import IntervalGrid, local_midnight_utc, time_zone
from voltadesk.scenario.profiles import clear_sky_profile, load_profile

FOLDER = Path(__file__).parent / "communities"
ZONE = time_zone("Europe/Vienna")
YEAR, STEP_S, DAY_QUARTERS = 2026, 900, 96
SEED = 20_260_101
EVENT_SHARE, EVENT_WH, EVENT_QUARTERS = 0.012, (150, 600), (1, 4)  # of what is switched on now and then
BATTERY_WH, BATTERY_QUARTER_WH, BATTERY_SHARE_OUT = 20_000, 2_500, 0.9


@dataclass(frozen=True)
class Home:
    """Who lives there: a load profile and a year's use [kWh], a roof [kW] and which way it looks."""

    profile: str
    annual_kwh: int
    roof_kw: float = 0.0
    looks: str = "south"


FLATS = {
    "flat-1": Home("H25", 1_900),
    "flat-2": Home("H25", 3_100),
    "flat-3": Home("H25", 1_400),
    "flat-4": Home("H25", 2_600),
    "flat-5": Home("H25", 3_900),
    "flat-6": Home("H25", 2_200),
    "stairwell": Home("G25", 1_200),
    "roof": Home("G25", 0, 9.9, "flat"),
}
VILLAGE = {
    "alder-farm": Home("L25", 14_000, 25.0, "south"),
    "bakery": Home("G25", 16_000),
    "house-1": Home("P25", 4_200, 8.0, "west"),
    "house-2": Home("H25", 3_600),
    "house-3": Home("P25", 5_200, 6.5, "east"),
    "house-4": Home("P25", 3_900, 10.0, "south"),
    "house-5": Home("H25", 2_700),
    "school": Home("G25", 11_000, 12.0, "flat"),
}


def year_grid() -> IntervalGrid:
    """The quarter-hours of a local year."""
    begin, end = (local_midnight_utc(date(year, 1, 1), ZONE) for year in (YEAR, YEAR + 1))
    return IntervalGrid(begin, STEP_S, (end - begin) // STEP_S, ZONE)


def loads(home: Home, grid: IntervalGrid, draw: random.Random) -> list[int]:
    """What a home uses in each interval [Wh]: its profile, days of more and less, and what is switched on at times."""
    profile = load_profile(home.profile, grid).tolist()
    events_kwh = EVENT_SHARE * len(profile) * sum(EVENT_WH) / 2 * sum(EVENT_QUARTERS) / 2 / 1000
    base_kwh = max(home.annual_kwh - events_kwh, home.annual_kwh * 0.4)
    day = jitter = 1.0
    left, event = 0, 0
    found = []
    for quarter, share in enumerate(profile):
        if quarter % DAY_QUARTERS == 0:
            day = 0.7 + 0.6 * draw.random()
        jitter += 0.3 * (0.5 + draw.random() - jitter)
        if left == 0 and home.annual_kwh and draw.random() < EVENT_SHARE:
            left, event = draw.randint(*EVENT_QUARTERS), draw.randint(*EVENT_WH)
        found.append(int(share * base_kwh / 1e6 * day * jitter) + (event if left else 0))
        left = max(left - 1, 0)
    return found


def clouds(grid: IntervalGrid, draw: random.Random) -> list[float]:
    """The part of the clear sky's yield that is left in each interval, the same for all roofs."""
    found, day, now = [], 0.6, 0.6
    for quarter in range(grid.count):
        if quarter % DAY_QUARTERS == 0:
            day = 0.4 * day + 0.6 * (0.1 + 0.9 * draw.random())
        now += 0.25 * (day * (0.6 + 0.8 * draw.random()) - now)
        found.append(min(max(now, 0.03), 1.0))
    return found


def meters(homes: Mapping[str, Home], grid: IntervalGrid, draw: random.Random) -> dict[str, list[int]]:
    """Import, export and production of each home [Wh], by the name of its column."""
    sky = clouds(grid, draw)
    columns: dict[str, list[int]] = {}
    for name, home in homes.items():
        used = loads(home, grid, draw)
        clear = clear_sky_profile(home.looks, grid).tolist() if home.roof_kw else [0] * grid.count
        made = [int(yield_mwh * home.roof_kw * left / 1000) for yield_mwh, left in zip(clear, sky, strict=True)]
        if home.annual_kwh:
            columns[f"{name} import Wh"] = [max(u - m, 0) for u, m in zip(used, made, strict=True)]
        if home.roof_kw:
            columns[f"{name} export Wh"] = [max(m - u, 0) for u, m in zip(used, made, strict=True)]
        if home.roof_kw and home.annual_kwh:
            columns[f"{name} production Wh"] = made
    return columns


def with_battery(columns: dict[str, list[int]]) -> dict[str, list[int]]:
    """A battery's meter beside the others: it takes what all feed in too much, and gives what they lack."""
    fill, charged, discharged = 0.0, [], []
    imports = [values for name, values in columns.items() if "import" in name]
    exports = [values for name, values in columns.items() if "export" in name]
    for wanted, offered in zip(map(sum, zip(*imports, strict=True)), map(sum, zip(*exports, strict=True)), strict=True):
        taken = min(max(offered - wanted, 0), BATTERY_QUARTER_WH, int(BATTERY_WH - fill))
        given = min(max(wanted - offered, 0), BATTERY_QUARTER_WH, int(fill * BATTERY_SHARE_OUT))
        fill += taken - given / BATTERY_SHARE_OUT
        charged.append(taken)
        discharged.append(given)
    return columns | {"battery import Wh": charged, "battery export Wh": discharged}


def text(columns: Mapping[str, Iterable[int]], grid: IntervalGrid, stamp: str) -> str:
    """A wide file; the times are written by `stamp` on the local clock."""
    times = (datetime.fromtimestamp(second, ZONE).strftime(stamp) for second in grid.starts_utc.tolist())
    rows = zip(times, *columns.values(), strict=True)
    return "\n".join([",".join(["time", *columns]), *(",".join(map(str, row)) for row in rows)]) + "\n"


def flats_text() -> str:
    """The house of flats, its times with their offsets."""
    grid = year_grid()
    return text(meters(FLATS, grid, random.Random(SEED)), grid, "%Y-%m-%dT%H:%M%z")


def village_text() -> str:
    """The village, its times on the wall clock: an hour is skipped in March, and one stands there twice in October."""
    grid = year_grid()
    columns = with_battery(meters(VILLAGE, grid, random.Random(SEED + 1)))
    return text(columns, grid, "%Y-%m-%d %H:%M")


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or say whether they are what would be written."""
    parser = argparse.ArgumentParser(description="Make the meters of data/communities again.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 4 when a file differs")
    check, differs = parser.parse_args(arguments).check, False
    for name, content in (("flats", flats_text().encode("ascii")), ("village", village_text().encode("ascii"))):
        target = FOLDER / name / "meters.csv"
        if target.exists() and target.read_bytes() == content:
            continue
        differs = True
        if not check:
            target.write_bytes(content)
        print(f"{name}/{target.name}: {'differs' if check else 'written'}", file=sys.stderr)
    return 4 if check and differs else 0


if __name__ == "__main__":
    sys.exit(main())
