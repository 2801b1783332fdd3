"""The best schedule of a battery against its twins, against HiGHS, and against the settlement's own arithmetic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import storage as reference
from voltadesk.engine.storage import path_and_worth, schedule, schedule_fleet, terms, value_of_fill
from voltadesk.engine.storage_horizon import limits_of_fleet, resolve
from voltadesk.engine.tables import BATTERY, NO_PRICE_TICK, Table
from voltadesk.units import energy_of_power_wh

SEEDS = st.integers(0, 2**32 - 1)
ANY_QUANTITY = 1e12


def battery(count: int = 1, **fields: Any) -> Table:
    """1 MW, 2 MWh, 93 and 92.5 %, wear 5.00."""
    rows = np.zeros(count, BATTERY)
    usual = {
        "charge_power_w": 1_000_000,
        "discharge_power_w": 1_000_000,
        "charge_efficiency_ppm": 930_000,
        "discharge_efficiency_ppm": 925_000,
        "maximum_fill_wh": 2_000_000,
        "wear_cost_tick": 500,
    }
    for field, value in (usual | fields).items():
        rows[field] = value
    return rows


@dataclass
class Random:
    """A random battery and what it is offered."""

    battery: Table
    buy_tick: np.ndarray
    sell_tick: np.ndarray
    options: dict[str, Any]
    start_utc: int
    step_s: int

    def terms(self, begin: int = 0) -> Any:
        """What is offered from an interval on."""
        options = {
            key: value[begin:] if isinstance(value, np.ndarray) else value for key, value in self.options.items()
        }
        options["steps"] = [(t - begin, tick, wh) for t, tick, wh in self.options["steps"] if t >= begin]
        return terms(self.buy_tick[begin:], self.sell_tick[begin:], **options)

    def each(self, field: str) -> list[int]:
        """A share or an efficiency in each interval [ppm]."""
        own = 1_000_000 if field.endswith("available_ppm") else int(self.battery[field][0])
        return [int(value) for value in np.broadcast_to(self.options.get(field, own), len(self.buy_tick))]

    def limit_wh(self, kind: str) -> list[int]:
        power_w, seconds = (
            int(self.battery[f"{kind}_power_w"][0]),
            [self.start_utc + t * self.step_s for t in range(len(self.buy_tick) + 1)],
        )
        return [
            energy_of_power_wh(power_w * ppm // 1_000_000, seconds[t], seconds[t + 1])
            for t, ppm in enumerate(self.each(f"{kind}_available_ppm"))
        ]

    def case(self) -> reference.Case:
        buy: list[list[reference.Offer]] = [[(p, ANY_QUANTITY)] if p != NO_PRICE_TICK else [] for p in self.buy_tick]
        sell: list[list[reference.Offer]] = [[(p, ANY_QUANTITY)] if p != NO_PRICE_TICK else [] for p in self.sell_tick]
        for t, tick, wh in self.options["steps"]:
            (buy if wh > 0 else sell)[t].append((tick, abs(wh)))
        row, end = self.battery[0], self.options["end"]
        return reference.Case(
            buy=buy,
            sell=sell,
            charge_wh=[float(wh) for wh in self.limit_wh("charge")],
            discharge_wh=[float(wh) for wh in self.limit_wh("discharge")],
            charge_efficiency=[ppm / 1e6 for ppm in self.each("charge_efficiency_ppm")],
            discharge_efficiency=[ppm / 1e6 for ppm in self.each("discharge_efficiency_ppm")],
            keep=1 - int(row["standing_loss_ppm_per_hour"]) * self.step_s / 3.6e9,
            low_wh=float(row["minimum_fill_wh"]),
            high_wh=float(row["maximum_fill_wh"]),
            fill_wh=float(row["fill_wh"]),
            wear_tick=float(row["wear_cost_tick"]),
            end=[(end, 0.0)] if isinstance(end, float) else end,
        )


def random_case(seed: int, below: bool, most_intervals: int, least_fill: bool = False) -> Random:
    """`below`: prices fall below break-even, and buying may be cheaper than selling. Else the program is an LP.

    `least_fill`: with a least fill and standing loss, but always with the power to hold it.
    """
    rng = np.random.default_rng(seed)
    count, power_w = int(rng.integers(1, most_intervals + 1)), 200_000 if least_fill else 0
    low_wh = int(rng.integers(1, 200_000)) if least_fill or rng.random() < 0.3 else 0
    high_wh = low_wh + int(rng.integers(100_000, 3_000_000))
    has_loss = least_fill or (low_wh == 0 and rng.random() < 0.6)
    one = battery(
        charge_power_w=power_w + int(rng.integers(0, 2_000_000)),
        discharge_power_w=int(rng.integers(0, 2_000_000)),
        charge_efficiency_ppm=int(rng.integers(700_000, 1_000_001)),
        discharge_efficiency_ppm=int(rng.integers(700_000, 1_000_001)),
        minimum_fill_wh=low_wh,
        maximum_fill_wh=high_wh,
        fill_wh=int(rng.integers(low_wh, high_wh + 1)),
        wear_cost_tick=int(rng.integers(0, 2000)) if rng.random() < 0.6 else 0,
        standing_loss_ppm_per_hour=int(rng.integers(1, 50_000)) if has_loss else 0,
    )
    buy_tick = rng.integers(-8000 if below else 0, 12_000, count)
    spread = rng.integers(-500 if below and rng.random() < 0.3 else 0, 1500, count)
    sell_tick = buy_tick - spread if rng.random() < 0.6 else buy_tick.copy()
    dearest, cheapest = int(sell_tick.max()), int(buy_tick.min())
    if not least_fill and rng.random() < 0.3:
        buy_tick[rng.integers(0, count)] = sell_tick[rng.integers(0, count)] = NO_PRICE_TICK
    options: dict[str, Any] = {"steps": []}
    for kind in ("charge", "discharge"):
        if not least_fill and rng.random() < 0.5:
            options[f"{kind}_available_ppm"] = rng.choice([0, 300_000, 1_000_000], count)
        if rng.random() < 0.3:
            options[f"{kind}_efficiency_ppm"] = rng.integers(700_000, 1_000_001, count)
    for _ in range(int(rng.integers(0, 2 * count)) if rng.random() < 0.6 else 0):
        t, tick, wh = int(rng.integers(0, count)), int(rng.integers(-8000, 12_000)), int(rng.integers(1, 400_000))
        if rng.random() < 0.5:
            options["steps"].append((t, tick if below else max(tick, dearest, 3000), wh))
        else:
            options["steps"].append((t, tick if below else min(tick, cheapest, 3000), -wh))
    slopes = sorted((float(rng.integers(0, 9000)), float(rng.integers(1, 10**6))) for _ in range(4))[::-1]
    options["end"] = float(rng.integers(-1000 if below else 0, 8000)) if rng.random() < 0.5 else slopes
    step_s = int(rng.choice([300, 900, 3600]))
    return Random(one, buy_tick, sell_tick, options, int(rng.integers(0, 20)) * step_s, step_s)


def assert_close(value_e8: float, best_e8: float) -> None:
    """To 1e-9 relative; a case in which hardly a cent is earned is held to 1e-9 of a cent's thousand."""
    assert abs(value_e8 - best_e8) <= 1e-9 * max(abs(best_e8), 1e6)


