"""The hazard topologies as scripts, named by number: `@T1` … wherever a script goes.

Each file begins with what it is about and how it must end.  Topologies with kinds that the model
has no driver for (vlan, macsec, vxlan, hsr) are not here.
"""

from __future__ import annotations

from importlib import resources

from ...iproute.script_error import ScriptError, nearest

__all__ = ["about", "topology", "topology_names"]

SUFFIX = ".ip"


def topology_names() -> list[str]:
    """All names, `T1` first."""
    names = [
        entry.name.removesuffix(SUFFIX)
        for entry in resources.files(__name__).iterdir()
        if entry.name.endswith(SUFFIX)
    ]
    return sorted(
        names, key=lambda n: (int("".join(c for c in n.partition("-")[0] if c.isdigit())), n)
    )


def about(source: str) -> str:
    """`@T2: crossed pairs: …` for the name of a topology; empty for any other source."""
    if not source.startswith("@") or source[1:] not in topology_names():
        return ""
    lines = topology(source[1:]).splitlines()
    words = [line.removeprefix("#").strip() for line in lines if line.startswith("# ")]
    name, _, rest = (words or [""])[0].partition(" ")
    return f"{source}: {rest if name == source[1:] else ' '.join(words[:1])}"


def topology(name: str) -> str:
    """The text of `@name`. Raises: ScriptError."""
    names = topology_names()
    if name not in names:
        raise ScriptError(
            "no such topology",
            source=f"@{name}",
            hint=nearest(name, names),
            expected=", ".join(f"@{n}" for n in names),
        )
    return resources.files(__name__).joinpath(name + SUFFIX).read_text(encoding="utf-8")
