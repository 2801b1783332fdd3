"""A desk that goes by a service's prices: they are published by signed commands, and without them nothing runs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests import services as s
from tests.cli.answers import refused, tree
from tests.cli.conftest import STREET, Ask, asking, copied, made
from tests.commands import call
from voltadesk.cli import market_feed
from voltadesk.feeds.live import asking as service_asking
from voltadesk.store import snapshot
from voltadesk.store.desk import Desk, verify

FED = STREET.replace("price = 90.00", 'feed = { source = "energy-charts", zone = "DE-LU" }')
NOW = s.moment("2026-05-25T09:07Z")  # the market begins on that day, at 22:00Z before it


@pytest.fixture(scope="module")
def fed_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fed")
    (folder / "street.toml").write_text(FED)
    return made(folder / "desk", "--scenario", str(folder / "street.toml"))


@pytest.fixture
def desk(fed_desk: Path, tmp_path: Path) -> Path:
    return copied(fed_desk, tmp_path / "desk")


@pytest.fixture
def ask(desk: Path) -> Ask:
    return asking(desk)


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[s.Services]:
    monkeypatch.setenv("VOLTADESK_PRICES", str(tmp_path / "shelf"))
    monkeypatch.setenv("VOLTADESK_FEEDS", str(tmp_path / "feeds.toml"))
    monkeypatch.setattr(service_asking, "pause", lambda _: None)
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    with s.serving() as running:
        running.known_until = s.moment("2026-05-25T22:00Z")
        s.point_to(running, monkeypatch)
        yield running


def require_same_again(desk: Path) -> None:
    """The history is carried out again, from the beginning and without any service, to the same root."""
    with Desk.open(desk) as opened:
        assert verify(desk).state_root == opened.state_root()


def test_a_day_is_fetched_published_and_run(services: s.Services, desk: Path, ask: Ask) -> None:
    assert tree(ask("market", "show", "--json"))["feed"] == {
        "source": "energy-charts", "zone": "DE-LU", "known_intervals": 0, "known_until_utc": "2026-05-24T22:00Z",
        "last_published_entry": None, "last_fetched_utc": None,
    }  # fmt: skip
    told = tree(ask("market", "feed", "--json"))
    (published,) = told["published"]
    assert (published["new"], published["changed"], published["source"]) == (96, 0, "energy-charts DE-LU")
    assert told["feed"] == {
        "source": "energy-charts", "zone": "DE-LU", "known_intervals": 96, "known_until_utc": "2026-05-25T22:00Z",
        "last_published_entry": published["entry"], "last_fetched_utc": "2026-05-25T09:07Z",
    }  # fmt: skip
    assert tree(ask("market", "feed", "--json"))["published"] == []  # nothing new: no command
    refusal = refused(ask("headless", "run", "--intervals", 97), 3)
    assert "intervals = 97: energy-charts DE-LU has published prices of 96, until 2026-05-26 00:00" in refusal
    assert tree(ask("headless", "run", "--intervals", 8, "--json"))["intervals"] == 8
    shown = tree(ask("market", "show", "--json"))
    assert (shown["feed"]["known_intervals"], shown["halted"]) == (88, None)
    require_same_again(desk)


def test_an_unpublished_interval_halts_and_prices_let_it_go_on(services: s.Services, desk: Path, ask: Ask) -> None:
    services.known_until = s.moment("2026-05-24T23:00Z")
    ask("market", "feed")
    said = refused(ask("headless", "run", "-q"), 7)  # as the clock shows nine: all of the morning is to be run
    stale = "stale feed: upstream.feed = energy-charts DE-LU: has published no price for 2026-05-24T23:00Z"
    assert f"halted: {stale}" in said
    assert "NO_PRICE: interval = 2026-05-24T23:00Z: must have a price" in refused(ask("market", "resume"), 7)
    services.known_until = s.moment("2026-05-25T22:00Z")
    told = tree(ask("market", "feed", "--json"))
    assert (told["halted"], told["published"][0]["from"]) == (stale, "2026-05-24T23:00Z")
    assert ask("market", "resume").code == 0
    assert tree(ask("headless", "run", "--until", "2026-05-25T12:00", "--json"))["next_utc"] == "2026-05-25T10:00Z"
    require_same_again(desk)


def test_a_price_that_changed_is_published_alone_and_told(services: s.Services, desk: Path, ask: Ask) -> None:
    ask("market", "feed")
    ask("headless", "run", "--intervals", 8, "-q")
    usual, changed = services.price, s.moment("2026-05-25T15:00Z")
    services.price = lambda second: -7.5 if second in (changed, s.moment("2026-05-24T22:00Z")) else usual(second)
    done = ask("market", "feed", "--json")
    (published,) = tree(done)["published"]
    assert (published["from"], published["until"]) == ("2026-05-25T15:00Z", "2026-05-25T16:00Z")
    assert (published["new"], published["changed"], len(published["changes"])) == (0, 4, 4)
    assert published["changes"][0] == ["2026-05-25T15:00Z", f"{Decimal(str(usual(changed))):.2f}", "-7.50"]
    require_same_again(desk)


def test_without_a_count_it_keeps_to_the_real_clock(
    services: s.Services, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs all that have begun, waits, and runs the next one when that begins."""
    from voltadesk.cli import run

    ask("market", "feed")
    waited: list[float] = []

    def pause(wait_s: float) -> None:
        waited.append(wait_s)
        monkeypatch.setattr(time, "time", lambda: NOW + 900.0 * len(waited))
        if len(waited) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(run.time, "sleep", pause)
    assert ask("headless", "run", "-q").code == 130
    assert waited == [0.2] * 3
    monkeypatch.undo()
    assert tree(ask("market", "show", "--json"))["next_utc"] == "2026-05-25T09:45Z"


