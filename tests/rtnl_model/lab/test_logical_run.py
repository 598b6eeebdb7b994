"""A script in logical time: the same every time, on real threads, and it always ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rtnl_model.iproute import load_script, parse_script
from rtnl_model.iproute.commands import Command
from rtnl_model.iproute.run import ScriptRun
from rtnl_model.lab import logical_run
from rtnl_model.lab.logical_run import record_logical
from rtnl_model.lab.model_run import ModelSetting, record
from rtnl_model.lab.topologies import topology

ROOT = Path(__file__).resolve().parents[3]
HANG = "T6"
"""On Linux 7.3's work queue it hangs."""


def setting(rtnl: str = "small", workers: str = "netns") -> ModelSetting:
    return ModelSetting(rtnl=rtnl, workers=workers, timing="idle")


@pytest.mark.parametrize("rtnl", ["global", "small", "pernet"])
def test_a_script_gives_the_same_document_every_time(rtnl: str) -> None:
    """Commands, devices, events, trace and findings, with whatever pids and times are in them."""
    documents = [
        json.dumps(
            record_logical(load_script("@T2", topology=topology), setting(rtnl=rtnl)).document
        )
        for _ in range(3)
    ]

    assert len(set(documents)) == 1
    assert json.loads(documents[0])["findings"] == []


def test_waits_cost_nothing() -> None:
    """An hour of sleep between two commands is over at once, and was an hour to the kernel."""
    script = parse_script("ip link add a type dummy\nsleep 3600\nip link del a\n", "hour")
    began = time.monotonic()
    recorded = record_logical(script, setting())

    assert recorded.failed == []
    assert recorded.chk.now() >= 3600
    assert time.monotonic() - began < 600


def test_the_threads_are_real_and_joined() -> None:
    """Each thread of the kernel runs on a native thread of its own; none is left."""
    before = set(threading.enumerate())
    natives: dict[str, set[int]] = {}

    class Watched(ScriptRun):
        def process(self, command: Command, slot: int) -> None:
            me = threading.current_thread()
            natives.setdefault(me.name, set()).add(threading.get_native_id())
            super().process(command, slot)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logical_run, "ScriptRun", Watched)
        record_logical(load_script("@T2", topology=topology), setting())

    assert len(natives) > 3
    assert len({native for ids in natives.values() for native in ids}) == len(natives)
    assert set(threading.enumerate()) == before


def test_a_hang_is_told_as_in_real_time() -> None:
    """The same op, the same devices left, the same known defect, the kernel's own line."""
    script = load_script(f"@{HANG}", topology=topology)
    logical = record_logical(script, setting(workers="percpu")).document
    real = record(script, ModelSetting(workers="percpu")).document

    assert logical["hung"] == real["hung"]
    assert [f["tag"] for f in logical["findings"]] == [f["tag"] for f in real["findings"]]
    for document in (logical, real):
        assert any("to become free" in line for line in document["ops"][-1]["kmsg"])
    assert [d["ifname"] for ns in logical["ops"][-1]["devices"].values() for d in ns] == [
        d["ifname"] for ns in real["ops"][-1]["devices"].values() for d in ns
    ]


def test_a_script_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """By steps, and as a defect: never as a result."""
    monkeypatch.setattr(logical_run, "MAX_POINTS", 50)
    with pytest.raises(RuntimeError, match="does not end: given up after 50 steps"):
        record_logical(load_script("@T2", topology=topology), setting())


LOST = """
import threading
from rtnl_model.iproute import parse_script
from rtnl_model.iproute.run import ScriptRun
from rtnl_model.lab import logical_run
from rtnl_model.lab.model_run import ModelSetting

class Lost(ScriptRun):
    def process(self, command, slot):
        threading.Event().wait()

logical_run.ScriptRun = Lost
logical_run.SILENT_SECONDS = 0.2
try:
    logical_run.record_logical(parse_script("ip netns add a\\n", "lost"), ModelSetting())
except RuntimeError as error:
    print(error)
"""
"""A process of its own: what is lost stays in it until its end."""


def test_a_thread_that_is_lost_ends_the_run_all_the_same() -> None:
    """It blocks outside every checked primitive: reported, and not waited for."""
    done = subprocess.run(
        [sys.executable, "-c", LOST],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )

    assert done.stdout == "lost does not end: given up after 0.2 s\n"
