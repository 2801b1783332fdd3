"""What all pictures of reports share: figures without a screen, a time axis on a local clock, SVG and PNG of them.

The same numbers give the same bytes in every process: settings of the machine's own are left aside, names of parts are
hashed with a salt, and neither file tells time or program. Letters are drawn as outlines of the library's own font.
Numbers are floats here: a picture is looked at, nothing is worked out from it.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from voltadesk.clock import IntervalGrid
from voltadesk.report.colours import DARK, INK, LINE, SOFT, variable

Floats = NDArray[np.float64]

WIDTH_INCH, DOTS_PER_INCH = 10.0, 144
BINS = 700  # of a time axis: more could not be told apart
_STEPS_S = (900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 7 * 86_400)
_MONDAY_S = 3 * 86_400  # 1 January 1970 was a Thursday
_SETTINGS: Any = {
    "svg.hashsalt": "voltadesk", "svg.fonttype": "path", "text.parse_math": False, "font.size": 9.5,
    "text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": LINE, "xtick.color": LINE, "ytick.color": LINE,
    "xtick.labelcolor": SOFT, "ytick.labelcolor": SOFT, "grid.color": LINE, "grid.linewidth": 0.6, "axes.grid": True,
    "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False, "lines.linewidth": 1.3,
    "legend.frameon": False, "figure.dpi": 72, "axes.unicode_minus": True, "axes.xmargin": 0,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Chart:
    """A picture of a report: `name` is that of its files, `text` says what it shows, units included."""

    name: str
    title: str
    text: str
    figure: Figure

    @property
    def svg(self) -> str:
        """The picture as an element of an HTML page, whose colours are the page's variables."""
        file = io.StringIO()
        with drawing():
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self.figure.savefig(file, format="svg", transparent=True, metadata=nothing)
        text = file.getvalue()
        text = re.sub(r"<!--.*?-->\s*|<metadata>.*?</metadata>\s*", "", text[text.index("<svg") :], flags=re.DOTALL)
        text = re.sub(
            r'<svg [^>]*?(viewBox="[^"]*")[^>]*>', r'<svg class="chart" \1 aria-hidden="true">', text, count=1
        )
        # Names must differ between the pictures of a page; most are never referred to.
        used = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', text))
        text = re.sub(r' id="([^"]*)"', lambda m: f' id="{self.name}-{m[1]}"' if m[1] in used else "", text)
        text = re.sub(r'xlink:href="#', f'href="#{self.name}-', text).replace("url(#", f"url(#{self.name}-")
        text = text.replace("xlink:href=", "href=")
        # Hundredths of a point are more than can be seen.
        text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)
        return re.sub("|".join(DARK), lambda colour: f"var({variable(colour[0])})", text)

    @property
    def png(self) -> bytes:
        """The picture on white."""
        file = io.BytesIO()
        with drawing():
            self.figure.savefig(file, format="png", dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None})
        return file.getvalue()


