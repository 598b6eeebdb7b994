"""The subject "a Python function that starts threads": `FILE::FUNCTION`.

For every schedule the file is executed again, in a module of its own, with `install()`ed primitives
bound to a fresh checker under the conductor; then the function is called.  So plain `threading` and
`queue` objects that the file or the function makes are controlled, wherever they are made, and no
schedule sees another one's globals.

`time.sleep`, `time.monotonic` and `time.time` are logical meanwhile, `random` starts from one seed,
and what depends on addresses (a set's order, `id`) is the same whenever a schedule is repeated.
Accesses to ordinary data of the file's own modules are points too (`patch.data`); those modules are
imported again for every schedule.  Left out: what other modules keep between calls (they are
imported once), locks made in C.
"""

from __future__ import annotations

import io
import itertools
import logging
import os
import random
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, Final

from lockcheck import patch
from lockcheck.census import census
from lockcheck.checker import Checker
from lockcheck.conduct.controlled import ControlledConductor
from lockcheck.conduct.pool import HandlerRefusedError
from lockcheck.core.document import Json
from lockcheck.core.report import Report
from lockcheck.documents import DocumentError, read_text
from lockcheck.explore.result import exception_report
from lockcheck.explore.subject import FirstThread
from lockcheck.patch.data import DataOptions
from lockcheck.patch.data.hook import package_of
from lockcheck.patch.identities import Identities
from lockcheck.seam import Unwind
from lockcheck.sync.thread import life_of

__all__ = ["FunctionSubject", "SubjectError"]

_EPOCH: Final = 1_700_000_000.0
"""What `time.time()` says at the start of every schedule."""


class SubjectError(Exception):
    """There is no such function to explore."""


class FunctionSubject:
    """A function to explore; a context manager, for it installs itself in the process."""

    afresh = False
    """Are its modules imported already, by somebody who did not look at their data?"""

    def __init__(
        self, file: str, function: str, *, races: bool = True, data: DataOptions | None = None
    ) -> None:
        self.file = file
        self.function = function
        self.races = races
        self.data = data if data is not None else DataOptions()
        self.title = f"{file}::{function}"
        try:
            text = read_text(file)
        except DocumentError as error:
            raise SubjectError(str(error)) from error
        self._path = os.path.abspath(file)
        try:
            self._code = self.data.compile(text, self._path)
        except SyntaxError as error:
            raise SubjectError(f"{file}:{error.lineno}: {error.msg}") from error
        self._real: dict[str, Callable[..., object]] = {}

    @classmethod
    def parse(cls, text: str, data: DataOptions | None = None) -> FunctionSubject:
        """Read `FILE::FUNCTION`.  Raises: SubjectError."""
        file, separator, function = text.rpartition("::")
        if not separator or not file or not function:
            raise SubjectError(
                f"{text!r}: which function?  FILE::FUNCTION, as in bank.py::transfer"
            )
        return cls(file, function, data=data)

    @classmethod
    def of_token(cls, described: Json) -> FunctionSubject:
        """Make the subject that a token names.  Raises: SubjectError."""
        if described.get("kind") != "function":
            raise SubjectError("this token is not of a function; `rtnl-model replay` may know it")
        return cls(
            str(described["file"]),
            str(described["function"]),
            races=bool(described["races"]),
            data=DataOptions.of_token(described),
        )

    def __enter__(self) -> FunctionSubject:
        # Races on, so that its locks have points: modules imported from here on keep theirs.
        self.base = Checker(races=True)
        self._random = random.getstate()
        patch.install(self.base)
        logging.getLogger("concurrent.futures").addFilter(_is_no_unwind)
        self._real = {name: vars(time)[name] for name in ("sleep", "monotonic", "time")}
        self._package, holder = package_of(self._path)
        self._path_entries = list(dict.fromkeys((os.path.dirname(self._path), holder)))
        sys.path[:0] = self._path_entries
        self.identities = Identities()
        self.identities.start()
        self.seeing = self.data.see(self._path, afresh=self.afresh, identities=self.identities)
        self._check()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.seeing.stop()
        self.identities.stop()
        for name, real in self._real.items():
            setattr(time, name, real)
        for entry in self._path_entries:
            if entry in sys.path:
                sys.path.remove(entry)
        random.setstate(self._random)
        logging.getLogger("concurrent.futures").removeFilter(_is_no_unwind)
        patch.uninstall()

    def _check(self) -> None:
        """Fail early, with one line, where the file or the function is wrong."""
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                module = self.load()
        except Exception as error:
            self.__exit__()
            raise SubjectError(f"{self.file}: {type(error).__name__}: {error}") from error
        if self.resolve(module) is None:
            names = [n for n, v in vars(module).items() if isinstance(v, types.FunctionType)]
            self.__exit__()
            choices = f"; it has {', '.join(sorted(names))}" if names else ""
            raise SubjectError(f"{self.file} has no function {self.function!r}{choices}")

    def resolve(self, module: types.ModuleType) -> Callable[[], object] | None:
        """Find the function in a fresh module; None: it has none of that name."""
        found: object = module.__dict__.get(self.function)
        return found if callable(found) else None

    def load(self) -> types.ModuleType:
        """Execute the file in a fresh module."""
        name = os.path.splitext(os.path.basename(self._path))[0]
        if self._package:
            name = f"{self._package}.{name}"
        module = types.ModuleType(name)
        module.__file__ = self._path
        module.__package__ = self._package
        self.seeing.forget_modules()
        before = sys.modules.get(name)
        sys.modules[name] = module  # dataclasses and pickles look their module up
        self.identities.prepare(module)
        try:
            exec(self._code, module.__dict__)
            self.identities.adopt(module)
        finally:
            if before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = before
        return module

    def world(self, conductor: ControlledConductor) -> FunctionWorld:
        """Make a fresh world (`subject.Subject`)."""
        return FunctionWorld(self, conductor)

    def describe(self) -> Json:
        """What a token needs (`subject.Subject`)."""
        return {
            "kind": "function",
            "file": self.file,
            "function": self.function,
            "races": self.races,
            **self.data.describe(),
        }


