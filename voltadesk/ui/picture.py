"""The screen as it stands, as lines of text and as an SVG picture that looks the same with any monospace font.

Block, shade and braille characters are drawn as shapes, so that no font's gaps show between them.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from rich.color import Color
from rich.style import Style
from textual.app import App
from textual.strip import Strip

WIDTH, HEIGHT, SIZE = 8.43, 17.0, 14  # of a cell, and the font's size [px]
_LOWER = "▁▂▃▄▅▆▇█"
_LEFT = "▏▎▍▌▋▊▉"
# Arms of a line from the middle of its cell: up, right, down, left; 1 thin, 2 thick.
_LINES = (
    "─0101 ━0202 │1010 ┃2020 ┌0110 ┐0011 └1100 ┘1001 ╭0110 ╮0011 ╰1100 ╯1001 ┏0220 ┓0022 ┗2200 ┛2002 "
    "╵1000 ╷0010 ╹2000 ╻0020 ╽1020 ╿2010 ╺0200 ╸0002 ┷1202 ┯0212 ┿1212"
)
_ARMS = {line[0]: tuple(int(arm) for arm in line[1:]) for line in re.split(" ", _LINES)}
_DASHES = {"┈": (4, True), "╌": (2, True), "┊": (4, False)}  # how many in a cell, and whether they lie
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))  # of braille, by bit: column, row


def screen_strips(app: App[Any]) -> list[Strip]:
    """The lines of the screen. Textual offers them to no one, hence the one private call."""
    return app.screen._compositor.render_strips()


def screen_text(app: App[Any]) -> str:
    """The screen as text, without trailing blanks."""
    return "\n".join(strip.text.rstrip() for strip in screen_strips(app))


def screen_svg(app: App[Any]) -> str:
    """The screen as an SVG picture."""
    strips = screen_strips(app)
    w, h = max((strip.cell_length for strip in strips), default=1) * WIDTH, len(strips) * HEIGHT
    shapes: list[str] = []
    for row, strip in enumerate(strips):
        column = 0
        for text, style, _ in strip:
            shapes += _run(text, style or Style(), column * WIDTH, row * HEIGHT)
            column += len(text)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.1f} {h:.1f}" width="{w:.0f}" height="{h:.0f}"'
    font = f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}" xml:space="preserve"'
    return f'{head} {font} shape-rendering="crispEdges">\n' + "\n".join(shapes) + "\n</svg>\n"


def _hex(color: Color | None, default: str) -> str:
    return default if color is None else color.get_truecolor().hex


def _run(text: str, style: Style, x: float, y: float) -> list[str]:
    """One run of cells: its ground, its words as text, the rest as shapes."""
    front, back = _hex(style.color, "#d0d0d0"), _hex(style.bgcolor, "#000000")
    if style.reverse:
        front, back = back, front
    shapes = [_box(x, y, len(text) * WIDTH, HEIGHT, back)]
    words = ""
    for n, character in enumerate(text):
        drawn = _shape(character, x + n * WIDTH, y, front)
        shapes += drawn
        words += " " if drawn else character
    if words.strip():
        bold = ' font-weight="bold"' if style.bold else ""
        line = ' text-decoration="underline"' if style.underline else ""
        for start, word in _words(words):
            at, length = x + start * WIDTH, len(word) * WIDTH
            where = f'x="{at:.2f}" y="{y + HEIGHT - 4.2:.1f}" textLength="{length:.2f}"'
            shapes.append(f'<text {where} fill="{front}"{bold}{line}>{escape(word)}</text>')
    return shapes


def _words(text: str) -> list[tuple[int, str]]:
    """Words with their cells: long blanks between them are left out."""
    found, at = [], 0
    for word in text.split(" "):
        if word:
            found.append((at, word))
        at += len(word) + 1
    return found


def _box(x: float, y: float, w: float, h: float, color: str) -> str:
    # A hair wider, so that no seam shows between neighbours.
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{w + 0.3:.2f}" height="{h + 0.3:.2f}" fill="{color}"/>'


def _shape(character: str, x: float, y: float, color: str) -> list[str]:
    """The shapes of a block, shade or braille character; none for all others."""
    code = ord(character)
    if character in _LOWER:
        h = HEIGHT * (_LOWER.index(character) + 1) / 8
        return [_box(x, y + HEIGHT - h, WIDTH, h, color)]
    if character in _LEFT:
        return [_box(x, y, WIDTH * (_LEFT.index(character) + 1) / 8, HEIGHT, color)]
    if 0x2800 <= code <= 0x28FF:
        at = [_DOTS[bit] for bit in range(8) if code >> bit & 1]
        return [
            f'<circle cx="{x + (0.27 + 0.46 * column) * WIDTH:.2f}" cy="{y + (0.14 + 0.24 * row) * HEIGHT:.2f}" '
            f'r="1.35" fill="{color}" shape-rendering="auto"/>'
            for column, row in at
        ]
    if character in _ARMS:
        return _arms(_ARMS[character], x, y, color)
    if character in _DASHES:
        count, lies = _DASHES[character]
        w, h = WIDTH / count, HEIGHT / count
        if lies:
            return [_box(x + w * n, y + HEIGHT / 2 - 0.5, w / 2, 0.7, color) for n in range(count)]
        return [_box(x + WIDTH / 2 - 0.5, y + h * n, 0.7, h / 2, color) for n in range(count)]
    return []


def _arms(arms: tuple[int, ...], x: float, y: float, color: str) -> list[str]:
    """Lines from the middle of a cell to its edges."""
    shapes = []
    for n, weight in enumerate(arms):
        t = 0.9 if weight == 1 else 2.7
        left, top = x + (WIDTH - t) / 2, y + (HEIGHT - t) / 2
        w, h = (WIDTH + t) / 2, (HEIGHT + t) / 2
        if weight:
            box = ((left, y, t, h), (left, top, w, t), (left, top, t, h), (x, top, w, t))[n]
            shapes.append(_box(*box, color))
    return shapes
