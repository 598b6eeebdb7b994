"""Two kinds of plot as SVG text: lines with error bars, and horizontal stacked bars.

Self-contained files: no script, no font or style sheet from elsewhere.  A series has a colour,
a marker and a name in the legend; a point that is not valid is drawn hollow.

Left out: everything that these benchmarks do not draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

__all__ = ["Bar", "LinePlot", "Point", "Series", "StackedBars", "grid", "ticks"]

COLOURS = (
    "#0b5fa5", "#d1495b", "#2e8b57", "#8a6d3b", "#6a4c93", "#e08e0b", "#4a4a4a", "#1aa6b7",
    "#b0c4de", "#f4a6a0", "#a8d5a2", "#d8c08a",
)  # fmt: skip
LIGHT = 8
"""From this colour on text needs dark ink."""
MARKERS = ("circle", "square", "triangle", "diamond")
CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "square": ((-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)),
    "triangle": ((0.0, -4.5), (4.5, 3.5), (-4.5, 3.5)),
    "diamond": ((0.0, -5.0), (5.0, 0.0), (0.0, 5.0), (-5.0, 0.0)),
}
INK = "#222"
FAINT = "#ddd"


@dataclass(frozen=True, slots=True)
class Point:
    """One measured point; `low` and `high` draw an error bar."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    valid: bool = True


@dataclass(slots=True)
class Series:
    """One line."""

    name: str
    points: list[Point] = field(default_factory=list)
    dashed: bool = False
    colour: int | None = None
    """Index into the palette; None: the series' position."""


