"""FINDINGS.md: what the model knows to be wrong in 7.3 and in `pernet`'s first choices, as pages.

Made from the catalogue (story, scenario, where it was seen), from what `bugs --check` just saw
(finding, effort, token), and from the folders of hunts (`fuzz --out DIR`).  Reverted patches are no
findings and are left out.  What a person made of a hunt's finding stands in `judged.txt` in its
folder; without it the page says that nobody has judged it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..iproute import parse_script
from ..kernel.documents import Fields
from ..kernel.fixes import FIXES
from .bugs import Entry
from .check_result import CheckResult
from .fuzz.reproduce import reproduce_script

__all__ = ["Hunt", "Hunted", "findings_page", "hunt_of"]

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
    judged: str
    """What a person says of it; empty: nobody has looked."""


@dataclass(frozen=True, slots=True)
class Hunt:
    """One hunt: how much it looked at, and its causes."""

    setting: str
    cpu_seconds: float
    scripts: int
    schedules: int
    causes: tuple[Hunted, ...]


def hunt_of(folder: Path) -> Hunt:
    """What a hunt's folder holds.  Raises: OSError, ValueError (not what `fuzz` writes)."""
    state = _document(folder / "state.json", "the state of a hunt")
    causes = tuple(_read(path) for path in sorted((folder / "findings").glob("*/finding.json")))
    try:
        return Hunt(
            f"{state['rtnl']} --workers {state['workers']}",
            float(state.get("cpu_seconds", 0.0)),
            int(state["scripts"]),
            int(state["schedules"]),
            causes,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder}/state.json: not the state of a hunt: {error}") from error


def _document(path: Path, what: str) -> Fields:
    with path.open("rb") as file:
        raw = file.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise ValueError(f"{path}: more than {BYTES_MAX} bytes")
    try:
        document = json.loads(raw)
        if not isinstance(document, dict):
            raise TypeError("no object")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not {what}: {error}") from error
    return document


