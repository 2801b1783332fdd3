"""The exchange: a market's tables in memory, advanced interval by interval."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine import book_levels as lv
from voltadesk.engine.arena import HOME_ROWS, Arena, Market, Measured, Quotes, Receipts
from voltadesk.engine.book_events import REPORT
from voltadesk.engine.market import TURNOVER_LIMIT_E8, run_intervals
from voltadesk.engine.plants import UNIT_ROWS
from voltadesk.engine.tables import (
    ACCOUNTS,
    BATTERY_ROW,
    BATTERY_SHARE,
    COMMUNITY_CONTINUOUS,
    COMMUNITY_ROW,
    INTERVAL,
    NO_PRICE_TICK,
    TRADE,
    Conditions,
    Table,
)
from voltadesk.errors import BadInput

FILL_LIMIT_WH = 9 * 10**12  # times an efficiency in ppm this stays within 64 bits


class Exchange:
    """A market of homes, plants, batteries and the upstream grid over `count` intervals.

    The tables given are copied; `homes`, `plants`, `batteries` and `accounts` hold state and totals up to
    `next_interval`, `intervals`, `plant_output_wh` and `battery_rows` one row for each interval run; `community_rows`,
    too, where the community trades on a book or is measured, else none. `battery_share` holds what of the batteries'
    totals was traded in the community. The interval's steps always close: any orders
    have a result, at worst no trade.

    rules      (1,) RULES        homes  (H,) HOME       plants  (P,) PLANT      batteries  (B,) BATTERY
    count      intervals there is room for
    keep_trades  write a receipt for every trade; `advance` returns them
    """

    def __init__(
        self, rules: Table, homes: Table, plants: Table, batteries: Table, count: int, *, keep_trades: bool = False
    ) -> None:
        if (batteries["maximum_fill_wh"] > FILL_LIMIT_WH).any():
            raise ValueError(f"maximum_fill_wh: must be at most {FILL_LIMIT_WH}")
        product = batteries["maximum_fill_wh"].astype(object) * batteries["standing_loss_ppm_per_hour"]
        if (product * int(rules["step_s"][0]) >= 1 << 62).any():
            raise ValueError("standing_loss_ppm_per_hour: times fill and interval must stay within 64 bits")
        self.rules, self.homes = rules.copy(), homes.copy()
        self.plants, self.batteries = plants.copy(), batteries.copy()
        self.accounts = np.zeros(1, ACCOUNTS)
        self.intervals = np.zeros(count, INTERVAL)
        self.plant_output_wh = np.zeros((count, len(plants)), np.int64)
        self.battery_rows = np.zeros((count, len(batteries)), BATTERY_ROW)
        self.is_continuous = bool(self.rules["community_rule"][0] == COMMUNITY_CONTINUOUS)
        is_measured = self.is_continuous or bool(self.rules["community_is_measured"][0])
        self.community_rows = np.zeros(count if is_measured else 0, COMMUNITY_ROW)
        for name in ("lowest_tick", "highest_tick", "equilibrium_tick"):
            self.community_rows[name] = NO_PRICE_TICK
        self.battery_share = np.zeros(len(batteries), BATTERY_SHARE)
        self.next_interval = 0
        self.keep_trades = keep_trades
        self._last: tuple[int, Table] | None = None
        self._arena = self._make_arena()
        self._quotes = self._make_quotes() if is_measured else None

    def _make_arena(self) -> Arena:
        homes, plants, fleet = len(self.homes), len(self.plants), len(self.batteries)
        # Homes without flexible load need no second order each.
        flexible = bool((self.homes["flexible_waiting_limit_wh"] > 0).any())
        first_plant = 2 * homes if flexible else homes
        orders = first_plant + 2 * plants + 2 + 2 * fleet
        return Arena(
            price_tick=np.zeros(orders, np.int64),
            quantity_wh=np.zeros(orders, np.int64),
            fill_wh=np.zeros(orders, np.int64),
            home_wh=np.zeros((HOME_ROWS, homes), np.int64),
            unit=np.zeros((UNIT_ROWS, plants), np.int64),
            lost_wh=np.zeros(fleet, np.int64),
            home_e8=np.zeros(homes, np.int64),
            battery_wh=np.zeros((2, fleet), np.int64),
            battery_e8=np.zeros(fleet, np.int64),
            turnover_e8=np.zeros(1, np.int64),
            first_plant=first_plant,
        )

    def _make_quotes(self) -> Quotes:
        """Room for all orders that there may be in the community, and for a book of them if it trades on one."""
        rules, slots, orders, ticks = self.rules[0], self._arena.first_plant + 2 * len(self.batteries), 0, 0
        if self.is_continuous:
            orders = slots + 1
            fees = rules["community_grid_fee_tick"] + rules["community_levy_tick"]
            # No one pays more than the quote and these, and no one takes less than the quote.
            ticks = int(rules["margin_tick"] + max(0, rules["grid_fee_tick"] + rules["levy_tick"] - fees)) + 1
        memory, place = np.zeros(lv.memory_words(ticks), np.int64), np.zeros(orders, np.int32)
        pool, reports = np.zeros(orders * lv.PLACE_WORDS, np.int64), np.zeros(orders, REPORT)
        self._of_book = pool, reports  # only their addresses are kept elsewhere
        row = np.zeros((8, slots), np.int64)
        return Quotes(
            value_tick=row[0],
            quantity_wh=row[1],
            is_drawn=row[2],
            price_tick=row[3],
            left_wh=row[4],
            fill_wh=row[5],
            amount_e8=row[6],
            turn=row[7],
            memory=memory,
            place=place,
            where=lv.addresses(memory, pool, place, reports),
        )

    def _opening(self, conditions: Conditions) -> NDArray[np.int64]:
        """In which order batteries are placed on the community's book: bids, then offers, better limits first."""
        bids = np.argsort(-conditions.battery_buy_limit_tick, axis=1, kind="stable")
        offers = np.argsort(conditions.battery_sell_limit_tick, axis=1, kind="stable")
        return np.concatenate([bids, offers + len(self.batteries)], axis=1, dtype=np.int64)

    def advance(self, conditions: Conditions) -> Table:
        """Run the C intervals that the conditions bring; returns the receipts of their trades (TRADE).

        Raises ValueError when they run past the end or don't fit the market's participants, BadInput when more
        money turns over than 64 bits can count.
        """
        count = len(conditions.upstream_sell_tick)
        self._check_shapes(conditions, count)
        # One layout of arrays, so that the kernel is compiled for one.
        conditions = Conditions(*(np.require(array, np.int64, ("C", "W")) for array in conditions))
        most = count * (5 * len(self.homes) + 3 * len(self.plants) + 2 + 4 * len(self.batteries))
        rows = np.zeros(most if self.keep_trades else 0, TRADE)
        receipts = Receipts(rows, np.zeros(1, np.int64))
        market = Market(
            self.rules,
            self.homes,
            self.plants,
            self.batteries,
            self.accounts,
            self.intervals,
            self.plant_output_wh,
            self.battery_rows,
            self.battery_share,
        )
        measured = None
        if self._quotes is not None:
            measured = Measured(self.community_rows, self._quotes, self._opening(conditions))
        if not run_intervals(self.next_interval, market, conditions, self._arena, measured, receipts):
            limit = f"must stay below {TURNOVER_LIMIT_E8 // 10**8:,} in one run: shorten it"
            raise BadInput("turnover", None, limit)
        self.next_interval += count
        trades: Table = rows[: receipts.written[0]]
        trades.flags.writeable = False
        self._last = (self.next_interval - count, trades) if count == 1 else None
        return trades

    def orders(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The last auction's orders: price [tick] and energy [Wh], bids positive, offers negative, none of 0."""
        price_tick, quantity_wh = self._arena.price_tick, self._arena.quantity_wh
        return price_tick[quantity_wh != 0], quantity_wh[quantity_wh != 0]

    @property
    def marginal_tick(self) -> int:
        """The price of the interval that was run last; without a trade what was offered at the least [0.01/MWh].

        NO_PRICE_TICK when nobody offered anything.
        """
        price_tick = int(self.intervals["price_tick"][self.next_interval - 1])
        if price_tick != NO_PRICE_TICK:
            return price_tick
        tick, quantity_wh = self.orders()
        offered = tick[quantity_wh < 0]
        return int(offered.min()) if len(offered) else NO_PRICE_TICK

    def dispatch(self, interval: int, conditions: Conditions) -> Table:
        """Run that one interval, once: asked again, it answers with the same receipts and changes nothing.

        Raises ValueError for an interval that is neither the last one run nor the next.
        """
        if self._last is not None and self._last[0] == interval:
            return self._last[1]
        if interval != self.next_interval:
            raise ValueError(f"interval = {interval}: must be {self.next_interval}, the next, or the one before it")
        return self.advance(conditions)

    def digest(self) -> str:
        """SHA-256 over all results so far: state, totals and every interval."""
        digest = hashlib.sha256()
        done = self.next_interval
        for table in (
            self.homes,
            self.plants,
            self.batteries,
            self.accounts,
            self.intervals[:done],
            self.plant_output_wh[:done],
            self.battery_rows[:done],
            *([self.battery_share, self.community_rows[:done]] if self.is_continuous else []),
        ):
            digest.update(np.ascontiguousarray(table).view(np.int64).astype("<i8").tobytes())
        return digest.hexdigest()

    def _check_shapes(self, conditions: Conditions, count: int) -> None:
        if self.next_interval + count > len(self.intervals):
            raise ValueError(f"interval = {self.next_interval + count - 1}: must be below {len(self.intervals)}")
        homes, plants, fleet = len(self.homes), len(self.plants), len(self.batteries)
        widths = [homes] * 5 + [plants] * 2 + [fleet] * 3
        for name, array, width in zip(conditions._fields, conditions, widths, strict=False):
            if array.shape != (count, width):
                raise ValueError(f"{name}: shape = {array.shape}: must be {(count, width)}")
