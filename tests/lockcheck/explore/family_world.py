"""The oracle's little programs on lockcheck's own primitives, as a subject of the explorer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from lockcheck.checker import Checker
from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.core.report import Report
from lockcheck.explore.result import exception_report
from lockcheck.explore.subject import FirstThread
from lockcheck.sync.shared import Shared
from tests.lockcheck.explore.oracle import ASSUMED, PARTIES, Instruction, Program

__all__ = ["FamilySubject", "FamilyWorld"]


class FamilySubject:
    """One program (`lockcheck.explore.subject.Subject`)."""

    title = "random program"

    def __init__(self, program: Program) -> None:
        self.program = program

    def world(self, conductor: ControlledConductor) -> FamilyWorld:
        return FamilyWorld(self.program, conductor)

    def describe(self) -> dict[str, Any]:
        return {"kind": "family", "program": self.program.text()}


class FamilyWorld:
    """One schedule's objects, and the interpreter of instructions over them."""

    def __init__(self, program: Program, conductor: ControlledConductor) -> None:
        self.program = program
        self.chk = chk = Checker(conductor=conductor, races=True)
        self.checkers: Sequence[Checker] = (chk,)
        count = len(program.threads)
        self.pcs: list[Any] = ["new"] * count
        self.logs: list[list[object]] = [[] for _ in range(count)]
        self.done: list[list[Instruction]] = [[] for _ in range(count)]
        """What each thread has carried out; a try, or a join too early, with its outcome."""

    def body(self) -> None:
        chk = self.chk
        with FirstThread(chk):
            lock = chk.Lock("cl")
            self.things: dict[str, Any] = {
                "a": chk.Lock("a"), "b": chk.Lock("b"),
                "r": chk.RLock("r"), "r2": chk.RLock("r2"),
                "w": chk.RWLock("w"), "w2": chk.RWLock("w2"),
                "s": chk.Semaphore(1, "s"), "s2": chk.Semaphore(2, "s2"),
                "s0": chk.Semaphore(0, "s0"), "sb": chk.BoundedSemaphore(1, "sb"),
                "cl": lock, "c": chk.Condition(lock, "c"),
                "e": chk.Event("e"), "e2": chk.Event("e2"),
                "bar": chk.Barrier(PARTIES, name="bar"),
                "q": chk.Queue(1, "q"), "q0": chk.Queue(0, "q0"),
                "x": self._field("x"), "y": self._field("y"),
                "p": chk.Parking("p"), "p2": chk.Parking("p2"),
                "n": chk.Refcount("n", 2), "n2": chk.Refcount("n2", 2),
                "k": chk.Counts("k"),
            }  # fmt: skip
            self.things["k"].add({"first": 1})
            self.flags = dict.fromkeys(("p", "p2"), False)
            self.threads = [
                None,
                *(
                    chk.Thread(target=self.run, args=(t,), name=f"t{t}")
                    for t in range(1, len(self.program.threads))
                ),
            ]
            self.run(0)

    def _field(self, name: str) -> Shared:
        cell = Shared.__new__(Shared)
        cell.name = name
        cell.chk = self.chk  # type: ignore[attr-defined]  # whose field it is
        cell.value = 0
        return cell

    def run(self, t: int) -> None:
        """One thread."""
        code = self.program.threads[t]
        log = self.logs[t]
        pc = 0
        while pc < len(code):
            what, name, arg = code[pc]
            if what == "unless":
                pc += 1 if log and log[-1] in (True, 1, "passed") else 1 + arg
                self.pcs[t] = pc
                continue
            self.pcs[t] = pc
            if what in _BRANCHES:
                pc += self.branch(what, name, arg, f"again at {pc}")
                continue
            try:
                seen = self.do(what, name, arg)
            except (RuntimeError, ValueError) as error:
                seen = "broken" if isinstance(error, threading.BrokenBarrierError) else "error"
            except (queue.Full, queue.Empty):
                seen = False
            if seen is not None:
                log.append(seen)
            if what.startswith(("try", "timed", "rtry", "rtimed")):
                what, arg = ASSUMED + what, int(seen in (True, "passed"))
            elif what == "join" and seen == "error":
                what = ASSUMED + what  # of a thread that was not started yet: it did not wait
            self.done[t].append((what, name, arg))
            pc += 1
        self.pcs[t] = "end"

    def branch(self, what: str, name: str, arg: int, timer: str) -> int:
        """Carry out an instruction that nothing is seen of; how far to go on."""
        thing = self.things.get(name)
        if what == "again":
            return -arg - 1
        if what == "quiet_try":
            return 1 if thing.acquire(False) else 1 + arg
        if name in self.flags:
            seen = thing.wait(
                lambda: self.flags[name], why=name, timeout=LONG, timer=timer, repeat=True
            )
        else:
            seen = self.chk.wait_refs([thing], 1, timeout=LONG, timer=timer, repeat=True)
        return 1 if seen is None else 2 + arg

    def do(self, what: str, name: str, arg: int) -> object:
        """Carry out one instruction; what the thread sees, None for nothing."""
        thing = self.threads[arg] if what in _OF_THREADS else self.things.get(name)
        if what in ("open", "close"):
            return thing.change(lambda: self.flags.__setitem__(name, what == "open"))
        return _DO[what](thing, arg) if what != "sleep" else self.chk.sleep(1.0)

    def findings(self) -> list[Report]:
        return [exception_report(name, error) for name, error in self.chk.failures]

    def state(self) -> str:
        x, y = (self.things[name].__dict__["_shared_value"].value for name in "xy")
        return f"{self.pcs} {[tuple(log) for log in self.logs]} {x} {y}"

    def close(self) -> None:
        pass


