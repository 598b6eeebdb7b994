"""First contact with both programs: help that fits, two examples, completion, pages, pipes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lockcheck.cli
import rtnl_model.cli
from lockcheck.cli import arguments
from rtnl_model.cli.main import COMMANDS

ROOT = Path(__file__).parents[3]
PROGRAMS: dict[str, tuple[Callable[[list[str]], int], tuple[str, ...]]] = {
    "rtnl-model": (rtnl_model.cli.main, COMMANDS),
    "lockcheck": (lockcheck.cli.main, arguments.COMMANDS),
}
EVERY = [(name, command) for name, (_main, commands) in PROGRAMS.items() for command in commands]


@pytest.mark.parametrize(("program", "command"), EVERY)
def test_a_command_s_help_fits_and_has_examples(
    program: str, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the terminal's width, two examples, no default that is None."""
    for width in (60, 80, 132):
        monkeypatch.setenv("COLUMNS", str(width))
        assert PROGRAMS[program][0]([command, "--help"]) == 0
        text = capsys.readouterr().out

        assert "None" not in text
        assert max(map(len, text.splitlines())) <= width
    description = text.split("options:")[0].split("positional arguments:")[0]
    examples = re.findall(rf"^ *{program} {command}\b", description.split("\n\n", 1)[1], re.M)
    assert len(examples) >= 2, description


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_program_s_own_help_fits(
    program: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of commands fits the terminal, 100 characters at most, and names completion."""
    monkeypatch.setenv("COLUMNS", str(width))

    assert PROGRAMS[program][0](["--help"]) == 0
    text = capsys.readouterr().out

    assert max(map(len, text.splitlines())) <= min(width, 100)
    assert "complete -o default" in text


@pytest.mark.parametrize(
    ("program", "line", "word"),
    [
        ("rtnl-model", "rtnl-model ex", "explore"),
        ("rtnl-model", "rtnl-model run --rt", "--rtnl"),
        ("rtnl-model", "rtnl-model run --rtnl p", "pernet"),
        ("rtnl-model", "rtnl-model run --bug veth", "veth-no-exchange"),
        ("rtnl-model", "rtnl-model bugs G.", "G.5"),
        ("rtnl-model", "rtnl-model explore @T1", "@T1"),
        ("lockcheck", "lockcheck re", "replay"),
        ("lockcheck", "lockcheck report x.json --format ", "html"),
    ],
)
def test_words_complete(
    program: str,
    line: str,
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the shell asks with COMP_LINE is answered with words that fit."""
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    last = line.rpartition(" ")[2]
    assert PROGRAMS[program][0](["--complete", program, last, ""]) == 0
    words = capsys.readouterr().out.split()

    assert word in words
    assert all(each.startswith(last) for each in words)


def test_bash_completes_with_the_documented_line() -> None:
    """The line of the help works in a real bash."""
    if not os.path.exists("/bin/bash"):
        pytest.skip("no bash on this machine")
    program = f"{sys.executable} -m rtnl_model --complete"
    script = (
        f"complete -o default -C '{program}' rtnl-model\n"
        "COMP_LINE='rtnl-model con' COMP_POINT=14 " + program + " rtnl-model con ''\n"
    )
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, cwd=ROOT,
                          timeout=240, check=False)  # fmt: skip

    assert (done.stdout, done.returncode) == ("conform\n", 0)


def test_a_page_of_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    """`bugs G.5`: story, interleaving, scenario, what it looks like, what mends it."""
    assert rtnl_model.cli.main(["bugs", "G.5"]) == 0
    text = capsys.readouterr().out

    for part in ("G.5", "interleaving:", "ip -n left link del end0", "finding:", "--check --only"):
        assert part in text
    assert rtnl_model.cli.main(["bugs", "G.55"]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_a_failed_command_is_never_clean(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither where it stops nor where it keeps going."""
    path = tmp_path / "fails.ip"
    path.write_text("ip netns add a\nip -n a link del nothing\nip netns add b\n")
    for call, status in ((["run", str(path)], 1), (["run", str(path), "--keep-going"], 0)):
        assert rtnl_model.cli.main(call) == status
        text = capsys.readouterr().out
        assert "clean" not in text
        assert "1 command failed; no findings" in text


def test_a_known_defect_is_explained_where_it_appears(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tag, what it stands for, where to read on; and that a work waits for itself."""
    from rtnl_model.lab.catalogue import entry

    path = tmp_path / "g5.ip"
    path.write_text(entry("G.5").scenario)
    status = rtnl_model.cli.main(["run", str(path), "--workers", "percpu", "--cpus", "1"])
    text = capsys.readouterr().out

    assert status == 0
    assert "known:G.5: works of one CPU" in text
    assert "rtnl-model bugs G.5" in text
    assert "waits for itself" in text
    assert "one order" not in text
    assert "/None" not in text


@pytest.mark.parametrize("call", [["bugs"], ["run", "@T1", "--rtnl", "small"], ["--help"]])
def test_a_reader_that_has_gone_is_no_error(call: list[str]) -> None:
    """`| head`: nothing on stderr, and the status of the work."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([sys.executable, "-m", "rtnl_model", *call], stdout=writer,
                              stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=240,
                              check=False)  # fmt: skip
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (0, "")


def test_explore_says_where_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every --report does."""
    program = tmp_path / "bank.py"
    program.write_text(
        "import threading\n"
        "def f():\n    t = threading.Thread(target=print)\n    t.start(); t.join()\n"
    )
    calls = {
        "a": lambda out: rtnl_model.cli.main(
            ["explore", "@T2", "--schedules", "3", "--seed", "1", "--report", out]
        ),
        "b": lambda out: lockcheck.cli.main(
            ["explore", f"{program}::f", "--schedules", "2", "--report", out]
        ),
        "c": lambda out: rtnl_model.cli.main(["run", "@T2", "--report", out]),
    }
    for name, call in calls.items():
        out = str(tmp_path / name)
        call(out)
        assert f"{out}/index.html" in capsys.readouterr().out
        assert (tmp_path / name / "index.html").is_file()
