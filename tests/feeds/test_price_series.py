"""What is found in prices, what is repaired only as told, and series of several files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltadesk import units
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.layout import Finding, Layout
from voltadesk.feeds.prices.rows import rows_of
from voltadesk.feeds.prices.series import PriceSeries, checked

START = datetime(2025, 1, 1, tzinfo=UTC)


def written(path: Path, rows: list[tuple[int, str]], start: datetime = START) -> Path:
    """A file with a price at each number of minutes from the start."""
    lines = [f"{start + timedelta(minutes=minutes):%Y-%m-%dT%H:%MZ},{price}" for minutes, price in rows]
    path.write_text("\n".join(["time,price_eur_mwh", *lines]) + "\n", "utf-8")
    return path


def read(path: Path, suspects: Any = "keep", **asked: Any) -> PriceSeries:
    layout = Layout(**asked)
    return checked([rows_of(path, layout)], layout.gaps, suspects=suspects)


def fault(series: PriceSeries, gaps: Any = "refuse", suspects: Any = "refuse") -> Finding:
    (found,) = series.faults(suspects, gaps)
    return found


def hours(prices: list[int]) -> list[tuple[int, str]]:
    return [(60 * n, f"{price}.5") for n, price in enumerate(prices)]


# Gaps -----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("gaps", "ticks"),
    [
        ("skip", [0, 100, 500]),
        ("previous", [0, 100, 100, 100, 100, 500]),
        ("interpolate", [0, 100, 200, 300, 400, 500]),
    ],
)
def test_gaps_are_filled_only_as_told(gaps: Any, ticks: list[int], tmp_path: Path) -> None:
    path = written(tmp_path / "gap.csv", [(0, "0"), (60, "1"), (180, ""), (300, "5")])
    found = read(path).faults("keep", "refuse")
    assert [(f.kind, f.where.rpartition(" ")[2], f.count) for f in found] == [
        ("gap", "4", 1), ("blank", "4", 1), ("gap", "5", 1),
    ]  # fmt: skip
    series = read(path, gaps=gaps)
    assert not series.faults("keep", gaps)
    assert series.price_tick.tolist() == ticks


@given(st.integers(-3_000_000, 3_000_000), st.integers(-3_000_000, 3_000_000), st.integers(1, 300), st.data())
def test_interpolation_is_the_line_rounded_half_even(before: int, after: int, parts: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, parts))
    exact = Fraction(before) + Fraction(after - before) * Fraction(part, parts)
    assert units.interpolated_tick(before, after, part, parts) == round(exact)


def test_a_gap_between_resolutions_is_filled_by_what_fits(tmp_path: Path) -> None:
    rows = [(60 * n, "1") for n in range(8)] + [(60 * 8 + 30 + 15 * n, "3") for n in range(8)]
    series = read(written(tmp_path / "mixed.csv", rows), gaps="interpolate")
    assert (series.step_s // 60).tolist() == [60] * 8 + [30] + [15] * 8
    assert series.price_tick[8] == 200


# Rows -----------------------------------------------------------------------------------------------------------------
def test_a_row_that_stands_twice_alike_is_dropped_and_counted(tmp_path: Path) -> None:
    series = read(written(tmp_path / "twice.csv", [*hours([1, 2, 3]), (60, "2.50")]))
    assert series.price_tick.tolist() == [150, 250, 350]
    assert not series.faults("refuse", "refuse")
    assert "1 rows that stand twice, alike" in series.counts()


def test_rounded_values_of_several_files_are_counted_together(tmp_path: Path) -> None:
    files = [
        written(tmp_path / f"{day}.csv", [(60 * n, "1.005") for n in range(4)], START + timedelta(hours=4 * day))
        for day in range(2)
    ]
    series = checked([rows_of(file, Layout()) for file in files], "refuse")
    assert series.counts() == ["8 values rounded to 0.01, halves to even"]


def test_a_row_that_stands_twice_with_two_prices_is_refused_whatever_is_told(tmp_path: Path) -> None:
    found = fault(read(written(tmp_path / "twice.csv", [*hours([1, 2, 3]), (60, "9")])), "previous", "keep")
    assert (found.kind, found.weight) == ("conflict", "wrong")
    assert found.where.endswith("line 5")
    assert "is given twice: 2.50 in twice.csv: line 3, 9.00 here" in found.limit


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    rows = hours(list(range(30)))
    straight = read(written(tmp_path / "a.csv", rows))
    for name, other in (("b", rows[::-1]), ("c", rows[15:] + rows[:15]), ("d", rows[::2] + rows[1::2])):
        series = read(written(tmp_path / f"{name}.csv", other))
        assert series.price_tick.tolist() == straight.price_tick.tolist()
        assert series.start_utc.tolist() == straight.start_utc.tolist()


def test_newest_first_tells_the_hours_of_a_long_day_apart(tmp_path: Path) -> None:
    local = [f"2025-10-26 {hour:02d}:00,{n}" for n, hour in enumerate([0, 1, 2, 2, 3, 4])]
    for rows in (local, local[::-1]):
        path = tmp_path / "local.csv"
        path.write_text("\n".join(["time,price", *rows]) + "\n", "utf-8")
        assert read(path, timezone="Europe/Berlin").price_tick.tolist() == [0, 100, 200, 300, 400, 500]


def test_rows_that_overlap_are_refused(tmp_path: Path) -> None:
    lines = ["start,end,price,zone,currency,timezone"]
    for begin, end in (("00:00", "01:00"), ("00:30", "01:00"), ("01:00", "02:00")):
        lines.append(f"2025-01-01T{begin}Z,2025-01-01T{end}Z,1,A,EUR,UTC")
    (tmp_path / "over.csv").write_text("\n".join(lines) + "\n", "utf-8")
    assert "comes 30 minutes after the row before it, must come 60" in fault(read(tmp_path / "over.csv")).limit


@pytest.mark.parametrize(
    ("name", "ticks"),
    [("price_eur_mwh", 1235), ("price (ct/kWh)", 12_346), ("Price [p/kWh]", 12_346), ("price EUR/kWh", 1_234_568),
     ("price", 1235), ("price per MWh", 1235)],
)  # fmt: skip
def test_units_are_told_by_the_columns_name(name: str, ticks: int, tmp_path: Path) -> None:
    path = tmp_path / "unit.csv"
    path.write_text(f"time,{name}\n2025-01-01T00:00Z,12.34568\n2025-01-01T01:00Z,1\n", "utf-8")
    assert read(path).price_tick[0] == ticks


def test_a_unit_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / "unit.csv"
    path.write_text("time,price\n2025-01-01T00:00Z,12.34568\n2025-01-01T01:00Z,1\n", "utf-8")
    assert read(path, unit="ct/kWh").price_tick.tolist() == [12_346, 1000]


# Suspects -------------------------------------------------------------------------------------------------------------
def test_a_day_of_zeros_is_suspect(tmp_path: Path) -> None:
    rows = [(60 * n, "0.00" if 30 <= n < 54 else str(n % 24 + n)) for n in range(96)]
    path = written(tmp_path / "zeros.csv", rows)
    found = fault(read(path))
    assert (found.kind, found.count, found.where.rpartition(" ")[2]) == ("zeros", 24, "32")
    assert not read(path).faults("keep", "refuse")
    assert [f.kind for f in read(path, "gap").faults("gap", "refuse")] == ["zeros"]
    series = read(path, "gap", gaps="previous")
    assert not series.faults("gap", "previous")
    assert series.price_tick[29:55].tolist() == [series.price_tick[29]] * 25 + [6 * 100 + 5400]


def test_some_hours_of_zeros_are_prices(tmp_path: Path) -> None:
    rows = [(60 * n, "0" if 30 <= n < 53 else str(n + n % 7)) for n in range(96)]
    assert not read(written(tmp_path / "sun.csv", rows)).faults("refuse", "refuse")


def test_a_day_that_repeats_the_day_before_is_suspect_but_a_tariff_is_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    days = rng.integers(1, 5000, (10, 24))
    days[4] = days[3]
    path = written(tmp_path / "copied.csv", hours(days.reshape(-1).tolist()))
    found = fault(read(path))
    assert (found.kind, found.count, found.where.rpartition(" ")[2]) == ("repeated", 24, str(2 + 4 * 24))
    tariff = written(tmp_path / "tariff.csv", hours([10, 20, 30, 20] * 6 * 10))
    assert not read(tariff).faults("refuse", "refuse")


# Several files --------------------------------------------------------------------------------------------------------
@given(st.lists(st.integers(-3_000_000, 3_000_000), min_size=12, max_size=60), st.data())
def test_files_that_are_cut_out_of_a_series_are_the_series(
    tmp_path_factory: pytest.TempPathFactory, ticks: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    rows = [(60 * n, units.decimal_text(tick, 2)) for n, tick in enumerate(ticks)]
    cut = data.draw(st.integers(4, len(rows) - 4))
    over = data.draw(st.integers(0, 3))
    parts = [rows_of(written(folder / f"{n}.csv", part), Layout()) for n, part in
             enumerate((rows[: cut + over], rows[cut:]))]  # fmt: skip
    for order in (parts, parts[::-1]):
        series = checked(order, "refuse")
        assert not series.faults("keep", "refuse")
        assert series.price_tick.tolist() == ticks


def test_files_of_different_zones_and_currencies_do_not_go_together(tmp_path: Path) -> None:
    for name, zone, currency in (("a", "A", "EUR"), ("b", "B", "EUR"), ("c", "A", "GBP")):
        lines = [
            f"2025-01-0{'abc'.index(name) + 1}T00:00Z,2025-01-0{'abc'.index(name) + 1}T01:00Z,1,{zone},{currency},UTC"
        ]
        text = "\n".join(
            ["start,end,price,zone,currency,timezone", *lines, lines[0].replace("T01", "T02").replace("T00", "T01")]
        )
        (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    parts = {name: rows_of(tmp_path / f"{name}.csv", Layout()) for name in "abc"}
    for other, said in (("b", "zone = B: must be A as in"), ("c", "currency = GBP: must be EUR as in")):
        with pytest.raises(BadInput) as caught:
            checked([parts["a"], parts[other]], "refuse")
        assert said in str(caught.value)
