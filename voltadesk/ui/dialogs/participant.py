"""A home's or a plant's own page: what it bought and sold, its receipts, its settings and the key to alter them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.content import Content
from textual.screen import ModalScreen

from voltadesk.desk.fields import NO, YES
from voltadesk.desk.market import Home, Plant
from voltadesk.scenario.model import Plant as Built
from voltadesk.store.projection import TradeRow
from voltadesk.store.records import Records
from voltadesk.ui.axes import Ints64
from voltadesk.ui.charts.figures import Figure, Figures, figure
from voltadesk.ui.charts.lines import LineChart, Series
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import DOWN, FAULT, OWN, UP, change_ink
from voltadesk.ui.inquiry import Inquiry
from voltadesk.ui.magnitude import unit_for
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.receipts import CENTS, ENERGY, ReceiptRows, receipt_columns
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import KW, MONEY_CHANGE, PRICE, Number, clean, stamp_text
from voltadesk.units import decimal_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

INTERVALS = 96  # of which the page tells
_PERCENT = Number(2, 0)  # from basis points


@dataclass(frozen=True)
class Past:
    """A participant's receipts in the last intervals, and what they come to in each of them, all (n,)."""

    starts_utc: Ints64
    trades: tuple[TradeRow, ...]  # the latest first
    bought_wh: Ints64
    sold_wh: Ints64
    money_e8: Ints64  # fees included
    entries: tuple[int, int]  # of the first interval and the last


def past_of(starts_utc: Ints64, trades: Sequence[TradeRow], first: int = 0, last: int = -1) -> Past:
    """Receipts, oldest first, laid out over the intervals that start then, which those entries ran."""
    at = np.searchsorted(starts_utc, np.array([trade.start_utc for trade in trades], np.int64))
    energy_wh = np.array([trade.energy_wh for trade in trades], np.int64)
    sums = np.zeros((3, len(starts_utc)), np.int64)
    np.add.at(sums[0], at, np.maximum(energy_wh, 0))
    np.add.at(sums[1], at, np.maximum(-energy_wh, 0))
    np.add.at(sums[2], at, np.array([trade.amount_e8 + trade.fees_e8 for trade in trades], np.int64))
    return Past(starts_utc, tuple(trades[::-1]), sums[0], sums[1], sums[2], (first, last))


