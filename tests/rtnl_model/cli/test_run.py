"""`rtnl-model run`: what a person sees, what --json holds, statuses, no thread left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from rtnl_model.cli import main
from rtnl_model.cli.status import Status

ROOT = Path(__file__).parents[3]
PAIR = """\
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0
"""


def script(folder: Path, text: str, name: str = "s.ip") -> str:
    """A script file."""
    path = folder / name
    path.write_text(text)
    return str(path)


def document(argv: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """Run with --json."""
    status = main([*argv, "--json"])
    out = capsys.readouterr().out
    return status, json.loads(out)


def test_a_clean_run_shows_commands_devices_and_no_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command, the devices per namespace, and that it was clean."""
    before = threading.active_count()

    status = main(["run", script(tmp_path, PAIR)])

    out = capsys.readouterr().out
    assert status == Status.CLEAN
    assert "# ip -n left link del end0\n" in out
    assert "left: lo\nright: lo\nclean: no findings\n" in out
    assert threading.active_count() == before


def test_the_document_has_the_recordings_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """cmds, devices, events and trace per op; findings and statistics beside them."""
    status, doc = document(["run", script(tmp_path, PAIR), "--seed", "7"], capsys)

    assert status == Status.CLEAN
    assert (doc["schema"], doc["regime"], doc["seed"]) == ("rtnl-model/run/1", "small", 7)
    assert doc["findings"] == []
    made = doc["ops"][2]
    assert made["i"] == 2
    assert made["cmds"][0] == {"cmd": PAIR.splitlines()[2], "rc": 0, "pid": made["cmds"][0]["pid"]}
    assert made["devices"]["right"][1] == {
        "ifname": "end1",
        "ifindex": 2,
        "kind": "veth",
        "up": False,
        "operstate": "DOWN",
        "lower": {"ifindex": 2, "netns": "left", "nsid": 0, "ifname": "end0"},
    }
    assert [e["ifname"] for e in made["events"]] == ["end1", "end0"]
    assert {"pid", "comm", "fn"} <= doc["ops"][3]["trace"][0].keys()


def test_a_failed_command_stops_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Like `ip -batch`: status 1, what ip printed, and nothing after it."""
    path = script(tmp_path, "ip netns add a\nip -n a link del v\nip netns add b\n")

    status = main(["run", path])

    out = capsys.readouterr().out
    assert status == Status.FOUND
    assert 'Cannot find device "v"\n-> status 1\n' in out
    assert "netns add b" not in out


def test_keep_going_does_not_count_failures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--keep-going runs the rest and is clean."""
    path = script(tmp_path, "ip netns add a\nip -n a link del v\nip netns add b\n")

    status, doc = document(["run", path, "--keep-going"], capsys)

    assert status == Status.CLEAN
    assert [op["cmds"][0]["rc"] for op in doc["ops"]] == [0, 1, 0]
    assert list(doc["ops"][-1]["devices"]) == ["a", "b"]


