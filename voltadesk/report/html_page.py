"""A page as one HTML file that needs nothing from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from voltadesk.report.community_page import WIDTH, Page


@cache
def _template() -> Template:
    # Whatever a page says is escaped: names come from files.
    folder = FileSystemLoader(Path(__file__).parent)
    rooms = Environment(autoescape=True, loader=folder, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return rooms.get_template("page.html.jinja")


def html_page(page: Page) -> bytes:
    """The page as HTML, in UTF-8."""
    return _template().render(page=page, width=WIDTH, colours=_colours(page)).encode()


def _colours(page: Page) -> list[tuple[tuple[str, str], str]]:
    """The variables of the pictures' colours: name and value, and the value on a dark page."""
    if not page.charts:
        return []
    from voltadesk.report.colours import DARK, variable

    return [((variable(light), light), dark) for light, dark in DARK.items()]
