"""What the steps of an interval work on: the market's tables, the scratch of one interval, and where receipts go."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine.tables import Table

# Rows of `Arena.home_wh`, one column a home.
SHORT, FLEXIBLE, SURPLUS, OWN_FLEXIBLE, OFFERED, WANTED, TAKEN, GIVEN, IMBALANCE, HOME_ROWS = range(10)


class Quotes(NamedTuple):
    """Scratch of a community that is measured or trades on a book: one slot for each order there can be.

    Slots: homes' bids for what they are short of or offers, their flexible bids (where there are any), batteries' bids,
    their offers. An order's id on the book is its slot + 1.
    """

    value_tick: NDArray[np.int64]  # (n,) what a MWh is worth to a buyer at most, or costs a seller
    quantity_wh: NDArray[np.int64]  # (n,) bid positive, offer negative, 0 what is not quoted
    is_drawn: NDArray[np.int64]  # (n,) 1: quotes by ZIC
    price_tick: NDArray[np.int64]  # (n,) scratch
    left_wh: NDArray[np.int64]  # (n,) what is still to be traded
    fill_wh: NDArray[np.int64]  # (n,)
    amount_e8: NDArray[np.int64]  # (n,) paid or received, for the fill
    turn: NDArray[np.int64]  # (n,) slots in the order of their turns
    memory: NDArray[np.int64]  # of the book, as `book_levels.memory_words` says
    place: NDArray[np.int32]  # of the book, by id
    where: NDArray[np.int64]  # `book_levels.addresses`


class Measured(NamedTuple):
    """What there is where the community trades on a book or is measured."""

    rows: Table  # (T,) COMMUNITY_ROW
    quotes: Quotes
    opening: NDArray[np.int64]  # (C, 2 B) numbers of batteries' bids, and offers from B on, as they are placed


class Market(NamedTuple):
    """The tables of a market (`tables.py`) and the rows its results go to."""

    rules: Table  # (1,)
    home: Table  # (H,)
    plant: Table  # (P,)
    battery: Table  # (B,)
    accounts: Table  # (1,)
    intervals: Table  # (T,)
    plant_output_wh: NDArray[np.int64]  # (T, P)
    battery_rows: Table  # (T, B)
    battery_share: Table  # (B,)


class Arena(NamedTuple):
    """Scratch of one interval: the auction's orders in the order of their ids, and what homes are about to do."""

    price_tick: NDArray[np.int64]  # (n,)
    quantity_wh: NDArray[np.int64]  # (n,) bid positive, offer negative
    fill_wh: NDArray[np.int64]  # (n,)
    home_wh: NDArray[np.int64]  # (HOME_ROWS, H)
    unit: NDArray[np.int64]  # (UNIT_ROWS, P), rows as in `plants`
    lost_wh: NDArray[np.int64]  # (B,)
    home_e8: NDArray[np.int64]  # (H,) received in the community, paid negative
    battery_wh: NDArray[np.int64]  # (2, B) bought and sold in the community
    battery_e8: NDArray[np.int64]  # (B,) received in the community, paid negative
    turnover_e8: NDArray[np.int64]  # (1,) all that was paid so far, whoever paid whom
    first_plant: int  # slot of the first plant's first block; homes' orders stand before it


class Receipts(NamedTuple):
    """Where receipts go; an empty `rows` keeps none."""

    rows: Table
    written: NDArray[np.int64]  # (1,) how many


class Solution(NamedTuple):
    """What an auction came to; `price_tick` is NO_PRICE_TICK without a trade."""

    volume_wh: int
    price_tick: int
    price_low_tick: int
    price_high_tick: int
    welfare_e8: int
