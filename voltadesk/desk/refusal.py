"""What the desk says no to: one table of codes, one exception, one line of text."""

from __future__ import annotations

import re

from voltadesk.errors import BadInput, VoltaDeskError
from voltadesk.units import MONEY_LIMIT_E8, decimal_text

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")  # of an actor, a battery, an order

CODES = {
    # Rights and state
    "DENIED": "the actor has no role that allows the command",
    "HALTED": "the desk is halted",
    "BAD_ACTOR": "an order in another's name",
    "UNKNOWN_ACTOR": "no actor of that name",
    "LAST_OWNER": "the last owner can't go",
    "KEY_CONFLICT": "the idempotency key was used with other content",
    # Values
    "BAD_VALUE": "a value outside its limits",
    "DUPLICATE": "there is one already",
    "NOT_FOUND": "there is none of that name",
    # Money
    "INSUFFICIENT_FUNDS": "more than the cash that is free for it",
    "INSUFFICIENT_SHARES": "more than the shares that are free for it",
    "NO_PROFIT": "more than the realised profit",
    "NO_HOLDERS": "nobody holds shares",
    "TOO_MANY": "as many as there may be",
    "NO_MARKET": "the desk has no market",
    "NO_PRICE": "the price feed has none for the next interval",
    "NOTHING_DUE": "no dividend is waiting to be withdrawn, or the statement is paid",
    # Order books
    "CLOSED": "the product is not open",
    "SELF_TRADE": "an order that would meet one of its owner's own",
    "POST_ONLY": "an order that must not trade at once would do so",
    "NOT_FILLED": "an order that must be filled in full at once can't be",
    "IN_CALL": "the product collects orders for a call, in which they stay",
}


class Refusal(VoltaDeskError):
    """A command that right or state does not allow; nothing was changed. Exit code 7.

    `code` is a key of `CODES`, `field` what was wrong, `value` what it held, `limit` what it may hold.
    """

    exit_code = 7

    def __init__(self, code: str, field: str, value: object, limit: str) -> None:
        assert code in CODES, code
        self.code, self.field, self.value, self.limit = code, field, value, limit
        super().__init__(f"{code}: {BadInput(field, value, limit)}")


def money_text(amount_e8: int) -> str:
    """Money [1e-8 currency] written out in the currency, with two decimals at least."""
    return decimal_text(amount_e8, 8, 2)


def shares_text(shares: int) -> str:
    """Shares [1e-8 share] written out."""
    return decimal_text(shares, 8)


def price_text(price_tick: int) -> str:
    """A price [0.01 currency/MWh] written out in the currency per MWh."""
    return decimal_text(price_tick, 2, 2)


# How people give what the books count otherwise: the ending of a name, theirs, and the decimals between the two.
_UNITS = (
    ("_wh", "_kwh", 3),
    ("_power_w", "_kw", 3),
    ("_tick", "", 2),
    ("_ppm_per_hour", "_percent_per_hour", 4),
    ("_efficiency_ppm", "_efficiency", 6),
)


def require_int(field: str, value: object, low: int, high: int) -> None:
    """Raises Refusal BAD_VALUE, in the units that people use, unless `value` is an int within [low, high]."""
    if type(value) is int and low <= value <= high:
        return
    for ending, shown, decimals in _UNITS:
        if field.endswith(ending):
            told = decimal_text(value, decimals) if type(value) is int else value
            limit = f"must lie between {decimal_text(low, decimals)} and {decimal_text(high, decimals)}"
            raise Refusal("BAD_VALUE", field.removesuffix(ending) + shown, told, limit)
    raise Refusal("BAD_VALUE", field, value, f"must lie between {low} and {high}")


def require_money_e8(field: str, value: object, low_e8: int = 1, high_e8: int = MONEY_LIMIT_E8) -> None:
    """Raises Refusal BAD_VALUE, telling money in the currency, unless `value` is an int within the limits [1e-8]."""
    if type(value) is not int or not low_e8 <= value <= high_e8:
        shown = money_text(value) if type(value) is int else value
        limit = f"must lie between {money_text(low_e8)} and {money_text(high_e8)}"
        raise Refusal("BAD_VALUE", field, shown, limit)


def require_name(field: str, value: object) -> None:
    """Raises Refusal BAD_VALUE unless `value` is a name that an account can carry."""
    if type(value) is not str or not NAME.fullmatch(value):
        raise Refusal("BAD_VALUE", field, value, "must be 1 to 40 letters, digits, '.', '_' or '-'")
