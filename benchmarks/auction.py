"""How fast the call auction, exact shares and the live price are, as ratios taken within one run.

A pass is one summing read of the price and the energy array by a compiled loop: what nothing can be faster than.
Rivals: NumPy for the same rules, by one sort of the merged orders (argsort, cumsum, searchsorted) or by counting the
energy at each tick (bincount), and HiGHS on the linear programme "most welfare", without presolve, which takes minutes
here.
"""

import time
from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from voltadesk.engine import auction, ladder, pro_rata

FLOOR_TICK, CAP_TICK = -50_000, 400_000
Ints = NDArray[np.int64]


def run() -> list[tuple[str, str, str]]:
    """(what, measured, target) for each figure."""
    return [
        *_full_clear(),
        *_lumpy_prices(),
        *_against_highs(100_000),
        _many_markets(35_040, 100, "<= 40 ms"),
        _many_markets(35_040, 1_000, "<= 300 ms"),
        _shares(10_000),
        _live_price(1_000),
        _live_price(1_000_000),
    ]


def best_s(function: Callable[..., object], *arguments: object, at_most_s: float = 1.0) -> float:
    """Least time of a call, of at least three and as many as go into about `at_most_s`."""
    function(*arguments)
    times: list[float] = []
    while len(times) < 3 or (sum(times) < at_most_s and len(times) < 2_000):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


