"""docs/screen.md lists every action with its keys; VOLTADESK_UPDATE_GOLDEN=1 writes the list anew."""

from __future__ import annotations

import re
from pathlib import Path

from voltadesk.ui.actions import ACTIONS, TYPED, Action
from voltadesk.ui.settings import THEME_NAMES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "screen.md"
BEGIN, END = "<!-- actions -->\n", "<!-- /actions -->\n"
NAMES = {"question_mark": "?", "colon": ":", "comma": ",", "full_stop": ".", "left_square_bracket": "[",
         "right_square_bracket": "]"}  # fmt: skip


def keys(action: Action) -> str:
    return " ".join(f"`{NAMES.get(key, key)}`" for key in action.key.split(",") if key) or "from its page"


def listed() -> str:
    rows = ["| key | action | where | what it does |", "|---|---|---|---|"]
    for action in ACTIONS:
        where = action.desktop or "everywhere"
        word = f" Confirmed by typing {action.word}." if action.confirm == TYPED else ""
        rows.append(f"| {keys(action)} | `{action.id}` | {where} | {action.help}.{word} |")
    return "\n".join(rows) + "\n"


def test_every_action_is_listed(is_update: bool) -> None:
    text = PAGE.read_text("utf-8")
    if is_update:
        head, _, rest = text.partition(BEGIN)
        PAGE.write_text(head + BEGIN + listed() + END + rest.partition(END)[2], "utf-8")
        text = PAGE.read_text("utf-8")
    assert BEGIN + listed() + END in text


def test_every_theme_is_named() -> None:
    text = PAGE.read_text("utf-8")
    assert all(re.search(rf"`{name}`", text) for name in THEME_NAMES)
