"""A whole script on one kernel: processes, settling, and the document of the run.

A step of the script is one *op*: a command, commands one after the other (`Seq`), or commands let
go at one moment (`Par`).  Every command is a thread of its own with a pid of its own; after each op
the run waits until nothing asynchronous is left.  What an op did (commands, devices, events, trace,
kernel log) is kept in the recordings' shape.

A run that gets stuck is ended by the watchdog: `on_stuck` keeps the devices of that moment, every
waiting thread is unwound, and the op carries `hung`.  Under a controlled conductor there is no
watchdog; the conductor decides the same and `Unwind` ends `run()` in the same way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockcheck import Unwind, looking
from rtnl_model.kernel.documents import Fields

from ..kernel.errors import KernelBug
from .commands import Command, Par, Script, Seq, Step, commands_of
from .execute import Outcome, execute
from .listing import INIT, devices_by_netns
from .normalise import command_text

if TYPE_CHECKING:
    from lockcheck import Event, Thread

    from ..kernel.kernel import Kernel

__all__ = ["ScriptRun", "comm_of"]

STUCK_STATUS = 124
BUG_STATUS = 137
"""The kernel killed the process (a BUG() in its context)."""
EXEC_SECONDS = 0.1
EXEC_LOOKS = 50
"""How long a process start may take at most, and how often the works are looked at meanwhile."""
Op = Fields
_NAMESPACES = frozenset({"ns", "net", "qnet", "virt_ns", "phys_ns"})


def comm_of(command: Command) -> str:
    """The process' name, as in the trace: `ip`, `nk`, `rmmod` …"""
    words = command.text.split() or command_text(command).split()
    if words[0].endswith("nk") and words[1:2] == ["after"]:
        words = words[3:]
    return words[0].rpartition("/")[2]


def named(line: Fields) -> Fields:
    """A line in which the initial namespace is called `init`."""
    return {k: INIT if v == "" and k in _NAMESPACES else v for k, v in line.items()}


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the kernel's logs stood when an op began."""

    trace: int
    events: int
    kmsg: int


