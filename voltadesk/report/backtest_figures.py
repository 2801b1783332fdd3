"""The figures of a backtest: one tree of exact numbers, from which the screen, the files and `--json` are made.

`docs/backtest.md` says what each means. Money is in the currency of the prices, energy in MWh, prices per MWh; sums are
written exactly, and means, ratios and rates rounded half to even.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from voltadesk import __version__
from voltadesk.clock import utc_text
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.report.backtest import Backtest, Integers, Run, Unit
from voltadesk.report.backtest_investment import Investment, investment_figures
from voltadesk.report.rounded import ratio
from voltadesk.report.summary import Tree
from voltadesk.units import PPM_PER_UNIT, WH_PER_MWH, money_decimal, mwh_decimal, price_decimal

YEAR_S = 8760 * 3600
DAY_S = 86_400
DRAWS, DRAW_SEED, LEAST_DAYS = 1000, 20_250_101, 10  # of the bootstrap
BEST_DAYS = 10
SPREADS = (2, 4)  # hours of TB2 and TB4
COARSE_E8 = 10**4  # a draw adds up days in 0.0001 of the currency, so that no sum leaves 64 bits


def figures(result: Backtest, investment: Investment | None = None, notes: tuple[str, ...] = ()) -> Tree:
    """All figures of a backtest; with an investment, also what it is worth."""
    span = Span(result)
    tree = {
        "schema": 1,
        "voltadesk": __version__,
        "series": _series(result, span, notes),
        "fleet": [_unit(unit) for unit in result.units],
        "strategies": [_strategy(run, result, span, investment) for run in result.runs],
    }
    if result.cycles is not None:
        tree["cycle_budget"] = {
            "cycles": Decimal(result.cycles.ppm) / PPM_PER_UNIT,
            "per": result.cycles.per,
            "perfect_share_of_bound": ratio(_net(result.perfect), int(result.perfect.bound_e8), 4),
        }
    if result.connection_w is not None:
        tree["connection_mw"] = mwh_decimal(result.connection_w)
    if investment is not None:
        tree["investment"] = {
            "cost": money_decimal(investment.cost_e8),
            "years": investment.years,
            "discount_rate": investment.discount_rate,
        }
    return tree


class Span:
    """The intervals that were traded: their prices, and the local days and months that they fall in."""

    def __init__(self, result: Backtest) -> None:
        grid, begin = result.prices.grid, result.begin
        self.buy_tick, self.sell_tick = result.prices.buy_tick[begin:], result.prices.sell_tick[begin:]
        self.known = (self.buy_tick != NO_PRICE_TICK) & (self.sell_tick != NO_PRICE_TICK)
        self.step_s = grid.step_s
        self.priced_s = int(self.known.sum()) * grid.step_s
        days = (grid.starts_utc[begin:] + grid.offsets_s[begin:]) // DAY_S
        self.day_first = np.flatnonzero(np.diff(days, prepend=days[0] - 1))  # where each day begins
        self.months = days[self.day_first].astype("datetime64[D]").astype("datetime64[M]")  # of each day
        self.day_priced_s = self.by_day(self.known.astype(np.int64)) * grid.step_s
        self.power_w = self.energy_wh = 0
        for unit in result.units:
            row = unit.battery[0]
            window = int(row["maximum_fill_wh"] - row["minimum_fill_wh"])
            self.power_w += unit.count * int(row["discharge_power_w"])
            self.energy_wh += unit.count * window
        self.spread_e8 = {hours: top_bottom_e8(self, hours) for hours in SPREADS}

    def by_day(self, values: Integers) -> Integers:
        """Sums of a (n,) series over the local days, shape (days,)."""
        sums: Integers = np.add.reduceat(values, self.day_first)
        return sums

    def per_mw_year(self, amount_e8: int, priced_s: int | None = None) -> Decimal | None:
        """An amount as currency per MW and year of 8,760 h, of the time that had a price."""
        seconds = self.priced_s if priced_s is None else priced_s
        return ratio(amount_e8 * YEAR_S * 10**6, 10**8 * seconds * self.power_w, 2)


# Series ---------------------------------------------------------------------------------------------------------------
def _series(result: Backtest, span: Span, notes: tuple[str, ...]) -> Tree:
    grid, prices = result.prices.grid, span.sell_tick[span.known]
    count = len(prices)
    spreads = {f"tb{hours}_per_mw_year": _yearly_spread(span, hours) for hours in SPREADS}
    return {
        "name": result.prices.name,
        "currency": result.prices.currency,
        "start_utc": utc_text(grid.start_utc),
        "traded_from_utc": utc_text(grid.start_utc + result.begin * grid.step_s),
        "end_utc": utc_text(grid.end_utc),
        "timezone": grid.zone.key,
        "interval_minutes": grid.step_s // 60,
        "intervals": len(span.known),
        "intervals_with_price": count,
        "mean_per_mwh": ratio(int(prices.sum()), 100 * count, 2),
        "lowest_per_mwh": price_decimal(prices.min()) if count else None,
        "highest_per_mwh": price_decimal(prices.max()) if count else None,
        "share_below_zero": ratio(int((prices < 0).sum()), count),
        **spreads,
        "published": [published.name for published in result.prices.published],
        "notes": list(notes),
    }


def top_bottom_e8(span: Span, hours: int) -> int:
    """What 1 MW would get for its dearest `hours` less what it would pay for the cheapest, summed over local days.

    No losses, no limits and no order in time. Of a day with less than twice the hours, half of it each.
    """
    total = 0
    most = hours * 3600 // span.step_s
    for begin, end in zip(span.day_first, [*span.day_first[1:], len(span.known)], strict=True):
        known = span.known[begin:end]
        sells, buys = np.sort(span.sell_tick[begin:end][known]), np.sort(span.buy_tick[begin:end][known])
        count = min(most, len(sells) // 2)
        if count:
            total += int(sells[-count:].sum()) - int(buys[:count].sum())
    return total * WH_PER_MWH * span.step_s // 3600


def _yearly_spread(span: Span, hours: int) -> Decimal | None:
    return ratio(span.spread_e8[hours] * YEAR_S, 10**8 * span.priced_s, 2)


def _unit(unit: Unit) -> Tree:
    row = unit.battery[0]
    through = int(row["charge_efficiency_ppm"]) * int(row["discharge_efficiency_ppm"])
    return {
        "name": unit.name,
        "count": unit.count,
        "charge_mw": mwh_decimal(row["charge_power_w"]),
        "discharge_mw": mwh_decimal(row["discharge_power_w"]),
        "energy_mwh": mwh_decimal(row["maximum_fill_wh"] - row["minimum_fill_wh"]),
        "efficiency": ratio(through, PPM_PER_UNIT**2, 6),
        "wear_per_mwh": price_decimal(row["wear_cost_tick"]),
    }


# Strategies -----------------------------------------------------------------------------------------------------------
def _strategy(run: Run, result: Backtest, span: Span, investment: Investment | None) -> Tree:
    gross, wear = int(run.earned_e8.sum()), int(run.wear_e8.sum())
    net, best = gross - wear, _net(result.perfect)
    days = span.by_day(run.earned_e8 - run.wear_e8)
    low, high = bootstrap(days, span)
    bought, sold = int(run.bought_wh.sum()), int(run.sold_wh.sum())
    tree: Tree = {
        "name": run.name,
        "revenue": money_decimal(net),
        "gross": money_decimal(gross),
        "wear": money_decimal(wear),
        "revenue_per_mw_year": span.per_mw_year(net),
        "revenue_per_mw_year_low": low,
        "revenue_per_mw_year_high": high,
        "gross_per_mw_year": span.per_mw_year(gross),
        "perfect": money_decimal(best),
        "perfect_per_mw_year": span.per_mw_year(best),
        "capture_ratio": ratio(net, best, 6) if best > 0 else None,
        "cycles": ratio(sold, span.energy_wh, 2),
        "cycles_per_day": ratio(sold * DAY_S, span.energy_wh * span.priced_s, 4),
        "charged_mwh": mwh_decimal(bought),
        "discharged_mwh": mwh_decimal(sold),
        **_average_prices(run, span),
        **_shares_of_spreads(gross, span),
        "best_ten_days_share": ratio(int(np.sort(days)[-BEST_DAYS:].sum()), net) if net > 0 else None,
        "worst_drawdown": money_decimal(worst_drawdown_e8(days)),
        "availability": _availability(result, span),
        "mode_changes": run.mode_changes,
        "batteries": _batteries(run, result),
        "months": _months(run, result, span),
    }
    if investment is not None:
        money = _bought_e8(run, span)
        tree["investment"] = investment_figures(investment, gross, money, sold, span.priced_s)
    return tree


def _net(run: Run) -> int:
    return int(run.earned_e8.sum()) - int(run.wear_e8.sum())


def _bought_e8(run: Run, span: Span) -> int:
    return int((run.bought_wh * np.where(run.bought_wh > 0, span.buy_tick, 0)).sum())


def _average_prices(run: Run, span: Span) -> Tree:
    """What a MWh bought cost and a MWh sold brought on average."""
    paid = _bought_e8(run, span)
    received = int(run.earned_e8.sum()) + paid
    return {
        "charged_average_per_mwh": ratio(paid, 100 * int(run.bought_wh.sum()), 2),
        "discharged_average_per_mwh": ratio(received, 100 * int(run.sold_wh.sum()), 2),
    }


def _shares_of_spreads(gross_e8: int, span: Span) -> Tree:
    shares = {}
    for hours in SPREADS:
        spread = span.spread_e8[hours] * span.power_w
        shares[f"share_of_tb{hours}"] = ratio(gross_e8 * 10**6, spread) if spread > 0 else None
    return shares


def worst_drawdown_e8(days: Integers) -> int:
    """The most by which what had been earned by the end of a day lies below what had been earned before."""
    earned = np.concatenate([[0], np.cumsum(days)])
    return int((np.maximum.accumulate(earned) - earned).max())


def _availability(result: Backtest, span: Span) -> Decimal | None:
    """Share of intervals that had a price, weighted by the power that was there."""
    usable = 0
    for unit in result.units:
        ppm = PPM_PER_UNIT if unit.available_ppm is None else unit.available_ppm[result.begin :]
        usable += unit.count * int(unit.battery["discharge_power_w"][0]) * int((span.known * ppm).sum())
    return ratio(usable, PPM_PER_UNIT * span.power_w * len(span.known))


def bootstrap(days: Integers, span: Span) -> tuple[Decimal | None, Decimal | None]:
    """Where 90 % of years drawn from these days would lie: 5th and 95th percentile [currency per MW and year].

    Days are drawn with replacement by a generator with a fixed seed; None for fewer than ten days.
    """
    priced = np.flatnonzero(span.day_priced_s)
    if len(priced) < LEAST_DAYS:
        return None, None
    raw = np.random.Philox(key=DRAW_SEED).random_raw(DRAWS * len(priced))
    drawn = priced[(raw % np.uint64(len(priced))).astype(np.int64)].reshape(DRAWS, len(priced))
    sums, seconds = (days // COARSE_E8)[drawn].sum(axis=1), span.day_priced_s[drawn].sum(axis=1)
    order: NDArray[np.int64] = np.argsort(sums / seconds, kind="stable")
    low, high = (int(order[DRAWS * percent // 100 - 1]) for percent in (5, 95))
    at_low, at_high = (span.per_mw_year(int(sums[i]) * COARSE_E8, int(seconds[i])) for i in (low, high))
    return at_low, at_high


def _batteries(run: Run, result: Backtest) -> list[Tree]:
    """One line a unit."""
    return [
        {
            "name": unit.name,
            "revenue": money_decimal(net),
            "perfect": money_decimal(best),
            "capture_ratio": ratio(net, best, 6) if best > 0 else None,
        }
        for unit, net, best in zip(result.units, run.by_unit_e8, result.perfect.by_unit_e8, strict=True)
    ]


def _months(run: Run, result: Backtest, span: Span) -> list[Tree]:
    """One line a local month."""
    firsts = np.flatnonzero(np.diff(span.months.astype(np.int64), prepend=-1_000_000))
    parts = {
        "net": run.earned_e8 - run.wear_e8,
        "perfect": result.perfect.earned_e8 - result.perfect.wear_e8,
        "bought": run.bought_wh,
        "sold": run.sold_wh,
    }
    sums = {key: np.add.reduceat(span.by_day(part), firsts).tolist() for key, part in parts.items()}
    return [
        {
            "month": str(span.months[first]),
            "revenue": money_decimal(sums["net"][m]),
            "perfect": money_decimal(sums["perfect"][m]),
            "capture_ratio": ratio(sums["net"][m], sums["perfect"][m], 6) if sums["perfect"][m] > 0 else None,
            "charged_mwh": mwh_decimal(sums["bought"][m]),
            "discharged_mwh": mwh_decimal(sums["sold"][m]),
        }
        for m, first in enumerate(firsts)
    ]
