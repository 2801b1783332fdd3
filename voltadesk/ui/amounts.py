"""Amounts of the ledger in their commodity: energy in Wh, money and shares with 8 decimals."""

from __future__ import annotations

from voltadesk.ui.text import Number


def _number(commodity: str) -> Number:
    return Number(0, 0, signed=True) if commodity == "WH" else Number(8, 8, signed=True)


def amount_text(amount: int, commodity: str) -> str:
    """For people, with its sign."""
    return _number(commodity).show(amount)


def plain_amount(amount: int, commodity: str) -> str:
    """For files: exact."""
    return _number(commodity).plain(amount)
