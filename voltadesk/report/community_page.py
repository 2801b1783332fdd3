"""A member's statement and the manager's report as pages for print: what stands where, whatever draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from voltadesk.report.community_correction import differences, what_it_corrects
from voltadesk.report.community_document import (
    due_words,
    estimated,
    line_tables,
    membership,
    near_rows,
    payment_text,
    saving_text,
    settled_sections,
)
from voltadesk.report.community_figures import FLOW_NAMES
from voltadesk.report.document import Section, number, percent, printable
from voltadesk.report.summary import Tree
from voltadesk.units import share_out

if TYPE_CHECKING:
    from voltadesk.report.charts import Chart

WIDTH = 1_000  # of a bar, in the parts by which its pieces are drawn
OWN, COMMUNITY, GRID = "own", "community", "grid"  # kinds of pieces, each with a colour
USED = (("own_use", OWN), ("from_community", COMMUNITY), ("from_grid", GRID))
MADE = (("own_use", OWN), ("to_community", COMMUNITY), ("to_grid", GRID))
FOOT = "Energy is shared in whole watt-hours and every line is exact; what is paid is rounded to whole cents."


@dataclass(frozen=True)
class Piece:
    """A piece of a bar: its kind tells the colour, its length is of `WIDTH`."""

    kind: str
    label: str
    value: str
    length: int


@dataclass(frozen=True)
class Bar:
    """A bar with its name and what it is in all."""

    label: str
    value: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Picture:
    """Bars under a heading, with a sentence below."""

    title: str
    bars: tuple[Bar, ...]
    text: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A document: who writes what to whom, the amount in large, pictures, tables."""

    sender: str
    kind: str
    number: str
    receiver: str
    facts: tuple[tuple[str, str], ...]
    amount: tuple[str, str] | None  # what it is, and how much
    notes: tuple[str, ...]
    parts: Sequence[Picture | Section]
    is_wide: bool = False  # for paper on its side
    charts: Sequence[Chart] = ()  # of an HTML page alone
    foot: str = FOOT


def statement_page(tree: Tree, period: Tree, member: Tree) -> Page:
    """A member's statement, or the account of a shared plant."""
    community = tree["community"]
    currency = community["currency"]
    facts = [("Period", period["period"]), ("Days", _days(period))]
    facts += [("Issued", period["issued"])] if period["issued"] else []
    facts += [("Corrects", member["corrects"])] if member["corrects"] else []
    notes = payment_text(member)
    if member["payable"] is None:
        amount = None
        notes = ("This plant is the community's: what it costs and earns is on the community's own account.",)
    else:
        amount = (due_words(member), f"{number(abs(member['payable']))} {currency}")
        notes = (*what_it_corrects(member, currency), *notes)
    pictures = [
        Picture("Energy", _energy_bars(member["energy_kwh"]), (*_unmetered(member), *estimated(member))),
        Picture("What the community saves", _cost_bars(member, currency), _saving(member, currency)),
    ]
    tables = [
        *differences(member, currency),
        Section("Energy by nearness", ("", "kWh"), near_rows(member)),
        *line_tables(member, currency),
    ]
    return Page(
        sender=printable(community["title"] or community["name"]),
        kind="Statement" if member["statement"] else "Account",
        number=member["statement"] or period["period"],
        receiver=printable(member["title"] or member["name"]),
        facts=tuple(facts),
        amount=amount,
        notes=tuple(map(printable, (*notes, *membership(member)))),
        parts=[*pictures, *(clean(table) for table in tables if table.rows)],
    )


def report_page(tree: Tree) -> Page:
    """The manager's report."""
    head, *sections = settled_sections(tree)
    pictures = [
        Picture(f"{period['period']}: energy", _energy_bars(period["energy_kwh"])) for period in tree["periods"]
    ]
    return Page(
        sender=printable(head.title),
        kind="Report",
        number=", ".join(period["period"] for period in tree["periods"]),
        receiver="",
        facts=(),
        amount=None,
        notes=tuple(map(printable, head.text)),
        parts=[*pictures, *map(clean, sections)],
        is_wide=True,
    )


def _days(period: Tree) -> str:
    """The first and the last day of a period, which begins and ends with local days."""
    first, after = (date.fromisoformat(period[key][:10]) for key in ("start", "end"))
    last = after - timedelta(days=1)
    return f"{first} to {last}" if first < last else f"{first}"


def clean(table: Section) -> Section:
    """Without control characters in what came from outside."""
    rows = [tuple(map(printable, row)) for row in table.rows]
    return Section(table.title, table.columns, rows, table.words, tuple(map(printable, table.text)))


def _energy_bars(energy_kwh: Tree) -> tuple[Bar, ...]:
    """What was used and what was made, by where it came from and went; own use that isn't metered is left out."""
    bars = []
    for label, flows in (("Used", USED), ("Made", MADE)):
        known = [(key, kind, energy_kwh[key]) for key, kind in flows if energy_kwh[key]]
        total = sum((amount for *_, amount in known), Decimal(0))
        lengths = share_out(WIDTH, [int(amount * 1_000) for *_, amount in known])
        pieces = tuple(
            Piece(kind, FLOW_NAMES[key], f"{number(amount, 3)} kWh ({percent(amount / total)})", length)
            for (key, kind, amount), length in zip(known, lengths, strict=True)
        )
        # Nobody is told of making nothing.
        if pieces or label == "Used":
            bars.append(Bar(label, f"{number(total, 3)} kWh", pieces))
    return tuple(bars)


def _unmetered(member: Tree) -> tuple[str, ...]:
    unknown = member["energy_kwh"]["own_use"] is None
    return ("What it makes and uses itself is not metered, and not in the picture.",) if unknown else ()


def _saving(member: Tree, currency: str) -> tuple[str, ...]:
    income = min(member["cost"], member["cost_without_community"]) < 0
    return (saving_text(member, currency), *(("A minus is income.",) if income else ()))


def _cost_bars(member: Tree, currency: str) -> tuple[Bar, ...]:
    """The cost with and without the community; none where there is income instead."""
    costs = (("With the community", COMMUNITY, member["cost"]), ("Without it", GRID, member["cost_without_community"]))
    most = max(cost for *_, cost in costs)
    if most <= 0 or any(cost < 0 for *_, cost in costs):
        return ()
    return tuple(
        Bar(label, f"{number(cost)} {currency}", (Piece(kind, "", "", int(cost * WIDTH / most)),))
        for label, kind, cost in costs
    )
