"""Who may do what on the desk."""

from __future__ import annotations

from voltadesk.ui.frame import DeskFrame
from voltadesk.ui.pane import Standing
from voltadesk.ui.rows import Column, ListRows
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import TablePane

COLUMNS = (Column("actor", "actor"), Column("roles", "roles"), Column("note", "note"))


class ActorsPane(TablePane):
    """Actors and their roles."""

    HELP = "Everybody who may sign for something on this desk, and the roles that say what. a grants, r takes away."

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, str]] = []
        super().__init__(None, "Actors", Table(COLUMNS), id="actors")

    def feed(self, frame: DeskFrame) -> None:
        rows = [(name, ", ".join(sorted(roles)) or "none", _note(frame, name)) for name, roles in frame.actors.items()]
        if rows != self._rows:
            self._rows = rows
            self.table.show(ListRows(COLUMNS, rows))
        self.stand(Standing(sequence=frame.sequence, note="as of now" if frame.clock.is_replay else ""))

    def prefill(self, kind: str) -> dict[str, str]:
        row = self.table.row
        return {"actor": row[0]} if row and kind in ("role.grant", "role.revoke", "owner.transfer") else {}


def _note(frame: DeskFrame, name: str) -> str:
    notes = ["you"] if name == frame.actor else []
    return ", ".join([*notes, *(["was offered the ownership"] if name in frame.offered_to else [])])
