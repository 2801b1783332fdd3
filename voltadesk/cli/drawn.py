"""Options of commands that write tables and reports: in which form, and whether as a page with pictures."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal

import typer

from voltadesk.errors import BadInput, MissingExtra

TableFormat = Annotated[Literal["parquet", "csv", "json"], typer.Option("--format", help="Of the tables.")]
Html = Annotated[bool, typer.Option("--html", help="With --out: the report with pictures as one HTML page, too.")]
Png = Annotated[bool, typer.Option("--png", help="With --out: the pictures as PNG, too, shown in report.md.")]


def require_drawing(out: str | None, html: bool, png: bool) -> None:
    """Raises BadInput where there is no folder for what is drawn, MissingExtra where nothing can be drawn."""
    if not html and not png:
        return
    if out is None:
        raise BadInput("out", None, "must be given with --html and --png: a folder for the files")
    for library in ("matplotlib", *(("jinja2",) if html else ())):
        if find_spec(library) is None:
            raise MissingExtra("report", "--html" if html else "--png")
