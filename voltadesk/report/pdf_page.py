"""A page as PDF: A4, with its fonts in it, and the same bytes whenever it is drawn."""

from __future__ import annotations

import io
from functools import cache, partial
from typing import Any
from xml.sax.saxutils import escape

import font_roboto
from reportlab import rl_config
from reportlab.graphics.shapes import Drawing, Rect, String
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from voltadesk.report.community_page import WIDTH, Bar, Page, Picture
from voltadesk.report.document import Section

PLAIN, BOLD = "Roboto", "Roboto-Bold"  # Latin, Greek and Cyrillic letters
INK, SOFT, LINE = HexColor("#1d2733"), HexColor("#5f6b7a"), HexColor("#d9dee5")
TINT, TRACK = HexColor("#eef6f2"), HexColor("#f3f5f8")  # behind the amount, behind a bar
COLOURS = {"own": HexColor("#f0b23c"), "community": HexColor("#1f8a66"), "grid": HexColor("#97a3b3")}
MARGIN = 18 * mm
PADDING = 6.0  # of the library's frames [pt]
GAP = 8.0  # between the columns of a table [pt]
CELL, CELL_LEADING = 8.0, 10.5  # size of letters and distance of lines in a table [pt]
TOGETHER = 30  # rows of a table that stay on one page


@cache
def _styles() -> dict[str, ParagraphStyle]:
    """The styles by name, when the fonts are known."""
    rl_config.useA85 = 0  # fonts as they are: smaller and quicker than as letters
    registerFont(TTFont(PLAIN, font_roboto.Roboto))
    registerFont(TTFont(BOLD, font_roboto.RobotoBold))
    registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)
    text = ParagraphStyle("text", fontName=PLAIN, fontSize=9, leading=12.5, textColor=INK)
    soft = ParagraphStyle("soft", text, textColor=SOFT, spaceAfter=2)
    cell = ParagraphStyle("cell", text, fontSize=CELL, leading=CELL_LEADING)
    head = ParagraphStyle("head", cell, textColor=SOFT)
    return {
        "text": text,
        "soft": soft,
        "right": ParagraphStyle("right", soft, alignment=TA_RIGHT),
        "sender": ParagraphStyle("sender", text, fontName=BOLD, fontSize=14, leading=17),
        "receiver": ParagraphStyle("receiver", text, fontName=BOLD, fontSize=12, leading=15, spaceAfter=4),
        "amount": ParagraphStyle("amount", text, fontName=BOLD, fontSize=22, leading=28),
        "title": ParagraphStyle("title", text, fontName=BOLD, fontSize=10.5, leading=14, spaceBefore=14, spaceAfter=3),
        "cell": cell,
        "head": head,
        "head number": ParagraphStyle("head number", head, alignment=TA_RIGHT),
    }


def _text(words: str, style: str) -> Any:
    """A paragraph of words that are no markup."""
    return Paragraph(escape(words), _styles()[style])


def pdf_page(page: Page) -> bytes:
    """The page as PDF."""
    paper = landscape(A4) if page.is_wide else A4
    width = paper[0] - 2 * MARGIN
    story = [_head(page, width), *_top(page, width)]
    for part in page.parts:
        story += _part(part, width)
    made = io.BytesIO()
    margins = {f"{side}Margin": MARGIN - PADDING for side in ("left", "right", "top", "bottom")}
    # Invariant: without the day on which it was made.
    document = SimpleDocTemplate(
        made,
        pagesize=paper,
        title=f"{page.kind} {page.number}",
        author=page.sender,
        invariant=1,
        pageCompression=1,
        **margins,
    )
    foot = partial(_foot, page)
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return made.getvalue()


def _part(part: Picture | Section, width: float) -> list[Any]:
    """A picture or a table with its title; a page doesn't end within it unless it is long."""
    words = [_text(text, "soft") for text in part.text]
    if isinstance(part, Picture):
        body = [*(_bar(bar, width) for bar in part.bars), *words]
    else:
        body = [*words, *([_table(part, width)] if part.columns else [])]
    flow = [_text(part.title, "title"), *body]
    return flow if isinstance(part, Section) and len(part.rows) > TOGETHER else [KeepTogether(flow)]


def _foot(page: Page, canvas: Any, document: Any) -> None:
    """The coloured edge and the line at the bottom."""
    wide, high = document.pagesize
    canvas.saveState()
    canvas.setFillColor(COLOURS["community"])
    canvas.rect(0, high - 3 * mm, wide, 3 * mm, stroke=0, fill=1)
    canvas.setFont(PLAIN, 7)
    canvas.setFillColor(SOFT)
    canvas.drawString(MARGIN, 10 * mm, page.foot)
    canvas.drawRightString(wide - MARGIN, 10 * mm, f"{page.kind} {page.number}, page {document.page}")
    canvas.restoreState()


