"""Ratios and means of exact figures, rounded half to even."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from voltadesk.units import price_decimal


def ratio(part: int, whole: int, decimals: int = 4) -> Decimal | None:
    """part / whole rounded half to even; None where there is no whole."""
    if whole == 0:
        return None
    return (Decimal(part) / Decimal(whole)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)


def mean_price(amount_e8: int, energy_wh: int) -> Decimal | None:
    """Mean price of an amount over an energy [currency/MWh], to the cent; None without energy."""
    mean = ratio(amount_e8, energy_wh, 0)
    return None if mean is None else price_decimal(int(mean))
