"""Energy is held in 32 bits where these are enough, and nowhere is it cut off."""

from __future__ import annotations

import numpy as np
import pytest

from tests.community import PRICES, given, house, member, settled
from voltadesk.community.changes import Changes, Joining, changed_rules, with_members
from voltadesk.community.member_columns import HELD, MemberColumns
from voltadesk.community.openings import with_battery

MOST = (1 << 31) - 1
HOMES = [member("anna"), member("ben")]


@pytest.mark.parametrize("members", [1, HELD - 1, HELD, HELD + 1, 3 * HELD + 7])
@pytest.mark.parametrize("most", [500, MOST, MOST + 1])
def test_columns_are_written_whoever_has_any(members: int, most: int) -> None:
    random = np.random.default_rng(members)
    expected = random.integers(0, 500, (5, members))
    expected[:, random.random(members) < 0.4] = 0
    expected[3, members // 2] = most
    columns = MemberColumns(5, members)
    for m in np.flatnonzero(expected.any(axis=0)).tolist():
        columns.put(m, expected[:, m])
    made = columns.done()
    assert (made == expected).all()
    assert made.dtype == (np.int64 if most > MOST else np.int32)


def test_sums_and_copies_may_be_larger_than_what_is_held() -> None:
    meters = {("anna", "import"): [MOST] * 4, ("ben", "import"): [MOST] * 4, ("ben", "export"): [MOST] * 4}
    rules = house(*HOMES, rest=PRICES)
    done = settled(rules, meters)  # type: ignore[arg-type]
    assert done.energy.import_wh.dtype == np.int32
    assert [s.from_community_wh + s.from_grid_wh for s in done.statements] == [4 * MOST] * 2
    changes = Changes(joining=(Joining("carla", "ben", 30_000),))
    energy, _ = given(rules, meters)  # type: ignore[arg-type]
    assert with_members(changed_rules(rules, changes), energy, changes).import_wh[:, 2].tolist() == [3 * MOST] * 4
    wide = np.full(4, 3 * MOST)
    _, with_one = with_battery(rules, energy, wide, wide)
    assert with_one.import_wh[:, with_one.names.index("new-battery")].tolist() == [3 * MOST] * 4
