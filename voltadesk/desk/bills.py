"""What communities billed their members: statements as they were posted, what was paid on them, and the books of both.

A settlement tells what a period costs each member in all, by party. Posted is by how much that differs from what was
posted of the period before: the member owes it in whole cents, the parties get theirs, and what rounding to cents
leaves is the community's. A statement that corrects another stands on its own, like an invoice and a credit note; what
is open of a member's statements sums to what the member owes.

Each community has a balance sheet: members' debts + bank = owed to parties + its own. Its own plants and batteries are
billed to itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from voltadesk.desk.bill import Bill, Billed, Period, days_of, difference, others_of
from voltadesk.desk.buckets import Buckets, lines_of
from voltadesk.desk.commands import CommunityPost, Statement
from voltadesk.desk.ledger import Ledger, LedgerError, Posting, flow
from voltadesk.desk.refusal import Refusal, money_text
from voltadesk.units import MONEY_LIMIT_E8, whole_cents_e8

MEMBERS, BANK, PARTIES, OWN = "community:*:member:*", "community:*:bank", "community:*:party:~", "community:*:own"
AGAIN = "settle again with --billed and the folders that were posted"

_ORDINAL = re.compile(r"[0-9]{3,6}")


class Bills:
    """The statements of all communities over one ledger.

    Every change checks first, then posts once, then remembers: a refusal leaves all as it was.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.by_number: dict[str, Bill] = {}
        self.periods: dict[tuple[str, str], Period] = {}  # by community and period
        self._open_e8 = self._paid_e8 = 0
        self._bill_buckets = Buckets(self._bill_line)
        self._period_buckets = Buckets(self._period_line)

    # What there is ----------------------------------------------------------------------------------------------------
    def get(self, number: str) -> Bill:
        """A statement by its number. Raises Refusal NOT_FOUND."""
        if number not in self.by_number:
            raise Refusal("NOT_FOUND", "statement", number, "is no statement that was posted")
        return self.by_number[number]

    def billed(self, community: str, period: str) -> dict[str, dict[str, int]]:
        """What each member was billed for a period in all, by party [1e-8 currency]."""
        known = self.periods.get((community, period), Period())
        return {member: self.by_number[number].billed for member, number in known.last.items()}

    # Posting ----------------------------------------------------------------------------------------------------------
    def post(self, entry: int, settled: CommunityPost, time_utc: int = 0) -> list[Bill]:
        """Post a settlement, or what differs from what was posted for its period; returns the statements.

        Raises Refusal as `require_new` does.
        """
        postings = self.require_new(settled)
        made = [self._bill(entry, settled, statement) for statement in settled.statements]
        self.ledger.post(entry, postings, time_utc, f"settle {settled.community} {settled.period}")
        key = (settled.community, settled.period)
        known = self.periods.setdefault(key, Period())
        known.entries[settled.settlement] = entry
        known.own = difference({}, settled.own)
        self._period_buckets.touch(" ".join(key))
        for bill in made:
            self._add(bill)
        return made

    def require_new(self, settled: CommunityPost) -> list[Posting]:
        """What a settlement would post. Raises Refusal unless it can be: DUPLICATE where it was, or others of its days.

        BAD_VALUE, NOT_FOUND where a statement doesn't follow from what was posted: its number, what it corrects, what
        is payable.
        """
        if settled.currency != self.ledger.currency:
            limit = f"must be the desk's currency, {self.ledger.currency}"
            raise Refusal("BAD_VALUE", "currency", settled.currency, limit)
        self._require_days(settled.community, settled.period)
        known = self.periods.get((settled.community, settled.period), Period())
        if settled.settlement in known.entries:
            limit = f"was posted already, as entry {known.entries[settled.settlement]}"
            raise Refusal("DUPLICATE", "settlement", f"{settled.community} {settled.period}", limit)
        members = set[str]()
        for statement in settled.statements:
            if statement.member in members:
                raise Refusal("DUPLICATE", "member", statement.member, "must have one statement of a settlement")
            members.add(statement.member)
            self._require_corrects(statement, known.last.get(statement.member))
        prefix = f"{settled.community}-{settled.period}-"
        for place, statement in enumerate(settled.statements, len(known.numbers) + 1):
            self._require_number(statement, prefix, place)
            self._require_payable(statement)
        postings = self._postings(settled)
        self._require_countable(postings)
        return postings

    def require_rest(self, community: str, period: str, statements: Iterable[str], rest: Mapping[str, Billed]) -> None:
        """Raises Refusal unless whoever has no new statement is billed what was posted, and nobody is left out.

        NOT_FOUND where nothing was posted, else BAD_VALUE. `statements` are the members with one, `rest` is what a
        settlement bills the others.
        """
        if rest and (community, period) not in self.periods:
            raise Refusal("NOT_FOUND", "period", period, "was not posted: post the settlement that this one corrects")
        posted, without = self.billed(community, period), dict(rest)
        for member in sorted(posted.keys() - set(statements) | without.keys()):
            before, now = posted.get(member, {}), without.get(member)
            if now is None or difference(before, now):
                told = None if now is None else money_text(sum(now.values()))
                shown = money_text(sum(before.values()))
                limit = f"was posted as {shown}, and no statement corrects it: {AGAIN}"
                raise Refusal("BAD_VALUE", f"{period}.{member}.billed", told, limit)

    def _require_days(self, community: str, period: str) -> None:
        """Raises Refusal unless no other period that was posted has a day of this one."""
        first, last = days_of(period)
        for (name, other), known in self.periods.items():
            if name == community and other != period:
                begin, end = days_of(other)
                if first <= end and begin <= last:
                    limit = f"has days of {other}, which was posted as entry {min(known.entries.values())}"
                    raise Refusal("DUPLICATE", "period", period, limit)

    def _require_corrects(self, statement: Statement, last: str | None) -> None:
        if statement.corrects == last:
            return
        if statement.corrects is None:
            limit = f"was billed already, by {last}: {AGAIN}"
            raise Refusal("DUPLICATE", "member", statement.member, limit)
        if last is None or statement.corrects not in self.by_number:
            limit = "was not posted: post its settlement first"
            raise Refusal("NOT_FOUND", "corrects", statement.corrects, limit)
        limit = f"must be the last statement of {statement.member}, {last}: {AGAIN}"
        raise Refusal("BAD_VALUE", "corrects", statement.corrects, limit)

    def _require_number(self, statement: Statement, prefix: str, place: int) -> None:
        number = statement.number
        ordinal = number.removeprefix(prefix)
        if not number.startswith(prefix) or not _ORDINAL.fullmatch(ordinal) or int(ordinal) != place:
            limit = f"must be {prefix}{place:03d}: numbers have no gaps"
            raise Refusal("BAD_VALUE", "statement", number, limit)

    def _require_payable(self, statement: Statement) -> None:
        payable_e8 = self._payable_e8(statement)
        if statement.payable != payable_e8:
            limit = f"must be {money_text(payable_e8)}: what is billed in whole cents, less what was payable before"
            raise Refusal("BAD_VALUE", f"{statement.number}.payable", money_text(statement.payable), limit)

    def _require_countable(self, postings: Iterable[Posting]) -> None:
        """Raises Refusal BAD_VALUE when an account would hold more than can be counted."""
        change: dict[str, int] = {}
        for account, _, amount in postings:
            change[account] = change.get(account, 0) + amount
        for account, amount in change.items():
            held = self.ledger.balance(account, self.ledger.currency) + amount
            if abs(held) > MONEY_LIMIT_E8:
                limit = f"is more than can be counted, {money_text(MONEY_LIMIT_E8)}"
                raise Refusal("BAD_VALUE", account, money_text(held), limit)

    def _before(self, statement: Statement) -> Billed:
        """What was billed by the statement that this one corrects."""
        return {} if statement.corrects is None else self.by_number[statement.corrects].billed

    def _payable_e8(self, statement: Statement) -> int:
        before_e8, now_e8 = sum(self._before(statement).values()), sum(statement.billed.values())
        return whole_cents_e8(now_e8) - whole_cents_e8(before_e8)

    def _postings(self, settled: CommunityPost) -> list[Posting]:
        """What a settlement changes; what neither members pay in cents nor parties take is the community's own."""
        account, currency = f"community:{settled.community}", self.ledger.currency
        known = self.periods.get((settled.community, settled.period), Period())
        changes: list[tuple[Billed, Billed]] = [(known.own, settled.own)]
        postings = []
        for statement in settled.statements:
            changes.append((self._before(statement), statement.billed))
            payable_e8 = self._payable_e8(statement)
            postings.append(Posting(f"{account}:member:{statement.member}", currency, payable_e8))
        for before, now in changes:
            for word, amount_e8 in others_of(difference(before, now)):
                postings.append(Posting(f"{account}:party:{word}", currency, -amount_e8))
        postings.append(Posting(f"{account}:own", currency, -sum(row.amount for row in postings)))
        return postings

    def _bill(self, entry: int, settled: CommunityPost, statement: Statement) -> Bill:
        return Bill(
            number=statement.number,
            community=settled.community,
            period=settled.period,
            member=statement.member,
            entry=entry,
            corrects=statement.corrects or "",
            billed=difference({}, statement.billed),
            payable_e8=statement.payable,
        )

    def _add(self, bill: Bill) -> None:
        """Remember a statement, as the last one of its member."""
        period = self.periods[bill.community, bill.period]
        period.numbers.append(bill.number)
        period.last[bill.member] = bill.number
        if bill.corrects:
            self.by_number[bill.corrects] = self.by_number[bill.corrects]._replace(corrected_by=bill.number)
        self.by_number[bill.number] = bill
        self._open_e8 += bill.open_e8
        self._paid_e8 += bill.paid_e8
        self._bill_buckets.touch(bill.number)

    # Paying -----------------------------------------------------------------------------------------------------------
    def pay(
        self, entry: int, number: str, amount_e8: int | None = None, time_utc: int = 0, returned: bool = False
    ) -> tuple[Bill, int]:
        """Record that a statement was paid, or paid out: all that is open of it, or an amount [1e-8 currency].

        `returned`: that what was paid came back, or was recorded by mistake; then it is open again.
        Returns the statement after it, and what reached the community's bank.
        Raises Refusal NOT_FOUND; NOTHING_DUE when it is paid, or not; BAD_VALUE above what is open, or paid.
        """
        bill = self.get(number)
        most_e8, word = (-bill.paid_e8, "paid") if returned else (bill.open_e8, "open")
        if not most_e8:
            limit = "is not paid, nothing can come back" if returned else "is paid, nothing is open"
            raise Refusal("NOTHING_DUE", "statement", number, limit)
        amount_e8 = abs(most_e8) if amount_e8 is None else amount_e8
        if not 0 < amount_e8 <= abs(most_e8):
            limit = f"must be at most what is {word} of {number}, {money_text(abs(most_e8))}"
            raise Refusal("BAD_VALUE", "amount", money_text(amount_e8), limit)
        paid_e8 = amount_e8 if most_e8 > 0 else -amount_e8
        account, currency = f"community:{bill.community}", self.ledger.currency
        postings = [
            Posting(f"{account}:bank", currency, paid_e8),
            Posting(f"{account}:member:{bill.member}", currency, -paid_e8),
            *flow(f"ext:bank:{bill.member}", -paid_e8, currency),
        ]
        self._require_countable(postings)
        self.ledger.post(entry, postings, time_utc, f"{'return' if returned else 'pay'} {number}")
        bill = bill._replace(paid_e8=bill.paid_e8 + paid_e8)
        self.by_number[number] = bill
        self._open_e8 -= paid_e8
        self._paid_e8 += paid_e8
        self._bill_buckets.touch(number)
        return bill, paid_e8

    # Checked, kept ----------------------------------------------------------------------------------------------------
    def check(self) -> None:
        """The invariants that hold after every command. Raises LedgerError naming the one that does not."""
        total, currency = self.ledger.total, self.ledger.currency
        _equal("open statements and members' debts", self._open_e8, total(MEMBERS, currency))
        _equal("paid statements and communities' banks", self._paid_e8, total(BANK, currency))
        _equal("communities' balance sheets", sum(total(line, currency) for line in (MEMBERS, BANK, PARTIES, OWN)), 0)

    def audit(self) -> None:
        """Work out every community's accounts again from its statements. Raises LedgerError."""
        self.check()
        wanted: dict[str, int] = {}

        def add(community: str, account: str, amount_e8: int) -> None:
            name = f"community:{community}:{account}"
            wanted[name] = wanted.get(name, 0) + amount_e8

        def add_billed(community: str, billed: Billed, own_e8: int) -> None:
            """What a bill brings the parties, and the community: what it pays in cents, or 0 for its own plants."""
            for word, amount_e8 in others_of(billed):
                add(community, f"party:{word}", -amount_e8)
                own_e8 -= amount_e8
            add(community, "own", -own_e8)

        for bill in self.by_number.values():
            add(bill.community, f"member:{bill.member}", bill.open_e8)
            add(bill.community, "bank", bill.paid_e8)
        for (community, period), known in self.periods.items():
            add_billed(community, known.own, 0)
            for billed in self.billed(community, period).values():
                add_billed(community, billed, whole_cents_e8(sum(billed.values())))
        held = {row.account: row.amount for row in self.ledger.balances("community:")}
        _equal("statements and accounts", {name: amount for name, amount in wanted.items() if amount}, held)

    def state(self) -> dict[str, Any]:
        """All of the statements in texts, the same for the same statements; empty where none was ever posted."""
        if not self.periods:
            return {}
        return {"periods": self._period_buckets.state(), "statements": self._bill_buckets.state()}

    @classmethod
    def from_state(cls, ledger: Ledger, state: dict[str, Any]) -> Bills:
        """The statements that `state` describes, over their ledger. Raises LedgerError when they don't agree."""
        bills = cls(ledger)
        for line in lines_of(state.get("periods", {})):
            community, period, entries, own = json.loads(line)
            bills.periods[community, period] = Period(entries, own)
            bills._period_buckets.touch(f"{community} {period}")
        rows = [json.loads(line) for line in lines_of(state.get("statements", {}))]
        for row in sorted(rows, key=lambda row: int(row[0].rpartition("-")[2])):
            bills._add(Bill(*row))
        if bills.state() != state:
            raise LedgerError("the state of the statements is not the one that they have")
        bills.check()
        return bills

    def _bill_line(self, number: str) -> str:
        bill = self.by_number[number]
        return _line([*bill[:6], bill.billed, bill.payable_e8, bill.paid_e8])

    def _period_line(self, key: str) -> str:
        community, period = key.split(" ")
        known = self.periods[community, period]
        return _line([community, period, known.entries, known.own])


def _line(values: list[Any]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _equal(what: str, left: object, right: object) -> None:
    if left != right:
        raise LedgerError(f"{what} differ: {left} and {right}")
