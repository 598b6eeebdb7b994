"""Ctrl-C at any moment: status 130, one line, whole files, a process that ends by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rtnl_model.cli.status import Status

ROOT = Path(__file__).parents[3]
SPEAKING = """
import sys
from rtnl_model.kernel.kernel import Kernel
started = Kernel.start
def start(self):
    started(self)
    print("started", flush=True)
    return self
Kernel.start = start
from rtnl_model.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""Says when the first kernel runs."""
LONG = "ip netns add a\nip -n a link add v type dummy\nsleep 600\nip -n a link del v\n"


def interrupted(argv: list[str], ready: Callable[[str], bool], signals: int = 1) -> tuple[int, str]:
    """Start a command, interrupt it at the line that is `ready`; (status, what came after)."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "rtnl_model", *argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with ended(process):
        assert process.stdout is not None
        while not ready(process.stdout.readline()):
            assert process.poll() is None
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
        out, _none = process.communicate(timeout=240)
    return process.returncode, out


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Whatever the body finds out, the process is none of the next test's."""
    with process:
        try:
            yield
        finally:
            process.kill()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("signals", [1, 2, 3])
def test_a_run_is_interrupted(tmp_path: Path, signals: int) -> None:
    """In the middle of a script, with an impatient user too."""
    path = tmp_path / "s.ip"
    path.write_text(LONG)

    status, out = interrupted(["run", str(path)], lambda line: "type dummy" in line, signals)

    assert status == Status.INTERRUPTED
    assert out.endswith("rtnl-model: interrupted\n")
    assert "Traceback" not in out


@pytest.mark.timeout(60)
def test_an_interrupted_run_leaves_a_whole_report(tmp_path: Path) -> None:
    """What was done is written: every file of the folder, none of them half."""
    path = tmp_path / "s.ip"
    path.write_text(LONG)
    folder = tmp_path / "report"

    status, _out = interrupted(
        ["run", str(path), "--report", str(folder)], lambda line: "type dummy" in line
    )

    names = {p.name for p in folder.iterdir()}
    assert status == Status.INTERRUPTED
    assert {"index.html", "graph.json", "findings.json", "run.json"} <= names
    assert not [name for name in names if name.startswith(".")]
    assert (folder / "run.json").read_text().endswith("\n")


@pytest.mark.timeout(60)
def test_a_stress_is_interrupted() -> None:
    """The seed is printed, requesters stop, every thread is joined."""
    status, out = interrupted(
        ["stress", "--seconds", "600", "--rtnl", "pernet", "--seed", "3"],
        lambda line: "seed" in line,
    )

    assert status == Status.INTERRUPTED
    assert "Traceback" not in out


@pytest.mark.timeout(90)
def test_the_demo_is_interrupted() -> None:
    """Between its acts or in one."""
    status, out = interrupted(["demo", "--seed", "3"], lambda line: "3." in line)

    assert status == Status.INTERRUPTED
    assert "Traceback" not in out


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("argv", "number"),
    [
        (["conform", "{data}/scenarios.json.gz", "{data}/golden-global.json.gz"], signal.SIGINT),
        (["bugs", "--check"], signal.SIGINT),
        (["explore", "@T1", "--rtnl", "pernet", "--seconds", "600"], signal.SIGINT),
        (["explore", "@T1", "--rtnl", "pernet", "--jobs", "1"], signal.SIGTERM),
    ],
    ids=["conform", "bugs", "explore", "explore-terminated"],
)
def test_whatever_runs_long_is_interrupted(argv: list[str], number: signal.Signals) -> None:
    """Conformity, the check of the catalogue, an exploration: 130, and nothing is left behind."""
    data = str(ROOT / "tests" / "data")
    process = subprocess.Popen(
        [sys.executable, "-c", SPEAKING, *[word.format(data=data) for word in argv]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with ended(process):
        assert process.stdout is not None
        while process.stdout.readline() != "started\n":
            assert process.poll() is None
        process.send_signal(number)
        out, _none = process.communicate(timeout=240)

    assert process.returncode == Status.INTERRUPTED
    assert "Traceback" not in out
