"""`voltadesk battery …`: the fleet's register."""

from __future__ import annotations

from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voltadesk.cli.session import Session, command, group, told_by
from voltadesk.cli.span import Outages, clock_spans, outage_rows, outages
from voltadesk.cli.view import Table, Tree, View, exact, facts, kwh, price
from voltadesk.units import PPM_PER_UNIT, PRICE_LIMIT_TICK, decimal_text, money_decimal

if TYPE_CHECKING:
    from voltadesk.desk.fleet import Battery, Registered

app = group(
    told_by(
        "The fleet: buy, set, look at, retire batteries.",
        "battery buy cellar-9 --serial X123 --capacity-kwh 10 --charge-kw 3 --discharge-kw 3 --cost 4200",
        "battery set cellar-9 --buy-limit 40 --sell-limit 110",
        "battery list",
    )
)

Name = Annotated[str, typer.Argument(metavar="BATTERY")]
Text = Annotated[str, typer.Option()]
Kwh = Annotated[str | None, typer.Option(metavar="KWH")]
Kw = Annotated[str | None, typer.Option(metavar="KW")]
Share = Annotated[str | None, typer.Option(metavar="SHARE", help="Of 1, as 0.95.")]
Price = Annotated[str | None, typer.Option(metavar="PRICE", help="Per MWh.")]
Strategy = Annotated[
    Literal["threshold", "timetable", "rolling", "day-ahead", "dual"] | None,
    typer.Option(help="When it buys and sells: docs/strategies.md."),
]
Spans = Annotated[
    list[str] | None,
    typer.Option(metavar="FROM-TO", help="Hours of a timetable, as 22:00-05:30; more than once; 'none' clears."),
]
Loss = Annotated[str | None, typer.Option(metavar="PERCENT", help="Of what is stored, an hour.")]


@command(
    app,
    "add",
    told_by(
        "Register a battery that the fund does not pay for.",
        "battery add shed-1 --serial Y7 --capacity-kwh 12 --charge-kw 4 --discharge-kw 4 --buy-limit 30",
    ),
    signs=True,
)
def add(
    at: Session,
    battery: Name,
    serial: Text,
    capacity_kwh: Annotated[str, typer.Option(metavar="KWH")],
    charge_kw: Annotated[str, typer.Option(metavar="KW")],
    discharge_kw: Annotated[str, typer.Option(metavar="KW")],
    fill_kwh: Kwh = None,
    minimum_fill_kwh: Kwh = None,
    maximum_fill_kwh: Kwh = None,
    charge_efficiency: Share = None,
    discharge_efficiency: Share = None,
    standing_loss_percent_per_hour: Loss = None,
    wear_cost: Price = None,
    strategy: Strategy = None,
    buy_limit: Price = None,
    sell_limit: Price = None,
    charge: Spans = None,
    discharge: Spans = None,
) -> View:
    return at.ask("battery.add", **_body(locals()))


def buy(at: Session, cost: Annotated[str, typer.Option(help="In the desk's currency.")], **given: Any) -> View:
    return at.ask("battery.buy", cost=cost, **_body(given))


# It has all options of `add` too.
_at, *_options = signature(add, eval_str=True).parameters.values()
_cost = signature(buy, eval_str=True).parameters["cost"].replace(kind=Parameter.KEYWORD_ONLY)
buy.__signature__ = Signature([_at, _cost, *(option.replace(kind=Parameter.KEYWORD_ONLY) for option in _options)])  # type: ignore[attr-defined]
command(
    app,
    "buy",
    told_by(
        "Buy a battery with the fund's free cash.",
        "battery buy cellar-9 --serial X123 --capacity-kwh 10 --charge-kw 3 --discharge-kw 3 --cost 4200 "
        "--buy-limit 30 --sell-limit 120 --wear-cost 12",
    ),
    signs=True,
)(buy)


@command(
    app,
    "set",
    told_by(
        "Change when a battery trades, within which fill, with which power; from the next interval on.",
        "battery set cellar-1 --buy-limit 40 --sell-limit 110",
        "battery set cellar-1 --strategy timetable --charge 10:00-15:00 --discharge 18:00-22:00",
        "battery set cellar-1 --strategy rolling",
        "battery set cellar-1 --outage 2026-05-26T08:00/2026-05-26T12:00/50",
        more="Lists take the place of what was there: 'none' clears one.",
    ),
    signs=True,
)
def set_(
    at: Session,
    battery: Name,
    strategy: Strategy = None,
    buy_limit: Price = None,
    sell_limit: Price = None,
    charge: Spans = None,
    discharge: Spans = None,
    wear_cost: Price = None,
    charge_kw: Kw = None,
    discharge_kw: Kw = None,
    minimum_fill_kwh: Kwh = None,
    maximum_fill_kwh: Kwh = None,
    outage: Outages = None,
) -> View:
    body = _body(locals())
    del body["outage"]
    return at.ask("battery.set", outages=outages(at, outage, "available_percent"), **body)


