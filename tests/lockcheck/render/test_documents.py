"""Documents made of a recorded graph: /proc tables, DOT, Chrome trace, page, folder."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import lockcheck
from lockcheck.render import chrome, dot, json_, proc
from lockcheck.render.folder import FolderError, index_page, write_folder
from lockcheck.render.html_tables import Column, table
from lockcheck.sync.recorder import Recorder

sys.path.insert(0, str(Path(__file__).parent))

from reports import finding, ring

FILES = {
    "index.html", "graph.json", "graph.dot", "findings.json", "lockdep.txt",
    "lockdep_chains.txt", "lockdep_stats.txt", "lock_stat.txt", "trace.json", "run.json",
}  # fmt: skip


@pytest.fixture
def chk() -> lockcheck.Checker:
    """A checker that has seen a -> b, b -> a, a reader, and a recorder's spans."""
    made = lockcheck.Checker(recorder=Recorder())
    a, b, w = made.Lock("a"), made.Lock("b"), made.RWLock("w")
    with a, b:
        pass
    with w.reading(), a:
        pass

    def other() -> None:
        with b, a:
            pass

    for body in (other, other):
        thread = made.Thread(target=body, name="other")
        thread.start()
        thread.join()
    return made


def test_lockdep_txt_is_laid_out_as_the_kernels(chk: lockcheck.Checker) -> None:
    """Key, FD, BD, four usage characters, name; then the direct successors; then a blank."""
    lines = proc.lockdep(chk.graph.to_dict()).splitlines()

    assert lines[0] == "all lock classes:"
    row = re.compile(r"[0-9a-f]{16} FD: {0,4}\d+ BD: {0,4}\d+ [.+?-]{4}: \S.*")
    arrow = re.compile(r" -> \[[0-9a-f]{16}\] \S.*")
    assert all(row.fullmatch(x) or arrow.fullmatch(x) or not x for x in lines[1:])
    at = next(i for i, x in enumerate(lines) if x.endswith(": a"))
    assert lines[at + 1].endswith("] b")


def test_lockdep_chains_txt_lists_every_chain(chk: lockcheck.Checker) -> None:
    """One block a chain, oldest lock first."""
    text = proc.lockdep_chains(chk.graph.to_dict())
    blocks = [block.splitlines() for block in text.split("\n\n") if "irq_context" in block]

    assert len(blocks) == len(chk.graph.to_dict()["chains"])
    assert ["a", "b"] in [
        [line.split("] ")[1] for line in block if "]" in line] for block in blocks
    ]


def test_lockdep_stats_txt_counts(chk: lockcheck.Checker) -> None:
    """Each line is a name, a colon and a number in the kernel's columns."""
    text = proc.lockdep_stats(chk.graph.to_dict())

    assert all(re.fullmatch(r" [a-z0-9 -]+: +\d+|  ?debug_locks: +1", x.replace("_", " ", 1)
                            if "debug" not in x else x) for x in text.splitlines())  # fmt: skip
    assert re.search(r"lock-classes: +3\n", text)
    assert re.search(r"direct dependencies: +3\n", text)


def test_lock_stat_txt_has_a_row_a_class_most_contended_first(chk: lockcheck.Checker) -> None:
    """Twelve columns; hold times come from the recorder."""
    assert chk.recorder is not None
    lines = proc.lock_stat(chk.graph.to_dict(), chk.recorder.to_dict()).splitlines()
    rows = {line.split(":")[0].strip(): line.split(":")[1].split() for line in lines[5:]}

    assert lines[0] == "lock_stat version 0.4"
    assert set(rows) == {"a", "b", "w"}
    assert all(len(cells) == 12 for cells in rows.values())
    assert int(rows["a"][7]) == 4
    assert float(rows["a"][10]) > 0


def test_dot_quotes_names_and_marks_what_is_in_findings() -> None:
    """A class name with quotes and backslashes survives; a finding's edges are red."""
    chk = lockcheck.Checker()
    odd, plain = chk.Lock('q"\\uote'), chk.Lock("plain")
    with odd, plain:
        pass
    graph = chk.graph.to_dict()
    graph["reports"] = [finding("circular", ring('q"\\uote', "plain"))]
    text = dot.render(graph)

    assert '"q\\"\\\\uote" -> "plain" [color="red", penwidth=2];' in text
    assert text.count("{") == text.count("}")


def test_the_difference_of_two_graphs_is_what_is_stable(chk: lockcheck.Checker) -> None:
    """Classes, pairs of classes and fingerprints; the same graph differs in nothing."""
    other = lockcheck.Checker()
    with other.Lock("a"), other.Lock("c"):
        pass
    changes = json_.difference(chk.graph.to_dict(), other.graph.to_dict())

    assert changes["classes"] == {"gone": ["b", "w"], "new": ["c"]}
    assert changes["edges"] == {"gone": ["a -> b", "b -> a", "w -> a"], "new": ["a -> c"]}
    same = json_.difference(chk.graph.to_dict(), chk.graph.to_dict())
    assert all(not side for what in same.values() for side in what.values())


