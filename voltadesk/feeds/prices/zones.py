"""Names of bidding zones: codes of ENTSO-E (EIC) and the ways in which sources write one."""

from __future__ import annotations

import re

NAMES = {
    "10Y1001A1001A82H": "DE-LU", "10Y1001A1001A63L": "DE-AT-LU", "10YAT-APG------L": "AT", "10YBE----------2": "BE",
    "10YCA-BULGARIA-R": "BG", "10YCH-SWISSGRIDZ": "CH", "10YCZ-CEPS-----N": "CZ", "10YDK-1--------W": "DK1",
    "10YDK-2--------M": "DK2", "10Y1001A1001A39I": "EE", "10YES-REE------0": "ES", "10YFI-1--------U": "FI",
    "10YFR-RTE------C": "FR", "10YGB----------A": "GB", "10YGR-HTSO-----Y": "GR", "10YHR-HEP------M": "HR",
    "10YHU-MAVIR----U": "HU", "10Y1001A1001A59C": "IE-SEM", "10Y1001A1001A73I": "IT-NORD", "10YLT-1001A0008Q": "LT",
    "10YLV-1001A00074": "LV", "10YNL----------L": "NL", "10YNO-1--------2": "NO1", "10YNO-2--------T": "NO2",
    "10YNO-3--------J": "NO3", "10YNO-4--------9": "NO4", "10Y1001A1001A48H": "NO5", "10YPL-AREA-----S": "PL",
    "10YPT-REN------W": "PT", "10YRO-TEL------P": "RO", "10Y1001A1001A44P": "SE1", "10Y1001A1001A45N": "SE2",
    "10Y1001A1001A46L": "SE3", "10Y1001A1001A47J": "SE4", "10YSI-ELES-----O": "SI", "10YSK-SEPS-----K": "SK",
    "Deutschland/Luxemburg": "DE-LU", "Germany/Luxembourg": "DE-LU", "DE_LU": "DE-LU",
}  # fmt: skip
_CODE = re.compile("[0-9]{2}[A-Z][A-Z0-9-]{12}[A-Z0-9]")  # an energy identification code: issuer, kind, name, check


def zone_name(text: str) -> str:
    """The short name of a zone where it is known, else the text itself."""
    text = text.strip().removeprefix("BZN|")
    return NAMES.get(text, text)


def zone_code(text: str) -> str | None:
    """The code (EIC) of a zone that is known, or is a code itself; None for others."""
    if _CODE.fullmatch(text):
        return text
    return next((code for code in NAMES if _CODE.fullmatch(code) and same_zone(code, text)), None)


def same_zone(one: str, other: str) -> bool:
    """Whether two texts name one zone, whatever letters, dashes and codes they use."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", zone_name(text).upper())
