"""Who takes part: names, public keys, roles, and the hand-over of ownership."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from voltadesk.clock import utc_text
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
        self.by_name = {founder: Actor(founder, public_key, {OWNER, ADMIN, OPERATOR, INVESTOR})}
        self.offered: dict[str, str] = {}  # owner -> who was offered the ownership

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
        self.by_name[name] = Actor(name, public_key)
        return self.by_name[name]

    def rotate_key(self, name: str, public_key: str) -> None:
        """Another key for an actor, at its own wish. Raises Refusal DUPLICATE for a key that somebody has."""
        self._require_new(public_key)
        self.get(name).public_key = public_key

    def _require_new(self, public_key: str) -> None:
        for actor in self.by_name.values():
            if public_key == actor.public_key or public_key in actor.delegates:
                raise Refusal("DUPLICATE", "public_key", public_key, f"must be new, it is {actor.name}'s")

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
        actor.delegates = left | {public_key: Delegate(tuple(sorted(set(kinds))), until_utc)}

    def undelegate(self, name: str, public_key: str) -> None:
        """Take back what a key may sign for an actor. Raises Refusal NOT_FOUND."""
        if self.get(name).delegates.pop(public_key, None) is None:
            raise Refusal("NOT_FOUND", "public_key", public_key, f"must be a delegated key of {name}")

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
                return owner
        raise Refusal("NOT_FOUND", "actor", name, "must have been offered ownership")

    def state(self) -> dict[str, Any]:
        """Plain values for hashing and snapshots."""
        return {
            "actors": {
                name: {
                    "delegates": {key: [list(kinds), until] for key, (kinds, until) in sorted(actor.delegates.items())},
                    "public_key": actor.public_key,
                    "roles": sorted(actor.roles),
                }
                for name, actor in sorted(self.by_name.items())
            },
            "offered": dict(sorted(self.offered.items())),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Actors:
        """The actors that `state` was taken of."""
        actors = cls("", "")
        actors.by_name = {
            name: Actor(
                name,
                kept["public_key"],
                set(kept["roles"]),
                {key: Delegate(tuple(kinds), until) for key, (kinds, until) in kept["delegates"].items()},
            )
            for name, kept in state["actors"].items()
        }
        actors.offered = dict(state["offered"])
        return actors
