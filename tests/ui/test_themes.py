"""Colours that can be read and told apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from textual.color import Color

from voltadesk.ui.themes import THEMES


def contrast(one: str, other: str) -> float:
    """Ratio of luminances, 1 to 21 (WCAG 2.2)."""

    def luminance(color: str) -> float:
        parts = [part / 255 for part in Color.parse(color).rgb]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_inks_can_be_read(theme: Any) -> None:
    least = 7 if theme.name == "high-contrast" else 4.5
    for ink in ("text", "faint", "up", "down", "own", "band", "fault", "forecast"):
        ratio = contrast(theme.variables[f"ink-{ink}"], theme.background)
        assert ratio >= least, f"{ink}: {ratio:.1f}"


# Severe deuteranopia and protanopia in linear light (Machado, Oliveira, Fernandes 2009).
MACHADO = (
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
)


@pytest.mark.parametrize("name", ["dark", "light", "high-contrast"])
@pytest.mark.parametrize("matrix", MACHADO, ids=["deuteranopia", "protanopia"])
def test_up_and_down_stay_apart_for_every_eye(name: str, matrix: Any) -> None:
    theme = next(theme for theme in THEMES if theme.name == name)
    seen = [
        np.array(matrix) @ (np.array(Color.parse(theme.variables[f"ink-{ink}"]).rgb) / 255) ** 2.2
        for ink in ("up", "down")
    ]
    assert np.abs(seen[0] - seen[1]).max() > 0.2
