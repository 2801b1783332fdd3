"""An event file run through fresh order books: trades, refusals and what is left, for people and programs."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voltadesk.engine import book_events as ev
from voltadesk.engine.book import Book
from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.feeds.book_events import BookEvents, Id
from voltadesk.report.document import Section, number
from voltadesk.units import mwh_decimal, price_decimal

Tree = dict[str, Any]
SHOWN = 100  # trades and refusals that people are shown
SHOWN_LEVELS = 10


@dataclass(frozen=True, eq=False)
class Match:
    """What came of a file: each product's book, and all reports in the order of the file.

    reports  REPORT; `message` is an index of the file's messages, `sequence` counts over all products
    """

    events: BookEvents
    books: list[Book]
    reports: Table

    @property
    def product(self) -> NDArray[np.int64]:
        """The product of each report."""
        return np.take(np.array(self.events.product, np.int64), self.reports["message"])


def match_events(events: BookEvents, floor_tick: int, cap_tick: int) -> Match:
    """Run all messages, each product in a book of its own."""
    product = np.array(events.product, np.int64)
    books, parts = [], [np.empty(0, ev.REPORT)]
    for index in range(len(events.products)):
        book, chosen = Book(floor_tick, cap_tick), np.flatnonzero(product == index)
        reports = book.execute(events.messages[chosen])
        reports["message"] = chosen[reports["message"]]
        books.append(book)
        parts.append(reports)
    merged = np.concatenate(parts)
    merged = merged[np.argsort(merged["message"], kind="stable")]
    merged["sequence"] = np.arange(len(merged)) + 1
    return Match(events, books, merged)


def match_tree(match: Match) -> Tree:
    """The result as `--json` writes it.

    `digest` is SHA-256 over all reports, without the index of their message, and then over every book's snapshot.
    """
    names, products = match.events.ids, match.events.products
    books = {name: _book_tree(book) for name, book in zip(products, match.books, strict=True)}
    first: Tree = next(iter(books.values()), {"bids": [], "asks": []})
    return {
        "schema": 1,
        "trades": [_trade(row, products[at], names) for row, at in _rows_of(match, ev.EVENT_TRADED)],
        "rejected": [
            {"id": names[row["id"]], "rule": ev.RULES[row["rule"]].name}
            for row, _ in _rows_of(match, ev.EVENT_REJECTED)
        ],
        "book": first,
        **({"books": books} if len(books) > 1 else {}),
        "digest": _digest(match),
    }


def _rows_of(match: Match, event: int) -> list[tuple[dict[str, int], int]]:
    """Reports of an event with their products."""
    chosen = match.reports["event"] == event
    fields = ev.REPORT.names or ()
    rows = (dict(zip(fields, row, strict=True)) for row in match.reports[chosen].tolist())
    return list(zip(rows, match.product[chosen].tolist(), strict=True))


def _trade(row: dict[str, int], product: str, names: list[Id]) -> Tree:
    # In a call auction the buyer comes first, and there is no aggressor.
    sells = row["side"] == ev.SIDE_SELL
    return {
        "seq": row["sequence"],
        "product": product,
        "buy_id": names[row["other_id"] if sells else row["id"]],
        "sell_id": names[row["id"] if sells else row["other_id"]],
        "aggressor": None if row["side"] == ev.SIDE_NONE else ev.SIDES[row["side"]],
        "price": price_decimal(row["price_tick"]),
        "quantity_mwh": mwh_decimal(row["quantity_wh"]),
    }


def _book_tree(book: Book) -> Tree:
    """All prices of a book with what is open there, hidden parts too, the best first."""
    return {
        name: [
            [price_decimal(price), mwh_decimal(shown + hidden)]
            for price, shown, hidden, _ in book.depth(side, len(book.orders())).tolist()
        ]
        for name, side in (("bids", ev.SIDE_BUY), ("asks", ev.SIDE_SELL))
    }


def _digest(match: Match) -> str:
    told = match.reports.copy()
    told["message"] = match.product
    digest = hashlib.sha256(told.view(np.int64).astype("<i8").tobytes())
    for book in match.books:
        digest.update(book.snapshot())
    return digest.hexdigest()


# For people -----------------------------------------------------------------------------------------------------------
def match_sections(match: Match, tree: Tree) -> list[Section]:
    """The result for people."""
    many = len(match.books) > 1
    head = (
        f"{len(match.events.messages):,} messages, {len(tree['trades']):,} trades, {len(tree['rejected']):,} rejected",
        f"digest {tree['digest']}",
    )
    parts = [Section("Match", text=head), _trades_section(tree["trades"])]
    if tree["rejected"]:
        parts.append(_rejected_section(match))
    for name, book in zip(match.events.products, match.books, strict=True):
        parts.append(_book_section(book, f"Book of {name}" if many else "Book"))
    return parts


def _trades_section(trades: list[Tree]) -> Section:
    columns = ("seq", "product", "buyer", "seller", "aggressor", "price", "MWh")
    rows = [
        (
            str(trade["seq"]),
            trade["product"],
            str(trade["buy_id"]),
            str(trade["sell_id"]),
            trade["aggressor"] or "auction",
            number(trade["price"]),
            str(trade["quantity_mwh"]),
        )
        for trade in trades[:SHOWN]
    ]
    return Section("Trades", columns, rows, 5, _cut_note(len(trades), "trades"))


def _rejected_section(match: Match) -> Section:
    rejected = match.reports[match.reports["event"] == ev.EVENT_REJECTED]
    rows = []
    for report in rejected[:SHOWN]:
        at = int(report["message"])
        _, rule, field, limit = match.books[match.events.product[at]].rejection(report)
        name = match.events.ids[int(report["id"])]
        rows.append((str(match.events.lines[at]), "" if name is None else str(name), rule, f"{field}: {limit}"))
    return Section("Rejected", ("line", "id", "rule", "because"), rows, 4, _cut_note(len(rejected), "refusals"))


def _book_section(book: Book, title: str) -> Section:
    """The best prices, offers above bids."""
    sides = [(side, book.depth(side, SHOWN_LEVELS).tolist()) for side in (ev.SIDE_SELL, ev.SIDE_BUY)]
    rows = []
    for side, levels in sides:
        word = "offer" if side == ev.SIDE_SELL else "bid"
        shown = [(word, number(price_decimal(p)), str(mwh_decimal(s + h)), str(n)) for p, s, h, n in levels]
        rows += shown[::-1] if side == ev.SIDE_SELL else shown
    orders = book.orders()
    text = f"open orders: {len(orders):,}"
    return Section(title, ("side", "price", "MWh", "orders"), rows, 1, (text,))


def _cut_note(count: int, what: str) -> tuple[str, ...]:
    if count == 0:
        return (f"no {what}",)
    return (f"the first {SHOWN} of {count:,} {what}; --json gives all",) if count > SHOWN else ()


# Files ----------------------------------------------------------------------------------------------------------------
def reports_csv(match: Match) -> str:
    """Every report as a line of CSV, with words for codes."""
    text, names, products = io.StringIO(), match.events.ids, match.events.products
    writer = csv.writer(text, lineterminator="\n")
    columns = ("line", "event", "rule", "id", "other_id", "side", "price", "quantity_mwh")
    writer.writerow(("seq", "product", *columns))
    for row, at in zip(match.reports.tolist(), match.product.tolist(), strict=True):
        sequence, message, event, rule, id, other, side, price_tick, quantity_wh = row
        writer.writerow(
            (
                sequence,
                products[at],
                match.events.lines[message],
                ev.EVENTS[event],
                ev.RULES[rule].name,
                names[id],
                names[other],
                "" if side == ev.SIDE_NONE else ev.SIDES[side],
                "" if price_tick == NO_PRICE_TICK else price_decimal(price_tick),
                mwh_decimal(quantity_wh),
            )
        )
    return text.getvalue()