def _is_no_unwind(record: logging.LogRecord) -> bool:
    """An executor logs whatever ends its workers, the end of a schedule too."""
    return record.exc_info is None or record.exc_info[0] is not Unwind


def _set_handler(error: ValueError) -> str:
    """Where the program called `signal.signal`, should it be what raised the error; or nothing."""
    trace, where = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if code is signal.signal.__code__:
            return where  # ours, while it is installed
        where = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return ""


class FunctionWorld:
    """One call of the function."""

    def __init__(self, subject: FunctionSubject, conductor: ControlledConductor) -> None:
        self._subject = subject
        self._conductor = conductor
        self.chk = Checker(conductor=conductor, races=subject.races)
        base = subject.base
        base.conductor = conductor
        base.aborted = False
        self._all = [self.chk, base]
        """The program's own checkers come behind these two."""
        self.checkers: Sequence[Checker] = self._all
        census.open(self._all, conductor)
        self._result = ""
        self._seeded: object = None
        self._drew = False
        self._printed = io.StringIO()
        self._streams = sys.stdout, sys.stderr
        patch.rebind(self.chk)
        subject.identities.renew(conductor)
        subject.seeing.start(conductor, self.chk)
        threading._counter = itertools.count(1).__next__  # type: ignore[attr-defined]  # private
        futures: Any = sys.modules.get("concurrent.futures.thread")  # private, if loaded
        if futures is not None:  # its threads are numbered on, too
            futures.ThreadPoolExecutor._counter = itertools.count().__next__

    def body(self) -> None:
        """Load the file without points, then call the function."""
        sys.stdout = sys.stderr = self._printed
        with FirstThread(self.chk):
            with self._conductor.quiet():
                random.seed(0)
                self._seeded = random.getstate()
                function = self._subject.resolve(self._subject.load())
                assert function is not None, "it was there when the search began"
            self._install_time()
            try:
                self._result = repr(function())
            except SystemExit as leave:
                if leave.code:
                    raise
            except ValueError as error:
                where = _set_handler(error)
                if where:
                    raise HandlerRefusedError(
                        f"{where} sets a signal's handler, which only Python's main thread may; "
                        "schedules run in another, so this cannot be explored (lockcheck run can)"
                    ) from error
                raise

    def findings(self) -> list[Report]:
        """Reports, and exceptions that ended a thread."""
        raised = [
            exception_report(name, error) for chk in self._mine() for name, error in chk.failures
        ]
        found = [report for chk in self._mine() for report in chk.reports] + raised
        if found or self._conductor.error is not None:
            return found  # what the program itself notices says more than how it came about
        return self._subject.seeing.lost()

    def _mine(self) -> list[Checker]:
        """This world's checkers: what imported modules made belongs to all worlds."""
        return [self.chk, *self._all[2:]]

    def drew(self) -> bool:
        """Did the program draw random numbers (`subject.Draws`)?"""
        return self._drew

    def output(self) -> str:
        """What the program printed (`subject.Prints`)."""
        return self._printed.getvalue()

    def explain(self, report: Report) -> None:
        """Add the order of this run to what it found."""
        self._subject.seeing.explain(report, self._conductor)

    def state(self) -> str:
        """What the function returned."""
        return self._result

    def close(self) -> None:
        """Give real time back; nobody is to join this world's threads at the exit."""
        census.close()
        self._drew = self._seeded is not None and random.getstate() != self._seeded
        sys.stdout, sys.stderr = self._streams
        futures: Any = sys.modules.get("concurrent.futures.thread")  # private, if loaded
        if futures is not None:
            for thread in list(futures._threads_queues):
                life = life_of(thread)
                if life is not None and life.pooled:
                    futures._threads_queues.pop(thread, None)
        for name, real in self._subject._real.items():
            setattr(time, name, real)

    def _install_time(self) -> None:
        chk = self.chk
        idents = {ts.ident for ts in chk.threads.values()}
        real_sleep = self._subject._real["sleep"]

        def sleep(seconds: float) -> None:
            if threading.get_ident() in idents or chk.conductor is not None:
                chk.sleep(max(0.0, seconds))
            else:
                real_sleep(seconds)

        time.sleep = sleep  # type: ignore[assignment]  # ours, while it runs
        time.monotonic = self._conductor.now
        time.time = lambda: _EPOCH + self._conductor.now()
