"""The user's drivers (`--driver FILE`): read from a file, and whose mistake an exception is.

A file is executed once for every kernel, so that a driver's module state does not outlive a run.
It is compiled so that its accesses to ordinary data can be heard: an exploration makes points of
them (`lockcheck.patch.data`), for what a driver keeps in a dictionary nobody has declared.
What goes wrong in it is its author's: file, line, text, and the thread, never a traceback of ours.
"""

from __future__ import annotations

import importlib.util
import inspect
import threading
import traceback
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lockcheck.patch.data import DataLoader

from ..iproute.script_error import nearest
from ..kernel.links import LinkDriver
from .wrong_setting import WrongSetting

__all__ = ["blamed", "drivers_of", "quiet_threads", "refuse_duplicates"]

FILE_BYTES_MAX = 1 << 20


def drivers_of(path: str) -> list[type[LinkDriver]]:
    """The LinkDriver classes that a user's file defines. Raises: WrongSetting."""
    name = Path(path).stem
    if not Path(path).is_file():
        raise WrongSetting(f"--driver {path}: no such file, or not a Python file")
    if Path(path).stat().st_size > FILE_BYTES_MAX:
        raise WrongSetting(f"--driver {path}: more than {FILE_BYTES_MAX} bytes")
    spec = importlib.util.spec_from_file_location(f"rtnl_model_driver_{name}", path)
    if spec is None or spec.loader is None:
        raise WrongSetting(f"--driver {path}: not a Python file (its name must end in .py)")
    spec.loader = DataLoader(spec.name, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except SyntaxError as error:
        raise WrongSetting(f"--driver {path}:{error.lineno}: SyntaxError: {error.msg}") from error
    except BaseException as error:  # SystemExit too: a driver is no program
        told = blamed(error, [path]) or f"{path}: {_words(error)}"
        raise WrongSetting(f"--driver {told}") from error
    found = [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, LinkDriver) and cls.__module__ == module.__name__ and cls.kind
    ]
    if not found:
        raise WrongSetting(f"--driver {path}: no subclass of LinkDriver with a kind in it")
    return found


def refuse_duplicates(
    drivers: Sequence[type[LinkDriver]], known: Collection[str], *, replace: bool
) -> None:
    """A kind that exists already is a mistake unless it was said to replace it.

    Raises: WrongSetting.
    """
    seen: set[str] = set()
    for driver in drivers:
        if driver.kind in seen:
            raise WrongSetting(f"--driver: two classes have the kind {driver.kind!r}")
        seen.add(driver.kind)
        if driver.kind in known and not replace:
            raise WrongSetting(
                f"--driver: the model has a kind {driver.kind!r} already; choose another name, or "
                "say --replace"
            )


def blamed(error: BaseException, paths: Iterable[str]) -> str:
    """Where in one of these files an exception comes from, and what it says; empty: elsewhere.

    The innermost place in a file of the user's counts: what it called is its business.
    """
    files = {str(Path(path).resolve()): path for path in paths}
    found = ""
    for frame in traceback.extract_tb(error.__traceback__):
        path = files.get(str(Path(frame.filename).resolve()))
        if path is not None:
            where = f" in {frame.name}" if frame.name != "<module>" else ""
            found = f"{path}:{frame.lineno}{where}"
    if not found:
        return ""
    notes = getattr(error, "__notes__", ())  # where it was raised, said by whoever caught it first
    who = f" ({'; '.join(notes)})" if notes else ""
    return f"{found}: {_words(error)}{who}"


@contextmanager
def quiet_threads(paths: Sequence[str]) -> Iterator[None]:
    """No traceback of a thread that an exception in one of these files ended: it is said once."""
    before = threading.excepthook

    def hook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is None or not blamed(args.exc_value, paths):
            before(args)

    if paths:
        threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def _words(error: BaseException) -> str:
    name = type(error).__name__
    text = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        return f"it ends the program (SystemExit {error.code!r}); a driver must not"
    hint = nearest(error.name, dir(error.obj)) if isinstance(error, AttributeError) and error.name \
        and error.obj is not None else ""  # fmt: skip
    return f"{name}: {text}{hint}" if text else name
