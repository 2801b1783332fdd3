"""The limits at which each battery bid, beside what it did."""

from __future__ import annotations

from alembic import op

from voltadesk.store.database import set_projected
from voltadesk.store.migrations.columns import integer, text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of batteries anew, with two columns more; `rebuild` fills it, and the others again."""
    op.drop_table("battery_interval")
    op.create_table(
        "battery_interval",
        integer("start_utc", True),
        text("battery", True),
        integer("entry"),
        integer("fill_wh"),
        integer("charge_wh"),
        integer("discharge_wh"),
        integer("loss_wh"),
        text("reason"),
        integer("buy_limit_tick"),
        integer("sell_limit_tick"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    set_projected(op.get_bind(), False)
