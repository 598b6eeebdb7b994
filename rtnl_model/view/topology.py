"""A picture of the devices of every namespace: boxes in boxes, lines for lower, peer and master.

Each namespace is a box, its devices stand in it in ifindex order; a solid line leads from a device
to its lower device (for a pair: one line between the two), a dashed one to its master, also across
namespaces.  Input is the `devices` of an op of `rtnl-model/run/1`, so that a recorded run can be
drawn again.

Left out: a layout that minimises crossings; at most a few dozen devices are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from rtnl_model.kernel.documents import Document

__all__ = ["Devices", "states_html", "topology_html", "topology_svg"]

Devices = Mapping[str, Sequence[Document]]

WIDTH = 150.0
HEIGHT = 34.0
GAP = 14.0
PAD = 14.0
HEAD = 24.0
SPACE = 90.0
"""Between namespaces: room for the lines."""
COLUMNS = 4
SHOWN_OPS = 40
STATES_MAX = 60


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a device stands: its left upper corner."""

    x: float
    y: float

    @property
    def middle(self) -> float:
        return self.y + HEIGHT / 2


def topology_svg(devices: Devices) -> str:
    """Draw the devices of all namespaces."""
    if not devices:
        return '<p class="empty">no devices</p>'
    boxes: dict[tuple[str, str], _Box] = {}
    parts: list[str] = []
    width = height = 0.0
    left, top, tallest = PAD, PAD, 0.0
    for number, (ns, shown) in enumerate(devices.items()):
        if number and number % COLUMNS == 0:
            left, top, tallest = PAD, top + tallest + SPACE / 2, 0.0
        tall = HEAD + PAD + max(1, len(shown)) * (HEIGHT + GAP)
        parts.append(
            f'<rect class="netns" x="{left:g}" y="{top:g}" width="{WIDTH + 2 * PAD:g}" '
            f'height="{tall:g}" rx="8"/><text class="netns" x="{left + WIDTH / 2 + PAD:g}" '
            f'y="{top + 17:g}">{escape(ns)}</text>'
        )
        for row, device in enumerate(shown):
            boxes[(ns, str(device["ifname"]))] = _Box(
                left + PAD, top + HEAD + row * (HEIGHT + GAP) + PAD / 2
            )
        tallest = max(tallest, tall)
        width, height = max(width, left + WIDTH + 3 * PAD), max(height, top + tall + PAD)
        left += WIDTH + 2 * PAD + SPACE
    lines = _lines(devices, boxes)
    height += PAD * 2
    parts += [_device(box, device) for box, device in _placed(devices, boxes)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="topology" width="{width + PAD:g}" '
        f'height="{height:g}" viewBox="0 0 {width + PAD:g} {height:g}" role="img" '
        f'aria-label="devices by namespace"><style>{STYLE}</style>'
        f"{''.join(parts)}{''.join(lines)}</svg>"
    )


STYLE = (
    ".topology text{font:12px sans-serif;text-anchor:middle;fill:currentColor}"
    ".topology rect.netns{fill:none;stroke:#8a949e;stroke-dasharray:5 3}"
    ".topology text.netns{font-weight:600}.topology rect.dev{fill-opacity:.75}"
    ".topology rect.down{fill-opacity:.25}.topology text.kind{font-size:10px;opacity:.75}"
    ".topology path{fill:none;stroke:#c0762d;stroke-width:1.6}"
    ".topology path.master{stroke-dasharray:4 3;stroke:#4c9a5b}"
)


def _placed(devices: Devices, boxes: Mapping[tuple[str, str], _Box]) -> list[tuple[_Box, Document]]:
    return [
        (boxes[(ns, str(device["ifname"]))], device)
        for ns, shown in devices.items()
        for device in shown
    ]


def _device(box: _Box, device: Document) -> str:
    state = "up" if device.get("up") else "down"
    middle = box.x + WIDTH / 2
    return (
        f"<g><title>{escape(str(device['ifname']))}: ifindex {device.get('ifindex', '?')}, "
        f"{escape(str(device.get('kind', '')))}, {state}</title>"
        f'<rect class="dev {state}" style="{_paint(device)}" x="{box.x:g}" '
        f'y="{box.y:g}" width="{WIDTH:g}" '
        f'height="{HEIGHT:g}" rx="5"/>'
        f'<text x="{middle:g}" y="{box.y + 15:g}">{escape(str(device["ifname"]))}</text>'
        f'<text class="kind" x="{middle:g}" y="{box.y + 28:g}">'
        f"{escape(str(device.get('kind', '')))} {state}</text></g>"
    )


def _lines(devices: Devices, boxes: Mapping[tuple[str, str], _Box]) -> list[str]:
    floor = max((box.y for box in boxes.values()), default=0.0) + HEIGHT + PAD
    drawn: set[frozenset[tuple[str, str]]] = set()
    lines = []
    for ns, shown in devices.items():
        for device in shown:
            here = (ns, str(device["ifname"]))
            lower = device.get("lower") or {}
            there = (str(lower.get("netns", ns)), str(lower.get("ifname")))
            if there in boxes and frozenset((here, there)) not in drawn:
                drawn.add(frozenset((here, there)))
                lines.append(_line(boxes[here], boxes[there], "", floor))
            master = (ns, str(device.get("master")))
            if master in boxes:
                lines.append(_line(boxes[here], boxes[master], "master", floor))
    return lines


