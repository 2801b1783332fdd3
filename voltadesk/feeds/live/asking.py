"""One question to a service over HTTP, bounded in tries, time and size; what is in the way is said in one line.

A try that failed in a way that passes (no connection, a time-out, a body cut short, 408, 425, 429, 500, 502, 503, 504)
is made again after a while, or after as long as `Retry-After` asks for (RFC 9110, section 10.2.3). Nothing is followed
elsewhere.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from voltadesk import __version__
from voltadesk.errors import BadInput, MissingExtra, NoAnswer, one_line

if TYPE_CHECKING:
    import httpx2

WAITS_S = (1, 4, 15)  # before each try but the first
WAIT_LIMIT_S = 120  # as long as a service may ask to wait
SILENCE_S = 20.0  # until something comes
TRY_S = 60.0  # until all has come
BODY_LIMIT = 16 << 20  # bytes; 90 days of 5 minutes take 8 MiB
PASSING = {408, 425, 429, 500, 502, 503, 504}
NOT_THERE = {400, 404, 422}  # the service knows no such zone, product or time

Told = Callable[[str], None]
Answer = TypeVar("Answer")

pause = time.sleep


class Fault(Exception):
    """Why a try failed that may succeed later; `wait_s` is how long the service asks to wait."""

    def __init__(self, what: str, wait_s: int = 0) -> None:
        super().__init__(what)
        self.wait_s = wait_s


def shown(address: str) -> str:
    """An address as errors tell it: without a user and a password."""
    return re.sub("//[^/?#]*@", "//", address)


def persist(place: str, ask: Callable[[], Answer], told: Told) -> Answer:
    """The answer of the first try without a Fault; each other one is told.

    Raises NoAnswer after the last one, and where the service asks to wait too long.
    """
    tries = len(WAITS_S) + 1
    for pause_s in (*WAITS_S, None):
        try:
            return ask()
        except Fault as fault:
            if pause_s is None:
                raise NoAnswer(f"{place}: {fault} (asked {tries} times)") from None
            if fault.wait_s > WAIT_LIMIT_S:
                raise NoAnswer(f"{place}: {fault}, and asks to wait {fault.wait_s:,} s") from None
            wait_s = max(pause_s, fault.wait_s)
            told(f"{place}: {fault}; asked again in {wait_s} s")
        pause(wait_s)
    raise AssertionError("unreachable")


def ask_json(place: str, address: str, params: Mapping[str, str | int], told: Told) -> tuple[bytes, Any]:
    """The body of what an address answers, and the JSON in it.

    Raises NoAnswer, BadInput for an address that is none or that knows nothing of what is asked, MissingExtra without
    the library.
    """
    try:
        import httpx2
    except ImportError:
        raise MissingExtra("feeds", "prices from a service") from None

    headers = {"User-Agent": f"voltadesk/{__version__}", "Accept": "application/json"}
    with httpx2.Client(timeout=SILENCE_S, follow_redirects=False, headers=headers) as client:
        return persist(place, lambda: _once(client, place, address, params), told)


def _once(client: httpx2.Client, place: str, address: str, params: Mapping[str, str | int]) -> tuple[bytes, Any]:
    import httpx2

    try:
        with client.stream("GET", address, params=dict(params)) as response:
            _require_ok(response, place)
            body = body_of(response.iter_bytes(), place)
    except httpx2.TimeoutException:
        raise Fault(f"did not answer within {SILENCE_S:g} s") from None
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise BadInput("address", shown(address), "must be an address such as https://example.org") from None
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise Fault(_broken(error)) from None
    kind = response.headers.get("content-type", "")
    if "json" not in kind.lower():
        raise NoAnswer(one_line(f"{place}: answered with {kind or 'nothing that has a type'}, not with JSON"))
    try:
        return body, json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        raise Fault("answered with what is no JSON") from None


def _broken(error: Exception) -> str:
    """Why nothing came, in the library's words but for a name that is not known, which they hardly tell."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "the name of the service can't be found"
        cause = cause.__cause__ or cause.__context__
    return one_line(str(error)) or "the connection broke"


def _require_ok(response: httpx2.Response, place: str) -> None:
    """Raises Fault, NoAnswer or BadInput for any answer but 200."""
    status = response.status_code
    if status == 200:
        return
    if response.has_redirect_location:
        target = response.headers["location"]
        raise NoAnswer(
            one_line(f"{place}: answered {status}, go to {target}: not followed, set the address if it moved")
        )
    if status in PASSING:
        raise Fault(f"answered {status}", retry_after_s(response.headers.get("retry-after", "")))
    if status in NOT_THERE:
        raise BadInput("zone", None, f"{place} answered {status}: must be a zone and days that it has")
    raise NoAnswer(f"{place}: answered {status}")


def body_of(coming: Iterable[bytes], place: str) -> bytes:
    """All of an answer, as it comes. Raises Fault where that takes too long, NoAnswer where it is too large."""
    until_s, parts, size = time.monotonic() + TRY_S, list[bytes](), 0
    for part in coming:
        parts.append(part)
        size += len(part)
        if size > BODY_LIMIT:
            raise NoAnswer(f"{place}: answered more than {BODY_LIMIT >> 20} MiB")
        if time.monotonic() > until_s:
            raise Fault(f"did not end within {TRY_S:g} s")
    return b"".join(parts)


def retry_after_s(text: str) -> int:
    """How long a service asks to wait [s]: a count of seconds, or a date; 0 where it says nothing."""
    if text.isascii() and text.isdigit():
        return min(int(text[:12]), 10**9)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, -int((datetime.now(UTC) - moment).total_seconds() // 1))
