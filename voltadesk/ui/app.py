"""The desk's app: its desktops, and everything that can be done on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from voltadesk.ui.actions import bindings
from voltadesk.ui.community_actions import CommunityActions
from voltadesk.ui.desktops import DESKTOPS
from voltadesk.ui.screen_actions import ScreenActions
from voltadesk.ui.settings import Settings as Settings
from voltadesk.ui.time_actions import TimeActions
from voltadesk.ui.trade_actions import TradeActions


class DeskApp(TimeActions, TradeActions, CommunityActions, ScreenActions):
    """The screen of one desk."""

    TITLE = "VoltaDesk"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(""),
        Binding("tab", "app.focus_next", "Next pane", show=False, id="screen.next"),
        Binding("shift+tab", "app.focus_previous", "Pane before", show=False, id="screen.previous"),
    ]
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = dict(DESKTOPS)
    DEFAULT_MODE = "market"


def binding_ids() -> frozenset[str]:
    """The ids of all bindings, which a configuration may give other keys."""
    owners: list[type[DOMNode]] = [DeskApp, *DESKTOPS.values(), *_subclasses(Widget)]
    found = (binding for owner in owners for binding in owner.BINDINGS if isinstance(binding, Binding))
    return frozenset(binding.id for binding in found if binding.id)


def _subclasses(kind: type[Widget]) -> list[type[Widget]]:
    return [each for one in kind.__subclasses__() for each in (one, *_subclasses(one))]
