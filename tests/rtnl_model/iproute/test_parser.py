"""The script language: what it reads, and how it says what is wrong."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest

from rtnl_model.iproute import ScriptError, normalise, parse_scenarios, parse_script
from rtnl_model.iproute.commands import (
    LinkAdd,
    LinkDel,
    LinkSet,
    Modprobe,
    NetnsAdd,
    Par,
    Refused,
    Rmmod,
    Seq,
    Sleep,
    Sysctl,
)
from rtnl_model.iproute.kind_words import KIND_OPTIONS
from rtnl_model.lab.model_run import ModelSetting, link_kinds

DATA = Path(__file__).parents[2] / "data"
SCENARIOS = ("scenarios", "scenarios-topologies", "scenarios-netkit", "scenarios-netkit-nonotifier")

COVER_LETTER = """
  # ip netns add ns1
  # ip netns add ns2
  # ip -n ns1 link add veth0 type veth peer veth1
  # ip -n ns2 link add ipvl2 link veth0 link-netns ns1 type ipvlan mode l2
  # ip -n ns1 link del veth0
"""


def one(text: str) -> object:
    """The only step of a script."""
    (step,) = parse_script(text).steps
    return step


def wrong(text: str) -> ScriptError:
    """The error of a script."""
    with pytest.raises(ScriptError) as caught:
        parse_script(text, "s.ip")
    return caught.value


def scenario_text(name: str) -> str:
    return gzip.decompress((DATA / f"{name}.json.gz").read_bytes()).decode()


def test_a_pasted_cover_letter_is_its_commands() -> None:
    """The prompt in front of each line is ignored."""
    script = parse_script(COVER_LETTER)

    assert [type(s).__name__ for s in script.steps] == [
        "NetnsAdd",
        "NetnsAdd",
        "LinkAdd",
        "LinkAdd",
        "LinkDel",
    ]


def test_a_comment_is_no_prompt() -> None:
    """A line that begins with # is a comment unless it reads like a command."""
    script = parse_script("# ip is what we type here\n# sleep well\nip netns add a  # why\n")

    assert script.steps == (NetnsAdd(name="a"),)


@pytest.mark.parametrize(
    "short",
    [
        "ip -n n1 l d v0",
        "ip -netns n1 link delete dev v0",
        "ip netns exec n1 ip li del v0",
        "ip net e n1 ip link d v0",
        "ip -n n1 link del 'v0'",
        "ip -n n1 \\\n link del v0",
    ],
)
def test_abbreviations_mean_the_whole_word(short: str) -> None:
    """What ip accepts for a keyword is accepted."""
    assert one(short) == one("ip -n n1 link del v0")


def test_background_commands_start_together() -> None:
    """`a & b & wait` is one Par."""
    step = one("ip link del a & ip link del b & wait")

    assert isinstance(step, Par)
    assert [type(s) for s in step.steps] == [LinkDel, LinkDel]


def test_a_foreground_command_runs_beside_the_background() -> None:
    """Without wait, what follows runs at the same time as what was sent to the background."""
    step = one("( ip link del a; sleep 1 ) &\nip link del b\nip link del c")

    assert isinstance(step, Par)
    first, second = step.steps
    assert isinstance(first, Seq)
    assert isinstance(first.steps[1], Sleep)
    assert isinstance(second, Seq)


def test_wait_separates_what_runs_together() -> None:
    """After wait everything is in the foreground again."""
    script = parse_script("ip link del a & ip link del b & wait; ip link del c")

    assert [type(s) for s in script.steps] == [Par, LinkDel]


def test_one_letter_is_a_device_while_none_is_named() -> None:
    """`ip link add a link d1 …` makes a device called a."""
    step = one("ip link add a link d1 link-netns n1 type ipvlan mode l2")

    assert isinstance(step, LinkAdd)
    assert [(o.key, o.value) for o in step.options] == [
        ("dev", "a"),
        ("link", "d1"),
        ("link-netns", "n1"),
    ]


def test_modules_sysctls_and_sleeps_are_commands() -> None:
    """The words beside ip."""
    script = parse_script(
        "modprobe veth; rmmod veth; sleep 0.5\n"
        "ip netns exec n sysctl -w net.ipv6.conf.v1.10.addr_gen_mode=1\n"
        "sysctl net.ipv6.conf.lo.disable_ipv6"
    )

    assert script.steps == (
        Modprobe(module="veth"),
        Rmmod(module="veth"),
        Sleep(seconds=0.5),
        Sysctl(netns="n", dev="v1.10", key="addr_gen_mode", value="1"),
        Sysctl(dev="lo", key="disable_ipv6", value=None),
    )