def time_text(seconds: float) -> str:
    """Three figures with a fitting unit."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


@njit(cache=True, nogil=True)
def one_pass(price_tick: Ints, quantity_wh: Ints) -> int:
    """Reads both arrays once."""
    total = 0
    for i in range(len(price_tick)):
        total += price_tick[i] + quantity_wh[i]
    return total


# Markets --------------------------------------------------------------------------------------------------------------
def random_market(count: int, seed: int = 1) -> tuple[Ints, Ints]:
    """Prices anywhere, either side, 1 Wh to 20 kWh."""
    random = np.random.default_rng(seed)
    price = random.integers(FLOOR_TICK, CAP_TICK + 1, count)
    return price, random.integers(1, 20_000, count) * random.choice([-1, 1], count)


def homes_market(count: int) -> tuple[Ints, Ints]:
    """What a simulated interval looks like: demand at the cap, solar at 0, a few plants and batteries between."""
    random = np.random.default_rng(2)
    price = random.choice([CAP_TICK, 0], count, p=[0.6, 0.4])
    quantity = random.integers(1, 2_000, count) * np.where(price == CAP_TICK, 1, -1)
    plants = random.choice(count, 40, replace=False)
    price[plants] = random.integers(5_000, 15_000, 40)
    quantity[plants] = -random.integers(count * 5, count * 50, 40)
    return price, quantity


# Rivals ---------------------------------------------------------------------------------------------------------------
def range_by_sorting(price_tick: Ints, energy_wh: Ints, demand_wh: int) -> tuple[int, int]:
    """The lowest and the highest price that clear, by one sort of the merged orders."""
    order = np.argsort(price_tick)
    sorted_price = price_tick[order]
    reached = np.cumsum(energy_wh[order])
    low = int(sorted_price[np.searchsorted(reached, demand_wh)])
    after = int(np.searchsorted(sorted_price, low, "right"))
    if reached[after - 1] > demand_wh:
        return low, low
    return low, int(sorted_price[after]) if after < len(sorted_price) else CAP_TICK


def range_by_counting(price_tick: Ints, energy_wh: Ints, demand_wh: int) -> tuple[int, int]:
    """The same by the energy at each tick; exact while it stays below 2**53 Wh."""
    reached = np.cumsum(np.bincount(price_tick - FLOOR_TICK, energy_wh, CAP_TICK - FLOOR_TICK + 1))
    low = int(np.searchsorted(reached, demand_wh))
    if reached[low] > demand_wh:
        return low + FLOOR_TICK, low + FLOOR_TICK
    return low + FLOOR_TICK, min(int(np.searchsorted(reached, demand_wh, "right")) + FLOOR_TICK, CAP_TICK)


def clear_by_numpy(
    range_of: Callable[[Ints, Ints, int], tuple[int, int]], price_tick: Ints, quantity_wh: Ints
) -> tuple[int, int, int, int, int, Ints]:
    """`auction.clear` at the midpoint as well as NumPy can."""
    energy = np.abs(quantity_wh)
    low, high = range_of(price_tick, energy, int(energy.sum() + quantity_wh.sum()) // 2)
    price = round((low + high) / 2)
    gain = (price_tick - price) * quantity_wh
    better = gain > 0
    fill = energy * better
    filled, net = int(fill.sum()), int((quantity_wh * better).sum())
    bought, sold = (filled + net) // 2, (filled - net) // 2
    margin = np.flatnonzero(price_tick == price)
    bids, offers = margin[quantity_wh[margin] > 0], margin[quantity_wh[margin] < 0]
    volume = min(bought + int(energy[bids].sum()), sold + int(energy[offers].sum()))
    for side, left in ((bids, volume - bought), (offers, volume - sold)):
        if left:
            wanted = int(energy[side].sum())
            fill[side], rest = np.divmod(energy[side] * left, wanted)
            fill[side[np.argsort(-rest, kind="stable")[: left - int(fill[side].sum())]]] += 1
    return volume, price, low, high, int(np.maximum(gain, 0).sum()), fill


def welfare_by_highs(price_tick: Ints, quantity_wh: Ints, **options: str | int) -> tuple[float, float]:
    """Most welfare by HiGHS, and the seconds its solver took, model building not counted."""
    import highspy

    count = len(price_tick)
    side = np.sign(quantity_wh).astype(float)
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = count, 1
    programme.col_cost_ = -side * price_tick
    programme.col_lower_, programme.col_upper_ = np.zeros(count), np.abs(quantity_wh).astype(float)
    programme.row_lower_ = programme.row_upper_ = np.zeros(1)
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    programme.a_matrix_.start_, programme.a_matrix_.index_ = np.array([0, count]), np.arange(count)
    programme.a_matrix_.value_ = side
    solver = highspy.Highs()
    solver.silent()
    for option, value in options.items():
        solver.setOptionValue(option, value)
    solver.passModel(programme)
    start = time.perf_counter()
    solver.run()
    return -solver.getObjectiveValue(), time.perf_counter() - start


# Figures --------------------------------------------------------------------------------------------------------------
def _clear(price_tick: Ints, quantity_wh: Ints, fill_wh: Ints) -> tuple[int, int, int, int, int]:
    return auction.clear(price_tick, quantity_wh, FLOOR_TICK, CAP_TICK, auction.RULE_MIDPOINT, fill_wh)


def _full_clear() -> list[tuple[str, str, str]]:
    rows = []
    for count, least in ((1_000, ""), (10_000, ">= 25 x NumPy"), (100_000, ""), (1_000_000, ">= 60 x NumPy")):
        price, quantity = random_market(count)
        fill = np.empty(count, np.int64)
        rivals = []
        for range_of in (range_by_sorting, range_by_counting):
            *outcome, numpy_fill = clear_by_numpy(range_of, price, quantity)
            assert tuple(outcome) == _clear(price, quantity, fill)
            assert (fill == numpy_fill).all()
            rivals.append(best_s(clear_by_numpy, range_of, price, quantity))
        own = best_s(_clear, price, quantity, fill)
        sorting, counting = (rival / own for rival in rivals)
        passes = own / best_s(one_pass, price, quantity)
        target = "<= 8 passes, " + least if count == 1_000_000 else least
        rows.append(
            (
                f"clear {count:,} random orders",
                f"{time_text(own)}, {passes:.1f} passes, NumPy: sorting {sorting:.0f} x, counting {counting:.0f} x",
                target,
            )
        )
    return rows


def _lumpy_prices() -> list[tuple[str, str, str]]:
    fill = np.empty(1_000_000, np.int64)
    price, quantity = random_market(1_000_000)
    price[:] = 7_000
    one = best_s(_clear, price, quantity, fill)
    random = best_s(_clear, *random_market(20_000), fill[:20_000])
    homes = best_s(_clear, *homes_market(20_000), fill[:20_000])
    return [
        ("clear 1,000,000 orders at one price", time_text(one), "<= 20 ms"),
        ("clear 20,000 orders of homes", f"{time_text(homes)}, {homes / random:.2f} x random prices", "<= 1 x"),
    ]


def _against_highs(count: int) -> list[tuple[str, str, str]]:
    price, quantity = random_market(count)
    fill = np.empty(count, np.int64)
    own = best_s(_clear, price, quantity, fill)
    rows = []
    for words, options, target in (
        ("by dual simplex", {"solver": "simplex", "simplex_strategy": 1}, ">= 30,000 x"),
        ("by interior point", {"solver": "ipm"}, "reported"),
    ):
        welfare, seconds = welfare_by_highs(price, quantity, presolve="off", **options)  # type: ignore[arg-type]
        assert abs(welfare / _clear(price, quantity, fill)[4] - 1) < 1e-7
        rows.append((f"clear {count:,}, welfare of HiGHS {words}", f"{seconds / own:,.0f} x HiGHS", target))
    return rows


def _many_markets(markets: int, each: int, target: str) -> tuple[str, str, str]:
    price, quantity = random_market(markets * each)
    offset = np.arange(markets + 1) * each
    fill = np.empty(len(price), np.int64)
    outcomes = np.empty((5, markets), np.int64)
    taken = best_s(auction.clear_many, offset, price, quantity, FLOOR_TICK, CAP_TICK, 0, fill, *outcomes)
    return f"clear {markets:,} markets of {each:,} orders", time_text(taken), target


def _shares(count: int) -> tuple[str, str, str]:
    random = np.random.default_rng(3)
    weight, share = random.integers(0, 10**6, count), np.empty(count, np.int64)
    taken = best_s(pro_rata.share_out, int(weight.sum() * 0.6), weight, share)
    return f"exact shares for {count:,}", f"{time_text(taken)}, {taken / count * 1e9:.1f} ns each", "<= 60 us"


@njit(cache=True, nogil=True)
def _amend(levels: Ints, price_tick: Ints, quantity_wh: Ints, amended_tick: Ints) -> int:
    """Moves orders to another price one after the other, asking for the clearing price after each."""
    total = 0
    for i in range(len(amended_tick)):
        ladder.remove(levels, FLOOR_TICK, CAP_TICK, price_tick[i], quantity_wh[i])
        ladder.add(levels, FLOOR_TICK, CAP_TICK, amended_tick[i], quantity_wh[i])
        total += ladder.query(levels, FLOOR_TICK, CAP_TICK, 0)[1]
    return total


def _live_price(count: int) -> tuple[str, str, str]:
    price, quantity = random_market(count)
    amended = random_market(1_000, seed=9)[0]
    levels = ladder.empty_ladder(FLOOR_TICK, CAP_TICK)
    for limit, energy in zip(price.tolist(), quantity.tolist(), strict=True):
        ladder.add(levels, FLOOR_TICK, CAP_TICK, limit, energy)

    def there_and_back() -> None:
        _amend(levels, price[:1_000], quantity, amended)
        _amend(levels, amended, quantity, price[:1_000])

    taken = best_s(there_and_back) / 2_000
    return f"amend an order and query, {count:,} in the ladder", time_text(taken), "<= 500 ns"


if __name__ == "__main__":
    for row in run():
        print("{:<62} {:<62} {}".format(*row))
