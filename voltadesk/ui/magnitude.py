"""Units with the prefix that fits: W, kW or MW, so that what is compared stands in one unit and no two labels agree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from voltadesk.ui.text import Number


@dataclass(frozen=True)
class Unit:
    """A prefixed unit and how counts of the plain one are written in it."""

    name: str  # kW
    number: Number

    def show(self, value: int | None) -> str:
        """12.5"""
        return self.number.show(value)

    def text(self, value: int, signed: bool = False) -> str:
        """12.5 kW, or +12.5 kW"""
        return f"{replace(self.number, signed=signed).show(value)} {self.name}"


@lru_cache(maxsize=256)
def unit_for(most: int, base: str, figures: int = 3) -> Unit:
    """The unit of `base`, "W" or "Wh", in which values up to `most` have at least so many figures; at most mega."""
    most = abs(most)
    scale, prefix = next(((s, p) for s, p in ((6, "M"), (3, "k")) if most >= 10**s), (0, ""))
    whole = len(str(most // 10**scale))
    return Unit(prefix + base, Number(scale, min(scale, max(0, figures - whole))))
