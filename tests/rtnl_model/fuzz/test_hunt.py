"""A whole hunt, small: a seeded bug is found from random scripts and cut down to a folder."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rtnl_model.iproute import parse_script
from rtnl_model.lab.fuzz import probe as probe_module
from rtnl_model.lab.fuzz.cause import cause_of
from rtnl_model.lab.fuzz.corpus import Kept
from rtnl_model.lab.fuzz.folder import write_finding
from rtnl_model.lab.fuzz.hunt import Hunt, HuntOptions
from rtnl_model.lab.fuzz.probe import probe
from rtnl_model.lab.fuzz.reduce import names_of
from rtnl_model.lab.fuzz.task import Pursue, Pursued, Search, Worker
from rtnl_model.lab.model_run import ModelSetting

CROSSED = """
ip netns add a; ip netns add b; ip netns add c
ip -n c link add d0 type dummy
ip -n a link add v0 type veth peer name v1 netns b
ip -n b link add w0 type veth peer name w1 netns a
ip -n a link set v0 up
ip -n a link del v0 & ip -n b link del w0 & ip -n c link set d0 up & wait
"""


def test_a_finding_is_pursued_into_a_folder(tmp_path: Path) -> None:
    """The ABBA of `naive`: found, confirmed by strict replay, cut down, and everything written."""
    setting = ModelSetting(rtnl="naive", timing="zero")
    script = parse_script(CROSSED, "crossed")
    probed = probe(script, setting, seed=1, seconds=60.0)
    finding = next(f for f in probed.findings if f["confirmed"])
    cause = cause_of(finding, names_of(script))

    answer = Worker(setting).perform(Pursue(CROSSED, cause, 1, 600.0, finding))

    assert isinstance(answer, Pursued)
    assert "d0" not in answer.script
    home = write_finding(tmp_path, cause, answer.script, setting, answer.finding)
    wanted = {"script.ip", "token.txt", "columns.txt", "finding.json", "reproduce.sh", "report"}
    assert {path.name for path in home.iterdir()} == wanted
    assert json.loads((home / "finding.json").read_text())["cause"]["id"] == cause.ident
    assert (home / "report" / "index.html").is_file()


def test_a_probe_is_repeatable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed explores the same schedules and reaches the same features."""
    monkeypatch.setattr(probe_module, "ROUNDS_MAX", 2)
    setting = ModelSetting(rtnl="pernet", timing="zero")
    script = parse_script(CROSSED, "crossed")

    first, again = (probe(script, setting, seed=7, seconds=600.0) for _ in range(2))

    assert first.features == again.features
    assert (first.schedules, first.orders) == (again.schedules, again.orders)


def test_a_traced_schedule_knows_the_kernel_s_branches() -> None:
    """What is traced reaches into the threads of the commands and of the works."""
    script = parse_script(CROSSED, "crossed")

    plain = probe_module._traced(script, ModelSetting(rtnl="pernet", timing="zero"))
    other = probe_module._traced(script, ModelSetting(rtnl="small", timing="zero"))

    assert len(plain & other) > 400
    assert plain != other


MOVED = """
ip netns add left; ip netns add right; ip netns add third
ip -n left link add low0 type dummy
ip -n right link add upp0 link low0 link-netns left type ipvlan mode l2
ip -n left link set low0 netns third & ip -n left link set low0 up & wait
"""


@pytest.mark.parametrize("bugs", [(), ("moved-is-gone",)])
def test_a_device_that_nobody_deleted_is_missed(bugs: tuple[str, ...]) -> None:
    """An upper that is gone though its lower only moved is a finding; without the bug, none."""
    setting = ModelSetting(rtnl="small", timing="zero", bugs=bugs)

    probed = probe(parse_script(MOVED, "moved"), setting, seed=1, seconds=60.0)

    assert [str(f["title"]).split()[:3] for f in probed.findings] == [
        ["upp0", "is", "gone,"]
    ] * len(bugs)


