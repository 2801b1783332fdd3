"""A settlement's files: statements of all members, payments, shares of every interval, the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from voltadesk.errors import BadInput
from voltadesk.feeds.parquet import sql_file, sql_text
from voltadesk.report.community_document import settled_sections, statement_sections
from voltadesk.report.community_figures import Period
from voltadesk.report.community_page import Page, report_page, statement_page
from voltadesk.report.document import markdown
from voltadesk.report.exact_json import json_text
from voltadesk.report.folder import OutFolder
from voltadesk.report.summary import Tree
from voltadesk.report.tables import CENTS, DATABASE, INTEGER, TEXT, WRITE, YES_OR_NO, Columns, Format, RowFiles

LINE_COLUMNS = ("item", "detail", "party", "energy_kwh", "mean_price_per_kwh", "net", "tax", "gross", "billed")
CORRECTED_COLUMNS = (
    *LINE_COLUMNS,
    *(f"{key}_{what}" for key in ("energy_kwh", "net", "tax", "gross") for what in ("before", "difference")),
)
SHARE_COLUMNS = ("member", "start_utc_s", "import_wh", "from_community_wh", "export_wh", "to_community_wh")
SHARES_AT_ONCE = 1 << 20  # rows
PAYMENTS = {"statement": TEXT, "member": TEXT, "direction": TEXT, "amount": CENTS, "by": TEXT}
LINES = {
    **dict.fromkeys(("statement", "member", "item", "detail", "party"), TEXT),
    **dict.fromkeys(("energy_wh", "net_e8", "tax_e8", "gross_e8"), INTEGER),
    "billed": YES_OR_NO,
}


Draw = Callable[[Page], bytes]


class SettlementFiles(OutFolder):
    """A new folder for a settlement: statements that may have been sent are never written over.

    `drawn` tells how pages are drawn, by the ending of the files: statements and the report are written so as well.
    `form` is that of the tables of all members.
    """

    def __init__(self, folder: Path, drawn: Mapping[str, Draw], form: Format = "csv") -> None:
        super().__init__(folder)
        self.drawn, self.form = drawn, form

    def begin(self) -> None:
        """Make the folders. Raises BadInput where they can't be made, or hold anything."""
        if self.folder.is_dir() and any(self.folder.iterdir()):
            limit = "must be a new or an empty folder: statements are never written over"
            raise BadInput("out", str(self.folder), limit)
        super().begin()

    def write_shares(self, period: Period) -> None:
        """A row for each interval and member, by member and time: what it wanted and took, offered and gave [Wh].

        Ten thousand members have thirty million rows a month, so they are made and written some members at a time.
        """
        energy, parts = period.settlement.energy, []
        at_once = max(1, SHARES_AT_ONCE // energy.grid.count)
        with duckdb.connect(config=DATABASE) as database:
            for first in range(0, len(energy.names), at_once):
                parts.append(self.work / f"shares-part-{first:08d}.parquet")
                database.register("columns_now", _shares(period, slice(first, first + at_once)))
                database.execute(f"COPY (SELECT * FROM columns_now) TO {sql_text(parts[-1])} (FORMAT parquet)")  # noqa: S608
            database.execute("SET VARIABLE members = $1::VARCHAR[]", [list(energy.names)])
            files = ", ".join(map(sql_file, parts))
            rows = f"SELECT getvariable('members')[member + 1] AS member, * EXCLUDE member FROM read_parquet([{files}])"  # noqa: S608
            target = sql_text(self.path(f"shares-{period.name}.{self.form}"))
            database.execute(f"COPY ({rows}) TO {target} {WRITE[self.form]}")
        for part in parts:
            part.unlink()

    def write(
        self,
        tree: Tree,
        bank_files: Iterable[tuple[str, str]],
        on_progress: Callable[[int], None],
    ) -> None:
        """Write the rest, then move all into the folder; `on_progress` is told the number of statements written."""
        self.write_text("settlement.json", json_text(tree, indent=2) + "\n")
        self.write_text("report.md", markdown(settled_sections(tree)))
        self._draw("report", report_page(tree))
        written, tables = 0, RowFiles(self, self.form)
        for figures in tree["periods"]:
            for member in figures["members"]:
                if is_told(member):
                    self._write_statement(tree, figures, member)
                written += 1
                on_progress(written)
            payments = ([row[name] for name in PAYMENTS] for row in figures["payments"])
            tables.write(f"payments-{figures['period']}", PAYMENTS, payments)
            tables.write(f"lines-{figures['period']}", LINES, _line_rows(figures))
        for name, text in bank_files:
            self.write_text(name, text)
        self.finish()

    def _write_statement(self, tree: Tree, period: Tree, member: Tree) -> None:
        stem = f"statements/{period['period']}/{member['name']}"
        about = {"community": tree["community"]} | {
            key: period[key] for key in ("period", "start_utc", "end_utc", "start", "end", "issued")
        }
        self.write_text(f"{stem}.json", json_text(about | member, indent=2) + "\n")
        self.write_text(f"{stem}.md", markdown(statement_sections(tree, period, member)))
        is_correction = member["energy_kwh_before"] is not None
        columns = CORRECTED_COLUMNS if is_correction else LINE_COLUMNS
        lines = member["corrected_lines" if is_correction else "lines"]
        self.write_text(f"{stem}.csv", csv_text(columns, [[_cell(line[name]) for name in columns] for line in lines]))
        self._draw(stem, statement_page(tree, period, member))

    def _draw(self, stem: str, page: Page) -> None:
        for ending, draw in self.drawn.items():
            self.path(f"{stem}.{ending}").write_bytes(draw(page))


def _shares(period: Period, members: slice) -> Columns:
    """The rows of some members."""
    done, energy = period.settlement, period.settlement.energy
    active = energy.active.T[members].ravel()
    numbers = np.arange(len(energy.names))[members]
    columns: Columns = {
        "member": np.repeat(numbers, energy.grid.count)[active],
        "start_utc_s": np.tile(energy.grid.starts_utc, len(numbers))[active],
    }
    for name, array in zip(
        SHARE_COLUMNS[2:], (energy.import_wh, done.taken_wh, energy.export_wh, done.given_wh), strict=True
    ):
        columns[name] = array[:, members].T.ravel()[active]
    return columns


def _line_rows(period: Tree) -> Iterator[list[Any]]:
    """The lines of all members of a period, in whole Wh and 1e-8 of the currency."""
    for member in period["members"]:
        for line in member["lines"]:
            energy_kwh = line["energy_kwh"]
            amounts = (int(line[name] * 10**8) for name in ("net", "tax", "gross"))
            about = (line[name] for name in ("item", "detail", "party"))
            energy_wh = None if energy_kwh is None else int(energy_kwh * 1_000)
            yield [member["statement"], member["name"], *about, energy_wh, *amounts, line["billed"]]


def is_told(member: Tree) -> bool:
    """Whether a member gets a statement: not if nothing differs from what it was told before."""
    is_new = member["billed_before"] is None
    return member["statement"] is not None or is_new or member["energy_kwh_before"] is not None


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
