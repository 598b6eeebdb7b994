"""Python peers of the lock checker, installed for the occasion into environments of their own.

Neither finds what lockcheck finds (`README.md`); the question is only what they cost.  An
environment is made in a temporary folder and removed; a peer that pip cannot install without
compiling, or that does not run on this interpreter, is listed as that, in pip's own words.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["PEERS", "PeerResult", "measure_peer"]

PEERS = ("locklib", "threadle")
INSTALL_SECONDS_MAX = 90
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class PeerResult:
    """Numbers, or why there are none."""

    name: str
    version: str = ""
    usage: str = ""
    nanoseconds: dict[str, list[float]] | None = None
    reason: str = ""


def measure_peer(name: str, *, rounds: int, count: int) -> PeerResult:
    """Install `name` and time it."""
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        try:
            python = _install(Path(folder), name)
            found = _measure(python, name, rounds, count)
        except subprocess.TimeoutExpired as error:
            return PeerResult(name, reason=f"took over {error.timeout:g} s")
        except subprocess.CalledProcessError as error:
            return PeerResult(name, reason=_reason(error.stderr or error.stdout or ""))
    return PeerResult(name, found["version"], found["usage"], found["nanoseconds"])


def _install(folder: Path, name: str) -> str:
    _call([sys.executable, "-m", "venv", str(folder)])
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _call([*pip, "install", "--only-binary", ":all:", "structlog", name])
    return python


def _measure(python: str, name: str, rounds: int, count: int) -> dict[str, Any]:
    out = _call([python, "-m", "benchmarks.peer_worker", name, str(rounds), str(count)])
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def _reason(output: str) -> str:
    """The most useful line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")]
    return (errors or lines or ["no output"])[-1][:110]


def _call(command: list[str]) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS_MAX,
        cwd=ROOT,
        env=environment,
    ).stdout
