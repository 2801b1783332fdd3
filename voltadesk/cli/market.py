"""`voltadesk market …`: the rules of the desk's market, and its safety switch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from voltadesk.cli.answers import write_file
from voltadesk.cli.market_feed import feed_tree
from voltadesk.cli.prices import ExportZone
from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Tree, View, facts, percent, price, say
from voltadesk.units import money_decimal

app = group(
    told_by(
        "The rules of the desk's market, and its safety switch.",
        "market show",
        "market set --cap 3000 --margin 1.50",
        "market halt --reason 'meter data look wrong'",
        "market resume",
        "market export --format a44 --zone DE-LU --out prices.xml",
        "market feed --every 15m",
    )
)

Price = Annotated[str | None, typer.Option(metavar="PRICE", help="Per MWh.")]
Percent = Annotated[str | None, typer.Option(metavar="PERCENT")]


@command(
    app,
    "set",
    told_by(
        "Change rules while the market runs, from the next interval on.",
        "market set --pricing pay-as-bid --cap 3000 --floor=-200",
        "market set --community-rule discount --community-discount-percent 40",
        "market set --community-rule continuous --community-zic-percent 50",
        "market set --band-low=-450 --band-high 2500",
        more="A price outside the band halts the desk.",
    ),
    signs=True,
)
def set_(
    at: Session,
    pricing: Annotated[Literal["uniform", "vertical-demand", "pay-as-bid"] | None, typer.Option()] = None,
    price_rule: Annotated[Literal["midpoint", "lowest", "highest"] | None, typer.Option()] = None,
    floor: Price = None,
    cap: Price = None,
    margin: Price = None,
    grid_fee: Price = None,
    levy: Price = None,
    imbalance_spread: Price = None,
    community_rule: Annotated[
        Literal["none", "discount", "mid-market", "supply-demand-ratio", "continuous"] | None, typer.Option()
    ] = None,
    community_discount_percent: Percent = None,
    community_fee_percent: Percent = None,
    community_grid_fee: Price = None,
    community_levy: Price = None,
    community_zic_percent: Percent = None,
    community_rounds: Annotated[str | None, typer.Option(metavar="N", help="Of quotes in an interval.")] = None,
    band_low: Price = None,
    band_high: Price = None,
    trading_limit: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Most that one may have at stake in order books.")
    ] = None,
) -> View:
    return at.ask("market.set", **{name: value for name, value in locals().items() if name != "at"})


@command(
    app,
    "halt",
    told_by(
        "Halt the desk: nothing trades and nothing is bought until it is resumed. Dividends can be withdrawn.",
        "market halt --reason 'meter data look wrong'",
    ),
    signs=True,
)
def halt(at: Session, reason: Annotated[str, typer.Option(metavar="TEXT")] = "by hand") -> View:
    return at.ask("market.halt", reason=reason)


@command(app, "resume", told_by("Go on after a halt.", "market resume"), signs=True)
def resume(at: Session) -> View:
    return at.ask("market.resume")


@command(app, "show", told_by("Clock, last price, rules, and whether the desk is halted.", "market show"))
def show(at: Session) -> View:
    tree = _tree(at)
    local = at.local(at.market.next_utc)
    first = [("halted", tree["halted"] or "no"), ("next interval", local)]
    first += [("last_price_per_mwh", tree["last_price_per_mwh"]), ("open orders", tree["open_orders"])]
    if tree["feed"] is not None:
        first += [(f"feed {name}", value) for name, value in tree["feed"].items()]
    tables = [facts(f"market {tree['scenario']}, in {tree['currency']}", first)]
    tables += [facts(name, tree[name].items()) for name in ("rules", "operator", "community", "continuous", "band")]
    return View(tree, tuple(tables))


@command(
    app,
    "export",
    told_by(
        "The prices of all intervals that were run, in a form that others read, and 'prices import'.",
        "market export",
        "market export --format a44 --zone DE-LU --out prices.xml",
        more="a44 is the price document of ENTSO-E. Intervals without a trade have no price and are left out.",
    ),
)
def export(
    at: Session,
    format: Annotated[Literal["csv", "json", "a44"], typer.Option("--format", help="Of the file.")] = "csv",
    zone: ExportZone = None,
    out: Annotated[str, typer.Option(metavar="FILE", help="Where to; - is stdout.")] = "-",
) -> View | None:
    from voltadesk.feeds.prices.series import series_of
    from voltadesk.report.prices_document import exported

    market = at.market
    prices = [(row["start_utc"], row["price_tick"]) for row in at.desk.intervals()]
    series = series_of(prices, market.step_s, at.book.ledger.currency, market.zone.key)
    text = exported(format, market.scenario.name, series, zone)
    if out == "-":
        sys.stdout.write(text)
        return None
    write_file(Path(out), text.encode())
    say(f"written: {out}")
    return View({"format": format, "file": out}) if at.as_json else None


def _tree(at: Session) -> Tree:
    from voltadesk.clock import utc_text

    market = at.market
    rules, operator, community = market.scenario.market, market.scenario.operator, market.scenario.community
    continuous = market.scenario.continuous
    return {
        "scenario": market.scenario.name,
        "currency": at.book.ledger.currency,
        "halted": at.book.halted or None,
        "start_utc": utc_text(market.start_utc),
        "next_utc": utc_text(market.next_utc),
        "interval_minutes": market.step_s // 60,
        "timezone": market.zone.key,
        "last_price_per_mwh": price(market.last_price_tick),
        "feed": feed_tree(None if market.published is None else market.published.standing(market.next)),
        "open_orders": len(market.orders) + sum(len(each.tickets) for each in market.continuous.products.values()),
        "rules": {
            "pricing": rules.pricing,
            "price_rule": rules.price_rule,
            "floor_per_mwh": price(rules.floor),
            "cap_per_mwh": price(rules.cap),
        },
        "operator": {f"{name}_per_mwh": price(tick) for name, tick in operator.model_dump().items()},
        "community": {
            "rule": community.rule,
            "discount_percent": percent(community.discount_percent),
            "fee_percent": percent(community.fee_percent),
            "grid_fee_per_mwh": price(community.grid_fee),
            "levy_per_mwh": price(community.levy),
            "zic_percent": percent(community.zic_percent),
            "rounds": community.rounds,
        },
        "continuous": {
            "open_intervals": continuous.open_intervals,
            "gate_closure_minutes": continuous.gate_closure_minutes,
            "opening_call_intervals": continuous.opening_call_intervals,
            "closing_call_intervals": continuous.closing_call_intervals,
            "trading_limit": money_decimal(continuous.trading_limit),
        },
        "band": {"low_per_mwh": price(market.band[0]), "high_per_mwh": price(market.band[1])},
    }
