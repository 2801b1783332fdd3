"""What entries did, in tables; files of the scenario; snapshots."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voltadesk.store.migrations.columns import binary, integer, text

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


def upgrade() -> None:
    """Make the projections, which `rebuild` fills, and the tables `source` and `snapshot`."""
    op.create_table(
        "posting",
        integer("entry", True),
        integer("number", True),
        integer("time_utc"),
        text("text"),
        text("account", True),
        text("commodity", True),
        integer("amount"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    shares = sa.text("commodity = 'SHARE'")
    op.create_index("posting_share", "posting", ["account", "entry"], sqlite_where=shares, postgresql_where=shares)
    op.create_table(
        "interval", integer("start_utc", True), integer("entry"), *map(integer, _FIGURES), sqlite_strict=True
    )
    op.create_table(
        "trade",
        integer("entry", True),
        integer("number", True),
        integer("start_utc"),
        text("participant"),
        text("actor"),
        text("market"),
        integer("energy_wh"),
        integer("price_tick"),
        integer("amount_e8"),
        integer("fees_e8"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    named = sa.text("actor <> ''")
    op.create_index("trade_actor", "trade", ["actor", "entry"], sqlite_where=named, postgresql_where=named)
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
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table("source", binary("sha256", True), binary("body"), sqlite_strict=True)
    columns = (binary(name) for name in ("leaf", "tree", "state", "sha256"))
    op.create_table("snapshot", integer("seq", True), *columns, sqlite_strict=True)
