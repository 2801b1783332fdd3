"""Everything that can be done on the screen, once: keys, footer, help, palette, command line, roles and confirmation.

An action either calls a method of the app, or it is a command of the desk that a form asks the values of. `key` is the
one it has unless the user's configuration names others for its `id`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import Binding

if TYPE_CHECKING:
    from voltadesk.ui.frame import DeskFrame

# How an action is confirmed before it is carried out; that a second person has to agree is the desk's own rule.
NONE, REVIEW, TYPED = range(3)


@dataclass(frozen=True)
class Action:
    """Something to do. `kind` is the desk's command that it gives, "" when it changes nothing."""

    id: str
    title: str
    key: str
    help: str
    kind: str = ""
    confirm: int = NONE
    desktop: str = ""  # only there; "" everywhere
    in_bar: bool = False  # seen in the line of keys
    call: str = ""  # method of the app; "": a form of the command's fields
    fields: tuple[str, ...] = ()  # of the form; () all of the command's
    word: str = ""  # to be typed
    is_urgent: bool = False  # its key works from anywhere, whatever has the focus

    @property
    def binding(self) -> Binding:
        return Binding(
            self.key, f"app.perform('{self.id}')", self.title, show=self.in_bar, id=self.id, priority=self.is_urgent
        )

    def why_not(self, frame: DeskFrame | None) -> str:
        """Why it can't be done now; empty when it can."""
        if not self.kind:
            return ""
        return "the desk is still being opened" if frame is None else frame.why_not(self.kind)


def _desktop(number: int, name: str, help: str) -> Action:
    return Action(f"desktop.{name}", name.capitalize(), str(number), help, call="show_desktop", in_bar=True)


