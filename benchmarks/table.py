"""Tables for a terminal: a title, aligned columns, notes below; no library.

Numbers are right-aligned, text is left-aligned.  A cell is text that its benchmark has formatted; a
`Figure` is printed as `median (min–max)`.  `None` is printed as a dash: not measured.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.statistic import Figure

__all__ = ["Cell", "Table"]

Cell = str | int | float | Figure | None


@dataclass(slots=True)
class Table:
    """Rows under column headers."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    digits: int = 2
    digits_of: dict[str, int] = field(default_factory=dict)
    """Other digits, by column."""

    def add(self, *cells: Cell) -> None:
        """Append a row.  Raises: ValueError when it has another number of cells."""
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells for {len(self.columns)} columns: {cells}")
        self.rows.append(cells)

    def __str__(self) -> str:
        digits = [self.digits_of.get(name, self.digits) for name in self.columns]
        body = [
            [_text(cell, places) for cell, places in zip(row, digits, strict=True)]
            for row in self.rows
        ]
        right = [all(_is_number(row[i]) for row in self.rows) for i in range(len(self.columns))]
        widths = [
            max([_width(str(name)), *(_width(row[i]) for row in body)])
            for i, name in enumerate(self.columns)
        ]
        lines = [self.title, "-" * min(100, max(_width(self.title), sum(widths) + 2 * len(widths)))]
        lines += [
            "  ".join(
                _pad(cell, width, right=is_right)
                for cell, width, is_right in zip(row, widths, right, strict=True)
            ).rstrip()
            for row in [list(self.columns), *body]
        ]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [
                [cell.to_dict() if isinstance(cell, Figure) else cell for cell in row]
                for row in self.rows
            ],
            "notes": self.notes,
        }


def _text(cell: Cell, digits: int) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, Figure):
        return cell.text(digits)
    if isinstance(cell, float):
        return f"{cell:,.{digits}f}"
    if isinstance(cell, int):
        return f"{cell:,}"
    return cell


def _is_number(cell: Cell) -> bool:
    return cell is None or isinstance(cell, int | float | Figure)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int, *, right: bool) -> str:
    fill = " " * (width - _width(text))
    return fill + text if right else text + fill
