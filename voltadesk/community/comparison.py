"""The same periods under other rules, and with something changed: what each member would save, and how evenly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from voltadesk.clock import IntervalGrid
from voltadesk.community.battery import Battery, runs
from voltadesk.community.changes import Changes, changed_rules, with_members, with_roofs
from voltadesk.community.energy import Energy, Registers, checked_total
from voltadesk.community.openings import openings_of, with_battery
from voltadesk.community.rules import RULES, Community
from voltadesk.community.settlement import Settlement, Statement, settle
from voltadesk.community.tariffs import Tariffs

AS_THEY_STAND = "as they stand"
FLOWS = ("own_use", "from_community", "from_grid", "to_community", "to_grid")


@dataclass(frozen=True)
class Stored:
    """What a battery that is there in thought took and gave over all periods, and what that was worth [1e-8]."""

    taken_wh: int
    given_wh: int
    lost_wh: int
    left_wh: int  # in it at the end
    from_community_wh: int
    to_community_wh: int
    saved_e8: int
    best_e8: int  # what the run that knows everything is worth


@dataclass(frozen=True)
class Outcome:
    """What the members of a community save under a rule, over all periods [1e-8 currency]."""

    rule: str
    saving_e8: dict[str, int]  # by member; shared plants are the community's
    cost_e8: dict[str, int]  # with the community
    alone_e8: dict[str, int]  # without it
    shared_wh: int  # what members took from the community; not what a battery stored
    self_sufficiency: Fraction | None  # of all that was used, what did not come from the grid
    self_consumption: Fraction | None  # of all that was made, what did not go there
    community_e8: int
    stored: Stored | None = None

    @property
    def total_e8(self) -> int:
        return sum(self.saving_e8.values())

    @property
    def gini(self) -> Fraction | None:
        """Gini's coefficient of the savings: 0 when all save the same; none where members together save nothing."""
        return gini(list(self.saving_e8.values()))


@dataclass(frozen=True)
class Case:
    """A rule as things stand, and with the changes, if there are any."""

    stands: Outcome
    changed: Outcome | None = None

    @property
    def gain_e8(self) -> dict[str, int]:
        """By how much less each member pays with the changes; who is no member pays what it would pay alone."""
        before, after = self.stands, self.changed or self.stands
        names = sorted({*before.cost_e8, *after.cost_e8})
        return {
            name: before.cost_e8.get(name, after.alone_e8.get(name, 0))
            - after.cost_e8.get(name, before.alone_e8.get(name, 0))
            for name in names
        }

    @property
    def community_gain_e8(self) -> int:
        """By how much more the community itself receives."""
        return (self.changed or self.stands).community_e8 - self.stands.community_e8


@dataclass(frozen=True)
class Comparison:
    """Rules side by side, and what new roofs make in all periods."""

    cases: list[Case]
    roofs_wh: int = 0
    roofs_own_wh: int = 0  # of it, what serves the members behind their meters


def gini(values: Sequence[int]) -> Fraction | None:
    """Half the mean difference between two of the values, over their mean; none where the mean is not positive.

    Source: C. Gini, Variabilità e mutabilità, 1912. With negative values it can exceed 1.
    """
    total, count = sum(values), len(values)
    if total <= 0:
        return None
    # Sorted, the k-th of n stands above k others and below n - 1 - k: each pair is counted once.
    differences = sum((2 * k - count + 1) * value for k, value in enumerate(sorted(values)))
    return Fraction(differences, count * total)


def rules_to_compare(rules: Community) -> dict[str, Community]:
    """The community's own rules first, then every other rule in all pools, each by its name.

    `static`, `hybrid` and `iterative` use the keys of the rules, or equal ones. Own rules that differ from pool to pool
    are called `AS_THEY_STAND`.
    """
    own = {pool.rule for pool in rules.all_pools}
    first: dict[str, Community] = {own.pop() if len(own) == 1 else AS_THEY_STAND: rules}
    return first | {rule: rules.under(rule) for rule in RULES if rule not in first}


def compare(rules: Community, periods: Sequence[tuple[Energy, Tariffs]]) -> list[Outcome]:
    """Every one of `rules_to_compare` over the same periods."""
    return [outcome(name, other, periods) for name, other in rules_to_compare(rules).items()]


