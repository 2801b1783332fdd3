"""The app as it is used: keys, desktops, palette, help, command line, forms, roles, replay, what is kept."""

from __future__ import annotations

import asyncio
import string
import time
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key, Resize
from textual.geometry import Size
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.desks import make_desk, on_desk, running, shown, until
from voltadesk.desk.commands import COMMANDS
from voltadesk.desk.roles import ALLOWED
from voltadesk.ui.actions import ACTIONS, BY_ID, TYPED
from voltadesk.ui.app import DeskApp, Settings, binding_ids
from voltadesk.ui.desktops import DESKTOPS
from voltadesk.ui.dialogs.form import Form
from voltadesk.ui.dialogs.jump import Jump
from voltadesk.ui.dialogs.reading import Reading
from voltadesk.ui.frame import AS_FAST_AS_IT_GOES, ONLY_SHOWS
from voltadesk.ui.message import MessageLine
from voltadesk.ui.picture import screen_text


def message(app: DeskApp) -> str:
    return app.screen_stack[0].query_one(MessageLine).message[1]


async def typed(pilot: Pilot[Any], words: str) -> None:
    """Give some text to what has the focus."""
    for letter in words:
        await pilot.press({" ": "space", ".": "full_stop", ":": "colon", "-": "minus"}.get(letter, letter))


async def told(pilot: Pilot[Any], words: str) -> None:
    """Wait until the message line says so."""
    for _ in range(400):
        if words in message(pilot.app):  # type: ignore[arg-type]
            return
        await pilot.pause(0.02)
    raise AssertionError(f"{words!r} was not told, but {message(pilot.app)!r}")  # type: ignore[arg-type]


def test_every_action_has_what_it_needs() -> None:
    ids = [action.id for action in ACTIONS]
    assert len(set(ids)) == len(ids)
    for action in ACTIONS:
        assert action.help
        assert bool(action.call) or action.kind in COMMANDS, action.id
        assert not action.call or hasattr(DeskApp, f"do_{action.call}"), action.id
        assert action.confirm != TYPED or action.word, action.id
        assert action.key or action.id in ("home.set", "plant.set"), action.id
    covered = {action.kind for action in ACTIONS}
    # These are of the runner or of a service, or need keys and values that no screen should ask for.
    elsewhere = {"market.advance", "market.publish", "actor.rotate-key", "actor.delegate", "actor.undelegate"}
    assert covered - {""} == set(ALLOWED) - elsewhere


def test_no_key_does_two_things_on_one_desktop() -> None:
    for desktop in DESKTOPS:
        keys = [key for action in ACTIONS if action.desktop in ("", desktop) for key in action.key.split(",") if key]
        assert len(set(keys)) == len(keys), desktop


