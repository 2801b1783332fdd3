"""What the keys about the screen itself do: desktops, jumping, help, themes, pictures, exports, the command line."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from textual import work
from textual.app import SystemCommand
from textual.content import Content
from textual.screen import Screen

from voltadesk.errors import BadInput
from voltadesk.store.keys import Key
from voltadesk.ui.actions import ACTIONS, BY_ID, BY_KIND, Action
from voltadesk.ui.base import DeskBase
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.dialogs.jump import Jump
from voltadesk.ui.dialogs.reading import Reading
from voltadesk.ui.export import write_csv
from voltadesk.ui.frame import ONLY_SHOWS
from voltadesk.ui.pane import Pane
from voltadesk.ui.picture import screen_svg
from voltadesk.ui.text import clean
from voltadesk.ui.themes import THEMES
from voltadesk.ui.verification import Verification, verify

NOT_HERE = frozenset({"tui", "serve"})  # they would want the terminal for themselves
SHELL_WORDS = (
    "actor list", "battery list", "battery show ", "fund nav", "fund statement", "fund holders", "market show",
    "order place buy ", "order place sell ", "order amend ", "order cancel ", "order list", "book show",
    "book positions", "home list", "home set ", "plant list", "plant set ", "community post ", "community pay ",
    "community statements", "ledger balances", "journal tail",
    "journal verify", "doctor", "backup ", "go ", "speed ", "theme ",
)  # fmt: skip


class ScreenActions(DeskBase):
    """The part of the app that does it."""

    def do_show_desktop(self, action: Action) -> None:
        self.switch_mode(action.id.removeprefix("desktop."))
        self.tell("told", "")  # what was said when it was seen last is old
        self.flush_after_update()

    def action_help_quit(self) -> None:
        """Ctrl+C is pressed to end a program: say how this one is."""
        self.tell("told", f"{self.key_of(BY_ID['screen.quit'])} quits")

    def do_verify(self, action: Action) -> None:
        """Have the whole journal checked, beside the market and the screen."""
        if self.verification is not None and self.verification.is_running:
            self.tell("busy", "the journal is being checked already")
        elif self.frame is not None:
            self.run_worker(verify(self.runner.folder, self.frame.sequence + 1, self._verified), exit_on_error=False)

    def _verified(self, now: Verification) -> None:
        self.verification = now
        if now.found is not None:
            root = now.found.state_root[:16]
            self.tell("done", f"verified: {now.found.entries:,} entries, state {root}…: nothing was changed")
        elif now.fault:
            self.tell("refused", f"the journal is not whole: {now.fault}")
        else:
            self.tell("busy", f"checking the journal: {now.done:,} of {now.entries:,} entries …")
        self.refeed()

    def do_post_settlement(self, action: Action) -> None:
        """Ask for the folder of a settlement, and post it as the command line does."""

        def check(folder: str) -> None:
            if not Path(folder, "settlement.json").is_file():
                raise BadInput("settlement", folder, "must be a folder that community settle --out wrote")

        hint = "post a community's settlement: the folder that community settle --out wrote"
        self.prompt.ask(hint, check, lambda folder: self.carry_out(shlex.join(["community", "post", folder])))

    def do_jump(self, action: Action) -> None:
        def go(pane: Pane | None) -> None:
            if pane is not None:
                focusable = [widget for widget in pane.query("*") if widget.focusable]
                self.desktop.set_focus((focusable or [pane])[0])

        self.push_screen(Jump(list(self.desktop.in_sight)), go)

    def do_next_theme(self, action: Action) -> None:
        names = [theme.name for theme in THEMES]
        at = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(at + 1) % len(names)]
        self.tell("told", f"theme: {self.theme}")

    def do_act_as(self, action: Action) -> None:
        """Ask for another actor whose key is here."""

        hint = f"act as: {', '.join(self.seats) or 'no key of another actor is here'}"
        self.prompt.ask(hint, self._checked_actor, self.act_as, words=tuple(self.seats))

    def _checked_actor(self, name: str) -> Path:
        if name not in self.seats:
            raise BadInput("actor", name, f"must be one whose key is here: {', '.join(self.seats)}")
        if Key.is_encrypted(self.seats[name]):
            raise BadInput("actor", name, f"has an encrypted key: open the desk with --as {name}")
        return self.seats[name]

    def act_as(self, name: str) -> None:
        """Go on as that actor of the desk."""
        path = self._checked_actor(name)
        self.after(self.runner.sit(name, path), lambda _: self.tell("done", f"you act as {name} now"))

    def do_picture(self, action: Action) -> None:
        path = self._new_file(f"voltadesk-{self.current_mode}", ".svg")
        path.write_text(screen_svg(self), "utf-8")
        self.tell("done", f"picture: {path}")

    def on_pane_export(self, event: Pane.Export) -> None:
        """Write a pane's rows to a CSV file that wasn't there before."""
        path = self._new_file(f"voltadesk-{event.pane.id or 'pane'}", ".csv")
        self.tell("busy", f"writing {path} …")
        self._write(event.pane, path)

    @work(thread=True)
    def _write(self, pane: Pane, path: Path) -> None:
        try:
            count = write_csv(path, pane.csv_rows())
            self.call_from_thread(self.tell, "done", f"{count:,} rows: {path}")
        except OSError as error:
            self.call_from_thread(self.tell, "refused", f"{path}: {(error.strerror or str(error)).lower()}")

    def _new_file(self, stem: str, suffix: str) -> Path:
        """A path where nothing is yet."""
        folder = self.settings.exports
        return next(
            path
            for n in range(1, 1_000_000)
            if not (path := folder / f"{stem}{'' if n == 1 else f'-{n}'}{suffix}").exists()
        )

    # Help -------------------------------------------------------------------------------------------------------------
    def do_help(self, action: Action) -> None:
        """About the focused pane, its keys, and everything that can be done here."""
        pane = self.desktop.focused_pane
        parts: list[str | tuple[str, str]] = []
        if pane is not None:
            parts += [(f"{pane.heading}\n", "bold"), (pane.HELP or "No help for this pane.") + "\n\n"]
            parts += [("Here\n", "bold"), *self._keys_here(), "\n"]
        parts += [("Everywhere\n", "bold")]
        for each in ACTIONS:
            if each.desktop in ("", self.current_mode):
                reason = self.why_not(each)
                key = self.key_of(each)
                words = f"{key:>12}  {each.title:<18} {each.help}"
                parts.append((f"{words}\n{'':>14}not now: {reason}\n", "dim") if reason else f"{words}\n")
        parts += ["\nKeys can be changed: see docs/screen.md."]
        self.push_screen(Reading("Help", Content.assemble(*parts)))

    def _keys_here(self) -> list[str]:
        """The keys of the focused widget and its pane, those that do the same on one line."""
        keys: dict[tuple[str, str], list[str]] = {}
        for each in self.screen.active_bindings.values():
            binding = each.binding
            if binding.id not in BY_ID and binding.description and each.node is not self:
                keys.setdefault((binding.action, binding.description), []).append(self.get_key_display(binding))
        return [f"{' '.join(dict.fromkeys(shown)):>12}  {words}\n" for (_, words), shown in keys.items()]

    def key_of(self, action: Action) -> str:
        """The keys that an action has, as they are shown."""
        keys = self.settings.keymap.get(action.id, action.key)
        bindings = [each for key in keys.split(",") if key for each in action.binding.make_bindings([action.binding])]
        shown = [self.get_key_display(each) for each in bindings]
        return " ".join(dict.fromkeys(shown))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: every action, with the reason where it is not permitted."""
        for action in ACTIONS:
            if action.desktop in ("", self.current_mode):
                reason = self.why_not(action)
                words = f"not now: {reason}" if reason else action.help
                yield SystemCommand(action.title, words, partial(self.action_perform, action.id))

    # The command line -------------------------------------------------------------------------------------------------
    def do_command_line(self, action: Action) -> None:
        hint = "a command as in the shell: order place buy 5 --price 90, fund nav … · or the name of an action"
        words = (*SHELL_WORDS, *BY_ID)
        self.prompt.ask(hint, self._checked_words, self.carry_out, words=words, past=self.past_lines)

    def _checked_words(self, line: str) -> list[str]:
        """The line's words. Raises BadInput."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise BadInput("command", line, f"can't be read: {str(error).lower()}") from None
        if words and words[0] == "voltadesk":
            words = words[1:]
        if not words or words[0] in NOT_HERE or words[:2] == ["headless", "run"]:
            raise BadInput("command", line, "can't be given on the screen itself")
        return words

    def carry_out(self, line: str) -> None:
        """An action's name, a word of the screen, or anything that the program takes on its command line."""
        words = self._checked_words(line)
        name = " ".join(words)
        if name in BY_ID:
            self.action_perform(name)
        elif words[0] in ("play", "pause"):
            self.after(self.runner.play() if words[0] == "play" else self.runner.pause())
        elif not self.settings.is_trading:
            self.tell("refused", ONLY_SHOWS)
        elif (action := BY_KIND.get(".".join(words[:2]))) and "--help" not in words:
            self._review_words(action, words)
        else:
            self._run_words(words)

    def _review_words(self, action: Action, words: list[str]) -> None:
        """What changes the desk is reviewed, and confirmed, as from its form."""

        def go_on(body: dict[str, Any] | None) -> None:
            if body is not None:
                self._run_words(words)

        if reason := self.why_not(action):
            self.tell("refused", f"{action.title}: {reason}")
        else:
            told = replace(action, title="Command", help="Given as from the command line.")
            self.push_screen(Form(told, {}, "", " ".join(words)), go_on)

    @work
    async def _run_words(self, words: list[str]) -> None:
        """Run the program itself on this desk, as this actor: the same words, checks and answers."""
        self.tell("busy", f"{' '.join(words)} …")
        actor = "" if self.frame is None else self.frame.actor
        environment = os.environ | {"VOLTADESK_DESK": str(self.runner.folder), "VOLTADESK_AS": actor}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "voltadesk", *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=environment | {"COLUMNS": "104", "NO_COLOR": "1", "TERM": "dumb"},
        )  # fmt: skip
        output, _ = await process.communicate()
        text = "\n".join(clean(line) for line in output.decode("utf-8", "replace").splitlines()).strip()
        kind = "done" if process.returncode == 0 else "refused"
        lines = text.splitlines() or ["done"]
        self.tell(kind, lines[0].removeprefix("voltadesk: "))
        if len(lines) > 1:
            self.push_screen(Reading(" ".join(words), text))
