"""Seeded data for the widgets: the same every time, and shaped like a day of a local market."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np

from voltadesk.ui.charts.candles import Prices
from voltadesk.ui.charts.curves import Curves, Point, crossing
from voltadesk.ui.charts.fleet import Fleet
from voltadesk.ui.charts.price import Fills
from voltadesk.ui.inks import DOWN, FAULT, TEXT, UP
from voltadesk.ui.rows import Column, Row, number_column
from voltadesk.ui.status import Status
from voltadesk.ui.text import MW, PRICE, clock_text

BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = 1_718_143_200  # 2024-06-12 00:00 in Berlin
QUARTER = 900


def starts(count: int, first: int = MIDNIGHT) -> np.ndarray:
    return first + QUARTER * np.arange(count, dtype=np.int64)


def prices(count: int, seed: int = 7) -> Prices:
    """A walk that returns to 62.00, in ticks."""
    draw = np.random.default_rng(seed)
    close = np.empty(count, np.int64)
    level = 5600.0
    steps = draw.normal(0, 55, count)
    for i in range(count):
        level += steps[i] + (6000 + 900 * np.sin(i / 15) - level) * 0.06
        close[i] = round(level)
    opened = np.concatenate([[5600], close[:-1]])
    high = np.maximum(opened, close) + draw.integers(0, 60, count)
    low = np.minimum(opened, close) - draw.integers(0, 60, count)
    return Prices(opened, high, low, close, draw.integers(2_000_000, 40_000_000, count))


def fills(of: Prices) -> Fills:
    at = np.arange(5, len(of.close_tick), 17)
    return Fills(at, of.close_tick[at], np.where(at % 2, 1, -1))


def curves(seed: int = 3) -> Curves:
    """Offers of wind, must-run and gas; bids that fall from dear to cheap, most at the cap."""
    draw = np.random.default_rng(seed)
    offer_tick = np.sort(np.concatenate([draw.integers(-1000, 500, 12), draw.integers(2500, 9000, 60), [14_000] * 4]))
    offer_w = draw.integers(60_000_000, 280_000_000, len(offer_tick))
    bid_tick = np.concatenate([[400_000], np.sort(draw.integers(500, 15_000, 70))[::-1]])
    bid_w = np.concatenate([[5_200_000_000], draw.integers(20_000_000, 130_000_000, 70)])
    free = Curves(offer_tick, offer_w, bid_tick, bid_w)
    found = crossing(free, 0)
    assert found is not None
    return Curves(offer_tick, offer_w, bid_tick, bid_w, Point(*found))


def fleet(batteries: int, count: int = 96, seed: int = 5) -> Fleet:
    draw = np.random.default_rng(seed)
    phase = draw.normal(0, 4, (batteries, 1))
    wave = np.sin((np.arange(count)[None, :] + phase) / 96 * 6 * np.pi) + draw.normal(0, 0.35, (batteries, count))
    limit = draw.integers(2, 10, batteries) * 250_000
    power = (np.clip(wave, -1, 1) * limit[:, None]).astype(np.int64)
    power[np.abs(power) * 6 < limit[:, None]] = 0
    capacity = limit * 2
    stored = (capacity * draw.uniform(0.02, 0.95, batteries)).astype(np.int64)
    alarm = np.zeros(batteries, bool)
    alarm[2::13] = True
    return Fleet([f"BT-{n:02d}" for n in range(1, batteries + 1)], stored, capacity, limit, power, alarm)


SOURCES = ("battery", "wind", "hydro", "solar", "biomass", "upstream", "gas", "coal")


def mix(count: int = 96, seed: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Power [W] (sources, count) and CO2 [g/kWh] (count,)."""
    draw = np.random.default_rng(seed)
    hour = (np.arange(count) % 96) / 4
    sun = np.clip(np.sin((hour - 5) / 15 * np.pi), 0, None) ** 1.4 * 9e6
    wind = 4e6 + 2.5e6 * np.sin(hour / 5 + 1)
    parts = [
        np.clip(2e6 * np.sin((hour - 14) / 4), 0, None),
        wind,
        np.full(count, 2e6),
        sun,
        np.full(count, 1.1e6),
        np.clip(3e6 * np.cos(hour / 4), 0, None),
        np.clip(6e6 - sun * 0.5 + 1.5e6 * np.sin(hour / 3), 0, None),
        np.where(hour > 17, 1.5e6, 0.3e6),
    ]
    power = np.rint(np.array(parts) * draw.uniform(0.97, 1.03, (8, count))).astype(np.int64)
    return power, np.rint(120 + 25 * np.cos(hour / 4)).astype(np.int64)


def forecast(count: int = 96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, P10 and P90 in ticks."""
    at = np.arange(count)
    middle = np.rint(6200 + 1800 * np.sin(at / 14)).astype(np.int64)
    width = np.rint(120 + 22 * at).astype(np.int64)
    return middle, middle - width, middle + width


ORDER_COLUMNS = (
    Column("time", "time"),
    Column("product", "product"),
    Column("side", "side", ink=lambda side: UP if "BUY" in side else DOWN),
    number_column("power", "", "MW", MW, width=6),
    number_column("price", "", "€/MWh", PRICE, width=8),
    Column("state", "state", ink=lambda state: FAULT if state == "rejected" else TEXT),
)


def order(n: int) -> Row:
    side = "▲ BUY" if n % 3 else "▼ SELL"
    state = ("filled", "filled", "filled", "working", "rejected")[n * 7 % 5]
    price = None if n % 41 == 40 else 5000 + n * 7919 % 2500
    at = clock_text(MIDNIGHT + 51_000 - 7 * n, BERLIN, seconds=True)
    return at, f"QH {14 + n % 4}:{15 * (n % 4):02d}", side, 100_000 * (1 + n * 31 % 90), price, state


class Orders:
    """A million orders that are made when asked for."""

    def __init__(self, count: int) -> None:
        self.count = self.total = self.held = count

    def __len__(self) -> int:
        return self.count

    def rows(self, first: int, last: int) -> Sequence[Row]:
        return [order(n) for n in range(first, min(last, self.count))]

    def arranged(self, words: str, key: str | None, descending: bool) -> Orders:
        return self


def status(**changes: object) -> Status:
    said: dict[str, object] = {
        "now_utc": MIDNIGHT + 50_728,
        "zone": BERLIN,
        "product": "DE-LU QH 14:15",
        "price_tick": 6237,
        "before_tick": 6053,
        "references": (("DA", "58.90"), ("ID1", "61.20"), ("IMB", "−112.0 MW")),
        "net_w": 4_200_000,
        "gain_e8": 1_238_450_000_000,
        "gate_closes_s": 272,
        "speed": "60×",
        "sequence": 184_213,
        "of_sequence": 412_007,
        "hint": "space pause · [ ] step · g go to · orders are simulated",
    }
    return Status(**{**said, **changes})  # type: ignore[arg-type]
