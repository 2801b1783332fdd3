"""The market's rules as they hold from the next interval on."""

from __future__ import annotations

from voltadesk.desk.fields import fields_of
from voltadesk.ui.frame import DeskFrame, MarketFigures
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane
from voltadesk.units import decimal_text

COLUMNS = (Column("rule", "rule"), Column("value", "value", right=True), Column("unit", "unit"))


class RulesPane(TablePane):
    """What `market set` can change."""

    HELP = "How the auction clears, what it costs, how the community shares, and the band outside of which it halts."

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        super().__init__(None, "Rules", Table(COLUMNS), id="rules")

    def feed(self, frame: DeskFrame) -> None:
        texts = {} if frame.market is None else rule_texts(frame.market)
        if texts != self._texts:
            self._texts = texts
            fields = fields_of("market.set", frame.currency)
            rows = [(field.label, texts.get(field.name) or "none", field.unit) for field in fields]
            self.table.show(ListRows(COLUMNS, rows))
        self.stand(Standing(sequence=frame.sequence, note="as of now" if frame.clock.is_replay else ""))

    def prefill(self, kind: str) -> dict[str, str]:
        return dict(self._texts) if kind == "market.set" else {}


def rule_texts(market: MarketFigures) -> dict[str, str]:
    """The rules as the command takes them."""
    scenario = market.scenario
    found: dict[str, object] = {
        **scenario.market.model_dump(),
        **scenario.operator.model_dump(),
        **{f"community_{name}": value for name, value in scenario.community.model_dump().items()},
        "community_rounds": str(scenario.community.rounds),
        "band_low": market.band[0],
        "band_high": market.band[1],
    }
    texts = {name: value if isinstance(value, str) else decimal_text(value, 2) for name, value in found.items()
             if isinstance(value, str | int)}  # fmt: skip
    return texts | {"trading_limit": decimal_text(scenario.continuous.trading_limit, 8)}
