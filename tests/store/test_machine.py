"""The root is a function of the state alone: not of how it came about, nor of what was hashed before."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desk.town import TOWN, key
from voltadesk.clock import utc_text
from voltadesk.desk.book import Book
from voltadesk.desk.buckets import Buckets
from voltadesk.desk.refusal import Refusal
from voltadesk.desk.source import Source
from voltadesk.store.keys import Key
from voltadesk.store.machine import MESSAGE_LIMIT, Machine, SignedCommand, key_text

SOURCE = Source(TOWN, {})


@cache
def public(name: str) -> str:
    return key_text(Key.from_seed(name.encode().ljust(32, b".")).public)


def no_file(digest: str) -> bytes:
    raise KeyError(digest)


def do(machine: Machine, entry: int, actor: str, kind: str, body: dict[str, Any]) -> str:
    """What comes of a command, as that entry, its signature taken for granted."""
    return machine.run(entry, 0, SignedCommand(actor, "k", kind, body, b""), None)[0]


def fresh_root(machine: Machine) -> str:
    """The root of the same state in a machine that has hashed nothing yet."""
    assert machine.book is not None
    state = json.loads(json.dumps(machine.book.state()))
    other = Machine(no_file, source=machine.source)
    other.book = Book.from_state(state, machine.source)
    assert other.book.state() == state
    return other.root()


AMOUNTS = st.integers(1, 10**13).map(lambda e8: f"{e8 // 10**8}.{e8 % 10**8:08d}")
NAMES = st.sampled_from(["olga", "coop", "ann"])
STEPS = st.one_of(
    st.tuples(NAMES, st.just("fund.invest"), st.builds(lambda a: {"amount": a}, AMOUNTS)),
    st.tuples(NAMES, st.just("fund.redeem"), st.builds(lambda a: {"shares": a}, AMOUNTS)),
    st.tuples(
        st.just("olga"),
        st.just("fund.declare"),
        st.builds(lambda a: {"amount": a, "return_of_capital": True}, AMOUNTS),
    ),
    st.tuples(NAMES, st.just("fund.withdraw"), st.just({})),
    st.tuples(NAMES, st.just("fund.cancel"), st.builds(lambda n: {"redemption": str(n)}, st.integers(1, 4))),
    st.tuples(st.just("olga"), st.sampled_from(["market.halt", "market.resume"]), st.just({})),
    st.tuples(
        st.just("olga"),
        st.just("battery.set"),
        st.builds(lambda p: {"battery": "cellar-1", "buy_limit": str(p)}, st.integers(-50, 60)),
    ),
    st.tuples(st.just("coop"), st.just("order.place"), st.just({"side": "buy", "quantity_kwh": "1", "price": "50"})),
    st.tuples(st.just("olga"), st.just("market.advance"), st.just({})),
)


@settings(max_examples=40)
@given(st.lists(STEPS, max_size=25))
def test_the_root_kept_is_the_root_of_the_state(steps: list[tuple[str, str, dict[str, Any]]]) -> None:
    machine = Machine(no_file, source=SOURCE)
    book = machine.book = Book("olga", key("olga"), "EUR", SOURCE, {"coop": key("coop")})
    assert do(machine, 1, "olga", "actor.add", {"name": "ann", "public_key": public("ann")}) == "done"
    do(machine, 2, "olga", "role.grant", {"actor": "ann", "role": "investor"})
    for entry, (actor, kind, body) in enumerate(steps, 3):
        if kind == "market.advance":
            body = {"interval": utc_text(book.now_utc)}
        elif kind == "market.halt":
            body = {"reason": "test"}
        before = machine.root()
        if do(machine, entry, actor, kind, body) == "done":
            assert machine.root() == fresh_root(machine)
        else:
            machine._root = ""
            assert machine.root() == before


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), AMOUNTS), max_size=12), st.randoms(use_true_random=False))
def test_equal_states_have_equal_roots_whatever_the_way_there(
    investments: list[tuple[str, str]], random: random.Random
) -> None:
    def root(order: list[tuple[str, str]]) -> str:
        machine = Machine(no_file)
        machine.book = Book("olga", key("olga"))
        assert do(machine, 0, "olga", "fund.invest", {"amount": "1"}) == "done"
        for name in sorted("abcdefgh", key=lambda name: random.random()):
            assert do(machine, 0, "olga", "actor.add", {"name": name, "public_key": public(name)}) == "done"
            assert do(machine, 0, "olga", "role.grant", {"actor": name, "role": "investor"}) == "done"
        for name, amount in order:
            assert do(machine, 1, name, "fund.invest", {"amount": amount}) == "done"
            if random.random() < 0.3:
                machine.root()
        return machine.root()

    shuffled = list(investments)
    random.shuffle(shuffled)
    assert root(investments) == root(shuffled)


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 3)), max_size=80))
def test_buckets_hold_what_there_is(changes: list[tuple[int, int]]) -> None:
    held: dict[str, int] = {}
    buckets = Buckets(lambda name: f"{name} {held[name]}" if held.get(name) else "")
    for number, value in changes:
        held[f"n{number}"] = value
        buckets.touch(f"n{number}")
        if value == 3:
            buckets.state()
    again = Buckets(lambda name: f"{name} {held[name]}")
    for name, value in held.items():
        if value:
            again.touch(name)
    assert buckets.state() == again.state()
    lines = sorted(line for text in buckets.state().values() for line in text.split("\n"))
    assert lines == sorted(f"{name} {value}" for name, value in held.items() if value)


@pytest.mark.parametrize("section", ["ledger", "fund"])
def test_a_state_that_was_touched_is_refused(section: str) -> None:
    book = Book("olga", key("olga"), "EUR", SOURCE, {"coop": key("coop")})
    state = json.loads(json.dumps(book.state()))
    buckets = state["ledger"]["balances"] if section == "ledger" else state["fund"]["investors"]
    name = next(iter(buckets))
    buckets["zz"] = buckets.pop(name)
    with pytest.raises(AssertionError, match=f"the state of the {section} is not"):
        Book.from_state(state, SOURCE)


def test_a_settlement_may_be_long_and_no_other_command() -> None:
    member = {"billed": {"community": "1.23"}, "payable": "1.23"}
    statements = [member | {"number": f"c-2026-06-{n:03d}", "member": f"m-{n}"} for n in range(1, 1001)]
    body = {"community": "c", "period": "2026-06", "currency": "EUR", "settlement": "0" * 64, "statements": statements}
    machine = Machine(no_file)
    machine.book = Book("olga", key("olga"))
    assert len(SignedCommand("olga", "k", "community.post", body, b"").message("d")) > MESSAGE_LIMIT
    assert do(machine, 1, "olga", "community.post", body) == "done"
    assert machine.root() == fresh_root(machine)
    with pytest.raises(Refusal, match="must not have more than 65536"):
        SignedCommand("olga", "k", "community.pay", body, b"").message("d")
    with pytest.raises(Refusal, match="must not have more than 8388608"):
        SignedCommand("olga", "k", "community.post", body | {"period": "x" * 2**23}, b"").message("d")
