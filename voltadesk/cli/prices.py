"""`voltadesk prices …`: price series out of files of market operators, checked and kept by name."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voltadesk.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltadesk.feeds.prices.layout import Gaps, Layout
    from voltadesk.report.document import Section

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=(
        "Price series: out of the files of market operators, checked, and kept by name.\n\n"
        "Examples:\n\n"
        "  voltadesk prices import GUI_ENERGY_PRICES_2024.csv --name de-lu-2024\n\n"
        "  voltadesk prices check PUBLIC_DVD_DISPATCHPRICE_202101.CSV --zone SA1\n\n"
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
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, numbers written exactly.")]


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
def import_(
    files: Files,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Else made of the first file's name.")] = None,
    format_name: FormatName = None,
    zone: Zone = None,
    currency: Currency = None,
    column: Column = None,
    where: Where = None,
    timezone: Timezone = None,
    stamps: StampsOption = None,
    unit: UnitOption = None,
    fill: Fill = None,
    suspects: SuspectsOption = "refuse",
    as_json: Json = False,
) -> None:
    from voltadesk.feeds.prices.shelf import gather, keep, require_name
    from voltadesk.report.prices_document import checked_tree, findings_sections, series_sections, series_tree

    layout = _layout(format_name, zone, currency, column, where, timezone, stamps, unit, fill)
    name = require_name(_name_of(files[0], zone) if name is None else name)
    gathered = gather(files, layout, suspects, name)
    series = gathered.series
    faults = series.faults(suspects, layout.gaps)
    if faults:
        tree = checked_tree(series, {"name": name}, layout.gaps, suspects)
        if not as_json:
            _show(findings_sections(tree["findings"], f"{name}: not imported"), sys.stderr)
        raise faults[0].error()
    description = keep(name, gathered, layout, suspects)
    tree = checked_tree(series, series_tree(description, series), layout.gaps, suspects)
    _answer(tree, [*series_sections(tree), *findings_sections(tree["findings"], "found")], as_json)


@app.command(
    help=(
        "Say what files of prices hold and what is wrong with them; nothing is kept.\n\n"
        "Examples:\n\n"
        "  voltadesk prices check hourly.csv --timezone Europe/Berlin\n\n"
        "  voltadesk prices check jan.csv feb.csv --zone SA1 --json\n\n"
        "Exit code 4 where an import with the same options would be refused."
    )
)
def check(
    files: Files,
    format_name: FormatName = None,
    zone: Zone = None,
    currency: Currency = None,
    column: Column = None,
    where: Where = None,
    timezone: Timezone = None,
    stamps: StampsOption = None,
    unit: UnitOption = None,
    fill: Fill = None,
    suspects: SuspectsOption = "refuse",
    as_json: Json = False,
) -> None:
    from voltadesk.feeds.prices.shelf import description, gather
    from voltadesk.report.prices_document import checked_tree, findings_sections, series_sections, series_tree

    layout = _layout(format_name, zone, currency, column, where, timezone, stamps, unit, fill)
    gathered = gather(files, layout, suspects)
    told = description(files[0].name, gathered, layout, suspects)
    tree = checked_tree(gathered.series, series_tree(told, gathered.series), layout.gaps, suspects)
    _answer(tree, [*series_sections(tree), *findings_sections(tree["findings"], "found")], as_json)
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
    _answer({"series": trees}, list_sections(trees), as_json)


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
    _answer(tree, series_sections(tree), as_json)


@app.command(
    help=(
        "Write an imported series in a form that others read, and the program again.\n\n"
        "Examples:\n\n"
        "  voltadesk prices export de-lu-2024 --format csv\n\n"
        "  voltadesk prices export de-lu-2024 --format parquet --out prices.parquet\n\n"
        "  voltadesk prices export de-lu-2024 --format json --out prices.json"
    )
)
def export(
    name: Name,
    format_name: Annotated[Literal["csv", "parquet", "json"], typer.Option("--format", help="Of the file.")] = "csv",
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Else to stdout.")] = None,
) -> None:
    from voltadesk.feeds.prices.shelf import described, kept_series, stored
    from voltadesk.report.exact_json import json_text
    from voltadesk.report.prices_document import exported, exported_csv

    if out == "" or (out is None and format_name == "parquet"):
        raise BadInput("out", out, "must be a file")
    if format_name == "parquet":
        body = stored(name).read_bytes()
    else:
        tree, series = described(name), kept_series(name)
        text = (
            exported_csv(tree, series) if format_name == "csv" else json_text(exported(tree, series), indent=1) + "\n"
        )
        body = text.encode()
    if out is None:
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
    else:
        _write(Path(out), body)


# What was asked for ---------------------------------------------------------------------------------------------------
def _layout(
    format_name: str | None,
    zone: str | None,
    currency: str | None,
    column: str | None,
    where: Sequence[str] | None,
    timezone: str | None,
    stamps: Literal["start", "end"] | None,
    unit: str | None,
    fill: Literal["none", "previous", "interpolate"] | None,
) -> Layout:
    from voltadesk.cli.backtest import where_of
    from voltadesk.feeds.prices.layout import Layout

    if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
        raise BadInput("currency", currency, "must be three capital letters")
    gaps: Gaps = "refuse" if fill is None else "skip" if fill == "none" else fill
    return Layout(column, timezone, stamps, gaps, where_of(where or []), zone, currency, unit, format_name)


def _name_of(path: Path, zone: str | None) -> str:
    """A name made of a file's, and of the zone that was chosen."""
    texts = [path.stem] if zone is None or zone.lower() in path.stem.lower() else [path.stem, zone]
    return re.sub(r"[^a-z0-9]+", "-", " ".join(texts).lower()).strip("-")[:64]


# Answers --------------------------------------------------------------------------------------------------------------
def _answer(tree: Any, parts: Sequence[Section], as_json: bool) -> None:
    from voltadesk.report.exact_json import json_text

    if as_json:
        typer.echo(json_text(tree))
    else:
        _show(parts, sys.stdout)


def _show(parts: Sequence[Section], stream: Any) -> None:
    from rich.console import Console

    from voltadesk.report.document import show as show_parts

    # Tables read from a pipe or a file are laid out for a wide page.
    show_parts(parts, Console(file=stream) if stream.isatty() else Console(file=stream, width=150))


def _write(path: Path, body: bytes) -> None:
    """Write a file all at once."""
    import os

    work = path.with_name(f".{path.name}-{os.urandom(8).hex()}")
    try:
        work.write_bytes(body)
        os.replace(work, path)
    except OSError as error:
        raise BadInput("out", str(path), (error.strerror or "can't be written").lower()) from None
    finally:
        work.unlink(missing_ok=True)
