"""The merit order against its twin, against its rules, against a linear program, and on a real fleet."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference import merit_order as reference
from voltadesk.engine.merit_order import dispatch

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
FLEET = SHARED / "fleet_nem_generators_egrimod.csv"
LOAD = SHARED / "nem_regional_load_30min_2017_06.csv"

FLOOR_TICK, CAP_TICK = -100_000, 1_400_000


@dataclass(frozen=True)
class Case:
    demand_wh: list[int]
    available_wh: list[list[int]]
    minimum_wh: list[int]
    ramp_up_wh: list[int]
    ramp_down_wh: list[int]
    marginal_cost_tick: list[int]
    output_wh_before: list[int]

    def inputs(self) -> tuple[list[int], ...]:
        return tuple(self.__dict__.values())

    def arrays(self) -> list[np.ndarray]:
        arrays = [np.array(values, np.int64) for values in self.inputs()]
        arrays[1] = arrays[1].reshape(len(self.demand_wh), len(self.minimum_wh))
        return arrays

    def twin(self) -> reference.Dispatch:
        return reference.dispatch(*self.inputs(), FLOOR_TICK, CAP_TICK)

    def bounds(self, output_wh: list[list[int]]) -> list[list[tuple[int, int]]]:
        """(lower, upper) of each unit in each interval, given what it did in the one before."""
        rows = zip(self.available_wh, [self.output_wh_before, *output_wh[:-1]], strict=False)
        units = range(len(self.minimum_wh))
        limits = self.minimum_wh, self.ramp_up_wh, self.ramp_down_wh
        return [
            [reference.bounds_wh(available[u], limits[0][u], previous[u], limits[1][u], limits[2][u]) for u in units]
            for available, previous in rows
        ]


def run(arrays: list[np.ndarray]) -> reference.Dispatch:
    """The kernel's answer, as lists. What it must fill is filled with rubbish before."""
    intervals, units = len(arrays[0]), len(arrays[2])
    output = np.full((intervals, units), -7, np.int64)
    price, shed, surplus = (np.full(intervals, -7, np.int64) for _ in range(3))
    dispatch(*arrays, FLOOR_TICK, CAP_TICK, output, price, shed, surplus)
    return reference.Dispatch(output.tolist(), price.tolist(), shed.tolist(), surplus.tolist())


