"""What the whole journal was found to be, and how far a check of it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from voltadesk.ui.charts.figures import Figure, Figures
from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.inks import FAULT, TEXT, UP
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.text import COUNT
from voltadesk.ui.verification import Verification

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

_HASH = 16  # letters of a hash that tell it from others


class VerificationPane(Pane):
    """The journal and what the last check of it found."""

    HELP = (
        "v carries out the whole journal again in another process that knows nothing but the file: every signature, "
        "the chain of hashes, the books and the state after every entry. Enter on a receipt proves that one alone."
    )

    def __init__(self) -> None:
        self._figures = Figures()
        super().__init__(None, "Journal", self._figures, id="verification")

    def feed(self, frame: DeskFrame) -> None:
        app = cast("DeskBase", self.app)
        checked = app.verification
        entries = COUNT.show(frame.sequence + 1)
        lines = [
            Figure("entries", entries, plain=str(frame.sequence + 1)),
            Figure("desk", app.runner.desk_id[:_HASH] + "…"),
            *figures_of(checked, frame.sequence + 1),
        ]
        self._figures.show(lines)
        note = "v checks it all" if checked is None or not checked.is_running else ""
        self.stand(Standing(sequence=frame.sequence, note=note))


def figures_of(checked: Verification | None, entries: int) -> list[Figure]:
    """What is known of the last check."""
    if checked is None:
        return [Figure("checked", "not since this screen was opened")]
    if checked.is_running:
        share = 1_000_000 * checked.done // max(1, checked.entries)
        return [Figure("checking", f"{share // 10_000} %", "", str(checked.done), share=share)]
    if checked.found is None:
        return [Figure("checked", "✗ NOT WHOLE", ink=FAULT), Figure("because", checked.fault, ink=FAULT)]
    found, newer = checked.found, entries - checked.found.entries
    since = f", {COUNT.show(newer)} came since" if newer > 0 else ""
    return [
        Figure("checked", f"✓ {COUNT.show(found.entries)} entries{since}", ink=UP),
        Figure("signatures, chain", "✓ all hold", ink=UP),
        Figure("books, state", "✓ carried out again, the same", ink=UP),
        Figure("done", COUNT.show(found.done), ink=TEXT),
        Figure("rejected", COUNT.show(found.rejected), ink=TEXT),
        Figure("denied", COUNT.show(found.denied), ink=TEXT),
        Figure("state", found.state_root[:_HASH] + "…", plain=found.state_root),
        Figure("took", f"{checked.seconds:.1f}", "s"),
    ]
