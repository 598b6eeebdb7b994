"""The cover letter's hand-over as a picture: who unregisters and frees which device.

A lane a thread, time downwards; a solid arrow hands a device to its own namespace's worker, a
dashed one is the reference that the lower waited for.  Made from the trace of a run, so it
shows what the model did (`rtnl_model.lab.cover_letter` makes the README's).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from rtnl_model.kernel.documents import Document

__all__ = ["handover_svg"]

LANE: Final = 262
ROW: Final = 34
HEAD: Final = 62
BOX: Final = 226
COLOURS: Final = {
    "rtnl_dellink": "#444c56",
    "unregister_netdevice_queue_net": "#c0762d",
    "rtnl_net_work_func": "#4c9a5b",
    "ipvlan_uninit": "#5b8fd1",
    "netdev_run_todo": "#8a949e",
    "free_netdev": "#8b6fc9",
}
STYLE: Final = (
    "text{font:12px ui-monospace,'DejaVu Sans Mono',monospace;text-anchor:middle;fill:#1c2024}"
    ".lane{stroke:#c9ced4;stroke-width:2}.head{font-weight:700}.note{font-size:11px;fill:#667079}"
    ".work{fill:none;stroke:#c0762d;stroke-width:2}"
    ".ref{fill:none;stroke:#5b8fd1;stroke-width:2;stroke-dasharray:5 4}"
)
Line = Document


@dataclass(frozen=True)
class _Step:
    """A box in a lane."""

    lane: int
    row: int
    line: Line
    text: str

    @property
    def x(self) -> float:
        return self.lane * LANE + LANE / 2

    @property
    def y(self) -> float:
        return HEAD + self.row * ROW + ROW / 2


def handover_svg(trace: Sequence[Line], caller: int) -> str:
    """Draw the trace of one `ip link del`; `caller` is the pid of the command."""
    shown = [line for line in trace if _is_shown(line, caller)]
    lanes = list(dict.fromkeys(line["pid"] for line in shown))
    names = {line["pid"]: str(line["comm"]) for line in shown}
    steps = [
        _Step(lanes.index(line["pid"]), row, line, _words(line)) for row, line in enumerate(shown)
    ]
    width, height = len(lanes) * LANE, HEAD + len(steps) * ROW + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img"><title>Each device is unregistered by its own '
        f"namespace's thread</title><style>{STYLE}</style><defs>{_marker('work', '#c0762d')}"
        f"{_marker('ref', '#5b8fd1')}</defs>"
        f'<rect width="{width}" height="{height}" rx="10" fill="#fbfbfa"/>'
    ]
    for number, pid in enumerate(lanes):
        x = number * LANE + LANE / 2
        who = "the caller" if pid == caller else "the namespace's own worker"
        parts.append(
            f'<text class="head" x="{x:g}" y="24">{escape(names[pid])} ({pid})</text>'
            f'<text class="note" x="{x:g}" y="42">{who}</text>'
            f'<path class="lane" d="M{x:g} 52V{height - 20}"/>'
        )
    parts += _arrows(steps, caller)
    parts += [_box(step) for step in steps]
    return "".join(parts) + "</svg>\n"


def _is_shown(line: Line, caller: int) -> bool:
    if line["fn"] == "unregister_netdevice_queue_net":
        return bool(line["ns"] != line["qnet"])
    if line["fn"] == "netdev_run_todo":
        return bool(line["pid"] == caller)
    return line["fn"] in COLOURS


def _words(line: Line) -> str:
    fn, dev = line["fn"], line.get("dev", "")
    return {
        "rtnl_dellink": "ip -n ns1 link del veth0",
        "unregister_netdevice_queue_net": f"queue {dev} for {line.get('ns')}",
        "rtnl_net_work_func": f"{line.get('net')}: run the work",
        "netdev_run_todo": "wait for the references",
        "free_netdev": f"free {dev}",
    }.get(fn, f"{fn} {dev}")


def _marker(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" '
        f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
    )


def _box(step: _Step) -> str:
    colour = COLOURS[step.line["fn"]]
    return (
        f'<rect x="{step.x - BOX / 2:g}" y="{step.y - 12:g}" width="{BOX}" height="24" rx="5" '
        f'fill="#fff" stroke="{colour}" stroke-width="1.6"/>'
        f'<text x="{step.x:g}" y="{step.y + 4:g}">{escape(step.text)}</text>'
    )


def _arrows(steps: Sequence[_Step], caller: int) -> list[str]:
    """From each hand-over to the work that took it, and from each uninit to the lower's end."""
    found = []
    freed = next((s for s in steps if s.line["fn"] == "free_netdev" and s.line["pid"] == caller),
                 None)  # fmt: skip
    for step in steps:
        if step.line["fn"] == "unregister_netdevice_queue_net":
            ns = step.line["ns"]
            work = next((s for s in steps if s.line["fn"] == "rtnl_net_work_func"
                         and s.line["net"] == ns), None)  # fmt: skip
            if work is not None:
                found.append(_arrow(step, work, "work"))
        elif step.line["fn"] == "ipvlan_uninit" and freed is not None:
            found.append(_arrow(step, freed, "ref"))
    return found


def _arrow(a: _Step, b: _Step, kind: str) -> str:
    side = BOX / 2 if a.x < b.x else -BOX / 2
    x1, x2 = a.x + side, b.x - side
    bend = (LANE - BOX) / 2 + 6
    way = bend if side > 0 else -bend
    return (
        f'<path class="{kind}" d="M{x1:g} {a.y:g}C{x1 + way:g} {a.y:g} {x1 + way:g} {b.y:g} '
        f'{x2:g} {b.y:g}" marker-end="url(#{kind})"/>'
    )
