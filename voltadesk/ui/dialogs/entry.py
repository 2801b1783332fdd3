"""An entry of the journal: what was asked, what came of it, what it moved, and the proof that it stands there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from voltadesk.errors import VoltaDeskError
from voltadesk.store import merkle
from voltadesk.store.desk import Desk
from voltadesk.store.journal import Entry
from voltadesk.store.projection import PostingRow
from voltadesk.ui.amounts import amount_text
from voltadesk.ui.dialogs.reading import Reading
from voltadesk.ui.inquiry import Inquiry
from voltadesk.ui.text import COUNT, clean, stamp_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

MOST_POSTINGS = 500  # an interval of a large market has thousands
_LONG = 400  # letters of a value


class Found(NamedTuple):
    """An entry with all that is told of it."""

    entry: Entry
    postings: tuple[PostingRow, ...]
    is_cut: bool  # there are more
    size: int  # entries of the journal
    root: bytes
    proof: tuple[bytes, ...]

    @property
    def is_proved(self) -> bool:
        """Whether the entry's own bytes, by the proof, lead to the root of the whole journal."""
        leaf = merkle.leaf_hash(self.entry.body)
        return merkle.verify_inclusion(leaf, self.entry.seq, self.size, self.proof, self.root)


def find(seq: int, desk: Desk) -> Found:
    """Read an entry and prove it."""
    entry = desk.journal.entry(seq)
    postings = tuple(
        row for _, row in zip(range(MOST_POSTINGS + 1), takewhile(lambda row: row.entry == seq, desk.postings(seq - 1)),
                              strict=False)
    )  # fmt: skip
    size, root, proof = desk.journal.proof(seq)
    return Found(entry, postings[:MOST_POSTINGS], len(postings) > MOST_POSTINGS, size, root, proof)


class EntryPage(Reading):
    """Escape closes it, `s` saves the proof, signed, for other people's tools."""

    DEFAULT_CSS = "EntryPage VerticalScroll { max-width: 130; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "save", "Save the proof", id="entry.save")]

    def __init__(self, seq: int) -> None:
        super().__init__(
            f"Entry {COUNT.show(seq)}", "reading and proving …", "esc closes · y copies · s saves the proof"
        )
        self._seq = seq
        self._inquiry = Inquiry[Found](self._show)

    def on_mount(self) -> None:
        self._inquiry.ask(cast("DeskBase", self.app), partial(find, self._seq))

    def _show(self, found: Found) -> None:
        frame = cast("DeskBase", self.app).frame
        assert frame is not None
        self.text = Content.assemble(*told(found, stamp_text(found.entry.fields["time_utc"], frame.zone)))
        if self.is_mounted:
            self.query_one(Static).update(self.text)

    def action_save(self) -> None:
        """Write the proof as `voltadesk journal prove` does, where the actor can sign."""
        app = cast("DeskBase", self.app)
        if app.runner.unsigned:
            app.tell("refused", f"the proof can't be signed: {app.runner.unsigned}")
            return
        path = app.settings.exports / f"voltadesk-entry-{self._seq}.proof"

        def save(desk: Desk) -> None:
            text = desk.inclusion(self._seq, app.runner.seat.private()).text
            try:
                with open(path, "x", encoding="utf-8", newline="\n") as file:
                    file.write(text)
            except OSError as error:
                raise VoltaDeskError(f"{path}: {(error.strerror or str(error)).lower()}") from None

        app.after(app.runner.read(save), lambda _: app.tell("done", f"proof: {path}"))
        self.dismiss(None)


# Words ----------------------------------------------------------------------------------------------------------------
def told(found: Found, stamp: str) -> Iterable[str | tuple[str, str]]:
    """The page's text."""
    fields, effects = found.entry.fields, json.loads(found.entry.effects or b"{}")
    is_done = fields["outcome"] == "done"
    yield (f"{clean(fields['kind'])} by {clean(fields['actor'])}: ", "bold")
    yield (f"{'✓' if is_done else '✗'} {clean(fields['outcome'])}\n", "bold $ink-up" if is_done else "bold $ink-fault")
    yield f"{stamp}\n\n"
    yield from _pairs("What was asked", fields["command"])
    yield from _pairs("What came of it", effects)
    if found.is_proved:
        yield ("✓ Proved: ", "bold $ink-up")
        yield f"{len(found.proof)} hashes lead from this entry to the root of all {COUNT.show(found.size)}.\n"
    else:
        yield ("✗ Not proved: the entry is not what the journal's root stands for.\n", "bold $ink-fault")
    hashes = [("leaf", found.entry.leaf.hex()), *((f"hash {n + 1}", each.hex()) for n, each in enumerate(found.proof))]
    hashes += [("root", found.root.hex()), ("entry before", fields["prev"]), ("state after", fields["state_root"])]
    hashes += [("signature", fields["signature"] or "none"), ("key", fields["key"] or "none")]
    yield from _lines(hashes)
    yield "\n"
    yield from _posted(found)


def _pairs(title: str, values: dict[str, Any]) -> Iterable[str | tuple[str, str]]:
    if values:
        yield (f"{title}\n", "bold")
        yield from _lines((name, _value_text(value)) for name, value in values.items())
        yield "\n"


def _value_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONG else f"{text[:_LONG]} … CUT, {COUNT.show(len(text))} letters"


def _lines(pairs: Iterable[tuple[str, str]]) -> Iterable[str | tuple[str, str]]:
    held = [(clean(name), clean(value)) for name, value in pairs]
    width = max((cell_len(name) for name, _ in held), default=0)
    for name, value in held:
        yield (f"  {name}{' ' * (width - cell_len(name))}  ", "$ink-faint")
        yield f"{value}\n"


def _posted(found: Found) -> Iterable[str | tuple[str, str]]:
    if not found.postings:
        return
    yield (f"What it moved{f', CUT to {MOST_POSTINGS} postings' if found.is_cut else ''}\n", "bold")
    amounts = [amount_text(row.amount, row.commodity) for row in found.postings]
    account = max(cell_len(clean(row.account)) for row in found.postings)
    width = max(map(cell_len, amounts))
    for row, amount in zip(found.postings, amounts, strict=True):
        name = clean(row.account)
        blank = " " * (account - cell_len(name) + 2 + width - cell_len(amount))
        yield f"  {name}{blank}"
        yield (amount, "$ink-down" if row.amount < 0 else "$ink-up")
        yield f" {clean(row.commodity):<6} {clean(row.text)}\n"
    yield "\n"