# Against the twins ----------------------------------------------------------------------------------------------------
@settings(max_examples=30)
@given(SEEDS)
def test_value_is_that_of_trying_every_fill(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, unit = int(rng.integers(1, 7)), 1000
    # Efficiencies 1 and 1/2, so that the best schedule keeps to the grid; free of standing loss.
    charge, discharge = rng.choice([500_000, 1_000_000], 2)
    low = int(rng.integers(0, 3))
    high = low + int(rng.integers(1, 9))
    one = battery(
        charge_power_w=int(rng.integers(0, 5)) * 2 * unit,
        discharge_power_w=int(rng.integers(0, 5)) * 2 * unit,
        charge_efficiency_ppm=charge,
        discharge_efficiency_ppm=discharge,
        minimum_fill_wh=low * unit,
        maximum_fill_wh=high * unit,
        fill_wh=low * unit,
        wear_cost_tick=int(rng.integers(0, 20)),
    )
    buy_tick = rng.integers(-60, 60, count)
    steps = [
        (int(rng.integers(0, count)), int(rng.integers(-60, 60)), int(rng.integers(-3, 4)) * 2 * unit)
        for _ in range(int(rng.integers(0, 4)))
    ]
    case = Random(one, buy_tick, buy_tick - rng.integers(-20, 20, count), {"steps": steps, "end": 10.0}, 0, 3600)
    value = value_of_fill(one, case.terms(), 0, 3600)
    grid = np.arange(low, high + 1) * unit
    ends = np.concatenate([[low * unit], value.until_wh])
    heights = np.concatenate([[0.0], np.cumsum(value.slope_tick * np.diff(ends))])
    expected = reference.value_on_grid(case.case(), unit)
    assert np.interp(grid, ends, heights) == pytest.approx(expected - expected[0], abs=1e-3)
    assert_close(schedule(one, case.terms(), 0, 3600).value_e8, expected[0])


@settings(max_examples=150)
@given(SEEDS)
def test_value_is_that_of_a_linear_program(seed: int) -> None:
    case = random_case(seed, below=False, most_intervals=60)
    assert_close(
        schedule(case.battery, case.terms(), case.start_utc, case.step_s).value_e8,
        reference.best_value(case.case(), exclusive=False),
    )


@settings(max_examples=30)
@given(SEEDS)
def test_value_is_that_of_a_mixed_integer_program_below_break_even(seed: int) -> None:
    case = random_case(seed, below=True, most_intervals=20)
    assert_close(
        schedule(case.battery, case.terms(), case.start_utc, case.step_s).value_e8,
        reference.best_value(case.case(), exclusive=True),
    )


@settings(max_examples=60)
@given(SEEDS, st.booleans())
def test_least_fill_is_held_against_standing_loss(seed: int, below: bool) -> None:
    case = random_case(seed, below, most_intervals=14, least_fill=True)
    assert_close(
        schedule(case.battery, case.terms(), case.start_utc, case.step_s).value_e8,
        reference.best_value(case.case(), exclusive=below),
    )


# Whole Wh -------------------------------------------------------------------------------------------------------------
@settings(max_examples=150)
@given(SEEDS, st.booleans())
def test_balance_and_bounds_hold_to_the_last_wh(seed: int, below: bool) -> None:
    case = random_case(seed, below, most_intervals=60)
    done = schedule(case.battery, case.terms(), case.start_utc, case.step_s)
    row, charge_wh, discharge_wh = case.battery[0], case.limit_wh("charge"), case.limit_wh("discharge")
    efficiency_in, efficiency_out = case.each("charge_efficiency_ppm"), case.each("discharge_efficiency_ppm")
    fill, rest, lost = int(row["fill_wh"]), 0, 0
    for t, (bought, sold) in enumerate(zip(done.bought_wh.tolist(), done.sold_wh.tolist(), strict=True)):
        rest += fill * int(row["standing_loss_ppm_per_hour"]) * case.step_s
        standing, rest = divmod(rest, 3_600_000_000)
        fill -= standing
        stored, taken = bought * efficiency_in[t] // 10**6, -(-sold * 10**6 // efficiency_out[t])
        fill += stored - taken
        lost += standing + bought - stored + taken - sold
        assert fill == done.fill_wh[t] <= row["maximum_fill_wh"]
        assert bought * sold == 0 <= min(bought, sold)
        assert bought <= charge_wh[t]
        assert sold <= discharge_wh[t]
        assert sold == 0 or fill >= row["minimum_fill_wh"]
    after = done.battery[0]
    assert (after["fill_wh"], after["loss_wh"]) == (fill, lost)
    assert (after["charged_wh"], after["discharged_wh"]) == (done.bought_wh.sum(), done.sold_wh.sum())
    assert row["charged_wh"] == 0  # what was given is not changed


@settings(max_examples=40)
@given(SEEDS)
def test_whole_wh_earn_what_the_schedule_without_rounding_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prices = np.maximum(5000 + 3000 * np.sin(np.arange(576) / 46) + 1500 * rng.standard_normal(576), -200)
    one, offered = battery(fill_wh=500_000), terms(prices.astype(np.int64))
    done = schedule(one, offered, 0, 300)
    after = done.battery[0]
    earned = after["sold_e8"] + after["bought_e8"] - after["wear_e8"]
    assert earned == (done.sold_wh - done.bought_wh) @ offered.buy_tick - 500 * done.sold_wh.sum()
    assert earned <= done.value_e8 * (1 + 1e-12)
    assert earned == pytest.approx(done.value_e8, rel=1e-4)


# Worth, levels, bids --------------------------------------------------------------------------------------------------
@settings(max_examples=40)
@given(SEEDS, st.booleans())
def test_worth_is_the_slope_of_the_value_that_is_left(seed: int, below: bool) -> None:
    case = random_case(seed, below, most_intervals=40)
    path, worth = path_and_worth(case.battery, case.terms(), case.start_utc, case.step_s)
    low = float(case.battery["minimum_fill_wh"][0])
    for t in range(0, len(path) - 1, 5):
        value = value_of_fill(case.battery, case.terms(t + 1), case.start_utc + (t + 1) * case.step_s, case.step_s)
        ends = np.concatenate([[low], value.until_wh])
        at = path[t] + np.array([-0.01, 0.0, 0.01])
        left, here, right = np.interp(at, ends, np.concatenate([[0.0], np.cumsum(value.slope_tick * np.diff(ends))]))
        more = (right - here) / 0.01 if at[2] < ends[-1] else -np.inf
        less = (here - left) / 0.01 if at[0] > low else np.inf
        assert worth[t, 0] == pytest.approx(more, rel=1e-2, abs=1)
        assert min(worth[t, 1], 1e9) == pytest.approx(min(less, 1e9), rel=1e-2, abs=1)


def test_levels_tell_what_the_schedule_does() -> None:
    prices = np.array([1000, 9000, 1000, 5000, 9000] * 10)
    done = schedule(battery(), terms(prices), 0, 3600)
    before = np.concatenate([[0], done.fill_wh[:-1]])
    charge_to, discharge_to = done.level_wh.T
    assert np.all(charge_to <= discharge_to)
    assert np.array_equal(done.bought_wh > 0, before + 1 < charge_to)
    assert np.array_equal(done.sold_wh > 0, before - 1 > discharge_to)


@settings(max_examples=60)
@given(SEEDS, st.booleans())
def test_levels_lie_in_the_window_whatever_steps_there_are(seed: int, below: bool) -> None:
    case = random_case(seed, below, most_intervals=40)
    done = schedule(case.battery, case.terms(), case.start_utc, case.step_s)
    charge_to, discharge_to = done.level_wh.T
    assert np.all(charge_to <= discharge_to)
    assert np.all((charge_to >= 0) & (charge_to <= case.battery["maximum_fill_wh"]))
    assert np.all((discharge_to >= 0) & ((discharge_to <= case.battery["maximum_fill_wh"]) | np.isinf(discharge_to)))
    # Nothing is bought above the one, and nothing sold below the other.
    assert np.all(done.fill_wh[done.bought_wh > 0] <= charge_to[done.bought_wh > 0] + 1)
    assert np.all(done.fill_wh[done.sold_wh > 0] >= discharge_to[done.sold_wh > 0] - 2)


@settings(max_examples=60)
@given(SEEDS)
def test_limits_of_a_fleet_part_where_the_best_schedule_does(seed: int) -> None:
    rng = np.random.default_rng(seed)
    prices = rng.integers(0, 12_000, 30)
    fleet = np.concatenate([battery(fill_wh=int(rng.integers(0, 2_000_001))) for _ in range(3)])
    end_tick = rng.integers(0, 9_000, 3).astype(float)
    before = fleet.copy()
    limit_tick, worth_tick = limits_of_fleet(fleet, terms(prices[1:]), end_tick, 0, 3600)
    assert np.array_equal(fleet, before)
    for b in range(3):
        one, (buy, sell) = fleet[b : b + 1], limit_tick[:, b].tolist()
        value = value_of_fill(one, terms(prices[1:], end=end_tick[b]), 3600, 3600)
        at = np.concatenate([[0.0], value.until_wh])
        if 0 < one["fill_wh"][0] < 2_000_000:
            more = value.slope_tick[np.searchsorted(at, float(one["fill_wh"][0]), side="right") - 1]
            assert worth_tick[0, b] == pytest.approx(more)
        for tick, buys, sells in (
            (buy, True, False),
            (buy + 1, False, False),
            (sell, False, True),
            (sell - 1, False, False),
        ):
            if abs(tick) < 20_000:
                offered = terms(np.concatenate([[tick], prices[1:]]), end=end_tick[b])
                change = path_and_worth(one, offered, 0, 3600)[0][0] - one["fill_wh"][0]
                assert (change > 1e-6, change < -1e-6) == (buys, sells)


# Re-solving -----------------------------------------------------------------------------------------------------------
def test_resolving_with_all_of_the_future_is_the_best_schedule() -> None:
    prices = np.random.default_rng(3).integers(-9000, 12_000, 96)
    done = schedule(battery(), terms(prices), 0, 900)
    padded = np.concatenate([prices, np.zeros(96, np.int64)])
    # Worth nothing beyond the horizon: at 0.00 there is nothing to be had there either.
    again = resolve(battery(wear_cost_tick=500), terms(prices), padded, 0, 900, horizon=96)
    earned = [int(b["sold_e8"][0] + b["bought_e8"][0] - b["wear_e8"][0]) for b in (done.battery, again.battery)]
    assert earned[1] == pytest.approx(earned[0], rel=1e-4)


def test_resolving_trades_within_its_limits_and_rows_are_as_a_series() -> None:
    prices = np.random.default_rng(4).integers(0, 12_000, 400)
    offered, horizon = terms(prices[:300]), 48
    series = resolve(battery(), offered, prices, 0, 900, horizon=horizon, end_tick=3000.0)
    rows = np.stack([prices[t + 1 : t + 1 + horizon] for t in range(300)])
    for mine, other in zip(series, resolve(battery(), offered, rows, 0, 900, end_tick=3000.0), strict=True):
        assert np.array_equal(mine, other)
    buy_limit, sell_limit = series.limit_tick
    assert np.all(prices[:300][series.bought_wh > 0] <= buy_limit[series.bought_wh > 0])
    assert np.all(prices[:300][series.sold_wh > 0] >= sell_limit[series.sold_wh > 0])
    assert series.bought_wh.sum() > 0 < series.sold_wh.sum()


def test_residual_shifts_the_forecast_by_its_fading() -> None:
    prices = np.random.default_rng(5).integers(0, 12_000, 200)
    rows = np.random.default_rng(6).integers(0, 9000, (200, 24)).astype(float)
    shift, fading = np.random.default_rng(7).integers(-500, 500, 200), 0.9 ** np.arange(1, 25)
    one = resolve(battery(), terms(prices), rows, 0, 3600, shift_tick=shift, fading=fading)
    other = resolve(battery(), terms(prices), rows + shift[:, None] * fading, 0, 3600)
    assert np.array_equal(one.fill_wh, other.fill_wh)


# Fleet, determinism, errors -------------------------------------------------------------------------------------------
def test_fleet_is_its_batteries_and_threads_change_nothing() -> None:
    rng = np.random.default_rng(8)
    fleet = battery(6, charge_power_w=rng.integers(1, 2_000_000, 6), wear_cost_tick=rng.integers(0, 900, 6))
    available = rng.choice([0, 500_000, 1_000_000], (6, 500))
    offered, rows = terms(rng.integers(-9000, 12_000, 500)), np.empty((6, 3, 500), np.int64)
    after, value = schedule_fleet(fleet, offered, 0, 300, available, rows)
    for b in range(6):
        shares = {"charge_available_ppm": available[b], "discharge_available_ppm": available[b]}
        alone = schedule(fleet[b : b + 1], terms(offered.buy_tick, **shares), 0, 300)
        assert alone.value_e8 == value[b]
        assert np.array_equal(rows[b], [alone.bought_wh, alone.sold_wh, alone.fill_wh])
        assert after[b] == alone.battery[0]
    halves = [slice(0, 3), slice(3, 6)]
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda half: schedule_fleet(fleet[half], offered, 0, 300, available[half]), halves))
    assert np.array_equal(np.concatenate([value for _, value in both]), value)
    assert np.array_equal(np.concatenate([rows for rows, _ in both]), after)