@pytest.mark.usefixtures("all_desktops")
def test_every_desktop_opens_by_its_key_and_says_what_it_is(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        for key, name in enumerate(DESKTOPS, start=1):
            await pilot.press(str(key))
            await shown(pilot)
            assert pilot.app.current_mode == name
            for pane in pilot.app.desktop.in_sight:  # type: ignore[attr-defined]
                assert pane.upper
                assert pane.HELP, pane
                assert pane.id

    on_desk(tmp_path / "desk", act, intervals=8)


@pytest.mark.parametrize("actor", ["owner", "town-cooperative"])
def test_what_is_not_permitted_says_why_and_sends_nothing(tmp_path: Path, actor: str) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        frame = await shown(pilot)
        for action in ACTIONS:
            if not action.kind:
                continue
            needed = ALLOWED[action.kind]
            reason = app.why_not(action)
            assert bool(reason) == bool(needed and not needed & frame.roles), action.id
            if reason:
                app.action_perform(action.id)
                await pilot.pause()
                assert reason in message(app)
                assert len(app.screen_stack) == 1, action.id
                commands = {c.title: c.help for c in app.get_system_commands(app.screen)}
                assert action.desktop not in ("", app.current_mode) or reason in commands[action.title]

    on_desk(tmp_path / "desk", act, intervals=2, actor=actor)


def test_a_form_reviews_then_sends_and_refuses_what_can_not_be(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        before = (await shown(pilot)).fund.nav_e8
        await pilot.press("3", "i")
        await pilot.pause()
        assert isinstance(app.screen, Form)
        await typed(pilot, "-5")
        await pilot.press("enter")
        await pilot.pause()
        assert "amount = -5" in screen_text(app)
        await pilot.press("backspace", "backspace")
        await typed(pilot, "250.5")
        await pilot.press("enter")
        await pilot.pause()
        assert "amount 250.5" in screen_text(app)
        assert app.screen_stack[1:], "nothing is sent before the second enter"
        await pilot.press("enter")
        await told(pilot, "fund.invest: entry")
        frame = await shown(pilot, lambda frame: frame.fund.nav_e8 != before)
        assert frame.fund.nav_e8 == before + 250_50000000
        await pilot.press("i", "escape")
        assert len(app.screen_stack) == 1

    on_desk(tmp_path / "desk", act, intervals=2)


def test_escape_goes_back_from_the_review_and_then_leaves(tmp_path: Path) -> None:
    """What escape does is on the frame at every step, and where one is, is seen by the focus."""

    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        await pilot.press("ctrl+k")
        await pilot.pause()
        assert "esc leaves" in screen_text(app)
        await typed(pilot, "drill")
        await pilot.press("enter")
        await pilot.pause()
        assert "esc goes back" in screen_text(app)
        assert app.focused is app.screen.query_one("#word")
        await pilot.press("escape")
        await pilot.pause()
        assert "esc leaves" in screen_text(app)
        assert app.focused is app.screen.query_one("#reason")
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, Form)

    on_desk(tmp_path / "desk", act, intervals=2)


def test_the_desk_is_left_while_a_form_is_open(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        await pilot.press("3", "i")
        await pilot.pause()
        assert isinstance(app.screen, Form)
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert app.memory["desktop"] == "fund"

    on_desk(tmp_path / "desk", act, intervals=2)


def test_a_click_never_sends(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        before = (await shown(pilot)).sequence
        await pilot.press("3", "w")
        await pilot.pause()
        for y in range(8, 32, 4):
            for x in range(20, 120, 16):
                await pilot.click(offset=(x, y))
        await pilot.pause(0.3)
        assert app.runner.desk.journal.head().seq == before

    on_desk(tmp_path / "desk", act, intervals=2)


def test_halt_and_resume_with_typed_words_from_anywhere(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("colon")  # an input has the focus
        await pilot.press("ctrl+k")
        await typed(pilot, "fire drill")
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert "type halt to confirm" in screen_text(pilot.app)
        assert not (await shown(pilot)).halted
        await typed(pilot, "halt")
        await pilot.press("enter")
        await shown(pilot, lambda frame: frame.halted == "fire drill")
        await pilot.press("escape")
        await pilot.pause()
        assert "■ HALTED  fire drill" in screen_text(pilot.app)
        await pilot.press("b")
        await told(pilot, "Buy: the desk is halted")
        await pilot.press("ctrl+r")
        await typed(pilot, "resume")
        await pilot.press("enter", "enter")
        await shown(pilot, lambda frame: not frame.halted)
        await pilot.pause()
        assert "HALTED" not in screen_text(pilot.app)

    on_desk(tmp_path / "desk", act, intervals=2)


def test_time_keys(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        start = (await shown(pilot)).next_utc
        await pilot.press("right_square_bracket")
        await shown(pilot, lambda frame: frame.next_utc == start + 900)
        await pilot.press("left_square_bracket", "left_square_bracket")
        past = await shown(pilot, lambda frame: frame.clock.behind == 2)
        await pilot.pause()
        text = screen_text(pilot.app)
        assert "↺ REPLAY" in text
        assert "● LIVE" not in text
        assert past.next_utc == start - 900
        await pilot.press("L")
        await shown(pilot, lambda frame: not frame.clock.is_replay)
        await pilot.pause()
        assert "● LIVE" in screen_text(pilot.app)
        await pilot.press("g")
        await typed(pilot, "25:00")
        await pilot.press("enter")
        await pilot.pause()
        assert "time = 25:00: must be a time such as" in screen_text(pilot.app)
        await pilot.press(*["backspace"] * 5)
        await typed(pilot, "03:00")
        await pilot.press("enter")
        there = await shown(pilot, lambda frame: frame.next_utc - start >= 900 and not frame.clock.is_playing)
        assert there.next_utc == start - 8 * 900 + 3 * 3600
        await pilot.press("full_stop")
        await told(pilot, "speed: 1800×")
        await pilot.press("space")
        await shown(pilot, lambda frame: frame.clock.is_playing)
        await pilot.press("space")
        await shown(pilot, lambda frame: not frame.clock.is_playing)

    on_desk(tmp_path / "desk", act, intervals=8)


def test_the_command_line_takes_the_words_of_the_shell(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        await pilot.press("colon")
        await typed(pilot, "fund nav")
        await pilot.press("enter")
        for _ in range(500):
            if isinstance(app.screen, Reading):
                break
            await pilot.pause(0.02)
        await pilot.pause()
        assert "net asset value" in screen_text(app).casefold()
        await pilot.press("escape", "colon")
        await typed(pilot, "order place bay 5")
        await pilot.press("enter", "enter")  # reviewed, then sent
        for _ in range(500):
            if "bay" in message(app) and "…" not in message(app):
                break
            await pilot.pause(0.02)
        assert "bay: must be one of buy, sell" in message(app)
        await pilot.press("colon")
        await typed(pilot, "market halt")
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert "type halt to confirm" in screen_text(app)
        await pilot.press("escape", "colon")
        await typed(pilot, "tui")
        await pilot.press("enter")
        await pilot.pause()
        assert "can't be given on the screen itself" in screen_text(app)
        await pilot.press("escape", "colon")
        await typed(pilot, "desktop.fund")
        await pilot.press("enter")
        await pilot.pause()
        assert app.current_mode == "fund"

    on_desk(tmp_path / "desk", act, intervals=2)


def test_help_jump_theme_and_picture(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, Reading)
        text = app.screen.text.plain
        assert app.desktop.focused_pane is not None
        assert app.desktop.focused_pane.HELP in text
        assert all(action.help in text for action in ACTIONS if action.desktop in ("", "market"))
        await pilot.press("escape", "f")
        await pilot.pause()
        assert isinstance(app.screen, Jump)
        await pilot.press("s")
        await pilot.pause()
        assert app.desktop.focused_pane is app.desktop.in_sight[1]
        await pilot.press("t")
        await pilot.pause()
        assert app.theme == "light"
        await pilot.press("p")
        await told(pilot, "picture: ")
        assert (tmp_path / "voltadesk-market.svg").read_text("utf-8").startswith("<svg")
        await pilot.press("e")
        await told(pilot, "rows: ")
        (exported,) = tmp_path.glob("*.csv")
        assert exported.read_text("utf-8").count("\n") >= 1

    on_desk(tmp_path / "desk", act, intervals=8, settings=Settings(exports=tmp_path))


def test_keys_that_mean_nothing_do_nothing(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("question_mark")
        for letter in string.ascii_lowercase.replace("q", ""):  # which closes what is read
            pilot.app.post_message(Key(letter, letter))
        await pilot.pause()
        assert isinstance(pilot.app.screen, Reading)

    on_desk(tmp_path / "desk", act, intervals=1)


def test_keys_can_be_rebound_and_ids_are_known(tmp_path: Path) -> None:
    assert set(BY_ID) - {"home.set", "plant.set"} <= binding_ids()

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("f9")
        await pilot.pause()
        assert pilot.app.current_mode == "fund"
        await pilot.press("2")
        await pilot.pause()
        assert pilot.app.current_mode == "fleet"
        await pilot.press("3")
        await pilot.pause()
        assert pilot.app.current_mode == "fleet", "its key is another one now"

    on_desk(tmp_path / "desk", act, intervals=2, settings=Settings(keymap={"desktop.fund": "f9"}))


def test_a_screen_that_only_shows_sends_nothing(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        before = (await shown(pilot)).sequence
        await pilot.press("b")
        await told(pilot, "without trading")
        await pilot.press("colon")
        await typed(pilot, "market halt x")
        await pilot.press("enter")
        await told(pilot, "without trading")
        await pilot.press("space", "right_square_bracket")
        await pilot.pause(0.3)
        assert pilot.app.runner.desk.journal.head().seq == before  # type: ignore[attr-defined]

    on_desk(tmp_path / "desk", act, intervals=2, settings=Settings(is_trading=False), unsigned=ONLY_SHOWS)


def test_a_pane_fills_the_screen_and_gives_it_back(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        pane = app.desktop.focused_pane
        assert pane is not None
        await pilot.press("z")
        await pilot.pause()
        assert list(app.desktop.in_sight) == [pane]
        assert "HALTED" not in screen_text(app)
        top = screen_text(app).splitlines()[:2]
        assert "VOLTADESK" in top[0], "what is played stays where it is"
        assert "LIVE" in top[1]
        await pilot.press("z")
        await pilot.pause()
        assert len(app.desktop.in_sight) > 1

    on_desk(tmp_path / "desk", act, intervals=2)


def test_the_screen_is_found_as_it_was_left(tmp_path: Path) -> None:
    async def run() -> None:
        with make_desk(tmp_path / "desk") as desk:
            with running(desk, 8) as runner:
                first = DeskApp(runner)
                async with first.run_test(size=(140, 40)) as pilot:
                    await shown(pilot)
                    await pilot.press("f", "s")
                    await pilot.pause()
                    focus = first.desktop.focused_pane
                    assert focus is not None
                    await pilot.press("2")
                    await shown(pilot)
                    await pilot.press("ctrl+q")
            with running(desk) as runner:
                second = DeskApp(runner, memory=first.memory)
                async with second.run_test(size=(140, 40)) as pilot:
                    await shown(pilot)
                    assert second.current_mode == "fleet"
                    await pilot.press("1")
                    await shown(pilot)
                    assert second.desktop.focused_pane is not None
                    assert second.desktop.focused_pane.id == focus.id

    asyncio.run(run())


@pytest.mark.usefixtures("all_desktops")
def test_typing_while_the_market_runs_at_full_speed(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        app.runner.set_speed(0)
        app.runner.play()
        before = (await shown(pilot, lambda frame: frame.clock.is_playing)).next_utc
        line = app.prompt.query_one(Input)
        for n in range(5):
            # Straight to the app: a pilot waits after every key for a moment in which nothing is done.
            app.post_message(Key("colon", ":"))
            words = f"words that stay {n}"
            for letter in words:
                app.post_message(Key({" ": "space"}.get(letter, letter), letter))
            await until(lambda words=words: line.value == words)
            app.post_message(Key("escape", None))
            await until(lambda: not line.has_focus)
        assert (await shown(pilot, lambda frame: frame.next_utc > before)).clock.is_playing

    on_desk(tmp_path / "desk", act, intervals=8, speed=0)


@pytest.mark.usefixtures("all_desktops")
@pytest.mark.usefixtures("all_desktops")
def test_pictures_go_on_while_a_key_is_held(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        app.runner.set_speed(AS_FAST_AS_IT_GOES)
        app.runner.play()
        fed: list[int] = []
        over_s = time.monotonic() + 6
        while time.monotonic() < over_s and len(fed) < 5:  # as a terminal repeats it
            app.post_message(Key("j", "j"))
            await asyncio.sleep(0.01)
            if app.desktop.fed is not None and app.desktop.fed.number not in fed:
                fed.append(app.desktop.fed.number)  # by every pane
        assert len(fed) == 5

    on_desk(tmp_path / "desk", act, intervals=4)


def test_a_storm_of_sizes_leaves_a_whole_picture(tmp_path: Path) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        app: DeskApp = pilot.app  # type: ignore[assignment]
        app.runner.set_speed(0)
        app.runner.play()
        sizes = [(200, 56), (80, 24), (33, 9), (140, 40), (12, 4), (100, 30)]
        for desktop in "123456":
            await pilot.press(desktop)
            for size in sizes:
                app._driver._size = Size(*size)  # type: ignore[union-attr]  # as the pilot does, who waits then
                app.post_message(Resize(Size(*size), Size(*size)))
                await asyncio.sleep(0.02)
        await shown(pilot)
        assert all(len(line) <= 100 for line in screen_text(app).splitlines())
        assert "LIVE" in screen_text(app)

    on_desk(tmp_path / "desk", act, intervals=8)
