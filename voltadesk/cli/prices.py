"""`voltadesk prices …`: price series out of files of market operators, checked and kept by name."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voltadesk.cli.answers import Json, answer, show_sections, write_file
from voltadesk.cli.option_groups import grouped
from voltadesk.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from voltadesk.feeds.prices.layout import Gaps, Layout, Suspects
    from voltadesk.feeds.prices.shelf import Gathered
    from voltadesk.report.document import Section
    from voltadesk.report.summary import Tree

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=(
        "Price series: out of the files of market operators, checked, and kept by name.\n\n"
        "Examples:\n\n"
        "  voltadesk prices import GUI_ENERGY_PRICES_2024.csv --name de-lu-2024\n\n"
        "  voltadesk prices check PUBLIC_DVD_DISPATCHPRICE_202101.CSV --zone SA1\n\n"
        "  voltadesk prices fetch energy-charts --zone DE-LU\n\n"
        "  voltadesk prices list\n\n"
        "  voltadesk prices show de-lu-2024\n\n"
        "  voltadesk prices export de-lu-2024 --format csv\n\n"
        "An imported series goes by its name wherever a file of prices does: in backtests, scenarios and tariffs."
    ),
)

Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="CSV, JSON, XML or Parquet; the format is found.")]
FormatName = Annotated[str | None, typer.Option("--format", metavar="NAME", help="Of the files; else found by header.")]
Zone = Annotated[str | None, typer.Option(metavar="ZONE", help="Which one, or its name where the files have none.")]
Currency = Annotated[str | None, typer.Option(metavar="EUR", help="Which one, or its name where the files have none.")]
Column = Annotated[str | None, typer.Option(metavar="NAME", help="Of the prices, where more than one could be meant.")]
Where = Annotated[list[str] | None, typer.Option(metavar="COLUMN=TEXT", help="Read only such rows; more than once.")]
Timezone = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="Whose clock tells days, and times that nothing else tells; else UTC."),
]
StampsOption = Annotated[
    Literal["start", "end"] | None, typer.Option(help="What part of its interval a time is; else as the format has it.")
]
UnitOption = Annotated[str | None, typer.Option(metavar="EUR/MWh", help="Of the prices, where the files don't say.")]
Fill = Annotated[
    Literal["none", "previous", "interpolate"] | None,
    typer.Option(help="What becomes of gaps; without it they are refused."),
]
SuspectsOption = Annotated[
    Literal["refuse", "keep", "gap"],
    typer.Option(help="Days of zeros, repeated days and wrong offsets: refused, kept, or (days) taken for gaps."),
]


@dataclass
class Reading:
    """How files are read, as the options say that `import` and `check` share; each field is one."""

    format_name: FormatName = None
    zone: Zone = None
    currency: Currency = None
    column: Column = None
    where: Where = None
    timezone: Timezone = None
    stamps: StampsOption = None
    unit: UnitOption = None
    fill: Fill = None
    suspects: SuspectsOption = "refuse"

    def layout(self) -> Layout:
        """The options as readers take them. Raises BadInput."""
        from voltadesk.feeds.prices.layout import Layout

        if self.currency is not None and not re.fullmatch("[A-Z]{3}", self.currency):
            raise BadInput("currency", self.currency, "must be three capital letters")
        gaps: Gaps = "refuse" if self.fill is None else "skip" if self.fill == "none" else self.fill
        return Layout(
            self.column, self.timezone, self.stamps, gaps, where_of(self.where or []), self.zone, self.currency,
            self.unit, self.format_name,
        )  # fmt: skip


@app.command(
    "import",
    help=(
        "Read files of one series, check them together, and keep the series under a name.\n\n"
        "Examples:\n\n"
        "  voltadesk prices import hourly.csv --timezone Europe/Berlin --name de-lu-2024\n\n"
        "  voltadesk prices import jan.csv feb.csv --zone SA1 --name sa1\n\n"
        "  voltadesk prices import agile.json --column value_exc_vat\n\n"
        "  voltadesk prices import holes.csv --fill interpolate\n\n"
        "More files for a name that is there already go on with its series; where they say something else, they are "
        "refused. Nothing is kept unless all is well."
    ),
)
@grouped
def import_(
    files: Files,
    *,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Else made of the first file's name.")] = None,
    reading: Reading,
    as_json: Json = False,
) -> None:
    from voltadesk.feeds.prices.shelf import gather, require_name

    layout = reading.layout()
    name = require_name(_name_of(files[0], reading.zone) if name is None else name)
    gathered = gather(files, layout, reading.suspects, name)
    answer(*keep_or_refuse(name, gathered, layout, reading.suspects, as_json), as_json)


@app.command(
    "check",
    help=(
        "Say what files of prices hold and what is wrong with them; nothing is kept.\n\n"
        "Examples:\n\n"
        "  voltadesk prices check hourly.csv --timezone Europe/Berlin\n\n"
        "  voltadesk prices check jan.csv feb.csv --zone SA1 --json\n\n"
        "Exit code 4 where an import with the same options would be refused."
    ),
)
@grouped
def check(
    files: Files,
    *,
    reading: Reading,
    as_json: Json = False,
) -> None:
    from voltadesk.feeds.prices.shelf import description, gather
    from voltadesk.report.prices_document import checked_tree, findings_sections, series_sections, series_tree

    layout, suspects = reading.layout(), reading.suspects
    gathered = gather(files, layout, suspects)
    told = description(files[0].name, gathered, layout, suspects)
    tree = checked_tree(gathered.series, series_tree(told, gathered.series), layout.gaps, suspects)
    answer(tree, [*series_sections(tree), *findings_sections(tree["findings"], "found")], as_json)
    if faults := gathered.series.faults(suspects, layout.gaps):
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise CheckFailed(f"{faults[0].error()}{more}")


@app.command(
    "list",
    help="List the imported series.\n\nExamples:\n\n  voltadesk prices list\n\n  voltadesk prices list --json",
)
def list_(as_json: Json = False) -> None:
    from voltadesk.feeds.prices.shelf import described, names
    from voltadesk.report.prices_document import list_sections

    trees = [described(name) for name in names()]
    answer({"series": trees}, list_sections(trees), as_json)


Name = Annotated[str, typer.Argument(metavar="NAME", help="Of an imported series.")]


@app.command(
    help=(
        "Say all of an imported series: what it is, where it came from, what was repaired.\n\n"
        "Examples:\n\n  voltadesk prices show de-lu-2024\n\n  voltadesk prices show de-lu-2024 --json"
    )
)
def show(name: Name, as_json: Json = False) -> None:
    from voltadesk.feeds.prices.shelf import described, kept_series
    from voltadesk.report.prices_document import series_sections, series_tree

    tree = series_tree(described(name), kept_series(name))
    answer(tree, series_sections(tree), as_json)


ExportZone = Annotated[str | None, typer.Option(metavar="ZONE", help="In place of its own: DE-LU, or a code (EIC).")]


@app.command(
    help=(
        "Write an imported series in a form that others read, and the program again.\n\n"
        "Examples:\n\n"
        "  voltadesk prices export de-lu-2024 --format csv\n\n"
        "  voltadesk prices export de-lu-2024 --format parquet --out prices.parquet\n\n"
        "  voltadesk prices export de-lu-2024 --format a44 --out prices.xml\n\n"
        "a44 is the price document of ENTSO-E. Prices of a replay are imported from its intervals, those of a desk are "
        "written by 'voltadesk market export'."
    )
)
def export(
    name: Name,
    format_name: Annotated[
        Literal["csv", "parquet", "json", "a44"], typer.Option("--format", help="Of the file.")
    ] = "csv",
    zone: ExportZone = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Else to stdout.")] = None,
) -> None:
    from voltadesk.feeds.prices.shelf import kept_series, stored
    from voltadesk.report.prices_document import exported

    if out == "" or (out is None and format_name == "parquet"):
        raise BadInput("out", out, "must be a file")
    if format_name == "parquet":
        if zone is not None:
            raise BadInput("zone", zone, "must not be given beside --format parquet, which is the series as it is kept")
        body = stored(name).read_bytes()
    else:
        body = exported(format_name, name, kept_series(name), zone).encode()
    if out is None:
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
    else:
        write_file(Path(out), body)


# What was asked for ---------------------------------------------------------------------------------------------------
def where_of(given: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Columns and the texts that rows must have there. Raises BadInput."""
    pairs = []
    for text in given:
        name, equals, wanted = text.partition("=")
        if not equals or not name.strip():
            raise BadInput("where", text, "must be COLUMN=TEXT, such as REGIONID=SA1")
        pairs.append((name.strip(), wanted.strip()))
    return tuple(pairs)


def _name_of(path: Path, zone: str | None) -> str:
    """A name made of a file's, and of the zone that was chosen."""
    return name_of(path.stem, *([] if zone is None or zone.lower() in path.stem.lower() else [zone]))


def name_of(*texts: str) -> str:
    """A name for a series, made of texts."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(texts).lower()).strip("-")[:64]


def keep_or_refuse(
    name: str, gathered: Gathered, layout: Layout, suspects: Suspects, as_json: bool
) -> tuple[Tree, list[Section]]:
    """Keep a series under a name; returns what is said of it. Raises BadInput for what stands in the way, all shown."""
    from voltadesk.feeds.prices.shelf import keep
    from voltadesk.report.prices_document import checked_tree, findings_sections, series_sections, series_tree

    series = gathered.series
    if faults := series.faults(suspects, layout.gaps):
        tree = checked_tree(series, {"name": name}, layout.gaps, suspects)
        if not as_json:
            show_sections(findings_sections(tree["findings"], f"{name}: not kept"), sys.stderr)
        raise faults[0].error()
    description = keep(name, gathered, layout, suspects)
    tree = checked_tree(series, series_tree(description, series), layout.gaps, suspects)
    return tree, [*series_sections(tree), *findings_sections(tree["findings"], "found")]
