"""Who delivers to whom: plants, the grid above, the fleet, homes through the community's broker and the auction."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.binding import Binding, BindingType

from voltadesk.errors import BadInput
from voltadesk.store.projection import TradeRow
from voltadesk.ui.cells import Words
from voltadesk.ui.charts.network import INKS, WORDS, NetworkChart
from voltadesk.ui.deliveries import BATTERIES, MARKETS, Tally, parties, tally
from voltadesk.ui.dialogs.participant import ParticipantScreen, settings_of
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inquiry import Inquiry
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import PRICE, clock_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase


class NetworkPane(Pane):
    """Everybody's power in the last interval; groups open, homes and plants have a page."""

    HELP = (
        "Who delivered (left) and who took (right) how much power in the last interval, in the auction, through the "
        "community's broker, or balanced by the reserve. Up and down choose one: → tells what of its energy goes to "
        "each other, ← what it gets from each, by shares, as a market is a pool. Enter opens a group, or the page of a "
        "home or plant with its history, receipts and settings; / asks for one by name. What homes use from their own "
        "roof is not traded and not in it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("slash", "find", "Find", id="network.find")]

    def __init__(self) -> None:
        self._chart = NetworkChart()
        self._frame: DeskFrame | None = None
        self._tape: tuple[TradeRow, ...] | None = None
        self._tally = Tally()
        self._opened: frozenset[str] = frozenset()
        self._inquiry = Inquiry[Tally](self._tallied)
        super().__init__(None, "Network", self._chart, id="network")

    @property
    def _app(self) -> DeskBase:
        return cast("DeskBase", self.app)

    def feed(self, frame: DeskFrame) -> None:
        before, self._frame = self._frame, frame
        if frame.tape is not self._tape:
            tape = self._tape = frame.tape
            # A city's tape is long: it is gone through beside the loop.
            self._inquiry.ask(self._app, lambda records: tally(tape))
        elif before is None or before.market is not frame.market or before.batteries is not frame.batteries:
            self._show()
        self._stand()

    def _stand(self) -> None:
        frame = self._frame
        if frame is None:
            return
        if frame.market is None:
            self.stand(Standing(note="the desk has no market"))
            return
        is_behind = bool(frame.tape) and self._tally.entry != frame.tape[0].entry
        self.stand(Standing(sequence=frame.seen_sequence, note="…" if is_behind else ""))

    def _tallied(self, found: Tally) -> None:
        self._tally = found
        if self.is_mounted:
            self._show()
            self._stand()

    def _show(self) -> None:
        frame, found = self._frame, self._tally
        if frame is None or frame.market is None:
            return
        is_replay = frame.clock.is_replay  # then only those are known that traded
        batteries = () if is_replay else [line.battery.id for line in frame.batteries if not line.is_retired]
        rows = parties(found, frame.market, batteries, self._opened) if found.entry >= 0 else []
        self._chart.show(rows, frame.step_s, self._legend(), self._opened)
        self.retitle(clock_text(found.start_utc, frame.zone) if rows else "")

    def _legend(self) -> Words:
        """The markets in their inks, with their prices."""
        prices = self._tally.price_tick
        return [
            (f"█ {WORDS[market]}" + (f" {PRICE.show(prices[market])}" if market in prices else ""), INKS[market])
            for market in MARKETS
        ]

    # Opening ----------------------------------------------------------------------------------------------------------
    @on(NetworkChart.Opened)
    def _open(self, event: NetworkChart.Opened) -> None:
        key = event.party.key
        if event.party.of:
            self._opened ^= {key}
            self._show()
        elif key.startswith(("home:", "plant:")):
            self._page(key)
        elif key.startswith("battery:") or key == BATTERIES:
            self._app.action_perform("desktop.fleet")
        else:
            self._app.tell("told", f"{event.party.name}: has no page of its own")

    def _page(self, participant: str) -> None:
        if self._frame is not None:
            self.app.push_screen(ParticipantScreen(participant, self._frame))

    def action_find(self) -> None:
        """Ask for a home or plant by its name."""
        market = None if self._frame is None else self._frame.market
        if market is None:
            return
        kinds = dict.fromkeys(market.homes, "home") | dict.fromkeys(market.plants, "plant")

        def check(name: str) -> str:
            if name not in kinds:
                raise BadInput("participant", name, "must be a home or a plant of the market")
            return name

        def go(name: str | None) -> None:
            if name:
                self._page(f"{kinds[name]}:{name}")

        self._app.prompt.ask(f"a home or a plant, such as {next(iter(kinds), '')}", check, go, words=tuple(kinds))

    def prefill(self, kind: str) -> dict[str, str]:
        """The home or plant under the cursor, with its settings."""
        party, frame = self._chart.party, self._frame
        if party is None or frame is None or not self._chart.has_focus:
            return {}
        return settings_of(party.key, frame, kind)
