"""What panes go on with is what they would work out anew, whatever the history forgets or a replay hides."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from voltadesk.ui.axes import Ints64
from voltadesk.ui.derived import Derived


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
