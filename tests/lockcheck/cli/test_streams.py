"""Where output goes, and what happens when it cannot go there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lockcheck.render.control_characters import legible, legible_line
from lockcheck.render.screen import paint, wants_colour

ROOT = Path(__file__).parents[3]
LOCKCHECK = [sys.executable, "-m", "lockcheck"]
GRAPH = {"classes": [], "edges": [], "reports": []}


def graph(folder: Path) -> str:
    path = folder / "graph.json"
    path.write_text(json.dumps(GRAPH))
    return str(path)


def told(call: list[str], stdout: int) -> tuple[int, str]:
    """Status and stderr of a call whose stdout goes to this descriptor."""
    done = subprocess.run(
        call, stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=240, check=False
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_under_stdout_is_one_line(tmp_path: Path) -> None:
    """Status 2, no traceback, nothing from the interpreter's own flush at exit."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        status, said = told([*LOCKCHECK, "report", graph(tmp_path)], full)
    finally:
        os.close(full)

    assert status == 2
    assert said.count("\n") == 1
    assert "No space left" in said


def test_a_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    """`| head`: nothing is said, and the status is that of the work."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status, said = told([*LOCKCHECK, "report", graph(tmp_path)], writer)
    finally:
        os.close(writer)

    assert (status, said) == (0, "")


PROGRAM = """\
import sys, threading
print("the program's own words")
sys.stderr = sys.stdout
a, b = threading.Lock(), threading.Lock()
start = threading.Barrier(2)
def work(first, second):
    start.wait()
    with first, second:
        pass
def other():
    start.wait()
    gate.wait()
    with b, a:
        pass
gate = threading.Event()
def one():
    work(a, b)
    gate.set()
threads = [threading.Thread(target=one), threading.Thread(target=other, name="evil\\x1b[2J\\n")]
for t in threads: t.start()
for t in threads: t.join()
"""


def test_reports_never_mix_into_the_program_s_stdout(tmp_path: Path) -> None:
    """Not even when the program sends its stderr there; and no thread's name clears a screen."""
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    done = subprocess.run(
        [*LOCKCHECK, "run", "--fail-on", "class-only", str(path)],
        capture_output=True, text=True, cwd=ROOT, timeout=240, check=False,
    )  # fmt: skip

    assert done.stdout == "the program's own words\n"
    assert "circular locking" in done.stderr
    assert "\x1b" not in done.stderr
    assert done.returncode == 1


def test_a_name_is_written_out_on_one_line() -> None:
    """Control characters, ends of lines and changes of direction become their escapes."""
    assert legible_line("a\x1b[2Jb\nc\u202ed") == r"a\x1b[2Jb\nc\u202ed"
    assert legible({"a": ["b\x07"], "detail": "two\nlines"}) == {
        "a": ["b\\x07"],
        "detail": "two\nlines",
    }
    same = {"a": ["b"]}
    assert legible(same) is same


@pytest.mark.parametrize(
    ("environment", "colour"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": ""}, False),
        ({"NO_COLOR": ""}, False),
    ],
)
def test_colour_is_the_environment_s_choice(
    environment: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR wins over FORCE_COLOR; without either it needs a terminal."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with open(os.devnull, "w") as nowhere:
        assert wants_colour(nowhere) is colour


def test_colour_changes_no_word() -> None:
    """Without its escapes a painted text is the text."""
    text = "WARNING: possible circular locking\nseverity: certain (x)\n *** DEADLOCK ***\n"
    painted = paint(text)

    assert "\x1b[" in painted
    for code in ("\x1b[1;31m", "\x1b[31m", "\x1b[0m"):
        painted = painted.replace(code, "")
    assert text == painted
