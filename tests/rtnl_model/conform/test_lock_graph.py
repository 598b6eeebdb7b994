"""The model's lock graph against the real kernel's, class by class and edge by edge.

The kernel's graph is its own lockdep's after 74 scenarios in one boot; ours is the union over every
recorded scenario in `small --workers percpu`.  Instance locks of all drivers are one class here, as
in the recording's `group_*` fields.
"""

from __future__ import annotations

import json
from functools import cache

from rtnl_model.lab.conform import left_out
from rtnl_model.lab.model_run import ModelSetting, link_kinds

from .runs import LOGICAL, UNKNOWN, Edge, ahead, run, scripts, text

FILES = ("scenarios", "scenarios-topologies", "scenarios-netkit", "scenarios-random-all",
         "scenarios-random-modelled")  # fmt: skip
INSTANCE = "netdev instance lock"
OURS = {"bareudp.lock": "&bn->lock", "geneve.lock": "&gn->lock"}
"""Our name of a class -> the kernel's."""

UNKNOWN_TO_THE_KERNEL: dict[Edge, str] = {
    ("&net->dev_unreg_lock", "&net->dev_unreg_lock"): (
        "two of them, by address, when a pending device moves: the kernel's second one is a "
        "subclass (…/1), ours has an order function"
    ),
    ("(work_completion)(&net->rtnl_work)", "&port->pnodes_lock"): (
        "a work that unregisters an ipvlan's lower: only in the scenarios that hang, whose guest "
        "was thrown away with its graph"
    ),
    ("(wq_completion)rtnl_net", "&port->pnodes_lock"): "the same, seen from the work queue",
    (INSTANCE, INSTANCE): (
        "virtual before physical, in a queue lease: recorded by another boot, not in this graph"
    ),
    ("&ops->srcu", "rcu_state.barrier_mutex"): (
        "a creation that fails after it registered a device: not among the 74 scenarios"
    ),
}
"""Edges of ours that the kernel's graph lacks, and why that is no contradiction."""


def name_of(name: str) -> str:
    """The kernel's name of one of our classes."""
    if name.startswith(("&dev_instance_lock_key", "&dev->lock")):
        return INSTANCE
    return OURS.get(name, name)


@cache
def model_graph() -> tuple[frozenset[str], frozenset[Edge]]:
    """Classes, and every pair (held, taken) of every chain, over all scenarios."""
    classes: set[str] = set()
    edges: set[Edge] = set()
    kinds = link_kinds(ModelSetting())
    calls = [
        (LOGICAL, file, script.name, "small", "percpu")
        for file in FILES
        for script in scripts(file).values()
        if not left_out(script, kinds, UNKNOWN)
    ]
    ahead(calls)
    for done in (run(*call) for call in calls):
        classes.update(map(name_of, done.classes))
        edges.update((name_of(a), name_of(b)) for a, b in done.edges)
    return frozenset(classes), frozenset(edges)


def kernel_graph() -> tuple[frozenset[str], frozenset[Edge], frozenset[Edge]]:
    """Classes, chain edges and direct edges of the recording."""
    graph = json.loads(text("kernel-lock-graph"))
    chains = frozenset((a, b) for a, b, _count in graph["group_chain_edges"])
    direct = frozenset((a, b) for a, b in graph["group_edges"])
    return frozenset(name for edge in chains | direct for name in edge), chains, direct


def test_the_classes_have_the_kernels_names() -> None:
    """The locks of the series are there under the names that lockdep shows."""
    classes, _edges = model_graph()
    theirs, _chains, _direct = kernel_graph()

    assert classes & theirs >= {
        "rtnl_mutex", "&net->rtnl_mutex", "pernet_ops_rwsem", "&net->dev_unreg_lock",
        "&port->pnodes_lock", "&bn->lock", "&gn->lock", INSTANCE,
        "(wq_completion)rtnl_net", "(work_completion)(&net->rtnl_work)",
    }  # fmt: skip


def test_no_edge_is_unknown_to_the_kernel() -> None:
    """Among the classes both have, what the model holds while it takes another, the kernel does."""
    _classes, edges = model_graph()
    theirs, chains, _direct = kernel_graph()
    unknown = {edge for edge in edges if set(edge) <= theirs and edge not in chains}

    assert unknown == set(UNKNOWN_TO_THE_KERNEL)


def test_every_direct_edge_of_the_kernel_is_seen() -> None:
    """Among the classes that both take, each direct dependency shows in the model too."""
    _classes, edges = model_graph()
    _theirs, _chains, direct = kernel_graph()
    taken = {name for edge in edges for name in edge}
    missing = {edge for edge in direct if set(edge) <= taken and edge not in edges}

    assert missing == set()
