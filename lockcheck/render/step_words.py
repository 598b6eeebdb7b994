"""One step of a schedule as a reader says it: `takes a`, `starts worker`, `begins`.

The kinds of operations are those of the vocabulary (`lockcheck.seam.Kind`), in lower case, as
recorded schedules name them.
"""

from __future__ import annotations

from typing import Final

__all__ = ["recorded_step", "step_words"]

END: Final = "end of "
"""Begins the name of a thread's end, which joins wait for."""
VERBS: Final = {
    "acquire": "takes {}",
    "try_acquire": "tries {}",
    "release": "releases {}",
    "read_acquire": "takes {} shared",
    "try_read_acquire": "tries {} shared",
    "read_release": "releases {} (shared)",
    "wait": "waits for {}",
    "wake": "wakes {}",
    "wait_refs": "waits for {}",
    "ref_inc": "adds one to {}",
    "ref_dec": "drops one of {}",
    "ref_read": "reads {}",
    "spawn": "starts {}",
    "read": "reads {}",
    "write": "writes {}",
    "rmw": "updates {}",
    "begin": "begins",
    "probe": "looks at {}",
}
OF_AN_END: Final = {"release": "ends", "spawn": "starts {}", "wait": "joins {}"}
"""What is done to a thread's end."""


def step_words(kind: str, name: str, *, timer: bool = False) -> str:
    """The operation `kind` on the object `name`; `timer`: its time was up instead."""
    if timer:
        return f"time is up: {VERBS.get(kind, kind + ' {}').format(name)}"
    if name.startswith(END) and kind in OF_AN_END:
        return OF_AN_END[kind].format(name.removeprefix(END))
    return VERBS.get(kind, kind + " {}").format(name)


def recorded_step(words: str) -> str:
    """The same of a step as a schedule records it: `T1 acquire a`, `T1 wait timer a`."""
    _thread, _, operation = words.partition(" ")
    kind, _, name = operation.partition(" ")
    fired = name.startswith("timer ")
    return step_words(kind, name.removeprefix("timer ") if fired else name, timer=fired)
