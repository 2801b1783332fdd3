"""What a price is in: a currency, and by how many powers of ten a number of it lies from the tick."""

from __future__ import annotations

import re
from dataclasses import dataclass

from voltadesk.errors import BadInput

# Money as units write it: its currency, where it tells one, and whether it is a hundredth.
_MONEY = {
    "eur": ("EUR", 0), "euro": ("EUR", 0), "€": ("EUR", 0), "gbp": ("GBP", 0), "£": ("GBP", 0), "usd": ("USD", 0),
    "$": ("", 0), "a$": ("AUD", 0), "aud": ("AUD", 0), "dkk": ("DKK", 0), "nok": ("NOK", 0), "sek": ("SEK", 0),
    "chf": ("CHF", 0), "pln": ("PLN", 0), "czk": ("CZK", 0), "huf": ("HUF", 0), "ron": ("RON", 0), "bgn": ("BGN", 0),
    "cad": ("CAD", 0), "nzd": ("NZD", 0), "kr": ("", 0), "p": ("GBP", 2), "pence": ("GBP", 2), "ct": ("", 2),
    "cent": ("", 2), "cents": ("", 2), "c": ("", 2), "øre": ("", 2), "öre": ("", 2), "ore": ("", 2), "": ("", 0),
}  # fmt: skip
_NAMES = "|".join(re.escape(name) for name in sorted(_MONEY, key=len, reverse=True) if name)
_UNIT = re.compile(rf"\s*({_NAMES})?\s*(?:/|per )\s*([km]wh)e?\s*", re.IGNORECASE)
_INSIDE = re.compile(rf"(?<![a-z])({_NAMES})(?: ?/ ?|_per_|_| per )([km]wh)e?(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Unit:
    """`tick = number x 10**shift`; the currency is "" where none is told."""

    currency: str
    shift: int
    text: str


PER_MWH = Unit("", 2, "/MWh")


def unit_of(text: str, field: str = "unit") -> Unit:
    """A unit such as EUR/MWh, p/kWh or ct/kWh. Raises BadInput."""
    match = _UNIT.fullmatch(text)
    if match is None:
        raise BadInput(field, text, "must be money and energy such as EUR/MWh, ct/kWh or p/kWh")
    return _unit(match[1] or "", match[2])


def unit_within(name: str) -> Unit | None:
    """The unit that a column's name tells, such as price_eur_mwh or Price (EUR/MWh)."""
    match = _INSIDE.search(name)
    return _unit(match[1], match[2]) if match else None


def _unit(money: str, energy: str) -> Unit:
    currency, hundredth = _MONEY[money.lower()]
    per_kwh = energy.lower() == "kwh"
    return Unit(currency, 2 - hundredth + (3 if per_kwh else 0), f"{money}/{'kWh' if per_kwh else 'MWh'}")
