"""Bank details in the rules of a community: accounts, mandates and the creditor identifier, each checked as it is read.

IBAN: ISO 13616, with the check digits of ISO 7064 mod 97-10. Creditor identifier: EPC262-08, by the same check digits
without positions 5 to 7. References of mandates: the characters of EPC130-08.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from voltadesk.community.price_rules import Text
from voltadesk.errors import BadInput
from voltadesk.scenario.model import Part

DUE_DAYS = 14  # a debtor is told of a collection so many days before, unless both agree otherwise (SDD Core rulebook)

# Length of an IBAN by country. Payments to SEPA countries beyond the European Economic Area need more than an IBAN.
IBAN_LENGTH = {
    "AT": 20, "BE": 16, "BG": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18,
    "FR": 27, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24,
}  # fmt: skip

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]+")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")
_CREDITOR_ID = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}")
_REFERENCE = re.compile(r"[A-Za-z0-9+?:().,'/ -]{1,35}")


def are_check_digits_right(country: str, digits: str, rest: str) -> bool:
    """Whether two digits are those of ISO 7064 mod 97-10: letters count from A = 10, the country stands at the end."""
    return int("".join(str(int(character, 36)) for character in f"{rest}{country}{digits}")) % 97 == 1


def _together(value: object) -> object:
    """Without the blanks that people write between groups."""
    return value.replace(" ", "") if isinstance(value, str) else value


def _iban(value: str) -> str:
    if not _IBAN.fullmatch(value):
        raise BadInput("", value, "must be an IBAN such as AT61 1904 3002 3457 3201")
    length = IBAN_LENGTH.get(value[:2])
    if length is None:
        raise BadInput("", value, f"must be of a country of the European Economic Area: {', '.join(IBAN_LENGTH)}")
    if len(value) != length:
        raise BadInput("", value, f"must have {length} characters, has {len(value)}")
    if not are_check_digits_right(value[:2], value[2:4], value[4:]):
        raise BadInput("", value, "has wrong check digits")
    return value


def _bic(value: str) -> str:
    if not _BIC.fullmatch(value):
        raise BadInput("", value, "must be a BIC of 8 or 11 characters such as BKAUATWW")
    return value


def _creditor_id(value: str) -> str:
    if not _CREDITOR_ID.fullmatch(value):
        raise BadInput("", value, "must be a creditor identifier such as AT61ZZZ01234567890")
    if not are_check_digits_right(value[:2], value[2:4], value[7:]):
        raise BadInput("", value, "has wrong check digits")
    return value


def _reference(value: str) -> str:
    if not _REFERENCE.fullmatch(value) or value != value.strip(" /") or "//" in value:
        limit = "must be 1 to 35 of A-Z, a-z, 0-9, + ? : ( ) . , ' - / and blanks, no / at an end or twice in a row"
        raise BadInput("", value, limit)
    return value


def banking_day(day: date) -> date:
    """The day, or the next one on which banks settle euros: TARGET rests at weekends and on six days of the year."""
    easter = _easter(day.year)
    rests = {(1, 1), (5, 1), (12, 25), (12, 26)}
    rests |= {(rest.month, rest.day) for rest in (easter - timedelta(2), easter + timedelta(1))}
    while day.weekday() >= 5 or (day.month, day.day) in rests:
        day += timedelta(1)
    return day


def _easter(year: int) -> date:
    """Easter Sunday (Gregorian), as in Meeus, Astronomical Algorithms, chapter 8."""
    century, rest = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = moon + weekday - 7 * ((year % 19 + 11 * moon + 22 * weekday) // 451) + 114
    return date(year, shift // 31, shift % 31 + 1)


Iban = Annotated[str, BeforeValidator(_together), AfterValidator(_iban)]
Bic = Annotated[str, AfterValidator(_bic)]
CreditorId = Annotated[str, BeforeValidator(_together), AfterValidator(_creditor_id)]
Mandate = Annotated[str, AfterValidator(_reference)]


class Bank(Part):
    """The account by which a community collects and pays."""

    iban: Iban
    holder: Text = ""
    bic: Bic | None = None
    creditor_id: CreditorId | None = None
    due_days: Annotated[int, Field(strict=True, ge=1, le=365)] = DUE_DAYS
