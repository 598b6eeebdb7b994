"""The mutants that sharpness is measured with: how they are made, which a build has, who reaches
them, and that a search distinguishes a broken kernel from a sound one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from rtnl_model.lab.builds import built
from rtnl_model.lab.model_run import ModelSetting
from rtnl_model.lab.mutants import CLASSES, Mutant, lock_class, mutants
from rtnl_model.lab.reach import script_names

PROGRAM = """
import json
from benchmarks.crew import crew
from benchmarks.sharpness import CONTROL, Task, judge
from rtnl_model.lab.mutants import Mutant, lock_class, mutants
from rtnl_model.lab.reach import reaching

def mutant(kind, function):
    return next(m for m in mutants() if m.kind == kind and m.function == function)

asked = [
    mutant("lock", "DevLinks.adjacent_insert"),
    mutant("put", "DevLinks.adjacent_remove"),
    mutant("assertion", "DevLinks.netdev_upper_dev_link"),
    lock_class("netdev_adjacent_lock"),
    Mutant(CONTROL, "", "nothing", 0, ""),
]
tasks = [Task(each, "pernet", ("T17",), 1, frozenset()) for each in asked]
caught = {}
for number, verdict in crew(judge, tasks, processes=1, seconds=250):
    caught[number] = None if verdict is None else verdict.caught  # None: no verdict in time
((_, seen),) = crew(lambda name: reaching("pernet", [name]), ["T17"], processes=1, seconds=250)
print(json.dumps({
    "caught": [caught[n] for n in range(len(tasks))],
    "places": sorted(seen["T17"].places),
    "findings": sorted(seen["T17"].findings),
}))
"""


@pytest.fixture(scope="module")
def judged() -> Any:
    """Four mutants and a whole kernel, judged in processes of their own; what T17 reaches."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=280
    )
    return json.loads(done.stdout)


def of(kind: str, function: str) -> Mutant:
    """The first mutant of that kind in a function."""
    return next(m for m in mutants() if m.kind == kind and m.function == function)


def test_every_class_of_mutants_is_made_and_named_once() -> None:
    """From the source alone; a name says kind, place and what goes."""
    found = mutants()
    names = [mutant.name for mutant in found]

    assert {mutant.kind for mutant in found} == set(CLASSES) - {"lock class"}
    assert len(set(names)) == len(names)
    assert all(mutant.file and mutant.line and mutant.what for mutant in found)


def test_a_missing_lock_put_or_class_is_caught_and_an_assertion_reached(judged: Any) -> None:
    """With one script; the whole kernel, searched the same way, has no finding."""
    assert judged["caught"] == [True, True, True, True, False]


def test_a_script_reaches_places_functions_and_lock_classes(judged: Any) -> None:
    """T17 links and unlinks an ipvlan; it makes no macsec."""
    places = judged["places"]

    assert of("lock", "DevLinks.adjacent_insert").name in places
    assert "DevLinks.adjacent_insert" in places
    assert lock_class("&port->pnodes_lock").name in places
    assert not any("macsec_pernet" in place for place in places)
    assert judged["findings"] == []


@pytest.mark.parametrize(
    ("kind", "function", "builds"),
    [
        ("hold", "Regime.hold_memory", set()),  # small has no caller, pernet one of its own
        ("wait", "Rcu.wait_for_readers", {"pernet", "small"}),
        ("wait", "Kernel.wait_unregistered", {"pernet", "small"}),
        ("wait", "RtnlLinkOps.rtnl_link_unregister_rest", {"pernet"}),  # called behind has_rtnl
        ("wait", "RtnlLinkOps.rtnl_lock_unregistering_all", {"small"}),  # behind has_rtnl
        ("lock", "OneDecision.dellink", {"pernet"}),  # a fix
        ("hold", "Amt.newlink", {"small"}),  # not converted, so refused
        ("lock", "DevLinks.adjacent_insert", {"pernet", "small"}),
        ("lock", "Ipvlan.list_add", {"small"}),  # its only caller is replaced by a fix
        ("lock", "LockedL3s.ipvlan_register_nf_hook", {"pernet"}),  # a class that a fix uses
    ],
)
def test_the_code_says_which_build_has_a_mutant(kind: str, function: str, builds: set[str]) -> None:
    """Whatever a run happens to reach."""
    assert {regime for regime in ("pernet", "small") if built(of(kind, function), regime)} == builds


def test_scripts_are_of_kinds_that_the_build_has() -> None:
    """Topologies, catalogue pages and drawn ones, none of which needs a kind that is refused."""
    small = script_names(ModelSetting(rtnl="small"))
    pernet = script_names(ModelSetting(rtnl="pernet"))

    assert {"T2", "G.25", "drawn-0"} <= set(small)
    assert set(small) - set(pernet) == {"G.27", "T49"}  # amt, hsr
