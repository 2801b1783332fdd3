"""`voltadesk market …`: the rules of the desk's market, and its safety switch."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.view import Tree, View, facts, percent, price
from voltadesk.units import money_decimal

app = group(
    told_by(
        "The rules of the desk's market, and its safety switch.",
        "market show",
        "market set --cap 3000 --margin 1.50",
        "market halt --reason 'meter data look wrong'",
        "market resume",
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
    tables = [facts(f"market {tree['scenario']}, in {tree['currency']}", first)]
    tables += [facts(name, tree[name].items()) for name in ("rules", "operator", "community", "continuous", "band")]
    return View(tree, tuple(tables))


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
            "trading_limit": money_decimal(continuous.trading_limit),
        },
        "band": {"low_per_mwh": price(market.band[0]), "high_per_mwh": price(market.band[1])},
    }
