"""`voltadesk battery plan`: what batteries are to do, as blocks, as a calendar, as events of OpenADR."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from voltadesk.cli.answers import Json, print_json, show_sections, write_file
from voltadesk.errors import BadInput, UsageError

HELP = (
    "What batteries are to do, out of the results of a replay or a backtest: charging and discharging in blocks.\n\n"
    "Examples:\n\n"
    "  voltadesk battery plan results\n\n"
    "  voltadesk battery plan results --format ics --out fleet.ics\n\n"
    "  voltadesk battery plan results --only rolling --format openadr --out events.json\n\n"
    "RESULTS is a folder that 'headless replay --out' or 'headless backtest --out' has filled. ics is a calendar "
    "(RFC 5545), openadr a program and events for batteries (OpenADR 3.1): docs/formats.md."
)


def plan(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A folder, or batteries or intervals in it.")],
    only: Annotated[
        str | None, typer.Option(metavar="NAME", help="One battery; of a backtest, the strategy it goes by.")
    ] = None,
    format_name: Annotated[
        Literal["ics", "openadr"] | None, typer.Option("--format", help="Of the file; else a table.")
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Else to stdout.")] = None,
    as_json: Json = False,
) -> None:
    from voltadesk.feeds.schedules import read_schedules
    from voltadesk.report.exact_json import json_text
    from voltadesk.report.plan import plan_sections, plan_tree
    from voltadesk.report.plan_calendar import plan_calendar
    from voltadesk.report.plan_events import plan_events

    if as_json and format_name is not None:
        raise UsageError("give either --json or --format (voltadesk battery plan --help)")
    if out is not None and format_name is None:
        raise BadInput("out", out, "must be given with --format ics or openadr")
    if out == "":
        raise BadInput("out", out, "must be a file")
    schedules = read_schedules(results, only)
    if format_name is None:
        tree = plan_tree(schedules)
        if as_json:
            print_json(tree)
        else:
            show_sections(plan_sections(tree))
        return
    text = plan_calendar(schedules) if format_name == "ics" else json_text(plan_events(schedules)) + "\n"
    if out is None:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    else:
        write_file(Path(out), text.encode())
