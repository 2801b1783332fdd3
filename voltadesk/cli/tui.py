"""`voltadesk tui`: the desk on the terminal; one's own, or one to try that is gone afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.keyfile import PassphraseFd
from voltadesk.cli.session import Session, default_folder, told_by
from voltadesk.cli.signals import handle_signals
from voltadesk.errors import BadInput, Interrupted, UsageError, VoltaDeskError

if TYPE_CHECKING:
    from voltadesk.store.seat import Seat
    from voltadesk.ui.market_process import MarketProcess
    from voltadesk.ui.settings import Settings

TRIAL_SPEED = 900  # a quarter-hour in a second
TRIAL_COMMUNITY = "flats"
DAY_S = 86_400

Scenario = Annotated[
    str | None, typer.Option(metavar="NAME|FILE", help="Try a scenario on a desk that is gone afterwards.")
]
Folder = Annotated[Path | None, typer.Option("--desk", envvar="VOLTADESK_DESK", metavar="FOLDER", help="The desk's.")]
AsName = Annotated[str | None, typer.Option("--as", envvar="VOLTADESK_AS", metavar="NAME", help="Who acts.")]
Community = Annotated[
    str | None, typer.Option(metavar="NAME|DIR", help="For its desktop: one that is shipped, or a folder of one's own.")
]
Theme = Annotated[str | None, typer.Option(metavar="NAME", help="dark, light, high-contrast or classic.")]

HELP = told_by(
    "The desk on the terminal: market, fleet, fund, ledger, administration, community, live and by keyboard.",
    "tui",
    "tui --scenario village --speed 3600",
    "tui --community meters-2026",
    "tui --desk /data/desk --as ann",
    more="Without a desk of your own (voltadesk init) it opens one to try, which is gone when you quit. "
    "? shows the keys, : takes the words of the command line.",
)


def tui(
    context: typer.Context,
    scenario: Scenario = None,
    desk: Folder = None,
    as_name: AsName = None,
    key_file: Annotated[Path | None, typer.Option(metavar="FILE", help="The key to sign with.")] = None,
    passphrase_fd: PassphraseFd = None,
    speed: Annotated[
        str | None, typer.Option(metavar="N|max", help="Seconds of the market's clock in a second.")
    ] = None,
    community: Community = None,
    theme: Theme = None,
    fps: Annotated[int | None, typer.Option(min=1, max=60, metavar="N", help="Pictures in a second.")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Nothing can be changed from this screen.")] = False,
) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()) and "TEXTUAL_DRIVER" not in os.environ:
        raise UsageError("tui needs a terminal; voltadesk headless --help works without one")
    if community is not None:
        from voltadesk.community.shipped import find_folder_rules

        find_folder_rules(Path(community))
    source = context.get_parameter_source("desk")
    if scenario is not None and source is not None and source.name == "ENVIRONMENT":
        desk = None  # what is asked for here goes before what is set for all commands
    with _opened(scenario, desk) as (folder, is_trial):
        at = Session(as_name=as_name, key_file=key_file, passphrase_fd=passphrase_fd, folder=folder)
        try:
            seats, market = _begin(at, is_trial, read_only)
            try:
                settings = _settings(theme, fps, speed, read_only)
                _show(market, settings, seats, community or (TRIAL_COMMUNITY if is_trial else ""))
            finally:
                market.close()
            if market.loss:
                raise VoltaDeskError(market.loss)
        finally:
            at.close()


def _settings(theme: str | None, fps: int | None, speed: str | None, read_only: bool) -> Settings:
    """The configuration file's, but for what the options say."""
    import platformdirs

    from voltadesk.ui.app import binding_ids
    from voltadesk.ui.settings import SPEED_LIMIT, checked_number, checked_theme, read_settings

    path = platformdirs.user_config_path("voltadesk") / "screen.toml"
    settings = replace(read_settings(path, binding_ids()), is_trading=not read_only)
    if theme is not None:
        settings = replace(settings, theme=checked_theme(theme))
    if fps is not None:
        settings = replace(settings, fps=fps)
    if speed is not None:
        if speed != "max" and not speed.isdecimal():
            raise BadInput("speed", speed, f"must be a whole number from 1 to {SPEED_LIMIT}, or max")
        settings = replace(settings, speed=0 if speed == "max" else checked_number("speed", int(speed), 1, SPEED_LIMIT))
    return settings


@contextmanager
def _opened(scenario: str | None, desk: Path | None) -> Iterator[tuple[Path, bool]]:
    """The desk's folder, and whether it is one to try."""
    if scenario is not None and desk is not None:
        raise UsageError("give either --scenario, for a desk to try, or --desk (voltadesk tui --help)")
    if scenario is None and (desk is not None or default_folder().exists()):
        yield desk or default_folder(), False
        return
    from voltadesk.cli.init import new_trial

    folder = Path(tempfile.mkdtemp(prefix="voltadesk-trial-"))
    try:
        new_trial(folder, scenario or "quickstart")
        yield folder, True
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _begin(at: Session, is_trial: bool, read_only: bool) -> tuple[dict[str, Path], MarketProcess]:
    """Have the market run beside, before the screen is even imported; key files of the desk's actors, too."""
    from voltadesk.ui.frame import ONLY_SHOWS
    from voltadesk.ui.market_process import MarketProcess

    seat, unsigned = seat_of(at)
    if read_only and not is_trial:  # a desk to try may still be played
        unsigned = ONLY_SHOWS
    seats, market = _seats(at), at.book.market
    ahead = DAY_S // market.step_s if is_trial and market is not None else 0
    at.forget_desk()
    return seats, MarketProcess(seat, unsigned=unsigned, is_trial=is_trial, speed=TRIAL_SPEED, ahead=ahead)


def _show(market: MarketProcess, settings: Settings, seats: dict[str, Path], community: str) -> None:
    import platformdirs

    from voltadesk.ui.app import DeskApp
    from voltadesk.ui.memory import load, save

    memory = platformdirs.user_state_path("voltadesk") / "screen.json"
    if settings.speed is not None:
        market.set_speed(settings.speed)
    app = DeskApp(market, settings, seats=seats, memory=load(memory), community=community)
    app.run()
    handle_signals()  # the app had its own
    if app.return_code == 128 + signal.SIGTERM:
        raise Interrupted(signal.SIGTERM)
    save(memory, app.memory)


def seat_of(at: Session) -> tuple[Seat, str]:
    """The seat of whoever asks, and why it can't sign: it shows without, too. Raises Refused for a wrong passphrase."""
    at.book.actors.get(at.actor)
    if not at.own_key_file.exists():
        return at.seat, f"no key of {at.actor} here"
    assert at.private
    return at.seat, ""


def _seats(at: Session) -> dict[str, Path]:
    """Key files of the desk's actors that are here, by name."""
    found = sorted((at.path / "keys").glob("*.key"))
    return {path.stem: path for path in found if path.stem in at.book.actors.by_name}