class ParticipantScreen(ModalScreen[None]):
    """Follows the frames while it is open. Escape closes it; `a` asks for other settings."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    DEFAULT_CSS = """
    ParticipantScreen { align: center middle; }
    ParticipantScreen > Grid { width: 94%; height: 92%; max-width: 190; border: round $border; background: $surface;
                               border-title-color: $ink-up; border-title-style: bold; grid-gutter: 0;
                               border-subtitle-color: $ink-faint; scrollbar-size-vertical: 1; }
    ParticipantScreen.-refused > Grid { border-subtitle-color: $ink-fault; }
    ParticipantScreen.-wide > Grid { grid-size: 2 3; grid-columns: 1fr 1fr; grid-rows: 10 1fr 1fr; }
    ParticipantScreen.-wide #receipts { row-span: 2; }
    ParticipantScreen.-wide #settings { column-span: 2; }
    ParticipantScreen.-narrow > Grid { width: 100%; height: 100%; grid-size: 1; grid-rows: 9 11 9 11;
                                       overflow-y: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        # Before what else Escape is for in tables and charts: it is what leaves a page.
        Binding("escape", "close", "Close", priority=True, id="participant.close"),
        Binding("q", "close", "Close", show=False, id="participant.quit"),
        Binding("a", "alter", "Alter", id="participant.alter"),
        Binding("tab", "app.focus_next", "Next pane", show=False, id="participant.next"),
        Binding("shift+tab", "app.focus_previous", "Pane before", show=False, id="participant.previous"),
    ]

    def __init__(self, participant: str, frame: DeskFrame) -> None:
        """`participant` as receipts name it: home:houses-05."""
        super().__init__()
        self.participant, self._frame = participant, frame
        self.kind, _, self.party = participant.partition(":")
        self._past: Past | None = None
        self._entry = -1  # of the last interval that was asked for
        self._inquiry = Inquiry[Past](self._read)
        self._figures, self._power, self._money = Figures(), LineChart(str), LineChart(CENTS.show)
        self._columns = receipt_columns(frame.currency, frame.zone)
        self._table = Table(self._columns)
        self._table.choose_columns([each.key for each in self._columns if each.key not in ("participant", "kind")])

    def compose(self) -> ComposeResult:
        with Grid() as box:
            box.border_title = Content(f"{self.kind} {clean(self.party)}")
            yield Pane(None, "Settings", self._figures, id="settings")
            yield Pane(None, "Power", self._power, id="power")
            yield TablePane(None, "Receipts", self._table, id="receipts")
            yield Pane(None, "Money", self._money, id="money")
        self._box = box

    def on_mount(self) -> None:
        self.feed(self._frame)
        self.screen.set_focus(self._table)

    # Frames -----------------------------------------------------------------------------------------------------------
    def feed(self, frame: DeskFrame) -> None:
        """Show what the frame says; read the receipts anew when there are others."""
        self._frame, history = frame, frame.history
        reason = frame.why_not(f"{self.kind}.set", self._owner)
        self.set_class(bool(reason), "-refused")
        self._box.border_subtitle = Content(f"a alters{f': not now, {reason}' if reason else ''} · esc closes")
        entry = int(history["entry"][-1]) if len(history) else -1
        if entry != self._entry:
            self._entry = entry
            self._inquiry.ask(cast("DeskBase", self.app), self._question())
        self._show()

    def _question(self) -> Callable[[Records], Past]:
        """What is known already, gone on with; read anew where an earlier moment is seen than before."""
        history, participant, known = self._frame.history, self.participant, self._past
        starts_utc, entries = history.starts_utc[-INTERVALS:], history["entry"][-INTERVALS:].tolist()

        def ask(records: Records) -> Past:
            if not entries:
                return past_of(starts_utc, ())
            first, last, trades = entries[0], entries[-1], list[TradeRow]()
            after = first - 1
            if known is not None and known.entries[0] <= first <= known.entries[1] + 1 <= last + 1:
                trades = [trade for trade in known.trades[::-1] if trade.entry >= first]
                after = known.entries[1]
            new = records.trades(after=after, participant=participant)
            trades += takewhile(lambda row: row.entry <= last, new)
            return past_of(starts_utc, trades, first, last)

        return ask

    def _read(self, past: Past) -> None:
        self._past = past
        if self.is_mounted:
            self._show()

    @property
    def _settings(self) -> Home | Plant | None:
        market = self._frame.market
        if market is None:
            return None
        return market.homes.get(self.party) if self.kind == "home" else market.plants.get(self.party)

    @property
    def _owner(self) -> str | None:
        return None if (settings := self._settings) is None else settings.owner

    def _show(self) -> None:
        frame, past = self._frame, self._past
        self._figures.show(figures_of(self.party, frame, past))
        note = "…" if past is None else ""
        if frame.clock.is_replay:
            self._stand("settings", "known as of now only")
        for name in ("power", "receipts", "money"):
            self._stand(name, note)
        if past is None:
            return
        step_s = frame.step_s
        taken_w, given_w = past.bought_wh * 3600 // step_s, past.sold_wh * 3600 // step_s
        unit = unit_for(int(max(taken_w.max(initial=0), given_w.max(initial=0))), "W")
        for chart in (self._power, self._money):
            chart.zone = frame.zone
        self._power.show_value, self._power.unit, self._power.from_zero = unit.show, unit.name, True
        self._power.show(past.starts_utc, [Series("▲ takes", taken_w, UP), Series("▼ delivers", given_w, DOWN)])
        self._money.unit = frame.currency
        self._money.show(past.starts_utc, [Series("money", past.money_e8, OWN)])
        self._table.show(ReceiptRows(self._columns, past.trades))

    def _stand(self, name: str, note: str) -> None:
        self.query_one(f"#{name}", Pane).stand(Standing(sequence=self._frame.sequence, note=note))

    # Keys -------------------------------------------------------------------------------------------------------------
    def action_close(self) -> None:
        receipts = self.query_one("#receipts", TablePane)
        if receipts.has_class("-filtering"):
            receipts.action_unfilter()
        else:
            self.dismiss(None)

    def action_alter(self) -> None:
        cast("DeskBase", self.app).action_perform(f"{self.kind}.set")

    def prefill(self, kind: str) -> dict[str, str]:
        return settings_of(self.participant, self._frame, kind)


