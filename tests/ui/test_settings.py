"""The configuration file, times as they are typed, fields of forms."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from voltadesk.desk.commands import COMMANDS
from voltadesk.desk.fields import body_of, fields_of
from voltadesk.desk.refusal import Refusal
from voltadesk.errors import BadInput
from voltadesk.ui.app import binding_ids
from voltadesk.ui.memory import load, save
from voltadesk.ui.moments import moment_utc, next_utc
from voltadesk.ui.settings import Settings, read_settings

BERLIN = ZoneInfo("Europe/Berlin")
NOON_UTC = int(datetime(2026, 10, 24, 10, 0, tzinfo=UTC).timestamp())  # the day before clocks go back


def test_without_a_file_all_is_as_usual(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "screen.toml", binding_ids()) == Settings()


def test_a_file_sets_theme_pace_and_keys(tmp_path: Path) -> None:
    path = tmp_path / "screen.toml"
    path.write_text('theme = "light"\nfps = 5\nspeed = 0\n[keys]\n"order.buy" = "f5,ctrl+b"\n"table.order" = "O"\n')
    settings = read_settings(path, binding_ids())
    assert (settings.theme, settings.fps, settings.speed) == ("light", 5, 0)
    assert settings.keymap == {"order.buy": "f5,ctrl+b", "table.order": "O"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theme = 'sepia'", "theme = sepia: must be one of dark"),
        ("fps = 0", "fps = 0: must be a whole number from 1 to 60"),
        ("fps = true", "fps = true: must be a whole number"),
        ("speed = -1", "speed = -1"),
        ("colour = 1", "colour = 1: is no setting"),
        ("keys = 3", "keys = 3: must be a table"),
        ("[keys]\n'order.bye' = 'b'", "order.bye: is no action"),
        ("[keys]\n'order.buy' = 'hyper+'", "keys.order.buy = hyper+: must be keys"),
        ("[keys]\n'order.buy' = 'strg+b'", "keys.order.buy = strg+b: must be keys"),
        ("theme = ", "can't be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "screen.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as refused:
        read_settings(path, binding_ids())
    assert words in str(refused.value)
    assert "screen.toml" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12:00", 0),
        ("14:15", 8100),
        ("2026-10-24T13:00", 3600),
        ("2026-10-24T10:30Z", 1800),
        ("+6h", 21_600),
        ("-1d", -86_400),
        ("−30m", -1800),
        ("2026-10-25T03:00", 16 * 3600),  # after the repeated hour: 16 hours of which one comes twice
    ],
)
def test_times_as_they_are_typed(text: str, seconds: int) -> None:
    assert moment_utc(text, BERLIN, NOON_UTC) == NOON_UTC + seconds


@pytest.mark.parametrize("text", ["25:00", "", "soon", "12:60", "+6", "2026-13-01", "0001-01-01T00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="must be a time such as"):
        moment_utc(text, BERLIN, NOON_UTC)


def test_a_time_of_day_that_is_over_is_meant_for_tomorrow() -> None:
    assert next_utc("13:00", BERLIN, NOON_UTC) == NOON_UTC + 3600
    assert next_utc("11:00", BERLIN, NOON_UTC) == NOON_UTC + 24 * 3600  # 23 hours on the clock, 24 with the change


def test_every_command_has_fields_for_all_it_needs() -> None:
    for kind, command in COMMANDS.items():
        fields = {field.name: field for field in fields_of(kind, "EUR")}
        required = {name for name, info in command.model_fields.items() if info.is_required()}
        assert required - set(fields) <= {"kinds", "statements", "prices"}, kind  # these come from files
        for name, field in fields.items():
            assert field.is_required == (name in required), name


def test_only_what_was_altered_is_sent() -> None:
    given = {"battery": "b-1", "buy_limit": "20.00", "sell_limit": "90.00", "charge": "10:00-15:00"}
    fields = fields_of("battery.set", "EUR")
    assert body_of("battery.set", fields, given | {"sell_limit": "95"}, given) == {"battery": "b-1", "sell_limit": "95"}
    hours = {"battery": "b-1", "charge": "10:00-12:00, 13:00-15:00"}
    assert body_of("battery.set", fields, hours, given)["charge"] == ["10:00-12:00", "13:00-15:00"]


def test_a_flag_is_yes_or_no() -> None:
    fields = fields_of("home.set", "EUR")
    assert body_of("home.set", fields, {"home": "h", "in_community": "no"}, {})["in_community"] is False
    with pytest.raises(Refusal, match="in_community = perhaps"):
        body_of("home.set", fields, {"home": "h", "in_community": "perhaps"}, {})


def test_memory_is_a_convenience_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "screen.json"
    assert load(path) == {}
    save(path, {"desktop": "fund"})
    assert load(path) == {"desktop": "fund"}
    path.write_text("{ not json")
    assert load(path) == {}
    path.write_text("[1]")
    assert load(path) == {}
    save(path / "no" / "folder", {})
