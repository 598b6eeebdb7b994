"""`lockcheck run`: the program as it always was, and what its locks did."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipapp
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from programs import ABBA, DEADLOCK, UNORDERED, begin, ended, lockcheck


def script(folder: Path, text: str, name: str = "prog.py") -> str:
    (folder / name).write_text(text)
    return name


def test_a_finding_that_counts_is_status_1_with_its_splat_on_stderr(tmp_path: Path) -> None:
    """Both threads and both locks are named; stdout stays the program's."""
    done = lockcheck("run", script(tmp_path, UNORDERED + "print('out')"), cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout == "out\n"
    assert "possible circular locking dependency detected" in done.stderr
    for word in ("prog:a", "prog:b", "one", "two", "prog.py:"):
        assert word in done.stderr


def test_a_finding_below_fail_on_is_listed_and_does_not_count(tmp_path: Path) -> None:
    """`class-only`: in the list, status 0; with --fail-on class-only, status 1."""
    name = script(tmp_path, ABBA)
    lax = lockcheck("run", name, cwd=tmp_path)
    strict = lockcheck("run", "--fail-on", "class-only", name, cwd=tmp_path)

    assert (lax.returncode, strict.returncode) == (0, 1)
    assert "--fail-on class-only counts them" in lax.stderr
    assert "severity: class-only" in lax.stderr
    assert "what to do:" in lax.stderr


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("import sys; sys.exit(7)", 7),
        ("import sys; sys.exit('no')", 1),
        ("raise SystemExit", 0),
        ("1/0", 1),
        ("pass", 0),
        ("import threading; threading.Thread(target=lambda: 1/0).start()", 0),
    ],
)
def test_without_findings_the_status_is_the_programs_own(
    tmp_path: Path, text: str, status: int
) -> None:
    """As `python` would give it."""
    assert lockcheck("run", script(tmp_path, text), cwd=tmp_path).returncode == status


def test_a_traceback_shows_the_program_only(tmp_path: Path) -> None:
    """No frame of lockcheck's or of runpy's in the traceback of an uncaught exception."""
    text = "def f():\n    raise ValueError('mine')\nf()\n"
    for args in (["prog.py"], ["-m", "prog"]):
        script(tmp_path, text)
        done = lockcheck("run", *args, cwd=tmp_path)

        assert "ValueError: mine" in done.stderr
        assert "lockcheck/" not in done.stderr
        assert "runpy" not in done.stderr


