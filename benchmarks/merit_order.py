"""Merit order: a year of quarter-hours for 50 units on one thread, and what looking ahead for a week would save."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from tests.reference import merit_order as reference
from voltadesk.engine.merit_order import dispatch

INTERVALS_PER_YEAR, INTERVALS_PER_WEEK, UNITS = 35_040, 672, 50
FLOOR_TICK, CAP_TICK = -50_000, 400_000
REPEATS = 25

# count, capacity [MW], minimum [% of capacity], ramp in a quarter-hour [% of capacity], marginal cost [tick], its step
FLEET = (
    (4, 1300, 50, 5, 900, 20),  # nuclear
    (8, 600, 45, 4, 2400, 60),  # lignite
    (12, 500, 40, 6, 3600, 90),  # hard coal
    (12, 400, 35, 15, 5200, 120),  # combined cycle
    (10, 120, 0, 60, 8800, 300),  # gas turbine
    (4, 200, 0, 100, 4200, 500),  # water
)
# Load less solar and wind on each hour of the day [% of the fleet's capacity].
SHAPE_PERCENT = (58, 56, 55, 54, 55, 58, 63, 70, 73, 70, 65, 61, 58, 56, 56, 59, 65, 73, 81, 83, 79, 73, 66, 61)


def year() -> tuple[NDArray[np.int64], ...]:
    """Inputs of the kernel up to the outputs before, in its order; made with integers from a fixed seed."""
    columns: list[list[int]] = [[], [], [], []]
    for count, capacity_mw, minimum, ramp, cost, step in FLEET:
        capacity_wh = capacity_mw * 250_000
        for unit in range(count):
            row = (capacity_wh, capacity_wh * minimum // 100, capacity_wh * ramp // 100, cost + unit * step)
            for column, value in zip(columns, row, strict=True):
                column.append(value)
    available, minimum_wh, ramp_wh, cost_tick = (np.array(column, np.int64) for column in columns)
    shuffle = np.random.default_rng(1).permutation(UNITS)  # nobody hands a fleet over in merit order
    available, minimum_wh, ramp_wh, cost_tick = (a[shuffle].copy() for a in (available, minimum_wh, ramp_wh, cost_tick))

    # Hours and days run into each other: a straight line between two values of the shape, and between two days.
    interval = np.arange(INTERVALS_PER_YEAR)
    hour, quarter, day, of_day = interval // 4 % 24, interval % 4, interval // 96, interval % 96
    shape = np.array(SHAPE_PERCENT)
    per_400 = shape[hour] * (4 - quarter) + shape[(hour + 1) % 24] * quarter
    level = np.where(np.arange(366) % 7 >= 5, 90, 100) * np.random.default_rng(2).integers(94, 107, 366)
    per_960_000 = level[day] * (96 - of_day) + level[day + 1] * of_day
    noise = np.random.default_rng(3).integers(-3, 4, INTERVALS_PER_YEAR)  # per mille of the fleet
    capacity = int(available.sum())
    demand = capacity * per_400 // 400 * per_960_000 // 960_000 + capacity * noise // 1000
    # Before the first interval: what serves its demand when ramps don't count.
    first = outputs(1)
    dispatch(
        demand[:1], available, minimum_wh, available, available, cost_tick, minimum_wh, FLOOR_TICK, CAP_TICK, *first
    )
    return demand, available, minimum_wh, ramp_wh, ramp_wh.copy(), cost_tick, first[0][0].copy()


def outputs(intervals: int) -> tuple[NDArray[np.int64], ...]:
    """Arrays for the kernel to fill; written once, so that their pages exist."""
    return np.ones((intervals, UNITS), np.int64), *(np.ones(intervals, np.int64) for _ in range(3))


def best_s(inputs: tuple[NDArray[np.int64], ...], filled: tuple[NDArray[np.int64], ...]) -> float:
    """Shortest time of one dispatch [s]; the first, which compiles, isn't counted."""
    times = []
    for _ in range(REPEATS + 1):
        begin = perf_counter()
        dispatch(*inputs, FLOOR_TICK, CAP_TICK, *filled)
        times.append(perf_counter() - begin)
    return min(times[1:])


def against_lp(week: tuple[NDArray[np.int64], ...]) -> tuple[float, reference.Dispatch, float, float]:
    """Time and outcome of the kernel [s], time of the LP [s] (solving alone, best of three), least cost [1e-8]."""
    filled = outputs(INTERVALS_PER_WEEK)
    greedy_s = best_s(week, filled)
    demand, available, *units = (array.tolist() for array in week)
    rows = [available] * INTERVALS_PER_WEEK
    times, least_e8 = [], 0.0
    for _ in range(3):
        solver = reference.ramp_lp(demand, rows, *units, FLOOR_TICK, CAP_TICK)
        begin = perf_counter()
        least_e8 = reference.lp_cost_e8(solver, reference.lp_scale_wh(rows))
        times.append(perf_counter() - begin)
    return greedy_s, reference.Dispatch(*(array.tolist() for array in filled)), min(times), least_e8


def run() -> list[tuple[str, str, str]]:
    demand, available, *units = year()
    filled = outputs(INTERVALS_PER_YEAR)
    year_s = best_s((demand, available, *units), filled)
    every_row = np.tile(available, (INTERVALS_PER_YEAR, 1))
    rows_s = best_s((demand, every_row, *units), filled)
    begin = perf_counter()
    filled[0].fill(1)
    fill_s = perf_counter() - begin

    minimum, up, down, cost, before = units
    gaps = []
    for divisor, words in ((1, "as they are"), (2, "halved"), (4, "quartered")):
        week = (demand[:INTERVALS_PER_WEEK], available, minimum, up // divisor, down // divisor, cost, before)
        greedy_s, greedy, lp_s, least_e8 = against_lp(week)
        dearer = reference.cost_e8(greedy, cost.tolist(), FLOOR_TICK, CAP_TICK) / least_e8 - 1
        unmet = sum(shed + surplus > 0 for shed, surplus in zip(greedy.shed_wh, greedy.surplus_wh, strict=True))
        gaps.append((words, lp_s / greedy_s, dearer, unmet))
    return [
        ("35,040 intervals x 50 units, one row of availability", f"{year_s * 1e3:.1f} ms", "<= 6 ms"),
        ("the same, availability in each interval", f"{rows_s * 1e3:.1f} ms", "<= 6 ms"),
        ("writing the year's outputs and no more", f"{fill_s * 1e3:.1f} ms", "for scale"),
        ("a week against a ramp LP (HiGHS): time", f"{gaps[0][1]:,.0f} x faster", ">= 1,000 x"),
        *(
            (
                f"a week against a ramp LP: cost, ramps {words}",
                f"{dearer:.2%} dearer, {unmet} of {INTERVALS_PER_WEEK} intervals short or in surplus",
                "reported",
            )
            for words, _, dearer, unmet in gaps
        ),
    ]


if __name__ == "__main__":
    for name, measured, target in run():
        print(f"{name:<53} {measured:<56} {target}")
