"""What panes go on with is what they would work out anew, whatever the history forgets or a replay hides."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from voltadesk.ui.axes import Ints64
from voltadesk.ui.derived import Derived
from voltadesk.ui.history import Columns


@dataclass
class Past:
    """As much of a history as `Derived` looks at."""

    values: Ints64
    first: int

    def __len__(self) -> int:
        return len(self.values)

    @property
    def starts_utc(self) -> Ints64:
        return 900 * (self.first + np.arange(len(self.values)))


def test_it_is_gone_on_with_as_if_made_anew() -> None:
    draw, made = random.Random(3), 0

    def make(history: Any, begin: int) -> Ints64:
        nonlocal made
        made += len(history) - begin
        return np.stack([history.values[begin:], -history.values[begin:]])

    derived = Derived(make)
    every = np.array([draw.randrange(1000) for _ in range(3000)], np.int64)
    first, last = 0, 0
    for _ in range(400):
        last = min(3000, last + draw.randrange(12))
        if last - first > 60:
            first = last - 50  # the oldest are forgotten
        seen = last if draw.random() < 0.7 else draw.randint(min(last, first + 2), last)
        history = Past(every[first:seen], first)
        assert_array_equal(derived.of(history, "key"), np.stack([every[first:seen], -every[first:seen]]))  # type: ignore[arg-type]
    assert made <= 3000 + 60
    assert derived.of(Past(every[:5], 0), "key").shape == (2, 5)  # type: ignore[arg-type]
    assert derived.of(Past(every[:5], 0), "another").shape == (2, 5)  # type: ignore[arg-type]


def test_columns_that_forget_stay_as_large_as_they_were() -> None:
    columns, seen, rooms = Columns(1), [], set()
    for first in range(0, 20_000, 40):
        columns.append(np.arange(first, first + 40)[None, :])
        if columns.count > 450:
            columns.drop(columns.count - 400)
        if first >= 1_000:
            rooms.add(columns._data.shape)
        seen = [*seen[-3:], (columns.values, columns.values.copy())]
        assert all(np.array_equal(values, was) for values, was in seen)  # what was read stays as it was
        assert columns.values[0, -1] == first + 39
    assert len(rooms) == 1
    assert columns.values[0].tolist() == list(range(20_000 - columns.count, 20_000))


def test_a_row_that_is_new_was_nothing_before() -> None:
    columns = Columns(1)
    columns.append(np.full((1, 300), 7))
    columns.append(np.full((3, 2), 5))
    assert columns.values[1:].sum(axis=1).tolist() == [10, 10]
    assert columns.values[0].tolist() == [7] * 300 + [5, 5]