class ScriptRun:
    """Runs a script's ops on a kernel that is already running."""

    def __init__(
        self,
        k: Kernel,
        script: Script,
        *,
        keep_going: bool | None = None,
        on_outcome: Callable[[Command, Outcome], None] | None = None,
    ) -> None:
        self.k = k
        self.script = script
        self.keep_going = script.keep_going if keep_going is None else keep_going
        self.on_outcome = on_outcome or (lambda _command, _outcome: None)
        self.ops: list[Op] = []
        """One per op that was begun."""
        self.failed: list[Outcome] = []
        """Commands that failed and were not allowed to."""
        self.stopped_at: Command | None = None
        """The failed command after which nothing more was run."""
        self.hung: int | None = None
        """Index of the op in which the run got stuck."""
        self.crash: Exception | None = None
        """What a process died of that is no answer of the kernel's: a defect of ours, or of a
        user's driver."""
        self.crashed = ""
        """Name of the thread that it ended."""
        self._outcomes: list[Outcome] = []
        """Of the current op, in listed order; filled with `stuck` ones when they start."""
        self._devices_stuck: dict[str, list[Fields]] | None = None
        self._processes: list[Thread] = []
        """Threads of the current op of a free run."""

    @property
    def free(self) -> bool:
        """Does the system schedule its threads?"""
        conductor = self.k.chk.conductor
        return conductor is None or not conductor.controlled

    # -- the run --

    def run(self) -> list[Op]:
        """Run every op, settle after each. Returns the ops; never raises Unwind."""
        for index in range(len(self.script.steps)):
            if not self.op(index):
                break
        return self.ops

    def op(self, index: int) -> bool:
        """Run one op and settle. Returns whether the script goes on."""
        step = self.script.steps[index]
        marks = self.marks()
        self._outcomes = []
        self._processes = []
        try:
            self.begin(step)
            if self.crash is None:
                self.k.quiesce()
        except Unwind:
            self.hung = index
        self.ops.append(self.recorded(index, marks))
        for name, failure in self.k.chk.failures:
            failure.add_note(f"in thread {name}")
        for crash in (self.crash, *(failure for _name, failure in self.k.chk.failures)):
            if crash is not None:
                raise crash
        return self.hung is None and self.stopped_at is None

    def stuck(self) -> None:
        """The watchdog's call, before the run is aborted: keep what the world looks like."""
        self._devices_stuck = devices_by_netns(self.k, stuck=True)
        with looking(self.k.chk):
            self.k.dev_todo.warn_cut_short()

    def wait_out_processes(self) -> None:
        """Of an aborted free run: the processes unwind by themselves, wait until they have."""
        self.k.wait_out(self._processes)

    # -- processes --

    def begin(self, step: Step) -> None:
        """Start a step's commands and wait for their ends."""
        if isinstance(step, Command):
            self.spawn([step]).join()
        elif isinstance(step, Seq):
            for number, inner in enumerate(step.steps):
                if number:
                    self.exec_time()
                if self.stopped_at is None:
                    self.begin(inner)
        else:
            self.par(step)

    def exec_time(self) -> None:
        """Starting the next process takes longer than a work that can run: let those end."""
        if not self.k.chk.timed:
            return
        for _ in range(EXEC_LOOKS):
            self.k.chk.sleep(EXEC_SECONDS / EXEC_LOOKS, "exec")
            if self.k.rtnl_work.idle():
                return

    def par(self, step: Par) -> None:
        """Let all branches go at the same moment, as far as one processor can: in listed order."""
        gates = [
            self.k.chk.Event(f"gate {i}") if self.free else None for i in range(len(step.steps))
        ]
        threads = [
            self.spawn(commands_of(branch), gate)
            for branch, gate in zip(step.steps, gates, strict=True)
        ]
        for gate in gates:
            if gate is not None:
                gate.set()
        for thread in threads:
            thread.join()

    def spawn(self, commands: list[Command], gate: Event | None = None) -> Thread:
        """Start the thread of some commands, one process after the other."""
        tasks = [self.k.probe.new_task(comm_of(c)) for c in commands]
        first = len(self._outcomes)
        for command, task in zip(commands, tasks, strict=True):
            task.request = command_text(command)
            text = command.text or task.request
            self._outcomes.append(Outcome(text, STUCK_STATUS, task.pid, stuck=True))

        def body() -> None:
            if gate is not None:
                gate.wait()
            try:
                for slot, (command, task) in enumerate(zip(commands, tasks, strict=True), first):
                    self.k.probe.adopt(task)
                    self.process(command, slot)
                    if self.stopped_at is not None:
                        break
            except Exception as error:
                name = threading.current_thread().name
                error.add_note(f"in thread {name}")
                if self.crash is None:  # reported once, by the thread that runs the script
                    self.crash, self.crashed = error, name

        thread = self.k.chk.Thread(target=body, name=f"{comm_of(commands[0])} {tasks[0].pid}")
        if self.free:
            self._processes.append(thread)
        thread.start()
        return thread

    def process(self, command: Command, slot: int) -> None:
        """One process, on the current thread."""
        text, pid = self._outcomes[slot].cmd, self._outcomes[slot].pid
        try:
            outcome = execute(self.k, command)
        except KernelBug as bug:
            outcome = Outcome(text, BUG_STATUS, pid, stderr=f"Killed: kernel BUG: {bug}")
        except Exception as error:
            if self.k.sound:
                raise
            self.k.oops(error)
            outcome = Outcome(text, BUG_STATUS, pid, stderr=f"Killed: kernel Oops: {error!r}")
        outcome.cmd = text
        self._outcomes[slot] = outcome
        if outcome.rc and not command.may_fail:
            self.failed.append(outcome)
            if not self.keep_going:
                self.stopped_at = command
        self.on_outcome(command, outcome)

    # -- what is recorded --

    def marks(self) -> Marks:
        """Where the logs stand now."""
        return Marks(len(self.k.probe.trace), len(self.k.events.log), len(self.k.kmsg))

    def recorded(self, index: int, marks: Marks) -> Op:
        """The op in the recordings' shape."""
        started = [o for o in self._outcomes if self.hung is not None or not o.stuck]
        op: Op = {"i": index, "cmds": [o.to_dict() for o in started]}
        if self.hung is not None and self._devices_stuck is not None:
            op["devices"] = self._devices_stuck
        else:
            op["devices"] = devices_by_netns(self.k)
        for key, lines in (
            ("events", [named(e) for e in self.k.events.log[marks.events :]]),
            ("trace", [named(t) for t in self.k.probe.trace[marks.trace :]]),
            ("kmsg", self.k.kmsg[marks.kmsg :]),
        ):
            if lines:
                op[key] = list(lines)
        if self.hung is not None:
            op["hung"] = True
        return op
