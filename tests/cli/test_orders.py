"""Orders in books through the command line: places, trades, positions, settlement, in people's and programs' words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.answers import refused, tree
from tests.cli.conftest import STREET, Ask, asking, made

PRODUCT = "2026-05-25T12:00Z"
CLOSURE = "2026-05-25T11:55Z"


@pytest.fixture
def ask(market: Path) -> Ask:
    return asking(market)


def test_a_day_in_a_book(ask: Ask) -> None:
    sold = tree(ask("order", "place", "sell", 8, "--price", 70, "--product", PRODUCT, "--as", "mara", "--json"))
    first, effects = sold["effects"]["order"], sold["effects"]
    assert effects | {"order": ""} == {
        "order": "", "product": PRODUCT, "until": CLOSURE, "filled_kwh": "0", "open_kwh": "8", "amount": "0.00",
        "held_in_product": "31.44",
    }  # fmt: skip
    flags = ("--product", PRODUCT, "--side", "buy", "--quantity", 3, "--price", 75, "--tif", "ioc")
    bought = tree(ask("order", "place", *flags, "--as", "owner", "--json"))["effects"]
    assert (bought["filled_kwh"], bought["open_kwh"], bought["amount"]) == ("3", "0", "-0.21")
    assert "until" not in bought  # nothing is left that could expire
    iceberg = ("--kind", "iceberg", "--display", 1, "--until", "2026-05-25T12:00")
    ask("order", "place", "buy", 5, "--price", 65, "--product", "2026-05-25T14:00", *iceberg, "--as", "owner")
    orders = tree(ask("order", "list", "--product", PRODUCT, "--json"))["orders"]
    assert [(row["order"], row["kind"], row["quantity_kwh"], row["shown_kwh"], row["until_utc"]) for row in orders] == [
        (first, "limit", 5, 5, CLOSURE),
        (orders[1]["order"], "iceberg", 5, 1, "2026-05-25T10:00Z"),
    ]
    depth = tree(ask("book", "depth", "--product", PRODUCT, "--json"))
    assert depth["bids"] == [{"price_per_mwh": Decimal("65.00"), "quantity_kwh": 1, "orders": 1}]
    assert depth["asks"] == [{"price_per_mwh": Decimal("70.00"), "quantity_kwh": 5, "orders": 1}]
    (trade,) = tree(ask("book", "trades", "--product", PRODUCT, "--json"))["trades"]
    assert trade | {"entry": 0} == {
        "entry": 0, "product": PRODUCT, "buyer": "owner", "buy": bought["order"], "seller": "mara", "sell": first,
        "aggressor": "buy", "price_per_mwh": Decimal("70.00"), "quantity_kwh": 3,
    }  # fmt: skip
    assert tree(ask("book", "trades", "--product", "2026-05-25T12:15Z", "--json"))["trades"] == []
    (shown,) = tree(ask("book", "show", "--json"))["products"]
    names = ("phase", "best_bid_per_mwh", "best_ask_kwh", "last_per_mwh", "vwap_per_mwh", "traded_kwh", "open_orders")
    assert [shown[name] for name in names] == ["open", 65, 5, 70, 70, 3, 2]
    assert "70.00" in ask("book", "show").out
    (position,) = tree(ask("book", "positions", "--actor", "owner", "--json"))["positions"]
    assert position == {
        "actor": "owner", "product": PRODUCT, "net_kwh": 3, "average_per_mwh": 70, "mark_per_mwh": 70,
        "realised": 0, "unrealised": 0, "held": Decimal("4.535"),
    }  # fmt: skip


def test_what_a_call_refuses_is_named_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "calls.toml").write_text(f"{STREET}\n[continuous]\nopen_intervals = 12\nopening_call_intervals = 12\n")
    ask = asking(made(tmp_path / "desk", "--scenario", str(tmp_path / "calls.toml")))
    order = ("order", "place", "buy", 1, "--product", "2026-05-25T00:30Z")
    said = refused(ask(*order, "--price", 80, "--tif", "ioc"), 7)
    assert "IN_CALL: tif = ioc: must be gfs or gtt in a call" in said
    assert "IN_CALL: order_kind = market: must be limit or iceberg in a call" in refused(ask(*order), 7)


def test_amending_and_cancelling(ask: Ask) -> None:
    place = ("order", "place", "buy", 4, "--price", 50, "--product", PRODUCT, "--as", "mara", "--json")
    first, second = (tree(ask(*place))["effects"]["order"] for _ in range(2))
    told = tree(ask("order", "amend", second, "--quantity", 2, "--price", 51, "--as", "mara", "--json"))["effects"]
    assert (told["open_kwh"], told["held_in_product"]) == ("2", "3.302")
    # Of an order what its cancellation would set free: 4 kWh at 50 and 2 at 51, and the floor of -500.
    orders = tree(ask("order", "list", "--json"))["orders"]
    assert [(row["order"], row["held"]) for row in orders] == [(first, Decimal("2.2")), (second, Decimal("1.102"))]
    assert refused(ask("order", "amend", first, "--price", 51, "--as", "owner"), 7).startswith("DENIED: order")
    back = ask("order", "cancel", "--all", "--product", PRODUCT, "--as", "mara", "--json")
    assert tree(back)["effects"] == {"orders": [first, second], "returned": "3.302"}
    assert tree(ask("order", "list", "--json"))["orders"] == []


def test_what_is_refused_changes_nothing_and_is_told_to_programs(ask: Ask) -> None:
    tree(ask("order", "place", "sell", 4, "--price", 50, "--product", PRODUCT, "--as", "mara", "--json"))
    before = tree(ask("book", "show", "--json"))
    place = ("order", "place", "buy", 4, "--price", 50, "--product", PRODUCT)
    for options, code in (
        (("--kind", "post-only", "--as", "owner"), "POST_ONLY"),
        (("--as", "mara"), "SELF_TRADE"),
        (("--tif", "fok", "--quantity", 5), "usage"),
    ):
        done = ask(*place, *options, "--json")
        assert code == "usage" or f'"code": "{code}"' in done.out
        assert done.code == (2 if code == "usage" else 7)
    assert tree(ask("market", "set", "--trading-limit", "16", "--json"))["effects"] == {"changed": ["trading_limit"]}
    order = tree(ask("order", "list", "--json"))["orders"][0]["order"]
    line = refused(ask("order", "amend", order, "--quantity", 5, "--as", "mara"), 7)
    assert line.startswith("INSUFFICIENT_FUNDS: quantity_kwh = 5: may lose 3.95 more, which must be at most")
    after = tree(ask("book", "show", "--json"))
    assert after["products"] == before["products"]
    assert after["trading_limit"] == 16
    assert tree(ask("market", "show", "--json"))["continuous"]["trading_limit"] == 16


def test_a_key_that_is_asked_for_again_is_told(ask: Ask) -> None:
    place = ("order", "place", "buy", 4, "--price", 50, "--product", PRODUCT, "--as", "mara", "--key", "mine", "--json")
    first, again = ask(*place), ask(*place)
    assert first.out == again.out
    assert (first.err, again.err) == ("", "done before, with this key\n")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("place", "sell", "-2", "--price", "5"), 3, "quantity_kwh = -2: must lie between 0.001 and 10000000"),
        (("place", "sell", "-2.5"), 3, "quantity_kwh = -2.5: must lie between 0.001"),
        (("place", "--side", "sell", "--quantity", "-2"), 3, "quantity_kwh = -2: must lie between 0.001"),
        (("place", "sell", "2", "--price", "-9999"), 3, "price = -9999.00: must lie between -500.00 and 4000.00"),
        (("place", "sell", "2", "-x"), 2, "no such option: -x"),
        (("amend", "o-1", "--quantity", "-2"), 3, "quantity_kwh = -2: must lie between 0.001"),
        (("cancel",), 2, "give either ORDER, as order list tells it, or --all"),
        (("cancel", "o-1", "--all"), 2, "give either ORDER, as order list tells it, or --all"),
        (("cancel", "o-1", "--product", PRODUCT), 2, "--product goes with --all"),
        (
            ("place", "buy", "2", "--product", "2026-05-25T12:07Z"),
            3,
            "product = 2026-05-25T12:07Z: must be the start of an interval: 2026-05-25T12:00Z or 2026-05-25T12:15Z",
        ),
    ],
)
def test_what_can_not_be_an_order(ask: Ask, words: tuple[str, ...], code: int, says: str) -> None:
    assert says in refused(ask("order", *words, "--as", "mara"), code)


def test_prices_below_0(ask: Ask) -> None:
    for given in (("--price", "-5"), ("--price=-5",)):
        sold = tree(ask("order", "place", "sell", "2", *given, "--product", PRODUCT, "--as", "mara", "--json"))
        assert tree(ask("order", "list", "--json"))["orders"][-1]["price_per_mwh"] == -5
        assert sold["effects"]["open_kwh"] == "2"
    # At the floor a bid can't lose anything, so nothing is held for it.
    ask("order", "place", "buy", "1", "--price", "-500", "--product", "2026-05-25T13:00Z", "--as", "mara")
    assert tree(ask("order", "list", "--json"))["orders"][-1]["held"] == 0
    amended = ("order", "amend", sold["effects"]["order"], "--price", "-6.5", "--as", "mara", "--json")
    assert tree(ask(*amended))["effects"]["open_kwh"] == "2"


def test_a_product_is_settled_with_its_interval(ask: Ask, market: Path) -> None:
    soon = "2026-05-24T23:30Z"
    ask("order", "place", "sell", 2, "--price", 70, "--product", soon, "--as", "mara")
    ask("order", "place", "buy", 2, "--product", soon, "--as", "owner")
    assert ask("headless", "run", "--intervals", 2, "-q").code == 0
    (shown,) = tree(ask("book", "show", "--json"))["products"]
    assert (shown["product"], shown["phase"]) == (soon, "closed")
    line = refused(ask("order", "place", "buy", 2, "--price", 70, "--product", soon, "--as", "owner"), 7)
    assert line.startswith(f"CLOSED: product = {soon}: must begin an interval that is open, 2026-05-24T23:45Z to ")
    assert ask("headless", "run", "--intervals", 1, "-q").code == 0
    assert tree(ask("book", "positions", "--json"))["positions"] == []
    tail = tree(ask("journal", "tail", "--actor", "owner", "--json"))
    price = Decimal(tail["entries"][-1]["effects"]["price"])
    assert sum(row["amount"] for row in tail["trades"]) == 2 * (price - 70) / 1000
    assert [(row["market"], row["energy_kwh"]) for row in tail["trades"]] == [("continuous", 2), ("delivery", -2)]
    for account in ("ext:margin", "ext:position"):
        assert tree(ask("ledger", "balances", "--account", account, "--json"))["balances"] == []
    assert len(tree(ask("book", "trades", "--json"))["trades"]) == 1
    assert ask("journal", "verify").code == 0
    assert ask("doctor").code == 0
    for format_ in ("hledger", "beancount", "jsonl"):
        assert "position" in ask("ledger", "export", "--format", format_).out.lower()
