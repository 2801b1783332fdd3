"""What `voltadesk headless clear` takes as orders and options, and what it refuses."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.clearings import HEADER, NAMED, PLAIN, clear, cleared, orders
from tests.commands import Done, call, refusal, start

D = Decimal
PRICE_RULES = ("lowest", "midpoint", "highest")


# Input ----------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        "\ufeff" + PLAIN,
        "# a comment\n" + PLAIN,
        PLAIN + '# the end, "of it\n',
        PLAIN.replace("buy", '  # a "quote, "in a comment\n\nBUY'),
        PLAIN.replace("buy", "bid").replace("sell", "Ask"),
        PLAIN.replace("buy", "Buy ").replace("sell", " offer"),
        PLAIN.replace(",", " , "),
        PLAIN.replace(HEADER, " Side,PRICE,Quantity "),
        orders("5,,buy", "8,50,sell", header="quantity,price,side"),
        orders('"buy","","5"', '"sell","50.000","8.0000000"'),
        orders("buy,,5e0", "sell,+.5e2,8."),
    ],
)
def test_ways_to_write_the_same_orders(text: str) -> None:
    assert clear(text, "--json") == clear(PLAIN, "--json")


def test_a_comment_keeps_the_count_of_lines() -> None:
    text = f'# "one\n{HEADER}\n\n# "four\nbuy,1,x\n'
    assert refusal(clear(text)) == "stdin: line 5: quantity = x: must be a number"


def test_an_id_may_begin_with_a_sharp_where_it_is_quoted() -> None:
    result = cleared(orders('"#1",buy,1,1', header=f"id,{HEADER}"))
    assert [order["id"] for order in result["orders"]] == ["#1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stdin: orders = '': must begin with a header: side,price,quantity"),
        ("\n# only a comment\n", "stdin: orders = '': must begin with a header: side,price,quantity"),
        ("buy,50,5\n", "stdin: line 1: header = buy,50,5: must have the column side"),
        ("side,price\n", "stdin: line 1: header = side,price: must have the column quantity"),
        (
            "side,price,quantity,colour\n",
            "stdin: line 1: header = colour: must be one of side, price, quantity, id, participant",
        ),
        ("side,price,quantity,side\n", "stdin: line 1: header = side: must not be given twice"),
        ("side;price;quantity\n", "stdin: line 1: header = side;price;quantity: must have the column side"),
        (orders("buy,1"), "stdin: line 2: columns = 2: must be 3, as in the header"),
        (orders("buy,1,1,1"), "stdin: line 2: columns = 4: must be 3, as in the header"),
        (orders("hold,1,1"), "stdin: line 2: side = hold: must be buy or sell"),
        (orders(",1,1"), "stdin: line 2: side = '': must be buy or sell"),
        (orders('buy,"1,1'), "stdin: line 2: row = unexpected end of data: must be CSV"),
        (orders("buy,1,1,a", "sell,1,1,a", header=f"{HEADER},id"), "stdin: id = a: must not be given twice"),
        (
            orders("buy,1,1,2", "sell,1,1,", header=f"{HEADER},id"),
            "stdin: id = 2: is an order's id and the number of one that has no id",
        ),
        (b"side,price,quantity,id\nbuy,1,1,\xff\n", "stdin: orders = stdin: must be UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "stdin: orders = stdin: must be UTF-8 text"),
    ],
)
def test_files_that_are_no_orders(text: str | bytes, message: str) -> None:
    assert refusal(clear(text, "--json")).removeprefix("stdin: ") == message.removeprefix("stdin: ")


def test_a_cell_without_end_is_refused() -> None:
    assert "must be CSV" in refusal(clear(orders("buy,1," + "1" * 200_000)))


@pytest.mark.parametrize("name", ["none.csv", "a folder"])
def test_files_that_can_not_be_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    assert refusal(call("headless", "clear", tmp_path / name)).startswith(f"orders = {tmp_path}"[:40])


def test_a_file_is_named_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "my orders.csv"
    path.write_text(orders(("buy", "x", "1")), encoding="utf-8")
    assert refusal(call("headless", "clear", path)) == "my orders.csv: line 2: price = x: must be a number"


def test_a_file_gives_what_stdin_gives(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(NAMED.replace("\n", "\r\n").encode("utf-8-sig"))
    done = call("headless", "clear", path, "--json")
    assert done == clear(NAMED, "--json")
    assert '"id": "mühle"' in done.out


# Options --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cap", "1e400"), "cap = 1e400: is too large"),
        (("--cap", "nan"), "cap = nan: must be a finite number"),
        (("--cap", "30000.01"), "cap = 30000.01: must lie between -30000 and 30000 per MWh"),
        (("--floor", "-0.001"), "floor = -0.001: must have at most 2 decimals"),
        (("--margin", "-1"), "margin = -1: must lie between 0 and 30000 per MWh"),
        (("--margin", ""), "margin = '': must be a number"),
        (("--floor", "10", "--cap", "10"), "floor = 10: must be below the cap (10)"),
        (("--floor", "10", "--cap", "-10"), "floor = 10: must be below the cap (-10)"),
    ],
)
def test_options_out_of_range_are_bad_input(options: tuple[str, ...], message: str) -> None:
    assert refusal(clear(PLAIN, "--json", *options)) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "missing argument 'ORDERS.csv'"),
        (("a.csv", "b.csv"), "got unexpected extra argument(s) (b.csv)"),
        (("-", "--pricing", "fair"), "--pricing = fair: must be one of uniform, vertical-demand, pay-as-bid"),
        (("-", "--price-rule", ""), "--price-rule = '': must be one of midpoint, lowest, highest"),
        (("-", "--max-participants", "0"), "--max-participants = 0: must be at least 1"),
        (("-", "--max-steps", "many"), "--max-steps = many: must be a whole number"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    done = call("headless", "clear", *arguments, stdin=PLAIN)
    assert done == Done(2, "", f"voltadesk: {message} (voltadesk headless clear --help)\n")


@pytest.mark.parametrize("option", ["--cap", "--colour"])
def test_options_that_are_not_whole(option: str) -> None:
    done = call("headless", "clear", "-", option, stdin=PLAIN)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert option in done.err


def test_help_shows_examples_first() -> None:
    done = call("headless", "clear", "--help")
    assert done.code == 0
    assert done.out.index("Examples:") < done.out.index("Options:")
    for name in ("--pricing", "--price-rule", "--floor", "--cap", "--margin", "--json"):
        assert name in done.out


# As a process ---------------------------------------------------------------------------------------------------------
def test_a_process_reads_a_pipe_whatever_the_locale() -> None:
    done = start("headless", "clear", "-", "--json", stdin=NAMED.encode(), LC_ALL="C", PYTHONIOENCODING="latin-1")
    assert done == clear(NAMED, "--json")


def test_a_process_ends_with_the_code_of_its_error() -> None:
    text = orders(("buy", "x", "1")).encode()
    assert refusal(start("headless", "clear", "-", stdin=text)) == "stdin: line 2: price = x: must be a number"
    assert start("headless", "clear").code == 2


def test_debug_shows_where_and_keeps_the_code() -> None:
    done = call("--debug", "headless", "clear", "-", stdin=orders(("buy", "x", "1")))
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("Traceback")
    assert done.err.endswith("\nvoltadesk: stdin: line 2: price = x: must be a number\n")
