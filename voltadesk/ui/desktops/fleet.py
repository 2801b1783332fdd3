"""The fleet desktop."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from voltadesk.ui.actions import bindings
from voltadesk.ui.desktop import Desktop


class FleetDesktop(Desktop):
    NAME = "fleet"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("fleet")]
