"""Payments as the files that banks take: direct debits as pain.008.001.08, credit transfers as pain.001.001.09.

Messages of ISO 20022 as SEPA uses them: the implementation guidelines EPC130-08 (SDD Core, customer to bank) and
EPC132-08 (SCT, customer to bank), version of 2023. Nothing in a file comes from a clock or from chance: the same
payments make the same file, and its identification is a digest of what it holds, so that a bank which is given a file
twice knows it.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from voltadesk.errors import BadInput
from voltadesk.report.sepa_text import sepa_text

Message = Literal["pain.008.001.08", "pain.001.001.09"]
COLLECT: Message = "pain.008.001.08"
PAY_OUT: Message = "pain.001.001.09"
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
REFERENCE_LIMIT, NAME_LIMIT, REMITTANCE_LIMIT = 35, 70, 140  # characters
LEAST, MOST = Decimal("0.01"), Decimal("999999999.99")  # EUR of one payment


@dataclass(frozen=True)
class Account:
    """Whose account it is; `bic` where the bank wants to be named."""

    holder: str
    iban: str
    bic: str | None = None


@dataclass(frozen=True)
class Payment:
    """An amount [EUR, whole cents] to be collected from an account or paid to it; a mandate where it is collected."""

    reference: str
    amount: Decimal
    account: Account
    about: str
    mandate: str | None = None
    signed: date | None = None


@dataclass(frozen=True)
class Order:
    """What a bank is asked to do: all payments on one day, from or to one account."""

    message: Message
    account: Account
    creditor_id: str | None  # of direct debits
    issued: date
    due: date
    payments: Sequence[Payment]


def sepa_xml(order: Order) -> str:
    """The file of an order, with at least one payment.

    Raises BadInput for a reference that is too long and an amount that SEPA does not take.
    """
    for payment in order.payments:
        _check(payment)
    draft = _text(order, "")
    digest = hashlib.sha256(draft.encode()).hexdigest()
    kind = "collect" if order.message == COLLECT else "pay-out"
    return _text(order, f"{kind}-{order.issued}-{digest[:16]}")


def _check(payment: Payment) -> None:
    if len(payment.reference) > REFERENCE_LIMIT:
        limit = f"must have at most {REFERENCE_LIMIT} characters in a bank file: settle whole months, or shorten name"
        raise BadInput("statement", payment.reference, limit)
    if not LEAST <= payment.amount <= MOST:
        limit = f"must lie between {LEAST} and {MOST:,} EUR in a bank file"
        raise BadInput(f"payment of {payment.reference}", payment.amount, limit)


def _text(order: Order, identification: str) -> str:
    """The file by its identification, which has to be unique among all that a bank is given."""
    root = ET.Element("Document", xmlns=f"{NAMESPACE}{order.message}")
    body = _add(root, "CstmrDrctDbtInitn" if order.message == COLLECT else "CstmrCdtTrfInitn")
    header = _add(body, "GrpHdr")
    _add(header, "MsgId", identification)
    _add(header, "CreDtTm", f"{order.issued}T00:00:00")
    _add_sums(header, order)
    _add(header, "InitgPty/Nm", sepa_text(order.account.holder, NAME_LIMIT))
    block = _add(body, "PmtInf")
    _add(block, "PmtInfId", identification)
    if order.message == COLLECT:
        _add_collection(block, order)
    else:
        _add_transfers(block, order)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_collection(block: ET.Element, order: Order) -> None:
    _add(block, "PmtMtd", "DD")
    _add_sums(block, order)
    kind = _add(block, "PmtTpInf")
    _add(kind, "SvcLvl/Cd", "SEPA")
    _add(kind, "LclInstrm/Cd", "CORE")
    _add(kind, "SeqTp", "RCUR")  # also for the first one, which since 2016 needs no mark of its own
    _add(block, "ReqdColltnDt", str(order.due))
    _add_account(block, "Cdtr", order.account)
    _add_bank(block, "CdtrAgt", order.account)
    _add(block, "ChrgBr", "SLEV")
    scheme = _add(block, "CdtrSchmeId/Id/PrvtId/Othr")
    _add(scheme, "Id", order.creditor_id or "")
    _add(scheme, "SchmeNm/Prtry", "SEPA")
    for payment in order.payments:
        entry = _add(block, "DrctDbtTxInf")
        _add(entry, "PmtId/EndToEndId", sepa_text(payment.reference, REFERENCE_LIMIT))
        _add(entry, "InstdAmt", f"{payment.amount:.2f}").set("Ccy", "EUR")
        mandate = _add(entry, "DrctDbtTx/MndtRltdInf")
        _add(mandate, "MndtId", payment.mandate or "")
        _add(mandate, "DtOfSgntr", str(payment.signed))
        _add_bank(entry, "DbtrAgt", payment.account)
        _add_account(entry, "Dbtr", payment.account)
        _add(entry, "RmtInf/Ustrd", sepa_text(payment.about, REMITTANCE_LIMIT))


def _add_transfers(block: ET.Element, order: Order) -> None:
    _add(block, "PmtMtd", "TRF")
    _add_sums(block, order)
    _add(block, "PmtTpInf/SvcLvl/Cd", "SEPA")
    _add(block, "ReqdExctnDt/Dt", str(order.due))
    _add_account(block, "Dbtr", order.account)
    _add_bank(block, "DbtrAgt", order.account)
    _add(block, "ChrgBr", "SLEV")
    for payment in order.payments:
        entry = _add(block, "CdtTrfTxInf")
        _add(entry, "PmtId/EndToEndId", sepa_text(payment.reference, REFERENCE_LIMIT))
        _add(entry, "Amt/InstdAmt", f"{payment.amount:.2f}").set("Ccy", "EUR")
        _add_account(entry, "Cdtr", payment.account)
        _add(entry, "RmtInf/Ustrd", sepa_text(payment.about, REMITTANCE_LIMIT))


def _add(parent: ET.Element, path: str, text: str | None = None) -> ET.Element:
    """New elements one in the other; the innermost holds the text."""
    for name in path.split("/"):
        parent = ET.SubElement(parent, name)
    parent.text = text
    return parent


def _add_sums(parent: ET.Element, order: Order) -> None:
    """How many payments, and what they sum to."""
    _add(parent, "NbOfTxs", str(len(order.payments)))
    _add(parent, "CtrlSum", f"{sum((payment.amount for payment in order.payments), Decimal(0)):.2f}")


def _add_account(parent: ET.Element, party: str, account: Account) -> None:
    _add(parent, f"{party}/Nm", sepa_text(account.holder, NAME_LIMIT))
    _add(parent, f"{party}Acct/Id/IBAN", account.iban)


def _add_bank(parent: ET.Element, agent: str, account: Account) -> None:
    bank = _add(parent, f"{agent}/FinInstnId")
    if account.bic is not None:
        _add(bank, "BICFI", account.bic)
    else:
        _add(bank, "Othr/Id", "NOTPROVIDED")
