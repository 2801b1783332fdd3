"""A large array of intervals x members, written member by member."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voltadesk.feeds.meter_series import Wh

Ints = NDArray[np.int64]

HELD = 64  # members


class MemberColumns:
    """An array (count, members) that is written member by member, in 32 bits as long as these are enough.

    A few members are held and written together: one by one, each value would touch a stretch of memory of its own.
    """

    def __init__(self, count: int, members: int) -> None:
        self.array: Wh = np.zeros((count, members), np.int32)
        self._held = np.zeros((HELD, count), np.int64)
        self._first = 0

    def put(self, m: int, energy_wh: Ints) -> None:
        """What one member has, (count,); members come in their order."""
        while m >= self._first + HELD:
            self._write()
        self._held[m - self._first] = energy_wh

    def done(self) -> Wh:
        """The array, once all members are in it."""
        self._write()
        return self.array

    def _write(self) -> None:
        place = self.array[:, self._first : self._first + HELD]
        if self._held.max() > np.iinfo(self.array.dtype).max:
            self.array = self.array.astype(np.int64)
            place = self.array[:, self._first : self._first + HELD]
        place[:] = self._held[: place.shape[1]].T
        self._held[:] = 0
        self._first += HELD
