"""The figures of a settled community: one tree of exact numbers, from which screen, files and `--json` are made.

`docs/community.md` says what each means. Energy is in kWh, money in the currency; ratios have four decimals and mean
prices six, rounded half to even; nothing else is rounded but what is paid, which is whole cents.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import numpy as np

from voltadesk.clock import local_text, utc_text
from voltadesk.community.billed import Billed
from voltadesk.community.books import Line
from voltadesk.community.corrections import Bill, bills_of
from voltadesk.community.price_rules import TIERS
from voltadesk.community.rules import Community
from voltadesk.community.settlement import Settlement, Statement
from voltadesk.feeds.meter_columns import ESTIMATED, MISSING
from voltadesk.feeds.meter_files import MeterFile
from voltadesk.report.community_presets import cited
from voltadesk.report.rounded import ratio
from voltadesk.report.summary import Tree
from voltadesk.units import decimal_text, money_decimal

FLOW_NAMES = {
    "own_use": "own use",
    "from_community": "from the community",
    "from_grid": "from the grid",
    "to_community": "to the community",
    "to_grid": "to the grid",
}
FLOWS = tuple(FLOW_NAMES)


@dataclass(frozen=True)
class Period:
    """A settled period, its name, such as 2026-01, and what was billed of it before (None: nobody asks)."""

    name: str
    settlement: Settlement
    billed: Billed | None = None


def _known_kwh(energy_wh: int | None) -> Decimal | None:
    return None if energy_wh is None else kwh_decimal(energy_wh)


def _known_money(amount_e8: int | None) -> Decimal | None:
    return None if amount_e8 is None else money_decimal(amount_e8)


def kwh_decimal(energy_wh: int) -> Decimal:
    """Energy [kWh] as an exact decimal."""
    return Decimal(decimal_text(int(energy_wh), 3))


def head(rules: Community, files: Sequence[MeterFile]) -> Tree:
    """Which community, and what it was read from."""
    return {
        "schema": 1,
        "community": {
            "name": rules.name,
            "title": rules.title,
            "currency": rules.currency,
            "timezone": rules.timezone,
            "interval_minutes": rules.interval_minutes,
            "pools": [{"name": pool.name, "rule": pool.rule} for pool in rules.all_pools],
            "preset": None if rules.preset is None else cited(rules.preset),
        },
        "files": [_file(file) for file in files],
    }


def _file(file: MeterFile) -> Tree:
    meters = len({reading.meter for reading in file.readings})
    return {"file": file.place, "shape": file.shape, "rows": file.rows, "meters": meters, "notes": list(file.notes)}


# Settled --------------------------------------------------------------------------------------------------------------
def settled(rules: Community, files: Sequence[MeterFile], periods: Iterable[Period]) -> Tree:
    """All figures of some periods, each of which may be let go before the next is made."""
    return head(rules, files) | {"periods": list(map(partial(_period, rules), periods))}


def _period(rules: Community, period: Period) -> Tree:
    done, grid = period.settlement, period.settlement.energy.grid
    bills = bills_of(f"{rules.name}-{period.name}-", done.statements, period.billed)
    paid = sum(statement.cost_e8 for statement in done.statements if not statement.shared)
    return {
        "period": period.name,
        "start_utc": utc_text(grid.start_utc),
        "end_utc": utc_text(grid.end_utc),
        "start": local_text(grid.start_utc, grid.zone),
        "end": local_text(grid.end_utc, grid.zone),
        "intervals": grid.count,
        "notes": [*done.energy.notes, *_what_is_billed(period, bills)],
        "optimal_keys_percent": _optimal_keys(rules, done),
        "energy_kwh": {key: _total(done, f"{key}_wh") for key in FLOWS},
        **ratios(done.statements),
        "members": [_statement(bill) for bill in bills],
        "received": {party: money_decimal(amount) for party, amount in sorted(done.received_e8.items())},
        "members_paid": money_decimal(paid),
        "sum": money_decimal(sum(done.received_e8.values()) - paid),
        "saving": money_decimal(sum(s.saving_e8 for s in done.statements if not s.shared)),
        **_payments(bills),
    }


def _what_is_billed(period: Period, bills: Sequence[Bill]) -> list[str]:
    """Which statements a run makes that starts from folders billed before."""
    if period.billed is None:
        return []
    if not period.billed.members:
        return ["in none of the folders billed before: these are the first statements"]
    before = ", ".join(period.billed.folders)
    count = sum(bill.number is not None for bill in bills)
    if count:
        return [f"statements that are new or correct what was billed in {before}: {count:,}"]
    return [f"nothing differs from what was billed in {before}: there are no new statements"]


def _optimal_keys(rules: Community, done: Settlement) -> Tree:
    """The keys that were chosen, by pool and member."""
    return {
        pool.name: {name: Decimal(decimal_text(key, 4)) for name, key in settled.keys[0].percent.items() if key}
        for pool, settled in zip(rules.all_pools, done.rules.all_pools, strict=True)
        if pool.rule == "optimal"
    }


def _total(done: Settlement, key: str) -> Decimal | None:
    """The sum of what is known; None where somebody's is not."""
    energy = [getattr(statement, key) for statement in done.statements]
    return None if None in energy else kwh_decimal(sum(energy))


