"""A desk's books for tests: ledger, fund and fleet, and a way to earn a profit."""

from __future__ import annotations

from typing import Any

from voltadesk.desk.fleet import Battery, Dispatch, Fleet
from voltadesk.desk.fund import Fund
from voltadesk.desk.ledger import Ledger
from voltadesk.units import E8_PER_CURRENCY, PRICE_LIMIT_TICK


def eur(amount: int) -> int:
    """Whole EUR in 1e-8."""
    return amount * E8_PER_CURRENCY


def battery(name: str = "one", **fields: Any) -> Battery:
    given: dict[str, Any] = {
        "serial": f"SN-{name}",
        "capacity_wh": 100_000,
        "charge_power_w": 4_000,
        "discharge_power_w": 4_000,
        "maximum_fill_wh": fields.get("capacity_wh", 100_000),
    }
    return Battery(id=name, **(given | fields))


class Books:
    """Ledger, fund and fleet with a running number of entries."""

    def __init__(self, **investments: int) -> None:
        """`investments` in EUR by investor."""
        self.ledger = Ledger("EUR", keep=True)
        self.fund = Fund(self.ledger)
        self.fleet = Fleet(self.fund)
        self.number = 0
        for actor, amount in investments.items():
            self.fund.invest(self.next(), actor, eur(amount))

    def next(self) -> int:
        self.number += 1
        return self.number

    def earn(self, amount_e8: int) -> None:
        """Realise a profit: energy that cost nothing is sold."""
        name = f"mill{self.number}"
        wh = -(-amount_e8 // PRICE_LIMIT_TICK)
        self.fleet.add(self.next(), battery(name, capacity_wh=wh), fill_wh=wh)
        self.fleet.dispatch(self.next(), [Dispatch(name, sold_wh=wh, received_e8=amount_e8)])

    def state(self) -> list[dict[str, Any]]:
        return [self.ledger.state(), self.fund.state(), self.fleet.state()]

    def copy(self) -> Books:
        """The same books from their state."""
        ledger, fund, fleet = self.state()
        books = Books()
        books.ledger = Ledger.from_state(ledger)
        books.fund = Fund.from_state(books.ledger, fund)
        books.fleet = Fleet.from_state(books.fund, fleet)
        books.number = self.number
        return books

    def check(self) -> None:
        self.fund.audit()
        self.fleet.check()