def test_again_and_again_it_tells_what_hinders_and_goes_on(
    services: s.Services, desk: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = 0

    def pause(wait_s: float) -> None:
        nonlocal turns
        if wait_s == market_feed.TURN_S:
            turns += 1
            clock.append(clock[-1] + 60.0)
        if turns == 1:
            services.known_until = s.moment("2026-05-26T22:00Z")
        if turns == 3:
            os.kill(os.getpid(), signal.SIGINT)

    clock = [0.0]
    services.faults = [s.status(503)] * 4
    monkeypatch.setattr(market_feed.time, "sleep", pause)
    monkeypatch.setattr(market_feed.time, "monotonic", lambda: clock[-1])
    done = ask("market", "feed", "--every", "1m")
    assert done.code == 130
    lines = [line for line in done.err.splitlines() if "asked again" not in line]
    place = f"energy-charts ({services.address})"
    assert lines == [
        f"{place}: answered 503 (asked 4 times); energy-charts DE-LU: STALE, none for 2026-05-25 00:00+0200",
        "192 new prices, 0 changed; energy-charts DE-LU: known until 2026-05-27 00:00+0200",
        "0 new prices, 0 changed; energy-charts DE-LU: known until 2026-05-27 00:00+0200",
        "voltadesk: interrupted",
    ]
    monkeypatch.undo()
    assert tree(ask("market", "show", "--json"))["feed"]["known_until_utc"] == "2026-05-26T22:00Z"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("feed", "--every", "3"), 3, "every = 3: must be a time such as 15m"),
        (("feed", "--every", "1s"), 3, "from 1m to 24h"),
        (("feed", "--every", "1m", "--key", "x"), 2, "--key names one command"),
        (("publish", "nowhere.csv"), 3, "nowhere.csv"),
        (("publish", "ours.csv"), 3, "currency = CHF: must be that of the desk, EUR"),
        (("publish", "zone.csv"), 3, "zone = FR: must be that of the market's feed, DE-LU"),
        (("publish", "fine.csv"), 3, "change within 15 minutes of 2026-05-25T10:00Z: choose a shorter interval"),
    ],
)
def test_what_can_t_be_published(
    services: s.Services, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...], code: int, said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    head = "start,end,price,zone,currency,timezone\n"
    hours = [f"2026-05-25T{h}:00Z,2026-05-25T{h + 1}:00Z,{h}.00" for h in (10, 11)]
    Path("ours.csv").write_text(head + "".join(f"{hour},DE-LU,CHF,UTC\n" for hour in hours))
    Path("zone.csv").write_text(head + "".join(f"{hour},FR,EUR,UTC\n" for hour in hours))
    fives = [f"2026-05-25T10:{m:02d}Z,2026-05-25T10:{m + 5:02d}Z,{m}.00,DE-LU,EUR,UTC\n" for m in range(0, 45, 5)]
    Path("fine.csv").write_text(head + "".join(fives))
    assert said in refused(ask("market", *arguments), code)


