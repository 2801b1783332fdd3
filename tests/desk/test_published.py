"""Prices of a feed on a desk: they come by commands, halt the market where they end, and change nothing that was."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desk.town import TOWN, Town
from voltadesk.clock import utc_text
from voltadesk.desk.book import Book
from voltadesk.desk.indicative import indicative
from voltadesk.desk.refusal import Refusal
from voltadesk.errors import BadInput
from voltadesk.scenario.read import parse_scenario
from voltadesk.units import decimal_text

FED = TOWN + '\n[upstream]\nlimit_kw = 5\nfeed = { source = "energy-charts", zone = "DE-LU" }\n'
START = 1781906400  # 2026-06-19T22:00Z, the town's first interval
STALE = "stale feed: upstream.feed = energy-charts DE-LU: has published no price for "


def at(hours: int) -> str:
    return utc_text(START + hours * 3600)


def publish(town: Town, hours: int, *ticks: int, **more: Any) -> dict[str, Any]:
    prices = [decimal_text(tick, 2, 2) for tick in ticks]
    return town.do("olga", "market.publish", source="by hand", start=at(hours), prices=prices, **more)


def root(book: Book) -> str:
    return json.dumps(book.state(), sort_keys=True)


@pytest.fixture
def town() -> Town:
    return Town(FED)


def test_a_market_without_prices_halts_and_resumes_once_there_are_some(town: Town) -> None:
    before = root(town.book)
    told = town.run()
    assert told == {"interval": at(0), "halted": STALE + at(0)}
    assert town.book.now_utc == START
    with pytest.raises(Refusal, match=rf"NO_PRICE: interval = {at(0)}: must have a price"):
        town.do("olga", "market.resume")
    publish(town, 0, 7000, 7100)  # while halted
    town.do("olga", "market.resume")
    town.run(2)
    assert town.book.halted == ""
    assert town.run()["halted"] == STALE + at(2)
    publish(town, 3, 7000)  # not the one that is wanted
    with pytest.raises(Refusal, match="NO_PRICE"):
        town.do("olga", "market.resume")
    assert '"published"' not in before
    town.audit()


def test_a_market_on_published_prices_is_one_on_the_same_prices_from_a_file(town: Town) -> None:
    ticks = [6000 + 100 * hour for hour in range(24)]
    rows = [f"{at(hour)},{decimal_text(tick, 2, 2)}" for hour, tick in enumerate(ticks)]
    body = "\n".join(["time,price", *rows, ""]).encode()
    filed = Town(TOWN + '\n[upstream]\nlimit_kw = 5\nprices = { file = "prices.csv" }\n', prices_csv=body)
    publish(town, 0, *ticks)
    filed.do("olga", "market.set", margin="1.00")  # an entry more, as publishing is one
    assert [filed.run() for _ in range(24)] == [town.run() for _ in range(24)]


def test_what_is_new_and_what_has_changed_is_told(town: Town) -> None:
    first = publish(town, 0, 7000, 7100, 7200, fetched=at(-3))
    assert first == {"source": "by hand", "from": at(0), "until": at(3), "new": 3, "changed": 0}
    town.run()
    again = publish(town, 1, 7100, -5, 0)
    assert again == {
        "source": "by hand", "from": at(1), "until": at(4), "new": 1, "changed": 1,
        "changes": [[at(2), "72.00", "-0.05"]],
    }  # fmt: skip
    standing = town.book.market.published.standing(town.book.market.next)
    assert standing == ("energy-charts", "DE-LU", 3, START + 4 * 3600, 3, 0)


@pytest.mark.parametrize(
    ("hours", "count", "more", "limit"),
    [
        (0, 1, {}, f"start = {at(0)}: must not be before the next interval, {at(1)}: what was run stays"),
        (1, 2_977, {}, "prices"),
        (2, 2_976, {}, "prices = 2976 prices: must end by"),
        (1, 0, {}, "prices"),
        (1, 1, {"start": "2026-06-19T23:30Z"}, "must be the start of an interval of 60 minutes"),
        (1, 1, {"prices": ["1.001"]}, "prices.0 = 1.001"),
        (1, 1, {"prices": [1.5]}, "prices.0 = 1.5: must be a decimal number as text"),
        (1, 1, {"prices": ["99999"]}, "prices.0"),
        (1, 1, {"source": ""}, "source"),
        (1, 1, {"fetched": "today"}, "fetched = today"),
    ],
)
def test_what_can_t_be_published(town: Town, hours: int, count: int, more: dict[str, Any], limit: str) -> None:
    publish(town, 0, 7000)
    town.run()
    before = root(town.book)
    body = {"source": "x", "start": at(hours), "prices": ["1.00"] * count} | more
    with pytest.raises(Refusal) as refused:
        town.do("olga", "market.publish", **body)
    assert limit in str(refused.value)
    assert root(town.book) == before


def test_a_desk_without_a_feed_has_the_root_that_it_had_before_there_were_feeds() -> None:
    town = Town()
    town.do("coop", "order.place", side="buy", quantity_kwh="2", price="120.00")
    town.run(3)
    town.do("olga", "market.set", margin="2.00")
    town.run(2)
    known = "4c5c878666a9cf3cbb1e120a118334530eef873d320aea6555aecf06fd64f047"
    assert sha256(root(town.book).encode()).hexdigest() == known


def test_only_operators_publish_and_only_to_a_desk_with_a_feed(town: Town) -> None:
    with pytest.raises(Refusal, match=r"DENIED: actor = coop: must be operator for market\.publish"):
        town.do("coop", "market.publish", source="x", start=at(0), prices=["1.00"])
    plain = Town()
    with pytest.raises(Refusal, match=r"market = town: has no upstream\.feed, so it takes no prices"):
        publish(plain, 0, 100)
    assert "published" not in plain.book.state()["market"]


def test_batteries_that_look_ahead_see_what_is_published(town: Town) -> None:
    town.do("olga", "battery.set", battery="cellar-1", strategy="day-ahead")
    with pytest.raises(BadInput, match="has published no price"):
        indicative(town.book.market, town.book.fleet)
    publish(town, 0, *range(5000, 5030))
    published = town.book.market.published
    assert published.ahead(0).tolist() == list(range(5001, 5025))
    assert published.ahead(20).tolist() == [*range(5021, 5030), *range(5006, 5021)]
    town.run(30)
    assert np.array_equal(published.ahead(29), np.arange(5006, 5030))
    assert sorted(published.price_tick) == list(range(6, 30))  # no more than a day is kept
    assert town.run()["halted"].startswith(STALE)
    town.audit()


def test_the_book_goes_on_from_its_state(town: Town) -> None:
    publish(town, 0, 7000, 7100, 6900)
    town.run(2)
    again = Book.from_state(json.loads(root(town.book)), town.source)
    assert root(again) == root(town.book)
    other = Town(FED)
    other.book, other.entries = again, town.entries
    assert other.run()["price"]
    assert other.run()["halted"] == STALE + at(3)


@given(
    st.lists(
        st.one_of(
            st.tuples(
                st.just("publish"), st.integers(-2, 6), st.lists(st.integers(-900, 30_000), min_size=1, max_size=6)
            ),
            st.tuples(st.just("run"), st.integers(1, 4)),
            st.tuples(st.just("resume")),
        ),
        max_size=12,
    )
)
@settings(max_examples=40)
def test_any_history_halts_where_a_slow_twin_says_and_comes_again(steps: list[tuple[Any, ...]]) -> None:
    """The twin is a dictionary of prices and a clock."""
    town, again = Town(FED), Town(FED)
    known: dict[int, int] = {}
    clock, halted, done = 0, False, list[tuple[str, dict[str, Any]]]()

    def do(kind: str, **body: Any) -> dict[str, Any] | None:
        try:
            told = town.do("olga", kind, **body)
        except Refusal:
            return None
        done.append((kind, body))
        return told

    for step in steps:
        if step[0] == "publish":
            first, ticks = clock + step[1], step[2]
            prices = [decimal_text(tick, 2, 2) for tick in ticks]
            told = do("market.publish", source="x", start=at(first), prices=prices)
            assert (told is None) == (step[1] < 0)
            if told is not None:
                coming = dict(enumerate(ticks, first))
                assert told["changed"] == sum(known.get(n, tick) != tick for n, tick in coming.items())
                known |= coming
        elif step[0] == "resume":
            told = do("market.resume")
            assert (told is None) == (clock not in known)
            halted = halted and told is None
        else:
            for _ in range(step[1]):
                told = do("market.advance", interval=at(clock))
                assert (told is None) == halted
                if told is not None:
                    halted = clock not in known
                    assert told["halted"] == (STALE + at(clock) if halted else "")
                    clock += not halted
    for kind, body in done:
        again.do("olga", kind, **body)
    again.entries = town.entries
    # Refused commands are entries too: only numbers of entries differ.
    assert again.book.now_utc == town.book.now_utc
    assert again.book.market.published.price_tick == town.book.market.published.price_tick
    assert again.book.halted == town.book.halted
    assert {n: known[n] for n in known if n >= clock} == {
        n: tick for n, tick in town.book.market.published.price_tick.items() if n >= clock
    }


def test_a_scenario_names_a_source_and_a_zone_that_it_has() -> None:
    for feed, limit in (
        ('{ source = "x", zone = "DE-LU" }', r"upstream\.feed\.source = x: must be one of energy-charts"),
        ('{ source = "awattar", zone = "FR" }', r"upstream\.feed\.zone = FR: must be DE-LU or AT"),
        ('{ source = "awattar" }', r"upstream\.feed\.zone: must be given"),
        ('{ source = "awattar", zone = "AT" }\nprice = 3', r"upstream\.feed: must not be given beside price"),
    ):
        with pytest.raises(BadInput, match=limit):
            parse_scenario(f"{TOWN}\n[upstream]\nlimit_kw = 5\nfeed = {feed}\n", "town.toml")
    with pytest.raises(BadInput, match=r"upstream\.price: must be given, or prices or feed"):
        parse_scenario(f"{TOWN}\n[upstream]\nlimit_kw = 5\n", "town.toml")
