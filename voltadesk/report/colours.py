"""Colours of pictures, on a light page and on a dark one."""

from __future__ import annotations

# Colours that people who see fewer of them can tell apart (M. Okabe and K. Ito, "Color universal design", 2008), and
# what each becomes on a dark page. What rises or sells is blue, what falls or buys orange.
INK, SOFT, LINE = "#1d2733", "#5f6b7a", "#d9dee5"
BLUE, ORANGE, GREEN, SKY, AMBER, PINK, YELLOW, GREY = (
    "#0072b2", "#d55e00", "#009e73", "#56b4e9", "#e69f00", "#cc79a7", "#e8d834", "#97a3b3",
)  # fmt: skip
COLOURS = (BLUE, ORANGE, GREEN, PINK, AMBER, SKY, YELLOW, GREY)
DARK = {
    INK: "#e6eaf0", SOFT: "#a9b4c2", LINE: "#3a4552", BLUE: "#4aa8e0", ORANGE: "#f2803a", GREEN: "#2fc197",
    SKY: "#8accf3", AMBER: "#f0b23c", PINK: "#dc97bf", YELLOW: "#efe36a", GREY: "#7f8b9b",
}  # fmt: skip


def variable(colour: str) -> str:
    """The page's variable for a colour."""
    return f"--c{colour[1:]}"
