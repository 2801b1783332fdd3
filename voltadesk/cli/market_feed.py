"""`voltadesk market publish` and `voltadesk market feed`: prices of the grid above for the desk's coming intervals."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voltadesk.cli.run import interrupts
from voltadesk.cli.session import Session, told_by
from voltadesk.cli.view import Tree, View, facts, say
from voltadesk.desk.refusal import Refusal
from voltadesk.errors import BadInput, Interrupted, NoAnswer, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from voltadesk.desk.published import FeedState, Published
    from voltadesk.feeds.prices.series import PriceSeries

EVERY_S = (60, 86_400)
TURN_S = 0.2  # ctrl+c is noticed as often
DAY_S = 86_400
BEFORE_S = 6 * 3600

PUBLISH = told_by(
    "Publish prices of the grid above for coming intervals, out of a file or an imported series.",
    "market publish energy-charts-de-lu",
    "market publish tomorrow.csv --as robot --key-file robot/robot.key",
    more="For a desk whose scenario has an upstream.feed. What was run stays as it was; a price that has changed for a "
    "coming interval is taken and told. The file must say its zone and currency as `prices import` has them. A row "
    "that stands alone and does not say how long it holds, holds for one interval of the market.",
)
FEED = told_by(
    "Fetch the prices that the desk's market goes by from its source, and publish what is new.",
    "market feed",
    "market feed --every 15m --as robot --key-file robot/robot.key",
    more="Once, or again and again until it is interrupted; then what hinders a turn is told, and the next one tries "
    "again. It needs the extra feeds; ENTSO-E the extra feeds-eu and a token.",
)


def publish(
    at: Session,
    prices: Annotated[str, typer.Argument(metavar="PRICES", help="A file of prices, or an imported series.")],
) -> View:
    from voltadesk.feeds.prices.layout import Layout
    from voltadesk.feeds.prices.shelf import gather

    _published(at)
    series = gather([Path(prices)], Layout(step_s=at.market.step_s), "refuse").series
    return _view(at, _publish(at, series, Path(prices).name[:100], None))


def feed(
    at: Session,
    every: Annotated[str | None, typer.Option(metavar="TIME", help="Again and again, as 15m or 1h.")] = None,
) -> View:
    pause_s = None if every is None else _pause_s(every)
    if pause_s is not None and at.key is not None:
        raise UsageError("--key names one command: give it without --every (voltadesk market feed --help)")
    _published(at)
    if pause_s is None:
        return _view(at, _turn(at))
    with interrupts() as interrupted:
        while not interrupted:
            _told_turn(at)
            until_s = time.monotonic() + pause_s
            while not interrupted and time.monotonic() < until_s:
                time.sleep(TURN_S)
    raise Interrupted(interrupted[0])


def _told_turn(at: Session) -> None:
    """A turn of many, told in a line; what only hinders this one is told, too."""
    try:
        at.desk.refresh()
        told = _turn(at)
        new, changed = (sum(each[name] for each in told) for name in ("new", "changed"))
        say(f"{new} new prices, {changed} changed; {_known(at)}")
        for when, before, now in _changes(told):
            say(f"changed {when}: {before} -> {now}")
    except (NoAnswer, BadInput) as error:
        say(f"{error}; {_known(at)}")
    except Refusal as refusal:
        if refusal.code != "BAD_VALUE":  # the market has run on: the next turn knows
            raise
        say(f"{refusal}; {_known(at)}")


def _published(at: Session) -> Published:
    """What is published to the desk. Raises BadInput where its scenario has no feed."""
    market = at.market
    if market.published is None:
        raise BadInput("market", market.scenario.name, "has no upstream.feed, so it takes no prices")
    return market.published


def _pause_s(text: str) -> int:
    match = re.fullmatch(r"(\d{1,5})(s|m|h)", text, re.ASCII)
    pause_s = 0 if match is None else int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    if not EVERY_S[0] <= pause_s <= EVERY_S[1]:
        raise BadInput("every", text, "must be a time such as 15m or 1h, from 1m to 24h")
    return pause_s


# A turn ---------------------------------------------------------------------------------------------------------------
def _turn(at: Session) -> list[Tree]:
    """Ask the source for all that is to come, and publish what is new or has changed; returns what was done."""
    from voltadesk.feeds.live.fetching import documents, gather_documents
    from voltadesk.feeds.live.sources import source_of
    from voltadesk.feeds.prices.layout import Layout
    from voltadesk.scenario.values import PUBLISHED_LIMIT

    market, feed = at.market, _published(at).feed
    source, now_s = source_of(feed.source), int(time.time())
    zone = source.zone(feed.zone)
    # Prices of a day come out on the day before it. Those before the next interval let the step of the first be known.
    end_utc = min(now_s - now_s % 3600 + 2 * DAY_S, market.next_utc + PUBLISHED_LIMIT * market.step_s)
    if end_utc <= market.next_utc:
        limit = "must be less than two days ahead: nobody has prices of it yet"
        raise BadInput("next interval", at.local(market.next_utc), limit)
    found = documents(source, zone, (market.next_utc - market.next_utc % 3600 - BEFORE_S, end_utc), say)
    layout = Layout(column=source.column, timezone=source.days, zone=zone, step_s=market.step_s)
    series = gather_documents(found, layout, "refuse").series
    at.desk.refresh()  # the market may have run on meanwhile
    return _publish(at, series, f"{source.name} {zone}", now_s - now_s % 60)


def _publish(at: Session, series: PriceSeries, source: str, fetched_utc: int | None) -> list[Tree]:
    """Publish what a series has that is not known yet, or otherwise; one command for each stretch."""
    from voltadesk.clock import utc_text
    from voltadesk.desk.refusal import price_text
    from voltadesk.feeds.live.coming import stretches
    from voltadesk.scenario.values import PUBLISHED_LIMIT

    published, market = _published(at), at.market
    if faults := series.faults("refuse", "skip"):
        raise faults[0].error()
    _require_ours(series, published, at.book.ledger.currency)
    told: list[Tree] = []
    for stretch in stretches(series, market.next_utc, market.step_s, PUBLISHED_LIMIT):
        news = published.news(stretch.start_utc, stretch.price_tick)
        if not news:
            continue
        body: dict[str, Any] = {"source": source, "start": utc_text(stretch.start_utc + news.start * market.step_s)}
        body["prices"] = [price_text(stretch.price_tick[n]) for n in news]
        if fetched_utc is not None:
            body["fetched"] = utc_text(fetched_utc)
        key = f"{at.key}-{len(told)}" if at.key and told else at.key
        receipt, _ = at.seat.execute("market.publish", body, key)
        counts = {name: int(receipt.effects[name]) for name in ("new", "changed")}
        told.append({"entry": receipt.seq} | receipt.effects | counts)
    return told


def _require_ours(series: PriceSeries, published: Published, currency: str) -> None:
    """Raises BadInput for a series of another zone or currency, as far as it says."""
    from voltadesk.feeds.prices.zones import same_zone

    if series.currency and series.currency != currency:
        raise BadInput("currency", series.currency, f"must be that of the desk, {currency}")
    if series.zone and not same_zone(series.zone, published.feed.zone):
        raise BadInput("zone", series.zone, f"must be that of the market's feed, {published.feed.zone}")


# Answers --------------------------------------------------------------------------------------------------------------
def feed_tree(standing: FeedState | None) -> Tree | None:
    """The state of a market's feed."""
    from voltadesk.clock import utc_text

    if standing is None:
        return None
    return {
        "source": standing.source,
        "zone": standing.zone,
        "known_intervals": standing.intervals,
        "known_until_utc": utc_text(standing.until_utc),
        "last_published_entry": standing.entry or None,
        "last_fetched_utc": utc_text(standing.fetched_utc) if standing.fetched_utc else None,
    }


def _view(at: Session, told: Sequence[Tree]) -> View:
    market, published = at.market, _published(at)
    standing = published.standing(market.next)
    tree = {"published": list(told), "feed": feed_tree(standing), "halted": at.book.halted or None}
    rows = [(f"{name} prices", sum(each[name] for each in told)) for name in ("new", "changed")]
    rows += [("known until", at.local(standing.until_utc)), ("halted", at.book.halted or "no")]
    rows += [(f"changed {when}", f"{before} -> {now}") for when, before, now in _changes(told)]
    return View(tree, (facts(f"published: {standing.source} {standing.zone}", rows),))


def _changes(told: Sequence[Tree]) -> list[tuple[str, str, str]]:
    """Which prices have changed: of what interval, from what, to what."""
    return [change for each in told for change in each.get("changes", ())]


def _known(at: Session) -> str:
    """How far prices are known, and whether that is enough."""
    standing, halted = _published(at).standing(at.market.next), at.book.halted
    until = at.local(standing.until_utc)
    known = f"known until {until}" if standing.intervals else f"STALE, none for {until}"
    return f"{standing.source} {standing.zone}: {known}" + (f"; halted: {halted}" if halted else "")