@contextmanager
def drawing() -> Iterator[None]:
    """The library's own settings and those of these pictures, whatever the machine's user has set."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that its font doesn't have
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def axes(height_inch: float, heights: Sequence[float] = (1,), *, is_shared: bool = True) -> list[Axes]:
    """The axes of a new figure, one below the other, with that share of its height each."""
    figure = Figure(figsize=(WIDTH_INCH, height_inch), layout="constrained")
    found = figure.subplots(len(heights), 1, squeeze=False, sharex=is_shared, height_ratios=list(heights))
    return list(found[:, 0])


def figure_of(axis: Axes) -> Figure:
    """The figure that axes belong to."""
    figure = axis.figure
    assert isinstance(figure, Figure)
    return figure


def name_parts(axis: Axes, columns: int = 6) -> None:
    """Names of all that was drawn with a label, above the axes, where they hide nothing."""
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2, ncols=min(columns, len(labels)),
        handlelength=1.2, columnspacing=1.4, borderpad=0.2,
    )  # fmt: skip


def say_unit(axis: Axes, unit: str) -> None:
    """The unit beside the axis, thousands apart on it."""
    axis.set_ylabel(unit)
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{round(value, 9) + 0:,.10g}".replace("-", "−")))


def say_dates(axis: Axes, zone: tzinfo) -> None:
    """Days and hours along the axis."""
    locator = AutoDateLocator(tz=zone, minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=zone))  # type: ignore[no-untyped-call]


def power_unit(*power_kw: Floats) -> tuple[str, float]:
    """The unit that some powers are drawn in, and by what they have to be divided."""
    most = max((float(np.max(power, initial=0)) for power in power_kw), default=0.0)
    return ("MW", 1000) if most >= 10_000 else ("kW", 1)


class Timeline:
    """Intervals gathered into bins of a local clock: of quarter hours, hours, days or weeks."""

    def __init__(self, grid: IntervalGrid, first: int, count: int, bins: int = BINS) -> None:
        """The `count` intervals of a grid from `first` on, in at most that many bins."""
        self.zone, self.count = grid.zone, count
        self.starts_utc = grid.starts_utc[first : first + count]
        self.local_s = self.starts_utc + grid.offsets_s[first : first + count]
        self.step_s = grid.step_s
        fine = [step for step in (grid.step_s, *_STEPS_S) if step >= grid.step_s and step % grid.step_s == 0]
        self.bin_s = next((step for step in fine if count * grid.step_s <= bins * step), fine[-1])
        place = (self.local_s + _MONDAY_S) // self.bin_s
        self.firsts = np.flatnonzero(np.diff(place, prepend=place[0] - 1))
        self.sizes = np.diff(self.firsts, append=count)
        # In days since 1970, as the library counts them.
        self.edges: Floats = np.append(self.starts_utc[self.firsts], self.starts_utc[-1] + grid.step_s) / 86_400

    @property
    def is_gathered(self) -> bool:
        """Whether a bin holds more than one interval."""
        return self.bin_s > self.step_s

    @property
    def words(self) -> str:
        """What a step of a line is, such as `means of 1 h`."""
        if not self.is_gathered:
            return f"each {self.step_s // 60} min"
        hours, minutes = divmod(self.bin_s // 60, 60)
        if hours >= 24:
            return f"means of {'a day' if hours == 24 else 'a week'}"
        return f"means of {hours} h" if hours else f"means of {minutes} min"

    def sums(self, values: NDArray[np.int64] | Floats) -> Floats:
        """Sum of each bin."""
        found: Floats = np.add.reduceat(np.asarray(values, np.float64), self.firsts)
        return found

    def power_kw(self, energy_wh: NDArray[np.int64]) -> Floats:
        """Mean power of each bin [kW]."""
        power: Floats = self.sums(energy_wh) * 3.6 / (self.sizes * self.step_s)
        return power

    def means(self, values: Floats) -> Floats:
        """Mean of what is known in each bin; not a number where nothing is."""
        known = self.sums(~np.isnan(values))
        nothing = np.full(len(known), np.nan)
        found: Floats = np.divide(self.sums(np.nan_to_num(values)), known, out=nothing, where=known > 0)
        return found

    def lowest(self, values: Floats) -> Floats:
        """Least of each bin."""
        found: Floats = np.fmin.reduceat(values, self.firsts)
        return found

    def highest(self, values: Floats) -> Floats:
        """Greatest of each bin."""
        found: Floats = np.fmax.reduceat(values, self.firsts)
        return found

    def last(self, values: NDArray[np.int64] | Floats) -> Floats:
        """Value at the end of each bin."""
        return np.asarray(values[self.firsts + self.sizes - 1], np.float64)

    def label(self, axis: Axes) -> None:
        """Days and hours of the local clock along the axis."""
        say_dates(axis, self.zone)
        axis.set_xlim(self.edges[0], self.edges[-1])
