"""What an actor has in a product: energy bought or sold so far, what that cost, and what is held for the worst of it.

Cost is that of the energy that is still open, by the average: closing a part of a position takes that part of its cost
out. The rest of the money is the realised result, so the two results always sum to what closing at the mark would give.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from voltadesk.units import cost_share_e8


@dataclass
class Position:
    """Of one actor in one product; energy bought is positive, money received is positive."""

    net_wh: int = 0
    cash_e8: int = 0  # of all trades
    cost_e8: int = 0  # of what is open: paid positive, received for what was sold short negative
    held_e8: int = 0

    def trade(self, energy_wh: int, price_tick: int) -> None:
        """Take in a trade: energy bought, or sold below 0."""
        before_wh, self.net_wh = self.net_wh, self.net_wh + energy_wh
        self.cash_e8 -= energy_wh * price_tick
        if before_wh * energy_wh >= 0:
            self.cost_e8 += energy_wh * price_tick
        elif abs(energy_wh) <= abs(before_wh):
            self.cost_e8 -= cost_share_e8(self.cost_e8, abs(energy_wh), abs(before_wh))
        else:  # it changes sides
            self.cost_e8 = self.net_wh * price_tick

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to settle."""
        return not (self.net_wh or self.cash_e8 or self.held_e8)

    @property
    def average_tick(self) -> int | None:
        """Average price of what is open [tick], to the nearest, halves to even; None where nothing is."""
        return round(Fraction(self.cost_e8, self.net_wh)) if self.net_wh else None

    @property
    def realised_e8(self) -> int:
        """Result of what was bought and sold again."""
        return self.cash_e8 + self.cost_e8

    def unrealised_e8(self, mark_tick: int) -> int:
        """Result of what is open if it were closed at a price."""
        return self.net_wh * mark_tick - self.cost_e8


class Side(NamedTuple):
    """Open orders of one side, together."""

    energy_wh: int = 0
    worth_e8: int = 0  # at their limits

    def plus(self, energy_wh: int, price_tick: int) -> Side:
        """With one order more."""
        return Side(self.energy_wh + energy_wh, self.worth_e8 + energy_wh * price_tick)


def worst_loss_e8(position: Position, buys: Side, sells: Side, floor_tick: int, cap_tick: int) -> int:
    """The most that a position and open orders can lose [1e-8 currency], whichever of them are filled.

    The result is linear in the price of settlement, so it is worst at the floor or at the cap. Settled at the floor
    every purchase is a loss and every sale a gain, so the worst is that all bids are filled and no offer; at the cap
    the other way round. A fill at its limit or better never makes it more.
    """
    at_floor_e8 = position.cash_e8 + (position.net_wh + buys.energy_wh) * floor_tick - buys.worth_e8
    at_cap_e8 = position.cash_e8 + (position.net_wh - sells.energy_wh) * cap_tick + sells.worth_e8
    return max(0, -at_floor_e8, -at_cap_e8)
