"""A community's statements in the books: what is posted, corrected and paid adds up to the last unit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.desk.neighbours import Wholes, cents, settlement
from tests.desk.test_book import Desk, key
from voltadesk.desk.book import Book
from voltadesk.desk.refusal import Refusal

D = Decimal
FIRST: dict[str, dict[str, Decimal]] = {
    "anna": {"community": D("8.124"), "grid operator": D("1"), "tax": D("0.24")},
    "ben": {"community": D("-3.005")},
}


@pytest.fixture
def desk() -> Desk:
    """Olga the founder and admin, Anna a member who is an actor, Carl another actor."""
    made = Desk()
    for name in ("anna", "carl"):
        made.do("olga", "actor.add", name=name, public_key=key(name))
    return made


def post(desk: Desk, wholes: Wholes, own: dict[str, Decimal] | None = None, **given: Any) -> dict[str, Any]:
    return desk.do("olga", "community.post", **settlement(desk.book, wholes, own, **given))


def held(desk: Desk, name: str = "house") -> dict[str, Decimal]:
    """What the accounts of a community hold."""
    prefix = f"community:{name}:"
    return {row.account.removeprefix(prefix): D(row.amount) / 10**8 for row in desk.book.ledger.balances(prefix)}


def opens(desk: Desk) -> dict[str, Decimal]:
    return {bill.number: D(bill.open_e8) / 10**8 for bill in desk.book.bills.by_number.values()}


# Worked by hand -------------------------------------------------------------------------------------------------------
def test_members_owe_cents_parties_get_theirs_and_the_rest_is_the_communitys(desk: Desk) -> None:
    effects = post(desk, FIRST, {"tax": D("0.5"), "community": D("-0.3")})
    assert effects == {
        "community": "house",
        "period": "2026-06",
        "statements": 2,
        "first": "house-2026-06-001",
        "last": "house-2026-06-002",
        "to_collect": "9.36",
        "to_pay_out": "3.01",
    }
    assert held(desk) == {
        "member:anna": D("9.36"),  # 9.364
        "member:ben": D("-3.01"),  # -3.005, halves away from zero
        "party:grid-operator": D("-1"),
        "party:tax": D("-0.74"),  # 0.24 of Anna, 0.5 of the community's own plants
        "own": -(D("9.36") - D("3.01") - D("1") - D("0.74")),
    }
    desk.book.bills.audit()


def test_what_is_paid_reaches_the_bank_and_what_is_paid_out_leaves_it(desk: Desk) -> None:
    post(desk, FIRST)
    paid = desk.do("olga", "community.pay", statement="house-2026-06-001", amount="4.36")
    assert paid == {
        "statement": "house-2026-06-001",
        "member": "anna",
        "direction": "collect",
        "amount": "4.36",
        "open": "5.00",
    }
    desk.do("anna", "community.pay", statement="house-2026-06-001")
    out = desk.do("olga", "community.pay", statement="house-2026-06-002")
    assert (out["direction"], out["amount"], out["open"]) == ("pay out", "3.01", "0.00")
    assert held(desk)["bank"] == D("9.36") - D("3.01")
    assert not any(account.startswith("member:") for account in held(desk))
    ledger = desk.book.ledger
    assert ledger.balance("ext:bank:anna", "EUR") == -9_36000000
    assert ledger.balance("ext:bank:ben", "EUR") == 3_01000000
    desk.book.bills.audit()


def test_what_came_back_is_open_again(desk: Desk) -> None:
    post(desk, FIRST)
    before = held(desk)
    for number in ("house-2026-06-001", "house-2026-06-002"):
        desk.do("olga", "community.pay", statement=number)
    some = desk.do("olga", "community.pay", statement="house-2026-06-001", amount="4.36", returned=True)
    assert (some["direction"], some["returned"], some["amount"], some["open"]) == ("collect", True, "4.36", "4.36")
    line = said(desk, "olga", "community.pay", statement="house-2026-06-001", amount="5.01", returned=True)
    assert "amount = 5.01: must be at most what is paid of house-2026-06-001, 5.00" in line
    assert "neither paid out nor returned" in said(
        desk, "anna", "community.pay", statement="house-2026-06-001", returned=True
    )
    for number in ("house-2026-06-001", "house-2026-06-002"):
        assert desk.do("olga", "community.pay", statement=number, returned=True)["open"] in ("9.36", "3.01")
    assert held(desk) == before
    line = said(desk, "olga", "community.pay", statement="house-2026-06-002", returned=True)
    assert line == "NOTHING_DUE: statement = house-2026-06-002: is not paid, nothing can come back"
    desk.book.bills.audit()


def test_a_correction_posts_the_difference_and_goes_on_with_the_numbers(desk: Desk) -> None:
    post(desk, FIRST)
    desk.do("olga", "community.pay", statement="house-2026-06-001")
    body = settlement(desk.book, {"anna": {"community": D("7.124"), "grid operator": D("1"), "tax": D("0.2")}})
    (statement,) = body["statements"]
    assert (statement["number"], statement["corrects"]) == ("house-2026-06-003", "house-2026-06-001")
    assert statement["payable"] == "-1.04"  # 8.32 for 9.36
    desk.do("olga", "community.post", **body)
    assert held(desk) == {
        "bank": D("9.36"),
        "member:anna": D("-1.04"),
        "member:ben": D("-3.01"),
        "party:grid-operator": D("-1"),
        "party:tax": D("-0.2"),
        "own": -(D("8.32") - D("3.01") - D("1") - D("0.2")),
    }
    assert desk.book.bills.get("house-2026-06-001").corrected_by == "house-2026-06-003"
    assert opens(desk) == {
        "house-2026-06-001": 0,
        "house-2026-06-002": D("-3.01"),
        "house-2026-06-003": D("-1.04"),
    }
    desk.book.bills.audit()


def test_a_party_has_an_account_whatever_it_is_called(desk: Desk) -> None:
    names = ("\u0958" * 60, "&", "O'Hara; Söhne", "-", "grid operator", "grid-operator")
    post(desk, {"anna": {name: D(1) for name in names}})
    assert held(desk)["party:grid-operator"] == -2
    assert held(desk)["party:O-Hara-Söhne"] == -1
    assert sum(held(desk).values()) == 0
    desk.book.bills.audit()


# Refused --------------------------------------------------------------------------------------------------------------
def said(desk: Desk, actor: str, kind: str, /, **body: Any) -> str:
    """What a command is refused with, which must change nothing."""
    before = desk.root()
    with pytest.raises(Refusal) as caught:
        desk.do(actor, kind, **body)
    assert desk.root() == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_settlement_is_posted_once(desk: Desk) -> None:
    body = settlement(desk.book, FIRST)
    desk.do("olga", "community.post", **body)
    line = said(desk, "olga", "community.post", **body)
    assert line == "DUPLICATE: settlement = house 2026-06: was posted already, as entry 3"
    line = said(desk, "olga", "community.post", **body | {"settlement": "f" * 64})
    assert line.startswith(
        "DUPLICATE: member = anna: was billed already, by house-2026-06-001: settle again with --billed"
    )


@pytest.mark.parametrize(
    ("period", "other"),
    [("2026-06", "2026-06-15"), ("2026-06-30", "2026-06"), ("2026-06-10_2026-06-20", "2026-06-20_2026-06-25")],
)
def test_no_day_is_billed_by_two_periods(desk: Desk, period: str, other: str) -> None:
    post(desk, FIRST, period=period)
    line = said(desk, "olga", "community.post", **settlement(desk.book, FIRST, period=other))
    assert line == f"DUPLICATE: period = {other}: has days of {period}, which was posted as entry 3"
    post(desk, FIRST, period=other, name="other-house")
    post(desk, FIRST, period="2026-07")
    desk.book.bills.audit()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"currency": "CHF"}, "BAD_VALUE: currency = CHF: must be the desk's currency, EUR"),
        ({"period": "June"}, "BAD_VALUE: period = June: must be a month such as 2026-01, a day, or days such as"),
        ({"period": "2026-13"}, "BAD_VALUE: period = 2026-13: must be a month"),
        ({"period": "2026-06-02_2026-06-01"}, "BAD_VALUE: period = 2026-06-02_2026-06-01: must be a month"),
        ({"settlement": "abc"}, "BAD_VALUE: settlement = abc: must be a SHA-256 as 64 hexadecimal digits"),
        ({"community": "a b"}, "BAD_VALUE: community = a b: must be 1 to 40"),
        ({"own": {"": "1"}}, "must be the name of a party, 1 to 60 printable characters"),
        ({"own": {"tax": "9" * 12}}, "BAD_VALUE: own.tax = 999999999999: must lie between"),
        ({"number": "house-2026-06-002"}, "statement = house-2026-06-002: must be house-2026-06-001: numbers have no"),
        ({"number": "house-2026-06-1"}, "statement = house-2026-06-1: must be house-2026-06-001: numbers have no gaps"),
        ({"number": "home-2026-06-001"}, "statement = home-2026-06-001: must be house-2026-06-001"),
        ({"member": "ben"}, "DUPLICATE: member = ben: must have one statement of a settlement"),
        (
            {"payable": "9.37"},
            "BAD_VALUE: house-2026-06-001.payable = 9.37: must be 9.36: what is billed in whole cents",
        ),
        ({"corrects": "house-2026-06-001"}, "NOT_FOUND: corrects = house-2026-06-001: was not posted: post its"),
        ({"billed": {"tax": "1.000000001"}}, "BAD_VALUE: statements.0.billed.tax = 1.000000001: must have at most 8"),
        ({"billed": {"tax": 1}}, "BAD_VALUE: statements.0.billed.tax = 1: must be a decimal number as text"),
    ],
)
def test_what_can_not_be_posted(desk: Desk, change: dict[str, Any], line: str) -> None:
    body = settlement(desk.book, FIRST)
    part = body if change.keys() <= body.keys() else body["statements"][0]
    part |= change
    assert line in said(desk, "olga", "community.post", **body)


def test_a_correction_names_the_statement_before(desk: Desk) -> None:
    post(desk, FIRST)
    post(desk, {"anna": {"community": D("5")}})
    body = settlement(desk.book, {"anna": {"community": D("6")}})
    body["statements"][0]["corrects"] = "house-2026-06-001"
    line = said(desk, "olga", "community.post", **body)
    assert "BAD_VALUE: corrects = house-2026-06-001: must be the last statement of anna, house-2026-06-003" in line


def test_who_has_no_new_statement_is_billed_what_was_posted(desk: Desk) -> None:
    bills = desk.book.bills
    same = {"anna": {"community": 8_12400000, "grid operator": 1_00000000, "tax": 24000000}}
    with pytest.raises(Refusal, match="NOT_FOUND: period = 2026-06: was not posted"):
        bills.require_rest("house", "2026-06", ["ben"], same)
    post(desk, FIRST)
    bills.require_rest("house", "2026-06", ["ben"], same)
    bills.require_rest("house", "2026-06", ["anna", "ben"], {})
    other = {"anna": {"community": 8_00000000, "grid operator": 1_00000000, "tax": 36400000}}
    for statements, rest, line in (
        (
            ["ben"],
            other,
            "2026-06.anna.billed = 9.364: was posted as 9.364, and no statement corrects it: settle again",
        ),
        (["anna"], {}, "2026-06.ben.billed: was posted as -3.005, and no statement corrects it"),
        (["ben"], same | {"dora": {"tax": 1}}, "2026-06.dora.billed = 0.00000001: was posted as 0.00"),
    ):
        with pytest.raises(Refusal) as caught:
            bills.require_rest("house", "2026-06", statements, rest)
        assert str(caught.value).startswith(f"BAD_VALUE: {line}")


def test_accounts_can_be_counted(desk: Desk) -> None:
    most = {"community": D("89999999999.99")}
    post(desk, {"anna": most})
    line = said(desk, "olga", "community.post", **settlement(desk.book, {"anna": most}, period="2026-07"))
    assert "community:house:member:anna = 179999999999.98: is more than can be counted" in line


def test_what_can_not_be_paid(desk: Desk) -> None:
    post(desk, FIRST)
    first, second = ({"statement": f"house-2026-06-00{n}"} for n in (1, 2))
    for amount, limit in (
        ("9.37", "must be at most what is open of house-2026-06-001, 9.36"),
        ("0", "must lie between 0.01 and"),
        ("-1", "must lie between 0.01 and"),
        ("1.001", "must have at most 2 decimals"),
    ):
        assert f"amount = {amount}: {limit}" in said(desk, "olga", "community.pay", **first, amount=amount)
    assert "NOT_FOUND: statement = x: is no statement" in said(desk, "olga", "community.pay", statement="x")
    for actor, body in (("carl", first), ("carl", second), ("anna", second)):
        assert f"DENIED: actor = {actor}: must be admin" in said(desk, actor, "community.pay", **body)
    desk.do("olga", "community.pay", **first)
    line = said(desk, "olga", "community.pay", **first)
    assert line == "NOTHING_DUE: statement = house-2026-06-001: is paid, nothing is open"


def test_while_halted_bills_are_paid_and_none_is_posted(desk: Desk) -> None:
    post(desk, FIRST)
    desk.do("olga", "market.halt", reason="storm")
    assert "HALTED" in said(desk, "olga", "community.post", **settlement(desk.book, FIRST, period="2026-07"))
    desk.do("olga", "community.pay", statement="house-2026-06-001")


def test_a_desk_that_never_posted_has_the_state_it_always_had(desk: Desk) -> None:
    assert set(desk.book.state()) == {"actors", "fleet", "fund", "halted", "ledger", "market"}
    post(desk, {})  # a settlement without members is known, too
    assert "bills" in desk.book.state()


# Any history ----------------------------------------------------------------------------------------------------------
AMOUNT = st.integers(-(10**12), 10**12).map(lambda e8: D(e8) / 10**8)
BILLED = st.dictionaries(st.sampled_from(["community", "tax", "grid operator", "Netz Süd"]), AMOUNT)
SETTLED = st.tuples(
    st.sampled_from(["2026-06", "2026-07", "2026-08-01_2026-08-15"]),
    st.dictionaries(st.sampled_from(["anna", "ben", "carl", "dora"]), BILLED),
    BILLED,
)
PAID = st.tuples(st.integers(0, 30), st.none() | st.integers(1, 10**6))
RETURNED = st.tuples(st.integers(0, 30))


def told(steps: list[Any]) -> Desk:
    """A desk to which all that happened; a payment of more than is open pays what is open."""
    desk = Desk()
    for step in steps:
        if len(step) == 3:
            period, wholes, own = step
            post(desk, wholes, own, period=period)
            continue
        if len(step) == 1:
            paid = [bill.number for bill in desk.book.bills.by_number.values() if bill.paid_e8]
            if paid:
                desk.do("olga", "community.pay", statement=paid[step[0] % len(paid)], returned=True)
            desk.book.bills.check()
            continue
        numbers = [bill.number for bill in desk.book.bills.by_number.values() if bill.open_e8]
        if numbers:
            number = numbers[step[0] % len(numbers)]
            most = abs(desk.book.bills.get(number).open_e8) // 10**6
            part = {} if step[1] is None else {"amount": f"{D(min(step[1], most)) / 100:f}"}
            desk.do("olga", "community.pay", statement=number, **part)
        desk.book.bills.check()
    return desk


@settings(max_examples=60)
@given(st.lists(st.one_of(SETTLED, PAID, RETURNED), max_size=12))
def test_any_history_adds_up_and_is_the_same_told_again(steps: list[Any]) -> None:
    desk = told(steps)
    book = desk.book
    book.ledger.audit()
    book.fund.audit()
    book.bills.audit()
    last: dict[tuple[str, str], dict[str, Decimal]] = {}
    own: dict[str, dict[str, Decimal]] = {}
    for step in steps:
        if len(step) == 3:
            period, wholes, own[period] = step
            last |= {(period, member): billed for member, billed in wholes.items()}
    # The books as a bookkeeper would sum them up, from the last word on each member and period.
    accounts = held(desk)
    for member in {member for _, member in last}:
        bills = [bill for bill in book.bills.by_number.values() if bill.member == member]
        assert sum(bill.open_e8 for bill in bills) == accounts.get(f"member:{member}", 0) * 10**8
        asked = sum(D(bill.payable_e8) / 10**8 for bill in bills)
        assert asked == sum(cents(billed) for (_, name), billed in last.items() if name == member)
    paid = sum(D(bill.paid_e8) / 10**8 for bill in book.bills.by_number.values())
    assert accounts.get("bank", 0) == paid
    for party, account in (("tax", "tax"), ("grid operator", "grid-operator"), ("Netz Süd", "Netz-Süd")):
        billed_in_all = sum(billed.get(party, D(0)) for billed in (*last.values(), *own.values()))
        assert accounts.get(f"party:{account}", 0) == -billed_in_all
    assert sum(accounts.values()) == 0
    # Numbers have no gaps, in whatever order members were corrected.
    for (name, period), known in book.bills.periods.items():
        assert known.numbers == [f"{name}-{period}-{n:03d}" for n in range(1, len(known.numbers) + 1)]
    state = json.loads(json.dumps(book.state()))
    assert Book.from_state(state).state() == book.state() == told(steps).book.state()
