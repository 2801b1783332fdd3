"""Three real homes as a community: a month of each, put side by side on one clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.community import house, member
from tests.feeds import SHARED_DATA, needs_shared_data
from voltadesk.community.energy import Registers, energy_of, grid_of
from voltadesk.community.rules import RULES, Rule
from voltadesk.community.settlement import Settlement, settle
from voltadesk.community.tariffs import Tariffs
from voltadesk.feeds.meter_columns import Register
from voltadesk.feeds.meter_files import MeterFile, read_meter_file
from voltadesk.feeds.meter_series import Reading
from voltadesk.feeds.meters import read_meter

HOURS = 28 * 24
BEGIN = 1_767_225_600


def hourly(energy_wh: NDArray[np.int64], first: int, per_hour: int) -> list[int]:
    found: list[int] = energy_wh[first : first + HOURS * per_hour].reshape(HOURS, per_hour).sum(axis=1).tolist()
    return found


def homes(folder: Path) -> Registers:
    """Load of a home in Germany, load and solar of one in Australia, import and export of one with a counter."""
    first = read_meter(SHARED_DATA / "household_lemlab_hh_3216_0.csv", load_column="power", unit="W")
    second = read_meter(
        SHARED_DATA / "household_ausgrid_customer12_2011_2012.csv", load_column="GC", solar_column="GG", unit="kW"
    )
    lines = (SHARED_DATA / "household_opsd_60min.csv").read_text().splitlines()
    columns = lines[0].split(",")
    names = {
        "utc_timestamp": "time",
        "DE_KN_residential4_grid_import": "third import counter kWh",
        "DE_KN_residential4_grid_export": "third export counter kWh",
        "DE_KN_residential4_pv": "third production counter kWh",
    }
    places = [columns.index(name) for name in names]
    rows = [[line.split(",")[place] for place in places] for line in lines[4893 : 4893 + HOURS + 1]]
    path = folder / "third.csv"
    path.write_text("\n".join([",".join(names.values()), *(",".join(row) for row in rows)]) + "\n")
    third = read_meter_file(path)
    assert not third.problems
    made: list[tuple[str, Register, list[int]]] = [
        ("first", "load", hourly(first.load_wh, 0, 4)),
        ("second", "load", hourly(second.load_wh, 0, 2)),
        ("second", "production", hourly(second.solar_wh, 0, 2)),
        *((reading.meter, reading.register, reading.energy_wh.tolist()) for reading in third.readings),
    ]
    readings = [
        Reading(name, register, BEGIN, 3600, np.array(energy), np.zeros(HOURS, np.int8), np.arange(HOURS), "homes")
        for name, register, energy in made
    ]
    return Registers([MeterFile("homes", "wide", HOURS, tuple(readings), (), ())])


@needs_shared_data
@pytest.mark.parametrize("rule", RULES)
def test_a_month_of_three_real_homes(tmp_path: Path, rule: Rule) -> None:
    rules = house(*(member(name) for name in ("first", "second", "third")), head="interval_minutes = 60").under(rule)
    grid = grid_of(rules, BEGIN, BEGIN + HOURS * 3600)
    done: Settlement = settle(rules, energy_of(rules, homes(tmp_path), grid), Tariffs(rules, grid, tmp_path))
    assert sum(statement.cost_e8 for statement in done.statements) == sum(done.received_e8.values())
    assert done.community_e8 == 0
    shared = sum(statement.from_community_wh for statement in done.statements)
    assert shared == sum(statement.to_community_wh for statement in done.statements) > 0
    for statement in done.statements:
        assert statement.saving_e8 == statement.from_community_wh * 15_000 + statement.to_community_wh * 7_000
    assert done.statements[0].own_use_wh == 0
    assert done.statements[1].own_use_wh > 0
