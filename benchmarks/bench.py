"""`Run`: what a benchmark gets, and where its tables, plots and numbers go.

A benchmark is a module with `DESCRIPTION` (one line) and `run(run)`; it calls `run.table(...)`
when a table is complete (printed at once), `run.plot(name, svg)`, `run.data(name, value)` and
`run.note(...)`.  Files are written when the benchmark ends, each atomically (a temporary file in
the same folder, then a rename), so an interrupted run leaves whole files only.
"""

from __future__ import annotations

import json
import os
import platform
import random
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any, TextIO

from benchmarks.page import page_of
from benchmarks.table import Table
from lockcheck.render.atomic_file import write_text

__all__ = ["Refused", "Run", "machine"]


class Refused(Exception):  # noqa: N818  (named for the situation: the system refused)
    """The system or the input does not allow this benchmark: one line for the user, status 2."""


class Run:
    """One call of `python -m benchmarks`."""

    def __init__(
        self,
        out: Path,
        *,
        seed: int,
        quick: bool = False,
        stretch: float = 20.0,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.out = out
        self.seed = seed
        self.quick = quick
        self.stretch = stretch
        """Factor on every modelled wait; rates are scaled back by it."""
        self.benchmark = ""
        """Name of the one that runs."""
        self._stdout = stdout or sys.stdout
        self._stderr = stderr or sys.stderr
        self._results: dict[str, Any] = {
            "schema": "rtnl-model/benchmarks/1",
            "machine": machine(),
            "seed": seed,
            "quick": quick,
            "stretch": stretch,
            "benchmarks": {},
        }
        self._plots: dict[str, str] = {}
        self._shown = 0.0
        self._began = time.monotonic()
        self._on_terminal = self._stderr.isatty()

    def rng(self, name: str) -> random.Random:
        """A random source of its own for each use, so that one more use changes no other."""
        return random.Random(f"{self.seed}/{self.benchmark}/{name}")

    # -- results --------------------------------------------------------------------------------

    def begin(self, benchmark: str, description: str) -> None:
        """Start a benchmark's section."""
        self.benchmark = benchmark
        self._section: dict[str, Any] = {
            "description": description,
            "tables": [],
            "notes": [],
            "data": {},
        }
        self._results["benchmarks"][benchmark] = self._section
        self._say(f"\n== {benchmark}: {description}\n")

    def end(self, seconds: float) -> None:
        """Close it and write results.json again."""
        self._section["seconds"] = seconds
        self.save()

    def table(self, table: Table) -> None:
        """Print and keep a table."""
        self._section["tables"].append(table.to_dict())
        self._say(f"{table}\n")

    def note(self, text: str) -> None:
        """Print and keep a sentence."""
        self._section["notes"].append(text)
        self._say(text)

    def data(self, name: str, value: Any) -> None:
        """Keep raw numbers (JSON values) for results.json."""
        self._section["data"][name] = value

    def plot(self, name: str, svg: str) -> None:
        """Write a plot as `NAME.svg`."""
        write_text(self.out / f"{name}.svg", svg)
        self._plots[f"{name}.svg"] = svg
        self._section.setdefault("plots", []).append(f"{name}.svg")

    def save(self) -> None:
        """Write results.json, and the page of it."""
        text = json.dumps(self._results, indent=1, ensure_ascii=False)
        write_text(self.out / "results.json", text + "\n")
        write_text(self.out / "index.html", page_of(json.loads(text), self._plots))

    # -- streams --------------------------------------------------------------------------------

    def progress(self, text: str) -> None:
        """Replace the progress line; at most five times a second, only on a terminal."""
        now = time.monotonic()
        if self._on_terminal and now - self._shown >= 0.2:
            self._shown = now
            spent = now - self._began
            self._stderr.write(f"\r\x1b[K{spent:4.0f} s  {self.benchmark}: {text}"[:140])
            self._stderr.flush()

    def _say(self, text: str) -> None:
        if self._on_terminal:
            self._stderr.write("\r\x1b[K")
            self._stderr.flush()
        print(text, file=self._stdout, flush=True)


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "load": [round(x, 2) for x in os.getloadavg()],
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "build": "free-threaded" if free_threaded else "with GIL",
        "gil_enabled": gil,
        "optimised": "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")),
        "date": time.strftime("%Y-%m-%d %H:%M"),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
