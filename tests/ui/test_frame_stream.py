"""Frames that go from process to process come out as they went in, and what did not change stays the same object."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.desks import make_desk, running
from tests.ui.test_runner import wait
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.frame_stream import FrameReceiver, FrameSender
from voltadesk.ui.history import ARRAYS, NAMES, History

Said = TypeVar("Said")
ROWS = {"figures": len(NAMES), "fund": 5, "mark_tick": 1, "flow_wh": 2}


def history(first: int, count: int, batteries: int) -> History:
    """Intervals from a number on: the same number is the same interval. The n-th battery is bought in the 3n-th."""
    at = np.arange(first, first + count)
    arrays = {name: 900 * at + 7 * np.arange(ROWS.get(name, batteries))[:, None] for name in ARRAYS}
    for name in set(ARRAYS) - set(ROWS):
        arrays[name] *= at >= 3 * np.arange(batteries)[:, None]
    arrays["mark_tick"] = arrays["mark_tick"][0]
    names = tuple(f"battery-{n}" for n in range(batteries))
    return History(sources=("wind", "grid"), batteries=names, reasons=("idle",), **arrays)


def far(said: Said) -> Said:
    """As it comes out of a pipe."""
    told: Said = pickle.loads(pickle.dumps(said))  # noqa: S301
    return told


def same(one: History, other: History) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_any_course_of_histories_arrives(course: list[tuple[int, int]]) -> None:
    """It grows, is seen earlier, forgets its beginning, is read again from earlier on, and gets more batteries."""
    sender, receiver, last = FrameSender(), FrameReceiver(), 0
    for first, count in course:
        last = max(last, first + count)
        now = history(first, count, 1 + last // 3)
        assert same(receiver._history(far(sender._growth(now))), now)


def test_a_frame_arrives_whole_and_only_what_changed_is_sent(tmp_path: Path) -> None:
    frames: list[DeskFrame] = []
    with make_desk(tmp_path / "desk") as desk, running(desk, 8, hand_on=lambda f, _: frames.append(f)) as runner:
        runner.start()
        runner.submit("order.place", {"side": "buy", "quantity_kwh": "1", "price": "90"}).result()
        product = "2026-05-25T06:00Z"
        runner.submit("order.place", {"side": "buy", "quantity_kwh": "1", "price": "90", "product": product}).result()
        wait(runner, lambda frame: bool(frame.in_books))
        runner.step(1).result()
        wait(runner, lambda frame: len(frame.history) == 9)
        runner.step(-3).result()
        wait(runner, lambda frame: frame.clock.is_replay)
        runner.go_live().result()
        wait(runner, lambda frame: not frame.clock.is_replay)
        runner.stop()
    sender, receiver = FrameSender(), FrameReceiver()
    for frame in frames:
        got = receiver.frame(far(sender.changes(frame)))
        assert same(got.history, frame.history)
        for each in fields(DeskFrame):
            if each.name not in ("history", "coming"):
                assert getattr(got, each.name) == getattr(frame, each.name), each.name
        assert (got.coming is None) == (frame.coming is None)
        assert got.coming is None or vars(got.coming).keys() == vars(frame.coming).keys()
    again = receiver.frame(far(sender.changes(replace(frame, number=0))))
    assert again.number == 0
    assert all(getattr(again, name) is getattr(got, name) for name in ("market", "fund", "books", "tape", "coming"))
