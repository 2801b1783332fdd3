"""What a participant traded, as it is told and kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple


class Trade(NamedTuple):
    """A receipt: energy [Wh] bought positive, sold negative; money [1e-8 currency] received positive, paid negative."""

    participant: str
    actor: str  # who owns the participant, "" for nobody here
    market: str
    energy_wh: int
    price_tick: int
    amount_e8: int
    fees_e8: int


class Trades(NamedTuple):
    """Receipts of an order that met others in the book of a product."""

    entry: int
    start_utc: int
    trades: tuple[Trade, ...]


def hash_of(results: Sequence[object]) -> str:
    """SHA-256 over what was traded, or over an interval, in hexadecimal."""
    return sha256(json.dumps(results, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
