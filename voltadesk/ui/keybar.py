"""The line of keys: what can be done here, with what is not permitted dimmed. A click does what the key does."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.binding import ActiveBinding

from voltadesk.ui.actions import BY_ID
from voltadesk.ui.canvas import Canvas
from voltadesk.ui.cells import Cells
from voltadesk.ui.inks import BAR, FAINT, GRID, OWN, TEXT

if TYPE_CHECKING:
    from voltadesk.ui.base import DeskBase

PALETTE = ("^p", "palette", "app.command_palette")


class KeyBar(Canvas, can_focus=False):
    """Keys of the focused pane and of the desktop, the nearer first, as many as fit; then help and the palette."""

    DEFAULT_CSS = "KeyBar { height: 1; dock: bottom; }"

    def on_mount(self) -> None:
        self._spans: list[tuple[int, int, str]] = []
        self._is_behind = False
        self.screen.bindings_updated_signal.subscribe(self, self._catch_up)

    def _catch_up(self, screen: object) -> None:
        """Once for all that a key changes, after what it is pressed for; a desktop that comes back is told again."""
        if not self._is_behind and self.screen in self.app.screen_stack:
            self._is_behind = self.call_after_refresh(self._show)

    def _show(self) -> None:
        self._is_behind = False
        self.refresh()

    def paint(self, cells: Cells) -> None:
        cells.paper[0] = BAR
        self._spans = []
        active = list(self.screen.active_bindings.values())
        always = [(self._help_key(active), "help", "app.perform('screen.help')"), PALETTE]
        room, x = cells.w - sum(len(key) + len(words) + 3 for key, words, _ in always), 1
        for key, words, action, is_dim in self._shown(active):
            end = x + len(key) + 1 + len(words)
            if end > room:
                break
            x = self._put(cells, x, (key, words, action), is_dim)
        x = max(1, room + 1)
        for each in always:
            x = self._put(cells, x, each)

    def _put(self, cells: Cells, x: int, each: tuple[str, str, str], is_dim: bool = False) -> int:
        """Write a key, its words, and note where they do what; returns where the next one may begin."""
        key, words, action = each
        cells.put(x, 0, key, GRID if is_dim else OWN)
        cells.put(x + len(key) + 1, 0, words, FAINT if is_dim else TEXT)
        end = x + len(key) + 1 + len(words)
        self._spans.append((x, end, action))
        return end + 2

    def _help_key(self, active: list[ActiveBinding]) -> str:
        found = [each.binding for each in active if each.binding.id == "screen.help"]
        return self.app.get_key_display(found[0]) if found else "?"

    def _shown(self, active: list[ActiveBinding]) -> list[tuple[str, str, str, bool]]:
        """Key, words, action, and whether it is not permitted now; the focused widget's before the app's."""
        app = cast("DeskBase", self.app)
        # The help has its own place.
        active = [each for each in active if each.binding.show and each.binding.id != "screen.help"]
        active.sort(key=lambda each: self._rank(each))
        shown: dict[str, tuple[str, str, str, bool]] = {}
        for each in active:
            binding = each.binding
            action = BY_ID.get(binding.id or "")
            is_dim = action is not None and bool(action.why_not(app.frame))
            key = app.get_key_display(binding)
            shown.setdefault(binding.action, (key, binding.description, binding.action, is_dim))
        return list(shown.values())

    def _rank(self, each: ActiveBinding) -> int:
        action = BY_ID.get(each.binding.id or "")
        if action is None:
            return 2
        if action.id.startswith("desktop."):
            return 4
        return 0 if action.desktop else 1 if action.kind else 3

    def on_click(self, event: events.Click) -> None:
        for first, last, action in self._spans:
            if first <= event.x < last:
                self.call_later(self.app.run_action, action, self.screen.focused or self.screen)
