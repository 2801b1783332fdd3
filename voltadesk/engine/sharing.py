"""How a community's energy is shared out, interval by interval, in whole watt-hours.

Arrays have the shape (intervals, members), members in the order of their ids. `want_wh` is what each member took from
the grid, `offer_wh` what each fed into it; a rule says which part of both belongs together. Always, in every interval:

    0 <= taken <= want,   0 <= given <= offer,   sum(taken) = sum(given)

Every share is by largest remainder (`pro_rata`). Equal remainders take turns: in interval n the row begins with the
n-th of those who take part in the share, so that the watt-hour that can't be divided goes round instead of to the first
one always. The rules are `docs/community.md`.
"""

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.compiled import kernel, lean_part, part
from voltadesk.engine.pro_rata import share_in_row

Ints = NDArray[np.int64]


@kernel
def share_by_want(turn: int, offer_wh: Ints, want_wh: Ints, taken_wh: Ints, given_wh: Ints) -> None:
    """`dynamic`: what is offered goes to members in proportion to what they want in the interval.

    turn      number of the first interval, counted from anywhere that stays the same
    offer_wh  int64[intervals, members] [Wh]; `want_wh` likewise
    taken_wh  the same shape, out [Wh]; `given_wh` likewise
    """
    intervals, members = want_wh.shape
    scratch = np.empty((4, members), np.int64)
    for t in range(intervals):
        wanted, offered = want_wh[t].sum(), offer_wh[t].sum()
        shared = min(wanted, offered)
        _share_in_turn(shared, wanted, turn + t, want_wh[t], scratch, taken_wh[t])
        _share_in_turn(shared, offered, turn + t, offer_wh[t], scratch, given_wh[t])


@kernel
def share_by_keys(
    turn: int, rounds: int, whole: bool, key: Ints, offer_wh: Ints, want_wh: Ints, taken_wh: Ints, given_wh: Ints
) -> None:
    """`static`, `hybrid`, `iterative` and `equal`: what is offered is divided by fixed keys.

    What a member can't use is left over. In every further round the rest is divided by the keys of those who still want
    some; after the last one it goes to the grid. Arrays as in `share_by_want`.

    rounds  1 is `static`; 0 goes on until nothing is left or nobody wants more
    whole   every round divides by the keys of all, so that what falls to those who have enough is left over again
            (`iterative`); needs rounds
    key     int64[members], each >= 0 (all 1: `equal`)
    """
    intervals, members = want_wh.shape
    scratch = np.empty((4, members), np.int64)
    weight, share = np.empty(members, np.int64), np.empty(members, np.int64)
    for t in range(intervals):
        taken = taken_wh[t]
        taken[:] = 0
        offered = offer_wh[t].sum()
        left, done = offered, 0
        while left > 0 and (rounds == 0 or done < rounds):
            waiting, weights = 0, 0
            for m in range(members):
                # In the first round a key counts whether its member wants anything or not.
                counts = whole or (done == 0 and rounds > 0) or want_wh[t, m] > taken[m]
                weight[m] = key[m] if counts else 0
                waiting += int(weight[m] > 0 and want_wh[t, m] > taken[m])
                weights += weight[m]
            if waiting == 0:
                break
            _share_in_turn(left, weights, turn + t, weight, scratch, share)
            for m in range(members):
                more = min(share[m], want_wh[t, m] - taken[m])
                taken[m] += more
                left -= more
            done += 1
        _share_in_turn(offered - left, offered, turn + t, offer_wh[t], scratch, given_wh[t])


