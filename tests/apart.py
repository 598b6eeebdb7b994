"""Long runs in processes of their own, two side by side: one for each core that the suite may have.

A test starts all its runs and then takes their results one by one, so that one run computes while
the other sleeps.  Processes and not threads, because a run counts threads, and because what races
within it is decided by its own threads alone.  A process starts no second run before the first has
ended.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import cache
from multiprocessing.pool import AsyncResult, Pool
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

PROCESSES = 2
SECONDS_MAX = 280
"""The test's own limit is a little longer."""


def start(function: Callable[P, T], /, *args: P.args, **words: P.kwargs) -> AsyncResult[T]:
    """Run it in another process; function, arguments and result can be pickled."""
    return _pool().apply_async(_run, (function, args, words))


def call(module: str, function: str, words: Mapping[str, Any]) -> None:
    """Call a function by its name."""
    getattr(importlib.import_module(module), function)(**words)


def result(started: AsyncResult[T]) -> T:
    """Wait for it. Raises: what the function raised, TimeoutError (also of a process that died)."""
    return started.get(SECONDS_MAX)


def end() -> None:
    """End the processes, if there are any, whatever they do."""
    if _pool.cache_info().currsize:
        pool = _pool()
        _pool.cache_clear()
        pool.terminate()
        pool.join()


@cache
def _pool() -> Pool:
    context: Any = multiprocessing.get_context("spawn")
    pool: Pool = context.Pool(PROCESSES, _begin)
    return pool


def _run(function: Callable[..., T], args: tuple[Any, ...], words: dict[str, Any]) -> T:
    """Call it; the pool waits for ever for what is raised and is no Exception."""
    try:
        return function(*args, **words)
    except Exception:
        raise
    except BaseException as error:
        raise RuntimeError(repr(error)) from error


def _begin() -> None:
    """Ctrl-C is for the process that started us; what we print would be nobody's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115
