"""Scripts of a hunt: drawn, changed, cut down, and written for a real kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from rtnl_model.iproute import Script, normalise, parse_script
from rtnl_model.iproute.commands import LinkAdd, LinkDel, Par
from rtnl_model.lab.fuzz.cause import cause_of
from rtnl_model.lab.fuzz.draw import drawn
from rtnl_model.lab.fuzz.folder import readable
from rtnl_model.lab.fuzz.mutate import mutated
from rtnl_model.lab.fuzz.places import near, places_of
from rtnl_model.lab.fuzz.reduce import names_of, reduce_script
from rtnl_model.lab.fuzz.reproduce import reproduce_script
from rtnl_model.lab.model_run import ModelSetting, link_kinds
from rtnl_model.lab.scenarios import KINDS

PAIR = """
ip netns add a; ip netns add b
ip -n a link add v0 type veth peer name v1 netns b
ip -n a link set v0 up
ip -n b link set v1 up & ip -n a link del v0 & wait
"""


def script(text: str) -> Script:
    return parse_script(text, "test")


def test_places_follow_peers_and_moves() -> None:
    """A device is where the set-up leaves it, its peer where it was asked to be."""
    text = PAIR.replace("ip -n a link set v0 up", "ip -n a link set v0 netns b")

    found = {(place.netns, place.name) for place in places_of(script(text))}

    assert found == {("b", "v0"), ("b", "v1")}


def test_a_changed_script_still_parses_and_keeps_its_race(seed: int) -> None:
    """Whatever changes are drawn: canonical text that reads back, two to four at one moment."""
    kinds = link_kinds(ModelSetting(rtnl="pernet"))
    rng = Random(seed)
    current = script(PAIR)
    for _ in range(200):
        current = mutated(current, rng, kinds)
        text = normalise(current)

        assert normalise(parse_script(text, "again", kinds=kinds, strict=False)) == text
        races = [step for step in current.steps if isinstance(step, Par)]
        assert len(races) == 1
        assert 2 <= len(races[0].steps) <= 4
        assert len(set(races[0].steps)) == len(races[0].steps)


def test_drawn_scripts_race_what_concerns_one_another(seed: int) -> None:
    """Every drawn script reads back and ends with two to four different commands at one moment;
    most races name two things that concern one another."""
    kinds = link_kinds(ModelSetting(rtnl="small"))
    meeting = 0
    for number in range(40):
        made = drawn(Random(f"{seed}/{number}"), kinds, (*KINDS, "phys"))
        text = normalise(made)

        assert normalise(parse_script(text, "again", kinds=kinds, strict=False)) == text
        race = made.steps[-1]
        assert isinstance(race, Par)
        assert 2 <= len(race.steps) <= 4
        assert len(set(race.steps)) == len(race.steps)
        words = set(normalise(Script((race,))).split())
        named = {place.name for place in places_of(made) if place.name in words}
        around = {place.name for place in near(places_of(made), named)}
        concerned = around | {space for place in places_of(made) for space in place.spaces}
        meeting += bool(concerned & words)
    assert meeting >= 38


def test_only_wanted_kinds_are_drawn(seed: int) -> None:
    """`--drivers veth`: pairs, and a plain device where something must stand on one."""
    kinds = link_kinds(ModelSetting(rtnl="small"))
    for number in range(30):
        made = drawn(Random(f"{seed}/{number}"), kinds, ("veth",))

        assert {place.kind for place in places_of(made)} <= {"veth", "dummy"}


def test_what_is_near_is_what_a_device_was_made_with() -> None:
    """An upper, its lower, and the lower's other end; not the stranger."""
    places = places_of(
        script(
            "ip netns add a; ip netns add b\n"
            "ip -n a link add v0 type veth peer name v1 netns b\n"
            "ip -n a link add u0 link v0 type vlan id 5\n"
            "ip -n b link add d0 type dummy\n"
        )
    )

    assert {place.name for place in near(places, {"u0"})} == {"u0", "v0", "v1"}


def test_a_script_is_cut_down_to_what_shows_the_cause() -> None:
    """Namespaces, steps, branches and options that the cause does not need go."""
    large = script(
        """
ip netns add a; ip netns add b; ip netns add c
ip -n a link add v0 mtu 1400 type veth peer name v1 netns b
ip -n c link add d0 type dummy
ip -n a link set v0 up
ip -n b link set v1 up & ip -n a link del v0 & ip -n c link del d0 & wait
"""
    )

    def shows(candidate: Script) -> bool:
        deletes = [c for c in candidate.commands() if isinstance(c, LinkDel)]
        made = {place.name for place in places_of(candidate)}
        return "v0" in made and any("v0" in normalise(Script((c,))) for c in deletes)

    reduced = reduce_script(large, shows, seconds=60.0)

    assert reduced.finished
    assert shows(reduced.script)
    assert len(reduced.script.commands()) == 2
    assert "mtu" not in normalise(reduced.script)


