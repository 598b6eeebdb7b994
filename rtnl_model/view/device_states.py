"""The devices of every namespace, step by step: a first state, and what user space heard after it.

A schedule must not be disturbed by looking at it, so nothing is read while it runs: the states are
made afterwards, from the rtnetlink messages, as a monitor in user space would make them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from rtnl_model.kernel.documents import Document, Fields

__all__ = ["device_states"]

INIT = "init"
Devices = dict[str, list[Fields]]
State = Fields


def device_states(first: Devices, messages: Iterable[tuple[int, Document]]) -> list[State]:
    """`{"step", "label", "devices"}` of the first state and after each message that changed it.

    `messages`: (step, message as `ip monitor` shows it).
    """
    states: list[State] = [{"step": 0, "label": "before", "devices": first}]
    now = copy.deepcopy(first)
    moving: dict[str, Fields] = {}
    for step, message in messages:
        before = copy.deepcopy(now)
        _apply(now, message, moving)
        if now != before:
            word = "is gone from" if message["ev"] == "DELLINK" else "is in"
            label = f"step {step}: {message['ifname']} {word} {message['ns'] or INIT}"
            states.append({"step": step, "label": label, "devices": copy.deepcopy(now)})
    return states


def _apply(now: Devices, message: Document, moving: dict[str, Fields]) -> None:
    ns, name, index = message["ns"] or INIT, str(message["ifname"]), message["ifindex"]
    here = now.setdefault(ns, [])
    known = next((d for d in here if d["ifindex"] == index), None)
    if message["ev"] == "DELLINK":
        if known is not None and (message["change"] == "all" or "new_nsid" in message):
            here.remove(known)
            if "new_nsid" in message:
                moving[name] = known
    elif known is not None:
        known.update(ifname=name, up=bool(message["up"]))
    else:
        device = {**moving.pop(name, {}), "ifname": name, "ifindex": index,
                  "kind": message.get("kind") or "ether", "up": bool(message["up"])}  # fmt: skip
        link = message.get("link")
        lower = next((d for d in here if d["ifindex"] == link), None)
        if "lower" not in device and "link_nsid" not in message and lower is not None:
            device["lower"] = {"ifname": lower["ifname"], "netns": ns}
        here.append(device)
        here.sort(key=lambda d: int(d["ifindex"]))
    if not here:
        del now[ns]
