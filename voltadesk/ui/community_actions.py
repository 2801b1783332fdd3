"""What the keys of the community desktop do: opening one, going from day to day, comparing rules."""

from __future__ import annotations

from pathlib import Path

from voltadesk.ui.actions import Action
from voltadesk.ui.base import DeskBase
from voltadesk.ui.panes.sharing import SharingPane


class CommunityActions(DeskBase):
    """The part of the app that does it."""

    def do_open_community(self, action: Action) -> None:
        from voltadesk.community.shipped import find_folder_rules, shipped_communities

        names = tuple(shipped_communities())
        hint = f"open a community: {', '.join(names)}, or a folder with community.toml and its meter files"
        self.prompt.ask(hint, lambda name: find_folder_rules(Path(name).expanduser()), self.settler.open, words=names)

    def do_day_on(self, action: Action) -> None:
        self.settler.move(1)

    def do_day_back(self, action: Action) -> None:
        self.settler.move(-1)

    def do_day_or_month(self, action: Action) -> None:
        for pane in self.desktop.query(SharingPane):
            pane.is_whole = not pane.is_whole
        self.refeed()
        self.call_later(self.flush)

    def do_compare_rules(self, action: Action) -> None:
        self.settler.compare()
