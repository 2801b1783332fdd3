"""Products, positions and what is held: against a twin that tries everything, and the rules one by one."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.desk.town import TOWN, Town, key
from tests.engine.book_cases import orders_in_words
from tests.reference.book import Message
from tests.reference.continuous import Continuous as Twin
from tests.reference.continuous import Refused
from voltadesk.clock import utc_text
from voltadesk.desk import continuous_audit
from voltadesk.desk.book import Book
from voltadesk.desk.position import Position
from voltadesk.desk.product import QUANTITY_LIMIT_WH
from voltadesk.desk.refusal import Refusal
from voltadesk.units import decimal_text

EVENTS = int(os.environ.get("VOLTADESK_BOOK_EVENTS", "200000"))  # as for the books alone
ACTORS = ("olga", "coop", "ann")
CALM = TOWN + "\n[continuous]\nopen_intervals = 3\ngate_closure_minutes = 30\ntrading_limit = 40\n"
CALLS = CALM + "opening_call_intervals = 1\nclosing_call_intervals = 1\n"
HOUR = 3600


def begun(text: str = CALM) -> Town:
    """The town with Ann, who may trade too, after its first interval."""
    town = Town(text)
    town.do("olga", "actor.add", name="ann", public_key=key("ann"))
    town.do("olga", "role.grant", actor="ann", role="investor")
    town.run()
    town.book.drain()
    return town


@pytest.fixture
def town() -> Town:
    return begun()


def ahead(town: Town, intervals: int = 1) -> str:
    """The product that begins so many intervals after the coming one."""
    return utc_text(town.book.now_utc + intervals * HOUR)


def plainly(town: Town) -> str:
    return json.dumps(town.book.state(), sort_keys=True)


def placed(town: Town, actor: str, side: str, kwh: str, price: str | None = None, /, **more: Any) -> dict[str, Any]:
    body = {"product": ahead(town), "side": side, "quantity_kwh": kwh} | more
    return town.do(actor, "order.place", **(body if price is None else body | {"price": price}))


def refused(town: Town, code: str, actor: str, kind: str, /, **body: Any) -> str:
    before = plainly(town)
    with pytest.raises(Refusal) as caught:
        town.do(actor, kind, **body)
    assert caught.value.code == code
    assert plainly(town) == before
    return str(caught.value)


def audit(town: Town) -> None:
    town.audit()
    continuous_audit.audit(town.book.market.continuous, town.book.ledger)


def bank(town: Town, actor: str) -> int:
    return town.held(f"ext:bank:{actor}")


# Trades and settlement ------------------------------------------------------------------------------------------------
def test_a_trade_is_settled_at_the_intervals_price(town: Town) -> None:
    product, before = ahead(town), {actor: bank(town, actor) for actor in ACTORS}
    sold = placed(town, "coop", "sell", "2", "50.00")
    assert sold == {
        "order": "o-4", "product": product, "until": utc_text(town.book.now_utc + HOUR // 2), "filled_kwh": "0",
        "open_kwh": "2", "amount": "0.00", "held": "7.90",
    }  # fmt: skip
    bought = placed(town, "ann", "buy", "0.5", "60.00")
    assert (bought["filled_kwh"], bought["open_kwh"], bought["amount"]) == ("0.5", "0", "-0.025")
    # Held: what 0.5 kWh cost, and what getting rid of them costs at the floor of -500.
    assert bought["held"] == "0.275"
    assert town.held("ext:position:ann", "WH") == 500 == -town.held("ext:position:coop", "WH")
    assert town.held("ext:margin:coop") == 7_90000000
    (made,) = town.book.drain().trades
    assert [row[:5] for row in made.trades] == [
        ("order:o-5", "ann", "continuous", 500, 5000),
        ("order:o-4", "coop", "continuous", -500, 5000),
    ]
    assert town.run()["expired"] == ["o-4"]
    assert town.held("ext:margin:coop") == 500 * (400_000 - 5_000)
    tick = round(float(town.run()["price"]) * 100)
    result_e8 = 500 * (tick - 5_000)
    assert bank(town, "ann") - before["ann"] == result_e8 == before["coop"] - bank(town, "coop")
    assert not town.book.ledger.balances("ext:position") + town.book.ledger.balances("ext:margin")
    delivered = [row for row in town.book.drain().intervals[-1].trades if row.market == "delivery"]
    assert [(row.participant, row.energy_wh, row.amount_e8) for row in delivered] == [
        ("position:ann", -500, 500 * tick),
        ("position:coop", 500, -500 * tick),
    ]
    audit(town)


def test_who_takes_the_energy_in_the_auction_pays_what_was_agreed(town: Town) -> None:
    town.do("olga", "market.set", margin="0.00")
    placed(town, "coop", "sell", "1", "55.00")
    before = bank(town, "ann")
    placed(town, "ann", "buy", "1")
    town.run()
    town.do("ann", "order.place", side="buy", quantity_kwh="1")
    town.run()
    assert town.held("ext:bank:ann", "WH") == 1_000
    assert bank(town, "ann") - before == -1_000 * 5_500


def test_results_of_a_round_trip(town: Town) -> None:
    placed(town, "coop", "sell", "3", "50.00")
    placed(town, "ann", "buy", "3")
    placed(town, "olga", "buy", "1", "80.00")
    placed(town, "ann", "sell", "1")
    (product,) = town.book.market.continuous.products.values()
    position = product.positions["ann"]
    assert (position.net_wh, position.average_tick, position.realised_e8) == (2_000, 5_000, 1_000 * 3_000)
    assert product.last_tick == 8_000
    assert position.unrealised_e8(product.last_tick) == 2_000 * 3_000
    assert (product.volume_wh, product.value_e8) == (4_000, 3_000 * 5_000 + 1_000 * 8_000)
    audit(town)


def test_a_settlement_stays_in_the_products_band(town: Town) -> None:
    """What is held was for the band that the product began with, whatever the rules have become since."""
    town.do("olga", "market.set", cap="60.00", floor="0.00")
    placed(town, "coop", "sell", "1", "50.00")
    placed(town, "ann", "buy", "1")
    assert town.held("ext:margin:coop") == 1_000 * 1_000
    town.do("olga", "market.set", cap="4000.00")
    before = bank(town, "coop")
    for name in ("hydro", "gas"):
        town.do("olga", "plant.set", plant=name, capacity_kw="0")
    town.run(2)
    assert town.book.market.reference_tick > 6_000
    assert bank(town, "coop") == before
    audit(town)


def test_a_product_of_a_price_outside_its_band_is_settled_at_its_end(town: Town) -> None:
    town.do("olga", "market.set", floor="3000.00")
    placed(town, "coop", "sell", "0.001", "3500.00")
    placed(town, "ann", "buy", "0.001")
    town.do("olga", "market.set", floor="-500.00")
    town.run(2)
    assert town.book.market.reference_tick < 300_000
    assert bank(town, "ann") == 3_000_00 - 3_500_00


# Which are open -------------------------------------------------------------------------------------------------------
def test_products_open_and_close_with_the_clock(town: Town) -> None:
    opened = town.book.market.continuous.open_starts()
    assert [utc_text(start) for start in opened] == [ahead(town, n) for n in (1, 2, 3)]
    told = refused(
        town, "CLOSED", "ann", "order.place", side="buy", quantity_kwh="1", price="5", product=ahead(town, 0)
    )
    assert told.endswith(f"must begin an interval that is open, {ahead(town, 1)} to {ahead(town, 3)}")
    for product in (ahead(town, 4), "2026-06-01T00:00Z"):
        refused(town, "CLOSED", "ann", "order.place", side="buy", quantity_kwh="1", price="5", product=product)
    told = refused(town, "BAD_VALUE", "ann", "order.place", side="buy", quantity_kwh="1", product="2026-06-20T00:17Z")
    assert told.endswith("must be the start of an interval: 2026-06-20T00:00Z or 2026-06-20T01:00Z")
    closed = Town(TOWN + "\n[continuous]\nopen_intervals = 1\ngate_closure_minutes = 60\n")
    told = refused(closed, "CLOSED", "coop", "order.place", side="buy", quantity_kwh="1", product=ahead(closed))
    assert told.endswith("is not open: no product is")


def test_orders_expire_at_their_time_or_at_gate_closure(town: Town) -> None:
    until = utc_text(town.book.now_utc + HOUR)
    first = placed(town, "ann", "buy", "1", "5.00", product=ahead(town, 3), until=until)
    assert first["until"] == until
    placed(town, "ann", "buy", "1", "5.00", product=ahead(town, 3))
    placed(town, "ann", "buy", "1", "5.00")
    assert town.run()["expired"] == ["o-4", "o-6"]
    assert "expired" not in town.run()
    assert town.run()["expired"] == ["o-5"]
    assert not town.held("ext:margin:ann")
    audit(town)


def test_halted_nothing_trades_but_orders_can_be_cancelled(town: Town) -> None:
    placed(town, "ann", "buy", "1", "5.00")
    town.do("olga", "market.halt", reason="storm")
    refused(town, "HALTED", "ann", "order.place", side="buy", quantity_kwh="1", price="5", product=ahead(town))
    refused(town, "HALTED", "ann", "order.amend", order="o-4", price="6")
    assert town.do("ann", "order.cancel", order="o-4") == {"order": "o-4", "returned": "0.505"}


# Calls ----------------------------------------------------------------------------------------------------------------
def test_a_product_opens_and_closes_by_a_call() -> None:
    """Of three products one is in its opening call, one is traded, one is in its closing call."""
    town = begun(CALLS)
    continuous, start = town.book.market.continuous, ahead(town, 3)
    assert [continuous.phase(each) for each in continuous.open_starts()] == ["closing call", "open", "opening call"]
    body = {"product": start, "quantity_kwh": "2"}
    told = refused(town, "IN_CALL", "ann", "order.place", side="buy", tif="ioc", price="5.00", **body)
    assert told == "IN_CALL: order_kind = ioc: must be limit or iceberg in a call"
    assert "order_kind = market" in refused(town, "IN_CALL", "ann", "order.place", side="buy", **body)
    for actor, side, kwh, price in (
        ("ann", "buy", "2", "60.00"), ("coop", "sell", "3", "40.00"), ("olga", "buy", "0.5", "50.00"),
    ):  # fmt: skip
        made = town.do(actor, "order.place", side=side, price=price, product=start, quantity_kwh=kwh)
        assert (made["filled_kwh"], made["open_kwh"]) == ("0", kwh)
    assert "meet" in refused(town, "SELF_TRADE", "coop", "order.place", side="buy", price="40.00", **body)
    (product,) = continuous.products.values()
    assert product.indicative() == (2_500, 4_000)
    assert town.held("ext:margin:ann") == 2_000 * (6_000 + 50_000)
    before = {actor: bank(town, actor) + town.held(f"ext:margin:{actor}") for actor in ACTORS}
    done = town.run()
    assert done["calls"] == [[start, "2.5", "40.00"]]
    # At one price, no worse than the limits, so what is held is less than before.
    assert [product.positions[actor].net_wh for actor in ACTORS] == [500, -2_500, 2_000]
    assert {actor: bank(town, actor) + town.held(f"ext:margin:{actor}") for actor in ACTORS} == before
    assert town.held("ext:margin:ann") == 2_000 * (4_000 + 50_000)
    made = town.book.drain()
    assert [(row.actor, row.energy_wh, row.price_tick) for row in made.trades[0].trades] == [
        ("ann", 2_000, 4_000), ("coop", -2_000, 4_000), ("olga", 500, 4_000), ("coop", -500, 4_000),
    ]  # fmt: skip
    body = {"price": "45.00", "product": start, "quantity_kwh": "1"}
    assert town.do("ann", "order.place", side="buy", tif="ioc", **body)["filled_kwh"] == "0.5"
    assert continuous.phase(product.start_utc) == "open"
    audit(town)
    town.run()
    assert continuous.phase(product.start_utc) == "closing call"
    late = town.do("coop", "order.place", side="sell", **body)["order"]
    town.do("ann", "order.place", side="buy", **(body | {"quantity_kwh": "0.4"}))
    done = town.run()
    assert (done["calls"], done["expired"]) == ([[start, "0.4", "45.00"]], [late])
    assert continuous.phase(product.start_utc) == "closed"
    audit(town)
    town.run()
    assert not town.book.ledger.balances("ext:position") + town.book.ledger.balances("ext:margin")


def test_what_is_good_until_a_call_is_held_takes_part_in_it() -> None:
    town = begun(CALLS)
    now, half, start = town.book.now_utc, HOUR // 2, ahead(town, 1)
    for until, kwh in ((now + half - 60, "1"), (now + half, "0.2")):  # the call is held at gate closure
        town.do("ann", "order.place", side="buy", price="5.00", product=start, quantity_kwh=kwh, until=utc_text(until))
    town.do("coop", "order.place", side="sell", price="5.00", product=start, quantity_kwh="3")
    assert town.run()["calls"] == [[start, "0.2", "5.00"]]


def test_a_product_that_opens_with_the_market_has_its_opening_call_then() -> None:
    town = Town(CALLS)
    continuous = town.book.market.continuous
    calls = [continuous.calls(start) for start in continuous.open_starts()]
    now = town.book.now_utc
    assert [call.held_utc(now) - now for call in calls] == [HOUR // 2, HOUR, HOUR]
    assert [call.name(now) for call in calls] == ["closing call", "opening call", "opening call"]


def test_a_desk_without_calls_keeps_its_state(town: Town) -> None:
    town.do("olga", "market.set", trading_limit="5.00")
    assert sorted(town.book.market.state()["rules"]["continuous"]) == [
        "gate_closure_minutes", "open_intervals", "trading_limit",
    ]  # fmt: skip


# Kinds and refusals ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"price": "4000.01"}, "price = 4000.01: must lie between -500.00 and 4000.00"),
        ({"price": "5.001"}, "price = 5.001: must have at most 2 decimals"),
        ({"quantity_kwh": "0"}, "quantity_kwh = 0: must lie between 0.001"),
        ({"quantity_kwh": "-1"}, "quantity_kwh = -1: must lie between 0.001"),
        ({"quantity_kwh": "1.0005"}, "quantity_kwh = 1.0005: must have at most 3 decimals"),
        ({"order_kind": "market"}, "price = 5.00: must not be given for a market order"),
        ({"price": None, "order_kind": "limit"}, "price = '': must be given for a limit order"),
        ({"price": None, "tif": "gfs"}, "tif = gfs: must be ioc or fok for a market order"),
        ({"order_kind": "post-only", "tif": "ioc"}, "tif = ioc: must be gfs or gtt for a post-only order"),
        ({"tif": "gtt"}, "until = '': must be given with gtt"),
        ({"tif": "ioc", "until": "2026-06-20T01:00Z"}, "until = 2026-06-20T01:00Z: must not be given with ioc"),
        ({"until": "2026-06-19T01:00Z"}, "until = 2026-06-19T01:00Z: must be later than the book's clock"),
        ({"order_kind": "iceberg"}, "display_kwh = '': must be given for an iceberg order"),
        ({"order_kind": "iceberg", "price": None}, "price = '': must be given for an iceberg order"),
        ({"display_kwh": "1"}, "display_kwh = 1: must be given for an iceberg order only"),
        ({"order_kind": "iceberg", "display_kwh": "0.009"}, "display_kwh = 0.009: must lie between 1/100 of the"),
        ({"product": None, "tif": "ioc"}, "tif = ioc: must be given with a product only"),
    ],
)
def test_values_that_an_order_is_refused_for(town: Town, body: dict[str, Any], says: str) -> None:
    given = {"side": "buy", "quantity_kwh": "1", "price": "5", "product": ahead(town)} | body
    given = {name: value for name, value in given.items() if value is not None}
    assert says in refused(town, "BAD_VALUE", "ann", "order.place", **given)


def test_what_the_book_refuses(town: Town) -> None:
    body = {"product": ahead(town), "quantity_kwh": "2"}
    placed(town, "ann", "sell", "1", "50.00")
    told = refused(town, "SELF_TRADE", "ann", "order.place", side="buy", price="50.00", **body)
    assert told == "SELF_TRADE: owner = ann: must not meet an order of its own"
    buy = {"side": "buy", "price": "50.00"} | body
    told = refused(town, "POST_ONLY", "coop", "order.place", order_kind="post-only", **buy)
    assert told == "POST_ONLY: price = 50.00: must not meet the other side"
    told = refused(town, "NOT_FILLED", "coop", "order.place", tif="fok", **buy)
    assert told == "NOT_FILLED: quantity_kwh = 2: must be filled in full at once"
    refused(town, "NOT_FOUND", "ann", "order.amend", order="o-9", price="5")
    refused(town, "DENIED", "coop", "order.amend", order="o-4", price="5")
    refused(town, "DENIED", "coop", "order.cancel", order="o-4")
    refused(town, "BAD_VALUE", "ann", "order.amend", order="o-4")
    refused(town, "BAD_VALUE", "ann", "order.amend", order="o-4", price="4000.01")
    refused(town, "BAD_VALUE", "ann", "order.cancel")
    refused(town, "BAD_VALUE", "ann", "order.cancel", order="o-4", all=True)
    refused(town, "BAD_VALUE", "ann", "order.cancel", product=ahead(town))
    before = town.book.market.continuous.products
    assert [product.book.sequence for product in before.values()] == [1]


def test_kinds_and_times_in_force(town: Town) -> None:
    placed(town, "coop", "sell", "3", "50.00", order_kind="iceberg", display_kwh="1")
    done = placed(town, "ann", "buy", "1", "50.00", tif="fok")
    assert (done["filled_kwh"], done["open_kwh"]) == ("1", "0")
    done = placed(town, "ann", "buy", "1.5", order_kind="market", tif="fok")
    assert (done["filled_kwh"], done["amount"]) == ("1.5", "-0.075")
    done = placed(town, "ann", "buy", "1.5", "60.00", tif="ioc")
    assert (done["filled_kwh"], done["open_kwh"]) == ("0.5", "0")
    done = placed(town, "ann", "buy", "1.5")
    assert (done["filled_kwh"], done["open_kwh"]) == ("0", "0")
    done = placed(town, "ann", "buy", "1", "50.00", order_kind="post-only", tif="gfs")
    assert done["open_kwh"] == "1"
    audit(town)


def test_amending(town: Town) -> None:
    placed(town, "ann", "buy", "1", "5.00")
    placed(town, "coop", "buy", "1", "5.00")
    (product,) = town.book.market.continuous.products.values()
    assert product.book.ahead(2) == (1, 1_000)
    assert town.do("ann", "order.amend", order="o-4", quantity_kwh="0.5")["held"] == "0.2525"
    assert product.book.ahead(2) == (1, 500)
    town.do("ann", "order.amend", order="o-4", quantity_kwh="0.6")
    assert product.book.ahead(2) == (0, 0)
    placed(town, "olga", "sell", "1", "20.00")
    done = town.do("ann", "order.amend", order="o-4", price="20.00")
    assert (done["filled_kwh"], done["open_kwh"], done["amount"]) == ("0.6", "0", "-0.012")
    auction = town.do("ann", "order.place", side="buy", quantity_kwh="2", price="10.00")["order"]
    assert town.do("ann", "order.amend", order=auction, quantity_kwh="3", price="20.00") == {
        "order": auction, "open_kwh": "3", "held": "0.06",
    }  # fmt: skip
    assert town.held("ext:held:ann") == 3_000 * 2_000
    refused(town, "BAD_VALUE", "ann", "order.amend", order=auction, price="4000.01")
    audit(town)


def test_cancelling_all(town: Town) -> None:
    town.do("ann", "order.place", side="buy", quantity_kwh="1", price="2.00")
    for n in (1, 2):
        placed(town, "ann", "buy", "1", "5.00", product=ahead(town, n))
        placed(town, "coop", "buy", "1", "5.00", product=ahead(town, n))
    assert town.do("ann", "order.cancel", all=True, product=ahead(town, 2)) == {"orders": ["o-7"], "returned": "0.505"}
    assert town.do("ann", "order.cancel", all=True) == {"orders": ["o-4", "o-5"], "returned": "0.507"}
    assert town.do("ann", "order.cancel", all=True) == {"orders": [], "returned": "0.00"}
    assert not town.held("ext:margin:ann")
    audit(town)


# What is held ---------------------------------------------------------------------------------------------------------
def test_the_trading_limit(town: Town) -> None:
    """Of 40: a sale of 10 kWh at 50 could cost 39.50."""
    order = placed(town, "ann", "sell", "10", "50.00")
    assert order["held"] == "39.50"
    told = refused(town, "INSUFFICIENT_FUNDS", "ann", "order.amend", order="o-4", quantity_kwh="11")
    assert told == (
        "INSUFFICIENT_FUNDS: quantity_kwh = 11: may lose 3.95 more, which must be at most what is free of the trading "
        "limit, 0.50"
    )
    refused(town, "INSUFFICIENT_FUNDS", "ann", "order.amend", order="o-4", price="-1.00")
    body = {"side": "sell", "quantity_kwh": "1", "price": "50.00"}
    refused(town, "INSUFFICIENT_FUNDS", "ann", "order.place", product=ahead(town, 2), **body)
    # Both sides: only one of them can go wrong.
    assert placed(town, "ann", "buy", "10", "40.00")["held"] == "39.50"
    placed(town, "coop", "buy", "10", "50.00")
    assert placed(town, "ann", "buy", "10", "49.00")["held"] == "39.50"
    town.do("olga", "market.set", trading_limit="10.00")
    town.do("ann", "order.amend", order="o-8", price="49.50")
    refused(town, "INSUFFICIENT_FUNDS", "ann", "order.place", product=ahead(town, 2), **body)
    assert town.do("ann", "order.cancel", all=True)["orders"] == ["o-8", "o-10"]
    audit(town)


def test_closing_a_position_needs_nothing(town: Town) -> None:
    placed(town, "coop", "sell", "10", "50.00")
    placed(town, "ann", "buy", "10", "50.00")
    town.do("olga", "market.set", trading_limit="0")
    refused(town, "INSUFFICIENT_FUNDS", "ann", "order.place", side="buy", quantity_kwh="1", price="5.00",
            product=ahead(town))  # fmt: skip
    assert placed(town, "ann", "sell", "10", "60.00")["open_kwh"] == "10"
    audit(town)


def test_positions_are_bounded() -> None:
    town = begun(CALM.replace("trading_limit = 40", "trading_limit = 1000000000"))
    most = decimal_text(QUANTITY_LIMIT_WH, 3)
    placed(town, "coop", "sell", "1", "-500.00")
    placed(town, "ann", "buy", "1")
    told = refused(town, "BAD_VALUE", "ann", "order.place", side="buy", quantity_kwh=most, price="-500.00",
                   product=ahead(town))  # fmt: skip
    assert told.endswith(f"must leave the position within {most} kWh either way")


def test_a_desk_that_never_traded_so_keeps_its_state() -> None:
    town = Town()
    town.run()
    assert "continuous" not in town.book.market.state()
    assert "continuous" not in town.book.market.state()["rules"]
    town.do("olga", "market.set", trading_limit="5.00")
    kept = Book.from_state(json.loads(json.dumps(town.book.state())), town.source)
    assert kept.market.scenario.continuous.trading_limit == 5 * 10**8
    assert json.dumps(kept.state(), sort_keys=True) == plainly(town)


# Positions ------------------------------------------------------------------------------------------------------------
@given(st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(-20, 20)), max_size=30), st.integers(-30, 30))
def test_results_sum_to_what_closing_at_the_mark_gives(trades: list[tuple[int, int]], mark: int) -> None:
    position, net, cost, worth = Position(), 0, Fraction(0), 0
    for energy, price in trades:
        position.trade(energy, price)
        closed = max(-abs(net), -abs(energy)) * (1 if net > 0 else -1) if energy * net < 0 else 0
        cost += (cost / net * closed if closed else 0) + (energy - closed) * price
        net, worth = net + energy, worth + energy * (mark - price)
        assert position.net_wh == net
        assert position.realised_e8 + position.unrealised_e8(mark) == worth
        assert abs(position.cost_e8 - cost) < len(trades)
        assert net or not position.cost_e8


# Any history ----------------------------------------------------------------------------------------------------------
PRICES = st.integers(-4, 13).map(lambda n: 100 * n)
WH = st.sampled_from([1, 1_000, 1_500, 2_000, 4_000])
PLACE = st.fixed_dictionaries(
    {"side": st.sampled_from(["buy", "sell"]), "quantity": WH, "ahead": st.integers(1, 3)},
    optional={
        "price": PRICES,
        "kind": st.sampled_from(["limit", "market", "post-only", "iceberg"]),
        "tif": st.sampled_from(["gfs", "gtt", "ioc", "fok"]),
        "display": st.sampled_from([500, 1_000]),
        "until": st.integers(0, 3),  # half hours
    },
)
LIMITS = PLACE.map(lambda body: {name: body.get(name, 500) for name in ("side", "quantity", "ahead", "price")})
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place", "place", "limit", "limit", "limit", "amend", "cancel", "all", "advance", "restore"]),
        st.sampled_from(ACTORS),
        PLACE,
        LIMITS,
        st.integers(1, 6),
    ),
    max_size=40,
)
FLOOR, CAP, LIMIT = -300, 1_200, 2 * 10**7


class Pair:
    """A desk and its twin, given the same commands."""

    def __init__(self, has_calls: bool) -> None:
        self.town = begun((CALLS if has_calls else CALM).replace("trading_limit = 40", "trading_limit = 0.2"))
        self.town.do("olga", "market.set", floor="-3.00", cap="12.00")
        # With calls: three hours before its interval a product opens, is traded for one hour, and closes by a call.
        calls = (lambda start: (start - 2 * HOUR, start - HOUR)) if has_calls else None
        self.twin = Twin(FLOOR, CAP, LIMIT, QUANTITY_LIMIT_WH, calls)
        self.twin.pass_time(self.town.book.now_utc)
        self.orders: list[tuple[str, int, int]] = []  # of the desk, start of the product, number in the book

    def step(self, what: str, actor: str, order: dict[str, Any], back: int) -> None:
        town = self.town
        banks = {name: bank(town, name) for name in ACTORS}
        if what == "advance":
            self.advance()
        elif what == "restore":  # forget everything but the state
            town.book = Book.from_state(json.loads(json.dumps(town.book.state())), town.source)
        elif what == "all":
            gone = self.both(actor, "order.cancel", self.cancel_all, actor, all=True)["orders"]
            assert gone == sorted(gone, key=lambda name: int(name[2:]))
        elif what in ("place", "limit"):
            self.place(actor, order)
        elif back <= len(self.orders):
            name, start, number = self.orders[-back]
            product = self.twin.products.get(start)
            found = [o for o in product.book.in_order() if o.id == number] if product else []
            if product and found and product.names[number][1] == actor and what == "amend":
                price, left = order.get("price"), order["quantity"]
                body = {"quantity_kwh": decimal_text(left, 3)} | ({} if price is None else {"price": f"{price // 100}"})
                self.both(actor, "order.amend", self.twin.amend, product, number, price, left, order=name, **body)
            elif product and found and product.names[number][1] == actor:
                message = Message("cancel", number, product.owner(actor))
                self.both(actor, "order.cancel", self.twin.send, product, message, {}, order=name)
            else:
                refused(town, "DENIED" if found else "NOT_FOUND", actor, "order.cancel", order=name)
        for name in ACTORS:  # what others do, and the market's price, never cost more than is held
            assert name == actor or bank(town, name) >= banks[name]
        self.compare()

    def place(self, actor: str, order: dict[str, Any]) -> None:
        now_utc = self.town.book.now_utc
        start = now_utc + order["ahead"] * HOUR
        price, until, display = order.get("price"), order.get("until"), order.get("display")
        kind = order.get("kind") or ("market" if price is None else "limit")
        tif = order.get("tif") or ("ioc" if kind == "market" else "gfs" if until is None else "gtt")
        fits = (
            (price is None) == (kind == "market")
            and tif in {"market": ("ioc", "fok"), "limit": ("gfs", "gtt", "ioc", "fok")}.get(kind, ("gfs", "gtt"))
            and (until is not None) == (tif == "gtt")
            and (display is not None) == (kind == "iceberg")
        )
        expiry = 0 if until is None else now_utc + until * HOUR // 2
        body: dict[str, Any] = {"side": order["side"], "quantity_kwh": decimal_text(order["quantity"], 3)}
        body |= {} if price is None else {"price": f"{price // 100}"}
        body |= {} if until is None else {"until": utc_text(expiry)}
        body |= {} if display is None else {"display_kwh": decimal_text(display, 3)}
        body |= {field: order[name] for field, name in (("order_kind", "kind"), ("tif", "tif")) if name in order}
        if price is None:
            price = CAP if order["side"] == "buy" else FLOOR
        word = "fok" if tif == "fok" else "ioc" if tif == "ioc" and kind == "limit" else kind
        message = Message("new", 0, 0, order["side"], word, price, order["quantity"], display or 0, expiry)

        def twin() -> Any:
            if not fits:
                raise Refused("BAD_VALUE")
            return self.twin.place(start, start - HOUR // 2, actor, "", message)

        done = self.both(actor, "order.place", twin, product=utc_text(start), **body)
        if "order" in done:
            self.orders.append((done["order"], start, len(self.twin.products[start].names)))

    def both(self, actor: str, kind: str, twin: Any, /, *given: Any, **body: Any) -> dict[str, Any]:
        """Have both do it: they say the same, or refuse it for the same."""
        try:
            twin(*given)
        except Refused as no:
            refused(self.town, str(no), actor, kind, **body)
            return {}
        return self.town.do(actor, kind, **body)

    def cancel_all(self, actor: str) -> None:
        for product in self.twin.products.values():
            if product.orders(actor):
                self.twin.send(product, Message("cancel-all", owner=product.owner(actor)), {})

    def advance(self) -> None:
        town, start = self.town, self.town.book.now_utc
        before = {actor: bank(town, actor) + self.twin.held(actor) for actor in ACTORS}
        town.run()
        came = self.twin.settle(start, town.book.market.reference_tick)
        self.twin.pass_time(town.book.now_utc)
        assert sum(came.values()) == 0
        for actor in ACTORS:
            assert bank(town, actor) + self.twin.held(actor) == before[actor] + came.get(actor, 0)

    def compare(self) -> None:
        audit(self.town)
        products = self.town.book.market.continuous.products
        assert sorted(products) == sorted(self.twin.products)
        for start, product in products.items():
            same = self.twin.products[start]
            assert orders_in_words(product.book) == same.book.in_order()
            assert product.book.sequence == len(same.book.reports)
            for actor in ACTORS:
                trades, position = same.trades.get(actor, []), product.positions.get(actor, Position())
                assert position.net_wh == sum(energy for energy, _ in trades)
                assert position.cash_e8 == -sum(energy * price for energy, price in trades)
                assert position.held_e8 == same.worst(actor, same.orders(actor)) <= LIMIT


@settings(max_examples=max(60, EVENTS // 3_000), suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.booleans())
def test_any_history_is_as_its_twin_says(steps: list[tuple[str, str, Any, Any, int]], has_calls: bool) -> None:
    pair, again = Pair(has_calls), Pair(has_calls)
    for what, actor, order, limit, back in steps:
        pair.step(what, actor, limit if what == "limit" else order, back)
    for what, actor, order, limit, back in steps:  # without forgetting in between
        if what != "restore":
            again.step(what, actor, limit if what == "limit" else order, back)
    assert plainly(again.town) == plainly(pair.town)
    pair.town.run(4)
    assert not pair.town.book.market.continuous.products
    assert not pair.town.book.ledger.balances("ext:position") + pair.town.book.ledger.balances("ext:margin")
    audit(pair.town)
