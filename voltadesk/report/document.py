"""A run's figures laid out for people: sections of text and tables, written as Markdown or to a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from voltadesk.engine.tables import NO_PRICE_TICK, Table
from voltadesk.report.summary import Tree
from voltadesk.units import grouped_text

NO_DATA = "·"
LEVELS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Section:
    """A heading, lines of text, and a table whose first `words` columns hold words; the others hold numbers."""

    title: str
    columns: tuple[str, ...] = ()
    rows: Sequence[tuple[str, ...]] = ()
    words: int = 1
    text: tuple[str, ...] = ()


def number(value: Any, decimals: int = 2) -> str:
    """A figure for people: thousands apart, a true minus, a dot in the middle for no data."""
    if value is None:
        return NO_DATA
    return grouped_text(value, 0 if isinstance(value, int) else decimals)


def signed(value: Decimal | None, decimals: int = 2) -> str:
    """A change for people: always with its sign."""
    text = number(value, decimals)
    return f"+{text}" if value is not None and value > 0 else text


def percent(value: Decimal | None) -> str:
    """A ratio as a percentage."""
    return NO_DATA if value is None else f"{number(value * 100, 1)} %"


def price_line(intervals: Table, width: int = 76) -> str:
    """Prices as a line of bars between the 2nd and the 98th percentile; a dot where nothing traded."""
    prices = intervals["price_tick"]
    traded = np.sort(prices[prices != NO_PRICE_TICK])
    if len(traded) == 0:
        return NO_DATA * min(width, len(prices))
    low, high = int(traded[len(traded) * 2 // 100]), int(traded[(len(traded) * 98 - 1) // 100])
    line = ""
    for part in np.array_split(prices, min(width, len(prices))):
        known = part[part != NO_PRICE_TICK]
        if len(known) == 0:
            line += NO_DATA
        else:
            mean = int(known.sum()) // len(known)
            step = (min(max(mean, low), high) - low) * len(LEVELS) // max(high - low + 1, 1)
            line += LEVELS[step]
    return line


def sections(report: Tree, intervals: Table) -> list[Section]:
    """The report of a run."""
    scenario, currency = report["scenario"], report["scenario"]["currency"]
    intro = (
        f"{scenario['intervals']:,} intervals of {scenario['interval_minutes']} min from {scenario['start_utc']} to "
        f"{scenario['end_utc']} ({scenario['timezone']}); {scenario['homes']:,} homes, {scenario['plants']:,} plants, "
        f"{scenario['batteries']:,} batteries; pricing {scenario['pricing']}, {scenario['price_rule']}; "
        f"community {scenario['community_rule']}; seed {scenario['seed']}",
        *scenario["notes"],
    )
    return [
        Section(scenario["title"] or scenario["name"], text=intro),
        _price_section(report["price"], currency, price_line(intervals)),
        _load_section(report),
        *([_book_section(report["community"], currency)] if "days" in report["community"] else []),
        _energy_section(report["energy_mwh"]),
        *([_homes_section(report["homes"], currency)] if report["homes"] else []),
        *([_plants_section(report["plants"], currency)] if report["plants"] else []),
        *([_fleet_section(report["fleet"], currency)] if report["fleet"] else []),
        _money_section(report, currency),
    ]


def _price_section(price: Tree, currency: str, line: str) -> Section:
    names = ("mean", "volume-weighted", "median", "minimum", "maximum", "P90 − P10")
    keys = ("mean", "volume_weighted_mean", "median", "minimum", "maximum", "spread_p10_p90")
    row = tuple(number(price.get(f"{key}_per_mwh")) for key in keys)
    counts = tuple(number(price.get(key), 2) for key in ("negative_hours", "spike_hours"))
    columns = (*names, "hours below 0", "hours in spike", "no price")
    return Section(
        f"Price [{currency}/MWh]",
        columns,
        [(*row, *counts, number(price["intervals_without_trade"]))],
        0,
        (
            line,
            f"{number(price['intervals_with_price'])} intervals had a trade and so a price; these figures are theirs",
        ),
    )


def _load_section(report: Tree) -> Section:
    load, community, emissions = report["load"], report["community"], report["emissions"]
    columns = (
        "served MWh", "flexible MWh", "given up", "shed MWh", "load peak kW", "load factor", "supply peak kW",
        "community share", "community price", "CO2 kg", "CO2 kg/MWh",
    )  # fmt: skip
    row = (
        number(load["served_mwh"], 3),
        number(load["flexible_served_mwh"], 3),
        number(load["flexible_given_up_mwh"], 3),
        number(load["shed_mwh"], 3),
        number(load["load_peak_kw"], 1),
        percent(load["load_factor"]),
        number(load["supply_peak_kw"], 1),
        percent(community["share_of_load"]),
        number(community["mean_price_per_mwh"]),
        number(emissions["co2_kg"], 0),
        number(emissions["co2_kg_per_mwh_served"], 1),
    )
    return Section("Load, community, emissions", columns, [row], 0)


DAYS_SHOWN = 31


def _book_section(community: Tree, currency: str) -> Section:
    columns = (
        "day", "quotes", "trades", "welfare", "possible", "efficiency", f"price {currency}/MWh", "equilibrium",
        "deviation", "Smith's alpha",
    )  # fmt: skip
    days = community["days"][-DAYS_SHOWN:]
    rows = [
        (
            name,
            number(part["quotes"]),
            number(part["trades"]),
            number(part["welfare"]),
            number(part["possible_welfare"]),
            percent(part["efficiency"]),
            number(part["trade_price_per_mwh"]),
            number(part["equilibrium_price_per_mwh"]),
            number(part["deviation_per_mwh"]),
            percent(part["smith_alpha"]),
        )
        for name, part in (*((day["day"], day) for day in days), ("all", community))
    ]
    text = [
        f"{percent(community['zic_share'])} of homes quote by ZIC, the others by value; {community['rounds']} rounds "
        "an interval. Welfare: what trades were worth beyond the auction at its quote"
    ]
    if len(community["days"]) > DAYS_SHOWN:
        text.append(f"the last {DAYS_SHOWN} days; all are in the files and in --json")
    return Section("Community on the order book", columns, rows, 1, tuple(text))


def _energy_section(energy: Tree) -> Section:
    total = energy["total"]

    def share(value: Decimal) -> str:
        return percent(value / total if total else None)

    sources, uses = list(energy["sources"].items()), list(energy["uses"].items())
    rows = []
    for n in range(max(len(sources), len(uses))):
        left = (sources[n][0], number(sources[n][1], 3), share(sources[n][1])) if n < len(sources) else ("", "", "")
        right = (uses[n][0], number(uses[n][1], 3), share(uses[n][1])) if n < len(uses) else ("", "", "")
        rows.append((left[0], right[0], *left[1:], *right[1:]))
    rows.append(("all", "all", number(total, 3), "", number(total, 3), ""))
    columns = ("source", "use", "from MWh", "of all", "to MWh", "of all")
    text = (
        f"roofs: {number(energy['roofs_own_use'], 3)} MWh used at home, {number(energy['roofs_curtailed'], 3)} MWh "
        f"curtailed; lost in batteries: {number(energy['battery_losses'], 3)} MWh",
    )
    return Section("Energy", columns, rows, 2, text)


def _homes_section(homes: Sequence[Tree], currency: str) -> Section:
    columns = (
        "class", "homes", "load MWh", "solar MWh", "from community", "from grid", "to community", "to grid",
        f"bill {currency}", "a home", "a MWh",
    )  # fmt: skip
    rows = [
        (
            home["name"],
            number(home["homes"]),
            *(
                number(home[key], 3)
                for key in (
                    "load_mwh", "solar_mwh", "community_bought_mwh", "auction_bought_mwh", "community_sold_mwh",
                    "auction_sold_mwh",
                )
            ),
            number(home["bill"]),
            number(home["bill_per_home"]),
            number(home["bill_per_mwh"]),
        )
        for home in homes
    ]  # fmt: skip
    return Section("Homes", columns, rows)


def _plants_section(plants: Sequence[Tree], currency: str) -> Section:
    columns = (
        "plant", "fuel", "MWh", "of available", "hours", "starts", f"income {currency}", "cost", "profit", "CO2 kg",
    )  # fmt: skip
    rows = [
        (
            plant["name"],
            plant["fuel"],
            number(plant["energy_mwh"], 3),
            percent(plant["use_of_available"]),
            number(plant["running_hours"], 1),
            number(plant["starts"]),
            number(plant["income"]),
            number(plant["cost"]),
            number(plant["profit"]),
            number(plant["co2_kg"], 0),
        )
        for plant in plants
    ]
    if len(rows) > 24:
        rest = len(rows) - 24
        most = sorted(range(len(rows)), key=lambda n: (-plants[n]["energy_mwh"], n))[:24]
        rows = [rows[n] for n in sorted(most)]
        return Section("Plants", columns, rows, 2, (f"the 24 that made most; {rest} more are in the files",))
    return Section("Plants", columns, rows, 2)


def _fleet_section(fleet: Sequence[Tree], currency: str) -> Section:
    columns = (
        "batteries", "strategy", "n", "charged MWh", "discharged MWh", "cycles", "bought at", "sold at",
        f"margin {currency}", "wear", "after wear",
    )  # fmt: skip
    rows = [
        (
            group["name"],
            group["strategy"],
            number(group["batteries"]),
            number(group["charged_mwh"], 3),
            number(group["discharged_mwh"], 3),
            number(group["equivalent_full_cycles"], 2),
            number(group["mean_buy_price_per_mwh"]),
            number(group["mean_sell_price_per_mwh"]),
            number(group["margin"]),
            number(group["wear"]),
            number(group["margin_after_wear"]),
        )
        for group in fleet
    ]
    before = sum((group["fill_before_mwh"] for group in fleet), Decimal(0))
    after = sum((group["fill_mwh"] for group in fleet), Decimal(0))
    text = (f"stored {number(before, 3)} MWh before, {number(after, 3)} MWh after: its value is not in the margin",)
    return Section("Fleet", columns, rows, 2, text)


def _money_section(report: Tree, currency: str) -> Section:
    market, money = report["market"], report["money"]
    rows = [(name, signed(amount)) for name, amount in money["received"].items()]
    rows.append(("sum", number(money["sum"])))
    cash = money["fleet_cash"]
    text = (
        f"imbalance: {number(market['imbalance_short_mwh'], 3)} MWh short, {number(market['imbalance_long_mwh'], 3)} "
        f"MWh long; reserve put in {number(market['reserve_up_mwh'], 3)}, took out "
        f"{number(market['reserve_down_mwh'], 3)}; uplift {number(market['uplift'])} {currency}",
        f"fleet's cash: {number(cash['opening'])} {signed(cash['trading'])} = {number(cash['closing'])} {currency}",
        f"digest {report['digest']}",
    )
    return Section("Money: who received (+) and paid (−)", ("party", currency), rows, 1, text)


def comparison(compared: Tree) -> Section:
    """What a part of the scenario changed."""
    rows = [
        (line["figure"], number(line["with"]), number(line["without"]), signed(line["change"]))
        for line in compared["figures"]
    ]
    part = {"flexible": "flexible load"}.get(compared["without"], compared["without"])
    return Section(f"What the {part} changed", ("figure", f"with {part}", f"without {part}", "change"), rows)


def communities(compared: Tree) -> Section:
    """One scenario under several rules of its community."""

    def cell(value: Decimal | int | None, name: str) -> str:
        is_share = name in ("share of the load", "efficiency", "Smith's alpha")
        return percent(value) if is_share and isinstance(value, Decimal) else number(value)

    rules = compared["rules"]
    rows = [(line["figure"], *(cell(line[rule], line["figure"]) for rule in rules)) for line in compared["figures"]]
    return Section("Communities compared", ("figure", *("no community" if r == "none" else r for r in rules)), rows)


# Writing --------------------------------------------------------------------------------------------------------------
def markdown(parts: Sequence[Section]) -> str:
    """The sections as Markdown."""
    lines: list[str] = []
    for n, part in enumerate(parts):
        lines += [f"{'#' if n == 0 else '##'} {part.title}", ""]
        for text in part.text:
            lines += [text, ""]
        if part.columns:
            lines.append("| " + " | ".join(part.columns) + " |")
            lines.append(
                "|" + "|".join(" --- " if c < part.words else " ---: " for c in range(len(part.columns))) + "|"
            )
            lines += ["| " + " | ".join(row) + " |" for row in part.rows] + [""]
    return "\n".join(lines)


def printable(text: str) -> str:
    """Text from outside without control characters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _plain(text: str) -> Text:
    """Text from outside: never markup, and no control characters."""
    return Text(printable(text))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for c, name in enumerate(columns):
        table.add_column(_plain(name), justify="left" if c < words else "right", no_wrap=c >= words, overflow="fold")
    for row in rows:
        table.add_row(*(_plain(cell) for cell in row))
    return table


def show(parts: Sequence[Section], console: Console) -> None:
    """The sections on a terminal; a table that is too wide is turned on its side, so that no number is ever cut."""
    for part in parts:
        console.print(_plain(part.title), style="bold")
        for text in part.text:
            # A line read from a pipe or a file stays one: whoever searches for it finds it whole.
            console.print(_plain(text), soft_wrap=not console.is_terminal)
        if not part.columns:
            console.print()
            continue
        widths = [max(len(row[c]) for row in (part.columns, *part.rows)) for c in range(len(part.columns))]
        if sum(widths) + 3 * len(widths) <= console.width:
            console.print(_table(part.columns, part.rows, part.words))
            continue
        heads = max(map(len, part.columns)) + 3
        at_once = max(1, (console.width - heads) // (max(widths) + 3))
        for first in range(0, len(part.rows), at_once):
            some = part.rows[first : first + at_once]
            turned = [(name, *(row[c] for row in some)) for c, name in enumerate(part.columns)]
            console.print(_table(turned[0], turned[1:], 1) if part.words else _table(("", ""), turned, 1))
