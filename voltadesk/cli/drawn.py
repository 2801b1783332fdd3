"""Options of commands that write tables and reports: in which form, and whether as a page with pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voltadesk.errors import BadInput, MissingExtra

if TYPE_CHECKING:
    from voltadesk.report.charts import Chart
    from voltadesk.report.document import Section
    from voltadesk.report.summary import Tree

TableFormat = Annotated[Literal["parquet", "csv", "json"], typer.Option("--format", help="Of the tables.")]
Html = Annotated[bool, typer.Option("--html", help="With --out: the report with pictures as one HTML page, too.")]
Png = Annotated[bool, typer.Option("--png", help="With --out: the pictures as PNG, too, shown in report.md.")]


@dataclass
class ReportFiles:
    """Where a run's tables and its report go, and in which form."""

    out: Annotated[str | None, typer.Option(metavar="DIR", help="Write the tables and the report here.")] = None
    table_format: TableFormat = "parquet"
    html: Html = False
    png: Png = False

    def folder(self) -> Path | None:
        """The folder for the files, if there is to be one.

        Raises BadInput where there is none for what is drawn, MissingExtra where nothing can be drawn.
        """
        if self.out == "":
            raise BadInput("out", self.out, "must be a folder")
        if self.html or self.png:
            if self.out is None:
                raise BadInput("out", None, "must be given with --html and --png: a folder for the files")
            for library in ("matplotlib", *(("jinja2",) if self.html else ())):
                if find_spec(library) is None:
                    raise MissingExtra("report", "--html" if self.html else "--png")
        return None if self.out is None else Path(self.out)

    def written(
        self, tree: Tree, parts: Sequence[Section], title: str, charts: Callable[[], Sequence[Chart]]
    ) -> dict[str, str | bytes]:
        """The report's files by their names; pictures are only drawn where they are asked for."""
        from voltadesk.report.run_report import report_files

        drawn = charts() if self.html or self.png else []
        return report_files(tree, parts, drawn, title, html=self.html, png=self.png)
