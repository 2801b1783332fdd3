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

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import kernel, part


@part
def _upper_wh(available_wh: int, previous_wh: int, ramp_up_wh: int) -> int:
    """Most that a unit can produce [Wh], after `previous_wh` in the interval before."""
    return min(available_wh, previous_wh + ramp_up_wh)


@part
def _lower_wh(available_wh: int, minimum_wh: int, previous_wh: int, ramp_up_wh: int, ramp_down_wh: int) -> int:
    """Least that a unit can produce [Wh], after `previous_wh` in the interval before; never above its upper bound."""
    return min(max(minimum_wh, previous_wh - ramp_down_wh), available_wh, previous_wh + ramp_up_wh)


@part
def _by_cost(marginal_cost_tick: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The units in ascending cost, ties by index; by insertion, as a fleet is some hundred units at most."""
    order = np.empty(len(marginal_cost_tick), np.uint64)  # unsigned, so that numba need not look for negative indices
    for unit in range(len(marginal_cost_tick)):
        place = unit
        while place > 0 and marginal_cost_tick[order[place - 1]] > marginal_cost_tick[unit]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = unit
    return order


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
    intervals, units = output_wh.shape
    if not (len(demand_wh) == len(price_tick) == len(shed_wh) == len(surplus_wh) == intervals):
        raise ValueError("demand, price, shed and surplus must have one entry per row of output")
    if not (
        len(minimum_wh) == len(ramp_up_wh) == len(ramp_down_wh) == len(marginal_cost_tick) == units
        and len(output_wh_before) == available_wh.shape[-1] == units
    ):
        raise ValueError("every array of units must have one entry per column of output")
    if available_wh.ndim == 2 and available_wh.shape[0] != intervals:
        raise ValueError("available must have one row per row of output")

    order = _by_cost(marginal_cost_tick)
    rank = np.empty(units, np.int64)
    for place in range(units):
        rank[order[place]] = place
    idle_tick = marginal_cost_tick[order[0]] if units else floor_tick

    # Demand moves little from one interval to the next, and so does the place in the order where it is met. So the
    # first `raised` units of the order start at their upper bound and the rest at the lower one, in a loop without
    # branches; then that place is moved until demand is met. The outcome is that of raising one unit after another.
    raised = 0
    previous = output_wh_before
    for t in range(intervals):
        available = available_wh[t] if available_wh.ndim == 2 else available_wh
        output = output_wh[t]
        total_wh = 0
        for unit in range(units):
            upper_wh = _upper_wh(available[unit], previous[unit], ramp_up_wh[unit])
            lower_wh = _lower_wh(
                available[unit], minimum_wh[unit], previous[unit], ramp_up_wh[unit], ramp_down_wh[unit]
            )
            start_wh = upper_wh if rank[unit] < raised else lower_wh
            output[unit] = start_wh
            total_wh += start_wh
        missing_wh = demand_wh[t] - total_wh

        while missing_wh > 0 and raised < units:  # the cheapest of those at their lower bound goes up
            u = order[raised]
            step_wh = min(_upper_wh(available[u], previous[u], ramp_up_wh[u]) - output[u], missing_wh)
            output[u] += step_wh
            missing_wh -= step_wh
            raised += 1
        while missing_wh < 0 and raised > 0:  # the dearest of those at their upper bound goes down
            raised -= 1
            u = order[raised]
            lower_wh = _lower_wh(available[u], minimum_wh[u], previous[u], ramp_up_wh[u], ramp_down_wh[u])
            step_wh = min(output[u] - lower_wh, -missing_wh)
            output[u] -= step_wh
            missing_wh += step_wh

        if missing_wh > 0:
            price = cap_tick
        elif missing_wh < 0:
            price = floor_tick
        else:
            # The last unit above its lower bound, not the last one that runs. After a step down it is at `raised`.
            price = idle_tick
            place = min(raised, units - 1)
            while place >= 0:
                u = order[place]
                lower_wh = _lower_wh(available[u], minimum_wh[u], previous[u], ramp_up_wh[u], ramp_down_wh[u])
                if output[u] > lower_wh:
                    price = marginal_cost_tick[u]
                    break
                place -= 1
        price_tick[t] = price
        shed_wh[t] = max(missing_wh, 0)
        surplus_wh[t] = max(-missing_wh, 0)
        previous = output
