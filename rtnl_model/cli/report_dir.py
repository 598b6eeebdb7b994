"""`--report DIR`: checked before the run, written after it.

The folder itself is made by `rtnl_model.view.report`; here stands only what the command line adds:
the directory must be usable before anything runs, and `run.json` is always there to write the
folder again from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import lockcheck

from ..kernel.documents import Fields
from .status import CallError

__all__ = ["page_of", "prepare_folder", "prepare_report", "write_report", "write_reports"]

Part = tuple[lockcheck.Checker, Fields]


def prepare_report(path: str | None) -> Path | None:
    """Make the directory, or say why not, before the run. Raises: CallError."""
    return None if path is None else prepare_folder(path, "--report")


def prepare_folder(path: str, option: str) -> Path:
    """The same for another option's directory. Raises: CallError."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CallError(f"{option} {path}: {error.strerror or error}") from error
    return folder


def write_report(
    folder: Path,
    chk: lockcheck.Checker,
    document: Fields,
    timeline: Fields | None = None,
) -> None:
    """Write the report folder of one run. Raises: OSError."""
    from ..view import report

    report.write_folder(folder, chk, document, timeline)


def write_reports(folder: Path, parts: Sequence[Part]) -> None:
    """Write the folders of several runs: one in `folder`; more below it, named by regime."""
    if len(parts) == 1:
        write_report(folder, *parts[0])
        return
    pages = [page_of(document) for _chk, document in parts]
    for chk, document in parts:
        inner = folder / str(document["regime"])
        inner.mkdir(exist_ok=True)
        others = [
            {**page, "href": f"../{page['href']}"}
            for page in pages
            if not page["href"].startswith(f"{document['regime']}/")
        ]
        write_report(inner, chk, {**document, "pages": others})
    write_report(folder, parts[0][0], {**parts[0][1], "pages": pages[1:]})


def page_of(document: Fields) -> dict[str, str]:
    """A link to the page of one part."""
    count = len(document.get("findings", ()))
    found = f"{count} finding{'' if count == 1 else 's'}" if count else "nothing found"
    regime = str(document["regime"])
    what = "the example" if "ops" in document else "a stress"
    where = f"{regime}, one worker" if document.get("workers") == "percpu" else regime
    return {"href": f"{regime}/index.html", "title": f"{what} in {where}: {found}"}
