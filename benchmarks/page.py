"""`index.html` of a run of benchmarks: its tables, sorted and searched as those of other reports.

One section a benchmark, with its tables, plots and notes.  `sharpness` has a section a build more:
every mutant, whether it was noticed, and by what, or why not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lockcheck.render.html import page
from lockcheck.render.html_tables import Column, table

__all__ = ["page_of"]

Section = tuple[str, str, int | None, str]


def page_of(results: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    """Return the page of `results.json`.  `plots`: SVG texts by file name."""
    sections: list[Section] = []
    for name, section in results["benchmarks"].items():
        sections.append((name, name, None, _section(name, section, plots)))
        if name == "sharpness":
            sections += _mutants(section["data"])
    machine = results["machine"]
    said = f"{machine['cpu']}, {machine['cpus']} CPUs, load {machine['load'][0]}"
    python = f"{machine['implementation']} {machine['python']} {machine['build']}"
    names = ", ".join(results["benchmarks"]) or "nothing"
    under = escape(f"{python} · {machine['date']} · seed {results['seed']}")
    return page(f"benchmarks: {names}", said, under, sections, mood="known")


def _section(name: str, section: Mapping[str, Any], plots: Mapping[str, str]) -> str:
    parts = [f"<p>{escape(str(section['description']))}</p>"]
    for number, each in enumerate(section["tables"]):
        parts.append(f"<h3>{escape(str(each['title']))}</h3>")
        parts.append(_table(f"{name}-{number}", each["columns"], each["rows"]))
        parts += [f"<p>{escape(str(note))}</p>" for note in each["notes"]]
    parts += [plots[plot] for plot in section.get("plots", ()) if plot in plots]
    parts += [f"<p>{escape(str(note))}</p>" for note in section["notes"]]
    return "".join(parts)


def _table(ident: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    numbers = [
        bool(rows) and all(isinstance(row[at], int | float | None) for row in rows)
        for at in range(len(heads))
    ]
    columns = [
        Column(head, "num" if number else "name" if at == 0 else "text")
        for at, (head, number) in enumerate(zip(heads, numbers, strict=True))
    ]
    cells = [[_cell(value) for value in row] for row in rows]
    return table(ident, columns, cells, search="search")


def _cell(value: Any) -> str | int | float:
    """A figure is a dictionary with its median, least and most."""
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        return f"{value['median']:.3g} ({value['min']:.3g}–{value['max']:.3g})"
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return value if isinstance(value, str | int) else str(value)


def _mutant(each: Mapping[str, Any]) -> str:
    where = (
        f"{each['file']}:{each['line']} {each['function']}" if each["file"] else each["function"]
    )
    return f"{each['what']} ({where})" if each["what"] else str(where)


def _mutants(data: Mapping[str, Any]) -> list[Section]:
    columns = (
        Column("mutant", "name"), Column("class"), Column("noticed"),
        Column("by what, or why not"), Column("schedules", "num"), Column("scripts", "mono"),
    )  # fmt: skip
    found: list[Section] = []
    for regime, verdicts in data.items():
        rows = [
            (_mutant(v["mutant"]), str(v["mutant"]["kind"]),
             "yes" if v["caught"] else "no", str(v["how"]), int(v["schedules"]),
             ", ".join(map(str, v["scripts"][:4])))
            for v in verdicts
        ]  # fmt: skip
        missed = {at for at, row in enumerate(rows) if row[2] == "no" and row[1] != "control"}
        ident = f"mutants-{regime}"
        body = table(f"{ident}-data", columns, rows, missed, search="search mutants")
        found.append((ident, f"Mutants in {regime}", len(rows), body))
    return found
