"""Who takes part: names, public keys, roles, and the hand-over of ownership."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from voltadesk.clock import utc_text
from voltadesk.desk.buckets import Buckets, lines_of
from voltadesk.desk.refusal import Refusal
from voltadesk.desk.roles import ADMIN, DELEGABLE, DELEGATES_LIMIT, GRANTED_BY, INVESTOR, OPERATOR, OWNER


class Delegate(NamedTuple):
    """What another key may sign for an actor: kinds of command, until a moment [s UTC] of the market's clock."""

    kinds: tuple[str, ...]
    until_utc: int


@dataclass
class Actor:
    """One who may sign commands; `delegates` by public key."""

    name: str
    public_key: str
    roles: set[str] = field(default_factory=set)
    delegates: dict[str, Delegate] = field(default_factory=dict)


class Actors:
    """All actors of a desk. The founder is owner, admin, operator and investor: one person needs nobody else."""

    def __init__(self, founder: str, public_key: str) -> None:
        self.by_name: dict[str, Actor] = {}
        self.offered: dict[str, str] = {}  # owner -> who was offered the ownership
        self._whose: dict[str, str] = {}  # public key, delegated ones too -> name
        self._buckets = Buckets(self._line)
        self._take_in(Actor(founder, public_key, {OWNER, ADMIN, OPERATOR, INVESTOR}))

    def get(self, name: str, field: str = "actor") -> Actor:
        """The actor of that name. Raises Refusal NOT_FOUND."""
        if name not in self.by_name:
            raise Refusal("NOT_FOUND", field, name, "must be an actor of the desk")
        return self.by_name[name]

    def add(self, name: str, public_key: str) -> Actor:
        """A new actor without roles. Raises Refusal DUPLICATE for a name or key there is already."""
        if name in self.by_name:
            raise Refusal("DUPLICATE", "name", name, "must be new")
        self._require_new(public_key)
        return self._take_in(Actor(name, public_key))

    def _take_in(self, actor: Actor) -> Actor:
        self.by_name[actor.name] = actor
        for key in (actor.public_key, *actor.delegates):
            self._whose[key] = actor.name
        self._buckets.touch(actor.name)
        return actor

    def rotate_key(self, name: str, public_key: str) -> None:
        """Another key for an actor, at its own wish. Raises Refusal DUPLICATE for a key that somebody has."""
        self._require_new(public_key)
        actor = self.get(name)
        del self._whose[actor.public_key]
        actor.public_key = public_key
        self._take_in(actor)

    def _require_new(self, public_key: str) -> None:
        if public_key in self._whose:
            raise Refusal("DUPLICATE", "public_key", public_key, f"must be new, it is {self._whose[public_key]}'s")

    # Delegated keys ---------------------------------------------------------------------------------------------------
    def delegate(self, name: str, public_key: str, kinds: list[str], until_utc: int, now_utc: int) -> None:
        """Let another key sign some kinds of command for an actor; those that are over are forgotten.

        Raises Refusal BAD_VALUE, DUPLICATE for a key that somebody has, TOO_MANY.
        """
        for kind in kinds:
            if kind not in DELEGABLE:
                raise Refusal("BAD_VALUE", "kinds", kind, f"must be one of {', '.join(DELEGABLE)}")
        if until_utc <= now_utc:
            raise Refusal("BAD_VALUE", "until", utc_text(until_utc), f"must be after {utc_text(now_utc)}")
        self._require_new(public_key)
        actor = self.get(name)
        left = {key: given for key, given in actor.delegates.items() if given.until_utc > now_utc}
        if len(left) >= DELEGATES_LIMIT:
            raise Refusal("TOO_MANY", "delegates", len(left), "take one back first")
        for over in actor.delegates.keys() - left.keys():
            del self._whose[over]
        actor.delegates = left | {public_key: Delegate(tuple(sorted(set(kinds))), until_utc)}
        self._take_in(actor)

    def undelegate(self, name: str, public_key: str) -> None:
        """Take back what a key may sign for an actor. Raises Refusal NOT_FOUND."""
        if self.get(name).delegates.pop(public_key, None) is None:
            raise Refusal("NOT_FOUND", "public_key", public_key, f"must be a delegated key of {name}")
        del self._whose[public_key]
        self._buckets.touch(name)

    def signing_keys(self, name: str, kind: str, now_utc: int) -> tuple[str, ...]:
        """Public keys that may sign that kind of command for an actor: its own first, then those it has delegated."""
        actor = self.by_name.get(name)
        if actor is None:
            return ()
        delegated = (key for key, given in actor.delegates.items() if kind in given.kinds and now_utc < given.until_utc)
        return (actor.public_key, *delegated)

    # Roles ------------------------------------------------------------------------------------------------------------
    def grant(self, by: str, name: str, role: str) -> bool:
        """Give a role; False when the actor has it already. Raises Refusal DENIED or NOT_FOUND."""
        self._require_right(by, role)
        roles = self.get(name).roles
        new = role not in roles
        roles.add(role)
        self._buckets.touch(name)
        return new

    def revoke(self, by: str, name: str, role: str) -> None:
        """Take a role. Raises Refusal DENIED, NOT_FOUND for an actor without it, LAST_OWNER for the last owner."""
        actor = self.get(name)
        if role == OWNER:
            if OWNER not in self.get(by).roles:
                raise Refusal("DENIED", "role", role, "must be revoked by an owner")
        else:
            self._require_right(by, role)
        if role not in actor.roles:
            raise Refusal("NOT_FOUND", "role", role, f"must be a role of {name}")
        if role == OWNER and sum(OWNER in other.roles for other in self.by_name.values()) == 1:
            raise Refusal("LAST_OWNER", "actor", name, "must not be the last owner: transfer ownership first")
        actor.roles.discard(role)
        self._buckets.touch(name)
        if role == OWNER:
            self.offered.pop(name, None)

    def _require_right(self, by: str, role: str) -> None:
        if not GRANTED_BY[role] & self.get(by).roles:
            raise Refusal(
                "DENIED", "role", role, f"must be granted and revoked by {' or '.join(sorted(GRANTED_BY[role]))}"
            )

    def offer_ownership(self, by: str, name: str) -> None:
        """First step of a transfer: another offer of the same owner replaces it. Raises Refusal."""
        if name == by:
            raise Refusal("BAD_VALUE", "actor", name, "must be another actor")
        self.get(name)
        self.offered[by] = name

    def accept_ownership(self, name: str) -> str:
        """Second step: whoever offered stops being owner; returns who did. Raises Refusal NOT_FOUND."""
        for owner, offered in sorted(self.offered.items()):
            if offered == name:
                del self.offered[owner]
                self.by_name[owner].roles.discard(OWNER)
                self.by_name[name].roles.add(OWNER)
                self._buckets.touch(owner)
                self._buckets.touch(name)
                return owner
        raise Refusal("NOT_FOUND", "actor", name, "must have been offered ownership")

    def state(self) -> dict[str, Any]:
        """Plain values for hashing and snapshots, made from what changed."""
        return {"actors": self._buckets.state(), "offered": dict(sorted(self.offered.items()))}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Actors:
        """The actors that `state` was taken of."""
        actors = cls("", "")
        actors.by_name.clear()
        actors._whose.clear()
        for line in lines_of(state["actors"]):
            name, _, rest = line.partition(" ")
            public_key, roles, delegates = json.loads(rest)
            given = {key: Delegate(tuple(kinds), until) for key, (kinds, until) in delegates.items()}
            actors._take_in(Actor(name, public_key, set(roles), given))
        actors.offered = dict(state["offered"])
        return actors

    def _line(self, name: str) -> str:
        actor = self.by_name.get(name)
        if actor is None:
            return ""
        return f"{name} {json.dumps([actor.public_key, sorted(actor.roles), actor.delegates], sort_keys=True)}"
