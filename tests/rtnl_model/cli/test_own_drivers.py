"""A driver of the user's own: three wrong ones, and the right one they lead to.

The page `rtnl_model/kernel/links/README.md` walks the same way.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

import rtnl_model.kernel.links as links
from rtnl_model.cli import main

SCRIPT = """
ip netns add ns1
ip netns add ns2
ip -n ns1 link add d1 type dummy
ip -n ns2 link add s1 link d1 link-netns ns1 type shadow
ip -n ns1 link del d1 & ip -n ns2 link del s1 & wait
"""
HEAD = """\
from rtnl_model.kernel.links import LinkDriver


class Shadow(LinkDriver):
    kind = "shadow"
"""


def driver(folder: Path, text: str, name: str = "shadow.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def script(folder: Path, text: str = SCRIPT) -> str:
    path = folder / "shadow.ip"
    path.write_text(text)
    return str(path)


def page_code() -> str:
    """The driver that the page ends with."""
    page = (Path(links.__file__).parent / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def one_line(said: str) -> str:
    assert said.count("\n") == 1, said
    return said


WRONG_FILES = {
    "syntax": ("def f(:\n", "shadow.py:1: "),
    "raises": ("x = 1\nundefined\n", "shadow.py:2: NameError: name 'undefined' is not defined"),
    "leaves": ("import sys\nsys.exit(0)\n", "shadow.py:2: it ends the program"),
    "nothing-in-it": ("x = 1\n", "no subclass of LinkDriver"),
    "a-kind-of-ours": (HEAD.replace('"shadow"', '"veth"'), "a kind 'veth' already"),
    "twice": (HEAD + "\n\nclass Other(Shadow):\n    pass\n", "two classes have the kind 'shadow'"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
@pytest.mark.parametrize("command", ["run", "explore", "stress"])
def test_a_wrong_file_is_its_author_s(
    case: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it is read: file, line, text; status 2, one line."""
    text, told = WRONG_FILES[case]
    call = [command] if command == "stress" else [command, script(tmp_path)]
    status = main([*call, "--driver", driver(tmp_path, text)])

    assert status == 2
    assert told in one_line(capsys.readouterr().err)


def test_a_kind_may_be_replaced_on_purpose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --replace the user's class stands in the place of the model's."""
    text = page_code().replace('kind = "shadow"', 'kind = "dummy"')
    path = script(tmp_path, "ip netns add a\nip -n a link add d0 type veth peer name d1\n")
    call = ["run", path, "--driver", driver(tmp_path, text)]

    assert main(call) == 2
    assert main([*call, "--replace"]) == 0
    capsys.readouterr()


TYPO = (
    HEAD
    + """
    def setup(self, dev):
        dev.needs_free_netdev = True

    def newlink(self, dev, params):
        self.k.dev.register_netdevice(dev)

    def ndo_uninit(self, dev):
        self.k.dev.netdev_upper_dev_unlnk(dev, dev)
"""
)


@pytest.mark.parametrize("where", ["ip -n ns1 link del s1", "ip netns del ns1"])
def test_the_first_wrong_driver_has_a_slip(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception in a callback, on the caller's thread or on a worker: file, line, text, thread.

    It is no defect of the model's, has no traceback, and no finding follows from it.
    """
    hook = threading.excepthook
    path = script(tmp_path, f"ip netns add ns1\nip -n ns1 link add s1 type shadow\n{where}\n")
    status = main(["run", path, "--driver", driver(tmp_path, TYPO)])
    said = capsys.readouterr()

    assert status == 2
    line = one_line(said.err)
    assert re.search(r"shadow\.py:\d+ in ndo_uninit: AttributeError", line)
    assert "netdev_upper_dev_unlink" in line
    assert "(in thread " in line
    assert "finding" not in said.out
    assert threading.excepthook is hook


def test_an_explored_slip_names_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the controlled scheduler it is a finding with the user's line, not a defect of ours."""
    path = script(tmp_path, "ip netns add ns1\nip -n ns1 link add s1 type shadow\n"
                            "ip -n ns1 link del s1 & ip netns add ns2 & wait\n")  # fmt: skip
    call = ["explore", path, "--driver", driver(tmp_path, TYPO), "--schedules", "3"]
    status = main(
        [*call, "--seed", "1", "--jobs", "1"] if "--jobs" in options() else [*call, "--seed", "1"]
    )
    said = capsys.readouterr()

    assert status in (1, 2)
    assert "shadow.py:14" in said.out + said.err
    assert "defect of rtnl-model" not in said.err


