"""Times one peer in the peer's own environment.

`python -m benchmarks.peer_worker NAME ROUNDS COUNT` prints one JSON object: nanoseconds an
operation of the plain lock, the bare wrapper, lockcheck and the peer, taken in turns in this
process, so that ratios compare with those of the main one.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module, metadata
from typing import Any

import lockcheck
from benchmarks.lock_timing import BareLock, Subject, measure, pair_loop

PEERS = {
    "locklib": ("locklib", "SmartLock", "with"),
    "threadle": ("threadle", "TrackedLock", "acquire and release"),
}
"""Distribution -> module, class, and how it is used (threadle's lock is no context manager)."""


def main(name: str, rounds: int, count: int) -> None:
    """Measure and print."""
    module, attribute, usage = PEERS[name]
    make = getattr(import_module(module), attribute)
    loop = pair_loop if usage != "with" else None
    checker = lockcheck.Checker()
    subjects = [
        Subject("plain", __import__("threading").Lock(), loop),
        Subject("bare", BareLock(), loop),
        Subject("lockcheck", checker.Lock("mine"), loop),
        Subject("peer", _made(make), loop),
    ]
    found: dict[str, Any] = {"nanoseconds": measure(subjects, rounds=rounds, count=count)}
    found["version"] = metadata.version(name)
    found["usage"] = usage
    print(json.dumps(found))


def _made(make: Any) -> Any:
    try:
        return make()
    except TypeError:
        return make("peer")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
