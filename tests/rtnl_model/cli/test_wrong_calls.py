"""Wrong scripts and wrong calls: one clear line on stderr, the right status, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rtnl_model.cli import main
from rtnl_model.cli.main import COMMANDS
from rtnl_model.cli.status import Status

ROOT = Path(__file__).parents[3]
GOOD = "ip netns add a\nip -n a link add d0 type dummy\nip -n a link del d0\n"

SCRIPTS = {
    "unknown-object": ("ip lnk add v", "1:4"),
    "unknown-command-of-ip": ("ip link ad v type dummy\nip link frob", "2:9"),
    "unknown-command": ("pi netns add a", "did you mean 'ip'?"),
    "unknown-kind": ("ip link add v type dumy", "did you mean 'dummy'?"),
    "kind-without-driver": ("ip link add v type batadv", "no driver"),
    "unknown-option": ("ip link set v mut 3", "did you mean 'mtu'?"),
    "unknown-option-of-kind": ("ip link add v type ipvlan moed l2", "did you mean 'mode'?"),
    "unknown-option-of-ip": ("ip -q link", "unknown option of ip"),
    "option-not-modelled": ("ip link set v alias x", "does not have"),
    "missing-value": ("ip link set v mtu", "a value for mtu"),
    "missing-kind": ("ip link add v", "type KIND"),
    "missing-device": ("ip addr add 10.0.0.1/24", "dev DEVICE"),
    "missing-name": ("ip netns add", "a name"),
    "missing-everything": ("ip", "an object"),
    "unbalanced-double-quote": ('ip netns add "a', "unbalanced quote"),
    "unbalanced-single-quote": ("ip netns add 'a", "unbalanced quote"),
    "unbalanced-open": ("( ip netns add a", "unbalanced parenthesis"),
    "unbalanced-close": ("ip netns add a )", "unexpected ')'"),
    "empty-parentheses": ("ip netns add a; ()", "empty parentheses"),
    "leading-ampersand": ("& ip netns add a", "unexpected '&'"),
    "pipe": ("ip link | grep v", "pipe"),
    "redirection": ("ip link > x", "redirection"),
    "variable": ("ip netns add $A", "variable"),
    "substitution": ("ip netns add `x`", "substitution"),
    "and-list": ("ip netns add a && ip netns add b", "'&&'"),
    "loop": ("for i in 1 2; do ip netns add n1; done", "unknown command 'for'"),
    "empty": ("", "no commands"),
    "only-comments": ("# nothing\n", "no commands"),
    "nul": ("ip netns add a\0b", "NUL"),
    "control-character": ("ip netns add a\x07", "not a text file"),
    "ten-megabytes": ("# " + "x" * 10_000_000, "too long"),
    "too-many-commands": ("ip link\n" * 30_000, "30000 commands"),
    "sleep-word": ("sleep long", "not a time"),
    "sleep-for-ever": ("sleep 1e9", "0 to 3600"),
    "sysctl-unknown": ("sysctl -w net.ipv6.conf.v0.forwarding=1", "unknown sysctl"),
    "sysctl-not-a-number": ("sysctl net.ipv6.conf.v0.disable_ipv6=yes", "wants a number"),
    "lease-without-queue": ("lease p0 to nk0", "'queue'"),
    "phys-with-options": ("ip link add p0 mtu 9000 type phys queues 4", "no other options"),
    "phys-queues": ("ip link add p0 type phys queues 0", "1 to 1024"),
    "rmmod-nothing": ("rmmod", "a module"),
    "too-deep": ("(" * 30 + "ip link" + ")" * 30, "too deep"),
    "json-broken": ('{"ops": [', "not JSON"),
    "json-no-ops": ('{"name": "x"}', 'no list "ops"'),
    "json-bad-op": ('{"ops": [{"op": "lease", "dev": "nk0"}]}', "misuses the field"),
    "json-unknown-op": ('{"ops": [{"op": "netns-ad"}]}', "did you mean 'netns-add'?"),
    "json-several": ('[{"ops":[{"op":"wipe"}]},{"ops":[{"op":"wipe"}]}]', "2 scenarios"),
}

CALLS = {
    "unknown-command": (["rnu", "x"], "did you mean 'run'?"),
    "unknown-flag-first": (["--verbose"], "unknown option"),
    "unknown-option": (["run", "{good}", "--kep-going"], "did you mean '--keep-going'?"),
    "unknown-regime": (["run", "{good}", "--rtnl", "smal"], "did you mean 'small'?"),
    "unknown-workers": (["run", "{good}", "--workers", "percup"], "did you mean 'percpu'?"),
    "no-script": (["run"], "SCRIPT"),
    "two-scripts": (["run", "{good}", "{good}"], "unknown option or word"),
    "missing-file": (["run", "{dir}/none.ip"], "No such file"),
    "a-directory": (["run", "{dir}"], "Is a directory"),
    "not-utf8": (["run", "{binary}"], "not UTF-8"),
    "unknown-topology": (["run", "@T99"], "no such topology"),
    "no-such-scenario": (["run", "{json}#missing"], "no scenario 'missing'"),
    "cpus-zero": (["run", "{good}", "--cpus", "0"], "not a whole number"),
    "seed-word": (["run", "{good}", "--seed", "many"], "not a seed"),
    "unknown-bug": (["run", "{good}", "--bug", "veth-no-exchnge"], "unknown bug"),
    "unknown-timing": (["run", "{good}", "--timing", "zer"], "did you mean 'zero'?"),
    "unknown-severity": (["run", "{good}", "--fail-on", "certian"], "did you mean 'certain'?"),
    "trace-not-a-function": (["run", "{good}", "--trace=a b"], "not a list of functions"),
    "driver-missing": (["run", "{good}", "--driver", "{dir}/d.py"], "not a Python file"),
    "driver-empty": (["run", "{good}", "--driver", "{driver}"], "no subclass of LinkDriver"),
    "driver-broken": (["run", "{good}", "--driver", "{broken}"], "SyntaxError"),
    "report-is-a-file": (["run", "{good}", "--report", "{good}"], "--report"),
    "report-below-a-file": (["run", "{good}", "--report", "{good}/x"], "--report"),
    "conform-one-file": (["conform", "{json}"], "GOLDEN"),
    "conform-missing": (["conform", "{dir}/a", "{dir}/b"], "No such file"),
    "conform-no-recording": (["conform", "{json}", "{json}"], "a field 'results'"),
    "conform-not-json": (["conform", "{json}", "{good}"], "not JSON"),
    "conform-min": (["conform", "{json}", "{json}", "--min", "L4=1"], "LEVEL=PERCENT"),
    "stress-mix": (["stress", "--mix", "chrun"], "--mix"),
    "stress-driver": (["stress", "--drivers", "vteh"], "did you mean 'veth'?"),
    "stress-fault": (["stress", "--fault", "2"], "share from 0 to 1"),
    "stress-ops": (["stress", "--ops", "none"], "not a whole number"),
    "stress-seconds": (["stress", "--seconds", "-1"], "not a number of seconds"),
    "bugs-unknown": (["bugs", "--only", "no-such-bug"], "unknown bug"),
    "bugs-shard": (["bugs", "--shard", "3/2"], "--shard"),
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Files that the calls name."""
    contents = {
        "good": GOOD.encode(),
        "binary": bytes(range(128, 256)),
        "json": b'{"name": "x", "ops": [{"op": "wipe"}]}',
        "driver.py": b"KIND = 'nothing'\n",
        "broken.py": b"class (\n",
    }
    names = {"dir": str(tmp_path)}
    for name, data in contents.items():
        path = tmp_path / name
        path.write_bytes(data)
        names[path.stem] = str(path)
    return names