@command(
    app,
    "retire",
    told_by(
        "Take a battery out for good: what it holds is sold at a price, or written off without one.",
        "battery retire cellar-1 --price 60 --scrap 150",
    ),
    signs=True,
)
def retire(
    at: Session,
    battery: Name,
    price: Price = None,
    scrap: Annotated[str | None, typer.Option(metavar="MONEY", help="What it fetches.")] = None,
) -> View:
    return at.ask("battery.retire", battery=battery, price=price, scrap=scrap)


@command(
    app, "list", told_by("The batteries in service.", "battery list", "battery list --retired", "battery list --json")
)
def list_(
    at: Session, retired: Annotated[bool, typer.Option("--retired", help="Those out of service too.")] = False
) -> View:
    from voltadesk.strategy.rolling import ROLLING

    book = at.book
    names = [name for name in sorted(book.fleet.register) if retired or not book.fleet.register[name].retired_entry]
    batteries = [_tree(at, name) for name in names]
    rows = [
        (
            b["battery"] + (" (retired)" if b["retired_entry"] else ""),
            b["strategy"],
            exact(b["fill_kwh"]),
            exact(b["capacity_kwh"]),
            exact(b["charge_kw"]),
            exact(b["discharge_kw"]),
            *(
                exact(limit) if limit is not None else "its own" if b["strategy"] in ROLLING else "never"
                for limit in (b["buy_limit_per_mwh"], b["sell_limit_per_mwh"])
            ),
            exact(b["book_value"]),
        )
        for b in batteries
    ]
    currency = book.ledger.currency
    columns = (
        "battery",
        "strategy",
        "fill kWh",
        "of kWh",
        "in kW",
        "out kW",
        "buys to",
        "sells from",
        f"book {currency}",
    )
    return View({"currency": currency, "batteries": batteries}, (Table("batteries", columns, rows, 2),))


@command(app, "show", told_by("All about one battery.", "battery show cellar-1", "battery show cellar-1 --json"))
def show(at: Session, battery: Name) -> View:
    tree = _tree(at, battery)
    lists = ("charge", "discharge", "outages")
    pairs = [(name, value) for name, value in tree.items() if name not in lists]
    pairs += [(name, " ".join(tree[name])) for name in lists[:2]]
    tables = [facts(battery, pairs)]
    if tree["outages"]:
        tables.append(outage_rows(at, tree["outages"], "available_percent"))
    return View({"currency": at.book.ledger.currency} | tree, tuple(tables))


@command(
    app,
    "why",
    told_by(
        "What a battery did in its last intervals and why: price, limits, what a stored MWh was worth to it, fill.",
        "battery why cellar-1",
        "battery why cellar-1 --intervals 96 --json",
        more="A stored MWh more is worth what it costs at the buying limit, with what charging loses; one less what it "
        "brings at the selling limit, less wear and what discharging loses.",
    ),
)
def why(
    at: Session,
    battery: Name,
    intervals: Annotated[int, typer.Option(min=1, metavar="N", help="So many, the last ones.")] = 24,
) -> View:
    found = _reasons(at, battery, intervals)
    columns = ("interval", "did", "kWh", "price", "buys to", "sells from", "MWh more", "less", "fill kWh")
    rows = [
        (
            at.local(start_utc),
            row["reason"],
            exact(row["charge_kwh"] - row["discharge_kwh"]),
            *("" if row[name] is None else exact(row[name]) for name in _WHY_PRICES),
            exact(row["fill_kwh"]),
        )
        for start_utc, row in found.items()
    ]
    since = "" if found else ": no interval has been run since it is there"
    table = Table(f"{battery}, per MWh in {at.book.ledger.currency}{since}", columns, rows, 2)
    return View({"currency": at.book.ledger.currency, "battery": battery, "intervals": list(found.values())}, (table,))


