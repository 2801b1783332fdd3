"""Integer units, their text forms, and every rounding the program does.

    energy  int64 watt-hours                      `_wh`
    power   int64 watts                           `_w`
    price   signed ticks of 0.01 currency per MWh `_tick`
    money   int64 in 1e-8 of the currency         `_e8`
    time    int64 UTC seconds, interval's start   `_utc`

`energy_wh * price_tick` is money in 1e-8 exactly, so a trade never rounds. Text becomes a number by `parse_*` and a
number becomes text by `*_text`; nothing else converts. The functions under "Roundings" are the only ones that round;
they are plain integer arithmetic, so that the kernels compile the same source (`engine.rounding`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from voltadesk.errors import BadInput

TICKS_PER_CURRENCY = 100
WH_PER_MWH = 1_000_000
E8_PER_CURRENCY = 100_000_000
BP_PER_UNIT = 10_000  # basis points
PPM_PER_UNIT = 1_000_000
SECONDS_PER_HOUR = 3600

PRICE_LIMIT_TICK = 3_000_000  # +-30,000.00 per MWh: above every cap in use (NEM 20,300; ERCOT 5,000; SDAC 4,000)
ENERGY_LIMIT_WH = 10**13  # 10 TWh in one order
POWER_LIMIT_W = 10**12  # 1 TW
MONEY_LIMIT_E8 = 9 * 10**18

_PLAIN = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]+))?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?|[+-]?(nan|inf|infinity)", re.IGNORECASE)


# Text to numbers ------------------------------------------------------------------------------------------------------
def parse_decimal(value: object, field: str) -> Decimal:
    """A finite decimal number from text, an int or a Decimal; floats are refused, as they are not exact.

    Raises BadInput for anything else: empty, a list, NaN, infinity, a boolean.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadInput(field, value, "must be a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        raise BadInput(field, value, "must be a number")
    number = Decimal(value.strip() if isinstance(value, str) else value)
    if not number.is_finite():
        raise BadInput(field, value, "must be a finite number")
    if number and number.adjusted() > 30:
        raise BadInput(field, value, "is too large")
    return number


def parse_scaled(value: object, field: str, decimals: int, low: int, high: int, unit: str = "") -> int:
    """An integer count of 10**-decimals from text, within [low, high]; never rounded.

    Raises BadInput when there are more decimals, or the number is out of range.
    """
    if isinstance(value, str) and (plain := _PLAIN.fullmatch(value)) and len(plain[3] or "") <= decimals:
        # Most numbers of a file: no decimal point to move but by adding zeros.
        count = int(plain[1] + plain[2] + (plain[3] or "").ljust(decimals, "0"))
        if low <= count <= high:
            return count
    number = parse_decimal(value, field)
    if number != 0 and number.adjusted() < -decimals - 30:
        raise BadInput(field, value, f"must have at most {decimals} decimals")
    scaled = Fraction(number) * 10**decimals  # exact, where Decimal would round to its context
    if not low <= scaled <= high:
        low_text, high_text = decimal_text(low, decimals), decimal_text(high, decimals)
        raise BadInput(field, value, f"must lie between {low_text} and {high_text}{unit and ' ' + unit}")
    if scaled.denominator != 1:
        raise BadInput(field, value, f"must have at most {decimals} decimals")
    return int(scaled.numerator)


def parse_price_tick(
    value: object, field: str = "price", low: int = -PRICE_LIMIT_TICK, high: int = PRICE_LIMIT_TICK
) -> int:
    """Price [0.01 currency/MWh] from text in currency per MWh with at most two decimals."""
    return parse_scaled(value, field, 2, low, high, "per MWh")


def parse_energy_mwh(value: object, field: str = "quantity", low: int = 0, high: int = ENERGY_LIMIT_WH) -> int:
    """Energy [Wh] from text in MWh with at most six decimals."""
    return parse_scaled(value, field, 6, low, high, "MWh")


def parse_money_e8(value: object, field: str, low: int = -MONEY_LIMIT_E8, high: int = MONEY_LIMIT_E8) -> int:
    """Money [1e-8 currency] from text with at most eight decimals."""
    return parse_scaled(value, field, 8, low, high)


# Numbers to text ------------------------------------------------------------------------------------------------------
def decimal_text(value: int, decimals: int, least: int = 0) -> str:
    """`value` x 10**-decimals written exactly, with trailing zeros cut down to `least` decimals."""
    sign, digits = ("-" if value < 0 else ""), str(abs(value)).rjust(decimals + 1, "0")
    if decimals == 0:
        return sign + digits
    whole, part = digits[:-decimals], digits[-decimals:]
    part = part[:least] + part[least:].rstrip("0")
    return f"{sign}{whole}.{part}" if part else sign + whole


def price_decimal(price_tick: int) -> Decimal:
    """Price [currency/MWh] as an exact decimal with two places."""
    return Decimal(decimal_text(int(price_tick), 2, 2))


def mwh_decimal(energy_wh: int) -> Decimal:
    """Energy [MWh] as an exact decimal."""
    return Decimal(decimal_text(int(energy_wh), 6))


def money_decimal(amount_e8: int) -> Decimal:
    """Money [currency] as an exact decimal with at least two places."""
    return Decimal(decimal_text(int(amount_e8), 8, 2))


def grouped_text(number: Decimal | int, decimals: int) -> str:
    """For people: rounded to `decimals`, thousands apart, a true minus."""
    return f"{number:,.{decimals}f}".replace("-", "\u2212")


# Roundings ------------------------------------------------------------------------------------------------------------
def midpoint_tick(low_tick: int, high_tick: int) -> int:
    """The middle of two prices; a half goes to the even tick."""
    total = low_tick + high_tick
    middle = total >> 1
    if total & 1 and middle & 1:
        middle += 1
    return middle


def fee_e8(amount_e8: int, rate_bp: int) -> int:
    """A fee of `rate_bp` basis points of an amount: rounded up, never negative."""
    if amount_e8 <= 0:
        return 0
    # Split, so that amounts up to 9e18 stay inside 64 bits.
    whole, rest = amount_e8 // 10_000, amount_e8 % 10_000
    return whole * rate_bp + (rest * rate_bp + 9_999) // 10_000


def discounted_tick(price_tick: int, discount_bp: int) -> int:
    """A price less a discount in basis points; a part of a tick is dropped towards the lower price."""
    return price_tick * (10_000 - discount_bp) // 10_000


def share_tick(price_tick: int, share_bp: int) -> int:
    """A part of a price in basis points; a part of a tick is dropped towards the lower price."""
    return price_tick * share_bp // 10_000


def tax_e8(amount_e8: int, rate_bp: int) -> int:
    """A tax of `rate_bp` basis points of an amount, with its sign; halves go away from zero."""
    size = (abs(amount_e8) * rate_bp + 5_000) // 10_000
    return size if amount_e8 >= 0 else -size


def whole_cents_e8(amount_e8: int) -> int:
    """An amount in whole hundredths of the currency, as it is paid; halves go away from zero."""
    size = (abs(amount_e8) + 500_000) // 1_000_000 * 1_000_000
    return size if amount_e8 >= 0 else -size


def average_price_up_tick(amount_e8: int, energy_wh: int) -> int:
    """Average price of an amount over an energy; rounded up to the tick, so that it never falls short."""
    return -((-amount_e8) // energy_wh)


def cost_share_e8(cost_e8: int, part_wh: int, whole_wh: int) -> int:
    """What a part of an energy has cost, of what all of it has; rounded down, the rest keeps what that leaves."""
    return cost_e8 * part_wh // whole_wh


def energy_of_power_wh(power_w: int, second_from: int, second_to: int) -> int:
    """Energy of a constant power between two seconds of the clock; floor of the running total.

    Consecutive spans add up exactly: what one span drops the next one carries, and a whole hour is exact.
    """
    hour = second_from // 3600
    begin, end = second_from - hour * 3600, second_to - hour * 3600
    return power_w * (end // 3600) + power_w * (end % 3600) // 3600 - power_w * begin // 3600


# Python only: prices of files, exact shares outside the kernels -------------------------------------------------------
def half_even(numerator: int, divisor: int) -> int:
    """A quotient to the nearest whole number, halves to even: a published price that is finer than the tick."""
    whole, rest = divmod(numerator, divisor)
    return whole + (2 * rest > divisor or (2 * rest == divisor and whole % 2 == 1))


def interpolated_tick(before_tick: int, after_tick: int, part: int, parts: int) -> int:
    """The price `part` of `parts` steps along the line from one price to another, halves to even."""
    return half_even(before_tick * (parts - part) + after_tick * part, parts)


def share_out(total: int, weights: list[int]) -> list[int]:
    """`total` shared in proportion to `weights` by largest remainder; ties go to the one that stands first.

    Every share is the floor of its exact part, or one more; the shares sum to `total`. With no positive weight
    nothing is shared. Hamilton's method (Balinski & Young, Fair Representation, 1982).
    """
    whole = sum(weights)
    if whole <= 0:
        return [0] * len(weights)
    shares = [total * weight // whole for weight in weights]
    left = total - sum(shares)
    order = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in order[:left]:
        shares[i] += 1
    return shares


def mean_tick(prices_tick: list[int]) -> int:
    """Mean of prices to the nearest tick, halves to even (for display)."""
    return round(Fraction(sum(prices_tick), len(prices_tick)))
