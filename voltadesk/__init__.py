"""VoltaDesk: a trading desk for local electricity and a battery fleet, in one terminal.

    import voltadesk

    voltadesk.clear([5_000, 4_000], [2_000_000, -3_000_000]).price_tick

Arrays in, arrays out, in whole numbers: energy in Wh, prices in ticks of 0.01 per MWh, money in 1e-8 of the currency,
time in seconds since 1970 in UTC. What can't be done raises a `VoltaDeskError`, in the words of the command line.
`docs/python.md` tells all of it. Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Where each name comes from. The imports below say the same to type checkers and editors.
_FROM = {
    "NO_PRICE_TICK": "voltadesk.engine.tables",
    "Backtested": "voltadesk.api.backtests",
    "BadInput": "voltadesk.errors",
    "Book": "voltadesk.engine.book",
    "CheckFailed": "voltadesk.errors",
    "Cleared": "voltadesk.engine.cleared",
    "MissingExtra": "voltadesk.errors",
    "PriceFile": "voltadesk.feeds.prices.series",
    "Replayed": "voltadesk.api.market",
    "Scheduled": "voltadesk.api.storage",
    "Settled": "voltadesk.api.communities",
    "Unit": "voltadesk.report.backtest",
    "VoltaDeskError": "voltadesk.errors",
    "backtest": "voltadesk.api.backtests",
    "battery": "voltadesk.api.storage",
    "book_events": "voltadesk.engine.book_events",
    "clear": "voltadesk.api.auctions",
    "prices": "voltadesk.api.series",
    "replay": "voltadesk.api.market",
    "schedule": "voltadesk.api.storage",
    "series": "voltadesk.api.series",
    "settle": "voltadesk.api.communities",
}

if TYPE_CHECKING:
    from voltadesk.api.auctions import clear
    from voltadesk.api.backtests import Backtested, backtest
    from voltadesk.api.communities import Settled, settle
    from voltadesk.api.market import Replayed, replay
    from voltadesk.api.series import prices, series
    from voltadesk.api.storage import Scheduled, battery, schedule
    from voltadesk.engine import book_events
    from voltadesk.engine.book import Book
    from voltadesk.engine.cleared import Cleared
    from voltadesk.engine.tables import NO_PRICE_TICK
    from voltadesk.errors import BadInput, CheckFailed, MissingExtra, VoltaDeskError
    from voltadesk.feeds.prices.series import PriceFile
    from voltadesk.report.backtest import Unit
else:

    def __getattr__(name: str) -> object:
        if name not in _FROM:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(_FROM[name])
        found = module if name == "book_events" else getattr(module, name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "NO_PRICE_TICK",
    "Backtested",
    "BadInput",
    "Book",
    "CheckFailed",
    "Cleared",
    "MissingExtra",
    "PriceFile",
    "Replayed",
    "Scheduled",
    "Settled",
    "Unit",
    "VoltaDeskError",
    "backtest",
    "battery",
    "book_events",
    "clear",
    "prices",
    "replay",
    "schedule",
    "series",
    "settle",
]
