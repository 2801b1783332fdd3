"""Double entry in money, energy and shares: every commodity sums to 0 at every entry.

Amounts are Python integers: money in 1e-8 of the currency, energy in Wh, shares in 1e-8 of a share. What an account
holds or has received is positive; what is owed is negative.

Money has two sides. The fund's own balance sheet (`fund`, `owed`, `equity`) balances in itself, as in any set of
accounts: assets = debts + capital + retained profit. The outside (`ext`, `fees`) says who has been paid how much; it
balances in itself too, because `ext:world` carries what the money was for: energy, batteries, shares. So does the
balance sheet of each community (`community`): members' debts + bank = owed to parties + its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from voltadesk.desk.buckets import Buckets, lines_of
from voltadesk.desk.refusal import NAME

WH = "WH"
SHARE = "SHARE"
MONEY = "MONEY"  # in the chart: whatever the currency is called
BALANCE_LIMIT = 2**63 - 1  # what a 64-bit column holds

CURRENCY = re.compile(r"[A-Z]{3}")


_Key = tuple[str, str]  # account or line of the chart, and commodity


class LedgerError(AssertionError):
    """The books would not be right: a fault of the program, never of the user."""


class Posting(NamedTuple):
    """An amount that reaches (positive) or leaves (negative) an account."""

    account: str
    commodity: str
    amount: int


class Entry(NamedTuple):
    """Postings that belong together: merged by account and commodity, sorted, without zeros."""

    number: int
    time_utc: int
    text: str
    postings: tuple[Posting, ...]


class Kind(NamedTuple):
    """One line of the chart of accounts."""

    pattern: str
    commodities: tuple[str, ...]
    inside: bool  # on the fund's own balance sheet
    sign: int  # 1: never below 0; -1: never above; 0: free
    meaning: str


CHART = {
    kind.pattern: kind
    for kind in (
        Kind("fund:cash:free", (MONEY,), True, 1, "cash that may be spent"),
        Kind("fund:cash:reserved", (MONEY,), True, 1, "cash held for open orders"),
        Kind("fund:cash:dividends", (MONEY,), True, 1, "cash held for declared dividends"),
        Kind("fund:battery:*:book", (MONEY,), True, 1, "what a battery cost, less wear"),
        Kind(
            "fund:battery:*:energy",
            (MONEY,),
            True,
            0,
            "what its stored energy cost; negative when it was paid to take it",
        ),
        Kind("fund:battery:*:wh", (WH,), False, 1, "energy stored"),
        Kind("owed:dividend:*:*", (MONEY,), True, -1, "dividend number, investor: declared and not yet withdrawn"),
        Kind("equity:capital", (MONEY, SHARE), True, 0, "paid in and not paid back; shares issued"),
        Kind("equity:retained", (MONEY,), True, 0, "realised profit not yet distributed; negative is profit"),
        Kind("shares:*", (SHARE,), False, 1, "an investor's shares"),
        Kind("ext:bank:*", (MONEY, WH), False, 0, "an actor outside: money received; energy taken"),
        Kind("ext:grid", (MONEY, WH), False, 0, "the grid above, that energy is traded with"),
        Kind("ext:held:*", (MONEY,), False, 1, "money held for an actor's open orders"),
        Kind("ext:margin:*", (MONEY,), False, 1, "money held for what an actor may lose in open products"),
        Kind("ext:position:*", (MONEY, WH), False, 0, "an actor's trades in open products: money; energy bought"),
        Kind("ext:home:*", (MONEY, WH), False, 0, "a home: money received; energy taken"),
        Kind("ext:plant:*", (MONEY, WH), False, 0, "a power plant: money received; energy taken"),
        Kind("ext:reserve", (MONEY, WH), False, 0, "the other side of every imbalance"),
        Kind("ext:market", (MONEY, WH), False, 0, "clearing of one interval: back to 0 when all have settled"),
        Kind("ext:vendor", (MONEY,), False, 0, "whoever sells and takes back batteries"),
        Kind("ext:world", (MONEY,), False, 0, "counterweight of the outside: what it got or gave for its money"),
        Kind("fees:*", (MONEY,), False, 0, "fees received: broker, levies, network, operator"),
        Kind("community:*:member:*", (MONEY,), False, 0, "what a member has still to pay; negative: to get"),
        Kind("community:*:bank", (MONEY,), False, 0, "what members paid to a community, less what it paid out to them"),
        Kind("community:*:party:~", (MONEY,), False, 0, "billed in a party's name, such as tax; negative: owed to it"),
        Kind("community:*:own", (MONEY,), False, 0, "what is left to the community itself; negative is profit"),
        Kind("loss:wh", (WH,), False, 1, "energy lost"),
    )
}

_WILD = {"*": NAME, "~": re.compile(r"[\w.-]+")}  # ~: what people call a party, written as one word
_LINES: dict[tuple[str, int], list[tuple[Kind, list[str]]]] = {}  # by root and number of parts after it
for _kind in CHART.values():
    _root, *_parts = _kind.pattern.split(":")
    _LINES.setdefault((_root, len(_parts)), []).append((_kind, _parts))


@lru_cache(maxsize=1 << 16)
def kind_of(account: str) -> Kind:
    """The line of the chart that an account belongs to.

    Raises LedgerError when there is none.
    """
    root, *parts = account.split(":")
    for kind, wanted in _LINES.get((root, len(parts)), ()):
        if all(map(_fits, parts, wanted)):
            return kind
    raise LedgerError(f"no account {account!r} in the chart")


def _fits(part: str, wanted: str) -> bool:
    if wanted in _WILD:
        return _WILD[wanted].fullmatch(part) is not None
    return part == wanted


def flow(account: str, amount_e8: int, currency: str) -> list[Posting]:
    """Money that reaches an outside account [1e-8 currency], with its counterweight."""
    return [Posting(account, currency, amount_e8), Posting("ext:world", currency, -amount_e8)]


class Ledger:
    """Balances of all accounts. With `keep`, what was posted waits in `drain`; history itself is kept elsewhere."""

    def __init__(self, currency: str = "EUR", keep: bool = False) -> None:
        if not CURRENCY.fullmatch(currency):
            raise LedgerError(f"currency {currency!r}: must be three capital letters")
        self.currency = currency
        self.last_entry = 0
        self._kept: list[Entry] | None = [] if keep else None
        self._balances: dict[tuple[str, str], int] = {}
        self._totals: dict[tuple[str, str], int] = {}
        self._buckets = Buckets(self._line)

    def post(self, entry: int, postings: Iterable[Posting], time_utc: int = 0, text: str = "") -> Entry:
        """Apply postings as one: all of them, or none.

        `entry` is the number of what caused them; it never falls, and may come again.
        Raises LedgerError when a commodity does not sum to 0, money does not on either side, an account is not in the
        chart or may not hold the commodity, a sign is wrong, or a balance leaves 64 bits.
        """
        if type(entry) is not int or entry < self.last_entry:
            raise LedgerError(f"entry {entry!r} after {self.last_entry}")
        merged: dict[tuple[str, str], int] = {}
        for account, commodity, amount in postings:
            if type(amount) is not int:
                raise LedgerError(f"{account}: amount {amount!r} is not an int")
            key = (account, commodity)
            merged[key] = merged.get(key, 0) + amount
        changes = sorted([(*key, amount) for key, amount in merged.items() if amount])
        totals, touch = self._totals, self._buckets.touch
        for key, balance, total, amount in self._checked(changes):
            self._set(self._balances, key, balance)
            self._set(totals, total, totals.get(total, 0) + amount)
            touch(key[0])
        self.last_entry = entry
        posted = Entry(entry, time_utc, text, tuple(map(Posting._make, changes)))
        if self._kept is not None:
            self._kept.append(posted)
        return posted

    def drain(self) -> list[Entry]:
        """What was posted since the last call, in order; always empty without `keep`."""
        entries = self._kept or []
        if self._kept is not None:
            self._kept = []
        return entries

    def _checked(self, changes: list[tuple[str, str, int]]) -> list[tuple[_Key, int, _Key, int]]:
        """For each change: its place, the balance after it, its line of the chart, and the amount.

        Raises LedgerError when they can't be.
        """
        sums: dict[str, int] = {}
        inside, after, currency, balances = 0, [], self.currency, self._balances
        for account, commodity, amount in changes:
            pattern, commodities, is_inside, sign, _ = kind_of(account)
            is_money = commodity == currency
            if (MONEY if is_money else commodity) not in commodities:
                raise LedgerError(f"{account} holds no {commodity}")
            key = (account, commodity)
            balance = balances.get(key, 0) + amount
            if balance * sign < 0 or not -BALANCE_LIMIT <= balance <= BALANCE_LIMIT:
                raise LedgerError(f"{account} can't hold {balance} {commodity}")
            after.append((key, balance, (pattern, commodity), amount))
            sums[commodity] = sums.get(commodity, 0) + amount
            if is_inside and is_money:
                inside += amount
        for commodity, total in sums.items():
            if total:
                raise LedgerError(f"{commodity} sums to {total}, not 0")
        if inside:
            raise LedgerError(f"the fund's own {currency} sums to {inside}, not 0")
        return after

    @staticmethod
    def _set(table: dict[tuple[str, str], int], key: tuple[str, str], value: int) -> None:
        """Zeros are not kept, so that the same books have the same state whatever their history."""
        if value:
            table[key] = value
        else:
            table.pop(key, None)

    def balance(self, account: str, commodity: str) -> int:
        """What an account holds of a commodity [its unit]; 0 when it was never used."""
        return self._balances.get((account, commodity), 0)

    def balances(self, prefix: str = "") -> list[Posting]:
        """All balances but zeros of accounts that begin with `prefix`, sorted by account and commodity."""
        return sorted(Posting(*key, held) for key, held in self._balances.items() if key[0].startswith(prefix))

    def total(self, pattern: str, commodity: str) -> int:
        """Sum over all accounts of one line of the chart, such as `owed:dividend:*:*`, at no cost.

        Raises LedgerError when the chart has no such line.
        """
        if pattern not in CHART:
            raise LedgerError(f"no line {pattern!r} in the chart")
        return self._totals.get((pattern, commodity), 0)

    def audit(self) -> None:
        """Count everything again: sums, sides, signs, totals. Raises LedgerError."""
        again = Ledger(self.currency)
        again.post(self.last_entry, self.balances())
        if again._totals != self._totals:
            raise LedgerError("totals differ from the sums of balances")

    def state(self) -> dict[str, Any]:
        """All of the ledger in texts and integers, the same for the same books, made from what changed."""
        return {"balances": self._buckets.state(), "currency": self.currency, "last_entry": self.last_entry}

    @classmethod
    def from_state(cls, state: dict[str, Any], keep: bool = False) -> Ledger:
        """The ledger that `state` describes. Raises LedgerError when its books are not right."""
        ledger = cls(state["currency"], keep)
        rows = [part for line in lines_of(state["balances"]) for part in _read_line(line)]
        ledger.post(state["last_entry"], rows)
        ledger.drain()
        if ledger.state() != state:
            raise LedgerError("the state of the ledger is not the one that its books have")
        return ledger

    def _line(self, account: str) -> str:
        """The account and what it holds, as one line: `name EUR 5 WH 3`."""
        line = ""
        for commodity in (self.currency, SHARE, WH):
            balance = self._balances.get((account, commodity))
            if balance:
                line += f" {commodity} {balance}"
        return account + line if line else ""


def _read_line(line: str) -> list[Posting]:
    account, *parts = line.split(" ")
    return [Posting(account, parts[at], int(parts[at + 1])) for at in range(0, len(parts), 2)]
