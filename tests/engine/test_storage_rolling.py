"""Re-solving with steps: against the plain schedule solved anew, and what it may never do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltadesk.engine.storage import schedule, terms
from voltadesk.engine.storage_rolling import resolve_terms
from voltadesk.engine.tables import BATTERY, Table

STEP_S = 900


def battery(energy_wh: int = 4_000, power_w: int = 2_000, efficiency_ppm: int = 930_000) -> Table:
    row = np.zeros(1, BATTERY)
    row["charge_power_w"] = row["discharge_power_w"] = power_w
    row["charge_efficiency_ppm"] = row["discharge_efficiency_ppm"] = efficiency_ppm
    row["maximum_fill_wh"] = energy_wh
    return row


def offers(rows: list[tuple[int, int]]) -> Any:
    """Terms of intervals with a surplus and a need [Wh]: 80 and 300 per MWh; the grid sells at 310 and buys at 75."""
    steps = [(t, 8_000, left) for t, (left, _) in enumerate(rows) if left]
    steps += [(t, 30_000, -wanted) for t, (_, wanted) in enumerate(rows) if wanted]
    count = len(rows)
    return terms(np.full(count, 31_000), np.full(count, 7_500), steps=steps)


one = st.tuples(st.integers(0, 900), st.integers(0, 900)).map(lambda pair: pair if pair[0] > pair[1] else (0, pair[1]))


@settings(max_examples=40)
@given(st.lists(one, min_size=8, max_size=8), st.lists(one, min_size=8, max_size=16), st.integers(1, 6))
def test_each_interval_does_what_a_schedule_from_there_begins_with(
    came: list[tuple[int, int]], thought: list[tuple[int, int]], horizon: int
) -> None:
    expected = (thought * 2)[: 8 + horizon]
    row = battery()
    rows, after = resolve_terms(row, offers(came), offers(expected), horizon, 0, STEP_S)
    fill = 0
    for t, (bought, sold, left) in enumerate(rows.T.tolist()):
        row["fill_wh"] = fill
        now = schedule(row, offers([came[t], *expected[t + 1 : t + 1 + horizon]]), t * STEP_S, STEP_S)
        # Where several ways are worth the same, either may be taken: what is left must be worth as much.
        assert worth(row, came[t], expected[t + 1 : t + 1 + horizon], bought, sold, t) >= now.value_e8 - 2 * 31_000
        fill = left
    assert int(after["fill_wh"][0]) == fill


def worth(row: Table, came: tuple[int, int], ahead: list[tuple[int, int]], bought: int, sold: int, t: int) -> float:
    """Money of an interval's trade, and the best that can be made of what is then in the battery."""
    left, wanted = came
    money = -8_000 * min(bought, left) - 31_000 * max(bought - left, 0)
    money += 30_000 * min(sold, wanted) + 7_500 * max(sold - wanted, 0)
    then = row.copy()
    efficiency = int(row["charge_efficiency_ppm"][0])
    then["fill_wh"] += bought * efficiency // 1_000_000 - -(-sold * 1_000_000 // efficiency)
    return money + schedule(then, offers(ahead), (t + 1) * STEP_S, STEP_S).value_e8


def test_what_is_expected_decides_and_what_comes_is_traded() -> None:
    need = [(0, 0)] * 4 + [(0, 400)] * 4
    surplus = [(500, 0)] * 4 + [(0, 0)] * 12
    rows, _ = resolve_terms(battery(), offers(surplus[:8]), offers(need * 2), 8, 0, STEP_S)
    # Four times 400 will be wanted, 1,850 before losses, and 500 are the most in a quarter-hour.
    assert rows[0].tolist() == [500, 500, 500, 350, 0, 0, 0, 0]
    rows, _ = resolve_terms(battery(), offers(surplus[:8]), offers([(0, 0)] * 16), 8, 0, STEP_S)
    assert not rows[:2].any()  # nobody will want it, and the grid pays less than it costs


def test_without_steps_it_is_the_plain_series() -> None:
    price = np.array([1_000, 9_000, 1_000, 9_000])
    none = terms(price, price)
    rows, after = resolve_terms(battery(500, 10_000), none, terms(np.tile(price, 2), np.tile(price, 2)), 3, 0, STEP_S)
    assert rows[2].tolist() == [500, 0, 500, 0]
    assert int(after["charged_wh"][0]) == rows[0].sum()


@pytest.mark.parametrize(("count", "horizon"), [(8, 1), (20, 0)])
def test_shapes_that_do_not_fit_are_refused(count: int, horizon: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        resolve_terms(battery(), offers([(1, 0)] * 8), offers([(1, 0)] * count), horizon, 0, STEP_S)
