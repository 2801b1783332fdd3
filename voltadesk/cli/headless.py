"""`voltadesk headless …`: runs without a screen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, TextIO, TypeVar

import typer

from voltadesk.cli import backtest, sweep
from voltadesk.cli.answers import Json, answer
from voltadesk.cli.drawn import ReportFiles
from voltadesk.cli.option_groups import grouped
from voltadesk.errors import BadInput

if TYPE_CHECKING:
    from voltadesk.engine.exchange import Exchange
    from voltadesk.feeds.book_events import BookEvents
    from voltadesk.report.charts import Chart
    from voltadesk.report.document import Section
    from voltadesk.scenario.model import Scenario
    from voltadesk.scenario.replay import Without
    from voltadesk.scenario.world import World

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=(
        "Runs without a screen.\n\n"
        "Examples:\n\n"
        "  voltadesk headless replay\n\n"
        "  voltadesk headless clear orders.csv --json\n\n"
        "  voltadesk headless match events.ndjson --json\n"
    ),
)

app.command("backtest", help=backtest.HELP)(backtest.backtest)
app.command("sweep", help=sweep.HELP)(sweep.sweep)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]


@app.command(
    help=(
        "One auction over the orders of a CSV file.\n\n"
        "Examples:\n\n"
        "  voltadesk headless clear orders.csv\n\n"
        "  voltadesk headless clear orders.csv --price-rule lowest --cap 4000 --json\n\n"
        "  printf 'side,price,quantity\\nbuy,,5\\nsell,50,8\\n' | voltadesk headless clear -\n\n"
        "Columns: side (buy, sell), price (per MWh; blank = at any price), quantity (MWh), and optionally id and "
        "participant."
    )
)
def clear(
    orders: Annotated[str, typer.Argument(metavar="ORDERS.csv", help="A CSV file; - reads stdin.")],
    pricing: Annotated[
        Literal["uniform", "vertical-demand", "pay-as-bid"], typer.Option(help="Pricing model.")
    ] = "uniform",
    price_rule: Annotated[
        Literal["midpoint", "lowest", "highest"], typer.Option(help="Which of the prices that clear.")
    ] = "midpoint",
    floor: Annotated[str, typer.Option(help="Lowest price allowed.")] = "-500.00",
    cap: Annotated[str, typer.Option(help="Highest price allowed.")] = "4000.00",
    margin: Annotated[str, typer.Option(help="Operator's margin: buyers pay price + margin.")] = "0.00",
    max_participants: Annotated[Optional[int], typer.Option(min=1, help="Most participants.")] = None,  # noqa: UP045
    max_steps: Annotated[Optional[int], typer.Option(min=1, help="Most orders of one participant a side.")] = None,  # noqa: UP045
    as_json: Json = False,
) -> None:
    from voltadesk.feeds.orders import OrderLimits, read_orders
    from voltadesk.units import parse_price_tick

    floor_tick, cap_tick = _price_band(floor, cap)
    margin_tick = parse_price_tick(margin, "margin", low=0)
    limits = OrderLimits(floor_tick, cap_tick, max_steps, max_participants)
    lines = _read_lines(orders, "orders", lambda source, name: read_orders(source, name, limits))

    from voltadesk.cli.progress import shown_compiling
    from voltadesk.engine.auction import clear_by
    from voltadesk.engine.cleared import PRICE_RULES, PRICING, Auction
    from voltadesk.report.clearing import clear_lines, clearing_section

    rules = Auction(PRICING[pricing], PRICE_RULES[price_rule], floor_tick, cap_tick, margin_tick)
    try:
        with shown_compiling(clear_by):
            result = clear_lines(lines, rules)
    except BadInput as error:
        raise error.at("stdin" if orders == "-" else Path(orders).name) from None
    answer(result, [clearing_section(result)], as_json)


@app.command(
    help=(
        "Run a file of orders through a fresh order book and tell trades, what is left, and a digest.\n\n"
        "Examples:\n\n"
        "  voltadesk headless match events.ndjson\n\n"
        "  voltadesk headless match events.csv --json\n\n"
        "  voltadesk headless match events.csv --floor -500 --cap 4000 --out results\n\n"
        "  printf 'type,id,side,price,quantity\\nnew,a,sell,50,8\\nnew,b,buy,51,5\\n' | voltadesk headless match -\n\n"
        "CSV with a header, or one JSON object a line: type (new, cancel, amend), id, owner, product, side, price "
        "(per MWh), quantity (MWh), kind (limit, market, ioc, fok, post-only, iceberg). docs/book.md tells the rules "
        "and more types."
    )
)
def match(
    events: Annotated[str, typer.Argument(metavar="EVENTS", help="An NDJSON or CSV file; - reads stdin.")],
    floor: Annotated[str, typer.Option(help="Lowest price allowed.")] = "-30000.00",
    cap: Annotated[str, typer.Option(help="Highest price allowed.")] = "30000.00",
    out: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="DIR", help="Write the result and every report here."),
    ] = None,
    as_json: Json = False,
) -> None:
    from voltadesk.feeds.book_events import read_book_events
    from voltadesk.report.folder import OutFolder

    floor_tick, cap_tick = _price_band(floor, cap)
    if out == "":
        raise BadInput("out", out, "must be a folder")
    found = _read_lines(events, "events", read_book_events)
    files = None if out is None else OutFolder(Path(out))
    try:
        if files is not None:
            files.begin()
        tree, parts, texts = _match(found, floor_tick, cap_tick, files is not None)
        if files is not None:
            for name, text in texts.items():
                files.write_text(name, text)
            files.finish()
    finally:
        if files is not None:
            files.close()
    answer(tree, parts, as_json)


def _match(
    events: BookEvents, floor_tick: int, cap_tick: int, with_files: bool
) -> tuple[Any, list[Section], dict[str, str]]:
    """The result as a tree, for people, and as files."""
    from voltadesk.cli.progress import shown_compiling
    from voltadesk.engine.book_messages import run_messages
    from voltadesk.report.document import markdown
    from voltadesk.report.exact_json import json_text
    from voltadesk.report.matching import match_events, match_sections, match_tree, reports_csv

    with shown_compiling(run_messages):
        result = match_events(events, floor_tick, cap_tick)
    tree = match_tree(result)
    parts = match_sections(result, tree)
    texts = {}
    if with_files:
        texts = {
            "match.json": json_text(tree, indent=2) + "\n",
            "match.md": markdown(parts),
            "reports.csv": reports_csv(result),
        }
    return tree, parts, texts


def _price_band(floor: str, cap: str) -> tuple[int, int]:
    """Floor and cap [tick] from the options."""
    from voltadesk.units import parse_price_tick

    floor_tick, cap_tick = parse_price_tick(floor, "floor"), parse_price_tick(cap, "cap")
    if floor_tick >= cap_tick:
        raise BadInput("floor", floor, f"must be below the cap ({cap})")
    return floor_tick, cap_tick


def _read_lines(path: str, field: str, read: Callable[[TextIO, str], T]) -> T:
    """What a reader makes of a file, or of stdin for `-`."""
    if path == "-":
        return read(sys.stdin, "stdin")
    try:
        with open(path, encoding="utf-8", newline="") as source:
            return read(source, Path(path).name)
    except OSError as error:
        raise BadInput(field, path, (error.strerror or "can't be read").lower()) from None


@app.command(
    help=(
        "Run a scenario's market from its first interval to its last and report on it.\n\n"
        "Examples:\n\n"
        "  voltadesk headless replay\n\n"
        "  voltadesk headless replay quickstart --compare-without fleet\n\n"
        "  voltadesk headless replay village --compare\n\n"
        "  voltadesk headless replay upstream --strategy day-ahead\n\n"
        "  voltadesk headless replay my-town.toml --out results --seed 7 --until 2026-05-27\n\n"
        "  voltadesk headless replay --out results --html --format csv\n\n"
        "SCENARIO is a TOML file or one that is shipped: quickstart, village, city, upstream."
    )
)
@grouped
def replay(
    scenario: Annotated[
        str, typer.Argument(metavar="[SCENARIO]", help="A TOML file or a shipped name.")
    ] = "quickstart",
    *,
    report: ReportFiles,
    seed: Annotated[Optional[str], typer.Option(metavar="N", help="Another seed than the scenario's.")] = None,  # noqa: UP045
    until: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(metavar="TIME", help="Stop there: 2026-05-27 or 2026-05-27T12:00, on the scenario's clock."),
    ] = None,
    compare_without: Annotated[
        Optional[Literal["fleet", "community", "solar", "flexible", "upstream"]],  # noqa: UP045
        typer.Option(help="Run again without this part and show what it changed."),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Show it without a community, with a pool and with an order book side by side."),
    ] = False,
    strategy: Annotated[
        Optional[Literal["rolling", "day-ahead", "dual"]],  # noqa: UP045
        typer.Option(help="All batteries by it, instead of each by its own: docs/strategies.md."),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(min=1, max=2, help="With 2, the next intervals are drawn meanwhile."),
    ] = 1,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    from voltadesk.scenario.read import find_scenario, read_scenario

    path = find_scenario(scenario)
    model = read_scenario(path)
    if seed is not None:
        model = model.with_seed(seed)
    if strategy is not None:
        model = model.with_strategy(strategy)
    report.folder()
    if compare and compare_without is not None:
        raise BadInput("compare", None, "must not be given beside --compare-without")
    tree, parts = _run_and_report(model, path, report, until, compare_without, compare, threads, quiet)
    answer(tree, parts, as_json)


def world_of(model: Scenario, path: Path) -> World:
    """The world of a scenario; what is wrong with it is said with the scenario's file in front."""
    from voltadesk.scenario.world import World

    try:
        return World(model, path.parent)
    except BadInput as error:
        raise error.at(path.name) from None


