"""A small town for tests: six homes, three of them with roofs, three plants, two batteries, one holder of money."""

from __future__ import annotations

import base64
import hashlib
from itertools import count
from typing import Any

from voltadesk.clock import utc_text
from voltadesk.desk.book import Book
from voltadesk.desk.commands import parse_command
from voltadesk.desk.source import Source

TOWN = """
version = 1
name = "town"
seed = 7
time = { start = 2026-06-20, days = 1, interval_minutes = 60, timezone = "Europe/Berlin" }
market = { floor = -500, cap = 4000 }
operator = { margin = 1.00, grid_fee = 20.00, levy = 5.00 }
community = { rule = "mid-market", fee_percent = 2 }

[[homes]]
name = "flat"
count = 3
annual_kwh = 3000

[[homes]]
name = "roof"
count = 3
annual_kwh = 4000
solar = { peak_kw = 8 }
flexible = { share_percent = 20, price_limit = 150 }

[[plants]]
name = "hydro"
capacity_kw = 1
marginal_cost = 2.00

[[plants]]
name = "gas"
fuel = "gas"
capacity_kw = 5
marginal_cost = 90.00
emissions_kg_per_mwh = 500

[[plants]]
name = "oil"
capacity_kw = 50
marginal_cost = 250.00

[[fleet]]
name = "cellar"
count = 2
capacity_kwh = 10
charge_kw = 2
discharge_kw = 2
charge_efficiency = 0.95
discharge_efficiency = 0.95
standing_loss_percent_per_hour = 0.1
wear_cost = 5
strategy = { name = "threshold", buy_limit = [40, 60], sell_limit = [80, 85] }

[[money_holders]]
name = "coop"
cash = 1000.00
"""


def key(name: str) -> str:
    """A public key's text, told by the name."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


class Town:
    """A desk's book with the town for its market, and a way to try commands by their names."""

    def __init__(self, text: str = TOWN, **files: bytes) -> None:
        source = Source(text, {name.replace("_", "."): body for name, body in files.items()})
        holders = {holder.name: key(holder.name) for holder in source.scenario().money_holders}
        self.source = source
        self.book = Book("olga", key("olga"), "EUR", source, holders)
        self.entries = count(1)

    def do(self, actor: str, kind: str, /, **body: Any) -> dict[str, Any]:
        return self.book.apply(next(self.entries), actor, parse_command(kind, body))

    def run(self, intervals: int = 1) -> dict[str, Any]:
        """Advance the market; returns what the last interval told."""
        told: dict[str, Any] = {}
        for _ in range(intervals):
            told = self.do("olga", "market.advance", interval=utc_text(self.book.now_utc))
        return told

    def held(self, account: str, commodity: str = "EUR") -> int:
        return self.book.ledger.balance(account, commodity)

    def audit(self) -> None:
        self.book.ledger.audit()
        self.book.fund.audit()
        self.book.fleet.check()
