"""Battery schedules: a year of 5-minute prices against HiGHS, memory, a fleet on two threads, and re-solving."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time

import highspy
import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.storage import schedule, schedule_fleet, terms
from voltadesk.engine.storage_horizon import resolve
from voltadesk.engine.tables import BATTERY, Table
from voltadesk.units import energy_of_power_wh

INTERVALS, STEP_S, HORIZON, FLEET = 105_120, 300, 288, 1000
REPEATS = 7


def prices(count: int = INTERVALS) -> NDArray[np.int64]:
    """A day's shape, weather of some days and noise, with peaks; never below break-even, so that it is an LP."""
    rng = np.random.default_rng(1)
    hour = np.arange(count) / 12
    day = 5000 + 2500 * np.sin(hour / 24 * 2 * np.pi) + 1500 * np.sin(hour / 12 * 2 * np.pi + 1)
    weather = np.repeat(rng.normal(0, 1500, count // 288 + 1), 288)[:count]
    peaks = np.where(rng.random(count) < 0.002, rng.integers(5000, 100_000, count), 0)
    return np.maximum(day + weather + rng.normal(0, 600, count) + peaks, -200).astype(np.int64)


def batteries(count: int = 1) -> Table:
    """1 MW, 2 MWh, 86 % there and back, wear 5.00 per MWh; of a fleet each a little different."""
    rng = np.random.default_rng(2)
    rows = np.zeros(count, BATTERY)
    rows["charge_power_w"] = rows["discharge_power_w"] = 1_000_000
    rows["charge_efficiency_ppm"], rows["discharge_efficiency_ppm"] = 930_000, 924_731
    rows["maximum_fill_wh"], rows["wear_cost_tick"] = 2_000_000, 500
    if count > 1:
        rows["charge_power_w"] = rng.integers(500_000, 2_000_000, count)
        rows["discharge_power_w"] = rng.integers(500_000, 2_000_000, count)
        rows["maximum_fill_wh"] = rng.integers(1_000_000, 4_000_000, count)
        rows["charge_efficiency_ppm"] = rng.integers(900_000, 970_000, count)
        rows["wear_cost_tick"] = rng.integers(0, 1000, count)
    return rows


def best_s(call: Callable[[], object], repeats: int = REPEATS) -> float:
    """Shortest time of a call [s]; the first, which compiles, isn't counted."""
    call()
    times = []
    for _ in range(repeats):
        begin = perf_counter()
        call()
        times.append(perf_counter() - begin)
    return min(times)


def linear_program(price_tick: NDArray[np.int64]) -> highspy.Highs:
    """The same schedule as a linear program. Columns: bought, sold, fill at the end; in units of 0.1 MWh."""
    count, row = len(price_tick), batteries()[0]
    t, high = np.arange(count), np.full(count, row["maximum_fill_wh"] / 1e5)
    power_w = int(row["charge_power_w"])  # the same both ways
    most = np.array([energy_of_power_wh(power_w, i * STEP_S, (i + 1) * STEP_S) for i in range(count)]) / 1e5
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = 3 * count, count
    lp.col_cost_ = np.concatenate([price_tick, row["wear_cost_tick"] - price_tick, np.zeros(count)]).astype(float)
    lp.col_lower_ = np.zeros(3 * count)
    lp.col_upper_ = np.concatenate([most, most, high])
    lp.row_lower_ = lp.row_upper_ = np.zeros(count)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    index = np.stack([2 * count + t, t, count + t, 2 * count + t - 1], axis=1).ravel()
    factors = [1.0, -row["charge_efficiency_ppm"] / 1e6, 1e6 / row["discharge_efficiency_ppm"], -1.0]
    keep = np.arange(4 * count) != 3  # nothing stands before the first interval
    lp.a_matrix_.index_ = index[keep].astype(np.int32)
    lp.a_matrix_.value_ = np.tile(factors, count)[keep]
    lp.a_matrix_.start_ = np.concatenate([[0], np.arange(1, count + 1) * 4 - 1]).astype(np.int32)
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("solver", "simplex")
    for kind in ("primal", "dual"):
        solver.setOptionValue(f"{kind}_feasibility_tolerance", 1e-9)
    solver.passModel(lp)
    return solver


def against_highs(price_tick: NDArray[np.int64], year_s: float, value_e8: float) -> tuple[str, str]:
    """How much longer HiGHS takes, solving alone, and how far its optimum is away."""
    solver = linear_program(price_tick)
    begin = perf_counter()
    solver.run()
    solver_s = perf_counter() - begin
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    found_e8 = -solver.getInfo().objective_function_value * 1e5
    return f"{solver_s / year_s:,.0f} x faster ({solver_s:.1f} s)", f"{abs(found_e8 / value_e8 - 1):.1e}"


def memory_mb(call: Callable[[], object]) -> float:
    """The most memory that a call holds at once, but for the kernels' list of some dozen slopes [MB]."""
    tracemalloc.start()
    call()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def fleet_s(price_tick: NDArray[np.int64]) -> tuple[float, float]:
    """Time of a fleet's year on two threads, and of the processor [s]."""
    rows, offered = batteries(FLEET), terms(price_tick)
    schedule_fleet(rows[:2], offered, 0, STEP_S)
    halves = [rows[: FLEET // 2], rows[FLEET // 2 :]]
    begin, used = perf_counter(), process_time()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda half: schedule_fleet(half, offered, 0, STEP_S), halves))
    return perf_counter() - begin, process_time() - used


def run() -> list[tuple[str, str, str]]:
    price_tick, one = prices(), batteries()
    offered = terms(price_tick)
    best = schedule(one, offered, 0, STEP_S)
    year_s = best_s(lambda: schedule(one, offered, 0, STEP_S))
    memory = memory_mb(lambda: schedule(one, terms(price_tick), 0, STEP_S))
    faster, gap = against_highs(price_tick, year_s, best.value_e8)
    fleet, fleet_used = fleet_s(price_tick)
    low = terms(price_tick - 4500)
    below = float(np.mean(price_tick - 4500 < -500 * 0.86 / 0.14))
    below_s = best_s(lambda: schedule(one, low, 0, STEP_S), 3)
    padded = np.concatenate([price_tick, price_tick[:HORIZON]])
    ahead = resolve(one, offered, padded, 0, STEP_S, horizon=HORIZON)
    ahead_s = best_s(lambda: resolve(one, offered, padded, 0, STEP_S, horizon=HORIZON), 3)
    earned = [int((b["sold_e8"] + b["bought_e8"] - b["wear_e8"])[0]) for b in (ahead.battery, best.battery)]
    return [
        ("105,120 intervals, levels and schedule in Wh", f"{year_s * 1e3:.1f} ms", "for scale"),
        (f"the same with {below:.0%} of prices below break-even", f"{below_s * 1e3:.0f} ms", "for scale"),
        ("the same against HiGHS simplex", faster, ">= 500 x"),
        ("the same: relative distance of its optimum", gap, "<= 1e-9"),
        ("memory of the year, prices not counted", f"{memory:.1f} MB", "<= 5 MB"),
        ("1,000 batteries x 105,120 on two threads", f"{fleet:.1f} s ({fleet_used:.1f} s of processor)", "<= 20 s"),
        ("24 h horizon solved anew at each of 105,120", f"{ahead_s:.1f} s", "<= 5 s"),
        ("what a 24 h horizon earns of the year's best", f"{earned[0] / earned[1]:.2%}", "reported"),
    ]


if __name__ == "__main__":
    for name, measured, target in run():
        print(f"{name:<53} {measured:<56} {target}")
