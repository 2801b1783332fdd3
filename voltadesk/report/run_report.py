"""The report of a replay or a backtest as files: JSON and Markdown, and where they are wanted a page and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from voltadesk.report.community_page import Page, clean
from voltadesk.report.document import Section, markdown, printable
from voltadesk.report.exact_json import json_text
from voltadesk.report.summary import Tree

if TYPE_CHECKING:
    from voltadesk.report.charts import Chart

CHARTS = ("price", "mix", "load", "community", "earned", "fleet", "day", "duration", "hours")  # all that one may have
DRAWN = ("report.html", *(f"pictures/{name}.png" for name in CHARTS))  # files that only some reports have


def report_files(
    tree: Tree, parts: Sequence[Section], charts: Sequence[Chart], kind: str, *, html: bool, png: bool
) -> dict[str, str | bytes]:
    """The files of a report by their names, from its figures, its sections and its pictures.

    `html` adds the page `report.html` with all pictures in it, `png` a file for each picture, shown in `report.md`.
    """
    files: dict[str, str | bytes] = {"report.json": json_text(tree, indent=2) + "\n"}
    head, *rest = parts
    shown = [
        Section(chart.title, text=(f"![{chart.title}](pictures/{chart.name}.png)", chart.text)) for chart in charts
    ]
    files["report.md"] = markdown([head, *(shown if png else []), *rest])
    if html:
        from voltadesk.report.html_page import html_page

        files["report.html"] = html_page(_page(tree, head, rest, charts, kind))
    if png:
        files |= {f"pictures/{chart.name}.png": chart.png for chart in charts}
    return files


def _page(tree: Tree, head: Section, rest: Sequence[Section], charts: Sequence[Chart], kind: str) -> Page:
    program = f"voltadesk {tree['voltadesk']}"
    return Page(
        sender=printable(head.title if "scenario" in tree else tree["series"]["name"]),
        kind=kind,
        number=tree["scenario"]["name"] if "scenario" in tree else "",
        receiver="",
        facts=(),
        amount=None,
        notes=tuple(map(printable, head.text)),
        parts=list(map(clean, rest)),
        is_wide=True,
        charts=charts,
        foot=f"{program}, digest {tree['digest']}" if "digest" in tree else program,
    )
