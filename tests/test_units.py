"""Exact units: text to numbers and back, and every rounding with its rule."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voltadesk import units
from voltadesk.errors import BadInput

AMOUNTS = st.integers(-units.MONEY_LIMIT_E8, units.MONEY_LIMIT_E8)
TICKS = st.integers(-units.PRICE_LIMIT_TICK, units.PRICE_LIMIT_TICK)
RATES = st.integers(0, units.BP_PER_UNIT)


# Text to numbers ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "tick"),
    [
        ("50", 5000),
        ("50.00", 5000),
        ("-0.01", -1),
        (" +7.5 ", 750),
        (".5", 50),
        ("5.", 500),
        ("1e2", 10_000),
        ("50.0000", 5000),
        ("-0", 0),
        ("30000", 3_000_000),
        (Decimal("12.34"), 1234),
        (12, 1200),
    ],
)
def test_prices(text: object, tick: int) -> None:
    assert units.parse_price_tick(text) == tick


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        ("", "must be a number"),
        (" ", "must be a number"),
        ("[]", "must be a number"),
        ([], "must be a number"),
        ({}, "must be a number"),
        (None, "must be a number"),
        (True, "must be a number"),
        (1.5, "must be a number"),  # a float is not exact
        ("ten", "must be a number"),
        ("1,5", "must be a number"),
        ("1_000", "must be a number"),
        ("１０", "must be a number"),
        ("0x10", "must be a number"),
        ("--1", "must be a number"),
        ("1 000", "must be a number"),
        ("1e99999999999999999999", "must be a number"),
        ("nan", "must be a finite number"),
        ("-NaN", "must be a finite number"),
        ("inf", "must be a finite number"),
        ("-Infinity", "must be a finite number"),
        (Decimal("NaN"), "must be a finite number"),
        (Decimal("Infinity"), "must be a finite number"),
        ("1e400", "is too large"),
        ("-1e400", "is too large"),
        ("9" * 5000, "is too large"),
        ("1e-400", "must have at most 2 decimals"),
        ("0.001", "must have at most 2 decimals"),
        ("0." + "0" * 5000 + "1", "must have at most 2 decimals"),
        ("9223372036854775808", "must lie between -30000 and 30000 per MWh"),
        ("30000.01", "must lie between -30000 and 30000 per MWh"),
        ("-30000.01", "must lie between -30000 and 30000 per MWh"),
    ],
)
def test_a19_what_is_no_price_is_refused_by_field_value_and_limit(value: object, limit: str) -> None:
    with pytest.raises(BadInput) as refused:
        units.parse_price_tick(value, "price")
    assert (refused.value.field, refused.value.value, refused.value.limit) == ("price", value, limit)
    assert str(refused.value).startswith("price: " if value is None else "price = ")
    assert len(str(refused.value)) < 150


@pytest.mark.parametrize("text", ["-1", "-0.000001", "0.0000001", "10000000.000001", "9223372036854775808"])
def test_a19_energy_has_its_limits(text: str) -> None:
    with pytest.raises(BadInput, match="quantity = "):
        units.parse_energy_mwh(text)


def test_limits_themselves_are_allowed() -> None:
    assert units.parse_energy_mwh("10000000") == units.ENERGY_LIMIT_WH
    assert units.parse_energy_mwh("0") == 0
    assert units.parse_price_tick("-30000") == -units.PRICE_LIMIT_TICK
    assert units.parse_money_e8("90000000000", "cash") == units.MONEY_LIMIT_E8
    assert units.parse_price_tick("70", "price", 0, 7000) == 7000
    with pytest.raises(BadInput, match=r"price = 70.01: must lie between 0 and 70 per MWh"):
        units.parse_price_tick("70.01", "price", 0, 7000)


def test_an_error_is_one_short_line_whatever_it_is_about() -> None:
    line = str(BadInput("key\nof two lines", "\x1b[31m\n\u2028" + "x" * 100, "must\nnot", "a\tfile"))
    assert line.isprintable()
    assert line.startswith("a file: key of two lines = \\x1b[31m ")
    assert line.endswith("...: must not")
    assert str(BadInput("a", [Decimal("1.50"), "b"], "must be a number")) == "a = [1.50, b]: must be a number"
    assert str(BadInput("a", "", "must be given")) == "a = '': must be given"
    assert str(BadInput("a", 1, "b").at("line 2").at("file")) == "file: line 2: a = 1: b"


# Numbers to text ------------------------------------------------------------------------------------------------------
@given(st.integers(-(10**19), 10**19), st.integers(0, 8), st.integers(0, 8))
def test_text_of_an_integer_is_exact(value: int, decimals: int, least: int) -> None:
    text = units.decimal_text(value, decimals, min(least, decimals))
    assert Fraction(text) * 10**decimals == value
    assert "e" not in text.lower()
    assert len(text.partition(".")[2]) >= min(least, decimals)
    assert units.parse_scaled(text, "value", decimals, -(10**19), 10**19) == value


@given(TICKS)
def test_a_price_survives_its_text(tick: int) -> None:
    text = str(units.price_decimal(tick))
    assert text[-3] == "."
    assert units.parse_price_tick(text) == tick


@given(st.integers(0, units.ENERGY_LIMIT_WH))
def test_an_energy_survives_its_text(energy_wh: int) -> None:
    assert units.parse_energy_mwh(str(units.mwh_decimal(energy_wh))) == energy_wh


@given(AMOUNTS)
def test_an_amount_survives_its_text(amount_e8: int) -> None:
    amount = units.money_decimal(amount_e8)
    assert -amount.as_tuple().exponent >= 2  # type: ignore[operator]
    assert units.parse_money_e8(format(amount, "f"), "amount") == amount_e8


@given(TICKS, st.integers(0, units.ENERGY_LIMIT_WH))
def test_a23_a_trade_never_rounds(tick: int, energy_wh: int) -> None:
    assert units.money_decimal(tick * energy_wh) == units.price_decimal(tick) * units.mwh_decimal(energy_wh)


def test_a23_an_amount_to_the_cent() -> None:
    amount = units.parse_energy_mwh("25") * units.parse_price_tick("71.00")
    assert str(units.money_decimal(amount)) == "1775.00"


def test_numbers_for_people() -> None:
    assert units.grouped_text(Decimal("-1234567.891"), 2) == "\u22121,234,567.89"
    assert units.grouped_text(1234, 0) == "1,234"


# Roundings ------------------------------------------------------------------------------------------------------------
@given(TICKS, TICKS)
@example(0, 1)
@example(1, 2)
@example(-1, 0)
@example(-2, -1)
def test_the_middle_of_two_prices_rounds_half_to_even(low: int, high: int) -> None:
    assert units.midpoint_tick(low, high) == round(Fraction(low + high, 2))


@given(AMOUNTS, RATES)
@example(units.MONEY_LIMIT_E8, units.BP_PER_UNIT)
@example(1, 1)
def test_a_fee_is_rounded_up_and_never_negative(amount_e8: int, rate_bp: int) -> None:
    assert units.fee_e8(amount_e8, rate_bp) == max(0, ceil(Fraction(amount_e8 * rate_bp, 10_000)))


@given(TICKS, RATES)
def test_a_discounted_price_is_rounded_down(tick: int, discount_bp: int) -> None:
    assert units.discounted_tick(tick, discount_bp) == floor(Fraction(tick * (10_000 - discount_bp), 10_000))


@given(AMOUNTS, st.integers(1, units.ENERGY_LIMIT_WH))
def test_an_average_price_never_falls_short(amount_e8: int, energy_wh: int) -> None:
    assert units.average_price_up_tick(amount_e8, energy_wh) == ceil(Fraction(amount_e8, energy_wh))


@given(st.lists(TICKS, min_size=1))
def test_a_mean_price_is_the_nearest(prices: list[int]) -> None:
    assert units.mean_tick(prices) == round(Fraction(sum(prices), len(prices)))


POWERS = st.integers(0, units.POWER_LIMIT_W)
SECONDS = st.integers(0, 5_000_000_000)


@given(POWERS, SECONDS, st.lists(st.integers(0, 20_000), min_size=1))
def test_a14_energy_of_consecutive_spans_adds_up(power_w: int, begin: int, spans: list[int]) -> None:
    stops = [begin]
    for span in spans:
        stops.append(stops[-1] + span)
    parts = [units.energy_of_power_wh(power_w, first, last) for first, last in pairwise(stops)]
    assert min(parts) >= 0
    assert sum(parts) == units.energy_of_power_wh(power_w, stops[0], stops[-1])
    exact = Fraction(power_w * (stops[-1] - stops[0]), 3600)
    assert abs(sum(parts) - exact) < 1


@given(POWERS, SECONDS, st.integers(0, 100))
def test_a14_whole_hours_are_exact(power_w: int, begin: int, hours: int) -> None:
    assert units.energy_of_power_wh(power_w, begin, begin + hours * 3600) == power_w * hours


def test_a14_one_megawatt_in_parts_of_five_minutes() -> None:
    parts = [units.energy_of_power_wh(1_000_000, begin, begin + 300) for begin in range(0, 3600, 300)]
    assert parts[:3] == [83_333, 83_333, 83_334]
    assert sum(parts) == 1_000_000


def test_a14_energy_of_a_rate_of_four_an_hour() -> None:
    assert [units.energy_of_power_wh(4, 0, minutes * 60) for minutes in (15, 30, 90)] == [1, 2, 6]


def test_a23_what_two_seconds_drop_the_rest_carries() -> None:
    first = units.energy_of_power_wh(100_000_000, 0, 2)
    assert first == 55_555
    assert first + units.energy_of_power_wh(100_000_000, 2, 3600) == 100_000_000


# Shares ---------------------------------------------------------------------------------------------------------------
@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**15), max_size=20))
def test_shares_sum_to_the_whole_and_are_fair(total: int, weights: list[int]) -> None:
    shares, whole = units.share_out(total, weights), sum(weights)
    if whole == 0:
        assert shares == [0] * len(weights)
        return
    assert sum(shares) == total
    rests = {}
    for n, (share, weight) in enumerate(zip(shares, weights, strict=True)):
        least, rest = divmod(total * weight, whole)
        assert share in (least, least + 1)
        rests[n] = (-rest, n), share > least
    # Whoever got one more has a larger remainder than, or stands before, whoever did not.
    ahead = [place for place, more in rests.values() if more]
    behind = [place for place, more in rests.values() if not more]
    assert not ahead or not behind or max(ahead) < min(behind)


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (20_000, [1_000_000, 999_999, 1], [10_000, 10_000, 0]),
        (2, [1, 1, 1], [1, 1, 0]),
        (5, [0, 3, 0], [0, 5, 0]),
        (7, [], []),
        (7, [0, 0], [0, 0]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_ties_go_to_the_one_that_stands_first(total: int, weights: list[int], shares: list[int]) -> None:
    assert units.share_out(total, weights) == shares


def test_the_order_of_unequal_weights_changes_nothing() -> None:
    weights = [5, 17, 3, 101, 29]
    shares = dict(zip(weights, units.share_out(1000, weights), strict=True))
    for seed in range(10):
        shuffled = random.Random(seed).sample(weights, len(weights))
        assert dict(zip(shuffled, units.share_out(1000, shuffled), strict=True)) == shares


@given(st.integers(-units.PRICE_LIMIT_TICK, units.PRICE_LIMIT_TICK), st.integers(0, 100_000))
def test_a_share_of_a_price_is_rounded_down(tick: int, share_bp: int) -> None:
    assert units.share_tick(tick, share_bp) == floor(Fraction(tick * share_bp, 10_000))


@given(st.integers(-(10**17), 10**17), st.integers(0, 10_000))
def test_a_tax_is_the_nearest_with_halves_away_from_zero(amount: int, rate_bp: int) -> None:
    tax, exact = units.tax_e8(amount, rate_bp), Fraction(amount * rate_bp, 10_000)
    assert abs(tax - exact) <= Fraction(1, 2)
    assert abs(tax) >= abs(exact) - Fraction(1, 2)
    assert units.tax_e8(-amount, rate_bp) == -tax
    assert units.tax_e8(5_000, 1) == 1


@given(st.integers(-(10**17), 10**17))
def test_what_is_paid_is_whole_cents(amount: int) -> None:
    paid = units.whole_cents_e8(amount)
    assert paid % 1_000_000 == 0
    assert abs(paid - amount) <= 500_000
    assert units.whole_cents_e8(-amount) == -paid
    assert units.whole_cents_e8(500_000) == 1_000_000