def test_the_chrome_trace_has_a_slice_for_every_span(chk: lockcheck.Checker) -> None:
    """Complete events on their threads' rows, microseconds, none negative."""
    assert chk.recorder is not None
    timeline = chk.recorder.to_dict()
    events = chrome.trace(timeline)["traceEvents"]
    slices = [event for event in events if event["ph"] == "X"]

    assert len(slices) == len(timeline["spans"]) > 0
    named = {event["tid"] for event in events if event["name"] == "thread_name"}
    assert {event["tid"] for event in slices} <= named
    assert all(event["ts"] >= 0 and event["dur"] >= 0 for event in slices)


class _Page(HTMLParser):
    VOID = {"meta", "br", "input", "link", "img", "hr"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "data"):
                self.links.append(value or "")
            if name == "id" and tag == "section":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(
    graph: dict[str, Any], findings: list[dict[str, Any]], **more: Any
) -> tuple[str, _Page]:
    text = index_page(graph, findings, **more)
    page = _Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return text, page


def test_the_page_is_one_file_that_needs_no_network(chk: lockcheck.Checker) -> None:
    """Well nested, every link within the page, every section of the contract."""
    assert chk.recorder is not None
    reports = [report.to_dict() for report in chk.reports]
    text, page = page_of(chk.graph.to_dict(), reports, timeline=chk.recorder.to_dict())

    assert all(link.startswith("#") for link in page.links)
    assert "@import" not in text
    assert not re.search(r"\b(fetch|XMLHttpRequest|import)\(", text)
    assert page.ids == ["findings", "graph", "classes", "edges", "contention", "timeline"]


def test_names_cannot_break_out_of_the_page() -> None:
    """A class, thread or detail full of markup is shown, not obeyed."""
    evil = "</script><script>alert(1)</script><b>&"
    chk = lockcheck.Checker(recorder=Recorder())
    with chk.Lock(evil), chk.Lock("b"):
        pass
    assert chk.recorder is not None
    found = finding("circular", ring(evil, "b"), detail=evil, title=evil)
    text, _ = page_of(chk.graph.to_dict(), [found], timeline=chk.recorder.to_dict())

    assert "<script>alert" not in text


def test_both_stacks_of_a_finding_are_on_the_page() -> None:
    """The place of the hold and of the want, of every step."""
    text, _ = page_of({"classes": [], "edges": []}, [finding("circular", ring("a", "b"))])

    for phrase in ("hold_a#0", "want_b#0", "hold_b#0", "want_a#0"):
        assert phrase in text


def test_a_card_leads_to_the_graph_only_where_its_classes_are_drawn(
    chk: lockcheck.Checker,
) -> None:
    """An event is no lock class: no link, and the picture begins with the most contended."""
    graph = chk.graph.to_dict()
    of_an_event = finding("deadlock", ring("refs of d", "refs of e"), classes=["refs of d"])
    of_locks = finding("circular", ring("a", "b"), classes=["a", "b"])

    page = index_page(graph, [of_an_event])
    assert "#graph:finding-1" not in page
    assert '<option value="findings">' not in page
    page = index_page(graph, [of_locks])
    assert "#graph:finding-1" in page
    assert '<option value="findings">' in page


def test_a_clean_page_is_never_blank(chk: lockcheck.Checker) -> None:
    """Nobody waited: it says so, and shows what was held longest."""
    recorder = chk.recorder
    assert recorder is not None
    page = index_page(chk.graph.to_dict(), [], timeline=recorder.to_dict(chk))

    assert "No thread had to wait for a lock." in page
    assert "What was held longest" in page


def test_a_long_cell_is_folded_and_a_token_is_a_button() -> None:
    """A row stays a row, whatever it holds."""
    columns = [Column("path", "long"), Column("token", "copy")]
    page = table("t", columns, [("one < two " * 20, "v1/<00>")])

    assert page.count("<details>") == 1
    assert '<button data-copy="v1/&lt;00&gt;">copy</button>' in page


def test_a_folder_has_every_file_of_the_contract(chk: lockcheck.Checker, tmp_path: Path) -> None:
    """All there, all JSON parses, no temporary file is left."""
    out = write_folder(tmp_path / "deep" / "out", chk.graph.to_dict(), [], run={"seed": 1})

    names = {path.name for path in out.iterdir()}
    assert names >= FILES
    assert not [name for name in names if name.startswith(".")]
    for name in names:
        if name.endswith(".json"):
            json.loads((out / name).read_text())


def test_a_folder_that_cannot_be_written_is_one_clear_line(
    chk: lockcheck.Checker, tmp_path: Path
) -> None:
    """A file in the way: the error names the folder and the reason, in one line."""
    (tmp_path / "out").write_text("in the way")

    with pytest.raises(FolderError) as error:
        write_folder(tmp_path / "out", chk.graph.to_dict(), [])

    assert str(tmp_path / "out") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_failed_write_leaves_the_old_file_whole(
    chk: lockcheck.Checker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up in the middle: what was there stays, nothing half-written appears."""
    write_folder(tmp_path, chk.graph.to_dict(), [], run={"seed": 1})
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}

    def full(_source: object, _target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lockcheck.render.atomic_file.os.replace", full)
    with pytest.raises(FolderError, match="No space left on device"):
        write_folder(tmp_path, chk.graph.to_dict(), [], run={"seed": 2})

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