def test_a_device_is_raised_where_it_is_made() -> None:
    """`ip link add v0 up`, where the device must be up: a line less."""

    def shows(candidate: Script) -> bool:
        made = {place.name for place in places_of(candidate)}
        raised = "v0 up" in normalise(candidate) or any(
            option.key == "up"
            for command in candidate.commands()
            if isinstance(command, LinkAdd)
            for option in command.options
        )
        return {"v0", "v1"} <= made and raised

    reduced = reduce_script(script(PAIR), shows, seconds=60.0)

    assert len(reduced.script.commands()) == 1
    assert shows(reduced.script)


def test_time_up_is_not_finished() -> None:
    """When time is up first, the result says so and is the best so far."""
    ticks = iter(range(1000))

    reduced = reduce_script(
        script(PAIR), lambda _candidate: False, seconds=2.0, clock=lambda: float(next(ticks))
    )

    assert not reduced.finished
    assert normalise(reduced.script) == normalise(script(PAIR))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("hang", "ip waits for v0 of ns1 to become free", ()),
         ("hang", "ip waits for w7 of ns22 to become free", ())),
        (("invariant", "v0: freed 2 times", ("known:G.1",)),
         ("invariant", "w7: freed 3 times", ("known:G.1",))),
    ],
)  # fmt: skip
def test_names_do_not_tell_causes_apart(
    one: tuple[str, str, tuple[str, ...]], other: tuple[str, str, tuple[str, ...]]
) -> None:
    """Two scripts' findings are one cause when only names and numbers differ."""

    def cause(row: tuple[str, str, tuple[str, ...]]) -> object:
        kind, title, tags = row
        finding = {"kind": kind, "title": title, "data": {"tags": list(tags)}}
        return cause_of(finding, {"v0", "ns1", "w7", "ns22"})

    assert cause(one) == cause(other)


def test_tags_tell_causes_apart() -> None:
    """A finding beside a known defect is not that defect."""
    plain = cause_of({"kind": "hang", "title": "x"}, ())
    known = cause_of({"kind": "hang", "title": "x", "data": {"tags": ["known:G.1"]}}, ())

    assert plain != known
    assert known.known
    assert not plain.known


def test_names_of_a_script() -> None:
    """Namespaces, devices and peers."""
    assert names_of(script(PAIR)) >= {"a", "b", "v0", "v1"}


def test_reproduce_is_a_shell_script_that_starts_the_race_together() -> None:
    """Every command in it, those of the race in the background, and a shell accepts it."""
    text = reproduce_script(script(PAIR), title='hang: "v0"\n$(rm -rf /)')

    assert "ip -n b link set dev v1 up 2>/dev/null &\n" in text
    assert "ip -n a link delete dev v0 2>/dev/null &\n    wait\n" in text
    assert text.splitlines()[1].startswith("# ")
    assert text.splitlines()[2].startswith("# ")
    shell = shutil.which("sh")
    if shell is not None:
        subprocess.run([shell, "-n"], input=text, text=True, check=True)


FAKE_GREP = """#!/bin/sh
case "$1" in
-ls)
    echo >> "$TMPDIR/asked"
    [ $(wc -l < "$TMPDIR/asked") -le "$AWAKE" ] || echo /dev/null ;;
*) exec {grep} "$@" ;; esac
"""


@pytest.mark.parametrize(
    ("ip", "log", "awake", "said", "status"),
    [
        ("exit 0", "", 99, "not seen in 2 rounds", 0),
        ("exit 0", "WARNING: CPU: 1 PID: 7 at net/core/dev.c", 99, "seen in round 1 of 2", 1),
        ("exit 0", "", 1, "stuck in round 1 of 2", 1),
        ("exit 1", "", 99, "failed: ip netns add b", 2),
    ],
    ids=["nothing", "a line in the log", "a task that sleeps for ever", "no set-up"],
)
def test_reproduce_says_what_it_saw(
    tmp_path: Path, ip: str, log: str, awake: int, said: str, status: int
) -> None:
    """A line of the log, a task that does not wake up, or neither; the commands are stand-ins.

    A set-up that failed is never a silent "not seen".
    """
    grep, shell = shutil.which("grep"), shutil.which("sh")
    if grep is None or shell is None:
        pytest.skip("no shell here")
    fakes = {"ip": f"#!/bin/sh\n{ip}\n", "dmesg": f"#!/bin/sh\necho '{log}'\n"}
    for name, text in (fakes | {"grep": FAKE_GREP.format(grep=grep)}).items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    search = f"{tmp_path}:{os.environ['PATH']}"
    env = {"PATH": search, "TMPDIR": str(tmp_path), "AWAKE": str(awake), "ROUNDS": "2"}
    env["PATIENCE"] = "600" if awake > 1 else "0"

    done = subprocess.run(
        [shell], input=reproduce_script(script(PAIR), title="pair"), env=env, text=True,
        capture_output=True, check=False,
    )  # fmt: skip

    assert (done.stdout.splitlines()[-1], done.returncode) == (said, status)


def test_a_readable_script_is_the_same_script() -> None:
    """Namespaces share a line; what is read back is what it was."""
    text = normalise(script(PAIR))

    short = readable(text)

    assert normalise(script(short)) == text
    assert short.startswith("ip netns add a; ip netns add b\nip -n a link add")
