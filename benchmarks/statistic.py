"""Statistics of a handful of samples: median with range, percentiles, rates.

Medians and not means, because on a shared machine the noise is one-sided.  A rate is never a count
over a window: completions come in bursts (all who waited for one barrier end together), and where a
window happens to begin must not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Figure", "percentile", "rate_of_intervals", "ratios", "slope"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number: median, minimum, maximum, how many samples."""

    median: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Figure:
        """Summarise samples.  Raises: ValueError without any."""
        if not samples:
            raise ValueError("no samples")
        return cls(median(samples), min(samples), max(samples), len(samples))

    def scaled(self, factor: float) -> Figure:
        """The same figure in another unit."""
        return Figure(self.median * factor, self.low * factor, self.high * factor, self.n)

    def to_dict(self) -> dict[str, float]:
        return {"median": self.median, "min": self.low, "max": self.high, "n": self.n}

    def text(self, digits: int = 2) -> str:
        """`median (min–max)`."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


def ratios(over: Sequence[float], under: Sequence[float]) -> Figure:
    """Ratio of two series measured in turns: each sample by its neighbour, then the median."""
    return Figure.of([a / b for a, b in zip(over, under, strict=True) if b > 0])


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` (0..1) of them do not exceed."""
    if not samples:
        raise ValueError("no samples")
    ordered = sorted(samples)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[min(len(ordered), int(rank)) - 1]


def slope(times: Sequence[float]) -> float | None:
    """Completions per second: least squares of the count over sorted `times`.

    None where there are fewer than two different times.  Equal bursts at equal distances give
    exactly burst/distance, wherever the window begins and ends.
    """
    n = len(times)
    if n < 2:
        return None
    mean_time = sum(times) / n
    mean_count = (n - 1) / 2
    spread = sum((t - mean_time) ** 2 for t in times)
    if spread <= 0:
        return None
    return sum((t - mean_time) * (i - mean_count) for i, t in enumerate(times)) / spread


def rate_of_intervals(rounds: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """Rounds per second in [begin, end): each counts with the share of its length that lies inside.

    Unbiased for requesters that repeat rounds of any lengths, as a count of ends is not when these
    come in bursts.
    """
    total = 0.0
    for began, ended in rounds:
        inside = min(ended, end) - max(began, begin)
        if inside > 0:
            total += inside / (ended - began)
    return total / (end - begin)
