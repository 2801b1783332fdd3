"""Exact shares of a whole number in proportion to weights: Hamilton's method of the largest remainder.

The kernel twin of `units.share_out`. The floor of weight x total / sum needs 128 bits; here a float proposes it and
64-bit integers correct it to the exact value, which the compiler turns into vector code.

Source: Balinski & Young, Fair Representation, 1982, chapter 3.
"""

from math import floor

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import kernel, lean_part, part

FEW = 16
SHARE_LIMIT = 1 << 56  # exclusive: up to here a float's proposal is so near that its error is told in 64 bits


@kernel
def share_out(total: int, weight: NDArray[np.int64], share: NDArray[np.int64]) -> None:
    """`total` shared in proportion to `weight` by largest remainder; ties go to the lower index.

    Every share is the floor of weight x total / sum(weight), or one more; the shares sum to `total`. Where no weight
    is positive, every share is 0.

    total   what is shared, 0 <= total < 2**56
    weight  int64[n], each >= 0, sum below 2**56
    share   int64[n], out; may not overlap `weight`

    `total` may be larger than the sum of the weights. Time: a few linear passes, no sort.
    """
    whole = 0
    for i in range(len(weight)):
        whole += weight[i]
    if whole <= 0 or total <= 0:
        share[:] = 0
        return
    assert whole < SHARE_LIMIT
    assert total < SHARE_LIMIT
    share_in_row(total, int(whole), 0, weight, np.empty(len(weight), np.int64), share)


@lean_part
def share_in_row(
    total: int,
    whole: int,
    first: int,
    weight: NDArray[np.int64],
    remainder: NDArray[np.int64],
    share: NDArray[np.int64],
) -> None:
    """`share_out` where ties go to the first in a row that begins with index `first` and goes round.

    whole      sum of the weights; like `total` above 0
    remainder  int64[n], scratch
    """
    left = total - _floors(total, whole, weight, share, remainder)
    if left > 0 and len(weight) <= FEW:
        _hand_out_one_by_one(left, first, remainder, share)
    elif left > 0:
        _hand_out(left, first, remainder, share)


@lean_part
def _floors(
    total: int, whole: int, weight: NDArray[np.int64], share: NDArray[np.int64], remainder: NDArray[np.int64]
) -> int:
    """Sets share and remainder of weight x total / whole; returns the sum of the shares.

    The proposal is less than 2**5 off, so its remainder lies within 2**61 and survives the wrap of 64-bit products.
    The second division is then off by one at most.
    """
    ratio = total / whole
    part = 1.0 / whole
    given = 0
    for i in range(len(weight)):
        quotient = int(weight[i] * ratio)
        rest = weight[i] * total - quotient * whole
        step = floor(rest * part)
        rest -= step * whole
        quotient += step
        if rest < 0:
            quotient -= 1
            rest += whole
        if rest >= whole:
            quotient += 1
            rest -= whole
        share[i] = quotient
        remainder[i] = rest
        given += quotient
    return given


@lean_part
def _hand_out_one_by_one(left: int, first: int, remainder: NDArray[np.int64], share: NDArray[np.int64]) -> None:
    """`_hand_out` where there are so few that looking for the largest again and again is quicker."""
    for _ in range(left):
        best = first
        for k in range(1, len(remainder)):
            i = first + k if first + k < len(remainder) else first + k - len(remainder)
            if remainder[i] > remainder[best]:
                best = i
        share[best] += 1
        remainder[best] = -1


@part
def _hand_out(left: int, first: int, remainder: NDArray[np.int64], share: NDArray[np.int64]) -> None:
    """One more to each of the `left` largest remainders, 0 < left < n; ties go to the next one from `first` on."""
    least = _kth_largest(left, remainder)
    above = 0
    for i in range(len(remainder)):
        more = int(remainder[i] > least)
        share[i] += more
        above += more
    ties = left - above
    for k in range(len(remainder)):
        if ties == 0:
            break
        i = first + k if first + k < len(remainder) else first + k - len(remainder)
        if remainder[i] == least:
            share[i] += 1
            ties -= 1


@part
def _kth_largest(k: int, value: NDArray[np.int64]) -> int:
    """The k-th largest of `value` (1 <= k <= n, all values within +-2**61), by bisection that snaps to values.

    Remainders lie evenly, so that a proportional guess saves most of the halvings; every third step is a plain
    halving, so that no set of values takes more than three times the bits of their span.
    """
    low, high = value[0], value[0]
    for i in range(len(value)):
        low = min(low, value[i])
        high = max(high, value[i])
    # Invariant: count(>= low) >= k > count(> high).
    from_low, over_high = len(value), 0
    step = 0
    while low < high:
        step += 1
        middle = low + (high - low) // 2
        if step % 3 > 0:
            guess = low + int((high - low) * ((from_low - k) / (from_low - over_high)))
            middle = min(max(guess, low), high - 1)
        over = 0
        below, above = low, high
        for i in range(len(value)):
            over += int(value[i] > middle)
            below = max(below, value[i] if value[i] <= middle else low)
            above = min(above, value[i] if value[i] > middle else high)
        if over >= k:
            low, from_low = above, over
        else:
            high, over_high = below, over
    return int(low)