@kernel
def match_by_nearness(
    turn: int,
    order: Ints,
    bound: Ints,
    fee_tier: Ints,
    fee_zone: Ints,
    fee_tick: Ints,
    first: int,
    offer_wh: Ints,
    want_wh: Ints,
    taken_wh: Ints,
    given_wh: Ints,
    fee_wh: Ints,
    fee_e8: Ints,
) -> None:
    """`priority`: what is offered in a group goes to those of the group, tier by tier, in proportion to what they want.

    Given what another rule made members take and give, it tells how near the two ends are: nothing is left over then,
    as the last tier has everybody in one group. Sums by tier and fees are made on the way, as intervals x members x
    tiers would be more than stays near the processor.

    order     int64[tiers, members]: members, those of a group one after the other
    bound     int64[tiers, members + 1]: where in `order` each group begins; -1 behind the last group's end
    fee_tier  int64[fees]: the tier whose energy each is due on
    fee_zone  int64[fees, grid's intervals]: which zone of the fee each lies in; `fee_tick` likewise [0.01/MWh]
    first     which interval of the grid the first one is
    offer_wh  int64[intervals, members] [Wh]; becomes what of it is given; `want_wh` likewise what is taken
    taken_wh  int64[tiers, members], added to [Wh]; `given_wh` likewise
    fee_wh    int64[fees, zones, members], added to [Wh]; `fee_e8` likewise [1e-8 currency]
    """
    intervals, members = want_wh.shape
    open_wh = np.empty((2, members), np.int64)  # what is still wanted and offered
    moved_wh = np.empty((2, members), np.int64)  # what is taken and given in a tier
    scratch = np.empty((4, members), np.int64)
    for t in range(intervals):
        left = min(want_wh[t].sum(), offer_wh[t].sum())
        if left == 0:
            want_wh[t] = 0
            offer_wh[t] = 0
            continue
        open_wh[0], open_wh[1] = want_wh[t], offer_wh[t]
        for tier in range(len(order)):
            if left == 0:
                break
            moved = _match_tier(left, turn + t, order[tier], bound[tier], open_wh, moved_wh, scratch)
            if moved == 0:
                continue
            left -= moved
            taken_wh[tier] += moved_wh[0]
            given_wh[tier] += moved_wh[1]
            for k in range(len(fee_tier)):
                if fee_tier[k] == tier:
                    zone = fee_zone[k, first + t]
                    _add_row(fee_tick[k, first + t], moved_wh[0], fee_wh[k, zone], fee_e8[k, zone])
        want_wh[t] -= open_wh[0]
        offer_wh[t] -= open_wh[1]


@kernel
def share_by_book(
    turn: int, bid_tick: Ints, ask_tick: Ints, offer_wh: Ints, want_wh: Ints, taken_wh: Ints, given_wh: Ints
) -> None:
    """`book`: the dearest bid takes from the cheapest offer, as long as it bids no less than is asked.

    Among equal prices it is first come, first served, and in interval n the row begins with the n-th of those who bid,
    or offer, anything. Arrays as in `share_by_want`.

    bid_tick  int64[intervals, members]: what each would pay at most [0.01/MWh]
    ask_tick  the same shape: what each wants at least [0.01/MWh]
    """
    intervals, members = want_wh.shape
    scratch, buyer, seller = np.empty(members, np.int64), np.empty(members, np.int64), np.empty(members, np.int64)
    for t in range(intervals):
        taken, given = taken_wh[t], given_wh[t]
        taken[:], given[:] = 0, 0
        sellers = _queue_up(turn + t, offer_wh[t], ask_tick[t], 1, scratch, seller)
        buyers = _queue_up(turn + t, want_wh[t], bid_tick[t], -1, scratch, buyer) if sellers > 0 else 0
        i, j = 0, 0
        while i < buyers and j < sellers:
            m, n = buyer[i], seller[j]
            if bid_tick[t, m] < ask_tick[t, n]:
                break
            traded = min(want_wh[t, m] - taken[m], offer_wh[t, n] - given[n])
            taken[m] += traded
            given[n] += traded
            i += int(taken[m] == want_wh[t, m])
            j += int(given[n] == offer_wh[t, n])


@part
def _queue_up(turn: int, energy_wh: Ints, price_tick: Ints, sign: int, scratch: Ints, queue: Ints) -> int:
    """Write those with energy into `queue`, by sign x price and then in turn; returns how many they are.

    A pass for each price that there is: members have few tariffs, and to sort would take longer to compile.
    """
    if not energy_wh.any():
        return 0
    members, count, placed = len(energy_wh), 0, 0
    first = _nth_positive(turn, energy_wh)
    price = sign * price_tick[first]
    last = price
    for k in range(members):
        m = (first + k) % members
        if energy_wh[m] > 0:
            scratch[count] = m
            count += 1
            price, last = min(price, sign * price_tick[m]), max(last, sign * price_tick[m])
    while placed < count:
        following = last
        for k in range(count):
            other = sign * price_tick[scratch[k]]
            if other == price:
                queue[placed] = scratch[k]
                placed += 1
            elif price < other < following:
                following = other
        price = following
    return count