_WHY_PRICES = (
    "price_per_mwh",
    "buy_limit_per_mwh",
    "sell_limit_per_mwh",
    "worth_more_per_stored_mwh",
    "worth_less_per_stored_mwh",
)


def _reasons(at: Session, name: str, intervals: int) -> dict[int, Tree]:
    """The last intervals of a battery by their start [s UTC], oldest first."""
    from voltadesk.clock import utc_text
    from voltadesk.engine.tables import NO_PRICE_TICK
    from voltadesk.strategy.limits import shown, worth_tick

    battery, market = _registered(at, name).battery, at.market
    after_utc = market.next_utc - intervals * market.step_s - 1
    price_tick = {row["start_utc"]: row["price_tick"] for row in at.desk.intervals(after_utc)}
    found = {}
    for row in at.desk.battery_intervals(after_utc, name):
        tick = price_tick[row.start_utc]
        buys, sells = shown(row.buy_limit_tick), shown(row.sell_limit_tick)
        worth = worth_tick(
            buys, sells, battery.charge_efficiency_ppm, battery.discharge_efficiency_ppm, battery.wear_cost_tick
        )
        prices = map(price, (None if tick == NO_PRICE_TICK else tick, buys, sells, *worth))
        found[row.start_utc] = {
            "start_utc": utc_text(row.start_utc),
            "reason": row.reason,
            "charge_kwh": kwh(row.charge_wh),
            "discharge_kwh": kwh(row.discharge_wh),
            "fill_kwh": kwh(row.fill_wh),
            **dict(zip(_WHY_PRICES, prices, strict=True)),
        }
    return found


def _registered(at: Session, name: str) -> Registered:
    from voltadesk.desk.refusal import Refusal

    register = at.book.fleet.register
    if name not in register:
        raise Refusal("NOT_FOUND", "battery", name, "must be in the register")
    return register[name]


def _body(given: dict[str, Any]) -> dict[str, Any]:
    """The command's fields of a function's own options, hours of the day checked for `none`."""
    body = {name: value for name, value in given.items() if name not in ("at", "charge", "discharge")}
    return body | {name: clock_spans(given[name]) for name in ("charge", "discharge")}


def _tree(at: Session, name: str) -> Tree:
    from voltadesk.clock import utc_text

    fleet, row = at.book.fleet, _registered(at, name)
    b = row.battery
    return {
        "battery": name,
        "serial": b.serial,
        "strategy": b.strategy,
        "fill_kwh": kwh(fleet.fill_wh(name)),
        "capacity_kwh": kwh(b.capacity_wh),
        "minimum_fill_kwh": kwh(b.minimum_fill_wh),
        "maximum_fill_kwh": kwh(b.maximum_fill_wh),
        "charge_kw": kwh(b.charge_power_w),
        "discharge_kw": kwh(b.discharge_power_w),
        "charge_efficiency": _ppm(b.charge_efficiency_ppm),
        "discharge_efficiency": _ppm(b.discharge_efficiency_ppm),
        "standing_loss_percent_per_hour": _ppm(b.standing_loss_ppm_per_hour * 100),
        "wear_cost_per_mwh": price(b.wear_cost_tick),
        **_limits(b),
        "charge": [_hours(span) for span in b.charge],
        "discharge": [_hours(span) for span in b.discharge],
        "outages": [
            {"begin_utc": utc_text(begin), "end_utc": utc_text(end), "available_percent": _ppm(left * 100)}
            for begin, end, left in b.outages
        ],
        "cost": money_decimal(row.cost_e8),
        "book_value": money_decimal(fleet.book_e8(name)),
        "energy_cost": money_decimal(fleet.energy_cost_e8(name)),
        "bought_entry": row.bought_entry,
        "retired_entry": row.retired_entry or None,
    }


def _limits(battery: Battery) -> Tree:
    """Buying and selling limits; None where none is set: then it never does, or finds its own."""
    buys, sells = battery.buy_limit_tick, battery.sell_limit_tick
    return {
        "buy_limit_per_mwh": None if abs(buys) >= PRICE_LIMIT_TICK else price(buys),
        "sell_limit_per_mwh": None if abs(sells) >= PRICE_LIMIT_TICK else price(sells),
    }


def _ppm(share_ppm: int) -> Any:
    from decimal import Decimal

    return Decimal(decimal_text(share_ppm, len(str(PPM_PER_UNIT)) - 1))


def _hours(span: tuple[int, ...]) -> str:
    return "-".join(f"{second // 3600:02}:{second % 3600 // 60:02}" for second in span)
