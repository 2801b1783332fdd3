"""An entry of the journal: what was asked, what came of it, what it moved, and the proof that it stands there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from voltadesk.ui.amounts import amount_text
from voltadesk.ui.consulted import MOST_POSTINGS, Found, find, save_proof
from voltadesk.ui.dialogs.reading import Reading
from voltadesk.ui.text import COUNT, clean, stamp_text

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

_LONG = 400  # letters of a value


class EntryPage(Reading):
    """Escape closes it, `s` saves the proof, signed, for other people's tools."""

    DEFAULT_CSS = "EntryPage VerticalScroll { max-width: 130; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "save", "Save the proof", id="entry.save")]

    def __init__(self, seq: int) -> None:
        super().__init__(
            f"Entry {COUNT.show(seq)}", "reading and proving …", "esc closes · y copies · s saves the proof"
        )
        self._seq = seq

    def on_mount(self) -> None:
        app = cast("DeskBase", self.app)
        app.after(app.runner.consult(partial(find, self._seq)), self._show)

    def _show(self, found: Found) -> None:
        frame = cast("DeskBase", self.app).frame
        assert frame is not None
        self.text = Content.assemble(*told(found, stamp_text(found.entry.fields["time_utc"], frame.zone)))
        if self.is_mounted:
            self.query_one(Static).update(self.text)

    def action_save(self) -> None:
        """Write the proof as `voltadesk journal prove` does, where the actor can sign."""
        app = cast("DeskBase", self.app)
        if app.frame is not None and app.frame.unsigned:
            app.tell("refused", f"the proof can't be signed: {app.frame.unsigned}")
            return
        path = app.settings.exports / f"voltadesk-entry-{self._seq}.proof"
        saved = app.runner.consult(partial(save_proof, self._seq, path))
        app.after(saved, lambda _: app.tell("done", f"proof: {path}"))
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
