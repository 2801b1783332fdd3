"""The slow twin of `voltadesk.engine.merit_order`: one interval, one unit, one rule after the other."""

from __future__ import annotations

from typing import NamedTuple

import highspy
import numpy as np


class Dispatch(NamedTuple):
    output_wh: list[list[int]]
    price_tick: list[int]
    shed_wh: list[int]
    surplus_wh: list[int]


def bounds_wh(available_wh: int, minimum_wh: int, previous_wh: int, up_wh: int, down_wh: int) -> tuple[int, int]:
    """Least and most that a unit can produce after `previous_wh`."""
    upper = min(available_wh, previous_wh + up_wh)
    lower = max(minimum_wh, previous_wh - down_wh)
    if lower > upper:
        lower = upper  # what is available, and the ramp up, win
    return lower, upper


def dispatch(
    demand_wh: list[int],
    available_wh: list[list[int]],
    minimum_wh: list[int],
    ramp_up_wh: list[int],
    ramp_down_wh: list[int],
    marginal_cost_tick: list[int],
    output_wh_before: list[int],
    floor_tick: int,
    cap_tick: int,
) -> Dispatch:
    units = range(len(minimum_wh))
    merit_order = sorted(units, key=lambda u: (marginal_cost_tick[u], u))
    result = Dispatch([], [], [], [])
    previous = output_wh_before
    for demand, available in zip(demand_wh, available_wh, strict=True):
        bounds = [bounds_wh(available[u], minimum_wh[u], previous[u], ramp_up_wh[u], ramp_down_wh[u]) for u in units]
        output = [lower for lower, _ in bounds]
        for u in merit_order:
            missing = demand - sum(output)
            if missing > 0:
                output[u] += min(missing, bounds[u][1] - output[u])

        above_lower = [u for u in merit_order if output[u] > bounds[u][0]]
        if sum(output) < demand:
            price = cap_tick
        elif sum(output) > demand:
            price = floor_tick
        elif above_lower:
            price = marginal_cost_tick[above_lower[-1]]
        else:
            price = marginal_cost_tick[merit_order[0]] if merit_order else floor_tick

        result.output_wh.append(output)
        result.price_tick.append(price)
        result.shed_wh.append(max(demand - sum(output), 0))
        result.surplus_wh.append(max(sum(output) - demand, 0))
        previous = output
    return result


def cost_e8(result: Dispatch, marginal_cost_tick: list[int], floor_tick: int, cap_tick: int) -> int:
    """Cost of a dispatch: energy at marginal cost, shed load at the cap, surplus got rid of at the floor."""
    energy = sum(wh * tick for row in result.output_wh for wh, tick in zip(row, marginal_cost_tick, strict=True))
    return energy + sum(result.shed_wh) * cap_tick - sum(result.surplus_wh) * floor_tick


def ramp_lp(
    demand_wh: list[int],
    available_wh: list[list[int]],
    minimum_wh: list[int],
    ramp_up_wh: list[int],
    ramp_down_wh: list[int],
    marginal_cost_tick: list[int],
    output_wh_before: list[int],
    floor_tick: int,
    cap_tick: int,
) -> highspy.Highs:
    """The same dispatch as a linear program over the whole horizon: it knows the demand to come.

    Not yet solved; `lp_cost_e8` solves it. Its limits are those of `bounds_wh` as long as every unit starts within its
    limits, can always produce its minimum, and what is available never falls faster than the unit's ramp down.
    Columns: output[t, u], then shed[t], then surplus[t]. Rows: balance[t], then ramp[t, u] for t >= 1.
    """
    intervals, units = len(demand_wh), len(minimum_wh)
    scale = lp_scale_wh(available_wh)
    available = np.array(available_wh, float).reshape(intervals, units) / scale
    minimum, up, down, before = (
        np.array(wh, float) / scale for wh in (minimum_wh, ramp_up_wh, ramp_down_wh, output_wh_before)
    )
    lower = np.tile(minimum, (intervals, 1))
    upper = available.copy()
    lower[0] = np.maximum(lower[0], before - down)
    upper[0] = np.minimum(upper[0], before + up)

    outputs = intervals * units
    t, u = np.arange(intervals), np.arange(outputs)
    balance = np.hstack([u.reshape(intervals, units), (outputs + t)[:, None], (outputs + intervals + t)[:, None]])
    ramp = np.stack([u[units:], u[:-units]], axis=1)
    signs = np.hstack([np.ones((intervals, units + 1)), -np.ones((intervals, 1))])
    demand = np.array(demand_wh, float) / scale

    lp = highspy.HighsLp()
    lp.num_col_ = outputs + 2 * intervals
    lp.num_row_ = intervals + len(ramp)
    slack_cost = np.repeat([float(cap_tick), -float(floor_tick)], intervals)
    lp.col_cost_ = np.concatenate([np.tile(np.array(marginal_cost_tick, float), intervals), slack_cost])
    lp.col_lower_ = np.concatenate([lower.ravel(), np.zeros(2 * intervals)])
    lp.col_upper_ = np.concatenate([upper.ravel(), np.full(2 * intervals, highspy.kHighsInf)])
    lp.row_lower_ = np.concatenate([demand, np.tile(-down, intervals - 1)])
    lp.row_upper_ = np.concatenate([demand, np.tile(up, intervals - 1)])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lengths = np.concatenate([np.full(intervals, units + 2), np.full(len(ramp), 2)])
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    lp.a_matrix_.index_ = np.concatenate([balance.ravel(), ramp.ravel()]).astype(np.int32)
    lp.a_matrix_.value_ = np.concatenate([signs.ravel(), np.tile([1.0, -1.0], len(ramp))])

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.passModel(lp)
    return solver


def lp_scale_wh(available_wh: list[list[int]]) -> int:
    """Energies go into the solver in this many Wh, as its tolerances are absolute."""
    return max(1, max(max(row) for row in available_wh) // 1000)


def lp_cost_e8(solver: highspy.Highs, scale_wh: int) -> float:
    """Least cost of the program, to the solver's tolerance."""
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(solver.getInfo().objective_function_value) * scale_wh
