"""The tables of a desk's database: the journal, what its entries did, and two that help.

`entry` and `effect` are the journal, the authority. `posting`, `interval`, `trade` and `battery_interval` are
projections: they hold what carrying out the entries made, and `rebuild` makes them again from the journal. `source`
holds the files that the founding entry names by their hashes, an input. `snapshot` is a cache.
Whole numbers have 64 bits, and text is ordered by its bytes; all tables are strict.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, Table, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from voltadesk.store.migrations.columns import INTEGER, TEXT


class EntryRow(SQLModel, table=True):
    """An entry of the journal. `idempotency_key` is empty when nobody's key was used up by it."""

    __tablename__: ClassVar[Any] = "entry"
    __table_args__: ClassVar[Any] = (UniqueConstraint("actor", "idempotency_key"), {"sqlite_strict": True})

    seq: int = Field(sa_column=Column(INTEGER, primary_key=True, autoincrement=False))
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    actor: str = Field(sa_column=Column(TEXT, nullable=False))
    idempotency_key: str | None = Field(sa_column=Column(TEXT, nullable=True))


class EffectRow(SQLModel, table=True):
    """What an entry did, as canonical JSON; the entry holds its hash."""

    __tablename__: ClassVar[Any] = "effect"
    __table_args__: ClassVar[Any] = ({"sqlite_strict": True},)

    seq: int = Field(sa_column=Column(INTEGER, ForeignKey("entry.seq"), primary_key=True, autoincrement=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


ENTRY = SQLModel.metadata.tables[str(EntryRow.__tablename__)]
EFFECT = SQLModel.metadata.tables[str(EffectRow.__tablename__)]

# Columns of `interval`: the fields of `engine.tables.INTERVAL`. A new one takes a revision.
FIGURES = (
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


def _integer(name: str, is_key: bool = False) -> Column[Any]:
    return Column(name, INTEGER, primary_key=is_key, nullable=False, autoincrement=False)


def _text(name: str, is_key: bool = False) -> Column[Any]:
    return Column(name, TEXT, primary_key=is_key, nullable=False)


def _bytes(name: str, is_key: bool = False) -> Column[Any]:
    return Column(name, LargeBinary, primary_key=is_key, nullable=False)


def _table(name: str, *items: Any, **given: Any) -> Table:
    return Table(name, SQLModel.metadata, *items, sqlite_strict=True, **given)


def _part(name: str, column: str, where: str) -> Index:
    """An index of some rows only."""
    return Index(name, column, "entry", sqlite_where=text(where), postgresql_where=text(where))


# The ledger's postings; `number` counts what the ledger calls an entry within the journal's entry.
POSTING = _table(
    "posting",
    _integer("entry", True),
    _integer("number", True),
    _integer("time_utc"),
    _text("text"),
    _text("account", True),
    _text("commodity", True),
    _integer("amount"),
    _part("posting_share", "account", where="commodity = 'SHARE'"),
    sqlite_with_rowid=False,
)

INTERVAL = _table("interval", _integer("start_utc", True), _integer("entry"), *map(_integer, FIGURES))

TRADE = _table(
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
    _part("trade_actor", "actor", where="actor <> ''"),
    _part("trade_product", "start_utc", where="market = 'continuous'"),
    sqlite_with_rowid=False,
)

BATTERY_INTERVAL = _table(
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
    sqlite_with_rowid=False,
)

SOURCE = _table("source", _bytes("sha256", True), _bytes("body"))

# The state after an entry: `tree` is the Merkle range, `sha256` covers the other columns.
SNAPSHOT = _table(
    "snapshot", _integer("seq", True), _bytes("leaf"), _bytes("tree"), _bytes("state"), _bytes("sha256")
)  # fmt: skip

PROJECTIONS = (POSTING, INTERVAL, TRADE, BATTERY_INTERVAL)