# What is said of a participant ----------------------------------------------------------------------------------------
def figures_of(party: str, frame: DeskFrame, past: Past | None) -> list[Figure]:
    """Settings, and what the receipts come to."""
    market = frame.market
    lines: list[Figure] = []
    if market is not None and (home := market.homes.get(party)) is not None:
        lines = _home(home, frame.currency)
    elif market is not None and (plant := market.plants.get(party)) is not None:
        built = next(each for each in market.scenario.plants if each.name == party)
        lines = _plant(plant, built, frame)
    if past is not None:
        bought, sold, money = (int(each.sum()) for each in (past.bought_wh, past.sold_wh, past.money_e8))
        hours = len(past.starts_utc) * frame.step_s // 3600
        lines.append(Figure(f"The last {hours} h"))
        lines += [figure("took", bought, ENERGY, "kWh"), figure("delivered", sold, ENERGY, "kWh")]
        lines.append(figure("received, less fees", money, MONEY_CHANGE, frame.currency, change_ink(money)))
    return lines


def _home(home: Home, currency: str) -> list[Figure]:
    has_flexible = home.flexible_limit_tick is not None
    return [
        Figure("How it takes part"),
        Figure("owner", clean(home.owner) or "nobody here"),
        Figure("in the community", _yes(home.in_community)),
        figure("offers surplus from", home.offer_limit_tick, PRICE, f"{currency}/MWh"),
        figure("surplus offered", home.offered_bp, _PERCENT, "%"),
        figure("appliances in use", home.appliances_bp, _PERCENT, "%"),
        Figure("flexible load", _yes(home.flexible) if has_flexible else "has none"),
        figure("flexible up to", home.flexible_limit_tick, PRICE, f"{currency}/MWh"),
    ]


def _plant(plant: Plant, built: Built, frame: DeskFrame) -> list[Figure]:
    lines = [
        Figure("What it can make"),
        Figure("owner", clean(plant.owner) or "nobody here"),
        Figure("made of", clean(built.fuel or built.kind)),
        figure("capacity", plant.capacity_w, KW, "kW"),
        figure("built for", built.capacity_kw, KW, "kW"),
        figure("not below", built.minimum_kw, KW, "kW"),
        figure("asks", plant.marginal_cost_tick, PRICE, f"{frame.currency}/MWh"),
        Figure("CO2", decimal_text(built.emissions_kg_per_mwh, 3), "g/kWh"),
    ]
    for begin_utc, end_utc, left_w in plant.outages:
        lines.append(figure(f"outage from {stamp_text(begin_utc, frame.zone)[:16]}", left_w, KW, "kW left", FAULT))
        lines.append(Figure("until", stamp_text(end_utc, frame.zone)[:16]))
    return lines


def _yes(is_so: bool) -> str:
    return YES if is_so else NO


def settings_of(participant: str, frame: DeskFrame, kind: str) -> dict[str, str]:
    """A home's or plant's settings as texts of the command that alters them; nothing for another command."""
    what, _, name = participant.partition(":")
    market = frame.market
    if market is None or kind != f"{what}.set":
        return {}
    if what == "home" and (home := market.homes.get(name)) is not None:
        limit = home.flexible_limit_tick
        return {
            "home": name,
            "owner": home.owner,
            "in_community": _yes(home.in_community),
            "offer_limit": decimal_text(home.offer_limit_tick, 2, 2),
            "flexible": "" if limit is None else _yes(home.flexible),
            "flexible_limit": "" if limit is None else decimal_text(limit, 2, 2),
            "appliances_percent": decimal_text(home.appliances_bp, 2),
            "offered_percent": decimal_text(home.offered_bp, 2),
        }
    if what == "plant" and (plant := market.plants.get(name)) is not None:
        return {
            "plant": name,
            "owner": plant.owner,
            "capacity_kw": decimal_text(plant.capacity_w, 3),
            "marginal_cost": decimal_text(plant.marginal_cost_tick, 2, 2),
        }
    return {}
