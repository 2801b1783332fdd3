"""Any history of commands, good and bad, with crashes, failing disks and re-openings in between: the books add up after
every step, what was acknowledged stays, and carrying the journal out again gives the same state.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.desk.neighbours import settlement
from tests.desk.town import TOWN
from tests.store.server import Server
from voltadesk.clock import utc_text
from voltadesk.desk import continuous_audit
from voltadesk.desk.commands import COMMANDS
from voltadesk.desk.source import Source
from voltadesk.store.anchor import Anchor
from voltadesk.store.desk import Desk, OutcomeUnknown, Receipt, verify
from voltadesk.store.journal import Batch
from voltadesk.store.keep import restore
from voltadesk.store.keys import Key
from voltadesk.store.machine import SignedCommand, key_text

DESK_ID = "1" * 32
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108  # waiting for a real disk shows nothing here
KEYS = {name: Key.from_seed(name.encode().ljust(32, b".")) for name in ("olga", "ann", "bob", "coop", "eve", "robot")}
ACTORS = st.sampled_from(["olga", "olga", "olga", "ann", "bob", "coop", "eve"])
NAMES = st.sampled_from(["ann", "bob", "coop", "olga", "eve", "nobody"])
AMOUNTS = st.sampled_from(["0", "0.00000001", "1", "12.5", "1000", "999999.99", "-1", "NaN", ""])
PRICES = st.sampled_from(["-500.00", "-1.00", "0.00", "60.00", "90.00", "4000.00", "40000.00", "1.001"])
BATTERIES = st.sampled_from(["cellar-1", "cellar-2", "b1", "b2"])
ORDERS = st.integers(1, 30).map(lambda n: f"o-{n}")
PRODUCTS = st.sampled_from(["2026-06-20T02:00Z", "2026-06-20T06:00Z", "2027-01-01T00:00Z"])
CALLS = "\n[continuous]\nopening_call_intervals = 2\nclosing_call_intervals = 1\n"
BY_TEXT = {key_text(key.public): key for key in KEYS.values()}
PUBLIC = st.sampled_from(sorted(BY_TEXT))


def bodies(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


BODIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "actor.add": st.fixed_dictionaries({"name": NAMES, "public_key": PUBLIC}),
    "actor.rotate-key": st.fixed_dictionaries({"public_key": PUBLIC}),
    "actor.delegate": st.fixed_dictionaries(
        {
            "public_key": PUBLIC,
            "kinds": st.lists(st.sampled_from(["market.advance", "order.place", "fund.withdraw"]), max_size=2),
            "until": st.sampled_from(["2026-06-20T06:00Z", "2027-01-01T00:00Z"]),
        }
    ),
    "actor.undelegate": st.fixed_dictionaries({"public_key": PUBLIC}),
    "role.grant": st.fixed_dictionaries(
        {"actor": NAMES, "role": st.sampled_from(["admin", "operator", "investor", "auditor"])}
    ),
    "role.revoke": st.fixed_dictionaries(
        {"actor": NAMES, "role": st.sampled_from(["owner", "admin", "operator", "investor"])}
    ),
    "owner.transfer": st.fixed_dictionaries({"actor": NAMES}),
    "owner.accept": st.just({}),
    "battery.add": st.fixed_dictionaries(
        {
            "battery": BATTERIES,
            "serial": st.sampled_from(["S1", "S2"]),
            "capacity_kwh": st.sampled_from(["0", "5", "20"]),
            "charge_kw": st.just("3"),
            "discharge_kw": st.just("3"),
        },
        optional={"fill_kwh": st.sampled_from(["0", "5", "30"]), "buy_limit": PRICES, "sell_limit": PRICES},
    ),
    "battery.set": bodies(battery=BATTERIES, buy_limit=PRICES, sell_limit=PRICES, wear_cost=PRICES),
    "battery.retire": bodies(battery=BATTERIES, price=PRICES, scrap=AMOUNTS),
    "fund.invest": st.fixed_dictionaries({"amount": AMOUNTS}),
    "fund.redeem": st.fixed_dictionaries({"shares": AMOUNTS}),
    "fund.cancel": st.fixed_dictionaries({"redemption": st.sampled_from(["1", "2", "3"])}),
    "fund.declare": bodies(
        amount=AMOUNTS, percent=st.sampled_from(["1", "50", "101"]), return_of_capital=st.booleans()
    ),
    "fund.withdraw": st.just({}),
    "market.halt": st.fixed_dictionaries({"reason": st.sampled_from(["storm", ""])}),
    "market.publish": bodies(source=NAMES, start=PRODUCTS, prices=st.lists(PRICES, max_size=2)),
    "market.resume": st.just({}),
    "market.advance": st.fixed_dictionaries({"interval": st.sampled_from(["2026-06-19T22:00Z", "2026-06-20T01:00Z"])}),
    "market.set": bodies(
        cap=PRICES, floor=PRICES, margin=PRICES, band_high=PRICES, pricing=st.sampled_from(["uniform", "pay-as-bid"])
    ),
    "order.place": st.fixed_dictionaries(
        {"side": st.sampled_from(["buy", "sell"]), "quantity_kwh": st.sampled_from(["0.001", "2", "500"])},
        optional={
            "price": PRICES,
            "until": st.sampled_from(["2026-06-20T06:00Z", "2026-06-19T00:00Z"]),
            "product": PRODUCTS,
            "order_kind": st.sampled_from(["limit", "market", "post-only", "iceberg"]),
            "tif": st.sampled_from(["gfs", "gtt", "ioc", "fok"]),
        },
    ),
    "order.amend": st.fixed_dictionaries(
        {"order": ORDERS}, optional={"price": PRICES, "quantity_kwh": st.sampled_from(["1", "600"])}
    ),
    "order.cancel": st.one_of(
        st.fixed_dictionaries({"order": ORDERS}),
        st.fixed_dictionaries({"all": st.just(True)}, optional={"product": PRODUCTS}),
    ),
    "home.set": bodies(home=st.sampled_from(["flat-1", "roof-1", "nowhere"]), owner=NAMES, appliances_percent=AMOUNTS),
    "plant.set": bodies(plant=st.sampled_from(["gas", "oil"]), owner=NAMES, capacity_kw=AMOUNTS, marginal_cost=PRICES),
}
PARTIES = st.sampled_from(["community", "tax", "grid ops"])
BILLED = st.sampled_from([Decimal(text) for text in ("0", "0.333", "12.5", "-4.005", "50000000000")])
STATEMENT = st.fixed_dictionaries(
    {
        "number": st.integers(1, 3).map(lambda n: f"c-2026-06-{n:03d}"),
        "member": NAMES,
        "billed": st.dictionaries(PARTIES, AMOUNTS),
        "payable": AMOUNTS,
    },
    optional={"corrects": st.just("c-2026-06-001")},
)
BODIES["community.post"] = st.fixed_dictionaries(
    {
        "community": st.just("c"),
        "period": st.sampled_from(["2026-06", "2026-06-15", "June"]),
        "currency": st.sampled_from(["EUR", "CHF"]),
        "settlement": st.sampled_from(["0" * 64, "1" * 64, "x"]),
        "statements": st.lists(STATEMENT, max_size=2),
        "own": st.dictionaries(PARTIES, AMOUNTS),
    }
)
BODIES["community.pay"] = st.fixed_dictionaries(
    {"statement": st.integers(1, 9).map(lambda n: f"c-2026-06-{n:03d}")}, optional={"amount": AMOUNTS}
)
BODIES["battery.buy"] = st.builds(lambda body, cost: body | {"cost": cost}, BODIES["battery.add"], AMOUNTS)


class Killed(BaseException):
    """The process ends here."""


@cache
def template() -> Path:
    """A founded desk with a market; making its tables takes longer than copying them."""
    folder = Path(tempfile.mkdtemp(prefix="voltadesk-history-", dir=MEMORY))
    source, holders = Source(TOWN + CALLS, {}), {"coop": key_text(KEYS["coop"].public)}
    with Desk.create(folder / "desk", "olga", KEYS["olga"], desk_id=DESK_ID, source=source, holders=holders):
        pass
    return folder / "desk"


class AnyHistory(RuleBasedStateMachine):
    """One desk, whatever is done to it."""

    def copy(self) -> None:
        shutil.copytree(template(), self.folder / "desk")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="voltadesk-history-", dir=MEMORY))
        self.copy()
        self.desk = Desk.open(self.folder / "desk")
        self.sent: list[tuple[SignedCommand, Receipt]] = []
        self.number = 0
        self.keys = dict(KEYS)
        for name in ("ann", "bob"):
            self.done("olga", "actor.add", {"name": name, "public_key": key_text(KEYS[name].public)})
        self.done("olga", "role.grant", {"actor": "ann", "role": "investor"})

    def signed(self, actor: str, kind: str, body: dict[str, Any]) -> SignedCommand:
        self.number += 1
        return SignedCommand.sign(self.keys[actor], DESK_ID, actor, f"k{self.number}", kind, body)

    def done(self, actor: str, kind: str, body: dict[str, Any]) -> Receipt:
        command = self.signed(actor, kind, body)
        receipt = self.desk.execute(command, self.desk.book.now_utc)
        self.sent.append((command, receipt))
        if kind == "actor.rotate-key" and receipt.outcome == "done":
            self.keys[actor] = BY_TEXT[body["public_key"]]
        return receipt

    @rule(actor=ACTORS, command=st.sampled_from(sorted(COMMANDS)).flatmap(lambda k: st.tuples(st.just(k), BODIES[k])))
    def command(self, actor: str, command: tuple[str, dict[str, Any]]) -> None:
        root, kind = self.desk.state_root(), command[0]
        receipt = self.done(actor, *command)
        assert (receipt.outcome == "done") or self.desk.state_root() == root, kind

    @rule(
        period=st.sampled_from(["2026-07", "2026-08"]),
        wholes=st.dictionaries(st.sampled_from(["ann", "bob"]), st.dictionaries(PARTIES, BILLED)),
    )
    def settle(self, period: str, wholes: dict[str, dict[str, Decimal]]) -> None:
        """A community's month, or what is other than it was posted before."""
        self.done("olga", "community.post", settlement(self.desk.book, wholes, period=period))

    @rule(actor=ACTORS, place=st.integers(0, 9))
    def pay(self, actor: str, place: int) -> None:
        numbers = list(self.desk.book.bills.by_number)
        if numbers:
            self.done(actor, "community.pay", {"statement": numbers[place % len(numbers)]})

    @rule(hours=st.integers(1, 3))
    def advance(self, hours: int) -> None:
        for _ in range(hours):
            self.done("olga", "market.advance", {"interval": utc_text(self.desk.book.now_utc)})

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def resend(self, data: st.DataObject) -> None:
        command, receipt = data.draw(st.sampled_from(self.sent))
        size = self.desk.journal.head().seq
        if receipt.outcome.startswith("denied:BAD_ACTOR") or receipt.outcome.startswith("denied:UNKNOWN"):
            return  # its key was not used up, and what it asks for may be right by now
        assert self.desk.execute(command) == receipt
        assert self.desk.journal.head().seq == size

    @rule()
    def reopen(self) -> None:
        root = self.desk.state_root()
        self.desk.close()
        self.desk = Desk.open(self.folder / "desk")
        assert self.desk.state_root() == root

    @rule(where=st.sampled_from(["before the commit", "after the commit", "after the anchor"]), hours=st.booleans())
    def crash(self, where: str, hours: bool) -> None:
        """The process ends in the middle of a command; it is sent again by the next."""
        if hours:
            command = self.signed("olga", "market.advance", {"interval": utc_text(self.desk.book.now_utc)})
        else:
            command = self.signed("ann", "fund.invest", {"amount": "5"})
        root, size = self.desk.state_root(), self.desk.journal.head().seq
        with pytest.MonkeyPatch.context() as patch:
            kill(patch, where)
            with pytest.raises(Killed):
                self.desk.execute(command, self.desk.book.now_utc)
        self.desk.journal.close()
        self.desk = Desk.open(self.folder / "desk")
        assert self.desk.journal.head().seq == size + (where != "before the commit")
        assert where != "before the commit" or self.desk.state_root() == root
        receipt = self.desk.execute(command, self.desk.book.now_utc)
        assert self.desk.journal.head().seq == size + 1 == receipt.seq
        self.sent.append((command, receipt))

    @rule(lasts=st.booleans())
    def disk_fails(self, lasts: bool) -> None:
        """The anchor can't be written: the outcome is found by the key, or unknown until it is asked for again."""
        command = self.signed("ann", "fund.invest", {"amount": "7"})
        write, size = Anchor.write, self.desk.journal.head().seq
        failures = iter(range(1000 if lasts else 1))

        def fail(anchor: Anchor, head: Any) -> None:
            if next(failures, None) is not None:
                raise OSError(5, "Input/output error")
            write(anchor, head)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Anchor, "write", fail)
            try:
                receipt = self.desk.execute(command, self.desk.book.now_utc)
                assert not lasts
            except OutcomeUnknown:
                assert lasts
        receipt = self.desk.execute(command, self.desk.book.now_utc)
        assert self.desk.journal.head().seq == size + 1 == receipt.seq
        self.sent.append((command, receipt))

    @invariant()
    def the_books_add_up(self) -> None:
        if hasattr(self, "desk"):
            book = self.desk.book
            book.ledger.audit()
            book.fund.audit()
            book.bills.audit()
            book.fleet.check()
            assert book.market is not None
            book.market.check(book.ledger)
            continuous_audit.audit(book.market.continuous, book.ledger)
            assert any("owner" in actor.roles for actor in book.actors.by_name.values())

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            root = self.desk.state_root()
            self.desk.close()
            assert verify(self.folder / "desk").state_root == root
            shutil.rmtree(self.folder)


