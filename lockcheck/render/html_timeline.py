"""The time line on the report page: what is drawn, and its data."""

from __future__ import annotations

from lockcheck.core.document import Document, Json
from lockcheck.render.html_tables import embed

__all__ = ["timeline_html"]

SPANS_MAX = 6000
STEPS_KEY = '<i style="background:var(--step)"></i>a step'


def timeline_html(timeline: Document | None) -> str:
    """The section's content."""
    spans = list((timeline or {}).get("spans", ()))
    if not spans or timeline is None:
        return '<p class="empty">No time line was recorded.</p>'
    left_out = timeline.get("dropped", 0) + max(0, len(spans) - SPANS_MAX)
    steps = timeline.get("axis") == "steps"
    data = {
        "threads": timeline.get("threads", []),
        "spans": [_span(span) for span in spans[-SPANS_MAX:]],
        "arrows": timeline.get("arrows", []),
        "axis": "steps" if steps else "seconds",
    }
    axis = "one schedule, by its steps" if steps else "by the clock"
    note = (
        f"<p class=sub>The newest spans; {left_out} earlier ones left out.</p>" if left_out else ""
    )
    return (
        '<div class="bar"><button data-zoom="0.5" aria-label="larger">+</button>'
        '<button data-zoom="2" aria-label="smaller">−</button>'
        f'<button data-zoom="fit">all</button><span class="sub">{axis}; drag to move, ctrl + wheel '
        "or a double click zooms where the pointer is</span>"
        '<span class="key"><i style="background:var(--hold)"></i>holds'
        '<i style="background:var(--wait)"></i>waits'
        f'<i style="background:var(--line)"></i>idle{STEPS_KEY if steps else ""}'
        '<i style="background:var(--accent);height:2px"></i>wakes, or hands over</span></div>'
        '<canvas aria-label="time line of the threads" role="img"></canvas>'
        f'{note}<script type="application/json" id="spans">{embed(data)}</script>'
    )


def _span(span: Document) -> Json:
    short = {key: span[key] for key in ("kind", "thread", "name", "from", "to")}
    return {**short, "open": True} if span.get("open") else short