def test_what_follows_from_a_slip_is_not_reported_in_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The thread that dies of it leaves the lower waiting: one finding, the user's line first."""
    broken = page_code().replace("netdev_upper_dev_unlink", "netdev_upper_dev_unlnk")
    assert broken != page_code()
    call = ["explore", script(tmp_path), "--driver", driver(tmp_path, broken), "--rtnl", "pernet"]

    assert main([*call, "--schedules", "20", "--seed", "3", "--jobs", "1", "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert found["kind"] == "exception"
    assert found["title"].startswith("ip ")
    assert "netdev_upper_dev_unlnk" in found["title"]


def options() -> list[str]:
    from rtnl_model.cli.main import parser_of

    return parser_of("explore").options()


def explored(folder: Path, text: str, rtnl: str) -> int:
    return main([
        "explore", script(folder), "--driver", driver(folder, text), "--rtnl", rtnl,
        "--schedules", "200", "--seed", "7",
    ])  # fmt: skip


def test_the_second_wrong_driver_takes_the_other_lock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It unregisters a device of another namespace itself; the model says whose job that is."""
    code = page_code()
    broken = code.replace("unregister_netdevice_queue_net(net, ", "unregister_netdevice_queue(")
    broken = re.sub(
        r"unregister_netdevice_queue_net\(\s*[^,]+,\s*", "unregister_netdevice_queue(", broken
    )
    assert broken != code

    assert explored(tmp_path, broken, "pernet") == 1
    assert "netns" in capsys.readouterr().out


def test_the_third_wrong_driver_forgets_that_two_may_come(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the mark that a device is dying, two deleters queue it twice."""
    code = page_code()
    broken = code.replace('if not dev.priv["dying"]:', "if True:")
    assert broken != code

    assert explored(tmp_path, broken, "pernet") == 1
    capsys.readouterr()


def test_a_test_outside_of_the_mutex_is_found_and_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a driver keeps in a dictionary is a point, declared by nobody; its token repeats it."""
    code = page_code()
    broken = code.replace(
        """        with self.mutex:
            if not dev.priv["dying"]:""",
        """        if not dev.priv["dying"]:
            with self.mutex:""",
    )
    assert broken != code
    file = driver(tmp_path, broken)
    words = ["explore", script(tmp_path), "--driver", file, "--rtnl", "pernet"]

    assert main([*words, "--strategy", "dpor", "--seed", "7", "--jobs", "1", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"][0]
    assert "not in list" in found["title"]
    assert main(["replay", found["replay"], "--driver", file]) == 1
    assert "not in list" in capsys.readouterr().out


def stressed(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    """A short stress of that driver alone: its status, and what it says as JSON."""
    file = driver(folder, text)
    call = ["stress", "--driver", file, "--drivers", "shadow", "--rtnl", "pernet"]
    status = main([*call, "--ops", "120", "--seed", "5", "--timing", "zero", "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_a_stress_gives_a_driver_the_lower_that_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no other kind was asked for, dummies are made for it to stand on."""
    status, told = stressed(tmp_path, page_code(), capsys)

    assert status == 0
    assert told["drivers"] == ["shadow", "dummy"]
    assert told["operations_per_driver"]["shadow"] > 10
    assert told["never_made"] == {}


def test_a_stress_that_makes_none_of_a_driver_s_devices_is_incomplete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what the last one was refused with."""
    code = page_code()
    broken = code.replace("if lower is None:", "if not params.req.address:")
    assert broken != code
    status, told = stressed(tmp_path, broken, capsys)

    assert status == 3
    assert told["never_made"] == {"shadow": "RTNETLINK answers: No such device"}
    assert not told["complete"]


def test_the_right_driver_survives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's own, in the same schedules."""
    assert explored(tmp_path, page_code(), "pernet") == 0
    capsys.readouterr()
