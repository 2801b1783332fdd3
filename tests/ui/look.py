"""A look at the desk's app: `python -m tests.ui.look --desktop fleet --size 200x56 [--png F | --svg F] [--keys …]`.

Without a file the screen is printed as text; `--live` opens it in the terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
from pathlib import Path

from tests.ui.book_desks import fill_books
from tests.ui.desks import community, make_desk, running, shown
from voltadesk.ui.app import DeskApp, Settings
from voltadesk.ui.picture import HEIGHT, WIDTH, screen_svg, screen_text


async def draw(app: DeskApp, given: argparse.Namespace, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        await shown(pilot)
        await pilot.press(str([*app.MODES].index(given.desktop) + 1))
        await shown(pilot)
        for key in given.keys:
            await pilot.press(key)
            await pilot.pause(0.3)
        if given.desktop == "community":
            await community(pilot)
        await pilot.pause(0.5)
        for fault in app.faults:
            raise fault
        if given.svg is None and given.png is None:
            print(screen_text(app))
        else:
            svg = given.svg or given.png.with_suffix(".svg")
            svg.write_text(screen_svg(app), "utf-8")
            if given.png:
                to_png(svg, given.png, size)


def to_png(svg: Path, png: Path, size: tuple[int, int]) -> None:
    """Have Chromium draw the picture."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
             "--disable-background-networking", "--hide-scrollbars", f"--screenshot={png}",
             f"--window-size={round(size[0] * WIDTH) + 16},{round(size[1] * HEIGHT) + 16}", svg.absolute().as_uri()],
            check=True, capture_output=True,
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--desktop", default="market")
    parser.add_argument("--scenario", default="quickstart")
    parser.add_argument("--community", default="flats")
    parser.add_argument("--intervals", type=int, default=200)
    parser.add_argument("--actor", default="owner")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--png", type=Path)
    parser.add_argument("--size", default="200x56")
    parser.add_argument("--keys", nargs="*", default=[])
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--books", action="store_true", help="with orders in its order books")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        make_desk(Path(folder) / "desk", given.scenario) as desk,
        running(desk, given.intervals, given.actor) as runner,
    ):
        if given.books:
            fill_books(desk)
        app = DeskApp(runner, Settings(theme=given.theme), community=given.community)
        if given.live:
            app.run()
        else:
            w, h = map(int, given.size.split("x"))
            asyncio.run(draw(app, given, (w, h)))


if __name__ == "__main__":
    main()
