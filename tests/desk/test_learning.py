"""Batteries of a desk that find their own limits: what is learnt and kept, and what is refused."""

from __future__ import annotations

import json
from itertools import count

import pytest

from tests.desk.test_market import plainly, refused
from tests.desk.town import Town
from voltadesk.desk.book import Book
from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.units import PRICE_LIMIT_TICK


def test_what_a_strategy_has_learnt_is_kept() -> None:
    """A market taken up from its state goes on as the one that never stopped; one that needs nothing learns nothing."""
    town = Town()
    town.run(2)
    assert "outlook" not in town.book.state()["market"]
    town.do("olga", "battery.set", battery="cellar-1", strategy="rolling")
    town.run(30)
    town.book.drain()
    again = Town()
    again.book = Book.from_state(json.loads(plainly(town)), town.book.market.source)
    again.entries = count(33)
    town.entries = count(33)
    town.run(20)
    again.run(20)
    assert plainly(town) == plainly(again)
    rows = [row for result in again.book.drain().intervals for row in result.batteries if row.battery == "cellar-1"]
    assert any(row.buy_limit_tick != NO_PRICE_TICK for row in rows), "it bids"
    assert len({row.buy_limit_tick for row in rows}) > 3, "by what it has learnt and holds"


def test_a_strategy_that_finds_its_limits_has_none_of_its_own() -> None:
    town = Town()
    town.do("olga", "battery.set", battery="cellar-1", strategy="rolling")
    battery = town.book.fleet.get("cellar-1")
    assert (battery.buy_limit_tick, battery.sell_limit_tick) == (PRICE_LIMIT_TICK, -PRICE_LIMIT_TICK)
    town.do("olga", "battery.set", battery="cellar-1", buy_limit="50")
    assert town.book.fleet.get("cellar-1").buy_limit_tick == 5000
    town.do("olga", "battery.set", battery="cellar-1", strategy="threshold")
    battery = town.book.fleet.get("cellar-1")
    assert (battery.buy_limit_tick, battery.sell_limit_tick) == (-PRICE_LIMIT_TICK, PRICE_LIMIT_TICK), "never"


@pytest.mark.parametrize("strategy", ["day-ahead", "dual"])
def test_published_prices_must_be_there(strategy: str) -> None:
    said = refused(Town(), "BAD_VALUE", "olga", "battery.set", battery="cellar-1", strategy=strategy)
    assert str(said) == f"BAD_VALUE: strategy = {strategy}: needs the prices of an upstream, which the market lacks"
