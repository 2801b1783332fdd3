"""The register of batteries: how full each is, what it does, earns and wants, and what is wrong with it."""

from __future__ import annotations

from voltadesk.desk.fleet import Battery
from voltadesk.strategy.limits import shown
from voltadesk.strategy.rolling import ROLLING
from voltadesk.ui.axes import Ints64
from voltadesk.ui.frame import BatteryLine, DeskFrame
from voltadesk.ui.inks import BAND, FAINT, FAULT, OWN, change_ink
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows, Row, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.ui.text import KW_CHANGE, KWH, MONEY_CHANGE, NO_DATA, PRICE, Number, arrow, bar_text, clean
from voltadesk.ui.turnover import DAY_S, Turnover, held_words, power_w, seen_fill_wh, seen_lines
from voltadesk.units import PPM_PER_UNIT, decimal_text

CYCLES = Number(2, 2)
_PERCENT = Number(4, 0)  # from parts per million
_GAUGE = 10  # cells
_FINE = "ok"
_WARNINGS = ("full", "empty")  # what needs a look, not a hand


def gauge_text(fill_ppm: int | None) -> str:
    """█████······  41%"""
    if fill_ppm is None:
        return NO_DATA
    bar = bar_text(fill_ppm, PPM_PER_UNIT, _GAUGE).replace(" ", NO_DATA)
    return f"{bar} {_PERCENT.show(fill_ppm):>3}%"


def _gauge_ink(fill_ppm: int) -> int:
    return OWN if fill_ppm < 50_000 or fill_ppm > 980_000 else BAND


def power_change_text(power_w: int | None) -> str:
    """▲ +2.8: charging"""
    return NO_DATA if power_w is None else f"{arrow(power_w)} {KW_CHANGE.show(power_w)}"


def reason_text(reason: str | None) -> str:
    """Why a battery did what it did, in few words."""
    return NO_DATA if reason is None else clean(reason).replace("price between", "between")


def _health_text(health: tuple[int, int | None] | None) -> str:
    if health is None:
        return NO_DATA
    available_ppm, book_ppm = health
    power = f"power {_PERCENT.show(available_ppm)}%"
    return power if book_ppm is None else f"{power}, book {_PERCENT.show(book_ppm)}%"


def _alarm_ink(alarm: str) -> int:
    return FAINT if alarm in (_FINE, "retired") else OWN if alarm.startswith(_WARNINGS) else FAULT


def columns(currency: str) -> tuple[Column, ...]:
    """The table's columns; prices and money in that currency."""
    return (
        Column("battery", "battery"),
        Column("fill", "charge level", show=gauge_text, width=_GAUGE + 5, ink=_gauge_ink),
        number_column("stored", "stored", "kWh", KWH),
        number_column("capacity", "of", "kWh", KWH),
        Column("power", "set-point", "kW", power_change_text, KW_CHANGE.plain, True, 9, change_ink),
        number_column("cycles", "cycles", "", CYCLES),
        number_column("margin", "margin", currency, MONEY_CHANGE),
        Column("alarm", "alarm", ink=_alarm_ink),
        Column("reason", "last because", show=reason_text),
        Column("strategy", "strategy, limits", f"{currency}/MWh", width=47),
        Column("health", "health", show=_health_text, width=21),
    )


class BatteriesPane(TablePane):
    """Every battery of the fund."""

    HELP = (
        "Every battery of the register. Set-point: mean power in the last interval, ▲ + charging, ▼ − discharging. "
        "Cycles: energy discharged by capacity. Margin: money received for energy less what was paid for it and fees; "
        "what is still stored is not in it. Both over the time the line below says. Health: nobody measures how worn a "
        "battery is; what is known is which share of its power it has in the coming interval and, of one the fund "
        "paid for, which part of its cost is not yet written off for wear. Alarms: outage, no cash, full or empty for "
        "a day, retired. a alters, R retires the battery under the cursor, n adds, B buys one."
    )

    def __init__(self) -> None:
        self._currency, self._rows = "", list[Row]()
        self._columns = columns("")
        self._turnover = Turnover()
        self._lines: dict[str, BatteryLine] = {}
        super().__init__(None, "Batteries", Table(self._columns), id="batteries")

    def feed(self, frame: DeskFrame) -> None:
        if frame.currency != self._currency:
            self._currency, self._columns = frame.currency, columns(frame.currency)
            self.table.reword(self._columns)
        self._lines = {line.battery.id: line for line in frame.batteries}
        self._turnover.follow(frame.history)
        rows = self._rows_of(frame)
        if rows != self._rows:
            self._rows = rows
            self.table.show(ListRows(self._columns, rows))
        active = sum(not line.is_retired for line in seen_lines(frame))
        self.retitle(f"{active} in service" if self._lines else "none yet: n adds one, B buys one")
        note = f"cycles and margin {held_words(frame)}" if len(frame.history) else ""
        if frame.clock.is_replay:
            note += " · strategy and health are known as of now only"
        self.stand(Standing(sequence=frame.seen_sequence, note=note))

    def _rows_of(self, frame: DeskFrame) -> list[Row]:
        history, turnover, is_replay = frame.history, self._turnover, frame.clock.is_replay
        fills_wh, alarms = seen_fill_wh(frame), alarms_of(frame)
        at = {name: n for n, name in enumerate(history.batteries)}
        rows: list[Row] = []
        for line in seen_lines(frame):
            battery, n = line.battery, at.get(line.battery.id)
            has_done, is_active = n is not None and len(history) > 0, is_replay or not line.is_retired
            fill_wh = fills_wh.get(battery.id) if is_active else None
            power = reason = cycles = margin = None
            if n is not None and has_done:
                cycles = int(turnover.discharge_wh[n]) * 100 // battery.capacity_wh
                margin = int(turnover.money_e8[n])
            if n is not None and has_done and is_active and line.bought_entry < history["entry"][-1]:
                power = power_w(int(history.charge_wh[n, -1] - history.discharge_wh[n, -1]), frame.step_s)
                reason = history.reasons[history.reason[n, -1]]
            rows.append(
                (
                    battery.id,
                    None if fill_wh is None else fill_wh * PPM_PER_UNIT // battery.capacity_wh,
                    fill_wh,
                    battery.capacity_wh,
                    power,
                    cycles,
                    margin,
                    alarms[battery.id] or _FINE,
                    reason,
                    None if is_replay else strategy_words(battery),
                    None if is_replay or line.is_retired else health_of(line),
                )
            )
        return rows

    def prefill(self, kind: str) -> dict[str, str]:
        row = self.table.row
        return {} if row is None else settings_of(self._lines.get(row[0]), kind)