def test_a_failure_may_be_excused() -> None:
    """`2>/dev/null || true` marks a command that may fail."""
    step = one("ip link set v0 up 2>/dev/null || true")

    assert isinstance(step, LinkSet)
    assert step.may_fail


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("ip lnk add v", 1, 4, "did you mean 'link'?"),
        ("ip netns add a\nip link add v type vlna", 2, 20, "unknown kind 'vlna'"),
        ("ip link add v type batadv", 1, 20, "no driver"),
        ("ip link set v0 mtoo 3", 1, 16, "unknown option of ip link 'mtoo'"),
        ("ip link add v0 type veth pear v1", 1, 26, "did you mean 'peer'?"),
        ("ip link add v0 type ipvlan mode", 1, 32, "a value for mode"),
        ("ip link add v0", 1, 15, "type KIND"),
        ("ip netns frob x", 1, 10, "unknown command of ip netns"),
        ("ip -q link", 1, 4, "unknown option of ip '-q'"),
        ("  ip", 1, 5, "an object"),
        ("frob", 1, 1, "unknown command 'frob'"),
        ('ip netns add "x', 1, 14, "unbalanced quote"),
        ("( ip netns add x", 1, 1, "unbalanced parenthesis"),
        ("ip netns add x )", 1, 16, "unexpected ')'"),
        ("( )", 1, 1, "empty parentheses"),
        ("& ip netns add x", 1, 1, "unexpected '&'"),
        ("ip netns add $x", 1, 14, "variable"),
        ("ip netns add x | cat", 1, 16, "pipe"),
        ("ip netns add x && ip netns add y", 1, 16, "'&&'"),
        ("ip netns add x > /tmp/x", 1, 16, "redirection"),
        ("ip netns add a b", 1, 16, "unexpected word"),
        ("sleep x", 1, 7, "not a time"),
        ("sleep", 1, 6, "seconds"),
        ("sysctl kernel.panic=1", 1, 8, "unknown sysctl"),
        ("sysctl net.ipv6.conf.v0.forwading=1", 1, 25, "unknown sysctl"),
        ("lease p0 queue x to nk0", 1, 16, "not a number"),
        ("lease p0 queue 1 nk0", 1, 18, "'to'"),
        ("ip link add p type phys queues 0", 1, 20, "1 to 1024"),
        ("ip route add default", 1, 4, "unknown object"),
        ("ip netns add a\x01b", 1, 15, "not a text file"),
        ("rmmod", 1, 6, "a module"),
        ("wait now", 1, 6, "unexpected 'now'"),
    ],
)
def test_an_error_names_place_and_expectation(text: str, line: int, column: int, says: str) -> None:
    """Line, column, and what was expected, in one line."""
    error = wrong(text)

    assert (error.line, error.column) == (line, column)
    assert says in str(error)
    assert str(error).startswith(f"s.ip:{line}:{column}: ")
    assert "\n" not in str(error)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "wait\n"])
def test_a_script_without_commands_is_wrong(text: str) -> None:
    """An empty file is no script."""
    assert "no commands" in str(wrong(text))


def test_ten_megabytes_are_no_script() -> None:
    """A script is something a person wrote."""
    assert "too long" in str(wrong("ip netns add x\n" * 700_000))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_recorded_scenario_is_read(name: str) -> None:
    """Only a command that ip itself refuses is Refused, and there is exactly one such."""
    scripts = parse_scenarios(scenario_text(name), name)
    refused = [c.text for s in scripts for c in s.commands() if isinstance(c, Refused)]

    assert len(scripts) == len(json.loads(scenario_text(name)))
    assert refused == (["ip -n ns1 link add x0"] if name == "scenarios" else [])


@pytest.mark.parametrize("name", SCENARIOS)
def test_canonical_text_reads_as_the_same_script(name: str) -> None:
    """parse(normalise(s)) == s for every recorded scenario."""
    for script in parse_scenarios(scenario_text(name), name):
        text = normalise(script)
        again = parse_script(text, script.name, strict=False)

        assert again == script
        assert normalise(again) == text


