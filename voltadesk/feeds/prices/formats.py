"""The formats of price files: how each is known by its header, and what its columns are.

A name of a column is a regular expression that the whole name must match, so that what differs from file to file (a
zone, a currency) can be taken out of it. What a format does not say is found as in any file: a column of times, and
the only column of numbers, or the only one with "price" in its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from voltadesk.errors import BadInput

Stamps = Literal["start", "end"]

NEM_CLOCK = "Etc/GMT-10"  # UTC+10 all year


@dataclass(frozen=True)
class Format:
    """One kind of file. Names of columns are patterns; of several for one thing, the first that is there counts."""

    name: str
    title: str
    header: tuple[str, ...] = ()  # all must be there
    time: tuple[str, ...] = ()
    end: tuple[str, ...] = ()  # where instants are told without doubt: the end of the row's interval
    length: tuple[str, ...] = ()  # PT15M
    clock: str | None = None  # of times without an offset; patterns may tell it, see CLOCKS
    stamps: Stamps = "start"
    values: str = ""  # groups `zone` and `currency` are taken out of the name
    zone: tuple[str, ...] = ()  # columns that name the zone, any of which may be asked for
    keys: tuple[tuple[str, str], ...] = ()  # columns that tell series apart, each with the text that is meant by itself
    unit: str = ""  # what a price is in, unless the file says so
    currency: tuple[str, ...] = ()  # column
    timezone: tuple[str, ...] = ()  # column with the clock that tells days
    local: tuple[str, str] | None = None  # a column with the same instants on a clock: is compared


CLOCKS = {
    "CET/CEST": "Europe/Brussels",
    "CET": "Europe/Brussels",
    "EET/EEST": "Europe/Helsinki",
    "WET/WEST": "Europe/Lisbon",
    "UTC": "UTC",
}
_CLOCK = r"\((?P<clock>CET/CEST|EET/EEST|WET/WEST|CET|UTC)\)"

FORMATS = (
    Format(
        "gridstatus-lmp", "gridstatus, locational marginal prices", ("Market", "Location", "LMP"),
        ("Interval Start", "Time"), ("Interval End",), values="LMP", zone=("Location",),
        keys=(("Market", ""), ("Location Type", "")), unit="USD/MWh",
    ),
    Format(
        "gridstatus-spp", "gridstatus, settlement point prices of ERCOT", ("Location", "SPP"),
        ("Interval Start", "Time"), ("Interval End",), values="SPP", zone=("Location",),
        keys=(("Market", ""), ("Location Type", "")), unit="USD/MWh",
    ),
    Format(
        "entsoe-library", "ENTSO-E, file library",
        (r"DateTime(\(UTC\))?", "ResolutionCode", r"Price(\[Currency/MWh\])?"),
        (r"DateTime(\(UTC\))?",), length=("ResolutionCode",), clock="UTC", values=r"Price(\[Currency/MWh\])?",
        zone=("MapCode", "AreaMapCode", "AreaCode", "AreaDisplayName", "AreaName"),
        keys=(("ContractType", "Day-ahead"), ("AreaTypeCode", "BZN"), ("Sequence", "")), unit="/MWh",
        currency=("Currency",),
    ),
    Format(
        "entsoe-web", "ENTSO-E, export of the web page", (rf"MTU {_CLOCK}", r"Day-ahead Price .*"), (rf"MTU {_CLOCK}",),
        values=r"Day-ahead Price [\[(](?P<currency>[A-Z]{3})/MWh[\])]", zone=("Area",), keys=(("Sequence", ""),),
    ),
    Format(
        "entsoe-a44", "ENTSO-E, price document (A44 XML)",
        ("start", "end", "price", "in_Domain", "sequence"), ("start",),
        ("end",), values="price", zone=("in_Domain",),
        keys=(("contract", "A01"), ("sequence", "")), currency=("currency",),
    ),
    Format("entsoe-py", "entsoe-py, a series written by to_csv", ("", "0"), ("",), values="0", unit="EUR/MWh"),
    Format(
        "aemo", "AEMO and NEMOSIS: DISPATCHPRICE, PRICE_AND_DEMAND",
        ("SETTLEMENTDATE", "RRP"), ("SETTLEMENTDATE",),
        clock=NEM_CLOCK, stamps="end", values="RRP", zone=("REGIONID", "REGION"),
        keys=(("INTERVENTION", "0"), ("PERIODTYPE", "TRADE")), unit="AUD/MWh",
    ),
    Format(
        "energy-charts", "energy-charts, JSON", ("unix_seconds", "price", "unit"), ("unix_seconds",), values="price",
    ),
    Format(
        "awattar", "aWATTar, JSON",
        ("start_timestamp", "end_timestamp", "marketprice", "unit"), ("start_timestamp",),
        ("end_timestamp",), values="marketprice",
    ),
    Format(
        "octopus", "Octopus Agile, JSON",
        ("value_exc_vat", "value_inc_vat", "valid_from", "valid_to"), ("valid_from",),
        ("valid_to",), values="value_(exc|inc)_vat", keys=(("payment_method", ""),), unit="p/kWh",
    ),
    Format(
        "smard", "SMARD, CSV", ("Datum von|Start date", "Datum bis|End date", r".+ \[€/MWh\].*"),
        ("Datum von", "Start date"), clock="Europe/Berlin", values=r"(?P<zone>.+) \[€/MWh\].*",
    ),
    Format(
        "energi-data-service", "Energi Data Service, JSON and CSV",
        ("HourUTC|TimeUTC", "PriceArea", "(Spot|DayAhead)Price(DKK|EUR)"), ("HourUTC", "TimeUTC"), clock="UTC",
        values="(Spot|DayAhead)Price(?P<currency>DKK|EUR)", zone=("PriceArea",), unit="/MWh",
        local=("HourDK|TimeDK", "Europe/Copenhagen"),
    ),
    Format(
        "nord-pool", "Nord Pool, JSON of the data portal", ("deliveryStart", "deliveryEnd", "area", "price"),
        ("deliveryStart",), ("deliveryEnd",), values="price", zone=("area",), keys=(("market", "DayAhead"),),
        unit="/MWh", currency=("currency",),
    ),
    Format(
        "nord-pool-csv", "Nord Pool, CSV of the data portal",
        (rf"Delivery Start {_CLOCK}", r"\S+( Price)? \([A-Z]{3}\)"), (rf"Delivery Start {_CLOCK}",),
        values=r"(?P<zone>\S+)( Price)? \((?P<currency>[A-Z]{3})\)", unit="/MWh",
    ),
    Format(
        "ember", "Ember, European wholesale prices", ("Country", r"Datetime \(UTC\)", r"Price \(EUR/MWhe\)"),
        (r"Datetime \(UTC\)",), clock="UTC", values=r"Price \(EUR/MWhe\)", zone=("Country", "ISO3 Code"),
    ),
    Format(
        "voltadesk", "what prices export writes", ("start", "end", "price", "zone", "currency", "timezone"), ("start",),
        ("end",), values="price", zone=("zone",), unit="/MWh", currency=("currency",), timezone=("timezone",),
    ),
    Format(
        "voltadesk-replay", "intervals of a replay, written by --out", ("interval", "start_utc_s", "price_tick"),
        ("start_utc_s",), clock="UTC", values="price_tick", unit="ct/MWh",
    ),
    Format("table", "any CSV or Parquet file with times and prices"),
)  # fmt: skip
TABLE = FORMATS[-1]


def format_of(columns: Sequence[str], name: str | None, place: str) -> Format:
    """The first format whose header the columns have, or that of the name. Raises BadInput where it isn't that."""
    for known in FORMATS:
        if name not in (None, known.name):
            continue
        if lacking := [part for part in known.header if column_of(columns, (part,)) is None]:
            if name is None:
                continue
            raise BadInput("format", name, f"lacks the columns {', '.join(lacking)}", place)
        return known
    raise BadInput("format", name, f"must be one of {', '.join(known.name for known in FORMATS)}")


def column_of(columns: Sequence[str], patterns: Sequence[str]) -> int | None:
    """The place of the first column that the first pattern matches, else the second, …"""
    for pattern in patterns:
        for place, column in enumerate(columns):
            if re.fullmatch(pattern, column):
                return place
    return None


def clock_of(known: Format, columns: Sequence[str]) -> str | None:
    """The clock of the format's times without an offset, as its header tells it."""
    place = column_of(columns, known.time)
    match = None if place is None else next(m for p in known.time if (m := re.fullmatch(p, columns[place])))
    told = match.groupdict().get("clock") if match else None
    return CLOCKS[told] if told else known.clock
