"""Python's other explorers and race detectors beside lockcheck: what each finds, and how fast.

`python -m benchmarks peers` makes an environment for each tool with the newest Python of this
machine that can have it, runs the 42 programs of `peer_programs` under each, and prints two tables:
found, missed and false per program, and schedules a second.  The environments are removed again.  A
tool that cannot be had is listed with pip's own words; a program that ends in neither a finding nor
a pass within `SECONDS_MAX` counts as not found.

`--quick`: two faults and their twins only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.bench import Run
from benchmarks.peer_programs import BUGGY, RIGHT, SPEED, TWINS
from benchmarks.table import Table
from lockcheck import __version__

__all__ = ["DESCRIPTION", "run"]

DESCRIPTION = "other explorers and race detectors: what they find in 42 programs, and how fast"

PEERS: Final = ("interleave-test", "frontrun", "ploom", "threadcheck")
PYTHONS: Final = ("3.14", "3.13", "3.12")
SECONDS_MAX: Final = 40
INSTALL_SECONDS_MAX: Final = 120
SCHEDULES: Final = 300
HERE: Final = Path(__file__).resolve().parent
PROGRAMS: Final = HERE / "peer_programs.py"


@dataclass(frozen=True)
class Tool:
    """One tool, ready to run, or why not."""

    name: str
    version: str = ""
    python: str = ""
    command: tuple[str, ...] = ()
    reason: str = ""


def run(run: Run) -> None:
    """Install, run all programs under each tool, print both tables."""
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        tools = [_ours(), *(_install(Path(folder), name) for name in PEERS)]
        ready = [tool for tool in tools if tool.command]
        for tool in tools:
            if tool.command:
                run.note(f"{tool.name} {tool.version} on Python {tool.python}")
            else:
                run.note(f"{tool.name} is not here: {tool.reason}")
        _found(run, ready)
        _speed(run, ready)


def _found(run: Run, tools: Sequence[Tool]) -> None:
    buggy = BUGGY[:2] if run.quick else BUGGY
    right = TWINS[:2] if run.quick else (*TWINS, *RIGHT)
    table = Table("programs", ["program", *(tool.name for tool in tools)])
    totals = {tool.name: [0, 0] for tool in tools}
    for name in (*buggy, *right):
        cells = []
        for tool in tools:
            got = _one(tool, name, SCHEDULES)
            faulty = name in buggy
            totals[tool.name][0 if faulty else 1] += bool(got["found"])
            if faulty:
                cells.append("found" if got["found"] else "missed")
            else:
                cells.append("FALSE" if got["found"] else "passed")
            run.data(f"{tool.name}/{name}", got)
        table.add(name, *cells)
    table.add(
        f"{len(buggy)} faults / {len(right)} right ones",
        *(f"{found} found, {false} false" for found, false in totals.values()),
    )
    run.table(table)


def _speed(run: Run, tools: Sequence[Tool]) -> None:
    table = Table("schedules a second", ["program", *(tool.name for tool in tools)])
    schedules = 60 if run.quick else 300
    for name in SPEED:
        cells = []
        for tool in tools:
            many = _one(tool, name, schedules)
            few = _one(tool, name, 1)
            ran = int(many["schedules"]) - int(few["schedules"])
            seconds = float(many["seconds"]) - float(few["seconds"])
            cells.append(f"{ran / seconds:.0f}" if ran > 1 and seconds > 0 else "–")
            run.data(f"speed/{tool.name}/{name}", [many, few])
        table.add(name, *cells)
    run.table(table)


def _one(tool: Tool, program: str, schedules: int) -> dict[str, Any]:
    """Run one program under one tool, in a process of its own."""
    command = [*tool.command, program, str(schedules)]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
            env={**os.environ, "PYTHONPATH": str(HERE.parent) if tool.name == "lockcheck" else ""},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        seconds = time.perf_counter() - began
        return {"found": False, "said": "no end", "schedules": 0, "seconds": seconds}
    for line in reversed(done.stdout.splitlines()):
        if line.startswith('{"found"'):
            found: dict[str, Any] = json.loads(line)
            return found
    said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
    return {"found": False, "said": said, "schedules": 0, "seconds": 0.0}


def _ours() -> Tool:
    python = ".".join(map(str, sys.version_info[:2]))
    command = (sys.executable, str(HERE / "peer_lockcheck.py"), str(PROGRAMS))
    return Tool("lockcheck", __version__, python, command)


def _install(folder: Path, name: str) -> Tool:
    """Make an environment with the newest Python that can have the tool."""
    reason = "no Python for it"
    for version, python in _pythons():
        place = folder / f"{name}-{version}"
        try:
            _call([python, "-m", "venv", str(place)])
            own = str(place / "bin" / "python")
            pip = [own, "-m", "pip", "--quiet", "--disable-pip-version-check"]
            _call([*pip, "install", "--only-binary", ":all:", name])
            shown = _call([own, "-m", "pip", "show", name])
        except subprocess.TimeoutExpired as error:
            reason = f"took over {error.timeout:g} s"
            continue
        except (subprocess.CalledProcessError, OSError) as error:
            text = str(getattr(error, "stderr", "") or error).strip()
            lines = [line for line in text.splitlines() if line.startswith("ERROR")]
            reason = (lines or text.splitlines() or ["no output"])[-1][:110]
            continue
        installed = next(
            line.partition(": ")[2] for line in shown.splitlines() if line.startswith("Version")
        )
        worker = (own, str(HERE / "peer_explorers.py"), name, str(PROGRAMS))
        launcher = place / "bin" / "frontrun"
        command = (str(launcher), *worker) if launcher.exists() else worker
        return Tool(name, installed, version, command)
    return Tool(name, reason=reason)


def _pythons() -> list[tuple[str, str]]:
    """Interpreters of this machine that start, the newest first; this one last."""
    kept = Path.home() / ".pyenv" / "versions"
    found = []
    for version in PYTHONS:
        places = sorted(map(str, kept.glob(f"{version}.*/bin/python")), reverse=True)
        for python in (*places, shutil.which(f"python{version}")):
            if python is not None and _starts(python):
                found.append((version, python))
                break
    own = ".".join(map(str, sys.version_info[:2]))
    return [*found, (own, sys.executable)]


def _starts(python: str) -> bool:
    try:
        _call([python, "-c", "import venv, ensurepip"])
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _call(command: Sequence[str]) -> str:
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX
    ).stdout
