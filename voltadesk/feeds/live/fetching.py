"""Prices from a service into a series: asked for in pieces, then read and checked as files of that service are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from voltadesk.clock import local_midnight_utc, time_zone, utc_text
from voltadesk.errors import BadInput, NoAnswer
from voltadesk.feeds.live.asking import Told, ask_json, shown
from voltadesk.feeds.live.entsoe import ask_entsoe
from voltadesk.feeds.live.settings import FeedSettings, variable
from voltadesk.feeds.live.sources import NAMES, Source
from voltadesk.feeds.prices.layout import Layout, Suspects
from voltadesk.feeds.prices.shelf import Gathered, gather
from voltadesk.feeds.times import Span

PIECE_S = 90 * 86_400
DAYS_LIMIT = 3_660
PAGES_LIMIT = 20  # of one piece


class Document(NamedTuple):
    """What a service answered, under the name of a file that would hold it."""

    name: str
    body: bytes


def span_of_days(source: Source, first: date, last: date) -> Span:
    """From the beginning of a day to the end of another, as the service has days [s UTC]. Raises BadInput."""
    if not date(2000, 1, 1) <= first <= last <= date(2199, 12, 31):
        raise BadInput(
            "to",
            str(last),
            f"must not be before the first day (--from), {first}, and both must be of the years 2000 to 2199",
        )
    if (last - first).days >= DAYS_LIMIT:
        raise BadInput("from", str(first), f"must be less than {DAYS_LIMIT:,} days before --to")
    zone = time_zone(source.days)
    return local_midnight_utc(first, zone), local_midnight_utc(last + timedelta(days=1), zone)


def documents(source: Source, zone: str, span: Span, told: Told) -> list[Document]:
    """What the service has for the zone and the span; each try that failed is told.

    Raises NoAnswer where it does not answer or has nothing, BadInput for what it does not know, MissingExtra.
    """
    settings = FeedSettings(NAMES)
    address = (settings.get(source.name, "address") or source.address(zone)).rstrip("/")
    place = f"{source.name} ({shown(address)})"
    found: list[Document] = []
    for piece in _pieces(span):
        for n, body in enumerate(_bodies(source, address, place, zone, piece, settings, told), 1):
            kind = "xml" if source.asked is None else "json"
            page = f"-page-{n}" if n > 1 else ""
            found.append(Document(f"{source.name}-{zone}-{utc_text(piece[0])[:10]}{page}.{kind}".lower(), body))
    if not found:
        raise NoAnswer(f"{place}: has no prices of {zone} from {utc_text(span[0])} to {utc_text(span[1])}")
    return found


def _pieces(span: Span) -> Iterator[Span]:
    for first in range(span[0], span[1], PIECE_S):
        yield first, min(first + PIECE_S, span[1])


def _bodies(
    source: Source, address: str, place: str, zone: str, span: Span, settings: FeedSettings, told: Told
) -> Iterator[bytes]:
    """The answers for one piece that hold prices."""
    if source.asked is None:
        token = settings.get(source.name, "token")
        if token is None:
            limit = f"must be set: in {variable(source.name, 'token')}, or as {source.name}.token in {settings.path}"
            raise BadInput("token", None, limit)
        body = ask_entsoe(place, address, token, zone, span, told)
        if body is not None:
            yield body
        return
    path, params = source.asked(zone, span)
    for page in range(1, PAGES_LIMIT + 1):
        body, tree = ask_json(place, address + path, params | ({"page": page} if page > 1 else {}), told)
        rows = tree.get(source.rows) if isinstance(tree, dict) else None
        if not isinstance(rows, list):
            raise BadInput(source.rows, None, "must be a list in the answer", place)
        if rows:
            yield body
        if not source.is_paged or not tree.get("next"):
            return
    raise NoAnswer(f"{place}: has more than {PAGES_LIMIT} pages")


def gather_documents(
    found: Sequence[Document], layout: Layout, suspects: Suspects, name: str | None = None, *, replaces: bool = False
) -> Gathered:
    """The series that documents hold together, after what is kept under that name, or in place of it where told.

    Raises BadInput as `gather` does; places name the documents.
    """
    with TemporaryDirectory(prefix="voltadesk-") as made:
        paths = [Path(made) / document.name for document in found]
        for path, document in zip(paths, found, strict=True):
            path.write_bytes(document.body)
        try:
            gathered = gather(paths, layout, suspects, name, replaces=replaces)
        except BadInput as error:
            raise BadInput(error.field, error.value, error.limit, error.where.replace(f"{made}/", "")) from None
        findings = tuple(
            replace(finding, where=finding.where.replace(f"{made}/", "")) for finding in gathered.series.findings
        )
        return replace(gathered, series=replace(gathered.series, findings=findings))
