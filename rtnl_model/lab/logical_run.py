"""One script on one fresh kernel in logical time: the document of a machine that never lags.

As `model_run.record`, but one thread of the kernel's runs at a time, in a fixed order, and waits
end when their time has come and nobody can go: so the kernel's real lengths cost nothing, and what
comes out does not depend on how busy the machine is.  This is what a recording is compared with.
The threads are real ones all the same, each with a native id of its own.

Left out: everything that goes by the operating system's scheduling (`record` has that), and other
orders than the one (`explore` has those).
"""

from __future__ import annotations

import lockcheck
from lockcheck.conduct import DEADLOCK, HUNG, POINTS, ControlledConductor, Pool, explain_stuck
from lockcheck.explore import FirstThread, Replay, step_timeline

from ..iproute.commands import Script
from ..iproute.run import ScriptRun
from .debts import owed
from .invariants import check_quiescence
from .known import tag_stuck
from .model_run import ModelSetting, Recorded, recorded

__all__ = ["record_logical"]

MAX_POINTS = 1_000_000
"""Steps after which a script is taken for endless."""
SILENT_SECONDS = 60.0
"""Real seconds without a step after which a thread is taken for lost."""


def record_logical(script: Script, setting: ModelSetting, *, timeline: bool = False) -> Recorded:
    """Run `script`.  Every thread is joined when this returns, but one that was lost.

    `timeline`: draw one, by steps.
    Raises: KeyboardInterrupt, when all is joined; RuntimeError when the script does not end.
    """
    pool = Pool()
    run = _LogicalRun(script, setting, pool)
    try:
        return run.record(timeline=timeline)
    finally:
        pool.close(abandon=run.conductor.verdict == HUNG)  # nobody can end a lost thread


class _LogicalRun:
    def __init__(self, script: Script, setting: ModelSetting, pool: Pool) -> None:
        self.setting = setting
        self.conductor = ControlledConductor(
            pool, max_points=MAX_POINTS, hang_after=SILENT_SECONDS, timed=True
        )
        self.conductor.on_end = self.at_end
        self.chk = lockcheck.Checker(conductor=self.conductor)
        self.conductor.checkers = [self.chk]
        self.k = setting.kernel(self.chk)
        self.script_run = ScriptRun(self.k, script)

    def record(self, *, timeline: bool) -> Recorded:
        """Run it and return what happened."""
        order = Replay(())  # who runs goes on until it blocks; then the first that can
        order.begin(self.conductor, 0)
        verdict = self.conductor.run(self.body, order)
        if self.conductor.error is not None:
            raise self.conductor.error
        if verdict in (POINTS, HUNG):
            name = self.script_run.script.name
            limit = f"{MAX_POINTS} steps" if verdict == POINTS else f"{SILENT_SECONDS:g} s"
            raise RuntimeError(f"{name} does not end: given up after {limit}")
        done = recorded(self.script_run, self.setting)
        if timeline:
            names = [task.name for task in self.conductor.tasks]
            done.timeline = step_timeline(self.conductor.events, names, self.conductor.pending)
        return done

    def body(self) -> None:
        """The first thread."""
        with FirstThread(self.chk):
            self.setting.start(self.k)
            self.script_run.run()
            if self.script_run.hung is None:
                check_quiescence(self.k)
                self.k.shutdown()

    def at_end(self, verdict: int) -> None:
        """Everybody is parked still: what the world looks like, and who waits for whom."""
        if verdict != DEADLOCK:
            return
        self.script_run.stuck()
        states = list(self.chk.threads.values())
        report = explain_stuck(self.conductor.live, states, lambda op: owed(self.k, op))
        tag_stuck(self.k, report)
        self.chk.engine.ledger.file(report)
