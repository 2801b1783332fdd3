"""The slow twins of `voltadesk.engine.storage`: a dynamic programme on a grid, and mixed-integer programmes.

All work on a `Case`: the plain facts of a battery and its intervals, each energy and efficiency as the inside of the
battery sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

Offer = tuple[float, float]  # price [tick], energy at the grid's side [Wh]


@dataclass
class Case:
    buy: list[list[Offer]]  # [t] what can be bought
    sell: list[list[Offer]]  # [t] what can be sold
    charge_wh: list[float]  # [t] most bought
    discharge_wh: list[float]  # [t] most sold
    charge_efficiency: list[float]  # [t]
    discharge_efficiency: list[float]  # [t]
    keep: float  # share of the fill that standing loss leaves in an interval
    low_wh: float
    high_wh: float
    fill_wh: float
    wear_tick: float
    end: list[tuple[float, float]]  # slope [tick per stored MWh], length [Wh], descending


def value_on_grid(case: Case, step_wh: int) -> np.ndarray[Any, Any]:
    """Value before the first interval on the grid low, low + step, ..., high, by trying every fill from every fill.

    Exact where all energies are whole steps: no standing loss, efficiencies that keep to the grid.
    """
    grid = np.arange(case.low_wh, case.high_wh + 1, step_wh)
    value = np.array([end_value(case, y) for y in grid])
    for t in range(len(case.buy) - 1, -1, -1):
        value = np.array([max(value[j] + earned(case, t, x - y) for j, y in enumerate(grid)) for x in grid])
    return value


def end_value(case: Case, fill_wh: float) -> float:
    value, rest = 0.0, fill_wh - case.low_wh
    for i, (slope, length) in enumerate(case.end):
        part = rest if i == len(case.end) - 1 else min(rest, length)
        value += slope * part
        rest -= part
    return value


def earned(case: Case, t: int, taken_wh: float) -> float:
    """What taking so much out of the battery earns (negative: putting in); minus infinity if it can't be."""
    charging = taken_wh < 0
    if charging:
        left, most, offers = -taken_wh / case.charge_efficiency[t], case.charge_wh[t], sorted(case.buy[t])
    else:
        left, most, offers = taken_wh * case.discharge_efficiency[t], case.discharge_wh[t], sorted(case.sell[t])[::-1]
    if left > most + 1e-6:
        return -np.inf
    money = 0.0
    for price, wh in offers:
        part = min(left, wh)
        money += part * (-price if charging else price - case.wear_tick)
        left -= part
    return money if left <= 1e-6 else -np.inf


def program(
    case: Case, exclusive: bool
) -> tuple[np.ndarray[Any, Any], LinearConstraint, Bounds, np.ndarray[Any, Any], float]:
    """Cost, rows, bounds, whole-number flags and unit of the mixed-integer program of a case.

    Columns: offers bought [t], offers sold [t], then for each t the fill at its end and whether it charges, then the
    segments of the value at the end. Energies in units of the window, money in ticks x units.
    """
    unit = max(case.high_wh / 10, 1.0)
    cost: list[float] = []
    upper: list[float] = []
    lower: list[float] = []
    whole: list[int] = []

    def column(price: float, most: float, least: float = 0.0, integer: int = 0) -> int:
        cost.append(price)
        upper.append(most)
        lower.append(least)
        whole.append(integer)
        return len(cost) - 1

    rows: list[dict[int, float]] = []
    at_least: list[float] = []
    at_most: list[float] = []

    def row(entries: dict[int, float], least: float, most: float) -> None:
        rows.append(entries)
        at_least.append(least)
        at_most.append(most)

    before: int | None = None
    for t in range(len(case.buy)):
        bought = [column(price, wh / unit) for price, wh in case.buy[t]]
        sold = [column(case.wear_tick - price, wh / unit) for price, wh in case.sell[t]]
        fill = column(0.0, case.high_wh / unit, case.low_wh / unit)
        most_in, most_out = case.charge_wh[t] / unit, case.discharge_wh[t] / unit
        limit_in, limit_out = dict.fromkeys(bought, 1.0), dict.fromkeys(sold, 1.0)
        if exclusive:
            charges = column(0.0, 1.0, 0.0, 1)
            row({**limit_in, charges: -most_in}, -np.inf, 0.0)
            row({**limit_out, charges: most_out}, -np.inf, most_out)
        else:
            row(limit_in, -np.inf, most_in)
            row(limit_out, -np.inf, most_out)
        balance = {fill: 1.0}
        balance.update(dict.fromkeys(bought, -case.charge_efficiency[t]))
        balance.update(dict.fromkeys(sold, 1 / case.discharge_efficiency[t]))
        held = 0.0
        if before is None:
            held = case.keep * case.fill_wh / unit
        else:
            balance[before] = -case.keep
        row(balance, held, held)
        before = fill
    ends = [column(-slope, np.inf if i == len(case.end) - 1 else wh / unit) for i, (slope, wh) in enumerate(case.end)]
    entries = dict.fromkeys(ends, 1.0)
    held = -case.low_wh / unit
    if before is None:
        held += case.fill_wh / unit
    else:
        entries[before] = -1.0
    row(entries, held, held)

    matrix = sp.lil_matrix((len(rows), len(cost)))
    for i, one in enumerate(rows):
        for j, factor in one.items():
            matrix[i, j] = factor
    constraint = LinearConstraint(matrix.tocsr(), at_least, at_most)
    return np.array(cost), constraint, Bounds(np.array(lower), np.array(upper)), np.array(whole), unit


def best_value(case: Case, exclusive: bool) -> float:
    """The most a battery can earn [1e-8], by HiGHS: as a mixed-integer program, or allowed to do both at once."""
    cost, rows, bounds, whole, unit = program(case, exclusive)
    if exclusive:
        found = milp(cost, constraints=rows, bounds=bounds, integrality=whole, options={"mip_rel_gap": 0.0})
        assert found.status == 0, found.message
        # Its tolerances are too wide for the last digits: solve again with what it chose.
        chosen = np.round(found.x[whole == 1])
        bounds.lb[whole == 1] = bounds.ub[whole == 1] = chosen
    same = rows.lb == rows.ub
    found = linprog(
        cost,
        rows.A[~same],
        rows.ub[~same],
        rows.A[same],
        rows.lb[same],
        np.stack([bounds.lb, bounds.ub], axis=1),
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    assert found.status == 0, found.message
    return float(-found.fun * unit)
