"""`voltadesk community …`: real meters of an energy community, checked, settled and compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voltadesk.cli.answers import Json, answer
from voltadesk.cli.drawn import TableFormat
from voltadesk.cli.option_groups import grouped
from voltadesk.errors import BadInput, CheckFailed, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from voltadesk.community.rules import Community
    from voltadesk.report.community_files import Draw, SettlementFiles

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=(
        "An energy community: meters in, a bill for every member out.\n\n"
        "Examples:\n\n"
        "  voltadesk community settle village --rules village --from 2026-06\n\n"
        "  voltadesk community check jan.csv --rules rules.toml\n\n"
        "  voltadesk community settle jan.csv --rules rules.toml --from 2026-01\n\n"
        "  voltadesk community compare flats --rules flats --from 2026-06 --battery 9kWh\n\n"
        "  voltadesk community presets\n\n"
        "  voltadesk community post jan\n\n"
        "  voltadesk community statements --unpaid\n\n"
        "  voltadesk community pay flats-2026-01-003\n\n"
        "Communities that are shipped, with meters of the year 2026: flats, village.\n"
    ),
)

Meters = Annotated[
    list[Path], typer.Argument(metavar="METERS…", help="CSV, Parquet, JSON, Green Button XML; or a shipped name.")
]
Rules = Annotated[
    Path, typer.Option("--rules", metavar="FILE", help="The community's rules, as TOML, or a shipped name.")
]
From = Annotated[
    str, typer.Option("--from", metavar="DAY", help="The first month or day, as 2026-01 or 2026-01-15, on its clock.")
]
To = Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last month or day; else that of --from.")]


@app.command(
    help=(
        "Say what meter files hold and what is wrong with them, before anything is settled.\n\n"
        "Examples:\n\n"
        "  voltadesk community check jan.csv --timezone Europe/Vienna\n\n"
        "  voltadesk community check *.csv --rules rules.toml --from 2026-01 --json\n\n"
        "With the rules, also whether every member has a meter, without a gap while it is one, and which meters they "
        "don't name. Exit code 4 where anything is wrong."
    )
)
def check(
    meters: Meters,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The community's rules; they tell clock and stamps.")
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="With the rules: the first month or day that is needed.")
    ] = None,
    end: To = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Without rules: whose clock times without an offset are on.")
    ] = None,
    stamps: Annotated[
        Literal["start", "end"], typer.Option(help="Without rules: what part of its interval a time is.")
    ] = "start",
    as_json: Json = False,
) -> None:
    from voltadesk.community.check import faults_of, read_all
    from voltadesk.community.energy import Registers
    from voltadesk.community.shipped import find_meters, find_rules
    from voltadesk.report.community_document import checked_sections
    from voltadesk.report.community_figures import checked

    known, span = None, None
    if rules is not None:
        from voltadesk.community.periods import days_between, seconds_of
        from voltadesk.community.rules import read_rules

        known = read_rules(find_rules(rules))
        timezone, stamps = known.timezone, known.meters.stamps
        if begin is not None:
            span = seconds_of(known, *days_between(begin, end))
    elif begin is not None or end is not None:
        raise BadInput("from", begin or end, "needs --rules, which tell the clock")
    files, faults = read_all([find_meters(name) for name in meters], timezone, stamps)
    faults += faults_of(files, known, span)
    notes = [] if known is None else Registers(files).unnamed(known)
    tree = checked(files, faults, notes)
    answer(tree, checked_sections(tree), as_json)
    if faults:
        raise CheckFailed(f"{faults[0]}" + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""))


@dataclass
class StatementFiles:
    """Where statements go, in which form, and the day that stands on them."""

    out: Annotated[str | None, typer.Option(metavar="DIR", help="A new or empty folder for the files.")] = None
    issued: Annotated[
        str | None, typer.Option(metavar="DAY", help="The day on the statements; payments are due due_days later.")
    ] = None
    html: Annotated[bool, typer.Option("--html", help="With --out: statements and report as HTML, too.")] = False
    pdf: Annotated[bool, typer.Option("--pdf", help="With --out: statements and report as PDF, too.")] = False
    table_format: TableFormat = "csv"

    def folder(self) -> SettlementFiles | None:
        """The folder for the files, if there is to be one, not made yet. Raises BadInput, MissingExtra."""
        from voltadesk.clock import day_of
        from voltadesk.report.community_files import SettlementFiles

        if self.out == "":
            raise BadInput("out", self.out, "must be a folder")
        if self.issued is not None:
            day_of(self.issued, "issued")
        if self.out is None and (self.html or self.pdf):
            raise BadInput("out", None, "must be given with --html and --pdf: a folder for the files")
        drawn = self._drawn()
        return None if self.out is None else SettlementFiles(Path(self.out), drawn, self.table_format)

    def day_after(self, ended_utc: int, rules: Community) -> date | None:
        """The day on the statements, where one is given, of what has ended by then. Raises BadInput."""
        from voltadesk.clock import day_of
        from voltadesk.community.periods import seconds_of

        if self.issued is None:
            if rules.bank is not None and self.out is not None:
                raise BadInput("issued", None, "must be given with bank in the rules: files for the bank carry a day")
            return None
        day = day_of(self.issued, "issued")
        if seconds_of(rules, day, day)[0] < ended_utc:
            raise BadInput("issued", self.issued, "must not be before all that is settled has ended")
        return day

    def _drawn(self) -> dict[str, Draw]:
        """How pages are drawn, by the ending of the files."""
        drawn: dict[str, Draw] = {}
        try:
            if self.html:
                from voltadesk.report.html_page import html_page

                drawn["html"] = html_page
            if self.pdf:
                from voltadesk.report.pdf_page import pdf_page

                drawn["pdf"] = pdf_page
        except ImportError:
            raise MissingExtra("report", "--pdf" if drawn or not self.html else "--html") from None
        return drawn


@app.command(
    help=(
        "Share a community's energy out, price it, and tell each member what it used, made and owes.\n\n"
        "Examples:\n\n"
        "  voltadesk community settle jan.csv --rules rules.toml --from 2026-01\n\n"
        "  voltadesk community settle *.csv --rules r.toml --from 2026-01 --out jan\n\n"
        "  voltadesk community settle *.csv --rules r.toml --from 2026-01 --json\n\n"
        "  voltadesk community settle new.csv --rules r.toml --from 2026-01 --billed jan --out jan-2\n\n"
        "  voltadesk community settle jan.csv --rules r.toml --from 2026-01 --out jan --issued 2026-02-02 --pdf\n\n"
        "Each month is a period of its own. --out writes a statement for each member (Markdown, CSV, JSON), payments, "
        "all lines, the shares of every interval and the report; with bank in the rules also SEPA files, for which "
        "--issued tells the day. HTML and PDF need the extra report. --billed starts from what was billed: only those "
        "get a statement whose figures changed, with the next number, for the difference."
    )
)
@grouped
def settle(
    meters: Meters,
    rules: Rules,
    begin: From,
    end: To = None,
    billed: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="A folder that --out wrote: correct it. Once for each folder of the period."),
    ] = None,
    *,
    statements: StatementFiles,
    as_json: Json = False,
) -> None:
    from voltadesk.cli.progress import counting, shown_compiling
    from voltadesk.community.billed import read_billed
    from voltadesk.community.periods import read_periods
    from voltadesk.community.settlement import settle as settle_period
    from voltadesk.engine.sharing import match_by_nearness
    from voltadesk.report.community_bank import bank_files, with_payments
    from voltadesk.report.community_document import settled_sections
    from voltadesk.report.community_figures import Period, settled

    folder = statements.folder()
    known, files, grids, energies = read_periods(meters, rules, begin, end)
    day = statements.day_after(max(grid.end_utc for grid in grids.values()), known)
    before = read_billed(billed or [], known, grids)

    def periods() -> Iterator[Period]:
        for name, energy, tariffs in energies:
            period = Period(name, settle_period(known, energy, tariffs), before[name] if billed else None)
            if folder is not None:
                folder.write_shares(period)
            yield period
            del period, energy, tariffs  # a month of a large community takes much memory

    try:
        if folder is not None:
            folder.begin()
        with shown_compiling(match_by_nearness):
            tree = with_payments(settled(known, files, periods()), known, day)
        if folder is not None:
            count = sum(len(period["members"]) for period in tree["periods"])
            with counting("writing", count, "statements") as on_progress:
                folder.write(tree, bank_files(tree, known), on_progress)
    finally:
        if folder is not None:
            folder.close()
    answer(tree, settled_sections(tree), as_json)
