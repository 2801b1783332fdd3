"""The limits at which each battery bid, beside what it did."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.sqlite import INTEGER

revision = "0003"
down_revision = "0002"


def _integer(name: str, is_key: bool = False) -> sa.Column[Any]:
    kind = sa.BigInteger().with_variant(INTEGER(), "sqlite")
    return sa.Column(name, kind, primary_key=is_key, nullable=False, autoincrement=False)


def _text(name: str, is_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, primary_key=is_key, nullable=False)


def upgrade() -> None:
    """Make the table of batteries anew, with two columns more; `rebuild` fills it, and the others again."""
    op.drop_table("battery_interval")
    op.create_table(
        "battery_interval",
        _integer("start_utc", True),
        _text("battery", True),
        _integer("entry"),
        _integer("fill_wh"),
        _integer("charge_wh"),
        _integer("discharge_wh"),
        _integer("loss_wh"),
        _text("reason"),
        _integer("buy_limit_tick"),
        _integer("sell_limit_tick"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute("PRAGMA user_version = 0")
