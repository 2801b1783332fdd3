"""Double entry: what is posted balances, or nothing is posted."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltadesk.desk.ledger import BALANCE_LIMIT, CHART, SHARE, WH, Ledger, LedgerError, Posting, flow, kind_of

INVEST = [
    Posting("fund:cash:free", "EUR", 500),
    Posting("equity:capital", "EUR", -500),
    *flow("ext:bank:alice", -500, "EUR"),
]


def test_an_entry_is_merged_sorted_and_without_zeros() -> None:
    ledger = Ledger()
    postings = [*INVEST, Posting("loss:wh", WH, 0), Posting("ext:grid", WH, 3), Posting("ext:grid", WH, -3)]
    entry = ledger.post(7, postings, 60, "invest")
    assert entry == (
        7,
        60,
        "invest",
        (
            ("equity:capital", "EUR", -500),
            ("ext:bank:alice", "EUR", -500),
            ("ext:world", "EUR", 500),
            ("fund:cash:free", "EUR", 500),
        ),
    )
    assert ledger.balances() == list(entry.postings)
    assert ledger.balances("ext:") == [("ext:bank:alice", "EUR", -500), ("ext:world", "EUR", 500)]
    assert ledger.total("ext:bank:*", "EUR") == -500
    assert ledger.balance("fund:cash:reserved", "EUR") == 0


@pytest.mark.parametrize(
    ("postings", "message"),
    [
        ([Posting("fund:cash:free", "EUR", 1)], "^EUR sums to 1"),
        ([Posting("ext:grid", "EUR", 1), Posting("ext:world", "EUR", -2)], "^EUR sums to -1"),
        ([Posting("ext:grid", WH, 1)], "^WH sums to 1"),
        ([Posting("shares:a", SHARE, 1)], "^SHARE sums to 1"),
        ([Posting("fund:cash:free", "EUR", 1), Posting("ext:world", "EUR", -1)], "the fund's own EUR sums to 1"),
        ([Posting("fund:cash:free", "EUR", -1), Posting("equity:capital", "EUR", 1)], "fund:cash:free can't hold -1"),
        ([Posting("fund:battery:b:wh", WH, -1), Posting("ext:grid", WH, 1)], "fund:battery:b:wh can't hold -1"),
        ([Posting("owed:dividend:1:a", "EUR", 1), Posting("equity:retained", "EUR", -1)], "can't hold 1"),
        ([Posting("shares:a", SHARE, -1), Posting("equity:capital", SHARE, 1)], "shares:a can't hold -1"),
        ([Posting("shares:a", "EUR", 1), Posting("ext:world", "EUR", -1)], "shares:a holds no EUR"),
        ([Posting("fund:cash:free", "USD", 1), Posting("ext:world", "USD", -1)], "holds no USD"),
        ([Posting("fund:cash:gold", "EUR", 1)], "no account 'fund:cash:gold'"),
        ([Posting("ext:bank:a b", "EUR", 1)], "no account 'ext:bank:a b'"),
        ([Posting("ext:bank:", "EUR", 1)], "no account"),
        ([Posting("ext:grid", "EUR", 1.0)], "not an int"),  # type: ignore[arg-type]
        ([Posting("ext:grid", "EUR", True)], "not an int"),
        (flow("ext:grid", BALANCE_LIMIT + 1, "EUR"), "can't hold"),
    ],
)
def test_what_does_not_balance_is_not_posted(postings: list[Posting], message: str) -> None:
    ledger = Ledger()
    ledger.post(1, INVEST[:2] + INVEST[2:])
    ledger.post(1, [Posting("fund:cash:free", "EUR", -500), Posting("fund:cash:reserved", "EUR", 500)])
    before = ledger.state()
    with pytest.raises(LedgerError, match=message):
        ledger.post(2, postings)
    assert ledger.state() == before


def test_entry_numbers_never_fall() -> None:
    ledger = Ledger()
    ledger.post(3, INVEST)
    ledger.post(3, INVEST)
    with pytest.raises(LedgerError, match="entry 2 after 3"):
        ledger.post(2, INVEST)


def test_a_currency_is_three_capital_letters() -> None:
    for label in ("WH", "SHARE", "eur", ""):
        with pytest.raises(LedgerError, match="currency"):
            Ledger(label)
    assert Ledger("NOK").currency == "NOK"


def test_entries_wait_until_they_are_drained_when_kept() -> None:
    ledger, kept = Ledger(), Ledger(keep=True)
    entry = kept.post(1, INVEST)
    assert ledger.post(1, INVEST) == entry
    assert (ledger.drain(), kept.drain(), kept.drain()) == ([], [entry], [])


def test_every_line_of_the_chart_finds_itself() -> None:
    for pattern, kind in CHART.items():
        assert kind_of(pattern.replace("*", "x").replace("~", "ö-x")) is kind


def test_a_total_of_an_unknown_line_is_an_error() -> None:
    with pytest.raises(LedgerError, match="no line"):
        Ledger().total("ext:bank:alice", "EUR")


transfers = st.lists(
    st.tuples(
        st.sampled_from("abcde"), st.sampled_from("abcde"), st.integers(-(10**18), 10**18), st.sampled_from(["EUR", WH])
    ),
    max_size=40,
)


@given(transfers)
def test_balances_are_the_sums_of_postings_and_the_state_tells_all(moves: list[tuple[str, str, int, str]]) -> None:
    ledger, slow = Ledger(), dict[tuple[str, str], int]()
    for number, (source, target, amount, commodity) in enumerate(moves):
        ledger.post(
            number,
            [Posting(f"ext:bank:{source}", commodity, -amount), Posting(f"ext:bank:{target}", commodity, amount)],
        )
        for name, change in ((source, -amount), (target, amount)):
            slow[f"ext:bank:{name}", commodity] = slow.get((f"ext:bank:{name}", commodity), 0) + change
    assert ledger.balances() == sorted((*key, amount) for key, amount in slow.items() if amount)
    assert ledger.total("ext:bank:*", "EUR") == ledger.total("ext:bank:*", WH) == 0
    ledger.audit()
    again = Ledger.from_state(json.loads(json.dumps(ledger.state())))
    assert again.state() == ledger.state()
    assert again.total("ext:bank:*", "EUR") == 0


@given(transfers, st.randoms(use_true_random=False))
def test_the_state_does_not_depend_on_the_order_of_entries(
    moves: list[tuple[str, str, int, str]], random: object
) -> None:
    def books(order: list[tuple[str, str, int, str]]) -> Ledger:
        ledger = Ledger()
        for source, target, amount, commodity in order:
            ledger.post(
                1, [Posting(f"ext:bank:{source}", commodity, -amount), Posting(f"ext:bank:{target}", commodity, amount)]
            )
        return ledger

    shuffled = list(moves)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert books(moves).state() == books(shuffled).state()
