"""FINDINGS.md: what the model knows to be wrong in 7.3 and in `pernet`'s first choices, as pages.

Made from the catalogue (story, scenario, where it was seen), from what `bugs --check` just saw
(finding, effort, token), and from the folders of hunts (`fuzz --out DIR`).  Reverted patches are no
findings and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .bugs import Entry
from .check_result import CheckResult

__all__ = ["Hunted", "findings_page", "hunted"]

FINDING_KINDS = ("known", "candidate", "fix")
BYTES_MAX = 4 << 20


@dataclass(frozen=True, slots=True)
class Hunted:
    """One cause that a hunt left in its folder."""

    ident: str
    kind: str
    title: str
    tags: tuple[str, ...]
    setting: str
    script: str
    token: str


def hunted(folder: Path) -> list[Hunted]:
    """The causes in a hunt's folder.  Raises: OSError, ValueError (not what `fuzz` writes)."""
    return [_read(path) for path in sorted((folder / "findings").glob("*/finding.json"))]


def _read(path: Path) -> Hunted:
    with path.open("rb") as file:
        raw = file.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise ValueError(f"{path}: more than {BYTES_MAX} bytes")
    try:
        document = json.loads(raw)
        cause, setting = document["cause"], document["setting"]
        script = path.with_name("script.ip").read_text(encoding="utf-8")
        return Hunted(
            str(cause["id"]),
            str(cause["kind"]),
            str(document["finding"]["title"]),
            tuple(str(tag) for tag in cause["tags"]),
            f"{setting['rtnl']} --workers {setting['workers']}",
            "".join(line for line in script.splitlines(keepends=True) if line[:1] != "#"),
            str(document["finding"].get("replay", "")),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a finding of a hunt: {error}") from error


def findings_page(
    entries: Iterable[Entry], results: Mapping[str, CheckResult], hunts: Sequence[Hunted] = ()
) -> str:
    """The text of FINDINGS.md."""
    chosen = [entry for entry in entries if entry.kind in FINDING_KINDS]
    lines = [
        "# Findings",
        "",
        "Made by `rtnl-model bugs --check --findings FILE`; do not edit.",
        "A defect of `small` is Linux 7.3's own, masked by RTNL or by luck; one of `pernet` would",
        "be real once RTNL is gone.  A token replays its schedule: `rtnl-model replay TOKEN`.",
        "",
        "| id | title | regime | how found | effort | on a real 7.3 |",
        "|---|---|---|---|---|---|",
    ]
    for entry in chosen:
        result = results.get(entry.id)
        effort = result.effort if result is not None else "not run"
        seen = _cell(entry.real_kernel) or "not tried"
        lines.append(
            f"| [{entry.id}](#{_anchor(entry.id)}) | {_cell(entry.title)} | {entry.setting} "
            f"| {_HOW[entry.search]} | {_cell(effort)} | {seen} |"
        )
    lines += [
        f"| [{cause.ident}](#{_anchor(cause.ident)}) | {_cell(cause.title)} | {cause.setting} "
        f"| fuzz | {_cell(', '.join(cause.tags)) or 'no known cause'} | see its page |"
        for cause in hunts
    ]
    for entry in chosen:
        lines += ["", *_entry_page(entry, results.get(entry.id))]
    for cause in hunts:
        lines += ["", *_hunted_page(cause)]
    return "\n".join(lines) + "\n"


_HOW = {"run": "every run", "race": "free runs", "explore": "exploration"}


def _entry_page(entry: Entry, result: CheckResult | None) -> Iterator[str]:
    yield f"## {entry.id}"
    yield ""
    yield f"**{entry.title}** ({entry.kind}, `{entry.setting}`)"
    yield ""
    for head, text in (
        ("What the code does", entry.what),
        ("Interleaving", entry.interleaving),
        ("What a user sees", entry.symptom),
        ("Source", entry.source),
        ("On a real 7.3", entry.real_kernel or "not tried"),
    ):
        yield f"- {head}: {_cell(text)}"
    if result is not None:
        yield f"- Here: {result.found or 'not seen'}; without it: {result.twin or 'clean'}"
    yield from _script(entry.scenario)
    if result is not None and result.token:
        yield from _script(result.token)


def _hunted_page(cause: Hunted) -> Iterator[str]:
    yield f"## {cause.ident}"
    yield ""
    yield f"**{cause.kind}: {cause.title}** (found by `rtnl-model fuzz`, `{cause.setting}`)"
    yield from _script(cause.script)
    if cause.token:
        yield from _script(cause.token)


def _script(text: str) -> Iterator[str]:
    yield ""
    yield "```"
    yield text.strip()
    yield "```"


def _cell(text: str) -> str:
    """Text that stays in its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _anchor(ident: str) -> str:
    """The anchor that renderers make of a heading."""
    return "".join(c for c in ident.lower() if c.isalnum() or c in "-_")
