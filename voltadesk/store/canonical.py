"""One byte string per value: the JSON form that is hashed and signed.

RFC 8785 (JSON Canonicalization Scheme) for the values that signed payloads hold: text, true, false, null, whole
numbers, lists, objects. Keys are sorted by UTF-16 code units, nothing is escaped that need not be, there are no
blanks. Floats are refused, as is any whole number beyond +-(2^53 - 1), which RFC 7493 (I-JSON) doesn't let JSON
carry: amounts travel as decimal text.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import NoReturn

from voltadesk.errors import BadInput

INT_LIMIT = 2**53 - 1
DEPTH_LIMIT = 64


def canonical(value: object) -> bytes:
    """The RFC 8785 bytes of a value.

    Only the exact types str, bool, NoneType, int, list, tuple and dict with str keys: a subclass may write itself
    in a way of its own. Raises TypeError for any other type (floats and NumPy scalars among them), BadInput for a
    number out of range, text that is no Unicode (a lone surrogate), or nesting deeper than 64.
    """
    if _is_texts(value):  # most of what is signed: where all is ASCII, Python's own writer gives the same bytes
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        if text.isascii():
            return text.encode()
    out: list[str] = []
    try:
        _write(value, "value", out, 0)
        return "".join(out).encode()
    except UnicodeEncodeError as error:
        raise BadInput("text", ascii(error.object), "must be Unicode without lone surrogates") from None


def _is_texts(value: object, depth: int = 0) -> bool:
    """Whether a value is an object of texts, or of such objects."""
    return (
        type(value) is dict
        and depth < 3
        and all(type(key) is str and (type(item) is str or _is_texts(item, depth + 1)) for key, item in value.items())
    )


def parse(data: bytes) -> object:
    """The value that `canonical` turns into exactly these bytes.

    Raises BadInput for anything else: blanks, other escapes, other order, a key twice, floats, numbers out of range.
    """
    try:
        value = json.loads(data.decode(), parse_float=_refuse_number, parse_constant=_refuse_number)
        is_canonical = canonical(value) == data
    except BadInput:
        raise
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number of thousands of digits, nested too deep
        raise BadInput("signed text", data, "must be JSON") from None
    if not is_canonical:
        raise BadInput("signed text", data, "must be JSON in its canonical form (RFC 8785)")
    return value


def _write(value: object, field: str, out: list[str], depth: int) -> None:
    """Append the pieces of a value's text. `field` is the key it stands under, for errors."""
    if type(value) is str:
        out.append(encode_basestring(value))
    elif value is None:
        out.append("null")
    elif type(value) is bool:
        out.append("true" if value else "false")
    elif type(value) is int:
        if not -INT_LIMIT <= value <= INT_LIMIT:
            raise BadInput(field, f"a number of {value.bit_length()} bits", "must be within +-(2^53 - 1)")
        out.append(str(value))
    elif depth >= DEPTH_LIMIT:
        raise BadInput(field, type(value).__name__, f"must not be nested deeper than {DEPTH_LIMIT}")
    elif type(value) is dict:
        _write_object(value, field, out, depth)
    elif type(value) is list or type(value) is tuple:
        before = "["
        for item in value:
            out.append(before)
            _write(item, field, out, depth + 1)
            before = ","
        out.append("]" if before == "," else "[]")
    else:
        raise TypeError(f"{field}: {type(value).__name__} has no canonical form; amounts are decimal text")


def _write_object(value: dict[object, object], field: str, out: list[str], depth: int) -> None:
    """Append an object's text, its keys in the order of their UTF-16 code units."""
    keys: list[str] = []
    for key in value:
        if type(key) is not str:
            raise TypeError(f"{field}: a key is {type(key).__name__}, must be str")
        keys.append(key)
    before = "{"
    for key in sorted(keys, key=_utf16):
        out.append(f"{before}{encode_basestring(key)}:")
        _write(value[key], key, out, depth + 1)
        before = ","
    out.append("}" if before == "," else "{}")


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _refuse_number(text: str) -> NoReturn:
    raise BadInput("number", text, "must be whole; amounts are decimal text")