ACTIONS = (
    _desktop(1, "market", "Price, auction, products, generation, who delivers to whom"),
    _desktop(2, "fleet", "Batteries, their dispatch and why, what they hold"),
    _desktop(3, "fund", "Net asset value, holdings, dividends, your statement"),
    _desktop(4, "ledger", "Receipts and postings, and their proofs"),
    _desktop(5, "admin", "Actors, rules, feeds, halt and resume"),
    _desktop(6, "community", "Months and members of an energy community, an interval explained, rules compared"),
    # Trading
    Action("order.buy", "Buy", "b", "An order to buy in the coming auction", "order.place", REVIEW, "", True, "buy"),
    Action("order.sell", "Sell", "s", "An order to sell in the coming auction", "order.place", REVIEW, "", True,
           "sell"),
    Action("order.cancel", "Cancel", "x", "Take the order under the cursor out", "order.cancel", REVIEW,
           call="cancel_order", fields=("order",)),
    Action("order.amend", "Amend", "E", "Give the order under the cursor another limit or size", "order.amend", REVIEW),
    Action("order.cancel-all", "Cancel all", "X", "Take all your open orders out", "order.cancel", REVIEW,
           call="cancel_all"),
    Action("order.book", "Book", "D", "Products, a depth ladder, all order books with positions: in turn in one place",
           desktop="market", in_bar=True, call="turn_book"),
    Action("market.halt", "Halt", "ctrl+k", "Stop all trading at once, on every screen of the desk", "market.halt",
           TYPED, in_bar=True, fields=("reason",), word="halt", is_urgent=True),
    Action("market.resume", "Resume", "ctrl+r", "Go on after a halt", "market.resume", TYPED, word="resume"),
    # Time
    Action("time.play", "Play", "space", "Play or pause: the market, or in replay what is seen of it", call="toggle",
           in_bar=True),
    Action("time.back", "Step back", "left_square_bracket", "One interval back: begins a replay", call="step_back"),
    Action("time.on", "Step on", "right_square_bracket", "One interval on", call="step_on"),
    Action("time.slower", "Slower", "comma", "Half the speed and less", call="slower"),
    Action("time.faster", "Faster", "full_stop", "Twice the speed and more, up to as fast as it goes", call="faster"),
    Action("time.go", "Go to", "g", "Go to a time: what has been is replayed, what comes is run to", call="go_to",
           in_bar=True),
    Action("time.live", "Live", "L", "Back from a replay to the market as it is", call="go_live"),
    # Fleet
    Action("battery.add", "Add battery", "n", "Register a battery the fund does not pay for", "battery.add", REVIEW,
           "fleet", True),
    Action("battery.buy", "Buy battery", "B", "Buy a battery with the fund's free cash", "battery.buy", REVIEW,
           "fleet"),
    Action("battery.set", "Alter", "a", "When the battery under the cursor buys and sells, and how", "battery.set",
           REVIEW, "fleet", True),
    Action("battery.retire", "Retire", "R", "Take the battery under the cursor out of service", "battery.retire", TYPED,
           "fleet", True, word="retire"),
    # Fund
    Action("fund.invest", "Invest", "i", "Put money in, for shares at net asset value", "fund.invest", REVIEW, "fund",
           True),
    Action("fund.redeem", "Redeem", "r", "Ask for shares to be paid out", "fund.redeem", REVIEW, "fund", True),
    Action("fund.cancel", "Cancel redemption", "C", "Take a request to be paid out of the queue", "fund.cancel", REVIEW,
           "fund"),
    Action("fund.declare", "Declare", "d", "Declare a dividend, by amount or per cent of free cash", "fund.declare",
           TYPED, "fund", True, word="declare"),
    Action("fund.withdraw", "Withdraw", "w", "Take out all dividends due to you", "fund.withdraw", REVIEW, "fund",
           True),
    # Ledger
    Action("ledger.verify", "Verify", "v", "Check the whole journal: signatures, chain, books, state", desktop="ledger",
           in_bar=True, call="verify"),
    Action("community.post", "Post bills", "n", "Post a community's settlement, from its folder", "community.post",
           REVIEW, "ledger", call="post_settlement"),
    Action("community.pay", "Record payment", "P", "A community's statement was paid, or paid out", "community.pay",
           REVIEW, "ledger"),
    # Admin
    Action("market.set", "Rules", "m", "Change the market's rules from the next interval on", "market.set", REVIEW,
           "admin", True),
    Action("actor.add", "Add actor", "n", "A new actor, with the public key it signs with", "actor.add", REVIEW,
           "admin", True),
    Action("role.grant", "Grant", "a", "Give an actor a role", "role.grant", REVIEW, "admin", True),
    Action("role.revoke", "Revoke", "r", "Take a role from an actor", "role.revoke", TYPED, "admin", True,
           word="revoke"),
    Action("owner.transfer", "Transfer ownership", "T", "Offer your ownership; the other one has to accept",
           "owner.transfer", TYPED, "admin", word="transfer"),
    Action("owner.accept", "Accept ownership", "A", "Accept the ownership that was offered to you", "owner.accept",
           TYPED, "admin", word="accept"),
    # Community
    Action("community.open", "Open", "O", "Open a community: one that is shipped, or a folder with rules and meters",
           desktop="community", in_bar=True, call="open_community"),
    Action("community.on", "Day on", "d", "The next day, at the same time", desktop="community", in_bar=True,
           call="day_on"),
    Action("community.back", "Day back", "D", "The day before, at the same time", desktop="community",
           call="day_back"),
    Action("community.whole", "Day or month", "m", "Show the day's sharing, or the month's", desktop="community",
           in_bar=True, call="day_or_month"),
    Action("community.compare", "Compare rules", "r", "Settle the month under every sharing rule", desktop="community",
           in_bar=True, call="compare_rules"),
    # Homes and plants, from their own pages
    Action("home.set", "Alter home", "", "How a home takes part", "home.set", REVIEW),
    Action("plant.set", "Alter plant", "", "What a plant can make and what it asks", "plant.set", REVIEW),
    # The screen itself
    Action("screen.jump", "Jump", "ctrl+o,f", "Mark every pane with a letter; the letter goes there", call="jump"),
    Action("screen.help", "Help", "question_mark", "About the focused pane, and all keys", call="help", in_bar=True),
    Action("screen.line", "Command", "colon", "The same words as on the command line", call="command_line",
           in_bar=True),
    Action("screen.theme", "Theme", "t", "The next theme", call="next_theme"),
    Action("screen.picture", "Picture", "p", "Save the screen as an SVG picture", call="picture"),
    Action("screen.actor", "Act as", "u", "Act as another actor whose key is here", call="act_as"),
    Action("screen.quit", "Quit", "ctrl+q", "Close the desk", call="quit", is_urgent=True),
)  # fmt: skip
BY_ID = {action.id: action for action in ACTIONS}
BY_KIND = {action.kind: action for action in ACTIONS if action.kind}  # any of those that give such a command


def bindings(desktop: str) -> list[Binding]:
    """Those of one desktop, or with "" those that hold everywhere."""
    return [action.binding for action in ACTIONS if action.desktop == desktop and action.key]
