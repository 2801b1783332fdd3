"""`voltadesk prices fetch`: a price series from a service, checked and kept like one from files."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from voltadesk.cli.answers import Json, answer
from voltadesk.cli.prices import (
    Column,
    Fill,
    Reading,
    SuspectsOption,
    Where,
    keep_or_refuse,
    name_of,
)
from voltadesk.cli.view import say

if TYPE_CHECKING:
    from voltadesk.feeds.live.sources import Source

HELP = (
    "Fetch prices from a service, check them as an import does, and keep them under a name.\n\n"
    "Examples:\n\n"
    "  voltadesk prices fetch energy-charts --zone DE-LU\n\n"
    "  voltadesk prices fetch awattar --zone AT --from 2026-03-01 --to 2026-03-31 --name at-march\n\n"
    "  voltadesk prices fetch octopus --zone AGILE-24-10-01-C --column value_inc_vat\n\n"
    "  voltadesk prices fetch entsoe --zone FR --from 2026-01-01\n\n"
    "Given again for the same name it goes on from the series' last day; what both have must be the same, else it is "
    "refused, unless --replace is given. ENTSO-E asks for a token: VOLTADESK_ENTSOE_TOKEN, or feeds.toml."
)


def fetch(
    source_name: Annotated[str, typer.Argument(metavar="SOURCE", help="energy-charts, awattar, octopus or entsoe.")],
    zone: Annotated[str, typer.Option(metavar="ZONE", help="A bidding zone; of Octopus an Agile product and region.")],
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Else the last day of the series, else today.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="Else tomorrow, as far as it is out.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Else made of source and zone.")] = None,
    column: Column = None,
    where: Where = None,
    fill: Fill = None,
    suspects: SuspectsOption = "refuse",
    replaces: Annotated[
        bool, typer.Option("--replace", help="What is fetched takes the place of what was kept of its time.")
    ] = False,
    as_json: Json = False,
) -> None:
    from voltadesk.clock import utc_text
    from voltadesk.feeds.live.fetching import documents, gather_documents, span_of_days
    from voltadesk.feeds.live.sources import source_of
    from voltadesk.feeds.prices.shelf import require_name

    source = source_of(source_name)
    zone = source.zone(zone)
    name = require_name(name_of(source.name, zone) if name is None else name)
    layout = Reading(zone=zone, column=column or source.column, where=where, timezone=source.days, fill=fill).layout()
    span = span_of_days(source, *_days(source, name, first, last))
    found = documents(source, zone, span, say)
    gathered = gather_documents(found, layout, suspects, name, replaces=replaces)
    tree, sections = keep_or_refuse(name, gathered, layout, suspects, as_json)
    end_utc = int(gathered.series.start_utc[-1] + gathered.series.step_s[-1])
    if end_utc < span[1]:
        say(f"{source.name}: has prices of {zone} until {utc_text(end_utc)}, not yet until {utc_text(span[1])}")
    if gathered.replaced:
        kept = "1 kept price" if gathered.replaced == 1 else f"{gathered.replaced:,} kept prices"
        say(f"{name}: {kept} gave way to what {source.name} has now")
    asked = {"source": source.name, "from_utc": utc_text(span[0]), "to_utc": utc_text(span[1])}
    answer(tree | {"fetched": asked | {"replaced": gathered.replaced}}, sections, as_json)


def _days(source: Source, name: str, first: str | None, last: str | None) -> tuple[date, date]:
    """The first and the last day to fetch."""
    from voltadesk.clock import day_of, time_zone

    zone = time_zone(source.days)
    today = datetime.now(zone).date()
    begin = day_of(first, "from") if first is not None else _last_day(source, name) or today
    return begin, day_of(last, "to") if last is not None else max(begin, today + timedelta(days=1))


def _last_day(source: Source, name: str) -> date | None:
    """The day that the series of that name has last, where there is one."""
    from voltadesk.clock import time_zone
    from voltadesk.feeds.prices.shelf import kept_series, names

    if name not in names():
        return None
    return datetime.fromtimestamp(int(kept_series(name).start_utc[-1]), time_zone(source.days)).date()
