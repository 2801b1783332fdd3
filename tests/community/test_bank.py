"""Bank details in the rules: what is wrong is named, what is right is kept without blanks."""

from __future__ import annotations

from datetime import date

import pytest

from tests.community import house, member
from voltadesk.community.bank import IBAN_LENGTH, are_check_digits_right, banking_day
from voltadesk.community.rules import Community
from voltadesk.errors import BadInput

BANK = '[bank]\niban = "AT61 1904 3002 3457 3201"\ncreditor_id = "AT61ZZZ01234567890"'
NO = 'iban = "NO9386011117947"'
ANNA = member("anna", 'iban = "DE89 3704 0044 0532 0130 00"', 'mandate = "A/1"', "mandate_signed = 2025-12-01")


def read(*members: str, bank: str = BANK, head: str = "") -> Community:
    return house(*members, sharing=bank, head=head)


def refused(*members: str, bank: str = BANK, head: str = "") -> str:
    with pytest.raises(BadInput) as caught:
        read(*members, bank=bank, head=head)
    return str(caught.value).removeprefix("community.toml: ")


def test_accounts_are_kept_without_blanks() -> None:
    rules = read(ANNA)
    assert rules.bank is not None
    assert (rules.bank.iban, rules.bank.bic, rules.bank.due_days) == ("AT611904300234573201", None, 14)
    assert (rules.members[0].iban, rules.members[0].mandate) == ("DE89370400440532013000", "A/1")


# Examples that the national banks publish.
@pytest.mark.parametrize(
    "iban",
    [
        *("BE68539007547034", "CZ6508000000192000145399", "DK5000400440116243", "ES9121000418450200051332"),
        *("FR1420041010050500013M02606", "GR1601101250000000012300695", "IT60X0542811101000000123456"),
        *("MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300", "NO9386011117947", "PL61109010140000071219812874"),
    ],
)
def test_ibans_of_many_countries_are_right(iban: str) -> None:
    assert len(iban) == IBAN_LENGTH[iban[:2]]
    assert are_check_digits_right(iban[:2], iban[2:4], iban[4:])
    rules = read(member("anna", f'iban = "{iban}"'))
    assert rules.members[0].iban == iban


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('iban = "AT611904300234573202"', "members[0].iban = AT611904300234573202: has wrong check digits"),
        ('iban = "AT6119043002345732"', "members[0].iban = AT6119043002345732: must have 20 characters, has 18"),
        ('iban = "61"', "members[0].iban = 61: must be an IBAN such as AT61 1904 3002 3457 3201"),
        ('iban = "CH9300762011623852957"', "members[0].iban = CH9300762011623852957: must be of a country"),
        ("iban = 61", "members[0].iban = 61: must be text in quotes"),
        ('mandate = "m"\nmandate_signed = 2025-12-01', "members[0].iban: must be given with mandate"),
        (f'{NO}\nmandate = "m"', "members[0].mandate_signed: must be given with mandate"),
        (f"{NO}\nmandate_signed = 2025-12-01", "members[0].mandate: must be given with mandate_signed"),
        (f"{NO}\nshared = true", "members[0].iban = NO9386011117947: must not be given where shared is true"),
        *(
            (f'{NO}\nmandate = "{wrong}"\nmandate_signed = 2025-12-01', "members[0].mandate = ")
            for wrong in ("a//b", "/a", "a/", "ä", "a" * 36, "a_b")
        ),
    ],
)  # fmt: skip
def test_faults_of_a_member_are_named(line: str, said: str) -> None:
    assert refused(member("anna", line)).startswith(said)


@pytest.mark.parametrize(
    ("bank", "said"),
    [
        ('[bank]\nholder = "a"', "bank.iban: must be given"),
        ('[bank]\niban = "AT611904300234573201"', "bank.creditor_id: must be given where a member has a mandate"),
        (BANK.replace("AT61ZZZ", "AT62ZZZ"), "bank.creditor_id = AT62ZZZ01234567890: has wrong check digits"),
        (BANK.replace("AT61ZZZ", "ZZZ"), "bank.creditor_id = ZZZ01234567890: must be a creditor identifier such as"),
        (BANK + '\nbic = "OPSK"', "bank.bic = OPSK: must be a BIC of 8 or 11 characters"),
        (BANK + "\ndue_days = 0", "bank.due_days = 0: must be at least 1"),
    ],
)
def test_faults_of_the_community_are_named(bank: str, said: str) -> None:
    assert refused(ANNA, bank=bank).startswith(said)


def test_euros_only_and_each_mandate_once() -> None:
    assert refused(ANNA, head='currency = "CHF"').startswith("currency = CHF: must be EUR with bank")
    other = ANNA.replace("anna", "ben").replace("A/1", "a/1")
    assert refused(ANNA, other) == "members[1].mandate = a/1: must not be given twice"


def test_a_business_code_leaves_the_check_digits_of_a_creditor_as_they_are() -> None:
    assert read(ANNA, bank=BANK.replace("ZZZ", "SUN")).bank is not None


@pytest.mark.parametrize(
    ("day", "settled"),
    [
        (date(2026, 2, 16), date(2026, 2, 16)),
        (date(2026, 2, 15), date(2026, 2, 16)),  # a Sunday
        (date(2026, 4, 3), date(2026, 4, 7)),  # Good Friday to Easter Monday
        (date(2025, 12, 25), date(2025, 12, 29)),
        (date(2027, 1, 1), date(2027, 1, 4)),
        (date(2026, 5, 1), date(2026, 5, 4)),
        (date(2025, 12, 31), date(2025, 12, 31)),
    ],
)
def test_banks_settle_on_their_days(day: date, settled: date) -> None:
    assert banking_day(day) == settled


def test_easter_mondays_of_some_years() -> None:
    mondays = (date(2024, 4, 1), date(2025, 4, 21), date(2027, 3, 29), date(2038, 4, 26), date(2049, 4, 19))
    for monday in mondays:
        assert banking_day(monday) == date.fromordinal(monday.toordinal() + 1)
