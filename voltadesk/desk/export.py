"""The ledger for other people's programs: hledger, beancount, or one JSON object per line.

Every posting carries the balance it leads to, and the reader checks it without tolerance: hledger at each posting,
beancount at the end of each day for every account that moved (its assertions hold at the start of a date). Money and
shares are written with all eight decimals, energy in whole Wh. Dates are those of the entries' times in UTC; when an
entry's time lies before an earlier one's it gets the earlier entry's date, so that order is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

from voltadesk.desk.ledger import SHARE, WH, Entry, Posting
from voltadesk.desk.refusal import Refusal
from voltadesk.units import decimal_text

FORMATS = ("hledger", "beancount", "jsonl")

# Root of an account: its type for hledger, its root for beancount.
TYPES = {
    "fund": ("A", "Assets"),
    "owed": ("L", "Liabilities"),
    "equity": ("E", "Equity"),
    "shares": ("E", "Equity"),
    "ext": ("E", "Equity"),
    "fees": ("E", "Equity"),
    "loss": ("X", "Expenses"),
    "community:member": ("A", "Assets"),  # a community's balance sheet: by what stands after its name
    "community:bank": ("A", "Assets"),
    "community:party": ("L", "Liabilities"),
    "community:own": ("E", "Equity"),
}

Balances = dict[tuple[str, str], int]


def export(entries: Iterable[Entry], format: str, currency: str = "EUR") -> str:
    """All of `lines` as one text."""
    return "".join(f"{line}\n" for line in lines(entries, format, currency))


def lines(entries: Iterable[Entry], format: str, currency: str = "EUR") -> Iterator[str]:
    """Entries, from the first on, in one of `FORMATS`, with balance assertions; line by line, without line ends.

    Raises Refusal BAD_VALUE for another format.
    """
    if format == "hledger":
        return _hledger(entries, currency)
    if format == "beancount":
        return _beancount(entries, currency)
    if format == "jsonl":
        return _jsonl(entries)
    raise Refusal("BAD_VALUE", "format", format, f"must be one of {', '.join(FORMATS)}")


def _hledger(entries: Iterable[Entry], currency: str) -> Iterator[str]:
    """hledger: `commodity WH 1000.` names the decimals, `=` asserts a balance (its manual, "Balance assertions")."""
    yield f"commodity {currency} 1000.00000000"
    yield f"commodity {SHARE} 1000.00000000"
    yield f"commodity {WH} 1000."
    known: set[str] = set()
    balances: Balances = {}
    for day, entry in _dated(entries):
        for account in _new_accounts(entry, known):
            yield f"account {account}  ; type: {_type_of(account)[0]}"
        yield ""
        yield f"{day} ({entry.number}) {_words(entry.text)}".rstrip()
        for row in entry.postings:
            name, held = row.commodity, _moved(balances, row)
            yield f"    {row.account}  {name} {_number(name, row.amount)} = {name} {_number(name, held)}"


def _beancount(entries: Iterable[Entry], currency: str) -> Iterator[str]:
    """Beancount: `~ 0` takes the tolerance of two units in the last place out of an assertion."""
    yield f'option "operating_currency" "{currency}"'
    known: set[str] = set()
    balances: Balances = {}
    touched: set[tuple[str, str]] = set()
    last = date.min
    for day, entry in _dated(entries):
        if day != last:
            yield from _beancount_balances(last, balances, touched)
            touched, last = set(), day
        yield ""
        for account in _new_accounts(entry, known):
            yield f"{day} open {beancount_account(account)}"
        yield f'{day} * "{_words(entry.text)}" ^entry-{entry.number}'
        for row in entry.postings:
            _moved(balances, row)
            touched.add((row.account, row.commodity))
            yield f"  {beancount_account(row.account)}  {_number(row.commodity, row.amount)} {row.commodity}"
    yield from _beancount_balances(last, balances, touched)


def _beancount_balances(day: date, balances: Balances, touched: set[tuple[str, str]]) -> Iterator[str]:
    """Assertions at the start of the day after `day` for all that moved on it."""
    if touched:
        yield ""
    for key in sorted(touched):
        account, commodity = key
        held = _number(commodity, balances[key])
        yield f"{day + timedelta(days=1)} balance {beancount_account(account)}  {held} ~ 0 {commodity}"


def _jsonl(entries: Iterable[Entry]) -> Iterator[str]:
    """One object per entry; amounts and balances are texts of whole units, which no reader rounds."""
    balances: Balances = {}
    for entry in entries:
        rows = [
            {"account": row.account, "commodity": row.commodity, "amount": str(row.amount), "balance": str(held)}
            for row in entry.postings
            for held in [_moved(balances, row)]
        ]
        fields = {"entry": entry.number, "time_utc": entry.time_utc, "text": entry.text, "postings": rows}
        yield json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def beancount_account(account: str) -> str:
    """The account as beancount wants it: five roots, every part with a capital; different ones stay different.

    A capital in place of a small letter needs no mark; a part that begins with a capital or a sign gets `X-`, and what
    is neither an ASCII letter nor a digit becomes `-` and two hexadecimal digits for each of its bytes.
    """
    parts = [_type_of(account)[1]]
    for part in account.split(":"):
        escaped = "".join(c if c.isascii() and c.isalnum() else _escaped(c) for c in part)
        is_marked = escaped[0] == "-" or escaped[0].isupper()
        parts.append(f"X-{escaped}" if is_marked else escaped[0].upper() + escaped[1:])
    return ":".join(parts)


def _escaped(character: str) -> str:
    return "".join(f"-{byte:02x}" for byte in character.encode())


def _type_of(account: str) -> tuple[str, str]:
    root, *parts = account.split(":")
    return TYPES[f"{root}:{parts[1]}" if root == "community" else root]


def _words(text: str) -> str:
    """A text on one line, without what begins a comment or ends a quotation."""
    return " ".join("".join(c if c.isprintable() and c not in ';"\\' else " " for c in text).split())


def _number(commodity: str, amount: int) -> str:
    return decimal_text(amount, 0) if commodity == WH else decimal_text(amount, 8, 8)


def _moved(balances: Balances, row: Posting) -> int:
    """The balance after a posting."""
    key = (row.account, row.commodity)
    balances[key] = balances.get(key, 0) + row.amount
    return balances[key]


def _new_accounts(entry: Entry, known: set[str]) -> list[str]:
    """Accounts that an entry is the first to use."""
    new = sorted({row.account for row in entry.postings} - known)
    known.update(new)
    return new


def _dated(entries: Iterable[Entry]) -> Iterator[tuple[date, Entry]]:
    """Entries with their dates, which never go back."""
    day = date.min
    for entry in entries:
        day = max(day, datetime.fromtimestamp(entry.time_utc, UTC).date())
        yield day, entry
