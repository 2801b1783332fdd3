"""Colours, and nowhere else: each theme gives every ink its colour as the variable `$ink-NAME`.

`dark` and `light` use the hues of Okabe and Ito, which stay apart for every kind of colour vision; on light ground they
are darkened until text in them can be read. `high-contrast` keeps 7:1 and more, `classic` is green and red on black.
"""

from __future__ import annotations

from textual.app import App
from textual.color import Color
from textual.theme import Theme

from voltadesk.ui.inks import NAMES

DEFAULT = "dark"
SHARES = (0.26, 0.5, 0.75, 1.0)  # of a map's four tones


def _tones(base: Color, dark: bool, inks: dict[str, str], fills: str) -> dict[str, str]:
    """The inks that are mixed from others and the ground."""

    def tone(ink: str, share: float) -> str:
        return base.blend(Color.parse(ink), share).hex

    up, down = fills.split()
    return {
        "up-dim": tone(up, 0.55),
        "down-dim": tone(down, 0.55),
        "grid": tone(inks["text"], 0.16),
        "fan": tone(inks["forecast"], 0.28),
        "fan-inner": tone(inks["forecast"], 0.45),
        **{f"charge-{n}": tone(up, share) for n, share in enumerate(SHARES, 1)},
        **{f"discharge-{n}": tone(down, share) for n, share in enumerate(SHARES, 1)},
        "cursor": tone(inks["up"], 0.25 if dark else 0.18),
        "live": tone(inks["band"], 0.22),
        "replay": tone(inks["own"], 0.2),
    }


def _theme(
    name: str, dark: bool, ground: str, raised: str, lines: str, inks: dict[str, str], fills: str, mix: str
) -> Theme:
    """A theme from its grounds, its frames, the inks, two fills for up and down, and eight for sources."""
    base = Color.parse(ground)

    inks = {**inks, **_tones(base, dark, inks, fills), "strong": inks["text"], "bar": raised, "ground": ground}
    inks |= {f"mix-{n}": color for n, color in enumerate(mix.split(), 1)}
    assert set(inks) == set(NAMES)
    variables = {f"ink-{ink}": color for ink, color in inks.items()}
    row = {"block-cursor-foreground": ground, "block-cursor-background": inks["up"], "block-cursor-text-style": "bold"}
    more = {"frame": lines, "stripe": base.blend(Color.parse(inks["text"]), 0.04).hex, "header": raised}
    return Theme(
        name=name,
        dark=dark,
        primary=inks["up"],
        secondary=inks["band"],
        warning=inks["down"],
        error=inks["fault"],
        success=inks["band"],
        accent=inks["own"],
        foreground=inks["text"],
        background=ground,
        surface=ground,
        panel=raised,
        variables={**variables, **row, **more, "footer-background": raised},
    )


THEMES = (
    _theme(
        "dark",
        True,
        "#0F161D",
        "#1A2430",
        "#2E3B49",
        {
            "text": "#D5DEE8",
            "faint": "#8493A3",
            "up": "#56B4E9",
            "down": "#E69F00",
            "own": "#F0E442",
            "band": "#009E73",
            "fault": "#F0703A",
            "forecast": "#CC79A7",
        },
        "#56B4E9 #E69F00",
        "#8A6BBE #56B4E9 #0072B2 #F0E442 #009E73 #CC79A7 #E69F00 #8493A3",
    ),
    _theme(
        "light",
        False,
        "#FBFBF8",
        "#E9ECEF",
        "#B4BDC6",
        {
            "text": "#1B2530",
            "faint": "#5A6672",
            "up": "#00629B",
            "down": "#9A5B00",
            "own": "#6E6300",
            "band": "#00704F",
            "fault": "#B23A00",
            "forecast": "#9C3F74",
        },
        "#3D9AD6 #E0961A",
        "#6B4BA3 #4BA3DB #00629B #D8C400 #00704F #C26A9A #C77F00 #8A949E",
    ),
    _theme(
        "high-contrast",
        True,
        "#000000",
        "#1C1C1C",
        "#9A9A9A",
        {
            "text": "#FFFFFF",
            "faint": "#C8C8C8",
            "up": "#7CCBFF",
            "down": "#FFB521",
            "own": "#FFF35C",
            "band": "#3DDCA6",
            "fault": "#FF8A5C",
            "forecast": "#F2A7D0",
        },
        "#7CCBFF #FFB521",
        "#B79BEB #7CCBFF #3E8FD6 #FFF35C #3DDCA6 #F2A7D0 #FFB521 #C8C8C8",
    ),
    _theme(
        "classic",
        True,
        "#0B0E11",
        "#171C22",
        "#2C343D",
        {
            "text": "#D8DCE0",
            "faint": "#848E9C",
            "up": "#2EBD85",
            "down": "#F6465D",
            "own": "#F0B90B",
            "band": "#3BA7C4",
            "fault": "#FF7A45",
            "forecast": "#A58BEA",
        },
        "#2EBD85 #F6465D",
        "#8A6BBE #3BA7C4 #2868B0 #F0E442 #2EBD85 #CC79A7 #E69F00 #848E9C",
    ),
)
VARIABLES = dict(THEMES[0].variables)


class ThemedApp(App[None]):
    """An app in these themes. Textual's own stay on offer; under them the inks keep the dark theme's colours."""

    def __init__(self, theme: str = DEFAULT) -> None:
        super().__init__()
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLES
