"""A backtest's figures laid out for people, as sections of text and tables."""

from __future__ import annotations

from voltadesk.report.document import Section, number, percent, printable
from voltadesk.report.summary import Tree
from voltadesk.strategy.strategies import Perfect
from voltadesk.units import grouped_text

BATTERIES_SHOWN = 40  # kinds; more are for --json


def sections(tree: Tree) -> list[Section]:
    """The report of a backtest of at least one strategy, from the tree of `backtest_figures.figures`."""
    strategies = tree["strategies"]
    parts = [_heading(tree), _earned(strategies, tree["series"]["currency"]), _traded(strategies)]
    if "investment" in tree:
        parts.append(_investment(tree))
    if 1 < len(tree["fleet"]) <= BATTERIES_SHOWN:
        parts.append(_by("battery", "batteries", "name", strategies))
    parts.append(_by("month", "months", "month", strategies))
    return parts


def _heading(tree: Tree) -> Section:
    series, fleet = tree["series"], tree["fleet"]
    count = sum(unit["count"] for unit in fleet)
    power = sum(unit["count"] * unit["discharge_mw"] for unit in fleet)
    energy = sum(unit["count"] * unit["energy_mwh"] for unit in fleet)
    lines = [
        f"{series['intervals']:,} intervals of {series['interval_minutes']} min from {series['traded_from_utc']} to "
        f"{series['end_utc']} (days of {series['timezone']}), {series['intervals_with_price']:,} with a price",
        f"price: mean {number(series['mean_per_mwh'])}, lowest {number(series['lowest_per_mwh'])}, highest "
        f"{number(series['highest_per_mwh'])} per MWh, {percent(series['share_below_zero'])} below 0; "
        f"TB2 {number(series['tb2_per_mw_year'], 0)}, TB4 {number(series['tb4_per_mw_year'], 0)} per MW-year",
        f"{count:,} {'battery' if count == 1 else 'batteries'}: {_short(power)} MW, {_short(energy)} MWh"
        + (f", {percent(fleet[0]['efficiency'])} through a cycle, wear {number(fleet[0]['wear_per_mwh'])} per MWh sold"
           if len(fleet) == 1 else ""),
    ]  # fmt: skip
    if "cycle_budget" in tree:
        budget = tree["cycle_budget"]
        lines.append(
            f"at most {_short(budget['cycles'])} full cycles a {budget['per']}, for perfect foresight too, "
            f"which comes to {percent(budget['perfect_share_of_bound'])} of what nobody could exceed"
        )
    if "connection_mw" in tree:
        lines.append(f"all behind one connection of {_short(tree['connection_mw'])} MW in and out")
    if series["published"]:
        lines.append(f"published ahead: {', '.join(series['published'])}")
    return Section(f"Backtest of {printable(series['name'])}", text=(*lines, *series["notes"]))


def money_words(currency: str | None) -> str:
    """What money is in."""
    return currency or "the prices' currency"


def _short(value: object) -> str:
    return grouped_text(value, 3).rstrip("0").rstrip(".")  # type: ignore[arg-type]


def _earned(strategies: list[Tree], currency: str | None) -> Section:
    columns = ("strategy", "revenue", "per MW-year", "5 %", "95 %", "before wear", "of perfect", "of TB2", "of TB4")
    rows = [
        (
            line["name"],
            number(line["revenue"]),
            number(line["revenue_per_mw_year"], 0),
            number(line["revenue_per_mw_year_low"], 0),
            number(line["revenue_per_mw_year_high"], 0),
            number(line["gross_per_mw_year"], 0),
            percent(line["capture_ratio"]),
            percent(line["share_of_tb2"]),
            percent(line["share_of_tb4"]),
        )
        for line in strategies
    ]
    first = strategies[0]
    text = (
        f"perfect foresight: {number(first['perfect'])}, {number(first['perfect_per_mw_year'], 0)} per MW-year; "
        f"all in {money_words(currency)}, after wear but where it says so",
    )
    return Section("Earned", columns, rows, 1, text)


def _traded(strategies: list[Tree]) -> Section:
    columns = (
        "strategy", "cycles a day", "bought at", "sold at", "bought MWh", "sold MWh", "best 10 days",
        "worst drawdown", "mode changes", "available",
    )  # fmt: skip
    rows = [
        (
            line["name"],
            number(line["cycles_per_day"]),
            number(line["charged_average_per_mwh"]),
            number(line["discharged_average_per_mwh"]),
            number(line["charged_mwh"], 1),
            number(line["discharged_mwh"], 1),
            percent(line["best_ten_days_share"]),
            number(line["worst_drawdown"]),
            number(line["mode_changes"]),
            percent(line["availability"]),
        )
        for line in strategies
    ]
    return Section("Traded", columns, rows)


def _investment(tree: Tree) -> Section:
    given = tree["investment"]
    columns = ("strategy", "net present value", "rate of return", "payback in years", "cost of a MWh sold")
    rows = [
        (
            line["name"],
            number(line["investment"]["npv"], 0),
            percent(line["investment"]["irr"]),
            number(line["investment"]["payback_years"], 1),
            number(line["investment"]["lcos_per_mwh"]),
        )
        for line in tree["strategies"]
    ]
    text = (
        f"bought for {number(given['cost'], 0)}, {given['years']} years like this one, money worth "
        f"{percent(given['discount_rate'])} a year; before wear, tax and upkeep",
    )
    return Section("As an investment", columns, rows, 1, text)


def _by(title: str, lines: str, key: str, strategies: list[Tree]) -> Section:
    """What each strategy earned by month, or by battery."""
    others = [line for line in strategies if line["name"] != Perfect.name]
    columns = (title, Perfect.name, *(line["name"] for line in others))
    rows = [
        (part[key], number(part["perfect"]), *(number(line[lines][n]["revenue"]) for line in others))
        for n, part in enumerate(strategies[0][lines])
    ]
    return Section(f"Revenue by {title}", columns, rows)
