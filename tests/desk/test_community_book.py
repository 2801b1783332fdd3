"""A desk whose community trades on an order book: its rules, its batteries, and people's orders among them."""

from __future__ import annotations

import json

from tests.desk.test_market import plainly, refused
from tests.desk.town import TOWN, Town
from voltadesk.desk.book import Book

CONTINUOUS = TOWN.replace('rule = "mid-market"', 'rule = "continuous"')


def test_batteries_and_peoples_orders_quote_among_homes() -> None:
    town = Town(CONTINUOUS)
    town.run(9)
    until = "2026-06-21T00:00Z"
    town.do("coop", "order.place", side="sell", quantity_kwh="2", price="10.00", until=until)
    town.do("coop", "order.place", side="buy", quantity_kwh="2", price="240.00", until=until)
    town.book.drain()
    town.run(15)
    results = town.book.drain().intervals
    shared = [trade for result in results for trade in result.trades if trade.market == "community"]
    assert {trade.participant.partition(":")[0] for trade in shared} == {"home", "battery", "order"}
    assert sum(trade.energy_wh for trade in shared) == 0
    assert sum(trade.amount_e8 for trade in shared) == 0
    mine = [trade for trade in shared if trade.actor == "coop"]
    assert mine
    for trade in mine:
        assert trade.amount_e8 == -trade.energy_wh * trade.price_tick
        if trade.energy_wh > 0:
            assert trade.price_tick <= 24_000
            assert trade.fees_e8 == 0
        else:
            assert trade.amount_e8 + trade.fees_e8 >= 1_000 * -trade.energy_wh
    town.audit()


def test_quotes_differ_from_day_to_day_and_the_market_goes_on_from_its_state() -> None:
    town = Town(CONTINUOUS)
    town.run(12)
    again = Town(CONTINUOUS)
    again.book = Book.from_state(json.loads(plainly(town)), town.book.market.source)
    again.entries = town.entries
    town.book.drain()
    town.run(3)
    first = town.book.drain().intervals
    again.run(3)
    second = again.book.drain().intervals
    assert [result.figures for result in first] == [result.figures for result in second]
    assert any(result.figures["community_wh"] for result in first)


def test_how_homes_quote_is_a_rule_of_the_market() -> None:
    town = Town()
    assert not {"zic_percent", "rounds"} & set(town.book.state()["market"]["rules"]["community"])
    town.do("olga", "market.set", community_rule="continuous", community_zic_percent="0.00", community_rounds="3")
    kept = town.book.state()["market"]["rules"]["community"]
    assert (kept["rule"], kept["zic_percent"], kept["rounds"]) == ("continuous", 0, 3)
    again = Book.from_state(json.loads(plainly(town)), town.book.market.source)
    assert again.market.scenario.community == town.book.market.scenario.community
    said = refused(town, "BAD_VALUE", "olga", "market.set", community_rounds="0")
    assert "community_rounds = 0: must lie between 1 and 1000" in str(said)
