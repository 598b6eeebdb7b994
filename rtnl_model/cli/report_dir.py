"""`--report DIR`: checked before the run, written after it.

The folder itself is made by `rtnl_model.view.report`; here stands only what the command line adds:
the directory must be usable before anything runs, and `run.json` is always there to write the
folder again from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lockcheck

from ..kernel.kernel import Kernel
from .status import CallError

__all__ = ["prepare_report", "write_report", "write_reports"]

Part = tuple[lockcheck.Checker, Kernel, dict[str, Any]]


def prepare_report(path: str | None) -> Path | None:
    """Make the directory, or say why not, before the run. Raises: CallError."""
    if path is None:
        return None
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CallError(f"--report {path}: {error.strerror or error}") from error
    return folder


def write_report(folder: Path, chk: lockcheck.Checker, k: Kernel, document: dict[str, Any]) -> None:
    """Write the report folder of one run. Raises: OSError."""
    from ..view import report

    report.write_folder(folder, chk, k, document)


def write_reports(folder: Path, parts: Sequence[Part]) -> None:
    """Write the folders of several runs: one in `folder`, more in folders named by regime."""
    if len(parts) == 1:
        write_report(folder, *parts[0])
        return
    for chk, k, document in parts:
        inner = folder / str(document["regime"])
        inner.mkdir(exist_ok=True)
        write_report(inner, chk, k, document)
