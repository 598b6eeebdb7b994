"""The driver's steps on wound/wait mutexes."""

from __future__ import annotations

from typing import Any

from lockcheck.core.engine import Engine
from lockcheck.core.held import WRITE, Hold
from tests.lockcheck.core.ww import Ww, WwContext


class WwSteps:
    """Mixed into `Driver`."""

    engine: Engine
    ww: Ww
    locks: dict[str, Any]
    objects: dict[str, Any]

    def context(self, name: str) -> WwContext | None:
        if name == "none":
            return None
        if name not in self.objects:
            key = self.engine.lock_key("ww acquire", name, kind="ww:ww")
            self.objects[name] = WwContext(key)
        found: WwContext = self.objects[name]
        return found

    def do_ww_ctx_init(self, thread: Any, name: str, parameter: str) -> None:
        context = self.context(name)
        assert context is not None
        self.ww.init(thread.state, context)

    def do_ww_ctx_done(self, thread: Any, name: str, parameter: str) -> None:
        context = self.context(name)
        assert context is not None
        self.ww.done(thread.state, context)

    def do_ww_ctx_fini(self, thread: Any, name: str, parameter: str) -> None:
        context = self.context(name)
        assert context is not None
        self.ww.fini(thread.state, context)

    def do_ww_lock(self, thread: Any, name: str, parameter: str) -> None:
        self.ww.lock(thread.state, self.locks[name], self.context(parameter))

    def do_ww_lock_slow(self, thread: Any, name: str, parameter: str) -> None:
        self.ww.lock(thread.state, self.locks[name], self.context(parameter), slow=True)

    def do_ww_lock_edeadlk(self, thread: Any, name: str, parameter: str) -> None:
        context = self.context(parameter)
        assert context is not None
        self.ww.lost(thread.state, self.locks[name], context)

    def do_ww_trylock(self, thread: Any, name: str, parameter: str) -> None:
        context = self.context(parameter) if parameter else None
        self.ww.trylock(thread.state, self.locks[name], context)

    def do_ww_unlock(self, thread: Any, name: str, parameter: str) -> None:
        self.ww.unlock(thread.state, self.locks[name])

    def do_ww_base_lock(self, thread: Any, name: str, parameter: str) -> None:
        self.ww.lock(thread.state, self.locks[name], None)

    def do_ww_base_lock_nest(self, thread: Any, name: str, parameter: str) -> None:
        context = self.context(parameter)
        self.engine.acquires.push(thread.state, Hold(self.locks[name], WRITE), nest=context)

    def do_ww_base_unlock(self, thread: Any, name: str, parameter: str) -> None:
        self.engine.releases.release(thread.state, self.locks[name])

    def do_ww_lockdep_release(self, thread: Any, name: str, parameter: str) -> None:
        self.engine.releases.release(thread.state, self.locks[name])

    def do_ww_lockdep_acquire(self, thread: Any, name: str, parameter: str) -> None:
        self.engine.acquires.push(thread.state, Hold(self.locks[name], WRITE), trylock=True)

    def do_ww_set_ctx(self, thread: Any, name: str, parameter: str) -> None:
        """The lock belongs to somebody else's context from here on (a rival is simulated)."""

    def do_ww_clear_ctx(self, thread: Any, name: str, parameter: str) -> None:
        """The rival gives it up."""

    def do_ww_stale_ctx(self, thread: Any, name: str, parameter: str) -> None:
        self.locks[name].stale = True

    def do_ww_corrupt_acquired(self, thread: Any, name: str, parameter: str) -> None:
        context = self.context(name)
        assert context is not None
        context.acquired = 0
