"""The services that prices are fetched from, on this machine: real shapes of their answers, and their faults."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

HOUR_S = 3600
SOURCES = ("ENERGY_CHARTS", "AWATTAR", "OCTOPUS", "ENTSOE")
TOKEN = "01234567-89ab-cdef-0123-456789abcdef"  # noqa: S105  (no real one)

Answer = tuple[int, dict[str, str], bytes]


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def text_of(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Services:
    """Prices by the begin of their interval; `faults` are answered first, one each; `asked` are paths and queries."""

    def __init__(self) -> None:
        self.step_s = HOUR_S
        self.known_until = moment("2100-01-01T00:00Z")
        self.price: Callable[[int], float] = lambda second: second // HOUR_S % 97 + 0.25
        self.faults: list[Callable[[BaseHTTPRequestHandler], Answer | None]] = []
        self.asked: list[str] = []
        self.page_rows = 1_500  # the most that Octopus gives at once
        self.address = ""

    def starts(self, first: int, end: int) -> range:
        first = -(-first // self.step_s) * self.step_s
        return range(first, min(end, self.known_until), self.step_s)

    def answer(self, target: str) -> Answer:
        path, query = urlsplit(target).path, {k: v[0] for k, v in parse_qs(urlsplit(target).query).items()}
        if path == "/price":
            return self._json(self._energy_charts(query))
        if path == "/v1/marketdata":
            return self._json(self._awattar(query))
        if path.startswith("/v1/products/AGILE-"):
            return self._json(self._octopus(path, query))
        if path == "/api":
            return self._entsoe(query)
        return 404, {"content-type": "application/json"}, b'{"detail": "Not Found"}'

    @staticmethod
    def _json(tree: object) -> Answer:
        return 200, {"content-type": "application/json"}, json.dumps(tree).encode()

    def _energy_charts(self, query: dict[str, str]) -> object:
        starts = list(self.starts(int(query["start"]), int(query["end"]) + 1))
        prices = [self.price(start) for start in starts]
        return {"license_info": "", "unix_seconds": starts, "price": prices, "unit": "EUR / MWh", "deprecated": False}

    def _awattar(self, query: dict[str, str]) -> object:
        rows = [
            {
                "start_timestamp": start * 1000,
                "end_timestamp": (start + self.step_s) * 1000,
                "marketprice": self.price(start),
                "unit": "Eur/MWh",
            }
            for start in self.starts(int(query["start"]) // 1000, int(query["end"]) // 1000)
        ]
        return {"object": "list", "data": rows, "url": "/at/v1/marketdata"}

    def _octopus(self, path: str, query: dict[str, str]) -> object:
        starts = list(self.starts(moment(query["period_from"]), moment(query["period_to"])))[::-1]
        page, size = int(query.get("page", 1)), min(int(query["page_size"]), self.page_rows)
        shown = starts[(page - 1) * size : page * size]
        more = f"https://elsewhere.example{path}?page={page + 1}" if page * size < len(starts) else None
        rows = [
            {
                "value_exc_vat": self.price(start) / 10,
                "value_inc_vat": self.price(start) / 10 * 1.05,
                "valid_from": text_of(start),
                "valid_to": text_of(start + self.step_s),
                "payment_method": None,
            }
            for start in shown
        ]
        return {"count": len(starts), "next": more, "previous": None, "results": rows}

    def _entsoe(self, query: dict[str, str]) -> Answer:
        if query["securityToken"] != TOKEN:
            return 401, {"content-type": "text/html"}, b"<html>Unauthorized</html>"
        first, end = (
            int(datetime.strptime(query[name], "%Y%m%d%H%M").replace(tzinfo=UTC).timestamp())
            for name in ("periodStart", "periodEnd")
        )
        kind = {"content-type": "text/xml"}
        starts = self.starts(first, end)
        if not len(starts):
            return 200, kind, _NOTHING.encode()
        points = "".join(
            f"<Point><position>{n}</position><price.amount>{self.price(start)}</price.amount></Point>"
            for n, start in enumerate(starts, 1)
        )
        begin, over = (text_of(second)[:16] + "Z" for second in (starts[0], starts[-1] + self.step_s))
        text = _A44.format(zone=query["in_Domain"], begin=begin, over=over, minutes=self.step_s // 60, points=points)
        return 200, kind, text.encode()


_NOTHING = """<?xml version="1.0" encoding="utf-8"?>
<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0">
<Reason><code>999</code><text>No matching data found for Data item Energy Prices [12.1.D]</text></Reason>
</Acknowledgement_MarketDocument>"""
_A44 = """<?xml version="1.0" encoding="utf-8"?>
<Publication_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">
<mRID>made-up</mRID><type>A44</type>
<period.timeInterval><start>{begin}</start><end>{over}</end></period.timeInterval>
<TimeSeries><mRID>1</mRID><businessType>A62</businessType>
<in_Domain.mRID codingScheme="A01">{zone}</in_Domain.mRID><out_Domain.mRID codingScheme="A01">{zone}</out_Domain.mRID>
<contract_MarketAgreement.type>A01</contract_MarketAgreement.type>
<currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name>
<classificationSequence_AttributeInstanceComponent.position>1</classificationSequence_AttributeInstanceComponent.position>
<curveType>A03</curveType>
<Period><timeInterval><start>{begin}</start><end>{over}</end></timeInterval>
<resolution>PT{minutes}M</resolution>{points}</Period>
</TimeSeries></Publication_MarketDocument>"""


# Faults ---------------------------------------------------------------------------------------------------------------
def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], Answer]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: (code, {"content-type": "text/plain", **named}, b"no")


def body(text: bytes, kind: str = "application/json") -> Callable[[BaseHTTPRequestHandler], Answer]:
    return lambda handler: (200, {"content-type": kind}, text)


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    """A body that ends before its length."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"unix_seconds": [')
    handler.close_connection = True


def endless(part: bytes, pause_s: float = 0.0, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """A body that goes on, part after part, until nobody listens any more."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in ({"content-type": "application/json"} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.close_connection = True
        with suppress(OSError):
            for _ in range(10_000):
                handler.wfile.write(part)
                time.sleep(pause_s)

    return write


def hanging(done: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """Nothing is answered until the event is set."""

    def wait(handler: BaseHTTPRequestHandler) -> None:
        done.wait(10)
        handler.close_connection = True

    return wait


@contextmanager
def serving() -> Iterator[Services]:
    """Services that answer at `address`, as long as they are needed."""
    services = Services()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            services.asked.append(self.path)
            found = services.faults.pop(0)(self) if services.faults else services.answer(self.path)
            if found is None:
                return
            code, headers, content = found
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    services.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield services
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def point_to(services: Services, patch: pytest.MonkeyPatch) -> None:
    """Have the program ask these services, whatever this machine is set to."""
    for source in SOURCES:
        patch.setenv(f"VOLTADESK_{source}_ADDRESS", services.address + ("/api" if source == "ENTSOE" else ""))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        patch.delenv(name, raising=False)
        patch.delenv(name.lower(), raising=False)