@st.composite
def cases(draw: st.DrawFn, most_wh: int = 20) -> Case:
    """Small numbers, so that ties, exact fits, shortage and surplus all happen."""
    intervals, units = draw(st.integers(0, 10)), draw(st.integers(0, 6))

    def each(low: int, high: int, count: int = units) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    return Case(
        demand_wh=each(-most_wh, most_wh * (units + 1), intervals),
        available_wh=[each(0, most_wh) for _ in range(intervals)],
        minimum_wh=each(0, most_wh // 2),
        ramp_up_wh=each(0, most_wh),
        ramp_down_wh=each(0, most_wh),
        marginal_cost_tick=each(-4, 4),
        output_wh_before=each(0, most_wh),
    )


@st.composite
def cases_of_the_lp(draw: st.DrawFn) -> Case:
    """Every unit can produce its minimum, and what is available never falls faster than the unit's ramp down."""
    intervals, units = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    minimum = [draw(st.integers(0, 10)) for _ in range(units)]
    down = [draw(st.integers(0, 15)) for _ in range(units)]
    previous = [draw(st.integers(low, 40)) for low in minimum]
    before = [draw(st.integers(low, high)) for low, high in zip(minimum, previous, strict=True)]
    available = []
    for _ in range(intervals):
        previous = [draw(st.integers(max(minimum[u], previous[u] - down[u]), 40)) for u in range(units)]
        available.append(previous)
    return Case(
        demand_wh=[draw(st.integers(0, 30 * units)) for _ in range(intervals)],
        available_wh=available,
        minimum_wh=minimum,
        ramp_up_wh=[draw(st.integers(0, 15)) for _ in range(units)],
        ramp_down_wh=down,
        marginal_cost_tick=[draw(st.integers(-50, 200)) for _ in range(units)],
        output_wh_before=before,
    )


# Against the twin -----------------------------------------------------------------------------------------------------
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(cases())
def test_kernel_gives_what_its_twin_gives(case: Case) -> None:
    assert run(case.arrays()) == case.twin()


@given(cases(most_wh=10**13))
def test_kernel_gives_what_its_twin_gives_at_the_limit_of_energy(case: Case) -> None:
    assert run(case.arrays()) == case.twin()


@given(cases(), st.integers(0, 10))
def test_going_on_from_where_one_stopped_changes_nothing(case: Case, stop: int) -> None:
    whole = run(case.arrays())
    demand, available, *units, before = case.arrays()
    first = run([demand[:stop], available[:stop], *units, before])
    if first.output_wh:
        before = np.array(first.output_wh[-1], np.int64)
    rest = run([demand[stop:], available[stop:], *units, before])
    assert whole == tuple(a + b for a, b in zip(first, rest, strict=True))


@given(cases())
def test_one_row_of_available_serves_all_intervals(case: Case) -> None:
    demand, available, *rest = case.arrays()
    row = available[0] if len(available) else np.zeros(len(rest[0]), np.int64)
    assert run([demand, row, *rest]) == run([demand, np.tile(row, (len(demand), 1)), *rest])


# Against its rules ----------------------------------------------------------------------------------------------------
@settings(max_examples=300)
@given(cases())
def test_energy_is_conserved(case: Case) -> None:
    result = run(case.arrays())
    for t, demand in enumerate(case.demand_wh):
        assert sum(result.output_wh[t]) + result.shed_wh[t] - result.surplus_wh[t] == demand
        assert min(result.shed_wh[t], result.surplus_wh[t]) == 0
        assert result.shed_wh[t] >= 0
        assert result.surplus_wh[t] >= 0


@settings(max_examples=300)
@given(cases())
def test_bounds_and_ramps_are_kept(case: Case) -> None:
    result = run(case.arrays())
    previous = case.output_wh_before
    for t, output in enumerate(result.output_wh):
        for u, wh in enumerate(output):
            available = case.available_wh[t][u]
            assert wh <= available
            assert wh <= previous[u] + case.ramp_up_wh[u]
            # Only what is available, or the ramp up, may push a unit below its minimum or faster than its ramp down.
            lowest = max(case.minimum_wh[u], previous[u] - case.ramp_down_wh[u])
            assert wh >= lowest or wh == min(available, previous[u] + case.ramp_up_wh[u])
        previous = output


@settings(max_examples=300)
@given(cases())
def test_no_unit_is_raised_while_a_cheaper_one_has_room(case: Case) -> None:
    result = run(case.arrays())
    for t, bounds in enumerate(case.bounds(result.output_wh)):
        output, raised_tick, room_tick = result.output_wh[t], [], []
        for u, (lower, upper) in enumerate(bounds):
            if output[u] > lower:
                raised_tick.append((case.marginal_cost_tick[u], u))
            if output[u] < upper:
                room_tick.append((case.marginal_cost_tick[u], u))
        assert not raised_tick or not room_tick or max(raised_tick) <= min(room_tick)
        if result.shed_wh[t]:
            assert not room_tick
            assert result.price_tick[t] == CAP_TICK
        elif result.surplus_wh[t]:
            assert not raised_tick
            assert result.price_tick[t] == FLOOR_TICK
        elif raised_tick:
            assert result.price_tick[t] == max(raised_tick)[0]


# A coal unit (minimum 40 of 100, ramp 30), a gas unit (nothing to 50) and the interval before: coal at 60, gas off.
@pytest.mark.parametrize(
    ("demand_wh", "output_wh", "price_tick", "shed_wh", "surplus_wh"),
    [
        pytest.param(70, [70, 0], 2000, 0, 0, id="the coal unit is marginal"),
        pytest.param(90, [90, 0], 2000, 0, 0, id="at the end of its ramp it is still the last one raised"),
        pytest.param(91, [90, 1], 6000, 0, 0, id="one Wh more and the gas unit is marginal"),
        pytest.param(140, [90, 50], 6000, 0, 0, id="all at their upper bound, nothing is short"),
        pytest.param(141, [90, 50], CAP_TICK, 1, 0, id="one Wh short"),
        pytest.param(40, [40, 0], 2000, 0, 0, id="lower bounds meet demand: the lowest marginal cost"),
        pytest.param(39, [40, 0], FLOOR_TICK, 0, 1, id="one Wh too many"),
    ],
)
def test_price_around_each_edge(
    demand_wh: int, output_wh: list[int], price_tick: int, shed_wh: int, surplus_wh: int
) -> None:
    case = Case([demand_wh], [[100, 50]], [40, 0], [30, 50], [30, 50], [2000, 6000], [60, 0])
    expected = reference.Dispatch([output_wh], [price_tick], [shed_wh], [surplus_wh])
    assert run(case.arrays()) == case.twin() == expected


def test_a_dear_unit_held_at_its_lower_bound_sets_no_price() -> None:
    # The unit at 90.00 runs at its minimum of 10; the last Wh comes from the one at 20.00.
    case = Case([50], [[100, 100]], [10, 0], [100, 100], [100, 100], [9000, 2000], [10, 0])
    assert run(case.arrays()) == ([[10, 40]], [2000], [0], [0])


def test_a_dear_unit_that_ramps_down_too_slowly_sets_no_price() -> None:
    # 70 before and a ramp of 20: it can't come below 50, and that is not what the next Wh costs.
    case = Case([60], [[100, 100]], [0, 0], [20, 100], [20, 100], [9000, 2000], [70, 0])
    assert run(case.arrays()) == ([[50, 10]], [2000], [0], [0])


def test_what_is_available_wins_and_the_way_back_is_the_ramp() -> None:
    # Available drops to 5, below the minimum of 40 and faster than the ramp; then 30 more in each interval.
    case = Case([90] * 4, [[100], [5], [100], [100]], [40], [30], [30], [2000], [80])
    assert run(case.arrays()) == (
        [[90], [5], [35], [65]],
        [2000, CAP_TICK, CAP_TICK, CAP_TICK],
        [0, 85, 55, 25],
        [0] * 4,
    )


def test_equal_costs_go_by_index() -> None:
    case = Case([15], [[10, 10, 10]], [0] * 3, [10] * 3, [10] * 3, [500, 500, 500], [0] * 3)
    assert run(case.arrays()).output_wh == [[10, 5, 0]]


def test_inputs_may_be_read_only_and_are_left_as_they_were() -> None:
    case = Case([90, 20], [[100, 50], [90, 50]], [40, 0], [30, 50], [30, 50], [2000, 6000], [60, 0])
    arrays = case.arrays()
    for array in arrays:
        array.flags.writeable = False
    assert run(arrays) == case.twin()
    assert [array.tolist() for array in arrays] == list(case.inputs())


@pytest.mark.parametrize("wrong", range(11))
def test_arrays_of_different_lengths_are_refused(wrong: int) -> None:
    arrays = Case([90], [[100, 50]], [40, 0], [30, 50], [30, 50], [2000, 6000], [60, 0]).arrays()
    arrays += [np.zeros((1, 2), np.int64), *(np.zeros(1, np.int64) for _ in range(3))]
    arrays[wrong] = np.zeros((3,) * arrays[wrong].ndim, np.int64)
    inputs, outputs = arrays[:7], arrays[7:]
    with pytest.raises(ValueError, match="must have one"):
        dispatch(*inputs, FLOOR_TICK, CAP_TICK, *outputs)


def test_two_rows_of_available_for_one_interval_are_refused() -> None:
    arrays = Case([90], [[100, 50]], [40, 0], [30, 50], [30, 50], [2000, 6000], [60, 0]).arrays()
    arrays[1] = np.tile(arrays[1], (2, 1))
    with pytest.raises(ValueError, match="available must have one row per row of output"):
        run(arrays)


# Against a linear program that knows the demand to come ---------------------------------------------------------------
@settings(max_examples=200)
@given(cases_of_the_lp())
def test_never_cheaper_than_the_linear_program(case: Case) -> None:
    cost_e8 = reference.cost_e8(run(case.arrays()), case.marginal_cost_tick, FLOOR_TICK, CAP_TICK)
    least_e8 = reference.lp_cost_e8(
        reference.ramp_lp(*case.inputs(), FLOOR_TICK, CAP_TICK), reference.lp_scale_wh(case.available_wh)
    )
    assert cost_e8 >= least_e8 - 1e-6 * max(1.0, abs(least_e8))


@given(cases_of_the_lp())
def test_as_cheap_as_the_linear_program_where_ramps_do_not_bind(case: Case) -> None:
    units = len(case.minimum_wh)
    free = Case(**{**case.__dict__, "ramp_up_wh": [40] * units, "ramp_down_wh": [40] * units})
    cost_e8 = reference.cost_e8(run(free.arrays()), free.marginal_cost_tick, FLOOR_TICK, CAP_TICK)
    least_e8 = reference.lp_cost_e8(
        reference.ramp_lp(*free.inputs(), FLOOR_TICK, CAP_TICK), reference.lp_scale_wh(free.available_wh)
    )
    assert cost_e8 == pytest.approx(least_e8, rel=1e-9, abs=1e-3)


# On a real fleet ------------------------------------------------------------------------------------------------------
def whole(number: Decimal, rounding: str) -> int:
    return int(number.to_integral_value(rounding))


def nem_case(region: str) -> tuple[Case, list[int]]:
    """Units of a region that need no weather, against its load of June 2017 in half-hours, and the intervals' starts.

    Columns are MW and MW/h; over half an hour 1 MW is 500,000 Wh, and 1 MW/h moves that energy by 250,000 Wh.
    """
    with FLEET.open(newline="") as file:
        fleet = [row for row in csv.DictReader(file) if row["NEM_REGION"] == region]
    fleet = [row for row in fleet if row["FUEL_CAT"] not in ("Wind", "Solar")]
    with LOAD.open(newline="") as file:
        load = list(csv.DictReader(file))
    demand = [Decimal(row[region]) * 500_000 for row in load]
    assert all(wh == int(wh) for wh in demand)
    market_time = timedelta(hours=10)  # UTC+10 all year, stamped at the interval's end
    ends = [datetime.fromisoformat(row["SETTLEMENTDATE"]).replace(tzinfo=UTC) - market_time for row in load]
    starts_utc = [int((end - timedelta(minutes=30)).timestamp()) for end in ends]

    minimum = [whole(Decimal(row["MIN_GEN"]) * 500_000, ROUND_CEILING) for row in fleet]
    available = [whole(Decimal(row["REG_CAP"]) * 500_000, ROUND_FLOOR) for row in fleet]
    case = Case(
        demand_wh=[int(wh) for wh in demand],
        available_wh=[available] * len(demand),
        minimum_wh=minimum,
        ramp_up_wh=[whole(Decimal(row["RR_UP"]) * 250_000, ROUND_FLOOR) for row in fleet],
        ramp_down_wh=[whole(Decimal(row["RR_DOWN"]) * 250_000, ROUND_FLOOR) for row in fleet],
        marginal_cost_tick=[whole(Decimal(row["SRMC_2016-17"]) * 100, ROUND_HALF_EVEN) for row in fleet],
        output_wh_before=minimum,
    )
    return case, starts_utc


@pytest.mark.skipif(not (FLEET.exists() and LOAD.exists()), reason="needs the NEM fleet and load in ../shared/data")
def test_new_south_wales_in_june_2017() -> None:
    case, starts_utc = nem_case("NSW1")
    assert starts_utc[0] == int(datetime(2017, 5, 31, 14, 0, tzinfo=UTC).timestamp())
    assert {after - before for before, after in pairwise(starts_utc)} == {1800}
    assert len(case.demand_wh) == 30 * 48

    result = run(case.arrays())
    assert result == case.twin()
    bounds = case.bounds(result.output_wh)
    for t, demand in enumerate(case.demand_wh):
        assert sum(result.output_wh[t]) + result.shed_wh[t] - result.surplus_wh[t] == demand
        most, least = sum(upper for _, upper in bounds[t]), sum(lower for lower, _ in bounds[t])
        assert result.shed_wh[t] == max(demand - most, 0)
        assert result.surplus_wh[t] == max(least - demand, 0)
    # 16.3 GW of plant, 4.1 GW of it must run, and a load of 6.3 to 11.7 GW: always enough, never too much.
    assert not any(result.shed_wh)
    assert not any(result.surplus_wh)
    # With water at 7.00 the dear gas stays off: the mean lies between water and the dearest coal.
    assert set(result.price_tick) <= set(case.marginal_cost_tick)
    assert 1_000 < sum(result.price_tick) // len(result.price_tick) < 2_500
    hours = [(start + 36_000) // 3600 % 24 for start in starts_utc]
    night = [tick for tick, hour in zip(result.price_tick, hours, strict=True) if 2 <= hour < 5]
    evening = [tick for tick, hour in zip(result.price_tick, hours, strict=True) if 17 <= hour < 20]
    assert len(night) == len(evening)
    assert sum(night) < sum(evening)