_BRANCHES = ("poll", "again", "quiet_try")
_OF_THREADS = ("start", "join", "timed_join", "alive")
LONG = 5.0


def _nothing(call: Callable[[Any, int], object]) -> Callable[[Any, int], None]:
    def do(thing: Any, arg: int) -> None:
        call(thing, arg)

    return do


def _timed_join(thread: Any, _arg: int) -> bool:
    thread.join(LONG)
    return not thread._lockcheck.is_alive()


def _put(block: bool, timeout: float | None) -> Callable[[Any, int], object]:
    def do(thing: Any, arg: int) -> object:
        thing.put(arg, block, timeout)
        return True if not block or timeout is not None else None

    return do


def _meet(timeout: float | None) -> Callable[[Any, int], object]:
    def do(thing: Any, _arg: int) -> object:
        thing.wait(timeout)
        return "passed"

    return do


def _add(n: int) -> Callable[[Any, int], None]:
    """Both counts at once, or one of them, as the number says."""

    def do(thing: Any, arg: int) -> None:
        thing.add({name: n for bit, name in ((1, "first"), (2, "second")) if arg & bit})

    return do


def _none(thing: Any, arg: int) -> None:
    thing.wait_until(0, {1: "first", 2: "second"}.get(arg), why="none")


def _assign(thing: Any, arg: int) -> None:
    thing.value = arg


_DO: dict[str, Callable[[Any, int], object]] = {
    "acquire": _nothing(lambda o, n: o.acquire()),
    "try": lambda o, n: o.acquire(False),
    "timed": lambda o, n: o.acquire(timeout=LONG),
    "release": _nothing(lambda o, n: o.release()),
    "locked": lambda o, n: o.locked(),
    "racquire": _nothing(lambda o, n: o.acquire()),
    "rtry": lambda o, n: o.acquire(False),
    "rtimed": lambda o, n: o.acquire(timeout=LONG),
    "rrelease": _nothing(lambda o, n: o.release()),
    "read": _nothing(lambda o, n: o.acquire_read()),
    "queued": _nothing(lambda o, n: o.acquire_read(recursive=False)),
    "try_read": lambda o, n: o.acquire_read(False),
    "timed_read": lambda o, n: o.acquire_read(timeout=LONG),
    "read_release": _nothing(lambda o, n: o.release_read()),
    "write": _nothing(lambda o, n: o.acquire_write()),
    "try_write": lambda o, n: o.acquire_write(False),
    "timed_write": lambda o, n: o.acquire_write(timeout=LONG),
    "write_release": _nothing(lambda o, n: o.release_write()),
    "take": _nothing(lambda o, n: o.acquire()),
    "try_take": lambda o, n: o.acquire(False),
    "timed_take": lambda o, n: o.acquire(timeout=LONG),
    "give": _nothing(lambda o, n: o.release()),
    "cwait": _nothing(lambda o, n: o.wait()),
    "timed_cwait": lambda o, n: o.wait(LONG),
    "notify": _nothing(lambda o, n: o.notify(n)),
    "set": _nothing(lambda o, n: o.set()),
    "clear": _nothing(lambda o, n: o.clear()),
    "is_set": lambda o, n: o.is_set(),
    "await": _nothing(lambda o, n: o.wait()),
    "timed_await": lambda o, n: o.wait(LONG),
    "meet": _meet(None),
    "timed_meet": _meet(LONG),
    "abort": _nothing(lambda o, n: o.abort()),
    "reset": _nothing(lambda o, n: o.reset()),
    "put": _put(True, None),
    "try_put": _put(False, None),
    "timed_put": _put(True, LONG),
    "get": lambda o, n: o.get(),
    "try_get": lambda o, n: o.get(False),
    "timed_get": lambda o, n: o.get(timeout=LONG),
    "task_done": _nothing(lambda o, n: o.task_done()),
    "qsize": lambda o, n: o.qsize(),
    "qjoin": _nothing(lambda o, n: o.join()),
    "see": lambda o, n: o.value,
    "assign": _assign,
    "glance": _nothing(lambda o, n: o.value),
    "inc": _nothing(lambda o, n: o.inc()),
    "dec": _nothing(lambda o, n: o.dec()),
    "more": _add(1),
    "less": _add(-1),
    "none": _none,
    "sum": lambda o, n: o.total(),
    "start": _nothing(lambda o, n: o.start()),
    "join": _nothing(lambda o, n: o.join()),
    "timed_join": _timed_join,
    "alive": lambda o, n: o.is_alive(),
}