@dataclass(slots=True)
class LinePlot:
    """Lines over one pair of axes; either axis linear or logarithmic."""

    title: str
    x_label: str
    y_label: str
    series: list[Series]
    log_x: bool = False
    log_y: bool = False
    width: int = 520
    height: int = 340

    def body(self) -> str:
        """The plot as SVG elements, its upper left corner at the origin."""
        left, right, top, bottom = 62, 24, 34, 48
        rows = (len(self.series) + 1) // 2
        bottom += 16 * rows
        points = [p for s in self.series for p in s.points]
        if not points:
            return _text(self.width / 2, self.height / 2, "nothing measured", anchor="middle")
        x_axis = _Axis([p.x for p in points], left, self.width - right, self.log_x, exact=True)
        heights = [v for p in points for v in (p.y, p.low, p.high) if v is not None]
        y_axis = _Axis(heights, self.height - bottom, top, self.log_y)
        parts = [_text(left, 18, self.title, size=14, weight="bold")]
        parts += self._axes(x_axis, y_axis, left, right, top, bottom)
        for index, series in enumerate(self.series):
            parts += self._series(index, series, x_axis, y_axis)
        parts += self._legend(left, self.height - 16 * rows + 4)
        return "\n".join(parts)

    def _axes(
        self, x_axis: _Axis, y_axis: _Axis, left: int, right: int, top: int, bottom: int
    ) -> list[str]:
        floor = self.height - bottom
        parts = []
        for value in y_axis.ticks:
            y = y_axis.at(value)
            parts.append(_line(left, y, self.width - right, y, FAINT))
            parts.append(_text(left - 6, y + 4, _number(value), anchor="end"))
        for value in x_axis.ticks:
            x = x_axis.at(value)
            parts.append(_line(x, floor, x, floor + 4, INK))
            parts.append(_text(x, floor + 17, _number(value), anchor="middle"))
        parts.append(_line(left, floor, self.width - right, floor, INK))
        middle = (left + self.width - right) / 2
        parts.append(_text(middle, floor + 34, self.x_label, anchor="middle"))
        parts.append(
            f'<g transform="translate(14 {(top + floor) / 2:.1f}) rotate(-90)">'
            f"{_text(0, 0, self.y_label, anchor='middle')}</g>"
        )
        return parts

    def _series(self, index: int, series: Series, x_axis: _Axis, y_axis: _Axis) -> list[str]:
        which = index if series.colour is None else series.colour
        colour = COLOURS[which % len(COLOURS)]
        places = [(x_axis.at(p.x), y_axis.at(p.y), p) for p in series.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
        dash = ' stroke-dasharray="5 4"' if series.dashed else ""
        parts = [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        ]
        for x, y, point in places:
            if point.low is not None and point.high is not None and point.high > point.low:
                parts.append(_line(x, y_axis.at(point.low), x, y_axis.at(point.high), colour))
            parts.append(
                _marker(MARKERS[which % len(MARKERS)], x, y, colour, hollow=not point.valid)
            )
        return parts

    def _legend(self, left: int, top: float) -> list[str]:
        parts = []
        column = (self.width - left) / 2
        for index, series in enumerate(self.series):
            which = index if series.colour is None else series.colour
            colour = COLOURS[which % len(COLOURS)]
            x, y = left + (index % 2) * column, top + (index // 2) * 16
            dash = "5 4" if series.dashed else ""
            parts.append(_line(x, y, x + 24, y, colour, width=2, dash=dash))
            parts.append(_marker(MARKERS[which % len(MARKERS)], x + 12, y, colour))
            parts.append(_text(x + 30, y + 4, series.name))
        return parts

    def __str__(self) -> str:
        return grid([self], columns=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `parts` by the name of the segment."""

    label: str
    parts: dict[str, float]


@dataclass(slots=True)
class StackedBars:
    """Horizontal stacked bars; segments in the order given, widths in the bars' own unit.

    With `share` every bar is as long as the others and its parts are percentages.
    """

    title: str
    x_label: str
    segments: Sequence[str]
    bars: list[Bar]
    share: bool = False
    width: int = 760

    @property
    def height(self) -> int:
        return 34 + 30 * len(self.bars) + 44 + 18 * -(-len(self.segments) // 3)

    def body(self) -> str:
        """The plot as SVG elements."""
        left = 20 + int(6.7 * max([len(bar.label) for bar in self.bars], default=0))
        totals = [sum(bar.parts.values()) for bar in self.bars]
        longest = 100.0 if self.share else max([*totals, 1e-12])
        axis = _Axis([0.0, longest], left, self.width - 20, logarithmic=False)
        floor = 34 + 30 * len(self.bars)
        parts = [_text(10, 18, self.title, size=14, weight="bold")]
        for value in axis.ticks:
            x = axis.at(value)
            parts.append(_line(x, 30, x, floor, FAINT))
            parts.append(_text(x, floor + 15, _number(value), anchor="middle"))
        for row, (bar, total) in enumerate(zip(self.bars, totals, strict=True)):
            parts += self._bar(bar, 100 / total if self.share and total else 1.0, row, axis, left)
        parts.append(_text((left + self.width) / 2, floor + 32, self.x_label, anchor="middle"))
        for index, name in enumerate(self.segments):
            x = 10 + (index % 3) * (self.width - 20) / 3
            y = floor + 48 + 18 * (index // 3)
            colour = COLOURS[index % len(COLOURS)]
            parts.append(
                f'<rect x="{x:.1f}" y="{y - 9:.1f}" width="12" height="12" fill="{colour}"/>'
            )
            parts.append(_text(x + 17, y + 2, name))
        return "\n".join(parts)

    def _bar(self, bar: Bar, factor: float, row: int, axis: _Axis, left: int) -> list[str]:
        y = 38 + 30 * row
        parts = [_text(left - 8, y + 14, bar.label, anchor="end")]
        at = 0.0
        for index, name in enumerate(self.segments):
            value = bar.parts.get(name, 0.0) * factor
            if value <= 0:
                continue
            x, end = axis.at(at), axis.at(at + value)
            at += value
            colour = COLOURS[index % len(COLOURS)]
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{end - x:.1f}" height="20" fill="{colour}">'
                f"<title>{escape(name)}: {_number(value)}</title></rect>"
            )
            label = _number(value)
            if end - x > 8 + 7 * len(label):
                ink = "#fff" if index % len(COLOURS) < LIGHT else INK
                parts.append(_text((x + end) / 2, y + 14, label, anchor="middle", fill=ink))
        return parts

    def __str__(self) -> str:
        return grid([self], columns=1)


def grid(plots: Sequence[LinePlot | StackedBars], *, columns: int = 2) -> str:
    """One SVG document with the plots side by side, `columns` in a row."""
    width = max(p.width for p in plots)
    height = max(p.height for p in plots)
    columns = min(columns, len(plots))
    rows = -(-len(plots) // columns)
    body = "\n".join(
        f'<g transform="translate({(i % columns) * width} {(i // columns) * height})">\n'
        f"{plot.body()}\n</g>"
        for i, plot in enumerate(plots)
    )
    full_width, full_height = width * columns, height * rows
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{full_width}" height="{full_height}" '
        f'viewBox="0 0 {full_width} {full_height}" font-family="DejaVu Sans, Arial, sans-serif">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


def ticks(low: float, high: float, *, logarithmic: bool, target: int = 5) -> list[float]:
    """Round numbers that cover [low, high]."""
    if logarithmic:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        if high / low > 200:
            return [10.0**n for n in range(first, last + 1)]
        fine = [f * 10.0**n for n in range(first, last + 1) for f in (1, 2, 5)]
        begin = max([i for i, tick in enumerate(fine) if tick <= low * (1 + 1e-9)], default=0)
        end = min(i for i, tick in enumerate(fine) if tick >= high * (1 - 1e-9) and i > begin)
        return fine[begin : end + 1]
    step = 10.0 ** math.floor(math.log10((high - low) / target or 1.0))
    for factor in (1, 2, 5, 10):
        if (high - low) / (step * factor) <= target:
            step *= factor
            break
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, last + 1)]


class _Axis:
    """Values to pixels."""

    def __init__(
        self,
        values: Iterable[float],
        begin: float,
        end: float,
        logarithmic: bool,
        *,
        exact: bool = False,
    ) -> None:
        known = [v for v in values if not logarithmic or v > 0]
        low, high = min(known), max(known)
        if not logarithmic and not exact:
            low = min(low, 0.0)
        if high <= low:
            high = low * 2 or 1.0
        if exact:
            distinct = sorted(set(known))
            self.ticks = (
                distinct if len(distinct) <= 9 else ticks(low, high, logarithmic=logarithmic)
            )
        else:
            self.ticks = ticks(low, high, logarithmic=logarithmic)
            low, high = min(low, self.ticks[0]), max(high, self.ticks[-1])
        self.logarithmic = logarithmic
        self.low, self.high = self._measure(low), self._measure(high)
        self.begin, self.end = begin, end

    def _measure(self, value: float) -> float:
        return math.log10(value) if self.logarithmic else value

    def at(self, value: float) -> float:
        if self.logarithmic and value <= 0:
            return self.begin
        share = (self._measure(value) - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 11,
    anchor: str = "start",
    weight: str = "normal",
    fill: str = INK,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dash: str = ""
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"{dashes}/>'
    )


def _marker(shape: str, x: float, y: float, colour: str, *, hollow: bool = False) -> str:
    style = f'fill="{"#fff" if hollow else colour}" stroke="{colour}" stroke-width="1.5"'
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {style}/>'
    path = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in CORNERS[shape])
    return f'<polygon points="{path}" {style}/>'
