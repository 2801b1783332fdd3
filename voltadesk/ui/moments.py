"""Times as they are typed on the screen."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from voltadesk.errors import BadInput

_AWAY = re.compile(r"([+-])([0-9]{1,6})([mhdw])")
_UNIT_S = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LIMIT = "must be a time such as 14:15, 2026-05-27T12:00, 2026-05-27T10:00Z or +6h"


def moment_utc(text: str, zone: ZoneInfo, now_utc: int, field: str = "time") -> int:
    """A moment [s UTC]: of the day that is shown, of any day on the market's clock or in UTC, or so far away from now.

    Raises BadInput.
    """
    words = text.strip().replace("−", "-")
    if away := _AWAY.fullmatch(words):
        seconds = int(away[2]) * _UNIT_S[away[3]]
        return now_utc + (seconds if away[1] == "+" else -seconds)
    try:
        if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", words):
            hour, minute = map(int, words.split(":"))
            local = datetime.combine(datetime.fromtimestamp(now_utc, zone), time(hour, minute), zone)
        else:
            local = datetime.fromisoformat(words)
            local = local if local.tzinfo else local.replace(tzinfo=zone)
        if not 1971 <= local.year <= 2999:
            raise ValueError
    except ValueError:
        raise BadInput(field, text, LIMIT) from None
    return int(local.astimezone(UTC).timestamp())


def next_utc(text: str, zone: ZoneInfo, now_utc: int, field: str = "time") -> int:
    """The same, but a time of day that is over is meant for the next day. Raises BadInput."""
    moment = moment_utc(text, zone, now_utc, field)
    if moment <= now_utc and re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", text.strip()):
        local = datetime.fromtimestamp(moment, zone)
        moment = int((local.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone).timestamp())
    return moment
