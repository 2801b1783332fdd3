"""Files for the bank: valid by the published schemas and by what SEPA asks beyond them, and the same whenever made."""

from __future__ import annotations

import importlib.resources
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st

from voltadesk.errors import BadInput
from voltadesk.report.sepa import COLLECT, PAY_OUT, Account, Message, Order, Payment, sepa_xml
from voltadesk.report.sepa_text import ALLOWED, sepa_text

D = Decimal
OWN = Account("Sonnendorf eG", "AT611904300234573201", "OPSKATWW")
ANNA = Account("Žofie Šťastná", "CZ6508000000192000145399")
REFERENCES = ("MsgId", "PmtInfId", "EndToEndId", "MndtId")


@cache
def schema(message: str) -> Any:
    """The published schema of a message."""
    return xmlschema.XMLSchema(str(importlib.resources.files("sepaxml") / "schemas" / f"{message}.xsd"))


def payment(number: int = 1, amount: str = "12.30", account: Account = ANNA, about: str = "June") -> Payment:
    return Payment(f"sun-2026-06-{number:03d}", D(amount), account, about, f"M-{number}", date(2025, 12, 1))


def order(message: Message, payments: Sequence[Payment], account: Account = OWN) -> Order:
    return Order(message, account, "AT61ZZZ01234567890", date(2026, 7, 1), date(2026, 7, 15), payments)


def texts(root: ET.Element, name: str) -> list[str]:
    return [element.text or "" for element in root.iter() if element.tag.endswith("}" + name)]


def check(text: str, message: Message) -> ET.Element:
    """Everything that SEPA asks of a file, be it in the schema or not."""
    schema(message).validate(text)
    root = ET.fromstring(text)  # noqa: S314
    assert set("".join(root.itertext())) <= ALLOWED | {"\n"}
    amounts = [D(amount) for amount in texts(root, "InstdAmt")]
    assert all(re.fullmatch(r"\d{1,9}\.\d\d", amount) and D(amount) for amount in texts(root, "InstdAmt"))
    assert texts(root, "NbOfTxs") == [str(len(amounts))] * 2
    assert [D(total) for total in texts(root, "CtrlSum")] == [sum(amounts)] * 2
    assert {element.get("Ccy") for element in root.iter() if element.tag.endswith("}InstdAmt")} == {"EUR"}
    for name in REFERENCES:
        for reference in texts(root, name):
            assert 1 <= len(reference) <= 35
            assert not reference.startswith("/")
            assert not reference.endswith("/")
            assert "//" not in reference
    assert len(set(texts(root, "EndToEndId"))) == len(amounts)
    assert all(1 <= len(name) <= 70 for name in texts(root, "Nm"))
    assert all(1 <= len(about) <= 140 for about in texts(root, "Ustrd"))
    assert texts(root, "ChrgBr") == ["SLEV"]
    assert texts(root, "Cd") == (["SEPA", "CORE"] if message == COLLECT else ["SEPA"])
    assert texts(root, "SeqTp") == (["RCUR"] if message == COLLECT else [])
    return root


def test_a_collection_to_the_letter() -> None:
    root = check(sepa_xml(order(COLLECT, [payment(1), payment(2, "0.01")])), COLLECT)
    said = [" ".join(text.split()) for text in root.itertext() if text.strip()]
    (identification,) = set(texts(root, "MsgId"))
    assert re.fullmatch(r"collect-2026-07-01-[0-9a-f]{16}", identification)
    assert said == [
        *(identification, "2026-07-01T00:00:00", "2", "12.31", "Sonnendorf eG"),
        *(identification, "DD", "2", "12.31", "SEPA", "CORE", "RCUR", "2026-07-15"),
        *("Sonnendorf eG", "AT611904300234573201", "OPSKATWW", "SLEV", "AT61ZZZ01234567890", "SEPA"),
        *("sun-2026-06-001", "12.30", "M-1", "2025-12-01", "NOTPROVIDED"),
        *("Zofie Stastna", "CZ6508000000192000145399", "June"),
        *("sun-2026-06-002", "0.01", "M-2", "2025-12-01", "NOTPROVIDED"),
        *("Zofie Stastna", "CZ6508000000192000145399", "June"),
    ]


