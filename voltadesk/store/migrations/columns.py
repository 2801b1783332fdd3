"""Kinds of columns that mean the same in every database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

# 64 bits everywhere; SQLite's strict tables know them as INTEGER.
INTEGER = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")
# Ordered and compared by its bytes, whatever the server's language is, as SQLite does it.
TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def integer(name: str, is_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INTEGER, primary_key=is_key, nullable=False, autoincrement=False)


def text(name: str, is_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, TEXT, primary_key=is_key, nullable=False)


def binary(name: str, is_key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary, primary_key=is_key, nullable=False)
