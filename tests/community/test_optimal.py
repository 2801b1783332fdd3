"""Keys that let all together pay least: by hand, against a linear programme, and in a settlement."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from tests.community import PRICES, house, member, settled
from voltadesk.community.optimal import best_keys
from voltadesk.errors import BadInput

Ints = NDArray[np.int64]


def test_by_hand() -> None:
    # Of 1,000 Wh in one interval: anna can use 300, ben 900, and a watt-hour is worth more to anna.
    offer, want = np.array([1_000]), np.array([[300, 900]])
    assert best_keys(offer, want, np.array([[300, 200]]), 0, 1_000_000) == [300_000, 700_000]
    assert best_keys(offer, want, np.array([[200, 300]]), 0, 1_000_000) == [100_000, 900_000]
    # Worth the same, they are served alike: 300 and 900 of 1,200.
    assert best_keys(offer, want, np.array([[200, 200]]), 0, 1_000_000) == [250_000, 750_000]
    assert best_keys(offer, want, np.array([[200, 300]]), 200_000, 1_000_000) == [200_000, 800_000]
    assert best_keys(offer, want, np.array([[300, 200]]), 0, 600_000) == [400_000, 600_000]


def test_what_nobody_can_use_is_divided_alike() -> None:
    assert best_keys(np.array([1_000]), np.array([[100, 100]]), np.array([[5, 5]]), 0, 1_000_000) == [500_000, 500_000]
    assert best_keys(np.array([0, 0]), np.zeros((2, 4), np.int64), np.ones((2, 4), np.int64), 0, 10**6) == [250_000] * 4


def worth_of(keys: list[float], offer: Ints, want: Ints, worth: Ints) -> float:
    return float((worth * np.minimum(want, np.array(keys) * offer[:, None])).sum())


def by_linear_programme(offer: Ints, want: Ints, worth: Ints, least: float, most: float) -> float:
    """Most worth: variables are what each takes in each interval, and its key."""
    count, members = want.shape
    cells = count * members
    cost = np.concatenate([-worth.reshape(-1), np.zeros(members)]).astype(float)
    within = np.zeros((cells, cells + members))
    for t in range(count):
        for m in range(members):
            within[t * members + m, t * members + m] = 1
            within[t * members + m, cells + m] = -offer[t]
    whole = np.concatenate([np.zeros(cells), np.ones(members)])[None, :]
    bounds = [(0, float(w)) for w in want.reshape(-1)] + [(least, most)] * members
    done = linprog(cost, within, np.zeros(cells), whole, [1.0], bounds, method="highs")
    assert done.success
    return -float(done.fun)


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**32), st.sampled_from([(0, 10**6), (100_000, 600_000)]))
def test_keys_reach_the_optimum_of_the_linear_programme(
    members: int, count: int, seed: int, limits: tuple[int, int]
) -> None:
    least, most = limits
    if not least * members <= 10**6 <= most * members:
        return
    random = np.random.default_rng(seed)
    offer, want = random.integers(0, 2_000, count), random.integers(0, 900, (count, members))
    worth = random.integers(0, 30_000, (count, members))
    keys = best_keys(offer, want, worth, least, most)
    assert sum(keys) == 10**6
    assert all(least <= key <= most for key in keys)
    reached = worth_of([key / 10**6 for key in keys], offer, want, worth)
    optimum = by_linear_programme(offer, want, worth, least / 10**6, most / 10**6)
    assert reached <= optimum + 1e-3
    assert reached >= optimum - members * count * 2e-6 * 2_000 * 30_000  # a millionth of each offer


def outflow(sharing: str, energy: dict[tuple[str, str], list[int]]) -> int:
    """What all together pay to others."""
    rest = PRICES.replace("price = 300.00", "price = 300.00\nvat_percent = 20")
    rest += '[[tariffs]]\nname = "dear"\nprice = 400.00\nvat_percent = 20\n'
    homes = [member("anna"), member("ben", 'supply = "dear"'), member("carla"), member("roof", "shared = true")]
    done = settled(house(*homes, sharing=sharing, rest=rest), energy)  # type: ignore[arg-type]
    return sum(amount for party, amount in done.received_e8.items() if party != "community")


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 100), st.integers(0, 100))
def test_no_other_keys_are_cheaper(seed: int, first: int, second: int) -> None:
    random = np.random.default_rng(seed)
    energy = {(name, "import"): random.integers(0, 900, 8).tolist() for name in ("anna", "ben", "carla")}
    energy["roof", "export"] = random.integers(0, 2_000, 8).tolist()
    low, high = sorted((first, second))
    keys = f"{{ anna = {low}, ben = {high - low}, carla = {100 - high} }}"
    best = outflow('[sharing]\nrule = "optimal"', energy)
    other = outflow(f'[sharing]\nrule = "static"\nkeys = [{{ percent = {keys} }}]', energy)
    assert best <= other + 8 * 3 * 50_000  # shares are whole watt-hours


def test_limits_that_leave_no_choice() -> None:
    energy = {("anna", "import"): [5], ("ben", "import"): [5], ("roof", "export"): [5]}
    homes = [member("anna"), member("ben"), member("roof")]
    sharing = '[sharing]\nrule = "optimal"\nleast_percent = 60'
    with pytest.raises(BadInput, match=r"least_percent = 60: and most_percent must leave a choice to 2 consumers"):
        settled(house(*homes, sharing=sharing), energy)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=r"sharing.most_percent = 50: belongs to the rule optimal"):
        house(*homes, sharing="[sharing]\nmost_percent = 50")
