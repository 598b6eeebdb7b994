"""Lock programs written briefly, for tests that tell a story in two lines."""

from __future__ import annotations

from typing import Any

from tests.lockcheck.core.driver import Driver


def play(text: str, **specs: dict[str, Any]) -> Driver:
    """Run a program written briefly and return its driver.

    Lines are `THREAD: word word …`; a word is `+A` acquire, `-A` release, `rA` read recursively,
    `qA` read queued, `tA` try, `>T` start a thread, `<T` join it, or `operation(OBJECT)`.  Locks
    are of a class of their own unless `specs` says otherwise.
    """
    steps: list[list[Any]] = []
    verbs = {
        "+": "acquire",
        "-": "release",
        "r": "read_acquire",
        "q": "queued_acquire",
        "t": "try_acquire",
        ">": "thread_start",
        "<": "thread_join",
    }
    locks: dict[str, dict[str, Any]] = dict(specs)
    for row in text.strip().splitlines():
        thread, _, words = row.strip().partition(":")
        for word in words.split():
            if word.endswith(")"):
                operation, _, obj = word[:-1].partition("(")
                steps.append([thread, operation, obj])
                continue
            verb, obj = verbs[word[0]], word[1:]
            if word[0] not in "<>":
                kind = "rwlock" if word[0] in "rq" else "py_lock"
                spec = locks.setdefault(obj, {"class": obj, "kind": kind})
                if kind == "rwlock" and spec["kind"] == "py_lock":
                    spec["kind"] = kind
            steps.append([thread, verb, obj])
    driver = Driver(locks)
    driver.run(steps)
    return driver
