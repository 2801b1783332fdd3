"""The frame around a chart or a table: number and title above, below it how current and how complete its content is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, cast, runtime_checkable

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from voltadesk.ui.framed import Framed
from voltadesk.ui.text import COUNT, clean, duration_text

if TYPE_CHECKING:
    from voltadesk.ui.frame import DeskFrame


@runtime_checkable
class Telling(Protocol):
    """What fills a pane: it can say itself as text and as rows, titles first."""

    def copy_text(self) -> str: ...
    def csv_rows(self) -> Iterator[tuple[object, ...]]: ...


@dataclass(frozen=True)
class Standing:
    """How current and how complete a pane is. None is not said."""

    sequence: int | None = None  # of the journal, that the content is as of
    shown: int | None = None  # rows after the filter
    total: int | None = None  # rows there are
    held: int | None = None  # rows that filter and order reach, where fewer than all
    words: str = ""  # of the filter
    is_ordered: bool = False
    is_busy: bool = False
    note: str = ""
    stale_s: int | None = None  # seconds since the last sign of life; None: fresh

    def text(self) -> str:
        """Everything that a reader must know not to be misled."""
        # What changes the meaning comes first, as a narrow frame cuts the end.
        parts = [] if self.stale_s is None else [f"STALE {duration_text(self.stale_s)}"]
        if self.is_busy:
            parts.append("arranging …")
        if self.held is not None and self.total is not None and self.held < self.total:
            what = "order and filter" if self.is_ordered and self.words else "order" if self.is_ordered else "filter"
            reach = COUNT.show(self.held)
            parts.append(f"CUT: {what} over {reach} only" if self.is_ordered or self.words else f"CUT to {reach}")
        if self.words:
            parts.append(f"filter “{clean(self.words)}”")
        if self.shown is not None and self.total is not None:
            parts.append(f"{COUNT.show(self.shown)} of {COUNT.show(self.total)}")
        if self.note:
            parts.append(clean(self.note))
        if self.sequence is not None:
            parts.append(f"seq {COUNT.show(self.sequence)}")
        return " · ".join(parts)


class Pane(Framed):
    """A framed content. `y` copies, `e` asks for an export, `z` fills the screen and gives it back.

    A pane of a desktop fills in `feed`, and `prefill` where something of it can be acted on.
    """

    HELP: ClassVar[str] = ""  # what it shows, for `?`

    DEFAULT_CSS = """
    Pane { border-title-color: $ink-faint; border-subtitle-color: $ink-faint; }
    Pane:focus-within { border: round $border; border-title-color: $ink-up; border-title-style: bold; }
    Pane.-stale > * { opacity: 50%; }
    Pane.-stale { border-subtitle-color: $ink-fault; }
    """
    ALLOW_MAXIMIZE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "maximise", "Maximise", id="pane.maximise"),
        Binding("y", "copy", "Copy", id="pane.copy"),
        Binding("e", "export", "Export", id="pane.export"),
    ]

    class Export(Message):
        """The user wants this pane's rows in a file; where, is the app's to say."""

        def __init__(self, pane: Pane) -> None:
            super().__init__()
            self.pane = pane

    def __init__(
        self, number: int | None, title: str, *children: Widget, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(*children, id=id, classes=classes)
        self.number, self.heading, self.note = number, title, ""
        self.standing = Standing()
        self._retitle()

    def feed(self, frame: DeskFrame) -> None:
        """Show what the frame says; called with every new frame while the pane is in sight."""

    def prefill(self, kind: str) -> dict[str, str]:
        """Values, as commands carry them, for a command of that kind from here: those of what is under the cursor."""
        return {}

    def retitle(self, note: str = "", title: str | None = None) -> None:
        """Say in the title what is seen: `note` follows the pane's name."""
        self.heading, self.note = self.heading if title is None else title, note
        self._retitle()

    def _retitle(self) -> None:
        name = clean(self.heading) if self.number is None else f"{self.number} {clean(self.heading)}"
        self.say_above(" · ".join(filter(None, (name, clean(self.note)))))

    def stand(self, standing: Standing) -> None:
        """Say how current and how complete the content is; what is stale is dimmed."""
        self.standing = standing
        self.set_class(standing.stale_s is not None, "-stale")
        self.say_below(standing.text())

    @property
    def content(self) -> Telling | None:
        """The child that copies and exports: the focused one, or the first that can."""
        able = [child for child in self.query("*") if isinstance(child, Telling)]
        focused = [child for child in able if cast(Widget, child).has_focus]
        return next(iter([*focused, *able]), None)

    def csv_rows(self) -> Iterator[tuple[object, ...]]:
        """The rows of an export, titles first."""
        return iter(()) if self.content is None else self.content.csv_rows()

    def action_maximise(self) -> None:
        if self.screen.maximized is self:
            self.screen.minimize()
        else:
            self.screen.maximize(self, container=False)

    def action_copy(self) -> None:
        if self.content is not None and (text := self.content.copy_text()):
            self.app.copy_to_clipboard(text)
            self.say_below("copied")
            self.set_timer(1.5, lambda: self.say_below(self.standing.text()))

    def action_export(self) -> None:
        self.post_message(self.Export(self))
