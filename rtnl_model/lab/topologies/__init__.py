"""The hazard topologies as scripts, named by number: `@T1` … wherever a script goes.

Each file begins with what it is about and how it must end.  Topologies with kinds that the model
has no driver for (vlan, macsec, vxlan, hsr) are not here.
"""

from __future__ import annotations

from importlib import resources

from ...iproute.script_error import ScriptError, nearest

__all__ = ["topology", "topology_names"]

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
