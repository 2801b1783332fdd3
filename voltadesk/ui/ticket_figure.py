"""A line of figures on the order ticket."""

from __future__ import annotations

from typing import NamedTuple

from voltadesk.ui.inks import FAINT, TEXT
from voltadesk.ui.text import Number

POSITION = Number(3, 3, signed=True)


class Figure(NamedTuple):
    """A line: what it is, its number and unit, and what to know about it."""

    label: str
    value: str
    unit: str = ""
    remark: str = ""
    ink: int = TEXT  # of the value
    tone: int = FAINT  # of the remark


def money_text(amount_e8: int, signed: bool = False) -> str:
    """Money [1e-8 currency], exact: two decimals and as many more as it has."""
    places = 8
    while places > 2 and amount_e8 % 10 ** (9 - places) == 0:
        places -= 1
    return Number(8, places, signed).show(amount_e8)
