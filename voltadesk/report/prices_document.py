"""What is said of price series: those that were imported, and what was found in files."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal

from voltadesk.clock import utc_text
from voltadesk.feeds.prices.checks import NO_GAP
from voltadesk.feeds.prices.layout import Finding, Gaps, Suspects
from voltadesk.feeds.prices.series import PriceSeries
from voltadesk.report.document import Section, number
from voltadesk.report.exact_json import json_text
from voltadesk.report.publication import price_document
from voltadesk.report.summary import Tree
from voltadesk.units import price_decimal

SHOWN = 40  # findings that people are shown
BLANK_SHOWN = "-"


def findings_tree(found: Sequence[Finding], faults: Sequence[Finding]) -> list[Tree]:
    """Findings in the order of time; `refused` are those that stand in the way."""
    return [
        {
            "where": finding.where,
            "time": finding.value,
            "about_utc": utc_text(finding.second_utc),
            "kind": finding.kind,
            "count": finding.count,
            "what": finding.limit,
            "refused": finding in faults,
        }
        for finding in sorted(found, key=lambda finding: finding.second_utc)
    ]


def findings_sections(tree: Sequence[Tree], title: str) -> list[Section]:
    """One table of what was found; what stands in the way first."""
    if not tree:
        return [Section(title, text=("nothing to tell",))]
    rows = sorted(tree, key=lambda row: not row["refused"])
    shown = [
        (
            Path(row["where"]).name,
            row["time"] or BLANK_SHOWN,
            row["kind"] + (" (refused)" if row["refused"] else ""),
            row["what"].partition(": ")[2] if row["kind"] == "clock" else row["what"].removesuffix(NO_GAP),
            number(row["count"]),
        )
        for row in rows[:SHOWN]
    ]
    text = (f"and {len(rows) - SHOWN} more: --json has all",) if len(rows) > SHOWN else ()
    return [Section(title, ("where", "time", "kind", "what", "count"), shown, 4, text)]


def checked_tree(series: PriceSeries, description: Tree, gaps: Gaps, suspects: Suspects) -> Tree:
    """What files hold together, and what is found in them."""
    faults = series.faults(suspects, gaps)
    return description | {"findings": findings_tree(series.findings, faults), "refused": len(faults)}


def series_tree(description: Tree, series: PriceSeries) -> Tree:
    """An imported series with its lowest, highest and mean price per MWh."""
    ticks, lengths = series.price_tick, series.step_s
    total = sum(tick * length for tick, length in zip(ticks.tolist(), lengths.tolist(), strict=True))
    mean = Decimal(total) / int(lengths.sum()) / 100
    return description | {
        "lowest_per_mwh": price_decimal(int(ticks.min())),
        "highest_per_mwh": price_decimal(int(ticks.max())),
        "mean_per_mwh": mean.quantize(Decimal("0.01")),
        "intervals_below_zero": int((ticks < 0).sum()),
    }


def series_sections(tree: Tree) -> list[Section]:
    """A series for people."""
    steps = ", ".join(f"{part['minutes']} min from {part['from_utc']}" for part in tree["resolutions"])
    zone, currency = tree["zone"] or "no zone told", tree["currency"] or "currency not told"
    head = [
        f"{zone}, {currency} per MWh, days of {tree['timezone']}",
        f"{tree['start_utc']} to {tree['end_utc']}: {number(tree['intervals'])} intervals, {steps}",
        f"without a price: {number(Decimal(tree['seconds_without_price']) / 3600, 2)} hours",
    ]
    if "lowest_per_mwh" in tree:
        prices = (tree["lowest_per_mwh"], tree["mean_per_mwh"], tree["highest_per_mwh"])
        low, mean, high = (number(price) for price in prices)
        below = number(tree["intervals_below_zero"])
        head.append(f"prices {low} to {high}, mean {mean}; {below} intervals below zero")
    sources = [
        (source["file"], source["format"], source["column"], source["sha256"][:12], number(source["rows"]))
        for source in tree["sources"]
    ]
    text = (*head, *tree["found"])
    return [Section(tree["name"], ("file", "format", "column", "sha-256", "rows"), sources, 4, text)]


def list_sections(trees: Sequence[Tree]) -> list[Section]:
    """All imported series, a row for each."""
    rows: list[tuple[str, ...]] = [
        (
            tree["name"],
            tree["zone"] or BLANK_SHOWN,
            tree["unit"],
            tree["start_utc"],
            tree["end_utc"],
            "/".join(dict.fromkeys(str(part["minutes"]) for part in tree["resolutions"])),
            number(tree["intervals"]),
        )
        for tree in trees
    ]
    columns = ("name", "zone", "unit", "from", "to", "minutes", "intervals")
    return [Section("imported prices", columns, rows, 6, () if rows else ("none yet: voltadesk prices import FILE",))]


def exported(form: Literal["csv", "json", "a44"], name: str, series: PriceSeries, zone: str | None = None) -> str:
    """A series as a text that others read, and the program again; `zone` takes the place of its own.

    Raises BadInput as `price_document`.
    """
    if form == "a44":
        return price_document(series, zone)
    shared = {"zone": zone or series.zone, "currency": series.currency, "timezone": series.timezone}
    prices = [
        {"start": utc_text(start), "end": utc_text(start + step), "price": price_decimal(tick)}
        for start, step, tick in zip(
            series.start_utc.tolist(), series.step_s.tolist(), series.price_tick.tolist(), strict=True
        )
    ]
    if form == "json":
        unit = {"unit": f"{series.currency}/MWh"}
        return json_text({"name": name} | shared | unit | {"prices": prices}, indent=1) + "\n"
    told = ",".join(map(_quoted, shared.values()))
    lines = ["start,end,price,zone,currency,timezone"]
    lines += [f"{entry['start']},{entry['end']},{entry['price']},{told}" for entry in prices]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n\r') else text
