"""How far the model goes: thousands of namespaces, each with a worker thread, and many devices.

Every size runs in a process of its own (`scale_worker.py`), so that memory is what that size needed
and a system that refuses threads refuses there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench import Refused
from benchmarks.svg import LinePlot, Point, Series, grid
from benchmarks.table import Table

if TYPE_CHECKING:
    from benchmarks.bench import Run

__all__ = ["DESCRIPTION", "run"]

DESCRIPTION = "time and memory of thousands of namespaces and of 100 000 devices"

LINEAR_MAX = 1.5
"""Tear-down a piece at the largest size, over that at the smallest of at least 1 000."""
ROOT = Path(__file__).resolve().parents[1]


def run(run: Run) -> None:
    """Namespaces, then devices.  Raises: Refused when the system has not enough threads."""
    spaces = (10, 100, 400) if run.quick else (10, 100, 1_000, 5_000)
    devices = (1_000, 3_000) if run.quick else (1_000, 10_000, 100_000)
    plots = []
    for what, sizes in (("namespaces", spaces), ("devices", devices)):
        table = Table(
            f"{what}" + (" (each with lo and a worker thread)" if what == "namespaces" else
                         ": dummies in 10 namespaces, torn down by deleting these"),
            [what, "create s", "CPU us each", "KiB each", "threads", "tear-down s", "CPU us each"],
            digits=1,
        )  # fmt: skip
        found = []
        for size in sizes:
            run.progress(f"{size} {what}")
            one = _measure(what, size)
            found.append(one)
            table.add(
                size,
                one["create"],
                round(1e6 * one["create_cpu"] / size),
                round(one["bytes"] / size / 1024, 1),
                one["threads"],
                one["destroy"],
                round(1e6 * one["destroy_cpu"] / size),
            )
        each = {size: one["destroy_cpu"] / size for size, one in zip(sizes, found, strict=True)}
        first = next((size for size in sizes if size >= 1_000), sizes[-2])
        growth = each[sizes[-1]] / each[first]
        table.notes.append(
            f"CPU time of tear-down a piece, {sizes[-1]:,} against {first:,}: {growth:.2f} times "
            f"({'linear' if growth <= LINEAR_MAX else 'NOT linear'}: up to {LINEAR_MAX:g})"
        )
        if what == "namespaces" and sysconfig.get_config_var("Py_GIL_DISABLED"):
            table.notes.append("free-threaded: much of it goes through what ended threads left in "
                               "the interpreter's allocator")  # fmt: skip
        run.table(table)
        run.data(what, dict(zip(map(str, sizes), found, strict=True)))
        lines = [
            Series(name, [Point(size, 1e6 * one[key] / size) for size, one in
                          zip(sizes, found, strict=True)])
            for name, key in (("create", "create_cpu"), ("tear down", "destroy_cpu"))
        ]  # fmt: skip
        plots.append(
            LinePlot(f"CPU microseconds a piece, by {what}", what, "us", lines, log_x=True)
        )
    run.plot("scale", grid(plots))


def _measure(what: str, size: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale_worker", what, str(size)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    if done.returncode == 2:
        raise Refused(done.stderr.strip().splitlines()[-1])
    if done.returncode:
        raise RuntimeError(f"{what} {size}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
