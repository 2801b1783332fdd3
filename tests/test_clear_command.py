"""`voltadesk headless clear`: orders in, a price and exact fills out."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import permutations

import pytest

from tests.clearings import HEADER, PRICINGS, clear, cleared, fills, orders
from tests.commands import refusal

D = Decimal
PRICE_RULES = ("lowest", "midpoint", "highest")


# The JSON contract ----------------------------------------------------------------------------------------------------
def test_json_to_the_letter() -> None:
    done = clear(orders(("buy", "", "5"), ("sell", "50", "8")), "--json")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        '{"schema": 1, "price": 50.00, "price_low": 50.00, "price_high": 50.00, "volume_mwh": 5, '
        '"welfare": 19750.00, "operator": 0.00, "orders": ['
        '{"id": "1", "side": "buy", "price": null, "quantity_mwh": 5, "filled_mwh": 5, "amount": 250.00}, '
        '{"id": "2", "side": "sell", "price": 50.00, "quantity_mwh": 8, "filled_mwh": 5, "amount": 250.00}]}\n'
    )


def test_json_keys() -> None:
    result = cleared(
        orders(("buy", "60", "5", "b", "town"), ("sell", "50", "8", "s", ""), header=f"{HEADER},id,participant")
    )
    assert list(result) == ["schema", "price", "price_low", "price_high", "volume_mwh", "welfare", "operator", "orders"]
    with_participant = ["id", "participant", "side", "price", "quantity_mwh", "filled_mwh", "amount"]
    assert [list(order) for order in result["orders"]] == [
        with_participant,
        [key for key in with_participant if key != "participant"],
    ]
    assert result["schema"] == 1


def test_the_smallest_amount_is_written_out() -> None:
    done = clear(orders(("buy", "0.01", "0.000001"), ("sell", "0.01", "0.000001")), "--json")
    assert '"amount": 0.00000001' in done.out
    assert '"filled_mwh": 0.000001' in done.out


def test_numbers_never_pass_through_a_float() -> None:
    # 0.1 + 0.2, and more digits than a float holds.
    result = cleared(orders(("buy", "3999.99", "9999999.999999"), ("sell", "0.10", "0.1"), ("sell", "0.20", "0.2")))
    assert result["volume_mwh"] == D("0.3")
    assert result["orders"][0]["quantity_mwh"] == D("9999999.999999")
    assert result["orders"][0]["amount"] == D("1199.997")
    assert result["price"] == D("3999.99")


def test_numbers_of_an_auction_agree_with_each_other() -> None:
    rng = random.Random(7)
    rows = [
        (side, f"{rng.randint(-5000, 40_000) / 100:.2f}", f"{rng.randint(1, 10**9) / 10**6:.6f}")
        for side in rng.choices(["buy", "sell"], k=60)
    ]
    result = cleared(orders(*rows), "--margin", "1.25")
    for side, price in (("buy", result["price"] + D("1.25")), ("sell", result["price"])):
        mine = [order for order in result["orders"] if order["side"] == side]
        assert sum(order["filled_mwh"] for order in mine) == result["volume_mwh"] > 0
        assert all(order["amount"] == order["filled_mwh"] * price for order in mine)
        for order in mine:
            gain = order["price"] - price if side == "buy" else price - order["price"]
            assert gain >= 0 or order["filled_mwh"] == 0
            assert gain <= 0 or order["filled_mwh"] == order["quantity_mwh"]
    assert result["operator"] == result["volume_mwh"] * D("1.25")
    signed = {"buy": 1, "sell": -1}
    assert result["welfare"] == sum(
        signed[order["side"]] * order["price"] * order["filled_mwh"] for order in result["orders"]
    )


def test_text_for_people() -> None:
    done = clear(orders(("buy", "", "5", "mill"), ("sell", "-50", "8", "wind"), header=f"{HEADER},id"))
    assert (done.code, done.err) == (0, "")
    assert "price −50.00 (any from −50.00 to −50.00 clears), volume 5 MWh" in done.out
    assert [line.split()[:3] for line in done.out.splitlines() if line.split()[:1] in (["mill"], ["wind"])] == [
        ["mill", "buy", "any"],
        ["wind", "sell", "−50.00"],
    ]
    assert "no trade, no price" in clear(orders(("buy", "1", "1"))).out


# Acceptance -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pricing", PRICINGS)
@pytest.mark.parametrize(
    "rows", [(), (("buy", "50", "1"),), (("sell", "50", "1"),), (("buy", "", "1"), ("buy", "", "2"))]
)
def test_a15_one_side_alone_is_no_trade_and_no_price(rows: tuple[tuple[str, str, str], ...], pricing: str) -> None:
    result = cleared(orders(*rows), "--pricing", pricing)
    assert [result[key] for key in ("price", "price_low", "price_high")] == [None] * 3
    assert [result[key] for key in ("volume_mwh", "welfare", "operator")] == [0] * 3
    assert fills(result) == [0] * len(rows)


def test_a16_inelastic_demand_shares_a_shortage_at_the_cap() -> None:
    result = cleared(orders(("buy", "", "80"), ("buy", "", "40"), ("sell", "70", "100")), "--cap", "100")
    assert result["price"] == 100
    assert fills(result) == [D("66.666667"), D("33.333333"), 100]
    assert str(result["price"]) == "100.00"


def test_a16_elastic_demand_sets_the_price() -> None:
    result = cleared(orders(("buy", "100", "80"), ("buy", "90", "40"), ("sell", "70", "100")), "--cap", "100")
    assert result["price"] == 90
    assert fills(result) == [80, 20, 100]


@pytest.mark.parametrize("pricing", PRICINGS)
def test_a17_a_bid_below_the_offer_gets_nothing(pricing: str) -> None:
    result = cleared(orders(("buy", "5", "10"), ("sell", "70", "10")), "--pricing", pricing)
    assert result["price"] is None
    assert fills(result) == [0, 0]


@pytest.mark.parametrize("rule", PRICE_RULES)
def test_a17_the_margin_is_a_wedge(rule: str) -> None:
    rows = (("buy", "30", "2"), ("buy", "20", "3"), ("buy", "10", "5"), ("sell", "14", "1000"))
    result = cleared(orders(*rows), "--margin", "1", "--price-rule", rule)
    assert (result["price"], result["volume_mwh"], result["operator"]) == (14, 5, 5)
    assert fills(result) == [2, 3, 0, 5]
    assert [order["amount"] for order in result["orders"]] == [30, 45, 0, 70]
    assert str(result["operator"]) == "5.00"


def test_a17_a_limit_that_leaves_no_room_for_the_margin_does_not_trade() -> None:
    rows = (("buy", "10", "1"), ("sell", "10", "1"))
    assert fills(cleared(orders(*rows))) == [1, 1]
    assert fills(cleared(orders(*rows), "--margin", "0.01")) == [0, 0]
    below_floor = cleared(orders(("buy", "-500", "1"), ("sell", "", "1")), "--margin", "0.01")
    assert fills(below_floor) == [0, 0]


def test_a18_equal_offers_share_equally() -> None:
    assert fills(cleared(orders(("sell", "70", "10"), ("sell", "70", "10"), ("buy", "", "10")))) == [5, 5, 10]


# Three equal offers leave a remainder of 1 Wh, and ids that look like row numbers must not decide who gets it.
TIED = [("sell", "70", "10", "1"), ("sell", "70", "10", "2"), ("sell", "70", "10", "3"), ("buy", "", "10", "4")]
UNEVEN = [("sell", "70", "0.000001", "a"), ("sell", "70", "7", "b"), ("sell", "70", "11", "c"), ("buy", "", "5", "d")]
SHORT = [("buy", "", "7", "x"), ("buy", "", "7", "10"), ("buy", "", "7", "9"), ("sell", "", "10", "s")]


@pytest.mark.parametrize("rows", [TIED, UNEVEN, SHORT], ids=["tied", "uneven", "short"])
@pytest.mark.parametrize("pricing", PRICINGS)
def test_a18_the_order_of_rows_changes_no_fill(rows: list[tuple[str, ...]], pricing: str) -> None:
    outcomes = set()
    for shuffled in permutations(rows):
        result = cleared(orders(*shuffled, header=f"{HEADER},id"), "--pricing", pricing)
        assert [order["id"] for order in result["orders"]] == [row[3] for row in shuffled]
        outcomes.add(tuple(sorted((order["id"], order["filled_mwh"], order["amount"]) for order in result["orders"])))
    assert len(outcomes) == 1


@pytest.mark.parametrize("rows", [TIED, UNEVEN, SHORT], ids=["tied", "uneven", "short"])
def test_a18_without_ids_the_result_is_the_same_but_for_its_order(rows: list[tuple[str, ...]]) -> None:
    outcomes = set()
    for shuffled in permutations(rows):
        result = cleared(orders(*(row[:3] for row in shuffled)))
        assert [order["id"] for order in result["orders"]] == ["1", "2", "3", "4"]
        outcomes.add(
            tuple(sorted((order["side"], order["quantity_mwh"], order["filled_mwh"]) for order in result["orders"]))
        )
    assert len(outcomes) == 1


def test_a18_the_remainder_goes_to_the_lower_id() -> None:
    result = cleared(orders(*reversed(TIED), header=f"{HEADER},id"))
    assert {order["id"]: order["filled_mwh"] for order in result["orders"]} == {
        "1": D("3.333334"),
        "2": D("3.333333"),
        "3": D("3.333333"),
        "4": 10,
    }


NO_NUMBERS = ["[]", "ten", "0x10", "1e99999999999", '"1,5"', "１０"]
NOT_FINITE = ["NaN", "nan", "inf", "-Infinity"]


@pytest.mark.parametrize(
    "price", [*NO_NUMBERS, *NOT_FINITE, "1e400", "9223372036854775808", "4000.01", "-500.01", "0.001"]
)
def test_a19_a_bad_price_is_refused_by_line_field_value_and_limit(price: str) -> None:
    line = refusal(clear(orders(("buy", "1", "1"), ("sell", price, "1")), "--json"))
    assert line.startswith(f"stdin: line 3: price = {price.strip(chr(34))}: ")
    assert line.endswith(
        (
            "must be a number",
            "must be a finite number",
            "is too large",
            "must lie between -500 and 4000 per MWh",
            "decimals",
        )
    )


@pytest.mark.parametrize(
    "quantity",
    ["", *NO_NUMBERS, *NOT_FINITE, "-1", "0", "0.0", "1e400", "9223372036854775808", "1e8", "0.0000001", "1e-400"],
)
def test_a19_a_bad_quantity_is_refused_by_line_field_value_and_limit(quantity: str) -> None:
    line = refusal(clear(orders(("buy", "1", quantity)), "--json"))
    assert line.startswith(f"stdin: line 2: quantity = {quantity.strip(chr(34)) or chr(39) * 2}: ")


def test_a19_what_is_refused_says_what_is_allowed() -> None:
    line = refusal(clear(orders(("buy", "70.01", "1")), "--cap", "70"))
    assert line == "stdin: line 2: price = 70.01: must lie between -500 and 70 per MWh"
    line = refusal(clear(orders(("buy", "1", "-1"))))
    assert line == "stdin: line 2: quantity = -1: must lie between 0.000001 and 10000000 MWh"


def participants(count: int, steps: int = 1) -> str:
    """Bids and offers of so many participants, with so many steps on each side."""
    rows = [
        (side, str(price + step), "1", f"p{n}")
        for n in range(count)
        for side, price in (("buy", 100), ("sell", 50))
        for step in range(steps)
    ]
    return orders(*rows, header=f"{HEADER},participant")


def test_a20_ten_participants_of_ten_steps_pass() -> None:
    limits = ("--max-participants", "10", "--max-steps", "10")
    assert cleared(participants(10, 10), *limits)["volume_mwh"] == 100
    line = refusal(clear(participants(11), *limits))
    assert line == "stdin: participants = 11: must be at most 10"
    line = refusal(clear(participants(10, 11), *limits))
    assert line.startswith("stdin: steps = buy p0: 11: must be at most 10")


def test_a20_an_order_in_nobodys_name_is_a_participant_of_its_own() -> None:
    rows = ["buy,1,1,", "buy,1,1,1", "buy,1,1,2"]  # an order with the number 1, and participants named 1 and 2
    header = f"{HEADER},participant"
    assert "participants = 3" in refusal(clear(orders(*rows, header=header), "--max-participants", "2"))
    assert clear(orders(*rows, header=header), "--max-participants", "3", "--max-steps", "1").code == 0


# Rules ----------------------------------------------------------------------------------------------------------------
RANGE = (("buy", "100", "10"), ("sell", "20.01", "10"))


@pytest.mark.parametrize(("rule", "price"), [("lowest", "20.01"), ("midpoint", "60.00"), ("highest", "100.00")])
def test_price_rules_choose_within_the_range(rule: str, price: str) -> None:
    result = cleared(orders(*RANGE), "--price-rule", rule)
    assert [str(result[key]) for key in ("price", "price_low", "price_high")] == [price, "20.01", "100.00"]


def test_midpoint_is_the_rule_unless_told_otherwise() -> None:
    assert cleared(orders(*RANGE)) == cleared(orders(*RANGE), "--price-rule", "midpoint", "--pricing", "uniform")


LADDER = (("buy", "100", "10"), ("buy", "30", "10"), ("sell", "10", "8"), ("sell", "20", "7"), ("sell", "80", "10"))


@pytest.mark.parametrize(
    ("pricing", "price", "filled", "operator"),
    [
        ("uniform", "30.00", [10, 5, 8, 7, 0], "0.00"),
        # Offers cover all 20 MWh of bids only at 80, which one bid can pay.
        ("vertical-demand", "80.00", [10, 0, 8, 2, 0], "0.00"),
        # (8 x 10 + 7 x 20) / 15 = 14.67 rounded up; the operator keeps what that leaves.
        ("pay-as-bid", "14.67", [10, 5, 8, 7, 0], "0.05"),
    ],
)
def test_pricing_models(pricing: str, price: str, filled: list[int], operator: str) -> None:
    result = cleared(orders(*LADDER), "--pricing", pricing)
    assert str(result["price"]) == price
    assert fills(result) == filled
    assert str(result["operator"]) == operator
    paid = {side: sum(o["amount"] for o in result["orders"] if o["side"] == side) for side in ("buy", "sell")}
    assert paid["buy"] - paid["sell"] == result["operator"]


def test_surplus_brings_the_price_to_the_floor() -> None:
    result = cleared(orders(("sell", "", "10"), ("sell", "", "20"), ("buy", "", "15")), "--floor", "-12.34")
    assert str(result["price"]) == "-12.34"
    assert fills(result) == [5, 10, 15]
    assert result["orders"][2]["amount"] == D("-185.1")


# Size -----------------------------------------------------------------------------------------------------------------
def test_huge_quantities_are_exact() -> None:
    rows = (("buy", "4000", "10000000"), ("sell", "3999.99", "9999999.999999"))
    result = cleared(orders(*rows), "--price-rule", "lowest")
    assert result["volume_mwh"] == D("9999999.999999")
    assert result["orders"][0]["amount"] == 4000 * D("9999999.999999")  # the bid has 1 Wh left, so it sets the price


@pytest.mark.parametrize("pricing", PRICINGS)
def test_more_money_than_can_be_counted_is_refused(pricing: str) -> None:
    # A narrow range far from zero: the range times the energy would fit, the amounts would not.
    rows = [("buy", "30000", "1e7"), ("sell", "29999", "1e7"), ("buy", "30000", "1e7"), ("sell", "29999.5", "1e7")] * 2
    done = clear(orders(*rows), "--floor", "29999", "--cap", "30000", "--pricing", pricing)
    assert "quantity = " in refusal(done)
    assert "must stay below 92,233,720,368" in refusal(done)


def test_more_energy_than_can_be_counted_is_refused() -> None:
    rows = [("buy", "1", "1e7")] * 3603
    assert refusal(clear(orders(*rows))) == "stdin: quantity = 36030000000: must be below 36,028,797,018 MWh in all"