def test_one_interval_alone_is_published(services: s.Services, ask: Ask, tmp_path: Path) -> None:
    """Of the one row nothing but the market's step says how long it holds."""
    start = s.moment("2026-05-24T22:00Z")
    services.faults = [s.body(json.dumps({"unix_seconds": [start], "price": [50.5], "unit": "EUR / MWh"}).encode())]
    (fetched,) = tree(ask("market", "feed", "--json"))["published"]
    assert (fetched["new"], fetched["until"]) == (1, "2026-05-24T22:15Z")
    (tmp_path / "one.csv").write_text("time,price\n2026-05-24T22:15Z,55.50\n")
    (told,) = tree(ask("market", "publish", tmp_path / "one.csv", "--json"))["published"]
    assert (told["new"], told["from"], told["until"]) == (1, "2026-05-24T22:15Z", "2026-05-24T22:30Z")
    assert ask("headless", "run", "--intervals", 2, "-q").code == 0


def test_a_series_is_published_by_its_name_or_file(services: s.Services, ask: Ask, desk: Path) -> None:
    days = ("--from", "2026-05-25", "--to", "2026-05-25")
    assert call("prices", "fetch", "energy-charts", "--zone", "DE-LU", *days).code == 0
    told = tree(ask("market", "publish", "energy-charts-de-lu", "--json"))
    assert (told["published"][0]["new"], told["published"][0]["source"]) == (96, "energy-charts-de-lu")
    assert told["feed"]["last_fetched_utc"] is None
    assert "known until" in ask("market", "publish", "energy-charts-de-lu").out
    assert ask("headless", "run", "--intervals", 2, "-q").code == 0
    for check in (("journal", "verify"), ("rebuild",), ("doctor",)):
        assert ask(*check).code == 0


def test_a_snapshot_holds_the_prices(
    services: s.Services, ask: Ask, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "EVERY", 20)
    ask("market", "feed")
    ask("headless", "run", "--intervals", 4, "-q")
    with Desk.open(desk) as opened, opened.journal.reading() as connection:
        assert list(connection.exec_driver_sql("SELECT seq FROM snapshot").scalars())
        root = opened.state_root()
    with Desk.open(desk) as opened:
        assert opened.state_root() == root == verify(desk).state_root
    assert tree(ask("market", "show", "--json"))["feed"]["known_intervals"] == 92


def test_a_robot_s_key_may_publish(services: s.Services, ask: Ask, tmp_path: Path) -> None:
    key = tmp_path / "robot" / "robot.key"
    public = call("actor", "new-key", str(key)).out.strip()
    assert ask("actor", "delegate", public, "--kind", "market.publish", "--until", "2026-06-01").code == 0
    assert ask("market", "feed", "--as", "owner", "--key-file", key).code == 0


def test_a_desk_without_a_feed_and_a_replay_with_one(services: s.Services, street: Path, tmp_path: Path) -> None:
    other = asking(made(tmp_path / "other", "--scenario", str(street)))
    for arguments in (("feed",), ("publish", "x")):
        assert "market = street: has no upstream.feed" in refused(other("market", *arguments), 3)
    assert tree(other("market", "show", "--json"))["feed"] is None
    (tmp_path / "fed.toml").write_text(FED)
    done = call("headless", "replay", tmp_path / "fed.toml")
    assert (done.code, "upstream.feed = energy-charts DE-LU: has prices for a desk" in done.err) == (3, True)
    assert services.asked == []


def test_a_desk_far_ahead_of_the_clock_is_told(services: s.Services, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(NOW - 4 * 86_400))
    assert "must be less than two days ahead" in refused(ask("market", "feed"), 3)


def test_entries_say_what_was_published(services: s.Services, ask: Ask) -> None:
    ask("market", "feed")
    (entry,) = [json.loads(line) for line in ask("journal", "tail", "--limit", 1, "--json").out.splitlines()][-1:]
    assert "market.publish" in json.dumps(entry)