def test_canonical_text_forgets_how_it_was_written() -> None:
    """Abbreviations, quotes, prompts, comments and blanks do not reach the canonical text."""
    one_way = "# ip net add 'n1'\n ip -n n1 l d v0 & ( ip l d v1 ;sleep 1.50 ) &  wait # x"
    other = "ip netns add n1;ip -netns n1 link delete dev v0 &\n(ip link del v1\nsleep 1.5)&wait"

    assert normalise(parse_script(one_way)) == normalise(parse_script(other))


def test_random_text_is_refused_or_read_never_a_crash(seed: int) -> None:
    """Any sequence of words and separators is a script or a ScriptError."""
    rng = random.Random(seed)
    words = [
        "ip",
        "link",
        "add",
        "del",
        "set",
        "netns",
        "-n",
        "n1",
        "v0",
        "type",
        "veth",
        "peer",
        "name",
        "ipvlan",
        "mode",
        "l2",
        "&",
        ";",
        "(",
        ")",
        "\n",
        "wait",
        "'",
        '"',
        "#",
        "|",
        "sleep",
        "1",
        "up",
        "mtu",
        "lease",
        "queue",
        "to",
        "nk",
        "after",
        "5",
        "phys",
        "\\\n",
    ]
    for _ in range(3000):
        text = " ".join(rng.choices(words, k=rng.randrange(1, 14)))
        told = ""
        try:
            script = parse_script(text)
        except ScriptError as error:
            told = str(error)
        else:
            assert normalise(parse_script(normalise(script), strict=False)) == normalise(script)

        assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "no scenarios"),
        ("{}", 'no list "ops"'),
        ("[1]", "not a scenario"),
        ('{"ops": []}', "no ops"),
        ('{"ops": [{"cmd": "ip link"}]}', 'no "op"'),
        ('{"ops": [{"op": "lease"}]}', "lacks or misuses the field 'dev'"),
        ('{"ops": [{"op": "laese"}]}', "did you mean 'lease'?"),
        ('{"ops": [{"op": "par", "ops": []}]}', 'par without "ops"'),
        ('{"ops": [{"op": "seq", "ops": [{"op": 3}]}]}', "ops[0].ops[0]"),
        ('{"ops": [{"op": "x", "cmd": 7}]}', "'cmd'"),
        ("[" * 100_000, "not"),
    ],
)
def test_a_wrong_scenario_is_told_in_one_line(text: str, says: str) -> None:
    """JSON errors name what is wrong and where."""
    with pytest.raises(ScriptError) as caught:
        parse_scenarios(text, "s.json")

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_ops_are_understood_from_their_fields() -> None:
    """An op beyond ip needs no cmd."""
    ops = [op for s in json.loads(scenario_text("scenarios-netkit")) for op in s["ops"]]
    compared = 0
    for op in ops:
        if op["op"] not in ("phys-add", "phys-del", "port-del", "lease", "queues", "wipe"):
            continue
        with_cmd = parse_scenarios(json.dumps({"ops": [op]}), "s")[0].steps
        fields = {k: v for k, v in op.items() if k != "cmd"}
        without = parse_scenarios(json.dumps({"ops": [fields]}), "s")[0].steps
        if " - " not in op["cmd"] and "after" not in op["cmd"]:
            compared += 1
            assert with_cmd == without

    assert compared > 100


def test_every_kind_with_a_driver_has_its_options() -> None:
    """What a script may say after `type KIND` is known for each driver of the model."""
    assert link_kinds(ModelSetting()) == set(KIND_OPTIONS)


def test_a_damaged_scenario_is_refused_or_read_never_a_crash(seed: int) -> None:
    """Whatever stands in a field of an op: a script or a ScriptError of one line."""
    rng = random.Random(seed)
    wrong = [None, "", "a b", -1, 1.5, True, [], {}, "x" * 300, 1 << 40, "init", "-"]
    scenarios = json.loads(scenario_text("scenarios-netkit"))
    refused = 0
    for _ in range(2000):
        ops = json.loads(json.dumps(rng.choice(scenarios)["ops"]))
        op = rng.choice(ops)
        if rng.random() < 0.7:
            op.pop("cmd", None)
        op[rng.choice([*op, "op", "netns", "queue"])] = rng.choice(wrong)
        try:
            script = parse_scenarios(json.dumps({"ops": ops}), "s.json")[0]
        except ScriptError as error:
            refused += "\n" not in str(error)
        else:
            assert normalise(parse_script(normalise(script), strict=False)) == normalise(script)

    assert refused > 500
