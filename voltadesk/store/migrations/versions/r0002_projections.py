"""What entries did, in tables; files of the scenario; snapshots."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.sqlite import INTEGER

revision = "0002"
down_revision = "0001"

_FIGURES = (
    "price_tick",
    "price_low_tick",
    "price_high_tick",
    "quote_tick",
    "community_price_tick",
    "imbalance_price_tick",
    "community_wh",
    "auction_wh",
    "load_wh",
    "flexible_wh",
    "shed_wh",
    "solar_wh",
    "curtailed_wh",
    "own_use_wh",
    "plant_wh",
    "upstream_import_wh",
    "upstream_export_wh",
    "battery_charge_wh",
    "battery_discharge_wh",
    "battery_loss_wh",
    "reserve_up_wh",
    "reserve_down_wh",
    "emissions_ug",
    "welfare_e8",
    "uplift_e8",
    "clearings",
)


def _integer(name: str, is_key: bool = False) -> sa.Column[Any]:
    kind = sa.BigInteger().with_variant(INTEGER(), "sqlite")
    return sa.Column(name, kind, primary_key=is_key, nullable=False, autoincrement=False)


def _text(name: str, is_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, primary_key=is_key, nullable=False)


def _bytes(name: str, is_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, primary_key=is_key, nullable=False)


def upgrade() -> None:
    """Make the projections, which `rebuild` fills, and the tables `source` and `snapshot`."""
    op.create_table(
        "posting",
        _integer("entry", True),
        _integer("number", True),
        _integer("time_utc"),
        _text("text"),
        _text("account", True),
        _text("commodity", True),
        _integer("amount"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    shares = sa.text("commodity = 'SHARE'")
    op.create_index("posting_share", "posting", ["account", "entry"], sqlite_where=shares)
    op.create_table(
        "interval", _integer("start_utc", True), _integer("entry"), *map(_integer, _FIGURES), sqlite_strict=True
    )
    op.create_table(
        "trade",
        _integer("entry", True),
        _integer("number", True),
        _integer("start_utc"),
        _text("participant"),
        _text("actor"),
        _text("market"),
        _integer("energy_wh"),
        _integer("price_tick"),
        _integer("amount_e8"),
        _integer("fees_e8"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("trade_actor", "trade", ["actor", "entry"], sqlite_where=sa.text("actor <> ''"))
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
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table("source", _bytes("sha256", True), _bytes("body"), sqlite_strict=True)
    columns = (_bytes(name) for name in ("leaf", "tree", "state", "sha256"))
    op.create_table("snapshot", _integer("seq", True), *columns, sqlite_strict=True)