def test_a_credit_transfer_to_the_letter() -> None:
    root = check(sepa_xml(order(PAY_OUT, [payment(7, "999999999.99")])), PAY_OUT)
    said = [" ".join(text.split()) for text in root.itertext() if text.strip()]
    (identification,) = set(texts(root, "MsgId"))
    assert said == [
        *(identification, "2026-07-01T00:00:00", "1", "999999999.99", "Sonnendorf eG"),
        *(identification, "TRF", "1", "999999999.99", "SEPA", "2026-07-15"),
        *("Sonnendorf eG", "AT611904300234573201", "OPSKATWW", "SLEV"),
        *("sun-2026-06-007", "999999999.99", "Zofie Stastna", "CZ6508000000192000145399", "June"),
    ]


NAMES = st.text(max_size=200)
PAYMENTS = st.lists(st.tuples(st.integers(1, 99_999_999_999), NAMES, NAMES), min_size=1, max_size=5)


@pytest.mark.parametrize("message", [COLLECT, PAY_OUT])
@settings(max_examples=30)
@given(rows=PAYMENTS, holder=NAMES)
def test_any_names_and_amounts_make_a_valid_file(message: Message, rows: list[Any], holder: str) -> None:
    payments = [
        payment(n, str(D(cents) / 100), Account(name, ANNA.iban), about)
        for n, (cents, name, about) in enumerate(rows, start=1)
    ]
    made = order(message, payments, Account(holder, OWN.iban))
    text = sepa_xml(made)
    root = check(text, message)
    assert sum(D(amount) for amount in texts(root, "InstdAmt")) == sum(part.amount for part in payments)
    assert sepa_xml(made) == text


def test_other_payments_have_another_identification() -> None:
    made = [[payment(1)], [payment(1, "12.31")], [payment(2)], [payment(1), payment(2)]]
    found = {texts(ET.fromstring(sepa_xml(order(COLLECT, one))), "MsgId")[0] for one in made}  # noqa: S314
    assert len(found) == len(made)


@pytest.mark.parametrize("amount", ["0", "-1.00", "1000000000.00"])
def test_amounts_that_sepa_does_not_take_are_refused(amount: str) -> None:
    with pytest.raises(BadInput, match=r"payment of sun-2026-06-001 = .* must lie between 0.01 and 999,999,999.99 EUR"):
        sepa_xml(order(PAY_OUT, [payment(1, amount)]))


def test_a_reference_that_is_too_long_is_refused() -> None:
    long = Payment("neighbours-2026-01-01_2026-01-15-001", D(1), ANNA, "")
    with pytest.raises(BadInput, match="statement = neighbours-2026-01-01_2026-01-15-001: must have at most 35"):
        sepa_xml(order(PAY_OUT, [long]))


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Müller & Söhne", "Muller + Sohne"),
        ("Łódź, Žižkov; Øster_Å", "Lodz, Zizkov, Oster-A"),
        ("Straße [2] <a>", "Strase (2) .a."),
        ("Ελευθέριος Ψαράς ΐ", "Eleytherios PSaras i"),
        ("Щастлив Жулиен юли", "SHTastliv ZHulien yuli"),
        ("O’Neill – ¿50 €?", "O'Neill - ?50 E?"),
        ("山田", ".."),
        ("  ", "."),
    ],
)
def test_letters_become_those_of_sepa(text: str, latin: str) -> None:
    assert sepa_text(text, 70) == latin


def test_texts_are_cut() -> None:
    assert sepa_text("Θ" * 50, 70) == "TH" * 35
    assert sepa_text("ab  cd", 3) == "ab"