def compare_changed(
    candidates: Mapping[str, Community],
    periods: Sequence[tuple[Energy, Tariffs]],
    registers: Registers,
    changes: Changes,
) -> Comparison:
    """Each of some rules for the same members over the same periods, as things stand and with the changes.

    Raises BadInput for changes that can't be made.
    """
    stand = [outcome(name, rules, periods) for name, rules in candidates.items()]
    if not changes:
        return Comparison([Case(each) for each in stand])
    others = {name: changed_rules(rules, changes) for name, rules in candidates.items()}
    anyone = next(iter(others.values()))  # members and meters are the same in all of them
    moved = [with_members(anyone, energy, changes) for energy, _ in periods]
    changed = [
        with_roofs(anyone, now, energy, registers, changes) for now, (energy, _) in zip(moved, periods, strict=True)
    ]
    there = list(zip(changed, (tariffs for _, tariffs in periods), strict=True))
    cases = [
        Case(each, outcome(name, rules, there, changes.battery, changes.hindsight))
        for each, (name, rules) in zip(stand, others.items(), strict=True)
    ]
    own_wh, fed_wh = (
        sum(int(getattr(b, key).sum() - getattr(a, key).sum()) for a, b in zip(moved, changed, strict=True))
        for key in ("own_use_wh", "export_wh")
    )
    return Comparison(cases, own_wh + fed_wh, own_wh)


def outcome(
    name: str,
    rules: Community,
    periods: Sequence[tuple[Energy, Tariffs]],
    battery: Battery | None = None,
    hindsight: bool = False,
) -> Outcome:
    """Some rules over all periods, with a battery where one is given."""
    settled = [settle(rules, energy, tariffs) for energy, tariffs in periods]
    stored = None
    if battery is not None:
        settled, stored = _with_battery(settled, [tariffs for _, tariffs in periods], battery, hindsight)
    statements = [statement for done in settled for statement in done.statements]
    own, taken, grid, given, fed = (sum(getattr(s, f"{key}_wh") or 0 for s in statements) for key in FLOWS)
    # What a battery stores is neither used nor made.
    used, made = own + taken + grid, own + given + fed
    if stored is not None:
        used, made, taken = used - stored.taken_wh, made - stored.given_wh, taken - stored.from_community_wh
    return Outcome(
        name,
        _by_member(statements, "saving_e8"),
        _by_member(statements, "cost_e8"),
        _by_member(statements, "cost_alone_e8"),
        shared_wh=taken,
        self_sufficiency=_kept(grid, used),
        self_consumption=_kept(fed, made),
        community_e8=sum(done.community_e8 for done in settled),
        stored=stored,
    )


def _by_member(statements: Sequence[Statement], key: str) -> dict[str, int]:
    """An amount of all statements of each member, by name."""
    sums: dict[str, int] = {}
    for statement in statements:
        if not statement.shared:
            sums[statement.name] = sums.get(statement.name, 0) + getattr(statement, key)
    return dict(sorted(sums.items()))


def _kept(lost: int, whole: int) -> Fraction | None:
    """The part that is not lost; a battery that trades with the grid can lose more than the whole."""
    return Fraction(max(whole - lost, 0), whole) if whole > 0 else None


def _with_battery(
    settled: Sequence[Settlement], tariffs: Sequence[Tariffs], battery: Battery, hindsight: bool
) -> tuple[list[Settlement], Stored]:
    """The same periods settled once more, with a battery that goes through all of them."""
    first = settled[0].energy.grid
    grid = IntervalGrid(first.start_utc, first.step_s, sum(done.energy.grid.count for done in settled), first.zone)
    openings = [openings_of(done, each) for done, each in zip(settled, tariffs, strict=True)]
    rolling, best = runs(battery, openings, grid)
    ran = best if hindsight else rolling
    again, begin, from_community, to_community = [], 0, 0, 0
    for done, each in zip(settled, tariffs, strict=True):
        now = slice(begin, begin + done.energy.grid.count)
        begin = now.stop
        rules, energy = with_battery(done.rules, done.energy, ran.taken_wh[now], ran.given_wh[now])
        again.append(settle(rules, checked_total(energy), each))
        own = next(s for s in again[-1].statements if s.name not in done.energy.names)
        from_community, to_community = from_community + own.from_community_wh, to_community + own.to_community_wh
    return again, Stored(
        int(ran.taken_wh.sum()),
        int(ran.given_wh.sum()),
        ran.lost_wh,
        ran.left_wh,
        from_community,
        to_community,
        ran.saved_e8,
        best.saved_e8,
    )
