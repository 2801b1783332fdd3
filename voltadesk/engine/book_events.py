"""What goes into an order book and what comes out of it: messages, reports, and the rules it refuses by.

A message is one row of `MESSAGE`, a report one of `REPORT`; all fields are int64, as in `tables`. `docs/book.md` says
what the book does with each.
"""

from __future__ import annotations

from typing import NamedTuple

from voltadesk.engine.tables import table

# Codes ----------------------------------------------------------------------------------------------------------------
SIDES = ("buy", "sell")
SIDE_BUY, SIDE_SELL = range(2)
SIDE_NONE = -1  # of a trade in a call auction, and of what concerns no order

TYPES = ("new", "cancel", "amend", "cancel-all", "clock", "call", "uncross", "close")
TYPE_NEW, TYPE_CANCEL, TYPE_AMEND, TYPE_CANCEL_ALL, TYPE_CLOCK, TYPE_CALL, TYPE_UNCROSS, TYPE_CLOSE = range(8)

KINDS = ("limit", "market", "ioc", "fok", "post-only", "iceberg")
KIND_LIMIT, KIND_MARKET, KIND_IOC, KIND_FOK, KIND_POST_ONLY, KIND_ICEBERG = range(6)

PHASES = ("continuous", "call", "closed")
PHASE_CONTINUOUS, PHASE_CALL, PHASE_CLOSED = range(3)

EVENTS = ("accepted", "amended", "traded", "cancelled", "expired", "rejected", "called", "uncrossed", "closed")
(
    EVENT_ACCEPTED,
    EVENT_AMENDED,
    EVENT_TRADED,
    EVENT_CANCELLED,
    EVENT_EXPIRED,
    EVENT_REJECTED,
    EVENT_CALLED,
    EVENT_UNCROSSED,
    EVENT_CLOSED,
) = range(9)

NOBODY = 0  # owner of orders that may meet each other; as a sender, the operator, who may change any order
FOR_SESSION = 0  # expiry of an order that stays until gate closure
NEVER_UTC = 1 << 62  # gate closure of a product that closes by message only
KEEP = -(1 << 61)  # price or quantity that an amendment leaves as it is
UNEVEN = -(1 << 62)  # price or quantity between two steps: what a reader puts for too many decimals; always refused

# Limits ---------------------------------------------------------------------------------------------------------------
ID_LIMIT = 1 << 26  # exclusive; a book remembers each id it has seen
TOTAL_LIMIT_WH = 1 << 55  # exclusive, all open orders together: what a call auction can clear
SLICES_LIMIT = 100  # an iceberg shows at least this part of itself

MESSAGE = table(
    "type",  # TYPES
    "id",  # of the order: new, cancel, amend
    "owner",  # whose order it is; who sends it
    "side",  # SIDES: new
    "kind",  # KINDS: new
    "price_tick",  # new, amend (or KEEP); of no meaning in a market order
    "quantity_wh",  # new; amend: what is to be open from now on, or KEEP
    "display_wh",  # what an iceberg shows at a time; 0 for all other kinds
    "time_utc",  # new: expiry, or FOR_SESSION; clock: the time
)

REPORT = table(
    "sequence",  # from 1, without a gap, as long as the book lives
    "message",  # index of the message that brought it about, within its batch
    "event",  # EVENTS
    "rule",  # RULES: why it was rejected, or cancelled unasked; 0: no reason needed
    "id",  # of the order; in a trade the aggressor, in a call auction the buyer
    "other_id",  # in a trade the resting order, in a call auction the seller; else 0
    "side",  # SIDES, of `id`; SIDE_NONE
    "price_tick",  # of the order, the trade, the auction; NO_PRICE_TICK where there is none, and when rejected
    "quantity_wh",  # of the order, the trade, the auction; cancelled and expired: what was still open; rejected: 0
)

ORDER = table(  # an open order
    "id",
    "owner",
    "side",  # SIDES
    "kind",  # KIND_LIMIT, KIND_POST_ONLY or KIND_ICEBERG
    "price_tick",
    "shown_wh",
    "hidden_wh",
    "display_wh",
    "expiry_utc",
)

DEPTH = table("price_tick", "shown_wh", "hidden_wh", "orders")  # all orders of a price


class Rule(NamedTuple):
    """Why a book refuses: a name, the field that was wrong, and what it may hold."""

    name: str
    field: str
    limit: str


RULES = (
    Rule("", "", ""),
    Rule("closed", "product", "must be open"),
    Rule("type", "type", f"must be one of {', '.join(TYPES)}"),
    Rule("phase", "type", "must fit the phase: call while trading is continuous, uncross in a call"),
    Rule("id", "id", f"must lie between 1 and {ID_LIMIT - 1:,}"),
    Rule("double-id", "id", "must be new"),
    Rule("unknown-id", "id", "must be that of an open order"),
    Rule("owner", "owner", "must be the order's own"),
    Rule("side", "side", "must be buy or sell"),
    Rule("kind", "kind", f"must be one of {', '.join(KINDS)}"),
    Rule("quantity-step", "quantity", "must have at most 6 decimals"),
    Rule("quantity", "quantity", "must lie between {least} and {most} MWh"),
    Rule("off-tick", "price", "must have at most 2 decimals"),
    Rule("price-band", "price", "must lie between {floor} and {cap} per MWh"),
    Rule("display", "display", f"must lie between 1/{SLICES_LIMIT} of the quantity and all of it, of an iceberg only"),
    Rule("expiry", "time", "must be later than the book's clock"),
    Rule("clock", "time", "must not run backwards"),
    Rule("call", "kind", "must be limit or iceberg in a call"),
    Rule("total", "quantity", f"of all open orders must stay below {TOTAL_LIMIT_WH // 10**6:,} MWh"),
    Rule("self-trade", "owner", "must not meet an order of its own"),
    Rule("post-only", "price", "must not meet the other side"),
    Rule("fok", "quantity", "must be filled in full at once"),
    Rule("not-filled", "quantity", "what is not filled at once does not stay"),
)
(
    _,
    RULE_CLOSED,
    RULE_TYPE,
    RULE_PHASE,
    RULE_ID,
    RULE_DOUBLE_ID,
    RULE_UNKNOWN_ID,
    RULE_OWNER,
    RULE_SIDE,
    RULE_KIND,
    RULE_QUANTITY_STEP,
    RULE_QUANTITY,
    RULE_OFF_TICK,
    RULE_PRICE_BAND,
    RULE_DISPLAY,
    RULE_EXPIRY,
    RULE_CLOCK,
    RULE_CALL,
    RULE_TOTAL,
    RULE_SELF_TRADE,
    RULE_POST_ONLY,
    RULE_FOK,
    RULE_NOT_FILLED,
) = range(len(RULES))