def _read(path: Path) -> Hunted:
    document = _document(path, "a finding of a hunt")
    try:
        cause, setting = document["cause"], document["setting"]
        script = path.with_name("script.ip").read_text(encoding="utf-8")
        judged = path.with_name("judged.txt")
        return Hunted(
            str(cause["id"]),
            str(cause["kind"]),
            str(document["finding"]["title"]),
            tuple(str(tag) for tag in cause["tags"]),
            f"{setting['rtnl']} --workers {setting['workers']}",
            "".join(line for line in script.splitlines(keepends=True) if line[:1] != "#"),
            str(document["finding"].get("replay", "")),
            judged.read_text(encoding="utf-8") if judged.is_file() else "",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a finding of a hunt: {error}") from error


def findings_page(
    entries: Iterable[Entry], results: Mapping[str, CheckResult], hunts: Sequence[Hunt] = ()
) -> str:
    """The text of FINDINGS.md."""
    chosen = [entry for entry in entries if entry.kind in FINDING_KINDS]
    causes = once_each(hunts)
    lines = [
        "# Findings",
        "",
        "Made by `rtnl-model bugs --check --findings FILE --hunt DIR …`; do not edit.",
        "",
        "Which of them are defects of Linux 7.3 as it is, and which RTNL masks there, so that they",
        "become real for whoever removes it, stands in the last column.  Every page has a script,",
        "mostly a token that replays one schedule of it step by step",
        "(`rtnl-model replay TOKEN --columns`), and a loop for a real kernel.",
        "",
        "| id | title | regime | how found | schedules needed | token | on a real 7.3 | upstream |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(entry, results.get(entry.id)) for entry in chosen]
    lines += ["", *_hunts(hunts)]
    for entry in chosen:
        lines += ["", *_entry_page(entry, results.get(entry.id))]
    for cause in causes:
        lines += ["", *_hunted_page(cause)]
    return "\n".join(lines) + "\n"


def once_each(hunts: Sequence[Hunt]) -> list[Hunted]:
    """Each cause once, with every setting in which it was met; what was judged stays judged."""
    found: dict[str, Hunted] = {}
    for cause in (cause for hunt in hunts for cause in hunt.causes):
        old = found.get(cause.ident)
        if old is not None:
            settings = dict.fromkeys((*old.setting.split(", "), cause.setting))
            judged = old.judged or cause.judged
            cause = replace(old, setting=", ".join(settings), judged=judged)
        found[cause.ident] = cause
    return list(found.values())


_HOW = {"run": "every run", "race": "free runs", "explore": "exploration"}
UNREPORTED = "no report or fix of it is known to us"


def upstream_of(entry: Entry) -> str:
    """Where it stands in Linux, as far as is known here."""
    if entry.classes:
        return "not in 7.3-rc7 as it is: the page puts it back"
    seen = "seen in" in entry.real_kernel.replace("not seen in", "")
    if entry.kind == "known" or seen:
        return f"in 7.3-rc7; {UNREPORTED}"
    return f"7.3-rc7 has the code, RTNL masks it; {UNREPORTED}"


def _row(entry: Entry, result: CheckResult | None) -> str:
    seen = _cell(entry.real_kernel) or "not tried"
    token = f"[{result.token[:12]}…](#{_anchor(entry.id)})" if result and result.token else "none"
    cells = (
        f"[{entry.id}](#{_anchor(entry.id)})",
        _cell(entry.title),
        str(entry.setting),
        _HOW[entry.search],
        _cell(result.effort) if result is not None else "not run",
        token,
        seen.partition(".  ")[0],
        upstream_of(entry),
    )
    return f"| {' | '.join(cells)} |"


def _hunts(hunts: Sequence[Hunt]) -> Iterator[str]:
    """How long was hunted, and what each cause turned out to be."""
    if not hunts:
        return
    yield "## Hunts"
    yield ""
    yield "| setting | CPU time | scripts | schedules | causes |"
    yield "|---|---|---|---|---|"
    for hunt in hunts:
        yield (
            f"| {hunt.setting} | {hunt.cpu_seconds / 60:.0f} min | {hunt.scripts} "
            f"| {hunt.schedules} | {len(hunt.causes)} |"
        )
    yield ""
    yield "| cause | title | setting | known as | judged |"
    yield "|---|---|---|---|---|"
    for cause in once_each(hunts):
        tags = ", ".join(tag.removeprefix("known:") for tag in cause.tags)
        judged = cause.judged or ("the known defect" if tags else "not judged yet")
        yield (
            f"| [{cause.ident}](#{_anchor(cause.ident)}) | {_cell(cause.title)} | {cause.setting} "
            f"| {_cell(tags) or 'nothing'} | {_cell(judged)} |"
        )


def _entry_page(entry: Entry, result: CheckResult | None) -> Iterator[str]:
    yield f"## {entry.id}"
    yield ""
    yield f"**{entry.title}** ({entry.kind}, `{entry.setting}`)"
    yield ""
    fix = next((fix for fix in FIXES if fix.id == entry.id), None)
    for head, text in (
        ("What the code does", entry.what),
        ("Interleaving", entry.interleaving),
        ("What a user sees", entry.symptom),
        ("Source", entry.source),
        ("On a real 7.3", entry.real_kernel or "not tried"),
        ("Upstream", upstream_of(entry)),
        ("A fix that holds in the model", f"{fix.title}.  {fix.story}" if fix else ""),
    ):
        if text:
            yield f"- {head}: {_cell(text)}"
    if result is not None:
        yield f"- Here: {result.found or 'not seen'}; without it: {result.twin or 'clean'}"
    yield from _script(entry.scenario)
    if result is not None and result.token:
        yield from _script(result.token)
    yield from _loop(entry.scenario, entry.id, entry.title)


def _hunted_page(cause: Hunted) -> Iterator[str]:
    yield f"## {cause.ident}"
    yield ""
    yield f"**{cause.kind}: {cause.title}** (found by `rtnl-model fuzz`, `{cause.setting}`)"
    yield ""
    yield f"- Judged: {_cell(cause.judged) or ('the known defect' if cause.tags else 'not yet')}"
    yield from _script(cause.script)
    if cause.token:
        yield from _script(cause.token)
    if not (cause.judged or cause.tags):  # else the entry's page has it, or Linux is not asked
        yield from _loop(cause.script, cause.ident, cause.title)


def _loop(script: str, name: str, title: str) -> Iterator[str]:
    """The same for a real kernel, folded away."""
    text = reproduce_script(parse_script(script, name, strict=False), title=title)
    yield ""
    yield "<details><summary>a loop for a real kernel</summary>"
    yield from _script(text)
    yield ""
    yield "</details>"


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