def _run_and_report(
    model: Scenario,
    path: Path,
    report: ReportFiles,
    until: str | None,
    compare_without: Without | None,
    with_communities: bool,
    threads: int,
    quiet: bool,
) -> tuple[Any, list[Section]]:
    from voltadesk.cli.progress import run_with_progress
    from voltadesk.report import document
    from voltadesk.report.comparing import compare, compare_communities
    from voltadesk.report.document import comparison, sections
    from voltadesk.report.files import RunFiles
    from voltadesk.report.summary import summarise
    from voltadesk.scenario.replay import communities, with_community, without

    world = world_of(model, path)
    intervals = None if until is None else world.intervals_until(until)
    other = None if compare_without is None else world_of(without(model, compare_without), path)
    rules = communities(model) if with_communities else ()
    world.community_is_measured = with_communities
    out = report.folder()
    files = None if out is None else RunFiles(out, world, report.table_format)

    def run_by(rule: str) -> Any:
        changed = world_of(with_community(model, rule), path)
        changed.community_is_measured = True
        return summarise(changed, run_with_progress(changed, intervals, threads, quiet, None))

    try:
        if files is not None:
            files.begin()
        exchange = run_with_progress(world, intervals, threads, quiet, files.add_trades if files else None)
        tree = summarise(world, exchange)
        parts = sections(tree, exchange.intervals[: exchange.next_interval])
        if other is not None and compare_without is not None:
            tree_without = summarise(other, run_with_progress(other, intervals, threads, quiet, None))
            tree["comparison"] = compare(tree, tree_without, compare_without)
            parts.append(comparison(tree["comparison"]))
        if rules:
            runs = {rule: tree if rule == model.community.rule else run_by(rule) for rule in rules}
            tree["communities"] = compare_communities(runs)
            parts.append(document.communities(tree["communities"]))
        if files is not None:
            files.write(exchange, report.written(tree, parts, "Replay", lambda: _charts(world, exchange)))
    finally:
        if files is not None:
            files.close()
    return tree, parts


def _charts(world: World, exchange: Exchange) -> Sequence[Chart]:
    from voltadesk.report.replay_charts import replay_charts

    return replay_charts(world, exchange)