# What is said of a battery --------------------------------------------------------------------------------------------
def health_of(line: BatteryLine) -> tuple[int, int | None]:
    """Share of its power that is there, and of its cost that is not written off; None for one that cost nothing."""
    return line.available_ppm, line.book_e8 * PPM_PER_UNIT // line.cost_e8 if line.cost_e8 else None


def strategy_words(battery: Battery) -> str:
    """When it buys and sells: buys ≤ 12.00 · sells ≥ 98.00"""
    buy_tick, sell_tick = shown(battery.buy_limit_tick), shown(battery.sell_limit_tick)
    buy = None if buy_tick is None else f"≤ {PRICE.show(buy_tick)}"
    sell = None if sell_tick is None else f"≥ {PRICE.show(sell_tick)}"
    if battery.strategy in ROLLING:
        within = [f"{does} {limit}" for does, limit in (("buys", buy), ("sells", sell)) if limit]
        return " · ".join([battery.strategy, *within])
    if battery.strategy == "threshold":
        return f"{f'buys {buy}' if buy else 'never buys'} · {f'sells {sell}' if sell else 'never sells'}"
    parts = [
        f"{does} {', '.join(map(_hours, spans))} {limit or 'never: no limit set'}"
        for does, spans, limit in (("buys", battery.charge, buy), ("sells", battery.discharge, sell))
        if spans
    ]
    return " · ".join(parts)


def _hours(span: tuple[int, ...]) -> str:
    """10–15 h, or 22:30–05:00."""
    text = span_text(span).replace("-", "–")
    return f"{text.replace(':00', '')} h" if text.count(":00") == 2 else text


def span_text(span: tuple[int, ...]) -> str:
    """10:00-15:00, of seconds of the local day."""
    return "-".join(f"{second // 3600:02d}:{second % 3600 // 60:02d}" for second in span)


def alarms_of(frame: DeskFrame) -> dict[str, str]:
    """What is wrong with each battery, in words; "" where nothing is."""
    history, is_replay = frame.history, frame.clock.is_replay
    at = {name: n for n, name in enumerate(history.batteries)}
    day = DAY_S // frame.step_s
    found = {}
    for line in frame.batteries:
        words, n = "", at.get(line.battery.id)
        reason = "" if n is None or not len(history) else history.reasons[history.reason[n, -1]]
        if line.is_retired and not is_replay:
            words = "retired"
        elif (reason == "outage") if is_replay else (line.available_ppm == 0):
            words = "outage"
        elif reason == "no cash":
            words = "no cash"
        elif not is_replay and line.available_ppm < PPM_PER_UNIT:
            words = f"power at {line.available_ppm // 10_000}%"
        elif n is not None and len(history) >= day and line.bought_entry < history["entry"][-day]:
            words = _long(line.battery, history.fill_wh[n, -day:])
        found[line.battery.id] = words
    return found


def _long(battery: Battery, fill_wh: Ints64) -> str:
    """Whether it was within a fiftieth of an end all the time."""
    near_wh = battery.capacity_wh // 50
    if int(fill_wh.min()) >= battery.maximum_fill_wh - near_wh:
        return "full a day"
    return "empty a day" if int(fill_wh.max()) <= battery.minimum_fill_wh + near_wh else ""


def settings_of(line: BatteryLine | None, kind: str) -> dict[str, str]:
    """A battery's settings as a command's texts; every field is named, so that they never mix with another's."""
    if line is None or kind not in ("battery.set", "battery.retire"):
        return {}
    battery = line.battery
    if kind == "battery.retire":
        return {"battery": battery.id}
    buy_tick, sell_tick = shown(battery.buy_limit_tick), shown(battery.sell_limit_tick)
    return {
        "battery": battery.id,
        "strategy": battery.strategy,
        "buy_limit": "" if buy_tick is None else decimal_text(buy_tick, 2, 2),
        "sell_limit": "" if sell_tick is None else decimal_text(sell_tick, 2, 2),
        "charge": ", ".join(map(span_text, battery.charge)),
        "discharge": ", ".join(map(span_text, battery.discharge)),
        "wear_cost": decimal_text(battery.wear_cost_tick, 2, 2),
        "charge_kw": decimal_text(battery.charge_power_w, 3),
        "discharge_kw": decimal_text(battery.discharge_power_w, 3),
        "minimum_fill_kwh": decimal_text(battery.minimum_fill_wh, 3),
        "maximum_fill_kwh": decimal_text(battery.maximum_fill_wh, 3),
    }
