"""A finaliser that a reference count runs is reported, even where its acquire is nothing new."""

from __future__ import annotations

import builtins
import gc
import inspect
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import lockcheck
from lockcheck.patch import finalisers

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def chk() -> Iterator[lockcheck.Checker]:
    """An installed checker; whatever the test did, everything is put back."""
    made = lockcheck.Checker()
    lockcheck.install(made)
    yield made
    lockcheck.uninstall()


def told(chk: lockcheck.Checker) -> list[tuple[str, str]]:
    return [(report.kind, report.severity) for report in chk.reports]


INVERTED = [("inverted-context", "class-only")]


def simple(lock: Any) -> Callable[[], object]:
    class Simple:
        def __del__(self) -> None:
            with lock:
                pass

    return Simple


def inherited(lock: Any) -> Callable[[], object]:
    class Below:
        def __del__(self) -> None:
            with lock:
                pass

    class Inherited(Below):
        def __del__(self) -> None:
            super().__del__()

    return Inherited


def slotted(lock: Any) -> Callable[[], object]:
    @dataclass(slots=True)
    class Slotted:
        number: int = 1

        def __del__(self) -> None:
            with lock:
                pass

    return Slotted


def finalized(lock: Any) -> Callable[[], object]:
    class Watched:
        pass

    def last() -> None:
        with lock:
            pass

    def make() -> object:
        made = Watched()
        weakref.finalize(made, last)
        return made

    return make


WAYS = [simple, inherited, slotted, finalized]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", [True, False], ids=["finaliser first", "finaliser last"])
def test_a_finaliser_that_takes_what_its_thread_has_taken_is_told(
    chk: lockcheck.Checker, way: Any, first: bool
) -> None:
    """The transition is known by then: `with lock: pass`, and again where the last object goes."""
    lock = threading.Lock()
    make = way(lock)
    if first:
        make()
    with lock:
        pass
    make()
    with lock:
        pass

    assert told(chk) == INVERTED
    assert not chk.held()


def test_the_collector_raises_what_a_reference_count_has_shown(chk: lockcheck.Checker) -> None:
    """Once the collector was seen running one, the finding is `possible`, and still one."""
    lock = threading.Lock()

    class Cycle:
        me: Any = None

        def __del__(self) -> None:
            with lock:
                pass

    with lock:
        pass
    Cycle()
    assert told(chk) == INVERTED
    made = Cycle()
    made.me = made
    del made
    gc.collect()
    assert told(chk) == [("inverted-context", "possible")]


def test_what_is_held_around_a_finaliser_still_orders_what_it_takes(
    chk: lockcheck.Checker,
) -> None:
    """A reference count runs it at that very place: A, and in it B, is a dependency."""
    a, b = threading.Lock(), threading.Lock()

    class Taker:
        def __del__(self) -> None:
            with b:
                pass

    with b:
        pass
    with a:
        Taker()
    (edge,) = [(e.source.name, e.target.name) for e in chk.graph.edges]
    assert edge == (a.cls.name, b.cls.name)  # type: ignore[attr-defined]
    with b, a:
        pass
    assert ("circular", "class-only") in told(chk)


def test_a_finaliser_run_under_its_own_lock_is_certain(chk: lockcheck.Checker) -> None:
    """The same thread holds it: reported before it hangs."""
    chk.on_report = "raise"
    lock = threading.Lock()
    caught: list[BaseException] = []

    class Taker:
        def __del__(self) -> None:
            try:
                with lock:
                    pass
            except lockcheck.Violation as error:
                caught.append(error)

    with lock:
        pass
    with lock:
        Taker()
    assert len(caught) == 1
    assert ("recursive", "certain") in told(chk)


def test_what_a_finaliser_takes_and_keeps_is_held_by_the_thread(chk: lockcheck.Checker) -> None:
    """And the other way round: it may release what was taken around it."""
    kept, given = threading.Lock(), threading.Lock()

    class Odd:
        def __del__(self) -> None:
            kept.acquire()
            given.release()

    given.acquire()
    Odd()
    assert [entry.lock for entry in chk.held()] == [kept]
    kept.release()
    assert not chk.held()
    assert not [kind for kind, _ in told(chk) if kind == "bad-unlock"]