def _head(page: Page, width: float) -> Any:
    row = [[_text(page.sender, "sender"), _text(f"{page.kind} {page.number}", "right")]]
    style = [("LINEBELOW", (0, 0), (-1, 0), 0.6, LINE), ("VALIGN", (0, 0), (-1, -1), "BOTTOM")]
    style += [("LEFTPADDING", (0, 0), (0, 0), 0), ("RIGHTPADDING", (-1, 0), (-1, 0), 0)]
    return Table(row, [width * 0.55, width * 0.45], style=[*style, ("BOTTOMPADDING", (0, 0), (-1, -1), 7)])


def _top(page: Page, width: float) -> list[Any]:
    """Who it is for and what it is about; beside it the amount."""
    facts = Table(
        [[_text(label, "soft"), _text(value, "text")] for label, value in page.facts] or [["", ""]],
        [18 * mm, None],
        style=[("TOPPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
               ("LEFTPADDING", (0, 0), (-1, -1), 0), ("VALIGN", (0, 0), (-1, -1), "TOP")],
        hAlign="LEFT",
    )  # fmt: skip
    left = [*([_text(page.receiver, "receiver")] if page.receiver else []), *([facts] if page.facts else [])]
    notes = [_text(note, "soft") for note in page.notes]
    if page.amount is None:
        return [Spacer(0, 5 * mm), *left, *notes]
    right = [_text(page.amount[0], "soft"), _text(page.amount[1], "amount"), *notes]
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (0, 0), 0),
        ("BACKGROUND", (1, 0), (1, 0), TINT),
        ("LINEBEFORE", (1, 0), (1, 0), 3, COLOURS["community"], "butt"),
        ("LEFTPADDING", (1, 0), (1, 0), 12),
        ("TOPPADDING", (1, 0), (1, 0), 8),
        ("BOTTOMPADDING", (1, 0), (1, 0), 10),
    ]
    return [Spacer(0, 5 * mm), Table([[left, right]], [width * 0.5, width * 0.5], style=style)]


def _bar(bar: Bar, width: float) -> Any:
    """A bar with its name above and what its pieces are below."""
    legend = [piece for piece in bar.pieces if piece.label]
    drawing = Drawing(width, 45 if legend else 28)
    top = drawing.height - 10
    drawing.add(String(0, top, bar.label, fontName=PLAIN, fontSize=8.5, fillColor=INK))
    drawing.add(String(width, top, bar.value, fontName=BOLD, fontSize=8.5, fillColor=INK, textAnchor="end"))
    drawing.add(Rect(0, top - 14, width, 10, fillColor=TRACK, strokeColor=None))
    x = 0.0
    for piece in bar.pieces:
        length = width * piece.length / WIDTH
        drawing.add(Rect(x, top - 14, length, 10, fillColor=COLOURS[piece.kind], strokeColor=None))
        x += length
    x = 0.0
    for piece in legend:
        words = f"{piece.label}: {piece.value}"
        drawing.add(Rect(x, top - 27, 6, 6, fillColor=COLOURS[piece.kind], strokeColor=None))
        drawing.add(String(x + 10, top - 27, words, fontName=PLAIN, fontSize=7.5, fillColor=INK))
        x += 26 + stringWidth(words, PLAIN, 7.5)
    return drawing


def _table(section: Section, width: float) -> Any:
    """A table as wide as the page; words may break, numbers never."""
    words, widths = section.words, _widths(section, width)
    head = [_text(name, "head" if c < words else "head number") for c, name in enumerate(section.columns)]
    rows = [head, *([_cell(text, widths[c]) for c, text in enumerate(row)] for row in section.rows)]
    style = [
        ("FONT", (0, 1), (-1, -1), PLAIN, CELL, CELL_LEADING),
        ("TEXTCOLOR", (0, 1), (-1, -1), INK),
        ("ALIGN", (words, 1), (-1, -1), "RIGHT"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.6, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
        ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
        ("LEFTPADDING", (words, 0), (-1, -1), GAP),
        ("RIGHTPADDING", (0, 0), (words - 1, -1), GAP),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
    if rows[1:] and section.rows[-1][0] == "sum":
        style.append(("FONT", (0, -1), (-1, -1), BOLD, CELL, CELL_LEADING))
    return Table(rows, widths, style=style, repeatRows=1, hAlign="LEFT")


def _cell(text: str, width: float) -> Any:
    """Text as it is where it fits into a line: paragraphs take long to set."""
    return text if stringWidth(text, BOLD, CELL) + GAP <= width else _text(text, "cell")


def _widths(section: Section, width: float) -> list[float]:
    """Columns of numbers as wide as they need, at least as the longest word above; words share the rest."""
    words, numbers = section.words, len(section.columns) - section.words
    usual = min(0.6 / max(numbers, 1), 0.11) * width  # so that tables below each other look alike
    needed = []
    for c, name in enumerate(section.columns):
        cells = [row[c] for row in section.rows]
        heads = [name] if c < words else name.split()
        need = max(stringWidth(text, BOLD, CELL) for text in (*cells, *heads)) + GAP + 1
        needed.append(need if c < words else max(need, usual))
    left, wanted = max(width - sum(needed[words:]), width / 10), sum(needed[:words])
    if max(needed[:words], default=0.0) * words <= left:
        return [left / words] * words + needed[words:]
    return [left * need / wanted if c < words else need for c, need in enumerate(needed)]
