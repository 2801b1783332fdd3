"""What the screen shows, frozen: made by the runner's thread, only read by panes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from voltadesk.desk.book import Book
from voltadesk.desk.fleet import Battery
from voltadesk.desk.fund import Redemption
from voltadesk.desk.indicative import Indicative
from voltadesk.desk.market import Home, Market, Order, Plant
from voltadesk.desk.published import FeedState
from voltadesk.desk.roles import ADMIN, ALLOWED, OPERATOR, WHILE_HALTED
from voltadesk.desk.treasury import HELD, RESERVED
from voltadesk.scenario.model import Scenario
from voltadesk.store.projection import TradeRow
from voltadesk.ui.books import Books
from voltadesk.ui.history import History

AS_FAST_AS_IT_GOES = 0  # a speed
ONLY_SHOWS = "this screen only shows: it was opened without trading"
_OF_THE_MARKET = frozenset(
    {"market.advance", "market.set", "order.place", "order.amend", "order.cancel", "home.set", "plant.set"}
)


@dataclass(frozen=True)
class Clock:
    """What is played and how fast. In replay an earlier moment is seen; the market itself goes on meanwhile."""

    is_replay: bool = False
    is_playing: bool = False
    speed: int = 900  # seconds of the market's clock in a second; AS_FAST_AS_IT_GOES
    due_s: float | None = None  # on time.monotonic(): when the next interval is run, or played
    goal_utc: int | None = None  # it goes on until then, as fast as it goes
    behind: int = 0  # intervals that the replay is behind
    rate_per_s: float = 0.0  # intervals run lately
    reason: str = ""  # why it can't be run from here; empty: it can


@dataclass(frozen=True)
class BatteryLine:
    """A battery of the register as it is now."""

    battery: Battery
    fill_wh: int
    available_ppm: int
    cost_e8: int
    book_e8: int
    energy_cost_e8: int
    is_retired: bool
    bought_entry: int = 0  # of the journal, since when it is in the register
    retired_entry: int = 0  # 0 while active


@dataclass(frozen=True)
class Holding:
    """What an investor has [1e-8 share, 1e-8 currency]."""

    actor: str
    shares: int
    shares_waiting: int
    worth_e8: int
    invested_e8: int
    redeemed_e8: int
    declared_e8: int
    withdrawn_e8: int
    due_e8: int


@dataclass(frozen=True)
class FundFigures:
    """The fund now [1e-8 currency]."""

    nav_e8: int
    shares_issued: int
    free_e8: int
    reserved_e8: int
    dividends_held_e8: int
    energy_worth_e8: int
    distributable_profit_e8: int
    capital_e8: int
    profit_e8: int
    dividends: int  # declared so far
    holdings: tuple[Holding, ...]
    queue: tuple[Redemption, ...]

    @property
    def gain_e8(self) -> int:
        """What all that was put in has become more by, or less: paid out or still there."""
        moved_e8 = sum(each.declared_e8 + each.redeemed_e8 - each.invested_e8 for each in self.holdings)
        return self.nav_e8 + moved_e8


@dataclass(frozen=True)
class MarketFigures:
    """The market's rules and participants now."""

    scenario: Scenario  # with the rules as they are set
    band: tuple[int | None, int | None]  # outside of which the desk halts [tick]
    homes: Mapping[str, Home]
    plants: Mapping[str, Plant]
    feed: FeedState | None = None  # how far a feed's prices are known


