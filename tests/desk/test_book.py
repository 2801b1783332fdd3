"""The desk's state under commands: rights, roles, the safety switch, and nothing changed by what is refused."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voltadesk.desk.book import Book
from voltadesk.desk.commands import COMMANDS, parse_command
from voltadesk.desk.refusal import Refusal
from voltadesk.desk.roles import ALLOWED, WHILE_HALTED


def key(name: str) -> str:
    """A public key's text: 33 bytes, told by the name."""
    return base64.b64encode(b"\x01" + hashlib.sha256(name.encode()).digest()).decode()[:43] + "="


BATTERY = {
    "battery": "b1",
    "serial": "S1",
    "capacity_kwh": "100",
    "charge_kw": "50",
    "discharge_kw": "50",
    "cost": "1300000",
}
BODIES: dict[str, dict[str, Any]] = {
    "actor.add": {"name": "dora", "public_key": key("dora")},
    "actor.rotate-key": {"public_key": key("new")},
    "actor.delegate": {"public_key": key("robot"), "kinds": ["market.halt"], "until": "2026-07-01T00:00Z"},
    "actor.undelegate": {"public_key": key("robot")},
    "role.grant": {"actor": "bob", "role": "operator"},
    "role.revoke": {"actor": "ann", "role": "investor"},
    "owner.transfer": {"actor": "bob"},
    "owner.accept": {},
    "battery.add": {k: v for k, v in BATTERY.items() if k != "cost"},
    "battery.buy": BATTERY,
    "battery.set": {"battery": "b0", "buy_limit": "20.00"},
    "battery.retire": {"battery": "b0"},
    "fund.invest": {"amount": "100"},
    "fund.redeem": {"shares": "1"},
    "fund.cancel": {"redemption": "1"},
    "fund.declare": {"amount": "1"},
    "fund.withdraw": {},
    "market.halt": {"reason": "test"},
    "market.publish": {"source": "by hand", "start": "2026-06-19T22:00Z", "prices": ["61.50", "-3"]},
    "market.resume": {},
    "market.advance": {"interval": "2026-06-19T22:00Z"},
    "market.set": {"cap": "1000.00"},
    "order.place": {"side": "buy", "quantity_kwh": "1"},
    "order.amend": {"order": "o-1", "price": "5"},
    "order.cancel": {"order": "o-1"},
    "home.set": {"home": "roof-1", "flexible": False},
    "plant.set": {"plant": "gas", "capacity_kw": "1"},
    "community.post": {
        "community": "house",
        "period": "2026-06",
        "currency": "EUR",
        "settlement": "0" * 64,
        "statements": [
            {"number": "house-2026-06-001", "member": "ann", "billed": {"community": "9.876"}, "payable": "9.88"},
            {"number": "house-2026-06-002", "member": "bob", "billed": {"tax": "-1"}, "payable": "-1.00"},
        ],
    },
    "community.pay": {"statement": "house-2026-06-001"},
}


class Desk:
    """A book with a founder, Olga, and a way to try commands by their names."""

    def __init__(self) -> None:
        self.book = Book("olga", key("olga"))
        self.entries = count(1)

    def do(self, actor: str, kind: str, /, **body: Any) -> dict[str, Any]:
        return self.book.apply(next(self.entries), actor, parse_command(kind, body))

    def root(self) -> str:
        return json.dumps(self.book.state(), sort_keys=True)

    def refused(self, code: str, actor: str, kind: str, /, **body: Any) -> None:
        before = self.root()
        with pytest.raises(Refusal) as caught:
            self.do(actor, kind, **body)
        assert caught.value.code == code
        assert self.root() == before


@pytest.fixture
def desk() -> Desk:
    """Olga the founder, Ann an investor with 2,000,000, Bob without a role, a battery b0 that cost nothing."""
    made = Desk()
    for name in ("ann", "bob"):
        made.do("olga", "actor.add", name=name, public_key=key(name))
    made.do("olga", "role.grant", actor="ann", role="investor")
    made.do("ann", "fund.invest", amount="2000000")
    made.do("olga", "battery.add", **(BODIES["battery.add"] | {"battery": "b0", "serial": "S0"}))
    return made


