"""The windowed table: equal to slicing, sorting and filtering by hand; keys, mouse, copies and exports."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from tests.ui import seeded
from tests.ui.screens import on_screen
from voltadesk.ui.export import write_csv
from voltadesk.ui.pane import Pane, Standing
from voltadesk.ui.picture import screen_text
from voltadesk.ui.rows import Column, ListRows, Row, SummedRows, number_column
from voltadesk.ui.table import Table
from voltadesk.ui.table_pane import ColumnChoice, TablePane
from voltadesk.ui.text import PRICE

COLUMNS = (Column("name", "name"), number_column("price", "price", "€/MWh", PRICE))
ROWS = st.lists(st.tuples(st.text("abc", max_size=3), st.none() | st.integers(-500, 500)), max_size=40)


@given(ROWS, st.text("abc ", max_size=3), st.sampled_from([None, "name", "price"]), st.booleans(), st.integers(0, 40))
def test_window_is_the_naive_slice(rows: list[Row], words: str, key: str | None, descending: bool, first: int) -> None:
    view = ListRows(COLUMNS, rows).arranged(words, key, descending)
    expected = [r for r in rows if all(word in f"{r[0]}\n{PRICE.show(r[1])}".casefold() for word in words.split())]
    if key is not None:
        at = ("name", "price").index(key)
        known = [row for row in expected if row[at] is not None]
        expected = sorted(known, key=lambda row: row[at], reverse=descending) + [r for r in expected if r[at] is None]
    assert view.rows(first, first + 7) == expected[first : first + 7]
    assert (len(view), view.held, view.total) == (len(expected), len(rows), len(rows))


@given(ROWS, st.text("abc ", max_size=3), st.sampled_from([None, "name", "price"]), st.booleans(), st.integers(0, 40))
def test_the_sum_stands_below_what_the_filter_leaves(
    rows: list[Row], words: str, key: str | None, descending: bool, first: int
) -> None:
    def sum_up(seen: Sequence[Row]) -> Row:
        return "sum", sum(row[1] or 0 for row in seen)

    plain = ListRows(COLUMNS, rows).arranged(words, key, descending)
    view = SummedRows(ListRows(COLUMNS, rows), sum_up).arranged(words, key, descending)
    shown = [*plain.rows(0, len(plain))]
    expected = [*shown, sum_up(shown)] if shown else []
    assert list(view.rows(first, first + 7)) == expected[first : first + 7]
    assert (len(view), view.held, view.total) == (len(expected), len(rows), len(rows))


class Watched(seeded.Orders):
    """Orders that remember the widest window asked for."""

    widest = 0

    def rows(self, first: int, last: int) -> Sequence[Row]:
        self.widest = max(self.widest, last - first)
        return super().rows(first, last)


def make(count: int = 1_000_000) -> tuple[Table, Watched]:
    table, source = Table(seeded.ORDER_COLUMNS, newest_first=True), Watched(count)
    table.show(source)
    return table, source


def test_only_what_is_in_sight_is_asked_for() -> None:
    table, source = make()

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("end", "pageup", "up", "k", "j", "pagedown", "home", "down")
        assert table.cursor == 1
        await pilot.press("G")
        await pilot.pause()
        assert table.row == seeded.order(999_999)
        assert seeded.order(999_999)[0] in screen_text(pilot.app)

    on_screen(table, (90, 20), act)
    assert source.widest <= 20


def test_cursor_stays_on_its_row_when_rows_come_in_above() -> None:
    table, _ = make(100)

    async def act(pilot: Pilot[Any]) -> None:
        table.show(Watched(101))
        assert table.cursor == 0, "on the newest row it stays with the newest"
        await pilot.press("down", "down")
        before = table.scroll_offset.y
        table.show(Watched(104))
        await pilot.pause()
        assert table.cursor == 5
        assert table.scroll_offset.y == before + 3

    on_screen(table, (90, 20), act)


def test_growing_and_shrinking_keeps_every_row_in_reach() -> None:
    table, _ = make(100)

    async def act(pilot: Pilot[Any]) -> None:
        for count in (5_000, 30, 12, 200_000, 3):
            table.show(Watched(count))
            await pilot.pause()
            await pilot.press("end")
            await pilot.pause()
            assert table.cursor == count - 1
            assert seeded.order(count - 1)[0] in screen_text(pilot.app)
            assert table.scroll_offset.y == max(0, count - 19)

    on_screen(table, (90, 20), act)


def test_order_by_key_and_by_click() -> None:
    table = Table(COLUMNS)
    table.show(ListRows(COLUMNS, [("b", 2), ("a", None), ("c", 1)]))

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("right", "o")
        assert [row[0] for row in table.view.rows(0, 9)] == ["c", "b", "a"]
        await pilot.press("o")
        assert [row[0] for row in table.view.rows(0, 9)] == ["b", "c", "a"]
        await pilot.press("o")
        assert table.order_key is None
        await pilot.click(table, offset=(2, 0))
        assert [row[0] for row in table.view.rows(0, 9)] == ["a", "b", "c"]
        await pilot.click(table, offset=(2, 3))
        assert table.cursor == 2

    on_screen(table, (60, 10), act)


def test_many_rows_are_arranged_beside_the_loop() -> None:
    table = Table(COLUMNS)
    table.show(ListRows(COLUMNS, [(str(n % 10), n * 7919 % 10_007) for n in range(10_000)], total=50_000))
    pane = TablePane(1, "Rows", table)

    async def act(pilot: Pilot[Any]) -> None:
        table.order_by("price")
        assert table.is_arranging
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert table.view.rows(0, 1)[0][1] == 0
        assert "CUT: order over 10\u202f000 only · 10\u202f000 of 50\u202f000" in pane.standing.text()

    on_screen(pane, (90, 12), act)


def test_filter_line_and_column_choice() -> None:
    table = Table(COLUMNS)
    table.show(ListRows(COLUMNS, [("ab", 1), ("bc", 2), ("ca", 3)]))
    pane = TablePane(1, "Rows", table)

    async def act(pilot: Pilot[Any]) -> None:
        table.focus()
        await pilot.press("slash", "b", "c", "enter")
        assert [row[0] for row in table.view.rows(0, 9)] == ["bc"]
        assert table.has_focus
        await pilot.pause()
        assert "filter “bc” · 1 of 3" in pane.standing.text()
        await pilot.press("escape")
        assert len(table.view) == 3
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ColumnChoice)
        await pilot.press("down", "space", "enter")
        await pilot.pause()
        assert [column.key for column in table.columns] == ["name"]
        await pilot.press("y")
        assert pilot.app.clipboard == "ab"

    on_screen(pane, (60, 14), act)


def test_no_column_is_drawn_in_part() -> None:
    table, _ = make(50)

    async def act(pilot: Pilot[Any]) -> None:
        assert len(table.seen_columns()) < len(table.columns)
        assert screen_text(pilot.app).splitlines()[0].endswith("›")
        await pilot.press("right", "right", "right", "right", "right")
        await pilot.pause()
        header = screen_text(pilot.app).splitlines()[0]
        assert header.split() == ["time", "state", "‹"]
        table.choose_columns(["price", "nonsense", "time"])
        await pilot.pause()
        assert screen_text(pilot.app).splitlines()[0].split() == ["€/MWh", "time"]

    on_screen(table, (26, 10), act)


def test_messages_of_moving_and_opening() -> None:
    seen: list[tuple[str, Row | None]] = []

    class Kept(Table):
        def post_message(self, message: Any) -> bool:
            if isinstance(message, Table.Moved):
                seen.append((type(message).__name__, message.row))
            return super().post_message(message)

    table = Kept(COLUMNS)
    table.show(ListRows(COLUMNS, [("a", 1), ("b", 2)]))

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("down", "enter")
        await pilot.double_click(table, offset=(2, 1))

    on_screen(table, (40, 8), act)
    assert seen == [("Moved", ("b", 2)), ("Selected", ("b", 2)), ("Moved", ("a", 1)), ("Selected", ("a", 1))]


def test_export_is_what_is_shown_and_harmless(tmp_path: Path) -> None:
    rows = [("=1+1", -150), ("@x", 2), ("a,b", None), ("x", 7)]
    table = Table(COLUMNS)
    table.show(ListRows(COLUMNS, rows))
    table.order_by("price", True)
    path = tmp_path / "rows.csv"
    assert write_csv(path, table.csv_rows()) == 4
    read = list(csv.reader(path.read_text("utf-8").splitlines()))
    assert read == [["name", "price €/MWh"], ["x", "0.07"], ["'@x", "0.02"], ["'=1+1", "-1.50"], ["a,b", ""]]
    with pytest.raises(FileExistsError):
        write_csv(path, [])


def test_pane_maximises_copies_and_asks_for_exports() -> None:
    asked: list[Pane] = []

    class Kept(Pane):
        def post_message(self, message: Any) -> bool:
            if isinstance(message, Pane.Export):
                asked.append(message.pane)
            return super().post_message(message)

    table, _ = make(5)
    pane = Kept(3, "[b]Orders[/b]", table)

    async def act(pilot: Pilot[Any]) -> None:
        table.focus()
        await pilot.press("z")
        assert pilot.app.screen.maximized is pane
        await pilot.press("z", "y", "e")
        assert pilot.app.screen.maximized is None
        assert pilot.app.clipboard.split("\t")[1] == "QH 14:00"
        assert "3 [b]Orders[/b]" in screen_text(pilot.app)
        assert next(pane.csv_rows())[0] == "time"
        pane.stand(Standing(stale_s=3, sequence=1_234))
        assert pane.has_class("-stale")

    on_screen(pane, (60, 10), act)
    assert asked == [pane]