@dataclass(frozen=True)
class DeskFrame:
    """All that the screen may show."""

    number: int  # of the frame
    sequence: int  # of the journal's last entry
    actor: str
    roles: frozenset[str]
    unsigned: str  # why the actor can't sign here; empty: it can
    is_trial: bool
    currency: str
    zone: ZoneInfo
    step_s: int
    next_utc: int  # start of the next interval; in replay of the one after the last seen
    halted: str
    fault: str  # what went wrong in running; empty: nothing
    clock: Clock
    history: History
    market: MarketFigures | None
    coming: Indicative | None  # not in replay
    tape: tuple[TradeRow, ...]  # receipts of the last intervals seen, newest first
    orders: tuple[Order, ...]  # open, of everybody
    batteries: tuple[BatteryLine, ...]
    fund: FundFigures
    actors: Mapping[str, frozenset[str]]  # roles of each
    offered_to: tuple[str, ...] = ()  # who was offered the ownership
    books: Books | None = None  # not in replay
    since: tuple[TradeRow, ...] = ()  # trades in order books after those of `tape`, newest first

    @property
    def seen_sequence(self) -> int:
        """The entry that what is seen is as of: in replay that of the last interval."""
        is_then = self.clock.is_replay and len(self.history) > 0
        return int(self.history["entry"][-1]) if is_then else self.sequence

    @property
    def in_books(self) -> tuple[str, ...]:
        """The actor's open orders in order books, oldest first."""
        products = () if self.books is None else self.books.products.values()
        return tuple(order.id for order in sorted(order for product in products for order in product.own))

    def ended(self, fault: str) -> DeskFrame:
        """This one as the last there is, and what ended it."""
        clock = replace(self.clock, is_playing=False, reason=fault)
        return replace(self, number=self.number + 1, fault=fault, clock=clock)

    def why_not(self, kind: str, owner: str | None = None) -> str:
        """Why the actor can't give a command of that kind now; empty when it can. `owner` is of the home or plant."""
        if self.clock.is_replay:
            return "replay: L goes back to the live market"
        if self.unsigned:
            return self.unsigned
        needed = frozenset({ADMIN, OPERATOR}) if owner not in (None, self.actor) else ALLOWED[kind]
        if needed and not needed & self.roles:
            return f"needs the role {' or '.join(sorted(needed))}"
        if self.halted and kind not in WHILE_HALTED:
            return "the desk is halted"
        if self.market is None and kind in _OF_THE_MARKET:
            return "the desk has no market"
        return ""


def fund_figures(book: Book) -> FundFigures:
    """The fund as it is now, with every investor's holding."""
    fund = book.fund
    holdings = []
    for name, investor in sorted(fund.investors.items()):
        shares = fund.holding(name)
        holdings.append(
            Holding(
                actor=name,
                shares=shares,
                shares_waiting=investor.shares_waiting,
                worth_e8=fund.worth_e8(shares),
                invested_e8=investor.invested_e8,
                redeemed_e8=investor.redeemed_e8,
                declared_e8=investor.declared_e8,
                withdrawn_e8=investor.withdrawn_e8,
                due_e8=sum(investor.due.values()),
            )
        )
    return FundFigures(
        nav_e8=fund.nav_e8,
        shares_issued=fund.shares_issued,
        free_e8=fund.free_e8,
        reserved_e8=fund.money_e8(RESERVED),
        dividends_held_e8=fund.money_e8(HELD),
        energy_worth_e8=fund.energy_worth_e8,
        distributable_profit_e8=fund.distributable_profit_e8,
        capital_e8=fund.capital_e8,
        profit_e8=fund.realised_profit_e8,
        dividends=fund.dividends,
        holdings=tuple(holdings),
        queue=tuple(fund.queue),
    )


def market_figures(market: Market) -> MarketFigures:
    """The market's rules and participants as they are now."""
    return MarketFigures(
        scenario=market.scenario,
        band=market.band,
        homes={name: market.home(name) for name in market.home_names},
        plants={name: market.plant(name) for name in market.plant_names},
        feed=None if market.published is None else market.published.standing(market.next),
    )


def battery_lines(book: Book) -> tuple[BatteryLine, ...]:
    """The register, retired batteries last."""
    fleet = book.fleet
    lines = [
        BatteryLine(
            battery=registered.battery,
            fill_wh=fleet.fill_wh(name),
            available_ppm=0 if registered.retired_entry else fleet.available_ppm(name, book.now_utc),
            cost_e8=registered.cost_e8,
            book_e8=fleet.book_e8(name),
            energy_cost_e8=fleet.energy_cost_e8(name),
            is_retired=bool(registered.retired_entry),
            bought_entry=registered.bought_entry,
            retired_entry=registered.retired_entry,
        )
        for name, registered in sorted(fleet.register.items())
    ]
    return tuple(sorted(lines, key=lambda line: line.is_retired))
