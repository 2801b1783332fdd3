"""`voltadesk prices fetch`: what services answer becomes a series like any other, or one line and nothing kept."""

from __future__ import annotations

import gzip
import json
import socket
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests import services as s
from tests.commands import Done, call
from voltadesk.feeds.live import asking, entsoe

DAYS = ("--from", "2026-03-28", "--to", "2026-03-29")  # the second has 23 hours


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "shelf"
    monkeypatch.setenv("VOLTADESK_PRICES", str(folder))
    monkeypatch.setenv("VOLTADESK_FEEDS", str(tmp_path / "feeds.toml"))
    yield folder
    if folder.exists():  # whatever was refused left nothing half done
        kept = {json.loads(path.read_text())["parquet"] for path in folder.glob("*.json")}
        assert {path.name for path in folder.iterdir() if path.suffix != ".json"} == kept


@pytest.fixture
def services(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[s.Services]:
    with s.serving() as running:
        s.point_to(running, monkeypatch)
        yield running


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it was waited for another try."""
    waited: list[float] = []
    monkeypatch.setattr(asking, "pause", waited.append)
    return waited


def fetch(*arguments: str) -> Done:
    return call("prices", "fetch", *arguments)


def done(*arguments: str) -> dict:
    answer = fetch(*arguments, "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out, parse_float=Decimal)


@pytest.mark.parametrize(
    ("source", "zone", "kept", "days"),
    [
        ("energy-charts", "DE_LU", "DE-LU", "Europe/Brussels"),
        ("awattar", "at", "AT", "Europe/Brussels"),
        ("entsoe", "10Y1001A1001A82H", "DE-LU", "Europe/Brussels"),
        ("octopus", "E-1R-AGILE-24-10-01-C", "AGILE-24-10-01-C", "Europe/London"),
    ],
)
def test_a_source_becomes_a_series(
    services: s.Services, monkeypatch: pytest.MonkeyPatch, source: str, zone: str, kept: str, days: str
) -> None:
    monkeypatch.setenv("VOLTADESK_ENTSOE_TOKEN", s.TOKEN)
    tree = done(source, "--zone", zone, *DAYS)
    first = s.moment("2026-03-28T00:00Z" if days == "Europe/London" else "2026-03-27T23:00Z")
    assert (tree["name"], tree["zone"]) == (f"{source}-{kept.lower()}", kept)
    assert (tree["start_utc"], tree["intervals"]) == (s.text_of(first)[:16] + "Z", 47)
    assert tree["timezone"] == days
    assert tree["currency"] == ("GBP" if source == "octopus" else "EUR")
    assert tree["fetched"] == {
        "source": source, "from_utc": tree["start_utc"], "to_utc": tree["end_utc"], "replaced": 0
    }  # fmt: skip
    assert [part["format"] for part in tree["sources"]] == ["entsoe-a44" if source == "entsoe" else source]
    exported = call("prices", "export", tree["name"]).out.splitlines()[1:]
    factor = 1  # Octopus: a tenth in p/kWh is the price per MWh
    assert [Decimal(row.split(",")[2]) for row in exported] == [
        Decimal(str(services.price(first + n * s.HOUR_S) * factor)) for n in range(47)
    ]
    assert s.TOKEN not in call("prices", "show", tree["name"], "--json").out


def test_octopus_is_asked_page_by_page_and_never_elsewhere(services: s.Services) -> None:
    services.step_s, services.page_rows = 1800, 40
    tree = done("octopus", "--zone", "agile-24-10-01-c", *DAYS, "--column", "value_inc_vat")
    assert (tree["intervals"], len(tree["sources"]), len(services.asked)) == (94, 3, 3)
    assert tree["sources"][0]["column"] == "value_inc_vat"
    assert all("/standard-unit-rates/?page_size=1500" in asked for asked in services.asked)


def test_long_spans_are_asked_for_in_pieces(services: s.Services) -> None:
    services.step_s = 900
    tree = done("energy-charts", "--zone", "FR", "--from", "2025-01-01", "--to", "2025-12-31")
    assert (tree["intervals"], len(services.asked)) == (365 * 96, 5)


@pytest.mark.parametrize(
    ("fault", "said", "wait_s"),
    [
        (s.status(500), "answered 500", 1),
        (s.status(429, retry_after="7"), "answered 429", 7),
        (s.status(503, retry_after="soon"), "answered 503", 1),
        (s.cut_short, "peer closed connection", 1),
        (s.body(b'{"unix_seconds": ['), "no JSON", 1),
    ],
)
def test_what_passes_is_asked_again_and_told(
    services: s.Services, pauses: list[float], fault: object, said: str, wait_s: int
) -> None:
    services.faults = [fault, fault]
    answer = fetch("energy-charts", "--zone", "DE-LU", *DAYS)
    assert answer.code == 0
    lines = answer.err.splitlines()
    assert len(lines) == 2
    assert all(said in line and line.startswith("energy-charts (http://127.0.0.1") for line in lines)
    assert pauses == [wait_s, max(wait_s, 4)]


PAGE = b"<html>Wartung</html>"


@pytest.mark.parametrize(
    ("faults", "code", "said"),
    [
        ([s.status(500)] * 4, 6, "answered 500 (asked 4 times)"),
        ([s.cut_short] * 4, 6, "(asked 4 times)"),
        ([s.status(429, retry_after="3600")], 6, "asks to wait 3,600 s"),
        ([s.status(418)], 6, "answered 418"),
        ([s.status(204)], 6, "answered 204"),
        ([s.status(404)], 3, "answered 404: must be a zone and days that it has"),
        ([s.status(302, location="http://elsewhere.example/")], 6, "go to http://elsewhere.example/: not followed"),
        ([s.body(PAGE, "text/html")], 6, "answered with text/html, not with JSON"),
        ([s.body(b'{"unix_seconds": [], "price": []}')], 6, "has no prices of DE-LU from 2026-03-27T23:00Z"),
        ([s.body(b'{"prices": "none"}')], 3, "unix_seconds: must be a list in the answer"),
        ([s.body(b"[1, 2]")], 3, "unix_seconds: must be a list in the answer"),
        ([s.body(b'{"unix_seconds": [1774648800, 1774652400], "price": [1.5, "much"], "unit": "EUR / MWh"}')], 3,
         "energy-charts-de-lu-2026-03-27.json: entry 2"),
        ([s.body(b'{"unix_seconds": [1774648800, 1774652400], "price": [1.5, null], "unit": "EUR / MWh"}')], 3,
         "energy-charts-de-lu-2026-03-27.json: entry 2"),
    ],
)  # fmt: skip
def test_what_stays_in_the_way_is_one_line_and_nothing_is_kept(
    services: s.Services, shelf: Path, faults: list, code: int, said: str
) -> None:
    services.faults = list(faults)
    answer = fetch("energy-charts", "--zone", "DE-LU", *DAYS)
    assert answer.code == code
    last = answer.err.splitlines()[-1]
    assert last.startswith("voltadesk: ")
    assert said in last
    assert "/tmp" not in answer.err  # noqa: S108
    assert (answer.out, shelf.exists()) == ("", False)


def no_name(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_a_service_that_says_nothing_or_is_not_there(
    services: s.Services, monkeypatch: pytest.MonkeyPatch, shelf: Path
) -> None:
    monkeypatch.setattr(asking, "SILENCE_S", 0.05)
    over = threading.Event()
    services.faults = [s.hanging(over)] * 4
    answer = fetch("awattar", "--zone", "AT", *DAYS)
    over.set()
    assert answer.code == 6
    assert "did not answer within 0.05 s (asked 4 times)" in answer.err
    monkeypatch.setenv("VOLTADESK_AWATTAR_ADDRESS", "http://ann:secret@127.0.0.1:9")
    answer = fetch("awattar", "--zone", "AT", *DAYS)
    assert "awattar (http://127.0.0.1:9): " in answer.err
    assert "Connection refused (asked 4 times)" in answer.err
    assert "secret" not in answer.err
    monkeypatch.setenv("VOLTADESK_AWATTAR_ADDRESS", "http://nobody.invalid")
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", no_name)
        answer = fetch("awattar", "--zone", "AT", *DAYS)
    assert answer.code == 6
    assert "awattar (http://nobody.invalid): the name of the service can't be found (asked 4 times)" in answer.err
    monkeypatch.setenv("VOLTADESK_AWATTAR_ADDRESS", "nowhere")
    answer = fetch("awattar", "--zone", "AT", *DAYS)
    assert (answer.code, "must be an address such as" in answer.err) == (3, True)
    assert not shelf.exists()


@pytest.mark.parametrize("source", ["awattar", "entsoe"])
def test_an_answer_is_bounded_in_size_and_time(
    services: s.Services, monkeypatch: pytest.MonkeyPatch, shelf: Path, source: str
) -> None:
    monkeypatch.setenv("VOLTADESK_ENTSOE_TOKEN", s.TOKEN)
    monkeypatch.setattr(asking, "BODY_LIMIT", 1 << 20)
    for fault in (
        s.endless(b" " * 65_536),
        s.body(b" " * (2 << 20)),
        s.endless(gzip.compress(b" " * (64 << 20)), content_encoding="gzip"),
    ):
        services.faults = [fault]
        answer = fetch(source, "--zone", "AT", *DAYS)
        assert (answer.code, "answered more than 1 MiB" in answer.err) == (6, True), answer.err
    monkeypatch.setattr(asking, "TRY_S", 0.2)
    services.faults = [s.endless(b" ", 0.02)] * 4
    answer = fetch(source, "--zone", "AT", *DAYS)
    assert (answer.code, "did not end within 0.2 s (asked 4 times)" in answer.err) == (6, True), answer.err
    assert not shelf.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nordpool", "--zone", "FI"), "source = nordpool: must be one of energy-charts, awattar, octopus, entsoe"),
        (("awattar", "--zone", "FR"), "zone = FR: must be DE-LU or AT"),
        (("octopus", "--zone", "AGILE-24-10-01"), "zone = AGILE-24-10-01: must be an Agile product and a region"),
        (("energy-charts", "--zone", "D/../E"), "zone = D/../E: must be a bidding zone"),
        (("energy-charts", "--zone", "FR", "--from", "2026-13-01"), "from = 2026-13-01: must be a day"),
        (("energy-charts", "--zone", "FR", "--from", "2026-02-01", "--to", "2026-01-01"), "to = 2026-01-01: must not"),
        (("energy-charts", "--zone", "FR", "--name", "Ä"), "name = Ä: must be"),
        (("entsoe", "--zone", "DE-LU"), "token: must be set: in VOLTADESK_ENTSOE_TOKEN, or as entsoe.token in "),
    ],
)
def test_what_can_t_be_asked_asks_nobody(services: s.Services, arguments: tuple[str, ...], said: str) -> None:
    answer = fetch(*arguments)
    assert (answer.code, services.asked) == (3, [])
    assert said in answer.err


# On the shelf ---------------------------------------------------------------------------------------------------------
def test_a_series_goes_on_from_its_last_day(services: s.Services, shelf: Path) -> None:
    done("energy-charts", "--zone", "DE-LU", *DAYS)
    services.known_until = s.moment("2026-03-30T22:00Z")
    services.asked.clear()
    answer = fetch("energy-charts", "--zone", "DE-LU", "--to", "2026-03-31", "--json")
    tree = json.loads(answer.out)
    assert (tree["start_utc"], tree["end_utc"], tree["intervals"]) == ("2026-03-27T23:00Z", "2026-03-30T22:00Z", 71)
    assert f"start={s.moment('2026-03-28T23:00Z')}" in services.asked[0]
    assert "has prices of DE-LU until 2026-03-30T22:00Z, not yet until 2026-03-31T22:00Z" in answer.err
    assert len(tree["sources"]) == 2
    again = done("energy-charts", "--zone", "DE-LU", "--to", "2026-03-30")
    assert again["sources"] == tree["sources"]  # nothing new, so nothing to tell of


def test_a_price_that_changed_is_refused_unless_it_may_replace(services: s.Services) -> None:
    before = done("energy-charts", "--zone", "DE-LU", *DAYS)
    usual, late = services.price, s.moment("2026-03-29T10:00Z")
    services.price = lambda second: 555.5 if second == late else usual(second)
    answer = fetch("energy-charts", "--zone", "DE-LU", "--to", "2026-03-29")
    assert answer.code == 3
    assert "is given twice" in answer.err
    assert call("prices", "show", "energy-charts-de-lu", "--json").out.count(before["parquet_sha256"]) == 1
    answer = fetch("energy-charts", "--zone", "DE-LU", "--to", "2026-03-29", "--replace", "--json")
    tree = json.loads(answer.out)
    assert (answer.code, tree["fetched"]["replaced"], tree["intervals"]) == (0, 1, 47)
    assert "1 kept price gave way" in answer.err
    assert Decimal(str(tree["highest_per_mwh"])) == Decimal("555.50")


def test_another_zone_does_not_get_under_the_same_name(services: s.Services) -> None:
    done("energy-charts", "--zone", "DE-LU", *DAYS, "--name", "a")
    answer = fetch("energy-charts", "--zone", "FR", *DAYS, "--name", "a")
    assert (answer.code, "zone = FR: must be DE-LU" in answer.err) == (3, True)


# ENTSO-E --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("faults", "code", "said"),
    [
        ([s.status(503)] * 4, 6, "answered 503 (asked 4 times)"),
        ([s.status(429, retry_after="3600")], 6, "asks to wait 3,600 s"),
        ([s.status(302, location="http://127.0.0.1:9/")], 6, "sends elsewhere: not followed"),
        ([s.status(400)], 3, "answered 400: must be a zone and days that it has"),
        ([s.body(s._NOTHING.encode(), "text/xml")], 6, "has no prices of FR"),
        ([s.body(PAGE, "text/html")], 3, "entsoe-fr-2026-03-27.xml"),
        ([s.cut_short] * 4, 6, "(asked 4 times)"),
    ],
)
def test_entsoe_s_faults_never_tell_the_token(
    services: s.Services, shelf: Path, monkeypatch: pytest.MonkeyPatch, faults: list, code: int, said: str
) -> None:
    monkeypatch.setenv("VOLTADESK_ENTSOE_TOKEN", s.TOKEN)
    services.faults = list(faults)
    answer = call("--debug", "prices", "fetch", "entsoe", "--zone", "FR", *DAYS)
    assert (answer.code, said in answer.err, s.TOKEN in answer.err) == (code, True, False), answer.err
    assert len(services.asked) == (4 if len(faults) == 4 else 1)
    assert not shelf.exists()


def test_the_token_is_refused_or_lies_open(services: s.Services, tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text('[entsoe]\ntoken = "wrong"\n', "utf-8")
    path.chmod(0o644)
    answer = fetch("entsoe", "--zone", "FR", *DAYS)
    assert (answer.code, "others may read: chmod it to 0600" in answer.err, services.asked) == (3, True, [])
    path.chmod(0o600)
    answer = fetch("entsoe", "--zone", "FR", *DAYS)
    assert (answer.code, "token: was refused by entsoe" in answer.err) == (3, True)
    assert "wrong" not in answer.err
    path.write_text(f'[entsoe]\ntoken = "{s.TOKEN}"\n', "utf-8")
    assert fetch("entsoe", "--zone", "FR", *DAYS).code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("entsoe = 3", "entsoe: must be the table of a service"),
        ("[nord]\n", "nord: must be the table of a service: energy-charts, awattar, octopus, entsoe"),
        ("[entsoe]\nsecret = 'x'\n", "entsoe.secret: is no setting: there are address, token"),
        ("[awattar]\naddress = 3\n", "awattar.address: must be text in quotes"),
        ("[", "settings: can't be read: is no TOML"),
    ],
)
def test_settings_that_are_none(services: s.Services, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "feeds.toml").write_text(text, "utf-8")
    answer = fetch("energy-charts", "--zone", "FR", *DAYS)
    assert (answer.code, said in answer.err) == (3, True), answer.err


@pytest.mark.parametrize(
    ("source", "library", "extra"), [("awattar", "httpx2", "feeds"), ("entsoe", "entsoe", "feeds-eu")]
)
def test_a_missing_library_is_answered_with_the_line_that_installs_it(
    services: s.Services, monkeypatch: pytest.MonkeyPatch, source: str, library: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setenv("VOLTADESK_ENTSOE_TOKEN", s.TOKEN)
    answer = fetch(source, "--zone", "AT", *DAYS)
    assert (answer.code, f"pip install 'voltadesk[{extra}]'" in answer.err) == (5, True)


def test_how_long_a_service_asks_to_wait() -> None:
    assert [asking.retry_after_s(text) for text in ("", "12", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "-3")] == [
        0, 12, 0, 0, 0
    ]  # fmt: skip
    assert asking.retry_after_s("Wed, 21 Oct 2099 07:28:00 GMT") > 10**9
    assert asking.retry_after_s("Wed, 21 Oct 2015 07:28:00 +99999999999999") == 0
    assert entsoe.SEVERAL_AUCTIONS == ("DE_LU", "AT")
