"""Canonical JSON: RFC 8785's own example, an independent implementation, and all that is refused."""

from __future__ import annotations

import enum
import json

import numpy as np
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from voltadesk.errors import BadInput
from voltadesk.store.canonical import DEPTH_LIMIT, INT_LIMIT, canonical, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-INT_LIMIT, INT_LIMIT) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_same_bytes_as_another_implementation(value: object) -> None:
    data = canonical(value)
    assert data == rfc8785.dumps(value)
    assert parse(data) == value


def test_sorting_example_of_rfc_8785() -> None:
    # Section 3.2.3: the order of UTF-16 code units, in which U+1F600 stands before U+FB33.
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    assert list(json.loads(canonical(value))) == ["\r", "1", "\x80", "ö", "€", "\U0001f600", "\ufb33"]


def test_text_example_of_rfc_8785() -> None:
    # Section 3.2.2.2.
    assert canonical("\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/") == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()


def test_a_tuple_is_a_list() -> None:
    assert canonical({"b": (1, "2", ()), "a": {}}) == b'{"a":{},"b":[1,"2",[]]}'


class Side(enum.StrEnum):
    BUY = "buy"


class Count(int):
    pass


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), b"x", {1}, np.int64(1), np.bool_(True), np.float64(1), Side.BUY, Count(1), object, 1j],
    ids=repr,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"a": {"b": v}}], ids=["bare", "list", "deep"])
def test_other_types_are_no_input(value: object, wrap: object) -> None:
    with pytest.raises(TypeError, match="canonical form"):
        canonical(wrap(value))  # type: ignore[operator]


@pytest.mark.parametrize("key", [1, None, True, b"a", Side.BUY])
def test_keys_are_text(key: object) -> None:
    with pytest.raises(TypeError, match="must be str"):
        canonical({key: 1})


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**400])
def test_numbers_that_json_can_not_carry(number: int) -> None:
    with pytest.raises(BadInput, match=r"price_tick = a number of \d+ bits: must be within"):
        canonical({"order": [{"price_tick": number}]})


@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}, ["a", {"b": "x\udc00"}]], ids=ascii)
def test_lone_surrogates(value: object) -> None:
    with pytest.raises(BadInput, match="surrogate"):
        canonical(value)


def test_depth_and_cycles() -> None:
    value: list[object] = []
    for _ in range(DEPTH_LIMIT - 1):
        value = [value]
    assert canonical(value) == b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT
    with pytest.raises(BadInput, match="deeper than 64"):
        canonical([value])
    value.append(value)
    with pytest.raises(BadInput, match="deeper than 64"):
        canonical(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1\n",
        b"-0",
        b"1.0",
        b"1e2",
        b"NaN",
        b"-Infinity",
        b"9007199254740992",
        b"1" * 5000,
        b'"\\u0041"',
        b'"\\/"',
        b'"\\u000F"',
        b'"\\ud800"',
        b'"\xff"',
        b"\xef\xbb\xbf1",
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b"[1,]",
        b"[" * 100_000,
        b"[" * 65 + b"]" * 65,
    ],
    ids=lambda data: repr(data[:20]),
)
def test_parse_takes_the_canonical_form_only(data: bytes) -> None:
    with pytest.raises(BadInput):
        parse(data)


@given(VALUES, st.data())
def test_no_two_texts_for_one_value(value: object, data: st.DataObject) -> None:
    text = bytearray(canonical(value))
    at = data.draw(st.integers(0, 8 * len(text) - 1))
    text[at // 8] ^= 1 << at % 8
    try:
        other = parse(bytes(text))
    except BadInput:
        return
    assert canonical(other) == text != canonical(value)
