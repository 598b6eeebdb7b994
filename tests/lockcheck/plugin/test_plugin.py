"""The pytest plugin: off by default; on, it fails the test that caused a finding."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

INVERSION = """
import threading

def invert(a, b):
    turn = [0]
    def one():
        with a:
            with b: pass
        turn[0] = 1
    def two():
        while not turn[0]: pass
        with b:
            with a: pass
    threads = [threading.Thread(target=f) for f in (one, two)]
    for t in threads: t.start()
    for t in threads: t.join()
"""


STUCK = """
import threading
def test_stuck():
    a = threading.Lock()
    b = threading.Lock()
    both = threading.Barrier(2)
    def body(x, y):
        with x:
            both.wait()
            with y: pass
    threads = [threading.Thread(target=body, args=p) for p in ((a, b), (b, a))]
    for t in threads: t.start()
    for t in threads: t.join()
def test_next():
    assert threading.active_count() == 1, "no thread is left, and the watchdog is not seen"
    e = threading.Event()
    t = threading.Thread(target=e.set); t.start(); e.wait(); t.join()
"""


def run_pytest(
    folder: Path, tests: str, *args: str, conftest: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run pytest with the plugin in a process of its own."""
    return finished(begin_pytest(folder, tests, *args, conftest=conftest))


def begin_pytest(folder: Path, tests: str, *args: str, conftest: str = "") -> subprocess.Popen[str]:
    """Start it, and do not wait."""
    (folder / "test_it.py").write_text(tests)
    if conftest:
        (folder / "conftest.py").write_text(conftest)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "lockcheck.pytest_plugin", "-q", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(started: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for it."""
    with started:
        try:
            stdout, stderr = started.communicate(timeout=240)
        except BaseException:
            started.kill()
            raise
    return subprocess.CompletedProcess(started.args, started.returncode, stdout, stderr)


@pytest.fixture(scope="module", autouse=True)
def stuck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A session that mostly waits; it begins with the first test, and others run meanwhile."""
    begun = begin_pytest(tmp_path_factory.mktemp("stuck"), STUCK, "--lockcheck")
    yield begun
    with begun:
        begun.kill()


def outcomes(ended: subprocess.CompletedProcess[str]) -> str:
    """The last line, without its time."""
    return ended.stdout.strip().splitlines()[-1].split(" in ")[0]


def test_it_is_off_until_asked_for_and_then_costs_no_import(tmp_path: Path) -> None:
    """Without --lockcheck nothing is installed and nothing of the checker is imported."""
    ended = run_pytest(
        tmp_path,
        "import sys, threading\n"
        "def test_a():\n"
        "    assert 'lockcheck.checker' not in sys.modules\n"
        "    assert 'structlog' not in sys.modules\n"
        "    assert type(threading.Lock()).__module__ == '_thread'\n",
    )

    assert outcomes(ended) == "1 passed"


def test_the_test_that_caused_a_finding_fails_with_its_splat(tmp_path: Path) -> None:
    """And only that test; the ones before and after it pass."""
    ended = run_pytest(
        tmp_path,
        INVERSION
        + "def test_before(): pass\n"
        + "def test_guilty(): invert(threading.Lock(), threading.Lock())\n"
        + "def test_after(): pass\n",
        "--lockcheck",
    )

    assert ended.returncode == 1
    assert outcomes(ended) == "1 failed, 2 passed"
    assert "test_guilty" in ended.stdout
    assert "possible circular locking dependency detected" in ended.stdout
    assert "lockcheck: possible circular" in ended.stdout


def test_locks_of_conftest_and_module_level_are_checked(tmp_path: Path) -> None:
    """They are made before any test runs."""
    ended = run_pytest(
        tmp_path,
        INVERSION + "from conftest import A\nB = threading.Lock()\n"
        "def test_guilty(): invert(A, B)\n",
        "--lockcheck",
        conftest="import threading\nA = threading.Lock()\n",
    )

    assert outcomes(ended) == "1 failed"


@pytest.mark.parametrize(
    "mark",
    [
        '@pytest.mark.lockcheck(allow=["circular"])',
        '@pytest.mark.lockcheck(allow=["test_it:*"])',
    ],
)
def test_a_marker_allows_findings_by_kind_or_class(tmp_path: Path, mark: str) -> None:
    """The marked test passes; another allowance does not help."""
    body = "def test_it():\n    a = threading.Lock()\n    b = threading.Lock()\n    invert(a, b)\n"
    allowed = run_pytest(tmp_path, f"import pytest\n{INVERSION}{mark}\n{body}", "--lockcheck")
    other = run_pytest(
        tmp_path,
        f'import pytest\n{INVERSION}@pytest.mark.lockcheck(allow=["recursive"])\n{body}',
        "--lockcheck",
    )

    assert outcomes(allowed) == "1 passed"
    assert outcomes(other) == "1 failed"


def test_a_baseline_silences_known_findings(tmp_path: Path) -> None:
    """The findings.json of an earlier session serves; --lockcheck-report wrote it."""
    tests = INVERSION + "def test_it(): invert(threading.Lock(), threading.RLock())\n"
    first = run_pytest(tmp_path, tests, "--lockcheck", "--lockcheck-report", "out")
    again = run_pytest(tmp_path, tests, "--lockcheck", "--lockcheck-baseline", "out/findings.json")
    wrong = run_pytest(tmp_path, tests, "--lockcheck", "--lockcheck-baseline", "none.json")

    assert outcomes(first) == "1 failed"
    assert outcomes(again) == "1 passed"
    assert wrong.returncode == 4
    assert "none.json" in wrong.stderr


def test_fail_on_decides_what_counts(tmp_path: Path) -> None:
    """One thread takes both orders: `class-only`, below the default."""
    tests = (
        "import threading\n"
        "def test_it():\n"
        "    a = threading.Lock()\n    b = threading.Lock()\n"
        "    with a:\n        with b: pass\n    with b:\n        with a: pass\n"
    )
    default = run_pytest(tmp_path, tests, "--lockcheck")
    strict = run_pytest(tmp_path, tests, "--lockcheck", "--lockcheck-fail-on", "class-only")

    assert outcomes(default) == "1 passed"
    assert outcomes(strict) == "1 failed"


def test_a_stuck_test_fails_and_the_next_one_runs(stuck: subprocess.Popen[str]) -> None:
    """The watchdog ends it with who waits for whom; no thread of it stays."""
    done = finished(stuck)

    assert outcomes(done) == "1 failed, 1 passed"
    assert "threads are deadlocked" in done.stdout


FREED = """
import threading
def test_drops():
    threading.Lock().acquire()
def test_finaliser():
    lock = threading.Lock()
    class Takes:
        def __del__(self):
            with lock: pass
    with lock: pass
    Takes()
def test_next():
    pass
"""


def test_a_freed_lock_and_a_finaliser_fail_the_test_that_did_it(tmp_path: Path) -> None:
    """Nothing need be taken or read afterwards: the plugin looks when the test is over."""
    done = run_pytest(tmp_path, FREED, "--lockcheck", "--lockcheck-fail-on", "class-only")

    assert "2 failed, 1 passed" in done.stdout
    assert "freed-held" in done.stdout
    assert "inverted-context" in done.stdout
    assert "found outside of any test" not in done.stdout
