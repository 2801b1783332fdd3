"""Field types of a scenario: what a user writes in a unit of daily life, kept as the integer that the engine counts in.

Numbers come out of the file as decimals, never as floats; one with more decimals than its unit allows is refused.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from voltadesk.errors import BadInput
from voltadesk.units import (
    BP_PER_UNIT,
    E8_PER_CURRENCY,
    MONEY_LIMIT_E8,
    POWER_LIMIT_W,
    PPM_PER_UNIT,
    PRICE_LIMIT_TICK,
    parse_scaled,
)

ROUNDS_LIMIT = 1_000  # of quotes on a community's book in an interval
PUBLISHED_LIMIT = 2_976  # intervals ahead that a feed has prices for: 31 days of quarter-hours
TRADING_LIMIT_E8 = 10**9 * E8_PER_CURRENCY


def number_of(value: object, decimals: int, low: int, high: int) -> int:
    """A number of a file in units of its last decimal. Raises BadInput, whose field is named where the file is read."""
    if isinstance(value, str):
        raise BadInput("", f'"{value}"', "must be a number, without quotes")
    return parse_scaled(value, "", decimals, low, high)


def _scaled(decimals: int, low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> int:
        return number_of(value, decimals, low, high)

    return BeforeValidator(parse)


def _span(decimals: int, low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> tuple[int, int]:
        ends = list(value) if isinstance(value, list | tuple) else [value, value]
        if len(ends) != 2:
            raise BadInput("", value, "must be a number or [least, most]")
        first, last = (number_of(end, decimals, low, high) for end in ends)
        if first > last:
            raise BadInput("", f"[{ends[0]}, {ends[1]}]", "must rise from least to most")
        return first, last

    return BeforeValidator(parse)


def matching(pattern: str, limit: str) -> AfterValidator:
    """A check that a whole text has a pattern; else BadInput with the limit."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise BadInput("", value, limit)
        return value

    return AfterValidator(check)


def _day(value: object) -> object:
    # Pydantic would take a number for seconds since 1970, and a midnight for a day.
    if isinstance(value, int | Decimal | datetime):
        raise BadInput("", value, "must be a day such as 2026-05-25")
    return value


def _moment(value: object) -> object:
    if isinstance(value, int | Decimal):
        raise BadInput("", value, "must be a date and time such as 2026-05-25T12:00:00")
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Price = Annotated[int, _scaled(2, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)]  # currency/MWh -> tick
Fee = Annotated[int, _scaled(2, 0, PRICE_LIMIT_TICK)]  # a price that can't be negative
PriceSpan = Annotated[tuple[int, int], _span(2, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)]
Money = Annotated[int, _scaled(8, 0, MONEY_LIMIT_E8)]  # currency -> 1e-8
TradingLimit = Annotated[int, _scaled(8, 0, TRADING_LIMIT_E8)]
Power = Annotated[int, _scaled(3, 0, POWER_LIMIT_W)]  # kW -> W
PositivePower = Annotated[int, _scaled(3, 1, POWER_LIMIT_W)]
PowerSpan = Annotated[tuple[int, int], _span(3, 0, 10**9)]  # of roofs, up to 1 GW
Capacity = Annotated[int, _scaled(3, 1, 10**11)]  # kWh -> Wh, up to 100 GWh
Energy = Annotated[int, _scaled(3, 0, 10**11)]  # kWh -> Wh
EnergySpan = Annotated[tuple[int, int], _span(3, 0, 10**9)]
Percent = Annotated[int, _scaled(2, 0, BP_PER_UNIT)]  # % -> basis points
Cloudiness = Annotated[int, _scaled(2, 0, 6_000)]  # likewise
Key = Annotated[int, _scaled(4, 0, PPM_PER_UNIT)]  # % -> ppm
Factor = Annotated[int, _scaled(2, 0, 10 * BP_PER_UNIT)]  # % -> basis points, up to ten times
StandingLoss = Annotated[int, _scaled(4, 0, 10_000)]  # % -> ppm, up to 1 %
Efficiency = Annotated[int, _scaled(6, 1, PPM_PER_UNIT)]  # share of 1 -> ppm
Emissions = Annotated[int, _scaled(3, 0, 10_000_000)]  # kg/MWh -> g/MWh
Day = Annotated[date, BeforeValidator(_day)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
IDENTIFIER = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
IDENTIFIER_LIMIT = "must be 1 to 40 of A-Z, a-z, 0-9, _ . - and begin with a letter or a digit"
Identifier = Annotated[str, matching(IDENTIFIER.pattern, IDENTIFIER_LIMIT)]
ClockSpan = Annotated[
    str,
    matching(
        r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)", "must be hours of the day such as 22:00-05:00"
    ),
]
Currency = Annotated[str, matching("[A-Z]{3}", "must be three capital letters such as EUR")]
Names = Annotated[list[str], BeforeValidator(_one_or_more), Field(min_length=1)]
