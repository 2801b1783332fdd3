"""A desk's whole story, from founding to dividend, told by a process that is killed again and again.

    python -m tests.store.story FOLDER KILLS SEED [URL]

FOLDER/one is told without a break. FOLDER/other is told by a process that is killed at any moment; the next one sends
everything again from the beginning. With a URL, the other one is kept in that PostgreSQL database. Prints the state
roots of both tellings and the kills, as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.desk.town import TOWN
from voltadesk.clock import utc_text
from voltadesk.desk.source import Source
from voltadesk.store.desk import Desk, verify
from voltadesk.store.keys import Key
from voltadesk.store.machine import SignedCommand, key_text

DESK_ID = "2" * 32
KEYS = {name: Key.from_seed(name.encode().ljust(32, b"-")) for name in ("olga", "ann", "bob", "coop", "eve", "new")}
START_UTC = 1781906400  # 2026-06-19T22:00Z, the town's first interval


def _run(first: int, count: int) -> list[tuple[str, str, dict[str, Any]]]:
    starts = [utc_text(START_UTC + n * 3600) for n in range(first, first + count)]
    return [("olga", "market.advance", {"interval": start}) for start in starts]


def _month(digit: str, *members: tuple[str, str, str]) -> dict[str, Any]:
    """A settlement, or with another digit its correction: who is billed what, and what of it is payable."""
    first = 1 + 2 * int(digit)
    statements = [
        {"number": f"village-2026-05-{n:03d}", "member": name, "billed": {"community": billed}}
        | {"payable": payable}
        | ({"corrects": "village-2026-05-001"} if digit != "0" else {})
        for n, (name, billed, payable) in enumerate(members, first)
    ]
    about = {"community": "village", "period": "2026-05", "currency": "EUR", "settlement": digit * 64}
    return about | {"statements": statements}


def told() -> list[tuple[str, str, dict[str, Any]]]:
    """Who does what: every kind of command, with some that are refused."""
    battery = {"capacity_kwh": "20", "charge_kw": "5", "discharge_kw": "5", "buy_limit": "30", "sell_limit": "80"}
    robot = key_text(KEYS["new"].public)
    soon, near, later = (utc_text(START_UTC + hours * 3600) for hours in (4, 7, 40))
    return [
        *(("olga", "actor.add", {"name": n, "public_key": key_text(KEYS[n].public)}) for n in ("ann", "bob")),
        ("bob", "market.halt", {"reason": "no right"}),
        ("olga", "role.grant", {"actor": "ann", "role": "investor"}),
        ("olga", "role.grant", {"actor": "bob", "role": "admin"}),
        ("olga", "role.grant", {"actor": "bob", "role": "admin"}),
        ("ann", "fund.invest", {"amount": "5000"}),
        ("bob", "battery.buy", battery | {"battery": "b1", "serial": "S1", "cost": "1300"}),
        ("bob", "battery.buy", battery | {"battery": "b2", "serial": "S1", "cost": "1300"}),
        ("bob", "battery.add", battery | {"battery": "b2", "serial": "S2", "fill_kwh": "20"}),
        ("olga", "actor.delegate", {"public_key": robot, "kinds": ["market.advance"], "until": later}),
        *_run(0, 4),
        ("ann", "order.place", {"side": "buy", "quantity_kwh": "1.5", "price": "300.00", "until": later}),
        ("ann", "order.place", {"side": "sell", "quantity_kwh": "900", "price": "-1.00", "until": later}),
        ("ann", "order.place", {"side": "sell", "quantity_kwh": "5", "price": "70.00", "product": later}),
        ("coop", "order.place", {"side": "buy", "quantity_kwh": "2", "product": later}),
        ("ann", "order.amend", {"order": "o-18", "price": "60.00"}),
        ("coop", "order.place", {"side": "buy", "quantity_kwh": "1", "price": "65", "tif": "fok", "product": near}),
        ("coop", "order.place", {"side": "buy", "quantity_kwh": "3", "price": "65", "product": near}),
        ("ann", "order.place", {"side": "sell", "quantity_kwh": "1", "product": near}),
        ("olga", "home.set", {"home": "roof-1", "owner": "ann"}),
        ("ann", "home.set", {"home": "roof-1", "appliances_percent": "50", "flexible": False}),
        ("olga", "plant.set", {"plant": "gas", "marginal_cost": "100.00"}),
        ("olga", "market.set", {"margin": "2.00", "community_rule": "discount", "community_discount_percent": "20"}),
        ("olga", "market.publish", {"source": "nobody", "start": soon, "prices": ["50.00"]}),  # its market has no feed
        *_run(4, 6),
        ("ann", "order.cancel", {"order": "o-17"}),
        ("olga", "market.halt", {"reason": "storm"}),
        *_run(10, 1),
        ("ann", "fund.redeem", {"shares": "1"}),
        ("olga", "market.resume", {}),
        ("bob", "battery.set", {"battery": "b2", "outages": [{"begin": soon, "end": later}]}),
        ("olga", "owner.transfer", {"actor": "bob"}),
        ("bob", "owner.accept", {}),
        ("bob", "battery.retire", {"battery": "cellar-1", "price": "40.00", "scrap": "10"}),
        ("bob", "fund.declare", {"percent": "10"}),
        ("bob", "fund.declare", {"amount": "50", "return_of_capital": True}),
        ("ann", "fund.withdraw", {}),
        ("ann", "fund.withdraw", {}),
        ("bob", "community.post", _month("0", ("ann", "12.345", "12.35"), ("bob", "-4.005", "-4.01"))),
        ("bob", "community.post", _month("0", ("ann", "12.345", "12.35"), ("bob", "-4.005", "-4.01"))),
        ("ann", "community.pay", {"statement": "village-2026-05-001", "amount": "10"}),
        ("bob", "community.post", _month("1", ("ann", "11", "-1.35"))),
        ("bob", "community.pay", {"statement": "village-2026-05-002"}),
        ("ann", "community.pay", {"statement": "village-2026-05-003"}),
        ("coop", "fund.redeem", {"shares": "500"}),
        ("olga", "actor.undelegate", {"public_key": robot}),
        ("ann", "actor.rotate-key", {"public_key": robot}),
        ("olga", "role.revoke", {"actor": "ann", "role": "investor"}),
        # Nobody's key is used up by this: sent again it is denied again, in another entry.
        ("eve", "fund.invest", {"amount": "5000"}),
    ]  # fmt: skip


def tell(folder: Path) -> str:
    """Send the whole story, as somebody does who remembers nothing; returns the state root."""
    with Desk.open(folder) as desk:
        for number, (actor, kind, body) in enumerate(told()):
            signed = SignedCommand.sign(KEYS[actor], desk.id, actor, f"s{number}", kind, body)
            desk.execute(signed, START_UTC)
        return desk.state_root()


def found(folder: Path, url: str = "") -> None:
    holders, source = {"coop": key_text(KEYS["coop"].public)}, Source(TOWN, {})
    Desk.create(
        folder, "olga", KEYS["olga"], time_utc=START_UTC, desk_id=DESK_ID, source=source, holders=holders, database=url
    ).close()


def main() -> None:
    folder, kills, rng, *urls = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3])), *sys.argv[4:]
    found(folder / "one")
    root = tell(folder / "one")
    begun = time.monotonic()
    tell(folder / "one")
    found(folder / "other", *urls)
    seconds, killed = 2 * (time.monotonic() - begun), 0
    while killed < kills:
        process = os.fork()
        if process == 0:
            status = 1
            try:
                tell(folder / "other")
                status = 0
            finally:
                os._exit(status)
        time.sleep(rng.random() * seconds)
        os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the story could not be told"
        killed += 1
    roots = [root, tell(folder / "other"), *(verify(folder / name).state_root for name in ("one", "other"))]
    print(json.dumps({"roots": roots, "kills": killed}))


if __name__ == "__main__":
    main()