def test_a_scenario_always_keeps_going(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON scenario is accepted where a script is, and a failure in it counts nothing."""
    ops = [{"op": "netns-add", "netns": "a", "cmd": "ip netns add a"},
           {"op": "link-del", "netns": "a", "dev": "v", "cmd": "ip -n a link del v"},
           {"op": "link-add", "cmd": "ip -n a link add x type nosuchkind"},
           {"op": "seq", "ops": [{"op": "netns-del", "netns": "a"}]}]  # fmt: skip
    path = script(tmp_path, json.dumps({"name": "x", "ops": ops}), "s.json")

    status, doc = document(["run", path], capsys)

    assert status == Status.CLEAN
    assert [op["cmds"][0]["rc"] for op in doc["ops"]] == [0, 1, 2, 0]
    assert doc["ops"][1]["cmds"][0]["nlerr"] == [
        {"req": "RTM_GETLINK", "errno": 19, "name": "ENODEV"}
    ]
    assert doc["ops"][2]["cmds"][0]["stderr"] == "Error: Unknown device type."


@pytest.mark.parametrize("regime", ["global", "small", "pernet"])
def test_trace_prints_probe_lines_in_the_series_layout(
    regime: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """PID and DEV, and the model's call stack below."""
    status = main(["run", "@T1", "--trace=ipvlan_uninit,free_netdev", "--rtnl", regime])

    out = capsys.readouterr().out
    assert status == Status.CLEAN
    for name in ("ipvl2", "ipvl3", "veth0", "veth1"):
        assert f"| DEV: {name}\n        free_netdev\n" in out
    assert "| DEV: ipvl2\n        ipvlan_uninit\n        unregister_netdevice_many_notify\n" in out


def test_with_json_the_trace_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """stdout is exactly one document."""
    main(["run", "@T1", "--trace", "--json"])

    told = capsys.readouterr()
    assert json.loads(told.out)["findings"] == []
    assert "PID: " in told.err


@pytest.mark.usefixtures("short_looks")
def test_what_counts_depends_on_fail_on(capsys: pytest.CaptureFixture[str]) -> None:
    """A finding below --fail-on is listed and does not count; a known defect never counts."""
    status, doc = document(["run", "@T14b", "--workers", "percpu"], capsys)

    assert status == Status.CLEAN
    assert [f["tag"] for f in doc["findings"]] == ["known:G.5"]
    assert doc["hung"] == 4


def test_naive_is_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The conversion that must not be made: a deletion each way shows the ABBA, hung or not."""
    text = PAIR.replace("ip -n left link del end0\n", "") + (
        "ip -n right link add back0 type veth peer name back1 netns left\n"
        "ip -n left link del end0 & ip -n right link del back0 & wait\n"
    )

    status, doc = document(["run", script(tmp_path, text), "--rtnl", "naive"], capsys)

    assert status == Status.FOUND
    assert {"circular", "recursive", "deadlock"} & {f["kind"] for f in doc["findings"]}


def test_the_script_may_come_from_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`-` reads standard input."""
    with Path(script(tmp_path, PAIR)).open() as file:
        monkeypatch.setattr(sys, "stdin", file)

        assert main(["run", "-"]) == Status.CLEAN

    assert "clean" in capsys.readouterr().out


def test_a_log_line_of_json_has_its_fields() -> None:
    """--log-json: every line parses; it has event, thread, netns, dev and a sequence number."""
    done = subprocess.run(
        [sys.executable, "-c",
         "import structlog; from rtnl_model.cli.log_setup import configure\n"
         "configure('info', as_json=True)\n"
         "structlog.get_logger().info('netns.made', netns='a')\n"
         "structlog.get_logger().info('dev.freed', netns='a', dev='v0')\n"
         "structlog.get_logger().debug('not.told')"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=True, timeout=240,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert [line["event"] for line in lines] == ["netns.made", "dev.freed"]
    assert all({"event", "thread", "netns", "dev", "sequence"} <= line.keys() for line in lines)
    assert [line["sequence"] for line in lines] == [1, 2]
    assert done.stdout == ""


SHADOWS = """\
ip netns add low
ip netns add upp
ip -n low link add d0 type dummy
ip -n upp link add s0 link d0 link-netns low type shadow
ip -n low link del d0
"""


@pytest.mark.parametrize("regime", ["global", "small", "pernet"])
def test_a_driver_of_ones_own_is_used(
    regime: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--driver FILE: its kind is known to scripts, and its devices survive."""
    page = (ROOT / "rtnl_model" / "kernel" / "links" / "README.md").read_text()
    code = page.partition("```python\n")[2].partition("```")[0]
    driver = script(tmp_path, code, "shadow.py")
    path = script(tmp_path, SHADOWS)

    status, doc = document(["run", path, "--driver", driver, "--rtnl", regime], capsys)

    assert status == Status.CLEAN
    assert doc["findings"] == []
    assert [d["ifname"] for d in doc["ops"][3]["devices"]["upp"]] == ["lo", "s0"]
    assert [d["ifname"] for d in doc["ops"][4]["devices"]["upp"]] == ["lo"]


def test_a_logged_run_tells_every_device(tmp_path: Path) -> None:
    """--log-level info --log-json: appeared, gone, with netns, device, thread and order."""
    done = subprocess.run(
        [sys.executable, "-m", "rtnl_model", "run", script(tmp_path, PAIR),
         "--log-level", "info", "--log-json"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=True, timeout=240,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    numbers = [line["sequence"] for line in lines]
    gone = {(line["netns"], line["dev"]) for line in lines if line["event"] == "device.gone"}

    assert all({"event", "thread", "netns", "dev", "sequence"} <= line.keys() for line in lines)
    assert sorted(numbers) == list(range(1, len(lines) + 1))
    assert gone == {("left", "end0"), ("right", "end1")}


SEED = """\
ip netns add left
ip netns add right
ip link add eth9 type phys driver mlx5_core queues 4
ip -n left link add nk0 numrxqueues 4 type netkit mode l3 peer name nk1 numrxqueues 4 netns right
lease eth9 queue 1 to right/nk1
ip a
rmmod mlx5_core
ip a
"""


@pytest.mark.parametrize("regime", ["global", "small", "pernet"])
def test_unloading_a_leased_cards_driver_takes_its_netkits_along(
    regime: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second seed's example: after `rmmod mlx5_core` card and pair are gone."""
    status = main(["run", script(tmp_path, SEED), "--rtnl", regime])

    out = capsys.readouterr().out
    before, _rmmod, after = out.partition("# rmmod mlx5_core\n")
    assert status == Status.CLEAN
    assert "eth9" in before
    assert "eth9" not in after
    assert "left: lo\nright: lo\nclean: no findings\n" in after


def test_without_the_notifier_the_card_waits_for_ever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--bug netkit-notifier: the run hangs as recorded, ends, and says who holds the card."""
    path = script(tmp_path, SEED)

    status, doc = document(["run", path, "--bug", "netkit-notifier"], capsys)

    assert status == Status.FOUND
    assert doc["hung"] == 6
    assert "waiting for eth9 to become free. Usage count = 2" in doc["ops"][6]["kmsg"][0]
    assert "eth9 is held by" in doc["findings"][0]["text"]


def test_explore_prints_its_findings_for_code_review(capsys: pytest.CaptureFixture[str]) -> None:
    """`--format sarif` is one SARIF document, with a code flow for the schedule's threads."""
    words = ["explore", "@T2", "--rtnl", "naive", "--strategy", "random", "--schedules", "6"]
    status = main([*words, "--seed", "1", "--jobs", "1", "--format", "sarif"])
    document = json.loads(capsys.readouterr().out)

    assert status == 1
    results = document["runs"][0]["results"]
    assert document["runs"][0]["tool"]["driver"]["name"] == "rtnl-model"
    assert [each["ruleId"] for each in results][:1] == ["deadlock"]
    assert "replay: v1/" in results[0]["message"]["text"]
