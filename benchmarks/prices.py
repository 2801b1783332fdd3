"""Prices: a year of five minutes as CSV imported and checked, beside what reading its text alone takes."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from benchmarks.storage import INTERVALS, STEP_S, prices
from voltadesk.clock import utc_text
from voltadesk.feeds.prices.layout import PLAIN, Layout
from voltadesk.feeds.prices.shelf import gather, keep
from voltadesk.units import decimal_text

START_UTC = 1_735_689_600
REPEATS = 3


def write_years(folder: Path) -> dict[str, tuple[Path, Layout]]:
    """A year in UTC, one of the Australian operator with five regions in each interval, and one with a hole."""
    ticks = prices(INTERVALS).tolist()
    plain, market, holes = (folder / f"{name}.csv" for name in ("plain", "market", "holes"))
    rows = [f"{utc_text(START_UTC + n * STEP_S)},{decimal_text(tick, 2, 2)}" for n, tick in enumerate(ticks)]
    plain.write_text("\n".join(["time,price_eur_mwh", *rows]) + "\n")
    holes.write_text("\n".join(["time,price_eur_mwh", *(row for n, row in enumerate(rows) if n % 97)]) + "\n")
    lines = ["SETTLEMENTDATE,REGIONID,INTERVENTION,RRP"]
    for n in range(INTERVALS // 5):
        stamp = utc_text(START_UTC + n * STEP_S).replace("-", "/").replace("T", " ").replace("Z", ":00")
        lines += [f"{stamp},{zone},0,{ticks[n]}.12345e-2" for zone in ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")]
    market.write_text("\n".join(lines) + "\n")
    return {
        "a CSV file of 105,120 rows imported and checked": (plain, PLAIN),
        "the same with 1,083 gaps filled": (holes, Layout(gaps="interpolate")),
        "105,120 rows of five regions, one taken": (market, Layout(zone="SA1")),
    }


def best_s(call: Callable[[], object]) -> float:
    """Shortest time of the processor that a call takes [s]."""
    times = []
    for _ in range(REPEATS):
        begin = process_time()
        call()
        times.append(process_time() - begin)
    return min(times)


def imported(path: Path, layout: Layout) -> None:
    keep("year", gather([path], layout, "refuse"), layout, "refuse")


def text_of(path: Path) -> None:
    with path.open(newline="") as file:
        list(csv.reader(file))


def run() -> list[tuple[str, str, str]]:
    rows = []
    with TemporaryDirectory() as made:
        os.environ["VOLTADESK_PRICES"] = str(Path(made) / "shelf")
        for name, (path, layout) in write_years(Path(made)).items():
            text_s, whole_s = best_s(lambda path=path: text_of(path)), best_s(lambda p=path, a=layout: imported(p, a))
            rows.append((name, f"{whole_s:.2f} s, {whole_s / text_s:.1f} x its text alone", "<= 1 s"))
    return rows


if __name__ == "__main__":
    for name, measured, target in run():
        print(f"{name:<53} {measured:<40} {target}")
