"""The journal: entries, and what each of them did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.sqlite import INTEGER

revision = "0001"
down_revision = None

_INTEGER = sa.BigInteger().with_variant(INTEGER(), "sqlite")


def upgrade() -> None:
    """Make the tables `entry` and `effect`."""
    op.create_table(
        "entry",
        sa.Column("seq", _INTEGER, primary_key=True, autoincrement=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, nullable=True),
        sa.UniqueConstraint("actor", "idempotency_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "effect",
        sa.Column("seq", _INTEGER, sa.ForeignKey("entry.seq"), primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
