"""What a community's trades were worth against the most they could have been, and how near prices came to equilibrium.

Allocative efficiency: Gode & Sunder, 1993. The coefficient of convergence alpha: Smith, "An experimental study of
competitive market behavior", Journal of Political Economy 70, 1962; trades count by their energy here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import Table
from voltadesk.report.rounded import mean_price, ratio
from voltadesk.scenario.world import World
from voltadesk.units import money_decimal, mwh_decimal

Tree = dict[str, Any]


def efficiency_figures(world: World, exchange: Exchange) -> Tree:
    """Welfare, efficiency and convergence over all and, on an order book, by local day; empty where not measured."""
    rows = exchange.community_rows[: exchange.next_interval]
    if len(rows) == 0:
        return {}
    figures = _figures(rows)
    if exchange.is_continuous:
        grid = world.grid
        day = (grid.starts_utc[: len(rows)] + grid.offsets_s[: len(rows)]) // 86_400
        figures |= {
            "zic_share": ratio(world.scenario.community.zic_percent, 10_000),
            "rounds": world.scenario.community.rounds,
            "days": [{"day": str(np.datetime64(int(d), "D")), **_figures(rows[day == d])} for d in np.unique(day)],
        }
    return figures


def _figures(rows: Table) -> Tree:
    """Of some intervals. A price is that of a MWh, weighted by what was traded where there was an equilibrium."""
    in_balance = rows[(rows["traded_wh"] > 0) & (rows["possible_wh"] > 0)]
    energy_wh = _sum(in_balance, "traded_wh")
    equilibrium_e8 = _product(in_balance["equilibrium_tick"], in_balance["traded_wh"])
    deviation_tick = _root(_sum(in_balance, "square_deviation"), energy_wh)
    alpha = None
    if equilibrium_e8 > 0:
        alpha = (deviation_tick * energy_wh / equilibrium_e8).quantize(Decimal("0.0001"))
    return {
        "quotes": _sum(rows, "quotes"),
        "trades": _sum(rows, "trades"),
        "welfare": money_decimal(_sum(rows, "welfare_e8")),
        "possible_welfare": money_decimal(_sum(rows, "possible_e8")),
        "efficiency": ratio(_sum(rows, "welfare_e8"), _sum(rows, "possible_e8")),
        "equilibrium_mwh": mwh_decimal(_sum(rows, "possible_wh")),
        "trade_price_per_mwh": mean_price(_sum(rows, "amount_e8"), _sum(rows, "traded_wh")),
        "equilibrium_price_per_mwh": mean_price(equilibrium_e8, energy_wh),
        "deviation_per_mwh": (deviation_tick / 100).quantize(Decimal("0.01")) if energy_wh else None,
        "smith_alpha": alpha,
        "dispersion_per_mwh": _dispersion(rows),
    }


def _dispersion(rows: Table) -> Decimal | None:
    """Standard deviation of the prices of an interval's trades from their mean, over all intervals with trades."""
    energy_wh = square = 0
    in_balance = rows[(rows["traded_wh"] > 0) & (rows["possible_wh"] > 0)]
    for row in in_balance[["traded_wh", "amount_e8", "equilibrium_tick", "square_deviation"]].tolist():
        traded, amount, equilibrium_tick, square_deviation = row
        off = amount - equilibrium_tick * traded
        energy_wh += traded
        # Energy x variance = energy x mean square deviation from any price - (sum of deviations)^2 / energy.
        square += max(0, square_deviation - off * off // traded)
    return (_root(square, energy_wh) / 100).quantize(Decimal("0.01")) if energy_wh else None


def _root(square: int, weight: int) -> Decimal:
    return (Decimal(square) / weight).sqrt() if weight else Decimal(0)


def _sum(rows: Table, field: str) -> int:
    return sum(rows[field].tolist())


def _product(prices: Any, energy: Any) -> int:
    return sum(p * e for p, e in zip(prices.tolist(), energy.tolist(), strict=True))
