"""Day-ahead prices of the ENTSO-E transparency platform as it has them (A44 XML), asked for through entsoe-py.

The token goes to the platform alone: no error tells it, and an answer that sends elsewhere is not followed.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from voltadesk.errors import BadInput, MissingExtra, NoAnswer
from voltadesk.feeds.live.asking import (
    NOT_THERE,
    PASSING,
    SILENCE_S,
    Fault,
    Told,
    body_of,
    persist,
    retry_after_s,
    shown,
)
from voltadesk.feeds.times import Span

if TYPE_CHECKING:
    import requests

PART = 1 << 16  # bytes that are read at once, or fewer as they come
SEVERAL_AUCTIONS = ("DE_LU", "AT")  # zones of which sequence 1 is the coupled auction


def ask_entsoe(place: str, address: str, token: str, zone: str, span: Span, told: Told) -> bytes | None:
    """The platform's document for a zone and a span, None where it has nothing.

    Raises NoAnswer, BadInput for a zone that it does not know, MissingExtra without the library.
    """
    try:
        import pandas
        import requests
        from entsoe import entsoe as library
        from entsoe.mappings import lookup_area
        from urllib3.exceptions import HTTPError, ReadTimeoutError
    except ImportError:
        raise MissingExtra("feeds-eu", "prices from entsoe") from None

    try:
        area = lookup_area(zone.replace("-", "_"))
    except ValueError:
        raise BadInput("zone", zone, "must be a bidding zone that ENTSO-E has, such as DE-LU") from None
    first, end = (pandas.Timestamp(second, unit="s", tz="UTC") for second in span)
    sequence = 1 if area.name in SEVERAL_AUCTIONS else None

    def receive(response: requests.Response, **_: Any) -> None:
        """Read an answer within its bounds before the library does, which has none."""
        came = response.raw
        try:
            response.raw = BytesIO(body_of(iter(lambda: came.read1(PART, decode_content=True), b""), place))
        except ReadTimeoutError:
            raise Fault(f"did not answer within {SILENCE_S:g} s") from None
        except HTTPError as error:
            raise Fault(f"the connection failed ({type(error).__name__})") from None
        finally:
            came.close()

    def once() -> bytes | None:
        with requests.Session() as session:
            session.max_redirects = 0
            session.hooks["response"].append(receive)
            client = library.EntsoeRawClient(token, session, retry_count=1, retry_delay=0, timeout=SILENCE_S)
            try:
                return str(client.query_day_ahead_prices(area, first, end, sequence=sequence)).encode()
            except library.NoMatchingDataError:
                return None
            except requests.TooManyRedirects:
                raise NoAnswer(f"{place}: sends elsewhere: not followed, set the address if it moved") from None
            except requests.HTTPError as error:
                raise _declined(place, error.response) from None
            except requests.Timeout:
                raise Fault(f"did not answer within {SILENCE_S:g} s") from None
            except (
                requests.exceptions.InvalidURL,
                requests.exceptions.InvalidSchema,
                requests.exceptions.MissingSchema,
            ):
                raise BadInput(
                    "address", shown(address), "must be an address such as https://example.org/api"
                ) from None
            except requests.RequestException as error:  # its text may tell the address with the token
                raise Fault(f"the connection failed ({type(error).__name__})") from None
            except (library.PaginationError, library.InvalidBusinessParameterError):
                raise BadInput("zone", zone, f"{place} has no such prices") from None

    library.URL = address  # the library has one address for all of its clients
    return persist(place, once, told)


def _declined(place: str, response: requests.Response) -> Exception:
    status = response.status_code
    if status in (401, 403):
        return BadInput("token", None, f"was refused by {place}, which answered {status}")
    if status in PASSING:
        return Fault(f"answered {status}", retry_after_s(response.headers.get("retry-after", "")))
    if status in NOT_THERE:
        return BadInput("zone", None, f"{place} answered {status}: must be a zone and days that it has")
    return NoAnswer(f"{place}: answered {status}")