def test_the_program_sees_itself_as_main(tmp_path: Path) -> None:
    """argv, __main__, __file__, sys.path[0] and its arguments, also those that look like ours."""
    text = (
        "import sys, __main__\n"
        "print(sys.argv, __name__, __main__.__file__, sys.path[0], (lambda: 0).__code__)\n"
        "import beside; print(beside.x)\n"
    )
    script(tmp_path, "x = 3\n", "beside.py")
    (tmp_path / "folder").mkdir()
    again = "import sys; print(sys.argv, sys.path[0], __file__, repr(__package__), __spec__.name)\n"
    script(tmp_path / "folder", again, "__main__.py")
    name = script(tmp_path, text)
    zipapp.create_archive(tmp_path / "folder", tmp_path / "archive.pyz", sys.executable)
    folders = ("folder", "./folder", "archive.pyz")
    for each in (name, f"./{name}", str(tmp_path / name), *folders):
        args = (each, "--report", "-m", "x")
        plain = subprocess.run(
            [sys.executable, *args], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        done = lockcheck("run", *args, cwd=tmp_path)

        assert without_addresses(done.stdout) == without_addresses(plain.stdout)
        assert str(tmp_path) in done.stdout


def test_what_is_no_program_fails_as_it_does_without_us(tmp_path: Path) -> None:
    """The same words, and no traceback where no line of it has run."""
    for text in ("x = (\n", "def f():\n\tx = 1\n        y = 2\n", "import absent\n", "b'PK\5\6'"):
        name = script(tmp_path, text)
        plain = subprocess.run(
            [sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        done = lockcheck("run", "--quiet", name, cwd=tmp_path)

        assert (done.returncode, done.stderr) == (plain.returncode, plain.stderr)


def test_an_interrupt_shows_where_it_struck(tmp_path: Path) -> None:
    """The program's traceback, as without us; then what the checker has to say."""
    text = "import signal\ndef f():\n    signal.raise_signal(signal.SIGINT)\n"
    text += "signal.signal(signal.SIGINT, signal.default_int_handler)\nf()\n"
    name = script(tmp_path, text)
    plain = subprocess.run(
        [sys.executable, name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    done = lockcheck("run", name, cwd=tmp_path)

    assert plain.stderr.endswith("KeyboardInterrupt\n")
    assert done.stderr.startswith(plain.stderr)
    assert "lockcheck: undecided, interrupted" in done.stderr
    assert done.returncode == 130


def without_addresses(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def test_a_module_runs_as_python_m_does(tmp_path: Path) -> None:
    """Packages with a __main__, relative imports, arguments after the name."""
    package = tmp_path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("value = 5\n")
    (package / "__main__.py").write_text(
        "import sys\nfrom .inner import value\nprint(value, sys.argv[1:], __name__)\n"
    )
    done = lockcheck("run", "-m", "pkg", "--flag", cwd=tmp_path)

    assert done.stdout == "5 ['--flag'] __main__\n"


SIGNALLED = """
import os, signal, threading
stop = threading.Event()
signal.signal(signal.SIGALRM, lambda *a: stop.set())
signal.setitimer(signal.ITIMER_REAL, 2.5)
stop.wait()
print('stopped')
"""
WOKEN = """
import _thread, threading, time
lock = threading.Lock()
lock.acquire()
def body():
    time.sleep(2.5)
    lock.release()
_thread.start_new_thread(body, ())
lock.acquire()
print('woken')
"""
"""Both wait longer than the watchdog looks before it decides: that is what is tested."""
WAITING = {"stuck": DEADLOCK, "signalled": SIGNALLED, "woken": WOKEN}
Waiting = dict[str, subprocess.Popen[str]]


@pytest.fixture(scope="module", autouse=True)
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waiting]:
    """Programs that mostly wait; they begin with the first test, and others run meanwhile."""
    folder = tmp_path_factory.mktemp("waiting")
    begun = {
        name: begin("run", script(folder, text, f"{name}.py"), cwd=folder)
        for name, text in WAITING.items()
    }
    yield begun
    for each in begun.values():
        with each:
            each.kill()


def test_a_program_that_is_stuck_for_good_is_ended_with_the_report(waiting: Waiting) -> None:
    """Who holds what and waits for what; status 1; every thread is gone."""
    done = ended(waiting["stuck"])

    assert done.returncode == 1
    assert "threads are deadlocked" in done.stderr
    assert "[waits]" in done.stderr
    assert "stuck:a" in done.stderr


def test_a_program_that_waits_for_a_signal_is_not_stuck(waiting: Waiting) -> None:
    """A handler of its own may set what the main thread waits for."""
    done = ended(waiting["signalled"])

    assert (done.returncode, done.stdout) == (0, "stopped\n")


def test_a_program_that_is_woken_from_below_threading_is_not_stuck(waiting: Waiting) -> None:
    """A thread that no checker knows sleeps, and will release the lock."""
    done = ended(waiting["woken"])

    assert (done.returncode, done.stdout) == (0, "woken\n")


def test_threads_and_exit_functions_run_before_the_report(tmp_path: Path) -> None:
    """Threads are joined, atexit runs, executors shut down; then findings are printed."""
    text = (
        "import atexit, concurrent.futures, threading\n"
        "atexit.register(print, 'atexit')\n"
        "last, pooled = threading.Event(), threading.Event()\n"
        "pool = concurrent.futures.ThreadPoolExecutor(2)\n"
        "pool.submit(lambda: (last.wait(), print('pooled'), pooled.set()))\n"
        "threading.Thread(target=lambda: (pooled.wait(), print('thread'))).start()\n"
        "print('end of main')\n"
        "last.set()\n"
    )
    done = lockcheck("run", script(tmp_path, text), cwd=tmp_path)

    assert done.stdout.split("\n") == ["end of main", "pooled", "thread", "atexit", ""]
    assert done.returncode == 0


def test_a_baseline_silences_what_it_knows(tmp_path: Path) -> None:
    """Written by one run, read by the next: the finding is known, status 0."""
    name = script(tmp_path, UNORDERED)
    first = lockcheck("run", "--write-baseline", "known.json", name, cwd=tmp_path)
    second = lockcheck("run", "--baseline", "known.json", name, cwd=tmp_path)

    assert (first.returncode, second.returncode) == (1, 0)
    assert " known" in second.stderr


def test_a_fingerprint_survives_a_shift_of_lines(tmp_path: Path) -> None:
    """The same program, ten lines lower, has the same finding."""
    lockcheck("run", "--write-baseline", "known.json", script(tmp_path, UNORDERED), cwd=tmp_path)
    shifted = lockcheck(
        "run", "--baseline", "known.json", script(tmp_path, "\n" * 10 + UNORDERED), cwd=tmp_path
    )

    assert shifted.returncode == 0


def test_a_report_folder_is_written_and_its_graph_renders(tmp_path: Path) -> None:
    """--report; then every format of `lockcheck report` reads its graph.json."""
    done = lockcheck("run", "--report", "out", script(tmp_path, UNORDERED), cwd=tmp_path)
    assert "report in out" in done.stderr
    assert json.loads((tmp_path / "out/findings.json").read_text())["findings"]

    shown = {
        form: lockcheck("report", "out/graph.json", "--format", form, cwd=tmp_path)
        for form in ("text", "tables", "json", "dot", "html")
    }
    assert {form: done.returncode for form, done in shown.items()} == dict.fromkeys(shown, 0)
    assert "DEADLOCK" in shown["text"].stdout
    assert "lock_stat version 0.4" in shown["tables"].stdout
    assert shown["dot"].stdout.startswith("digraph")
    assert json.loads(shown["json"].stdout)["schema"] == "lockcheck/graph/1"
    assert shown["html"].stdout.startswith("<!DOCTYPE html>")


def test_the_difference_of_two_runs(tmp_path: Path) -> None:
    """`diff` shows what appeared and what went, with the status of diff(1)."""
    lockcheck("run", "--report", "one", script(tmp_path, UNORDERED), cwd=tmp_path)
    more = UNORDERED + "c = threading.Lock()\nwith a, c: pass\n"
    lockcheck("run", "--report", "two", script(tmp_path, more), cwd=tmp_path)
    same = lockcheck("diff", "one/graph.json", "one/graph.json", cwd=tmp_path)
    other = lockcheck("diff", "one/graph.json", "two/graph.json", cwd=tmp_path)

    assert (same.returncode, same.stdout) == (0, "")
    assert other.returncode == 1
    assert "+ class prog:c" in other.stdout.splitlines()
    assert "+ edge prog:a -> prog:c" in other.stdout.splitlines()
