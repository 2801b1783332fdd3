"""The batteries of a backtest from a TOML file: groups as in a scenario's `[[fleet]]`, or a whole scenario."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import IntervalGrid
from voltadesk.engine.tables import BATTERY, Table
from voltadesk.errors import BadInput
from voltadesk.report.backtest import Unit
from voltadesk.scenario.model import BatteryGroup
from voltadesk.scenario.read import check_scenario, parse_scenario
from voltadesk.units import BP_PER_UNIT, PPM_PER_UNIT

# What a scenario needs besides its batteries. A group may leave out its strategy, as the backtest brings its own.
AROUND = {"version": 1, "name": "fleet", "time": {"start": date(2025, 1, 1), "days": 1}}
NO_STRATEGY = {"name": "threshold", "threshold": 0}


def read_fleet(path: Path, grid: IntervalGrid) -> list[Unit]:
    """The batteries of a file, those of a group as one unit. Raises BadInput naming file, key, value and limit."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput("fleet", str(path), (error.strerror or "can't be read").lower()) from None
    except UnicodeDecodeError:
        raise BadInput("fleet", str(path), "must be UTF-8 text") from None
    groups = _groups(text, path.name)
    if not groups:
        raise BadInput("fleet", None, "must hold at least 1 battery", path.name)
    try:
        return [
            Unit(group.name, _row(group), group.count, _available(group, g, grid)) for g, group in enumerate(groups)
        ]
    except BadInput as error:
        raise error.at(path.name) from None


def _groups(text: str, where: str) -> list[BatteryGroup]:
    try:
        data: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return parse_scenario(text, where).fleet  # which says in one line what is wrong
    if "version" in data:
        return parse_scenario(text, where).fleet
    for key in data.keys() - {"fleet"}:
        raise BadInput(key, data[key], "is not a key of a fleet", where)
    groups = data.get("fleet", [])
    if isinstance(groups, list):
        groups = [{"strategy": NO_STRATEGY, **group} if isinstance(group, dict) else group for group in groups]
    return check_scenario({**AROUND, "fleet": groups}, where).fleet


def _row(group: BatteryGroup) -> Table:
    """A battery of a group before the first interval: empty, unless the file says what it holds."""
    row = np.zeros(1, BATTERY)
    least, most = (
        group.capacity_kwh * share // 10_000 for share in (group.minimum_fill_percent, group.maximum_fill_percent)
    )
    for field, value in (
        ("charge_power_w", group.charge_kw),
        ("discharge_power_w", group.discharge_kw),
        ("charge_efficiency_ppm", group.charge_efficiency),
        ("discharge_efficiency_ppm", group.discharge_efficiency),
        ("standing_loss_ppm_per_hour", group.standing_loss_percent_per_hour),
        ("minimum_fill_wh", least),
        ("maximum_fill_wh", most),
        ("fill_wh", least if group.initial_fill_kwh is None else group.initial_fill_kwh),
        ("wear_cost_tick", group.wear_cost),
    ):
        row[field] = value
    return row


def _available(group: BatteryGroup, g: int, grid: IntervalGrid) -> NDArray[np.int64] | None:
    """Share of its power that a group has in each interval [ppm]: the least of the outages that touch it."""
    if not group.outages:
        return None
    available_ppm = np.full(grid.count, PPM_PER_UNIT)
    for n, outage in enumerate(group.outages):
        key = f"fleet[{g}].outages[{n}]"
        begin, end = outage.begin_utc(grid.zone), outage.end_utc(grid.zone)
        if begin >= end:
            raise BadInput(f"{key}.end", outage.end, "must be after begin")
        touched = (grid.starts_utc < end) & (grid.starts_utc + grid.step_s > begin)
        left_ppm = outage.available_percent * PPM_PER_UNIT // BP_PER_UNIT
        available_ppm[touched] = np.minimum(available_ppm[touched], left_ppm)
    return available_ppm
