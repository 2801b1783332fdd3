"""The desktops by their names."""

from __future__ import annotations

from voltadesk.ui.desktop import Desktop
from voltadesk.ui.desktops.admin import AdminDesktop
from voltadesk.ui.desktops.community import CommunityDesktop
from voltadesk.ui.desktops.fleet import FleetDesktop
from voltadesk.ui.desktops.fund import FundDesktop
from voltadesk.ui.desktops.ledger import LedgerDesktop
from voltadesk.ui.desktops.market import MarketDesktop

DESKTOPS: dict[str, type[Desktop]] = {
    desktop.NAME: desktop
    for desktop in (MarketDesktop, FleetDesktop, FundDesktop, LedgerDesktop, AdminDesktop, CommunityDesktop)
}