def test_every_command_has_a_rule_and_an_example() -> None:
    assert set(COMMANDS) == set(ALLOWED) == set(BODIES)
    assert set(COMMANDS) >= WHILE_HALTED


@pytest.mark.parametrize("kind", [kind for kind, roles in ALLOWED.items() if roles])
def test_a02_an_actor_without_a_role_is_denied(desk: Desk, kind: str) -> None:
    desk.refused("DENIED", "bob", kind, **BODIES[kind])


@pytest.mark.parametrize("kind", list(COMMANDS))
def test_a21_nobody_unknown_does_anything(desk: Desk, kind: str) -> None:
    desk.refused("UNKNOWN_ACTOR", "mallory", kind, **BODIES[kind])


def test_a03_admins_and_owners(desk: Desk) -> None:
    assert desk.do("olga", "role.grant", actor="ann", role="admin")["new"]
    once = desk.root()
    assert not desk.do("olga", "role.grant", actor="ann", role="admin")["new"]
    assert desk.root() == once
    desk.refused("DENIED", "ann", "role.grant", actor="bob", role="admin")
    desk.refused("NOT_FOUND", "olga", "role.revoke", actor="bob", role="admin")
    desk.refused("NOT_FOUND", "olga", "role.revoke", actor="nobody", role="admin")
    desk.refused("LAST_OWNER", "olga", "role.revoke", actor="olga", role="owner")
    desk.refused("NOT_FOUND", "bob", "owner.accept")
    desk.do("olga", "owner.transfer", actor="bob")
    desk.refused("NOT_FOUND", "ann", "owner.accept")
    desk.do("bob", "owner.accept")
    assert "owner" in desk.book.actors.get("bob").roles
    assert "owner" not in desk.book.actors.get("olga").roles
    desk.refused("NOT_FOUND", "bob", "owner.accept")


def test_a04_buying_through_commands(desk: Desk) -> None:
    fund = desk.book.fund
    desk.do("olga", "battery.buy", **BATTERY)
    assert fund.free_e8 == 700_000 * 10**8
    assert fund.nav_e8 == 2_000_000 * 10**8
    second = BATTERY | {"battery": "b2"}
    desk.refused("DUPLICATE", "olga", "battery.buy", **second)
    desk.refused("INSUFFICIENT_FUNDS", "olga", "battery.buy", **(second | {"serial": "S2", "cost": "700001"}))
    desk.refused("BAD_VALUE", "olga", "battery.buy", **(second | {"serial": "S2", "capacity_kwh": "0"}))
    desk.refused("BAD_VALUE", "olga", "battery.buy", **(second | {"serial": "S2", "charge_kw": "0"}))
    desk.refused("BAD_VALUE", "olga", "battery.buy", **(second | {"serial": "S2", "cost": "1", "fill_kwh": "101"}))


def test_a12_halted(desk: Desk) -> None:
    desk.do("olga", "battery.buy", **BATTERY | {"cost": "2000000"})
    desk.do("ann", "fund.redeem", shares="2000000")
    desk.do("olga", "market.halt", reason="storm")
    once = desk.root()
    desk.do("olga", "market.halt", reason="again")
    assert desk.root() == once
    for kind in set(COMMANDS) - WHILE_HALTED:
        actor = "ann" if kind in {"fund.invest", "fund.redeem", "order.place", "order.amend"} else "olga"
        desk.refused("HALTED", actor, kind, **BODIES[kind])
    desk.refused("NOTHING_DUE", "ann", "fund.withdraw")
    assert desk.do("ann", "fund.cancel", redemption="1") == {"request": 1, "shares": "2000000.00"}
    desk.do("olga", "market.resume")
    desk.do("ann", "fund.invest", amount="1")


def test_withdrawing_goes_on_while_halted(desk: Desk) -> None:
    desk.do("olga", "fund.declare", amount="1000", return_of_capital=True)
    desk.do("olga", "market.halt", reason="storm")
    assert desk.do("ann", "fund.withdraw") == {"amount": "1000.00"}
    desk.refused("NOTHING_DUE", "ann", "fund.withdraw")


