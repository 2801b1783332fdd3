"""An interval's sharing in words, for the member it is about: every figure is that of the explanation, exact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from voltadesk.report.community_document import NEARNESS
from voltadesk.ui.cells import Words
from voltadesk.ui.inks import FAINT, STRONG, TEXT, change_ink
from voltadesk.ui.interval_words import KWH, kwh, moment_text, said
from voltadesk.ui.text import MONEY_EXACT, Number, percent_text
from voltadesk.units import BP_PER_UNIT, PPM_PER_UNIT, decimal_text

if TYPE_CHECKING:
    from voltadesk.community.books import Line
    from voltadesk.community.explanation import Bid, Explanation, PoolShare, Step

_PER_KWH = Number(5, 5)  # from ticks
_TIERS = tuple(NEARNESS)
_ROUNDS = 4  # after the first one, that are told one by one


def of_member(told: Explanation, currency: str, zone: ZoneInfo) -> list[Words]:
    """What a member got, why, and what it cost."""
    member = told.member
    name = f"{member.name} · {member.title}" if member.title else member.name
    head: Words = [(name, STRONG), (f" on {moment_text(told.start_utc, told.end_utc, zone)}", TEXT)]
    if not told.is_active:
        return [head, [], said("You were no member of the community then.")]
    parts = [head, said(_did(told))]
    for pool in told.pools:
        name = f"The pool {pool.name}" if len(told.pools) > 1 else "The community"
        if told.import_wh:
            parts += [[], *map(said, _taken(name, pool))]
        if pool.offered_wh:
            parts += [[], *map(said, _given(name, pool))]
    rest = [
        f"{kwh(energy_wh)} {words} the grid"
        for energy_wh, words in (
            (told.import_wh - told.from_community_wh, "came from"),
            (told.export_wh - told.to_community_wh, "went to"),
        )
        if energy_wh
    ]
    if rest:
        parts.append(said(f"{' and '.join(rest)}."))
    return [*parts, [], *_cost(told, currency)]


def _did(told: Explanation) -> str:
    used = [f"used {kwh(told.import_wh)}"] if told.import_wh or not told.export_wh else []
    fed = [f"fed in {kwh(told.export_wh)}"] if told.export_wh else []
    return f"You {' and '.join(used + fed)}."


# What was taken -------------------------------------------------------------------------------------------------------
def _taken(name: str, pool: PoolShare) -> Iterator[str]:
    yield f"{name} had {kwh(pool.all_offered_wh)} for {kwh(pool.all_wanted_wh)} wanted."
    if not pool.is_consumer:
        yield "You are not among those it is shared with."
        return
    if pool.participation_bp != BP_PER_UNIT:
        part = decimal_text(pool.participation_bp, 2)
        yield f"You take part with {part} % of what you use: {kwh(pool.wanted_wh)} here."
    if not pool.wanted_wh:
        yield "You wanted nothing more."
    elif not pool.all_offered_wh:
        yield "There was nothing to share."
    else:
        yield from _by_rule(pool)
        near = _near(pool.near_taken_wh)
        yield f"So you got {kwh(pool.taken_wh)}{f', from: {near}' if near else ''}."


def _by_rule(pool: PoolShare) -> Iterator[str]:
    if pool.rule not in ("static", "optimal") and pool.shared_wh == pool.all_wanted_wh:
        yield "There was enough for everybody."
    elif pool.rule == "dynamic":
        step = pool.steps[0]
        yield (
            f"By the rule dynamic it goes to all in proportion to what they want: yours is {KWH.show(step.weight)} of "
            f"{KWH.show(step.weights)} ({percent_text(step.weight, step.weights)}), and that part of "
            f"{KWH.show(step.offered_wh)} is {kwh(step.part_wh)}."
        )
    elif pool.rule == "priority":
        yield "By the rule priority the nearest come first."
        yield from map(_tier, pool.steps)
    elif pool.bid is not None:
        yield from _by_bids(pool.bid)
    elif pool.steps:
        yield from _by_keys(pool)


def _tier(step: Step) -> str:
    """A tier under `priority`."""
    words = f"– {NEARNESS[step.tier]}: {kwh(step.offered_wh)} for {KWH.show(step.wanted_wh)} still wanted"
    if step.offered_wh >= step.wanted_wh:
        return f"{words}, enough: you got {KWH.show(step.taken_wh)}."
    own = f"{KWH.show(step.weight)} ({percent_text(step.weight, step.weights)})"
    part = "all of it" if step.weight == step.weights else f"{own} of it"
    return f"{words}, {part} by you: you got {KWH.show(step.taken_wh)}."


def _by_bids(bid: Bid) -> Iterator[str]:
    """The order book; its first sentence is the rule."""
    price = _PER_KWH.show(bid.price_tick)
    yield f"By the rule book those buy first whose suppliers ask most. Yours asks {price} a kWh."
    if bid.price_tick < bid.buyer_tick:
        yield f"Buyers pay {_PER_KWH.show(bid.buyer_tick)} here, which is more: your supplier serves you for less."
        return
    yield f"At that or less {kwh(bid.offered_wh)} were for sale; {kwh(bid.dearer_wh)} were wanted by those before you."
    if bid.dearer_wh + bid.equal_wh > bid.offered_wh > bid.dearer_wh:
        yield f"Who bids the same takes turns: {kwh(bid.equal_wh)} were wanted at your price."


def _by_keys(pool: PoolShare) -> Iterator[str]:
    first, *others = pool.steps
    rule = "optimal (the best keys of the month)" if pool.rule == "optimal" else pool.rule
    if not first.weight:
        yield f"By the rule {rule} you have no key, so none of it is yours."
        return
    part = f"{_key(first, pool)} of {KWH.show(first.offered_wh)} is {kwh(first.part_wh)}"
    yield f"By the rule {rule} {part}{_used(first)}."
    told = others if len(others) <= _ROUNDS else others[: _ROUNDS - 1]
    for n, step in enumerate(told, start=2):
        part = f"{_key(step, pool)} of it is {kwh(step.part_wh)}"
        yield f"– round {n}: {kwh(step.offered_wh)} were left, {part}{_used(step)}."
    if more := others[len(told) :]:
        yield f"– in {len(more)} more rounds: {kwh(sum(step.taken_wh for step in more))}."


def _key(step: Step, pool: PoolShare) -> str:
    """your key of 12.5 %"""
    if not pool.has_keys:
        return f"an equal part among {step.weights}"
    if step.weights == PPM_PER_UNIT:
        return f"your key of {decimal_text(step.weight, 4)} %"
    own, whole = decimal_text(step.weight, 4), decimal_text(step.weights, 4)
    return f"your key of {own} out of the {whole} % that still want some"


def _used(step: Step) -> str:
    return "" if step.taken_wh == step.part_wh else f", of which you could use {kwh(step.taken_wh)}"


def _near(near_wh: tuple[int, ...]) -> str:
    """same building 0.100, same feeder 0.062"""
    return ", ".join(
        f"{NEARNESS[tier]} {KWH.show(energy_wh)}" for tier, energy_wh in zip(_TIERS, near_wh, strict=True) if energy_wh
    )


# What was given -------------------------------------------------------------------------------------------------------
def _given(name: str, pool: PoolShare) -> Iterator[str]:
    took = f"{name} took {kwh(pool.shared_wh)} of {kwh(pool.all_offered_wh)} offered"
    if pool.rule == "priority":
        yield f"{took}, tier by tier in proportion to what each offers."
    else:
        part = percent_text(pool.offered_wh, pool.all_offered_wh)
        yield f"{took}, from each in proportion; you offered {KWH.show(pool.offered_wh)} ({part})."
    near = _near(pool.near_given_wh)
    yield f"So you gave {kwh(pool.given_wh)}{f', to: {near}' if near else ''}."


# What it cost ---------------------------------------------------------------------------------------------------------
def _cost(told: Explanation, currency: str) -> Iterator[Words]:
    if told.member.shared:
        yield [("This plant is the community's: what it costs and earns is on the community's own account.", FAINT)]
    yield [(f"Cost in {currency}", STRONG)]
    rows = [_row(line) for line in told.lines]
    widths = [max((len(row[n]) for row in rows), default=0) for n in range(5)]
    for name, energy, price, net, tax in rows:
        text = f"{name:<{widths[0]}}  {energy:>{widths[1]}} × {price:>{widths[2]}} = {net:>{widths[3]}}"
        yield [(text, TEXT), (f"  {tax:>{widths[4]}}" if tax else "", FAINT)]
    saved = told.cost_alone_e8 - told.cost_e8
    yield [
        (f"Together {MONEY_EXACT.show(told.cost_e8)}, ", TEXT),
        (f"without the community {MONEY_EXACT.show(told.cost_alone_e8)}: ", TEXT),
        (f"{MONEY_EXACT.show(abs(saved))} {'saved' if saved >= 0 else 'more'}", change_ink(saved)),
        (".", TEXT),
    ]
    yield [("Fees by the month are not in it; the statement works tax out for the whole period.", FAINT)]


def _row(line: Line) -> tuple[str, str, str, str, str]:
    """Name, energy, price, money and tax of a line; what was given counts below zero."""
    assert line.energy_wh
    energy_wh = -line.energy_wh if line.sold else line.energy_wh
    name = " ".join(filter(None, (line.item, line.detail)))
    tax = f"+ tax {MONEY_EXACT.show(line.tax_e8)}" if line.tax_e8 else ""
    return name, kwh(energy_wh), _PER_KWH.show(line.net_e8 // energy_wh), MONEY_EXACT.show(line.net_e8), tax
