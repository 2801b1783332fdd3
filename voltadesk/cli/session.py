"""What every command of a desk shares: which desk, who asks and by which key, and what comes back.

A command is a function of a `Session` and its own options; `command` adds the shared options, which are the fields of
`Session`, shows what the function returns, and turns refusals into exit codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from typer.core import TyperCommand

from voltadesk.cli.keyfile import PassphraseFd, key_path, passphrase_of
from voltadesk.cli.view import Tree, View, facts, json_line, say, show
from voltadesk.errors import BadInput, VoltaDeskError

if TYPE_CHECKING:
    from voltadesk.desk.book import Book
    from voltadesk.desk.market import Market
    from voltadesk.store.desk import Desk, Receipt
    from voltadesk.store.journal import Journal
    from voltadesk.store.keys import Key
    from voltadesk.store.seat import Seat

_NEGATIVE = re.compile(r"-[0-9.,]+")  # what is meant as a value, not as an option
DatabaseUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="A PostgreSQL database to keep the desk in, without a password; else a file."),
]
READING = ("folder", "as_json")  # fields of `Session` that are options of commands that only read


@dataclass
class Session:
    """One command line's desk, opened when it is first needed."""

    as_name: Annotated[
        str | None,
        typer.Option(
            "--as",
            envvar="VOLTADESK_AS",
            metavar="NAME",
            help="Who asks; else the only key's owner, else the desk's founder.",
        ),
    ] = None
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key to sign with; else keys/NAME.key of the desk.")
    ] = None
    passphrase_fd: PassphraseFd = None
    key: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Idempotency key: asked again with the same one, nothing is done twice."),
    ] = None
    folder: Annotated[
        Path | None,
        typer.Option("--desk", envvar="VOLTADESK_DESK", metavar="FOLDER", help="The desk's folder."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, numbers written exactly.")] = False

    def __post_init__(self) -> None:
        self.is_answered = False

    # The desk ---------------------------------------------------------------------------------------------------------
    @cached_property
    def path(self) -> Path:
        """The desk's folder: the option, else the environment, else the platform's folder for data."""
        return self.folder or default_folder()

    @cached_property
    def desk(self) -> Desk:
        from voltadesk.store.desk import Desk

        return Desk.open(self.path)

    @property
    def book(self) -> Book:
        """What the desk knows, to be looked at only."""
        return self.desk.book

    @property
    def market(self) -> Market:
        """The desk's market. Raises Refusal NO_MARKET."""
        return self.seat.market

    @cached_property
    def zone(self) -> ZoneInfo:
        """The clock that people here read."""
        return ZoneInfo("UTC") if self.book.market is None else self.book.market.zone

    def local(self, second_utc: int) -> str:
        """A moment for people."""
        from voltadesk.clock import local_text

        return local_text(second_utc, self.zone)

    def moment(self, text: str | None, field: str = "until") -> str | None:
        """A moment as commands carry it, from UTC with a Z or from the market's own clock."""
        from voltadesk.clock import utc_text

        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            limit = "must be a time such as 2026-05-27T12:00 or 2026-05-27T10:00Z"
            raise BadInput(field, text, limit) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        if moment.second or moment.microsecond or not 1971 <= moment.year <= 2999:
            raise BadInput(field, text, "must be a whole minute of the years 1971 to 2999")
        return utc_text(int(moment.astimezone(UTC).timestamp()))

    def take_journal(self) -> Journal:
        """The desk's journal alone, for whoever needs no state any more, and closes it."""
        assert self.zone
        journal = self.desk.journal
        del vars(self)["desk"]
        return journal

    def forget_desk(self) -> None:
        """Someone else closes the desk now."""
        for name in ("desk", "seat"):
            vars(self).pop(name, None)

    def close(self) -> None:
        """Let go of the desk's files."""
        if "desk" in vars(self):
            self.desk.close()

    def show(self, view: View) -> None:
        """Answer."""
        self.is_answered = True
        show(view, self.as_json)

    # Who asks ---------------------------------------------------------------------------------------------------------
    @cached_property
    def actor(self) -> str:
        """Who asks: as the option says, else the only one with a key here, else the founder."""
        if self.as_name is not None:
            return self.as_name
        names = sorted(path.stem for path in (self.path / "keys").glob("*.key"))
        if len(names) == 1:
            return names[0]
        return str(next(self.desk.journal.tail(limit=1)).fields["actor"])

    @property
    def own_key_file(self) -> Path:
        """Where the key of whoever asks is."""
        return self.key_file or key_path(self.path, self.actor)

    @cached_property
    def passphrase(self) -> bytes | None:
        """What the key to sign with is encrypted with."""
        return passphrase_of(self.own_key_file, self.passphrase_fd)

    @cached_property
    def private(self) -> Key:
        """The key to sign with. Raises Refused when others may read it, or the passphrase is wrong."""
        from voltadesk.store.keys import Key

        return Key.read(self.own_key_file, self.passphrase)

    @cached_property
    def seat(self) -> Seat:
        """Whoever asks, at the desk, to act in that name."""
        from voltadesk.store.seat import Seat

        return Seat(self.desk, self.actor, lambda: self.private)

    @property
    def now_utc(self) -> int:
        """The desk's time: its market's clock, or the wall's where there is none [s UTC]."""
        return self.seat.now_utc

    def ask(self, kind: str, /, **options: Any) -> View:
        """Carry out a command with the options that were given, and tell what it did."""
        return self.told(kind, *self.done(kind, **options))

    def done(self, kind: str, /, **options: Any) -> tuple[Receipt, str]:
        """Carry out a command with the options that were given; returns the receipt and the idempotency key."""
        body = {name: value for name, value in options.items() if value is not None}
        return self.seat.execute(kind, body, self.key)

    def told(self, kind: str, receipt: Receipt, key: str) -> View:
        """A receipt as an answer, which is the same however often it is asked for."""
        if receipt.is_repeated:
            say("done before, with this key")
        tree = {
            "kind": kind,
            "actor": self.actor,
            "key": key,
            "outcome": receipt.outcome,
            "entry": receipt.seq,
            "effects": receipt.effects,
            "leaf": receipt.leaf,
            "state_root": receipt.state_root,
        }
        rows = [(name, value) for name, value in receipt.effects.items() if name != "results"]
        title = f"done: {kind} by {self.actor}, entry {receipt.seq}"
        return View(tree, (facts(title, [*rows, ("key", key)]),))


OPTIONS = tuple(signature(Session, eval_str=True).parameters.values())


# Commands -------------------------------------------------------------------------------------------------------------
class _Command(TyperCommand):
    """A command that takes a negative number for a value, where it would be looked for among the options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.ignore_unknown_options = any(_NEGATIVE.fullmatch(arg) for arg in args)
        return super().parse_args(ctx, args)


def command(app: typer.Typer, name: str, help: str, signs: bool = False) -> Callable[[Any], Any]:
    """Make a function of a `Session` and options a command, with the shared options after its own."""
    shared = [p for p in OPTIONS if signs or p.name in READING]

    def register(function: Callable[..., View | None]) -> Callable[..., View | None]:
        own = list(signature(function, eval_str=True).parameters.values())[1:]
        parameters = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in [*own, *shared]]

        def run(**given: Any) -> None:
            at = Session(**{p.name: given.pop(p.name) for p in shared})
            try:
                view = function(at, **given)
                if view is not None:
                    at.show(view)
            except VoltaDeskError as error:
                _refuse(error, at.as_json and not at.is_answered)
                raise
            finally:
                at.close()

        run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name, help=help, cls=_Command)(run)
        return function

    return register


def _refuse(error: VoltaDeskError, as_json: bool) -> None:
    """A value outside its limits is bad input, whoever finds it; programs are told on stdout too."""
    code = getattr(error, "code", None)
    if code == "BAD_VALUE":
        error.exit_code = 3
    if as_json:
        tree: Tree = {"error": str(error), "exit_code": error.exit_code}
        if code is not None:
            tree |= {name: str(getattr(error, name)) for name in ("code", "field", "value", "limit")}
        typer.echo(json_line(tree))


def group(help: str) -> typer.Typer:
    """A noun with its verbs."""
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=help)


def told_by(summary: str, *examples: str, more: str = "") -> str:
    """A help text: what it is, examples, and what else there is to know."""
    shown = "".join(f"\n  voltadesk {example}" for example in examples)
    unwrapped = f"\b\nExamples:{shown}"  # a line with \b alone: the paragraph is not wrapped, so that it can be copied
    return "\n\n".join([summary, unwrapped, more] if more else [summary, unwrapped])


def database_url(given: str | None) -> str:
    """The URL that was given, nothing where none was. Raises BadInput for an empty one, which asks for no file."""
    if given == "":
        raise BadInput("database", given, "must be postgresql://USER@HOST/DATABASE")
    return given or ""


def default_folder() -> Path:
    """The desk's folder where nothing else is said."""
    import platformdirs

    return platformdirs.user_data_path("voltadesk") / "desk"
