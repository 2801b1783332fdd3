"""Settlements of a community as commands, worked out from what a desk has posted in the slow and obvious way."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from voltadesk.desk.book import Book

CENT = Decimal("0.01")
Wholes = Mapping[str, Mapping[str, Decimal]]  # what each member is billed for a period, by party


def cents(billed: Mapping[str, Decimal]) -> Decimal:
    """What a member pays, in whole cents; halves go away from zero."""
    return sum(billed.values(), Decimal(0)).quantize(CENT, ROUND_HALF_UP)


def settlement(
    book: Book,
    wholes: Wholes,
    own: Mapping[str, Decimal] | None = None,
    *,
    period: str = "2026-06",
    name: str = "house",
) -> dict[str, Any]:
    """The command that posts a period of the community; statements follow those that the desk has of it."""
    bills = [bill for bill in book.bills.by_number.values() if (bill.community, bill.period) == (name, period)]
    statements = []
    for number, (member, billed) in enumerate(sorted(wholes.items()), len(bills) + 1):
        before = [bill for bill in bills if bill.member == member]
        paid_so_far = sum((Decimal(bill.payable_e8) / 10**8 for bill in before), Decimal(0))
        body = {
            "number": f"{name}-{period}-{number:03d}",
            "member": member,
            "billed": {party: f"{amount:f}" for party, amount in billed.items()},
            "payable": f"{cents(billed) - paid_so_far:f}",
        }
        statements.append(body | ({"corrects": before[-1].number} if before else {}))
    posted = sum(len(known.entries) for known in book.bills.periods.values())
    return {
        "community": name,
        "period": period,
        "currency": "EUR",
        "settlement": f"{posted:064x}",
        "statements": statements,
        "own": {party: f"{amount:f}" for party, amount in (own or {}).items()},
    }
