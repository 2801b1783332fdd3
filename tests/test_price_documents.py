"""Prices out as price documents (A44): what is written is read back as it was, by the program and by entsoe-py."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import STREET
from tests.commands import call, refusal
from tests.scenario import TOWN
from voltadesk.clock import local_midnight_utc, time_zone, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.layout import PLAIN
from voltadesk.feeds.prices.rows import rows_of
from voltadesk.feeds.prices.series import PriceSeries, checked
from voltadesk.report.publication import price_document

NAME = {"p": "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"}


def series_from(start_utc: int, steps: list[tuple[int, int | None]], timezone: str = "Europe/Berlin") -> PriceSeries:
    """Prices one after the other from a moment on: (minutes, tick), None for a gap."""
    rows, moment = [], start_utc
    for minutes, tick in steps:
        if tick is not None:
            rows.append((moment, minutes * 60, tick))
        moment += minutes * 60
    start, step, tick = np.array(rows, np.int64).reshape(-1, 3).T
    return PriceSeries(start, step, tick, "price", "DE-LU", "EUR", timezone, (), (), ())


def read_back(folder: Path, text: str) -> PriceSeries:
    path = folder / "document.xml"
    path.write_text(text, "utf-8")
    return checked([rows_of(path, PLAIN)], "skip")


def same(one: PriceSeries, other: PriceSeries) -> bool:
    columns = (getattr(one, name).tolist() == getattr(other, name).tolist() for name in
               ("start_utc", "step_s", "price_tick"))  # fmt: skip
    return all(columns) and (one.zone, one.currency) == (other.zone, other.currency)


# Blocks of one resolution, each a whole number of hours, so that every block begins on the grid of the next.
RUN = st.sampled_from([5, 10, 15, 30, 60]).flatmap(
    lambda minutes: st.lists(
        st.tuples(
            st.just(minutes),
            st.one_of(st.integers(-3, 3), st.integers(-3_000_000, 3_000_000), st.none()),
        ),
        min_size=60 // minutes,
        max_size=60 // minutes,
    )
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(400_000, 500_000),
    st.lists(RUN, min_size=1, max_size=60).map(lambda runs: [row for run in runs for row in run]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Adelaide"]),
)
def test_any_prices_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, hour: int, steps: list[tuple[int, int | None]], timezone: str
) -> None:
    if all(tick is None for _, tick in steps):
        steps[0] = (steps[0][0], 0)
    series = series_from(hour * 3600, steps, timezone)
    text = price_document(series)
    assert same(read_back(tmp_path_factory.mktemp("a44"), text), series)
    assert price_document(series) == text


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_a_day_is_a_time_series_as_long_as_it_is(day: date, hours: int, tmp_path: Path) -> None:
    zone = time_zone("Europe/Berlin")
    begin = local_midnight_utc(day, zone)
    series = series_from(begin - 3600, [(60, 100 * n) for n in range(hours + 2)])
    root = ElementTree.fromstring(price_document(series))  # noqa: S314
    days = root.findall("p:TimeSeries", NAME)
    assert len(days) == 3
    middle = days[1]
    (period,) = middle.findall("p:Period", NAME)
    assert period.findtext("p:timeInterval/p:start", None, NAME) == utc_text(begin)
    assert period.findtext("p:timeInterval/p:end", None, NAME) == utc_text(begin + hours * 3600)
    assert len(period.findall("p:Point", NAME)) == hours
    assert middle.findtext("p:curveType", None, NAME) == "A03"


def test_each_stretch_has_its_resolution_and_equal_prices_stand_once(tmp_path: Path) -> None:
    series = series_from(0, [(60, 9150), (60, 9150), (15, -125), (15, -125), (15, 7), (15, -125), (60, None), (60, 0)])
    root = ElementTree.fromstring(price_document(series))  # noqa: S314
    told = [
        (
            period.findtext("p:resolution", None, NAME),
            [
                (point.findtext("p:position", None, NAME), point.findtext("p:price.amount", None, NAME))
                for point in period.findall("p:Point", NAME)
            ],
        )
        for period in root.findall("p:TimeSeries/p:Period", NAME)
    ]
    assert told == [
        ("PT60M", [("1", "91.50")]),
        ("PT15M", [("1", "-1.25"), ("3", "0.07"), ("4", "-1.25")]),
        ("PT60M", [("1", "0.00")]),
    ]


def test_entsoe_py_reads_it_back() -> None:
    parsers = pytest.importorskip("entsoe.parsers")
    hours = [(60, 5000 + 7 * n // 3) for n in range(25)] + [(15, 100 * (n // 3)) for n in range(96)]
    series = series_from(local_midnight_utc(date(2026, 10, 25), time_zone("Europe/Berlin")), hours)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its parser, which takes XML for HTML
        read = parsers.parse_prices(price_document(series))
    found = {
        (int(moment.timestamp()), minutes * 60): Decimal(f"{price:.2f}")
        for minutes in (15, 60)
        for moment, price in read[f"{minutes}min"].items()
    }
    assert found == {
        (start, step): Decimal(tick) / 100
        for start, step, tick in zip(
            series.start_utc.tolist(), series.step_s.tolist(), series.price_tick.tolist(), strict=True
        )
    }


def test_a_zone_without_a_code_and_a_series_without_a_currency_are_refused() -> None:
    series = series_from(0, [(60, 1)])
    with pytest.raises(BadInput, match="zone = SA1: must be a bidding zone with a code"):
        price_document(series, "SA1")
    assert ">10YAT-APG------L<" in price_document(series, "at")
    assert ">11Y0-0000-0001-7<" in price_document(series, "11Y0-0000-0001-7")
    with pytest.raises(BadInput, match="currency: must be known"):
        price_document(replace(series, currency=""))


# Through the commands -------------------------------------------------------------------------------------------------
@pytest.fixture(autouse=True)
def _shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLTADESK_PRICES", str(tmp_path / "shelf"))
    monkeypatch.delenv("VOLTADESK_DESK", raising=False)


def kept(path: Path) -> PriceSeries:
    return checked([rows_of(path, PLAIN)], "skip")


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_replays_prices_become_a_document(tmp_path: Path, form: str) -> None:
    (tmp_path / "town.toml").write_text(TOWN, "utf-8")
    out = tmp_path / "out"
    assert call("headless", "replay", tmp_path / "town.toml", "--out", out, "--format", form, "-q").code == 0
    options = ("--currency", "EUR", "--timezone", "Europe/Berlin", "--fill", "none", "--suspects", "keep")
    imported = call("prices", "import", out / f"intervals.{form}", "--name", "town", *options)
    assert imported.code == 0, imported.err
    assert "zone: must be a bidding zone" in refusal(call("prices", "export", "town", "--format", "a44"))
    target = tmp_path / "town.xml"
    done = call("prices", "export", "town", "--format", "a44", "--zone", "DE_LU", "--out", target)
    assert (done.code, done.out, done.err) == (0, "", "")
    read = kept(target)
    replayed = kept(out / f"intervals.{form}")
    assert read.price_tick.tolist() == replayed.price_tick.tolist()
    assert read.start_utc.tolist() == replayed.start_utc.tolist()
    assert len(read.start_utc) == 23 * 4 + 96  # 28 and 29 March: the clock skips an hour


def test_a_desks_prices_become_a_document_and_a_csv(tmp_path: Path) -> None:
    (tmp_path / "street.toml").write_text(STREET, "utf-8")
    desk = ("--desk", tmp_path / "desk")
    assert call("init", *desk, "--scenario", tmp_path / "street.toml").code == 0
    nothing = refusal(call("market", "export", *desk))
    assert nothing == "prices: must be at least one, and no interval has had a trade yet"
    assert call("headless", "run", "--intervals", 6, "-q", *desk).code == 0
    target = tmp_path / "desk.xml"
    assert "zone: must be a bidding zone" in refusal(call("market", "export", *desk, "--format", "a44"))
    done = call("market", "export", *desk, "--format", "a44", "--zone", "DE-LU", "--out", target, "--json")
    assert (done.code, done.err) == (0, f"written: {target}\n")
    (tmp_path / "desk.csv").write_text(call("market", "export", *desk, "--zone", "DE-LU").out, "utf-8")
    document, table = kept(target), kept(tmp_path / "desk.csv")
    assert same(document, table)
    assert (len(table.start_utc), table.timezone) == (6, "Europe/Berlin")
