"""Whether continuous trading and the ledger say the same of money that is held, positions and open orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voltadesk.clock import utc_text
from voltadesk.desk.ledger import WH, Ledger, LedgerError

if TYPE_CHECKING:
    from voltadesk.desk.continuous import Continuous


def check(continuous: Continuous, ledger: Ledger) -> None:
    """Positions sum to nothing and what is held is what the products say. Raises LedgerError."""
    if ledger.total("ext:margin:*", ledger.currency) != continuous.held_e8:
        raise LedgerError("held for continuous trading and the products' own figures differ")
    for commodity in (ledger.currency, WH):
        if ledger.total("ext:position:*", commodity):
            raise LedgerError(f"positions sum to {ledger.total('ext:position:*', commodity)} {commodity}, not 0")


def audit(continuous: Continuous, ledger: Ledger) -> None:
    """Count everything again, from books, positions and the ledger. Raises LedgerError."""
    check(continuous, ledger)
    sums: dict[tuple[str, str], int] = {}
    for product in continuous.products.values():
        for actor, position in product.positions.items():
            if position.held_e8 != product.at_stake(actor)[0]:
                raise LedgerError(f"{actor} has not held in {utc_text(product.start_utc)} what may be lost there")
            for key, amount in (
                ((f"ext:position:{actor}", ledger.currency), position.cash_e8),
                ((f"ext:position:{actor}", WH), position.net_wh),
                ((f"ext:margin:{actor}", ledger.currency), position.held_e8),
            ):
                sums[key] = sums.get(key, 0) + amount
        if sorted(product.tickets) != sorted(product.book.orders()["id"].tolist()):
            raise LedgerError(f"orders of {utc_text(product.start_utc)} and its book differ")
    posted = [row for root in ("ext:position:", "ext:margin:") for row in ledger.balances(root)]
    if {key: amount for key, amount in sums.items() if amount} != {(row[0], row[1]): row[2] for row in posted}:
        raise LedgerError("positions and the ledger differ")
