"""A quick way to the trades in order books."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Index the receipts of order books by product."""
    where = sa.text("market = 'continuous'")
    op.create_index("trade_product", "trade", ["start_utc", "entry"], sqlite_where=where, postgresql_where=where)
