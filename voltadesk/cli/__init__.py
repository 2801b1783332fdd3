"""The commands. This module stays light: what a command needs is imported when it runs."""

from __future__ import annotations

import sys
import traceback
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from voltadesk import __version__
from voltadesk.cli import (
    actor,
    battery,
    book,
    community,
    community_bills,
    community_compare,
    community_presets,
    export,
    fund,
    headless,
    home,
    init,
    journal,
    keep,
    ledger,
    market,
    market_feed,
    order,
    plan,
    plant,
    prices,
    prices_fetch,
    rights,
    run,
    scenario,
    serve,
    tui,
)
from voltadesk.cli.session import command
from voltadesk.cli.signals import handle_signals
from voltadesk.errors import Interrupted, VoltaDeskError

app = typer.Typer(
    name="voltadesk",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "A trading desk for local electricity and a battery fleet.\n\n"
        "Examples:\n\n"
        "  voltadesk tui                                   the desk on this terminal\n\n"
        "  voltadesk headless replay                       a week of a small town's market\n\n"
        "  voltadesk headless replay village --json        another scenario, as JSON\n\n"
        "  voltadesk headless clear orders.csv             one auction over your orders\n\n"
        "  voltadesk community settle --help               meters of an energy community, and its bills\n\n"
        "  voltadesk init                                  a desk of your own, with a market\n\n"
        "  voltadesk headless run --intervals 96           a day of it\n\n"
        "  voltadesk fund nav                              what its fund is worth now\n"
    ),
)
app.command("tui", help=tui.HELP)(tui.tui)
app.command("serve", help=serve.HELP)(serve.serve)
command(app, "init", init.HELP)(init.init)
community.app.command("compare", help=community_compare.HELP)(community_compare.compare)
command(headless.app, "run", run.HELP, signs=True)(run.run)
command(market.app, "publish", market_feed.PUBLISH, signs=True)(market_feed.publish)
command(market.app, "feed", market_feed.FEED, signs=True)(market_feed.feed)
command(community.app, "post", community_bills.POST, signs=True)(community_bills.post)
command(community.app, "pay", community_bills.PAY, signs=True)(community_bills.pay)
command(community.app, "statements", community_bills.STATEMENTS)(community_bills.statements)
battery.app.command("plan", help=plan.HELP)(plan.plan)
prices.app.command("fetch", help=prices_fetch.HELP)(prices_fetch.fetch)
community.app.command("presets", help=community_presets.PRESETS)(community_presets.presets)
NOUNS = {
    "headless": headless.app,
    "community": community.app,
    "actor": actor.app,
    "role": rights.role,
    "owner": rights.owner,
    "battery": battery.app,
    "fund": fund.app,
    "market": market.app,
    "order": order.app,
    "book": book.app,
    "home": home.app,
    "plant": plant.app,
    "prices": prices.app,
    "scenario": scenario.app,
    "ledger": ledger.app,
    "journal": journal.app,
}
for noun, verbs in NOUNS.items():
    app.add_typer(verbs, name=noun)
command(app, "export", export.HELP)(export.export)
command(app, "backup", keep.BACKUP)(keep.backup)
command(app, "restore", keep.RESTORE)(keep.restore)
command(app, "rebuild", keep.REBUILD)(keep.rebuild)
command(app, "doctor", keep.DOCTOR)(keep.doctor)


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


def _refuse_usage(error: TyperException) -> NoReturn:
    message = error.format_message()
    if "\n" in message:  # a command without arguments shows its help
        print(message, file=sys.stderr)
    else:
        from voltadesk.cli.usage import usage_error

        print(f"voltadesk: {usage_error(error)}", file=sys.stderr)
    sys.exit(error.exit_code)


def main() -> None:
    """Run a command; errors become one line on stderr and their exit code."""
    debug = "--debug" in sys.argv[1:]
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # Names and the bars of reports, whatever the locale.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace" if stream is sys.stderr else "strict")
    try:
        handle_signals()
        code = app(prog_name="voltadesk", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except TyperException as error:
        _refuse_usage(error)
    except VoltaDeskError as error:
        if debug:
            traceback.print_exc()
        print(f"voltadesk: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; there is nobody to tell
        sys.exit(1)
    except typer.Abort:
        print("voltadesk: aborted", file=sys.stderr)  # a question was not answered
        sys.exit(1)
    except Interrupted as interruption:
        print("voltadesk: interrupted", file=sys.stderr)
        sys.exit(interruption.exit_code)
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
