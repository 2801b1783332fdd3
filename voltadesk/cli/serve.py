"""`voltadesk serve`: the same desk in a browser on this machine."""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from voltadesk.cli.session import told_by
from voltadesk.cli.tui import AsName, Community, Folder, Scenario, Theme
from voltadesk.cli.view import say
from voltadesk.errors import MissingExtra

HOST = "127.0.0.1"  # whoever reaches the page can do what it can: it must not leave this machine

HELP = told_by(
    "The desk in a browser on this machine (the extra web); it only shows, unless --trade is given.",
    "serve",
    "serve --desk /data/desk --as ann --trade --port 8080",
    more="There is no log-in: with --trade every user of this machine acts in your name. Ctrl+C ends it.",
)


def serve(
    port: Annotated[int, typer.Option(min=1, max=65_535, metavar="N", help="Where it listens.")] = 8000,
    trade: Annotated[bool, typer.Option("--trade", help="Allow to act on the desk from the browser.")] = False,
    scenario: Scenario = None,
    desk: Folder = None,
    as_name: AsName = None,
    community: Community = None,
    theme: Theme = None,
) -> None:
    try:
        import textual_serve
        from textual_serve.server import Server
    except ImportError:
        raise MissingExtra("web", "serve") from None
    options = {"--scenario": scenario, "--desk": desk, "--as": as_name, "--community": community, "--theme": theme}
    words = [sys.executable, "-m", "voltadesk", "tui", *([] if trade else ["--read-only"])]
    for name, value in options.items():
        words += [] if value is None else [name, str(value)]
    say(f"the desk is at http://{HOST}:{port} {'and can be traded from there' if trade else '(it only shows)'}")
    with tempfile.TemporaryDirectory(prefix="voltadesk-") as folder:
        _copy_page(Path(textual_serve.__file__).parent / "templates", Path(folder))
        Server(shlex.join(words), host=HOST, port=port, title="VoltaDesk", templates_path=folder).serve()


def _copy_page(page: Path, folder: Path) -> None:
    """The library's page without what it loads from elsewhere: a desk on this machine asks nobody else."""
    for path in page.glob("*.html"):
        text = re.sub(r"<link[^>]*https://[^>]*>", "", path.read_text("utf-8"))
        (folder / path.name).write_text(text, "utf-8")
