"""The same period under other sharing rules: what each member would save, and how evenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from voltadesk.community.energy import Energy
from voltadesk.community.rules import RULES, Community
from voltadesk.community.settlement import settle
from voltadesk.community.tariffs import Tariffs

AS_THEY_STAND = "as they stand"


@dataclass(frozen=True)
class Outcome:
    """What the members of a community save under a rule, over all periods [1e-8 currency]."""

    rule: str
    saving_e8: dict[str, int]  # by member; shared plants are the community's
    shared_wh: int
    community_e8: int

    @property
    def total_e8(self) -> int:
        return sum(self.saving_e8.values())

    @property
    def gini(self) -> Fraction | None:
        """Gini's coefficient of the savings: 0 when all save the same; none where members together save nothing."""
        return gini(list(self.saving_e8.values()))


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


def compare(rules: Community, periods: Sequence[tuple[Energy, Tariffs]]) -> list[Outcome]:
    """Every rule in all pools, over the same periods; keys and rounds are those of the rules, or the rule's defaults.

    Where the pools have different rules, they come first as they stand.
    """
    outcomes = []
    candidates: dict[str, Community] = {AS_THEY_STAND: rules} if len({p.rule for p in rules.all_pools}) > 1 else {}
    candidates |= {rule: rules.under(rule) for rule in RULES}
    for rule, changed in candidates.items():
        saving: dict[str, int] = {}
        shared_wh = community_e8 = 0
        for energy, tariffs in periods:
            done = settle(changed, energy, tariffs)
            shared_wh += int(done.taken_wh.sum())
            community_e8 += done.community_e8
            for statement in done.statements:
                if not statement.shared:
                    saving[statement.name] = saving.get(statement.name, 0) + statement.saving_e8
        outcomes.append(Outcome(rule, dict(sorted(saving.items())), shared_wh, community_e8))
    return outcomes
