"""Field types of a scenario: what a user writes in a unit of daily life, kept as the integer that the engine counts in.

Numbers come out of the file as decimals, never as floats; one with more decimals than its unit allows is refused.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from voltadesk.errors import BadInput
from voltadesk.units import (
    BP_PER_UNIT,
    MONEY_LIMIT_E8,
    POWER_LIMIT_W,
    PPM_PER_UNIT,
    PRICE_LIMIT_TICK,
    parse_scaled,
)


def _number(value: object, decimals: int, low: int, high: int) -> int:
    # The field's name is put in front where the whole file is read.
    if isinstance(value, str):
        raise BadInput("", f'"{value}"', "must be a number, without quotes")
    return parse_scaled(value, "", decimals, low, high)


def _scaled(decimals: int, low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> int:
        return _number(value, decimals, low, high)

    return BeforeValidator(parse)


def _span(decimals: int, low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> tuple[int, int]:
        ends = list(value) if isinstance(value, list | tuple) else [value, value]
        if len(ends) != 2:
            raise BadInput("", value, "must be a number or [least, most]")
        first, last = (_number(end, decimals, low, high) for end in ends)
        if first > last:
            raise BadInput("", f"[{ends[0]}, {ends[1]}]", "must rise from least to most")
        return first, last

    return BeforeValidator(parse)


def _no_number(value: object) -> object:
    # Pydantic would take a number for seconds since 1970.
    if isinstance(value, int | Decimal):
        raise BadInput("", value, "must be a date or a date and time, such as 2026-05-25T12:00:00")
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Price = Annotated[int, _scaled(2, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)]  # currency/MWh -> tick
Fee = Annotated[int, _scaled(2, 0, PRICE_LIMIT_TICK)]  # a price that can't be negative
PriceSpan = Annotated[tuple[int, int], _span(2, -PRICE_LIMIT_TICK, PRICE_LIMIT_TICK)]
Money = Annotated[int, _scaled(8, 0, MONEY_LIMIT_E8)]  # currency -> 1e-8
Power = Annotated[int, _scaled(3, 0, POWER_LIMIT_W)]  # kW -> W
PositivePower = Annotated[int, _scaled(3, 1, POWER_LIMIT_W)]
PowerSpan = Annotated[tuple[int, int], _span(3, 0, 10**9)]  # of roofs, up to 1 GW
Capacity = Annotated[int, _scaled(3, 1, 10**11)]  # kWh -> Wh, up to 100 GWh
Energy = Annotated[int, _scaled(3, 0, 10**11)]  # kWh -> Wh
EnergySpan = Annotated[tuple[int, int], _span(3, 0, 10**9)]
Percent = Annotated[int, _scaled(2, 0, BP_PER_UNIT)]  # % -> basis points
StandingLoss = Annotated[int, _scaled(4, 0, 10_000)]  # % -> ppm, up to 1 %
Efficiency = Annotated[int, _scaled(6, 1, PPM_PER_UNIT)]  # share of 1 -> ppm
Emissions = Annotated[int, _scaled(3, 0, 10_000_000)]  # kg/MWh -> g/MWh
Day = Annotated[date, BeforeValidator(_no_number)]
Moment = Annotated[datetime, BeforeValidator(_no_number)]
Names = Annotated[list[str], BeforeValidator(_one_or_more), Field(min_length=1)]