def ratios(statements: Sequence[Statement]) -> Tree:
    """Which part of what was used came from own roofs and the community, and which part of what was made stayed."""
    own, taken, grid, given, fed = (sum(getattr(s, f"{key}_wh") or 0 for s in statements) for key in FLOWS)
    return {
        "self_sufficiency": ratio(own + taken, own + taken + grid),
        "self_consumption": ratio(own + given, own + given + fed),
    }


def _statement(bill: Bill) -> Tree:
    statement = bill.statement
    return {
        "name": statement.name,
        "title": statement.title,
        "statement": bill.number,
        "corrects": bill.corrects,
        "shared": statement.shared,
        "joined": None if statement.joined is None else str(statement.joined),
        "left": None if statement.left is None else str(statement.left),
        "energy_kwh": _flows(statement),
        "from_community_kwh": _by_tier(statement.from_tier_wh),
        "to_community_kwh": _by_tier(statement.to_tier_wh),
        **ratios([statement]),
        "estimated_intervals": statement.estimated_intervals,
        "lines": [_line(line) for line in statement.lines],
        "without_community": [_line(line) for line in statement.alone],
        "cost": money_decimal(statement.cost_e8),
        "cost_without_community": money_decimal(statement.cost_alone_e8),
        "saving": money_decimal(statement.saving_e8),
        "billed": money_decimal(statement.billed_e8),
        "billed_before": _known_money(bill.before.statement.billed_e8 if bill.before else None),
        "payable": _known_money(bill.payable_e8),
        "payable_before": _known_money(bill.payable_before_e8),
        **_correction(bill),
    }


def _correction(bill: Bill) -> Tree:
    """What was told before, of whom any of it is another now."""
    if bill.before is None or not bill.is_changed:
        return {"energy_kwh_before": None, "corrected_lines": []}
    return {
        "energy_kwh_before": _flows(bill.before.statement),
        "corrected_lines": [_corrected_line(*pair) for pair in bill.corrected_lines],
    }


def _corrected_line(line: Line, before: Line) -> Tree:
    now, then = _line(line), _line(before)
    return now | {
        f"{key}_{what}": None if now[key] is None else (then[key] if what == "before" else now[key] - then[key])
        for key in ("energy_kwh", "net", "tax", "gross")
        for what in ("before", "difference")
    }


def _flows(statement: Statement) -> Tree:
    return {key: _known_kwh(getattr(statement, f"{key}_wh")) for key in FLOWS}


def _by_tier(energy_wh: Sequence[int]) -> Tree:
    return {tier: kwh_decimal(energy) for tier, energy in zip(TIERS, energy_wh, strict=True)}


def _line(line: Line) -> Tree:
    return {
        "item": line.item,
        "detail": line.detail,
        "party": line.party,
        "energy_kwh": None if line.energy_wh is None else kwh_decimal(line.energy_wh),
        "mean_price_per_kwh": _mean_price(line),
        "net": money_decimal(line.net_e8),
        "tax": money_decimal(line.tax_e8),
        "gross": money_decimal(line.gross_e8),
        "billed": line.billed,
    }


def _mean_price(line: Line) -> Decimal | None:
    """What a kWh cost the one who bought it, on average."""
    return ratio(-line.net_e8 if line.sold else line.net_e8, line.energy_wh * 10**5, 6) if line.energy_wh else None


def _payments(bills: Sequence[Bill]) -> Tree:
    """What is collected from members and paid out to them now, and what rounding to cents leaves to the community."""
    members = [bill.statement for bill in bills if not bill.statement.shared]
    return {
        "payments": [
            {
                "statement": bill.number,
                "member": bill.statement.name,
                "direction": "collect" if bill.payable_e8 > 0 else "pay out",
                "amount": money_decimal(abs(bill.payable_e8)),
            }
            for bill in bills
            if bill.payable_e8
        ],
        "rounding": money_decimal(sum(statement.payable_e8 - statement.billed_e8 for statement in members)),
    }


# Checked --------------------------------------------------------------------------------------------------------------
def checked(files: Sequence[MeterFile], faults: Sequence[Exception], notes: Sequence[str] = ()) -> Tree:
    """What the files hold, what is wrong with them, and what else is to be known of them."""
    return {
        "schema": 1,
        "files": [_file(file) for file in files],
        "registers": [
            {
                "meter": reading.meter,
                "register": reading.register,
                "file": reading.place,
                "start_utc": utc_text(reading.start_utc),
                "end_utc": utc_text(reading.end_utc),
                "interval_minutes": reading.step_s // 60,
                "intervals": len(reading.energy_wh),
                "energy_kwh": kwh_decimal(int(reading.energy_wh.sum())),
                "estimated": int(np.count_nonzero(reading.quality == ESTIMATED)),
                "missing": int(np.count_nonzero(reading.quality == MISSING)),
            }
            for file in files
            for reading in file.readings
        ],
        "faults": [str(fault) for fault in faults],
        "notes": list(notes),
    }
