"""Prices as the price document of ENTSO-E: type A44, IEC 62325-451-3 Publication_MarketDocument, version 7.3.

A time series for each local day, as the transparency platform publishes them; in it a period for each stretch of one
resolution without a gap, so that days of 23 and 25 hours are as long as they are. The curve type is A03, variable sized
blocks: a position whose price is that of the one before is left out (ENTSO-E, Introduction of different timeseries
possibilities within electronic documents, 1.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voltadesk.clock import offsets, time_zone, utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.series import PriceSeries
from voltadesk.feeds.prices.zones import zone_code
from voltadesk.units import decimal_text

NAMESPACE = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"
STAND_IN = "VOLTADESK"  # for sender and receiver, whose codes nobody has told
DAY_AHEAD, SPOT_PRICE, IMPLICIT, VARIABLE_BLOCKS = "A01", "A62", "A01", "A03"
MARKET_OPERATOR, INFORMATION_RECEIVER = "A11", "A33"

Ints = NDArray[np.int64]


def price_document(series: PriceSeries, zone: str | None = None) -> str:
    """The prices of a series as XML; `zone` is the bidding zone, where the series has none, or another one.

    The same series makes the same text: its identification is a digest of its prices, and it says of itself that it was
    created when the first interval began. Raises BadInput for a zone without a code (EIC), and without a currency.
    """
    # All that goes into the text is a code, a currency, a number or a time: nothing of it needs to be escaped.
    code = _zone_code(zone or series.zone)
    if not re.fullmatch("[A-Z]{3}", series.currency):
        limit = "must be known, in three capital letters: say it at the import by --currency"
        raise BadInput("currency", series.currency or None, limit)
    begin, end = int(series.start_utc[0]), int(series.start_utc[-1] + series.step_s[-1])
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<Publication_MarketDocument xmlns="{NAMESPACE}">',
        f"<mRID>{_digest(series, code)}</mRID>",
        "<revisionNumber>1</revisionNumber>",
        "<type>A44</type>",
        *_participant("sender", MARKET_OPERATOR),
        *_participant("receiver", INFORMATION_RECEIVER),
        f"<createdDateTime>{utc_text(begin).replace('Z', ':00Z')}</createdDateTime>",
        _interval("period.timeInterval", begin, end),
    ]
    for number, stretches in enumerate(_days(series), 1):
        lines += [
            "<TimeSeries>",
            f"<mRID>{number}</mRID>",
            f"<auction.type>{IMPLICIT}</auction.type>",
            f"<businessType>{SPOT_PRICE}</businessType>",
            f'<in_Domain.mRID codingScheme="A01">{code}</in_Domain.mRID>',
            f'<out_Domain.mRID codingScheme="A01">{code}</out_Domain.mRID>',
            f"<contract_MarketAgreement.type>{DAY_AHEAD}</contract_MarketAgreement.type>",
            f"<currency_Unit.name>{series.currency}</currency_Unit.name>",
            "<price_Measure_Unit.name>MWH</price_Measure_Unit.name>",
            f"<curveType>{VARIABLE_BLOCKS}</curveType>",
        ]
        for rows in stretches:
            lines += _period(series, rows)
        lines.append("</TimeSeries>")
    return "\n".join([*lines, "</Publication_MarketDocument>"]) + "\n"


def _zone_code(zone: str) -> str:
    code = zone_code(zone)
    if code is None:
        limit = "must be a bidding zone with a code (EIC), such as DE-LU or 10Y1001A1001A82H: say it by --zone"
        raise BadInput("zone", zone or None, limit)
    return code


def _digest(series: PriceSeries, code: str) -> str:
    """An identification of 32 characters; the standard allows 35 in older documents."""
    content = sha256(f"{code} {series.currency} ".encode())
    for column in (series.start_utc, series.step_s, series.price_tick):
        content.update(np.ascontiguousarray(column, "<i8").tobytes())
    return content.hexdigest()[:32]


def _days(series: PriceSeries) -> Iterator[list[range]]:
    """The rows of each local day, cut where the resolution changes or prices are missing."""
    start, step = series.start_utc, series.step_s
    ends, shifts = zip(*offsets(time_zone(series.timezone), int(start[0]), int(start[-1]) + 1), strict=True)
    day = (start + np.array(shifts)[np.searchsorted(ends[:-1], start, side="right")]) // 86_400
    is_new_day = np.diff(day, prepend=day[0] - 1) != 0
    is_apart = np.append(True, (start[1:] != start[:-1] + step[:-1]) | (step[1:] != step[:-1]))
    cuts = [*np.flatnonzero(is_new_day | is_apart).tolist(), len(start)]
    stretches: list[range] = []
    for first, last in pairwise(cuts):
        if is_new_day[first] and stretches:
            yield stretches
            stretches = []
        stretches.append(range(first, last))
    yield stretches


def _period(series: PriceSeries, rows: range) -> list[str]:
    """One stretch of prices, numbered from 1."""
    begin, step_s = int(series.start_utc[rows.start]), int(series.step_s[rows.start])
    lines = ["<Period>", _interval("timeInterval", begin, begin + len(rows) * step_s)]
    lines.append(f"<resolution>PT{step_s // 60}M</resolution>")
    before = None
    for position, tick in enumerate(series.price_tick[rows.start : rows.stop].tolist(), 1):
        if tick != before:
            amount = decimal_text(tick, 2, 2)
            lines.append(f"<Point><position>{position}</position><price.amount>{amount}</price.amount></Point>")
        before = tick
    return [*lines, "</Period>"]


def _participant(who: str, role: str) -> tuple[str, str]:
    return (
        f'<{who}_MarketParticipant.mRID codingScheme="A01">{STAND_IN}</{who}_MarketParticipant.mRID>',
        f"<{who}_MarketParticipant.marketRole.type>{role}</{who}_MarketParticipant.marketRole.type>",
    )


def _interval(name: str, begin: int, end: int) -> str:
    return f"<{name}><start>{utc_text(begin)}</start><end>{utc_text(end)}</end></{name}>"