def kill(patch: pytest.MonkeyPatch, where: str) -> None:
    """End the process at that place of the next command."""
    flush, write = Batch.flush, Anchor.write

    def flush_and_die(batch: Batch) -> None:
        flush(batch)
        raise Killed

    def die(anchor: Anchor, head: Any) -> None:
        raise Killed

    def write_and_die(anchor: Anchor, head: Any) -> None:
        write(anchor, head)
        raise Killed

    if where == "before the commit":
        patch.setattr(Batch, "flush", flush_and_die)
    else:
        patch.setattr(Anchor, "write", die if where == "after the commit" else write_and_die)


def test_every_command_is_tried() -> None:
    assert set(BODIES) == set(COMMANDS)


TestAnyHistory = AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=20, stateful_step_count=40, suppress_health_check=[HealthCheck.too_slow]
)


class AnyHistoryInPostgreSQL(AnyHistory):
    """The same, kept on a server."""

    server: Server

    def copy(self) -> None:
        self.databases = ExitStack()
        restore(template(), self.folder / "desk", self.databases.enter_context(self.server.database()))

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "databases"):
            self.databases.close()


def test_any_history_in_postgresql(server: Server) -> None:
    AnyHistoryInPostgreSQL.server = server
    few = settings(TestAnyHistory.settings, max_examples=4)
    run_state_machine_as_test(AnyHistoryInPostgreSQL, settings=few)
