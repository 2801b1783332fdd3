"""Makes the pictures of the desktops that README and docs show: `python docs/make_pictures.py`.

They are the app's own screen, on the small town's market after five days and a shipped community's June, the same at
every run.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.ui.desks import community, make_desk, running, seat_of, shown  # noqa: E402
from voltadesk.store.desk import Desk  # noqa: E402
from voltadesk.ui.app import DeskApp  # noqa: E402
from voltadesk.ui.picture import screen_svg  # noqa: E402

NAMES = ("market", "fleet", "fund", "ledger", "admin", "community")
BEFORE_DECEMBER = 6  # months: the community's June
QUARTER = 30  # of the day that is shown, at 07:30: more is wanted then than there is
SIZE = (180, 50)
INTERVALS = 5 * 96 + 74
FOLDER = ROOT / "docs" / "pictures"


def fill(desk: Desk) -> None:
    """Run the market, and have people act on it now and then."""
    owner, holder = seat_of(desk), seat_of(desk, "town-cooperative")
    done = 0
    while done < INTERVALS:
        done += owner.advance(min(48, INTERVALS - done))
        price = 60 + done % 40
        owner.execute("order.place", {"side": "buy", "quantity_kwh": "2.5", "price": str(price)}, f"buy-{done}")
        owner.execute("fund.invest", {"amount": str(2000 + 10 * done)}, f"invest-{done}")
    holder.execute("fund.redeem", {"shares": "5000"}, "redeem")
    owner.execute("order.place", {"side": "sell", "quantity_kwh": "4", "price": "180"}, "sell")


async def draw(desk: Desk) -> None:
    with running(desk) as runner:
        app = DeskApp(runner, community="village")
        async with app.run_test(size=SIZE) as pilot:
            for n, name in enumerate(NAMES):
                await pilot.press(str(n + 1))
                await shown(pilot)
                if name == "community":
                    await look_at_june(pilot)
                await pilot.pause(2)
                (FOLDER / f"{name}.svg").write_text(screen_svg(app), "utf-8")


async def look_at_june(pilot: Pilot[Any]) -> None:
    """A home in an interval that serves its building first, then its feeder, then the rest."""
    app: Any = pilot.app
    await community(pilot)
    await pilot.press(*["up"] * BEFORE_DECEMBER)
    seen = await community(pilot)
    app.settler.choose_member("house-2")
    app.settler.choose_interval(seen.month.day_of(seen.interval)[0] + QUARTER)
    await community(pilot)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, make_desk(Path(folder) / "desk") as desk:
        fill(desk)
        asyncio.run(draw(desk))


if __name__ == "__main__":
    main()