@pytest.mark.parametrize(
    "words",
    [["--drivers", "vethh"], ["--shard", "3/2"], ["--seconds", "0"], ["--out", "/dev/null/x"]],
)
def test_wrong_calls_are_one_line(tmp_path: Path, words: list[str]) -> None:
    """Status 2, and what is wrong, by its own option; no folder is made for it."""
    done = subprocess.run(
        [sys.executable, "-m", "rtnl_model", "fuzz", "--out", str(tmp_path), *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert words[0] in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_hunt_leaves_a_corpus_that_the_next_one_needs_told(tmp_path: Path) -> None:
    """A second hunt into the same folder goes on only with --resume."""
    call = [sys.executable, "-m", "rtnl_model", "fuzz", "--rtnl", "pernet", "--seconds", "2",
            "--jobs", "1", "--seed", "5", "--out", str(tmp_path), "--json"]  # fmt: skip

    first = subprocess.run(call, capture_output=True, text=True, check=False)
    document = json.loads(first.stdout)

    assert document["schema"] == "rtnl-model/fuzz/1"
    assert document["scripts"] >= 1
    assert not document["crashes"]
    assert list((tmp_path / "corpus").glob("*.json"))
    again = subprocess.run(call, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "--resume" in again.stderr


def hunt_in(folder: Path, rtnl: str = "naive", **options: Any) -> Hunt:
    """A hunt of one worker into a folder."""
    for name in ("corpus", "findings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    setting = ModelSetting(rtnl=rtnl, timing="zero")
    return Hunt(setting, HuntOptions(seconds=600.0, jobs=1, seed=5, folder=folder, **options))


def interrupt(hunt: Hunt) -> None:
    """Ctrl-C after the first script."""
    if hunt.tally.scripts:
        raise KeyboardInterrupt


def test_an_interrupted_hunt_leaves_a_whole_corpus_and_no_process(tmp_path: Path) -> None:
    """What was kept can be read, the next hunt goes on behind it, and its worker is gone."""
    before = set(multiprocessing.active_children())
    hunt = hunt_in(tmp_path)

    hunt.run(interrupt)

    assert hunt.interrupted
    assert set(multiprocessing.active_children()) <= before
    again = hunt_in(tmp_path)
    assert again.resume() == len(hunt.corpus.kept) >= 1
    assert again.corpus.features == hunt.corpus.features
    assert again.past.scripts == hunt.tally.scripts


def test_a_cause_of_an_earlier_hunt_is_listed_and_not_cut_down_again(tmp_path: Path) -> None:
    """A resumed hunt, and one that merges, know it: it counts, and neither ends nor repeats it."""
    setting = ModelSetting(rtnl="naive", timing="zero")
    script = parse_script(CROSSED, "crossed")
    probed = probe(script, setting, seed=1, seconds=60.0)
    finding = next(f for f in probed.findings if f["confirmed"])
    cause = cause_of(finding, names_of(script))
    one, other = hunt_in(tmp_path / "one"), hunt_in(tmp_path / "other", findings=1)
    home = write_finding(tmp_path / "one" / "findings", cause, CROSSED, setting, finding)
    one.corpus.take(Kept(CROSSED, (1, 2), 3, 3, "test"))

    assert other.merge(tmp_path / "one") == 1
    one.resume()

    for hunt in (one, other):
        (found,) = hunt.found.values()
        assert (found.cause, found.times, found.counts) == (cause, 0, True)
        assert not hunt._over()
        task = Search(1, CROSSED, "test", 1, 1.0, ())
        hunt._note(finding, names_of(script), task)
        assert found.times == 1
        assert hunt._pursuits == []
    assert (tmp_path / "other" / "findings" / home.name / "finding.json").is_file()
    stranger = hunt_in(tmp_path / "other", rtnl="pernet")
    stranger.resume()
    assert not stranger.found


ORPHAN = """
import os, signal, time
from rtnl_model.lab.fuzz.crew import Crew
from rtnl_model.lab.model_run import ModelSetting

class Long:
    def __reduce__(self):
        return time.sleep, (3600.0,)  # what the worker does to read its task

if __name__ == "__main__":
    crew = Crew(1, ModelSetting())
    crew.give(crew.idle(), Long())
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_ends_when_its_parent_was_killed(tmp_path: Path) -> None:
    """In the middle of an hour's task: its end of the pipe that both write to is closed."""
    program = tmp_path / "orphan.py"
    program.write_text(ORPHAN)

    done = subprocess.run([sys.executable, str(program)], capture_output=True, check=False)

    assert done.returncode == -signal.SIGKILL
