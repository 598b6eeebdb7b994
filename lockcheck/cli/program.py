"""Run somebody's program in this process as `python` would, checked from its first line.

The program is `__main__`, sees its own `sys.argv` and `sys.path[0]`, and its tracebacks do not show
us.  After its last line comes what the interpreter does at the end, where we can see it: the exit
functions of threading, the join of every non-daemon thread (a wait like any other: the watchdog
may end it), then `atexit`.  `os._exit` and `exec` end the process without a report, as they end
everything.
"""

from __future__ import annotations

import atexit
import builtins
import importlib.machinery
import importlib.util
import io
import os
import runpy
import sys
import sysconfig
import threading
import types
import zipimport
from collections.abc import Callable
from concurrent.futures import thread as executors
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from lockcheck.cli.baseline import InputError
from lockcheck.cli.main_end import main_thread_ended
from lockcheck.documents.reading import BYTES_MAX
from lockcheck.seam import Unwind
from lockcheck.sync.thread import wait_out

__all__ = ["Program", "find_program"]


def plainly(source: bytes, path: str) -> types.CodeType:
    """Compile a script as `python` does."""
    code: types.CodeType = compile(source, path, "exec", dont_inherit=True)
    return code


@dataclass(frozen=True)
class Program:
    """What to run."""

    script: str
    """Path of a script, or of a directory with a `__main__.py`; '' with a module."""
    module: str
    args: tuple[str, ...]
    source: bytes = b""
    """The script's text: read once, for it may be a pipe."""
    compiled: Callable[[bytes, str], types.CodeType] = plainly
    """Makes the script's code."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Where the program's own modules lie: the script's folder; a module's, and this one."""
        if not self.module:
            path = os.path.abspath(self.script)
            return (path if os.path.isdir(path) else os.path.dirname(path),)
        try:
            spec = importlib.util.find_spec(self.module.partition(".")[0])
        except (ImportError, ValueError):
            spec = None
        package = list(spec.submodule_search_locations or ()) if spec is not None else []
        standard = sysconfig.get_path("stdlib")
        return (os.getcwd(), *(each for each in package if not each.startswith(standard)))

    def run(self) -> int:
        """Run it to its end, threads and exit functions included; returns its status."""
        module = types.ModuleType("__main__")
        module.__dict__["__builtins__"] = builtins
        if sys.version_info < (3, 14):  # later, only where the program has some
            module.__annotations__ = {}
        sys.modules["__main__"] = module
        before = list(_exit_functions())
        try:
            status = _status_of(self._body(module))
            with ExitStack() as until_it_is_over:
                status = _status_of(lambda: _finish_threads(until_it_is_over)) or status
                atexit._run_exitfuncs()
        finally:
            _go_on(before)
        return status

    def _body(self, module: types.ModuleType):  # type: ignore[no-untyped-def]  # a context manager's own type
        if self.module:

            def run_module() -> None:
                sys.argv[:] = [self.module, *self.args]
                _first_on_path(os.getcwd())
                runpy._run_module_as_main(self.module)  # type: ignore[attr-defined]  # private

            return run_module

        def run_script() -> None:
            sys.argv[:] = [self.script, *self.args]
            path = _absolute(self.script)
            if _is_archive(self.source, path):
                _first_on_path(path)
                runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]  # private
                return
            spec = None
            if os.path.isdir(path):
                _first_on_path(path)
                path = os.path.join(path, "__main__.py")
                spec = importlib.util.spec_from_file_location("__main__", path)
                module.__dict__["__package__"] = ""
            else:
                _first_on_path(os.path.dirname(os.path.abspath(path)))
            code = self.compiled(self.source, path)
            module.__dict__["__file__"] = path
            module.__dict__["__spec__"] = spec
            if sys.version_info < (3, 15):
                module.__dict__["__cached__"] = None if spec is None else spec.cached
            module.__dict__["__loader__"] = importlib.machinery.SourceFileLoader("__main__", path)
            exec(code, module.__dict__)

        return run_script


def _is_archive(source: bytes, path: str) -> bool:
    """Is it a zip file with a program inside?  It may begin with a line for the shell."""
    if b"PK\5\6" not in source:
        return False
    try:
        zipimport.zipimporter(path)
    except zipimport.ZipImportError:
        return False
    return True


def _absolute(path: str) -> str:
    """The path as `python` makes it absolute: nothing in it is resolved."""
    if os.path.isabs(path):
        return path
    try:
        return os.path.join(os.getcwd(), path)
    except OSError:  # the folder is gone
        return path


def _first_on_path(folder: str) -> None:
    """Put the program's folder where ours is, unless Python was asked to add none (-P)."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def find_program(script: str, module: str, args: tuple[str, ...]) -> Program:
    """Check that there is something to run.  Raises: InputError."""
    if module:
        return Program("", module, args)
    path = os.path.join(script, "__main__.py") if os.path.isdir(script) else script
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"cannot run {script!r}: {error.strerror or error}") from error
    if len(source) > BYTES_MAX:
        raise InputError(f"cannot run {script!r}: longer than {BYTES_MAX} bytes")
    return Program(script, "", args, source)


def _status_of(body) -> int:  # type: ignore[no-untyped-def]  # a context manager's own type
    """Run a part of the program; its exit status, exceptions printed as Python prints them."""
    try:
        body()
    except SystemExit as leave:
        return _exit_status(leave.code)
    except Unwind:
        return 1
    except BaseException as error:
        trace = _without_us(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        if isinstance(error, KeyboardInterrupt):
            raise
        return 1
    return 0


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _without_us(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the program's first frame on; None: it has none yet."""
    ours = (os.path.dirname(os.path.abspath(__file__)), "<frozen runpy>", runpy.__file__)
    first = trace
    while first is not None and first.tb_frame.f_code.co_filename.startswith(ours):
        first = first.tb_next
    return first


def _exit_functions() -> list[Callable[[], object]]:
    """What threading calls first at the end of the interpreter; a list of its own."""
    return getattr(threading, "_threading_atexits", [])  # private


def _go_on(before: list[Callable[[], object]]) -> None:
    """The program has ended, this process perhaps not: executors may be used again."""
    _exit_functions()[:] = before
    executors._shutdown = False  # its exit function has set it


def _finish_threads(until_it_is_over: ExitStack) -> None:
    """What `threading` does at the end, by joins that the watchdog can see.  Raises: Unwind."""
    calls = _exit_functions()
    while calls:
        calls.pop()()
    until_it_is_over.enter_context(main_thread_ended())
    while True:
        threads = [
            t
            for t in threading.enumerate()
            if not t.daemon and t is not threading.current_thread() and t.is_alive()
            and t is not threading.main_thread()
        ]  # fmt: skip
        if not threads:
            return
        try:
            for thread in threads:
                thread.join()
        except Unwind:
            for thread in threads:
                wait_out(thread, 5.0)
            raise
