"""Who takes part: names, public keys, roles, and the hand-over of ownership."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from voltadesk.desk.refusal import Refusal
from voltadesk.desk.roles import ADMIN, GRANTED_BY, INVESTOR, OPERATOR, OWNER


@dataclass
class Actor:
    """One who may sign commands."""

    name: str
    public_key: str
    roles: set[str] = field(default_factory=set)


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
        for actor in self.by_name.values():
            if actor.name == name:
                raise Refusal("DUPLICATE", "name", name, "must be new")
            if actor.public_key == public_key:
                raise Refusal("DUPLICATE", "public_key", public_key, f"must be new, it is {actor.name}'s")
        self.by_name[name] = Actor(name, public_key)
        return self.by_name[name]

    def rotate_key(self, name: str, public_key: str) -> None:
        """Another key for an actor, at its own wish. Raises Refusal DUPLICATE for a key that somebody has."""
        for actor in self.by_name.values():
            if actor.public_key == public_key:
                raise Refusal("DUPLICATE", "public_key", public_key, f"must be new, it is {actor.name}'s")
        self.get(name).public_key = public_key

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
            "actors": [
                [a.name, a.public_key, sorted(a.roles)] for a in sorted(self.by_name.values(), key=lambda a: a.name)
            ],
            "offered": [list(item) for item in sorted(self.offered.items())],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Actors:
        """The actors that `state` was taken of."""
        actors = cls("", "")
        actors.by_name = {name: Actor(name, key, set(roles)) for name, key, roles in state["actors"]}
        actors.offered = dict(state["offered"])
        return actors
