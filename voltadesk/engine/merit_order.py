"""Merit order: plants with a minimum output and ramps follow a demand, cheapest first, interval by interval.

The textbook merit order, rolling: an interval sees the one before it and none after it. A schedule that looks ahead
can therefore be cheaper; `benchmarks/merit_order.py` prints by how much. The twin is `tests/reference/merit_order.py`.

A unit may produce, after `previous` in the interval before,

    upper = min(available, previous + ramp_up)
    lower = min(max(minimum, previous - ramp_down), upper)

so what is available wins over the ramp down and over the minimum, and a unit pushed below its minimum comes back no
faster than its ramp. All units start at `lower`; then they are raised towards `upper` in ascending marginal cost, ties
by index, until the demand is met. In every interval sum(output) + shed - surplus == demand. The price is

    the cap, when all units at `upper` fall short (the rest of the demand is shed);
    the floor, when all units at `lower` exceed the demand (the rest of the output is surplus);
    otherwise the marginal cost of the last unit above its `lower`, as a unit held at `lower` sets no price;
    where all units at `lower` meet the demand exactly, the lowest marginal cost of all: the next Wh may come from it.
    With no unit at all, the floor.

Source: D. S. Kirschen and G. Strbac, Fundamentals of Power System Economics, 2nd ed., Wiley, 2018.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import kernel, lean_part, part


class Units(NamedTuple):
    """What bounds the units' output in an interval, and their cost; all int64[P]."""

    available_wh: NDArray[np.int64]
    minimum_wh: NDArray[np.int64]
    ramp_up_wh: NDArray[np.int64]
    ramp_down_wh: NDArray[np.int64]
    previous_wh: NDArray[np.int64]  # output in the interval before
    marginal_cost_tick: NDArray[np.int64]


@lean_part
def _upper_wh(units: Units, u: int) -> int:
    """Most that a unit can produce [Wh]."""
    return min(units.available_wh[u], units.previous_wh[u] + units.ramp_up_wh[u])


@lean_part
def _lower_wh(units: Units, u: int) -> int:
    """Least that a unit can produce [Wh]; never above its upper bound."""
    return min(max(units.minimum_wh[u], units.previous_wh[u] - units.ramp_down_wh[u]), _upper_wh(units, u))


