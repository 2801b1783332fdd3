"""People and scripts that trade in order books while a market runs, and are killed: a process that the tests start.

    python -m tests.store.traders FOLDER KILLS SEED [URL]    prints what was acknowledged, as JSON

Each writer trades in its own name: it places, amends and cancels orders in the products to come. The first one also
runs the market's intervals. `crash` starts them, kills them and has them go on.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from tests.desk.town import TOWN, Town
from tests.store import crash
from voltadesk.clock import utc_text
from voltadesk.desk.source import Source
from voltadesk.store.desk import Desk
from voltadesk.store.keys import Key
from voltadesk.store.machine import SignedCommand, key_text

NAMES = ("olga", "ann", "bob", "coop")
KEYS = {name: Key.from_seed(name.encode().ljust(32, b"+")) for name in NAMES}
START_UTC, HOUR = 1781906400, 3600  # the town's first interval
EVERY = 15  # of the first writer's commands is an interval


def found(folder: Path, url: str = "") -> None:
    """A desk with the town's market, where Ann, Bob and the cooperative may trade."""
    holders = {"coop": key_text(KEYS["coop"].public)}
    source = Source(TOWN, {})
    with Desk.create(
        folder, "olga", KEYS["olga"], desk_id=crash.DESK_ID, source=source, holders=holders, database=url
    ) as desk:
        for name in ("ann", "bob"):
            for kind, body in (
                ("actor.add", {"name": name, "public_key": key_text(KEYS[name].public)}),
                ("role.grant", {"actor": name, "role": "investor"}),
            ):
                signed = SignedCommand.sign(KEYS["olga"], crash.DESK_ID, "olga", f"{kind}-{name}", kind, body)
                assert desk.execute(signed).outcome == "done"


def command(writer: int, number: int) -> SignedCommand:
    """The command of that number, the same whenever it is asked for; some are refused."""
    draw = random.Random(f"{writer} {number}")
    actor, choice = NAMES[writer], draw.random()
    order = f"o-{draw.randrange(5, 9 + 4 * number)}"
    product = utc_text(START_UTC + (draw.randrange(1, 4) + number // EVERY) * HOUR)
    kind, body = "order.cancel", {"order": order}
    if writer == 0 and number % EVERY == EVERY - 1:
        kind, body = "market.advance", {"interval": utc_text(START_UTC + number // EVERY * HOUR)}
    elif choice < 0.75:
        kind = "order.place"
        body = {"side": draw.choice(["buy", "sell"]), "quantity_kwh": str(draw.randrange(1, 9)), "product": product}
        body |= {"price": str(draw.randrange(60, 80)), "tif": draw.choice(["gfs", "gfs", "gfs", "ioc", "fok"])}
    elif choice < 0.85:
        kind, body = "order.amend", {"order": order, "price": str(draw.randrange(60, 80))}
    elif choice < 0.88:
        body = {"all": True, "product": product}  # type: ignore[dict-item]
    return SignedCommand.sign(KEYS[actor], crash.DESK_ID, actor, f"{writer}-{number}", kind, body)


def main() -> None:
    folder, kills, seed = Path(sys.argv[1]), *map(int, sys.argv[2:4])
    found(folder, *sys.argv[4:])
    Town().run()  # has the market's kernels loaded, for those that are forked
    crash.command = command
    print(json.dumps(crash.kill_loop(folder, kills, len(NAMES), seed, pause_s=0.5)))


if __name__ == "__main__":
    main()