def one_line(text: str) -> str:
    """The only line of stderr, which is no traceback."""
    lines = text.splitlines()

    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def test_there_are_sixty_of_them() -> None:
    """The issue asks for at least sixty."""
    assert len(SCRIPTS) + len(CALLS) >= 60


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_wrong_script_is_told_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and the line names the file and what is wrong."""
    text, says = SCRIPTS[name]
    path = tmp_path / "script.ip"
    path.write_text(text)

    status = main(["run", str(path)])

    told = capsys.readouterr()
    line = one_line(told.err)
    assert status == Status.WRONG
    assert says in line
    assert str(path) in line
    assert told.out == ""


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_call_is_told_in_one_line(
    name: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and the line says what is wrong."""
    argv, says = CALLS[name]

    status = main([word.format(**files) for word in argv])

    told = capsys.readouterr()
    assert status == Status.WRONG
    assert says in one_line(told.err)
    assert told.out == ""


def test_no_command_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command the usage is printed."""
    assert main([]) == Status.WRONG
    assert "usage: rtnl-model COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help is status 0, shows an example and the exit statuses."""
    assert main([name, "--help"]) == Status.CLEAN

    out = capsys.readouterr().out
    assert f"rtnl-model {name}" in out
    assert "exit status" in out


def test_an_unreadable_file_is_told(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that may not be read is one line (root may read all, so the refusal is played)."""

    def refuse(self: Path, *args: object, **kwargs: object) -> object:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)

    assert main(["run", files["good"]]) == Status.WRONG
    assert "Permission denied" in one_line(capsys.readouterr().err)


def test_out_of_threads_is_told(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the system refuses a thread the run ends with status 2 and no thread is left."""
    import threading

    before = threading.active_count()
    begun: list[object] = []
    name = next(n for n in ("_start_joinable_thread", "_start_new_thread") if hasattr(threading, n))
    begin = getattr(threading, name)

    def start(*args: object, **kwargs: object) -> object:
        if len(begun) >= 5:
            raise RuntimeError("can't start new thread")
        begun.append(args)
        return begin(*args, **kwargs)

    monkeypatch.setattr(threading, name, start)

    assert main(["run", files["good"]]) == Status.WRONG
    assert "refuses another thread" in one_line(capsys.readouterr().err)
    assert threading.active_count() == before


def run_closed(script: str, redirect: str) -> subprocess.CompletedProcess[str]:
    """The command with its stdout somewhere bad."""
    return subprocess.run(
        ["sh", "-c", f"exec '{sys.executable}' -m rtnl_model run '{script}' {redirect}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        timeout=240,
        check=False,
    )


def test_closed_stdout_is_told(files: dict[str, str]) -> None:
    """With stdout closed there is nowhere to put results."""
    done = run_closed(files["good"], ">&-")

    assert done.returncode == Status.WRONG
    assert "stdout is closed" in one_line(done.stderr)


def test_a_full_disk_is_told(files: dict[str, str]) -> None:
    """No space left while writing results is one line."""
    done = run_closed(files["good"], ">/dev/full")

    assert done.returncode == Status.WRONG
    assert "No space left" in one_line(done.stderr)


def test_a_reader_that_leaves_is_told(files: dict[str, str]) -> None:
    """A closed pipe is one line, not a traceback."""
    done = run_closed(files["good"], "| true; exit $?")

    assert "Traceback" not in done.stderr


def test_a_defect_of_ours_says_how_to_report_it(
    files: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 70, and what to send: nobody's input may look like our mistake, nor the other way."""

    def broken(*_args: object, **_kwargs: object) -> object:
        raise ZeroDivisionError("a mistake in the model")

    monkeypatch.setattr("rtnl_model.iproute.execute.Process.run", broken)

    assert main(["run", files["good"]]) == Status.DEFECT

    err = capsys.readouterr().err
    assert err.startswith("rtnl-model: a defect of rtnl-model, not of your input. Please report it")
    assert "ZeroDivisionError: a mistake in the model" in err
    assert err.count("Traceback") == 1
