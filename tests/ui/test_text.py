"""Numbers and times as the screen writes them."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltadesk.ui.text import (
    MINUS,
    MONEY,
    MONEY_CHANGE,
    MONEY_EXACT,
    PRICE,
    PRICE_CHANGE,
    THIN,
    Number,
    bar_text,
    change_text,
    clean,
    clock_text,
    duration_text,
    percent_text,
    power_text,
    spark_text,
    stamp_text,
)

BERLIN = ZoneInfo("Europe/Berlin")
INT64 = st.integers(-(2**63), 2**63 - 1)


def number_of(text: str) -> Decimal:
    return Decimal(text.replace(THIN, "").replace(MINUS, "-"))


@given(INT64, st.integers(0, 8), st.integers(0, 10), st.booleans())
def test_shown_number_is_the_exact_one_rounded_half_even(value: int, scale: int, decimals: int, signed: bool) -> None:
    shown = Number(scale, decimals, signed).show(value)
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(value).scaleb(-scale)
        assert number_of(shown) == exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    assert len(shown.partition(".")[2]) == decimals
    assert all(len(group) == 3 for group in shown.partition(".")[0].split(THIN)[1:])


@given(INT64)
def test_plain_numbers_are_exact(value: int) -> None:
    assert Decimal(MONEY.plain(value)).scaleb(8) == value
    assert Decimal(PRICE.plain(value)).scaleb(2) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PRICE.show(-50_000), f"{MINUS}500.00"),
        (PRICE.show(None), "·"),
        (PRICE_CHANGE.show(0), "0.00"),
        (MONEY_CHANGE.show(1_238_450_000_000), f"+12{THIN}384.50"),
        (MONEY.show(-1), "0.00"),
        (MONEY_EXACT.show(-1), f"{MINUS}0.00000001"),
        (MONEY.plain(None), ""),
        (change_text(184, PRICE_CHANGE), "▲ +1.84"),
        (change_text(-184, PRICE_CHANGE), f"▼ {MINUS}1.84"),
        (change_text(0, PRICE_CHANGE), "= 0.00"),
        (change_text(None, PRICE_CHANGE), "·"),
        (percent_text(184, 6053, signed=True), "+3.0%"),
        (percent_text(1, 0), "·"),
        (power_text(850), "850 W"),
        (power_text(-4_200_000), f"{MINUS}4.200 MW"),
        (power_text(13_222_400_000), "13.222 GW"),
        (duration_text(272), "04:32"),
        (duration_text(-5), f"{MINUS}00:05"),
        (duration_text(3872), "1:04:32"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("second", "clock", "stamp"),
    [
        (1_729_987_200 - 3600, "01:00", None),
        (1_729_987_200, "02A:00", "2024-10-27 02A:00"),
        (1_729_990_800, "02B:00", None),
        (1_729_994_400, "03:00", None),
    ],
)
def test_the_repeated_hour_is_marked(second: int, clock: str, stamp: str | None) -> None:
    assert clock_text(second, BERLIN) == clock
    assert clock_text(second, BERLIN, seconds=True) == clock + ":00"
    assert stamp is None or stamp_text(second, BERLIN) == f"{stamp} +02:00 (00:00Z)"


@given(st.integers(0, 4 * 10**9))
def test_stamps_tell_the_instant(second: int) -> None:
    text = stamp_text(second, BERLIN)
    day, hour, offset = text.split(" ")[:3]
    read = datetime.fromisoformat(f"{day}T{hour.replace('A', '').replace('B', '')}{offset}")
    assert int(read.timestamp()) == second - second % 60


@given(st.text())
def test_cleaned_text_steers_nothing(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert all(c.isprintable() or c in f"{THIN}\u2009\u00a0" for c in cleaned)


@given(st.lists(st.none() | INT64, max_size=30), st.integers(0, 20))
def test_sparks_show_their_extremes(values: list[int | None], width: int) -> None:
    text = spark_text(values, width)
    assert len(text) == width
    known = [value for value in values[-width:] if value is not None] if width else []
    if known and max(known) - min(known) >= 7:
        assert "▁" in text
        assert "█" in text


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 30))
def test_bars_fill_their_share(value: int, whole: int, width: int) -> None:
    text = bar_text(value, whole, width)
    assert len(text) == width
    assert value < whole or not whole or text == "█" * width
