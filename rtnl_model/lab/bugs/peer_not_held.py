"""veth exchanges its pointers but holds no reference on the peer: hazard 4."""

from __future__ import annotations

from typing import Any

from .entry import Entry, Expected, Setting

__all__ = ["ENTRY"]


def no_holds(base: Any) -> Any:
    """The pointers are exchanged, nothing keeps the other end alive."""

    class Veth(base):  # type: ignore[misc]
        def hold_peer(self, peer: Any) -> None:
            """No reference."""

        def put_peer(self, dev: Any, peer: Any) -> None:
            """Nothing to drop."""

        def put_back(self, peer: Any, back: Any) -> None:
            """Nothing to drop."""

        def unpublish(self, dev: Any) -> None:
            """Nothing to drop."""
            dev.priv.peer.xchg(None)

    return Veth


ENTRY = Entry(
    id="peer-not-held",
    title="veth takes the peer's pointer without a reference that comes with it",
    kind="hazard",
    what="Between the exchange of its own pointer and that of the peer's, nothing keeps the peer.",
    interleaving="T1 takes the pointer to the peer; T2, in the peer's namespace, deletes and"
    " frees the peer; T1 exchanges the pointer in the peer's private area",
    symptom="use after free",
    source="d7fda2c776b2 (patch 8); kernel-core hazard 4",
    scenario="""
ip netns add left
ip netns add right
ip -n left link add end0 type veth peer name end1 netns right
ip -n left link del end0 & ip -n right link del end1 & wait
""",
    expected=(Expected("invariant", "use after free"),),
    setting=Setting(regime="pernet"),
    classes={"links.veth": no_holds},
    also=("G.16",),
    search="explore",
    rounds=1500,
)
