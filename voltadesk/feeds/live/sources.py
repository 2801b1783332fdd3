"""The services that prices are fetched from: where they are, what they are asked, what days they go by.

energy-charts.info (Fraunhofer ISE, `/price`), aWATTar (`/v1/marketdata`) and Octopus Energy (unit rates of the Agile
products) answer anyone, in JSON; the ENTSO-E transparency platform (documents A44) asks for a token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from voltadesk.clock import utc_text
from voltadesk.errors import BadInput
from voltadesk.feeds.prices.zones import same_zone, zone_name
from voltadesk.feeds.times import Span

AUCTION_DAYS = "Europe/Brussels"  # the coupled auction's days, whatever the zone
PAGE_ROWS = 1_500  # the most that Octopus gives at once

_AGILE = re.compile(r"(?:E-1R-)?(AGILE-[A-Z0-9-]*\d)-([A-HJ-NP])", re.ASCII)

Asked = tuple[str, dict[str, str | int]]  # path below the address, parameters


@dataclass(frozen=True)
class Source:
    """A service: `zone` gives the one name of a zone that it has, `asked` what to ask for a zone and a span."""

    name: str
    days: str  # on whose clock its days are
    zone: Callable[[str], str]
    addresses: Mapping[str, str]  # by zone; under "" for all of them
    asked: Callable[[str, Span], Asked] | None = None  # None: through a library
    rows: str = ""  # where its answer has the list of them
    is_paged: bool = False
    column: str | None = None  # of the prices, where there are several

    def address(self, zone: str) -> str:
        """Where it is, unless another address is set."""
        return self.addresses.get(zone) or self.addresses[""]


def _any_zone(text: str) -> str:
    zone = zone_name(text)
    if not re.fullmatch(r"[A-Za-z0-9_-]{2,30}", zone, re.ASCII):
        raise BadInput("zone", text, "must be a bidding zone such as DE-LU")
    return zone


def _awattar_zone(text: str) -> str:
    for zone in ("DE-LU", "AT"):
        if same_zone(text, zone):
            return zone
    raise BadInput("zone", text, "must be DE-LU or AT: aWATTar has no other")


def _agile_zone(text: str) -> str:
    match = _AGILE.fullmatch(text.strip().upper())
    if match is None:
        limit = "must be an Agile product and a region (A to P without I and O) such as AGILE-24-10-01-C"
        raise BadInput("zone", text, limit)
    return f"{match[1]}-{match[2]}"


def _energy_charts(zone: str, span: Span) -> Asked:
    return "/price", {"bzn": zone, "start": span[0], "end": span[1] - 1}  # its end belongs to it


def _awattar(zone: str, span: Span) -> Asked:
    return "/v1/marketdata", {"start": span[0] * 1000, "end": span[1] * 1000}


def _octopus(zone: str, span: Span) -> Asked:
    product, region = zone[:-2], zone[-1]
    tariff = f"E-1R-{product}-{region}"
    params: dict[str, str | int] = {"page_size": PAGE_ROWS}
    params |= {"period_from": utc_text(span[0]), "period_to": utc_text(span[1])}
    return f"/v1/products/{product}/electricity-tariffs/{tariff}/standard-unit-rates/", params


SOURCES = {
    source.name: source
    for source in (
        Source("energy-charts", AUCTION_DAYS, _any_zone, {"": "https://api.energy-charts.info"},
               _energy_charts, "unix_seconds"),
        Source("awattar", AUCTION_DAYS, _awattar_zone,
               {"DE-LU": "https://api.awattar.de", "AT": "https://api.awattar.at"}, _awattar, "data"),
        Source("octopus", "Europe/London", _agile_zone, {"": "https://api.octopus.energy"},
               _octopus, "results", is_paged=True, column="value_exc_vat"),
        Source("entsoe", AUCTION_DAYS, _any_zone, {"": "https://web-api.tp.entsoe.eu/api"}),
    )
}  # fmt: skip
NAMES = tuple(SOURCES)


def source_of(name: str) -> Source:
    """The service of that name. Raises BadInput."""
    if name not in SOURCES:
        raise BadInput("source", name, f"must be one of {', '.join(NAMES)}")
    return SOURCES[name]
