"""The commands. This module stays light: what a command needs is imported when it runs."""

from __future__ import annotations

import signal
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from voltadesk import __version__
from voltadesk.cli import headless
from voltadesk.errors import VoltaDeskError

app = typer.Typer(
    name="voltadesk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "A trading desk for local electricity and a battery fleet.\n\n"
        "Examples:\n\n"
        "  voltadesk headless replay                       a week of a small town's market\n\n"
        "  voltadesk headless replay village --json        another scenario, as JSON\n\n"
        "  voltadesk headless clear orders.csv             one auction over your orders\n"
    ),
)
app.add_typer(headless.app, name="headless")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"voltadesk {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Options that stand before the command."""


def _terminate(number: int, frame: object) -> NoReturn:
    """End by SIGTERM as by an exception, so that unfinished files are removed."""
    sys.exit(128 + number)


def main() -> None:
    """Run a command; errors become one line on stderr and their exit code."""
    debug = "--debug" in sys.argv[1:]
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # Names and the bars of reports, whatever the locale.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace" if stream is sys.stderr else "strict")
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(prog_name="voltadesk")
    except VoltaDeskError as error:
        if debug:
            traceback.print_exc()
        print(f"voltadesk: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; there is nobody to tell
        sys.exit(1)
    except KeyboardInterrupt:
        print("voltadesk: interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if debug:
            traceback.print_exc()
        name = f"{error.filename}: " if error.filename else ""
        print(f"voltadesk: {name}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(f"voltadesk: unexpected: {type(error).__name__}: {error} (--debug shows where)", file=sys.stderr)
        sys.exit(1)
