"""The model knows no name: renaming and permuting changes no verdict, and no scenario is known."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from rtnl_model.iproute import parse_script
from rtnl_model.lab.catalogue import entries
from rtnl_model.lab.model_run import ModelSetting, record
from rtnl_model.lab.topologies import topology

ROOT = Path(__file__).resolve().parents[3]
NAMES = re.compile(r"\b(ns\d|veth\d|ipvl\d|aa\d|bb\d|d1|bu|v0|v1)\b")
CROSSED = """
ip netns add ns1; ip netns add ns2
ip -n ns1 link add aa1 type veth peer aa2 netns ns2
ip -n ns2 link add bb2 type veth peer bb1 netns ns1
ip -n ns1 link del aa1
ip -n ns2 link del bb2
"""


def verdict(text: str, setting: ModelSetting) -> tuple[Any, ...]:
    """Statuses, how many devices each namespace has, kinds and severities of the findings."""
    document = record(parse_script(text), setting, keep_going=True).document
    return (
        [cmd["rc"] for op in document["ops"] for cmd in op["cmds"]],
        sorted(len(devs) for devs in document["ops"][-1]["devices"].values()),
        sorted({(f["kind"], f["severity"]) for f in document["findings"]}),
    )


def renamed(text: str, rng: random.Random) -> str:
    """Every namespace and device under another name."""
    words = sorted(set(NAMES.findall(text)))
    fresh = [f"{rng.choice('bcdfgklmnprtz')}{rng.randrange(10**6)}x" for _word in words]
    table = dict(zip(words, fresh, strict=True))
    return NAMES.sub(lambda found: table[found[0]], text)


@pytest.mark.parametrize("regime", ["global", "small", "pernet", "naive"])
@pytest.mark.parametrize("name", ["cover letter", "crossed pairs"])
def test_renaming_changes_no_verdict(regime: str, name: str, seed: int) -> None:
    """Other names for namespaces and devices: the same statuses, devices and findings."""
    text = topology("T1") if name == "cover letter" else CROSSED
    setting = ModelSetting(rtnl=regime)

    expected = verdict(text, setting)

    assert expected == verdict(renamed(text, random.Random(seed)), setting)


@pytest.mark.parametrize("regime", ["small", "pernet", "naive"])
def test_permuting_namespaces_changes_no_verdict(regime: str) -> None:
    """In whatever order the namespaces are made, which is the order of their locks."""
    head, *rest = CROSSED.strip().splitlines()
    makers = [part.strip() for part in head.split(";")]
    setting = ModelSetting(rtnl=regime)

    verdicts = {
        str(verdict("\n".join([*order, *rest]), setting)[::2])
        for order in itertools.permutations(makers)
    }

    assert len(verdicts) == 1


def test_renaming_lock_classes_changes_no_verdict() -> None:
    """The checker sees the ABBA whatever the lock's class is called."""

    def kinds(prefix: str) -> set[tuple[str, str]]:
        class Renamed(ModelSetting):
            def kernel(self, chk: Any, overlays: Any = ()) -> Any:
                make = chk.Lock

                def lock(name: Any = None, **words: Any) -> Any:
                    return make(f"{prefix}{name}", **words)

                chk.Lock = lock
                return super().kernel(chk, overlays)

        findings = record(parse_script(CROSSED), Renamed(rtnl="naive"), keep_going=True).findings
        return {(finding["kind"], finding["severity"]) for finding in findings}

    assert kinds("") == kinds("zz ")
    assert set() != kinds("")


def test_no_recorded_scenario_is_known_to_the_packages() -> None:
    """No name of a recorded scenario occurs in a source file of the packages."""
    scenarios: set[str] = set()
    for path in sorted((ROOT / "tests" / "data").glob("scenarios*.json.gz")):
        for scenario in json.loads(gzip.decompress(path.read_bytes())):
            scenarios.add(scenario["name"])
    scenarios -= {name for name in scenarios if re.fullmatch(r"T\d+\w*", name)}
    sources = [
        path for package in ("rtnl_model", "lockcheck") for path in (ROOT / package).rglob("*.py")
    ]

    assert len(scenarios) > 50
    for path in sources:
        words = set(re.findall(r"[\w.-]+", path.read_text()))

        assert set() == words & scenarios, path


def test_the_kernel_knows_no_device_of_a_script() -> None:
    """Device names of the cover letter and the catalogue do not occur in kernel or iproute."""
    scripts = [topology("T1"), *(entry.scenario for entry in entries())]
    names = {
        name
        for text in scripts
        for name in re.findall(r"\b(?:link add|name|peer name|peer) (\w+\d)\b", text)
    }
    sources = [
        path
        for room in ("kernel", "iproute")
        for path in (ROOT / "rtnl_model" / room).rglob("*.py")
    ]

    assert {"veth0", "ipvl2", "end0"} <= names
    for path in sources:
        code = re.sub(r'""".*?"""', "", path.read_text(), flags=re.S)

        assert set() == set(re.findall(r"\w+", code)) & names, path