def test_no_key_serves_two_actors(desk: Desk) -> None:
    desk.refused("DUPLICATE", "olga", "actor.add", name="ann2", public_key=key("ann"))
    desk.refused("DUPLICATE", "bob", "actor.rotate-key", public_key=key("olga"))
    desk.do("bob", "actor.rotate-key", public_key=key("bob-2"))
    assert desk.book.actors.get("bob").public_key == key("bob-2")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("fund.invest", {"amount": value})
        for value in ("", "-1", "0", "NaN", "inf", "1e400", str(2**63), "0.000000001", 10, 1.5, None, [])
    ]
    + [("fund.invest", {}), ("fund.invest", {"amount": "1", "actor": "bob"}), ("fund.steal", {})]
    + [("battery.set", {"battery": "b0", "buy_limit": "1.001"}), ("battery.set", {"battery": "b0"})],
)
def test_a19_bad_values_are_named(desk: Desk, kind: str, body: dict[str, Any]) -> None:
    before = desk.root()
    with pytest.raises(Refusal) as caught:
        desk.do("ann" if kind == "fund.invest" else "olga", kind, **body)
    assert caught.value.code == "BAD_VALUE"
    assert "\n" not in str(caught.value)
    assert desk.root() == before


# Delegated keys -------------------------------------------------------------------------------------------------------
def test_a_delegated_key_signs_what_it_may_for_as_long_as_it_may(desk: Desk) -> None:
    keys = desk.book.actors.signing_keys
    robot = {"public_key": key("robot"), "until": "2026-07-01T00:00Z"}
    desk.do("olga", "actor.delegate", kinds=["market.halt", "order.place"], **robot)
    over = 1782864000  # 2026-07-01T00:00Z
    assert keys("olga", "market.halt", over - 1) == (key("olga"), key("robot"))
    assert keys("olga", "market.resume", over - 1) == (key("olga"),)
    assert keys("olga", "market.halt", over) == (key("olga"),)
    assert keys("nobody", "market.halt", 0) == ()
    desk.refused("DUPLICATE", "ann", "actor.delegate", kinds=["market.halt"], **robot)
    desk.refused("DUPLICATE", "olga", "actor.add", name="eve", public_key=key("robot"))
    desk.refused("NOT_FOUND", "ann", "actor.undelegate", public_key=key("robot"))
    desk.do("olga", "actor.undelegate", public_key=key("robot"))
    assert keys("olga", "market.halt", 0) == (key("olga"),)


@pytest.mark.parametrize("kind", ["fund.withdraw", "fund.redeem", "actor.rotate-key", "role.grant", "no.such"])
def test_what_moves_money_or_rights_is_not_delegated(desk: Desk, kind: str) -> None:
    desk.refused("BAD_VALUE", "ann", "actor.delegate", public_key=key("robot"), kinds=[kind], until="2026-07-01T00:00Z")


def test_delegated_keys_are_few(desk: Desk) -> None:
    for n in range(20):
        given = {"public_key": key(f"robot{n}"), "kinds": ["order.place"], "until": "2026-07-01T00:00Z"}
        desk.do("ann", "actor.delegate", **given)
    desk.refused("TOO_MANY", "ann", "actor.delegate", **(given | {"public_key": key("another")}))


AMOUNTS = st.integers(1, 10**14).map(lambda e8: f"{e8 // 10**8}.{e8 % 10**8:08d}")
STEPS = st.lists(
    st.tuples(st.sampled_from(["olga", "ann", "bob", "eve"]), st.sampled_from(list(COMMANDS)), AMOUNTS), max_size=40
)


@settings(max_examples=60)
@given(STEPS)
def test_any_history_keeps_the_books_and_replays_to_the_same_state(steps: list[tuple[str, str, str]]) -> None:
    def run() -> Desk:
        desk = Desk()
        desk.do("olga", "actor.add", name="ann", public_key=key("ann"))
        for n, (actor, kind, amount) in enumerate(steps):
            body = dict(BODIES[kind])
            if "amount" in body:
                body["amount"] = amount
            if kind == "battery.buy":
                body |= {"battery": f"b{n}", "serial": f"S{n}", "cost": amount}
            if kind == "fund.redeem":
                body["shares"] = amount
            before = desk.root()
            try:
                desk.do(actor, kind, **body)
            except Refusal:
                assert desk.root() == before
            desk.book.ledger.audit()
            desk.book.fund.audit()
        return desk

    assert run().root() == run().root()
