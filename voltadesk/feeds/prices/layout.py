"""How to read a price file, as far as its format does not say, and what is found in it that is not as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from voltadesk.errors import BadInput
from voltadesk.feeds.prices.formats import Stamps

Gaps = Literal["refuse", "skip", "previous", "interpolate"]
Suspects = Literal["refuse", "keep", "gap"]
Weight = Literal["told", "hole", "suspect", "wrong"]
Kind = Literal[
    "left out", "order", "rounded", "duplicate", "conflict", "overlap", "grid", "clock", "blank", "gap", "zeros",
    "repeated", "offset",
]  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """What is asked of a file. `where` holds (column, text) that a row must have, as far as the file has the column.

    `timezone` tells days, and times without an offset where the format has no clock of its own; `gaps` what becomes of
    intervals without a price: refused, left without one (skip), the price before, or the line between its neighbours.
    `step_s` is how long a row holds that stands alone and doesn't say so itself [s].
    """

    column: str | None = None
    timezone: str | None = None
    stamps: Stamps | None = None
    gaps: Gaps = "refuse"
    where: tuple[tuple[str, str], ...] = ()
    zone: str | None = None
    currency: str | None = None
    unit: str | None = None
    format: str | None = None
    rounding: Literal["refuse", "half-even"] = "half-even"
    step_s: int | None = None


PLAIN = Layout()  # as the format has it


def require_columns(layout: Layout, files: Sequence[Sequence[str]]) -> None:
    """Raises BadInput for rows that are asked for by a column which none of the files has, by the columns of each."""
    for column, text in layout.where:
        if not any(column in columns for columns in files):
            limit = f"must name a column of a file, which has {', '.join(files[0])}"
            raise BadInput("where", f"{column}={text}", limit)


@dataclass(frozen=True)
class Finding:
    """Something about some rows: where the first of them stands, how many they are, and what is the matter.

    `weight` says what it takes to go on: nothing (told), to say what becomes of gaps (hole), to say that such rows are
    meant (suspect), or another file (wrong).
    """

    kind: Kind
    weight: Weight
    where: str
    value: str
    limit: str
    count: int
    second_utc: int  # about when
    field: str = "time"  # what was refused; the value is the row's time

    def error(self) -> BadInput:
        """The finding as a refusal."""
        return BadInput(self.field, self.value if self.field == "time" else "", self.limit, self.where)
