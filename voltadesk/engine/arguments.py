"""Arrays and numbers that a caller gives, checked: what doesn't fit is refused naming it, its value and its limit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voltadesk.engine.tables import NO_PRICE_TICK
from voltadesk.errors import BadInput
from voltadesk.units import PRICE_LIMIT_TICK

Integers = NDArray[np.int64]


def whole(field: str, values: ArrayLike) -> Integers:
    """Whole numbers as int64, a single one as an array of one. Raises BadInput for floats, text, masked entries and
    what is too long.

    An empty list, which NumPy takes for floats, is an empty array.
    """
    try:
        array = np.atleast_1d(np.asarray(values))
    except ValueError:
        raise BadInput(field, "rows of different lengths", "must be one array") from None
    if np.ma.is_masked(values):  # NumPy would give what is under the mask
        raise BadInput(field, "masked entries", "must have a value in every entry")
    if array.size and array.dtype.kind not in "iu":
        raise BadInput(field, array.dtype, "must be whole numbers")
    if array.dtype == np.uint64:
        within(field, array, 0, np.iinfo(np.int64).max)
    return np.ascontiguousarray(array, np.int64)


def series(field: str, values: ArrayLike, count: int | None = None) -> Integers:
    """Whole numbers in one row, `count` of them. Raises BadInput."""
    array = whole(field, values)
    if array.ndim != 1:
        raise BadInput(field, str(array.shape), "must have one dimension")
    if count is not None and len(array) != count:
        raise BadInput(field, str(array.shape), f"must have {count} entries")
    return array


def prices(
    field: str,
    values: ArrayLike,
    count: int | None = None,
    low_tick: int = -PRICE_LIMIT_TICK,
    high_tick: int = PRICE_LIMIT_TICK,
) -> Integers:
    """Prices [0.01/MWh] in one row, or NO_PRICE_TICK. Raises BadInput."""
    array = series(field, values, count)
    there = array != NO_PRICE_TICK
    within(field, array if there.all() else np.where(there, array, low_tick), low_tick, high_tick)
    return array


def within(field: str, values: NDArray[Any], low: float, high: float) -> None:
    """Raises BadInput for the first value outside of [low, high], with its place where there are several."""
    if not values.size or (values.min() >= low and values.max() <= high):  # NaN is neither
        return
    at = int(np.argmin((values >= low) & (values <= high)))
    name = field if values.size == 1 else f"{field}[{', '.join(map(str, np.unravel_index(at, values.shape)))}]"
    raise BadInput(name, values.flat[at], f"must lie between {low} and {high}")


def number(field: str, value: object, low: int, high: int) -> int:
    """A whole number. Raises BadInput for anything else, also for a truth value, and outside of [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise BadInput(field, value, "must be a whole number")
    if not low <= value <= high:
        raise BadInput(field, value, f"must lie between {low} and {high}")
    return int(value)


def one_of(field: str, value: object, known: Iterable[str]) -> str:
    """One of the words that are known. Raises BadInput listing them."""
    words = list(known)
    if value not in words:
        raise BadInput(field, value, f"must be one of {', '.join(words)}")
    return str(value)


def texts(**given: object) -> None:
    """Raises BadInput for what is neither text nor left out."""
    for field, value in given.items():
        if not isinstance(value, str | None):
            raise BadInput(field, value, "must be text")
