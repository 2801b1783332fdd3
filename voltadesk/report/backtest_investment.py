"""What a battery that earned this is worth to its buyer: present value, rate of return, payback, cost of storage.

Every year is taken to be like the one that was traded: the same sales and purchases at each year's end, for so many
years, nothing after. Wear is left out, as the purchase price already stands for it; so are taxes, upkeep and ageing.
Discounting is done in decimals of 28 digits, so that it is the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from voltadesk.report.summary import Tree
from voltadesk.units import E8_PER_CURRENCY, WH_PER_MWH

YEARS, DISCOUNT_RATE = 15, Decimal("0.08")
YEAR_S = 8760 * 3600
RATE_LOW, RATE_HIGH, HALVINGS = Decimal("-0.99"), Decimal(100), 100


@dataclass(frozen=True)
class Investment:
    """Price of all batteries together [1e-8 currency], how long they last, and what money is worth [share a year]."""

    cost_e8: int
    years: int = YEARS
    discount_rate: Decimal = DISCOUNT_RATE


def investment_figures(given: Investment, gross_e8: int, bought_e8: int, sold_wh: int, priced_s: int) -> Tree:
    """Net present value, internal rate of return, simple payback and levelised cost of a MWh sold.

    gross_e8, bought_e8, sold_wh    sales less purchases, purchases, and energy sold in `priced_s` seconds
    """
    years = Decimal(priced_s) / YEAR_S
    cost = Decimal(given.cost_e8) / E8_PER_CURRENCY
    if not years:
        return dict.fromkeys(("npv", "irr", "payback_years", "lcos_per_mwh"))
    income = Decimal(gross_e8) / E8_PER_CURRENCY / years
    purchases = Decimal(bought_e8) / E8_PER_CURRENCY / years
    sold_mwh = Decimal(sold_wh) / WH_PER_MWH / years
    worth = annuity(given.discount_rate, given.years)
    lcos = (cost + purchases * worth) / (sold_mwh * worth) if sold_mwh else None
    return {
        "npv": _rounded(income * worth - cost, 2),
        "irr": _rounded(internal_rate(cost, income, given.years), 6),
        "payback_years": _rounded(cost / income if income > 0 else None, 2),
        "lcos_per_mwh": _rounded(lcos, 2),
    }


def annuity(rate: Decimal, years: int) -> Decimal:
    """Present value of 1 at the end of each of so many years."""
    factor = present = Decimal(1) / (1 + rate)
    for _ in range(years - 1):
        factor = (1 + factor) * present
    return factor


def internal_rate(cost: Decimal, income: Decimal, years: int) -> Decimal | None:
    """The rate at which so many incomes are just worth the cost; None where no rate does that."""
    low, high = RATE_LOW, RATE_HIGH
    if not income * annuity(high, years) < cost < income * annuity(low, years):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if income * annuity(middle, years) > cost:
            low = middle
        else:
            high = middle
    return low


def _rounded(value: Decimal | None, decimals: int) -> Decimal | None:
    return None if value is None else value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
