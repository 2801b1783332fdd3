"""What the fleet would do in the coming auction, and what its stored energy cost and is worth."""

from __future__ import annotations

from voltadesk.desk.indicative import Indicative
from voltadesk.strategy.limits import shown
from voltadesk.ui.frame import BatteryLine, DeskFrame
from voltadesk.ui.inks import change_ink
from voltadesk.ui.pane import Standing
from voltadesk.ui.panes.batteries import power_change_text, reason_text, settings_of
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import KW_CHANGE, KWH, MONEY, MONEY_CHANGE, PRICE, clock_text
from voltadesk.ui.turnover import power_w


def columns(currency: str) -> tuple[Column, ...]:
    """The table's columns; prices and money in that currency."""
    return (
        Column("battery", "battery"),
        Column("power", "would", "kW", power_change_text, KW_CHANGE.plain, True, 8, change_ink),
        number_column("buy", "buys ≤", "", PRICE),
        number_column("sell", "sells ≥", "", PRICE),
        Column("reason", "because"),
        number_column("money", "for", currency, MONEY_CHANGE),
        number_column("stored", "stored", "kWh", KWH),
        number_column("cost", "cost", currency, MONEY),
        number_column("worth", "at price", currency, MONEY),
    )


class PlanPane(TablePane):
    """The coming auction as the fleet goes into it."""

    HELP = (
        "What each battery would do if the coming auction were held now: its limits in that interval, per MWh, against "
        "the price it would clear at, said in the title; what it would receive (+) or pay (−) before fees; and what "
        "the energy it holds cost and would fetch at that price, before losses. No limit: it does not buy, or sell, "
        "in that interval. It changes with every order, until the gate closes."
    )

    def __init__(self) -> None:
        self._currency, self._rows = "", list[Row]()
        self._columns = columns("")
        self._lines: dict[str, BatteryLine] = {}
        super().__init__(None, "Plan", Table(self._columns), id="plan")

    def feed(self, frame: DeskFrame) -> None:
        if frame.currency != self._currency:
            self._currency, self._columns = frame.currency, columns(frame.currency)
            self.table.reword(self._columns)
        coming = frame.coming
        self._lines = {line.battery.id: line for line in frame.batteries}
        rows = [] if coming is None else self._rows_of(frame, coming)
        if rows != self._rows:
            self._rows = rows
            self.table.show(ListRows(self._columns, rows))
        note = ""
        if coming is None:
            self.retitle("the coming auction")
            note = "only of the coming auction: L goes live" if frame.clock.is_replay else "no auction is coming"
        else:
            price = "no price" if coming.price_tick is None else f"{PRICE.show(coming.price_tick)} {frame.currency}/MWh"
            fleet_w = power_w(sum(row.charge_wh - row.discharge_wh for row in coming.fleet), frame.step_s)
            self.retitle(f"{clock_text(coming.start_utc, frame.zone)} · {price} · {power_change_text(fleet_w)} kW")
        self.stand(Standing(sequence=None if coming is None else frame.sequence, note=note))

    def _rows_of(self, frame: DeskFrame, coming: Indicative) -> list[Row]:
        tick = coming.price_tick
        rows: list[Row] = []
        for row in coming.fleet:
            line = self._lines.get(row.battery)
            if line is None:
                continue
            gained_wh = row.charge_wh - row.discharge_wh
            rows.append(
                (
                    row.battery,
                    power_w(gained_wh, frame.step_s),
                    shown(row.buy_limit_tick),
                    shown(row.sell_limit_tick),
                    _FUTURE.get(row.reason, reason_text(row.reason)),
                    None if tick is None else -gained_wh * tick,
                    line.fill_wh,
                    line.energy_cost_e8,
                    None if tick is None else line.fill_wh * tick,
                )
            )
        return rows

    def prefill(self, kind: str) -> dict[str, str]:
        row = self.table.row
        is_here = self.table.has_focus and row is not None
        return settings_of(self._lines.get(row[0]), kind) if is_here and row is not None else {}


# What came of an interval, said of one that is still to come.
_FUTURE = {"charged": "cheap enough", "discharged": "dear enough"}
