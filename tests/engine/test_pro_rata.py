"""The kernel of the largest remainder against its Python twin, `units.share_out`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltadesk import units
from voltadesk.engine.pro_rata import SHARE_LIMIT, share_out

weights = st.lists(st.one_of(st.integers(0, 4), st.integers(0, 10**6), st.integers(0, 2**50)), max_size=40)


def shares_of(total: int, weight: list[int]) -> list[int]:
    """The kernel on lists; the array is filled with rubbish first, as callers do not clear it."""
    share = np.full(len(weight), -7, np.int64)
    share_out(total, np.array(weight, np.int64), share)
    return share.tolist()


@settings(max_examples=400)
@given(weights, st.one_of(st.integers(0, 50), st.integers(0, SHARE_LIMIT - 1)))
def test_shares_are_those_of_the_twin(weight: list[int], total: int) -> None:
    assert shares_of(total, weight) == units.share_out(total, weight)


@pytest.mark.parametrize(
    "weight",
    [
        [12_345] * 3_000,
        [1] * 2_999 + [2**54],
        [2**k for k in range(55)],
        [*range(3_000)],
        [(k * k * 7_919) % 1_000_003 for k in range(3_000)],
        [0, 0, 5, 0],
    ],
    ids=["equal", "one giant", "powers of two", "rising", "scattered", "zeros between"],
)
def test_many_and_odd_weights(weight: list[int]) -> None:
    for total in (1, 2, 1_499, sum(weight) // 3, sum(weight) - 1, sum(weight)):
        assert shares_of(total, weight) == units.share_out(total, weight)


def test_the_largest_numbers_allowed_stay_exact() -> None:
    weight = [SHARE_LIMIT // 3, SHARE_LIMIT // 3 - 1, SHARE_LIMIT // 3 - 2]
    for total in (SHARE_LIMIT - 1, SHARE_LIMIT - 2, SHARE_LIMIT // 7):
        assert shares_of(total, weight) == units.share_out(total, weight)


def test_a_sum_of_weights_over_the_limit_is_an_error() -> None:
    with pytest.raises(AssertionError):
        shares_of(1, [SHARE_LIMIT - 1, 1])


def test_nothing_is_shared_without_weight() -> None:
    assert shares_of(10, []) == []
    assert shares_of(10, [0, 0]) == [0, 0]
    assert shares_of(0, [3, 4]) == [0, 0]


def test_a_tie_goes_to_the_one_that_stands_first() -> None:
    assert shares_of(100, [1, 1, 1]) == [34, 33, 33]
    assert shares_of(101, [1, 1, 1]) == [34, 34, 33]


def test_nobody_gets_more_than_asked_for_when_the_total_is_less() -> None:
    random = np.random.default_rng(3)
    for _ in range(50):
        weight = random.integers(0, 9, 30)
        share = np.empty(30, np.int64)
        share_out(int(random.integers(0, weight.sum() + 1)), weight, share)
        assert (share <= weight).all()
