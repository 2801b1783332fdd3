"""The journal: entries, and what each of them did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from voltadesk.store.migrations.columns import INTEGER, TEXT

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables `entry` and `effect`."""
    op.create_table(
        "entry",
        sa.Column("seq", INTEGER, primary_key=True, autoincrement=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("idempotency_key", TEXT, nullable=True),
        sa.UniqueConstraint("actor", "idempotency_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "effect",
        sa.Column("seq", INTEGER, sa.ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
