"""Every command that reads a document survives any document: one line and status 2, or a result.

`MUTANTS=4000 python -m pytest tests/lockcheck/documents/test_mutants.py` tries so many a document.
"""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lockcheck
from lockcheck.cli import main
from lockcheck.cli.baseline import InputError, read_baseline
from lockcheck.cli.program import Program
from lockcheck.explore import token
from lockcheck.explore.token import Token, TokenError
from tests.mutations import mutants

COUNT = int(os.environ.get("MUTANTS", "60"))
SEED = int(os.environ.get("MUTANTS_SEED", "16"))
ALLOWED = {0, 1, 2}


def recorded() -> dict[str, Any]:
    """A graph with a cycle, an inversion, waits and a report of each."""
    chk = lockcheck.Checker(on_report="collect")
    a, b, w = chk.Lock("a"), chk.Lock("b"), chk.RWLock("w")
    for first, second in ((a, b), (b, a)):
        with first, second:
            pass
    with a, w.reading():
        pass
    with chk.context("signal"), a:
        pass
    found: dict[str, Any] = json.loads(json.dumps(chk.graph.to_dict()))
    assert found["reports"]
    return found


GRAPH = recorded()
BASELINE = {"schema": "lockcheck/baseline/1", "known": {"00ff": "a cycle"}}
FINDINGS = {"schema": "lockcheck/findings/1", "findings": GRAPH["reports"]}
CALLS: dict[str, tuple[Any, Callable[[str], list[str]]]] = {
    **{
        f"report-{form}": (GRAPH, lambda path, form=form: ["report", path, "--format", form])
        for form in ("text", "tables", "json", "dot", "html")
    },
    "diff": (GRAPH, lambda path: ["diff", path, path]),
    "diff-json": (GRAPH, lambda path: ["diff", "--json", path, path]),
}
BASELINES: dict[str, Any] = {"baseline": BASELINE, "findings": FINDINGS, "graph": GRAPH}


@pytest.mark.parametrize("name", CALLS)
def test_no_document_is_a_defect(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is in it: a result, or one line with the name of the file and status 2.

    The program itself is not run: its end runs the exit functions, which are this process's.
    """
    monkeypatch.setattr(Program, "run", lambda _self: 0)
    document, call = CALLS[name]
    path = tmp_path / "document.json"
    for number, text in enumerate(mutants(document, COUNT, SEED)):
        path.write_text(text)
        status = main(call(str(path)))
        said = capfd.readouterr()

        where = f"mutant {number} of seed {SEED}: {text[:300]}"
        assert status in ALLOWED, f"{where}\n{said.err}"
        assert "Traceback" not in said.err, where
        if status == 2:
            assert str(path) in said.err, where
            assert said.err.count("\n") == 1, f"{where}\n{said.err}"
        if name not in ("report-json", "diff-json"):
            assert not any(c in said.out + said.err for c in "\x1b\x07\0"), where


@pytest.mark.parametrize("name", BASELINES)
def test_no_baseline_is_a_defect(name: str, tmp_path: Path) -> None:
    """Read as `run --baseline` reads it: fingerprints with titles, or one line with the file.

    Not by `run` itself: the end of a run closes what this process still needs.
    """
    path = tmp_path / "baseline.json"
    for text in mutants(BASELINES[name], COUNT, SEED):
        path.write_text(text)
        said = baseline(path)

        assert "\n" not in said, text[:300]
        assert not said or str(path) in said, text[:300]


def baseline(path: Path) -> str:
    """What is said of a baseline; empty when it can be used."""
    try:
        known = read_baseline(path)
    except InputError as error:
        return str(error)
    assert all(isinstance(word, str) for pair in known.items() for word in pair)
    return ""


def parsed(text: str) -> str:
    """What is said of a token; empty when it is one."""
    try:
        subject = Token.parse(text).subject
    except TokenError as error:
        return str(error)
    assert isinstance(subject, dict)
    return ""


def test_no_token_is_a_defect() -> None:
    """A changed token says so, with a right checksum too; nothing but TokenError is raised."""
    subject = {"kind": "function", "file": "f.py", "function": "f", "races": True}
    payload = {"s": subject, "k": "00ff00ff", "o": ["a"]}
    for text in mutants(payload, COUNT * 4, SEED):
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=token._SAMPLE)
        packed = squeeze.compress(text.encode()) + squeeze.flush()
        body = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        line = f"v1/0x12.1x16/{body}"
        assert "\n" not in parsed(f"{line}/{zlib.crc32(line.encode()):08x}")


def test_no_token_file_is_a_defect() -> None:
    """The same for what is written when a token is long."""
    made = Token({"kind": "function", "file": "f.py", "function": "f", "races": True}, (0, 2), (1,))
    for text in mutants(json.loads(made.to_file()), COUNT * 4, SEED):
        assert "\n" not in parsed(text)