@part
def _match_tier(left: int, turn: int, row: Ints, ends: Ints, open_wh: Ints, moved_wh: Ints, scratch: Ints) -> int:
    """What is taken and given in the groups of one tier, at most `left` in all; tells how much that is."""
    want, offer, taken, given = open_wh[0], open_wh[1], moved_wh[0], moved_wh[1]
    moved_wh[:] = 0
    moved = 0
    for g in range(len(row)):
        if ends[g + 1] < 0 or moved == left:
            break
        wanted, offered = 0, 0
        for k in range(ends[g], ends[g + 1]):
            offered += offer[row[k]]
        if offered == 0:  # as in most groups
            continue
        for k in range(ends[g], ends[g + 1]):
            wanted += want[row[k]]
        shared = min(wanted, offered)
        if shared > 0:
            moved += shared
            _move(shared, wanted, turn, row, ends[g], ends[g + 1], want, taken, scratch)
            _move(shared, offered, turn, row, ends[g], ends[g + 1], offer, given, scratch)
    return moved


@lean_part
def _move(
    shared: int, whole: int, turn: int, row: Ints, begin: int, end: int, open_wh: Ints, moved_wh: Ints, scratch: Ints
) -> None:
    """Share energy among a group of the row in proportion to what is open, `whole` in all; takes it off that."""
    if shared == whole:
        for k in range(begin, end):
            m = row[k]
            moved_wh[m] = open_wh[m]
            open_wh[m] = 0
        return
    count = 0
    for k in range(begin, end):
        m = row[k]
        scratch[0, count], scratch[1, count] = m, open_wh[m]
        count += int(open_wh[m] > 0)
    _share_among(shared, whole, turn, count, scratch)
    for k in range(count):
        m, share = scratch[0, k], scratch[2, k]
        moved_wh[m] = share
        open_wh[m] -= share


@lean_part
def _share_in_turn(total: int, whole: int, turn: int, weight: Ints, scratch: Ints, share: Ints) -> None:
    """`share_out`, ties going to the first in a row that begins with the `turn`-th of those whose weight is positive.

    whole: the sum of the weights; scratch: int64[4, n or more].
    """
    if total == whole or total == 0 or whole == 0:
        for m in range(len(weight)):
            share[m] = weight[m] if total > 0 else 0
        return
    count = 0
    for m in range(len(weight)):
        share[m] = 0
        scratch[0, count], scratch[1, count] = m, weight[m]
        count += int(weight[m] > 0)
    _share_among(total, whole, turn, count, scratch)
    for k in range(count):
        share[scratch[0, k]] = scratch[2, k]


@lean_part
def _share_among(total: int, whole: int, turn: int, count: int, scratch: Ints) -> None:
    """Share among some by their weights, all positive, in scratch[1]; into scratch[2].

    Those whose weight is 0 could get nothing, so they are left out before; mostly they are more than half.
    """
    if count == 1:
        scratch[2, 0] = total
    else:
        share_in_row(total, whole, turn % count, scratch[1, :count], scratch[3, :count], scratch[2, :count])


@lean_part
def _nth_positive(n: int, weight: Ints) -> int:
    """The place of the n-th positive weight, counted round and round from 0; one of them must be positive."""
    positive = 0
    for i in range(len(weight)):
        positive += int(weight[i] > 0)
    left = n % positive
    for i in range(len(weight)):
        if weight[i] > 0:
            if left == 0:
                return i
            left -= 1
    return 0


@kernel
def add_up(column: Ints, zone: Ints, price_tick: Ints, energy_wh: Ints, total_wh: Ints, total_e8: Ints) -> None:
    """Add energy and money of every interval to the sums of its price zone, for the members of some columns.

    column      int64[k], ascending: members whose energy has this price
    zone        int64[intervals]: which zone of the tariff the interval lies in
    price_tick  int64[intervals] [0.01/MWh]
    energy_wh   int64[intervals, members] [Wh]
    total_wh    int64[zones, members], added to [Wh]; `total_e8` likewise [1e-8 currency]
    """
    members = energy_wh.shape[1]
    for t in range(len(price_tick)):
        row, z, price = energy_wh[t], zone[t], price_tick[t]
        if not row.any():  # as at night, where nothing is shared
            continue
        if len(column) == members:
            _add_row(price, row, total_wh[z], total_e8[z])
            continue
        sums_wh, sums_e8 = total_wh[z], total_e8[z]
        for m in column:
            sums_wh[m] += row[m]
            sums_e8[m] += row[m] * price


@lean_part
def _add_row(price_tick: int, energy_wh: Ints, total_wh: Ints, total_e8: Ints) -> None:
    for m in range(len(energy_wh)):
        total_wh[m] += energy_wh[m]
        total_e8[m] += energy_wh[m] * price_tick