def test_an_exception_in_a_finaliser_leaves_the_context(chk: lockcheck.Checker) -> None:
    """It is reported as Python reports it, and the thread continues as before."""
    seen: list[Any] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda args: seen.append(args.exc_type)
    try:

        class Raises:
            def __del__(self) -> None:
                raise KeyError("mine")

        top = chk.current().top
        Raises()
    finally:
        sys.unraisablehook = before

    assert seen == [KeyError]
    assert chk.current().top is top


def test_a_wrapped_finaliser_looks_like_the_one_written(chk: lockcheck.Checker) -> None:
    """Name, docstring, signature, source and module are the author's."""

    class Written:
        def __del__(self) -> None:
            """Mine."""

    method = Written.__del__
    assert (method.__name__, method.__doc__) == ("__del__", "Mine.")
    assert method.__qualname__.endswith("Written.__del__")
    assert method.__module__ == __name__
    assert list(inspect.signature(method).parameters) == ["self"]
    assert "Mine." in inspect.getsource(method)


def test_uninstall_takes_every_wrapper_off() -> None:
    """Classes, builtins and weakref are as they were."""
    build, call = builtins.__build_class__, weakref.finalize.__call__
    lockcheck.install(lockcheck.Checker())
    try:

        class Written:
            def __del__(self) -> None:
                pass

        assert hasattr(Written.__del__, "__wrapped__")
        assert builtins.__build_class__ is not build
    finally:
        lockcheck.uninstall()

    assert not hasattr(Written.__del__, "__wrapped__")
    assert builtins.__build_class__ is build
    assert weakref.finalize.__call__ is call
    assert not finalisers._hooked.marked


def test_a_class_that_goes_is_not_remembered(chk: lockcheck.Checker) -> None:
    """Being checked keeps no class alive that would go otherwise."""

    def bare() -> type:
        class Bare:
            pass

        return Bare

    lock = threading.Lock()
    other = weakref.ref(bare())
    refs = [weakref.ref(simple(lock)) for _ in range(3)]
    gc.collect()
    # The free-threaded 3.13 makes every class immortal as soon as there was a second thread.
    assert [ref() is None for ref in refs] == [other() is None] * 3
    known = [row for row in finalisers._hooked.marked.values() if row[0]() is not None]
    assert len(known) == len(finalisers._hooked.marked)


def test_no_frame_of_ours_stands_in_a_class_statement(chk: lockcheck.Checker) -> None:
    """A metaclass that looks at its caller's frame finds the class statement's."""
    seen: list[str] = []

    class Looks(type):
        def __new__(mcs, *args: Any, **kwargs: Any) -> Any:
            seen.append(sys._getframe(1).f_code.co_name)
            return super().__new__(mcs, *args, **kwargs)

    def place() -> type:
        class Made(metaclass=Looks):
            pass

        return Made

    place()
    assert seen == ["place"]


def test_finalize_is_called_detached_and_asked_as_always(chk: lockcheck.Checker) -> None:
    """peek and detach give the program's own function, and a call runs it once."""

    class Watched:
        pass

    def last(number: int) -> int:
        return number

    made = Watched()
    final = weakref.finalize(made, last, 7)
    assert final.peek() == (made, last, (7,), {})
    assert final() == 7
    assert final() is None
    again = weakref.finalize(made, last, 8)
    assert again.detach() == (made, last, (8,), {})


DEMO = """
import threading
lock = threading.Lock()
class C:
    def __del__(self, lock=lock):
        with lock: pass
with lock: pass
C()
kept = C()
def main():
    left = threading.Lock()
    left.acquire()
main()
print("done")
"""


def test_a_program_under_the_command_is_told_both(tmp_path: Path) -> None:
    """The commonest demonstrations, and an object that goes with the interpreter."""
    (tmp_path / "demo.py").write_text(DEMO)
    ran = subprocess.run(
        [sys.executable, "-m", "lockcheck", "run", "demo.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.stdout == "done\n"
    assert ran.returncode == 1, ran.stderr
    assert "held lock freed" in ran.stderr
    assert "context inversion" in ran.stderr
    assert "severity: class-only" in ran.stderr
    assert "Exception ignored" not in ran.stderr
    assert "Traceback" not in ran.stderr
