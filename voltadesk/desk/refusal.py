"""What the desk says no to: one table of codes, one exception, one line of text."""

from __future__ import annotations

from voltadesk.errors import BadInput, VoltaDeskError

CODES = {
    # Rights and state
    "DENIED": "the actor has no role that allows the command",
    "HALTED": "the desk is halted",
    "BAD_ACTOR": "an order in another's name",
    "UNKNOWN_ACTOR": "no actor of that name",
    "LAST_OWNER": "the last owner can't go",
    "KEY_CONFLICT": "the idempotency key was used with other content",
    # Values
    "BAD_VALUE": "a value outside its limits",
    "DUPLICATE": "there is one already",
    "NOT_FOUND": "there is none of that name",
    # Money
    "INSUFFICIENT_FUNDS": "more than the cash that is free for it",
    "INSUFFICIENT_SHARES": "more than the shares that are free for it",
    "NO_PROFIT": "more than the realised profit",
    "NO_HOLDERS": "nobody holds shares",
    "NOTHING_DUE": "no dividend is waiting to be withdrawn",
}


class Refusal(VoltaDeskError):
    """A command that right or state does not allow; nothing was changed. Exit code 7.

    `code` is a key of `CODES`, `field` what was wrong, `value` what it held, `limit` what it may hold.
    """

    exit_code = 7

    def __init__(self, code: str, field: str, value: object, limit: str) -> None:
        assert code in CODES, code
        self.code, self.field, self.value, self.limit = code, field, value, limit
        super().__init__(f"{code}: {BadInput(field, value, limit)}")