@part
def _by_cost(marginal_cost_tick: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The units in ascending cost, ties by index, and each one's place among them.

    By insertion, as a fleet is some hundred units at most.
    """
    order = np.empty(len(marginal_cost_tick), np.uint64)  # unsigned, so that numba need not look for negative indices
    for unit in range(len(marginal_cost_tick)):
        place = unit
        while place > 0 and marginal_cost_tick[order[place - 1]] > marginal_cost_tick[unit]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = unit
    rank = np.empty(len(order), np.int64)
    for place in range(len(order)):
        rank[order[place]] = place
    return order, rank


@lean_part
def _start(units: Units, rank: NDArray[np.int64], raised: int, output_wh: NDArray[np.int64]) -> int:
    """Put the first `raised` units of the order at their upper bound and the rest at the lower one; returns the sum.

    A loop without branches.
    """
    total_wh = 0
    for u in range(len(output_wh)):
        start_wh = _upper_wh(units, u) if rank[u] < raised else _lower_wh(units, u)
        output_wh[u] = start_wh
        total_wh += start_wh
    return total_wh


@lean_part
def _meet(
    units: Units, order: NDArray[np.uint64], raised: int, missing_wh: int, output_wh: NDArray[np.int64]
) -> tuple[int, int]:
    """Move the place up to which the order is raised until nothing is missing; returns both."""
    while missing_wh > 0 and raised < len(order):  # the cheapest of those at their lower bound goes up
        u = order[raised]
        step_wh = min(_upper_wh(units, u) - output_wh[u], missing_wh)
        output_wh[u] += step_wh
        missing_wh -= step_wh
        raised += 1
    while missing_wh < 0 and raised > 0:  # the dearest of those at their upper bound goes down
        raised -= 1
        u = order[raised]
        step_wh = min(output_wh[u] - _lower_wh(units, u), -missing_wh)
        output_wh[u] -= step_wh
        missing_wh += step_wh
    return raised, missing_wh


@lean_part
def _last_tick(
    units: Units, order: NDArray[np.uint64], place: int, output_wh: NDArray[np.int64], idle_tick: int
) -> int:
    """Cost of the last unit of the order above its lower bound, up to a place; not the last one that runs [tick]."""
    while place >= 0:
        u = order[place]
        if output_wh[u] > _lower_wh(units, u):
            return units.marginal_cost_tick[u]
        place -= 1
    return idle_tick


@kernel
def dispatch(
    demand_wh: NDArray[np.int64],
    available_wh: NDArray[np.int64],
    minimum_wh: NDArray[np.int64],
    ramp_up_wh: NDArray[np.int64],
    ramp_down_wh: NDArray[np.int64],
    marginal_cost_tick: NDArray[np.int64],
    output_wh_before: NDArray[np.int64],
    floor_tick: int,
    cap_tick: int,
    output_wh: NDArray[np.int64],
    price_tick: NDArray[np.int64],
    shed_wh: NDArray[np.int64],
    surplus_wh: NDArray[np.int64],
) -> None:
    """Outputs, prices, shed load and surplus of P committed units over T intervals, by rolling merit order.

    demand_wh           int64[T], to be delivered [Wh]; negative where others feed in more
    available_wh        int64[T, P] or int64[P], most that each unit can produce in an interval [Wh]
    minimum_wh          int64[P], minimum output while committed, 0 for none [Wh per interval]
    ramp_up_wh          int64[P], largest rise from one interval to the next, >= 0 [Wh]; ramp_down_wh likewise
    marginal_cost_tick  int64[P], within floor and cap [0.01/MWh]
    output_wh_before    int64[P], output in the interval before the first [Wh]; not a row of output_wh
    output_wh           int64[T, P], out [Wh]
    price_tick          int64[T], out [0.01/MWh]; shed_wh and surplus_wh likewise [Wh]
    """
    intervals, count = output_wh.shape
    if not (len(demand_wh) == len(price_tick) == len(shed_wh) == len(surplus_wh) == intervals):
        raise ValueError("demand, price, shed and surplus must have one entry per row of output")
    if not (
        len(minimum_wh) == len(ramp_up_wh) == len(ramp_down_wh) == len(marginal_cost_tick) == count
        and len(output_wh_before) == available_wh.shape[-1] == count
    ):
        raise ValueError("every array of units must have one entry per column of output")
    if available_wh.ndim == 2 and available_wh.shape[0] != intervals:
        raise ValueError("available must have one row per row of output")

    order, rank = _by_cost(marginal_cost_tick)
    idle_tick = marginal_cost_tick[order[0]] if count else floor_tick

    # Demand moves little from one interval to the next, and so does the place in the order where it is met. So the
    # first `raised` units of the order start at their upper bound and the rest at the lower one; then that place is
    # moved until demand is met. The outcome is that of raising one unit after another.
    raised = 0
    previous = output_wh_before
    for t in range(intervals):
        available = available_wh[t] if available_wh.ndim == 2 else available_wh
        units = Units(available, minimum_wh, ramp_up_wh, ramp_down_wh, previous, marginal_cost_tick)
        output = output_wh[t]
        missing_wh = demand_wh[t] - _start(units, rank, raised, output)
        raised, missing_wh = _meet(units, order, raised, missing_wh, output)
        if missing_wh > 0:
            price_tick[t] = cap_tick
        elif missing_wh < 0:
            price_tick[t] = floor_tick
        else:  # after a step down the last unit above its lower bound is at `raised`
            price_tick[t] = _last_tick(units, order, min(raised, count - 1), output, idle_tick)
        shed_wh[t] = max(missing_wh, 0)
        surplus_wh[t] = max(-missing_wh, 0)
        previous = output
