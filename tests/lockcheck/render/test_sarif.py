"""SARIF: what code review shows is what the finding says, at the line where it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lockcheck.cli import main

PROGRAM = """import threading

class Counter:
    def __init__(self):
        self.n = 0

def race():
    counter = Counter()
    def add():
        counter.n += 1
    threads = [threading.Thread(target=add) for _ in range(2)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert counter.n == 2
"""


def test_an_explored_finding_is_a_result_with_its_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its place is relative to the working directory, and each thread has a thread flow."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "counter.py").write_text(PROGRAM)

    status = main(["explore", "--seed", "1", "--format", "sarif", "counter.py::race"])

    document = json.loads(capsys.readouterr().out)
    assert (status, document["version"]) == (1, "2.1.0")
    (result,) = document["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("assertion", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "counter.py"},
        "region": {"startLine": 14},
    }
    flows = result["codeFlows"][0]["threadFlows"]
    assert len(flows) == 3
    steps = [each for flow in flows for each in flow["locations"]]
    texts = [each["location"]["message"]["text"] for each in steps]
    assert sum("counter.n += 1  [write]" in text for text in texts) == 2


def test_a_recorded_graph_renders_as_sarif(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both places of an inversion are there, one as a related location."""
    graph = tmp_path / "out"
    program = tmp_path / "abba.py"
    program.write_text(
        "import threading\n"
        "a = threading.Lock()\n"
        "b = threading.Lock()\n"
        "def one():\n"
        "    with a:\n"
        "        with b: pass\n"
        "def two():\n"
        "    with b:\n"
        "        with a: pass\n"
        "for f in (one, two):\n"
        "    t = threading.Thread(target=f)\n"
        "    t.start()\n"
        "    t.join()\n"
    )
    # Not in this process: a program that is run to its end closes its executors for good.
    command = [sys.executable, "-m", "lockcheck", "run", "--report", str(graph), str(program)]
    subprocess.run(command, capture_output=True, timeout=240, check=False)

    status = main(["report", str(graph / "graph.json"), "--format", "sarif"])

    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert status == 0
    assert result["ruleId"] == "circular"
    assert result["locations"]
    assert result["relatedLocations"]