def _line(a: _Box, b: _Box, cls: str, floor: float) -> str:
    """Between the facing sides; within a column around its right side."""
    if a.x == b.x:
        x = a.x + WIDTH
        bow = x + 18 + abs(a.y - b.y) / 6
        path = f"M{x:g} {a.middle:g}C{bow:g} {a.middle:g} {bow:g} {b.middle:g} {x:g} {b.middle:g}"
    else:
        left, right = (a, b) if a.x < b.x else (b, a)
        x1, x2 = left.x + WIDTH, right.x
        mid = (x1 + x2) / 2
        if x2 - x1 > SPACE * 2:  # passes below the namespaces in between
            low = 1.34 * (floor + PAD) - 0.34 * (left.middle + right.middle) / 2
            return (
                f'<path class="{cls}" d="M{x1:g} {left.middle:g}C{x1 + 70:g} {low:g} '
                f'{x2 - 70:g} {low:g} {x2:g} {right.middle:g}"/>'
            )
        path = (
            f"M{x1:g} {left.middle:g}C{mid:g} {left.middle:g} {mid:g} {right.middle:g} "
            f"{x2:g} {right.middle:g}"
        )
    return f'<path class="{cls}" d="{path}"/>'


PALETTE = {
    "lo": "#98a2ad", "veth": "#5b8fd1", "netkit": "#8b6fc9", "ipvlan": "#d98236",
    "ipvtap": "#b8872b", "macvlan": "#c0548a", "macvtap": "#a2496f", "vlan": "#4c9a5b",
    "dummy": "#7d8a2e", "vxcan": "#3a9a9a", "geneve": "#b5563f", "bareudp": "#8a6d4b",
    "pfcp": "#5f7f8f", "ether": "#444c56",
}  # fmt: skip
"""A colour a kind; kinds of the user's own share the last one below."""
OTHER = "#9a4fbf"


def _paint(device: Document) -> str:
    colour = PALETTE.get(str(device.get("kind")), OTHER)
    return f"fill:{colour}33;stroke:{colour}"


def legend_html(states: Sequence[Devices]) -> str:
    """The kinds that occur, each with its colour, and what the lines mean."""
    kinds = {str(d.get("kind", "")) for devices in states for shown in devices.values()
             for d in shown}  # fmt: skip
    keys = "".join(
        f'<i style="background:{PALETTE.get(kind, OTHER)}"></i>{escape(kind)}'
        for kind in sorted(kinds, key=lambda k: (k not in PALETTE, list(PALETTE).index(k)
                                                 if k in PALETTE else 0, k))
    )  # fmt: skip
    lines = (
        '<i style="background:#c0762d;height:2px"></i>peer or lower device'
        '<i style="background:#4c9a5b;height:2px"></i>master'
    )
    return f'<p class="key sub">{keys}{lines}; pale: down; dashed box: a namespace</p>'


def states_html(states: Sequence[Document]) -> str:
    """One schedule step by step: a slider over the states, the last one shown."""
    shown = states[-STATES_MAX:]
    pictures = "".join(
        f'<div class="state" data-label="{escape(str(state.get("label", "")))}">'
        f'<div class="picture">{topology_svg(state.get("devices") or {})}</div></div>'
        for state in shown
    )
    legend = legend_html([state.get("devices") or {} for state in shown])
    if len(shown) == 1:
        said = "In the schedule shown, no device came, went or moved."
        return f"<p class=sub>{said}</p>{legend}{pictures}"
    note = f", the last {STATES_MAX} of {len(states)}" if len(states) > STATES_MAX else ""
    return (
        '<div class="stepper"><div class="bar"><button data-by="-1" aria-label="earlier">◀</button>'
        '<input type="range" min="0" value="0" aria-label="state"><button data-by="1" '
        'aria-label="later">▶</button><span class="label"></span></div>'
        f"<p class=sub>{len(shown)} states of one schedule (the first finding's, where there is "
        f"one){note}.</p>{legend}{pictures}</div>"
    )


def topology_html(ops: Sequence[Document]) -> str:
    """Before and after of every op that changed something; the last of them open."""
    parts: list[str] = []
    before: Devices = {}
    changes: list[tuple[str, Devices, Devices]] = []
    for op in ops:
        after: Devices = op.get("devices") or {}
        if after != before:
            words = "; ".join(str(cmd["cmd"]) for cmd in op.get("cmds", ()))
            hung = " (hung)" if op.get("hung") else ""
            changes.append((f"{words}{hung}", before, after))
        before = after
    if not changes:
        return '<p class="empty">No op changed the devices.</p>'
    if len(changes) > SHOWN_OPS:
        parts.append(f'<p class="sub">The last {SHOWN_OPS} of {len(changes)} changes.</p>')
    shown = changes[-SHOWN_OPS:]
    parts.append(legend_html([op.get("devices") or {} for op in ops]))
    whole = ("the whole run", _fullest(ops), changes[-1][2])
    for number, (title, old, new) in enumerate([whole, *shown]):
        parts.append(
            f"<details{' open' if number == 0 else ''}><summary>{escape(title)}</summary>"
            f'<div class="panels two"><div><h3>{"fullest" if number == 0 else "before"}</h3>'
            f'<div class="picture">{topology_svg(old)}</div></div>'
            f"<div><h3>{'at the end' if number == 0 else 'after'}</h3>"
            f'<div class="picture">{topology_svg(new)}</div></div></div></details>'
        )
    return "".join(parts)


def _fullest(ops: Sequence[Document]) -> Devices:
    """The state with the most devices, the first of equals."""
    best: Devices = {}
    count = -1
    for op in ops:
        devices: Devices = op.get("devices") or {}
        size = sum(len(shown) for shown in devices.values())
        if size > count:
            best, count = devices, size
    return best
