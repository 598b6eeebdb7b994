"""Streams whose encoding lacks a character: no command fails for what it wants to say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMANDS = ("", "run", "explore", "replay", "report", "diff")
PROGRAM = """
import threading
замок, ключ = threading.Lock(), threading.Lock()
turn = [False]
def другой():
    while not turn[0]: pass
    with ключ, замок: pass
thread = threading.Thread(target=другой, name="нить")
thread.start()
with замок, ключ: pass
turn[0] = True
thread.join()
print("over")
"""


def run(*args: str | Path, encoding: str) -> tuple[int, bytes, bytes]:
    """Status, stdout and stderr of a program whose streams have that encoding."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        timeout=240,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_program_with_names_that_cannot_be_written(encoding: str, tmp_path: Path) -> None:
    """It does what it does without us, and the report spells the names."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    plain = run(script, encoding=encoding)
    folder = tmp_path / "report"
    status, out, err = run("-m", "lockcheck", "run", "--report", folder, script, encoding=encoding)

    assert plain[:2] == (0, out)
    assert status == 1, err
    assert b"Traceback" not in err
    assert rb"\u0437\u0430\u043c\u043e\u043a" in err
    assert "замок" in (folder / "index.html").read_text(encoding="utf-8")

    shown, out, err = run(
        "-m", "lockcheck", "report", folder / "graph.json", "--format", "text", encoding=encoding
    )
    assert shown in (0, 1), err
    assert b"Traceback" not in out + err


def searched(name: str, folder: Path) -> bytes:
    """What a search in a file of that name says, where only ASCII can be written."""
    lines = "import threading", "def нить():", "    print('да')", "    raise ValueError('нет')"
    script = folder / name
    script.write_text("\n".join(lines), encoding="utf-8")
    command = "-m", "lockcheck", "explore", "--schedules", "2", "--jobs", "1", f"{script}::нить"
    status, out, err = run(*command, encoding="ascii")

    assert (status, b"Traceback" in err) == (1, False), err
    assert rb"\u043d\u0438\u0442\u044c" in out
    return out


def test_a_search_whose_names_cannot_be_written(tmp_path: Path) -> None:
    """What is said of it is said, and its token is replayed."""
    out = searched("имя.py", tmp_path)
    token = next(each for each in out.split() if each.startswith(b"v1/")).decode()
    status, out, err = run("-m", "lockcheck", "replay", token, "--trust", encoding="ascii")

    assert (status, b"Traceback" in err) == (1, False), err
    assert "да\n".encode() in out  # the program's own words: UTF-8, where the stream lacks them
    assert rb"\u043d\u0435\u0442" in out


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
def test_a_search_in_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    """It is named as well as can be."""
    assert rb"na\udcffme.py" in searched(os.fsdecode(b"na\xffme.py"), tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_can_be_read_in_ascii(command: str) -> None:
    """Status 0, and something to read."""
    status, out, err = run(
        "-m", "lockcheck", *([command] if command else []), "--help", encoding="ascii"
    )

    assert (status, err) == (0, b"")
    assert b"lockcheck" in out


FUNCTION = """
import threading
замок, ключ = threading.Lock(), threading.Lock()
def гонка():
    def другой():
        with ключ, замок: print("да")
    thread = threading.Thread(target=другой, name="нить")
    thread.start()
    with замок, ключ: pass
    thread.join()
"""
FORMATS = ("text", "tables", "json", "dot", "html", "sarif")


def test_commands_about_names_that_cannot_be_written(tmp_path: Path) -> None:
    """explore, replay, diff and every format of report do their work."""
    encoding = "ascii"
    script = tmp_path / "program.py"
    script.write_text(FUNCTION, encoding="utf-8")
    folder = tmp_path / "report"
    subject = f"{script}::гонка"
    search = ("explore", "--schedules", "30", "--seed", "1", "--jobs", "1", "--no-data")
    status, out, err = run(
        "-m", "lockcheck", *search, "--report", folder, subject, encoding=encoding
    )

    assert status == 1, err
    token = re.search(rb"v1/\S+", out)
    assert token is not None, out
    graph = folder / "graph.json"
    calls: list[tuple[str | Path, ...]] = [
        ("replay", token[0].decode(), "--trust"),
        ("replay", token[0].decode(), "--trust", "--columns"),
        (*search, "--format", "sarif", subject),
        ("diff", graph, graph),
        *(("report", graph, "--format", form) for form in FORMATS),
    ]
    for call in calls:
        status, out, err = run("-m", "lockcheck", *call, encoding=encoding)

        assert status in (0, 1), (call, err)
        assert out or call[0] == "diff"  # the same twice: nothing to say
        assert b"Traceback" not in out + err
