"""The runner: what is played, stepped, replayed and asked, seen through its frames."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ui.desks import beside, make_desk, running, seat_of
from voltadesk.desk.refusal import Refusal
from voltadesk.errors import BadInput, VoltaDeskError
from voltadesk.store.clock import holder
from voltadesk.store.desk import Desk
from voltadesk.ui.frame import AS_FAST_AS_IT_GOES, DeskFrame
from voltadesk.ui.history import History
from voltadesk.ui.running import Running

STEP_S = 900


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with make_desk(tmp_path_factory.mktemp("runner") / "desk") as desk:
        yield desk


@pytest.fixture(params=["thread", "process"])
def runner(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Running]:
    with beside(desk) if request.param == "process" else running(desk) as runner:
        runner.start()
        wait(runner, lambda frame: True)
        yield runner
        runner.stop()
    if desk.refresh() and desk.book.halted:
        seat_of(desk).execute("market.resume", {})


def wait(runner: Running, is_so: Callable[[DeskFrame], bool]) -> DeskFrame:
    """The first frame for which that is so."""
    until = time.monotonic() + 60
    while (frame := runner.frame) is None or not is_so(frame):
        assert time.monotonic() < until, f"no such frame came; the last was {frame and frame.clock}"
        time.sleep(0.005)
    return frame


def now_utc(desk: Desk) -> int:
    desk.refresh()
    return desk.book.now_utc


def test_a_new_desk_is_shown_before_anything_was_traded(runner: Running) -> None:
    frame = wait(runner, lambda frame: True)
    assert len(frame.history) == 0
    assert frame.next_utc == frame.market.scenario.time.grid().start_utc  # type: ignore[union-attr]
    assert frame.coming is not None
    assert frame.coming.price_tick is not None
    assert not frame.clock.is_playing


def test_a_step_on_runs_one_interval_at_the_indicative_price(runner: Running) -> None:
    before = wait(runner, lambda frame: True)
    runner.step(1).result()
    after = wait(runner, lambda frame: len(frame.history) == len(before.history) + 1)
    assert after.next_utc == before.next_utc + STEP_S
    assert int(after.history["price_tick"][-1]) == before.coming.price_tick  # type: ignore[union-attr]
    assert int(after.history["auction_wh"][-1]) == before.coming.volume_wh  # type: ignore[union-attr]
    assert int(after.history.nav_e8[-1]) == after.fund.nav_e8
    assert after.tape[0].start_utc == before.next_utc


def test_stepping_back_is_a_replay_and_changes_nothing(runner: Running, desk: Desk) -> None:
    before = wait(runner, lambda frame: True)
    for _ in range(3):
        runner.step(1).result()
    live = wait(runner, lambda frame: len(frame.history) == len(before.history) + 3)
    runner.step(-2).result()
    past = wait(runner, lambda frame: frame.clock.is_replay)
    assert past.clock.behind == 2
    assert past.next_utc == live.next_utc - 2 * STEP_S
    assert past.coming is None
    assert all(row.start_utc < past.next_utc for row in past.tape)
    assert "replay" in past.why_not("order.place")
    with pytest.raises(BadInput, match="what has been"):
        runner.submit("market.halt", {"reason": "no"}).result()
    runner.step(1).result()
    assert wait(runner, lambda frame: frame.clock.behind == 1).clock.is_replay
    runner.go_live().result()
    assert not wait(runner, lambda frame: not frame.clock.is_replay).clock.behind
    assert now_utc(desk) == live.next_utc


def test_playing_goes_on_by_itself_and_pausing_stops_it(runner: Running, desk: Desk) -> None:
    runner.set_speed(AS_FAST_AS_IT_GOES).result()
    before = len(wait(runner, lambda frame: True).history)
    runner.play().result()
    wait(runner, lambda frame: len(frame.history) > before + 5)
    runner.pause().result()
    paused = wait(runner, lambda frame: not frame.clock.is_playing)
    time.sleep(0.3)
    assert now_utc(desk) == paused.next_utc


def test_speed_paces_the_market(runner: Running) -> None:
    runner.set_speed(9 * STEP_S).result()  # nine intervals a second
    runner.play().result()
    first = wait(runner, lambda frame: frame.clock.is_playing)
    began_s = time.monotonic()
    wait(runner, lambda frame: len(frame.history) >= len(first.history) + 9)
    assert 0.7 < time.monotonic() - began_s < 5  # wide: the machine may be busy
    runner.pause().result()


def test_going_to_what_comes_runs_until_then_and_pauses(runner: Running, desk: Desk) -> None:
    goal_utc = now_utc(desk) + 10 * STEP_S
    runner.go_to(goal_utc).result()
    there = wait(runner, lambda frame: frame.next_utc >= goal_utc and not frame.clock.is_playing)
    assert there.next_utc == goal_utc
    assert there.clock.goal_utc is None


def test_going_to_what_was_replays_it_and_play_comes_back_to_live(runner: Running, desk: Desk) -> None:
    start_utc = desk.book.market.start_utc  # type: ignore[union-attr]
    runner.go_to(start_utc + STEP_S).result()
    past = wait(runner, lambda frame: frame.clock.is_replay)
    assert len(past.history) == 2
    assert past.next_utc == start_utc + 2 * STEP_S
    runner.set_speed(AS_FAST_AS_IT_GOES).result()
    runner.play().result()
    live = wait(runner, lambda frame: not frame.clock.is_replay)
    assert not live.clock.is_playing
    with pytest.raises(BadInput, match="before the market's first interval"):
        runner.go_to(start_utc - 1).result()


def test_a_command_is_answered_while_the_market_runs(runner: Running) -> None:
    runner.set_speed(AS_FAST_AS_IT_GOES).result()
    runner.play().result()
    placed = runner.submit("order.place", {"side": "buy", "quantity_kwh": "1", "price": "-400"}).result(20)
    assert placed.outcome == "done"
    with pytest.raises(Refusal, match="must lie between"):
        runner.submit("order.place", {"side": "buy", "quantity_kwh": "1", "price": "9000"}).result(20)
    runner.pause().result()


def test_a_halt_pauses_and_says_who_may_go_on(runner: Running) -> None:
    runner.play().result()
    runner.submit("market.halt", {"reason": "fire drill"}).result()
    halted = wait(runner, lambda frame: bool(frame.halted))
    assert halted.halted == "fire drill"
    assert halted.why_not("order.place") == "the desk is halted"
    assert not halted.why_not("market.resume")
    runner.set_speed(AS_FAST_AS_IT_GOES).result()
    runner.play().result()
    assert not wait(runner, lambda frame: not frame.clock.is_playing).fault
    runner.submit("market.resume", {}).result()
    assert not wait(runner, lambda frame: not frame.halted).halted


def test_only_one_process_runs_the_market(runner: Running, desk: Desk) -> None:
    with Desk.open(desk.journal.path.parent) as other, other.clock():
        runner.play().exception()
        with pytest.raises(Exception, match="holds the market's clock"):
            runner.step(1).result()
    runner.step(1).result()


def test_what_another_process_does_is_seen(runner: Running, desk: Desk) -> None:
    before = wait(runner, lambda frame: True)
    with Desk.open(desk.journal.path.parent) as other:
        seat_of(other).advance(2)
    seen = wait(runner, lambda frame: len(frame.history) == len(before.history) + 2)
    assert seen.next_utc == before.next_utc + 2 * STEP_S


def test_an_investor_can_look_and_order_but_not_run(desk: Desk, tmp_path: Path) -> None:
    with running(desk, actor="town-cooperative") as runner:
        runner.start()
        frame = wait(runner, lambda frame: True)
        assert frame.roles == {"investor"}
        assert "operator" in frame.clock.reason
        assert not frame.why_not("order.place")
        assert "admin" in frame.why_not("fund.declare")
        with pytest.raises(BadInput, match="needs the role operator"):
            runner.play().result()
        runner.sit("owner", tmp_path).result()
        assert wait(runner, lambda frame: frame.actor == "owner").clock.reason == ""
        runner.stop()


def test_history_from_the_journal_is_the_history_that_was_watched(runner: Running, desk: Desk) -> None:
    before = wait(runner, lambda frame: True)
    with Desk.open(desk.journal.path.parent) as other:
        seat_of(other).advance(24)
    now_utc = before.next_utc + 24 * STEP_S
    watched = wait(runner, lambda frame: frame.next_utc == now_utc).history
    with running(desk) as again:
        again.start()
        read = wait(again, lambda frame: frame.next_utc == now_utc).history
        again.stop()
    for name in ("figures", "fill_wh", "money_e8", "fund", "mark_tick"):
        assert (getattr(read, name) == getattr(watched, name)).all(), name
    assert _flows(read) == _flows(watched)
    assert [read.reasons[n] for n in read.reason.ravel()] == [watched.reasons[n] for n in watched.reason.ravel()]


def _flows(history: History) -> dict[str, list[int]]:
    """By source: their order is the one in which they came to be seen."""
    return dict(zip(history.sources, history.flow_wh.tolist(), strict=True))


def test_a_desk_without_a_key_only_shows(desk: Desk) -> None:
    with running(desk, unsigned="no key of owner here") as runner:
        runner.start()
        frame = wait(runner, lambda frame: True)
        assert frame.clock.reason == frame.why_not("market.halt") == "no key of owner here"
        with pytest.raises(Refusal, match="no key"):
            runner.submit("market.halt", {"reason": "no"}).result()
        runner.stop()


def test_a_market_that_was_killed_is_said_to_be_and_its_tables_are_still_read(desk: Desk) -> None:
    with beside(desk) as market:
        market.start()
        before = wait(market, lambda frame: True)
        os.kill(market.process, signal.SIGKILL)
        frame = wait(market, lambda frame: bool(frame.fault))
        assert frame.fault == frame.clock.reason == "the market's process was ended by signal 9: open the desk again"
        assert frame.history is before.history
        with pytest.raises(VoltaDeskError, match="by signal 9"):
            market.step(1).result(5)
        assert market.read(lambda records: len(list(records.intervals()))).result(5) == len(frame.history)


@pytest.mark.parametrize("is_hard", [True, False])
def test_a_market_whose_screen_is_gone_ends_in_order(desk: Desk, is_hard: bool) -> None:
    with beside(desk) as market:
        market.start()
        market.set_speed(AS_FAST_AS_IT_GOES).result()
        market.play().result()
        assert holder(market.folder) == market.process
        if is_hard:  # as the system does it for a process that was killed
            with socket.socket(fileno=os.dup(market._pipe.fileno())) as ours:
                ours.shutdown(socket.SHUT_RDWR)
        else:
            os.kill(market.process, signal.SIGTERM)
        market._listener.join(20)  # which waits for the process, too: one of two that do would not learn how it ended
        market._process.join(20)
        assert market._process.exitcode == 0
    with desk.clock():
        desk.refresh()


def test_a_fault_in_running_is_said_and_nothing_waits_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(desk) as runner:
        runner.start()
        wait(runner, lambda frame: True)

        def fail(*given: object) -> None:
            raise ZeroDivisionError("a fault of the program")

        monkeypatch.setattr(runner._maker, "make", fail)
        runner.set_speed(60).result()
        stopped = wait(runner, lambda frame: bool(frame.fault))
        assert "a fault of the program" in stopped.fault
        with pytest.raises(Exception, match="a fault of the program"):
            runner.step(1).result(5)
        runner.stop()
