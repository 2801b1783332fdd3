"""A community on an order book: a day of quarter-hours of 10,000 homes, and the same day in a pool."""

from __future__ import annotations

import time

import numpy as np

from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import (
    BATTERY,
    COMMUNITY_CONTINUOUS,
    COMMUNITY_MID_MARKET,
    HOME,
    PLANT,
    RULES,
    Conditions,
    Table,
)

HOMES, INTERVALS, ROUNDS = 10_000, 96, 20
GRID_TICK, FEE_TICK = 5_000, 10_000
Row = tuple[str, str, str]


def street(rule: int, zic_bp: int) -> tuple[Table, Table, Conditions]:
    """Half of the homes sell and half of them buy, all day, each with a limit of its own: more than any real day."""
    rng = np.random.default_rng(1)
    rules = np.zeros(1, RULES)
    for name, value in (
        ("step_s", 900),
        ("floor_tick", -50_000),
        ("cap_tick", 400_000),
        ("grid_fee_tick", FEE_TICK),
        ("community_rule", rule),
        ("community_zic_bp", zic_bp),
        ("community_rounds", ROUNDS),
        ("upstream_limit_w", 10**12),
    ):
        rules[name] = value
    homes = np.zeros(HOMES, HOME)
    homes["in_community"] = 1
    homes["offer_limit_tick"] = rng.integers(GRID_TICK, GRID_TICK + FEE_TICK, HOMES)
    homes["flexible_limit_tick"] = rng.integers(GRID_TICK, GRID_TICK + FEE_TICK, HOMES)
    homes["flexible_power_w"], homes["flexible_waiting_limit_wh"] = 10**6, 10**6
    energy, sells = rng.integers(100, 1_000, (INTERVALS, HOMES)), np.arange(HOMES) % 2 == 0
    nothing, grid = np.zeros((INTERVALS, HOMES), np.int64), np.full(INTERVALS, GRID_TICK, np.int64)
    none = np.zeros((INTERVALS, 0), np.int64)
    solar = energy * sells
    conditions = Conditions(nothing, nothing, energy * ~sells, solar, solar, *[none] * 5, grid, grid)
    return rules, homes, conditions


def seconds_of(rule: int, zic_bp: int) -> tuple[float, Exchange]:
    """The best of three days."""
    rules, homes, conditions = street(rule, zic_bp)
    best = float("inf")
    for _ in range(3):
        exchange = Exchange(rules, homes, np.zeros(0, PLANT), np.zeros(0, BATTERY), INTERVALS)
        begun = time.perf_counter()
        exchange.advance(conditions)
        best = min(best, time.perf_counter() - begun)
    return best, exchange


def run() -> list[Row]:
    """The table of this page."""
    pool, _ = seconds_of(COMMUNITY_MID_MARKET, 0)
    rows: list[Row] = []
    for what, zic_bp in (("at random", 10_000), ("by value", 0)):
        seconds, exchange = seconds_of(COMMUNITY_CONTINUOUS, zic_bp)
        measured = exchange.community_rows
        quotes, trades = int(measured["quotes"].sum()), int(measured["trades"].sum())
        reached = measured["welfare_e8"].sum() / measured["possible_e8"].sum()
        rows.append(
            (
                f"{HOMES:,} homes x {INTERVALS} intervals on the book, quoting {what}",
                f"{seconds:.2f} s: {quotes:,} quotes, {trades:,} trades, {seconds / quotes * 1e9:.0f} ns a quote, "
                f"{reached:.1%} of the welfare possible",
                "<= 5 s",
            )
        )
        rows.append(("the same in a pool", f"{pool:.2f} s: {seconds / pool:.0f} times faster", ""))
    return rows


if __name__ == "__main__":
    from benchmarks.__main__ import show

    show(run())