def test_no_interval_and_no_power() -> None:
    none = schedule(battery(fill_wh=7), terms([], end=3.0), 0, 300)
    assert (len(none.bought_wh), none.value_e8) == (0, 21.0)
    still = schedule(battery(charge_power_w=0, discharge_power_w=0), terms([-9000, 9000]), 0, 300)
    assert still.value_e8 == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: terms([0, 1], [0]), "sell_tick = (1,): must have 2 entries"),
        (lambda: terms([0.5]), "buy_tick = float64: must be whole numbers"),
        (lambda: terms([4_000_000]), "buy_tick = 4000000: must lie between"),
        (lambda: terms([0], charge_available_ppm=[-1]), "charge_available_ppm = -1: must lie between 0"),
        (lambda: terms([0], charge_efficiency_ppm=[0]), "charge_efficiency_ppm = 0: must lie between 1"),
        (lambda: terms([0], steps=[(1, 0, 5)]), "steps: interval = 1: must lie between 0 and 0"),
        (lambda: terms([0], end=[(1.0, 5.0), (2.0, 5.0)]), "must be descending"),
        (lambda: terms([0], end=float("nan")), "must be finite"),
        (lambda: schedule(battery(2), terms([0]), 0, 300), "must be 1 rows of tables.BATTERY"),
        (lambda: schedule(battery(), terms([0]), 0, 7200), "step_s = 7200"),
        (lambda: schedule(battery(fill_wh=3_000_000), terms([0]), 0, 300), "maximum_fill_wh - fill_wh = -1000000"),
        (lambda: schedule(battery(charge_efficiency_ppm=0), terms([0]), 0, 300), "charge_efficiency_ppm = 0"),
        (lambda: schedule_fleet(battery(2), terms([0]), 0, 300, [[0]]), "available_ppm = (1, 1)"),
        (lambda: resolve(battery(), terms([0, 0]), [0.0], 0, 300, horizon=3), "forecast_tick = (1,)"),
        (lambda: resolve(battery(), terms([0]), [[0.0]], 0, 300, fading=[1.0, 1.0]), "fading = (2,)"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as refused:
        call()
    assert words in str(refused.value)
