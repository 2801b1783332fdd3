"""Makes data/prices/real_time_sample.csv again, byte for byte: what real time made of the day-ahead prices beside it.

    python data/make_prices.py           write the file
    python data/make_prices.py --check   write nothing; exit 4 when the file differs from what would be written

What is random comes from Python's Mersenne Twister with a fixed seed, whose stream is the same in every version. Floats
are used inside; every value is rounded once, half to even, to a hundredth.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import NormalDist

FOLDER = Path(__file__).parent / "prices"
TARGET, DAY_AHEAD = FOLDER / "real_time_sample.csv", FOLDER / "upstream_sample.csv"
FIRST, DAYS, QUARTERS = datetime(2025, 3, 3, tzinfo=UTC), 56, 4
SEED = 20_250_303
RHO, SIGMA = 0.93, 7.0  # of the deviation, from quarter-hour to quarter-hour [currency/MWh]
SPIKE_SHARE, SPIKE_FADES, SPIKE_LEAST, SPIKE_MOST = 0.003, 0.6, 80.0, 600.0
DIP_SHARE = 0.25  # of the spikes go down
LOWEST, HIGHEST = -500.0, 4000.0


def day_ahead() -> dict[datetime, float]:
    """Prices of the hours by their start."""
    with DAY_AHEAD.open(encoding="ascii", newline="") as source:
        rows = csv.DictReader(line for line in source if not line.startswith("#"))
        return {datetime.fromisoformat(row["time_utc"]): float(row["price_eur_per_mwh"]) for row in rows}


def real_time() -> list[tuple[datetime, float]]:
    """Quarter-hours: the hour's day-ahead price, a deviation that fades, and now and then a spike."""
    hours, draw, normal = day_ahead(), random.Random(SEED), NormalDist()
    deviation, spike, prices = 0.0, 0.0, []
    for quarter in range(DAYS * 24 * QUARTERS):
        start = FIRST + timedelta(minutes=15 * quarter)
        deviation = RHO * deviation + SIGMA * normal.inv_cdf(draw.random() or 0.5)
        spike *= SPIKE_FADES
        if draw.random() < SPIKE_SHARE:
            size = SPIKE_LEAST * (SPIKE_MOST / SPIKE_LEAST) ** draw.random()
            spike += -size / 2 if draw.random() < DIP_SHARE else size
        price = hours[start.replace(minute=0)] + deviation + spike
        prices.append((start, round(min(max(price, LOWEST), HIGHEST), 2)))
    return prices


def text() -> str:
    """The file."""
    prices = real_time()
    values = [price for _, price in prices]
    lines = [
        "# Synthetic real-time prices on top of the day-ahead prices of upstream_sample.csv; no market published them.",
        f"# Quarter-hours, {DAYS} days, UTC, the stamp is the start. Made by make_prices.py (seed {SEED}).",
        f"# Mean {sum(values) / len(values):.2f}, lowest {min(values):.2f}, highest {max(values):.2f} EUR/MWh, "
        f"{sum(value < 0 for value in values) / len(values):.1%} below zero.",
        "time_utc,price_eur_per_mwh",
        *(f"{start:%Y-%m-%dT%H:%MZ},{price:.2f}" for start, price in prices),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the file, or say whether it is what would be written."""
    parser = argparse.ArgumentParser(description="Make data/prices/real_time_sample.csv again.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 4 when the file differs")
    check = parser.parse_args(arguments).check
    content = text().encode("ascii")
    if TARGET.exists() and TARGET.read_bytes() == content:
        return 0
    if not check:
        TARGET.write_bytes(content)
    print(f"{TARGET.name}: {'differs' if check else 'written'}", file=sys.stderr)
    return 4 if check else 0


if __name__ == "__main__":
    sys.exit(main())
